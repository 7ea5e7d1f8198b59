/*
 * Looking: folders of a volume against what is known of them.
 *
 * A folder's entries and its rows are both in the order of names and are gone through side by side.
 * What differs is written down, ACTS at a time, each batch one transaction; a look that is cut off
 * has written down what it saw, and the next one sees the rest. Folders wait in a list, not on a
 * stack of calls: a tree may be as deep as it likes. Files of a folder of which none is known are
 * written down together (list.c).
 *
 * When a folder can not be read nothing is said of what is in it, and nothing is said of a file
 * that can not be looked at. That files are gone is only said of a folder that was read to its end,
 * and only while the root is the one that it was. So after each error the root is asked for: it may
 * be the whole volume that is away (NFS: ESTALE, EIO, ETIMEDOUT).
 */
#include "house/places/inside.h"

#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// A look that asks the server for each file and takes longer than this is the last one of its kind.
#define ANEW_US (20LL * 1000000)
enum { DEPTH_MOST = 100, LIST_MOST = 2000, LISTS_BYTES = 2 << 20, UNREAD_SOME = 1000 };

enum act_kind { ACT_LIST, ACT_NEW, ACT_CHANGED, ACT_BACK, ACT_GONE, ACT_MOUNTED };
struct act {
    enum act_kind kind;
    const char *folder, *name; // in the arena of the pass
    bool mounted;              // of the folder
    struct beneath_file is;
    // of a list
    text entries;
    int64_t part, count, bytes;
};

struct todo {
    char *path;
    bool deep, gone; // gone: nothing is there any more
};

struct pass {
    struct places *p;
    const struct place_row *row;
    struct place_run *run;
    struct place_looked *looked;
    struct todo *todo;
    size_t todo_count, todo_room;
    struct arena *a; // of the acts
    struct act *acts;
    size_t act_count, list_bytes;
    const char *offline; // why; NULL: it is not
    uint64_t root_inode;
    bool root_mounted, root_seen;
    bool anew; // the server is asked for each file
    int64_t links, unreadable;
    char unreadable_path[PATH_MAX];
};

struct known_file {
    const char *name, *state;
    int64_t size, mtime_ns;
};
struct known_folder { // rows of one folder
    struct arena *a;
    const struct pass *pass;
    const char *path;
    int64_t number; // 0: there is none
    bool mounted;
    struct known_file *files;
    const char **folders; // names
    size_t file_count, file_room, folder_count, folder_room;
};

static void *more(void *at, size_t size)
{
    at = realloc(at, size);
    if (!at)
        abort();
    return at;
}

// ---- names that are no media: what file managers leave, and what servers show in each folder

// A file that was deleted while somebody had it open stays under such a name until it is closed:
// .nfs and digits on NFS, .fuse_hidden and digits on what libfuse mounts.
static bool deleted_but_open(const char *name)
{
    static const char *const begins[] = {".nfs", ".fuse_hidden"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        size_t size = strlen(begins[i]);
        if (strncmp(name, begins[i], size) == 0)
            return name[size] && !name[size + strspn(name + size, "0123456789abcdefABCDEF")];
    }
    return false;
}

static bool left_out(const char *name, bool folder)
{
    static const char *const names[] = {
        ".snapshot", ".snapshots",   ".zfs",       "@eaDir",
        "#recycle",  "$RECYCLE.BIN", "lost+found", "System Volume Information"};
    if (!folder)
        return deleted_but_open(name) || transfer_path_hidden(text_of(name));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return strncmp(name, ".Trash", 6) == 0;
}

// ---- what is known

static const char *bytes_of(struct arena *a, struct db_rows *rows, int column)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    return arena_copy(a, at ? at : "", at ? size : 0);
}

static struct known_file *known_room(struct known_folder *k)
{
    if (k->file_count == k->file_room) {
        k->file_room = k->file_room ? k->file_room * 2 : 256;
        k->files = more(k->files, k->file_room * sizeof(*k->files));
    }
    return &k->files[k->file_count++];
}

static bool known_lists(struct db_tx *tx, struct known_folder *k, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select entries from place_lists where folder = ?1 order by part", "i", k->number);
    while (db_next(rows)) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        text rest = {arena_copy(k->a, at ? at : "", size), size};
        struct list_entry e;
        while (list_next(&rest, &e))
            *known_room(k) = (struct known_file){e.name, "new", e.is.size, e.is.mtime_ns};
    }
    return db_end(rows, err);
}

static bool known_files(struct db_tx *tx, struct known_folder *k, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select name, size, mtime_ns, state from place_files where folder = ?1 order by name",
        "i", k->number);
    while (db_next(rows)) {
        const char *state = db_text(rows, 3);
        *known_room(k) = (struct known_file){bytes_of(k->a, rows, 0),
                                             strcmp(state, "here") == 0      ? "here"
                                             : strcmp(state, "new") == 0     ? "new"
                                             : strcmp(state, "changed") == 0 ? "changed"
                                                                             : "gone",
                                             db_int(rows, 1), db_int(rows, 2)};
    }
    return db_end(rows, err) && (k->file_count || known_lists(tx, k, err));
}

static bool known_in(struct db_tx *tx, void *context, struct error *err)
{
    struct known_folder *k = context;
    k->number = 0;
    k->file_count = k->folder_count = 0;
    struct db_rows *rows =
        db_query(tx, "select number, mounted from place_folders where place = ?1 and path = ?2",
                 "ib", k->pass->row->number, k->path, strlen(k->path));
    if (db_next(rows)) {
        k->number = db_int(rows, 0);
        k->mounted = db_int(rows, 1) != 0;
    }
    if (!db_end(rows, err))
        return false;
    if (!k->number)
        return true;
    rows = db_query(tx, "select name from place_folders where parent = ?1 order by name", "i",
                    k->number);
    while (db_next(rows)) {
        if (k->folder_count == k->folder_room) {
            k->folder_room = k->folder_room ? k->folder_room * 2 : 64;
            k->folders = more(k->folders, k->folder_room * sizeof(*k->folders));
        }
        k->folders[k->folder_count++] = bytes_of(k->a, rows, 0);
    }
    return db_end(rows, err) && known_files(tx, k, err);
}

// ---- writing down

struct applying {
    struct pass *pass;
    int64_t now_ms;
    struct place_counts counts;
    const char *folder; // the last one
    int64_t number;
};

static bool folder_number(struct db_tx *tx, struct applying *w, const char *path, bool mounted,
                          int64_t *number, struct error *err);

static bool folder_row_make(struct db_tx *tx, struct applying *w, const char *path, bool mounted,
                            int64_t *number, struct error *err)
{
    char above[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int64_t parent = 0;
    snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - path) : 0, path);
    if (*path && !folder_number(tx, w, above, false, &parent, err))
        return false;
    if (!db_one_int(tx, number, 0, err, "select coalesce(max(number), 0) + 1 from place_folders",
                    ""))
        return false;
    return *path
               ? db_run(tx, err, "insert into place_folders values (?1, ?2, ?3, ?4, ?5, null, ?6)",
                        "iiibbi", *number, w->pass->row->number, parent, name, strlen(name), path,
                        strlen(path), (int64_t)mounted)
               : db_run(tx, err,
                        "insert into place_folders values (?1, ?2, null, ?3, ?3, null, ?4)", "iibi",
                        *number, w->pass->row->number, "", (size_t)0, (int64_t)mounted);
}

static bool folder_number(struct db_tx *tx, struct applying *w, const char *path, bool mounted,
                          int64_t *number, struct error *err)
{
    int64_t was = 0;
    struct db_rows *rows =
        db_query(tx, "select number, mounted from place_folders where place = ?1 and path = ?2",
                 "ib", w->pass->row->number, path, strlen(path));
    *number = 0;
    if (db_next(rows)) {
        *number = db_int(rows, 0);
        was = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        return false;
    if (!*number)
        return folder_row_make(tx, w, path, mounted, number, err);
    return !mounted || was ||
           db_run(tx, err, "update place_folders set mounted = 1 where number = ?1", "i", *number);
}

struct file_row {
    char state[16], version[27];
    int64_t size, mtime_ns, hashed, seen_ms;
    bool there, content;
};

static bool file_row(struct db_tx *tx, int64_t folder, const char *name, struct file_row *f,
                     struct error *err)
{
    memset(f, 0, sizeof(*f));
    struct db_rows *rows = db_query(tx,
                                    "select state, size, mtime_ns, hashed, version, content is not "
                                    "null, seen_ms from place_files where folder = ?1 and name = "
                                    "?2",
                                    "ib", folder, name, strlen(name));
    f->there = db_next(rows);
    if (f->there) {
        text_copy(text_of(db_text(rows, 0)), f->state, sizeof(f->state));
        f->size = db_int(rows, 1);
        f->mtime_ns = db_int(rows, 2);
        f->hashed = db_int(rows, 3);
        text_copy(text_of(db_text(rows, 4)), f->version, sizeof(f->version));
        f->content = db_int(rows, 5) != 0;
        f->seen_ms = db_int(rows, 6);
    }
    return db_end(rows, err);
}

// A folder that is looked at twice in one pass, told of and met again, is listed twice: then it has
// rows.
static bool apply_list(struct db_tx *tx, struct applying *w, const struct act *act,
                       struct error *err)
{
    const struct place_row *row = w->pass->row;
    int64_t known = 0;
    text rest = act->entries;
    struct list_entry e;
    if (!db_one_int(tx, &known, 0, err,
                    "select (select count(*) from place_lists where folder = ?1 and part = ?2) + "
                    "(select count(*) from (select 1 from place_files where folder = ?1 limit 1) "
                    "some)",
                    "ii", w->number, act->part))
        return false;
    if (!known) {
        w->counts.files += act->count;
        w->counts.waiting += act->count;
        w->counts.bytes += act->bytes;
        return list_keep(tx, row->number, w->number, act->part, act->entries, w->now_ms, err);
    }
    if (!list_unpack(tx, w->number, err))
        return false;
    while (list_next(&rest, &e)) {
        if (!place_file_new(tx, row->number, w->number, &e, w->now_ms, err))
            return false;
        if (db_changed(tx))
            place_counted(&w->counts, "new", 9, e.is.size, 1);
    }
    return true;
}

static bool apply_new(struct db_tx *tx, struct applying *w, const struct act *act,
                      struct error *err)
{
    struct list_entry e = {act->name, act->is};
    bool ok = place_file_new(tx, w->pass->row->number, w->number, &e, w->now_ms, err);
    if (ok && db_changed(tx))
        place_counted(&w->counts, "new", 9, act->is.size, 1);
    return ok;
}

// A version whose file is not what it was. What was said of it first stays, save that all is well
// again.
static bool version_marked(struct db_tx *tx, struct applying *w, const char *version,
                           const char *state, struct error *err)
{
    int64_t seen_ms = w->pass->row->scanned_ms;
    return !*version ||
           db_run(tx, err,
                  "update place_versions set state = ?2, since_ms = ?3, seen_ms = ?4 where version "
                  "= ?1 and (state = 'here' or ?2 = 'changed') and state <> ?2",
                  "ssii", version, state, w->now_ms, seen_ms ? seen_ms : w->now_ms);
}

static bool apply_changed(struct db_tx *tx, struct applying *w, const struct act *act,
                          const struct file_row *f, struct error *err)
{
    bool taken = *f->version != 0;
    // Its bytes may be the same, with another date: then it is read before it is a new version.
    int64_t hashed = taken && f->size == act->is.size && f->content && f->hashed == 1 ? 2 : 9;
    const char *state = taken ? "changed" : "new";
    place_counted(&w->counts, f->state, f->hashed, f->size, -1);
    place_counted(&w->counts, state, hashed, act->is.size, 1);
    return db_run(tx, err,
                  "update place_files set state = ?3, size = ?4, mtime_ns = ?5, inode = ?6, "
                  "since_ms = ?7, seen_ms = 0, content = null, hashed = ?8 where folder = ?1 and "
                  "name = ?2",
                  "ibsiiiii", w->number, act->name, strlen(act->name), state, act->is.size,
                  act->is.mtime_ns, (int64_t)act->is.inode, w->now_ms, hashed) &&
           version_marked(tx, w, f->version, "changed", err);
}

static bool apply_back(struct db_tx *tx, struct applying *w, const struct act *act,
                       const struct file_row *f, struct error *err)
{
    const char *state = !*f->version ? "new" : f->content ? "here" : "changed";
    int64_t hashed = f->hashed == 8 ? 0 : f->hashed;
    place_counted(&w->counts, f->state, f->hashed, f->size, -1);
    place_counted(&w->counts, state, hashed, f->size, 1);
    return db_run(tx, err,
                  "update place_files set state = ?3, inode = ?4, since_ms = ?5, seen_ms = 0, "
                  "hashed = ?6 where folder = ?1 and name = ?2",
                  "ibsiii", w->number, act->name, strlen(act->name), state, (int64_t)act->is.inode,
                  w->now_ms, hashed) &&
           db_run(tx, err,
                  "update place_versions set state = 'here', since_ms = ?2 where version = ?1 and "
                  "state = 'gone' and not exists (select 1 from place_files f where f.version = "
                  "?1 and f.state = 'gone')",
                  "si", f->version, w->now_ms) &&
           again_version(tx, f->version, f->seen_ms, err);
}

static bool apply_gone(struct db_tx *tx, struct applying *w, const struct act *act,
                       const struct file_row *f, struct error *err)
{
    int64_t seen_ms = w->pass->row->scanned_ms ? w->pass->row->scanned_ms : w->now_ms;
    int64_t hashed = f->hashed == 0 ? 8 : f->hashed == 2 ? 9 : f->hashed;
    place_counted(&w->counts, f->state, f->hashed, f->size, -1);
    if (!*f->version)
        return db_run(tx, err, "delete from place_files where folder = ?1 and name = ?2", "ib",
                      w->number, act->name, strlen(act->name));
    place_counted(&w->counts, "gone", hashed, f->size, 1);
    return db_run(tx, err,
                  "update place_files set state = 'gone', since_ms = ?3, seen_ms = ?4, hashed = ?5 "
                  "where folder = ?1 and name = ?2",
                  "ibiii", w->number, act->name, strlen(act->name), w->now_ms, seen_ms, hashed) &&
           version_marked(tx, w, f->version, "gone", err);
}

static bool apply_one(struct db_tx *tx, struct applying *w, const struct act *act,
                      struct error *err)
{
    struct file_row f;
    bool fresh = act->folder != w->folder;
    if (fresh && !folder_number(tx, w, act->folder, act->mounted, &w->number, err))
        return false;
    w->folder = act->folder;
    if (act->kind == ACT_MOUNTED)
        return true;
    if (act->kind == ACT_LIST)
        return apply_list(tx, w, act, err);
    if (fresh && !list_unpack(tx, w->number, err))
        return false;
    if (act->kind == ACT_NEW)
        return apply_new(tx, w, act, err);
    if (!file_row(tx, w->number, act->name, &f, err))
        return false;
    if (!f.there)
        return true;
    if (act->kind == ACT_GONE)
        return strcmp(f.state, "gone") == 0 || apply_gone(tx, w, act, &f, err);
    return act->kind == ACT_BACK ? apply_back(tx, w, act, &f, err)
                                 : apply_changed(tx, w, act, &f, err);
}

static bool apply_in(struct db_tx *tx, void *context, struct error *err)
{
    struct applying *w = context;
    struct place_row now;
    w->counts = (struct place_counts){0};
    w->folder = NULL;
    if (!place_row(tx, w->pass->row->id, &now, err))
        return false;
    for (size_t i = 0; i < w->pass->act_count; i++)
        if (!apply_one(tx, w, &w->pass->acts[i], err))
            return false;
    return place_count(tx, w->pass->row->number, &w->counts, err) && place_say(tx, &now, err);
}

static bool flush(struct pass *s, struct error *err)
{
    struct applying w = {.pass = s, .now_ms = clock_now_ms()};
    bool ok = !s->act_count || db_write(s->p->db, apply_in, &w, err);
    s->act_count = s->list_bytes = 0;
    arena_close(s->a);
    s->a = arena_open((size_t)64 << 20);
    return ok;
}

// ---- one folder

static void push(struct pass *s, const char *above, const char *name, bool deep, bool gone)
{
    if (s->todo_count == s->todo_room) {
        s->todo_room = s->todo_room ? s->todo_room * 2 : 64;
        s->todo = more(s->todo, s->todo_room * sizeof(*s->todo));
    }
    size_t room = strlen(above) + strlen(name) + 2;
    char *path = more(NULL, room);
    snprintf(path, room, "%s%s%s", above, *above && *name ? "/" : "", name);
    s->todo[s->todo_count++] = (struct todo){path, deep, gone};
}

static bool note(struct pass *s, struct act act, const char **folder, const char *path,
                 struct error *err)
{
    if (s->act_count == ACTS || s->list_bytes > LISTS_BYTES) {
        if (!flush(s, err))
            return false;
        *folder = NULL;
    }
    *folder = *folder ? *folder : arena_text(s->a, path);
    act.folder = *folder;
    act.name = arena_text(s->a, act.name);
    act.entries.at = arena_copy(s->a, act.entries.at, act.entries.size);
    s->list_bytes += act.entries.size;
    s->acts[s->act_count++] = act;
    return true;
}

static void unreadable(struct pass *s, const char *path, const char *name)
{
    if (!s->unreadable++)
        snprintf(s->unreadable_path, sizeof(s->unreadable_path), "%.2000s%s%.1000s", path,
                 *path && *name ? "/" : "", name);
}

static int depth_of(const char *path)
{
    int depth = *path != 0;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

static bool compare_folders(struct pass *s, const struct todo *t, const struct beneath_folder *f,
                            const struct known_folder *k)
{
    size_t i = 0, n = 0;
    while (i < f->count || n < k->folder_count) {
        const struct beneath_entry *e = i < f->count ? &f->entries[i] : NULL;
        int order = !e ? 1 : n < k->folder_count ? strcmp(e->name, k->folders[n]) : -1;
        if (e && order <= 0 && (e->kind != FILE_FOLDER || left_out(e->name, true))) {
            i++;
            n += e->unseen && order == 0;
            continue;
        }
        if (order > 0) {
            push(s, t->path, k->folders[n++], true, true);
            continue;
        }
        if (depth_of(t->path) >= DEPTH_MOST ||
            strlen(t->path) + strlen(e->name) + 2 >= PATH_MAX / 2)
            unreadable(s, t->path, e->name);
        else if (t->deep || order < 0)
            push(s, t->path, e->name, true, false);
        i++;
        n += order == 0;
    }
    return true;
}

static bool compare_file(struct pass *s, const struct beneath_entry *e, const struct known_file *k,
                         bool mounted, const char **folder, const char *path, struct error *err)
{
    struct act act = {.mounted = mounted, .name = e ? e->name : k->name};
    if (e)
        act.is = (struct beneath_file){e->size, e->mtime_ns, e->inode};
    bool same = e && k && k->size == e->size && k->mtime_ns == e->mtime_ns;
    bool gone = k && strcmp(k->state, "gone") == 0;
    s->looked->files += e != NULL;
    if ((same && !gone) || (!e && gone)) {
        s->looked->same++;
        return true;
    }
    act.kind = !k ? ACT_NEW : !e ? ACT_GONE : same ? ACT_BACK : ACT_CHANGED;
    ++*(act.kind == ACT_NEW       ? &s->looked->fresh
        : act.kind == ACT_GONE    ? &s->looked->gone
        : act.kind == ACT_CHANGED ? &s->looked->changed
                                  : &s->looked->back);
    return note(s, act, folder, path, err);
}

// Files of a folder of which no file is known.
static bool list_files(struct pass *s, const char *path, const struct beneath_folder *f,
                       struct error *err)
{
    struct buf list = BUF_LIMIT(LIST_MOST * 512);
    struct act act = {.kind = ACT_LIST, .name = "", .mounted = f->mounted, .part = 1};
    const char *folder = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i <= f->count; i++) {
        const struct beneath_entry *e = i < f->count ? &f->entries[i] : NULL;
        if (e && (e->kind != FILE_PLAIN || left_out(e->name, false))) {
            s->links += e->kind == FILE_LINK;
            continue;
        }
        if (act.count && (!e || act.count == LIST_MOST)) {
            act.entries = (text){list.at, list.size};
            ok = note(s, act, &folder, path, err);
            act = (struct act){
                .kind = ACT_LIST, .name = "", .mounted = f->mounted, .part = act.part + 1};
            list.size = 0;
        }
        if (!e)
            break;
        list_add(&list, e->name, &(struct beneath_file){e->size, e->mtime_ns, e->inode});
        act.count++;
        act.bytes += e->size;
        s->looked->files++;
        s->looked->fresh++;
    }
    buf_free(&list);
    return ok;
}

static bool compare_files(struct pass *s, const char *path, const struct beneath_folder *f,
                          const struct known_folder *k, struct error *err)
{
    size_t i = 0, n = 0;
    const char *folder = NULL;
    if (!k->file_count)
        return list_files(s, path, f, err);
    while (i < f->count || n < k->file_count) {
        const struct beneath_entry *e = i < f->count ? &f->entries[i] : NULL;
        int order = !e ? 1 : n < k->file_count ? strcmp(e->name, k->files[n].name) : -1;
        if (e && order <= 0 && (e->kind != FILE_PLAIN || left_out(e->name, false))) {
            s->links += e->kind == FILE_LINK;
            i++;
            n += e->unseen && order == 0;
            continue;
        }
        if (!compare_file(s, order <= 0 ? e : NULL, order >= 0 ? &k->files[n] : NULL, f->mounted,
                          &folder, path, err))
            return false;
        i += order <= 0;
        n += order >= 0;
    }
    return true;
}

// Why the root is not the place that it was; NULL when it is.
static const char *root_wrong(const struct pass *s, const struct beneath_folder *f)
{
    bool known = s->row->root_inode != 0, had = s->row->files + s->row->gone > 0;
    if (known && s->row->root_mounted && !f->mounted)
        return "nothing is mounted there";
    if (!f->count && had)
        return "the folder is empty, and was not: is its volume mounted?";
    return NULL;
}

static bool mounted_here(struct pass *s, const char *path, struct error *err)
{
    const char *folder = NULL;
    struct act act = {.kind = ACT_MOUNTED, .name = "", .mounted = true};
    return note(s, act, &folder, path, err);
}

static const char *why_not(int code)
{
    return code == -ENOENT ? "the folder is not there" : strerror(-code);
}

// Why it is not the place that it was, as its server says now; NULL: it is.
static const char *root_gone(struct pass *s)
{
    uint64_t is;
    int64_t was = s->root_seen ? (int64_t)s->root_inode : s->row->root_inode;
    volume_ask(s->p, s->run, LANE_LOOK);
    int code = beneath_ask(s->row->path, &is);
    bool other = code == 0 && was && (int64_t)is != was && beneath_inodes_last(s->row->path);
    volume_answered(s->p, s->run, LANE_LOOK);
    return code < 0 ? why_not(code) : other ? "another folder came into its place" : NULL;
}

// Why nothing can be said of the place after a look at one of its folders; NULL: it can.
static const char *away(struct pass *s, const struct todo *t, const struct beneath_folder *f,
                        int code)
{
    bool root = !*t->path;
    if (root && code < 0)
        return why_not(code);
    const char *gone = f->unseen || (code < 0 && code != -ENOENT) ? root_gone(s) : NULL;
    return gone || !root ? gone : root_wrong(s, f);
}

static bool one_folder(struct pass *s, const struct todo *t, struct error *err)
{
    struct beneath_folder f = {0};
    struct known_folder k = {.a = arena_open((size_t)1 << 30), .pass = s, .path = t->path};
    bool ok = true, root = !*t->path;
    volume_ask(s->p, s->run, LANE_LOOK);
    bool closed = root && !place_allowed(s->p, s->row->path);
    int code = t->gone || closed ? 0 : beneath_look(s->row->path, t->path, s->anew, &f);
    volume_answered(s->p, s->run, LANE_LOOK);
    s->looked->folders++;
    s->offline = closed ? "it lies below none of the folders of the setting places.roots"
                        : away(s, t, &f, code);
    if (s->offline || code == -ENOENT) {
        // It is as if nothing had been read. A folder that went since it was listed, or an upper
        // one that did: that one says so when it is read.
    } else if (code < 0) {
        unreadable(s, t->path, "");
    } else if ((ok = db_read(s->p->db, known_in, &k, err))) {
        if (root) {
            s->root_inode = f.inode;
            s->root_mounted = f.mounted;
            s->root_seen = true;
        }
        // Where something was mounted and is not, there is nothing to see.
        if (k.mounted && !f.mounted)
            f.count = 0;
        s->unreadable += (int64_t)f.unseen;
        if (!root && f.mounted && !k.mounted)
            ok = mounted_here(s, t->path, err);
        ok = ok && compare_folders(s, t, &f, &k) && compare_files(s, t->path, &f, &k, err);
    }
    beneath_free(&f);
    free(k.files);
    free(k.folders);
    arena_close(k.a);
    return ok;
}

// ---- the pass

bool files_asked_again(struct db_tx *tx, int64_t place, struct error *err)
{
    return db_run(
        tx, err,
        "update place_files set hashed = case state when 'here' then 0 when 'gone' then 8 "
        "else 9 end where place = ?1 and hashed = -1",
        "i", place);
}

struct ending {
    struct pass *s;
    bool whole; // all of it was looked at
};

static bool end_in(struct db_tx *tx, void *context, struct error *err)
{
    struct ending *e = context;
    struct pass *s = e->s;
    int64_t now = clock_now_ms();
    bool ok;
    if (s->offline) {
        ok = db_run(tx, err,
                    "update places set since_ms = case state when 'online' then ?2 else since_ms "
                    "end, state = 'offline', problem = ?3 where number = ?1 and state <> 'leaving'",
                    "iis", s->row->number, now, s->offline);
    } else {
        struct place_row was;
        ok = place_row(tx, s->row->id, &was, err);
        bool back = ok && strcmp(was.state, "offline") == 0;
        ok = ok && (back || e->whole ? again_place(tx, was.number,
                                                   back ? was.seen_ms : was.scanned_ms, back, err)
                                     : true);
        ok = ok &&
             db_run(tx, err,
                    "update places set since_ms = case state when 'online' then since_ms else ?2 "
                    "end, state = 'online', seen_ms = ?2, problem = null where number = ?1 and "
                    "state <> 'leaving'",
                    "ii", s->row->number, now);
        if (ok && s->root_seen)
            ok = db_run(tx, err,
                        "update places set root_inode = ?2, root_mounted = ?3 where number = ?1",
                        "iii", s->row->number, (int64_t)s->root_inode, (int64_t)s->root_mounted);
        int64_t unread = 0;
        ok = ok && db_one_int(tx, &unread, 0, err,
                              "select count(*) from (select 1 from place_files where place = ?1 "
                              "and hashed = -1 limit ?2) some",
                              "ii", s->row->number, (int64_t)UNREAD_SOME);
        // What could not be read may have been let: a few are tried whenever something changed.
        if (ok && (e->whole || unread < UNREAD_SOME))
            ok = files_asked_again(tx, s->row->number, err);
        if (ok && e->whole)
            ok = db_run(tx, err,
                        "update places set scanned_ms = ?2, links = ?3, unreadable = ?4, "
                        "unreadable_path = ?5 where number = ?1",
                        "iiiis", s->row->number, now, s->links, s->unreadable,
                        s->unreadable ? s->unreadable_path : NULL);
    }
    return ok && place_say(tx, s->row, err);
}

static bool go_through(struct pass *s, struct error *err)
{
    bool ok = true;
    while (ok && s->todo_count && !s->offline) {
        struct todo t = s->todo[--s->todo_count];
        ok = places_go_on(s->p) || error_set(err, ERROR_CANCELLED, "the house closes");
        ok = ok && one_folder(s, &t, err);
        free(t.path);
        pthread_mutex_lock(&s->p->lock);
        s->run->scan_files = s->looked->files;
        pthread_mutex_unlock(&s->p->lock);
    }
    // Folders that were not found below a root that is gone say nothing.
    if (ok && !s->offline)
        s->offline = root_gone(s);
    if (s->offline)
        s->act_count = s->list_bytes = 0;
    return ok && flush(s, err);
}

bool places_look_at(struct places *p, const struct place_row *row, char *const *paths,
                    const bool *deep, size_t count, struct place_looked *looked, struct error *err)
{
    struct pass s = {.p = p, .row = row, .looked = looked, .run = place_run(p, row->id)};
    struct ending e = {&s, false};
    *looked = (struct place_looked){0};
    if (!s.run)
        return error_set(err, ERROR_TOO_MANY, "the house has too many places");
    s.anew = row->scanned_ms && !s.run->slow; // the client remembers nothing yet at a first look
    s.a = arena_open((size_t)64 << 20);
    s.acts = more(NULL, ACTS * sizeof(*s.acts));
    for (size_t i = 0; i < count; i++) {
        e.whole = e.whole || (deep[i] && !*paths[i]);
        push(&s, paths[i], "", deep[i], false);
    }
    bool ok = go_through(&s, err) && db_write(p->db, end_in, &e, err);
    looked->offline = s.offline != NULL;
    while (s.todo_count)
        free(s.todo[--s.todo_count].path);
    free(s.todo);
    free(s.acts);
    arena_close(s.a);
    return ok;
}

bool places_look(struct places *p, const char *place, struct place_looked *looked,
                 struct error *err)
{
    struct place_row row;
    char *const all[] = {(char *)""};
    const bool deep[] = {true};
    struct place_run *run = place_run(p, place);
    if (!run || !place_row_read(p, place, &row, err))
        return run ? false : error_set(err, ERROR_TOO_MANY, "the house has too many places");
    pthread_mutex_lock(&p->lock);
    run->scanning = true;
    run->scan_files = 0;
    run->scan_began_ms = clock_now_ms();
    pthread_mutex_unlock(&p->lock);
    int64_t began = clock_tick_us();
    bool ok = places_look_at(p, &row, all, deep, 1, looked, err);
    run->slow = run->slow || (row.scanned_ms && clock_tick_us() - began > ANEW_US);
    pthread_mutex_lock(&p->lock);
    run->scanning = false;
    pthread_mutex_unlock(&p->lock);
    return ok;
}
