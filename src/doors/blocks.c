/*
 * The cache. Each file has one sparse file, and for each block a state, the moment of its last use
 * and how many are reading it just now. A block that goes is punched out of its file.
 *
 * Whoever needs a block that nobody fetches yet fetches it, together with those behind it that are
 * missing too, as one request; whoever needs one that is on its way waits for it. Threads of their
 * own fetch ahead, from a short queue; what does not fit in it is not fetched ahead.
 */
#include "doors/blocks.h"

#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NONE, COMING, THERE };
enum { AT_ONCE = 4, QUEUE = 64, FETCHERS_MOST = 8 };

struct block {
    uint8_t state;
    uint16_t readers;
    uint64_t used;
};

struct cached {
    struct cached *next;
    struct far_node node; // texts are ours
    char *path;
    int fd, users, asked; // asked: entries of the queue that name it
    int64_t count;
    struct block *list;
};

struct blocks {
    struct client *house;
    char *folder;
    int64_t most, held; // blocks
    uint64_t ticks;
    pthread_mutex_t lock; // guards all but house, folder, most
    pthread_cond_t changed, wanted;
    struct cached *files;
    struct ahead {
        struct cached *file;
        int64_t from, count;
    } queue[QUEUE];
    size_t queued;
    bool stopping;
    pthread_t fetchers[FETCHERS_MOST];
    int fetcher_count;
};

static void drop_file(struct blocks *b, struct cached *c)
{
    struct cached **at = &b->files;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    for (int64_t i = 0; i < c->count; i++)
        b->held -= c->list[i].state == THERE;
    close(c->fd);
    free(c->path);
    free(c->list);
    free(c);
}

// Makes room for one more: the block used longest ago goes, of whatever file.
static void make_room(struct blocks *b)
{
    while (b->held >= b->most) {
        struct cached *whose = NULL;
        int64_t which = 0;
        uint64_t oldest = UINT64_MAX;
        for (struct cached *c = b->files; c; c = c->next)
            for (int64_t i = 0; i < c->count; i++)
                if (c->list[i].state == THERE && !c->list[i].readers && c->list[i].used < oldest) {
                    oldest = c->list[i].used;
                    whose = c;
                    which = i;
                }
        if (!whose)
            return; // all are being read: a little over the limit for a moment
        whose->list[which].state = NONE;
        b->held--;
        (void)!fallocate(whose->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, which * BLOCK_SIZE,
                         BLOCK_SIZE);
    }
}

static int64_t size_of(const struct cached *c, int64_t from, int64_t count)
{
    int64_t end = (from + count) * BLOCK_SIZE;
    return (end > c->node.size ? c->node.size : end) - from * BLOCK_SIZE;
}

// Fetches blocks that are marked as coming. Not under the lock.
static bool fetch(struct blocks *b, struct cached *c, int64_t from, int64_t count,
                  struct error *err)
{
    size_t size = (size_t)size_of(c, from, count);
    char *at = malloc(size ? size : 1);
    bool ok = at ? far_read(b->house, &c->node, from * BLOCK_SIZE, at, size, err)
                 : error_set(err, ERROR_INTERNAL, "no memory to read");
    if (ok && !fd_write_all(c->fd, at, size, from * BLOCK_SIZE))
        ok = error_errno(err, errno, "cannot write the cache");
    free(at);
    return ok;
}

// Under the lock: marks up to `most` missing blocks in a row from `from`; how many.
static int64_t claim(struct blocks *b, struct cached *c, int64_t from, int64_t most)
{
    int64_t count = 0;
    while (count < most && from + count < c->count && c->list[from + count].state == NONE) {
        make_room(b);
        c->list[from + count++].state = COMING;
        b->held++;
    }
    return count;
}

static void claimed(struct blocks *b, struct cached *c, int64_t from, int64_t count, bool there)
{
    for (int64_t i = from; i < from + count; i++) {
        c->list[i].state = there ? THERE : NONE;
        c->list[i].used = ++b->ticks;
        b->held -= !there;
    }
    pthread_cond_broadcast(&b->changed);
}

static void *fetch_ahead(void *context)
{
    struct blocks *b = context;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->queued && !b->stopping)
            pthread_cond_wait(&b->wanted, &b->lock);
        if (b->stopping)
            break;
        struct ahead next = b->queue[0];
        memmove(b->queue, b->queue + 1, --b->queued * sizeof(b->queue[0]));
        int64_t count = claim(b, next.file, next.from, next.count);
        if (count) {
            struct error err;
            pthread_mutex_unlock(&b->lock);
            bool ok = fetch(b, next.file, next.from, count, &err);
            pthread_mutex_lock(&b->lock);
            claimed(b, next.file, next.from, count, ok);
        }
        next.file->asked--;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

struct blocks *blocks_open(const struct blocks_wish *w, struct error *err)
{
    if (!folder_remove(w->folder, err) || !folder_make(w->folder, 0700, err))
        return NULL;
    struct blocks *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    b->house = w->house;
    b->folder = strdup(w->folder);
    b->most = w->most_bytes / BLOCK_SIZE < 16 ? 16 : w->most_bytes / BLOCK_SIZE;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    pthread_cond_init(&b->wanted, NULL);
    while (b->fetcher_count < w->fetchers && b->fetcher_count < FETCHERS_MOST &&
           pthread_create(&b->fetchers[b->fetcher_count], NULL, fetch_ahead, b) == 0)
        b->fetcher_count++;
    return b;
}

void blocks_close(struct blocks *b)
{
    struct error none;
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->wanted);
    pthread_mutex_unlock(&b->lock);
    for (int i = 0; i < b->fetcher_count; i++)
        pthread_join(b->fetchers[i], NULL);
    while (b->files)
        drop_file(b, b->files);
    (void)!folder_remove(b->folder, &none);
    pthread_cond_destroy(&b->changed);
    pthread_cond_destroy(&b->wanted);
    pthread_mutex_destroy(&b->lock);
    free(b->folder);
    free(b);
}

static struct cached *new_file(struct blocks *b, const struct far_node *n, struct error *err)
{
    char path[4096];
    struct cached *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    snprintf(path, sizeof(path), "%s/%.64s", b->folder, n->content);
    *c = (struct cached){.node = *n, .path = strdup(n->path)};
    c->node.path = c->path;
    c->node.name = "";
    c->count = (n->size + BLOCK_SIZE - 1) / BLOCK_SIZE;
    c->list = calloc((size_t)c->count + 1, sizeof(*c->list));
    c->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (c->fd >= 0 && c->list && c->path && ftruncate(c->fd, n->size) == 0) {
        unlink(path); // it is gone with the descriptor
        c->next = b->files;
        b->files = c;
        return c;
    }
    error_errno(err, errno, "cannot make a file in the cache");
    if (c->fd >= 0)
        close(c->fd);
    free(c->path);
    free(c->list);
    free(c);
    return NULL;
}

// Files that nobody has open are kept too, a few of them.
static void drop_unused(struct blocks *b)
{
    int unused = 0;
    for (struct cached *c = b->files, *next; c; c = next) {
        next = c->next;
        if (!c->users && !c->asked && ++unused > 256)
            drop_file(b, c);
    }
}

struct cached *blocks_take(struct blocks *b, const struct far_node *file, struct error *err)
{
    pthread_mutex_lock(&b->lock);
    struct cached *c = b->files;
    while (c && strcmp(c->node.content, file->content) != 0)
        c = c->next;
    if (!c)
        c = new_file(b, file, err);
    if (c)
        c->users++;
    drop_unused(b);
    pthread_mutex_unlock(&b->lock);
    return c;
}

void blocks_give_back(struct blocks *b, struct cached *c)
{
    pthread_mutex_lock(&b->lock);
    c->users--;
    pthread_mutex_unlock(&b->lock);
}

static void ask_ahead(struct blocks *b, struct cached *c, int64_t from, int64_t end)
{
    while (from < end && from < c->count && b->queued < QUEUE) {
        if (c->list[from].state != NONE) {
            from++;
            continue;
        }
        bool known = false; // asked for already
        for (size_t i = 0; i < b->queued && !known; i++)
            known = b->queue[i].file == c && from >= b->queue[i].from &&
                    from < b->queue[i].from + b->queue[i].count;
        if (!known) {
            b->queue[b->queued++] = (struct ahead){c, from, AT_ONCE};
            c->asked++;
            pthread_cond_signal(&b->wanted);
        }
        from += AT_ONCE;
    }
}

bool blocks_need(struct blocks *b, struct cached *c, int64_t offset, int64_t size,
                 int64_t ahead_bytes, int *fd, struct error *err)
{
    int64_t first = offset / BLOCK_SIZE, last = (offset + size - 1) / BLOCK_SIZE;
    bool ok = true;
    pthread_mutex_lock(&b->lock);
    if (ahead_bytes)
        ask_ahead(b, c, last + 1, last + 1 + ahead_bytes / BLOCK_SIZE);
    int64_t held = first; // blocks before it count us as a reader
    for (int64_t i = first; ok && i <= last;) {
        if (c->list[i].state == THERE) {
            c->list[i].readers++;
            c->list[i].used = ++b->ticks;
            held = ++i;
        } else if (c->list[i].state == COMING) {
            pthread_cond_wait(&b->changed, &b->lock);
        } else {
            int64_t most = ahead_bytes ? AT_ONCE : last + 1 - i;
            int64_t count = claim(b, c, i, most);
            pthread_mutex_unlock(&b->lock);
            ok = fetch(b, c, i, count, err);
            pthread_mutex_lock(&b->lock);
            claimed(b, c, i, count, ok);
        }
    }
    for (int64_t i = first; !ok && i < held; i++)
        c->list[i].readers--;
    pthread_mutex_unlock(&b->lock);
    *fd = c->fd;
    return ok;
}

void blocks_done(struct blocks *b, struct cached *c, int64_t offset, int64_t size)
{
    int64_t first = offset / BLOCK_SIZE, last = (offset + size - 1) / BLOCK_SIZE;
    pthread_mutex_lock(&b->lock);
    for (int64_t i = first; i <= last; i++)
        c->list[i].readers--;
    pthread_mutex_unlock(&b->lock);
}
