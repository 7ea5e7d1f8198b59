// Jobs and workers as the API shows them.
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <string.h>

#define JOB_COLUMNS                                                                                \
    "id, project, kind, title, state, priority, done, total, unit, created_ms, started_ms, "       \
    "ended_ms, asset, version, attempts, problem, made_by, tier, deadline_ms, budget, currency, "  \
    "spent"

static json_t *time_or_null(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

// Of one task by its beats; of many by the tasks that were done.
int64_t pace_rate(struct jobs *j, const char *job, int64_t *left_ms)
{
    int64_t rate = 0;
    *left_ms = -1;
    pthread_mutex_lock(&j->core);
    const struct live *l = live_of(j, job);
    bool many = l && (l->step_count > 1 || l->tasks[0] > 1);
    if (many && l->attempts) {
        struct sched_job_look look;
        sched_job_look(j->sched, l->job, j->looked_ms, &look);
        *left_ms = look.left_ms;
        if (look.left_ms > 0)
            rate = (look.tasks - look.done) * 1000000 / look.left_ms;
    }
    for (const struct given *g = l && !many ? l->attempts : NULL; g; g = g->next_of_job)
        if (g->heard_ms > g->first_ms && g->done > g->first_done)
            rate += (g->done - g->first_done) * 1000000 / (g->heard_ms - g->first_ms);
    pthread_mutex_unlock(&j->core);
    return rate;
}

static json_t *money_json(int64_t amount, const char *currency)
{
    return json_pack("{s:f, s:s}", "amount", (double)amount / JOBS_MONEY, "currency", currency);
}

static void add_money(struct db_rows *rows, json_t *job)
{
    int64_t budget = db_int(rows, 19), spent = db_int(rows, 21);
    if (db_int(rows, 18))
        json_object_set_new(job, "deadline", time_or_null(db_int(rows, 18)));
    if (budget >= 0)
        json_object_set_new(job, "budget", money_json(budget, db_text(rows, 20)));
    if (spent)
        json_object_set_new(job, "spent", money_json(spent, db_text(rows, 20)));
}

static json_t *job_json(struct db_rows *rows, struct jobs *j)
{
    const char *state = db_text(rows, 4);
    int64_t done = db_int(rows, 6), total = db_int(rows, 7);
    double progress = strcmp(state, "done") == 0 ? 1 : total > 0 ? (double)done / (double)total : 0;
    json_t *job = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:I, s:I, s:s, s:o, s:o, s:o, s:s?, s:s?, s:I, s:s, "
        "s:I}",
        "id", db_text(rows, 0), "project", db_text(rows, 1), "kind", db_text(rows, 2), "title",
        db_text(rows, 3), "state", state, "priority", (json_int_t)db_int(rows, 5), "progress",
        progress > 1 ? 1 : progress, "done", (json_int_t)done, "total", (json_int_t)total, "unit",
        db_text(rows, 8), "created", time_or_null(db_int(rows, 9)), "started",
        time_or_null(db_int(rows, 10)), "ended", time_or_null(db_int(rows, 11)), "asset",
        db_text(rows, 12), "version", db_text(rows, 13), "attempts", (json_int_t)db_int(rows, 14),
        "by", db_text(rows, 16), "tier", (json_int_t)db_int(rows, 17));
    if (!db_null(rows, 15))
        json_object_set_new(job, "problem", json_loads(db_text(rows, 15), 0, NULL));
    add_money(rows, job);
    int64_t left_ms = -1;
    int64_t rate = j ? pace_rate(j, db_text(rows, 0), &left_ms) : 0;
    if (rate > 0)
        json_object_set_new(job, "rate", json_real((double)rate / 1000));
    if (rate > 0 && left_ms < 0 && total > done)
        left_ms = (total - done) * 1000000 / rate;
    if (left_ms >= 0)
        json_object_set_new(job, "left_s", json_integer(left_ms / 1000));
    return job;
}

static bool add_after(struct db_tx *tx, const char *job, json_t *json, struct error *err)
{
    json_t *after = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select o.id from job_after a join jobs j on j.number = a.job join jobs o on "
                 "o.number = a.after where j.id = ?1 order by a.after",
                 "s", job);
    while (db_next(rows))
        json_array_append_new(after, json_string(db_text(rows, 0)));
    if (json_array_size(after))
        json_object_set(json, "after_jobs", after);
    json_decref(after);
    return db_end(rows, err);
}

bool job_get(struct db_tx *tx, struct jobs *j, const char *job, json_t **json, struct error *err)
{
    *json = NULL;
    struct db_rows *rows = db_query(tx, "select " JOB_COLUMNS " from jobs where id = ?1", "s", job);
    if (db_next(rows))
        *json = job_json(rows, j);
    if (!db_end(rows, err) || (*json && !add_after(tx, job, *json, err))) {
        json_decref(*json);
        return false;
    }
    return *json || error_set(err, ERROR_NOT_FOUND, "there is no such job");
}

// Ids of projects stand in the statement itself: there may be any number of them, and an id has
// only letters and digits.
static char *where_of(const struct job_query *q, struct buf *b)
{
    bool any = false;
    buf_text(b, "project in (");
    for (size_t i = 0; i < q->project_count; i++)
        if (id_valid(text_of(q->projects[i]))) {
            buf_format(b, "%s'%s'", any ? ", " : "", q->projects[i]);
            any = true;
        }
    buf_format(b, "%s)", any ? "" : "''");
    if (q->active != q->ended)
        buf_text(b, q->active ? " and ended = 0" : " and ended = 1");
    return b->at;
}

bool job_list(struct db_tx *tx, struct jobs *j, const struct job_query *q, json_t **items,
              int64_t *total, bool *more, struct error *err)
{
    struct buf where = BUF_LIMIT(4 << 20), count = BUF_LIMIT(4 << 20), list = BUF_LIMIT(4 << 20);
    where_of(q, &where);
    buf_format(&count, "select count(*) from jobs where %s", where.at);
    buf_format(&list,
               "select " JOB_COLUMNS " from jobs where %s and (?1 = 0 or created_ms < ?1 or "
               "(created_ms = ?1 and id < ?2)) order by created_ms desc, id desc limit ?3",
               where.at);
    *items = json_array();
    *more = false;
    bool ok = db_one_int(tx, total, 0, err, count.at, "");
    struct db_rows *rows =
        db_query(tx, list.at, "isi", q->before_ms, q->before_id, (int64_t)q->limit + 1);
    while (db_next(rows)) {
        if (json_array_size(*items) == (size_t)q->limit)
            *more = true;
        else
            json_array_append_new(*items, job_json(rows, j));
    }
    ok = db_end(rows, err) && ok;
    buf_free(&where);
    buf_free(&count);
    buf_free(&list);
    if (!ok)
        json_decref(*items);
    return ok;
}

bool jobs_workers(struct db_tx *tx, int64_t now_ms, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select w.id, w.name, w.slots, (select count(*) from attempts a where a.state = 'running' "
        "and "
        "a.worker = w.id), w.state, w.seen_ms, w.pid from workers w where w.seen_ms > ?1 order "
        "by w.state desc, w.name, w.id",
        "i", now_ms - 86400000);
    while (db_next(rows))
        json_array_append_new(
            *list, json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:I}", "id", db_text(rows, 0), "name",
                             db_text(rows, 1), "slots", (json_int_t)db_int(rows, 2), "busy",
                             (json_int_t)db_int(rows, 3), "state", db_text(rows, 4), "seen",
                             time_or_null(db_int(rows, 5)), "pid", (json_int_t)db_int(rows, 6)));
    if (db_end(rows, err))
        return true;
    json_decref(*list);
    *list = NULL;
    return false;
}
