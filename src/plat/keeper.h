/*
 * plat/keeper: programs that are started for one piece of work, and end with it for certain.
 *
 * A group or a session is not enough to hold a renderer's processes together: daemons fork twice
 * and call setsid. A keeper is a small process of ours between us and them. It is a subreaper, so
 * that whatever loses its parent becomes the keeper's child instead of init's: all that descends
 * from one keeper, and nothing else, belongs to its piece of work. When the thing that opened it
 * closes it, or dies in any way, the keeper kills every descendant and ends.
 *
 * One keeper runs any number of programs, one after another or side by side: what one of them
 * leaves behind (a daemon that later ones talk to) lives until the keeper is closed.
 *
 * A keeper may be used by one thread at a time. It can be opened from any thread.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <sched.h>
#include <sys/types.h>

struct keeper;

MUST_CHECK struct keeper *keeper_open(struct error *err); // NULL when it can not be
// Kills what is left and returns once nothing is, or false after `wait_ms` when something can not
// be killed (it hangs in the kernel, or another user owns it); the keeper then tries on by itself.
// NULL is fine.
bool keeper_close(struct keeper *k, int wait_ms);

struct keeper_wish {
    const char *const *arguments;   // ends in NULL; the program is looked up as a shell does
    const char *const *environment; // ends in NULL
    const char *folder;             // working folder
    int input, output;              // -1: /dev/null. `output` becomes both 1 and 2
    const cpu_set_t *cores;         // NULL: as ours
    int64_t file_bytes;             // no file may grow over this; 0: no limit
    int nice;
};
// The program runs, in a session of its own, when this returns true. It dies with the keeper.
// NOT_FOUND: there is no such program. A file that is no program the kernel knows is given to
// /bin/sh, as a shell would.
MUST_CHECK bool keeper_start(struct keeper *k, const struct keeper_wish *wish, pid_t *pid,
                             struct error *err);

enum keeper_whom {
    KEEPER_PROCESS, // the program itself
    KEEPER_GROUP,   // its process group
    // Its group, its descendants, and those that came to the keeper since the program began: all
    // but what earlier programs left behind. With SIGKILL they are stopped first, so that none
    // can fork away, and the call goes on until none is seen.
    KEEPER_WORK,
    KEEPER_ALL, // whatever descends from the keeper, what earlier programs left behind too
};
void keeper_signal(struct keeper *k, pid_t pid, int signal_number, enum keeper_whom whom);

// A descriptor to poll: readable when a program may have ended, or the keeper.
int keeper_descriptor(const struct keeper *k);
// True when `pid`, started here, has ended; then *status is as of waitpid. When the keeper itself
// was killed, everything counts as killed by SIGKILL. Does not wait.
bool keeper_ended(struct keeper *k, pid_t pid, int *status);

struct keeper_facts {
    int64_t cpu_ms;       // used so far by all descendants, those that have ended too
    int64_t memory_bytes; // resident now; pages that several share count once when `exact`
    int processes;
};
// Looks through /proc. `exact` costs more.
void keeper_look(struct keeper *k, bool exact, struct keeper_facts *facts);
