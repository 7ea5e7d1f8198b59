/*
 * Rows become what the scheduler knows: at the start all jobs that have not ended, later the new
 * ones, and one that has ended when somebody asks for its tasks again.
 *
 * Several queries walk side by side in the order of jobs' numbers. What they say is copied first
 * and told to the scheduler then, so that nobody waits for a database while he holds `core`.
 *
 * A plan (steps.plan) is JSON: {"chunk": 10, "target_ms": 60000, "needs": {"milli_cpus",
 * "memory_mib", "scratch_mib", "gpus", "gpu_memory_mib", "extra": [a, b, c]}, "words": [{"any":
 * ["os=linux"]},
 * {"none": ["pool=old"]}], "limits": [{"name", "amount"}], "after": [{"step": 1, "job": number},
 * {"step": 2, "from": -1, "to": -1}], "frames": [[first, by, count]], "tiles": 4, "span": 24,
 * "data": "name"}. Steps are numbered from 1; "after" with "from" is by frames; "step" may be the
 * step itself.
 */
#include "house/jobs/inside.h"

#include <stdlib.h>
#include <string.h>

// ---- what the queries said

struct attempt_seen {
    sched_fence fence;
    int64_t step, first, last, began_ms, gpus;
    const char *worker;
    bool places;
};
struct after_seen {
    int64_t number;
    bool anyhow;
};
struct page_seen {
    int64_t step, page, state;
    const uint8_t *states;
};
struct fault_seen {
    int64_t step, task;
    int tries, losses;
};
struct step_seen {
    int64_t tasks;
    json_t *plan;
    int64_t mean_ms, sigma_ms, samples;
};
#define SOME(type)                                                                                 \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count, room;                                                                        \
    }
struct seen {
    char id[27];
    int64_t number;
    const char *project, *user, *kind;
    enum sched_job_state told;
    int tier, priority;
    bool approved, ended;
    json_t *options;
    int64_t done, total, budget, spent;
    const char *currency;
    char unit[16];
    SOME(struct after_seen) after;
    SOME(struct step_seen) steps;
    SOME(struct page_seen) pages;
    SOME(struct fault_seen) faults;
    SOME(struct attempt_seen) attempts;
};
struct worker_seen {
    const char *id, *host;
    json_t *has;
};
struct loading {
    struct arena *a;
    int64_t first, last;
    const char *id; // one job by its id; NULL: by numbers
    bool ended;
    SOME(struct seen) jobs;
    SOME(struct worker_seen) workers;
    int64_t newest;
};
#define MORE(list)                                                                                 \
    ((list).at = grown((list).at, &(list).room, (list).count + 1, sizeof(*(list).at)),             \
     &(list).at[(list).count++])

static void loading_free(struct loading *l)
{
    for (size_t i = 0; i < l->jobs.count; i++) {
        struct seen *s = &l->jobs.at[i];
        for (size_t k = 0; k < s->steps.count; k++)
            json_decref(s->steps.at[k].plan);
        json_decref(s->options);
        free(s->after.at);
        free(s->steps.at);
        free(s->pages.at);
        free(s->faults.at);
        free(s->attempts.at);
    }
    for (size_t i = 0; i < l->workers.count; i++)
        json_decref(l->workers.at[i].has);
    free(l->jobs.at);
    free(l->workers.at);
    arena_close(l->a);
}

static enum sched_job_state state_named(const char *name)
{
    for (enum sched_job_state s = SCHED_JOB_WAITING; s <= SCHED_JOB_CANCELLED; s++)
        if (strcmp(state_name(s), name) == 0)
            return s;
    return SCHED_JOB_WAITING;
}

#define OF_JOBS "j.number between ?1 and ?2 and (j.ended = 0 or j.ended = ?3)"

static struct db_rows *ask(struct db_tx *tx, const struct loading *l, const char *sql)
{
    return db_query(tx, sql, "iii", l->first, l->last, (int64_t)l->ended);
}

static bool read_jobs(struct db_tx *tx, struct loading *l, struct error *err)
{
    struct db_rows *rows =
        ask(tx, l,
            "select j.id, j.number, j.project, j.made_by, j.kind, j.state, j.tier, j.priority, "
            "j.approved, j.ended, j.options, j.done, j.total, j.unit, j.budget, j.currency, "
            "j.spent from jobs j where " OF_JOBS " order by j.number");
    while (db_next(rows)) {
        struct seen *s = MORE(l->jobs);
        text_copy(text_of(db_text(rows, 0)), s->id, sizeof(s->id));
        s->number = db_int(rows, 1);
        s->project = arena_text(l->a, db_text(rows, 2));
        s->user = arena_text(l->a, db_text(rows, 3));
        s->kind = arena_text(l->a, db_text(rows, 4));
        s->told = state_named(db_text(rows, 5));
        s->tier = (int)db_int(rows, 6);
        s->priority = (int)db_int(rows, 7);
        s->approved = db_int(rows, 8) != 0;
        s->ended = db_int(rows, 9) != 0;
        s->options = json_loads(db_text(rows, 10), 0, NULL);
        s->done = db_int(rows, 11);
        s->total = db_int(rows, 12);
        text_copy(text_of(db_text(rows, 13)), s->unit, sizeof(s->unit));
        s->budget = db_int(rows, 14);
        s->currency = arena_text(l->a, db_text(rows, 15));
        s->spent = db_int(rows, 16);
    }
    return db_end(rows, err);
}

// The job of a row, jobs and rows being in the same order.
static struct seen *job_at(struct loading *l, size_t *at, int64_t number)
{
    while (*at < l->jobs.count && l->jobs.at[*at].number < number)
        ++*at;
    return *at < l->jobs.count && l->jobs.at[*at].number == number ? &l->jobs.at[*at] : NULL;
}

// What a job that is done waited for matters no more.
static bool read_after(struct db_tx *tx, struct loading *l, struct error *err)
{
    size_t at = 0;
    struct db_rows *rows =
        ask(tx, l,
            "select a.job, a.after, a.anyhow from job_after a join jobs j on "
            "j.number = a.job where j.state <> 'done' and " OF_JOBS " order by a.job, a.after");
    while (db_next(rows)) {
        struct seen *s = job_at(l, &at, db_int(rows, 0));
        if (s)
            *MORE(s->after) = (struct after_seen){db_int(rows, 1), db_int(rows, 2) != 0};
    }
    return db_end(rows, err);
}

static bool read_steps(struct db_tx *tx, struct loading *l, struct error *err)
{
    size_t at = 0;
    struct db_rows *rows = ask(tx, l,
                               "select s.job, s.tasks, s.plan, s.mean_ms, s.sigma_ms, s.samples "
                               "from steps s join jobs j on "
                               "j.number = s.job where " OF_JOBS " order by s.job, s.number");
    while (db_next(rows)) {
        struct seen *s = job_at(l, &at, db_int(rows, 0));
        if (s)
            *MORE(s->steps) =
                (struct step_seen){db_int(rows, 1), json_loads(db_text(rows, 2), 0, NULL),
                                   db_int(rows, 3), db_int(rows, 4), db_int(rows, 5)};
    }
    return db_end(rows, err);
}

static bool read_pages(struct db_tx *tx, struct loading *l, struct error *err)
{
    size_t at = 0, size;
    struct db_rows *rows =
        ask(tx, l,
            "select p.job, p.step, p.page, p.state, p.states from task_pages p join jobs j on "
            "j.number = p.job where " OF_JOBS " order by p.job");
    while (db_next(rows)) {
        struct seen *s = job_at(l, &at, db_int(rows, 0));
        const uint8_t *states = db_blob(rows, 4, &size);
        if (!s || (db_int(rows, 3) < 0 && size != PAGE / 4))
            continue;
        *MORE(s->pages) = (struct page_seen){
            db_int(rows, 1), db_int(rows, 2), db_int(rows, 3),
            states ? (uint8_t *)arena_copy(l->a, (const char *)states, size) : NULL};
    }
    return db_end(rows, err);
}

static bool read_faults(struct db_tx *tx, struct loading *l, struct error *err)
{
    size_t at = 0;
    struct db_rows *rows =
        ask(tx, l,
            "select f.job, f.step, f.task, f.tries, f.losses from task_faults f join jobs j on "
            "j.number = f.job where " OF_JOBS " order by f.job");
    while (db_next(rows)) {
        struct seen *s = job_at(l, &at, db_int(rows, 0));
        if (s)
            *MORE(s->faults) = (struct fault_seen){db_int(rows, 1), db_int(rows, 2),
                                                   (int)db_int(rows, 3), (int)db_int(rows, 4)};
    }
    return db_end(rows, err);
}

static bool read_attempts(struct db_tx *tx, struct loading *l, struct error *err)
{
    size_t at = 0;
    struct db_rows *rows =
        ask(tx, l,
            "select t.job, t.fence, t.step, t.first, t.last, t.began_ms, t.worker, "
            "t.places, t.gpus from attempts t "
            "join jobs j on j.number = t.job where t.state = 'running' and " OF_JOBS
            " order by t.job, t.fence");
    while (db_next(rows)) {
        struct seen *s = job_at(l, &at, db_int(rows, 0));
        if (s)
            *MORE(s->attempts) = (struct attempt_seen){(sched_fence)db_int(rows, 1),
                                                       db_int(rows, 2),
                                                       db_int(rows, 3),
                                                       db_int(rows, 4),
                                                       db_int(rows, 5),
                                                       db_int(rows, 8),
                                                       arena_text(l->a, db_text(rows, 6)),
                                                       db_int(rows, 7) != 0};
    }
    if (!db_end(rows, err))
        return false;
    rows = db_query(tx,
                    "select id, host, has from workers where id in (select worker from attempts "
                    "where state = 'running')",
                    "");
    while (db_next(rows))
        *MORE(l->workers) = (struct worker_seen){arena_text(l->a, db_text(rows, 0)),
                                                 arena_text(l->a, db_text(rows, 1)),
                                                 json_loads(db_text(rows, 2), 0, NULL)};
    return db_end(rows, err);
}

static bool load_in(struct db_tx *tx, void *context, struct error *err)
{
    struct loading *l = context;
    if (l->id) {
        if (!db_one_int(tx, &l->first, 0, err, "select number from jobs where id = ?1", "s", l->id))
            return false;
        l->last = l->first;
        if (!l->first)
            return error_set(err, ERROR_NOT_FOUND, "there is no such job");
    }
    return db_one_int(tx, &l->newest, 0, err, "select max(number) from jobs", "") &&
           (l->newest < l->first ||
            (read_jobs(tx, l, err) &&
             (!l->jobs.count ||
              (read_after(tx, l, err) && read_steps(tx, l, err) && read_pages(tx, l, err) &&
               read_faults(tx, l, err) && read_attempts(tx, l, err)))));
}

// ---- a plan

static int64_t number_of(const json_t *from, const char *name)
{
    return json_integer_value(json_object_get(from, name));
}

struct planning {
    struct sched_step_wish wish;
    sched_word_id words[SCHED_WORDS_MOST];
    struct sched_clause clauses[SCHED_CLAUSES_MOST];
    struct sched_need_limit limits[SCHED_NEED_LIMITS_MOST];
    struct sched_needs_step after[SCHED_NEEDS_STEPS_MOST];
    struct sched_frames frames[SCHED_RUNS_MOST];
};

static struct sched_amounts amounts_of(const json_t *from)
{
    const json_t *extra = json_object_get(from, "extra");
    struct sched_amounts a = {.milli_cpus = number_of(from, "milli_cpus"),
                              .memory_mib = number_of(from, "memory_mib"),
                              .scratch_mib = number_of(from, "scratch_mib"),
                              .gpus = number_of(from, "gpus"),
                              .gpu_memory_mib = number_of(from, "gpu_memory_mib")};
    for (size_t i = 0; i < 3; i++)
        a.extra[i] = json_integer_value(json_array_get(extra, i));
    return a;
}

static void plan_words(struct jobs *j, const json_t *plan, struct planning *p)
{
    size_t i, k, words = 0;
    const json_t *one, *word;
    json_array_foreach(json_object_get(plan, "words"), i, one)
    {
        bool none = json_object_get(one, "none") != NULL;
        struct sched_clause *c = &p->clauses[p->wish.clause_count];
        if (p->wish.clause_count == SCHED_CLAUSES_MOST)
            break;
        *c = (struct sched_clause){&p->words[words], 0, none};
        json_array_foreach(json_object_get(one, none ? "none" : "any"), k,
                           word) if (words < SCHED_WORDS_MOST && json_is_string(word))
        {
            p->words[words++] = sched_word(j->sched, json_string_value(word));
            c->count++;
        }
        p->wish.clause_count++;
    }
    p->wish.clauses = p->clauses;
}

static void plan_limits(struct jobs *j, const json_t *plan, struct planning *p)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(plan, "limits"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && p->wish.limit_count < SCHED_NEED_LIMITS_MOST)
            p->limits[p->wish.limit_count++] =
                (struct sched_need_limit){sched_word(j->sched, name), number_of(one, "amount")};
    }
    p->wish.limits = p->limits;
}

// Steps of jobs that have ended hold nobody up.
static void plan_after(struct jobs *j, const struct live *l, size_t step, const json_t *plan,
                       struct planning *p)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(plan, "after"), i, one)
    {
        int64_t of = number_of(one, "job"), number = number_of(one, "step");
        const struct live *other = of ? map_get(&j->numbers, (uint64_t)of) : l;
        bool itself = other == l && number == (int64_t)step + 1;
        if (p->wish.after_count == SCHED_NEEDS_STEPS_MOST || !other || number < 1 ||
            (!itself && number > (int64_t)(other == l ? step : other->step_count)))
            continue;
        p->after[p->wish.after_count++] = (struct sched_needs_step){
            .step = itself ? 0 : other->steps[number - 1],
            .after = json_object_get(one, "from") ? SCHED_AFTER_FRAMES : SCHED_AFTER_ALL,
            .from = (int)number_of(one, "from"),
            .to = (int)number_of(one, "to")};
    }
    p->wish.after = p->after;
}

static void plan_frames(const json_t *plan, struct planning *p)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(plan, "frames"), i, one)
    {
        if (p->wish.frame_runs == SCHED_RUNS_MOST)
            break;
        p->frames[p->wish.frame_runs++] = (struct sched_frames){
            json_integer_value(json_array_get(one, 0)), json_integer_value(json_array_get(one, 1)),
            json_integer_value(json_array_get(one, 2))};
    }
    p->wish.frames = p->wish.frame_runs ? p->frames : NULL;
}

static bool add_step(struct jobs *j, struct live *l, size_t step, const struct step_seen *seen,
                     struct error *err)
{
    struct planning *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    const char *data = json_string_value(json_object_get(seen->plan, "data"));
    p->wish = (struct sched_step_wish){.count = seen->tasks,
                                       .tiles = (int)number_of(seen->plan, "tiles"),
                                       .frames_a_task = (int)number_of(seen->plan, "span"),
                                       .chunk = (int)number_of(seen->plan, "chunk"),
                                       .target_ms = number_of(seen->plan, "target_ms"),
                                       .needs = amounts_of(json_object_get(seen->plan, "needs")),
                                       .data = data ? text_key(data) : 0};
    plan_words(j, seen->plan, p);
    plan_limits(j, seen->plan, p);
    plan_after(j, l, step, seen->plan, p);
    plan_frames(seen->plan, p);
    bool ok = sched_step_add(j->sched, l->job, &p->wish, &l->steps[step], err);
    free(p);
    return ok;
}

// ---- a job

// Jobs that it is after and that are known: they were loaded before it.
static sched_job add_job(struct jobs *j, const struct seen *s, int64_t now_ms)
{
    struct sched_after_job after[JOB_AFTER_MOST];
    int after_count = 0;
    for (size_t i = 0; i < s->after.count && after_count < JOB_AFTER_MOST; i++) {
        const struct live *other = map_get(&j->numbers, (uint64_t)s->after.at[i].number);
        if (other)
            after[after_count++] = (struct sched_after_job){other->job, s->after.at[i].anyhow};
    }
    const json_t *o = s->options;
    const json_t *scene = json_object_get(o, "stop_after");
    bool ticket = !json_object_get(o, "render");
    return sched_job_add(
        j->sched,
        &(struct sched_job_wish){
            .project = sched_word(j->sched, s->project),
            .user = sched_word(j->sched, s->user),
            .tier = s->tier,
            .priority = s->priority,
            .estimate_ms = number_of(o, "estimate_ms"),
            .tries = (int)number_of(o, "tries"),
            .scene_failures = !scene                          ? ticket ? -1 : 0
                              : json_integer_value(scene) > 0 ? (int)json_integer_value(scene)
                                                              : -1,
            .preview_every = (int)number_of(o, "preview_every"),
            .approve = json_is_true(json_object_get(o, "approve")),
            .preempts = json_is_true(json_object_get(o, "preempts")),
            .preemptible = !ticket && !json_is_false(json_object_get(o, "preemptible")),
            // What an engine writes is taken into the store once: two at it are of no use.
            .once = ticket || json_is_true(json_object_get(o, "once")),
            .after = after,
            .after_count = after_count,
            .budget = s->budget,
            .currency = s->currency[0] ? sched_word(j->sched, s->currency) : 0},
        now_ms);
}

static const enum sched_state page_states[] = {SCHED_WAITING, SCHED_DONE, SCHED_FAILED,
                                               SCHED_CANCELLED};

static void load_page(struct jobs *j, const struct live *l, const struct page_seen *p)
{
    if (p->step < 1 || p->step > (int64_t)l->step_count || p->state > 3)
        return;
    int64_t from = p->page * PAGE, end = l->tasks[p->step - 1];
    end = end < from + PAGE ? end : from + PAGE;
    for (int64_t t = from; t < end;) {
        int64_t first = t, i = t - from;
        unsigned state = p->state >= 0 ? (unsigned)p->state : p->states[i / 4] >> i % 4 * 2 & 3u;
        do {
            t++;
            i = t - from;
        } while (t < end && (p->state >= 0 || (p->states[i / 4] >> i % 4 * 2 & 3u) == state));
        if (state)
            sched_step_load(j->sched, l->steps[p->step - 1], page_states[state], first, t - 1);
    }
}

static void by_handle(struct jobs *j, struct live *l)
{
    j->by_job = grown(j->by_job, &j->by_job_room, (size_t)l->job + 1, sizeof(*j->by_job));
    j->by_job[l->job] = l;
    for (size_t i = 0; i < l->step_count; i++) {
        sched_step step = l->steps[i];
        j->by_step = grown(j->by_step, &j->by_step_room, (size_t)step + 1, sizeof(*j->by_step));
        j->by_step[step].job = l;
        j->by_step[step].number = (int64_t)i + 1;
    }
}

static void load_attempts(struct jobs *j, struct live *l, const struct seen *s, int64_t now_ms)
{
    for (size_t i = 0; i < s->attempts.count; i++) {
        const struct attempt_seen *t = &s->attempts.at[i];
        if (t->step < 1 || t->step > (int64_t)l->step_count)
            continue;
        struct hand *h = hand_of(j, t->worker);
        h = h ? h : hand_make(j, t->worker, "", NULL);
        if (!h->up) {
            sched_worker_up(j->sched, h->worker, now_ms);
            h->up = true;
        }
        sched_attempt_load(j->sched, t->fence, l->steps[t->step - 1], t->first, t->last, h->worker,
                           t->began_ms, (uint64_t)t->gpus);
        given_places(given_add(j, t->fence, l, t->step, t->first, t->last, h, now_ms), t->places);
    }
}

static void settle_loaded(struct jobs *j, struct live *l, const struct seen *s, int64_t now_ms)
{
    for (size_t i = 0; i < s->pages.count; i++)
        load_page(j, l, &s->pages.at[i]);
    for (size_t i = 0; i < s->faults.count; i++) {
        const struct fault_seen *f = &s->faults.at[i];
        if (f->step >= 1 && f->step <= (int64_t)l->step_count &&
            sched_task_state(j->sched, l->steps[f->step - 1], f->task) == SCHED_WAITING)
            sched_task_load(j->sched, l->steps[f->step - 1], f->task, f->tries, f->losses);
    }
    for (size_t i = 0; i < s->steps.count; i++)
        sched_times_load(j->sched, l->steps[i], (double)s->steps.at[i].mean_ms,
                         (double)s->steps.at[i].sigma_ms, s->steps.at[i].samples);
    load_attempts(j, l, s, now_ms);
    sched_job_load(j->sched, l->job,
                   &(struct sched_job_past){.suspended = s->told == SCHED_JOB_SUSPENDED,
                                            .stopped = s->told == SCHED_JOB_STOPPED,
                                            .approved = s->approved,
                                            .spent = s->spent});
    sched_job_start(j->sched, l->job, now_ms);
}

static bool add(struct jobs *j, const struct seen *s, int64_t now_ms, struct error *err)
{
    if (live_of(j, s->id))
        return true;
    struct live *l = calloc(1, sizeof(*l));
    l->step_count = s->steps.count;
    l->steps = calloc(s->steps.count + 1, sizeof(*l->steps));
    l->tasks = calloc(s->steps.count + 1, sizeof(*l->tasks));
    memcpy(l->id, s->id, sizeof(l->id));
    memcpy(l->unit, s->unit, sizeof(l->unit));
    l->number = s->number;
    l->project = sched_word(j->sched, s->project);
    l->ticket = !json_object_get(s->options, "render");
    l->tier = s->tier;
    l->priority = s->priority;
    l->told = s->told;
    l->told_ms = now_ms - TELL_MS;
    l->done = s->done;
    l->total = s->total;
    l->job = add_job(j, s, now_ms);
    bool ok = true;
    for (size_t i = 0; ok && i < l->step_count; i++) {
        l->tasks[i] = s->steps.at[i].tasks;
        ok = add_step(j, l, i, &s->steps.at[i], err);
    }
    if (!ok) {
        sched_undo(j->sched);
        free(l->steps);
        free(l->tasks);
        free(l);
        return error_while(err, "loading job %s", s->id);
    }
    map_put(&j->jobs, text_key(l->id), l);
    map_put(&j->numbers, (uint64_t)l->number, l);
    by_handle(j, l);
    settle_loaded(j, l, s, now_ms);
    sched_keep(j->sched); // it is durable already
    if (s->ended) {
        l->over = true;
        l->next_over = j->over;
        j->over = l;
    }
    return true;
}

static bool load(struct jobs *j, struct loading *l, int64_t now_ms, struct error *err);

static bool seen_number(const struct loading *l, int64_t number)
{
    size_t low = 0, high = l->jobs.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (l->jobs.at[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->jobs.count && l->jobs.at[low].number == number;
}

// Those that ended before, and whose end somebody of these waits for.
static bool load_after(struct jobs *j, const struct loading *l, int64_t now_ms, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->jobs.count; i++)
        for (size_t k = 0; ok && k < l->jobs.at[i].after.count; k++) {
            int64_t number = l->jobs.at[i].after.at[k].number;
            struct loading one = {.first = number, .last = number, .ended = true};
            if (!seen_number(l, number) && !map_get(&j->numbers, (uint64_t)number))
                ok = load(j, &one, now_ms, err);
        }
    return ok;
}

static bool load(struct jobs *j, struct loading *l, int64_t now_ms, struct error *err)
{
    l->a = arena_open((size_t)4 << 30);
    bool ok = db_read(j->db, load_in, l, err) && load_after(j, l, now_ms, err);
    if (ok) {
        pthread_mutex_lock(&j->core);
        for (size_t i = 0; i < l->workers.count; i++)
            if (!hand_of(j, l->workers.at[i].id))
                hand_make(j, l->workers.at[i].id, l->workers.at[i].host, l->workers.at[i].has);
        // A job that can not be loaded holds up nobody else.
        struct error one;
        for (size_t i = 0; i < l->jobs.count; i++)
            if (!add(j, &l->jobs.at[i], now_ms, &one)) {
                *err = one;
                ok = false;
            }
        pthread_mutex_unlock(&j->core);
    }
    loading_free(l);
    return ok;
}

bool load_new(struct jobs *j, int64_t now_ms, struct error *err)
{
    struct loading l = {.first = j->seen + 1, .last = INT64_MAX};
    bool ok = load(j, &l, now_ms, err);
    if (l.newest > j->seen)
        j->seen = l.newest;
    return ok;
}

bool load_order(struct jobs *j, const char *job, int64_t now_ms, struct error *err)
{
    struct loading l = {.id = job, .ended = true};
    return load(j, &l, now_ms, err);
}

// ---- limits

struct limits_seen {
    struct arena *a;
    SOME(struct jobs_limit) all;
};

static bool limits_in(struct db_tx *tx, void *context, struct error *err)
{
    struct limits_seen *l = context;
    struct db_rows *rows =
        db_query(tx, "select name, scope, total, outside, yields from limits", "");
    l->all.count = 0;
    while (db_next(rows))
        *MORE(l->all) = (struct jobs_limit){arena_text(l->a, db_text(rows, 0)),
                                            strcmp(db_text(rows, 1), "host") == 0, db_int(rows, 2),
                                            db_int(rows, 3), db_int(rows, 4) != 0};
    return db_end(rows, err);
}

void limit_hear(struct jobs *j, const struct jobs_limit *l, int64_t now_ms)
{
    sched_limit_set(j->sched,
                    &(struct sched_limit_wish){.name = sched_word(j->sched, l->name),
                                               .scope = l->host ? SCHED_A_HOST : SCHED_A_TASK,
                                               .total = l->total,
                                               .outside = l->outside,
                                               .yields = l->yields},
                    now_ms);
}

bool load_limits(struct jobs *j, int64_t now_ms, struct error *err)
{
    struct limits_seen l = {.a = arena_open(16 << 20)};
    bool ok = db_read(j->db, limits_in, &l, err);
    for (size_t i = 0; ok && i < l.all.count; i++)
        limit_hear(j, &l.all.at[i], now_ms);
    free(l.all.at);
    arena_close(l.a);
    return ok;
}

// ---- finding

struct live *live_of(const struct jobs *j, const char *id)
{
    struct live *l = map_get(&j->jobs, text_key(id));
    return l && strcmp(l->id, id) == 0 ? l : NULL;
}

void live_free(struct jobs *j, struct live *l)
{
    map_drop(&j->jobs, text_key(l->id));
    map_drop(&j->numbers, (uint64_t)l->number);
    j->by_job[l->job] = NULL;
    for (size_t i = 0; i < l->step_count; i++)
        j->by_step[l->steps[i]].job = NULL;
    free(l->steps);
    free(l->tasks);
    free(l);
}

struct hand *hand_of(const struct jobs *j, const char *id)
{
    struct hand *h = map_get(&j->hands, text_key(id));
    return h && strcmp(h->id, id) == 0 ? h : NULL;
}

int64_t worker_price(const json_t *has, const char **currency)
{
    double price = json_number_value(json_object_get(has, "price"));
    double slots = (double)number_of(has, "milli_cpus") / 1000;
    *currency = json_string_value(json_object_get(has, "currency"));
    if (!(price > 0) || price > 1e6 || !*currency || strlen(*currency) > MONEY_MOST)
        return 0;
    return (int64_t)(price / (slots > 1 ? slots : 1) * JOBS_MONEY + 0.5);
}

struct hand *hand_make(struct jobs *j, const char *id, const char *host, const json_t *has)
{
    sched_word_id words[SCHED_WORDS_MOST];
    size_t i, count = 0;
    const json_t *word;
    uintptr_t on = (uintptr_t)map_get(&j->hosts, text_key(host));
    if (!on) {
        on = sched_host_add(j->sched);
        map_put(&j->hosts, text_key(host), (void *)on);
    }
    json_array_foreach(json_object_get(has, "words"), i,
                       word) if (json_is_string(word) && count < SCHED_WORDS_MOST) words[count++] =
        sched_word(j->sched, json_string_value(word));
    count = travel_words(j, has, words, count, SCHED_WORDS_MOST);
    const char *currency;
    int64_t price = worker_price(has, &currency);
    struct hand *h = hand_of(j, id);
    if (!h) {
        h = calloc(1, sizeof(*h));
        if (!h)
            abort();
        text_copy(text_of(id), h->id, sizeof(h->id));
        map_put(&j->hands, text_key(h->id), h);
    }
    h->worker = sched_worker_add(
        j->sched,
        &(struct sched_worker_wish){.host = (sched_host)on,
                                    .has = amounts_of(has),
                                    .words = words,
                                    .word_count = (int)count,
                                    .price = price,
                                    .currency = price ? sched_word(j->sched, currency) : 0});
    h->host = (sched_host)on;
    h->up = false;
    j->by_worker =
        grown(j->by_worker, &j->by_worker_room, (size_t)h->worker + 1, sizeof(*j->by_worker));
    j->by_worker[h->worker] = h;
    return h;
}

struct given *given_add(struct jobs *j, sched_fence fence, struct live *job, int64_t step,
                        int64_t first, int64_t last, struct hand *hand, int64_t now_ms)
{
    struct given *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    *g = (struct given){.fence = fence,
                        .job = job,
                        .step = step,
                        .first = first,
                        .last = last,
                        .hand = hand,
                        .began_ms = now_ms,
                        .lease_ms = now_ms + JOBS_LEASE_MS};
    g->next = hand->attempts;
    g->before = &hand->attempts;
    if (g->next)
        g->next->before = &g->next;
    hand->attempts = g;
    g->next_of_job = job->attempts;
    g->before_of_job = &job->attempts;
    if (g->next_of_job)
        g->next_of_job->before_of_job = &g->next_of_job;
    job->attempts = g;
    map_put(&j->attempts, fence, g);
    return g;
}

void given_places(struct given *g, bool places)
{
    if (places == g->places)
        return;
    g->places = places;
    if (places) {
        g->next_placing = g->job->placing;
        g->before_placing = &g->job->placing;
        g->job->placing = g;
    } else {
        *g->before_placing = g->next_placing;
    }
    if (g->next_placing)
        g->next_placing->before_placing = places ? &g->next_placing : g->before_placing;
}

void given_drop(struct jobs *j, struct given *g)
{
    given_places(g, false);
    *g->before = g->next;
    if (g->next)
        g->next->before = g->before;
    *g->before_of_job = g->next_of_job;
    if (g->next_of_job)
        g->next_of_job->before_of_job = g->before_of_job;
    map_drop(&j->attempts, g->fence);
    free(g);
}
