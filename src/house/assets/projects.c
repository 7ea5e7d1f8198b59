// Projects and their folders.
#include "house/assets/inside.h"
#include "plat/clock.h"

#include <string.h>

bool project_make(struct db_tx *tx, const char *project, const char *name,
                  const char *sequence_rate, struct error *err)
{
    return name_acceptable("project", name, err) &&
           db_run(tx, err, "insert into projects values (?1, ?2, ?3, ?4, 0, 0)", "sssi", project,
                  name, sequence_rate, clock_now_ms()) &&
           say(tx, "project.changed", project, project, err);
}

bool project_change(struct db_tx *tx, const char *project, const char *name,
                    const char *sequence_rate, struct error *err)
{
    return (!name || name_acceptable("project", name, err)) &&
           db_run(tx, err,
                  "update projects set name = coalesce(?2, name),"
                  " sequence_rate = coalesce(?3, sequence_rate) where id = ?1",
                  "sss", project, name, sequence_rate) &&
           say(tx, "project.changed", project, project, err);
}

#define PROJECT                                                                                    \
    "select p.id, p.name, p.created_ms, p.sequence_rate, p.assets, p.bytes from projects p"

static json_t *project_row(struct db_rows *rows)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:I, s:I}", "id", db_text(rows, 0), "name",
                     db_text(rows, 1), "created", time_json(db_int(rows, 2)), "sequence_rate",
                     db_text(rows, 3), "assets", (json_int_t)db_int(rows, 4), "bytes",
                     (json_int_t)db_int(rows, 5));
}

bool project_get(struct db_tx *tx, const char *project, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, PROJECT " where p.id = ?1", "s", project);
    *json = db_next(rows) ? project_row(rows) : NULL;
    return db_end(rows, err) &&
           (*json || error_set(err, ERROR_NOT_FOUND, "there is no such project"));
}

bool project_list(struct db_tx *tx, const char *person, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        person
            ? db_query(
                  tx,
                  PROJECT
                  " join members m on m.project = p.id where m.person = ?1 order by p.name, p.id",
                  "s", person)
            : db_query(tx, PROJECT " order by p.name, p.id", "");
    while (db_next(rows))
        json_array_append_new(*list, project_row(rows));
    return db_end(rows, err);
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

// A parent must be a folder of the same project.
static bool parent_fits(struct db_tx *tx, const char *project, const char *parent,
                        struct error *err)
{
    int64_t count = 1;
    if (parent[0] && !db_one_int(tx, &count, 0, err,
                                 "select count(*) from folders where id = ?1 and project = ?2",
                                 "ss", parent, project))
        return false;
    if (count)
        return true;
    error_set(err, ERROR_NOT_FOUND, "the folder to put it in is not there");
    return error_fix(err, "choose another folder; somebody may have removed it");
}

bool folder_add(struct db_tx *tx, const char *folder, const char *project, const char *parent,
                const char *name, struct error *err)
{
    bool there;
    id found;
    parent = parent ? parent : "";
    if (!name_acceptable("folder", name, err) || !parent_fits(tx, project, parent, err) ||
        !folder_id_of(tx, project, parent, name, &found, &there, err))
        return false;
    if (there)
        return taken(err, name);
    return db_run(tx, err, "insert into folders values (?1, ?2, ?3, ?4, 0)", "ssss", folder,
                  project, parent, name) &&
           say(tx, "folder.changed", project, folder, err);
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
    return db_end(rows, err) &&
           (*json || error_set(err, ERROR_NOT_FOUND, "there is no such folder"));
}

bool folder_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, FOLDER " where project = ?1 order by name, id", "s", project);
    while (db_next(rows))
        json_array_append_new(*list, folder_row(rows));
    return db_end(rows, err);
}

// Would `folder` lie inside itself with this parent? Follows the parents up; 1,000 deep at most.
static bool makes_loop(struct db_tx *tx, const char *folder, const char *parent, bool *loop,
                       struct error *err)
{
    char at[27];
    text_copy(text_of(parent), at, sizeof(at));
    *loop = false;
    for (int depth = 0; at[0] && !*loop; depth++) {
        *loop = strcmp(at, folder) == 0 || depth > 1000;
        struct db_rows *rows = db_query(tx, "select parent from folders where id = ?1", "s", at);
        if (db_next(rows))
            text_copy(text_of(db_text(rows, 0)), at, sizeof(at));
        else
            at[0] = 0;
        if (!db_end(rows, err))
            return false;
    }
    return true;
}

bool folder_change(struct db_tx *tx, const char *folder, const char *name, const char *parent,
                   struct error *err)
{
    json_t *now;
    bool ok = false, loop = false, there = false;
    id found;
    if (!folder_get(tx, folder, &now, err))
        return false;
    const char *project = json_string_value(json_object_get(now, "project"));
    const char *old_parent = json_string_value(json_object_get(now, "parent"));
    const char *new_name = name ? name : json_string_value(json_object_get(now, "name"));
    const char *new_parent = parent ? parent : old_parent ? old_parent : "";
    if (!name_acceptable("folder", new_name, err) || !parent_fits(tx, project, new_parent, err) ||
        !makes_loop(tx, folder, new_parent, &loop, err) ||
        !folder_id_of(tx, project, new_parent, new_name, &found, &there, err))
        goto out;
    if (loop) {
        error_set(err, ERROR_CONFLICT, "a folder can not lie inside itself");
        error_fix(err, "choose another place");
        goto out;
    }
    if (there && strcmp(found.text, folder) != 0) {
        taken(err, new_name);
        goto out;
    }
    ok = db_run(tx, err, "update folders set name = ?2, parent = ?3 where id = ?1", "sss", folder,
                new_name, new_parent) &&
         say(tx, "folder.changed", project, folder, err);
out:
    json_decref(now);
    return ok;
}

bool folder_delete(struct db_tx *tx, const char *folder, struct error *err)
{
    json_t *now;
    int64_t inside;
    if (!folder_get(tx, folder, &now, err))
        return false;
    // Deleted assets count too: they may be restored to where they were.
    bool ok = db_one_int(tx, &inside, 0, err,
                         "select (select count(*) from folders where parent = ?1) +"
                         " (select count(*) from assets where folder = ?1)",
                         "s", folder);
    if (ok && inside) {
        ok = error_set(err, ERROR_CONFLICT, "%s is not empty",
                       json_string_value(json_object_get(now, "name")));
        error_why(err, "it holds %lld things, deleted ones counted", (long long)inside);
        error_fix(err, "move what is in it elsewhere");
    }
    ok = ok && db_run(tx, err, "delete from folders where id = ?1", "s", folder) &&
         say(tx, "folder.changed", json_string_value(json_object_get(now, "project")), folder, err);
    json_decref(now);
    return ok;
}
