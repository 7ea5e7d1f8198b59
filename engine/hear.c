#include "engine/hear.h"
#include "engine/sound.h"

#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

enum { TRACKS = 64, CHANNELS = 64, PIECE = 65536 };
// Samples of all channels that may wait: tracks that lie one behind the other in the file.
#define WAITING_MOST (256LL << 20)

struct voice {
    int stream; // -1: not wanted
    AVCodecContext *decoder;
    SwrContext *convert;
    float *line[CHANNELS];
    int channels;
    int64_t first, have, room; // samples in the lines
    int64_t at;                // samples of the source that went in, silence too
    struct hear_length length;
};

struct hear {
    const struct order *o;
    struct media *m;
    struct voice voices[TRACKS];
    int count, rate;
    int64_t total; // samples; -1: as the longest
    bool ended;
    AVPacket *packet;
    AVFrame *frame;
};

static bool open_converter(struct hear *h, struct voice *v, struct error *err)
{
    // Rates in whole numbers, whatever the speed.
    rational speed = h->o->keep_pitch ? (rational){1, 1} : h->o->speed;
    int64_t in = v->decoder->sample_rate * speed.num, out = h->rate * speed.den;
    int64_t both = rational_make(in, out).num ? in / rational_make(in, out).num : 1;
    AVChannelLayout any = {.order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = v->channels};
    if (both > 1 && in / both > 8000 && out / both > 8000)
        in /= both, out /= both;
    bool good = in < INT32_MAX && out < INT32_MAX &&
                swr_alloc_set_opts2(&v->convert, &any, AV_SAMPLE_FMT_FLTP, (int)out, &any,
                                    v->decoder->sample_fmt, (int)in, 0, NULL) >= 0;
    if (good && in != out) {
        av_opt_set(v->convert, "resampler", "soxr", 0);
        av_opt_set_double(v->convert, "precision", 28, 0);
    }
    if (good && swr_init(v->convert) >= 0)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "its sound can not be converted");
    return error_why(err, "from %d Hz to %d Hz", v->decoder->sample_rate, h->rate);
}

static bool open_voice(struct hear *h, int number, const json_t *fact, struct error *err)
{
    struct voice *v = &h->voices[number];
    int index = order_number(fact, "index", -1);
    if (index < 0 || index >= (int)h->m->format->nb_streams ||
        h->m->format->streams[index]->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
        return error_set(err, ERROR_DAMAGED, "%s has another sound than was found in it",
                         h->o->t->inputs[0].name);
    const AVStream *s = h->m->format->streams[index];
    h->m->format->streams[index]->discard = AVDISCARD_DEFAULT;
    if (!decoder_open(s->codecpar, s->time_base, 1, &v->decoder, err))
        return false;
    av_opt_set_double(v->decoder, "drc_scale", 0, AV_OPT_SEARCH_CHILDREN);
    v->stream = index;
    v->channels = v->decoder->ch_layout.nb_channels;
    if (v->channels < 1 || v->channels > CHANNELS)
        return error_set(err, ERROR_UNSUPPORTED, "its sound has %d channels", v->channels);
    return open_converter(h, v, err);
}

bool hear_open(const struct order *o, const bool *wanted, int rate, struct hear **to,
               struct error *err)
{
    struct hear *h = calloc(1, sizeof(*h));
    const json_t *facts = json_object_get(o->facts, "audio"), *fact;
    size_t i;
    bool done = h != NULL;
    if (!h)
        return error_set(err, ERROR_TOO_BIG, "no memory for sound");
    h->o = o;
    h->rate = rate;
    h->total = -1;
    if (json_array_size(json_object_get(o->facts, "video")))
        h->total = rescale(o->total, o->keep_pitch ? o->rate : o->shown, (rational){rate, 1},
                           ROUND_NEAREST);
    h->packet = av_packet_alloc();
    h->frame = av_frame_alloc();
    done = media_open(o->t, &h->m, err);
    for (unsigned k = 0; done && h->m->format && k < h->m->format->nb_streams; k++)
        h->m->format->streams[k]->discard = AVDISCARD_ALL;
    json_array_foreach(facts, i, fact)
    {
        if (!done || i >= TRACKS || !h->m->format)
            break;
        h->count = (int)i + 1;
        h->voices[i].stream = -1;
        done = !wanted[i] || open_voice(h, (int)i, fact, err);
    }
    if (done)
        *to = h;
    else
        hear_close(h);
    return done;
}

void hear_close(struct hear *h)
{
    if (!h)
        return;
    for (int i = 0; i < h->count; i++) {
        struct voice *v = &h->voices[i];
        avcodec_free_context(&v->decoder);
        swr_free(&v->convert);
        for (int c = 0; c < v->channels; c++)
            free(v->line[c]);
    }
    av_packet_free(&h->packet);
    av_frame_free(&h->frame);
    media_close(h->m);
    free(h);
}

// ---- lines

static bool make_room(struct hear *h, struct voice *v, int64_t more, struct error *err)
{
    int64_t waiting = 0;
    for (int i = 0; i < h->count; i++)
        waiting += h->voices[i].have * h->voices[i].channels;
    if (waiting > WAITING_MOST) {
        error_set(err, ERROR_TOO_BIG, "the sound tracks of %s lie too far apart",
                  h->o->t->inputs[0].name);
        error_why(err, "a track is whole before another begins: all of it would wait in memory");
        return error_fix(err, "write the file again with its tracks interleaved");
    }
    if (v->first > PIECE && v->first > v->have) {
        for (int c = 0; c < v->channels; c++)
            memmove(v->line[c], v->line[c] + v->first, (size_t)v->have * sizeof(float));
        v->first = 0;
    }
    if (v->first + v->have + more <= v->room)
        return true;
    v->room = (v->first + v->have + more) * 2;
    for (int c = 0; c < v->channels; c++) {
        float *line = realloc(v->line[c], (size_t)v->room * sizeof(float));
        if (!line)
            return error_set(err, ERROR_TOO_BIG, "no memory for sound");
        v->line[c] = line;
    }
    return true;
}

static void came(struct hear *h, struct voice *v, int64_t count)
{
    int64_t over = h->total >= 0 ? v->length.samples + count - h->total : 0;
    over = over < 0 ? 0 : over < count ? over : count;
    v->have += count - over;
    v->length.samples += count - over;
    v->length.cut += over;
}

// `planes` NULL: what the converter still holds.
static bool convert(struct hear *h, struct voice *v, const uint8_t **planes, int count,
                    struct error *err)
{
    uint8_t *to[CHANNELS];
    int room = swr_get_out_samples(v->convert, count) + 64;
    if (room <= 0 || !make_room(h, v, room, err))
        return room <= 0 || false;
    for (int c = 0; c < v->channels; c++)
        to[c] = (uint8_t *)(v->line[c] + v->first + v->have);
    int got = swr_convert(v->convert, to, room, planes, count);
    if (got > 0)
        came(h, v, got);
    return got >= 0 || error_set(err, ERROR_INTERNAL, "its sound can not be converted");
}

static bool convert_silence(struct hear *h, struct voice *v, int64_t count, struct error *err)
{
    bool done = true;
    for (int64_t some; done && count > 0; count -= some) {
        uint8_t *planes[CHANNELS];
        some = count < PIECE ? count : PIECE;
        enum AVSampleFormat format = v->decoder->sample_fmt;
        if (av_samples_alloc(planes, NULL, v->channels, (int)some, format, 0) < 0)
            return error_set(err, ERROR_TOO_BIG, "no memory for sound");
        av_samples_set_silence(planes, 0, (int)some, v->channels, format);
        done = convert(h, v, (const uint8_t **)planes, (int)some, err);
        av_freep(&planes[0]);
    }
    return done;
}

static bool fill(struct hear *h, struct voice *v, struct error *err)
{
    while (v->length.samples < h->total) {
        int64_t some = h->total - v->length.samples;
        some = some < PIECE ? some : PIECE;
        if (!make_room(h, v, some, err))
            return false;
        for (int c = 0; c < v->channels; c++)
            memset(v->line[c] + v->first + v->have, 0, (size_t)some * sizeof(float));
        v->have += some;
        v->length.samples += some;
        v->length.filled += some;
    }
    return true;
}

// ---- decoding

// Without its first `skip` samples, `silence` before it.
static bool take_frame(struct hear *h, struct voice *v, const AVFrame *f, struct error *err)
{
    int64_t skip, silence;
    const uint8_t *planes[CHANNELS];
    // A frame of another shape is a gap, which the next one's time shows.
    if (f->ch_layout.nb_channels != v->channels || f->format != v->decoder->sample_fmt ||
        !sound_place(h->m, v->stream, f, v->at, &skip, &silence))
        return true;
    bool planar = av_sample_fmt_is_planar(f->format);
    size_t bytes = (size_t)av_get_bytes_per_sample(f->format) * (planar ? 1 : (size_t)v->channels);
    for (int c = 0; c < (planar ? v->channels : 1); c++)
        planes[c] = f->extended_data[c] + (size_t)skip * bytes;
    v->at += silence + f->nb_samples - skip;
    return convert_silence(h, v, silence, err) &&
           convert(h, v, planes, f->nb_samples - (int)skip, err);
}

static bool take_packet(struct hear *h, struct voice *v, AVPacket *p, struct error *err)
{
    bool done = true;
    avcodec_send_packet(v->decoder, p);
    while (done && avcodec_receive_frame(v->decoder, h->frame) >= 0) {
        done = take_frame(h, v, h->frame, err);
        av_frame_unref(h->frame);
    }
    return done;
}

static bool end(struct hear *h, struct error *err)
{
    bool done = true;
    int64_t longest = 0;
    h->ended = true;
    for (int i = 0; done && i < h->count; i++) {
        struct voice *v = &h->voices[i];
        if (v->stream < 0)
            continue;
        done = take_packet(h, v, NULL, err) && convert(h, v, NULL, 0, err);
        longest = v->length.samples > longest ? v->length.samples : longest;
    }
    h->total = h->total < 0 ? longest : h->total;
    for (int i = 0; done && i < h->count; i++)
        done = h->voices[i].stream < 0 || fill(h, &h->voices[i], err);
    return done;
}

static bool read_some(struct hear *h, struct error *err)
{
    bool done = true;
    if (!h->m->format || media_read(h->m, h->packet) < 0)
        return end(h, err);
    for (int i = 0; done && i < h->count; i++)
        if (h->voices[i].stream == h->packet->stream_index)
            done = take_packet(h, &h->voices[i], h->packet, err);
    av_packet_unref(h->packet);
    return done;
}

static int64_t ready(const struct hear *h)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < h->count; i++)
        if (h->voices[i].stream >= 0 && h->voices[i].have < least)
            least = h->voices[i].have;
    return least == INT64_MAX ? 0 : least;
}

bool hear_next(struct hear *h, int64_t *count, struct error *err)
{
    bool done = true;
    while (done && !ready(h) && !h->ended)
        done = read_some(h, err);
    *count = done ? ready(h) : 0;
    *count = *count < PIECE ? *count : PIECE;
    return done;
}

const float *hear_plane(const struct hear *h, int track, int channel)
{
    const struct voice *v = &h->voices[track];
    return v->line[channel] + v->first;
}

void hear_drop(struct hear *h, int64_t count)
{
    for (int i = 0; i < h->count; i++)
        if (h->voices[i].stream >= 0)
            h->voices[i].first += count, h->voices[i].have -= count;
}

struct hear_length hear_length(const struct hear *h, int track)
{
    return h->voices[track].length;
}

int64_t hear_at(const struct hear *h)
{
    return h->m->at;
}
