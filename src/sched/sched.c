// The scheduler as a whole: its rules, opening and closing it.
#include "sched/inside.h"

struct sched_rules sched_rules_usual(void)
{
    return (struct sched_rules){.share_half_life_ms = 3600000,
                                .stay_slack_percent = 2,
                                .tries = 3,
                                .losses = 12,
                                .backoff_first_ms = 5000,
                                .backoff_most_ms = 300000,
                                .avoid_ms = 120000,
                                .host_failures = 3,
                                .quarantine_ms = 600000,
                                .scene_failures = 5,
                                .limit_heal_ms = 60000,
                                .tail_samples = 3,
                                .tail_percent = 150,
                                .tail_least_ms = 10000,
                                .preempt_after_ms = 5000,
                                .hold_after_ms = 120000};
}

struct sched *sched_open(const struct sched_rules *rules, sched_fence first_fence)
{
    struct sched *s = calloc(1, sizeof(*s));
    assert(s && first_fence > 0);
    s->rules = rules ? *rules : sched_rules_usual();
    s->next_fence = first_fence;
    s->round_ms = INT64_MIN;
    s->batch_number = 1;
    ADD(s->jobs, NULL); // 0 is none
    ADD(s->steps, NULL);
    ADD(s->hosts, NULL);
    ADD(s->workers, NULL);
    sched_word(s, "");
    return s;
}

static void kinds_close(struct sched *s)
{
    for (size_t i = 0; i < s->kinds.count; i++) {
        struct kind *k = s->kinds.at[i];
        for (size_t b = 0; b < k->buckets.count; b++)
            free(k->buckets.at[b].workers.at);
        free(k->buckets.at);
        free(k->words.at);
        free(k->fits.at);
        free(k);
    }
    for (size_t i = 0; i < s->classes.count; i++) {
        free(s->classes.at[i]->words.at);
        free(s->classes.at[i]);
    }
    for (size_t i = 1; i < s->hosts.count; i++) {
        free(s->hosts.at[i]->workers.at);
        free(s->hosts.at[i]);
    }
    for (size_t i = 1; i < s->workers.count; i++)
        free(s->workers.at[i]);
    for (size_t i = 0; i < s->limits.count; i++)
        free(s->limits.at[i]);
    for (size_t i = 1; i < s->words.count; i++)
        free(s->words.at[i]);
}

void sched_close(struct sched *s)
{
    if (!s)
        return;
    sched_keep(s);
    for (size_t i = 0; i < s->attempt_room; i++)
        free(s->attempts[i]);
    s->attempt_count = 0;
    for (sched_job j = (sched_job)s->jobs.count; j-- > 1;)
        if (s->jobs.at[j])
            job_free(s, j);
    kinds_close(s);
    queue_close(s);
    void *const lists[] = {
        s->words.at,          s->word_table,  s->weights.at,      s->limits.at,
        s->limit_of.at,       s->classes.at,  s->active.at,       s->woken.at,
        s->kinds.at,          s->by_worth.at, s->hosts.at,        s->workers.at,
        s->fresh.at,          s->jobs.at,     s->steps.at,        s->free_jobs.at,
        s->free_steps.at,     s->attempts,    s->fails,           s->data,
        s->late.at,           s->when.at,     s->fit.at,          s->journal.at,
        s->bytes.at,          s->changes.at,  s->gives.at,        s->drops.at,
        s->notices.at,        s->closed.at,   s->touched_jobs.at, s->unsettled.at,
        s->touched_workers.at};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        free(lists[i]);
    free(s);
}

static int64_t step_memory(const struct step *t)
{
    int64_t size = sizeof(*t) + t->frames.room * (sizeof(struct sched_frames) + sizeof(int64_t)) +
                   t->after.room * sizeof(struct need_step) + t->before.room * sizeof(sched_step);
    const struct set *sets[] = {&t->ready,     &t->running, &t->done,  &t->failed,
                                &t->cancelled, &t->preview, &t->marked};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        size += set_memory(sets[i]);
    return size;
}

int64_t sched_memory(const struct sched *s)
{
    size_t size = sizeof(*s);
    for (size_t i = 1; i < s->jobs.count; i++)
        if (s->jobs.at[i])
            size += sizeof(struct job) + s->jobs.at[i]->steps.room * sizeof(sched_step);
    for (size_t i = 1; i < s->steps.count; i++)
        if (s->steps.at[i])
            size += (size_t)step_memory(s->steps.at[i]);
    size += s->attempt_count * sizeof(struct attempt) + s->attempt_room * sizeof(void *);
    size += s->fails_room * sizeof(struct fails) + (s->data ? DATA_PLACES * sizeof(*s->data) : 0);
    size += s->hosts.count * sizeof(struct host) + s->workers.count * sizeof(struct worker);
    size += s->when.room * sizeof(struct when) + s->journal.room * sizeof(struct record);
    size += s->bytes.room + s->changes.room * sizeof(struct sched_change);
    size += s->fresh.room * sizeof(sched_worker) + s->words.room * sizeof(char *);
    return (int64_t)size;
}
