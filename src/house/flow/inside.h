// What the files of this room share.
#pragma once
#include "house/assets/assets.h"
#include "house/colour/colour.h"
#include "house/flow/flow.h"

#include <limits.h>

struct flow {
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    char scratch[PATH_MAX], profiles[PATH_MAX], gathered[PATH_MAX]; // the latter two "": none
    // of the thread that gathers
    int64_t tiles_after_ms; // when tiles of jobs that run are looked at again; of the machine
    // of the thread that follows
    int64_t at, kept; // the last event followed; the one that is kept in the database
    int tries;        // of the event after it
};

// ---- gather.c: what rules do when renders are done
bool gather_ask_for(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err);
// A version is ready: if it is a render's sequence that is to be a movie, that is queued.
bool gather_deliver(struct flow *f, struct db_tx *tx, const char *version, int64_t now_ms,
                    struct error *err);
// A delivery is done or has failed: if it is the movie of a render, it comes into the library.
bool gather_delivered(struct db_tx *tx, const char *delivery, const json_t *body, int64_t now_ms,
                      struct error *err);

// An error that names frames of an output: "beauty can not be brought together: frames 7, 9-12
// `what`". False.
bool gather_refuses(const json_t *output, const int64_t *numbers, size_t count, const char *what,
                    const char *why, struct error *err);

// ---- clips.c: files that are one clip. By its name it may be a track of an MXF set.
bool set_named(const char *name);
// Reads its header; a track of a set is put together with the others that are here.
bool set_found(struct db_tx *tx, struct store *store, const char *asset,
               const struct asset_file *file, struct error *err);

// A log or a maker's XML: what it says of clips is kept for them. Anything else is left alone.
bool sidecar_came(struct db_tx *tx, struct store *store, const char *project,
                  const struct asset_file *file, struct error *err);
// A transfer is closed: if it was a card, its clips that are cut into files are put together, and what
// its own index lists and is not there is kept with it.
bool card_came(struct flow *f, struct db_tx *tx, const char *transfer, struct error *err);

// ---- quality.c: judges a measurement that lies at `path`; `result` is its engine's. A new reference.
MUST_CHECK bool quality_judge(struct flow *f, const char *job, const char *version,
                              const char *path, const json_t *result, json_t **report,
                              struct error *err);

// ---- tiles.c
struct tiles_wish {
    struct flow *f;
    const char *job;
    int64_t position; // of the output among the job's
    const json_t *document;
    bool all; // the job is done: what is missing is an error
    bool sandbox;
    int64_t most_ms;           // then there is a rest; 0: no end
    bool (*on)(void *context); // may be NULL
    void *context;
};
struct tiles_made {
    size_t frames;
    bool rest; // there is more to do
};
// Puts frames together whose tiles are all there, save those that are made of these tiles already.
MUST_CHECK bool tiles_together(const struct tiles_wish *wish, struct tiles_made *made,
                               struct error *err);
// The same for one output of a job that runs, when there is news of one. What is wrong with a frame
// is told with the job. *more: call it again.
MUST_CHECK bool tiles_turn(struct flow *f, bool sandbox, bool (*on)(void *context), void *context,
                           bool *more, struct error *err);
// ---- prints.c: the notes of the version before go on to one that is ready. When the prints that
// this takes are not there they are made first; the end of such a job (`version`: its own) goes on.
bool prints_carry(struct flow *f, struct db_tx *tx, const char *version, struct arena *a,
                  int64_t now_ms, struct error *err);
bool prints_ended(struct flow *f, struct db_tx *tx, const char *version, struct arena *a,
                  int64_t now_ms, struct error *err);
// Proxies with names in them that nobody looks at go (burnt.c).
bool burnt_sweep(struct flow *f, struct error *err);
// What a delivery's job made on the way goes (task.c); `job` NULL: of those that ended before.
bool forget_pieces(struct db_tx *tx, const char *job, int64_t before_ms, struct error *err);

// The recipe that a version's derived files are made by. The rate of a sequence that says none is
// the project's, and so part of it. In `a`.
const char *recipe_of(struct arena *a, const json_t *facts);
#define RECIPE "proxy-1" // a new number when the engine makes something else of the same bytes
const char *recipe_at(struct arena *a, const char *sequence_rate);

// ---- colour.c
// A recipe through a transform; that of a job is in its subject, as its table's content, or NULL.
const char *recipe_through(struct arena *a, const char *recipe, const struct transform_wanted *w);
const char *subject_through(struct arena *a, const struct transform_wanted *w);
json_t *ticket_through(const struct transform_wanted *w); // a new reference; NULL: nothing to say
// Another one is set in a place: its versions are looked at.
bool follow_transform(struct db_tx *tx, const char *project, const char *kind, const char *place,
                      const char *after, struct arena *a, int64_t now_ms, struct error *err);
