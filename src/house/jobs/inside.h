/*
 * What the files of this room share.
 *
 *   jobs.c   asking for work; opening and closing    submission.c  a template becomes a wish
 *   turn.c   the dispatcher: hear, decide, answer    says.c        what workers and people say
 *   write.c  a decision becomes rows                 load.c        rows become the scheduler's
 *   look.c   what others are shown                   tasks.c       steps and tasks, for others
 *   nodes.c  machines, and what is wanted of them    sums.c        the farm in numbers
 *   log.c    what attempts print                     pictures.c    what attempts made, small
 *   map.c    numbers to things                       files.c       what staged jobs read and make
 *   outputs.c  files of a step                       gathers.c     what comes into the library
 *   travel.c   who may do what without our disks     speeds.c      how fast lines are
 *   tilings.c  tiles that become frames
 *
 * Locks. `turn` is held for a whole turn. `lock` guards the queue of posts. `core` guards the
 * scheduler and all that is known of jobs, workers and attempts; whoever holds it asks no database.
 * `lines` guards the lines of workers, so that a line is not called once it is away. Order: turn,
 * core, lock; turn, core, lines.
 */
#pragma once
#include "house/jobs/jobs.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PAGE = 4096, TELL_MS = 250, TELL_NODES_MS = 1000, JOB_AFTER_MOST = 64, MONEY_MOST = 7 };

// ---- numbers to things

struct map {
    uint64_t *keys;
    void **values; // NULL: free
    size_t count, room;
};
void *map_get(const struct map *m, uint64_t key);
void map_put(struct map *m, uint64_t key, void *value); // replaces
void map_drop(struct map *m, uint64_t key);
void map_close(struct map *m);
uint64_t text_key(const char *text); // a hash; the text of what was found is compared

// ---- what the dispatcher knows; guarded by `core`

struct live { // a job that the scheduler knows
    char id[27];
    int64_t number;
    bool ticket;
    int tier, priority;
    sched_word_id project;
    sched_job job;
    size_t step_count;
    sched_step *steps;
    int64_t *tasks;
    enum sched_job_state told; // in its row
    int64_t told_ms;           // last event
    bool untold;               // something happened after it
    int64_t done, total;       // of its one task, by beats
    char unit[16];
    struct given *attempts, *placing;
    bool over;
    struct live *next_over, *next_untold;
    // of the batch that is being made
    uint64_t batch;
    size_t touched_at;
};

struct given { // an attempt that may still run at its worker
    sched_fence fence;
    struct live *job;
    int64_t step; // from 1
    int64_t first, last, began_ms, lease_ms;
    struct hand *hand;
    struct given *next, **before; // of its hand
    struct given *next_of_job, **before_of_job;
    int64_t done, total, first_done, first_ms, heard_ms; // progress; the rate is counted from first
    uint64_t ended_batch;                                // ended in that batch
    bool committed;                                      // there, and it counted
    bool places;                                         // it may bring what it made into its place
    struct given *next_placing, **before_placing;        // of its job, those that may
};

struct hand { // a worker
    char id[27];
    sched_worker worker;
    uint64_t has; // key of what it has
    sched_host host;
    bool up;
    bool drained; // a person wants it to take nothing more
    bool leaves;  // it said so itself
    enum jobs_desk desk;
    struct given *attempts;
    int64_t seen_ms;
    bool boxed; // it has no line but asks with jobs_claim: what it is given waits in the box
    struct give *box;
    size_t box_count;
    atomic_bool lined;
    struct jobs_line line; // guarded by `lines`
};

// ---- posts

enum post_kind {
    POST_HELLO,
    POST_AWAY,
    POST_ASKS,
    POST_DRAIN,
    POST_DESK,
    POST_BEAT,
    POST_DONE,
    POST_FAILED,
    POST_STOPPED,
    POST_PLACE,
    POST_ORDER,
    POST_LIMIT,
    POST_NODE,
    POST_SWEEP
};

struct post {
    struct post *next;
    enum post_kind kind;
    const char *worker;
    int64_t count, task;
    const struct worker_hello *hello;
    struct beat *beats;
    size_t beat_count;
    sched_fence fence; // 0: no attempt of ours
    char attempt[27];
    jobs_apply *apply;
    jobs_also *also;
    void *context;
    const struct error *why;
    const struct job_order *order;
    const struct jobs_limit *limit;
    enum node_order node; // of `worker`
    struct jobs_placing placing;
    bool places; // it was not told so before
    // the answer
    bool ok, done;
    struct error *err;
    enum outcome outcome;
    bool later; // nobody waits for it: it is freed after what follows was called
    jobs_heard *heard;
    jobs_heard_beats *heard_beats;
    jobs_placed *placed;
    void (*gone)(void *context);
    struct jobs_line line; // of a hello
    char own_worker[27];
    struct arena *own; // what it points to; NULL: nothing
};

// ---- a batch, as it will be written

struct end_row {
    sched_fence fence;
    const char *state;
    char *error; // JSON or NULL
};
struct page_row {
    int64_t job, step, page, state;
    uint8_t *states;
};
struct fault_row {
    int64_t job, step, task, last; // last: when there are none
    int tries, losses;             // both 0: none
};
struct bad_row { // of all workers of a host
    sched_host host;
    int64_t until_ms; // 0: good again
    int times;
};
struct touched {
    struct live *job;
    struct sched_job_look look;
    const char *currency; // of look.spent
    const char *problem;  // set when there is a new one
    bool problem_away, say, progress;
    int64_t gives;
};
struct batch {
    uint64_t number;
    int64_t now_ms;
    struct arena *a;
    struct post **posts;
    size_t post_count;
    struct sched_give *gives;
    size_t give_count;
    struct sched_drop *drops;
    size_t drop_count;
    struct end_row *ends;
    size_t end_count, end_room;
    struct page_row *pages;
    size_t page_count, page_room;
    struct fault_row *faults;
    size_t fault_count, fault_room;
    struct bad_row *bad;
    size_t bad_count, bad_room;
    struct touched *touched;
    size_t touched_count, touched_room;
    sched_step *steps; // whose counts have changed
    size_t step_count, step_room;
    bool write; // there is something to write
    bool say_nodes;
    int64_t lost; // leases that were over
};

struct jobs {
    struct db *db;
    char mark[14]; // with which the ids of our attempts begin
    pthread_mutex_t turn, lock, core, lines;
    pthread_cond_t posted, answered;
    struct post *first, **last; // guarded by lock
    bool poked;                 // there may be new jobs; guarded by lock
    bool working;               // the dispatcher has started; guarded by lock
    pthread_t dispatcher, poker;
    atomic_bool stop, hold;
    int64_t clock_ms, clock_tick_us; // wall and machine, at jobs_start

    // of the turn
    int64_t seen; // number of the newest job that is known
    int64_t rest_until_ms, lease_look_ms;
    int64_t place_after_ms;       // nobody places before: one that was dropped may still do so
    int64_t forget_ms, forgotten; // of who sweeps: when next; attempts before this fence
    struct error unheard;         // of posts that nobody waits for

    // guarded by core
    struct sched *sched;
    uint64_t batch_number;
    int64_t looked_ms;        // of the last turn
    struct map jobs, numbers; // by text_key of the id, by number
    struct live **by_job;     // by sched_job
    size_t by_job_room;
    struct {
        struct live *job;
        int64_t number;
        uint64_t batch;
    } * by_step; // by sched_step
    size_t by_step_room;
    struct map attempts; // by fence
    struct map hands;    // by text_key of the id
    struct hand **by_worker;
    size_t by_worker_room;
    struct map hosts; // by text_key of the name: sched_host
    struct live *over, *untold;
    bool nodes_untold;     // workers have changed since nodes.changed was written
    int64_t nodes_told_ms; // when that was
};

// ---- map.c, jobs.c
void *grown(void *at, size_t *room, size_t need, size_t size); // zeroed where it is new
void attempt_text(const struct jobs *j, sched_fence fence, char to[27]);
sched_fence attempt_fence(const struct jobs *j, const char *attempt, int64_t token); // 0: not ours
bool job_words(struct db_tx *tx, const char *job, struct error *err); // it is found by what it says

// ---- load.c
// Of one attempt at a time for an hour: a machine that does several at once costs each its part.
int64_t worker_price(const json_t *has, const char **currency);
bool load_limits(struct jobs *j, int64_t now_ms, struct error *err);
void limit_hear(struct jobs *j, const struct jobs_limit *limit, int64_t now_ms);
bool load_new(struct jobs *j, int64_t now_ms, struct error *err);
bool load_order(struct jobs *j, const char *job, int64_t now_ms, struct error *err); // NOT_FOUND
void live_free(struct jobs *j, struct live *l);
struct live *live_of(const struct jobs *j, const char *id);
struct hand *hand_of(const struct jobs *j, const char *id);
struct hand *hand_make(struct jobs *j, const char *id, const char *host, const json_t *has);
struct given *given_add(struct jobs *j, sched_fence fence, struct live *job, int64_t step,
                        int64_t first, int64_t last, struct hand *hand, int64_t now_ms);
void given_drop(struct jobs *j, struct given *g);
void given_places(struct given *g, bool places);

// ---- turn.c
// Hears what waits, decides, writes, answers; until nothing waits.
void turn(struct jobs *j, int64_t now_ms);
void post_and_wait(struct jobs *j, struct post *p, int64_t now_ms);
void post_later(struct jobs *j, struct post *p, int64_t now_ms);             // malloc'd; taken over
void line_set(struct jobs *j, struct hand *h, const struct jobs_line *line); // NULL: none
int64_t jobs_now_ms(const struct jobs *j);

// ---- write.c
struct touched *touch(struct batch *b, struct live *l);
void batch_end(struct batch *b, sched_fence fence, const char *state, const char *error);
void batch_no_faults(struct batch *b, int64_t job, int64_t step, int64_t first, int64_t last);
// What the scheduler's batch changes, as rows. With core.
void batch_make(struct jobs *j, struct batch *b);
bool batch_write(struct jobs *j, struct batch *b, struct error *err); // without core
const char *state_name(enum sched_job_state state);

// ---- outputs.c
// The outputs of a submission's options are of their form. INPUT says which field is not.
bool outputs_check(const json_t *options, struct error *err);
// Its tiles, {"parameter", "columns", "rows", "crop", "into"}; NULL: none.
const json_t *output_tiles(const json_t *output);
struct openjd_job;
// The tiles of its outputs are those of the template.
bool outputs_fit(struct arena *a, const struct openjd_job *job, const json_t *options,
                 struct error *err);
bool outputs_tiles(struct arena *a, const struct openjd_job *job, const json_t *output,
                   struct job_tile **list, size_t *count, struct error *err);
// ---- submission.c
// The job of a job_document; `a` as for job_submission.
bool document_job(struct arena *a, const json_t *document, struct openjd_job **job,
                  struct error *err);
// ---- tasks.c
json_t *attempt_progress(struct jobs *j, sched_fence fence); // of 1; null: it does not run
// ---- nodes.c
bool load_nodes(struct jobs *j, const char *worker, int64_t now_ms, struct error *err); // NULL: all
void node_pause(struct jobs *j, struct hand *h, int64_t now_ms); // as it is wanted
void hear_node(struct jobs *j, struct batch *b, struct post *p);
bool node_write(struct db_tx *tx, const struct post *p, struct error *err);
void node_kept(struct jobs *j, const struct post *p);
void node_undone(struct jobs *j, const struct post *p, int64_t now_ms);
// ---- look.c
// The event job.changed of a job as it is now in the transaction. `look` as the scheduler has it,
// NULL: by its rows.
bool job_say(struct db_tx *tx, const char *job, const struct sched_job_look *look,
             struct error *err);

// ---- tilings.c
bool tilings_ask(struct db_tx *tx, const struct job_wish *w, const char *job, struct error *err);
// ---- travel.c
// What a step's worker must not say of itself (steps.plan: "words").
json_t *travel_clause(const struct job_wish *w, const struct job_step *step);
// The names of what its cache is too small for are added to those of a worker without our disks.
size_t travel_words(struct jobs *j, const json_t *has, sched_word_id *words, size_t count,
                    size_t room);

// ---- files.c
bool path_below(text path, text folder); // or the folder itself
bool job_files_take(struct db_tx *tx, const struct job_wish *w, const char *job, int64_t now_ms,
                    struct error *err);
