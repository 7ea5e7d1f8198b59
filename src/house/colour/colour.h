/*
 * house/colour: viewing transforms: how a picture is shown, not what it is.
 *
 * A transform is a named thing of a project: the files that it is made of, what is done with them
 * in order, and the one table made of that. It never changes; another one gets another id. One is
 * set for a project, a folder or an asset, and the nearest counts; "none" is a choice as well, and
 * where nothing is set a picture is shown as it was brought. Nothing is ever guessed.
 *
 * The table's content is part of the recipe of proxies (house/flow), so that proxies made through
 * one transform are never taken for those through another.
 */
#pragma once
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "store/store.h"

#include <jansson.h>

enum { TRANSFORM_FILES = 2000, TRANSFORMS_MOST = 500 };

struct transform_file {
    const char *name; // "luts/a.spi1d": relative, below the folder it came from
    sha256 content;
    int64_t size;
};
struct transform_wish {
    const char *project, *name, *by;
    const json_t *steps; // as in the ticket (engine/bake.c), but files are named, not numbered
    const struct transform_file *files;
    size_t file_count;
    const json_t *how;
    sha256 content;
    int64_t size;
    int64_t now_ms;
};
// CONFLICT when the name is taken in the project. The bytes are recorded already.
MUST_CHECK bool transform_make(struct db_tx *tx, const struct transform_wish *wish, id *made,
                               struct error *err);
// CONFLICT while it is set somewhere.
MUST_CHECK bool transform_delete(struct db_tx *tx, const char *transform, struct error *err);
MUST_CHECK bool transform_get(struct db_tx *tx, const char *transform, json_t **to,
                              struct error *err); // Transform
MUST_CHECK bool transform_list(struct db_tx *tx, const char *project, json_t **list,
                               struct error *err);

// `place` is an id of the project, of a folder or of an asset; transform "" is none. Event
// colour.changed, subject the place, body {"kind"}. NOT_FOUND, and INPUT when the transform is of
// another project.
MUST_CHECK bool transform_set(struct db_tx *tx, const char *kind, const char *place,
                              const char *transform, const char *by, int64_t now_ms,
                              struct error *err);
// What is farther away counts again.
MUST_CHECK bool transform_unset(struct db_tx *tx, const char *kind, const char *place,
                                struct error *err);
MUST_CHECK bool transform_places(struct db_tx *tx, const char *project, json_t **list,
                                 struct error *err); // TransformPlace[]

struct transform_wanted { // for an asset; texts in the arena
    const char *id;       // "": none was chosen; NULL: nobody has chosen
    const char *name;
    const char *kind, *place; // where it is set; NULL: nowhere
    const char *by;
    int64_t set_ms;
    sha256 content; // of its table, with an id
    int64_t size;
};
MUST_CHECK bool transform_for(struct db_tx *tx, const char *asset, struct arena *a,
                              struct transform_wanted *w, struct error *err);
// One by its id, to look through it whether it is set or not. NOT_FOUND; "" is none.
MUST_CHECK bool transform_one(struct db_tx *tx, const char *transform, struct arena *a,
                              struct transform_wanted *w, struct error *err);
