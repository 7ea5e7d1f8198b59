// What the files of this room share.
#pragma once
#include "house/assets/assets.h"
#include "house/flow/flow.h"

#include <limits.h>

struct flow {
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    char scratch[PATH_MAX], profiles[PATH_MAX], gathered[PATH_MAX]; // the latter two "": none
    // of the thread that follows
    int64_t at, kept; // the last event followed; the one that is kept in the database
    int tries;        // of the event after it
};

// ---- gather.c: what rules do when renders are done
bool gather_ask_for(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err);
// A version is ready: if it is a render's sequence that is to be a movie, that is queued.
bool gather_deliver(struct flow *f, struct db_tx *tx, const char *version, int64_t now_ms,
                    struct error *err);
// A delivery is done or has failed: if it is the movie of a render, it comes into the library.
bool gather_delivered(struct db_tx *tx, const char *delivery, const json_t *body, int64_t now_ms,
                      struct error *err);

// The recipe that a version's derived files are made by. The rate of a sequence that says none is
// the project's, and so part of it. In `a`.
const char *recipe_of(struct arena *a, const json_t *facts);
#define RECIPE "proxy-1" // a new number when the engine makes something else of the same bytes
const char *recipe_at(struct arena *a, const char *sequence_rate);
