/*
 * posthouse store export: the house's media as plain files, without a running server.
 *
 * For who wants to leave, to look, or to get at media when nothing else starts. Every chunk is
 * proven as it is read. A file has its name when it is whole; one that is there already with its
 * size and date is left as it is, so a run that was cut goes on.
 *
 * Files that the house has made one clip of go where they lay when they came (a card comes out as
 * it went in), or all beside each other where the clip is now, when it was moved. What came in no
 * transfer (media in place, what was made here) has a folder of the clip's name.
 */
#include "store/store.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/state.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 500, DEPTH_MOST = 100 };

struct export
{
    struct command_call *call;
    const char *to, *project; // project NULL: all
    bool every;               // all versions
    struct db *db;
    struct store *store;
    struct progress bar;
    int64_t total, done, files, there, damaged, unproven;
    // a page of files
    char after_version[27];
    int64_t after_number;
    struct {
        char version[27];
        // where they came, all in one folder, or nowhere that is known (or not there any more)
        enum { LIE_UNKNOWN, LIE_TOGETHER, LIE_HERE } lie;
    } several; // files of a version
    struct file {
        char version[27], folder[27], id[27], *project, *asset, *name; // id: of the asset
        int64_t number, version_number, versions, file_count, modified_ms;
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
        "v.number, a.versions, v.file_count, a.id " OF_THEM
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
    }
    return db_end(rows, err);
}

// A name as one part of a path, whatever people called it.
static const char *part(struct arena *a, const char *name)
{
    char *made = arena_text(a, name);
    for (char *at = made; *at; at++)
        if (*at == '/' || (unsigned char)*at < ' ')
            *at = '_';
    return strcmp(made, ".") == 0 || strcmp(made, "..") == 0 || !*made ? "_" : made;
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
            u->path = arena_format(u->a, "%s/%s", part(u->a, db_text(rows, 0)), u->path);
            text_copy(text_of(db_text(rows, 1)), at, sizeof(at));
        }
        if (!db_end(rows, err))
            return false;
        if (!there)
            break;
    }
    return true;
}

static bool fits(const char *path, struct error *err)
{
    return strlen(path) < PATH_MAX - 16 ||
           error_set(err, ERROR_INPUT, "a path is too long: %.100s...", path);
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
        *folder = arena_format(c->a, "%s%s/", *folder, part(c->a, at));
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
    memcpy(e->several.version, f->version, sizeof(e->several.version));
    e->several.lie = !c->count ? LIE_UNKNOWN : same ? LIE_TOGETHER : here ? LIE_HERE : LIE_UNKNOWN;
    return true;
}

// Where a file of several goes, below its project; NULL: into a folder of the asset's name.
static bool place_of_several(struct export *e, const struct file *f, const char *now,
                             struct arena *a, const char **folder, struct error *err)
{
    *folder = NULL;
    if (f->version_number < f->versions || strchr(f->name, '/'))
        return true;
    if (strcmp(e->several.version, f->version) != 0 && !several_lie(e, f, now, a, err))
        return false;
    if (e->several.lie == LIE_TOGETHER)
        *folder = now;
    if (e->several.lie != LIE_HERE)
        return true;
    struct came *c = ARENA_NEW(a, struct came);
    *c = (struct came){.asset = f->id, .name = f->name, .content = &f->content, .a = a};
    *folder = now;
    return db_read(e->db, came_in, c, err) && (!c->count || came_to(e, c, 0, folder, err));
}

// Where a file goes, below `to`: project, folders, and for many files of which it is not known
// where they lay the asset's name as a folder.
static bool place(struct export *e, const struct file *f, struct arena *a, const char **path,
                  struct error *err)
{
    struct above u = {a, f->folder, ""};
    const char *beside = NULL;
    if ((f->folder[0] && !db_read(e->db, above_in, &u, err)) ||
        (f->file_count > 1 && !place_of_several(e, f, u.path, a, &beside, err)))
        return false;
    if (beside) {
        *path = arena_format(a, "%s/%s/%s%s", e->to, part(a, f->project), beside, part(a, f->name));
        return fits(*path, err);
    }
    const char *name = part(a, f->file_count > 1 ? f->asset : f->name);
    if (f->file_count == 1 && e->every && f->version_number < f->versions) {
        const char *dot = strrchr(name, '.');
        size_t stem = dot && dot > name ? (size_t)(dot - name) : strlen(name);
        name = arena_format(a, "%.*s (v%lld)%s", (int)stem, name, (long long)f->version_number,
                            name + stem);
    } else if (f->file_count > 1 && e->every && f->version_number < f->versions) {
        name = arena_format(a, "%s (v%lld)", name, (long long)f->version_number);
    }
    const char *within = "";
    if (f->file_count > 1) { // names of cards have folders of their own
        char *rest = arena_text(a, f->name);
        for (char *at = strtok(rest, "/"); at; at = strtok(NULL, "/"))
            within = arena_format(a, "%s/%s", within, part(a, at));
    }
    *path = arena_format(a, "%s/%s/%s%s%s", e->to, part(a, f->project), u.path, name, within);
    return fits(*path, err);
}

static bool is_there(const char *path, int64_t size, int64_t modified_ms)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && s.st_size == size &&
           (!modified_ms || s.st_mtim.tv_sec * 1000LL + s.st_mtim.tv_nsec / 1000000 == modified_ms);
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
    struct chunks c = {.f = f, .a = a};
    const char *path;
    struct error why;
    bool whole = true, ok = place(e, f, a, &path, err);
    int64_t size = 0;
    if (ok && (ok = db_read(e->db, chunks_in, &c, err)))
        for (size_t i = 0; i < c.count; i++)
            size += c.list[i].length;
    if (ok && is_there(path, size, f->modified_ms))
        e->there++;
    else
        ok = ok && write_file(e, f, path, a, &whole, &why, err);
    e->done += size;
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
    const char *ids[PAGE], *projects[PAGE];
    size_t count;
};

static bool folders_in(struct db_tx *tx, void *context, struct error *err)
{
    struct folders *l = context;
    l->count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select f.id, p.name from folders f join projects p on p.id = "
                 "f.project where (?1 is null or p.name = ?1 or p.id = ?1) and f.id > ?2 "
                 "order by f.id limit ?3",
                 "ssi", l->e->project, l->after, (int64_t)PAGE);
    while (db_next(rows) && l->count < PAGE) {
        l->ids[l->count] = arena_text(l->a, db_text(rows, 0));
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
            ok = db_read(e->db, above_in, &u, err) &&
                 folder_make(
                     arena_format(l->a, "%s/%s/%s", e->to, part(l->a, l->projects[i]), u.path),
                     0755, err);
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
    bool ok = open_house(e, &err) && all(e, &err) && all_folders(e, &err);
    int status = ok ? e->damaged ? 1 : 0 : command_failed(&err);
    if (ok && e->project && !e->files)
        fprintf(stderr, "there is nothing in a project called %s\n", e->project);
    if (ok)
        printf("%s %s in %s, %s of them were there already\n",
               count_text(e->files - e->damaged).text,
               e->files - e->damaged == 1 ? "file" : "files", e->to, count_text(e->there).text);
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
    "house and without one; what was cut goes on when it is run again.\n"
    "Exit status: 0 all is there, 1 some media is damaged or away and was left out, 3 it could not "
    "be "
    "done.",
    options,
    1,
    2,
    run,
};
