// Jobs and workers.
#include "api/inside.h"
#include "base/config.h"
#include "house/assets/assets.h"
#include "house/deliver/deliver.h"
#include "house/jobs/jobs.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIER_OF_ALL = 2 }; // above it only who may manage

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
    const char *keys[JOB_KEYS];
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
    const char *project = call_query(q->c, "project");
    fresh(q);
    // An administrator views all of them: no list of them then.
    bool all = q->c->who.admin && !project;
    return (all || projects_of(tx, q, project, err)) &&
           job_list(tx, room(q->c), &q->query, q->c->arena, &q->json, &q->total, &q->more, q->keys,
                    err);
}

static bool order_of(struct call *c, struct job_query *q, struct error *err)
{
    const char *order = call_query(c, "order");
    q->turn = order && strcmp(order, "turn") == 0;
    if (order && !q->turn && strcmp(order, "created") != 0) {
        error_set(err, ERROR_INPUT, "jobs have no such order");
        return error_fix(err, "say order=created or order=turn");
    }
    if (q->turn && !(q->states & JOB_ACTIVE) == !(q->states & JOB_ENDED)) {
        error_set(err, ERROR_INPUT, "these jobs have no turn in common");
        return error_fix(err, "with order=turn say state= of what goes on, or of what has ended");
    }
    return true;
}

static bool wish_of(struct call *c, struct job_query *q, struct error *err)
{
    for (text rest = text_of(call_query(c, "state")); rest.size;) {
        unsigned named = job_states_named(text_cut(&rest, ','));
        q->states |= named;
        if (!named) {
            error_set(err, ERROR_INPUT, "jobs have no such state");
            return error_fix(err, "say state=active, state=ended, or states by name with commas");
        }
    }
    q->kind = call_query(c, "kind");
    q->by = call_query(c, "by");
    q->words = call_query(c, "q");
    if (q->kind && strcmp(q->kind, "render") != 0 && strcmp(q->kind, "media") != 0) {
        error_set(err, ERROR_INPUT, "jobs have no such kind");
        return error_fix(err, "say kind=render, or kind=media for all others");
    }
    return order_of(c, q, err);
}

static bool jobs_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *after[JOB_KEYS] = {0};
    bool had;
    if (!call_limit(c, &q.query.limit, err) || !wish_of(c, &q.query, err))
        return false;
    bool turn = q.query.turn && q.query.states & JOB_ACTIVE;
    size_t keys = turn ? 3 : 2;
    if (!call_cursor(c, after, keys, &had, err))
        return false;
    q.query.after = had ? after : NULL;
    if (!db_read(c->api->db, list_in, &q, err)) {
        json_decref(q.json);
        return false;
    }
    json_t *cursor = q.more ? call_cursor_next(c, q.keys, keys) : json_null();
    call_json(c, json_pack("{s:o, s:o, s:I}", "items", q.json, "cursor", cursor, "total",
                           (json_int_t)q.total));
    return true;
}

static bool get_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    json_t *steps, *options;
    if (!job_get(tx, room(q->c), q->c->job, &q->json, err))
        return false;
    if (!job_steps(tx, room(q->c), q->c->job, &steps, err)) {
        fresh(q);
        return false;
    }
    json_object_set_new(q->json, "steps", steps);
    if (!job_options(tx, q->c->job, &options, err)) {
        fresh(q);
        return false;
    }
    json_object_set_new(q->json, "options", options);
    return true;
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
                          .priority = (int)body_int(c, "priority", -1),
                          .tier = (int)body_int(c, "tier", -1),
                          .title = body_text(c, "name")};
    const char *deadline = body_text(c, "deadline");
    const json_t *budget = json_object_get(c->body, "budget");
    o.set_deadline = deadline != NULL;
    if (deadline && *deadline && !clock_parse(text_of(deadline), &o.deadline_ms)) {
        error_set(err, ERROR_INPUT, "the deadline can not be '%s'", deadline);
        return error_fix(err, "write it like 2026-11-27T09:00:00Z, or \"\" for none");
    }
    if (json_is_object(budget)) {
        double amount = json_number_value(json_object_get(budget, "amount"));
        o.set_budget = true;
        o.budget = amount < 1e9 ? (int64_t)(amount * JOBS_MONEY + 0.5) : 0;
        o.currency = amount >= 0 ? json_string_value(json_object_get(budget, "currency")) : NULL;
        if (amount >= 1e9 || (o.currency && (!*o.currency || strlen(o.currency) > 7)))
            return error_set(err, ERROR_INPUT, "the budget can not be that");
    }
    if (o.tier > TIER_OF_ALL && !(c->may & MAY_MANAGE))
        return call_denied(c, MAY_MANAGE, err);
    return order(c, &o, "job.changed", err);
}

static bool job_suspend_post(struct call *c, struct error *err)
{
    struct job_order o = {
        .kind = ORDER_SUSPEND, .job = c->job, .drop = body_bool(c, "drop", false)};
    return order(c, &o, "job.suspended", err);
}

static bool job_resume_post(struct call *c, struct error *err)
{
    return order(c, &(struct job_order){.kind = ORDER_RESUME, .job = c->job}, "job.resumed", err);
}

static bool job_approve_post(struct call *c, struct error *err)
{
    return order(c, &(struct job_order){.kind = ORDER_APPROVE, .job = c->job}, "job.approved", err);
}

static bool tasks_order(struct call *c, enum order_kind kind, const char *action, struct error *err)
{
    struct job_order o = {.kind = kind,
                          .job = c->job,
                          .step = c->number,
                          .first = body_int(c, "first", 0),
                          .last = body_int(c, "last", 0),
                          .dependants = body_bool(c, "dependants", false)};
    return order(c, &o, action, err);
}

static bool tasks_requeue_post(struct call *c, struct error *err)
{
    return tasks_order(c, ORDER_REQUEUE, "job.requeued", err);
}

static bool tasks_cancel_post(struct call *c, struct error *err)
{
    return tasks_order(c, ORDER_CANCEL_TASKS, "job.tasks_cancelled", err);
}

struct requeueing {
    struct call *c;
    json_t *document;
};

static bool document_in(struct db_tx *tx, void *context, struct error *err)
{
    struct requeueing *r = context;
    json_decref(r->document);
    r->document = NULL;
    return job_document(tx, r->c->job, &r->document, err);
}

static bool requeue_post(struct call *c, struct error *err)
{
    struct requeueing r = {.c = c};
    struct job_run *runs;
    struct job_order o = {
        .kind = ORDER_REQUEUE, .job = c->job, .dependants = body_bool(c, "dependants", false)};
    bool ok = db_read(c->api->db, document_in, &r, err) &&
              job_frames(r.document, body_text(c, "step"), body_text(c, "frames"), c->arena, &runs,
                         &o.run_count, err);
    o.runs = ok ? runs : NULL;
    json_decref(r.document);
    return ok && order(c, &o, "job.requeued", err);
}

static bool reads_get(struct call *c, struct error *err)
{
    struct requeueing r = {.c = c};
    if (!db_read(c->api->db, document_in, &r, err)) {
        json_decref(r.document);
        return false;
    }
    json_t *inputs = json_object_get(json_object_get(r.document, "options"), "inputs");
    call_json(c, json_pack("{s:o}", "inputs", inputs ? json_incref(inputs) : json_array()));
    json_decref(r.document);
    return true;
}

// ---- submitting

struct submitting {
    struct call *c;
    struct job_wish wish;
    id job;
};

static bool submit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct submitting *s = context;
    return job_make(tx, &s->wish, clock_now_ms(), &s->job, err) &&
           call_audit(s->c, tx, "job.submitted", s->job.text, s->wish.title, err);
}

// Frames of staged jobs are brought to their places by the house itself.
static bool may_bring_all(struct call *c, const struct job_wish *w, struct error *err)
{
    const char *house = c->api->wish.house_folder;
    const char *folders = c->api->config ? config_text(c->api->config, "staged.outputs") : "";
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(w->transfer ? w->options : NULL, "outputs"), i, one)
    {
        if (!job_may_bring(json_string_value(json_object_get(one, "path")), house ? house : "",
                           folders, err))
            return false;
    }
    return true;
}

// A movie would be missed only after the last frame was rendered.
static bool movies_have_profiles(struct call *c, const struct job_wish *w, struct error *err)
{
    const char *folder = c->api->wish.profiles_folder;
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(w->options, "outputs"), i, one)
    {
        const char *name =
            json_string_value(json_object_get(json_object_get(one, "asset"), "profile"));
        json_t *profile = NULL;
        if (name && folder && !profile_load(folder, name, &profile, err)) {
            err->kind = err->kind == ERROR_NOT_FOUND ? ERROR_INPUT : err->kind;
            error_why(err, "output %zu of the job wants a movie by it", i + 1);
            return false;
        }
        json_decref(profile);
    }
    return true;
}

static bool submit(struct call *c, struct error *err)
{
    struct arena *a = arena_open((size_t)1 << 31);
    struct submitting s = {.c = c};
    bool ok = job_submission(a, c->body, &s.wish, err);
    if (ok) {
        s.wish.id = body_text(c, "id");
        s.wish.project = c->project;
        s.wish.by = c->who.name;
        ok = (s.wish.tier <= TIER_OF_ALL || (c->may & MAY_MANAGE) ||
              call_denied(c, MAY_MANAGE, err)) &&
             may_bring_all(c, &s.wish, err) && movies_have_profiles(c, &s.wish, err) &&
             db_write(c->api->db, submit_in, &s, err);
        job_submission_free(&s.wish);
    }
    arena_close(a);
    if (!ok)
        return false;
    c->job = arena_text(c->arena, s.job.text);
    call_status(c, 201);
    return job_show(c, err);
}

// ---- tasks

static bool tasks_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *from = call_query(q->c, "from"), *to = call_query(q->c, "to");
    int64_t next;
    fresh(q);
    if (!job_tasks(tx, q->c->job, q->c->number, from ? strtoll(from, NULL, 10) : 0,
                   to ? strtoll(to, NULL, 10) : -1, &q->json, &next, err))
        return false;
    q->json = json_pack("{s:o, s:o}", "runs", q->json, "next",
                        next < 0 ? json_null() : json_integer(next));
    return true;
}

static bool tasks_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, tasks_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

static void add_logs(const struct call *c, json_t *attempts)
{
    const char *folder = c->api->wish.logs_folder;
    size_t i;
    json_t *one;
    json_array_foreach(attempts, i, one)
    {
        int64_t token = json_integer_value(json_object_get(one, "token"));
        json_object_set_new(one, "log", json_boolean(folder && job_log_there(folder, token)));
    }
}

// Of the newest attempt that counts: the others never came into their place.
static void add_pictures(const struct call *c, json_t *task)
{
    const char *folder = c->api->wish.pictures_folder;
    json_t *one, *outputs = json_object_get(task, "outputs");
    struct job_picture p = {.task = c->task};
    size_t i;
    json_array_foreach(json_object_get(task, "attempts"), i,
                       one) if (!p.token && strcmp(json_string_value(json_object_get(one, "state")),
                                                   "committed") == 0) p.token =
        json_integer_value(json_object_get(one, "token"));
    json_array_foreach(outputs, i, one)
    {
        p.output = (int64_t)i;
        if (p.token && folder && job_picture_there(folder, &p))
            json_object_set_new(
                one, "url",
                json_string(arena_format(
                    c->arena, "/api/v1/jobs/%s/attempts/%lld/tasks/%lld/picture?output=%zu", c->job,
                    (long long)p.token, (long long)p.task, i)));
    }
}

struct showing_task {
    struct call *c;
    json_t *task, *document; // NULL: it has no template
};

static bool task_in(struct db_tx *tx, void *context, struct error *err)
{
    struct showing_task *s = context;
    json_decref(s->task);
    json_decref(s->document);
    s->task = s->document = NULL;
    return job_task(tx, room(s->c), s->c->job, s->c->number, s->c->task, &s->task, err) &&
           (job_document(tx, s->c->job, &s->document, err) || err->kind == ERROR_NOT_FOUND);
}

// Its values are what the stored template says, so that no list of tasks is kept anywhere.
static bool task_get(struct call *c, struct error *err)
{
    struct showing_task s = {.c = c};
    bool ok = db_read(c->api->db, task_in, &s, err);
    if (ok && s.document) {
        ok = job_task_values(s.document, c->number, c->task, s.task, err);
    } else if (ok) { // an engine's: it has no parameters
        json_object_set_new(s.task, "values", json_object());
        json_object_set_new(s.task, "outputs", json_array());
    }
    if (ok) {
        add_logs(c, json_object_get(s.task, "attempts"));
        add_pictures(c, s.task);
        call_json(c, json_incref(s.task));
    }
    json_decref(s.task);
    json_decref(s.document);
    return ok;
}

static bool template_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return job_document(tx, q->c->job, &q->json, err) || err->kind == ERROR_NOT_FOUND;
}

// The same for as long as the job is there.
static bool axes_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    json_t *axes = json_array();
    bool ok = db_read(c->api->db, template_in, &q, err);
    if (ok && q.json) {
        json_decref(axes);
        ok = job_axes(q.json, c->number, &axes, err);
    }
    json_decref(q.json);
    if (ok)
        call_json(c, axes);
    return ok;
}

static bool attempts_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return job_attempts(tx, room(q->c), q->c->job, q->query.limit, &q->json, err);
}

static bool attempts_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!call_limit(c, &q.query.limit, err) || !db_read(c->api->db, attempts_in, &q, err))
        return false;
    add_logs(c, q.json);
    call_json(c, q.json);
    return true;
}

static bool has_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return job_has_attempt(tx, q->c->job, q->c->number, &q->more, err);
}

static bool log_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    struct buf words = BUF_LIMIT(8 << 20);
    const char *after = call_query(c, "after"), *folder = c->api->wish.logs_folder;
    int64_t next = 0;
    if (!db_read(c->api->db, has_in, &q, err))
        return false;
    if (!q.more || !folder)
        return error_set(err, ERROR_NOT_FOUND, "there is no such attempt");
    bool ok =
        job_log_read(folder, c->number, after ? strtoll(after, NULL, 10) : 0, &words, &next, err);
    if (ok)
        call_json(c, json_pack("{s:o, s:I}", "text", json_text(words.at ? words.at : ""), "next",
                               (json_int_t)next));
    buf_free(&words);
    return ok;
}

static bool result_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return job_has_result(tx, q->c->job, q->c->number, q->c->task, &q->more, err);
}

// What is asked for is a number of an attempt that counted, never a path.
static bool picture_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *output = call_query(c, "output"), *folder = c->api->wish.pictures_folder;
    struct job_picture p = {
        .token = c->number, .task = c->task, .output = output ? strtoll(output, NULL, 10) : 0};
    if (!call_unburnt(c, err) || !db_read(c->api->db, result_in, &q, err))
        return false;
    if (!q.more || !folder || p.output < 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no picture of it");
    if (!job_picture_read(folder, c->arena, &p, err))
        return false;
    call_header_set(c, "Cache-Control", "private, max-age=31536000, immutable");
    call_bytes(c, "image/jpeg", p.jpeg, p.size);
    return true;
}

static bool why_get(struct call *c, struct error *err)
{
    (void)err;
    call_json(c, job_why(room(c), c->job));
    return true;
}

static bool limits_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return jobs_limits(tx, room(q->c), &q->json, err);
}

static bool limits_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, limits_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

static bool limit_audit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = context;
    return call_audit(c, tx, "limit.changed", body_text(c, "name"),
                      arena_format(c->arena, "%lld, %lld outside",
                                   (long long)body_int(c, "total", 0),
                                   (long long)body_int(c, "outside", 0)),
                      err);
}

static bool limits_put(struct call *c, struct error *err)
{
    struct jobs_limit l = {.name = body_text(c, "name"),
                           .host = strcmp(body_text(c, "scope"), "host") == 0,
                           .total = body_int(c, "total", 0),
                           .outside = body_int(c, "outside", 0),
                           .yields = body_bool(c, "yields", false)};
    return jobs_limit_set(room(c), &l, limit_audit_in, c, clock_now_ms(), err) &&
           limits_get(c, err);
}

static bool nodes_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return jobs_nodes(tx, room(q->c), q->c->worker, clock_now_ms(), &q->json, err);
}

static bool nodes_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, nodes_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

static bool node_audit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct ordering *o = context;
    return call_audit(o->c, tx, o->action, o->c->worker, NULL, err);
}

static bool node_order(struct call *c, enum node_order order, const char *action, struct error *err)
{
    struct ordering also = {c, action};
    struct asking q = {.c = c};
    if (!jobs_node_order(room(c), c->worker, order, node_audit_in, &also, clock_now_ms(), err) ||
        !db_read(c->api->db, nodes_in, &q, err))
        return false;
    call_json(c, json_incref(json_array_get(q.json, 0)));
    json_decref(q.json);
    return true;
}

static bool node_drain_post(struct call *c, struct error *err)
{
    return node_order(c, NODE_DRAIN, "worker.drained", err);
}

static bool node_resume_post(struct call *c, struct error *err)
{
    return node_order(c, NODE_RESUME, "worker.resumed", err);
}

static bool node_quarantine_post(struct call *c, struct error *err)
{
    return node_order(c, NODE_QUARANTINE, "worker.quarantined", err);
}

static bool node_good_post(struct call *c, struct error *err)
{
    return node_order(c, NODE_GOOD, "worker.good", err);
}

// Sums are for all; names of projects only for those who may view them.
static bool farm_shares(struct db_tx *tx, struct asking *q, struct error *err)
{
    const json_t *of = json_object_get(q->json, "shares"), *p;
    json_t *all = NULL, *shares = json_array();
    bool ok = project_list(tx, q->c->who.admin ? NULL : q->c->who.person, &all, err);
    size_t i;
    json_array_foreach(all, i, p)
    {
        const char *id = json_string_value(json_object_get(p, "id"));
        json_t *share = id ? json_object_get(of, id) : NULL;
        unsigned may = 0;
        if (!share)
            continue;
        ok = ok && people_may(tx, &q->c->who, id, &may, err);
        if (!(may & MAY_VIEW))
            continue;
        json_object_set_new(share, "project", json_string(id));
        json_object_set(share, "name", json_object_get(p, "name"));
        json_array_append(shares, share);
    }
    json_decref(all);
    json_object_set_new(q->json, "shares", shares);
    return ok;
}

static bool farm_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return jobs_sums(tx, room(q->c), clock_now_ms(), &q->json, err) && farm_shares(tx, q, err);
}

static bool farm_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, farm_in, &q, err)) {
        json_decref(q.json);
        return false;
    }
    call_json(c, q.json);
    return true;
}

// ---- speeds of lines

static bool speeds_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return speed_list(tx, q->c->who.admin ? NULL : q->c->who.person, &q->json, err);
}

static bool speeds_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    char own[256] = "";
    size_t i;
    json_t *one;
    if (!db_read(c->api->db, speeds_in, &q, err))
        return false;
    gethostname(own, sizeof(own) - 1);
    json_array_foreach(q.json, i, one) json_object_set_new(
        one, "here",
        json_boolean(strcmp(json_string_value(json_object_get(one, "host")), own) == 0));
    call_json(c, q.json);
    return true;
}

static bool speed_in(struct db_tx *tx, void *context, struct error *err)
{
    return speed_measured(tx, context, clock_now_ms(), err);
}

static bool speed_post(struct call *c, struct error *err)
{
    const char *name = json_string_value(json_object_get(c->body, "name"));
    struct speed_sample s = {.origin = arena_format(c->arena, "%s/%.255s", c->who.person, name),
                             .person = c->who.person,
                             .name = name,
                             .bytes = json_integer_value(json_object_get(c->body, "bytes")),
                             .ms = json_integer_value(json_object_get(c->body, "ms"))};
    if (!db_write(c->api->db, speed_in, &s, err))
        return false;
    call_json(c, json_object());
    return true;
}

const struct route job_routes[] = {
    {"GET", "/jobs", NEED_PERSON, jobs_get, NULL, "JobList", 0,
     "newest first; ?project= ?state=active,ended or states by name, ?kind=render or media, ?by=, "
     "?q= beginnings of words; ?order=turn: as the farm takes them, or the last that ended first",
     NULL},
    {"GET", "/jobs/{job}", MAY_VIEW, job_show, NULL, "Job", 0, "how far it is", NULL},
    {"POST", "/jobs/{job}/cancel", MAY_EDIT, job_cancel_post, NULL, "Job", 0,
     "stops it; what runs is dropped", NULL},
    {"POST", "/jobs/{job}/retry", MAY_EDIT, job_retry_post, NULL, "Job", 0,
     "what failed or was cancelled is done again", NULL},
    {"PATCH", "/jobs/{job}", MAY_EDIT, job_patch, "JobChange", "Job", 0,
     "its name, priority, tier, deadline and budget; above tier 2 with the right manage", NULL},
    {"POST", "/projects/{project}/jobs", MAY_EDIT, submit, "NewJob", "Job", 0,
     "a template of Open Job Description with values and options", NULL},
    {"POST", "/jobs/{job}/suspend", MAY_EDIT, job_suspend_post, "JobSuspend", "Job", 0,
     "nothing more of it begins", NULL},
    {"POST", "/jobs/{job}/resume", MAY_EDIT, job_resume_post, NULL, "Job", 0,
     "after suspend, or when we stopped it", NULL},
    {"POST", "/jobs/{job}/approve", MAY_EDIT, job_approve_post, NULL, "Job", 0,
     "its preview is good: the other frames follow", NULL},
    {"GET", "/jobs/{job}/attempts", MAY_VIEW, attempts_get, NULL, "Attempt[]", 0,
     "newest first; ?limit=", NULL},
    {"GET", "/jobs/{job}/attempts/{number}/log", MAY_VIEW, log_get, NULL, "LogPart", 0,
     "what it printed, live while it runs; number is its token; ?after=", NULL},
    {"GET", "/jobs/{job}/attempts/{number}/tasks/{task}/picture", MAY_VIEW, picture_get, NULL,
     "bytes", 0, "a small picture (JPEG) of what it made, when it counted; ?output= from 0", NULL},
    {"GET", "/jobs/{job}/why", MAY_VIEW, why_get, NULL, "Reason[]", 0, "why it does not run", NULL},
    {"GET", "/jobs/{job}/steps/{number}/tasks", MAY_VIEW, tasks_get, NULL, "TaskRuns", 0,
     "states as runs; ?from= &to=", NULL},
    {"GET", "/jobs/{job}/steps/{number}/axes", MAY_VIEW, axes_get, NULL, "TaskAxis[]", 0,
     "the parameters along its tasks: which frame a task is", NULL},
    {"GET", "/jobs/{job}/steps/{number}/tasks/{task}", MAY_VIEW, task_get, NULL, "Task", 0,
     "its parameters' values, its state, its attempts, where its outputs go", NULL},
    {"POST", "/jobs/{job}/steps/{number}/requeue", MAY_EDIT, tasks_requeue_post, "TaskChange",
     "Job", 0, "tasks are done again, whatever they are", NULL},
    {"POST", "/jobs/{job}/steps/{number}/cancel", MAY_EDIT, tasks_cancel_post, "TaskChange", "Job",
     0, "those that are not done are not wanted", NULL},
    {"POST", "/jobs/{job}/requeue", MAY_EDIT, requeue_post, "JobFrames", "Job", 0,
     "frames by their numbers are done again, whatever they are", NULL},
    {"GET", "/jobs/{job}/reads", MAY_VIEW, reads_get, NULL, "JobInputs", 0,
     "what it reads, as its submitter found it", NULL},
    {"GET", "/limits", NEED_PERSON, limits_get, NULL, "Limit[]", 0,
     "licences and other things that there are only so many of", NULL},
    {"PUT", "/limits", NEED_ADMIN, limits_put, "LimitChange", "Limit[]", 0,
     "makes or changes one, by its name", NULL},
    {"GET", "/farm", NEED_PERSON, farm_get, NULL, "FarmSums", 0,
     "sums of what waits and runs, of workers, and what each project has", NULL},
    {"GET", "/nodes", NEED_ADMIN, nodes_get, NULL, "Node[]", 0,
     "workers with what they have, what they run, and why they do not", NULL},
    {"POST", "/nodes/{worker}/drain", NEED_ADMIN, node_drain_post, NULL, "Node", 0,
     "it ends what it runs and takes nothing more", NULL},
    {"POST", "/nodes/{worker}/resume", NEED_ADMIN, node_resume_post, NULL, "Node", 0,
     "it takes work again", NULL},
    {"POST", "/nodes/{worker}/quarantine", NEED_ADMIN, node_quarantine_post, NULL, "Node", 0,
     "no worker of its machine takes anything until it is good", NULL},
    {"POST", "/nodes/{worker}/good", NEED_ADMIN, node_good_post, NULL, "Node", 0,
     "ends a quarantine; the machine's failures are forgotten", NULL},
    {"GET", "/speeds", NEED_PERSON, speeds_get, NULL, "Speed[]", 0,
     "of lines, the newest first: as workers measured them, and uploads (one's own; all for an "
     "administrator)",
     NULL},
    {"POST", "/speeds", NEED_PERSON, speed_post, "SpeedMeasured", NULL, 0,
     "what an upload has measured", NULL},
};
const size_t job_route_count = sizeof(job_routes) / sizeof(job_routes[0]);
