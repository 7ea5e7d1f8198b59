/*
 * house/deliver/outside: an operator's licensed encoder as one more engine.
 *
 * A profile's "video": {"encoder": {"program", "arguments", "makes"}} names a program of this
 * machine. The house's engines make a film of the same frames and sound that loses nothing
 * (video.codec, in MOV); a courier lays it down as a file, runs the program with {input} and
 * {output}, nothing through a shell, and takes what it made, which is probed like any stranger's
 * file and laid beside profile and source. So what the program claims does not count, only what it
 * made.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/hash.h"
#include "store/store.h"

#include <jansson.h>

// Whether a profile wants one.
bool outside_wanted(const json_t *profile);
// What the house's engines are to make for it: a new reference.
json_t *outside_between(const json_t *profile);
struct outside_wish {
    struct db *db;
    struct store *store;
    const char *job, *scratch; // scratch: an empty folder of its own
    bool sandbox;              // of the engine that probes
    bool (*going)(void *context);
    void *context;
};
struct outside_made {
    struct store_bytes *bytes; // settled by the caller
    json_t *facts;             // a new reference
};
MUST_CHECK bool outside_run(const struct outside_wish *wish, struct outside_made *made,
                            struct error *err);
// In the transaction that ends the attempt: the delivery is done, or goes on to be bound.
MUST_CHECK bool outside_done(struct db_tx *tx, const char *job, const struct outside_made *made,
                             struct error *err);
