/*
 * house/flow/burnt: proxies with their viewer's name in them (docs/operating.md, burnt-in names).
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "house/assets/assets.h"

#include <jansson.h>

// What an engine burns in: a line with the words on the lower edge, and who it is across the
// middle, faintly. A new reference.
json_t *burn_list(const char *who, const char *words);
// Queues the set of this viewer ("p" and a person's id, "s" and a share's) unless it is there or on
// its way; `who` is people_burn_words, the day is added here. Nothing happens to what is not ready
// or has no picture.
MUST_CHECK bool burnt_ask(struct db_tx *tx, const char *version, const char *viewer,
                          const char *who, struct arena *a, struct error *err);
// BurnFact of the API (a new reference), and the files when they are there.
MUST_CHECK bool burnt_get(struct db_tx *tx, const char *version, const char *viewer,
                          struct arena *a, json_t **burn, struct derived_file **files,
                          size_t *count, struct error *err);

// ---- For flow, by job
MUST_CHECK bool burnt_state_set(struct db_tx *tx, const char *job, const char *state,
                                const char *problem, struct error *err);
MUST_CHECK bool burnt_made(struct db_tx *tx, const char *job, const struct derived_file *files,
                           size_t count, bool *used, struct error *err);
