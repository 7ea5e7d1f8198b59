// Assets as they come, change their names and places, go and come back.
#include "house/assets/inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_TRIES = 1 << 20 };

bool count_in(struct db_tx *tx, const char *project, const char *folder, int64_t assets,
              int64_t bytes, struct error *err)
{
    return db_run(tx, err,
                  "update projects set assets = assets + ?2, bytes = bytes + ?3 where id = ?1",
                  "sii", project, assets, bytes) &&
           (!folder[0] || !assets ||
            db_run(tx, err, "update folders set assets = assets + ?2 where id = ?1", "si", folder,
                   assets));
}

bool folder_fits(struct db_tx *tx, const char *project, const char *folder, struct error *err)
{
    int64_t fits = 1;
    if (folder[0] && !db_one_int(tx, &fits, 0, err,
                                 "select count(*) from folders where id = ?1 and project = ?2",
                                 "ss", folder, project))
        return false;
    if (fits)
        return true;
    error_set(err, ERROR_NOT_FOUND, "the folder to put it in is not there");
    return error_fix(err, "choose another folder; somebody may have removed it");
}

// ---- names

// "A.mov" as "A (2).mov"; a long name gives way, at a whole character.
static void numbered(const char *wanted, int n, char name[256])
{
    const char *dot = strrchr(wanted, '.');
    size_t size = strlen(wanted), stem = dot && dot != wanted ? (size_t)(dot - wanted) : size;
    if (size - stem > 32) // not an ending, only a dot somewhere
        stem = size;
    char number[16];
    size_t more = (size_t)snprintf(number, sizeof(number), " (%d)", n) + (size - stem);
    size_t keep = stem + more <= 255 ? stem : 255 - more;
    while (keep < stem && keep > 0 && ((unsigned char)wanted[keep] & 0xc0) == 0x80)
        keep--;
    snprintf(name, 256, "%.*s%s%s", (int)keep, wanted, number, wanted + stem);
}

static bool name_taken(struct db_tx *tx, const char *project, const char *folder, const char *own,
                       const char *name, bool *taken, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from assets where project = ?1 and folder = ?2 and "
                         "deleted = 0 and sort_name = ?3 and id <> ?4",
                         "ssss", project, folder, name_sort_key(a, name), own);
    arena_close(a);
    *taken = count > 0;
    return ok;
}

// A name that no other asset in the folder has. Looks ever further on, then back by halves: ten
// thousand files of one name cost ten thousand times twenty looks, not ten thousand squared.
static bool name_free(struct db_tx *tx, const char *project, const char *folder, const char *own,
                      const char *wanted, char name[256], bool *renamed, struct error *err)
{
    bool taken;
    snprintf(name, 256, "%s", wanted);
    *renamed = false;
    if (!name_taken(tx, project, folder, own, wanted, &taken, err))
        return false;
    if (!taken)
        return true;
    *renamed = true;
    int low = 1, high = 2;
    for (; high < NAME_TRIES; low = high, high *= 2) {
        numbered(wanted, high, name);
        if (!name_taken(tx, project, folder, own, name, &taken, err))
            return false;
        if (!taken)
            break;
    }
    while (low + 1 < high) {
        int middle = low + (high - low) / 2;
        numbered(wanted, middle, name);
        if (!name_taken(tx, project, folder, own, name, &taken, err))
            return false;
        *(taken ? &low : &high) = middle;
    }
    numbered(wanted, high, name);
    return true;
}

// *row is what the asset keeps as its `words`.
static bool words_set(struct db_tx *tx, const char *asset, const char *name, struct arena *a,
                      int64_t *row, struct error *err)
{
    return db_search_set(tx, "assets", asset, db_search_name(a, name), err) &&
           db_search_row(tx, "assets", asset, row, err);
}

// ---- coming

static sha256 content_of(const struct asset_wish *wish)
{
    if (wish->file_count == 1)
        return wish->files[0].content;
    struct hasher *h = hasher_open("sha256");
    sha256 out;
    uint8_t digest[64];
    for (size_t i = 0; i < wish->file_count; i++) {
        hasher_add(h, wish->files[i].name, strlen(wish->files[i].name) + 1);
        hasher_add(h, wish->files[i].content.at, SHA256_SIZE);
    }
    hasher_end(h, digest);
    memcpy(out.at, digest, SHA256_SIZE);
    return out;
}

// Names of files may have '/' between their parts, as on a card.
static bool files_acceptable(const struct asset_wish *wish, struct error *err)
{
    if (!wish->file_count) {
        error_set(err, ERROR_INPUT, "a version without files cannot be kept");
        return error_fix(err, "send at least one file");
    }
    for (size_t i = 0; i < wish->file_count; i++)
        for (text rest = text_of(wish->files[i].name), part = rest; rest.size;) {
            char name[256];
            part = text_cut(&rest, '/');
            bool fits = text_copy(part, name, sizeof(name));
            if (!name_acceptable("file", fits ? name : wish->files[i].name, err))
                return false;
        }
    return true;
}

static int64_t size_of(const struct asset_wish *wish)
{
    int64_t size = 0;
    for (size_t i = 0; i < wish->file_count; i++)
        size += wish->files[i].size;
    return size;
}

static bool version_insert(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
                           struct error *err)
{
    made->content = content_of(wish);
    if (!db_run(tx, err,
                "insert into versions (id, asset, number, created_ms, made_by, size, file_count, "
                "content, state, known) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'stored', ?9)",
                "ssiisiibs", made->version.text, made->asset.text, made->number, clock_now_ms(),
                wish->by, size_of(wish), (int64_t)wish->file_count, (const void *)made->content.at,
                (size_t)SHA256_SIZE, wish->facts))
        return false;
    for (size_t i = 0; i < wish->file_count; i++) {
        const struct asset_file *f = &wish->files[i];
        if (!db_run(tx, err,
                    "insert into version_files (version, number, name, size, content, "
                    "modified_ms) values (?1, ?2, ?3, ?4, ?5, ?6)",
                    "sisibi", made->version.text, (int64_t)i + 1, f->name, f->size,
                    (const void *)f->content.at, (size_t)SHA256_SIZE, f->modified_ms))
            return false;
    }
    return true;
}

// Whether the version was made before; then what it is. CONFLICT when its id is another asset's.
static bool made_before(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
                        struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select v.asset, v.number, v.content, a.name from versions v "
                                    "join assets a on a.id = v.asset where v.id = ?1",
                                    "s", made->version.text);
    bool other = false;
    if (wish->version_id && db_next(rows)) {
        made->again = true;
        other = strcmp(made->asset.text, db_text(rows, 0)) != 0;
        made->number = db_int(rows, 1);
        made->content = db_hash(rows, 2);
        text_copy(text_of(db_text(rows, 3)), made->name, sizeof(made->name));
    }
    if (!db_end(rows, err))
        return false;
    if (other) {
        error_set(err, ERROR_CONFLICT, "this version is one of another asset");
        return error_fix(err, "send it under an id of its own");
    }
    return true;
}

static id id_or_new(const char *own)
{
    id made = id_new();
    if (own)
        text_copy(text_of(own), made.text, sizeof(made.text));
    return made;
}

bool asset_add(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
               struct error *err)
{
    const char *folder = wish->folder ? wish->folder : "";
    int64_t size = size_of(wish), words = 0;
    *made = (struct asset_made){
        .asset = id_or_new(wish->asset_id), .version = id_or_new(wish->version_id), .number = 1};
    if (!made_before(tx, wish, made, err))
        return false;
    if (made->again)
        return true;
    struct arena *a = arena_open(16 << 20);
    bool ok =
        name_acceptable("clip or file", wish->name, err) && files_acceptable(wish, err) &&
        folder_fits(tx, wish->project, folder, err) &&
        name_free(tx, wish->project, folder, "", wish->name, made->name, &made->renamed, err) &&
        words_set(tx, made->asset.text, made->name, a, &words, err) &&
        db_run(tx, err,
               "insert into assets (id, project, folder, name, sort_name, kind, created_ms, "
               "made_by, newest, versions, size, bytes, duration_ms, deleted, words) values "
               "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?10, 0, 0, ?11)",
               "ssssssissii", made->asset.text, wish->project, folder, made->name,
               name_sort_key(a, made->name), wish->kind, clock_now_ms(), wish->by,
               made->version.text, size, words) &&
        version_insert(tx, wish, made, err) &&

        count_in(tx, wish->project, folder, 1, size, err) &&
        say_asset(tx, "asset.changed", wish->project, made->asset.text, made->version.text, err) &&
        (wish->untold ||
         say_asset(tx, "version.stored", wish->project, made->asset.text, made->version.text, err));
    arena_close(a);
    return ok;
}

bool version_add(struct db_tx *tx, const char *asset, const struct asset_wish *wish,
                 struct asset_made *made, struct error *err)
{
    struct where w;
    int64_t size = size_of(wish);
    *made = (struct asset_made){.version = id_or_new(wish->version_id)};
    text_copy(text_of(asset), made->asset.text, sizeof(made->asset.text));
    if (!asset_where(tx, asset, &w, err) || !made_before(tx, wish, made, err))
        return false;
    if (made->again)
        return true;
    made->number = w.versions + 1;
    struct db_rows *rows = db_query(tx, "select name from assets where id = ?1", "s", asset);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), made->name, sizeof(made->name));
    return db_end(rows, err) && files_acceptable(wish, err) &&
           version_insert(tx, wish, made, err) &&
           db_run(tx, err,
                  "update assets set newest = ?2, versions = versions + 1, size = ?3, bytes = "
                  "bytes + ?3, duration_ms = 0 where id = ?1",
                  "ssi", asset, made->version.text, size) &&
           (w.deleted || count_in(tx, w.project, w.folder, 0, size, err)) &&
           say_asset(tx, "asset.changed", w.project, asset, made->version.text, err) &&
           (wish->untold ||
            say_asset(tx, "version.stored", w.project, asset, made->version.text, err));
}

bool version_tell(struct db_tx *tx, const char *version, struct error *err)
{
    char project[27], asset[27];
    return version_place(tx, version, project, asset, err) &&
           say_asset(tx, "version.stored", project, asset, version, err);
}

// As content_of.
bool version_content_again(struct db_tx *tx, const char *version, sha256 *before, sha256 *after,
                           struct error *err)
{
    struct hasher *h = hasher_open("sha256");
    uint8_t digest[64];
    int64_t count = 0;
    struct db_rows *rows =
        db_query(tx, "select name, content from version_files where version = ?1 order by number",
                 "s", version);
    for (; db_next(rows); count++) {
        const char *name = db_text(rows, 0);
        *after = db_hash(rows, 1);
        hasher_add(h, name, strlen(name) + 1);
        hasher_add(h, after->at, SHA256_SIZE);
    }
    hasher_end(h, digest);
    if (count > 1)
        memcpy(after->at, digest, SHA256_SIZE);
    if (!db_end(rows, err))
        return false;
    rows = db_query(tx, "select content from versions where id = ?1", "s", version);
    bool there = db_next(rows) && count;
    if (there)
        *before = db_hash(rows, 0);
    return db_end(rows, err) && (there || not_there(err, "version")) &&
           db_run(tx, err, "update versions set content = ?2 where id = ?1", "sb", version,
                  (const void *)after->at, (size_t)SHA256_SIZE);
}

// ---- changing

bool asset_where(struct db_tx *tx, const char *asset, struct where *w, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select project, folder, newest, bytes, versions, "
                                    "duration_ms, deleted from assets where id = ?1",
                                    "s", asset);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), w->project, sizeof(w->project));
        text_copy(text_of(db_text(rows, 1)), w->folder, sizeof(w->folder));
        text_copy(text_of(db_text(rows, 2)), w->newest, sizeof(w->newest));
        w->bytes = db_int(rows, 3);
        w->versions = db_int(rows, 4);
        w->duration_ms = db_int(rows, 5);
        w->deleted = db_int(rows, 6) != 0;
    }
    return db_end(rows, err) && (there || not_there(err, "asset"));
}

// Puts it down in a folder under a name that is free there, with the words it is found by.
static bool put_down(struct db_tx *tx, const char *asset, const struct where *w, const char *folder,
                     const char *wanted, struct error *err)
{
    char name[256];
    bool renamed;
    struct arena *a = arena_open(1 << 20);
    bool ok =
        name_free(tx, w->project, folder, asset, wanted, name, &renamed, err) &&
        db_run(
            tx, err,
            "update assets set folder = ?2, name = ?3, sort_name = ?4, named_ms = case when name "
            "= ?3 then named_ms else max(named_ms + 1, ?5) end, placed_ms = case when folder = "
            "?2 then placed_ms else max(placed_ms + 1, ?5) end where id = ?1",
            "ssssi", asset, folder, name, name_sort_key(a, name), clock_now_ms()) &&
        db_search_set(tx, "assets", asset, db_search_name(a, name), err);
    arena_close(a);
    return ok;
}

static bool name_now(struct db_tx *tx, const char *asset, char name[256], struct error *err)
{
    struct db_rows *rows = db_query(tx, "select name from assets where id = ?1", "s", asset);
    text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), name, 256);
    return db_end(rows, err);
}

static bool move_one(struct db_tx *tx, const char *asset, const struct where *w, const char *folder,
                     struct error *err)
{
    char name[256];
    int64_t counted = w->deleted ? 0 : 1;
    return folder_fits(tx, w->project, folder, err) && name_now(tx, asset, name, err) &&
           put_down(tx, asset, w, folder, name, err) &&
           count_in(tx, w->project, w->folder, -counted, 0, err) &&
           count_in(tx, w->project, folder, counted, 0, err) &&
           say_asset(tx, "asset.changed", w->project, asset, w->newest, err) &&
           (strcmp(folder, w->folder) == 0 ||
            db_event(tx, "asset.moved", w->project, asset, NULL, err));
}

bool asset_brief(struct db_tx *tx, const char *id, struct asset_brief *brief, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select project, kind, name, newest from assets where id = ?1", "s", id);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), brief->project, sizeof(brief->project));
        text_copy(text_of(db_text(rows, 1)), brief->kind, sizeof(brief->kind));
        text_copy(text_of(db_text(rows, 2)), brief->name, sizeof(brief->name));
        text_copy(text_of(db_text(rows, 3)), brief->newest, sizeof(brief->newest));
    }
    return db_end(rows, err) && (there || not_there(err, "film"));
}

bool asset_change(struct db_tx *tx, const char *asset, const char *name, const char *folder,
                  struct error *err)
{
    struct where w;
    if (!asset_where(tx, asset, &w, err) ||
        (folder && strcmp(folder, w.folder) != 0 && !move_one(tx, asset, &w, folder, err)) ||
        !asset_where(tx, asset, &w, err))
        return false;
    return !name || (name_acceptable("clip or file", name, err) &&
                     put_down(tx, asset, &w, w.folder, name, err) &&
                     say_asset(tx, "asset.changed", w.project, asset, w.newest, err));
}

static bool delete_one(struct db_tx *tx, const char *asset, const struct where *w, bool deleted,
                       struct error *err)
{
    int sign = deleted ? -1 : 1;
    char name[256];
    if (!deleted) { // its name may be taken by now
        if (!name_now(tx, asset, name, err) || !put_down(tx, asset, w, w->folder, name, err))
            return false;
    }
    return db_run(tx, err, "update assets set deleted = ?2 where id = ?1", "si", asset,
                  (int64_t)deleted) &&
           count_in(tx, w->project, w->folder, sign, sign * w->bytes, err) &&
           db_run(tx, err,
                  "update projects set place_bytes = place_bytes + ?3 * (select "
                  "coalesce(sum(bytes), 0) from place_versions where asset = ?2) where id = ?1",
                  "ssi", w->project, asset, (int64_t)sign) &&
           say_asset(tx, deleted ? "asset.deleted" : "asset.changed", w->project, asset, w->newest,
                     err);
}

// Calls `one` for each id of the list that is in the project; *in says whether it was.
static bool find_in(struct db_tx *tx, const char *project, const json_t *ids, size_t i,
                    const char **asset, struct where *w, bool *in, struct error *err)
{
    *asset = json_string_value(json_array_get(ids, i));
    int64_t count = 0;
    if (!db_one_int(tx, &count, 0, err,
                    "select count(*) from assets where id = ?1 and project = ?2", "ss",
                    *asset ? *asset : "", project))
        return false;
    *in = count > 0;
    return !*in || asset_where(tx, *asset, w, err);
}

bool assets_delete(struct db_tx *tx, const char *project, const json_t *ids, bool deleted,
                   int64_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *asset;
        struct where w;
        bool in;
        if (!find_in(tx, project, ids, i, &asset, &w, &in, err))
            return false;
        if (!in || w.deleted == deleted)
            continue;
        if (!delete_one(tx, asset, &w, deleted, err))
            return false;
        ++*count;
    }
    return true;
}

bool assets_move(struct db_tx *tx, const char *project, const json_t *ids, const char *folder,
                 int64_t *count, struct error *err)
{
    *count = 0;
    folder = folder ? folder : "";
    if (!folder_fits(tx, project, folder, err))
        return false;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *asset;
        struct where w;
        bool in;
        if (!find_in(tx, project, ids, i, &asset, &w, &in, err))
            return false;
        if (!in || strcmp(w.folder, folder) == 0)
            continue;
        if (!move_one(tx, asset, &w, folder, err))
            return false;
        ++*count;
    }
    return true;
}

bool assets_check(struct db_tx *tx, int64_t *wrong, struct error *err)
{
    return db_one_int(
        tx, wrong, 0, err,
        "select (select count(*) from projects p where p.assets <> (select count(*) from assets a "
        "where a.project = p.id and a.deleted = 0) or p.bytes <> (select coalesce(sum(v.size), 0) "
        "from assets a join versions v on v.asset = a.id where a.project = p.id and a.deleted = "
        "0)) + (select count(*) from folders f where f.assets <> (select count(*) from assets a "
        "where a.folder = f.id and a.deleted = 0)) + (select count(*) from assets a where a.bytes "
        "<> (select sum(v.size) from versions v where v.asset = a.id) or a.versions <> (select "
        "count(*) from versions v where v.asset = a.id))",
        "");
}
