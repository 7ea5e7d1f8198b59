#include "wire/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct pool {
    pthread_mutex_t lock; // all below
    pthread_cond_t more;
    struct task *first, **last;
    int waiting, waiting_limit, idle, busy, started, threads;
    bool closing;
    char name[16];
    pthread_t thread[];
};

// Argon2 and SQLite stay well under this; pages that are not touched cost nothing.
enum { STACK_SIZE = 1 << 20 };

struct pool *pool_open(int threads, int waiting_limit, const char *name)
{
    struct pool *p = calloc(1, sizeof(*p) + sizeof(pthread_t) * (size_t)threads);
    if (!p)
        abort();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->last = &p->first;
    p->threads = threads;
    p->waiting_limit = waiting_limit;
    snprintf(p->name, sizeof(p->name), "%s", name);
    return p;
}

static void *work(void *context)
{
    struct pool *p = context;
    pthread_setname_np(pthread_self(), p->name);
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->first && !p->closing) {
            p->idle++;
            pthread_cond_wait(&p->more, &p->lock);
            p->idle--;
        }
        struct task *t = p->first;
        if (!t)
            break;
        p->first = t->next;
        if (!p->first)
            p->last = &p->first;
        p->waiting--;
        p->busy++;
        pthread_mutex_unlock(&p->lock);
        t->run(t); // may free or queue t again
        pthread_mutex_lock(&p->lock);
        p->busy--;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool start_one(struct pool *p) // under the lock
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all); // signals are for the main thread
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&p->thread[p->started], &attr, work, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (started)
        p->started++;
    return started;
}

bool pool_add(struct pool *p, struct task *t, bool always)
{
    pthread_mutex_lock(&p->lock);
    bool taken = !p->closing && (always || !p->waiting_limit || p->waiting < p->waiting_limit);
    if (taken && p->waiting >= p->idle && p->started < p->threads && !start_one(p))
        taken = p->started > 0;
    if (taken) {
        t->next = NULL;
        *p->last = t;
        p->last = &t->next;
        p->waiting++;
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    return taken;
}

void pool_numbers(struct pool *p, int *busy, int *waiting)
{
    pthread_mutex_lock(&p->lock);
    *busy = p->busy;
    *waiting = p->waiting;
    pthread_mutex_unlock(&p->lock);
}

void pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->thread[i], NULL);
    p->started = 0;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    pool_stop(p);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->more);
    free(p);
}
