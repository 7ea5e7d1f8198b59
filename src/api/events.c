/*
 * News over a WebSocket: what happened after a number, then live.
 *
 * One pump thread waits for the event log and sends each event, framed once, to every live viewer
 * that may see it. A viewer that asks for older news gets them on its own thread until it stands
 * where the pump stands; it becomes live under the pump's lock, so that nothing is missed or said
 * twice. Rights are remembered for each viewer and project until people_changes moves.
 */
#include "api/inside.h"
#include "base/log.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 200,
    VIEWERS = 5000,
    WAIT_MS = 250,
    CHECK_MS = 60000,
    SAY_NOW_MS = 30000,
    LOOK_MS = 1000, // for what the command line has written
    SHARE_ASSETS = 1000
};

struct right { // of one project, as of a count of people_changes
    char project[27];
    bool view;
    int64_t changes;
};

struct viewer {
    atomic_int holders; // the call that opened it, and the socket
    struct viewer *next;
    struct events *events;
    struct socket *socket;
    struct arena *arena;
    struct who who;
    const char *secret; // to look again who it is
    bool cookie;
    char project[27], asset[27]; // what it asked for; "": all
    int64_t changes, checked_ms; // as of its last look at who it is
    int64_t sent;                // the last number it has got
    bool live, ended;
    struct right rights[64]; // a small cache, thrown over when full
    size_t right_count;
    const char **assets; // of a share
    size_t asset_count;
};

struct events {
    struct api *api;
    pthread_t pump;
    bool pumping;
    atomic_bool stop;
    // guarded by `lock`: the list, and of live viewers everything
    pthread_mutex_t lock;
    struct viewer *first;
    int count;
    int64_t sent; // the last number that the pump has sent
};

// ---- who may see what

static bool share_has(const struct viewer *v, const char *asset)
{
    for (size_t i = 0; asset && i < v->asset_count; i++)
        if (strcmp(v->assets[i], asset) == 0)
            return true;
    return false;
}

static bool may_view(struct db_tx *tx, struct viewer *v, const char *project, bool fresh, bool *may,
                     struct error *err)
{
    int64_t changes = people_changes(v->events->api->people);
    struct right *r = NULL;
    for (size_t i = 0; i < v->right_count && !r; i++)
        if (strcmp(v->rights[i].project, project) == 0)
            r = &v->rights[i];
    if (!r || fresh || r->changes != changes) {
        unsigned permissions = 0;
        if (!people_may(tx, &v->who, project, &permissions, err))
            return false;
        if (!r) {
            if (v->right_count == sizeof(v->rights) / sizeof(v->rights[0]))
                v->right_count = 0;
            r = &v->rights[v->right_count++];
            text_copy(text_of(project), r->project, sizeof(r->project));
        }
        r->view = permissions & MAY_VIEW;
        r->changes = changes;
    }
    *may = r->view;
    return true;
}

struct news { // an event, its body taken apart once
    const struct db_event *event;
    const char *asset; // that it is about, as far as it says
    struct frame *frame;
};

static bool starts(const char *kind, const char *with)
{
    return strncmp(kind, with, strlen(with)) == 0;
}

static bool wanted(struct db_tx *tx, struct viewer *v, const struct news *n, bool *yes,
                   struct error *err)
{
    const struct db_event *e = n->event;
    *yes = false;
    if (!e->project) { // about the house
        *yes = v->who.kind == WHO_PERSON && v->who.admin && !*v->project && !*v->asset;
        return true;
    }
    if (*v->project && strcmp(v->project, e->project) != 0)
        return true;
    if (*v->asset && (!n->asset || strcmp(v->asset, n->asset) != 0))
        return true;
    if (v->who.kind == WHO_SHARE) {
        bool kind =
            starts(e->kind, "asset.") || starts(e->kind, "version.") || starts(e->kind, "comment.");
        if (!kind || !share_has(v, n->asset))
            return true;
    }
    // Members come and go with this event; it may be here before people_changes has moved.
    bool fresh = strcmp(e->kind, "project.changed") == 0;
    return may_view(tx, v, e->project, fresh, yes, err);
}

static struct frame *frame_of(const struct db_event *e)
{
    struct buf line = BUF_LIMIT(4 << 20);
    json_t *head = json_pack("{s:I, s:s, s:s, s:s}", "number", (json_int_t)e->number, "at",
                             clock_text(e->at_ms).text, "kind", e->kind, "subject", e->subject);
    if (e->project)
        json_object_set_new(head, "project", json_string(e->project));
    char *written = json_dumps(head, JSON_COMPACT);
    json_decref(head);
    if (written) {
        buf_add(&line, written, strlen(written) - 1); // without its last brace: the body follows
        buf_format(&line, ",\"body\":%s}", e->body && *e->body ? e->body : "{}");
    }
    free(written);
    struct frame *f = line.size && !line.over ? frame_text(line.at, line.size) : NULL;
    buf_free(&line);
    return f;
}

static struct news news_of(const struct db_event *e, struct arena *a)
{
    struct news n = {.event = e};
    if (starts(e->kind, "asset."))
        n.asset = e->subject;
    if (e->body && strstr(e->body, "\"asset\"")) {
        json_t *body = json_loads(e->body, 0, NULL);
        const char *asset = json_string_value(json_object_get(body, "asset"));
        if (asset)
            n.asset = arena_text(a, asset);
        json_decref(body);
    }
    return n;
}

// Looks again who it is. False: it is nobody any more.
static bool look_again(struct viewer *v)
{
    struct error err;
    error_clear(&err);
    int64_t changes = people_changes(v->events->api->people);
    struct arena *a = arena_open(1 << 20);
    struct who who;
    bool ok = people_who(v->events->api->people, v->secret, v->cookie, a, &who, &err);
    bool same = ok && who.kind == v->who.kind && who.scope != SCOPE_WORKER;
    if (same) {
        v->who.admin = who.admin;
        v->who.share_may = who.share_may;
        v->changes = changes;
        v->checked_ms = clock_now_ms();
    } else if (!ok) {
        log_problem("events.who", &err); // asked again at the next turn
    }
    arena_close(a);
    return same || !ok;
}

// ---- the pump

struct batch {
    struct events *e;
    struct arena *arena;
    struct db_event *list;
    size_t count;
    int64_t after;
};

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct batch *b = context;
    return db_events_after(tx, b->after, BATCH, b->arena, &b->list, &b->count, err);
}

static void end_viewer(struct viewer *v)
{
    v->ended = true;
    v->live = false;
    socket_finish(v->socket, 1008, "logged out");
}

static void check_viewers(struct events *e)
{
    int64_t changes = people_changes(e->api->people), now = clock_now_ms();
    for (struct viewer *v = e->first; v; v = v->next)
        if (v->live && (v->changes != changes || now - v->checked_ms > CHECK_MS) && !look_again(v))
            end_viewer(v);
}

static bool send_in(struct db_tx *tx, void *context, struct error *err)
{
    struct batch *b = context;
    struct events *e = b->e;
    struct socket **to = ARENA_ARRAY(b->arena, struct socket *, (size_t)e->count + 1);
    for (size_t i = 0; i < b->count; i++) {
        struct news n = news_of(&b->list[i], b->arena);
        size_t count = 0;
        for (struct viewer *v = e->first; v; v = v->next) {
            bool yes = false;
            if (!v->live || v->sent >= n.event->number)
                continue;
            if (!wanted(tx, v, &n, &yes, err))
                return false;
            if (yes)
                to[count++] = v->socket;
        }
        struct frame *f = count ? frame_of(n.event) : NULL;
        if (f) {
            socket_send_many(f, to, count);
            frame_let_go(f);
        }
        for (struct viewer *v = e->first; v; v = v->next)
            if (v->live && v->sent < n.event->number)
                v->sent = n.event->number;
        e->sent = n.event->number;
    }
    return true;
}

static void say_now(struct events *e)
{
    char line[64];
    int size = snprintf(line, sizeof(line), "{\"now\":%lld}", (long long)e->sent);
    struct frame *f = frame_text(line, (size_t)size);
    for (struct viewer *v = e->first; v; v = v->next)
        if (v->live)
            socket_send_frame(v->socket, f);
    frame_let_go(f);
}

static bool takes_rights(const char *kind)
{
    return strcmp(kind, "share.revoked") == 0 || strcmp(kind, "person.changed") == 0 ||
           strcmp(kind, "project.changed") == 0;
}

static void look_outside(struct events *e, int64_t *looked_ms)
{
    struct error err;
    int64_t now_ms = clock_tick_us() / 1000;
    if (now_ms - *looked_ms < LOOK_MS)
        return;
    *looked_ms = now_ms;
    if (!db_events_look(e->api->db, &err))
        log_problem("events.look", &err);
}

static void *pump(void *context)
{
    struct events *e = context;
    int64_t said_ms = clock_tick_us() / 1000, looked_ms = said_ms;
    while (!atomic_load(&e->stop)) {
        look_outside(e, &looked_ms);
        int64_t newest = db_event_wait(e->api->db, e->sent, WAIT_MS);
        struct error err;
        error_clear(&err);
        struct batch b = {.e = e, .after = e->sent};
        if (newest > e->sent) {
            b.arena = arena_open(256 << 20);
            if (!db_read(e->api->db, read_in, &b, &err))
                b.count = 0;
            for (size_t i = 0; i < b.count; i++)
                if (takes_rights(b.list[i].kind))
                    people_changed(e->api->people);
        }
        pthread_mutex_lock(&e->lock);
        check_viewers(e);
        bool ok = !b.count || !e->first || db_read(e->api->db, send_in, &b, &err);
        if (b.count && !e->first)
            e->sent = b.list[b.count - 1].number;
        int64_t now_ms = clock_tick_us() / 1000;
        if (now_ms - said_ms > SAY_NOW_MS) {
            say_now(e);
            said_ms = now_ms;
        }
        pthread_mutex_unlock(&e->lock);
        arena_close(b.arena);
        if (!ok || err.kind != ERROR_NONE) {
            log_problem("events.pump", &err);
            clock_sleep_ms(200);
        }
    }
    return NULL;
}

// ---- one viewer

static void say(struct viewer *v, const char *what, int64_t number)
{
    char line[64];
    int size = snprintf(line, sizeof(line), "{\"%s\":%lld}", what, (long long)number);
    socket_send(v->socket, line, (size_t)size);
}

struct catching {
    struct viewer *v;
    struct batch b;
    int64_t at, oldest;
    bool reset;
};

static bool catch_in(struct db_tx *tx, void *context, struct error *err)
{
    struct catching *c = context;
    int64_t oldest = 0, newest = 0;
    if (!db_one_int(tx, &oldest, 0, err, "select min(number) from events", "") ||
        !db_one_int(tx, &newest, 0, err, "select max(number) from events", ""))
        return false;
    c->reset = c->at > newest || (oldest > 0 && c->at + 1 < oldest);
    c->b.after = c->at;
    if (c->reset || !read_in(tx, &c->b, err))
        return c->reset;
    for (size_t i = 0; i < c->b.count; i++) {
        struct news n = news_of(&c->b.list[i], c->b.arena);
        bool yes = false;
        if (!wanted(tx, c->v, &n, &yes, err))
            return false;
        struct frame *f = yes ? frame_of(n.event) : NULL;
        if (f) {
            socket_send_frame(c->v->socket, f);
            frame_let_go(f);
        }
        c->at = n.event->number;
    }
    return true;
}

// Live from `at` when the pump is not further; else there is more to read.
static bool go_live(struct viewer *v, int64_t at)
{
    struct events *e = v->events;
    pthread_mutex_lock(&e->lock);
    bool there = at >= e->sent;
    if (there && !v->ended) {
        v->sent = at;
        v->live = true;
        say(v, "now", at);
    }
    pthread_mutex_unlock(&e->lock);
    return there;
}

static bool catch_up(struct viewer *v, int64_t after, struct error *err)
{
    struct catching c = {.v = v, .at = after, .b = {.e = v->events}};
    if (!look_again(v)) {
        end_viewer(v);
        return true;
    }
    if (after < 0)
        c.at = db_event_last(v->events->api->db);
    bool ok = true;
    do {
        c.b.arena = arena_open(256 << 20);
        c.b.count = 0;
        ok = db_read(v->events->api->db, catch_in, &c, err);
        arena_close(c.b.arena);
        if (ok && c.reset) { // what it has cannot be continued: it must load anew
            c.at = db_event_last(v->events->api->db);
            say(v, "reset", c.at);
        }
    } while (ok && socket_is_open(v->socket) && (c.b.count == BATCH || !go_live(v, c.at)));
    return ok;
}

static void on_opened(struct socket *s)
{
    struct viewer *v = socket_user(s);
    struct events *e = v->events;
    atomic_fetch_add(&v->holders, 1);
    pthread_mutex_lock(&e->lock);
    v->socket = s;
    v->next = e->first;
    e->first = v;
    bool full = e->count++ >= VIEWERS;
    pthread_mutex_unlock(&e->lock);
    if (full)
        socket_finish(s, 1013, "too many viewers");
}

static void on_message(struct socket *s, text message)
{
    struct viewer *v = socket_user(s);
    struct error err;
    error_clear(&err);
    json_t *body = json_read(message, &err);
    json_t *wish = json_object_get(body, "subscribe");
    json_t *after = json_object_get(wish, "after");
    const char *project = json_string_value(json_object_get(wish, "project"));
    const char *asset = json_string_value(json_object_get(wish, "asset"));
    if (!json_is_object(wish) || (after && !json_is_null(after) && !json_is_integer(after))) {
        socket_finish(s, 1008, "say {\"subscribe\":{...}}");
        json_decref(body);
        return;
    }
    pthread_mutex_lock(&v->events->lock);
    int64_t number = v->live ? v->sent : -1; // a new wish goes on where the old one stood
    v->live = false;
    text_copy(text_of(project), v->project, sizeof(v->project));
    text_copy(text_of(asset), v->asset, sizeof(v->asset));
    pthread_mutex_unlock(&v->events->lock);
    if (json_is_integer(after))
        number = json_integer_value(after) < 0 ? 0 : json_integer_value(after);
    json_decref(body);
    if (!v->ended && !catch_up(v, number, &err)) {
        log_problem("events.catch_up", &err);
        socket_finish(s, 1011, "try again");
    }
}

static void viewer_let_go(struct viewer *v)
{
    if (atomic_fetch_sub(&v->holders, 1) != 1)
        return;
    arena_close(v->arena);
    free(v);
}

static void on_closed(struct socket *s, int code)
{
    (void)code;
    struct viewer *v = socket_user(s);
    struct events *e = v->events;
    pthread_mutex_lock(&e->lock);
    for (struct viewer **at = &e->first; *at; at = &(*at)->next)
        if (*at == v) {
            *at = v->next;
            e->count--;
            break;
        }
    pthread_mutex_unlock(&e->lock);
    viewer_let_go(v);
}

static const struct socket_calls calls = {on_opened, on_message, on_closed};

struct loading {
    struct viewer *v;
};

static bool assets_in(struct db_tx *tx, void *context, struct error *err)
{
    struct viewer *v = ((struct loading *)context)->v;
    v->assets = ARENA_ARRAY(v->arena, const char *, SHARE_ASSETS);
    struct db_rows *rows = db_query(tx, "select asset from share_assets where share = ?1 limit ?2",
                                    "si", v->who.share, (int64_t)SHARE_ASSETS);
    while (db_next(rows))
        v->assets[v->asset_count++] = arena_text(v->arena, db_text(rows, 0));
    return db_end(rows, err);
}

static void call_over(struct call *c)
{
    viewer_let_go(c->own);
}

static bool open_events(struct call *c, struct error *err)
{
    struct events *e = c->api->inside->events;
    const char *authorization = call_header(c, "Authorization"),
               *cookies = call_header(c, "Cookie");
    struct viewer *v = calloc(1, sizeof(*v));
    if (!v)
        abort();
    atomic_store(&v->holders, 1);
    v->events = e;
    v->arena = arena_open(1 << 20);
    v->cookie = c->who.by_cookie;
    const char *secret = v->cookie ? cookie_value(c->arena, text_of(cookies), "posthouse")
                                   : authorization + strlen("Bearer ");
    v->secret = arena_text(v->arena, secret);
    v->who = (struct who){.kind = c->who.kind,
                          .scope = c->who.scope,
                          .by_cookie = c->who.by_cookie,
                          .admin = c->who.admin,
                          .session = "",
                          .csrf = "",
                          .person = arena_text(v->arena, c->who.person),
                          .share = arena_text(v->arena, c->who.share),
                          .project = arena_text(v->arena, c->who.project),
                          .share_may = c->who.share_may};
    struct loading l = {v};
    if (v->who.kind == WHO_SHARE && !db_read(c->api->db, assets_in, &l, err)) {
        viewer_let_go(v);
        return false;
    }
    c->own = v;
    c->done = call_over;
    call_socket(c, &calls, v);
    return true;
}

const struct route event_routes[] = {
    {"GET", "/events", NEED_VISITOR, open_events, NULL, "socket", ROUTE_SOCKET,
     "news: say {\"subscribe\":{\"project\":id?,\"asset\":id?,\"after\":number?}}", NULL},
};
const size_t event_route_count = sizeof(event_routes) / sizeof(event_routes[0]);

// ---- the whole

struct events *events_start(struct api *api, struct error *err)
{
    struct events *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->api = api;
    e->sent = db_event_last(api->db);
    pthread_mutex_init(&e->lock, NULL);
    e->pumping = pthread_create(&e->pump, NULL, pump, e) == 0;
    if (e->pumping)
        return e;
    error_set(err, ERROR_INTERNAL, "cannot start the thread that sends news");
    events_stop(e);
    return NULL;
}

void events_stop(struct events *e)
{
    if (!e)
        return;
    atomic_store(&e->stop, true);
    if (e->pumping)
        pthread_join(e->pump, NULL);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

int events_viewers(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    int count = e->count;
    pthread_mutex_unlock(&e->lock);
    return count;
}
