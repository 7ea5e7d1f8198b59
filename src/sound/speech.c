/*
 * The sound is brought to 8 kHz and cut into steps of 10 ms. Each step has a level and a voice: the
 * highest autocorrelation, normalised, over 32 ms at the lags of 70 to 400 Hz, and that lag. Every
 * 100 ms, a second and a half around it is judged by
 *
 *   swing    the spread of the level in dB: syllables and gaps
 *   beat     how much the level moves within half a second, dB
 *   gaps     the share of steps far below the loud ones
 *   voiced   the share of loud steps with a voice
 *   moves    how the pitch of voiced steps changes from one to the next: it glides; of a tone or an
 *            instrument it stands still, or it leaps
 *
 * and what is found is smoothed: speech goes on through pauses of half a second, and a lone tenth
 * of a second is none.
 */
#include "sound/speech.h"
#include "sound/lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RATE = 8000,
    STEP = 80,      // 10 ms
    WINDOW = 256,   // 32 ms
    LAG_LEAST = 20, // 400 Hz
    LAG_MOST = 114, // 70 Hz
    AROUND = 75,    // steps before and after what is judged
    TAPS = 48,
};
#define SCORE 1.0

struct step {
    float level, voice, pitch; // dB, 0 to 1, Hz
};

struct speech {
    int rate;
    const struct lines *lines;
    double position, pace; // of the next sample at 8 kHz among those that came; their distance
    float *line;           // what came, at `rate`
    size_t count, room;
    float *small; // at 8 kHz
    size_t small_count, small_room;
    float taps[32][TAPS];
    struct step *steps;
    size_t step_count, step_room;
    uint8_t *found;
    size_t found_count;
};

static void *more(void *at, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room)
        return at;
    *room = wanted * 2;
    at = realloc(at, *room * size);
    if (!at)
        abort();
    return at;
}

struct speech *speech_open(int rate)
{
    struct speech *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->rate = rate;
    s->lines = lines_best();
    s->pace = (double)rate / RATE;
    // A low pass at 3.6 kHz, at 32 places between two samples; its length is in samples at 8 kHz.
    double cut = 3600.0 / rate * 2;
    for (int p = 0; p < 32; p++) {
        double sum = 0;
        for (int t = 0; t < TAPS; t++) {
            double x = t - TAPS / 2 + 1 - p / 32.0, w = x / (TAPS / 2);
            double sinc = fabs(x) < 1e-9 ? 1 : sin(M_PI * cut * x) / (M_PI * cut * x);
            double window = fabs(w) < 1 ? 0.5 + 0.5 * cos(M_PI * w) : 0;
            s->taps[p][t] = (float)(sinc * window);
            sum += sinc * window;
        }
        for (int t = 0; t < TAPS; t++)
            s->taps[p][t] /= (float)sum;
    }
    s->line = more(NULL, &s->room, TAPS, sizeof(float));
    memset(s->line, 0, TAPS * sizeof(float));
    s->count = TAPS / 2;
    return s;
}

void speech_close(struct speech *s)
{
    if (!s)
        return;
    free(s->line);
    free(s->small);
    free(s->steps);
    free(s->found);
    free(s);
}

// ---- steps

static void look_at_step(const struct lines *l, const float *at, struct step *to)
{
    double energy = 1e-12, best = 0;
    int lag = 0;
    for (int i = 0; i < WINDOW; i++)
        energy += at[i] * at[i];
    to->level = (float)(10 * log10(energy / WINDOW));
    float least = (float)energy;
    double other, ignored; // energy of the window `k` later
    l->sums(at + LAG_LEAST, WINDOW, &other, &ignored);
    for (int k = LAG_LEAST; k <= LAG_MOST && to->level > -70; k++) {
        double value =
            l->product(at, at + k, WINDOW) / sqrt(least * (other > 0 ? other : 0) + 1e-12);
        if (k < LAG_MOST)
            other += (double)at[k + WINDOW] * at[k + WINDOW] - (double)at[k] * at[k];
        if (value > best + 0.01)
            best = value, lag = k;
    }
    to->voice = (float)best;
    to->pitch = lag ? (float)RATE / (float)lag : 0;
}

static void take_steps(struct speech *s)
{
    size_t need = WINDOW + LAG_MOST, at = 0;
    while (at + need <= s->small_count) {
        s->steps = more(s->steps, &s->step_room, s->step_count + 1, sizeof(*s->steps));
        look_at_step(s->lines, s->small + at, &s->steps[s->step_count++]);
        at += STEP;
    }
    memmove(s->small, s->small + at, (s->small_count - at) * sizeof(float));
    s->small_count -= at;
}

static void make_small(struct speech *s)
{
    while ((size_t)s->position + TAPS <= s->count) {
        size_t first = (size_t)s->position;
        const float *taps = s->taps[(int)((s->position - (double)first) * 32)];
        float sum = (float)s->lines->product(taps, s->line + first, TAPS);
        s->small = more(s->small, &s->small_room, s->small_count + 1, sizeof(float));
        s->small[s->small_count++] = sum;
        s->position += s->pace;
    }
    size_t gone = (size_t)s->position < s->count ? (size_t)s->position : s->count;
    memmove(s->line, s->line + gone, (s->count - gone) * sizeof(float));
    s->count -= gone;
    s->position -= (double)gone;
}

void speech_add(struct speech *s, const float *at, int64_t count)
{
    for (int64_t done = 0; done < count;) {
        size_t some = count - done < 65536 ? (size_t)(count - done) : 65536;
        s->line = more(s->line, &s->room, s->count + some, sizeof(float));
        if (at)
            memcpy(s->line + s->count, at + done, some * sizeof(float));
        else
            memset(s->line + s->count, 0, some * sizeof(float));
        s->count += some;
        done += (int64_t)some;
        make_small(s);
        take_steps(s);
    }
}

void speech_add_middle(struct speech *s, const float *left, const float *right, int64_t count)
{
    float middle[4096];
    for (int64_t done = 0; done < count;) {
        int64_t some = count - done < 4096 ? count - done : 4096;
        for (int64_t i = 0; i < some; i++)
            middle[i] = (left[done + i] + right[done + i]) / 2;
        speech_add(s, middle, some);
        done += some;
    }
}

// ---- judging

struct seen {
    double swing, beat, gaps, voiced, moves, loud;
};

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void see(const struct speech *s, size_t first, size_t last, struct seen *to)
{
    float levels[2 * AROUND + 1], sorted[2 * AROUND + 1];
    size_t count = last - first;
    const struct step *at = s->steps + first;
    for (size_t i = 0; i < count; i++)
        levels[i] = sorted[i] = at[i].level > -80 ? at[i].level : -80;
    qsort(sorted, count, sizeof(float), rising);
    double loud = sorted[count * 9 / 10], quiet = sorted[count / 10];
    to->loud = loud;
    to->swing = loud - quiet;
    // Movement within half a second, not that from step to step.
    double slow = 0;
    for (size_t i = 25; i + 25 < count; i++) {
        double near = 0, wide = 0;
        for (int k = -3; k <= 3; k++)
            near += levels[(int)i + k] / 7;
        for (int k = -25; k <= 25; k++)
            wide += levels[(int)i + k] / 51;
        slow += (near - wide) * (near - wide);
    }
    double steps = count > 50 ? (double)(count - 50) : 1;
    to->beat = sqrt(slow / steps);
    size_t gaps = 0, strong = 0, voiced = 0, glides = 0, pairs = 0;
    double moved = 0;
    for (size_t i = 0; i < count; i++) {
        gaps += levels[i] < loud - 18;
        if (levels[i] < loud - 15)
            continue;
        strong++;
        voiced += at[i].voice > 0.6;
        if (i && at[i].voice > 0.6 && at[i - 1].voice > 0.6) {
            double ratio = fabs(log2(at[i].pitch / at[i - 1].pitch));
            pairs++;
            glides += ratio < 0.12;
            moved += ratio < 0.12 ? ratio : 0;
        }
    }
    to->gaps = (double)gaps / (double)count;
    to->voiced = strong ? (double)voiced / (double)strong : 0;
    to->moves = glides > 10 ? moved / (double)glides : 0;
}

// Each feature beside what lies between speech and the rest, none counting more than 1.6 times.
static bool speaks(const struct seen *x)
{
    double score = fmin(x->swing / 20, 1.6) * fmin(x->beat / 5, 1.6) * fmin(x->moves / 0.010, 1.6);
    return x->loud > -60 && x->voiced > 0.25 && x->gaps > 0.04 && score > SCORE;
}

static void smooth(struct speech *s)
{
    size_t n = s->found_count;
    uint8_t *f = s->found;
    for (size_t i = 0; i < n; i++) { // pauses of half a second
        size_t end = i;
        while (end < n && !f[end])
            end++;
        if (i && end < n && end - i <= 5)
            memset(f + i, 1, end - i);
        i = end > i ? end : i;
    }
    for (size_t i = 0; i < n; i++) {
        size_t end = i;
        while (end < n && f[end])
            end++;
        if (end - i > 0 && end - i < 4)
            memset(f + i, 0, end - i);
        i = end > i ? end : i;
    }
}

void speech_end(struct speech *s)
{
    struct seen seen;
    speech_add(s, NULL, s->rate / 10);
    s->found_count = s->step_count / 10;
    s->found = calloc(s->found_count + 1, 1);
    if (!s->found)
        abort();
    for (size_t i = 0; i < s->found_count; i++) {
        size_t middle = i * 10 + 5;
        size_t first = middle > AROUND ? middle - AROUND : 0;
        size_t last = middle + AROUND < s->step_count ? middle + AROUND : s->step_count;
        if (last - first < 60)
            continue;
        see(s, first, last, &seen);
        s->found[i] = speaks(&seen);
    }
    smooth(s);
}

const uint8_t *speech_found(const struct speech *s, size_t *count)
{
    *count = s->found_count;
    return s->found;
}
