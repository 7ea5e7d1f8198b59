/*
 * posthouse restore: a house from a backup, in a folder of its own.
 *
 * The database has its name only when everything else is there: what is killed is no house yet, and
 * goes on when it is asked again.
 */
#include "cmd/backup.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/state.h"
#include "plat/files.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct restore {
    struct command_call *call;
    const char *from, *house, *name;
    char backup[PATH_MAX], database[PATH_MAX], store[PATH_MAX];
    json_t *list, *manifest;
    struct store_copy copy;
    struct progress bar;
    json_t *places; // that are not there: {"id", "path", "project"}
    int64_t place_count;
    size_t told;
    bool bytes;
};

static bool pick(struct restore *r, struct error *err)
{
    const char *at = option_text(r->call, "at");
    r->list = backup_list(r->from, err);
    if (!r->list)
        return false;
    size_t count = json_array_size(r->list);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(r->list, i));
        if (!at || strcmp(at, name) == 0)
            r->name = name; // without --at: the newest
    }
    if (r->name)
        return (r->manifest = backup_manifest(r->from, r->name, err)) != NULL;
    error_set(err, ERROR_NOT_FOUND,
              count ? "there is no backup %s in %s" : "there is no backup %sin %s", count ? at : "",
              r->from);
    if (count)
        error_fix(err, "the newest is %s", json_string_value(json_array_get(r->list, count - 1)));
    else
        error_fix(err, "name the folder that `posthouse backup` wrote to");
    return false;
}

static bool free_place(struct restore *r, struct error *err)
{
    char path[PATH_MAX];
    if (!path_join(path, sizeof(path), r->house, "house.db") ||
        !path_join(r->database, sizeof(r->database), r->house, "house.db.restoring") ||
        !path_join(r->store, sizeof(r->store), r->house, "store") ||
        !path_join(r->backup, sizeof(r->backup), r->from, r->name))
        return error_set(err, ERROR_INPUT, "the path of the house is too long");
    if (!file_look(path, NULL, NULL))
        return folder_make(r->house, 0700, err);
    error_set(err, ERROR_CONFLICT, "there is a house in %s already", r->house);
    return error_fix(err, "restore to another folder: --house.folder=DIR; nothing was touched");
}

// Compared with what the manifest says before anything is taken from it.
static bool take_file(struct restore *r, const char *name, const char *to, struct error *err)
{
    char path[PATH_MAX], hex[65];
    const char *should =
        json_string_value(json_object_get(json_object_get(r->manifest, "state"), name));
    if (!path_join(path, sizeof(path), r->backup, name))
        return error_set(err, ERROR_INPUT, "the path of the backup is too long");
    if (!backup_digest(path, hex, err))
        return false;
    if (!should || strcmp(should, hex) != 0) {
        error_set(err, ERROR_DAMAGED, "%s is not what was backed up", path);
        error_why(err, "its SHA-256 is another");
        return error_fix(err, "take another backup: --at NAME");
    }
    return backup_copy_file(path, to, err);
}

static bool take_database(struct restore *r, struct error *err)
{
    char path[PATH_MAX], hex[65];
    const char *should =
        json_string_value(json_object_get(json_object_get(r->manifest, "state"), "house.db"));
    if (!path_join(path, sizeof(path), r->backup, "house.db") || !backup_digest(path, hex, err))
        return false;
    if (!should || strcmp(should, hex) != 0) {
        error_set(err, ERROR_DAMAGED, "%s is not what was backed up", path);
        error_why(err, "its SHA-256 is another");
        return error_fix(err, "take another backup: --at NAME");
    }
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char old[PATH_MAX + 8]; // of one that was killed
        snprintf(old, sizeof(old), "%s%s", r->database, ends[i]);
        if (unlink(old) != 0 && errno != ENOENT)
            return error_errno(err, errno, "cannot remove %s", old);
    }
    return db_copy(path, r->database, err);
}

static bool take_small(struct restore *r, struct error *err)
{
    char to[PATH_MAX], path[PATH_MAX];
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(r->manifest, "state"), name, value)
    {
        if (strcmp(name, "house.db") == 0 || strcmp(name, "bytes.list") == 0 ||
            strcmp(name, "store.house") == 0)
            continue;
        if (strchr(name, '/') || !path_join(to, sizeof(to), r->house, name))
            return error_set(err, ERROR_DAMAGED, "the manifest names a file %s", name);
        if (!take_file(r, name, to, err))
            return false;
    }
    return folder_make(r->store, 0755, err) && path_join(path, sizeof(path), r->store, "house") &&
           take_file(r, "store.house", path, err);
}

static bool show(void *context, int64_t done, int64_t total)
{
    struct restore *r = context;
    progress_show(&r->bar, done, total);
    return true;
}

static void damaged(void *context, const struct store_damage *d)
{
    struct restore *r = context;
    if (r->told++ >= 20)
        return;
    progress_end(&r->bar);
    fprintf(stderr, "damaged: %s at %lld, %lld bytes: %s\n", d->path, (long long)d->offset,
            (long long)d->length, d->what);
}

static bool places_in(struct db_tx *tx, void *context, struct error *err)
{
    struct restore *r = context;
    json_decref(r->places);
    r->places = json_array();
    r->place_count = 0;
    struct db_rows *rows = db_query(tx,
                                    "select p.id, p.path, j.name from places p join projects j on "
                                    "j.id = p.project order by p.path",
                                    "");
    for (; db_next(rows); r->place_count++)
        if (!file_look(db_text(rows, 1), NULL, NULL))
            json_array_append_new(r->places,
                                  json_pack("{s:s, s:s, s:s}", "id", db_text(rows, 0), "path",
                                            db_text(rows, 1), "project", db_text(rows, 2)));
    return db_end(rows, err);
}

static void tell_places(const struct restore *r)
{
    size_t i;
    json_t *one;
    if (!r->place_count)
        return;
    printf("media in place, %s (%s), is read where it lies: below the folders of places.roots in "
           "%s/house.conf\n",
           files_text(r->copy.place_files).text, size_text(r->copy.place_bytes).text, r->house);
    json_array_foreach(r->places, i, one)
        printf("  not on this machine: %s (%s)\n    mount it there; or, when the house is started, "
               "say where it is: posthouse place move %s DIR\n",
               json_word(one, "path"), json_word(one, "project"), json_word(one, "id"));
}

static bool take_bytes(struct restore *r, struct error *err)
{
    char from[PATH_MAX];
    const char *store = option_text(r->call, "store");
    r->bytes = store || json_is_true(json_object_get(r->manifest, "bytes_copied"));
    if (!path_join(from, sizeof(from), r->from, "store"))
        return error_set(err, ERROR_INPUT, "the path of the backup is too long");
    // Refused when a newer program wrote it, brought to this program's form when an older did.
    struct db *db = state_open(r->call->config, r->database, 1, err);
    if (!db)
        return false;
    r->bar = progress_begin("restoring", "bytes", false);
    r->copy = (struct store_copy){.db = db,
                                  .from = store      ? store
                                          : r->bytes ? from
                                                     : NULL,
                                  .to = r->store,
                                  .progress = show,
                                  .damaged = damaged,
                                  .context = r};
    bool ok = store_copy(&r->copy, err) && db_read(db, places_in, r, err);
    progress_end(&r->bar);
    db_close(db);
    return ok;
}

static bool finish(struct restore *r, struct error *err)
{
    char path[PATH_MAX];
    if (!path_join(path, sizeof(path), r->house, "house.db") || rename(r->database, path) != 0)
        return error_errno(err, errno, "cannot name the database in %s", r->house);
    int fd = open(r->house, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        error_errno(err, errno, "cannot make %s durable", r->house);
    if (fd >= 0)
        close(fd);
    return ok;
}

static int list_them(const char *from)
{
    struct error err;
    json_t *list = backup_list(from, &err);
    if (!list)
        return command_failed(&err);
    size_t i;
    json_t *name;
    json_array_foreach(list, i, name)
    {
        json_t *m = backup_manifest(from, json_string_value(name), &err);
        if (m)
            printf("%-22s %s, %s, form %lld%s\n", json_string_value(name),
                   count_text(json_integer_value(json_object_get(m, "files"))).text,
                   size_text(json_integer_value(json_object_get(m, "bytes"))).text,
                   (long long)json_integer_value(json_object_get(m, "form")),
                   json_is_true(json_object_get(m, "bytes_copied")) ? "" : ", state only");
        else
            command_failed(&err);
        json_decref(m);
    }
    json_decref(list);
    return 0;
}

static int run(struct command_call *call)
{
    struct restore r = {
        .call = call, .from = call->words[0], .house = config_text(call->config, "house.folder")};
    struct error err;
    error_clear(&err);
    if (option_flag(call, "list"))
        return list_them(r.from);
    bool ok = pick(&r, &err) && free_place(&r, &err) && take_database(&r, &err) &&
              take_small(&r, &err) && take_bytes(&r, &err) && finish(&r, &err);
    int status = ok ? 0 : command_failed(&err);
    if (ok) {
        printf("restored from %s/%s to %s\n", r.from, r.name, r.house);
        if (!r.bytes)
            printf("its media, %s, was not in the backup: bring the store there before you start "
                   "it (%s/bytes.list)\n",
                   size_text(r.copy.bytes).text, r.backup);
        tell_places(&r);
        printf("start it: posthouse serve --house.folder=%s\n", r.house);
    }
    if (ok && r.copy.damage) {
        error_set(&err, ERROR_DAMAGED, "%s pieces of media could not be restored",
                  count_text(r.copy.damage).text);
        error_why(&err, "they are damaged or missing in the backup; all else is there");
        error_fix(&err, "bring those files in again: `posthouse check` names them");
        command_failed(&err);
        status = 1;
    }
    json_decref(r.places);
    json_decref(r.manifest);
    json_decref(r.list);
    return status;
}

static const struct option_row options[] = {
    {"at", OPTION_TEXT, "NAME", "the backup of that name (the newest)"},
    {"list", OPTION_FLAG, NULL, "only list the backups in FROM"},
    {"store", OPTION_TEXT, "DIR", "take the media from this store's folder instead of FROM"},
    {0},
};
const struct command command_restore = {
    "restore",
    "FROM",
    "a house from a backup",
    "Makes the house in house.folder, which must not be there yet, from the newest backup in the\n"
    "folder FROM. State and keys are compared with the backup's digests, every byte of media is\n"
    "proven as it is read. A backup of an older program is brought to this one's form; one of a\n"
    "newer program is refused. What is killed goes on when it is run again. Media in place is not "
    "in\n"
    "a backup: where its folders are not on this machine that is said, with the way out.\n"
    "Exit status: 0 all is restored, 1 some media is damaged, 3 nothing was restored.",
    options,
    1,
    1,
    run,
};
