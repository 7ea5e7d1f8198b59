/*
 * Changes of many values, in slices.
 *
 * A table of 50,000 rows sets some 200,000 values, which would keep the writer for seconds. So what
 * it sets is written down first, as one step (value_run_parts); then a thread sets a slice of it at
 * a time, each in a transaction that also takes the slice away. A house that is killed goes on
 * where it was: no value is set twice or forgotten. Other people's writes come in between.
 *
 * Each value is set only where the one that the plan saw still stands: what somebody set meanwhile
 * stays, and is counted. All of it is one change, which can be undone as one; undoing that many
 * goes the same way.
 *
 * Who follows the event log hears value-change.changed after each slice, and fields.changed once,
 * at the end.
 */
#include "house/fields/inside.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE = 1000, AGAIN_MS = 5000 };

struct runs {
    struct db *db;
    pthread_t thread;
    bool going;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool closing, asked; // guarded by lock
};

// ---- what is to be set, written down

// Some hundred thousand of them are written while nobody else can write: by hand, as it is five
// times as fast as through a tree.
static void add_word(struct buf *to, const char *word)
{
    buf_text(to, ",\"");
    for (const char *at = word; *at;) {
        size_t plain = 0;
        while ((unsigned char)at[plain] >= ' ' && at[plain] != '"' && at[plain] != '\\')
            plain++;
        buf_add(to, at, plain);
        at += plain;
        if (*at)
            buf_format(to, "\\u%04x", (unsigned char)*at++);
    }
    buf_text(to, "\"");
}

static bool part_add(struct db_tx *tx, const char *change, int64_t part,
                     const struct field_set *sets, size_t count, struct buf *to, struct error *err)
{
    to->size = 0;
    for (size_t i = 0; i < count; i++) {
        buf_format(to, "%s[\"%s\",%lld,%lld", i ? "," : "[", sets[i].asset,
                   (long long)sets[i].field, (long long)sets[i].line);
        add_word(to, sets[i].value);
        add_word(to, sets[i].was ? sets[i].was : "");
        buf_text(to, "]");
    }
    buf_text(to, "]");
    if (to->over)
        return error_set(err, ERROR_TOO_BIG, "the values of the table are too long");
    return db_run(tx, err, "insert into value_run_parts (change, part, sets) values (?1, ?2, ?3)",
                  "sis", change, part, to->at);
}

bool run_begin(struct db_tx *tx, const char *project, const struct teller *by, const char *title,
               const struct field_set *sets, size_t count, char change[27], struct error *err)
{
    id made;
    bool ok = change_begin(tx, project, by, title, &made, err) &&
              db_run(tx, err,
                     "insert into value_runs (change, project, total, began_ms) values (?1, ?2, "
                     "?3, ?4)",
                     "ssii", made.text, project, (int64_t)count, clock_now_ms());
    struct buf to = BUF_LIMIT((size_t)64 << 20);
    for (size_t i = 0; ok && i < count; i += SLICE)
        ok = part_add(tx, made.text, (int64_t)(i / SLICE), sets + i,
                      count - i < SLICE ? count - i : SLICE, &to, err);
    buf_free(&to);
    text_copy(text_of(made.text), change, 27);
    return ok && run_say(tx, project, change, err);
}

// ---- how far it is

json_t *run_json(struct db_rows *rows, int from)
{
    if (db_null(rows, from))
        return json_null();
    int64_t total = db_int(rows, from), done = db_int(rows, from + 1);
    int64_t began_ms = db_int(rows, from + 3), before = db_int(rows, from + 4);
    bool ended = !db_null(rows, from + 5);
    int64_t end_ms = ended ? db_int(rows, from + 5) : clock_now_ms();
    double rate =
        end_ms > began_ms && done > before ? (done - before) * 1000.0 / (end_ms - began_ms) : 0;
    return json_pack("{s:I, s:I, s:I, s:f, s:o, s:b, s:s}", "total", (json_int_t)total, "done",
                     (json_int_t)done, "stayed", (json_int_t)db_int(rows, from + 2), "rate", rate,
                     "left_s",
                     !ended && rate > 0 ? json_real((double)(total - done) / rate) : json_null(),
                     "ended", ended, "problem", db_text(rows, from + 6));
}

bool run_say(struct db_tx *tx, const char *project, const char *change, struct error *err)
{
    json_t *json = NULL;
    if (!change_json(tx, change, 0, &json, err))
        return false;
    char *written = json_dumps(json, JSON_COMPACT);
    bool ok = db_event(tx, "value-change.changed", project, change, written, err);
    free(written);
    json_decref(json);
    return ok;
}

// ---- a slice

struct slice {
    char change[27], project[27];
    int64_t part;
    bool found;
};

static bool set_from(const json_t *row, struct field_set *set)
{
    json_int_t field, line;
    if (json_unpack((json_t *)row, "[s, I, I, s, s]", &set->asset, &field, &line, &set->value,
                    &set->was) != 0)
        return false;
    set->field = field;
    set->line = line;
    return true;
}

static bool part_set(struct db_tx *tx, const struct slice *s, const json_t *sets, int64_t *applied,
                     int64_t *stayed, struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    size_t i;
    const json_t *row;
    bool ok = true;
    json_array_foreach(sets, i, row)
    {
        struct field_set set;
        enum value_fate fate = VALUE_STAYED;
        ok = set_from(row, &set)
                 ? value_set(tx, s->project, &set, s->change, a, &fate, err)
                 : error_set(err, ERROR_DAMAGED, "what a table sets cannot be read again");
        if (!ok)
            break;
        *applied += fate == VALUE_SET;
        *stayed += fate == VALUE_STAYED;
    }
    arena_close(a);
    return ok;
}

static bool part_next(struct db_tx *tx, struct slice *s, json_t **sets, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select p.change, p.part, p.sets, r.project from "
                                    "value_run_parts p join value_runs r on r.change = p.change "
                                    "order by p.change, p.part limit 1",
                                    "");
    *sets = NULL;
    s->found = db_next(rows);
    if (s->found) {
        text_copy(text_of(db_text(rows, 0)), s->change, sizeof(s->change));
        s->part = db_int(rows, 1);
        *sets = json_loads(db_text(rows, 2), 0, NULL);
        text_copy(text_of(db_text(rows, 3)), s->project, sizeof(s->project));
    }
    return db_end(rows, err);
}

static bool end_when_done(struct db_tx *tx, const struct slice *s, struct error *err)
{
    int64_t left = 0;
    return db_one_int(tx, &left, 0, err, "select count(*) from value_run_parts where change = ?1",
                      "s", s->change) &&
           (left || (db_run(tx, err, "update value_runs set ended_ms = ?2 where change = ?1", "si",
                            s->change, clock_now_ms()) &&
                     say_fields(tx, s->project, s->change, NULL, err)));
}

static bool slice_in(struct db_tx *tx, void *context, struct error *err)
{
    struct slice *s = context;
    json_t *sets;
    int64_t applied = 0, stayed = 0;
    bool ok = part_next(tx, s, &sets, err);
    if (ok && s->found)
        ok = part_set(tx, s, sets, &applied, &stayed, err) &&
             db_run(tx, err, "delete from value_run_parts where change = ?1 and part = ?2", "si",
                    s->change, s->part) &&
             db_run(tx, err, "update field_changes set count = count + ?2 where id = ?1", "si",
                    s->change, applied) &&
             db_run(tx, err,
                    "update value_runs set done = done + ?2, stayed = stayed + ?3, problem = '' "
                    "where change = ?1",
                    "sii", s->change, (int64_t)json_array_size(sets), stayed) &&
             end_when_done(tx, s, err) && run_say(tx, s->project, s->change, err);
    json_decref(sets);
    return ok;
}

struct waiting {
    const struct slice *slice;
    const char *why;
};

static bool waits_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct waiting *w = context;
    return db_run(tx, err, "update value_runs set problem = ?2 where change = ?1", "ss",
                  w->slice->change, w->why) &&
           run_say(tx, w->slice->project, w->slice->change, err);
}

// ---- the thread

// Until there is something to do; false: it ends.
static bool rest(struct runs *r, bool in_trouble)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += AGAIN_MS / 1000;
    pthread_mutex_lock(&r->lock);
    while (!r->closing && !r->asked)
        if (!in_trouble)
            pthread_cond_wait(&r->wake, &r->lock);
        else if (pthread_cond_timedwait(&r->wake, &r->lock, &until) != 0)
            break;
    r->asked = false;
    bool on = !r->closing;
    pthread_mutex_unlock(&r->lock);
    return on;
}

static bool ends(struct runs *r)
{
    pthread_mutex_lock(&r->lock);
    bool closing = r->closing;
    pthread_mutex_unlock(&r->lock);
    return closing;
}

static void *work(void *context)
{
    struct runs *r = context;
    do {
        struct slice s;
        struct error err, other;
        bool ok;
        do {
            s = (struct slice){.found = false};
            ok = db_write(r->db, slice_in, &s, &err);
        } while (ok && s.found && !ends(r));
        // A full disk is waited out; what is to be set stays written down.
        if (!ok && *s.change)
            (void)!db_write(r->db, waits_in, &(struct waiting){&s, err.what}, &other);
        if (!rest(r, !ok))
            break;
    } while (true);
    return NULL;
}

static bool go_on_in(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    return db_run(tx, err,
                  "update value_runs set began_ms = ?1, began_done = done where ended_ms is null",
                  "i", clock_now_ms());
}

struct runs *runs_open(struct db *db)
{
    struct runs *r = calloc(1, sizeof(*r));
    struct error ignored;
    if (!r)
        abort();
    r->db = db;
    r->asked = true;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    (void)!db_write(db, go_on_in, NULL, &ignored); // only how long it takes is said by it
    r->going = pthread_create(&r->thread, NULL, work, r) == 0;
    return r;
}

void runs_wake(struct runs *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->asked = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

void runs_close(struct runs *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    if (r->going)
        pthread_join(r->thread, NULL);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wake);
    free(r);
}
