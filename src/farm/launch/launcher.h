/*
 * farm/launch: machines for the house's workers.
 *
 * A launcher starts `posthouse work` on machines that something else owns, and owns no truth: what
 * there is it reads each time from whoever has the machines (this machine's processes, Slurm), what
 * is worked on only the house knows. So a launcher may die, be started twice or be told the same
 * again; the worst is a machine too many for a while, and `launch_decide` takes that back.
 *
 * Each worker that a launcher starts says hello to the house by a name of its own,
 * "<launcher>-<house>-<number>" (`launched.worker`). By that name the two lists are laid together.
 */
#pragma once
#include "base/arena.h"

#include <stdint.h>

// What the workers of one house are told. Borrowed for the launcher's life.
struct launch_house {
    const char *name;        // short, [a-z0-9]: in job names, so that houses do not mix theirs up
    const char *url;         // as the machines reach it
    const char *token_file;  // a worker's token, as the machines see the file; never its content
    const char *fingerprint; // of its certificate; "": none
    const char *program;     // `posthouse` on the machines
    const char *notice;      // a program there that tells when the machine goes away; "": none
    const char *price;       // of each for an hour, "0.19 USD"; "": none
    int slots;               // tasks at once on each; 0: as many as cores
    int64_t idle_s;          // a worker leaves by itself after so long without a task; 0: never
};

enum launch_kind {
    LAUNCH_GLIDE_IN, // a worker has the machine and pulls task after task
    LAUNCH_NATIVE,   // a worker does one task and leaves: each is judged by the site's own policy
};

enum launch_state {
    LAUNCH_ASKED, // no machine yet
    LAUNCH_BOOTS, // a machine that is made ready
    LAUNCH_RUNS,  // the worker's process has begun
    LAUNCH_ENDS,  // on its way out
};

struct launched {
    const char *id;     // the launcher's own: a process, a Slurm job
    const char *worker; // the name its worker says hello with
    enum launch_state state;
    int64_t asked_ms, began_ms; // wall clock; began 0: has no machine yet
    const char *node;           // where; "": not yet
    const char *why;            // why it waits, in the owner's word; "": nothing said
};

struct launch_finding { // of a preflight
    bool bad;           // it will not work; else it is worth knowing
    const char *what, *why, *fix;
};

// All calls may take seconds (they ask other programs) and are for one thread.
struct launcher {
    const char *name;
    // Asks for `count` more workers. Returns when that is noted, not when they are there.
    bool (*want)(struct launcher *l, int count, enum launch_kind kind, struct error *err);
    // Those of this house that have not ended, in the arena.
    bool (*list)(struct launcher *l, struct arena *a, struct launched **list, size_t *count,
                 struct error *err);
    // The worker takes no more tasks and leaves when what it has is done. Fine when it is gone.
    bool (*drain)(struct launcher *l, const char *id, struct error *err);
    // Gives the machine back now. Fine when it is gone already.
    bool (*end)(struct launcher *l, const char *id, struct error *err);
    // What of the site's settings will be in the way of `count` workers of a kind.
    bool (*preflight)(struct launcher *l, int count, struct arena *a, struct launch_finding **list,
                      size_t *findings, struct error *err);
    void (*close)(struct launcher *l);
};

// Processes on this machine.
struct launcher *launch_local(const struct launch_house *house);

struct launch_slurm_wish {
    const char *partition, *account; // "": Slurm's own choice
    int cores;                       // of each worker; 0: whole nodes
    int64_t minutes;                 // longest life; 0: the partition's. Drains two minutes before
    const char *options;             // more words for sbatch, spaces between: "--licenses=nuke:1"
    const char *log;                 // where output goes, sbatch's pattern; "": nowhere
};
// Through sbatch, squeue, scancel and scontrol as they are found along PATH: their options and
// parsable output are the same in all releases since 20.11, their C interface is not.
// NOT_FOUND when they are not there.
MUST_CHECK bool launch_slurm(const struct launch_house *house, const struct launch_slurm_wish *wish,
                             struct launcher **l, struct error *err);

// Parsers of Slurm's output, apart for tests and fuzzing.
// `squeue` lines "id|state|node|submitted|started|reason|name" (seconds since 1970).
MUST_CHECK bool slurm_queue_read(struct arena *a, text said, const char *house,
                                 struct launched **list, size_t *count, struct error *err);
// `scontrol show config`: what is too low for `count` workers.
void slurm_config_judge(struct arena *a, text said, int count, struct launch_finding **list,
                        size_t *findings);
