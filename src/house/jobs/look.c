// Jobs as the API shows them.
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

#define JOB_COLUMNS                                                                                \
    "id, project, kind, title, state, priority, done, total, unit, created_ms, started_ms, "       \
    "ended_ms, asset, version, attempts, problem, made_by, tier, deadline_ms, budget, currency, "  \
    "spent, ended, "                                                                               \
    "(select sum(tasks) || ' ' || sum(done) || ' ' || sum(failed) || ' ' || sum(cancelled) from "  \
    "steps where job = jobs.number)"

static json_t *time_or_null(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

// What only the scheduler knows of a job that goes on. Takes core.
struct pace {
    bool known;
    struct sched_job_look look;
    int64_t rate; // of progress, a second, in thousandths; 0: not known
};

// Of one task by its beats; of many by the tasks that were done.
static struct pace pace_of(struct jobs *j, const char *job)
{
    struct pace p = {0};
    pthread_mutex_lock(&j->core);
    const struct live *l = live_of(j, job);
    bool many = l && (l->step_count > 1 || l->tasks[0] > 1);
    if (l) {
        sched_job_look(j->sched, l->job, j->looked_ms, &p.look);
        p.known = true;
    }
    if (!many || !l->attempts)
        p.look.left_ms = -1;
    else if (p.look.left_ms > 0)
        p.rate = (p.look.tasks - p.look.done) * 1000000 / p.look.left_ms;
    for (const struct given *g = l && !many ? l->attempts : NULL; g; g = g->next_of_job)
        if (g->heard_ms > g->first_ms && g->done > g->first_done)
            p.rate += (g->done - g->first_done) * 1000000 / (g->heard_ms - g->first_ms);
    pthread_mutex_unlock(&j->core);
    return p;
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

// By what the scheduler knows, else by the rows of its steps: "tasks done failed cancelled".
static json_t *counts_json(const struct sched_job_look *l, const char *sums)
{
    long long tasks = 0, done = 0, failed = 0, cancelled = 0;
    if (l)
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "waiting", (json_int_t)l->waiting,
                         "ready", (json_int_t)l->ready, "running", (json_int_t)l->running, "done",
                         (json_int_t)l->done, "failed", (json_int_t)l->failed, "cancelled",
                         (json_int_t)l->cancelled);
    if (sums && sscanf(sums, "%lld %lld %lld %lld", &tasks, &done, &failed, &cancelled) != 4)
        tasks = done = failed = cancelled = 0;
    return json_pack("{s:I, s:i, s:i, s:I, s:I, s:I}", "waiting",
                     (json_int_t)(tasks - done - failed - cancelled), "ready", 0, "running", 0,
                     "done", (json_int_t)done, "failed", (json_int_t)failed, "cancelled",
                     (json_int_t)cancelled);
}

static void add_pace(struct db_rows *rows, const struct pace *p, json_t *job)
{
    int64_t done = db_int(rows, 6), total = db_int(rows, 7),
            left_ms = p->known ? p->look.left_ms : -1;
    if (p->rate > 0)
        json_object_set_new(job, "rate", json_real((double)p->rate / 1000));
    if (p->rate > 0 && left_ms < 0 && total > done)
        left_ms = (total - done) * 1000000 / p->rate;
    if (left_ms >= 0)
        json_object_set_new(job, "left_s", json_integer(left_ms / 1000));
}

// `look`, when it is known, is as of now; else the scheduler is asked, if there is one.
static json_t *job_json(struct db_rows *rows, struct jobs *j, const struct sched_job_look *look)
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
    struct pace p = {.look.left_ms = -1};
    if (j && !db_int(rows, 22))
        p = pace_of(j, db_text(rows, 0));
    if (look)
        p = (struct pace){.known = true, .look = *look};
    json_object_set_new(job, "counts", counts_json(p.known ? &p.look : NULL, db_text(rows, 23)));
    add_pace(rows, &p, job);
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

static bool add_assets(struct db_tx *tx, json_t *job, struct error *err)
{
    const char *kind = json_string_value(json_object_get(job, "kind"));
    return strcmp(kind, "render") != 0 ||
           gather_list(tx, json_string_value(json_object_get(job, "id")), job, err);
}

static bool get(struct db_tx *tx, struct jobs *j, const char *job,
                const struct sched_job_look *look, json_t **json, struct error *err)
{
    *json = NULL;
    struct db_rows *rows = db_query(tx, "select " JOB_COLUMNS " from jobs where id = ?1", "s", job);
    if (db_next(rows))
        *json = job_json(rows, j, look);
    if (!db_end(rows, err) ||
        (*json && (!add_after(tx, job, *json, err) || !add_assets(tx, *json, err)))) {
        json_decref(*json), *json = NULL;
        return false;
    }
    return *json || error_set(err, ERROR_NOT_FOUND, "there is no such job");
}

bool job_get(struct db_tx *tx, struct jobs *j, const char *job, json_t **json, struct error *err)
{
    return get(tx, j, job, NULL, json, err);
}

bool job_say(struct db_tx *tx, const char *job, const struct sched_job_look *look,
             struct error *err)
{
    json_t *json;
    if (!get(tx, NULL, job, look, &json, err))
        return false;
    char *body = json_dumps(json, JSON_COMPACT);
    bool ok = body ? db_event(tx, "job.changed",
                              json_string_value(json_object_get(json, "project")), job, body, err)
                   : error_set(err, ERROR_INTERNAL, "a job can not be written down");
    free(body);
    json_decref(json);
    return ok;
}

bool job_options(struct db_tx *tx, const char *job, json_t **options, struct error *err)
{
    static const char *const left_out[] = {"render", "estimate_ms", "inputs"};
    *options = NULL;
    struct db_rows *rows = db_query(tx, "select options from jobs where id = ?1", "s", job);
    if (db_next(rows))
        *options = json_loads(db_text(rows, 0), 0, NULL);
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
        json_object_del(*options, left_out[i]);
    if (db_end(rows, err))
        return true;
    json_decref(*options), *options = NULL;
    return false;
}

// ---- lists

static const char *const state_names[] = {"waiting",  "running", "suspended", "stopped",
                                          "approval", "done",    "failed",    "cancelled"};
enum { STATES = sizeof(state_names) / sizeof(state_names[0]) };

unsigned job_states_named(text name)
{
    for (unsigned i = 0; i < STATES; i++)
        if (text_is(name, state_names[i]))
            return 1u << i;
    return text_is(name, "active") ? JOB_ACTIVE : text_is(name, "ended") ? JOB_ENDED : 0;
}

static void add_states(unsigned states, struct buf *b)
{
    if (states == JOB_ACTIVE || states == JOB_ENDED) {
        buf_format(b, " and ended = %d", states == JOB_ENDED);
        return;
    }
    const char *between = " and state in (";
    for (unsigned i = 0; i < STATES; i++)
        if (states & 1u << i) {
            buf_format(b, "%s'%s'", between, state_names[i]);
            between = ", ";
        }
    buf_text(b, states ? ")" : "");
}

// Ids of projects stand in the statement itself: there may be any number of them, and an id has
// only letters and digits. ?1 is whose, ?2 the words: both are named, wanted or not.
static char *where_of(const struct job_query *q, struct arena *a, struct buf *b)
{
    const char *between = "project in (";
    buf_text(b, "length(?1) >= 0 and length(?2) >= 0 and ");
    for (size_t i = 0; q->projects && i < q->project_count; i++)
        if (id_valid(text_of(q->projects[i]))) {
            buf_format(b, "%s'%s'", between, q->projects[i]);
            between = ", ";
        }
    buf_text(b, !q->projects ? "1 = 1" : *between == ',' ? ")" : "1 = 0");
    add_states(q->states, b);
    if (q->kind)
        buf_format(b, " and kind %s 'render'", strcmp(q->kind, "render") == 0 ? "=" : "<>");
    if (q->by)
        buf_text(b, " and made_by = ?1");
    if (q->words)
        buf_format(b, " and %s", db_search_row_condition(a, "jobs", "number", 2));
    return b->at;
}

// How a list is in order, and what stands behind a cursor (?3, ?4, ?5). The keys are the columns
// KEYS.. of a row.
enum { KEYS = 24 };
static const struct order {
    const char *columns, *behind, *by;
    int keys;
} orders[] = {
    {"created_ms, id, 0", "(created_ms < ?3 or (created_ms = ?3 and id < ?6))",
     "created_ms desc, id desc", 2},
    {"tier, priority, number",
     "tier <= ?3 and (tier < ?3 or priority < ?4 or (priority = ?4 and number > ?5))",
     "tier desc, priority desc, number", 3},
    {"ended_ms, number, 0", "ended_ms <= ?3 and (ended_ms < ?3 or number < ?4)",
     "ended_ms desc, number desc", 2},
};

static int64_t key(const struct job_query *q, int i)
{
    return q->after && q->after[i] ? strtoll(q->after[i], NULL, 10) : 0;
}

static void read_keys(struct db_rows *rows, const struct order *o, struct arena *a,
                      const char *keys[JOB_KEYS])
{
    for (int i = 0; i < o->keys; i++)
        keys[i] = arena_text(a, db_text(rows, KEYS + i));
}

// A query's statement: its parameters are those of `orders`, ?1, ?2, and ?7 for the limit.
static struct db_rows *ask(struct db_tx *tx, const struct job_query *q, struct arena *a,
                           const char *sql, int64_t limit)
{
    return db_query(tx, sql, "ssiiisi", q->by ? q->by : "",
                    q->words ? db_search_words(a, q->words) : "", key(q, 0), key(q, 1), key(q, 2),
                    q->after && !q->turn ? q->after[1] : "", limit);
}

// What a search finds is gone through once, for the count and for the numbers of a page and one
// more, as "1, 2, 3": to find it is most of the work when it is much.
static bool find_page(struct db_tx *tx, const struct job_query *q, const struct order *o,
                      struct arena *a, const char *where, struct buf *page, int64_t *total,
                      struct error *err)
{
    int64_t found = 0;
    const char *sql = arena_format(a, "select number, %s from jobs where %s order by %s limit ?7",
                                   q->after ? o->behind : "1", where, o->by);
    struct db_rows *rows = ask(tx, q, a, sql, -1);
    for (*total = 0; db_next(rows); ++*total)
        if (found <= q->limit && db_int(rows, 1))
            buf_format(page, "%s%lld", found++ ? ", " : "", (long long)db_int(rows, 0));
    return db_end(rows, err);
}

bool job_list(struct db_tx *tx, struct jobs *j, const struct job_query *q, struct arena *a,
              json_t **items, int64_t *total, bool *more, const char *keys[JOB_KEYS],
              struct error *err)
{
    struct buf where = BUF_LIMIT(4 << 20), page = BUF_LIMIT(4 << 20), list = BUF_LIMIT(4 << 20);
    const struct order *o = &orders[!q->turn ? 0 : q->states & JOB_ACTIVE ? 1 : 2];
    *items = json_array();
    *more = false;
    where_of(q, a, &where);
    bool ok = !q->words || find_page(tx, q, o, a, where.at, &page, total, err);
    buf_format(&list, "select " JOB_COLUMNS ", %s from jobs where ", o->columns);
    if (q->words)
        buf_format(&list, "length(?1) >= 0 and number in (%s)", page.at ? page.at : "");
    else
        buf_format(&list, "%s%s%s", where.at, q->after ? " and " : "", q->after ? o->behind : "");
    buf_format(&list, " order by %s limit ?7", o->by);
    struct db_rows *rows = ask(tx, q, a, list.at, q->limit + 1);
    while (db_next(rows)) {
        if (json_array_size(*items) == (size_t)q->limit) {
            *more = true;
            continue;
        }
        json_array_append_new(*items, job_json(rows, j, NULL));
        read_keys(rows, o, a, keys);
    }
    ok = db_end(rows, err) && ok;
    if (!q->words) // a first page that is not full is all there is
        *total = (int64_t)json_array_size(*items);
    if (ok && !q->words && (*more || q->after))
        ok = db_one_int(tx, total, 0, err,
                        arena_format(a, "select count(*) from jobs where %s", where.at), "ss",
                        q->by ? q->by : "", "");
    size_t i;
    json_t *job;
    json_array_foreach(*items, i, job) ok = ok && add_assets(tx, job, err);
    buf_free(&where);
    buf_free(&page);
    buf_free(&list);
    if (!ok)
        json_decref(*items), *items = NULL;
    return ok;
}
