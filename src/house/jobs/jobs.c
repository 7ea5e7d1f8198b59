// Asking for work, and what a job's state is.
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_A_JOB = 100000 };

struct opening {
    int64_t now_ms;
};

// Whoever holds a lease could not renew it while we were away.
static bool fresh_leases(struct db_tx *tx, void *context, struct error *err)
{
    const struct opening *o = context;
    return db_run(tx, err, "update attempts set lease_ms = ?1 where state = 'running'", "i",
                  o->now_ms + JOBS_LEASE_MS) &&
           db_run(tx, err, "update workers set state = 'away'", "");
}

bool jobs_open(struct db *db, int64_t now_ms, struct jobs **jobs, struct error *err)
{
    struct opening o = {now_ms};
    if (!db_write(db, fresh_leases, &o, err))
        return error_while(err, "opening the queue");
    struct jobs *j = calloc(1, sizeof(*j));
    assert(j);
    j->db = db;
    pthread_mutex_init(&j->lock, NULL);
    *jobs = j;
    return true;
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    while (j->paces) {
        struct pace *p = j->paces;
        j->paces = p->next;
        free(p);
    }
    pthread_mutex_destroy(&j->lock);
    free(j);
}

char *problem_text(const struct error *err)
{
    const struct error_facts *facts = error_facts(err->kind);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                             err->what, "detail", err->why, "reference", "", "status",
                             facts->http_status, "kind", facts->name);
    if (json && err->fix[0])
        json_object_set_new(json, "fix", json_string(err->fix));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text
               ? text
               : strdup("{\"type\":\"about:blank\",\"title\":\"it failed\",\"detail\":\"the reason "
                        "could not be written "
                        "down\",\"reference\":\"\",\"status\":500,\"kind\":\"internal\"}");
}

bool job_say(struct db_tx *tx, struct jobs *j, const char *job, struct error *err)
{
    json_t *json;
    if (!job_get(tx, j, job, &json, err))
        return false;
    char *body = json_dumps(json, JSON_COMPACT);
    bool ok = body ? db_event(tx, "job.changed",
                              json_string_value(json_object_get(json, "project")), job, body, err)
                   : error_set(err, ERROR_INTERNAL, "a job can not be written down");
    free(body);
    json_decref(json);
    return ok;
}

// ---- asking

static bool add_ranges(struct db_tx *tx, const struct job_wish *w, const char *job, int64_t now_ms,
                       struct error *err)
{
    int64_t size = w->frames_a_range > 0 ? w->frames_a_range : w->last - w->first + 1;
    if (w->last < w->first || (w->last - w->first) / size >= RANGES_A_JOB) {
        error_set(err, ERROR_INPUT, "%s cannot be queued", w->title);
        return error_why(err, "it would have more than %d ranges, or none", RANGES_A_JOB);
    }
    for (int64_t first = w->first; first <= w->last; first += size) {
        id range = id_new();
        int64_t last = first + size - 1 < w->last ? first + size - 1 : w->last;
        if (!db_run(tx, err,
                    "insert into ranges values (?1, ?2, 1, ?3, ?4, 'waiting', ?5, ?6, 0, 0, 0, 0, "
                    "null)",
                    "ssiiii", range.text, job, first, last, (int64_t)w->priority, now_ms))
            return false;
    }
    return true;
}

static bool made_before(struct db_tx *tx, const struct job_wish *w, id *job, bool *before,
                        struct error *err)
{
    struct db_rows *rows = db_query(tx, "select id from jobs where id = ?1 or cause = ?2", "ss",
                                    w->id ? w->id : "", w->cause);
    *before = db_next(rows);
    if (*before)
        text_copy(text_of(db_text(rows, 0)), job->text, sizeof(job->text));
    return db_end(rows, err);
}

bool job_make(struct db_tx *tx, const struct job_wish *w, int64_t now_ms, id *job,
              struct error *err)
{
    bool before;
    if (w->priority < 0 || w->priority > 100) {
        error_set(err, ERROR_INPUT, "a job's priority can not be %d", w->priority);
        return error_fix(err, "0 is lowest, 50 usual, 100 highest");
    }
    if (!made_before(tx, w, job, &before, err) || before)
        return before;
    *job = id_new();
    if (w->id && !text_copy(text_of(w->id), job->text, sizeof(job->text)))
        return error_set(err, ERROR_INPUT, "%s is no id", w->id);
    json_t *ticket = w->ticket ? json_deep_copy(w->ticket) : json_object();
    if (!json_object_get(ticket, "kind"))
        json_object_set_new(ticket, "kind", json_string(w->kind));
    char *text = json_dumps(ticket, JSON_COMPACT);
    json_decref(ticket);
    bool ok = text || error_set(err, ERROR_INTERNAL, "a ticket can not be written down");
    ok = ok &&
         db_run(tx, err,
                "insert into jobs values (?1, ?2, ?3, ?4, 'waiting', ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                "?12, 0, 0, 0, 0, '', 0, null)",
                "ssssissssssi", job->text, w->project, w->kind, w->title, (int64_t)w->priority,
                w->asset, w->version, w->subject, w->cause, text, w->by, now_ms) &&
         db_run(tx, err, "insert into steps values (?1, 1, ?2)", "ss", job->text, w->kind) &&
         add_ranges(tx, w, job->text, now_ms, err) && job_say(tx, NULL, job->text, err);
    free(text);
    return ok;
}

// ---- what a job is, by its ranges

struct tally {
    int64_t waiting, running, done, failed, cancelled;
};

static bool tally_of(struct db_tx *tx, const char *job, struct tally *t, struct error *err)
{
    struct {
        const char *state;
        int64_t *count;
    } places[] = {{"waiting", &t->waiting},
                  {"running", &t->running},
                  {"done", &t->done},
                  {"failed", &t->failed},
                  {"cancelled", &t->cancelled}};
    *t = (struct tally){0};
    struct db_rows *rows =
        db_query(tx, "select state, count(*) from ranges where job = ?1 group by state", "s", job);
    while (db_next(rows))
        for (size_t i = 0; i < 5; i++)
            if (strcmp(places[i].state, db_text(rows, 0)) == 0)
                *places[i].count = db_int(rows, 1);
    return db_end(rows, err);
}

bool job_settle(struct db_tx *tx, const char *job, const char *problem, int64_t now_ms,
                struct error *err)
{
    struct tally t;
    if (!tally_of(tx, job, &t, err))
        return false;
    const char *state = t.failed              ? "failed"
                        : t.cancelled         ? "cancelled"
                        : t.running           ? "running"
                        : t.waiting && t.done ? "running"
                        : t.waiting           ? "waiting"
                                              : "done";
    bool over = t.failed || t.cancelled || (!t.running && !t.waiting);
    return db_run(
               tx, err,
               "update jobs set state = ?2, ended_ms = case when ?3 = 0 then 0 when ended_ms > 0 "
               "then ended_ms else ?4 end, problem = ?5, started_ms = case when ?6 = 1 and "
               "started_ms = 0 then ?4 else started_ms end, done = case when ?2 = 'done' then "
               "total else done end where id = ?1",
               "ssiisi", job, state, (int64_t)over, now_ms, problem, (int64_t)(t.running > 0)) &&
           job_say(tx, NULL, job, err);
}

// ---- changing

static bool state_of(struct db_tx *tx, const char *job, char state[16], struct error *err)
{
    state[0] = 0;
    struct db_rows *rows = db_query(tx, "select state from jobs where id = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), state, 16);
    if (!db_end(rows, err))
        return false;
    return state[0] || error_set(err, ERROR_NOT_FOUND, "there is no such job");
}

bool job_cancel(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err)
{
    char state[16];
    if (!state_of(tx, job, state, err))
        return false;
    if (strcmp(state, "waiting") != 0 && strcmp(state, "running") != 0) {
        error_set(err, ERROR_CONFLICT, "the job can not be cancelled");
        return error_why(err, "it has ended: %s", state);
    }
    return db_run(
               tx, err,
               "update attempts set state = 'cancelled', ended_ms = ?2 where job = ?1 and state = "
               "'running'",
               "si", job, now_ms) &&
           db_run(
               tx, err,
               "update ranges set state = 'cancelled', token = token + 1 where job = ?1 and state "
               "in ('waiting', 'running')",
               "s", job) &&
           job_settle(tx, job, NULL, now_ms, err);
}

bool job_retry(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err)
{
    char state[16];
    if (!state_of(tx, job, state, err))
        return false;
    if (strcmp(state, "failed") != 0 && strcmp(state, "cancelled") != 0) {
        error_set(err, ERROR_CONFLICT, "the job can not be tried again");
        return error_why(err, "it is %s", state);
    }
    return db_run(tx, err,
                  "update ranges set state = 'waiting', not_before_ms = 0, tries = 0, losses = 0 "
                  "where job = ?1 and state in ('failed', 'cancelled')",
                  "s", job) &&
           db_run(tx, err, "update jobs set ended_ms = 0, problem = null where id = ?1", "s",
                  job) &&
           job_settle(tx, job, NULL, now_ms, err);
}

bool job_priority(struct db_tx *tx, const char *job, int64_t priority, struct error *err)
{
    char state[16];
    if (!state_of(tx, job, state, err))
        return false;
    if (priority < 0 || priority > 100) {
        error_set(err, ERROR_INPUT, "a job's priority can not be %lld", (long long)priority);
        return error_fix(err, "0 is lowest, 50 usual, 100 highest");
    }
    return db_run(tx, err, "update jobs set priority = ?2 where id = ?1", "si", job, priority) &&
           db_run(tx, err, "update ranges set priority = ?2 where job = ?1", "si", job, priority) &&
           job_say(tx, NULL, job, err);
}
