/*
 * One lock holds the SSL and wslay; waiting for the line happens outside it, so that others can
 * send while one receives.
 */
#include "wire/socket_client.h"

#include "plat/clock.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "wire/client.h"
#include "wire/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wslay/wslay.h>

enum { PING_MS = 30000, DEAD_MS = 90000, SEND_MS = 30000, ANSWER_LIMIT = 64 << 10 };

struct message {
    struct message *next;
    size_t size;
    char at[];
};

struct socket_client {
    pthread_mutex_t lock; // ssl, ws, messages, broken, early
    int fd, wake;
    SSL_CTX *trust;
    SSL *ssl; // NULL: plain
    char *fingerprint;
    wslay_event_context_ptr ws;
    struct message *messages, **messages_last, *shown;
    bool broken, want_write;
    atomic_bool interrupted;
    int close_code;
    int64_t heard_ms, pinged_ms;
    struct buf early; // came behind the handshake's answer
    size_t early_used;
};

struct target {
    bool tls;
    char host[256], port[8], path[1024], authority[300];
};

static bool target_parse(const char *url, struct target *t, struct error *err)
{
    static const struct {
        const char *scheme;
        bool tls;
    } schemes[] = {{"ws://", false}, {"http://", false}, {"wss://", true}, {"https://", true}};
    text rest = {NULL, 0};
    for (size_t i = 0; i < 4; i++)
        if (strncasecmp(url, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
            t->tls = schemes[i].tls;
            rest = text_of(url + strlen(schemes[i].scheme));
        }
    size_t size = strcspn(rest.at ? rest.at : "", "/?");
    text authority = {rest.at, size}, path = {rest.at ? rest.at + size : NULL, rest.size - size};
    text host = authority, port = {NULL, 0};
    if (host.size && host.at[0] == '[') {
        port = (text){host.at + 1, host.size - 1};
        host = text_cut(&port, ']');
        if (port.size && port.at[0] == ':')
            port = (text){port.at + 1, port.size - 1};
    } else {
        port = host;
        host = text_cut(&port, ':');
    }
    bool good =
        host.size && text_copy(host, t->host, sizeof(t->host)) &&
        text_copy(authority, t->authority, sizeof(t->authority)) &&
        text_copy(port.size ? port : text_of(t->tls ? "443" : "80"), t->port, sizeof(t->port)) &&
        text_copy(path.size ? path : text_of("/"), t->path, sizeof(t->path)) &&
        !strpbrk(t->path, " \r\n");
    if (good)
        return true;
    error_set(err, ERROR_USAGE, "%s is not the address of a WebSocket", url);
    error_why(err, "ws://, wss://, http:// or https:// with a host is meant");
    return error_fix(err, "write it as wss://house.example:8480/path");
}

static bool wait_for(struct socket_client *c, short events, int64_t until_ms)
{
    struct pollfd p[2] = {{c->fd, events, 0}, {c->wake, POLLIN, 0}};
    int64_t left = until_ms - clock_tick_us() / 1000;
    if (c->interrupted || left <= 0)
        return false;
    return poll(p, 2, left > 1000 ? 1000 : (int)left) >= 0 && !c->interrupted;
}

static int connect_to(const struct target *t, int timeout_ms, struct error *err)
{
    struct addrinfo *found = NULL, hint = {.ai_socktype = SOCK_STREAM};
    int failed = getaddrinfo(t->host, t->port, &hint, &found), fd = -1, number = ETIMEDOUT;
    if (failed) {
        error_set(err, ERROR_NETWORK, "cannot reach %s", t->host);
        error_why(err, "%s", gai_strerror(failed));
        error_fix(err, "check the address and the network");
        return -1;
    }
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue;
        socklen_t size = sizeof(number);
        struct pollfd p = {fd, POLLOUT, 0};
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 &&
            (errno != EINPROGRESS || poll(&p, 1, timeout_ms) != 1 ||
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0 || number != 0)) {
            number = number ? number : errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0) {
        error_set(err, number == ETIMEDOUT ? ERROR_TIMEOUT : ERROR_NETWORK, "cannot reach %s",
                  t->authority);
        error_why(err, "%s", strerror(number));
        error_fix(err, "check the address, that the server runs, and the network between");
    }
    return fd;
}

// > 0 bytes, 0 closed, -1 later, -2 broken.
static ssize_t raw_read(struct socket_client *c, void *to, size_t room)
{
    if (!c->ssl) {
        ssize_t got = recv(c->fd, to, room, 0);
        return got >= 0 ? got : errno == EAGAIN || errno == EINTR ? -1 : -2;
    }
    int got = SSL_read(c->ssl, to, room > 1 << 20 ? 1 << 20 : (int)room);
    if (got > 0)
        return got;
    int why = SSL_get_error(c->ssl, got);
    ERR_clear_error();
    c->want_write = c->want_write || why == SSL_ERROR_WANT_WRITE;
    return why == SSL_ERROR_ZERO_RETURN                                ? 0
           : why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1
                                                                       : -2;
}

static ssize_t raw_write(struct socket_client *c, const void *at, size_t size)
{
    if (!c->ssl) {
        ssize_t sent = send(c->fd, at, size, MSG_NOSIGNAL);
        return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? -1 : -2;
    }
    int sent = SSL_write(c->ssl, at, size > 1 << 20 ? 1 << 20 : (int)size);
    if (sent > 0)
        return sent;
    int why = SSL_get_error(c->ssl, sent);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1 : -2;
}

static ssize_t ws_recv(wslay_event_context_ptr ws, uint8_t *to, size_t room, int flags, void *user)
{
    struct socket_client *c = user;
    (void)flags;
    ssize_t got;
    if (c->early_used < c->early.size) {
        got = (ssize_t)(c->early.size - c->early_used);
        got = got < (ssize_t)room ? got : (ssize_t)room;
        memcpy(to, c->early.at + c->early_used, (size_t)got);
        c->early_used += (size_t)got;
    } else {
        got = raw_read(c, to, room);
    }
    if (got > 0) {
        c->heard_ms = clock_tick_us() / 1000;
        return got;
    }
    wslay_event_set_error(ws, got == -1 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t ws_send(wslay_event_context_ptr ws, const uint8_t *at, size_t size, int flags,
                       void *user)
{
    (void)flags;
    ssize_t sent = raw_write(user, at, size);
    if (sent > 0)
        return sent;
    wslay_event_set_error(ws, sent == -1 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int ws_mask(wslay_event_context_ptr ws, uint8_t *to, size_t size, void *user)
{
    (void)ws;
    (void)user;
    random_bytes(to, size);
    return 0;
}

static void ws_message(wslay_event_context_ptr ws,
                       const struct wslay_event_on_msg_recv_arg *message, void *user)
{
    struct socket_client *c = user;
    (void)ws;
    if (message->opcode == WSLAY_CONNECTION_CLOSE)
        c->close_code = message->status_code ? message->status_code : 1005;
    if (message->opcode != WSLAY_TEXT_FRAME)
        return;
    struct message *m = malloc(sizeof(*m) + message->msg_length + 1);
    if (!m)
        abort();
    m->next = NULL;
    m->size = message->msg_length;
    if (m->size)
        memcpy(m->at, message->msg, m->size);
    m->at[m->size] = 0;
    *c->messages_last = m;
    c->messages_last = &m->next;
}

static bool start_tls(struct socket_client *c, const struct target *t,
                      const struct socket_client_wish *wish, int64_t until_ms, struct error *err)
{
    c->fingerprint = wish->fingerprint ? strdup(wish->fingerprint) : NULL;
    c->trust = trust_open(c->fingerprint, wish->ca_file, err);
    if (!c->trust)
        return false;
    unsigned char scratch[16];
    c->ssl = SSL_new(c->trust);
    SSL_set_fd(c->ssl, c->fd);
    bool address =
        inet_pton(AF_INET, t->host, scratch) == 1 || inet_pton(AF_INET6, t->host, scratch) == 1;
    if (!address)
        SSL_set_tlsext_host_name(c->ssl, t->host);
    if (address)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), t->host);
    else
        SSL_set1_host(c->ssl, t->host);
    for (;;) {
        int done = SSL_connect(c->ssl);
        if (done == 1)
            return true;
        int why = SSL_get_error(c->ssl, done);
        if ((why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) &&
            wait_for(c, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_ms))
            continue;
        bool trust = SSL_get_verify_result(c->ssl) != X509_V_OK;
        char text[200];
        ERR_error_string_n(ERR_get_error(), text, sizeof(text));
        ERR_clear_error();
        error_set(err, trust ? ERROR_DENIED : ERROR_NETWORK,
                  trust ? "%s is not the server that is trusted" : "cannot speak TLS with %s",
                  t->authority);
        error_why(err, "%s",
                  trust ? X509_verify_cert_error_string(SSL_get_verify_result(c->ssl)) : text);
        return error_fix(err, "%s",
                         trust ? "compare the certificate's fingerprint with what the server shows"
                               : "check that this port speaks TLS 1.2 or 1.3");
    }
}

static bool line_broke(struct error *err)
{
    error_set(err, ERROR_NETWORK, "the connection broke off");
    error_why(err, "the other side hung up or the network failed");
    return error_fix(err, "connect again");
}

static bool write_all(struct socket_client *c, const char *at, size_t size, int64_t until_ms,
                      struct error *err)
{
    while (size) {
        ssize_t sent = raw_write(c, at, size);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (sent != -1 || !wait_for(c, POLLOUT, until_ms)) {
            return line_broke(err);
        }
    }
    return true;
}

static const char *header_end(const struct buf *b)
{
    return b->size ? memmem(b->at, b->size, "\r\n\r\n", 4) : NULL;
}

static bool read_answer(struct socket_client *c, struct buf *b, int64_t until_ms, bool all,
                        struct error *err)
{
    while (all || !header_end(b)) {
        char *to = buf_reserve(b, 4096);
        ssize_t got = to ? raw_read(c, to, 4096) : -2;
        if (got > 0)
            b->size += (size_t)got;
        else if (got == -1 && wait_for(c, POLLIN, until_ms))
            continue;
        else
            return all ? true : line_broke(err);
    }
    return true;
}

static bool shake_hands(struct socket_client *c, const struct target *t,
                        const struct socket_client_wish *wish, int64_t until_ms, struct error *err)
{
    unsigned char raw[16], digest[64], key[32], expected[64];
    char joined[80];
    struct buf request = BUF_LIMIT(16 << 10), answer = BUF_LIMIT(ANSWER_LIMIT);
    random_bytes(raw, sizeof(raw));
    EVP_EncodeBlock(key, raw, sizeof(raw));
    snprintf(joined, sizeof(joined), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (char *)key);
    struct hasher *h = hasher_open("sha1");
    hasher_add(h, joined, strlen(joined));
    EVP_EncodeBlock(expected, digest, (int)hasher_end(h, digest));
    buf_format(&request,
               "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
               t->path, t->authority, (char *)key);
    if (wish->bearer)
        buf_format(&request, "Authorization: Bearer %s\r\n", wish->bearer);
    buf_text(&request, "\r\n");
    bool good = write_all(c, request.at, request.size, until_ms, err) &&
                read_answer(c, &answer, until_ms, false, err);
    explicit_bzero(request.at, request.size);
    buf_free(&request);
    if (good && strncmp(answer.at, "HTTP/1.1 101", 12) != 0) {
        int status = answer.size > 12 ? atoi(answer.at + 9) : 0;
        int64_t soon = clock_tick_us() / 1000 + 1000; // for the rest of a short document
        good = read_answer(c, &answer, soon < until_ms ? soon : until_ms, true, err);
        const char *body = header_end(&answer) + 4;
        // A document may come in chunks; the JSON in it is found by its braces.
        const char *from = strchr(body, '{'), *to = strrchr(body, '}');
        text json = from && to > from ? (text){from, (size_t)(to - from) + 1} : (text){NULL, 0};
        problem_read(status, json, err);
        good = false;
    } else if (good) {
        struct reply reply = {.headers = {answer.at, (size_t)(header_end(&answer) - answer.at)}};
        struct arena *a = arena_open(1 << 20);
        const char *accept = reply_header(&reply, a, "Sec-WebSocket-Accept");
        if (!accept || strcmp(accept, (char *)expected) != 0) {
            error_set(err, ERROR_NETWORK, "%s does not speak WebSocket", t->authority);
            error_why(err, "its answer to the handshake is wrong (RFC 6455, 4.2.2)");
            good = error_fix(err, "check the address and what stands between");
        }
        arena_close(a);
    }
    if (good) {
        const char *rest = header_end(&answer) + 4;
        c->early.limit = ANSWER_LIMIT;
        buf_add(&c->early, rest, (size_t)(answer.at + answer.size - rest));
    }
    buf_free(&answer);
    return good;
}

struct socket_client *socket_client_open(const struct socket_client_wish *wish, struct error *err)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = ws_recv,
                                                           .send_callback = ws_send,
                                                           .genmask_callback = ws_mask,
                                                           .on_msg_recv_callback = ws_message};
    struct target t = {0};
    if (!target_parse(wish->url, &t, err))
        return NULL;
    struct socket_client *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    int timeout_ms = wish->connect_timeout_ms > 0 ? wish->connect_timeout_ms : 10000, on = 1;
    int64_t until_ms = clock_tick_us() / 1000 + timeout_ms;
    pthread_mutex_init(&c->lock, NULL);
    c->messages_last = &c->messages;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->fd = connect_to(&t, timeout_ms, err);
    c->broken = true;
    if (c->fd < 0 || (t.tls && !start_tls(c, &t, wish, until_ms, err)) ||
        !shake_hands(c, &t, wish, until_ms, err))
        goto failed;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (wslay_event_context_client_init(&c->ws, &callbacks, c) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(c->ws,
                                               wish->message_limit ? wish->message_limit : 8 << 20);
    c->broken = false;
    c->heard_ms = c->pinged_ms = clock_tick_us() / 1000;
    return c;
failed:
    socket_client_close(c);
    return NULL;
}

void socket_client_interrupt(struct socket_client *c)
{
    uint64_t one = 1;
    c->interrupted = true;
    (void)!write(c->wake, &one, sizeof(one));
}

// Under the lock: writes what wslay has until it is gone. The lock is let go while waiting.
static bool push(struct socket_client *c, int64_t until_ms, struct error *err)
{
    while (!c->broken && wslay_event_want_write(c->ws)) {
        if (wslay_event_send(c->ws) != 0)
            c->broken = true;
        else if (wslay_event_want_write(c->ws)) {
            pthread_mutex_unlock(&c->lock);
            bool more = wait_for(c, POLLOUT, until_ms);
            pthread_mutex_lock(&c->lock);
            if (!more) {
                c->broken = true; // in the middle of a frame: nothing can follow it
                break;
            }
        }
    }
    return c->broken ? line_broke(err) : true;
}

bool socket_client_send(struct socket_client *c, const void *at, size_t size, struct error *err)
{
    pthread_mutex_lock(&c->lock);
    struct wslay_event_msg message = {WSLAY_TEXT_FRAME, at, size};
    if (!c->broken && wslay_event_queue_msg(c->ws, &message) != 0)
        c->broken = true;
    bool sent = push(c, clock_tick_us() / 1000 + SEND_MS, err);
    pthread_mutex_unlock(&c->lock);
    return sent;
}

static bool closed(struct socket_client *c, struct error *err)
{
    if (c->interrupted) {
        error_set(err, ERROR_CANCELLED, "the connection was closed");
        error_why(err, "it was interrupted here");
        return error_fix(err, "connect again");
    }
    line_broke(err);
    if (c->close_code)
        error_why(err, "the other side closed it with code %d", c->close_code);
    return false;
}

bool socket_client_receive(struct socket_client *c, int timeout_ms, text *message,
                           struct error *err)
{
    int64_t until_ms = clock_tick_us() / 1000 + timeout_ms;
    bool got = false;
    pthread_mutex_lock(&c->lock);
    free(c->shown);
    c->shown = NULL;
    for (;;) {
        int64_t now_ms = clock_tick_us() / 1000;
        if (!c->broken && !c->messages) {
            c->want_write = false;
            if (wslay_event_recv(c->ws) != 0)
                c->broken = true;
            if (now_ms - c->heard_ms > DEAD_MS)
                c->broken = true;
            if (!c->broken && now_ms - c->heard_ms > PING_MS && now_ms - c->pinged_ms > PING_MS) {
                struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
                c->pinged_ms = now_ms;
                wslay_event_queue_msg(c->ws, &ping);
            }
            struct error ignored;
            if (!push(c, now_ms + SEND_MS, &ignored))
                c->broken = true;
        }
        if (c->messages) {
            c->shown = c->messages;
            c->messages = c->shown->next;
            if (!c->messages)
                c->messages_last = &c->messages;
            *message = (text){c->shown->at, c->shown->size};
            got = true;
            break;
        }
        if (c->broken || c->interrupted || c->close_code) {
            closed(c, err);
            break;
        }
        if (now_ms >= until_ms) {
            error_set(err, ERROR_TIMEOUT, "no message came");
            error_why(err, "waited %d ms", timeout_ms);
            error_fix(err, "wait on");
            break;
        }
        short events = c->want_write ? POLLIN | POLLOUT : POLLIN;
        bool pending = c->ssl && SSL_pending(c->ssl) > 0;
        pthread_mutex_unlock(&c->lock);
        if (!pending)
            wait_for(c, events, until_ms);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return got;
}

void socket_client_close(struct socket_client *c)
{
    if (!c)
        return;
    if (c->ws && !c->broken) {
        struct error ignored;
        pthread_mutex_lock(&c->lock);
        wslay_event_queue_close(c->ws, 1000, NULL, 0);
        (void)!push(c, clock_tick_us() / 1000 + 1000, &ignored);
        pthread_mutex_unlock(&c->lock);
    }
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    SSL_free(c->ssl);
    SSL_CTX_free(c->trust);
    if (c->fd >= 0)
        close(c->fd);
    if (c->wake >= 0)
        close(c->wake);
    if (c->ws)
        wslay_event_context_free(c->ws);
    while (c->messages) {
        struct message *m = c->messages;
        c->messages = m->next;
        free(m);
    }
    free(c->shown);
    free(c->fingerprint);
    buf_free(&c->early);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
