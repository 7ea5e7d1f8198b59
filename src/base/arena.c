#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Blocks form a list; a new one is twice the last, so that a large parse asks malloc rarely.
struct block {
    struct block *next;
    size_t room, used;
    max_align_t at[];
};

struct arena {
    struct block *blocks;
    size_t used, limit;
};

static _Noreturn void give_up(const char *why, size_t bytes)
{
    fprintf(stderr, "posthouse: out of memory: %s (%zu bytes asked)\n", why, bytes);
    abort();
}

struct arena *arena_open(size_t limit_bytes)
{
    struct arena *a = calloc(1, sizeof(*a));
    if (!a)
        give_up("the system has none left", sizeof(*a));
    a->limit = limit_bytes;
    return a;
}

void arena_close(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

void *arena_take(struct arena *a, size_t size_bytes)
{
    size_t size =
        (size_bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (size < size_bytes || size > a->limit - a->used)
        give_up("a piece of work went over its limit", size_bytes);
    struct block *b = a->blocks;
    if (!b || b->room - b->used < size) {
        size_t room = b ? b->room * 2 : 4000;
        room = room > (1 << 20) ? (1 << 20) : room;
        room = room < size ? size : room;
        struct block *fresh = calloc(1, sizeof(*fresh) + room);
        if (!fresh)
            give_up("the system has none left", room);
        fresh->room = room;
        fresh->next = b;
        a->blocks = b = fresh;
    }
    void *at = (char *)b->at + b->used;
    b->used += size;
    a->used += size;
    return at;
}

void *arena_take_array(struct arena *a, size_t count, size_t size_bytes)
{
    if (size_bytes && count > SIZE_MAX / size_bytes)
        give_up("an array is too long", count);
    return arena_take(a, count * size_bytes);
}

char *arena_copy(struct arena *a, const char *at, size_t size)
{
    char *copy = arena_take(a, size + 1);
    if (size)
        memcpy(copy, at, size);
    return copy;
}

char *arena_text(struct arena *a, const char *zero_ended)
{
    return zero_ended ? arena_copy(a, zero_ended, strlen(zero_ended)) : NULL;
}

char *arena_format(struct arena *a, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int need = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *at = arena_take(a, (size_t)(need < 0 ? 0 : need) + 1);
    vsnprintf(at, (size_t)(need < 0 ? 0 : need) + 1, format, again);
    va_end(again);
    return at;
}
