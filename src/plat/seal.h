/*
 * plat/seal: secrets that lie in the database so that the database alone does not give them away.
 *
 * Sealed is AES-256-GCM under a key that lies beside the database in a file of its own (0600): a
 * copy of the database, a backup or a query shows nothing. Whoever has both has the secrets.
 * `about` binds a secret to what it belongs to: moved to another row it does not open.
 */
#pragma once
#include "base/text.h"

struct seal;
// Reads the key's file, or makes it. DAMAGED when it is not a key.
MUST_CHECK struct seal *seal_open(const char *key_file, struct error *err);
void seal_close(struct seal *s); // NULL is fine
MUST_CHECK bool seal_put(const struct seal *s, const char *about, text plain, struct buf *sealed,
                         struct error *err);
// DAMAGED when it was changed, moved, or sealed with another key.
MUST_CHECK bool seal_take(const struct seal *s, const char *about, const void *sealed, size_t size,
                          struct buf *plain, struct error *err);
