#include "engine/convert.h"
#include "engine/picture.h"

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zimg.h>

#if defined(__x86_64__)
#define PROCESSOR ZIMG_CPU_X86_SSE2 // every one of them has it
#else
#define PROCESSOR ZIMG_CPU_NONE
#endif
enum { ALIGNED = 32 };

struct graph {
    zimg_filter_graph *graph;
    void *room;
};
struct conversion {
    struct conversion_wish wish;
    struct SwsContext *unpack;
    int width, height, format, location; // of the frames that the graphs are for
    struct graph graphs[3];              // of whole frames, of top and of bottom fields
};

struct conversion *conversion_open(const struct conversion_wish *w)
{
    struct conversion *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->wish = *w;
    c->format = AV_PIX_FMT_NONE;
    return c;
}

static void forget(struct conversion *c)
{
    for (int i = 0; i < 3; i++) {
        zimg_filter_graph_free(c->graphs[i].graph);
        free(c->graphs[i].room);
        c->graphs[i] = (struct graph){0};
    }
}

void conversion_close(struct conversion *c)
{
    if (!c)
        return;
    forget(c);
    sws_freeContext(c->unpack);
    free(c);
}

static bool failed(struct error *err, const AVFrame *f, const char *why)
{
    const char *name = av_get_pix_fmt_name(f->format);
    error_set(err, ERROR_UNSUPPORTED, "a frame can not be converted");
    return error_why(err, "%s, %d x %d: %s", name ? name : "?", f->width, f->height, why);
}

// ---- planes

// Whether each component has a plane of its own, of whole little-endian words.
static bool planar(int format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    const uint64_t bad = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                         AV_PIX_FMT_FLAG_HWACCEL;
    if (!d || (d->flags & bad) || d->nb_components == 2)
        return false;
    for (int i = 0; i < d->nb_components; i++) {
        int bytes = d->flags & AV_PIX_FMT_FLAG_FLOAT ? 4 : d->comp[i].depth > 8 ? 2 : 1;
        if (d->comp[i].shift || d->comp[i].step != bytes || d->comp[i].offset)
            return false;
        for (int k = 0; k < i; k++)
            if (d->comp[k].plane == d->comp[i].plane)
                return false;
    }
    return true;
}

static AVFrame *unpacked(struct conversion *c, const AVFrame *from)
{
    static const enum AVPixelFormat forms[] = {
        AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P,   AV_PIX_FMT_YUV420P10,
        AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV422P12, AV_PIX_FMT_YUV444P12,
        AV_PIX_FMT_YUV420P16, AV_PIX_FMT_YUV422P16, AV_PIX_FMT_YUV444P16, AV_PIX_FMT_GBRP,
        AV_PIX_FMT_GBRP16,    AV_PIX_FMT_GBRAP,     AV_PIX_FMT_GBRAP16,   AV_PIX_FMT_GRAY8,
        AV_PIX_FMT_GRAY16,    AV_PIX_FMT_NONE};
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from->format);
    bool alpha = d && (d->flags & AV_PIX_FMT_FLAG_ALPHA);
    int loss = 0;
    enum AVPixelFormat format =
        avcodec_find_best_pix_fmt_of_list(forms, from->format, alpha, &loss);
    AVFrame *to = frame_new(format, from->width, from->height);
    c->unpack =
        sws_getCachedContext(c->unpack, from->width, from->height, from->format, to->width,
                             to->height, format, SWS_POINT | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (to && (!c->unpack || av_frame_copy_props(to, from) < 0 ||
               sws_scale(c->unpack, (const uint8_t *const *)from->data, from->linesize, 0,
                         from->height, to->data, to->linesize) != to->height))
        av_frame_free(&to);
    return to;
}

static bool aligned(const AVFrame *f)
{
    for (int i = 0; i < 4 && f->data[i]; i++)
        if (((uintptr_t)f->data[i] | (uintptr_t)f->linesize[i]) % ALIGNED)
            return false;
    return true;
}

static AVFrame *readable(struct conversion *c, const AVFrame *from)
{
    if (!planar(from->format))
        return unpacked(c, from);
    if (aligned(from))
        return av_frame_clone(from);
    AVFrame *to = frame_new(from->format, from->width, from->height);
    if (to && (av_frame_copy(to, from) < 0 || av_frame_copy_props(to, from) < 0))
        av_frame_free(&to);
    return to;
}

// ---- what zimg is told

static void shape_of(zimg_image_format *z, int format, int width, int height)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    zimg_image_format_default(z, ZIMG_API_VERSION);
    z->width = (unsigned)width, z->height = (unsigned)height;
    z->subsample_w = d->log2_chroma_w, z->subsample_h = d->log2_chroma_h;
    z->depth = (unsigned)d->comp[0].depth;
    z->pixel_type = d->flags & AV_PIX_FMT_FLAG_FLOAT ? ZIMG_PIXEL_FLOAT
                    : d->comp[0].depth > 8           ? ZIMG_PIXEL_WORD
                                                     : ZIMG_PIXEL_BYTE;
    z->color_family = d->flags & AV_PIX_FMT_FLAG_RGB ? ZIMG_COLOR_RGB
                      : d->nb_components == 1        ? ZIMG_COLOR_GREY
                                                     : ZIMG_COLOR_YUV;
    z->alpha = d->flags & AV_PIX_FMT_FLAG_ALPHA ? ZIMG_ALPHA_STRAIGHT : ZIMG_ALPHA_NONE;
}

// libav's numbers and zimg's are those of ITU-T H.273.
static int code(int (*from)(const char *), const char *name)
{
    int value = from(name);
    return value < 0 ? 2 : value;
}

// The curves that BT.709, BT.601 and BT.2020 share have four numbers.
static int curve(const char *name)
{
    int value = code(av_color_transfer_from_name, name);
    return value == 6 || value == 14 || value == 15 ? 1 : value;
}

static void colour_of(const struct profile_picture *p, zimg_image_format *from,
                      zimg_image_format *to)
{
    int matrix = code(av_color_space_from_name, p->matrix),
        source = code(av_color_space_from_name, p->source_matrix);
    matrix = matrix == 2 ? (source > 2 || source == 1 ? source : 1) : matrix;
    source = from->color_family == ZIMG_COLOR_RGB ? 0
             : source == 2 || source == 0         ? matrix
                                                  : source;
    from->matrix_coefficients = (zimg_matrix_coefficients_e)source;
    to->matrix_coefficients = (zimg_matrix_coefficients_e)matrix;
    int primaries = code(av_color_primaries_from_name, p->primaries),
        from_primaries = code(av_color_primaries_from_name, p->source_primaries);
    int transfer = curve(p->transfer), from_transfer = curve(p->source_transfer);
    // What is not said is not converted: it is taken for what it is to be.
    from_primaries = from_primaries == 2 ? primaries : from_primaries;
    from_transfer = from_transfer == 2 ? transfer : from_transfer;
    if (primaries == 2 || transfer == 2 ||
        (primaries == from_primaries && transfer == from_transfer))
        return;
    from->color_primaries = (zimg_color_primaries_e)from_primaries;
    to->color_primaries = (zimg_color_primaries_e)primaries;
    from->transfer_characteristics = (zimg_transfer_characteristics_e)from_transfer;
    to->transfer_characteristics = (zimg_transfer_characteristics_e)transfer;
}

static zimg_dither_type_e dither(const struct conversion *c, unsigned from, unsigned to)
{
    if (from <= to || strcmp(c->wish.dither, "none") == 0)
        return ZIMG_DITHER_NONE;
    return strcmp(c->wish.dither, "ordered") == 0 ? ZIMG_DITHER_ORDERED
                                                  : ZIMG_DITHER_ERROR_DIFFUSION;
}

static bool is_full(const struct conversion *c, int format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    return c->wish.picture.source_full || (d->flags & AV_PIX_FMT_FLAG_RGB) ||
           strncmp(d->name, "yuvj", 4) == 0;
}

// `field`: 0 the whole frame, 1 its top field, 2 its bottom one.
static bool build(struct conversion *c, const AVFrame *f, int field)
{
    const struct profile_picture *p = &c->wish.picture;
    int half = field ? 2 : 1;
    zimg_image_format from, to;
    zimg_graph_builder_params how;
    size_t size;
    struct graph *g = &c->graphs[field];
    shape_of(&from, f->format, f->width, f->height / half);
    shape_of(&to, c->wish.format, p->at.width, p->at.height / half);
    colour_of(p, &from, &to);
    from.pixel_range = is_full(c, f->format) ? ZIMG_RANGE_FULL : ZIMG_RANGE_LIMITED;
    to.pixel_range = p->full ? ZIMG_RANGE_FULL : ZIMG_RANGE_LIMITED;
    from.chroma_location = to.chroma_location =
        f->chroma_location > 0 ? (zimg_chroma_location_e)(f->chroma_location - 1)
                               : ZIMG_CHROMA_LEFT;
    from.field_parity = to.field_parity = (zimg_field_parity_e)field;
    from.active_region.left = p->from.x, from.active_region.top = (double)p->from.y / half;
    from.active_region.width = p->from.width;
    from.active_region.height = (double)p->from.height / half;
    zimg_graph_builder_params_default(&how, ZIMG_API_VERSION);
    how.resample_filter = how.resample_filter_uv = ZIMG_RESIZE_SPLINE36;
    how.dither_type = dither(c, from.depth, to.depth);
    how.cpu_type = PROCESSOR;
    g->graph = zimg_filter_graph_build(&from, &to, &how);
    if (!g->graph || zimg_filter_graph_get_tmp_size(g->graph, &size) != ZIMG_ERROR_SUCCESS)
        return false;
    g->room = aligned_alloc(64, (size + 64) & ~(size_t)63);
    return g->room != NULL;
}

static bool ready(struct conversion *c, const AVFrame *f, int field)
{
    if (f->width != c->width || f->height != c->height || f->format != c->format ||
        (int)f->chroma_location != c->location) {
        forget(c);
        c->width = f->width, c->height = f->height;
        c->format = f->format, c->location = f->chroma_location;
    }
    return c->graphs[field].graph || build(c, f, field);
}

static bool process(struct conversion *c, const AVFrame *f, AVFrame *to, int field)
{
    const AVPixFmtDescriptor *a = av_pix_fmt_desc_get(f->format),
                             *b = av_pix_fmt_desc_get(to->format);
    zimg_image_buffer_const in = {.version = ZIMG_API_VERSION};
    zimg_image_buffer out = {.version = ZIMG_API_VERSION};
    int every = field ? 2 : 1, down = field == 2;
    if (!ready(c, f, field))
        return false;
    for (int i = 0; i < a->nb_components; i++) {
        int plane = a->comp[i].plane;
        in.plane[i].data = f->data[plane] + (ptrdiff_t)f->linesize[plane] * down;
        in.plane[i].stride = (ptrdiff_t)f->linesize[plane] * every;
        in.plane[i].mask = ZIMG_BUFFER_MAX;
    }
    for (int i = 0; i < b->nb_components; i++) {
        int plane = b->comp[i].plane;
        out.plane[i].data = to->data[plane] + (ptrdiff_t)to->linesize[plane] * down;
        out.plane[i].stride = (ptrdiff_t)to->linesize[plane] * every;
        out.plane[i].mask = ZIMG_BUFFER_MAX;
    }
    return zimg_filter_graph_process(c->graphs[field].graph, &in, &out, c->graphs[field].room, NULL,
                                     NULL, NULL, NULL) == ZIMG_ERROR_SUCCESS;
}

// ---- frames

static void fill(uint8_t *row, int count, int depth, int value)
{
    if (depth <= 8)
        memset(row, value, (size_t)count);
    else
        for (int x = 0; x < count; x++)
            ((uint16_t *)row)[x] = (uint16_t)value;
}

// Black as the range has it, around the picture.
static AVFrame *padded(const struct conversion *c, const AVFrame *picture)
{
    const struct profile_picture *p = &c->wish.picture;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(c->wish.format);
    AVFrame *to = frame_new(c->wish.format, p->width, p->height);
    for (int i = 0; to && i < d->nb_components; i++) {
        bool chroma = i == 1 || i == 2;
        int depth = d->comp[i].depth, bytes = depth > 8 ? 2 : 1;
        int black = chroma    ? 128 << (depth - 8)
                    : i == 3  ? (1 << depth) - 1
                    : p->full ? 0
                              : 16 << (depth - 8);
        int sx = chroma ? d->log2_chroma_w : 0, sy = chroma ? d->log2_chroma_h : 0;
        int width = AV_CEIL_RSHIFT(to->width, sx), height = AV_CEIL_RSHIFT(to->height, sy);
        int x = p->at.x >> sx, y = p->at.y >> sy;
        int rows = AV_CEIL_RSHIFT(picture->height, sy), row = AV_CEIL_RSHIFT(picture->width, sx);
        for (int k = 0; k < height; k++) {
            uint8_t *at = to->data[i] + (ptrdiff_t)k * to->linesize[i];
            fill(at, width, depth, black);
            if (k >= y && k < y + rows)
                memcpy(at + x * bytes, picture->data[i] + (ptrdiff_t)(k - y) * picture->linesize[i],
                       (size_t)(row * bytes));
        }
    }
    return to;
}

static bool nothing_to_do(const struct conversion *c, const AVFrame *f)
{
    const struct profile_picture *p = &c->wish.picture;
    return f->format == (int)c->wish.format && f->width == p->width && f->height == p->height &&
           p->from.x == 0 && p->from.y == 0 && p->from.width == p->width &&
           p->from.height == p->height && p->at.width == p->width && p->at.height == p->height &&
           is_full(c, f->format) == p->full && strcmp(p->matrix, p->source_matrix) == 0 &&
           strcmp(p->primaries, p->source_primaries) == 0 &&
           curve(p->transfer) == curve(p->source_transfer);
}

AVFrame *conversion_make(struct conversion *c, const AVFrame *from, bool fields, struct error *err)
{
    const struct profile_picture *p = &c->wish.picture;
    if (nothing_to_do(c, from))
        return av_frame_clone(from);
    // Without lines to move, a frame of fields is like any other.
    fields = fields && (p->from.height != p->at.height ||
                        av_pix_fmt_desc_get(from->format)->log2_chroma_h !=
                            av_pix_fmt_desc_get(c->wish.format)->log2_chroma_h);
    AVFrame *f = readable(c, from), *to = frame_new(c->wish.format, p->at.width, p->at.height);
    bool done = f && to;
    for (int field = fields ? 1 : 0; done && field <= (fields ? 2 : 0); field++)
        done = process(c, f, to, field);
    if (!done) {
        char why[256] = "no memory";
        if (f && to)
            zimg_get_last_error(why, sizeof(why));
        failed(err, from, why);
        av_frame_free(&to);
    }
    av_frame_free(&f);
    if (to && (to->width != p->width || to->height != p->height)) {
        AVFrame *whole = padded(c, to);
        av_frame_free(&to);
        to = whole;
        if (!to)
            failed(err, from, "no memory");
    }
    return to;
}
