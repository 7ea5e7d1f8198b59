/*
 * house/flow/growing: recordings that come in while they are still being written.
 *
 * Their sender says how far they are; chunks come as of any file. Of formats that can be read from
 * the beginning on (MXF, transport streams, fragmented MP4) an engine makes the proxies of the
 * bytes so far, waits for more and goes on: they are played while they grow, as those of any
 * version that is being made. They are thrown away when the file is stored: its recorder may have
 * written its header anew, so the version is looked at like any other.
 */
#pragma once
#include "db/db.h"
#include "store/store.h"

#include <jansson.h>

struct growing_word {
    int64_t written, rate;
    const char *state; // "growing", "silent", "closing"
    bool unclosed;
};
// What the sender says; *finish: a person has said that it is over.
MUST_CHECK bool growing_said(struct db_tx *tx, const char *file, const struct growing_word *w,
                             int64_t now_ms, bool *finish, struct error *err);
// A person's word that it is over. NOT_FOUND when it does not grow.
MUST_CHECK bool growing_finish(struct db_tx *tx, const char *file, const char *by,
                               struct error *err);
// Growing[] without what growers know; of one file, or of a project (file NULL).
MUST_CHECK bool growing_list(struct db_tx *tx, const char *project, const char *file,
                             int64_t now_ms, json_t **list, struct error *err);

struct growers;
struct growers_wish {
    struct db *db;
    struct store *store;
    const char *scratch; // their proxies lie in <scratch>/growing.<file>/
    bool sandbox;
};
struct growers *growers_open(const struct growers_wish *wish);
void growers_close(struct growers *g); // ends its engines; NULL is fine
// Looks what grows, starts and ends engines: about once a second.
MUST_CHECK bool growers_turn(struct growers *g, struct error *err);
// Adds to a row of growing_list what is known of its pictures: watch, why, frames, facts, derived
// with "name", "kind", "size" and "path" (below scratch) in place of an address. Any thread.
void growers_tell(struct growers *g, json_t *row);
