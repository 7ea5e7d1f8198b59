#include "plat/aside.h"
#include "plat/beneath.h"
#include "plat/clock.h"
#include "store/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CANDIDATES = 16, OPEN_MS = 5000 };
#define LINK_FRESH_MS (24LL * 3600 * 1000)

static size_t letter_size(const char *at) // of a good letter; 0: none
{
    static const int sizes[] = {1, 2, 3, 4};
    for (size_t i = 0; i < 4; i++) {
        if (strnlen(at, (size_t)sizes[i]) < (size_t)sizes[i])
            return 0;
        if (text_utf8((text){at, (size_t)sizes[i]}))
            return (size_t)sizes[i];
    }
    return 0;
}

const char *place_shown(struct arena *a, const char *name)
{
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    while (*name) {
        size_t size = letter_size(name);
        unsigned char c = (unsigned char)*name, next = (unsigned char)name[size > 0];
        bool control = c < ' ' || c == 127 || (size == 2 && c == 0xc2 && next < 0xa0);
        if (size && !control)
            buf_add(&b, name, size);
        else
            buf_text(&b, "\xef\xbf\xbd");
        name += size ? size : 1;
    }
    const char *shown = arena_copy(a, b.at ? b.at : "", b.size);
    buf_free(&b);
    return shown;
}

// ---- rows

sha256 place_content(const char *place, const char *path, int64_t size, int64_t mtime_ns,
                     uint64_t inode)
{
    struct hasher *h = hasher_open("sha256");
    int64_t numbers[] = {size, mtime_ns, (int64_t)inode};
    uint8_t digest[64];
    sha256 content;
    hasher_add(h, "place", 6);
    hasher_add(h, place, strlen(place) + 1);
    hasher_add(h, path, strlen(path) + 1);
    hasher_add(h, numbers, sizeof(numbers));
    hasher_end(h, digest);
    memcpy(content.at, digest, SHA256_SIZE);
    return content;
}

bool place_record(struct db_tx *tx, const sha256 *content, int64_t size, struct error *err)
{
    return db_run(tx, err,
                  "insert into contents (content, size, created_ms, unhashed) values (?1, ?2, ?3, "
                  "1) on conflict (content) do nothing",
                  "bii", content->at, (size_t)SHA256_SIZE, size, clock_now_ms());
}

void place_hash_free(struct place_hash *h)
{
    free(h->chunks);
    free(h->xxh3);
    h->chunks = NULL;
    h->xxh3 = NULL;
}

bool place_record_hashed(struct db_tx *tx, const char *place, const struct place_hash *h,
                         struct error *err)
{
    char path[64];
    snprintf(path, sizeof(path), "places/%s", place);
    bool ok =
        (!h->count ||
         db_run(tx, err,
                "insert into extents (id, volume, kind, path, size, created_ms) values (?1, "
                "'main', 'place', ?2, 0, ?3) on conflict (id) do nothing",
                "ssi", place, path, clock_now_ms())) &&
        db_run(tx, err,
               "insert into contents (content, size, created_ms) values (?1, ?2, ?3) on conflict "
               "(content) do nothing",
               "bii", h->content.at, (size_t)SHA256_SIZE, h->size, clock_now_ms());
    for (size_t i = 0; ok && i < h->count; i++) {
        int64_t at = (int64_t)i * STORE_CHUNK, left = h->size - at;
        ok = db_run(tx, err,
                    "insert into chunks (hash, extent, at, length, xxh3) values (?1, ?2, ?3, ?4, "
                    "?5) on conflict (hash) do nothing",
                    "bsiii", h->chunks[i].at, (size_t)SHA256_SIZE, place, at,
                    left < STORE_CHUNK ? left : STORE_CHUNK, (int64_t)h->xxh3[i]) &&
             db_run(tx, err,
                    "insert into content_chunks (content, number, hash) values (?1, ?2, ?3) on "
                    "conflict (content, number) do nothing",
                    "bib", h->content.at, (size_t)SHA256_SIZE, (int64_t)i, h->chunks[i].at,
                    (size_t)SHA256_SIZE);
    }
    return ok;
}

bool place_kept(struct db_tx *tx, const sha256 *content, bool *kept, struct error *err)
{
    int64_t outside = 0;
    bool ok = db_one_int(tx, &outside, 0, err,
                         "select (select count(*) from contents where content = ?1 and unhashed = "
                         "1) + (select count(*) from content_chunks k join chunks c on c.hash = "
                         "k.hash join extents e on e.id = c.extent where k.content = ?1 and e.kind "
                         "= 'place')",
                         "b", content->at, (size_t)SHA256_SIZE);
    *kept = outside == 0;
    return ok;
}

// ---- opening

struct candidate {
    const char *root, *path, *state, *place_state;
    int64_t size, mtime_ns, since_ms, seen_ms, place_since_ms, place_seen_ms;
};
struct finding {
    const sha256 *content;
    struct arena *a;
    struct candidate list[CANDIDATES];
    size_t count;
};

static const char *bytes_of(struct arena *a, struct db_rows *rows, int column)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    return arena_copy(a, at ? at : "", at ? size : 0);
}

static bool find_files(struct db_tx *tx, void *context, struct error *err)
{
    struct finding *f = context;
    f->count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select p.path, d.path, f.name, f.size, f.mtime_ns, f.state, f.since_ms, f.seen_ms, "
        "p.state, p.since_ms, p.seen_ms from place_files f join place_folders d on d.number = "
        "f.folder join places p on p.number = f.place where f.content = ?1 order by (p.state = "
        "'online') desc, (f.state = 'here') desc limit ?2",
        "bi", f->content->at, (size_t)SHA256_SIZE, (int64_t)CANDIDATES);
    while (db_next(rows) && f->count < CANDIDATES) {
        const char *folder = bytes_of(f->a, rows, 1), *name = bytes_of(f->a, rows, 2);
        f->list[f->count++] =
            (struct candidate){.root = arena_text(f->a, db_text(rows, 0)),
                               .path = *folder ? arena_format(f->a, "%s/%s", folder, name) : name,
                               .size = db_int(rows, 3),
                               .mtime_ns = db_int(rows, 4),
                               .state = arena_text(f->a, db_text(rows, 5)),
                               .since_ms = db_int(rows, 6),
                               .seen_ms = db_int(rows, 7),
                               .place_state = arena_text(f->a, db_text(rows, 8)),
                               .place_since_ms = db_int(rows, 9),
                               .place_seen_ms = db_int(rows, 10)};
    }
    return db_end(rows, err);
}

static bool none_is_left(const struct finding *f, int code, struct error *err)
{
    const struct candidate *c = &f->list[0];
    if (!f->count) {
        error_set(err, ERROR_NOT_FOUND, "these bytes are gone");
        error_why(err, "they lay in a place, and the file there was changed, or the place was "
                       "forgotten; the house has no copy");
        return error_fix(err, "bring the file back to where it was, or put it into the house");
    }
    const char *name = place_shown(f->a, c->path);
    if (strcmp(c->place_state, "online") != 0 || strcmp(c->state, "gone") == 0) {
        bool away = strcmp(c->place_state, "online") != 0;
        int64_t since = away ? c->place_since_ms : c->since_ms;
        int64_t seen = away ? c->place_seen_ms : c->seen_ms;
        error_set(err, ERROR_NOT_FOUND, "%.200s is not there", name);
        error_why(err, "%.400s is offline since %s, last seen at %s", away ? c->root : "the file",
                  clock_text(since).text, clock_text(seen).text);
        return error_fix(err, "mount its volume again, or bring the file back: nothing else is "
                              "needed");
    }
    if (code == 0) {
        error_set(err, ERROR_CONFLICT, "%.200s has changed", name);
        error_why(err,
                  "its size or time is not that of the file that the house looked at in %.300s",
                  c->root);
        return error_fix(err, "wait until the house has looked at it again: it becomes a new "
                              "version");
    }
    if (code == -ENOENT) {
        bool root = file_look(c->root, NULL, NULL);
        error_set(err, ERROR_NOT_FOUND, "%.200s is not there", name);
        error_why(err,
                  root ? "it is gone from %.400s since the house looked there last"
                       : "%.400s, where it lies, is not there",
                  c->root);
        return error_fix(err, "mount its volume again, or bring the file back: nothing else is "
                              "needed");
    }
    if (beneath_away(code)) {
        error_set(err, ERROR_NOT_FOUND, "%.200s is not there", name);
        error_why(err, "its volume, at %.400s, %s%s", c->root,
                  code == -ETIMEDOUT ? "does not answer" : "does not give it: ",
                  code == -ETIMEDOUT ? "" : strerror(-code));
        return error_fix(err, "look after that volume and its server; when it answers again "
                              "nothing else is needed");
    }
    error_errno(err, -code, "%.200s can not be read", name);
    return error_fix(err, "let the user that the house runs as read it: %.200s", c->root);
}

// ---- a volume that hangs must not hold who asks

struct opening {
    struct aside aside; // first
    char root[PATH_MAX], path[PATH_MAX];
    struct beneath_file seen;
    int fd; // or a negative errno value
};

static void open_it(struct aside *a)
{
    struct opening *o = (struct opening *)a;
    o->fd = beneath_open(o->root, o->path, &o->seen);
}

static void opening_forget(struct aside *a)
{
    struct opening *o = (struct opening *)a;
    if (o->fd >= 0)
        close(o->fd);
    free(o);
}

static int open_within(struct store *s, const struct candidate *c, struct beneath_file *seen)
{
    struct opening *o = calloc(1, sizeof(*o));
    if (!o)
        abort();
    o->aside = (struct aside){.work = open_it, .forget = opening_forget};
    o->fd = -1;
    if (!text_copy(text_of(c->root), o->root, PATH_MAX) ||
        !text_copy(text_of(c->path), o->path, PATH_MAX)) {
        free(o);
        return -ENAMETOOLONG;
    }
    if (!aside_do(s->asides, &o->aside, c->root, OPEN_MS))
        return -ETIMEDOUT;
    int fd = o->fd;
    *seen = o->seen;
    o->fd = -1;
    opening_forget(&o->aside);
    return fd;
}

// A name in the store for a file that lies elsewhere: some names are no UTF-8, and could not be
// told to a worker. It is made when somebody opens the file.
static void link_to(struct store *s, const struct finding *f, const struct candidate *c,
                    char to[PATH_MAX])
{
    char target[PATH_MAX], folder[PATH_MAX], there[PATH_MAX], fresh[PATH_MAX];
    sha256_hex hex = sha256_text(f->content);
    struct stat seen;
    snprintf(folder, sizeof(folder), "%.4000s/places", s->folder);
    snprintf(to, PATH_MAX, "%.4000s/places/%s", s->folder, hex.text);
    if (s->look_only || !path_join(target, sizeof(target), c->root, c->path))
        return;
    ssize_t size = readlink(to, there, sizeof(there) - 1);
    if (size >= 0 && (size_t)size == strlen(target) && memcmp(there, target, (size_t)size) == 0 &&
        lstat(to, &seen) == 0 && clock_now_ms() - seen.st_mtim.tv_sec * 1000LL < LINK_FRESH_MS)
        return;
    (void)mkdir(folder, 0750);
    snprintf(fresh, sizeof(fresh), "%.4000s/places/.%s", s->folder, id_new().text);
    if (symlink(target, fresh) == 0 && rename(fresh, to) != 0)
        unlink(fresh);
}

bool place_open(struct store *s, const sha256 *content, int *fd, char path[PATH_MAX],
                struct error *err)
{
    struct finding f = {.content = content, .a = arena_open((size_t)1 << 20)};
    bool ok = db_read(s->db, find_files, &f, err);
    int code = 0;
    *fd = -1;
    for (size_t i = 0; ok && *fd < 0 && i < f.count; i++) {
        const struct candidate *c = &f.list[i];
        struct beneath_file seen;
        int opened = open_within(s, c, &seen);
        if (opened >= 0 && seen.size == c->size && seen.mtime_ns == c->mtime_ns) {
            *fd = opened;
            link_to(s, &f, c, path);
        } else if (opened >= 0) {
            close(opened);
        } else if (!i) {
            code = opened;
        }
    }
    if (ok && *fd < 0)
        ok = none_is_left(&f, code, err);
    arena_close(f.a);
    return ok;
}

void place_links_tidy(struct store *s)
{
    char pattern[PATH_MAX];
    snprintf(pattern, sizeof(pattern), "%.4000s/places", s->folder);
    struct beneath_folder folder;
    if (beneath_look(pattern, "", false, &folder) < 0)
        return;
    for (size_t i = 0; i < folder.count; i++) {
        char path[PATH_MAX];
        struct stat seen;
        snprintf(path, sizeof(path), "%.4000s/places/%.100s", s->folder, folder.entries[i].name);
        if (lstat(path, &seen) == 0 && S_ISLNK(seen.st_mode) &&
            clock_now_ms() - seen.st_mtim.tv_sec * 1000LL > 8 * LINK_FRESH_MS)
            unlink(path);
    }
    beneath_free(&folder);
}
