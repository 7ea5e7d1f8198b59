/*
 * wire/socket: the server's side of WebSockets (RFC 6455): many viewers, few messages.
 *
 * A message is framed once (`struct frame`, counted references) and the same bytes are written to
 * every viewer by one loop thread. A viewer whose buffer is full is closed with 1013 ("try again
 * later"): it comes back and asks for what it missed. The calls of one socket run one at a time and
 * in order on a small pool, so they may wait for a disk; the loop never does.
 *
 * References: `opened` gets a socket that is kept alive until `closed` has returned. Who keeps a
 * pointer longer, or uses it on another thread, holds it (socket_hold) and lets it go. Sending to a
 * closed socket does nothing. All functions may be called on any thread.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>

struct sockets;
struct socket;
struct frame;

struct socket_calls {
    void (*opened)(struct socket *s);                // first
    void (*message)(struct socket *s, text message); // a whole text message, valid UTF-8
    // Last, exactly once when opened was called. code as the other side sent, 1006 when the line
    // was cut, 1013 dropped, 1001 server closing, 1009 too big.
    void (*closed)(struct socket *s, int code);
};

struct sockets_wish {
    int pool_threads;     // 0: 4
    size_t message_limit; // of a message that comes in; 0: 64 KiB
    size_t waiting_limit; // bytes that may wait for one viewer; 0: 1 MiB
    int ping_s;           // ping after so long without a byte, cut after twice that; 0: 30
    int calls_waiting;    // messages of one socket that wait for their call: then it is not read
};                        // until they are done; 0: 16

struct sockets *sockets_open(const struct sockets_wish *wish, struct error *err);
// Says 1001 to all, runs the `closed` calls, cuts who does not leave within drain_ms.
void sockets_close(struct sockets *all, int drain_ms);
int sockets_count(const struct sockets *all);

struct frame *frame_text(const void *at, size_t size); // one reference, for the caller
struct frame *frame_hold(struct frame *f);
void frame_let_go(struct frame *f);

void socket_send_frame(struct socket *s, struct frame *f); // borrows f
void socket_send(struct socket *s, const void *at, size_t size);
// One wake-up for all of them; order of messages is kept for each.
void socket_send_many(struct frame *f, struct socket *const *to, size_t count);
// After what waits was sent. Codes of RFC 6455 7.4: 1000 done, 1008 not allowed, 4000..4999 ours.
void socket_finish(struct socket *s, int code, const char *reason);

void *socket_user(struct socket *s);
bool socket_is_open(struct socket *s);
struct socket *socket_hold(struct socket *s);
void socket_let_go(struct socket *s);
