/*
 * Changes that only happen when the thing is still what the asker has seen: for programs that keep
 * a folder and the house the same, so that two of them never destroy each other's work.
 *
 * What is asked is looked at before anything is changed, in the transaction that changes it.
 */
#include "house/tree/inside.h"

#include "plat/clock.h"

#include <string.h>

enum { ARENA_BYTES = 256 << 20 };

bool tree_changed(struct error *err, const char *path)
{
    error_set(err, ERROR_CONFLICT, "%.200s is not what it was", path);
    error_why(err, "somebody has changed, moved or removed it meanwhile");
    return error_fix(err, "look at it again");
}

// ---- deleting

struct deleting {
    const struct tree_asker *by;
    const char *path;
    const sha256 *content;
};

static bool is_empty(struct db_tx *tx, const struct who *who, const struct tree_node *folder,
                     struct arena *a, struct error *err)
{
    struct tree_node *list;
    size_t count;
    if (!list_in(tx, who, folder, a, &list, &count, err))
        return false;
    if (!count)
        return true;
    error_set(err, ERROR_CONFLICT, "%.200s is not empty", folder->path);
    return error_fix(err, "look at it again");
}

static bool delete_at(struct db_tx *tx, struct deleting *d, struct arena *a, struct error *err)
{
    struct tree_node n;
    if (!find_in(tx, d->by->who, d->path, a, &n, err))
        return false;
    bool file = n.kind == TREE_FILE;
    if (file != (d->content != NULL) || (file && !sha256_equal(&n.content, d->content)))
        return tree_changed(err, n.path);
    return (file || is_empty(tx, d->by->who, &n, a, err)) && take_in(tx, d->by, &n, a, err);
}

static bool delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = delete_at(tx, context, a, err);
    arena_close(a);
    return ok;
}

bool tree_delete_exactly(struct tree *t, const struct tree_asker *by, const char *path,
                         const sha256 *content, struct error *err)
{
    struct deleting d = {by, path, content};
    return db_write(t->db, delete_in, &d, err);
}

// ---- placing what a transfer has brought

struct placing {
    const struct tree_asker *by;
    const char *transfer;
    const struct tree_place *list;
    size_t count;
    struct arena *a;
    struct tree_placed *out;
    char project[27];
    // The folder found last: files of one folder come together.
    const char *above;
    struct tree_node parent;
};

struct brought { // a file of the transfer
    char id[27];
    sha256 content;
    int64_t size, modified_ms;
};

static bool brought_in(struct db_tx *tx, const char *transfer, const char *as, struct brought *b,
                       bool *found, struct error *err)
{
    size_t size = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select id, content, size, modified_ms from transfer_files where transfer = ?1 "
                 "and path = ?2 and state = 'stored'",
                 "ss", transfer, as);
    const void *content = db_next(rows) ? db_blob(rows, 1, &size) : NULL;
    *found = content && size == SHA256_SIZE;
    if (*found) {
        text_copy(text_of(db_text(rows, 0)), b->id, sizeof(b->id));
        memcpy(b->content.at, content, SHA256_SIZE);
        b->size = db_int(rows, 2);
        b->modified_ms = db_int(rows, 3);
    }
    return db_end(rows, err);
}

// May what was brought lie at this path? *refused says why not; false: the database failed.
static bool look(struct db_tx *tx, struct placing *p, const struct tree_place *want,
                 struct tree_node *parent, struct brought *b, bool *same, struct error *refused,
                 struct error *err)
{
    struct tree_node there;
    bool brought, found;
    const char *name = tree_name_of(want->path);
    *same = false;
    const char *above = tree_parent_of(p->a, want->path);
    if (!p->above || strcmp(above, p->above) != 0) {
        p->above = NULL;
        if (!parent_in(tx, p->by->who, want->path, p->a, &p->parent, refused))
            return true;
        p->above = above;
    }
    *parent = p->parent;
    if (strcmp(parent->project, p->project) != 0) {
        error_set(refused, ERROR_INPUT, "%.200s is in another project than the transfer",
                  want->path);
        return true;
    }
    if (!(parent->may & MAY_UPLOAD)) {
        denied(refused, "write into", parent->path);
        return true;
    }
    if (!brought_in(tx, p->transfer, want->as, b, &brought, err) ||
        !child_in(tx, parent, name, p->a, &there, &found, err))
        return false;
    if (!brought) {
        error_set(refused, ERROR_NOT_FOUND, "%.200s has not come", want->path);
        error_fix(refused, "send it again");
    } else if (found && there.kind == TREE_FILE && sha256_equal(&there.content, &b->content)) {
        *same = true; // it came before, and the answer was lost
    } else if (found ? want->fresh || there.kind != TREE_FILE ||
                           !sha256_equal(&there.content, &want->instead)
                     : !want->fresh) {
        tree_changed(refused, want->path);
    }
    return true;
}

static bool place_one(struct db_tx *tx, struct placing *p, size_t i, struct error *err)
{
    const struct tree_place *want = &p->list[i];
    struct tree_placed *out = &p->out[i];
    struct tree_node parent;
    struct brought b;
    bool same, found;
    error_clear(&out->refused);
    if (!look(tx, p, want, &parent, &b, &same, &out->refused, err))
        return false;
    if (out->refused.kind != ERROR_NONE)
        return out->refused.kind != ERROR_INTERNAL ||
               error_set(err, ERROR_INTERNAL, "%s", out->refused.what);
    struct placed bytes = {b.content, b.size, b.modified_ms, p->by->who->person};
    return (same || place_in(tx, &parent, tree_name_of(want->path), &bytes, p->a, err)) &&
           db_run(tx, err, "delete from transfer_files where id = ?1", "s", b.id) &&
           child_in(tx, &parent, tree_name_of(want->path), p->a, &out->node, &found, err) &&
           (found || error_set(err, ERROR_INTERNAL, "%.200s was lost", want->path));
}

static bool place_all(struct db_tx *tx, void *context, struct error *err)
{
    struct placing *p = context;
    p->above = NULL; // it may run again
    struct db_rows *rows = db_query(
        tx, "select project from transfers where id = ?1 and person = ?2 and origin = 'sync'", "ss",
        p->transfer, p->by->who->person ? p->by->who->person : "");
    text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), p->project, sizeof(p->project));
    if (!db_end(rows, err))
        return false;
    if (!p->project[0]) {
        error_set(err, ERROR_NOT_FOUND, "there is no such transfer of yours for a sync folder");
        return error_fix(err, "begin a new one");
    }
    for (size_t i = 0; i < p->count; i++)
        if (!place_one(tx, p, i, err))
            return false;
    return db_run(tx, err, "update transfers set active_ms = ?2 where id = ?1", "si", p->transfer,
                  clock_now_ms());
}

bool tree_place_all(struct tree *t, const struct tree_asker *by, const char *transfer,
                    const struct tree_place *list, size_t count, struct arena *a,
                    struct tree_placed *out, struct error *err)
{
    struct placing p = {
        .by = by, .transfer = transfer, .list = list, .count = count, .a = a, .out = out};
    if (count > TREE_PLACE_MOST)
        return error_set(err, ERROR_TOO_BIG, "at most %d files are placed at once",
                         TREE_PLACE_MOST);
    return db_write(t->db, place_all, &p, err);
}
