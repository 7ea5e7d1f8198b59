/*
 * wire/bulk: large things over UDP, at the speed of the line, whatever it loses and however long it
 * is.
 *
 * A *session* joins two programs that have met over TLS and agreed there on a connection number and
 * a secret; it can be used from both ends alike. What travels in it are *items*: a description of a
 * few bytes, and up to 2^48 bytes of contents. Each packet says where in which item its bytes
 * belong, so that they are placed as they come; what was lost is sent again while everything else
 * goes on. Many items are under way at once and none waits for the one before. The receiver answers
 * an item when it has done with it what it must (made it durable): then the sender knows.
 *
 * A *port* is a UDP socket and a thread; it carries any number of sessions. Callbacks run on that
 * thread, one at a time, and must not wait for long: others' packets wait meanwhile. They may call
 * bulk_send, bulk_answer and bulk_wish. Never hold a lock that a callback takes while calling any
 * of these functions: they wait for the callback.
 *
 * Format: docs/formats/bulk.md.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct bulk_port;
struct bulk;

enum { BULK_SECRET = 32, BULK_META_MOST = 1000 };
struct bulk_meeting { // what both know of a session; the secret is for one session only
    uint32_t connection;
    uint8_t secret[BULK_SECRET];
};
struct bulk_meeting bulk_meeting_new(void);

enum bulk_policy {
    BULK_FAIR,       // as fast as the line is, with a queue of a few ms in it
    BULK_FIXED,      // at a rate that is given, whatever comes
    BULK_BACKGROUND, // what others leave
};
bool bulk_policy_named(const char *name, enum bulk_policy *policy); // "fair", "fixed", "background"

struct bulk_calls {
    void *context;
    // ---- what comes. An item begins: what `place` and `whole` get as `user`; NULL refuses it,
    // with *err for the one who sends. `meta` is gone afterwards.
    void *(*open)(void *context, uint64_t item, int64_t size, text meta, struct error *err);
    // Bytes that were not there before, in any order. False: they can not be kept, the session
    // ends.
    bool (*place)(void *context, void *user, int64_t offset, const void *at, size_t size);
    // All of it is there (at once for an empty one). bulk_answer must follow, now or later.
    void (*whole)(void *context, uint64_t item, void *user);
    // The session is closed and the item was not whole, or not answered.
    void (*dropped)(void *context, void *user);
    // ---- what goes. The next bytes of an item. False: they can not be read, the session ends.
    bool (*read)(void *context, void *user, int64_t offset, void *to, size_t size);
    // The receiver is done with it: code 0, or one of enum error_kind and why. Not called for items
    // that were not answered when the session ended.
    void (*answered)(void *context, void *user, unsigned code, text answer);
    // ---- the session ended by itself: the other side closed it (kind NONE), nothing was heard of
    // it for long, or a callback failed. Called once; bulk_close must still follow.
    void (*ended)(void *context, const struct error *why);
    // How many bytes may come at once. With `keeps` an item counts until it is answered, else each
    // byte until it is placed.
    uint64_t window_bytes; // 0: 64 MiB
    bool keeps;
};

struct bulk_port_wish {
    const char *address; // "0.0.0.0", "::"; NULL: any, for a client
    int port;            // 0: any free one
};
struct bulk_port *bulk_port_open(const struct bulk_port_wish *wish, struct error *err);
int bulk_port_number(const struct bulk_port *p);
void bulk_port_close(struct bulk_port *p); // after its sessions; NULL is fine

// Waits for the other one to come, for as long as nothing is heard: see `ended`.
struct bulk *bulk_expect(struct bulk_port *p, const struct bulk_meeting *m,
                         const struct bulk_calls *calls);
// Goes to the other one: false in `wait_ms` when nothing comes back (UDP does not pass, or nobody
// is there). The port is used for this one session.
struct bulk *bulk_meet(struct bulk_port *p, const struct bulk_meeting *m,
                       const struct bulk_calls *calls, const char *host, int port, int wait_ms,
                       struct error *err);
// Tells the other side when `kindly`; items that are not answered are dropped. No callback runs
// once it returned. NULL is fine.
void bulk_close(struct bulk *b, bool kindly);

// Sends an item after those before it; `user` comes back in read and answered. False: the session
// has ended.
bool bulk_send(struct bulk *b, int64_t size, text meta, void *user);
// code 0, or one of enum error_kind. Later answers, and those of ended sessions, do no harm.
void bulk_answer(struct bulk *b, uint64_t item, unsigned code, text answer);
// How both sides send from now on. bytes_a_second: a cap, or the rate of BULK_FIXED; 0: none.
void bulk_wish(struct bulk *b, enum bulk_policy policy, int64_t bytes_a_second);

struct bulk_numbers {
    int64_t sent_packets, lost_packets, came_packets, bad_packets;
    int64_t sent_bytes;       // of datagrams
    int64_t came_bytes;       // of items, each once
    int64_t twice_bytes;      // of items, that came again
    int64_t peer_twice_bytes; // the same at the other side, as far as it has told
    int64_t bytes_a_second;   // how fast it sends now
    int64_t silent_us;        // since something was heard, while something is awaited; else 0
    int rtt_us, queue_us, datagram_bytes;
    enum bulk_policy policy;
};
struct bulk_numbers bulk_numbers(struct bulk *b);
