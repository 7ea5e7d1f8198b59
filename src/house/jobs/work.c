/*
 * Claims, beats, ends. Each public function here is one transaction.
 *
 * The fence: a range's token grows whenever it is claimed, taken back or cancelled. An attempt
 * counts as long as it is in the state 'running' and its token is the range's.
 */
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

// How long a range waits before its next try, by what went wrong last.
static const struct {
    enum error_kind kind;
    int tries;
    int64_t first_ms, most_ms; // doubled each time
} backing_off[] = {
    {ERROR_NO_SPACE, 10, 15000, 600000}, // somebody may clear the disk meanwhile
    {ERROR_TOO_MANY, 10, 1000, 60000},
    {ERROR_NETWORK, 10, 1000, 60000},
    {ERROR_NONE, JOBS_TRIES, 1000, 60000}, // all others that may pass
};

static int64_t wait_ms(enum error_kind kind, int64_t tries, bool *again)
{
    size_t i = 0;
    while (backing_off[i].kind != ERROR_NONE && backing_off[i].kind != kind)
        i++;
    *again = error_facts(kind)->retry && tries < backing_off[i].tries;
    int64_t wait = backing_off[i].first_ms;
    for (int64_t n = 1; n < tries && wait < backing_off[i].most_ms; n++)
        wait *= 2;
    return wait < backing_off[i].most_ms ? wait : backing_off[i].most_ms;
}

// ---- claiming

struct claiming {
    const char *worker;
    int64_t now_ms;
    struct arena *a;
    struct claim *claim;
    bool found;
};

static bool pick(struct db_tx *tx, struct claiming *c, struct error *err)
{
    struct claim *k = c->claim;
    // The two columns behind each other are the order of the index ranges_claim: it stops at the
    // first row that does not back off.
    struct db_rows *rows = db_query(
        tx,
        "select r.id, r.job, r.token + 1, r.first, r.last, j.kind, j.title, j.project, j.asset, "
        "j.version, j.subject, j.ticket from ranges r join jobs j on j.id = r.job where r.state = "
        "'waiting' and r.not_before_ms <= ?1 order by r.priority desc, r.created_ms, r.id limit 1",
        "i", c->now_ms);
    c->found = db_next(rows);
    if (c->found) {
        const char **texts[] = {&k->range, NULL,        NULL,       NULL,
                                NULL,      &k->kind,    &k->title,  &k->project,
                                &k->asset, &k->version, &k->subject};
        for (int i = 0; i < 11; i++)
            if (texts[i])
                *texts[i] = arena_text(c->a, db_text(rows, i));
        k->job = arena_text(c->a, db_text(rows, 1));
        k->token = db_int(rows, 2);
        k->first = db_int(rows, 3);
        k->last = db_int(rows, 4);
        json_decref(k->ticket);
        k->ticket = json_loads(db_text(rows, 11), 0, NULL);
    }
    return db_end(rows, err);
}

static bool claim_in(struct db_tx *tx, void *context, struct error *err)
{
    struct claiming *c = context;
    struct claim *k = c->claim;
    if (!pick(tx, c, err))
        return false;
    if (!c->found)
        return true; // another worker was quicker
    k->attempt = arena_text(c->a, id_new().text);
    return db_run(tx, err,
                  "update ranges set state = 'running', token = ?2, attempt = ?3 where id = ?1",
                  "sis", k->range, k->token, k->attempt) &&
           db_run(tx, err,
                  "insert into attempts values (?1, ?2, ?3, ?4, ?5, 'running', ?6, ?7, 0, null)",
                  "ssssiii", k->attempt, k->job, k->range, c->worker, k->token, c->now_ms,
                  c->now_ms + JOBS_LEASE_MS) &&
           db_run(tx, err, "update jobs set attempts = attempts + 1 where id = ?1", "s", k->job) &&
           job_settle(tx, k->job, NULL, c->now_ms, err);
}

// Most asks find nothing: they need no transaction that writes.
static bool any_in(struct db_tx *tx, void *context, struct error *err)
{
    struct claiming *c = context;
    int64_t any = 0;
    bool ok =
        db_one_int(tx, &any, 0, err,
                   "select 1 from ranges where state = 'waiting' and not_before_ms <= ?1 limit 1",
                   "i", c->now_ms);
    c->found = any != 0;
    return ok;
}

bool jobs_claim(struct jobs *j, const char *worker, int64_t now_ms, struct arena *a,
                struct claim *claim, bool *found, struct error *err)
{
    struct claiming c = {worker, now_ms, a, claim, false};
    *claim = (struct claim){0};
    bool ok = db_read(j->db, any_in, &c, err) && (!c.found || db_write(j->db, claim_in, &c, err));
    *found = ok && c.found;
    if (!*found) {
        json_decref(claim->ticket);
        claim->ticket = NULL;
    }
    return ok;
}

// ---- an attempt, looked up

struct attempt {
    char id[27], job[27], range[27], worker[27];
    int64_t token;
    bool found, current, taken;
};

static bool attempt_of(struct db_tx *tx, const char *attempt, int64_t token, struct attempt *t,
                       struct error *err)
{
    *t = (struct attempt){.token = token};
    struct db_rows *rows =
        db_query(tx,
                 "select t.id, t.job, t.range, t.worker, t.state, t.token, r.token from attempts t "
                 "join ranges r on r.id = t.range where t.id = ?1",
                 "s", attempt);
    if (db_next(rows) && db_int(rows, 5) == token) {
        t->found = true;
        text_copy(text_of(db_text(rows, 0)), t->id, sizeof(t->id));
        text_copy(text_of(db_text(rows, 1)), t->job, sizeof(t->job));
        text_copy(text_of(db_text(rows, 2)), t->range, sizeof(t->range));
        text_copy(text_of(db_text(rows, 3)), t->worker, sizeof(t->worker));
        t->current = strcmp(db_text(rows, 4), "running") == 0 && db_int(rows, 6) == token;
        t->taken = strcmp(db_text(rows, 4), "committed") == 0;
    }
    return db_end(rows, err);
}

static bool attempt_end(struct db_tx *tx, const struct attempt *t, const char *state,
                        const char *error, int64_t now_ms, struct error *err)
{
    return db_run(tx, err,
                  "update attempts set state = ?2, ended_ms = ?3, error = ?4 where id = ?1", "ssis",
                  t->id, state, now_ms, error);
}

// A range goes back into the queue; what its attempt may still say is stale.
static bool range_back(struct db_tx *tx, const struct attempt *t, int64_t not_before_ms, bool lost,
                       struct error *err)
{
    return db_run(tx, err,
                  lost ? "update ranges set state = 'waiting', token = token + 1, not_before_ms = "
                         "?2, losses = losses + 1 where id = ?1"
                       : "update ranges set state = 'waiting', token = token + 1, not_before_ms = "
                         "?2, tries = tries + 1 where id = ?1",
                  "si", t->range, not_before_ms);
}

// One range has failed for good: what else of the job waits or runs is of no use.
static bool range_fail(struct db_tx *tx, const struct attempt *t, const char *problem,
                       int64_t now_ms, struct error *err)
{
    return db_run(tx, err, "update ranges set state = 'failed', token = token + 1 where id = ?1",
                  "s", t->range) &&
           db_run(
               tx, err,
               "update attempts set state = 'cancelled', ended_ms = ?2 where job = ?1 and state = "
               "'running'",
               "si", t->job, now_ms) &&
           db_run(
               tx, err,
               "update ranges set state = 'cancelled', token = token + 1 where job = ?1 and state "
               "in ('waiting', 'running')",
               "s", t->job) &&
           job_settle(tx, t->job, problem, now_ms, err);
}

static bool lost_in(struct db_tx *tx, const struct attempt *t, int64_t now_ms, struct error *err)
{
    int64_t losses = 0;
    if (!attempt_end(tx, t, "lost", NULL, now_ms, err) ||
        !db_one_int(tx, &losses, 0, err, "select losses from ranges where id = ?1", "s", t->range))
        return false;
    if (losses + 1 < JOBS_LOSSES)
        return range_back(tx, t, now_ms, true, err) && job_settle(tx, t->job, NULL, now_ms, err);
    struct error why;
    error_set(&why, ERROR_CHILD, "the work was given up");
    error_why(&why, "%d workers in turn were lost while they did it", JOBS_LOSSES);
    error_fix(&why, "look at the workers' logs, then try the job again");
    char *problem = problem_text(&why);
    bool ok = range_fail(tx, t, problem, now_ms, err);
    free(problem);
    return ok;
}

// ---- beats

struct beating {
    struct jobs *j;
    const char *worker;
    const struct worker_hello *hello; // NULL: a beat of one that has said hello
    struct beat *beats;
    size_t count;
    int64_t now_ms;
};

// What is left of the job besides this attempt: its other ranges in frames.
static bool keep_progress(struct db_tx *tx, struct jobs *j, const struct attempt *t,
                          const struct beat *b, int64_t now_ms, struct error *err)
{
    int64_t ranges = 1, frames = 0, before = 0;
    if (!db_one_int(tx, &ranges, 1, err, "select count(*) from ranges where job = ?1", "s", t->job))
        return false;
    int64_t done = b->done, total = b->total;
    if (ranges > 1) {
        if (!db_one_int(tx, &frames, 0, err,
                        "select sum(last - first + 1) from ranges where job = ?1", "s", t->job) ||
            !db_one_int(tx, &before, 0, err,
                        "select coalesce(sum(last - first + 1), 0) from ranges where job = ?1 and "
                        "state = 'done'",
                        "s", t->job))
            return false;
        total = frames;
        done = before + b->done;
    }
    return db_run(tx, err, "update jobs set done = ?2, total = ?3, unit = ?4 where id = ?1", "siis",
                  t->job, done, total, b->unit ? b->unit : "") &&
           (!pace_tell(j, b->attempt, now_ms) || job_say(tx, j, t->job, err));
}

static bool beat_one(struct db_tx *tx, const struct beating *g, struct beat *b, struct error *err)
{
    struct attempt t;
    if (!attempt_of(tx, b->attempt, b->token, &t, err))
        return false;
    b->drop = !t.current || strcmp(t.worker, g->worker) != 0;
    if (b->drop)
        return true;
    if (!db_run(tx, err, "update attempts set lease_ms = ?2 where id = ?1", "si", b->attempt,
                g->now_ms + JOBS_LEASE_MS))
        return false;
    if (g->hello)
        return true; // it says nothing of progress
    pace_set(g->j, t.job, b, g->now_ms);
    return keep_progress(tx, g->j, &t, b, g->now_ms, err);
}

static bool beat_in(struct db_tx *tx, void *context, struct error *err)
{
    struct beating *g = context;
    for (size_t i = 0; i < g->count; i++)
        if (!beat_one(tx, g, &g->beats[i], err))
            return false;
    return db_run(tx, err, "update workers set seen_ms = ?2, state = 'here' where id = ?1", "si",
                  g->worker, g->now_ms);
}

bool jobs_beat(struct jobs *j, const char *worker, struct beat *beats, size_t count, int64_t now_ms,
               struct error *err)
{
    struct beating g = {j, worker, NULL, beats, count, now_ms};
    return db_write(j->db, beat_in, &g, err);
}

static bool listed(const struct beating *g, const char *attempt)
{
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->beats[i].attempt, attempt) == 0)
            return true;
    return false;
}

// Ends attempts that `sql` finds, each of which may end its job.
static bool lose_all(struct db_tx *tx, const struct beating *g, const char *sql, const char *key,
                     int64_t number, int64_t *lost, struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct attempt *all = NULL;
    size_t count = 0, room = 0;
    struct db_rows *rows = db_query(tx, sql, "si", key, number);
    while (db_next(rows)) {
        if (count == room) {
            struct attempt *more = ARENA_ARRAY(a, struct attempt, room ? room * 2 : 16);
            if (count)
                memcpy(more, all, count * sizeof(*all));
            all = more;
            room = room ? room * 2 : 16;
        }
        if (g->hello && listed(g, db_text(rows, 0)))
            continue;
        text_copy(text_of(db_text(rows, 0)), all[count].id, 27);
        text_copy(text_of(db_text(rows, 1)), all[count].job, 27);
        text_copy(text_of(db_text(rows, 2)), all[count++].range, 27);
    }
    bool ok = db_end(rows, err);
    *lost = 0;
    for (size_t i = 0; ok && i < count; i++) {
        // one before may have ended the whole job
        int64_t running = 0;
        ok = db_one_int(tx, &running, 0, err,
                        "select count(*) from attempts where id = ?1 and state = 'running'", "s",
                        all[i].id);
        if (ok && running) {
            ok = lost_in(tx, &all[i], g->now_ms, err);
            ++*lost;
        }
    }
    arena_close(a);
    return ok;
}

static bool hello_in(struct db_tx *tx, void *context, struct error *err)
{
    struct beating *g = context;
    const struct worker_hello *h = g->hello;
    int64_t lost;
    return db_run(tx, err,
                  "insert into workers values (?1, ?2, ?3, ?4, ?5, ?6, 'here') on conflict (id) do "
                  "update set name = ?2, host = ?3, pid = ?4, slots = ?5, seen_ms = ?6, state = "
                  "'here'",
                  "sssiii", h->id, h->name, h->host, h->pid, h->slots, g->now_ms) &&
           beat_in(tx, g, err) &&
           lose_all(tx, g,
                    "select id, job, range from attempts where worker = ?1 and state = 'running' "
                    "and ?2 = 0",
                    h->id, 0, &lost, err);
}

bool jobs_hello(struct jobs *j, const struct worker_hello *hello, struct beat *beats, size_t count,
                int64_t now_ms, struct error *err)
{
    struct beating g = {j, hello->id, hello, beats, count, now_ms};
    return db_write(j->db, hello_in, &g, err);
}

static bool goodbye_in(struct db_tx *tx, void *context, struct error *err)
{
    struct beating *g = context;
    return db_run(tx, err, "update workers set seen_ms = ?2, state = 'away' where id = ?1", "si",
                  g->worker, g->now_ms);
}

bool jobs_goodbye(struct jobs *j, const char *worker, int64_t now_ms, struct error *err)
{
    struct beating g = {.j = j, .worker = worker, .now_ms = now_ms};
    return db_write(j->db, goodbye_in, &g, err);
}

struct sweeping {
    struct beating g;
    int64_t lost;
};

static bool sweep_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sweeping *s = context;
    return lose_all(tx, &s->g,
                    "select id, job, range from attempts where state = ?1 and lease_ms < ?2",
                    "running", s->g.now_ms, &s->lost, err);
}

static bool expired_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sweeping *s = context;
    return db_one_int(tx, &s->lost, 0, err,
                      "select 1 from attempts where state = 'running' and lease_ms < ?1 limit 1",
                      "i", s->g.now_ms);
}

bool jobs_sweep(struct jobs *j, int64_t now_ms, int64_t *lost, struct error *err)
{
    struct sweeping s = {.g = {.j = j, .now_ms = now_ms}};
    bool ok =
        db_read(j->db, expired_in, &s, err) && (!s.lost || db_write(j->db, sweep_in, &s, err));
    *lost = s.lost;
    pace_tidy(j, now_ms - 2 * JOBS_LEASE_MS);
    return ok;
}

// ---- the end of an attempt

struct ending {
    struct jobs *j;
    const char *attempt;
    int64_t token, now_ms;
    jobs_apply *apply;
    void *context;
    const struct error *why;
    enum outcome outcome;
    // of jobs_attempt
    struct arena *a;
    struct ended what;
    bool current, taken;
};

static bool describe(struct db_tx *tx, const struct attempt *t, struct arena *a, struct ended *e,
                     struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select j.kind, j.project, j.asset, j.version, j.subject, r.first, r.last, (select "
        "count(*) "
        "from ranges o where o.job = j.id and o.state <> 'done' and o.id <> r.id) from jobs j join "
        "ranges r on r.job = j.id where r.id = ?1",
        "s", t->range);
    if (db_next(rows)) {
        *e = (struct ended){.attempt = arena_text(a, t->id),
                            .job = arena_text(a, t->job),
                            .kind = arena_text(a, db_text(rows, 0)),
                            .project = arena_text(a, db_text(rows, 1)),
                            .asset = arena_text(a, db_text(rows, 2)),
                            .version = arena_text(a, db_text(rows, 3)),
                            .subject = arena_text(a, db_text(rows, 4)),
                            .token = t->token,
                            .first = db_int(rows, 5),
                            .last = db_int(rows, 6),
                            .last_range = db_int(rows, 7) == 0};
    }
    return db_end(rows, err);
}

static bool finish_in(struct db_tx *tx, void *context, struct error *err)
{
    struct ending *e = context;
    struct attempt t;
    if (!attempt_of(tx, e->attempt, e->token, &t, err))
        return false;
    e->outcome = t.taken ? OUTCOME_TAKEN : OUTCOME_STALE;
    if (!t.current)
        return true;
    struct arena *a = arena_open(1 << 20);
    struct ended what = {0};
    bool ok = describe(tx, &t, a, &what, err) &&
              (!e->apply || e->apply(tx, e->context, &what, err)) &&
              attempt_end(tx, &t, "committed", NULL, e->now_ms, err) &&
              db_run(tx, err, "update ranges set state = 'done' where id = ?1", "s", t.range) &&
              job_settle(tx, t.job, NULL, e->now_ms, err);
    arena_close(a);
    e->outcome = OUTCOME_TAKEN;
    return ok;
}

bool jobs_finish(struct jobs *j, const char *attempt, int64_t token, jobs_apply *apply,
                 void *context, int64_t now_ms, enum outcome *outcome, struct error *err)
{
    struct ending e = {.j = j,
                       .attempt = attempt,
                       .token = token,
                       .now_ms = now_ms,
                       .apply = apply,
                       .context = context,
                       .outcome = OUTCOME_STALE};
    bool ok = db_write(j->db, finish_in, &e, err);
    *outcome = e.outcome;
    if (ok)
        pace_drop(j, attempt);
    return ok;
}

static bool fail_in(struct db_tx *tx, void *context, struct error *err)
{
    struct ending *e = context;
    struct attempt t;
    int64_t tries = 0;
    bool again;
    if (!attempt_of(tx, e->attempt, e->token, &t, err))
        return false;
    e->outcome = t.current ? OUTCOME_TAKEN : OUTCOME_STALE;
    if (!t.current)
        return true;
    if (!db_one_int(tx, &tries, 0, err, "select tries from ranges where id = ?1", "s", t.range))
        return false;
    int64_t wait = wait_ms(e->why->kind, tries + 1, &again);
    char *problem = problem_text(e->why);
    bool ok = attempt_end(tx, &t, "failed", problem, e->now_ms, err) &&
              (again ? range_back(tx, &t, e->now_ms + wait, false, err) &&
                           job_settle(tx, t.job, problem, e->now_ms, err)
                     : range_fail(tx, &t, problem, e->now_ms, err));
    free(problem);
    return ok;
}

bool jobs_fail(struct jobs *j, const char *attempt, int64_t token, const struct error *why,
               int64_t now_ms, enum outcome *outcome, struct error *err)
{
    struct ending e = {.j = j, .attempt = attempt, .token = token, .now_ms = now_ms, .why = why};
    bool ok = db_write(j->db, fail_in, &e, err);
    *outcome = e.outcome;
    if (ok)
        pace_drop(j, attempt);
    return ok;
}

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct ending *e = context;
    struct attempt t;
    if (!attempt_of(tx, e->attempt, e->token, &t, err))
        return false;
    e->current = t.current;
    e->taken = t.taken;
    return !t.found || describe(tx, &t, e->a, &e->what, err);
}

bool jobs_attempt(struct jobs *j, const char *attempt, int64_t token, struct arena *a,
                  struct ended *what, bool *current, bool *taken, struct error *err)
{
    struct ending e = {.j = j, .attempt = attempt, .token = token, .a = a};
    bool ok = db_read(j->db, look_in, &e, err);
    *what = e.what;
    *current = e.current;
    *taken = e.taken;
    return ok;
}

// ---- for whoever hands out work

static bool next_in(struct db_tx *tx, void *context, struct error *err)
{
    return db_one_int(tx, context, INT64_MAX, err,
                      "select not_before_ms from ranges where state = 'waiting' order by "
                      "not_before_ms limit 1",
                      "");
}

bool jobs_next_ms(struct jobs *j, int64_t *at_ms, struct error *err)
{
    return db_read(j->db, next_in, at_ms, err);
}

struct running {
    struct arena *a;
    const char **list;
    size_t count;
};

static bool running_in(struct db_tx *tx, void *context, struct error *err)
{
    struct running *r = context;
    int64_t rooms;
    r->count = 0;
    if (!db_one_int(tx, &rooms, 0, err, "select count(*) from attempts where state = 'running'",
                    ""))
        return false;
    r->list = ARENA_ARRAY(r->a, const char *, (size_t)rooms + 1);
    struct db_rows *rows = db_query(tx, "select id from attempts where state = 'running'", "");
    while (db_next(rows) && r->count < (size_t)rooms)
        r->list[r->count++] = arena_text(r->a, db_text(rows, 0));
    return db_end(rows, err);
}

bool jobs_running(struct jobs *j, struct arena *a, const char ***attempts, size_t *count,
                  struct error *err)
{
    struct running r = {.a = a};
    bool ok = db_read(j->db, running_in, &r, err);
    *attempts = r.list;
    *count = r.count;
    return ok;
}
