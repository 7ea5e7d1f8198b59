/*
 * plat/aside: calls that may never return, such as to a volume whose server is gone, with an end.
 *
 * A call is made in a thread of its own. One that has not returned in time is left to itself: what
 * it works on is its own, and is freed whenever it returns. Until then no other call with the same
 * key is begun, which would only be one more that waits.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct asides; // those of one room

// The head of what a call works on; made by malloc.
struct aside {
    void (*work)(struct aside *a); // in its thread: touches only what belongs to `a`
    void (*forget)(struct aside *a);
    // inside
    char *key;
    bool done, left;
    struct aside *next;
};

struct asides *asides_open(int most);  // calls that are left to themselves at a time
void asides_close(struct asides *all); // NULL is fine; calls that are out may be so for ever
// True: it has been done, and is the caller's, who forgets it. False: it has not within wait_ms, or
// one of that key is left to itself, or too many are; it is taken over, and not to be touched any
// more.
bool aside_do(struct asides *all, struct aside *a, const char *key, int64_t wait_ms);
