/*
 * house/jobs: the ledger of work: who asked for it, who does it, what became of it.
 *
 * job > step > range > attempt. A range is a run of frames with one state; an ingest task is a job
 * of one step of one range. A worker claims a range: that makes an attempt with a lease and a
 * fencing token, which only grows. Workers, networks and we ourselves may repeat anything or die at
 * any moment; a result counts when its attempt still holds the range's newest token, and it counts
 * in the same transaction in which the rooms write what it made (`jobs_apply`). So work may be
 * begun twice, but is never committed twice and never lost.
 *
 * Everything that changes a job's state writes the event job.changed (body: the Job) in that
 * transaction; progress does so at most 4 times a second a job. Time is passed in (milliseconds
 * since 1970), so that a test can make it midnight.
 */
#pragma once
#include "db/db.h"
#include "plat/ids.h"

#include <jansson.h>

struct jobs;

#define JOBS_LEASE_MS 20000
#define JOBS_BEAT_MS 1000
#define JOBS_PRIORITY 50
#define JOBS_TRIES 4   // of a range that fails in a way that may pass
#define JOBS_LOSSES 12 // workers lost over one range before it is held to be the cause

// Gives the leases that were running a fresh term: whoever holds one may have waited for us.
MUST_CHECK bool jobs_open(struct db *db, int64_t now_ms, struct jobs **jobs, struct error *err);
void jobs_close(struct jobs *j); // NULL is fine

// ---- Asking for work

struct job_wish {
    const char *id; // NULL: a new one
    const char *project, *kind, *title, *by;
    const char *asset, *version, *subject; // NULL: none
    const char *cause;                     // NULL: none
    const json_t *ticket;   // what is known of the engine's ticket; kind is filled in. NULL: {}
    int priority;           // 0..100
    int64_t first, last;    // frames of its one step; 0, 0 for work in one piece
    int64_t frames_a_range; // 0: all in one
};
// In the caller's transaction. The same id or cause again changes nothing and gives the job that
// was made then.
MUST_CHECK bool job_make(struct db_tx *tx, const struct job_wish *wish, int64_t now_ms, id *job,
                         struct error *err);

// CONFLICT when it has ended. A running attempt is dropped with the worker's next beat.
MUST_CHECK bool job_cancel(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err);
// What failed or was cancelled is asked for again, what is done stays. CONFLICT otherwise.
MUST_CHECK bool job_retry(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err);
MUST_CHECK bool job_priority(struct db_tx *tx, const char *job, int64_t priority,
                             struct error *err);

// ---- Working

struct claim { // texts live in the arena that was given
    const char *attempt, *job, *range, *kind, *title;
    const char *project, *asset, *version, *subject; // all but project may be NULL
    json_t *ticket;                                  // a new reference
    int64_t token, first, last;
};
// Hands the most urgent waiting range (priority, then age) to a worker: one transaction. *found
// false: there is none.
MUST_CHECK bool jobs_claim(struct jobs *j, const char *worker, int64_t now_ms, struct arena *a,
                           struct claim *claim, bool *found, struct error *err);

struct beat {
    const char *attempt;
    int64_t token;
    int64_t done, total; // total 0: not known yet
    const char *unit;    // "frames", "bytes", ""
    bool drop;           // filled: it is not (or no longer) this worker's; stop it at once
};
// Renews the leases of a worker's attempts and keeps their progress.
MUST_CHECK bool jobs_beat(struct jobs *j, const char *worker, struct beat *beats, size_t count,
                          int64_t now_ms, struct error *err);

enum outcome {
    OUTCOME_TAKEN, // it counts (now, or it did already)
    OUTCOME_STALE  // another attempt has the range, or the job has ended: throw the result away
};
struct ended { // what an apply callback is told of the attempt that ends well
    const char *attempt, *job, *kind, *project, *asset, *version, *subject;
    int64_t token, first, last;
    bool last_range; // with it the job is done
};
// Writes what the rooms know of a result; false undoes all of it, and the attempt runs on.
typedef bool jobs_apply(struct db_tx *tx, void *context, const struct ended *ended,
                        struct error *err);
// `apply` may be run again after a busy database; it is not run for a stale result, nor for one
// that was taken before.
MUST_CHECK bool jobs_finish(struct jobs *j, const char *attempt, int64_t token, jobs_apply *apply,
                            void *context, int64_t now_ms, enum outcome *outcome,
                            struct error *err);
// The attempt failed. By the kind of `why` (error_facts) it is tried again after a while, or the
// job has failed.
MUST_CHECK bool jobs_fail(struct jobs *j, const char *attempt, int64_t token,
                          const struct error *why, int64_t now_ms, enum outcome *outcome,
                          struct error *err);
// What an attempt is, without changing anything; *current false: its result would be stale.
MUST_CHECK bool jobs_attempt(struct jobs *j, const char *attempt, int64_t token, struct arena *a,
                             struct ended *what, bool *current, bool *taken, struct error *err);

// Ends the leases that ran out: their ranges wait again, at most JOBS_LOSSES times.
MUST_CHECK bool jobs_sweep(struct jobs *j, int64_t now_ms, int64_t *lost, struct error *err);
// When the next range that backs off may be tried; INT64_MAX: none.
MUST_CHECK bool jobs_next_ms(struct jobs *j, int64_t *at_ms, struct error *err);
// Ids of attempts that run; all other folders in the scratch folder are dead.
MUST_CHECK bool jobs_running(struct jobs *j, struct arena *a, const char ***attempts, size_t *count,
                             struct error *err);

// ---- Workers

struct worker_hello {
    const char *id, *name, *host;
    int64_t pid, slots;
};
// A worker has come. Of `beats` those to drop are marked and the others' leases renewed; attempts
// that we took for its own but that it does not have were lost with its earlier life.
MUST_CHECK bool jobs_hello(struct jobs *j, const struct worker_hello *hello, struct beat *beats,
                           size_t count, int64_t now_ms, struct error *err);
MUST_CHECK bool jobs_goodbye(struct jobs *j, const char *worker, int64_t now_ms, struct error *err);
// Worker[] of those seen within a day.
MUST_CHECK bool jobs_workers(struct db_tx *tx, int64_t now_ms, json_t **list, struct error *err);

// ---- Looking

// Job. NOT_FOUND when there is none. `j` may be NULL: then progress is what was kept last.
MUST_CHECK bool job_get(struct db_tx *tx, struct jobs *j, const char *job, json_t **json,
                        struct error *err);
struct job_query {
    const char *const *projects; // those that the caller may view
    size_t project_count;
    bool active, ended; // both false: both
    int64_t before_ms;  // cursor: created before (this, this id); 0: from the newest
    const char *before_id;
    int limit;
};
// Job[], newest first; *more when there are more behind.
MUST_CHECK bool job_list(struct db_tx *tx, struct jobs *j, const struct job_query *q,
                         json_t **items, int64_t *total, bool *more, struct error *err);

// A Problem as JSON text of an error, and back; free() it.
char *problem_text(const struct error *err);
