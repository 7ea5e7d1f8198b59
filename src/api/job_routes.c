// Jobs and workers.
#include "api/inside.h"
#include "house/assets/assets.h"
#include "house/jobs/jobs.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

static struct jobs *room(struct call *c)
{
    return c->api->wish.rooms.jobs;
}

struct asking {
    struct call *c;
    struct job_query query;
    json_t *json;
    int64_t total;
    bool more;
};

static void fresh(struct asking *q) // the database may run a piece of work twice
{
    json_decref(q->json);
    q->json = NULL;
}

// Those of `project`, or all that the caller may view.
static bool projects_of(struct db_tx *tx, struct asking *q, const char *project, struct error *err)
{
    struct call *c = q->c;
    json_t *all = NULL;
    if (!project_list(tx, c->who.admin ? NULL : c->who.person, &all, err))
        return false;
    const char **ids = ARENA_ARRAY(c->arena, const char *, json_array_size(all) + 1);
    size_t i, count = 0;
    const json_t *p;
    bool ok = true;
    json_array_foreach(all, i, p)
    {
        const char *id = json_string_value(json_object_get(p, "id"));
        unsigned may = 0;
        if (!id || (project && strcmp(project, id) != 0))
            continue;
        ok = ok && people_may(tx, &c->who, id, &may, err);
        if (may & MAY_VIEW)
            ids[count++] = arena_text(c->arena, id);
    }
    json_decref(all);
    q->query.projects = ids;
    q->query.project_count = count;
    return ok;
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return projects_of(tx, q, call_query(q->c, "project"), err) &&
           job_list(tx, room(q->c), &q->query, &q->json, &q->total, &q->more, err);
}

static bool jobs_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *keys[2], *state = call_query(c, "state");
    bool had;
    if (!call_limit(c, &q.query.limit, err) || !call_cursor(c, keys, 2, &had, err))
        return false;
    if (had) {
        q.query.before_ms = strtoll(keys[0], NULL, 10);
        q.query.before_id = keys[1];
    }
    for (text rest = text_of(state); rest.size;) {
        text one = text_cut(&rest, ',');
        q.query.active |= text_is(one, "active");
        q.query.ended |= text_is(one, "ended");
        if (!text_is(one, "active") && !text_is(one, "ended")) {
            error_set(err, ERROR_INPUT, "jobs have no such state");
            return error_fix(err, "say state=active, state=ended, or both with a comma");
        }
    }
    if (!db_read(c->api->db, list_in, &q, err)) {
        json_decref(q.json);
        return false;
    }
    json_t *cursor = json_null();
    if (q.more) {
        const json_t *last = json_array_get(q.json, json_array_size(q.json) - 1);
        const char *created = json_string_value(json_object_get(last, "created"));
        int64_t at_ms = 0;
        clock_parse(text_of(created), &at_ms);
        const char *next[] = {arena_format(c->arena, "%lld", (long long)at_ms),
                              json_string_value(json_object_get(last, "id"))};
        cursor = call_cursor_next(c, next, 2);
    }
    call_json(c, json_pack("{s:o, s:o, s:I}", "items", q.json, "cursor", cursor, "total",
                           (json_int_t)q.total));
    return true;
}

static bool get_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return job_get(tx, room(q->c), q->c->job, &q->json, err);
}

static bool job_show(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, get_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

// ---- orders: the dispatcher writes them, and who gave them in the same transaction

struct ordering {
    struct call *c;
    const char *action; // for the audit; NULL: none
};

static bool audit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct ordering *o = context;
    return call_audit(o->c, tx, o->action, o->c->job, NULL, err);
}

static bool order(struct call *c, const struct job_order *o, const char *action, struct error *err)
{
    struct ordering also = {c, action};
    return jobs_order(room(c), o, action ? audit_in : NULL, &also, clock_now_ms(), err) &&
           job_show(c, err);
}

static bool job_cancel_post(struct call *c, struct error *err)
{
    return order(c, &(struct job_order){.kind = ORDER_CANCEL, .job = c->job}, "job.cancelled", err);
}

static bool job_retry_post(struct call *c, struct error *err)
{
    return order(c, &(struct job_order){.kind = ORDER_RETRY, .job = c->job}, "job.retried", err);
}

static bool job_patch(struct call *c, struct error *err)
{
    struct job_order o = {.kind = ORDER_EDIT,
                          .job = c->job,
                          .priority = (int)body_int(c, "priority", JOBS_PRIORITY),
                          .tier = -1};
    return order(c, &o, NULL, err);
}

static bool workers_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return jobs_workers(tx, clock_now_ms(), &q->json, err);
}

static bool workers_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, workers_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

const struct route job_routes[] = {
    {"GET", "/jobs", NEED_PERSON, jobs_get, NULL, "JobList", 0,
     "newest first; ?project= ?state=active,ended", NULL},
    {"GET", "/jobs/{job}", MAY_VIEW, job_show, NULL, "Job", 0, "how far it is", NULL},
    {"POST", "/jobs/{job}/cancel", MAY_EDIT, job_cancel_post, NULL, "Job", 0,
     "stops it; what runs is dropped", NULL},
    {"POST", "/jobs/{job}/retry", MAY_EDIT, job_retry_post, NULL, "Job", 0,
     "what failed or was cancelled is done again", NULL},
    {"PATCH", "/jobs/{job}", MAY_EDIT, job_patch, "JobChange", "Job", 0, "its priority", NULL},
    {"GET", "/workers", NEED_ADMIN, workers_get, NULL, "Worker[]", 0, "seen within a day", NULL},
};
const size_t job_route_count = sizeof(job_routes) / sizeof(job_routes[0]);
