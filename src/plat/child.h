/*
 * plat/child: starting other programs, and ending them for certain.
 *
 * A child gets exactly the descriptors that are passed, its own process group, and dies with the
 * thread that started it (PR_SET_PDEATHSIG: start it from a thread that lives as long as it
 * should). Nothing else of ours leaks into it: all other descriptors are closed, signals are reset.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <sys/types.h>

struct child_limits { // 0: leave as it is
    int64_t memory_bytes, file_bytes, cpu_s;
    int files;
    bool no_core;
};

struct child_wish {
    const char *const *arguments;   // ends in NULL; arguments[0] is the path of the program
    const char *const *environment; // ends in NULL; NULL: PATH, HOME, LANG and TMPDIR of ours only
    const int *pass;                // pass[i] becomes descriptor i of the child
    size_t pass_count;              // -1 in pass: /dev/null
    const char *folder;             // working folder; NULL: /
    bool outlive;                   // no death signal: the child goes on when we die
    bool session;                   // in a session of its own: our terminal's signals pass it by
    struct child_limits limits;
};

// Returns once the program runs (or could not be started: ERROR_NOT_FOUND, ERROR_DENIED, ...).
MUST_CHECK bool child_start(const struct child_wish *wish, pid_t *pid, struct error *err);

// Waits up to `timeout_ms` (-1: for ever, 0: only looks). True when it has ended; the status is as
// of waitpid. The pid must not be used after that.
bool child_wait(pid_t pid, int timeout_ms, int *status);
void child_signal(pid_t pid, int signal_number); // to its whole group
// Kills the group (SIGTERM, after `grace_ms` SIGKILL) and waits for the child.
int child_end(pid_t pid, int grace_ms);

// "exit status 3", "signal SIGSEGV (segmentation fault)".
typedef struct {
    char text[80];
} child_status;
child_status child_status_text(int status);

// Resident memory of a process and all its descendants, in bytes; 0 when it is gone.
int64_t child_memory(pid_t pid);

// When a process began, in the system's ticks since it was started; 0 when there is none (or only
// what is left of one until it is waited for). A pid and this name one process and no later one.
int64_t child_began(pid_t pid);

// The folder of the program that runs now, 0-ended; false when it can not be known.
bool child_own_folder(char *to, size_t room);
