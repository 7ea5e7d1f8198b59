/*
 * house/deliver/bind: a deliverable of more than one file, made of what its job's muxers made.
 *
 * A ladder gets its playlists and the captions of the film as WebVTT; a film gets its captions
 * beside it in the form and by the name that its profile asks for; the files of stems lie together.
 * A courier does it: nothing of it needs an engine. The new files are taken into the store first
 * and mean nothing; then all files become the delivery's in one transaction. A house that dies in
 * between does it again.
 */
#pragma once
#include "db/db.h"
#include "store/store.h"

#include <jansson.h>

struct bind_wish {
    struct db *db;
    struct store *store;
    const char *job, *scratch; // scratch: an empty folder of its own
    const json_t *ticket;      // of the job: which captions were asked for
};
struct bind_made; // what was made, until it is committed
MUST_CHECK bool bind_run(const struct bind_wish *wish, struct bind_made **made, struct error *err);
// In the transaction that ends the attempt: the delivery is done.
MUST_CHECK bool bind_done(struct db_tx *tx, const char *job, const struct bind_made *made,
                          struct error *err);
// `taken`: it was committed. NULL is fine.
void bind_close(struct bind_made *made, bool taken);
