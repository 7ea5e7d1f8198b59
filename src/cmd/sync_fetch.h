/*
 * cmd/sync_fetch: a file of the house into a hidden file beside its place, proven by its hash.
 *
 * Chunks that a hidden file of an earlier try has, or that the file that is to be replaced has, are
 * not asked for. By UDP when a way is given, else by HTTP.
 */
#pragma once
#include "cmd/client.h"
#include "cmd/way.h"
#include "sync/table.h"

#include <stdatomic.h>

struct sync_fetch {
    struct client *client;
    struct way *way;     // of this version; NULL: by HTTP
    const char *path;    // in the house, whole
    const char *version; // "" when it has none
    int64_t number, size;
    sha256 content;
    const char *temporary;  // whole
    const char *before;     // a file here that may share chunks; NULL: none
    int threads;            // for one with several chunks
    _Atomic int64_t *moved; // bytes that are there now
};
MUST_CHECK bool sync_fetch(const struct sync_fetch *f, struct error *err);
