/*
 * One frame of the source, as large and as deep as it is (a ticket of the kind picture).
 *
 * It is found by its number in order of display, as the proxies count: where frames have a constant
 * rate and say when they are shown, from a key frame before its time; else by counting from the
 * start. A seek counts only when the key frame that it came to is shown at the wanted time or
 * before it, so that a frame which needs the group of pictures before is never decoded without it.
 *
 * What is written: "picture.png", 8 bits for the eye; "samples.raw", every pixel's code values as
 * they are stored (u16 or f32, little-endian, interleaved, chroma by the nearest sample), and
 * "scopes.raw", the same of every n-th pixel each way; "save.png", 16 bits. A frame with something
 * burnt in has no samples and is not saved: these would be without it. For a page that shows the
 * values by itself only "plain.raw" is written: all of them, or of more than PLAIN_WIDTH across the
 * means of squares.
 */
#include "engine/burn.h"
#include "engine/layers.h"
#include "engine/media.h"
#include "engine/output.h"
#include "engine/picture.h"
#include "engine/places.h"
#include "engine/through.h"
#include "plat/clock.h"

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PACKETS = 64, PLAIN_WIDTH = 1920, SCOPES_WIDTH = 640, SCOPES_HEIGHT = 360 };

struct one {
    const struct ticket *t;
    json_t *facts;
    struct media *m;
    AVCodecContext *decoder;
    AVPacket *packet;
    struct places places;
    int64_t wanted, count;
    int64_t target, step; // in the stream's time; step 0: by counting
    AVFrame *got;         // the frame, or the one before it when it is lost
    bool held, over;
    int64_t said_us;
};

static void say(struct one *o, int64_t done)
{
    int64_t now = clock_tick_us();
    if (now - o->said_us < 200000)
        return;
    o->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)done, "total",
                       (json_int_t)o->wanted + 1, "unit", "frames"));
}

static bool not_found(const struct one *o, struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "frame %lld of %s can not be shown", (long long)o->wanted,
              o->t->inputs[0].name);
    error_why(err, "it has no such frame, or it is damaged");
    return error_fix(err, "choose a frame beside it");
}

static void keep(struct one *o, const AVFrame *f, bool held)
{
    av_frame_free(&o->got);
    o->got = av_frame_clone(f);
    o->held = held;
}

// ---- by counting, as the proxies do

static void count_frame(struct one *o, const AVFrame *f)
{
    int64_t time, lost;
    if (o->over || !places_find(&o->places, f, &time))
        return;
    while (!o->over && places_lost(&o->places, time, &lost))
        if (o->count++ == o->wanted)
            o->over = o->held = true; // what was kept is the one before
    if (o->over && o->got)
        return;
    places_took(&o->places);
    keep(o, f, o->over || o->count < o->wanted);
    o->over = o->over || o->count == o->wanted;
    o->count++;
    say(o, o->count);
}

// ---- by time

static void time_frame(struct one *o, const AVFrame *f)
{
    int64_t time = f->best_effort_timestamp;
    if (o->over || time == AV_NOPTS_VALUE)
        return;
    if (time > o->target + o->step / 2) { // it is lost
        o->over = true;
        return;
    }
    o->over = time >= o->target - o->step / 2;
    keep(o, f, !o->over);
    say(o, o->count++);
}

// `first`: a packet was read already.
static bool decode(struct one *o, bool first)
{
    AVFrame *f = av_frame_alloc();
    bool ended = false;
    while (!o->over && !ended) {
        ended = !first && media_read(o->m, o->packet) < 0;
        first = false;
        if (!ended && o->packet->stream_index != o->m->video) {
            av_packet_unref(o->packet);
            continue;
        }
        if (!ended && !o->step)
            places_expect(&o->places, o->m, o->packet);
        for (bool again = true; again && !o->over;) {
            again = avcodec_send_packet(o->decoder, ended ? NULL : o->packet) == AVERROR(EAGAIN);
            while (avcodec_receive_frame(o->decoder, f) >= 0) {
                o->step ? time_frame(o, f) : count_frame(o, f);
                av_frame_unref(f);
            }
        }
        av_packet_unref(o->packet);
    }
    av_frame_free(&f);
    return o->over && o->got;
}

// The time at which the first frame is shown; false when packets do not say.
static bool first_time(struct one *o, int64_t *first)
{
    bool timed = false;
    *first = INT64_MAX;
    for (int i = 0; i < FIRST_PACKETS && media_read(o->m, o->packet) >= 0;) {
        if (o->packet->stream_index == o->m->video && !(o->packet->flags & AV_PKT_FLAG_DISCARD)) {
            timed = o->packet->pts != AV_NOPTS_VALUE;
            if (!timed)
                break;
            *first = o->packet->pts < *first ? o->packet->pts : *first;
            i++;
        }
        av_packet_unref(o->packet);
    }
    av_packet_unref(o->packet);
    return timed;
}

// Leaves the key frame's packet in o->packet.
static bool seek(struct one *o, int64_t to)
{
    if (av_seek_frame(o->m->format, o->m->video, to, AVSEEK_FLAG_BACKWARD) < 0)
        return false;
    while (media_read(o->m, o->packet) >= 0) {
        bool key = o->packet->stream_index == o->m->video && (o->packet->flags & AV_PKT_FLAG_KEY);
        if (key && o->packet->pts != AV_NOPTS_VALUE && o->packet->pts <= o->target)
            return true;
        av_packet_unref(o->packet);
        if (key)
            return false;
    }
    return false;
}

static bool by_time(struct one *o, int64_t first)
{
    static const int back_s[] = {0, 1, 4, 16, 64};
    AVRational base = media_video_base(o->m);
    for (size_t i = 0; i < sizeof(back_s) / sizeof(back_s[0]); i++) {
        int64_t to = o->target - av_rescale(back_s[i], base.den, base.num);
        if (seek(o, to > first ? to : first)) {
            avcodec_flush_buffers(o->decoder);
            return decode(o, true);
        }
        if (to <= first)
            break;
    }
    return false;
}

static bool again(struct one *o, struct error *err)
{
    avcodec_free_context(&o->decoder);
    media_close(o->m);
    o->m = NULL;
    if (!media_open(o->t, &o->m, err))
        return false;
    if (o->m->video < 0)
        return error_set(err, ERROR_INPUT, "there are no pictures in %s", o->t->inputs[0].name);
    return decoder_open(media_video(o->m), media_video_base(o->m), o->t->threads, &o->decoder, err);
}

static bool find_frame(struct one *o, struct error *err)
{
    const char *said = json_string_value(json_object_get(o->facts, "rate"));
    bool vfr = json_is_true(json_object_get(o->facts, "vfr"));
    rational rate;
    struct error ignored;
    int64_t first;
    if (!again(o, err))
        return false;
    if (!o->m->pictures && !vfr && said && rational_parse(text_of(said), &rate, &ignored) &&
        rate.num > 0 && first_time(o, &first)) {
        AVRational base = media_video_base(o->m);
        int64_t num = rate.den * base.den, den = rate.num * base.num;
        o->target = first + av_rescale(o->wanted, num, den);
        o->step = num / den > 0 ? num / den : 1;
        if (by_time(o, first))
            return true;
    }
    o->step = o->count = 0;
    o->over = o->held = false;
    av_frame_free(&o->got);
    return again(o, err) && (decode(o, false) || not_found(o, err));
}

// ---- written down

static AVFrame *big_endian(const AVFrame *f)
{
    AVFrame *to = frame_new(AV_PIX_FMT_RGB48BE, f->width, f->height);
    for (int y = 0; to && y < f->height; y++) {
        const uint8_t *at = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        uint8_t *b = to->data[0] + (ptrdiff_t)y * to->linesize[0];
        for (int i = 0; i < f->width * 6; i += 2)
            b[i] = at[i + 1], b[i + 1] = at[i];
    }
    return to;
}

static bool png_write(json_t *list, const char *kind, const char *name, const AVFrame *f,
                      struct error *err)
{
    AVCodecContext *e = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_PNG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *swapped = f->format == AV_PIX_FMT_RGB48LE ? big_endian(f) : NULL;
    f = swapped ? swapped : f;
    e->width = f->width, e->height = f->height;
    e->pix_fmt = f->format;
    e->time_base = (AVRational){1, 25};
    e->compression_level = 1; // it is looked at once
    e->thread_count = 1;
    av_opt_set(e->priv_data, "pred", "sub", 0);
    bool done = avcodec_open2(e, NULL, NULL) >= 0 && avcodec_send_frame(e, f) >= 0 &&
                avcodec_send_frame(e, NULL) >= 0 && avcodec_receive_packet(e, packet) >= 0;
    done = done ? output_whole(list, kind, name, packet->data, (size_t)packet->size, err)
                : error_set(err, ERROR_INTERNAL, "%s can not be encoded", name);
    av_frame_free(&swapped);
    av_packet_free(&packet);
    avcodec_free_context(&e);
    return done;
}

struct packed { // pixels one after another
    int width, height;
    size_t size;    // bytes of each
    ptrdiff_t line; // bytes of a row
    uint8_t *at;
};

// Upright; `rotation` is clockwise, 90, 180 or 270.
static void turn(const struct packed *from, int rotation, const struct packed *to)
{
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++) {
            int fx = rotation == 90    ? y
                     : rotation == 270 ? from->width - 1 - y
                                       : from->width - 1 - x;
            int fy = rotation == 90    ? from->height - 1 - x
                     : rotation == 270 ? x
                                       : from->height - 1 - y;
            memcpy(to->at + y * to->line + x * (ptrdiff_t)to->size,
                   from->at + fy * from->line + fx * (ptrdiff_t)from->size, to->size);
        }
}

static AVFrame *upright(AVFrame *f, int rotation)
{
    bool side = rotation == 90 || rotation == 270;
    if (!f || !rotation)
        return f;
    size_t size = f->format == AV_PIX_FMT_RGB24 ? 3 : 6;
    AVFrame *to = frame_new(f->format, side ? f->height : f->width, side ? f->width : f->height);
    if (to)
        turn(&(struct packed){f->width, f->height, size, f->linesize[0], f->data[0]}, rotation,
             &(struct packed){to->width, to->height, size, to->linesize[0], to->data[0]});
    av_frame_free(&f);
    return to;
}

// The text is drawn in Y'CbCr of full range: nothing of the picture needs to be exact then.
static bool burn_into(AVFrame *flat, const struct ticket *t, const json_t *facts, struct error *err)
{
    struct burn *b = NULL;
    AVFrame *f = frame_new(AV_PIX_FMT_YUV444P, flat->width, flat->height);
    struct SwsContext *to = NULL, *back = NULL;
    error_clear(err);
    bool done = f && burn_open(t->burn, facts, (rational){25, 1}, &b, err);
    if (done) {
        const int *c = sws_getCoefficients(SWS_CS_ITU709);
        f->color_range = AVCOL_RANGE_JPEG;
        done = scale_into(&to, flat, f, true) && burn_draw(b, f, 0, 0, err);
        back = sws_getContext(f->width, f->height, f->format, f->width, f->height, AV_PIX_FMT_RGB24,
                              SWS_POINT, NULL, NULL, NULL);
        done = done && back &&
               sws_setColorspaceDetails(back, c, 1, c, 1, 0, 1 << 16, 1 << 16) >= 0 &&
               sws_scale(back, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
                         flat->data, flat->linesize) == f->height;
    }
    if (!done && err->kind == ERROR_NONE)
        error_set(err, ERROR_TOO_BIG, "no memory to burn text in");
    burn_close(b);
    sws_freeContext(to);
    sws_freeContext(back);
    av_frame_free(&f);
    return done;
}

static void said_size(json_t *said, int width, int height, int channels, bool small, int step)
{
    json_object_set_new(said, "width", json_integer(width));
    json_object_set_new(said, "height", json_integer(height));
    json_object_set_new(said, "channels", json_integer(channels));
    json_object_set_new(said, "type", json_string(small ? "u16" : "f32"));
    json_object_set_new(said, "step", json_integer(step));
}

// The mean of a square of `step` x `step` values of one channel.
static void mean(const struct packed *s, const uint8_t *at, size_t one, int step, uint8_t *to)
{
    uint32_t sum = 0;
    float light = 0;
    for (int y = 0; y < step; y++)
        for (int x = 0; x < step; x++) {
            const uint8_t *value = at + y * s->line + x * (ptrdiff_t)s->size;
            uint16_t code;
            float f;
            if (one == 2)
                memcpy(&code, value, 2), sum += code;
            else
                memcpy(&f, value, 4), light += f;
        }
    uint32_t count = (uint32_t)(step * step);
    uint16_t code = (uint16_t)((sum + count / 2) / count);
    light /= (float)count;
    memcpy(to, one == 2 ? (const void *)&code : (const void *)&light, one);
}

static bool plain_write(json_t *list, const struct packed *s, int channels, json_t *said,
                        struct error *err)
{
    size_t one = s->size / (size_t)channels;
    int step = (s->width + PLAIN_WIDTH - 1) / PLAIN_WIDTH;
    step = s->height < step ? s->height : step;
    int width = s->width / step, height = s->height / step;
    size_t size = (size_t)width * (size_t)height * s->size;
    uint8_t *made = step > 1 ? malloc(size) : NULL;
    if (step > 1 && !made)
        return error_set(err, ERROR_TOO_BIG, "no memory for a picture");
    for (int y = 0; made && y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                mean(s, s->at + y * step * s->line + (x * step * channels + c) * (ptrdiff_t)one,
                     one, step,
                     made + ((size_t)y * (size_t)width + (size_t)x) * s->size + (size_t)c * one);
    bool done = output_whole(list, "plain", "plain.raw", made ? made : s->at, size, err);
    free(made);
    said_size(said, width, height, channels, one == 2, step);
    return done;
}

// `s` of `channels` each; every `step`-th each way goes to the scopes.
static bool samples_write(json_t *list, const struct packed *s, int channels, json_t *said,
                          struct error *err)
{
    int x_step = (s->width + SCOPES_WIDTH - 1) / SCOPES_WIDTH;
    int y_step = (s->height + SCOPES_HEIGHT - 1) / SCOPES_HEIGHT;
    int step = x_step > y_step ? x_step : y_step;
    int width = (s->width + step - 1) / step, height = (s->height + step - 1) / step;
    uint8_t *few = malloc((size_t)width * (size_t)height * s->size), *to = few;
    if (!few)
        return error_set(err, ERROR_TOO_BIG, "no memory for scopes");
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, to += s->size)
            memcpy(to, s->at + y * step * s->line + x * step * (ptrdiff_t)s->size, s->size);
    bool done = output_whole(list, "samples", "samples.raw", s->at,
                             (size_t)s->line * (size_t)s->height, err) &&
                output_whole(list, "scopes", "scopes.raw", few,
                             (size_t)width * (size_t)height * s->size, err);
    free(few);
    said_size(said, s->width, s->height, channels, s->size / (size_t)channels == 2, step);
    json_object_set_new(said, "scopes_width", json_integer(width));
    json_object_set_new(said, "scopes_height", json_integer(height));
    return done;
}

// ---- of libav's frames

static const char *matrix_name(int matrix)
{
    return matrix == SWS_CS_ITU709      ? "bt709"
           : matrix == SWS_CS_BT2020    ? "bt2020"
           : matrix == SWS_CS_SMPTE240M ? "smpte240m"
           : matrix == SWS_CS_FCC       ? "fcc"
                                        : "bt601";
}

static const char *view_of(const AVFrame *f)
{
    return f->color_trc == AVCOL_TRC_LINEAR         ? "linear light, with the signal of BT.709"
           : f->color_trc == AVCOL_TRC_SMPTE2084    ? "PQ, mapped to SDR (white 203 nits)"
           : f->color_trc == AVCOL_TRC_ARIB_STD_B67 ? "HLG, mapped to SDR (white 203 nits)"
                                                    : "as it is stored";
}

static void fill_component(const AVFrame *f, const AVPixFmtDescriptor *d, int c, int channels,
                           const struct packed *s, uint32_t *line)
{
    bool chroma = c > 0 && !(d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
    int sx = chroma ? d->log2_chroma_w : 0, sy = chroma ? d->log2_chroma_h : 0;
    size_t one = s->size / (size_t)channels;
    for (int y = 0; y < f->height; y++) {
        if (!(y & ((1 << sy) - 1)))
            av_read_image_line2(line, (const uint8_t **)(uintptr_t)f->data, f->linesize, d, 0,
                                y >> sy, c, AV_CEIL_RSHIFT(f->width, sx),
                                !!(d->flags & AV_PIX_FMT_FLAG_PAL), 4);
        uint8_t *to = s->at + y * s->line + c * (ptrdiff_t)one;
        for (int x = 0; x < f->width; x++, to += s->size) {
            uint16_t small = (uint16_t)line[x >> sx];
            memcpy(to, one == 2 ? (const void *)&small : (const void *)&line[x >> sx], one);
        }
    }
}

typedef bool values_write(json_t *list, const struct packed *s, int channels, json_t *said,
                          struct error *err);
static bool frame_samples(const AVFrame *f, int rotation, values_write *write, json_t *list,
                          json_t **said, struct error *err)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    bool rgb = d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    bool real = d->flags & AV_PIX_FMT_FLAG_FLOAT, side = rotation == 90 || rotation == 270;
    int channels = rgb || d->nb_components >= 3 ? 3 : 1;
    int depth = d->flags & AV_PIX_FMT_FLAG_PAL ? 8 : d->comp[0].depth;
    *said = NULL;
    if ((d->flags & (AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL)) ||
        (real ? depth != 32 : depth > 16))
        return true; // of bits and halves: only the picture
    struct packed s = {f->width, f->height, (size_t)channels * (real ? 4 : 2), 0, NULL}, up = s;
    s.line = f->width * (ptrdiff_t)s.size;
    up.width = side ? s.height : s.width, up.height = side ? s.width : s.height;
    up.line = up.width * (ptrdiff_t)up.size;
    s.at = malloc((size_t)s.line * (size_t)s.height);
    up.at = rotation ? malloc((size_t)s.line * (size_t)s.height) : NULL;
    uint32_t *line = malloc(((size_t)f->width + 1) * sizeof(*line));
    bool done = s.at && line && (up.at || !rotation);
    for (int c = 0; done && c < channels; c++)
        fill_component(f, d, c, channels, &s, line);
    if (done && rotation)
        turn(&s, rotation, &up);
    if (done)
        *said = json_pack("{s:i, s:s, s:s, s:b}", "bits", depth, "space",
                          channels == 1 ? "grey"
                          : rgb         ? "rgb"
                                        : "ycbcr",
                          "matrix", matrix_name(picture_matrix(f)), "full", (int)picture_full(f));
    done = done ? write(list, rotation ? &up : &s, channels, *said, err)
                : error_set(err, ERROR_TOO_BIG, "no memory for the samples");
    free(line);
    free(s.at);
    free(up.at);
    return done;
}

static bool asks(const struct one *o, const char *what)
{
    return !json_array_size(o->t->burn) && json_is_true(json_object_get(o->t->picture, what));
}

// Takes over both frames; `deep` is NULL unless it is to be saved.
static bool pictures_write(struct one *o, json_t *list, AVFrame *flat, AVFrame *deep,
                           struct error *err)
{
    bool save = asks(o, "save");
    bool done =
        (flat && (deep || !save)) || error_set(err, ERROR_UNSUPPORTED,
                                               "this frame can not be shown: it is too large, or "
                                               "in a format that is not converted");
    done = done && (!json_array_size(o->t->burn) || burn_into(flat, o->t, o->facts, err)) &&
           png_write(list, "picture", "picture.png", flat, err) &&
           (!save || png_write(list, "save", "save.png", deep, err));
    av_frame_free(&flat);
    av_frame_free(&deep);
    return done;
}

static void said_of(json_t *seen, int width, int height, int bits, const char *format,
                    const char *view)
{
    json_object_set_new(seen, "width", json_integer(width));
    json_object_set_new(seen, "height", json_integer(height));
    json_object_set_new(seen, "bits", json_integer(bits));
    json_object_set_new(seen, "pixel_format", json_string(format));
    json_object_set_new(seen, "view", json_string(view));
}

// Nothing but its values: how they are seen is the page's matter.
static bool show_plain(struct one *o, int rotation, json_t *list, json_t *seen, json_t **samples,
                       struct error *err)
{
    const AVFrame *f = o->got;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    bool side = rotation == 90 || rotation == 270;
    said_of(seen, side ? f->height : f->width, side ? f->width : f->height, d->comp[0].depth,
            d->name, view_of(f));
    if (!frame_samples(f, rotation, plain_write, list, samples, err))
        return false;
    return *samples || error_set(err, ERROR_UNSUPPORTED, "this frame's values can not be given");
}

static bool show_frame(struct one *o, json_t *list, json_t *seen, json_t **samples,
                       struct error *err)
{
    const AVFrame *f = o->got;
    const json_t *video = json_array_get(json_object_get(o->facts, "video"), 0);
    int rotation = (int)json_integer_value(json_object_get(video, "rotation"));
    bool side = rotation == 90 || rotation == 270;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    struct colour *through = NULL;
    if (asks(o, "plain"))
        return show_plain(o, rotation, list, seen, samples, err);
    if (!through_open(o->t, &through, err))
        return false;
    struct shaper *shaper = shaper_open(&(struct shape){.through = through});
    bool done =
        pictures_write(o, list, upright(shaper_flat(shaper, f), rotation),
                       asks(o, "save") ? upright(shaper_deep(shaper, f), rotation) : NULL, err);
    shaper_close(shaper);
    colour_close(through);
    if (o->t->transform)
        json_object_set(seen, "through", json_object_get(o->t->transform, "name"));
    said_of(seen, side ? f->height : f->width, side ? f->width : f->height, d->comp[0].depth,
            d->name, view_of(f));
    return done &&
           (!asks(o, "samples") || frame_samples(f, rotation, samples_write, list, samples, err));
}

// ---- of OpenEXR's layers

static double srgb_signal(double light)
{
    return light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

// 0 to 1; of what is no number: -1 a NaN, -2 an infinity.
static double shown(const struct layer *l, float v)
{
    if (isnan(v))
        return -1;
    if (isinf(v))
        return -2;
    if (l->kind != LAYER_GREY)
        return srgb_signal(v < 0 ? 0 : v > 1 ? 1 : (double)v);
    double range = (double)l->high - (double)l->low;
    double to = range > 0 ? ((double)v - (double)l->low) / range : 0.5;
    return to < 0 ? 0 : to > 1 ? 1 : to;
}

// What is no number is not hidden: a NaN is magenta, an infinity cyan.
static void paint(const struct layer *l, size_t at, double to[3])
{
    static const double marks[2][3] = {{1, 0, 1}, {0, 1, 1}};
    int planes = l->kind == LAYER_GREY ? 1 : 3;
    for (int k = 0; k < planes; k++) {
        to[k] = shown(l, l->samples[at * (size_t)planes + (size_t)k]);
        if (to[k] < 0) {
            memcpy(to, marks[to[k] < -1.5], sizeof(marks[0]));
            return;
        }
    }
    if (planes == 1)
        to[1] = to[2] = to[0];
}

struct window { // where there are samples, in pixels of the picture
    int64_t left, top, right, bottom;
};

static struct window window_of(const struct layer *l)
{
    int64_t v[8];
    for (size_t i = 0; i < 8; i++)
        v[i] = json_integer_value(
            json_array_get(json_object_get(l->said, i < 4 ? "data" : "display"), i % 4));
    return (struct window){v[0] - v[4], v[1] - v[5], v[0] - v[4] + v[2], v[1] - v[5] + v[3]};
}

static AVFrame *layer_frame(const struct layer *l, bool deep)
{
    AVFrame *f = frame_new(deep ? AV_PIX_FMT_RGB48LE : AV_PIX_FMT_RGB24, l->width, l->height);
    struct window w = window_of(l);
    for (int y = 0; f && y < l->height; y++) {
        uint8_t *to = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        for (int x = 0; x < l->width; x++) {
            double v[3] = {0};
            if (x >= w.left && x < w.right && y >= w.top && y < w.bottom)
                paint(l, (size_t)y * (size_t)l->width + (size_t)x, v);
            for (int k = 0; k < 3; k++) {
                uint16_t value = (uint16_t)(v[k] * 65535 + 0.5);
                if (deep)
                    memcpy(to + 6 * x + 2 * k, &value, 2);
                else
                    to[3 * x + k] = (uint8_t)(v[k] * 255 + 0.5);
            }
        }
    }
    return f;
}

static void layer_said(struct layer *l, json_t *seen)
{
    const char *type = json_string_value(json_object_get(l->said, "type"));
    json_object_set_new(l->said, "low", json_real((double)l->low));
    json_object_set_new(l->said, "high", json_real((double)l->high));
    json_object_set_new(l->said, "nan", json_integer(l->nan));
    json_object_set_new(l->said, "infinite", json_integer(l->infinite));
    json_object_set_new(l->said, "negative", json_integer(l->negative));
    json_object_set(seen, "layer", l->said);
    said_of(seen, l->width, l->height, type && !strcmp(type, "half") ? 16 : 32, type ? type : "",
            l->flattened            ? l->kind == LAYER_GREY
                                          ? "deep samples made flat, grey, from the smallest "
                                            "value to the largest"
                                          : "deep samples made flat, scene linear, shown as sRGB"
            : l->kind == LAYER_GREY ? "grey, from its smallest value to its largest"
                                    : "scene linear, shown as sRGB");
}

static bool show_layer(struct one *o, struct layer *l, json_t *list, json_t *seen, json_t **samples,
                       struct error *err)
{
    const char *key = json_string_value(json_object_get(l->said, "key"));
    size_t size = key ? strlen(key) : 0;
    bool alpha =
        size > 1 && (key[size - 1] == 'A') && (key[size - 2] == ':' || key[size - 2] == '.');
    if (alpha && l->low >= 0 && l->high <= 1)
        l->low = 0, l->high = 1; // how much it covers
    bool done = pictures_write(o, list, layer_frame(l, false),
                               asks(o, "save") ? layer_frame(l, true) : NULL, err);
    layer_said(l, seen);
    if (!done || !asks(o, "samples"))
        return done;
    int channels = l->kind == LAYER_GREY ? 1 : 3;
    struct packed s = {l->width, l->height, (size_t)channels * sizeof(float), 0,
                       (uint8_t *)l->samples};
    s.line = l->width * (ptrdiff_t)s.size;
    *samples = json_pack("{s:i, s:s, s:s, s:b}", "bits", 32, "space",
                         channels == 1 ? "grey" : "linear", "matrix", "bt709", "full", 1);
    return samples_write(list, &s, channels, *samples, err);
}

static bool is_exr(const struct ticket *t)
{
    struct input *in = NULL;
    struct error ignored;
    uint8_t head[16] = {0};
    size_t got = 0;
    bool read = t->inputs[0].size >= 16 && input_open(0, t->inputs[0].size, &in, &ignored) &&
                input_read(in, 0, head, sizeof(head), &got, &ignored);
    input_close(in);
    return read && media_picture_codec(head, "") == AV_CODEC_ID_EXR;
}

// ---- the whole

static bool show(struct one *o, json_t *list, json_t *seen, json_t **samples, struct error *err)
{
    const char *key = json_string_value(json_object_get(o->t->picture, "layer"));
    struct layer l = {0};
    // Seen through a transform it is the main picture, by libav, with its light above white.
    if (!asks(o, "plain") && is_exr(o->t) && (!o->t->transform || (key && *key))) {
        if (layer_read(0, &o->t->inputs[0], key, &l, err)) {
            bool done = show_layer(o, &l, list, seen, samples, err);
            layer_free(&l);
            return done;
        }
        // What OpenEXR's library does not show, libav may, of the main layer.
        if (err->kind == ERROR_DAMAGED || (key && *key))
            return false;
        error_clear(err);
    } else if (key && *key) {
        error_set(err, ERROR_INPUT, "%s has no layers", o->t->inputs[0].name);
        return error_why(err, "only OpenEXR files have");
    }
    return (o->facts || probe(o->t, &o->facts, err)) && find_frame(o, err) &&
           show_frame(o, list, seen, samples, err);
}

bool one_picture(const struct ticket *t, json_t **result, struct error *err)
{
    struct one o = {.t = t,
                    .facts = json_incref(t->facts),
                    .packet = av_packet_alloc(),
                    .wanted = json_integer_value(json_object_get(t->picture, "frame"))};
    json_t *list = json_array(), *seen = json_object(), *samples = NULL;
    bool done = show(&o, list, seen, &samples, err);
    if (done) {
        json_object_set_new(seen, "held", json_boolean(o.held));
        *result = json_pack("{s:O, s:O}", "outputs", list, "seen", seen);
        if (samples)
            json_object_set(*result, "samples", samples);
    }
    json_decref(list);
    json_decref(seen);
    json_decref(samples);
    json_decref(o.facts);
    places_free(&o.places);
    av_frame_free(&o.got);
    av_packet_free(&o.packet);
    avcodec_free_context(&o.decoder);
    media_close(o.m);
    return done;
}
