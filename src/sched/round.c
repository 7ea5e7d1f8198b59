/*
 * What time brings: rests, quarantines and lowered limits end; and once a second, while there is
 * work, a round looks for stragglers, for attempts that must give way, and for the big task that
 * never finds an empty host because small ones always fit first.
 */
#include "sched/inside.h"

#include <math.h>

enum { ROUND_MS = 1000, LATE_MOST = 4096, PREEMPTED_MOST = 64 };

// ---- a heap of moments; what is true then is asked of the things themselves

void when_add(struct sched *s, int64_t at_ms, enum when_kind kind, uint64_t what)
{
    ADD(s->when, (struct when){at_ms, kind, what});
    size_t i = s->when.count - 1;
    for (; i > 0 && s->when.at[(i - 1) / 2].at_ms > at_ms; i = (i - 1) / 2)
        s->when.at[i] = s->when.at[(i - 1) / 2];
    s->when.at[i] = (struct when){at_ms, kind, what};
}

static struct when when_take(struct sched *s)
{
    struct when first = s->when.at[0], last = s->when.at[--s->when.count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < s->when.count) {
        if (child + 1 < s->when.count && s->when.at[child + 1].at_ms < s->when.at[child].at_ms)
            child++;
        if (s->when.at[child].at_ms >= last.at_ms)
            break;
        s->when.at[i] = s->when.at[child];
        i = child;
    }
    if (s->when.count)
        s->when.at[i] = last;
    return first;
}

static void rest_ends(struct sched *s, const struct when *w)
{
    sched_step step = (sched_step)(w->what >> 32);
    int64_t task = (int64_t)(w->what & UINT32_MAX);
    if (step >= s->steps.count || !s->steps.at[step] || task >= s->steps.at[step]->count)
        return;
    const struct fails *f = fails_of(s, step, task);
    if (!f || f->rest_until_ms != w->at_ms)
        return; // of a life before
    struct fails rested = *f;
    rested.rest_until_ms = 0;
    fails_put(s, &rested);
    if (sched_task_state(s, step, task) == SCHED_WAITING)
        tasks_release(s, step, task, task);
}

static void quarantine_ends(struct sched *s, const struct when *w)
{
    const struct host *h = s->hosts.at[w->what];
    if (h->p.quarantined_until_ms != w->at_ms)
        return;
    host_set_quarantine(s, (sched_host)w->what, 0);
    notice(s, (struct sched_notice){.kind = SCHED_HOST_GOOD_AGAIN, .host = (sched_host)w->what});
}

static void limit_heals(struct sched *s, const struct when *w)
{
    struct limit *l = s->limits.at[w->what];
    if (l->p.heal_ms != w->at_ms)
        return;
    KEEP(s, l);
    l->p.learned++;
    bool whole = l->p.learned >= l->total;
    l->p.learned = whole ? INT64_MAX : l->p.learned;
    l->p.heal_ms = whole ? 0 : s->now_ms + s->rules.limit_heal_ms;
    if (!whole)
        when_add(s, l->p.heal_ms, WHEN_HEAL, w->what);
    limit_wake(s, l->name);
}

static void wake(struct sched *s, const struct when *w)
{
    class_wake(s, (uint32_t)w->what);
}

// ---- the round

static bool is_late(const struct sched *s, const struct attempt *a)
{
    const struct step *t = s->steps.at[a->step];
    if (a->p.dropped || a->late || a->p.twin || a->p.twin_of || s->jobs.at[t->job]->wish.once ||
        t->p.samples < s->rules.tail_samples || waiting_of(t) > 0)
        return false;
    double sigma = t->p.samples > 1 ? sqrt(t->p.m2 / (double)(t->p.samples - 1)) : 0;
    double mean = t->p.mean_ms * (double)(a->last - a->first + 1);
    double usual = (t->p.mean_ms + 2 * sigma) * (double)(a->last - a->first + 1);
    double allowed = usual * s->rules.tail_percent / 100;
    double took = (double)(s->now_ms - a->began_ms);
    if (took < (double)s->rules.tail_least_ms)
        return false;
    if (a->p.permille > 50) { // it says itself when it will end
        double whole = (double)(a->p.permille_ms - a->began_ms) * 1000 / a->p.permille;
        return whole > allowed && whole - took > mean;
    }
    return took > allowed;
}

static void late_round(struct sched *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->late.count; i++) {
        struct attempt *a = attempt_of(s, s->late.at[i]);
        if (a && !a->p.dropped && !a->p.twin && !a->p.twin_of) {
            s->late.at[kept++] = s->late.at[i];
            class_wake(s, s->steps.at[a->step]->class);
        } else if (a) {
            a->late = false;
        }
    }
    s->late.count = kept;
    for (size_t i = 0; i < s->attempt_room && s->late.count < LATE_MOST; i++) {
        struct attempt *a = s->attempts[i];
        if (!a || !is_late(s, a))
            continue;
        a->late = true;
        ADD(s->late, a->fence);
        class_wake(s, s->steps.at[a->step]->class);
    }
}

// Would this attempt's end make room for the step?
static bool makes_room(struct sched *s, const struct attempt *a, const struct step *t)
{
    const struct worker *w = s->workers.at[a->worker];
    const struct class *c = s->classes.at[t->class];
    struct sched_amounts left = w->p.left;
    const struct sched_amounts *n = &s->classes.at[s->steps.at[a->step]->class]->needs;
    left.milli_cpus += n->milli_cpus;
    left.memory_mib += n->memory_mib;
    left.scratch_mib += n->scratch_mib;
    left.gpus += n->gpus;
    for (int i = 0; i < 3; i++)
        left.extra[i] += n->extra[i];
    return worker_works(s, w) && kind_fits(s, s->kinds.at[w->kind], t->class) &&
           amounts_fit(&left, &c->needs) && limits_fit(s, c, s->hosts.at[w->host]);
}

static void make_room(struct sched *s, sched_step step, int stopping)
{
    const struct step *t = s->steps.at[step];
    const struct job *j = s->jobs.at[t->job];
    int64_t want = t->ready.members / chunk_size(s, t) + 1;
    want = want < t->ready.members ? want : t->ready.members;
    for (want = (want < PREEMPTED_MOST ? want : PREEMPTED_MOST) - stopping; want > 0; want--) {
        struct attempt *least = NULL; // the lowest tier, then what has run least
        int tier = 0;
        for (size_t i = 0; i < s->attempt_room; i++) {
            struct attempt *a = s->attempts[i];
            const struct job *o = a ? s->jobs.at[s->steps.at[a->step]->job] : NULL;
            if (!o || a->p.dropped || !o->wish.preemptible || o->p.tier >= j->p.tier ||
                (least && o->p.tier > tier) ||
                (least && o->p.tier == tier && a->began_ms <= least->began_ms) ||
                !makes_room(s, a, t))
                continue;
            least = a;
            tier = o->p.tier;
        }
        if (!least)
            return;
        attempt_drop(s, least, SCHED_DROP_PREEMPTED);
    }
}

static int stopping_of(const struct sched *s)
{
    int stopping = 0;
    for (size_t i = 0; i < s->attempt_room; i++)
        stopping += s->attempts[i] && s->attempts[i]->p.dropped;
    return stopping;
}

static bool preempts(const struct sched *s, sched_step step)
{
    const struct step *t = s->steps.at[step];
    return s->jobs.at[t->job]->wish.preempts &&
           s->now_ms - t->queued_ms >= s->rules.preempt_after_ms;
}

// The first in line of a user's lane that may preempt and has waited; 0: none.
static sched_step preempting_head(const struct sched *s, const struct user_node *u)
{
    for (size_t i = 0; i < u->lanes.count; i++) {
        const struct lane *l = &u->lanes.at[i];
        if (l->head < l->steps.count && preempts(s, l->steps.at[l->head]))
            return l->steps.at[l->head];
    }
    return 0;
}

static void preempt_round(struct sched *s)
{
    for (int tier = SCHED_TIERS - 1; tier > 0; tier--) {
        const struct tier *t = &s->tiers[tier];
        for (size_t p = 0; p < t->active_projects.count; p++)
            for (size_t u = 0; u < t->active_projects.at[p]->active_users.count; u++) {
                sched_step head = preempting_head(s, t->active_projects.at[p]->active_users.at[u]);
                if (!head)
                    continue;
                make_room(s, head, stopping_of(s));
                return; // one a round: the next sees what this one has done
            }
    }
}

// Nobody else gets into this worker until the head of the line fits.
static void hold_round(struct sched *s)
{
    sched_step head = head_of_line(s);
    uint32_t class = head ? s->steps.at[head]->class : 0;
    bool starves = head && s->now_ms - s->classes.at[class]->placed_ms >= s->rules.hold_after_ms;
    sched_worker best = 0;
    bool held = false;
    if (!starves && !s->holding)
        return;
    for (sched_worker id = 1; id < s->workers.count; id++) {
        struct worker *w = s->workers.at[id];
        if (!w)
            continue;
        if (w->held_for && (!starves || w->held_for != class + 1)) {
            w->held_for = 0;
            worker_look_again(s, id);
        }
        held |= w->held_for != 0;
        if (starves && worker_works(s, w) && w->p.running > 0 &&
            kind_fits(s, s->kinds.at[w->kind], class) &&
            !amounts_fit(&w->p.left, &s->classes.at[class]->needs) &&
            limits_fit(s, s->classes.at[class], s->hosts.at[w->host]) &&
            (!best || w->p.running < s->workers.at[best]->p.running))
            best = id;
    }
    s->holding = held || best;
    if (!held && best)
        s->workers.at[best]->held_for = class + 1;
}

void sched_tick(struct sched *s, int64_t now_ms)
{
    static void (*const ends[])(struct sched * s,
                                const struct when *w) = {[WHEN_REST] = rest_ends,
                                                         [WHEN_QUARANTINE] = quarantine_ends,
                                                         [WHEN_HEAL] = limit_heals,
                                                         [WHEN_WAKE] = wake};
    s->now_ms = now_ms;
    while (s->when.count && s->when.at[0].at_ms <= now_ms) {
        struct when w = when_take(s);
        ends[w.kind](s, &w);
    }
    if (now_ms >= s->round_ms && (s->attempt_count || s->active.count)) {
        s->round_ms = now_ms + ROUND_MS;
        money_round(s);
        late_round(s);
        preempt_round(s);
        hold_round(s);
    }
    settle(s);
}

int64_t sched_next_ms(const struct sched *s)
{
    int64_t next = s->when.count ? s->when.at[0].at_ms : INT64_MAX;
    if ((s->attempt_count || s->active.count) && s->round_ms < next)
        next = s->round_ms;
    return next;
}
