/*
 * time/rational: exact rates, and counts moved from one rate to another.
 *
 * A rate is counts a second (24000/1001 frames, 48000 samples). Nothing here is floating point.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

typedef struct {
    int64_t num, den; // den > 0; lowest terms when made by rational_make
} rational;

enum rounding { ROUND_DOWN, ROUND_NEAREST, ROUND_UP }; // nearest: halves go up

rational rational_make(int64_t num, int64_t den); // lowest terms; den 0 gives 0/1
int rational_compare(rational a, rational b);     // < 0, 0, > 0
bool rational_equal(rational a, rational b);
// Reads "24000/1001", "25" and the trade's decimals "23.976", "29.97", "59.94", "47.952", "119.88"
// (those five mean n*1000/1001 exactly). Other decimals are refused.
MUST_CHECK bool rational_parse(text t, rational *rate, struct error *err);
short_text rational_text(rational rate); // "24000/1001", "25"
short_text rate_name(rational rate);     // "23.976", "25", "59.94": for people

// `count` at rate `from` as a count at rate `to`: floor/near/ceil of count * to / from.
// 128-bit inside; a result that does not fit becomes INT64_MAX or INT64_MIN.
int64_t rescale(int64_t count, rational from, rational to, enum rounding how);

// The nearest of the trade's rates to a measured one, when within 0.05 %: 2997/100 -> 30000/1001.
bool rate_nearest(rational measured, rational *rate);
// The same however far it is: what a film without a constant rate is delivered at. 25 when measured
// is no rate.
rational rate_standard(rational measured);
