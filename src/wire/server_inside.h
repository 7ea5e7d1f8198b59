/*
 * What server.c (what a request means and how it is answered) and line.c (bytes in and out of
 * connections) share. Nobody else includes it.
 *
 * A line is a connection; it belongs to one loop thread. An exchange is one request on it and its
 * answer. All of an exchange is touched by one thread at a time: by its loop, or, while it is
 * asleep, by the pool thread that works for it; exchange_wake hands it back.
 */
#pragma once
#include "wire/head.h"
#include "wire/inside.h"
#include "wire/traffic.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    PULL_SIZE = 128 << 10,
    DISCARD_LIMIT = 1 << 20, // a rest of a body that is read so that the line can go on
};

enum state {
    X_BODY,     // bytes come in
    X_DISCARD,  // the rest of the body is thrown away, then the answer goes out
    X_ASLEEP,   // somebody else has it; `then` says what for
    X_SEND,     // the answer goes out
    X_UPGRADED, // the line has become a WebSocket
};
enum then { THEN_BEGIN, THEN_BUFFER, THEN_PIECE, THEN_HANDLE, THEN_PULL };

struct buffer {
    struct buffer *next;
    uint8_t *at;
};

struct exchange {
    struct request r;
    struct head head;
    struct server *server;
    struct listener *listener;
    struct line *line;
    enum state state;
    enum then then;
    bool planned, failed, expect, abandoned;
    struct plan plan;
    struct answer a;
    struct error err; // of piece
    struct task task;
    struct exchange *next_wanting, *next_woken;

    // the body
    struct buffer *buffer; // a big one
    uint8_t *body;         // in it or in the arena
    size_t room, used;
    struct chunks chunks; // r.length is -1

    // the answer on its way: head, bytes, then files or pulls
    bool close; // the line ends after it
    struct buf out;
    text bytes;
    size_t sent; // of out and bytes together
    int64_t file_at, file_left;
    char *pulled;
    size_t have, pull_room;
    int64_t pull_end; // of the range; -1: not known
    bool pull_ended, chunked;
    struct stream *stream; // NULL: nobody counts
};

struct line {
    struct line *next, **from; // in its loop's list
    struct loop *loop;
    struct listener *listener;
    struct exchange *x; // NULL: a head is read or awaited
    int fd;
    bool dead, lingering, more, hung_up, broken, again, held;
    uint8_t *in; // what came and is not used yet; NULL mostly
    size_t in_size, in_used, seen;
    int64_t since_ms, moved_ms, bytes; // the state began, a byte moved; bytes since it began
    int64_t thrown;                    // while lingering
    struct line *next_again, *next_held;
    int64_t held_until_ms; // its stream may not move before
    struct sockaddr_storage from_address;
    bool trusted; // the peer is one of the trusted proxies
    char peer[INET6_ADDRSTRLEN];
};

struct listener {
    struct server *server;
    const char *tag;
    bool secure;
    int port, fd;
    struct loops *loops;
    struct door *door;
    atomic_int open; // lines
};

struct network {
    int family, bits;
    uint8_t address[16];
};

struct server {
    struct server_wish wish;
    struct listener *listeners;
    struct network *trusted;
    size_t trusted_count;
    struct pool *pool;

    pthread_mutex_t buffers_lock; // the next five
    bool buffers_closed;
    struct buffer *buffers_free;
    int buffers_made, buffers_used;
    struct exchange *wanting, **wanting_last;
    _Atomic int64_t buffer_used_ms; // when one was last taken or given back

    pthread_t watch;
    bool watching;
    pthread_mutex_t stop_lock; // stopping
    pthread_cond_t stop;
    bool stopping;
    atomic_bool closing;
    atomic_int under_way;
    _Atomic int64_t requests, answers[6], bytes_in;
    atomic_int connections;
};

// ---- server.c, called on the line's loop ---------------------------------------------------

// A request whose head is there (or is refused with fault->status); l->x is set.
void exchange_open(struct line *l, text whole, const struct head_fault *fault);
void exchange_filled(struct exchange *x); // the room for the body is full, and there is more
void exchange_all(struct exchange *x);    // the body has come
void exchange_fault(struct exchange *x, int status, const char *why); // the body is malformed
void exchange_over(struct exchange *x);    // the body is longer than the plan allows
void exchange_woken(struct exchange *x);   // it is ours again
// Asks for the next bytes of a pull answer, at most so many (<= PULL_SIZE).
void exchange_pull(struct exchange *x, size_t room);
void exchange_close(struct exchange *x);   // answered, or the line is cut
void exchange_upgrade(struct exchange *x); // 101 is sent: the socket is the sockets' now
void line_known(struct line *l);           // fills peer and trusted

// ---- line.c --------------------------------------------------------------------------------

struct loops *loops_open(struct listener *l, int threads, bool accepting, struct error *err);
void loops_stop_accepting(struct loops *all);
void loops_close(struct loops *all);    // cuts every line
void exchange_wake(struct exchange *x); // any thread
void line_free(struct line *l);         // of an upgraded one, by any thread
