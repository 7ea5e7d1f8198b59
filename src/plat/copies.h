/*
 * plat/copies: one file read once and written to several places at the same time.
 *
 * A bounded ring lies between the reader and one writer thread a place: the slowest place sets the
 * pace, memory stays the same. A copy gets its name only after it was synced, read back past the
 * system's cache (O_DIRECT) and found to have the digest of the one reading; until then it lies
 * beside it under a hidden name that copies_half knows, and a later run throws it away. A place
 * that fails drops out, the others go on. What is there under the name already is never written
 * over: it is read back and compared like a new one.
 *
 * Where a file system gives no direct reads, the synced pages are dropped from the cache before the
 * reading, which is a hint that it may not follow: then `direct` is false.
 */
#pragma once
#include "plat/hash.h"

enum { COPIES_PLACES = 8, COPIES_KINDS = 8, COPIES_DIGEST = 129 };

enum copy_state {
    COPY_MADE,     // read back, the digest is right
    COPY_THERE,    // was there before, read back, the digest is right
    COPY_CONFLICT, // something else has the name
    COPY_FAILED,   // `step` failed with `errno_value`
    COPY_WRONG     // what was read back is not what was read
};
struct copy {
    const char *path; // where it goes; its folder is there
    enum copy_state state;
    int errno_value;
    const char *step; // "open", "write", "sync", "read back", "rename"
    bool direct;      // it was read back past the cache
};

struct copies_wish {
    const char *source;
    // As hasher_open; the first is what copies are read back by. At least one, COPIES_KINDS at
    // most.
    const char *const *kinds;
    size_t kind_count;
    bool content; // also what the store would name it by (plat/content.h)
    struct copy *copies;
    size_t count; // COPIES_PLACES at most; 0: it is only read
    // Told after each piece, by the calling thread; false ends it with CANCELLED. May be NULL.
    bool (*going)(void *context, int64_t more_bytes);
    void *context;
    // Tests: called with a copy that is synced, before it is read back.
    void (*synced)(void *context, const char *path);
};
struct copies_result {
    char digests[COPIES_KINDS][COPIES_DIGEST]; // of the reading, lower-case hex
    sha256 content;
    int64_t size, modified_ns; // as it was read
};
// False when the source can not be read, changes while it is read (CONFLICT), or it was cancelled:
// then nothing new has a name. What becomes of each copy is an answer.
MUST_CHECK bool copies_make(const struct copies_wish *wish, struct copies_result *result,
                            struct error *err);

// Whether a name (without folder) is of a copy that was not finished.
bool copies_half(const char *name);
