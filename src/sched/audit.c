// Books that are kept apart from the scheduler's, in the plainest way.
#include "sched/audit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20 };

struct a_limit {
    sched_word_id name;
    enum sched_scope scope;
    int64_t ours;
};
struct a_worker {
    bool known, takes;
    int asks;
    sched_host host;
    struct sched_amounts has;
};
struct a_step {
    bool known;
    sched_job job;
    int64_t count;
    uint8_t *states, *commits;
    struct sched_amounts needs;
    struct sched_need_limit limits[SCHED_NEED_LIMITS_MOST];
    int limit_count;
    struct sched_needs_step *after;
    int after_count;
    int64_t *low, *high; // frames of each task
};
struct a_attempt {
    sched_fence fence; // 0: no entry
    sched_worker worker;
    sched_step step;
    int64_t first, last;
    uint64_t gpus;
    bool dropped, stopped; // stopped: gone with the end of this batch
};

struct audit {
    struct a_limit *limits;
    size_t limit_count;
    struct a_worker *workers;
    struct a_step *steps;
    bool *held; // by job
    bool *seen; // by host
    size_t worker_count, step_count, held_count, seen_count;
    struct a_attempt *attempts;
    size_t attempt_count;
    int64_t committed;
    int findings;
    char shown[SHOWN][200];
};

static void PRINTF_LIKE(2, 3) find(struct audit *a, const char *format, ...)
{
    if (a->findings < SHOWN) {
        va_list args;
        va_start(args, format);
        vsnprintf(a->shown[a->findings], sizeof(a->shown[0]), format, args);
        va_end(args);
    }
    a->findings++;
}

struct audit *audit_open(void)
{
    struct audit *a = calloc(1, sizeof(*a));
    assert(a);
    return a;
}

static void step_close(struct a_step *t)
{
    free(t->states);
    free(t->commits);
    free(t->after);
    free(t->low);
    free(t->high);
    *t = (struct a_step){0};
}

void audit_close(struct audit *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->step_count; i++)
        step_close(&a->steps[i]);
    free(a->limits);
    free(a->workers);
    free(a->steps);
    free(a->held);
    free(a->seen);
    free(a->attempts);
    free(a);
}

static void *room_for(void *at, size_t *count, size_t index, size_t size)
{
    if (index < *count)
        return at;
    char *more = realloc(at, (index + 1) * 2 * size);
    assert(more);
    memset(more + *count * size, 0, ((index + 1) * 2 - *count) * size);
    *count = (index + 1) * 2;
    return more;
}

static struct a_limit *limit_of(const struct audit *a, sched_word_id name)
{
    for (size_t i = 0; i < a->limit_count; i++)
        if (a->limits[i].name == name)
            return &a->limits[i];
    return NULL;
}

void audit_limit(struct audit *a, sched_word_id name, enum sched_scope scope, int64_t ours)
{
    struct a_limit *l = limit_of(a, name);
    if (!l) {
        a->limits = realloc(a->limits, (a->limit_count + 1) * sizeof(*a->limits));
        assert(a->limits);
        l = &a->limits[a->limit_count++];
    }
    *l = (struct a_limit){name, scope, ours};
}

void audit_worker(struct audit *a, sched_worker w, sched_host host, const struct sched_amounts *has)
{
    a->seen = room_for(a->seen, &a->seen_count, host, sizeof(*a->seen));
    a->workers = room_for(a->workers, &a->worker_count, w, sizeof(*a->workers));
    a->workers[w] = (struct a_worker){.known = true, .host = host, .has = *has};
}

void audit_worker_state(struct audit *a, sched_worker w, bool takes_work, int asks_more)
{
    a->workers[w].takes = takes_work;
    a->workers[w].asks = takes_work ? a->workers[w].asks + asks_more : 0;
}

static void frames_of(struct a_step *t, const struct sched_step_wish *w)
{
    int64_t tiles = w->tiles ? w->tiles : 1, span = w->frames_a_task ? w->frames_a_task : 1;
    int64_t place = 0, next = 0;
    t->low = calloc((size_t)t->count, sizeof(*t->low));
    t->high = calloc((size_t)t->count, sizeof(*t->high));
    assert(t->low && t->high);
    if (!w->frame_runs)
        for (int64_t i = 0; i < t->count; i++) {
            t->low[i] = i / tiles * span;
            t->high[i] = t->low[i] + span - 1;
        }
    for (int r = 0; r < w->frame_runs; r++) // one frame after the other
        for (int64_t i = 0; i < w->frames[r].count; i++, place++) {
            int64_t frame = w->frames[r].first + i * w->frames[r].by;
            next = place / span * tiles;
            for (int64_t k = next; k < next + tiles && k < t->count; k++) {
                t->low[k] = place % span == 0 ? frame : t->low[k];
                t->high[k] = frame;
            }
        }
}

void audit_step(struct audit *a, sched_step step, sched_job job, const struct sched_step_wish *w)
{
    a->steps = room_for(a->steps, &a->step_count, step, sizeof(*a->steps));
    struct a_step *t = &a->steps[step];
    step_close(t);
    t->known = true;
    t->job = job;
    t->count = w->count;
    t->states = calloc((size_t)w->count, 1);
    t->commits = calloc((size_t)w->count, 1);
    t->needs = w->needs;
    t->limit_count = w->limit_count;
    t->after_count = w->after_count;
    t->after = calloc((size_t)w->after_count + 1, sizeof(*t->after));
    assert(t->states && t->commits && t->after);
    for (int i = 0; i < w->limit_count; i++)
        t->limits[i] = w->limits[i];
    for (int i = 0; i < w->after_count; i++) {
        t->after[i] = w->after[i];
        t->after[i].step = w->after[i].step ? w->after[i].step : step;
    }
    frames_of(t, w);
}

void audit_job_holds(struct audit *a, sched_job job, bool held)
{
    a->held = room_for(a->held, &a->held_count, job, sizeof(*a->held));
    a->held[job] = held;
}

static struct a_attempt *attempt_of(const struct audit *a, sched_fence fence)
{
    for (size_t i = 0; i < a->attempt_count; i++)
        if (a->attempts[i].fence == fence)
            return &a->attempts[i];
    return NULL;
}

void audit_stopped(struct audit *a, sched_fence fence)
{
    struct a_attempt *t = attempt_of(a, fence);
    if (t)
        t->stopped = true;
    else
        find(a, "attempt %" PRIu64 " stopped and never ran", fence);
}

void audit_worker_gone(struct audit *a, sched_worker w)
{
    audit_worker_state(a, w, false, 0);
    for (size_t i = 0; i < a->attempt_count; i++)
        if (a->attempts[i].worker == w)
            a->attempts[i].stopped = true;
}

// ---- what is given

static bool step_needs(const struct a_step *t, sched_word_id limit, int64_t *amount)
{
    for (int i = 0; i < t->limit_count; i++)
        if (t->limits[i].limit == limit) {
            *amount = t->limits[i].amount;
            return true;
        }
    return false;
}

int64_t audit_running(const struct audit *a, sched_word_id limit)
{
    const struct a_limit *l = limit_of(a, limit);
    int64_t used = 0, amount = 0;
    if (a->seen)
        memset(a->seen, 0, a->seen_count);
    for (size_t i = 0; i < a->attempt_count; i++) {
        const struct a_attempt *t = &a->attempts[i];
        sched_host host = a->workers[t->worker].host;
        if (t->stopped || !step_needs(&a->steps[t->step], limit, &amount))
            continue;
        used += !l || l->scope == SCHED_A_TASK ? amount : !a->seen[host];
        a->seen[host] = true;
    }
    return used;
}

static void check_limits(struct audit *a, const struct sched_give *g)
{
    const struct a_step *t = &a->steps[g->step];
    for (int i = 0; i < t->limit_count; i++) {
        const struct a_limit *l = limit_of(a, t->limits[i].limit);
        int64_t used = audit_running(a, t->limits[i].limit);
        if (!l || used > l->ours)
            find(a, "attempt %" PRIu64 ": limit %u is used %" PRId64 " times of %" PRId64, g->fence,
                 t->limits[i].limit, used, l ? l->ours : 0);
    }
}

static void check_worker(struct audit *a, const struct sched_give *g)
{
    const struct a_worker *w = &a->workers[g->worker];
    struct sched_amounts used = {0};
    uint64_t gpus = 0;
    for (size_t i = 0; i < a->attempt_count; i++) {
        const struct a_attempt *t = &a->attempts[i];
        const struct sched_amounts *n = &a->steps[t->step].needs;
        if (t->worker != g->worker || t->stopped)
            continue;
        used.milli_cpus += n->milli_cpus;
        used.memory_mib += n->memory_mib;
        used.scratch_mib += n->scratch_mib;
        used.gpus += n->gpus;
        if (gpus & t->gpus || __builtin_popcountll(t->gpus) != n->gpus)
            find(a, "attempt %" PRIu64 ": a GPU of worker %u is given twice", g->fence, g->worker);
        gpus |= t->gpus;
    }
    if (used.milli_cpus > w->has.milli_cpus || used.memory_mib > w->has.memory_mib ||
        used.scratch_mib > w->has.scratch_mib || used.gpus > w->has.gpus)
        find(a, "attempt %" PRIu64 ": worker %u holds more than it has", g->fence, g->worker);
    if (!w->takes || w->asks <= 0)
        find(a, "attempt %" PRIu64 ": worker %u did not ask for it", g->fence, g->worker);
}

// The first task that stands for this frame or a later one.
static int64_t first_at(const struct a_step *o, int64_t frame)
{
    int64_t low = 0, high = o->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (o->high[middle] < frame)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void check_after(struct audit *a, const struct sched_give *g, int64_t task)
{
    const struct a_step *t = &a->steps[g->step];
    for (int i = 0; i < t->after_count; i++) {
        const struct sched_needs_step *n = &t->after[i];
        const struct a_step *o = &a->steps[n->step];
        int64_t first = 0, last = o->count - 1;
        if (n->after == SCHED_AFTER_FRAMES)
            first = first_at(o, t->low[task] + n->from);
        for (int64_t k = first; k <= last; k++) {
            if (n->after == SCHED_AFTER_FRAMES && o->low[k] > t->high[task] + n->to)
                break;
            bool before = o == t && k >= g->first && k < task; // in the same attempt
            if (o->states[k] != SCHED_DONE && !before) {
                find(a, "step %u task %" PRId64 " began before step %u task %" PRId64 " was done",
                     g->step, task, n->step, k);
                return;
            }
        }
    }
}

static void read_give(struct audit *a, const struct sched_give *g)
{
    struct a_step *t = &a->steps[g->step];
    a->attempts = realloc(a->attempts, (a->attempt_count + 1) * sizeof(*a->attempts));
    assert(a->attempts);
    if (attempt_of(a, g->fence))
        find(a, "fence %" PRIu64 " is used again", g->fence);
    a->attempts[a->attempt_count++] =
        (struct a_attempt){g->fence, g->worker, g->step, g->first, g->last, g->gpus, false, false};
    check_limits(a, g);
    check_worker(a, g);
    a->workers[g->worker].asks--;
    if (t->job < a->held_count && a->held[t->job])
        find(a, "attempt %" PRIu64 ": job %u is held", g->fence, t->job);
    for (int64_t i = g->first; i <= g->last && t->after_count && !g->twin; i++)
        check_after(a, g, i);
}

// ---- what changes

static void read_change(struct audit *a, const struct sched_change *c)
{
    struct a_step *t = &a->steps[c->step];
    if (!t->known || c->first < 0 || c->last >= t->count || c->first > c->last) {
        find(a, "step %u: a change of tasks that are not there", c->step);
        return;
    }
    const struct a_attempt *by = c->fence ? attempt_of(a, c->fence) : NULL;
    if (c->after == SCHED_DONE &&
        (!by || by->dropped || c->first < by->first || c->last > by->last || by->step != c->step))
        find(a,
             "step %u tasks %" PRId64 "-%" PRId64 ": committed by attempt %" PRIu64
             ", which may not",
             c->step, c->first, c->last, c->fence);
    for (int64_t i = c->first; i <= c->last; i++) {
        if (t->states[i] != c->before)
            find(a, "step %u task %" PRId64 " is said to leave state %d and was in %d", c->step, i,
                 c->before, t->states[i]);
        if (c->after == SCHED_DONE) {
            if (t->commits[i])
                find(a, "step %u task %" PRId64 " is committed twice", c->step, i);
            t->commits[i] = 1;
            a->committed++;
        } else if (c->before == SCHED_DONE) { // asked for again
            t->commits[i] = 0;
            a->committed--;
        }
        t->states[i] = (uint8_t)c->after;
    }
}

// Before the gives only what lets go counts: a job may be resumed and given out in one batch.
static void read_holds(struct audit *a, const struct sched_batch *b, bool all)
{
    for (size_t i = 0; i < b->notice_count; i++) {
        const struct sched_notice *n = &b->notices[i];
        bool holds = n->state == SCHED_JOB_SUSPENDED || n->state == SCHED_JOB_STOPPED;
        if (n->kind == SCHED_JOB_NOW && (all || !holds))
            audit_job_holds(a, n->job, holds);
    }
}

void audit_batch(struct audit *a, const struct sched_batch *b)
{
    read_holds(a, b, false);
    // A give comes with the change to running; its attempt must be known by then.
    size_t given = 0;
    for (size_t i = 0; i < b->change_count; i++) {
        const struct sched_change *c = &b->changes[i];
        while (c->after == SCHED_RUNNING && given < b->give_count &&
               b->gives[given].fence <= c->fence)
            read_give(a, &b->gives[given++]);
        read_change(a, c);
    }
    while (given < b->give_count)
        read_give(a, &b->gives[given++]);
    for (size_t i = 0; i < b->drop_count; i++) {
        struct a_attempt *t = attempt_of(a, b->drops[i].fence);
        if (!t || t->dropped)
            find(a, "attempt %" PRIu64 " is dropped and does not run", b->drops[i].fence);
        else
            t->dropped = true;
    }
    read_holds(a, b, true);
    for (size_t i = 0; i < a->attempt_count;)
        if (a->attempts[i].stopped)
            a->attempts[i] = a->attempts[--a->attempt_count];
        else
            i++;
}

void audit_end(struct audit *a, bool all_done)
{
    for (size_t s = 0; s < a->step_count; s++)
        for (int64_t i = 0; a->steps[s].known && i < a->steps[s].count; i++) {
            const struct a_step *t = &a->steps[s];
            bool over =
                t->states[i] == SCHED_DONE ||
                (!all_done && (t->states[i] == SCHED_FAILED || t->states[i] == SCHED_CANCELLED));
            if (!over || t->commits[i] != (t->states[i] == SCHED_DONE))
                find(a, "step %zu task %" PRId64 " ends in state %d with %d commits", s, i,
                     t->states[i], t->commits[i]);
        }
    if (a->attempt_count)
        find(a, "%zu attempts run on", a->attempt_count);
}

int64_t audit_committed(const struct audit *a)
{
    return a->committed;
}

int audit_findings(const struct audit *a)
{
    return a->findings;
}

const char *audit_finding(const struct audit *a, int at)
{
    return at >= 0 && at < a->findings && at < SHOWN ? a->shown[at] : "";
}
