/*
 * sync/here: the folder's side: looking through it, and changing it so that nothing is lost.
 *
 * Every change first looks whether the thing still is what it was when that was decided, and after
 * it once more: whoever has saved in between keeps what they saved. Nothing is deleted: files go to
 * the trash (SYNC_TRASH in the folder, a folder a day), from where they go after a time.
 *
 * Paths are relative to the folder's root.
 */
#pragma once
#include "base/arena.h"
#include "plat/hash.h"
#include "sync/names.h"

struct here_item {
    const char *path; // until the call returns
    bool folder;
    int64_t size, changed_ns;
    uint64_t inode;
};
enum here_left { // why something is left out
    HERE_PASSING, // by what it is called, always: hidden, a lock, for a while only
    HERE_IGNORED, // by a pattern
    HERE_LINK,
    HERE_DEVICE, // a device, socket or pipe
    HERE_NAME,   // see why
    HERE_UNREAD, // a folder that can not be looked into: what is in it is not known
    HERE_TWIN,   // of two spellings of a name the second; not told here, see sync_path_here
    HERE_LEFT_COUNT
};
struct here_wish {
    const char *root;
    const struct sync_ignore *ignore;
    void (*found)(void *context, const struct here_item *item);
    void (*left)(void *context, enum here_left what, const char *path, const char *why);
    void *context;
};
// All below the folder `path` ("": the whole), folders before what is in them. False when the
// folder itself can not be looked into.
MUST_CHECK bool here_scan(const struct here_wish *wish, const char *path, struct error *err);
// One thing; *there false: nothing (or nothing that would be kept) is at the path. *left says why.
// Names above it must be plain folders that are not left out.
bool here_look(const struct here_wish *wish, const char *path, struct here_item *item);

// Whether nobody is writing: it has been quiet for `quiet_ms`, and no program holds it open for
// writing (where the file system says so).
bool here_quiet(const char *root, const struct here_item *item, int64_t quiet_ms);

// What a file must still be. NULL where one is asked for: nothing may be there.
struct here_seen {
    int64_t size, changed_ns;
    uint64_t inode;
};
// The hidden name that a file's bytes come under, in the folder that it goes into.
MUST_CHECK bool here_temporary(const char *root, const char *path, const sha256 *content, char *to,
                               size_t room, struct error *err);
// Gives a whole and durable file, absolute `temporary`, its name. CONFLICT when what is there is
// not `was`; it is left as it is then. *now: what lies there.
MUST_CHECK bool here_place(const char *root, const char *path, const char *temporary,
                           const struct here_seen *was, int64_t modified_ms, struct here_seen *now,
                           struct error *err);
MUST_CHECK bool here_trash(const char *root, const char *path, const struct here_seen *was,
                           int64_t now_ms, struct error *err);
// Never over something; folders above `to` are made. `was` NULL: a folder.
MUST_CHECK bool here_move(const char *root, const char *from, const char *to,
                          const struct here_seen *was, struct error *err);
MUST_CHECK bool here_folder_make(const char *root, const char *path, uint64_t *inode,
                                 struct error *err);
// Only when nothing is in it but what operating systems leave behind.
MUST_CHECK bool here_folder_remove(const char *root, const char *path, struct error *err);
// Forgets what has been in the trash for `days`.
void here_trash_sweep(const char *root, int days, int64_t now_ms);
