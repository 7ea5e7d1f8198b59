#include "house/transfer/watched.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { SILENT_MS = 60000, ORDERS_MOST = 100 };

static bool changed(struct db_tx *tx, const char *watched, struct error *err)
{
    return (db_changed(tx) || error_set(err, ERROR_NOT_FOUND, "there is no such watched folder")) &&
           db_event(tx, "watched.changed", NULL, watched, NULL, err);
}

bool watched_add(struct db_tx *tx, const struct watched_wish *w, int64_t now_ms, id *made,
                 struct error *err)
{
    int64_t count = 0, same = 0;
    if (!db_one_int(tx, &count, 0, err, "select count(*) from watched", "") ||
        !db_one_int(tx, &same, 0, err, "select count(*) from watched where path = ?1", "s",
                    w->path))
        return false;
    if (same) {
        error_set(err, ERROR_CONFLICT, "%s is watched already", w->path);
        return error_fix(err, "take the other one away first");
    }
    if (count >= WATCHED_MOST) {
        error_set(err, ERROR_TOO_MANY, "the house watches %d folders already", WATCHED_MOST);
        return error_fix(err, "watch the folder above them, or run `posthouse watch` by itself");
    }
    *made = id_new();
    char *rules = json_dumps(w->rules, JSON_COMPACT);
    bool ok = db_run(tx, err,
                     "insert into watched (id, path, project, folder, rules, enabled, made_by, "
                     "created_ms) values (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7)",
                     "ssssssi", made->text, w->path, w->project, w->folder, rules, w->by, now_ms) &&
              changed(tx, made->text, err);
    free(rules);
    return ok;
}

bool watched_enable(struct db_tx *tx, const char *watched, bool on, struct error *err)
{
    return db_run(tx, err, "update watched set enabled = ?2 where id = ?1", "si", watched,
                  (int64_t)on) &&
           changed(tx, watched, err);
}

bool watched_drop(struct db_tx *tx, const char *watched, struct error *err)
{
    return db_run(tx, err, "delete from watched where id = ?1", "s", watched) &&
           changed(tx, watched, err);
}

static json_t *read_json(const char *written, const char *none)
{
    json_t *value = json_loads(written ? written : none, JSON_DECODE_ANY, NULL);
    return value ? value : json_loads(none, JSON_DECODE_ANY, NULL);
}

bool watched_list(struct db_tx *tx, int64_t now_ms, json_t **list, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select w.id, w.path, w.project, coalesce(p.name, ''), w.folder, w.rules, w.enabled, "
        "w.made_by, w.created_ms, w.heard_ms, w.state from watched w left join projects p on p.id "
        "= w.project order by w.path",
        "");
    *list = json_array();
    while (db_next(rows)) {
        int64_t heard = db_int(rows, 9);
        bool on = db_int(rows, 6) != 0;
        json_t *one = json_pack(
            "{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:b}", "id", db_text(rows, 0), "path",
            db_text(rows, 1), "project", db_text(rows, 2), "project_name", db_text(rows, 3),
            "folder", db_text(rows, 4), "rules", read_json(db_text(rows, 5), "{}"), "enabled", on,
            "by", db_text(rows, 7), "created", clock_text(db_int(rows, 8)).text, "silent",
            on && heard < now_ms - SILENT_MS);
        if (heard)
            json_object_set_new(one, "heard", json_string(clock_text(heard).text));
        if (db_text(rows, 10))
            json_object_set_new(one, "state", read_json(db_text(rows, 10), "{}"));
        json_array_append_new(*list, one);
    }
    return db_end(rows, err);
}

static bool orders_of(struct db_tx *tx, const char *watched, json_t **orders, struct error *err)
{
    struct db_rows *rows = db_query(tx, "select orders from watched where id = ?1", "s", watched);
    *orders = db_next(rows) ? read_json(db_text(rows, 0), "[]") : NULL;
    if (!db_end(rows, err)) {
        json_decref(*orders), *orders = NULL;
        return false;
    }
    return *orders || error_set(err, ERROR_NOT_FOUND, "there is no such watched folder");
}

bool watched_said(struct db_tx *tx, const char *watched, const json_t *state, int64_t now_ms,
                  json_t **take, struct error *err)
{
    char *written = json_dumps(state, JSON_COMPACT);
    int64_t same = 0;
    bool ok = db_one_int(tx, &same, 0, err,
                         "select count(*) from watched where id = ?1 and state = ?2", "ss", watched,
                         written) &&
              db_run(tx, err, "update watched set state = ?2, heard_ms = ?3 where id = ?1", "ssi",
                     watched, written, now_ms) &&
              (same || changed(tx, watched, err)) && // what is as it was is no news
              orders_of(tx, watched, take, err);
    free(written);
    return ok;
}

bool watched_order(struct db_tx *tx, const char *watched, const char *name, struct error *err)
{
    json_t *orders, *one;
    size_t i;
    bool there = false;
    if (!orders_of(tx, watched, &orders, err))
        return false;
    json_array_foreach(orders, i, one) there = there || strcmp(json_string_value(one), name) == 0;
    if (!there)
        json_array_append_new(orders, json_string(name));
    while (json_array_size(orders) > ORDERS_MOST)
        json_array_remove(orders, 0);
    char *written = json_dumps(orders, JSON_COMPACT);
    bool ok =
        db_run(tx, err, "update watched set orders = ?2 where id = ?1", "ss", watched, written) &&
        changed(tx, watched, err);
    free(written);
    json_decref(orders);
    return ok;
}
