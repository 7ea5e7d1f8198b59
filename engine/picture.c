#include "engine/picture.h"
#include "engine/through.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR 4096 // steps of the tables that go from signal to light and back

struct shaper {
    struct shape shape;
    struct SwsContext *scale, *back;
    float *to_light;    // signal 0..1 in LINEAR steps
    uint8_t *to_signal; // light 0..1, square root spaced, as 8-bit BT.709
    int transfer;
};

AVFrame *frame_new(int format, int width, int height)
{
    AVFrame *f = av_frame_alloc();
    f->format = format, f->width = width, f->height = height;
    if (av_frame_get_buffer(f, 0) < 0)
        av_frame_free(&f);
    return f;
}

void picture_fit(int width, int height, int most_w, int most_h, int *w, int *h)
{
    if ((int64_t)width * most_h >= (int64_t)height * most_w) {
        *w = width < most_w ? width : most_w;
        *h = (int)((int64_t)height * *w / width);
    } else {
        *h = height < most_h ? height : most_h;
        *w = (int)((int64_t)width * *h / height);
    }
    *w = *w < 16 ? 16 : *w & ~1;
    *h = *h < 16 ? 16 : *h & ~1;
}

struct shaper *shaper_open(const struct shape *shape)
{
    struct shaper *s = calloc(1, sizeof(*s));
    s->shape = *shape;
    s->transfer = -1;
    return s;
}

void shaper_close(struct shaper *s)
{
    if (!s)
        return;
    sws_freeContext(s->scale);
    sws_freeContext(s->back);
    free(s->to_light);
    free(s->to_signal);
    free(s);
}

// ---- fields

#define DEINTERLACE(name, type, shift)                                                             \
    static void name(uint8_t *plane, ptrdiff_t stride, int width, int height, int second)          \
    {                                                                                              \
        int limit = 12 << (shift);                                                                 \
        for (int y = second ? 1 : 2; y + 1 < height; y += 2) {                                     \
            const type *above = (const type *)(plane + (y - 1) * stride);                          \
            const type *below = (const type *)(plane + (y + 1) * stride);                          \
            type *at = (type *)(plane + y * stride);                                               \
            for (int x = 0; x < width; x++) {                                                      \
                int up = at[x] - above[x], down = at[x] - below[x];                                \
                bool combed = (up > limit && down > limit) || (up < -limit && down < -limit);      \
                at[x] = combed ? (type)((above[x] + below[x] + 1) / 2) : at[x];                    \
            }                                                                                      \
        }                                                                                          \
    }
DEINTERLACE(deinterlace8, uint8_t, 0)
DEINTERLACE(deinterlace16, uint16_t, 2)

// The first field stays; where the second one combs with it, the first field's lines fill in.
static AVFrame *one_field(const AVFrame *from)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from->format);
    if (!d || !(d->flags & AV_PIX_FMT_FLAG_PLANAR) || (d->flags & AV_PIX_FMT_FLAG_BE))
        return av_frame_clone(from);
    AVFrame *f = frame_new(from->format, from->width, from->height);
    if (!f || av_frame_copy(f, from) < 0 || av_frame_copy_props(f, from) < 0) {
        av_frame_free(&f);
        return NULL;
    }
    for (int i = 0; i < 3 && f->data[i]; i++) {
        int width = i ? AV_CEIL_RSHIFT(f->width, d->log2_chroma_w) : f->width;
        int height = i ? AV_CEIL_RSHIFT(f->height, d->log2_chroma_h) : f->height;
        (d->comp[0].depth > 8 ? deinterlace16 : deinterlace8)(f->data[i], f->linesize[i], width,
                                                              height, f->top_field_first);
    }
    return f;
}

// ---- light

static double pq_light(double v) // SMPTE ST 2084: in units of 203 nits
{
    double p = pow(v, 1 / 78.84375), n = p - 0.8359375;
    return pow((n > 0 ? n : 0) / (18.8515625 - 18.6875 * p), 1 / 0.1593017578125) * 10000 / 203;
}

static double hlg_light(double v) // ITU-R BT.2100: scene light 0..1
{
    return v <= 0.5 ? v * v / 3 : (exp((v - 0.55991073) / 0.17883277) + 0.28466892) / 12;
}

static double bt709_signal(double light)
{
    return light < 0.018 ? 4.5 * light : 1.099 * pow(light, 0.45) - 0.099;
}

static void make_tables(struct shaper *s, int transfer)
{
    s->transfer = transfer;
    free(s->to_light);
    free(s->to_signal);
    s->to_light = malloc(LINEAR * sizeof(float));
    s->to_signal = malloc(LINEAR);
    for (int i = 0; i < LINEAR; i++) {
        double v = (double)i / (LINEAR - 1);
        s->to_light[i] = (float)(transfer == AVCOL_TRC_LINEAR      ? v
                                 : transfer == AVCOL_TRC_SMPTE2084 ? pq_light(v)
                                                                   : hlg_light(v));
        s->to_signal[i] = (uint8_t)(bt709_signal(v * v) * 255 + 0.5);
    }
}

static uint8_t signal_of(const struct shaper *s, float light)
{
    light = light > 0 ? light < 1 ? light : 1 : 0;
    return s->to_signal[(int)(sqrtf(light) * (LINEAR - 1))];
}

static void map_row(const struct shaper *s, const uint16_t *from, uint8_t *to, int width)
{
    const float white = 1000.f / 203; // becomes 1
    for (int x = 0; x < width; x++, from += 3, to += 3) {
        float r = s->to_light[from[0] >> 4], g = s->to_light[from[1] >> 4],
              b = s->to_light[from[2] >> 4];
        if (s->transfer == AVCOL_TRC_LINEAR) { // a render: what is brighter than white is white
            to[0] = signal_of(s, r), to[1] = signal_of(s, g), to[2] = signal_of(s, b);
            continue;
        }
        if (s->transfer == AVCOL_TRC_ARIB_STD_B67) { // a display of 1000 nits, system gamma 1.2
            float y = 0.2627f * r + 0.6780f * g + 0.0593f * b;
            float k = powf(y > 1e-6f ? y : 1e-6f, 0.2f) * white;
            r *= k, g *= k, b *= k;
        }
        // ITU-R BT.2087, BT.2020 to BT.709
        float red = 1.6605f * r - 0.5876f * g - 0.0728f * b;
        float green = -0.1246f * r + 1.1329f * g - 0.0083f * b;
        float blue = -0.0182f * r - 0.1006f * g + 1.1187f * b;
        float most = red > green ? red : green;
        most = most > blue ? most : blue;
        // Reinhard's curve with a white point, on the brightest of the three: hues stay.
        float k = most > 0 ? (1 + most / (white * white)) / (1 + most) : 1;
        to[0] = signal_of(s, red * k);
        to[1] = signal_of(s, green * k);
        to[2] = signal_of(s, blue * k);
    }
}

int picture_matrix(const AVFrame *f)
{
    switch (f->colorspace) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return SWS_CS_ITU601;
    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;
    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;
    default:
        // Not said: as every player does, by size.
        return f->height >= 720 || f->width >= 1280 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    }
}

bool picture_full(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    return f->color_range == AVCOL_RANGE_JPEG || (d && (d->flags & AV_PIX_FMT_FLAG_RGB)) ||
           strncmp(d ? d->name : "", "yuvj", 4) == 0;
}

static bool convert(struct SwsContext **context, const AVFrame *from, AVFrame *to, int from_matrix,
                    bool from_full, bool to_full)
{
    struct SwsContext *c =
        sws_getCachedContext(*context, from->width, from->height, from->format, to->width,
                             to->height, to->format, SWS_BICUBLIN, NULL, NULL, NULL);
    *context = c;
    if (!c)
        return false;
    sws_setColorspaceDetails(c, sws_getCoefficients(from_matrix), from_full,
                             sws_getCoefficients(SWS_CS_ITU709), to_full, 0, 1 << 16, 1 << 16);
    return sws_scale(c, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
                     to->data, to->linesize) == to->height;
}

bool scale_into(struct SwsContext **context, const AVFrame *from, AVFrame *to, bool full_range)
{
    return convert(context, from, to, SWS_CS_ITU709, false, full_range);
}

static AVFrame *new_picture(const struct shaper *s, int width, int height)
{
    return frame_new(s->shape.full ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P, width, height);
}

static AVFrame *map_light(struct shaper *s, const AVFrame *from, int width, int height)
{
    AVFrame *deep = frame_new(AV_PIX_FMT_RGB48LE, width, height);
    AVFrame *flat = frame_new(AV_PIX_FMT_RGB24, width, height);
    AVFrame *to = new_picture(s, width, height);
    bool done = deep && flat && to &&
                convert(&s->scale, from, deep, picture_matrix(from), picture_full(from), true);
    if (done) {
        if (s->transfer != (int)from->color_trc)
            make_tables(s, from->color_trc);
        for (int y = 0; y < height; y++)
            map_row(s, (const uint16_t *)(deep->data[0] + (ptrdiff_t)y * deep->linesize[0]),
                    flat->data[0] + (ptrdiff_t)y * flat->linesize[0], width);
        done = convert(&s->back, flat, to, SWS_CS_ITU709, true, s->shape.full);
    }
    av_frame_free(&deep);
    av_frame_free(&flat);
    if (!done)
        av_frame_free(&to);
    return to;
}

// ---- through a viewing transform

// Parts of red and blue in luma, by what picture_matrix says.
static void luma_parts(int matrix, float *red, float *blue)
{
    static const struct {
        int matrix;
        float red, blue;
    } rows[] = {
        {SWS_CS_ITU709, 0.2126f, 0.0722f},  {SWS_CS_ITU601, 0.299f, 0.114f},
        {SWS_CS_BT2020, 0.2627f, 0.0593f},  {SWS_CS_FCC, 0.30f, 0.11f},
        {SWS_CS_SMPTE240M, 0.212f, 0.087f},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].matrix == matrix)
            *red = rows[i].red, *blue = rows[i].blue;
}

// Planes of Y'CbCr that through_codes knows. `depth` of its samples; they may lie `up` bits higher.
static bool codes_of(const AVFrame *f, int depth, int up, bool full, struct colour_codes *k)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    uint64_t odd = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL |
                   AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT;
    *k = (struct colour_codes){.floats = through_wants_floats(f)};
    if (k->floats)
        return true;
    if (!d || (d->flags & odd) || !(d->flags & AV_PIX_FMT_FLAG_PLANAR) || d->nb_components < 3 ||
        d->log2_chroma_w > 1 || d->log2_chroma_h > d->log2_chroma_w)
        return false;
    for (int i = 0; i < 3; i++)
        if (d->comp[i].plane != i || d->comp[i].shift || d->comp[i].depth < 8 ||
            d->comp[i].depth > 16 || d->comp[i].step != (d->comp[i].depth > 8 ? 2 : 1))
            return false;
    k->wide = d->comp[0].depth > 8;
    k->half = d->log2_chroma_w == 1;
    float one = (float)(1 << up), eighth = (float)(1 << (depth - 8)) * one;
    float all = (float)((1 << depth) - 1) * one;
    k->black = full ? 0 : 16 * eighth;
    k->per_luma = 1 / (full ? all : 219 * eighth);
    k->middle = 128 * eighth;
    k->per_chroma = 1 / (full ? all : 224 * eighth);
    luma_parts(picture_matrix(f), &k->red, &k->blue);
    return true;
}

// The same planes in another size, of 16 bits so that nothing is lost.
static AVFrame *resized(struct shaper *s, const AVFrame *from, int width, int height)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from->format);
    int format = !d->log2_chroma_w   ? AV_PIX_FMT_YUV444P16LE
                 : !d->log2_chroma_h ? AV_PIX_FMT_YUV422P16LE
                                     : AV_PIX_FMT_YUV420P16LE;
    AVFrame *to = frame_new(format, width, height);
    struct SwsContext *c =
        sws_getCachedContext(s->scale, from->width, from->height, from->format, width, height,
                             format, SWS_BICUBLIN, NULL, NULL, NULL);
    const int *same = sws_getCoefficients(SWS_CS_ITU709);
    bool full = picture_full(from);
    s->scale = c;
    if (c)
        sws_setColorspaceDetails(c, same, full, same, full, 0, 1 << 16, 1 << 16);
    if (!c || !to ||
        sws_scale(c, (const uint8_t *const *)from->data, from->linesize, 0, from->height, to->data,
                  to->linesize) != height)
        av_frame_free(&to);
    return to;
}

// Straight from its code values to those that are shown. *known false: by the long way.
static AVFrame *look_straight(struct shaper *s, const AVFrame *from, int width, int height,
                              bool *known)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from->format);
    bool same = from->width == width && from->height == height, full = picture_full(from);
    struct colour_codes codes;
    *known = !(width & 1) && !(height & 1) &&
             codes_of(from, d ? d->comp[0].depth : 0, 0, full, &codes) && (same || !codes.floats);
    if (!*known)
        return NULL;
    AVFrame *sized = same ? av_frame_clone(from) : resized(s, from, width, height);
    AVFrame *to = new_picture(s, width, height);
    if (sized && to && !same) {
        *known = codes_of(sized, d->comp[0].depth, 16 - d->comp[0].depth, full, &codes);
        luma_parts(picture_matrix(from), &codes.red, &codes.blue); // by the size that it had
    }
    if (sized && to && *known)
        through_codes(s->shape.through, &codes, sized, to, s->shape.full);
    else
        av_frame_free(&to);
    av_frame_free(&sized);
    return to;
}

// Code values go through as they are; floats before anything else, since they reach beyond 1.
static AVFrame *look_through(struct shaper *s, const AVFrame *from, int width, int height)
{
    bool known, floats = through_wants_floats(from);
    AVFrame *straight = look_straight(s, from, width, height, &known);
    if (known)
        return straight;
    AVFrame *deep = floats ? av_frame_clone(from) : frame_new(AV_PIX_FMT_RGB48LE, width, height);
    AVFrame *flat = deep ? frame_new(AV_PIX_FMT_RGB24, deep->width, deep->height) : NULL;
    AVFrame *to = new_picture(s, width, height);
    bool done =
        flat && to &&
        (floats || convert(&s->scale, from, deep, picture_matrix(from), picture_full(from), true));
    if (done) {
        through_make(s->shape.through, deep, flat);
        done = convert(&s->back, flat, to, SWS_CS_ITU709, true, s->shape.full);
    }
    av_frame_free(&deep);
    av_frame_free(&flat);
    if (!done)
        av_frame_free(&to);
    return to;
}

static AVFrame *turned(AVFrame *from, int rotation)
{
    bool side = rotation != 180;
    AVFrame *to = frame_new(from->format, side ? from->height : from->width,
                            side ? from->width : from->height);
    for (int i = 0; i < 3 && to; i++) {
        int width = i ? to->width / 2 : to->width, height = i ? to->height / 2 : to->height;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                int fx = rotation == 90 ? y : rotation == 270 ? height - 1 - y : width - 1 - x;
                int fy = rotation == 90 ? width - 1 - x : rotation == 270 ? x : height - 1 - y;
                to->data[i][y * to->linesize[i] + x] = from->data[i][fy * from->linesize[i] + fx];
            }
    }
    av_frame_free(&from);
    return to;
}

AVFrame *shaper_make(struct shaper *s, const AVFrame *from)
{
    bool side = s->shape.rotation == 90 || s->shape.rotation == 270;
    int width = side ? s->shape.height : s->shape.width;
    int height = side ? s->shape.width : s->shape.height;
    AVFrame *field = from->interlaced_frame ? one_field(from) : NULL;
    const AVFrame *source = field ? field : from;
    bool light = from->color_trc == AVCOL_TRC_SMPTE2084 ||
                 from->color_trc == AVCOL_TRC_ARIB_STD_B67 || from->color_trc == AVCOL_TRC_LINEAR;
    bool through = s->shape.through != NULL;
    AVFrame *to = through ? look_through(s, source, width, height)
                  : light ? map_light(s, source, width, height)
                          : new_picture(s, width, height);
    if (!through && !light && to &&
        !convert(&s->scale, source, to, picture_matrix(from), picture_full(from), s->shape.full))
        av_frame_free(&to);
    av_frame_free(&field);
    if (to && s->shape.rotation)
        to = turned(to, s->shape.rotation);
    return to;
}

// ---- as large as it is

static bool convert_fine(struct SwsContext **context, const AVFrame *from, AVFrame *to)
{
    struct SwsContext *c = sws_getCachedContext(
        *context, from->width, from->height, from->format, to->width, to->height, to->format,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    *context = c;
    if (!c)
        return false;
    sws_setColorspaceDetails(c, sws_getCoefficients(picture_matrix(from)), picture_full(from),
                             sws_getCoefficients(SWS_CS_ITU709), true, 0, 1 << 16, 1 << 16);
    return sws_scale(c, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
                     to->data, to->linesize) == to->height;
}

AVFrame *shaper_deep(struct shaper *s, const AVFrame *from)
{
    AVFrame *to = frame_new(AV_PIX_FMT_RGB48LE, from->width, from->height);
    if (to && !convert_fine(&s->scale, from, to))
        av_frame_free(&to);
    return to;
}

static AVFrame *flat_through(struct shaper *s, const AVFrame *from)
{
    AVFrame *to = frame_new(AV_PIX_FMT_RGB24, from->width, from->height);
    AVFrame *deep = through_wants_floats(from) ? av_frame_clone(from) : shaper_deep(s, from);
    if (to && deep)
        through_make(s->shape.through, deep, to);
    else
        av_frame_free(&to);
    av_frame_free(&deep);
    return to;
}

AVFrame *shaper_flat(struct shaper *s, const AVFrame *from)
{
    if (s->shape.through)
        return flat_through(s, from);
    bool light = from->color_trc == AVCOL_TRC_SMPTE2084 ||
                 from->color_trc == AVCOL_TRC_ARIB_STD_B67 || from->color_trc == AVCOL_TRC_LINEAR;
    AVFrame *to = frame_new(AV_PIX_FMT_RGB24, from->width, from->height);
    AVFrame *deep = light ? shaper_deep(s, from) : NULL;
    bool done = to && (light ? deep != NULL : convert_fine(&s->scale, from, to));
    if (done && light) {
        if (s->transfer != (int)from->color_trc)
            make_tables(s, from->color_trc);
        for (int y = 0; y < to->height; y++)
            map_row(s, (const uint16_t *)(deep->data[0] + (ptrdiff_t)y * deep->linesize[0]),
                    to->data[0] + (ptrdiff_t)y * to->linesize[0], to->width);
    }
    av_frame_free(&deep);
    if (!done)
        av_frame_free(&to);
    return to;
}
