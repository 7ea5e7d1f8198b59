#include "engine/own.h"
#include "picture/prores.h"

#include <stdlib.h>
#include <string.h>

struct own_encoder {
    struct prores *prores;
};

enum AVCodecID own_codec(const char *name)
{
    return strcmp(name, "prores_house") == 0 ? AV_CODEC_ID_PRORES : AV_CODEC_ID_NONE;
}

static bool has_no(struct error *err, const char *why)
{
    error_set(err, ERROR_UNSUPPORTED, "prores_house can not make that");
    return error_why(err, "%s", why);
}

static void fill(struct prores_shape *to, const AVCodecContext *c)
{
    const int kinds[] = {PRORES_PROXY, PRORES_LT, PRORES_422, PRORES_HQ, PRORES_4444, PRORES_XQ};
    *to = (struct prores_shape){.width = c->width,
                                .height = c->height,
                                .kind = (enum prores_kind)kinds[c->profile],
                                .full_chroma = c->pix_fmt == AV_PIX_FMT_YUV444P10LE,
                                .rate_num = c->framerate.num,
                                .rate_den = c->framerate.den,
                                .aspect_num = c->sample_aspect_ratio.num,
                                .aspect_den = c->sample_aspect_ratio.den,
                                .primaries = (int)c->color_primaries,
                                .transfer = (int)c->color_trc,
                                .matrix = (int)c->colorspace};
    if (c->flags & AV_CODEC_FLAG_INTERLACED_DCT)
        to->scan = c->field_order == AV_FIELD_BB ? PRORES_BOTTOM_FIRST : PRORES_TOP_FIRST;
}

bool own_open(AVCodecContext *c, const json_t *options, struct own_encoder **to, struct error *err)
{
    static const char tags[PRORES_KINDS][5] = {"apco", "apcs", "apcn", "apch", "ap4h", "ap4x"};
    const char *kind = json_string_value(json_object_get(options, "profile"));
    c->profile = kind && strlen(kind) == 1 ? *kind - '0' : kind ? -1 : PRORES_HQ;
    if (c->profile < 0 || c->profile >= PRORES_KINDS)
        return has_no(err,
                      "options.profile is 0 (Proxy), 1 (LT), 2 (422), 3 (HQ), 4 (4444) or 5 (XQ)");
    if (c->pix_fmt != (c->profile < PRORES_4444 ? AV_PIX_FMT_YUV422P10LE : AV_PIX_FMT_YUV444P10LE))
        return has_no(err, "its pixels are yuv422p10le, those of 4444 and XQ yuv444p10le");
    if (c->width < 16 || c->height < 16 || c->width > 8192 || c->height > 8192)
        return has_no(err, "a picture is 16 to 8192 pixels wide and high");
    c->codec_tag =
        MKTAG(tags[c->profile][0], tags[c->profile][1], tags[c->profile][2], tags[c->profile][3]);
    c->bits_per_raw_sample = 10;
    struct prores_shape shape;
    fill(&shape, c);
    struct own_encoder *o = calloc(1, sizeof(*o));
    if (o && (o->prores = prores_open(&shape)))
        return *to = o, true;
    own_close(o);
    return error_set(err, ERROR_TOO_BIG, "no memory for an encoder");
}

void own_close(struct own_encoder *o)
{
    if (!o)
        return;
    prores_close(o->prores);
    free(o);
}

bool own_encode(struct own_encoder *o, const AVFrame *f, AVPacket *to)
{
    struct picture_view v;
    const uint8_t *at;
    for (int i = 0; i < 3; i++)
        v.plane[i] = f->data[i], v.stride_bytes[i] = f->linesize[i];
    size_t size = prores_frame(o->prores, &v, &at);
    if (!size || av_new_packet(to, (int)size) < 0)
        return false;
    memcpy(to->data, at, size);
    to->pts = to->dts = f->pts;
    to->flags |= AV_PKT_FLAG_KEY;
    return true;
}
