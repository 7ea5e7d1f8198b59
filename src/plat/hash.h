/*
 * plat/hash: the digests of the house. SHA-256 names content, XXH3 finds bit rot, HMAC signs.
 */
#pragma once
#include "base/text.h"

#define SHA256_SIZE 32
typedef struct {
    uint8_t at[SHA256_SIZE];
} sha256;
typedef struct {
    char text[65];
} sha256_hex;

sha256 sha256_of(const void *at, size_t size);
bool sha256_equal(const sha256 *a, const sha256 *b);
sha256_hex sha256_text(const sha256 *hash); // 64 lower-case hex digits
bool hex_text(const void *at, size_t size, char *to, size_t room); // lower case; false: no room
bool sha256_parse(text hex, sha256 *hash);  // either case

struct hasher;                                // for bytes that come in pieces
// "sha256", "sha512", "sha1", "md5", and xxHash in its canonical (big-endian) form: "xxh64", "xxh3",
// "xxh128". NULL for another name.
struct hasher *hasher_open(const char *name);
void hasher_add(struct hasher *h, const void *at, size_t size);
size_t hasher_end(struct hasher *h, uint8_t digest[64]); // size of the digest; closes it
void hasher_close(struct hasher *h);                     // without an answer

uint64_t xxh3_of(const void *at, size_t size);
sha256 hmac_sha256(const void *key, size_t key_size, const void *at, size_t size);
// RFC 2104; only for codes of authenticators (RFC 4226), which are made with nothing else.
void hmac_sha1(const void *key, size_t key_size, const void *at, size_t size, uint8_t mac[20]);
bool same_secret(const void *a, const void *b, size_t size); // in constant time

// base64url without padding. `room` counts the 0; false when it does not fit or is not valid.
bool base64url_format(const void *at, size_t size, char *to, size_t room);
bool base64url_parse(text t, void *to, size_t room, size_t *size);
