/*
 * cmd/plan_job: what the house knows of a job, as inputs of a plan.
 */
#pragma once
#include "base/config.h"
#include "cmd/command.h"

// Sets frames, frame-seconds, frame-cores, here, bytes, frame-bytes, deadline, budget, and link and
// link-down as far as they were measured, in `c`; the source of those two says by whom and when.
// *currency: of the budget; "": there is none. CONFLICT when nothing is left; NOT_FOUND when no
// frame of it has been done and nobody says --frame-seconds.
MUST_CHECK bool plan_job(struct command_call *call, const char *job, struct config *c,
                         const char **currency, struct error *err);
