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

static void add_live(const struct jobs *j, const struct live *l, json_t *sums, json_t *shares)
{
    struct sched_job_look look;
    const char *project = sched_word_text(j->sched, l->project);
    json_t *share = json_object_get(shares, project);
    if (!share)
        json_object_set_new(shares, project, share = json_object());
    sched_job_look(j->sched, l->job, j->looked_ms, &look);
    add_to(json_object_get(sums, "jobs"), state_name(l->told), 1);
    add_to(sums, "waiting", look.waiting);
    add_to(sums, "ready", look.ready);
    add_to(sums, "running", look.running);
    add_to(share, "waiting", look.waiting);
    add_to(share, "running", look.running);
}

// Takes core, for some at a time: the dispatcher does not wait for all of them. A job that is new
// is not known yet: it is counted with the next turn.
static void add_jobs(struct jobs *j, json_t *sums, json_t *shares)
{
    enum { AT_ONCE = 512 };
    bool more = true;
    for (size_t at = 0; more;) {
        pthread_mutex_lock(&j->core);
        for (size_t end = at + AT_ONCE; at < end && at < j->by_job_room; at++) {
            const struct live *l = j->by_job[at];
            bool ended = !l || l->told == SCHED_JOB_DONE || l->told == SCHED_JOB_FAILED ||
                         l->told == SCHED_JOB_CANCELLED;
            if (!ended)
                add_live(j, l, sums, shares);
        }
        more = at < j->by_job_room;
        pthread_mutex_unlock(&j->core);
    }
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
    add_jobs(j, *sums, shares);
    if (jobs_nodes(tx, j, NULL, now_ms, &nodes, err)) {
        add_shares(j, shares, now_ms);
        add_nodes(nodes, *sums);
        json_decref(nodes);
        return true;
    }
    json_decref(*sums);
    *sums = NULL;
    return false;
}
