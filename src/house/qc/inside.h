// Shared inside house/qc only.
#pragma once
#include "house/qc/qc.h"
#include "time/timecode.h"

#include <stdio.h>

struct judging {
    const struct measure *m;
    const struct measure_frame *at; // its frames
    int64_t frames;
    const json_t *rule;
    struct tc_rate rate;
    int64_t start; // timecode of the first frame
    double fps;
    json_t *findings;
    const char *severity; // of what is found next; NULL: the rule's
    // worked out once, by frame
    uint8_t *cut;   // a new shot begins with it
    uint8_t *black; // nothing is lit
};

struct check {
    const char *name;
    const char *numbers; // the thresholds it must have, between spaces
    const char *may;     // and what it may have
    void (*run)(struct judging *j);
};
extern const struct check checks[];
extern const size_t check_count;

double number(const struct judging *j, const char *name);        // a threshold of the rule
int64_t frames_of_ms(const struct judging *j, const char *name); // rounded, 1 at least

// `where` is a place in the file ("sound 2, channel 1") or "". from and to are the first and last
// frame; both -1: of the whole file.
void find(struct judging *j, int64_t from, int64_t to, const char *where, const char *allowed,
          const char *seen, ...) __attribute__((format(printf, 6, 7)));
short_text texted(const char *format, ...) __attribute__((format(printf, 1, 2)));
// A rule may have a limit beyond the outlet's own number, at which its inspectors object: what lies
// between the two is an issue at most.
void find_within(struct judging *j, bool within);
// How long a run of frames is, for people.
short_text long_text(const struct judging *j, int64_t frames);

void check_black(struct judging *j);
void check_black_long(struct judging *j);
void check_freeze(struct judging *j);
void check_repeated(struct judging *j);
void check_dropped(struct judging *j);
void check_decode(struct judging *j);
void check_broken(struct judging *j);
void check_flash(struct judging *j);
void check_red_flash(struct judging *j);
void check_levels(struct judging *j);
void check_fields(struct judging *j);
void check_field_order(struct judging *j);
void check_cadence(struct judging *j);
void check_pixels(struct judging *j);
void check_letterbox(struct judging *j);
void check_silence(struct judging *j);
void check_dead_channel(struct judging *j);
void check_dropout(struct judging *j);
void check_clipping(struct judging *j);
void check_click(struct judging *j);
void check_phase(struct judging *j);
void check_dual_mono(struct judging *j);
void check_swapped(struct judging *j);
void check_dc(struct judging *j);
void check_loudness(struct judging *j);
void check_dialogue(struct judging *j);
void check_range(struct judging *j);
void check_short_term(struct judging *j);
void check_true_peak(struct judging *j);
void check_length(struct judging *j);
void check_sync(struct judging *j);
void check_container(struct judging *j);
void check_timecode(struct judging *j);
