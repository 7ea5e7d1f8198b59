#include "house/assets/spans.h"
#include "house/assets/inside.h"

#include <stdlib.h>
#include <string.h>

enum { FILES_MOST = 10000, PUT_AWAY = 2 }; // of `deleted`: shown nowhere

char *span_facts(const char *kind, size_t files, const json_t *missing)
{
    json_t *facts =
        json_pack("{s:s,s:s,s:i,s:s,s:b,s:s,s:[],s:[],s:[],s:[],s:s,s:{},s:{s:s,s:I,s:o}}",
                  "container", "several files", "kind", "clip", "duration_frames", 0, "rate", "25",
                  "vfr", 0, "rate_from", "none", "video", "audio", "captions", "damage",
                  "duration_text", "", "tags", "span", "kind", kind, "files", (json_int_t)files,
                  "missing", missing ? json_deep_copy(missing) : json_array());
    char *written = json_dumps(facts, JSON_COMPACT);
    json_decref(facts);
    return written;
}

static bool files_of(struct db_tx *tx, const char *asset, struct arena *a,
                     struct asset_file **files, size_t *count, struct error *err)
{
    int64_t rooms = 0;
    *count = 0;
    if (!db_one_int(tx, &rooms, 0, err,
                    "select count(*) from version_files f join assets a on a.newest = f.version "
                    "where a.id = ?1",
                    "s", asset))
        return false;
    *files = ARENA_ARRAY(a, struct asset_file, (size_t)rooms + 1);
    struct db_rows *rows =
        db_query(tx,
                 "select f.name, f.size, f.content, f.modified_ms from version_files f join assets "
                 "a on a.newest = f.version where a.id = ?1 order by f.number limit ?2",
                 "si", asset, (int64_t)FILES_MOST);
    while (db_next(rows) && *count < (size_t)rooms)
        (*files)[(*count)++] = (struct asset_file){.name = arena_text(a, db_text(rows, 0)),
                                                   .size = db_int(rows, 1),
                                                   .content = hash_column(rows, 2),
                                                   .modified_ms = db_int(rows, 3)};
    return db_end(rows, err);
}

bool span_find(struct db_tx *tx, const char *project, const char *folder, const char *span,
               char asset[27], struct arena *a, struct asset_file **files, size_t *count,
               struct error *err)
{
    *asset = 0;
    *count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select s.asset from span_parts s join assets a on a.id = s.asset and a.deleted = "
                 "0 where s.project = ?1 and s.folder = ?2 and s.span = ?3 order by s.part limit 1",
                 "sss", project, folder, span);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), asset, 27);
    return db_end(rows, err) && (!*asset || files_of(tx, asset, a, files, count, err));
}

bool span_note(struct db_tx *tx, const char *project, const char *folder, const char *span,
               int64_t part, const char *asset, struct error *err)
{
    return db_run(tx, err,
                  "insert into span_parts (project, folder, span, part, asset) values (?1, ?2, ?3, "
                  "?4, ?5) on conflict (project, folder, span, part) do update set asset = ?5",
                  "sssis", project, folder, span, part, asset);
}

// ---- joining what came as assets of their own

static bool put_away(struct db_tx *tx, const char *asset, const char *into, struct error *err)
{
    struct where w;
    return asset_where(tx, asset, &w, err) &&
           db_run(tx, err, "update assets set deleted = ?2 where id = ?1", "si", asset,
                  (int64_t)PUT_AWAY) &&
           db_run(tx, err, "update transfer_files set asset = ?2 where asset = ?1", "ss", asset,
                  into) &&
           db_run(tx, err, "update span_parts set asset = ?2 where asset = ?1", "ss", asset,
                  into) &&
           count_in(tx, w.project, w.folder, -1, -w.bytes, err) &&
           say_asset(tx, "asset.deleted", w.project, asset, w.newest, err);
}

static bool has(const struct asset_file *list, size_t count, const struct asset_file *f)
{
    for (size_t i = 0; i < count; i++)
        if (sha256_equal(&list[i].content, &f->content) && strcmp(list[i].name, f->name) == 0)
            return true;
    return false;
}

bool span_join(struct db_tx *tx, const char *const *assets, size_t count, const char *kind,
               const json_t *missing, struct error *err)
{
    struct arena *a = arena_open(256 << 20);
    struct asset_file *all = ARENA_ARRAY(a, struct asset_file, FILES_MOST), *some;
    size_t total = 0, had = 0, got;
    char by[300] = "";
    bool ok = true, whole = true;
    for (size_t i = 0; ok && whole && i < count; i++) {
        struct where w;
        ok = asset_where(tx, assets[i], &w, err) && files_of(tx, assets[i], a, &some, &got, err);
        // Media that lies in a place is that place's: its versions are not made of others' files.
        int64_t lies = 0;
        ok = ok &&
             db_one_int(tx, &lies, 0, err, "select count(*) from place_versions where version = ?1",
                        "s", w.newest);
        whole = ok && !w.deleted && !lies && total + got <= FILES_MOST;
        for (size_t k = 0; whole && k < got; k++)
            if (!has(all, total, &some[k]))
                all[total++] = some[k];
        had = i ? had : total;
    }
    if (ok && whole && total > had) {
        struct db_rows *rows =
            db_query(tx, "select made_by from assets where id = ?1", "s", assets[0]);
        text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), by, sizeof(by));
        struct asset_made made;
        char *facts = span_facts(kind, total, missing);
        struct asset_wish wish = {
            .kind = "clip", .by = by, .files = all, .file_count = total, .facts = facts};
        ok = db_end(rows, err) && version_add(tx, assets[0], &wish, &made, err);
        free(facts);
        for (size_t i = 1; ok && i < count; i++)
            ok = put_away(tx, assets[i], assets[0], err);
    }
    arena_close(a);
    return ok;
}

bool span_atom(struct db_tx *tx, const char *asset, const char *package, int64_t track,
               int64_t tracks, struct error *err)
{
    enum { MOST = 64 };
    char project[27] = "", folder[27] = "";
    char ids[MOST][27];
    const char *list[MOST];
    size_t count = 0;
    int64_t parts = 0;
    struct db_rows *rows = db_query(
        tx, "select project, folder from assets where id = ?1 and deleted = 0", "s", asset);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
        text_copy(text_of(db_text(rows, 1)), folder, sizeof(folder));
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return true;
    // Sets are of one folder, or of two beside each other (P2: VIDEO and AUDIO): the package is
    // unique.
    if (!span_note(tx, project, "", package, track, asset, err))
        return false;
    rows = db_query(tx,
                    "select s.asset, s.part from span_parts s join assets a on a.id = s.asset and "
                    "a.deleted = 0 where s.project = ?1 and s.folder = '' and s.span = ?2 order by "
                    "s.part",
                    "ss", project, package);
    while (db_next(rows)) {
        bool again = false;
        parts++;
        for (size_t i = 0; i < count; i++)
            again = again || strcmp(ids[i], db_text(rows, 0)) == 0;
        if (!again && count < MOST) {
            text_copy(text_of(db_text(rows, 0)), ids[count], 27);
            list[count] = ids[count];
            count++;
        }
    }
    if (!db_end(rows, err))
        return false;
    return count < 2 || parts < tracks || span_join(tx, list, count, "tracks", NULL, err);
}
