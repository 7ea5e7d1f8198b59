// Assets and versions as the API shows them: JSON in its shapes.
#include "house/assets/inside.h"

#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *at)
{
    json_t *j = at ? json_loads(at, 0, NULL) : NULL;
    return j ? j : json_null();
}

static json_t *text_json(const char *at)
{
    return at ? json_string(at) : json_null();
}

// Whoever made it: the name of a person whose id it is, else what was said.
#define BY(column) "coalesce((select name from people where id = " column "), " column ")"

// Columns from `at` on, as VERSION lists them.
#define VERSION                                                                                    \
    "v.id, v.asset, v.number, v.created_ms, " BY(                                                  \
        "v.made_by") ", v.size, v.file_count, v.content, "                                         \
                     "v.state, coalesce(v.facts, v.known), v.problem, v.job, v.status, v.hashes"
static json_t *version_row(struct db_rows *rows, int at)
{
    return json_pack("{s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:o, s:s, s:o, s:o, s:[], s:o, s:s, s:n, s:o}",
                     "id", db_text(rows, at), "asset", db_text(rows, at + 1), "number",
                     (json_int_t)db_int(rows, at + 2), "created", time_json(db_int(rows, at + 3)),
                     "by", db_text(rows, at + 4), "size", (json_int_t)db_int(rows, at + 5),
                     "file_count", (json_int_t)db_int(rows, at + 6), "content",
                     hash_json(rows, at + 7), "state", db_text(rows, at + 8), "facts",
                     parsed(db_text(rows, at + 9)), "problem", parsed(db_text(rows, at + 10)),
                     "derived", "job", text_json(db_text(rows, at + 11)), "status",
                     db_text(rows, at + 12), "place", "hashes", parsed(db_text(rows, at + 13)));
}

#define ASSET                                                                                      \
    "a.id, a.project, a.folder, a.name, a.kind, a.created_ms, " BY(                                \
        "a.made_by") ", a.versions, a.deleted, "                                                   \
                     "a.sort_name,"                                                                \
                     " a.size, a.duration_ms, " VERSION
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

// ---- derived files of many versions at once

// All ids of a list as one parameter: they have one width. ?1 is the ids one after another, ?2
// their count; n counts from 0 in the order of the list.
#define IDS                                                                                        \
    "with recursive ids (n, id) as (select 0, substr(?1, 1, 26) union all select n + 1, "          \
    "substr(?1, 26 * (n + 1) + 1, 26) from ids where n + 1 < ?2) "

// Columns 1 to 3 are kind, name and size. (Not json_pack: a page of a list has a thousand of them.)
static void derived_append(json_t *version, struct db_rows *rows, bool growing, json_t *where)
{
    json_t *file = json_object();
    json_object_set_new_nocheck(file, "kind", json_string_nocheck(db_text(rows, 1)));
    json_object_set_new_nocheck(file, "name", json_string_nocheck(db_text(rows, 2)));
    json_object_set_new_nocheck(file, "size", json_integer(db_int(rows, 3)));
    json_object_set_new_nocheck(file, "growing", json_boolean(growing));
    json_object_set_new_nocheck(file, "url", where);
    json_array_append_new(json_object_get(version, "derived"), file);
}

// Adds to each version whose bytes lie in a place where that is, and whether they are there.
static bool place_fill(struct db_tx *tx, json_t *const *versions, const struct buf *ids,
                       size_t count, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 IDS "select ids.n, l.id, p.path, case when l.state = 'offline' and p.state = "
                     "'here' then 'offline' else p.state end, p.unhashed, case when l.state = "
                     "'offline' and p.state = 'here' then l.since_ms else p.since_ms end, case "
                     "when l.state = 'offline' and p.state = 'here' then l.seen_ms else p.seen_ms "
                     "end, p.keep, p.problem, l.path from ids join place_versions p on p.version "
                     "= ids.id join places l on l.number = p.place",
                 "si", ids->at, (int64_t)count);
    while (db_next(rows))
        json_object_set_new(
            versions[db_int(rows, 0)], "place",
            json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:b, s:o}", "id", db_text(rows, 1),
                      "root", db_text(rows, 9), "path", db_text(rows, 2), "state",
                      db_text(rows, 3), "hashed", db_int(rows, 4) == 0, "since",
                      time_json(db_int(rows, 5)), "seen", time_json(db_int(rows, 6)), "keeping",
                      db_int(rows, 7) != 0, "problem", text_json(db_text(rows, 8))));
    return db_end(rows, err);
}

// Adds to each version its derived files, or those that grow while it has none.
static bool derived_fill(struct db_tx *tx, json_t *const *versions, size_t count, struct error *err)
{
    if (!count)
        return true;
    struct buf ids = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < count; i++)
        buf_text(&ids, json_string_value(json_object_get(versions[i], "id")));
    struct db_rows *rows =
        db_query(tx,
                 IDS "select ids.n, d.kind, d.name, d.size, d.content from ids join versions v on "
                     "v.id = ids.id join derived d on d.source = v.content and d.recipe = v.recipe "
                     "order by ids.n, d.position",
                 "si", ids.at, (int64_t)count);
    while (db_next(rows))
        derived_append(versions[db_int(rows, 0)], rows, false, hash_json(rows, 4));
    bool ok = db_end(rows, err);
    rows = db_query(tx,
                    IDS "select ids.n, g.kind, g.name, g.size, g.path from ids join versions v on "
                        "v.id = ids.id join derived_growing g on g.version = v.id where v.recipe "
                        "is null order by ids.n, g.name",
                    "si", ids.at, (int64_t)count);
    while (db_next(rows))
        derived_append(versions[db_int(rows, 0)], rows, true, json_string(db_text(rows, 4)));
    ok = db_end(rows, err) && ok && place_fill(tx, versions, &ids, count, err);
    buf_free(&ids);
    return ok;
}

// ---- what is seen of camera originals

// What the original's own header does not say is the transcode's.
static void lend(json_t *facts, const json_t *from)
{
    static const char *const rates[] = {"rate", "vfr"};
    const char *rate_from = json_string_value(json_object_get(facts, "rate_from"));
    bool unknown = rate_from && (!strcmp(rate_from, "none") || !strcmp(rate_from, "project"));
    if (json_object_get(from, "sprite"))
        json_object_set(facts, "sprite", json_object_get(from, "sprite"));
    for (int i = 0; unknown && i < 2; i++)
        json_object_set(facts, rates[i], json_object_get(from, rates[i]));
    if (unknown)
        json_object_set_new(facts, "rate_from", json_string("transcode"));
    if (!json_integer_value(json_object_get(facts, "duration_frames"))) {
        json_object_set(facts, "duration_frames", json_object_get(from, "duration_frames"));
        json_object_set(facts, "duration_text", json_object_get(from, "duration_text"));
    }
    if (!json_is_object(json_object_get(facts, "timecode")) &&
        json_is_object(json_object_get(from, "timecode"))) {
        json_t *code = json_copy(json_object_get(from, "timecode"));
        json_object_set_new(code, "from", json_string("transcode"));
        json_object_set_new(facts, "timecode", code);
    }
    if (!json_array_size(json_object_get(facts, "audio")))
        json_object_set(facts, "audio", json_object_get(from, "audio"));
}

static bool without_picture(const json_t *version)
{
    const json_t *camera = json_object_get(json_object_get(version, "facts"), "camera");
    return json_is_false(json_object_get(camera, "picture"));
}

// The transcode that stands for it, as "shown", and its derived files in the place of its own.
static bool show_transcode(struct db_tx *tx, json_t *version, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select v.id, t.id, t.name, v.state, v.facts, x.how from original_transcodes x join assets "
        "t on t.id = x.transcode and t.deleted = 0 join versions v on v.id = t.newest where "
        "x.original = ?1 and x.attached = 1",
        "s", json_string_value(json_object_get(version, "asset")));
    json_t *stand = NULL;
    if (db_next(rows)) {
        json_t *facts = parsed(db_text(rows, 4));
        lend(json_object_get(version, "facts"), facts);
        json_decref(facts);
        stand = json_pack("{s:s, s:[]}", "id", db_text(rows, 0), "derived");
        json_object_set_new(version, "shown",
                            json_pack("{s:s, s:s, s:s, s:s}", "asset", db_text(rows, 1), "name",
                                      db_text(rows, 2), "state", db_text(rows, 3), "how",
                                      db_text(rows, 5)));
    }
    bool ok = db_end(rows, err) && (!stand || derived_fill(tx, &stand, 1, err));
    if (ok && stand)
        json_object_set(version, "derived", json_object_get(stand, "derived"));
    json_decref(stand);
    return ok;
}

static bool originals_show(struct db_tx *tx, json_t *const *versions, size_t count,
                           struct error *err)
{
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++)
        ok = !without_picture(versions[i]) || show_transcode(tx, versions[i], err);
    return ok;
}

static bool derived_fill_list(struct db_tx *tx, json_t *list, const char *within, struct arena *a,
                              struct error *err)
{
    size_t count = json_array_size(list);
    json_t **versions = ARENA_ARRAY(a, json_t *, count + 1);
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_array_get(list, i);
        versions[i] = within ? json_object_get(item, within) : item;
    }
    return derived_fill(tx, versions, count, err) && originals_show(tx, versions, count, err);
}

// ---- lists of assets

struct conditions { // of a list, and the parameters that go with them
    const char *where, *folder, *words;
};

// Parameters: 1 project, 2 deleted, 3 folder, 4 kind, 5 words, 6 share; then 7 key, 8 id, 9 limit,
// 10 offset. Those that are not needed are still named, since they are bound.
static struct conditions conditions_of(const struct asset_query *q, struct arena *a)
{
    struct conditions c = {0};
    c.folder = q->folder && strcmp(q->folder, "top") == 0 ? "" : q->folder;
    c.words = q->search ? db_search_words(a, q->search) : NULL;
    c.where = arena_format(
        a, " where a.project = ?1 and a.deleted = ?2%s%s%s%s",
        q->folder ? " and a.folder = ?3" : " and ?3 is null",
        q->kind ? " and a.kind = ?4" : " and ?4 is null",
        q->search ? arena_format(a, " and %s", db_search_row_condition(a, "assets", "a.words", 5))
                  : " and ?5 is null",
        q->share ? " and a.id in (select asset from share_assets where share = ?6)"
                 : " and ?6 is null");
    return c;
}

// How many there are: the counts that are kept where they serve, else counted.
static bool count_all(struct db_tx *tx, const struct asset_query *q, const struct conditions *c,
                      struct arena *a, int64_t *total, struct error *err)
{
    bool kept = !q->deleted && !q->kind && !q->search && !q->share;
    if (kept && !q->folder)
        return db_one_int(tx, total, 0, err, "select assets from projects where id = ?1", "s",
                          q->project);
    if (kept && c->folder[0])
        return db_one_int(tx, total, 0, err,
                          "select assets from folders where id = ?1 and project = ?2", "ss",
                          c->folder, q->project);
    return db_one_int(tx, total, 0, err,
                      arena_format(a, "select count(*) from assets a%s", c->where), "sissss",
                      q->project, (int64_t)q->deleted, c->folder, q->kind, c->words, q->share);
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
    struct conditions c = conditions_of(q, a);
    if (!count_all(tx, q, &c, a, total, err))
        return false;
    // The page is found in an index alone; only its rows are then looked up whole.
    const char *compare = q->descending ? "<" : ">", *order = q->descending ? "desc" : "asc";
    const char *value = by->number ? "cast(?7 as integer)" : "?7";
    const char *after =
        q->after_id ? arena_format(a, " and (%s, a.id) %s (%s, ?8)", by->column, compare, value)
                    : " and ?7 is null and ?8 is null";
    const char *sorted = arena_format(a, " order by %s %s, a.id %s", by->column, order, order);
    const char *sql = arena_format(
        a,
        "select " ASSET " from (select a.id as id from assets a%s%s%s limit ?9 offset ?10) page "
        "join assets a on a.id = page.id join versions v on v.id = a.newest%s",
        c.where, after, sorted, sorted);
    *items = json_array();
    struct db_rows *rows =
        db_query(tx, sql, "sissssssii", q->project, (int64_t)q->deleted, c.folder, q->kind, c.words,
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
    if (db_end(rows, err) && derived_fill_list(tx, *items, "version", a, err))
        return true;
    json_decref(*items), *items = NULL;
    return false;
}

bool asset_list_of(struct db_tx *tx, const char *const *ids, size_t count, struct arena *a,
                  json_t **items, struct error *err)
{
    struct buf all = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < count; i++)
        buf_text(&all, ids[i]);
    *items = json_array();
    if (!count)
        return true;
    struct db_rows *rows = db_query(tx,
                                    IDS "select " ASSET " from ids join assets a on a.id = ids.id "
                                        "join versions v on v.id = a.newest order by ids.n",
                                    "si", all.at, (int64_t)count);
    while (db_next(rows))
        json_array_append_new(*items, asset_row(rows));
    buf_free(&all);
    if (db_end(rows, err) && derived_fill_list(tx, *items, "version", a, err))
        return true;
    json_decref(*items), *items = NULL;
    return false;
}

// ---- one thing

// What was read is given when its derived files are there too.
static bool filled(struct db_tx *tx, json_t *read, json_t *version, json_t **json,
                   struct error *err)
{
    *json = NULL;
    if (!read || !derived_fill(tx, &version, 1, err) || !originals_show(tx, &version, 1, err)) {
        json_decref(read);
        return read == NULL;
    }
    *json = read;
    return true;
}

bool asset_get(struct db_tx *tx, const char *asset, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select " ASSET " from assets a join versions v on v.id = a.newest where a.id = ?1",
        "s", asset);
    json_t *read = db_next(rows) ? asset_row(rows) : NULL;
    return db_end(rows, err) && filled(tx, read, json_object_get(read, "version"), json, err) &&
           (*json || not_there(err, "asset"));
}

bool version_get(struct db_tx *tx, const char *version, json_t **json, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select " VERSION " from versions v where v.id = ?1", "s", version);
    json_t *read = db_next(rows) ? version_row(rows, 0) : NULL;
    return db_end(rows, err) && filled(tx, read, read, json, err) &&
           (*json || not_there(err, "version"));
}

bool version_list(struct db_tx *tx, const char *asset, json_t **list, struct error *err)
{
    json_t *read = json_array();
    struct db_rows *rows =
        db_query(tx, "select " VERSION " from versions v where v.asset = ?1 order by v.number desc",
                 "s", asset);
    while (db_next(rows))
        json_array_append_new(read, version_row(rows, 0));
    bool ok = db_end(rows, err);
    struct arena *a = arena_open(1 << 20);
    ok = ok && derived_fill_list(tx, read, NULL, a, err);
    arena_close(a);
    *list = ok ? read : NULL;
    if (!ok)
        json_decref(read);
    return ok;
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
        *file = (struct asset_file){.name = arena_text(a, db_text(rows, 0)),
                                    .size = db_int(rows, 1),
                                    .content = db_hash(rows, 2),
                                    .modified_ms = db_int(rows, 3)};
    }
    return db_end(rows, err) &&
           (there ||
            error_set(err, ERROR_NOT_FOUND, "the version has no file %lld", (long long)number));
}
