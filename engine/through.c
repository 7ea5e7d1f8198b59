#include "engine/through.h"
#include "tickets/door.h"

#include <libavutil/pixdesc.h>
#include <pthread.h>
#include <string.h>

bool through_open(const struct ticket *t, struct colour **c, struct error *err)
{
    struct buf bytes = BUF_LIMIT(LUT_FILE_BYTES);
    struct input *in = NULL;
    struct lut l = {0};
    size_t got = 0, number = t->input_count;
    *c = NULL;
    if (!t->transform || t->kind == TICKET_BAKE)
        return true;
    int64_t size = t->inputs[number].size;
    char *room = size < LUT_FILE_BYTES ? buf_reserve(&bytes, (size_t)size + 1) : NULL;
    bool done = (room || error_set(err, ERROR_TOO_BIG, "the viewing transform is too large")) &&
                input_open(number, size, &in, err) &&
                input_read(in, 0, room, (size_t)size, &got, err) &&
                lut_unpack((text){room, got}, &l, err);
    if (done)
        *c = colour_open(&l);
    if (done && !*c)
        done = error_set(err, ERROR_TOO_BIG, "no memory for the viewing transform");
    lut_free(&l);
    input_close(in);
    buf_free(&bytes);
    return done;
}

bool through_wants_floats(const AVFrame *from)
{
    return from->format == AV_PIX_FMT_GBRPF32LE || from->format == AV_PIX_FMT_GBRAPF32LE;
}

// ---- in two halves, by two threads: somebody may be waiting for it

struct rows {
    const struct colour *c;
    const struct colour_codes *codes; // NULL: to R'G'B'
    const AVFrame *from;
    AVFrame *to;
    bool full;
    int first, end;
};

static const void *line_of(const AVFrame *f, int plane, int y)
{
    return f->data[plane] + (ptrdiff_t)y * f->linesize[plane];
}

static void make_flat(const struct rows *r)
{
    bool floats = through_wants_floats(r->from);
    for (int y = r->first; y < r->end; y++) {
        uint8_t *to = r->to->data[0] + (ptrdiff_t)y * r->to->linesize[0];
        if (floats) // planes are green, blue, red
            colour_row_light(r->c,
                             (const float *const[3]){line_of(r->from, 2, y), line_of(r->from, 0, y),
                                                     line_of(r->from, 1, y)},
                             to, (size_t)r->to->width);
        else
            colour_row(r->c, line_of(r->from, 0, y), to, (size_t)r->to->width);
    }
}

// A line of 4:2:0 lies a quarter of the way between two lines of its chroma.
static struct colour_line line_at(const struct rows *r, int y)
{
    const AVFrame *f = r->from;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    if (r->codes->floats)
        return (struct colour_line){.at = {line_of(f, 2, y), line_of(f, 0, y), line_of(f, 1, y)}};
    int near = y >> d->log2_chroma_h, far = y & 1 ? near + 1 : near - 1;
    int last = AV_CEIL_RSHIFT(f->height, d->log2_chroma_h) - 1;
    struct colour_line l = {.at = {line_of(f, 0, y), line_of(f, 1, near), line_of(f, 2, near)}};
    far = far < 0 ? 0 : far > last ? last : far;
    for (int i = 1; i < 3 && d->log2_chroma_h; i++)
        l.far[i] = line_of(f, i, far);
    return l;
}

static void make_codes(const struct rows *r)
{
    for (int y = r->first; y < r->end; y += 2) {
        AVFrame *to = r->to;
        struct colour_line lines[2] = {line_at(r, y), line_at(r, y + 1)};
        struct colour_pair pair = {
            .y = {to->data[0] + (ptrdiff_t)y * to->linesize[0],
                  to->data[0] + (ptrdiff_t)(y + 1) * to->linesize[0]},
            .cb = to->data[1] + (ptrdiff_t)(y / 2) * to->linesize[1],
            .cr = to->data[2] + (ptrdiff_t)(y / 2) * to->linesize[2],
            .full = r->full,
        };
        colour_pair(r->c, r->codes, lines, &pair, to->width);
    }
}

static void *make_rows(void *context)
{
    const struct rows *r = context;
    (r->codes ? make_codes : make_flat)(r);
    return NULL;
}

static void make_halves(struct rows *all)
{
    struct rows upper = *all, lower = *all;
    pthread_t other;
    upper.end = lower.first = all->end / 4 * 2; // of whole pairs
    bool two = pthread_create(&other, NULL, make_rows, &upper) == 0;
    if (!two)
        make_rows(&upper);
    make_rows(&lower);
    if (two)
        pthread_join(other, NULL);
}

void through_make(const struct colour *c, const AVFrame *from, AVFrame *to)
{
    make_halves(&(struct rows){.c = c, .from = from, .to = to, .end = to->height});
}

void through_codes(const struct colour *c, const struct colour_codes *codes, const AVFrame *from,
                   AVFrame *to, bool full)
{
    make_halves(&(struct rows){
        .c = c, .codes = codes, .from = from, .to = to, .full = full, .end = to->height});
}
