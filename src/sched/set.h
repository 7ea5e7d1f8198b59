/*
 * sched/set: sets of tasks 0..count-1 that cost nothing where they are dull.
 *
 * A set is cut into pages of 4096 tasks. A page of which all or none are in the set is a mark; only
 * a mixed page has bits (520 bytes). So a step of 10 million untouched tasks takes 20 kB a set, and
 * at worst a task takes 1.02 bits.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct set_page;

struct set {
    int64_t count, members;
    struct set_page **pages; // of a set of one page: at `only`
    struct set_page *only;
    int64_t low; // no member is on a page before this
};

void set_open(struct set *t, int64_t count); // empty; t does not move while it is open
void set_close(struct set *t);
int64_t set_memory(const struct set *t);

bool set_has(const struct set *t, int64_t i);
// Both ends included, within 0..count-1.
void set_put(struct set *t, int64_t first, int64_t last, bool in);
bool set_all(const struct set *t, int64_t first, int64_t last);
bool set_none(const struct set *t, int64_t first, int64_t last);
// The first at or after `from` that is a member (or is not); count: there is none.
int64_t set_next(const struct set *t, int64_t from, bool in);
