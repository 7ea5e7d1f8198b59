/*
 * engine/levels: loudness of a programme's channels, as numbers for a report.
 */
#pragma once
#include "formats/layouts/layouts.h"

#include <jansson.h>
#include <stdbool.h>

struct levels;
// `dialogue`: speech is looked for, in the centre or in the middle of left and right.
struct levels *levels_open(int channels, const enum channel *labels, int sample_rate,
                           bool dialogue);
void levels_close(struct levels *l); // NULL is fine
void levels_add(struct levels *l, const float *const *planes, int64_t count);
struct levels_found {
    double integrated, range, short_term, momentary; // LUFS, LU; LOUDNESS_NONE: nothing to measure
    double true_peak;                                // dBTP
    double dialogue, speech;                         // LUFS, share of the whole 0 to 1
};
// Ends it.
struct levels_found levels_end(struct levels *l);
// As the report has it, in tenths. A new reference.
json_t *levels_json(const struct levels_found *f, bool dialogue);
