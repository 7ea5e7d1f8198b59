/*
 * farm/launch/keep: keeping as many machines as the house needs.
 *
 * A turn reads what the launcher has and what the house knows, remembers what neither tells (since
 * when a worker is idle or lost), decides (decide.h) and acts. Nothing here must survive: after a
 * restart the worst is a machine that stays a little longer. Only what was spent is kept, in a
 * file.
 */
#pragma once
#include "farm/launch/decide.h"

struct keep;

// `money_file`: where what was spent this month is kept; NULL: nowhere.
struct keep *keep_open(const char *money_file);
void keep_close(struct keep *k);
// Spent in the month of `now_ms`.
double keep_spent(struct keep *k, int64_t now_ms);

struct keep_worker { // as the house lists it
    const char *name;
    bool here;
    int slots, busy;
};

struct keep_turn {
    const struct launch_rules *rules; // `spent` is filled in here
    const struct launch_need *need;
    const struct keep_worker *workers;
    size_t worker_count;
    enum launch_kind kind;
    bool look_only; // nothing is asked for or given back
};
struct keep_line { // a machine and what is known of it
    struct launched of;
    struct launch_machine facts;
    enum launch_act act;
    const char *act_why;
};
struct keep_report {
    struct launch_decision decision;
    struct keep_line *machines;
    size_t count;
    int asked, drained, ended; // what was done
    double spent;
};
// False when the launcher could not be read; a machine that could not be ended is logged and tried
// again at the next turn.
MUST_CHECK bool keep_go(struct keep *k, struct launcher *l, const struct keep_turn *turn,
                        int64_t now_ms, struct arena *a, struct keep_report *report,
                        struct error *err);
