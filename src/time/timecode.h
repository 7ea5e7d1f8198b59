/*
 * time/timecode: frame counts and the HH:MM:SS:FF labels people give them (SMPTE ST 12-1).
 *
 * A position is always a whole number of frames from midnight; a label is only how it is written.
 * Keep counts in data and do sums on counts; make a label when showing and take one apart when
 * reading.
 *
 * Frame rate and timecode base are separate facts: 59.94p files often carry 29.97 timecode, where
 * two frames share a label. The second frame of a label is written with ".1" behind it
 * (01:00:00:00.1), the third with ".2"; the first has nothing behind it.
 *
 * Drop-frame leaves out 2 labels a minute for each 30 of the base, except every tenth minute (ST
 * 12-1, 5.2.2), and exists only for 30000/1001 and its multiples. Counting wraps at 24 h.
 */
#pragma once
#include "time/rational.h"

struct tc_rate {
    rational fps;         // frames a second, exact
    int base;             // labels a second: 24 for 23.976, 30 for 29.97 (and for 59.94 in pairs)
    int frames_per_label; // 1, or 2, 4: fps is about base * frames_per_label
    bool drop;
};

// The usual counting of a rate: base = rounded fps, one frame a label. Refuses drop where ST 12-1
// has none, and rates over 1000 or under 1.
MUST_CHECK bool tc_rate_make(rational fps, bool drop, struct tc_rate *rate, struct error *err);
// With a base of its own, as a file says it: 60000/1001 with base 30 gives two frames a label.
MUST_CHECK bool tc_rate_with_base(rational fps, int base, bool drop, struct tc_rate *rate,
                                  struct error *err);

int64_t tc_frames_per_day(const struct tc_rate *rate); // where counting wraps

typedef struct {
    char text[24];
} tc_label;
// Any count, also negative or over a day: it is wrapped first. ';' before the frames when dropping.
// Bases over 100 have three digits of frames.
tc_label tc_format(int64_t frames, const struct tc_rate *rate);

// Reads "01:00:00:00" (';' or ',' or '.' also before the frames when dropping; ".1" behind for
// pairs) as frames from midnight. Refuses a label the counting leaves out, such as 00:01:00;00.
MUST_CHECK bool tc_parse(text label, const struct tc_rate *rate, int64_t *frames,
                         struct error *err);

// BWF and other sound: samples since midnight to the frame that holds that sample, and back to the
// first sample of a frame (rounded up, so that the pair is exact).
int64_t tc_from_samples(int64_t samples, int64_t samples_a_second, const struct tc_rate *rate);
int64_t tc_to_samples(int64_t frames, int64_t samples_a_second, const struct tc_rate *rate);
