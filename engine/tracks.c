#include "engine/tracks.h"

#include <libavutil/opt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = LAYOUT_DISCRETE, BACK = 0x30, SIDE = 0x600 };

struct planes { // of floats
    float *at[CHANNELS];
    int64_t count, room;
};

struct encoded {
    struct encoded_wish w;
    AVCodecContext *coder, *decoder; // decoder NULL: what comes out is what went in
    AVPacket *packet;
    AVFrame *frame;
    int channels, place[CHANNELS]; // where the route's channel lies in the file
    struct planes waiting, again;
    int64_t taken; // samples of `again` that were handed out last
    int64_t sent, came, skip, clipped;
    uint32_t noise;
};

// ---- opening

// The labels as far as the codec and the container have a place for them.
static bool set_layout(struct encoded *e, const AVCodec *codec, struct error *err)
{
    const struct route *r = e->w.route;
    const char *container = order_word(e->w.o->profile, "container");
    AVChannelLayout *to = &e->coder->ch_layout;
    bool mov = strcmp(container, "mov") == 0 && strncmp(codec->name, "pcm", 3) == 0;
    const struct layout *l = r->layout;
    uint64_t mask = 0;
    if (l && strcmp(l->name, "lt-rt") == 0 && !mov)
        l = layout_named("stereo");
    for (int c = 0; c < r->channels; c++)
        e->place[c] = c;
    if (r->split != CHANNEL_NO && mov && channel_row(r->split)->mask_bit >= 0)
        mask = (uint64_t)1 << channel_row(r->split)->mask_bit;
    else if (l && l->count)
        mask = layout_mask(l, e->place);
    // QuickTime's own tags are of what libav has at the side; with bits at the back it writes a map
    // of WAV's, which not everybody reads.
    if (mov && l && l->count > 2 && (mask & BACK) && !(mask & SIDE))
        mask = (mask & ~(uint64_t)BACK) | SIDE;
    if (!mask || av_channel_layout_from_mask(to, mask) < 0) {
        to->order = AV_CHANNEL_ORDER_UNSPEC;
        to->nb_channels = r->channels;
    }
    bool known = !codec->ch_layouts;
    for (const AVChannelLayout *x = codec->ch_layouts; !known && x->nb_channels; x++)
        known = av_channel_layout_compare(x, to) == 0;
    if (known)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "%s can not be made as %s", e->w.o->t->inputs[0].name,
              order_word(e->w.o->profile, "title"));
    error_why(err, "%s has no layout %s", codec->name, route_name(r).text);
    return error_fix(err, "mix it down (\"downmix\"), or choose another codec");
}

static bool set_format(AVCodecContext *c, const AVCodec *codec)
{
    static const enum AVSampleFormat good[] = {AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_FLT,
                                               AV_SAMPLE_FMT_S32, AV_SAMPLE_FMT_S16};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        for (const enum AVSampleFormat *f = codec->sample_fmts; f && *f != AV_SAMPLE_FMT_NONE; f++)
            if (*f == good[i]) {
                c->sample_fmt = *f;
                return true;
            }
    return false;
}

static int64_t usual_bit_rate(const char *codec, int channels)
{
    if (strcmp(codec, "ac3") == 0 || strcmp(codec, "eac3") == 0)
        return channels > 2 ? 448000 : channels == 2 ? 192000 : 96000;
    return strcmp(codec, "libopus") == 0 ? 64000 * channels
           : strcmp(codec, "aac") == 0   ? 96000 * channels
                                         : 0;
}

static bool open_decoder(struct encoded *e, struct error *err)
{
    AVCodecParameters *p = avcodec_parameters_alloc();
    avcodec_parameters_from_context(p, e->coder);
    bool done = decoder_open(p, e->coder->time_base, 1, &e->decoder, err);
    avcodec_parameters_free(&p);
    if (done) {
        // Dynamic range control is for living rooms; the run-up is counted by ourselves.
        av_opt_set_double(e->decoder, "drc_scale", 0, AV_OPT_SEARCH_CHILDREN);
        e->decoder->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
        e->skip = e->coder->initial_padding;
    }
    return done;
}

static bool open_coder(struct encoded *e, struct error *err)
{
    const struct order *o = e->w.o;
    const json_t *row = e->w.route->row;
    const char *name =
        *order_word(row, "codec") ? order_word(row, "codec") : order_word(o->audio, "codec");
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    AVCodecContext *c = e->coder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c || !set_format(c, codec))
        return error_set(err, ERROR_UNSUPPORTED, "no encoder %s is there", name);
    if (!order_holds(o, codec->id, err) || !set_layout(e, codec, err))
        return false;
    c->sample_rate = e->w.rate;
    c->bit_rate = order_number(row, "bit_rate", order_number(o->audio, "bit_rate", 0));
    c->bit_rate = c->bit_rate ? c->bit_rate : usual_bit_rate(name, e->channels);
    c->time_base = (AVRational){1, c->sample_rate};
    c->thread_count = 1;
    if (strcmp(name, "flac") == 0)
        c->bits_per_raw_sample = 24;
    if (o->container->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (e->w.dialnorm)
        av_opt_set_int(c, "dialnorm", e->w.dialnorm, AV_OPT_SEARCH_CHILDREN);
    int code = avcodec_open2(c, codec, NULL);
    if (code < 0)
        return order_refused(o, code, err);
    const AVCodecDescriptor *about = avcodec_descriptor_get(codec->id);
    bool lossy = about && about->props & AV_CODEC_PROP_LOSSY;
    return !lossy || !e->w.measured || open_decoder(e, err);
}

bool encoded_open(const struct encoded_wish *w, struct encoded **to, struct error *err)
{
    struct encoded *e = calloc(1, sizeof(*e));
    if (!e)
        return error_set(err, ERROR_TOO_BIG, "no memory for sound");
    e->w = *w;
    e->channels = w->route->channels;
    e->packet = av_packet_alloc();
    e->frame = av_frame_alloc();
    e->noise = 1;
    if (open_coder(e, err)) {
        *to = e;
        return true;
    }
    encoded_close(e);
    return false;
}

static void free_planes(struct planes *p)
{
    for (int c = 0; c < CHANNELS; c++)
        free(p->at[c]);
}

void encoded_close(struct encoded *e)
{
    if (!e)
        return;
    avcodec_free_context(&e->coder);
    avcodec_free_context(&e->decoder);
    av_packet_free(&e->packet);
    av_frame_free(&e->frame);
    free_planes(&e->waiting);
    free_planes(&e->again);
    free(e);
}

const AVCodecContext *encoded_coder(const struct encoded *e)
{
    return e->coder;
}

static bool room_for(struct planes *p, int channels, int64_t more, struct error *err)
{
    if (p->count + more <= p->room)
        return true;
    p->room = (p->count + more) * 2;
    for (int c = 0; c < channels; c++) {
        float *at = realloc(p->at[c], (size_t)p->room * sizeof(float));
        if (!at)
            return error_set(err, ERROR_TOO_BIG, "no memory for sound");
        p->at[c] = at;
    }
    return true;
}

static void drop(struct planes *p, int channels, int64_t count)
{
    p->count -= count;
    for (int c = 0; c < channels; c++)
        memmove(p->at[c], p->at[c] + count, (size_t)p->count * sizeof(float));
}

// ---- what comes out again

static float sample_of(const AVFrame *f, int channel, int i)
{
    int channels = f->ch_layout.nb_channels;
    switch (f->format) {
    case AV_SAMPLE_FMT_FLTP:
        return ((const float *)f->extended_data[channel])[i];
    case AV_SAMPLE_FMT_FLT:
        return ((const float *)f->extended_data[0])[i * channels + channel];
    case AV_SAMPLE_FMT_S16:
        return (float)((const int16_t *)f->extended_data[0])[i * channels + channel] / 32768;
    default:
        return 0;
    }
}

// `p` NULL: the end.
static bool decode_again(struct encoded *e, const AVPacket *p, struct error *err)
{
    if (!e->decoder)
        return true;
    avcodec_send_packet(e->decoder, p);
    while (avcodec_receive_frame(e->decoder, e->frame) >= 0) {
        int64_t skip = e->skip < e->frame->nb_samples ? e->skip : e->frame->nb_samples;
        int64_t count = e->frame->nb_samples - skip;
        if (e->frame->ch_layout.nb_channels == e->channels && count > 0) {
            if (!room_for(&e->again, e->channels, count, err))
                return false;
            for (int c = 0; c < e->channels; c++)
                for (int64_t i = 0; i < count; i++)
                    e->again.at[c][e->again.count + i] =
                        sample_of(e->frame, e->place[c], (int)(skip + i));
            e->again.count += count;
        }
        e->skip -= skip;
        av_frame_unref(e->frame);
    }
    return true;
}

int64_t encoded_again(struct encoded *e, const float **planes)
{
    drop(&e->again, e->channels, e->taken);
    e->taken = e->again.count;
    for (int c = 0; c < e->channels; c++)
        planes[c] = e->again.at[c];
    return e->taken;
}

// ---- samples

static double noise(struct encoded *e)
{
    e->noise ^= e->noise << 13, e->noise ^= e->noise >> 17, e->noise ^= e->noise << 5;
    return (double)e->noise / 4294967296.0;
}

// Whole steps of a converter with `most` of them on each side; triangular dither where it is asked.
static int32_t steps(struct encoded *e, float v, double most, bool dither)
{
    double at = v * most + (dither ? noise(e) - noise(e) : 0);
    at = at < -most ? -most : at > most - 1 ? most - 1 : at;
    return (int32_t)lrint(at);
}

static void put_samples(struct encoded *e, AVFrame *f)
{
    for (int c = 0; c < e->channels; c++) {
        const float *from = e->waiting.at[c];
        int to = e->place[c];
        for (int i = 0; i < f->nb_samples; i++) {
            int64_t packed = (int64_t)i * e->channels + to;
            float v = from[i];
            // One step over the top is a rounding of 24 bits.
            bool fixed = f->format == AV_SAMPLE_FMT_S32 || f->format == AV_SAMPLE_FMT_S16;
            e->clipped += fixed && (v > 1 || v < -1);
            if (f->format == AV_SAMPLE_FMT_FLTP)
                ((float *)f->extended_data[to])[i] = v;
            else if (f->format == AV_SAMPLE_FMT_FLT)
                ((float *)f->extended_data[0])[packed] = v;
            else if (f->format == AV_SAMPLE_FMT_S32)
                ((int32_t *)f->extended_data[0])[packed] = steps(e, v, 8388608, false) * 256;
            else
                ((int16_t *)f->extended_data[0])[packed] =
                    (int16_t)steps(e, v, 32768, !e->w.exact16);
        }
    }
}

static bool receive(struct encoded *e, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_packet(e->coder, e->packet) >= 0) {
        AVPacket *p = e->packet;
        // What fills the last packet is not part of the sound.
        if (p->pts + p->duration > e->sent && e->came == e->sent)
            p->duration = e->sent > p->pts ? e->sent - p->pts : 0;
        done = decode_again(e, p, err) &&
               (!p->duration || e->w.sink(e->w.context, e->w.number, p, err));
        av_packet_unref(p);
    }
    return done;
}

static bool encode_waiting(struct encoded *e, bool all, struct error *err)
{
    int64_t size = e->coder->frame_size ? e->coder->frame_size : 1024;
    bool done = true;
    while (done && e->waiting.count > 0 && (e->waiting.count >= size || all)) {
        AVFrame *f = av_frame_alloc();
        f->format = e->coder->sample_fmt;
        f->nb_samples = (int)(e->waiting.count < size ? e->waiting.count : size);
        f->sample_rate = e->coder->sample_rate;
        av_channel_layout_copy(&f->ch_layout, &e->coder->ch_layout);
        av_frame_get_buffer(f, 0);
        put_samples(e, f);
        drop(&e->waiting, e->channels, f->nb_samples);
        f->pts = e->sent;
        e->sent += f->nb_samples;
        int code = avcodec_send_frame(e->coder, f);
        done = code >= 0 ? receive(e, err) : order_refused(e->w.o, code, err);
        av_frame_free(&f);
    }
    return done;
}

bool encoded_add(struct encoded *e, const float *const *planes, int64_t count, struct error *err)
{
    if (!room_for(&e->waiting, e->channels, count, err))
        return false;
    for (int c = 0; c < e->channels; c++)
        memcpy(e->waiting.at[c] + e->waiting.count, planes[c], (size_t)count * sizeof(float));
    if (!e->decoder && e->w.measured) {
        if (!room_for(&e->again, e->channels, count, err))
            return false;
        for (int c = 0; c < e->channels; c++)
            memcpy(e->again.at[c] + e->again.count, planes[c], (size_t)count * sizeof(float));
        e->again.count += count;
    }
    e->waiting.count += count;
    return encode_waiting(e, false, err);
}

bool encoded_end(struct encoded *e, struct error *err)
{
    e->came = e->sent + e->waiting.count; // all that there is
    if (!encode_waiting(e, true, err))
        return false;
    avcodec_send_frame(e->coder, NULL);
    return receive(e, err) && decode_again(e, NULL, err);
}

int64_t encoded_samples(const struct encoded *e)
{
    return e->sent;
}

int64_t encoded_clipped(const struct encoded *e)
{
    return e->clipped;
}
