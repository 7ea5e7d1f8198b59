/*
 * sound/measure: what quality control wants to know of a track of sound, in one pass.
 *
 * Samples are counted off in windows, one a picture, so that what is found lies on a frame. Sound
 * comes as planes of floats in [-1, 1], in pieces of any size.
 */
#pragma once
#include "formats/measure/measure.h"
#include "sound/lines.h"
#include "sound/loudness.h"

struct sound_shape {
    int channels, sample_rate; // 1 to 64
    rational frames;           // windows a second
    const double *weights;     // of each channel in loudness: 1, 1.41, or 0 for LFE (BS.1770)
    const struct lines *lines; // NULL: the best here
};

struct sound_measure;
struct sound_measure *sound_measure_open(const struct sound_shape *s);
void sound_measure_close(struct sound_measure *m);
// `planes` NULL: that much silence.
void sound_measure_add(struct sound_measure *m, const float *const *planes, int64_t count);
// Ends the last window and the last true peaks. No more may be added.
void sound_measure_end(struct sound_measure *m);

// All of these belong to `m`.
struct measure_track sound_measure_track(const struct sound_measure *m);
int64_t sound_measure_samples(const struct sound_measure *m);
// Weighted energies of whole pieces of 100 ms.
const double *sound_measure_energy(const struct sound_measure *m, size_t *count);
