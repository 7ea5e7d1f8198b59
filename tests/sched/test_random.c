/*
 * Anything may happen in any order. After each event the inside adds up (what is derived is what it
 * is derived from), the audit's own books agree, no worker that asks is left without work that it
 * could do, and a batch that is taken back leaves nothing behind.
 */
#include "small.h"

#include "sched/audit.h"
#include "sched/inside.h"

enum { HOSTS = 6, JOBS_MOST = 10, RUNNING_MOST = 512 };

struct play {
    struct sched *s;
    struct audit *a;
    uint64_t seed;
    int64_t now;
    sched_word_id words[4], limits[2], projects[3];
    sched_job jobs[JOBS_MOST];
    int job_count;
    sched_fence told;                // workers know of attempts before this one
    sched_fence ended[RUNNING_MOST]; // in this batch
    int ended_count;
};

static uint64_t roll(struct play *p, uint64_t below)
{
    p->seed ^= p->seed << 13;
    p->seed ^= p->seed >> 7;
    p->seed ^= p->seed << 17;
    return (p->seed >> 8) % below;
}

// ---- what must hold inside

static bool task_may(const struct sched *s, const struct step *t, int64_t task)
{
    const struct job *j = s->jobs.at[t->job];
    const struct fails *f = fails_of(s, t->id, task);
    if ((f && f->rest_until_ms) || !job_met(s, j))
        return false;
    if (previewing(j) && t->preview.members && !set_has(&t->preview, task))
        return false;
    for (size_t i = 0; i < t->after.count; i++)
        if (!need_met(s, t, &t->after.at[i], task, task))
            return false;
    return true;
}

static int64_t cell_of(const struct sched *s, const struct step *t)
{
    bool over = false;
    for (size_t i = 0; i < t->after.count; i++) {
        const struct step *o = s->steps.at[t->after.at[i].step];
        over |= waiting_of(o) == 0 && o->running.members == 0;
    }
    bool whole = t->waits_frames && !t->target_ms && !previewing(s->jobs.at[t->job]) && !over;
    return whole ? t->chunk : 1;
}

static void check_ready(const struct sched *s, const struct step *t)
{
    int64_t cell = cell_of(s, t);
    for (int64_t i = 0; i < t->count; i++) {
        bool waits = sched_task_state(s, t->id, i) == SCHED_WAITING;
        bool ready = set_has(&t->ready, i);
        if (ready)
            assert_true(waits && task_may(s, t, i));
        if (ready || !waits || !task_may(s, t, i))
            continue;
        bool all = true; // of its cell, resting ones aside
        for (int64_t k = i - i % cell; k < i - i % cell + cell && k < t->count; k++) {
            const struct fails *f = fails_of(s, t->id, k);
            if (sched_task_state(s, t->id, k) == SCHED_WAITING && !(f && f->rest_until_ms))
                all &= task_may(s, t, k);
        }
        if (all && cell == 1)
            fail_msg("step %u task %" PRId64 " of %" PRId64 " could be given out and is not ready "
                     "(chunk %d, tiles %d, waits for %s, preview %d, marked %d)",
                     t->id, i, t->count, t->chunk, t->tiles,
                     t->waits_itself   ? "itself"
                     : t->waits_frames ? "frames"
                     : t->after.count  ? "all"
                                       : "nothing",
                     previewing(s->jobs.at[t->job]), set_has(&t->marked, i));
    }
}

static void check_jobs(const struct sched *s)
{
    for (size_t i = 1; i < s->jobs.count; i++) {
        const struct job *j = s->jobs.at[i];
        int64_t n[6] = {0}, promised = 0;
        for (size_t k = 0; j && k < j->steps.count; k++) {
            const struct step *t = s->steps.at[j->steps.at[k]];
            bool wanted = j->p.started && !j->p.suspended && !j->p.stopped && t->ready.members > 0;
            assert_int_equal(t->queued, wanted);
            n[0] += t->running.members;
            n[1] += t->done.members;
            n[2] += t->failed.members;
            n[3] += t->cancelled.members;
            n[4] += t->ready.members;
            n[5] += t->p.resting;
            for (sched_fence f = t->attempts; f; f = attempt_of(s, f)->step_next)
                promised += attempt_of(s, f)->p.promised;
            if (j->p.started)
                check_ready(s, t);
        }
        if (!j)
            continue;
        const int64_t told[6] = {j->p.running,         j->p.done,  j->p.failed,
                                 j->p.cancelled_tasks, j->p.ready, j->p.resting};
        assert_memory_equal(n, told, sizeof(n));
        assert_int_equal(j->p.promised, promised);
    }
}

static void check_farm(const struct sched *s)
{
    double held = 0, told = 0;
    int64_t used[2] = {0};
    for (size_t i = 1; i < s->workers.count; i++) {
        const struct worker *w = s->workers.at[i];
        struct sched_amounts left = s->kinds.at[w->kind]->has;
        int running = 0;
        uint64_t gpus = w->p.gpus;
        for (sched_fence f = w->attempts; f; f = attempt_of(s, f)->worker_next, running++) {
            const struct attempt *a = attempt_of(s, f);
            const struct class *c = s->classes.at[s->steps.at[a->step]->class];
            left.milli_cpus -= c->needs.milli_cpus;
            left.memory_mib -= c->needs.memory_mib;
            left.gpus -= c->needs.gpus;
            held += a->cost;
            assert_int_equal(gpus & a->gpus, 0);
            gpus |= a->gpus;
            for (int k = 0; k < c->limit_count; k++)
                used[limit_of(s, c->limits[k].limit)->scope == SCHED_A_HOST] += c->limits[k].amount;
        }
        assert_int_equal(w->p.running, running);
        assert_memory_equal(&w->p.left, &left, sizeof(left));
        assert_true(left.milli_cpus >= 0 && left.memory_mib >= 0 && left.gpus >= 0);
    }
    for (size_t i = 0; i < s->parties.count; i++)
        told += s->parties.at[i]->user ? 0 : s->parties.at[i]->p.held;
    assert_true(told - held < 1e-6 && held - told < 1e-6);
    for (size_t i = 0; i < s->limits.count; i++)
        if (s->limits.at[i]->scope == SCHED_A_TASK)
            assert_int_equal(s->limits.at[i]->p.used, used[0]);
}

// Nobody who asks goes without work that is there. (Of hosts that avoid something, nothing is
// said.)
static void check_nothing_lies_about(struct sched *s)
{
    for (size_t i = 1; i < s->workers.count; i++) {
        struct worker *w = s->workers.at[i];
        if (w->asks <= 0 || !worker_works(s, w) || w->held_for)
            continue;
        assert_int_not_equal(w->place, PLACE_NONE);
        for (size_t k = 1; k < s->steps.count; k++) {
            const struct step *t = s->steps.at[k];
            bool avoids = false;
            for (int v = 0; v < AVOIDS && t; v++)
                avoids |= s->hosts.at[w->host]->p.avoids[v].job == s->jobs.at[t->job]->seq;
            bool dear = t && w->price && s->jobs.at[t->job]->p.budget >= 0; // looked at each second
            if (!t || !t->queued || avoids || t->marked.members || dear)
                continue;
            if (kind_fits(s, s->kinds.at[w->kind], t->class) &&
                amounts_fit(&w->p.left, &s->classes.at[t->class]->needs) &&
                limits_fit(s, s->classes.at[t->class], s->hosts.at[w->host]))
                fail_msg("worker %zu asks and step %zu lies about", i, k);
        }
    }
}

// ---- all that an undo must bring back, as bytes

static void digest(const struct sched *s, struct buf *b)
{
    static const enum which_set sets[] = {SET_READY,  SET_RUNNING,   SET_DONE,
                                          SET_FAILED, SET_CANCELLED, SET_MARKED};
    for (size_t i = 1; i < s->jobs.count; i++)
        if (s->jobs.at[i]) {
            buf_format(b, "job %zu ", i);
            buf_add(b, &s->jobs.at[i]->p, sizeof(s->jobs.at[i]->p));
        }
    for (size_t i = 1; i < s->steps.count; i++) {
        struct step *t = s->steps.at[i];
        if (!t)
            continue;
        buf_format(b, "step %zu queued %d attempts ", i, t->queued);
        buf_add(b, &t->p, sizeof(t->p));
        for (int k = 0; k < 6; k++)
            for (int64_t m = set_next(set_of(t, sets[k]), 0, true); m < t->count;
                 m = m + 1 < t->count ? set_next(set_of(t, sets[k]), m + 1, true) : t->count) {
                buf_format(b, " %d:%" PRId64, k, m);
                const struct fails *f = k == 5 ? fails_of(s, t->id, m) : NULL;
                if (f)
                    buf_format(b, "(%d %d %" PRId64 " %u %u)", f->tries, f->losses,
                               f->rest_until_ms, f->hosts[0], f->hosts[1]);
            }
    }
    for (size_t i = 1; i < s->workers.count; i++) {
        const struct worker *w = s->workers.at[i];
        buf_format(b, "\nworker %zu asks %d placed %d ", i, w->asks, w->place != PLACE_NONE);
        buf_add(b, &w->p, sizeof(w->p));
    }
    for (size_t i = 1; i < s->hosts.count; i++)
        buf_add(b, &s->hosts.at[i]->p, sizeof(s->hosts.at[i]->p));
    for (size_t i = 0; i < s->limits.count; i++)
        buf_add(b, &s->limits.at[i]->p, sizeof(s->limits.at[i]->p));
    for (size_t i = 0; i < s->parties.count; i++) // the average ages as it is looked at
        if (s->parties.at[i]->p.held > 0)         // one that holds nothing may stay
            buf_format(b, " party %zu holds %.9f", i, s->parties.at[i]->p.held);
    for (sched_fence f = 1; f < s->next_fence; f++) {
        const struct attempt *a = attempt_of(s, f);
        if (a) {
            buf_format(b, "\nattempt %" PRIu64 " ", f);
            buf_add(b, &a->p, sizeof(a->p));
        }
    }
}

// What is readable before a place.
static struct same_text {
    char text[300];
} same_text(const struct buf *b, size_t at)
{
    struct same_text t = {0};
    for (size_t i = at > 250 ? at - 250 : 0, k = 0; i < at; i++)
        if (b->at[i] >= ' ' && b->at[i] < 127)
            t.text[k++] = b->at[i];
    return t;
}

// ---- what may happen

static void new_job(struct play *p)
{
    if (p->job_count == JOBS_MOST)
        return;
    struct sched_job_wish jw = {.project = p->projects[roll(p, 3)],
                                .user = p->words[roll(p, 2)],
                                .tier = (int)roll(p, 3),
                                .priority = (int)roll(p, 100),
                                .preview_every = roll(p, 4) ? 0 : 7,
                                .approve = roll(p, 2),
                                .preempts = roll(p, 4) == 0,
                                .preemptible = roll(p, 2),
                                .budget = (int64_t)roll(p, 40) * 1000,
                                .currency = roll(p, 3) ? 0 : p->words[0]};
    struct sched_after_job after_job = {p->job_count ? p->jobs[roll(p, (uint64_t)p->job_count)] : 0,
                                        roll(p, 2)};
    jw.after = &after_job;
    jw.after_count = p->job_count && roll(p, 3) == 0;
    sched_job job = sched_job_add(p->s, &jw, p->now);
    sched_step made[3] = {0};
    int steps = 1 + (int)roll(p, 3);
    for (int i = 0; i < steps; i++) {
        struct error err;
        struct sched_clause clause = {&p->words[roll(p, 4)], 1, roll(p, 3) == 0};
        struct sched_need_limit need = {p->limits[roll(p, 2)], 1};
        struct sched_needs_step after = {.step = i ? made[i - 1] : 0,
                                         .after = i && roll(p, 3) == 0 ? SCHED_AFTER_ALL
                                                                       : SCHED_AFTER_FRAMES,
                                         .from = i ? -(int)roll(p, 2) : -1,
                                         .to = i ? (int)roll(p, 2) : -1};
        struct sched_frames frames[2] = {{(int64_t)roll(p, 5), 1 + (int64_t)roll(p, 2), 9},
                                         {50, 1, 1 + (int64_t)roll(p, 9)}};
        struct sched_step_wish w = {
            .chunk = 1 + (int)roll(p, 4),
            .target_ms = roll(p, 4) ? 0 : 30000,
            .tiles = 1 + (roll(p, 4) == 0),
            .frames = frames,
            .frame_runs = 2,
            .needs = {.milli_cpus = (int64_t)roll(p, 5) * 1000, .gpus = roll(p, 5) == 0},
            .clauses = &clause,
            .clause_count = roll(p, 3) == 0,
            .limits = &need,
            .limit_count = roll(p, 3) == 0,
            .after = &after,
            .after_count = i || roll(p, 4) == 0,
            .data = roll(p, 5)};
        w.count = (frames[0].count + frames[1].count) * w.tiles;
        if (!sched_step_add(p->s, job, &w, &made[i], &err))
            fail_msg("%s", err.why);
        audit_step(p->a, made[i], job, &w);
    }
    sched_job_start(p->s, job, p->now);
    p->jobs[p->job_count++] = job;
}

static sched_fence some_attempt(struct play *p)
{
    if (!p->s->attempt_count)
        return 0;
    for (size_t i = roll(p, p->s->attempt_room);; i = (i + 1) % p->s->attempt_room)
        if (p->s->attempts[i])
            return p->s->attempts[i]->fence;
}

static void some_end(struct play *p)
{
    sched_fence f = some_attempt(p);
    const struct attempt *a = attempt_of(p->s, f);
    if (!a || f >= p->told || p->ended_count == RUNNING_MOST)
        return;
    if (roll(p, 4) == 0) {
        int64_t first = a->first + (int64_t)roll(p, 3);
        sched_made(p->s, f, first, first + (int64_t)roll(p, 3), p->now);
        return;
    }
    struct sched_end end = {.how = roll(p, 3) ? SCHED_WELL : (enum sched_how)roll(p, 8),
                            .task = roll(p, 2) ? -1 : a->first};
    p->ended[p->ended_count++] = f;
    sched_ended(p->s, f, &end, p->now);
    assert_int_equal(sched_ended(p->s, f, &end, p->now), SCHED_STALE); // and again
}

static void somebody_changes_a_job(struct play *p)
{
    if (!p->job_count)
        return;
    sched_job job = p->jobs[roll(p, (uint64_t)p->job_count)];
    const struct job *j = p->s->jobs.at[job];
    sched_step step = j->steps.at[roll(p, j->steps.count)];
    int64_t first = (int64_t)roll(p, 9), last = first + (int64_t)roll(p, 4);
    last = last < p->s->steps.at[step]->count ? last : p->s->steps.at[step]->count - 1;
    switch (roll(p, 9)) {
    case 0:
        sched_job_suspend(p->s, job, roll(p, 2), p->now);
        break;
    case 1:
    case 2:
    case 3:
        sched_job_resume(p->s, job, p->now);
        break;
    case 4:
        sched_job_approve(p->s, job, p->now);
        break;
    case 5:
        if (roll(p, 6) == 0)
            sched_job_cancel(p->s, job, p->now);
        break;
    case 6:
        sched_cancel(p->s, step, first, last, p->now);
        break;
    case 7:
        sched_requeue(p->s, step, first, last, roll(p, 2), p->now);
        break;
    case 8:
        sched_job_edit(p->s, job, (int)roll(p, 3), (int)roll(p, 100), p->now);
        break;
    }
}

static void the_ledger_does_something(struct play *p)
{
    switch (roll(p, 10)) {
    case 0:
        new_job(p);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        some_end(p);
        break;
    case 5:
        somebody_changes_a_job(p);
        break;
    case 6:
        sched_tick(p->s, p->now);
        break;
    case 7:
        if (roll(p, 8) == 0)
            sched_preempt(p->s, some_attempt(p), p->now);
        break;
    default:
        if (sched_decide(p->s, 40, p->now) < 40)
            check_nothing_lies_about(p->s);
    }
}

static void set_limit(struct play *p, int which)
{
    int64_t total = 1 + (int64_t)roll(p, 5), outside = (int64_t)roll(p, 2);
    enum sched_scope scope = which ? SCHED_A_HOST : SCHED_A_TASK;
    sched_limit_set(p->s,
                    &(struct sched_limit_wish){.name = p->limits[which],
                                               .scope = scope,
                                               .total = total,
                                               .outside = outside,
                                               .yields = roll(p, 2)},
                    p->now);
    audit_limit(p->a, p->limits[which], scope, total - outside);
}

// What is true whether the ledger can write or not.
static void the_world_changes(struct play *p)
{
    sched_worker w = 1 + (sched_worker)roll(p, p->s->workers.count - 1);
    bool up = p->s->workers.at[w]->up, takes = p->s->workers.at[w]->pause == SCHED_GOES_ON;
    int more = 1 + (int)roll(p, 3);
    switch (roll(p, 8)) {
    case 0:
        audit_worker_gone(p->a, w);
        sched_worker_gone(p->s, w, p->now);
        break;
    case 1:
        set_limit(p, (int)roll(p, 2));
        break;
    case 2:
        takes = roll(p, 3);
        sched_worker_pause(p->s, w, takes ? SCHED_GOES_ON : SCHED_DESK, roll(p, 2), p->now);
        audit_worker_state(p->a, w, true, 0); // asks stay; see `takes` below
        break;
    default:
        if (!up)
            sched_worker_up(p->s, w, p->now);
        sched_worker_asks(p->s, w, more, p->now);
        audit_worker_state(p->a, w, true, more);
    }
    p->now += (int64_t)roll(p, 3) * 4000;
}

static void take_batch(struct play *p)
{
    for (int i = 0; i < p->ended_count; i++)
        audit_stopped(p->a, p->ended[i]);
    p->ended_count = 0;
    audit_batch(p->a, sched_batch(p->s));
    sched_keep(p->s);
}

static void play_open(struct play *p, uint64_t seed)
{
    static const char *const words[] = {"ann", "bob", "pool=fx", "os=linux"};
    *p = (struct play){.s = sched_open(NULL, 1), .a = audit_open(), .seed = seed * 77777 + 1};
    p->now = 1000000;
    for (int i = 0; i < 4; i++)
        p->words[i] = sched_word(p->s, words[i]);
    for (int i = 0; i < 3; i++)
        p->projects[i] = sched_word(p->s, i == 0 ? "x" : i == 1 ? "y" : "z");
    for (int i = 0; i < 2; i++) {
        p->limits[i] = sched_word(p->s, i ? "nuke" : "arnold");
        set_limit(p, i);
    }
    for (int i = 0; i < HOSTS; i++) {
        sched_host h = sched_host_add(p->s);
        for (int k = 0; k <= i % 2; k++) {
            struct sched_amounts has = {
                .milli_cpus = 4000 * (1 + i % 3), .memory_mib = 8000, .gpus = i == 0 ? 2 : 0};
            sched_worker w = sched_worker_add(
                p->s, &(struct sched_worker_wish){.host = h,
                                                  .has = has,
                                                  .words = &p->words[2],
                                                  .word_count = 1 + i % 2,
                                                  .price = i % 4 == 3 ? 1000000 : 0,
                                                  .currency = p->words[0]});
            audit_worker(p->a, w, h, &has);
        }
    }
}

static void forget_what_is_over(struct play *p)
{
    for (int i = 0; i < p->job_count; i++)
        if (sched_job_forget(p->s, p->jobs[i]))
            p->jobs[i--] = p->jobs[--p->job_count];
}

static void play(uint64_t seed, int rounds)
{
    struct play p;
    play_open(&p, seed);
    for (int i = 0; i < rounds; i++) {
        the_world_changes(&p);
        take_batch(&p);
        forget_what_is_over(&p);
        struct buf before = BUF_LIMIT(64 << 20), after = BUF_LIMIT(64 << 20);
        int job_count = p.job_count, things = 1 + (int)roll(&p, 6);
        p.told = p.s->next_fence;
        digest(p.s, &before);
        for (int k = 0; k < things; k++) {
            the_ledger_does_something(&p);
            check_jobs(p.s);
            check_farm(p.s);
        }
        if (roll(&p, 3) == 0) { // it can not be written
            sched_undo(p.s);
            p.job_count = job_count;
            p.ended_count = 0;
            digest(p.s, &after);
            check_jobs(p.s);
            check_farm(p.s);
            size_t same = 0;
            while (same < before.size && same < after.size && before.at[same] == after.at[same])
                same++;
            if (before.size != after.size || same < before.size)
                fail_msg("seed %" PRIu64 " round %d: an undo leaves something behind, after %.300s",
                         seed, i, same_text(&before, same).text);
        } else {
            take_batch(&p);
        }
        buf_free(&before);
        buf_free(&after);
        if (audit_findings(p.a))
            fail_msg("seed %" PRIu64 " round %d: %s", seed, i, audit_finding(p.a, 0));
    }
    assert_true(audit_committed(p.a) > 0);
    audit_close(p.a);
    sched_close(p.s);
}

static void whatever_happens_it_adds_up_and_can_be_taken_back(void **state)
{
    (void)state;
    const char *from = getenv("SEED"), *size = getenv("POSTHOUSE_TEST_SIZE");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1;
    uint64_t seeds = from ? 1 : size && strcmp(size, "long") == 0 ? 400 : 12;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        play(seed, 400);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_it_adds_up_and_can_be_taken_back),
    };
    return RUN_TESTS(tests);
}
