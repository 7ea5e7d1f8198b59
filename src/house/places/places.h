/*
 * house/places: media in place.
 *
 * A place is a folder of somebody's volume whose files are assets of a project and stay where they
 * are: it is only ever read. Three things go on, each in small steps that may be cut off anywhere:
 *
 *   looking   folders are compared with what is known of them (place_folders, place_files); what is
 *             new, changed, gone or back is written down, a batch at a time
 *   taking    what was seen becomes assets and versions of them; a file that was moved stays the
 *             same asset
 *   hashing   files are read, and what stood for them is replaced by their real content
 *
 * Nothing that is seen on a volume takes anything away here: a file that is not there any more is
 * an asset that is offline. And a folder that may be an empty mount point says nothing about files:
 * a place whose root is not what it was, or is empty and was not, is offline as a whole; so are
 * folders below it that something was mounted at.
 *
 * A file counts once it rests: seen the same for PLACE_SETTLE_MS, or not written for a minute.
 * Times of a server may be wrong, so the house's own clock says how long.
 *
 * A volume may not answer at all: a call to it then returns after minutes, or never. Looking and
 * hashing are done by hands, one each. When a hand waits for a volume for longer than
 * PLACE_ANSWER_MS its place is said not to answer, and another hand goes on with the other places;
 * the one that waits goes on with its own when it is answered, and ends. What people ask of a
 * folder is done in threads of its own, and answered within PLACE_PEOPLE_MS.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/hash.h"
#include "store/store.h"

#include <jansson.h>
#include <limits.h>

struct places;

#define PLACE_SETTLE_MS 5000
#define PLACE_ANSWER_MS 10000
#define PLACE_PEOPLE_MS 5000
#define PLACE_NEWS_MS (10LL * 60 * 1000) // all is looked at again though every change was told of

struct places_wish {
    struct db *db;
    struct store *store;
    const char *const *roots; // below one of these a place may be; ends in NULL
    const char *house;        // the house's own folder: no place
    int64_t settle_ms;        // how long a file must rest; 0: PLACE_SETTLE_MS
    int64_t every_ms;         // all is looked at again where changes are not told of
    int64_t answer_ms;        // how long a volume may take to answer a call; 0: PLACE_ANSWER_MS
    int64_t people_ms;        // how long who asks of a folder waits; 0: PLACE_PEOPLE_MS
    // All may be NULL. `busy`: people's work is under way; hashing steps back. `again`: a job that
    // failed for want of bytes is asked for again. CONFLICT, NOT_FOUND: it needs not be.
    bool (*on)(void *context);
    bool (*busy)(void *context);
    bool (*again)(void *context, const char *job, struct error *err);
    // For tests: before each call to a volume; `place` is its id, or a path that people named.
    void (*asks)(void *context, const char *place);
    void *context;
};
MUST_CHECK bool places_open(const struct places_wish *wish, struct places **places,
                            struct error *err);
// After the threads have returned. A hand that still waits for a volume then never goes on, and
// what it shares with others stays in memory.
void places_close(struct places *p); // NULL is fine

// ---- For threads: each goes on until `on` says no. What fails is logged.
void places_look_on(struct places *p); // looking and taking
void places_hash_on(struct places *p);

// ---- For people

// What somebody wants a folder of the house's machine for.
struct places_use {
    const char *what; // that it can not, in refusals: "be a place"
    bool may_be_away; // it need not be there just now
};
// Whether the house may look into the folder at all: below a root, and not where it would show the
// house itself. `whole`: without links. DENIED with the way out; TIMEOUT: its volume does not
// answer; place_add, place_browse and place_move say so too.
MUST_CHECK bool places_allow(struct places *p, const char *path, const struct places_use *use,
                             char whole[PATH_MAX], struct error *err);

struct place_wish {
    const char *project, *folder; // folder "": the project's top
    const char *path, *by;
};
// DENIED when the path is below none of the roots, or would show the house itself; CONFLICT when
// the project has it, or a place above or below it, already.
MUST_CHECK bool place_add(struct places *p, const struct place_wish *wish, char made[27],
                          struct error *err);
// Of a project; NULL: all.
MUST_CHECK bool place_list(struct db_tx *tx, const char *project, json_t **list, struct error *err);
MUST_CHECK bool place_get(struct db_tx *tx, const char *place, json_t **json, struct error *err);
// What is known of the folder at `path` below the place ("": itself), whether it is an asset or
// only seen: {"path", "folders": names, "files": [{"name", "size", "modified", "state": new, here,
// changed, gone, unread, "hashed", "version"}], "cursor"}, at most PLACE_FILES_MOST files: "cursor"
// is null or gives the next ones ("": the first). NOT_FOUND.
#define PLACE_FILES_MOST 1000
MUST_CHECK bool place_files_list(struct db_tx *tx, const char *place, const char *path,
                                 const char *cursor, json_t **json, struct error *err);
// Adds to one of these what goes on just now.
void place_running(struct places *p, json_t *place);
// What `path` ("": the roots) could be a place with: its folders, or why not.
MUST_CHECK bool place_browse(struct places *p, const char *path, json_t **json, struct error *err);
// Everything is looked at now; what could not be read is tried again.
MUST_CHECK bool place_rescan(struct places *p, const char *place, struct error *err);
// Its folder is somewhere else now, such as on another machine after a restore: what is known of
// its files stays. CONFLICT when none of them is there, unless `anyway`.
MUST_CHECK bool place_move(struct places *p, const char *place, const char *path, bool anyway,
                           struct error *err);
// Its assets are put among the deleted ones, save those that were copied into the house. The files
// stay as they are.
MUST_CHECK bool place_forget(struct places *p, const char *place, struct error *err);
// Copies the version's bytes into the house, once they are hashed: in the background.
MUST_CHECK bool place_keep(struct places *p, const char *version, struct error *err);

// ---- Steps, for tests and benchmarks

// Looks at all of a place. *same: how many files were as they were known.
struct place_looked {
    int64_t files, folders, fresh, changed, gone, back, same;
    bool offline;
};
MUST_CHECK bool places_look(struct places *p, const char *place, struct place_looked *looked,
                            struct error *err);
// Makes assets of some of what was seen. *more: there was something.
MUST_CHECK bool places_take(struct places *p, const char *place, bool *more, struct error *err);
// Asks for jobs again that failed while what they read was away.
MUST_CHECK bool places_again(struct places *p, struct error *err);
// Reads some files. *more: there was something.
MUST_CHECK bool places_hash(struct places *p, bool *more, struct error *err);
// Copies a file that place_keep asked for. *more: there was one.
MUST_CHECK bool places_copy(struct places *p, bool *more, struct error *err);
