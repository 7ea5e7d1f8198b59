/*
 * An AAC encoder begins with a packet that is only the run-up of its window. It is left out, so
 * that the first sample is at 0 without an edit list; the price is that the first 21 ms fade in.
 */
#include "engine/sound.h"

#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>

struct aac {
    AVCodecContext *encoder;
    SwrContext *convert;
    AVAudioFifo *waiting;
    AVPacket *packet;
    int64_t sent;
    aac_sink *sink;
    void *context;
};

bool sound_place(const struct media *m, int stream, const AVFrame *f, int64_t have, int64_t *skip,
                 int64_t *silence)
{
    const AVStream *s = m->format->streams[stream];
    AVRational samples = {1, f->sample_rate > 0 ? f->sample_rate : 48000};
    int64_t start = m->video >= 0 ? m->format->streams[m->video]->start_time : AV_NOPTS_VALUE;
    *skip = *silence = 0;
    if (f->best_effort_timestamp == AV_NOPTS_VALUE || start == AV_NOPTS_VALUE)
        return true;
    int64_t at = av_rescale_q(f->best_effort_timestamp, s->time_base, samples) -
                 av_rescale_q(start, media_video_base(m), samples);
    if (at + f->nb_samples <= 0 && !have)
        return false;
    // Times are rounded to a millisecond in some files; a lost packet is 20 of them or more.
    if (at < 0 && !have)
        *skip = -at;
    else if (at > have + (have ? samples.den / 50 : 0) && at < have + 3600LL * samples.den)
        *silence = at - have; // a gap: what follows must stay with its picture
    return true;
}

static int rate_of(int rate)
{
    static const int known[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == rate)
            return rate;
    return 48000;
}

static bool open_encoder(struct aac *a, const AVCodecContext *decoder, int channels)
{
    AVCodecContext *e = a->encoder = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
    av_channel_layout_default(&e->ch_layout, channels);
    e->sample_rate = rate_of(decoder->sample_rate);
    e->sample_fmt = AV_SAMPLE_FMT_FLTP;
    e->bit_rate = channels * 96000;
    e->time_base = (AVRational){1, e->sample_rate};
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    e->thread_count = 1;
    return avcodec_open2(e, NULL, NULL) >= 0;
}

bool aac_open(const AVCodecContext *decoder, int channels, aac_sink *sink, void *context,
              struct aac **to, struct error *err)
{
    struct aac *a = av_mallocz(sizeof(*a));
    a->sink = sink;
    a->context = context;
    int have = decoder->ch_layout.nb_channels;
    AVChannelLayout from = {0};
    if (decoder->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
        av_channel_layout_copy(&from, &decoder->ch_layout);
    else
        av_channel_layout_default(&from, have);
    bool open = open_encoder(a, decoder, channels ? channels : have > 8 ? 2 : have);
    if (!open && !channels) { // a layout that AAC has not
        avcodec_free_context(&a->encoder);
        open = open_encoder(a, decoder, 2);
    }
    open = open &&
           swr_alloc_set_opts2(&a->convert, &a->encoder->ch_layout, AV_SAMPLE_FMT_FLTP,
                               a->encoder->sample_rate, &from, decoder->sample_fmt,
                               decoder->sample_rate, 0, NULL) >= 0 &&
           swr_init(a->convert) >= 0;
    av_channel_layout_uninit(&from);
    if (open) {
        a->waiting =
            av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, a->encoder->ch_layout.nb_channels, 8192);
        a->packet = av_packet_alloc();
        *to = a;
        return true;
    }
    aac_close(a);
    error_set(err, ERROR_UNSUPPORTED, "its sound can not be made into AAC");
    return error_why(err, "%d channels at %d Hz", have, decoder->sample_rate);
}

void aac_close(struct aac *a)
{
    if (!a)
        return;
    avcodec_free_context(&a->encoder);
    swr_free(&a->convert);
    av_audio_fifo_free(a->waiting);
    av_packet_free(&a->packet);
    av_free(a);
}

void aac_describe(const struct aac *a, struct fmp4_audio *to)
{
    *to = (struct fmp4_audio){a->encoder->sample_rate, a->encoder->ch_layout.nb_channels,
                              a->encoder->extradata, (size_t)a->encoder->extradata_size, NULL};
}

int aac_channels(const struct aac *a)
{
    return a->encoder->ch_layout.nb_channels;
}

static bool send(struct aac *a, AVFrame *frame, struct error *err)
{
    bool done = true;
    if (avcodec_send_frame(a->encoder, frame) < 0)
        return error_set(err, ERROR_INTERNAL, "its sound can not be encoded");
    while (done && avcodec_receive_packet(a->encoder, a->packet) >= 0) {
        done = a->packet->pts < 0 || a->sink(a->context, a->packet, a->encoder->frame_size, err);
        av_packet_unref(a->packet);
    }
    return done;
}

static bool encode_waiting(struct aac *a, bool all, struct error *err)
{
    bool done = true;
    int size = a->encoder->frame_size, have;
    while (done && (have = av_audio_fifo_size(a->waiting)) > 0 && (have >= size || all)) {
        AVFrame *f = av_frame_alloc();
        f->format = AV_SAMPLE_FMT_FLTP;
        f->nb_samples = size;
        f->sample_rate = a->encoder->sample_rate;
        av_channel_layout_copy(&f->ch_layout, &a->encoder->ch_layout);
        done = av_frame_get_buffer(f, 0) >= 0;
        if (done) {
            int got = av_audio_fifo_read(a->waiting, (void **)f->extended_data, size);
            if (got < size)
                av_samples_set_silence(f->extended_data, got, size - got, f->ch_layout.nb_channels,
                                       AV_SAMPLE_FMT_FLTP);
            f->pts = a->sent;
            a->sent += size;
            done = send(a, f, err);
        }
        av_frame_free(&f);
    }
    return done;
}

static void take(struct aac *a, const uint8_t **from, int count)
{
    uint8_t **planes = NULL;
    int room = swr_get_out_samples(a->convert, count);
    if (room <= 0 ||
        av_samples_alloc_array_and_samples(&planes, NULL, a->encoder->ch_layout.nb_channels, room,
                                           AV_SAMPLE_FMT_FLTP, 0) < 0)
        return;
    int got = swr_convert(a->convert, planes, room, from, count);
    if (got > 0)
        av_audio_fifo_write(a->waiting, (void **)planes, got);
    av_freep(&planes[0]);
    av_freep(&planes);
}

bool aac_add(struct aac *a, const AVFrame *frame, int64_t skip, int64_t silence,
             struct error *err)
{
    static const uint8_t *nothing[64]; // no samples; NULL would end the resampler
    while (silence > 0) {
        int some = silence < 48000 ? (int)silence : 48000;
        swr_inject_silence(a->convert, some);
        take(a, nothing, 0);
        silence -= some;
        if (!encode_waiting(a, false, err))
            return false;
    }
    if (frame) {
        if (skip)
            swr_drop_output(a->convert,
                            (int)av_rescale(skip, a->encoder->sample_rate, frame->sample_rate));
        take(a, (const uint8_t **)frame->extended_data, frame->nb_samples);
    }
    return encode_waiting(a, false, err);
}

bool aac_end(struct aac *a, struct error *err)
{
    take(a, NULL, 0);
    return encode_waiting(a, true, err) && send(a, NULL, err);
}
