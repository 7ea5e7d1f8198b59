// What the files of this room share.
#pragma once
#include "house/parcels/parcels.h"

const char *parcel_word(const json_t *object, const char *name); // "" when it is not there
int64_t parcel_count(const json_t *object, const char *name);    // 0

// ---- origins.c
// Where a local thing was made: this house itself unless it came from another. `kind` is asset,
// version, note or folder.
bool origin_of(struct db_tx *tx, const char *self, const char *kind, const char *local,
               char house[27], char thing[27], struct error *err);
// The local thing of a project that is that one; *local "" when there is none.
bool origin_find(struct db_tx *tx, const char *self, const char *project, const char *kind,
                 const char *house, const char *thing, char local[27], struct error *err);
bool origin_keep(struct db_tx *tx, const char *self, const char *project, const char *kind,
                 const char *house, const char *thing, const char *local, struct error *err);

// ---- later.c: names, places, deleted notes: the later change counts
// The folder here of the document's asset, "" for the top; `make`: made when it is missing, else
// *found may be false.
bool later_folder(struct db_tx *tx, const struct parcel_wish *w, bool make, char to[27],
                  bool *found, struct error *err);
// Of one that was here: said in renamed, placed, names_kept.
bool later_take(struct db_tx *tx, const struct parcel_wish *w, const char *asset, json_t *said,
                struct error *err);
bool later_gone(struct db_tx *tx, const struct parcel_wish *w, int64_t *count, struct error *err);

// ---- lot.c: some files at once, by several threads
struct lot_file {
    int64_t size, number; // number: in its version, from 1
    sha256 content;
    const char *path; // in the transfer
    // the lot's
    char id[27]; // of the transfer's file
    sha256 *hashes;
    int64_t *missing;
    size_t missing_count, next, left, chunk_count;
    bool opened, there;
};
struct lot_calls {
    // Fills id, hashes, missing; `there`: nothing is to be done. In `a`, which is the file's own.
    bool (*open)(void *context, struct lot_file *f, struct arena *a, struct error *err);
    bool (*chunk)(void *context, struct lot_file *f, int64_t chunk, void *buffer,
                  struct error *err);
    bool (*close)(void *context, struct lot_file *f, struct error *err);
    bool (*still)(void *context); // false: end
    void *context;
};
// All of them, or false with the first error.
bool lot_run(const struct lot_calls *calls, struct lot_file *files, size_t count, int threads,
             struct error *err);
