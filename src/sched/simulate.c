/*
 * The world around the scheduler, in virtual time: a heap of things that will happen.
 *
 * Each event that is due is told to the scheduler, then it decides, the batch goes to the audit and
 * is kept, and what was given is put into the heap as ends to come. What could have been used is
 * counted after each decision: idle slots times ready tasks that a licence is left for.
 */
#include "sched/simulate.h"
#include "sched/audit.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_A_PROJECT = 6, LICENCE_REPORT_MS = 120000, SPOT_BACK_MS = 300000 };

enum licence { NONE, A_TASK, A_HOST };
enum happening { ENDS, TAKEN_AWAY, COMES_BACK, REPORT, SUBMIT };
struct event {
    int64_t at_ms, order;
    enum happening what;
    uint64_t which;
    enum sched_how how;
    sched_worker worker;
};

struct world {
    const struct simulate_wish *wish;
    struct simulate_result *r;
    struct sched *s;
    struct audit *a;
    uint64_t seed;
    int64_t now_ms, order;
    struct event *heap;
    size_t count, room;
    sched_worker *workers; // by host
    int *running;          // by worker
    int *licensed;         // of those, on a host's licence
    bool *here, *bad;      // by worker
    sched_word_id a_task, a_host;
    int64_t outside;
    sched_word_id *projects;
    sched_job *jobs;
    int *job_project;
    sched_step *steps;
    int *step_project;
    uint8_t *step_licence;
    int64_t *step_frame_ms;
    size_t job_count, step_count;
    double *held, *served; // machine time by project, while all have work
    bool all_have_work;
    double used_ms, wasted_ms;
    bool twice_done;
};

static uint64_t roll(struct world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    return w->seed ^= w->seed << 17;
}

static double roll_one(struct world *w)
{
    return (double)(roll(w) >> 11) / (double)(1ull << 53);
}

// ---- what will happen

static void happens(struct world *w, struct event e)
{
    if (w->count == w->room) {
        w->room = w->room ? w->room * 2 : 1024;
        w->heap = realloc(w->heap, w->room * sizeof(*w->heap));
        assert(w->heap);
    }
    e.order = w->order++;
    size_t i = w->count++;
    for (; i > 0 && w->heap[(i - 1) / 2].at_ms > e.at_ms; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = e;
}

static struct event next_event(struct world *w)
{
    struct event first = w->heap[0], last = w->heap[--w->count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < w->count) {
        if (child + 1 < w->count && w->heap[child + 1].at_ms < w->heap[child].at_ms)
            child++;
        if (w->heap[child].at_ms >= last.at_ms)
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

// ---- the farm

static void worker_comes(struct world *w, sched_worker id)
{
    w->here[id] = true;
    w->running[id] = 0;
    sched_worker_up(w->s, id, w->now_ms);
    sched_worker_asks(w->s, id, w->wish->slots, w->now_ms);
    audit_worker_state(w->a, id, true, w->wish->slots);
}

static void build_farm(struct world *w)
{
    const struct simulate_wish *wish = w->wish;
    struct sched_amounts has = {.milli_cpus = 16000, .memory_mib = 65536};
    sched_word_id farm = sched_word(w->s, "pool=farm");
    w->workers = calloc((size_t)wish->hosts, sizeof(*w->workers));
    w->running = calloc((size_t)wish->hosts + 1, sizeof(*w->running));
    w->licensed = calloc((size_t)wish->hosts + 1, sizeof(*w->licensed));
    w->here = calloc((size_t)wish->hosts + 1, sizeof(*w->here));
    w->bad = calloc((size_t)wish->hosts + 1, sizeof(*w->bad));
    assert(w->workers && w->running && w->licensed && w->here && w->bad);
    for (int i = 0; i < wish->hosts; i++) {
        sched_host h = sched_host_add(w->s);
        w->workers[i] = sched_worker_add(
            w->s,
            &(struct sched_worker_wish){.host = h, .has = has, .words = &farm, .word_count = 1});
        audit_worker(w->a, w->workers[i], h, &has);
        w->bad[w->workers[i]] = i < wish->bad_hosts;
        worker_comes(w, w->workers[i]);
        if (i >= wish->hosts - wish->spot_hosts)
            happens(w, (struct event){.at_ms = (int64_t)(roll_one(w) * 2 * (double)wish->spot_ms),
                                      .what = TAKEN_AWAY,
                                      .worker = w->workers[i]});
    }
}

static void set_limits(struct world *w)
{
    int64_t n = w->wish->licences;
    sched_limit_set(
        w->s,
        &(struct sched_limit_wish){
            .name = w->a_task, .scope = SCHED_A_TASK, .total = n, .outside = w->outside},
        w->now_ms);
    sched_limit_set(
        w->s, &(struct sched_limit_wish){.name = w->a_host, .scope = SCHED_A_HOST, .total = n},
        w->now_ms);
    audit_limit(w->a, w->a_task, SCHED_A_TASK, n - w->outside);
    audit_limit(w->a, w->a_host, SCHED_A_HOST, n);
}

// ---- the jobs

static sched_step add_step(struct world *w, sched_job job, int project,
                           const struct sched_step_wish *wish)
{
    struct error err;
    sched_step step = 0;
    bool ok = sched_step_add(w->s, job, wish, &step, &err);
    assert(ok);
    (void)ok;
    audit_step(w->a, step, job, wish);
    w->steps[w->step_count] = step;
    w->step_project[step] = project;
    w->step_licence[step] = !wish->limit_count                   ? NONE
                            : wish->limits[0].limit == w->a_task ? A_TASK
                                                                 : A_HOST;
    w->step_frame_ms[step] =
        w->wish->frame_ms / 2 + (int64_t)(roll_one(w) * (double)w->wish->frame_ms);
    w->step_count++;
    w->r->tasks += wish->count;
    return step;
}

// Of each project: plain frames, licences a task and a host, frames then comp, a simulation of
// frame after frame, chunks that adapt, a preview first.
static void submit(struct world *w, int project, int which)
{
    int64_t frames = w->wish->frames / (w->wish->projects * JOBS_A_PROJECT);
    char user[32];
    sched_word_id farm = sched_word(w->s, "pool=farm");
    struct sched_clause clause = {.words = &farm, .count = 1};
    struct sched_need_limit task = {w->a_task, 1}, host = {w->a_host, 1};
    struct sched_step_wish step = {.count = frames,
                                   .chunk = 1,
                                   .needs = {.milli_cpus = 16000 / w->wish->slots},
                                   .clauses = &clause,
                                   .clause_count = 1,
                                   .data = (uint64_t)(project * 100 + which + 1)};
    snprintf(user, sizeof(user), "user %d", which % 2);
    sched_job job = sched_job_add(w->s,
                                  &(struct sched_job_wish){.project = w->projects[project],
                                                           .user = sched_word(w->s, user),
                                                           .tier = 2,
                                                           .priority = 50,
                                                           .tries = 20,
                                                           .losses = 1000,
                                                           .scene_failures = -1,
                                                           .preview_every = which == 5 ? 50 : 0},
                                  w->now_ms);
    struct sched_needs_step same = {.after = SCHED_AFTER_FRAMES};
    struct sched_needs_step previous = {.after = SCHED_AFTER_FRAMES, .from = -1, .to = -1};
    if (which == 1 || which == 2) {
        step.limits = which == 1 ? &task : &host;
        step.limit_count = 1;
    } else if (which == 3) {
        struct sched_step_wish sim = step;
        sim.count = frames / 20 + 1;
        sim.after = &previous;
        sim.after_count = 1;
        add_step(w, job, project, &sim);
        step.count = frames - 2 * sim.count + 1;
        sched_step render = add_step(w, job, project, &step);
        same.step = render;
        step.count = sim.count;
        step.chunk = 4;
        step.after = &same;
        step.after_count = 1;
    } else if (which == 4) {
        step.target_ms = 2 * w->wish->frame_ms;
        step.chunk = 2;
    }
    add_step(w, job, project, &step);
    w->jobs[w->job_count] = job;
    w->job_project[w->job_count++] = project;
    sched_job_start(w->s, job, w->now_ms);
}

// ---- what becomes of attempts

static void plan_end(struct world *w, const struct sched_give *g)
{
    const struct simulate_wish *wish = w->wish;
    double each = (double)w->step_frame_ms[g->step] * (0.8 + 0.4 * roll_one(w));
    double takes = each * (double)(g->last - g->first + 1);
    struct event e = {.what = ENDS, .which = g->fence, .worker = g->worker, .how = SCHED_WELL};
    if (!g->warm)
        takes += 0.02 * (double)wish->frame_ms;
    if ((int)(roll(w) % 1000) < wish->late_permille)
        takes *= 10;
    if ((int)(roll(w) % 100) < wish->failing_percent) {
        e.how = SCHED_TASKS_FAULT;
        takes *= roll_one(w);
    }
    if (w->bad[g->worker]) {
        e.how = roll(w) % 2 ? SCHED_HOSTS_FAULT : SCHED_TASKS_FAULT;
        takes = 2000;
    }
    // Somebody outside has taken what the last report still called free.
    if (w->step_licence[g->step] && roll(w) % 200 == 0) {
        e.how = SCHED_LICENCE_DENIED;
        takes = 1000;
    }
    e.at_ms = w->now_ms + 1 + (int64_t)takes;
    happens(w, e);
    w->running[g->worker]++;
    w->licensed[g->worker] += w->step_licence[g->step] == A_HOST;
    w->held[w->step_project[g->step]] += 1;
    w->r->attempts++;
    w->r->twins += g->twin != 0;
}

static void ends(struct world *w, const struct event *e)
{
    struct sched_attempt_look look;
    // It was lost with its worker, or stopped when it was dropped.
    if (!sched_attempt_look(w->s, e->which, &look) || look.worker != e->worker)
        return;
    struct sched_end end = {.how = e->how, .task = e->how == SCHED_WELL ? -1 : look.first};
    w->held[w->step_project[look.step]] -= 1;
    w->running[e->worker]--;
    w->licensed[e->worker] -= w->step_licence[look.step] == A_HOST;
    audit_stopped(w->a, e->which);
    enum sched_verdict v = sched_ended(w->s, e->which, &end, w->now_ms);
    w->r->stale += v == SCHED_STALE;
    w->r->failed += e->how == SCHED_TASKS_FAULT || e->how == SCHED_HOSTS_FAULT;
    w->r->denied += e->how == SCHED_LICENCE_DENIED;
    sched_worker_asks(w->s, e->worker, 1, w->now_ms);
    audit_worker_state(w->a, e->worker, w->here[e->worker], 1);
}

static void taken_away(struct world *w, sched_worker id)
{
    w->here[id] = false;
    for (size_t i = 0; i < w->count; i++) { // what runs there will not end
        struct event *e = &w->heap[i];
        struct sched_attempt_look look;
        if (e->what == ENDS && e->worker == id && sched_attempt_look(w->s, e->which, &look)) {
            w->held[w->step_project[look.step]] -= 1;
            w->r->lost++;
        }
    }
    w->running[id] = w->licensed[id] = 0;
    audit_worker_gone(w->a, id);
    sched_worker_gone(w->s, id, w->now_ms);
    happens(w, (struct event){.at_ms = w->now_ms + SPOT_BACK_MS, .what = COMES_BACK, .worker = id});
}

static void report(struct world *w)
{
    w->outside = (int64_t)(roll(w) % (uint64_t)(w->wish->licences / 4 + 1));
    set_limits(w);
    happens(w, (struct event){.at_ms = w->now_ms + LICENCE_REPORT_MS, .what = REPORT});
}

static void hear(struct world *w, const struct event *e)
{
    switch (e->what) {
    case ENDS:
        ends(w, e);
        break;
    case TAKEN_AWAY:
        taken_away(w, e->worker);
        break;
    case COMES_BACK:
        worker_comes(w, e->worker);
        happens(w, (struct event){.at_ms = w->now_ms +
                                           (int64_t)(roll_one(w) * 2 * (double)w->wish->spot_ms),
                                  .what = TAKEN_AWAY,
                                  .worker = e->worker});
        break;
    case REPORT:
        report(w);
        break;
    case SUBMIT:
        submit(w, (int)(e->which / JOBS_A_PROJECT), (int)(e->which % JOBS_A_PROJECT));
        break;
    }
}

// A ledger that writes the first result twice: the audit must not let it pass.
static void write_twice(struct world *w, const struct sched_batch *b)
{
    for (size_t i = 0; i < b->change_count && !w->twice_done; i++)
        if (b->changes[i].after == SCHED_DONE) {
            struct sched_batch again = {.changes = &b->changes[i], .change_count = 1};
            audit_batch(w->a, &again);
            w->twice_done = true;
        }
}

static void take_batch(struct world *w)
{
    const struct sched_batch *b = sched_batch(w->s);
    audit_batch(w->a, b);
    if (w->wish->commits_twice)
        write_twice(w, b);
    for (size_t i = 0; i < b->give_count; i++)
        plan_end(w, &b->gives[i]);
    // A dropped attempt stops within a second.
    for (size_t i = 0; i < b->drop_count; i++)
        happens(w, (struct event){.at_ms = w->now_ms + 1000,
                                  .what = ENDS,
                                  .which = b->drops[i].fence,
                                  .worker = b->drops[i].worker,
                                  .how = SCHED_STOPPED});
    sched_keep(w->s);
}

// ---- how well it goes

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// Slots that are idle now and could be at work: there is a ready task and, if need be, a licence.
static int64_t could_work(struct world *w, int64_t *busy, bool have[64])
{
    struct sched_limit_look task, host;
    int64_t idle = 0, idle_licensed = 0, ready[3] = {0};
    for (int i = 0; i < w->wish->hosts; i++) {
        struct sched_host_look look;
        sched_worker id = w->workers[i];
        sched_host_look(w->s, (sched_host)(i + 1), &look);
        *busy += w->running[id];
        int more = w->here[id] && !look.quarantined_until_ms ? w->wish->slots - w->running[id] : 0;
        idle += more;
        idle_licensed += w->licensed[id] ? more : 0;
    }
    sched_limit_look(w->s, w->a_task, &task);
    sched_limit_look(w->s, w->a_host, &host);
    for (size_t i = 0; i < w->step_count; i++) {
        struct sched_step_look look;
        sched_step_look(w->s, w->steps[i], &look);
        ready[w->step_licence[w->steps[i]]] += look.ready;
        if (w->step_licence[w->steps[i]] == NONE && look.ready > 0)
            have[w->step_project[w->steps[i]]] = true;
    }
    return least(idle, ready[NONE] + least(ready[A_TASK], task.free) +
                           least(ready[A_HOST], idle_licensed + host.free * w->wish->slots));
}

static void count_time(struct world *w, int64_t until_ms)
{
    double ms = (double)(until_ms - w->now_ms);
    bool have[64] = {0};
    int64_t busy = 0, could = could_work(w, &busy, have);
    w->used_ms += ms * (double)busy;
    w->wasted_ms += ms * (double)could;
    // A share is what a project had while every project had work that needs no licence.
    for (int p = 0; p < w->wish->projects && ms > 0; p++)
        w->all_have_work &= have[p];
    for (int p = 0; p < w->wish->projects && w->all_have_work; p++)
        w->served[p] += ms * w->held[p];
}

static double share_error(const struct world *w)
{
    double sum = 0, weights = 0, worst = 0;
    for (int p = 0; p < w->wish->projects; p++) {
        sum += w->served[p];
        weights += p + 1;
    }
    for (int p = 0; p < w->wish->projects && sum > 0; p++) {
        double target = (p + 1) / weights, off = fabs(w->served[p] / sum - target) / target;
        worst = off > worst ? off : worst;
    }
    return worst;
}

static bool all_over(const struct world *w)
{
    for (size_t i = 0; i < w->job_count; i++) {
        struct sched_job_look look;
        sched_job_look(w->s, w->jobs[i], w->now_ms, &look);
        if (look.done + look.failed + look.cancelled < look.tasks || look.attempts_running)
            return false;
    }
    return w->job_count > 0;
}

static void run(struct world *w)
{
    bool over = false;
    for (int64_t i = 0; w->count && !over; i++) {
        int64_t at_ms = w->heap[0].at_ms, tick = sched_next_ms(w->s);
        at_ms = tick < at_ms ? tick : at_ms;
        at_ms = at_ms > w->now_ms ? at_ms : w->now_ms;
        count_time(w, at_ms);
        w->now_ms = at_ms;
        while (w->count && w->heap[0].at_ms <= w->now_ms) {
            struct event e = next_event(w);
            hear(w, &e);
        }
        sched_tick(w->s, w->now_ms);
        while (sched_decide(w->s, 1000, w->now_ms) == 1000)
            w->r->decisions += 1000;
        take_batch(w);
        if (i % 64 == 0)
            over = all_over(w);
    }
}

static void world_open(struct world *w)
{
    size_t jobs = (size_t)w->wish->projects * JOBS_A_PROJECT;
    w->s = sched_open(w->wish->rules.tries ? &w->wish->rules : NULL, 1);
    w->a = audit_open();
    w->projects = calloc((size_t)w->wish->projects, sizeof(*w->projects));
    w->held = calloc((size_t)w->wish->projects, sizeof(*w->held));
    w->served = calloc((size_t)w->wish->projects, sizeof(*w->served));
    w->jobs = calloc(jobs, sizeof(*w->jobs));
    w->job_project = calloc(jobs, sizeof(*w->job_project));
    w->steps = calloc(jobs * 3, sizeof(*w->steps));
    w->step_project = calloc(jobs * 3 + 1, sizeof(*w->step_project));
    w->step_licence = calloc(jobs * 3 + 1, sizeof(*w->step_licence));
    w->step_frame_ms = calloc(jobs * 3 + 1, sizeof(*w->step_frame_ms));
    assert(w->projects && w->held && w->served && w->jobs && w->job_project && w->steps &&
           w->step_project && w->step_licence && w->step_frame_ms);
    w->a_task = sched_word(w->s, "arnold");
    w->a_host = sched_word(w->s, "nuke");
    w->all_have_work = true;
    for (int p = 0; p < w->wish->projects; p++) {
        char name[32];
        snprintf(name, sizeof(name), "project %d", p);
        w->projects[p] = sched_word(w->s, name);
        sched_weight(w->s, w->projects[p], p + 1);
        for (int k = 0; k < JOBS_A_PROJECT; k++)
            happens(w, (struct event){.what = SUBMIT, .which = (uint64_t)(p * JOBS_A_PROJECT + k)});
    }
}

static void world_close(struct world *w)
{
    void *const parts[] = {w->licensed,      w->heap,  w->workers,      w->running,
                           w->here,          w->bad,   w->projects,     w->jobs,
                           w->job_project,   w->steps, w->step_project, w->step_licence,
                           w->step_frame_ms, w->held,  w->served};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        free(parts[i]);
    sched_close(w->s);
    audit_close(w->a);
}

void simulate(const struct simulate_wish *wish, struct simulate_result *r)
{
    struct world w = {.wish = wish, .r = r, .seed = wish->seed * 2654435761u + 1};
    *r = (struct simulate_result){0};
    assert(wish->projects <= 64 && wish->hosts > 0 && wish->slots > 0);
    world_open(&w);
    build_farm(&w);
    report(&w);
    run(&w);
    audit_end(w.a, true);
    r->virtual_ms = w.now_ms;
    r->committed = audit_committed(w.a);
    r->all_done = r->committed == r->tasks;
    r->use = w.used_ms / (w.used_ms + w.wasted_ms);
    r->share_error = share_error(&w);
    r->findings = audit_findings(w.a);
    snprintf(r->first_finding, sizeof(r->first_finding), "%s", audit_finding(w.a, 0));
    world_close(&w);
}
