// What the files of this room share.
#pragma once
#include "house/assets/assets.h"

enum { SORT_KEY_LIMIT = 4096, FOLDER_DEPTH = 100 };

// An event without a body.
bool say(struct db_tx *tx, const char *kind, const char *project, const char *subject,
         struct error *err);
// An event about an asset or (kind "version.*") a version of it, with both in its body.
bool say_asset(struct db_tx *tx, const char *kind, const char *project, const char *asset,
               const char *version, struct error *err);
bool not_there(struct error *err, const char *what); // NOT_FOUND; returns false
json_t *hash_json(struct db_rows *rows, int column);
json_t *time_json(int64_t at_ms); // null for 0

struct where { // of an asset, as it is
    char project[27], folder[27], newest[27];
    int64_t bytes, versions, duration_ms;
    bool deleted;
};
// NOT_FOUND when there is none.
bool asset_where(struct db_tx *tx, const char *asset, struct where *w, struct error *err);
bool version_place(struct db_tx *tx, const char *version, char project[27], char asset[27],
                   struct error *err);
// Folder of the project, or "".
bool folder_fits(struct db_tx *tx, const char *project, const char *folder, struct error *err);
bool count_in(struct db_tx *tx, const char *project, const char *folder, int64_t assets,
              int64_t bytes, struct error *err);
