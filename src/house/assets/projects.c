// Projects and their folders.
#include "house/assets/inside.h"
#include "plat/clock.h"
#include "time/rational.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// "24", "24/1", "23.976" as "24000/1001" and the like; NULL is 24.
static bool rate_clean(const char *wanted, char clean[32], struct error *err)
{
    rational rate;
    if (!rational_parse(text_of(wanted ? wanted : "24"), &rate, err))
        return error_while(err, "the rate of image sequences");
    if (rate.num < rate.den || rate.num / rate.den > 1000) {
        error_set(err, ERROR_INPUT, "the rate of image sequences cannot be %s", wanted);
        error_why(err, "it must be from 1 to 1000 frames a second");
        return error_fix(err, "give a rate such as 24, 25 or 23.976");
    }
    snprintf(clean, 32, "%s", rational_text(rate).text);
    return true;
}

bool project_make(struct db_tx *tx, const char *project, const char *name,
                  const char *sequence_rate, struct error *err)
{
    char rate[32];
    int64_t there = 0;
    if (!name_acceptable("project", name, err) || !rate_clean(sequence_rate, rate, err) ||
        !db_one_int(tx, &there, 0, err, "select count(*) from projects where id = ?1", "s",
                    project))
        return false;
    return there || (db_run(tx, err,
                            "insert into projects (id, name, sequence_rate, created_ms, assets, "
                            "bytes) values (?1, ?2, ?3, ?4, 0, 0)",
                            "sssi", project, name, rate, clock_now_ms()) &&
                     say(tx, "project.changed", project, project, err));
}

bool project_change(struct db_tx *tx, const char *project, const char *name,
                    const char *sequence_rate, const char *downloads_need, int version_names,
                    const char *burn_names, struct error *err)
{
    char rate[32];
    return (!name || name_acceptable("project", name, err)) &&
           (!sequence_rate || rate_clean(sequence_rate, rate, err)) &&
           db_run(tx, err,
                  "update projects set name = coalesce(?2, name),"
                  " sequence_rate = coalesce(?3, sequence_rate),"
                  " downloads_need = coalesce(?4, downloads_need),"
                  " version_names = case when ?5 < 0 then version_names else ?5 end,"
                  " burn_names = coalesce(?6, burn_names) where id = ?1",
                  "ssssis", project, name, sequence_rate ? rate : NULL, downloads_need,
                  (int64_t)version_names,
                  burn_names && strcmp(burn_names, "nothing") == 0 ? "" : burn_names) &&
           (db_changed(tx) || not_there(err, "project")) &&
           say(tx, "project.changed", project, project, err);
}

#define PROJECT                                                                                    \
    "select p.id, p.name, p.created_ms, p.sequence_rate, p.assets, p.bytes, p.downloads_need, "    \
    "p.version_names, p.burn_names "                                                               \
    "from projects p"

static json_t *project_row(struct db_rows *rows)
{
    const char *need = db_text(rows, 6), *burn = db_text(rows, 8);
    return json_pack("{s:s, s:s, s:o, s:s, s:I, s:I, s:s, s:b, s:s}", "id", db_text(rows, 0),
                     "name", db_text(rows, 1), "created", time_json(db_int(rows, 2)),
                     "sequence_rate", db_text(rows, 3), "assets", (json_int_t)db_int(rows, 4),
                     "bytes", (json_int_t)db_int(rows, 5), "downloads_need",
                     *need ? need : "nothing", "version_names", (int)db_int(rows, 7), "burn_names",
                     *burn ? burn : "nothing");
}

bool project_get(struct db_tx *tx, const char *project, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, PROJECT " where p.id = ?1", "s", project);
    *json = db_next(rows) ? project_row(rows) : NULL;
    return db_end(rows, err) && (*json || not_there(err, "project"));
}

// ---- in the order that people count

struct named {
    json_t *json;
    const char *key; // of its name
    const char *id, *parent;
    int depth;
};

static int by_id(const void *x, const void *y)
{
    return strcmp(((const struct named *)x)->id, ((const struct named *)y)->id);
}

static int by_name(const void *x, const void *y)
{
    const struct named *a = x, *b = y;
    int order = a->depth - b->depth;
    order = order ? order : strcmp(a->key, b->key);
    return order ? order : strcmp(a->id, b->id);
}

// Parents before their children, then by name. Takes over the list and gives a new one.
static json_t *ordered(json_t *list)
{
    size_t count = json_array_size(list);
    struct arena *a = arena_open((count + 1) * 8192);
    struct named *all = ARENA_ARRAY(a, struct named, count + 1);
    for (size_t i = 0; i < count; i++) {
        json_t *json = json_array_get(list, i);
        all[i] = (struct named){
            .json = json,
            .key = name_sort_key(a, json_string_value(json_object_get(json, "name"))),
            .id = json_string_value(json_object_get(json, "id")),
            .parent = json_string_value(json_object_get(json, "parent")),
        };
    }
    qsort(all, count, sizeof(*all), by_id);
    for (size_t i = 0; i < count; i++) {
        struct named *at = &all[i];
        while (at && at->parent && all[i].depth <= FOLDER_DEPTH) {
            at = bsearch(&(struct named){.id = at->parent}, all, count, sizeof(*all), by_id);
            all[i].depth++;
        }
    }
    qsort(all, count, sizeof(*all), by_name);
    json_t *made = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append(made, all[i].json);
    arena_close(a);
    json_decref(list);
    return made;
}

bool project_list(struct db_tx *tx, const char *person, json_t **list, struct error *err)
{
    json_t *read = json_array();
    struct db_rows *rows =
        person ? db_query(tx,
                          PROJECT
                          " join members m on m.project = p.id where m.person = ?1 order by p.id",
                          "s", person)
               : db_query(tx, PROJECT " order by p.id", "");
    while (db_next(rows))
        json_array_append_new(read, project_row(rows));
    bool ok = db_end(rows, err);
    *list = ordered(read);
    return ok;
}

// ---- folders

static bool taken(struct error *err, const char *name)
{
    error_set(err, ERROR_CONFLICT, "there is a folder %s here already", name);
    error_why(err, "two folders in one place can not have one name");
    return error_fix(err, "choose another name");
}

static bool folder_id_of(struct db_tx *tx, const char *project, const char *parent,
                         const char *name, id *found, bool *there, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select id from folders where project = ?1 and parent = ?2 and name = ?3",
                 "sss", project, parent, name);
    *there = db_next(rows);
    if (*there)
        text_copy(text_of(db_text(rows, 0)), found->text, sizeof(found->text));
    return db_end(rows, err);
}

// How deep a folder lies (the top is 0), and whether `own` lies on the way. "" is the top.
static bool depth_of(struct db_tx *tx, const char *folder, const char *own, int *depth, bool *met,
                     struct error *err)
{
    char at[27];
    text_copy(text_of(folder), at, sizeof(at));
    *met = false;
    for (*depth = 0; at[0] && *depth <= FOLDER_DEPTH; ++*depth) {
        *met = *met || strcmp(at, own) == 0;
        struct db_rows *rows = db_query(tx, "select parent from folders where id = ?1", "s", at);
        text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), at, sizeof(at));
        if (!db_end(rows, err))
            return false;
    }
    return true;
}

// With the folder that it lies in (or lay in): who keeps a list of that looks there alone.
static bool say_folder(struct db_tx *tx, const char *project, const char *folder,
                       const char *parent, struct error *err)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"parent\":\"%s\"}", parent);
    return db_event(tx, "folder.changed", project, folder, body, err);
}

static bool too_deep(struct error *err)
{
    error_set(err, ERROR_TOO_BIG, "this folder would lie too deep");
    error_why(err, "folders may lie %d deep", FOLDER_DEPTH);
    return error_fix(err, "put it nearer to the top");
}

bool folder_add(struct db_tx *tx, const char *folder, const char *project, const char *parent,
                const char *name, struct error *err)
{
    bool there, met;
    int depth;
    id found;
    parent = parent ? parent : "";
    if (!name_acceptable("folder", name, err) || !folder_fits(tx, project, parent, err) ||
        !folder_id_of(tx, project, parent, name, &found, &there, err))
        return false;
    if (there)
        return taken(err, name);
    if (!depth_of(tx, parent, "", &depth, &met, err))
        return false;
    if (depth >= FOLDER_DEPTH)
        return too_deep(err);
    return db_run(
               tx, err,
               "insert into folders (id, project, parent, name, assets) values (?1, ?2, ?3, ?4, 0)",
               "ssss", folder, project, parent, name) &&
           say_folder(tx, project, folder, parent, err);
}

bool folder_ensure(struct db_tx *tx, const char *project, const char *parent, const char *path,
                   id *folder, struct error *err)
{
    id at = {""};
    text_copy(text_of(parent), at.text, sizeof(at.text));
    for (text rest = text_of(path); rest.size;) {
        text part = text_cut(&rest, '/');
        char name[256];
        bool there;
        id next;
        if (!text_copy(part, name, sizeof(name)))
            return name_acceptable("folder", path, err);
        if (!name_acceptable("folder", name, err) ||
            !folder_id_of(tx, project, at.text, name, &next, &there, err))
            return false;
        if (!there) {
            next = id_new();
            if (!folder_add(tx, next.text, project, at.text, name, err))
                return false;
        }
        at = next;
    }
    *folder = at;
    return true;
}

#define FOLDER "select id, project, parent, name, assets from folders"

static json_t *folder_row(struct db_rows *rows)
{
    const char *parent = db_text(rows, 2);
    return json_pack("{s:s, s:s, s:o, s:s, s:I}", "id", db_text(rows, 0), "project",
                     db_text(rows, 1), "parent", parent[0] ? json_string(parent) : json_null(),
                     "name", db_text(rows, 3), "assets", (json_int_t)db_int(rows, 4));
}

bool folder_get(struct db_tx *tx, const char *folder, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, FOLDER " where id = ?1", "s", folder);
    *json = db_next(rows) ? folder_row(rows) : NULL;
    return db_end(rows, err) && (*json || not_there(err, "folder"));
}

bool folder_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    json_t *read = json_array();
    struct db_rows *rows = db_query(tx, FOLDER " where project = ?1 order by id", "s", project);
    while (db_next(rows))
        json_array_append_new(read, folder_row(rows));
    bool ok = db_end(rows, err);
    *list = ordered(read);
    return ok;
}

// Levels of folders below this one.
static bool height_of(struct db_tx *tx, const char *folder, int *height, struct error *err)
{
    int64_t levels = 0;
    bool ok = db_one_int(tx, &levels, 0, err,
                         "with recursive below (id, level) as (select ?1, 0 union all select f.id, "
                         "b.level + 1 from below b join folders f on f.parent = b.id) select "
                         "max(level) from below",
                         "s", folder);
    *height = (int)levels;
    return ok;
}

bool folder_change(struct db_tx *tx, const char *folder, const char *name, const char *parent,
                   struct error *err)
{
    json_t *now;
    bool ok = false, loop = false, there = false;
    int depth = 0, height = 0;
    id found;
    if (!folder_get(tx, folder, &now, err))
        return false;
    const char *project = json_string_value(json_object_get(now, "project"));
    const char *old_parent = json_string_value(json_object_get(now, "parent"));
    const char *new_name = name ? name : json_string_value(json_object_get(now, "name"));
    const char *new_parent = parent ? parent : old_parent ? old_parent : "";
    if (!name_acceptable("folder", new_name, err) || !folder_fits(tx, project, new_parent, err) ||
        !depth_of(tx, new_parent, folder, &depth, &loop, err) ||
        !height_of(tx, folder, &height, err) ||
        !folder_id_of(tx, project, new_parent, new_name, &found, &there, err))
        goto out;
    if (loop) {
        error_set(err, ERROR_CONFLICT, "a folder can not lie inside itself");
        error_fix(err, "choose another place");
        goto out;
    }
    if (depth + height >= FOLDER_DEPTH) {
        too_deep(err);
        goto out;
    }
    if (there && strcmp(found.text, folder) != 0) {
        taken(err, new_name);
        goto out;
    }
    ok = db_run(tx, err,
                "update folders set name = ?2, parent = ?3, named_ms = case when name = ?2 then "
                "named_ms else max(named_ms + 1, ?4) end, placed_ms = case when parent = ?3 then "
                "placed_ms else max(placed_ms + 1, ?4) end where id = ?1",
                "sssi", folder, new_name, new_parent, clock_now_ms()) &&
         say_folder(tx, project, folder, new_parent, err) &&
         (strcmp(new_parent, old_parent ? old_parent : "") == 0 ||
          db_event(tx, "folder.moved", project, folder, NULL, err));
out:
    json_decref(now);
    return ok;
}

bool folder_delete(struct db_tx *tx, const char *folder, struct error *err)
{
    json_t *now;
    int64_t folders, assets;
    if (!folder_get(tx, folder, &now, err))
        return false;
    const char *parent = json_string_value(json_object_get(now, "parent"));
    bool ok =
        db_one_int(tx, &folders, 0, err, "select count(*) from folders where parent = ?1", "s",
                   folder) &&
        db_one_int(tx, &assets, 0, err,
                   "select count(*) from assets where folder = ?1 and deleted = 0", "s", folder);
    if (ok && (folders || assets)) {
        ok = error_set(err, ERROR_CONFLICT, "%s is not empty",
                       json_string_value(json_object_get(now, "name")));
        error_why(err, "it holds %s asset%s and %s folder%s", count_text(assets).text,
                  assets == 1 ? "" : "s", count_text(folders).text, folders == 1 ? "" : "s");
        error_fix(err, "move or delete what is in it first");
    }
    // Deleted assets that lay in it come back to the top when they are restored.
    ok = ok && db_run(tx, err, "update assets set folder = '' where folder = ?1", "s", folder) &&
         db_run(tx, err, "delete from folders where id = ?1", "s", folder) &&
         say_folder(tx, json_string_value(json_object_get(now, "project")), folder,
                    parent ? parent : "", err);
    json_decref(now);
    return ok;
}
