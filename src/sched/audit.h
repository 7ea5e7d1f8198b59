/*
 * sched/audit: watches a scheduler from outside and believes nothing.
 *
 * It is told what the world is (limits, workers, steps), reads the batches as a ledger would, and
 * keeps its own plain books: a byte a task, a list of what runs where. It shares no code with the
 * scheduler. What does not add up becomes a finding: a task committed twice, a change from a state
 * that the task was not in, a limit, a worker or a GPU given out twice, a task begun before what it
 * is after, work for a worker that is not to have any. Simulation and tests end with it.
 */
#pragma once
#include "sched/sched.h"

struct audit;

struct audit *audit_open(void);
void audit_close(struct audit *a); // NULL is fine

void audit_limit(struct audit *a, sched_word_id name, enum sched_scope scope, int64_t ours);
void audit_worker(struct audit *a, sched_worker w, sched_host host,
                  const struct sched_amounts *has);
void audit_worker_state(struct audit *a, sched_worker w, bool takes_work, int asks_more);
void audit_step(struct audit *a, sched_step step, sched_job job,
                const struct sched_step_wish *wish);
void audit_job_holds(struct audit *a, sched_job job, bool held); // suspended, stopped
// An attempt does not run any more, or none of a worker does: before the batch in which it ended.
void audit_stopped(struct audit *a, sched_fence fence);
void audit_worker_gone(struct audit *a, sched_worker w);
// Reads a batch that was kept.
void audit_batch(struct audit *a, const struct sched_batch *b);
// The whole at the end: every task done once, or `failed` and `cancelled` may be there too.
void audit_end(struct audit *a, bool all_done);

int64_t audit_committed(const struct audit *a);
int64_t audit_running(const struct audit *a, sched_word_id limit); // of a limit, by its books
int audit_findings(const struct audit *a);
const char *audit_finding(const struct audit *a, int at); // of the first 20
