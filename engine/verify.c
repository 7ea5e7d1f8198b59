/*
 * verify: whether what a renderer wrote is what was asked. Every input is decoded whole; what is
 * wrong with one is said beside it, so that one ticket can tell of all frames of a sequence.
 *
 * assemble: the inputs are the tiles of one frame (engine/grid).
 */
#include "engine/exr.h"
#include "engine/output.h"
#include "engine/picture.h"
#include "engine/whole.h"

#include <errno.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- verify

static bool wrong(struct error *err, const char *name, const char *why, ...) PRINTF_LIKE(3, 4);
static bool wrong(struct error *err, const char *name, const char *why, ...)
{
    char text[400];
    va_list list;
    va_start(list, why);
    vsnprintf(text, sizeof(text), why, list);
    va_end(list);
    error_set(err, ERROR_OUTPUT, "%s is not what was asked", name);
    return error_why(err, "%s", text);
}

// What is put together is written as it came.
static const AVCodec *writer_of(enum AVCodecID codec)
{
    static const enum AVCodecID lossless[] = {AV_CODEC_ID_PNG, AV_CODEC_ID_TIFF, AV_CODEC_ID_DPX,
                                              AV_CODEC_ID_TARGA, AV_CODEC_ID_BMP};
    for (size_t i = 0; i < sizeof(lossless) / sizeof(lossless[0]); i++)
        if (lossless[i] == codec)
            return avcodec_find_encoder(codec);
    return NULL;
}

// The first tile tells, not the last one of a thousand.
static bool fit_for_a_frame(const struct ticket *t, const char *name, enum AVCodecID codec,
                            const struct whole *l, struct error *err)
{
    bool exr = codec == AV_CODEC_ID_EXR;
    if (!json_is_true(json_object_get(t->asked, "tile")) ||
        (exr ? !l->no_tile : writer_of(codec) != NULL))
        return true;
    wrong(err, name, "it can not be put together with others to a frame: %s",
          exr ? l->no_tile : "its format loses, or is not written here");
    return error_fix(err, "render tiles as OpenEXR without DWA, PNG, TIFF, DPX, TGA or BMP");
}

static bool as_asked(const struct ticket *t, const char *name, const struct whole *l,
                     struct error *err)
{
    const json_t *asked = t->asked;
    int64_t width = json_integer_value(json_object_get(asked, "width"));
    int64_t height = json_integer_value(json_object_get(asked, "height"));
    const char *nan = json_string_value(json_object_get(asked, "nan"));
    if ((width && width != l->width) || (height && height != l->height))
        return wrong(err, name, "it is %lld x %lld; asked was %lld x %lld", (long long)l->width,
                     (long long)l->height, (long long)(width ? width : l->width),
                     (long long)(height ? height : l->height));
    if (l->odd && nan && strcmp(nan, "refuse") == 0)
        return wrong(err, name, "%lld samples are NaN or infinite, the first in %s; asked was none",
                     (long long)l->odd, l->odd_at);
    if (!json_is_true(json_object_get(asked, "not_black")))
        return true;
    if (!l->opaque)
        return wrong(err, name, "it is transparent everywhere; asked was a picture that is not");
    return l->lit || wrong(err, name, "it is black everywhere; asked was a picture that is not");
}

static bool verify_one(const struct ticket *t, size_t i, json_t *row, struct error *err)
{
    struct whole l = {.form = BUF_LIMIT(1 << 20)};
    enum AVCodecID codec = AV_CODEC_ID_NONE;
    bool picture = false;
    const struct ticket_input *input = &t->inputs[i];
    bool ok = (input->size > 0 || wrong(err, input->name, "it is empty")) &&
              whole_is_picture(i, input, &picture, &codec, err);
    if (ok && !picture && t->input_count > 1)
        ok = wrong(err, input->name, "it is no picture");
    ok = ok && (picture ? whole_picture(i, input, codec, &l, err) : whole_movie(t, &l, err));
    if (ok) {
        json_object_set_new(row, "width", json_integer(l.width));
        json_object_set_new(row, "height", json_integer(l.height));
        json_object_set_new(row, "form", json_string(l.form.at ? l.form.at : ""));
    }
    ok = ok && as_asked(t, input->name, &l, err) &&
         (!picture || fit_for_a_frame(t, input->name, codec, &l, err));
    if (ok && t->output && t->input_count == 1) { // whoever asked wants to see it, too
        struct error ignored;
        json_t *facts = NULL;
        if (probe_and_look(t, &facts, &ignored))
            json_decref(facts);
    }
    buf_free(&l.form);
    return ok;
}

bool verify(const struct ticket *t, json_t **result, struct error *err)
{
    json_t *frames = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < t->input_count; i++) {
        json_t *row = json_pack("{s:s}", "name", t->inputs[i].name);
        json_array_append_new(frames, row);
        if (!verify_one(t, i, row, err)) {
            // What is wrong with the bytes is an answer; that they can not be read is none.
            ok = err->kind == ERROR_OUTPUT || err->kind == ERROR_DAMAGED ||
                 err->kind == ERROR_UNSUPPORTED || err->kind == ERROR_TOO_BIG;
            json_object_set_new(row, "problem",
                                json_pack("{s:s, s:s}", "what", err->what, "why", err->why));
        }
        door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)i + 1, "total",
                           (json_int_t)t->input_count, "unit", "frames"));
    }
    *result = ok ? json_pack("{s:O}", "frames", frames) : NULL;
    json_decref(frames);
    return ok;
}

// ---- assemble

struct mosaic {
    const struct ticket *t;
    const struct grid *grid;
    AVFrame **tiles;
    struct box *boxes; // of each tile in the frame
    AVFrame *whole;
};

static bool differs(const struct mosaic *m, size_t i, const char *what, struct error *err)
{
    error_set(err, ERROR_DAMAGED, "the tiles can not be put together");
    return error_why(err, "%s and %s have different %s", m->t->inputs[0].name, m->t->inputs[i].name,
                     what);
}

static bool decode_tiles(struct mosaic *m, enum AVCodecID *codec, struct error *err)
{
    for (size_t i = 0; i < m->t->input_count; i++) {
        enum AVCodecID its;
        bool picture;
        if (!whole_is_picture(i, &m->t->inputs[i], &picture, &its, err))
            return false;
        if (!picture || (i && its != *codec))
            return differs(m, i, "formats", err);
        *codec = its;
        if (!whole_decode(i, &m->t->inputs[i], its, &m->tiles[i], err))
            return false;
        if (m->tiles[i]->format != m->tiles[0]->format)
            return differs(m, i, "pixel formats", err);
        m->boxes[i] = (struct box){0, 0, m->tiles[i]->width, m->tiles[i]->height};
    }
    return true;
}

static bool lay_out(struct mosaic *m, struct box *whole, struct error *err)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(m->tiles[0]->format);
    if (!d || d->log2_chroma_w || d->log2_chroma_h ||
        (d->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM))) {
        error_set(err, ERROR_UNSUPPORTED, "the tiles can not be put together");
        error_why(err, "their pixels (%s) are not whole bytes each", d ? d->name : "?");
        return error_fix(err, "render to OpenEXR, or to PNG or TIFF in RGB, RGBA or grey");
    }
    if (m->grid->crop == GRID_WINDOW) {
        error_set(err, ERROR_INPUT, "the tiles can not be put together");
        return error_why(err, "only OpenEXR files say by themselves where they lie");
    }
    if (m->grid->crop == GRID_PART)
        return grid_lay(m->grid, m->boxes, whole, err);
    *whole = m->boxes[0];
    for (size_t i = 0; i < m->t->input_count; i++) {
        if (m->boxes[i].width != whole->width || m->boxes[i].height != whole->height)
            return differs(m, i, "sizes", err);
        m->boxes[i] = grid_box(m->grid, i, whole->width, whole->height);
    }
    return true;
}

static void copy_tile(struct mosaic *m, size_t i)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(m->whole->format);
    const struct box *b = &m->boxes[i];
    int64_t from_x = m->grid->crop == GRID_WHOLE ? b->x : 0;
    int64_t from_y = m->grid->crop == GRID_WHOLE ? b->y : 0;
    for (int plane = 0; plane < av_pix_fmt_count_planes(m->whole->format); plane++) {
        int step = 0;
        for (int k = 0; k < d->nb_components; k++)
            if (d->comp[k].plane == plane)
                step = d->comp[k].step;
        for (int64_t y = 0; y < b->height; y++)
            memcpy(m->whole->data[plane] + (b->y + y) * m->whole->linesize[plane] + b->x * step,
                   m->tiles[i]->data[plane] + (from_y + y) * m->tiles[i]->linesize[plane] +
                       from_x * step,
                   (size_t)(b->width * step));
    }
}

static bool encode_whole(const struct mosaic *m, enum AVCodecID codec, int file, int64_t *size,
                         struct error *err)
{
    const AVCodec *encoder = writer_of(codec);
    AVCodecContext *c = encoder ? avcodec_alloc_context3(encoder) : NULL;
    AVPacket *p = av_packet_alloc();
    bool ok = c != NULL;
    if (ok) {
        c->width = m->whole->width;
        c->height = m->whole->height;
        c->pix_fmt = m->whole->format;
        c->time_base = (AVRational){1, 24};
        c->color_range = m->whole->color_range;
        c->thread_count = 1;
        m->whole->pts = 0;
        ok = avcodec_open2(c, NULL, NULL) >= 0 && avcodec_send_frame(c, m->whole) >= 0 &&
             avcodec_send_frame(c, NULL) >= 0 && avcodec_receive_packet(c, p) >= 0;
    }
    if (!ok) {
        error_set(err, ERROR_UNSUPPORTED, "the tiles can not be put together");
        error_why(err, "%s with pixels %s is not written here", avcodec_get_name(codec),
                  av_get_pix_fmt_name(m->whole->format));
        error_fix(err, "render to OpenEXR, PNG or TIFF");
    }
    *size = p->size;
    ok = ok && output_write(file, p->data, (size_t)p->size, 0, err);
    av_packet_free(&p);
    avcodec_free_context(&c);
    return ok;
}

static bool assemble_pictures(const struct ticket *t, const struct grid *grid, int file,
                              struct whole *made, struct error *err)
{
    struct mosaic m = {.t = t, .grid = grid};
    enum AVCodecID codec = AV_CODEC_ID_NONE;
    struct box whole = {0};
    int64_t size = 0;
    m.tiles = calloc(t->input_count, sizeof(*m.tiles));
    m.boxes = calloc(t->input_count, sizeof(*m.boxes));
    bool ok = (m.tiles && m.boxes) || error_set(err, ERROR_TOO_BIG, "no memory for the tiles");
    ok = ok && decode_tiles(&m, &codec, err) && lay_out(&m, &whole, err);
    if (ok) {
        ok = whole.width <= MEDIA_SIDE_PX && whole.height <= MEDIA_SIDE_PX &&
             (m.whole = frame_new(m.tiles[0]->format, (int)whole.width, (int)whole.height)) &&
             av_frame_copy_props(m.whole, m.tiles[0]) >= 0;
        ok = ok || error_set(err, ERROR_TOO_BIG, "no memory for %s", t->output);
    }
    for (size_t i = 0; ok && i < t->input_count; i++)
        copy_tile(&m, i);
    ok = ok && encode_whole(&m, codec, file, &size, err);
    if (ok) {
        made->width = whole.width;
        made->height = whole.height;
        buf_format(&made->form, "%s %s", avcodec_get_name(codec),
                   av_get_pix_fmt_name(m.whole->format));
    }
    for (size_t i = 0; m.tiles && i < t->input_count; i++)
        av_frame_free(&m.tiles[i]);
    av_frame_free(&m.whole);
    free(m.tiles);
    free(m.boxes);
    return ok;
}

bool assemble(const struct ticket *t, json_t **result, struct error *err)
{
    struct whole made = {.form = BUF_LIMIT(1 << 20)};
    struct grid grid;
    enum AVCodecID codec = AV_CODEC_ID_NONE;
    bool picture;
    int file = -1;
    bool ok = grid_parse(t->grid, t->input_count, &grid, err) &&
              whole_is_picture(0, &t->inputs[0], &picture, &codec, err) &&
              output_open(t->output, &file, err);
    if (ok && codec == AV_CODEC_ID_EXR) {
        struct exr_seen seen;
        ok = exr_assemble(t, &grid, file, &seen, err);
        made.width = seen.width;
        made.height = seen.height;
        made.form = seen.form;
    } else if (ok) {
        ok = assemble_pictures(t, &grid, file, &made, err);
    }
    off_t size = ok ? lseek(file, 0, SEEK_END) : 0;
    ok = ok && (fsync(file) == 0 || error_errno(err, errno, "cannot make %s durable", t->output));
    if (ok)
        *result = json_pack("{s:{s:s, s:I}, s:I, s:I, s:s}", "output", "name", t->output, "size",
                            (json_int_t)size, "width", (json_int_t)made.width, "height",
                            (json_int_t)made.height, "form", made.form.at ? made.form.at : "");
    if (file >= 0)
        close(file);
    buf_free(&made.form);
    return ok;
}
