/*
 * What the files of the scheduler share.
 *
 *   undo.c   the batch, and taking it back      farm.c   words, limits, hosts, workers, classes
 *   tasks.c  states of tasks, dependencies      jobs.c   jobs and steps: added, changed, ended
 *   queue.c  shares, and steps in order         pick.c   a worker gets an attempt
 *   ends.c   what becomes of attempts           round.c  what time brings
 *   look.c   looking                            why.c    why a job does not run
 *   money.c  what attempts cost, and budgets
 *
 * Two kinds of state. What the ledger would have written is changed only through `tasks_move`,
 * `ready_put`, `attempt_open`, `attempt_close`, `fails_put`, or after `keep_bytes` of a plain
 * struct `p`, so that undo.c can take it back. All else is derived (lanes, parked workers) and put
 * right by `step_queue` and `worker_look_again`.
 */
#pragma once
#include "sched/sched.h"
#include "sched/set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Room for one more in an array with `count` and `room`.
void *grow(void *at, size_t count, size_t *room, size_t size);
#define GROW(list) ((list).at = grow((list).at, (list).count, &(list).room, sizeof(*(list).at)))
#define LIST(type)                                                                                 \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count, room;                                                                        \
    }
#define ADD(list, ...) (GROW(list), (list).at[(list).count++] = (__VA_ARGS__))

enum {
    MASK_BITS = 1024,
    SPOTS = 16,
    AVOIDS = 8,
    WARM = 8,
    HOLDS = 16,
    DATA_HOSTS = 4,
    DATA_PLACES = 16384
};

// Classes that somebody can serve or needs, by number modulo 1024: a quick no.
struct mask {
    uint64_t w[MASK_BITS / 64];
};

// ---- the farm

struct limit {
    sched_word_id name;
    enum sched_scope scope;
    int64_t total, outside;
    bool yields;
    struct {
        int64_t used, learned, heal_ms; // learned: INT64_MAX none
    } p;
    uint64_t kept; // its p is in the journal of that batch
};

struct class
{ // steps with the same needs share one
    uint64_t hash;
    int refs;
    struct sched_amounts needs;
    LIST(sched_word_id) words; // of all clauses, one after the other
    struct {
        int count;
        bool none;
    } clauses[SCHED_CLAUSES_MOST];
    int clause_count;
    struct sched_need_limit limits[SCHED_NEED_LIMITS_MOST];
    int limit_count;
    int queued;       // steps of it that are in a lane
    size_t active_at; // its place in s->active, while queued > 0
    bool woken;
    int64_t placed_ms; // something of it was placed or it became queued
};

struct bucket { // parked workers of a kind with the same left
    struct sched_amounts left;
    LIST(sched_worker) workers;
};

struct kind { // workers with the same words and amounts
    uint64_t hash;
    struct sched_amounts has;
    LIST(sched_word_id) words; // ascending
    LIST(uint8_t) fits;        // by class: 0 not known, 1 no, 2 yes
    LIST(struct bucket) buckets;
    int workers, up;
};

struct host {
    int up; // workers
    LIST(sched_worker) workers;
    uint64_t warm[WARM]; // newest first
    struct {
        int failures, quarantines;
        int64_t failing[4]; // the jobs of those failures, by seq: handles are used again
        int64_t quarantined_until_ms;
        struct {
            int64_t job;
            int failures;
            int64_t until_ms;
        } avoids[AVOIDS];
        struct {
            sched_word_id limit;
            int32_t count; // attempts
        } holds[HOLDS];
        int running;
    } p;
    uint64_t kept;
};

enum { PLACE_NONE, PLACE_FRESH, PLACE_PARKED };
struct worker {
    bool up;
    sched_host host;
    uint32_t kind;
    int64_t price; // millionths an hour and attempt
    sched_word_id currency;
    enum sched_pause pause;
    int asks, slots; // slots: the most that it ever had and asked for
    uint8_t place;
    uint32_t bucket, bucket_at; // while parked
    uint32_t held_for;          // class + 1: it is emptied for it
    sched_fence attempts;       // head of its list
    struct {
        struct sched_amounts left;
        uint64_t gpus; // free ones, by bit
        int running;
        sched_step last_step;
    } p;
    uint64_t kept;
};

struct attempt {
    sched_fence fence;
    sched_step step;
    sched_worker worker;
    int64_t first, last, began_ms;
    uint64_t gpus;
    double cost; // machines
    struct {
        sched_fence twin, twin_of; // who runs (some of) its tasks too, and whose it does
        int64_t made;              // tasks of it that counted
        int64_t permille_ms;
        int permille;
        bool dropped;
        int64_t promised; // what it is expected to cost, and more when it takes longer
    } p;
    uint64_t kept;
    bool late; // in the list of stragglers
    sched_fence step_prev, step_next, worker_prev, worker_next;
};

// ---- jobs

struct party { // a project, or a user of a project
    sched_word_id project, user;
    struct {
        double held, average;
        int64_t at_ms;
    } p;
    uint64_t kept;
    double key; // how well served it is, at key_ms
};

struct lane { // steps of a user in a tier and class, in order
    uint32_t class;
    LIST(sched_step) steps; // from `head`
    size_t head;
    size_t cursor; // where a walk is
};
struct user_node {
    struct party *party;
    struct project_node *up;
    struct mask mask;
    LIST(struct lane) lanes;
    bool active;
    size_t active_at;
    uint64_t tried;
};
struct project_node {
    struct party *party;
    int tier;
    struct mask mask;
    LIST(struct user_node *) users, active_users;
    bool active;
    size_t active_at;
    uint64_t tried;
};
struct tier {
    struct mask mask;
    LIST(struct project_node *) projects, active_projects;
};

struct spot { // what tasks at a part of the step took
    double mean_ms;
    int32_t count;
};

struct job {
    sched_job id;
    bool unsettled; // in s->unsettled
    struct sched_job_wish wish;
    int64_t seq;
    LIST(sched_step) steps;
    struct party *project, *user;
    struct user_node *node;
    bool outside; // something of it is after another job
    int needed;   // other jobs, and steps of them, that are after it or one of its
    LIST(struct sched_after_job) after;
    LIST(sched_job) before; // jobs that are after this one
    struct {
        int tier, priority;
        bool started, suspended, stopped, approved, cancelled;
        int64_t tasks, running, done, failed, cancelled_tasks, ready, resting, attempts;
        int64_t budget; // < 0: no limit
        sched_word_id currency;
        int64_t spent, promised;
        int row_failures;
        sched_host row_hosts[2];
        enum sched_job_state told;
    } p;
    uint64_t kept;
};

struct need_step {
    sched_step step;
    enum sched_after after;
    int from, to;
};

struct step {
    sched_step id;
    sched_job job;
    int index; // in its job
    int64_t count;
    LIST(struct sched_frames) frames;
    int64_t *frames_before; // of each run
    int tiles, span, chunk;
    int64_t target_ms;
    uint32_t class;
    uint64_t data;
    LIST(struct need_step) after;
    LIST(sched_step) before; // steps that are after this one
    bool waits_frames;       // for frames of another step
    bool waits_itself;
    struct set ready, running, done, failed, cancelled, preview, marked;
    sched_fence attempts; // head of its list
    bool queued;
    int64_t queued_ms; // since it is queued, or was served last
    struct {
        double mean_ms, m2;
        int64_t samples;
        int attempts;
        struct spot spots[SPOTS];
        int64_t resting;
    } p;
    uint64_t kept;
};

struct fails {    // of a task that waits or runs and has failed before
    uint64_t key; // step << 32 | task; 0: no entry
    int tries, losses;
    int64_t rest_until_ms; // 0: it does not rest
    sched_host hosts[2];
    int64_t avoid_until_ms;
};

struct data { // who has it warm
    uint64_t key;
    sched_host hosts[DATA_HOSTS]; // newest first
};

enum when_kind { WHEN_REST, WHEN_QUARANTINE, WHEN_HEAL, WHEN_WAKE };
struct when {
    int64_t at_ms;
    enum when_kind kind;
    uint64_t what; // fails key, host, limit's place, class
};

// ---- undo

enum record_kind { REC_SET, REC_BYTES, REC_OPENED, REC_CLOSED, REC_FAILS, REC_JOB, REC_STEP };
enum which_set { SET_READY, SET_RUNNING, SET_DONE, SET_FAILED, SET_CANCELLED, SET_MARKED };
struct record {
    enum record_kind kind;
    enum which_set which;
    bool in;
    uint32_t step;
    int64_t first, last;
    void *at;
    size_t size, offset;
};

struct sched {
    struct sched_rules rules;
    sched_fence next_fence;
    int64_t seq;
    LIST(char *) words;
    uint32_t *word_table; // open addressing
    size_t word_room;
    LIST(double) weights; // by word

    LIST(struct limit *) limits;
    LIST(uint32_t) limit_of; // by word: place + 1
    LIST(struct class *) classes;
    LIST(uint32_t) active; // classes with queued > 0
    LIST(uint32_t) woken;
    LIST(struct kind *) kinds;
    LIST(uint32_t) by_worth; // kinds, the poorest first
    LIST(struct host *) hosts;
    LIST(struct worker *) workers;
    LIST(sched_worker) fresh; // from fresh_head: workers to be looked at
    size_t fresh_head;
    int hosts_up, quarantined, hungry, parked;
    bool priced;  // some worker costs money
    bool holding; // some worker is held for a class

    LIST(struct party *) parties;
    struct tier tiers[SCHED_TIERS];
    LIST(struct job *) jobs;
    LIST(struct step *) steps;
    LIST(sched_job) free_jobs;
    LIST(sched_step) free_steps;

    struct attempt **attempts; // open addressing by fence
    size_t attempt_count, attempt_room;
    struct fails *fails;
    size_t fails_count, fails_room;
    struct data *data; // DATA_PLACES: a newer key takes the place of an older one
    LIST(sched_fence) late;
    LIST(struct when) when; // heap
    int64_t now_ms;         // of the event that is being heard
    int64_t round_ms;       // the last round

    uint64_t pick;      // stamp of the walk
    LIST(uint64_t) fit; // by class: stamp of the worker that it fits

    uint64_t batch_number;
    LIST(struct record) journal;
    LIST(char) bytes;
    LIST(struct sched_change) changes;
    LIST(struct sched_give) gives;
    LIST(struct sched_drop) drops;
    LIST(struct sched_notice) notices;
    LIST(struct attempt *) closed; // freed when kept
    LIST(sched_job) touched_jobs, unsettled;
    LIST(sched_worker) touched_workers;
    struct sched_batch batch;
};

// undo.c
void keep_bytes(struct sched *s, void *at, size_t size);
// Once a batch: undo goes backwards, so what was first is what stays.
#define KEEP(s, thing)                                                                             \
    do {                                                                                           \
        if ((thing)->kept != (s)->batch_number)                                                    \
            keep_bytes(s, &(thing)->p, sizeof((thing)->p));                                        \
        (thing)->kept = (s)->batch_number;                                                         \
    } while (0)
void keep_fails(struct sched *s, const struct fails *before);
void worker_touch(struct sched *s, sched_worker w);
void job_touch(struct sched *s, struct job *j); // before its p changes
void notice(struct sched *s, struct sched_notice n);

// farm.c
struct limit *limit_of(const struct sched *s, sched_word_id name);
int64_t limit_free(const struct limit *l);
uint32_t class_take(struct sched *s, const struct sched_step_wish *wish);
void class_give_back(struct sched *s, uint32_t c);
bool clause_holds(const struct class *c, int clause, const struct kind *k);
bool kind_fits(struct sched *s, struct kind *k, uint32_t c);
bool amounts_fit(const struct sched_amounts *left, const struct sched_amounts *needs);
bool limits_shut(const struct sched *s, const struct class *c); // to every host
bool limits_fit(const struct sched *s, const struct class *c, const struct host *h);
void resources_take(struct sched *s, struct attempt *a);
void resources_give_back(struct sched *s, struct attempt *a);
bool host_holds(const struct host *h, sched_word_id limit);
bool worker_works(const struct sched *s, const struct worker *w); // up, not paused, host is good
void worker_look_again(struct sched *s, sched_worker w);          // something of it has changed
void worker_unplace(struct sched *s, sched_worker w);
void worker_park(struct sched *s, sched_worker w);
void class_wake(struct sched *s, uint32_t c);
void limit_wake(struct sched *s, sched_word_id limit);
bool host_warm(const struct host *h, uint64_t data);
void host_warms(struct sched *s, sched_host h, sched_step step);
struct data *data_of(struct sched *s, uint64_t key); // NULL: nobody has it
void host_set_quarantine(struct sched *s, sched_host h, int64_t until_ms);

// tasks.c
int64_t waiting_of(const struct step *t);
struct set *set_of(struct step *t, enum which_set which);
void tasks_move(struct sched *s, sched_step step, int64_t first, int64_t last,
                enum sched_state before, enum sched_state after, sched_fence fence);
// Moves those of first..last that are in `before`.
void tasks_move_those(struct sched *s, sched_step step, int64_t first, int64_t last,
                      enum sched_state before, enum sched_state after, sched_fence fence);
void set_change(struct sched *s, sched_step step, enum which_set which, int64_t first, int64_t last,
                bool in);
bool next_run(const struct step *t, enum sched_state state, int64_t from, struct sched_run *run);
// Finds out which waiting tasks of a run may be given out now.
void tasks_release(struct sched *s, sched_step step, int64_t first, int64_t last);
void job_release(struct sched *s, struct job *j);
void job_hold(struct sched *s, struct job *j); // nothing of it may be given out
// True when `task` may follow first..task-1 in one attempt.
bool task_follows(struct sched *s, struct step *t, int64_t first, int64_t task);
bool task_met(const struct sched *s, const struct step *t, int64_t task); // all that it is after
bool previewing(const struct job *j);
bool need_met(const struct sched *s, const struct step *t, const struct need_step *n, int64_t task,
              int64_t chunk_first);
// Calls `each` for the runs of tasks of other steps that are after tasks of first..last.
typedef void each_run(struct sched *s, sched_step step, int64_t first, int64_t last);
void dependants_of(struct sched *s, sched_step step, int64_t first, int64_t last, each_run *each);

bool job_met(const struct sched *s, const struct job *j); // all that the job is after has ended

// money.c
void money_begins(struct sched *s, struct attempt *a);
void money_ends(struct sched *s, struct attempt *a);
void money_round(struct sched *s); // what takes longer than it was expected to
// How many tasks from `first` on the job may pay for on this worker, at most `most`; 0: none.
int64_t money_allows(const struct sched *s, const struct step *t, const struct worker *w,
                     int64_t first, int64_t most);

// queue.c
struct party *party_of(struct sched *s, sched_word_id project, sched_word_id user);
void party_hold(struct sched *s, struct party *p, double by);
double party_key(struct sched *s, struct party *p);
struct user_node *node_of(struct sched *s, int tier, struct party *project, struct party *user);
// In its lane if it has work to give, out of it if not.
void step_queue(struct sched *s, sched_step step);
void step_unqueue(struct sched *s, sched_step step);
void job_queue(struct sched *s, struct job *j);
bool job_before(const struct sched *s, sched_step a, sched_step b);
void queue_close(struct sched *s);

// ends.c
struct attempt *attempt_of(const struct sched *s, sched_fence fence);
struct attempt *attempt_open(struct sched *s, const struct attempt *like);
void attempt_close(struct sched *s, struct attempt *a);
void attempt_link(struct sched *s, struct attempt *a);
void attempt_unlink(struct sched *s, struct attempt *a);
void attempt_table_put(struct sched *s, struct attempt *a);
void attempt_table_drop(struct sched *s, struct attempt *a);
void attempt_drop(struct sched *s, struct attempt *a, enum sched_drop_why why);
void attempts_drop_over(struct sched *s, sched_step step, int64_t first, int64_t last,
                        enum sched_drop_why why);
struct fails *fails_of(const struct sched *s, sched_step step, int64_t task);
void fails_put(struct sched *s, const struct fails *f); // its key is set; tries -1: drop it
void fails_write(struct sched *s, const struct fails *f);
bool fails_avoid(const struct fails *f, sched_host h, int64_t now_ms);
int64_t step_estimate_ms(const struct sched *s, const struct step *t, int64_t task);

// jobs.c
void settle(struct sched *s); // at the end of every event: says what has become of jobs
void step_free(struct sched *s, sched_step step);
void job_free(struct sched *s, sched_job job);

// pick.c
sched_step head_of_line(struct sched *s); // who would be next if all fitted; 0: nobody
int64_t chunk_size(const struct sched *s, const struct step *t);

// round.c
void when_add(struct sched *s, int64_t at_ms, enum when_kind kind, uint64_t what);
