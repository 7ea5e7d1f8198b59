/*
 * Each channel has a line of samples that begins with what came before (HISTORY of them), so that
 * the filters that look around a sample work across windows. A window is measured once AHEAD
 * samples more than it are there.
 *
 * True peak: four times oversampled with a windowed sinc (BS.1770-5 annex 2 asks for at least that
 * at 48 kHz); half as much from 96 kHz would do, and four times does no harm.
 */
#include "sound/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY = 1024, AHEAD = 1024, GROUP = LINES_GROUP };

struct channel {
    float *line;       // HISTORY old samples, then those that wait
    int64_t quiet;     // samples since something was heard
    int64_t zero_from; // where a run of zeros began; -1: none
    float before_zero; // the last level before it
};

struct sound_measure {
    struct sound_shape s;
    const struct lines *lines;
    double filter[3][5]; // two for loudness, one for what is low
    double *weights;
    float taps[PEAK_PHASES][PEAK_TAPS];
    struct channel *channels;
    struct biquads *state;
    int waiting, room; // samples behind HISTORY in each line
    int64_t done;      // samples measured
    struct measure_sound *windows;
    int64_t window_count, window_room;
    double *energy;
    size_t energy_count, energy_room;
    double block; // of the 100 ms that are under way
    int64_t block_samples;
    double *low_square; // of the window, by channel
};

static void set_taps(struct sound_measure *m)
{
    // A sample between x[7] and x[8], at 1/4, 2/4 and 3/4.
    for (int p = 0; p < PEAK_PHASES; p++) {
        double sum = 0, at[PEAK_TAPS];
        for (int t = 0; t < PEAK_TAPS; t++) {
            double x = t - (PEAK_TAPS / 2 - 1) - (p + 1) / 4.0, w = x / (PEAK_TAPS / 2.0 + 0.5);
            at[t] = sin(M_PI * x) / (M_PI * x) *
                    (0.42 + 0.5 * cos(M_PI * w) + 0.08 * cos(2 * M_PI * w));
            sum += at[t];
        }
        for (int t = 0; t < PEAK_TAPS; t++)
            m->taps[p][t] = (float)(at[t] / sum);
    }
}

static void set_low(struct sound_measure *m)
{
    double k = tan(M_PI * 120 / m->s.sample_rate), q = M_SQRT1_2, a0 = 1 + k / q + k * k,
           *low = m->filter[2];
    low[0] = low[2] = k * k / a0;
    low[1] = 2 * low[0];
    low[3] = 2 * (k * k - 1) / a0;
    low[4] = (1 - k / q + k * k) / a0;
}

struct sound_measure *sound_measure_open(const struct sound_shape *s)
{
    struct sound_measure *m = calloc(1, sizeof(*m));
    size_t groups = ((size_t)s->channels + GROUP - 1) / GROUP;
    m->s = *s;
    m->lines = s->lines ? s->lines : lines_best();
    m->weights = calloc(groups * GROUP, sizeof(double));
    memcpy(m->weights, s->weights, (size_t)s->channels * sizeof(double));
    m->channels = calloc((size_t)s->channels, sizeof(*m->channels));
    m->state = calloc(groups, sizeof(*m->state));
    m->low_square = calloc(groups * GROUP, sizeof(double));
    m->room = HISTORY + 4 * AHEAD;
    for (int c = 0; c < s->channels; c++) {
        m->channels[c].line = calloc((size_t)m->room, sizeof(float));
        m->channels[c].zero_from = -1;
        m->channels[c].quiet = s->sample_rate;
    }
    loudness_filter(s->sample_rate, m->filter);
    set_taps(m);
    set_low(m);
    return m;
}

void sound_measure_close(struct sound_measure *m)
{
    if (!m)
        return;
    for (int c = 0; c < m->s.channels; c++)
        free(m->channels[c].line);
    free(m->channels);
    free(m->state);
    free(m->weights);
    free(m->low_square);
    free(m->windows);
    free(m->energy);
    free(m);
}

// ---- filters

static void keep_block(struct sound_measure *m)
{
    if (m->energy_count == m->energy_room) {
        m->energy_room = m->energy_room ? m->energy_room * 2 : 1024;
        m->energy = realloc(m->energy, m->energy_room * sizeof(double));
    }
    m->energy[m->energy_count++] = m->block / (double)m->block_samples;
    m->block = 0, m->block_samples = 0;
}

// Samples [from, from + count) of the lines: a part of one block of 100 ms.
static void weigh(struct sound_measure *m, int from, int count)
{
    for (int g = 0; g * GROUP < m->s.channels; g++) {
        double square[GROUP], low[GROUP];
        const float *at[GROUP];
        for (int k = 0; k < GROUP; k++) {
            int c = g * GROUP + k;
            at[k] = m->channels[c < m->s.channels ? c : m->s.channels - 1].line + from;
        }
        m->lines->filter(m->filter, &m->state[g], at, count, square, low);
        for (int k = 0; k < GROUP; k++) {
            m->block += square[k] * m->weights[g * GROUP + k];
            m->low_square[g * GROUP + k] += low[k];
        }
    }
    m->block_samples += count;
    if (m->block_samples == m->s.sample_rate / 10)
        keep_block(m);
}

static void weigh_all(struct sound_measure *m, int count)
{
    int from = HISTORY, block = m->s.sample_rate / 10;
    memset(m->low_square, 0, (size_t)m->s.channels * sizeof(double));
    while (count > 0) {
        int some = block - (int)m->block_samples;
        some = some < count ? some : count;
        weigh(m, from, some);
        from += some, count -= some;
    }
}

// ---- a channel's window

static int16_t hundredths(double level)
{
    double db = level > 1e-10 ? 2000 * log10(level) : MEASURE_SILENT;
    return (int16_t)lround(db < MEASURE_SILENT ? MEASURE_SILENT : db);
}

static double rms_of(const struct sound_measure *m, const float *at, int count)
{
    double square, sum;
    m->lines->sums(at, count, &square, &sum);
    return sqrt(square / count);
}

// A click: a sample that its neighbours do not foretell, hundreds of times more than others near
// by, while sound goes on before and after it.
static uint16_t click_of(const struct sound_measure *m, const float *at, int count)
{
    const int around = 701; // samples that must be there behind it

    float most = m->lines->surprise(at, count);
    if (most < 0.004f)
        return 0;
    int where = 0;
    while (where < count && m->lines->surprise(at + where, 1) < most)
        where++;
    const float *x = at + where;
    if (where + around > m->waiting)
        return 0; // the end of the sound
    double before = rms_of(m, x - 700, 690), after = rms_of(m, x + 11, 690);
    if (before < 0.0005 || after < 0.0005 || before > 4 * after || after > 4 * before)
        return 0;
    float near = m->lines->surprise(x - 400, 390), next = m->lines->surprise(x + 11, 390);
    near = near > next ? near : next;
    float ratio = most / (near > 1e-6f ? near : 1e-6f);
    return (uint16_t)(ratio > 60000 ? 60000 : ratio);
}

static uint16_t flat_runs(const float *at, int count)
{
    int runs = 0, run = 0;
    for (int i = 0; i < count; i++) {
        bool full = fabsf(at[i]) >= 0.994f;
        bool same = full && fabsf(at[i] - at[i - 1]) < 1e-5f;
        run = same ? run + 1 : full;
        runs += run == 3;
    }
    return (uint16_t)(runs > 65535 ? 65535 : runs);
}

static void end_zeros(struct sound_measure *m, int channel, int64_t at, bool abrupt)
{
    struct channel *c = &m->channels[channel];
    int64_t run = at - c->zero_from;
    int64_t window =
        rescale(c->zero_from, (rational){m->s.sample_rate, 1}, m->s.frames, ROUND_DOWN);
    if (abrupt && c->before_zero > 0.003f && window < m->window_count && run > 8) {
        struct measure_sound *w = &m->windows[window * m->s.channels + channel];
        run = run < 65535 ? run : 65535;
        w->zeros = w->zeros > run ? w->zeros : (uint16_t)run;
    }
    c->zero_from = -1;
}

// Walks the window once for zeros and for the end of a silence: little is done for most samples.
static void walk(struct sound_measure *m, int channel, const float *at, int count,
                 struct measure_sound *w)
{
    struct channel *c = &m->channels[channel];
    int64_t enough = m->s.sample_rate / 5;
    for (int i = 0; i < count; i++) {
        float v = fabsf(at[i]);
        if (v == 0) {
            if (c->zero_from < 0 && i + 2 < count + AHEAD && at[i + 1] == 0 && at[i + 2] == 0) {
                c->zero_from = m->done + i;
                c->before_zero = m->lines->most(at + i - 6, 6);
            }
            c->quiet++;
            continue;
        }
        if (c->zero_from >= 0)
            end_zeros(m, channel, m->done + i, m->lines->most(at + i, 6) > 0.003f);
        if (v < 0.001f) {
            c->quiet++;
        } else if (c->quiet < enough || v >= 0.01f) {
            if (c->quiet >= enough && !w->onset)
                w->onset = (uint16_t)(i + 1 < 65535 ? i + 1 : 65535);
            c->quiet = 0;
        }
    }
}

static void measure_channel(struct sound_measure *m, int channel, int count,
                            struct measure_sound *w)
{
    const struct lines *l = m->lines;
    const float *at = m->channels[channel].line + HISTORY;
    double square, sum;
    float most = l->most(at, count);
    l->sums(at, count, &square, &sum);
    float between = l->between(at - PEAK_TAPS / 2, count, m->taps);
    w->peak = hundredths(most);
    w->rms = hundredths(sqrt(square / count));
    w->true_peak = hundredths(between > most ? between : most);
    w->low = hundredths(sqrt(m->low_square[channel] / count));
    w->dc = (int16_t)lround(fmax(-32000, fmin(32000, sum / count * 10000)));
    w->flat = most >= 0.994f ? flat_runs(at, count) : 0;
    w->click = click_of(m, at, count);
    walk(m, channel, at, count, w);
}

static void pair_up(const struct sound_measure *m, int a, int count, struct measure_sound *w)
{
    const float *x = m->channels[a].line + HISTORY, *y = m->channels[a + 1].line + HISTORY;
    double xx, yy, sum;
    m->lines->sums(x, count, &xx, &sum);
    m->lines->sums(y, count, &yy, &sum);
    double both = m->lines->product(x, y, count), most = sqrt(xx * yy);
    int16_t with = (int16_t)lround(most > 1e-12 * count ? 1000 * both / most : 0);
    bool same = w[a].peak > MEASURE_SILENT && memcmp(x, y, (size_t)count * sizeof(float)) == 0;
    for (int i = a; i <= a + 1; i++)
        w[i].with = with, w[i].same = same;
}

// ---- windows

static int64_t window_end(const struct sound_measure *m)
{
    return rescale(m->window_count + 1, m->s.frames, (rational){m->s.sample_rate, 1}, ROUND_DOWN);
}

static void take_window(struct sound_measure *m, int count)
{
    int channels = m->s.channels;
    if (m->window_count == m->window_room) {
        m->window_room = m->window_room ? m->window_room * 2 : 1024;
        m->windows =
            realloc(m->windows, (size_t)m->window_room * (size_t)channels * sizeof(*m->windows));
    }
    struct measure_sound *w = m->windows + m->window_count++ * channels;
    memset(w, 0, (size_t)channels * sizeof(*w));
    weigh_all(m, count);
    for (int c = 0; c < channels; c++)
        measure_channel(m, c, count, &w[c]);
    for (int c = 0; c + 1 < channels; c += 2)
        pair_up(m, c, count, w);
    m->done += count;
    m->waiting -= count;
    for (int c = 0; c < channels; c++)
        memmove(m->channels[c].line, m->channels[c].line + count,
                (size_t)(HISTORY + m->waiting) * sizeof(float));
}

static void take_windows(struct sound_measure *m, int ahead)
{
    int64_t size;
    while ((size = window_end(m) - m->done) + ahead <= m->waiting)
        take_window(m, (int)size);
}

static void make_room(struct sound_measure *m, int64_t count)
{
    int wanted = HISTORY + m->waiting + (int)count + 2 * AHEAD;
    if (wanted <= m->room)
        return;
    for (int c = 0; c < m->s.channels; c++) {
        m->channels[c].line = realloc(m->channels[c].line, (size_t)wanted * sizeof(float));
        memset(m->channels[c].line + m->room, 0, (size_t)(wanted - m->room) * sizeof(float));
    }
    m->room = wanted;
}

void sound_measure_add(struct sound_measure *m, const float *const *planes, int64_t count)
{
    for (int64_t at = 0; at < count;) {
        int some = count - at < 65536 ? (int)(count - at) : 65536;
        make_room(m, some);
        for (int c = 0; c < m->s.channels; c++) {
            float *to = m->channels[c].line + HISTORY + m->waiting;
            if (planes)
                memcpy(to, planes[c] + at, (size_t)some * sizeof(float));
            else
                memset(to, 0, (size_t)some * sizeof(float));
        }
        m->waiting += some;
        at += some;
        take_windows(m, AHEAD);
    }
}

void sound_measure_end(struct sound_measure *m)
{
    // Behind the last sample there is nothing: zeros that are looked at but not counted.
    make_room(m, AHEAD);
    for (int c = 0; c < m->s.channels; c++)
        memset(m->channels[c].line + HISTORY + m->waiting, 0, 2 * AHEAD * sizeof(float));
    take_windows(m, 0);
    if (m->waiting > 0)
        take_window(m, m->waiting);
}

struct measure_track sound_measure_track(const struct sound_measure *m)
{
    return (struct measure_track){m->s.channels, m->s.sample_rate, m->window_count, m->windows};
}

int64_t sound_measure_samples(const struct sound_measure *m)
{
    return m->done + m->waiting;
}

const double *sound_measure_energy(const struct sound_measure *m, size_t *count)
{
    *count = m->energy_count;
    return m->energy;
}
