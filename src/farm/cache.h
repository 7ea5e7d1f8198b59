/*
 * farm/cache: files of staged jobs, kept on a worker's own disk by what they are.
 *
 * A file's name here is its content (store/store.h: the SHA-256 over the SHA-256 hashes of its
 * 8 MiB chunks). What is not here is fetched once, however many slots ask for it at the same time;
 * what a session uses is pinned; of the rest, what was used longest ago goes first, so that all of
 * it never takes more than was allowed. A worker that is killed finds its files again, and goes on
 * with one that was half there. Of large ones the hashes of their chunks are kept too: another file
 * that shares chunks with them takes those from here.
 *
 * Nothing of this is synced: a file counts only when its bytes have the hash of its name, which is
 * looked at whenever it is given out (reading it to copy it is what costs). A damaged one is
 * dropped, and the next time it is fetched again.
 *
 * An engine reads them where they are, through a descriptor and nothing else. A session gets
 * copies: a clone that shares the disk's blocks where the file system can (btrfs, XFS), else a
 * plain copy. No hard links: the programs of a task are the same user as the worker, often root,
 * and could write through a link whatever its mode says.
 *
 * The folder belongs to one process. A second worker on a machine finds it taken and uses one
 * beside it (<folder>/0, /1, ...).
 *
 * Safe for many threads.
 */
#pragma once
#include "plat/hash.h"

struct cache;

#define CACHE_SMALL ((int64_t)1 << 20) // smaller ones come in packs
#define CACHE_PACK_MOST 1000           // files of a pack
#define CACHE_PACK_BYTES ((int64_t)16 << 20)

struct cache_wish {
    const char *folder; // made
    int64_t most_bytes;
};
MUST_CHECK struct cache *cache_open(const struct cache_wish *wish, struct error *err);
void cache_close(struct cache *c);               // NULL is fine
const char *cache_folder(const struct cache *c); // the one that is ours

struct cache_file {
    sha256 content;
    int64_t size;
};

// Where bytes come from. Both give them in order to `take`, which refuses when they are too many.
typedef bool cache_take(void *to, const void *at, size_t size, struct error *err);
struct cache_source {
    // Whole small files, one after another.
    bool (*pack)(void *context, const struct cache_file *list, size_t count, cache_take *take,
                 void *to, struct error *err);
    // One file from `offset` on.
    bool (*rest)(void *context, const struct cache_file *file, int64_t offset, cache_take *take,
                 void *to, struct error *err);
    bool (*asked)(void *context); // whether to go on; may be called often
    void *context;
};
// Pins all of the list, and fetches what is not here. False: none of it is pinned. NO_SPACE when it
// does not fit beside what is pinned, or the disk is full; CANCELLED by `asked`.
MUST_CHECK bool cache_bring(struct cache *c, const struct cache_file *list, size_t count,
                            const struct cache_source *from, struct error *err);
void cache_let_go(struct cache *c, const struct cache_file *list, size_t count);

// A copy of a pinned file at a path where nothing is; read-only, `program`: to be executed. DAMAGED
// when the kept bytes are not what they should be: it is dropped, let it go and bring it again.
MUST_CHECK bool cache_copy(struct cache *c, const struct cache_file *file, const char *to,
                           bool program, struct error *err);
// A pinned file open for reading; the caller closes it. DAMAGED as for a copy.
MUST_CHECK bool cache_read(struct cache *c, const struct cache_file *file, int *descriptor,
                           struct error *err);

// A chunk (8 MiB) of any file that is whole here. False: there is none whose bytes have this hash.
bool cache_chunk(struct cache *c, const sha256 *hash, void *to, size_t size);

struct cache_numbers {
    int64_t files, bytes, pinned_bytes;
    int64_t fetched_files, fetched_bytes; // since it was opened
    int64_t shared_bytes;                 // of these, chunks that other files here had
    int64_t dropped;                      // damaged
};
struct cache_numbers cache_numbers(struct cache *c);
