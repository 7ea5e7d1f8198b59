// Assets, their versions, files, facts and derived files: what changes them.
#include "house/assets/inside.h"
#include "plat/clock.h"
#include "time/rational.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool count_in(struct db_tx *tx, const char *project, const char *folder, int64_t assets,
                     int64_t bytes, struct error *err)
{
    return db_run(tx, err,
                  "update projects set assets = assets + ?2, bytes = bytes + ?3 where id = ?1",
                  "sii", project, assets, bytes) &&
           (!folder[0] || db_run(tx, err, "update folders set assets = assets + ?2 where id = ?1",
                                 "si", folder, assets));
}

// "A.mov" becomes "A (2).mov" when there is one in the folder, and so on.
static bool free_name(struct db_tx *tx, const struct asset_wish *wish, struct arena *a,
                      char name[300], struct error *err)
{
    const char *dot = strrchr(wish->name, '.');
    size_t stem = dot && dot != wish->name ? (size_t)(dot - wish->name) : strlen(wish->name);
    snprintf(name, 300, "%s", wish->name);
    for (int n = 2; n < 1000; n++) {
        int64_t count;
        if (!db_one_int(
                tx, &count, 0, err,
                "select count(*) from assets where project = ?1 and folder = ?2 and deleted = 0"
                " and sort_name = ?3",
                "sss", wish->project, wish->folder ? wish->folder : "", name_sort_key(a, name)))
            return false;
        if (!count)
            return true;
        // a long name gives way, at a whole character
        size_t keep =
            stem < 240 - strlen(wish->name + stem) ? stem : 240 - strlen(wish->name + stem);
        while (keep > 0 && ((unsigned char)wish->name[keep] & 0xc0) == 0x80)
            keep--;
        snprintf(name, 300, "%.*s (%d)%s", (int)keep, wish->name, n, wish->name + stem);
    }
    return error_set(err, ERROR_CONFLICT, "too many assets are called %s", wish->name);
}

// A version's content: of one file the file's own, of several the SHA-256 over theirs in order.
static sha256 content_of(const struct asset_wish *wish)
{
    if (wish->file_count == 1)
        return wish->files[0].content;
    struct hasher *h = hasher_open("sha256");
    sha256 out;
    uint8_t digest[64];
    for (size_t i = 0; i < wish->file_count; i++)
        hasher_add(h, wish->files[i].content.at, SHA256_SIZE);
    hasher_end(h, digest);
    memcpy(out.at, digest, SHA256_SIZE);
    return out;
}

static bool add_version(struct db_tx *tx, const struct asset_wish *wish,
                        const struct asset_made *made, int64_t size, struct error *err)
{
    sha256 content = content_of(wish);
    if (!db_run(tx, err,
                "insert into versions values (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, 'stored', ?8, null)",
                "ssisiibs", made->version.text, made->asset.text, clock_now_ms(), wish->by, size,
                (int64_t)wish->file_count, (const void *)content.at, (size_t)SHA256_SIZE,
                wish->facts))
        return false;
    for (size_t i = 0; i < wish->file_count; i++) {
        const struct asset_file *f = &wish->files[i];
        if (!db_run(tx, err, "insert into version_files values (?1, ?2, ?3, ?4, ?5, ?6)", "sisibi",
                    made->version.text, (int64_t)i + 1, f->name, f->size,
                    (const void *)f->content.at, (size_t)SHA256_SIZE, f->modified_ms))
            return false;
    }
    return true;
}

bool asset_add(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
               struct error *err)
{
    char name[300];
    const char *folder = wish->folder ? wish->folder : "";
    int64_t size = 0;
    for (size_t i = 0; i < wish->file_count; i++)
        size += wish->files[i].size;
    *made = (struct asset_made){id_new(), id_new()};
    struct arena *a = arena_open(16 << 20);
    bool ok =
        name_acceptable("clip or file", wish->name, err) && free_name(tx, wish, a, name, err) &&
        db_run(tx, err,
               "insert into assets values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, 0, 0)",
               "ssssssissi", made->asset.text, wish->project, folder, name, name_sort_key(a, name),
               wish->kind, clock_now_ms(), wish->by, made->version.text, size) &&
        add_version(tx, wish, made, size, err) &&
        db_search_set(tx, "assets", made->asset.text, search_words(a, name), err) &&
        count_in(tx, wish->project, folder, 1, size, err) &&
        say(tx, "asset.changed", wish->project, made->asset.text, err) &&
        say(tx, "version.stored", wish->project, made->version.text, err);
    arena_close(a);
    return ok;
}

struct where { // of an asset, as it is
    char project[27], folder[27];
    int64_t size, deleted;
};

static bool find(struct db_tx *tx, const char *asset, struct where *w, bool *there,
                 struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select project, folder, size, deleted from assets where id = ?1", "s", asset);
    *there = db_next(rows);
    if (*there) {
        text_copy(text_of(db_text(rows, 0)), w->project, sizeof(w->project));
        text_copy(text_of(db_text(rows, 1)), w->folder, sizeof(w->folder));
        w->size = db_int(rows, 2);
        w->deleted = db_int(rows, 3);
    }
    return db_end(rows, err);
}

static bool move_one(struct db_tx *tx, const char *asset, const struct where *w, const char *folder,
                     struct error *err)
{
    int64_t fits = 1;
    if (folder[0] && !db_one_int(tx, &fits, 0, err,
                                 "select count(*) from folders where id = ?1 and project = ?2",
                                 "ss", folder, w->project))
        return false;
    if (!fits) {
        error_set(err, ERROR_NOT_FOUND, "the folder to put it in is not there");
        return error_fix(err, "choose another folder; somebody may have removed it");
    }
    int64_t counted = w->deleted ? 0 : 1;
    return db_run(tx, err, "update assets set folder = ?2 where id = ?1", "ss", asset, folder) &&
           (!w->folder[0] ||
            db_run(tx, err, "update folders set assets = assets - ?2 where id = ?1", "si",
                   w->folder, counted)) &&
           (!folder[0] || db_run(tx, err, "update folders set assets = assets + ?2 where id = ?1",
                                 "si", folder, counted)) &&
           say(tx, "asset.changed", w->project, asset, err);
}

bool asset_change(struct db_tx *tx, const char *asset, const char *name, const char *folder,
                  struct error *err)
{
    struct where w;
    bool there;
    if (!find(tx, asset, &w, &there, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such asset");
    if (name) {
        if (!name_acceptable("clip or file", name, err))
            return false;
        struct arena *a = arena_open(1 << 20);
        bool ok = db_run(tx, err, "update assets set name = ?2, sort_name = ?3 where id = ?1",
                         "sss", asset, name, name_sort_key(a, name)) &&
                  db_search_set(tx, "assets", asset, search_words(a, name), err) &&
                  say(tx, "asset.changed", w.project, asset, err);
        arena_close(a);
        if (!ok)
            return false;
    }
    return !folder || move_one(tx, asset, &w, folder, err);
}

bool assets_delete(struct db_tx *tx, const char *project, const json_t *ids, bool deleted,
                   int64_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *asset = json_string_value(json_array_get(ids, i));
        struct where w;
        bool there;
        if (!find(tx, asset ? asset : "", &w, &there, err))
            return false;
        if (!there || strcmp(w.project, project) != 0 || (w.deleted != 0) == deleted)
            continue;
        int sign = deleted ? -1 : 1;
        if (!db_run(tx, err, "update assets set deleted = ?2 where id = ?1", "si", asset,
                    (int64_t)deleted) ||
            !count_in(tx, project, w.folder, sign, sign * w.size, err) ||
            !say(tx, deleted ? "asset.deleted" : "asset.changed", project, asset, err))
            return false;
        ++*count;
    }
    return true;
}

bool assets_move(struct db_tx *tx, const char *project, const json_t *ids, const char *folder,
                 int64_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *asset = json_string_value(json_array_get(ids, i));
        struct where w;
        bool there;
        if (!find(tx, asset ? asset : "", &w, &there, err))
            return false;
        if (!there || strcmp(w.project, project) != 0)
            continue;
        if (!move_one(tx, asset, &w, folder ? folder : "", err))
            return false;
        ++*count;
    }
    return true;
}

static bool version_place(struct db_tx *tx, const char *version, char project[27], char asset[27],
                          struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select a.project, a.id from versions v join assets a on a.id = v.asset where v.id = ?1",
        "s", version);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), project, 27);
        text_copy(text_of(db_text(rows, 1)), asset, 27);
    }
    return db_end(rows, err) &&
           (there || error_set(err, ERROR_NOT_FOUND, "there is no such version"));
}

bool version_state_set(struct db_tx *tx, const char *version, const char *state,
                       const char *problem, struct error *err)
{
    char project[27], asset[27];
    bool ready = strcmp(state, "ready") == 0, failed = strcmp(state, "failed") == 0;
    return version_place(tx, version, project, asset, err) &&
           db_run(tx, err, "update versions set state = ?2, problem = ?3 where id = ?1", "sss",
                  version, state, problem) &&
           say(tx, "asset.changed", project, asset, err) &&
           (!(ready || failed) ||
            say(tx, ready ? "version.ready" : "version.failed", project, version, err));
}

// Duration in milliseconds, only to sort by.
static int64_t duration_ms(const json_t *facts)
{
    rational rate;
    struct error ignored;
    const char *text_rate = json_string_value(json_object_get(facts, "rate"));
    int64_t frames = json_integer_value(json_object_get(facts, "duration_frames"));
    if (!text_rate || !rational_parse(text_of(text_rate), &rate, &ignored))
        return 0;
    return rescale(frames, rate, (rational){1000, 1}, ROUND_NEAREST);
}

bool version_facts_set(struct db_tx *tx, const char *version, const json_t *facts,
                       struct error *err)
{
    char project[27], asset[27];
    if (!version_place(tx, version, project, asset, err))
        return false;
    char *dumped = json_dumps(facts, JSON_COMPACT);
    if (!dumped)
        return error_set(err, ERROR_INTERNAL, "the facts of a file can not be written down");
    const char *kind = json_string_value(json_object_get(facts, "kind"));
    bool ok =
        db_run(tx, err, "update versions set facts = ?2 where id = ?1", "ss", version, dumped) &&
        db_run(tx, err,
               "update assets set kind = coalesce(?3, kind), duration_ms = ?4 where id = ?1 and "
               "newest = ?2",
               "sssi", asset, version, kind, duration_ms(facts)) &&
        say(tx, "version.probed", project, version, err) &&
        say(tx, "asset.changed", project, asset, err);
    free(dumped);
    return ok;
}

bool derived_add(struct db_tx *tx, const sha256 *content, const char *recipe, const char *kind,
                 const char *name, const sha256 *file, int64_t size, struct error *err)
{
    return db_run(tx, err,
                  "insert into derived values (?1, ?2, ?3, ?4, ?5, ?6)"
                  " on conflict (content, recipe, name) do update set file = ?5, size = ?6",
                  "bsssbi", (const void *)content->at, (size_t)SHA256_SIZE, recipe, kind, name,
                  (const void *)file->at, (size_t)SHA256_SIZE, size);
}
