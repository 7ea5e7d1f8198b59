/*
 * What attempts cost, and budgets.
 *
 * A worker may cost money. An attempt there is promised what it is expected to cost when it begins;
 * that is spent when it ends, by the time that it took, however it ended. A job with a budget gets
 * an attempt on such a worker only when what it has spent, what is promised to those that run, and
 * what this one is expected to cost, fit into it: so dispatch stops before the money is over. While
 * nobody knows how long a task takes, one attempt at a time finds out. Each second the promises
 * grow to what is known by then: to what has run already costs, and to what its like has taken.
 *
 * What runs is never stopped for its cost. So a job is overspent by no more than what its last
 * attempts take longer than was known when they began.
 */
#include "sched/inside.h"

#include <math.h>

#define HOUR_MS 3600000.0

static int64_t cost(int64_t price, double ms)
{
    double money = (double)price * ms / HOUR_MS;
    return money < 9e15 ? (int64_t)ceil(money) : (int64_t)9e15;
}

static struct job *job_of_attempt(const struct sched *s, const struct attempt *a)
{
    return s->jobs.at[s->steps.at[a->step]->job];
}

static void wake_job(struct sched *s, const struct job *j)
{
    for (size_t i = 0; i < j->steps.count; i++)
        class_wake(s, s->steps.at[j->steps.at[i]]->class);
}

static int64_t expected(const struct sched *s, const struct attempt *a)
{
    int64_t each = step_estimate_ms(s, s->steps.at[a->step], a->first);
    return cost(s->workers.at[a->worker]->price, (double)each * (double)(a->last - a->first + 1));
}

// The job was touched by whoever calls: what changes is taken back with it.
void money_begins(struct sched *s, struct attempt *a)
{
    const struct worker *w = s->workers.at[a->worker];
    struct job *j = job_of_attempt(s, a);
    a->p.promised = expected(s, a);
    j->p.promised += a->p.promised;
    if (w->price && !j->p.currency) // one without a budget counts in the first that it pays in
        j->p.currency = w->currency;
}

void money_ends(struct sched *s, struct attempt *a)
{
    struct job *j = job_of_attempt(s, a);
    int64_t price = s->workers.at[a->worker]->price;
    int64_t took = s->now_ms - a->began_ms;
    j->p.promised -= a->p.promised;
    j->p.spent += cost(price, took > 0 ? (double)took : 0);
    if (j->p.budget >= 0) // it was cheaper, or more is known now
        wake_job(s, j);
}

void money_round(struct sched *s)
{
    for (size_t i = 0; i < s->attempt_room; i++) {
        struct attempt *a = s->attempts[i];
        int64_t price = a ? s->workers.at[a->worker]->price : 0;
        if (!price)
            continue;
        int64_t so_far = cost(price, (double)(s->now_ms - a->began_ms)), known = expected(s, a);
        int64_t due = so_far > known ? so_far : known;
        if (due <= a->p.promised)
            continue;
        struct job *j = job_of_attempt(s, a);
        KEEP(s, a);
        job_touch(s, j);
        j->p.promised += due - a->p.promised;
        a->p.promised = due;
    }
    // What the next task is expected to cost changes with what is known and which one is the next.
    for (size_t i = 1; i < s->jobs.count && s->priced; i++)
        if (s->jobs.at[i] && s->jobs.at[i]->p.budget >= 0 && s->jobs.at[i]->p.ready)
            wake_job(s, s->jobs.at[i]);
}

int64_t money_allows(const struct sched *s, const struct step *t, const struct worker *w,
                     int64_t first, int64_t most)
{
    const struct job *j = s->jobs.at[t->job];
    if (!w->price || j->p.budget < 0)
        return most;
    if (w->currency != j->p.currency)
        return 0;
    int64_t left = j->p.budget - j->p.spent - j->p.promised;
    int64_t each = step_estimate_ms(s, t, first);
    if (left <= 0 || (each <= 0 && j->p.attempts))
        return 0;
    while (most > 0 && cost(w->price, (double)each * (double)most) > left)
        most /= 2;
    return most;
}
