/*
 * Files on their way in. Their bytes go through an upload of the store (durable in steps, hashed as
 * they come); a row in door_files remembers whose it is. Only `finish` gives them a name, in the
 * transaction that records the bytes.
 */
#include "house/tree/inside.h"

#include "house/transfer/line.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <string.h>

enum { ARENA_BYTES = 64 << 20, ACTIVE_STEP_MS = 60 * 1000 };

struct writing {
    const struct tree_asker *by;
    const struct tree_write_wish *wish;
    struct tree_write *out;
    const char *id, *path;
    char old[27]; // of the same file, to be thrown away
    int64_t size, modified_ms;
    struct store_bytes *bytes;
};

struct arriving { // a row
    char id[27], project[27], folder[27], name[256], person[27];
    int64_t size, modified_ms;
};

static bool row_of(struct db_tx *tx, const char *where_id, const struct tree_node *parent,
                   const char *name, const char *person, struct arriving *row, bool *found,
                   struct error *err)
{
    struct db_rows *rows =
        where_id
            ? db_query(tx,
                       "select id, project, folder, name, person, size, modified_ms from "
                       "door_files where id = ?1 and person = ?2 and state = 'arriving'",
                       "ss", where_id, person)
            : db_query(tx,
                       "select id, project, folder, name, person, size, modified_ms from "
                       "door_files where project = ?1 and folder = ?2 and name = ?3 and person = "
                       "?4 and state = 'arriving' order by id desc",
                       "ssss", parent->project, parent->folder, name, person);
    *found = db_next(rows);
    if (*found) {
        text_copy(text_of(db_text(rows, 0)), row->id, sizeof(row->id));
        text_copy(text_of(db_text(rows, 1)), row->project, sizeof(row->project));
        text_copy(text_of(db_text(rows, 2)), row->folder, sizeof(row->folder));
        text_copy(text_of(db_text(rows, 3)), row->name, sizeof(row->name));
        text_copy(text_of(db_text(rows, 4)), row->person, sizeof(row->person));
        row->size = db_int(rows, 5);
        row->modified_ms = db_int(rows, 6);
    }
    return db_end(rows, err);
}

static bool nothing_coming(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "nothing of this file is on its way");
    return error_fix(err, "begin to send it again");
}

static bool writable_in(struct db_tx *tx, struct writing *w, struct arena *a,
                        struct tree_node *parent, const char **name, struct error *err)
{
    struct tree_node there;
    bool found;
    *name = tree_name_of(w->wish->path);
    if (!parent_in(tx, w->by->who, w->wish->path, a, parent, err) ||
        !child_in(tx, parent, *name, a, &there, &found, err))
        return false;
    w->out->there = found;
    if (!(parent->may & MAY_UPLOAD))
        return denied(err, "write into", parent->path);
    if (found && there.kind != TREE_FILE) {
        error_set(err, ERROR_CONFLICT, "%.200s is a folder", there.path);
        return error_fix(err, "choose another name");
    }
    return !found || there.origin != TREE_PART || tree_is_part(err, there.path);
}

static bool begin_at(struct db_tx *tx, struct writing *w, struct arena *a, struct error *err)
{
    struct tree_node parent;
    struct arriving row;
    const char *name;
    bool found;
    int64_t now = clock_now_ms();
    w->old[0] = 0;
    if (!writable_in(tx, w, a, &parent, &name, err) ||
        !row_of(tx, NULL, &parent, name, w->by->who->person, &row, &found, err))
        return false;
    if (found && !w->wish->fresh && row.size == w->wish->size) {
        memcpy(w->out->id, row.id, sizeof(row.id));
        memcpy(w->out->project, row.project, sizeof(row.project));
        return db_run(tx, err, "update door_files set active_ms = ?2 where id = ?1", "si", row.id,
                      now);
    }
    if (found && !db_run(tx, err, "delete from door_files where id = ?1", "s", row.id))
        return false;
    if (found)
        memcpy(w->old, row.id, sizeof(row.id));
    id made = id_new();
    memcpy(w->out->id, made.text, sizeof(made.text));
    text_copy(text_of(parent.project), w->out->project, sizeof(w->out->project));
    if (!line_lets_bytes(tx, parent.project, w->by->who->person, "", w->wish->size, err))
        return false;
    return db_run(tx, err,
                  "insert into door_files (id, project, folder, name, person, state, size, "
                  "modified_ms, created_ms, active_ms) values (?1, ?2, ?3, ?4, ?5, 'arriving', ?6, "
                  "?7, ?8, ?8)",
                  "sssssiii", made.text, parent.project, parent.folder, name, w->by->who->person,
                  w->wish->size, w->wish->modified_ms, now);
}

static bool begin_in(struct db_tx *tx, void *context, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = begin_at(tx, context, a, err);
    arena_close(a);
    return ok;
}

static bool offset_of(struct tree *t, struct tree_write *w, struct error *err)
{
    struct store_upload seen;
    if (!store_upload_state(t->store, w->id, NULL, &seen, err))
        return false;
    w->offset = seen.offset;
    return true;
}

bool tree_write_begin(struct tree *t, const struct tree_asker *by,
                      const struct tree_write_wish *wish, struct tree_write *out, struct error *err)
{
    struct writing w = {.by = by, .wish = wish, .out = out};
    *out = (struct tree_write){0};
    if (!db_write(t->db, begin_in, &w, err) ||
        (w.old[0] && !store_upload_abandon(t->store, w.old, err)))
        return false;
    return (store_upload_begin(t->store, out->id, wish->size, err) && offset_of(t, out, err)) ||
           error_while(err, "%.200s", wish->path);
}

static bool own_in(struct db_tx *tx, void *context, struct error *err)
{
    struct writing *w = context;
    struct arena *a = arena_open(ARENA_BYTES);
    struct tree_node parent;
    struct arriving row;
    bool found = false, ok = true;
    if (w->path)
        ok = parent_in(tx, w->by->who, w->path, a, &parent, err);
    ok = ok && row_of(tx, w->id, &parent, w->path ? tree_name_of(w->path) : "",
                      w->by->who->person ? w->by->who->person : "", &row, &found, err);
    if (ok && !found)
        ok = nothing_coming(err);
    if (ok) {
        memcpy(w->out->id, row.id, sizeof(row.id));
        memcpy(w->out->project, row.project, sizeof(row.project));
    }
    arena_close(a);
    return ok;
}

bool tree_write_find(struct tree *t, const struct tree_asker *by, const char *id,
                     struct tree_write *out, struct error *err)
{
    struct writing w = {.by = by, .id = id, .out = out};
    *out = (struct tree_write){0};
    return db_read(t->db, own_in, &w, err) && offset_of(t, out, err);
}

bool tree_write_at(struct tree *t, const struct tree_asker *by, const char *path,
                   struct tree_write *out, struct error *err)
{
    struct writing w = {.by = by, .path = path, .out = out};
    *out = (struct tree_write){0};
    return db_read(t->db, own_in, &w, err) && offset_of(t, out, err);
}

bool tree_write_append(struct tree *t, const char *id, int64_t offset, const void *at, size_t size,
                       struct error *err)
{
    return store_append(t->store, id, offset, at, size, err);
}

// Once a minute is enough: a transaction that changes nothing costs nothing.
static bool active_in(struct db_tx *tx, void *context, struct error *err)
{
    int64_t now = clock_now_ms();
    return db_run(tx, err, "update door_files set active_ms = ?2 where id = ?1 and active_ms < ?3",
                  "sii", (const char *)context, now, now - ACTIVE_STEP_MS);
}

bool tree_write_sync(struct tree *t, const char *id, int64_t *offset, struct error *err)
{
    return store_append_sync(t->store, id, offset, err) &&
           db_write(t->db, active_in, (void *)id, err);
}

static bool finish_at(struct db_tx *tx, struct writing *w, struct arena *a, struct error *err)
{
    struct arriving row;
    struct tree_node parent;
    bool found;
    const char *person = w->by->who->person ? w->by->who->person : "";
    if (!row_of(tx, w->id, NULL, NULL, person, &row, &found, err))
        return false;
    if (!found)
        return nothing_coming(err);
    parent = (struct tree_node){
        .kind = TREE_FOLDER, .path = "", .project = row.project, .folder = row.folder};
    if (!people_may(tx, w->by->who, row.project, &parent.may, err))
        return false;
    if (!(parent.may & MAY_UPLOAD))
        return denied(err, "write", row.name);
    struct placed p = {.content = *store_bytes_content(w->bytes, 0),
                       .size = store_bytes_size(w->bytes, 0),
                       .modified_ms = w->modified_ms ? w->modified_ms : row.modified_ms,
                       .person = person};
    return line_lets_bytes(tx, row.project, person, row.id, p.size, err) &&
           store_record(tx, w->bytes, err) &&
           db_run(tx, err, "delete from door_files where id = ?1", "s", row.id) &&
           place_in(tx, &parent, row.name, &p, a, err);
}

static bool finish_in(struct db_tx *tx, void *context, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = finish_at(tx, context, a, err);
    arena_close(a);
    return ok;
}

bool tree_write_finish(struct tree *t, const struct tree_asker *by, const char *id, int64_t size,
                       int64_t modified_ms, struct error *err)
{
    struct store_upload seen;
    struct writing w = {.by = by, .id = id, .modified_ms = modified_ms};
    if (!store_upload_state(t->store, id, NULL, &seen, err))
        return false;
    if (seen.offset != size || (seen.size >= 0 && seen.size != size)) {
        error_set(err, ERROR_CONFLICT, "the file is not complete");
        error_why(err, "%lld bytes are here, it was to have %lld", (long long)seen.offset,
                  (long long)(seen.size >= 0 ? seen.size : size));
        return error_fix(err, "send the rest");
    }
    if ((seen.size < 0 && !store_upload_size(t->store, id, size, err)) ||
        !store_upload_finish(t->store, id, &w.bytes, err))
        return false;
    bool ok = db_write(t->db, finish_in, &w, err);
    store_settle(t->store, w.bytes, ok);
    return ok;
}

static bool forget_in(struct db_tx *tx, void *context, struct error *err)
{
    return db_run(tx, err, "delete from door_files where id = ?1 and state = 'arriving'", "s",
                  (const char *)context);
}

bool tree_write_drop(struct tree *t, const char *id, struct error *err)
{
    return db_write(t->db, forget_in, (void *)id, err) && store_upload_abandon(t->store, id, err);
}
