// Jobs and steps: added, loaded, changed by people, ended.
#include "sched/inside.h"

static struct job *job_of(const struct sched *s, sched_job job)
{
    assert(job && job < s->jobs.count && s->jobs.at[job]);
    return s->jobs.at[job];
}

// Only those that were added before: so nobody can wait for himself.
static void after_jobs(struct sched *s, struct job *j, const struct sched_job_wish *wish)
{
    for (int i = 0; i < wish->after_count; i++) {
        struct job *o = job_of(s, wish->after[i].job);
        assert(o != j);
        ADD(j->after, wish->after[i]);
        ADD(o->before, j->id);
        o->needed++;
    }
    j->wish.after = NULL; // it was borrowed
}

static void forget_after_jobs(struct sched *s, struct job *j)
{
    for (size_t i = 0; i < j->after.count; i++) {
        struct job *o = s->jobs.at[j->after.at[i].job];
        if (!o) // all are closed, in any order
            continue;
        o->needed--;
        for (size_t k = 0; k < o->before.count; k++)
            if (o->before.at[k] == j->id)
                o->before.at[k--] = o->before.at[--o->before.count];
    }
    free(j->after.at);
    free(j->before.at);
}

sched_job sched_job_add(struct sched *s, const struct sched_job_wish *wish, int64_t now_ms)
{
    s->now_ms = now_ms;
    struct job *j = calloc(1, sizeof(*j));
    assert(j);
    j->wish = *wish;
    j->seq = ++s->seq;
    j->p.tier = wish->tier < 0 ? 0 : wish->tier >= SCHED_TIERS ? SCHED_TIERS - 1 : wish->tier;
    j->p.priority = wish->priority;
    j->p.budget = wish->currency ? wish->budget : -1;
    j->p.currency = wish->currency;
    j->project = party_of(s, wish->project, 0);
    j->user = party_of(s, wish->project, wish->user ? wish->user : sched_word(s, ""));
    j->node = node_of(s, j->p.tier, j->project, j->user);
    if (s->free_jobs.count) {
        j->id = s->free_jobs.at[--s->free_jobs.count];
        s->jobs.at[j->id] = j;
    } else {
        j->id = (sched_job)s->jobs.count;
        ADD(s->jobs, j);
    }
    ADD(s->journal, (struct record){.kind = REC_JOB, .step = j->id});
    job_touch(s, j);
    after_jobs(s, j, wish);
    return j->id;
}

// ---- steps

static bool refuse(struct error *err, const char *why, int64_t number)
{
    error_set(err, ERROR_INPUT, "a step cannot be scheduled");
    error_why(err, why, (long long)number);
    return error_fix(err, "see the bounds of a step in the manual of the farm");
}

static bool frames_are_fine(const struct sched_step_wish *w, int64_t *places)
{
    *places = 0;
    for (int i = 0; i < w->frame_runs; i++) {
        const struct sched_frames *f = &w->frames[i];
        const struct sched_frames *p = i ? &w->frames[i - 1] : NULL;
        if (f->by < 1 || f->count < 1 || f->count > INT32_MAX || f->by > INT32_MAX ||
            f->first > INT64_MAX / 4 || f->first < INT64_MIN / 4 ||
            (p && p->first + (p->count - 1) * p->by >= f->first))
            return false;
        *places += f->count;
    }
    return w->frame_runs >= 0 && w->frame_runs <= SCHED_RUNS_MOST;
}

static bool needs_are_fine(const struct sched_step_wish *w)
{
    int words = 0;
    const int64_t amounts[] = {w->needs.milli_cpus, w->needs.memory_mib,     w->needs.scratch_mib,
                               w->needs.gpus,       w->needs.gpu_memory_mib, w->needs.extra[0],
                               w->needs.extra[1],   w->needs.extra[2]};
    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++)
        if (amounts[i] < 0)
            return false;
    if (w->clause_count < 0 || w->clause_count > SCHED_CLAUSES_MOST || w->limit_count < 0 ||
        w->limit_count > SCHED_NEED_LIMITS_MOST || w->needs.gpus > 64)
        return false;
    for (int i = 0; i < w->clause_count; i++)
        words += w->clauses[i].count;
    for (int i = 0; i < w->limit_count; i++)
        if (!w->limits[i].limit || w->limits[i].amount < 1)
            return false;
    return words <= SCHED_WORDS_MOST;
}

static bool after_is_fine(const struct sched *s, const struct sched_step_wish *w)
{
    if (w->after_count < 0 || w->after_count > SCHED_NEEDS_STEPS_MOST)
        return false;
    for (int i = 0; i < w->after_count; i++) {
        const struct sched_needs_step *n = &w->after[i];
        bool itself = n->step == 0 && n->after == SCHED_AFTER_FRAMES && n->from < 0 && n->to < 0;
        bool other = n->step && n->step < s->steps.count && s->steps.at[n->step];
        if ((!itself && !other) || n->from > n->to)
            return false;
    }
    return true;
}

static bool wish_is_fine(const struct sched *s, const struct sched_step_wish *w, struct error *err)
{
    int64_t places = 0, tiles = w->tiles ? w->tiles : 1,
            span = w->frames_a_task ? w->frames_a_task : 1;
    if (w->count < 1 || w->count > SCHED_TASKS_MOST)
        return refuse(err, "it has %lld tasks", w->count);
    if (tiles < 1 || span < 1 || w->chunk < 0 || w->target_ms < 0)
        return refuse(err, "its chunk of %lld, or its tiles or frames a task, are below 1",
                      w->chunk);
    if (!frames_are_fine(w, &places))
        return refuse(err, "its %lld runs of frames do not ascend or are too many", w->frame_runs);
    if (w->frame_runs && (places + span - 1) / span * tiles != w->count)
        return refuse(err, "its frames make another number of tasks than %lld", w->count);
    if (!needs_are_fine(w))
        return refuse(err, "its needs are negative, or more than %lld words", SCHED_WORDS_MOST);
    if (!after_is_fine(s, w))
        return refuse(err, "one of the %lld steps that it is after is not known before it",
                      w->after_count);
    return true;
}

static void frames_take(struct step *t, const struct sched_step_wish *w)
{
    int64_t before = 0;
    t->frames_before = calloc((size_t)w->frame_runs + 1, sizeof(*t->frames_before));
    assert(t->frames_before);
    for (int i = 0; i < w->frame_runs; i++) {
        ADD(t->frames, w->frames[i]);
        t->frames_before[i] = before;
        before += w->frames[i].count;
    }
}

static void after_take(struct sched *s, struct step *t, const struct sched_step_wish *w)
{
    for (int i = 0; i < w->after_count; i++) {
        const struct sched_needs_step *n = &w->after[i];
        sched_step other = n->step ? n->step : t->id;
        struct step *o = s->steps.at[other];
        ADD(t->after, (struct need_step){other, n->after, n->from, n->to});
        bool known = false;
        for (size_t k = 0; k < o->before.count; k++)
            known |= o->before.at[k] == t->id;
        if (!known)
            ADD(o->before, t->id);
        t->waits_itself |= other == t->id;
        t->waits_frames |= other != t->id && n->after == SCHED_AFTER_FRAMES;
        if (o->job != t->job) {
            s->jobs.at[t->job]->outside = true;
            s->jobs.at[o->job]->needed++;
        }
    }
}

static void previews_mark(struct step *t, int every)
{
    int64_t frames = t->count / t->tiles; // all tiles of a preview frame
    if (every <= 0 || frames < 2)
        return;
    for (int64_t f = 0; f < frames; f += every)
        set_put(&t->preview, f * t->tiles, f * t->tiles + t->tiles - 1, true);
    const int64_t also[] = {frames / 2, frames - 1};
    for (int i = 0; i < 2; i++)
        set_put(&t->preview, also[i] * t->tiles, also[i] * t->tiles + t->tiles - 1, true);
}

bool sched_step_add(struct sched *s, sched_job job, const struct sched_step_wish *w,
                    sched_step *step, struct error *err)
{
    struct job *j = job_of(s, job);
    if (!wish_is_fine(s, w, err))
        return false;
    struct step *t = calloc(1, sizeof(*t));
    assert(t);
    if (s->free_steps.count) {
        t->id = s->free_steps.at[--s->free_steps.count];
        s->steps.at[t->id] = t;
    } else {
        t->id = (sched_step)s->steps.count;
        ADD(s->steps, t);
    }
    t->job = job;
    t->index = (int)j->steps.count;
    t->count = w->count;
    t->tiles = w->tiles ? w->tiles : 1;
    t->span = w->frames_a_task ? w->frames_a_task : 1;
    t->chunk = w->chunk ? w->chunk : 1;
    t->target_ms = w->target_ms;
    t->data = w->data;
    t->class = class_take(s, w);
    struct set *sets[] = {&t->ready,     &t->running, &t->done,  &t->failed,
                          &t->cancelled, &t->preview, &t->marked};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        set_open(sets[i], w->count);
    frames_take(t, w);
    after_take(s, t, w);
    previews_mark(t, j->wish.preview_every);
    ADD(s->journal, (struct record){.kind = REC_STEP, .step = t->id});
    job_touch(s, j);
    ADD(j->steps, t->id);
    j->p.tasks += t->count;
    *step = t->id;
    return true;
}

static void forget_before(struct sched *s, struct step *t)
{
    for (size_t i = 0; i < t->after.count; i++) {
        struct step *o = s->steps.at[t->after.at[i].step];
        if (o->job != t->job)
            s->jobs.at[o->job]->needed--;
        for (size_t k = 0; k < o->before.count; k++)
            if (o->before.at[k] == t->id)
                o->before.at[k--] = o->before.at[--o->before.count];
    }
}

void step_free(struct sched *s, sched_step step)
{
    struct step *t = s->steps.at[step];
    struct job *j = s->jobs.at[t->job];
    step_unqueue(s, step);
    for (int64_t m = set_next(&t->marked, 0, true); m < t->count;) {
        fails_write(s, &(struct fails){.key = (uint64_t)step << 32 | (uint64_t)m, .tries = -1});
        m = m + 1 < t->count ? set_next(&t->marked, m + 1, true) : t->count;
    }
    forget_before(s, t);
    class_give_back(s, t->class);
    assert(j->steps.at[j->steps.count - 1] == step);
    j->steps.count--;
    struct set *sets[] = {&t->ready,     &t->running, &t->done,  &t->failed,
                          &t->cancelled, &t->preview, &t->marked};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        set_close(sets[i]);
    free(t->frames.at);
    free(t->frames_before);
    free(t->after.at);
    free(t->before.at);
    free(t);
    s->steps.at[step] = NULL;
    ADD(s->free_steps, step);
}

void job_free(struct sched *s, sched_job job)
{
    struct job *j = s->jobs.at[job];
    while (j->steps.count)
        step_free(s, j->steps.at[j->steps.count - 1]);
    forget_after_jobs(s, j);
    free(j->steps.at);
    free(j);
    s->jobs.at[job] = NULL;
    ADD(s->free_jobs, job);
}

// ---- loading

void sched_step_load(struct sched *s, sched_step step, enum sched_state state, int64_t first,
                     int64_t last)
{
    struct step *t = s->steps.at[step];
    struct job *j = s->jobs.at[t->job];
    assert(!j->p.started && first >= 0 && first <= last && last < t->count);
    if (state == SCHED_WAITING)
        return;
    struct set *const sets[] = {NULL, &t->running, &t->done, &t->failed, &t->cancelled};
    int64_t *const counts[] = {NULL, &j->p.running, &j->p.done, &j->p.failed,
                               &j->p.cancelled_tasks};
    int64_t before = sets[state]->members;
    set_put(sets[state], first, last, true);
    *counts[state] += sets[state]->members - before;
}

void sched_task_load(struct sched *s, sched_step step, int64_t task, int tries, int losses)
{
    fails_put(s, &(struct fails){.key = (uint64_t)step << 32 | (uint64_t)task,
                                 .tries = tries,
                                 .losses = losses});
}

void sched_attempt_load(struct sched *s, sched_fence fence, sched_step step, int64_t first,
                        int64_t last, sched_worker worker, int64_t began_ms, uint64_t gpus)
{
    if (fence >= s->next_fence)
        s->next_fence = fence + 1;
    struct attempt *twin = NULL;
    const struct step *t = s->steps.at[step];
    // Only where something runs already there is one to be found: ten thousand others are not
    // asked.
    bool shared = !set_none(&t->running, first, last);
    for (sched_fence f = shared ? t->attempts : 0; f; f = attempt_of(s, f)->step_next)
        if (attempt_of(s, f)->first <= last && attempt_of(s, f)->last >= first)
            twin = attempt_of(s, f);
    // What of its run is not over runs.
    for (int64_t i = first; i <= last; i++)
        if (sched_task_state(s, step, i) == SCHED_WAITING)
            sched_step_load(s, step, SCHED_RUNNING, i, i);
    struct attempt *a = attempt_open(s, &(struct attempt){.fence = fence,
                                                          .step = step,
                                                          .worker = worker,
                                                          .first = first,
                                                          .last = last,
                                                          .gpus = gpus,
                                                          .began_ms = began_ms});
    if (twin && !twin->p.twin && !twin->p.twin_of) {
        twin->p.twin = fence;
        a->p.twin_of = twin->fence;
    }
}

void sched_times_load(struct sched *s, sched_step step, double mean_ms, double sigma_ms,
                      int64_t samples)
{
    struct step *t = s->steps.at[step];
    t->p.mean_ms = mean_ms;
    t->p.m2 = sigma_ms * sigma_ms * (double)(samples > 1 ? samples - 1 : 0);
    t->p.samples = samples;
}

void sched_job_load(struct sched *s, sched_job job, const struct sched_job_past *past)
{
    struct job *j = job_of(s, job);
    j->p.suspended = past->suspended;
    j->p.stopped = past->stopped;
    j->p.approved = past->approved;
    j->p.spent = past->spent;
}

void sched_job_start(struct sched *s, sched_job job, int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    if (j->p.started)
        return;
    job_touch(s, j);
    j->p.started = true;
    job_release(s, j);
    settle(s);
}

// ---- by people

void sched_job_edit(struct sched *s, sched_job job, int tier, int priority, int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    for (size_t i = 0; i < j->steps.count; i++)
        step_unqueue(s, j->steps.at[i]); // it is found there by its priority of before
    job_touch(s, j);
    j->p.tier = tier < 0 ? 0 : tier >= SCHED_TIERS ? SCHED_TIERS - 1 : tier;
    j->p.priority = priority;
    job_queue(s, j);
    settle(s);
}

void sched_job_budget(struct sched *s, sched_job job, int64_t budget, sched_word_id currency,
                      int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    job_touch(s, j);
    j->p.budget = currency ? budget : -1;
    j->p.currency = currency ? currency : j->p.currency;
    for (size_t i = 0; i < j->steps.count; i++)
        class_wake(s, s->steps.at[j->steps.at[i]]->class);
    settle(s);
}

void sched_job_suspend(struct sched *s, sched_job job, bool drop, int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    job_touch(s, j);
    j->p.suspended = true;
    job_queue(s, j);
    for (size_t i = 0; i < j->steps.count && drop; i++)
        attempts_drop_over(s, j->steps.at[i], 0, s->steps.at[j->steps.at[i]]->count - 1,
                           SCHED_DROP_PREEMPTED);
    settle(s);
}

// What a person asks for again may be tried by hosts that it did not suit: he has put it right.
static void hosts_forgive(struct sched *s, const struct job *j)
{
    for (size_t i = 1; i < s->hosts.count; i++)
        for (int k = 0; k < AVOIDS; k++)
            if (s->hosts.at[i]->p.avoids[k].job == j->seq) {
                KEEP(s, s->hosts.at[i]);
                s->hosts.at[i]->p.avoids[k].job = 0;
            }
}

void sched_job_resume(struct sched *s, sched_job job, int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    hosts_forgive(s, j);
    job_touch(s, j);
    j->p.suspended = j->p.stopped = false;
    j->p.row_failures = 0;
    job_queue(s, j);
    settle(s);
}

void sched_job_approve(struct sched *s, sched_job job, int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    job_touch(s, j);
    j->p.approved = true;
    job_release(s, j);
    settle(s);
}

static void cancel_run(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    attempts_drop_over(s, step, first, last, SCHED_DROP_CANCELLED);
    tasks_move_those(s, step, first, last, SCHED_WAITING, SCHED_CANCELLED, 0);
}

void sched_cancel(struct sched *s, sched_step step, int64_t first, int64_t last, int64_t now_ms)
{
    s->now_ms = now_ms;
    cancel_run(s, step, first, last);
    settle(s);
}

void sched_job_cancel(struct sched *s, sched_job job, int64_t now_ms)
{
    struct job *j = job_of(s, job);
    s->now_ms = now_ms;
    job_touch(s, j);
    j->p.cancelled = true;
    // From the last step: nothing becomes ready on the way.
    for (size_t i = j->steps.count; i-- > 0;)
        cancel_run(s, j->steps.at[i], 0, s->steps.at[j->steps.at[i]]->count - 1);
    settle(s);
}

static void requeue_run(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    static const enum sched_state over[] = {SCHED_DONE, SCHED_FAILED, SCHED_CANCELLED};
    struct step *t = s->steps.at[step];
    for (int64_t m = set_next(&t->marked, first, true); m <= last;) {
        if (sched_task_state(s, step, m) != SCHED_RUNNING)
            fails_put(s, &(struct fails){.key = (uint64_t)step << 32 | (uint64_t)m, .tries = -1});
        m = m + 1 < t->count ? set_next(&t->marked, m + 1, true) : t->count;
    }
    for (int i = 0; i < 3; i++)
        tasks_move_those(s, step, first, last, over[i], SCHED_WAITING, 0);
    tasks_release(s, step, first, last);
}

// What was made from tasks that are not done any more is not met any more.
static void requeue_dependants(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    const struct step *t = s->steps.at[step];
    for (int64_t i = first; i <= last; i++) {
        int64_t end = i;
        if (task_met(s, t, i))
            continue;
        while (end < last && !task_met(s, t, end + 1))
            end++;
        attempts_drop_over(s, step, i, end, SCHED_DROP_PREEMPTED);
        struct sched_run run = {0, i - 1};
        while (next_run(t, SCHED_DONE, run.last + 1, &run) && run.first <= end) {
            run.last = run.last < end ? run.last : end;
            tasks_move(s, step, run.first, run.last, SCHED_DONE, SCHED_WAITING, 0);
            dependants_of(s, step, run.first, run.last, requeue_dependants);
        }
        i = end;
    }
}

void sched_requeue(struct sched *s, sched_step step, int64_t first, int64_t last, bool dependants,
                   int64_t now_ms)
{
    struct job *j = s->jobs.at[s->steps.at[step]->job];
    s->now_ms = now_ms;
    job_touch(s, j);
    j->p.cancelled = false;
    hosts_forgive(s, j);
    requeue_run(s, step, first, last);
    if (dependants)
        dependants_of(s, step, first, last, requeue_dependants);
    settle(s);
}

bool sched_job_forget(struct sched *s, sched_job job)
{
    struct job *j = job_of(s, job);
    bool over = j->p.running == 0 && j->p.attempts == 0 &&
                j->p.tasks == j->p.done + j->p.failed + j->p.cancelled_tasks;
    if (!over || j->needed || s->journal.count || s->unsettled.count)
        return false;
    job_free(s, job);
    return true;
}

// ---- what has become of a job

static enum sched_job_state state_of(const struct sched *s, const struct job *j)
{
    int64_t over = j->p.done + j->p.failed + j->p.cancelled_tasks;
    bool stuck = j->p.ready == 0 && j->p.resting == 0 && j->p.running == 0;
    if (!j->p.started)
        return SCHED_JOB_LOADING;
    if (over == j->p.tasks) {
        if (j->p.cancelled || (j->p.cancelled_tasks && !j->p.done && !j->p.failed))
            return SCHED_JOB_CANCELLED;
        return j->p.failed ? SCHED_JOB_FAILED : SCHED_JOB_DONE;
    }
    if (j->p.suspended)
        return SCHED_JOB_SUSPENDED;
    if (j->p.stopped)
        return SCHED_JOB_STOPPED;
    if (j->p.running)
        return SCHED_JOB_RUNNING;
    if (stuck && j->p.failed && !j->outside && job_met(s, j))
        return SCHED_JOB_FAILED;
    if (stuck && previewing(j) && j->p.done)
        return SCHED_JOB_APPROVAL;
    return SCHED_JOB_WAITING;
}

void settle(struct sched *s)
{
    for (size_t i = 0; i < s->unsettled.count; i++) {
        struct job *j = s->jobs.at[s->unsettled.at[i]];
        if (!j)
            continue;
        j->unsettled = false;
        enum sched_job_state now = state_of(s, j);
        if (now == SCHED_JOB_APPROVAL && !j->wish.approve) {
            job_touch(s, j); // it comes by here again
            j->p.approved = true;
            job_release(s, j);
            continue;
        }
        if (now == j->p.told)
            continue;
        KEEP(s, j);
        j->p.told = now;
        for (size_t k = 0; k < j->before.count; k++) {
            struct job *d = s->jobs.at[j->before.at[k]];
            (job_met(s, d) ? job_release : job_hold)(s, d);
        }
        notice(s, (struct sched_notice){.kind = SCHED_JOB_NOW, .job = j->id, .state = now});
    }
    s->unsettled.count = 0;
}
