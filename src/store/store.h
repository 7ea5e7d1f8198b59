/*
 * store: media bytes, named by what they are.
 *
 * A file's name here is its *content*: the SHA-256 over the SHA-256 hashes of its chunks, one after
 * another. A chunk is an 8 MiB range of the file (the last is shorter); an empty file has no chunk,
 * and the SHA-256 of nothing for its content. Chunks that two files share are kept once.
 *
 * Bytes lie in extents on a volume: a large file is one extent (contiguous;
 * <folder>/extents/ab/ID), files under STORE_SMALL share packs. The one idea behind it all: bytes
 * are made durable first and mean nothing yet; then their rows are written by store_record inside
 * the caller's transaction, together with whatever the caller says about them. So nothing is ever
 * half there: rows without bytes can not happen, and bytes without rows are swept at the next
 * start, save those of uploads that are still open.
 *
 *   struct store_bytes *b;
 *   if (!store_upload_finish(s, upload, &b, err)) ...
 *   bool ok = db_write(db, work_that_calls_store_record_and_adds_its_rows, ..., err);
 *   store_settle(s, b, ok);
 *
 * Safe for many threads. Calls that take a `struct db_tx` run in the caller's transaction; the
 * others may wait for disk and database and must not be called inside one.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/hash.h"

struct store;
struct disk;

#define STORE_CHUNK ((int64_t)8 << 20)
#define STORE_SMALL ((int64_t)1 << 20) // files under it go into packs

struct store_wish {
    const char *folder; // made when missing; the volume "main"
    struct db *db;
    int64_t reserve_bytes; // kept free on the disk; 0: 1 GiB; -1: none
    bool look_only;        // to prove it, beside a running house too: nothing is made or swept
    struct disk *disk;     // for tests; NULL: the system's
};
// Recovers uploads that are open and sweeps what belongs to nobody. What belongs to whom is for the
// database to say, so the two know each other by a name (<folder>/house, and a value in the
// database): CONFLICT when they are not of one house, or when the database knows media and none of
// it is in the folder (its disk is not mounted). Then nothing is touched.
struct store *store_open(const struct store_wish *wish, struct error *err);
void store_close(struct store *s); // NULL is fine

// ---- Bringing bytes in: an upload

// `upload` is the caller's id (plat/ids) of the thing being brought in. Again with the same id and
// size is fine and keeps what is there; another size is a CONFLICT. size -1: not known yet.
// NO_SPACE when the size does not fit beside the reserve.
MUST_CHECK bool store_upload_begin(struct store *s, const char *upload, int64_t size,
                                   struct error *err);
// The whole chunk `number` (from 0), in any order, from several threads. DAMAGED when the bytes are
// not what `claimed` says. Durable and proven when it returns true. Again is fine.
MUST_CHECK bool store_put_chunk(struct store *s, const char *upload, int64_t number, const void *at,
                                size_t size, const sha256 *claimed, struct error *err);
// The same without bytes, for those of the chunks that the store has already: used[i] says which.
// Whether the caller may know that is the caller's business.
struct store_use {
    int64_t number;
    sha256 hash;
};
MUST_CHECK bool store_use_chunks(struct store *s, const char *upload, const struct store_use *list,
                                 size_t count, bool *used, struct error *err);
// The next bytes of a stream (tus). CONFLICT when `offset` is not where the upload stands, or when
// another writer is at it. Not durable until store_append_sync; a crash takes the offset back to
// the last of those.
MUST_CHECK bool store_append(struct store *s, const char *upload, int64_t offset, const void *at,
                             size_t size, struct error *err);
MUST_CHECK bool store_append_sync(struct store *s, const char *upload, int64_t *offset,
                                  struct error *err);
// Forgets what was appended after the last sync (a checksum that was wrong).
MUST_CHECK bool store_append_undo(struct store *s, const char *upload, struct error *err);
// Says how long a file is that was begun with -1.
MUST_CHECK bool store_upload_size(struct store *s, const char *upload, int64_t size,
                                  struct error *err);

struct store_upload {
    int64_t size;          // -1: not known yet
    int64_t offset;        // durable bytes from the start without a hole
    int64_t received;      // durable bytes in all
    int64_t chunk_count;   // chunks that are there
    const uint8_t *chunks; // a bit a chunk (1 << (n & 7) of byte n / 8), `chunk_bits` of them
    int64_t chunk_bits;
    bool complete;
};
// NOT_FOUND when there is no such upload. Arrays live in `a`; with NULL `chunks` is NULL.
MUST_CHECK bool store_upload_state(struct store *s, const char *upload, struct arena *a,
                                   struct store_upload *state, struct error *err);
// Its bytes from the start on, while it comes in, for reading: *fd is the caller's. *bytes: how many
// are there without a hole. NOT_FOUND when none are.
MUST_CHECK bool store_upload_open(struct store *s, const char *upload, int *fd, int64_t *bytes,
                                  struct error *err);
// The chunks from `from` on, at most `most`, as long as there is no hole; in `a`. *bytes: of all
// without a hole, also of what is before `from`; one that is being written anew counts for it, and
// is left out of the list. NOT_FOUND when there is no such upload.
struct store_came {
    int64_t number, size;
    sha256 hash;
};
MUST_CHECK bool store_upload_came(struct store *s, const char *upload, int64_t from, size_t most,
                                  struct arena *a, struct store_came **list, size_t *count,
                                  int64_t *bytes, struct error *err);
// The hash of a chunk that is there; *there false when it is not.
MUST_CHECK bool store_upload_chunk(struct store *s, const char *upload, int64_t number,
                                   sha256 *hash, bool *there, struct error *err);
// Throws it away. Fine when there is none.
MUST_CHECK bool store_upload_abandon(struct store *s, const char *upload, struct error *err);

// ---- Finished bytes: durable, not yet recorded

struct store_bytes;
const sha256 *store_bytes_content(const struct store_bytes *b, size_t index);
int64_t store_bytes_size(const struct store_bytes *b, size_t index);

// CONFLICT when chunks are missing (why names the first and how many). The upload stays until it is
// settled.
MUST_CHECK bool store_upload_finish(struct store *s, const char *upload, struct store_bytes **made,
                                    struct error *err);
// Takes over a finished file that our own workers wrote: renamed into the store when it is on the
// same file system, copied otherwise (then `path` stays until settled). Nobody may write to it any
// more.
MUST_CHECK bool store_adopt(struct store *s, const char *path, struct store_bytes **made,
                            struct error *err);
// Whole small files, one sync for all; each under STORE_SMALL unless there is a good reason.
MUST_CHECK bool store_put_small(struct store *s, const text *list, size_t count,
                                struct store_bytes **made, struct error *err);

// The rows of all files of `b`, in the caller's transaction. CONFLICT when a chunk that was used
// from the store has been dropped meanwhile (the upload then lacks it). May be run again.
MUST_CHECK bool store_record(struct db_tx *tx, struct store_bytes *b, struct error *err);
// After the transaction: closes `b`. Not committed: an upload stays as it was, other bytes go.
void store_settle(struct store *s, struct store_bytes *b, bool committed); // NULL is fine

// ---- What is there

MUST_CHECK bool store_has(struct db_tx *tx, const sha256 *content, int64_t *size, bool *has,
                          struct error *err);
struct store_chunk {
    sha256 hash;
    int64_t length;
};
// All chunks of a file in order, in `a`. NOT_FOUND when the content is not here; CONFLICT when it
// lies in a place (store/place.h) and has not been hashed.
MUST_CHECK bool store_chunks(struct db_tx *tx, const sha256 *content, struct arena *a,
                             struct store_chunk **list, size_t *count, struct error *err);

// Where the bytes are. Runs in order are the whole file; neighbours on disk are one run.
struct store_run {
    int fd;           // open for reading as long as the map is
    const char *path; // absolute
    int64_t offset, length;
};
struct store_map {
    int64_t size;
    const struct store_run *runs;
    size_t count;
};
MUST_CHECK bool store_map_open(struct store *s, const sha256 *content, const struct store_map **map,
                               struct error *err);
void store_map_close(struct store *s, const struct store_map *map); // NULL is fine
MUST_CHECK bool store_map_read(const struct store_map *map, int64_t offset, void *to, size_t size,
                               struct error *err);

// Removes the rows of a content that no room refers to any more (rooms count their references).
// Its space is given back by store_tidy after the commit.
MUST_CHECK bool store_forget(struct db_tx *tx, const sha256 *content, struct error *err);
// Unlinks extents without rows, rewrites packs that are mostly dead. Call it after commits with
// store_forget, and about once an hour.
MUST_CHECK bool store_tidy(struct store *s, int64_t *freed_bytes, struct error *err);

struct store_numbers {
    int64_t files, chunks, bytes; // recorded; bytes are counted once
    int64_t free_bytes, total_bytes, reserve_bytes;
    int64_t uploads; // open
    int64_t place_files, place_bytes; // that lie in places: not counted above
};
MUST_CHECK bool store_numbers(struct store *s, struct store_numbers *n, struct error *err);

// ---- Proving it

struct store_damage {
    const char *content; // hex of one file that holds the chunk
    int64_t chunk;       // its number in that file
    const char *path;    // of the extent
    int64_t offset, length;
    const char *what; // "the bytes are not what was stored", "the disk can not read them", ...
};
struct store_check {
    bool quick; // XXH3 instead of SHA-256
    // All may be NULL; false from progress ends it (CANCELLED).
    bool (*progress)(void *context, int64_t done_bytes, int64_t total_bytes);
    void (*damaged)(void *context, const struct store_damage *d);
    void *context;
};
// Reads everything. True also when damage was found: it was told and counted.
MUST_CHECK bool store_check(struct store *s, const struct store_check *wish, int64_t *damaged,
                            struct error *err);

// ---- Copies

// While it is held nothing of the store in `folder` is given back, by whatever process: what the
// database names at one moment stays there. The descriptor, or -1 with *err set; closing it lets
// go.
MUST_CHECK int store_hold(const char *folder, struct error *err);

struct store_copy {
    struct db *db;         // what it names is copied
    const char *from, *to; // store folders; `to` is made
    bool verify;           // what is in `to` already is read too, not only trusted by its size
    // One line for each file of bytes: size, blank, name below the store. May be NULL.
    struct buf *list;
    // All may be NULL; false from progress ends it (CANCELLED).
    bool (*progress)(void *context, int64_t done_bytes, int64_t total_bytes);
    void (*damaged)(void *context, const struct store_damage *d);
    void *context;
    // Answers.
    int64_t files, bytes, copied_bytes, damage;
    int64_t place_files, place_bytes; // lie in places, and are not copied
};
// Copies every extent and pack that `db` names, each proven (XXH3 of every chunk) as it is read and
// durable when it has its name; what `to` has already is not copied again. What is damaged or
// missing is told, counted, and left out of `to`; the rest goes on. With from NULL nothing is
// copied: only the list is made.
MUST_CHECK bool store_copy(struct store_copy *wish, struct error *err);
