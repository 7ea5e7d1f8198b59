/*
 * Closed captions out of a film: what is in the pictures (A/53 user data, which the decoder hands
 * over) and in tracks of their own (c608, which the demuxer turns into the same triples), frame by
 * frame. Nothing is made of them here: formats/captions does that, outside.
 */
#include "engine/media.h"
#include "plat/clock.h"
#include "time/rational.h"

#include <libavutil/frame.h>
#include <stdlib.h>

enum { MOST_BYTES = 48 << 20, MOST_TRACKS = 16, A_FRAME = 93 };

struct track {
    int stream; // of the container
    json_t *rows;
};
struct gathering {
    struct media *m;
    rational rate;
    int64_t first; // of the pictures, in the stream's base; AV_NOPTS_VALUE: not seen yet
    int64_t frames;
    struct track tracks[MOST_TRACKS];
    size_t count, bytes;
    bool full;
};

static json_t *rows_of(struct gathering *g, int stream)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->tracks[i].stream == stream)
            return g->tracks[i].rows;
    if (g->count == MOST_TRACKS)
        return NULL;
    g->tracks[g->count] = (struct track){stream, json_array()};
    return g->tracks[g->count++].rows;
}

// Only what says something: valid, and not the pair that stands for nothing.
static void add(struct gathering *g, int stream, int64_t frame, const uint8_t *at, size_t size)
{
    char hex[2 * A_FRAME + 1];
    size_t used = 0;
    for (size_t i = 0; i + 2 < size && used + 6 < sizeof(hex); i += 3) {
        bool said = (at[i + 1] & 0x7f) || (at[i + 2] & 0x7f) || (at[i] & 3) >= 2;
        if (at[i] & 4 && said)
            used += (size_t)snprintf(hex + used, sizeof(hex) - used, "%02x%02x%02x", at[i],
                                     at[i + 1], at[i + 2]);
    }
    json_t *rows = used ? rows_of(g, stream) : NULL;
    if (!rows)
        return;
    g->bytes += used + 24;
    g->full = g->full || g->bytes > MOST_BYTES;
    if (!g->full)
        json_array_append_new(rows, json_pack("[I, s]", (json_int_t)frame, hex));
}

static int64_t frame_at(const struct gathering *g, int64_t time, AVRational base)
{
    return rescale(time, (rational){base.den, base.num}, g->rate, ROUND_NEAREST);
}

static void take(struct gathering *g, const AVFrame *f)
{
    const AVFrameSideData *d = av_frame_get_side_data(f, AV_FRAME_DATA_A53_CC);
    int64_t at = g->frames++, time = f->best_effort_timestamp;
    if (time != AV_NOPTS_VALUE) {
        if (g->first == AV_NOPTS_VALUE)
            g->first = time;
        at = frame_at(g, time - g->first, media_video_base(g->m));
    }
    if (d && at >= 0)
        add(g, g->m->video, at, d->data, d->size);
}

static void take_packet(struct gathering *g, const AVPacket *p)
{
    const AVStream *s = g->m->format->streams[p->stream_index];
    if (s->codecpar->codec_id != AV_CODEC_ID_EIA_608 || p->pts == AV_NOPTS_VALUE || p->size <= 0)
        return;
    int64_t start = s->start_time != AV_NOPTS_VALUE ? s->start_time : 0;
    const AVStream *v = g->m->video >= 0 ? g->m->format->streams[g->m->video] : NULL;
    int64_t picture = v && v->start_time != AV_NOPTS_VALUE
                          ? av_rescale_q(v->start_time, v->time_base, s->time_base)
                          : start;
    int64_t frame = frame_at(g, p->pts - picture, s->time_base);
    if (frame >= 0)
        add(g, p->stream_index, frame, p->data, (size_t)p->size);
}

static bool wanted_codec(enum AVCodecID id)
{
    return id == AV_CODEC_ID_H264 || id == AV_CODEC_ID_MPEG2VIDEO || id == AV_CODEC_ID_HEVC;
}

static void progress(const struct gathering *g, int64_t *said_us)
{
    int64_t now = clock_tick_us();
    if (now - *said_us < 1000000)
        return;
    *said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)g->m->at, "total",
                       (json_int_t)input_size(g->m->in), "unit", "bytes"));
}

static void read_all(struct gathering *g, AVCodecContext *decoder)
{
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int64_t said_us = clock_tick_us();
    bool ended = false;
    while (!ended && !g->full) {
        ended = media_read(g->m, packet) < 0;
        progress(g, &said_us);
        if (!ended && packet->stream_index != g->m->video)
            take_packet(g, packet);
        else if (decoder)
            avcodec_send_packet(decoder, ended ? NULL : packet);
        av_packet_unref(packet);
        while (decoder && avcodec_receive_frame(decoder, frame) >= 0) {
            take(g, frame);
            av_frame_unref(frame);
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
}

static json_t *answer(struct gathering *g)
{
    json_t *tracks = json_array();
    for (size_t i = 0; i < g->count; i++) {
        bool picture = g->tracks[i].stream == g->m->video;
        json_array_append_new(tracks,
                              json_pack("{s:i, s:s, s:O}", "stream", g->tracks[i].stream, "kind",
                                        picture ? "picture" : "c608", "rows", g->tracks[i].rows));
    }
    return json_pack("{s:s, s:o}", "rate", rational_text(g->rate).text, "tracks", tracks);
}

bool captions(const struct ticket *t, json_t **result, struct error *err)
{
    struct gathering g = {.first = AV_NOPTS_VALUE};
    AVCodecContext *decoder = NULL;
    bool done = false;
    if (!media_open(t, &g.m, err))
        return false;
    if (g.m->pictures || g.m->video < 0) {
        error_set(err, ERROR_UNSUPPORTED, "%s has no closed captions", t->inputs[0].name);
        error_why(err, "they are in films: in the pictures or in a track of their own");
        goto out;
    }
    AVStream *s = g.m->format->streams[g.m->video];
    AVRational rate = av_guess_frame_rate(g.m->format, s, NULL);
    rational found = rational_make(rate.num, rate.den);
    g.rate = rate.num > 0 && rate.den > 0 ? found : (rational){25, 1};
    rate_nearest(found, &g.rate);
    // Pictures of other codecs carry none: they need not be decoded.
    if (wanted_codec(s->codecpar->codec_id) &&
        !decoder_open(s->codecpar, s->time_base, t->threads, &decoder, err))
        goto out;
    if (decoder) { // only what comes with the pictures is wanted
        decoder->skip_loop_filter = AVDISCARD_ALL;
        decoder->flags2 |= AV_CODEC_FLAG2_FAST;
    }
    read_all(&g, decoder);
    if (g.full) {
        error_set(err, ERROR_TOO_BIG, "%s has more captions than can be taken at once",
                  t->inputs[0].name);
        error_fix(err, "take them from a part of it");
    } else {
        *result = answer(&g);
        done = true;
    }
out:
    for (size_t i = 0; i < g.count; i++)
        json_decref(g.tracks[i].rows);
    avcodec_free_context(&decoder);
    media_close(g.m);
    return done;
}
