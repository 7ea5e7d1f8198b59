/*
 * What becomes of attempts, and what is learned from it.
 *
 * An attempt and its twin (the same late tasks on another host) know each other; the tasks run as
 * long as one of them does. A failure is somebody's: the task's (tries, and it rests, stays off
 * that host and runs alone next time), the host's (in a row, of different jobs: quarantine), the
 * scene's (in a row on different hosts: stop), the licence's (the limit is lowered) or nobody's.
 */
#include "sched/inside.h"

// ---- attempts by fence

static size_t slot_of(const struct sched *s, sched_fence fence)
{
    size_t i = (fence * 0x9e3779b97f4a7c15ull >> 20) & (s->attempt_room - 1);
    while (s->attempts[i] && s->attempts[i]->fence != fence)
        i = (i + 1) & (s->attempt_room - 1);
    return i;
}

struct attempt *attempt_of(const struct sched *s, sched_fence fence)
{
    return fence && s->attempt_room ? s->attempts[slot_of(s, fence)] : NULL;
}

void attempt_table_put(struct sched *s, struct attempt *a)
{
    if (s->attempt_count * 2 >= s->attempt_room) {
        struct attempt **old = s->attempts;
        size_t room = s->attempt_room;
        s->attempt_room = room ? room * 2 : 64;
        s->attempts = calloc(s->attempt_room, sizeof(*s->attempts));
        assert(s->attempts);
        for (size_t i = 0; i < room; i++)
            if (old[i])
                s->attempts[slot_of(s, old[i]->fence)] = old[i];
        free(old);
    }
    s->attempts[slot_of(s, a->fence)] = a;
    s->attempt_count++;
}

void attempt_table_drop(struct sched *s, struct attempt *a)
{
    size_t i = slot_of(s, a->fence), mask = s->attempt_room - 1;
    assert(s->attempts[i] == a);
    s->attempts[i] = NULL;
    s->attempt_count--;
    for (i = (i + 1) & mask; s->attempts[i]; i = (i + 1) & mask) { // what was pushed on by it
        struct attempt *moved = s->attempts[i];
        s->attempts[i] = NULL;
        s->attempts[slot_of(s, moved->fence)] = moved;
    }
}

void attempt_link(struct sched *s, struct attempt *a)
{
    struct step *t = s->steps.at[a->step];
    struct worker *w = s->workers.at[a->worker];
    a->step_prev = a->worker_prev = 0;
    a->step_next = t->attempts;
    a->worker_next = w->attempts;
    if (t->attempts)
        attempt_of(s, t->attempts)->step_prev = a->fence;
    if (w->attempts)
        attempt_of(s, w->attempts)->worker_prev = a->fence;
    t->attempts = w->attempts = a->fence;
}

void attempt_unlink(struct sched *s, struct attempt *a)
{
    struct step *t = s->steps.at[a->step];
    struct worker *w = s->workers.at[a->worker];
    *(a->step_prev ? &attempt_of(s, a->step_prev)->step_next : &t->attempts) = a->step_next;
    *(a->worker_prev ? &attempt_of(s, a->worker_prev)->worker_next : &w->attempts) = a->worker_next;
    if (a->step_next)
        attempt_of(s, a->step_next)->step_prev = a->step_prev;
    if (a->worker_next)
        attempt_of(s, a->worker_next)->worker_prev = a->worker_prev;
}

static void attempts_count(struct sched *s, const struct attempt *a, int by)
{
    struct step *t = s->steps.at[a->step];
    struct job *j = s->jobs.at[t->job];
    job_touch(s, j);
    KEEP(s, t);
    j->p.attempts += by;
    t->p.attempts += by;
}

struct attempt *attempt_open(struct sched *s, const struct attempt *like)
{
    struct attempt *a = malloc(sizeof(*a));
    assert(a);
    *a = *like;
    if (!a->fence)
        a->fence = s->next_fence++;
    attempts_count(s, a, 1);
    money_begins(s, a);
    resources_take(s, a);
    attempt_table_put(s, a);
    attempt_link(s, a);
    ADD(s->journal, (struct record){.kind = REC_OPENED, .at = a});
    return a;
}

static struct attempt *partner_of(const struct sched *s, const struct attempt *a)
{
    return attempt_of(s, a->p.twin ? a->p.twin : a->p.twin_of);
}

static void part_ways(struct sched *s, struct attempt *a)
{
    struct attempt *o = partner_of(s, a);
    if (!o)
        return;
    KEEP(s, a);
    KEEP(s, o);
    a->p.twin = a->p.twin_of = o->p.twin = o->p.twin_of = 0;
}

void attempt_close(struct sched *s, struct attempt *a)
{
    part_ways(s, a);
    attempts_count(s, a, -1);
    money_ends(s, a);
    resources_give_back(s, a);
    attempt_unlink(s, a);
    attempt_table_drop(s, a);
    ADD(s->journal, (struct record){.kind = REC_CLOSED, .at = a});
    ADD(s->closed, a);
    worker_look_again(s, a->worker);
}

// ---- records of tasks that have failed

static size_t fails_slot(const struct sched *s, uint64_t key)
{
    size_t i = (key * 0x9e3779b97f4a7c15ull >> 20) & (s->fails_room - 1);
    while (s->fails[i].key && s->fails[i].key != key)
        i = (i + 1) & (s->fails_room - 1);
    return i;
}

struct fails *fails_of(const struct sched *s, sched_step step, int64_t task)
{
    uint64_t key = (uint64_t)step << 32 | (uint64_t)task;
    struct fails *f = s->fails_room ? &s->fails[fails_slot(s, key)] : NULL;
    return f && f->key ? f : NULL;
}

static void fails_more_room(struct sched *s)
{
    struct fails *old = s->fails;
    size_t room = s->fails_room;
    s->fails_room = room ? room * 2 : 64;
    s->fails = calloc(s->fails_room, sizeof(*s->fails));
    assert(s->fails);
    for (size_t i = 0; i < room; i++)
        if (old[i].key)
            s->fails[fails_slot(s, old[i].key)] = old[i];
    free(old);
}

void fails_write(struct sched *s, const struct fails *f)
{
    if (s->fails_count * 2 >= s->fails_room)
        fails_more_room(s);
    size_t i = fails_slot(s, f->key), mask = s->fails_room - 1;
    s->fails_count += (f->tries >= 0) - (s->fails[i].key != 0);
    if (f->tries >= 0) {
        s->fails[i] = *f;
        return;
    }
    s->fails[i].key = 0;
    for (i = (i + 1) & mask; s->fails[i].key; i = (i + 1) & mask) {
        struct fails moved = s->fails[i];
        s->fails[i].key = 0;
        s->fails[fails_slot(s, moved.key)] = moved;
    }
}

void fails_put(struct sched *s, const struct fails *f)
{
    sched_step step = (sched_step)(f->key >> 32);
    int64_t task = (int64_t)(f->key & UINT32_MAX);
    struct fails *old = fails_of(s, step, task);
    struct fails before = old ? *old : (struct fails){.key = f->key, .tries = -1};
    struct step *t = s->steps.at[step];
    struct job *j = s->jobs.at[t->job];
    int rests = (f->tries >= 0 && f->rest_until_ms) - (before.tries >= 0 && before.rest_until_ms);
    keep_fails(s, &before);
    fails_write(s, f);
    set_change(s, step, SET_MARKED, task, task, f->tries >= 0);
    if (f->tries >= 0 && f->rest_until_ms && f->rest_until_ms != before.rest_until_ms)
        when_add(s, f->rest_until_ms, WHEN_REST, f->key);
    job_touch(s, j);
    KEEP(s, t);
    j->p.resting += rests;
    t->p.resting += rests;
}

static void fails_forget(struct sched *s, sched_step step, int64_t first, int64_t last)
{
    const struct step *t = s->steps.at[step];
    for (int64_t m = set_next(&t->marked, first, true); m <= last;) {
        if (set_has(&t->done, m))
            fails_put(s, &(struct fails){.key = (uint64_t)step << 32 | (uint64_t)m, .tries = -1});
        m = m + 1 < t->count ? set_next(&t->marked, m + 1, true) : t->count;
    }
}

bool fails_avoid(const struct fails *f, sched_host h, int64_t now_ms)
{
    return f && now_ms < f->avoid_until_ms && (f->hosts[0] == h || f->hosts[1] == h);
}

// ---- stopping

// Those tasks of an attempt that run and that no partner of it runs too.
static bool next_own(const struct sched *s, const struct attempt *a, int64_t from,
                     struct sched_run *run)
{
    const struct step *t = s->steps.at[a->step];
    const struct attempt *o = partner_of(s, a);
    while (from <= a->last && next_run(t, SCHED_RUNNING, from, run) && run->first <= a->last) {
        run->last = run->last < a->last ? run->last : a->last;
        if (!o || o->p.dropped || o->last < run->first || o->first > run->last)
            return true;
        if (o->first > run->first) {
            run->last = o->first - 1;
            return true;
        }
        from = o->last + 1;
    }
    return false;
}

static void wait_again(struct sched *s, const struct attempt *a)
{
    struct sched_run run = {0, a->first - 1};
    while (next_own(s, a, run.last + 1, &run))
        tasks_move(s, a->step, run.first, run.last, SCHED_RUNNING, SCHED_WAITING, a->fence);
}

void attempt_drop(struct sched *s, struct attempt *a, enum sched_drop_why why)
{
    if (a->p.dropped)
        return;
    KEEP(s, a);
    a->p.dropped = true;
    ADD(s->drops, (struct sched_drop){a->fence, a->worker, why});
    wait_again(s, a);
    part_ways(s, a);
}

void attempts_drop_over(struct sched *s, sched_step step, int64_t first, int64_t last,
                        enum sched_drop_why why)
{
    const struct step *t = s->steps.at[step];
    sched_fence next;
    for (sched_fence f = t->attempts; f; f = next) {
        struct attempt *a = attempt_of(s, f);
        next = a->step_next;
        if (a->first <= last && a->last >= first)
            attempt_drop(s, a, why);
    }
}

// ---- what was made

static void learn(struct sched *s, struct step *t, int64_t first, int64_t last, double task_ms)
{
    KEEP(s, t);
    double off = task_ms - t->p.mean_ms;
    t->p.samples++;
    t->p.mean_ms += off / (double)t->p.samples;
    t->p.m2 += off * (task_ms - t->p.mean_ms);
    struct spot *spot = &t->p.spots[(first + last) / 2 * SPOTS / t->count];
    spot->count += spot->count < 16; // newer ones count more, in time
    spot->mean_ms += (task_ms - spot->mean_ms) / spot->count;
}

int64_t step_estimate_ms(const struct sched *s, const struct step *t, int64_t task)
{
    const struct spot *spot = &t->p.spots[task * SPOTS / t->count];
    if (spot->count >= 2)
        return (int64_t)spot->mean_ms;
    return t->p.samples ? (int64_t)t->p.mean_ms : s->jobs.at[t->job]->wish.estimate_ms;
}

static void host_did_well(struct sched *s, const struct attempt *a)
{
    struct host *h = s->hosts.at[s->workers.at[a->worker]->host];
    int64_t job = s->jobs.at[s->steps.at[a->step]->job]->seq;
    bool any = h->p.failures || h->p.quarantines;
    for (int i = 0; i < AVOIDS; i++)
        any |= h->p.avoids[i].job == job;
    if (!any)
        return;
    KEEP(s, h);
    h->p.failures = h->p.quarantines = 0;
    memset(h->p.failing, 0, sizeof(h->p.failing));
    for (int i = 0; i < AVOIDS; i++)
        if (h->p.avoids[i].job == job)
            h->p.avoids[i].job = 0;
}

// Tasks of the run that are done now and were not: how many.
static int64_t commit(struct sched *s, struct attempt *a, int64_t first, int64_t last)
{
    struct step *t = s->steps.at[a->step];
    struct job *j = s->jobs.at[t->job];
    int64_t before = t->done.members;
    first = first > a->first ? first : a->first;
    last = last < a->last ? last : a->last;
    if (first > last)
        return 0;
    tasks_move_those(s, a->step, first, last, SCHED_RUNNING, SCHED_DONE, a->fence);
    int64_t made = t->done.members - before;
    if (!made)
        return 0;
    fails_forget(s, a->step, first, last);
    KEEP(s, a);
    a->p.made += made;
    if (j->p.row_failures) {
        job_touch(s, j);
        j->p.row_failures = 0;
    }
    struct attempt *o = partner_of(s, a);
    if (o && set_none(&t->running, o->first, o->last))
        attempt_drop(s, o, SCHED_DROP_LATE);
    return made;
}

enum sched_verdict sched_made(struct sched *s, sched_fence fence, int64_t first, int64_t last,
                              int64_t now_ms)
{
    struct attempt *a = attempt_of(s, fence);
    s->now_ms = now_ms;
    bool counts = a && !a->p.dropped && commit(s, a, first, last) > 0;
    settle(s);
    return counts ? SCHED_COUNTS : SCHED_STALE;
}

// ---- whose fault it was

// Enough hosts must be left to find out whose fault it really is.
static bool may_put_away(const struct sched *s)
{
    return s->hosts_up > 1 && s->quarantined * 3 < s->hosts_up;
}

static void host_avoids(struct host *h, int64_t job, int64_t until_ms)
{
    int at = 0;
    for (int i = 0; i < AVOIDS; i++)
        if (h->p.avoids[i].job == job) {
            at = i;
            break;
        } else if (h->p.avoids[i].until_ms < h->p.avoids[at].until_ms) {
            at = i;
        }
    if (h->p.avoids[at].job != job) {
        h->p.avoids[at].job = job;
        h->p.avoids[at].failures = 0;
        h->p.avoids[at].until_ms = 0;
    }
    if (++h->p.avoids[at].failures >= 2) // twice without a success: it does not suit this host
        h->p.avoids[at].until_ms = until_ms;
}

static void host_failed(struct sched *s, const struct attempt *a, bool its_fault)
{
    sched_host id = s->workers.at[a->worker]->host;
    struct host *h = s->hosts.at[id];
    int64_t job = s->jobs.at[s->steps.at[a->step]->job]->seq;
    int known = 0, jobs = 0;
    KEEP(s, h);
    for (int i = 0; i < 4; i++) {
        known |= h->p.failing[i] == job;
        jobs += h->p.failing[i] != 0;
    }
    if (!known && jobs < 4)
        h->p.failing[jobs] = job;
    h->p.failures += its_fault || !known;
    host_avoids(h, job, s->now_ms + s->rules.quarantine_ms);
    if (s->hosts_up > 1)
        when_add(s, s->now_ms + s->rules.quarantine_ms, WHEN_WAKE, s->steps.at[a->step]->class);
    if (h->p.failures < s->rules.host_failures || h->p.quarantined_until_ms || !may_put_away(s))
        return;
    int times = h->p.quarantines < 8 ? h->p.quarantines : 8;
    int64_t until = s->now_ms + (s->rules.quarantine_ms << times);
    notice(s, (struct sched_notice){.kind = SCHED_HOST_QUARANTINED,
                                    .host = id,
                                    .count = h->p.failures,
                                    .until_ms = until});
    h->p.quarantines++;
    h->p.failures = s->rules.host_failures - 1; // afterwards one more is enough
    memset(h->p.failing, 0, sizeof(h->p.failing));
    host_set_quarantine(s, id, until);
}

static void scene_failed(struct sched *s, const struct attempt *a)
{
    struct job *j = s->jobs.at[s->steps.at[a->step]->job];
    sched_host host = s->workers.at[a->worker]->host;
    int most = j->wish.scene_failures ? j->wish.scene_failures : s->rules.scene_failures;
    job_touch(s, j);
    if (j->p.row_failures++ == 0)
        j->p.row_hosts[0] = j->p.row_hosts[1] = 0;
    if (!j->p.row_hosts[0])
        j->p.row_hosts[0] = host;
    else if (j->p.row_hosts[0] != host)
        j->p.row_hosts[1] = host;
    bool hosts = j->p.row_hosts[1] || s->hosts_up < 2;
    if (most <= 0 || j->p.row_failures < most || !hosts || j->p.stopped)
        return;
    j->p.stopped = true;
    job_queue(s, j);
    notice(s, (struct sched_notice){
                  .kind = SCHED_SCENE_STOPPED, .job = j->id, .count = j->p.row_failures});
}

static void licence_denied(struct sched *s, const struct attempt *a, sched_word_id only)
{
    const struct class *c = s->classes.at[s->steps.at[a->step]->class];
    for (int i = 0; i < c->limit_count; i++) {
        struct limit *l = limit_of(s, c->limits[i].limit);
        if (only && l->name != only)
            continue;
        // Its own part is given back already: what the others hold is what there is.
        KEEP(s, l);
        l->p.learned = l->p.used < l->p.learned ? l->p.used : l->p.learned;
        l->p.heal_ms = s->now_ms + s->rules.limit_heal_ms;
        when_add(s, l->p.heal_ms, WHEN_HEAL, s->limit_of.at[l->name] - 1);
        notice(s, (struct sched_notice){
                      .kind = SCHED_LIMIT_LOWERED, .word = l->name, .count = l->p.learned});
    }
}

static int64_t backoff_ms(const struct sched *s, int times)
{
    int64_t wait = s->rules.backoff_first_ms;
    while (--times > 0 && wait < s->rules.backoff_most_ms)
        wait *= 2;
    return wait < s->rules.backoff_most_ms ? wait : s->rules.backoff_most_ms;
}

// True when the task has failed for good.
static bool blame(struct sched *s, const struct attempt *a, int64_t task, enum sched_how how)
{
    const struct job *j = s->jobs.at[s->steps.at[a->step]->job];
    const struct fails *known = fails_of(s, a->step, task);
    struct fails f = known ? *known : (struct fails){.tries = 0};
    f.key = (uint64_t)a->step << 32 | (uint64_t)task;
    sched_host host = s->workers.at[a->worker]->host;
    bool own = how == SCHED_TASKS_FAULT;
    f.tries += own;
    f.losses += how == SCHED_HOSTS_FAULT || how == SCHED_SHARED_FAULT || how == SCHED_LOST;
    if (how == SCHED_HOPELESS || f.tries >= (j->wish.tries ? j->wish.tries : s->rules.tries) ||
        f.losses >= (j->wish.losses ? j->wish.losses : s->rules.losses)) {
        notice(s, (struct sched_notice){.kind = SCHED_TASK_FAILED,
                                        .job = j->id,
                                        .step = a->step,
                                        .task = task,
                                        .count = f.tries + f.losses});
        if (known)
            fails_put(s, &(struct fails){.key = f.key, .tries = -1});
        return true;
    }
    // Where there is no other host the fault of the only one is shared by all.
    if (own || how == SCHED_SHARED_FAULT || (how == SCHED_HOSTS_FAULT && s->hosts_up < 2))
        f.rest_until_ms = s->now_ms + backoff_ms(s, own ? f.tries : f.losses);
    if ((own || how == SCHED_HOSTS_FAULT) && s->hosts_up > 1) {
        if (f.hosts[0] != host)
            f.hosts[1] = f.hosts[0];
        f.hosts[0] = host;
        f.avoid_until_ms = s->now_ms + s->rules.avoid_ms;
        when_add(s, f.avoid_until_ms, WHEN_WAKE, s->steps.at[a->step]->class);
    }
    fails_put(s, &f);
    return false;
}

static void tasks_failed(struct sched *s, const struct attempt *a, const struct sched_end *end)
{
    bool one = end->task >= a->first && end->task <= a->last && end->how != SCHED_LOST;
    struct sched_run run = {0, a->first - 1};
    while (next_own(s, a, run.last + 1, &run))
        for (int64_t i = run.first; i <= run.last; i++)
            if ((!one || i == end->task) && blame(s, a, i, end->how))
                tasks_move(s, a->step, i, i, SCHED_RUNNING, SCHED_FAILED, a->fence);
    wait_again(s, a);
}

static bool ended_well(struct sched *s, struct attempt *a)
{
    struct step *t = s->steps.at[a->step];
    int64_t had = a->p.made;
    int64_t made = commit(s, a, a->first, a->last) + had;
    if (made > 0)
        learn(s, t, a->first, a->last, (double)(s->now_ms - a->began_ms) / (double)made);
    host_did_well(s, a);
    return made > 0;
}

enum sched_verdict sched_ended(struct sched *s, sched_fence fence, const struct sched_end *end,
                               int64_t now_ms)
{
    struct attempt *a = attempt_of(s, fence);
    bool counts = false;
    s->now_ms = now_ms;
    if (!a)
        return SCHED_STALE;
    if (!a->p.dropped && end->how == SCHED_WELL) {
        counts = ended_well(s, a);
    } else if (!a->p.dropped) {
        counts = true;
        if (end->how == SCHED_LICENCE_DENIED || end->how == SCHED_STOPPED)
            wait_again(s, a);
        else
            tasks_failed(s, a, end);
        if (end->how == SCHED_TASKS_FAULT || end->how == SCHED_HOPELESS)
            scene_failed(s, a);
        if (end->how == SCHED_TASKS_FAULT || end->how == SCHED_HOSTS_FAULT)
            host_failed(s, a, end->how == SCHED_HOSTS_FAULT);
    }
    bool dropped = a->p.dropped;
    attempt_close(s, a);
    if (!dropped && end->how == SCHED_LICENCE_DENIED)
        licence_denied(s, a, end->limit);
    settle(s);
    return counts ? SCHED_COUNTS : SCHED_STALE;
}

void sched_progress(struct sched *s, sched_fence fence, int permille, int64_t now_ms)
{
    struct attempt *a = attempt_of(s, fence);
    if (!a)
        return;
    s->now_ms = now_ms;
    a->p.permille = permille;
    a->p.permille_ms = now_ms;
}

void sched_preempt(struct sched *s, sched_fence fence, int64_t now_ms)
{
    struct attempt *a = attempt_of(s, fence);
    s->now_ms = now_ms;
    if (a)
        attempt_drop(s, a, SCHED_DROP_PREEMPTED);
    settle(s);
}
