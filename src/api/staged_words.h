/*
 * api/staged_words: what a worker says of each item of its bulk session (docs/formats/bulk.md, "In
 * a session with a worker"). Nothing is looked up here.
 */
#pragma once
#include "base/text.h"
#include "plat/hash.h"

enum { STAGED_PACK_MOST = 1000 }; // files
#define STAGED_PACK_BYTES ((int64_t)64 << 20)

struct staged_piece {
    char attempt[27];
    int64_t token;
    bool in, pack;        // brought; many small files. Else a chunk is wanted
    sha256 content, hash; // of the file; of a chunk that is brought
    int64_t chunk, bytes; // bytes: that are wanted, or of the whole file that is brought
    int64_t output, frame, task, tile; // which of the job's outputs it is
    char name[256];                    // of a ticket's output; else ""
};
// Into a zeroed one. `size`: of the item's bytes. False: it can not be understood.
bool staging_read(struct staged_piece *p, text words, int64_t size);
