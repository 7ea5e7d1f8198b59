// What the files of this room share.
#pragma once
#include "house/assets/assets.h"
#include "house/flow/flow.h"

#include <limits.h>

struct flow {
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    char scratch[PATH_MAX];
    // of the thread that follows
    int64_t at, kept; // the last event followed; the one that is kept in the database
    int tries;        // of the event after it
};

// The recipe that a version's derived files are made by. The rate of a sequence that says none is
// the project's, and so part of it. In `a`.
const char *recipe_of(struct arena *a, const json_t *facts);
#define RECIPE "proxy-1" // a new number when the engine makes something else of the same bytes
const char *recipe_at(struct arena *a, const char *sequence_rate);
