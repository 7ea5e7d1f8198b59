#include "house/colour/colour.h"
#include "house/assets/assets.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 200 }; // of folders

// ---- the things themselves

static bool name_free(struct db_tx *tx, const struct transform_wish *w, struct error *err)
{
    int64_t same, all;
    if (!name_acceptable("a viewing transform", w->name, err) ||
        !db_one_int(tx, &same, 0, err,
                    "select count(*) from transforms where project = ?1 and name = ?2", "ss",
                    w->project, w->name) ||
        !db_one_int(tx, &all, 0, err, "select count(*) from transforms where project = ?1", "s",
                    w->project))
        return false;
    if (all >= TRANSFORMS_MOST)
        return error_set(err, ERROR_TOO_BIG, "a project has at most %d viewing transforms",
                         TRANSFORMS_MOST);
    if (!same)
        return true;
    error_set(err, ERROR_CONFLICT, "there is a viewing transform '%s' already", w->name);
    return error_fix(err, "take another name, or delete that one first");
}

bool transform_make(struct db_tx *tx, const struct transform_wish *w, id *made, struct error *err)
{
    char *steps = json_dumps(w->steps, JSON_COMPACT), *how = json_dumps(w->how, JSON_COMPACT);
    *made = id_new();
    bool ok = name_free(tx, w, err) &&
              db_run(tx, err,
                     "insert into transforms (id, project, name, steps, how, content, size, "
                     "made_by, made_ms) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     "sssssbisi", made->text, w->project, w->name, steps, how,
                     (const void *)w->content.at, (size_t)SHA256_SIZE, w->size, w->by, w->now_ms);
    for (size_t i = 0; ok && i < w->file_count; i++)
        ok = db_run(tx, err,
                    "insert into transform_files (transform, position, name, content, size) values "
                    "(?1, ?2, ?3, ?4, ?5)",
                    "sisbi", made->text, (int64_t)i, w->files[i].name,
                    (const void *)w->files[i].content.at, (size_t)SHA256_SIZE, w->files[i].size);
    free(steps);
    free(how);
    return ok && db_event(tx, "colour.listed", w->project, made->text, NULL, err);
}

bool transform_delete(struct db_tx *tx, const char *transform, struct error *err)
{
    int64_t places;
    char project[27] = "";
    struct db_rows *rows =
        db_query(tx, "select project from transforms where id = ?1", "s", transform);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    if (!db_end(rows, err))
        return false;
    if (!*project)
        return error_set(err, ERROR_NOT_FOUND, "there is no such viewing transform");
    if (!db_one_int(tx, &places, 0, err,
                    "select count(*) from transform_places where transform = ?1", "s", transform))
        return false;
    if (places) {
        error_set(err, ERROR_CONFLICT, "the viewing transform is in use");
        error_why(err, "it is set in %lld places", (long long)places);
        return error_fix(err, "unset it there first: posthouse colour list shows where");
    }
    return db_run(tx, err, "delete from transform_files where transform = ?1", "s", transform) &&
           db_run(tx, err, "delete from transforms where id = ?1", "s", transform) &&
           db_event(tx, "colour.listed", project, transform, NULL, err);
}

#define TRANSFORM                                                                                  \
    "select t.id, t.project, t.name, t.steps, t.how, t.size, coalesce((select name from people "   \
    "where id = t.made_by), t.made_by), t.made_ms, t.content from transforms t "
static json_t *transform_row(struct db_rows *rows)
{
    json_t *how = json_loads(db_text(rows, 4), 0, NULL);
    json_t *steps = json_loads(db_text(rows, 3), 0, NULL);
    sha256 content = db_hash(rows, 8);
    json_t *to = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:b, s:I, s:I}", "id",
                           db_text(rows, 0), "project", db_text(rows, 1), "name", db_text(rows, 2),
                           "steps", steps ? steps : json_array(), "by", db_text(rows, 6), "created",
                           clock_text(db_int(rows, 7)).text, "content", sha256_text(&content).text,
                           "error", json_real(json_number_value(json_object_get(how, "most"))),
                           "light", json_is_true(json_object_get(how, "light")), "table",
                           (json_int_t)json_integer_value(json_object_get(how, "table")), "cube",
                           (json_int_t)json_integer_value(json_object_get(how, "cube")));
    json_decref(how);
    return to;
}

static bool files_of(struct db_tx *tx, json_t *transform, struct error *err)
{
    json_t *files = json_array();
    json_object_set_new(transform, "files", files);
    struct db_rows *rows = db_query(
        tx, "select name, size from transform_files where transform = ?1 order by position", "s",
        json_string_value(json_object_get(transform, "id")));
    while (db_next(rows))
        json_array_append_new(files, json_pack("{s:s, s:I}", "name", db_text(rows, 0), "size",
                                               (json_int_t)db_int(rows, 1)));
    return db_end(rows, err);
}

bool transform_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    json_t *one;
    size_t i;
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, TRANSFORM "where t.project = ?1 order by t.name, t.id", "s", project);
    while (db_next(rows))
        json_array_append_new(*list, transform_row(rows));
    bool ok = db_end(rows, err);
    json_array_foreach(*list, i, one) ok = ok && files_of(tx, one, err);
    if (!ok)
        json_decref(*list), *list = NULL;
    return ok;
}

bool transform_get(struct db_tx *tx, const char *transform, json_t **to, struct error *err)
{
    struct db_rows *rows = db_query(tx, TRANSFORM "where t.id = ?1", "s", transform);
    *to = db_next(rows) ? transform_row(rows) : NULL;
    bool ok = db_end(rows, err);
    if (ok && !*to)
        return error_set(err, ERROR_NOT_FOUND, "there is no such viewing transform");
    ok = ok && files_of(tx, *to, err);
    if (!ok)
        json_decref(*to), *to = NULL;
    return ok;
}

// ---- where they are set

static const struct {
    const char *kind, *project;
} kinds[] = {{"project", "select id from projects where id = ?1"},
             {"folder", "select project from folders where id = ?1"},
             {"asset", "select project from assets where id = ?1"}};

static bool project_of(struct db_tx *tx, const char *kind, const char *place, char project[27],
                       struct error *err)
{
    *project = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kind, kind) != 0)
            continue;
        struct db_rows *rows = db_query(tx, kinds[i].project, "s", place);
        if (db_next(rows))
            text_copy(text_of(db_text(rows, 0)), project, 27);
        if (!db_end(rows, err))
            return false;
    }
    return *project || error_set(err, ERROR_NOT_FOUND, "there is no such %s", kind);
}

static bool tell(struct db_tx *tx, const char *kind, const char *project, const char *place,
                 struct error *err)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"kind\":\"%s\"}", kind);
    return db_event(tx, "colour.changed", project, place, body, err);
}

bool transform_set(struct db_tx *tx, const char *kind, const char *place, const char *transform,
                   const char *by, int64_t now_ms, struct error *err)
{
    char project[27];
    int64_t own = 1;
    if (!project_of(tx, kind, place, project, err) ||
        (*transform && !db_one_int(tx, &own, 0, err,
                                   "select count(*) from transforms where id = ?1 and project = ?2",
                                   "ss", transform, project)))
        return false;
    if (!own) {
        error_set(err, ERROR_INPUT, "the project has no such viewing transform");
        return error_fix(err, "take one of posthouse colour list");
    }
    return db_run(tx, err,
                  "insert into transform_places (place, kind, project, transform, set_by, set_ms) "
                  "values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (place) do update set transform = "
                  "?4, set_by = ?5, set_ms = ?6",
                  "sssssi", place, kind, project, transform, by, now_ms) &&
           tell(tx, kind, project, place, err);
}

bool transform_unset(struct db_tx *tx, const char *kind, const char *place, struct error *err)
{
    char project[27];
    return project_of(tx, kind, place, project, err) &&
           db_run(tx, err, "delete from transform_places where place = ?1", "s", place) &&
           (!db_changed(tx) || tell(tx, kind, project, place, err));
}

bool transform_places(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select p.kind, p.place, coalesce((select name from folders where id = p.place), (select "
        "name from assets where id = p.place), ''), p.transform, coalesce((select name from people "
        "where id = p.set_by), p.set_by), p.set_ms from transform_places p where p.project = ?1 "
        "order by case p.kind when 'project' then 0 when 'folder' then 1 else 2 end, p.set_ms, "
        "p.place limit 20000",
        "s", project);
    while (db_next(rows)) {
        const char *transform = db_text(rows, 3);
        json_array_append_new(
            *list, json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "kind", db_text(rows, 0), "place",
                             db_text(rows, 1), "name", db_text(rows, 2), "transform",
                             *transform ? json_string(transform) : json_null(), "by",
                             db_text(rows, 4), "at", clock_text(db_int(rows, 5)).text));
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- the nearest

static bool set_at(struct db_tx *tx, const char *place, struct arena *a, struct transform_wanted *w,
                   struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select p.transform, t.name, p.kind, p.place, coalesce((select name from people where id = "
        "p.set_by), p.set_by), p.set_ms, t.content, t.size from transform_places p left join "
        "transforms t on t.id = p.transform where p.place = ?1",
        "s", place);
    if (db_next(rows))
        *w = (struct transform_wanted){.id = arena_text(a, db_text(rows, 0)),
                                       .name = arena_text(a, db_text(rows, 1)),
                                       .kind = arena_text(a, db_text(rows, 2)),
                                       .place = arena_text(a, db_text(rows, 3)),
                                       .by = arena_text(a, db_text(rows, 4)),
                                       .set_ms = db_int(rows, 5),
                                       .content = db_hash(rows, 6),
                                       .size = db_int(rows, 7)};
    return db_end(rows, err);
}

bool transform_for(struct db_tx *tx, const char *asset, struct arena *a, struct transform_wanted *w,
                   struct error *err)
{
    char folder[27] = "", project[27] = "";
    *w = (struct transform_wanted){0};
    struct db_rows *rows =
        db_query(tx, "select folder, project from assets where id = ?1", "s", asset);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), folder, sizeof(folder));
        text_copy(text_of(db_text(rows, 1)), project, sizeof(project));
    }
    if (!db_end(rows, err) || !set_at(tx, asset, a, w, err))
        return false;
    for (int depth = 0; !w->id && *folder && depth < DEPTH; depth++) {
        char above[27] = "";
        if (!set_at(tx, folder, a, w, err))
            return false;
        rows = db_query(tx, "select parent from folders where id = ?1", "s", folder);
        if (db_next(rows))
            text_copy(text_of(db_text(rows, 0)), above, sizeof(above));
        if (!db_end(rows, err))
            return false;
        memcpy(folder, above, sizeof(folder));
    }
    return w->id || set_at(tx, project, a, w, err);
}

bool transform_one(struct db_tx *tx, const char *transform, struct arena *a,
                   struct transform_wanted *w, struct error *err)
{
    *w = (struct transform_wanted){.id = ""};
    if (!*transform)
        return true;
    struct db_rows *rows =
        db_query(tx, "select name, content, size from transforms where id = ?1", "s", transform);
    bool there = db_next(rows);
    if (there)
        *w = (struct transform_wanted){.id = arena_text(a, transform),
                                       .name = arena_text(a, db_text(rows, 0)),
                                       .content = db_hash(rows, 1),
                                       .size = db_int(rows, 2)};
    return db_end(rows, err) &&
           (there || error_set(err, ERROR_NOT_FOUND, "there is no such viewing transform"));
}
