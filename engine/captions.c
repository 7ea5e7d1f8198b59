/*
 * Captions out of a film: closed ones in the pictures (A/53 user data, which the decoder hands
 * over) and in tracks of their own (c608, which the demuxer turns into the same triples), frame by
 * frame; tracks of text (tx3g, SubRip, WebVTT, ASS), cue by cue. Nothing is made of them here:
 * formats/captions does that, outside.
 *
 * Of text libav's decoders make lines of ASS; what of them a caption says is kept: its words, lines
 * and italic, bold and underlined letters.
 */
#include "engine/media.h"
#include "plat/clock.h"
#include "time/rational.h"

#include <libavutil/frame.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 48 << 20, MOST_TRACKS = 16, A_FRAME = 93 };

struct track {
    int stream; // of the container
    json_t *rows;
    AVCodecContext *text; // of text; NULL: triples
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

static struct track *track_of(struct gathering *g, int stream)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->tracks[i].stream == stream)
            return &g->tracks[i];
    if (g->count == MOST_TRACKS)
        return NULL;
    g->tracks[g->count] = (struct track){stream, json_array(), NULL};
    return &g->tracks[g->count++];
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
    struct track *t = used ? track_of(g, stream) : NULL;
    if (!t)
        return;
    g->bytes += used + 24;
    g->full = g->full || g->bytes > MOST_BYTES;
    if (!g->full)
        json_array_append_new(t->rows, json_pack("[I, s]", (json_int_t)frame, hex));
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

// When the picture begins, in the base of another stream.
static int64_t beginning(const struct gathering *g, const AVStream *s)
{
    int64_t start = s->start_time != AV_NOPTS_VALUE ? s->start_time : 0;
    const AVStream *v = g->m->video >= 0 ? g->m->format->streams[g->m->video] : NULL;
    return v && v->start_time != AV_NOPTS_VALUE
               ? av_rescale_q(v->start_time, v->time_base, s->time_base)
               : start;
}

// ---- text

static bool is_text(enum AVCodecID id)
{
    return id == AV_CODEC_ID_MOV_TEXT || id == AV_CODEC_ID_SUBRIP || id == AV_CODEC_ID_WEBVTT ||
           id == AV_CODEC_ID_ASS || id == AV_CODEC_ID_TEXT;
}

// {\\i1} gives <i>, \\N a line; what else stands in braces is left out.
static void plain_letters(const char *ass, struct buf *to)
{
    static const char *const marks[][2] = {{"i1", "<i>"},  {"i0", "</i>"}, {"b1", "<b>"},
                                           {"b0", "</b>"}, {"u1", "<u>"},  {"u0", "</u>"}};
    for (const char *c = ass; *c; c++) {
        if (*c == '{' && c[1] == '\\') {
            const char *end = strchr(c, '}');
            for (size_t i = 0; end && i < sizeof(marks) / sizeof(marks[0]); i++)
                for (const char *m = c; m + 2 < end; m++)
                    if (*m == '\\' && !strncmp(m + 1, marks[i][0], 2) &&
                        (m[3] == '}' || m[3] == '\\'))
                        buf_format(to, "%s", marks[i][1]);
            if (end) {
                c = end;
                continue;
            }
        }
        if (*c == '\\' && (c[1] == 'N' || c[1] == 'n' || c[1] == 'h'))
            buf_format(to, "%s", *++c == 'h' ? " " : "\n");
        else if (*c != '\r')
            buf_add(to, c, 1);
    }
}

// A dialogue is nine fields parted by commas (ReadOrder first); the last one is what is said.
static const char *said_by(const char *ass)
{
    for (int i = 0; ass && i < 8; i++) {
        ass = strchr(ass, ',');
        ass += ass != NULL;
    }
    return ass;
}

static void add_text(struct gathering *g, struct track *t, const AVPacket *p, const AVSubtitle *s)
{
    const AVStream *from = g->m->format->streams[p->stream_index];
    struct buf words = BUF_LIMIT(64 << 10);
    for (unsigned i = 0; i < s->num_rects; i++) {
        const char *said = s->rects[i]->ass ? said_by(s->rects[i]->ass) : s->rects[i]->text;
        if (words.size && said)
            buf_add(&words, "\n", 1);
        if (said)
            plain_letters(said, &words);
    }
    const AVRational ms = {1, 1000};
    int64_t in = av_rescale_q(p->pts - beginning(g, from), from->time_base, ms);
    int64_t out = in + (p->duration > 0 ? av_rescale_q(p->duration, from->time_base, ms)
                                        : (int64_t)s->end_display_time);
    g->bytes += words.size + 40;
    g->full = g->full || g->bytes > MOST_BYTES;
    if (words.size && !g->full && out > in && out > 0) {
        json_t *row = json_pack("[I, I, s%]", (json_int_t)(in > 0 ? in : 0), (json_int_t)out,
                                words.at, words.size);
        if (row) // else it is no UTF-8
            json_array_append_new(t->rows, row);
    }
    buf_free(&words);
}

static bool open_text(struct track *t, const AVStream *s)
{
    const AVCodec *codec = avcodec_find_decoder(s->codecpar->codec_id);
    if (t->text || !codec)
        return t->text != NULL;
    AVCodecContext *c = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(c, s->codecpar);
    c->pkt_timebase = s->time_base;
    if (avcodec_open2(c, codec, NULL) >= 0)
        t->text = c;
    else
        avcodec_free_context(&c);
    return t->text != NULL;
}

static void take_text(struct gathering *g, AVPacket *p)
{
    const AVStream *s = g->m->format->streams[p->stream_index];
    struct track *t = track_of(g, p->stream_index);
    AVSubtitle sub = {0};
    int got = 0;
    if (t && open_text(t, s) && avcodec_decode_subtitle2(t->text, &sub, &got, p) >= 0 && got) {
        add_text(g, t, p, &sub);
        avsubtitle_free(&sub);
    }
}

static void take_packet(struct gathering *g, AVPacket *p)
{
    const AVStream *s = g->m->format->streams[p->stream_index];
    if (p->pts == AV_NOPTS_VALUE || p->size <= 0)
        return;
    if (is_text(s->codecpar->codec_id))
        take_text(g, p);
    if (s->codecpar->codec_id != AV_CODEC_ID_EIA_608)
        return;
    int64_t frame = frame_at(g, p->pts - beginning(g, s), s->time_base);
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
        const char *kind = picture ? "picture" : g->tracks[i].text ? "text" : "c608";
        json_array_append_new(tracks, json_pack("{s:i, s:s, s:O}", "stream", g->tracks[i].stream,
                                                "kind", kind, "rows", g->tracks[i].rows));
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
        json_decref(g.tracks[i].rows), avcodec_free_context(&g.tracks[i].text);
    avcodec_free_context(&decoder);
    media_close(g.m);
    return done;
}
