/*
 * house/transfer/lists: lists of hashes that came with media, held against what is stored.
 *
 * MHL 1 beside the files, generations of ASC MHL, and lists as md5sum, sha1sum and xxhsum write
 * them. The files that they name are read out of the store once, and what each list says is
 * compared: the answer stands at the transfer, and at the version of each file. Bytes that came
 * wrong stay, since nobody can mend them here; that they are wrong is to be seen.
 */
#pragma once
#include "db/db.h"
#include "store/store.h"

#include <jansson.h>

// Whether a file's name is one of a list.
bool list_named(const char *path);
// A transfer that is closed has such lists: they are looked at soon.
MUST_CHECK bool lists_want(struct db_tx *tx, const char *transfer, int64_t now_ms,
                           struct error *err);
// ListWanted[] ({"path", "list", "kind", "digest"}): what lists say that do not come along, of files
// of a transfer. The same again is fine. INPUT: a kind that nobody knows.
MUST_CHECK bool lists_beside(struct db_tx *tx, const char *transfer, const json_t *wanted,
                             struct error *err);
// Whether there is anything such.
MUST_CHECK bool lists_lie_beside(struct db_tx *tx, const char *transfer, bool *any,
                                 struct error *err);
// ListCheck: {"state", "lists", "right", "wrong", "missing", "unread"}; NULL: no list came along.
MUST_CHECK bool lists_found(struct db_tx *tx, const char *transfer, json_t **found,
                            struct error *err);

struct lists_wish {
    struct db *db;
    struct store *store;
    bool (*on)(void *context); // false ends it in the middle: it begins anew; NULL: always on
    void *context;
};
// Looks at the lists of one transfer; *any false: none waits.
MUST_CHECK bool lists_turn(const struct lists_wish *w, bool *any, struct error *err);
