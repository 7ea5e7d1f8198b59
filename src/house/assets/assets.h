/*
 * house/assets: projects, folders, and what people name: assets with their versions.
 *
 * An asset is one thing people name (a clip, a sequence, a mix, a document); a version is one
 * immutable set of files with its facts. Files are named by their content in the store. Derived
 * files (proxies, indexes, ...) belong to a content and a recipe: a second version of the same
 * bytes finds them made.
 *
 * Functions that change take the caller's transaction, so that a room can commit its own rows with
 * them; each writes its event. Lists and single things come as JSON in the API's shapes, without
 * what only the API knows (permissions, signed addresses).
 */
#pragma once
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"

#include <jansson.h>

// ---- Names: 1 to 255 bytes of UTF-8 without control characters or '/'. INPUT says which rule.
MUST_CHECK bool name_acceptable(const char *what, const char *name, struct error *err);
// Sorts as people count: case folded (ASCII), numbers padded. In `a`.
const char *name_sort_key(struct arena *a, const char *name);

// ---- Projects
MUST_CHECK bool project_make(struct db_tx *tx, const char *id, const char *name,
                             const char *sequence_rate, struct error *err);
// NULL: stays.
MUST_CHECK bool project_change(struct db_tx *tx, const char *id, const char *name,
                               const char *sequence_rate, struct error *err);
// Project, without role and permissions. NOT_FOUND when there is none.
MUST_CHECK bool project_get(struct db_tx *tx, const char *id, json_t **project, struct error *err);
// Those of a person, by name; person NULL: all.
MUST_CHECK bool project_list(struct db_tx *tx, const char *person, json_t **list,
                             struct error *err);

// ---- Folders
MUST_CHECK bool folder_add(struct db_tx *tx, const char *id, const char *project,
                           const char *parent, const char *name, struct error *err);
// The folder at "A/B/C" below `parent` (NULL or "": the top), made where it is missing.
MUST_CHECK bool folder_ensure(struct db_tx *tx, const char *project, const char *parent,
                              const char *path, id *folder, struct error *err);
// name or parent may be NULL (stays); parent "" is the top. CONFLICT for a loop or a taken name.
MUST_CHECK bool folder_change(struct db_tx *tx, const char *id, const char *name,
                              const char *parent, struct error *err);
// CONFLICT unless it is empty.
MUST_CHECK bool folder_delete(struct db_tx *tx, const char *id, struct error *err);
MUST_CHECK bool folder_get(struct db_tx *tx, const char *id, json_t **folder, struct error *err);
MUST_CHECK bool folder_list(struct db_tx *tx, const char *project, json_t **list,
                            struct error *err);

// ---- Assets
struct asset_file {
    const char *name;
    sha256 content;
    int64_t size, modified_ms; // modified 0: not known
};
struct asset_wish {
    const char *project, *folder; // folder NULL or "": the top
    const char *name, *kind, *by; // kind clip, sound, sequence, still or document
    const struct asset_file *files;
    size_t file_count;
    const char *facts; // JSON known before probing (a sequence's numbers); NULL: none
};
struct asset_made {
    id asset, version;
};
// An asset with its first version; a taken name gets " (2)" behind. Events asset.changed and
// version.stored. The files' bytes are in the store already, or recorded in this transaction.
MUST_CHECK bool asset_add(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
                          struct error *err);
// NULL: stays; folder "" is the top.
MUST_CHECK bool asset_change(struct db_tx *tx, const char *id, const char *name, const char *folder,
                             struct error *err);
// Marks and unmarks; *count says how many of `ids` were in the project and changed.
MUST_CHECK bool assets_delete(struct db_tx *tx, const char *project, const json_t *ids,
                              bool deleted, int64_t *count, struct error *err);
MUST_CHECK bool assets_move(struct db_tx *tx, const char *project, const json_t *ids,
                            const char *folder, int64_t *count, struct error *err);

struct asset_query {
    const char *project;
    const char *folder; // NULL: all; "top": in no folder
    const char *search; // NULL: all
    const char *kind;   // NULL: all
    const char *sort;   // name, created, size, duration; NULL: name
    const char *share;  // only those of this share; NULL: all
    bool descending, deleted;
    int64_t limit, offset;
    const char *after_key, *after_id; // cursor: the last row's; NULL: from `offset`
};
// Items as Asset; *key and *key_id of the last one (in `a`) when there are more, else NULL. INPUT
// for an unknown sort.
MUST_CHECK bool asset_list(struct db_tx *tx, const struct asset_query *q, struct arena *a,
                           json_t **items, int64_t *total, const char **key, const char **key_id,
                           struct error *err);
MUST_CHECK bool asset_get(struct db_tx *tx, const char *id, json_t **asset, struct error *err);

// ---- Versions
MUST_CHECK bool version_get(struct db_tx *tx, const char *id, json_t **version, struct error *err);
MUST_CHECK bool version_list(struct db_tx *tx, const char *asset, json_t **list, struct error *err);
// stored, probing, proxying, ready or failed; `problem` (JSON) goes with failed, else NULL.
MUST_CHECK bool version_state_set(struct db_tx *tx, const char *id, const char *state,
                                  const char *problem, struct error *err);
// Facts as the engine gives them; keeps what lists sort by.
MUST_CHECK bool version_facts_set(struct db_tx *tx, const char *id, const json_t *facts,
                                  struct error *err);
MUST_CHECK bool version_files(struct db_tx *tx, const char *id, int64_t after_number, int64_t limit,
                              json_t **items, int64_t *total, struct error *err);
MUST_CHECK bool version_file(struct db_tx *tx, const char *id, int64_t number, struct arena *a,
                             struct asset_file *file, struct error *err);
// Of bytes (`content` is a version's) and the recipe they are made by.
MUST_CHECK bool derived_add(struct db_tx *tx, const sha256 *content, const char *recipe,
                            const char *kind, const char *name, const sha256 *file, int64_t size,
                            struct error *err);
