/*
 * engine/named: which bytes were read, named while they are read.
 *
 * Of each input the name that the store has for its bytes and what sha256sum says of them. Whoever
 * reads tells what it read; what it left out (an index at the end, what it skipped) is read at the
 * end, and small holes when they come. So a film is read once, not once more to be hashed.
 */
#pragma once
#include "tickets/door.h"
#include "tickets/ticket.h"

struct named;
struct named *named_open(const struct ticket *t);
void named_close(struct named *n);
// `size` bytes of an input from `offset` on, which were read; as `saw` of struct media wants it,
// with the named as context. May be called with any, in any order.
void named_saw(void *named, size_t number, int64_t offset, const uint8_t *at, size_t size);
// [{"name", "size", "content", "sha256"}] of all inputs; `reads` (may be NULL) is told what still
// has to be read, in bytes. A new reference.
typedef void named_reads(void *context, int64_t done, int64_t total);
MUST_CHECK bool named_finish(struct named *n, named_reads *reads, void *context, json_t **list,
                             struct error *err);
