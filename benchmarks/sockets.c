/*
 * Many WebSockets to one server on loopback, as workers of a farm are: how fast they come, what one
 * costs while it rests (memory of this process, and of the kernel for our end: half of what it
 * takes for both), what all of them cost while they rest (pings are among it), and how many small
 * messages are answered a second. The clients live in a process of their own. One JSON line a
 * figure. bench-sockets [COUNT]
 */
#include "plat/child.h"
#include "plat/clock.h"
#include "wire/server.h"
#include "wire/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, REST_S = 35, PING_S = 15 };

static int count = 10000;

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(3);
}

// ---- The clients' process --------------------------------------------------------------------

static void whole(int fd, const void *at, size_t size)
{
    if (send(fd, at, size, MSG_NOSIGNAL) != (ssize_t)size)
        stop("a client can not send");
}

static int client_open_one(int port)
{
    static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[1024];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        stop("a client can not connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    whole(fd, ask, sizeof(ask) - 1);
    ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
    if (got < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0)
        stop("a client was not let in");
    return fd;
}

// A masked text frame (RFC 6455 5.2) with a mask of zeros; a pong the same way.
static void say(int fd, int opcode, const char *words, size_t size)
{
    char frame[140] = {(char)(0x80 | opcode), (char)(0x80 | size)};
    memcpy(frame + 6, words, size);
    whole(fd, frame, size + 6);
}

// Takes what has come; returns how many messages that were. The server's frames are short.
static int hear(int fd)
{
    unsigned char in[4096];
    ssize_t got = recv(fd, in, sizeof(in), MSG_DONTWAIT);
    int messages = 0;
    if (got == 0)
        stop("a line was cut");
    for (ssize_t at = 0; at + 1 < got; at += 2 + (in[at + 1] & 0x7f)) {
        if ((in[at] & 15) == 9)
            say(fd, 10, "", 0);
        messages += (in[at] & 15) == 1;
    }
    return messages;
}

static const char message[] = "{\"next\":{\"slots\":1},\"worker\":\"01J0000000000000000000WORK\"}";

// Each line asks again as soon as it was answered; ends when all were answered `rounds` times.
static void exchange(int epoll, const int *fds, int *left, int rounds)
{
    struct epoll_event events[256];
    int64_t due = (int64_t)rounds * count;
    for (int i = 0; i < count; i++) {
        left[i] = rounds - 1;
        say(fds[i], 1, message, sizeof(message) - 1);
    }
    while (due > 0) {
        int n = epoll_wait(epoll, events, 256, 30000);
        if (n == 0)
            stop("no answers");
        for (int i = 0; i < n; i++) {
            int which = (int)events[i].data.u32, heard = hear(fds[which]);
            due -= heard;
            for (; heard && left[which] > 0; heard--, left[which]--)
                say(fds[which], 1, message, sizeof(message) - 1);
        }
    }
}

// Told what to do, a letter at a time, by the server's process; answers with the letter.
static _Noreturn void clients(int port, int control)
{
    int *fds = calloc((size_t)count, sizeof(int)), *left = calloc((size_t)count, sizeof(int));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    char letter;
    struct epoll_event told = {.events = EPOLLIN, .data.u32 = UINT32_MAX}, events[256];
    if (!fds || !left || epoll < 0)
        stop("clients");
    epoll_ctl(epoll, EPOLL_CTL_ADD, control, &told);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 != UINT32_MAX) {
                (void)hear(fds[events[i].data.u32]); // pings, while we rest
                continue;
            }
            if (read(control, &letter, 1) != 1)
                exit(0);
            if (letter == 'o')
                for (int k = 0; k < count; k++) {
                    struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)k};
                    fds[k] = client_open_one(port);
                    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[k], &e);
                }
            if (letter == 'm') {
                epoll_ctl(epoll, EPOLL_CTL_DEL, control, NULL);
                exchange(epoll, fds, left, ROUNDS);
                epoll_ctl(epoll, EPOLL_CTL_ADD, control, &told);
            }
            if (write(control, &letter, 1) != 1)
                exit(0);
        }
    }
}

// ---- The server's process --------------------------------------------------------------------

static struct sockets *sockets;

static void on_message(struct socket *s, text m)
{
    (void)m;
    socket_send(s, "{\"taken\":{\"attempt\":\"1\"}}", 25);
}

static void upgrade(struct request *r, struct answer *a)
{
    static const struct socket_calls calls = {.message = on_message};
    answer_socket(a, r, sockets, &calls, NULL, NULL);
}

static bool plan(void *context, const struct request *r, struct plan *p)
{
    (void)context;
    (void)r;
    *p = (struct plan){.handle = upgrade};
    return true;
}

static int64_t kernel_bytes(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[200];
    long long kilobytes = 0;
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "SUnreclaim: %lld", &kilobytes) == 1)
            break;
    if (f)
        fclose(f);
    return kilobytes * 1024;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void tell(int control, char letter)
{
    if (write(control, &letter, 1) != 1 || read(control, &letter, 1) != 1)
        stop("the clients are gone");
}

static void figure(const char *what, double ours, const char *unit, double promise, bool least)
{
    printf("{\"bench\":\"sockets\",\"what\":\"%d WebSockets: %s\",\"ours\":%.*f,\"unit\":\"%s\","
           "\"%s\":%g}\n",
           count, what, ours < 100 ? 2 : 0, ours, unit, least ? "at_least" : "at_most", promise);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct error err;
    struct rlimit files;
    int pair[2];
    count = argc > 1 ? atoi(argv[1]) : count;
    sockets = sockets_open(&(struct sockets_wish){.ping_s = PING_S}, &err);
    const struct listener_wish listener = {"page", "127.0.0.1", 0, NULL};
    struct server *s =
        sockets
            ? server_open(
                  &(struct server_wish){.listeners = &listener, .listener_count = 1, .plan = plan},
                  &err)
            : NULL;
    if (!s) {
        fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
        return 3;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < (rlim_t)count + 100) {
        fprintf(stderr, "bench-sockets: %d descriptors are allowed, %d are needed (ulimit -Hn)\n",
                (int)files.rlim_cur, count + 100);
        return 3;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        stop("socketpair");
    pid_t child =
        fork(); // of a process with threads: the child only uses malloc, which glibc allows
    if (child == 0) {
        close(pair[0]);
        clients(server_port(s, 0), pair[1]);
    }
    close(pair[1]);
    int64_t rest_bytes = child_memory(getpid()), kernel_rest = kernel_bytes();
    int64_t begun = clock_tick_us();
    tell(pair[0], 'o');
    figure("opened", count / ((double)(clock_tick_us() - begun) / 1e6), "a second", 1000, true);
    double ours = (double)(child_memory(getpid()) - rest_bytes) / count,
           kernel = (double)(kernel_bytes() - kernel_rest) / 2 / count;
    figure("memory of one, ours", ours / 1000, "kB", 20, false);
    figure("memory of one, ours and the kernel's", (ours + kernel) / 1000, "kB", 20, false);
    double used = cpu_s();
    begun = clock_tick_us();
    clock_sleep_ms(REST_S * 1000);
    figure("at rest, with pings",
           (cpu_s() - used) / ((double)(clock_tick_us() - begun) / 1e6) * 100, "% of a core", 2,
           false);
    used = cpu_s();
    begun = clock_tick_us();
    tell(pair[0], 'm');
    double took = (double)(clock_tick_us() - begun) / 1e6;
    figure("messages answered", (double)count * ROUNDS / took, "a second", 10000, true);
    figure("work of a message", (cpu_s() - used) / ((double)count * ROUNDS) * 1e6, "us", 50, false);
    figure("memory of one after that", (double)(child_memory(getpid()) - rest_bytes) / count / 1000,
           "kB", 20, false);
    int lost = count - sockets_count(sockets);
    close(pair[0]);
    waitpid(child, NULL, 0);
    sockets_close(sockets, 5000);
    server_close(s, 5000);
    return lost ? 3 : 0;
}
