/*
 * house/assets/spans: files that are one clip become one asset, whatever the order they came in.
 *
 * A version with several files says in what it knows how they go together: {"span": {"kind":
 * "follow" | "tracks", "files", "missing": [...]}}; the engine reads them as one.
 */
#pragma once
#include "house/assets/assets.h"

// What a version of these files is known to be before it is probed: Facts with a span. malloc'd.
// `missing`: words; borrowed, may be NULL.
char *span_facts(const char *kind, size_t files, const json_t *missing);

// The asset that holds parts of this span in this folder, with the files of its newest version in
// the arena; *asset "" when there is none.
MUST_CHECK bool span_find(struct db_tx *tx, const char *project, const char *folder,
                          const char *span, char asset[27], struct arena *a,
                          struct asset_file **files, size_t *count, struct error *err);
MUST_CHECK bool span_note(struct db_tx *tx, const char *project, const char *folder,
                          const char *span, int64_t part, const char *asset, struct error *err);

// Assets that turned out to be one clip, in order: the first gets a version with the files of all,
// the others are put away (they come back when they are restored). Nothing happens when that is so
// already, or when one of them is gone.
MUST_CHECK bool span_join(struct db_tx *tx, const char *const *assets, size_t count,
                          const char *kind, const json_t *missing, struct error *err);

// A track of an MXF OP-Atom set came: joins what is there once all tracks are, or when it makes a
// joined one whole. `tracks`: how many its material package lists.
MUST_CHECK bool span_atom(struct db_tx *tx, const char *asset, const char *package, int64_t track,
                          int64_t tracks, struct error *err);
