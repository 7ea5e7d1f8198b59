/*
 * wire/tls: ends TLS (1.2 and 1.3 only) in epoll threads of its own and hands the plain end to the
 * server.
 *
 * A `struct tls` is an identity: certificate and key. Give it to a listener in server_wish. The
 * certificate can be changed while it runs; connections that are open keep the old one.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct tls;

struct tls_wish {
    const char *certificate_file; // PEM, the chain, own first
    const char *key_file;         // PEM, without a password
    // When both files are absent and this is not NULL: make a self-signed one (ECDSA P-256, 825
    // days, key mode 0600) for these names and addresses (NULL-ended: "localhost", "127.0.0.1").
    // One that we made before and that has ended, or lacks a name, is made again.
    const char *const *self_signed_for;
};

struct tls *tls_open(const struct tls_wish *wish, struct error *err);
void tls_close(struct tls *t); // after the servers that use it
// Reads the files again. When they are bad the old identity stays.
MUST_CHECK bool tls_reload(struct tls *t, struct error *err);

typedef struct {
    char text[96]; // SHA-256 of the certificate: "AB:CD:...", 32 pairs
} tls_fingerprint;
tls_fingerprint tls_fingerprint_of(struct tls *t);
bool tls_is_self_signed(struct tls *t);
