/*
 * house/deliver/looks: a deliverable as it can be looked at, beside its master.
 *
 * When a deliverable is made, what probing found in it is kept, and of which frame of the master
 * each of its frames is (the plan of its making knows: fields that were put together, frames left
 * out, a start that was moved). Proxies of it are made when somebody asks, by the same recipe and
 * under the same rows as those of versions: the same bytes are never proxied twice.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "house/assets/assets.h"

#include <jansson.h>

// In the transaction that ends the making. `plan` is the index's; NULL: there is no picture, or
// nothing is known of it.
MUST_CHECK bool look_keep(struct db_tx *tx, const char *delivery, const json_t *facts,
                          const json_t *plan, struct error *err);
// {"kind": "same"}: frame n is the master's frame n. {"kind": "runs", "runs": [[first, place,
// count]...]}. {"kind": "list", "first", "steps"}: one digit (0-9a-z) a frame after the first says
// how many frames of the master farther on the next one is. {"kind": "time"}: the one on screen at
// the same time. A new reference.
json_t *look_origin(const json_t *plan);

// Queues the proxies, unless they are there or on their way. `recipe`: which they are made by.
// CONFLICT while the delivery is not made, or when it was made before looks were kept.
MUST_CHECK bool look_ask(struct db_tx *tx, const char *delivery, const char *recipe, const char *by,
                         int64_t now_ms, struct error *err);
// DeliveryLook of the API; the "url" of a derived file is its content, as in house/assets.
MUST_CHECK bool look_get(struct db_tx *tx, const char *delivery, json_t **look, struct error *err);

// ---- For flow, by job
struct look_source { // texts in the arena
    const char *delivery, *name, *facts;
    sha256 content;
    int64_t size;
};
MUST_CHECK bool look_source(struct db_tx *tx, const char *job, struct arena *a,
                            struct look_source *s, struct error *err);
MUST_CHECK bool look_state_set(struct db_tx *tx, const char *job, const char *state,
                               const char *problem, struct error *err);
// The proxies are made. *used false: they were there already.
MUST_CHECK bool look_made(struct db_tx *tx, const char *job, const struct derived_file *files,
                          size_t count, bool *used, struct error *err);
