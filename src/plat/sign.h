/*
 * plat/sign: signatures by Ed25519 (RFC 8032), with a key that lies in a file of its own.
 *
 * The file is PKCS #8 in PEM (0600), as `openssl genpkey -algorithm ed25519` makes it. Who has it
 * can sign; the public key, 32 bytes, goes with each signature and may be given to anybody.
 */
#pragma once
#include "base/text.h"

enum { SIGN_PUBLIC = 32, SIGN_SIZE = 64 };

struct sign_key;
// Reads the key's file, or makes it. DAMAGED when it is not such a key.
MUST_CHECK struct sign_key *sign_open(const char *key_file, struct error *err);
void sign_close(struct sign_key *k); // NULL is fine
void sign_public(const struct sign_key *k, uint8_t to[SIGN_PUBLIC]);
MUST_CHECK bool sign_bytes(const struct sign_key *k, const void *at, size_t size,
                           uint8_t signature[SIGN_SIZE], struct error *err);
bool sign_fits(const uint8_t key[SIGN_PUBLIC], const void *at, size_t size,
               const uint8_t signature[SIGN_SIZE]);
// A public key in PEM, as openssl writes one. False when it is none of Ed25519.
bool sign_public_pem(text pem, uint8_t to[SIGN_PUBLIC]);
