#include "sound/loudness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double lufs(double energy)
{
    return energy > 1e-20 ? -0.691 + 10 * log10(energy) : LOUDNESS_NONE;
}

static double energy_of(double loudness)
{
    return pow(10, (loudness + 0.691) / 10);
}

void loudness_filter(int rate, double to[2][5])
{
    // The analogue prototypes behind the coefficients that the recommendation lists for 48 kHz.
    double k = tan(M_PI * 1681.974450955533 / rate), q = 0.7071752369554196;
    double vh = pow(10, 3.999843853973347 / 20), vb = pow(vh, 0.4996667741545416);
    double a0 = 1 + k / q + k * k;
    to[0][0] = (vh + vb * k / q + k * k) / a0;
    to[0][1] = 2 * (k * k - vh) / a0;
    to[0][2] = (vh - vb * k / q + k * k) / a0;
    to[0][3] = 2 * (k * k - 1) / a0;
    to[0][4] = (1 - k / q + k * k) / a0;
    k = tan(M_PI * 38.13547087602444 / rate), q = 0.5003270373238773;
    a0 = 1 + k / q + k * k;
    to[1][0] = 1, to[1][1] = -2, to[1][2] = 1;
    to[1][3] = 2 * (k * k - 1) / a0;
    to[1][4] = (1 - k / q + k * k) / a0;
}

// The mean of windows of `size` pieces, one starting at each piece.
static double *windows(const double *energy, size_t count, size_t size, size_t *found)
{
    *found = count >= size ? count - size + 1 : 0;
    double *to = malloc((*found + 1) * sizeof(*to));
    for (size_t i = 0; to && i < *found; i++) {
        to[i] = 0;
        for (size_t k = 0; k < size; k++)
            to[i] += energy[i + k];
        to[i] /= (double)size;
    }
    *found = to ? *found : 0;
    return to;
}

// The mean of what is not below `gate`, an energy.
static double gated(const double *at, size_t count, double gate)
{
    double sum = 0;
    size_t above = 0;
    for (size_t i = 0; i < count; i++)
        if (at[i] >= gate)
            sum += at[i], above++;
    return above ? sum / (double)above : 0;
}

static double most(const double *at, size_t count, size_t *where)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        if (at[i] > best)
            best = at[i], *where = i;
    return lufs(best);
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// EBU Tech 3342: the 95th percentile less the 10th of what is above -70 LUFS and above 20 LU under
// the mean of that.
static double range_of(double *at, size_t count)
{
    double gate = gated(at, count, energy_of(-70)) * pow(10, -2);
    gate = fmax(gate, energy_of(-70));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (at[i] >= gate)
            at[kept++] = at[i];
    if (!kept)
        return 0;
    qsort(at, kept, sizeof(*at), rising);
    size_t low = (size_t)((double)(kept - 1) * 0.1 + 0.5),
           high = (size_t)((double)(kept - 1) * 0.95 + 0.5);
    return lufs(at[high]) - lufs(at[low]);
}

struct loudness loudness_of(const double *energy, size_t count)
{
    struct loudness l = {LOUDNESS_NONE, 0, LOUDNESS_NONE, LOUDNESS_NONE, 0, 0};
    size_t blocks, terms;
    double *block = windows(energy, count, 4, &blocks), *term = windows(energy, count, 30, &terms);
    if (blocks) {
        double gate = gated(block, blocks, energy_of(-70)) / 10;
        l.integrated = lufs(gated(block, blocks, fmax(gate, energy_of(-70))));
        l.momentary = most(block, blocks, &l.momentary_at);
    }
    if (terms) {
        l.short_term = most(term, terms, &l.short_term_at);
        l.range = range_of(term, terms);
    }
    free(block);
    free(term);
    return l;
}

double loudness_dialogue(const double *energy, size_t count, const uint8_t *speech,
                         size_t speech_count, double *share)
{
    double sum = 0;
    size_t found = 0;
    for (size_t i = 0; i < count && i < speech_count; i++)
        if (speech[i])
            sum += energy[i], found++;
    *share = count ? (double)found / (double)count : 0;
    return found ? lufs(sum / (double)found) : LOUDNESS_NONE;
}
