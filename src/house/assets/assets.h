/*
 * house/assets: what a project holds, by the names that people give.
 *
 * A project has folders and assets. An asset is one thing that people name (a clip, a sequence, a
 * mix, a document); it has versions. A version is a fixed set of files, each known by its content
 * in the store; what probing finds about it are its facts, what is made from it are its derived
 * files. Bytes are the store's business: here is only what they mean.
 *
 * Derived files belong to the *content* that they were made from and the recipe that made them, not
 * to a version: a second version with the same bytes has them at once (derived_use).
 *
 * Every call takes a transaction and does one thing in it, so that a caller can join it with its
 * own rows (the store's record of the bytes, the end of an attempt). Calls that change something
 * need a writing transaction (db_write); they write the events of docs/plan.md and keep the counts
 * of folders and projects right. Texts that are returned live in the arena.
 *
 * Names are UTF-8, 1 to 255 bytes, and kept as they came: spaces, any script, any case. Control
 * characters, '/', "." and ".." are refused. Folder names are unique in one parent (case counts).
 * An asset whose name is taken in its folder gets " (2)" before its ending.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "time/rational.h"

enum { ASSET_NAME_MAX = 255, FOLDER_DEPTH_MAX = 100, ASSETS_LIMIT_MAX = 1000 };

// INPUT, said about `what` ("the folder's name"), unless it can be the name of something here.
MUST_CHECK bool asset_name_check(text name, const char *what, struct error *err);

// ---- Projects

struct project {
    const char *id, *name;
    const char *sequence_rate; // of image sequences that say none: "24/1"
    const char *by;            // person's id, or NULL
    int64_t created_ms;
    int64_t assets, bytes; // not deleted; bytes of all their versions
};
// `own_id` may be NULL: a new one is made. `sequence_rate` may be NULL: 24. The same id again is
// fine and changes nothing. Who may do what is people's: see members_first.
MUST_CHECK bool project_make(struct db_tx *tx, const char *own_id, const char *name,
                             const char *sequence_rate, const char *by, id *made,
                             struct error *err);
// NOT_FOUND when there is none.
MUST_CHECK bool project_get(struct db_tx *tx, const char *project, struct arena *a,
                            struct project *p, struct error *err);
// By name. With `member` (a person's id) only those that the person is a member of.
MUST_CHECK bool project_list(struct db_tx *tx, const char *member, struct arena *a,
                             struct project **list, size_t *count, struct error *err);
// NULL leaves it as it is.
MUST_CHECK bool project_change(struct db_tx *tx, const char *project, const char *name,
                               const char *sequence_rate, struct error *err);

// ---- Folders

struct folder {
    const char *id, *project, *parent, *name; // parent NULL: at the top
    int64_t assets;                           // directly in it, not deleted
    int64_t created_ms;
};
// CONFLICT when the name is taken there. `own_id` and `parent` may be NULL.
MUST_CHECK bool folder_make(struct db_tx *tx, const char *own_id, const char *project,
                            const char *parent, const char *name, id *made, struct error *err);
// The folder at "A/B/C" below `parent` (NULL: the top), made as far as it is missing. An empty path
// gives `parent` itself; then *folder is empty for the top.
MUST_CHECK bool folder_ensure(struct db_tx *tx, const char *project, const char *parent, text path,
                              id *folder, struct error *err);
MUST_CHECK bool folder_get(struct db_tx *tx, const char *folder, struct arena *a, struct folder *f,
                           struct error *err);
// All of a project: parents before their children, then by name as people count (2 before 10).
MUST_CHECK bool folder_list(struct db_tx *tx, const char *project, struct arena *a,
                            struct folder **list, size_t *count, struct error *err);
MUST_CHECK bool folder_rename(struct db_tx *tx, const char *folder, const char *name,
                              struct error *err);
// `parent` NULL: to the top. CONFLICT when it would lie in itself, or the name is taken there.
MUST_CHECK bool folder_move(struct db_tx *tx, const char *folder, const char *parent,
                            struct error *err);
// CONFLICT unless it is empty. Deleted assets that lay in it lie at the top when they are restored.
MUST_CHECK bool folder_delete(struct db_tx *tx, const char *folder, struct error *err);

// ---- Bringing assets and versions in

enum asset_kind { ASSET_CLIP, ASSET_SOUND, ASSET_SEQUENCE, ASSET_STILL, ASSET_DOCUMENT };
enum { ASSET_KINDS = ASSET_DOCUMENT + 1 };
extern const char *const asset_kind_names[ASSET_KINDS]; // "clip", ...
bool asset_kind_named(const char *name, enum asset_kind *kind);
// By a file's ending, before anything has looked inside; unknown ones are clips, so that somebody
// does. Text, PDF, XML, EDL and the like are documents.
enum asset_kind asset_kind_of_name(text file_name);

struct asset_file {
    const char *name; // as in its folder: "A001C003.mov", "sh010.1001.exr"; of a card with '/'
    sha256 content;
    int64_t size;
    int64_t modified_ms; // 0: not known
};

struct sequence_facts { // of an image sequence, known from its names
    int64_t first, last, count;
    const int64_t *missing; // numbers that are not there
    size_t missing_count;
    int padding;
    const char *pattern; // "sh010.####.exr"
};

struct version_wish {
    const char *id; // NULL: a new one is made
    const char *by; // person's id; NULL: the house itself
    const struct asset_file *files;
    size_t file_count;                     // at least 1
    const struct sequence_facts *sequence; // NULL: no sequence
};

struct asset_wish {
    const char *id;               // NULL: a new one is made
    const char *project, *folder; // folder NULL: at the top
    const char *name;
    enum asset_kind kind;
    struct version_wish version;
};

struct asset_made {
    id asset, version;
    int64_t number;                // of the version
    bool again;                    // it was there already: the same ids were made before
    bool renamed;                  // the name was taken
    char name[ASSET_NAME_MAX + 1]; // as it is now
    sha256 content;                // of the version
};

// An asset with version 1. Events asset.changed, version.stored. The same asset and version id
// again changes nothing (`again`); NOT_FOUND when the folder is not (or no longer) in the project.
MUST_CHECK bool asset_add(struct db_tx *tx, const struct asset_wish *wish, struct asset_made *made,
                          struct error *err);
// A further version of an asset.
MUST_CHECK bool version_add(struct db_tx *tx, const char *asset, const struct version_wish *wish,
                            struct asset_made *made, struct error *err);
// What names a version's bytes: of a single file its content, of several the SHA-256 over each
// file's name, a 0 byte and its content, in order.
sha256 version_content(const struct asset_file *files, size_t count);

// ---- Versions, their way to ready

enum version_state {
    VERSION_STORED,
    VERSION_PROBING,
    VERSION_PROXYING,
    VERSION_READY,
    VERSION_FAILED
};
enum { VERSION_STATES = VERSION_FAILED + 1 };
extern const char *const version_state_names[VERSION_STATES];

// On to `state`: stored -> probing -> proxying -> ready, steps may be left out and taken again;
// any but ready may fail. CONFLICT for others. `job` (may be NULL: as before) is the one at work on
// it. `problem` is kept for VERSION_FAILED and shown to people; NULL otherwise. Events
// version.ready, version.failed, else asset.changed.
MUST_CHECK bool version_state_set(struct db_tx *tx, const char *version, enum version_state state,
                                  const char *job, const struct error *problem, struct error *err);
// What is known about the bytes: JSON of shape Facts, kept whole. `kind` may become another by it
// (a .mov with sound only); -1: stays. Lists sort by the duration in it. Event version.probed.
MUST_CHECK bool version_facts_set(struct db_tx *tx, const char *version, const char *facts_json,
                                  int kind, struct error *err);

struct derived {
    const char *kind, *name; // "scrub", "scrub.mp4"
    int64_t size;
    bool growing;
    sha256 content;   // when not growing
    const char *path; // while growing: below the workers' folder, as derived_growing was told
};

struct version {
    const char *id, *asset, *project;
    int64_t number, created_ms, size, file_count;
    const char *by, *by_id; // name and id of the person; by is "Posthouse" for the house itself
    sha256 content;
    enum version_state state;
    const char *facts;           // JSON, or NULL
    const char *sequence;        // JSON of shape SequenceFact, or NULL
    const char *job;             // or NULL
    const char *recipe;          // of its derived files, or NULL
    const struct error *problem; // or NULL
    const struct derived *derived;
    size_t derived_count;
};
MUST_CHECK bool version_get(struct db_tx *tx, const char *version, struct arena *a,
                            struct version *v, struct error *err);
// Newest first.
MUST_CHECK bool version_list(struct db_tx *tx, const char *asset, struct arena *a,
                             struct version **list, size_t *count, struct error *err);

struct version_file {
    int64_t number; // from 1
    struct asset_file file;
};
// Those after number `after`, at most `limit`, in order.
MUST_CHECK bool version_files(struct db_tx *tx, const char *version, int64_t after, int limit,
                              struct arena *a, struct version_file **list, size_t *count,
                              struct error *err);
// NOT_FOUND when there is no such number.
MUST_CHECK bool version_file(struct db_tx *tx, const char *version, int64_t number, struct arena *a,
                             struct version_file *file, struct error *err);
// Projects with a version (deleted or not) that holds a file of this content: who may download
// there may know that the bytes are here. At most 100.
MUST_CHECK bool content_projects(struct db_tx *tx, const sha256 *content, struct arena *a,
                                 const char ***projects, size_t *count, struct error *err);
// The same for a chunk.
MUST_CHECK bool chunk_projects(struct db_tx *tx, const sha256 *chunk, struct arena *a,
                               const char ***projects, size_t *count, struct error *err);
// Files of versions and derived files that refer to a content: at 0 the store may forget it.
MUST_CHECK bool content_uses(struct db_tx *tx, const sha256 *content, int64_t *uses,
                             struct error *err);

// ---- Derived files

// One that a running job is writing; again with a larger size as it grows. Event version.growing.
MUST_CHECK bool derived_growing(struct db_tx *tx, const char *version, const char *kind,
                                const char *name, const char *path, int64_t size,
                                struct error *err);
// What grew and came to nothing (its attempt died) is forgotten.
MUST_CHECK bool derived_growing_end(struct db_tx *tx, const char *version, struct error *err);
// The whole set that one run of a recipe made, at once: files of one run fit each other (an index
// its film), so a set is never mixed. When the same recipe has made a set from the same content
// before, that one stays and *used is false: the new files need not be recorded. Either way the
// version has a set now and nothing of it grows any more.
MUST_CHECK bool derived_set(struct db_tx *tx, const char *version, const char *recipe,
                            const struct derived *files, size_t count, bool *used,
                            struct error *err);
// What a recipe has made from a content; count 0: nothing yet.
MUST_CHECK bool derived_find(struct db_tx *tx, const sha256 *source, const char *recipe,
                             struct arena *a, struct derived **list, size_t *count,
                             struct error *err);
// Gives a version what the recipe made of the same bytes before; *found false: nothing was. Facts
// of the version whose files they were are taken over too when this one has none.
MUST_CHECK bool derived_use(struct db_tx *tx, const char *version, const char *recipe, bool *found,
                            struct error *err);

// ---- Looking at assets

struct asset {
    const char *id, *project, *folder, *name; // folder NULL: at the top
    enum asset_kind kind;
    int64_t created_ms, deleted_ms; // deleted_ms 0: it is not
    const char *by, *by_id;
    int64_t versions, bytes; // bytes of all versions
    int64_t duration_ms;     // of the newest version; 0: not known
    struct version version;  // the newest
};
// Also when it is deleted. NOT_FOUND when there is none.
MUST_CHECK bool asset_get(struct db_tx *tx, const char *asset, struct arena *a, struct asset *out,
                          struct error *err);

enum asset_sort { ASSETS_BY_NAME, ASSETS_BY_CREATED, ASSETS_BY_SIZE, ASSETS_BY_DURATION };
bool asset_sort_named(const char *name, enum asset_sort *sort);

struct asset_list_wish {
    const char *project;
    const char *folder;      // id; "top": those in no folder; NULL: all
    int kind;                // enum asset_kind, or -1: all
    bool deleted;            // those that are deleted, else those that are not
    const char *search;      // as typed: every word must begin a word of the name; NULL: all
    const char *const *only; // these ids at most (a share's); NULL: all
    size_t only_count;
    enum asset_sort sort;
    bool descending;
    int limit; // 1..ASSETS_LIMIT_MAX
    // Where to go on: the keys that the list before ended with. Rows that came or went meanwhile
    // make no other row appear twice or be left out.
    const char *const *after; // ASSET_CURSOR_KEYS texts; NULL: from the start
    int64_t offset;           // rows to jump over, for a scroll bar
};
#define ASSET_CURSOR_KEYS 2
struct asset_list {
    struct asset *items;
    size_t count;
    int64_t total;                       // without limit, offset and after
    const char *next[ASSET_CURSOR_KEYS]; // NULL at the end
};
MUST_CHECK bool assets_list(struct db_tx *tx, const struct asset_list_wish *wish, struct arena *a,
                            struct asset_list *list, struct error *err);

// ---- Changing assets

// Names are made free as in asset_add.
MUST_CHECK bool asset_rename(struct db_tx *tx, const char *asset, const char *name,
                             struct error *err);
// Many at once, all in `project` (NOT_FOUND names the first that is not); *count: those that this
// changed. `folder` NULL: the top. Deleting loses nothing: assets_restore undoes it.
MUST_CHECK bool assets_delete(struct db_tx *tx, const char *project, const char *const *ids,
                              size_t id_count, const char *by, int64_t *count, struct error *err);
MUST_CHECK bool assets_restore(struct db_tx *tx, const char *project, const char *const *ids,
                               size_t id_count, int64_t *count, struct error *err);
MUST_CHECK bool assets_move(struct db_tx *tx, const char *project, const char *const *ids,
                            size_t id_count, const char *folder, int64_t *count, struct error *err);

// ---- For tests and those who count
// Keys by which names sort as people count: "shot2" before "Shot10", accents and case aside.
size_t asset_name_key(text name, uint8_t *to, size_t room); // bytes of the key; cut at room
// What a name is found by: its words, also split where digits meet letters, numbers without zeros.
char *asset_search_words(struct arena *a, text name);
// Counts all again and says whether the kept ones were right (`posthouse check`).
MUST_CHECK bool assets_counts_check(struct db_tx *tx, int64_t *wrong, struct error *err);
