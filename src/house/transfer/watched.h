/*
 * house/transfer/watched: folders outside that the house itself watches (`posthouse watch`, one
 * process each, started by the server): which, with what rules, and what their watchers say.
 */
#pragma once
#include "db/db.h"
#include "plat/ids.h"

#include <jansson.h>

#define WATCHED_MOST 32

struct watched_wish {
    const char *path, *project, *folder, *by;
    const json_t *rules; // of shape WatchRules
};
MUST_CHECK bool watched_add(struct db_tx *tx, const struct watched_wish *w, int64_t now_ms,
                            id *made, struct error *err);
MUST_CHECK bool watched_enable(struct db_tx *tx, const char *watched, bool on, struct error *err);
MUST_CHECK bool watched_drop(struct db_tx *tx, const char *watched, struct error *err);
// WatchedFolder[] as the API says them.
MUST_CHECK bool watched_list(struct db_tx *tx, int64_t now_ms, json_t **list, struct error *err);
// What a watcher says; *take: names of cards that persons order in as they are.
MUST_CHECK bool watched_said(struct db_tx *tx, const char *watched, const json_t *state,
                             int64_t now_ms, json_t **take, struct error *err);
MUST_CHECK bool watched_order(struct db_tx *tx, const char *watched, const char *name,
                              struct error *err);
