/*
 * Bytes of a sync folder. To the house they go as a put's do (chunks that it has are not sent, by
 * UDP when that passes), into a transfer of their own; then each gets its name, only when what it
 * replaces is still there. From the house each comes beside its place and is proven first.
 */
#include "cmd/put_send.h"
#include "cmd/sync_fetch.h"
#include "cmd/sync_inside.h"

#include "plat/clock.h"
#include "plat/files.h"
#include "store/store.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROUND_FILES = 2000, PLACE_AT_ONCE = 250, FETCHERS = 4, FETCH_AT_ONCE = 400, LINES = 6 };
#define ROUND_BYTES ((int64_t)4 << 30)
#define PATIENCE_S 30
#define LARGE ((int64_t)32 << 20) // by UDP, and to the house in a round with others like it

// ---- to the house

struct going {
    struct sync_path *p;
    struct here_seen now;
    char as[300];
    const char *to; // where it is to lie in the house
    bool failed;
};

struct round {
    struct sync_run *r;
    struct arena *a;
    struct going *list;
    size_t count;
    int64_t bytes;
    struct house house; // of its own: one that is stopped is of no use afterwards
    struct journal *journal;
    char transfer[27];
};

// A name in the transfer that changes with the file: what came half is gone on with only when it is
// the same.
static void name_it(struct going *g)
{
    struct buf all = BUF_LIMIT(64 << 10);
    buf_format(&all, "%lld %lld %llu %s", (long long)g->now.size, (long long)g->now.changed_ns,
               (unsigned long long)g->now.inode, g->p->key);
    sha256 hash = sha256_of(all.at, all.size);
    buf_free(&all);
    snprintf(g->as, sizeof(g->as), "%.32s", sha256_text(&hash).text);
}

static bool begin(struct round *s, struct error *err)
{
    struct sync_run *r = s->r;
    struct buf what = BUF_LIMIT(16 << 10);
    buf_format(&what, "sync\n%s\n%s\n", r->house.url, r->wish->id);
    s->journal = journal_open(what.at, err);
    buf_free(&what);
    if (!s->journal || !house_open(r->wish->call, LINES, &s->house, err))
        return false;
    for (int again = 0; again < 2; again++) {
        json_t *body = json_pack("{s:s, s:s, s:s}", "name", "sync folder", "origin", "sync", "key",
                                 journal_key(s->journal));
        json_t *t =
            house_ask(s->house.client, "POST", body, err, "/projects/%s/transfers", r->project);
        json_decref(body);
        bool ok = t && text_copy(text_of(json_word(t, "id")), s->transfer, sizeof(s->transfer));
        bool closed = ok && strcmp(json_word(t, "state"), "closed") == 0;
        json_decref(t);
        if (!ok)
            return false;
        if (!closed)
            break;
        journal_key_anew(s->journal);
    }
    journal_transfer(s->journal, s->transfer);
    return true;
}

static bool file_of(struct round *s, const struct going *g, struct file_seen *f)
{
    char whole[PATH_MAX];
    struct stat seen;
    if (!path_join(whole, sizeof(whole), s->r->wish->dir, g->p->here) || lstat(whole, &seen) != 0)
        return false;
    *f = (struct file_seen){
        .path = arena_text(s->a, whole),
        .relative = "",
        .kind = FILE_PLAIN,
        .size = seen.st_size,
        .modified_ms = (int64_t)seen.st_mtim.tv_sec * 1000 + seen.st_mtim.tv_nsec / 1000000,
        .modified_ns = (int64_t)seen.st_mtim.tv_sec * 1000000000 + seen.st_mtim.tv_nsec,
        .device = seen.st_dev,
        .inode = seen.st_ino};
    return S_ISREG(seen.st_mode) && f->size == g->now.size && f->modified_ns == g->now.changed_ns &&
           f->inode == g->now.inode;
}

static void show(struct round *s, struct sending *sending)
{
    struct sending_numbers n = sending_numbers(sending);
    s->r->bar.what = n.waiting                   ? "waiting for the house"
                     : strcmp(n.via, "UDP") == 0 ? "sending by UDP"
                                                 : "sending";
    sync_bar_show(s->r, n.bytes + n.moving_bytes);
}

static void mark_failures(struct round *s, struct sending *sending)
{
    struct sending_failure f;
    size_t root = strlen(s->r->wish->dir) + 1;
    for (size_t i = 0; sending_failure(sending, i, &f); i++) {
        struct sync_path *p =
            strlen(f.path) > root ? sync_table_at(s->r->table, f.path + root, false, false) : NULL;
        for (size_t k = 0; p && k < s->count; k++)
            if (s->list[k].p == p)
                s->list[k].failed = true;
        if (p)
            sync_hold(s->r, p, f.err);
    }
}

// False with *err: it has stopped; what came so far is still placed.
static bool send_round(struct round *s, struct error *err)
{
    struct sync_run *r = s->r;
    struct sending_wish wish = {s->house.client, s->journal, s->transfer, PATIENCE_S, r->wish->way};
    wish.way.url = s->house.url;
    if (s->bytes < LARGE && wish.way.kind == WAY_AUTO)
        wish.way.kind = WAY_TCP; // finding out whether UDP passes would take longer
    struct sending *sending = sending_open(&wish);
    bool stopped = false;
    for (size_t i = 0; i < s->count && !stopped; i++) {
        struct file_seen f;
        if (!file_of(s, &s->list[i], &f)) { // it was saved again
            s->list[i].failed = true;
            r->scan_due = true;
            continue;
        }
        if (journal_has(s->journal, &f, s->list[i].as))
            continue;
        while (!stopped && !sending_add(sending, &f, s->list[i].as)) {
            show(s, sending);
            stopped = sending_stopped(sending, err);
        }
        show(s, sending);
    }
    sending_end(sending);
    while (!stopped && !sending_done(sending))
        show(s, sending);
    stopped = stopped || sending_stopped(sending, err);
    sending_halt(sending);
    mark_failures(s, sending);
    if (!stopped)
        sending_tell_speed(sending);
    sending_close(sending);
    return !stopped;
}

// What the house has now under its name.
static bool placed(struct round *s, struct sync_placing *list, struct going **of, size_t count,
                   int64_t *done, struct error *err)
{
    struct sync_run *r = s->r;
    struct sync_path **good = ARENA_ARRAY(s->a, struct sync_path *, count + 1);
    size_t good_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct sync_path *p = of[i]->p;
        if (!list[i].placed) {
            sync_hold(r, p, &list[i].refused);
            continue;
        }
        sync_path_there(p, &list[i].node, r->round);
        sync_path_equal(p);
        r->numbers.sent++;
        r->numbers.sent_bytes += of[i]->now.size;
        good[good_count++] = p;
    }
    *done += (int64_t)good_count;
    return sync_keep(r, good, good_count, err);
}

// All or none of a call is placed: when one can not be, halves find out which.
static bool place_some(struct round *s, struct sync_placing *list, struct going **of, size_t count,
                       int64_t *done, struct error *err)
{
    if (sync_house_place(&s->r->root, s->transfer, list, count, s->a, err))
        return placed(s, list, of, count, done, err);
    if (sync_offline(err) || err->kind == ERROR_LOGIN)
        return false;
    if (count == 1) {
        sync_hold(s->r, of[0]->p, err);
        return true;
    }
    size_t half = count / 2;
    return place_some(s, list, of, half, done, err) &&
           place_some(s, list + half, of + half, count - half, done, err);
}

static bool place_round(struct round *s, int64_t *done, struct error *err)
{
    struct sync_placing *list = ARENA_ARRAY(s->a, struct sync_placing, PLACE_AT_ONCE);
    struct going **of = ARENA_ARRAY(s->a, struct going *, PLACE_AT_ONCE);
    for (size_t i = 0; i < s->count;) {
        size_t count = 0;
        for (; i < s->count && count < PLACE_AT_ONCE; i++) {
            struct going *g = &s->list[i];
            if (g->failed)
                continue;
            list[count] =
                (struct sync_placing){.path = g->to,
                                      .as = g->as,
                                      .instead = g->p->is_there ? &g->p->there_content : NULL};
            of[count++] = g;
        }
        if (count && !place_some(s, list, of, count, done, err))
            return false;
    }
    return true;
}

static bool whole_round(struct round *s, int64_t *done, struct error *err)
{
    struct error stopped;
    error_clear(&stopped);
    bool ok = begin(s, err);
    bool sent = ok && send_round(s, &stopped);
    ok = ok && (sent || sync_offline(&stopped) ? true : (*err = stopped, false));
    ok = ok && place_round(s, done, err);
    if (ok && sent) {
        json_decref(house_ask(s->house.client, "POST", NULL, err, "/transfers/%s/close",
                              s->transfer)); // one that stays open is dropped later
        error_clear(err);
    } else if (ok) {
        *err = stopped;
    }
    journal_close(s->journal, ok && sent);
    house_close(&s->house);
    return ok && sent;
}

bool sync_send_all(struct sync_run *r, struct sync_list *list, int64_t *done, struct error *err)
{
    bool ok = true;
    int64_t all = 0;
    for (size_t i = 0; i < list->count; i++)
        all += list->at[i]->now.size;
    if (list->count)
        sync_bar(r, "sending", all);
    for (size_t i = 0; ok && i < list->count;) {
        struct round s = {.r = r, .a = arena_open((size_t)1 << 30)};
        s.list = ARENA_ARRAY(s.a, struct going, ROUND_FILES);
        for (; i < list->count && s.count < ROUND_FILES && s.bytes < ROUND_BYTES; i++) {
            struct sync_path *p = list->at[i];
            const char *to = p->is_there ? p->there : sync_path_to_there(r, p, s.a);
            if (!to || (p->held && clock_tick_us() < p->again_us))
                continue;
            struct going *g = &s.list[s.count++];
            *g = (struct going){.p = p, .now = p->now, .to = arena_text(s.a, to)};
            name_it(g);
            s.bytes += p->now.size;
        }
        ok = !s.count || whole_round(&s, done, err);
        r->bar_before += s.bytes;
        // Who may not send, or has no room there, still gets what the house has.
        for (size_t k = 0; !ok && !sync_offline(err) && err->kind != ERROR_LOGIN && k < s.count;
             k++)
            sync_hold(r, s.list[k].p, err);
        ok = ok || !(sync_offline(err) || err->kind == ERROR_LOGIN);
        arena_close(s.a);
    }
    return ok;
}

// ---- from the house

struct coming {
    struct sync_path *p;
    const char *to, *whole_to, *house_path; // to: where it is to lie here
    char temporary[PATH_MAX];
    bool ok;
    struct error err;
    struct here_seen now;
};

struct batch {
    struct sync_run *r;
    struct coming *list;
    size_t count;
    _Atomic int64_t moved;
    atomic_size_t next;
    atomic_bool offline;
};

static bool come(struct batch *b, struct coming *c, struct way *way)
{
    struct sync_path *p = c->p;
    struct sync_run *r = b->r;
    struct sync_fetch f = {.client = r->house.client,
                           .way = way,
                           .path = c->house_path,
                           .version = p->version,
                           .number = p->number,
                           .size = p->there_size,
                           .content = p->there_content,
                           .temporary = c->temporary,
                           .before = p->is_here ? c->whole_to : NULL,
                           .threads = way ? 8 : FETCHERS,
                           .moved = &b->moved};
    return here_temporary(r->wish->dir, c->to, &p->there_content, c->temporary,
                          sizeof(c->temporary), &c->err) &&
           sync_fetch(&f, &c->err) &&
           here_place(r->wish->dir, c->to, c->temporary, p->is_here ? &p->now : NULL, p->there_ms,
                      &c->now, &c->err);
}

static bool is_large(const struct coming *c)
{
    return c->p->there_size >= LARGE;
}

static void *come_thread(void *context)
{
    struct batch *b = context;
    for (size_t i; (i = atomic_fetch_add(&b->next, 1)) < b->count && !atomic_load(&b->offline);) {
        struct coming *c = &b->list[i];
        if (is_large(c))
            continue;
        c->ok = come(b, c, NULL);
        if (!c->ok && sync_offline(&c->err))
            atomic_store(&b->offline, true);
    }
    return NULL;
}

static void come_large(struct batch *b, struct coming *c)
{
    struct way_wish wish = b->r->wish->way;
    _Atomic int64_t moving = 0;
    struct way *way = NULL;
    wish.client = b->r->house.client;
    wish.url = b->r->house.url;
    wish.moving = &moving;
    snprintf(wish.path, sizeof(wish.path), "/versions/%.26s/bulk", c->p->version);
    if (c->p->version[0])
        way = way_open(&wish);
    c->ok = come(b, c, way);
    way_close(way);
    if (!c->ok && sync_offline(&c->err))
        atomic_store(&b->offline, true);
}

struct showing {
    struct batch *b;
    atomic_bool over;
};

static void *show_thread(void *context)
{
    struct showing *s = context;
    while (!atomic_load(&s->over)) {
        sync_bar_show(s->b->r, atomic_load(&s->b->moved));
        clock_sleep_ms(50);
    }
    return NULL;
}

static void come_all(struct batch *b)
{
    pthread_t threads[FETCHERS], shower;
    struct showing showing = {.b = b};
    bool shows = pthread_create(&shower, NULL, show_thread, &showing) == 0;
    int count = 0;
    while (count < FETCHERS && pthread_create(&threads[count], NULL, come_thread, b) == 0)
        count++;
    if (!count)
        come_thread(b);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < b->count && !atomic_load(&b->offline); i++)
        if (is_large(&b->list[i]))
            come_large(b, &b->list[i]);
    atomic_store(&showing.over, true);
    if (shows)
        pthread_join(shower, NULL);
}

static bool came(struct batch *b, struct arena *a, int64_t *done, struct error *err)
{
    struct sync_run *r = b->r;
    struct sync_path **good = ARENA_ARRAY(a, struct sync_path *, b->count + 1);
    size_t count = 0;
    const struct error *away = NULL;
    for (size_t i = 0; i < b->count; i++) {
        struct coming *c = &b->list[i];
        if (c->ok) {
            struct here_item item = {c->to, false, c->now.size, c->now.changed_ns, c->now.inode};
            r->numbers.fetched++;
            r->numbers.fetched_bytes += c->now.size;
            c->p->seen_here = 0; // its new name counts
            sync_path_here(c->p, &item, r->round);
            sync_path_equal(c->p);
            good[count++] = c->p;
        } else if (c->err.kind != ERROR_NONE && sync_offline(&c->err)) {
            away = &c->err;
        } else if (c->err.kind != ERROR_NONE) {
            sync_hold(r, c->p, &c->err);
        }
    }
    *done += (int64_t)count;
    bool ok = sync_keep(r, good, count, err);
    if (ok && away)
        *err = *away;
    return ok && !away;
}

bool sync_fetch_all(struct sync_run *r, struct sync_list *list, int64_t *done, struct error *err)
{
    bool ok = true;
    int64_t all = 0;
    for (size_t i = 0; i < list->count; i++)
        all += list->at[i]->there_size;
    if (list->count)
        sync_bar(r, "fetching", all);
    for (size_t i = 0; ok && i < list->count;) {
        struct arena *a = arena_open((size_t)256 << 20);
        struct batch b = {.r = r, .list = ARENA_ARRAY(a, struct coming, FETCH_AT_ONCE)};
        for (; i < list->count && b.count < FETCH_AT_ONCE; i++) {
            struct sync_path *p = list->at[i];
            const char *to = p->is_here ? p->here : sync_path_to_here(r, p, a);
            if (!to || (p->held && clock_tick_us() < p->again_us))
                continue;
            struct coming *c = &b.list[b.count++];
            c->p = p;
            c->to = arena_text(a, to);
            c->whole_to = arena_format(a, "%s/%s", r->wish->dir, to);
            c->house_path = arena_format(a, "%s/%s", r->root.path, p->there);
        }
        come_all(&b);
        r->bar_before += atomic_load(&b.moved);
        ok = came(&b, a, done, err);
        arena_close(a);
    }
    return ok;
}
