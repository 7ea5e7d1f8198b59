/*
 * doors/far: the house's tree over its API, for programs that are doors of their own: an SFTP
 * session, a mount. One person's rights; every call asks the house.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "wire/client.h"

struct far_node {
    bool folder, kept; // kept: no asset (yet)
    bool may_upload, may_download, may_edit;
    const char *name, *path;
    int64_t size, modified_ms;
    char content[65]; // of a file
    char version[27]; // "" when it has none
    int64_t number;   // of the file in the version
    char growing[27]; // the file's id while it still comes in: size is what is there of it; else ""
};
// NOT_FOUND when it is not there.
MUST_CHECK bool far_find(struct client *c, const char *path, struct arena *a, struct far_node *node,
                         struct error *err);
MUST_CHECK bool far_list(struct client *c, const char *path, struct arena *a,
                         struct far_node **list, size_t *count, struct error *err);
// `size` bytes from `offset` of the file as it was found: of just this version, also when it was
// written over meanwhile. They must be there.
MUST_CHECK bool far_read(struct client *c, const struct far_node *file, int64_t offset, void *to,
                         size_t size, struct error *err);
// How far one that grows is: size and time of *file; once it is closed, the version that it has
// become, of which all is there. NOT_FOUND: it was dropped.
MUST_CHECK bool far_grown(struct client *c, struct far_node *file, struct error *err);
MUST_CHECK bool far_folder_make(struct client *c, const char *path, struct error *err);
MUST_CHECK bool far_delete(struct client *c, const char *path, struct error *err);
MUST_CHECK bool far_move(struct client *c, const char *from, const char *to, bool overwrite,
                         struct error *err);

// Files on their way in (house/tree: tree_write_*).
struct far_write {
    char id[27];
    int64_t offset;
};
MUST_CHECK bool far_write_begin(struct client *c, const char *path, int64_t size, bool fresh,
                                struct far_write *w, struct error *err);
MUST_CHECK bool far_write_at(struct client *c, const char *path, struct far_write *w,
                             struct error *err);
// Durable when it returns; moves w->offset on.
MUST_CHECK bool far_write_bytes(struct client *c, struct far_write *w, const void *at, size_t size,
                                struct error *err);
MUST_CHECK bool far_write_finish(struct client *c, const struct far_write *w, int64_t modified_ms,
                                 struct error *err);
MUST_CHECK bool far_write_drop(struct client *c, const struct far_write *w, struct error *err);
// Its time, as people see it.
MUST_CHECK bool far_touch(struct client *c, const char *path, int64_t modified_ms,
                          struct error *err);
