/*
 * engine/hear: the sound of a master, decoded: all tracks that are wanted go on together, in planes
 * of floats at one sample rate, beginning with the picture and as long as it.
 *
 * What is missing at the end is filled with silence, what is too much is cut off, and both are
 * counted. Without a picture all tracks are made as long as the longest. Rates are converted with
 * soxr at its highest quality; a change of speed is a change of rate, unless the order keeps the
 * pitch: then it comes as the master has it, to be stretched (engine/stretch).
 */
#pragma once
#include "engine/deliverable.h"

struct hear;
// `wanted`: tracks as the order's facts number them. `rate`: Hz, of what comes.
MUST_CHECK bool hear_open(const struct order *o, const bool *wanted, int rate, struct hear **h,
                          struct error *err);
void hear_close(struct hear *h); // NULL is fine
// Decodes until at least one sample of each track is there. *count 0: the end. At most 65536.
MUST_CHECK bool hear_next(struct hear *h, int64_t *count, struct error *err);
const float *hear_plane(const struct hear *h, int track, int channel);
void hear_drop(struct hear *h, int64_t count); // of all tracks

struct hear_length {
    int64_t samples, filled, cut; // filled: of silence at the end; all at `rate`
};
struct hear_length hear_length(const struct hear *h, int track);
int64_t hear_at(const struct hear *h); // bytes of the file that are read
