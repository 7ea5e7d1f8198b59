#include "cmd/export_names.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_MOST = 255, ENDING_MOST = 32, KEY = 16, NUMBER_MOST = 1 << 20 };

typedef struct {
    uint8_t at[KEY];
} key;

// What holds a path. Paths and owners only as digests: a house may have millions of files.
struct slot {
    key path, owner;
    uint64_t content; // the first bytes of what lies there by the list; 0: not in it
    int64_t line;     // its last in the list, from 1
    int number;       // the greatest that was given to who wanted this path
    bool taken, folder, used;
};

struct export_names {
    char to[PATH_MAX], list[PATH_MAX];
    struct slot *slots;
    size_t count, room;
    int fd; // of the list, to be added to
    int64_t lines;
};

// ---- names

// How much of a name is before its ending.
static size_t stem_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t size = strlen(name), stem = dot && dot != name ? (size_t)(dot - name) : size;
    return size - stem > ENDING_MOST ? size : stem; // only a dot somewhere
}

// As much of it as `room` bytes hold, at a whole character.
static size_t whole_up_to(const char *name, size_t size, size_t room)
{
    size_t keep = size <= room ? size : room;
    while (keep < size && keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80)
        keep--;
    return keep;
}

const char *export_numbered(struct arena *a, const char *name, int number)
{
    char behind[24] = "";
    size_t size = strlen(name), stem = stem_of(name);
    if (number > 1)
        snprintf(behind, sizeof(behind), " (%d)", number);
    size_t keep = whole_up_to(name, stem, PART_MOST - strlen(behind) - (size - stem));
    return arena_format(a, "%.*s%s%s", (int)keep, name, behind, name + stem);
}

const char *export_part(struct arena *a, const char *name)
{
    char *made = arena_text(a, name);
    for (char *at = made; *at; at++)
        if (*at == '/' || (unsigned char)*at < ' ' || *at == 127)
            *at = '_';
    if (strcmp(made, ".") == 0 || strcmp(made, "..") == 0 || !*made)
        return "_";
    return export_numbered(a, made, 1);
}

static const char *numbered_path(struct arena *a, const char *path, int number)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return arena_format(a, "%.*s%s", (int)(name - path), path, export_numbered(a, name, number));
}

// Names that the export itself needs.
static bool our_own(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(path, EXPORT_LIST) == 0 || strcmp(path, EXPORT_LIST ".new") == 0 ||
           strcmp(slash ? slash + 1 : path, ".posthouse.part") == 0;
}

// ---- who has which path

static key key_of(const char *at)
{
    key k;
    sha256 hash = sha256_of(at, strlen(at));
    memcpy(k.at, hash.at, KEY);
    return k;
}

static bool same(const key *a, const key *b)
{
    return memcmp(a->at, b->at, KEY) == 0;
}

// The path is part of it: the newest version of an asset under another name is another file.
static key owner_of(struct arena *a, const struct export_file *f)
{
    return key_of(arena_format(a, "%s\n%s\n%s", f->asset, f->version, f->wanted));
}

static struct slot *look(struct slot *slots, size_t room, const key *path)
{
    uint64_t at;
    memcpy(&at, path->at, sizeof(at));
    for (at %= room; slots[at].taken && !same(&slots[at].path, path);)
        at = (at + 1) % room;
    return &slots[at];
}

static void grow(struct export_names *n)
{
    size_t room = n->room ? n->room * 2 : 1024;
    struct slot *wider = calloc(room, sizeof(*wider));
    if (!wider)
        abort();
    for (size_t i = 0; i < n->room; i++)
        if (n->slots[i].taken)
            *look(wider, room, &n->slots[i].path) = n->slots[i];
    free(n->slots);
    n->slots = wider;
    n->room = room;
}

static struct slot *slot(struct export_names *n, const char *path)
{
    if (n->count + n->count / 2 >= n->room)
        grow(n);
    key k = key_of(path);
    return look(n->slots, n->room, &k);
}

static struct slot *claim(struct export_names *n, const char *path, const key *owner, bool folder)
{
    struct slot *s = slot(n, path);
    n->count += !s->taken;
    s->path = key_of(path);
    s->owner = *owner;
    s->folder = folder;
    s->taken = true;
    return s;
}

static bool on_disk(const struct export_names *n, const char *path, struct stat *seen)
{
    char whole[PATH_MAX];
    return path_join(whole, sizeof(whole), n->to, path) && lstat(whole, seen) == 0;
}

static bool looks_like(const struct stat *seen, const struct export_file *f)
{
    return S_ISREG(seen->st_mode) && seen->st_size == f->size &&
           (!f->modified_ms ||
            seen->st_mtim.tv_sec * 1000LL + seen->st_mtim.tv_nsec / 1000000 == f->modified_ms);
}

// Nobody has it, or this file has and has not come so far.
static bool is_free(struct export_names *n, const char *path, const key *owner,
                    const struct export_file *f)
{
    struct stat seen;
    const struct slot *s = slot(n, path);
    if (our_own(path))
        return false;
    if (s->taken)
        return !s->folder && !s->used && same(&s->owner, owner);
    // What is there and in no list is a stranger's, unless it is what would be written.
    return !on_disk(n, path, &seen) || (f->modified_ms && looks_like(&seen, f));
}

static bool has(struct export_names *n, const char *path, const key *owner)
{
    const struct slot *s = slot(n, path);
    return s->taken && !s->folder && !s->used && same(&s->owner, owner);
}

const char *export_names_folder(struct export_names *n, struct arena *a, const char *parent,
                                const char *name, const char *owner)
{
    key own = key_of(owner ? owner : "");
    for (int number = 1;; number++) {
        struct stat seen;
        const char *part =
            number > 1 ? arena_format(a, "%.*s (%d)", (int)whole_up_to(name, strlen(name), 240),
                                      name, number)
                       : name;
        const char *path = *parent ? arena_format(a, "%s/%s", parent, part) : part;
        const struct slot *s = slot(n, path);
        bool fits = s->taken ? s->folder && same(&s->owner, &own)
                             : !on_disk(n, path, &seen) || S_ISDIR(seen.st_mode);
        if (!fits || our_own(path))
            continue;
        claim(n, path, &own, true);
        return path;
    }
}

// Numbers other than 1 are found by their owner, in a slot of their own.
static int number_of(struct export_names *n, const key *owner)
{
    const struct slot *s = look(n->slots, n->room, owner);
    return s->taken && s->number > 0 ? s->number : 1;
}

static void give(struct export_names *n, struct arena *a, const struct export_file *f, int number)
{
    key own = owner_of(a, f);
    claim(n, numbered_path(a, f->wanted, number), &own, false);
    struct slot *wanted = slot(n, f->wanted);
    if (wanted->taken)
        wanted->number = number > wanted->number ? number : wanted->number;
    if (number == 1)
        return;
    slot(n, f->wanted); // room for one more
    struct slot *s = look(n->slots, n->room, &own);
    n->count += !s->taken;
    *s = (struct slot){.path = own, .owner = own, .number = number, .taken = true};
}

// Where it is worth while to look on after `number`: ten thousand of one name are not asked about
// ten thousand times.
static int further(struct export_names *n, const struct export_file *f, int number)
{
    int given = slot(n, f->wanted)->number;
    return number == 1 && given > 2 ? given : number + 1;
}

static bool fits(struct export_names *n, struct arena *a, const struct export_file *list,
                 size_t count, int number)
{
    for (size_t i = 0; i < count; i++) {
        key own = owner_of(a, &list[i]);
        if (!is_free(n, numbered_path(a, list[i].wanted, number), &own, &list[i]))
            return false;
    }
    return true;
}

bool export_names_kept(struct export_names *n, struct arena *a, const struct export_file *f)
{
    key own = owner_of(a, f);
    return has(n, numbered_path(a, f->wanted, number_of(n, &own)), &own);
}

bool export_names_keep(struct export_names *n, struct arena *a, const struct export_file *list,
                       size_t count, int most)
{
    int number = 1;
    for (size_t i = 0; i < count && number == 1; i++) { // what an earlier run has decided
        key own = owner_of(a, &list[i]);
        number = number_of(n, &own);
    }
    if (number > most || !fits(n, a, list, count, number))
        for (number = 1; number <= most && !fits(n, a, list, count, number);)
            number = further(n, &list[0], number);
    if (number > most)
        return false;
    for (size_t i = 0; i < count; i++)
        give(n, a, &list[i], number);
    return true;
}

const char *export_names_take(struct export_names *n, struct arena *a, const struct export_file *f,
                              int *number, bool *there)
{
    struct stat seen;
    uint64_t content = 0;
    key own = owner_of(a, f);
    *number = number_of(n, &own);
    if (*number > 1 && !has(n, numbered_path(a, f->wanted, *number), &own))
        *number = 1;
    while (!is_free(n, numbered_path(a, f->wanted, *number), &own, f))
        *number = further(n, f, *number);
    give(n, a, f, *number);
    const char *path = numbered_path(a, f->wanted, *number);
    struct slot *s = slot(n, path);
    memcpy(&content, f->content->at, sizeof(content));
    s->used = true;
    *there = (s->content ? s->content == content : f->modified_ms != 0) &&
             on_disk(n, path, &seen) && looks_like(&seen, f);
    return path;
}

// ---- the list

static const char *word(const json_t *line, const char *name)
{
    const char *said = json_string_value(json_object_get(line, name));
    return said ? said : "";
}

static void line_read(struct export_names *n, struct arena *a, const char *at)
{
    json_t *line = json_loads(at, 0, NULL);
    const char *path = word(line, "path"), *own = word(line, "own_folder");
    int64_t said = json_integer_value(json_object_get(line, "number"));
    int number = said > 1 && said < NUMBER_MOST ? (int)said : 1;
    struct export_file f = {.wanted = word(line, "wanted"),
                            .asset = word(line, "asset_id"),
                            .version = word(line, "older")};
    sha256 content;
    n->lines++;
    // What a crash has cut says nothing.
    if (*path && strcmp(path, numbered_path(a, f.wanted, number)) == 0 &&
        sha256_parse(text_of(word(line, "content")), &content)) {
        give(n, a, &f, number);
        struct slot *s = slot(n, path);
        memcpy(&s->content, content.at, sizeof(s->content));
        s->line = n->lines;
    }
    if (*path && *own) {
        key owner = key_of(arena_format(a, "%s\n%s", f.asset, f.version));
        claim(n, own, &owner, true);
    }
    json_decref(line);
}

static bool list_read(struct export_names *n, struct error *err)
{
    char *at = NULL;
    size_t room = 0;
    FILE *from = fopen(n->list, "re");
    if (!from)
        return errno == ENOENT || error_errno(err, errno, "cannot read %s", n->list);
    while (getline(&at, &room, from) >= 0) {
        struct arena *a = arena_open(1 << 20);
        line_read(n, a, at);
        arena_close(a);
    }
    bool ok = !ferror(from) || error_errno(err, errno, "cannot read %s", n->list);
    free(at);
    fclose(from);
    return ok;
}

struct export_names *export_names_open(const char *to, struct error *err)
{
    struct export_names *n = calloc(1, sizeof(*n));
    struct stat seen;
    if (!n)
        abort();
    n->fd = -1;
    grow(n);
    bool ok = (text_copy(text_of(to), n->to, sizeof(n->to)) &&
               path_join(n->list, sizeof(n->list), to, EXPORT_LIST)) ||
              error_set(err, ERROR_INPUT, "the path of the folder is too long");
    ok = ok && folder_make(to, 0755, err) && list_read(n, err);
    if (ok &&
        (n->fd = open(n->list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644)) < 0)
        ok = error_errno(err, errno, "cannot write %s", n->list);
    // A line that a crash cut must not swallow the next.
    if (ok && fstat(n->fd, &seen) == 0 && seen.st_size && write(n->fd, "\n", 1) == 1)
        n->lines++;
    if (ok)
        return n;
    struct error ignored;
    (void)!export_names_close(n, false, &ignored);
    return NULL;
}

bool export_names_say(struct export_names *n, const struct export_file *f, const char *path,
                      json_t *line, struct error *err)
{
    struct slot *s = slot(n, path);
    memcpy(&s->content, f->content->at, sizeof(s->content));
    s->line = ++n->lines;
    char *said = json_dumps(line, JSON_COMPACT);
    struct buf whole = BUF_LIMIT(1 << 20);
    buf_format(&whole, "%s\n", said ? said : "");
    bool ok = !whole.over && write(n->fd, whole.at, whole.size) == (ssize_t)whole.size;
    if (!ok)
        error_errno(err, errno, "cannot write %s", n->list);
    buf_free(&whole);
    free(said);
    json_decref(line);
    return ok;
}

static bool still_so(struct export_names *n, const char *at, int64_t number)
{
    struct stat seen;
    json_t *line = json_loads(at, 0, NULL);
    const char *path = word(line, "path");
    bool is = *path && slot(n, path)->line == number && on_disk(n, path, &seen);
    json_decref(line);
    return is;
}

// Written anew with each file's last line.
static bool list_write(struct export_names *n, struct error *err)
{
    char fresh[PATH_MAX + 8], *at = NULL;
    size_t room = 0;
    snprintf(fresh, sizeof(fresh), "%s.new", n->list);
    FILE *from = fopen(n->list, "re"), *to = fopen(fresh, "we");
    bool ok = from && to;
    for (int64_t number = 1; ok && getline(&at, &room, from) >= 0; number++)
        ok = !still_so(n, at, number) || fputs(at, to) >= 0;
    ok = ok && fflush(to) == 0 && fsync(fileno(to)) == 0 && rename(fresh, n->list) == 0;
    if (!ok)
        error_errno(err, errno, "cannot write %s", n->list);
    free(at);
    if (from)
        fclose(from);
    if (to)
        fclose(to);
    return ok;
}

bool export_names_close(struct export_names *n, bool well, struct error *err)
{
    bool ok = !n || !well || list_write(n, err);
    if (n && n->fd >= 0)
        close(n->fd);
    if (n)
        free(n->slots);
    free(n);
    return ok;
}
