/*
 * house/transfer: media on its way in.
 *
 * A transfer is one drop of files and folders on the page, or one `put`. Its files arrive in chunks
 * (put), as a stream (tus) or many at once when they are small. A file is stored when its bytes are
 * durable and their rows are committed: together with the asset it becomes, in one transaction.
 *
 * Files become assets as soon as they are stored, save pictures with a number in their name: those
 * wait until the transfer is closed (or rests for ten minutes), because two or more of one name in
 * one folder are an image sequence, which is one asset. Folders of the drop are made under the
 * transfer's folder, so a camera card keeps its structure.
 *
 * Safe for many threads. Calls with a `struct db_tx` run in the caller's transaction.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "house/people/people.h"
#include "store/store.h"

#include <jansson.h>

struct transfers;

#define TRANSFER_REST_MS ((int64_t)10 * 60 * 1000)       // then sequences are closed
#define TRANSFER_KEEP_MS ((int64_t)7 * 24 * 3600 * 1000) // then what did not arrive is dropped
#define TRANSFER_CLAIM_MOST 4096                         // chunks in one claim
#define TRANSFER_SMALL_MOST ((size_t)8 << 20)            // bytes of one batch of small files
#define TRANSFER_FILES_MOST 1000000                      // files of one transfer

struct transfers_wish {
    struct db *db;
    struct store *store;
};
MUST_CHECK struct transfers *transfers_open(const struct transfers_wish *wish, struct error *err);
void transfers_close(struct transfers *t); // NULL is fine
struct store *transfers_store(struct transfers *t);

// Closes what rests, drops what never arrived, gives space back. Call it about once a minute.
MUST_CHECK bool transfers_sweep(struct transfers *t, struct error *err);

// Removes some files of a transfer for jobs, or for a sync folder, that has rested since
// `before_ms`, at last it itself; jobs have their own list of them, a folder has placed its. *contents, in the arena: what they named. *any false: there
// was none.
MUST_CHECK bool transfers_drop(struct db_tx *tx, int64_t before_ms, struct arena *a,
                               sha256 **contents, size_t *count, bool *any, struct error *err);
// Whether there is one.
MUST_CHECK bool transfers_due(struct db_tx *tx, int64_t before_ms, bool *due, struct error *err);

// ---- Paths: relative, '/' between, valid UTF-8, no empty part, no "." or "..", no control
// character, 255 bytes a part, 4,096 in all. INPUT naming the rule.
MUST_CHECK bool transfer_path_check(text path, struct error *err);
// Files that file managers leave behind (.DS_Store, Thumbs.db, ._name): not kept.
bool transfer_path_hidden(text path);

// ---- Transfers

struct transfer_wish {
    const char *project, *name;
    const char *folder; // NULL: the project's top
    const char *asset;  // NULL: new assets; else each file or sequence is a further version of it
    // "page", "put"; no assets are made of "job" (inputs of one) and "sync" (house/tree places them)
    const char *origin;
    const char *key;    // NULL: always a new one
    const char *person;
    // Of what comes by a request (house/review/links.h): which, by whose visit, and the answers as
    // JSON; NULL: by none.
    const char *share, *session, *answers;
};
struct transfer {
    const char *id, *project, *name, *folder, *origin, *state, *by;
    const char *share; // of a request; NULL: none
    const char *card;  // JSON of a Card, or of several; NULL: not closed, or not looked at yet
    int64_t created_ms, files, files_done, bytes, bytes_done, skipped;
};
MUST_CHECK bool transfer_begin(struct transfers *t, const struct transfer_wish *wish, char made[27],
                               struct error *err);
MUST_CHECK bool transfer_get(struct transfers *t, const char *transfer, struct arena *a,
                             struct transfer *out, struct error *err);
// The transfer that a file is of, without its counts: for each piece that comes.
struct transfer_brief {
    const char *id, *name, *project, *person, *share, *by; // share NULL: none
};
MUST_CHECK bool transfer_brief(struct transfers *t, const char *file, const char *transfer,
                               struct arena *a, struct transfer_brief *out, struct error *err);
// Newest first, at most `limit`; without those of origin "job" and "sync".
MUST_CHECK bool transfer_list(struct transfers *t, const char *project, int limit, struct arena *a,
                              struct transfer **list, size_t *count, struct error *err);
// Makes assets of all that waits. Files that are still arriving become assets when they are stored.
// Again is fine.
// CardCame[] of a project, newest first; those of at most 200 transfers. A new reference.
MUST_CHECK bool transfer_cards(struct db_tx *tx, const char *project, json_t **list,
                               struct error *err);
MUST_CHECK bool transfer_close(struct transfers *t, const char *transfer, struct error *err);

// ---- Files

struct transfer_file_wish {
    const char *path;
    int64_t size;        // -1: not known yet (tus, or it still grows)
    int64_t modified_ms; // 0: not said
    const char *key;     // of the one who sends; NULL: nobody in particular
    bool growing;        // goes on with whatever is there, also when its size was said already
};
struct transfer_file {
    const char *id, *transfer, *path, *state;
    int64_t size, received, modified_ms;
    const char *problem; // JSON of a problem, or NULL
    const char *content; // hex; NULL until stored
    const char *asset;   // NULL: in none yet
};
// The same path again gives the same file. One that is arriving and was begun with another size or
// time has changed since: it begins anew. CONFLICT while somebody with another key is sending it,
// when another file of that path was stored already, and when the transfer is closed.
MUST_CHECK bool transfer_file_begin(struct transfers *t, const char *transfer,
                                    const struct transfer_file_wish *wish, struct arena *a,
                                    struct transfer_file *out, struct error *err);
MUST_CHECK bool transfer_file_get(struct transfers *t, const char *file, struct arena *a,
                                  struct transfer_file *out, struct error *err);
// In the order of paths after `after` (NULL: from the first), at most `limit`.
MUST_CHECK bool transfer_file_list(struct transfers *t, const char *transfer, const char *after,
                                   int limit, struct arena *a, struct transfer_file **list,
                                   size_t *count, struct error *err);

struct transfer_chunk {
    int64_t number;
    sha256 hash;
};
// Which of these chunks must be sent: `missing` has room for `count`. The rest are there, or are
// shared with a file that `who` may download: nobody learns by a hash what others have.
MUST_CHECK bool transfer_claim(struct transfers *t, const char *file, const struct who *who,
                               const struct transfer_chunk *list, size_t count, int64_t *missing,
                               size_t *missing_count, struct error *err);
// A file that grew has come to its end: its size and time. Before transfer_commit; again is fine.
MUST_CHECK bool transfer_grown(struct transfers *t, const char *file, int64_t size,
                               int64_t modified_ms, struct error *err);
MUST_CHECK bool transfer_put_chunk(struct transfers *t, const char *file, int64_t number,
                                   const void *at, size_t size, const sha256 *hash,
                                   struct error *err);
// All of it is there: makes it a stored file, and an asset when it can be one already. `content`
// (NULL: not said) must be what arrived, else DAMAGED. Again is fine.
MUST_CHECK bool transfer_commit(struct transfers *t, const char *file, const sha256 *content,
                                struct arena *a, struct transfer_file *out, struct error *err);
// A stream: append, then sync, which says where it stands and commits the file when it is complete.
MUST_CHECK bool transfer_append(struct transfers *t, const char *file, int64_t offset,
                                const void *at, size_t size, struct error *err);
MUST_CHECK bool transfer_append_sync(struct transfers *t, const char *file, int64_t *offset,
                                     bool *stored, struct error *err);
MUST_CHECK bool transfer_size(struct transfers *t, const char *file, int64_t size,
                              struct error *err);
// CONFLICT when it is stored.
MUST_CHECK bool transfer_abandon(struct transfers *t, const char *file, struct error *err);

// ---- Small files: many in one call, one sync and one transaction for all

struct small_file {
    const char *path;
    text bytes;
    sha256 hash; // SHA-256 of the bytes
    int64_t modified_ms;
};
// Takes application/x-posthouse-small apart: u32le size of a header, the header
// {"files":[{"path","size","hash","modified"}]}, then the bytes one after another. `list` lives in
// `a`, bytes point into `body`. Does not look at hashes or paths.
MUST_CHECK bool small_parse(text body, struct arena *a, struct small_file **list, size_t *count,
                            struct error *err);
// Stores them. Files that are stored already with the same bytes are fine. Hidden ones are skipped
// and counted: they are not in the answer.
MUST_CHECK bool transfer_small(struct transfers *t, const char *transfer,
                               const struct small_file *list, size_t count, struct arena *a,
                               struct transfer_file **made, size_t *made_count, struct error *err);

// ---- Sequences

struct asset_file;
// Facts, as JSON, of frames by their names: what is known before the probe. Sorts them by their
// numbers. The text is the caller's. INPUT when a name is no frame's.
MUST_CHECK bool sequence_known(struct db_tx *tx, const char *project, struct asset_file *files,
                               size_t count, char **facts, struct error *err);

// ---- Pictures that come one by one, through a door

// Whether a file of this name waits for others: a picture with a number in its name.
bool transfer_alone_waits(const char *name);
struct transfer_alone {
    const char *project, *folder; // "" for the project's top
    const char *person, *name;
    const sha256 *content; // in the store, or recorded in this transaction
    int64_t size, modified_ms;
};
// It waits in an open transfer of its folder (origin "door") and becomes part of an asset when that
// has rested. No other one of this name waits there.
MUST_CHECK bool transfer_alone(struct db_tx *tx, const struct transfer_alone *p, struct error *err);
