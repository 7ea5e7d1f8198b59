#include "bulk_sim.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRS = 4, WIRE = 38 + 28 }; // of Ethernet, IPv4 and UDP

struct event {
    int64_t at_us;
    uint64_t order;
    int pair;
    bool to_server;
    size_t size;
    uint8_t *bytes;
};

struct direction {
    struct sim_line line;
    int64_t free_us; // when the bottleneck is through with what it has
    double free_rest;
    struct sim_numbers numbers;
};

struct sim {
    uint64_t seed, order;
    int64_t now_us;
    double busy;
    int64_t busy_us;
    struct direction ways[2]; // to the server, back
    struct lane *lanes[PAIRS][2];
    int pairs;
    struct event *heap;
    size_t count, room;
};

static uint64_t next(struct sim *s)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return s->seed;
}

static bool chance(struct sim *s, double share)
{
    return share > 0 && (double)(next(s) >> 11) / 9007199254740992.0 < share;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void push(struct sim *s, struct event e)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 1024;
        s->heap = realloc(s->heap, s->room * sizeof(*s->heap));
        if (!s->heap)
            abort();
    }
    size_t at = s->count++;
    for (; at && before(&e, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = e;
}

static struct event pop(struct sim *s)
{
    struct event first = s->heap[0], last = s->heap[--s->count];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= s->count)
            break;
        if (child + 1 < s->count && before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!before(&s->heap[child], &last))
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    if (s->count)
        s->heap[at] = last;
    return first;
}

struct sim *sim_open(uint64_t seed)
{
    struct sim *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->seed = seed * 0x9E3779B97F4A7C15ull + 1;
    s->now_us = 1000000;
    for (int i = 0; i < 2; i++)
        s->ways[i].line = (struct sim_line){.most = SIZE_MAX, .queue_us = 100000};
    return s;
}

void sim_close(struct sim *s)
{
    for (int i = 0; i < s->pairs; i++)
        for (int k = 0; k < 2; k++)
            lane_close(s->lanes[i][k]);
    for (size_t i = 0; i < s->count; i++)
        free(s->heap[i].bytes);
    free(s->heap);
    free(s);
}

int sim_pair(struct sim *s, const struct bulk_calls *client, const struct bulk_calls *server)
{
    struct bulk_meeting m = {.connection = 7 + (uint32_t)s->pairs, .secret = {1, 2, 3}};
    s->lanes[s->pairs][0] = lane_open(
        &(struct lane_wish){.server = false, .meeting = m, .calls = client, .now_us = s->now_us});
    s->lanes[s->pairs][1] = lane_open(
        &(struct lane_wish){.server = true, .meeting = m, .calls = server, .now_us = s->now_us});
    return s->pairs++;
}

struct lane *sim_lane(struct sim *s, int pair, bool server)
{
    return s->lanes[pair][server];
}

struct sim_line *sim_there(struct sim *s)
{
    return &s->ways[0].line;
}

struct sim_line *sim_back(struct sim *s)
{
    return &s->ways[1].line;
}

struct sim_numbers *sim_numbers_there(struct sim *s)
{
    return &s->ways[0].numbers;
}

void sim_busy(struct sim *s, double share, int64_t most_us)
{
    s->busy = share;
    s->busy_us = most_us;
}

int64_t sim_now(const struct sim *s)
{
    return s->now_us;
}

static void arrive_later(struct sim *s, int64_t at_us, int pair, bool to_server, const uint8_t *at,
                         size_t size)
{
    struct event e = {at_us, s->order++, pair, to_server, size, malloc(size)};
    if (!e.bytes)
        abort();
    memcpy(e.bytes, at, size);
    push(s, e);
}

static void send_one(struct sim *s, int pair, bool to_server, uint8_t *at, size_t size)
{
    struct direction *d = &s->ways[!to_server];
    const struct sim_line *l = &d->line;
    d->numbers.packets++;
    if (size > l->most || (s->now_us >= l->dead_from && s->now_us < l->dead_until))
        return;
    if (d->free_us < s->now_us)
        d->free_us = s->now_us, d->free_rest = 0;
    int64_t waits = d->free_us - s->now_us;
    d->numbers.queue_sum_us += (double)waits;
    if (waits > d->numbers.queue_most_us)
        d->numbers.queue_most_us = waits;
    if (l->bytes_a_second > 0) {
        if (waits > l->queue_us) {
            d->numbers.dropped++;
            return;
        }
        d->free_rest += (double)(size + WIRE) * 1e6 / l->bytes_a_second;
        d->free_us += (int64_t)d->free_rest;
        d->free_rest -= (double)(int64_t)d->free_rest;
    }
    if (chance(s, l->loss)) {
        d->numbers.lost++;
        return;
    }
    int64_t due = d->free_us + l->delay_us;
    if (l->jitter_us)
        due += (int64_t)(next(s) % (uint64_t)l->jitter_us);
    if (chance(s, l->late))
        due += (int64_t)(next(s) % (uint64_t)(l->late_us + 1));
    if (chance(s, l->twice))
        arrive_later(s, due + (int64_t)(next(s) % 5000), pair, to_server, at, size);
    if (chance(s, l->changed))
        at[next(s) % size] ^= (uint8_t)(1 + next(s) % 255);
    arrive_later(s, due, pair, to_server, at, size);
}

static void fill(struct sim *s, int pair, bool server)
{
    static uint8_t room[64 << 10];
    struct lane_peer to;
    size_t size, segment;
    while ((size = lane_fill(s->lanes[pair][server], s->now_us, room, sizeof(room), &segment, &to)))
        for (size_t at = 0; at < size; at += segment)
            send_one(s, pair, !server, room + at, size - at < segment ? size - at : segment);
}

bool sim_run(struct sim *s, int64_t until_us, bool (*done)(void *context), void *context)
{
    for (int64_t turn = 0;; turn++) {
        int64_t due = s->count ? s->heap[0].at_us : INT64_MAX;
        for (int i = 0; i < s->pairs; i++)
            for (int k = 0; k < 2; k++) {
                fill(s, (int)((i + turn) % s->pairs), k);
                int64_t own = lane_due(s->lanes[i][k], s->now_us);
                due = own < due ? own : due;
            }
        if (s->count && s->heap[0].at_us < due)
            due = s->heap[0].at_us;
        if (done && done(context))
            return true;
        if (due > until_us)
            return false;
        // As a thread wakes up: not at once.
        s->now_us = due > s->now_us ? due : s->now_us + 20;
        if (chance(s, s->busy))
            s->now_us += (int64_t)(next(s) % (uint64_t)s->busy_us);
        while (s->count && s->heap[0].at_us <= s->now_us) {
            struct event e = pop(s);
            struct lane_peer from = {.at = {(uint8_t)e.pair, e.to_server}, .size = 2};
            lane_datagram(s->lanes[e.pair][e.to_server], s->now_us, e.at_us, &from, e.bytes,
                          e.size);
            free(e.bytes);
        }
    }
}
