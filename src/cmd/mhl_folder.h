/*
 * cmd/mhl_folder: a folder of media and its ASC MHL history.
 *
 * A folder inside that has an "ascmhl" of its own keeps the history of what is in it; the one above
 * holds its digests and a reference to its newest generation. Every file is read once, whatever the
 * number of digests. A digest that is known is verified before another kind is added; generations
 * that are there are never changed, and a history whose chain does not fit is refused.
 */
#pragma once
#include "cmd/progress.h"
#include "formats/mhl/mhl.h"

struct mhl_generation {
    struct mhl_chain_row row;
    struct mhl_list list;
};
struct mhl_history {
    struct mhl_generation *generations;
    size_t count; // 0: there is none yet
};
// Reads "<folder>/ascmhl". DAMAGED when a generation is missing, or is not the one of the chain.
MUST_CHECK bool mhl_history_open(const char *folder, struct arena *a, struct mhl_history *h,
                                 struct error *err);

struct mhl_paths {
    const char **at; // below the folder
    size_t count, room;
};
struct mhl_wish {
    const char *folder;
    bool kinds[MHL_KINDS]; // digests to make; verifying alone: none needed
    bool record;           // writes a generation, in each history
    bool look_only;        // reads no media: names, sizes and times
    const char *const *ignore;
    size_t ignore_count;
    const char *author, *location, *comment, *version; // version: of this program
    const char *process;                               // "in-place" (NULL), "transfer"
    // Digests of a file that was read just now: MHL_KINDS texts, or NULL. May be NULL. Where one
    // that is needed is not among them, the file is read.
    const char *const *(*read_already)(void *context, const char *path);
    void *context;
    bool quiet; // no progress
};
struct mhl_result {
    int64_t files, bytes, verified, original;
    struct mhl_paths failed, missing, added, changed; // added: not in the history before
    // Of mhl_verify_list, one for each of `failed`: "xxh64 was to be A and is B".
    struct mhl_paths failed_how;
    struct mhl_paths skipped;                         // links and devices
    const char *generation; // what was written for the folder itself; NULL: nothing
};
// Everything in *result lives in the arena. Findings are no errors.
MUST_CHECK bool mhl_folder(const struct mhl_wish *wish, struct arena *a, struct mhl_result *result,
                           struct error *err);
// The files of one list (MHL 1, or a generation that stands alone), beside which they lie.
MUST_CHECK bool mhl_verify_list(const char *file, bool quiet, struct arena *a,
                                struct mhl_result *result, struct error *err);
