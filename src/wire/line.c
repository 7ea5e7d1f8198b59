/*
 * A few loop threads a listener move the bytes of its lines (connections). What is readable or
 * writable is told once by epoll (edges), so each line is run until it would block: `line_run` asks
 * for the next step of the state it is in, again and again.
 *
 * A line at rest has no buffer: heads are read into the loop's and looked at there. Only what is
 * not used at once (half a head, a request sent ahead, chunks that found no room) is kept. Bodies
 * go from the socket to where they are wanted, files from the page cache to the socket (sendfile).
 *
 * Closing a socket with unread bytes makes the kernel send a reset, and the client loses the answer
 * that says why. So a line that ends is shut for writing, and read on for a while (`linger`).
 */
#include "wire/server_inside.h"

#include "plat/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    SCRATCH = 64 << 10,
    TURN = 2 << 20, // so much of a file before other lines have their turn
    LINGER_QUIET_MS = 5000,
    LINGER_LIMIT = 64 << 20,
    SLOW_BYTES_A_SECOND = 512,
    SLOW_GRACE_S = 30,
};

struct loop {
    struct loops *all;
    pthread_t thread;
    bool started, hears; // hears: the listening socket is in its epoll
    int epoll, wake;
    pthread_mutex_t lock; // the next three
    struct exchange *woken;
    struct line *arrived;
    bool awake;
    struct line *lines, *again, *held, *dead;
    int64_t now_ms;
    char *scratch;
};

struct loops {
    struct listener *listener;
    bool accepting;
    atomic_bool deaf, stopping;
    atomic_uint turn;
    int count;
    struct loop loop[];
};

// ---- Ends ----------------------------------------------------------------------------------

void line_free(struct line *l)
{
    l->listener->open--;
    l->listener->server->connections--;
    free(l->in);
    free(l);
}

static void let_go(struct line *l)
{
    for (struct line **at = &l->loop->held; l->held && *at; at = &(*at)->next_held)
        if (*at == l) {
            *at = l->next_held;
            l->held = false;
            break;
        }
}

// Takes the line out of its loop, which knows it no more.
static void line_leave(struct line *l)
{
    struct loop *loop = l->loop;
    *l->from = l->next;
    if (l->next)
        l->next->from = l->from;
    for (struct line **at = &loop->again; l->again && *at; at = &(*at)->next_again)
        if (*at == l) {
            *at = l->next_again;
            break;
        }
    let_go(l);
    // Closing alone is not enough: between fork and exec a child holds the descriptor too, and
    // epoll would go on to name what is freed.
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, l->fd, NULL);
}

static void line_end(struct line *l)
{
    if (l->dead)
        return;
    l->dead = true;
    line_leave(l);
    close(l->fd);
    if (l->x)
        exchange_close(l->x);
    l->x = NULL;
    l->next = l->loop->dead; // freed after this batch of events, which may still name it
    l->loop->dead = l;
}

static void state_begins(struct line *l)
{
    l->since_ms = l->moved_ms = l->loop->now_ms;
    l->bytes = 0;
}

// ---- Limits --------------------------------------------------------------------------------

// How much of `want` the exchange's stream may move now. 0: the line is held until it may again, or
// has ended. A line that is held is not slow: it does as it is told.
static size_t allowed(struct line *l, struct exchange *x, size_t want)
{
    int wait_ms;
    if (!x->stream || l->broken)
        return want;
    size_t may = stream_take(x->stream, want, &wait_ms);
    if (may)
        return may;
    if (wait_ms < 0) {
        line_end(l);
        return 0;
    }
    state_begins(l);
    l->held_until_ms = l->loop->now_ms + wait_ms;
    if (!l->held) {
        l->held = true;
        l->next_held = l->loop->held;
        l->loop->held = l;
    }
    return 0;
}

static void unused(struct line *l, struct exchange *x, size_t allowed_size, ssize_t moved)
{
    size_t used = moved > 0 ? (size_t)moved : 0;
    if (x->stream && !l->broken && used < allowed_size)
        stream_give_back(x->stream, allowed_size - used);
}

// ---- Reading -------------------------------------------------------------------------------

// Bytes; 0: the other side has ended; -1: none now.
static ssize_t receive(struct line *l, void *to, size_t room)
{
    while (l->more) {
        ssize_t got = recv(l->fd, to, room, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            l->more = false;
        else if (got <= 0)
            return 0;
        else {
            // Less than asked for: there is no more, and when more comes epoll says so.
            l->more = (size_t)got == room || l->hung_up;
            l->moved_ms = l->loop->now_ms;
            l->bytes += got;
            return got;
        }
    }
    return -1;
}

static text kept(const struct line *l)
{
    return (text){(const char *)l->in + l->in_used, l->in_size - l->in_used};
}

static void use_kept(struct line *l, size_t size)
{
    l->in_used += size;
    if (l->in_used < l->in_size)
        return;
    free(l->in);
    l->in = NULL;
    l->in_size = l->in_used = 0;
}

static void keep(struct line *l, const void *at, size_t size)
{
    if (!size)
        return;
    size_t before = l->in_size - l->in_used;
    uint8_t *fresh = malloc(before + size);
    if (!fresh)
        abort();
    if (before)
        memcpy(fresh, l->in + l->in_used, before);
    memcpy(fresh + before, at, size);
    free(l->in);
    l->in = fresh;
    l->in_size = before + size;
    l->in_used = 0;
}

// What is kept, else what comes, into the scratch: at most `room` of it.
static ssize_t receive_any(struct line *l, char *to, size_t room)
{
    text before = kept(l);
    if (!before.size)
        return receive(l, to, room);
    size_t size = before.size < room ? before.size : room;
    memcpy(to, before.at, size);
    use_kept(l, size);
    return (ssize_t)size;
}

// ---- Steps: true when there may be more to do at once ----------------------------------------

static bool head_step(struct line *l)
{
    struct head_fault fault = {0};
    text in = kept(l);
    int64_t found = in.size ? head_find(in, &l->seen, &fault) : 0;
    bool from_scratch = false;
    if (found == 0) {
        char *scratch = l->loop->scratch;
        ssize_t got = receive(l, scratch, SCRATCH);
        if (got == 0)
            line_end(l);
        if (got <= 0)
            return false;
        if (in.size) {
            keep(l, scratch, (size_t)got);
            return true;
        }
        l->seen = 0;
        in = (text){scratch, (size_t)got};
        found = head_find(in, &l->seen, &fault);
        if (found == 0) {
            keep(l, scratch, (size_t)got);
            return true;
        }
        from_scratch = true;
    }
    size_t size = found > 0 ? (size_t)found : in.size;
    text whole = {in.at, size};
    l->seen = 0;
    state_begins(l);
    exchange_open(l, whole, &fault);
    if (from_scratch)
        keep(l, in.at + size, in.size - size);
    else
        use_kept(l, size);
    return true;
}

static void body_came(struct exchange *x, size_t size)
{
    x->used += size;
    x->r.received += (int64_t)size;
    x->server->bytes_in += (int64_t)size;
}

static bool body_step(struct line *l, struct exchange *x)
{
    int64_t left = x->r.length - x->r.received;
    if (left == 0) {
        exchange_all(x);
        return true;
    }
    if (x->used == x->room) {
        exchange_filled(x);
        return true;
    }
    size_t room = x->room - x->used;
    room = allowed(l, x, (int64_t)room < left ? room : (size_t)left);
    if (!room)
        return false;
    ssize_t got = receive_any(l, (char *)x->body + x->used, room);
    unused(l, x, room, got);
    if (got == 0)
        line_end(l);
    if (got <= 0)
        return false;
    body_came(x, (size_t)got);
    return true;
}

static bool chunked_step(struct line *l, struct exchange *x)
{
    char *scratch = l->loop->scratch;
    size_t taken, given, room = allowed(l, x, SCRATCH);
    if (!room)
        return false;
    ssize_t got = receive_any(l, scratch, room);
    unused(l, x, room, got);
    if (got == 0)
        line_end(l);
    if (got <= 0)
        return false;
    bool sound = chunks_read(&x->chunks, (text){scratch, (size_t)got}, &taken,
                             (char *)x->body + x->used, x->room - x->used, &given);
    // What was kept and did not fit in the scratch comes behind this rest.
    text behind = kept(l);
    if (taken < (size_t)got && behind.size) {
        struct buf both = BUF_LIMIT(1 << 20);
        buf_add(&both, scratch + taken, (size_t)got - taken);
        buf_add(&both, behind.at, behind.size);
        use_kept(l, behind.size);
        keep(l, both.at, both.size);
        buf_free(&both);
    } else if (taken < (size_t)got) {
        keep(l, scratch + taken, (size_t)got - taken);
    }
    body_came(x, given);
    if (!sound)
        exchange_fault(x, 400, "a chunk of its body is malformed (RFC 9112, 7.1)");
    else if (x->plan.limit && x->r.received > x->plan.limit)
        exchange_over(x);
    else if (chunks_ended(&x->chunks))
        exchange_all(x);
    else if (taken < (size_t)got) // there was no room for it
        exchange_filled(x);
    return true;
}

static bool discard_step(struct line *l, struct exchange *x)
{
    int64_t left = x->r.length - x->r.received;
    if (left == 0) {
        x->state = X_SEND;
        return true;
    }
    ssize_t got = receive_any(l, l->loop->scratch, left < SCRATCH ? (size_t)left : SCRATCH);
    if (got == 0)
        line_end(l);
    if (got <= 0)
        return false;
    x->r.received += got;
    return true;
}

// Reads and throws away, so that the answer arrives.
static bool linger(struct line *l)
{
    if (l->in) {
        free(l->in);
        l->in = NULL;
        l->in_size = l->in_used = 0;
    }
    ssize_t got = receive(l, l->loop->scratch, SCRATCH);
    l->thrown += got > 0 ? got : 0;
    if (got == 0 || l->thrown > LINGER_LIMIT)
        line_end(l);
    return got > 0;
}

// ---- Sending -------------------------------------------------------------------------------

enum sending { SENT, SEND_WAITS, SEND_CUT };

static enum sending after(struct line *l, ssize_t sent)
{
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? SEND_WAITS : SEND_CUT;
    l->moved_ms = l->loop->now_ms;
    return SENT;
}

static enum sending send_bytes(struct line *l, struct exchange *x)
{
    while (x->sent < x->out.size + x->bytes.size) {
        struct iovec parts[2];
        struct msghdr message = {.msg_iov = parts};
        if (x->sent < x->out.size)
            parts[message.msg_iovlen++] =
                (struct iovec){x->out.at + x->sent, x->out.size - x->sent};
        size_t from = x->sent > x->out.size ? x->sent - x->out.size : 0;
        if (from < x->bytes.size)
            parts[message.msg_iovlen++] =
                (struct iovec){(char *)(uintptr_t)x->bytes.at + from, x->bytes.size - from};
        ssize_t sent =
            sendmsg(l->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (x->file_left ? MSG_MORE : 0));
        enum sending how = after(l, sent);
        if (how != SENT)
            return how;
        x->sent += (size_t)sent;
    }
    return SENT;
}

// Where the next bytes of the file lie; they are there, or file_left were 0.
static const struct file_run *run_at(const struct exchange *x, int64_t *at)
{
    const struct file_run *run = x->a.files.runs;
    for (*at = x->file_at; *at >= run->size; run++)
        *at -= run->size;
    return run;
}

// For files that can not be spliced.
static ssize_t copy_file(struct line *l, int from, off_t at, size_t size)
{
    ssize_t got = pread(from, l->loop->scratch, size < SCRATCH ? size : SCRATCH, at);
    return got <= 0 ? got : send(l->fd, l->loop->scratch, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static enum sending send_file(struct line *l, struct exchange *x)
{
    int64_t turn = TURN;
    while (x->file_left) {
        int64_t at;
        const struct file_run *run = run_at(x, &at);
        int64_t size = run->size - at < x->file_left ? run->size - at : x->file_left;
        if (turn <= 0) {
            l->again = true;
            l->next_again = l->loop->again;
            l->loop->again = l;
            return SEND_WAITS;
        }
        off_t from = run->offset + at;
        size_t ask = allowed(l, x, (size_t)(size < turn ? size : turn));
        if (!ask)
            return SEND_WAITS; // held, or ended
        ssize_t sent = sendfile(l->fd, run->fd, &from, ask);
        if (sent < 0 && (errno == EINVAL || errno == ENOSYS))
            sent = copy_file(l, run->fd, run->offset + at, ask);
        int number = errno;
        unused(l, x, ask, sent);
        errno = number;
        enum sending how = after(l, sent);
        if (how != SENT)
            return how;
        // A file shorter than it was said to be: better cut than filled with what is not in it.
        if (sent == 0)
            return SEND_CUT;
        x->file_at += sent;
        x->file_left -= sent;
        turn -= sent;
    }
    return SENT;
}

static bool send_step(struct line *l, struct exchange *x)
{
    if (l->again)
        return false; // others first
    enum sending how = send_bytes(l, x);
    if (how == SENT)
        how = send_file(l, x);
    if (how == SEND_CUT)
        line_end(l);
    if (how != SENT)
        return false;
    if (x->a.kind == ANSWER_PULL && !x->pull_ended) {
        size_t room = allowed(l, x, PULL_SIZE);
        if (room)
            exchange_pull(x, room);
        return room > 0;
    }
    if (x->a.kind == ANSWER_SOCKET) {
        line_leave(l);
        exchange_upgrade(x); // l may be gone from here on
        return false;
    }
    bool ends = x->close;
    exchange_close(x);
    l->x = NULL;
    state_begins(l);
    if (ends) {
        l->lingering = true;
        shutdown(l->fd, SHUT_WR);
    }
    return true;
}

static void line_run(struct line *l)
{
    bool on = true;
    while (on && !l->dead) {
        struct exchange *x = l->x;
        if (l->lingering)
            on = linger(l);
        else if (!x)
            on = head_step(l);
        else if (x->state == X_BODY)
            on = x->r.length < 0 ? chunked_step(l, x) : body_step(l, x);
        else if (x->state == X_DISCARD)
            on = discard_step(l, x);
        else if (x->state == X_SEND)
            on = send_step(l, x);
        else
            on = false;
    }
}

// ---- Arriving ------------------------------------------------------------------------------

static void line_begin(struct loop *loop, struct line *l)
{
    l->next = loop->lines;
    l->from = &loop->lines;
    if (l->next)
        l->next->from = &l->next;
    loop->lines = l;
    state_begins(l);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = l};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, l->fd, &e) != 0)
        line_end(l);
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    (void)!write(loop->wake, &one, sizeof(one));
}

static void line_give(struct loop *loop, struct line *l, struct loop *here)
{
    l->loop = loop;
    if (loop == here) {
        line_begin(loop, l);
        return;
    }
    pthread_mutex_lock(&loop->lock);
    l->next = loop->arrived;
    loop->arrived = l;
    bool must = !loop->awake;
    loop->awake = true;
    pthread_mutex_unlock(&loop->lock);
    if (must)
        wake(loop);
}

void exchange_wake(struct exchange *x)
{
    struct loop *loop = x->line->loop;
    pthread_mutex_lock(&loop->lock);
    x->next_woken = loop->woken;
    loop->woken = x;
    bool must = !loop->awake;
    loop->awake = true;
    pthread_mutex_unlock(&loop->lock);
    if (must)
        wake(loop);
}

// `here` is the loop that this thread runs, NULL when it runs none.
static bool adopt(struct listener *listener, int fd, const struct sockaddr_storage *from,
                  struct loop *here)
{
    static const char full[] =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nRetry-After: 5\r\n"
        "Content-Length: 133\r\n\r\n"
        "{\"status\":503,\"title\":\"the house is full\",\"detail\":\"it has "
        "as many connections as it takes\",\"fix\":\"try again in a moment\","
        "\"x\":\"\"}\n";
    struct loops *all = listener->loops;
    int on = 1;
    if (listener->open >= listener->server->wish.connections) {
        (void)!send(fd, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
        return false;
    }
    struct line *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    listener->open++;
    listener->server->connections++;
    l->listener = listener;
    l->fd = fd;
    l->more = true;
    l->from_address = *from;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // no use for the end of a pair
    line_known(l);
    line_give(&all->loop[all->turn++ % (unsigned)all->count], l, here);
    return true;
}

bool listener_adopt(struct listener *listener, int fd, const struct sockaddr_storage *from)
{
    return adopt(listener, fd, from, NULL);
}

static void hear(struct loop *loop, bool on)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
    int fd = loop->all->listener->fd;
    if (on != loop->hears && loop->all->accepting)
        epoll_ctl(loop->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &e);
    loop->hears = on;
}

static void accept_some(struct loop *loop)
{
    struct listener *listener = loop->all->listener;
    for (int i = 0; i < 64 && !loop->all->deaf; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof(from);
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            adopt(listener, fd, &from, loop);
            continue;
        }
        // Out of descriptors or memory: those who wait wait on; the next second tries again.
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            hear(loop, false);
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

// ---- The loop ------------------------------------------------------------------------------

static void sweep_line(struct loop *loop, struct line *l)
{
    static const struct head_fault too_slow = {408, "the request did not come",
                                               "its head was not whole in time", "send it again"};
    const struct server_wish *wish = &l->listener->server->wish;
    int64_t quiet_ms = loop->now_ms - l->moved_ms, age_s = (loop->now_ms - l->since_ms) / 1000;
    if (l->lingering) {
        if (quiet_ms > LINGER_QUIET_MS)
            line_end(l);
    } else if (!l->x) {
        if (age_s > wish->header_timeout_s && l->in) {
            state_begins(l);
            exchange_open(l, kept(l), &too_slow);
            line_run(l);
        } else if (age_s > wish->header_timeout_s) {
            line_end(l);
        }
    } else if (l->x->state == X_BODY || l->x->state == X_DISCARD) {
        if (quiet_ms > wish->body_timeout_s * INT64_C(1000) ||
            (age_s > SLOW_GRACE_S && l->bytes / age_s < SLOW_BYTES_A_SECOND))
            line_end(l);
    } else if (l->x->state == X_SEND && quiet_ms > wish->body_timeout_s * INT64_C(1000)) {
        line_end(l);
    }
}

static void take_in(struct loop *loop) // what other threads have brought
{
    pthread_mutex_lock(&loop->lock);
    struct exchange *woken = loop->woken;
    struct line *arrived = loop->arrived;
    loop->woken = NULL;
    loop->arrived = NULL;
    loop->awake = false;
    pthread_mutex_unlock(&loop->lock);
    for (struct line *l = arrived, *next; l; l = next) {
        next = l->next;
        line_begin(loop, l);
    }
    for (struct exchange *x = woken, *next; x; x = next) {
        struct line *l = x->line;
        next = x->next_woken;
        state_begins(l);
        exchange_woken(x);
        if (x->abandoned)
            line_end(l);
        else
            line_run(l);
    }
}

static void run_again(struct loop *loop)
{
    struct line *again = loop->again;
    loop->again = NULL;
    while (again) {
        struct line *l = again;
        again = l->next_again;
        l->again = false;
        line_run(l);
    }
}

// Those whose time has come. Returns how long the next one has to wait, at most a second.
static int run_held(struct loop *loop)
{
    int64_t next_ms = 1000;
    struct line *held = loop->held;
    if (!held)
        return 1000;
    loop->held = NULL;
    loop->now_ms = clock_tick_us() / 1000;
    while (held) {
        struct line *l = held;
        held = l->next_held;
        if (l->held_until_ms > loop->now_ms) {
            l->next_held = loop->held;
            loop->held = l;
        } else {
            l->held = false;
            line_run(l);
        }
    }
    for (struct line *l = loop->held; l; l = l->next_held)
        if (l->held_until_ms - loop->now_ms < next_ms)
            next_ms = l->held_until_ms - loop->now_ms;
    return next_ms < 1 ? 1 : (int)next_ms;
}

static void free_dead(struct loop *loop)
{
    for (struct line *l = loop->dead, *next; l; l = next) {
        next = l->next;
        line_free(l);
    }
    loop->dead = NULL;
}

static void happened(struct loop *loop, const struct epoll_event *e)
{
    struct line *l = e->data.ptr;
    uint64_t counted;
    if (!l) {
        accept_some(loop);
    } else if (e->data.ptr == loop) {
        (void)!read(loop->wake, &counted, sizeof(counted));
    } else if (!l->dead) {
        l->hung_up = l->hung_up || (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
        l->broken = l->broken || (e->events & (EPOLLHUP | EPOLLERR));
        l->more = l->more || (e->events & ~(unsigned)EPOLLOUT);
        line_run(l);
    }
}

static void *loop_thread(void *context)
{
    struct loop *loop = context;
    struct epoll_event events[128];
    int64_t swept_ms = clock_tick_us() / 1000;
    pthread_setname_np(pthread_self(), "http");
    while (!loop->all->stopping) {
        int wait_ms = run_held(loop);
        int count = epoll_wait(loop->epoll, events, 128, loop->again ? 0 : wait_ms);
        loop->now_ms = clock_tick_us() / 1000;
        for (int i = 0; i < count; i++)
            happened(loop, &events[i]);
        take_in(loop);
        run_again(loop);
        if (loop->now_ms - swept_ms >= 1000) {
            swept_ms = loop->now_ms;
            hear(loop, !loop->all->deaf);
            for (struct line *l = loop->lines, *next; l; l = next) {
                next = l->next;
                sweep_line(loop, l);
            }
        }
        free_dead(loop);
    }
    return NULL;
}

// ---- Opening and closing -------------------------------------------------------------------

static bool loop_open(struct loops *all, struct loop *loop)
{
    loop->all = all;
    loop->now_ms = clock_tick_us() / 1000;
    pthread_mutex_init(&loop->lock, NULL);
    loop->scratch = malloc(SCRATCH);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = loop};
    if (!loop->scratch)
        abort();
    if (loop->epoll < 0 || loop->wake < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &e) != 0)
        return false;
    hear(loop, true);
    return true;
}

struct loops *loops_open(struct listener *l, int threads, bool accepting, struct error *err)
{
    struct loops *all = calloc(1, sizeof(*all) + sizeof(struct loop) * (size_t)threads);
    sigset_t every, before;
    if (!all)
        abort();
    all->listener = l;
    all->accepting = accepting;
    l->loops = all;     // a loop may accept before the last one has begun
    sigfillset(&every); // signals are for the main thread
    pthread_sigmask(SIG_SETMASK, &every, &before);
    bool good = true;
    for (int i = 0; good && i < threads; i++) {
        all->count++;
        good = loop_open(all, &all->loop[i]);
    }
    for (int i = 0; good && i < threads; i++)
        good = all->loop[i].started =
            pthread_create(&all->loop[i].thread, NULL, loop_thread, &all->loop[i]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (good)
        return all;
    error_errno(err, errno, "cannot serve on port %d", l->port);
    error_fix(err, "look for limits of memory, threads or open files (ulimit -a)");
    loops_close(all);
    l->loops = NULL;
    return NULL;
}

void loops_stop_accepting(struct loops *all)
{
    all->deaf = true;
    for (int i = 0; all->accepting && i < all->count; i++)
        epoll_ctl(all->loop[i].epoll, EPOLL_CTL_DEL, all->listener->fd, NULL);
}

void loops_close(struct loops *all)
{
    if (!all)
        return;
    all->stopping = true;
    for (int i = 0; i < all->count; i++) {
        struct loop *loop = &all->loop[i];
        if (loop->started) {
            wake(loop);
            pthread_join(loop->thread, NULL);
        }
    }
    for (int i = 0; i < all->count; i++) {
        struct loop *loop = &all->loop[i];
        for (struct line *l = loop->arrived, *next; l; l = next) {
            next = l->next;
            close(l->fd);
            line_free(l);
        }
        while (loop->lines)
            line_end(loop->lines);
        free_dead(loop);
        if (loop->epoll >= 0)
            close(loop->epoll);
        if (loop->wake >= 0)
            close(loop->wake);
        free(loop->scratch);
        pthread_mutex_destroy(&loop->lock);
    }
    free(all);
}
