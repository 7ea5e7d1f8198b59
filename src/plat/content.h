/*
 * plat/content: what the store names bytes by, found without a store: the SHA-256 over the SHA-256
 * hashes of their 8 MiB chunks, one after another (store/store.h).
 */
#pragma once
#include "base/error.h"
#include "plat/hash.h"

// Of bytes that come in pieces.
struct content {
    struct hasher *whole, *chunk;
    int64_t in_chunk;
    struct content_list *list; // NULL: nobody wants them
};
void content_begin(struct content *h);
void content_add(struct content *h, const void *at, size_t size);
sha256 content_end(struct content *h);

// The hashes of chunks; zeroed before, `at` is the caller's (free).
struct content_list {
    sha256 *at;
    size_t count, room;
};
// As content_copy without a copy, with the list; NULL: without.
MUST_CHECK bool content_chunks(int from, sha256 *content, int64_t *size, struct content_list *list,
                               struct error *err);

MUST_CHECK bool content_of_file(const char *path, sha256 *content, int64_t *size,
                                struct error *err);
// Reads all of an open file; writes it to `to` unless that is -1.
MUST_CHECK bool content_copy(int from, int to, sha256 *content, int64_t *size, struct error *err);
