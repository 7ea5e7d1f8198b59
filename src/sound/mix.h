/*
 * sound/mix: channels made of channels: each is a sum of others, with a gain, and turned by 90
 * degrees where a matrix asks for it.
 *
 * A copy with gain 1 is exact. Turning is done with a Hilbert filter that reaches TURN_REACH
 * samples to both sides (flat from about 50 Hz at 48 kHz); what is not turned is held back by as
 * much, so that all of it stays together and begins where it began.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define TURN_REACH 1023

struct mix_part {
    int from; // input
    float gain;
    int quarter; // -1, 0, 1: times 90 degrees
};
struct mix_output {
    const struct mix_part *parts; // copied
    int count;                    // 0: silence
};

struct sound_mix;
struct sound_mix *sound_mix_open(int inputs, const struct mix_output *outputs, int count);
void sound_mix_close(struct sound_mix *m);
// Takes `count` samples (at most 65536) of each input and gives as many as are ready, of each
// output: `out` has room for count + TURN_REACH. in NULL: the end, whatever `count`: the rest
// comes.
int64_t sound_mix_run(struct sound_mix *m, const float *const *in, int64_t count,
                      float *const *out);
