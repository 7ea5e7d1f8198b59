/*
 * Making, moving, copying and deleting, each in one transaction: half of it never happens.
 *
 * Bytes get a name in one place (place_in), whether they were just written, copied, or renamed from
 * a passing name: that is where "written over" becomes a further version.
 */
#include "house/tree/inside.h"

#include "house/assets/assets.h"
#include "house/flow/flow.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 256 << 20, DEEP_MOST = 100 };

bool row_drop(struct db_tx *tx, const struct tree_node *file, struct error *err)
{
    int64_t bytes;
    bool kept = file->origin == TREE_KEPT;
    return db_run(tx, err,
                  kept ? "delete from door_files where id = ?1"
                       : "delete from transfer_files where id = ?1 and asset is null",
                  "s", file->id) &&
           db_run(tx, err, "delete from door_properties where thing = ?1", "s", file->id) &&
           flow_forget(tx, &file->content, &bytes, err);
}

static bool is_folder(struct error *err, const char *path)
{
    error_set(err, ERROR_CONFLICT, "%.200s is a folder", path);
    return error_fix(err, "choose another name");
}

bool tree_is_part(struct error *err, const char *path)
{
    error_set(err, ERROR_DENIED, "%.200s can not be changed by itself", path);
    error_why(err, "it is one file of a clip that has several, which is one asset");
    return error_fix(err, "write the files into another folder, or bring a further version of the "
                          "clip: posthouse put --version-of");
}

// ---- a name for bytes

// `id` is the row's.
// Listeners hear of assets by their own events; of the rest, save passing names, by this one.
static bool say_changed(struct db_tx *tx, const struct tree_node *in, const char *name,
                        struct error *err)
{
    return tree_name_passing(name) || db_event(tx, "tree.changed", in->project,
                                               in->folder[0] ? in->folder : in->project, NULL, err);
}

static bool keep_in(struct db_tx *tx, const char *id, const struct tree_node *parent,
                    const char *name, const struct placed *p, struct error *err)
{
    int64_t now = clock_now_ms();
    return db_run(
        tx, err,
        "insert into door_files (id, project, folder, name, person, state, size, "
        "modified_ms, content, created_ms, active_ms) values (?1, ?2, ?3, ?4, ?5, 'kept', "
        "?6, ?7, ?8, ?9, ?9)",
        "sssssiibi", id, parent->project, parent->folder, name, p->person, p->size, p->modified_ms,
        p->content.at, (size_t)SHA256_SIZE, now);
}

static bool asset_show(struct db_tx *tx, const char *project, const char *asset, bool deleted,
                       struct error *err)
{
    int64_t count;
    json_t *ids = json_pack("[s]", asset);
    bool ok = assets_delete(tx, project, ids, deleted, &count, err);
    json_decref(ids);
    return ok;
}

static bool asset_delete(struct db_tx *tx, const struct tree_node *node, struct error *err)
{
    return asset_show(tx, node->project, node->id, true, err);
}

static bool asset_in(struct db_tx *tx, const struct tree_node *parent, const char *name,
                     const struct placed *p, const char *asset, struct error *err)
{
    struct asset_made made;
    struct asset_file file = {
        .name = name, .content = p->content, .size = p->size, .modified_ms = p->modified_ms};
    struct asset_wish wish = {.project = parent->project,
                              .folder = parent->folder,
                              .name = name,
                              .kind = p->size ? asset_kind_of_name(name) : "document",
                              .by = p->person,
                              .files = &file,
                              .file_count = 1};
    return asset ? version_add(tx, asset, &wish, &made, err) : asset_add(tx, &wish, &made, err);
}

/*
 * Some programs save by moving the old file aside under a passing name, writing the new one, and
 * removing the old. The asset that was moved aside is deleted then, what it held is kept under the
 * passing name, and a property of that remembers whose it was: a new file of the old name brings
 * the asset back and is its next version.
 */
#define WAS_SPACE "posthouse:"
#define WAS_NAME "was"

static bool set_aside(struct db_tx *tx, const struct tree_node *asset,
                      const struct tree_node *parent, const char *name, const struct placed *p,
                      struct error *err)
{
    id made = id_new();
    return keep_in(tx, made.text, parent, name, p, err) &&
           db_run(tx, err,
                  "insert into door_properties (thing, space, name, value) values (?1, ?2, ?3, ?4)",
                  "ssss", made.text, WAS_SPACE, WAS_NAME, asset->id) &&
           asset_delete(tx, asset, err);
}

// The asset of this name that was moved aside; *asset "" when there is none. It is back then.
static bool bring_back(struct db_tx *tx, const struct tree_node *parent, const char *name,
                       char asset[27], struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select a.id from door_files d join door_properties p on p.thing = d.id and p.space = ?4 "
        "and p.name = ?5 join assets a on a.id = p.value where d.project = ?1 and d.folder = ?2 "
        "and "
        "d.state = 'kept' and a.name = ?3 and a.folder = ?2 and a.deleted = 1 order by d.id desc "
        "limit 1",
        "sssss", parent->project, parent->folder, name, WAS_SPACE, WAS_NAME);
    text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), asset, 27);
    if (!db_end(rows, err))
        return false;
    return !asset[0] || asset_show(tx, parent->project, asset, false, err);
}

bool place_in(struct db_tx *tx, const struct tree_node *parent, const char *name,
              const struct placed *p, struct arena *a, struct error *err)
{
    struct tree_node there;
    bool found;
    if (!child_in(tx, parent, name, a, &there, &found, err))
        return false;
    if (found && there.kind != TREE_FILE)
        return is_folder(err, there.path);
    if (found && there.origin == TREE_PART)
        return tree_is_part(err, there.path);
    if (found && there.origin == TREE_FRAME)
        return sha256_equal(&there.content, &p->content) ||
               frame_change(tx, there.id, there.name, p->person, p, err);
    if (found && there.origin == TREE_ASSET) // nothing new is no version
        return sha256_equal(&there.content, &p->content) ||
               asset_in(tx, parent, there.name, p, there.id, err);
    // An empty one is not yet anybody's clip: many programs make it first and write it then.
    if (tree_name_passing(name) || !p->size)
        return keep_in(tx, id_new().text, parent, found ? there.name : name, p, err) &&
               (!found || row_drop(tx, &there, err)) && say_changed(tx, parent, name, err);
    if (!transfer_alone_waits(name)) {
        char before[27];
        return bring_back(tx, parent, name, before, err) &&
               asset_in(tx, parent, name, p, before[0] ? before : NULL, err) &&
               (!found || row_drop(tx, &there, err));
    }
    char sequence[27];
    if (!frame_joins(tx, parent, name, sequence, err))
        return false;
    if (sequence[0])
        return frame_change(tx, sequence, found ? there.name : name, p->person, p, err) &&
               (!found || row_drop(tx, &there, err));
    // The new row first: what both hold is then not forgotten with the old one.
    struct transfer_alone picture = {.project = parent->project,
                                     .folder = parent->folder,
                                     .person = p->person,
                                     .name = found ? there.name : name,
                                     .content = &p->content,
                                     .size = p->size,
                                     .modified_ms = p->modified_ms};
    return (!found || db_run(tx, err, "update transfer_files set path = path || ?2 where id = ?1",
                             "ss", there.id, "/replaced")) &&
           transfer_alone(tx, &picture, err) && (!found || row_drop(tx, &there, err)) &&
           say_changed(tx, parent, name, err);
}

// ---- taking away

struct taking {
    const struct tree_asker *by;
    struct arena *a;
    size_t count;
};

static bool too_many(struct error *err, const char *path)
{
    error_set(err, ERROR_TOO_BIG, "%.200s holds more than %d things", path, TREE_AT_ONCE);
    return error_fix(err, "do it folder by folder, or on the page");
}

static bool take_file(struct db_tx *tx, const struct tree_node *node, const char *person,
                      struct error *err)
{
    switch (node->origin) {
    case TREE_ASSET:
        return asset_delete(tx, node, err);
    case TREE_FRAME:
        return frame_change(tx, node->id, node->name, person, NULL, err);
    case TREE_PART:
        return tree_is_part(err, node->path);
    default:
        return row_drop(tx, node, err) && say_changed(tx, node, node->name, err);
    }
}

static bool take_folder(struct db_tx *tx, struct taking *t, const struct tree_node *folder,
                        int depth, struct error *err)
{
    struct tree_node *list;
    size_t count;
    const char *sequence = "";
    if (!list_in(tx, t->by->who, folder, t->a, &list, &count, err))
        return false;
    t->count += count;
    if (t->count > TREE_AT_ONCE || depth > DEEP_MOST)
        return too_many(err, folder->path);
    for (size_t i = 0; i < count; i++) {
        const struct tree_node *n = &list[i];
        bool frame = n->kind == TREE_FILE && (n->origin == TREE_FRAME || n->origin == TREE_PART);
        if (frame && strcmp(sequence, n->id) == 0)
            continue;
        if (frame)
            sequence = n->id; // the whole of it goes with its folder
        bool ok = n->kind != TREE_FILE ? take_folder(tx, t, n, depth + 1, err)
                  : frame              ? asset_delete(tx, n, err)
                                       : take_file(tx, n, t->by->who->person, err);
        if (!ok)
            return false;
    }
    return db_run(tx, err, "delete from door_properties where thing = ?1", "s", folder->id) &&
           folder_delete(tx, folder->id, err);
}

bool take_in(struct db_tx *tx, const struct tree_asker *by, const struct tree_node *node,
             struct arena *a, struct error *err)
{
    struct taking t = {by, a, 0};
    if (node->kind == TREE_TOP || node->kind == TREE_PROJECT)
        return denied(err, "delete the project", node->path);
    // What was never an asset may be removed by whoever may bring in.
    bool own = node->kind == TREE_FILE && node->origin >= TREE_WAITING;
    if (!(node->may & (own ? MAY_UPLOAD | MAY_EDIT : MAY_EDIT)))
        return denied(err, "delete", node->path);
    bool ok = node->kind == TREE_FILE ? take_file(tx, node, by->who->person, err)
                                      : take_folder(tx, &t, node, 0, err);
    return ok && audit_add(tx, by->who, by->address, "door.deleted", node->id, node->path, err);
}

// ---- the calls

struct changing {
    const struct tree_asker *by;
    const struct tree_move *m;
    const char *path;
    bool there;
};

static bool delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct changing *c = context;
    struct arena *a = arena_open(ARENA_BYTES);
    struct tree_node node;
    bool ok = find_in(tx, c->by->who, c->path, a, &node, err) && take_in(tx, c->by, &node, a, err);
    arena_close(a);
    return ok;
}

bool tree_delete(struct tree *t, const struct tree_asker *by, const char *path, struct error *err)
{
    struct changing c = {.by = by, .path = path};
    return db_write(t->db, delete_in, &c, err);
}

static bool folder_in(struct db_tx *tx, void *context, struct error *err)
{
    struct changing *c = context;
    struct arena *a = arena_open(ARENA_BYTES);
    struct tree_node parent, there;
    bool found = false;
    bool ok = parent_in(tx, c->by->who, c->path, a, &parent, err) &&
              child_in(tx, &parent, tree_name_of(c->path), a, &there, &found, err);
    if (ok && found) {
        ok = error_set(err, ERROR_CONFLICT, "there is %.200s already", there.path);
        error_fix(err, "choose another name");
    }
    ok = ok && ((parent.may & MAY_UPLOAD) || denied(err, "make a folder in", parent.path)) &&
         folder_add(tx, id_new().text, parent.project, parent.folder, tree_name_of(c->path), err);
    c->there = found;
    arena_close(a);
    return ok;
}

bool tree_folder_make(struct tree *t, const struct tree_asker *by, const char *path,
                      struct error *err)
{
    struct changing c = {.by = by, .path = path};
    return db_write(t->db, folder_in, &c, err);
}

// ---- copying

static bool properties_copy(struct db_tx *tx, const char *from, const char *to, struct error *err)
{
    if (strcmp(from, to) == 0)
        return true;
    return db_run(tx, err, "delete from door_properties where thing = ?1", "s", to) &&
           db_run(tx, err,
                  "insert into door_properties (thing, space, name, value) select ?2, space, name, "
                  "value from door_properties where thing = ?1 and space <> '" WAS_SPACE "'",
                  "ss", from, to);
}

static struct placed bytes_of(const struct tree_node *file, const struct who *who)
{
    return (struct placed){.content = file->content,
                           .size = file->size,
                           .modified_ms = file->modified_ms,
                           .person = who->person};
}

static bool copy_file(struct db_tx *tx, const struct who *who, const struct tree_node *from,
                      const struct tree_node *parent, const char *name, struct arena *a,
                      struct error *err)
{
    struct placed p = bytes_of(from, who);
    struct tree_node made;
    bool found;
    return place_in(tx, parent, name, &p, a, err) &&
           child_in(tx, parent, name, a, &made, &found, err) &&
           (!found || properties_copy(tx, from->id, made.id, err));
}

static bool copy_folder(struct db_tx *tx, struct taking *t, const struct tree_node *from,
                        const struct tree_node *parent, const char *name, bool shallow, int depth,
                        struct error *err)
{
    struct tree_node *list;
    size_t count = 0;
    id made = id_new();
    // Looked at before the folder is made: a copy inside itself ends.
    if (!shallow && !list_in(tx, t->by->who, from, t->a, &list, &count, err))
        return false;
    t->count += count;
    if (t->count > TREE_AT_ONCE || depth > DEEP_MOST)
        return too_many(err, from->path);
    struct tree_node to = *parent;
    to.kind = TREE_FOLDER;
    to.id = to.folder = arena_text(t->a, made.text);
    to.path = tree_below(t->a, parent->path, name);
    to.name = name;
    if (!folder_add(tx, made.text, parent->project, parent->folder, name, err) ||
        !properties_copy(tx, from->id, made.text, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool ok = list[i].kind == TREE_FILE
                      ? copy_file(tx, t->by->who, &list[i], &to, list[i].name, t->a, err)
                      : copy_folder(tx, t, &list[i], &to, list[i].name, false, depth + 1, err);
        if (!ok)
            return false;
    }
    return true;
}

// ---- moving

// A name that only differs in case, or a place: the thing stays what it is.
static bool rename_in(struct db_tx *tx, const struct tree_node *from,
                      const struct tree_node *parent, const char *name, struct error *err)
{
    return from->kind == TREE_FILE ? asset_change(tx, from->id, name, parent->folder, err)
                                   : folder_change(tx, from->id, name, parent->folder, err);
}

static bool move_file(struct db_tx *tx, struct changing *c, const struct tree_node *from,
                      const struct tree_node *parent, const char *name, bool over, struct arena *a,
                      struct error *err)
{
    bool same = strcmp(from->project, parent->project) == 0;
    if (from->origin == TREE_PART)
        return tree_is_part(err, from->path);
    if (from->origin == TREE_ASSET && same && !over && tree_name_passing(name) &&
        !tree_name_passing(from->name)) {
        struct placed p = bytes_of(from, c->by->who);
        return set_aside(tx, from, parent, name, &p, err);
    }
    if (from->origin == TREE_ASSET && same && !over)
        return rename_in(tx, from, parent, name, err);
    return copy_file(tx, c->by->who, from, parent, name, a, err) &&
           take_file(tx, from, c->by->who->person, err);
}

static bool move_folder(struct db_tx *tx, const struct tree_node *from,
                        const struct tree_node *parent, const char *name, struct error *err)
{
    if (from->kind != TREE_FOLDER)
        return denied(err, "rename the project", from->path);
    if (strcmp(from->project, parent->project) == 0)
        return rename_in(tx, from, parent, name, err);
    error_set(err, ERROR_UNSUPPORTED, "%.200s can not be moved into another project", from->path);
    return error_fix(err, "copy it there, then delete it here");
}

static bool may_move(struct changing *c, const struct tree_node *from,
                     const struct tree_node *parent, struct error *err)
{
    unsigned needs = c->m->copy                                                ? MAY_DOWNLOAD
                     : from->kind == TREE_FILE && from->origin >= TREE_WAITING ? MAY_UPLOAD
                                                                               : MAY_EDIT;
    if (!(from->may & needs))
        return denied(err, c->m->copy ? "copy" : "move", from->path);
    return (parent->may & MAY_UPLOAD) || denied(err, "write into", parent->path);
}

static bool inside_itself(struct error *err, const struct tree_node *from)
{
    error_set(err, ERROR_CONFLICT, "%.200s can not go inside or onto itself", from->path);
    return error_fix(err, "choose another place");
}

static bool within(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (!path[size] || path[size] == '/');
}

static bool move_at(struct db_tx *tx, struct changing *c, struct arena *a, struct error *err)
{
    const struct tree_move *m = c->m;
    struct tree_node from, parent, there;
    const char *name = tree_name_of(m->to);
    if (!find_in(tx, c->by->who, m->from, a, &from, err) ||
        !parent_in(tx, c->by->who, m->to, a, &parent, err) ||
        !child_in(tx, &parent, name, a, &there, &c->there, err) ||
        !may_move(c, &from, &parent, err))
        return false;
    if (m->content && (from.kind != TREE_FILE || !sha256_equal(&from.content, m->content)))
        return tree_changed(err, from.path);
    bool self = c->there && strcmp(there.path, from.path) == 0;
    if (self && !m->copy && strcmp(name, from.name) != 0) // its own name in another case
        return from.kind == TREE_FILE && from.origin != TREE_ASSET
                   ? tree_is_part(err, from.path)
                   : (c->there = false, rename_in(tx, &from, &parent, name, err));
    if (self || (from.kind != TREE_FILE && within(parent.path, from.path) && !m->copy))
        return inside_itself(err, &from);
    if (c->there && !m->overwrite) {
        error_set(err, ERROR_CONFLICT, "there is %.200s already", there.path);
        return error_fix(err, "choose another name, or say that it may be written over");
    }
    if (c->there && within(from.path, there.path))
        return inside_itself(err, &from);
    bool over = c->there && from.kind == TREE_FILE && there.kind == TREE_FILE;
    if (c->there && !over && !take_in(tx, c->by, &there, a, err))
        return false;
    if (over)
        name = there.name;
    struct taking t = {c->by, a, 0};
    if (m->copy)
        return from.kind == TREE_FILE
                   ? copy_file(tx, c->by->who, &from, &parent, name, a, err)
                   : copy_folder(tx, &t, &from, &parent, name, m->shallow, 0, err);
    return from.kind == TREE_FILE ? move_file(tx, c, &from, &parent, name, over, a, err)
                                  : move_folder(tx, &from, &parent, name, err);
}

static bool move_in(struct db_tx *tx, void *context, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = move_at(tx, context, a, err);
    arena_close(a);
    return ok;
}

bool tree_move(struct tree *t, const struct tree_asker *by, const struct tree_move *m, bool *there,
               struct error *err)
{
    struct changing c = {.by = by, .m = m};
    bool ok = db_write(t->db, move_in, &c, err);
    *there = c.there;
    return ok;
}

// ---- times

struct touching {
    const struct tree_asker *by;
    const char *path;
    int64_t modified_ms;
};

static bool touch_at(struct db_tx *tx, struct touching *t, struct arena *a, struct error *err)
{
    struct tree_node n;
    if (!find_in(tx, t->by->who, t->path, a, &n, err))
        return false;
    if (!(n.may & MAY_UPLOAD))
        return denied(err, "set the time of", n.path);
    if (n.kind != TREE_FILE)
        return true;
    if (n.origin == TREE_FRAME && !n.version)
        return db_run(tx, err,
                      "update frame_changes set modified_ms = ?3 where asset = ?1 and name = ?2",
                      "ssi", n.id, n.name, t->modified_ms);
    if (n.origin < TREE_WAITING)
        return db_run(tx, err,
                      "update version_files set modified_ms = ?3 where version = ?1 and number = "
                      "?2",
                      "sii", n.version, n.number, t->modified_ms);
    return db_run(tx, err,
                  n.origin == TREE_KEPT
                      ? "update door_files set modified_ms = ?2 where id = ?1"
                      : "update transfer_files set modified_ms = ?2 where id = ?1",
                  "si", n.id, t->modified_ms);
}

static bool touch_in(struct db_tx *tx, void *context, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = touch_at(tx, context, a, err);
    arena_close(a);
    return ok;
}

bool tree_touch(struct tree *t, const struct tree_asker *by, const char *path, int64_t modified_ms,
                struct error *err)
{
    struct touching touching = {by, path, modified_ms};
    return db_write(t->db, touch_in, &touching, err);
}

// ---- properties

struct remembering {
    const struct tree_node *node;
    struct arena *a;
    const struct tree_property *set;
    struct tree_property *list;
    size_t count;
};

static bool properties_in(struct db_tx *tx, void *context, struct error *err)
{
    struct remembering *r = context;
    r->count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select space, name, value from door_properties where thing = ?1 and space <> '" WAS_SPACE
        "' order by space, name",
        "s", r->node->id ? r->node->id : "");
    while (db_next(rows) && r->count < TREE_PROPERTIES_MOST)
        r->list[r->count++] = (struct tree_property){arena_text(r->a, db_text(rows, 0)),
                                                     arena_text(r->a, db_text(rows, 1)),
                                                     arena_text(r->a, db_text(rows, 2))};
    return db_end(rows, err);
}

bool tree_properties(struct tree *t, const struct tree_node *node, struct arena *a,
                     struct tree_property **list, size_t *count, struct error *err)
{
    struct remembering r = {.node = node, .a = a};
    r.list = ARENA_ARRAY(a, struct tree_property, TREE_PROPERTIES_MOST);
    bool ok = db_read(t->db, properties_in, &r, err);
    *list = r.list;
    *count = r.count;
    return ok;
}

static bool property_in(struct db_tx *tx, const char *thing, const struct tree_property *p,
                        struct error *err)
{
    if (!p->value)
        return db_run(tx, err,
                      "delete from door_properties where thing = ?1 and space = ?2 and name = ?3",
                      "sss", thing, p->space, p->name);
    if (strlen(p->value) + strlen(p->space) + strlen(p->name) > TREE_PROPERTY_SIZE)
        return error_set(err, ERROR_TOO_BIG, "a property is over 8 KiB");
    return db_run(tx, err,
                  "insert into door_properties (thing, space, name, value) values (?1, ?2, ?3, ?4) "
                  "on conflict (thing, space, name) do update set value = excluded.value",
                  "ssss", thing, p->space, p->name, p->value);
}

static bool set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct remembering *r = context;
    int64_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (!property_in(tx, r->node->id, &r->set[i], err))
            return false;
    if (!db_one_int(tx, &kept, 0, err, "select count(*) from door_properties where thing = ?1", "s",
                    r->node->id))
        return false;
    return kept <= TREE_PROPERTIES_MOST ||
           error_set(err, ERROR_TOO_BIG, "more than 64 properties of one thing");
}

bool tree_properties_set(struct tree *t, const struct tree_node *node,
                         const struct tree_property *list, size_t count, struct error *err)
{
    struct remembering r = {.node = node, .set = list, .count = count};
    if (!node->id || !(node->may & MAY_UPLOAD) ||
        (node->kind == TREE_FILE && (node->origin == TREE_FRAME || node->origin == TREE_PART)))
        return denied(err, "set properties of", node->path);
    return db_write(t->db, set_in, &r, err);
}
