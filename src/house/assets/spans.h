/*
 * house/assets/spans: files that are one clip become one asset, whatever the order they came in.
 *
 * A version with several files says in what it knows how they go together: {"span": {"kind":
 * "follow" | "tracks", "files", "missing": [...], "parts": [5, 5]?}}; the engine reads them as one.
 * `parts`: what follows is files with a track each, so many for each part. What is not there is
 * said, also of a version of one file.
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
// The same, with the files in the order of these contents: what came later may go before.
MUST_CHECK bool span_join_in_order(struct db_tx *tx, const char *const *assets, size_t count,
                                   const char *kind, const json_t *missing, const sha256 *order,
                                   size_t order_count, struct error *err);

// What is not there of the clip that this asset is (words; empty: all is). Nothing is said anew,
// and nothing is changed when it says so already.
MUST_CHECK bool span_say(struct db_tx *tx, const char *asset, const char *kind,
                         const json_t *missing, struct error *err);
// Whether anything is said to be missing of it.
MUST_CHECK bool span_lacks(struct db_tx *tx, const char *asset, bool *lacks, struct error *err);

struct span_track {
    int64_t number; // the same for the same track of all files of a package
    bool picture;
};
struct span_set {
    const char *package;
    int64_t track;                   // of this file
    const struct span_track *tracks; // all that the material package lists, in its order
    size_t count;
    bool over, several; // no more files come for now; they came with others
};
// A track of an MXF OP-Atom set came: joins what is there once all tracks are, or when it makes a
// joined one whole. When it is over and tracks are not there, what came together is one asset that
// says which, and what came alone says so by itself.
MUST_CHECK bool span_atom(struct db_tx *tx, const char *asset, const struct span_set *set,
                          struct error *err);

// A clip of a recording that goes on in others (formats/cards, card_shot).
struct span_clip {
    const char *shot, *clip, *id;
    int64_t offset, frames;
    const char *before_id, *before, *after_id, *after; // NULL: there is none
};
MUST_CHECK bool span_shot_note(struct db_tx *tx, const char *project, const struct span_clip *clip,
                               const char *asset, struct error *err);
// The clips of a recording that are here become one asset, which says what is not.
MUST_CHECK bool span_shot(struct db_tx *tx, const char *project, const char *shot,
                          struct error *err);
