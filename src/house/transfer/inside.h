// Shared inside house/transfer/ only.
#pragma once
#include "house/transfer/transfer.h"

// A stored file that is to become (part of) an asset.
struct grown {
    const char *file, *path; // id and path of the transfer's file
    sha256 content;
    int64_t size, modified_ms;
};
struct grow_place { // where a transfer puts things
    const char *transfer, *project, *folder, *person;
    const char *asset; // NULL, or whose further versions they are
    bool no_assets;    // its files are for a job or a sync folder
    // the folder found last, as files of one folder come together
    char last_path[4100], last_folder[27];
};
// Whether a file must wait for others: a picture with a number in its name.
bool file_waits(const char *path);
// One file, one asset.
MUST_CHECK bool grow_one(struct db_tx *tx, struct grow_place *p, const struct grown *f,
                         struct error *err);
// All that waits in a transfer: sequences where two or more fit, else stills.
MUST_CHECK bool grow_waiting(struct db_tx *tx, struct grow_place *p, struct error *err);
// Whether `who` may download a version that holds the chunk.
MUST_CHECK bool chunk_known(struct db_tx *tx, const struct who *who, const sha256 *hash,
                            bool *known, struct error *err);
// Whether so many bytes more may come: quotas, and the types and the size that a request names.
// file: one that is begun anew, or NULL; path NULL: only its size is new. NO_SPACE, TOO_BIG,
// UNSUPPORTED.
MUST_CHECK bool line_lets_in(struct db_tx *tx, const char *transfer, const char *file,
                             const char *path, int64_t bytes, struct error *err);
