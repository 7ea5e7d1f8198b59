/*
 * What a request means and how it is answered; line.c moves the bytes. An exchange goes from state
 * to state: its head is read and planned (`exchange_open`), its body comes to where the plan wants
 * it, a function of the plan makes the answer, the answer goes out. What may wait (a disk, a
 * password hash) runs on the pool while the exchange is asleep, so that at any time one thread only
 * holds it.
 *
 * An answer may come before the body was read. A short rest is read and thrown away, so that the
 * line can go on; before a long one the answer is sent at once and the line ends after it.
 */
#include "wire/server_inside.h"

#include "plat/clock.h"
#include "plat/hash.h"
#include "wire/address.h"
#include "wire/range.h"
#include "wire/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    ARENA_LIMIT = 64 << 20, // of one request
    SMALL_BODY = 64 << 10,  // from the arena; larger ones wait for one of the big buffers
    BUFFER_IDLE_MS = 2000,
    DESCRIPTORS = 65536, // asked of the system, for as many connections
};

static void asleep(struct exchange *x, enum then then)
{
    x->state = X_ASLEEP;
    x->then = then;
}

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

// Gives x a buffer, or puts it in the queue, asleep, and returns false.
static bool buffer_take(struct exchange *x)
{
    struct server *s = x->server;
    pthread_mutex_lock(&s->buffers_lock);
    struct buffer *b = s->buffers_free;
    bool closed = s->buffers_closed;
    if (b)
        s->buffers_free = b->next;
    else if (s->buffers_made < s->wish.body_buffers)
        b = buffer_make(s);
    if (b) {
        x->buffer = b;
        s->buffers_used++;
    } else {
        asleep(x, THEN_BUFFER);
        x->abandoned = closed;
        x->next_wanting = NULL;
        if (!closed) {
            *s->wanting_last = x;
            s->wanting_last = &x->next_wanting;
        }
    }
    pthread_mutex_unlock(&s->buffers_lock);
    s->buffer_used_ms = clock_tick_us() / 1000;
    if (!b && closed)
        exchange_wake(x);
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
        exchange_wake(next);
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
    return head_field(&r->inside->head, name);
}

const char *request_query(struct request *r, const char *name)
{
    return query_value(r->arena, text_of(r->raw_query), name);
}

const char *request_cookie(struct request *r, const char *name)
{
    return cookie_value(r->arena, text_of(request_header(r, "Cookie")), name);
}

void request_meter(struct request *r, struct stream *take_over)
{
    stream_leave(r->inside->stream);
    r->inside->stream = take_over;
}

void server_problem(struct server *s, const struct request *r, int status, const struct error *err,
                    struct answer *a)
{
    if (s->wish.problem)
        s->wish.problem(s->wish.context, r, status, err, a);
}

void line_known(struct line *l)
{
    peer_text((const struct sockaddr *)&l->from_address, l->peer);
    l->trusted = peer_trusted(l->listener->server, l->peer);
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
        if (clock_tick_us() / 1000 - s->buffer_used_ms > BUFFER_IDLE_MS)
            buffers_free_idle(s);
        pthread_mutex_lock(&s->stop_lock);
    }
    pthread_mutex_unlock(&s->stop_lock);
    return NULL;
}

// ---- The answer ----------------------------------------------------------------------------

// What files and pulls that can be sought have in common.
struct ranged {
    const char *etag;
    int64_t modified_ms, size;
};

static bool range_wanted(struct exchange *x, const struct ranged *f)
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

static bool not_modified(struct exchange *x, const struct ranged *f)
{
    const char *none = request_header(&x->r, "If-None-Match");
    const char *since = request_header(&x->r, "If-Modified-Since");
    int64_t at_ms;
    if (none)
        return f->etag && etag_listed(text_of(none), f->etag, true);
    return since && f->modified_ms && http_date_parse(text_of(since), &at_ms) &&
           f->modified_ms / 1000 * 1000 <= at_ms;
}

// Which bytes are meant; sets the status and the headers that say so.
static int64_t bytes_wanted(struct exchange *x, const struct ranged *f)
{
    int64_t size = f->size, first, last;
    if (f->etag)
        answer_header(&x->a, "ETag", f->etag);
    if (f->modified_ms)
        answer_header(&x->a, "Last-Modified", http_date(f->modified_ms).text);
    x->file_at = 0;
    if (x->a.status != 200)
        return size;
    answer_header(&x->a, "Accept-Ranges", "bytes");
    if (not_modified(x, f)) {
        x->a.status = 304;
        return 0;
    }
    const char *range = request_header(&x->r, "Range");
    enum range_kind kind = range && range_wanted(x, f)
                               ? range_parse(text_of(range), size, &first, &last)
                               : RANGE_WHOLE;
    if (kind == RANGE_WHOLE)
        return size;
    char content_range[80];
    if (kind == RANGE_OUT) {
        snprintf(content_range, sizeof(content_range), "bytes */%" PRId64, size);
        answer_header(&x->a, "Content-Range", content_range);
        answer_no_header(&x->a, "Content-Type");
        x->a.status = 416;
        return 0;
    }
    snprintf(content_range, sizeof(content_range), "bytes %" PRId64 "-%" PRId64 "/%" PRId64, first,
             last, size);
    answer_header(&x->a, "Content-Range", content_range);
    x->a.status = 206;
    x->file_at = first;
    return last - first + 1;
}

static int64_t files_wanted(struct exchange *x)
{
    const struct file_answer *f = &x->a.files;
    struct ranged all = {f->etag, f->modified_ms, 0};
    for (size_t i = 0; i < f->count; i++)
        all.size += f->runs[i].size;
    return bytes_wanted(x, &all);
}

static int64_t pull_wanted(struct exchange *x)
{
    const struct pull_answer *p = &x->a.pull;
    x->pull_end = p->size;
    if (!p->seek || p->size < 0)
        return p->size;
    int64_t size = bytes_wanted(x, &(struct ranged){p->etag, p->modified_ms, p->size});
    x->pull_end = x->file_at + size;
    p->seek(p->context, x->file_at);
    return size;
}

static void pull_some(struct task *t)
{
    struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, task));
    struct error err;
    size_t room = x->pull_room;
    if (x->pull_end >= 0 && (int64_t)room > x->pull_end - x->file_at)
        room = (size_t)(x->pull_end - x->file_at);
    int64_t got = x->a.pull.pull(x->a.pull.context, x->pulled, room, &err);
    x->have = got > 0 ? (size_t)got : 0;
    if (x->stream)
        stream_give_back(x->stream, x->pull_room - x->have);
    x->pull_ended = got == 0;
    x->abandoned = got < 0 && got != PULL_AGAIN; // better cut than half for the whole
    exchange_wake(x);
}

void exchange_pull(struct exchange *x, size_t room)
{
    x->pull_room = room;
    if (!x->pulled)
        x->pulled = arena_take(x->r.arena, PULL_SIZE + 2);
    asleep(x, THEN_PULL);
    x->task.run = pull_some;
    if (!pool_add(x->server->pool, &x->task, true)) {
        x->abandoned = true;
        exchange_wake(x);
    }
}

static void pulled(struct exchange *x)
{
    int64_t end = x->pull_end;
    x->file_at += (int64_t)x->have;
    x->line->moved_ms = clock_tick_us() / 1000; // the client is not slow, we are
    if (end >= 0 && (x->file_at > end || (x->pull_ended && x->file_at < end)))
        x->abandoned = true;
    x->pull_ended = x->pull_ended || x->file_at == end;
    x->out.size = x->sent = 0;
    if (x->chunked && x->have) { // RFC 9112 7.1
        buf_format(&x->out, "%zx\r\n", x->have);
        memcpy(x->pulled + x->have, "\r\n", 2);
        x->have += 2;
    } else if (x->chunked && x->pull_ended) {
        buf_text(&x->out, "0\r\n\r\n");
    }
    x->bytes = (text){x->pulled, x->have};
    x->state = X_SEND;
}

static void upgrade_over(void *context)
{
    struct exchange *x = context;
    struct line *l = x->line;
    exchange_close(x);
    line_free(l);
}

void exchange_upgrade(struct exchange *x)
{
    struct line *l = x->line;
    x->state = X_UPGRADED;
    buf_free(&x->out);
    sockets_adopt(x->a.sockets, &(struct upgrade){.fd = l->fd,
                                                  .early = l->in + l->in_used,
                                                  .early_size = l->in_size - l->in_used,
                                                  .calls = x->a.calls,
                                                  .user = x->a.socket_user,
                                                  .peer = x->r.peer,
                                                  .over = upgrade_over,
                                                  .context = x});
}

static void decorate(struct exchange *x)
{
    struct server *s = x->server;
    if (s->wish.decorate && x->a.kind != ANSWER_SOCKET)
        s->wish.decorate(s->wish.context, &x->r, &x->a);
}

// RFC 9110, 15.
static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {{101, "Switching Protocols"},
                 {200, "OK"},
                 {201, "Created"},
                 {202, "Accepted"},
                 {204, "No Content"},
                 {206, "Partial Content"},
                 {207, "Multi-Status"},
                 {301, "Moved Permanently"},
                 {302, "Found"},
                 {303, "See Other"},
                 {304, "Not Modified"},
                 {307, "Temporary Redirect"},
                 {308, "Permanent Redirect"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {406, "Not Acceptable"},
                 {408, "Request Timeout"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {411, "Length Required"},
                 {412, "Precondition Failed"},
                 {413, "Content Too Large"},
                 {414, "URI Too Long"},
                 {415, "Unsupported Media Type"},
                 {416, "Range Not Satisfiable"},
                 {422, "Unprocessable Content"},
                 {423, "Locked"},
                 {424, "Failed Dependency"},
                 {426, "Upgrade Required"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {505, "HTTP Version Not Supported"},
                 {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Other"; // 460 (RFC: tus) and what may come
}

static void header_add(struct buf *b, const char *name, const char *value)
{
    buf_text(b, name);
    buf_add(b, ": ", 2);
    buf_text(b, value);
    buf_add(b, "\r\n", 2);
}

// The status line and the headers. size: of the body, -1 when not known.
static void head_write(struct exchange *x, int64_t size)
{
    struct buf *b = &x->out;
    const struct answer *a = &x->a;
    char line[80], number[24];
    int status = a->status;
    x->out = (struct buf)BUF_LIMIT(1 << 20);
    buf_reserve(b, 1000);
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    buf_text(b, line);
    buf_text(b, reason(status));
    buf_add(b, "\r\n", 2);
    if (!answer_has_header(a, "Date"))
        header_add(b, "Date", http_date(clock_now_ms()).text);
    if (a->kind == ANSWER_SOCKET)
        header_add(b, "Connection", "Upgrade");
    else if (x->close)
        header_add(b, "Connection", "close");
    else if (x->head.minor == 0)
        header_add(b, "Connection", "keep-alive");
    if (x->chunked) {
        header_add(b, "Transfer-Encoding", "chunked");
    } else if (size >= 0 && status >= 200 && status != 204 && status != 304) {
        snprintf(number, sizeof(number), "%" PRId64, size);
        header_add(b, "Content-Length", number);
    }
    for (const struct header *h = a->headers; h; h = h->next)
        header_add(b, h->name, h->value);
    buf_add(b, "\r\n", 2);
}

// The answer is there: it goes out when the state is X_SEND.
static void answer_ready(struct exchange *x)
{
    struct answer *a = &x->a;
    int64_t size = 0;
    bool body = strcmp(x->r.method, "HEAD") != 0;
    decorate(x);
    if (a->kind == ANSWER_FILES)
        size = files_wanted(x);
    else if (a->kind == ANSWER_PULL)
        size = pull_wanted(x);
    else if (a->kind != ANSWER_SOCKET)
        size = (int64_t)a->size;
    x->close = x->close || x->head.close || x->server->closing;
    x->chunked = size < 0 && x->head.minor == 1;
    x->close = x->close || (size < 0 && !x->chunked);
    head_write(x, size);
    if (a->kind == ANSWER_FILES)
        x->file_left = body ? size : 0;
    else if (a->kind == ANSWER_PULL)
        x->pull_ended = !body || size == 0;
    else if (a->kind != ANSWER_SOCKET && body)
        x->bytes = (text){a->at, a->size};
    if (a->status >= 100 && a->status < 600)
        x->server->answers[a->status / 100]++;
    x->state = X_SEND;
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
    switch (x->then) {
    case THEN_BEGIN:
        x->plan.begin(&x->r, &x->a);
        break;
    case THEN_PIECE:
        x->failed = !x->plan.piece(&x->r, x->body, x->used, &x->err);
        break;
    default: // THEN_HANDLE, with the last piece of a stream before it
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
    exchange_wake(x);
}

static void answer_early(struct exchange *x);

static void to_pool(struct exchange *x, enum then then)
{
    asleep(x, then);
    x->task.run = on_pool;
    if (pool_add(x->server->pool, &x->task, then == THEN_PIECE))
        return;
    refuse_busy(x);
    answer_early(x);
}

// The answer is there, perhaps before the body is.
static void answer_early(struct exchange *x)
{
    int64_t rest = x->r.length < 0 ? INT64_MAX : x->r.length - x->r.received;
    buffer_give_back(x);
    if (x->r.length < 0 && chunks_ended(&x->chunks))
        rest = 0;
    // A client that waits for our word may send the body or not: only a new line is sure.
    bool asked = x->expect && x->r.received == 0;
    x->close = x->close || (rest && (asked || rest > DISCARD_LIMIT));
    answer_ready(x);
    if (rest && !x->close)
        x->state = X_DISCARD;
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

static void all_is_there(struct exchange *x)
{
    if (x->plan.quick) {
        call_handle(x);
        answer_ready(x);
    } else {
        to_pool(x, THEN_HANDLE);
    }
}

static void body_begins(struct exchange *x)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    x->state = X_BODY;
    if (x->expect) // RFC 9110 10.1.1; these few bytes always find room
        (void)!send(x->line->fd, go_on, sizeof(go_on) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void body_room(struct exchange *x)
{
    x->body = x->buffer->at;
    x->room = BODY_PIECE_SIZE;
    body_begins(x);
}

static void body_start(struct exchange *x)
{
    int64_t length = x->r.length;
    if (length == 0) {
        all_is_there(x);
    } else if (x->plan.body == BODY_NONE || (x->plan.limit && length > x->plan.limit)) {
        refuse_size(x);
        answer_early(x);
    } else if (length > 0 && length <= SMALL_BODY) {
        x->body = arena_take(x->r.arena, (size_t)length + 1);
        x->room = (size_t)length;
        body_begins(x);
    } else if (buffer_take(x)) { // else asleep until somebody gives one back
        body_room(x);
    }
}

void exchange_over(struct exchange *x)
{
    refuse_size(x);
    answer_early(x);
}

void exchange_filled(struct exchange *x)
{
    if (x->plan.body == BODY_COLLECT)
        exchange_over(x); // the room is as large as the limit
    else
        to_pool(x, THEN_PIECE);
}

void exchange_all(struct exchange *x)
{
    if (x->plan.body == BODY_COLLECT)
        x->r.body = (text){(const char *)x->body, x->used};
    to_pool(x, THEN_HANDLE);
}

void exchange_fault(struct exchange *x, int status, const char *why)
{
    refuse(x, status, ERROR_USAGE, "the request is malformed", why,
           "check the client or the proxy before it");
    x->close = true;
    answer_early(x);
}

void exchange_woken(struct exchange *x)
{
    if (x->abandoned)
        return;
    switch (x->then) {
    case THEN_BEGIN:
        if (x->a.kind != ANSWER_NONE)
            answer_early(x);
        else
            body_start(x);
        break;
    case THEN_BUFFER:
        body_room(x);
        break;
    case THEN_PIECE:
        x->used = 0;
        x->state = X_BODY;
        if (x->failed) {
            answer_error(&x->a, &x->err);
            answer_early(x);
        }
        break;
    case THEN_HANDLE:
        answer_ready(x);
        break;
    case THEN_PULL:
        pulled(x);
        break;
    }
}

// Who asks, and for what. False: there is an answer already.
static bool asked(struct exchange *x)
{
    struct request *r = &x->r;
    struct server *s = x->server;
    if (x->line->trusted) {
        const char *proto = request_header(r, "X-Forwarded-Proto");
        r->secure = r->secure || (proto && strcasecmp(proto, "https") == 0);
        r->peer = peer_behind(x);
    }
    r->path = address_safe_path(r->arena, text_of(r->raw_path));
    if (!r->path) {
        r->path = "/";
        refuse(x, 400, ERROR_USAGE, "this address is malformed",
               "it has a broken %XX, \"..\", a control character or is not UTF-8",
               "check the address");
        return false;
    }
    if (s->closing) {
        refuse_busy(x);
        return false;
    }
    if (!s->wish.plan(s->wish.context, r, &x->plan)) {
        refuse(x, 404, ERROR_NOT_FOUND, "there is nothing at this address",
               "no part of the house answers here", "check the address");
        return false;
    }
    x->planned = true;
    r->route = x->plan.route;
    if (x->plan.body == BODY_COLLECT && (!x->plan.limit || x->plan.limit > BODY_PIECE_SIZE))
        x->plan.limit = BODY_PIECE_SIZE;
    return true;
}

static struct exchange *exchange_make(struct line *l)
{
    struct arena *arena = arena_open(ARENA_LIMIT);
    struct exchange *x = ARENA_NEW(arena, struct exchange);
    x->server = l->listener->server;
    x->listener = l->listener;
    x->line = l;
    x->r.arena = arena;
    x->r.inside = x;
    x->r.listener = l->listener->tag;
    x->r.secure = l->listener->secure;
    x->r.peer = l->peer;
    answer_init(&x->a, x->server, &x->r, arena);
    x->server->requests++;
    x->server->under_way++;
    return x;
}

static void address_cut(struct request *r, const char *uri)
{
    text rest = text_of(uri);
    // The absolute form, which proxies use (RFC 9112, 3.2.2).
    if (text_starts(rest, "http://") || text_starts(rest, "https://")) {
        const char *slash = strchr(strstr(uri, "://") + 3, '/');
        rest = text_of(slash ? slash : "/");
    }
    text path = text_cut(&rest, '?');
    r->raw_path = arena_copy(r->arena, path.size ? path.at : "", path.size);
    r->raw_query = rest.size ? rest.at : "";
}

void exchange_open(struct line *l, text whole, const struct head_fault *found)
{
    struct exchange *x = exchange_make(l);
    struct request *r = &x->r;
    struct head_fault fault = *found;
    l->x = x;
    if (fault.status)
        x->head = (struct head){.method = "", .uri = "/", .minor = 1, .close = true};
    else
        (void)head_read(r->arena, whole, &x->head, &fault);
    r->method = x->head.method;
    address_cut(r, x->head.uri);
    r->path = "/";
    const char *host = request_header(r, "Host"), *expect = request_header(r, "Expect");
    r->host = host ? host : "";
    r->length = x->head.length;
    x->expect = expect && x->head.minor == 1 && strcasecmp(expect, "100-continue") == 0;
    if (fault.status) {
        x->close = true; // where the next request begins is not sure
        r->length = 0;
        refuse(x, fault.status,
               fault.status == 501                          ? ERROR_UNSUPPORTED
               : fault.status == 414 || fault.status == 431 ? ERROR_TOO_BIG
                                                            : ERROR_USAGE,
               fault.what, fault.why, fault.fix);
        answer_ready(x);
    } else if (!asked(x)) {
        answer_early(x);
    } else if (x->plan.begin) {
        to_pool(x, THEN_BEGIN);
    } else {
        body_start(x);
    }
}

void exchange_close(struct exchange *x)
{
    buffer_give_back(x);
    stream_leave(x->stream);
    x->stream = NULL;
    answer_release(&x->a);
    if (x->planned && x->plan.done)
        x->plan.done(&x->r);
    buf_free(&x->out);
    x->server->under_way--;
    arena_close(x->r.arena);
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
    l->loops = loops_open(l, s->wish.event_threads, !w->tls, err);
    if (!l->loops)
        return false;
    if (w->tls)
        l->door = door_open(w->tls, l->fd, l, s->wish.event_threads, s->wish.connections, err);
    return !w->tls || l->door;
}

// As many connections as the system lets us have: the usual soft limit is 1,024.
static void more_descriptors(void)
{
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur >= DESCRIPTORS)
        return;
    now.rlim_cur = now.rlim_max < DESCRIPTORS ? now.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &now);
}

#define DEFAULT(field, value) s->wish.field = s->wish.field > 0 ? s->wish.field : (value)

struct server *server_open(const struct server_wish *wish, struct error *err)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    signal(SIGPIPE, SIG_IGN);
    more_descriptors();
    s->wish = *wish;
    DEFAULT(event_threads, 2);
    DEFAULT(handler_threads, 16);
    DEFAULT(handlers_waiting, 1024);
    DEFAULT(body_buffers, 12);
    DEFAULT(connections, 16384);
    DEFAULT(header_timeout_s, 60);
    DEFAULT(body_timeout_s, 60);
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
        if (l->loops)
            loops_stop_accepting(l->loops);
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
    // No exchange may be asleep when its loop stops: handlers finish, waiters wake without a buffer
    // and are cut.
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
        exchange_wake(waiter);
    }
    for (size_t i = 0; i < s->wish.listener_count; i++) {
        struct listener *l = &s->listeners[i];
        door_close(l->door);
        loops_close(l->loops);
        if (l->fd >= 0)
            close(l->fd);
    }
    buffers_free_idle(s);
    pool_close(s->pool);
    free(s->listeners);
    free(s->trusted);
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
