// The farm in numbers.
#include "house/jobs/inside.h"

#include <string.h>

static void add_to(json_t *sums, const char *name, int64_t more)
{
    json_int_t had = json_integer_value(json_object_get(sums, name));
    json_object_set_new(sums, name, json_integer(had + more));
}

static json_t *zeros(const char *const *names, size_t count)
{
    json_t *sums = json_object();
    for (size_t i = 0; i < count; i++)
        add_to(sums, names[i], 0);
    return sums;
}

// Takes core. A job that is new is not known yet: it is counted with the next turn.
static void add_job(struct jobs *j, const char *job, json_t *sums, json_t *share)
{
    struct sched_job_look look = {0};
    pthread_mutex_lock(&j->core);
    const struct live *l = live_of(j, job);
    if (l)
        sched_job_look(j->sched, l->job, j->looked_ms, &look);
    pthread_mutex_unlock(&j->core);
    add_to(sums, "waiting", look.waiting);
    add_to(sums, "ready", look.ready);
    add_to(sums, "running", look.running);
    add_to(share, "waiting", look.waiting);
    add_to(share, "running", look.running);
}

static bool add_jobs(struct db_tx *tx, struct jobs *j, json_t *sums, json_t *shares,
                     struct error *err)
{
    json_t *states = json_object_get(sums, "jobs");
    struct db_rows *rows = db_query(tx, "select id, project, state from jobs where ended = 0", "");
    while (db_next(rows)) {
        json_t *share = json_object_get(shares, db_text(rows, 1));
        if (!share)
            json_object_set_new(shares, db_text(rows, 1), share = json_object());
        add_to(states, db_text(rows, 2), 1);
        add_job(j, db_text(rows, 0), sums, share);
    }
    return db_end(rows, err);
}

static void add_shares(struct jobs *j, json_t *shares, int64_t now_ms)
{
    const char *project;
    json_t *share;
    json_object_foreach(shares, project, share)
    {
        struct sched_share_look look;
        pthread_mutex_lock(&j->core);
        sched_share_look(j->sched, sched_word(j->sched, project), now_ms, &look);
        pthread_mutex_unlock(&j->core);
        json_object_set_new(share, "weight", json_real(look.weight));
        json_object_set_new(share, "held", json_real(look.held));
        json_object_set_new(share, "average", json_real(look.average));
    }
}

static void add_nodes(const json_t *nodes, json_t *sums)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
    {
        const char *state = json_string_value(json_object_get(node, "state"));
        add_to(json_object_get(sums, "workers"), state, 1);
        add_to(sums, "busy", json_integer_value(json_object_get(node, "busy")));
        if (strcmp(state, "away") != 0)
            add_to(sums, "slots", json_integer_value(json_object_get(node, "slots")));
    }
}

bool jobs_sums(struct db_tx *tx, struct jobs *j, int64_t now_ms, json_t **sums, struct error *err)
{
    static const char *const jobs[] = {"waiting", "running", "suspended", "stopped", "approval"};
    static const char *const workers[] = {"idle",     "working",     "away",
                                          "draining", "quarantined", "desk"};
    static const char *const tasks[] = {"slots", "busy", "waiting", "ready", "running"};
    json_t *nodes, *shares = json_object();
    *sums = zeros(tasks, 5);
    json_object_set_new(*sums, "jobs", zeros(jobs, 5));
    json_object_set_new(*sums, "workers", zeros(workers, 6));
    json_object_set_new(*sums, "shares", shares);
    if (add_jobs(tx, j, *sums, shares, err) && jobs_nodes(tx, j, NULL, now_ms, &nodes, err)) {
        add_shares(j, shares, now_ms);
        add_nodes(nodes, *sums);
        json_decref(nodes);
        return true;
    }
    json_decref(*sums);
    *sums = NULL;
    return false;
}
