/*
 * sched: who works on what next.
 *
 * The scheduler is a function of (state, event, clock). It has no thread, file, clock, socket or
 * die: every event is a call with the time in it, every decision is a row in the batch that the
 * calls fill. So the server and a simulation with virtual time run the same code (`simulate.h`).
 *
 * It knows small numbers only. Titles, ids, templates, leases, retries of a network line and what
 * is durable belong to the ledger (house/jobs), which feeds it and writes what it decides:
 *
 *     struct sched *s = sched_open(NULL, last_fence_in_the_ledger + 1);
 *
 *     // once, at start: what is durable, as runs of tasks in one state
 *     sched_job job = sched_job_add(s, &(struct sched_job_wish){.project = sched_word(s, "dune"),
 *         .user = sched_word(s, "ann"), .tier = 2, .priority = 50}, now_ms);
 *     sched_step_add(s, job, &(struct sched_step_wish){.count = 100000, .chunk = 10}, &step, err);
 *     sched_step_load(s, step, SCHED_DONE, 0, 41999);      // the rest is waiting
 *     sched_attempt_load(s, fence, step, 42000, 42009, worker, began_ms);
 *     sched_job_start(s, job, now_ms);
 *
 *     // then, for ever: some events, a decision, ONE durable write, and only then the answers
 *     verdict = sched_ended(s, fence, &(struct sched_end){.how = SCHED_WELL}, now_ms);
 *     sched_worker_asks(s, worker, 1, now_ms);
 *     sched_tick(s, now_ms);                               // when sched_next_ms is over
 *     sched_decide(s, 256, now_ms);
 *     const struct sched_batch *b = sched_batch(s);
 *     // b->changes: step, run of tasks, state before and after       -> rows
 *     // b->gives:   attempt (fence), worker, step, run of tasks      -> rows, then to the worker
 *     // b->drops:   attempts that must stop, and why                 -> rows, then to the worker
 *     // b->notices: what a person should hear                        -> events
 *     if (ledger_writes(b))
 *         sched_keep(s);   // the batch is emptied; send the answers
 *     else
 *         sched_undo(s);   // as if nothing of it had happened; tell everybody "say it again later"
 *
 * Why undo, and not "decide, write, apply": the second decision of a batch must see the first, and
 * a group commit holds hundreds. What is taken back is what the ledger would have written: jobs
 * added and changed, attempts begun and ended, states of tasks. What is a fact about the world
 * stays: workers, limits, words, time. (A worker that has gone is gone; its attempts run again
 * after an undo and the ledger ends them once more.)
 *
 * What the ledger keeps of it, to load again: of jobs whether they are suspended, stopped,
 * approved; of steps the runs of tasks in one state (`sched_next_run` gives them, for a snapshot)
 * and the times of `sched_step_look`; of tasks that failed before, tries and losses; of attempts
 * that run, fence, run, worker and when they began. Loading fills a batch like any event: keep it
 * unread. A worker that comes back says which attempts it still has: those it has not are ended as
 * LOST, and it asks for as many as it has slots free.
 *
 * Tasks. A step has tasks 0..count-1 and nothing is kept for one until it is touched: the states
 * are bitmaps whose pages exist only where a page is mixed. What failed has a record.
 *
 * Attempts. An attempt is a run of tasks of one step on one worker, and its fence, a number that
 * only grows and is never used again, is its handle. A commit counts when its fence is known, not
 * dropped, and the task is not done; so the first commit of a task wins and any later one is
 * STALE. A dropped attempt can not commit but keeps its amounts and licences until the worker says
 * that it has stopped (or is gone): limits hold for processes, not for intentions.
 *
 * The order of work:
 *   1. tiers, strictly: a higher one first. (Ingest sits above renders.)
 *   2. projects of the tier by what they hold: (machines held now + their average over the last
 *      hours, half-life `share_half_life_ms`) / weight; the least served first
 *   3. users of the project in the same way
 *   4. priority, then age, then the step's place in its job
 *   a worker stays on the step it has warm when that costs nobody his turn: the same tier,
 *   project and user within `stay_slack` of the least served, and no better priority waiting.
 * A decision looks at the classes of work (steps with the same needs share one), not at the queue:
 * a thousand jobs that wait for one licence are one closed class.
 *
 * Who can. A step's needs are amounts (held while an attempt runs), clauses over words (pools, tags
 * and attributes alike) and limits. A big task that never fits because small ones always fit first
 * gets a host that is emptied for it, when it is the head of the line and has waited.
 *
 * Failures are somebody's: the task's (tries, backoff, another host, alone next time), the host's
 * (in a row and of different jobs, or by its own fault: quarantine; never more than a third of the
 * hosts and never the last one), the scene's (in a row on two hosts: stopped), the licence's (the
 * limit is lowered and rises again slowly), or nobody's.
 *
 * Everything that is true for a while has an end that `sched_next_ms` knows.
 */
#pragma once
#include "base/text.h"

struct sched;

typedef uint32_t sched_word_id; // a word that was told once: project, user, attribute, limit
typedef uint32_t sched_job;     // handles: 0 is none; used again after forget/remove
typedef uint32_t sched_step;
typedef uint32_t sched_host;
typedef uint32_t sched_worker;
typedef uint64_t sched_fence; // of an attempt; grows, never used again

enum {
    SCHED_TIERS = 8,            // 0 lowest .. 7 highest
    SCHED_TASKS_MOST = 1 << 26, // of one step
    SCHED_CLAUSES_MOST = 16,
    SCHED_WORDS_MOST = 64, // of a worker, or of a step's clauses in all
    SCHED_NEED_LIMITS_MOST = 8,
    SCHED_NEEDS_STEPS_MOST = 64, // dependencies of one step
    SCHED_RUNS_MOST = 1024,
};

// ---- Rules: what a house may tune

struct sched_rules {
    int64_t share_half_life_ms; // how long what a project had counts against it; 3600000
    int stay_slack_percent;     // how much better served a project may be and keep its worker; 5
    int tries;                  // of a task that fails by its own fault; 3
    int losses;                 // attempts lost or failed by hosts over one task; 12
    int64_t backoff_first_ms, backoff_most_ms; // doubled each time; 5000, 300000
    int64_t avoid_ms;         // how long a task that failed stays off that host; 120000
    int host_failures;        // in a row, of different jobs or by the host's own fault; 3
    int64_t quarantine_ms;    // doubled each time in a row; 600000
    int scene_failures;       // in a row, on two hosts or more, nothing well between; 5
    int64_t limit_heal_ms;    // a limit that was lowered by denials rises by one after this; 60000
    int tail_samples;         // tasks known before a straggler is called so; 3
    int tail_percent;         // of mean + 2 sigma that an attempt may take; 150
    int64_t tail_least_ms;    // and never before this; 10000
    int64_t preempt_after_ms; // a job that may preempt waits so long first; 5000
    int64_t hold_after_ms;    // a big task waits so long before a host is emptied for it; 120000
};
struct sched_rules sched_rules_usual(void);

// `rules` NULL: the usual ones. `first_fence` > every fence ever given.
struct sched *sched_open(const struct sched_rules *rules, sched_fence first_fence);
void sched_close(struct sched *s);           // NULL is fine
int64_t sched_memory(const struct sched *s); // bytes held, counted

// The same text gives the same number. Words stay for good: use them for names, not for tasks.
sched_word_id sched_word(struct sched *s, const char *text);
const char *sched_word_text(const struct sched *s, sched_word_id word);

// Of a project, or of a user in every project: 1 is usual. A cap is a limit that its steps need.
void sched_weight(struct sched *s, sched_word_id word, double weight);

// ---- The farm

// Amounts of a worker. GPUs are counted and given by index; gpu_memory is that of the smallest one
// and is compared, not used up. `extra` are amounts of the site's own.
struct sched_amounts {
    int64_t milli_cpus, memory_mib, scratch_mib, gpus, gpu_memory_mib, extra[3];
};

enum sched_scope { SCHED_A_TASK, SCHED_A_HOST }; // a host that holds one has it for all its tasks

struct sched_limit_wish {
    sched_word_id name;
    enum sched_scope scope; // fixed by the first call
    int64_t total;          // owned
    int64_t outside;        // held by others, by the licence server's own report
    bool yields; // when outside grows, attempts give way (an artist's check-out frees one)
};
// Makes or changes it. Any report heals what denials had lowered.
void sched_limit_set(struct sched *s, const struct sched_limit_wish *wish, int64_t now_ms);

struct sched_limit_look {
    enum sched_scope scope;
    int64_t total, outside, learned; // learned: the ceiling that denials taught; = total: none
    int64_t used, free;              // used: attempts (or hosts) of ours
};
bool sched_limit_look(const struct sched *s, sched_word_id name, struct sched_limit_look *look);

sched_host sched_host_add(struct sched *s);
struct sched_worker_wish {
    sched_host host;
    struct sched_amounts has;
    const sched_word_id *words; // attributes, pools and tags alike: "os=linux", "pool=lighting"
    int word_count;
    int64_t price; // of one attempt at a time for an hour, in millionths; 0: it costs nothing
    sched_word_id currency;
};
// A worker that the ledger knows; it is away until `sched_worker_up`.
sched_worker sched_worker_add(struct sched *s, const struct sched_worker_wish *wish);
void sched_worker_up(struct sched *s, sched_worker w, int64_t now_ms);
// It will take `count` more attempts (0 takes the asking back).
void sched_worker_asks(struct sched *s, sched_worker w, int count, int64_t now_ms);
// Its attempts are lost: their tasks wait again. It may come up again.
void sched_worker_gone(struct sched *s, sched_worker w, int64_t now_ms);
// Forgets a worker that is away and has no attempts; false otherwise.
bool sched_worker_forget(struct sched *s, sched_worker w);

enum sched_pause {
    SCHED_GOES_ON,
    SCHED_DRAINS, // it goes away, or somebody takes it out of work
    SCHED_DESK    // somebody sits at it
};
// `drop`: its attempts are preempted; otherwise they end in their own time.
void sched_worker_pause(struct sched *s, sched_worker w, enum sched_pause why, bool drop,
                        int64_t now_ms);
// By hand. until_ms 0: it is good again.
void sched_host_quarantine(struct sched *s, sched_host h, int64_t until_ms, int64_t now_ms);
// Loading: a quarantine that we found and that is not over, and the how manieth in a row it is.
void sched_host_load(struct sched *s, sched_host h, int64_t until_ms, int quarantines);
struct sched_host_look {
    int workers, running;
    int failures_in_a_row, quarantines_in_a_row;
    int64_t quarantined_until_ms; // 0: not
};
void sched_host_look(const struct sched *s, sched_host h, struct sched_host_look *look);

// ---- Jobs

enum sched_state { SCHED_WAITING, SCHED_RUNNING, SCHED_DONE, SCHED_FAILED, SCHED_CANCELLED };

enum sched_job_state {
    SCHED_JOB_LOADING, // added, not started
    SCHED_JOB_WAITING, // nothing of it runs; sched_why says why
    SCHED_JOB_RUNNING,
    SCHED_JOB_SUSPENDED, // by a person
    SCHED_JOB_STOPPED,   // by us: the scene fails everywhere; resume goes on
    SCHED_JOB_APPROVAL,  // its preview frames are done and wait for a yes
    SCHED_JOB_DONE,
    SCHED_JOB_FAILED, // nothing runs or can run any more, and something has failed
    SCHED_JOB_CANCELLED
};

struct sched_after_job {
    sched_job job; // added before
    bool anyhow;   // however it ends; else it must end well
};

struct sched_job_wish {
    sched_word_id project, user;
    int tier, priority;  // priority 0..100
    int64_t estimate_ms; // of a task, by the submitter; 0: not known
    int tries, losses;   // 0: as the rules say
    int scene_failures;  // 0: as the rules say; -1: never stopped
    // Preview: of each step that has frames, the first, the middle, the last and every so-manieth
    // task first; `approve`: the others wait for sched_job_approve. 0: none.
    int preview_every;
    bool approve;
    bool preempts;    // attempts of lower tiers that may be preempted make room for it
    bool preemptible; // its attempts may be preempted
    bool once;        // no straggler of it runs twice
    // None of it begins before all of these have ended.
    const struct sched_after_job *after;
    int after_count;
    // Attempts on workers that cost money begin only while what is spent, what is promised to those
    // that run, and what the next one is expected to cost, is no more than this. In millionths.
    int64_t budget;         // < 0: no limit, as when `currency` is 0
    sched_word_id currency; // of the budget; workers that cost another one are not for it
};

struct sched_run { // tasks, both ends included
    int64_t first, last;
};
struct sched_frames { // frames first, first + by, ... count of them; by > 0
    int64_t first, by, count;
};

enum sched_after {
    SCHED_AFTER_ALL,   // all tasks of the other step are done
    SCHED_AFTER_FRAMES // those are that stand for frames [f + from, f + to] of my frame f
};
struct sched_needs_step {
    sched_step step; // added before, of the same job or another; 0 and FRAMES: this very step
    enum sched_after after;
    int from, to; // same frame 0, 0; previous -1, -1; of this very step both < 0
};

struct sched_clause { // the worker has one of these words (with `none`: has none of them)
    const sched_word_id *words;
    int count;
    bool none;
};
struct sched_need_limit {
    sched_word_id limit;
    int64_t amount; // of a limit a host always 1
};

struct sched_step_wish {
    int64_t count; // tasks
    // The frames that tasks stand for: task t is frame number t / tiles of these runs, which
    // ascend. None: frame = t / tiles. A frame that the other step does not have holds nobody up.
    const struct sched_frames *frames;
    int frame_runs;
    int tiles;         // tasks a frame; 0: 1
    int frames_a_task; // a task stands for so many frames in a row (segments); 0: 1
    int chunk;         // tasks an attempt, cut on the grid of this; 0: 1
    int64_t target_ms; // > 0: chunks adapt to run so long; `chunk` is the first guess
    struct sched_amounts needs;
    const struct sched_clause *clauses; // all must hold
    int clause_count;
    const struct sched_need_limit *limits;
    int limit_count;
    const struct sched_needs_step *after; // all must hold
    int after_count;
    uint64_t data; // what it reads, by the ledger's own naming; hosts remember. 0: nothing
};

sched_job sched_job_add(struct sched *s, const struct sched_job_wish *wish, int64_t now_ms);
// INPUT when counts or words are out of bounds, or a dependency can not be (a later step; itself
// without both ends before it).
MUST_CHECK bool sched_step_add(struct sched *s, sched_job job, const struct sched_step_wish *wish,
                               sched_step *step, struct error *err);
// Loading, before start: states that are durable, what is known of tasks that failed, learned
// times, and attempts that may still run at a worker.
void sched_step_load(struct sched *s, sched_step step, enum sched_state state, int64_t first,
                     int64_t last);
void sched_task_load(struct sched *s, sched_step step, int64_t task, int tries, int losses);
void sched_attempt_load(struct sched *s, sched_fence fence, sched_step step, int64_t first,
                        int64_t last, sched_worker w, int64_t began_ms, uint64_t gpus);
void sched_times_load(struct sched *s, sched_step step, double mean_ms, double sigma_ms,
                      int64_t samples);
struct sched_job_past {
    bool suspended, stopped, approved;
    int64_t spent; // millionths
};
void sched_job_load(struct sched *s, sched_job job, const struct sched_job_past *past);
void sched_job_start(struct sched *s, sched_job job, int64_t now_ms);

void sched_job_edit(struct sched *s, sched_job job, int tier, int priority, int64_t now_ms);
// A budget anew; < 0: no limit.
void sched_job_budget(struct sched *s, sched_job job, int64_t budget, sched_word_id currency,
                      int64_t now_ms);
// `drop`: what runs is stopped and waits again; otherwise it ends in its own time.
void sched_job_suspend(struct sched *s, sched_job job, bool drop, int64_t now_ms);
void sched_job_resume(struct sched *s, sched_job job, int64_t now_ms); // also what was stopped
void sched_job_approve(struct sched *s, sched_job job, int64_t now_ms);
void sched_job_cancel(struct sched *s, sched_job job, int64_t now_ms);
void sched_cancel(struct sched *s, sched_step step, int64_t first, int64_t last, int64_t now_ms);
// Failed, cancelled and done tasks wait again, with all their tries. `dependants`: so do those that
// were made from them (what of them runs is dropped).
void sched_requeue(struct sched *s, sched_step step, int64_t first, int64_t last, bool dependants,
                   int64_t now_ms);
// Frees it. False when it is not over, or another job, or a step of one, is after it.
bool sched_job_forget(struct sched *s, sched_job job);

// ---- What becomes of attempts

enum sched_how {
    SCHED_WELL,           // all that is left of the run is made
    SCHED_TASKS_FAULT,    // wrong exit, bad output: counts against the task, and the host
    SCHED_HOSTS_FAULT,    // full disk, missing program: counts against the host
    SCHED_HOPELESS,       // will never do: fails at once
    SCHED_SHARED_FAULT,   // what all need is away (network, storage): waits and tries again
    SCHED_LICENCE_DENIED, // lowers the limit; nobody's fault
    SCHED_STOPPED,        // dropped as we asked, or given back by the worker: nobody's fault
    SCHED_LOST            // nobody knows
};
struct sched_end {
    enum sched_how how;
    int64_t task;        // with a fault: the one at fault; -1: not known
    sched_word_id limit; // with LICENCE_DENIED; 0: all that the step needs
};
enum sched_verdict {
    SCHED_COUNTS, // see the changes
    SCHED_STALE   // another was first, or it was dropped: the result is thrown away
};
// Part of a run is made and committed; the attempt goes on. STALE when none of it counted.
enum sched_verdict sched_made(struct sched *s, sched_fence fence, int64_t first, int64_t last,
                              int64_t now_ms);
enum sched_verdict sched_ended(struct sched *s, sched_fence fence, const struct sched_end *end,
                               int64_t now_ms);
// Thousandths of the whole run.
void sched_progress(struct sched *s, sched_fence fence, int permille, int64_t now_ms);
// By hand: stopped, its tasks wait again, nobody's fault.
void sched_preempt(struct sched *s, sched_fence fence, int64_t now_ms);

// ---- Deciding

// Ends what is over by now: rests, quarantines, lowered limits; finds stragglers and who must give
// way.
void sched_tick(struct sched *s, int64_t now_ms);
// When sched_tick has something to do; INT64_MAX: never.
int64_t sched_next_ms(const struct sched *s);
// Gives work to workers that ask, at most `most` attempts: how many were given.
int sched_decide(struct sched *s, int most, int64_t now_ms);

struct sched_change {
    sched_step step;
    int64_t first, last;
    enum sched_state before, after;
    sched_fence fence; // whose doing; 0: nobody's
};
struct sched_give {
    sched_fence fence;
    sched_worker worker;
    sched_step step;
    int64_t first, last;
    uint64_t gpus;    // by bit
    sched_fence twin; // it runs what this one is late with; 0: none
    bool warm;        // the host has run this step's data before
};
enum sched_drop_why { SCHED_DROP_CANCELLED, SCHED_DROP_PREEMPTED, SCHED_DROP_LATE };
struct sched_drop { // the worker stops it and says so (any end), or is gone
    sched_fence fence;
    sched_worker worker;
    enum sched_drop_why why;
};
enum sched_notice_kind {
    SCHED_JOB_NOW,          // job, state
    SCHED_TASK_FAILED,      // step, task; count: tries
    SCHED_HOST_QUARANTINED, // host; count: failures; until_ms
    SCHED_HOST_GOOD_AGAIN,  // host
    SCHED_SCENE_STOPPED,    // job; count: failures in a row
    SCHED_LIMIT_LOWERED     // word; count: the new ceiling
};
struct sched_notice {
    enum sched_notice_kind kind;
    sched_job job;
    sched_step step;
    sched_host host;
    sched_word_id word;
    enum sched_job_state state;
    int64_t task, count, until_ms;
};
struct sched_batch { // since the last keep or undo; valid until the next call
    const struct sched_change *changes;
    const struct sched_give *gives;
    const struct sched_drop *drops;
    const struct sched_notice *notices;
    size_t change_count, give_count, drop_count, notice_count;
};
const struct sched_batch *sched_batch(struct sched *s);
void sched_keep(struct sched *s);
void sched_undo(struct sched *s);

// ---- Looking

struct sched_job_look {
    enum sched_job_state state;
    int64_t tasks, waiting, ready, running, done, failed, cancelled;
    int64_t attempts_running;
    int64_t left_ms;         // at the pace of now; -1: not known
    int64_t spent, promised; // millionths, on workers that cost money; promised: to what runs
    sched_word_id currency;  // of both; 0: nothing was spent
};
void sched_job_look(const struct sched *s, sched_job job, int64_t now_ms,
                    struct sched_job_look *look);

struct sched_step_look {
    int64_t tasks, waiting, ready, running, done, failed, cancelled;
    double mean_ms, sigma_ms; // of a task
    int64_t samples;
    int next_chunk; // tasks that the next attempt would take, at most
};
void sched_step_look(const struct sched *s, sched_step step, struct sched_step_look *look);
// What a task would take, by its place among those that are known; 0: nothing is known.
int64_t sched_estimate_ms(const struct sched *s, sched_step step, int64_t task);

enum sched_state sched_task_state(const struct sched *s, sched_step step, int64_t task);
// How often a task that waits or runs has failed, or was lost, since it was last asked for: what
// sched_task_load takes.
void sched_task_faults(const struct sched *s, sched_step step, int64_t task, int *tries,
                       int *losses);
// The next run of tasks in one state, at or after `from`; false: none.
bool sched_next_run(const struct sched *s, sched_step step, enum sched_state state, int64_t from,
                    struct sched_run *run);

struct sched_attempt_look {
    sched_step step;
    sched_worker worker;
    int64_t first, last, began_ms;
    int permille;
    bool dropped;
};
bool sched_attempt_look(const struct sched *s, sched_fence fence, struct sched_attempt_look *look);

struct sched_share_look {
    double held;    // machines now
    double average; // over the last hours
    double weight;
};
void sched_share_look(struct sched *s, sched_word_id project, int64_t now_ms,
                      struct sched_share_look *look);

// "Why does this job not run?", the first thing first. `text` is a sentence with the numbers in it.
enum sched_reason_kind {
    SCHED_WHY_OVER,      // done, failed or cancelled
    SCHED_WHY_SUSPENDED, // by a person
    SCHED_WHY_STOPPED,   // a = failures in a row
    SCHED_WHY_APPROVAL,  // a = preview frames done
    SCHED_WHY_AFTER,     // a tasks wait for step `other`, which has b of c done
    SCHED_WHY_RESTS,     // a tasks rest after a failure, the first until b ms
    SCHED_WHY_NO_WORKER, // none of c workers has what it needs (`word`: what fewest have, 0:
                         // amounts)
    SCHED_WHY_ALL_AWAY,  // a of the b that could are away, c paused or in quarantine
    SCHED_WHY_LIMIT,     // `word`: a used by us, b by others, of c
    SCHED_WHY_BUSY,      // a workers could; all are at work
    SCHED_WHY_TURN,      // others go first: a jobs of higher tiers, b machines held by its project
    SCHED_WHY_RUNS,      // a attempts of it run
    SCHED_WHY_AFTER_JOB, // it waits for `job`, whose state is a and has b of c tasks done
    SCHED_WHY_BUDGET,    // a is spent, b promised, of c millionths
    SCHED_WHY_RESTING    // a of the attempts that run rest: somebody sits at their workers
};
struct sched_reason {
    enum sched_reason_kind kind;
    sched_step step, other;
    sched_word_id word;
    sched_job job;
    int64_t a, b, c;
    char text[256];
};
int sched_why(struct sched *s, sched_job job, int64_t now_ms, struct sched_reason *reasons,
              int most);
