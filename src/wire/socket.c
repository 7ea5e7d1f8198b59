/*
 * One loop thread reads and writes all sockets. Senders put references to frames into a socket's
 * queue and wake the loop; it writes them with one sendmsg for each viewer. wslay reads frames
 * (fragments, control frames, UTF-8, close codes) and writes the small ones that answer them.
 *
 * What comes in becomes a list of events of the socket; a pool thread runs them one after another.
 * When too many wait the socket is not read until they are done, so that TCP slows the sender.
 */
#include "wire/socket.h"

#include "plat/clock.h"
#include "wire/inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wslay/wslay.h>

enum { WRITE_AT_ONCE = 32, FINISH_MS = 5000, OPCODE_CLOSE = 8, OPCODE_PING = 9 };

struct frame {
    atomic_int references;
    size_t size;
    uint8_t at[];
};

struct item {
    struct item *next;
    struct frame *frame;
};

struct event {
    struct event *next;
    enum { EVENT_OPENED, EVENT_MESSAGE, EVENT_CLOSED } kind;
    int code;
    size_t size;
    char at[];
};

struct socket {
    atomic_int references;
    struct sockets *all;
    struct socket *next, **from; // in all->open; the loop's
    int fd;
    void (*over)(void *context);
    void *over_context;
    const struct socket_calls *calls;
    void *user;
    char peer[INET6_ADDRSTRLEN];

    pthread_mutex_t lock; // out .. paused, code, sent, until_ms
    struct item *out, **out_last;
    size_t waiting;
    bool open, full, finishing;
    struct event *events, **events_last;
    int event_count;
    bool running, paused;
    bool tell_idle; // the loop waits until the calls have run
    atomic_int code;
    size_t sent; // of the first frame in out
    _Atomic int64_t until_ms;
    struct task task;

    struct socket *next_pending; // under all->lock, with queued
    bool queued;

    // the loop's alone
    wslay_event_context_ptr ws;
    bool ended, watched, said_close, draining;
    uint8_t *early;
    size_t early_size, early_used;
    int64_t heard_ms, pinged_ms;
};

struct sockets {
    struct sockets_wish wish;
    struct pool *pool;
    pthread_t loop;
    int epoll, wake;
    pthread_mutex_t lock; // pending, woken
    struct socket *pending;
    bool woken;
    struct socket *open;
    atomic_int count; // open ones
    atomic_bool closing, stopping;
};

// ---- Frames --------------------------------------------------------------------------------

static struct frame *frame_make(int opcode, const void *at, size_t size)
{
    size_t head = size < 126 ? 2 : size < 65536 ? 4 : 10;
    struct frame *f = malloc(sizeof(*f) + head + size);
    if (!f)
        abort();
    f->references = 1;
    f->size = head + size;
    f->at[0] = (uint8_t)(0x80 | opcode); // RFC 6455 5.2: one whole frame
    f->at[1] = (uint8_t)(head == 2 ? size : head == 4 ? 126 : 127);
    for (size_t i = 2; i < head; i++)
        f->at[i] = (uint8_t)((uint64_t)size >> (8 * (head - 1 - i)));
    if (size)
        memcpy(f->at + head, at, size);
    return f;
}

static struct frame *frame_raw(const void *at, size_t size)
{
    struct frame *f = malloc(sizeof(*f) + size);
    if (!f)
        abort();
    f->references = 1;
    f->size = size;
    memcpy(f->at, at, size);
    return f;
}

struct frame *frame_text(const void *at, size_t size)
{
    return frame_make(1, at, size);
}

struct frame *frame_hold(struct frame *f)
{
    f->references++;
    return f;
}

void frame_let_go(struct frame *f)
{
    if (f && --f->references == 0)
        free(f);
}

// ---- References and wake-ups ---------------------------------------------------------------

struct socket *socket_hold(struct socket *s)
{
    s->references++;
    return s;
}

static void out_clear(struct socket *s, bool keep_first) // under the lock
{
    struct item **from = keep_first && s->out ? &s->out->next : &s->out;
    for (struct item *i = *from, *next; i; i = next) {
        next = i->next;
        s->waiting -= i->frame->size;
        frame_let_go(i->frame);
        free(i);
    }
    *from = NULL;
    s->out_last = from;
}

void socket_let_go(struct socket *s)
{
    if (!s || --s->references)
        return;
    out_clear(s, false);
    wslay_event_context_free(s->ws);
    free(s->early);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void wake(struct sockets *all)
{
    uint64_t one = 1;
    (void)!write(all->wake, &one, sizeof(one));
}

// Puts s on the loop's list; true when the loop must be woken. Under all->lock.
static bool pend(struct socket *s)
{
    struct sockets *all = s->all;
    if (!s->queued) {
        s->queued = true;
        s->next_pending = all->pending;
        all->pending = socket_hold(s);
    }
    bool must = !all->woken;
    all->woken = true;
    return must;
}

static void pend_and_wake(struct socket *s)
{
    pthread_mutex_lock(&s->all->lock);
    bool must = pend(s);
    pthread_mutex_unlock(&s->all->lock);
    if (must)
        wake(s->all);
}

// ---- Sending -------------------------------------------------------------------------------

static void out_add(struct socket *s, struct frame *f) // under the lock; takes a reference over
{
    struct item *i = malloc(sizeof(*i));
    if (!i)
        abort();
    *i = (struct item){NULL, f};
    *s->out_last = i;
    s->out_last = &i->next;
    s->waiting += f->size;
}

static bool enqueue(struct socket *s, struct frame *f)
{
    pthread_mutex_lock(&s->lock);
    bool taken = s->open && !s->finishing && !s->full;
    if (taken && s->waiting + f->size > s->all->wish.waiting_limit)
        s->full = true; // the loop drops it
    else if (taken)
        out_add(s, frame_hold(f));
    pthread_mutex_unlock(&s->lock);
    return taken;
}

void socket_send_frame(struct socket *s, struct frame *f)
{
    if (enqueue(s, f))
        pend_and_wake(s);
}

void socket_send(struct socket *s, const void *at, size_t size)
{
    struct frame *f = frame_text(at, size);
    socket_send_frame(s, f);
    frame_let_go(f);
}

void socket_send_many(struct frame *f, struct socket *const *to, size_t count)
{
    struct sockets *all = NULL;
    bool must = false;
    for (size_t i = 0; i < count; i++) {
        if (!enqueue(to[i], f))
            continue;
        all = to[i]->all;
        pthread_mutex_lock(&all->lock);
        must = pend(to[i]) || must;
        pthread_mutex_unlock(&all->lock);
    }
    if (must)
        wake(all);
}

static struct frame *close_frame(int code, const char *reason)
{
    uint8_t body[125] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t size = reason ? strnlen(reason, sizeof(body) - 2) : 0;
    if (size)
        memcpy(body + 2, reason, size);
    return frame_make(OPCODE_CLOSE, body, size + 2);
}

void socket_finish(struct socket *s, int code, const char *reason)
{
    pthread_mutex_lock(&s->lock);
    bool first = s->open && !s->finishing;
    if (first) {
        s->finishing = true;
        s->code = code;
        out_add(s, close_frame(code, reason));
    }
    pthread_mutex_unlock(&s->lock);
    if (first)
        pend_and_wake(s);
}

// ---- Events on the pool --------------------------------------------------------------------

static void run_events(struct task *t)
{
    struct socket *s = (struct socket *)((char *)t - offsetof(struct socket, task));
    bool last = false;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        struct event *e = s->events;
        bool resume = s->paused && s->event_count <= s->all->wish.calls_waiting / 2;
        if (resume)
            s->paused = false;
        if (e) {
            s->events = e->next;
            if (!s->events)
                s->events_last = &s->events;
            s->event_count--;
        } else {
            s->running = false;
        }
        bool tell = !e && s->tell_idle;
        pthread_mutex_unlock(&s->lock);
        if (resume || tell)
            pend_and_wake(s);
        if (!e)
            break;
        if (e->kind == EVENT_OPENED && s->calls->opened)
            s->calls->opened(s);
        else if (e->kind == EVENT_MESSAGE && s->calls->message)
            s->calls->message(s, (text){e->at, e->size});
        else if (e->kind == EVENT_CLOSED) {
            if (s->calls->closed)
                s->calls->closed(s, e->code);
            last = true;
        }
        free(e);
        if (last)
            break;
    }
    if (last) {
        s->over(s->over_context);
        socket_let_go(s); // the socket's own life
    }
    socket_let_go(s);     // the task's
}

static void event_add(struct socket *s, int kind, int code, const void *at, size_t size)
{
    struct event *e = malloc(sizeof(*e) + size + 1);
    if (!e)
        abort();
    *e = (struct event){.kind = kind, .code = code, .size = size};
    if (size)
        memcpy(e->at, at, size);
    e->at[size] = 0;
    pthread_mutex_lock(&s->lock);
    *s->events_last = e;
    s->events_last = &e->next;
    s->event_count++;
    if (s->event_count >= s->all->wish.calls_waiting)
        s->paused = true;
    bool start = !s->running;
    if (start) {
        s->running = true;
        socket_hold(s);
        s->task.run = run_events;
        pool_add(s->all->pool, &s->task, true);
    }
    pthread_mutex_unlock(&s->lock);
}

// ---- The loop ------------------------------------------------------------------------------

static void end(struct socket *s, int code)
{
    if (s->ended)
        return;
    s->ended = true;
    *s->from = s->next;
    if (s->next)
        s->next->from = s->from;
    pthread_mutex_lock(&s->lock);
    s->open = false;
    out_clear(s, false);
    pthread_mutex_unlock(&s->lock);
    epoll_ctl(s->all->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    shutdown(s->fd, SHUT_RDWR); // between fork and exec a child may hold it too
    close(s->fd);
    s->all->count--;
    event_add(s, EVENT_CLOSED, code, NULL, 0);
}

static void drop(struct socket *s)
{
    // What was begun must be finished, or the close frame would land in the middle of a message.
    pthread_mutex_lock(&s->lock);
    out_clear(s, s->sent > 0);
    s->finishing = true;
    s->full = false;
    s->code = 1013;
    out_add(s, close_frame(1013, "too slow: ask again"));
    pthread_mutex_unlock(&s->lock);
}

static bool flush(struct socket *s) // false: the line is cut
{
    bool good = true;
    pthread_mutex_lock(&s->lock);
    while (s->out) {
        struct iovec parts[WRITE_AT_ONCE];
        struct msghdr message = {.msg_iov = parts};
        for (struct item *i = s->out; i && message.msg_iovlen < WRITE_AT_ONCE; i = i->next) {
            size_t skip = i == s->out ? s->sent : 0;
            parts[message.msg_iovlen++] =
                (struct iovec){i->frame->at + skip, i->frame->size - skip};
        }
        ssize_t sent = sendmsg(s->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            good = errno == EAGAIN || errno == EINTR;
            break;
        }
        s->sent += (size_t)sent;
        while (s->out && s->sent >= s->out->frame->size) {
            struct item *i = s->out;
            s->sent -= i->frame->size;
            s->waiting -= i->frame->size;
            s->out = i->next;
            if (!s->out)
                s->out_last = &s->out;
            frame_let_go(i->frame);
            free(i);
        }
    }
    if (!s->out && s->finishing && !s->until_ms)
        s->until_ms = clock_tick_us() / 1000 + FINISH_MS; // for the other side's close
    pthread_mutex_unlock(&s->lock);
    return good;
}

static ssize_t ws_recv(wslay_event_context_ptr ws, uint8_t *to, size_t room, int flags, void *user)
{
    struct socket *s = user;
    (void)flags;
    pthread_mutex_lock(&s->lock);
    bool paused = s->paused;
    pthread_mutex_unlock(&s->lock);
    if (paused) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (s->early_used < s->early_size) {
        size_t left = s->early_size - s->early_used;
        room = room < left ? room : left;
        memcpy(to, s->early + s->early_used, room);
        s->early_used += room;
        return (ssize_t)room;
    }
    ssize_t got = recv(s->fd, to, room, MSG_DONTWAIT);
    if (got > 0) {
        s->heard_ms = clock_tick_us() / 1000;
        return got;
    }
    bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
    wslay_event_set_error(ws, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t ws_send(wslay_event_context_ptr ws, const uint8_t *at, size_t size, int flags,
                       void *user)
{
    struct socket *s = user;
    (void)ws;
    (void)flags;
    pthread_mutex_lock(&s->lock);
    // A client that pings without reading would grow our memory.
    if (s->finishing)
        ; // our close was the last frame
    else if (s->waiting + size > s->all->wish.waiting_limit)
        s->full = true;
    else
        out_add(s, frame_raw(at, size));
    pthread_mutex_unlock(&s->lock);
    return (ssize_t)size;
}

static void ws_message(wslay_event_context_ptr ws,
                       const struct wslay_event_on_msg_recv_arg *message, void *user)
{
    struct socket *s = user;
    if (message->opcode == WSLAY_TEXT_FRAME) {
        event_add(s, EVENT_MESSAGE, 0, message->msg, message->msg_length);
    } else if (message->opcode == WSLAY_BINARY_FRAME) {
        wslay_event_queue_close(ws, 1003, (const uint8_t *)"text only", 9);
        s->code = s->code ? s->code : 1003;
    } else if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        s->said_close = true;
        if (!s->code)
            s->code = message->status_code ? message->status_code : 1005;
    }
}

// We have closed while the other side may be sending: ending with bytes unread would reset the line
// and take our close frame, with its reason, away from it.
static void drain(struct socket *s)
{
    char scrap[4096];
    ssize_t got;
    if (!s->draining) {
        s->draining = true;
        s->until_ms = clock_tick_us() / 1000 + FINISH_MS;
        shutdown(s->fd, SHUT_WR);
    }
    do
        got = recv(s->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
    while (got > 0);
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        end(s, s->code);
}

// The other side has closed behind a message whose call has not run yet: its answer goes out before
// our close (RFC 6455, 5.5.1), within FINISH_MS.
static bool answers_due(struct socket *s)
{
    if (!s->said_close)
        return false;
    pthread_mutex_lock(&s->lock);
    bool due = s->running;
    s->tell_idle = due;
    pthread_mutex_unlock(&s->lock);
    if (due && !s->until_ms)
        s->until_ms = clock_tick_us() / 1000 + FINISH_MS;
    return due;
}

// Reads and answers what is there; then writes; then sees whether it is over.
static void run(struct socket *s)
{
    if (s->ended)
        return;
    if (s->draining) {
        drain(s);
        return;
    }
    bool good = true;
    if (wslay_event_get_read_enabled(s->ws))
        good = wslay_event_recv(s->ws) == 0;
    bool due = answers_due(s);
    if (!due && wslay_event_want_write(s->ws))
        wslay_event_send(s->ws);
    // After a protocol error or a message that is too big wslay has queued the close by itself.
    int sent_code = wslay_event_get_status_code_sent(s->ws);
    if (!s->code && sent_code && sent_code != 1006 && wslay_event_get_close_sent(s->ws))
        s->code = sent_code;
    pthread_mutex_lock(&s->lock);
    bool full = s->full;
    pthread_mutex_unlock(&s->lock);
    if (full)
        drop(s);
    if (!flush(s) || (!good && !s->code)) {
        end(s, 1006);
        return;
    }
    if (due)
        return;
    pthread_mutex_lock(&s->lock);
    bool empty = !s->out;
    pthread_mutex_unlock(&s->lock);
    bool we_close = s->code && (wslay_event_get_close_sent(s->ws) || !good);
    if (empty && s->said_close)
        end(s, s->code);
    else if (empty && we_close)
        drain(s);
    else if (s->code && !s->until_ms)
        s->until_ms = clock_tick_us() / 1000 + FINISH_MS;
}

static void begin(struct socket *s)
{
    struct sockets *all = s->all;
    s->watched = true;
    s->heard_ms = clock_tick_us() / 1000;
    s->next = all->open;
    s->from = &all->open;
    if (s->next)
        s->next->from = &s->next;
    all->open = s;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
    if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, s->fd, &e) != 0)
        end(s, 1006);
    else if (all->closing)
        socket_finish(s, 1001, "the house is being stopped");
}

static void tick(struct sockets *all, int64_t now_ms)
{
    for (struct socket *s = all->open, *next; s; s = next) {
        next = s->next;
        int64_t quiet_ms = now_ms - s->heard_ms, ping_ms = (int64_t)all->wish.ping_s * 1000;
        if ((s->until_ms && now_ms > s->until_ms) || quiet_ms > 2 * ping_ms) {
            end(s, s->code ? s->code : 1006);
        } else if (quiet_ms > ping_ms && now_ms - s->pinged_ms > ping_ms) {
            s->pinged_ms = now_ms;
            struct frame *ping = frame_make(OPCODE_PING, NULL, 0);
            enqueue(s, ping);
            frame_let_go(ping);
            run(s);
        }
    }
}

static void *loop(void *context)
{
    struct sockets *all = context;
    struct epoll_event events[128];
    int64_t ticked_ms = 0;
    bool said = false;
    pthread_setname_np(pthread_self(), "sockets");
    while (!all->stopping) {
        int count = epoll_wait(all->epoll, events, 128, 1000);
        for (int i = 0; i < count; i++) {
            uint64_t counted;
            if (!events[i].data.ptr)
                (void)!read(all->wake, &counted, sizeof(counted));
            else
                // Held by its own life until `closed` has run, which end() below starts; an event
                // of this batch for one that ended in it is harmless as long as it is held.
                socket_hold(events[i].data.ptr);
        }
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr)
                run(events[i].data.ptr);
        pthread_mutex_lock(&all->lock);
        struct socket *pending = all->pending;
        all->pending = NULL;
        all->woken = false;
        while (pending) {
            struct socket *s = pending;
            pending = s->next_pending;
            s->queued = false; // from now on it may be linked again
            pthread_mutex_unlock(&all->lock);
            if (!s->watched)
                begin(s);
            run(s);
            socket_let_go(s);
            pthread_mutex_lock(&all->lock);
        }
        pthread_mutex_unlock(&all->lock);
        if (all->closing && !said) {
            said = true;
            for (struct socket *s = all->open; s; s = s->next)
                socket_finish(s, 1001, "the house is being stopped");
        }
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr)
                socket_let_go(events[i].data.ptr);
        int64_t now_ms = clock_tick_us() / 1000;
        if (now_ms - ticked_ms >= 1000) {
            ticked_ms = now_ms;
            tick(all, now_ms);
        }
    }
    while (all->open)
        end(all->open, 1001);
    return NULL;
}

void sockets_adopt(struct sockets *all, const struct upgrade *u)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = ws_recv, .send_callback = ws_send, .on_msg_recv_callback = ws_message};
    struct socket *s = calloc(1, sizeof(*s));
    if (!s || wslay_event_context_server_init(&s->ws, &callbacks, s) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(s->ws, all->wish.message_limit);
    s->references = 1;
    s->all = all;
    s->fd = u->fd;
    s->over = u->over;
    s->over_context = u->context;
    s->calls = u->calls;
    s->user = u->user;
    snprintf(s->peer, sizeof(s->peer), "%s", u->peer);
    pthread_mutex_init(&s->lock, NULL);
    s->out_last = &s->out;
    s->events_last = &s->events;
    s->open = true;
    if (u->early_size) {
        s->early = malloc(u->early_size);
        if (!s->early)
            abort();
        memcpy(s->early, u->early, u->early_size);
        s->early_size = u->early_size;
    }
    all->count++;
    event_add(s, EVENT_OPENED, 0, NULL, 0);
    pend_and_wake(s);
}

// ---- Opening, closing, asking --------------------------------------------------------------

struct sockets *sockets_open(const struct sockets_wish *wish, struct error *err)
{
    struct sockets *all = calloc(1, sizeof(*all));
    if (!all)
        abort();
    all->wish = *wish;
    all->wish.pool_threads = wish->pool_threads > 0 ? wish->pool_threads : 4;
    all->wish.message_limit = wish->message_limit ? wish->message_limit : 64 << 10;
    all->wish.waiting_limit = wish->waiting_limit ? wish->waiting_limit : 1 << 20;
    all->wish.ping_s = wish->ping_s > 0 ? wish->ping_s : 30;
    all->wish.calls_waiting = wish->calls_waiting > 0 ? wish->calls_waiting : 16;
    pthread_mutex_init(&all->lock, NULL);
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    all->pool = pool_open(all->wish.pool_threads, 0, "socket-calls");
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    bool good = all->epoll >= 0 && all->wake >= 0 &&
                epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wake, &e) == 0 &&
                pthread_create(&all->loop, NULL, loop, all) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (good)
        return all;
    error_errno(err, errno, "cannot start the thread for WebSockets");
    error_fix(err, "look for limits of threads or open files (ulimit -a)");
    pool_close(all->pool);
    if (all->epoll >= 0)
        close(all->epoll);
    if (all->wake >= 0)
        close(all->wake);
    pthread_mutex_destroy(&all->lock);
    free(all);
    return NULL;
}

void sockets_close(struct sockets *all, int drain_ms)
{
    if (!all)
        return;
    all->closing = true; // the loop says good-bye
    wake(all);
    for (int64_t until = clock_tick_us() / 1000 + drain_ms;
         all->count && clock_tick_us() / 1000 < until;)
        clock_sleep_ms(2);
    all->stopping = true;
    wake(all);
    pthread_join(all->loop, NULL);
    for (struct socket *s = all->pending; s; s = s->next_pending)
        if (!s->watched) { // came after the loop had gone
            begin(s);
            end(s, 1001);
        }
    pool_close(all->pool); // runs what is left, `closed` above all
    while (all->pending) {
        struct socket *s = all->pending;
        all->pending = s->next_pending;
        socket_let_go(s);
    }
    close(all->epoll);
    close(all->wake);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

int sockets_count(const struct sockets *all)
{
    return all->count;
}

void *socket_user(struct socket *s)
{
    return s->user;
}

bool socket_is_open(struct socket *s)
{
    pthread_mutex_lock(&s->lock);
    bool open = s->open && !s->finishing;
    pthread_mutex_unlock(&s->lock);
    return open;
}
