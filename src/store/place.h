/*
 * store/place: bytes that are not in the store, but lie in a place: a folder of somebody's volume.
 *
 * The rows of places (house/places keeps them) say which file has which content. Opening a content
 * that lies in a place opens one of its files, if that is still what it was: of the same size and
 * modification time. If none is, that is an error that says so; other bytes are never given.
 *
 * A file that nobody has hashed yet has a content all the same, made of where it lies, its size and
 * its time. Such a content has no chunks; when the file has been hashed, everything that names it
 * is given the real one.
 *
 * Chunks of a place are never shared with what is brought into the store, since a place can vanish:
 * who brings the same bytes takes the chunks over.
 */
#pragma once
#include "store/store.h"

// What people are shown of a name that may not be UTF-8: U+FFFD for each byte that does not fit,
// and for control characters. "" stays "". In `a`.
const char *place_shown(struct arena *a, const char *name);

// Stands for a file that is not hashed: `size` > 0.
sha256 place_content(const char *place, const char *path, int64_t size, int64_t mtime_ns,
                     uint64_t inode);
MUST_CHECK bool place_record(struct db_tx *tx, const sha256 *content, int64_t size,
                             struct error *err);

struct place_hash { // of a whole file
    sha256 content;
    int64_t size;
    sha256 *chunks;
    uint64_t *xxh3;
    size_t count;
};
void place_hash_free(struct place_hash *h);
// The rows of a content whose bytes lie in `place` (its id). What the store has already stays.
MUST_CHECK bool place_record_hashed(struct db_tx *tx, const char *place, const struct place_hash *h,
                                    struct error *err);
// Whether all chunks of a content are in the store itself.
MUST_CHECK bool place_kept(struct db_tx *tx, const sha256 *content, bool *kept, struct error *err);
