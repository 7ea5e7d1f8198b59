/*
 * Each channel is first looked up on an axis: 16,385 entries (of light 20 x 1,024 and one more, by
 * exponent and the ten upper bits of the mantissa), with what lies between them drawn straight. An
 * axis holds scale and table together and gives the place on the cube's edge, so that most of the
 * work for a colour is the four corners of its tetrahedron. Corners are four floats, one of them
 * idle, so that a vector holds one.
 */
#include "picture/colour_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLAIN = 16384, OCTAVES = 20, STEPS = 1024, LIGHT = OCTAVES * STEPS, PROBES = 20000 };

// ---- its axes and its cube

static float value_at(const struct colour *c, int channel, size_t i)
{
    if (!c->light)
        return c->low[channel] + (float)i / c->per[channel];
    uint32_t bits = (115u << 23) + (uint32_t)(i < LIGHT ? i : LIGHT) * 8192;
    float x;
    memcpy(&x, &bits, 4);
    return x - COLOUR_TINY;
}

static float through_table(const struct lut *l, size_t channel, float v)
{
    float span = l->high1[channel] - l->low1[channel];
    float at =
        colour_held((v - l->low1[channel]) / span * (float)(l->size1 - 1), (float)(l->size1 - 1));
    size_t i = (size_t)at < l->size1 - 1 ? (size_t)at : l->size1 - 2;
    const float *entry = l->at1 + i * 3 + channel;
    return entry[0] + (at - (float)i) * (entry[3] - entry[0]);
}

// A table of up to 16,385 entries has an axis that falls on them, so that nothing of it is lost.
static size_t entries_of(const struct lut *l)
{
    size_t own = l->size1 > 1 ? l->size1 - 1 : 1;
    return own > PLAIN ? own : own * (PLAIN / own);
}

static bool make_axes(struct colour *c, const struct lut *l)
{
    c->last = c->light ? LIGHT : entries_of(l);
    const float *low = l->size1 ? l->low1 : l->low3, *high = l->size1 ? l->high1 : l->high3;
    for (int k = 0; k < 3; k++) {
        c->low[k] = low[k];
        c->per[k] = (float)c->last / (high[k] - low[k]);
        c->axis[k] = malloc((c->last + 2) * sizeof(float));
        if (!c->axis[k])
            return false;
        for (size_t i = 0; i <= c->last; i++) {
            float v = value_at(c, k, i);
            v = c->light ? lut_scale_of(v) : v;
            v = l->size1 ? through_table(l, (size_t)k, v) : v;
            if (c->edge)
                v = colour_held((v - l->low3[k]) / (l->high3[k] - l->low3[k]) *
                                    (float)(c->edge - 1),
                                (float)(c->edge - 1));
            c->axis[k][i] = v;
        }
        c->axis[k][c->last + 1] = c->axis[k][c->last];
    }
    return true;
}

struct colour *colour_open(const struct lut *l)
{
    struct colour *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    size_t nodes = l->size3 * l->size3 * l->size3;
    c->light = l->scale == LUT_LOG;
    c->edge = l->size3;
    c->cube = nodes ? aligned_alloc(16, nodes * sizeof(corner)) : NULL;
    if (!make_axes(c, l) || (nodes && !c->cube)) {
        colour_close(c);
        return NULL;
    }
    for (size_t i = 0; i < nodes; i++)
        c->cube[i] = (corner){l->at3[i * 3], l->at3[i * 3 + 1], l->at3[i * 3 + 2], 0};
    return c;
}

void colour_close(struct colour *c)
{
    if (!c)
        return;
    for (int k = 0; k < 3; k++)
        free(c->axis[k]);
    free(c->cube);
    free(c);
}

// ---- making it ready

static uint32_t scatter(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

// Colours of all brightnesses, every fourth of them grey.
static void probes(bool light, float *to)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < PROBES; i++) {
        for (size_t k = 0; k < 3; k++) {
            float v = (float)scatter(&seed) / 16777215;
            // Of light what eyes see: 2^-10 to 16.
            to[i * 3 + k] = light ? exp2f(v * 14 - 10) : v;
        }
        if (i % 4 == 0)
            to[i * 3 + 1] = to[i * 3 + 2] = to[i * 3];
    }
}

static void sample(colour_function *of, void *context, float *rgb, size_t count)
{
    of(context, rgb, count);
    for (size_t i = 0; i < count * 3; i++) {
        float v = rgb[i] == rgb[i] ? rgb[i] : 0;
        rgb[i] = v > -64 ? v < 64 ? v : 64 : -64; // a screen shows 0..1
    }
}

// What a screen shows of both.
static void compare(const struct lut *l, const float *from, const float *right,
                    struct colour_baked *how)
{
    double sum = 0;
    how->most = 0;
    for (size_t i = 0; i < PROBES; i++) {
        float out[3];
        lut_apply(l, from + i * 3, out);
        for (size_t k = 0; k < 3; k++) {
            double off =
                fabs((double)colour_held(out[k], 1) - (double)colour_held(right[i * 3 + k], 1));
            how->most = off > how->most ? off : how->most;
            sum += off;
        }
    }
    how->mean = sum / (PROBES * 3);
}

static bool apart(colour_function *of, void *context, const float *from, const float *right)
{
    float grey[3];
    for (size_t i = 0; i < 600; i++)
        for (size_t k = 0; k < 3; k++) {
            grey[0] = grey[1] = grey[2] = from[i * 3 + k];
            sample(of, context, grey, 1);
            if (fabsf(grey[k] - right[i * 3 + k]) > 1e-5f)
                return false;
        }
    return true;
}

static void fill(colour_function *of, void *context, struct lut *l, float *at, size_t count)
{
    for (size_t i = 0; l->scale == LUT_LOG && i < count * 3; i++)
        at[i] = lut_unscale_of(at[i]);
    for (size_t i = 0; i < count; i += 4096)
        sample(of, context, at + i * 3, count - i < 4096 ? count - i : 4096);
}

static bool bake(colour_function *of, void *context, bool light, size_t size1, size_t size3,
                 struct lut *made, struct error *err)
{
    if (!lut_make(made, size1, size3, err))
        return false;
    made->scale = light ? LUT_LOG : LUT_PLAIN;
    if (size1)
        fill(of, context, made, made->at1, size1);
    else
        fill(of, context, made, made->at3, size3 * size3 * size3);
    return true;
}

struct probing {
    float *from, *right;
};

static bool probe_it(colour_function *of, void *context, bool light, struct probing *p,
                     struct error *err)
{
    p->from = malloc(PROBES * 3 * sizeof(float));
    p->right = malloc(PROBES * 3 * sizeof(float));
    if (!p->from || !p->right)
        return error_set(err, ERROR_TOO_BIG, "no memory for the viewing transform");
    probes(light, p->from);
    memcpy(p->right, p->from, PROBES * 3 * sizeof(float));
    sample(of, context, p->right, PROBES);
    return true;
}

static void stop_probing(struct probing *p)
{
    free(p->from);
    free(p->right);
}

bool colour_compare(colour_function *of, void *context, bool light, const struct lut *made,
                    struct colour_baked *how, struct error *err)
{
    struct probing p = {0};
    bool done = probe_it(of, context, light, &p, err);
    if (done)
        compare(made, p.from, p.right, how);
    stop_probing(&p);
    return done;
}

bool colour_bake(colour_function *of, void *context, bool light, struct lut *made,
                 struct colour_baked *how, struct error *err)
{
    struct probing p = {0};
    bool done = probe_it(of, context, light, &p, err);
    *made = (struct lut){0};
    if (done && apart(of, context, p.from, p.right)) {
        done = bake(of, context, light, 8193, 0, made, err);
    } else if (done) {
        done = bake(of, context, light, 0, 33, made, err);
        if (done)
            compare(made, p.from, p.right, how);
        if (done && how->most > 1.0 / 512) {
            lut_free(made);
            done = bake(of, context, light, 0, 65, made, err);
        }
    }
    if (done)
        compare(made, p.from, p.right, how);
    stop_probing(&p);
    return done;
}
