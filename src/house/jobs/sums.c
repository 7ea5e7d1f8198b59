// The farm in numbers.
#include "house/jobs/inside.h"

#include <stdlib.h>
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

struct project_sums {
    sched_word_id project;
    int64_t waiting, running;
};
struct job_sums {
    int64_t states[SCHED_JOB_CANCELLED + 1], waiting, ready, running;
    struct project_sums *projects;
    size_t count, room, last; // last: where the one before was found
};

static struct project_sums *project_of(struct job_sums *sums, sched_word_id project)
{
    if (sums->last < sums->count && sums->projects[sums->last].project == project)
        return &sums->projects[sums->last];
    for (sums->last = 0; sums->last < sums->count; sums->last++)
        if (sums->projects[sums->last].project == project)
            return &sums->projects[sums->last];
    sums->projects = grown(sums->projects, &sums->room, ++sums->count, sizeof(*sums->projects));
    sums->projects[sums->last].project = project;
    return &sums->projects[sums->last];
}

static void add_live(const struct jobs *j, const struct live *l, struct job_sums *sums)
{
    struct sched_job_look look;
    struct project_sums *of = project_of(sums, l->project);
    sched_job_look(j->sched, l->job, j->looked_ms, &look);
    sums->states[l->told]++;
    sums->waiting += look.waiting;
    sums->ready += look.ready;
    sums->running += look.running;
    of->waiting += look.waiting;
    of->running += look.running;
}

// Takes core, for some at a time: the dispatcher does not wait for all of them. A job that is new
// is not known yet: it is counted with the next turn.
static void sum_jobs(struct jobs *j, struct job_sums *sums)
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
                add_live(j, l, sums);
        }
        more = at < j->by_job_room;
        pthread_mutex_unlock(&j->core);
    }
}

static void add_jobs(struct jobs *j, json_t *sums, json_t *shares)
{
    struct job_sums s = {0};
    sum_jobs(j, &s);
    for (int i = 0; i <= SCHED_JOB_CANCELLED; i++)
        if (s.states[i])
            add_to(json_object_get(sums, "jobs"), state_name((enum sched_job_state)i), s.states[i]);
    add_to(sums, "waiting", s.waiting);
    add_to(sums, "ready", s.ready);
    add_to(sums, "running", s.running);
    pthread_mutex_lock(&j->core);
    for (size_t i = 0; i < s.count; i++)
        json_object_set_new(shares, sched_word_text(j->sched, s.projects[i].project),
                            json_pack("{s:I, s:I}", "waiting", (json_int_t)s.projects[i].waiting,
                                      "running", (json_int_t)s.projects[i].running));
    pthread_mutex_unlock(&j->core);
    free(s.projects);
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
    json_decref(*sums), *sums = NULL;
    return false;
}
