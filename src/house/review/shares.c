// Links out. The key is 32 random bytes; only its SHA-256 is kept.
#include "house/review/inside.h"
#include "plat/clock.h"
#include "plat/hash.h"

#include <string.h>

enum { SHARE_ASSETS_MAX = 1000 };

static bool no_share(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such share");
    error_why(err, "the link is not complete, or it was never one of this house");
    return error_fix(err, "ask whoever sent it for the whole link");
}

json_t *time_or_null(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

bool title_acceptable(const char *what, const char *title, struct error *err)
{
    text t = text_of(title);
    const char *why = !text_trim(t).size ? "it is empty"
                      : t.size > 255     ? "it is longer than 255 bytes"
                      : !text_utf8(t)    ? "it is not UTF-8"
                                         : NULL;
    for (size_t i = 0; i < t.size && !why; i++)
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
            why = "it holds a control character, such as a line end";
    if (!why)
        return true;
    error_set(err, ERROR_INPUT, "%s cannot be used", what);
    error_why(err, "%s", why);
    return error_fix(err, "choose another one");
}

static bool wish_good(const struct share_wish *wish, struct error *err)
{
    size_t count = json_array_size(wish->assets);
    const char *why = NULL;
    if (!title_acceptable("this title", wish->title, err))
        return false;
    if (!count)
        why = "it has no assets";
    else if (count > SHARE_ASSETS_MAX)
        why = "it has more than 1,000 assets";
    else if (strcmp(wish->permission, "view") && strcmp(wish->permission, "comment"))
        why = "its permission is neither view nor comment";
    else if (wish->expires_ms && wish->expires_ms <= clock_now_ms())
        why = "its end is in the past";
    if (!why)
        return true;
    error_set(err, ERROR_INPUT, "the share cannot be made");
    error_why(err, "%s", why);
    return error_fix(err, "choose again and send it once more");
}

static bool asset_into(struct db_tx *tx, const struct share_wish *wish, const char *share,
                       const char *asset, int64_t position, struct error *err)
{
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err,
                    "select count(*) from assets where id = ?1 and project = ?2 and deleted = 0",
                    "ss", asset ? asset : "", wish->project))
        return false;
    if (!there) {
        error_set(err, ERROR_NOT_FOUND, "an asset of the share is not in this project");
        error_why(err, "it was deleted, or it belongs to another project");
        return error_fix(err, "load the list again and choose");
    }
    return db_run(tx, err,
                  "insert into share_assets (share, asset, position) values (?1, ?2, ?3) on "
                  "conflict (share, asset) do nothing",
                  "ssi", share, asset, position);
}

bool share_make(struct db_tx *tx, const struct share_wish *wish, id *made, secret *key,
                struct error *err)
{
    if (!wish_good(wish, err))
        return false;
    *made = id_new();
    *key = secret_new();
    sha256 hash = sha256_of(key->text, strlen(key->text));
    if (!db_run(tx, err,
                "insert into shares (id, project, title, key_hash, permission, download, "
                "expires_ms, password, created_ms, person) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                "?8, ?9, ?10)",
                "sssbsiisis", made->text, wish->project, wish->title, (const void *)hash.at,
                (size_t)SHA256_SIZE, wish->permission, (int64_t)wish->download, wish->expires_ms,
                wish->password_hash, clock_now_ms(), wish->person))
        return false;
    for (size_t i = 0; i < json_array_size(wish->assets); i++)
        if (!asset_into(tx, wish, made->text, json_string_value(json_array_get(wish->assets, i)),
                        (int64_t)i, err))
            return false;
    return db_event(tx, "share.made", wish->project, made->text, NULL, err);
}

#define SHARE                                                                                      \
    "select s.id, s.project, s.title, s.permission, s.download, s.expires_ms, s.password is not "  \
    "null, s.created_ms, coalesce(p.name, ''), s.uses, s.revoked from shares s left join people "  \
    "p on p.id = s.person"

static json_t *share_row(struct db_rows *rows)
{
    return json_pack("{s:s, s:s, s:s, s:[], s:s, s:b, s:o, s:b, s:o, s:s, s:I, s:b}", "id",
                     db_text(rows, 0), "project", db_text(rows, 1), "title", db_text(rows, 2),
                     "assets", "permission", db_text(rows, 3), "download", (int)db_int(rows, 4),
                     "expires", time_or_null(db_int(rows, 5)), "password", (int)db_int(rows, 6),
                     "created", time_or_null(db_int(rows, 7)), "by", db_text(rows, 8), "uses",
                     (json_int_t)db_int(rows, 9), "revoked", (int)db_int(rows, 10));
}

static bool assets_of(struct db_tx *tx, const char *share, json_t *assets, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select asset from share_assets where share = ?1 order by position", "s", share);
    while (db_next(rows))
        json_array_append_new(assets, json_string(db_text(rows, 0)));
    return db_end(rows, err);
}

bool share_get(struct db_tx *tx, const char *share, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, SHARE " where s.id = ?1", "s", share);
    json_t *read = db_next(rows) ? share_row(rows) : NULL;
    bool ok = db_end(rows, err) && (read || no_share(err)) &&
              assets_of(tx, share, json_object_get(read, "assets"), err);
    *json = ok ? read : NULL;
    if (!ok)
        json_decref(read);
    return ok;
}

bool share_seen(struct db_tx *tx, const char *share, const char *name, json_t **json,
                struct error *err)
{
    json_t *assets = json_array(), *seen = NULL;
    struct db_rows *rows = db_query(tx,
                                    "select s.asset from share_assets s join assets a on a.id = "
                                    "s.asset where s.share = ?1 and a.deleted = 0 order by "
                                    "s.position",
                                    "s", share);
    while (db_next(rows))
        json_array_append_new(assets, json_string(db_text(rows, 0)));
    bool ok = db_end(rows, err);
    rows = db_query(tx, "select title, permission, download from shares where id = ?1", "s", share);
    if (db_next(rows))
        seen = json_pack("{s:s, s:s, s:s, s:b, s:O, s:o}", "id", share, "title", db_text(rows, 0),
                         "permission", db_text(rows, 1), "download", (int)db_int(rows, 2), "assets",
                         assets, "name", name && *name ? json_string(name) : json_null());
    json_decref(assets);
    if (db_end(rows, err) && ok && (seen || no_share(err))) {
        *json = seen;
        return true;
    }
    json_decref(seen);
    *json = NULL;
    return false;
}

bool share_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    json_t *read = json_array(), *by_id = json_object();
    struct db_rows *rows = db_query(
        tx, SHARE " where s.project = ?1 order by s.created_ms desc, s.id desc", "s", project);
    while (db_next(rows)) {
        json_t *share = share_row(rows);
        json_object_set(by_id, db_text(rows, 0), json_object_get(share, "assets"));
        json_array_append_new(read, share);
    }
    bool ok = db_end(rows, err);
    if (ok) {
        rows = db_query(tx,
                        "select a.share, a.asset from shares s join share_assets a on a.share = "
                        "s.id where s.project = ?1 order by a.share, a.position",
                        "s", project);
        while (db_next(rows))
            json_array_append_new(json_object_get(by_id, db_text(rows, 0)),
                                  json_string(db_text(rows, 1)));
        ok = db_end(rows, err);
    }
    json_decref(by_id);
    *list = ok ? read : NULL;
    if (!ok)
        json_decref(read);
    return ok;
}

bool share_revoke(struct db_tx *tx, const char *share, struct error *err)
{
    char project[27] = "";
    int64_t revoked = 0;
    struct db_rows *rows =
        db_query(tx, "select project, revoked from shares where id = ?1", "s", share);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
        revoked = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        return false;
    if (!project[0])
        return no_share(err);
    return revoked || (db_run(tx, err, "update shares set revoked = 1 where id = ?1", "s", share) &&
                       db_event(tx, "share.revoked", project, share, NULL, err));
}

static bool over(struct error *err, enum error_kind kind, const char *title, const char *why)
{
    error_set(err, kind, "the link to %s does not work any more", title);
    error_why(err, "%s", why);
    return error_fix(err, "ask whoever sent it for a new one");
}

bool share_find(struct db_tx *tx, const char *key, struct arena *a, struct share_found *found,
                struct error *err)
{
    sha256 hash = sha256_of(key, strlen(key));
    bool there = false, revoked = false;
    struct db_rows *rows = db_query(tx,
                                    "select id, project, title, password, expires_ms, revoked from "
                                    "shares where key_hash = ?1",
                                    "b", (const void *)hash.at, (size_t)SHA256_SIZE);
    if (db_next(rows)) {
        there = true;
        *found = (struct share_found){.id = arena_text(a, db_text(rows, 0)),
                                      .project = arena_text(a, db_text(rows, 1)),
                                      .title = arena_text(a, db_text(rows, 2)),
                                      .password_hash = arena_text(a, db_text(rows, 3)),
                                      .expires_ms = db_int(rows, 4)};
        revoked = db_int(rows, 5) != 0;
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return no_share(err);
    if (revoked)
        return over(err, ERROR_REVOKED, found->title, "whoever made it has taken it back");
    if (found->expires_ms && found->expires_ms <= clock_now_ms())
        return over(err, ERROR_EXPIRED, found->title, "its time is over");
    return true;
}

bool share_used(struct db_tx *tx, const char *share, struct error *err)
{
    return db_run(tx, err, "update shares set uses = uses + 1, used_ms = ?2 where id = ?1", "si",
                  share, clock_now_ms());
}

bool share_shows(struct db_tx *tx, const char *share, const char *asset, bool *shows,
                 struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from share_assets s join assets a on a.id = s.asset "
                         "where s.share = ?1 and s.asset = ?2 and a.deleted = 0",
                         "ss", share, asset);
    *shows = count > 0;
    return ok;
}
