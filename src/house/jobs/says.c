// What workers and people say: each is a post for the dispatcher; most wait for its answer.
#include "house/jobs/inside.h"

#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS_KEPT = 200000, ATTEMPTS_A_TIME = 20000, TITLE_MOST = 1000 };
#define FORGET_MS 60000

static bool waited(struct jobs *j, struct post *p, int64_t now_ms, struct error *err)
{
    p->err = err;
    post_and_wait(j, p, now_ms);
    return p->ok;
}

static struct hand *find_hand(struct jobs *j, const char *id)
{
    pthread_mutex_lock(&j->core);
    struct hand *h = hand_of(j, id);
    pthread_mutex_unlock(&j->core);
    return h;
}

// ---- workers

bool jobs_hello(struct jobs *j, const struct worker_hello *hello, const struct jobs_line *line,
                struct beat *beats, size_t count, int64_t now_ms, struct error *err)
{
    struct post p = {.kind = POST_HELLO,
                     .worker = hello->id,
                     .hello = hello,
                     .beats = beats,
                     .beat_count = count};
    if (!waited(j, &p, now_ms, err))
        return false;
    line_set(j, find_hand(j, hello->id), line);
    return true;
}

static struct post *later(enum post_kind kind, const char *worker)
{
    struct post *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->kind = kind;
    text_copy(text_of(worker), p->own_worker, sizeof(p->own_worker));
    p->worker = p->own_worker;
    return p;
}

// A copy of what was said, for as long as the post lives.
static struct post *later_beats(enum post_kind kind, const char *worker, const struct beat *beats,
                                size_t count, jobs_heard_beats *heard, void *context)
{
    struct post *p = later(kind, worker);
    p->own = arena_open(16 << 20);
    p->beats = ARENA_ARRAY(p->own, struct beat, count + 1);
    p->beat_count = count;
    for (size_t i = 0; i < count; i++) {
        p->beats[i] = beats[i];
        p->beats[i].attempt = arena_text(p->own, beats[i].attempt);
        p->beats[i].unit = arena_text(p->own, beats[i].unit);
    }
    p->heard_beats = heard;
    p->context = context;
    return p;
}

void jobs_beat_later(struct jobs *j, const char *worker, const struct beat *beats, size_t count,
                     jobs_heard_beats *heard, void *context)
{
    post_later(j, later_beats(POST_BEAT, worker, beats, count, heard, context), j->looked_ms);
}

void jobs_hello_later(struct jobs *j, const struct worker_hello *hello,
                      const struct jobs_line *line, const struct beat *beats, size_t count,
                      jobs_heard_beats *heard, void *context)
{
    struct post *p = later_beats(POST_HELLO, hello->id, beats, count, heard, context);
    struct worker_hello *own = ARENA_NEW(p->own, struct worker_hello);
    *own = *hello;
    own->id = p->own_worker;
    own->name = arena_text(p->own, hello->name);
    own->host = arena_text(p->own, hello->host);
    own->has = json_incref((json_t *)hello->has);
    p->hello = own;
    p->line = *line;
    post_later(j, p, j->looked_ms);
}

void jobs_away(struct jobs *j, const char *worker, void *context, void (*gone)(void *context),
               int64_t now_ms)
{
    struct post *p = later(POST_AWAY, worker);
    p->context = context;
    p->gone = gone;
    post_later(j, p, now_ms);
}

void jobs_asks(struct jobs *j, const char *worker, int count, int64_t now_ms)
{
    struct post *p = later(POST_ASKS, worker);
    p->count = count;
    post_later(j, p, now_ms);
}

void jobs_drains(struct jobs *j, const char *worker, int64_t now_ms)
{
    post_later(j, later(POST_DRAIN, worker), now_ms);
}

void jobs_desk(struct jobs *j, const char *worker, enum jobs_desk desk, int64_t now_ms)
{
    struct post *p = later(POST_DESK, worker);
    p->count = (int64_t)desk;
    post_later(j, p, now_ms);
}

bool jobs_beat(struct jobs *j, const char *worker, struct beat *beats, size_t count, int64_t now_ms,
               struct error *err)
{
    struct post p = {.kind = POST_BEAT, .worker = worker, .beats = beats, .beat_count = count};
    return waited(j, &p, now_ms, err);
}

void jobs_stopped(struct jobs *j, const char *attempt, int64_t token, int64_t now_ms)
{
    struct post *p = later(POST_STOPPED, "");
    p->fence = attempt_fence(j, attempt, token);
    post_later(j, p, now_ms);
}

// ---- one attempt for one who has no line

static bool asks_and_waits(struct jobs *j, const char *worker, int count, int64_t now_ms,
                           struct error *err)
{
    struct post p = {.kind = POST_ASKS, .worker = worker, .count = count};
    return waited(j, &p, now_ms, err);
}

static bool open_box(struct jobs *j, const char *worker, int64_t now_ms, struct error *err)
{
    struct worker_hello hello = {.id = worker, .name = worker, .host = "", .slots = 1};
    pthread_mutex_lock(&j->core);
    struct hand *h = hand_of(j, worker);
    bool there = h && h->up;
    if (h)
        h->boxed = true;
    pthread_mutex_unlock(&j->core);
    if (!there && !jobs_hello(j, &hello, NULL, NULL, 0, now_ms, err))
        return false;
    pthread_mutex_lock(&j->core);
    hand_of(j, worker)->boxed = true;
    pthread_mutex_unlock(&j->core);
    return true;
}

static bool take_out(struct jobs *j, const char *worker, struct give *give)
{
    pthread_mutex_lock(&j->core);
    struct hand *h = hand_of(j, worker);
    bool found = h->box_count > 0;
    if (found) {
        *give = h->box[0];
        memmove(h->box, h->box + 1, --h->box_count * sizeof(*h->box));
    }
    pthread_mutex_unlock(&j->core);
    return found;
}

bool jobs_claim(struct jobs *j, const char *worker, int64_t now_ms, struct arena *a,
                struct claim *claim, bool *found, struct error *err)
{
    struct give give;
    *claim = (struct claim){0};
    *found = false;
    if (!open_box(j, worker, now_ms, err))
        return false;
    if (!asks_and_waits(j, worker, 1, now_ms, err)) {
        struct error ignored; // it asks no more, whether that could be written down or not
        (void)!asks_and_waits(j, worker, 0, now_ms, &ignored);
        return false;
    }
    if (!take_out(j, worker, &give))
        return asks_and_waits(j, worker, 0, now_ms, err);
    *found = jobs_claim_of(j, &give, a, claim, err);
    return *found;
}

struct claiming {
    const struct give *give;
    struct arena *a;
    struct claim *claim;
};

static bool claim_in(struct db_tx *tx, void *context, struct error *err)
{
    struct claiming *c = context;
    struct claim *k = c->claim;
    bool found = false;
    struct db_rows *rows = db_query(tx,
                                    "select j.kind, j.title, j.project, j.asset, j.version, "
                                    "j.subject, s.name, j.ticket from jobs j join steps s on s.job "
                                    "= j.number where j.id = ?1 and s.number = ?2",
                                    "si", c->give->job, c->give->step);
    if (db_next(rows)) {
        const char **texts[] = {&k->kind,    &k->title,   &k->project, &k->asset,
                                &k->version, &k->subject, &k->part};
        for (int i = 0; i < 7; i++)
            *texts[i] = arena_text(c->a, db_text(rows, i));
        json_decref(k->ticket);
        k->ticket = json_loads(db_text(rows, 7), 0, NULL);
        found = true;
    }
    return db_end(rows, err) && (found || error_set(err, ERROR_NOT_FOUND, "there is no such job"));
}

bool jobs_claim_of(struct jobs *j, const struct give *give, struct arena *a, struct claim *claim,
                   struct error *err)
{
    struct claiming c = {give, a, claim};
    *claim = (struct claim){.attempt = arena_text(a, give->attempt),
                            .job = arena_text(a, give->job),
                            .token = give->token,
                            .step = give->step,
                            .first = give->first,
                            .last = give->last};
    if (db_read(j->db, claim_in, &c, err))
        return true;
    json_decref(claim->ticket);
    claim->ticket = NULL;
    return false;
}

// ---- ends

bool jobs_finish(struct jobs *j, const char *attempt, int64_t token, jobs_apply *apply,
                 void *context, int64_t now_ms, enum outcome *outcome, struct error *err)
{
    struct post p = {.kind = POST_DONE,
                     .fence = attempt_fence(j, attempt, token),
                     .apply = apply,
                     .context = context};
    text_copy(text_of(attempt), p.attempt, sizeof(p.attempt));
    bool ok = waited(j, &p, now_ms, err);
    *outcome = p.outcome;
    return ok;
}

void jobs_finish_later(struct jobs *j, const char *attempt, int64_t token, jobs_heard *heard,
                       void *context)
{
    struct post *p = later(POST_DONE, "");
    p->fence = attempt_fence(j, attempt, token);
    p->heard = heard;
    p->context = context;
    text_copy(text_of(attempt), p->attempt, sizeof(p->attempt));
    post_later(j, p, j->looked_ms);
}

bool jobs_fail(struct jobs *j, const char *attempt, int64_t token, int64_t task,
               const struct error *why, int64_t now_ms, enum outcome *outcome, struct error *err)
{
    struct post p = {
        .kind = POST_FAILED, .fence = attempt_fence(j, attempt, token), .task = task, .why = why};
    bool ok = waited(j, &p, now_ms, err);
    *outcome = p.outcome;
    return ok;
}

bool jobs_holds_of(struct jobs *j, const char *worker, const char *attempt, int64_t token,
                   char job[27])
{
    sched_fence fence = attempt_fence(j, attempt, token);
    pthread_mutex_lock(&j->core);
    const struct given *g = fence ? map_get(&j->attempts, fence) : NULL;
    bool holds = g && strcmp(g->hand->id, worker) == 0;
    if (holds)
        text_copy(text_of(g->job->id), job, 27);
    pthread_mutex_unlock(&j->core);
    return holds;
}

bool jobs_holds(struct jobs *j, const char *worker, const char *attempt, int64_t token)
{
    char job[27];
    return jobs_holds_of(j, worker, attempt, token, job);
}

bool jobs_may_place(struct jobs *j, const char *worker, const char *attempt, int64_t token,
                    int64_t now_ms, struct jobs_placing *placing, struct error *err)
{
    struct post p = {
        .kind = POST_PLACE, .worker = worker, .fence = attempt_fence(j, attempt, token)};
    bool ok = waited(j, &p, now_ms, err);
    *placing = p.placing;
    return ok;
}

void jobs_may_place_later(struct jobs *j, const char *worker, const char *attempt, int64_t token,
                          jobs_placed *placed, void *context)
{
    struct post *p = later(POST_PLACE, worker);
    p->fence = attempt_fence(j, attempt, token);
    p->placed = placed;
    p->context = context;
    text_copy(text_of(attempt), p->attempt, sizeof(p->attempt));
    post_later(j, p, j->looked_ms);
}

struct looking {
    struct jobs *j;
    sched_fence fence;
    struct arena *a;
    struct ended *what;
    bool found, taken;
};

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looking *l = context;
    char text[27];
    struct db_rows *rows = db_query(
        tx,
        "select j.id, j.kind, j.project, j.asset, j.version, j.subject, t.step, t.first, t.last, "
        "t.state, s.name from attempts t join jobs j on j.number = t.job join steps s on s.job = "
        "t.job and s.number = t.step where t.fence = ?1",
        "i", (int64_t)l->fence);
    attempt_text(l->j, l->fence, text);
    l->found = db_next(rows);
    if (l->found) {
        *l->what = (struct ended){.attempt = arena_text(l->a, text),
                                  .job = arena_text(l->a, db_text(rows, 0)),
                                  .kind = arena_text(l->a, db_text(rows, 1)),
                                  .project = arena_text(l->a, db_text(rows, 2)),
                                  .asset = arena_text(l->a, db_text(rows, 3)),
                                  .version = arena_text(l->a, db_text(rows, 4)),
                                  .subject = arena_text(l->a, db_text(rows, 5)),
                                  .part = arena_text(l->a, db_text(rows, 10)),
                                  .token = (int64_t)l->fence,
                                  .step = db_int(rows, 6),
                                  .first = db_int(rows, 7),
                                  .last = db_int(rows, 8)};
        l->taken = strcmp(db_text(rows, 9), "committed") == 0;
    }
    return db_end(rows, err);
}

bool jobs_attempt(struct jobs *j, const char *attempt, int64_t token, struct arena *a,
                  struct ended *what, bool *current, bool *taken, struct error *err)
{
    struct looking l = {.j = j, .fence = attempt_fence(j, attempt, token), .a = a, .what = what};
    struct sched_attempt_look look;
    *what = (struct ended){0};
    *current = *taken = false;
    if (!l.fence)
        return true;
    pthread_mutex_lock(&j->core);
    const struct given *g = map_get(&j->attempts, l.fence);
    bool held = g && sched_attempt_look(j->sched, l.fence, &look) && !look.dropped;
    pthread_mutex_unlock(&j->core);
    bool ok = db_read(j->db, look_in, &l, err);
    *current = held && l.found;
    *taken = l.taken;
    return ok;
}

// ---- orders

bool jobs_order(struct jobs *j, const struct job_order *order, jobs_also *also, void *context,
                int64_t now_ms, struct error *err)
{
    struct post p = {.kind = POST_ORDER, .order = order, .also = also, .context = context};
    if (order->kind == ORDER_EDIT && (order->priority < -1 || order->priority > 100 ||
                                      order->tier < -1 || order->tier >= SCHED_TIERS)) {
        error_set(err, ERROR_INPUT, "a job can not have priority %d in tier %d", order->priority,
                  order->tier);
        return error_fix(err, "priority: 0 is lowest, 50 usual, 100 highest; tiers are 0 to 7");
    }
    if (order->title && (!*order->title || strlen(order->title) > TITLE_MOST)) {
        error_set(err, ERROR_INPUT, "a job can not be named so");
        return error_fix(err, "its name has 1 to %d letters", TITLE_MOST);
    }
    return waited(j, &p, now_ms, err);
}

bool jobs_limit_set(struct jobs *j, const struct jobs_limit *limit, jobs_also *also, void *context,
                    int64_t now_ms, struct error *err)
{
    struct post p = {.kind = POST_LIMIT, .limit = limit, .also = also, .context = context};
    if (!limit->name[0] || strlen(limit->name) > 200 || limit->total < 0 || limit->outside < 0) {
        error_set(err, ERROR_INPUT, "the limit can not be used");
        return error_why(err, "it needs a name, and numbers of 0 or more");
    }
    return waited(j, &p, now_ms, err);
}

bool jobs_limits(struct db_tx *tx, struct jobs *j, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, "select name, scope, total, outside, yields from limits order by name", "");
    while (db_next(rows)) {
        struct sched_limit_look look = {0};
        pthread_mutex_lock(&j->core);
        (void)sched_limit_look(j->sched, sched_word(j->sched, db_text(rows, 0)), &look);
        pthread_mutex_unlock(&j->core);
        json_array_append_new(
            *list, json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:I, s:I}", "name", db_text(rows, 0),
                             "scope", db_text(rows, 1), "total", (json_int_t)db_int(rows, 2),
                             "outside", (json_int_t)db_int(rows, 3), "yields", (int)db_int(rows, 4),
                             "used", (json_int_t)look.used, "free", (json_int_t)look.free,
                             "learned", (json_int_t)look.learned));
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- what time brings

static bool forget_in(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    return db_run(
        tx, err,
        "delete from attempts where fence in (select fence from attempts where fence < "
        "(select max(fence) from attempts) - ?1 and state not in ('running', 'dropped') limit ?2)",
        "ii", (int64_t)ATTEMPTS_KEPT, (int64_t)ATTEMPTS_A_TIME);
}

bool jobs_sweep(struct jobs *j, int64_t now_ms, int64_t *lost, struct error *err)
{
    struct post p = {.kind = POST_SWEEP};
    bool ok = waited(j, &p, now_ms, err);
    *lost = p.count;
    if (now_ms < j->forget_ms)
        return ok;
    j->forget_ms = now_ms + FORGET_MS;
    return ok && db_write(j->db, forget_in, j, err);
}

bool jobs_next_ms(struct jobs *j, int64_t *at_ms, struct error *err)
{
    (void)err;
    pthread_mutex_lock(&j->core);
    *at_ms = sched_next_ms(j->sched);
    pthread_mutex_unlock(&j->core);
    return true;
}

struct running {
    struct jobs *j;
    struct arena *a;
    const char **list;
    size_t count;
};

static bool running_in(struct db_tx *tx, void *context, struct error *err)
{
    struct running *r = context;
    int64_t rooms;
    r->count = 0;
    if (!db_one_int(tx, &rooms, 0, err,
                    "select (select count(*) from attempts where state = 'running') + "
                    "(select count(*) from attempts where state = 'dropped')",
                    ""))
        return false;
    r->list = ARENA_ARRAY(r->a, const char *, (size_t)rooms + 1);
    struct db_rows *rows = db_query(tx,
                                    "select fence from attempts where state = 'running' union all "
                                    "select fence from attempts where state = 'dropped'",
                                    "");
    while (db_next(rows) && r->count < (size_t)rooms) {
        char text[27];
        attempt_text(r->j, (sched_fence)db_int(rows, 0), text);
        r->list[r->count++] = arena_text(r->a, text);
    }
    return db_end(rows, err);
}

bool jobs_running(struct jobs *j, struct arena *a, const char ***attempts, size_t *count,
                  struct error *err)
{
    struct running r = {.j = j, .a = a};
    bool ok = db_read(j->db, running_in, &r, err);
    *attempts = r.list;
    *count = r.count;
    return ok;
}
