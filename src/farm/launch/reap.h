/*
 * farm/launch/reap: ends a provider's machines that nobody works on.
 *
 * Elastic machines are made and given back by Slurm (ResumeProgram, SuspendProgram). One that Slurm
 * has lost sight of costs money for ever: its boot failed, its suspend failed, its controller lost
 * its state. The provider's program (docs/operating.md) says what there is; what has had no
 * launched worker on it for `rest_ms` is taken down.
 */
#pragma once
#include "base/arena.h"

#include <stdint.h>

struct reaper;

struct reaper *reaper_open(const char *program, int64_t rest_ms);
void reaper_close(struct reaper *r); // NULL is fine
// One look. `busy`: names of nodes with a worker on them, or on the way ("c1", "" is none).
// False when the provider could not be asked or refused.
MUST_CHECK bool reaper_go(struct reaper *r, const char *const *busy, size_t busy_count,
                          int64_t now_ms, struct arena *a, struct error *err);
