/*
 * wire/bulk/ranges: which bytes of something are there, as few intervals in order. Adding beside
 * the last one, which nearly always happens, costs nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t from, until;
};
struct ranges {
    struct range *list; // in order, with holes between
    size_t count, room;
    uint64_t total;
};

enum { RANGES_MOST = 1 << 16 };

// Bytes that were not there before: *fresh. False, with nothing added: there are too many holes.
bool ranges_add(struct ranges *r, uint64_t from, uint64_t until, uint64_t *fresh);
bool ranges_hold(const struct ranges *r, uint64_t from, uint64_t until);
void ranges_free(struct ranges *r);
