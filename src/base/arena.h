/*
 * base/arena: memory that lives as long as one request, one job or one parse.
 *
 * Take from it, free nothing, close it. Small allocations do not fail: past the arena's limit the
 * process ends with a plain message (a server's route handlers bound their input first).
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct arena;

struct arena *arena_open(size_t limit_bytes);
void arena_close(struct arena *a); // NULL is fine
size_t arena_used(const struct arena *a);

void *arena_take(struct arena *a, size_t size_bytes); // zeroed, aligned for anything, never NULL
char *arena_copy(struct arena *a, const char *at, size_t size); // with a 0 behind it
char *arena_text(struct arena *a, const char *zero_ended);      // NULL stays NULL
char *arena_format(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_take(a, sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_take_array(a, count, sizeof(type)))
void *arena_take_array(struct arena *a, size_t count, size_t size_bytes);
