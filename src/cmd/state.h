// cmd/state: the database of a house, opened by commands that need no running server.
#pragma once
#include "base/config.h"
#include "db/db.h"

// With the migrations of the settings' data folder. The caller has seen that the file is there:
// opening makes one where there is none.
MUST_CHECK struct db *state_open(const struct config *c, const char *path, int readers,
                                 struct error *err);
