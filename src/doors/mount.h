/*
 * doors/mount: the house's tree, or a project of it, as a folder of this machine (FUSE 3).
 *
 * Files open at once; what is read is fetched block by block, ahead of who reads on, and kept in a
 * bounded cache. What is written lies beside the cache until the program closes it, and goes to the
 * house meanwhile as far as it is written in order; close, flush and fsync return when the house
 * has it, hashed and durable, as a version. A line that is cut gives EIO, with the reason in the
 * log; what is asked later works again when the house is back.
 */
#pragma once
#include "wire/client.h"

struct mount_wish {
    struct client *house;
    const char *folder; // to be mounted on: there already, and empty
    const char *root;   // "/" or "/Film": what is shown of the tree
    const char *cache;  // a folder of its own for cache and what is being written
    int64_t cache_bytes;
    int64_t ahead_bytes; // read ahead of who reads on and on, at most
    bool read_only, allow_other;
    void (*ready)(void *context); // it is mounted; may be NULL
    void *context;
};
// Serves until it is unmounted or the process gets SIGINT or SIGTERM.
MUST_CHECK bool mount_serve(const struct mount_wish *wish, struct error *err);
