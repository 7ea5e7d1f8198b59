// Opening and closing; asking for work.
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MOST = 10000 };

// ---- ids of attempts: 13 characters of this house, 13 of the fence

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void attempt_text(const struct jobs *j, sched_fence fence, char to[27])
{
    memcpy(to, j->mark, 13);
    for (int i = 25; i >= 13; i--, fence >>= 5)
        to[i] = crockford[fence & 31];
    to[26] = 0;
}

sched_fence attempt_fence(const struct jobs *j, const char *attempt, int64_t token)
{
    sched_fence fence = 0;
    if (strlen(attempt) != 26 || memcmp(attempt, j->mark, 13) != 0)
        return 0;
    for (int i = 13; i < 26; i++) {
        const char *at = strchr(crockford, attempt[i]);
        if (!at)
            return 0;
        fence = fence << 5 | (sched_fence)(at - crockford);
    }
    return token > 0 && fence == (sched_fence)token ? fence : 0;
}

// ---- what they are found by

bool job_words(struct db_tx *tx, const char *job, struct error *err)
{
    struct arena *a = arena_open(1 << 16);
    const char *words = NULL;
    int64_t number = 0;
    struct db_rows *rows =
        db_query(tx, "select number, title || ' ' || made_by || ' ' || id from jobs where id = ?1",
                 "s", job);
    if (db_next(rows)) {
        number = db_int(rows, 0);
        words = db_search_name(a, db_text(rows, 1));
    }
    bool ok = db_end(rows, err) && (!words || db_search_set_number(tx, "jobs", number, words, err));
    arena_close(a);
    return ok;
}

// Those that came before there was a search, or when it was made anew.
static bool words_in(struct db_tx *tx, void *context, struct error *err)
{
    enum { AT_ONCE = 1000 };
    struct arena *a = arena_open(1 << 20);
    const char *jobs[AT_ONCE];
    int64_t last;
    size_t count = 0;
    bool ok = db_search_last(tx, "jobs", &last, err);
    struct db_rows *rows =
        db_query(tx, "select id from jobs where number > ?1 order by number limit ?2", "ii", last,
                 (int64_t)AT_ONCE);
    while (db_next(rows))
        jobs[count++] = arena_text(a, db_text(rows, 0));
    ok = db_end(rows, err) && ok;
    for (size_t i = 0; ok && i < count; i++)
        ok = job_words(tx, jobs[i], err);
    *(bool *)context = count == AT_ONCE;
    arena_close(a);
    return ok;
}

static bool find_all(struct db *db, struct error *err)
{
    bool more = true;
    while (more)
        if (!db_write(db, words_in, &more, err))
            return false;
    return true;
}

// ---- opening

struct opening {
    struct jobs *j;
    int64_t now_ms;
    int64_t last_fence, placing;
};

// What they have cost until now: nobody will say when they stopped.
static bool pay_dropped(struct db_tx *tx, int64_t now_ms, struct error *err)
{
    struct {
        int64_t job, cost;
    } *owed = NULL;
    size_t count = 0, room = 0;
    struct db_rows *rows = db_query(tx,
                                    "select a.job, a.began_ms, w.has from attempts a join workers "
                                    "w on w.id = a.worker where a.state = 'dropped'",
                                    "");
    while (db_next(rows)) {
        const char *currency;
        json_t *has = json_loads(db_text(rows, 2), 0, NULL);
        int64_t price = worker_price(has, &currency), ms = now_ms - db_int(rows, 1);
        json_decref(has);
        if (!price || ms <= 0)
            continue;
        owed = grown(owed, &room, count + 1, sizeof(*owed));
        owed[count].job = db_int(rows, 0);
        owed[count++].cost = (int64_t)((double)price * (double)ms / 3600000.0);
    }
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = db_run(tx, err, "update jobs set spent = spent + ?2 where number = ?1", "ii",
                    owed[i].job, owed[i].cost);
    free(owed);
    return ok;
}

static bool mark_in(struct db_tx *tx, void *context, struct error *err)
{
    struct opening *o = context;
    struct arena *a = arena_open(1 << 16);
    const char *mark = NULL;
    bool ok = db_value_get(tx, "jobs.mark", a, &mark, err);
    if (ok && !mark) {
        mark = arena_text(a, id_new().text + 13); // the random half
        ok = db_value_set(tx, "jobs.mark", mark, err);
    }
    if (ok)
        text_copy(text_of(mark), o->j->mark, sizeof(o->j->mark));
    arena_close(a);
    // What may bring something into its place and was dropped is not known here any more.
    if (ok &&
        !db_one_int(tx, &o->placing, 0, err,
                    "select count(*) from attempts where state = 'dropped' and places = 1", ""))
        return false;
    // What was dropped and may still run is no attempt any more: its worker will be told.
    return ok && pay_dropped(tx, o->now_ms, err) &&
           db_run(tx, err, "update workers set state = 'away'", "") &&
           db_run(tx, err, "update attempts set state = 'stopped' where state = 'dropped'", "") &&
           db_one_int(tx, &o->last_fence, 0, err, "select max(fence) from attempts", "");
}

static struct sched_rules rules(void)
{
    struct sched_rules r = sched_rules_usual();
    r.tries = JOBS_TRIES;
    r.losses = JOBS_LOSSES;
    r.backoff_first_ms = 1000;
    return r;
}

bool jobs_open(struct db *db, int64_t now_ms, struct jobs **jobs, struct error *err)
{
    struct jobs *j = calloc(1, sizeof(*j));
    struct opening o = {j, now_ms, 0, 0};
    struct sched_rules r = rules();
    assert(j);
    j->db = db;
    j->last = &j->first;
    pthread_mutex_init(&j->turn, NULL);
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->core, NULL);
    pthread_mutex_init(&j->lines, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->posted, &monotonic);
    pthread_cond_init(&j->answered, NULL);
    pthread_condattr_destroy(&monotonic);
    if (db_write(db, mark_in, &o, err) && find_all(db, err)) {
        j->place_after_ms = o.placing ? now_ms + JOBS_LEASE_MS : 0;
        j->sched = sched_open(&r, (sched_fence)o.last_fence + 1);
        if (load_limits(j, now_ms, err) && load_nodes(j, NULL, now_ms, err) &&
            load_new(j, now_ms, err)) {
            *jobs = j;
            return true;
        }
    }
    jobs_close(j);
    return error_while(err, "opening the queue");
}

void jobs_close(struct jobs *j)
{
    if (!j)
        return;
    jobs_rest(j);
    for (size_t i = 0; i < j->attempts.room; i++)
        free(j->attempts.values[i]);
    for (size_t i = 0; i < j->hands.room; i++)
        if (j->hands.values[i]) {
            free(((struct hand *)j->hands.values[i])->box);
            free(j->hands.values[i]);
        }
    for (size_t i = 0; i < j->jobs.room; i++)
        if (j->jobs.values[i]) {
            free(((struct live *)j->jobs.values[i])->steps);
            free(((struct live *)j->jobs.values[i])->tasks);
            free(j->jobs.values[i]);
        }
    map_close(&j->jobs);
    map_close(&j->numbers);
    map_close(&j->attempts);
    map_close(&j->hands);
    map_close(&j->hosts);
    free(j->by_job);
    free(j->by_step);
    free(j->by_worker);
    sched_close(j->sched);
    pthread_mutex_destroy(&j->turn);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->core);
    pthread_mutex_destroy(&j->lines);
    pthread_cond_destroy(&j->posted);
    pthread_cond_destroy(&j->answered);
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

// ---- asking

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

static bool fits(const struct job_wish *w, struct error *err)
{
    if (w->priority < 0 || w->priority > 100) {
        error_set(err, ERROR_INPUT, "a job's priority can not be %d", w->priority);
        return error_fix(err, "0 is lowest, 50 usual, 100 highest");
    }
    if (w->tier < JOBS_TIER_LOWEST || w->tier >= SCHED_TIERS) {
        error_set(err, ERROR_INPUT, "a job's tier can not be %d", w->tier);
        return error_fix(err, "1 is lowest, %d usual, 7 highest", JOBS_TIER_RENDERS);
    }
    if (w->id && !id_valid(text_of(w->id)))
        return error_set(err, ERROR_INPUT, "%s is no id", w->id);
    bool fine = w->step_count <= STEPS_MOST;
    for (size_t i = 0; i < w->step_count && fine; i++)
        fine = w->steps[i].tasks > 0 && w->steps[i].tasks <= SCHED_TASKS_MOST;
    if (fine)
        return true;
    error_set(err, ERROR_INPUT, "%s cannot be queued", w->title);
    return error_why(err, "a step has 1 to %d tasks, a job at most %d steps", SCHED_TASKS_MOST,
                     STEPS_MOST);
}

static char *plan_text(const struct job_wish *w, const struct job_step *step)
{
    json_t *all = step->plan ? json_copy((json_t *)(uintptr_t)step->plan) : json_object();
    json_t *words = json_array();
    json_array_append_new(words, travel_clause(w, step));
    json_array_extend(words, json_object_get(all, "words"));
    json_object_set_new(all, "words", words);
    if (w->version && !json_object_get(all, "data")) // who has fetched it has it
        json_object_set_new(all, "data", json_string(w->version));
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

static bool add_steps(struct db_tx *tx, const struct job_wish *w, int64_t number, int64_t *total,
                      struct error *err)
{
    const struct job_step one = {.name = w->kind, .tasks = 1};
    const struct job_step *steps = w->step_count ? w->steps : &one;
    size_t count = w->step_count ? w->step_count : 1;
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        char *plan = plan_text(w, &steps[i]);
        bool ok =
            plan
                ? db_run(tx, err, "insert into steps values (?1, ?2, ?3, ?4, 0, 0, 0, ?5, 0, 0, 0)",
                         "iisis", number, (int64_t)i + 1, steps[i].name, steps[i].tasks, plan)
                : error_set(err, ERROR_INTERNAL, "a step can not be written down");
        free(plan);
        if (!ok)
            return false;
        *total += steps[i].tasks;
    }
    *total = w->step_count ? *total : 0; // of one task by its beats
    return true;
}

static bool add_job(struct db_tx *tx, const struct job_wish *w, const char *job, int64_t number,
                    int64_t total, int64_t now_ms, struct error *err)
{
    json_t *ticket = w->ticket ? json_deep_copy(w->ticket) : json_object();
    if (!json_object_get(ticket, "kind"))
        json_object_set_new(ticket, "kind", json_string(w->kind));
    char *text = json_dumps(ticket, JSON_COMPACT);
    char *options = w->options ? json_dumps(w->options, JSON_COMPACT) : strdup("{}");
    json_decref(ticket);
    int64_t tier = w->tier < 0     ? 0
                   : w->tier       ? w->tier
                   : w->step_count ? JOBS_TIER_RENDERS
                                   : JOBS_TIER_TICKETS;
    bool suspended = json_is_true(json_object_get(w->options, "suspended"));
    bool ok =
        text && options
            ? db_run(tx, err,
                     "insert into jobs values (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11, "
                     "?12, ?13, ?14, 0, ?15, ?16, 0, 0, 0, ?17, ?18, 0, null, ?19, ?20, ?21, 0)",
                     "sissssiisssssssiisiis", job, number, w->project, w->kind, w->title,
                     suspended ? "suspended" : "waiting", tier, (int64_t)w->priority, w->asset,
                     w->version, w->subject, w->cause, text, options, w->by, now_ms, total,
                     w->unit ? w->unit : "", w->deadline_ms, w->currency ? w->budget : -1,
                     w->currency ? w->currency : "")
            : error_set(err, ERROR_INTERNAL, "a ticket can not be written down");
    free(text);
    free(options);
    return ok;
}

static bool add_after(struct db_tx *tx, const struct job_wish *w, int64_t number, struct error *err)
{
    for (size_t i = 0; i < w->after_count; i++) {
        const char *other = w->after[i].job;
        int64_t after;
        if (w->id && strcmp(w->id, other) == 0) {
            error_set(err, ERROR_CONFLICT, "a job can not wait for itself");
            return error_fix(err, "take it out of after_jobs");
        }
        if (!db_one_int(tx, &after, 0, err,
                        "select number from jobs where id = ?1 and project = ?2", "ss", other,
                        w->project))
            return false;
        if (!after) {
            error_set(err, ERROR_NOT_FOUND, "there is no job %s to wait for", other);
            return error_fix(err, "a job waits for jobs of its own project that were submitted "
                                  "before it");
        }
        if (!db_run(tx, err,
                    "insert into job_after values (?1, ?2, ?3) on conflict (job, after) do nothing",
                    "iii", number, after, (int64_t)w->after[i].anyhow))
            return false;
    }
    return true;
}

bool job_make(struct db_tx *tx, const struct job_wish *w, int64_t now_ms, id *job,
              struct error *err)
{
    bool before;
    int64_t number, total;
    if (!fits(w, err) || !made_before(tx, w, job, &before, err))
        return false;
    if (before)
        return true;
    *job = id_new();
    if (w->id)
        text_copy(text_of(w->id), job->text, sizeof(job->text));
    return db_one_int(tx, &number, 0, err, "select max(number) from jobs", "") &&
           add_steps(tx, w, ++number, &total, err) && add_after(tx, w, number, err) &&
           add_job(tx, w, job->text, number, total, now_ms, err) && job_words(tx, job->text, err) &&
           (!w->template || db_run(tx, err, "insert into job_documents values (?1, ?2, ?3, ?4)",
                                   "isss", number, w->form, w->template, w->parameters)) &&
           tilings_ask(tx, w, job->text, err) &&
           (!w->transfer || job_files_take(tx, w, job->text, now_ms, err)) &&
           job_say(tx, job->text, NULL, err);
}
