#include "farend/farend.h"
#include "house/deliver/sending.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRETS_MOST = 256 << 10 };

static bool name_fits(const char *name, struct error *err)
{
    text t = text_of(name);
    bool ok = text_trim(t).size == t.size && t.size && t.size <= 100 && text_utf8(t);
    for (size_t i = 0; ok && i < t.size; i++)
        ok = (unsigned char)t.at[i] >= ' ' && t.at[i] != 127;
    if (ok)
        return true;
    error_set(err, ERROR_INPUT, "a destination can not be called so");
    error_why(err, "a name is 1 to 100 bytes, without line ends");
    return error_fix(err, "choose another name");
}

static bool name_free(struct db_tx *tx, const char *name, const char *but, struct error *err)
{
    int64_t other;
    if (!db_one_int(tx, &other, 0, err,
                    "select count(*) from destinations where name = ?1 and id <> ?2", "ss", name,
                    but))
        return false;
    if (!other)
        return true;
    error_set(err, ERROR_CONFLICT, "there is a destination called %s already", name);
    return error_fix(err, "change that one, or choose another name");
}

static bool sealed_of(const struct seal *seal, const char *id, const json_t *secrets,
                      struct buf *sealed, struct error *err)
{
    char *text = json_dumps(secrets, JSON_COMPACT);
    bool ok = text && seal_put(seal, id, text_of(text), sealed, err);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return ok;
}

static bool say(struct db_tx *tx, const char *id, struct error *err)
{
    return db_event(tx, "destination.changed", NULL, id, NULL, err);
}

bool destination_make(struct db_tx *tx, const struct seal *seal, const char *senders,
                      const struct destination_wish *w, int64_t now_ms, id *made, struct error *err)
{
    json_t *none = json_object();
    const json_t *settings = w->settings ? w->settings : none,
                 *secrets = w->secrets ? w->secrets : none;
    struct buf sealed = BUF_LIMIT(SECRETS_MOST);
    char *text = json_dumps(settings, JSON_COMPACT);
    bool any = json_object_size(secrets) > 0;
    *made = id_new();
    bool ok = text && name_fits(w->name, err) && name_free(tx, w->name, "", err) &&
              farend_check(w->kind, settings, secrets, senders, err) &&
              (!any || sealed_of(seal, made->text, secrets, &sealed, err)) &&
              db_run(tx, err, "insert into destinations values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 0)",
                     "ssssbsi", made->text, w->name, w->kind, text,
                     any ? (const void *)sealed.at : NULL, sealed.size, w->by, now_ms) &&
              say(tx, made->text, err);
    free(text);
    buf_free(&sealed);
    json_decref(none);
    return ok;
}

static bool no_destination(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such destination");
    return error_fix(err, "`posthouse destination list` shows them");
}

bool destination_open(struct db_tx *tx, const struct seal *seal, const char *destination,
                      struct arena *a, struct destination *d, struct error *err)
{
    struct buf sealed = BUF_LIMIT(SECRETS_MOST), plain = BUF_LIMIT(SECRETS_MOST);
    *d = (struct destination){.id = arena_text(a, destination)};
    struct db_rows *rows =
        db_query(tx, "select name, kind, settings, secrets from destinations where id = ?1", "s",
                 destination);
    bool there = db_next(rows);
    if (there) {
        size_t size;
        d->name = arena_text(a, db_text(rows, 0));
        d->kind = arena_text(a, db_text(rows, 1));
        d->settings = json_loads(db_text(rows, 2), 0, NULL);
        const void *at = db_blob(rows, 3, &size);
        if (at)
            buf_add(&sealed, at, size);
    }
    bool ok = db_end(rows, err) && (there || no_destination(err)) &&
              (!sealed.size || seal_take(seal, destination, sealed.at, sealed.size, &plain, err));
    d->secrets = ok && plain.size ? json_loadb(plain.at, plain.size, 0, NULL) : json_object();
    if (plain.at)
        explicit_bzero(plain.at, plain.size);
    buf_free(&plain);
    buf_free(&sealed);
    if (!ok)
        destination_close(d);
    return ok;
}

void destination_close(struct destination *d)
{
    json_decref(d->settings);
    json_decref(d->secrets);
    d->settings = d->secrets = NULL;
}

bool destination_change(struct db_tx *tx, const struct seal *seal, const char *senders,
                        const char *destination, const struct destination_wish *w, int64_t now_ms,
                        struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct destination d;
    struct buf sealed = BUF_LIMIT(SECRETS_MOST);
    bool ok = destination_open(tx, seal, destination, a, &d, err);
    if (ok && w->secrets) { // those that are given; the others stay
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)w->secrets, key, value)
        {
            if (json_is_null(value) || (json_is_string(value) && !json_string_length(value)))
                json_object_del(d.secrets, key);
            else
                json_object_set(d.secrets, key, value);
        }
    }
    const char *name = ok && w->name ? w->name : d.name;
    const json_t *settings = w->settings ? w->settings : d.settings;
    char *text = ok ? json_dumps(settings, JSON_COMPACT) : NULL;
    bool any = json_object_size(d.secrets) > 0;
    ok = ok && text && name_fits(name, err) && name_free(tx, name, destination, err) &&
         farend_check(d.kind, settings, d.secrets, senders, err) &&
         (!any || sealed_of(seal, destination, d.secrets, &sealed, err)) &&
         db_run(tx, err,
                "update destinations set name = ?2, settings = ?3, secrets = ?4, changed_ms = ?5 "
                "where id = ?1",
                "sssbi", destination, name, text, any ? (const void *)sealed.at : NULL, sealed.size,
                now_ms) &&
         say(tx, destination, err);
    free(text);
    buf_free(&sealed);
    destination_close(&d);
    arena_close(a);
    return ok;
}

bool destination_drop(struct db_tx *tx, const char *destination, struct error *err)
{
    int64_t used;
    if (!db_one_int(tx, &used, 0, err,
                    "select (select count(*) from sendings where destination = ?1 and state in "
                    "('waiting', 'running', 'ready')) + (select count(*) from watch_rules where "
                    "destination = ?1)",
                    "s", destination))
        return false;
    if (used) {
        error_set(err, ERROR_CONFLICT, "this destination is in use");
        error_why(err, "something is on its way to it, or a watch rule names it");
        return error_fix(err, "wait or cancel, and take the rules away first");
    }
    // The name is free again; the row stays, without its secrets, for what was sent.
    return db_run(
               tx, err,
               "update destinations set gone = 1, secrets = null, name = name || ' (' || id || ')' "
               "where id = ?1 and gone = 0",
               "s", destination) &&
           (db_changed(tx) || no_destination(err)) && say(tx, destination, err);
}

#define COLUMNS "id, name, kind, settings, secrets is not null, made_by, created_ms, changed_ms"

static json_t *row_json(struct db_rows *rows, bool settings)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "id", db_text(rows, 0), "name", db_text(rows, 1),
        "kind", db_text(rows, 2), "secrets", (int)db_int(rows, 4), "by", db_text(rows, 5),
        "created", clock_text(db_int(rows, 6)).text, "changed", clock_text(db_int(rows, 7)).text);
    if (settings)
        json_object_set_new(json, "settings", json_loads(db_text(rows, 3), 0, NULL));
    return json;
}

bool destination_get(struct db_tx *tx, const char *destination, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select " COLUMNS " from destinations where id = ?1 and gone = 0", "s", destination);
    *json = db_next(rows) ? row_json(rows, true) : NULL;
    if (!db_end(rows, err)) {
        json_decref(*json), *json = NULL;
        return false;
    }
    return *json || no_destination(err);
}

bool destination_list(struct db_tx *tx, bool settings, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from destinations where gone = 0 order by name", "");
    while (db_next(rows))
        json_array_append_new(*list, row_json(rows, settings));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}
