// What the files of wire share. Nobody else includes it.
#pragma once
#include "wire/pool.h"
#include "wire/server.h"
#include <stdatomic.h>
#include <sys/socket.h>

// ---- answer.c ------------------------------------------------------------------------------
enum answer_kind { ANSWER_NONE, ANSWER_BYTES, ANSWER_FILES, ANSWER_PULL, ANSWER_SOCKET };
struct header {
    struct header *next;
    const char *name, *value;
};
struct answer {
    struct arena *arena;
    struct server *server;
    const struct request *request;
    enum answer_kind kind;
    int status;
    struct header *headers, **last;
    const void *at;
    size_t size;
    struct file_answer files;
    struct pull_answer pull;
    struct sockets *sockets;
    const struct socket_calls *calls;
    void *socket_user;
};
void answer_init(struct answer *a, struct server *s, const struct request *r, struct arena *arena);
void answer_release(struct answer *a); // of files and pulls; once
void answer_problem(struct answer *a, int status, const struct error *err);
void server_problem(struct server *s, const struct request *r, int status, const struct error *err,
                    struct answer *a);

// ---- server.c <-> tls.c --------------------------------------------------------------------
struct door; // ends TLS before a listener
struct listener;
struct door *door_open(struct tls *t, int listen_fd, struct listener *to, int threads, int lines,
                       struct error *err);
void door_stop_accepting(struct door *d);
void door_close(struct door *d); // cuts every line
// A connection for the listener's loops; takes fd over (closes it when refused).
bool listener_adopt(struct listener *l, int fd, const struct sockaddr_storage *from);

// ---- server.c -> socket.c ------------------------------------------------------------------
// `over` is called once, on a pool thread, after `closed`.
struct upgrade {
    int fd;            // taken over
    const void *early; // bytes that came behind the request; copied
    size_t early_size;
    const struct socket_calls *calls;
    void *user;
    const char *peer; // copied
    void (*over)(void *context);
    void *context;
};
void sockets_adopt(struct sockets *all, const struct upgrade *u);

// ---- client.c -> socket_client.c -----------------------------------------------------------
struct ssl_ctx_st;
// A context that trusts one certificate by its SHA-256, or a CA file, or the system.
struct ssl_ctx_st *trust_open(const char *fingerprint, const char *ca_file, struct error *err);
