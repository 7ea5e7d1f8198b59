/*
 * The batch, and taking it back.
 *
 * The journal holds, in order: plain structs as they were (REC_BYTES), runs of tasks that entered
 * or left a set (their own inverse), attempts begun and ended, records of failures as they were,
 * jobs and steps that were added. Undo first takes all steps and workers that are touched out of
 * the orders that are derived from those structs, then goes through the journal backwards, then
 * puts them where they belong.
 */
#include "sched/inside.h"

enum { ROOM_KEPT_BYTES = 4 << 20 };

void *grow(void *at, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return at;
    *room = *room ? *room * 2 : 4;
    void *more = realloc(at, *room * size);
    assert(more);
    return more;
}

static size_t save(struct sched *s, const void *at, size_t size)
{
    size_t offset = s->bytes.count;
    while (s->bytes.room < offset + size) {
        s->bytes.room = s->bytes.room ? s->bytes.room * 2 : 4096;
        s->bytes.at = realloc(s->bytes.at, s->bytes.room);
        assert(s->bytes.at);
    }
    memcpy(s->bytes.at + offset, at, size);
    s->bytes.count += size;
    return offset;
}

void keep_bytes(struct sched *s, void *at, size_t size)
{
    ADD(s->journal,
        (struct record){.kind = REC_BYTES, .at = at, .size = size, .offset = save(s, at, size)});
}

void keep_fails(struct sched *s, const struct fails *before)
{
    ADD(s->journal, (struct record){.kind = REC_FAILS, .offset = save(s, before, sizeof(*before))});
}

void job_touch(struct sched *s, struct job *j)
{
    if (j->kept != s->batch_number)
        ADD(s->touched_jobs, j->id);
    KEEP(s, j);
    if (!j->unsettled)
        ADD(s->unsettled, j->id);
    j->unsettled = true;
}

void worker_touch(struct sched *s, sched_worker w)
{
    if (s->workers.at[w]->kept != s->batch_number)
        ADD(s->touched_workers, w);
    KEEP(s, s->workers.at[w]);
}

void notice(struct sched *s, struct sched_notice n)
{
    ADD(s->notices, n);
}

const struct sched_batch *sched_batch(struct sched *s)
{
    s->batch = (struct sched_batch){.changes = s->changes.at,
                                    .gives = s->gives.at,
                                    .drops = s->drops.at,
                                    .notices = s->notices.at,
                                    .change_count = s->changes.count,
                                    .give_count = s->gives.count,
                                    .drop_count = s->drops.count,
                                    .notice_count = s->notices.count};
    return &s->batch;
}

// What one large batch needed is not kept for the small ones after it.
#define EMPTY(list)                                                                                \
    do {                                                                                           \
        (list).count = 0;                                                                          \
        if ((list).room * sizeof(*(list).at) > ROOM_KEPT_BYTES) {                                  \
            free((list).at);                                                                       \
            (list).at = NULL;                                                                      \
            (list).room = 0;                                                                       \
        }                                                                                          \
    } while (0)

static void batch_empty(struct sched *s)
{
    s->batch_number++;
    EMPTY(s->changes);
    EMPTY(s->journal);
    EMPTY(s->bytes);
    s->gives.count = s->drops.count = s->notices.count = s->closed.count = 0;
    s->touched_jobs.count = s->touched_workers.count = 0;
}

void sched_keep(struct sched *s)
{
    for (size_t i = 0; i < s->closed.count; i++)
        free(s->closed.at[i]);
    batch_empty(s);
}

static void take_back(struct sched *s, const struct record *r)
{
    struct attempt *a = r->at;
    struct fails f;
    switch (r->kind) {
    case REC_SET:
        set_put(set_of(s->steps.at[r->step], r->which), r->first, r->last, !r->in);
        break;
    case REC_BYTES:
        memcpy(r->at, s->bytes.at + r->offset, r->size);
        break;
    case REC_OPENED:
        attempt_unlink(s, a);
        attempt_table_drop(s, a);
        s->workers.at[a->worker]->asks++;
        free(a);
        break;
    case REC_CLOSED:
        attempt_table_put(s, a);
        attempt_link(s, a);
        break;
    case REC_FAILS:
        memcpy(&f, s->bytes.at + r->offset, sizeof(f));
        fails_write(s, &f);
        if (f.tries >= 0 && f.rest_until_ms)
            when_add(s, f.rest_until_ms, WHEN_REST, f.key);
        break;
    case REC_STEP:
        step_free(s, r->step);
        break;
    case REC_JOB:
        job_free(s, r->step);
        break;
    }
}

// What is derived is taken apart by what is true now ...
static void take_apart(struct sched *s)
{
    for (size_t i = 0; i < s->touched_jobs.count; i++) {
        struct job *j = s->jobs.at[s->touched_jobs.at[i]];
        for (size_t k = 0; j && k < j->steps.count; k++)
            step_unqueue(s, j->steps.at[k]);
    }
    for (size_t i = 0; i < s->touched_workers.count; i++)
        worker_unplace(s, s->touched_workers.at[i]);
}

// ... and put together by what is true again.
static void put_together(struct sched *s)
{
    for (size_t i = 0; i < s->touched_jobs.count; i++) {
        struct job *j = s->jobs.at[s->touched_jobs.at[i]];
        if (!j)
            continue;
        j->unsettled = false;
        job_queue(s, j);
    }
    for (size_t i = 0; i < s->touched_workers.count; i++)
        worker_look_again(s, s->touched_workers.at[i]);
    for (size_t i = 0; i < s->limits.count; i++) {
        limit_wake(s, s->limits.at[i]->name);
        if (s->limits.at[i]->p.heal_ms)
            when_add(s, s->limits.at[i]->p.heal_ms, WHEN_HEAL, i);
    }
    s->quarantined = 0;
    for (size_t i = 1; i < s->hosts.count; i++) {
        struct host *h = s->hosts.at[i];
        if (!h || !h->p.quarantined_until_ms)
            continue;
        s->quarantined++;
        when_add(s, h->p.quarantined_until_ms, WHEN_QUARANTINE, i);
    }
}

void sched_undo(struct sched *s)
{
    take_apart(s);
    for (size_t i = s->journal.count; i-- > 0;)
        take_back(s, &s->journal.at[i]);
    s->unsettled.count = 0;
    put_together(s);
    batch_empty(s);
}
