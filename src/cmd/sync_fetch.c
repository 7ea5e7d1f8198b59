#include "cmd/sync_fetch.h"

#include "plat/content.h"
#include "plat/files.h"
#include "store/store.h"
#include "wire/address.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS_MOST = 8, DAMAGED_MOST = 3 };

struct fetching {
    const struct sync_fetch *f;
    int fd, before; // -1: none
    bool resumed;
    size_t count;
    sha256 *hashes;       // NULL: not known, only the whole is proven
    pthread_mutex_t lock; // guards the rest
    size_t next;
    bool failed;
    struct error err;
};

static size_t chunk_size(const struct fetching *g, size_t number)
{
    int64_t left = g->f->size - (int64_t)number * STORE_CHUNK;
    return (size_t)(left < STORE_CHUNK ? left : STORE_CHUNK);
}

// ---- asking

static bool ask(struct fetching *g, size_t number, char *to, size_t size, struct error *err)
{
    const struct sync_fetch *f = g->f;
    struct arena *a = arena_open(1 << 20);
    struct way_piece piece = {
        .way = f->way, .client = f->client, .offset = (int64_t)number * STORE_CHUNK};
    if (f->version[0])
        way_piece_of(&piece, f->version, f->number, (int64_t)number);
    else
        piece.path =
            arena_format(a, "/api/v1/tree/bytes?path=%s&content=%s",
                         address_encode(a, text_of(f->path)), sha256_text(&f->content).text);
    bool ok = way_piece_get(&piece, to, size, err);
    arena_close(a);
    return ok;
}

static bool ask_hashes(struct fetching *g, struct error *err)
{
    const struct sync_fetch *f = g->f;
    if (g->count < 2 || !f->version[0])
        return true;
    json_t *list = house_ask(f->client, "GET", NULL, err, "/versions/%s/files/%" PRId64 "/chunks",
                             f->version, f->number),
           *one;
    size_t i;
    uint8_t digest[64];
    if (!list)
        return false;
    bool ok = json_array_size(list) == g->count;
    g->hashes = calloc(g->count, sizeof(*g->hashes));
    if (!g->hashes)
        abort();
    struct hasher *all = hasher_open("sha256");
    json_array_foreach(list, i, one)
    {
        ok = ok && json_count(one, "number") == (int64_t)i &&
             sha256_parse(text_of(json_word(one, "hash")), &g->hashes[i]);
        if (ok)
            hasher_add(all, g->hashes[i].at, SHA256_SIZE);
    }
    hasher_end(all, digest);
    json_decref(list);
    if (ok && memcmp(digest, f->content.at, SHA256_SIZE) == 0)
        return true;
    error_set(err, ERROR_DAMAGED, "the house's list of chunks is not that of the file");
    return error_fix(err, "have `posthouse check` run on the house");
}

// ---- a chunk

static bool proves(const struct fetching *g, size_t number, const void *at, size_t size)
{
    sha256 hash = sha256_of(at, size);
    if (g->hashes)
        return sha256_equal(&hash, &g->hashes[number]);
    hash = sha256_of(hash.at, SHA256_SIZE);
    return g->count > 1 || sha256_equal(&hash, &g->f->content); // the whole is proven at the end
}

static bool has(const struct fetching *g, int fd, size_t number, char *buffer, size_t size)
{
    if (fd < 0 || !g->hashes)
        return false;
    return fd_read_all(fd, buffer, size, (int64_t)number * STORE_CHUNK) == (int64_t)size &&
           proves(g, number, buffer, size);
}

static bool is_zero(const char *at, size_t size)
{
    return !size || (!at[0] && memcmp(at, at + 1, size - 1) == 0);
}

static bool write_chunk(struct fetching *g, size_t number, const char *at, size_t size,
                        struct error *err)
{
    if (!g->resumed && is_zero(at, size))
        return true; // a hole is zeros too
    if (fd_write_all(g->fd, at, size, (int64_t)number * STORE_CHUNK))
        return true;
    error_errno(err, errno, "cannot write %s", g->f->temporary);
    return error_fix(err, "free space or mend the disk; it goes on by itself then");
}

static bool take(struct fetching *g, size_t number, char *buffer, struct error *err)
{
    size_t size = chunk_size(g, number);
    if (g->resumed && has(g, g->fd, number, buffer, size))
        return true;
    if (has(g, g->before, number, buffer, size))
        return write_chunk(g, number, buffer, size, err);
    for (int i = 0; i < DAMAGED_MOST; i++) {
        if (!ask(g, number, buffer, size, err))
            return false;
        if (proves(g, number, buffer, size))
            return write_chunk(g, number, buffer, size, err);
    }
    error_set(err, ERROR_DAMAGED, "%s is not what the house says it is", g->f->path);
    error_why(err, "chunk %zu came %d times with another hash", number, DAMAGED_MOST);
    return error_fix(err, "have `posthouse check` run on the house; nothing was replaced here");
}

static void *take_all(void *context)
{
    struct fetching *g = context;
    struct error err;
    char *buffer = malloc(g->count == 1 ? (size_t)g->f->size : (size_t)STORE_CHUNK);
    if (!buffer)
        abort();
    for (;;) {
        pthread_mutex_lock(&g->lock);
        size_t number = g->next;
        bool more = !g->failed && number < g->count;
        g->next += more;
        pthread_mutex_unlock(&g->lock);
        if (!more)
            break;
        if (take(g, number, buffer, &err)) {
            atomic_fetch_add(g->f->moved, (int64_t)chunk_size(g, number));
            continue;
        }
        pthread_mutex_lock(&g->lock);
        if (!g->failed)
            g->err = err;
        g->failed = true;
        pthread_mutex_unlock(&g->lock);
    }
    free(buffer);
    return NULL;
}

static void take_by_many(struct fetching *g)
{
    pthread_t threads[THREADS_MOST];
    int count = 0, most = g->f->threads < THREADS_MOST ? g->f->threads : THREADS_MOST;
    while (g->count > 1 && count < most && (size_t)count < g->count &&
           pthread_create(&threads[count], NULL, take_all, g) == 0)
        count++;
    if (!count)
        take_all(g);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

bool sync_fetch(const struct sync_fetch *f, struct error *err)
{
    struct fetching g = {.f = f, .fd = -1, .before = -1};
    struct stat seen;
    g.count = (size_t)((f->size + STORE_CHUNK - 1) / STORE_CHUNK);
    g.resumed = lstat(f->temporary, &seen) == 0 && seen.st_size == f->size;
    g.fd = open(f->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (g.fd < 0)
        return error_errno(err, errno, "cannot write %s", f->temporary);
    if (f->before)
        g.before = open(f->before, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    pthread_mutex_init(&g.lock, NULL);
    bool ok = ask_hashes(&g, err);
    if (ok && ((!g.resumed && ftruncate(g.fd, 0) != 0) || ftruncate(g.fd, f->size) != 0))
        ok = error_errno(err, errno, "cannot write %s", f->temporary);
    if (ok)
        take_by_many(&g);
    if (ok && g.failed) {
        *err = g.err;
        ok = false;
    }
    close(g.fd);
    if (g.before >= 0)
        close(g.before);
    sha256 content;
    int64_t size;
    if (ok && g.count != 1 && !g.hashes && f->size)
        ok = content_of_file(f->temporary, &content, &size, err) &&
             (sha256_equal(&content, &f->content) ||
              error_set(err, ERROR_DAMAGED, "%s is not what the house says it is", f->path));
    free(g.hashes);
    pthread_mutex_destroy(&g.lock);
    return ok;
}
