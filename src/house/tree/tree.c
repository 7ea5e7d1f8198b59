// Finding and listing; the sweep.
#include "house/tree/inside.h"

#include "house/assets/assets.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIST_MOST = 200000, SWEEP_AT_ONCE = 100 };

struct tree *tree_open(const struct tree_wish *wish, struct error *err)
{
    struct tree *t = calloc(1, sizeof(*t));
    if (!t) {
        error_set(err, ERROR_INTERNAL, "no memory for the doors");
        return NULL;
    }
    *t = (struct tree){.db = wish->db, .store = wish->store};
    return t;
}

void tree_close(struct tree *t)
{
    free(t);
}

struct store *tree_store(struct tree *t)
{
    return t->store;
}

bool denied(struct error *err, const char *verb, const char *path)
{
    error_set(err, ERROR_DENIED, "you may not %s %.200s", verb, path);
    error_why(err, "your role in this project does not include it");
    return error_fix(err, "ask an owner of the project or an administrator");
}

static bool none_here(struct error *err, const char *path)
{
    error_set(err, ERROR_NOT_FOUND, "there is nothing at %.200s", path);
    error_why(err, "it never was, was removed, or is not yours to see");
    return error_fix(err, "look at the folder again");
}

// ---- collecting

struct nodes {
    struct arena *a;
    struct tree_node *list;
    size_t count, room;
};

static struct tree_node *add(struct nodes *n)
{
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 16;
        struct tree_node *more = ARENA_ARRAY(n->a, struct tree_node, room);
        if (n->count)
            memcpy(more, n->list, n->count * sizeof(*more));
        n->list = more;
        n->room = room;
    }
    return &n->list[n->count++];
}

// Behind the asset's name the ending of its file, when a person has named it without one: programs
// go by endings.
static const char *shown_name(struct arena *a, const char *asset, const char *file)
{
    const char *dot = strrchr(file, '.'), *slash = strrchr(file, '/');
    if (!dot || dot == file || (slash && dot < slash + 2) || strlen(dot) > 9)
        return arena_text(a, asset);
    size_t size = strlen(asset), ending = strlen(dot);
    if (size > ending && strcasecmp(asset + size - ending, dot) == 0)
        return arena_text(a, asset);
    return arena_format(a, "%s%s", asset, dot);
}

// Of a file or folder: everything but its own fields.
static struct tree_node *below(struct nodes *n, const struct tree_node *of, enum tree_kind kind,
                               const char *name)
{
    struct tree_node *node = add(n);
    *node = (struct tree_node){.kind = kind,
                               .name = name,
                               .path = tree_below(n->a, of->path, name),
                               .may = of->may,
                               .project = of->project,
                               .folder = of->folder,
                               .created_ms = of->created_ms,
                               .modified_ms = of->created_ms};
    return node;
}

// ---- projects

static bool projects_in(struct db_tx *tx, const struct who *who, struct nodes *n, struct error *err)
{
    const struct tree_node top = {.path = "/"};
    struct db_rows *rows =
        who->admin ? db_query(tx, "select id, name, created_ms from projects order by id", "")
                   : db_query(tx,
                              "select p.id, p.name, p.created_ms from projects p join members m on "
                              "m.project = p.id where m.person = ?1 order by p.id",
                              "s", who->person ? who->person : "");
    while (db_next(rows)) {
        const char *name = arena_text(n->a, db_text(rows, 1)), *folded = tree_fold(n->a, name);
        // Two of one name are told apart by their age: the younger one gets a number.
        int same = 1;
        for (size_t i = 0; i < n->count; i++)
            same += strcmp(n->list[i].version, folded) == 0;
        if (same > 1)
            name = arena_format(n->a, "%s (%d)", name, same);
        struct tree_node *p = below(n, &top, TREE_PROJECT, name);
        p->project = p->id = arena_text(n->a, db_text(rows, 0));
        p->folder = "";
        p->version = folded; // lent, until all are there
        p->created_ms = p->modified_ms = db_int(rows, 2);
    }
    if (!db_end(rows, err))
        return false;
    for (size_t i = 0; i < n->count; i++)
        if (!people_may(tx, who, n->list[i].project, &n->list[i].may, err))
            return false;
    size_t seen = 0;
    for (size_t i = 0; i < n->count; i++)
        n->list[i].version = NULL;
    for (size_t i = 0; i < n->count; i++)
        if (n->list[i].may & MAY_VIEW)
            n->list[seen++] = n->list[i];
    n->count = seen;
    return true;
}

// ---- what lies in a folder

static bool folders_in(struct db_tx *tx, const struct tree_node *of, struct nodes *n,
                       struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select id, name from folders where project = ?1 and parent = ?2 order by id",
                 "ss", of->project, of->folder);
    while (db_next(rows)) {
        struct tree_node *f = below(n, of, TREE_FOLDER, arena_text(n->a, db_text(rows, 1)));
        f->id = f->folder = arena_text(n->a, db_text(rows, 0));
    }
    return db_end(rows, err);
}

#define ASSETS                                                                                     \
    "select a.id, a.name, v.id, f.number, f.name, f.content, f.size, f.modified_ms, "              \
    "v.created_ms, a.kind from assets a join versions v on v.id = a.newest join version_files f "  \
    "on f.version = v.id "                                                                         \
    "where a.project = ?1 and a.folder = ?2 and a.deleted = 0 "

// Frames that were changed by themselves are shown as they are now (frames.c).
#define UNCHANGED                                                                                  \
    "and not exists (select 1 from frame_changes c where c.asset = a.id and c.name = f.name) "

static void asset_row(struct db_rows *rows, const struct tree_node *of, bool frame, struct nodes *n)
{
    const char *file = db_text(rows, 4);
    const char *name =
        frame ? arena_text(n->a, tree_name_of(file)) : shown_name(n->a, db_text(rows, 1), file);
    struct tree_node *f = below(n, of, TREE_FILE, name);
    f->origin = !frame                                      ? TREE_ASSET
                : strcmp(db_text(rows, 9), "sequence") == 0 ? TREE_FRAME
                                                            : TREE_PART;
    f->id = arena_text(n->a, db_text(rows, 0));
    f->version = arena_text(n->a, db_text(rows, 2));
    f->number = db_int(rows, 3);
    f->content = db_hash(rows, 5);
    f->size = db_int(rows, 6);
    f->created_ms = db_int(rows, 8);
    f->modified_ms = db_int(rows, 7) ? db_int(rows, 7) : db_int(rows, 8);
}

// `named`: only what its sort key lies between; NULL: all.
static bool assets_in(struct db_tx *tx, const struct tree_node *of, const char *from,
                      const char *to, struct nodes *n, struct error *err)
{
    struct db_rows *rows =
        from ? db_query(tx,
                        ASSETS "and v.file_count = 1 and a.sort_name >= ?3 and a.sort_name < ?4 "
                               "order by a.sort_name, a.id",
                        "ssss", of->project, of->folder, from, to)
             : db_query(tx, ASSETS "and v.file_count = 1 order by a.sort_name, a.id limit ?3",
                        "ssi", of->project, of->folder, (int64_t)LIST_MOST);
    while (db_next(rows))
        asset_row(rows, of, false, n);
    return db_end(rows, err);
}

static void plain_row(struct db_rows *rows, const struct tree_node *of, enum tree_origin origin,
                      struct nodes *n)
{
    struct tree_node *f = below(n, of, TREE_FILE, arena_text(n->a, tree_name_of(db_text(rows, 1))));
    f->origin = origin;
    f->id = arena_text(n->a, db_text(rows, 0));
    f->content = db_hash(rows, 2);
    f->size = db_int(rows, 3);
    f->created_ms = db_int(rows, 5);
    f->modified_ms = db_int(rows, 4) ? db_int(rows, 4) : db_int(rows, 5);
}

static bool frames_in(struct db_tx *tx, const struct tree_node *of, const char *name,
                      struct nodes *n, struct error *err)
{
    struct db_rows *rows =
        name
            ? db_query(tx, ASSETS "and v.file_count > 1 and f.name = ?3 " UNCHANGED "order by a.id",
                       "sss", of->project, of->folder, name)
            : db_query(tx,
                       ASSETS "and v.file_count > 1 " UNCHANGED
                              "order by a.sort_name, a.id, f.number limit ?3",
                       "ssi", of->project, of->folder, (int64_t)LIST_MOST);
    while (db_next(rows))
        asset_row(rows, of, true, n);
    if (!db_end(rows, err))
        return false;
    rows = db_query(tx,
                    "select c.asset, c.name, c.content, c.size, c.modified_ms, c.changed_ms from "
                    "assets a join frame_changes c on c.asset = a.id where a.project = ?1 and "
                    "a.folder = ?2 and a.deleted = 0 and c.content is not null and (?3 = '' or "
                    "c.name = ?3) order by c.name",
                    "sss", of->project, of->folder, name ? name : "");
    while (db_next(rows))
        plain_row(rows, of, TREE_FRAME, n);
    return db_end(rows, err);
}

static bool others_in(struct db_tx *tx, const struct tree_node *of, struct nodes *n,
                      struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select f.id, f.path, f.content, f.size, f.modified_ms, f.stored_ms from transfers t join "
        "transfer_files f on f.transfer = t.id where t.project = ?1 and t.origin = 'door' and "
        "coalesce(t.folder, '') = ?2 and f.state = 'stored' and f.asset is null order by f.path",
        "ss", of->project, of->folder);
    while (db_next(rows))
        plain_row(rows, of, TREE_WAITING, n);
    if (!db_end(rows, err))
        return false;
    rows = db_query(tx,
                    "select id, name, content, size, modified_ms, created_ms from door_files where "
                    "project = ?1 and folder = ?2 and state = 'kept' order by name",
                    "ss", of->project, of->folder);
    while (db_next(rows))
        plain_row(rows, of, TREE_KEPT, n);
    return db_end(rows, err);
}

// Two assets may be shown by one name (two versions of a name in another case are fine, the same
// name twice is not): the later ones get a number.
static int by_path(const void *one, const void *two)
{
    const struct tree_node *a = one, *b = two;
    int order = (a->kind == TREE_FILE) - (b->kind == TREE_FILE);
    if (!order)
        order = strcmp(a->name, b->name);
    return order || !a->id || !b->id ? order : strcmp(a->id, b->id); // the same one each time
}

static void tell_apart(struct nodes *n)
{
    size_t kept = 0;
    if (n->count)
        qsort(n->list, n->count, sizeof(*n->list), by_path);
    for (size_t i = 0; i < n->count; i++)
        if (!kept || strcmp(n->list[kept - 1].name, n->list[i].name) != 0 ||
            (n->list[kept - 1].kind == TREE_FILE) != (n->list[i].kind == TREE_FILE))
            n->list[kept++] = n->list[i];
    n->count = kept;
}

bool list_in(struct db_tx *tx, const struct who *who, const struct tree_node *of, struct arena *a,
             struct tree_node **list, size_t *count, struct error *err)
{
    struct nodes n = {.a = a};
    bool ok = of->kind == TREE_TOP
                  ? projects_in(tx, who, &n, err)
                  : folders_in(tx, of, &n, err) && assets_in(tx, of, NULL, NULL, &n, err) &&
                        frames_in(tx, of, NULL, &n, err) && others_in(tx, of, &n, err);
    if (!ok)
        return false;
    if (n.count > LIST_MOST) {
        error_set(err, ERROR_TOO_BIG, "%.200s has more than 200,000 entries", of->path);
        return error_fix(err, "divide it into folders");
    }
    tell_apart(&n);
    *list = n.list;
    *count = n.count;
    return true;
}

// ---- one name

// The one of exactly this name, else the first in another case.
static bool pick(const struct nodes *n, const char *name, struct tree_node *node)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->list[i].name, name) == 0) {
            *node = n->list[i];
            return true;
        }
    const char *folded = tree_fold(n->a, name);
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(tree_fold(n->a, n->list[i].name), folded) == 0) {
            *node = n->list[i];
            return true;
        }
    return false;
}

// The range of sort keys of names that differ in case or accents only (house/assets, names.c).
static bool assets_named(struct db_tx *tx, const struct tree_node *of, const char *name,
                         struct nodes *n, struct error *err)
{
    const char *key = name_sort_key(n->a, name), *end = strchr(key, '\x01');
    const char *from = arena_format(n->a, "%.*s\x01", (int)(end - key), key);
    const char *to = arena_format(n->a, "%.*s\x02", (int)(end - key), key);
    return assets_in(tx, of, from, to, n, err);
}

bool child_in(struct db_tx *tx, const struct tree_node *of, const char *name, struct arena *a,
              struct tree_node *node, bool *found, struct error *err)
{
    struct nodes n = {.a = a};
    *found = false;
    if (of->kind == TREE_FILE)
        return true;
    if (!folders_in(tx, of, &n, err))
        return false;
    *found = pick(&n, name, node);
    n.count = 0;
    if (*found || !assets_named(tx, of, name, &n, err))
        return *found;
    *found = pick(&n, name, node);
    n.count = 0;
    if (*found || !frames_in(tx, of, name, &n, err) || !others_in(tx, of, &n, err))
        return *found;
    *found = pick(&n, name, node);
    n.count = 0;
    const char *dot = strrchr(name, '.');
    if (*found || !dot || dot == name)
        return true;
    // An asset that a person has named without its file's ending.
    if (!assets_named(tx, of, arena_copy(a, name, (size_t)(dot - name)), &n, err))
        return false;
    *found = pick(&n, name, node);
    return true;
}

static void top_node(struct tree_node *node)
{
    *node = (struct tree_node){.kind = TREE_TOP, .path = "/", .name = "", .may = MAY_VIEW};
}

bool find_in(struct db_tx *tx, const struct who *who, const char *path, struct arena *a,
             struct tree_node *node, struct error *err)
{
    top_node(node);
    if (who->kind != WHO_PERSON)
        return none_here(err, path);
    text rest = text_of(path[0] == '/' ? path + 1 : path);
    if (!rest.size)
        return true;
    struct nodes projects = {.a = a};
    text first = text_cut(&rest, '/');
    if (!projects_in(tx, who, &projects, err))
        return false;
    bool found = pick(&projects, arena_copy(a, first.at, first.size), node);
    while (found && rest.size) {
        text part = text_cut(&rest, '/');
        struct tree_node in = *node;
        if (!child_in(tx, &in, arena_copy(a, part.at, part.size), a, node, &found, err))
            return false;
    }
    return found || none_here(err, path);
}

bool parent_in(struct db_tx *tx, const struct who *who, const char *path, struct arena *a,
               struct tree_node *parent, struct error *err)
{
    const char *above = tree_parent_of(a, path);
    if (!find_in(tx, who, above, a, parent, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        error_set(err, ERROR_CONFLICT, "there is no folder %.200s", above);
        return error_fix(err, "make it first");
    }
    if (parent->kind == TREE_TOP)
        return denied(err, "make or change projects at", "the top");
    if (parent->kind == TREE_FILE)
        return error_set(err, ERROR_CONFLICT, "%.200s is a file, no folder", above);
    return true;
}

// ---- for doors

struct looking {
    const struct who *who;
    const char *path;
    const struct tree_node *of;
    struct arena *a;
    struct tree_node *node, **list;
    size_t *count;
    bool growing;
};

static bool find_growing_in(struct db_tx *tx, struct looking *l, struct error *err)
{
    struct tree_node above, *list;
    size_t count;
    struct error none;
    const char *name = tree_name_of(l->path);
    if (!find_in(tx, l->who, tree_parent_of(l->a, l->path), l->a, &above, &none))
        return none_here(err, l->path);
    if (!growing_in(tx, &above, l->a, &list, &count, err))
        return false;
    struct nodes n = {l->a, list, count, count};
    return pick(&n, name, l->node) || none_here(err, l->path);
}

static bool list_growing_in(struct db_tx *tx, struct looking *l, struct error *err)
{
    struct tree_node *list;
    size_t count;
    if (!growing_in(tx, l->of, l->a, &list, &count, err) || !count)
        return !count;
    struct nodes n = {.a = l->a};
    for (size_t i = 0; i < *l->count; i++)
        *add(&n) = (*l->list)[i];
    // What lies there under the same name is shown, not what would become of it.
    struct nodes known = n;
    for (size_t i = 0; i < count; i++) {
        struct tree_node there;
        if (!pick(&known, list[i].name, &there))
            *add(&n) = list[i];
    }
    tell_apart(&n);
    *l->list = n.list;
    *l->count = n.count;
    return true;
}

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looking *l = context;
    if (l->of)
        return list_in(tx, l->who, l->of, l->a, l->list, l->count, err) &&
               (!l->growing || list_growing_in(tx, l, err));
    return find_in(tx, l->who, l->path, l->a, l->node, err) ||
           (l->growing && err->kind == ERROR_NOT_FOUND && find_growing_in(tx, l, err));
}

bool tree_find(struct tree *t, const struct tree_asker *by, const char *path, struct arena *a,
               struct tree_node *node, struct error *err)
{
    struct looking l = {
        .who = by->who, .path = path, .a = a, .node = node, .growing = by->growing};
    if (!db_read(t->db, look_in, &l, err))
        return false;
    if (node->kind == TREE_FILE && node->origin == TREE_GROWING)
        growing_size(t, a, node);
    return true;
}

bool tree_list(struct tree *t, const struct tree_asker *by, const struct tree_node *of,
               struct arena *a, struct tree_node **list, size_t *count, struct error *err)
{
    struct looking l = {.who = by->who,
                        .of = of,
                        .a = a,
                        .list = list,
                        .count = count,
                        .growing = by->growing};
    *list = NULL;
    *count = 0;
    if (of->kind == TREE_FILE)
        return true;
    if (!db_read(t->db, look_in, &l, err))
        return false;
    for (size_t i = 0; i < *count; i++)
        if ((*list)[i].kind == TREE_FILE && (*list)[i].origin == TREE_GROWING)
            growing_size(t, a, &(*list)[i]);
    return true;
}

bool tree_read(struct tree *t, const struct tree_node *file, const struct store_map **map,
               struct error *err)
{
    if (file->kind != TREE_FILE)
        return error_set(err, ERROR_CONFLICT, "%.200s is a folder", file->path);
    if (!(file->may & MAY_DOWNLOAD))
        return denied(err, "download", file->path);
    if (file->origin == TREE_GROWING)
        return error_set(err, ERROR_CONFLICT, "%.200s is still being recorded", file->path);
    return store_map_open(t->store, &file->content, map, err);
}

// ---- the sweep

struct sweep {
    struct arena *a;
    const char *arriving[SWEEP_AT_ONCE];
    struct tree_node kept[SWEEP_AT_ONCE];
    size_t arriving_count, kept_count;
};

static bool due_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sweep *s = context;
    int64_t now = clock_now_ms();
    s->arriving_count = s->kept_count = 0;
    struct db_rows *rows = db_query(
        tx, "select id from door_files where state = 'arriving' and active_ms < ?1 limit ?2", "ii",
        now - TREE_ARRIVING_KEEP_MS, (int64_t)SWEEP_AT_ONCE);
    while (db_next(rows) && s->arriving_count < SWEEP_AT_ONCE)
        s->arriving[s->arriving_count++] = arena_text(s->a, db_text(rows, 0));
    if (!db_end(rows, err))
        return false;
    rows = db_query(
        tx,
        "select id, content, name from door_files where state = 'kept' and active_ms < ?1 order by "
        "active_ms",
        "i", now - TREE_KEPT_MS);
    while (db_next(rows) && s->kept_count < SWEEP_AT_ONCE)
        if (tree_name_passing(db_text(rows, 2))) // an empty file of another name stays
            s->kept[s->kept_count++] = (struct tree_node){.origin = TREE_KEPT,
                                                          .id = arena_text(s->a, db_text(rows, 0)),
                                                          .content = db_hash(rows, 1)};
    return db_end(rows, err);
}

static bool drop_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sweep *s = context;
    for (size_t i = 0; i < s->kept_count; i++)
        if (!row_drop(tx, &s->kept[i], err))
            return false;
    return true;
}

bool tree_sweep(struct tree *t, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct sweep *s = ARENA_NEW(a, struct sweep);
    s->a = a;
    bool ok = db_read(t->db, due_in, s, err);
    for (size_t i = 0; ok && i < s->arriving_count; i++)
        ok = tree_write_drop(t, s->arriving[i], err);
    ok = ok && (!s->kept_count || db_write(t->db, drop_in, s, err));
    arena_close(a);
    return ok && frames_sweep(t, err);
}
