/*
 * farm/plan: stay here, or go out?
 *
 * A pure model: from how much there is to render, what of it is not there yet, the measured line,
 * frame times of preview frames and a file of prices to a small table of choices, each with its
 * time, its cost, their spread, and every term of both. Nothing here asks a clock or dice: the
 * spread comes from the same draws each time, so the same question has the same answer.
 *
 * The model, for `n` machines beside the `here` ones:
 *
 *     t0      = stage (bytes not there / line up) + boot
 *     frame   = core-seconds / (cores x speed), x (1 + h c / 2) + h c boot for spot machines that
 * are taken away h times an hour while a frame runs c hours (half of it is lost each time) T :
 * here_rate T + n/frame (T - t0) = frames, in whole frames a machine at the end time    = T + what
 * of the results is still on its way down the line then cost    = n (T - stage) (machine + licence
 * + fee) + egress + storage + power here
 *
 * What is not known exactly is drawn: the mean of a frame (by the spread and number of previews),
 * the line (+-), boot, the spot's price and how often it is taken away (the prices' ranges).
 */
#pragma once
#include "formats/prices/prices.h"

struct plan_ask {
    int64_t frames;
    const double *frame_s; // preview frames, seconds on one machine of the house
    size_t frame_count;    // at least 1
    double frame_cores;    // of that machine
    double memory_gib;     // that a frame needs; 0: any machine will do
    double bytes_in;       // not there yet
    double bytes_out;      // of one frame's results
    double up, down;       // of the line, bytes a second, as measured
    double line_spread;    // 0.2: +-20 %
    double here;           // machines of the house that are free for it
    double here_kw;        // power that one takes
    double deadline_s;     // from now; 0: none
    double budget;         // < 0: none
    double kept_days;      // how long what is brought there stays
    const char *licence;   // that each machine needs; "": none
};

struct plan_terms {                                       // expected, before the spread
    double stage_s, boot_s, render_s, retry_s, down_s;    // of the time; render here and there
    double machine, licence, fee, egress, storage, power; // of the cost
};
struct plan_choice {
    const struct price_machine *machine; // NULL: here only
    bool spot;
    int count;           // of machines there
    double frames_there; // expected
    double time_s, time_p95_s;
    double cost, cost_p95;
    double meets_deadline; // chance 0..1; 1 without one
    double within_budget;
    struct plan_terms terms;
};
enum { PLAN_CHOICES_MOST = 9, PLAN_MACHINES_MOST = 4096 };

// The choices that no other beats in both time and cost, the cheapest first; "here only" is always
// among them when `here` is not 0. INPUT when a number makes no sense, NOT_FOUND when the licence
// has no price.
MUST_CHECK bool plan_choose(const struct plan_ask *ask, const struct prices *prices,
                            struct plan_choice choices[PLAN_CHOICES_MOST], size_t *count,
                            struct error *err);
// One choice of the caller's own. `machine` NULL: here only.
void plan_price(const struct plan_ask *ask, const struct prices *prices,
                const struct price_machine *machine, bool spot, int machines,
                struct plan_choice *choice);
// Which of them to take: the cheapest that meets the deadline with 9 chances in 10 within the
// budget; -1: none does.
int plan_advice(const struct plan_ask *ask, const struct plan_choice *choices, size_t count);
