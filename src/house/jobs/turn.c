/*
 * The dispatcher. A turn takes what waits in the queue, tells the scheduler, lets it decide, writes
 * all that came of it in one transaction, and answers. When the transaction fails the scheduler
 * takes it all back, and whoever spoke hears why.
 *
 * A post that brings somebody else's rows (`apply`, `also`) has a turn of its own: when those can
 * not be written, nothing of others is undone. What is known of attempts changes only after the
 * commit.
 */
#include "base/log.h"
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POSTS_A_TURN = 512, GIVES_A_TURN = 512, LEASE_LOOK_MS = 1000, REST_MS = 500 };
#define FORGET_MS 60000

int64_t jobs_now_ms(const struct jobs *j)
{
    return j->clock_ms + (clock_tick_us() - j->clock_tick_us) / 1000;
}

// ---- hearing; with core

static void fail(struct post *p, enum error_kind kind, const char *what, const char *why)
{
    p->ok = error_set(p->err, kind, "%s", what);
    if (why)
        error_why(p->err, "%s", why);
}

// One attempt is over, in this batch.
static void end(struct batch *b, struct given *g, const char *state, const char *error)
{
    g->ended_batch = b->number;
    batch_end(b, g->fence, state, error);
    touch(b, g->job);
}

static bool over(const struct batch *b, const struct given *g)
{
    return g->ended_batch == b->number;
}

static void lose(struct jobs *j, struct batch *b, struct given *g)
{
    if (over(b, g))
        return;
    sched_ended(j->sched, g->fence, &(struct sched_end){.how = SCHED_LOST, .task = -1}, b->now_ms);
    end(b, g, "lost", NULL);
}

static bool holds(const struct jobs *j, const struct given *g)
{
    struct sched_attempt_look look;
    return sched_attempt_look(j->sched, g->fence, &look) && !look.dropped;
}

static void progress(struct jobs *j, struct batch *b, struct given *g, const struct beat *at)
{
    struct live *l = g->job;
    if (!g->heard_ms) {
        g->first_done = at->done;
        g->first_ms = b->now_ms;
    }
    g->heard_ms = b->now_ms;
    g->done = at->done;
    g->total = at->total;
    if (at->total > 0)
        sched_progress(j->sched, g->fence, (int)(at->done * 1000 / at->total), b->now_ms);
    if (l->step_count > 1 || l->tasks[0] > 1)
        return;
    if (l->done == at->done && l->total == at->total)
        return;
    l->done = at->done;
    l->total = at->total;
    text_copy(text_of(at->unit ? at->unit : ""), l->unit, sizeof(l->unit));
    touch(b, l)->progress = true;
}

static struct given *attempt_at(const struct jobs *j, const struct beat *at)
{
    sched_fence fence = attempt_fence(j, at->attempt, at->token);
    return fence ? map_get(&j->attempts, fence) : NULL;
}

static void hear_beats(struct jobs *j, struct batch *b, struct post *p, bool told)
{
    struct hand *h = hand_of(j, p->worker);
    for (size_t i = 0; i < p->beat_count; i++) {
        struct given *g = attempt_at(j, &p->beats[i]);
        p->beats[i].drop = !g || g->hand != h || over(b, g) || !holds(j, g);
        if (g && g->hand == h) // one that was dropped is waited for, too
            g->lease_ms = b->now_ms + JOBS_LEASE_MS;
        if (!p->beats[i].drop && told)
            progress(j, b, g, &p->beats[i]);
    }
    if (h)
        h->seen_ms = b->now_ms;
}

static bool listed(const struct jobs *j, const struct post *p, const struct given *g)
{
    for (size_t i = 0; i < p->beat_count; i++)
        if (attempt_at(j, &p->beats[i]) == g)
            return true;
    return false;
}

static void hear_hello(struct jobs *j, struct batch *b, struct post *p)
{
    struct hand *h = hand_of(j, p->worker);
    char *words = p->hello->has ? json_dumps(p->hello->has, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    uint64_t has = text_key(words ? words : "");
    free(words);
    // What it has can only change while it has no work.
    if (h && h->has != has && !h->attempts) {
        if (h->up)
            sched_worker_gone(j->sched, h->worker, b->now_ms);
        h->up = false;
        if (sched_worker_forget(j->sched, h->worker)) {
            j->by_worker[h->worker] = NULL;
            hand_make(j, h->id, p->hello->host, p->hello->has);
            h->has = has;
        }
    } else if (!h) {
        h = hand_make(j, p->worker, p->hello->host, p->hello->has);
        h->has = has;
    }
    if (!h->up)
        sched_worker_up(j->sched, h->worker, b->now_ms);
    h->up = true;
    sched_worker_asks(j->sched, h->worker, 0, b->now_ms);
    h->leaves = false;
    h->desk = JOBS_DESK_FREE;
    node_pause(j, h, b->now_ms);
    hear_beats(j, b, p, false);
    for (struct given *g = h->attempts; g; g = g->next)
        if (!listed(j, p, g))
            lose(j, b, g);
    b->write = true;
}

// Only the line that it has now: it may have come back on another one.
static void hear_away(struct jobs *j, struct batch *b, struct post *p)
{
    struct hand *h = hand_of(j, p->worker);
    pthread_mutex_lock(&j->lines);
    bool its = h && atomic_load(&h->lined) && h->line.context == p->context;
    if (its)
        atomic_store(&h->lined, false);
    pthread_mutex_unlock(&j->lines);
    p->task = its; // what is written of it
    if (its && h->up)
        sched_worker_asks(j->sched, h->worker, 0, b->now_ms);
    b->write |= its;
}

static void hear_asks(struct jobs *j, struct batch *b, struct post *p)
{
    struct hand *h = hand_of(j, p->worker);
    if (h && h->up)
        sched_worker_asks(j->sched, h->worker, (int)p->count, b->now_ms);
}

static void hear_drain(struct jobs *j, struct batch *b, struct post *p)
{
    struct hand *h = hand_of(j, p->worker);
    if (!h || !h->up)
        return;
    h->leaves = true;
    node_pause(j, h, b->now_ms);
}

static void hear_desk(struct jobs *j, struct batch *b, struct post *p)
{
    struct hand *h = hand_of(j, p->worker);
    if (!h || !h->up)
        return;
    h->desk = (enum jobs_desk)p->count;
    node_pause(j, h, b->now_ms);
}

// Which of our attempts ended before is not known here any more: its row knows.
static void hear_old(struct batch *b, struct post *p, const struct given *g)
{
    bool now = g && over(b, g) && g->committed;
    p->outcome = now ? OUTCOME_TAKEN : p->outcome;
}

static void hear_done(struct jobs *j, struct batch *b, struct post *p)
{
    struct given *g = p->fence ? map_get(&j->attempts, p->fence) : NULL;
    if (!g || over(b, g)) {
        hear_old(b, p, g);
        return;
    }
    struct sched_end end_well = {.how = SCHED_WELL, .task = -1};
    g->committed = sched_ended(j->sched, g->fence, &end_well, b->now_ms) == SCHED_COUNTS;
    p->outcome = g->committed ? OUTCOME_TAKEN : OUTCOME_STALE;
    end(b, g, g->committed ? "committed" : "stale", NULL);
}

static enum sched_how how_of(enum error_kind kind)
{
    switch (kind) {
    case ERROR_NO_SPACE:
        return SCHED_HOSTS_FAULT;
    case ERROR_NETWORK:
    case ERROR_TOO_MANY:
    case ERROR_STORAGE:
        return SCHED_SHARED_FAULT;
    default:
        return error_facts(kind)->retry ? SCHED_TASKS_FAULT : SCHED_HOPELESS;
    }
}

static void hear_failed(struct jobs *j, struct batch *b, struct post *p)
{
    struct given *g = p->fence ? map_get(&j->attempts, p->fence) : NULL;
    if (!g || over(b, g)) {
        hear_old(b, p, g);
        return;
    }
    bool held = holds(j, g);
    struct sched_end how = {.how = how_of(p->why->kind), .task = p->task};
    sched_ended(j->sched, g->fence, &how, b->now_ms);
    char *problem = problem_text(p->why);
    end(b, g, held ? "failed" : "stopped", problem);
    if (held)
        touch(b, g->job)->problem = arena_text(b->a, problem);
    free(problem);
    p->outcome = held ? OUTCOME_TAKEN : OUTCOME_STALE;
}

static void hear_stopped(struct jobs *j, struct batch *b, struct post *p)
{
    struct given *g = p->fence ? map_get(&j->attempts, p->fence) : NULL;
    if (!g || over(b, g))
        return;
    sched_ended(j->sched, g->fence, &(struct sched_end){.how = SCHED_STOPPED, .task = -1},
                b->now_ms);
    end(b, g, "stopped", NULL);
}

// Another one that may place some of its tasks and has not ended well in this batch.
static bool placed_by_another(const struct batch *b, const struct given *g)
{
    for (const struct given *o = g->job->placing; o; o = o->next_placing)
        if (o != g && o->step == g->step && o->first <= g->last && o->last >= g->first &&
            !(over(b, o) && o->committed))
            return true;
    return false;
}

// Those of its tasks that nobody has made yet. More runs than we can say: it tries later.
static enum jobs_place own_runs(const struct jobs *j, const struct given *g,
                                struct jobs_placing *to)
{
    sched_step step = g->job->steps[g->step - 1];
    struct sched_run run = {0, g->first - 1};
    to->count = 0;
    while (run.last < g->last &&
           sched_next_run(j->sched, step, SCHED_RUNNING, run.last + 1, &run) &&
           run.first <= g->last) {
        if (to->count == JOBS_PLACE_RUNS)
            return JOBS_PLACE_LATER;
        to->runs[to->count][0] = run.first;
        to->runs[to->count++][1] = run.last < g->last ? run.last : g->last;
    }
    return to->count ? JOBS_PLACE_NOW : JOBS_PLACE_NEVER;
}

static void hear_place(struct jobs *j, struct batch *b, struct post *p)
{
    struct given *g = p->fence ? map_get(&j->attempts, p->fence) : NULL;
    if (!g || over(b, g) || strcmp(g->hand->id, p->worker) != 0 || !holds(j, g)) {
        p->placing.when = JOBS_PLACE_NEVER;
        return;
    }
    p->placing.when = placed_by_another(b, g) || b->now_ms < j->place_after_ms
                          ? JOBS_PLACE_LATER
                          : own_runs(j, g, &p->placing);
    if (p->placing.when != JOBS_PLACE_NOW)
        return;
    if (g->lease_ms < b->now_ms + JOBS_LEASE_MS)
        g->lease_ms = b->now_ms + JOBS_LEASE_MS;
    p->places = !g->places;
    given_places(g, true);
    b->write |= p->places;
}

// ---- what people order

static bool has_ended(enum sched_job_state state)
{
    return state == SCHED_JOB_DONE || state == SCHED_JOB_FAILED || state == SCHED_JOB_CANCELLED;
}

static bool can_not(struct post *p, const char *what, enum sched_job_state state)
{
    p->ok = error_set(p->err, ERROR_CONFLICT, "the job can not be %s", what);
    return error_why(p->err, has_ended(state) ? "it has ended: %s" : "it is %s", state_name(state));
}

static void retry(struct jobs *j, struct batch *b, struct live *l)
{
    for (size_t i = 0; i < l->step_count; i++) {
        static const enum sched_state lost[] = {SCHED_FAILED, SCHED_CANCELLED};
        for (int k = 0; k < 2; k++) {
            struct sched_run run;
            for (int64_t from = 0; sched_next_run(j->sched, l->steps[i], lost[k], from, &run);
                 from = run.last + 1)
                sched_requeue(j->sched, l->steps[i], run.first, run.last, false, b->now_ms);
        }
        batch_no_faults(b, l->number, (int64_t)i + 1, 0, l->tasks[i]);
    }
    touch(b, l)->problem_away = true;
}

static bool run_fits(const struct live *l, struct job_run r)
{
    return r.step >= 1 && r.step <= (int64_t)l->step_count && r.first >= 0 && r.first <= r.last &&
           r.last < l->tasks[r.step - 1];
}

static bool tasks_fit(struct post *p, const struct live *l)
{
    const struct job_order *o = p->order;
    bool fit =
        !o->step ? o->run_count > 0 : run_fits(l, (struct job_run){o->step, o->first, o->last});
    for (size_t i = 0; i < o->run_count; i++)
        fit = fit && run_fits(l, o->runs[i]);
    if (fit)
        return true;
    p->ok = error_set(p->err, ERROR_INPUT, "the job has no such tasks");
    return error_fix(p->err, "steps count from 1, tasks from 0");
}

static void requeue(struct jobs *j, struct batch *b, struct live *l, const struct job_order *o,
                    struct job_run r)
{
    sched_requeue(j->sched, l->steps[r.step - 1], r.first, r.last, o->dependants, b->now_ms);
    batch_no_faults(b, l->number, r.step, r.first, r.last);
    touch(b, l)->problem_away = true;
}

static bool do_order(struct jobs *j, struct batch *b, struct post *p, struct live *l)
{
    const struct job_order *o = p->order;
    struct sched_job_look look;
    sched_job_look(j->sched, l->job, b->now_ms, &look);
    bool ended = has_ended(look.state);
    switch (o->kind) {
    case ORDER_CANCEL:
        if (ended)
            return can_not(p, "cancelled", look.state);
        sched_job_cancel(j->sched, l->job, b->now_ms);
        return true;
    case ORDER_RETRY:
        if (!look.failed && !look.cancelled)
            return can_not(p, "tried again", look.state);
        retry(j, b, l);
        return true;
    case ORDER_EDIT:
        sched_job_edit(j->sched, l->job, o->tier < 0 ? l->tier : o->tier,
                       o->priority < 0 ? l->priority : o->priority, b->now_ms);
        if (o->set_budget)
            sched_job_budget(j->sched, l->job, o->budget,
                             o->currency ? sched_word(j->sched, o->currency) : 0, b->now_ms);
        return true;
    case ORDER_SUSPEND:
        if (ended)
            return can_not(p, "suspended", look.state);
        sched_job_suspend(j->sched, l->job, o->drop, b->now_ms);
        return true;
    case ORDER_RESUME:
        if (ended)
            return can_not(p, "resumed", look.state);
        sched_job_resume(j->sched, l->job, b->now_ms);
        return true;
    case ORDER_APPROVE:
        if (ended)
            return can_not(p, "approved", look.state);
        sched_job_approve(j->sched, l->job, b->now_ms);
        return true;
    case ORDER_REQUEUE:
        if (!tasks_fit(p, l))
            return false;
        if (o->step)
            requeue(j, b, l, o, (struct job_run){o->step, o->first, o->last});
        for (size_t i = 0; i < o->run_count; i++)
            requeue(j, b, l, o, o->runs[i]);
        return true;
    default:
        if (!tasks_fit(p, l))
            return false;
        sched_cancel(j->sched, l->steps[o->step - 1], o->first, o->last, b->now_ms);
        return true;
    }
}

static void hear_order(struct jobs *j, struct batch *b, struct post *p)
{
    struct live *l = live_of(j, p->order->job);
    if (!l)
        fail(p, ERROR_NOT_FOUND, "there is no such job", NULL);
    else if (do_order(j, b, p, l))
        touch(b, l)->say = true;
}

static void hear_limit(struct jobs *j, struct batch *b, struct post *p)
{
    limit_hear(j, p->limit, b->now_ms);
    b->write = true;
}

// ---- time

static void end_leases(struct jobs *j, struct batch *b, bool all)
{
    if (!all && b->now_ms < j->lease_look_ms)
        return;
    j->lease_look_ms = b->now_ms + LEASE_LOOK_MS;
    for (size_t i = 0; i < j->attempts.room; i++) {
        struct given *g = j->attempts.values[i];
        if (g && g->lease_ms < b->now_ms && !over(b, g)) {
            lose(j, b, g);
            b->lost++;
        }
    }
    for (size_t i = 0; i < j->hands.room; i++) {
        struct hand *h = j->hands.values[i];
        if (h && h->up && !atomic_load(&h->lined) && !h->attempts && !h->boxed &&
            h->seen_ms + JOBS_LEASE_MS < b->now_ms) {
            sched_worker_gone(j->sched, h->worker, b->now_ms);
            h->up = false;
        }
    }
}

static void hear(struct jobs *j, struct batch *b, struct post *p)
{
    static void (*const hears[])(struct jobs *, struct batch *, struct post *) = {
        [POST_HELLO] = hear_hello,     [POST_AWAY] = hear_away,     [POST_ASKS] = hear_asks,
        [POST_DONE] = hear_done,       [POST_FAILED] = hear_failed, [POST_ORDER] = hear_order,
        [POST_STOPPED] = hear_stopped, [POST_DRAIN] = hear_drain,   [POST_LIMIT] = hear_limit,
        [POST_NODE] = hear_node,       [POST_PLACE] = hear_place,   [POST_DESK] = hear_desk,
    };
    p->ok = true;
    if (p->kind == POST_BEAT)
        hear_beats(j, b, p, true);
    else if (p->kind == POST_SWEEP)
        end_leases(j, b, true);
    else
        hears[p->kind](j, b, p);
    b->write |= p->also != NULL && p->ok;
}

// Progress that was kept back is told when its time has come.
static void tell_rest(struct jobs *j, struct batch *b)
{
    for (struct live *l = j->untold; l; l = l->next_untold)
        if (b->now_ms - l->told_ms >= TELL_MS)
            touch(b, l)->say = true;
}

// ---- after the commit; with core

static void told(struct jobs *j, struct batch *b)
{
    for (size_t i = 0; i < b->touched_count; i++) {
        struct touched *t = &b->touched[i];
        struct live *l = t->job;
        l->told = t->look.state;
        if (t->say) {
            l->told_ms = b->now_ms;
        } else if (!l->untold && (t->progress || t->gives)) {
            l->untold = true;
            l->next_untold = j->untold;
            j->untold = l;
        }
        if (has_ended(l->told) && !l->over) {
            l->over = true;
            l->next_over = j->over;
            j->over = l;
        }
    }
    for (struct live **at = &j->untold; *at;) {
        struct live *l = *at;
        bool fresh = l->batch == b->number && b->touched[l->touched_at].say;
        if (fresh) {
            l->untold = false;
            *at = l->next_untold;
        } else {
            at = &l->next_untold;
        }
    }
}

static void forget_over(struct jobs *j)
{
    for (struct live **at = &j->over; *at;) {
        struct live *l = *at;
        bool again = !has_ended(l->told);
        if (!again && (l->untold || !sched_job_forget(j->sched, l->job))) {
            at = &l->next_over;
            continue;
        }
        *at = l->next_over;
        l->over = false;
        if (!again)
            live_free(j, l);
    }
}

static void make_give(const struct jobs *j, const struct sched_give *from, struct give *to)
{
    const struct live *l = j->by_step[from->step].job;
    *to = (struct give){.token = (int64_t)from->fence,
                        .step = j->by_step[from->step].number,
                        .first = from->first,
                        .last = from->last,
                        .ticket = l->ticket,
                        .gpus = from->gpus};
    attempt_text(j, from->fence, to->attempt);
    memcpy(to->job, l->id, sizeof(to->job));
}

static void edited(struct jobs *j, const struct post *p)
{
    if (p->kind != POST_ORDER || !p->ok || p->order->kind != ORDER_EDIT)
        return;
    struct live *l = live_of(j, p->order->job);
    l->tier = p->order->tier < 0 ? l->tier : p->order->tier;
    l->priority = p->order->priority < 0 ? l->priority : p->order->priority;
}

static void keep(struct jobs *j, struct batch *b, struct give *gives)
{
    for (size_t i = 0; i < b->give_count; i++) {
        const struct sched_give *g = &b->gives[i];
        struct hand *h = j->by_worker[g->worker];
        given_add(j, g->fence, j->by_step[g->step].job, j->by_step[g->step].number, g->first,
                  g->last, h, b->now_ms);
        make_give(j, g, &gives[i]);
        if (h->boxed) {
            h->box = realloc(h->box, (h->box_count + 1) * sizeof(*h->box));
            if (!h->box)
                abort();
            h->box[h->box_count++] = gives[i];
        }
    }
    for (size_t i = 0; i < b->end_count; i++) {
        struct given *g = map_get(&j->attempts, b->ends[i].fence);
        if (g)
            given_drop(j, g);
    }
    for (size_t i = 0; i < b->post_count; i++) {
        edited(j, b->posts[i]);
        node_kept(j, b->posts[i]);
    }
    told(j, b);
    if (b->say_nodes) {
        j->nodes_untold = false;
        j->nodes_told_ms = b->now_ms;
    }
    sched_keep(j->sched);
    forget_over(j);
}

static void take_back(struct jobs *j, struct batch *b)
{
    sched_undo(j->sched);
    for (size_t i = 0; i < b->end_count; i++) {
        struct given *g = map_get(&j->attempts, b->ends[i].fence);
        if (g) {
            g->ended_batch = 0;
            g->committed = false;
        }
    }
    for (size_t i = 0; i < b->post_count; i++) {
        struct given *g = b->posts[i]->places ? map_get(&j->attempts, b->posts[i]->fence) : NULL;
        if (g)
            given_places(g, false);
        node_undone(j, b->posts[i], b->now_ms);
    }
}

// ---- answering

static void call_lines(struct jobs *j, struct batch *b, const struct give *gives)
{
    char attempt[27];
    pthread_mutex_lock(&j->lines);
    for (size_t i = 0; i < b->give_count; i++) {
        struct hand *h = j->by_worker[b->gives[i].worker];
        if (atomic_load(&h->lined) && h->line.give)
            h->line.give(h->line.context, &gives[i]);
    }
    for (size_t i = 0; i < b->drop_count; i++) {
        struct hand *h = j->by_worker[b->drops[i].worker];
        attempt_text(j, b->drops[i].fence, attempt);
        if (atomic_load(&h->lined) && h->line.drop)
            h->line.drop(h->line.context, attempt);
    }
    pthread_mutex_unlock(&j->lines);
}

void line_set(struct jobs *j, struct hand *h, const struct jobs_line *line)
{
    pthread_mutex_lock(&j->lines);
    if (line)
        h->line = *line;
    atomic_store(&h->lined, line != NULL);
    pthread_mutex_unlock(&j->lines);
}

static void answer_later(struct jobs *j, struct post *p)
{
    if (p->kind == POST_HELLO && p->ok)
        line_set(j, hand_of(j, p->worker), &p->line);
    if (p->heard)
        p->heard(p->context, p->attempt, p->outcome, p->ok ? NULL : p->err);
    if (p->placed)
        p->placed(p->context, p->attempt, &p->placing, p->ok ? NULL : p->err);
    if (p->heard_beats)
        p->heard_beats(p->context, p->beats, p->beat_count, p->ok ? NULL : p->err);
    if (p->gone)
        p->gone(p->context);
    if (p->kind == POST_HELLO)
        json_decref((json_t *)p->hello->has);
    arena_close(p->own);
    free(p);
}

static void answer(struct jobs *j, struct batch *b, bool written, const struct error *why)
{
    for (size_t i = 0; i < b->post_count; i++) {
        struct post *p = b->posts[i];
        if (p->ok && !written) {
            *p->err = *why;
            p->ok = false;
        }
        if (p->later) {
            answer_later(j, p);
            b->posts[i] = NULL;
        }
    }
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < b->post_count; i++)
        if (b->posts[i])
            b->posts[i]->done = true;
    pthread_cond_broadcast(&j->answered);
    pthread_mutex_unlock(&j->lock);
}

// ---- a turn

static void take_posts(struct jobs *j, struct batch *b)
{
    pthread_mutex_lock(&j->lock);
    while (j->first && b->post_count < POSTS_A_TURN) {
        struct post *p = j->first;
        bool own = p->apply || p->also;
        if (own && b->post_count)
            break;
        j->first = p->next;
        if (!j->first)
            j->last = &j->first;
        b->posts[b->post_count++] = p;
        if (own)
            break;
    }
    pthread_mutex_unlock(&j->lock);
}

struct asking {
    sched_fence fence;
    int64_t taken;
};

static bool taken_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return db_one_int(tx, &q->taken, 0, err,
                      "select 1 from attempts where fence = ?1 and state = 'committed'", "i",
                      (int64_t)q->fence);
}

// What has to be read before the scheduler is told: jobs that had ended, attempts that have.
static void read_first(struct jobs *j, struct batch *b)
{
    struct error err;
    for (size_t i = 0; i < b->post_count; i++) {
        struct post *p = b->posts[i];
        if (p->kind == POST_ORDER && !live_of(j, p->order->job) &&
            !load_order(j, p->order->job, b->now_ms, &err) && err.kind != ERROR_NOT_FOUND)
            log_problem("jobs.load", &err);
        if (p->kind == POST_NODE && !hand_of(j, p->worker) &&
            !load_nodes(j, p->worker, b->now_ms, &err))
            log_problem("jobs.load", &err);
        if (p->kind != POST_DONE && p->kind != POST_FAILED)
            continue;
        struct asking q = {p->fence, 0};
        p->outcome = OUTCOME_STALE;
        if (!p->fence || map_get(&j->attempts, p->fence))
            continue;
        if (!db_read(j->db, taken_in, &q, &err))
            log_problem("jobs.attempt", &err);
        p->outcome = q.taken ? OUTCOME_TAKEN : OUTCOME_STALE;
    }
}

static void decide(struct jobs *j, struct batch *b)
{
    end_leases(j, b, false);
    tell_rest(j, b);
    if (sched_next_ms(j->sched) <= b->now_ms)
        sched_tick(j->sched, b->now_ms);
    if (b->now_ms >= j->rest_until_ms && !atomic_load(&j->hold))
        sched_decide(j->sched, GIVES_A_TURN, b->now_ms);
    batch_make(j, b);
}

static void batch_free(struct batch *b)
{
    free(b->posts);
    free(b->ends);
    free(b->pages);
    free(b->faults);
    free(b->bad);
    free(b->touched);
    free(b->steps);
    arena_close(b->a);
}

// Somebody else's rows were the reason, and he hears it.
static bool alone(const struct batch *b)
{
    return b->post_count == 1 && (b->posts[0]->apply || b->posts[0]->also);
}

// True: there may be more to do at once.
static bool one_turn(struct jobs *j, int64_t now_ms)
{
    struct error err;
    struct batch b = {.now_ms = now_ms,
                      .a = arena_open((size_t)1 << 30),
                      .posts = calloc(POSTS_A_TURN, sizeof(struct post *))};
    if (!load_new(j, now_ms, &err))
        log_problem("jobs.load", &err);
    take_posts(j, &b);
    read_first(j, &b);
    pthread_mutex_lock(&j->core);
    b.number = ++j->batch_number;
    j->looked_ms = now_ms;
    for (size_t i = 0; i < b.post_count; i++)
        hear(j, &b, b.posts[i]);
    decide(j, &b);
    pthread_mutex_unlock(&j->core);
    bool written = batch_write(j, &b, &err);
    struct give *gives = ARENA_ARRAY(b.a, struct give, b.give_count + 1);
    pthread_mutex_lock(&j->core);
    if (written)
        keep(j, &b, gives);
    else
        take_back(j, &b);
    pthread_mutex_unlock(&j->core);
    if (written) {
        call_lines(j, &b, gives);
    } else if (!alone(&b)) {
        j->rest_until_ms = now_ms + REST_MS;
        log_problem("jobs.write", &err);
    }
    bool more = written && (b.post_count > 0 || b.give_count > 0);
    for (size_t i = 0; i < b.post_count; i++)
        if (b.posts[i]->kind == POST_SWEEP)
            b.posts[i]->count = b.lost;
    answer(j, &b, written, &err);
    batch_free(&b);
    return more;
}

void turn(struct jobs *j, int64_t now_ms)
{
    pthread_mutex_lock(&j->turn);
    while (one_turn(j, now_ms))
        if (now_ms && j->clock_ms)
            now_ms = jobs_now_ms(j);
    pthread_mutex_unlock(&j->turn);
}

// ---- the queue

static bool put(struct jobs *j, struct post *p)
{
    pthread_mutex_lock(&j->lock);
    p->next = NULL;
    *j->last = p;
    j->last = &p->next;
    bool working = j->working;
    pthread_cond_signal(&j->posted);
    pthread_mutex_unlock(&j->lock);
    return working;
}

void post_and_wait(struct jobs *j, struct post *p, int64_t now_ms)
{
    if (!put(j, p))
        turn(j, now_ms);
    pthread_mutex_lock(&j->lock);
    while (!p->done)
        pthread_cond_wait(&j->answered, &j->lock);
    pthread_mutex_unlock(&j->lock);
}

void post_later(struct jobs *j, struct post *p, int64_t now_ms)
{
    p->later = true;
    p->err = &j->unheard;
    if (!put(j, p))
        turn(j, now_ms);
}

// ---- the threads

// How long nothing will happen, if nobody speaks.
static int64_t sleep_ms(struct jobs *j, int64_t now_ms)
{
    pthread_mutex_lock(&j->core);
    int64_t next = sched_next_ms(j->sched);
    if (j->attempts.count || j->untold || j->nodes_untold)
        next = next < now_ms + TELL_MS ? next : now_ms + TELL_MS;
    pthread_mutex_unlock(&j->core);
    if (j->rest_until_ms > now_ms && next > j->rest_until_ms)
        next = j->rest_until_ms;
    return next <= now_ms ? 0 : next - now_ms > LEASE_LOOK_MS ? LEASE_LOOK_MS : next - now_ms;
}

static void *dispatch(void *context)
{
    struct jobs *j = context;
    while (!atomic_load(&j->stop)) {
        int64_t now = jobs_now_ms(j), wait = sleep_ms(j, now);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait / 1000;
        until.tv_nsec += wait % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_mutex_lock(&j->lock);
        int timed_out = 0;
        while (!j->first && !j->poked && !atomic_load(&j->stop) && !timed_out)
            timed_out = pthread_cond_timedwait(&j->posted, &j->lock, &until);
        j->poked = false;
        pthread_mutex_unlock(&j->lock);
        turn(j, jobs_now_ms(j));
    }
    return NULL;
}

// New jobs are rows of somebody's transaction, and news when that is committed.
static void *poke(void *context)
{
    struct jobs *j = context;
    int64_t seen = -1;
    while (!atomic_load(&j->stop)) {
        int64_t now = db_event_wait(j->db, seen, 200);
        if (now == seen)
            continue;
        seen = now;
        pthread_mutex_lock(&j->lock);
        j->poked = true;
        pthread_cond_signal(&j->posted);
        pthread_mutex_unlock(&j->lock);
    }
    return NULL;
}

bool jobs_start(struct jobs *j, struct error *err)
{
    j->clock_ms = clock_now_ms();
    j->clock_tick_us = clock_tick_us();
    atomic_store(&j->stop, false);
    atomic_store(&j->hold, false);
    if (pthread_create(&j->dispatcher, NULL, dispatch, j) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot start the dispatcher");
    if (pthread_create(&j->poker, NULL, poke, j) != 0) {
        atomic_store(&j->stop, true);
        pthread_join(j->dispatcher, NULL);
        return error_set(err, ERROR_INTERNAL, "cannot start the dispatcher");
    }
    pthread_mutex_lock(&j->lock);
    j->working = true;
    pthread_mutex_unlock(&j->lock);
    return true;
}

void jobs_hold(struct jobs *j)
{
    atomic_store(&j->hold, true);
}

void jobs_rest(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    bool working = j->working;
    j->working = false;
    atomic_store(&j->stop, true);
    pthread_cond_broadcast(&j->posted);
    pthread_mutex_unlock(&j->lock);
    if (!working)
        return;
    pthread_join(j->dispatcher, NULL);
    pthread_join(j->poker, NULL);
    turn(j, jobs_now_ms(j)); // whoever spoke last is answered
}
