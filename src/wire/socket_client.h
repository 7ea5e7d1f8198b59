/*
 * wire/socket_client: the client's side of a WebSocket, for workers and tools.
 *
 * One thread may receive while others send. Pings are answered, and sent while receiving, so that a
 * dead line is noticed within two minutes.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct socket_client;

struct socket_client_wish {
    const char *url;    // "ws://", "wss://", "http://" or "https://host:port/path"
    const char *bearer; // Authorization: Bearer; NULL for none
    const char
        *fingerprint;       // SHA-256 of the certificate (with or without ':'): trust this one only
    const char *ca_file;    // PEM; NULL: the system's
    int connect_timeout_ms; // 0: 10,000
    size_t message_limit;   // 0: 8 MiB
};

// An answer other than 101 becomes an error; a problem document keeps its what, why and fix.
struct socket_client *socket_client_open(const struct socket_client_wish *wish, struct error *err);
// Sends what waits and a close frame, then closes. NULL is fine.
void socket_client_close(struct socket_client *c);
// Makes a waiting receive return "closed" (ERROR_CANCELLED). Any thread; the line is unusable then.
void socket_client_interrupt(struct socket_client *c);

MUST_CHECK bool socket_client_send(struct socket_client *c, const void *at, size_t size,
                                   struct error *err); // text; waits until written, at most 30 s
// The next message. *message is owned by the client until the next receive. False with
// ERROR_TIMEOUT: none came within timeout_ms (the line is fine); any other error: it is not.
MUST_CHECK bool socket_client_receive(struct socket_client *c, int timeout_ms, text *message,
                                      struct error *err);
