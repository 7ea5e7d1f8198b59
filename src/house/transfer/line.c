#include "house/transfer/line.h"
#include "house/transfer/inside.h"

#include "plat/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REST_MS = 5000, CAPS_MOST = 1000, DAY_MINUTES = 24 * 60 };
#define KEPT_MS (180LL * 24 * 3600 * 1000) // of the history

struct line {
    struct db *db;
    struct traffic *traffic;
    pthread_mutex_t lock;
    json_t *applied; // bucket -> [in, out] bytes a second, as the traffic knows them
};

// ---- caps

static bool scope_good(struct db_tx *tx, const char *scope, const char *subject, struct error *err)
{
    static const struct {
        const char *scope, *sql;
    } scopes[] = {{"project", "select count(*) from projects where id = ?1"},
                  {"person", "select count(*) from people where id = ?1"},
                  {"link", "select count(*) from shares where id = ?1"}};
    if (strcmp(scope, "line") == 0)
        return !*subject || error_set(err, ERROR_INPUT, "the line is one: it has no id");
    int64_t there = 0;
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        if (strcmp(scopes[i].scope, scope) == 0 &&
            !db_one_int(tx, &there, 0, err, scopes[i].sql, "s", subject))
            return false;
    return there || error_set(err, ERROR_NOT_FOUND, "there is no such %.20s", scope);
}

bool cap_add(struct db_tx *tx, const struct cap_wish *w, id *made, struct error *err)
{
    int64_t count = 0;
    const char *why = w->in_bits < 0 || w->out_bits < 0 ? "a limit below 0 bit/s has no meaning"
                      : (w->in_bits && w->in_bits < 8000) || (w->out_bits && w->out_bits < 8000)
                          ? "a limit under 8 kbit/s would stop everything"
                      : !w->in_bits && !w->out_bits      ? "it limits neither way"
                      : w->days < 1 || w->days > 127     ? "it holds on no day"
                      : w->from_minute < 0 || w->from_minute >= DAY_MINUTES || w->to_minute < 0 ||
                              w->to_minute > DAY_MINUTES
                          ? "a time of the day is from 00:00 to 24:00"
                          : NULL;
    if (why) {
        error_set(err, ERROR_INPUT, "this limit can not be set");
        return error_why(err, "%s", why);
    }
    *made = id_new();
    if (!scope_good(tx, w->scope, w->subject, err) ||
        !db_one_int(tx, &count, 0, err, "select count(*) from caps", ""))
        return false;
    if (count >= CAPS_MOST)
        return error_set(err, ERROR_TOO_MANY, "there are 1,000 limits already");
    return db_run(tx, err, "insert into caps values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "sssiiiii",
                  made->text, w->scope, w->subject, w->in_bits, w->out_bits, (int64_t)w->days,
                  (int64_t)w->from_minute, (int64_t)w->to_minute);
}

bool cap_drop(struct db_tx *tx, const char *cap, struct error *err)
{
    return db_run(tx, err, "delete from caps where id = ?1", "s", cap) &&
           (db_changed(tx) || error_set(err, ERROR_NOT_FOUND, "there is no such limit"));
}

// Past midnight a row belongs to the day on which it began.
static bool holds(int64_t days, int64_t from, int64_t to, int64_t now_ms)
{
    struct tm t;
    time_t now_s = (time_t)(now_ms / 1000);
    localtime_r(&now_s, &t);
    int today = (t.tm_wday + 6) % 7, minute = t.tm_hour * 60 + t.tm_min;
    bool on_today = days >> today & 1, on_yesterday = days >> (today + 6) % 7 & 1;
    if (from == to)
        return on_today;
    if (from < to)
        return on_today && minute >= from && minute < to;
    return (on_today && minute >= from) || (on_yesterday && minute < to);
}

#define CAPS                                                                                       \
    "select c.id, c.scope, c.subject, c.in_bits, c.out_bits, c.days, c.from_minute, c.to_minute, " \
    NAME_OF("c") " from caps c order by c.scope, c.subject, c.from_minute, c.id"
#define NAME_OF(t)                                                                                 \
    "coalesce(case " t ".scope when 'project' then (select name from projects where id = " t       \
    ".subject) when 'person' then (select name from people where id = " t                          \
    ".subject) when 'link' then (select title from shares where id = " t ".subject) end, '')"

bool cap_list(struct db_tx *tx, int64_t now_ms, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(tx, CAPS, "");
    while (db_next(rows))
        json_array_append_new(
            *list,
            json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "id", db_text(rows, 0),
                      "scope", db_text(rows, 1), "subject", db_text(rows, 2), "name",
                      db_text(rows, 8), "in_bits", (json_int_t)db_int(rows, 3), "out_bits",
                      (json_int_t)db_int(rows, 4), "days", (json_int_t)db_int(rows, 5), "from",
                      (json_int_t)db_int(rows, 6), "to", (json_int_t)db_int(rows, 7), "now",
                      (int)holds(db_int(rows, 5), db_int(rows, 6), db_int(rows, 7), now_ms)));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

static void narrow(json_t *caps, const char *bucket, size_t way, int64_t bits)
{
    json_t *pair = json_object_get(caps, bucket);
    if (!pair) {
        pair = json_pack("[i, i]", 0, 0);
        json_object_set_new(caps, bucket, pair);
    }
    int64_t before = json_integer_value(json_array_get(pair, way));
    if (bits && (!before || bits / 8 < before))
        json_array_set_new(pair, way, json_integer(bits / 8));
}

struct looking {
    int64_t now_ms;
    json_t *caps;
};

static bool caps_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looking *l = context;
    json_object_clear(l->caps);
    struct db_rows *rows = db_query(tx, CAPS, "");
    while (db_next(rows)) {
        char bucket[64];
        if (!holds(db_int(rows, 5), db_int(rows, 6), db_int(rows, 7), l->now_ms))
            continue;
        snprintf(bucket, sizeof(bucket), "%s%s%s", db_text(rows, 1), *db_text(rows, 2) ? " " : "",
                 db_text(rows, 2));
        narrow(l->caps, bucket, TRAFFIC_IN, db_int(rows, 3));
        narrow(l->caps, bucket, TRAFFIC_OUT, db_int(rows, 4));
    }
    return db_end(rows, err);
}

static void apply(struct line *l, json_t *caps)
{
    const char *bucket;
    json_t *pair;
    pthread_mutex_lock(&l->lock);
    json_object_foreach(l->applied, bucket, pair) {
        if (!json_object_get(caps, bucket))
            for (int way = 0; way < 2; way++)
                traffic_cap(l->traffic, bucket, (enum traffic_way)way, 0);
    }
    json_object_foreach(caps, bucket, pair) {
        for (int way = 0; way < 2; way++)
            traffic_cap(l->traffic, bucket, (enum traffic_way)way,
                        json_integer_value(json_array_get(pair, (size_t)way)));
    }
    json_decref(l->applied);
    l->applied = json_incref(caps);
    pthread_mutex_unlock(&l->lock);
}

// ---- the history

struct keeping {
    const struct stream_seen *list;
    size_t count;
    int64_t now_ms;
};

static bool keep_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct keeping *k = context;
    for (size_t i = 0; i < k->count; i++) {
        const struct stream_seen *s = &k->list[i];
        if (!db_run(tx, err,
                    "insert into moves values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
                    "on conflict (id) do update set ended_ms = excluded.ended_ms, bytes = "
                    "excluded.bytes, peak_bytes_s = excluded.peak_bytes_s, joined = "
                    "excluded.joined, via = excluded.via",
                    "sssssssiiiiis", s->id, s->kind, s->title, s->who, s->project, s->subject,
                    s->way == TRAFFIC_IN ? "in" : "out", s->began_ms, s->moved_ms, s->moved_bytes,
                    s->peak_bytes_s, (int64_t)s->joined, s->via))
            return false;
    }
    return db_run(tx, err, "delete from moves where ended_ms < ?1", "i", k->now_ms - KEPT_MS);
}

static bool keep_moves(struct line *l, int64_t now_ms, struct error *err)
{
    struct keeping k = {.now_ms = now_ms};
    struct stream_seen *list;
    struct arena *a = arena_open(64 << 20);
    size_t count;
    traffic_rested(l->traffic, REST_MS, a, &list, &count);
    struct stream_seen *kept = ARENA_ARRAY(a, struct stream_seen, count + 1);
    for (size_t i = 0; i < count; i++) // pictures on the page are no transfers
        if (strcmp(list[i].kind, "playback") != 0)
            kept[k.count++] = list[i];
    k.list = kept;
    bool ok = !k.count || db_write(l->db, keep_in, &k, err);
    arena_close(a);
    return ok;
}

// What came of an upload says how much of it is stored, and so proven by its SHA-256.
bool move_list(struct db_tx *tx, const char *project, const char *before, int64_t limit,
               json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select m.id, m.kind, m.title, m.who, m.project, m.way, m.began_ms, m.ended_ms, m.bytes, "
        "m.peak_bytes_s, m.joined, (select count(*) from transfer_files f where f.transfer = "
        "m.subject), (select count(*) from transfer_files f where f.transfer = m.subject and "
        "f.state = 'stored'), m.via from moves m where (?1 is null or m.project = ?1) and (?2 is null or "
        "m.ended_ms < (select o.ended_ms from moves o where o.id = ?2)) order by m.ended_ms desc, "
        "m.id desc limit ?3",
        "ssi", project, before, limit);
    while (db_next(rows))
        json_array_append_new(
            *list,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "id",
                      db_text(rows, 0), "kind", db_text(rows, 1), "title", db_text(rows, 2), "who",
                      db_text(rows, 3), "project", db_text(rows, 4), "way", db_text(rows, 5),
                      "began", clock_text(db_int(rows, 6)).text, "ended",
                      clock_text(db_int(rows, 7)).text, "bytes", (json_int_t)db_int(rows, 8),
                      "peak_bytes_s", (json_int_t)db_int(rows, 9), "requests",
                      (json_int_t)db_int(rows, 10), "files", (json_int_t)db_int(rows, 11),
                      "verified", (json_int_t)db_int(rows, 12), "via", db_text(rows, 13)));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- orders

struct order {
    const char *key;
    int priority;
    bool paused;
    int64_t now_ms;
};

static bool order_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct order *o = context;
    bool usual = o->priority == TRAFFIC_PRIORITY && !o->paused;
    return db_run(tx, err, "delete from move_orders where key = ?1 or said_ms < ?2", "si", o->key,
                  o->now_ms - KEPT_MS) &&
           (usual || db_run(tx, err, "insert into move_orders values (?1, ?2, ?3, ?4)", "siii",
                            o->key, (int64_t)o->priority, (int64_t)o->paused, o->now_ms));
}

bool line_order(struct line *l, const char *key, int priority, bool paused, int64_t now_ms,
                struct error *err)
{
    struct order o = {key, priority, paused, now_ms};
    if (!db_write(l->db, order_in, &o, err))
        return false;
    traffic_recall(l->traffic, key, priority, paused);
    return true;
}

static bool orders_in(struct db_tx *tx, void *context, struct error *err)
{
    struct line *l = context;
    struct db_rows *rows = db_query(tx, "select key, priority, paused from move_orders", "");
    while (db_next(rows))
        traffic_recall(l->traffic, db_text(rows, 0), (int)db_int(rows, 1), db_int(rows, 2) != 0);
    return db_end(rows, err);
}

// ---- opening, and what goes on

struct line *line_open(struct db *db, struct traffic *traffic, int64_t now_ms, struct error *err)
{
    struct line *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->db = db;
    l->traffic = traffic;
    l->applied = json_object();
    pthread_mutex_init(&l->lock, NULL);
    if (line_turn(l, now_ms, err) && db_read(db, orders_in, l, err))
        return l;
    line_close(l);
    return NULL;
}

void line_close(struct line *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    json_decref(l->applied);
    free(l);
}

struct traffic *line_traffic(struct line *l)
{
    return l->traffic;
}

bool line_turn(struct line *l, int64_t now_ms, struct error *err)
{
    struct looking look = {now_ms, json_object()};
    bool ok = db_read(l->db, caps_in, &look, err);
    if (ok)
        apply(l, look.caps);
    json_decref(look.caps);
    return ok && keep_moves(l, now_ms, err);
}

// ---- quotas

// What is used of a quota: held or brought in, and on its way; without one file (?2) that is being
// begun anew.
static const struct {
    const char *scope, *sql;
} used[] = {
    {"line",
     "select (select coalesce(sum(bytes - place_bytes), 0) from projects) + (select coalesce(sum(f.size), 0) from "
     "transfer_files f join transfers t on t.id = f.transfer where f.size > 0 and t.origin <> 'job' "
     "and f.id <> ?2 and f.asset is null and ?1 = ?1) + (select coalesce(sum(size), 0) from "
     "door_files where size > 0 and id <> ?2)"},
    {"project",
     "select (select coalesce(sum(bytes - place_bytes), 0) from projects where id = ?1) + (select "
     "coalesce(sum(f.size), 0) from transfer_files f join transfers t on t.id = f.transfer where "
     "t.project = ?1 and f.size > 0 and t.origin <> 'job' and f.id <> ?2 and f.asset is null) + "
     "(select coalesce(sum(size), 0) from door_files where project = ?1 and size > 0 and id <> ?2)"},
    {"person",
     "select (select coalesce(sum(f.size), 0) from transfer_files f join transfers t on t.id = "
     "f.transfer where t.person = ?1 and f.size > 0 and t.origin <> 'job' and f.id <> ?2) + (select "
     "coalesce(sum(size), 0) from door_files where person = ?1 and size > 0 and id <> ?2)"},
    {"link",
     "select coalesce(sum(f.size), 0) from transfer_files f join transfers t on t.id = f.transfer "
     "where t.share = ?1 and f.size > 0 and f.id <> ?2"},
};

static bool used_of(struct db_tx *tx, const char *scope, const char *subject, const char *without,
                    int64_t *bytes, struct error *err)
{
    *bytes = 0;
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
        if (strcmp(used[i].scope, scope) == 0)
            return db_one_int(tx, bytes, 0, err, used[i].sql, "ss", subject, without);
    return true;
}

bool quota_set(struct db_tx *tx, const char *scope, const char *subject, int64_t bytes,
               struct error *err)
{
    if (bytes < 0)
        return error_set(err, ERROR_INPUT, "a quota below 0 bytes has no meaning");
    if (!bytes)
        return db_run(tx, err, "delete from quotas where scope = ?1 and subject = ?2", "ss", scope,
                      subject);
    return scope_good(tx, scope, subject, err) &&
           db_run(tx, err,
                  "insert into quotas values (?1, ?2, ?3) on conflict (scope, subject) do update "
                  "set bytes = excluded.bytes",
                  "ssi", scope, subject, bytes);
}

bool quota_list(struct db_tx *tx, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, "select q.scope, q.subject, q.bytes, " NAME_OF("q") " from quotas q order by q.scope, q.subject", "");
    while (db_next(rows))
        json_array_append_new(*list, json_pack("{s:s, s:s, s:I, s:s}", "scope", db_text(rows, 0),
                                               "subject", db_text(rows, 1), "bytes",
                                               (json_int_t)db_int(rows, 2), "name",
                                               db_text(rows, 3)));
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < json_array_size(*list); i++) {
        json_t *q = json_array_get(*list, i);
        int64_t bytes;
        ok = used_of(tx, json_string_value(json_object_get(q, "scope")),
                     json_string_value(json_object_get(q, "subject")), "", &bytes, err);
        json_object_set_new(q, "used", json_integer(bytes));
    }
    if (ok)
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

struct fits {
    char scope[16], subject[27];
    int64_t bytes;
};

// `rows`: scope, subject and bytes of the quotas that count.
static bool all_fit(struct db_tx *tx, struct db_rows *rows, const char *file, int64_t bytes,
                    struct error *err)
{
    struct fits list[8];
    size_t count = 0;
    while (db_next(rows) && count < 8) {
        struct fits *f = &list[count++];
        text_copy(text_of(db_text(rows, 0)), f->scope, sizeof(f->scope));
        text_copy(text_of(db_text(rows, 1)), f->subject, sizeof(f->subject));
        f->bytes = db_int(rows, 2);
    }
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++) {
        int64_t there;
        ok = used_of(tx, list[i].scope, list[i].subject, file, &there, err);
        if (ok && (there > list[i].bytes || bytes > list[i].bytes - there)) {
            bool line = strcmp(list[i].scope, "line") == 0;
            ok = error_set(err, ERROR_NO_SPACE, "this is more than may be brought in");
            error_why(err, "the %s may hold %s; with what is on its way it has %s, and this is %s",
                      line ? "house" : list[i].scope, size_text(list[i].bytes).text,
                      size_text(there).text, size_text(bytes).text);
            error_fix(err, "delete what is not needed, or ask an administrator for more");
        }
    }
    return ok;
}

static bool quota_fits(struct db_tx *tx, const char *transfer, const char *file, int64_t bytes,
                       struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select q.scope, q.subject, q.bytes from quotas q, transfers t where t.id = ?1 and "
        "t.origin <> 'job' and (q.scope = 'line' or (q.scope = 'project' and q.subject = "
        "t.project) or (q.scope = 'person' and q.subject = t.person) or (q.scope = 'link' and "
        "q.subject = t.share))",
        "s", transfer);
    return all_fit(tx, rows, file, bytes, err);
}

bool line_lets_bytes(struct db_tx *tx, const char *project, const char *person, const char *without,
                     int64_t bytes, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select scope, subject, bytes from quotas where scope = 'line' or (scope = "
                 "'project' and subject = ?1) or (scope = 'person' and subject = ?2)",
                 "ss", project, person);
    return all_fit(tx, rows, without, bytes > 0 ? bytes : 0, err);
}

// ---- what a request lets in

static bool type_wanted(const json_t *types, const char *path)
{
    const char *dot = strrchr(path, '.');
    bool wanted = !json_array_size(types);
    for (size_t i = 0; i < json_array_size(types) && dot; i++)
        wanted |= strcasecmp(dot + 1, json_string_value(json_array_get(types, i))) == 0;
    return wanted;
}

static bool request_fits(struct db_tx *tx, const char *transfer, const char *file,
                         const char *path, int64_t bytes, struct error *err)
{
    json_t *wants = NULL;
    int64_t there = 0;
    struct db_rows *rows = db_query(
        tx, "select s.wants from transfers t join shares s on s.id = t.share where t.id = ?1", "s",
        transfer);
    if (db_next(rows) && db_text(rows, 0))
        wants = json_loads(db_text(rows, 0), 0, NULL);
    bool ok = db_end(rows, err);
    if (ok && wants && path && !type_wanted(json_object_get(wants, "types"), path)) {
        ok = error_set(err, ERROR_UNSUPPORTED, "%.200s is not what is asked for here", path);
        char *types = json_dumps(json_object_get(wants, "types"), JSON_COMPACT);
        error_why(err, "files of these types may come: %.200s", types ? types : "");
        free(types);
        error_fix(err, "leave it out, or ask whoever sent you the link");
    }
    int64_t most = json_integer_value(json_object_get(wants, "most_bytes"));
    if (ok && most)
        ok = db_one_int(tx, &there, 0, err,
                        "select coalesce(sum(size), 0) from transfer_files where transfer = ?1 and "
                        "size > 0 and id <> ?2",
                        "ss", transfer, file);
    if (ok && most && (there > most || bytes > most - there)) {
        ok = error_set(err, ERROR_TOO_BIG, "this is more than may come by this link at once");
        error_why(err, "%s may come; %s is here or on its way, and this is %s",
                  size_text(most).text, size_text(there).text, size_text(bytes).text);
        error_fix(err, "send less, or ask whoever sent you the link");
    }
    json_decref(wants);
    return ok;
}

bool line_lets_in(struct db_tx *tx, const char *transfer, const char *file, const char *path,
                  int64_t bytes, struct error *err)
{
    if (bytes < 0) // not known yet: said later, and looked at then
        bytes = 0;
    return request_fits(tx, transfer, file ? file : "", path, bytes, err) &&
           quota_fits(tx, transfer, file ? file : "", bytes, err);
}
