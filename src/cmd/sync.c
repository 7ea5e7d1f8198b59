/*
 * posthouse sync: a folder of this machine and a folder of a house, kept the same.
 *
 * What it needs to know of a folder lies in the user's folder of state (sync/state.h), named by the
 * id in the folder's marker. Several folders are several processes, so that one that fails stops no
 * other.
 */
#include "cmd/client.h"
#include "cmd/local.h"
#include "cmd/settings.h"
#include "cmd/sync_run.h"
#include "plat/files.h"
#include "plat/ids.h"
#include "sync/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// What is remembered of a folder.
struct synced {
    char id[27], state[PATH_MAX], dir[PATH_MAX], url[512], root[PATH_MAX], token_file[PATH_MAX],
        fingerprint[128];
};

// ---- the folder of state

static bool state_top(char to[PATH_MAX], struct error *err)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int size = base && base[0] == '/' ? snprintf(to, PATH_MAX, "%s/posthouse/sync", base)
               : home && home[0] ? snprintf(to, PATH_MAX, "%s/.local/state/posthouse/sync", home)
                                 : -1;
    if (size > 0 && size < PATH_MAX - 64)
        return folder_make(to, 0700, err);
    error_set(err, ERROR_NOT_FOUND, "there is no place to remember what was synced");
    return error_fix(err, "set HOME or XDG_STATE_HOME");
}

static bool state_of(struct synced *s, const char *id, struct error *err)
{
    char top[PATH_MAX];
    *s = (struct synced){0};
    return state_top(top, err) && text_copy(text_of(id), s->id, sizeof(s->id)) &&
           path_join(s->state, sizeof(s->state), top, id);
}

static bool read_state(struct synced *s, struct error *err)
{
    char path[PATH_MAX];
    struct buf content = BUF_LIMIT(64 << 10);
    struct {
        const char *name;
        char *to;
        size_t room;
    } values[] = {{"dir", s->dir, sizeof(s->dir)},
                  {"house", s->url, sizeof(s->url)},
                  {"root", s->root, sizeof(s->root)},
                  {"token-file", s->token_file, sizeof(s->token_file)},
                  {"fingerprint", s->fingerprint, sizeof(s->fingerprint)}};
    bool ok = path_join(path, sizeof(path), s->state, "folder") && file_read(path, &content, err);
    for (text rest = {content.at ? content.at : "", content.size}; ok && rest.size;) {
        text line = text_cut(&rest, '\n'), name = text_cut(&line, '=');
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            if (text_is(name, values[i].name))
                text_copy(line, values[i].to, values[i].room);
    }
    buf_free(&content);
    return ok;
}

static bool write_state(const struct synced *s, struct error *err)
{
    char path[PATH_MAX];
    struct buf content = BUF_LIMIT(64 << 10);
    buf_format(&content, "dir=%s\nhouse=%s\nroot=%s\ntoken-file=%s\nfingerprint=%s\n", s->dir,
               s->url, s->root, s->token_file, s->fingerprint);
    bool ok = folder_make(s->state, 0700, err) &&
              path_join(path, sizeof(path), s->state, "folder") &&
              file_write(path, content.at, content.size, 0600, err);
    buf_free(&content);
    return ok;
}

// The id in a folder's marker; "" when it has none.
static void read_marker(const char *dir, char id[27])
{
    char line[64];
    struct error none;
    id[0] = 0;
    if (local_line_read(dir, SYNC_MARKER, line, sizeof(line), &none) && id_valid(text_of(line)))
        text_copy(text_of(line), id, 27);
}

static bool write_marker(const struct synced *s, struct error *err)
{
    char path[PATH_MAX];
    struct buf content = BUF_LIMIT(4096);
    buf_format(
        &content,
        "%s\nposthouse sync keeps this folder and a house the same. Without this file it "
        "takes the\nfolder for another one, such as a disk that is not mounted, and stops.\n",
        s->id);
    bool ok = path_join(path, sizeof(path), s->dir, SYNC_MARKER) &&
              file_write(path, content.at, content.size, 0644, err);
    buf_free(&content);
    return ok;
}

// Whether a process keeps it now; a descriptor that holds the lock otherwise (-1: could not).
static int lock(const struct synced *s, bool *taken)
{
    char path[PATH_MAX];
    *taken = false;
    if (!path_join(path, sizeof(path), s->state, "lock"))
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        *taken = errno == EWOULDBLOCK;
        close(fd);
        return -1;
    }
    return fd;
}

// ---- which folder is meant

static bool whole_dir(const char *word, char to[PATH_MAX], struct error *err)
{
    struct stat seen;
    if (realpath(word, to) && stat(to, &seen) == 0 && S_ISDIR(seen.st_mode))
        return true;
    error_set(err, ERROR_NOT_FOUND, "there is no folder %s", word);
    return error_fix(err, "make it first: mkdir -p %s", word);
}

enum { FOLDERS_MOST = 256 };
struct all_known {
    struct synced list[FOLDERS_MOST];
    size_t count;
};

static void state_found(void *context, const char *path, int64_t size)
{
    struct all_known *all = context;
    char folder[PATH_MAX];
    struct error none;
    (void)size;
    path_folder(path, folder, sizeof(folder));
    const char *slash = strrchr(folder, '/');
    struct synced *s = &all->list[all->count];
    if (slash && all->count < FOLDERS_MOST && state_of(s, slash + 1, &none) && read_state(s, &none))
        all->count++;
}

static bool find_all(struct arena *a, struct all_known **all, struct error *err)
{
    char top[PATH_MAX], pattern[PATH_MAX];
    *all = ARENA_NEW(a, struct all_known);
    if (!state_top(top, err) || !path_join(pattern, sizeof(pattern), top, "*/folder"))
        return false;
    files_like(pattern, state_found, *all);
    return true;
}

// By its path (also one that is not there any more) or its id.
static struct synced *find_known(struct arena *a, const char *word, struct error *err)
{
    struct all_known *all;
    char whole[PATH_MAX];
    if (!find_all(a, &all, err))
        return NULL;
    const char *dir = realpath(word, whole) ? whole : word;
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->list[i].dir, dir) == 0 || strcmp(all->list[i].id, word) == 0)
            return &all->list[i];
    error_set(err, ERROR_NOT_FOUND, "%s is not synced yet", word);
    error_fix(err, "say with what: posthouse sync %s --with PROJECT/FOLDER", word);
    return NULL;
}

// ---- keeping

static bool inside(const char *path, const char *above)
{
    size_t size = strlen(above);
    return strncmp(path, above, size) == 0 && (path[size] == '/' || !path[size]);
}

// A folder that lies in one that is synced, or holds one, would be kept twice.
static bool overlaps(struct arena *a, const char *dir, struct error *err)
{
    struct all_known *all;
    if (!find_all(a, &all, err))
        return true;
    for (size_t i = 0; i < all->count; i++) {
        const struct synced *s = &all->list[i];
        if (!inside(dir, s->dir) && !inside(s->dir, dir))
            continue;
        error_set(err, ERROR_CONFLICT, "%s and %s lie in one another", dir, s->dir);
        error_why(err, "%s is synced with %s", s->dir, s->root);
        error_fix(err, "choose another folder, or `posthouse sync forget %s`", s->dir);
        return true;
    }
    return false;
}

static bool remember_house(struct command_call *call, struct synced *s, struct error *err)
{
    struct house h;
    const char *file = option_text(call, "token-file");
    if (!house_open(call, 1, &h, err))
        return false;
    bool ok = text_copy(text_of(h.url), s->url, sizeof(s->url));
    text_copy(text_of(h.fingerprint), s->fingerprint, sizeof(s->fingerprint));
    if (file && !realpath(file, s->token_file))
        ok = error_errno(err, errno, "cannot read %s", file);
    house_close(&h);
    return ok;
}

// The folder in the house; made when it is missing and its project is there.
static bool make_root(struct command_call *call, const struct synced *s, struct error *err)
{
    struct house h;
    char id[27];
    text rest = text_of(s->root + 1), first = text_cut(&rest, '/');
    if (!house_open(call, 1, &h, err))
        return false;
    json_t *project = house_project(h.client, arena_copy(call->arena, first.at, first.size), err);
    bool ok = project && house_folder(h.client, json_word(project, "id"),
                                      arena_copy(call->arena, rest.size ? rest.at : "", rest.size),
                                      true, id, err);
    json_decref(project);
    house_close(&h);
    return ok;
}

static bool begin(struct command_call *call, const char *dir, const char *with, struct synced *s,
                  struct error *err)
{
    id fresh = id_new();
    while (*with == '/')
        with++;
    if (!*with) {
        error_set(err, ERROR_USAGE, "--with names no project");
        return error_fix(err, "say --with PROJECT or --with PROJECT/FOLDER");
    }
    if (overlaps(call->arena, dir, err) || !state_of(s, fresh.text, err) ||
        !text_copy(text_of(dir), s->dir, sizeof(s->dir)))
        return false;
    size_t size = strlen(with);
    while (size && with[size - 1] == '/')
        size--;
    snprintf(s->root, sizeof(s->root), "/%.*s", (int)size, with);
    return remember_house(call, s, err) && make_root(call, s, err) && write_state(s, err) &&
           write_marker(s, err);
}

static void give(struct command_call *call, const char *option, const char *value)
{
    for (size_t i = 0; call->options[i].name; i++)
        if (strcmp(call->options[i].name, option) == 0 && !call->values[i] && *value)
            call->values[i] = arena_text(call->arena, value);
}

// The folder of a word, begun when --with says with what.
static bool take_up(struct command_call *call, const char *word, struct synced *s,
                    struct error *err)
{
    char dir[PATH_MAX], id[27];
    const char *with = option_text(call, "with");
    struct error none;
    if (!whole_dir(word, dir, err))
        return false;
    read_marker(dir, id);
    bool there = id[0] && state_of(s, id, &none) && read_state(s, &none);
    if (there && strcmp(s->dir, dir) != 0 && with) {
        error_set(err, ERROR_CONFLICT, "%s has the marker of %s", dir, s->dir);
        error_why(err, "it is a copy of that folder, or that one was moved here");
        return error_fix(err, "a copy: remove %s/%s; moved: leave --with out", dir, SYNC_MARKER);
    }
    if (!there) {
        const struct synced *old = find_known(call->arena, dir, err);
        if (old && !with) { // what was there is not the folder: the run says so
            *s = *old;
            there = true;
        } else if (old) {
            error_set(err, ERROR_CONFLICT, "%s is synced already, and its marker is missing", dir);
            return error_fix(err, "mount the disk; or begin anew: posthouse sync forget %s", dir);
        } else if (!with) {
            return false;
        } else {
            return begin(call, dir, with, s, err);
        }
    }
    size_t size = with ? strlen(with) : 0;
    if (with && (strncmp(s->root + 1, with, size) != 0 || s->root[1 + size])) {
        error_set(err, ERROR_CONFLICT, "%s is synced with %s", dir, s->root + 1);
        return error_fix(err, "to begin anew: posthouse sync forget %s", dir);
    }
    if (strcmp(s->dir, dir) != 0) { // it was moved, its marker came along
        text_copy(text_of(dir), s->dir, sizeof(s->dir));
        if (!write_state(s, err))
            return false;
    }
    give(call, "house", s->url);
    give(call, "token-file", s->token_file);
    give(call, "fingerprint", s->fingerprint);
    return true;
}

static int keep(struct command_call *call, const char *word)
{
    struct synced s;
    struct error err;
    struct sync_wish wish = {.call = call,
                             .once = option_flag(call, "once"),
                             .allow_deletes = option_flag(call, "allow-deletes"),
                             .json = option_flag(call, "json")};
    char data[PATH_MAX], migrations[PATH_MAX + 8];
    int64_t quiet;
    bool taken;
    if (!option_int(call, "quiet", 2, &quiet) ||
        !option_int(call, "scan-every", 600, &wish.scan_s) ||
        !option_int(call, "trash-days", 30, &wish.trash_days))
        return 2;
    if (!way_options(call, &wish.way, &err) || !take_up(call, word, &s, &err))
        return command_failed(&err);
    if (!settings_data_folder(call->config, data, sizeof(data))) {
        error_set(&err, ERROR_NOT_FOUND, "cannot find Posthouse's data folder");
        error_fix(&err, "set data.folder to where profiles and migrations lie");
        return command_failed(&err);
    }
    snprintf(migrations, sizeof(migrations), "%s/sync", data);
    int held = lock(&s, &taken);
    if (held < 0) {
        error_set(&err, ERROR_CONFLICT, "%s is being synced already", s.dir);
        if (!taken)
            error_errno(&err, errno, "cannot lock %s", s.state);
        error_fix(&err, "see `posthouse sync status`");
        return command_failed(&err);
    }
    wish.dir = s.dir;
    wish.id = s.id;
    wish.state = s.state;
    wish.migrations = migrations;
    wish.root = s.root;
    wish.quiet_ms = quiet * 1000;
    int status = sync_run(&wish);
    close(held);
    return status;
}

// Each folder is a process of its own; the worst status is the answer.
static int keep_all(struct command_call *call, const char *const *dirs, size_t count)
{
    pid_t children[FOLDERS_MOST];
    size_t begun = 0;
    int worst = 0;
    if (count == 1)
        return keep(call, dirs[0]);
    for (; begun < count && begun < FOLDERS_MOST; begun++) {
        fflush(NULL);
        children[begun] = fork();
        if (children[begun] == 0) {
            int status = keep(call, dirs[begun]);
            fflush(NULL);
            _exit(status);
        }
    }
    for (size_t i = 0; i < begun; i++) {
        int ended = 0, status = 3;
        if (children[i] > 0 && waitpid(children[i], &ended, 0) == children[i] && WIFEXITED(ended))
            status = WEXITSTATUS(ended);
        worst = status > worst ? status : worst;
    }
    return worst;
}

// ---- the other words

static json_t *status_of(const struct synced *s)
{
    char path[PATH_MAX];
    struct buf content = BUF_LIMIT(4 << 20);
    struct error none;
    bool taken;
    json_t *j = NULL;
    if (path_join(path, sizeof(path), s->state, "status") && file_read(path, &content, &none))
        j = json_loadb(content.at, content.size, 0, NULL);
    buf_free(&content);
    if (!json_is_object(j)) {
        json_decref(j);
        j = json_object();
    }
    int fd = lock(s, &taken);
    if (fd >= 0)
        close(fd);
    json_object_set_new(j, "id", json_string(s->id));
    json_object_set_new(j, "dir", json_string(s->dir));
    json_object_set_new(j, "root", json_string(s->root));
    json_object_set_new(j, "house", json_string(s->url));
    json_object_set_new(j, "runs", json_boolean(taken));
    if (!taken)
        json_object_set_new(j, "state", json_string("stopped"));
    return j;
}

static void print_left(const json_t *j)
{
    json_t *one, *name;
    size_t i, k;
    json_array_foreach(json_object_get(j, "left"), i, one)
    {
        const json_t *first = json_object_get(one, "first");
        printf("  left out: %s %s: ", count_text(json_count(one, "count")).text,
               json_word(one, "why"));
        json_array_foreach(first, k, name)
        {
            printf("%s%s", k ? ", " : "", json_string_value(name));
        }
        printf("%s\n", json_count(one, "count") > (int64_t)json_array_size(first) ? ", ..." : "");
    }
}

static void print_status(const json_t *j, bool more)
{
    static const char *const lists[] = {"left_out", "held_paths"};
    printf("%s  %s  %s%s\n", json_word(j, "state"), json_word(j, "dir"), json_word(j, "house"),
           json_word(j, "root"));
    if (!more)
        return;
    printf("  %s paths; since it started %s sent (%s), %s fetched (%s), %s conflicts\n",
           count_text(json_count(j, "paths")).text, files_text(json_count(j, "sent")).text,
           size_text(json_count(j, "sent_bytes")).text, files_text(json_count(j, "fetched")).text,
           size_text(json_count(j, "fetched_bytes")).text,
           count_text(json_count(j, "conflicts")).text);
    if (json_count(j, "waiting"))
        printf("  %s being written or just changed\n", files_text(json_count(j, "waiting")).text);
    if (json_count(j, "deletes"))
        printf("  %s would be deleted: `posthouse sync resume %s --allow-deletes`\n",
               files_text(json_count(j, "deletes")).text, json_word(j, "dir"));
    print_left(j);
    for (size_t i = 0; i < 2; i++) {
        json_t *list = json_object_get(j, lists[i]), *one;
        size_t k;
        json_array_foreach(list, k, one)
        {
            printf("  %s: %s: %s\n", i ? "waits" : "note", json_word(one, "path"),
                   json_word(one, "why"));
        }
    }
}

static int status(struct command_call *call, bool more)
{
    struct all_known *all;
    struct error err;
    json_t *list = json_array();
    if (!find_all(call->arena, &all, &err))
        return command_failed(&err);
    for (size_t i = 0; i < all->count; i++) {
        bool named = call->word_count == 1;
        for (size_t k = 1; k < call->word_count; k++) {
            const struct synced *s = find_known(call->arena, call->words[k], &err);
            if (!s)
                return command_failed(&err);
            named |= strcmp(s->id, all->list[i].id) == 0;
        }
        if (named)
            json_array_append_new(list, status_of(&all->list[i]));
    }
    json_t *one;
    size_t i;
    if (option_flag(call, "json")) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        json_array_foreach(list, i, one)
        {
            print_status(one, more);
        }
    }
    json_decref(list);
    return 0;
}

static bool flag(const struct synced *s, const char *name, bool on, struct error *err)
{
    char path[PATH_MAX];
    if (!path_join(path, sizeof(path), s->state, name))
        return error_set(err, ERROR_INPUT, "the path %s is too long", s->state);
    if (on)
        return file_write(path, "", 0, 0600, err);
    return unlink(path) == 0 || errno == ENOENT ||
           error_errno(err, errno, "cannot remove %s", path);
}

static bool forget(const struct synced *s, struct error *err)
{
    char path[PATH_MAX], id[27];
    bool taken;
    int held = lock(s, &taken);
    if (held < 0) {
        error_set(err, ERROR_CONFLICT, "%s is being synced just now", s->dir);
        return error_fix(err, "end that first");
    }
    read_marker(s->dir, id);
    if (strcmp(id, s->id) == 0 && path_join(path, sizeof(path), s->dir, SYNC_MARKER))
        unlink(path);
    bool ok = folder_remove(s->state, err);
    close(held);
    if (ok)
        printf("%s is not synced any more; its files stay where they are\n", s->dir);
    return ok;
}

static int each_named(struct command_call *call, const char *word)
{
    struct error err;
    for (size_t i = 1; i < call->word_count; i++) {
        const struct synced *s = find_known(call->arena, call->words[i], &err);
        bool ok = s && (strcmp(word, "forget") == 0  ? forget(s, &err)
                        : strcmp(word, "pause") == 0 ? flag(s, "paused", true, &err)
                                                     : flag(s, "paused", false, &err) &&
                                                           (!option_flag(call, "allow-deletes") ||
                                                            flag(s, "allow-deletes", true, &err)));
        if (!ok)
            return command_failed(&err);
    }
    return 0;
}

static int run(struct command_call *call)
{
    const char *word = call->words[0];
    struct error err;
    if (strcmp(word, "status") == 0 || strcmp(word, "list") == 0)
        return status(call, strcmp(word, "status") == 0);
    if (strcmp(word, "pause") == 0 || strcmp(word, "resume") == 0 || strcmp(word, "forget") == 0) {
        if (call->word_count > 1)
            return each_named(call, word);
        error_set(&err, ERROR_USAGE, "sync %s needs the folder", word);
        error_fix(&err, "posthouse sync %s DIR; `posthouse sync list` shows them", word);
        return command_failed(&err);
    }
    return keep_all(call, call->words, call->word_count);
}

static const struct option_row options[] = {
    {"with", OPTION_TEXT, "PROJECT[/FOLDER]",
     "what of the house it is kept the same with; needed the first time"},
    {"once", OPTION_FLAG, NULL, "bring both sides together, then end"},
    {"allow-deletes", OPTION_FLAG, NULL, "delete also when it is much at once"},
    {"quiet", OPTION_INT, "SECONDS", "how long a file must not have changed before it is sent (2)"},
    {"scan-every", OPTION_INT, "SECONDS", "between whole looks at both sides (600)"},
    {"trash-days", OPTION_INT, "DAYS", "how long .posthouse-trash keeps what was deleted (30)"},
    {"json", OPTION_FLAG, NULL, "print as JSON, for scripts"},
    WAY_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};
const struct command command_sync = {
    "sync",
    "DIR... | status [DIR...] | list | pause DIR | resume DIR | forget DIR",
    "keep a folder and a folder of a house the same",
    "Both ways, until it is stopped: what is saved, renamed or deleted here is so in the house, "
    "and\n"
    "the other way round, also what happened while one of them was away. A file that is written\n"
    "over becomes a further version in the house.\n\n"
    "When both sides have changed a file, both stay: the house's under the name, yours beside it\n"
    "as \"name (conflict of USER at HOST DATE TIME)\". A change wins over a deletion. What was\n"
    "deleted there goes to .posthouse-trash here; what was deleted here can be restored on the\n"
    "page. Only what still is as both sides last had it is deleted, and much at once only when\n"
    "you allow it. Files that are being written wait.\n\n"
    "Names that begin with . or ~, lock files and temporary names are left out, and what\n"
    ".posthouse-ignore names (as in .gitignore). Symbolic links are left out too. How\n"
    "many, why, and the first names: `sync status`, --once, --json.\n"
    "docs/sync.md tells more.\n\n"
    "Exit status with --once: 0 both sides are equal, 1 something waits and is said, 3 it could\n"
    "not be done.",
    options,
    1,
    0,
    run,
};
