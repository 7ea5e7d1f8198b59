/*
 * house/jobs: the ledger of work: who asked for it, who does it, what became of it.
 *
 * job > step > task; an attempt is a run of tasks of one step on one worker. Who works on what next
 * is decided by `sched`; the ledger feeds it and makes what it decides durable. A task is not a
 * row: a step counts its tasks, states are pages of bits that exist where something was touched.
 *
 * One thread (the dispatcher) owns the scheduler. What workers and people say goes into its queue;
 * it takes what waits, decides, writes all of it as ONE transaction, and only then answers. When
 * the transaction fails nothing of it has happened, and everybody is told to say it again. New jobs
 * are rows first (`job_make`, in anybody's transaction); the dispatcher finds them after the
 * commit. So starting again is the same as starting: the rows are all there is.
 *
 * Exactly once. An attempt has a fence, a number that is never used again. Workers, networks and we
 * ourselves may repeat anything or die at any moment; a result counts when its fence still holds
 * the task, and it counts in the transaction in which the rooms write what it made (`jobs_apply`).
 * So work may be begun twice, but is never committed twice and never lost. A worker whose beats
 * stop loses its attempts when their leases are over; one that comes back in time keeps them.
 *
 * The event job.changed (body: the Job) is written when a job's state changes, and for its progress
 * at most 4 times a second; nodes.changed (no body, about the house) at most once a second when
 * workers came, went, began or ended something. Time is passed in (milliseconds since 1970), so
 * that a test can make it midnight: before `jobs_start` each function works in the thread of its
 * caller.
 */
#pragma once
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "sched/sched.h"

#include <jansson.h>

struct jobs;

#define JOBS_LEASE_MS 20000
#define JOBS_BEAT_MS 1000
#define JOBS_PRIORITY 50
#define JOBS_TRIES 4        // of a task that fails in a way that may pass
#define JOBS_LOSSES 12      // workers lost over one task before it is held to be the cause
#define JOBS_TIER_TICKETS 6 // what engines do for people who wait
#define JOBS_TIER_RENDERS 2
#define JOBS_TIER_LOWEST (-1)

// Reads what is durable. Attempts that were running get a fresh lease: whoever has one may have
// waited for us.
MUST_CHECK bool jobs_open(struct db *db, int64_t now_ms, struct jobs **jobs, struct error *err);
// From now on the dispatcher works, by the machine's clock; `now_ms` of calls is ignored.
MUST_CHECK bool jobs_start(struct jobs *j, struct error *err);
void jobs_hold(struct jobs *j);  // gives nothing more; whoever speaks is heard
void jobs_rest(struct jobs *j);  // ends that; whoever waits is answered
void jobs_close(struct jobs *j); // NULL is fine

// ---- Asking for work

struct job_step {
    const char *name;
    int64_t tasks;
    // What the scheduler is told of it, see load.c: {"chunk", "target_ms", "needs", "words",
    // "limits", "after", "frames", "tiles", "span", "data"}; and "hands", as of the job. NULL: {}
    const json_t *plan;
    int64_t reads_bytes; // 0: as its job's
};
// A ticket that reads or makes more than this is left to workers that share the house's disks.
#define JOBS_TRAVELS_MOST ((int64_t)16 << 40)
struct job_after {
    const char *job; // an id, of the same project
    bool anyhow;     // however it ends; else it must end well
};
// Of a currency; budgets and prices in millionths of its unit.
#define JOBS_MONEY 1000000
struct job_wish {
    const char *id; // NULL: a new one
    const char *project, *kind, *title, *by;
    const char *asset, *version, *subject; // NULL: none
    const char *cause;                     // NULL: none
    const json_t *ticket; // what is known of the engine's ticket; kind is filled in. NULL: {}
    int priority;         // 0..100
    int tier;             // 0: as the kind says
    // {"tries", "losses", "preview_every", "approve", "preempts", "preemptible", "once",
    // "estimate_ms", "suspended", ...}; NULL: {}
    const json_t *options;
    const struct job_step *steps; // NULL: one step of one task
    size_t step_count;
    int64_t reads_bytes; // all inputs of its tickets: what a worker without our disks fetches
    const char *unit;                         // "": of its one task, by its beats
    const char *form, *template, *parameters; // kept with it (job_document); NULL: none
    const struct job_after *after; // none of it begins before these have ended. NOT_FOUND, CONFLICT
    size_t after_count;            // when there is none, or it is the job itself
    int64_t deadline_ms;           // 0: none
    int64_t budget;                // for workers that cost money; counts with `currency`
    const char *currency;          // NULL: no budget
    // Of a staged one: the transfer that brought its inputs, paths that must be among them (or be
    // folders of them), and those that may be executed. NULL: it is not staged.
    const char *transfer;
    const char *hands; // only workers with the word hands=THIS do it, no engine; NULL: any
    const char *const *needs;
    size_t need_count;
    const json_t *programs;
};
// In the caller's transaction. The same id or cause again changes nothing and gives the job that
// was made then.
MUST_CHECK bool job_make(struct db_tx *tx, const struct job_wish *wish, int64_t now_ms, id *job,
                         struct error *err);

// A submission (docs/formats/submission.md) as a wish; what it points to lives in the arena (of
// OPENJD_ARENA_BYTES) and in `submission`. Project, by and id are the caller's to fill in. INPUT
// with the line and the rule.
MUST_CHECK bool job_submission(struct arena *a, const json_t *submission, struct job_wish *wish,
                               struct error *err);
void job_submission_free(struct job_wish *wish); // after a true
// Whether a staged job may bring frames to a path: `folders` are those that may have them, commas
// between, "": any; never below `house`. Else DENIED.
MUST_CHECK bool job_may_bring(const char *path, const char *house, const char *folders,
                              struct error *err);
// {"job", "title", "template", "rest": {"environments", "parameters", "path_mapping"}, "options",
// "steps": [index in the template, ...]} of one that was submitted: what a worker needs of it.
MUST_CHECK bool job_document(struct db_tx *tx, const char *job, json_t **document,
                             struct error *err);

enum order_kind {
    ORDER_CANCEL,  // CONFLICT when it has ended. What runs is dropped
    ORDER_RETRY,   // what failed or was cancelled is asked for again; CONFLICT when nothing has
    ORDER_EDIT,    // priority and tier, -1: as it is; title, deadline and budget, see below
    ORDER_SUSPEND, // `drop`: what runs is dropped too
    ORDER_RESUME,  // also what was stopped by us
    ORDER_APPROVE, // the preview was looked at
    ORDER_REQUEUE, // tasks first..last of a step, and runs, are asked for again, whatever they are
    ORDER_CANCEL_TASKS
};
struct job_run {
    int64_t step, first, last; // step from 1
};
struct job_order {
    enum order_kind kind;
    const char *job;
    int priority, tier;
    const char *title; // NULL: as it is
    bool set_deadline; // to deadline_ms; 0: none
    bool set_budget;   // to budget in currency; currency NULL: no limit
    int64_t deadline_ms, budget;
    const char *currency;
    int64_t step, first, last; // step from 1; 0: only `runs`
    const struct job_run *runs;
    size_t run_count;
    bool drop, dependants;
};
// What else is written in that transaction; false undoes all of it.
typedef bool jobs_also(struct db_tx *tx, void *context, struct error *err);
MUST_CHECK bool jobs_order(struct jobs *j, const struct job_order *order, jobs_also *also,
                           void *context, int64_t now_ms, struct error *err);

// What there is only so much of: licences. Tasks that need one which nobody has made known wait.
struct jobs_limit {
    const char *name;
    bool host; // one for all tasks of a machine, else one an attempt
    int64_t total, outside;
    bool yields; // when outside grows, attempts give way
};
// Makes or changes it; durable when it returns, with what `also` (may be NULL) writes.
MUST_CHECK bool jobs_limit_set(struct jobs *j, const struct jobs_limit *limit, jobs_also *also,
                               void *context, int64_t now_ms, struct error *err);
// [{"name", "scope", "total", "outside", "yields", "used", "free", "learned"}]
MUST_CHECK bool jobs_limits(struct db_tx *tx, struct jobs *j, json_t **list, struct error *err);

// What a person wants of a worker; it holds, also when either starts again.
enum node_order {
    NODE_DRAIN,      // it ends what it runs and takes nothing more
    NODE_RESUME,     // ends that, and the quarantine of its machine
    NODE_QUARANTINE, // no worker of its machine takes anything
    NODE_GOOD        // ends that, also one of our own; its failures are forgotten
};
// Durable when it returns, with what `also` writes. NOT_FOUND: there is no such worker.
MUST_CHECK bool jobs_node_order(struct jobs *j, const char *worker, enum node_order order,
                                jobs_also *also, void *context, int64_t now_ms, struct error *err);
// Node[] of those seen within a day or not to be used, by name. With `worker` that one alone.
MUST_CHECK bool jobs_nodes(struct db_tx *tx, struct jobs *j, const char *worker, int64_t now_ms,
                           json_t **list, struct error *err);

// {"jobs": {state: count} of those that have not ended, "workers": {state: count}, "slots", "busy",
// "waiting", "ready", "running": tasks (ready: those of the waiting that may be given out now;
// slots: of workers that are not away), "shares": {project: {"weight", "held", "average",
// "waiting", "running"}} of those with such jobs}.
MUST_CHECK bool jobs_sums(struct db_tx *tx, struct jobs *j, int64_t now_ms, json_t **sums,
                          struct error *err);

// ---- Working

struct give { // a worker is to do this
    char attempt[27], job[27];
    int64_t token; // the fence
    int64_t step, first, last;
    bool ticket; // for an engine (jobs_claim_of); else a template's
    uint64_t gpus;
};
struct jobs_line { // the way to a worker; called in order, until `gone` of jobs_away was
    void (*give)(void *context, const struct give *give);
    void (*drop)(void *context, const char *attempt); // it stops it at once and says "stopped"
    void *context;
};

struct beat {
    const char *attempt;
    int64_t token;
    int64_t done, total; // total 0: not known yet
    const char *unit;    // "frames", "bytes", ""
    bool drop;           // filled: it is not (or no longer) this worker's; stop it at once
};
struct worker_hello {
    const char *id, *name, *host;
    int64_t pid, slots;
    // {"milli_cpus", "memory_mib", ..., "words": [...], "price": of the machine for an hour,
    // "currency"}; NULL: nothing is known
    const json_t *has;
};
// A worker has come. Of `beats` those to drop are marked and the others' leases renewed; attempts
// that we took for its own but that it does not have were lost with its earlier life. `line` NULL:
// it is asked by jobs_claim. What it is given comes after this has returned.
MUST_CHECK bool jobs_hello(struct jobs *j, const struct worker_hello *hello,
                           const struct jobs_line *line, struct beat *beats, size_t count,
                           int64_t now_ms, struct error *err);
// Both without waiting: what is given is copied, `heard` is called by the dispatcher when it is
// durable. err NULL: well; beats tell what to drop, until it returns.
typedef void jobs_heard_beats(void *context, const struct beat *beats, size_t count,
                              const struct error *err);
void jobs_hello_later(struct jobs *j, const struct worker_hello *hello,
                      const struct jobs_line *line, const struct beat *beats, size_t count,
                      jobs_heard_beats *heard, void *context);
void jobs_beat_later(struct jobs *j, const char *worker, const struct beat *beats, size_t count,
                     jobs_heard_beats *heard, void *context);
// The line with this context is cut: nothing more is given; its attempts go on. `gone` (may be
// NULL) is called when nobody calls the line any more.
void jobs_away(struct jobs *j, const char *worker, void *context, void (*gone)(void *context),
               int64_t now_ms);
// It has room for so many attempts more.
void jobs_asks(struct jobs *j, const char *worker, int count, int64_t now_ms);
// It wants no more, until it says hello again.
void jobs_drains(struct jobs *j, const char *worker, int64_t now_ms);
enum jobs_desk { JOBS_DESK_FREE, JOBS_DESK_USER, JOBS_DESK_HOURS };
// Of a machine at which somebody works: while it is not free it takes nothing, and what it runs
// rests there. Until it says something else, or hello.
void jobs_desk(struct jobs *j, const char *worker, enum jobs_desk desk, int64_t now_ms);
// Renews the leases of a worker's attempts and keeps their progress.
MUST_CHECK bool jobs_beat(struct jobs *j, const char *worker, struct beat *beats, size_t count,
                          int64_t now_ms, struct error *err);
// What was dropped is stopped now.
void jobs_stopped(struct jobs *j, const char *attempt, int64_t token, int64_t now_ms);

struct claim { // texts live in the arena that was given
    const char *attempt, *job, *kind, *title;
    const char *part;                                // the step's name
    const char *project, *asset, *version, *subject; // all but project may be NULL
    json_t *ticket;                                  // a new reference
    int64_t token, step, first, last;
};
MUST_CHECK bool jobs_claim_of(struct jobs *j, const struct give *give, struct arena *a,
                              struct claim *claim, struct error *err);
// One attempt for a worker without a line. *found false: there is nothing for it now.
MUST_CHECK bool jobs_claim(struct jobs *j, const char *worker, int64_t now_ms, struct arena *a,
                           struct claim *claim, bool *found, struct error *err);

enum outcome {
    OUTCOME_TAKEN, // it counts (now, or it did already)
    OUTCOME_STALE  // another attempt has the tasks, or the job has ended: throw the result away
};
struct ended { // what an apply callback is told of the attempt that ends well
    const char *attempt, *job, *kind, *project, *asset, *version, *subject;
    const char *part; // the step's name
    int64_t token, step, first, last;
};
// Writes what the rooms know of a result; false undoes all of it, and the attempt runs on.
typedef bool jobs_apply(struct db_tx *tx, void *context, const struct ended *ended,
                        struct error *err);
// `apply` (may be NULL) may be run again after a busy database; it is not run for a stale result,
// nor for one that was taken before.
MUST_CHECK bool jobs_finish(struct jobs *j, const char *attempt, int64_t token, jobs_apply *apply,
                            void *context, int64_t now_ms, enum outcome *outcome,
                            struct error *err);
// The attempt failed. By the kind of `why` (error_facts) it is tried again after a while, or the
// task has failed. `task` is the one at fault, -1: not known.
MUST_CHECK bool jobs_fail(struct jobs *j, const char *attempt, int64_t token, int64_t task,
                          const struct error *why, int64_t now_ms, enum outcome *outcome,
                          struct error *err);
// The same without waiting: `heard` is called by the dispatcher when it is durable. err NULL: well.
typedef void jobs_heard(void *context, const char *attempt, enum outcome outcome,
                        const struct error *err);
void jobs_finish_later(struct jobs *j, const char *attempt, int64_t token, jobs_heard *heard,
                       void *context);
// May what an attempt made be brought into its place? Two that run the same tasks must never both:
// the second would write over what the first was counted for. So one is told NOW, which is durable
// before it hears it, and the other LATER until the first has ended; then what is left of its tasks
// is its own. NEVER: it does not count. The lease begins anew with NOW: a worker that does not use
// it within half a lease asks again, so an attempt that is taken for lost places nothing more.
enum jobs_place { JOBS_PLACE_NEVER, JOBS_PLACE_LATER, JOBS_PLACE_NOW };
enum { JOBS_PLACE_RUNS = 16 };
struct jobs_placing {
    enum jobs_place when;
    int64_t runs[JOBS_PLACE_RUNS][2]; // NOW: first and last of the tasks that are its own
    int count;
};
MUST_CHECK bool jobs_may_place(struct jobs *j, const char *worker, const char *attempt,
                               int64_t token, int64_t now_ms, struct jobs_placing *placing,
                               struct error *err);
typedef void jobs_placed(void *context, const char *attempt, const struct jobs_placing *placing,
                         const struct error *err);
void jobs_may_place_later(struct jobs *j, const char *worker, const char *attempt, int64_t token,
                          jobs_placed *placed, void *context);
// What an attempt is, without changing anything; *current false: its result would be stale.
MUST_CHECK bool jobs_attempt(struct jobs *j, const char *attempt, int64_t token, struct arena *a,
                             struct ended *what, bool *current, bool *taken, struct error *err);

// Ends the leases that ran out (the dispatcher does so by itself) and forgets old attempts.
MUST_CHECK bool jobs_sweep(struct jobs *j, int64_t now_ms, int64_t *lost, struct error *err);
// When time brings something next; INT64_MAX: nothing.
MUST_CHECK bool jobs_next_ms(struct jobs *j, int64_t *at_ms, struct error *err);
// Ids of attempts that run; all other folders in the scratch folder are dead.
MUST_CHECK bool jobs_running(struct jobs *j, struct arena *a, const char ***attempts, size_t *count,
                             struct error *err);

// ---- Looking

// The tasks of a job that stand for frames "1-10,20" (NULL: all), of the step with this name (NULL:
// all steps), in the arena, by a job_document. NOT_FOUND: there are none. Asks no database.
MUST_CHECK bool job_frames(const json_t *document, const char *step, const char *frames,
                           struct arena *a, struct job_run **runs, size_t *count,
                           struct error *err);
// [{"kind", "text", "step", "word", "a", "b", "c"}]: why it does not run, the first thing first.
json_t *job_why(struct jobs *j, const char *job);
// Job. NOT_FOUND when there is none. `j` may be NULL: then without rate and time left.
MUST_CHECK bool job_get(struct db_tx *tx, struct jobs *j, const char *job, json_t **json,
                        struct error *err);
// What it was submitted with (docs/formats/submission.md), but for "inputs", which may be many.
MUST_CHECK bool job_options(struct db_tx *tx, const char *job, json_t **options, struct error *err);
// [{"number", "name", "tasks", "waiting", "ready", "running", "done", "failed", "cancelled",
// "mean_ms", "chunk"}] of a job.
MUST_CHECK bool job_steps(struct db_tx *tx, struct jobs *j, const char *job, json_t **list,
                          struct error *err);
// [{"first", "last", "state"}], tasks from..to of a step as runs of one state; *next: where to go
// on, -1 when that was all. At most JOBS_TASKS_SHOWN tasks and JOBS_RUNS_SHOWN runs at a time.
#define JOBS_TASKS_SHOWN (1 << 20)
#define JOBS_RUNS_SHOWN 10000
MUST_CHECK bool job_tasks(struct db_tx *tx, const char *job, int64_t step, int64_t from, int64_t to,
                          json_t **runs, int64_t *next, struct error *err);
// Attempt[] of a job, newest first, at most `limit`: {"attempt", "token", "step", "first", "last",
// "worker", "state", "began", "ended", "problem", "progress"}.
MUST_CHECK bool job_attempts(struct db_tx *tx, struct jobs *j, const char *job, int limit,
                             json_t **list, struct error *err);

// {"number", "state", "attempts"} of one task of a step; its newest attempts.
#define JOBS_TRIES_SHOWN 100
MUST_CHECK bool job_task(struct db_tx *tx, struct jobs *j, const char *job, int64_t step,
                         int64_t task, json_t **json, struct error *err);
// Adds "values": {"Frame": 7, ...} of that task's parameters and "outputs": [{"path"}], by a
// job_document. Asks no database.
MUST_CHECK bool job_task_values(const json_t *document, int64_t step, int64_t task, json_t *to,
                                struct error *err);

// [{"name", "span", "count", "frame", "numbers" or "texts"}]: the parameters along a step's tasks:
// task t has value number t / span % count of each; numbers as runs in their order ("1001-1100",
// "5-1:-2"), texts as a list, left out when they are more than JOBS_TEXTS_SHOWN. "frame": of the
// one that tasks are called by. Asks no database.
#define JOBS_TEXTS_SHOWN 10000
MUST_CHECK bool job_axes(const json_t *document, int64_t step, json_t **list, struct error *err);

// ---- What of renders comes into the library

struct gather { // of one output, of the time that its job was done
    const char *id, *job, *project, *by, *title;
    const char *version; // of the sequence; NULL: not yet
    int64_t position;    // of the output in the job's options
    int64_t ended_ms;
    bool current; // the job is done and has not run again since
    bool waits;
};
// Rows for all outputs of a job that is done and that ask for an asset; again changes nothing.
MUST_CHECK bool gather_ask(struct db_tx *tx, const char *job, int64_t now_ms, bool *any,
                           struct error *err);
MUST_CHECK bool gather_next(struct db_tx *tx, struct arena *a, struct gather *g, bool *found,
                            struct error *err);
MUST_CHECK bool gather_get(struct db_tx *tx, const char *id, struct arena *a, struct gather *g,
                           bool *found, struct error *err);
// One that has this version and no delivery yet; one whose delivery is this and has no movie yet.
MUST_CHECK bool gather_of_version(struct db_tx *tx, const char *version, struct arena *a,
                                  struct gather *g, bool *found, struct error *err);
MUST_CHECK bool gather_of_delivery(struct db_tx *tx, const char *delivery, struct arena *a,
                                   struct gather *g, bool *found, struct error *err);
// The asset that this output became when the job was done before; "": none.
MUST_CHECK bool gather_before(struct db_tx *tx, const struct gather *g, bool movie, char asset[27],
                              struct error *err);
// What has become of it; each tells of the job.
MUST_CHECK bool gather_made(struct db_tx *tx, const struct gather *g, const char *asset,
                            const char *version, struct error *err);
MUST_CHECK bool gather_delivers(struct db_tx *tx, const struct gather *g, const char *delivery,
                                struct error *err);
MUST_CHECK bool gather_movie(struct db_tx *tx, const struct gather *g, const char *asset,
                             const char *version, struct error *err);
MUST_CHECK bool gather_stale(struct db_tx *tx, const struct gather *g, struct error *err);
// again_ms (now): it waits on, behind the others; 0: it has failed. The problem is the job's too.
MUST_CHECK bool gather_problem(struct db_tx *tx, const struct gather *g, const struct error *why,
                               int64_t again_ms, struct error *err);
// Adds "assets": [{"name", "state", "asset", "version", "delivery", "movie", "problem"}] when there
// are any: the newest of each output.
MUST_CHECK bool gather_list(struct db_tx *tx, const char *job, json_t *to, struct error *err);

struct job_frame {
    int64_t number;
    const char *path; // in the arena
};
// All files that an output has when its step is done, by number; each once. By a job_document.
// Asks no database.
MUST_CHECK bool job_output_frames(const json_t *document, size_t output, struct arena *a,
                                  struct job_frame **list, size_t *count, struct error *err);

struct job_tile {
    int64_t frame, tile, task;
    const char *path; // in the arena
};
// The tiles of all frames of an output that has some, frame by frame, in the order of their
// numbers. `a` as for job_submission.
MUST_CHECK bool job_output_tiles(const json_t *document, size_t output, struct arena *a,
                                 struct job_tile **list, size_t *count, struct error *err);

// Of a job that runs: an output whose tiles may have become frames since somebody last looked.
struct tiling {
    const char *job; // in the arena
    int64_t position, done;
};
MUST_CHECK bool tiling_next(struct db_tx *tx, struct arena *a, struct tiling *t, bool *found,
                            struct error *err);
// `all`: everything that could be put together then has been.
MUST_CHECK bool tiling_looked(struct db_tx *tx, const struct tiling *t, bool all, int64_t now_ms,
                              struct error *err);
struct tile_frame { // that was put together
    int64_t frame, stamp;
    bool bad; // these tiles make no frame
};
// By number.
MUST_CHECK bool tile_frames(struct db_tx *tx, const char *job, int64_t position, struct arena *a,
                            struct tile_frame **list, size_t *count, struct error *err);
MUST_CHECK bool tile_frame_set(struct db_tx *tx, const char *job, int64_t position,
                               const struct tile_frame *f, struct error *err);
// done[t] is 1 when task t of the step that makes the output is done.
MUST_CHECK bool job_output_done(struct db_tx *tx, const char *job, const json_t *document,
                                size_t output, struct arena *a, uint8_t **done, int64_t *tasks,
                                struct error *err);
// The job goes on, and a person should hear this.
MUST_CHECK bool job_warn(struct db_tx *tx, const char *job, const struct error *why,
                         struct error *err);

// ---- Logs of attempts, in files below a folder. `at`: how much text came before; what was told
// already is left out. A log holds JOBS_LOG_MOST bytes of text at most.
#define JOBS_LOG_MOST (4 << 20)
MUST_CHECK bool job_log_add(const char *folder, int64_t token, int64_t at, text words,
                            struct error *err);
// The text after its first `after` bytes, about 1 MiB at a time; *next: where to go on.
MUST_CHECK bool job_log_read(const char *folder, int64_t token, int64_t after, struct buf *out,
                             int64_t *next, struct error *err);
bool job_log_there(const char *folder, int64_t token);
// Forgets the logs of attempts that jobs_sweep has forgotten.
void job_logs_forget(struct jobs *j, const char *folder);
// ---- Small pictures of what attempts made, beside their logs: at most JOBS_PICTURES_MOST bytes in
// all, those of the newest attempts.
#define JOBS_PICTURE_MOST (256 << 10)
#define JOBS_PICTURES_MOST ((int64_t)2 << 30)
struct job_picture {
    int64_t token, task, output; // from 0
    const void *jpeg;
    size_t size;
};
// Refuses what is no JPEG or too large; a picture that is there already stays.
MUST_CHECK bool job_picture_add(const char *folder, const struct job_picture *p, struct error *err);
// NOT_FOUND: there is none (any more). In the arena.
MUST_CHECK bool job_picture_read(const char *folder, struct arena *a, struct job_picture *p,
                                 struct error *err);
bool job_picture_there(const char *folder, const struct job_picture *p);
// Forgets the oldest until `most_bytes` are left.
void job_pictures_forget(const char *folder, int64_t most_bytes);

// False: that is no attempt of this worker that runs.
bool jobs_holds(struct jobs *j, const char *worker, const char *attempt, int64_t token);
// The same, and of which job.
bool jobs_holds_of(struct jobs *j, const char *worker, const char *attempt, int64_t token,
                   char job[27]);
// Whether it was an attempt of this job that counts, with this task.
MUST_CHECK bool job_has_result(struct db_tx *tx, const char *job, int64_t token, int64_t task,
                               bool *has, struct error *err);
// Whether the attempt was one of this job.
MUST_CHECK bool job_has_attempt(struct db_tx *tx, const char *job, int64_t token, bool *has,
                                struct error *err);

// ---- Files of staged jobs: in the store, by their content. job_make takes the inputs of
// wish->transfer. What an attempt made is among the files when it is in its place: later steps read
// it like any input.

struct job_file {
    const char *path;
    sha256 content;
    int64_t size;
    bool program;
    int64_t task; // that made it
};
// In the order of paths; of an input and an output at one path the output. In `a`.
MUST_CHECK bool job_files(struct db_tx *tx, const char *job, struct arena *a,
                          struct job_file **list, size_t *count, struct error *err);
// Of these, what an attempt may read: inputs, what earlier steps made, and what its own step did
// when frames wait for frames; not the thousands of frames before it.
MUST_CHECK bool job_files_read(struct db_tx *tx, const char *job, int64_t token, struct arena *a,
                               struct job_file **list, size_t *count, struct error *err);
MUST_CHECK bool job_file_has(struct db_tx *tx, const char *job, const sha256 *content,
                             int64_t *size, bool *has, struct error *err);
// Where the store has a chunk among these; `known` false: nowhere.
struct job_chunk {
    bool known;
    sha256 content;
    int64_t number; // in the file of that content
};
MUST_CHECK bool job_chunk_known(struct db_tx *tx, const char *job, const sha256 *hash,
                                struct job_chunk *chunk, struct error *err);
// What an attempt made; it is in the store. Again is fine: *replaced, when what it had made before
// was something else (`before`).
MUST_CHECK bool job_file_made(struct db_tx *tx, const char *job, int64_t token,
                              const struct job_file *made, bool *replaced, sha256 *before,
                              struct error *err);
MUST_CHECK bool job_files_made(struct db_tx *tx, const char *job, int64_t token, struct arena *a,
                               struct job_file **list, size_t *count, struct error *err);
// These of them are in their places: they count, and no others at these paths do.
MUST_CHECK bool job_files_placed(struct db_tx *tx, const char *job, int64_t token,
                                 const char *const *paths, size_t count, struct error *err);
struct job_drop {              // rows that are gone; in the arena
    const char *job, *project; // NULL: there was nothing to drop
    sha256 *contents;          // what they named
    size_t count;
    bool all; // the job has none left; it can not be done again
};
// Removes some rows of one job that nobody needs: all of a job's when it had ended by `before_ms`
// and nothing of it runs or is still to be gathered; before, what attempts that ended by then made
// and no task reads. Call it until there is nothing; the store is for the caller to look after.
MUST_CHECK bool job_files_drop(struct db_tx *tx, int64_t before_ms, int64_t now_ms, struct arena *a,
                               struct job_drop *d, struct error *err);
// Whether there is something: looking may take its time, and holds up nobody who writes.
MUST_CHECK bool job_files_due(struct db_tx *tx, int64_t before_ms, bool *due, struct error *err);
// CONFLICT: they are gone, or going. True of a job that never had any.
MUST_CHECK bool job_files_kept(struct db_tx *tx, const char *job, struct error *err);
// Where output `output` (from 0, of the options) of a frame goes, of one of tiles this tile. NULL:
// the job has no such output.
const char *job_output_path(struct arena *a, const json_t *document, int64_t output, int64_t frame,
                            int64_t tile);

// States of jobs as bits, in this order; those from JOB_DONE on have ended.
enum job_states {
    JOB_WAITING = 1,
    JOB_RUNNING = 2,
    JOB_SUSPENDED = 4,
    JOB_STOPPED = 8,
    JOB_APPROVAL = 16,
    JOB_ACTIVE = 31,
    JOB_DONE = 32,
    JOB_FAILED = 64,
    JOB_CANCELLED = 128,
    JOB_ENDED = 224
};
unsigned job_states_named(text name); // also "active" and "ended"; 0: there are no such
struct job_query {
    const char *const *projects; // those that the caller may view; NULL: all there are
    size_t project_count;
    unsigned states; // 0: any
    // The farm's own order: what goes on by tier, priority and arrival, what has ended the last one
    // first; `states` has only the ones or only the others. Else the newest first.
    bool turn;
    const char *kind;       // "render", "media": all others; NULL: any
    const char *by, *words; // whose; beginnings of words of title, person or id. NULL: any
    // Cursor: what stands behind the job with these keys; NULL: from the first. The keys are
    // {tier, priority, number}, {ended_ms, number}, else {created_ms, id}.
    const char *const *after;
    int limit;
};
#define JOB_KEYS 3
// Job[]; *more when there are more behind, then `keys` are the cursor (in the arena). `total` is
// how many there are without the cursor.
MUST_CHECK bool job_list(struct db_tx *tx, struct jobs *j, const struct job_query *q,
                         struct arena *a, json_t **items, int64_t *total, bool *more,
                         const char *keys[JOB_KEYS], struct error *err);

// ---- How fast bytes go to and from the house, as whoever moves them measures it

struct speed_sample {
    const char *origin; // a worker's id; of a put: the person's, '/' and the machine's name
    const char *person; // who put; "": a worker measured it
    const char *name;   // of that machine; of a worker the ledger knows it
    bool out;           // of the house; else into it
    int64_t bytes, ms;
};
// Into the mean that is kept of each. INPUT when it can not be.
MUST_CHECK bool speed_measured(struct db_tx *tx, const struct speed_sample *sample, int64_t now_ms,
                               struct error *err);
// Speed[], the newest first; of puts those of `person`, NULL: all.
MUST_CHECK bool speed_list(struct db_tx *tx, const char *person, json_t **list, struct error *err);

// A Problem as JSON text of an error, and back; free() it.
char *problem_text(const struct error *err);
