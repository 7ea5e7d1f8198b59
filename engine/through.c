#include "engine/through.h"
#include "tickets/door.h"

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

struct rows {
    const struct colour *c;
    const AVFrame *from;
    AVFrame *to;
    int first, end;
};

static void *make_rows(void *context)
{
    const struct rows *r = context;
    bool floats = through_wants_floats(r->from);
    for (int y = r->first; y < r->end; y++) {
        const uint8_t *at[3];
        for (int i = 0; i < (floats ? 3 : 1); i++)
            at[i] = r->from->data[i] + (ptrdiff_t)y * r->from->linesize[i];
        uint8_t *to = r->to->data[0] + (ptrdiff_t)y * r->to->linesize[0];
        if (floats) // planes are green, blue, red
            colour_row_light(r->c,
                             (const float *const[3]){(const float *)(const void *)at[2],
                                                     (const float *)(const void *)at[0],
                                                     (const float *)(const void *)at[1]},
                             to, (size_t)r->to->width);
        else
            colour_row(r->c, (const uint16_t *)(const void *)at[0], to, (size_t)r->to->width);
    }
    return NULL;
}

// Halves, by two threads: somebody may be waiting for it.
void through_make(const struct colour *c, const AVFrame *from, AVFrame *to)
{
    struct rows upper = {c, from, to, 0, to->height / 2}, lower = upper;
    pthread_t other;
    lower.first = upper.end, lower.end = to->height;
    bool two = pthread_create(&other, NULL, make_rows, &upper) == 0;
    if (!two)
        make_rows(&upper);
    make_rows(&lower);
    if (two)
        pthread_join(other, NULL);
}
