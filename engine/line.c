#include "engine/line.h"

#include <pthread.h>
#include <stdlib.h>

#define ROOM 4 // pieces that wait: enough to even out, and some MB at most

struct line {
    line_work *work;
    void *context;
    pthread_t thread;
    // The lock guards all below.
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct piece queue[ROOM];
    int first, count;
    bool busy, ended, failed;
    struct error err;
};

static void *run(void *opaque)
{
    struct line *l = opaque;
    struct error err;
    pthread_mutex_lock(&l->lock);
    while (true) {
        while (!l->count && !l->ended)
            pthread_cond_wait(&l->changed, &l->lock);
        if (!l->count)
            break;
        struct piece p = l->queue[l->first];
        l->first = (l->first + 1) % ROOM;
        l->count--;
        l->busy = true;
        bool wanted = !l->failed && !l->ended;
        pthread_cond_broadcast(&l->changed);
        pthread_mutex_unlock(&l->lock);
        error_clear(&err);
        bool done = !wanted || l->work(l->context, &p, &err);
        av_frame_free(&p.frame);
        pthread_mutex_lock(&l->lock);
        if (!done && !l->failed) {
            l->failed = true;
            l->err = err;
        }
        l->busy = false;
        pthread_cond_broadcast(&l->changed);
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
    pthread_cond_init(&l->changed, NULL);
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
    while (l->count == ROOM && !l->failed)
        pthread_cond_wait(&l->changed, &l->lock);
    bool taken = !l->failed;
    if (taken) {
        l->queue[(l->first + l->count++) % ROOM] = p;
        pthread_cond_broadcast(&l->changed);
    } else {
        *err = l->err;
    }
    pthread_mutex_unlock(&l->lock);
    if (!taken)
        av_frame_free(&p.frame);
    return taken;
}

bool line_wait(struct line *l, struct error *err)
{
    pthread_mutex_lock(&l->lock);
    while ((l->count || l->busy) && !l->failed)
        pthread_cond_wait(&l->changed, &l->lock);
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
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
