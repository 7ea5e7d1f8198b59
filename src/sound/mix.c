#include "sound/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 65536, TAPS = TURN_REACH / 2 + 1 };

struct sound_mix {
    int inputs, count;
    struct mix_output *outputs;
    struct mix_part *parts;
    bool turns, *turned, *used; // whether any is; which inputs
    int64_t came;               // samples that went in
    float **line;     // of each input: 2 x TURN_REACH samples of before, then the new ones
    float **turn;     // of each that is turned
    float taps[TAPS]; // at distance 1, 3, 5, ...
};

static void *grab(size_t count, size_t size)
{
    void *at = calloc(count + 1, size);
    if (!at)
        abort();
    return at;
}

static void set_taps(struct sound_mix *m)
{
    // 2 / (pi k) at odd k, under a Blackman window.
    for (int i = 0; i < TAPS; i++) {
        double k = 2 * i + 1, w = k / (TURN_REACH + 1);
        double window = 0.42 + 0.5 * cos(M_PI * w) + 0.08 * cos(2 * M_PI * w);
        m->taps[i] = (float)(2 / (M_PI * k) * window);
    }
}

struct sound_mix *sound_mix_open(int inputs, const struct mix_output *outputs, int count)
{
    struct sound_mix *m = grab(1, sizeof(*m));
    size_t all = 0;
    m->inputs = inputs, m->count = count;
    for (int i = 0; i < count; i++)
        all += (size_t)outputs[i].count;
    m->outputs = grab((size_t)count, sizeof(*m->outputs));
    m->parts = grab(all, sizeof(*m->parts));
    m->turned = grab((size_t)inputs, sizeof(*m->turned));
    m->used = grab((size_t)inputs, sizeof(*m->used));
    m->line = grab((size_t)inputs, sizeof(*m->line));
    m->turn = grab((size_t)inputs, sizeof(*m->turn));
    all = 0;
    for (int i = 0; i < count; i++) {
        struct mix_part *to = m->parts + all;
        m->outputs[i] = (struct mix_output){to, outputs[i].count};
        for (int k = 0; k < outputs[i].count; k++) {
            to[k] = outputs[i].parts[k];
            m->turned[to[k].from] |= to[k].quarter != 0;
            m->used[to[k].from] = true;
            m->turns |= to[k].quarter != 0;
        }
        all += (size_t)outputs[i].count;
    }
    for (int c = 0; m->turns && c < inputs; c++) {
        if (m->used[c])
            m->line[c] = grab(2 * TURN_REACH + PIECE, sizeof(float));
        if (m->turned[c])
            m->turn[c] = grab(PIECE, sizeof(float));
    }
    set_taps(m);
    return m;
}

void sound_mix_close(struct sound_mix *m)
{
    if (!m)
        return;
    for (int c = 0; c < m->inputs; c++) {
        free(m->line[c]);
        free(m->turn[c]);
    }
    free(m->line);
    free(m->turn);
    free(m->turned);
    free(m->used);
    free(m->outputs);
    free(m->parts);
    free(m);
}

// `plain` and `turned` begin at the same sample.
static void sum(const struct sound_mix *m, const float *const *plain, int64_t count,
                float *const *out)
{
    for (int i = 0; i < m->count; i++) {
        const struct mix_output *o = &m->outputs[i];
        memset(out[i], 0, (size_t)count * sizeof(float));
        for (int k = 0; k < o->count; k++) {
            const struct mix_part *p = &o->parts[k];
            const float *from = p->quarter ? m->turn[p->from] : plain[p->from];
            float gain = p->quarter ? p->gain * (float)p->quarter : p->gain;
            if (o->count == 1 && !p->quarter && p->gain == 1) {
                memcpy(out[i], from, (size_t)count * sizeof(float));
                break;
            }
            for (int64_t s = 0; s < count; s++)
                out[i][s] += gain * from[s];
        }
    }
}

// Of `count` samples from x on: the sum over both sides, x's own and even distances being 0.
static void turn(const struct sound_mix *m, const float *x, int64_t count, float *to)
{
    memset(to, 0, (size_t)count * sizeof(float));
    for (int i = 0; i < TAPS; i++) {
        int k = 2 * i + 1;
        float tap = m->taps[i];
        const float *after = x + k, *before = x - k;
        for (int64_t s = 0; s < count; s++)
            to[s] += tap * (before[s] - after[s]);
    }
}

static int64_t run_turned(struct sound_mix *m, const float *const *in, int64_t count,
                          float *const *out)
{
    int64_t first = m->came < TURN_REACH ? TURN_REACH - m->came : 0; // before the first sample
    if (!in)
        count = TURN_REACH < m->came ? TURN_REACH : m->came;
    m->came += in ? count : 0;
    const float **plain = grab((size_t)m->inputs, sizeof(*plain));
    for (int c = 0; c < m->inputs; c++) {
        if (!m->used[c])
            continue;
        float *end = m->line[c] + 2 * TURN_REACH;
        // At the end nothing is behind: what waits is shifted forward by as much as it waited.
        if (!in)
            memset(end, 0, TURN_REACH * sizeof(float));
        else
            memcpy(end, in[c], (size_t)count * sizeof(float));
        plain[c] = m->line[c] + TURN_REACH;
        if (m->turned[c])
            turn(m, plain[c], in ? count : TURN_REACH, m->turn[c]);
    }
    int64_t skip = in ? (first < count ? first : count) : TURN_REACH - count;
    for (int c = 0; c < m->inputs; c++) {
        if (m->used[c])
            plain[c] += skip;
        if (m->turned[c] && skip)
            memmove(m->turn[c], m->turn[c] + skip,
                    (size_t)((in ? count : TURN_REACH) - skip) * sizeof(float));
    }
    int64_t made = in ? count - skip : count;
    sum(m, plain, made, out);
    for (int c = 0; c < m->inputs && in; c++)
        if (m->used[c])
            memmove(m->line[c], m->line[c] + count, 2 * TURN_REACH * sizeof(float));
    free(plain);
    return made;
}

int64_t sound_mix_run(struct sound_mix *m, const float *const *in, int64_t count, float *const *out)
{
    if (m->turns)
        return run_turned(m, in, count, out);
    if (!in)
        return 0;
    sum(m, in, count, out);
    return count;
}
