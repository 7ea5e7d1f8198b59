// The brightest of R, G, B is found in the signal, where it is the brightest too: the curve rises.
// So each pixel is looked up once. Chroma between samples is the mean of its neighbours (sited on
// the left column).
#include "picture/light.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 16384 };

struct picture_light {
    struct picture_shape s;
    float nits[STEPS + 1];
    float *chroma[2]; // a row of each, at the picture's width
    struct picture_levels levels;
};

// SMPTE ST 2084:2014, 5.2
static double pq(double v)
{
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128, c1 = 3424.0 / 4096,
                 c2 = 2413.0 / 4096 * 32, c3 = 2392.0 / 4096 * 32;
    double p = pow(v, 1 / m2), n = p - c1;
    return 10000 * pow((n > 0 ? n : 0) / (c2 - c3 * p), 1 / m1);
}

struct picture_light *picture_light_open(const struct picture_shape *s)
{
    struct picture_light *l = s->pq ? calloc(1, sizeof(*l)) : NULL;
    if (!l)
        return NULL;
    l->s = *s;
    l->levels.cll_frame = l->levels.fall_frame = -1;
    for (int i = 0; i <= STEPS; i++)
        l->nits[i] = (float)pq((double)i / STEPS);
    for (int i = 0; i < 2; i++)
        l->chroma[i] = malloc(sizeof(float) * (size_t)(s->width + 2));
    if (l->chroma[0] && l->chroma[1])
        return l;
    picture_light_close(l);
    return NULL;
}

void picture_light_close(struct picture_light *l)
{
    if (!l)
        return;
    free(l->chroma[0]);
    free(l->chroma[1]);
    free(l);
}

static int sample(const struct picture_light *l, const struct picture_view *v, int plane, int x,
                  int y)
{
    const uint8_t *row = v->plane[plane] + v->stride_bytes[plane] * y;
    return l->s.bits > 8 ? ((const uint16_t *)(const void *)row)[x] : row[x];
}

// A row of Cb or Cr as -0.5 to 0.5 for each pixel.
static void spread(struct picture_light *l, const struct picture_view *v, int which, int y)
{
    const int up = l->s.bits - 8, shift = l->s.chroma_x;
    const int last = ((l->s.width + (1 << shift) - 1) >> shift) - 1;
    const float scale = 1.0f / (float)(224 << up);
    for (int x = 0; x < l->s.width; x++) {
        int at = x >> shift, next = at < last ? at + 1 : last;
        int a = sample(l, v, which + 1, at, y >> l->s.chroma_y);
        int b = x & shift ? sample(l, v, which + 1, next, y >> l->s.chroma_y) : a;
        l->chroma[which][x] = ((float)(a + b) / 2 - (float)(128 << up)) * scale;
    }
}

void picture_light_frame(struct picture_light *l, const struct picture_view *v,
                         const struct picture_bars *bars)
{
    const int up = l->s.bits - 8;
    const float scale = 1.0f / (float)(219 << up), black = (float)(16 << up);
    float most = 0;
    double sum = 0;
    int64_t count = 0;
    for (int y = bars->top; y < l->s.height - bars->bottom; y++) {
        spread(l, v, 0, y);
        spread(l, v, 1, y);
        for (int x = bars->left; x < l->s.width - bars->right; x++) {
            float luma = ((float)sample(l, v, 0, x, y) - black) * scale;
            float cb = l->chroma[0][x], cr = l->chroma[1][x];
            float r = luma + 1.4746f * cr, b = luma + 1.8814f * cb; // ITU-R BT.2020-2, table 4
            float g = luma - 0.16455f * cb - 0.57135f * cr;
            float top = r > g ? (r > b ? r : b) : (g > b ? g : b);
            top = top < 0 ? 0 : top > 1 ? 1 : top;
            float nits = l->nits[(int)(top * STEPS + 0.5f)];
            most = nits > most ? nits : most;
            sum += (double)nits;
            count++;
        }
    }
    double mean = count ? sum / (double)count : 0;
    struct picture_levels *to = &l->levels;
    if ((double)most > to->max_cll)
        to->max_cll = (double)most, to->cll_frame = to->frames;
    if (mean > to->max_fall)
        to->max_fall = mean, to->fall_frame = to->frames;
    to->frames++;
}

void picture_light_levels(const struct picture_light *l, struct picture_levels *to)
{
    *to = l->levels;
}
