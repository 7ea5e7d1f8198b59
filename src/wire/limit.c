#include "wire/limit.h"

#include "plat/clock.h"
#include "plat/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Buckets are named by a 128-bit digest of their key, so that long keys cost nothing. They lie in a
// fixed array, found through hash chains, and are threaded from the last used to the longest
// unused. Debt is counted instead of credit, in micro-tokens: a bucket that is not there owes
// nothing, so forgetting one that was unused for long loses little.
struct bucket {
    uint64_t key[2];
    int64_t owed, at_us;
    int chain, newer, older; // indices, -1 at the ends
};

struct rate_limiter {
    pthread_mutex_t lock; // all below
    int64_t burst, per_minute;
    int room, count, newest, oldest;
    int *heads; // room of them
    struct bucket *buckets;
};

struct rate_limiter *rate_limiter_open(int64_t burst, int64_t per_minute, size_t keys)
{
    struct rate_limiter *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    pthread_mutex_init(&l->lock, NULL);
    l->burst = burst < 1 ? 1 : burst;
    l->per_minute = per_minute < 1 ? 1 : per_minute;
    l->room = keys < 1 ? 1 : keys > 1000000 ? 1000000 : (int)keys;
    l->newest = l->oldest = -1;
    l->heads = malloc(sizeof(int) * (size_t)l->room);
    l->buckets = calloc((size_t)l->room, sizeof(struct bucket));
    if (!l->heads || !l->buckets)
        abort();
    for (int i = 0; i < l->room; i++)
        l->heads[i] = -1;
    return l;
}

void rate_limiter_close(struct rate_limiter *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l->heads);
    free(l->buckets);
    free(l);
}

static void unthread(struct rate_limiter *l, int i)
{
    struct bucket *b = &l->buckets[i];
    *(b->newer < 0 ? &l->newest : &l->buckets[b->newer].older) = b->older;
    *(b->older < 0 ? &l->oldest : &l->buckets[b->older].newer) = b->newer;
}

static void thread_newest(struct rate_limiter *l, int i)
{
    struct bucket *b = &l->buckets[i];
    b->newer = -1;
    b->older = l->newest;
    *(l->newest < 0 ? &l->oldest : &l->buckets[l->newest].newer) = i;
    l->newest = i;
}

// The bucket of a key; with `make`, the one unused for longest gives way when there is no room.
static struct bucket *bucket_of(struct rate_limiter *l, text key, bool make)
{
    sha256 digest = sha256_of(key.at, key.size);
    uint64_t k[2];
    memcpy(k, digest.at, sizeof(k));
    int *head = &l->heads[k[0] % (uint64_t)l->room];
    int i = *head;
    while (i >= 0 && memcmp(l->buckets[i].key, k, sizeof(k)) != 0)
        i = l->buckets[i].chain;
    if (i < 0 && !make)
        return NULL;
    if (i >= 0) {
        unthread(l, i);
    } else {
        if (l->count < l->room) {
            i = l->count++;
        } else {
            i = l->oldest;
            unthread(l, i);
            int *from = &l->heads[l->buckets[i].key[0] % (uint64_t)l->room];
            while (*from != i)
                from = &l->buckets[*from].chain;
            *from = l->buckets[i].chain;
        }
        l->buckets[i] = (struct bucket){.key = {k[0], k[1]}, .chain = *head};
        *head = i;
    }
    thread_newest(l, i);
    return &l->buckets[i];
}

#define MICRO 1000000

int rate_limit_take_at(struct rate_limiter *l, text key, int64_t cost, int64_t now_us)
{
    int wait_s = 0;
    pthread_mutex_lock(&l->lock);
    struct bucket *b = bucket_of(l, key, true);
    int64_t passed_us = now_us - b->at_us;
    if (passed_us > 0) {
        __int128 paid = (__int128)passed_us * l->per_minute / 60; // micro-tokens
        b->owed = paid >= b->owed ? 0 : b->owed - (int64_t)paid;
        b->at_us = now_us;
    }
    int64_t over = b->owed + cost * MICRO - l->burst * MICRO;
    if (over <= 0) {
        b->owed += cost * MICRO;
    } else {
        __int128 us = ((__int128)over * 60 + l->per_minute - 1) / l->per_minute;
        wait_s = us > (__int128)86400 * MICRO ? 86400 : (int)((us + MICRO - 1) / MICRO);
    }
    pthread_mutex_unlock(&l->lock);
    return wait_s;
}

int rate_limit_take(struct rate_limiter *l, text key, int64_t cost)
{
    return rate_limit_take_at(l, key, cost, clock_tick_us());
}

void rate_limit_give_back(struct rate_limiter *l, text key, int64_t cost)
{
    pthread_mutex_lock(&l->lock);
    struct bucket *b = bucket_of(l, key, false);
    if (b)
        b->owed = b->owed > cost * MICRO ? b->owed - cost * MICRO : 0;
    pthread_mutex_unlock(&l->lock);
}
