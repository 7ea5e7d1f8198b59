/*
 * What quality control wants to know of a file, in one pass over all of it (formats/measure):
 * reading and decoding here, pictures measured on a line of their own, sound by the way.
 *
 * A frame's number is its place in display order (places.h), as in the proxies.
 */
#include "formats/measure/measure.h"
#include "engine/line.h"
#include "engine/media.h"
#include "engine/named.h"
#include "engine/output.h"
#include "engine/picture.h"
#include "engine/places.h"
#include "engine/sound.h"
#include "engine/stills.h"
#include "picture/light.h"
#include "picture/measure.h"
#include "plat/clock.h"
#include "sound/measure.h"
#include "sound/speech.h"

#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TRACKS_MOST = 64, PROGRAMME_MOST = 6, PIXELS_MOST = 50, FRAMES_MOST = 20000000 };

struct track {
    int stream;
    AVCodecContext *decoder;
    SwrContext *planar;
    struct sound_measure *measure;
    struct speech *speech; // NULL: it is not looked for
    int left, right;       // of what it is looked for in; the same: one channel
    double weights[64];
    bool labelled; // its layout is said, not supposed
    char layout[64];
    int64_t at;    // samples that went in, silence too
    int64_t early; // samples that lie before the first picture
    int64_t hurt;  // pieces that did not decode
};

struct seeing { // on the line
    struct line *line;
    struct picture_measure *measure;
    struct picture_light *light; // of PQ
    bool pq;                     // as the facts say, of frames that say nothing
    struct picture_shape shape;
    struct SwsContext *convert;
    AVFrame *converted;
    enum AVPixelFormat format; // what is measured
    bool full;                 // source is full range: converted
    struct measure_frame *frames;
    int64_t count, room;
    int64_t early;                      // lost before the first that decoded
    int64_t before, step_num, step_den; // time of the last one; a frame in units of the time base
    int base, second;
    int64_t group; // a timecode that waits for its frame
    bool grouped;
    int64_t total, said_us;
    // what the frames say of themselves
    json_t *essence;
    int64_t interlaced, top_first, changed;
};

struct measuring {
    const struct ticket *t;
    json_t *facts;
    struct media *m;
    struct named *named; // which bytes are measured
    AVCodecContext *decoder;
    struct places places;
    AVFrame *frame;
    rational rate;
    struct seeing see;
    struct track *tracks;
    int track_count;
    json_t *outputs;
    atomic_bool enough; // the rest need not be read
};

static void say_progress(int64_t done, int64_t total, const char *unit, int64_t *said_us)
{
    int64_t now = clock_tick_us();
    if (now - *said_us < 200000)
        return;
    *said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)done, "total",
                       (json_int_t)total, "unit", unit));
}

// ---- pictures, on the line

// Measured as it is: planes of limited-range Y'CbCr in words that the rows read.
static bool native(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    uint64_t bad = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL |
                   AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT;
    return d && !(d->flags & bad) && (d->flags & AV_PIX_FMT_FLAG_PLANAR) && d->nb_components >= 3 &&
           d->comp[1].plane == 1 && d->comp[2].plane == 2 && d->log2_chroma_w <= 1 &&
           d->log2_chroma_h <= 1 && !(d->log2_chroma_h && !d->log2_chroma_w) &&
           d->comp[0].depth >= 8 && f->color_range != AVCOL_RANGE_JPEG &&
           !(f->format >= AV_PIX_FMT_YUVJ420P && f->format <= AV_PIX_FMT_YUVJ444P);
}

static const char *named(const char *name)
{
    return name ? name : "unknown";
}

static json_t *tags_of(int width, int height, int primaries, int transfer, int matrix, int range,
                       AVRational aspect)
{
    char pixel[32];
    snprintf(pixel, sizeof(pixel), "%d/%d", aspect.num, aspect.den);
    return json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "width", width, "height", height,
                     "primaries", named(av_color_primaries_name((enum AVColorPrimaries)primaries)),
                     "transfer",
                     named(av_color_transfer_name((enum AVColorTransferCharacteristic)transfer)),
                     "matrix", named(av_color_space_name((enum AVColorSpace)matrix)), "range",
                     named(av_color_range_name((enum AVColorRange)range)), "pixel_aspect",
                     aspect.num > 0 ? pixel : "unknown");
}

static bool begin_pictures(struct seeing *s, const AVFrame *f, struct error *err)
{
    bool as_is = native(f);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    s->format = as_is                       ? f->format
                : d && d->comp[0].depth > 8 ? AV_PIX_FMT_YUV444P10
                                            : AV_PIX_FMT_YUV444P;
    s->full = !as_is;
    d = av_pix_fmt_desc_get(s->format);
    s->shape = (struct picture_shape){
        .width = f->width,
        .height = f->height,
        .chroma_x = d->log2_chroma_w,
        .chroma_y = d->log2_chroma_h,
        .bits = d->comp[0].depth,
        .bt601 =
            as_is && (f->colorspace == AVCOL_SPC_BT470BG || f->colorspace == AVCOL_SPC_SMPTE170M),
        .bt2020 = as_is && f->colorspace == AVCOL_SPC_BT2020_NCL,
        .pq =
            f->color_trc == AVCOL_TRC_SMPTE2084 || (f->color_trc == AVCOL_TRC_UNSPECIFIED && s->pq),
        .hlg = f->color_trc == AVCOL_TRC_ARIB_STD_B67,
        .second = s->second,
    };
    if (f->width < 16 || f->height < 16) {
        error_set(err, ERROR_UNSUPPORTED, "its picture is too small to be measured");
        return error_why(err, "it is %d x %d", f->width, f->height);
    }
    s->measure = picture_measure_open(&s->shape);
    s->light = picture_light_open(&s->shape);
    s->essence = tags_of(f->width, f->height, f->color_primaries, f->color_trc, f->colorspace,
                         f->color_range, f->sample_aspect_ratio);
    return s->measure || error_set(err, ERROR_TOO_BIG, "no memory to measure the picture");
}

// A frame of another kind than the first, or one that can not be measured as it is.
static const AVFrame *converted(struct seeing *s, const AVFrame *f, struct error *err)
{
    if (f->format == s->format && f->width == s->shape.width && f->height == s->shape.height &&
        native(f))
        return f;
    s->convert = sws_getCachedContext(s->convert, f->width, f->height, f->format, s->shape.width,
                                      s->shape.height, s->format, SWS_BILINEAR | SWS_ACCURATE_RND,
                                      NULL, NULL, NULL);
    if (!s->converted)
        s->converted = frame_new(s->format, s->shape.width, s->shape.height);
    const int *matrix = sws_getCoefficients(s->shape.bt601 ? SWS_CS_ITU601 : SWS_CS_ITU709);
    bool full = f->color_range == AVCOL_RANGE_JPEG ||
                (f->format >= AV_PIX_FMT_YUVJ420P && f->format <= AV_PIX_FMT_YUVJ444P) ||
                (av_pix_fmt_desc_get(f->format)->flags & AV_PIX_FMT_FLAG_RGB);
    if (!s->convert || !s->converted ||
        (sws_setColorspaceDetails(s->convert, matrix, full, matrix, 0, 0, 1 << 16, 1 << 16) < 0 &&
         0) ||
        sws_scale(s->convert, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
                  s->converted->data, s->converted->linesize) < 0) {
        error_set(err, ERROR_UNSUPPORTED, "its picture can not be measured");
        error_why(err, "the format %s can not be converted", av_get_pix_fmt_name(f->format));
        return NULL;
    }
    return s->converted;
}

static struct measure_frame *next_frame(struct seeing *s)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 4096;
        s->frames = realloc(s->frames, (size_t)s->room * sizeof(*s->frames));
    }
    struct measure_frame *to = &s->frames[s->count++];
    memset(to, 0, sizeof(*to));
    return to;
}

static int two_digits(uint32_t bcd)
{
    return (int)((bcd >> 4) * 10 + (bcd & 15));
}

static int64_t label_frames(const struct seeing *s, int h, int m, int sec, int f, bool drop)
{
    int64_t minutes = h * 60 + m, base = s->base;
    int64_t at = (minutes * 60 + sec) * base + f;
    return drop ? at - base / 15 * (minutes - minutes / 10) : at;
}

// libavcodec 59 hands a group's timecode to the frame that comes out when the group is read, which
// may be the last one of the group before: it is kept for the key frame that begins the group.
static void take_timecode(struct seeing *s, const AVFrame *f, struct measure_frame *to)
{
    const AVFrameSideData *d = av_frame_get_side_data(f, AV_FRAME_DATA_GOP_TIMECODE);
    if (d && d->size >= 8) {
        memcpy(&s->group, d->data, 8);
        s->grouped = true;
    }
    if (s->grouped && f->key_frame) {
        int64_t tc = s->group;
        to->timecode = (uint32_t)label_frames(s, tc >> 19 & 31, tc >> 13 & 63, tc >> 6 & 63,
                                              tc & 63, tc >> 24 & 1);
        to->flags |= MEASURE_TIMECODE;
        s->grouped = false;
    }
    d = av_frame_get_side_data(f, AV_FRAME_DATA_S12M_TIMECODE);
    if (d && d->size >= 8) {
        uint32_t tc[2];
        memcpy(tc, d->data, 8);
        to->timecode = (uint32_t)label_frames(
            s, two_digits(tc[1] & 0x3f), two_digits(tc[1] >> 8 & 0x7f),
            two_digits(tc[1] >> 16 & 0x7f), two_digits(tc[1] >> 24 & 0x3f), tc[1] >> 30 & 1);
        to->flags |= tc[0] ? MEASURE_TIMECODE : 0;
    }
}

// How many frames are missing by the times; a little unevenness is not one.
static uint32_t gap_before(struct seeing *s, int64_t time)
{
    int64_t steps = 1;
    if (s->count > 1 && s->step_num > 0)
        steps = ((time - s->before) * s->step_den + s->step_num * 2 / 5) / s->step_num;
    s->before = time;
    return steps > 1 && steps < FRAMES_MOST ? (uint32_t)(steps - 1) : 0;
}

static void look_at_light(struct seeing *s, const struct picture_view *view,
                          const struct measure_frame *m)
{
    bool bars = m->flags & MEASURE_BARS;
    picture_light_frame(s->light, view,
                        &(struct picture_bars){bars ? (int)m->top : 0, bars ? (int)m->bottom : 0,
                                               bars ? (int)m->left : 0, bars ? (int)m->right : 0});
}

static bool see(void *context, struct piece *p, struct error *err)
{
    struct seeing *s = context;
    say_progress(s->count, s->total, "frames", &s->said_us);
    if (s->count >= FRAMES_MOST)
        return error_set(err, ERROR_TOO_BIG, "it has too many frames to be measured");
    struct measure_frame *to = next_frame(s);
    to->gap = gap_before(s, p->time);
    const AVFrame *f = p->frame;
    if (!f) {
        to->flags = MEASURE_LOST;
        return true;
    }
    if (!s->measure && !begin_pictures(s, f, err))
        return false;
    s->changed += f->width != s->shape.width || f->height != s->shape.height;
    s->interlaced += f->interlaced_frame != 0;
    s->top_first += f->interlaced_frame && f->top_field_first;
    to->flags = (p->flags ? MEASURE_HURT : 0) | (f->interlaced_frame ? MEASURE_INTERLACED : 0) |
                (f->interlaced_frame && f->top_field_first ? MEASURE_TOP_FIRST : 0);
    take_timecode(s, f, to);
    const AVFrame *seen = converted(s, f, err);
    if (!seen)
        return false;
    struct picture_view view = {{seen->data[0], seen->data[1], seen->data[2]},
                                {seen->linesize[0], seen->linesize[1], seen->linesize[2]}};
    picture_measure_frame(s->measure, &view, to);
    if (s->light)
        look_at_light(s, &view, to);
    return true;
}

// ---- pictures, here

static bool give(struct measuring *m, AVFrame *f, int64_t time, int flags, struct error *err)
{
    return line_give(m->see.line, (struct piece){.frame = f, .time = time, .flags = flags}, err);
}

static bool lose(struct measuring *m, int64_t before, struct error *err)
{
    int64_t time;
    bool done = true;
    while (done && places_lost(&m->places, before, &time))
        done = give(m, NULL, time, 0, err);
    return done;
}

static bool take_frame(struct measuring *m, AVFrame *f, struct error *err)
{
    int64_t time;
    if (!places_find(&m->places, f, &time))
        return true;
    if (!lose(m, time, err))
        return false;
    places_took(&m->places);
    AVFrame *kept = av_frame_clone(f);
    return (kept || error_set(err, ERROR_TOO_BIG, "no memory for a frame")) &&
           give(m, kept, time, (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags, err);
}

static bool drain(struct measuring *m, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_frame(m->decoder, m->frame) >= 0) {
        done = take_frame(m, m->frame, err);
        av_frame_unref(m->frame);
    }
    return done;
}

static bool take_video(struct measuring *m, AVPacket *packet, struct error *err)
{
    places_expect(&m->places, m->m, packet);
    if (avcodec_send_packet(m->decoder, packet) == AVERROR(EAGAIN)) {
        if (!drain(m, err))
            return false;
        avcodec_send_packet(m->decoder, packet);
    }
    return drain(m, err);
}

static bool find_times(struct measuring *m, struct error *err)
{
    const char *rate = json_string_value(json_object_get(m->facts, "rate"));
    const json_t *tc = json_object_get(m->facts, "timecode");
    if (!rate || !rational_parse(text_of(rate), &m->rate, err) || m->rate.num <= 0)
        return error_set(err, ERROR_INPUT, "the facts have no rate");
    AVRational base = media_video_base(m->m);
    struct seeing *s = &m->see;
    if (!json_is_true(json_object_get(m->facts, "vfr")) && !m->m->pictures) {
        s->step_num = m->rate.den * base.den;
        s->step_den = m->rate.num * base.num;
    }
    s->base = (int)json_integer_value(json_object_get(tc, "base"));
    s->base = s->base > 0 ? s->base : (int)rescale(1, (rational){1, 1}, m->rate, ROUND_NEAREST);
    s->second = (int)rescale(1, (rational){1, 1}, m->rate, ROUND_UP);
    s->total = json_integer_value(json_object_get(m->facts, "duration_frames"));
    return true;
}

// ---- sound

// Dialogue is in the centre, or in the middle of left and right.
static void find_voice(struct track *t, const AVChannelLayout *l)
{
    int centre = av_channel_layout_index_from_channel(l, AV_CHAN_FRONT_CENTER);
    int left = av_channel_layout_index_from_channel(l, AV_CHAN_FRONT_LEFT);
    int right = av_channel_layout_index_from_channel(l, AV_CHAN_FRONT_RIGHT);
    bool pair = centre < 0 && left >= 0 && right >= 0;
    t->left = pair ? left : centre >= 0 ? centre : 0;
    t->right = pair ? right : t->left;
}

// BS.1770: channels at the sides count 1.41, LFE not at all. Six without labels are supposed to be
// L R C LFE Ls Rs.
static void weigh_channels(struct track *t, const AVChannelLayout *layout)
{
    AVChannelLayout supposed = {0};
    t->labelled = layout->order == AV_CHANNEL_ORDER_NATIVE;
    if (!t->labelled)
        av_channel_layout_default(&supposed, layout->nb_channels);
    const AVChannelLayout *l = t->labelled ? layout : &supposed;
    av_channel_layout_describe(l, t->layout, sizeof(t->layout));
    bool seven = av_channel_layout_index_from_channel(l, AV_CHAN_SIDE_LEFT) >= 0 &&
                 av_channel_layout_index_from_channel(l, AV_CHAN_BACK_LEFT) >= 0;
    for (int c = 0; c < layout->nb_channels && c < 64; c++) {
        enum AVChannel is = av_channel_layout_channel_from_index(l, (unsigned)c);
        bool side = is == AV_CHAN_SIDE_LEFT || is == AV_CHAN_SIDE_RIGHT;
        bool back = is == AV_CHAN_BACK_LEFT || is == AV_CHAN_BACK_RIGHT;
        bool low = is == AV_CHAN_LOW_FREQUENCY || is == AV_CHAN_LOW_FREQUENCY_2;
        t->weights[c] = low ? 0 : side || (back && !seven) ? 1.41253754 : 1;
    }
    find_voice(t, l);
    av_channel_layout_uninit(&supposed);
}

static bool open_track(struct measuring *m, int stream, struct error *err)
{
    struct track *t = &m->tracks[m->track_count];
    const AVStream *s = m->m->format->streams[stream];
    struct error ignored;
    *t = (struct track){.stream = stream};
    if (!decoder_open(s->codecpar, s->time_base, 1, &t->decoder, &ignored))
        return true;
    int channels = t->decoder->ch_layout.nb_channels;
    if (channels < 1 || channels > 64 || t->decoder->sample_rate < 8000 ||
        t->decoder->sample_rate > 384000 || t->decoder->sample_fmt == AV_SAMPLE_FMT_NONE) {
        avcodec_free_context(&t->decoder);
        return true;
    }
    if (swr_alloc_set_opts2(&t->planar, &t->decoder->ch_layout, AV_SAMPLE_FMT_FLTP,
                            t->decoder->sample_rate, &t->decoder->ch_layout, t->decoder->sample_fmt,
                            t->decoder->sample_rate, 0, NULL) < 0 ||
        swr_init(t->planar) < 0) {
        avcodec_free_context(&t->decoder);
        return error_set(err, ERROR_UNSUPPORTED, "its sound can not be converted");
    }
    weigh_channels(t, &t->decoder->ch_layout);
    t->measure = sound_measure_open(
        &(struct sound_shape){channels, t->decoder->sample_rate, m->rate, t->weights, NULL});
    // Of mono tracks, those of a programme count (programme_json).
    if (channels > 1 || m->track_count < PROGRAMME_MOST)
        t->speech = speech_open(t->decoder->sample_rate);
    m->track_count++;
    return true;
}

static bool open_tracks(struct measuring *m, struct error *err)
{
    bool done = true;
    m->tracks = calloc(TRACKS_MOST, sizeof(*m->tracks));
    for (unsigned i = 0; done && !m->m->pictures && i < m->m->format->nb_streams; i++)
        if (m->m->format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
            m->track_count < TRACKS_MOST)
            done = open_track(m, (int)i, err);
    return done;
}

static void hear_samples(struct track *t, const float *const *planes, int64_t count)
{
    sound_measure_add(t->measure, planes, count);
    if (!t->speech)
        return;
    if (!planes || t->left == t->right)
        speech_add(t->speech, planes ? planes[t->left] : NULL, count);
    else
        speech_add_middle(t->speech, planes[t->left], planes[t->right], count);
}

static bool hear(struct measuring *m, struct track *t, const AVFrame *f, struct error *err)
{
    int64_t skip, silence;
    uint8_t **planes = NULL;
    if (!sound_place(m->m, t->stream, f, t->at, &skip, &silence)) {
        t->early += f->nb_samples;
        return true;
    }
    t->early += skip;
    hear_samples(t, NULL, silence);
    int channels = t->decoder->ch_layout.nb_channels, got = 0;
    if (av_samples_alloc_array_and_samples(&planes, NULL, channels, f->nb_samples + 64,
                                           AV_SAMPLE_FMT_FLTP, 0) < 0)
        return error_set(err, ERROR_TOO_BIG, "no memory for its sound");
    got = swr_convert(t->planar, planes, f->nb_samples + 64, (const uint8_t **)f->extended_data,
                      f->nb_samples);
    skip = skip < got ? skip : got;
    const float *at[64];
    for (int c = 0; c < channels; c++)
        at[c] = (const float *)(const void *)planes[c] + (skip > 0 ? skip : 0);
    if (got > skip)
        hear_samples(t, at, got - skip);
    t->at += silence + (got > skip ? got - skip : 0);
    av_freep(&planes[0]);
    av_freep(&planes);
    return true;
}

static bool take_audio(struct measuring *m, struct track *t, AVPacket *packet, struct error *err)
{
    bool done = true;
    if (avcodec_send_packet(t->decoder, packet) < 0 && packet)
        t->hurt++;
    while (done && avcodec_receive_frame(t->decoder, m->frame) >= 0) {
        bool same = m->frame->ch_layout.nb_channels == t->decoder->ch_layout.nb_channels &&
                    m->frame->format == t->decoder->sample_fmt && m->frame->nb_samples > 0;
        done = !same || hear(m, t, m->frame, err);
        av_frame_unref(m->frame);
    }
    return done;
}

// ---- the whole

static bool whole_pass(struct measuring *m, struct error *err)
{
    AVPacket *packet = av_packet_alloc();
    bool done = true;
    int code = 0;
    while (done && !m->enough && (code = media_read(m->m, packet)) >= 0) {
        if (packet->stream_index == m->m->video && m->decoder)
            done = take_video(m, packet, err);
        for (int i = 0; done && i < m->track_count; i++)
            if (packet->stream_index == m->tracks[i].stream && !m->m->pictures)
                done = take_audio(m, &m->tracks[i], packet, err);
        if (!m->decoder && m->track_count)
            say_progress(m->tracks[0].at, m->see.total, "samples", &m->see.said_us);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (done && code == AVERROR(EIO))
        return media_error(err, code, m->m, "reading it");
    if (done && m->decoder) {
        avcodec_send_packet(m->decoder, NULL);
        done = drain(m, err) && lose(m, INT64_MAX, err) && line_wait(m->see.line, err);
    }
    for (int i = 0; done && i < m->track_count; i++) {
        done = take_audio(m, &m->tracks[i], NULL, err);
        sound_measure_end(m->tracks[i].measure);
        if (m->tracks[i].speech)
            speech_end(m->tracks[i].speech);
    }
    return done;
}

static json_t *loudness_json(const double *energy, size_t count, const uint8_t *speech,
                             size_t speech_count)
{
    struct loudness l = loudness_of(energy, count);
    double share, dialogue = loudness_dialogue(energy, count, speech, speech_count, &share);
    return json_pack("{s:f, s:f, s:f, s:I, s:f, s:I, s:f, s:f}", "integrated", l.integrated,
                     "range", l.range, "momentary", l.momentary, "momentary_ms",
                     (json_int_t)l.momentary_at * 100, "short_term", l.short_term, "short_term_ms",
                     (json_int_t)l.short_term_at * 100, "dialogue", dialogue, "speech", share);
}

static const uint8_t *speech_of(const struct track *t, size_t *count)
{
    *count = 0;
    return t->speech ? speech_found(t->speech, count) : NULL;
}

// Loudness of each piece of 100 ms, in 1/100 LUFS.
static json_t *blocks_json(const double *energy, size_t count)
{
    json_t *to = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            to, json_integer(energy[i] > 1e-19 ? lround(-69.1 + 1000 * log10(energy[i])) : -20000));
    return to;
}

static json_t *track_json(const struct measuring *m, const struct track *t)
{
    size_t count, speech_count;
    const double *energy = sound_measure_energy(t->measure, &count);
    const uint8_t *speech = speech_of(t, &speech_count);
    const AVDictionaryEntry *language =
        av_dict_get(m->m->format->streams[t->stream]->metadata, "language", NULL, 0);
    return json_pack("{s:i, s:s, s:b, s:s, s:I, s:I, s:I, s:o, s:o}", "stream", t->stream, "layout",
                     t->layout, "labelled", t->labelled, "language",
                     language && text_utf8(text_of(language->value)) ? language->value : "und",
                     "samples", (json_int_t)sound_measure_samples(t->measure), "early",
                     (json_int_t)t->early, "hurt", (json_int_t)t->hurt, "loudness",
                     loudness_json(energy, count, speech, speech_count), "blocks",
                     blocks_json(energy, count));
}

// Where somebody speaks in mono tracks: in the centre of six, in either of two.
static uint8_t *programme_speech(const struct measuring *m, int of, size_t least)
{
    uint8_t *to = calloc(least + 1, 1);
    for (int i = of == 2 ? 0 : 2; to && i <= (of == 2 ? 1 : 2); i++) {
        size_t count;
        const uint8_t *one = speech_of(&m->tracks[i], &count);
        for (size_t k = 0; k < least && k < count; k++)
            to[k] |= one[k];
    }
    return to;
}

// Mono tracks that together are a programme: the first two as a pair, six as 5.1.
static json_t *programme_json(const struct measuring *m)
{
    int count = m->track_count;
    bool mono = count == 2 || count >= PROGRAMME_MOST;
    for (int i = 0; i < count && i < PROGRAMME_MOST; i++)
        mono = mono && m->tracks[i].decoder->ch_layout.nb_channels == 1;
    if (!mono)
        return NULL;
    int of = count == 2 ? 2 : PROGRAMME_MOST;
    size_t least = SIZE_MAX, pieces;
    for (int i = 0; i < of; i++) {
        sound_measure_energy(m->tracks[i].measure, &pieces);
        least = pieces < least ? pieces : least;
    }
    static const double weights[PROGRAMME_MOST] = {1, 1, 1, 0, 1.41253754, 1.41253754};
    double *sum = calloc(least + 1, sizeof(*sum));
    for (int i = 0; i < of; i++) {
        const double *one = sound_measure_energy(m->tracks[i].measure, &pieces);
        for (size_t k = 0; k < least; k++)
            sum[k] += one[k] * weights[i];
    }
    uint8_t *speech = programme_speech(m, of, least);
    json_t *to = json_pack("{s:i, s:o}", "tracks", of, "loudness",
                           loudness_json(sum, least, speech, speech ? least : 0));
    free(speech);
    free(sum);
    return to;
}

// MaxCLL and MaxFALL of a PQ picture; NULL: it is none.
static json_t *light_json(const struct seeing *s)
{
    struct picture_levels l;
    if (!s->light)
        return NULL;
    picture_light_levels(s->light, &l);
    return json_pack("{s:I, s:I, s:I, s:I}", "max_cll", (json_int_t)llround(l.max_cll), "max_fall",
                     (json_int_t)llround(l.max_fall), "max_cll_frame", (json_int_t)l.cll_frame,
                     "max_fall_frame", (json_int_t)l.fall_frame);
}

static json_t *summary_of(const struct measuring *m)
{
    const struct seeing *s = &m->see;
    json_t *to = json_pack("{s:i, s:o}", "version", 1, "tracks", json_array());
    for (int i = 0; i < m->track_count; i++)
        json_array_append_new(json_object_get(to, "tracks"), track_json(m, &m->tracks[i]));
    json_t *programme = programme_json(m);
    if (programme)
        json_object_set_new(to, "programme", programme);
    json_object_set(to, "facts", m->facts);
    if (!s->measure)
        return to;
    json_object_set(to, "essence", s->essence);
    json_object_set_new(to, "interlaced_frames", json_integer(s->interlaced));
    json_object_set_new(to, "top_first_frames", json_integer(s->top_first));
    json_object_set_new(to, "changed_frames", json_integer(s->changed));
    const AVCodecParameters *d = m->m->declared;
    if (d && d->width > 0)
        json_object_set_new(to, "container",
                            tags_of(d->width, d->height, d->color_primaries, d->color_trc,
                                    d->color_space, d->color_range, d->sample_aspect_ratio));
    struct picture_pixel pixels[PIXELS_MOST];
    int count = picture_measure_pixels(s->measure, pixels, PIXELS_MOST);
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:i, s:i, s:i, s:i}", "x", pixels[i].x, "y", pixels[i].y,
                                        "seen", pixels[i].seen, "of", pixels[i].of));
    json_object_set_new(to, "pixels", list);
    if (s->light)
        json_object_set_new(to, "light", light_json(s));
    return to;
}

static bool write_all(struct measuring *m, struct error *err)
{
    struct measure_track tracks[TRACKS_MOST];
    for (int i = 0; i < m->track_count; i++)
        tracks[i] = sound_measure_track(m->tracks[i].measure);
    struct measure all = {.summary = summary_of(m),
                          .rate = m->rate,
                          .frames = m->see.count,
                          .at = m->see.frames,
                          .track_count = (size_t)m->track_count,
                          .tracks = tracks};
    struct buf file = BUF_LIMIT((size_t)8 << 30);
    measure_write(&all, &file);
    bool done = !file.over || error_set(err, ERROR_TOO_BIG, "the measurement is too large");
    done = done && output_whole(m->outputs, "measure", "measure.phm", file.at, file.size, err);
    buf_free(&file);
    json_decref(all.summary);
    return done;
}

static void close_all(struct measuring *m)
{
    line_close(m->see.line);
    for (int i = 0; i < m->track_count; i++) {
        avcodec_free_context(&m->tracks[i].decoder);
        swr_free(&m->tracks[i].planar);
        sound_measure_close(m->tracks[i].measure);
        speech_close(m->tracks[i].speech);
    }
    free(m->tracks);
    free(m->see.frames);
    picture_measure_close(m->see.measure);
    picture_light_close(m->see.light);
    sws_freeContext(m->see.convert);
    av_frame_free(&m->see.converted);
    json_decref(m->see.essence);
    avcodec_free_context(&m->decoder);
    av_frame_free(&m->frame);
    places_free(&m->places);
    media_close(m->m);
    named_close(m->named);
    json_decref(m->facts);
}

static bool open_all(struct measuring *m, struct error *err)
{
    m->named = named_open(m->t);
    if ((!m->facts && !probe(m->t, &m->facts, err)) || !media_open(m->t, &m->m, err))
        return false;
    m->m->saw = named_saw, m->m->saw_context = m->named;
    const json_t *video = json_array_get(json_object_get(m->facts, "video"), 0);
    const char *transfer = json_string_value(json_object_get(video, "transfer"));
    m->see.pq = transfer && strcmp(transfer, "smpte2084") == 0;
    m->rate = (rational){25, 1};
    m->see.total = json_integer_value(json_object_get(m->facts, "duration_frames"));
    return (m->m->video < 0 || (find_times(m, err) &&
                                decoder_open(media_video(m->m), media_video_base(m->m),
                                             m->t->threads, &m->decoder, err) &&
                                line_open(see, &m->see, &m->see.line, err))) &&
           open_tracks(m, err);
}

// What of its bytes is read once more, when all frames are measured.
static void say_reading(void *context, int64_t done, int64_t total)
{
    say_progress(done, total, "bytes", context);
}

bool measure(const struct ticket *t, json_t **result, struct error *err)
{
    struct measuring m = {
        .t = t, .facts = json_incref(t->facts), .outputs = json_array(), .frame = av_frame_alloc()};
    json_t *bytes = NULL;
    int64_t said_us = 0;
    bool done = open_all(&m, err) && whole_pass(&m, err) &&
                named_finish(m.named, say_reading, &said_us, &bytes, err) && write_all(&m, err);
    if (done)
        *result = json_pack("{s:O, s:I, s:O}", "outputs", m.outputs, "frames",
                            (json_int_t)m.see.count, "bytes", bytes);
    json_decref(bytes);
    if (done && m.see.light)
        json_object_set_new(*result, "light", light_json(&m.see));
    json_decref(m.outputs);
    close_all(&m);
    return done;
}

// ---- pictures of chosen frames

struct choosing {
    struct measuring m; // for its reading and its places
    struct shaper *shaper;
    size_t next;
    json_t *list;
};

static bool choose(void *context, struct piece *p, struct error *err)
{
    struct choosing *c = context;
    int64_t number = c->m.see.count++;
    say_progress(number, c->m.see.total, "frames", &c->m.see.said_us);
    if (number != json_integer_value(json_array_get(c->m.t->frames, c->next)) ||
        c->next >= json_array_size(c->m.t->frames))
        return true;
    c->next++;
    c->m.enough = c->next == json_array_size(c->m.t->frames);
    if (!p->frame)
        return true;
    int w, h;
    picture_fit(p->frame->width, p->frame->height, 640, 360, &w, &h);
    if (!c->shaper)
        c->shaper = shaper_open(&(struct shape){.width = w, .height = h, .full = true});
    AVFrame *upright = shaper_make(c->shaper, p->frame);
    char name[40];
    snprintf(name, sizeof(name), "frame-%07lld.jpg", (long long)number);
    bool done = upright ? jpeg_write(c->list, "still", name, upright, err)
                        : error_set(err, ERROR_TOO_BIG, "no memory for a picture");
    av_frame_free(&upright);
    return done;
}

bool stills(const struct ticket *t, json_t **result, struct error *err)
{
    struct choosing c = {.m = {.t = t, .facts = json_incref(t->facts), .frame = av_frame_alloc()},
                         .list = json_array()};
    struct measuring *m = &c.m;
    bool done = (m->facts || probe(t, &m->facts, err)) && media_open(t, &m->m, err);
    if (done && m->m->video < 0)
        done = error_set(err, ERROR_INPUT, "there are no pictures in %s", t->inputs[0].name);
    done = done && find_times(m, err) &&
           decoder_open(media_video(m->m), media_video_base(m->m), t->threads, &m->decoder, err) &&
           line_open(choose, &c, &m->see.line, err) && whole_pass(m, err);
    if (done)
        *result = json_pack("{s:O}", "outputs", c.list);
    close_all(m);
    shaper_close(c.shaper);
    json_decref(c.list);
    return done;
}
