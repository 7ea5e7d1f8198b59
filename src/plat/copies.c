#include "plat/copies.h"
#include "plat/content.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 8, SLOT_BYTES = 1 << 20, BACK_BYTES = 4 << 20, ALIGNED = 4096 };

// What came of the reading, for the writers.
enum outcome { OPEN_YET, ALL_READ, GIVEN_UP };

struct ring {
    pthread_mutex_t lock; // guards all below and `taken` and `active` of the writers
    pthread_cond_t moved;
    uint8_t *bytes; // SLOTS x SLOT_BYTES
    size_t sizes[SLOTS];
    uint64_t filled;
    enum outcome outcome;
    const struct copies_wish *wish;
    const struct stat *source;
    const char *digest; // that a copy must have
};
struct writer {
    struct ring *ring;
    struct copy *copy;
    pthread_t thread;
    char half[PATH_MAX];
    uint64_t taken;
    int fd;
    bool active, started;
};

static void fail(struct copy *c, const char *step, int errno_value)
{
    c->state = COPY_FAILED;
    c->step = step;
    c->errno_value = errno_value;
}

// ---- half copies: ".posthouse-XXXXXXXXXXXXXXXX.half", the digits from the name that it will have

bool copies_half(const char *name)
{
    static const char before[] = ".posthouse-", after[] = ".half";
    size_t size = strlen(name);
    return size == sizeof(before) - 1 + 16 + sizeof(after) - 1 &&
           strncmp(name, before, sizeof(before) - 1) == 0 &&
           strspn(name + sizeof(before) - 1, "0123456789abcdef") == 16 &&
           strcmp(name + size - (sizeof(after) - 1), after) == 0;
}

static bool half_path(const char *path, char *to, size_t room)
{
    char folder[PATH_MAX], name[64];
    const char *slash = strrchr(path, '/'), *own = slash ? slash + 1 : path;
    path_folder(path, folder, sizeof(folder));
    snprintf(name, sizeof(name), ".posthouse-%016llx.half",
             (unsigned long long)xxh3_of(own, strlen(own)));
    return strlen(path) < PATH_MAX && path_join(to, room, folder, name);
}

// ---- reading back

// 0 or an errno value.
static int read_to_end(int fd, uint8_t *room, struct hasher *h)
{
    for (;;) {
        ssize_t n = read(fd, room, BACK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : 0;
        hasher_add(h, room, (size_t)n);
    }
}

// From the medium where the file system lets us. 0 or an errno value; `digest` is hex.
static int read_back(const char *path, const char *kind, char digest[COPIES_DIGEST], bool *direct)
{
    void *room = NULL;
    uint8_t raw[64];
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW, failed = 0;
    if (posix_memalign(&room, ALIGNED, BACK_BYTES))
        return ENOMEM;
    for (int way = 0; way < 2;
         way++) { // direct; and when that is not to be had, with dropped pages
        int fd = open(path, flags | (way ? 0 : O_DIRECT));
        *direct = way == 0;
        failed = fd < 0 ? errno : 0;
        if (!failed && way)
            failed = fdatasync(fd) ? errno : posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        struct hasher *h = hasher_open(kind);
        if (!failed)
            failed = read_to_end(fd, room, h);
        size_t size = hasher_end(h, raw);
        if (fd >= 0)
            close(fd);
        hex_text(raw, size, digest, COPIES_DIGEST);
        if (failed != EINVAL)
            break;
    }
    free(room);
    return failed;
}

static void compare_there(struct copy *c, const char *kind, const char *digest)
{
    char found[COPIES_DIGEST];
    int failed = read_back(c->path, kind, found, &c->direct);
    if (failed)
        fail(c, "read back", failed);
    else if (strcmp(found, digest) != 0)
        c->state = COPY_CONFLICT;
}

// ---- a place

static int write_all(int fd, const uint8_t *at, size_t size)
{
    while (size) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

// Never over what has the name. Where the file system knows neither of the two ways that are sure
// (exFAT), a look comes first: what appears between the look and the rename would be lost.
static int give_name(const char *half, const char *path)
{
    struct stat st;
    if (!renameat2(AT_FDCWD, half, AT_FDCWD, path, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return errno;
    if (!link(half, path))
        return unlink(half) ? errno : 0;
    if (errno == EEXIST)
        return errno;
    if (!lstat(path, &st))
        return EEXIST;
    return rename(half, path) ? errno : 0;
}

static void finish(struct writer *w)
{
    struct copy *c = w->copy;
    const struct ring *r = w->ring;
    char found[COPIES_DIGEST], folder[PATH_MAX];
    struct timespec times[2] = {r->source->st_atim, r->source->st_mtim};
    int failed;
    if (futimens(w->fd, times) || fsync(w->fd)) {
        fail(c, "sync", errno);
        return;
    }
    if (r->wish->synced)
        r->wish->synced(r->wish->context, w->half);
    if ((failed = read_back(w->half, r->wish->kinds[0], found, &c->direct))) {
        fail(c, "read back", failed);
        return;
    }
    if (strcmp(found, r->digest) != 0) {
        c->state = COPY_WRONG;
        return;
    }
    if ((failed = give_name(w->half, c->path))) {
        fail(c, "rename", failed);
        return;
    }
    path_folder(c->path, folder, sizeof(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) && errno != EINVAL)) // some file systems sync no folders
        fail(c, "sync", errno);
    else
        c->state = COPY_MADE;
    if (fd >= 0)
        close(fd);
}

static void *write_slots(void *context)
{
    struct writer *w = context;
    struct ring *r = w->ring;
    int64_t at = 0;
    pthread_mutex_lock(&r->lock);
    while (w->active) {
        while (w->taken == r->filled && r->outcome == OPEN_YET)
            pthread_cond_wait(&r->moved, &r->lock);
        if (w->taken == r->filled || r->outcome == GIVEN_UP)
            break;
        size_t slot = w->taken % SLOTS, size = r->sizes[slot];
        pthread_mutex_unlock(&r->lock);
        int failed = write_all(w->fd, r->bytes + slot * SLOT_BYTES, size);
        sync_file_range(w->fd, at, (off_t)size, SYNC_FILE_RANGE_WRITE); // less is left for the sync
        at += (int64_t)size;
        pthread_mutex_lock(&r->lock);
        w->taken++;
        if (failed) {
            fail(w->copy, "write", failed);
            w->active = false;
        }
        pthread_cond_broadcast(&r->moved);
    }
    bool good = w->active && r->outcome == ALL_READ;
    pthread_mutex_unlock(&r->lock);
    if (good)
        finish(w);
    return NULL;
}

static void begin(struct writer *w, struct ring *r, struct copy *c)
{
    struct stat st;
    *w = (struct writer){.ring = r, .copy = c, .fd = -1};
    c->step = NULL;
    c->errno_value = 0;
    c->direct = false;
    c->state = COPY_CONFLICT;
    if (!lstat(c->path, &st)) {
        if (S_ISREG(st.st_mode))
            c->state = COPY_THERE; // until it was read back
        return;
    }
    if (errno != ENOENT) {
        fail(c, "open", errno);
        return;
    }
    if (!half_path(c->path, w->half, sizeof(w->half))) {
        fail(c, "open", ENAMETOOLONG);
        return;
    }
    unlink(w->half); // of a run that was killed
    w->fd = open(w->half, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (w->fd < 0) {
        fail(c, "open", errno);
        return;
    }
    w->active = true;
    int failed = pthread_create(&w->thread, NULL, write_slots, w);
    w->started = !failed;
    if (failed) {
        fail(c, "open", failed);
        w->active = false;
    }
}

// ---- the reader

static bool room_in(const struct ring *r, const struct writer *w, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (w[i].active && r->filled - w[i].taken >= SLOTS)
            return false;
    return true;
}

struct hashing {
    struct hasher *by[COPIES_KINDS];
    struct content content;
};

static void hash_slot(const struct copies_wish *wish, struct hashing *h, const uint8_t *at,
                      size_t size)
{
    for (size_t k = 0; k < wish->kind_count; k++)
        hasher_add(h->by[k], at, size);
    if (wish->content)
        content_add(&h->content, at, size);
}

// 0 or an errno value; ECANCELED: told to end.
static int read_source(int fd, struct ring *r, struct writer *w, struct hashing *h, int64_t *size)
{
    const struct copies_wish *wish = r->wish;
    for (;;) {
        pthread_mutex_lock(&r->lock);
        while (!room_in(r, w, wish->count))
            pthread_cond_wait(&r->moved, &r->lock);
        uint8_t *slot = r->bytes + r->filled % SLOTS * SLOT_BYTES;
        pthread_mutex_unlock(&r->lock);
        ssize_t n = read(fd, slot, SLOT_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : 0;
        *size += n;
        if (*size > r->source->st_size)
            return 0; // it grows: there may be no end
        pthread_mutex_lock(&r->lock);
        r->sizes[r->filled % SLOTS] = (size_t)n;
        r->filled++;
        pthread_cond_broadcast(&r->moved);
        pthread_mutex_unlock(&r->lock);
        hash_slot(wish, h, slot, (size_t)n); // while it is written; only we fill slots again
        if (wish->going && !wish->going(wish->context, n))
            return ECANCELED;
    }
}

static bool same_file(const struct stat *a, const struct stat *b, int64_t size)
{
    return a->st_size == size && b->st_size == size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void end_hashing(const struct copies_wish *wish, struct hashing *h, struct copies_result *to)
{
    uint8_t raw[64];
    for (size_t k = 0; k < wish->kind_count; k++) {
        size_t size = hasher_end(h->by[k], raw);
        hex_text(raw, size, to->digests[k], COPIES_DIGEST);
    }
    if (wish->content)
        to->content = content_end(&h->content);
}

static void settle(struct ring *r, enum outcome outcome)
{
    pthread_mutex_lock(&r->lock);
    r->outcome = outcome;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
}

// Reads and writes all of it; 0 or an errno value.
static int move_bytes(int fd, struct ring *r, struct copies_result *result, bool *changed)
{
    const struct copies_wish *wish = r->wish;
    struct writer w[COPIES_PLACES];
    struct hashing h = {0};
    struct stat after;
    for (size_t k = 0; k < wish->kind_count; k++)
        h.by[k] = hasher_open(wish->kinds[k]);
    if (wish->content)
        content_begin(&h.content);
    for (size_t i = 0; i < wish->count; i++)
        begin(&w[i], r, &wish->copies[i]);
    int failed = read_source(fd, r, w, &h, &result->size);
    end_hashing(wish, &h, result);
    if (!failed && fstat(fd, &after))
        failed = errno;
    *changed = !failed && !same_file(r->source, &after, result->size);
    bool good = !failed && !*changed;
    settle(r, good ? ALL_READ : GIVEN_UP);
    for (size_t i = 0; i < wish->count; i++) {
        if (w[i].started)
            pthread_join(w[i].thread, NULL);
        else if (good && wish->copies[i].state == COPY_THERE)
            compare_there(&wish->copies[i], wish->kinds[0], r->digest);
        if (w[i].fd >= 0) {
            close(w[i].fd);
            unlink(w[i].half); // gone when it has its name
        }
    }
    return failed;
}

static bool say(const char *source, int failed, struct error *err)
{
    if (failed == ECANCELED) {
        error_set(err, ERROR_CANCELLED, "stopped while %s was copied", source);
        return error_fix(err, "run it again: what is there is compared, not copied again");
    }
    error_set(err, ERROR_IO, "cannot read %s", source);
    error_why(err, "%s", strerror(failed));
    return error_fix(err, "look at the card and its reader, then run it again");
}

bool copies_make(const struct copies_wish *wish, struct copies_result *result, struct error *err)
{
    struct stat before;
    struct ring r = {.lock = PTHREAD_MUTEX_INITIALIZER,
                     .moved = PTHREAD_COND_INITIALIZER,
                     .wish = wish,
                     .source = &before,
                     .digest = result->digests[0]};
    memset(result, 0, sizeof(*result));
    bool changed = false;
    int fd = open(wish->source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int failed = fd < 0 || fstat(fd, &before) ? errno : 0;
    if (!failed && !(r.bytes = malloc((size_t)SLOTS * SLOT_BYTES)))
        failed = ENOMEM;
    if (!failed) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        result->modified_ns = before.st_mtim.tv_sec * INT64_C(1000000000) + before.st_mtim.tv_nsec;
        failed = move_bytes(fd, &r, result, &changed);
    }
    free(r.bytes);
    if (fd >= 0)
        close(fd);
    if (failed)
        return say(wish->source, failed, err);
    if (!changed)
        return true;
    error_set(err, ERROR_CONFLICT, "%s changed while it was read", wish->source);
    return error_fix(err, "wait until nothing writes to the card, then run it again");
}
