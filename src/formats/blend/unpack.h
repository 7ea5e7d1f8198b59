// The bytes of a .blend in order, whatever packs them. Internal to formats/blend.
#pragma once
#include "base/error.h"

#include <stdint.h>

struct unpack;

// Finds out how it is packed. `at` must outlive it.
MUST_CHECK bool unpack_open(const uint8_t *at, size_t size, struct unpack **u, struct error *err);
void unpack_close(struct unpack *u); // NULL is fine
// Exactly `size` bytes (to NULL: passes over them). DAMAGED when there are fewer.
MUST_CHECK bool unpack_read(struct unpack *u, void *to, int64_t size, struct error *err);
