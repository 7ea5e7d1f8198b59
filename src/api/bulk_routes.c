/*
 * Bulk sessions: originals in and out by UDP (wire/bulk), with the rights of
 * whoever asked.
 *
 * A session is asked for here, over TLS, and belongs to one transfer or one
 * version. In a session for bringing in each item is a chunk ("chunk FILE
 * NUMBER SHA256") or a batch of small files
 * ("small"), and goes the way that the same bytes would go by HTTP: it is
 * answered when it is durable. In one for taking out the other side sends empty
 * items ("chunk NUMBER CHUNK", the file's number in the version) and gets an
 * item with the same words and the bytes.
 *
 * A session of a worker is for all that its attempts read and make, both ways: each piece names its
 * attempt, whose rights are looked up with it (staging_routes.c).
 *
 * Whoever loses a right loses it here too: before each piece of work it is
 * looked up again when people_changes has moved.
 *
 * Limits of bytes a second (wire/traffic) hold here too: a chunk that came is
 * answered, and one that is asked for is sent, when its bytes are due. So a
 * side that sends too fast soon has no credit.
 *
 * The port's thread only moves bytes; threads here look things up, hash and
 * store.
 */
#include "api/inside.h"
#include "api/staged_words.h"

#include "base/log.h"
#include "house/assets/assets.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "wire/bulk/bulk.h"
#include "wire/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HANDS = 3,
    SESSIONS_MOST = 256,
    PERSON_MOST = 16, // sessions of one person
    WORKER_MOST = 4,  // of one worker: those of its earlier lives last half a minute
    PIECES_MOST = 64, // of a session at once
};
#define WINDOW_BYTES ((uint64_t)96 << 20)

struct bulk_house;

struct bulk_file { // an original that is being taken out
    int64_t number, size;
    const struct store_map *map;
};

struct bulk_session {
    struct bulk_session *next;
    struct bulk_house *house;
    struct bulk *bulk;
    enum { SESSION_IN, SESSION_OUT, SESSION_WORK } kind;
    char thing[27], project[27], person[27]; // thing: the transfer, version or worker
    char *who;                               // their name
    char *secret;                            // to look again who it is
    bool cookie;
    int64_t changes; // as of the last look; only its piece of work at a time:
                     // guarded by `look`
    bool may;
    pthread_mutex_t look;
    struct stream *stream;   // what it counts against; NULL: nothing
    struct bulk_file *files; // guarded by look: open until the session ends
    size_t file_count;
    // guarded by the house's lock
    struct bulk_piece *pieces; // all of it
    int piece_count;
    int held; // of these: waiting for a hand, or in one
    bool ended;
};

struct bulk_piece {
    struct bulk_piece *next;           // waiting for a hand
    struct bulk_piece *before, *after; // of the session
    struct bulk_session *session;
    uint64_t item;
    enum { PIECE_CHUNK, PIECE_SMALL, PIECE_WANTED, PIECE_STAGED, PIECE_OUT } kind;
    char file[27];
    int64_t number, chunk;
    sha256 hash;
    char *at;
    int64_t size;
    const struct store_map *map; // PIECE_OUT: of the session; NULL: all of it is `at`
    struct staged_piece *staged; // of a worker; with the two that follow
    char words[BULK_META_MOST];  // of what is wanted
    struct stream *stream;       // what it counts against, once it was looked up
    bool looked;
    int64_t taken;  // of its bytes, against the limits
    int64_t due_us; // not before
};

struct right {
    const struct who *who;
    const char *project;
    unsigned may;
};
struct looked {
    const char *version;
    int64_t number;
    struct arena *arena;
    struct asset_file file;
};

struct bulk_house {
    struct api *api;
    struct bulk_port *port;
    pthread_t hands[HANDS];
    int hand_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    struct bulk_session *sessions;
    int session_count;
    struct bulk_piece *first, *last;
    bool stop;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- callbacks of the port

static bool piece_read(struct bulk_piece *p, text meta, int64_t size, struct error *err)
{
    bool work = p->session->kind == SESSION_WORK, out = p->session->kind == SESSION_OUT;
    bool ok = false;
    text words = meta;
    text kind = text_cut(&meta, ' '), a = text_cut(&meta, ' '), b = text_cut(&meta, ' ');
    p->size = size;
    if (work) {
        p->kind = PIECE_STAGED;
        p->staged = must(calloc(1, sizeof(*p->staged)));
        ok = text_copy(words, p->words, sizeof(p->words)) && staging_read(p->staged, words, size);
    } else if (out && text_is(kind, "chunk")) {
        p->kind = PIECE_WANTED;
        ok = !size && text_int(a, &p->number) && text_int(b, &p->chunk) && p->chunk >= 0;
    } else if (!out && text_is(kind, "chunk")) {
        p->kind = PIECE_CHUNK;
        ok = size > 0 && size <= STORE_CHUNK && text_copy(a, p->file, sizeof(p->file)) &&
             text_int(b, &p->number) && sha256_parse(meta, &p->hash);
    } else if (!out && text_is(kind, "small")) {
        p->kind = PIECE_SMALL;
        ok = size > 0 && size <= (int64_t)TRANSFER_SMALL_MOST;
    }
    return ok || error_set(err, ERROR_INPUT, "this house does not understand what is sent");
}

// NULL: there are too many.
static struct bulk_piece *piece_new(struct bulk_session *s, uint64_t item)
{
    struct bulk_piece *p = must(calloc(1, sizeof(*p)));
    p->session = s;
    p->item = item;
    pthread_mutex_lock(&s->house->lock);
    bool room = s->piece_count < PIECES_MOST;
    if (room) {
        p->after = s->pieces;
        if (p->after)
            p->after->before = p;
        s->pieces = p;
        s->piece_count++;
    }
    pthread_mutex_unlock(&s->house->lock);
    if (!room)
        free(p);
    return room ? p : NULL;
}

static void piece_drop(struct bulk_piece *p)
{
    stream_leave(p->stream);
    free(p->staged);
    free(p->at);
    free(p);
}

static void piece_free(struct bulk_piece *p, bool held)
{
    struct bulk_session *s = p->session;
    pthread_mutex_lock(&s->house->lock);
    if (p->before)
        p->before->after = p->after;
    else
        s->pieces = p->after;
    if (p->after)
        p->after->before = p->before;
    s->piece_count--;
    s->held -= held;
    if (s->ended)
        pthread_cond_broadcast(&s->house->changed);
    pthread_mutex_unlock(&s->house->lock);
    piece_drop(p);
}

static void *piece_open(void *context, uint64_t item, int64_t size, text meta, struct error *err)
{
    struct bulk_piece *p = piece_new(context, item);
    if (!p) {
        error_set(err, ERROR_TOO_MANY, "too much is under way at once");
        return NULL;
    }
    if (piece_read(p, meta, size, err)) {
        p->at = size ? malloc((size_t)size) : NULL;
        if (p->at || !size)
            return p;
        error_set(err, ERROR_TOO_MANY, "the house has no memory for it now");
    }
    piece_free(p, false);
    return NULL;
}

static bool piece_place(void *context, void *user, int64_t offset, const void *at, size_t size)
{
    struct bulk_piece *p = user;
    (void)context;
    memcpy(p->at + offset, at, size);
    return true;
}

static void piece_wait(struct bulk_house *h,
                       struct bulk_piece *p) // with the lock: to the end
{
    p->next = NULL;
    if (h->last)
        h->last->next = p;
    else
        h->first = p;
    h->last = p;
}

static void piece_whole(void *context, uint64_t item, void *user)
{
    struct bulk_piece *p = user;
    struct bulk_house *h = p->session->house;
    (void)context, (void)item;
    pthread_mutex_lock(&h->lock);
    p->session->held++;
    piece_wait(h, p);
    pthread_cond_signal(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static bool piece_give(void *context, void *user, int64_t offset, void *to, size_t size)
{
    struct bulk_piece *p = user;
    struct error err;
    (void)context;
    if (!p->map) {
        memcpy(to, p->at + offset, size);
        return true;
    }
    if (store_map_read(p->map, p->chunk * STORE_CHUNK + offset, to, size, &err))
        return true;
    log_problem("bulk.read", &err);
    return false;
}

static void piece_answered(void *context, void *user, unsigned code, text answer)
{
    (void)context, (void)code, (void)answer;
    piece_free(user, false);
}

static void session_ended(void *context, const struct error *why)
{
    struct bulk_session *s = context;
    if (why->kind)
        log_info("bulk.ended", "thing=%s why=%s", s->thing, log_quote(why->what).text);
    pthread_mutex_lock(&s->house->lock);
    s->ended = true;
    pthread_cond_broadcast(&s->house->changed);
    pthread_mutex_unlock(&s->house->lock);
}

// ---- the hands: each piece of work

static bool right_in(struct db_tx *tx, void *context, struct error *err)
{
    struct right *r = context;
    return people_may(tx, r->who, r->project, &r->may, err);
}

static bool session_looked(struct bulk_session *s, struct error *err)
{
    struct people *people = s->house->api->people;
    unsigned need = s->kind == SESSION_OUT ? MAY_DOWNLOAD : MAY_UPLOAD;
    struct arena *a = arena_open(1 << 20);
    struct who who;
    struct right r = {&who, s->project, 0};
    bool ok = people_who(people, s->secret, s->cookie, a, &who, err);
    if (ok && s->kind == SESSION_WORK)
        s->may = who.kind == WHO_PERSON && who.scope == SCOPE_WORKER;
    else if ((ok = ok && db_read(s->house->api->db, right_in, &r, err)))
        s->may = (r.may & need) != 0;
    arena_close(a);
    return ok;
}

// Whether whoever opened the session may still do what it is for.
static bool session_may(struct bulk_session *s, struct error *err)
{
    bool ok = true;
    pthread_mutex_lock(&s->look);
    int64_t changes = people_changes(s->house->api->people);
    if (changes != s->changes && (ok = session_looked(s, err)))
        s->changes = changes;
    bool may = s->may;
    pthread_mutex_unlock(&s->look);
    if (ok && !may) {
        error_set(err, ERROR_DENIED, "you may not do this any more");
        error_fix(err, "ask an administrator of the project");
    }
    return ok && may;
}

static bool chunk_store(struct bulk_piece *p, struct arena *a, struct error *err)
{
    struct transfers *t = p->session->house->api->wish.rooms.transfer;
    struct transfer_file f;
    if (!transfer_file_get(t, p->file, a, &f, err))
        return false;
    if (strcmp(f.transfer, p->session->thing) != 0)
        return error_set(err, ERROR_NOT_FOUND, "this file is not of this transfer");
    return transfer_put_chunk(t, p->file, p->number, p->at, (size_t)p->size, &p->hash, err);
}

static bool small_store(struct bulk_piece *p, struct arena *a, struct error *err)
{
    struct transfers *t = p->session->house->api->wish.rooms.transfer;
    struct small_file *list;
    struct transfer_file *made;
    size_t count, made_count;
    return small_parse((text){p->at, (size_t)p->size}, a, &list, &count, err) &&
           transfer_small(t, p->session->thing, list, count, a, &made, &made_count, err);
}

static bool file_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looked *l = context;
    return version_file(tx, l->version, l->number, l->arena, &l->file, err);
}

// The file of a version, opened; the same again costs nothing.
static bool file_open(struct bulk_session *s, int64_t number, struct arena *a,
                      struct bulk_file *file, struct error *err)
{
    bool ok = true;
    pthread_mutex_lock(&s->look);
    struct bulk_file *found = NULL;
    for (size_t i = 0; i < s->file_count && !found; i++)
        if (s->files[i].number == number)
            found = &s->files[i];
    if (!found) {
        struct looked l = {.version = s->thing, .number = number, .arena = a};
        struct bulk_file fresh = {.number = number};
        ok = db_read(s->house->api->db, file_in, &l, err) &&
             store_map_open(s->house->api->store, &l.file.content, &fresh.map, err);
        fresh.size = ok ? l.file.size : 0;
        if (ok) {
            s->files = must(realloc(s->files, (s->file_count + 1) * sizeof(*s->files)));
            found = &s->files[s->file_count++];
            *found = fresh;
        }
    }
    if (ok)
        *file = *found;
    pthread_mutex_unlock(&s->look);
    return ok;
}

static bool chunk_send(struct bulk_piece *p, struct arena *a, struct error *err)
{
    struct bulk_session *s = p->session;
    struct bulk_file file;
    if (!file_open(s, p->number, a, &file, err))
        return false;
    if (p->chunk > INT64_MAX / STORE_CHUNK - 1 || p->chunk * STORE_CHUNK >= file.size)
        return error_set(err, ERROR_INPUT, "the file has no such chunk");
    int64_t left = file.size - p->chunk * STORE_CHUNK;
    if (s->stream && left < STORE_CHUNK && p->taken > left)
        stream_give_back(s->stream, (size_t)(p->taken - left));
    struct bulk_piece *out = piece_new(s, 0);
    if (!out)
        return error_set(err, ERROR_TOO_MANY, "too much is under way at once");
    out->kind = PIECE_OUT;
    out->chunk = p->chunk;
    out->map = file.map;
    char meta[64];
    int size =
        snprintf(meta, sizeof(meta), "chunk %lld %lld", (long long)p->number, (long long)p->chunk);
    if (bulk_send(s->bulk, left < STORE_CHUNK ? left : STORE_CHUNK, (text){meta, (size_t)size},
                  out))
        return true;
    piece_free(out, false);
    return error_set(err, ERROR_NETWORK, "the session is over");
}

static bool staged_work(struct bulk_piece *p, struct arena *a, struct error *err)
{
    struct bulk_session *s = p->session;
    const struct staged_piece *is = p->staged;
    struct api *api = s->house->api;
    if (is->in)
        return staging_take(api, a, s->thing, is, p->at, (size_t)p->size, err);
    struct bulk_piece *out = piece_new(s, 0);
    if (!out)
        return error_set(err, ERROR_TOO_MANY, "too much is under way at once");
    out->kind = PIECE_OUT;
    if (!staging_give(api, a, s->thing, is, p->at, (size_t)p->size, &out->at, err)) {
        piece_free(out, false);
        return false;
    }
    if (bulk_send(s->bulk, is->bytes, text_of(p->words), out))
        return true;
    piece_free(out, false);
    return error_set(err, ERROR_NETWORK, "the session is over");
}

// What a piece of a worker counts against is known by its job. An attempt that is over has nothing.
static bool piece_looked(struct bulk_piece *p, struct error *err)
{
    struct bulk_session *s = p->session;
    if (!p->staged || p->looked)
        return true;
    struct arena *a = arena_open(1 << 20);
    bool ok = session_may(s, err) &&
              staging_meter(s->house->api, a, &(struct staged_by){s->thing, s->person, s->who},
                            p->staged, &p->stream, err);
    p->looked = ok;
    arena_close(a);
    return ok;
}

// Whether all its bytes may move now. Else *wait_ms; below 0: never more.
static bool piece_due(struct bulk_piece *p, int *wait_ms)
{
    struct stream *stream = p->staged ? p->stream : p->session->stream;
    int64_t size = p->kind == PIECE_WANTED                     ? STORE_CHUNK
                   : p->kind == PIECE_STAGED && !p->staged->in ? p->staged->bytes
                                                               : p->size;
    *wait_ms = 0;
    while (stream && p->taken < size) {
        size_t may = stream_take(stream, (size_t)(size - p->taken), wait_ms);
        if (!may)
            return false;
        p->taken += (int64_t)may;
    }
    return true;
}

static bool piece_do(struct bulk_piece *p, struct arena *a, struct error *err)
{
    int wait_ms;
    if (!piece_looked(p, err))
        return false;
    if (!piece_due(p, &wait_ms)) {
        error_set(err, ERROR_CANCELLED, "this transfer was ended by the house");
        return error_fix(err, "ask who keeps the house why");
    }
    return session_may(p->session, err) && (p->kind == PIECE_CHUNK    ? chunk_store(p, a, err)
                                            : p->kind == PIECE_SMALL  ? small_store(p, a, err)
                                            : p->kind == PIECE_STAGED ? staged_work(p, a, err)
                                                                      : chunk_send(p, a, err));
}

// An error as an answer: what, why and fix, a line each.
static void piece_work(struct bulk_piece *p)
{
    struct arena *a = arena_open((size_t)64 << 20);
    struct error err;
    error_clear(&err);
    bool ok = piece_do(p, a, &err);
    char answer[BULK_META_MOST];
    int size =
        ok ? 0
           : snprintf(answer, sizeof(answer), "%.300s\n%.400s\n%.280s", err.what, err.why, err.fix);
    if (!ok && error_facts(err.kind)->http_status >= 500)
        log_problem("bulk.piece", &err);
    bulk_answer(p->session->bulk, p->item, ok ? 0 : err.kind, (text){answer, (size_t)size});
    piece_free(p, true);
    arena_close(a);
}

static void session_free(struct bulk_session *s)
{
    bulk_close(s->bulk, false);
    for (struct bulk_piece *p = s->pieces, *after; p; p = after) {
        after = p->after;
        piece_drop(p);
    }
    for (size_t i = 0; i < s->file_count; i++)
        store_map_close(s->house->api->store, s->files[i].map);
    stream_leave(s->stream);
    free(s->files);
    pthread_mutex_destroy(&s->look);
    free(s->secret);
    free(s->who);
    free(s);
}

// With the lock: one that is over and that nobody holds, off the list.
static struct bulk_session *session_over(struct bulk_house *h)
{
    for (struct bulk_session **at = &h->sessions, *s; (s = *at); at = &s->next)
        if (s->ended && !s->held) {
            *at = s->next;
            h->session_count--;
            return s;
        }
    return NULL;
}

// With the lock: the first that is due, off the list; else when one will be.
static struct bulk_piece *piece_next(struct bulk_house *h, int64_t *due_us)
{
    int64_t now_us = clock_tick_us();
    struct bulk_piece *before = NULL;
    *due_us = now_us + 1000000;
    for (struct bulk_piece *p = h->first; p; before = p, p = p->next) {
        if (p->due_us > now_us) {
            *due_us = p->due_us < *due_us ? p->due_us : *due_us;
            continue;
        }
        if (before)
            before->next = p->next;
        else
            h->first = p->next;
        if (h->last == p)
            h->last = before;
        return p;
    }
    return NULL;
}

static void *hand(void *context)
{
    struct bulk_house *h = context;
    pthread_mutex_lock(&h->lock);
    while (!h->stop) {
        int64_t due_us;
        int wait_ms = 0;
        struct bulk_piece *p = piece_next(h, &due_us);
        struct bulk_session *over = p ? NULL : session_over(h);
        if (!p && !over) {
            struct timespec until = {due_us / 1000000, due_us % 1000000 * 1000};
            pthread_cond_timedwait(&h->changed, &h->lock, &until);
            continue;
        }
        pthread_mutex_unlock(&h->lock);
        struct error refused;
        bool waits = p && piece_looked(p, &refused) && !piece_due(p, &wait_ms) && wait_ms >= 0;
        if (p && !waits)
            piece_work(p);
        else if (over)
            session_free(over);
        pthread_mutex_lock(&h->lock);
        if (waits) {
            p->due_us = clock_tick_us() + (int64_t)(wait_ms > 0 ? wait_ms : 1) * 1000;
            piece_wait(h, p);
        }
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

// ---- opening and closing

bool api_bulk_open(struct api *api, const char *address, int port, struct error *err)
{
    struct bulk_house *h = must(calloc(1, sizeof(*h)));
    h->api = api;
    h->port = bulk_port_open(&(struct bulk_port_wish){.address = address, .port = port}, err);
    if (!h->port) {
        free(h);
        return false;
    }
    pthread_condattr_t steady;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&h->changed, &steady);
    pthread_condattr_destroy(&steady);
    for (; h->hand_count < HANDS; h->hand_count++)
        if (pthread_create(&h->hands[h->hand_count], NULL, hand, h) != 0)
            abort();
    api->inside->bulk = h;
    return true;
}

void api_bulk_close(struct api *api)
{
    struct bulk_house *h = api ? api->inside->bulk : NULL;
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    for (int i = 0; i < h->hand_count; i++)
        pthread_join(h->hands[i], NULL);
    for (struct bulk_session *s = h->sessions, *next; s; s = next) {
        next = s->next;
        session_free(s);
    }
    bulk_port_close(h->port);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->changed);
    free(h);
    api->inside->bulk = NULL;
}

// ---- routes

static const char *secret_of(struct call *c)
{
    const char *authorization = call_header(c, "Authorization");
    if (!c->who.by_cookie && authorization)
        return authorization + strlen("Bearer ");
    return cookie_value(c->arena, text_of(call_header(c, "Cookie")), "posthouse");
}

static bool event_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = context;
    return db_event(tx, "transfer.line", c->project, c->transfer, "{\"via\":\"udp\"}", err);
}

static struct bulk_session *session_new(struct call *c, int kind, const char *thing)
{
    struct bulk_session *s = must(calloc(1, sizeof(*s)));
    const char *secret = secret_of(c);
    s->house = c->api->inside->bulk;
    s->kind = kind;
    s->may = true;
    s->changes = people_changes(c->api->people);
    s->cookie = c->who.by_cookie;
    s->secret = must(strdup(secret ? secret : ""));
    (void)!text_copy(text_of(thing), s->thing, sizeof(s->thing));
    (void)!text_copy(text_of(c->project), s->project, sizeof(s->project));
    (void)!text_copy(text_of(c->who.person), s->person, sizeof(s->person));
    s->who = must(strdup(c->who.name ? c->who.name : ""));
    pthread_mutex_init(&s->look, NULL);
    return s;
}

static bool too_many(struct bulk_house *h, const struct bulk_session *one) // with the lock
{
    bool work = one->kind == SESSION_WORK;
    int count = 0;
    for (const struct bulk_session *s = h->sessions; s; s = s->next)
        count += (s->kind == SESSION_WORK) == work && !s->ended &&
                 strcmp(work ? s->thing : s->person, work ? one->thing : one->person) == 0;
    return h->session_count >= SESSIONS_MOST || count >= (work ? WORKER_MOST : PERSON_MOST);
}

static struct stream *stream_out(struct call *c)
{
    struct meter m = {.kind = "download",
                      .key = arena_format(c->arena, "out %s %s", c->version, c->who.person),
                      .title = c->version,
                      .who = c->who.name,
                      .subject = c->version,
                      .project = c->project,
                      .person = c->who.person,
                      .via = "udp",
                      .total_bytes = -1,
                      .priority = TRAFFIC_PRIORITY};
    return meter_stream(c->api, c->arena, &m, false);
}

static bool session_open(struct call *c, int kind, const char *thing, struct error *err)
{
    struct bulk_house *h = c->api->inside->bulk;
    struct bulk_meeting m = bulk_meeting_new();
    char secret[BULK_SECRET * 2];
    if (!h) {
        error_set(err, ERROR_UNSUPPORTED, "this house has no bulk transport");
        return error_fix(err, "send by HTTP, or set bulk = on and open the house again");
    }
    struct stream *stream = NULL;
    if (kind == SESSION_IN && !call_stream_in(c, &stream, err))
        return false;
    struct bulk_session *s = session_new(c, kind, thing);
    s->stream = kind == SESSION_OUT ? stream_out(c) : stream;
    struct bulk_calls calls = {.context = s,
                               .open = piece_open,
                               .place = piece_place,
                               .whole = piece_whole,
                               .read = piece_give,
                               .answered = piece_answered,
                               .ended = session_ended,
                               .window_bytes = WINDOW_BYTES,
                               .keeps = true};
    s->bulk = bulk_expect(h->port, &m, &calls);
    pthread_mutex_lock(&h->lock);
    bool full = too_many(h, s);
    if (!full) {
        s->next = h->sessions;
        h->sessions = s;
        h->session_count++;
    }
    pthread_mutex_unlock(&h->lock);
    if (full) {
        session_free(s);
        error_set(err, ERROR_TOO_MANY, "too many bulk sessions are open");
        return error_fix(err, "wait until one has ended; by HTTP it goes all the same");
    }
    if (c->api->wish.bulk_rate > 0)
        bulk_wish(s->bulk, BULK_FAIR, c->api->wish.bulk_rate);
    base64url_format(m.secret, sizeof(m.secret), secret, sizeof(secret));
    call_json(c, json_pack("{s:i,s:I,s:s}", "port", bulk_port_number(h->port), "connection",
                           (json_int_t)m.connection, "secret", secret));
    log_info("bulk.open", "thing=%s kind=%s", thing,
             kind == SESSION_IN    ? "in"
             : kind == SESSION_OUT ? "out"
                                   : "work");
    return true;
}

static bool upload_post(struct call *c, struct error *err)
{
    struct transfer t;
    if (!transfer_get(c->api->wish.rooms.transfer, c->transfer, c->arena, &t, err))
        return false;
    if (strcmp(t.state, "open") != 0)
        return error_set(err, ERROR_CONFLICT, "the transfer is closed");
    return session_open(c, SESSION_IN, c->transfer, err) && db_write(c->api->db, event_in, c, err);
}

static bool download_post(struct call *c, struct error *err)
{
    if (c->who.kind != WHO_PERSON)
        return error_set(err, ERROR_DENIED, "a link's visitor takes files out by HTTP");
    return session_open(c, SESSION_OUT, c->version, err);
}

// A token of workers is not of one worker; each piece proves that this one holds its attempt.
static bool work_post(struct call *c, struct error *err)
{
    const char *worker = body_text(c, "worker");
    return session_open(c, SESSION_WORK, worker, err);
}

const struct route bulk_routes[] = {
    {"POST", "/transfers/{transfer}/bulk", MAY_UPLOAD, upload_post, NULL, "BulkSession", 0,
     "a session of the bulk transport, to bring files in by UDP", NULL},
    {"POST", "/versions/{version}/bulk", MAY_DOWNLOAD, download_post, NULL, "BulkSession",
     ROUTE_READS, "the same to take its originals out", NULL},
    {"POST", "/work/bulk", NEED_WORKER, work_post, "StagedBulk", "BulkSession", ROUTE_READS,
     "the same for a worker, for what its attempts read and make", NULL},
};
const size_t bulk_route_count = sizeof(bulk_routes) / sizeof(bulk_routes[0]);
