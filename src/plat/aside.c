#include "plat/aside.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct asides {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    struct aside *out; // calls that have not returned
    int count, most;
    bool closed; // freed by the last call that returns
};

struct task {
    struct asides *all;
    struct aside *a;
};

struct asides *asides_open(int most)
{
    pthread_condattr_t attr;
    struct asides *all = calloc(1, sizeof(*all));
    if (!all)
        abort();
    all->most = most;
    pthread_mutex_init(&all->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&all->changed, &attr);
    pthread_condattr_destroy(&attr);
    return all;
}

static void free_all(struct asides *all)
{
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

void asides_close(struct asides *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->closed = true;
    bool none = !all->count;
    pthread_mutex_unlock(&all->lock);
    if (none)
        free_all(all);
}

static void forget(struct aside *a)
{
    free(a->key);
    a->forget(a);
}

static void unlink_one(struct asides *all, const struct aside *a)
{
    struct aside **at = &all->out;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    all->count--;
}

static void *do_it(void *context)
{
    struct task *t = context;
    struct asides *all = t->all;
    struct aside *a = t->a;
    free(t);
    a->work(a);
    pthread_mutex_lock(&all->lock);
    unlink_one(all, a);
    a->done = true;
    bool left = a->left, last = all->closed && !all->count;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    if (left)
        forget(a);
    if (last)
        free_all(all);
    return NULL;
}

static bool begin(struct asides *all, struct aside *a)
{
    pthread_t thread;
    pthread_attr_t attr;
    struct task *t = malloc(sizeof(*t));
    if (!t)
        abort();
    *t = (struct task){all, a};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool begun = pthread_create(&thread, &attr, do_it, t) == 0;
    pthread_attr_destroy(&attr);
    if (!begun)
        free(t);
    return begun;
}

static bool may_begin(const struct asides *all, const char *key)
{
    int left = 0;
    for (const struct aside *o = all->out; o; o = o->next) {
        if (o->left && strcmp(o->key, key) == 0)
            return false;
        left += o->left;
    }
    return left < all->most;
}

static struct timespec until_of(int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

bool aside_do(struct asides *all, struct aside *a, const char *key, int64_t wait_ms)
{
    struct timespec until = until_of(wait_ms);
    a->key = strdup(key);
    if (!a->key)
        abort();
    a->done = a->left = false;
    pthread_mutex_lock(&all->lock);
    bool begun = may_begin(all, key);
    if (begun) {
        a->next = all->out;
        all->out = a;
        all->count++;
        begun = begin(all, a);
        if (!begun)
            unlink_one(all, a);
    }
    while (begun && !a->done && pthread_cond_timedwait(&all->changed, &all->lock, &until) == 0)
        ;
    bool done = begun && a->done;
    a->left = begun && !done;
    pthread_mutex_unlock(&all->lock);
    if (done)
        free(a->key);
    if (!begun)
        forget(a);
    return done;
}
