/*
 * Ports: the socket and the thread of the bulk transport.
 *
 * One thread for a port reads and writes for all its sessions. It sends up to 60 datagrams in one
 * system call (UDP_SEGMENT) and takes as many in one (UDP_GRO); between them it sleeps until the
 * next is due, to a few microseconds. When it is woken late, the rate's tokens have gathered for a
 * few milliseconds, so that a busy machine does not slow a line down.
 *
 * When a packet came says the kernel (SO_TIMESTAMPNS), as this thread may be late. That is the wall
 * clock, so only its distance from now counts, and at most 3 ms of it: a clock that jumps does no
 * harm, and what waits longer in the socket is a queue like any other.
 */
#include "wire/bulk/bulk.h"

#include "plat/clock.h"
#include "plat/ids.h"
#include "wire/bulk/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    ROOM = 64000,      // of one send: below what a UDP datagram can be
    TAKE = 16,         // messages a call
    TAKE_ROOM = 65536, // each
    TURNS = 8,         // sends of one session before others and the socket's input have theirs
    SOCKET_BYTES = 16 << 20,
    LATE_US = 3000,
};

struct bulk {
    struct bulk *next;
    struct bulk_port *port;
    uint32_t connection;
    struct lane *lane;
};

struct bulk_port {
    int fd, wake_fd, number;
    bool connected, segments; // segments: the kernel takes many at once
    bool running, stop;       // stop: guarded by lock
    pthread_t thread;
    // Recursive: callbacks run with it and may call bulk_send and others. Guards all below.
    pthread_mutex_t lock;
    pthread_cond_t changed; // a session has met or ended
    struct bulk *sessions;
    uint8_t *out;
    size_t out_size, out_segment; // not sent yet: the socket was full
    struct lane_peer out_peer;
    uint8_t *in; // TAKE of TAKE_ROOM
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct bulk_meeting bulk_meeting_new(void)
{
    struct bulk_meeting m;
    random_bytes(&m, sizeof(m));
    return m;
}

static const char *const policies[] = {"fair", "fixed", "background"};

bool bulk_policy_named(const char *name, enum bulk_policy *policy)
{
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        if (name && strcmp(name, policies[i]) == 0) {
            *policy = (enum bulk_policy)i;
            return true;
        }
    return false;
}

// ---- the socket

static void buffer_size(int fd, int force, int plain)
{
    int size = SOCKET_BYTES;
    if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) != 0) // root only; else as allowed
        (void)!setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

static void prepare(struct bulk_port *p, int family)
{
    int one = 1, discover = IP_PMTUDISC_PROBE, size = 0;
    buffer_size(p->fd, SO_RCVBUFFORCE, SO_RCVBUF);
    buffer_size(p->fd, SO_SNDBUFFORCE, SO_SNDBUF);
    (void)!setsockopt(p->fd, SOL_UDP, UDP_GRO, &one, sizeof(one));
    (void)!setsockopt(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
    // Never in fragments, and without asking what the kernel thinks of the path: it is tried.
    if (family == AF_INET6) {
        discover = IPV6_PMTUDISC_PROBE;
        (void)!setsockopt(p->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof(discover));
    }
    discover = IP_PMTUDISC_PROBE;
    (void)!setsockopt(p->fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
    p->segments = setsockopt(p->fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) == 0;
}

static bool socket_open(struct bulk_port *p, const struct addrinfo *at, bool connects,
                        struct error *err)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    p->fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0)
        return error_errno(err, errno, "cannot open a UDP socket");
    prepare(p, at->ai_family);
    int failed = connects ? connect(p->fd, at->ai_addr, at->ai_addrlen)
                          : bind(p->fd, at->ai_addr, at->ai_addrlen);
    if (failed || getsockname(p->fd, (struct sockaddr *)&bound, &size) != 0) {
        error_errno(err, errno, connects ? "cannot send by UDP" : "cannot listen for UDP");
        close(p->fd);
        p->fd = -1;
        return false;
    }
    p->connected = connects;
    p->number = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    return true;
}

// ---- sending, with the lock

static ssize_t send_batch(struct bulk_port *p, const uint8_t *at, size_t size, size_t segment)
{
    union {
        char at[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {0};
    struct iovec vector = {(void *)at, size};
    struct msghdr m = {.msg_iov = &vector, .msg_iovlen = 1};
    if (!p->connected) {
        m.msg_name = p->out_peer.at;
        m.msg_namelen = (socklen_t)p->out_peer.size;
    }
    if (size > segment) {
        uint16_t value = (uint16_t)segment;
        m.msg_control = control.at;
        m.msg_controllen = sizeof(control.at);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(value));
        memcpy(CMSG_DATA(c), &value, sizeof(value));
    }
    return sendmsg(p->fd, &m, 0);
}

// Sends what lies in `out`. False: the socket is full, the rest stays.
static bool flush(struct bulk_port *p, struct lane *l)
{
    size_t done = 0;
    while (done < p->out_size) {
        size_t size = p->out_size - done;
        if (!p->segments && size > p->out_segment)
            size = p->out_segment;
        ssize_t sent = send_batch(p, p->out + done, size, p->out_segment);
        int code = errno;
        if (sent < 0 && (code == EAGAIN || code == EWOULDBLOCK || code == ENOBUFS)) {
            memmove(p->out, p->out + done, p->out_size - done);
            p->out_size -= done;
            return false;
        }
        if (sent < 0 && code == EINTR)
            continue;
        if (sent < 0 && size > p->out_segment && (code == EINVAL || code == EIO)) {
            p->segments = false; // this network card can not
            continue;
        }
        if (sent < 0 && code == EMSGSIZE && l)
            lane_too_large(l, p->out_segment);
        done += size; // what could not be sent is lost, and found out
    }
    p->out_size = 0;
    return true;
}

static bool send_some(struct bulk_port *p, int64_t now_us)
{
    if (p->out_size && !flush(p, NULL))
        return false;
    for (struct bulk *b = p->sessions; b; b = b->next) {
        bool was = lane_ended(b->lane), met = lane_met(b->lane);
        for (int i = 0; i < TURNS; i++) {
            p->out_size = lane_fill(b->lane, now_us, p->out, ROOM, &p->out_segment, &p->out_peer);
            if (!p->out_size)
                break;
            if (!flush(p, b->lane))
                return false;
        }
        if (lane_ended(b->lane) != was || lane_met(b->lane) != met)
            pthread_cond_broadcast(&p->changed);
    }
    return true;
}

static int64_t next_due(struct bulk_port *p, int64_t now_us)
{
    int64_t due = INT64_MAX;
    for (struct bulk *b = p->sessions; b; b = b->next) {
        int64_t own = lane_due(b->lane, now_us);
        due = own < due ? own : due;
    }
    return due;
}

// ---- receiving

struct arrived {
    int64_t late_us; // how long it waited in the socket
    size_t segment;
};

static struct arrived arrival_of(struct msghdr *m, size_t size, const struct timespec *wall)
{
    struct arrived a = {0, size};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int segment;
        struct timespec at;
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(c), sizeof(segment));
            a.segment = segment > 0 ? (size_t)segment : size;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&at, CMSG_DATA(c), sizeof(at));
            int64_t late =
                (int64_t)(wall->tv_sec - at.tv_sec) * 1000000 + (wall->tv_nsec - at.tv_nsec) / 1000;
            a.late_us = late < 0 ? 0 : late > LATE_US ? LATE_US : late;
        }
    }
    return a;
}

static void hand_out(struct bulk_port *p, int64_t now_us, int64_t arrived_us,
                     const struct lane_peer *from, uint8_t *at, size_t size)
{
    uint32_t connection;
    if (!packet_connection(at, size, &connection))
        return;
    for (struct bulk *b = p->sessions; b; b = b->next) {
        if (b->connection != connection)
            continue;
        bool was = lane_ended(b->lane), met = lane_met(b->lane);
        lane_datagram(b->lane, now_us, arrived_us, from, at, size);
        if (lane_ended(b->lane) != was || lane_met(b->lane) != met)
            pthread_cond_broadcast(&p->changed);
        return;
    }
}

struct intake {
    struct mmsghdr list[TAKE];
    struct iovec vectors[TAKE];
    struct sockaddr_storage from[TAKE];
    union {
        char at[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr align;
    } controls[TAKE];
};

// False: nothing more is there.
static bool receive(struct bulk_port *p, struct intake *t)
{
    for (int i = 0; i < TAKE; i++) {
        t->vectors[i] = (struct iovec){p->in + (size_t)i * TAKE_ROOM, TAKE_ROOM};
        t->list[i].msg_hdr = (struct msghdr){.msg_name = &t->from[i],
                                             .msg_namelen = sizeof(t->from[i]),
                                             .msg_iov = &t->vectors[i],
                                             .msg_iovlen = 1,
                                             .msg_control = t->controls[i].at,
                                             .msg_controllen = sizeof(t->controls[i].at)};
    }
    int count = recvmmsg(p->fd, t->list, TAKE, MSG_DONTWAIT, NULL);
    if (count <= 0)
        return false;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t now_us = clock_tick_us();
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < count; i++) {
        uint8_t *at = t->vectors[i].iov_base;
        size_t size = t->list[i].msg_len;
        struct lane_peer from = {.size = t->list[i].msg_hdr.msg_namelen};
        struct arrived a = arrival_of(&t->list[i].msg_hdr, size, &wall);
        if (from.size > sizeof(from.at))
            continue;
        memcpy(from.at, &t->from[i], from.size);
        for (size_t done = 0; done < size; done += a.segment)
            hand_out(p, now_us, now_us - a.late_us, &from, at + done,
                     size - done < a.segment ? size - done : a.segment);
    }
    pthread_mutex_unlock(&p->lock);
    return count == TAKE;
}

// ---- the thread

static void sleep_until(struct bulk_port *p, int64_t due_us, bool full, struct intake *t)
{
    struct pollfd list[2] = {{p->fd, POLLIN | (full ? POLLOUT : 0), 0}, {p->wake_fd, POLLIN, 0}};
    int64_t wait = due_us - clock_tick_us();
    wait = full || wait > 1000000 ? 1000000 : wait < 0 ? 0 : wait;
    struct timespec span = {wait / 1000000, wait % 1000000 * 1000};
    uint64_t woken;
    if (ppoll(list, 2, &span, NULL) <= 0)
        return;
    if (list[1].revents)
        (void)!read(p->wake_fd, &woken, sizeof(woken));
    for (int i = 0; list[0].revents & (POLLIN | POLLERR) && i < 4; i++)
        if (!receive(p, t))
            break;
}

static void *run(void *context)
{
    struct bulk_port *p = context;
    struct intake *t = must(calloc(1, sizeof(*t)));
    prctl(PR_SET_NAME, "bulk");
    prctl(PR_SET_TIMERSLACK, 1);
    for (;;) {
        pthread_mutex_lock(&p->lock);
        bool stop = p->stop;
        int64_t now_us = clock_tick_us();
        bool full = !stop && !send_some(p, now_us);
        int64_t due_us = next_due(p, now_us);
        pthread_mutex_unlock(&p->lock);
        if (stop)
            break;
        sleep_until(p, due_us, full, t);
    }
    free(t);
    return NULL;
}

static void wake(struct bulk_port *p)
{
    uint64_t one = 1;
    if (!pthread_equal(pthread_self(), p->thread))
        (void)!write(p->wake_fd, &one, sizeof(one));
}

// ---- ports

static bool port_start(struct bulk_port *p, struct error *err)
{
    p->stop = false;
    p->running = pthread_create(&p->thread, NULL, run, p) == 0;
    return p->running || error_set(err, ERROR_INTERNAL, "cannot start a thread");
}

static void port_halt(struct bulk_port *p)
{
    if (p->running) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        wake(p);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    p->running = false;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    p->out_size = 0;
}

static bool port_listen(struct bulk_port *p, const struct bulk_port_wish *wish, struct error *err)
{
    char number[16];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE},
                    *list = NULL;
    snprintf(number, sizeof(number), "%d", wish->port);
    if (getaddrinfo(wish->address, number, &hints, &list) != 0)
        return error_set(err, ERROR_INPUT, "cannot listen for UDP on %s", wish->address);
    bool ok = socket_open(p, list, false, err);
    freeaddrinfo(list);
    if (!ok)
        error_while(err, "port %d", wish->port);
    return ok && port_start(p, err);
}

struct bulk_port *bulk_port_open(const struct bulk_port_wish *wish, struct error *err)
{
    struct bulk_port *p = must(calloc(1, sizeof(*p)));
    pthread_mutexattr_t recursive;
    pthread_condattr_t steady;
    p->fd = -1;
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->out = must(malloc(ROOM));
    p->in = must(malloc((size_t)TAKE * TAKE_ROOM));
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&p->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &steady);
    pthread_condattr_destroy(&steady);
    if (p->wake_fd < 0) {
        error_errno(err, errno, "cannot open a UDP port");
        bulk_port_close(p);
        return NULL;
    }
    if (wish->address && !port_listen(p, wish, err)) {
        bulk_port_close(p);
        return NULL;
    }
    return p;
}

int bulk_port_number(const struct bulk_port *p)
{
    return p->number;
}

void bulk_port_close(struct bulk_port *p)
{
    if (!p)
        return;
    port_halt(p);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p->out);
    free(p->in);
    free(p);
}

// ---- sessions

static struct bulk *session_add(struct bulk_port *p, const struct bulk_meeting *m,
                                const struct bulk_calls *calls, bool server)
{
    struct bulk *b = must(calloc(1, sizeof(*b)));
    b->port = p;
    b->connection = m->connection;
    pthread_mutex_lock(&p->lock);
    b->lane = lane_open(&(struct lane_wish){
        .server = server, .meeting = *m, .calls = calls, .now_us = clock_tick_us()});
    b->next = p->sessions;
    p->sessions = b;
    if (p->running)
        wake(p);
    pthread_mutex_unlock(&p->lock);
    return b;
}

struct bulk *bulk_expect(struct bulk_port *p, const struct bulk_meeting *m,
                         const struct bulk_calls *calls)
{
    return session_add(p, m, calls, true);
}

// With the lock. False: not in time.
static bool wait_for(struct bulk_port *p, bool (*holds)(const struct lane *l), const struct lane *l,
                     int64_t until_us)
{
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    while (!holds(l))
        if (pthread_cond_timedwait(&p->changed, &p->lock, &until) == ETIMEDOUT)
            return holds(l);
    return true;
}

static void session_free(struct bulk *b)
{
    struct bulk_port *p = b->port;
    pthread_mutex_lock(&p->lock);
    for (struct bulk **at = &p->sessions; *at; at = &(*at)->next)
        if (*at == b) {
            *at = b->next;
            break;
        }
    lane_close(b->lane);
    pthread_mutex_unlock(&p->lock);
    free(b);
}

static struct bulk *meet_at(struct bulk_port *p, const struct addrinfo *at,
                            const struct bulk_meeting *m, const struct bulk_calls *calls,
                            int64_t until_us, struct error *err)
{
    if (!socket_open(p, at, true, err))
        return NULL;
    struct bulk *b = session_add(p, m, calls, false);
    if (!port_start(p, err)) {
        session_free(b);
        return NULL;
    }
    pthread_mutex_lock(&p->lock);
    bool met = wait_for(p, lane_met, b->lane, until_us);
    pthread_mutex_unlock(&p->lock);
    if (met)
        return b;
    session_free(b);
    port_halt(p);
    error_set(err, ERROR_TIMEOUT, "UDP does not pass");
    return NULL;
}

struct bulk *bulk_meet(struct bulk_port *p, const struct bulk_meeting *m,
                       const struct bulk_calls *calls, const char *host, int port, int wait_ms,
                       struct error *err)
{
    char number[16];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    struct bulk *b = NULL;
    int count = 0, tried = 0;
    int64_t began = clock_tick_us(), wait_us = (int64_t)wait_ms * 1000;
    snprintf(number, sizeof(number), "%d", port);
    error_set(err, ERROR_NOT_FOUND, "there is no machine %s", host);
    if (getaddrinfo(host, number, &hints, &list) != 0)
        return NULL;
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        count++;
    for (const struct addrinfo *at = list; at && !b; at = at->ai_next)
        b = meet_at(p, at, m, calls, began + wait_us * ++tried / count, err);
    freeaddrinfo(list);
    return b;
}

void bulk_close(struct bulk *b, bool kindly)
{
    if (!b)
        return;
    struct bulk_port *p = b->port;
    pthread_mutex_lock(&p->lock);
    if (kindly && !lane_ended(b->lane) && p->running) {
        int64_t now_us = clock_tick_us();
        lane_bye(b->lane, now_us);
        wake(p);
        (void)wait_for(p, lane_ended, b->lane, now_us + 1200000);
    }
    pthread_mutex_unlock(&p->lock);
    session_free(b);
}

bool bulk_send(struct bulk *b, int64_t size, text meta, void *user)
{
    pthread_mutex_lock(&b->port->lock);
    bool ok = lane_send(b->lane, size, meta, user);
    wake(b->port);
    pthread_mutex_unlock(&b->port->lock);
    return ok;
}

void bulk_answer(struct bulk *b, uint64_t item, unsigned code, text answer)
{
    pthread_mutex_lock(&b->port->lock);
    lane_answer(b->lane, item, code, answer);
    wake(b->port);
    pthread_mutex_unlock(&b->port->lock);
}

void bulk_wish(struct bulk *b, enum bulk_policy policy, int64_t bytes_a_second)
{
    pthread_mutex_lock(&b->port->lock);
    lane_policy(b->lane, policy, bytes_a_second);
    wake(b->port);
    pthread_mutex_unlock(&b->port->lock);
}

struct bulk_numbers bulk_numbers(struct bulk *b)
{
    pthread_mutex_lock(&b->port->lock);
    struct bulk_numbers n = lane_numbers(b->lane, clock_tick_us());
    pthread_mutex_unlock(&b->port->lock);
    return n;
}
