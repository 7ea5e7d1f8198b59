/*
 * farm/speed: how fast bytes go over a line, from calls that carry many.
 *
 * Counted is the time in which at least one such call was under way, so that several at once are
 * measured together. Calls that carry little are left out: theirs is the time of the way there and
 * back. No clock and no lock of its own; the time is passed in.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SPEED_CALL_BYTES ((int64_t)1 << 20)   // of a call that counts, at least
#define SPEED_SAMPLE_BYTES ((int64_t)8 << 20) // of a sample
#define SPEED_SAMPLE_US INT64_C(2000000)

struct speed { // zeroed: nothing was measured
    int64_t bytes, busy_us;
    int64_t since_us; // of the calls under way
    int calls;
};

// A call that will carry so many begins; true when it counts: then its bytes are added as they go,
// and its end is told.
bool speed_begin(struct speed *s, int64_t bytes, int64_t now_us);
void speed_add(struct speed *s, int64_t bytes);
void speed_end(struct speed *s, int64_t now_us);
// What was measured since the last one, when that is enough for a sample.
bool speed_take(struct speed *s, int64_t now_us, int64_t *bytes, int64_t *ms);
