/*
 * posthouse backup: the house's state, keys and bytes to another folder, while it is open.
 *
 * The state is copied as of one moment; from before that moment until the bytes are copied nothing
 * is given back (store_hold), so all that the state names is there. The manifest is written last.
 */
#include "cmd/backup.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/state.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/hash.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL_FILE = 4 << 20, LIST_LIMIT = 1 << 30 };

struct backup {
    struct command_call *call;
    const char *house, *to;
    char name[40], partial[PATH_MAX];
    int64_t number; // counts up in `to`
    json_t *files;
    struct store_copy copy;
    struct progress bar;
    bool json;
    int lock, hold;
    size_t told;
};

// ---- files

bool backup_digest(const char *path, char hex[65], struct error *err)
{
    uint8_t digest[64];
    char part[1 << 16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot read %s", path);
    struct hasher *h = hasher_open("sha256");
    ssize_t got;
    while ((got = read(fd, part, sizeof(part))) > 0)
        hasher_add(h, part, (size_t)got);
    int code = errno;
    close(fd);
    hasher_end(h, digest);
    if (got < 0)
        return error_errno(err, code, "cannot read %s", path);
    return hex_text(digest, SHA256_SIZE, hex, 65);
}

bool backup_copy_file(const char *from, const char *to, struct error *err)
{
    struct buf content = BUF_LIMIT(SMALL_FILE);
    struct stat seen;
    bool ok =
        file_read(from, &content, err) &&
        (stat(from, &seen) == 0 || error_errno(err, errno, "cannot look at %s", from)) &&
        file_write(to, content.at ? content.at : "", content.size, (int)(seen.st_mode & 0777), err);
    buf_free(&content);
    return ok;
}

json_t *backup_manifest(const char *to, const char *name, struct error *err)
{
    char path[PATH_MAX];
    json_error_t wrong;
    snprintf(path, sizeof(path), "%s/%s/manifest.json", to, name);
    json_t *m = json_load_file(path, 0, &wrong);
    if (m && json_integer_value(json_object_get(m, "format")) == BACKUP_FORMAT)
        return m;
    error_set(err, m ? ERROR_UNSUPPORTED : ERROR_DAMAGED, "%s can not be used", path);
    if (m)
        error_why(err, "it is of a form that this program does not know");
    else
        error_why(err, "line %d: %s", wrong.line, wrong.text);
    error_fix(err, m ? "restore with the program that made it, or a newer one"
                     : "take another backup: --at NAME");
    json_decref(m);
    return NULL;
}

static bool name_seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)err;
    char path[PATH_MAX];
    *enter = !f->relative[0];
    bool folder = false;
    if (f->kind == FILE_FOLDER && f->relative[0] && f->relative[0] != '.' &&
        path_join(path, sizeof(path), f->path, "manifest.json") && file_look(path, &folder, NULL) &&
        !folder)
        json_array_append_new(context, json_string(f->relative));
    return true;
}

struct numbered {
    int64_t number; // 0: its manifest can not be read
    json_t *name;
};

static int by_number(const void *x, const void *y)
{
    const struct numbered *a = x, *b = y;
    return (a->number > b->number) - (a->number < b->number);
}

static int64_t number_of(const char *to, const char *name)
{
    struct error unread;
    json_t *m = backup_manifest(to, name, &unread);
    int64_t number = json_integer_value(json_object_get(m, "number"));
    json_decref(m);
    return number;
}

json_t *backup_list(const char *to, struct error *err)
{
    json_t *found = json_array(), *list = json_array();
    struct walk_wish wish = {.seen = name_seen, .context = found, .depth = 2};
    bool ok = folder_walk(to, &wish, err);
    size_t count = json_array_size(found);
    struct numbered *all = calloc(count + 1, sizeof(*all));
    if (!all)
        abort();
    for (size_t i = 0; i < count; i++) {
        all[i].name = json_array_get(found, i);
        all[i].number = number_of(to, json_string_value(all[i].name));
    }
    qsort(all, count, sizeof(*all), by_number);
    for (size_t i = 0; i < count; i++)
        json_array_append(list, all[i].name);
    free(all);
    json_decref(found);
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

// ---- the parts of one

static bool keep_file(struct backup *b, const char *from, const char *name, bool copied,
                      struct error *err)
{
    char to[PATH_MAX], hex[65];
    if (!path_join(to, sizeof(to), b->partial, name))
        return error_set(err, ERROR_INPUT, "the path of the backup is too long");
    if ((!copied && !backup_copy_file(from, to, err)) || !backup_digest(to, hex, err))
        return false;
    json_object_set_new(b->files, name, json_string(hex));
    return true;
}

// What is made again by a house when it is missing, or is only about the process that runs.
static bool left_out(const char *name)
{
    static const char *const names[] = {"ready", "local.token", "worker.token", "worker.pid", NULL};
    static const char *const ends[] = {".log",  ".old", ".lock", ".pid",
                                       ".sock", ".new", ".part", NULL};
    if (text_starts(text_of(name), "house.db") || name[0] == '.')
        return true;
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    for (size_t i = 0; ends[i]; i++)
        if (text_ends(text_of(name), ends[i]))
            return true;
    return false;
}

static bool small_seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    *enter = !f->relative[0];
    if (f->kind != FILE_PLAIN || left_out(f->relative))
        return true;
    if (f->size > SMALL_FILE) {
        fprintf(stderr, "left out: %s (%s): it is no file of a house\n", f->path,
                size_text(f->size).text);
        return true;
    }
    return keep_file(context, f->path, f->relative, false, err);
}

static bool show(void *context, int64_t done, int64_t total)
{
    struct backup *b = context;
    progress_show(&b->bar, done, total);
    return true;
}

static void damaged(void *context, const struct store_damage *d)
{
    struct backup *b = context;
    if (b->told++ >= 20)
        return;
    progress_end(&b->bar);
    fprintf(stderr, "damaged: %s at %lld, %lld bytes: %s\n", d->path, (long long)d->offset,
            (long long)d->length, d->what);
}

static bool copy_bytes(struct backup *b, struct error *err)
{
    char database[PATH_MAX], from[PATH_MAX], to[PATH_MAX], list[PATH_MAX];
    struct buf lines = BUF_LIMIT(LIST_LIMIT);
    if (!path_join(database, sizeof(database), b->partial, "house.db") ||
        !path_join(list, sizeof(list), b->partial, "bytes.list") ||
        !path_join(from, sizeof(from), b->house, "store") ||
        !path_join(to, sizeof(to), b->to, "store"))
        return error_set(err, ERROR_INPUT, "the path of the backup is too long");
    struct db *db = state_open(b->call->config, database, 1, err);
    if (!db)
        return false;
    b->bar = progress_begin("backing up", "bytes", b->json);
    b->copy = (struct store_copy){.db = db,
                                  .from = option_flag(b->call, "state-only") ? NULL : from,
                                  .to = to,
                                  .verify = option_flag(b->call, "verify"),
                                  .list = &lines,
                                  .progress = show,
                                  .damaged = damaged,
                                  .context = b};
    bool ok = store_copy(&b->copy, err);
    progress_end(&b->bar);
    db_close(db);
    if (ok && lines.over)
        ok = error_set(err, ERROR_TOO_BIG, "the list of bytes is too long");
    ok = ok && file_write(list, lines.at ? lines.at : "", lines.size, 0600, err) &&
         keep_file(b, NULL, "bytes.list", true, err) && keep_file(b, NULL, "house.db", true, err);
    buf_free(&lines);
    return ok;
}

static bool finish(struct backup *b, const char *began, int64_t form, struct error *err)
{
    char path[PATH_MAX];
    json_t *m = json_pack(
        "{s:i, s:I, s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:O}", "format", BACKUP_FORMAT,
        "number", (json_int_t)b->number, "program", POSTHOUSE_VERSION, "began", began, "ended",
        clock_text(clock_now_ms()).text, "form", (json_int_t)form, "bytes_copied",
        !option_flag(b->call, "state-only"), "files", (json_int_t)b->copy.files, "bytes",
        (json_int_t)b->copy.bytes, "damaged", (json_int_t)b->copy.damage, "state", b->files);
    char *text = json_dumps(m, JSON_INDENT(2));
    bool ok = path_join(path, sizeof(path), b->partial, "manifest.json") &&
              file_write(path, text, strlen(text), 0600, err);
    free(text);
    json_decref(m);
    if (!ok)
        return false;
    snprintf(path, sizeof(path), "%s/%s", b->to, b->name);
    if (rename(b->partial, path) != 0)
        return error_errno(err, errno, "cannot name the backup %s", path);
    int fd = open(b->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        error_errno(err, errno, "cannot make %s durable", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

// ---- older ones

struct pruning {
    const char *store;
    json_t *used; // names of bytes that a backup still lists
    int64_t freed;
};

static bool unused_seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)enter;
    struct pruning *p = context;
    if (f->kind != FILE_PLAIN || json_object_get(p->used, f->relative))
        return true;
    if (unlink(f->path) != 0)
        return error_errno(err, errno, "cannot remove %s", f->path);
    p->freed += f->size;
    return true;
}

static bool lines_used(const char *to, const char *name, json_t *used, struct error *err)
{
    char path[PATH_MAX];
    struct buf lines = BUF_LIMIT(LIST_LIMIT);
    snprintf(path, sizeof(path), "%s/%s/bytes.list", to, name);
    bool ok = file_read(path, &lines, err);
    for (char *at = lines.at; ok && at && *at;) {
        char *end = strchr(at, '\n'), *blank = strchr(at, ' ');
        if (!end || !blank || blank > end)
            break;
        *end = 0;
        json_object_set_new(used, blank + 1, json_true());
        at = end + 1;
    }
    buf_free(&lines);
    return ok;
}

static bool prune(struct backup *b, int64_t keep, int64_t *freed, struct error *err)
{
    char path[PATH_MAX];
    json_t *list = backup_list(b->to, err), *used = json_object();
    bool ok = list != NULL;
    size_t count = json_array_size(list);
    for (size_t i = 0; ok && i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        snprintf(path, sizeof(path), "%s/%s", b->to, name);
        ok = i + (size_t)keep < count ? folder_remove(path, err)
                                      : lines_used(b->to, name, used, err);
    }
    struct pruning p = {.used = used};
    struct walk_wish wish = {.seen = unused_seen, .context = &p};
    ok = ok && path_join(path, sizeof(path), b->to, "store") &&
         (!file_look(path, NULL, NULL) || folder_walk(path, &wish, err));
    *freed = p.freed;
    json_decref(used);
    json_decref(list);
    return ok;
}

// ---- the command

static bool begin(struct backup *b, struct error *err)
{
    char path[PATH_MAX];
    b->house = config_text(b->call->config, "house.folder");
    b->to = b->call->words[0];
    if (!path_join(path, sizeof(path), b->house, "house.db"))
        return error_set(err, ERROR_INPUT, "the path of the house is too long");
    if (!file_look(path, NULL, NULL)) {
        error_set(err, ERROR_NOT_FOUND, "there is no house in %s", b->house);
        return error_fix(err, "name it: --house.folder=DIR");
    }
    char real[PATH_MAX], above[PATH_MAX];
    if (!folder_make(b->to, 0700, err))
        return false;
    size_t size;
    if (realpath(b->to, real) && realpath(b->house, above) && (size = strlen(above)) &&
        strncmp(real, above, size) == 0 && (real[size] == '/' || !real[size])) {
        error_set(err, ERROR_INPUT, "a backup can not lie inside the house");
        return error_fix(err, "name a folder on another disk");
    }
    if (!path_join(path, sizeof(path), b->to, ".lock"))
        return error_set(err, ERROR_INPUT, "the path of the backup is too long");
    b->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock < 0)
        return error_errno(err, errno, "cannot make %s", path);
    if (flock(b->lock, LOCK_EX | LOCK_NB) != 0) {
        error_set(err, ERROR_CONFLICT, "another backup is being made in %s", b->to);
        return error_fix(err, "wait for it");
    }
    // What a killed one left.
    if (!path_join(b->partial, sizeof(b->partial), b->to, ".partial") ||
        !folder_remove(b->partial, err) || !folder_make(b->partial, 0700, err))
        return false;
    json_t *others = backup_list(b->to, err);
    if (!others)
        return false;
    const char *newest = json_string_value(json_array_get(others, json_array_size(others) - 1));
    b->number = (newest ? number_of(b->to, newest) : 0) + 1;
    json_decref(others);
    // "2026-11-27T03:15:00.000Z" -> "2026-11-27_031500Z"
    short_text now = clock_text(clock_now_ms());
    for (int n = 1; n < 1000; n++) {
        int used = snprintf(b->name, sizeof(b->name), "%.10s_%.2s%.2s%.2sZ", now.text,
                            now.text + 11, now.text + 14, now.text + 17);
        if (n > 1)
            snprintf(b->name + used, sizeof(b->name) - (size_t)used, "-%d", n);
        if (path_join(path, sizeof(path), b->to, b->name) && !file_look(path, NULL, NULL))
            return true;
    }
    return error_set(err, ERROR_CONFLICT, "there are too many backups of this second");
}

static bool make(struct backup *b, struct error *err)
{
    char database[PATH_MAX], copy[PATH_MAX], store[PATH_MAX], whose[PATH_MAX];
    int64_t form = 0;
    short_text began = clock_text(clock_now_ms());
    if (!path_join(store, sizeof(store), b->house, "store") ||
        !path_join(whose, sizeof(whose), store, "house") ||
        !path_join(database, sizeof(database), b->house, "house.db") ||
        !path_join(copy, sizeof(copy), b->partial, "house.db"))
        return error_set(err, ERROR_INPUT, "the path of the house is too long");
    if ((b->hold = store_hold(store, err)) < 0 || !db_copy(database, copy, err))
        return false;
    struct walk_wish small = {.seen = small_seen, .context = b, .depth = 2};
    return folder_walk(b->house, &small, err) && keep_file(b, whose, "store.house", false, err) &&
           copy_bytes(b, err) && db_form(copy, &form, err) && finish(b, began.text, form, err);
}

static void tell(struct backup *b, int64_t freed)
{
    if (b->json) {
        json_t *all = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", b->name, "files",
                                (json_int_t)b->copy.files, "bytes", (json_int_t)b->copy.bytes,
                                "copied_bytes", (json_int_t)b->copy.copied_bytes, "damaged",
                                (json_int_t)b->copy.damage, "freed_bytes", (json_int_t)freed,
                                "place_files", (json_int_t)b->copy.place_files, "place_bytes",
                                (json_int_t)b->copy.place_bytes);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        return;
    }
    printf("backed up as %s/%s: state and keys", b->to, b->name);
    if (option_flag(b->call, "state-only"))
        printf("; the %s of media it needs are in bytes.list\n", size_text(b->copy.bytes).text);
    else
        printf(", %s of media, %s of it new\n", size_text(b->copy.bytes).text,
               size_text(b->copy.copied_bytes).text);
    if (b->copy.place_files)
        printf("not in it: %s that lie in place (%s); it knows where they are\n",
               size_text(b->copy.place_bytes).text, files_text(b->copy.place_files).text);
    if (freed)
        printf("older backups gave back %s\n", size_text(freed).text);
}

static int run(struct command_call *call)
{
    struct backup b = {.call = call,
                       .json = option_flag(call, "json"),
                       .files = json_object(),
                       .lock = -1,
                       .hold = -1};
    struct error err, none;
    error_clear(&err);
    int64_t keep = 0, freed = 0;
    bool ok = (option_int(call, "keep", 0, &keep) && keep >= 0) ||
              error_set(&err, ERROR_USAGE, "--keep needs a number of backups");
    ok = ok && begin(&b, &err) && make(&b, &err) && (!keep || prune(&b, keep, &freed, &err));
    if (!ok && b.lock >= 0 && b.partial[0] && !folder_remove(b.partial, &none))
        fprintf(stderr, "what was begun stays in %s until the next backup\n", b.partial);
    if (b.hold >= 0)
        close(b.hold);
    if (b.lock >= 0)
        close(b.lock);
    json_decref(b.files);
    if (!ok)
        return command_failed(&err);
    tell(&b, freed);
    if (!b.copy.damage)
        return 0;
    error_set(&err, ERROR_DAMAGED, "%s pieces of media could not be backed up",
              count_text(b.copy.damage).text);
    error_why(&err, "they are not what was brought in; the rest is backed up");
    error_fix(&err,
              "bring those files in again (`posthouse check` names them), then back up again");
    command_failed(&err);
    return 1;
}

static const struct option_row options[] = {
    {"state-only", OPTION_FLAG, NULL, "no media: only the list of the bytes that the state needs"},
    {"keep", OPTION_INT, "N", "remove older backups than the newest N, and bytes only they need"},
    {"verify", OPTION_FLAG, NULL, "read also what is in the backup already"},
    {"json", OPTION_FLAG, NULL, "print the result as JSON, for scripts"},
    {0},
};
const struct command command_backup = {
    "backup",
    "TO",
    "a backup of the house, while it is open",
    "Writes the state of the house in house.folder as it is at this moment, its keys and "
    "settings,\n"
    "and all bytes of its media that are not there yet, to the folder TO, which may hold many\n"
    "backups and keeps each byte once. Every byte is proven as it is read. Until it has its name "
    "a\n"
    "backup does not exist: one that is killed is begun again, and goes on with the bytes.\n"
    "posthouse restore brings it back.\n"
    "Exit status: 0 all is backed up, 1 some media is damaged and was left out, 3 nothing was "
    "made.",
    options,
    1,
    1,
    run,
};
