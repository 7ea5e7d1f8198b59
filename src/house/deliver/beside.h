/*
 * house/deliver/beside: what goes beside a film unchanged: Dolby Vision metadata (XML), an Atmos
 * master (ADM BWF).
 *
 * Each is an asset of its own with versions, linked to its film. It is read to be held against the
 * film (its length, its rate and start, its shots); nothing of it is ever written. An order takes
 * the newest version along, and the package holds the very bytes that came.
 */
#pragma once
#include "house/assets/assets.h"
#include "store/store.h"

struct beside_source { // texts in the arena
    const char *kind, *asset, *version, *name, *by;
    int64_t number, size, linked_ms;
    sha256 content;
};
// Of a film, as they were linked; or, when `film` is such a file itself, that one.
MUST_CHECK bool beside_sources(struct db_tx *tx, const char *film, struct arena *a,
                               struct beside_source **list, size_t *count, struct error *err);
// The file of an asset that may be linked; its kind is what its bytes are. INPUT when they are
// neither.
MUST_CHECK bool beside_candidate(struct db_tx *tx, const char *asset, struct arena *a,
                                 struct beside_source *s, struct error *err);
// Reads the bytes and lays them beside a picture with these Facts: rows as profile_fit has them, a
// new reference. `s->kind` NULL is filled in.
MUST_CHECK bool beside_check(struct store *store, struct beside_source *s, const json_t *facts,
                             json_t **rows, bool *fits, struct error *err);
// Event asset.changed of the film. NOT_FOUND when the film is of another project.
MUST_CHECK bool beside_link(struct db_tx *tx, const struct beside_source *s, const char *film,
                            const char *by, int64_t now_ms, struct error *err);
MUST_CHECK bool beside_unlink(struct db_tx *tx, const char *file, struct error *err);

// Whether it goes with what a profile makes when nobody says: Dolby Vision with pictures that are
// not made SDR, an Atmos master with sound.
bool beside_goes(const char *kind, const json_t *profile);
// Refuses (CONFLICT) when one of them does not fit.
MUST_CHECK bool beside_fits(struct store *store, struct beside_source *list, size_t count,
                            const json_t *facts, struct error *err);
// Those that a delivery takes along, as they are now.
MUST_CHECK bool beside_freeze(struct db_tx *tx, const char *delivery,
                              const struct beside_source *list, size_t count, struct error *err);
// [{"kind", "name", "content": hex, "size"}]; a new reference.
MUST_CHECK bool beside_frozen(struct db_tx *tx, const char *delivery, json_t **list,
                              struct error *err);
