/*
 * house/deliver: masters made into what an outlet asked for.
 *
 * A delivery is a version, a profile as it was when it was asked for, and a job that encodes it.
 * The job's steps are the kinds of the engine's tickets (docs/formats/ticket.md): an index that
 * plans, the segments (weighed first, when they are to come to a bit rate), the sound, and the
 * muxer. How many segments there are follows from the
 * facts and the profile. What they make is kept as pieces until all is there. The result is
 * probed and laid beside both (checks.h) before anybody can have it.
 *
 * What comes of it is one file, or a folder of several (a ladder, stems), and captions beside them.
 * They are a delivery's files in one transaction, so that there are all of them or none. parts.h
 * says which task makes which track; bind.h makes the whole of more than one file.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"

#include <jansson.h>

// Profile by name from <folder>/<name>.json, checked; a new reference. NOT_FOUND lists those there
// are.
MUST_CHECK bool profile_load(const char *folder, const char *name, json_t **profile,
                             struct error *err);
// The same with what a request says of the sound, each NULL when it does not (formats/profile). Who
// consents to a limiter is written into it, with `now_ms`.
struct profile_request {
    const char *name, *map, *loudness, *limiter, *conform, *pitch;
};
MUST_CHECK bool profile_requested(const char *folder, const struct profile_request *r,
                                  int64_t now_ms, json_t **profile, struct error *err);
// All of them by name, as JSON in the API's shape Profile; a new reference.
MUST_CHECK bool profile_list(const char *folder, json_t **list, struct error *err);
// The same with what a master with these Facts lacks: shape Readiness.
MUST_CHECK bool profile_readiness(const char *folder, const json_t *facts, json_t **list,
                                  struct error *err);

// Texts by field of a pattern for names (formats/naming), as far as profile, facts and names say
// them; a new reference.
json_t *naming_values(const json_t *profile, const json_t *facts, const char *asset,
                      const char *project, int64_t version, int64_t now_ms);
// CONFLICT: another deliverable of the project has this name.
MUST_CHECK bool naming_free(struct db_tx *tx, const char *project, const char *version,
                            const char *profile, const char *name, struct error *err);

struct delivery_wish {
    const char *version, *by; // by: a name for people
    const char *person;       // who that is; NULL: a rule
    const json_t *profile;
    const char *rules;       // data/rules/metadata: what the profile requires is looked at; or NULL
    const char *destination; // where it goes when it is made; NULL: it stays
    const char *rule;        // the watch rule that asks; NULL: a person does
    const json_t *naming;    // values for its name that a person gave; NULL: none
    const struct beside_source *beside; // what goes along unchanged (beside.h)
    size_t beside_count;
    const json_t *captions; // captions_frozen of those that go with it; NULL: those there are then
};
// Queues the encoding, in the caller's transaction. CONFLICT while the version has no facts; INPUT
// when it has nothing that the profile wants (pictures, sound).
MUST_CHECK bool delivery_make(struct db_tx *tx, const struct delivery_wish *wish, int64_t now_ms,
                              id *delivery, struct error *err);
// The same when a person or a rule asks: CONFLICT too when quality control that the profile asks
// for has not been passed.
MUST_CHECK bool delivery_order(struct db_tx *tx, const struct delivery_wish *wish, int64_t now_ms,
                               id *delivery, struct error *err);
// What ordering would make: {"name", "package": in words, "values": {field: text}, "problem":
// Problem or none}; a new reference. NOT_FOUND.
MUST_CHECK bool delivery_plan(struct db_tx *tx, const struct delivery_wish *wish, int64_t now_ms,
                              json_t **plan, struct error *err);
// Delivery, as the API shows it. NOT_FOUND when there is none.
MUST_CHECK bool delivery_get(struct db_tx *tx, const char *delivery, json_t **json,
                             struct error *err);
// Delivery[] of a project, newest first.
MUST_CHECK bool delivery_list(struct db_tx *tx, const char *project, int64_t limit, json_t **list,
                              struct error *err);
struct delivery_file {
    const char *name; // in the arena
    sha256 content;
    int64_t size;
};
// File `number`, from 0; -1: the one that is no sidecar. CONFLICT until it is done, or when there
// are several of those; NOT_FOUND when there are not so many.
MUST_CHECK bool delivery_file(struct db_tx *tx, const char *delivery, int64_t number,
                              struct arena *a, struct delivery_file *file, struct error *err);

// ---- For flow, by job. Each writes delivery.changed when something changed.
// waiting, running, or failed with a problem (JSON); nothing once it is done.
MUST_CHECK bool delivery_state_set(struct db_tx *tx, const char *job, const char *state,
                                   const char *problem, struct error *err);
struct delivered {
    const char *name, *role; // role: media, captions, playlist
    sha256 content;
    int64_t size;
    const json_t *about; // {"language", "use", "notes"}; NULL: {}
};
// All of its files, in order; their bytes are recorded in this transaction. `several`: they are a
// folder; else the first is the deliverable and the others lie beside it.
MUST_CHECK bool delivery_done(struct db_tx *tx, const char *job, const struct delivered *files,
                              size_t count, bool several, const json_t *checks, struct error *err);
// The same of one file alone, with what probing it found.
MUST_CHECK bool delivery_done_one(struct db_tx *tx, const char *job, const sha256 *content,
                                  int64_t size, const json_t *facts, struct error *err);
// What was asked beside what probing the result found: Check[]; a new reference.
MUST_CHECK bool delivery_judged(struct db_tx *tx, const char *job, const json_t *facts,
                                json_t **checks, struct error *err);
// Whether a courier goes on with what the step `after` (mux, outside) made.
MUST_CHECK bool delivery_goes_on(struct db_tx *tx, const char *job, const char *after, bool *on,
                                 struct error *err);

// ---- Pieces, for flow
struct delivery_piece {
    const char *job,
        *step; // step: index, weigh, segment, sound, captions; mux, outside: to be bound
    int64_t task;
    bool has_content;
    const char *name; // of the file; NULL without one
    sha256 content;
    int64_t size;
    const json_t *result; // of the engine
};
MUST_CHECK bool delivery_piece_add(struct db_tx *tx, const struct delivery_piece *piece,
                                   int64_t now_ms, struct error *err);
// Those of the track of `part`: {"plan": object or null, "measures": [result...], "segments":
// [result...], "sound": result or null, "files": [{"content", "size", "name"}...] in the muxer's
// order}; a new reference. CONFLICT when some are missing. `all` false: only what a segment needs,
// the first two.
struct delivery_part;
MUST_CHECK bool delivery_pieces(struct db_tx *tx, const char *job, const struct delivery_part *part,
                                bool all, json_t **pieces, struct error *err);
// What the step "captions" found in the master, a new reference; *found NULL: there is no such
// step.
MUST_CHECK bool delivery_within(struct db_tx *tx, const char *job, json_t **found,
                                struct error *err);
// Forgets a job's pieces (NULL: all of jobs that ended before `before_ms`). `*contents` are those
// that no delivery refers to any more, in `a`.
MUST_CHECK bool delivery_pieces_forget(struct db_tx *tx, const char *job, int64_t before_ms,
                                       struct arena *a, sha256 **contents, size_t *count,
                                       struct error *err);
