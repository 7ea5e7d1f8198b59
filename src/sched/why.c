/*
 * "Why does this job not run?", in words and numbers.
 *
 * The reasons are looked for in the order in which they would have to be removed: the job itself,
 * what its steps are after, rests, workers that could, limits, and at last its turn.
 */
#include "sched/inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct telling {
    struct sched *s;
    struct sched_reason *reasons;
    int count, most;
};

static void PRINTF_LIKE(3, 4)
    tell(struct telling *t, struct sched_reason r, const char *format, ...)
{
    if (t->count >= t->most)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(r.text, sizeof(r.text), format, args);
    va_end(args);
    t->reasons[t->count++] = r;
}

static bool why_job(struct telling *t, const struct job *j)
{
    static const struct {
        enum sched_job_state state;
        const char *text;
    } over[] = {{SCHED_JOB_DONE, "it is done"},
                {SCHED_JOB_CANCELLED, "it was cancelled"},
                {SCHED_JOB_LOADING, "it is still being written down"}};
    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
        if (j->p.told == over[i].state) {
            tell(t, (struct sched_reason){.kind = SCHED_WHY_OVER}, "%s", over[i].text);
            return true;
        }
    if (j->p.told == SCHED_JOB_FAILED)
        tell(t, (struct sched_reason){.kind = SCHED_WHY_OVER, .a = j->p.failed},
             "it has failed: %" PRId64 " of %" PRId64 " tasks; requeue them to try again",
             j->p.failed, j->p.tasks);
    else if (j->p.suspended)
        tell(t, (struct sched_reason){.kind = SCHED_WHY_SUSPENDED},
             "it is suspended; somebody must resume it");
    else if (j->p.stopped)
        tell(t, (struct sched_reason){.kind = SCHED_WHY_STOPPED, .a = j->p.row_failures},
             "it was stopped: the last %d attempts failed%s; mend the scene and resume it",
             j->p.row_failures, j->p.row_hosts[1] ? ", on more than one host" : "");
    else if (j->p.told == SCHED_JOB_APPROVAL)
        tell(t, (struct sched_reason){.kind = SCHED_WHY_APPROVAL, .a = j->p.done},
             "its %" PRId64 " preview frames are done; somebody must approve them", j->p.done);
    else
        return false;
    return true;
}

static void why_after_jobs(struct telling *t, const struct job *j)
{
    static const char *const ends[] = {[SCHED_JOB_DONE] = "which is done",
                                       [SCHED_JOB_FAILED] = "which has failed",
                                       [SCHED_JOB_CANCELLED] = "which was cancelled"};
    for (size_t i = 0; i < j->after.count; i++) {
        const struct job *o = t->s->jobs.at[j->after.at[i].job];
        bool ended = o->p.told >= SCHED_JOB_DONE;
        if (o->p.told == SCHED_JOB_DONE || (ended && j->after.at[i].anyhow))
            continue;
        struct sched_reason r = {.kind = SCHED_WHY_AFTER_JOB,
                                 .job = o->id,
                                 .a = o->p.told,
                                 .b = o->p.done,
                                 .c = o->p.tasks};
        if (ended)
            tell(t, r, "it waits for a job %s: do that one again, or cancel this one",
                 ends[o->p.told]);
        else
            tell(t, r, "it waits for a job, which has %" PRId64 " of %" PRId64 " tasks done",
                 o->p.done, o->p.tasks);
    }
}

static void why_after(struct telling *t, const struct step *st)
{
    int64_t blocked = waiting_of(st) - st->ready.members - st->p.resting;
    for (size_t i = 0; i < st->after.count && blocked > 0; i++) {
        const struct step *o = t->s->steps.at[st->after.at[i].step];
        if (o->done.members == o->count)
            continue;
        tell(t,
             (struct sched_reason){.kind = SCHED_WHY_AFTER,
                                   .step = st->id,
                                   .other = o->id,
                                   .a = blocked,
                                   .b = o->done.members,
                                   .c = o->count},
             "%" PRId64 " tasks of step %d wait for %s, which has %" PRId64 " of %" PRId64
             " done%s",
             blocked, st->index + 1, o == st ? "the ones before them" : "an earlier step",
             o->done.members, o->count, o->failed.members ? " and some failed" : "");
    }
}

static void why_rests(struct telling *t, const struct step *st)
{
    int64_t first = INT64_MAX;
    for (int64_t m = set_next(&st->marked, 0, true); m < st->count && st->p.resting;) {
        const struct fails *f = fails_of(t->s, st->id, m);
        if (f && f->rest_until_ms && f->rest_until_ms < first)
            first = f->rest_until_ms;
        m = m + 1 < st->count ? set_next(&st->marked, m + 1, true) : st->count;
    }
    if (st->p.resting)
        tell(t,
             (struct sched_reason){
                 .kind = SCHED_WHY_RESTS, .step = st->id, .a = st->p.resting, .b = first},
             "%" PRId64 " tasks of step %d rest after a failure, the first for %" PRId64 " s more",
             st->p.resting, st->index + 1,
             first > t->s->now_ms ? (first - t->s->now_ms + 999) / 1000 : 0);
}

// The clause that fewest workers meet, when there is none that meets all.
static void why_nobody(struct telling *t, const struct step *st, int workers)
{
    struct sched *s = t->s;
    const struct class *c = s->classes.at[st->class];
    size_t at = 0;
    struct sched_amounts most = {0};
    for (size_t k = 0; k < s->kinds.count; k++) {
        const struct sched_amounts *has = &s->kinds.at[k]->has;
        most.milli_cpus = has->milli_cpus > most.milli_cpus ? has->milli_cpus : most.milli_cpus;
        most.memory_mib = has->memory_mib > most.memory_mib ? has->memory_mib : most.memory_mib;
        most.gpus = has->gpus > most.gpus ? has->gpus : most.gpus;
    }
    for (int i = 0; i < c->clause_count; at += (size_t)c->clauses[i++].count) {
        int have = 0;
        for (size_t k = 0; k < s->kinds.count; k++)
            have += clause_holds(c, i, s->kinds.at[k]) ? s->kinds.at[k]->workers : 0;
        if (have)
            continue;
        sched_word_id word = c->clauses[i].count ? c->words.at[at] : 0;
        tell(t,
             (struct sched_reason){
                 .kind = SCHED_WHY_NO_WORKER, .step = st->id, .word = word, .c = workers},
             "step %d needs a worker %s \"%s\"%s; of %d workers none is so", st->index + 1,
             c->clauses[i].none ? "without" : "with", sched_word_text(s, word),
             c->clauses[i].count > 1 ? " (or another word of that list)" : "", workers);
        return;
    }
    tell(t, (struct sched_reason){.kind = SCHED_WHY_NO_WORKER, .step = st->id, .c = workers},
         "step %d needs %g CPUs, %" PRId64 " MiB and %" PRId64
         " GPUs with its words; the most that "
         "any of %d workers has is %g, %" PRId64 " and %" PRId64,
         st->index + 1, (double)c->needs.milli_cpus / 1000, c->needs.memory_mib, c->needs.gpus,
         workers, (double)most.milli_cpus / 1000, most.memory_mib, most.gpus);
}

// How many workers could, are here, and are busy; false: none can at all.
static bool why_workers(struct telling *t, const struct step *st, int *here)
{
    struct sched *s = t->s;
    int workers = 0, could = 0, away = 0, out = 0;
    for (size_t i = 1; i < s->workers.count; i++) {
        const struct worker *w = s->workers.at[i];
        if (!w)
            continue;
        workers++;
        if (!kind_fits(s, s->kinds.at[w->kind], st->class))
            continue;
        could++;
        away += !w->up;
        out += w->up && !worker_works(s, w);
    }
    *here = could - away - out;
    if (could == 0)
        why_nobody(t, st, workers);
    else if (*here == 0)
        tell(t,
             (struct sched_reason){
                 .kind = SCHED_WHY_ALL_AWAY, .step = st->id, .a = away, .b = could, .c = out},
             "of the %d workers that could do step %d, %d are away and %d are paused or in "
             "quarantine",
             could, st->index + 1, away, out);
    return *here > 0;
}

static bool why_limits(struct telling *t, const struct step *st)
{
    struct sched *s = t->s;
    const struct class *c = s->classes.at[st->class];
    bool shut = false;
    for (int i = 0; i < c->limit_count; i++) {
        const struct limit *l = limit_of(s, c->limits[i].limit);
        if (limit_free(l) >= (l->scope == SCHED_A_TASK ? c->limits[i].amount : 1))
            continue;
        shut = true;
        char lowered[64] = "";
        if (l->p.learned < l->total)
            snprintf(lowered, sizeof(lowered), " (lowered to %" PRId64 " after a denial)",
                     l->p.learned);
        tell(t,
             (struct sched_reason){.kind = SCHED_WHY_LIMIT,
                                   .step = st->id,
                                   .word = l->name,
                                   .a = l->p.used,
                                   .b = l->outside,
                                   .c = l->total},
             "step %d needs %" PRId64 " of \"%s\": %" PRId64 " used here and %" PRId64
             " outside, of %" PRId64 "%s",
             st->index + 1, c->limits[i].amount, sched_word_text(s, l->name), l->p.used, l->outside,
             l->total, lowered);
    }
    return shut;
}

// True when nothing but money keeps the workers that could from it.
static bool why_budget(struct telling *t, const struct job *j, const struct step *st)
{
    struct sched *s = t->s;
    int64_t task = set_next(&st->ready, 0, true), dear = 0, other = 0, each = 0;
    for (size_t i = 1; i < s->workers.count; i++) {
        const struct worker *w = s->workers.at[i];
        if (!w || !worker_works(s, w) || !kind_fits(s, s->kinds.at[w->kind], st->class))
            continue;
        if (money_allows(s, st, w, task, 1))
            return false;
        dear++;
        other += w->currency != j->p.currency;
        each = w->price > each ? w->price : each;
    }
    if (!dear)
        return false;
    struct sched_reason r = {.kind = SCHED_WHY_BUDGET,
                             .step = st->id,
                             .word = j->p.currency,
                             .a = j->p.spent,
                             .b = j->p.promised,
                             .c = j->p.budget};
    const char *currency = sched_word_text(s, j->p.currency);
    double next = (double)each * (double)step_estimate_ms(s, st, task) / 3600000.0;
    if (other == dear)
        tell(t, r, "its budget is in %s, and the workers that could cost another money", currency);
    else
        tell(t, r,
             "the budget is %.2f %s: %.2f are spent, %.2f promised to what runs, and another task "
             "would cost about %.2f; raise the budget, or bring workers that cost nothing",
             (double)j->p.budget / 1e6, currency, (double)j->p.spent / 1e6,
             (double)j->p.promised / 1e6, next / 1e6);
    return true;
}

// Attempts on workers at which somebody sits.
static void why_resting(struct telling *t, const struct job *j)
{
    struct sched *s = t->s;
    int64_t rest = 0;
    for (size_t i = 0; i < j->steps.count; i++)
        for (sched_fence f = s->steps.at[j->steps.at[i]]->attempts; f;
             f = attempt_of(s, f)->step_next)
            rest += s->workers.at[attempt_of(s, f)->worker]->pause == SCHED_DESK;
    if (rest)
        tell(t, (struct sched_reason){.kind = SCHED_WHY_RESTING, .a = rest},
             "%" PRId64 " of them rest: their machine's user is back, or its hours are over", rest);
}

static void why_turn(struct telling *t, const struct job *j, const struct step *st, int here)
{
    struct sched *s = t->s;
    int64_t higher = 0, before = 0;
    for (size_t i = 1; i < s->jobs.count; i++) {
        const struct job *o = s->jobs.at[i];
        if (!o || o == j || (!o->p.ready && !o->p.running))
            continue;
        higher += o->p.tier > j->p.tier;
        before +=
            o->p.tier == j->p.tier && o->user == j->user &&
            (o->p.priority > j->p.priority || (o->p.priority == j->p.priority && o->seq < j->seq));
    }
    tell(t, (struct sched_reason){.kind = SCHED_WHY_BUSY, .step = st->id, .a = here},
         "%d workers could do step %d; all are at work or hold too little free", here,
         st->index + 1);
    tell(t,
         (struct sched_reason){
             .kind = SCHED_WHY_TURN, .a = higher, .b = (int64_t)j->project->p.held, .c = before},
         "before it: %" PRId64 " jobs of higher tiers, %" PRId64
         " earlier ones of the same user; its project holds %.1f machines (weight %g)",
         higher, before, j->project->p.held,
         j->project->project < s->weights.count && s->weights.at[j->project->project] > 0
             ? s->weights.at[j->project->project]
             : 1.0);
}

int sched_why(struct sched *s, sched_job job, int64_t now_ms, struct sched_reason *reasons,
              int most)
{
    struct telling t = {s, reasons, 0, most};
    const struct job *j = s->jobs.at[job];
    s->now_ms = now_ms;
    if (j->p.attempts)
        tell(&t, (struct sched_reason){.kind = SCHED_WHY_RUNS, .a = j->p.attempts},
             "%" PRId64 " attempts of it run", j->p.attempts);
    why_resting(&t, j);
    if (why_job(&t, j))
        return t.count;
    if (!job_met(s, j)) {
        why_after_jobs(&t, j);
        return t.count;
    }
    for (size_t i = 0; i < j->steps.count; i++) {
        const struct step *st = s->steps.at[j->steps.at[i]];
        int here = 0;
        if (waiting_of(st) == 0)
            continue;
        why_after(&t, st);
        why_rests(&t, st);
        if (st->ready.members && why_workers(&t, st, &here) && !why_limits(&t, st) &&
            !why_budget(&t, j, st))
            why_turn(&t, j, st, here);
    }
    return t.count;
}
