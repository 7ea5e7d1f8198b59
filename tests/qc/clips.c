#include "clips.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 512, W0 = 480, H0 = 270, RATE = 48000 };

// ---- chance that is the same each time

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16, x *= 0x7feb352du, x ^= x >> 15, x *= 0x846ca68bu, x ^= x >> 16;
    return x;
}

static float unit(uint32_t x) // -1 to 1
{
    return (float)(mix(x) >> 8) / 8388608.0f - 1;
}

static float texture[SIDE][SIDE], gauss[65536];

static void prepare(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    for (int octave = 64; octave >= 2; octave /= 2)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                int n = SIDE / octave, x0 = x / octave, y0 = y / octave;
                float fx = (float)(x % octave) / (float)octave,
                      fy = (float)(y % octave) / (float)octave;
                float c[4];
                for (int k = 0; k < 4; k++)
                    c[k] = unit(
                        (uint32_t)(((y0 + k / 2) % n) * 4099 + (x0 + k % 2) % n + octave * 77777));
                fx = fx * fx * (3 - 2 * fx), fy = fy * fy * (3 - 2 * fy);
                float top = c[0] + (c[1] - c[0]) * fx, low = c[2] + (c[3] - c[2]) * fx;
                texture[y][x] += (top + (low - top) * fy) * powf((float)octave / 64, 0.8f);
            }
    for (int i = 0; i < 65536; i++)
        gauss[i] = (unit((uint32_t)i) + unit((uint32_t)i + 70000) + unit((uint32_t)i + 140000));
}

static float look(float x, float y)
{
    float fx = floorf(x), fy = floorf(y);
    int ix = (int)fx & (SIDE - 1), iy = (int)fy & (SIDE - 1);
    int jx = (ix + 1) & (SIDE - 1), jy = (iy + 1) & (SIDE - 1);
    float ax = x - fx, ay = y - fy;
    float top = texture[iy][ix] + (texture[iy][jx] - texture[iy][ix]) * ax;
    float low = texture[jy][ix] + (texture[jy][jx] - texture[jy][ix]) * ax;
    return top + (low - top) * ay;
}

int clip_width(const struct clip *c)
{
    return c->width ? c->width : W0;
}

int clip_height(const struct clip *c)
{
    return c->height ? c->height : H0;
}

static double fps(const struct clip *c)
{
    return c->fps_num ? (double)c->fps_num / c->fps_den : 25;
}

// ---- scenes: luma and chroma at a place and a time, times in frames and parts of them

struct dot {
    float y, u, v;
};

static struct dot paint(float light, float hue)
{
    return (struct dot){110 + 55 * light, 128 + 22 * hue, 128 - 18 * hue};
}

static struct dot textured(float x, float y, float zoom, uint32_t seed)
{
    float ox = unit(seed) * 200, oy = unit(seed + 9) * 200;
    return paint(look(x * zoom + ox, y * zoom + oy),
                 look(x * zoom / 3 + oy + 99, y * zoom / 3 + ox));
}

static struct dot discs(float x, float y, double t, struct dot under)
{
    for (int k = 0; k < 7; k++) {
        float cx = 240 + 200 * sinf((float)t * (0.031f + 0.009f * (float)k) + (float)k);
        float cy = 135 + 110 * cosf((float)t * (0.027f + 0.011f * (float)k) + 2 * (float)k);
        float d = (x - cx) * (x - cx) + (y - cy) * (y - cy), r = 18.0f + 4 * (float)k;
        if (d < r * r)
            under = (struct dot){60 + 22 * (float)k, 100 + 9 * (float)k, 150 - 7 * (float)k};
    }
    return under;
}

static bool letter(float x, float y) // of a text 8 x 12 pixels a letter
{
    int cx = (int)floorf(x / 8), cy = (int)floorf(y / 20), px = (int)floorf(x) & 7,
        py = ((int)floorf(y) % 20 + 20) % 20;
    if (cx < 12 || cx > 46 || py > 11 || px > 5 || cy < 0 || mix((uint32_t)(cy * 3 + 1)) % 4 == 0)
        return false;
    return mix((uint32_t)(cx * 131 + cy * 7919 + (px / 2) * 17 + (py / 3) * 5)) & 1;
}

static struct dot black(void)
{
    return (struct dot){16, 128, 128};
}

static struct dot scene_at(const struct clip *c, float x, float y, double time)
{
    float t = (float)time;
    struct dot p;
    switch (c->scene) {
    case PAN:
        return textured(x + 2.3f * t, y + 0.7f * t, 1, 1);
    case LOGO:
    case SMALL_AREA:
    case SMALL_STEP:
    case BRIGHT_STEP:
    case LIMIT:
        return textured(x + 0.8f * t, y, 1, 10);
    case SLOW:
        return textured(x + 0.25f * t, y, 1, 2);
    case WHIP: { // the shutter is open for half of the time
        struct dot sum = {0};
        for (int k = 0; k < 8; k++) {
            float s = t + (float)k / 16, to = x + s +
                                              (s > 20 && s < 50 ? 40 * (s - 20)
                                               : s >= 50        ? 1200
                                                                : 0);
            struct dot one = textured(to, y, 1, 3);
            sum.y += one.y / 8, sum.u += one.u / 8, sum.v += one.v / 8;
        }
        return sum;
    }
    case ZOOM:
        return textured((x - 240) * (1 + 0.008f * t), (y - 135) * (1 + 0.008f * t), 1, 4);
    case DISCS:
        return discs(x, y, time, textured(x, y, 1, 5));
    case SHOTS:
    case FADES:
    case BLACK_HOLD:
    case CAMERAS:
    case LIGHTNING: {
        int shot = (int)time / 34;
        return textured(x + (1.5f + (float)(shot % 3)) * t, y - (float)(shot % 2) * t,
                        1 + 0.2f * (float)(shot % 4), 10 + (uint32_t)shot * 7);
    }
    case FAST_CUTS:
        return textured(x + t, y, 1, 100 + (uint32_t)(time / 6) * 13);
    case DARK:
        p = textured(x + t, y, 1, 6);
        p.y = 24 + (p.y - 110) * 0.1f;
        return p;
    case PLAIN_DARK:
        p = textured(x + t, y, 1, 6);
        p.y = 19 + (p.y - 110) * 0.02f;
        return p;
    case STILLS:
        return textured(x, y, 1, 200 + (uint32_t)(time / 25) * 5);
    case CREDITS:
        p = black();
        p.y = letter(x, y + 2 * t) ? 220 : 16;
        return p;
    case CARDS: {
        float in = fmodf(t, 40), gain = in < 8 ? in / 8 : in > 32 ? (40 - in) / 8 : 1;
        p = black();
        p.y = letter(x, y + 100 * floorf(t / 40)) ? 16 + 204 * gain : 16;
        return p;
    }
    case TITLE: { // slides in over black and stays
        float off = t < 30 ? (30 - t) * 9 : 0;
        p = black();
        p.y = letter(x - off, y) && y > 100 && y < 180 ? 220 : 16;
        return p;
    }
    case TWOS:
        return discs(x, y, floor(time / 2) * 2, textured(x, y, 1, 7));
    case THREES:
        return discs(x, y, floor(time / 3) * 3, textured(x, y, 1, 8));
    case CONCERT: {
        p = textured(x, y, 1, 9);
        p.y = 30 + (p.y - 110) * 0.25f, p.u = 128 + (p.u - 128) * 0.3f,
        p.v = 128 + (p.v - 128) * 0.3f;
        for (int k = 0; k < 4; k++) { // beams that sweep, in colours
            float cx = 240 + 230 * sinf(t * (0.05f + 0.013f * (float)k) + 2 * (float)k) * (y / 270);
            if (fabsf(x - cx) < 20)
                p.y += 70, p.u += (k % 2 ? 16.0f : -12.0f), p.v += (k < 2 ? 12.0f : -10.0f);
        }
        return p;
    }
    case STARS:
        p = black();
        p.y = mix((uint32_t)((int)(x + 3 * t) * 7001 + (int)y)) % 300 == 0 ? 200
                                                                           : 20 + 4 * look(x, y);
        return p;
    case VENETIAN:
        p = textured(x, y, 1, 11);
        p.y = ((int)(y + t) / 2) % 2 ? 170 : 70;
        return p;
    case COLOURS:
    case BARS_WHITE: {
        static const float bars[8][3] = {{235, 128, 128}, {219, 16, 138}, {188, 154, 16},
                                         {173, 42, 26},   {78, 214, 230}, {63, 102, 240},
                                         {32, 240, 118},  {16, 128, 128}};
        const float *b = bars[(int)(x / 60) & 7];
        return (struct dot){b[0], b[1], b[2]};
    }
    case RED_SLOW:
        p = textured(x + 2 * t, y, 1, 12);
        if ((int)(time / 9) % 2)
            p = (struct dot){63, 102, 239};
        return p;
    case LEADER:
        p = black();
        p.y = (int)time == 30 || (int)time == 80                    ? 230
              : (x - 240) * (x - 240) + (y - 135) * (y - 135) < 900 ? 60
                                                                    : 20;
        return p;
    default:
        return textured(x, y, 1, 1);
    }
}

// What light does to the whole picture.
static struct dot light(const struct clip *c, struct dot p, float x, float y, int t)
{
    float up = 0, gain = 1;
    int in = t % 34;
    (void)x;
    switch (c->scene) {
    case FADES:
        gain = in < 12 ? (float)in / 12 : in > 21 ? (float)(33 - in) / 12 : 1;
        break;
    case BLACK_HOLD: // a fade, black, and a cut into the next shot
        gain = in > 10 && in < 20 ? (float)(20 - in) / 10 : in >= 20 ? 0 : 1;
        break;
    case CONCERT:
        up = t % 9 < 2 ? 130 : 0;
        break; // 2.8 flashes a second
    case CAMERAS:
        up = (t * 7) % 41 < 1 || t % 53 == 20 ? 90 : 0;
        break;
    case LIGHTNING:
        up = t == 40 || t == 41 || t == 45 ? 110 : 0;
        break;
    case LIMIT:
        up = t % 9 < 4 ? 110 : 0;
        break; // 2.8 Hz over all of it, for all of it
    case SMALL_AREA:
        up = y < 62 && t % 4 < 2 ? 110 : 0;
        break; // 6 Hz, 23 %
    case SMALL_STEP:
        p.y = t % 4 < 2 ? 100 + (p.y - 110) * 0.05f : 118 + (p.y - 110) * 0.05f;
        break; // 22 to 35 cd/m2: 13
    case BRIGHT_STEP:
        p.y = t % 4 < 2 ? 218 : 234;
        break; // darker end above 160 cd/m2
    default:
        break;
    }
    p.y = 16 + (p.y - 16) * gain + up;
    p.y = fminf(fmaxf(p.y, 16), 235);
    if (c->scene != COLOURS && c->scene != RED_SLOW) // colours that there are
        gain *= fminf(1, fminf((p.y - 14) / 60, (237 - p.y) / 60));
    p.u = 128 + (p.u - 128) * gain, p.v = 128 + (p.v - 128) * gain;
    return p;
}

// Which moment of the scene a frame shows: faults of time.
static double moment(const struct clip *c, int frame)
{
    int end = c->at + c->count;
    switch (c->fault) {
    case FREEZE:
        return frame >= c->at && frame < end ? c->at - 1 : frame;
    case REPEAT:
        return frame < c->at ? frame : frame < end ? c->at - 1 : frame - c->count;
    case DROP:
        return frame < c->at ? frame : frame + 1;
    case PULLDOWN:
        return floor((frame + (c->at && frame >= c->at ? c->a : 0)) * 4 / 5.0);
    default:
        return frame;
    }
}

struct canvas {
    const struct clip *c;
    float *y, *u, *v;
    int w, h;
};

static void draw(const struct canvas *k, double time, int first_row, int step)
{
    float sx = 480.0f / (float)k->w, sy = 270.0f / (float)k->h;
    uint32_t seed = mix((uint32_t)(int)floor(time * 2) * 2654435u + 5);
    for (int row = first_row; row < k->h; row += step) {
        uint32_t noise = mix(seed + (uint32_t)row * 31);
        for (int col = 0; col < k->w; col++) {
            float x = ((float)col + 0.5f) * sx, y = ((float)row + 0.5f) * sy;
            struct dot p = light(k->c, scene_at(k->c, x, y, time), x, y, (int)floor(time));
            p.y += (float)k->c->grain * gauss[(noise + (uint32_t)col * 7) & 65535];
            int i = row * k->w + col;
            k->y[i] = fminf(fmaxf(p.y, 16), 235), k->u[i] = p.u, k->v[i] = p.v;
        }
    }
}

// ---- faults of a picture. a and b by fault:
// BLOCKS: a x b pixels, LINES: a lines, FLASH, RED: a frames a half, b percent of the picture,
// CHECKER: a; ABOVE, BELOW, CHROMA: a percent of the picture; COMB: a 1 bottom field first;
// LETTERBOX: a lines, b columns; PIXEL: a pixels a side, b its luma; BREAK, PULLDOWN: a frames of
// phase

static void fill(const struct canvas *k, int x0, int y0, int x1, int y1, struct dot p)
{
    for (int y = y0; y < y1 && y < k->h; y++)
        for (int x = x0; x < x1 && x < k->w; x++) {
            int i = y * k->w + x;
            k->y[i] = p.y, k->u[i] = p.u, k->v[i] = p.v;
        }
}

static void spoil(const struct canvas *k, int frame)
{
    const struct clip *c = k->c;
    int w = k->w, h = k->h, off = frame - c->at, part = h * c->a / 100;
    bool in = off >= 0 && off < c->count;
    if (!in)
        return;
    switch (c->fault) {
    case BLACK:
        fill(k, 0, 0, w, h, black());
        break;
    case GREY:
        fill(k, 0, 0, w, h, (struct dot){126, 128, 128});
        break;
    case GREEN:
        fill(k, 0, 0, w, h, (struct dot){90, 40, 30});
        break;
    case FOREIGN:
    case HALF:
        for (int y = c->fault == HALF ? h / 3 : 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                struct dot p = textured((float)x * 1.3f, (float)y * 1.1f, 0.7f, 4242);
                k->y[y * w + x] = p.y, k->u[y * w + x] = p.u;
            }
        break;
    case SNOW:
        for (int i = 0; i < w * h; i++)
            k->y[i] = 126 + 100 * look((float)(i % w) * 3.7f, (float)(i / w) * 3.1f) * 0.8f;
        break;
    case NEGATIVE:
        for (int i = 0; i < w * h; i++)
            k->y[i] = 251 - k->y[i];
        break;
    case BLOCKS:
        for (int y = 0; y < c->b; y += 16)
            for (int x = 0; x < c->a; x += 16)
                fill(k, 160 + x, 96 + y, 176 + x, 112 + y,
                     (struct dot){40.0f + (float)(mix((uint32_t)(x + y * 3 + frame)) % 190), 128,
                                  128});
        break;
    case LINES:
        for (int n = 0; n < c->a; n++)
            fill(k, 0, 100 + 9 * n, w, 101 + 9 * n, (struct dot){n % 2 ? 20 : 230, 128, 128});
        break;
    case FLASH:
        if (off / c->a % 2 == 0)
            fill(k, 0, 0, w, h * c->b / 100, (struct dot){230, 128, 128});
        break;
    case CHECKER: // halves take turns
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                if ((x / 60 + y / 60 + off / c->a) % 2 == 0)
                    k->y[y * w + x] = 230;
        break;
    case RED:
        if (off / c->a % 2 == 0)
            fill(k, 0, 0, w, h * c->b / 100, (struct dot){63, 102, 240});
        break;
    case ABOVE:
        fill(k, 0, 0, w, part, (struct dot){252, 128, 128});
        break;
    case BELOW:
        fill(k, 0, 0, w, part, (struct dot){2, 128, 128});
        break;
    case CHROMA:
        fill(k, 0, 0, w, part, (struct dot){180, 200, 60});
        break;
    case PIXEL:
        fill(k, 203, 111, 203 + c->a, 111 + c->a, (struct dot){(float)c->b, 128, 128});
        break;
    case LETTERBOX:
        fill(k, 0, 0, w, c->a, black()), fill(k, 0, h - c->a, w, h, black());
        fill(k, 0, 0, c->b, h, black()), fill(k, w - c->b, 0, w, h, black());
        break;
    default:
        break;
    }
}

// Film frames in video fields, 2:3. After `at` the pattern begins a frames later.
static void telecine(const struct canvas *k, int frame)
{
    static const int top[5] = {0, 1, 1, 2, 3}, bottom[5] = {0, 1, 2, 3, 3};
    const struct clip *c = k->c;
    int n = frame + (c->fault == BREAK && frame >= c->at ? c->a : 0);
    draw(k, n / 5 * 4 + top[n % 5], 0, 2);
    draw(k, n / 5 * 4 + bottom[n % 5], 1, 2);
}

static void store(const float *from, uint16_t *to, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (uint16_t)lrintf(fminf(fmaxf(from[i], 1), 254) * 16);
}

void clip_picture(const struct clip *c, int frame, uint16_t *y, uint16_t *u, uint16_t *v)
{
    static float *room;
    int w = clip_width(c), h = clip_height(c), all = w * h;
    prepare();
    room = realloc(room, (size_t)all * 3 * sizeof(float));
    struct canvas k = {c, room, room + all, room + 2 * all, w, h};
    bool fields = c->file == PRORES_TFF || c->file == PRORES_BFF;
    bool combed = c->fault == COMB && frame >= c->at && frame < c->at + c->count;
    if (c->fault == TELECINE || c->fault == BREAK) {
        telecine(&k, frame);
    } else if (combed || fields) {
        // which field is the later one: as the file says, unless COMB turns it round
        bool bottom_first = fields ? (c->file == PRORES_BFF) != (c->fault == COMB) : c->a == 1;
        draw(&k, frame, bottom_first ? 1 : 0, 2);
        draw(&k, frame + 0.5, bottom_first ? 0 : 1, 2);
    } else {
        draw(&k, moment(c, frame), 0, 1);
    }
    spoil(&k, frame);
    store(k.y, y, all), store(k.u, u, all), store(k.v, v, all);
}

// ---- sound

int clip_channels(const struct clip *c)
{
    return c->sound == SURROUND ? 6 : 2;
}

static float music(double t, int channel, int kind)
{
    static const double notes[6] = {220, 329.6, 440, 554.4, 740, 1318};
    double sum = 0;
    for (int k = 0; k < 6; k++) {
        double slow = 0.6 + 0.4 * sin(t * (0.9 + 0.37 * k) + channel * 1.9 + k);
        sum +=
            slow * sin(2 * M_PI * notes[k] * (1 + 0.002 * channel) * t + channel * k) / (k + 1.5);
    }
    if (kind == 1) // what both have in common
        sum += 0.8 * sin(2 * M_PI * 180 * t) * (0.7 + 0.3 * sin(3 * t));
    return (float)sum * 0.1f;
}

static float hiss(int64_t i, int channel)
{
    return unit((uint32_t)i * 2 + (uint32_t)channel * 7777777u);
}

static float drum(int64_t i, int channel)
{
    int64_t beat = i % 12000, roll = i % 6000;
    double t = (double)beat / RATE, r = (double)roll / RATE;
    double kick = sin(2 * M_PI * (55 + 90 * exp(-t * 30)) * t) * exp(-t * 14) * fmin(1, t * 400);
    double hat = hiss(i, channel) * exp(-r * 60) * fmin(1, r * 2000) * 0.35;
    double snare =
        (i / 12000) % 2 ? hiss(i, channel + 5) * exp(-t * 22) * fmin(1, t * 2000) * 0.6 : 0;
    return (float)(0.8 * kick + hat + snare) * 0.25f + music((double)i / RATE, channel, 1) * 0.3f;
}

static float speech(int64_t i, int channel)
{
    double t = (double)i / RATE, in = fmod(t, 1.1),
           level = in < 0.7 ? fabs(sin(in * 12)) * fmin(1, in * 30) * fmin(1, (0.7 - in) * 30) : 0;
    double sum = 0;
    for (int k = 1; k < 18; k++)
        sum += sin(2 * M_PI * 118 * k * t + k * k) / (1 + 0.4 * k);
    return (float)(sum * level) * 0.1f + hiss(i, channel) * 0.0006f + hiss(i, 9) * 0.0006f;
}

static float pop(const struct clip *c, int64_t i)
{
    int64_t frame = RATE / 25;
    for (int at = 30; at <= 80; at += 50) {
        int64_t from = (at + (c->fault == SYNC ? c->a : 0)) * frame;
        if (i >= from && i < from + 2 * frame)
            return 0.35f * (float)sin(2 * M_PI * 1000 * (double)(i - from) / RATE);
    }
    return 0;
}

static float ident(const struct clip *c, int64_t i, int channel)
{
    int64_t in = i % (3 * RATE);
    bool broken = in >= RATE / 2 && in < RATE / 2 + RATE / 4;
    float level = broken && channel == (c->fault == SWAP_IDENT) ? 0 : 0.0891f;
    // the edges of the interruption last 5 ms
    int64_t edge = in < RATE / 2 ? RATE / 2 - in : in - (RATE / 2 + RATE / 4);
    if (channel == (c->fault == SWAP_IDENT) && edge >= 0 && edge < 240)
        level = 0.0891f * (float)edge / 240;
    return level * (float)sin(2 * M_PI * 1000 * (double)i / RATE);
}

static float sample(const struct clip *c, int64_t i, int channel)
{
    double t = (double)i / RATE;
    switch (c->sound) {
    case MUSIC:
        return music(t, channel, 1);
    case DRUMS:
        return drum(i, channel);
    case SPEECH:
        return speech(i, channel);
    case QUIET:
        return music(t, channel, 1) * (t < 1 ? 0.05f : 1) + hiss(i, channel) * 0.0005f;
    case TONE:
        return ident(c, i, channel);
    case POP:
        return pop(c, i);
    case SURROUND: {
        int is = c->fault == SWAP_LFE ? (channel == 3      ? c->a
                                         : channel == c->a ? 3
                                                           : channel)
                                      : channel;
        return is == 3   ? 0.1f * (float)(sin(2 * M_PI * 45 * t) + sin(2 * M_PI * 62 * t + 1))
               : is == 2 ? speech(i, 2) + 0.3f * music(t, 2, 0)
                         : music(t, is, 0);
    }
    default:
        return 0;
    }
}

float *clip_sound(const struct clip *c, int64_t *count)
{
    int channels = clip_channels(c);
    *count = (int64_t)llround(c->frames * RATE / fps(c));
    float *to = calloc((size_t)(*count + RATE) * (size_t)channels, sizeof(float));
    for (int64_t i = 0; i < *count; i++)
        for (int k = 0; k < channels; k++)
            to[i * channels + k] = sample(c, i, k);
    return to;
}

// a and b: SILENCE none; DEAD, CLICK, STEP, HOLE: a channel (-1: all), b samples; GAIN: a tenths of
// dB; PEAK: a; OFFSET: a percent; SHORTER, LONGER: a ms
void clip_sound_fault(const struct clip *c, float *at, int64_t *count)
{
    int n = clip_channels(c);
    int64_t from = (int64_t)llround(c->at * RATE / fps(c)),
            to = (int64_t)llround((c->at + c->count) * RATE / fps(c));
    to = to < *count ? to : *count;
    double level = c->fault == GAIN ? pow(10, c->a / 200.0) : 1;
    if (c->fault == SHORTER || c->fault == LONGER) {
        int64_t wanted = *count + (c->fault == LONGER ? 1 : -1) * (int64_t)c->a * RATE / 1000;
        for (int64_t i = *count; i < wanted; i++)
            for (int k = 0; k < n; k++)
                at[i * n + k] = sample(c, i, k);
        *count = wanted;
    }
    for (int64_t i = 0; i < *count; i++)
        for (int k = 0; k < n; k++) {
            float *s = &at[i * n + k];
            bool in = i >= from && i < to, here = c->a < 0 || k == c->a;
            int64_t middle = from + RATE / 50;
            switch (c->fault) {
            case SILENCE:
                *s = in ? 0 : *s;
                break;
            case DEAD:
                *s = here ? 0 : *s;
                break;
            case HOLE:
                *s = here && i >= middle && i < middle + c->b ? 0 : *s;
                break;
            case CLIP:
                *s = in ? fmaxf(-0.9999f, fminf(0.9999f, *s * 40)) : *s;
                break;
            case CLICK:
                *s = here && i >= middle && i < middle + c->b ? (*s > 0 ? -0.4f : 0.4f) : *s;
                break;
            case STEP:
                *s = here && i >= middle ? *s + 0.15f * expf(-(float)(i - middle) / 300) : *s;
                break;
            case INVERT:
                *s = in && k == 1 ? -at[i * n] * 0.98f : *s;
                break;
            case MONO:
                *s = k == 1 ? at[i * n] : *s;
                break;
            case OFFSET:
                *s += here ? 0.01f * (float)c->b : 0;
                break;
            case GAIN:
                *s *= (float)level;
                break;
            default:
                break;
            }
        }
    if (c->fault == PEAK) // a tone that is loud for a moment, below full scale with the music
        for (int64_t i = from; i < to; i++)
            for (int k = 0; k < n; k++) {
                double x = (double)(i - from) / (double)(to - from);
                at[i * n + k] += (float)(0.85 * sin(M_PI * x) * sin(M_PI * x) *
                                         sin(2 * M_PI * 500 * (double)i / RATE));
            }
}
