#include "engine/whole.h"
#include "engine/exr.h"
#include "engine/picture.h"

#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE_BYTES (1LL << 30)

static bool bad(struct error *err, const char *name, const char *why)
{
    error_set(err, ERROR_DAMAGED, "%s can not be read whole", name);
    return error_why(err, "%s", why);
}

bool whole_is_picture(size_t number, const struct ticket_input *input, bool *is,
                      enum AVCodecID *codec, struct error *err)
{
    uint8_t head[16] = {0};
    struct input *in = NULL;
    size_t got = 0;
    bool done = input_open(number, input->size, &in, err) &&
                input_read(in, 0, head, sizeof(head), &got, err);
    input_close(in);
    *codec = done ? media_picture_codec(head, input->name) : AV_CODEC_ID_NONE;
    *is = *codec != AV_CODEC_ID_NONE;
    return done;
}

// What is cut off after the last line decodes without a complaint: these formats say where they
// end.
static bool ends(enum AVCodecID codec, const uint8_t *at, size_t size)
{
    static const uint8_t png[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    if (codec == AV_CODEC_ID_PNG) {
        for (size_t i = 0; i < 4096 && size >= i + sizeof(png);
             i++) // some write a little behind it
            if (memcmp(at + size - sizeof(png) - i, png, sizeof(png)) == 0)
                return true;
        return false;
    }
    if (codec == AV_CODEC_ID_MJPEG) {
        for (size_t i = 0; i < 4096 && size >= i + 2; i++)
            if (at[size - 2 - i] == 0xff && at[size - 1 - i] == 0xd9)
                return true;
        return false;
    }
    return true;
}

static bool read_whole(size_t number, const struct ticket_input *input, AVPacket *p,
                       struct error *err)
{
    struct input *in = NULL;
    size_t got = 0;
    if (input->size < 4 || input->size > PICTURE_BYTES)
        return bad(err, input->name, input->size < 4 ? "it is empty" : "it is too large");
    bool done = input_open(number, input->size, &in, err) &&
                (av_new_packet(p, (int)input->size) == 0 ||
                 error_set(err, ERROR_TOO_BIG, "no memory for %s", input->name)) &&
                input_read(in, 0, p->data, (size_t)input->size, &got, err);
    input_close(in);
    return done &&
           (got == (size_t)input->size || bad(err, input->name, "it is shorter than it was"));
}

bool whole_decode(size_t number, const struct ticket_input *input, enum AVCodecID codec,
                  AVFrame **frame, struct error *err)
{
    AVPacket *p = av_packet_alloc();
    AVFrame *f = av_frame_alloc();
    AVCodecContext *c = NULL;
    AVCodecParameters *wanted = avcodec_parameters_alloc();
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    wanted->codec_type = AVMEDIA_TYPE_VIDEO;
    wanted->codec_id = codec;
    bool ok =
        read_whole(number, input, p, err) && decoder_open(wanted, (AVRational){1, 24}, 1, &c, err);
    if (ok) {
        // Of TIFF a tag that libav does not know would be an error too.
        c->err_recognition = AV_EF_CRCCHECK | (codec == AV_CODEC_ID_TIFF ? 0 : AV_EF_EXPLODE);
        int code = avcodec_send_packet(c, p);
        code = code >= 0 ? avcodec_send_packet(c, NULL) : code;
        code = code >= 0 ? avcodec_receive_frame(c, f) : code;
        av_strerror(code, text, sizeof(text));
        ok = code >= 0 || bad(err, input->name, text);
        if (ok && (f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT)))
            ok = bad(err, input->name, "a part of it does not decode");
        if (ok && !ends(codec, p->data, (size_t)p->size))
            ok = bad(err, input->name, "its end is missing");
    }
    avcodec_parameters_free(&wanted);
    avcodec_free_context(&c);
    av_packet_free(&p);
    if (ok)
        *frame = f;
    else
        av_frame_free(&f);
    return ok;
}

// Whether anything is not black, and anything not fully transparent: as 16 bits a channel.
static bool find_light(const AVFrame *f, struct whole *l, const char *name, struct error *err)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    bool alpha = d && (d->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL));
    AVFrame *wide = frame_new(AV_PIX_FMT_RGBA64LE, f->width, f->height);
    struct SwsContext *s = sws_getContext(f->width, f->height, f->format, f->width, f->height,
                                          AV_PIX_FMT_RGBA64LE, SWS_POINT, NULL, NULL, NULL);
    bool ok = wide && s &&
              sws_scale(s, (const uint8_t *const *)f->data, f->linesize, 0, f->height, wide->data,
                        wide->linesize) == f->height;
    // Rounding makes a little light of black in limited range.
    const unsigned dark = d && !(d->flags & AV_PIX_FMT_FLAG_RGB) && d->nb_components > 2 ? 1024 : 0;
    for (int y = 0; ok && y < f->height && !(l->lit && l->opaque); y++) {
        const uint8_t *at = wide->data[0] + (ptrdiff_t)y * wide->linesize[0];
        for (int x = 0; x < f->width; x++, at += 8) {
            unsigned most = 0, through = at[6] | (unsigned)at[7] << 8;
            for (int i = 0; i < 6; i += 2) {
                unsigned v = at[i] | (unsigned)at[i + 1] << 8;
                most = v > most ? v : most;
            }
            l->opaque |= !alpha || through > 0;
            l->lit |= most > dark && (!alpha || through > 0);
        }
    }
    sws_freeContext(s);
    av_frame_free(&wide);
    return ok || error_set(err, ERROR_UNSUPPORTED, "%s can not be looked at", name);
}

static void describe(struct whole *l, const AVFrame *f, enum AVCodecID codec)
{
    const char *format = av_get_pix_fmt_name(f->format);
    l->width = f->width;
    l->height = f->height;
    buf_format(&l->form, "%s %s", avcodec_get_name(codec), format ? format : "?");
}

static bool look_at_exr(size_t number, const struct ticket_input *input, struct whole *to,
                        struct error *err)
{
    struct exr_seen seen;
    bool ok = exr_look(number, input, &seen, err);
    *to = (struct whole){.width = seen.width,
                         .height = seen.height,
                         .form = seen.form,
                         .lit = seen.lit,
                         .opaque = true, // light without alpha is a glow
                         .odd = seen.odd,
                         .no_tile = seen.no_tile};
    memcpy(to->odd_at, seen.odd_at, sizeof(to->odd_at));
    return ok;
}

bool whole_picture(size_t number, const struct ticket_input *input, enum AVCodecID codec,
                   struct whole *to, struct error *err)
{
    AVFrame *f = NULL;
    *to = (struct whole){.form = BUF_LIMIT(1 << 20)};
    if (codec == AV_CODEC_ID_EXR)
        return look_at_exr(number, input, to, err);
    bool ok = whole_decode(number, input, codec, &f, err) && find_light(f, to, input->name, err);
    if (ok)
        describe(to, f, codec);
    av_frame_free(&f);
    return ok;
}

// ---- movies

struct film {
    struct media *m;
    AVCodecContext *c;
    AVFrame *f;
    int64_t frames;
};

static bool take_frames(struct film *w, struct whole *l, const char *name, struct error *err)
{
    int code;
    while ((code = avcodec_receive_frame(w->c, w->f)) >= 0) {
        if (w->f->decode_error_flags || (w->f->flags & AV_FRAME_FLAG_CORRUPT)) {
            error_set(err, ERROR_DAMAGED, "%s can not be read whole", name);
            return error_why(err, "frame %lld does not decode", (long long)w->frames);
        }
        if (!w->frames++)
            describe(l, w->f, w->c->codec_id);
        if (!(l->lit && l->opaque) && !find_light(w->f, l, name, err))
            return false;
        if (w->frames % 24 == 0)
            door_say(json_pack("{s:{s:I, s:i, s:s}}", "progress", "done", (json_int_t)w->frames,
                               "total", 0, "unit", "frames"));
        av_frame_unref(w->f);
    }
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
        return true;
    return media_error(err, code, w->m, "decoding it");
}

bool whole_movie(const struct ticket *t, struct whole *to, struct error *err)
{
    struct film w = {.f = av_frame_alloc()};
    AVPacket *p = av_packet_alloc();
    const char *name = t->inputs[0].name;
    int code = 0;
    *to = (struct whole){.form = BUF_LIMIT(1 << 20)};
    bool ok = media_open(t, &w.m, err);
    if (ok && w.m->video < 0)
        ok = bad(err, name, "it has no picture");
    ok = ok && decoder_open(media_video(w.m), media_video_base(w.m), t->threads, &w.c, err);
    while (ok && (code = media_read(w.m, p)) >= 0) {
        if (p->stream_index == w.m->video) {
            code = avcodec_send_packet(w.c, p);
            ok = (code >= 0 || media_error(err, code, w.m, "decoding it")) &&
                 take_frames(&w, to, name, err);
        }
        av_packet_unref(p);
    }
    if (ok && code != AVERROR_EOF)
        ok = media_error(err, code, w.m, "reading it");
    if (ok && avcodec_send_packet(w.c, NULL) >= 0)
        ok = take_frames(&w, to, name, err);
    ok = ok && (w.frames || bad(err, name, "it has no frames"));
    av_packet_free(&p);
    av_frame_free(&w.f);
    avcodec_free_context(&w.c);
    media_close(w.m);
    return ok;
}
