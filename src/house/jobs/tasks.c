// Steps and tasks of a job, as the API shows them: by rows alone, so that they agree with each
// other.
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

static int64_t number_of(struct db_tx *tx, const char *job, struct error *err)
{
    int64_t number;
    if (!db_one_int(tx, &number, 0, err, "select number from jobs where id = ?1", "s", job))
        return 0;
    if (!number)
        error_set(err, ERROR_NOT_FOUND, "there is no such job");
    return number;
}

// What only the scheduler knows. Takes core.
static void add_live(struct jobs *j, const char *job, int64_t number, json_t *step)
{
    pthread_mutex_lock(&j->core);
    const struct live *l = live_of(j, job);
    if (l && number <= (int64_t)l->step_count) {
        struct sched_step_look look;
        sched_step_look(j->sched, l->steps[number - 1], &look);
        json_object_set_new(step, "waiting", json_integer(look.waiting));
        json_object_set_new(step, "ready", json_integer(look.ready));
        json_object_set_new(step, "running", json_integer(look.running));
        json_object_set_new(step, "mean_ms", json_integer((json_int_t)look.mean_ms));
        json_object_set_new(step, "chunk", json_integer(look.next_chunk));
    }
    pthread_mutex_unlock(&j->core);
}

bool job_steps(struct db_tx *tx, struct jobs *j, const char *job, json_t **list, struct error *err)
{
    int64_t number = number_of(tx, job, err);
    *list = NULL;
    if (!number)
        return false;
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select number, name, tasks, done, failed, cancelled from steps where job = ?1 order by "
        "number",
        "i", number);
    while (db_next(rows)) {
        json_int_t v[4];
        for (int i = 0; i < 4; i++)
            v[i] = db_int(rows, 2 + i);
        json_t *step =
            json_pack("{s:I, s:s, s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:i, s:i}", "number",
                      (json_int_t)db_int(rows, 0), "name", db_text(rows, 1), "tasks", v[0],
                      "waiting", v[0] - v[1] - v[2] - v[3], "ready", 0, "running", 0, "done", v[1],
                      "failed", v[2], "cancelled", v[3], "mean_ms", 0, "chunk", 1);
        if (j)
            add_live(j, job, db_int(rows, 0), step);
        json_array_append_new(*list, step);
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- tasks

enum { WAITING, DONE, FAILED, CANCELLED, RUNNING };
static const char *const names[] = {"waiting", "done", "failed", "cancelled", "running"};

struct walking {
    uint8_t *states; // of from..to
    int64_t from, to;
};

static void fill(struct walking *w, int64_t page, int64_t state, const uint8_t *states)
{
    for (int64_t i = 0; i < PAGE; i++) {
        int64_t task = page * PAGE + i;
        if (task >= w->from && task <= w->to)
            w->states[task - w->from] =
                (uint8_t)(state >= 0 ? state : states[i / 4] >> i % 4 * 2 & 3);
    }
}

static bool read_states(struct db_tx *tx, int64_t job, int64_t step, struct walking *w,
                        struct error *err)
{
    size_t size;
    struct db_rows *rows = db_query(tx,
                                    "select page, state, states from task_pages where job = ?1 and "
                                    "step = ?2 and page between ?3 and ?4",
                                    "iiii", job, step, w->from / PAGE, w->to / PAGE);
    while (db_next(rows)) {
        const uint8_t *states = db_blob(rows, 2, &size);
        if (db_int(rows, 1) >= 0 || (states && size == PAGE / 4))
            fill(w, db_int(rows, 0), db_int(rows, 1), states);
    }
    if (!db_end(rows, err))
        return false;
    rows =
        db_query(tx,
                 "select first, last from attempts where job = ?1 and state = 'running' and step "
                 "= ?2 and first <= ?4 and last >= ?3",
                 "iiii", job, step, w->from, w->to);
    while (db_next(rows)) {
        int64_t first = db_int(rows, 0), last = db_int(rows, 1);
        for (int64_t t = first < w->from ? w->from : first; t <= last && t <= w->to; t++)
            if (w->states[t - w->from] == WAITING)
                w->states[t - w->from] = RUNNING;
    }
    return db_end(rows, err);
}

bool job_tasks(struct db_tx *tx, const char *job, int64_t step, int64_t from, int64_t to,
               json_t **runs, int64_t *next, struct error *err)
{
    int64_t number = number_of(tx, job, err), tasks;
    *runs = NULL;
    *next = -1;
    if (!number ||
        !db_one_int(tx, &tasks, 0, err, "select tasks from steps where job = ?1 and number = ?2",
                    "ii", number, step))
        return false;
    if (!tasks)
        return error_set(err, ERROR_NOT_FOUND, "the job has no such step");
    int64_t end = to < 0 || to >= tasks ? tasks - 1 : to;
    struct walking w = {.from = from < 0 ? 0 : from, .to = end};
    if (w.to - w.from >= JOBS_TASKS_SHOWN)
        w.to = w.from + JOBS_TASKS_SHOWN - 1;
    *runs = json_array();
    if (w.from > w.to)
        return true;
    w.states = calloc((size_t)(w.to - w.from) + 1, 1);
    if (!w.states)
        abort();
    bool ok = read_states(tx, number, step, &w, err);
    int64_t t = w.from;
    while (ok && t <= w.to && json_array_size(*runs) < JOBS_RUNS_SHOWN) {
        int64_t first = t;
        while (t <= w.to && w.states[t - w.from] == w.states[first - w.from])
            t++;
        json_array_append_new(*runs, json_pack("{s:I, s:I, s:s}", "first", (json_int_t)first,
                                               "last", (json_int_t)t - 1, "state",
                                               names[w.states[first - w.from]]));
    }
    *next = t <= end ? t : -1;
    free(w.states);
    if (!ok)
        json_decref(*runs), *runs = NULL;
    return ok;
}

// ---- attempts

static json_t *time_json(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

#define ATTEMPTS                                                                                   \
    "select t.fence, t.step, t.first, t.last, coalesce(w.name, t.worker), t.state, t.began_ms, "   \
    "t.ended_ms, t.error from attempts t left join workers w on w.id = t.worker where t.job = ?1 "

json_t *attempt_progress(struct jobs *j, sched_fence fence)
{
    struct sched_attempt_look look;
    pthread_mutex_lock(&j->core);
    bool known = sched_attempt_look(j->sched, fence, &look);
    pthread_mutex_unlock(&j->core);
    return known ? json_real(look.permille / 1000.0) : json_null();
}

static json_t *attempt_json(struct db_rows *rows, struct jobs *j)
{
    char id[27];
    sched_fence fence = (sched_fence)db_int(rows, 0);
    attempt_text(j, fence, id);
    json_t *problem = db_null(rows, 8) ? NULL : json_loads(db_text(rows, 8), 0, NULL);
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o}", "attempt", id, "token",
        (json_int_t)fence, "step", (json_int_t)db_int(rows, 1), "first",
        (json_int_t)db_int(rows, 2), "last", (json_int_t)db_int(rows, 3), "worker",
        db_text(rows, 4), "state", db_text(rows, 5), "began", time_json(db_int(rows, 6)), "ended",
        time_json(db_int(rows, 7)), "problem", problem ? problem : json_null(), "progress",
        strcmp(db_text(rows, 5), "running") == 0 ? attempt_progress(j, fence) : json_null());
}

static bool read_attempts(struct db_rows *rows, struct jobs *j, json_t **list, struct error *err)
{
    *list = json_array();
    while (db_next(rows))
        json_array_append_new(*list, attempt_json(rows, j));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool job_attempts(struct db_tx *tx, struct jobs *j, const char *job, int limit, json_t **list,
                  struct error *err)
{
    int64_t number = number_of(tx, job, err);
    *list = NULL;
    return number && read_attempts(db_query(tx, ATTEMPTS "order by t.fence desc limit ?2", "ii",
                                            number, (int64_t)limit),
                                   j, list, err);
}

bool job_task(struct db_tx *tx, struct jobs *j, const char *job, int64_t step, int64_t task,
              json_t **json, struct error *err)
{
    int64_t number = number_of(tx, job, err), tasks;
    json_t *attempts = NULL;
    uint8_t state = WAITING;
    struct walking w = {&state, task, task};
    *json = NULL;
    if (!number ||
        !db_one_int(tx, &tasks, 0, err, "select tasks from steps where job = ?1 and number = ?2",
                    "ii", number, step))
        return false;
    if (task < 0 || task >= tasks) {
        error_set(err, ERROR_NOT_FOUND, "the job has no such task");
        return error_fix(err, "steps count from 1, tasks from 0");
    }
    if (!read_states(tx, number, step, &w, err) ||
        !read_attempts(db_query(tx,
                                ATTEMPTS "and t.step = ?2 and t.first <= ?3 and t.last >= ?3 order "
                                         "by t.fence desc limit ?4",
                                "iiii", number, step, task, (int64_t)JOBS_TRIES_SHOWN),
                       j, &attempts, err))
        return false;
    *json = json_pack("{s:I, s:s, s:o}", "number", (json_int_t)task, "state", names[state],
                      "attempts", attempts);
    return true;
}

bool job_has_attempt(struct db_tx *tx, const char *job, int64_t token, bool *has, struct error *err)
{
    int64_t there = 0;
    bool ok = db_one_int(tx, &there, 0, err,
                         "select 1 from attempts t join jobs j on j.number = t.job where t.fence = "
                         "?1 and j.id = ?2",
                         "is", token, job);
    *has = there != 0;
    return ok;
}

bool job_has_result(struct db_tx *tx, const char *job, int64_t token, int64_t task, bool *has,
                    struct error *err)
{
    int64_t there = 0;
    bool ok = db_one_int(tx, &there, 0, err,
                         "select 1 from attempts t join jobs j on j.number = t.job where t.fence = "
                         "?1 and j.id = ?2 and t.state = 'committed' and t.first <= ?3 and t.last "
                         ">= ?3",
                         "isi", token, job, task);
    *has = there != 0;
    return ok;
}

// ---- why

// The scheduler knows no ids.
static void after_text(const struct sched_reason *r, const char *job, char *to, size_t room)
{
    if (r->kind != SCHED_WHY_AFTER_JOB)
        snprintf(to, room, "%s", r->text);
    else if (r->a == SCHED_JOB_FAILED || r->a == SCHED_JOB_CANCELLED)
        snprintf(to, room, "it waits for job %s, which %s: do that one again, or cancel this one",
                 job, r->a == SCHED_JOB_FAILED ? "has failed" : "was cancelled");
    else
        snprintf(to, room, "it waits for job %s, which has %lld of %lld tasks done", job,
                 (long long)r->b, (long long)r->c);
}

json_t *job_why(struct jobs *j, const char *job)
{
    static const char *const kinds[] = {"over",  "suspended", "stopped",   "approval", "after",
                                        "rests", "no_worker", "all_away",  "limit",    "busy",
                                        "turn",  "runs",      "after_job", "budget",   "resting"};
    struct sched_reason reasons[16];
    json_t *list = json_array();
    pthread_mutex_lock(&j->core);
    const struct live *l = live_of(j, job);
    int count = l ? sched_why(j->sched, l->job, j->looked_ms, reasons, 16) : 0;
    for (int i = 0; i < count; i++) {
        const struct sched_reason *r = &reasons[i];
        char text[400];
        const struct live *other = r->job ? j->by_job[r->job] : NULL;
        after_text(r, other ? other->id : "", text, sizeof(text));
        int64_t step = r->step && j->by_step[r->step].job ? j->by_step[r->step].number : 0;
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I}", "kind", kinds[r->kind], "text",
                            text, "step", (json_int_t)step, "word",
                            r->word ? sched_word_text(j->sched, r->word) : "", "a",
                            (json_int_t)r->a, "b", (json_int_t)r->b, "c", (json_int_t)r->c));
    }
    pthread_mutex_unlock(&j->core);
    if (!l)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s, s:i, s:i, s:i}", "kind", "over",
                                              "text", "it has ended", "step", 0, "word", "", "a", 0,
                                              "b", 0, "c", 0));
    return list;
}
