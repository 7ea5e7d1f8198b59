#include "engine/film.h"
#include "engine/line.h"
#include "engine/output.h"

#include <errno.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <unistd.h>

#define GOP 12

enum { PICTURE, SOUND, END };

struct place { // of a frame that the encoder holds
    int64_t time;
    int flags;
};

struct film {
    struct film_wish wish;
    struct line *line;
    // All below belongs to the line's thread while it runs.
    AVCodecContext *encoder;
    struct fmp4 *file;
    int index;
    int64_t index_size, shown, packets, size;
    struct place *places; // a ring: frames that went in and have not come out
    size_t place_room;
    AVPacket *packet;
};

static bool write_header(struct film *f, bool complete, struct error *err)
{
    struct frameindex_header h = f->wish.header;
    uint8_t bytes[64 + FRAMEINDEX_AVCC_MAX + 16];
    h.flags |= complete ? FRAMEINDEX_COMPLETE : 0;
    h.frame_count = complete ? (uint32_t)f->packets : 0;
    h.width = f->wish.width, h.height = f->wish.height;
    h.avcc_size =
        avcc_of(f->encoder->extradata, (size_t)f->encoder->extradata_size, h.avcc, sizeof(h.avcc));
    frameindex_header_write(&h, bytes);
    int64_t size = (int64_t)frameindex_header_size(&h);
    f->index_size = f->index_size ? f->index_size : size;
    return output_write(f->index, bytes, (size_t)size, 0, err);
}

static bool open_encoder(struct film *f, struct error *err)
{
    const struct film_wish *w = &f->wish;
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVCodecContext *c = f->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c)
        return error_set(err, ERROR_UNSUPPORTED, "no H.264 encoder (libx264) is there");
    c->width = w->width, c->height = w->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, (int)w->header.timescale};
    c->framerate = (AVRational){(int)w->header.rate.num, (int)w->header.rate.den};
    c->gop_size = w->intra ? 1 : GOP;
    c->keyint_min = c->gop_size;
    c->max_b_frames = 0;
    c->color_primaries = AVCOL_PRI_BT709, c->color_trc = AVCOL_TRC_BT709;
    c->colorspace = AVCOL_SPC_BT709, c->color_range = AVCOL_RANGE_MPEG;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
    c->thread_count = w->threads;
    av_opt_set(c->priv_data, "preset", "ultrafast", 0);
    av_opt_set(c->priv_data, "crf", w->intra ? "24" : "22", 0);
    av_opt_set(c->priv_data, "x264-params",
               w->intra ? "scenecut=0:rc-lookahead=0:sync-lookahead=0"
                        : "scenecut=0:rc-lookahead=0:sync-lookahead=0:deblock=0,0",
               0);
    return avcodec_open2(c, codec, NULL) >= 0 ||
           error_set(err, ERROR_INTERNAL, "the H.264 encoder does not open");
}

static bool open_files(struct film *f, struct error *err)
{
    const struct film_wish *w = &f->wish;
    uint8_t avcc[FRAMEINDEX_AVCC_MAX];
    size_t avcc_size =
        avcc_of(f->encoder->extradata, (size_t)f->encoder->extradata_size, avcc, sizeof(avcc));
    struct fmp4_video v = {w->header.timescale, w->width, w->height, avcc, avcc_size};
    int file;
    if (!output_open(w->name, &file, err) ||
        !fmp4_open(file, &v, w->sound.rate ? &w->sound : NULL, w->frames / GOP + 2, &f->file,
                   err) ||
        !output_open(w->index_name, &f->index, err) || !write_header(f, false, err))
        return false;
    output_grows(w->kind, w->name);
    output_grows(w->index_kind, w->index_name);
    return true;
}

// ---- on the line

static bool flush(struct film *f, int64_t end_time, struct error *err)
{
    const struct fmp4_sample *samples;
    size_t count;
    if (!fmp4_flush(f->file, end_time, &samples, &count, err))
        return false;
    uint8_t *records = malloc((count + 1) * FRAMEINDEX_RECORD);
    for (size_t i = 0; i < count; i++) {
        struct frameindex_record r = {samples[i].offset, samples[i].size, samples[i].time,
                                      samples[i].flags};
        frameindex_record_write(&r, records + i * FRAMEINDEX_RECORD);
    }
    bool done = output_write(f->index, records, count * FRAMEINDEX_RECORD, f->index_size, err);
    f->index_size += (int64_t)(count * FRAMEINDEX_RECORD);
    free(records);
    return done;
}

static bool take_packets(struct film *f, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_packet(f->encoder, f->packet) >= 0) {
        const struct place *place = &f->places[(size_t)f->packets % f->place_room];
        bool key = f->packet->flags & AV_PKT_FLAG_KEY;
        if (f->packets && f->packets % GOP == 0)
            done = flush(f, place->time, err);
        fmp4_add_video(f->file, f->packet->data, (size_t)f->packet->size, place->time, key,
                       place->flags | (key ? FRAME_KEY : 0));
        f->packets++;
        av_packet_unref(f->packet);
    }
    return done;
}

static void remember(struct film *f, int64_t time, int flags)
{
    if (f->shown - f->packets == (int64_t)f->place_room) {
        size_t room = f->place_room ? f->place_room * 2 : 64;
        struct place *more = malloc(room * sizeof(*more));
        for (int64_t i = f->packets; i < f->shown; i++)
            more[(size_t)i % room] = f->places[(size_t)i % f->place_room];
        free(f->places);
        f->places = more, f->place_room = room;
    }
    f->places[(size_t)f->shown++ % f->place_room] = (struct place){time, flags};
}

static bool encode_picture(struct film *f, struct piece *p, struct error *err)
{
    p->frame->pts = p->time;
    p->frame->pict_type =
        f->shown % f->encoder->gop_size == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    p->frame->color_range = AVCOL_RANGE_MPEG;
    remember(f, p->time, p->flags);
    if (avcodec_send_frame(f->encoder, p->frame) < 0)
        return error_set(err, ERROR_INTERNAL, "a frame can not be encoded");
    return take_packets(f, err);
}

static bool end(struct film *f, int64_t end_time, struct error *err)
{
    avcodec_send_frame(f->encoder, NULL);
    if (!take_packets(f, err))
        return false;
    if (f->packets != f->shown)
        return error_set(err, ERROR_INTERNAL, "the encoder made %lld of %lld frames",
                         (long long)f->packets, (long long)f->shown);
    return flush(f, end_time, err) && fmp4_finish(f->file, &f->size, err) &&
           write_header(f, true, err) &&
           (fsync(f->index) == 0 ||
            error_errno(err, errno, "cannot make %s durable", f->wish.index_name));
}

static bool work(void *context, struct piece *p, struct error *err)
{
    struct film *f = context;
    if (p->kind == SOUND) {
        fmp4_add_audio(f->file, p->packet->data, (size_t)p->packet->size, (uint32_t)p->time);
        return true;
    }
    return p->kind == END ? end(f, p->time, err) : encode_picture(f, p, err);
}

// ---- from outside

bool film_open(const struct film_wish *w, struct film **to, struct error *err)
{
    struct film *f = calloc(1, sizeof(*f));
    f->wish = *w;
    f->index = -1;
    f->packet = av_packet_alloc();
    if (open_encoder(f, err) && open_files(f, err) && line_open(work, f, &f->line, err)) {
        *to = f;
        return true;
    }
    film_close(f);
    return false;
}

void film_close(struct film *f)
{
    if (!f)
        return;
    line_close(f->line);
    avcodec_free_context(&f->encoder);
    fmp4_close(f->file);
    av_packet_free(&f->packet);
    free(f->places);
    if (f->index >= 0)
        close(f->index);
    free(f);
}

bool film_show(struct film *f, AVFrame *picture, int64_t time, int flags, struct error *err)
{
    return line_give(
        f->line, (struct piece){.kind = PICTURE, .frame = picture, .time = time, .flags = flags},
        err);
}

bool film_sound(struct film *f, const AVPacket *packet, int samples, struct error *err)
{
    struct piece p = {.kind = SOUND, .packet = av_packet_clone(packet), .time = samples};
    return (p.packet || error_set(err, ERROR_TOO_BIG, "no memory for its sound")) &&
           line_give(f->line, p, err);
}

bool film_finish(struct film *f, int64_t end_time, int64_t *size, int64_t *index_size,
                 struct error *err)
{
    if (!line_give(f->line, (struct piece){.kind = END, .time = end_time}, err) ||
        !line_wait(f->line, err))
        return false;
    *size = f->size;
    *index_size = f->index_size;
    return true;
}
