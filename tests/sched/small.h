// A small farm for tests: `f.s`, workers 1..n on hosts 1..n, and short ways to say things.
#pragma once
#include "test.h"

#include "sched/sched.h"

#include <inttypes.h>

struct farm {
    struct sched *s;
    int64_t now;
};

// Workers with 8 CPUs, 16 GB, one host each.
static inline void farm_open(struct farm *f, int workers, int asks)
{
    *f = (struct farm){.s = sched_open(NULL, 1), .now = 1000000};
    for (int i = 0; i < workers; i++) {
        sched_host h = sched_host_add(f->s);
        sched_worker w = sched_worker_add(
            f->s, &(struct sched_worker_wish){.host = h,
                                              .has = {.milli_cpus = 8000, .memory_mib = 16000}});
        sched_worker_up(f->s, w, f->now);
        if (asks)
            sched_worker_asks(f->s, w, asks, f->now);
    }
}

static inline void farm_close(struct farm *f)
{
    sched_close(f->s);
}

static inline sched_job job_add(struct farm *f, const char *project, int tier, int priority)
{
    return sched_job_add(f->s,
                         &(struct sched_job_wish){.project = sched_word(f->s, project),
                                                  .user = sched_word(f->s, "ann"),
                                                  .tier = tier,
                                                  .priority = priority},
                         f->now);
}

static inline sched_step step_add(struct farm *f, sched_job job, struct sched_step_wish wish)
{
    struct error err;
    sched_step step = 0;
    if (!sched_step_add(f->s, job, &wish, &step, &err))
        fail_msg("%s: %s", err.what, err.why);
    return step;
}

// A job of one step that is started.
static inline sched_step quick(struct farm *f, const char *project, int tier, int priority,
                               struct sched_step_wish wish)
{
    sched_job job = job_add(f, project, tier, priority);
    sched_step step = step_add(f, job, wish);
    sched_job_start(f->s, job, f->now);
    return step;
}

// Decides, and gives the attempts (at most 64) of it; the batch is kept.
static inline int decide(struct farm *f, struct sched_give *gives)
{
    sched_tick(f->s, f->now);
    sched_decide(f->s, 64, f->now);
    const struct sched_batch *b = sched_batch(f->s);
    int count = (int)b->give_count;
    if (gives && count)
        memcpy(gives, b->gives, b->give_count * sizeof(*gives));
    sched_keep(f->s);
    return count;
}

static inline enum sched_verdict ended(struct farm *f, sched_fence fence, enum sched_how how)
{
    return sched_ended(f->s, fence, &(struct sched_end){.how = how, .task = -1}, f->now);
}

// The end of an attempt and the worker asks for the next.
static inline enum sched_verdict next(struct farm *f, const struct sched_give *g,
                                      enum sched_how how)
{
    enum sched_verdict v = ended(f, g->fence, how);
    sched_worker_asks(f->s, g->worker, 1, f->now);
    return v;
}

static inline bool noticed(struct farm *f, enum sched_notice_kind kind, struct sched_notice *n)
{
    const struct sched_batch *b = sched_batch(f->s);
    for (size_t i = 0; i < b->notice_count; i++)
        if (b->notices[i].kind == kind) {
            *n = b->notices[i];
            return true;
        }
    return false;
}

static inline enum sched_job_state job_state(struct farm *f, sched_job job)
{
    struct sched_job_look look;
    sched_job_look(f->s, job, f->now, &look);
    return look.state;
}

static inline struct sched_step_look look(struct farm *f, sched_step step)
{
    struct sched_step_look l;
    sched_step_look(f->s, step, &l);
    return l;
}

static inline bool says(struct farm *f, sched_job job, enum sched_reason_kind kind,
                        struct sched_reason *r)
{
    struct sched_reason reasons[16];
    int count = sched_why(f->s, job, f->now, reasons, 16);
    for (int i = 0; i < count; i++)
        if (reasons[i].kind == kind) {
            *r = reasons[i];
            return true;
        }
    return false;
}
