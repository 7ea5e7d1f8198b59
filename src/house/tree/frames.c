/*
 * Single frames of a sequence, changed through a door.
 *
 * A version is never changed, and a version for each frame would be too many. So a frame that is
 * written, appended or taken away is noted (frame_changes) and shown at once in its place; when
 * none was for as long as pictures wait for their sequence, all that was noted becomes the next
 * version of the sequence. Killed anywhere, the notes are there and the next sweep goes on.
 *
 * A version that came meanwhile is the one that the frames are changed in.
 */
#include "house/tree/inside.h"

#include "formats/sequence/sequence.h"
#include "house/assets/assets.h"
#include "house/flow/flow.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { SWEEP_AT_ONCE = 20, FRAMES_MOST = 1000000 };

bool frame_joins(struct db_tx *tx, const struct tree_node *parent, const char *name, char asset[27],
                 struct error *err)
{
    struct sequence_name own, other;
    asset[0] = 0;
    if (!sequence_name_parse(text_of(name), &own))
        return true;
    struct db_rows *rows = db_query(
        tx,
        "select a.id, f.name from assets a join version_files f on f.version = a.newest and "
        "f.number = 1 where a.project = ?1 and a.folder = ?2 and a.deleted = 0 and a.kind = "
        "'sequence' order by a.id",
        "ss", parent->project, parent->folder);
    while (db_next(rows))
        if (!asset[0] && sequence_name_parse(text_of(db_text(rows, 1)), &other) &&
            sequence_same(&own, &other))
            text_copy(text_of(db_text(rows, 0)), asset, 27);
    return db_end(rows, err);
}

static bool sequence_place(struct db_tx *tx, const char *asset, char project[27], char folder[27],
                           struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select project, folder from assets where id = ?1", "s", asset);
    bool there = db_next(rows);
    text_copy(text_of(there ? db_text(rows, 0) : ""), project, 27);
    text_copy(text_of(there ? db_text(rows, 1) : ""), folder, 27);
    return db_end(rows, err);
}

// Nobody but the note held it, perhaps.
static bool forget_old(struct db_tx *tx, const sha256 *old, bool had, struct error *err)
{
    int64_t bytes;
    return !had || flow_forget(tx, old, &bytes, err);
}

static bool none_left(struct db_tx *tx, const char *asset, bool *none, struct error *err)
{
    int64_t left = 0;
    bool ok = db_one_int(
        tx, &left, 0, err,
        "select exists (select 1 from assets a join version_files f on f.version = a.newest where "
        "a.id = ?1 and not exists (select 1 from frame_changes c where c.asset = a.id and c.name = "
        "f.name)) or exists (select 1 from frame_changes c where c.asset = ?1 and c.content is not "
        "null)",
        "s", asset);
    *none = !left;
    return ok;
}

// All of it went, frame by frame: the asset is deleted, and whole when it is restored.
static bool sequence_goes(struct db_tx *tx, const char *project, const char *asset,
                          struct error *err)
{
    int64_t count;
    json_t *ids = json_pack("[s]", asset);
    bool ok = db_run(tx, err, "delete from frame_changes where asset = ?1", "s", asset) &&
              assets_delete(tx, project, ids, true, &count, err);
    json_decref(ids);
    return ok;
}

bool frame_change(struct db_tx *tx, const char *asset, const char *name, const char *person,
                  const struct placed *p, struct error *err)
{
    char project[27], folder[27];
    int64_t now = clock_now_ms();
    struct db_rows *rows = db_query(
        tx, "select content from frame_changes where asset = ?1 and name = ?2", "ss", asset, name);
    bool had = db_next(rows) && !db_null(rows, 0), none = false;
    sha256 old = had ? db_hash(rows, 0) : (sha256){{0}};
    bool ok =
        db_end(rows, err) && sequence_place(tx, asset, project, folder, err) &&
        db_run(tx, err,
               "insert into frame_changes (asset, name, content, size, modified_ms, person, "
               "created_ms, changed_ms) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) on conflict "
               "(asset, name) do update set content = ?3, size = ?4, modified_ms = ?5, person "
               "= ?6, changed_ms = ?7",
               "ssbiisi", asset, name, p ? (const void *)p->content.at : NULL,
               p ? (size_t)SHA256_SIZE : (size_t)0, p ? p->size : (int64_t)0,
               p ? p->modified_ms : (int64_t)0, person, now) &&
        forget_old(tx, &old, had, err) && (p || none_left(tx, asset, &none, err));
    return ok &&
           (none ? sequence_goes(tx, project, asset, err)
                 : db_event(tx, "tree.changed", project, folder[0] ? folder : project, NULL, err));
}

// ---- what was noted becomes a version

struct noted {
    const char *asset;
    char project[27], person[27];
    struct arena *a;
    struct asset_file *files;
    size_t count, room;
};

static void add(struct noted *n, struct db_rows *rows)
{
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 256;
        struct asset_file *more = ARENA_ARRAY(n->a, struct asset_file, room);
        if (n->count)
            memcpy(more, n->files, n->count * sizeof(*more));
        n->files = more;
        n->room = room;
    }
    n->files[n->count++] = (struct asset_file){.name = arena_text(n->a, db_text(rows, 0)),
                                               .content = db_hash(rows, 1),
                                               .size = db_int(rows, 2),
                                               .modified_ms = db_int(rows, 3)};
}

static bool collect(struct db_tx *tx, struct noted *n, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select f.name, f.content, f.size, f.modified_ms from assets a join version_files f on "
        "f.version = a.newest where a.id = ?1 and not exists (select 1 from frame_changes c where "
        "c.asset = a.id and c.name = f.name) union all select name, content, size, modified_ms "
        "from frame_changes where asset = ?1 and content is not null limit ?2",
        "si", n->asset, (int64_t)FRAMES_MOST);
    while (db_next(rows))
        add(n, rows);
    if (!db_end(rows, err))
        return false;
    rows = db_query(tx,
                    "select a.project, c.person from frame_changes c join assets a on a.id = "
                    "c.asset where c.asset = ?1 order by c.changed_ms desc limit 1",
                    "s", n->asset);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), n->project, sizeof(n->project));
        text_copy(text_of(db_text(rows, 1)), n->person, sizeof(n->person));
    }
    return db_end(rows, err);
}

static bool is_as_it_was(struct db_tx *tx, const char *asset, bool *same, struct error *err)
{
    int64_t others = 0;
    bool ok = db_one_int(tx, &others, 0, err,
                         "select exists (select 1 from frame_changes c join assets a on a.id = "
                         "c.asset left join version_files f on f.version = a.newest and f.name = "
                         "c.name where c.asset = ?1 and c.content is not f.content)",
                         "s", asset);
    *same = !others;
    return ok;
}

static bool version_of(struct db_tx *tx, struct noted *n, struct error *err)
{
    struct asset_made made;
    char *facts = NULL;
    if (!sequence_known(tx, n->project, n->files, n->count, &facts, err))
        return false;
    struct asset_wish wish = {.project = n->project,
                              .kind = "sequence",
                              .by = n->person,
                              .files = n->files,
                              .file_count = n->count,
                              .facts = facts};
    bool ok = version_add(tx, n->asset, &wish, &made, err);
    free(facts);
    // One that is left is a still, and is called so.
    return ok && (n->count > 1 || asset_change(tx, n->asset, n->files[0].name, NULL, err));
}

static bool become_in(struct db_tx *tx, void *context, struct error *err)
{
    struct noted n = {.asset = context, .a = arena_open((size_t)512 << 20)};
    bool same = false;
    bool ok = is_as_it_was(tx, n.asset, &same, err) && (same || collect(tx, &n, err)) &&
              (same || !n.count || version_of(tx, &n, err)) &&
              db_run(tx, err, "delete from frame_changes where asset = ?1", "s", n.asset);
    arena_close(n.a);
    return ok;
}

struct due {
    struct arena *a;
    const char *assets[SWEEP_AT_ONCE];
    size_t count;
};

static bool due_in(struct db_tx *tx, void *context, struct error *err)
{
    struct due *d = context;
    d->count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select c.asset from frame_changes c join assets a on a.id = c.asset where a.deleted = 0 "
        "group by c.asset having max(c.changed_ms) < ?1 limit ?2",
        "ii", clock_now_ms() - TRANSFER_REST_MS, (int64_t)SWEEP_AT_ONCE);
    while (db_next(rows) && d->count < SWEEP_AT_ONCE)
        d->assets[d->count++] = arena_text(d->a, db_text(rows, 0));
    return db_end(rows, err);
}

bool frames_sweep(struct tree *t, struct error *err)
{
    struct due d = {.a = arena_open(1 << 16)};
    bool ok = db_read(t->db, due_in, &d, err);
    for (size_t i = 0; ok && i < d.count; i++)
        ok = db_write(t->db, become_in, (void *)d.assets[i], err);
    arena_close(d.a);
    return ok;
}
