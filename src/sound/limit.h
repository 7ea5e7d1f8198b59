/*
 * sound/limit: a true-peak limiter: what would go over is turned down a little ahead of it, in all
 * channels together, and comes back slowly. What stays under is passed on exactly.
 *
 * Peaks are looked for between samples as sound/measure does (BS.1770-5 annex 2), and LIMIT_AHEAD
 * samples ahead; what comes out is as long as what goes in.
 */
#pragma once
#include <stdint.h>

#define LIMIT_AHEAD 143

struct sound_limit;
// `ceiling_db`: true peak, dBTP. `release_ms`: how fast it comes back.
struct sound_limit *sound_limit_open(int channels, int sample_rate, double ceiling_db,
                                     double release_ms);
void sound_limit_close(struct sound_limit *l);
// As sound_mix_run: at most 65536 samples; `planes` NULL: the end. `out` has room for count +
// LIMIT_AHEAD.
int64_t sound_limit_run(struct sound_limit *l, const float *const *planes, int64_t count,
                        float *const *out);
// The most it has turned down so far, dB, 0 or above, and during how many samples.
double sound_limit_most_db(const struct sound_limit *l);
int64_t sound_limit_samples(const struct sound_limit *l);
