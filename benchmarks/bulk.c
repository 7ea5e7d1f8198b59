/*
 * bench-bulk: one end of the bulk transport without a house, for measuring lines.
 *
 *   bench-bulk receive ADDRESS PORT SESSIONS
 *   bench-bulk send HOST PORT SESSION BYTES ITEMS [POLICY [MBIT]]
 *
 * The bytes are a pattern that the receiver checks. Both print one JSON line; times are those of
 * CLOCK_MONOTONIC, so that two ends on one machine can be compared: a transfer lasts from the first
 * packet of its meeting to the arrival of its last byte.
 */
#include "wire/bulk/bulk.h"
#include "plat/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD = 65521, SESSIONS_MOST = 8 };

static uint8_t pattern[PERIOD * 2];

static struct bulk_meeting meeting_of(int session)
{
    struct bulk_meeting m = {.connection = 1000 + (uint32_t)session, .secret = {1, 2, 3}};
    m.secret[4] = (uint8_t)session;
    return m;
}

struct side {
    struct bulk *bulk;
    int64_t items, bytes, began_us, ended_us, wrong;
    atomic_bool over;
};

static void *open_item(void *context, uint64_t item, int64_t size, text meta, struct error *err)
{
    struct side *s = context;
    (void)item, (void)size, (void)meta, (void)err;
    if (!s->began_us)
        s->began_us = clock_tick_us();
    return s;
}

static bool place(void *context, void *user, int64_t offset, const void *at, size_t size)
{
    struct side *s = context;
    (void)user;
    s->wrong += memcmp(at, pattern + offset % PERIOD, size) != 0;
    s->bytes += (int64_t)size;
    s->ended_us = clock_tick_us();
    return true;
}

static void whole(void *context, uint64_t item, void *user)
{
    struct side *s = context;
    (void)user;
    s->items++;
    bulk_answer(s->bulk, item, 0, (text){0});
}

static bool read_item(void *context, void *user, int64_t offset, void *to, size_t size)
{
    (void)context, (void)user;
    memcpy(to, pattern + offset % PERIOD, size);
    return true;
}

static void answered(void *context, void *user, unsigned code, text answer)
{
    struct side *s = context;
    (void)user, (void)code, (void)answer;
    if (--s->items == 0)
        atomic_store(&s->over, true);
}

static void ended(void *context, const struct error *why)
{
    struct side *s = context;
    if (why->kind)
        fprintf(stderr, "bench-bulk: %s\n", why->what);
    atomic_store(&s->over, true);
}

static void numbers(FILE *to, const struct bulk_numbers *n)
{
    fprintf(to,
            "\"packets\":%lld,\"lost\":%lld,\"twice\":%lld,\"peer_twice\":%lld,\"rtt_ms\":%.1f,"
            "\"queue_ms\":%.1f,\"datagram\":%d,\"bad\":%lld,\"mbit\":%.1f}\n",
            (long long)n->sent_packets, (long long)n->lost_packets, (long long)n->twice_bytes,
            (long long)n->peer_twice_bytes, n->rtt_us / 1e3, n->queue_us / 1e3, n->datagram_bytes,
            (long long)n->bad_packets, (double)n->bytes_a_second * 8 / 1e6);
    fflush(to);
}

static int receive(const char *address, int port, int count)
{
    static struct side sides[SESSIONS_MOST];
    struct error err;
    struct bulk_port *p =
        bulk_port_open(&(struct bulk_port_wish){.address = address, .port = port}, &err);
    if (!p) {
        fprintf(stderr, "bench-bulk: %s: %s\n", err.what, err.why);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        struct bulk_meeting m = meeting_of(i);
        struct bulk_calls calls = {.context = &sides[i],
                                   .open = open_item,
                                   .place = place,
                                   .whole = whole,
                                   .ended = ended,
                                   .window_bytes = (uint64_t)1 << 30};
        sides[i].bulk = bulk_expect(p, &m, &calls);
    }
    fprintf(stderr, "ready\n");
    for (int i = 0; i < count; i++) {
        while (!atomic_load(&sides[i].over))
            clock_sleep_ms(10);
        struct bulk_numbers n = bulk_numbers(sides[i].bulk);
        printf("{\"end\":\"receive\",\"session\":%d,\"bytes\":%lld,\"items\":%lld,\"wrong\":%lld,"
               "\"ended_us\":%lld,",
               i, (long long)sides[i].bytes, (long long)sides[i].items, (long long)sides[i].wrong,
               (long long)sides[i].ended_us);
        numbers(stdout, &n);
        bulk_close(sides[i].bulk, false);
    }
    bulk_port_close(p);
    return 0;
}

static int send_to(const char *host, int port, int session, int64_t bytes, int64_t items,
                   const char *policy, double mbit)
{
    static struct side side;
    struct error err;
    struct bulk_meeting m = meeting_of(session);
    struct bulk_calls calls = {
        .context = &side, .read = read_item, .answered = answered, .ended = ended};
    struct bulk_port *p = bulk_port_open(&(struct bulk_port_wish){0}, &err);
    enum bulk_policy kind = BULK_FAIR;
    int64_t began_us = clock_tick_us();
    side.items = items;
    side.bulk = p ? bulk_meet(p, &m, &calls, host, port, 3000, &err) : NULL;
    if (!side.bulk) {
        fprintf(stderr, "bench-bulk: %s: %s\n", err.what, err.why);
        return 1;
    }
    if (bulk_policy_named(policy, &kind))
        bulk_wish(side.bulk, kind, (int64_t)(mbit * 1e6 / 8));
    for (int64_t i = 0; i < items; i++)
        while (!bulk_send(side.bulk, bytes / items, (text){"bench", 5}, &side) &&
               !atomic_load(&side.over))
            clock_sleep_ms(1); // so many at once are not taken
    for (int turn = 1; !atomic_load(&side.over); turn++) {
        clock_sleep_ms(5);
        if (turn % 50 == 0 && getenv("BULK_TRACE")) {
            struct bulk_numbers now = bulk_numbers(side.bulk);
            fprintf(stderr, "{");
            numbers(stderr, &now);
        }
    }
    struct bulk_numbers n = bulk_numbers(side.bulk);
    printf("{\"end\":\"send\",\"session\":%d,\"began_us\":%lld,\"answered_us\":%lld,", session,
           (long long)began_us, (long long)clock_tick_us());
    numbers(stdout, &n);
    bulk_close(side.bulk, true);
    bulk_port_close(p);
    return 0;
}

int main(int count, char **words)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i % PERIOD * 2654435761u >> 13);
    if (count == 5 && strcmp(words[1], "receive") == 0 && atoi(words[4]) <= SESSIONS_MOST)
        return receive(words[2], atoi(words[3]), atoi(words[4]));
    if (count >= 7 && strcmp(words[1], "send") == 0)
        return send_to(words[2], atoi(words[3]), atoi(words[4]), atoll(words[5]), atoll(words[6]),
                       count > 7 ? words[7] : "fair", count > 8 ? atof(words[8]) : 0);
    fprintf(stderr, "bench-bulk receive ADDRESS PORT SESSIONS | send HOST PORT SESSION BYTES ITEMS "
                    "[POLICY [MBIT]]\n");
    return 2;
}
