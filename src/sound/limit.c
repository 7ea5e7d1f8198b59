/*
 * Each sample wants a gain that brings it, and what lies between it and the next, under the
 * ceiling. What is wanted is held for LEAST samples, comes back by the release, and is smoothed by
 * its mean over MEAN samples. A sample goes out LIMIT_AHEAD behind the newest: there every part of
 * the mean has seen what it wanted, and what its EDGE neighbours on both sides wanted.
 */
#include "sound/limit.h"
#include "sound/lines.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEAN = 128,
    EDGE = PEAK_TAPS / 2,
    LEAST = MEAN + 2 * EDGE,
    PIECE = 65536,
    AROUND = PEAK_TAPS
};
_Static_assert(LIMIT_AHEAD == MEAN - 1 + 2 * EDGE, "a sample waits until all its gains are known");

struct sound_limit {
    int channels;
    double ceiling, back; // back: share of the way to 1 a sample
    float taps[PEAK_PHASES][PEAK_TAPS];
    float **line;        // LIMIT_AHEAD + AROUND samples of before, then the new ones
    float wanted[LEAST]; // rings: what was wanted last,
    float helds[MEAN];   // and what came of it
    double held;
    int64_t came, sent, at;
    double most;
    int64_t samples;
};

static void *grab(size_t count, size_t size)
{
    void *at = calloc(count, size);
    if (!at)
        abort();
    return at;
}

struct sound_limit *sound_limit_open(int channels, int rate, double ceiling_db, double release_ms)
{
    struct sound_limit *l = grab(1, sizeof(*l));
    l->channels = channels;
    l->ceiling = pow(10, ceiling_db / 20);
    l->back = 1 - exp(-1000 / (release_ms * rate));
    l->line = grab((size_t)channels, sizeof(*l->line));
    for (int c = 0; c < channels; c++)
        l->line[c] = grab(LIMIT_AHEAD + AROUND + PIECE + LIMIT_AHEAD, sizeof(float));
    for (int i = 0; i < LEAST; i++)
        l->wanted[i] = 1;
    for (int i = 0; i < MEAN; i++)
        l->helds[i] = 1;
    l->held = l->most = 1;
    for (int p = 0; p < PEAK_PHASES; p++) {
        double all = 0, at[PEAK_TAPS];
        for (int t = 0; t < PEAK_TAPS; t++) {
            double x = t - (PEAK_TAPS / 2 - 1) - (p + 1) / 4.0, w = x / (PEAK_TAPS / 2.0 + 0.5);
            at[t] = sin(M_PI * x) / (M_PI * x) *
                    (0.42 + 0.5 * cos(M_PI * w) + 0.08 * cos(2 * M_PI * w));
            all += at[t];
        }
        for (int t = 0; t < PEAK_TAPS; t++)
            l->taps[p][t] = (float)(at[t] / all);
    }
    return l;
}

void sound_limit_close(struct sound_limit *l)
{
    if (!l)
        return;
    for (int c = 0; c < l->channels; c++)
        free(l->line[c]);
    free(l->line);
    free(l);
}

// What brings the sample at x and what is between it and the next one under the ceiling. `x` has
// PEAK_TAPS / 2 samples on both sides.
static float wanted_at(const struct sound_limit *l, int64_t at)
{
    float most = 0;
    for (int c = 0; c < l->channels; c++) {
        const float *x = l->line[c] + at;
        float own = fabsf(*x), near = fmaxf(own, fabsf(x[1]));
        // Between samples no more than about twice as much: what is small is not looked into.
        if (near > l->ceiling * 0.4)
            for (int p = 0; p < PEAK_PHASES; p++) {
                float sum = 0;
                for (int t = 0; t < PEAK_TAPS; t++)
                    sum += l->taps[p][t] * x[t - (PEAK_TAPS / 2 - 1)];
                own = fmaxf(own, fabsf(sum));
            }
        most = fmaxf(most, fmaxf(own, fabsf(x[1])));
    }
    return most > l->ceiling ? (float)(l->ceiling / most) : 1;
}

static double gain_at(struct sound_limit *l, float wanted)
{
    float least = 1, sum = 0;
    l->wanted[l->at % LEAST] = wanted;
    for (int i = 0; i < LEAST; i++)
        least = l->wanted[i] < least ? l->wanted[i] : least;
    l->held = least < l->held ? least : l->held + (least - l->held) * l->back;
    l->held = l->held > 1 - 1e-6 ? 1 : l->held;
    l->helds[l->at % MEAN] = (float)l->held;
    l->at++;
    for (int i = 0; i < MEAN; i++)
        sum += l->helds[i];
    return sum == MEAN ? 1 : sum / MEAN;
}

int64_t sound_limit_run(struct sound_limit *l, const float *const *planes, int64_t count,
                        float *const *out)
{
    int64_t made = 0, first = LIMIT_AHEAD + AROUND;
    if (!planes)
        count = LIMIT_AHEAD;
    for (int c = 0; c < l->channels; c++) {
        if (planes)
            memcpy(l->line[c] + first, planes[c], (size_t)count * sizeof(float));
        else
            memset(l->line[c] + first, 0, (size_t)count * sizeof(float));
    }
    l->came += planes ? count : 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t seen = first + i - EDGE, sends = first + i - LIMIT_AHEAD;
        double gain = gain_at(l, wanted_at(l, seen));
        int64_t number = (planes ? l->came - count : l->came) + i - LIMIT_AHEAD;
        if (number < 0 || l->sent >= l->came)
            continue;
        for (int c = 0; c < l->channels; c++)
            out[c][made] = gain == 1 ? l->line[c][sends] : (float)(l->line[c][sends] * gain);
        l->most = gain < l->most ? gain : l->most;
        l->samples += gain < 1;
        made++, l->sent++;
    }
    for (int c = 0; c < l->channels; c++)
        memmove(l->line[c], l->line[c] + count, (size_t)first * sizeof(float));
    return made;
}

double sound_limit_most_db(const struct sound_limit *l)
{
    return -20 * log10(l->most);
}

int64_t sound_limit_samples(const struct sound_limit *l)
{
    return l->samples;
}
