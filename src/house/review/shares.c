// Links. The key is 32 random bytes; only its SHA-256 is kept.
#include "house/review/inside.h"
#include "house/review/links.h"
#include "plat/clock.h"
#include "plat/hash.h"

#include <stdlib.h>
#include <string.h>

enum { SHARE_ASSETS_MAX = 1000, SHARE_FOLDERS_MAX = 100, MESSAGE_MAX = 2000, USES_MAX = 1000000 };

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
    size_t count = json_array_size(wish->assets), folders = json_array_size(wish->folders);
    bool request = wish->kind && strcmp(wish->kind, "request") == 0;
    const char *why = NULL;
    if (!title_acceptable("this title", wish->title, err))
        return false;
    if (request && !request_wants_good(wish->wants, err))
        return false;
    if (!request && !count && !folders)
        why = "it has no assets";
    else if (request && (count || folders))
        why = "a request holds no assets: files come in by it";
    else if (count > SHARE_ASSETS_MAX)
        why = "it has more than 1,000 assets; share their folder";
    else if (folders > SHARE_FOLDERS_MAX)
        why = "it has more than 100 folders";
    else if (wish->most_uses < 0 || wish->most_uses > USES_MAX)
        why = "it may be used 1 to 1,000,000 times, or 0: any number of times";
    else if (wish->message && (strlen(wish->message) > MESSAGE_MAX || !text_utf8(text_of(wish->message))))
        why = "its message is longer than 2,000 bytes";
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

static bool folder_into(struct db_tx *tx, const struct share_wish *wish, const char *share,
                        const char *folder, struct error *err)
{
    int64_t there = folder && !*folder;
    if (!there && !db_one_int(tx, &there, 0, err,
                              "select count(*) from folders where id = ?1 and project = ?2", "ss",
                              folder ? folder : "", wish->project))
        return false;
    if (!there) {
        error_set(err, ERROR_NOT_FOUND, "a folder of the share is not in this project");
        error_why(err, "it was deleted, or it belongs to another project");
        return error_fix(err, "load the list again and choose");
    }
    return db_run(tx, err,
                  "insert into share_folders (share, folder) values (?1, ?2) on conflict (share, "
                  "folder) do nothing",
                  "ss", share, folder);
}

// Those of its folders, and of all below them.
#define BELOW                                                                                      \
    "with recursive tree (id) as (select folder from share_folders where share = ?1 union select " \
    "f.id from folders f join tree t on f.parent = t.id where f.project = ?2) "

bool share_refresh(struct db_tx *tx, const char *share, struct error *err)
{
    char project[27] = "";
    struct db_rows *rows = db_query(tx,
                                    "select s.project from shares s join share_folders f on "
                                    "f.share = s.id where s.id = ?1 limit 1",
                                    "s", share);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    if (!db_end(rows, err))
        return false;
    return !project[0] ||
           (db_run(tx, err,
                   BELOW "delete from share_assets where share = ?1 and by_folder = 1 and not "
                         "exists (select 1 from assets a join tree t on t.id = a.folder where a.id "
                         "= share_assets.asset and a.project = ?2)",
                   "ss", share, project) &&
            db_run(tx, err,
                   BELOW "insert into share_assets (share, asset, position, by_folder) select ?1, "
                         "a.id, 1000000, 1 from assets a join tree t on t.id = a.folder where "
                         "a.project = ?2 and a.deleted = 0 on conflict (share, asset) do nothing",
                   "ss", share, project));
}

bool share_make(struct db_tx *tx, const struct share_wish *wish, id *made, secret *key,
                struct error *err)
{
    if (!wish_good(wish, err))
        return false;
    *made = id_new();
    *key = secret_new();
    sha256 hash = sha256_of(key->text, strlen(key->text));
    char *wants = wish->wants ? json_dumps(wish->wants, JSON_COMPACT) : NULL;
    bool done = false;
    if (!db_run(tx, err,
                "insert into shares (id, project, title, key_hash, permission, download, "
                "expires_ms, password, created_ms, person, kind, most_uses, message, wants) values "
                "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                "sssbsiisississ", made->text, wish->project, wish->title, (const void *)hash.at,
                (size_t)SHA256_SIZE, wish->permission, (int64_t)wish->download, wish->expires_ms,
                wish->password_hash, clock_now_ms(), wish->person, wish->kind ? wish->kind : "review", wish->most_uses,
                wish->message ? wish->message : "", wants))
        goto out;
    for (size_t i = 0; i < json_array_size(wish->assets); i++)
        if (!asset_into(tx, wish, made->text, json_string_value(json_array_get(wish->assets, i)),
                        (int64_t)i, err))
            goto out;
    for (size_t i = 0; i < json_array_size(wish->folders); i++)
        if (!folder_into(tx, wish, made->text,
                         json_string_value(json_array_get(wish->folders, i)), err))
            goto out;
    done = share_refresh(tx, made->text, err) &&
           db_event(tx, "share.made", wish->project, made->text, NULL, err);
out:
    free(wants);
    return done;
}

#define SHARE                                                                                      \
    "select s.id, s.project, s.title, s.permission, s.download, s.expires_ms, s.password is not "  \
    "null, s.created_ms, coalesce(p.name, ''), s.uses, s.revoked, s.kind, s.most_uses, s.message, " \
    "s.wants, s.used_ms, (select count(*) from share_folders f where f.share = s.id) from shares " \
    "s left join people p on p.id = s.person"

static json_t *share_row(struct db_rows *rows)
{
    const char *wants = db_text(rows, 14);
    return json_pack("{s:s, s:s, s:s, s:[], s:s, s:b, s:o, s:b, s:o, s:s, s:I, s:b, s:s, s:I, s:s, s:o, s:o, s:I}", "id",
                     db_text(rows, 0), "project", db_text(rows, 1), "title", db_text(rows, 2),
                     "assets", "permission", db_text(rows, 3), "download", (int)db_int(rows, 4),
                     "expires", time_or_null(db_int(rows, 5)), "password", (int)db_int(rows, 6),
                     "created", time_or_null(db_int(rows, 7)), "by", db_text(rows, 8), "uses",
                     (json_int_t)db_int(rows, 9), "revoked", (int)db_int(rows, 10), "kind",
                     db_text(rows, 11), "most_uses", (json_int_t)db_int(rows, 12), "message",
                     db_text(rows, 13), "wants",
                     wants ? json_loads(wants, 0, NULL) : json_null(), "used",
                     time_or_null(db_int(rows, 15)), "folders", (json_int_t)db_int(rows, 16));
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
    // A long list is asked for page by page (share_files): here are the first.
    struct db_rows *rows = db_query(tx,
                                    "select s.asset from share_assets s join assets a on a.id = "
                                    "s.asset where s.share = ?1 and a.deleted = 0 order by "
                                    "s.position limit ?2",
                                    "si", share, (int64_t)SHARE_ASSETS_MAX);
    while (db_next(rows))
        json_array_append_new(assets, json_string(db_text(rows, 0)));
    bool ok = db_end(rows, err);
    rows = db_query(tx,
                    "select title, permission, download, kind, message, wants, expires_ms, project "
                    "from shares where id = ?1",
                    "s", share);
    char project[27] = "";
    if (db_next(rows)) {
        const char *wants = db_text(rows, 5);
        text_copy(text_of(db_text(rows, 7)), project, sizeof(project));
        seen = json_pack("{s:s, s:s, s:s, s:b, s:O, s:o, s:s, s:s, s:o, s:o}", "id", share, "title",
                         db_text(rows, 0), "permission", db_text(rows, 1), "download",
                         (int)db_int(rows, 2), "assets", assets, "name",
                         name && *name ? json_string(name) : json_null(), "kind", db_text(rows, 3),
                         "message", db_text(rows, 4), "wants",
                         wants ? json_loads(wants, 0, NULL) : json_null(), "expires",
                         time_or_null(db_int(rows, 6)));
    }
    json_decref(assets);
    json_t *brand = NULL;
    if (db_end(rows, err) && ok && (seen || no_share(err)) && brand_of(tx, project, &brand, err)) {
        json_object_set_new(seen, "brand", brand);
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
                                    "select id, project, title, password, expires_ms, revoked, "
                                    "kind from shares where key_hash = ?1",
                                    "b", (const void *)hash.at, (size_t)SHA256_SIZE);
    if (db_next(rows)) {
        there = true;
        *found = (struct share_found){.id = arena_text(a, db_text(rows, 0)),
                                      .project = arena_text(a, db_text(rows, 1)),
                                      .title = arena_text(a, db_text(rows, 2)),
                                      .kind = arena_text(a, db_text(rows, 6)),
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
    if (!db_run(tx, err,
                "update shares set uses = uses + 1, used_ms = ?2 where id = ?1 and (most_uses = 0 "
                "or uses < most_uses)",
                "si", share, clock_now_ms()))
        return false;
    return db_changed(tx) > 0 ||
           over(err, ERROR_EXPIRED, "what was shared", "it was used as often as it may be");
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
