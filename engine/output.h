/*
 * engine/output: derived files: told to the parent as they grow, listed when they are whole.
 */
#pragma once
#include "tickets/door.h"

// Says that a file is there and grows.
void output_grows(const char *kind, const char *name);
// Says that it is complete and adds it to the list of the result.
void output_made(json_t *list, const char *kind, const char *name, int64_t size);
MUST_CHECK bool output_write(int file, const void *at, size_t size, int64_t offset,
                             struct error *err);
// A whole file at once, durable.
MUST_CHECK bool output_whole(json_t *list, const char *kind, const char *name, const void *at,
                             size_t size, struct error *err);
