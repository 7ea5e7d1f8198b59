/*
 * One 600-byte message to 200 viewers: how long until the LAST has it, p50 and p95 of 200 rounds,
 * plain and TLS. One JSON line each. Viewers live in this process and are read in turn.
 */
#include "plat/clock.h"
#include "wire/server.h"
#include "wire/socket.h"
#include "wire/socket_client.h"
#include "wire/tls.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VIEWERS = 200, ROUNDS = 200, SIZE = 600 };

static struct sockets *sockets;
static struct socket *open_ones[VIEWERS];
static atomic_int opened;

static void on_opened(struct socket *s)
{
    open_ones[opened++] = socket_hold(s);
}

static const struct socket_calls calls = {.opened = on_opened};

static void upgrade(struct request *r, struct answer *a)
{
    answer_socket(a, r, sockets, &calls, NULL, NULL);
}

static bool plan(void *context, const struct request *r, struct plan *p)
{
    (void)context;
    (void)r;
    *p = (struct plan){.handle = upgrade};
    return true;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static _Noreturn void stop(const struct error *err)
{
    fprintf(stderr, "%s: %s\n%s\n", err->what, err->why, err->fix);
    exit(3);
}

static void measure(const char *kind, int port, const char *fingerprint)
{
    struct socket_client *viewers[VIEWERS];
    struct error err;
    char url[64], message[SIZE];
    int64_t took_us[ROUNDS];
    text got;
    opened = 0;
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", fingerprint ? "wss" : "ws", port);
    for (int i = 0; i < VIEWERS; i++)
        if (!(viewers[i] = socket_client_open(
                  &(struct socket_client_wish){.url = url, .fingerprint = fingerprint}, &err)))
            stop(&err);
    while (opened < VIEWERS)
        clock_sleep_ms(1);
    memset(message, 'm', sizeof(message));
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begun = clock_tick_us();
        struct frame *f = frame_text(message, sizeof(message));
        socket_send_many(f, open_ones, VIEWERS);
        frame_let_go(f);
        for (int i = 0; i < VIEWERS; i++)
            if (!socket_client_receive(viewers[i], 5000, &got, &err))
                stop(&err);
        took_us[round] = clock_tick_us() - begun;
        clock_sleep_ms(5);
    }
    qsort(took_us, ROUNDS, sizeof(took_us[0]), by_size);
    printf("{\"bench\":\"fanout\",\"what\":\"a frame to the last of %d viewers, %s\",\"ours\":%.1f,"
           "\"unit\":\"ms p95\",\"at_most\":30,\"p50_ms\":%.1f}\n",
           VIEWERS, kind, (double)took_us[ROUNDS * 95 / 100] / 1000,
           (double)took_us[ROUNDS / 2] / 1000);
    fflush(stdout);
    for (int i = 0; i < VIEWERS; i++) {
        socket_client_close(viewers[i]);
        socket_let_go(open_ones[i]);
    }
}

int main(void)
{
    static const char *const names[] = {"127.0.0.1", NULL};
    char folder[] = "/tmp/posthouse-bench-XXXXXX", cert[64], key[64];
    struct error err;
    if (!mkdtemp(folder))
        return 3;
    snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
    snprintf(key, sizeof(key), "%s/key.pem", folder);
    struct tls *tls = tls_open(&(struct tls_wish){cert, key, names}, &err);
    if (!tls || !(sockets = sockets_open(&(struct sockets_wish){0}, &err)))
        stop(&err);
    const struct listener_wish listeners[] = {{"page", "127.0.0.1", 0, NULL},
                                              {"page", "127.0.0.1", 0, tls}};
    struct server *s = server_open(
        &(struct server_wish){.listeners = listeners, .listener_count = 2, .plan = plan}, &err);
    if (!s)
        stop(&err);
    measure("plain", server_port(s, 0), NULL);
    measure("tls", server_port(s, 1), tls_fingerprint_of(tls).text);
    sockets_close(sockets, 1000);
    server_close(s, 1000);
    tls_close(tls);
    unlink(cert);
    unlink(key);
    rmdir(folder);
    return 0;
}
