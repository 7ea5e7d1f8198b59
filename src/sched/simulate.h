/*
 * sched/simulate: a farm's night in seconds.
 *
 * A world of hosts, spot machines that are taken away, hosts that are bad, licences that others
 * check out, frames that fail or take ten times as long, and projects with shares: played with the
 * real scheduler in virtual time, watched by the audit (audit.h). The same seed gives the same
 * night.
 */
#pragma once
#include "sched/sched.h"

struct simulate_wish {
    uint64_t seed;
    int hosts, slots;    // slots: attempts that a host runs at once
    int projects;        // with weights 1, 2, 3, ...; each has two users
    int64_t frames;      // of all jobs together
    int64_t frame_ms;    // usual time of one
    int failing_percent; // of attempts that fail by their frame's fault
    int bad_hosts;       // on which everything fails
    int spot_hosts;      // that are taken away and come back
    int64_t spot_ms;     // usual time until then
    int64_t licences;    // of a limit a task; as many hosts of a limit a host
    int late_permille;   // of attempts that take ten times as long
    bool commits_twice;  // fault in the world: one result is written twice, so the audit must tell
    struct sched_rules rules; // .tries 0: the usual ones
};

struct simulate_result {
    int64_t tasks, committed, attempts, failed, lost, twins, stale, denied, decisions;
    int64_t virtual_ms;
    double use;         // machine time that was used of what could have been: idle slots count as
                        // lost while there was work that they could have done
    double share_error; // the worst project's, relative, while all had work
    int findings;       // of the audit
    char first_finding[200];
    bool all_done;
};

void simulate(const struct simulate_wish *wish, struct simulate_result *result);
