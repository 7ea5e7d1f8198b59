/*
 * cmd/local: the files in a house's folder by which the programs of one machine find each other.
 *
 *   ready          where the house is: its address, the fingerprint over TLS (else an empty line),
 *                  "pid N"; there only while it serves
 *   local.token    a token of the house's own person, for the command line on this machine
 *   worker.token   a token for workers; both are readable by their owner only
 *   worker.id      of this machine's worker, the same for each of its lives
 *   worker.pid     its process: "PID BEGAN" (plat/child.h, child_began)
 *   serve.lock, worker.lock   held while one runs
 */
#pragma once
#include "base/config.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

// The house's folder as an absolute path; made when `make`.
MUST_CHECK bool local_folder(const struct config *c, bool make, char *to, size_t room,
                             struct error *err);
// Locks <folder>/<name> for as long as this process lives and writes its pid into it. CONFLICT with
// `what` when another process has it.
MUST_CHECK bool local_lock(const char *folder, const char *name, const char *what,
                           struct error *err);

struct local_ready {
    char url[512], fingerprint[128];
    int64_t pid;
};
MUST_CHECK bool local_ready_write(const char *folder, const struct local_ready *r,
                                  struct error *err);
// NOT_FOUND when no house serves.
MUST_CHECK bool local_ready_read(const char *folder, struct local_ready *r, struct error *err);
void local_ready_remove(const char *folder);

// The first line of a small file, without what is around it.
MUST_CHECK bool local_line_read(const char *folder, const char *name, char *to, size_t room,
                                struct error *err);
MUST_CHECK bool local_line_write(const char *folder, const char *name, const char *line,
                                 struct error *err); // mode 0600

// The worker's process as worker.pid says; 0 when it does not run (any more).
pid_t local_worker(const char *folder);
