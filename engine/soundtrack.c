/*
 * All sound of a deliverable, encoded once from its first sample to its last: an encoder that
 * begins anew in the middle adds its run-up and clicks.
 */
#include "engine/deliverable.h"
#include "engine/sound.h"
#include "plat/clock.h"

#include <libavutil/audio_fifo.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOUNDS 64

struct sound {
    int from; // stream of the source
    AVCodecContext *decoder, *encoder;
    SwrContext *convert;
    AVAudioFifo *waiting;
    int64_t sent;
    int64_t at; // samples of the source that went in, silence too
};

struct track {
    struct order o;
    struct media *m;
    struct sound sounds[SOUNDS];
    int count;
    int file;
    struct packets_writer *writer;
    AVPacket *packet;
    AVFrame *frame;
    int64_t said_us;
};

static bool write_packets(struct track *x, int number, struct error *err)
{
    struct sound *o = &x->sounds[number];
    bool done = true;
    while (done && avcodec_receive_packet(o->encoder, x->packet) >= 0) {
        const AVPacket *p = x->packet;
        done = packets_add(x->writer,
                           &(struct packets_row){.stream = (uint16_t)number,
                                                 .key = p->flags & AV_PKT_FLAG_KEY,
                                                 .pts = p->pts,
                                                 .dts = p->dts,
                                                 .duration = p->duration,
                                                 .at = p->data,
                                                 .size = (size_t)p->size},
                           err);
        av_packet_unref(x->packet);
    }
    return done;
}

static bool open_encoder(struct track *x, struct sound *o, AVChannelLayout *have, struct error *err)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(order_word(x->o.audio, "codec"));
    AVCodecContext *c = o->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    int channels = order_number(x->o.audio, "channels", 0);
    if (!c)
        return error_set(err, ERROR_UNSUPPORTED, "no encoder %s is there",
                         order_word(x->o.audio, "codec"));
    if (!order_holds(&x->o, codec->id, err))
        return false;
    if (channels)
        av_channel_layout_default(&c->ch_layout, channels);
    else
        av_channel_layout_copy(&c->ch_layout, have);
    c->sample_rate = order_number(x->o.audio, "rate", 48000);
    c->sample_fmt = codec->sample_fmts[0];
    c->bit_rate = order_number(x->o.audio, "bit_rate", 0);
    c->time_base = (AVRational){1, c->sample_rate};
    c->thread_count = 1;
    if (x->o.container->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(c, codec, NULL);
    if (code >= 0)
        code = swr_alloc_set_opts2(&o->convert, &c->ch_layout, c->sample_fmt, c->sample_rate, have,
                                   o->decoder->sample_fmt, o->decoder->sample_rate, 0, NULL);
    if (code >= 0)
        code = swr_init(o->convert);
    if (code < 0)
        return order_refused(&x->o, code, err);
    o->waiting = av_audio_fifo_alloc(c->sample_fmt, c->ch_layout.nb_channels, 8192);
    return o->waiting || error_set(err, ERROR_TOO_BIG, "no memory for sound");
}

static bool open_sound(struct track *x, int index, struct error *err)
{
    const AVStream *s = x->m->format->streams[index];
    struct sound *o = &x->sounds[x->count];
    AVChannelLayout have = {0};
    if (!decoder_open(s->codecpar, s->time_base, 1, &o->decoder, err))
        return false;
    if (o->decoder->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
        av_channel_layout_copy(&have, &o->decoder->ch_layout);
    else
        av_channel_layout_default(&have, o->decoder->ch_layout.nb_channels);
    bool done = open_encoder(x, o, &have, err);
    av_channel_layout_uninit(&have);
    o->from = index;
    x->count++;
    return done;
}

static bool open_all(struct track *x, struct error *err)
{
    int most = order_number(x->o.audio, "streams", SOUNDS);
    for (unsigned i = 0; x->o.audio && x->m->format && i < x->m->format->nb_streams; i++) {
        AVStream *s = x->m->format->streams[i];
        bool sound = s->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && s->codecpar->sample_rate > 0;
        bool wanted = sound && x->count < most && x->count < SOUNDS;
        s->discard = wanted ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        if (wanted && !open_sound(x, (int)i, err))
            return false;
    }
    return true;
}

static bool open_writer(struct track *x, struct error *err)
{
    json_t *streams = json_array();
    for (int i = 0; i < x->count; i++) {
        const AVStream *s = x->m->format->streams[x->sounds[i].from];
        const AVDictionaryEntry *language = av_dict_get(s->metadata, "language", NULL, 0);
        json_array_append_new(streams, stream_describe(x->sounds[i].encoder, NULL,
                                                       language ? language->value : NULL));
    }
    json_t *head = json_pack("{s:o}", "streams", streams);
    bool done =
        output_open(x->o.t->output, &x->file, err) && packets_begin(x->file, head, &x->writer, err);
    json_decref(head);
    return done;
}

// ---- samples

static bool encode_waiting(struct track *x, int number, bool all, struct error *err)
{
    struct sound *o = &x->sounds[number];
    int size = o->encoder->frame_size ? o->encoder->frame_size : 1024, have;
    bool done = true;
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
        done = code >= 0 ? write_packets(x, number, err) : order_refused(&x->o, code, err);
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
static bool place_sound(struct track *x, struct sound *o, const AVFrame *f, struct error *err)
{
    // No samples; NULL would end the resampler.
    static const uint8_t *nothing[SOUNDS];
    int64_t skip, silence;
    if (!sound_place(x->m, o->from, f, o->at, &skip, &silence))
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

static bool take_sound(struct track *x, int number, AVPacket *p, struct error *err)
{
    struct sound *o = &x->sounds[number];
    avcodec_send_packet(o->decoder, p);
    bool done = true;
    while (done && avcodec_receive_frame(o->decoder, x->frame) >= 0) {
        AVFrame *f = x->frame;
        bool same = f->ch_layout.nb_channels == o->decoder->ch_layout.nb_channels &&
                    f->format == o->decoder->sample_fmt;
        error_clear(err);
        if (same && place_sound(x, o, f, err))
            done = convert_sound(o, (const uint8_t **)f->extended_data, f->nb_samples, err);
        else
            done = !err->what[0];
        av_frame_unref(f);
        done = done && encode_waiting(x, number, false, err);
    }
    return done && (p || (convert_sound(o, NULL, 0, err) && encode_waiting(x, number, true, err)));
}

static void progress(struct track *x)
{
    int64_t now = clock_tick_us();
    if (now - x->said_us < 200000)
        return;
    x->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)x->m->at, "total",
                       (json_int_t)input_size(x->m->in), "unit", "bytes"));
}

static bool read_all(struct track *x, struct error *err)
{
    AVPacket *p = av_packet_alloc();
    bool done = true;
    while (done && x->count && media_read(x->m, p) >= 0) {
        progress(x);
        for (int i = 0; done && i < x->count; i++)
            if (x->sounds[i].from == p->stream_index)
                done = take_sound(x, i, p, err);
        av_packet_unref(p);
    }
    av_packet_free(&p);
    for (int i = 0; done && i < x->count; i++) {
        done = take_sound(x, i, NULL, err);
        if (done) {
            avcodec_send_frame(x->sounds[i].encoder, NULL);
            done = write_packets(x, i, err);
        }
    }
    return done;
}

bool soundtrack(const struct ticket *t, json_t **result, struct error *err)
{
    struct track x = {.file = -1, .packet = av_packet_alloc(), .frame = av_frame_alloc()};
    int64_t size = 0;
    bool done = order_open(t, &x.o, err) && media_open(t, &x.m, err) && open_all(&x, err) &&
                open_writer(&x, err) && read_all(&x, err) &&
                packets_finish(x.writer, 0, &size, err);
    if (done)
        *result = json_pack("{s:{s:s, s:I}, s:I}", "output", "name", t->output, "size",
                            (json_int_t)size, "samples", (json_int_t)x.sounds[0].sent);
    for (int i = 0; i < x.count; i++) {
        struct sound *o = &x.sounds[i];
        avcodec_free_context(&o->decoder);
        avcodec_free_context(&o->encoder);
        swr_free(&o->convert);
        av_audio_fifo_free(o->waiting);
    }
    packets_writer_close(x.writer);
    av_frame_free(&x.frame);
    av_packet_free(&x.packet);
    media_close(x.m);
    if (x.file >= 0)
        close(x.file);
    order_close(&x.o);
    return done;
}
