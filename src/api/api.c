/*
 * From a request to its handler and back: who asks, what is meant, may they, is the body right;
 * then the answer, or the problem.
 */
#include "api/inside.h"
#include "house/fields/fields.h"
#include "dav/dav.h"
#include "base/log.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdlib.h>
#include <string.h>

enum { CALL_ARENA = 64 << 20 };
#define PREFIX "/api/v1"

// ---- opening

static bool key_in(struct db_tx *tx, void *context, struct error *err)
{
    struct api *api = context;
    struct arena *a = arena_open(4096);
    const char *kept = NULL;
    size_t size = 0;
    bool ok = db_value_get(tx, "media.key", a, &kept, err);
    if (ok && kept) {
        ok = base64url_parse(text_of(kept), api->key.at, sizeof(api->key.at), &size) &&
             size == sizeof(api->key.at);
        if (!ok)
            error_set(err, ERROR_DAMAGED, "the house's key of media addresses is damaged");
    } else if (ok) {
        char written[64];
        random_bytes(api->key.at, sizeof(api->key.at));
        base64url_format(api->key.at, sizeof(api->key.at), written, sizeof(written));
        ok = db_value_set(tx, "media.key", written, err);
    }
    arena_close(a);
    return ok;
}

struct api *api_open(const struct api_wish *wish, struct error *err)
{
    struct api *api = calloc(1, sizeof(*api));
    struct api_inside *inside = calloc(1, sizeof(*inside));
    if (!api || !inside)
        abort();
    api->wish = *wish;
    api->db = wish->db;
    api->store = wish->store;
    api->people = wish->people;
    api->config = wish->config;
    api->inside = inside;
    pthread_mutex_init(&inside->lock, NULL);
    atomic_store(&inside->started_ms, clock_now_ms());
    inside->shelves = shelves_open(api->db);
    inside->runs = runs_open(api->db);
    if (!db_write(api->db, key_in, api, err) || !(inside->media = media_start(api)) ||
        !(inside->events = events_start(api, err)) ||
        (wish->rooms.jobs && wish->rooms.flow && !(inside->work = work_start(api, err)))) {
        api_close(api);
        return NULL;
    }
    return api;
}

void api_rest(struct api *api)
{
    work_rest(api->inside->work);
}

void api_close(struct api *api)
{
    if (!api)
        return;
    work_stop(api->inside->work);
    events_stop(api->inside->events);
    media_stop(api->inside->media);
    runs_close(api->inside->runs);
    shelves_close(api->inside->shelves);
    pthread_mutex_destroy(&api->inside->lock);
    free(api->inside);
    free(api);
}

void api_server(struct api *api, struct server *server)
{
    api->inside->server = server;
}

// ---- one call

static struct call *call_open(struct api *api, const struct route *route, struct arena *a,
                              const char *method, const char *path)
{
    struct call *c = ARENA_NEW(a, struct call);
    c->inside = ARENA_NEW(a, struct call_inside);
    c->api = api;
    c->route = route;
    c->arena = a;
    c->inside->method = method;
    c->inside->path = path;
    c->inside->flight = -1;
    c->inside->began_us = clock_tick_us();
    c->who = (struct who){.session = "", .csrf = ""};
    c->number = -1;
    return c;
}

static bool safe(const struct call *c)
{
    return strcmp(c->inside->method, "GET") == 0 || strcmp(c->inside->method, "HEAD") == 0 ||
           strcmp(c->inside->method, "OPTIONS") == 0;
}

static bool writes(const struct call *c)
{
    return !safe(c) && !(c->route->flags & ROUTE_READS);
}

static bool find_who_holds(struct call *c, struct error *err)
{
    const char *authorization = call_header(c, "Authorization");
    if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0)
        return people_who(c->api->people, authorization + 7, false, c->arena, &c->who, err);
    const char *cookies = call_header(c, "Cookie");
    const char *secret = cookies ? cookie_value(c->arena, text_of(cookies), "posthouse") : NULL;
    return people_who(c->api->people, secret, true, c->arena, &c->who, err);
}

static bool find_who(struct call *c, struct error *err)
{
    bool ok = find_who_holds(c, err);
    c->who.device = device_named(c->arena, call_header(c, "User-Agent"));
    return ok;
}

// What can be said without the database's things: the kind of caller, scope, CSRF.
static bool caller_fits(struct call *c, struct error *err)
{
    const struct who *w = &c->who;
    unsigned need = c->route->need;
    if (need != NEED_PUBLIC && w->kind == WHO_NOBODY) {
        error_set(err, ERROR_LOGIN, "you are not logged in");
        error_why(err, "this needs a person, a token or a share link");
        return error_fix(err,
                         "log in, or send Authorization: Bearer with a token that has not ended");
    }
    bool person = w->kind == WHO_PERSON && w->scope != SCOPE_WORKER;
    bool fits = need == NEED_PUBLIC    ? true
                : need == NEED_PERSON  ? person
                : need == NEED_VISITOR ? person || w->kind == WHO_SHARE
                : need == NEED_ADMIN   ? person && w->admin
                : need == NEED_WORKER  ? w->kind == WHO_PERSON && w->scope == SCOPE_WORKER
                                       : w->scope != SCOPE_WORKER;
    if (!fits || (writes(c) && w->kind != WHO_NOBODY && w->scope == SCOPE_READ))
        return call_denied(c, need, err);
    if (w->factor_owed && need != NEED_PUBLIC && !(c->route->flags & ROUTE_ENROLS)) {
        error_set(err, ERROR_DENIED, "your account needs a second factor first");
        error_why(err, "the house asks it of %s", w->admin ? "administrators" : "everybody");
        return error_fix(err, "set it up under Account on the page");
    }
    // Logging in makes a new session whatever came along; SameSite and the JSON type guard it.
    bool logging_in = need == NEED_PUBLIC && strcmp(c->inside->method, "POST") == 0;
    if (w->by_cookie && !safe(c) && !logging_in) {
        const char *sent = call_header(c, "X-CSRF");
        size_t size = strlen(w->csrf);
        if (!sent || strlen(sent) != size || !same_secret(sent, w->csrf, size)) {
            error_set(err, ERROR_DENIED, "this change was not asked for by the house's own page");
            error_why(err, "the X-CSRF header is missing or not this session's");
            return error_fix(err, "load the page again");
        }
    }
    return true;
}

static bool not_here(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such thing here");
    error_why(err, "it never was, was removed, or is not yours to see");
    return error_fix(err, "check the address");
}

static bool rights_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = context;
    int64_t held = 0;
    if (!resolve_call(tx, c, err))
        return err->kind == ERROR_NOT_FOUND ? not_here(err) : false;
    if (!c->project)
        return true;
    if (!people_may(tx, &c->who, c->project, &c->may, err))
        return false;
    // A request's visitor has no rights but to what came by this visit.
    if (c->who.kind == WHO_SHARE && (c->route->flags & ROUTE_REQUESTS)) {
        if (!db_one_int(tx, &held, 0, err,
                        "select count(*) from transfers t where t.id = coalesce(?1, (select "
                        "transfer from transfer_files where id = ?2)) and t.share = ?3 and "
                        "t.session = ?4",
                        "ssss", c->transfer, c->file, c->who.share, c->who.session))
            return false;
        c->may = held ? MAY_VIEW | MAY_UPLOAD : 0;
        return true;
    }
    if (c->who.kind == WHO_SHARE && c->may) {
        if (c->asset &&
            !db_one_int(tx, &held, 0, err,
                        "select count(*) from share_assets where share = ?1 and asset = ?2", "ss",
                        c->who.share, c->asset))
            return false;
        if (c->asset ? !held : !(c->route->flags & ROUTE_SHARES))
            c->may = 0;
    }
    return true;
}

// Everything before the body: false with the error to answer.
bool call_prepare(struct call *c, struct error *err)
{
    unsigned need = c->route->need;
    if (!find_who(c, err) || !caller_fits(c, err))
        return false;
    if (!route_ids(c, c->inside->path))
        return not_here(err);
    if (need < NEED_PUBLIC) {
        if (!db_read(c->api->db, rights_in, c, err))
            return false;
        if (!(c->may & MAY_VIEW))
            return not_here(err);
        if ((c->may & need) != need)
            return call_denied(c, need, err);
    }
    c->inside->prepared = true;
    return true;
}

static bool body_read(struct call *c, text body, struct error *err)
{
    if (!c->route->in)
        return true;
    const char *type = call_header(c, "Content-Type");
    if (!type || strncasecmp(type, "application/json", 16) != 0) {
        error_set(err, ERROR_UNSUPPORTED, "the body is not JSON");
        error_why(err, "its Content-Type is %.60s", type ? type : "missing");
        return error_fix(err, "send Content-Type: application/json");
    }
    c->body = api_body_read(c->route->in, body, err);
    return c->body != NULL;
}

// ---- Idempotency-Key

static bool holds_secret(const struct route *r)
{
    return r->out && (strcmp(r->out, "PersonMade") == 0 || strcmp(r->out, "TokenMade") == 0 ||
                      strcmp(r->out, "RecoveryCodes") == 0 ||
                      strcmp(r->out, "Share") == 0 || strcmp(r->out, "BulkSession") == 0);
}

static bool repeatable(struct call *c)
{
    return strcmp(c->inside->method, "POST") == 0 && c->route->in && c->who.kind != WHO_NOBODY &&
           c->route->need != NEED_PUBLIC && !(c->route->flags & ROUTE_READS);
}

static bool kept_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = context;
    struct db_rows *rows = db_query(
        tx, "select body, status, answer from stored_answers where request = ?1 and at_ms > ?2",
        "bi", c->inside->key.at, (size_t)SHA256_SIZE, clock_now_ms() - 12 * 3600000LL);
    bool good = true;
    if (db_next(rows)) {
        size_t size = 0;
        const void *body = db_blob(rows, 0, &size);
        const char *answer = db_text(rows, 2);
        if (size != SHA256_SIZE || memcmp(body, c->inside->body_hash.at, SHA256_SIZE) != 0) {
            good = error_set(err, ERROR_INPUT, "this Idempotency-Key was used for something else");
            error_why(err, "the earlier request had another body");
            error_fix(err, "make a new key for each new request");
        } else if (!*answer) {
            good = error_set(err, ERROR_CONFLICT, "this was done already");
            error_why(err, "its answer held a secret, which is shown once and not kept");
            error_fix(err, "remove what was made and make it again with a new Idempotency-Key");
        } else {
            c->inside->answered = true;
            call_json(c, json_loads(answer, JSON_DECODE_ANY, NULL));
            call_status(c, (int)db_int(rows, 1));
            call_header_set(c, "Idempotent-Replayed", "true");
        }
    }
    return db_end(rows, err) && good;
}

static bool take_flight(struct call *c, struct error *err)
{
    struct api_inside *in = c->api->inside;
    int mine = -1;
    bool same = false;
    pthread_mutex_lock(&in->lock);
    for (int i = 0; i < FLIGHTS; i++) {
        if (in->flying[i] && sha256_equal(&in->in_flight[i], &c->inside->key))
            same = true;
        if (!in->flying[i])
            mine = i;
    }
    if (!same && mine >= 0) {
        in->flying[mine] = true;
        in->in_flight[mine] = c->inside->key;
        c->inside->flight = mine;
    }
    pthread_mutex_unlock(&in->lock);
    if (c->inside->flight >= 0)
        return true;
    error_set(err, same ? ERROR_CONFLICT : ERROR_TOO_MANY, "this is being done already");
    error_why(err, same ? "a request with the same Idempotency-Key is under way"
                        : "too many requests with an Idempotency-Key are under way");
    return error_fix(err, "try again in a moment");
}

static bool keep_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = context;
    char *answer = holds_secret(c->route)
                       ? strdup("")
                       : json_dumps(c->reply.json, JSON_COMPACT | JSON_ENCODE_ANY);
    bool ok =
        db_run(tx, err,
               "insert into stored_answers values (?1, ?2, ?3, ?4, ?5) on conflict (request) do "
               "update set body = excluded.body, status = excluded.status, "
               "answer = excluded.answer, at_ms = excluded.at_ms",
               "bbisi", c->inside->key.at, (size_t)SHA256_SIZE, c->inside->body_hash.at,
               (size_t)SHA256_SIZE, (int64_t)(c->reply.status ? c->reply.status : 200),
               answer ? answer : "", clock_now_ms());
    free(answer);
    return ok;
}

static bool repeated(struct call *c, text body, struct error *err)
{
    const char *key = call_header(c, "Idempotency-Key");
    if (!key || !repeatable(c))
        return true;
    if (!*key || strlen(key) > 200) {
        error_set(err, ERROR_INPUT, "this Idempotency-Key cannot be used");
        return error_why(err, "it must have 1 to 200 characters");
    }
    const char *whole =
        arena_format(c->arena, "%s\n%s\n%s\n%s", c->who.person ? c->who.person : c->who.session,
                     c->inside->method, c->inside->path, key);
    c->inside->key = sha256_of(whole, strlen(whole));
    c->inside->body_hash = sha256_of(body.size ? body.at : "", body.size);
    return take_flight(c, err) && db_read(c->api->db, kept_in, c, err);
}

// ---- running

static bool call_run(struct call *c, text body, struct error *err)
{
    if (!c->inside->prepared && !call_prepare(c, err))
        return false;
    if (!body_read(c, body, err) || !repeated(c, body, err))
        return false;
    if (c->inside->answered)
        return true;
    if (!c->route->handle(c, err))
        return false;
    if (c->reply.kind == REPLY_NONE)
        call_json(c, json_object());
    if (c->api->wish.check_answers && c->reply.kind == REPLY_JSON && c->route->out &&
        strcmp(c->route->out, "bytes") != 0 &&
        !shape_check(c->route->out, c->reply.json, true, err)) {
        error_while(err, "%s %s does not answer as it says", c->route->method, c->route->pattern);
        err->kind = ERROR_INTERNAL;
        return false;
    }
    if (c->inside->flight < 0 || c->reply.kind != REPLY_JSON)
        return true;
    // What was made is made, so a failure here only means that a repeat is not recognised.
    struct error trouble;
    error_clear(&trouble);
    if (!db_write(c->api->db, keep_in, c, &trouble))
        log_problem("api.answer_not_kept", &trouble);
    return true;
}

static void call_close(struct call *c)
{
    if (!c)
        return;
    struct api_inside *in = c->api->inside;
    if (c->inside->begun && c->route->stream && c->route->stream->done)
        c->route->stream->done(c);
    c->inside->begun = false;
    if (c->done)
        c->done(c);
    c->done = NULL;
    if (c->inside->flight >= 0) {
        pthread_mutex_lock(&in->lock);
        in->flying[c->inside->flight] = false;
        pthread_mutex_unlock(&in->lock);
        c->inside->flight = -1;
    }
    json_decref(c->body);
    json_decref(c->reply.json);
    c->body = c->reply.json = NULL;
}

static void count(struct api *api, struct call *c, int status)
{
    static const int64_t steps_us[LATENCY_STEPS - 1] = {1000,   3000,   10000,  30000,
                                                        100000, 300000, 1000000};
    int64_t took_us = clock_tick_us() - c->inside->began_us;
    int step = 0;
    while (step < LATENCY_STEPS - 1 && took_us > steps_us[step])
        step++;
    atomic_fetch_add(&api->inside->took[step], 1);
    atomic_fetch_add(&api->inside->took_us, took_us);
    atomic_fetch_add(&api->inside->calls[status / 100 % 6], 1);
}

static void answer_reply(struct call *c, struct answer *a)
{
    struct reply *r = &c->reply;
    int status = r->status ? r->status : 200;
    for (size_t i = 0; i < r->header_count; i++)
        answer_header(a, r->headers[i].name, r->headers[i].value);
    switch (r->kind) {
    case REPLY_JSON: {
        char *written = json_dumps(r->json, JSON_COMPACT | JSON_ENCODE_ANY);
        answer_copy(a, status, "application/json", written ? written : "{}",
                    written ? strlen(written) : 2);
        free(written);
        break;
    }
    case REPLY_FILES:
        answer_files(a, &r->files);
        break;
    case REPLY_PULL:
        answer_pull(a, &r->pull);
        break;
    case REPLY_SOCKET:
        if (c->api->wish.sockets)
            answer_socket(a, c->request, r->sockets ? r->sockets : c->api->wish.sockets, r->socket,
                          r->socket_user, NULL);
        else
            answer_empty(a, 501);
        break;
    default:
        if (r->size)
            answer_bytes(a, status, r->type, r->bytes, r->size);
        else
            answer_empty(a, status);
    }
    count(c->api, c, answer_get_status(a) ? answer_get_status(a) : status);
}

static void answer_problem(struct call *c, struct answer *a, const struct error *err)
{
    answer_error(a, err);
    count(c->api, c, error_facts(err->kind)->http_status);
}

static struct call *call_of(struct request *r)
{
    return r->user;
}

// The context of the server's calls is the api, but handlers get only the request: it rides in the
// plan's route.
struct planned {
    struct api *api;
    const struct route *route;
};

static struct call *call_for(struct request *r)
{
    if (r->user)
        return r->user;
    const struct planned *p = r->route;
    struct call *c = call_open(p->api, p->route, r->arena, r->method, r->path + strlen(PREFIX));
    c->inside->r = c->request = r;
    c->address = r->peer;
    r->user = c;
    return c;
}

static void on_begin(struct request *r, struct answer *a)
{
    struct error err;
    error_clear(&err);
    struct call *c = call_for(r);
    if (!call_prepare(c, &err)) {
        answer_problem(c, a, &err);
        return;
    }
    c->inside->begun = true;
    if (c->route->stream->begin && !c->route->stream->begin(c, &err))
        answer_problem(c, a, &err);
    else if (c->reply.kind != REPLY_NONE)
        answer_reply(c, a);
}

static bool on_piece(struct request *r, const void *at, size_t size, struct error *err)
{
    struct call *c = call_of(r);
    return c->route->stream->piece(c, at, size, err);
}

static void on_handle(struct request *r, struct answer *a)
{
    struct error err;
    error_clear(&err);
    struct call *c = call_for(r);
    if (call_run(c, r->body, &err))
        answer_reply(c, a);
    else
        answer_problem(c, a, &err);
}

static void on_done(struct request *r)
{
    call_close(call_of(r));
}

static void on_wrong_method(struct request *r, struct answer *a)
{
    struct error err;
    error_set(&err, ERROR_USAGE, "%s is not something this address does", r->method);
    error_fix(&err, "see `posthouse api openapi` for what it does");
    answer_error(a, &err);
    answer_status(a, 405);
}

bool api_plan(void *context, const struct request *r, struct plan *p)
{
    struct api *api = context;
    bool media = strcmp(r->listener, "media") == 0;
    if (strncmp(r->path, "/media/", 7) == 0)
        return media_plan(api, r, p);
    if (media)
        return false;
    if (api->wish.rooms.dav && dav_path(r->path))
        return dav_plan(api->wish.rooms.dav, r, p);
    if (strncmp(r->path, PREFIX "/", strlen(PREFIX) + 1) != 0)
        return health_plan(api, r, p) || static_plan(api, r, p);
    bool path_known = false;
    const struct route *route = route_find(r->method, r->path + strlen(PREFIX), &path_known);
    if (!route) {
        if (!path_known)
            return false;
        *p =
            (struct plan){.body = BODY_STREAM, .begin = on_wrong_method, .handle = on_wrong_method};
        return true;
    }
    struct planned *planned = ARENA_NEW(r->arena, struct planned);
    *planned = (struct planned){api, route};
    *p = (struct plan){.handle = on_handle, .done = on_done, .route = planned};
    if (route->flags & ROUTE_STREAM) {
        p->body = BODY_STREAM;
        p->limit = route->stream->limit;
        p->begin = on_begin;
        p->piece = on_piece;
    } else if (route->in) {
        p->body = BODY_COLLECT;
        p->limit = BODY_LIMIT;
    }
    return true;
}

void api_problem(void *context, const struct request *r, int status, const struct error *err,
                 struct answer *a)
{
    (void)context;
    json_t *problem = problem_json(err);
    if (!status)
        status = error_facts(err->kind)->http_status;
    json_object_set_new(problem, "status", json_integer(status));
    if (status >= 500 && err->kind != ERROR_TOO_MANY) {
        log_reference reference = log_problem("api.failed", err);
        json_object_set_new(problem, "reference", json_string(reference.text));
        if (err->kind == ERROR_INTERNAL) // our own mistake: its words help us, not the person
            json_object_set_new(problem, "fix",
                                json_string("tell whoever runs the house the reference"));
    }
    if (status == 429 || status == 503)
        answer_header(a, "Retry-After", "5");
    (void)r;
    char *written = json_dumps(problem, JSON_COMPACT);
    answer_copy(a, status, "application/problem+json", written ? written : "{}",
                written ? strlen(written) : 2);
    free(written);
    json_decref(problem);
}

// ---- tests

struct test_answer api_call_for_test(struct api *api, const char *method, const char *path,
                                     const char *const *headers, const char *body)
{
    struct test_answer t = {.arena = arena_open(CALL_ARENA), .text = ""};
    struct error err;
    error_clear(&err);
    const char *query = strchr(path, '?');
    char *bare = arena_copy(t.arena, path, query ? (size_t)(query - path) : strlen(path));
    bool path_known = false;
    const struct route *route = route_find(method, bare, &path_known);
    if (!route) {
        t.status = path_known ? 405 : 404;
        return t;
    }
    struct call *c = call_open(api, route, t.arena, method, bare);
    c->inside->headers = headers;
    c->inside->query = query ? query + 1 : "";
    c->address = "192.0.2.1";
    const char *from = call_header(c, "X-Test-Address");
    c->address = from ? from : c->address;
    text bytes = text_of(body);
    bool ok = true;
    if (route->flags & ROUTE_STREAM) {
        ok = call_prepare(c, &err);
        c->inside->begun = ok;
        ok = ok && (!route->stream->begin || route->stream->begin(c, &err));
        if (ok && c->reply.kind == REPLY_NONE && bytes.size)
            ok = route->stream->piece(c, bytes.at, bytes.size, &err);
        if (ok && c->reply.kind != REPLY_NONE)
            c->inside->answered = true;
    }
    ok = ok && (c->inside->answered || call_run(c, bytes, &err));
    if (!ok) {
        t.json = problem_json(&err);
        t.status = error_facts(err.kind)->http_status;
        t.type = "application/problem+json";
    } else {
        t.status = c->reply.status ? c->reply.status : c->reply.kind == REPLY_SOCKET ? 101 : 200;
        t.type = c->reply.type;
        if (c->reply.kind == REPLY_JSON) {
            t.json = json_incref(c->reply.json);
            t.type = "application/json";
        } else if (c->reply.kind == REPLY_BYTES && c->reply.size) {
            t.text = arena_copy(t.arena, c->reply.bytes, c->reply.size);
        } else if (c->reply.kind == REPLY_FILES && c->reply.files.release) {
            c->reply.files.release(c->reply.files.context);
        } else if (c->reply.kind == REPLY_PULL && c->reply.pull.close) {
            c->reply.pull.close(c->reply.pull.context);
        }
        for (size_t i = 0; i < c->reply.header_count; i++)
            if (strcmp(c->reply.headers[i].name, "Set-Cookie") == 0) {
                text value = text_of(strchr(c->reply.headers[i].value, '=') + 1);
                value = text_cut(&value, ';');
                t.cookie = arena_copy(t.arena, value.at, value.size);
            }
    }
    if (t.json) {
        char *written = json_dumps(t.json, JSON_COMPACT | JSON_ENCODE_ANY);
        t.text = arena_text(t.arena, written);
        free(written);
    }
    call_close(c);
    return t;
}

static int run_for_test(struct api *api, const struct route *route, const char *path,
                        const char *const *headers, bool handle)
{
    struct error err;
    error_clear(&err);
    struct arena *a = arena_open(CALL_ARENA);
    struct call *c = call_open(api, route, a, route->method, path);
    c->inside->headers = headers;
    c->inside->query = "";
    c->address = "192.0.2.1";
    bool ok = call_prepare(c, &err) && (!handle || call_run(c, text_of(""), &err));
    int status = ok ? 200 : error_facts(err.kind)->http_status;
    call_close(c);
    arena_close(a);
    return status;
}

int api_prepare_for_test(struct api *api, const struct route *route, const char *path,
                         const char *const *headers)
{
    return run_for_test(api, route, path, headers, false);
}

int api_run_for_test(struct api *api, const struct route *route, const char *path,
                     const char *const *headers)
{
    return run_for_test(api, route, path, headers, true);
}

const struct route *api_route(size_t index)
{
    return route_at(index);
}

void test_answer_free(struct test_answer *t)
{
    json_decref(t->json);
    arena_close(t->arena);
    *t = (struct test_answer){0};
}
