/*
 * sound/loudness: programme loudness and its range from sums over 100 ms (ITU-R BS.1770-5, EBU Tech
 * 3341 and 3342).
 *
 * The weighted energy of each 100 ms is kept, so that tracks that belong together (a stereo pair of
 * two mono tracks) are measured as one by adding theirs.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define LOUDNESS_NONE (-200.0) // nothing is above the gate

struct loudness {
    double integrated, range;           // LUFS, LU
    double momentary, short_term;       // the most of any 400 ms and of any 3 s, LUFS
    size_t momentary_at, short_term_at; // in which 100 ms each begins
};
// `energy`: of `count` pieces of 100 ms, the sum over channels of weight x mean square.
struct loudness loudness_of(const double *energy, size_t count);
// Loudness of dialogue: the mean of those pieces that have speech in them, without a gate (BS.1770-1
// over a detector's speech); LOUDNESS_NONE when there are none. *share: of the whole, 0 to 1.
double loudness_dialogue(const double *energy, size_t count, const uint8_t *speech,
                         size_t speech_count, double *share);

// The weighting filter (BS.1770-5 annex 1) at a sample rate: two biquads as b0 b1 b2 a1 a2.
void loudness_filter(int sample_rate, double to[2][5]);
