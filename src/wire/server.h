/*
 * wire/server: an HTTP/1.1 server. It knows addresses, bodies and ranges, and no film words.
 *
 * Event threads (epoll) only move bytes. For each request, as soon as its head is
 * there, `plan` says cheaply what is to happen: how the body is read and which function answers.
 * That function then runs on a bounded pool of handler threads while the connection sleeps, so that
 * an fsync or a password hash stalls nobody. A plan marked `quick` is answered on the event thread
 * itself: for byte ranges and other answers that never wait.
 *
 * Threads: plan, quick handlers, decorate and problem run on event threads, many at once; begin,
 * piece, handle and pull run on the pool, one at a time for one request, in that order; done runs
 * on either. Everything given in struct server_wish must outlive the server.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>

struct server;
struct tls;
struct sockets;
struct socket_calls;
struct stream;

// ---- What is asked -------------------------------------------------------------------------

struct request {
    const char *method;    // "GET"; HEAD stays "HEAD" (its answer's body is left out for you)
    const char *path;      // decoded, begins with '/', valid UTF-8, no NUL, no control characters,
                           // no ".." segment, no encoded '/'; other requests were answered 400
    const char *raw_path;  // as sent, without the query
    const char *raw_query; // as sent, without '?'; "" when there is none
    const char *peer; // "192.0.2.7" or "2001:db8::1": of the client, seen through trusted proxies
    const char *listener;    // the listener's tag
    const char *host;        // the Host header, or ""
    bool secure;             // TLS to us, or https said by a trusted proxy (X-Forwarded-Proto)
    int64_t length;          // Content-Length; 0 without a body; -1 when chunked
    text body;               // BODY_COLLECT: all of it, until `handle` returns
    int64_t received;        // bytes of body that arrived so far (BODY_STREAM too)
    struct arena *arena;     // lives until `done` has run; 64 MiB limit
    const void *route;       // what plan put there
    void *user;              // the handler's own; NULL at first
    struct exchange *inside; // the server's
};

// Both sides of the look-ups: name in any case; NULL when absent; the first when repeated. What is
// returned lives as long as the request.
const char *request_header(const struct request *r, const char *name);
const char *request_query(struct request *r, const char *name); // percent and '+' decoded
const char *request_cookie(struct request *r, const char *name);
// The bytes of the body that are still to come, and those of an answer from files or from a
// function, are taken from this stream (wire/traffic.h), which is left when the request is over or
// takes another one. From begin, piece or handle.
void request_meter(struct request *r, struct stream *take_over);

enum body_kind {
    BODY_NONE,    // a body is refused (413), an empty one is fine
    BODY_COLLECT, // all in memory, at most `limit` bytes (<= 8 MiB)
    BODY_STREAM   // given to `piece` in turn, at most `limit` bytes in all (0: any size)
};
#define BODY_PIECE_SIZE (8u << 20)

struct answer;
struct plan {
    bool quick; // handle on the event thread; only with BODY_NONE
    enum body_kind body;
    int64_t limit;
    // Optional, before the body is read (and before 100-continue is sent). When it sets an answer,
    // the body is not read and neither piece nor handle runs: log-in checks for big bodies.
    void (*begin)(struct request *r, struct answer *a);
    // BODY_STREAM: each piece is BODY_PIECE_SIZE bytes, save the last. After false the answer is
    // the problem of *err and handle does not run.
    bool (*piece)(struct request *r, const void *at, size_t size, struct error *err);
    void (*handle)(struct request *r, struct answer *a); // must set an answer
    // Optional, exactly once for each request whose plan was made, also when the line was cut.
    void (*done)(struct request *r);
    const void *route; // shown to all of the above as r->route
};

// ---- What is answered ----------------------------------------------------------------------

// Status and headers may be set in any order; the last body set counts. Names and values are
// copied. A value with a control character is our own mistake and is left out.
void answer_status(struct answer *a, int status);
void answer_header(struct answer *a, const char *name, const char *value); // may repeat
void answer_no_header(struct answer *a, const char *name);                 // takes it back
bool answer_has_header(const struct answer *a, const char *name);
int answer_get_status(const struct answer *a); // 0: nothing set yet

// From memory. _bytes borrows: the bytes must live as long as the request (its arena, or for ever).
void answer_bytes(struct answer *a, int status, const char *type, const void *at, size_t size);
void answer_copy(struct answer *a, int status, const char *type, const void *at, size_t size);
void answer_empty(struct answer *a, int status);
// The problem of an error, made by server_wish.problem, with the status of its kind.
void answer_error(struct answer *a, const struct error *err);

// From files: runs one after another are the whole body; Range, If-Range, If-None-Match, HEAD are
// obeyed (RFC 9110, 13 and 14: one range; more than one gets the whole).
struct file_run {
    int fd;
    int64_t offset, size;
};
struct file_answer {
    const struct file_run *runs; // copied
    size_t count;
    const char *type;
    const char *etag;        // with its quotes; NULL for none
    int64_t modified_ms;     // Last-Modified; 0 for none
    void (*release)(void *); // closes the descriptors; called exactly once, on any thread,
    void *context;           // when the last byte is gone or the line is cut
};
void answer_files(struct answer *a, const struct file_answer *f);

// From a function that gives the next bytes: returns how many (up to `room`), 0 at the end, -1 with
// *err set: then the line is cut, so that the client does not take half for the whole. `size` is
// the whole size, or -1 when not known (sent chunked). `close` runs once, like release above.
#define PULL_AGAIN (-2) // nothing yet: it is asked again, others go first
struct pull_answer {
    int64_t size;
    const char *type;
    // With `seek` ranges are obeyed as for files: it is called before the first pull, must not wait,
    // and says at which byte the next one begins. The bytes must be the same each time.
    void (*seek)(void *context, int64_t at);
    const char *etag;    // with its quotes; NULL for none
    int64_t modified_ms; // 0 for none
    int64_t (*pull)(void *context, void *to, size_t room, struct error *err); // or PULL_AGAIN
    void (*close)(void *context);
    void *context;
};
void answer_pull(struct answer *a, const struct pull_answer *p);

// Turns the connection into a WebSocket of `all` (wire/socket.h). Answers 400/426 by itself when
// the request is not a proper upgrade, 403 when its Origin is neither the Host nor in `origins`
// (NULL-ended; may be NULL). No Origin (programs) is fine. The context is the socket's user.
// When it is not upgraded (false now, or the line was cut before) `calls->closed` is never called;
// free the context in the plan's done unless the socket's `opened` was called.
bool answer_socket(struct answer *a, struct request *r, struct sockets *all,
                   const struct socket_calls *calls, void *context, const char *const *origins);

// ---- The server ----------------------------------------------------------------------------

struct listener_wish {
    const char *tag;     // "page", "media"; the same tag may listen in several places
    const char *address; // "127.0.0.1", "::", "0.0.0.0"
    int port;            // 0: any free one
    struct tls *tls;     // NULL: plain
};

struct server_wish {
    const struct listener_wish *listeners;
    size_t listener_count;
    void *context; // for the three calls below
    // Fills *p by method, path and listener; no disk, no database, no waiting. False: 404.
    bool (*plan)(void *context, const struct request *r, struct plan *p);
    // Writes *err as a problem (status, content type, body) into *a. r is NULL when there is none.
    // kind ERROR_USAGE is 400, NOT_FOUND 404, TOO_BIG 413 or 431 (`status` says), TOO_MANY 503.
    void (*problem)(void *context, const struct request *r, int status, const struct error *err,
                    struct answer *a);
    // Optional: headers for every answer (CSP, nosniff, ...); those the handler set stay.
    void (*decorate)(void *context, const struct request *r, struct answer *a);
    const char *const *trusted_proxies; // addresses, or "10.0.0.0/8"; NULL-ended; NULL: none
    int event_threads;                  // for each listener; 0: 2
    int handler_threads;                // 0: 16; started when first needed
    int handlers_waiting;               // over this many waiting: 503; 0: 1024
    int body_buffers;                   // of 8 MiB, at once; 0: 12. Requests wait for one
    int connections;                    // for each listener, WebSockets too; 0: 16384
    int header_timeout_s;               // a whole head, and idle keep-alive; 0: 60
    int body_timeout_s;                 // without a byte of body or answer moving; 0: 60
};

// Listens at once. Also ignores SIGPIPE for the process, and raises its limit of open files.
struct server *server_open(const struct server_wish *wish, struct error *err);
int server_port(const struct server *s, size_t listener_index); // as bound
// Takes no more connections, waits until requests under way are answered (at most drain_ms), cuts
// the rest. Close the `sockets` before it: an open WebSocket is a request under way.
void server_close(struct server *s, int drain_ms);

struct server_numbers {
    int64_t requests, answers_by_class[6]; // [2] = 2xx
    int64_t bytes_in;
    int connections, handlers_busy, handlers_waiting, body_buffers_in_use;
};
struct server_numbers server_numbers(const struct server *s);
