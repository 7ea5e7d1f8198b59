#include "sync/state.h"

#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sync_state {
    struct db *db;
};

struct sync_state *sync_state_open(const char *path, const char *migrations, struct error *err)
{
    struct db *db =
        db_open(&(struct db_wish){.path = path, .migrations = migrations, .readers = 1}, err);
    struct sync_state *s = db ? calloc(1, sizeof(*s)) : NULL;
    if (s)
        s->db = db;
    else if (db)
        abort();
    return s;
}

void sync_state_close(struct sync_state *s)
{
    if (!s)
        return;
    db_close(s->db);
    free(s);
}

struct loading {
    void (*row)(void *context, const struct sync_row *r);
    void *context;
};

static bool load_in(struct db_tx *tx, void *context, struct error *err)
{
    struct loading *l = context;
    struct db_rows *rows = db_query(
        tx,
        "select key, here, there, thing, version, number, content, size, here_ns, inode from "
        "paths",
        "");
    while (db_next(rows)) {
        size_t size;
        const void *content = db_blob(rows, 6, &size);
        struct sync_row r = {.key = db_text(rows, 0),
                             .here = db_text(rows, 1),
                             .there = db_text(rows, 2),
                             .number = db_int(rows, 5),
                             .size = db_int(rows, 7),
                             .here_ns = db_int(rows, 8),
                             .inode = (uint64_t)db_int(rows, 9)};
        text_copy(text_of(db_text(rows, 3)), r.thing, sizeof(r.thing));
        text_copy(text_of(db_text(rows, 4)), r.version, sizeof(r.version));
        if (content && size == SHA256_SIZE)
            memcpy(r.content.at, content, SHA256_SIZE);
        l->row(l->context, &r);
    }
    return db_end(rows, err);
}

bool sync_state_load(struct sync_state *s, void (*row)(void *context, const struct sync_row *r),
                     void *context, struct error *err)
{
    struct loading l = {row, context};
    return db_read(s->db, load_in, &l, err);
}

struct writing {
    const struct sync_row *list;
    size_t count;
};

static bool write_in(struct db_tx *tx, void *context, struct error *err)
{
    struct writing *w = context;
    for (size_t i = 0; i < w->count; i++) {
        const struct sync_row *r = &w->list[i];
        bool ok =
            r->here
                ? db_run(tx, err,
                         "insert into paths values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on "
                         "conflict (key) do update set here = ?2, there = ?3, thing = ?4, version "
                         "= ?5, number = ?6, content = ?7, size = ?8, here_ns = ?9, inode = ?10",
                         "sssssibiii", r->key, r->here, r->there, r->thing, r->version, r->number,
                         r->content.at, (size_t)SHA256_SIZE, r->size, r->here_ns, (int64_t)r->inode)
                : db_run(tx, err, "delete from paths where key = ?1", "s", r->key);
        if (!ok)
            return false;
    }
    return true;
}

bool sync_state_write(struct sync_state *s, const struct sync_row *list, size_t count,
                      struct error *err)
{
    struct writing w = {list, count};
    return !count || db_write(s->db, write_in, &w, err);
}

struct remembering {
    int64_t number;
};

static bool event_in(struct db_tx *tx, void *context, struct error *err)
{
    struct remembering *r = context;
    struct arena *a = arena_open(1 << 16);
    const char *value;
    bool ok = db_value_get(tx, "event", a, &value, err);
    if (!ok || !value || !text_int(text_of(value), &r->number))
        r->number = 0;
    arena_close(a);
    return ok;
}

bool sync_state_event(struct sync_state *s, int64_t *number, struct error *err)
{
    struct remembering r = {0};
    bool ok = db_read(s->db, event_in, &r, err);
    *number = r.number;
    return ok;
}

static bool event_set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct remembering *r = context;
    char value[24];
    snprintf(value, sizeof(value), "%lld", (long long)r->number);
    return db_value_set(tx, "event", value, err);
}

bool sync_state_event_set(struct sync_state *s, int64_t number, struct error *err)
{
    struct remembering r = {number};
    return db_write(s->db, event_set_in, &r, err);
}
