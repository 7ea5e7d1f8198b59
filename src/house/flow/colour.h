/*
 * house/flow/colour: viewing transforms made ready, and proxies through them.
 *
 * Proxies are keyed by the transform's table: another transform makes others in the background,
 * while those that are there can be watched. The files that a transform is made of are in the store
 * before; an engine reads them in its sandbox.
 */
#pragma once
#include "house/colour/colour.h"
#include "house/flow/flow.h"

struct flow_transform {
    const char *project, *name, *by;
    const json_t *steps;
    const struct transform_file *files;
    size_t file_count;
    bool sandbox;
};
// Runs an engine: seconds. {"config": what a configuration has to choose from, "corrections": [id],
// "used": [file]}; a new reference. INPUT with file, line and reason.
MUST_CHECK bool flow_transform_check(struct flow *f, const struct flow_transform *wish,
                                     json_t **found, struct error *err);
// The same, and keeps it. CONFLICT when the name is taken.
MUST_CHECK bool flow_transform_make(struct flow *f, const struct flow_transform *wish, id *made,
                                    struct error *err);

// Has the proxies of a version made through the transform that is wanted of it, and shows them when
// they are there; with `asked` makes those, and shows them nowhere by itself.
MUST_CHECK bool flow_look_through(struct db_tx *tx, const char *version,
                                  const struct transform_wanted *asked, struct arena *a,
                                  int64_t now_ms, struct error *err);
// VersionColour, whose "url" of derived files and "table" are the content; a new reference.
MUST_CHECK bool flow_colour(struct db_tx *tx, const char *version, struct arena *a, json_t **to,
                            struct error *err);
