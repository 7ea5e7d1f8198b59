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
#include "house/transfer/transfer.h"
#include "store/store.h"

#include <jansson.h>

struct growing_word {
    int64_t written, rate;
    const char *state; // "growing", "silent", "closing"
    bool unclosed;
};
// What the sender says; *finish: a person has said that it is over. CONFLICT when the house has
// taken it as it was meanwhile.
MUST_CHECK bool growing_said(struct db_tx *tx, const char *file, const struct growing_word *w,
                             int64_t now_ms, bool *finish, struct error *err);
// A person's word that it is over. NOT_FOUND when it does not grow. Its sender does it; of one that
// is lost growers_turn takes what is there.
MUST_CHECK bool growing_finish(struct db_tx *tx, const char *file, const char *by,
                               struct error *err);
// It is forgotten; its bytes are the caller's to drop (transfer_abandon). NOT_FOUND when it does
// not grow.
MUST_CHECK bool growing_drop(struct db_tx *tx, const char *file, struct error *err);
// Takes what is there of it as it is: a version that its recorder never closed. One of which
// nothing is there goes on waiting.
MUST_CHECK bool growing_take(struct db *db, struct transfers *t, const char *file,
                             struct error *err);
// Growing[] without what growers know; of one file, or of a project (file NULL).
MUST_CHECK bool growing_list(struct db_tx *tx, const char *project, const char *file,
                             int64_t now_ms, int64_t lost_ms, json_t **list, struct error *err);
// GrowingCame without its chunks: also of one that was closed, with the version that it became.
// NOT_FOUND for a file that came in another way.
MUST_CHECK bool growing_came(struct db_tx *tx, const char *file, int64_t now_ms, int64_t lost_ms,
                             json_t **came, struct error *err);

struct growers;
struct growers_wish {
    struct db *db;
    struct store *store;
    struct transfers *transfers; // NULL: what is lost waits for its sender
    const char *scratch;         // their proxies lie in <scratch>/growing.<file>/
    bool sandbox;
    int64_t lost_ms; // so long nothing is heard of a sender: it is lost; 0: 30 s
};
struct growers *growers_open(const struct growers_wish *wish);
void growers_close(struct growers *g); // ends its engines; NULL is fine
// Looks what grows, starts and ends engines, takes what is over and lost: about once a second.
MUST_CHECK bool growers_turn(struct growers *g, struct error *err);
int64_t growers_lost_ms(const struct growers *g); // of NULL: as usual
// Adds to a row of growing_list what is known of its pictures: watch, why, frames, facts, derived
// with "name", "kind", "size" and "path" (below scratch) in place of an address. Any thread.
void growers_tell(struct growers *g, json_t *row);
