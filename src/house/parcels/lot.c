/*
 * Some files at once. Each thread takes a chunk of a file that is open when there is one, else
 * opens the next file: a large file has all threads, and of many small ones some are always being
 * opened. Whoever ends the last chunk of a file closes it.
 */
#include "house/parcels/inside.h"
#include "house/transfer/transfer.h"

#include <pthread.h>
#include <stdlib.h>

struct lot {
    const struct lot_calls *calls;
    struct lot_file *files;
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    size_t next; // to open
    size_t left; // files not closed
    size_t first; // before this all are closed or have nothing left to give
    bool stopped;
    struct error err;
};

static void fail(struct lot *l, const struct error *err)
{
    pthread_mutex_lock(&l->lock);
    if (!l->stopped)
        l->err = *err;
    l->stopped = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void end_file(struct lot *l, struct lot_file *f)
{
    struct error err;
    error_clear(&err);
    bool ok = f->there || l->calls->close(l->calls->context, f, &err);
    free(f->hashes);
    free(f->missing);
    f->hashes = NULL;
    f->missing = NULL;
    if (!ok) {
        fail(l, &err);
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->left--;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void open_file(struct lot *l, struct lot_file *f)
{
    struct error err;
    error_clear(&err);
    struct arena *a = arena_open((size_t)256 << 20);
    bool ok = l->calls->open(l->calls->context, f, a, &err);
    arena_close(a);
    if (!ok) {
        fail(l, &err);
        return;
    }
    if (f->there || !f->missing_count) {
        end_file(l, f);
        return;
    }
    pthread_mutex_lock(&l->lock);
    f->left = f->missing_count;
    f->opened = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

// With the lock: an open file with a chunk to give.
static struct lot_file *giving(struct lot *l)
{
    for (size_t i = l->first; i < l->next; i++) {
        struct lot_file *f = &l->files[i];
        if (f->opened && f->next < f->missing_count)
            return f;
        if (i == l->first && f->opened)
            l->first++;
    }
    return NULL;
}

static void do_chunk(struct lot *l, struct lot_file *f, int64_t chunk, void *buffer)
{
    struct error err;
    error_clear(&err);
    if (!l->calls->chunk(l->calls->context, f, chunk, buffer, &err)) {
        fail(l, &err);
        return;
    }
    pthread_mutex_lock(&l->lock);
    bool last = --f->left == 0;
    pthread_mutex_unlock(&l->lock);
    if (last)
        end_file(l, f);
}

static void *work(void *context)
{
    struct lot *l = context;
    void *buffer = malloc((size_t)STORE_CHUNK);
    if (!buffer)
        abort();
    pthread_mutex_lock(&l->lock);
    while (l->left && !l->stopped) {
        struct lot_file *f = giving(l);
        size_t chunk = f ? f->next++ : 0, next = l->next;
        if (!f && next == l->count) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        l->next += !f;
        pthread_mutex_unlock(&l->lock);
        if (!l->calls->still(l->calls->context)) {
            struct error err;
            error_set(&err, ERROR_CANCELLED, "it was stopped");
            fail(l, &err);
        } else if (f) {
            do_chunk(l, f, f->missing[chunk], buffer);
        } else {
            open_file(l, &l->files[next]);
        }
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    free(buffer);
    return NULL;
}

bool lot_run(const struct lot_calls *calls, struct lot_file *files, size_t count, int threads,
             struct error *err)
{
    enum { MOST = 16 };
    struct lot l = {.calls = calls, .files = files, .count = count, .left = count};
    pthread_t others[MOST];
    int begun = 0;
    error_clear(&l.err);
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, NULL);
    while (begun < threads - 1 && begun < MOST &&
           pthread_create(&others[begun], NULL, work, &l) == 0)
        begun++;
    work(&l);
    for (int i = 0; i < begun; i++)
        pthread_join(others[i], NULL);
    for (size_t i = 0; i < count; i++) {
        free(files[i].hashes);
        free(files[i].missing);
        files[i].hashes = NULL;
        files[i].missing = NULL;
    }
    pthread_mutex_destroy(&l.lock);
    pthread_cond_destroy(&l.changed);
    if (l.stopped)
        *err = l.err;
    return !l.stopped;
}
