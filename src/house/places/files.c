// What is known of the files of a folder of a place, whether they are assets already or only seen.
#include "house/places/inside.h"

#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

struct telling {
    struct arena *a;
    int64_t folder;
    const char *after; // a name as the disk says it
    json_t *files;
    const char *last;
    bool more;
};

// False when there is room for no more.
static bool tell(struct telling *w, const struct list_entry *e, const char *state, bool hashed,
                 const char *version)
{
    int64_t modified = e->is.mtime_ns > 0 ? e->is.mtime_ns / 1000000 : 0;
    if (strcmp(e->name, w->after) <= 0)
        return true;
    if (json_array_size(w->files) == PLACE_FILES_MOST) {
        w->more = true;
        return false;
    }
    w->last = arena_text(w->a, e->name);
    json_array_append_new(
        w->files,
        json_pack("{s:s, s:I, s:o, s:s, s:b, s:o}", "name", place_shown(w->a, e->name), "size",
                  (json_int_t)e->is.size, "modified",
                  modified ? json_string(clock_text(modified).text) : json_null(), "state", state,
                  "hashed", hashed, "version", version ? json_string(version) : json_null()));
    return true;
}

static bool rows_of(struct db_tx *tx, struct telling *w, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select name, size, mtime_ns, state, hashed, version from "
                                    "place_files where folder = ?1 and name > ?2 order by name",
                                    "ib", w->folder, w->after, strlen(w->after));
    bool room = true;
    while (room && db_next(rows)) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        struct list_entry e = {arena_copy(w->a, at ? at : "", size),
                               {.size = db_int(rows, 1), .mtime_ns = db_int(rows, 2)}};
        const char *state = db_int(rows, 4) == -1 ? "unread" : db_text(rows, 3);
        room = tell(w, &e, state, db_int(rows, 4) == 1, db_text(rows, 5));
    }
    return db_end(rows, err);
}

static bool lists_of(struct db_tx *tx, struct telling *w, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select entries from place_lists where folder = ?1 order by part", "i", w->folder);
    bool room = true;
    while (room && db_next(rows)) {
        size_t size;
        const char *at = db_blob(rows, 0, &size);
        text rest = {at, size};
        struct list_entry e;
        while (room && list_next(&rest, &e))
            room = tell(w, &e, "new", false, NULL);
    }
    return db_end(rows, err);
}

static bool folders_of(struct db_tx *tx, struct telling *w, json_t *folders, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select name from place_folders where parent = ?1 order by name limit ?2",
                 "ii", w->folder, (int64_t)PLACE_FILES_MOST);
    while (db_next(rows)) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        json_array_append_new(folders,
                              json_string(place_shown(w->a, arena_copy(w->a, at ? at : "", size))));
    }
    return db_end(rows, err);
}

// A cursor is the last name, in hexadecimal: not every name is UTF-8.
static const char *name_of(struct arena *a, const char *cursor)
{
    size_t size = strlen(cursor) / 2;
    char *name = arena_take(a, size + 1);
    for (size_t i = 0; i < size; i++) {
        const char two[] = {cursor[2 * i], cursor[2 * i + 1], 0};
        name[i] = (char)strtoul(two, NULL, 16);
    }
    name[size] = 0;
    return name;
}

static json_t *cursor_of(struct arena *a, const struct telling *w)
{
    size_t room = w->more ? 2 * strlen(w->last) + 1 : 0;
    char *hex = w->more ? arena_take(a, room) : NULL;
    return hex && hex_text(w->last, room / 2, hex, room) ? json_string(hex) : json_null();
}

bool place_files_list(struct db_tx *tx, const char *place, const char *path, const char *cursor,
                      json_t **json, struct error *err)
{
    struct place_row row;
    struct telling w = {.a = arena_open((size_t)64 << 20)};
    w.after = name_of(w.a, cursor);
    *json = json_pack("{s:s, s:[], s:[]}", "path", path, "folders", "files");
    if (!*json)
        *json = json_pack("{s:s, s:[], s:[]}", "path", "", "folders", "files");
    w.files = json_object_get(*json, "files");
    bool ok = place_row(tx, place, &row, err) &&
              db_one_int(tx, &w.folder, 0, err,
                         "select number from place_folders where place = ?1 and path = ?2", "ib",
                         row.number, path, strlen(path));
    if (ok && !w.folder && *path) {
        ok = error_set(err, ERROR_NOT_FOUND, "the place has no folder %.200s", path);
        error_fix(err, "name it as it is below %.300s", row.path);
    }
    ok = ok && rows_of(tx, &w, err) && (json_array_size(w.files) || lists_of(tx, &w, err)) &&
         folders_of(tx, &w, json_object_get(*json, "folders"), err);
    if (ok)
        json_object_set_new(*json, "cursor", cursor_of(w.a, &w));
    else
        json_decref(*json), *json = NULL;
    arena_close(w.a);
    return ok;
}
