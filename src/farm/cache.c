/*
 * <folder>/N/files/ab/<hash>   whole files; their time of change is when they were used last
 * <folder>/N/parts/<hash>      large ones that are not whole yet: the next try goes on behind them
 * <folder>/N/lists/<hash>      hashes of the chunks of a whole one that has several
 * <folder>/N/lock              held by the process that uses it
 *
 * An entry is absent (only somebody waits for it), a part, being fetched by one thread, or here.
 * `held` are the bytes that count for it: its whole size already while it is fetched, so that two
 * that fetch at once do not grow over the limit together.
 */
#include "farm/cache.h"
#include "base/log.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OWN_MOST = 64, WAIT_MS = 200 };
enum { RETRY_FIRST_MS = 200, RETRY_MOST_MS = 5000, PATIENCE_MS = 600000 };
#define DISK_RESERVE ((int64_t)64 << 20) // left free
#define CHUNK ((int64_t)8 << 20)         // of a content

enum state { ABSENT, PART, FETCHED, HERE };
struct entry {
    struct entry *next; // in its bucket
    sha256 content;
    enum state state;
    int64_t size; // when here or being fetched
    int64_t held, used_ms;
    int pins;
    sha256 *chunks; // of one that is here and has several; NULL: not known
    size_t chunk_count;
    bool proven; // its bytes were looked at in this life, and nobody else writes here
};

struct cache {
    char folder[PATH_MAX - 128];
    int64_t most_bytes;
    int lock_file;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t changed;
    struct entry **buckets;
    size_t bucket_count, entry_count;
    int64_t held;
    struct cache_numbers numbers;
};

// ---- entries; all with the lock

static struct entry **bucket_of(struct cache *c, const sha256 *content)
{
    uint64_t key;
    memcpy(&key, content->at, sizeof(key));
    return &c->buckets[key & (c->bucket_count - 1)];
}

static void buckets_grow(struct cache *c)
{
    struct entry **old = c->buckets;
    size_t count = c->bucket_count;
    c->bucket_count = count ? count * 2 : 1024;
    c->buckets = calloc(c->bucket_count, sizeof(struct entry *));
    if (!c->buckets)
        abort();
    for (size_t i = 0; i < count; i++)
        for (struct entry *e = old[i], *next; e; e = next) {
            next = e->next;
            struct entry **b = bucket_of(c, &e->content);
            e->next = *b;
            *b = e;
        }
    free(old);
}

static struct entry *entry_find(struct cache *c, const sha256 *content)
{
    struct entry *e = *bucket_of(c, content);
    while (e && !sha256_equal(&e->content, content))
        e = e->next;
    return e;
}

static struct entry *entry_make(struct cache *c, const sha256 *content)
{
    struct entry *e = entry_find(c, content);
    if (e)
        return e;
    if (c->entry_count >= c->bucket_count)
        buckets_grow(c);
    e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->content = *content;
    struct entry **b = bucket_of(c, content);
    e->next = *b;
    *b = e;
    c->entry_count++;
    return e;
}

static void entry_is(struct cache *c, struct entry *e, enum state state, int64_t held)
{
    c->held += held - e->held;
    e->held = held;
    e->state = state;
}

static void entry_forget(struct cache *c, struct entry *e)
{
    for (struct entry **at = bucket_of(c, &e->content); *at; at = &(*at)->next)
        if (*at == e) {
            *at = e->next;
            break;
        }
    c->held -= e->held;
    c->entry_count--;
    free(e->chunks);
    free(e);
}

static void path_whole(const struct cache *c, const sha256 *content, char to[PATH_MAX])
{
    sha256_hex hex = sha256_text(content);
    snprintf(to, PATH_MAX, "%s/files/%.2s/%s", c->folder, hex.text, hex.text);
}

static void path_part(const struct cache *c, const sha256 *content, char to[PATH_MAX])
{
    snprintf(to, PATH_MAX, "%s/parts/%s", c->folder, sha256_text(content).text);
}

static void path_list(const struct cache *c, const sha256 *content, char to[PATH_MAX])
{
    snprintf(to, PATH_MAX, "%s/lists/%s", c->folder, sha256_text(content).text);
}

static void entry_unlink(struct cache *c, struct entry *e)
{
    char path[PATH_MAX];
    free(e->chunks);
    e->chunks = NULL;
    e->chunk_count = 0;
    path_list(c, &e->content, path);
    unlink(path);
    path_whole(c, &e->content, path);
    unlink(path);
    path_part(c, &e->content, path);
    unlink(path);
}

// ---- room

static int used_order(const void *one, const void *two)
{
    const struct entry *a = *(struct entry *const *)one, *b = *(struct entry *const *)two;
    return (a->used_ms > b->used_ms) - (a->used_ms < b->used_ms);
}

// Drops what nobody uses, oldest first, until so much more fits.
static void make_room(struct cache *c, int64_t more_bytes)
{
    if (c->held + more_bytes <= c->most_bytes)
        return;
    size_t count = 0;
    struct entry **all = malloc((c->entry_count + 1) * sizeof(struct entry *));
    if (!all)
        abort();
    for (size_t i = 0; i < c->bucket_count; i++)
        for (struct entry *e = c->buckets[i]; e; e = e->next)
            if (!e->pins && e->state != FETCHED)
                all[count++] = e;
    qsort(all, count, sizeof(struct entry *), used_order);
    for (size_t i = 0; i < count && c->held + more_bytes > c->most_bytes; i++) {
        entry_unlink(c, all[i]);
        entry_forget(c, all[i]);
    }
    free(all);
}

static bool has_room(struct cache *c, int64_t more_bytes, struct error *err)
{
    int64_t free_bytes, total;
    make_room(c, more_bytes);
    if (c->held + more_bytes > c->most_bytes) {
        error_set(err, ERROR_NO_SPACE, "the job's files do not fit into this worker's cache");
        error_why(err, "%s more are needed, %s of %s are in use", size_text(more_bytes).text,
                  size_text(c->held).text, size_text(c->most_bytes).text);
        return error_fix(err, "let it be larger (worker.cache), or give the job to a pool of "
                              "workers with larger ones");
    }
    if (!disk_space(c->folder, &free_bytes, &total, err))
        return false;
    if (more_bytes && free_bytes < more_bytes + DISK_RESERVE) {
        error_set(err, ERROR_NO_SPACE, "the disk of this worker's cache is full");
        error_why(err, "%s more are needed, %s are free", size_text(more_bytes).text,
                  size_text(free_bytes).text);
        return error_fix(err, "free space, or put worker.cache.folder onto another disk");
    }
    return true;
}

// ---- fetching; without the lock, each by the thread that claimed it

struct claim { // what one thread fetches
    struct cache_file *at;
    size_t count;
};

static void entry_came(struct cache *c, const struct cache_file *f)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = entry_find(c, &f->content);
    entry_is(c, e, HERE, f->size);
    e->used_ms = clock_now_ms();
    e->proven = true;
    c->numbers.fetched_files++;
    c->numbers.fetched_bytes += f->size;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

// Where its chunks are is known from now on, and after a restart. That it can not be written costs
// only time later.
static void keep_list(struct cache *c, const struct cache_file *f, struct content_list *list)
{
    char path[PATH_MAX];
    if (list->count > 1) {
        path_list(c, &f->content, path);
        FILE *file = fopen(path, "we");
        bool ok = file && fwrite(list->at, sizeof(*list->at), list->count, file) == list->count;
        if ((file && fclose(file) != 0) || !ok)
            unlink(path);
        pthread_mutex_lock(&c->lock);
        struct entry *e = entry_find(c, &f->content);
        free(e->chunks);
        e->chunks = list->at;
        e->chunk_count = list->count;
        list->at = NULL;
        pthread_mutex_unlock(&c->lock);
    }
    free(list->at);
}

static bool bad_content(const struct cache_file *f, struct error *err)
{
    error_set(err, ERROR_DAMAGED, "a file of the job arrived damaged");
    return error_why(err, "its bytes are not those of %.16s...", sha256_text(&f->content).text);
}

static bool folder_of_whole(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    path_folder(path, folder, sizeof(folder));
    return folder_make(folder, 0700, err);
}

struct pack {
    struct cache *c;
    const struct cache_file *list;
    size_t count, at;
    char *bytes; // of list[at], CACHE_SMALL
    size_t size;
};

static bool pack_keep(struct pack *p, struct error *err)
{
    const struct cache_file *f = &p->list[p->at];
    char path[PATH_MAX], part[PATH_MAX];
    struct content h;
    content_begin(&h);
    content_add(&h, p->bytes, p->size);
    sha256 content = content_end(&h);
    if (!sha256_equal(&content, &f->content))
        return bad_content(f, err);
    path_part(p->c, &f->content, part);
    path_whole(p->c, &f->content, path);
    unlink(part); // of an earlier life
    int file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    ssize_t put = file < 0 ? -1 : write(file, p->bytes, p->size);
    bool ok = put == (ssize_t)p->size;
    if (!ok)
        error_errno(err, put < 0 ? errno : ENOSPC, "cannot keep a file of the job");
    if (file >= 0)
        close(file);
    ok = ok && folder_of_whole(path, err) &&
         (rename(part, path) == 0 || error_errno(err, errno, "cannot keep a file of the job"));
    if (!ok)
        unlink(part);
    else
        entry_came(p->c, f);
    return ok;
}

static bool pack_take(void *to, const void *at, size_t size, struct error *err)
{
    struct pack *p = to;
    const char *next = at;
    while (true) {
        while (p->at < p->count && (int64_t)p->size == p->list[p->at].size) {
            if (!pack_keep(p, err))
                return false;
            p->at++;
            p->size = 0;
        }
        if (!size)
            return true;
        if (p->at == p->count)
            return error_set(err, ERROR_DAMAGED, "more files of the job came than were asked for");
        size_t left = (size_t)p->list[p->at].size - p->size, part = size < left ? size : left;
        memcpy(p->bytes + p->size, next, part);
        p->size += part;
        next += part;
        size -= part;
    }
}

static bool fetch_pack(struct cache *c, const struct cache_file *list, size_t count,
                       const struct cache_source *from, size_t *came, struct error *err)
{
    struct pack p = {c, list, count, 0, malloc(CACHE_SMALL + 1), 0};
    if (!p.bytes)
        abort();
    bool ok = from->pack(from->context, list, count, pack_take, &p, err) &&
              pack_take(&p, "", 0, err); // those without bytes at its end
    if (ok && p.at < count)
        ok = error_set(err, ERROR_NETWORK, "some files of the job did not come");
    *came = p.at;
    free(p.bytes);
    return ok;
}

struct part {
    int file;
    int64_t at, size;
};

static bool part_take(void *to, const void *at, size_t size, struct error *err)
{
    struct part *p = to;
    const char *next = at;
    if ((int64_t)size > p->size - p->at)
        return error_set(err, ERROR_DAMAGED, "more of a file came than was asked for");
    while (size) {
        ssize_t put = pwrite(p->file, next, size, p->at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return error_errno(err, put < 0 ? errno : ENOSPC, "cannot keep a file of the job");
        next += put;
        size -= (size_t)put;
        p->at += put;
    }
    return true;
}

static bool fetch_rest(struct cache *c, const struct cache_file *f, int file,
                       const struct cache_source *from, bool *right, struct error *err)
{
    char part[PATH_MAX], path[PATH_MAX];
    struct stat seen;
    sha256 content;
    int64_t size;
    struct content_list list = {0};
    if (fstat(file, &seen) != 0)
        return error_errno(err, errno, "cannot keep a file of the job");
    struct part p = {file, seen.st_size <= f->size ? seen.st_size : 0, f->size};
    if (ftruncate(file, p.at) != 0)
        return error_errno(err, errno, "cannot keep a file of the job");
    if (p.at)
        log_info("cache.goes_on", "content=%s at=%lld", sha256_text(&f->content).text,
                 (long long)p.at);
    if (p.at < p.size && !from->rest(from->context, f, p.at, part_take, &p, err))
        return false;
    if (p.at < p.size)
        return error_set(err, ERROR_NETWORK, "a file of the job did not come whole");
    bool ok = content_chunks(file, &content, &size, &list, err);
    *right = ok && size == f->size && sha256_equal(&content, &f->content);
    if (ok && !*right)
        ok = ftruncate(file, 0) == 0 || error_errno(err, errno, "cannot drop a damaged file");
    path_part(c, &f->content, part);
    path_whole(c, &f->content, path);
    if (*right && (ok = folder_of_whole(path, err)) &&
        (fchmod(file, 0400) != 0 || rename(part, path) != 0))
        ok = error_errno(err, errno, "cannot keep a file of the job");
    if (ok && *right) {
        keep_list(c, f, &list);
        entry_came(c, f);
    } else {
        free(list.at);
    }
    return ok;
}

// What an earlier try has left may be damaged: then once more from the start.
static bool fetch_large(struct cache *c, const struct cache_file *f,
                        const struct cache_source *from, struct error *err)
{
    char part[PATH_MAX];
    path_part(c, &f->content, part);
    int file = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return error_errno(err, errno, "cannot keep a file of the job");
    bool right = false;
    bool ok = fetch_rest(c, f, file, from, &right, err);
    if (ok && !right)
        ok = fetch_rest(c, f, file, from, &right, err) && (right || bad_content(f, err));
    close(file);
    return ok;
}

// The next of a claim: a pack of small ones, or a large one. *came: how many are here now.
static bool fetch_next(struct cache *c, const struct cache_file *list, size_t most,
                       const struct cache_source *from, size_t *came, struct error *err)
{
    size_t count = 0;
    int64_t bytes = 0;
    while (count < most && list[count].size < CACHE_SMALL && count < CACHE_PACK_MOST &&
           bytes < CACHE_PACK_BYTES)
        bytes += list[count++].size;
    *came = 0;
    if (count)
        return fetch_pack(c, list, count, from, came, err);
    *came = fetch_large(c, list, from, err);
    return *came;
}

// A house that is away for a while is waited for: nothing of what came is lost.
static bool fetch(struct cache *c, const struct claim *claim, const struct cache_source *from,
                  struct error *err)
{
    int64_t since_ms = clock_tick_us() / 1000, wait_ms = RETRY_FIRST_MS;
    for (size_t at = 0; at < claim->count;) {
        size_t came;
        if (!from->asked(from->context))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        bool ok = fetch_next(c, &claim->at[at], claim->count - at, from, &came, err);
        at += came;
        if (came) {
            since_ms = clock_tick_us() / 1000;
            wait_ms = RETRY_FIRST_MS;
        }
        if (ok)
            continue;
        if ((err->kind != ERROR_NETWORK && err->kind != ERROR_TIMEOUT) ||
            clock_tick_us() / 1000 - since_ms > PATIENCE_MS)
            return false;
        for (int64_t slept = 0; slept < wait_ms && from->asked(from->context); slept += 50)
            clock_sleep_ms(50);
        wait_ms = wait_ms * 2 < RETRY_MOST_MS ? wait_ms * 2 : RETRY_MOST_MS;
    }
    return true;
}

// ---- bringing

static int size_order(const void *one, const void *two)
{
    const struct cache_file *a = one, *b = two;
    return (a->size > b->size) - (a->size < b->size);
}

// With the lock: what of the list nobody has or fetches becomes ours.
static bool claim_absent(struct cache *c, const struct cache_file *list, size_t count,
                         struct claim *claim, struct error *err)
{
    int64_t more = 0;
    claim->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct entry *e = entry_find(c, &list[i].content);
        if (e->state == HERE && e->size != list[i].size) { // cut off
            entry_unlink(c, e);
            entry_is(c, e, ABSENT, 0);
            c->numbers.dropped++;
        }
        if (e->state == HERE || e->state == FETCHED)
            continue;
        more += list[i].size - e->held;
        e->size = list[i].size;
        entry_is(c, e, FETCHED, e->held);
        claim->at[claim->count++] = list[i];
    }
    bool ok = has_room(c, more, err);
    for (size_t i = 0; i < claim->count; i++) {
        struct entry *e = entry_find(c, &claim->at[i].content);
        entry_is(c, e, ok ? FETCHED : e->held ? PART : ABSENT, ok ? e->size : e->held);
    }
    if (!ok)
        claim->count = 0;
    qsort(claim->at, claim->count, sizeof(*claim->at), size_order); // small ones come first
    return ok;
}

// Those of a claim that did not come: others may try.
static void give_up(struct cache *c, const struct claim *claim)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < claim->count; i++) {
        struct entry *e = entry_find(c, &claim->at[i].content);
        struct stat seen;
        char part[PATH_MAX];
        path_part(c, &e->content, part);
        if (e->state != FETCHED)
            continue;
        bool some = stat(part, &seen) == 0;
        entry_is(c, e, some ? PART : ABSENT, some ? seen.st_size : 0);
        e->used_ms = clock_now_ms();
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void wait_change(struct cache *c)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

static bool all_here(struct cache *c, const struct cache_file *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct entry *e = entry_find(c, &list[i].content);
        if (e->state != HERE || e->size != list[i].size)
            return false;
    }
    return true;
}

bool cache_bring(struct cache *c, const struct cache_file *list, size_t count,
                 const struct cache_source *from, struct error *err)
{
    struct claim claim = {calloc(count + 1, sizeof(*claim.at)), 0};
    bool ok = true;
    if (!claim.at)
        abort();
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < count; i++)
        entry_make(c, &list[i].content)->pins++;
    while (ok && !all_here(c, list, count)) {
        ok = claim_absent(c, list, count, &claim, err);
        if (ok && claim.count) {
            pthread_mutex_unlock(&c->lock);
            ok = fetch(c, &claim, from, err);
            if (!ok)
                give_up(c, &claim);
            pthread_mutex_lock(&c->lock);
        } else if (ok) { // another slot fetches them
            wait_change(c);
            pthread_mutex_unlock(&c->lock);
            ok = from->asked(from->context) || error_set(err, ERROR_CANCELLED, "it was stopped");
            pthread_mutex_lock(&c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    free(claim.at);
    if (!ok)
        cache_let_go(c, list, count);
    return ok;
}

void cache_let_go(struct cache *c, const struct cache_file *list, size_t count)
{
    int64_t now = clock_now_ms();
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000}};
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < count; i++) {
        struct entry *e = entry_find(c, &list[i].content);
        char path[PATH_MAX];
        if (!e)
            continue;
        e->pins--;
        if (e->state == ABSENT && !e->pins) {
            entry_forget(c, e);
            continue;
        }
        e->used_ms = now;
        path_whole(c, &e->content, path);
        if (e->state == HERE)
            utimensat(AT_FDCWD, path, times, 0);
    }
    make_room(c, 0);
    pthread_mutex_unlock(&c->lock);
}

// ---- giving out

// Shares the blocks, or copies them. *right: these are the bytes.
static bool copy_out(int from, int to, const struct cache_file *f, bool proven, bool *right,
                     struct error *err)
{
    sha256 content;
    int64_t size;
    bool cloned = ioctl(to, FICLONE, from) == 0;
    if (cloned && proven) {
        *right = true;
        return true;
    }
    if (!content_copy(from, cloned ? -1 : to, &content, &size, err))
        return false;
    *right = size == f->size && sha256_equal(&content, &f->content);
    return true;
}

static void drop_damaged(struct cache *c, const struct cache_file *f)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = entry_find(c, &f->content);
    if (e && e->state == HERE) {
        entry_unlink(c, e);
        entry_is(c, e, ABSENT, 0);
        c->numbers.dropped++;
    }
    pthread_mutex_unlock(&c->lock);
    log_warn("cache.damaged", "content=%s", sha256_text(&f->content).text);
}

static bool is_proven(struct cache *c, const struct cache_file *f, bool set)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = entry_find(c, &f->content);
    bool proven = e && (e->proven |= set);
    pthread_mutex_unlock(&c->lock);
    return proven;
}

bool cache_copy(struct cache *c, const struct cache_file *f, const char *to, bool program,
                struct error *err)
{
    char path[PATH_MAX];
    bool right = false;
    path_whole(c, &f->content, path);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int made =
        from < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, program ? 0555 : 0444);
    bool ok = made >= 0 || from < 0;
    if (!ok)
        error_errno(err, errno, "cannot make %s", to);
    else if (from >= 0)
        ok = copy_out(from, made, f, is_proven(c, f, false), &right, err);
    if (from >= 0)
        close(from);
    if (made >= 0)
        close(made);
    if (ok && right)
        return is_proven(c, f, true);
    if (made >= 0)
        unlink(to);
    if (!ok)
        return false;
    drop_damaged(c, f);
    return bad_content(f, err);
}

bool cache_read(struct cache *c, const struct cache_file *f, int *descriptor, struct error *err)
{
    char path[PATH_MAX];
    sha256 content;
    int64_t size;
    path_whole(c, &f->content, path);
    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (*descriptor >= 0 && is_proven(c, f, false))
        return true;
    bool ok = *descriptor < 0 || content_copy(*descriptor, -1, &content, &size, err);
    if (ok && *descriptor >= 0 && size == f->size && sha256_equal(&content, &f->content))
        return is_proven(c, f, true);
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
    if (!ok)
        return false;
    drop_damaged(c, f);
    return bad_content(f, err);
}

// With the lock: a descriptor of a whole file that has the chunk, and where; -1: there is none.
static int chunk_find(struct cache *c, const sha256 *hash, int64_t *at)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < c->bucket_count; i++)
        for (const struct entry *e = c->buckets[i]; e; e = e->next)
            for (size_t k = 0; k < e->chunk_count && e->state == HERE; k++)
                if (sha256_equal(&e->chunks[k], hash)) {
                    *at = (int64_t)k * CHUNK;
                    path_whole(c, &e->content, path);
                    return open(path, O_RDONLY | O_CLOEXEC);
                }
    return -1;
}

bool cache_chunk(struct cache *c, const sha256 *hash, void *to, size_t size)
{
    int64_t at = 0;
    size_t have = 0;
    pthread_mutex_lock(&c->lock);
    int file = chunk_find(c, hash, &at);
    pthread_mutex_unlock(&c->lock);
    while (file >= 0 && have < size) {
        ssize_t got = pread(file, (char *)to + have, size - have, at + (int64_t)have);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    if (file >= 0)
        close(file);
    sha256 is = sha256_of(to, have);
    if (have != size || !sha256_equal(&is, hash))
        return false;
    pthread_mutex_lock(&c->lock);
    c->numbers.shared_bytes += (int64_t)size;
    pthread_mutex_unlock(&c->lock);
    return true;
}

struct cache_numbers cache_numbers(struct cache *c)
{
    pthread_mutex_lock(&c->lock);
    struct cache_numbers n = c->numbers;
    n.files = n.pinned_bytes = 0;
    n.bytes = c->held;
    for (size_t i = 0; i < c->bucket_count; i++)
        for (const struct entry *e = c->buckets[i]; e; e = e->next) {
            n.files += e->state == HERE;
            n.pinned_bytes += e->pins ? e->held : 0;
        }
    pthread_mutex_unlock(&c->lock);
    return n;
}

const char *cache_folder(const struct cache *c)
{
    return c->folder;
}

// ---- opening

// A list of an earlier life, of a file that is whole; its hashes are believed only when bytes have
// them.
static void read_list(struct entry *e, const char *path)
{
    size_t count = (size_t)((e->size + CHUNK - 1) / CHUNK);
    sha256 *list = count > 1 ? malloc(count * sizeof(*list)) : NULL;
    FILE *file = list ? fopen(path, "re") : NULL;
    if (file && fread(list, sizeof(*list), count, file) == count) {
        e->chunks = list;
        e->chunk_count = count;
        list = NULL;
    }
    if (file)
        fclose(file);
    free(list);
}

static void read_lists(struct cache *c)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < c->bucket_count; i++)
        for (struct entry *e = c->buckets[i]; e; e = e->next)
            if (e->state == HERE) {
                path_list(c, &e->content, path);
                read_list(e, path);
            }
}

static bool seen_file(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct cache *c = context;
    (void)enter;
    (void)err;
    const char *name = strrchr(f->path, '/');
    sha256 content;
    if (f->kind == FILE_FOLDER || strcmp(f->relative, "lock") == 0 ||
        strncmp(f->relative, "lists/", 6) == 0)
        return true;
    if (f->kind != FILE_PLAIN || !name || !sha256_parse(text_of(name + 1), &content)) {
        unlink(f->path); // nothing of ours
        return true;
    }
    bool whole = strncmp(f->relative, "files/", 6) == 0;
    struct entry *e = entry_make(c, &content);
    if (e->state == HERE)
        return true; // and a part of it, which the next try will replace
    entry_is(c, e, whole ? HERE : PART, f->size);
    e->size = f->size;
    e->used_ms = f->modified_ms;
    return true;
}

// The first of our folders that no other process has.
static bool take_folder(struct cache *c, const char *folder, struct error *err)
{
    for (int i = 0; i < OWN_MOST; i++) {
        char lock[PATH_MAX];
        snprintf(c->folder, sizeof(c->folder), "%s/%d", folder, i);
        if (!folder_make(c->folder, 0700, err))
            return false;
        snprintf(lock, sizeof(lock), "%s/lock", c->folder);
        c->lock_file = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (c->lock_file < 0)
            return error_errno(err, errno, "cannot use the cache in %s", c->folder);
        if (flock(c->lock_file, LOCK_EX | LOCK_NB) == 0)
            return true;
        close(c->lock_file);
        c->lock_file = -1;
    }
    error_set(err, ERROR_TOO_MANY, "too many workers share the cache in %s", folder);
    return error_fix(err, "give some of them another worker.cache.folder");
}

struct cache *cache_open(const struct cache_wish *wish, struct error *err)
{
    static const char *const parts[] = {"files", "parts", "lists"};
    struct cache *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->most_bytes = wish->most_bytes;
    c->lock_file = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    buckets_grow(c);
    bool ok = strlen(wish->folder) < sizeof(c->folder) - 8 ||
              error_set(err, ERROR_INPUT, "the name of the cache's folder is too long");
    ok = ok && take_folder(c, wish->folder, err);
    for (int i = 0; ok && i < 3; i++) {
        char folder[PATH_MAX];
        snprintf(folder, sizeof(folder), "%s/%s", c->folder, parts[i]);
        ok = folder_make(folder, 0700, err);
    }
    struct walk_wish walk = {.seen = seen_file, .context = c};
    ok = ok && folder_walk(c->folder, &walk, err);
    if (ok) {
        read_lists(c);
        make_room(c, 0);
        return c;
    }
    cache_close(c);
    return NULL;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->bucket_count; i++)
        for (struct entry *e = c->buckets[i], *next; e; e = next) {
            next = e->next;
            free(e->chunks);
            free(e);
        }
    free(c->buckets);
    if (c->lock_file >= 0)
        close(c->lock_file);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
