/*
 * A worker gets an attempt.
 *
 * Two ways to begin: a worker has changed (it asks, something of it ended), then it looks for its
 * best step; or a class has been woken (new work, room in a limit), then parked workers that fit
 * are looked at, the poorest kind first, so that what can be done anywhere does not take the one
 * machine with the GPU. Either way the worker takes the first step of the order of work (sched.h)
 * that it can serve: one walk over tiers, projects, users and lane heads.
 */
#include "sched/inside.h"

enum { TRIES_A_WALK = 64, TRIES_A_BUCKET = 8, DEPTH_MOST = 8 };

// ---- what fits the worker

static bool meets(const struct mask *a, const struct mask *b)
{
    uint64_t both = 0;
    for (int i = 0; i < MASK_BITS / 64; i++)
        both |= a->w[i] & b->w[i];
    return both;
}

static bool fits_now(struct sched *s, const struct worker *w, uint32_t c)
{
    const struct class *class = s->classes.at[c];
    return (!w->held_for || w->held_for == c + 1) && kind_fits(s, s->kinds.at[w->kind], c) &&
           amounts_fit(&w->p.left, &class->needs) && limits_fit(s, class, s->hosts.at[w->host]);
}

// Marks the classes that have work which the worker can do now.
static struct mask fits_of(struct sched *s, const struct worker *w)
{
    struct mask m = {0};
    s->pick++;
    for (size_t i = 0; i < s->active.count; i++) {
        uint32_t c = s->active.at[i];
        if (!fits_now(s, w, c))
            continue;
        s->fit.at[c] = s->pick;
        m.w[c % MASK_BITS / 64] |= 1ull << (c % 64);
    }
    return m;
}

// ---- which tasks

int64_t chunk_size(const struct sched *s, const struct step *t)
{
    if (!t->target_ms)
        return t->chunk;
    int64_t task_ms = step_estimate_ms(s, t, t->ready.members ? set_next(&t->ready, 0, true) : 0);
    int64_t size = task_ms > 0 ? t->target_ms / task_ms : t->chunk;
    // Near the end smaller ones, so that all end at the same time.
    int64_t fair = t->ready.members / (2 * (t->p.attempts + (int64_t)s->hungry) + 1);
    size = size < fair ? size : fair;
    return size < 1 ? 1 : size;
}

static bool host_avoids_job(const struct sched *s, const struct host *h, const struct job *j)
{
    for (int i = 0; i < AVOIDS; i++)
        if (h->p.avoids[i].job == j->seq && h->p.avoids[i].until_ms > s->now_ms)
            return s->hosts_up > 1;
    return false;
}

static bool task_suits(const struct sched *s, const struct step *t, int64_t task, sched_host host)
{
    return !set_has(&t->marked, task) || s->hosts_up < 2 ||
           !fails_avoid(fails_of(s, t->id, task), host, s->now_ms);
}

static int64_t run_end(struct sched *s, struct step *t, int64_t first)
{
    int64_t size = chunk_size(s, t), end = first + size - 1;
    if (!t->target_ms)
        end = first - first % size + size - 1;
    if (set_has(&t->marked, first) || previewing(s->jobs.at[t->job]))
        end = first;
    if (end >= t->count)
        end = t->count - 1;
    if (!t->waits_itself) {
        int64_t gap = set_next(&t->ready, first, false) - 1,
                marked = set_next(&t->marked, first, true);
        end = gap < end ? gap : end;
        return marked > first && marked <= end ? marked - 1 : end;
    }
    int64_t last = first;
    while (last < end && task_follows(s, t, first, last + 1))
        last++;
    return last;
}

static bool run_paid(struct sched *s, struct step *t, const struct worker *w, int64_t task,
                     struct sched_run *run)
{
    int64_t last = run_end(s, t, task), paid = money_allows(s, t, w, task, last - task + 1);
    if (paid > 0)
        *run = (struct sched_run){task, task + paid - 1};
    return paid > 0;
}

// The first run that this worker may have; false: none.
static bool run_for(struct sched *s, sched_step step, const struct worker *w, struct sched_run *run)
{
    struct step *t = s->steps.at[step];
    int64_t task = set_next(&t->ready, 0, true);
    if (host_avoids_job(s, s->hosts.at[w->host], s->jobs.at[t->job]))
        return false;
    for (int i = 0; i < TRIES_A_BUCKET && task < t->count; i++) {
        if (task_suits(s, t, task, w->host))
            return run_paid(s, t, w, task, run);
        task = task + 1 < t->count ? set_next(&t->ready, task + 1, true) : t->count;
    }
    // Many that do not suit stand in front: one that has never failed suits everybody.
    while (task < t->count && set_has(&t->marked, task)) {
        task = set_next(&t->marked, task, false);
        task = task < t->count ? set_next(&t->ready, task, true) : t->count;
    }
    return task < t->count && run_paid(s, t, w, task, run);
}

// ---- the walk

struct found {
    sched_step step;
    struct sched_run run;
    struct user_node *user;
};

static struct project_node *least_project(struct sched *s, struct tier *t, const struct mask *m)
{
    struct project_node *best = NULL;
    double key = 0;
    for (size_t i = 0; i < t->active_projects.count; i++) {
        struct project_node *p = t->active_projects.at[i];
        if (p->tried == s->pick || !meets(&p->mask, m))
            continue;
        double k = party_key(s, p->party);
        if (!best || k < key) {
            best = p;
            key = k;
        }
    }
    return best;
}

static struct user_node *least_user(struct sched *s, struct project_node *p, const struct mask *m)
{
    struct user_node *best = NULL;
    double key = 0;
    for (size_t i = 0; i < p->active_users.count; i++) {
        struct user_node *u = p->active_users.at[i];
        if (u->tried == s->pick || !meets(&u->mask, m))
            continue;
        double k = party_key(s, u->party);
        if (!best || k < key) {
            best = u;
            key = k;
        }
    }
    return best;
}

static bool first_step(struct sched *s, struct user_node *u, const struct worker *w,
                       struct found *f, int *tries)
{
    for (size_t i = 0; i < u->lanes.count; i++)
        u->lanes.at[i].cursor = u->lanes.at[i].head;
    while (*tries > 0) {
        struct lane *best = NULL;
        for (size_t i = 0; i < u->lanes.count; i++) {
            struct lane *l = &u->lanes.at[i];
            if (l->cursor < l->steps.count && s->fit.at[l->class] == s->pick &&
                (!best || job_before(s, l->steps.at[l->cursor], best->steps.at[best->cursor])))
                best = l;
        }
        if (!best)
            return false;
        f->step = best->steps.at[best->cursor++];
        f->user = u;
        if (!money_allows(s, s->steps.at[f->step], w, 0, 1))
            continue; // those whose money is over are many, and hide nobody
        --*tries;
        if (run_for(s, f->step, w, &f->run))
            return true;
    }
    return false;
}

// The step that the worker has warm, when nobody loses his turn by it.
static void stay(struct sched *s, const struct worker *w, struct found *f)
{
    sched_step last = w->p.last_step;
    if (!last || last == f->step || last >= s->steps.count || !s->steps.at[last] ||
        !s->steps.at[last]->queued || s->fit.at[s->steps.at[last]->class] != s->pick)
        return;
    const struct job *mine = s->jobs.at[s->steps.at[last]->job];
    const struct job *best = s->jobs.at[s->steps.at[f->step]->job];
    double slack = 1 + s->rules.stay_slack_percent / 100.0;
    if (mine->p.tier != best->p.tier ||
        party_key(s, mine->project) > party_key(s, best->project) * slack ||
        (mine->project == best->project &&
         party_key(s, mine->user) > party_key(s, best->user) * slack) ||
        (mine->user == best->user && mine != best)) // its owner has said what he wants first
        return;
    struct sched_run run;
    if (run_for(s, last, w, &run))
        *f = (struct found){last, run, mine->node};
}

static bool find(struct sched *s, sched_worker id, struct found *f)
{
    const struct worker *w = s->workers.at[id];
    struct mask m = fits_of(s, w);
    int tries = TRIES_A_WALK;
    for (int tier = SCHED_TIERS - 1; tier >= 0; tier--) {
        struct tier *t = &s->tiers[tier];
        struct project_node *p;
        struct user_node *u;
        if (!meets(&t->mask, &m))
            continue;
        while (tries > 0 && (p = least_project(s, t, &m))) {
            while (tries > 0 && (u = least_user(s, p, &m))) {
                if (first_step(s, u, w, f, &tries)) {
                    stay(s, w, f);
                    return true;
                }
                u->tried = s->pick;
            }
            p->tried = s->pick;
        }
    }
    return false;
}

// ---- giving

static void give(struct sched *s, sched_worker id, sched_step step, struct sched_run run,
                 sched_fence twin)
{
    struct worker *w = s->workers.at[id];
    struct step *t = s->steps.at[step];
    bool warm = host_warm(s->hosts.at[w->host], t->data);
    struct attempt *a = attempt_open(s, &(struct attempt){.step = step,
                                                          .worker = id,
                                                          .first = run.first,
                                                          .last = run.last,
                                                          .began_ms = s->now_ms,
                                                          .p.twin_of = twin});
    if (twin) {
        struct attempt *o = attempt_of(s, twin);
        KEEP(s, o);
        o->p.twin = a->fence;
    } else {
        tasks_move(s, step, run.first, run.last, SCHED_WAITING, SCHED_RUNNING, a->fence);
    }
    w->asks--;
    w->held_for = 0;
    t->queued_ms = s->classes.at[t->class]->placed_ms = s->now_ms;
    host_warms(s, w->host, step);
    ADD(s->gives, (struct sched_give){.fence = a->fence,
                                      .worker = id,
                                      .step = step,
                                      .first = run.first,
                                      .last = run.last,
                                      .gpus = a->gpus,
                                      .twin = twin,
                                      .warm = warm});
}

// Half of what a late attempt has left, from the end, or all of it when that is little: two hosts
// that share a chunk end it sooner than two that run for the same frame.
static bool give_twin(struct sched *s, sched_worker id)
{
    const struct worker *w = s->workers.at[id];
    for (size_t i = 0; i < s->late.count; i++) {
        struct attempt *a = attempt_of(s, s->late.at[i]);
        if (!a || a->p.dropped || a->p.twin || a->p.twin_of ||
            s->workers.at[a->worker]->host == w->host)
            continue;
        struct step *t = s->steps.at[a->step];
        const struct job *j = s->jobs.at[t->job];
        struct sched_run run;
        if (j->p.suspended || j->p.stopped)
            continue;
        if (!fits_now(s, w, t->class) || host_avoids_job(s, s->hosts.at[w->host], j) ||
            !next_run(t, SCHED_RUNNING, a->first, &run) || run.first > a->last)
            continue;
        run.last = run.last < a->last ? run.last : a->last;
        if (run.last - run.first >= 3 && !t->waits_itself)
            run.first += (run.last - run.first + 1) / 2;
        int64_t count = run.last - run.first + 1;
        if (money_allows(s, t, w, run.first, count) < count)
            continue;
        give(s, id, a->step, run, a->fence);
        s->late.at[i] = s->late.at[--s->late.count];
        a->late = false;
        return true;
    }
    return false;
}

// A parked worker on a host that has the step's data; 0: none.
static sched_worker warm_worker(struct sched *s, sched_step step, struct sched_run *run)
{
    const struct step *t = s->steps.at[step];
    const struct data *d = t->data ? data_of(s, t->data) : NULL;
    for (int i = 0; d && i < DATA_HOSTS; i++) {
        const struct host *h = d->hosts[i] ? s->hosts.at[d->hosts[i]] : NULL;
        for (size_t k = 0; h && k < h->workers.count; k++) {
            sched_worker id = h->workers.at[k];
            const struct worker *w = s->workers.at[id];
            if (w->place == PLACE_PARKED && fits_now(s, w, t->class) && run_for(s, step, w, run))
                return id;
        }
    }
    return 0;
}

static bool give_one(struct sched *s, sched_worker id)
{
    struct found f;
    if (!find(s, id, &f))
        return give_twin(s, id);
    give(s, id, f.step, f.run, 0);
    return true;
}

// The next bucket, from the poorest kind on, that fits; NULL: none.
static struct bucket *next_bucket(struct sched *s, uint32_t c, size_t *kind_at, size_t *bucket_at)
{
    for (; *kind_at < s->by_worth.count; ++*kind_at, *bucket_at = 0) {
        struct kind *kind = s->kinds.at[s->by_worth.at[*kind_at]];
        if (!kind->up || !kind_fits(s, kind, c))
            continue;
        for (; *bucket_at < kind->buckets.count; ++*bucket_at)
            if (kind->buckets.at[*bucket_at].workers.count &&
                amounts_fit(&kind->buckets.at[*bucket_at].left, &s->classes.at[c]->needs))
                return &kind->buckets.at[(*bucket_at)++];
    }
    return NULL;
}

static void park_again(struct sched *s, sched_worker id)
{
    worker_park(s, id);
    if (s->workers.at[id]->asks <= 0)
        worker_unplace(s, id);
}

// True when a parked worker was given something. When what the worker would do first is of another
// class that was woken too, that one is served: it may be content with a poorer worker.
static bool serve_class(struct sched *s, uint32_t c, int depth)
{
    size_t k = 0, b = 0;
    struct bucket *bucket;
    struct found f;
    if ((!s->classes.at[c]->queued && !s->late.count) || limits_shut(s, s->classes.at[c]))
        return false;
    while ((bucket = next_bucket(s, c, &k, &b))) {
        for (size_t i = bucket->workers.count, tries = 0; i-- > 0 && tries < TRIES_A_BUCKET;
             tries++) {
            sched_worker id = bucket->workers.at[i];
            if (!fits_now(s, s->workers.at[id], c))
                continue; // no licence for it, or it is held for another
            if (find(s, id, &f)) {
                const struct step *t = s->steps.at[f.step];
                if (t->class != c && s->classes.at[t->class]->woken && depth < DEPTH_MOST &&
                    serve_class(s, t->class, depth + 1))
                    return true;
                bool warm = !t->data || host_warm(s->hosts.at[s->workers.at[id]->host], t->data);
                sched_worker other = warm ? 0 : warm_worker(s, f.step, &f.run);
                id = other ? other : id;
                give(s, id, f.step, f.run, 0);
            } else if (!give_twin(s, id)) {
                continue;
            }
            park_again(s, id);
            return true;
        }
    }
    return false;
}

static void class_served(struct sched *s, uint32_t c)
{
    s->classes.at[c]->woken = false;
    for (size_t i = s->woken.count; i-- > 0;) // mostly the last
        if (s->woken.at[i] == c) {
            s->woken.at[i] = s->woken.at[--s->woken.count];
            return;
        }
}

sched_step head_of_line(struct sched *s)
{
    struct mask all;
    memset(&all, 0xff, sizeof(all));
    int tier = SCHED_TIERS - 1;
    while (tier >= 0 && !s->tiers[tier].active_projects.count)
        tier--;
    if (tier < 0)
        return 0;
    s->pick++;
    struct project_node *p = least_project(s, &s->tiers[tier], &all);
    struct user_node *u = least_user(s, p, &all);
    sched_step head = 0;
    for (size_t i = 0; i < u->lanes.count; i++) {
        const struct lane *l = &u->lanes.at[i];
        if (l->head < l->steps.count && (!head || job_before(s, l->steps.at[l->head], head)))
            head = l->steps.at[l->head];
    }
    return head;
}

// The next worker that has changed; 0: none.
static sched_worker next_fresh(struct sched *s)
{
    while (s->fresh_head < s->fresh.count) {
        sched_worker id = s->fresh.at[s->fresh_head++];
        if (s->fresh_head == s->fresh.count)
            s->fresh_head = s->fresh.count = 0;
        if (s->workers.at[id] && s->workers.at[id]->place == PLACE_FRESH)
            return id;
    }
    return 0;
}

int sched_decide(struct sched *s, int most, int64_t now_ms)
{
    int given = 0;
    s->now_ms = now_ms;
    while (given < most) {
        sched_worker id = next_fresh(s);
        if (id && give_one(s, id)) {
            given++;
            worker_look_again(s, id); // behind the others
        } else if (id) {
            worker_park(s, id);
        } else if (s->woken.count) {
            uint32_t c = s->woken.at[s->woken.count - 1];
            if (serve_class(s, c, 0))
                given++;
            else
                class_served(s, c);
        } else {
            break;
        }
    }
    settle(s);
    return given;
}
