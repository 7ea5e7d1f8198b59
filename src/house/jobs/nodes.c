/*
 * Machines as people see them: what a worker has and runs, and whether it is wanted.
 *
 * Two things keep a worker from taking work for as long as a person wants: it is drained (a
 * worker), or its machine is in quarantine (all workers of the same host). Both are columns of
 * workers, told to the scheduler when we start and whenever the worker says hello. A quarantine
 * that the scheduler itself finds, after failures in a row, ends by itself; it is kept with its
 * end.
 */
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

static const int64_t for_good_ms = INT64_MAX; // nobody has said until when

// ---- starting

struct node_seen {
    const char *id, *host;
    json_t *has;
    bool drained, quarantined;
    int64_t bad_until_ms, bad_times;
};
struct loading {
    const char *worker;
    int64_t now_ms;
    struct arena *a;
    struct node_seen *nodes;
    size_t count, room;
};

static void forget_seen(struct loading *l)
{
    for (size_t i = 0; i < l->count; i++)
        json_decref(l->nodes[i].has);
    l->count = 0;
}

static bool load_in(struct db_tx *tx, void *context, struct error *err)
{
    struct loading *l = context;
    forget_seen(l);
    struct db_rows *rows = db_query(
        tx,
        "select id, host, has, drained, quarantined, bad_until_ms, bad_times from workers where id "
        "= ?1 or (?1 = '' and (drained = 1 or quarantined = 1 or bad_until_ms > ?2))",
        "si", l->worker ? l->worker : "", l->now_ms);
    while (db_next(rows)) {
        l->nodes = grown(l->nodes, &l->room, l->count + 1, sizeof(*l->nodes));
        l->nodes[l->count++] = (struct node_seen){arena_text(l->a, db_text(rows, 0)),
                                                  arena_text(l->a, db_text(rows, 1)),
                                                  json_loads(db_text(rows, 2), 0, NULL),
                                                  db_int(rows, 3) != 0,
                                                  db_int(rows, 4) != 0,
                                                  db_int(rows, 5),
                                                  db_int(rows, 6)};
    }
    return db_end(rows, err);
}

bool load_nodes(struct jobs *j, const char *worker, int64_t now_ms, struct error *err)
{
    struct loading l = {.worker = worker, .now_ms = now_ms, .a = arena_open(64 << 20)};
    bool ok = db_read(j->db, load_in, &l, err);
    pthread_mutex_lock(&j->core);
    for (size_t i = 0; ok && i < l.count; i++) {
        const struct node_seen *n = &l.nodes[i];
        struct hand *h = hand_of(j, n->id);
        h = h ? h : hand_make(j, n->id, n->host, n->has);
        h->drained = n->drained;
        node_pause(j, h, now_ms);
        if (n->quarantined)
            sched_host_quarantine(j->sched, h->host, for_good_ms, now_ms);
        else if (n->bad_until_ms > now_ms)
            sched_host_load(j->sched, h->host, n->bad_until_ms, (int)n->bad_times);
    }
    sched_keep(j->sched); // it is durable already
    pthread_mutex_unlock(&j->core);
    forget_seen(&l);
    free(l.nodes);
    arena_close(l.a);
    return ok;
}

// ---- orders

static void pause_as(struct jobs *j, const struct hand *h, bool drains, int64_t now_ms)
{
    enum sched_pause why = drains                      ? SCHED_DRAINS
                           : h->desk != JOBS_DESK_FREE ? SCHED_DESK
                                                       : SCHED_GOES_ON;
    sched_worker_pause(j->sched, h->worker, why, false, now_ms);
}

void node_pause(struct jobs *j, struct hand *h, int64_t now_ms)
{
    pause_as(j, h, h->drained || h->leaves, now_ms);
}

// What is known of the worker changes with the commit; the scheduler is told now.
void hear_node(struct jobs *j, struct batch *b, struct post *p)
{
    struct hand *h = hand_of(j, p->worker);
    if (!h) {
        p->ok = error_set(p->err, ERROR_NOT_FOUND, "there is no such worker");
        return;
    }
    bool drains = p->node == NODE_DRAIN || h->leaves || (h->drained && p->node != NODE_RESUME);
    pause_as(j, h, drains, b->now_ms);
    if (p->node != NODE_DRAIN)
        sched_host_quarantine(j->sched, h->host, p->node == NODE_QUARANTINE ? for_good_ms : 0,
                              b->now_ms);
    b->write = true;
}

bool node_write(struct db_tx *tx, const struct post *p, struct error *err)
{
    bool drains = p->node == NODE_DRAIN, quarantine = p->node == NODE_QUARANTINE;
    if ((drains || p->node == NODE_RESUME) &&
        !db_run(tx, err, "update workers set drained = ?2 where id = ?1", "si", p->worker,
                (int64_t)drains))
        return false;
    return drains || db_run(tx, err,
                            "update workers set quarantined = ?2, bad_until_ms = 0 where host = "
                            "(select host from workers "
                            "where id = ?1)",
                            "si", p->worker, (int64_t)quarantine);
}

void node_kept(struct jobs *j, const struct post *p)
{
    if (p->kind != POST_NODE || !p->ok)
        return;
    struct hand *h = hand_of(j, p->worker);
    h->drained = p->node == NODE_DRAIN || (h->drained && p->node != NODE_RESUME);
}

// The scheduler takes back a quarantine itself, but no pause.
void node_undone(struct jobs *j, const struct post *p, int64_t now_ms)
{
    struct hand *h = p->kind == POST_NODE ? hand_of(j, p->worker) : NULL;
    if (h)
        node_pause(j, h, now_ms);
}

bool jobs_node_order(struct jobs *j, const char *worker, enum node_order order, jobs_also *also,
                     void *context, int64_t now_ms, struct error *err)
{
    struct post p = {.kind = POST_NODE,
                     .worker = worker,
                     .node = order,
                     .also = also,
                     .context = context,
                     .err = err};
    post_and_wait(j, &p, now_ms);
    return p.ok;
}

// ---- looking

static json_t *time_json(int64_t at_ms)
{
    return json_string(clock_text(at_ms).text);
}

// Why it takes no work, for a person. With core.
static const char *state_of(const struct hand *h, bool away, const struct sched_host_look *look,
                            const char **why)
{
    bool by_hand = look->quarantined_until_ms == for_good_ms;
    *why = away && h && h->drained              ? "it is drained by hand, too"
           : away && look->quarantined_until_ms ? "its machine is in quarantine, too"
           : away                               ? NULL
           : by_hand                            ? "by hand, until somebody says that it is good"
           : look->quarantined_until_ms         ? "work failed on it too often in a row"
           : h->drained                         ? "by hand, until somebody resumes it"
           : h->leaves                          ? "it said that it goes away"
           : h->desk == JOBS_DESK_USER          ? "its user is back"
           : h->desk == JOBS_DESK_HOURS         ? "its hours have not come"
                                                : NULL;
    return away                         ? "away"
           : look->quarantined_until_ms ? "quarantined"
           : h->drained || h->leaves    ? "draining"
           : h->desk != JOBS_DESK_FREE  ? "desk"
           : h->attempts                ? "working"
                                        : "idle";
}

static void add_state(struct jobs *j, const char *id, bool away, json_t *node)
{
    struct sched_host_look look = {0};
    const char *why;
    pthread_mutex_lock(&j->core);
    const struct hand *h = hand_of(j, id);
    if (h)
        sched_host_look(j->sched, h->host, &look);
    const char *state = state_of(h, away || !h || !h->up, &look, &why);
    int64_t until = look.quarantined_until_ms;
    json_object_set_new(node, "state", json_string(state));
    json_object_set_new(node, "why", why ? json_string(why) : json_null());
    json_object_set_new(node, "until",
                        until && until != for_good_ms ? time_json(until) : json_null());
    json_object_set_new(node, "failures", json_integer(look.failures_in_a_row));
    pthread_mutex_unlock(&j->core);
}

static const char *after(const json_t *word, const char *start)
{
    const char *text = json_string_value(word);
    size_t size = strlen(start);
    return text && strncmp(text, start, size) == 0 ? text + size : NULL;
}

static json_t *gpus_json(const json_t *has)
{
    char text[64] = "GPU";
    json_int_t memory_mib = json_integer_value(json_object_get(has, "gpu_memory_mib"));
    json_t *gpus = json_array();
    if (memory_mib)
        snprintf(text, sizeof(text), "GPU, %lld MiB", (long long)memory_mib);
    for (json_int_t i = 0; i < json_integer_value(json_object_get(has, "gpus")) && i < 64; i++)
        json_array_append_new(gpus, json_string(text));
    return gpus;
}

static void add_has(const char *has_text, json_t *node)
{
    json_t *has = json_loads(has_text, 0, NULL), *tags = json_array(), *pool = NULL;
    json_int_t memory_mib = json_integer_value(json_object_get(has, "memory_mib"));
    const json_t *word;
    size_t i;
    json_array_foreach(json_object_get(has, "words"), i, word)
    {
        const char *tag = after(word, "tag="), *in = after(word, "pool=");
        if (tag)
            json_array_append_new(tags, json_string(tag));
        if (in && !pool)
            pool = json_string(in);
    }
    json_object_set_new(
        node, "cpus",
        json_real((double)json_integer_value(json_object_get(has, "milli_cpus")) / 1000));
    json_object_set_new(node, "memory_mb", json_integer(memory_mib * 1048576 / 1000000));
    json_object_set_new(node, "tags", tags);
    json_object_set_new(node, "pool", pool ? pool : json_null());
    json_object_set_new(node, "gpus", gpus_json(has));
    json_decref(has);
}

static json_t *run_json(struct db_rows *rows, struct jobs *j)
{
    char attempt[27];
    sched_fence fence = (sched_fence)db_int(rows, 1);
    attempt_text(j, fence, attempt);
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "attempt", attempt,
                     "token", (json_int_t)fence, "job", db_text(rows, 2), "project",
                     db_text(rows, 3), "title", db_text(rows, 4), "step",
                     (json_int_t)db_int(rows, 5), "first", (json_int_t)db_int(rows, 6), "last",
                     (json_int_t)db_int(rows, 7), "started", time_json(db_int(rows, 8)), "progress",
                     attempt_progress(j, fence));
}

// Of all workers, as {worker: [run]}: whoever runs nothing is not in it.
static bool read_runs(struct db_tx *tx, struct jobs *j, json_t *runs, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select t.worker, t.fence, j.id, j.project, j.title, t.step, t.first, t.last, t.began_ms "
        "from attempts t join jobs j on j.number = t.job where t.state = 'running' order by "
        "t.fence",
        "");
    while (db_next(rows)) {
        json_t *of = json_object_get(runs, db_text(rows, 0));
        if (!of)
            json_object_set_new(runs, db_text(rows, 0), of = json_array());
        json_array_append_new(of, run_json(rows, j));
    }
    return db_end(rows, err);
}

// null: it has not been measured.
static json_t *speed_json(struct db_rows *rows, int column)
{
    return db_null(rows, column)
               ? json_null()
               : json_pack("{s:I, s:o}", "bytes_s", (json_int_t)db_int(rows, column), "measured",
                           time_json(db_int(rows, column + 1)));
}

static json_t *node_json(struct db_rows *rows, struct jobs *j, const json_t *runs)
{
    const char *id = db_text(rows, 0);
    json_t *own = json_object_get(runs, id);
    json_t *node = json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "id", id, "name", db_text(rows, 1),
                             "host", db_text(rows, 2), "slots", (json_int_t)db_int(rows, 3), "busy",
                             (json_int_t)json_array_size(own), "seen", time_json(db_int(rows, 5)));
    add_state(j, id, strcmp(db_text(rows, 4), "away") == 0, node);
    add_has(db_text(rows, 6), node);
    json_object_set_new(node, "runs", own ? json_incref(own) : json_array());
    json_object_set_new(node, "from_house", speed_json(rows, 7));
    json_object_set_new(node, "to_house", speed_json(rows, 9));
    return node;
}

bool jobs_nodes(struct db_tx *tx, struct jobs *j, const char *worker, int64_t now_ms, json_t **list,
                struct error *err)
{
    json_t *runs = json_object();
    *list = json_array();
    bool ok = read_runs(tx, j, runs, err);
    struct db_rows *rows =
        ok ? db_query(
                 tx,
                 "select w.id, w.name, w.host, w.slots, w.state, w.seen_ms, w.has, o.bytes_s, "
                 "o.at_ms, i.bytes_s, i.at_ms from workers w left join speeds o on o.kind = "
                 "'worker' and o.origin = w.id and o.direction = 'out' left join speeds i on "
                 "i.kind "
                 "= 'worker' and i.origin = w.id and i.direction = 'in' where w.id = ?1 or (?1 = "
                 "'' "
                 "and (w.seen_ms > ?2 or w.drained = 1 or w.quarantined = 1)) order by w.name, "
                 "w.id",
                 "si", worker ? worker : "", now_ms - 86400000)
           : NULL;
    while (ok && db_next(rows))
        json_array_append_new(*list, node_json(rows, j, runs));
    ok = ok && db_end(rows, err);
    json_decref(runs);
    if (!ok) {
        json_decref(*list);
        *list = NULL;
    }
    return ok;
}
