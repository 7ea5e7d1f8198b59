/*
 * Some colours at a time go step by step, each step a loop without branches: code values to R'G'B',
 * the axes, the tetrahedron of each (its corners' places and weights), the sum of its corners, and
 * what is made of it. What is known of them meanwhile stays in the nearest cache.
 *
 * A tetrahedron is found without asking which of six it is: from the corner nearest to black the
 * way leads along the axis with the largest part first and along the one with the smallest last.
 * Where parts are equal the weight between them is 0, so that any of the ways will do.
 */
#include "picture/colour_inside.h"

#include <string.h>

#define NAMED_(a, b) a##b
#define NAMED(a, b) NAMED_(a, b)

enum { SOME = 256 };

struct some {
    float v[3][SOME]; // what goes in, and what comes out: 0 to 1
    float weight[4][SOME];
    int32_t at[SOME], first[SOME], second[SOME]; // corners
    corner out[SOME];
};

// ---- through the table and the cube

static void plain_axis(const struct colour *c, int channel, float *restrict v, int count)
{
    const float *restrict axis = c->axis[channel];
    const float low = c->low[channel], per = c->per[channel], last = (float)c->last;
    for (int i = 0; i < count; i++) {
        float at = colour_held((v[i] - low) * per, last);
        int32_t k = (int32_t)at;
        v[i] = axis[k] + (at - (float)k) * (axis[k + 1] - axis[k]);
    }
}

static void light_axis(const struct colour *c, int channel, float *restrict v, int count)
{
    const float *restrict axis = c->axis[channel];
    const float last = (float)c->last;
    for (int i = 0; i < count; i++) {
        float x = colour_held(v[i], 255) + COLOUR_TINY;
        int32_t bits;
        memcpy(&bits, &x, 4);
        float at = colour_held((float)(bits - (115 << 23)) * 0x1p-13f, last); // from 2^-12
        int32_t k = (int32_t)at;
        v[i] = axis[k] + (at - (float)k) * (axis[k + 1] - axis[k]);
    }
}

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b ? a : b;
}

static void find_corners(const struct colour *c, struct some *restrict s, int count)
{
    const int32_t edge = (int32_t)c->edge, sg = edge, sb = edge * edge, last = edge - 2;
    for (int i = 0; i < count; i++) {
        float r = s->v[0][i], g = s->v[1][i], b = s->v[2][i];
        int32_t red = (int32_t)r, green = (int32_t)g, blue = (int32_t)b;
        red = red < last ? red : last;
        green = green < last ? green : last;
        blue = blue < last ? blue : last;
        r -= (float)red, g -= (float)green, b -= (float)blue;
        int32_t most_rg = r >= g ? 1 : sg, least_rg = r < g ? 1 : sg;
        float high_rg = larger(r, g), low_rg = smaller(r, g);
        float high = larger(high_rg, b), low = smaller(low_rg, b);
        float middle = larger(low_rg, smaller(high_rg, b));
        s->at[i] = red + sg * green + sb * blue;
        s->first[i] = high_rg >= b ? most_rg : sb;
        s->second[i] = 1 + sg + sb - (low_rg < b ? least_rg : sb);
        s->weight[0][i] = 1 - high;
        s->weight[1][i] = high - middle;
        s->weight[2][i] = middle - low;
        s->weight[3][i] = low;
    }
}

static void add_corners(const struct colour *c, struct some *restrict s, int count)
{
    const size_t all = 1 + c->edge + c->edge * c->edge;
    for (int i = 0; i < count; i++) {
        const corner *at = c->cube + s->at[i];
        s->out[i] = at[0] * s->weight[0][i] + at[s->first[i]] * s->weight[1][i] +
                    at[s->second[i]] * s->weight[2][i] + at[all] * s->weight[3][i];
    }
    for (int i = 0; i < count; i++) {
        s->v[0][i] = s->out[i][0];
        s->v[1][i] = s->out[i][1];
        s->v[2][i] = s->out[i][2];
    }
}

static void through(const struct colour *c, struct some *s, int count)
{
    for (int k = 0; k < 3; k++)
        (c->light ? light_axis : plain_axis)(c, k, s->v[k], count);
    if (c->edge) {
        find_corners(c, s, count);
        add_corners(c, s, count);
    }
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < count; i++)
            s->v[k][i] = colour_held(s->v[k][i], 1);
}

// ---- to R'G'B' of eight bits

static void give_bytes(const struct some *s, uint8_t *restrict to, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            to[i * 3 + k] = (uint8_t)(int32_t)(s->v[k][i] * 255 + 0.5f);
}

static void words(const struct colour *c, const uint16_t *from, uint8_t *to, size_t count)
{
    struct some s;
    for (size_t at = 0; at < count; at += SOME) {
        int n = count - at < SOME ? (int)(count - at) : SOME;
        for (int i = 0; i < n; i++)
            for (int k = 0; k < 3; k++)
                s.v[k][i] = (float)(int32_t)from[(at + (size_t)i) * 3 + (size_t)k] * (1.0f / 65535);
        through(c, &s, n);
        give_bytes(&s, to + at * 3, n);
    }
}

static void light(const struct colour *c, const float *const from[3], uint8_t *to, size_t count)
{
    struct some s;
    for (size_t at = 0; at < count; at += SOME) {
        int n = count - at < SOME ? (int)(count - at) : SOME;
        for (int k = 0; k < 3; k++)
            memcpy(s.v[k], from[k] + at, (size_t)n * sizeof(float));
        through(c, &s, n);
        give_bytes(&s, to + at * 3, n);
    }
}

// ---- from Y'CbCr to Y'CbCr

// (value - low) * per, of words of either size.
static void take(const void *from, bool wide, int at, float low, float per, float *restrict to,
                 int count)
{
    const uint8_t *bytes = (const uint8_t *)from + at;
    const uint16_t *wides = (const uint16_t *)from + at;
    if (wide)
        for (int i = 0; i < count; i++)
            to[i] = ((float)(int32_t)wides[i] - low) * per;
    else
        for (int i = 0; i < count; i++)
            to[i] = ((float)(int32_t)bytes[i] - low) * per;
}

static void take_chroma(const struct colour_codes *k, const struct colour_line *l, int plane,
                        int at, float *restrict to, int count)
{
    float far[SOME];
    take(l->at[plane], k->wide, at, k->middle, k->per_chroma, to, count);
    if (!l->far[plane])
        return;
    take(l->far[plane], k->wide, at, k->middle, k->per_chroma, far, count);
    for (int i = 0; i < count; i++)
        to[i] += (far[i] - to[i]) * 0.25f;
}

// To R'G'B'.
static void take_line(const struct colour_codes *k, const struct colour_line *l, int at,
                      struct some *restrict s, int count)
{
    float y[SOME], cb[SOME], cr[SOME];
    int each = k->half ? 2 : 1, few = count / each;
    const float kr = k->red, kb = k->blue, kg = 1 - kr - kb;
    const float r_cr = 2 * (1 - kr), b_cb = 2 * (1 - kb), g_cr = r_cr * kr / kg,
                g_cb = b_cb * kb / kg;
    take(l->at[0], k->wide, at, k->black, k->per_luma, y, count);
    take_chroma(k, l, 1, at / each, cb, few);
    take_chroma(k, l, 2, at / each, cr, few);
    if (each == 2)
        for (int i = 0; i < few; i++) {
            float r = r_cr * cr[i], g = g_cb * cb[i] + g_cr * cr[i], b = b_cb * cb[i];
            s->v[0][2 * i] = y[2 * i] + r, s->v[0][2 * i + 1] = y[2 * i + 1] + r;
            s->v[1][2 * i] = y[2 * i] - g, s->v[1][2 * i + 1] = y[2 * i + 1] - g;
            s->v[2][2 * i] = y[2 * i] + b, s->v[2][2 * i + 1] = y[2 * i + 1] + b;
        }
    else
        for (int i = 0; i < count; i++) {
            s->v[0][i] = y[i] + r_cr * cr[i];
            s->v[1][i] = y[i] - g_cb * cb[i] - g_cr * cr[i];
            s->v[2][i] = y[i] + b_cb * cb[i];
        }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < count; i++)
            s->v[c][i] = colour_held(s->v[c][i], 1);
}

// ITU-R BT.709, clause 3.
#define RED 0.2126f
#define GREEN 0.7152f
#define BLUE 0.0722f

static void give_luma(const struct some *s, bool full, uint8_t *restrict to, int count)
{
    const float per = full ? 255 : 219, black = full ? 0.5f : 16.5f;
    for (int i = 0; i < count; i++)
        to[i] =
            (uint8_t)(int32_t)((RED * s->v[0][i] + GREEN * s->v[1][i] + BLUE * s->v[2][i]) * per +
                               black);
}

static void give_chroma(const struct some two[2], bool full, uint8_t *restrict cb,
                        uint8_t *restrict cr, int count)
{
    // A fourth: they are sums of four.
    const float per = (full ? 255 : 224) * 0.25f, most = full ? 255.5f : 240.5f;
    const float per_b = per / (2 * (1 - BLUE)), per_r = per / (2 * (1 - RED));
    for (int i = 0; i < count; i++) {
        float sum[3];
        for (int k = 0; k < 3; k++)
            sum[k] = two[0].v[k][2 * i] + two[0].v[k][2 * i + 1] + two[1].v[k][2 * i] +
                     two[1].v[k][2 * i + 1];
        float y = RED * sum[0] + GREEN * sum[1] + BLUE * sum[2];
        cb[i] = (uint8_t)(int32_t)smaller((sum[2] - y) * per_b + 128.5f, most);
        cr[i] = (uint8_t)(int32_t)smaller((sum[0] - y) * per_r + 128.5f, most);
    }
}

static void pair(const struct colour *c, const struct colour_codes *codes,
                 const struct colour_line from[2], const struct colour_pair *to, int width)
{
    struct some two[2];
    for (int at = 0; at < width; at += SOME) {
        int n = width - at < SOME ? width - at : SOME;
        for (int i = 0; i < 2; i++) {
            if (codes->floats)
                for (int k = 0; k < 3; k++)
                    memcpy(two[i].v[k], (const float *)from[i].at[k] + at,
                           (size_t)n * sizeof(float));
            else
                take_line(codes, &from[i], at, &two[i], n);
            through(c, &two[i], n);
            give_luma(&two[i], to->full, to->y[i] + at, n);
        }
        give_chroma(two, to->full, to->cb + at / 2, to->cr + at / 2, n / 2);
    }
}

const struct colour_rows NAMED(colour_rows_, ROWS) = {words, light, pair};
