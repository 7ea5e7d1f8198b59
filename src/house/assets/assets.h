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
 * what only the API knows: permissions, counts of comments, progress, and the signed addresses of
 * derived files, whose "url" is what it makes them of: the content (hex), or the path while
 * growing. Bodies of events about assets and versions are {"asset","version"}.
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
                               const char *sequence_rate, const char *downloads_need,
                               int version_names, const char *burn_names, struct error *err);
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
    const char *name; // as in its folder: "A001C003.mov"; with '/' inside a card
    sha256 content;
    int64_t size, modified_ms; // modified 0: not known
};
struct asset_wish {
    const char *project, *folder; // folder NULL or "": the top
    const char *name, *kind;      // kind clip, sound, sequence, still, captions or document
    const char *by;               // a person's id, shown by name; other words are shown as they are
    const struct asset_file *files;
    size_t file_count;
    const char *facts; // Facts as far as they are known before probing (a sequence's); NULL: none
    // Of the things to be made; NULL: new ones. The same ids again change nothing.
    const char *asset_id, *version_id;
    bool untold; // no version.stored: whoever made it says version_tell later
};
struct asset_made {
    id asset, version;
    int64_t number; // of the version
    bool again;     // they were made before with these ids
    bool renamed;   // the name was taken
    char name[256]; // as it is now
    sha256 content; // of the version: what its derived files are found by
};
// An asset with its first version; a taken name gets " (2)" before its ending. Events asset.changed
// and version.stored. The files' bytes are in the store already, or recorded in this transaction.
MUST_CHECK bool asset_add(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
                          struct error *err);
// A further version of an asset: by, files, facts and version_id of the wish count.
MUST_CHECK bool version_add(struct db_tx *tx, const char *asset, const struct asset_wish *wish,
                            struct asset_made *made, struct error *err);
// Says version.stored of a version that was made untold.
MUST_CHECK bool version_tell(struct db_tx *tx, const char *version, struct error *err);
// The contents of a version's files are others by name than when it was made, and the same bytes:
// its own content follows.
MUST_CHECK bool version_content_again(struct db_tx *tx, const char *version, sha256 *before,
                                      sha256 *after, struct error *err);
// What a file's name says before anything has looked inside; unknown endings are "clip", so that
// somebody does. Text, PDF, XML, EDL and the like are "document".
const char *asset_kind_of_name(const char *file_name);
// The asset that a file is the next version of when only the version in its name differs
// ("sc10_v002.mov" of "sc10_v001.mov", in one folder); *asset "" when there is none, when the name
// has no version, or when the project does not want it.
MUST_CHECK bool asset_by_version_name(struct db_tx *tx, const char *project, const char *folder,
                                      const char *name, char asset[27], struct error *err);
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
// Those, in this order; what is gone is left out.
MUST_CHECK bool asset_list_of(struct db_tx *tx, const char *const *ids, size_t count,
                             struct arena *a, json_t **items, struct error *err);
MUST_CHECK bool asset_get(struct db_tx *tx, const char *id, json_t **asset, struct error *err);

// The little that rooms ask of an asset that goes with another.
struct asset_brief {
    char project[27], kind[16], name[300], newest[27];
};
MUST_CHECK bool asset_brief(struct db_tx *tx, const char *id, struct asset_brief *brief,
                            struct error *err);

// ---- Versions
MUST_CHECK bool version_get(struct db_tx *tx, const char *id, json_t **version, struct error *err);
MUST_CHECK bool version_list(struct db_tx *tx, const char *asset, json_t **list, struct error *err);
// stored, probing, proxying, ready or failed; `problem` (JSON of a Problem) goes with failed, else
// NULL. Steps may be left out and taken again; CONFLICT for going back to stored, and for failing
// after ready. Events asset.changed, and version.ready or version.failed.
MUST_CHECK bool version_state_set(struct db_tx *tx, const char *id, const char *state,
                                  const char *problem, struct error *err);
// The job that is at work on it, or was last.
MUST_CHECK bool version_job_set(struct db_tx *tx, const char *id, const char *job,
                                struct error *err);
// Facts as the engine gives them; keeps what lists sort by. `kind` in them may be another than the
// asset had. Events version.probed, asset.changed.
MUST_CHECK bool version_facts_set(struct db_tx *tx, const char *id, const json_t *facts,
                                  struct error *err);
MUST_CHECK bool version_files(struct db_tx *tx, const char *id, int64_t after_number, int64_t limit,
                              json_t **items, int64_t *total, struct error *err);
// NOT_FOUND when there is no such number.
MUST_CHECK bool version_file(struct db_tx *tx, const char *id, int64_t number, struct arena *a,
                             struct asset_file *file, struct error *err);

struct version_source { // what is needed to work on a version; texts in the arena
    const char *id, *asset, *project, *name, *kind; // name and kind of the asset
    const char *state, *recipe;                     // recipe NULL: no derived files
    const char *facts, *known; // JSON: of probing; of asset_wish.facts. NULL: none
    const char *sequence_rate; // of the project
    int64_t number, size, file_count;
    sha256 content;
    bool deleted;
};
MUST_CHECK bool version_source(struct db_tx *tx, const char *id, struct arena *a,
                               struct version_source *v, struct error *err);

// Files of versions and derived files with this content: at 0 the store may forget it.
MUST_CHECK bool content_uses(struct db_tx *tx, const sha256 *content, int64_t *uses,
                             struct error *err);

// ---- Derived files. They belong to a version's content and the recipe that made them.
struct derived_file {
    const char *kind, *name; // "scrub", "scrub.mp4"
    sha256 content;
    int64_t size;
};
// One that a running job is writing, at `path` below the workers' folder; again with a larger size
// as it grows. Event version.growing. It is shown until derived_set or derived_end.
MUST_CHECK bool derived_growing(struct db_tx *tx, const char *version, const char *kind,
                                const char *name, const char *path, int64_t size,
                                struct error *err);
// What grew came to nothing: its attempt died.
MUST_CHECK bool derived_end(struct db_tx *tx, const char *version, struct error *err);
// The whole set that one run of a recipe made. Files of one run fit each other (an index its film),
// so sets are never mixed: when there is one of this content and recipe already, that one stays and
// *used is false; the new files need not be recorded. Either way the version has a set now.
MUST_CHECK bool derived_set(struct db_tx *tx, const char *version, const char *recipe,
                            const struct derived_file *files, size_t count, bool *used,
                            struct error *err);
// The same for bytes that are of no version.
MUST_CHECK bool derived_add(struct db_tx *tx, const sha256 *source, const char *recipe,
                            const struct derived_file *files, size_t count, bool *used,
                            struct error *err);
// One file more for a set that an older program made without it; *used false: there is no such set,
// or it has one of this kind.
MUST_CHECK bool derived_more(struct db_tx *tx, const sha256 *source, const char *recipe,
                             const struct derived_file *file, bool *used, struct error *err);
// What was made from a content by a recipe; count 0: nothing yet.
MUST_CHECK bool derived_find(struct db_tx *tx, const sha256 *source, const char *recipe,
                             struct arena *a, struct derived_file **list, size_t *count,
                             struct error *err);
// Gives a version what the recipe made from the same bytes before, and the facts found then;
// *found false: nothing was made.
MUST_CHECK bool derived_use(struct db_tx *tx, const char *version, const char *recipe, bool *found,
                            struct error *err);

// ---- Proof: counts all again; *wrong projects and folders have other counts than kept.
MUST_CHECK bool assets_check(struct db_tx *tx, int64_t *wrong, struct error *err);
