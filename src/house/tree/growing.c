// Recordings that still come in, for doors that show them: files of as many bytes as are here.
#include "house/tree/inside.h"

#include <string.h>

static void node_of(struct db_rows *rows, const struct tree_node *of, struct arena *a,
                    struct tree_node *n)
{
    const char *name = arena_text(a, db_text(rows, 1));
    *n = (struct tree_node){.kind = TREE_FILE,
                            .origin = TREE_GROWING,
                            .name = name,
                            .path = tree_below(a, of->path, name),
                            .may = of->may & (MAY_VIEW | MAY_DOWNLOAD),
                            .project = of->project,
                            .folder = of->folder,
                            .id = arena_text(a, db_text(rows, 0)),
                            .created_ms = db_int(rows, 2),
                            .modified_ms = db_int(rows, 3)};
}

bool growing_in(struct db_tx *tx, const struct tree_node *of, struct arena *a,
                struct tree_node **list, size_t *count, struct error *err)
{
    int64_t room = 0;
    *list = NULL;
    *count = 0;
    if (of->kind == TREE_TOP || of->kind == TREE_FILE)
        return true;
    if (!db_one_int(tx, &room, 0, err, "select count(*) from growing where project = ?1", "s",
                    of->project))
        return false;
    *list = ARENA_ARRAY(a, struct tree_node, (size_t)room + 1);
    struct db_rows *rows = db_query(
        tx,
        "select f.id, f.path, g.began_ms, g.grew_ms from growing g join transfer_files f on f.id = "
        "g.file join transfers t on t.id = f.transfer where g.project = ?1 and coalesce(t.folder, "
        "'') = ?2 and f.state = 'arriving' order by f.path, f.id",
        "ss", of->project, of->folder);
    while (db_next(rows) && *count < (size_t)room)
        if (!strchr(db_text(rows, 1), '/'))
            node_of(rows, of, a, &(*list)[(*count)++]);
    return db_end(rows, err);
}

// Not inside a transaction.
void growing_size(struct tree *t, struct arena *a, struct tree_node *n)
{
    struct store_came *none;
    struct error ignored;
    size_t count;
    n->size = 0;
    (void)!store_upload_came(t->store, n->id, INT64_MAX, 0, a, &none, &count, &n->size, &ignored);
}
