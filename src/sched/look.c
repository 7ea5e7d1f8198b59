// Looking at what is.
#include "sched/inside.h"

#include <math.h>

enum sched_state sched_task_state(const struct sched *s, sched_step step, int64_t task)
{
    const struct step *t = s->steps.at[step];
    return set_has(&t->done, task)        ? SCHED_DONE
           : set_has(&t->running, task)   ? SCHED_RUNNING
           : set_has(&t->failed, task)    ? SCHED_FAILED
           : set_has(&t->cancelled, task) ? SCHED_CANCELLED
                                          : SCHED_WAITING;
}

bool sched_next_run(const struct sched *s, sched_step step, enum sched_state state, int64_t from,
                    struct sched_run *run)
{
    return from < s->steps.at[step]->count && next_run(s->steps.at[step], state, from, run);
}

void sched_task_faults(const struct sched *s, sched_step step, int64_t task, int *tries,
                       int *losses)
{
    const struct fails *f = fails_of(s, step, task);
    *tries = f ? f->tries : 0;
    *losses = f ? f->losses : 0;
}

int64_t sched_estimate_ms(const struct sched *s, sched_step step, int64_t task)
{
    return step_estimate_ms(s, s->steps.at[step], task);
}

void sched_step_look(const struct sched *s, sched_step step, struct sched_step_look *look)
{
    const struct step *t = s->steps.at[step];
    *look = (struct sched_step_look){
        .tasks = t->count,
        .waiting = waiting_of(t),
        .ready = t->ready.members,
        .running = t->running.members,
        .done = t->done.members,
        .failed = t->failed.members,
        .cancelled = t->cancelled.members,
        .mean_ms = t->p.mean_ms,
        .sigma_ms = t->p.samples > 1 ? sqrt(t->p.m2 / (double)(t->p.samples - 1)) : 0,
        .samples = t->p.samples,
        .next_chunk = (int)chunk_size(s, t)};
}

// What is left of a step, in machine time; -1: not known.
static double left_of(const struct sched *s, const struct step *t, int64_t now_ms)
{
    int64_t waiting = waiting_of(t);
    double left = 0;
    if (waiting == 0 && t->running.members == 0)
        return 0;
    for (int i = 0; i < SPOTS && waiting > 0; i++) {
        int64_t task = (int64_t)i * t->count / SPOTS;
        int64_t each = step_estimate_ms(s, t, task);
        if (each <= 0)
            return -1;
        left += (double)waiting / SPOTS * (double)each;
    }
    for (sched_fence f = t->attempts; f; f = attempt_of(s, f)->step_next) {
        const struct attempt *a = attempt_of(s, f);
        double whole = (double)(a->last - a->first + 1) * (double)step_estimate_ms(s, t, a->first);
        double rest = whole - (double)(now_ms - a->began_ms);
        if (whole <= 0)
            return -1;
        left += a->p.dropped || rest < 0 ? 0 : rest;
    }
    return left;
}

void sched_job_look(const struct sched *s, sched_job job, int64_t now_ms,
                    struct sched_job_look *look)
{
    const struct job *j = s->jobs.at[job];
    double left = 0;
    for (size_t i = 0; i < j->steps.count && left >= 0; i++) {
        double more = left_of(s, s->steps.at[j->steps.at[i]], now_ms);
        left = more < 0 ? -1 : left + more;
    }
    *look = (struct sched_job_look){
        .state = j->p.told,
        .tasks = j->p.tasks,
        .waiting = j->p.tasks - j->p.running - j->p.done - j->p.failed - j->p.cancelled_tasks,
        .ready = j->p.ready,
        .running = j->p.running,
        .done = j->p.done,
        .failed = j->p.failed,
        .cancelled = j->p.cancelled_tasks,
        .attempts_running = j->p.attempts,
        .spent = j->p.spent,
        .promised = j->p.promised,
        .currency = j->p.currency,
        .left_ms = left < 0 ? -1 : (int64_t)(left / (double)(j->p.attempts ? j->p.attempts : 1))};
}

bool sched_attempt_look(const struct sched *s, sched_fence fence, struct sched_attempt_look *look)
{
    const struct attempt *a = attempt_of(s, fence);
    if (!a)
        return false;
    *look = (struct sched_attempt_look){.step = a->step,
                                        .worker = a->worker,
                                        .first = a->first,
                                        .last = a->last,
                                        .began_ms = a->began_ms,
                                        .permille = a->p.permille,
                                        .dropped = a->p.dropped};
    return true;
}
