/*
 * sound/speech: where somebody speaks, about: a detector without a model, for loudness of dialogue.
 *
 * It looks at the centre channel, or the middle of two. Speech is voiced by a pitch that moves, and
 * comes in syllables: its energy rises and falls by a lot, some four times a second, between nearly
 * silent gaps. What goes on evenly (noise, tones, most music) does not. It is an approximation, and
 * whoever shows a number that comes of it says so.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct speech;
struct speech *speech_open(int sample_rate);
void speech_close(struct speech *s);
// One channel of floats in [-1, 1], in pieces of any size. NULL: silence.
void speech_add(struct speech *s, const float *at, int64_t count);
// The middle of two channels.
void speech_add_middle(struct speech *s, const float *left, const float *right, int64_t count);
void speech_end(struct speech *s);
// Of each 100 ms from the first sample: 1 where there is speech. Belongs to `s`.
const uint8_t *speech_found(const struct speech *s, size_t *count);
