#include "engine/levels.h"
#include "sound/measure.h"
#include "sound/speech.h"

#include <math.h>
#include <stdlib.h>

struct levels {
    struct sound_measure *measure;
    struct speech *speech;
    int left, right; // of what speech is looked for in; the same: one channel
};

static int find(const enum channel *labels, int channels, enum channel wanted)
{
    for (int c = 0; c < channels; c++)
        if (labels[c] == wanted)
            return c;
    return -1;
}

struct levels *levels_open(int channels, const enum channel *labels, int rate, bool dialogue)
{
    struct levels *l = calloc(1, sizeof(*l));
    double weights[LAYOUT_DISCRETE];
    if (!l)
        abort();
    for (int c = 0; c < channels; c++)
        weights[c] = channel_row(labels[c])->weight;
    l->measure = sound_measure_open(&(struct sound_shape){channels, rate, {10, 1}, weights, NULL});
    int centre = find(labels, channels, CHANNEL_C), left = find(labels, channels, CHANNEL_L);
    int right = find(labels, channels, CHANNEL_R);
    if (left < 0 || right < 0) {
        left = find(labels, channels, CHANNEL_LT);
        right = find(labels, channels, CHANNEL_RT);
    }
    l->left = centre >= 0 ? centre : left >= 0 && right >= 0 ? left : 0;
    l->right = centre >= 0 ? centre : left >= 0 && right >= 0 ? right : 0;
    l->speech = dialogue ? speech_open(rate) : NULL;
    return l;
}

void levels_close(struct levels *l)
{
    if (!l)
        return;
    sound_measure_close(l->measure);
    speech_close(l->speech);
    free(l);
}

void levels_add(struct levels *l, const float *const *planes, int64_t count)
{
    sound_measure_add(l->measure, planes, count);
    if (!l->speech)
        return;
    if (l->left == l->right)
        speech_add(l->speech, planes[l->left], count);
    else
        speech_add_middle(l->speech, planes[l->left], planes[l->right], count);
}

struct levels_found levels_end(struct levels *l)
{
    size_t count, speech_count = 0;
    struct levels_found f = {.dialogue = LOUDNESS_NONE, .true_peak = MEASURE_SILENT / 100.0};
    sound_measure_end(l->measure);
    const double *energy = sound_measure_energy(l->measure, &count);
    struct loudness all = loudness_of(energy, count);
    struct measure_track track = sound_measure_track(l->measure);
    f.integrated = all.integrated, f.range = all.range;
    f.short_term = all.short_term, f.momentary = all.momentary;
    for (int64_t i = 0; i < track.windows * track.channels; i++)
        f.true_peak = fmax(f.true_peak, track.at[i].true_peak / 100.0);
    if (l->speech) {
        speech_end(l->speech);
        const uint8_t *speech = speech_found(l->speech, &speech_count);
        f.dialogue = loudness_dialogue(energy, count, speech, speech_count, &f.speech);
    }
    return f;
}

static json_t *tenths(double value)
{
    return value <= LOUDNESS_NONE ? json_null() : json_real(round(value * 10) / 10);
}

json_t *levels_json(const struct levels_found *f, bool dialogue)
{
    json_t *to = json_pack("{s:o, s:o, s:o, s:o, s:o}", "integrated", tenths(f->integrated),
                           "range", tenths(f->range), "short_term", tenths(f->short_term),
                           "momentary", tenths(f->momentary), "true_peak", tenths(f->true_peak));
    if (dialogue) {
        json_object_set_new(to, "dialogue", tenths(f->dialogue));
        json_object_set_new(to, "speech", json_real(round(f->speech * 1000) / 1000));
    }
    return to;
}
