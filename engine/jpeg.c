#include "engine/jpeg.h"

enum { QUALITY = 4 };

bool jpeg_encode(AVFrame *f, AVPacket *to, struct error *err)
{
    AVCodecContext *e = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_MJPEG));
    e->width = f->width, e->height = f->height;
    e->pix_fmt = AV_PIX_FMT_YUVJ420P;
    e->color_range = AVCOL_RANGE_JPEG;
    e->time_base = (AVRational){1, 25};
    e->flags |= AV_CODEC_FLAG_QSCALE;
    e->global_quality = QUALITY * FF_QP2LAMBDA;
    // Slices for more threads have no tables of their own: sheets of tiles are half as large again.
    e->thread_count = 1;
    f->quality = e->global_quality;
    f->pts = 0;
    bool done = avcodec_open2(e, NULL, NULL) >= 0 && avcodec_send_frame(e, f) >= 0 &&
                avcodec_send_frame(e, NULL) >= 0 && avcodec_receive_packet(e, to) >= 0;
    avcodec_free_context(&e);
    return done || error_set(err, ERROR_INTERNAL, "a picture can not be encoded");
}
