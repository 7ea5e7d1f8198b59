// bench-look: a paused 1080p frame through a viewing transform: from the decoded frame (10-bit
// 4:2:2, or the floats of an OpenEXR) to a JPEG as the page is given one. Tables are of the sizes
// that transforms come to.
#include "engine/jpeg.h"
#include "engine/picture.h"
#include "engine/through.h"
#include "plat/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1920, HEIGHT = 1080, TIMES = 41 };

static AVFrame *decoded(bool floats)
{
    AVFrame *f = frame_new(floats ? AV_PIX_FMT_GBRPF32LE : AV_PIX_FMT_YUV422P10LE, WIDTH, HEIGHT);
    uint32_t seed = 1;
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < (i && !floats ? WIDTH / 2 : WIDTH); x++) {
                uint8_t *row = f->data[i] + (ptrdiff_t)y * f->linesize[i];
                int noise = (int)((seed = seed * 1664525u + 1013904223u) >> 27);
                int v = 64 + (x * (i + 1) / 3 + y / 4 + noise) % 860;
                if (floats)
                    ((float *)(void *)row)[x] = exp2f((float)v / 80 - 8);
                else
                    ((uint16_t *)(void *)row)[x] = (uint16_t)v;
            }
    f->color_trc = floats ? AVCOL_TRC_LINEAR : AVCOL_TRC_BT709;
    return f;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x > *y ? 1 : *x < *y ? -1 : 0;
}

static void row(const char *what, const struct lut *l, bool floats)
{
    struct colour *c = colour_open(l);
    AVFrame *from = decoded(floats);
    struct shaper *s =
        shaper_open(&(struct shape){.width = WIDTH, .height = HEIGHT, .through = c, .full = true});
    double took[TIMES];
    for (int i = 0; i < TIMES; i++) {
        int64_t began = clock_tick_us();
        AVFrame *seen = shaper_make(s, from);
        AVPacket *packet = av_packet_alloc();
        struct error err;
        if (!seen || !jpeg_encode(seen, packet, &err))
            abort();
        took[i] = (double)(clock_tick_us() - began) / 1000;
        av_frame_free(&seen);
        av_packet_free(&packet);
    }
    qsort(took, TIMES, sizeof(*took), by_size);
    printf("{\"bench\":\"look\",\"what\":\"a paused 1080p frame through %s, to a "
           "JPEG\",\"ours\":%.1f,\"unit\":\"ms\","
           "\"at_most\":50,\"p95\":%.1f}\n",
           what, took[TIMES / 2], took[TIMES * 95 / 100]);
    fflush(stdout);
    shaper_close(s);
    av_frame_free(&from);
    colour_close(c);
}

int main(void)
{
    struct lut l;
    struct error err;
    av_log_set_level(AV_LOG_ERROR);
    if (!lut_make(&l, 0, 33, &err))
        return 1;
    row("a .cube of 33", &l, false);
    lut_free(&l);
    if (!lut_make(&l, 8193, 0, &err))
        return 1;
    row("ASC CDL", &l, false);
    lut_free(&l);
    if (!lut_make(&l, 8193, 65, &err))
        return 1;
    row("ASC CDL and a cube of 65", &l, false);
    l.scale = LUT_LOG;
    row("OpenColorIO, floats of OpenEXR", &l, true);
    lut_free(&l);
    return 0;
}
