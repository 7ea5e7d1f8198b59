/*
 * sync/state: what a folder was when it last was equal to the house: a small database beside, in
 * the user's own folder of state, never in the folder that is kept.
 *
 *   $XDG_STATE_HOME/posthouse/sync/ID/   (else ~/.local/state/posthouse/sync/ID)
 *     paths.db   each path (data/sync)
 *     folder     which folder and which house: lines of "name = value"
 *     status     what is going on, as JSON, written by the one that runs
 *     lock       held while one runs
 *     paused, allow-deletes   there while a person wants it
 *
 * ID is also in the folder's marker, so that another disk, or none, mounted at the same path is not
 * taken for it.
 */
#pragma once
#include "base/text.h"
#include "plat/hash.h"

#define SYNC_MARKER ".posthouse-sync"
#define SYNC_TRASH ".posthouse-trash"
#define SYNC_IGNORE ".posthouse-ignore"

struct sync_row {
    const char *key, *here, *there;
    char thing[27], version[27];
    int64_t number;
    sha256 content; // zeros for a folder
    int64_t size, here_ns;
    uint64_t inode;
};

struct sync_state;
// `migrations`: the folder data/sync.
struct sync_state *sync_state_open(const char *path, const char *migrations, struct error *err);
void sync_state_close(struct sync_state *s); // NULL is fine
MUST_CHECK bool sync_state_load(struct sync_state *s,
                                void (*row)(void *context, const struct sync_row *r), void *context,
                                struct error *err);

// Written together and durable when it returns. A row is set unless its `here` is NULL, then the
// key is forgotten.
MUST_CHECK bool sync_state_write(struct sync_state *s, const struct sync_row *list, size_t count,
                                 struct error *err);
// Up to which of the house's events the rows are all there is; 0: not known.
MUST_CHECK bool sync_state_event(struct sync_state *s, int64_t *number, struct error *err);
MUST_CHECK bool sync_state_event_set(struct sync_state *s, int64_t number, struct error *err);
