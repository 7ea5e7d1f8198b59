/*
 * A door has a few epoll threads. Each accepts for itself and keeps its tunnels: a socket to the
 * client, an SSL, and one end of a socketpair whose other end the loops of line.c serve as if it
 * were the client's. Both descriptors are watched edge-triggered and a tunnel runs until nothing
 * moves, so backpressure needs no book-keeping: what can not be written stays in one of two 16 KiB
 * buffers, and what is not read stays in the kernel.
 */
#include "wire/tls.h"

#include "plat/clock.h"
#include "plat/ids.h"
#include "wire/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

struct tls {
    pthread_mutex_t lock; // ctx, fingerprint, self_signed
    SSL_CTX *ctx;
    tls_fingerprint fingerprint;
    bool self_signed;
    char *certificate_file, *key_file;
};

#define OWN_NAME "Posthouse (self-signed)"
enum { VALID_DAYS = 825, HANDSHAKE_MS = 15000, LINGER_MS = 2000, PIECE = 16384, TURNS = 32 };

// ---- The identity --------------------------------------------------------------------------

static bool ssl_failed(struct error *err, const char *what, const char *name, const char *fix)
{
    char why[256];
    unsigned long code = ERR_get_error();
    ERR_error_string_n(code, why, sizeof(why));
    ERR_clear_error();
    error_set(err, ERROR_INPUT, "%s %s", what, name);
    error_why(err, "%s", code ? why : "it does not hold what is needed");
    return error_fix(err, "%s", fix);
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)context;
    unsigned char *found;
    if (SSL_select_next_proto(&found, out_size, ours, sizeof(ours) - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

static void fingerprint_of(X509 *cert, tls_fingerprint *f)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(cert, EVP_sha256(), digest, &size);
    for (unsigned i = 0; i < size && i < 32; i++)
        snprintf(f->text + 3 * i, 4, "%02X%s", digest[i], i + 1 < size ? ":" : "");
}

static SSL_CTX *context_load(const struct tls *t, tls_fingerprint *f, bool *self, struct error *err)
{
    static const char fix[] = "give PEM files of a certificate and the key that belongs to it";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ERR_clear_error();
    if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, t->certificate_file) != 1) {
        ssl_failed(err, "cannot use the certificate", t->certificate_file, fix);
        goto failed;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, t->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        ssl_failed(err, "cannot use the key", t->key_file, fix);
        goto failed;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"posthouse", 9);
    SSL_CTX_sess_set_cache_size(ctx, 1024);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    X509 *cert = SSL_CTX_get0_certificate(ctx);
    fingerprint_of(cert, f);
    *self = X509_self_signed(cert, 0) == 1;
    return ctx;
failed:
    SSL_CTX_free(ctx);
    return NULL;
}

static bool is_address(const char *name)
{
    unsigned char scratch[16];
    return inet_pton(AF_INET, name, scratch) == 1 || inet_pton(AF_INET6, name, scratch) == 1;
}

static FILE *create(const char *path, char temporary[4096], mode_t mode)
{
    snprintf(temporary, 4096, "%s.%.6s", path, id_new().text + 20);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (fd >= 0 && !f)
        close(fd);
    return f;
}

static bool finish(FILE *f, bool good, const char *temporary, const char *path)
{
    good = good && fflush(f) == 0 && fsync(fileno(f)) == 0;
    good = fclose(f) == 0 && good && rename(temporary, path) == 0;
    if (!good)
        unlink(temporary);
    return good;
}

static X509 *certificate_make(EVP_PKEY *key, const char *const *names)
{
    X509 *cert = X509_new();
    struct buf san = BUF_LIMIT(16 << 10);
    unsigned char serial[16];
    random_bytes(serial, sizeof(serial));
    serial[0] = (serial[0] & 0x3f) | 0x40; // positive, and never short
    BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
    X509_set_version(cert, X509_VERSION_3);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    // A day back: clocks of other machines may be behind.
    X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS - 1, 0, NULL);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)OWN_NAME, -1,
                               -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    for (size_t i = 0; names[i]; i++)
        buf_format(&san, "%s%s:%s", i ? "," : "", is_address(names[i]) ? "IP" : "DNS", names[i]);
    const struct {
        int nid;
        const char *value;
    } extensions[] = {
        {NID_subject_alt_name, san.at ? san.at : "DNS:localhost"},
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, extensions[i].nid, extensions[i].value);
        good = e && X509_add_ext(cert, e, -1) == 1 && good;
        X509_EXTENSION_free(e);
    }
    good = good && X509_sign(cert, key, EVP_sha256()) > 0;
    buf_free(&san);
    if (!good) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static bool self_sign(const struct tls *t, const char *const *names, struct error *err)
{
    char temporary[4096];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? certificate_make(key, names) : NULL;
    bool good = cert != NULL;
    errno = EINVAL;
    // The key first: a certificate without its key would look like somebody else's.
    FILE *f = good ? create(t->key_file, temporary, 0600) : NULL;
    good = f && finish(f, PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1, temporary,
                       t->key_file);
    f = good ? create(t->certificate_file, temporary, 0644) : NULL;
    good = f && finish(f, PEM_write_X509(f, cert) == 1, temporary, t->certificate_file);
    if (!good) {
        error_errno(err, errno, "cannot make a certificate at %s", t->certificate_file);
        error_fix(err, "check that its names are host names or addresses, and that the folder can "
                       "be written");
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return good;
}

// One of ours that no longer does: ended (or within a week of it), or without one of the names.
static bool must_be_made_again(const struct tls *t, const char *const *names)
{
    FILE *f = fopen(t->certificate_file, "r");
    X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    bool again = false;
    char name[128] = "";
    if (f)
        fclose(f);
    if (cert) {
        time_t soon = time(NULL) + 7 * 86400;
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
        if (strcmp(name, OWN_NAME) == 0) {
            again = X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0;
            for (size_t i = 0; names[i]; i++)
                again = again ||
                        (is_address(names[i]) ? X509_check_ip_asc(cert, names[i], 0)
                                              : X509_check_host(cert, names[i], 0, 0, NULL)) != 1;
        }
    }
    ERR_clear_error();
    X509_free(cert);
    return again;
}

struct tls *tls_open(const struct tls_wish *wish, struct error *err)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    pthread_mutex_init(&t->lock, NULL);
    t->certificate_file = strdup(wish->certificate_file);
    t->key_file = strdup(wish->key_file);
    const char *const *names = wish->self_signed_for;
    bool absent = access(t->certificate_file, F_OK) != 0 && access(t->key_file, F_OK) != 0;
    if (names && (absent || must_be_made_again(t, names)) && !self_sign(t, names, err))
        goto failed;
    t->ctx = context_load(t, &t->fingerprint, &t->self_signed, err);
    if (t->ctx)
        return t;
failed:
    tls_close(t);
    return NULL;
}

void tls_close(struct tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t->certificate_file);
    free(t->key_file);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

bool tls_reload(struct tls *t, struct error *err)
{
    tls_fingerprint f;
    bool self;
    SSL_CTX *ctx = context_load(t, &f, &self, err);
    if (!ctx)
        return false;
    pthread_mutex_lock(&t->lock);
    SSL_CTX *old = t->ctx;
    t->ctx = ctx;
    t->fingerprint = f;
    t->self_signed = self;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old); // open connections hold it
    return true;
}

tls_fingerprint tls_fingerprint_of(struct tls *t)
{
    pthread_mutex_lock(&t->lock);
    tls_fingerprint f = t->fingerprint;
    pthread_mutex_unlock(&t->lock);
    return f;
}

bool tls_is_self_signed(struct tls *t)
{
    pthread_mutex_lock(&t->lock);
    bool self = t->self_signed;
    pthread_mutex_unlock(&t->lock);
    return self;
}

// ---- The tunnels ---------------------------------------------------------------------------

struct way { // bytes on their way in one direction
    char at[PIECE];
    int from, to;
    bool ended; // no more will come in
};

struct tunnel {
    struct tunnel *next, **from; // in its keeper's list
    struct keeper *keeper;
    int tcp, plain; // plain is -1 until the handshake is done
    SSL *ssl;
    bool looked, lingering, again, dead;
    int64_t until_ms; // of handshake or lingering; 0: none
    struct tunnel *next_again;
    struct sockaddr_storage peer;
    socklen_t peer_size;
    struct way in, out; // from and to the client
};

struct keeper { // one thread
    struct door *door;
    pthread_t thread;
    bool started;
    int epoll, wake;
    struct tunnel *tunnels, *again, *dead;
};

struct door {
    struct tls *tls;
    struct listener *to;
    int listen_fd, lines;
    atomic_int open;
    atomic_bool deaf, stopping;
    int count;
    struct keeper keepers[];
};

static void tunnel_end(struct tunnel *t)
{
    if (t->dead)
        return;
    t->dead = true;
    *t->from = t->next;
    if (t->next)
        t->next->from = t->from;
    SSL_free(t->ssl);
    ERR_clear_error();
    // Closing alone is not enough: between fork and exec a child holds the descriptors too, and
    // epoll would go on to name what is freed below.
    epoll_ctl(t->keeper->epoll, EPOLL_CTL_DEL, t->tcp, NULL);
    close(t->tcp);
    if (t->plain >= 0) {
        epoll_ctl(t->keeper->epoll, EPOLL_CTL_DEL, t->plain, NULL);
        close(t->plain);
    }
    t->keeper->door->open--;
    t->next = t->keeper->dead; // freed after this batch of events, which may still name it
    t->keeper->dead = t;
}

// Closing with unread bytes would reset the line under the answer; so read on for a while.
static void linger(struct tunnel *t)
{
    if (!t->lingering) {
        t->lingering = true;
        t->until_ms = clock_tick_us() / 1000 + LINGER_MS;
        shutdown(t->tcp, SHUT_WR);
        if (t->plain >= 0)
            shutdown(t->plain, SHUT_RDWR);
    }
    char scrap[4096];
    ssize_t got;
    do
        got = read(t->tcp, scrap, sizeof(scrap));
    while (got > 0);
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        tunnel_end(t);
}

static bool watch_fd(struct tunnel *t, int fd)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = t};
    return epoll_ctl(t->keeper->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool connect_plain(struct tunnel *t)
{
    int pair[2], size = 256 << 10;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    t->plain = pair[0];
    t->until_ms = 0;
    if (!watch_fd(t, t->plain)) {
        close(pair[1]);
        return false;
    }
    return listener_adopt(t->keeper->door->to, pair[1], &t->peer);
}

// 1 done, 0 waits, -1 is over.
static int handshake(struct tunnel *t)
{
    static const char speak_tls[] =
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: "
        "application/problem+json\r\nContent-Length: 119\r\n\r\n"
        "{\"status\":400,\"title\":\"this port speaks TLS\",\"detail\":\"plain HTTP came "
        "in\",\"fix\":"
        "\"write https:// before the address\"} \n";
    if (!t->looked) {
        unsigned char first;
        ssize_t got = recv(t->tcp, &first, 1, MSG_PEEK);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        if (got == 0)
            return -1;
        t->looked = true;
        if (first >= 'A' && first <= 'Z') {
            (void)!send(t->tcp, speak_tls, sizeof(speak_tls) - 1, MSG_NOSIGNAL);
            linger(t);
            return 0;
        }
    }
    int done = SSL_accept(t->ssl);
    if (done == 1)
        return connect_plain(t) ? 1 : -1;
    int why = SSL_get_error(t->ssl, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    ERR_clear_error();
    linger(t); // the alert should arrive
    return 0;
}

// Moves what can be moved once. 1 something moved, 0 nothing, -1 the line is over.
static int move_in(struct tunnel *t)
{
    struct way *w = &t->in;
    int moved = 0;
    if (w->from == w->to && !w->ended) {
        int got = SSL_read(t->ssl, w->at, PIECE);
        if (got > 0) {
            w->from = 0;
            w->to = got;
            moved = 1;
        } else {
            int why = SSL_get_error(t->ssl, got);
            if (why == SSL_ERROR_ZERO_RETURN) {
                w->ended = true;
                shutdown(t->plain, SHUT_WR);
                moved = 1;
            } else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
                ERR_clear_error();
                return -1;
            }
        }
    }
    if (w->from < w->to) {
        ssize_t sent = send(t->plain, w->at + w->from, (size_t)(w->to - w->from), MSG_NOSIGNAL);
        if (sent > 0) {
            w->from += (int)sent;
            moved = 1;
        } else if (errno != EAGAIN && errno != EINTR) {
            w->from = w->to; // the server hung up; its answer may still be on the way out
        }
    }
    return moved;
}

static int move_out(struct tunnel *t)
{
    struct way *w = &t->out;
    int moved = 0;
    if (w->from == w->to && !w->ended) {
        ssize_t got = read(t->plain, w->at, PIECE);
        if (got > 0) {
            w->from = 0;
            w->to = (int)got;
            moved = 1;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            w->ended = true;
        }
    }
    if (w->from < w->to) {
        int sent = SSL_write(t->ssl, w->at + w->from, w->to - w->from);
        if (sent > 0) {
            w->from += sent;
            moved = 1;
        } else {
            int why = SSL_get_error(t->ssl, sent);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
                ERR_clear_error();
                return -1;
            }
        }
    }
    return moved;
}

static void tunnel_run(struct tunnel *t)
{
    if (t->dead)
        return;
    if (t->plain < 0 && !t->lingering) {
        int done = handshake(t);
        if (done < 0)
            tunnel_end(t);
        if (done <= 0)
            return;
    }
    if (t->lingering) {
        linger(t);
        return;
    }
    for (int turn = 0; turn < TURNS; turn++) {
        int in = move_in(t), out = move_out(t);
        if (in < 0 || out < 0) {
            tunnel_end(t);
            return;
        }
        if (t->out.ended && t->out.from == t->out.to) {
            SSL_shutdown(t->ssl);
            ERR_clear_error();
            linger(t);
            return;
        }
        if (!in && !out)
            return;
    }
    // Others have a turn too; edge-triggered, so remember that this one is not done.
    if (!t->again) {
        t->again = true;
        t->next_again = t->keeper->again;
        t->keeper->again = t;
    }
}

static void accept_some(struct keeper *k)
{
    struct door *d = k->door;
    for (int i = 0; i < 16 && !d->deaf; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        int fd =
            accept4(d->listen_fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                clock_sleep_ms(10); // else this loop spins until somebody closes one
            return;
        }
        struct tunnel *t = d->open < d->lines ? calloc(1, sizeof(*t)) : NULL;
        if (!t) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        pthread_mutex_lock(&d->tls->lock);
        t->ssl = SSL_new(d->tls->ctx);
        pthread_mutex_unlock(&d->tls->lock);
        t->keeper = k;
        t->tcp = fd;
        t->plain = -1;
        t->peer = peer;
        t->peer_size = size;
        t->until_ms = clock_tick_us() / 1000 + HANDSHAKE_MS;
        t->next = k->tunnels;
        t->from = &k->tunnels;
        if (t->next)
            t->next->from = &t->next;
        k->tunnels = t;
        d->open++;
        if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1 || !watch_fd(t, fd))
            tunnel_end(t);
        else
            tunnel_run(t);
    }
}

static void tunnels_sweep(struct keeper *k, int64_t now_ms)
{
    for (struct tunnel *t = k->tunnels, *next; t; t = next) {
        next = t->next;
        if (t->until_ms && now_ms > t->until_ms)
            tunnel_end(t);
    }
}

static void forget_dead(struct keeper *k)
{
    while (k->dead) {
        struct tunnel *t = k->dead;
        k->dead = t->next;
        free(t);
    }
}

static void *keep(void *context)
{
    struct keeper *k = context;
    struct epoll_event events[64];
    int64_t swept_ms = 0;
    pthread_setname_np(pthread_self(), "tls");
    while (!k->door->stopping) {
        int count = epoll_wait(k->epoll, events, 64, k->again ? 0 : 1000);
        for (int i = 0; i < count; i++)
            if (!events[i].data.ptr)
                accept_some(k);
            else if (events[i].data.ptr != k)
                tunnel_run(events[i].data.ptr);
        struct tunnel *again = k->again;
        k->again = NULL;
        for (struct tunnel *next; again; again = next) {
            next = again->next_again;
            again->again = false;
            tunnel_run(again);
        }
        int64_t now_ms = clock_tick_us() / 1000;
        if (now_ms - swept_ms >= 1000) {
            swept_ms = now_ms;
            tunnels_sweep(k, now_ms);
        }
        // One that died above may stand in the list of those that are not done.
        for (struct tunnel **at = &k->again; *at;)
            if ((*at)->dead)
                *at = (*at)->next_again;
            else
                at = &(*at)->next_again;
        forget_dead(k);
    }
    while (k->tunnels)
        tunnel_end(k->tunnels);
    forget_dead(k);
    return NULL;
}

struct door *door_open(struct tls *t, int listen_fd, struct listener *to, int threads, int lines,
                       struct error *err)
{
    struct door *d = calloc(1, sizeof(*d) + sizeof(struct keeper) * (size_t)threads);
    if (!d)
        abort();
    d->tls = t;
    d->to = to;
    d->listen_fd = listen_fd;
    d->lines = lines;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = true;
    for (; good && d->count < threads; d->count++) {
        struct keeper *k = &d->keepers[d->count];
        k->door = d;
        k->epoll = epoll_create1(EPOLL_CLOEXEC);
        k->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        struct epoll_event hear = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
        struct epoll_event stop = {.events = EPOLLIN, .data.ptr = k};
        good = k->epoll >= 0 && k->wake >= 0 &&
               epoll_ctl(k->epoll, EPOLL_CTL_ADD, listen_fd, &hear) == 0 &&
               epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->wake, &stop) == 0;
        k->started = good && pthread_create(&k->thread, NULL, keep, k) == 0;
        good = k->started;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (good)
        return d;
    error_errno(err, errno, "cannot start the threads that end TLS");
    error_fix(err, "look for limits of threads or open files (ulimit -a)");
    door_close(d);
    return NULL;
}

void door_stop_accepting(struct door *d)
{
    d->deaf = true;
    for (int i = 0; i < d->count; i++)
        epoll_ctl(d->keepers[i].epoll, EPOLL_CTL_DEL, d->listen_fd, NULL);
}

void door_close(struct door *d)
{
    if (!d)
        return;
    d->stopping = true;
    for (int i = 0; i < d->count; i++) {
        struct keeper *k = &d->keepers[i];
        uint64_t one = 1;
        if (k->started) {
            (void)!write(k->wake, &one, sizeof(one));
            pthread_join(k->thread, NULL);
        }
        if (k->epoll >= 0)
            close(k->epoll);
        if (k->wake >= 0)
            close(k->wake);
    }
    free(d);
}
