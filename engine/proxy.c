/*
 * All derived files of a version in one pass over it.
 *
 * A frame's number in the proxies is its place in display order. Every displayed packet's time is
 * put in a queue when it is sent to the decoder; a frame that comes out takes its own time off the
 * queue and says by it which ones before it were lost: those are shown as the frame before, held,
 * and flagged. So nothing is dropped and nothing doubled, whatever the decoder makes of damage.
 */
#include "engine/fmp4.h"
#include "engine/media.h"
#include "engine/picture.h"
#include "engine/sound.h"
#include "formats/frameindex/frameindex.h"
#include "plat/clock.h"

#include <errno.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOP 12
#define TILES 10 // a side of a sprite sheet
#define DAMAGE_ROWS 200

struct encoding { // scrub or review
    const char *name, *index_name;
    int width, height;
    AVCodecContext *encoder;
    struct fmp4 *file;
    int index; // descriptor
    int64_t index_size, packets;
};

struct place { // of a frame in the proxies
    int64_t time;
    int flags;
};

struct proxying {
    const struct ticket *t;
    json_t *facts;
    struct media *m;
    AVCodecContext *decoder, *sound;
    struct shaper *shaper;
    struct encoding scrub, review;
    struct SwsContext *smaller, *tile, *poster;
    // time
    rational rate;
    bool vfr;
    uint32_t timescale;
    int64_t step; // timescale of a frame at a constant rate
    int64_t first_time;
    // frames
    int64_t *pending;
    size_t pending_count, pending_room;
    int64_t next_place; // of a sequence: the number that is expected
    int64_t early;      // lost before the first frame that could be shown
    AVFrame *last;
    struct place *places;
    size_t place_count, place_room;
    int64_t total;
    AVPacket *packet;
    AVFrame *frame;
    AVFrame *sheet;
    int tile_width, tile_height, every, tiles, sheets;
    bool poster_done;
    // sound
    struct aac *stereo, *all;
    struct fmp4 *audio_file;
    struct peaks *peaks;
    SwrContext *planar;
    int64_t sound_at; // samples that went in, silence too
    // saying
    json_t *outputs, *damage;
    int64_t said_us;
};

// ---- outputs

static void announce(const char *kind, const char *name, bool growing)
{
    door_say(
        json_pack("{s:{s:s, s:s, s:b}}", "output", "kind", kind, "name", name, "growing", growing));
}

static void made(struct proxying *p, const char *kind, const char *name, int64_t size)
{
    json_array_append_new(p->outputs, json_pack("{s:s, s:s, s:I}", "kind", kind, "name", name,
                                                "size", (json_int_t)size));
    announce(kind, name, false);
}

static bool write_all(int file, const void *at, size_t size, int64_t offset, struct error *err)
{
    while (size) {
        ssize_t n = pwrite(file, at, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n ? errno : EIO, "cannot write the proxies");
        at = (const char *)at + n, size -= (size_t)n, offset += n;
    }
    return true;
}

static bool write_whole(struct proxying *p, const char *kind, const char *name, const void *at,
                        size_t size, struct error *err)
{
    int file;
    if (!output_open(name, &file, err))
        return false;
    bool done = write_all(file, at, size, 0, err) &&
                (fsync(file) == 0 || error_errno(err, errno, "cannot make %s durable", name));
    close(file);
    if (done)
        made(p, kind, name, (int64_t)size);
    return done;
}

static bool write_jpeg(struct proxying *p, const char *kind, const char *name, AVFrame *f,
                       struct error *err)
{
    AVCodecContext *e = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    e->width = f->width, e->height = f->height;
    e->pix_fmt = AV_PIX_FMT_YUVJ420P;
    e->color_range = AVCOL_RANGE_JPEG;
    e->time_base = (AVRational){1, 25};
    e->flags |= AV_CODEC_FLAG_QSCALE;
    e->global_quality = 4 * FF_QP2LAMBDA;
    e->thread_count = 1;
    f->quality = e->global_quality;
    f->pts = 0;
    bool done = avcodec_open2(e, NULL, NULL) >= 0 && avcodec_send_frame(e, f) >= 0 &&
                avcodec_send_frame(e, NULL) >= 0 && avcodec_receive_packet(e, packet) >= 0;
    done = done ? write_whole(p, kind, name, packet->data, (size_t)packet->size, err)
                : error_set(err, ERROR_INTERNAL, "%s can not be encoded", name);
    av_packet_free(&packet);
    avcodec_free_context(&e);
    return done;
}

// ---- facts

static const json_t *video_fact(const struct proxying *p)
{
    const json_t *list = json_object_get(p->facts, "video"), *row;
    size_t i;
    json_array_foreach(list, i, row)
    {
        if (json_integer_value(json_object_get(row, "index")) == p->m->video)
            return row;
    }
    return json_array_get(list, 0);
}

static int whole(const json_t *o, const char *name)
{
    return (int)json_integer_value(json_object_get(o, name));
}

static void fit(int width, int height, int most_w, int most_h, int *w, int *h)
{
    // Never larger than it is; even, as 4:2:0 needs.
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

static bool find_times(struct proxying *p, struct error *err)
{
    const char *rate = json_string_value(json_object_get(p->facts, "rate"));
    if (!rate || !rational_parse(text_of(rate), &p->rate, err) || p->rate.num <= 0)
        return error_set(err, ERROR_INPUT, "the facts have no rate");
    p->vfr = json_is_true(json_object_get(p->facts, "vfr"));
    p->total = json_integer_value(json_object_get(p->facts, "duration_frames"));
    if (p->vfr) {
        AVRational base = media_video_base(p->m);
        p->timescale = (uint32_t)base.den;
        p->step = rescale(1, p->rate, (rational){base.den, 1}, ROUND_NEAREST);
        p->step = p->step > 0 ? p->step : 1;
        return true;
    }
    // Every time exact: the rate's own terms, in steps fine enough for players.
    int64_t k = 1;
    while (p->rate.num * k < 10000)
        k *= 2;
    if (p->rate.num * k > UINT32_MAX || p->rate.den * k > UINT32_MAX)
        return error_set(err, ERROR_UNSUPPORTED, "the rate %s can not be kept", rate);
    p->timescale = (uint32_t)(p->rate.num * k);
    p->step = p->rate.den * k;
    return true;
}

// ---- encoders

static bool open_index(struct proxying *p, struct encoding *e, const uint8_t *avcc,
                       size_t avcc_size, bool complete, struct error *err)
{
    const json_t *timecode = json_object_get(p->facts, "timecode");
    const json_t *sequence = json_object_get(p->facts, "sequence");
    struct frameindex_header h = {
        .flags = (p->vfr ? FRAMEINDEX_VFR : 0) | (complete ? FRAMEINDEX_COMPLETE : 0) |
                 (json_is_true(json_object_get(timecode, "drop")) ? FRAMEINDEX_DROP : 0),
        .rate = p->rate,
        .timescale = p->timescale,
        .frame_count = complete ? (uint32_t)p->place_count : 0,
        .start_timecode = json_integer_value(json_object_get(timecode, "start_frame")),
        .width = e->width,
        .height = e->height,
        .base = timecode ? whole(timecode, "base")
                         : (int)rescale(1, (rational){1, 1}, p->rate, ROUND_NEAREST),
        .frames_per_label = timecode ? whole(timecode, "frames_per_label") : 1,
        .first_number = sequence ? (int32_t)whole(sequence, "first") : FRAMEINDEX_NO_NUMBER,
        .avcc_size = avcc_size,
    };
    uint8_t bytes[64 + FRAMEINDEX_AVCC_MAX + 16];
    memcpy(h.avcc, avcc, avcc_size);
    frameindex_header_write(&h, bytes);
    size_t size = frameindex_header_size(&h);
    e->index_size = e->index_size ? e->index_size : (int64_t)size;
    return write_all(e->index, bytes, size, 0, err);
}

static bool open_encoding(struct proxying *p, struct encoding *e, const char *kind, bool intra,
                          const struct fmp4_audio *audio, struct error *err)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVCodecContext *c = e->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    char index_kind[32];
    if (!c)
        return error_set(err, ERROR_UNSUPPORTED, "no H.264 encoder (libx264) is there");
    c->width = e->width, c->height = e->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, (int)p->timescale};
    c->framerate = (AVRational){(int)p->rate.num, (int)p->rate.den};
    c->gop_size = intra ? 1 : GOP;
    c->keyint_min = c->gop_size;
    c->max_b_frames = 0;
    c->color_primaries = AVCOL_PRI_BT709, c->color_trc = AVCOL_TRC_BT709;
    c->colorspace = AVCOL_SPC_BT709, c->color_range = AVCOL_RANGE_MPEG;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
    c->thread_count = p->t->threads;
    av_opt_set(c->priv_data, "preset", "superfast", 0);
    av_opt_set(c->priv_data, "crf", intra ? "24" : "23", 0);
    av_opt_set(c->priv_data, "x264-params",
               intra ? "scenecut=0:rc-lookahead=0:sync-lookahead=0"
                     : "scenecut=0:rc-lookahead=0:sync-lookahead=0:mbtree=0",
               0);
    if (avcodec_open2(c, codec, NULL) < 0)
        return error_set(err, ERROR_INTERNAL, "the H.264 encoder does not open");
    uint8_t avcc[FRAMEINDEX_AVCC_MAX];
    size_t avcc_size = avcc_of(c->extradata, (size_t)c->extradata_size, avcc, sizeof(avcc));
    struct fmp4_video v = {p->timescale, e->width, e->height, avcc, avcc_size};
    int file;
    snprintf(index_kind, sizeof(index_kind), "%s_index", kind);
    if (!output_open(e->name, &file, err) ||
        !fmp4_open(file, &v, audio, p->total / GOP + 2, &e->file, err) ||
        !output_open(e->index_name, &e->index, err) ||
        !open_index(p, e, avcc, avcc_size, false, err))
        return false;
    announce(kind, e->name, true);
    announce(index_kind, e->index_name, true);
    return true;
}

static bool flush(struct proxying *p, struct encoding *e, int64_t end_time, struct error *err)
{
    const struct fmp4_sample *samples;
    size_t count;
    if (!fmp4_flush(e->file, end_time, &samples, &count, err))
        return false;
    uint8_t *records = malloc((count + 1) * FRAMEINDEX_RECORD);
    for (size_t i = 0; i < count; i++) {
        struct frameindex_record r = {samples[i].offset, samples[i].size, samples[i].time,
                                      samples[i].flags};
        frameindex_record_write(&r, records + i * FRAMEINDEX_RECORD);
    }
    bool done = write_all(e->index, records, count * FRAMEINDEX_RECORD, e->index_size, err);
    e->index_size += (int64_t)(count * FRAMEINDEX_RECORD);
    free(records);
    (void)p;
    return done;
}

static bool take_packets(struct proxying *p, struct encoding *e, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_packet(e->encoder, p->packet) >= 0) {
        const struct place *place = &p->places[e->packets];
        bool key = p->packet->flags & AV_PKT_FLAG_KEY;
        if (e->packets && e->packets % GOP == 0)
            done = flush(p, e, place->time, err);
        fmp4_add_video(e->file, p->packet->data, (size_t)p->packet->size, place->time, key,
                       place->flags | (key ? FRAME_KEY : 0));
        e->packets++;
        av_packet_unref(p->packet);
    }
    return done;
}

// ---- stills

static bool tile(struct proxying *p, const AVFrame *f, struct error *err)
{
    int64_t number = (int64_t)p->place_count - 1;
    char name[32];
    if (number % p->every)
        return true;
    int at = p->tiles % (TILES * TILES), x = at % TILES * p->tile_width,
        y = at / TILES * p->tile_height;
    AVFrame *small = frame_new(AV_PIX_FMT_YUVJ420P, p->tile_width, p->tile_height);
    if (at == 0) {
        av_frame_free(&p->sheet);
        p->sheet = frame_new(AV_PIX_FMT_YUVJ420P, p->tile_width * TILES, p->tile_height * TILES);
        for (int i = 0; p->sheet && i < 3; i++)
            memset(p->sheet->data[i], i ? 128 : 0,
                   (size_t)p->sheet->linesize[i] * (size_t)(p->sheet->height >> (i > 0)));
    }
    bool done = small && p->sheet && scale_into(&p->tile, f, small, true);
    for (int i = 0; done && i < 3; i++)
        for (int row = 0; row < p->tile_height >> (i > 0); row++)
            memcpy(p->sheet->data[i] + ((y >> (i > 0)) + row) * p->sheet->linesize[i] +
                       (x >> (i > 0)),
                   small->data[i] + row * small->linesize[i], (size_t)(p->tile_width >> (i > 0)));
    av_frame_free(&small);
    p->tiles++;
    if (!done)
        return error_set(err, ERROR_TOO_BIG, "no memory for its sprites");
    snprintf(name, sizeof(name), "sprite-%04d.jpg", p->sheets);
    if (p->tiles % (TILES * TILES) == 0)
        return p->sheets++, write_jpeg(p, "sprites", name, p->sheet, err);
    return true;
}

static bool end_sheet(struct proxying *p, struct error *err)
{
    char name[32];
    snprintf(name, sizeof(name), "sprite-%04d.jpg", p->sheets);
    return p->tiles % (TILES * TILES) == 0 || write_jpeg(p, "sprites", name, p->sheet, err);
}

static bool is_black(const AVFrame *f)
{
    int64_t sum = 0, count = 0;
    for (int y = 0; y < f->height; y += 8)
        for (int x = 0; x < f->width; x += 8, count++)
            sum += f->data[0][y * f->linesize[0] + x];
    return sum < count * 28;
}

static bool poster(struct proxying *p, const AVFrame *f, bool anyway, struct error *err)
{
    int w, h;
    if (p->poster_done || (!anyway && is_black(f)))
        return true;
    fit(f->width, f->height, 640, 360, &w, &h);
    AVFrame *small = frame_new(AV_PIX_FMT_YUVJ420P, w, h);
    p->poster_done = true;
    bool done = small && scale_into(&p->poster, f, small, true)
                    ? write_jpeg(p, "poster", "poster.jpg", small, err)
                    : error_set(err, ERROR_TOO_BIG, "no memory for its poster");
    av_frame_free(&small);
    return done;
}

// ---- frames

static void progress(struct proxying *p)
{
    int64_t now = clock_tick_us();
    if (now - p->said_us < 200000)
        return;
    p->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)p->place_count,
                       "total", (json_int_t)p->total, "unit", "frames"));
}

static bool encode_frame(struct proxying *p, struct encoding *e, AVFrame *f, struct error *err)
{
    f->pts = p->places[p->place_count - 1].time;
    f->pict_type = (p->place_count - 1) % (size_t)e->encoder->gop_size == 0 ? AV_PICTURE_TYPE_I
                                                                            : AV_PICTURE_TYPE_NONE;
    f->color_range = AVCOL_RANGE_MPEG;
    if (avcodec_send_frame(e->encoder, f) < 0)
        return error_set(err, ERROR_INTERNAL, "a frame can not be encoded");
    return take_packets(p, e, err);
}

// `f` is upright and of the review's size.
static bool show(struct proxying *p, AVFrame *f, int64_t time, int flags, struct error *err)
{
    if (p->place_count == p->place_room) {
        p->place_room = p->place_room ? p->place_room * 2 : 4096;
        p->places = realloc(p->places, p->place_room * sizeof(*p->places));
    }
    // Times rise by one at least, or players show neither of two.
    int64_t before = p->place_count ? p->places[p->place_count - 1].time : -1;
    int64_t number = (int64_t)p->place_count;
    time = p->vfr ? time - p->first_time : number * p->step;
    if (p->vfr && number == 0)
        time = 0;
    p->places[p->place_count++] = (struct place){time > before ? time : before + 1, flags};
    if (flags & FRAME_CONCEALED && json_array_size(p->damage) < DAMAGE_ROWS)
        json_array_append_new(p->damage,
                              json_pack("{s:s, s:s, s:I}", "where", "picture", "what",
                                        p->m->pictures ? "the file is missing or damaged: held"
                                                       : "the frame is damaged",
                                        "frame", (json_int_t)number));
    AVFrame *small = frame_new(AV_PIX_FMT_YUV420P, p->scrub.width, p->scrub.height);
    AVFrame *again = av_frame_clone(f);
    bool done = small && again && scale_into(&p->smaller, f, small, false);
    if (!done)
        error_set(err, ERROR_TOO_BIG, "no memory for the proxies");
    done = done && encode_frame(p, &p->scrub, small, err) &&
           (!p->review.name || encode_frame(p, &p->review, again, err)) && tile(p, small, err) &&
           poster(p, f, false, err);
    av_frame_free(&small);
    av_frame_free(&again);
    progress(p);
    return done;
}

static bool hold(struct proxying *p, int64_t time, struct error *err)
{
    if (p->last)
        return show(p, p->last, time, FRAME_CONCEALED, err);
    p->early++;
    return true;
}

static void wait_for(struct proxying *p, int64_t time)
{
    if (p->pending_count == p->pending_room) {
        p->pending_room = p->pending_room ? p->pending_room * 2 : 256;
        p->pending = realloc(p->pending, p->pending_room * sizeof(*p->pending));
    }
    size_t i = p->pending_count++;
    for (; i > 0 && p->pending[i - 1] > time; i--)
        p->pending[i] = p->pending[i - 1];
    p->pending[i] = time;
}

static bool lose_first(struct proxying *p, struct error *err)
{
    int64_t time = p->pending[0];
    memmove(p->pending, p->pending + 1, --p->pending_count * sizeof(*p->pending));
    return hold(p, time, err);
}

static bool open_shapes(struct proxying *p, const AVFrame *f, struct error *err);

static bool take_frame(struct proxying *p, AVFrame *f, struct error *err)
{
    int64_t time = f->best_effort_timestamp;
    // Without times they come in order of display, each for the first place that waits.
    if (time == AV_NOPTS_VALUE && p->pending_count)
        time = p->pending[0];
    if (!p->pending_count || time < p->pending[0])
        return true; // the second half of something already shown
    bool in_queue = false;
    for (size_t i = 0; i < p->pending_count && !in_queue; i++)
        in_queue = p->pending[i] == time;
    if (!in_queue)
        time = p->pending[0];
    if (!p->shaper && !open_shapes(p, f, err))
        return false;
    while (p->pending_count && p->pending[0] < time)
        if (!lose_first(p, err))
            return false;
    memmove(p->pending, p->pending + 1, --p->pending_count * sizeof(*p->pending));
    bool hurt = (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags;
    AVFrame *picture = shaper_make(p->shaper, f);
    if (!picture)
        return hold(p, time, err);
    if (!p->last)
        p->first_time = time;
    for (; p->early; p->early--)
        if (!show(p, picture, time, FRAME_CONCEALED, err)) {
            av_frame_free(&picture);
            return false;
        }
    av_frame_free(&p->last);
    p->last = picture;
    return show(p, picture, time, hurt ? FRAME_CONCEALED : 0, err);
}

static bool drain(struct proxying *p, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_frame(p->decoder, p->frame) >= 0) {
        done = take_frame(p, p->frame, err);
        av_frame_unref(p->frame);
    }
    return done;
}

static bool take_video(struct proxying *p, AVPacket *packet, struct error *err)
{
    if (!(packet->flags & AV_PKT_FLAG_DISCARD) && !media_second_field(p->m, packet)) {
        int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
        if (p->m->pictures)
            for (; p->next_place < time; p->next_place++)
                wait_for(p, p->next_place);
        wait_for(p, time != AV_NOPTS_VALUE ? time : p->next_place);
        p->next_place++;
    }
    int code = avcodec_send_packet(p->decoder, packet);
    if (code == AVERROR(EAGAIN)) {
        if (!drain(p, err))
            return false;
        avcodec_send_packet(p->decoder, packet);
    }
    return drain(p, err);
}

// ---- sound

static bool hear(struct proxying *p, AVFrame *f, struct error *err)
{
    const AVStream *s = p->m->format->streams[p->m->audio];
    int rate = p->sound->sample_rate;
    int64_t start =
        p->m->video >= 0 ? p->m->format->streams[p->m->video]->start_time : AV_NOPTS_VALUE;
    int64_t skip = 0, silence = 0;
    if (f->best_effort_timestamp != AV_NOPTS_VALUE && start != AV_NOPTS_VALUE) {
        int64_t at = av_rescale_q(f->best_effort_timestamp, s->time_base, (AVRational){1, rate}) -
                     av_rescale_q(start, media_video_base(p->m), (AVRational){1, rate});
        if (at + f->nb_samples <= 0 && !p->sound_at)
            return true;
        if (at < 0 && !p->sound_at)
            skip = -at;
        else if (at > p->sound_at + (p->sound_at ? rate / 10 : 0) &&
                 at < p->sound_at + 3600LL * rate)
            silence = at - p->sound_at; // a gap: what follows must stay with its picture
    }
    uint8_t **planes = NULL;
    int room = f->nb_samples + 32;
    if (av_samples_alloc_array_and_samples(&planes, NULL, p->sound->ch_layout.nb_channels, room,
                                           AV_SAMPLE_FMT_FLTP, 0) >= 0) {
        av_samples_set_silence(planes, 0, room, p->sound->ch_layout.nb_channels,
                               AV_SAMPLE_FMT_FLTP);
        for (int64_t left = silence; left > 0; left -= room)
            peaks_add(p->peaks, (const float *const *)planes, (size_t)(left < room ? left : room));
        int got =
            swr_convert(p->planar, planes, room, (const uint8_t **)f->extended_data, f->nb_samples);
        const float *from[64];
        int channels = p->sound->ch_layout.nb_channels;
        for (int c = 0; c < channels && c < 64; c++)
            from[c] = (const float *)planes[c] + (skip < got ? skip : 0);
        if (got > skip)
            peaks_add(p->peaks, from, (size_t)(got - skip));
        av_freep(&planes[0]);
        av_freep(&planes);
    }
    p->sound_at += silence + f->nb_samples - skip;
    if (p->review.file && p->stereo && !aac_add(p->stereo, f, skip, silence, p->review.file, err))
        return false;
    if (!aac_add(p->all, f, skip, silence, p->audio_file, err))
        return false;
    const struct fmp4_sample *none;
    size_t count;
    return fmp4_queued(p->audio_file, true) < 47 ||
           fmp4_flush(p->audio_file, 0, &none, &count, err);
}

static bool take_audio(struct proxying *p, AVPacket *packet, struct error *err)
{
    bool done = true;
    avcodec_send_packet(p->sound, packet); // what is damaged leaves a gap, which is filled
    while (done && avcodec_receive_frame(p->sound, p->frame) >= 0) {
        bool same = p->frame->ch_layout.nb_channels == p->sound->ch_layout.nb_channels &&
                    p->frame->format == p->sound->sample_fmt && p->frame->nb_samples > 0;
        done = !same || hear(p, p->frame, err);
        av_frame_unref(p->frame);
    }
    return done;
}

static bool open_sound(struct proxying *p, struct error *err)
{
    struct error ignored;
    const AVStream *s = p->m->audio >= 0 ? p->m->format->streams[p->m->audio] : NULL;
    if (!s || !s->codecpar->sample_rate ||
        !decoder_open(s->codecpar, s->time_base, 1, &p->sound, &ignored) ||
        p->sound->ch_layout.nb_channels < 1 || p->sound->ch_layout.nb_channels > 64 ||
        p->sound->sample_fmt == AV_SAMPLE_FMT_NONE) {
        if (s)
            json_array_append_new(p->damage, json_pack("{s:s, s:s}", "where", "sound", "what",
                                                       "its sound can not be decoded"));
        avcodec_free_context(&p->sound);
        return true;
    }
    struct fmp4_audio describe;
    int file;
    p->peaks = peaks_open(p->sound->ch_layout.nb_channels, p->sound->sample_rate);
    if (swr_alloc_set_opts2(&p->planar, &p->sound->ch_layout, AV_SAMPLE_FMT_FLTP,
                            p->sound->sample_rate, &p->sound->ch_layout, p->sound->sample_fmt,
                            p->sound->sample_rate, 0, NULL) < 0 ||
        swr_init(p->planar) < 0)
        return error_set(err, ERROR_UNSUPPORTED, "its sound can not be converted");
    if (!aac_open(p->sound, 0, &p->all, err) || !aac_open(p->sound, 2, &p->stereo, err))
        return false;
    aac_describe(p->all, &describe);
    const AVDictionaryEntry *language = av_dict_get(s->metadata, "language", NULL, 0);
    describe.language = language ? language->value : NULL;
    int64_t seconds =
        rescale(p->total, p->m->video >= 0 ? p->rate : (rational){p->sound->sample_rate, 1},
                (rational){1, 1}, ROUND_UP);
    if (!output_open("audio.mp4", &file, err) ||
        !fmp4_open(file, NULL, &describe, seconds + 2, &p->audio_file, err))
        return false;
    announce("audio", "audio.mp4", true);
    return true;
}

static bool end_sound(struct proxying *p, struct error *err)
{
    const struct fmp4_sample *none;
    size_t count;
    int64_t size;
    if (!p->sound)
        return true;
    struct buf file = BUF_LIMIT(1u << 31);
    if ((p->review.file && !aac_end(p->stereo, p->review.file, err)) ||
        !aac_end(p->all, p->audio_file, err) || !fmp4_flush(p->audio_file, 0, &none, &count, err) ||
        !fmp4_finish(p->audio_file, &size, err))
        return false;
    made(p, "audio", "audio.mp4", size);
    peaks_write(p->peaks, &file);
    bool done = write_whole(p, "peaks", "peaks.dat", file.at, file.size, err);
    buf_free(&file);
    return done;
}

// ---- the whole

static bool open_shapes(struct proxying *p, const AVFrame *f, struct error *err)
{
    const json_t *v = video_fact(p);
    int w = whole(v, "display_width"), h = whole(v, "display_height");
    bool still = json_string_value(json_object_get(p->facts, "kind")) &&
                 !strcmp(json_string_value(json_object_get(p->facts, "kind")), "still");
    w = w > 0 ? w : f->width, h = h > 0 ? h : f->height;
    fit(w, h, 1280, 720, &p->review.width, &p->review.height);
    fit(w, h, 960, 540, &p->scrub.width, &p->scrub.height);
    fit(w, h, 160, 90, &p->tile_width, &p->tile_height);
    p->every = (int)rescale(1, (rational){1, 1}, p->rate, ROUND_NEAREST);
    p->every = p->every > 0 ? p->every : 1;
    p->shaper = shaper_open(&(struct shape){
        .rotation = whole(v, "rotation"), .width = p->review.width, .height = p->review.height});
    p->scrub.name = "scrub.mp4", p->scrub.index_name = "scrub.idx";
    struct fmp4_audio audio;
    if (p->stereo)
        aac_describe(p->stereo, &audio);
    if (!open_encoding(p, &p->scrub, "scrub", true, NULL, err))
        return false;
    if (still)
        return true;
    p->review.name = "review.mp4", p->review.index_name = "review.idx";
    return open_encoding(p, &p->review, "review", false, p->stereo ? &audio : NULL, err);
}

static bool end_encoding(struct proxying *p, struct encoding *e, const char *kind,
                         struct error *err)
{
    int64_t size, end_time = p->places[p->place_count - 1].time + p->step;
    char index_kind[32];
    if (!e->name)
        return true;
    avcodec_send_frame(e->encoder, NULL);
    if (!take_packets(p, e, err))
        return false;
    uint8_t avcc[FRAMEINDEX_AVCC_MAX];
    size_t avcc_size =
        avcc_of(e->encoder->extradata, (size_t)e->encoder->extradata_size, avcc, sizeof(avcc));
    if (e->packets != (int64_t)p->place_count)
        return error_set(err, ERROR_INTERNAL, "the encoder made %lld of %zu frames",
                         (long long)e->packets, p->place_count);
    if (!flush(p, e, end_time, err) || !fmp4_finish(e->file, &size, err) ||
        !open_index(p, e, avcc, avcc_size, true, err))
        return false;
    if (fsync(e->index) < 0)
        return error_errno(err, errno, "cannot make %s durable", e->index_name);
    snprintf(index_kind, sizeof(index_kind), "%s_index", kind);
    made(p, kind, e->name, size);
    made(p, index_kind, e->index_name, e->index_size);
    return true;
}

static bool whole_pass(struct proxying *p, struct error *err)
{
    AVPacket *packet = av_packet_alloc();
    bool done = true;
    int code = 0;
    while (done && (code = media_read(p->m, packet)) >= 0) {
        if (packet->stream_index == p->m->video && p->decoder)
            done = take_video(p, packet, err);
        else if (packet->stream_index == p->m->audio && p->sound)
            done = take_audio(p, packet, err);
        if (p->m->video < 0 && p->sound) {
            p->place_count = (size_t)p->sound_at;
            progress(p);
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (done && code == AVERROR(EIO))
        return media_error(err, code, p->m, "reading it");
    if (done && p->decoder) {
        avcodec_send_packet(p->decoder, NULL);
        done = drain(p, err);
        while (done && p->pending_count)
            done = lose_first(p, err);
    }
    if (done && p->sound)
        done = take_audio(p, NULL, err);
    return done;
}

static bool finish(struct proxying *p, struct error *err)
{
    if (p->decoder && !p->place_count) {
        error_set(err, ERROR_DAMAGED, "no frame of %s can be decoded", p->t->inputs[0].name);
        error_why(err, "the decoder made no picture of any of it");
        return error_fix(err, "check that it plays where it came from, and bring it in again");
    }
    if (!p->decoder)
        return end_sound(p, err);
    if (!p->poster_done && p->last && !poster(p, p->last, true, err))
        return false;
    return end_sound(p, err) && end_sheet(p, err) && end_encoding(p, &p->scrub, "scrub", err) &&
           end_encoding(p, &p->review, "review", err);
}

static json_t *result_of(struct proxying *p)
{
    json_t *to = json_pack("{s:O, s:I, s:O}", "outputs", p->outputs, "frames",
                           (json_int_t)(p->decoder ? (int64_t)p->place_count : p->sound_at),
                           "damage", p->damage);
    if (p->tiles)
        json_object_set_new(to, "sprite",
                            json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "width", p->tile_width,
                                      "height", p->tile_height, "columns", TILES, "rows", TILES,
                                      "every_frames", p->every, "count", p->tiles));
    return to;
}

static void close_encoding(struct encoding *e)
{
    avcodec_free_context(&e->encoder);
    fmp4_close(e->file);
    if (e->index >= 0)
        close(e->index);
}

bool proxy(const struct ticket *t, json_t **result, struct error *err)
{
    struct proxying p = {.t = t,
                         .facts = json_incref(t->facts),
                         .scrub.index = -1,
                         .review.index = -1,
                         .outputs = json_array(),
                         .damage = json_array(),
                         .packet = av_packet_alloc(),
                         .frame = av_frame_alloc()};
    bool done = (p.facts || probe(t, &p.facts, err)) && media_open(t, &p.m, err) &&
                (p.m->video < 0 ||
                 (find_times(&p, err) && decoder_open(media_video(p.m), media_video_base(p.m),
                                                      t->threads, &p.decoder, err)));
    if (done && p.m->video < 0)
        p.total = json_integer_value(json_object_get(p.facts, "duration_frames"));
    done = done && open_sound(&p, err) && whole_pass(&p, err) && finish(&p, err);
    if (done)
        *result = result_of(&p);
    close_encoding(&p.scrub);
    close_encoding(&p.review);
    aac_close(p.stereo);
    aac_close(p.all);
    fmp4_close(p.audio_file);
    peaks_close(p.peaks);
    swr_free(&p.planar);
    shaper_close(p.shaper);
    sws_freeContext(p.smaller);
    sws_freeContext(p.tile);
    sws_freeContext(p.poster);
    avcodec_free_context(&p.decoder);
    avcodec_free_context(&p.sound);
    av_frame_free(&p.last);
    av_frame_free(&p.frame);
    av_frame_free(&p.sheet);
    av_packet_free(&p.packet);
    media_close(p.m);
    free(p.pending);
    free(p.places);
    json_decref(p.facts);
    json_decref(p.outputs);
    json_decref(p.damage);
    return done;
}
