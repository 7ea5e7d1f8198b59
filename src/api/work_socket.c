/*
 * Workers: they say hello, ask for work, tell how far they are, and hand in results
 * (docs/formats/workers.md).
 *
 * Nothing is remembered of a worker but its line: the ledger (house/jobs) knows the rest, so that a
 * line may be cut and come back at any moment. What the ledger gives is said at once when it is
 * short; a ticket, with all the places of its inputs, is made by a thread of its own. Another takes
 * results into the store, which may be gigabytes to hash, while beats go on and keep the leases.
 */
#include "api/inside.h"
#include "base/log.h"
#include "house/flow/flow.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MOST = 1024, ATTEMPTS_MOST = 4096, LOOK_AGAIN_MS = 10000 };

struct line {
    atomic_int holders; // the call that opened it, the socket, and whoever works for it just now
    struct line *next;
    struct work *work;
    struct socket *socket;
    char *secret;    // its token, looked at again when rights have changed
    int64_t changes; // people_changes, then
    int64_t looked_ms;
    char worker[27]; // "": no hello yet, or it has come back on another line
    char known[27];  // by the ledger
    bool ended;      // guarded by work.lock
};

struct gift { // a ticket that is to be made; or what an attempt is writing; or a measured line
    struct gift *next;
    struct line *line;
    struct give give;
    json_t *outputs, *speed; // both NULL: a ticket
    char worker[27];         // of a speed
};

struct result {
    struct result *next;
    struct line *line;
    char attempt[27];
    int64_t token;
    json_t *made;     // NULL: it failed
    struct error why; // then
};

struct work {
    struct api *api;
    struct jobs *jobs;
    struct flow *flow;
    pthread_t giver, taker;
    bool giving, taking;
    atomic_bool stop;
    atomic_int lines;     // that are open
    pthread_mutex_t lock; // guards the lists and what lines say above
    pthread_cond_t handed_in, handed_out;
    struct line *first;
    struct gift *gifts, **last_gift;
    struct result *results, **last_result;
};

static void line_let_go(struct line *l)
{
    if (atomic_fetch_sub(&l->holders, 1) != 1)
        return;
    socket_let_go(l->socket);
    free(l->secret);
    free(l);
}

static void say(struct line *l, json_t *take_over)
{
    char *text = json_dumps(take_over, JSON_COMPACT);
    if (text)
        socket_send(l->socket, text, strlen(text));
    free(text);
    json_decref(take_over);
}

// ---- giving work

static void give_ticket(struct work *w, struct line *l, const struct give *g)
{
    struct arena *a = arena_open(16 << 20);
    struct claim claim;
    struct error err, second;
    enum outcome outcome;
    json_t *task = NULL;
    bool found = jobs_claim_of(w->jobs, g, a, &claim, &err);
    if (found && flow_task(w->flow, &claim, &task, &err)) {
        log_info("work.given", "job=%s kind=%s attempt=%s worker=%s", claim.job, claim.kind,
                 claim.attempt, l->worker);
        say(l, json_pack("{s:o}", "task", task));
    } else {
        log_problem("work.task", &err);
        if (!flow_failed(w->flow, g->attempt, g->token, &err, &outcome, &second))
            log_problem("work.failed", &second);
        jobs_asks(w->jobs, l->worker, 1, clock_now_ms()); // its slot is free still
    }
    json_decref(claim.ticket);
    arena_close(a);
}

static void gift_free(struct gift *g)
{
    json_decref(g->outputs);
    json_decref(g->speed);
    line_let_go(g->line);
    free(g);
}

static void take_growth(struct work *w, const struct gift *g)
{
    struct error err;
    if (!flow_growing(w->flow, g->give.attempt, g->give.token, g->outputs, &err))
        log_problem("work.growing", &err);
}

static bool speed_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct gift *g = context;
    static const char *const directions[] = {"in", "out"};
    for (int out = 0; out < 2; out++) {
        const json_t *said = json_object_get(g->speed, directions[out]);
        struct speed_sample s = {.origin = g->worker,
                                 .person = "",
                                 .name = "",
                                 .out = out,
                                 .bytes = json_integer_value(json_object_get(said, "bytes")),
                                 .ms = json_integer_value(json_object_get(said, "ms"))};
        if (said && !speed_measured(tx, &s, clock_now_ms(), err))
            return false;
    }
    return true;
}

static void take_speed(struct work *w, struct gift *g)
{
    struct error err;
    if (!db_write(w->api->db, speed_in, g, &err))
        log_problem("work.speed", &err);
}

static void put_gift(struct line *l, const struct gift *what)
{
    struct work *w = l->work;
    struct gift *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    *g = *what;
    g->line = l;
    atomic_fetch_add(&l->holders, 1);
    pthread_mutex_lock(&w->lock);
    *w->last_gift = g;
    w->last_gift = &g->next;
    pthread_cond_signal(&w->handed_out);
    pthread_mutex_unlock(&w->lock);
}

static void grows(struct line *l, const struct beat *b, json_t *outputs)
{
    struct gift g = {.give.token = b->token, .outputs = json_incref(outputs)};
    text_copy(text_of(b->attempt), g.give.attempt, sizeof(g.give.attempt));
    put_gift(l, &g);
}

static void *give(void *context)
{
    struct work *w = context;
    pthread_mutex_lock(&w->lock);
    while (!atomic_load(&w->stop)) {
        struct gift *g = w->gifts;
        if (!g) {
            pthread_cond_wait(&w->handed_out, &w->lock);
            continue;
        }
        w->gifts = g->next;
        if (!w->gifts)
            w->last_gift = &w->gifts;
        pthread_mutex_unlock(&w->lock);
        if (g->speed)
            take_speed(w, g);
        else if (g->outputs)
            take_growth(w, g);
        else
            give_ticket(w, g->line, &g->give);
        gift_free(g);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void give_tasks(struct line *l, const struct give *g)
{
    char text[400];
    int size =
        snprintf(text, sizeof(text),
                 "{\"task\":{\"attempt\":\"%s\",\"token\":%lld,\"job\":\"%s\",\"step\":%lld,"
                 "\"first\":%lld,\"last\":%lld,\"gpus\":%llu,\"lease_ms\":%d}}",
                 g->attempt, (long long)g->token, g->job, (long long)g->step, (long long)g->first,
                 (long long)g->last, (unsigned long long)g->gpus, JOBS_LEASE_MS);
    socket_send(l->socket, text, (size_t)size);
}

// The dispatcher gives.
static void on_give(void *context, const struct give *give)
{
    struct line *l = context;
    if (!give->ticket) {
        give_tasks(l, give);
        return;
    }
    put_gift(l, &(struct gift){.give = *give});
}

static void on_drop(void *context, const char *attempt)
{
    say(context, json_pack("{s:{s:[s]}}", "beat", "drop", attempt));
}

// ---- taking results

static void take_one(struct work *w, struct result *r)
{
    enum outcome outcome = OUTCOME_STALE;
    struct error err, second;
    bool ok = r->made ? flow_done(w->flow, r->attempt, r->token, r->made, &outcome, &err)
                      : flow_failed(w->flow, r->attempt, r->token, &r->why, &outcome, &err);
    if (!ok) {
        log_problem("work.result", &err);
        // What could not be taken has failed: the ledger decides whether it is made again.
        ok = r->made && flow_failed(w->flow, r->attempt, r->token, &err, &outcome, &second);
    }
    if (!ok)
        return; // the worker says it again
    if (r->made)
        log_info("work.taken", "attempt=%s stale=%d", r->attempt, outcome == OUTCOME_STALE);
    else
        log_problem("work.attempt_failed", &r->why);
    say(r->line, json_pack("{s:{s:s}}", outcome == OUTCOME_STALE ? "stale" : "taken", "attempt",
                           r->attempt));
}

static void result_free(struct result *r)
{
    line_let_go(r->line);
    json_decref(r->made);
    free(r);
}

static void *take(void *context)
{
    struct work *w = context;
    pthread_mutex_lock(&w->lock);
    while (!atomic_load(&w->stop)) {
        struct result *r = w->results;
        if (!r) {
            pthread_cond_wait(&w->handed_in, &w->lock);
            continue;
        }
        w->results = r->next;
        if (!w->results)
            w->last_result = &w->results;
        pthread_mutex_unlock(&w->lock);
        take_one(w, r);
        result_free(r);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

// A worker repeats itself until it hears "taken": what waits already is not queued twice. What is
// being taken just now is, as its answer may go to a line that is no more; taking it again is
// cheap.
static void hand_in(struct work *w, struct result *r)
{
    bool known = false;
    pthread_mutex_lock(&w->lock);
    for (struct result *o = w->results; o && !known; o = o->next)
        known = o->line == r->line && strcmp(o->attempt, r->attempt) == 0;
    if (!known) {
        *w->last_result = r;
        w->last_result = &r->next;
        pthread_cond_signal(&w->handed_in);
    }
    pthread_mutex_unlock(&w->lock);
    if (known)
        result_free(r);
}

// ---- what workers say

static const char *word(const json_t *from, const char *name)
{
    const char *value = json_string_value(json_object_get(from, name));
    return value ? value : "";
}

static bool attempts_of(struct arena *a, const json_t *list, struct beat **beats, size_t *count)
{
    size_t i;
    const json_t *one;
    *count = json_array_size(list);
    if (*count > ATTEMPTS_MOST)
        return false;
    *beats = ARENA_ARRAY(a, struct beat, *count + 1);
    json_array_foreach(list, i, one)
    {
        const char *attempt = word(one, "attempt");
        if (!id_valid(text_of(attempt)))
            return false;
        (*beats)[i] = (struct beat){.attempt = attempt,
                                    .token = json_integer_value(json_object_get(one, "token")),
                                    .done = json_integer_value(json_object_get(one, "done")),
                                    .total = json_integer_value(json_object_get(one, "total")),
                                    .unit = word(one, "unit")};
    }
    return true;
}

// The line of an earlier life of the same worker is cut.
static void replace(struct work *w, struct line *l)
{
    pthread_mutex_lock(&w->lock);
    for (struct line *o = w->first; o; o = o->next)
        if (o != l && strcmp(o->worker, l->worker) == 0) {
            o->ended = true;
            o->worker[0] = 0;
            socket_finish(o->socket, 4000, "the worker has come back");
        }
    pthread_mutex_unlock(&w->lock);
}

// Busy farms beat more slowly: their beats are most of what is said.
static int beat_ms(const struct work *w)
{
    int lines = atomic_load(&w->lines);
    return lines < JOBS_BEAT_MS        ? JOBS_BEAT_MS
           : lines > JOBS_LEASE_MS / 4 ? JOBS_LEASE_MS / 4
                                       : lines;
}

static void on_welcome(void *context, const struct beat *beats, size_t count,
                       const struct error *err)
{
    struct line *l = context;
    if (err) {
        socket_finish(l->socket, 1013, "try again");
        line_let_go(l);
        return;
    }
    json_t *kept = json_array(), *drop = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(beats[i].drop ? drop : kept, json_string(beats[i].attempt));
    say(l, json_pack("{s:{s:i, s:i, s:o, s:o}}", "welcome", "beat_ms", beat_ms(l->work), "lease_ms",
                     JOBS_LEASE_MS, "keep", kept, "drop", drop));
    line_let_go(l);
}

static bool hear_hello(struct line *l, const json_t *said, struct arena *a)
{
    struct work *w = l->work;
    struct beat *beats;
    size_t count;
    struct worker_hello h = {.id = word(said, "worker"),
                             .name = word(said, "name"),
                             .host = word(said, "host"),
                             .pid = json_integer_value(json_object_get(said, "pid")),
                             .slots = json_integer_value(json_object_get(said, "slots")),
                             .has = json_object_get(said, "has")};
    if (!id_valid(text_of(h.id)) || strlen(h.name) > 255 || strlen(h.host) > 255 || h.slots < 1 ||
        h.slots > SLOTS_MOST || (h.has && !json_is_object(h.has)) ||
        !attempts_of(a, json_object_get(said, "attempts"), &beats, &count))
        return false;
    pthread_mutex_lock(&w->lock);
    text_copy(text_of(h.id), l->worker, sizeof(l->worker));
    text_copy(text_of(h.id), l->known, sizeof(l->known));
    pthread_mutex_unlock(&w->lock);
    replace(w, l);
    const struct jobs_line line = {on_give, on_drop, l};
    atomic_fetch_add(&l->holders, 1);
    log_info("work.hello", "worker=%s host=%s pid=%lld slots=%lld attempts=%zu", h.id,
             log_quote(h.host).text, (long long)h.pid, (long long)h.slots, count);
    jobs_hello_later(w->jobs, &h, &line, beats, count, on_welcome, l);
    return true;
}

static bool hear_next(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    struct work *w = l->work;
    int64_t slots = json_integer_value(json_object_get(said, "slots"));
    if (slots < 0 || slots > SLOTS_MOST)
        return false;
    jobs_asks(w->jobs, l->worker, (int)slots, clock_now_ms());
    return true;
}

static bool hear_stopped(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    const char *attempt = word(said, "attempt");
    if (!id_valid(text_of(attempt)))
        return false;
    jobs_stopped(l->work->jobs, attempt, json_integer_value(json_object_get(said, "token")),
                 clock_now_ms());
    return true;
}

struct beaten {
    struct line *line;
    json_t *list;
};

static void on_beaten(void *context, const struct beat *beats, size_t count,
                      const struct error *err)
{
    struct beaten *b = context;
    struct line *l = b->line;
    json_t *drop = json_array();
    for (size_t i = 0; i < count && !err; i++) {
        json_t *outputs = json_object_get(json_array_get(b->list, i), "outputs");
        if (beats[i].drop)
            json_array_append_new(drop, json_string(beats[i].attempt));
        else if (json_array_size(outputs))
            grows(l, &beats[i], outputs);
    }
    if (!err)
        say(l, json_pack("{s:{s:O}}", "beat", "drop", drop));
    json_decref(drop);
    json_decref(b->list);
    line_let_go(l);
    free(b);
}

static bool hear_beat(struct line *l, const json_t *said, struct arena *a)
{
    struct work *w = l->work;
    const json_t *list = json_object_get(said, "attempts");
    struct beat *beats;
    size_t count;
    if (!attempts_of(a, list, &beats, &count))
        return false;
    struct beaten *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    *b = (struct beaten){l, json_incref((json_t *)list)};
    atomic_fetch_add(&l->holders, 1);
    jobs_beat_later(w->jobs, l->worker, beats, count, on_beaten, b);
    return true;
}

static struct result *result_of(struct line *l, const json_t *said)
{
    const char *attempt = word(said, "attempt");
    if (!id_valid(text_of(attempt)))
        return NULL;
    struct result *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    text_copy(text_of(attempt), r->attempt, sizeof(r->attempt));
    r->token = json_integer_value(json_object_get(said, "token"));
    r->line = l;
    atomic_fetch_add(&l->holders, 1);
    return r;
}

// ---- renders: what they made is no concern of ours but that it counts

static void on_heard(void *context, const char *attempt, enum outcome outcome,
                     const struct error *err)
{
    struct line *l = context;
    char text[80];
    int size = snprintf(text, sizeof(text), "{\"%s\":{\"attempt\":\"%s\"}}",
                        outcome == OUTCOME_STALE ? "stale" : "taken", attempt);
    if (!err) // else the worker says it again
        socket_send(l->socket, text, (size_t)size);
    line_let_go(l);
}

struct about {
    const char *job;
    json_t *document;
};

static bool about_in(struct db_tx *tx, void *context, struct error *err)
{
    struct about *q = context;
    json_decref(q->document);
    return job_document(tx, q->job, &q->document, err);
}

static bool hear_about(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    struct about q = {word(said, "job"), NULL};
    struct error err;
    if (!id_valid(text_of(q.job)))
        return false;
    if (db_read(l->work->api->db, about_in, &q, &err))
        say(l, json_pack("{s:o}", "about", q.document));
    else
        say(l, json_pack("{s:{s:s, s:s}}", "about", "job", q.job, "problem", err.what));
    return true;
}

static bool hear_log(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    struct work *w = l->work;
    const char *attempt = word(said, "attempt"), *words = word(said, "text");
    int64_t token = json_integer_value(json_object_get(said, "token"));
    int64_t at = json_integer_value(json_object_get(said, "at"));
    struct error err;
    if (!id_valid(text_of(attempt)) || at < 0)
        return false;
    const char *folder = w->api->wish.logs_folder;
    if (folder && jobs_holds(w->jobs, l->worker, attempt, token) &&
        !job_log_add(folder, token, at, text_of(words), &err))
        log_problem("work.log", &err);
    return true;
}

// A small picture of an output, before the attempt is done: shown when it has counted.
static bool hear_picture(struct line *l, const json_t *said, struct arena *a)
{
    struct work *w = l->work;
    const char *attempt = word(said, "attempt"), *words = word(said, "jpeg");
    struct job_picture p = {.token = json_integer_value(json_object_get(said, "token")),
                            .task = json_integer_value(json_object_get(said, "task")),
                            .output = json_integer_value(json_object_get(said, "output"))};
    const char *folder = w->api->wish.pictures_folder;
    struct error err;
    size_t room = strlen(words) + 1;
    void *jpeg = ARENA_ARRAY(a, char, room);
    if (!id_valid(text_of(attempt)) || !base64url_parse(text_of(words), jpeg, room, &p.size))
        return false;
    p.jpeg = jpeg;
    if (folder && jobs_holds(w->jobs, l->worker, attempt, p.token) &&
        !job_picture_add(folder, &p, &err))
        log_problem("work.picture", &err);
    return true;
}

struct asked { // may a frame that was made be brought into its place?
    struct line *line;
    int64_t asked; // the worker's clock, told back: by it he knows how old the answer is
};

// No answer: the worker asks again.
static void on_placed(void *context, const char *attempt, const struct jobs_placing *p,
                      const struct error *err)
{
    struct asked *q = context;
    json_t *tasks = json_array();
    for (int i = 0; i < p->count; i++)
        json_array_append_new(
            tasks, json_pack("[I, I]", (json_int_t)p->runs[i][0], (json_int_t)p->runs[i][1]));
    if (!err && p->when == JOBS_PLACE_NOW)
        say(q->line, json_pack("{s:{s:s, s:I, s:O}}", "place", "attempt", attempt, "asked",
                               (json_int_t)q->asked, "tasks", tasks));
    else if (!err && p->when == JOBS_PLACE_NEVER)
        say(q->line, json_pack("{s:{s:s}}", "stale", "attempt", attempt));
    json_decref(tasks);
    line_let_go(q->line);
    free(q);
}

static bool hear_place(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    const char *attempt = word(said, "attempt");
    if (!id_valid(text_of(attempt)))
        return false;
    struct asked *q = calloc(1, sizeof(*q));
    if (!q)
        abort();
    *q = (struct asked){l, json_integer_value(json_object_get(said, "asked"))};
    atomic_fetch_add(&l->holders, 1);
    jobs_may_place_later(l->work->jobs, l->worker, attempt,
                         json_integer_value(json_object_get(said, "token")), on_placed, q);
    return true;
}

static bool hear_done(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    if (!json_object_get(said, "result")) {
        const char *attempt = word(said, "attempt");
        if (!id_valid(text_of(attempt)))
            return false;
        atomic_fetch_add(&l->holders, 1);
        jobs_finish_later(l->work->jobs, attempt,
                          json_integer_value(json_object_get(said, "token")), on_heard, l);
        return true;
    }
    json_t *made = json_object_get(said, "result");
    struct result *r = json_is_object(made) ? result_of(l, said) : NULL;
    if (!r)
        return false;
    r->made = json_incref(made);
    hand_in(l->work, r);
    return true;
}

static bool hear_failed(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    const json_t *why = json_object_get(said, "error");
    struct result *r = result_of(l, said);
    if (!r)
        return false;
    error_set(&r->why, error_kind_named(word(why, "kind")), "%s", word(why, "what"));
    error_why(&r->why, "%s", word(why, "why"));
    error_fix(&r->why, "%s", word(why, "fix"));
    hand_in(l->work, r);
    return true;
}

// It wants no more tasks: it is about to leave.
static bool hear_drain(struct line *l, const json_t *said, struct arena *a)
{
    (void)said;
    (void)a;
    jobs_drains(l->work->jobs, l->worker, clock_now_ms());
    log_info("work.drains", "worker=%s", l->worker);
    return true;
}

// Somebody sits at the machine, or has gone.
static bool hear_desk(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    const char *why = word(said, "why");
    enum jobs_desk desk = strcmp(why, "user") == 0    ? JOBS_DESK_USER
                          : strcmp(why, "hours") == 0 ? JOBS_DESK_HOURS
                                                      : JOBS_DESK_FREE;
    jobs_desk(l->work->jobs, l->worker, desk, clock_now_ms());
    log_info("work.desk", "worker=%s why=%s", l->worker, *why ? log_quote(why).text : "-");
    return true;
}

// How fast bytes came and went over its line to us.
static bool hear_speed(struct line *l, const json_t *said, struct arena *a)
{
    (void)a;
    struct gift g = {.speed = json_incref((json_t *)said)};
    text_copy(text_of(l->worker), g.worker, sizeof(g.worker));
    put_gift(l, &g);
    return true;
}

static const struct {
    const char *name;
    bool (*hear)(struct line *l, const json_t *said, struct arena *a);
} messages[] = {{"hello", hear_hello},   {"beat", hear_beat},       {"done", hear_done},
                {"failed", hear_failed}, {"drain", hear_drain},     {"stopped", hear_stopped},
                {"about", hear_about},   {"place", hear_place},     {"log", hear_log},
                {"next", hear_next},     {"picture", hear_picture}, {"desk", hear_desk},
                {"speed", hear_speed}};

// ---- the line

static bool still_welcome(struct line *l, struct arena *a)
{
    struct people *people = l->work->api->people;
    int64_t changes = people_changes(people);
    struct who who;
    struct error err;
    int64_t now_ms = clock_tick_us() / 1000;
    // Another process may have taken the right away (`posthouse user disable`): that is not
    // counted.
    if (changes == l->changes && now_ms - l->looked_ms < LOOK_AGAIN_MS)
        return true;
    l->changes = changes;
    l->looked_ms = now_ms;
    return people_who(people, l->secret, false, a, &who, &err) && who.kind == WHO_PERSON &&
           who.scope == SCOPE_WORKER;
}

static void on_opened(struct socket *s)
{
    struct line *l = socket_user(s);
    struct work *w = l->work;
    atomic_fetch_add(&l->holders, 1);
    l->socket = socket_hold(s);
    atomic_fetch_add(&w->lines, 1);
    pthread_mutex_lock(&w->lock);
    l->next = w->first;
    w->first = l;
    pthread_mutex_unlock(&w->lock);
}

static void on_message(struct socket *s, text message)
{
    struct line *l = socket_user(s);
    struct arena *a = arena_open(16 << 20);
    json_t *said = json_loadb(message.at, message.size, JSON_REJECT_DUPLICATES, NULL);
    bool fine = json_is_object(said) && json_object_size(said) > 0, any = false;
    if (!still_welcome(l, a)) {
        socket_finish(s, 1008, "the token does not count any more");
        fine = any = true;
    } else {
        for (size_t i = 0; fine && i < sizeof(messages) / sizeof(messages[0]); i++) {
            const json_t *part = json_object_get(said, messages[i].name);
            if (!part)
                continue;
            any = true;
            fine = json_is_object(part) && (i == 0 || l->worker[0]) && messages[i].hear(l, part, a);
        }
    }
    if (!fine || !any)
        socket_finish(s, 1008, "this can not be understood");
    json_decref(said);
    arena_close(a);
}

static void on_gone(void *context)
{
    line_let_go(context);
}

static void on_closed(struct socket *s, int code)
{
    struct line *l = socket_user(s);
    struct work *w = l->work;
    atomic_fetch_sub(&w->lines, 1);
    pthread_mutex_lock(&w->lock);
    l->ended = true;
    for (struct line **at = &w->first; *at; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    pthread_mutex_unlock(&w->lock);
    if (l->known[0]) {
        log_info("work.away", "worker=%s code=%d", l->known, code);
        atomic_fetch_add(&l->holders, 1);
        jobs_away(w->jobs, l->known, l, on_gone, clock_now_ms());
    }
    line_let_go(l);
}

static const struct socket_calls calls = {on_opened, on_message, on_closed};

static void call_over(struct call *c)
{
    line_let_go(c->own);
}

static bool open_work(struct call *c, struct error *err)
{
    struct work *w = c->api->inside->work;
    if (!w)
        return error_set(err, ERROR_UNSUPPORTED, "this house hands out no work");
    struct line *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    atomic_store(&l->holders, 1);
    l->work = w;
    l->changes = people_changes(c->api->people);
    l->secret = strdup(call_header(c, "Authorization") + strlen("Bearer "));
    c->own = l;
    c->done = call_over;
    call_socket(c, &calls, l);
    c->reply.sockets = c->api->wish.work_sockets;
    return true;
}

const struct route work_routes[] = {
    {"GET", "/work", NEED_WORKER, open_work, NULL, "socket", ROUTE_SOCKET,
     "workers: hello, next, beat, done, failed", NULL},
};
const size_t work_route_count = sizeof(work_routes) / sizeof(work_routes[0]);

// ---- the whole

struct work *work_start(struct api *api, struct error *err)
{
    struct work *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->api = api;
    w->jobs = api->wish.rooms.jobs;
    w->flow = api->wish.rooms.flow;
    w->last_result = &w->results;
    w->last_gift = &w->gifts;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->handed_in, NULL);
    pthread_cond_init(&w->handed_out, NULL);
    if (!jobs_start(w->jobs, err)) {
        work_stop(w);
        return NULL;
    }
    w->giving = pthread_create(&w->giver, NULL, give, w) == 0;
    w->taking = pthread_create(&w->taker, NULL, take, w) == 0;
    if (w->giving && w->taking)
        return w;
    error_set(err, ERROR_INTERNAL, "cannot start the threads that hand out work");
    work_stop(w);
    return NULL;
}

void work_rest(struct work *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stop, true);
    pthread_cond_broadcast(&w->handed_in);
    pthread_cond_broadcast(&w->handed_out);
    pthread_mutex_unlock(&w->lock);
    if (w->giving)
        pthread_join(w->giver, NULL);
    if (w->taking)
        pthread_join(w->taker, NULL);
    w->giving = w->taking = false;
    jobs_hold(w->jobs);
}

void work_stop(struct work *w)
{
    if (!w)
        return;
    work_rest(w);
    jobs_rest(w->jobs);
    while (w->results) {
        struct result *r = w->results;
        w->results = r->next;
        result_free(r);
    }
    while (w->gifts) {
        struct gift *g = w->gifts;
        w->gifts = g->next;
        gift_free(g);
    }
    pthread_cond_destroy(&w->handed_in);
    pthread_cond_destroy(&w->handed_out);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
