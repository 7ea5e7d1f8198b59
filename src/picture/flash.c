#include "picture/flash.h"

#include <math.h>
#include <stdlib.h>

enum { CODES = 1024, TURNS = 7 }; // three flashes are six turns; one more is too many

struct cell {
    float high, low; // of its light since its last transition
    int8_t turned;   // +1 up, -1 down, 0 neither yet
    int8_t red;
    float u, v; // its colour when it last turned red or back
};

struct turns { // of a cell: in which frames it has turned last
    uint32_t at[TURNS];
    uint32_t count;
};

struct flash {
    int cells;
    bool begun;
    float light[CODES];  // cd/m2 of a grey of that luma
    float linear[CODES]; // of a colour component, white 1
    float red_v, blue_u, green_u, green_v;
    struct cell *at;
    struct turns *light_turns, *red_turns;
    uint32_t frame, second;
};

static double pq_nits(double v)
{
    double m1 = 2610.0 / 16384, m2 = 2523.0 / 32, c1 = 3424.0 / 4096, c2 = 2413.0 / 128,
           c3 = 2392.0 / 128, p = pow(v, 1 / m2);
    return 10000 * pow(fmax(p - c1, 0) / (c2 - c3 * p), 1 / m1); // SMPTE ST 2084
}

static double hlg_nits(double v)
{
    double a = 0.17883277, b = 1 - 4 * a, c = 0.5 - a * log(4 * a);
    double scene = v <= 0.5 ? v * v / 3 : (exp((v - c) / a) + b) / 12;
    return 1000 * pow(scene, 1.2); // ITU-R BT.2100, a display of 1000 cd/m2
}

static double nits(const struct picture_shape *s, double v)
{
    v = v < 0 ? 0 : v;
    return s->pq ? pq_nits(v > 1 ? 1 : v) : s->hlg ? hlg_nits(v) : 200 * pow(v, 2.4);
}

struct flash *flash_open(const struct picture_shape *s, int cells)
{
    struct flash *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->cells = cells;
    f->second = s->second > 0 ? (uint32_t)s->second : 25;
    f->at = calloc((size_t)cells + 1, sizeof(*f->at));
    f->light_turns = calloc((size_t)cells + 1, sizeof(*f->light_turns));
    f->red_turns = calloc((size_t)cells + 1, sizeof(*f->red_turns));
    if (!f->at || !f->light_turns || !f->red_turns) {
        flash_close(f);
        return NULL;
    }
    double kr = s->bt2020 ? 0.2627 : s->bt601 ? 0.299 : 0.2126;
    double kb = s->bt2020 ? 0.0593 : s->bt601 ? 0.114 : 0.0722, kg = 1 - kr - kb;
    f->red_v = (float)(2 * (1 - kr) / 896), f->blue_u = (float)(2 * (1 - kb) / 896);
    f->green_u = (float)(-2 * (1 - kb) * kb / kg / 896);
    f->green_v = (float)(-2 * (1 - kr) * kr / kg / 896);
    for (int i = 0; i < CODES; i++) {
        f->light[i] = (float)nits(s, (i - 64) / 876.0);
        f->linear[i] = (float)(nits(s, (i - 64) / 876.0) / (s->pq || s->hlg ? 1000 : 200));
    }
    return f;
}

void flash_close(struct flash *f)
{
    if (!f)
        return;
    free(f->at);
    free(f->light_turns);
    free(f->red_turns);
    free(f);
}

static float component(const struct flash *f, float v)
{
    float code = v * 876 + 64.5f;
    return f->linear[code < 0 ? 0 : code > CODES - 1 ? CODES - 1 : (int)code];
}

struct colour {
    bool red;
    float u, v;
};

static struct colour colour_of(const struct flash *f, unsigned y, unsigned cb, unsigned cr)
{
    float l = ((float)y / 64 - 64) / 876, b = (float)cb / 16 - 512, r = (float)cr / 16 - 512;
    float red = component(f, l + f->red_v * r), blue = component(f, l + f->blue_u * b);
    float green = component(f, l + f->green_u * b + f->green_v * r);
    // BT.709 to CIE XYZ, and that to u' v'
    float x = 0.4124f * red + 0.3576f * green + 0.1805f * blue;
    float yy = 0.2126f * red + 0.7152f * green + 0.0722f * blue;
    float z = 0.0193f * red + 0.1192f * green + 0.9505f * blue;
    float sum = x + 15 * yy + 3 * z;
    struct colour c = {red >= 0.8f * (red + green + blue) && red > 0.02f, 0.1978f, 0.4683f};
    if (sum > 0.02f)
        c.u = 4 * x / sum, c.v = 9 * yy / sum;
    return c;
}

struct often { // cells that turn too often, in this frame
    uint32_t cells, frames;
};

static void turn(const struct flash *f, struct turns *t, struct often *o)
{
    uint32_t oldest = t->at[(t->count + 1) % TURNS];
    t->at[t->count++ % TURNS] = f->frame;
    if (t->count >= TURNS && f->frame - oldest < f->second)
        o->cells++, o->frames += f->frame - oldest;
}

static bool far_apart(const struct cell *c, struct colour k)
{
    float u = c->u - k.u, v = c->v - k.v;
    return u * u + v * v >= 0.04f;
}

// Colours are only worked out where there is, or was, much red.
static void turn_red(const struct flash *f, struct cell *c, unsigned y, unsigned cb, unsigned cr,
                     uint32_t *in, uint32_t *out, struct turns *turns, struct often *often)
{
    bool much = cr > 16 * (512 + 90);
    if (!much && !c->red) {
        c->u = 0.1978f, c->v = 0.4683f; // not red: near enough to white
        if (cb > 16 * (512 + 60) || cb < 16 * (512 - 60)) {
            struct colour k = colour_of(f, y, cb, cr);
            c->u = k.u, c->v = k.v;
        }
        return;
    }
    struct colour k = colour_of(f, y, cb, cr);
    if (k.red != (c->red != 0) && far_apart(c, k)) {
        c->red = k.red;
        *(k.red ? in : out) += 1;
        turn(f, turns, often);
        c->u = k.u, c->v = k.v;
    } else if (!c->red) {
        c->u = k.u, c->v = k.v;
    }
}

void flash_frame(struct flash *f, const uint16_t *y, const uint16_t *cb, const uint16_t *cr,
                 struct measure_frame *to)
{
    uint32_t up = 0, down = 0, in = 0, out = 0;
    struct often light = {0}, red = {0};
    for (int i = 0; i < f->cells; i++) {
        struct cell *c = &f->at[i];
        float l = f->light[y[i] >> 6];
        if (!f->begun)
            c->high = c->low = l;
        c->high = l > c->high ? l : c->high;
        c->low = l < c->low ? l : c->low;
        if (c->turned <= 0 && l - c->low >= 20 && c->low < 160)
            up++, c->turned = 1, c->high = c->low = l, turn(f, &f->light_turns[i], &light);
        else if (c->turned >= 0 && c->high - l >= 20 && l < 160)
            down++, c->turned = -1, c->high = c->low = l, turn(f, &f->light_turns[i], &light);
        turn_red(f, c, y[i], cb[i], cr[i], &in, &out, &f->red_turns[i], &red);
    }
    if (!f->begun)
        in = out = 0;
    f->begun = true;
    f->frame++;
    uint32_t all = f->cells ? (uint32_t)f->cells : 1;
    to->flash_up = up * 10000 / all, to->flash_down = down * 10000 / all;
    to->flashing = light.cells * 10000 / all;
    to->flashing_frames = light.cells ? (light.frames + light.cells / 2) / light.cells : 0;
    to->red_flashing = red.cells * 10000 / all;
    to->red_flashing_frames = red.cells ? (red.frames + red.cells / 2) / red.cells : 0;
    to->red_in = in * 10000 / all, to->red_out = out * 10000 / all;
}
