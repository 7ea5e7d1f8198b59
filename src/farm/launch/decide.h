/*
 * farm/launch/decide: how many machines to have, and which to give back.
 *
 * A pure function of what is known just now: the queue, how long a task takes, when it must be
 * done, what a machine costs and may cost, how long one needs to boot. It never asks for more than
 *
 *   the queue     has tasks for, and work that is worth it: each machine asked for should
 *                 compute for `worth_ms` at least, unless a deadline says otherwise; while
 *                 nobody knows how long a task is, two machines find out;
 *   the deadline  needs, when there is one: the fewest machines that meet it, with the work of
 *                 machines that are on their way counted; of several each is met, with what must
 *                 be done before it, and what has none gets machines besides, as the queue says;
 *   the budget    pays to the end of the work: hours x price of all that are there and asked for,
 *                 and when what is left is no more than what giving back costs, all leave;
 *   the rules     allow (`most`).
 *
 * What is there and not needed is given back: first what has not come yet, then what is idle. A
 * machine that was given and whose worker never said hello within `boot_ms`, or whose worker the
 * house has lost, is reaped; one that has notice to go is drained. A busy machine is never ended
 * but for money: it is drained.
 */
#pragma once
#include "farm/launch/launcher.h"

#define LAUNCH_NO_DEADLINE INT64_MAX

struct launch_rules {
    int least, most;  // machines; 0 most: none
    int slots;        // tasks at once on one; for what has not said it yet. >= 1
    int64_t boot_ms;  // from "given" to the worker's hello: longer is not coming
    int64_t worth_ms; // a machine should compute so long to be worth asking for; 0: any is
    int64_t idle_ms;  // kept so long without a task, as more may come
    double price;     // of a machine for an hour, in the money of the budget; 0: free
    double budget;    // that may be spent in this period; < 0: no limit
    double spent;     // of it so far
};

struct launch_dated {    // what of it must be done until a time
    int64_t deadline_ms; // wall clock
    int64_t waiting;     // tasks that may begin
    double work_ms;      // of one slot, for those and for what waits behind them
};
struct launch_need {
    int64_t waiting;     // tasks that nobody has
    int64_t running;     // tasks that somebody has, on any worker of the house
    int64_t task_ms;     // mean length of a task; 0: not known
    int64_t deadline_ms; // wall clock, for all that waits; LAUNCH_NO_DEADLINE
    // Deadlines of parts of what waits, the earliest first; the rest has none. NULL: none.
    const struct launch_dated *dated;
    size_t dated_count;
    int slots_elsewhere; // free slots of workers that no launcher started
};

struct launch_machine {
    enum launch_state state;
    int64_t asked_ms, began_ms;
    bool here;             // its worker has a line to the house
    bool was_here;         // it had one
    int slots, busy;       // as it says; slots 0: not known yet
    int64_t idle_since_ms; // wall clock; 0: not idle, or not here
    int64_t lost_since_ms; // was here, and is not since then; 0: not lost
    bool draining, notice; // told to leave; its owner takes it away soon
};

enum launch_act { LAUNCH_KEEP, LAUNCH_DRAIN, LAUNCH_END };

struct launch_decision {
    int want;             // how many more to ask for
    const char *want_why; // what held it: "queue", "estimate", "worth", "deadline",
                          // "budget", "most", "least"
    int target;           // machines to have
};
// `acts` and `whys` (words) have a place for each machine.
void launch_decide(const struct launch_rules *rules, const struct launch_need *need,
                   const struct launch_machine *machines, size_t count, int64_t now_ms,
                   struct launch_decision *decision, enum launch_act *acts, const char **whys);
