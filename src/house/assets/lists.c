// Assets and versions as the API shows them: JSON in its shapes.
#include "house/assets/inside.h"

#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *at)
{
    json_t *j = at ? json_loads(at, 0, NULL) : NULL;
    return j ? j : json_null();
}

// Columns from `at` on, as VERSION lists them.
#define VERSION                                                                                    \
    "v.id, v.asset, v.number, v.created_ms, v.made_by, v.size, v.file_count, v.content, v.state, " \
    "v.facts, v.problem"
static json_t *version_row(struct db_rows *rows, int at)
{
    return json_pack(
        "{s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:o, s:s, s:o, s:o, s:[]}", "id", db_text(rows, at),
        "asset", db_text(rows, at + 1), "number", (json_int_t)db_int(rows, at + 2), "created",
        time_json(db_int(rows, at + 3)), "by", db_text(rows, at + 4), "size",
        (json_int_t)db_int(rows, at + 5), "file_count", (json_int_t)db_int(rows, at + 6), "content",
        hash_json(rows, at + 7), "state", db_text(rows, at + 8), "facts",
        parsed(db_text(rows, at + 9)), "problem", parsed(db_text(rows, at + 10)), "derived");
}

#define ASSET                                                                                      \
    "a.id, a.project, a.folder, a.name, a.kind, a.created_ms, a.made_by, a.versions, a.deleted, "  \
    "a.sort_name,"                                                                                 \
    " a.size, a.duration_ms, " VERSION " from assets a join versions v on v.id = a.newest"
static json_t *asset_row(struct db_rows *rows)
{
    const char *folder = db_text(rows, 2);
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:o, s:I, s:i, s:i, s:b}", "id",
                     db_text(rows, 0), "project", db_text(rows, 1), "folder",
                     folder[0] ? json_string(folder) : json_null(), "name", db_text(rows, 3),
                     "kind", db_text(rows, 4), "created", time_json(db_int(rows, 5)), "by",
                     db_text(rows, 6), "version", version_row(rows, 12), "versions",
                     (json_int_t)db_int(rows, 7), "comments", 0, "open_comments", 0, "deleted",
                     (int)db_int(rows, 8));
}

// What a list may be sorted by. The key is the column's value as text, for the cursor.
static const struct sorting {
    const char *name, *column;
    int row; // of ASSET
    bool number;
} sortings[] = {
    {"name", "a.sort_name", 9, false},
    {"created", "a.created_ms", 5, true},
    {"size", "a.size", 10, true},
    {"duration", "a.duration_ms", 11, true},
};

static const struct sorting *sorting_named(const char *name)
{
    for (size_t i = 0; i < sizeof(sortings) / sizeof(sortings[0]); i++)
        if (strcmp(sortings[i].name, name ? name : "name") == 0)
            return &sortings[i];
    return NULL;
}

bool asset_list(struct db_tx *tx, const struct asset_query *q, struct arena *a, json_t **items,
                int64_t *total, const char **key, const char **key_id, struct error *err)
{
    const struct sorting *by = sorting_named(q->sort);
    *items = NULL;
    *key = *key_id = NULL;
    if (!by) {
        error_set(err, ERROR_INPUT, "a list can not be sorted by '%s'", q->sort);
        return error_fix(err, "sort by name, created, size or duration");
    }
    // Parameters: 1 project, 2 deleted, 3 folder, 4 kind, 5 words, 6 share; then 7 key, 8 id, 9
    // limit, 10 offset.
    const char *where = arena_format(
        a, " where a.project = ?1 and a.deleted = ?2%s%s%s%s",
        q->folder ? " and a.folder = ?3" : " and ?3 is null",
        q->kind ? " and a.kind = ?4" : " and ?4 is null",
        q->search ? arena_format(a, " and %s", db_search_condition(a, "assets", "a.id", 5))
                  : " and ?5 is null",
        q->share ? " and a.id in (select asset from share_assets where share = ?6)"
                 : " and ?6 is null");
    const char *folder = q->folder && strcmp(q->folder, "top") == 0 ? "" : q->folder;
    const char *words = q->search ? db_search_words(a, q->search) : NULL;
    if (!db_one_int(tx, total, 0, err, arena_format(a, "select count(*) from assets a%s", where),
                    "sissss", q->project, (int64_t)q->deleted, folder, q->kind, words, q->share))
        return false;
    const char *compare = q->descending ? "<" : ">", *order = q->descending ? "desc" : "asc";
    const char *value = by->number ? "cast(?7 as integer)" : "?7";
    const char *sql = arena_format(
        a, "select " ASSET "%s%s order by %s %s, a.id %s limit ?9 offset ?10", where,
        q->after_id ? arena_format(a, " and (%s %s %s or (%s = %s and a.id %s ?8))", by->column,
                                   compare, value, by->column, value, compare)
                    : " and ?7 is null and ?8 is null",
        by->column, order, order);
    *items = json_array();
    struct db_rows *rows =
        db_query(tx, sql, "sissssssii", q->project, (int64_t)q->deleted, folder, q->kind, words,
                 q->share, q->after_id ? q->after_key : NULL, q->after_id, q->limit + 1,
                 q->after_id ? (int64_t)0 : q->offset);
    const char *last_key = NULL, *last_id = NULL;
    while (db_next(rows)) {
        if ((int64_t)json_array_size(*items) == q->limit) { // one more than asked: so there is more
            *key = last_key;
            *key_id = last_id;
            break;
        }
        json_array_append_new(*items, asset_row(rows));
        if ((int64_t)json_array_size(*items) == q->limit) {
            last_key = arena_text(a, db_text(rows, by->row));
            last_id = arena_text(a, db_text(rows, 0));
        }
    }
    return db_end(rows, err);
}

bool asset_get(struct db_tx *tx, const char *asset, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, "select " ASSET " where a.id = ?1", "s", asset);
    *json = db_next(rows) ? asset_row(rows) : NULL;
    return db_end(rows, err) &&
           (*json || error_set(err, ERROR_NOT_FOUND, "there is no such asset"));
}

bool version_get(struct db_tx *tx, const char *version, json_t **json, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select " VERSION " from versions v where v.id = ?1", "s", version);
    *json = db_next(rows) ? version_row(rows, 0) : NULL;
    return db_end(rows, err) &&
           (*json || error_set(err, ERROR_NOT_FOUND, "there is no such version"));
}

bool version_list(struct db_tx *tx, const char *asset, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, "select " VERSION " from versions v where v.asset = ?1 order by v.number desc",
                 "s", asset);
    while (db_next(rows))
        json_array_append_new(*list, version_row(rows, 0));
    return db_end(rows, err);
}

bool version_files(struct db_tx *tx, const char *version, int64_t after_number, int64_t limit,
                   json_t **items, int64_t *total, struct error *err)
{
    *items = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select number, name, size, content, modified_ms from version_files"
                 " where version = ?1 and number > ?2 order by number limit ?3",
                 "sii", version, after_number, limit);
    while (db_next(rows))
        json_array_append_new(
            *items,
            json_pack("{s:I, s:s, s:I, s:o, s:o}", "number", (json_int_t)db_int(rows, 0), "name",
                      db_text(rows, 1), "size", (json_int_t)db_int(rows, 2), "content",
                      hash_json(rows, 3), "modified", time_json(db_int(rows, 4))));
    return db_end(rows, err) &&
           db_one_int(tx, total, 0, err, "select file_count from versions where id = ?1", "s",
                      version);
}

bool version_file(struct db_tx *tx, const char *version, int64_t number, struct arena *a,
                  struct asset_file *file, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select name, size, content, modified_ms from version_files "
                                    "where version = ?1 and number = ?2",
                                    "si", version, number);
    bool there = db_next(rows);
    if (there) {
        size_t size;
        const void *content = db_blob(rows, 2, &size);
        *file = (struct asset_file){.name = arena_text(a, db_text(rows, 0)),
                                    .size = db_int(rows, 1),
                                    .modified_ms = db_int(rows, 3)};
        if (content && size == SHA256_SIZE)
            memcpy(file->content.at, content, SHA256_SIZE);
    }
    return db_end(rows, err) &&
           (there ||
            error_set(err, ERROR_NOT_FOUND, "the version has no file %lld", (long long)number));
}
