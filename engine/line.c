#include "engine/line.h"

#include <pthread.h>
#include <stdlib.h>

#define ROOM 16            // pieces that wait: enough to even out
#define BYTES (48LL << 20) // of the frames that wait: fewer of the large ones

struct line {
    line_work *work;
    void *context;
    pthread_t thread;
    // The lock guards all below.
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    struct piece queue[ROOM];
    int first, count;
    int64_t bytes;
    bool busy, ended, failed;
    struct error err;
};

static int64_t bytes_of(const AVFrame *f)
{
    int64_t sum = 0;
    for (int i = 0; f && i < AV_NUM_DATA_POINTERS && f->buf[i]; i++)
        sum += (int64_t)f->buf[i]->size;
    return sum;
}

static void free_piece(struct piece *p)
{
    av_frame_free(&p->frame);
    av_packet_free(&p->packet);
}

static void take_first(struct line *l, struct piece *p)
{
    *p = l->queue[l->first];
    l->first = (l->first + 1) % ROOM;
    l->count--;
    l->bytes -= bytes_of(p->frame);
    // Who gives is woken when there is room for several, not for each.
    if (l->count <= ROOM / 2)
        pthread_cond_signal(&l->emptied);
}

static void *run(void *opaque)
{
    struct line *l = opaque;
    struct error err;
    struct piece p;
    pthread_mutex_lock(&l->lock);
    while (true) {
        while (!l->count && !l->ended)
            pthread_cond_wait(&l->filled, &l->lock);
        if (!l->count)
            break;
        take_first(l, &p);
        l->busy = true;
        bool wanted = !l->failed && !l->ended;
        pthread_mutex_unlock(&l->lock);
        error_clear(&err);
        bool done = !wanted || l->work(l->context, &p, &err);
        free_piece(&p);
        pthread_mutex_lock(&l->lock);
        l->busy = false;
        if (!done && !l->failed) {
            l->failed = true;
            l->err = err;
        }
        if (l->failed || !l->count)
            pthread_cond_signal(&l->emptied);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

bool line_open(line_work *work, void *context, struct line **to, struct error *err)
{
    struct line *l = calloc(1, sizeof(*l));
    l->work = work;
    l->context = context;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->filled, NULL);
    pthread_cond_init(&l->emptied, NULL);
    int code = pthread_create(&l->thread, NULL, run, l);
    if (code == 0) {
        *to = l;
        return true;
    }
    free(l);
    return error_errno(err, code, "cannot start a thread");
}

bool line_give(struct line *l, struct piece p, struct error *err)
{
    pthread_mutex_lock(&l->lock);
    while (l->count && (l->count == ROOM || l->bytes > BYTES) && !l->failed)
        pthread_cond_wait(&l->emptied, &l->lock);
    bool taken = !l->failed;
    if (taken) {
        l->queue[(l->first + l->count++) % ROOM] = p;
        l->bytes += bytes_of(p.frame);
        pthread_cond_signal(&l->filled);
    } else {
        *err = l->err;
    }
    pthread_mutex_unlock(&l->lock);
    if (!taken)
        free_piece(&p);
    return taken;
}

bool line_wait(struct line *l, struct error *err)
{
    pthread_mutex_lock(&l->lock);
    while ((l->count || l->busy) && !l->failed)
        pthread_cond_wait(&l->emptied, &l->lock);
    bool done = !l->failed;
    if (!done)
        *err = l->err;
    pthread_mutex_unlock(&l->lock);
    return done;
}

void line_close(struct line *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->filled);
    pthread_cond_destroy(&l->emptied);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
