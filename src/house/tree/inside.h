// Shared inside house/tree/ only.
#pragma once
#include "house/tree/tree.h"

struct tree {
    struct db *db;
    struct store *store;
};

// All of these in the caller's transaction; texts live in `a`.
bool find_in(struct db_tx *tx, const struct who *who, const char *path, struct arena *a,
             struct tree_node *node, struct error *err);
// The thing of a name in a project or folder; *found false: there is none.
bool child_in(struct db_tx *tx, const struct tree_node *of, const char *name, struct arena *a,
              struct tree_node *node, bool *found, struct error *err);
bool list_in(struct db_tx *tx, const struct who *who, const struct tree_node *of, struct arena *a,
             struct tree_node **list, size_t *count, struct error *err);
// The folder that `path` is to lie in: CONFLICT when it is none.
bool parent_in(struct db_tx *tx, const struct who *who, const char *path, struct arena *a,
               struct tree_node *parent, struct error *err);
bool denied(struct error *err, const char *verb, const char *path);
// DENIED: one file of an asset that has several.
bool tree_is_part(struct error *err, const char *path);
// CONFLICT: it is not what the asker has seen.
bool tree_changed(struct error *err, const char *path);
// Takes away a file, or a folder with all that is in it.
bool take_in(struct db_tx *tx, const struct tree_asker *by, const struct tree_node *node,
             struct arena *a, struct error *err);

struct placed { // bytes that are in the store and get a name
    sha256 content;
    int64_t size, modified_ms;
    const char *person;
};
// A new asset, a further version of the one of that name, a waiting picture, or a kept file.
bool place_in(struct db_tx *tx, const struct tree_node *parent, const char *name,
              const struct placed *p, struct arena *a, struct error *err);
// ---- frames.c
// The sequence of the folder that a picture of this name belongs to; *asset "" when there is none.
bool frame_joins(struct db_tx *tx, const struct tree_node *parent, const char *name, char asset[27],
                 struct error *err);
// A frame is these bytes from now on, a new one or in place of the one of that name; NULL: it goes,
// and the asset with the last of them.
bool frame_change(struct db_tx *tx, const char *asset, const char *name, const char *person,
                  const struct placed *p, struct error *err);
// Sequences that rest get the version that was noted.
bool frames_sweep(struct tree *t, struct error *err);

// Takes away a row of a waiting or kept file; its bytes too when nobody else has them.
bool row_drop(struct db_tx *tx, const struct tree_node *file, struct error *err);

// Those of a project or folder that still come in, without their sizes; and the size of one.
bool growing_in(struct db_tx *tx, const struct tree_node *of, struct arena *a,
                struct tree_node **list, size_t *count, struct error *err);
void growing_size(struct tree *t, struct arena *a, struct tree_node *n);
