/*
 * house/tree: the house as folders and files, for doors that speak of such (WebDAV, SFTP, a mount).
 *
 * The top holds the projects that the asker may view; below them lie the folders of the library and
 * the newest version of each asset under its name. The frames of a sequence lie in its folder, each
 * under its own name: written, appended or deleted by themselves they are so at once, and together
 * the next version of the sequence when nothing has come for as long as pictures wait. So do
 * pictures with a number that came through a door and still wait for the others of their sequence.
 * Names that programs use for a while (lock files, temporary and hidden names) are kept as they are
 * and never become assets; when one gets another name, it does.
 *
 * Writing over a file makes a further version of its asset; what was there stays in its history.
 * Bytes that have not all come are nobody's file: only who sends them goes on with them.
 *
 * Paths begin with '/'. Names are compared in NFC, exactly first and then in any case: what macOS
 * writes decomposed and Windows in another case finds the same thing. Made names are NFC.
 *
 * Rights are those of the project: viewing shows, downloading reads, uploading writes and makes
 * folders, editing renames and deletes. Projects themselves are not changed here. Safe for many
 * threads.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "house/people/people.h"
#include "plat/hash.h"
#include "store/store.h"

struct tree;
struct tree_wish {
    struct db *db;
    struct store *store;
};
MUST_CHECK struct tree *tree_open(const struct tree_wish *wish, struct error *err);
void tree_close(struct tree *t); // NULL is fine

#define TREE_ARRIVING_KEEP_MS ((int64_t)7 * 24 * 3600 * 1000) // without a byte; then it is dropped
#define TREE_KEPT_MS ((int64_t)14 * 24 * 3600 * 1000)         // of temporary names
#define TREE_AT_ONCE 20000 // things in one deleting or copying; over it TOO_BIG

// Drops what never arrived, and temporary names that nobody removed. About once a minute.
MUST_CHECK bool tree_sweep(struct tree *t, struct error *err);

struct tree_asker {
    const struct who *who; // a person
    const char *address;   // for the audit log
    bool growing;          // recordings that still come in are shown by tree_find and tree_list
};

// ---- Names and paths

// A path from outside as the house writes it: NFC, one '/' between, none at the end ("/" is the
// top). INPUT for "." and "..", control characters, broken UTF-8, parts over 255 bytes, over 4,096
// in all.
MUST_CHECK bool tree_path(text raw, struct arena *a, const char **path, struct error *err);
// The same for names that differ in case or in how accents are written. In `a`.
const char *tree_fold(struct arena *a, const char *name);
// Names that programs use for a while and that never become assets.
bool tree_name_passing(const char *name);
const char *tree_name_of(const char *path);                    // behind the last '/'
const char *tree_parent_of(struct arena *a, const char *path); // "/" for one below the top
const char *tree_below(struct arena *a, const char *path, const char *name);

// ---- Looking

enum tree_kind { TREE_TOP, TREE_PROJECT, TREE_FOLDER, TREE_FILE };
// Of a file: an asset of one, a frame of a sequence, another of an asset's several files, no asset
// yet, or a recording that grows: that is read by its id (store_upload_open), not by tree_read; its
// size is of what is here; nothing can be done to it through the tree.
enum tree_origin { TREE_ASSET, TREE_FRAME, TREE_PART, TREE_WAITING, TREE_KEPT, TREE_GROWING };
struct tree_node {
    enum tree_kind kind;
    enum tree_origin origin;
    const char *path, *name; // as the house spells them
    unsigned may;            // of the asker, in its project
    const char *project;     // id; NULL for the top
    const char *folder;      // id of a folder ("" for a project), or of the one a file lies in
    const char *id;          // of the project, folder, asset, or of the waiting or kept file
    const char *version;     // of an asset or frame; else NULL
    int64_t number;          // of the file in the version
    sha256 content;
    int64_t size, created_ms, modified_ms;
};
// NOT_FOUND when it is not there or not to be seen.
MUST_CHECK bool tree_find(struct tree *t, const struct tree_asker *by, const char *path,
                          struct arena *a, struct tree_node *node, struct error *err);
// What lies in a top, project or folder: folders first, then files, by name.
MUST_CHECK bool tree_list(struct tree *t, const struct tree_asker *by, const struct tree_node *of,
                          struct arena *a, struct tree_node **list, size_t *count,
                          struct error *err);
// Where the bytes of a file are; DENIED without the right to download. Close with store_map_close.
MUST_CHECK bool tree_read(struct tree *t, const struct tree_node *file,
                          const struct store_map **map, struct error *err);
struct store *tree_store(struct tree *t);

// ---- Changing

MUST_CHECK bool tree_folder_make(struct tree *t, const struct tree_asker *by, const char *path,
                                 struct error *err);
// Deletes a file or a folder with all that is in it. Assets can be restored, as when the page
// deletes them.
MUST_CHECK bool tree_delete(struct tree *t, const struct tree_asker *by, const char *path,
                            struct error *err);
struct tree_move {
    const char *from, *to;
    bool overwrite;        // else CONFLICT and *there when something is at `to`
    bool copy;             // `from` stays
    bool shallow;          // a folder without what is in it (copy)
    const sha256 *content; // NULL: whatever it is; else CONFLICT unless it is this file
};
// A file that is moved over another one becomes its further version: saving by renaming keeps the
// history. Folders are not moved into another project (UNSUPPORTED). *there: something was at `to`.
MUST_CHECK bool tree_move(struct tree *t, const struct tree_asker *by, const struct tree_move *m,
                          bool *there, struct error *err);

// Says when a file was last modified, as copying programs do behind their work. Folders have no
// time: nothing happens.
MUST_CHECK bool tree_touch(struct tree *t, const struct tree_asker *by, const char *path,
                           int64_t modified_ms, struct error *err);

// ---- Writing

struct tree_write_wish {
    const char *path;
    int64_t size;        // -1: not known yet
    int64_t modified_ms; // 0: not said
    bool fresh;          // else what came of the same file by the same person goes on
};
struct tree_write {
    char id[27], project[27];
    int64_t offset; // where it goes on
    bool there;     // a file was at the path
};
// CONFLICT when the folder is not there or a folder is at the path.
MUST_CHECK bool tree_write_begin(struct tree *t, const struct tree_asker *by,
                                 const struct tree_write_wish *wish, struct tree_write *out,
                                 struct error *err);
// NOT_FOUND unless it is one of this person's.
MUST_CHECK bool tree_write_find(struct tree *t, const struct tree_asker *by, const char *id,
                                struct tree_write *out, struct error *err);
// Bytes in order; durable after sync.
MUST_CHECK bool tree_write_append(struct tree *t, const char *id, int64_t offset, const void *at,
                                  size_t size, struct error *err);
MUST_CHECK bool tree_write_sync(struct tree *t, const char *id, int64_t *offset, struct error *err);
// All has come: `size` bytes. Hashed and durable, it is a file from here on. `modified_ms` 0: as
// it was said at the beginning.
MUST_CHECK bool tree_write_finish(struct tree *t, const struct tree_asker *by, const char *id,
                                  int64_t size, int64_t modified_ms, struct error *err);
MUST_CHECK bool tree_write_drop(struct tree *t, const char *id, struct error *err);
// What of a file has come from this person: NOT_FOUND when nothing is on its way.
MUST_CHECK bool tree_write_at(struct tree *t, const struct tree_asker *by, const char *path,
                              struct tree_write *out, struct error *err);

// ---- For who keeps a folder and the house the same: only what is still as it was seen is changed

// A file of exactly this content, or (NULL) a folder with nothing in it; else CONFLICT.
MUST_CHECK bool tree_delete_exactly(struct tree *t, const struct tree_asker *by, const char *path,
                                    const sha256 *content, struct error *err);

#define TREE_PLACE_MOST 500
struct tree_place {
    const char *path; // where it is to lie; its folder is there
    const char *as;   // what it is called in the transfer, where it was stored
    bool fresh;       // nothing may be at the path, else a file of the content
    sha256 instead;
};
struct tree_placed {
    struct error refused; // kind NONE: it lies there
    struct tree_node node;
};
// Gives names to files that a transfer of this person's, of origin "sync", has brought: each is a
// new asset or the further version of the file it replaces, or refused: CONFLICT when something
// else is there by now, NOT_FOUND when it has not come. What lies there already with the same bytes
// is fine. False: none was placed.
MUST_CHECK bool tree_place_all(struct tree *t, const struct tree_asker *by, const char *transfer,
                               const struct tree_place *list, size_t count, struct arena *a,
                               struct tree_placed *out, struct error *err);

// ---- What clients want to be remembered of a thing (WebDAV's dead properties)

struct tree_property {
    const char *space, *name; // namespace "" for none
    const char *value;        // XML; NULL in tree_properties_set: removed
};
#define TREE_PROPERTIES_MOST 64
#define TREE_PROPERTY_SIZE 8192
MUST_CHECK bool tree_properties(struct tree *t, const struct tree_node *node, struct arena *a,
                                struct tree_property **list, size_t *count, struct error *err);
// All or none. TOO_BIG over the limits; DENIED without the right to upload.
MUST_CHECK bool tree_properties_set(struct tree *t, const struct tree_node *node,
                                    const struct tree_property *list, size_t count,
                                    struct error *err);
