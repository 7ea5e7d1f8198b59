/*
 * States of tasks, and which of those that wait may be given out.
 *
 * A task waits when it is in none of the sets running, done, failed and cancelled; it is `ready`
 * when it waits, does not rest after a failure, is a preview task while only those are wanted, and
 * all that its step is after is met. Ready tasks are found when something becomes true (a task is
 * done, a rest is over, a preview approved), by going over the tasks that it may be news for.
 *
 * Frames. The runs of a step number its frames 0, 1, 2, ... ("places"); a task stands for the
 * places t / tiles * span .. + span - 1. What a step is after is asked in frames, so steps may have
 * different frames, tiles and segments.
 *
 * Chunks. A step with chunks of n that is after frames of another is given out in whole cells of
 * its grid: a cell is ready when all that waits in it is met. Otherwise every frame that arrives
 * would start an attempt of one. When the other step is over there is nothing to wait for and tasks
 * are ready singly, so a failed frame holds up only its own.
 */
#include "sched/inside.h"

static struct step *step_of(const struct sched *s, sched_step step)
{
    return s->steps.at[step];
}

int64_t waiting_of(const struct step *t)
{
    return t->count - t->running.members - t->done.members - t->failed.members -
           t->cancelled.members;
}

struct set *set_of(struct step *t, enum which_set which)
{
    struct set *const sets[] = {
        [SET_READY] = &t->ready,   [SET_RUNNING] = &t->running,     [SET_DONE] = &t->done,
        [SET_FAILED] = &t->failed, [SET_CANCELLED] = &t->cancelled, [SET_MARKED] = &t->marked};
    return sets[which];
}

static enum which_set set_for(enum sched_state state)
{
    static const enum which_set sets[] = {[SCHED_RUNNING] = SET_RUNNING,
                                          [SCHED_DONE] = SET_DONE,
                                          [SCHED_FAILED] = SET_FAILED,
                                          [SCHED_CANCELLED] = SET_CANCELLED};
    return sets[state];
}

void set_change(struct sched *s, sched_step step, enum which_set which, int64_t first, int64_t last,
                bool in)
{
    struct step *t = step_of(s, step);
    struct set *set = set_of(t, which);
    for (int64_t i = set_next(set, first, !in); i <= last;) {
        int64_t end = set_next(set, i, in) - 1;
        end = end < last ? end : last;
        set_put(set, i, end, in);
        ADD(s->journal,
            (struct record){
                .kind = REC_SET, .step = step, .which = which, .in = in, .first = i, .last = end});
        i = end < last ? set_next(set, end + 1, !in) : last + 1;
    }
}

static void ready_change(struct sched *s, sched_step step, int64_t first, int64_t last, bool in)
{
    struct step *t = step_of(s, step);
    if (in ? set_all(&t->ready, first, last) : set_none(&t->ready, first, last))
        return;
    struct job *j = s->jobs.at[t->job];
    int64_t before = t->ready.members;
    job_touch(s, j);
    set_change(s, step, SET_READY, first, last, in);
    j->p.ready += t->ready.members - before;
    step_queue(s, step);
    if (in && t->queued)
        class_wake(s, t->class);
}

bool next_run(const struct step *t, enum sched_state state, int64_t from, struct sched_run *run)
{
    const struct set *sets[] = {&t->running, &t->done, &t->failed, &t->cancelled};
    if (state != SCHED_WAITING) {
        const struct set *set = sets[state - SCHED_RUNNING];
        run->first = set_next(set, from, true);
        run->last = set_next(set, run->first, false) - 1;
        return run->first < t->count;
    }
    int64_t at = from, moved = 1;
    while (moved && at < t->count) {
        int64_t start = at;
        for (int i = 0; i < 4; i++)
            at = at < t->count ? set_next(sets[i], at, false) : at;
        moved = at - start;
    }
    run->first = at;
    run->last = t->count;
    for (int i = 0; i < 4 && at < t->count; i++) {
        int64_t end = set_next(sets[i], at, true);
        run->last = end < run->last ? end : run->last;
    }
    run->last--;
    return at < t->count;
}

// ---- frames

static int64_t place_count(const struct step *t)
{
    size_t last = t->frames.count - 1;
    return t->frames.count ? t->frames_before[last] + t->frames.at[last].count : INT64_MAX;
}

static int64_t frame_at(const struct step *t, int64_t place)
{
    if (!t->frames.count)
        return place;
    size_t low = 0, high = t->frames.count;
    if (place >= place_count(t))
        place = place_count(t) - 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (t->frames_before[middle] <= place)
            low = middle;
        else
            high = middle;
    }
    return t->frames.at[low].first + (place - t->frames_before[low]) * t->frames.at[low].by;
}

// The place of the first frame at or after this one; place_count: there is none.
static int64_t place_of(const struct step *t, int64_t frame)
{
    if (!t->frames.count)
        return frame < 0 ? 0 : frame;
    size_t low = 0, high = t->frames.count; // the first run that does not end before it
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct sched_frames *f = &t->frames.at[middle];
        if (f->first + (f->count - 1) * f->by < frame)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->frames.count)
        return place_count(t);
    const struct sched_frames *f = &t->frames.at[low];
    return t->frames_before[low] + (frame <= f->first ? 0 : (frame - f->first + f->by - 1) / f->by);
}

static void frames_of(const struct step *t, int64_t first, int64_t last, int64_t *low,
                      int64_t *high)
{
    *low = frame_at(t, first / t->tiles * t->span);
    *high = frame_at(t, last / t->tiles * t->span + t->span - 1);
}

// Tasks that stand for any of these frames; first > last: none.
static struct sched_run tasks_between(const struct step *t, int64_t low, int64_t high)
{
    struct sched_run run = {place_of(t, low) / t->span * t->tiles, -1};
    int64_t behind = high < INT64_MAX ? place_of(t, high + 1) : place_count(t);
    if (behind > 0 && place_of(t, low) < behind)
        run.last = (behind - 1) / t->span * t->tiles + t->tiles - 1;
    if (run.last >= t->count)
        run.last = t->count - 1;
    return run;
}

// ---- what a step is after

static bool step_over(const struct step *t)
{
    return waiting_of(t) == 0 && t->running.members == 0;
}

// The first task of the other step that is missing for `task`; its count: none is.
static int64_t missing(const struct sched *s, const struct step *t, const struct need_step *n,
                       int64_t task, int64_t chunk_first)
{
    const struct step *o = step_of(s, n->step);
    int64_t low, high;
    if (n->after == SCHED_AFTER_ALL)
        return o->done.members == o->count ? o->count : set_next(&o->done, 0, false);
    frames_of(t, task, task, &low, &high);
    struct sched_run run = tasks_between(o, low + n->from, high + n->to);
    if (o == t && run.last >= chunk_first)
        run.last = chunk_first - 1; // those come before it in the same attempt
    int64_t gap = run.first <= run.last ? set_next(&o->done, run.first, false) : o->count;
    return gap <= run.last ? gap : o->count;
}

bool need_met(const struct sched *s, const struct step *t, const struct need_step *n, int64_t task,
              int64_t chunk_first)
{
    return missing(s, t, n, task, chunk_first) == step_of(s, n->step)->count;
}

// True when all is met; otherwise *next is a later task before which none can be met.
static bool all_met(const struct sched *s, const struct step *t, int64_t task, int64_t *next)
{
    for (size_t i = 0; i < t->after.count; i++) {
        const struct need_step *n = &t->after.at[i];
        const struct step *o = step_of(s, n->step);
        int64_t gap = missing(s, t, n, task, task), low, high;
        if (gap == o->count)
            continue;
        *next = task + 1;
        bool dense = !o->frames.count || (o->frames.count == 1 && o->frames.at[0].by == 1);
        if (n->after == SCHED_AFTER_ALL) {
            *next = t->count;
        } else if (dense) {
            // Its frames from the gap to the next that is done can not be met, nor what needs them.
            int64_t done = set_next(&o->done, gap, true);
            bool any = done < o->count;
            frames_of(o, any ? done : o->count - 1, any ? done : o->count - 1, &low, &high);
            int64_t jump = tasks_between(t, (any ? low : high + 1) - n->to, INT64_MAX / 2).first;
            *next = jump > *next ? jump : *next;
        }
        return false;
    }
    return true;
}

bool task_met(const struct sched *s, const struct step *t, int64_t task)
{
    int64_t next;
    return all_met(s, t, task, &next);
}

bool previewing(const struct job *j)
{
    return j->wish.preview_every > 0 && !j->p.approved;
}

static int64_t cell_of(const struct sched *s, const struct step *t)
{
    if (!t->waits_frames || t->chunk <= 1 || t->target_ms || previewing(s->jobs.at[t->job]))
        return 1;
    for (size_t i = 0; i < t->after.count; i++)
        if (step_over(step_of(s, t->after.at[i].step)))
            return 1;
    return t->chunk;
}

// Those of a run that wait become ready, but for what rests and what is no preview.
static void make_ready(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    struct step *t = step_of(s, step);
    const struct set *only =
        previewing(s->jobs.at[t->job]) && t->preview.members ? &t->preview : NULL;
    struct sched_run run = {0, first - 1};
    while (next_run(t, SCHED_WAITING, run.last + 1, &run) && run.first <= last) {
        int64_t end = run.last < last ? run.last : last;
        int64_t a = only ? set_next(only, run.first, true) : run.first;
        while (a <= end) {
            int64_t b = only ? set_next(only, a, false) - 1 : end;
            b = b < end ? b : end;
            ready_change(s, step, a, b, true);
            a = only && b < end ? set_next(only, b + 1, true) : end + 1;
        }
        for (int64_t m = set_next(&t->marked, run.first, true); m <= end;
             m = set_next(&t->marked, m + 1, true)) {
            const struct fails *f = fails_of(s, step, m);
            if (f && f->rest_until_ms)
                ready_change(s, step, m, m, false);
            if (m + 1 >= t->count)
                break;
        }
    }
}

void tasks_release(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    struct step *t = step_of(s, step);
    struct job *j = s->jobs.at[t->job];
    if (!j->p.started)
        return;
    if (!job_met(s, j))
        return;
    int64_t next = 0, cell = cell_of(s, t);
    if (!t->waits_frames && !t->waits_itself) {
        if (all_met(s, t, first, &next))
            make_ready(s, step, first, last);
        return;
    }
    for (int64_t at = first - first % cell; at <= last;) {
        struct sched_run run;
        int64_t end = at - at % cell + cell - 1;
        end = end < t->count ? end : t->count - 1;
        if (!next_run(t, SCHED_WAITING, at, &run))
            return;
        if (run.first > end) {
            at = run.first - run.first % cell;
            continue;
        }
        bool met = true;
        for (int64_t i = run.first; i <= end && met; i++)
            if (set_has(&t->ready, i) || sched_task_state(s, step, i) != SCHED_WAITING)
                continue;
            else
                met = all_met(s, t, i, &next);
        if (met)
            make_ready(s, step, at - at % cell, end);
        // The last cell may be a short one.
        at = !met && next - next % cell > end ? next - next % cell : end + 1;
    }
}

static bool has_ended(const struct job *j)
{
    return j->p.told == SCHED_JOB_DONE || j->p.told == SCHED_JOB_FAILED ||
           j->p.told == SCHED_JOB_CANCELLED;
}

bool job_met(const struct sched *s, const struct job *j)
{
    for (size_t i = 0; i < j->after.count; i++) {
        const struct sched_after_job *n = &j->after.at[i];
        const struct job *o = s->jobs.at[n->job];
        if (n->anyhow ? !has_ended(o) : o->p.told != SCHED_JOB_DONE)
            return false;
    }
    return true;
}

void job_hold(struct sched *s, struct job *j)
{
    for (size_t i = 0; i < j->steps.count; i++)
        ready_change(s, j->steps.at[i], 0, step_of(s, j->steps.at[i])->count - 1, false);
}

void job_release(struct sched *s, struct job *j)
{
    for (size_t i = 0; i < j->steps.count; i++)
        tasks_release(s, j->steps.at[i], 0, step_of(s, j->steps.at[i])->count - 1);
}

bool task_follows(struct sched *s, struct step *t, int64_t first, int64_t task)
{
    if (set_has(&t->marked, task))
        return false;
    if (!t->waits_itself || set_has(&t->ready, task))
        return set_has(&t->ready, task);
    if (sched_task_state(s, t->id, task) != SCHED_WAITING)
        return false;
    for (size_t i = 0; i < t->after.count; i++)
        if (!need_met(s, t, &t->after.at[i], task, first))
            return false;
    return true;
}

void dependants_of(struct sched *s, sched_step step, int64_t first, int64_t last, each_run *each)
{
    struct step *t = step_of(s, step);
    for (size_t i = 0; i < t->before.count; i++) {
        struct step *d = step_of(s, t->before.at[i]);
        for (size_t k = 0; k < d->after.count; k++) {
            const struct need_step *n = &d->after.at[k];
            int64_t low, high;
            if (n->step != step)
                continue;
            struct sched_run run = {0, d->count - 1};
            if (n->after == SCHED_AFTER_FRAMES) {
                frames_of(t, first, last, &low, &high);
                run = tasks_between(d, low - n->to, high - n->from);
            }
            if (run.first <= run.last)
                each(s, d->id, run.first, run.last);
        }
    }
}

static void not_ready(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    ready_change(s, step, first, last, false);
    tasks_release(s, step, first, last); // of frames in between that the other step does not have
}

static void release_all(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    (void)first;
    (void)last;
    tasks_release(s, step, 0, step_of(s, step)->count - 1);
}

static void change_row(struct sched *s, struct sched_change c)
{
    struct sched_change *l = s->changes.count ? &s->changes.at[s->changes.count - 1] : NULL;
    if (l && l->step == c.step && l->before == c.before && l->after == c.after &&
        l->fence == c.fence && l->last + 1 == c.first)
        l->last = c.last;
    else
        ADD(s->changes, c);
}

static int64_t *counter(struct job *j, enum sched_state state)
{
    int64_t *const counters[] = {[SCHED_RUNNING] = &j->p.running,
                                 [SCHED_DONE] = &j->p.done,
                                 [SCHED_FAILED] = &j->p.failed,
                                 [SCHED_CANCELLED] = &j->p.cancelled_tasks};
    return counters[state];
}

void tasks_move(struct sched *s, sched_step step, int64_t first, int64_t last,
                enum sched_state before, enum sched_state after, sched_fence fence)
{
    struct step *t = step_of(s, step);
    struct job *j = s->jobs.at[t->job];
    job_touch(s, j);
    if (before == SCHED_WAITING) {
        ready_change(s, step, first, last, false);
    } else {
        set_change(s, step, set_for(before), first, last, false);
        *counter(j, before) -= last - first + 1;
    }
    if (after != SCHED_WAITING) {
        set_change(s, step, set_for(after), first, last, true);
        *counter(j, after) += last - first + 1;
    }
    change_row(s, (struct sched_change){step, first, last, before, after, fence});
    if (before == SCHED_DONE)
        dependants_of(s, step, first, last, not_ready);
    if (after == SCHED_WAITING)
        tasks_release(s, step, first, last);
    if (after == SCHED_DONE && t->before.count && (t->done.members == t->count || !step_over(t)))
        dependants_of(s, step, first, last, tasks_release);
    if (after != SCHED_WAITING && t->before.count && step_over(t))
        dependants_of(s, step, 0, t->count - 1, release_all);
    step_queue(s, step);
}

void tasks_move_those(struct sched *s, sched_step step, int64_t first, int64_t last,
                      enum sched_state before, enum sched_state after, sched_fence fence)
{
    struct step *t = step_of(s, step);
    struct sched_run run = {0, first - 1};
    while (run.last + 1 <= last && next_run(t, before, run.last + 1, &run) && run.first <= last) {
        run.last = run.last < last ? run.last : last;
        tasks_move(s, step, run.first, run.last, before, after, fence);
    }
}
