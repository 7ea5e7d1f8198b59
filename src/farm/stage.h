/*
 * farm/stage: work whose files are not on disks that this worker shares with the house.
 *
 * What a staged job reads is fetched into the cache (farm/cache) and copied into a folder of the
 * session; rules of path mapping lead there. What an attempt makes is sent to the house, which
 * brings it into its place; docs/formats/workers.md has the calls. All of it over the worker's own
 * line to the house with its own token, as the holder of an attempt.
 */
#pragma once
#include "base/arena.h"
#include "farm/cache.h"
#include "farm/speed.h"
#include "farm/worker.h"
#include "formats/openjd/openjd.h"

struct stage; // of a worker; safe for many threads

struct stage_wish {
    const char *worker; // its id
    const char *cache_folder;
    int64_t cache_bytes;
    bool (*find_house)(void *context, struct worker_house *house, struct error *err);
    void *context;
};
MUST_CHECK struct stage *stage_open(const struct stage_wish *wish, struct error *err);
void stage_close(struct stage *s); // NULL is fine
int64_t stage_most_bytes(const struct stage *s); // that its cache holds

// How fast bytes came from the house (`out` of it) or went to it since it was last asked; false:
// too few have for a sample.
bool stage_speed(struct stage *s, bool out, int64_t *bytes, int64_t *ms);

struct stage_of { // whose files
    const char *attempt;
    int64_t token;
    bool (*asked)(void *context); // whether to go on
    void (*said)(void *context, text line);
    void *context;
};

// A session's files: pinned in the cache and copied below `folder` (made) under their own paths,
// "/show/a.exr" as <folder>/show/a.exr; read-only. Rules lead from the folders where they were to
// those where they are. NO_SPACE when the cache or the disk is too small.
struct staged;
MUST_CHECK struct staged *staged_open(struct stage *s, const struct stage_of *of,
                                      const char *folder, struct error *err);
// The folder is removed. NULL is fine.
void staged_close(struct staged *t);
const struct openjd_path_rules *staged_rules(const struct staged *t, struct arena *a,
                                             const char *const *more, size_t more_count);

// ---- An engine's ticket (farm/errand)

// Pins files that the attempt reads and fetches what is not here. While others' pins leave no room
// it waits for ten minutes: they end, or others have room.
MUST_CHECK bool stage_bring(struct stage *s, const struct stage_of *of,
                            const struct cache_file *list, size_t count, struct error *err);
void stage_let_go(struct stage *s, const struct cache_file *list, size_t count);
// A pinned one, open for reading; one that turns out to be damaged is fetched again.
MUST_CHECK bool stage_read(struct stage *s, const struct stage_of *of,
                           const struct cache_file *file, int *descriptor, struct error *err);
// Sends an output under its name. Returns when the house has it durably and has looked that it is
// what we have here.
MUST_CHECK bool stage_send_named(struct stage *s, const struct stage_of *of, const char *name,
                                 const char *path, sha256 *content, struct error *err);

// ---- A render

// Sends what an attempt made, verified already. Returns when the house has it durably; what a cut
// line has left there is not sent again.
struct stage_made {
    int64_t output; // its number among the job's, from 0
    int64_t frame, task;
    int64_t tile; // -1: the output has none
    const char *path;
};
MUST_CHECK bool stage_send(struct stage *s, const struct stage_of *of,
                           const struct stage_made *made, struct error *err);
// All that was sent goes into its place, save what another attempt has made; waits while one that
// runs some of its tasks is doing so. CANCELLED: the attempt does not count.
MUST_CHECK bool stage_place(struct stage *s, const struct stage_of *of, struct error *err);
