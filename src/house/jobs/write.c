/*
 * A decision becomes rows. First what the scheduler's batch changes is worked out (with `core`):
 * pages of states as they are after it, ends of attempts, counts; then all of it is one
 * transaction. A page is written whole: that is 1 KiB for up to 4096 tasks that changed at once.
 */
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

static const char *const states[] = {
    [SCHED_JOB_LOADING] = "waiting",     [SCHED_JOB_WAITING] = "waiting",
    [SCHED_JOB_RUNNING] = "running",     [SCHED_JOB_SUSPENDED] = "suspended",
    [SCHED_JOB_STOPPED] = "stopped",     [SCHED_JOB_APPROVAL] = "approval",
    [SCHED_JOB_DONE] = "done",           [SCHED_JOB_FAILED] = "failed",
    [SCHED_JOB_CANCELLED] = "cancelled",
};

const char *state_name(enum sched_job_state state)
{
    return states[state];
}

// ---- working it out

struct touched *touch(struct batch *b, struct live *l)
{
    if (l->batch != b->number) {
        b->touched = grown(b->touched, &b->touched_room, b->touched_count + 1, sizeof(*b->touched));
        l->batch = b->number;
        l->touched_at = b->touched_count++;
        b->touched[l->touched_at] = (struct touched){.job = l};
    }
    return &b->touched[l->touched_at];
}

void batch_end(struct batch *b, sched_fence fence, const char *state, const char *error)
{
    b->ends = grown(b->ends, &b->end_room, b->end_count + 1, sizeof(*b->ends));
    b->ends[b->end_count++] =
        (struct end_row){fence, state, error ? (char *)arena_text(b->a, error) : NULL};
}

static void set_states(struct jobs *j, struct page_row *p, sched_step step, int64_t end)
{
    static const enum sched_state kept[] = {SCHED_DONE, SCHED_FAILED, SCHED_CANCELLED};
    int64_t from = p->page * PAGE, count = 0;
    unsigned whole = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct sched_run run = {from - 1, from - 1};
        while (run.last + 1 < end && sched_next_run(j->sched, step, kept[i], run.last + 1, &run) &&
               run.first < end) {
            run.last = run.last < end ? run.last : end - 1;
            count += run.last - run.first + 1;
            whole = run.first == from && run.last == end - 1 ? i + 1 : whole;
            for (int64_t t = run.first - from; t <= run.last - from; t++)
                p->states[t / 4] |= (uint8_t)((i + 1) << t % 4 * 2);
        }
    }
    p->state = whole || !count ? (int64_t)whole : -1;
}

static void add_page(struct jobs *j, struct batch *b, sched_step step, int64_t page)
{
    struct live *l = j->by_step[step].job;
    int64_t number = j->by_step[step].number;
    for (size_t i = b->page_count; i-- > 0 && i + 64 > b->page_count;) // mostly the newest ones
        if (b->pages[i].job == l->number && b->pages[i].step == number && b->pages[i].page == page)
            return;
    b->pages = grown(b->pages, &b->page_room, b->page_count + 1, sizeof(*b->pages));
    struct page_row *p = &b->pages[b->page_count++];
    *p = (struct page_row){l->number, number, page, 0,
                           (uint8_t *)ARENA_ARRAY(b->a, uint8_t, PAGE / 4)};
    int64_t end = l->tasks[number - 1];
    set_states(j, p, step, end < (page + 1) * PAGE ? end : (page + 1) * PAGE);
}

static bool passing(enum sched_state state)
{
    return state == SCHED_WAITING || state == SCHED_RUNNING;
}

static struct fault_row *new_fault(struct batch *b)
{
    b->faults = grown(b->faults, &b->fault_room, b->fault_count + 1, sizeof(*b->faults));
    return &b->faults[b->fault_count++];
}

void batch_no_faults(struct batch *b, int64_t job, int64_t step, int64_t first, int64_t last)
{
    *new_fault(b) = (struct fault_row){job, step, first, last, 0, 0};
}

// What failed once is remembered while it waits again.
static void add_faults(struct jobs *j, struct batch *b, const struct sched_change *c)
{
    int64_t job = j->by_step[c->step].job->number, step = j->by_step[c->step].number;
    if (c->after != SCHED_WAITING)
        return;
    if (!passing(c->before)) {
        batch_no_faults(b, job, step, c->first, c->last);
        return;
    }
    for (int64_t t = c->first; t <= c->last; t++) {
        int tries, losses;
        sched_task_faults(j->sched, c->step, t, &tries, &losses);
        if (tries || losses)
            *new_fault(b) = (struct fault_row){job, step, t, t, tries, losses};
    }
}

static void hear_changes(struct jobs *j, struct batch *b, const struct sched_batch *s)
{
    for (size_t i = 0; i < s->change_count; i++) {
        const struct sched_change *c = &s->changes[i];
        if (!j->by_step[c->step].job)
            continue;
        struct touched *t = touch(b, j->by_step[c->step].job);
        add_faults(j, b, c);
        if (passing(c->before) && passing(c->after))
            continue;
        t->progress = true;
        if (j->by_step[c->step].batch != b->number) {
            j->by_step[c->step].batch = b->number;
            b->steps = grown(b->steps, &b->step_room, b->step_count + 1, sizeof(*b->steps));
            b->steps[b->step_count++] = c->step;
        }
        for (int64_t page = c->first / PAGE; page <= c->last / PAGE; page++)
            add_page(j, b, c->step, page);
    }
}

static void given_up(struct touched *t, struct batch *b)
{
    struct error why;
    error_set(&why, ERROR_CHILD, "the work was given up");
    error_why(&why, "%d workers in turn were lost while they did it", JOBS_LOSSES);
    error_fix(&why, "look at the workers' logs, then try the job again");
    char *problem = problem_text(&why);
    t->problem = arena_text(b->a, problem);
    free(problem);
}

static void hear_host(struct jobs *j, struct batch *b, const struct sched_notice *n)
{
    struct sched_host_look look;
    sched_host_look(j->sched, n->host, &look);
    b->bad = grown(b->bad, &b->bad_room, b->bad_count + 1, sizeof(*b->bad));
    b->bad[b->bad_count++] = (struct bad_row){
        n->host, n->kind == SCHED_HOST_QUARANTINED ? n->until_ms : 0, look.quarantines_in_a_row};
    b->write = true;
}

static void hear_notices(struct jobs *j, struct batch *b, const struct sched_batch *s)
{
    for (size_t i = 0; i < s->notice_count; i++) {
        const struct sched_notice *n = &s->notices[i];
        if (n->kind == SCHED_HOST_QUARANTINED || n->kind == SCHED_HOST_GOOD_AGAIN)
            hear_host(j, b, n);
        struct live *l = n->kind == SCHED_JOB_NOW || n->kind == SCHED_SCENE_STOPPED
                             ? j->by_job[n->job]
                         : n->kind == SCHED_TASK_FAILED ? j->by_step[n->step].job
                                                        : NULL;
        if (!l)
            continue;
        struct touched *t = touch(b, l);
        if (n->kind == SCHED_TASK_FAILED && !t->problem)
            given_up(t, b);
    }
}

static void look_at(struct jobs *j, struct batch *b, struct touched *t)
{
    struct live *l = t->job;
    sched_job_look(j->sched, l->job, b->now_ms, &t->look);
    t->currency = arena_text(b->a, sched_word_text(j->sched, t->look.currency));
    bool news = t->look.state != l->told || t->problem || t->problem_away;
    t->say |= news || ((t->progress || t->gives) && b->now_ms - l->told_ms >= TELL_MS);
}

// Workers change with each task that they are given: that is told once a second at most.
static void look_at_nodes(struct jobs *j, struct batch *b)
{
    bool changed = b->give_count || b->end_count || b->drop_count;
    for (size_t i = 0; i < b->post_count && !changed; i++) {
        const struct post *p = b->posts[i];
        changed = p->ok && (p->kind == POST_HELLO || p->kind == POST_DRAIN ||
                            p->kind == POST_NODE || (p->kind == POST_AWAY && p->task));
    }
    j->nodes_untold |= changed;
    b->say_nodes = j->nodes_untold && b->now_ms - j->nodes_told_ms >= TELL_NODES_MS;
    b->write |= b->say_nodes;
}

void batch_make(struct jobs *j, struct batch *b)
{
    const struct sched_batch *s = sched_batch(j->sched);
    hear_changes(j, b, s);
    hear_notices(j, b, s);
    b->gives = s->give_count ? ARENA_ARRAY(b->a, struct sched_give, s->give_count) : NULL;
    b->drops = s->drop_count ? ARENA_ARRAY(b->a, struct sched_drop, s->drop_count) : NULL;
    b->give_count = s->give_count;
    b->drop_count = s->drop_count;
    for (size_t i = 0; i < s->give_count; i++) {
        b->gives[i] = s->gives[i];
        touch(b, j->by_step[s->gives[i].step].job)->gives++;
    }
    for (size_t i = 0; i < s->drop_count; i++)
        b->drops[i] = s->drops[i];
    for (size_t i = 0; i < b->touched_count; i++)
        look_at(j, b, &b->touched[i]);
    look_at_nodes(j, b);
    b->write |= b->touched_count || b->end_count || b->give_count || b->drop_count;
}

// ---- writing it

static bool write_gives(struct jobs *j, struct db_tx *tx, const struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->give_count; i++) {
        const struct sched_give *g = &b->gives[i];
        if (!db_run(tx, err,
                    "insert into attempts values (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7, 0, null, "
                    "0, ?8)",
                    "iiiiisii", (int64_t)g->fence, j->by_step[g->step].job->number,
                    j->by_step[g->step].number, g->first, g->last, j->by_worker[g->worker]->id,
                    b->now_ms, (int64_t)g->gpus))
            return false;
    }
    return true;
}

// A quarantine is of a machine, and rows are of workers.
static bool write_bad(struct jobs *j, struct db_tx *tx, const struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->bad_count; i++)
        for (size_t k = 0; k < j->hands.room; k++) {
            const struct hand *h = j->hands.values[k];
            if (h && h->host == b->bad[i].host &&
                !db_run(tx, err,
                        "update workers set bad_until_ms = ?2, bad_times = ?3 where id = ?1", "sii",
                        h->id, b->bad[i].until_ms, (int64_t)b->bad[i].times))
                return false;
        }
    return true;
}

static bool write_ends(struct db_tx *tx, const struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->drop_count; i++)
        if (!db_run(tx, err,
                    "update attempts set state = 'dropped' where fence = ?1 and state = 'running'",
                    "i", (int64_t)b->drops[i].fence))
            return false;
    for (size_t i = 0; i < b->end_count; i++) {
        const struct end_row *e = &b->ends[i];
        if (!db_run(tx, err,
                    "update attempts set state = ?2, ended_ms = ?3, error = ?4 where fence = ?1",
                    "isis", (int64_t)e->fence, e->state, b->now_ms, e->error))
            return false;
    }
    return true;
}

static bool write_pages(struct db_tx *tx, const struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->page_count; i++) {
        const struct page_row *p = &b->pages[i];
        if (!db_run(tx, err,
                    "insert into task_pages values (?1, ?2, ?3, ?4, ?5) on conflict (job, step, "
                    "page) do update set state = excluded.state, states = excluded.states",
                    "iiiib", p->job, p->step, p->page, p->state, p->state < 0 ? p->states : NULL,
                    (size_t)PAGE / 4))
            return false;
    }
    for (size_t i = 0; i < b->fault_count; i++) {
        const struct fault_row *f = &b->faults[i];
        bool none = !f->tries && !f->losses;
        if (!db_run(
                tx, err,
                none ? "delete from task_faults where job = ?1 and step = ?2 and task between ?3 "
                       "and ?4"
                     : "insert into task_faults values (?1, ?2, ?3, ?5, ?6) on conflict (job, "
                       "step, task) do update set tries = excluded.tries, losses = "
                       "excluded.losses",
                none ? "iiii" : "iiiiii", f->job, f->step, f->task, f->last, (int64_t)f->tries,
                (int64_t)f->losses))
            return false;
    }
    return true;
}

static bool write_steps(struct jobs *j, struct db_tx *tx, const struct batch *b, struct error *err)
{
    for (size_t i = 0; i < b->step_count; i++) {
        struct sched_step_look look;
        sched_step_look(j->sched, b->steps[i], &look);
        if (!db_run(tx, err,
                    "update steps set done = ?3, failed = ?4, cancelled = ?5, mean_ms = ?6, "
                    "sigma_ms = ?7, samples = ?8 where job = ?1 and number = ?2",
                    "iiiiiiii", j->by_step[b->steps[i]].job->number, j->by_step[b->steps[i]].number,
                    look.done, look.failed, look.cancelled, (int64_t)(look.mean_ms + 0.5),
                    (int64_t)(look.sigma_ms + 0.5), look.samples))
            return false;
    }
    return true;
}

static bool ended(enum sched_job_state state)
{
    return state == SCHED_JOB_DONE || state == SCHED_JOB_FAILED || state == SCHED_JOB_CANCELLED;
}

static bool write_job(struct db_tx *tx, const struct batch *b, const struct touched *t,
                      struct error *err)
{
    const struct live *l = t->job;
    // Of an engine's one task its beats tell how far it is; else tasks are counted.
    bool many = !l->ticket || l->step_count > 1 || t->look.tasks > 1, over = ended(t->look.state);
    int64_t total = many ? t->look.tasks : l->total;
    int64_t done = many ? t->look.done : t->look.state == SCHED_JOB_DONE ? total : l->done;
    if (!db_run(tx, err,
                "update jobs set state = ?2, done = ?3, total = ?4, unit = ?5, attempts = attempts "
                "+ ?6, started_ms = case when started_ms = 0 and ?6 > 0 then ?7 else started_ms "
                "end, ended = ?8, ended_ms = case when ?8 = 0 then 0 when ended_ms = 0 then ?7 "
                "else ended_ms end, spent = ?9, currency = case when currency = '' then ?10 else "
                "currency end where number = ?1",
                "isiisiiiis", l->number, state_name(t->look.state), done, total, l->unit, t->gives,
                b->now_ms, (int64_t)over, t->look.spent, t->look.spent ? t->currency : ""))
        return false;
    const char *problem = t->problem_away || t->look.state == SCHED_JOB_DONE ? NULL : t->problem;
    if ((t->problem || t->problem_away || t->look.state == SCHED_JOB_DONE) &&
        !db_run(tx, err, "update jobs set problem = ?2 where number = ?1", "is", l->number,
                problem))
        return false;
    return !over || db_run(tx, err, "delete from task_faults where job = ?1", "i", l->number);
}

static bool write_hello(struct db_tx *tx, const struct worker_hello *h, int64_t now_ms,
                        struct error *err)
{
    char *has = h->has ? json_dumps(h->has, JSON_COMPACT) : NULL;
    bool ok =
        db_run(tx, err,
               "insert into workers (id, name, host, pid, slots, seen_ms, state, has) values (?1, "
               "?2, ?3, ?4, ?5, ?6, 'here', ?7) on conflict (id) do update set name = ?2, host = "
               "?3, pid = ?4, slots = ?5, seen_ms = ?6, "
               "state = 'here', has = ?7",
               "sssiiis", h->id, h->name, h->host, h->pid, h->slots, now_ms, has ? has : "{}");
    free(has);
    return ok;
}

static bool write_order(struct db_tx *tx, const struct job_order *o, struct error *err)
{
    switch (o->kind) {
    case ORDER_EDIT:
        return db_run(
                   tx, err,
                   "update jobs set priority = case when ?2 < 0 then priority else ?2 end, tier "
                   "= case when ?3 < 0 then tier else ?3 end, title = coalesce(?4, title) where id "
                   "= ?1",
                   "siis", o->job, (int64_t)o->priority, (int64_t)o->tier, o->title) &&
               (!o->title || job_words(tx, o->job, err)) &&
               (!o->set_deadline ||
                db_run(tx, err, "update jobs set deadline_ms = ?2 where id = ?1", "si", o->job,
                       o->deadline_ms)) &&
               (!o->set_budget ||
                db_run(tx, err, "update jobs set budget = ?2, currency = ?3 where id = ?1", "sis",
                       o->job, o->currency ? o->budget : -1, o->currency ? o->currency : ""));
    case ORDER_RETRY:
    case ORDER_REQUEUE: // in the transaction that makes it wait again: files may be going just now
        return job_files_kept(tx, o->job, err);
    case ORDER_APPROVE:
        return db_run(tx, err, "update jobs set approved = 1 where id = ?1", "s", o->job);
    default:
        return true;
    }
}

static bool describe(struct jobs *j, struct db_tx *tx, struct arena *a, const struct post *p,
                     const struct given *g, struct ended *e, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select j.kind, j.project, j.asset, j.version, j.subject, "
                                    "s.name from jobs j join steps s on s.job = j.number where "
                                    "j.number = ?1 and s.number = ?2",
                                    "ii", g->job->number, g->step);
    (void)j;
    if (db_next(rows))
        *e = (struct ended){.attempt = p->attempt,
                            .job = g->job->id,
                            .kind = arena_text(a, db_text(rows, 0)),
                            .project = arena_text(a, db_text(rows, 1)),
                            .asset = arena_text(a, db_text(rows, 2)),
                            .version = arena_text(a, db_text(rows, 3)),
                            .subject = arena_text(a, db_text(rows, 4)),
                            .part = arena_text(a, db_text(rows, 5)),
                            .token = (int64_t)p->fence,
                            .step = g->step,
                            .first = g->first,
                            .last = g->last};
    return db_end(rows, err);
}

// What one who spoke wants written besides.
static bool write_post(struct jobs *j, struct db_tx *tx, const struct batch *b, struct post *p,
                       struct error *err)
{
    if (p->kind == POST_HELLO)
        return write_hello(tx, p->hello, b->now_ms, err);
    if (p->kind == POST_AWAY)
        return !p->task ||
               db_run(tx, err, "update workers set seen_ms = ?2, state = 'away' where id = ?1",
                      "si", p->worker, b->now_ms);
    if (p->kind == POST_PLACE)
        return !p->places || db_run(tx, err, "update attempts set places = 1 where fence = ?1", "i",
                                    (int64_t)p->fence);
    if (p->kind == POST_NODE)
        return node_write(tx, p, err);
    if (p->kind == POST_LIMIT)
        return db_run(tx, err,
                      "insert into limits values (?1, ?2, ?3, ?4, ?5) on conflict (name) do update "
                      "set scope = ?2, total = ?3, outside = ?4, yields = ?5",
                      "ssiii", p->limit->name, p->limit->host ? "host" : "task", p->limit->total,
                      p->limit->outside, (int64_t)p->limit->yields);
    if (p->kind == POST_ORDER && !write_order(tx, p->order, err))
        return false;
    const struct given *g =
        p->kind == POST_DONE && p->fence ? map_get(&j->attempts, p->fence) : NULL;
    if (p->apply && g && g->ended_batch == b->number && g->committed) {
        struct arena *a = arena_open(1 << 20);
        struct ended what = {0};
        bool ok = describe(j, tx, a, p, g, &what, err) && p->apply(tx, p->context, &what, err);
        arena_close(a);
        return ok;
    }
    return true;
}

struct writing {
    struct jobs *j;
    struct batch *b;
};

// Nobody changes what the dispatcher knows while this runs: it waits for us.
static bool write_in(struct db_tx *tx, void *context, struct error *err)
{
    struct writing *w = context;
    struct batch *b = w->b;
    for (size_t i = 0; i < b->post_count; i++)
        if (b->posts[i]->ok && !write_post(w->j, tx, b, b->posts[i], err))
            return false;
    if (!write_gives(w->j, tx, b, err) || !write_ends(tx, b, err) || !write_pages(tx, b, err) ||
        !write_steps(w->j, tx, b, err) || !write_bad(w->j, tx, b, err))
        return false;
    for (size_t i = 0; i < b->touched_count; i++)
        if (!write_job(tx, b, &b->touched[i], err))
            return false;
    for (size_t i = 0; i < b->touched_count; i++)
        if (b->touched[i].say && !job_say(tx, b->touched[i].job->id, &b->touched[i].look, err))
            return false;
    if (b->say_nodes && !db_event(tx, "nodes.changed", NULL, "nodes", NULL, err))
        return false;
    for (size_t i = 0; i < b->post_count; i++)
        if (b->posts[i]->ok && b->posts[i]->also &&
            !b->posts[i]->also(tx, b->posts[i]->context, err))
            return false;
    return true;
}

bool batch_write(struct jobs *j, struct batch *b, struct error *err)
{
    return !b->write || db_write(j->db, write_in, &(struct writing){j, b}, err);
}
