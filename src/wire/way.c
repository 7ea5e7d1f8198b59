#include "wire/way.h"

#include "plat/clock.h"
#include "plat/hash.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEET_MS = 1000,
    SILENT_US = 1000000,       // then it is asked whether the house is there
    AGAIN_US = 2000000,        // after the house could not be reached
    BLOCKED_US = 60 * 1000000, // after UDP did not pass
    TICK_MS = 200,
};

struct job { // on the stack of who waits for it
    struct job *next;
    const struct way_item *is;
    int64_t moved;
    _Atomic int64_t *moving;
    bool sent;            // in the present session
    bool answered, whole; // in it: what was asked, what came; the port's thread's until it is left
    enum { JOB_WAITS, JOB_DONE, JOB_FAILED } state;
    struct error err;
};

struct way {
    struct way_wish wish;
    char host[256];
    atomic_bool udp; // there is a session
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    struct bulk_port *port;
    struct bulk *bulk;
    struct job *jobs;
    bool opening, dead, stopped;
    int users; // of `bulk`, without the lock
    int64_t again_us;
    struct error why; // of the last try
};

// "https://house.example:8480" -> "house.example"; an IPv6 address without its brackets.
static bool host_of(const char *url, char *to, size_t room)
{
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    size_t size = *at == '[' ? strcspn(++at, "]") : strcspn(at, ":/");
    return size && text_copy((text){at, size}, to, room);
}

// ---- callbacks of the port's thread

static void moved(struct job *j, int64_t until)
{
    if (until > j->moved) {
        atomic_fetch_add(j->moving, until - j->moved);
        j->moved = until;
    }
}

static bool job_read(void *context, void *user, int64_t offset, void *to, size_t size)
{
    struct job *j = user;
    (void)context;
    memcpy(to, (const char *)j->is->at + offset, size);
    moved(j, offset + (int64_t)size);
    return true;
}

// "what\nwhy\nfix" as it was answered.
static void error_of(unsigned code, text answer, struct error *err)
{
    char what[320], why[640];
    enum error_kind kind =
        code > 0 && code < ERROR_KIND_COUNT ? (enum error_kind)code : ERROR_INTERNAL;
    (void)!text_copy(text_cut(&answer, '\n'), what, sizeof(what));
    (void)!text_copy(text_cut(&answer, '\n'), why, sizeof(why));
    error_set(err, kind, "%s", what[0] ? what : "the house refused it");
    error_why(err, "%s", why);
    error_fix(err, "%.*s", (int)answer.size, answer.at ? answer.at : "");
}

static void job_end(struct way *w, struct job *j, bool ok)
{
    pthread_mutex_lock(&w->lock);
    j->state = ok ? JOB_DONE : JOB_FAILED;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void job_answered(void *context, void *user, unsigned code, text answer)
{
    struct job *j = user;
    if (code)
        error_of(code, answer, &j->err);
    j->answered = true;
    if (code || !j->is->to || j->whole) // else what was asked for is still to come
        job_end(context, j, !code);
}

static bool is_answer(const struct way_item *is, text words, int64_t size)
{
    return is->to && (int64_t)is->to_size == size && is->words.size == words.size &&
           memcmp(is->words.at, words.at, words.size) == 0;
}

static void *job_open(void *context, uint64_t item, int64_t size, text meta, struct error *err)
{
    struct way *w = context;
    (void)item;
    pthread_mutex_lock(&w->lock);
    struct job *j = w->jobs;
    while (j && !is_answer(j->is, meta, size))
        j = j->next;
    pthread_mutex_unlock(&w->lock);
    if (!j)
        error_set(err, ERROR_NOT_FOUND, "nobody has asked for this");
    return j;
}

static bool job_place(void *context, void *user, int64_t offset, const void *at, size_t size)
{
    struct job *j = user;
    (void)context;
    memcpy((char *)j->is->to + offset, at, size);
    moved(j, j->moved + (int64_t)size);
    return true;
}

static void job_whole(void *context, uint64_t item, void *user)
{
    struct way *w = context;
    struct job *j = user;
    pthread_mutex_lock(&w->lock);
    struct bulk *bulk = w->bulk; // lives until this returns, also when it is being left
    pthread_mutex_unlock(&w->lock);
    if (bulk)
        bulk_answer(bulk, item, 0, (text){0});
    // It may overtake the answer to the question, which still knows the job.
    j->whole = true;
    if (j->answered)
        job_end(w, j, true);
}

static void session_ended(void *context, const struct error *why)
{
    struct way *w = context;
    pthread_mutex_lock(&w->lock);
    w->dead = true;
    w->why = *why;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

// ---- sessions

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static bool ask_meeting(struct way *w, struct bulk_meeting *m, int *port, struct error *err)
{
    char path[96];
    size_t size = 0;
    struct reply reply;
    struct arena *a = arena_open((size_t)1 << 20);
    snprintf(path, sizeof(path), "/api/v1%s", w->wish.path);
    struct call call = {.method = "POST", .path = path, .body = w->wish.ask, .repeatable = true};
    bool ok = client_call(w->wish.client, &call, a, &reply, err);
    json_t *answer = ok ? json_loadb(reply.body.at, reply.body.size, 0, NULL) : NULL;
    m->connection = (uint32_t)json_integer_value(json_object_get(answer, "connection"));
    *port = (int)json_integer_value(json_object_get(answer, "port"));
    bool good =
        *port > 0 && *port < 65536 &&
        base64url_parse(text_of(word(answer, "secret")), m->secret, sizeof(m->secret), &size) &&
        size == sizeof(m->secret);
    if (ok && !good)
        error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    json_decref(answer);
    arena_close(a);
    return ok && good;
}

static bool meet(struct way *w, struct bulk_port **port, struct bulk **bulk, struct error *err)
{
    struct bulk_meeting m;
    struct bulk_calls calls = {.context = w,
                               .open = job_open,
                               .place = job_place,
                               .whole = job_whole,
                               .read = job_read,
                               .answered = job_answered,
                               .ended = session_ended,
                               .window_bytes = (uint64_t)256 << 20,
                               .keeps = true};
    int number;
    if (!ask_meeting(w, &m, &number, err) ||
        !(*port = bulk_port_open(&(struct bulk_port_wish){0}, err)))
        return false;
    *bulk = bulk_meet(*port, &m, &calls, w->host, number, MEET_MS, err);
    if (!*bulk) {
        bulk_port_close(*port);
        *port = NULL;
        return false;
    }
    bulk_wish(*bulk, w->wish.policy, w->wish.bytes_a_second);
    return true;
}

// Closes the session: no callback knows the jobs any more, and they are to be sent again. With the
// lock, which it lets go meanwhile, and with `opening` set, so that nobody else is at it.
static void session_leave(struct way *w)
{
    w->opening = true;
    atomic_store(&w->udp, false);
    while (w->users)
        pthread_cond_wait(&w->changed, &w->lock);
    struct bulk *bulk = w->bulk;
    struct bulk_port *port = w->port;
    w->bulk = NULL;
    w->port = NULL;
    pthread_mutex_unlock(&w->lock);
    bulk_close(bulk, false);
    bulk_port_close(port);
    pthread_mutex_lock(&w->lock);
    w->dead = false;
    w->opening = false;
    for (struct job *j = w->jobs; j; j = j->next) {
        atomic_fetch_sub(j->moving, j->moved);
        j->moved = 0;
        j->sent = j->answered = j->whole = false;
    }
    pthread_cond_broadcast(&w->changed);
}

// Tries for a new one, likewise.
static void session_open(struct way *w)
{
    struct bulk *bulk = NULL;
    struct bulk_port *port = NULL;
    struct error err;
    session_leave(w);
    w->opening = true;
    pthread_mutex_unlock(&w->lock);
    error_clear(&err);
    bool ok = meet(w, &port, &bulk, &err);
    pthread_mutex_lock(&w->lock);
    w->port = port;
    w->bulk = bulk;
    w->why = err;
    w->again_us = clock_tick_us() + (err.kind == ERROR_TIMEOUT ? BLOCKED_US : AGAIN_US);
    if (!ok && (err.kind == ERROR_UNSUPPORTED || err.kind == ERROR_NOT_FOUND))
        w->again_us = INT64_MAX; // this house does not know of it
    w->opening = false;
    atomic_store(&w->udp, ok);
    pthread_cond_broadcast(&w->changed);
}

struct way *way_open(const struct way_wish *wish)
{
    struct way *w = calloc(1, sizeof(*w));
    pthread_condattr_t steady;
    if (!w)
        abort();
    w->wish = *wish;
    client_pace(wish->client, wish->bytes_a_second);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &steady);
    pthread_condattr_destroy(&steady);
    error_clear(&w->why);
    if (wish->kind == WAY_TCP || wish->kind == WAY_HTTPS ||
        !host_of(wish->url, w->host, sizeof(w->host))) {
        w->again_us = INT64_MAX;
        return w;
    }
    pthread_mutex_lock(&w->lock);
    session_open(w);
    pthread_mutex_unlock(&w->lock);
    return w;
}

void way_stop(struct way *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopped = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void way_close(struct way *w)
{
    if (!w)
        return;
    bulk_close(w->bulk, true);
    bulk_port_close(w->port);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

bool way_udp(const struct way *w)
{
    return atomic_load(&w->udp);
}

int way_lines(const struct way *w, int many)
{
    // Whoever leaves the line to others takes one part of it.
    return w->wish.kind == WAY_HTTPS || w->wish.policy == BULK_BACKGROUND ? 1 : many;
}

const char *way_word(const struct way *w)
{
    return way_udp(w) ? "UDP" : w->wish.kind == WAY_HTTPS ? "HTTPS" : "TCP";
}

// ---- pieces

// With the lock: waits until something has changed; false: nothing did, for a tick.
static bool tick(struct way *w)
{
    int64_t until_us = clock_tick_us() + TICK_MS * 1000;
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    return pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0;
}

// With the lock. Only whoever closes the session waits for this: to wake all others each time makes
// them wake each other without end.
static void user_leaves(struct way *w)
{
    if (--w->users == 0 && w->opening)
        pthread_cond_broadcast(&w->changed);
}

// With the lock, which is let go meanwhile.
static bool job_send(struct way *w, struct job *j)
{
    struct bulk *bulk = w->bulk;
    w->users++;
    j->sent = true;
    pthread_mutex_unlock(&w->lock);
    bool ok = bulk_send(bulk, (int64_t)j->is->size, j->is->words, j);
    pthread_mutex_lock(&w->lock);
    user_leaves(w);
    return ok;
}

static bool silent(struct way *w)
{
    struct bulk *bulk = w->bulk;
    w->users++;
    pthread_mutex_unlock(&w->lock);
    bool is = bulk_numbers(bulk).silent_us > SILENT_US;
    pthread_mutex_lock(&w->lock);
    user_leaves(w);
    return is;
}

static void job_list(struct way *w, struct job *j, bool in)
{
    if (in) {
        j->next = w->jobs;
        w->jobs = j;
        return;
    }
    for (struct job **at = &w->jobs; *at; at = &(*at)->next)
        if (*at == j) {
            *at = j->next;
            return;
        }
}

// With the lock: a step towards the job's end. False: it does not go by UDP.
static bool job_step(struct way *w, struct job *j)
{
    if (w->opening) {
        tick(w);
    } else if (!w->bulk) {
        if (w->wish.kind != WAY_UDP && clock_tick_us() < w->again_us)
            return false;
        session_open(w);
        return w->bulk != NULL;
    } else if (w->dead) {
        session_open(w);
    } else if (!j->sent) {
        if (!job_send(w, j))
            w->dead = true;
    } else {
        bool changed = tick(w);
        if (!changed && j->state == JOB_WAITS && !w->opening && !w->dead && w->bulk && silent(w))
            w->dead = true;
    }
    return true;
}

// With the lock, which it lets go meanwhile.
static bool job_asked(struct way *w, const struct job *j)
{
    if (!j->is->asked)
        return true;
    pthread_mutex_unlock(&w->lock);
    bool asked = j->is->asked(j->is->context);
    pthread_mutex_lock(&w->lock);
    return asked;
}

// While its session lives, somebody may still write to it.
static void job_withdraw(struct way *w, struct job *j)
{
    while (w->opening)
        tick(w);
    if (w->bulk && j->sent)
        session_leave(w);
}

static enum way_end stopped_end(struct error *err)
{
    error_set(err, ERROR_CANCELLED, "it was stopped");
    return WAY_FAILED;
}

enum way_end way_run(struct way *w, const struct way_item *item, struct error *err)
{
    struct job own = {.is = item, .moving = w->wish.moving}, *j = &own;
    bool goes = true, asked = true;
    pthread_mutex_lock(&w->lock);
    job_list(w, j, true);
    while (goes && j->state == JOB_WAITS && !w->stopped && (asked = job_asked(w, j)))
        if (j->state == JOB_WAITS)
            goes = job_step(w, j);
    if (j->state == JOB_WAITS && j->sent && w->bulk)
        job_withdraw(w, j);
    job_list(w, j, false);
    enum way_end end = j->state == JOB_DONE     ? WAY_DONE
                       : j->state == JOB_FAILED ? WAY_FAILED
                                                : WAY_NOT;
    if (end == WAY_NOT)
        *err = w->why;
    bool forced = w->wish.kind == WAY_UDP, stopped = w->stopped || !asked;
    pthread_mutex_unlock(&w->lock);
    atomic_fetch_sub(j->moving, j->moved);
    if (end == WAY_FAILED)
        *err = j->err;
    if (end == WAY_NOT && stopped)
        return stopped_end(err);
    if (end == WAY_NOT && forced) {
        error_fix(err, "let UDP through, or do without --via udp");
        return WAY_FAILED;
    }
    return end;
}

enum way_end way_put(struct way *w, text words, const void *at, size_t size, struct error *err)
{
    return way_run(w, &(struct way_item){.words = words, .at = at, .size = size}, err);
}

// ---- a piece of a file, by whichever way

void way_piece_of(struct way_piece *p, const char *version, int64_t number, int64_t chunk)
{
    snprintf(p->words, sizeof(p->words), "chunk %lld %lld", (long long)number, (long long)chunk);
    snprintf(p->of_version, sizeof(p->of_version), "/api/v1/versions/%.26s/files/%lld/bytes",
             version, (long long)number);
    p->path = p->of_version;
}

static bool piece_goes_on(void *context, int64_t sent, int64_t received)
{
    const struct client_piece *c = context;
    const struct way_piece *p = c->context;
    (void)sent, (void)received;
    return !p->asked || p->asked(p->context);
}

static bool piece_by_http(const struct way_piece *p, void *to, size_t size, struct error *err)
{
    char range[80];
    struct reply reply;
    struct client_piece came = {.at = to, .size = size, .context = (void *)p};
    struct arena *a = arena_open((size_t)1 << 20);
    snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)p->offset,
             (long long)p->offset + (long long)size - 1);
    struct client_header header = {"Range", range};
    struct call call = {.path = p->path,
                        .headers = &header,
                        .header_count = 1,
                        .download = client_piece_came,
                        .progress = p->asked ? piece_goes_on : NULL,
                        .context = &came,
                        .repeatable = !p->once};
    bool ok = client_call(p->client, &call, a, &reply, err);
    // A house that gives all where a part was asked for gives other bytes.
    if (ok && reply.status != 206 && p->offset)
        ok = error_set(err, ERROR_UNSUPPORTED, "the house gives no ranges");
    if (ok && came.have != size)
        ok = error_set(err, ERROR_NETWORK, "the house sent less than it was asked for");
    arena_close(a);
    return ok;
}

bool way_piece_get(const struct way_piece *p, void *to, size_t size, struct error *err)
{
    struct way_item item = {.words = text_of(p->words),
                            .to = to,
                            .to_size = size,
                            .asked = p->asked,
                            .context = p->context};
    enum way_end end = p->way ? way_run(p->way, &item, err) : WAY_NOT;
    bool ok = end == WAY_DONE;
    while (end == WAY_NOT && !(ok = piece_by_http(p, to, size, err)))
        if (!p->again || !p->again(p->context, err))
            break;
    return ok;
}
