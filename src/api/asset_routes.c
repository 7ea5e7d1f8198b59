// Projects, folders, assets, versions and their files.
#include "api/inside.h"

#include "house/assets/assets.h"
#include "house/assets/originals.h"
#include "house/fields/fields.h"
#include "house/review/review.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

// ---- what the rooms leave to us: rights, counts of comments, signed addresses

// A Problem that was kept with something, whole: what was not kept then gets its usual value.
static json_t *problem_whole(const json_t *kept)
{
    static const char *const texts[] = {"type", "title", "detail", "fix", "reference", "kind"};
    json_t *whole = json_object();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *value = json_object_get(kept, texts[i]);
        bool optional = strcmp(texts[i], "fix") == 0;
        const char *none = strcmp(texts[i], "type") == 0   ? "about:blank"
                           : strcmp(texts[i], "kind") == 0 ? "internal"
                                                           : "";
        if (json_is_string(value))
            json_object_set(whole, texts[i], value);
        else if (!optional)
            json_object_set_new(whole, texts[i], json_string(none));
    }
    const char *kind = json_string_value(json_object_get(whole, "kind"));
    int status = error_facts(error_kind_named(kind ? kind : "internal"))->http_status;
    json_object_set_new(whole, "status", json_integer(status));
    return whole;
}

// Turns a version of the room into one of the API: where its derived files are read.
static void version_finish(struct call *c, const char *project, json_t *version)
{
    json_t *derived = json_object_get(version, "derived"), *file;
    size_t i;
    json_array_foreach(derived, i, file)
    {
        const char *name = json_string_value(json_object_get(file, "name"));
        const char *where = json_string_value(json_object_get(file, "url"));
        const char *url =
            json_is_true(json_object_get(file, "growing"))
                ? media_growing(c, project, where, name)
            : json_is_true(json_object_get(file, "burnt"))
                ? media_burnt(c, project, where, name)
                : media_address(c, project, where,
                                json_integer_value(json_object_get(file, "size")), name);
        json_object_del(file, "burnt");
        json_object_set_new_nocheck(file, "url", json_string(url));
    }
    if (c->who.kind == WHO_SHARE) // where it lies is nobody's business outside
        json_object_set_new(version, "place", json_null());
    json_t *problem = json_object_get(version, "problem");
    if (json_is_object(problem))
        json_object_set_new(version, "problem", problem_whole(problem));
}

static bool assets_finish(struct db_tx *tx, struct call *c, json_t *const *assets, size_t count,
                          struct error *err)
{
    json_t **versions = ARENA_ARRAY(c->arena, json_t *, count + 1);
    for (size_t i = 0; i < count; i++)
        versions[i] = json_object_get(assets[i], "version");
    if (!comments_count(tx, assets, count, err) ||
        (count && !burn_versions(tx, c, json_string_value(json_object_get(assets[0], "project")),
                                 versions, count, err)))
        return false;
    for (size_t i = 0; i < count; i++)
        version_finish(c, json_string_value(json_object_get(assets[i], "project")),
                       json_object_get(assets[i], "version"));
    return true;
}

// Each handler's piece of work in the database: what it needs, and the JSON it answers with.
struct work {
    struct call *c;
    json_t *json;
    id made;
    const char *again; // of a list: the next key
};

static bool answer(struct call *c, bool (*read)(struct db_tx *, void *, struct error *),
                   struct error *err)
{
    struct work w = {.c = c};
    if (!db_read(c->api->db, read, &w, err)) {
        json_decref(w.json);
        return false;
    }
    call_json(c, w.json);
    return true;
}

// A change, then the thing as it is now.
static bool change(struct call *c, bool (*write)(struct db_tx *, void *, struct error *),
                   int status, struct error *err)
{
    struct work w = {.c = c};
    if (!db_write(c->api->db, write, &w, err)) {
        json_decref(w.json);
        return false;
    }
    if (w.json)
        call_json(c, w.json);
    call_status(c, status);
    return true;
}

// The writer may run a piece of work twice: what the first run made must go.
static void fresh(struct work *w)
{
    json_decref(w->json);
    w->json = NULL;
}

// What was deleted is shown to the project's people only.
static bool shown(struct db_tx *tx, struct call *c, struct error *err)
{
    bool shows = true;
    if (c->who.kind == WHO_SHARE && !share_shows(tx, c->who.share, c->asset, &shows, err))
        return false;
    if (shows)
        return true;
    error_set(err, ERROR_NOT_FOUND, "this is not shared any more");
    error_why(err, "it was deleted, or taken out of the link");
    return error_fix(err, "ask whoever sent you the link");
}

// ---- projects

static bool project_finish(struct db_tx *tx, struct call *c, const struct who *who, json_t *project,
                           struct error *err)
{
    unsigned may = 0;
    const char *id = json_string_value(json_object_get(project, "id")), *role = NULL;
    if (!people_may(tx, who, id, &may, err) ||
        (who->person && !people_role(tx, who->person, id, c->arena, &role, err)))
        return false;
    json_t *permissions = json_array();
    for (int i = 0; i < PERMISSION_COUNT; i++)
        if (may & 1u << i)
            json_array_append_new(permissions, json_string(permission_names[i]));
    json_object_set_new(project, "role", json_text(role));
    json_object_set_new(project, "permissions", permissions);
    return true;
}

struct project_work {
    struct call *c;
    const struct who *who;
    json_t *list;
};

static bool projects_in(struct db_tx *tx, void *context, struct error *err)
{
    struct project_work *w = context;
    bool all = w->who->admin && w->who->scope != SCOPE_WORKER;
    if (!project_list(tx, all ? NULL : w->who->person, &w->list, err))
        return false;
    size_t i;
    json_t *project;
    json_array_foreach(w->list, i,
                       project) if (!project_finish(tx, w->c, w->who, project, err)) return false;
    return true;
}

bool projects_json(struct call *c, const struct who *who, json_t **list, struct error *err)
{
    struct project_work w = {.c = c, .who = who};
    *list = NULL;
    if (who->kind != WHO_PERSON) {
        *list = json_array();
        return true;
    }
    if (db_read(c->api->db, projects_in, &w, err)) {
        *list = w.list;
        return true;
    }
    json_decref(w.list);
    return false;
}

static bool projects_get(struct call *c, struct error *err)
{
    json_t *list;
    if (!projects_json(c, &c->who, &list, err))
        return false;
    call_json(c, list);
    return true;
}

static bool project_read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    const char *id = w->c->project ? w->c->project : w->made.text;
    return project_get(tx, id, &w->json, err) && project_finish(tx, w->c, &w->c->who, w->json, err);
}

static bool project_post_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    w->made = id_new();
    return project_make(tx, w->made.text, body_text(w->c, "name"), body_text(w->c, "sequence_rate"),
                        err) &&
           members_first(tx, w->made.text, w->c->who.person, err) &&
           fields_ensure(tx, w->made.text, err) &&
           call_audit(w->c, tx, "project.make", w->made.text, body_text(w->c, "name"), err) &&
           project_read_in(tx, w, err);
}

static bool project_post(struct call *c, struct error *err)
{
    if (!change(c, project_post_in, 201, err))
        return false;
    people_changed(c->api->people);
    return true;
}

static bool project_show(struct call *c, struct error *err)
{
    return answer(c, project_read_in, err);
}

static bool project_patch_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    json_t *names = body_field(w->c, "version_names");
    return project_change(tx, w->c->project, body_text(w->c, "name"),
                          body_text(w->c, "sequence_rate"), body_text(w->c, "downloads_need"),
                          names ? json_is_true(names) : -1, body_text(w->c, "burn_names"), err) &&
           call_audit(w->c, tx, "project.change", w->c->project, body_text(w->c, "name"), err) &&
           project_read_in(tx, w, err);
}

static bool project_patch(struct call *c, struct error *err)
{
    if (!change(c, project_patch_in, 200, err))
        return false;
    people_changed(c->api->people); // what may be downloaded, whose name is burnt in
    return true;
}

// ---- folders

static bool folders_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return folder_list(tx, w->c->project, &w->json, err);
}

static bool folders_get(struct call *c, struct error *err)
{
    return answer(c, folders_in, err);
}

static bool folder_post_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    w->made = id_new();
    return folder_add(tx, w->made.text, w->c->project, body_text(w->c, "parent"),
                      body_text(w->c, "name"), err) &&
           folder_get(tx, w->made.text, &w->json, err);
}

static bool folder_post(struct call *c, struct error *err)
{
    return change(c, folder_post_in, 201, err);
}

static bool folder_patch_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return folder_change(tx, w->c->folder, body_text(w->c, "name"), body_text(w->c, "parent"),
                         err) &&
           folder_get(tx, w->c->folder, &w->json, err);
}

static bool folder_patch(struct call *c, struct error *err)
{
    return change(c, folder_patch_in, 200, err);
}

static bool folder_delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return folder_delete(tx, w->c->folder, err);
}

static bool folder_remove_route(struct call *c, struct error *err)
{
    return change(c, folder_delete_in, 200, err);
}

// ---- lists of assets

struct list_work {
    struct call *c;
    struct asset_query query;
    json_t *items;
    int64_t total;
    const char *key, *key_id;
    json_t *where;     // NULL: no condition
    bool fields;       // each with its values and its take
    bool takes;        // a sound is listed with its picture
    bool by_shelf;     // found in memory (house/fields)
    struct found found;
};

static bool not_a_choice(struct error *err, const char *name, const char *value,
                         const char *choices)
{
    error_set(err, ERROR_INPUT, "%s=%.40s cannot be used", name, value);
    error_why(err, "%s is one of: %s", name, choices);
    return error_fix(err, "choose one of them");
}

// One word of several, or absent.
static bool choice(struct call *c, const char *name, const char *choices, const char **value,
                   struct error *err)
{
    *value = call_query(c, name);
    for (text rest = text_of(choices); *value && rest.size;)
        if (text_is(text_cut(&rest, ' '), *value))
            return true;
    return !*value || not_a_choice(err, name, *value, choices);
}

static bool query_read(struct call *c, struct asset_query *q, struct error *err)
{
    const char *order, *deleted, *keys[2] = {NULL, NULL};
    const char *folder = call_query(c, "folder"), *offset = call_query(c, "offset");
    int limit;
    bool had;
    *q =
        (struct asset_query){.project = c->project, .folder = folder, .search = call_query(c, "q")};
    q->sort = call_query(c, "sort"); // checked where it is used: it may be a field
    if (!choice(c, "order", "asc desc", &order, err) ||
        !choice(c, "kind", "clip sound sequence still captions document", &q->kind, err) ||
        !choice(c, "deleted", "true false 1 0", &deleted, err) || !call_limit(c, &limit, err) ||
        !call_cursor(c, keys, 2, &had, err))
        return false;
    if (folder && strcmp(folder, "top") != 0 && !id_valid(text_of(folder)))
        return not_a_choice(err, "folder", folder, "a folder's id, top");
    if (offset && (!text_int(text_of(offset), &q->offset) || q->offset < 0))
        return not_a_choice(err, "offset", offset, "a number from 0");
    if (q->search && strlen(q->search) > 1000) {
        error_set(err, ERROR_TOO_BIG, "this is too long to search for");
        return error_fix(err, "give fewer words");
    }
    q->limit = limit;
    q->descending = order && strcmp(order, "desc") == 0;
    q->deleted = deleted && strchr("t1", deleted[0]);
    q->after_key = had ? keys[0] : NULL;
    q->after_id = had ? keys[1] : NULL;
    if (c->who.kind == WHO_SHARE) {
        q->share = c->who.share;
        q->deleted = false;
    }
    return true;
}

static bool assets_in(struct db_tx *tx, void *context, struct error *err)
{
    struct list_work *w = context;
    if (!(w->by_shelf ? asset_list_of(tx, w->found.ids, w->found.count, w->c->arena, &w->items, err)
                      : asset_list(tx, &w->query, w->c->arena, &w->items, &w->total, &w->key,
                                   &w->key_id, err)))
        return false;
    size_t count = json_array_size(w->items), i;
    json_t **assets = ARENA_ARRAY(w->c->arena, json_t *, count + 1), *asset;
    json_array_foreach(w->items, i, asset) assets[i] = asset;
    return assets_finish(tx, w->c, assets, count, err) &&
           (!w->fields || (values_fill(tx, assets, count, err) &&
                           takes_fill(w->c->api->inside->shelves, tx, w->c->project, assets, count,
                                      err)));
}

// Filters, words and orders of fields are looked up in memory; a plain list, what was deleted and
// what a link shows are the database's.
static bool shelf_serves(struct list_work *w)
{
    const struct asset_query *q = &w->query;
    bool field = q->sort && (q->sort[0] == 'f' || strcmp(q->sort, "timecode") == 0);
    bool can = !q->share && !q->deleted && !q->after_id;
    return can && (w->where || w->takes || field || q->search || q->kind);
}

// The next page of one found in memory goes by its place.
static bool shelf_look(struct list_work *w, struct error *err)
{
    const struct asset_query *q = &w->query;
    struct find_wish wish = {.project = q->project,
                             .folder = q->folder,
                             .kind = q->kind,
                             .search = q->search,
                             .sort = q->sort,
                             .where = w->where,
                             .descending = q->descending,
                             .takes = w->takes,
                             .limit = q->limit,
                             .offset = q->offset};
    if (!shelves_find(w->c->api->inside->shelves, &wish, w->c->arena, &w->found, err))
        return false;
    w->total = w->found.total;
    int64_t next = q->offset + (int64_t)w->found.count;
    if (next < w->total) {
        w->key = "@";
        w->key_id = arena_format(w->c->arena, "%lld", (long long)next);
    }
    return true;
}

static bool flag(struct call *c, const char *name)
{
    const char *value = call_query(c, name);
    return value && strchr("1t", value[0]);
}

static bool assets_get(struct call *c, struct error *err)
{
    bool visitor = c->who.kind == WHO_SHARE;
    struct list_work w = {.c = c,
                          .fields = flag(c, "fields") && !visitor,
                          .takes = flag(c, "takes") && !visitor};
    if (!query_read(c, &w.query, err) || (!visitor && !where_of(c, &w.where, err)))
        return false;
    if (w.query.after_key && strcmp(w.query.after_key, "@") == 0) {
        (void)text_int(text_of(w.query.after_id), &w.query.offset);
        w.query.after_key = w.query.after_id = NULL;
    }
    w.by_shelf = shelf_serves(&w);
    bool ok = (!w.by_shelf || shelf_look(&w, err)) && db_read(c->api->db, assets_in, &w, err);
    json_decref(w.where);
    if (!ok) {
        json_decref(w.items);
        return false;
    }
    const char *keys[2] = {w.key, w.key_id};
    call_json(c, json_pack("{s:o, s:o, s:I}", "items", w.items, "cursor",
                           w.key_id ? call_cursor_next(c, keys, 2) : json_null(), "total",
                           (json_int_t)w.total));
    return true;
}

// ---- many assets at once

static bool counted(struct work *w, bool done, const char *action, int64_t count, struct db_tx *tx,
                    struct error *err)
{
    char detail[64];
    snprintf(detail, sizeof(detail), "%lld assets", (long long)count);
    if (!done || (count && !call_audit(w->c, tx, action, w->c->project, detail, err)))
        return false;
    w->json = json_pack("{s:I}", "count", (json_int_t)count);
    return true;
}

static bool delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    int64_t count = 0;
    fresh(w);
    bool done = assets_delete(tx, w->c->project, body_field(w->c, "ids"), true, &count, err);
    return counted(w, done, "assets.delete", count, tx, err);
}

static bool restore_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    int64_t count = 0;
    fresh(w);
    bool done = assets_delete(tx, w->c->project, body_field(w->c, "ids"), false, &count, err);
    return counted(w, done, "assets.restore", count, tx, err);
}

static bool move_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    int64_t count = 0;
    fresh(w);
    bool done = assets_move(tx, w->c->project, body_field(w->c, "ids"), body_text(w->c, "folder"),
                            &count, err);
    return counted(w, done, "assets.move", count, tx, err);
}

static bool assets_delete_route(struct call *c, struct error *err)
{
    return change(c, delete_in, 200, err);
}

static bool assets_restore_route(struct call *c, struct error *err)
{
    return change(c, restore_in, 200, err);
}

static bool assets_move_route(struct call *c, struct error *err)
{
    return change(c, move_in, 200, err);
}

// ---- one asset, its versions

static bool asset_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return shown(tx, w->c, err) && asset_get(tx, w->c->asset, &w->json, err) &&
           assets_finish(tx, w->c, &w->json, 1, err);
}

static bool asset_show(struct call *c, struct error *err)
{
    return answer(c, asset_in, err);
}

static bool asset_patch_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return asset_change(tx, w->c->asset, body_text(w->c, "name"), body_text(w->c, "folder"), err) &&
           asset_in(tx, w, err);
}

static bool asset_patch(struct call *c, struct error *err)
{
    return change(c, asset_patch_in, 200, err);
}

static bool versions_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    size_t i;
    json_t *version;
    if (!shown(tx, w->c, err) || !version_list(tx, w->c->asset, &w->json, err))
        return false;
    json_array_foreach(w->json, i, version)
    {
        if (!burn_versions(tx, w->c, w->c->project, &version, 1, err))
            return false;
    }
    json_array_foreach(w->json, i, version) version_finish(w->c, w->c->project, version);
    return true;
}

static bool versions_get(struct call *c, struct error *err)
{
    return answer(c, versions_in, err);
}

static bool version_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    if (!shown(tx, w->c, err) || !version_get(tx, w->c->version, &w->json, err) ||
        !burn_versions(tx, w->c, w->c->project, &w->json, 1, err))
        return false;
    version_finish(w->c, w->c->project, w->json);
    return true;
}

bool version_answer(struct call *c, struct error *err)
{
    return answer(c, version_in, err);
}

// ---- files of a version

struct files_work {
    struct call *c;
    int64_t after, total;
    int limit;
    json_t *items;
};

static bool files_in(struct db_tx *tx, void *context, struct error *err)
{
    struct files_work *w = context;
    return shown(tx, w->c, err) &&
           version_files(tx, w->c->version, w->after, w->limit, &w->items, &w->total, err);
}

static bool files_get(struct call *c, struct error *err)
{
    struct files_work w = {.c = c};
    const char *key = NULL;
    bool had;
    if (!call_limit(c, &w.limit, err) || !call_cursor(c, &key, 1, &had, err))
        return false;
    if (had && !text_int(text_of(key), &w.after))
        return not_a_choice(err, "cursor", key, "one that this list gave");
    if (!db_read(c->api->db, files_in, &w, err)) {
        json_decref(w.items);
        return false;
    }
    size_t count = json_array_size(w.items);
    int64_t last = json_integer_value(
        json_object_get(json_array_get(w.items, count ? count - 1 : 0), "number"));
    char next[24];
    snprintf(next, sizeof(next), "%lld", (long long)last);
    const char *keys[1] = {next};
    bool more = count == (size_t)w.limit && last < w.total;
    call_json(c, json_pack("{s:o, s:o, s:I}", "items", w.items, "cursor",
                           more ? call_cursor_next(c, keys, 1) : json_null(), "total",
                           (json_int_t)w.total));
    return true;
}

struct file_work {
    struct call *c;
    struct asset_file file;
    struct store_chunk *chunks;
    size_t chunk_count;
    bool with_chunks;
};

static bool file_in(struct db_tx *tx, void *context, struct error *err)
{
    struct file_work *w = context;
    return shown(tx, w->c, err) &&
           version_file(tx, w->c->version, w->c->number, w->c->arena, &w->file, err) &&
           (!w->with_chunks ||
            store_chunks(tx, &w->file.content, w->c->arena, &w->chunks, &w->chunk_count, err));
}

static bool chunks_get(struct call *c, struct error *err)
{
    struct file_work w = {.c = c, .with_chunks = true};
    if (!db_read(c->api->db, file_in, &w, err))
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < w.chunk_count; i++)
        json_array_append_new(list, json_pack("{s:I, s:s}", "number", (json_int_t)i, "hash",
                                              sha256_text(&w.chunks[i].hash).text));
    call_json(c, list);
    return true;
}

struct opened { // originals being sent
    struct store *store;
    const struct store_map *map;
};

static void opened_close(void *context)
{
    struct opened *o = context;
    store_map_close(o->store, o->map);
    free(o);
}

static const char *name_alone(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool bytes_get(struct call *c, struct error *err)
{
    struct file_work w = {.c = c};
    const struct store_map *map;
    if (!db_read(c->api->db, file_in, &w, err) ||
        !store_map_open(c->api->store, &w.file.content, &map, err))
        return false;
    struct opened *o = malloc(sizeof(*o));
    if (!o)
        abort();
    *o = (struct opened){c->api->store, map};
    struct file_run *runs = ARENA_ARRAY(c->arena, struct file_run, map->count + 1);
    for (size_t i = 0; i < map->count; i++)
        runs[i] = (struct file_run){map->runs[i].fd, map->runs[i].offset, map->runs[i].length};
    // A stranger's file is never shown as a page of ours: it is saved, and its type says nothing.
    struct file_answer f = {
        .runs = runs,
        .count = map->count,
        .type = "application/octet-stream",
        .etag = arena_format(c->arena, "\"%s\"", sha256_text(&w.file.content).text),
        .modified_ms = w.file.modified_ms,
        .release = opened_close,
        .context = o,
    };
    call_files(c, &f, name_alone(w.file.name));
    call_meter(c, &(struct meter){.kind = "download",
                                  .key = arena_format(c->arena, "out %s %s %lld", c->who.session,
                                                      c->version, (long long)c->number),
                                  .title = name_alone(w.file.name),
                                  .subject = c->version,
                                  .project = c->project,
                                  .total_bytes = map->size,
                                  .priority = 50});
    return link_taken(c, w.file.name, map->size, err);
}

// ---- camera originals and their transcodes

static bool original_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return original_get(tx, w->c->asset, &w->json, err);
}

static bool original_show_route(struct call *c, struct error *err)
{
    return answer(c, original_in, err);
}

static bool attach_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return original_attach(tx, w->c->asset, body_text(w->c, "transcode"),
                           w->c->who.person ? w->c->who.person : "", err) &&
           original_in(tx, w, err);
}

static bool attach_post(struct call *c, struct error *err)
{
    return change(c, attach_in, 200, err);
}

static bool detach_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return original_detach(tx, w->c->asset, err) && original_in(tx, w, err);
}

static bool detach_delete(struct call *c, struct error *err)
{
    return change(c, detach_in, 200, err);
}

#define P "/projects/{project}"
#define F "/versions/{version}/files/{number}"
const struct route asset_routes[] = {
    {"GET", "/projects", NEED_PERSON, projects_get, NULL, "Project[]", 0,
     "the projects that you may view", NULL},
    {"POST", "/projects", NEED_PERSON, project_post, "NewProject", "Project", 0,
     "makes a project; you own it", NULL},
    {"GET", P, MAY_VIEW, project_show, NULL, "Project", 0, "one project", NULL},
    {"PATCH", P, MAY_MANAGE, project_patch, "ProjectChange", "Project", 0,
     "changes its name or the rate of its image sequences", NULL},
    {"GET", P "/folders", MAY_VIEW, folders_get, NULL, "Folder[]", 0,
     "all folders, parents before their children", NULL},
    {"POST", P "/folders", MAY_UPLOAD, folder_post, "NewFolder", "Folder", 0, "makes a folder",
     NULL},
    {"PATCH", "/folders/{folder}", MAY_EDIT, folder_patch, "FolderChange", "Folder", 0,
     "renames or moves a folder", NULL},
    {"DELETE", "/folders/{folder}", MAY_EDIT, folder_remove_route, NULL, NULL, 0,
     "deletes an empty folder", NULL},
    {"GET", P "/assets", MAY_VIEW, assets_get, NULL, "AssetList", ROUTE_SHARES,
     "assets by folder (an id, or top), q, kind, deleted; sort, order, cursor or offset, limit",
     NULL},
    {"POST", P "/assets/delete", MAY_EDIT, assets_delete_route, "Deletion", "Count", 0,
     "deletes assets; restore undoes it", NULL},
    {"POST", P "/assets/restore", MAY_EDIT, assets_restore_route, "Deletion", "Count", 0,
     "brings deleted assets back", NULL},
    {"POST", P "/assets/move", MAY_EDIT, assets_move_route, "Move", "Count", 0,
     "moves assets to a folder", NULL},
    {"GET", "/assets/{asset}", MAY_VIEW, asset_show, NULL, "Asset", 0,
     "an asset with its newest version", NULL},
    {"PATCH", "/assets/{asset}", MAY_EDIT, asset_patch, "AssetChange", "Asset", 0,
     "renames or moves an asset", NULL},
    {"GET", "/assets/{asset}/versions", MAY_VIEW, versions_get, NULL, "Version[]", 0,
     "its versions, newest first", NULL},
    {"GET", "/assets/{asset}/transcode", MAY_VIEW, original_show_route, NULL, "OriginalTranscode", 0,
     "which transcode stands for a camera original, and which could", NULL},
    {"POST", "/assets/{asset}/transcode", MAY_EDIT, attach_post, "AttachTranscode",
     "OriginalTranscode", 0, "attaches a transcode to a camera original, instead of another one",
     NULL},
    {"DELETE", "/assets/{asset}/transcode", MAY_EDIT, detach_delete, NULL, "OriginalTranscode", 0,
     "takes it off again", NULL},
    {"GET", "/versions/{version}", MAY_VIEW, version_answer, NULL, "Version", 0,
     "a version with fresh addresses of its derived files", NULL},
    {"GET", "/versions/{version}/files", MAY_DOWNLOAD, files_get, NULL, "VersionFileList", 0,
     "the files that it was brought in as", NULL},
    {"GET", F "/bytes", MAY_DOWNLOAD, bytes_get, NULL, "bytes", 0,
     "the original bytes; ranges, ETag is the content", NULL},
    {"GET", F "/chunks", MAY_DOWNLOAD, chunks_get, NULL, "ChunkHash[]", 0,
     "SHA-256 of each 8 MiB of the file", NULL},
};
const size_t asset_route_count = sizeof(asset_routes) / sizeof(asset_routes[0]);
