// What the files of this room share.
#pragma once
#include "house/assets/assets.h"

// The words an asset is found by: its name, and its parts split at _ . - and where letters meet
// digits.
const char *search_words(struct arena *a, const char *name);
// {"project.changed"} and its like, without a body.
bool say(struct db_tx *tx, const char *kind, const char *project, const char *subject,
         struct error *err);
json_t *hash_json(struct db_rows *rows, int column);
json_t *time_json(int64_t at_ms); // null for 0
