/*
 * One libmicrohttpd daemon a listener moves the bytes. Its access handler is called again and again
 * for one request: when the head is there, for pieces of the body, and when all has come; `step`
 * below is the state machine that those calls drive. While a pool thread works for a request its
 * connection is suspended, so that at any time one thread only holds an exchange.
 *
 * An answer that comes before the body was read is delicate: closing a socket with unread bytes
 * makes the kernel send a reset, and the client loses the answer that says why. So a short rest is
 * read and thrown away, and before a long one the answer is written by us at once and the line is
 * closed when the client gives up or has sent 64 MiB in vain.
 */
#include "wire/server.h"

#include "plat/clock.h"
#include "plat/hash.h"
#include "wire/address.h"
#include "wire/inside.h"
#include "wire/range.h"
#include "wire/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LINE_POOL = 64 << 10,   // libmicrohttpd's memory a line: half of it is the read buffer
    HEAD_LIMIT = 24 << 10,  // of all headers; over it 431
    URI_LIMIT = 8 << 10,    // over it 414
    ARENA_LIMIT = 64 << 20, // of one request
    SMALL_BODY = 64 << 10,  // from the arena; larger ones wait for one of the big buffers
    DISCARD_LIMIT = 1 << 20,
    CUT_LIMIT = 64 << 20,
    SMALL_RANGE = 32 << 10, // read and sent with the head
    PULL_SIZE = 128 << 10,
    SLOW_BYTES_A_SECOND = 512,
    SLOW_GRACE_S = 30,
    BUFFER_IDLE_MS = 2000,
};

struct listener {
    struct server *server;
    const char *tag;
    bool secure;
    int port, fd;
    struct MHD_Daemon *daemon;
    struct door *door;
};

// A connection, for the watch that cuts slow ones.
enum line_state { LINE_WAITING, LINE_BODY, LINE_WORKING };
struct line {
    struct line *next, **from; // under server.lines_lock
    struct listener *listener;
    int fd;
    atomic_int state;
    _Atomic int64_t since_ms, bytes; // since the state began
    bool trusted;                    // the peer is one of the trusted proxies
    char peer[INET6_ADDRSTRLEN];
};

struct buffer {
    struct buffer *next;
    uint8_t *at;
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
    pthread_mutex_t lines_lock;
    struct line *lines;

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

enum state {
    X_NEW,     // request line known
    X_BEGIN,   // `begin` runs
    X_WANT,    // waits for a buffer
    X_BODY,    // bytes come in
    X_PIECE,   // `piece` runs
    X_DUE,     // all is there, the answer is not
    X_HANDLE,  // `handle` runs
    X_READY,   // the answer waits to be queued
    X_DISCARD, // so does this one, after the rest of the body
    X_CUT,     // answered by us; the rest is thrown away and the line closed
};

struct exchange {
    struct request r;
    struct server *server;
    struct listener *listener;
    struct line *line;
    struct MHD_Connection *connection;
    enum state state;
    bool planned, failed, expect, last, abandoned;
    struct plan plan;
    struct answer a;
    struct error err; // of piece
    struct task task;
    struct exchange *next_wanting;
    struct buffer *buffer; // a big one
    uint8_t *body;         // in it or in the arena
    size_t room, used;
    int64_t discarded;
    // of a pull answer
    char *pulled;
    int64_t have, sent;
    bool pull_ended, pull_failed;
};

// ---- Buffers for bodies --------------------------------------------------------------------

static struct buffer *buffer_make(struct server *s) // under the lock
{
    struct buffer *b = calloc(1, sizeof(*b));
    void *at =
        b ? mmap(NULL, BODY_PIECE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
          : MAP_FAILED;
    if (at == MAP_FAILED) {
        free(b);
        return NULL;
    }
    b->at = at;
    s->buffers_made++;
    return b;
}

// Gives x a buffer, or puts it in the queue and returns false.
static bool buffer_take(struct exchange *x)
{
    struct server *s = x->server;
    pthread_mutex_lock(&s->buffers_lock);
    struct buffer *b = s->buffers_free;
    if (b)
        s->buffers_free = b->next;
    else if (s->buffers_made < s->wish.body_buffers)
        b = buffer_make(s);
    if (b) {
        x->buffer = b;
        s->buffers_used++;
    } else if (s->buffers_closed) {
        x->abandoned = true;
    } else {
        MHD_suspend_connection(x->connection);
        x->state = X_WANT;
        x->next_wanting = NULL;
        *s->wanting_last = x;
        s->wanting_last = &x->next_wanting;
    }
    pthread_mutex_unlock(&s->buffers_lock);
    s->buffer_used_ms = clock_tick_us() / 1000;
    return b != NULL;
}

static void buffer_give_back(struct exchange *x)
{
    struct server *s = x->server;
    struct buffer *b = x->buffer;
    if (!b)
        return;
    x->buffer = NULL;
    x->body = NULL;
    pthread_mutex_lock(&s->buffers_lock);
    struct exchange *next = s->wanting;
    if (next) {
        s->wanting = next->next_wanting;
        if (!s->wanting)
            s->wanting_last = &s->wanting;
        next->buffer = b;
    } else {
        b->next = s->buffers_free;
        s->buffers_free = b;
        s->buffers_used--;
    }
    pthread_mutex_unlock(&s->buffers_lock);
    s->buffer_used_ms = clock_tick_us() / 1000;
    if (next)
        MHD_resume_connection(next->connection);
}

static void buffers_free_idle(struct server *s)
{
    pthread_mutex_lock(&s->buffers_lock);
    for (struct buffer *b = s->buffers_free, *next; b; b = next) {
        next = b->next;
        munmap(b->at, BODY_PIECE_SIZE);
        free(b);
        s->buffers_made--;
    }
    s->buffers_free = NULL;
    pthread_mutex_unlock(&s->buffers_lock);
}

// ---- Peers ---------------------------------------------------------------------------------

static bool network_parse(const char *from, struct network *n)
{
    char copy[64];
    if (!text_copy(text_of(from), copy, sizeof(copy)))
        return false;
    char *slash = strchr(copy, '/');
    if (slash)
        *slash++ = 0;
    int64_t bits = -1;
    if (slash && (!text_int(text_of(slash), &bits) || bits < 0))
        return false;
    n->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
    int most = n->family == AF_INET ? 32 : 128;
    n->bits = bits < 0 ? most : (int)bits;
    return n->bits <= most && inet_pton(n->family, copy, n->address) == 1;
}

static bool peer_trusted(const struct server *s, const char *peer)
{
    struct network p;
    if (!s->trusted_count || !network_parse(peer, &p))
        return false;
    for (size_t i = 0; i < s->trusted_count; i++) {
        const struct network *n = &s->trusted[i];
        int whole = n->bits / 8, rest = n->bits % 8;
        if (n->family == p.family && memcmp(n->address, p.address, (size_t)whole) == 0 &&
            (!rest || (n->address[whole] ^ p.address[whole]) >> (8 - rest) == 0))
            return true;
    }
    return false;
}

static void peer_text(const struct sockaddr *from, char to[INET6_ADDRSTRLEN])
{
    to[0] = 0;
    if (from->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, to, INET6_ADDRSTRLEN);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
            inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, to, INET6_ADDRSTRLEN);
        else
            inet_ntop(AF_INET6, &six->sin6_addr, to, INET6_ADDRSTRLEN);
    }
}

// The right-most address that is not a proxy of ours: what stands left of it anybody can write.
static const char *peer_behind(struct exchange *x)
{
    const char *list = request_header(&x->r, "X-Forwarded-For");
    const char *peer = x->line->peer;
    text rest = text_of(list);
    while (rest.size) {
        const char *comma = memrchr(rest.at, ',', rest.size);
        text one =
            text_trim(comma ? (text){comma + 1, (size_t)(rest.at + rest.size - comma - 1)} : rest);
        struct network n;
        char *at = arena_copy(x->r.arena, one.size ? one.at : "", one.size);
        if (!network_parse(at, &n) || strchr(at, '/'))
            break;
        peer = at;
        if (!peer_trusted(x->server, at) || !comma)
            break;
        rest.size = (size_t)(comma - rest.at);
    }
    return peer;
}

// ---- What handlers ask ---------------------------------------------------------------------

const char *request_header(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->inside->connection, MHD_HEADER_KIND, name);
}

const char *request_query(struct request *r, const char *name)
{
    return query_value(r->arena, text_of(r->raw_query), name);
}

const char *request_cookie(struct request *r, const char *name)
{
    return cookie_value(r->arena, text_of(request_header(r, "Cookie")), name);
}

void server_problem(struct server *s, const struct request *r, int status, const struct error *err,
                    struct answer *a)
{
    if (s->wish.problem)
        s->wish.problem(s->wish.context, r, status, err, a);
}

// ---- Lines ---------------------------------------------------------------------------------

static void line_is(struct line *l, enum line_state state)
{
    l->since_ms = clock_tick_us() / 1000;
    l->bytes = 0;
    l->state = state;
}

static void on_line(void *context, struct MHD_Connection *c, void **socket_context,
                    enum MHD_ConnectionNotificationCode code)
{
    struct listener *listener = context;
    struct server *s = listener->server;
    struct line *l = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        l = calloc(1, sizeof(*l));
        if (!l)
            return; // requests on it are refused below
        l->listener = listener;
        l->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        peer_text(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                  l->peer);
        l->trusted = peer_trusted(s, l->peer);
        line_is(l, LINE_WAITING);
        pthread_mutex_lock(&s->lines_lock);
        l->next = s->lines;
        l->from = &s->lines;
        if (l->next)
            l->next->from = &l->next;
        s->lines = l;
        pthread_mutex_unlock(&s->lines_lock);
        s->connections++;
        *socket_context = l;
    } else if (l) {
        pthread_mutex_lock(&s->lines_lock);
        *l->from = l->next;
        if (l->next)
            l->next->from = l->from;
        pthread_mutex_unlock(&s->lines_lock);
        s->connections--;
        free(l);
        *socket_context = NULL;
    }
}

// libmicrohttpd's own timeouts start again with every byte; this cuts heads that trickle in and
// bodies slower than any real line. The descriptor is ours to use: on_line takes the lock before
// it is closed.
static void lines_sweep(struct server *s)
{
    int64_t now = clock_tick_us() / 1000;
    pthread_mutex_lock(&s->lines_lock);
    for (struct line *l = s->lines; l; l = l->next) {
        int64_t age_s = (now - l->since_ms) / 1000;
        if ((l->state == LINE_WAITING && age_s > s->wish.header_timeout_s) ||
            (l->state == LINE_BODY && age_s > SLOW_GRACE_S &&
             l->bytes / age_s < SLOW_BYTES_A_SECOND))
            shutdown(l->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->lines_lock);
}

static void *watch(void *context)
{
    struct server *s = context;
    pthread_setname_np(pthread_self(), "http-watch");
    pthread_mutex_lock(&s->stop_lock);
    while (!s->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&s->stop, &s->stop_lock, &until);
        pthread_mutex_unlock(&s->stop_lock);
        lines_sweep(s);
        if (clock_tick_us() / 1000 - s->buffer_used_ms > BUFFER_IDLE_MS)
            buffers_free_idle(s);
        pthread_mutex_lock(&s->stop_lock);
    }
    pthread_mutex_unlock(&s->stop_lock);
    return NULL;
}

// ---- Sending the answer --------------------------------------------------------------------

struct file_reader {
    const struct file_run *runs;
    size_t count;
    int64_t start; // of the range in the whole
};

static ssize_t files_read(void *context, uint64_t position, char *to, size_t room)
{
    struct file_reader *f = context;
    int64_t at = f->start + (int64_t)position;
    for (size_t i = 0; i < f->count; at -= f->runs[i++].size) {
        const struct file_run *run = &f->runs[i];
        if (at >= run->size)
            continue;
        if ((int64_t)room > run->size - at)
            room = (size_t)(run->size - at);
        ssize_t got = pread(run->fd, to, room, run->offset + at);
        // A file shorter than it was said to be: better cut than filled with what is not in it.
        return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *response_empty(void)
{
    return MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
}

// A small range goes out in one write with its head: cheaper than sendfile's four calls.
static struct MHD_Response *response_small(struct file_answer *f, int64_t first, size_t size)
{
    char *at = malloc(size);
    struct file_reader reader = {f->runs, f->count, first};
    size_t have = 0;
    while (at && have < size) {
        ssize_t got = files_read(&reader, have, at + have, size - have);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    if (have == size && at)
        return MHD_create_response_from_buffer(size, at, MHD_RESPMEM_MUST_FREE);
    free(at);
    return NULL; // shorter than it was said to be: the line is cut
}

static struct MHD_Response *response_run(struct exchange *x, int64_t first, int64_t size)
{
    struct file_answer *f = &x->a.files;
    if (size > 0 && size <= SMALL_RANGE)
        return response_small(f, first, (size_t)size);
    int64_t at = first;
    for (size_t i = 0; i < f->count; at -= f->runs[i++].size)
        if (at < f->runs[i].size) {
            if (at + size > f->runs[i].size)
                break;
            int fd = fcntl(f->runs[i].fd, F_DUPFD_CLOEXEC, 3); // the response closes its own
            if (fd < 0)
                return NULL;
            struct MHD_Response *r = MHD_create_response_from_fd_at_offset64(
                (uint64_t)size, fd, (uint64_t)(f->runs[i].offset + at));
            if (!r)
                close(fd);
            return r;
        }
    struct file_reader *reader = ARENA_NEW(x->r.arena, struct file_reader);
    *reader = (struct file_reader){f->runs, f->count, first};
    return MHD_create_response_from_callback((uint64_t)size, PULL_SIZE, files_read, reader, NULL);
}

static bool range_wanted(struct exchange *x, const struct file_answer *f)
{
    const char *if_range = request_header(&x->r, "If-Range");
    int64_t at_ms;
    if (!if_range)
        return true;
    if (if_range[0] == '"' || strncmp(if_range, "W/", 2) == 0)
        return f->etag && etag_listed(text_of(if_range), f->etag, false);
    return f->modified_ms && http_date_parse(text_of(if_range), &at_ms) &&
           at_ms == f->modified_ms / 1000 * 1000;
}

static bool not_modified(struct exchange *x, const struct file_answer *f)
{
    const char *none = request_header(&x->r, "If-None-Match");
    const char *since = request_header(&x->r, "If-Modified-Since");
    int64_t at_ms;
    if (none)
        return f->etag && etag_listed(text_of(none), f->etag, true);
    return since && f->modified_ms && http_date_parse(text_of(since), &at_ms) &&
           f->modified_ms / 1000 * 1000 <= at_ms;
}

static struct MHD_Response *response_files(struct exchange *x)
{
    struct file_answer *f = &x->a.files;
    int64_t size = 0, first, last;
    for (size_t i = 0; i < f->count; i++)
        size += f->runs[i].size;
    if (f->etag)
        answer_header(&x->a, "ETag", f->etag);
    if (f->modified_ms)
        answer_header(&x->a, "Last-Modified", http_date(f->modified_ms).text);
    if (x->a.status != 200)
        return response_run(x, 0, size);
    answer_header(&x->a, "Accept-Ranges", "bytes");
    if (not_modified(x, f)) {
        x->a.status = 304;
        return response_empty();
    }
    const char *range = request_header(&x->r, "Range");
    enum range_kind kind = range && range_wanted(x, f)
                               ? range_parse(text_of(range), size, &first, &last)
                               : RANGE_WHOLE;
    if (kind == RANGE_WHOLE)
        return size ? response_run(x, 0, size) : response_empty();
    char content_range[80];
    if (kind == RANGE_OUT) {
        snprintf(content_range, sizeof(content_range), "bytes */%" PRId64, size);
        answer_header(&x->a, "Content-Range", content_range);
        answer_no_header(&x->a, "Content-Type");
        x->a.status = 416;
        return response_empty();
    }
    snprintf(content_range, sizeof(content_range), "bytes %" PRId64 "-%" PRId64 "/%" PRId64, first,
             last, size);
    answer_header(&x->a, "Content-Range", content_range);
    x->a.status = 206;
    return response_run(x, first, last - first + 1);
}

static void pull_some(struct task *t)
{
    struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, task));
    struct error err;
    int64_t got = x->a.pull.pull(x->a.pull.context, x->pulled, PULL_SIZE, &err);
    x->have = got > 0 ? got : 0;
    x->sent = 0;
    x->pull_ended = got == 0;
    x->pull_failed = got < 0;
    MHD_resume_connection(x->connection);
}

static ssize_t pull_read(void *context, uint64_t position, char *to, size_t room)
{
    struct exchange *x = context;
    (void)position;
    if (x->sent < x->have) {
        size_t size = (size_t)(x->have - x->sent) < room ? (size_t)(x->have - x->sent) : room;
        memcpy(to, x->pulled + x->sent, size);
        x->sent += (int64_t)size;
        return (ssize_t)size;
    }
    if (x->pull_ended && x->a.pull.size < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (x->pull_ended || x->pull_failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    x->task.run = pull_some;
    MHD_suspend_connection(x->connection);
    if (!pool_add(x->server->pool, &x->task, true)) {
        x->pull_failed = true;
        MHD_resume_connection(x->connection);
    }
    return 0;
}

static void upgraded(void *context, struct MHD_Connection *c, void *client_context,
                     const char *early, size_t early_size, MHD_socket fd,
                     struct MHD_UpgradeResponseHandle *urh)
{
    struct exchange *x = context;
    (void)c;
    (void)client_context;
    sockets_adopt(x->a.sockets, fd, urh, early, early_size, x->a.calls, x->a.socket_user,
                  x->r.peer);
}

static void decorate(struct exchange *x)
{
    struct server *s = x->server;
    if (s->wish.decorate && x->a.kind != ANSWER_SOCKET)
        s->wish.decorate(s->wish.context, &x->r, &x->a);
}

static void count_answer(struct exchange *x)
{
    if (x->a.status >= 100 && x->a.status < 600)
        x->server->answers[x->a.status / 100]++;
}

static enum MHD_Result answer_queue(struct exchange *x)
{
    struct answer *a = &x->a;
    struct MHD_Response *r = NULL;
    line_is(x->line, LINE_WORKING);
    decorate(x);
    switch (a->kind) {
    case ANSWER_NONE:
    case ANSWER_BYTES:
        r = MHD_create_response_from_buffer(a->size, (void *)(uintptr_t)a->at,
                                            MHD_RESPMEM_PERSISTENT);
        break;
    case ANSWER_FILES:
        r = response_files(x);
        break;
    case ANSWER_PULL:
        x->pulled = arena_take(x->r.arena, PULL_SIZE);
        r = MHD_create_response_from_callback(a->pull.size < 0 ? MHD_SIZE_UNKNOWN
                                                               : (uint64_t)a->pull.size,
                                              PULL_SIZE, pull_read, x, NULL);
        break;
    case ANSWER_SOCKET:
        r = MHD_create_response_for_upgrade(upgraded, x);
        break;
    }
    if (!r)
        return MHD_NO;
    for (const struct header *h = a->headers; h; h = h->next)
        MHD_add_response_header(r, h->name, h->value);
    count_answer(x);
    enum MHD_Result queued = MHD_queue_response(x->connection, (unsigned)a->status, r);
    MHD_destroy_response(r);
    return queued;
}

// Writes the answer past libmicrohttpd, which can not answer in the middle of a body.
static void answer_raw(struct exchange *x)
{
    decorate(x);
    struct buf b = BUF_LIMIT(1 << 20);
    struct answer *a = &x->a;
    buf_format(&b, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n", a->status,
               MHD_get_reason_phrase_for((unsigned)a->status),
               a->kind == ANSWER_BYTES ? a->size : 0);
    for (const struct header *h = a->headers; h; h = h->next)
        buf_format(&b, "%s: %s\r\n", h->name, h->value);
    buf_text(&b, "\r\n");
    if (a->kind == ANSWER_BYTES && a->size)
        buf_add(&b, a->at, a->size);
    if (!b.over)
        (void)!send(x->line->fd, b.at, b.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_free(&b);
    count_answer(x);
}

bool answer_socket(struct answer *a, struct request *r, struct sockets *all,
                   const struct socket_calls *calls, void *context, const char *const *origins)
{
    struct error err;
    const char *upgrade = request_header(r, "Upgrade");
    const char *version = request_header(r, "Sec-WebSocket-Version");
    const char *key = request_header(r, "Sec-WebSocket-Key");
    const char *origin = request_header(r, "Origin");
    if (!upgrade || strcasecmp(upgrade, "websocket") != 0 || strcmp(r->method, "GET") != 0) {
        error_set(&err, ERROR_USAGE, "this address speaks WebSocket only");
        error_why(&err, "the request did not ask for an upgrade");
        error_fix(&err, "open it with a WebSocket client (ws:// or wss://)");
        answer_header(a, "Upgrade", "websocket");
        answer_problem(a, 426, &err);
        return false;
    }
    if (!version || strcmp(version, "13") != 0 || !key || strlen(key) != 24) {
        error_set(&err, ERROR_USAGE, "the WebSocket handshake is malformed");
        error_why(&err, "Sec-WebSocket-Version must be 13 and Sec-WebSocket-Key 16 bytes (RFC "
                        "6455, 4.2.1)");
        error_fix(&err, "use a WebSocket client that follows RFC 6455");
        answer_header(a, "Sec-WebSocket-Version", "13");
        answer_problem(a, version && strcmp(version, "13") != 0 ? 426 : 400, &err);
        return false;
    }
    if (origin) {
        const char *host = strstr(origin, "://");
        bool same = host && strcasecmp(host + 3, r->host) == 0;
        for (size_t i = 0; !same && origins && origins[i]; i++)
            same = strcasecmp(origins[i], origin) == 0;
        if (!same) {
            error_set(&err, ERROR_DENIED, "another site may not open this connection");
            error_why(&err, "the page came from %s, this house is %s", origin, r->host);
            error_fix(&err, "open the page of this house");
            answer_error(a, &err);
            return false;
        }
    }
    char joined[64];
    uint8_t digest[64];
    snprintf(joined, sizeof(joined), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    struct hasher *h = hasher_open("sha1");
    hasher_add(h, joined, strlen(joined));
    size_t size = hasher_end(h, digest);
    unsigned char coded[64];
    EVP_EncodeBlock(coded, digest, (int)size);
    answer_release(a);
    a->kind = ANSWER_SOCKET;
    a->status = 101;
    a->sockets = all;
    a->calls = calls;
    a->socket_user = context;
    answer_header(a, "Upgrade", "websocket");
    answer_header(a, "Sec-WebSocket-Accept", (const char *)coded);
    return true;
}

// ---- The state machine ---------------------------------------------------------------------

static void refuse(struct exchange *x, int status, enum error_kind kind, const char *what,
                   const char *why, const char *fix)
{
    struct error err;
    error_set(&err, kind, "%s", what);
    error_why(&err, "%s", why);
    error_fix(&err, "%s", fix);
    answer_problem(&x->a, status, &err);
}

static void refuse_busy(struct exchange *x)
{
    answer_header(&x->a, "Retry-After", "2");
    refuse(x, 503, ERROR_TOO_MANY, "the house is too busy",
           x->server->closing ? "it is being stopped" : "too many requests wait already",
           "try again in a moment");
}

static void call_handle(struct exchange *x)
{
    x->plan.handle(&x->r, &x->a);
    if (x->a.kind == ANSWER_NONE) {
        if (x->a.status)
            answer_empty(&x->a, x->a.status);
        else
            refuse(x, 500, ERROR_INTERNAL, "no answer was made", "this is a mistake in Posthouse",
                   "report it with the address that you asked for");
    }
}

static void on_pool(struct task *t)
{
    struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, task));
    switch (x->state) {
    case X_BEGIN:
        x->plan.begin(&x->r, &x->a);
        break;
    case X_PIECE:
        x->failed = !x->plan.piece(&x->r, x->body, x->used, &x->err);
        break;
    default: // X_HANDLE, with the last piece of a stream before it
        if (x->plan.body == BODY_STREAM && x->used &&
            !x->plan.piece(&x->r, x->body, x->used, &x->err))
            answer_error(&x->a, &x->err);
        else
            call_handle(x);
        // A collected body is the handler's until it has answered; then others may have the room.
        if (x->buffer)
            x->r.body = (text){NULL, 0};
        buffer_give_back(x);
        break;
    }
    MHD_resume_connection(x->connection);
}

static enum MHD_Result to_pool(struct exchange *x, enum state state)
{
    x->state = state;
    x->task.run = on_pool;
    line_is(x->line, LINE_WORKING);
    MHD_suspend_connection(x->connection);
    if (!pool_add(x->server->pool, &x->task, state == X_PIECE)) {
        refuse_busy(x);
        if (state == X_PIECE) {
            x->failed = true;
            error_set(&x->err, ERROR_CANCELLED, "the house is being stopped");
        }
        MHD_resume_connection(x->connection);
    }
    return MHD_YES;
}

// The answer is there before the body is.
static enum MHD_Result answer_early(struct exchange *x, bool head_only)
{
    int64_t rest = x->r.length < 0 ? INT64_MAX : x->r.length - x->r.received;
    buffer_give_back(x);
    if (head_only && x->r.length == 0) {
        x->state = X_READY;
    } else if (head_only && x->expect) {
        x->state = X_READY;
        return answer_queue(x); // the client has not begun; libmicrohttpd closes after it
    } else if (rest <= DISCARD_LIMIT) {
        x->state = X_DISCARD;
    } else {
        x->state = X_CUT;
        answer_raw(x);
    }
    return MHD_YES;
}

static void refuse_size(struct exchange *x)
{
    char why[160];
    if (x->plan.body == BODY_NONE)
        snprintf(why, sizeof(why), "this address takes no body");
    else
        snprintf(why, sizeof(why), "this address takes at most %s", size_text(x->plan.limit).text);
    refuse(x, 413, ERROR_TOO_BIG, "the request is too big", why, "send less at once");
}

static enum MHD_Result body_start(struct exchange *x)
{
    int64_t length = x->r.length;
    if (length == 0) {
        x->state = X_DUE;
        return MHD_YES;
    }
    if (x->plan.body == BODY_NONE || (x->plan.limit && length > x->plan.limit)) {
        refuse_size(x);
        return answer_early(x, true);
    }
    if (length > 0 && length <= SMALL_BODY) {
        x->body = arena_take(x->r.arena, (size_t)length + 1);
        x->room = (size_t)length;
    } else if (buffer_take(x)) {
        x->body = x->buffer->at;
        x->room = BODY_PIECE_SIZE;
    } else {
        return x->abandoned ? MHD_NO : MHD_YES; // asleep until somebody gives one back
    }
    x->state = X_BODY;
    line_is(x->line, LINE_BODY);
    return MHD_YES;
}

static enum MHD_Result body_take(struct exchange *x, const char *data, size_t *size)
{
    size_t take = *size;
    if (x->plan.limit && x->r.received + (int64_t)take > x->plan.limit) {
        x->r.received += (int64_t)take;
        *size = 0;
        refuse_size(x);
        return answer_early(x, false);
    }
    if (x->used == x->room) // full, and more has come: hand it on first
        return to_pool(x, X_PIECE);
    if (take > x->room - x->used)
        take = x->room - x->used;
    memcpy(x->body + x->used, data, take);
    x->used += take;
    x->r.received += (int64_t)take;
    x->line->bytes += (int64_t)take;
    x->server->bytes_in += (int64_t)take;
    *size -= take;
    // What did not fit must not wait for more bytes to come: hand the piece on now.
    return *size ? to_pool(x, X_PIECE) : MHD_YES;
}

struct head_check {
    int lengths, encodings, hosts;
    size_t size;
    bool bad;
};

static enum MHD_Result check_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct head_check *c = context;
    (void)kind;
    c->size += strlen(name) + (value ? strlen(value) : 0) + 4;
    c->lengths += strcasecmp(name, "Content-Length") == 0;
    c->encodings += strcasecmp(name, "Transfer-Encoding") == 0;
    c->hosts += strcasecmp(name, "Host") == 0;
    if (!*name)
        c->bad = true;
    for (const unsigned char *at = (const unsigned char *)name; *at; at++)
        if (*at <= 0x20 || *at >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", *at))
            c->bad = true;
    for (const unsigned char *at = (const unsigned char *)(value ? value : ""); *at; at++)
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            c->bad = true;
    return MHD_YES;
}

// What libmicrohttpd lets through and a proxy before us might read another way (RFC 9112, 6.3 and
// 11.2): two lengths, a length beside chunks, odd names. Such a line is closed after the answer.
static bool head_sound(struct exchange *x)
{
    struct head_check c = {0};
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, check_header, &c);
    const char *encoding = request_header(&x->r, "Transfer-Encoding");
    if (strlen(x->r.raw_path) + strlen(x->r.raw_query) > URI_LIMIT)
        refuse(x, 414, ERROR_TOO_BIG, "the address is too long", "at most 8 KiB are read",
               "shorten the query");
    else if (c.size > HEAD_LIMIT)
        refuse(x, 431, ERROR_TOO_BIG, "the request's headers are too big",
               "at most 24 KiB are read", "delete this site's cookies and try again");
    else if (c.bad || c.hosts > 1)
        refuse(x, 400, ERROR_USAGE, "the request is malformed",
               "a header has characters that are not allowed, or Host stands twice",
               "check the client or the proxy before it");
    else if (c.lengths > 1 || c.encodings > 1 || (c.lengths && c.encodings))
        refuse(x, 400, ERROR_USAGE, "the request is malformed",
               "it says its length in two ways (RFC 9112, 6.3)",
               "check the client or the proxy before it");
    else if (encoding && strcasecmp(encoding, "chunked") != 0)
        refuse(x, 501, ERROR_UNSUPPORTED, "this transfer encoding is not known",
               "only chunked is read", "send the body plain or chunked");
    else
        return true;
    return false;
}

static enum MHD_Result head(struct exchange *x, const char *method)
{
    struct request *r = &x->r;
    struct server *s = x->server;
    r->method = method;
    r->listener = x->listener->tag;
    r->secure = x->listener->secure;
    r->peer = x->line->peer;
    r->host = request_header(r, "Host");
    r->host = r->host ? r->host : "";
    if (!head_sound(x)) {
        x->state = X_READY;
        return answer_queue(x);
    }
    if (x->line->trusted) {
        const char *proto = request_header(r, "X-Forwarded-Proto");
        r->secure = r->secure || (proto && strcasecmp(proto, "https") == 0);
        r->peer = peer_behind(x);
    }
    const char *length = request_header(r, "Content-Length");
    const char *expect = request_header(r, "Expect");
    x->expect = expect && strcasecmp(expect, "100-continue") == 0;
    if (request_header(r, "Transfer-Encoding"))
        r->length = -1;
    else if (length && !text_int(text_of(length), &r->length))
        return MHD_NO; // libmicrohttpd refused those already
    r->path = address_safe_path(r->arena, text_of(r->raw_path));
    if (!r->path) {
        r->path = "/";
        refuse(x, 400, ERROR_USAGE, "this address is malformed",
               "it has a broken %XX, \"..\", a control character or is not UTF-8",
               "check the address");
        return answer_early(x, true);
    }
    if (s->closing) {
        refuse_busy(x);
        return answer_early(x, true);
    }
    if (!s->wish.plan(s->wish.context, r, &x->plan)) {
        refuse(x, 404, ERROR_NOT_FOUND, "there is nothing at this address",
               "no part of the house answers here", "check the address");
        return answer_early(x, true);
    }
    x->planned = true;
    r->route = x->plan.route;
    if (x->plan.body == BODY_COLLECT && (!x->plan.limit || x->plan.limit > BODY_PIECE_SIZE))
        x->plan.limit = BODY_PIECE_SIZE;
    return x->plan.begin ? to_pool(x, X_BEGIN) : body_start(x);
}

static enum MHD_Result step(struct exchange *x, const char *method, const char *data, size_t *size)
{
    switch (x->state) {
    case X_NEW:
        return head(x, method);
    case X_BEGIN:
        return x->a.kind != ANSWER_NONE ? answer_early(x, true) : body_start(x);
    case X_WANT:
        if (!x->buffer)
            return MHD_NO; // the server is closing
        x->body = x->buffer->at;
        x->room = BODY_PIECE_SIZE;
        x->state = X_BODY;
        line_is(x->line, LINE_BODY);
        return MHD_YES;
    case X_PIECE:
        if (x->failed) {
            answer_error(&x->a, &x->err);
            return answer_early(x, false);
        }
        x->used = 0;
        x->state = X_BODY;
        line_is(x->line, LINE_BODY);
        return step(x, method, data, size);
    case X_BODY:
        if (*size)
            return body_take(x, data, size);
        if (x->plan.body == BODY_COLLECT)
            x->r.body = (text){(const char *)x->body, x->used};
        return to_pool(x, X_HANDLE);
    case X_DUE:
        if (x->plan.quick) {
            call_handle(x);
            x->state = X_READY;
            return answer_queue(x);
        }
        return to_pool(x, X_HANDLE);
    case X_HANDLE:
        x->state = X_READY;
        return answer_queue(x);
    case X_READY:
        return answer_queue(x);
    case X_DISCARD:
        if (*size) {
            *size = 0;
            return MHD_YES;
        }
        return answer_queue(x);
    case X_CUT:
        x->discarded += (int64_t)*size;
        if (*size == 0 || x->discarded > CUT_LIMIT)
            return MHD_NO;
        *size = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **request_context)
{
    struct exchange *x = *request_context;
    (void)context;
    (void)c;
    (void)url;
    (void)version;
    if (!x || x->abandoned)
        return MHD_NO;
    return step(x, method, data, size);
}

static void *on_uri(void *context, const char *uri, struct MHD_Connection *c)
{
    struct listener *listener = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct line *line = info ? info->socket_context : NULL;
    if (!line || !uri)
        return NULL;
    struct arena *arena = arena_open(ARENA_LIMIT);
    struct exchange *x = ARENA_NEW(arena, struct exchange);
    x->server = listener->server;
    x->listener = listener;
    x->line = line;
    x->connection = c;
    x->r.arena = arena;
    x->r.inside = x;
    text rest = text_of(uri);
    // The absolute form, which proxies use (RFC 9112, 3.2.2).
    if (text_starts(rest, "http://") || text_starts(rest, "https://")) {
        const char *slash = strchr(strstr(uri, "://") + 3, '/');
        rest = text_of(slash ? slash : "/");
    }
    text path = text_cut(&rest, '?');
    x->r.raw_path = arena_copy(arena, path.size ? path.at : "", path.size);
    x->r.raw_query = rest.size ? arena_copy(arena, rest.at, rest.size) : "";
    answer_init(&x->a, x->server, &x->r, arena);
    x->server->requests++;
    x->server->under_way++;
    return x;
}

static void on_completed(void *context, struct MHD_Connection *c, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *request_context;
    (void)context;
    (void)c;
    (void)code;
    if (!x)
        return;
    *request_context = NULL;
    buffer_give_back(x);
    answer_release(&x->a);
    if (x->planned && x->plan.done)
        x->plan.done(&x->r);
    line_is(x->line, LINE_WAITING);
    x->server->under_way--;
    arena_close(x->r.arena);
}

static size_t unescape_nothing(void *context, struct MHD_Connection *c, char *s)
{
    (void)context;
    (void)c;
    return strlen(s);
}

// ---- Opening and closing -------------------------------------------------------------------

static int listen_on(const struct listener_wish *w, int *port, struct error *err)
{
    char service[16];
    struct addrinfo *found = NULL,
                    hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    snprintf(service, sizeof(service), "%d", w->port);
    int failed = getaddrinfo(w->address, service, &hint, &found);
    if (failed) {
        error_set(err, ERROR_INPUT, "cannot listen on %s", w->address);
        error_why(err, "%s", gai_strerror(failed));
        error_fix(err, "give an address of this machine, such as 127.0.0.1 or ::");
        return -1;
    }
    int on = 1, off = 0;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (good && found->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    good = good && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1024) == 0;
    freeaddrinfo(found);
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    good = good && getsockname(fd, (struct sockaddr *)&bound, &size) == 0;
    if (!good) {
        int number = errno;
        error_errno(err, number, "cannot listen on %s port %d", w->address, w->port);
        error_fix(err, number == EADDRINUSE ? "stop the program that uses the port (ss -ltnp shows "
                                              "it), or choose another one"
                       : number == EACCES   ? "choose a port over 1023"
                                            : "choose an address of this machine");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

static bool listener_open(struct listener *l, const struct listener_wish *w, struct error *err)
{
    struct server *s = l->server;
    l->tag = w->tag;
    l->secure = w->tls != NULL;
    l->fd = listen_on(w, &l->port, err);
    if (l->fd < 0)
        return false;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_ALLOW_UPGRADE | MHD_USE_TURBO | (w->tls ? MHD_USE_NO_LISTEN_SOCKET : 0);
    struct MHD_OptionItem listen_option[] = {{MHD_OPTION_LISTEN_SOCKET, l->fd, NULL},
                                             {MHD_OPTION_END, 0, NULL}};
    if (w->tls)
        listen_option[0].option = MHD_OPTION_END;
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, l, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)s->wish.event_threads, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LINE_POOL,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)(LINE_POOL / 4),
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->wish.connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)s->wish.body_timeout_s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, l, MHD_OPTION_NOTIFY_CONNECTION, on_line, l,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, l, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing,
        NULL, MHD_OPTION_ARRAY, listen_option, MHD_OPTION_END);
    if (!l->daemon) {
        error_set(err, ERROR_IO, "cannot serve on %s port %d", w->address, l->port);
        error_why(err, "the event threads did not start");
        error_fix(err, "look for limits of memory, threads or open files (ulimit -a)");
        close(l->fd);
        l->fd = -1;
        return false;
    }
    if (w->tls) {
        l->door =
            door_open(w->tls, l->fd, l->daemon, s->wish.event_threads, s->wish.connections, err);
        if (!l->door)
            return false;
    }
    return true;
}

#define DEFAULT(field, value) s->wish.field = s->wish.field > 0 ? s->wish.field : (value)

struct server *server_open(const struct server_wish *wish, struct error *err)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    signal(SIGPIPE, SIG_IGN);
    s->wish = *wish;
    DEFAULT(event_threads, 2);
    DEFAULT(handler_threads, 16);
    DEFAULT(handlers_waiting, 1024);
    DEFAULT(body_buffers, 12);
    DEFAULT(connections, 4096);
    DEFAULT(header_timeout_s, 60);
    DEFAULT(body_timeout_s, 60);
    if (s->wish.event_threads < 2)
        s->wish.event_threads = 2; // libmicrohttpd wants a pool of two
    pthread_mutex_init(&s->lines_lock, NULL);
    pthread_mutex_init(&s->buffers_lock, NULL);
    pthread_mutex_init(&s->stop_lock, NULL);
    pthread_cond_init(&s->stop, NULL);
    s->wanting_last = &s->wanting;
    s->pool = pool_open(s->wish.handler_threads, s->wish.handlers_waiting, "http-handler");
    s->listeners = calloc(wish->listener_count + 1, sizeof(*s->listeners));
    for (size_t i = 0; wish->trusted_proxies && wish->trusted_proxies[i]; i++)
        s->trusted_count++;
    s->trusted = calloc(s->trusted_count + 1, sizeof(*s->trusted));
    if (!s->listeners || !s->trusted)
        abort();
    for (size_t i = 0; i < wish->listener_count; i++) {
        s->listeners[i].server = s;
        s->listeners[i].fd = -1;
    }
    for (size_t i = 0; i < s->trusted_count; i++)
        if (!network_parse(wish->trusted_proxies[i], &s->trusted[i])) {
            error_set(err, ERROR_INPUT, "%s is not a proxy's address", wish->trusted_proxies[i]);
            error_why(err, "an address such as 10.0.0.5 or a network such as 10.0.0.0/8 is meant");
            error_fix(err, "correct the list of trusted proxies");
            goto failed;
        }
    for (size_t i = 0; i < wish->listener_count; i++)
        if (!listener_open(&s->listeners[i], &wish->listeners[i], err))
            goto failed;
    s->watching = pthread_create(&s->watch, NULL, watch, s) == 0;
    return s;
failed:
    server_close(s, 0);
    return NULL;
}

int server_port(const struct server *s, size_t listener_index)
{
    return s->listeners[listener_index].port;
}

void server_close(struct server *s, int drain_ms)
{
    if (!s)
        return;
    s->closing = true;
    for (size_t i = 0; i < s->wish.listener_count; i++) {
        struct listener *l = &s->listeners[i];
        if (l->door)
            door_stop_accepting(l->door);
        else if (l->daemon)
            MHD_quiesce_daemon(l->daemon);
    }
    for (int64_t until = clock_tick_us() / 1000 + drain_ms;
         s->under_way && clock_tick_us() / 1000 < until;)
        clock_sleep_ms(5);
    if (s->watching) {
        pthread_mutex_lock(&s->stop_lock);
        s->stopping = true;
        pthread_cond_signal(&s->stop);
        pthread_mutex_unlock(&s->stop_lock);
        pthread_join(s->watch, NULL);
    }
    // No connection may be asleep when its daemon stops: handlers finish, waiters wake without a
    // buffer and are cut.
    pool_stop(s->pool);
    pthread_mutex_lock(&s->buffers_lock);
    s->buffers_closed = true;
    struct exchange *waiter = s->wanting;
    s->wanting = NULL;
    s->wanting_last = &s->wanting;
    pthread_mutex_unlock(&s->buffers_lock);
    for (struct exchange *next; waiter; waiter = next) {
        next = waiter->next_wanting;
        waiter->abandoned = true;
        MHD_resume_connection(waiter->connection);
    }
    for (size_t i = 0; i < s->wish.listener_count; i++) {
        struct listener *l = &s->listeners[i];
        if (l->daemon)
            MHD_stop_daemon(l->daemon);
        door_close(l->door);
        if (l->fd >= 0)
            close(l->fd);
    }
    buffers_free_idle(s);
    pool_close(s->pool);
    free(s->listeners);
    free(s->trusted);
    pthread_mutex_destroy(&s->lines_lock);
    pthread_mutex_destroy(&s->buffers_lock);
    pthread_mutex_destroy(&s->stop_lock);
    pthread_cond_destroy(&s->stop);
    free(s);
}

struct server_numbers server_numbers(const struct server *s)
{
    struct server_numbers n = {
        .requests = s->requests, .bytes_in = s->bytes_in, .connections = s->connections};
    for (int i = 0; i < 6; i++)
        n.answers_by_class[i] = s->answers[i];
    pool_numbers(s->pool, &n.handlers_busy, &n.handlers_waiting);
    struct server *mutable = (struct server *)(uintptr_t)s; // for the lock
    pthread_mutex_lock(&mutable->buffers_lock);
    n.body_buffers_in_use = s->buffers_used;
    pthread_mutex_unlock(&mutable->buffers_lock);
    return n;
}
