// A worker's end of a bulk session, by hand: api/api.h and wire/client.h name the same things, so
// it is a file of its own.
#pragma once
#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>

struct far;
// With a session of its own; NULL with *err: none was given.
struct far *far_open(const char *url, const char *bearer, const char *worker, struct error *err);
void far_close(struct far *f);
// What is answered to an item; what comes back goes to `to` (NULL: nothing does).
enum error_kind far_item(struct far *f, const char *words, const void *at, size_t size, void *to,
                         size_t bytes);
// An answer to a POST, the caller's; NULL with *err.
json_t *far_post(struct far *f, const char *path, const char *body, struct error *err);
