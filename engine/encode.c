/*
 * A deliverable by its profile: the source's rate, start timecode, colour, channels and languages
 * are carried over, one frame for each of the source. A frame that is lost or damaged is concealed:
 * the one before is repeated, and it is said.
 *
 * A source without a constant rate gets one: facts.constant says which, by which rule and how many
 * frames. A frame of the source begins at the frame of the deliverable that is nearest to its time
 * and stays until the next one begins; one that begins where the next one does is dropped.
 */
#include "engine/media.h"
#include "engine/picture.h"
#include "engine/places.h"
#include "engine/sound.h"
#include "formats/profile/profile.h"
#include "plat/clock.h"
#include "time/timecode.h"

#include <errno.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOUNDS 64
#define DAMAGE_ROWS 200

struct sound {
    int from; // stream of the source
    AVCodecContext *decoder, *encoder;
    SwrContext *convert;
    AVAudioFifo *waiting;
    AVStream *stream;
    int64_t sent;
    int64_t at; // samples of the source that went in, silence too
};

struct encoding {
    const struct ticket *t;
    const json_t *profile, *video, *audio;
    json_t *facts;
    struct media *m;
    AVFormatContext *out;
    int file;
    int64_t at;
    AVCodecContext *decoder, *encoder;
    AVStream *stream;
    struct shaper *shaper;
    struct SwsContext *scale;
    rational rate;
    int64_t frames, total, said_us;
    struct places places;
    int64_t place;  // of the source: frames that came or were lost
    int64_t early;  // of these lost before the first that could be decoded
    AVFrame *last;  // as it is encoded
    bool vfr, kept; // kept: `last` is not shown yet
    int64_t first_time, repeated, dropped;
    json_t *damage;
    struct sound sounds[SOUNDS];
    int sound_count;
    bool started;
    int write_error;
    AVPacket *packet;
    AVFrame *frame;
};

static int io_write(void *opaque, uint8_t *at, int size)
{
    struct encoding *e = opaque;
    for (int done = 0; done < size;) {
        ssize_t n = pwrite(e->file, at + done, (size_t)(size - done), e->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            e->write_error = n ? errno : EIO;
            return AVERROR(e->write_error);
        }
        done += (int)n, e->at += n;
    }
    return size;
}

static int64_t io_seek(void *opaque, int64_t offset, int whence)
{
    struct encoding *e = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return lseek(e->file, 0, SEEK_END);
    return e->at = whence == SEEK_CUR ? e->at + offset : offset;
}

static int number(const json_t *o, const char *name, int otherwise)
{
    const json_t *v = json_object_get(o, name);
    return v ? (int)json_integer_value(v) : otherwise;
}

static const char *word(const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t ? t : "";
}

static bool failed(struct encoding *e, int code, struct error *err)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof(text));
    if (e->write_error)
        return error_errno(err, e->write_error, "cannot write %s", e->t->output);
    error_set(err, ERROR_UNSUPPORTED, "%s can not be made as %s", e->t->inputs[0].name,
              word(e->profile, "title"));
    error_why(err, "the encoder or the container refuses it: %s", text);
    return error_fix(err, "choose another profile");
}

static bool write_packets(struct encoding *e, AVCodecContext *from, AVStream *to, struct error *err)
{
    int code = 0;
    while (code >= 0 && avcodec_receive_packet(from, e->packet) >= 0) {
        e->packet->stream_index = to->index;
        if (!e->packet->duration && from == e->encoder)
            e->packet->duration = 1;
        av_packet_rescale_ts(e->packet, from->time_base, to->time_base);
        code = av_interleaved_write_frame(e->out, e->packet);
    }
    return code >= 0 || failed(e, code, err);
}

// ---- sound

static bool open_sound(struct encoding *e, int index, struct error *err)
{
    const AVStream *s = e->m->format->streams[index];
    struct sound *o = &e->sounds[e->sound_count];
    if (!decoder_open(s->codecpar, s->time_base, 1, &o->decoder, err))
        return false;
    const AVCodec *codec = avcodec_find_encoder_by_name(word(e->audio, "codec"));
    AVCodecContext *c = o->encoder = avcodec_alloc_context3(codec);
    AVChannelLayout have = {0};
    if (o->decoder->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
        av_channel_layout_copy(&have, &o->decoder->ch_layout);
    else
        av_channel_layout_default(&have, o->decoder->ch_layout.nb_channels);
    int channels = number(e->audio, "channels", 0);
    if (channels)
        av_channel_layout_default(&c->ch_layout, channels);
    else
        av_channel_layout_copy(&c->ch_layout, &have);
    c->sample_rate = number(e->audio, "rate", 48000);
    c->sample_fmt = codec->sample_fmts[0];
    c->bit_rate = number(e->audio, "bit_rate", 0);
    c->time_base = (AVRational){1, c->sample_rate};
    if (e->out->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(c, codec, NULL);
    if (code >= 0)
        code = swr_alloc_set_opts2(&o->convert, &c->ch_layout, c->sample_fmt, c->sample_rate, &have,
                                   o->decoder->sample_fmt, o->decoder->sample_rate, 0, NULL);
    if (code >= 0)
        code = swr_init(o->convert);
    av_channel_layout_uninit(&have);
    if (code < 0)
        return failed(e, code, err);
    o->waiting = av_audio_fifo_alloc(c->sample_fmt, c->ch_layout.nb_channels, 8192);
    o->stream = avformat_new_stream(e->out, NULL);
    avcodec_parameters_from_context(o->stream->codecpar, c);
    o->stream->time_base = c->time_base;
    const AVDictionaryEntry *language = av_dict_get(s->metadata, "language", NULL, 0);
    if (language)
        av_dict_set(&o->stream->metadata, "language", language->value, 0);
    o->from = index;
    e->sound_count++;
    return true;
}

static bool encode_waiting(struct encoding *e, struct sound *o, bool all, struct error *err)
{
    int size = o->encoder->frame_size ? o->encoder->frame_size : 1024, have;
    bool done = true;
    if (!e->started && !all) // the picture's first frame begins the file
        return true;
    while (done && (have = av_audio_fifo_size(o->waiting)) > 0 && (have >= size || all)) {
        AVFrame *f = av_frame_alloc();
        f->format = o->encoder->sample_fmt;
        f->nb_samples = have < size ? have : size;
        f->sample_rate = o->encoder->sample_rate;
        av_channel_layout_copy(&f->ch_layout, &o->encoder->ch_layout);
        av_frame_get_buffer(f, 0);
        av_audio_fifo_read(o->waiting, (void **)f->extended_data, f->nb_samples);
        f->pts = o->sent;
        o->sent += f->nb_samples;
        int code = avcodec_send_frame(o->encoder, f);
        done = code >= 0 ? write_packets(e, o->encoder, o->stream, err) : failed(e, code, err);
        av_frame_free(&f);
    }
    return done;
}

static bool convert_sound(struct sound *o, const uint8_t **from, int count, struct error *err)
{
    int room = swr_get_out_samples(o->convert, count) + 32;
    uint8_t **planes = NULL;
    if (av_samples_alloc_array_and_samples(&planes, NULL, o->encoder->ch_layout.nb_channels, room,
                                           o->encoder->sample_fmt, 0) < 0)
        return error_set(err, ERROR_TOO_BIG, "no memory for sound");
    int out = swr_convert(o->convert, planes, room, from, count);
    if (out > 0)
        av_audio_fifo_write(o->waiting, (void **)planes, out);
    av_freep(&planes[0]);
    av_freep(&planes);
    return true;
}

// Silence before, or samples off the front, so that the sound stays with its picture.
static bool place_sound(struct encoding *e, struct sound *o, const AVFrame *f, struct error *err)
{
    // No samples; NULL would end the resampler.
    static const uint8_t *nothing[SOUNDS];
    int64_t skip, silence;
    if (!sound_place(e->m, o->from, f, o->at, &skip, &silence))
        return false;
    if (skip)
        swr_drop_output(o->convert,
                        (int)av_rescale(skip, o->encoder->sample_rate, o->decoder->sample_rate));
    o->at += silence + f->nb_samples - skip;
    for (; silence > 0; silence -= 48000)
        if (swr_inject_silence(o->convert, silence < 48000 ? (int)silence : 48000) < 0 ||
            !convert_sound(o, nothing, 0, err))
            return false;
    return true;
}

static bool take_sound(struct encoding *e, struct sound *o, AVPacket *p, struct error *err)
{
    avcodec_send_packet(o->decoder, p);
    bool done = true;
    while (done && avcodec_receive_frame(o->decoder, e->frame) >= 0) {
        AVFrame *f = e->frame;
        bool same = f->ch_layout.nb_channels == o->decoder->ch_layout.nb_channels &&
                    f->format == o->decoder->sample_fmt;
        error_clear(err);
        if (same && place_sound(e, o, f, err))
            done = convert_sound(o, (const uint8_t **)f->extended_data, f->nb_samples, err);
        else
            done = !err->what[0];
        av_frame_unref(f);
        done = done && encode_waiting(e, o, false, err);
    }
    return done && (p || (convert_sound(o, NULL, 0, err) && encode_waiting(e, o, true, err)));
}

// ---- picture

static void carry_colour(AVCodecContext *c, const AVFrame *f)
{
    c->color_primaries = f->color_primaries;
    c->color_trc = f->color_trc;
    c->colorspace = f->colorspace;
    c->color_range = AVCOL_RANGE_MPEG;
    c->chroma_sample_location = f->chroma_location;
    c->sample_aspect_ratio = f->sample_aspect_ratio;
}

static void carry_hdr(struct encoding *e)
{
    static const enum AVPacketSideDataType kinds[] = {AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
                                                      AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
                                                      AV_PKT_DATA_DISPLAYMATRIX};
    for (int i = 0; e->m->format && !json_is_true(json_object_get(e->video, "sdr")) && i < 3; i++) {
        size_t size;
        const uint8_t *d =
            av_stream_get_side_data(e->m->format->streams[e->m->video], kinds[i], &size);
        uint8_t *to = d ? av_stream_new_side_data(e->stream, kinds[i], size) : NULL;
        if (to)
            memcpy(to, d, size);
    }
}

static void carry_timecode(struct encoding *e)
{
    const json_t *tc = json_object_get(e->facts, "timecode");
    const char *start = json_string_value(json_object_get(tc, "start"));
    AVDictionary **to = e->stream ? &e->stream->metadata : NULL;
    // QuickTime's and MXF's labels count whole labels: the ".1" of a pair's second frame has no
    // place.
    char label[12];
    if (!start)
        return;
    snprintf(label, sizeof(label), "%.11s", start);
    if (to)
        av_dict_set(to, "timecode", label, 0);
}

static bool start_picture(struct encoding *e, const AVFrame *f, struct error *err)
{
    const json_t *v = json_object_get(e->facts, "video"), *option;
    const char *name;
    const json_t *fact = json_array_get(v, 0);
    bool sdr = json_is_true(json_object_get(e->video, "sdr"));
    const AVCodec *codec = avcodec_find_encoder_by_name(word(e->video, "codec"));
    AVCodecContext *c = e->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c)
        return error_set(err, ERROR_UNSUPPORTED, "no encoder %s is there", word(e->video, "codec"));
    int w = sdr ? number(fact, "display_width", f->width) : f->width;
    int h = sdr ? number(fact, "display_height", f->height) : f->height;
    int most_w = number(e->video, "width", w), most_h = number(e->video, "height", h);
    if (w > most_w || h > most_h) {
        bool wide = (int64_t)w * most_h >= (int64_t)h * most_w;
        int nw = wide ? most_w : (int)((int64_t)w * most_h / h);
        h = wide ? (int)((int64_t)h * most_w / w) : most_h;
        w = nw;
    }
    c->width = w & ~1, c->height = h & ~1;
    c->pix_fmt = av_get_pix_fmt(word(e->video, "pixel_format"));
    c->time_base = (AVRational){(int)e->rate.den, (int)e->rate.num};
    c->framerate = (AVRational){(int)e->rate.num, (int)e->rate.den};
    c->thread_count = e->t->threads;
    carry_colour(c, f);
    if (sdr) {
        e->shaper = shaper_open(&(struct shape){
            .rotation = number(fact, "rotation", 0), .width = c->width, .height = c->height});
        c->color_primaries = AVCOL_PRI_BT709, c->color_trc = AVCOL_TRC_BT709;
        c->colorspace = AVCOL_SPC_BT709;
        c->sample_aspect_ratio = (AVRational){1, 1};
    } else if (f->interlaced_frame) {
        c->flags |= AV_CODEC_FLAG_INTERLACED_DCT;
        c->field_order = f->top_field_first ? AV_FIELD_TT : AV_FIELD_BB;
    }
    if (number(e->video, "gop_s", 0))
        c->gop_size =
            (int)rescale(number(e->video, "gop_s", 2), (rational){1, 1}, e->rate, ROUND_DOWN);
    if (e->out->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    AVDictionary *options = NULL;
    json_object_foreach(json_object_get(e->video, "options"), name, option)
        av_dict_set(&options, name, json_string_value(option), 0);
    int code = avcodec_open2(c, codec, &options);
    av_dict_free(&options);
    if (code < 0)
        return failed(e, code, err);
    avcodec_parameters_from_context(e->stream->codecpar, c);
    e->stream->time_base = c->time_base;
    e->stream->avg_frame_rate = c->framerate;
    e->stream->r_frame_rate = c->framerate;
    e->stream->sample_aspect_ratio = c->sample_aspect_ratio;
    carry_hdr(e);
    return true;
}

static bool start_file(struct encoding *e, struct error *err)
{
    AVDictionary *options = NULL;
    char size[32];
    if (strcmp(word(e->profile, "container"), "mp4") == 0) {
        // Room for the index at the front, so that it plays from a web site at once.
        snprintf(size, sizeof(size), "%lld", 65536 + (long long)e->total * 40);
        av_dict_set(&options, "moov_size", size, 0);
    }
    av_dict_set(&options, "movflags", "write_colr", 0);
    av_dict_set(&options, "rf64", "auto", 0);
    av_dict_set(&options, "write_bext", "1", 0);
    carry_timecode(e);
    const json_t *tags = json_object_get(e->facts, "tags");
    const json_t *tc = json_object_get(e->facts, "timecode");
    if (!e->stream && tc) {
        const char *exact = json_string_value(json_object_get(tags, "time_reference"));
        int64_t samples = 0;
        struct tc_rate rate;
        if (exact && text_int(text_of(exact), &samples) && e->sounds[0].decoder)
            samples = rescale(samples, (rational){e->sounds[0].decoder->sample_rate, 1},
                              (rational){e->sounds[0].encoder->sample_rate, 1}, ROUND_NEAREST);
        else if (tc_rate_make(e->rate, json_is_true(json_object_get(tc, "drop")), &rate, err))
            samples = tc_to_samples(json_integer_value(json_object_get(tc, "start_frame")),
                                    e->sounds[0].encoder->sample_rate, &rate);
        snprintf(size, sizeof(size), "%lld", (long long)samples);
        av_dict_set(&e->out->metadata, "time_reference", size, 0);
    }
    int code = avformat_write_header(e->out, &options);
    av_dict_free(&options);
    e->started = code >= 0;
    return e->started || failed(e, code, err);
}

static void progress(struct encoding *e)
{
    int64_t now = clock_tick_us();
    if (now - e->said_us < 200000)
        return;
    e->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)e->frames, "total",
                       (json_int_t)e->total, "unit", e->stream ? "frames" : "samples"));
}

static AVFrame *converted(struct encoding *e, const AVFrame *f)
{
    if (e->shaper)
        return shaper_make(e->shaper, f);
    AVFrame *to = frame_new(e->encoder->pix_fmt, e->encoder->width, e->encoder->height);
    e->scale = sws_getCachedContext(e->scale, f->width, f->height, f->format, to->width, to->height,
                                    to->format, SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!to || !e->scale)
        return to;
    const int *matrix =
        sws_getCoefficients(f->colorspace == AVCOL_SPC_RGB ? SWS_CS_ITU709 : (int)f->colorspace);
    bool full = f->color_range == AVCOL_RANGE_JPEG || f->colorspace == AVCOL_SPC_RGB;
    sws_setColorspaceDetails(e->scale, matrix, full, matrix, 0, 0, 1 << 16, 1 << 16);
    sws_scale(e->scale, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to->data,
              to->linesize);
    // The ProRes encoder writes a frame's own colour into its header.
    to->color_primaries = f->color_primaries;
    to->color_trc = f->color_trc;
    to->colorspace = f->colorspace;
    to->color_range = AVCOL_RANGE_MPEG;
    to->interlaced_frame = f->interlaced_frame;
    to->top_field_first = f->top_field_first;
    return to;
}

static void hurt(struct encoding *e, const char *what)
{
    if (json_array_size(e->damage) < DAMAGE_ROWS)
        json_array_append_new(e->damage, json_pack("{s:s, s:s, s:I}", "where", "picture", "what",
                                                   what, "frame", (json_int_t)e->place));
}

// The last frame once more, at the next place of the deliverable.
static bool show(struct encoding *e, struct error *err)
{
    AVFrame *f = av_frame_clone(e->last);
    if (!f)
        return error_set(err, ERROR_TOO_BIG, "no memory for a frame");
    f->pts = e->frames++;
    int code = avcodec_send_frame(e->encoder, f);
    av_frame_free(&f);
    progress(e);
    return code >= 0 ? write_packets(e, e->encoder, e->stream, err) : failed(e, code, err);
}

// Shows the last frame up to `end`, where the next one begins.
static bool show_until(struct encoding *e, int64_t end, struct error *err)
{
    bool done = true;
    if (e->kept && e->frames >= end)
        e->dropped++;
    for (int64_t n = 0; done && e->frames < end; n++) {
        e->repeated += n > 0 || !e->kept;
        done = show(e, err);
    }
    e->kept = false;
    return done;
}

static int64_t place_of(const struct encoding *e, int64_t time)
{
    AVRational base = media_video_base(e->m);
    return rescale(time - e->first_time, (rational){base.den, base.num}, e->rate, ROUND_NEAREST);
}

// A frame of the source, or NULL for one that is lost, in order of display.
static bool take_place(struct encoding *e, AVFrame *f, int64_t time, struct error *err)
{
    if (!e->place)
        e->first_time = time;
    if (!f || (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags)
        hurt(e, f ? "the frame is damaged" : "the frame is lost: the one before is repeated");
    e->place++;
    if (f && !e->encoder && !(start_picture(e, f, err) && start_file(e, err)))
        return false;
    if (!f && !e->last)
        return e->early++, true;
    if (!f)
        return e->vfr || show(e, err);
    if (e->vfr && e->last && !show_until(e, place_of(e, time), err))
        return false;
    av_frame_free(&e->last);
    e->last = converted(e, f);
    if (!e->last)
        return error_set(err, ERROR_TOO_BIG, "no memory for a frame");
    e->kept = true;
    bool done = true;
    for (; !e->vfr && done && e->early; e->early--)
        done = show(e, err);
    return done && (e->vfr || show(e, err));
}

static bool lose(struct encoding *e, int64_t before, struct error *err)
{
    int64_t time;
    bool done = true;
    while (done && places_lost(&e->places, before, &time))
        done = take_place(e, NULL, time, err);
    return done;
}

static bool take_frames(struct encoding *e, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_frame(e->decoder, e->frame) >= 0) {
        int64_t time;
        if (places_find(&e->places, e->frame, &time)) {
            done = lose(e, time, err);
            places_took(&e->places);
            done = done && take_place(e, e->frame, time, err);
        }
        av_frame_unref(e->frame);
    }
    return done;
}

// ---- the whole

static bool open_output(struct encoding *e, struct error *err)
{
    if (!output_open(e->t->output, &e->file, err))
        return false;
    int code = avformat_alloc_output_context2(&e->out, NULL, word(e->profile, "container"), NULL);
    if (code < 0)
        return failed(e, code, err);
    e->out->pb = avio_alloc_context(av_malloc(1 << 20), 1 << 20, 1, e, NULL, io_write, io_seek);
    e->out->flags |= AVFMT_FLAG_CUSTOM_IO;
    if (e->video && e->m->video >= 0) {
        e->stream = avformat_new_stream(e->out, NULL);
        if (!decoder_open(media_video(e->m), media_video_base(e->m), e->t->threads, &e->decoder,
                          err))
            return false;
    }
    int most = number(e->audio, "streams", SOUNDS);
    for (unsigned i = 0; e->audio && e->m->format && i < e->m->format->nb_streams; i++)
        if (e->m->format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
            e->m->format->streams[i]->codecpar->sample_rate > 0 && e->sound_count < most &&
            e->sound_count < SOUNDS && !open_sound(e, (int)i, err))
            return false;
    if (e->stream ||
        (e->sound_count && (!e->video || strcmp(word(e->profile, "container"), "mxf"))))
        return true;
    error_set(err, ERROR_UNSUPPORTED, "%s can not be made of %s", word(e->profile, "title"),
              e->t->inputs[0].name);
    return error_why(err, e->video ? "it has no picture" : "it has no sound");
}

static bool whole_pass(struct encoding *e, struct error *err)
{
    AVPacket *p = av_packet_alloc();
    bool done = e->stream || start_file(e, err);
    int code = 0;
    // Sound that comes before the first picture waits in its queue: the file begins with the
    // picture.
    while (done && (code = media_read(e->m, p)) >= 0) {
        if (p->stream_index == e->m->video && e->decoder) {
            places_expect(&e->places, e->m, p);
            if (avcodec_send_packet(e->decoder, p) == AVERROR(EAGAIN)) {
                done = take_frames(e, err);
                avcodec_send_packet(e->decoder, p);
            }
            done = done && take_frames(e, err);
        }
        for (int i = 0; done && i < e->sound_count; i++)
            if (e->sounds[i].from == p->stream_index && e->m->format) {
                done = take_sound(e, &e->sounds[i], p, err);
                if (!e->stream && i == 0) {
                    e->frames = e->sounds[0].sent;
                    progress(e);
                }
            }
        av_packet_unref(p);
    }
    av_packet_free(&p);
    return done;
}

static bool finish(struct encoding *e, struct error *err)
{
    if (e->decoder) {
        avcodec_send_packet(e->decoder, NULL);
        if (!take_frames(e, err) || !lose(e, INT64_MAX, err) ||
            (e->vfr && e->last && !show_until(e, e->total, err)))
            return false;
        if (!e->encoder)
            return error_set(err, ERROR_DAMAGED, "no frame of %s can be decoded",
                             e->t->inputs[0].name);
        avcodec_send_frame(e->encoder, NULL);
        if (!write_packets(e, e->encoder, e->stream, err))
            return false;
    }
    for (int i = 0; i < e->sound_count; i++) {
        struct sound *o = &e->sounds[i];
        if (!take_sound(e, o, NULL, err))
            return false;
        avcodec_send_frame(o->encoder, NULL);
        if (!write_packets(e, o->encoder, o->stream, err))
            return false;
    }
    int code = av_write_trailer(e->out);
    avio_flush(e->out->pb);
    if (code < 0 || e->write_error)
        return failed(e, code, err);
    return fsync(e->file) == 0 || error_errno(err, errno, "cannot make %s durable", e->t->output);
}

// Facts of a time before the rule for frames without a constant rate are found again.
static bool have_facts(struct encoding *e, struct error *err)
{
    if (json_is_true(json_object_get(e->facts, "vfr")) && !json_object_get(e->facts, "constant")) {
        json_decref(e->facts);
        e->facts = NULL;
    }
    return e->facts || probe(e->t, &e->facts, err);
}

bool encode(const struct ticket *t, json_t **result, struct error *err)
{
    struct encoding e = {.t = t,
                         .profile = t->profile,
                         .video = json_object_get(t->profile, "video"),
                         .audio = json_object_get(t->profile, "audio"),
                         .facts = json_incref(t->facts),
                         .file = -1,
                         .damage = json_array(),
                         .packet = av_packet_alloc(),
                         .frame = av_frame_alloc()};
    bool done = profile_check(t->profile, word(t->profile, "name"), err) && have_facts(&e, err) &&
                media_open(t, &e.m, err);
    if (done) {
        const json_t *timing = json_object_get(e.facts, "constant");
        e.vfr = timing && e.m->video >= 0;
        e.total = json_integer_value(e.vfr ? json_object_get(timing, "frames")
                                           : json_object_get(e.facts, "duration_frames"));
        done = rational_parse(text_of(word(e.vfr ? timing : e.facts, "rate")), &e.rate, err) &&
               open_output(&e, err) && whole_pass(&e, err) && finish(&e, err);
    }
    if (done)
        *result =
            json_pack("{s:{s:s, s:I}, s:I, s:O}", "output", "name", t->output, "size",
                      (json_int_t)lseek(e.file, 0, SEEK_END), "frames",
                      (json_int_t)(e.stream ? e.frames : e.sounds[0].sent), "damage", e.damage);
    if (done && e.vfr)
        json_object_set_new(
            *result, "constant",
            json_pack("{s:O, s:O, s:I, s:I}", "rate",
                      json_object_get(json_object_get(e.facts, "constant"), "rate"), "rule",
                      json_object_get(json_object_get(e.facts, "constant"), "rule"), "repeated",
                      (json_int_t)e.repeated, "dropped", (json_int_t)e.dropped));
    for (int i = 0; i < SOUNDS; i++) {
        avcodec_free_context(&e.sounds[i].decoder);
        avcodec_free_context(&e.sounds[i].encoder);
        swr_free(&e.sounds[i].convert);
        av_audio_fifo_free(e.sounds[i].waiting);
    }
    avcodec_free_context(&e.decoder);
    avcodec_free_context(&e.encoder);
    shaper_close(e.shaper);
    sws_freeContext(e.scale);
    if (e.out) {
        av_freep(&e.out->pb->buffer);
        avio_context_free(&e.out->pb);
        avformat_free_context(e.out);
    }
    av_frame_free(&e.frame);
    av_packet_free(&e.packet);
    media_close(e.m);
    if (e.file >= 0)
        close(e.file);
    json_decref(e.facts);
    json_decref(e.damage);
    av_frame_free(&e.last);
    places_free(&e.places);
    return done;
}
