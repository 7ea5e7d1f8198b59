/*
 * posthouse store export: the house's media as plain files, without a running server.
 *
 * For who wants to leave, to look, or to get at media when nothing else starts. Every chunk is
 * proven as it is read. A file has its name when it is whole; one that is there already with its
 * size and date is left as it is, so a run that was cut goes on.
 *
 * Files that the house has made one clip of go where they lay when they came (a card comes out as
 * it went in), or all beside each other where the clip is now, when it was moved. What came in no
 * transfer (media in place, what was made here) has a folder of the clip's name. So has a clip of
 * which one file would lie where another's does: its files stay together, under their own names.
 * Single files of one name get numbers (cmd/export_names), the same for those that came together
 * and differ only in their endings.
 */
#include "store/store.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/export_names.h"
#include "cmd/progress.h"
#include "cmd/state.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE = 500,
    DEPTH_MOST = 100,
    MATES_MOST = 64,
    TOLD_MOST = 20,
    NUMBER_MOST = 100000,
    ROOM_BYTES = 300 // of a path, for the name of what is being written and a number
};

struct export
{
    struct command_call *call;
    const char *to, *project; // project NULL: all
    bool every;               // all versions
    struct db *db;
    struct store *store;
    struct progress bar;
    struct export_names *names;
    int64_t total, done, files, there, damaged, unproven, renamed;
    // a page of files
    char after_version[27];
    int64_t after_number;
    struct {
        char version[27];
        // where they came, all in one folder, or nowhere that is known (or not there any more)
        enum { LIE_UNKNOWN, LIE_TOGETHER, LIE_HERE } lie;
        char own[PATH_MAX]; // the folder that is this version's alone; "": it has none
    } several;              // files of a version
    struct file {
        char version[27], folder[27], id[27], project_id[27]; // id: of the asset
        char *project, *asset, *name;
        int64_t number, version_number, versions, file_count, modified_ms, size;
        sha256 content;
    } list[PAGE];
    size_t count;
    struct arena *a;
    char *bytes;
};

#define OF_THEM                                                                                    \
    "from version_files f join versions v on v.id = f.version join assets a on a.id = v.asset "    \
    "join projects p on p.id = a.project where a.deleted = 0 and (?1 is null or p.name = ?1 or "   \
    "p.id = ?1) and (?2 = 1 or v.id = a.newest) "

static bool total_in(struct db_tx *tx, void *context, struct error *err)
{
    struct export *e = context;
    return db_one_int(tx, &e->total, 0, err, "select coalesce(sum(f.size), 0) " OF_THEM, "si",
                      e->project, (int64_t)e->every);
}

static bool page_in(struct db_tx *tx, void *context, struct error *err)
{
    struct export *e = context;
    e->count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select f.version, f.number, f.name, f.content, f.modified_ms, a.folder, a.name, p.name, "
        "v.number, a.versions, v.file_count, a.id, p.id, f.size " OF_THEM
        "and (f.version > ?3 or (f.version = ?3 and f.number > ?4)) order by f.version, f.number "
        "limit ?5",
        "sisii", e->project, (int64_t)e->every, e->after_version, e->after_number, (int64_t)PAGE);
    while (db_next(rows) && e->count < PAGE) {
        struct file *f = &e->list[e->count++];
        size_t size;
        text_copy(text_of(db_text(rows, 0)), f->version, sizeof(f->version));
        f->number = db_int(rows, 1);
        f->name = arena_text(e->a, db_text(rows, 2));
        const void *content = db_blob(rows, 3, &size);
        if (content && size == SHA256_SIZE)
            memcpy(f->content.at, content, SHA256_SIZE);
        f->modified_ms = db_int(rows, 4);
        text_copy(text_of(db_text(rows, 5)), f->folder, sizeof(f->folder));
        f->asset = arena_text(e->a, db_text(rows, 6));
        f->project = arena_text(e->a, db_text(rows, 7));
        f->version_number = db_int(rows, 8);
        f->versions = db_int(rows, 9);
        f->file_count = db_int(rows, 10);
        text_copy(text_of(db_text(rows, 11)), f->id, sizeof(f->id));
        text_copy(text_of(db_text(rows, 12)), f->project_id, sizeof(f->project_id));
        f->size = db_int(rows, 13);
    }
    return db_end(rows, err);
}

struct above {
    struct arena *a;
    const char *folder, *path;
};

static bool above_in(struct db_tx *tx, void *context, struct error *err)
{
    struct above *u = context;
    char at[27];
    text_copy(text_of(u->folder), at, sizeof(at));
    for (int depth = 0; at[0] && depth < DEPTH_MOST; depth++) {
        struct db_rows *rows =
            db_query(tx, "select name, parent from folders where id = ?1", "s", at);
        bool there = db_next(rows);
        if (there) {
            u->path = arena_format(u->a, "%s/%s", export_part(u->a, db_text(rows, 0)), u->path);
            text_copy(text_of(db_text(rows, 1)), at, sizeof(at));
        }
        if (!db_end(rows, err))
            return false;
        if (!there)
            break;
    }
    return true;
}

// Where files of an asset came: a folder of the project and a path below it, without the name.
enum { CAME_MOST = 1000 };
struct came {
    const char *asset, *version, *name; // name NULL: all files of the version
    const sha256 *content;
    struct arena *a;
    struct {
        const char *folder, *path;
    } list[CAME_MOST]; // those beside each other differ
    size_t count;
};

static bool came_in(struct db_tx *tx, void *context, struct error *err)
{
    struct came *c = context;
    c->count = 0;
    struct db_rows *rows =
        c->name ? db_query(tx,
                           "select coalesce(t.folder, ''), f.path from transfer_files f join "
                           "transfers t on t.id = f.transfer where f.content = ?1 and f.asset = "
                           "?2 order by f.stored_ms desc",
                           "bs", (const void *)c->content->at, (size_t)SHA256_SIZE, c->asset)
                : db_query(tx,
                           "select coalesce(t.folder, ''), f.path from version_files v join "
                           "transfer_files f on f.content = v.content and f.asset = ?1 join "
                           "transfers t on t.id = f.transfer where v.version = ?2 order by "
                           "t.folder, f.path",
                           "ss", c->asset, c->version);
    while (db_next(rows) && c->count < CAME_MOST) {
        const char *path = db_text(rows, 1), *slash = strrchr(path, '/');
        if (c->name && strcmp(slash ? slash + 1 : path, c->name) != 0)
            continue;
        const char *folder = arena_text(c->a, db_text(rows, 0)),
                   *above = arena_copy(c->a, path, slash ? (size_t)(slash - path) : 0);
        if (c->count && strcmp(c->list[c->count - 1].folder, folder) == 0 &&
            strcmp(c->list[c->count - 1].path, above) == 0)
            continue;
        c->list[c->count].folder = folder;
        c->list[c->count++].path = above;
    }
    return db_end(rows, err);
}

// Below the project, with '/' behind.
static bool came_to(struct export *e, const struct came *c, size_t index, const char **folder,
                    struct error *err)
{
    struct above u = {c->a, c->list[index].folder, ""};
    if (u.folder[0] && !db_read(e->db, above_in, &u, err))
        return false;
    *folder = u.path;
    for (char *at = strtok(arena_text(c->a, c->list[index].path), "/"); at; at = strtok(NULL, "/"))
        *folder = arena_format(c->a, "%s%s/", *folder, export_part(c->a, at));
    return true;
}

// How the files of a version lie. `now`: where its asset does.
static bool several_lie(struct export *e, const struct file *f, const char *now, struct arena *a,
                        struct error *err)
{
    struct came *c = ARENA_NEW(a, struct came);
    bool same = true, here = false;
    const char *first = "", *one;
    *c = (struct came){.asset = f->id, .version = f->version, .a = a};
    if (!db_read(e->db, came_in, c, err))
        return false;
    for (size_t i = 0; i < c->count; i++) {
        if (!came_to(e, c, i, &one, err))
            return false;
        first = i ? first : one;
        same = same && strcmp(first, one) == 0;
        here = here || strcmp(one, now) == 0;
    }
    e->several.lie = !c->count ? LIE_UNKNOWN : same ? LIE_TOGETHER : here ? LIE_HERE : LIE_UNKNOWN;
    return true;
}

// Where a file of several wants to be, below its project, without its name.
static bool place_of_several(struct export *e, const struct file *f, const char *now,
                             struct arena *a, const char **folder, struct error *err)
{
    *folder = now;
    if (e->several.lie != LIE_HERE)
        return true;
    struct came *c = ARENA_NEW(a, struct came);
    *c = (struct came){.asset = f->id, .name = f->name, .content = &f->content, .a = a};
    return db_read(e->db, came_in, c, err) && (!c->count || came_to(e, c, 0, folder, err));
}

// ---- paths

static bool is_older(const struct export *e, const struct file *f)
{
    return e->every && f->version_number < f->versions;
}

// A folder of a project, "A/B/" below it.
static const char *folder_in(struct export *e, const char *project, const char *id,
                             const char *below, struct arena *a)
{
    const char *path = export_names_folder(e->names, a, "", export_part(a, project), id);
    char *rest = arena_text(a, below);
    for (char *at = strtok(rest, "/"); at; at = strtok(NULL, "/"))
        path = export_names_folder(e->names, a, path, at, NULL);
    return path;
}

// What a disk would not take lies flat.
static const char *folder_of(struct export *e, const struct file *f, const char *below,
                             struct arena *a)
{
    bool deep = strlen(e->to) + strlen(f->project) + strlen(below) + strlen(f->name) >
                PATH_MAX - 2 * ROOM_BYTES;
    return folder_in(e, f->project, f->project_id, deep ? "too deep/" : below, a);
}

static struct export_file wish_of(const struct export *e, const struct file *f, const char *wanted)
{
    return (struct export_file){.wanted = wanted,
                                .asset = f->id,
                                .version = is_older(e, f) ? f->version : "",
                                .size = f->size,
                                .modified_ms = f->modified_ms,
                                .content = &f->content};
}

static const char *joined(struct arena *a, const char *folder, const char *name)
{
    return arena_format(a, "%s/%s", folder, name);
}

// All files of a version as struct file, for those who must know whether each has room.
struct all_of {
    const struct file *of;
    struct arena *a;
    struct file *list;
    size_t count;
};

static bool all_of_in(struct db_tx *tx, void *context, struct error *err)
{
    struct all_of *all = context;
    all->count = 0;
    all->list = ARENA_ARRAY(all->a, struct file, (size_t)all->of->file_count + 1);
    struct db_rows *rows = db_query(tx,
                                    "select name, content, modified_ms, size from version_files "
                                    "where version = ?1 order by number",
                                    "s", all->of->version);
    while (db_next(rows) && all->count < (size_t)all->of->file_count) {
        struct file *f = &all->list[all->count++];
        size_t size;
        *f = *all->of;
        f->name = arena_text(all->a, db_text(rows, 0));
        const void *content = db_blob(rows, 1, &size);
        if (content && size == SHA256_SIZE)
            memcpy(f->content.at, content, SHA256_SIZE);
        f->modified_ms = db_int(rows, 2);
        f->size = db_int(rows, 3);
    }
    return db_end(rows, err);
}

// Keeps the paths that the files of a version want. *kept false: another has one of them.
static bool keep_together(struct export *e, const struct file *f, const char *now, bool *kept,
                          struct error *err)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct all_of all = {.of = f, .a = a};
    bool ok = db_read(e->db, all_of_in, &all, err);
    struct export_file *list = ARENA_ARRAY(a, struct export_file, all.count + 1);
    for (size_t i = 0; ok && i < all.count; i++) {
        const char *below = NULL;
        ok = place_of_several(e, &all.list[i], now, a, &below, err);
        if (ok)
            list[i] =
                wish_of(e, &all.list[i],
                        joined(a, folder_of(e, f, below, a), export_part(a, all.list[i].name)));
    }
    *kept = ok && export_names_keep(e->names, a, list, all.count, 1);
    arena_close(a);
    return ok;
}

// Decided once for a version: where it came or is now, or in a folder of its own.
static bool several_settle(struct export *e, const struct file *f, const char *now, struct arena *a,
                           struct error *err)
{
    bool kept = false;
    e->several.own[0] = 0;
    e->several.lie = LIE_UNKNOWN;
    if (f->version_number == f->versions && !strchr(f->name, '/') &&
        (!several_lie(e, f, now, a, err) ||
         (e->several.lie != LIE_UNKNOWN && !keep_together(e, f, now, &kept, err))))
        return false;
    memcpy(e->several.version, f->version, sizeof(e->several.version));
    if (kept)
        return true;
    const char *name = f->asset;
    if (is_older(e, f))
        name = arena_format(a, "%s (v%lld)", name, (long long)f->version_number);
    const char *owner = arena_format(a, "%s\n%s", f->id, is_older(e, f) ? f->version : "");
    const char *own =
        export_names_folder(e->names, a, folder_of(e, f, now, a), export_part(a, name), owner);
    return text_copy(text_of(own), e->several.own, sizeof(e->several.own)) ||
           error_set(err, ERROR_INPUT, "a path is too long: %.100s...", own);
}

static bool several_wanted(struct export *e, const struct file *f, const char *now, struct arena *a,
                           const char **wanted, struct error *err)
{
    const char *below = NULL;
    if (strcmp(e->several.version, f->version) != 0 && !several_settle(e, f, now, a, err))
        return false;
    if (!e->several.own[0]) {
        if (!place_of_several(e, f, now, a, &below, err))
            return false;
        *wanted = joined(a, folder_of(e, f, below, a), export_part(a, f->name));
        return true;
    }
    *wanted = e->several.own;
    char *rest = arena_text(a, f->name); // names of cards have folders of their own
    for (char *at = strtok(rest, "/"); at; at = strtok(NULL, "/"))
        *wanted = joined(a, *wanted, export_part(a, at));
    return true;
}

// Those that came in one transfer, lie in one folder and differ only in their endings.
struct mates {
    struct export *e;
    const struct file *of;
    const char *folder;
    struct arena *a;
    struct export_file list[MATES_MOST];
    size_t count;
};

static size_t stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    return dot ? (size_t)(dot - path) : strlen(path);
}

static bool mates_in(struct db_tx *tx, void *context, struct error *err)
{
    struct mates *m = context;
    const struct file *f = m->of;
    char transfer[27] = "";
    const char *path = "";
    m->count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select transfer, path from transfer_files where content = ?1 and asset = ?2 "
                 "order by stored_ms desc limit 1",
                 "bs", (const void *)f->content.at, (size_t)SHA256_SIZE, f->id);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), transfer, sizeof(transfer));
        path = arena_text(m->a, db_text(rows, 1));
    }
    if (!db_end(rows, err))
        return false;
    if (!transfer[0])
        return true;
    // '/' comes right behind '.'
    const char *from = arena_format(m->a, "%.*s.", (int)stem(path), path),
               *to = arena_format(m->a, "%.*s/", (int)stem(path), path);
    rows = db_query(tx,
                    "select t.path, a.id, f.name, f.size, f.modified_ms from transfer_files t join "
                    "assets a on a.id = t.asset and a.folder = ?4 and a.deleted = 0 join versions "
                    "v on v.id = a.newest and v.file_count = 1 join version_files f on f.version = "
                    "v.id where t.transfer = ?1 and t.path > ?2 and t.path < ?3 order by t.path",
                    "ssss", transfer, from, to, f->folder);
    while (db_next(rows) && m->count < MATES_MOST)
        if (stem(db_text(rows, 0)) == strlen(from) - 1)
            m->list[m->count++] = (struct export_file){
                .wanted = joined(m->a, m->folder, export_part(m->a, db_text(rows, 2))),
                .asset = arena_text(m->a, db_text(rows, 1)),
                .version = "",
                .size = db_int(rows, 3),
                .modified_ms = db_int(rows, 4)};
    return db_end(rows, err);
}

static bool single_wanted(struct export *e, const struct file *f, const char *now, struct arena *a,
                          const char **wanted, struct error *err)
{
    const char *folder = folder_of(e, f, now, a), *name = export_part(a, f->name);
    if (is_older(e, f)) {
        const char *dot = strrchr(name, '.');
        size_t size = dot && dot > name ? (size_t)(dot - name) : strlen(name);
        name = arena_format(a, "%.*s (v%lld)%s", (int)size, name, (long long)f->version_number,
                            name + size);
        name = export_part(a, name);
    }
    *wanted = joined(a, folder, name);
    struct export_file wish = wish_of(e, f, *wanted);
    if (f->version_number < f->versions || export_names_kept(e->names, a, &wish))
        return true;
    struct mates *m = ARENA_NEW(a, struct mates);
    *m = (struct mates){.e = e, .of = f, .folder = folder, .a = a};
    if (!db_read(e->db, mates_in, m, err))
        return false;
    if (m->count > 1)
        export_names_keep(e->names, a, m->list, m->count, NUMBER_MOST);
    return true;
}

// The path that a file of the house gets, as the list says it.
static bool place(struct export *e, const struct file *f, struct arena *a, const char **path,
                  bool *there, struct error *err)
{
    struct above u = {a, f->folder, ""};
    const char *wanted;
    int number = 1;
    if ((f->folder[0] && !db_read(e->db, above_in, &u, err)) ||
        !(f->file_count > 1 ? several_wanted(e, f, u.path, a, &wanted, err)
                            : single_wanted(e, f, u.path, a, &wanted, err)))
        return false;
    struct export_file wish = wish_of(e, f, wanted);
    *path = export_names_take(e->names, a, &wish, &number, there);
    if (number > 1 && e->renamed++ < TOLD_MOST) {
        progress_end(&e->bar);
        fprintf(stderr, "another has the name %s there: it is %s\n", f->name, *path);
    }
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:I}", "path", *path,
        "came_as", f->name, "project", f->project, "asset", f->asset, "asset_id", f->id,
        "version_id", f->version, "version", (json_int_t)f->version_number, "content",
        sha256_text(&f->content).text, "file", (json_int_t)f->number, "size", (json_int_t)f->size,
        "modified", f->modified_ms ? clock_text(f->modified_ms).text : "", "wanted", wanted,
        "older", wish.version, "number", (json_int_t)number);
    if (line && f->file_count > 1 && e->several.own[0])
        json_object_set_new(line, "own_folder", json_string(e->several.own));
    if (!line)
        return error_set(err, ERROR_INTERNAL, "cannot write about %s", *path);
    bool ok = export_names_say(e->names, &wish, *path, line, err);
    *path = joined(a, e->to, *path);
    return ok;
}

struct chunks {
    const struct file *f;
    struct arena *a;
    struct store_chunk *list;
    size_t count;
    bool unhashed; // it lies in a place, and nobody has read it so far
};

static bool chunks_in(struct db_tx *tx, void *context, struct error *err)
{
    struct chunks *c = context;
    int64_t size = 0;
    bool has = false;
    if (store_chunks(tx, &c->f->content, c->a, &c->list, &c->count, err))
        return true;
    if (err->kind != ERROR_CONFLICT || !store_has(tx, &c->f->content, &size, &has, err))
        return false;
    error_clear(err);
    c->unhashed = true;
    c->count = (size_t)((size + STORE_CHUNK - 1) / STORE_CHUNK);
    c->list = ARENA_ARRAY(c->a, struct store_chunk, c->count + 1);
    for (size_t i = 0; i < c->count; i++) {
        int64_t left = size - (int64_t)i * STORE_CHUNK;
        c->list[i].length = left < STORE_CHUNK ? left : STORE_CHUNK;
    }
    return true;
}

// *whole false: its bytes could not be had, *why; nothing is left of it.
static bool write_file(struct export *e, const struct file *f, const char *path, struct arena *a,
                       bool *whole, struct error *why, struct error *err)
{
    const struct store_map *map = NULL;
    struct chunks c = {.f = f, .a = a};
    char folder[PATH_MAX];
    *whole = true;
    error_clear(why);
    path_folder(path, folder, sizeof(folder));
    const char *begun =
        arena_format(a, "%s/.posthouse.part", folder); // names may be as long as can be
    if (!folder_make(folder, 0755, err) || !db_read(e->db, chunks_in, &c, err))
        return false;
    if (!store_map_open(e->store, &f->content, &map, why)) {
        *whole = false;
        return true;
    }
    e->unproven += c.unhashed;
    int fd = open(begun, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 || error_errno(err, errno, "cannot write %s", begun);
    int64_t at = 0;
    for (size_t i = 0; ok && *whole && i < c.count; i++) {
        size_t size = (size_t)c.list[i].length;
        *whole = store_map_read(map, at, e->bytes, size, why);
        sha256 hash = *whole ? sha256_of(e->bytes, size) : (sha256){0};
        if (*whole && !c.unhashed && !sha256_equal(&hash, &c.list[i].hash))
            *whole = error_set(why, ERROR_DAMAGED, "its bytes are not those that came");
        for (size_t put = 0; ok && *whole && put < size;) {
            ssize_t wrote = write(fd, e->bytes + put, size - put);
            if (wrote < 0 && errno != EINTR)
                ok = error_errno(err, errno, "cannot write %s", begun);
            put += wrote > 0 ? (size_t)wrote : 0;
        }
        at += c.list[i].length;
        progress_show(&e->bar, e->done + at, e->total);
    }
    store_map_close(e->store, map);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {f->modified_ms / 1000, f->modified_ms % 1000 * 1000000}};
    if (ok && *whole &&
        ((f->modified_ms && futimens(fd, times) != 0) || fsync(fd) != 0 ||
         rename(begun, path) != 0))
        ok = error_errno(err, errno, "cannot finish %s", path);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && (!ok || !*whole))
        unlink(begun);
    return ok;
}

static bool one(struct export *e, const struct file *f, struct error *err)
{
    struct arena *a = arena_open((size_t)256 << 20);
    const char *path;
    struct error why;
    bool whole = true, there = false, ok = place(e, f, a, &path, &there, err);
    if (ok && there)
        e->there++;
    else
        ok = ok && write_file(e, f, path, a, &whole, &why, err);
    e->done += f->size;
    e->files++;
    if (ok && !whole) {
        e->damaged++;
        progress_end(&e->bar);
        fprintf(stderr, "left out: %s: %s%s%s\n", path, why.what, why.why[0] ? "; " : "", why.why);
    }
    arena_close(a);
    return ok;
}

static bool open_house(struct export *e, struct error *err)
{
    char path[PATH_MAX], store[PATH_MAX];
    const char *folder = config_text(e->call->config, "house.folder");
    if (!path_join(path, sizeof(path), folder, "house.db") ||
        !path_join(store, sizeof(store), folder, "store"))
        return error_set(err, ERROR_INPUT, "the path of the house is too long");
    if (!file_look(path, NULL, NULL)) {
        error_set(err, ERROR_NOT_FOUND, "there is no house in %s", folder);
        return error_fix(err, "name it: --house.folder=DIR");
    }
    e->db = state_open(e->call->config, path, 1, err);
    if (e->db)
        e->store = store_open(
            &(struct store_wish){
                .folder = store, .db = e->db, .reserve_bytes = -1, .look_only = true},
            err);
    return e->store != NULL;
}

static bool all(struct export *e, struct error *err)
{
    if (!db_read(e->db, total_in, e, err))
        return false;
    e->bar = progress_begin("exporting", "bytes", false);
    bool ok = true;
    do {
        e->a = arena_open((size_t)16 << 20);
        ok = db_read(e->db, page_in, e, err);
        for (size_t i = 0; ok && i < e->count; i++)
            ok = one(e, &e->list[i], err);
        if (e->count) {
            memcpy(e->after_version, e->list[e->count - 1].version, sizeof(e->after_version));
            e->after_number = e->list[e->count - 1].number;
        }
        arena_close(e->a);
    } while (ok && e->count == PAGE);
    progress_end(&e->bar);
    return ok;
}

struct folders {
    struct export *e;
    struct arena *a;
    char after[27];
    const char *ids[PAGE], *projects[PAGE], *project_ids[PAGE];
    size_t count;
};

static bool folders_in(struct db_tx *tx, void *context, struct error *err)
{
    struct folders *l = context;
    l->count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select f.id, p.name, p.id from folders f join projects p on p.id = "
                 "f.project where (?1 is null or p.name = ?1 or p.id = ?1) and f.id > ?2 "
                 "order by f.id limit ?3",
                 "ssi", l->e->project, l->after, (int64_t)PAGE);
    while (db_next(rows) && l->count < PAGE) {
        l->ids[l->count] = arena_text(l->a, db_text(rows, 0));
        l->project_ids[l->count] = arena_text(l->a, db_text(rows, 2));
        l->projects[l->count++] = arena_text(l->a, db_text(rows, 1));
    }
    return db_end(rows, err);
}

// A card is what it was with its empty folders.
static bool all_folders(struct export *e, struct error *err)
{
    struct folders *l = calloc(1, sizeof(*l));
    bool ok = l || error_set(err, ERROR_INTERNAL, "no memory for folders");
    do {
        if (!ok)
            break;
        l->e = e;
        l->a = arena_open((size_t)64 << 20);
        ok = db_read(e->db, folders_in, l, err);
        for (size_t i = 0; ok && i < l->count; i++) {
            struct above u = {l->a, l->ids[i], ""};
            ok = db_read(e->db, above_in, &u, err);
            if (!ok || strlen(e->to) + strlen(u.path) > PATH_MAX - 2 * ROOM_BYTES)
                continue;
            const char *path = folder_in(e, l->projects[i], l->project_ids[i], u.path, l->a);
            ok = folder_make(joined(l->a, e->to, path), 0755, err);
        }
        if (l->count)
            text_copy(text_of(l->ids[l->count - 1]), l->after, sizeof(l->after));
        arena_close(l->a);
    } while (ok && l->count == PAGE);
    free(l);
    return ok;
}

static int run(struct command_call *call)
{
    struct error err;
    error_clear(&err);
    if (strcmp(call->words[0], "export") != 0 || call->word_count != 2) {
        error_set(&err, ERROR_USAGE, "posthouse store %s is not complete", call->words[0]);
        error_fix(&err, "say posthouse store export TO");
        return command_failed(&err);
    }
    struct export *e = calloc(1, sizeof(*e));
    e->call = call;
    e->to = call->words[1];
    e->project = option_text(call, "project");
    e->every = option_flag(call, "all-versions");
    e->bytes = malloc((size_t)STORE_CHUNK);
    bool ok = open_house(e, &err) && (e->names = export_names_open(e->to, &err)) &&
              all_folders(e, &err) && all(e, &err);
    ok = export_names_close(e->names, ok, &err) && ok;
    int status = ok ? e->damaged ? 1 : 0 : command_failed(&err);
    if (ok && e->project && !e->files)
        fprintf(stderr, "there is nothing in a project called %s\n", e->project);
    if (ok)
        printf("%s %s in %s, %s of them were there already\n",
               count_text(e->files - e->damaged).text,
               e->files - e->damaged == 1 ? "file" : "files", e->to, count_text(e->there).text);
    if (ok && e->renamed)
        printf("%s of them could not keep their names, as another has it there: %s/" EXPORT_LIST
               " says which is which\n",
               count_text(e->renamed).text, e->to);
    if (ok && e->damaged)
        printf(
            "%s left out: damaged, or on a volume that is not there; what is mounted again comes "
            "with the next run\n",
            files_text(e->damaged).text);
    if (ok && e->unproven)
        printf("%s of them lie in place and were not hashed: copied as they are\n",
               count_text(e->unproven).text);
    store_close(e->store);
    db_close(e->db);
    free(e->bytes);
    free(e);
    return status;
}

static const struct option_row options[] = {
    {"project", OPTION_TEXT, "NAME", "only this one, by name or id"},
    {"all-versions", OPTION_FLAG, NULL, "older versions too, as \"name (v1).mov\""},
    {0},
};
const struct command command_store = {
    "store",
    "export TO",
    "media back as plain files, without a server",
    "Writes all that the house in house.folder holds to the folder TO, as PROJECT/FOLDERS/NAME "
    "with\n"
    "the dates that the files had. Every byte is proven as it is read. It works beside a running\n"
    "house and without one; what was cut goes on when it is run again. Of two files of one name "
    "in\n"
    "one folder the later is \"name (2).mov\"; TO/posthouse-export.jsonl says for each path what\n"
    "it is. What is not in that list is not written over.\n"
    "Exit status: 0 all is there, 1 some media is damaged or away and was left out, 3 it could not "
    "be "
    "done.",
    options,
    1,
    2,
    run,
};
