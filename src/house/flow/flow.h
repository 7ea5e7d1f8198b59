/*
 * house/flow: what follows from what.
 *
 * Read this first. One table in flow.c says "when this has happened and this holds, do that"; it is
 * the only place where rooms are tied together. It reads the event log from where it stood, so that
 * nothing is forgotten when the house dies between an event and what follows from it, and what it
 * does may be done again without harm: jobs have a cause and are queued once.
 *
 * The second half is for whoever hands out work: what a claimed job asks of an engine, and what
 * becomes of the result. A result's bytes are taken into the store first and mean nothing; their
 * rows, what the rooms know of them and the end of the attempt are one transaction.
 */
#pragma once
#include "house/jobs/jobs.h"
#include "store/store.h"

struct flow;

struct flow_wish {
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    const char *scratch;  // absolute folder; made; an attempt writes into <scratch>/<attempt>
    const char *profiles; // absolute folder; NULL: no movies are made of renders
    const char
        *gathered; // absolute folder, emptied: renders on their way into the store; NULL: none
};
MUST_CHECK bool flow_open(const struct flow_wish *wish, struct flow **flow, struct error *err);
void flow_close(struct flow *f); // NULL is fine

// One batch of news. *more: there may be more already. False: an event could not be followed; the
// same one is tried again with the next call, a few times, and then left. One thread.
MUST_CHECK bool flow_turn(struct flow *f, bool *more, struct error *err);
// Waits for news after what was followed, at most timeout_ms.
void flow_wait(struct flow *f, int timeout_ms);

// ---- Renders come into the library. One thread.

// Brings in what one job's output has become, when there is such a thing: its files are copied,
// looked at by an engine and stored, then asset and rows are one transaction. *more: there was.
// False: it is told with the job, or waits and is tried again. `on` (may be NULL) says whether to
// go on; then nothing has happened.
MUST_CHECK bool flow_gather(struct flow *f, bool sandbox, bool (*on)(void *context), void *context,
                            bool *more, struct error *err);

// The recipe by which proxies are made now.
const char *flow_recipe(void);

// ---- For whoever hands out work. Any thread.

// What a worker is told of a claim (docs/formats/workers.md: "task"), with the inputs as runs of
// files of this machine; makes the folder of the attempt. A new reference.
MUST_CHECK bool flow_task(struct flow *f, const struct claim *claim, json_t **task,
                          struct error *err);
// Of workers that see none of our disks: where an output of an attempt (it is held, as is for the
// caller to prove) is put before "done" is said; and whether the tickets of a job read this
// content.
MUST_CHECK bool flow_output_path(struct flow *f, const char *attempt, const char *name, char *to,
                                 size_t room, struct error *err);
MUST_CHECK bool flow_reads(struct db_tx *tx, const char *job, const sha256 *content, int64_t *size,
                           bool *has, struct error *err);
// Takes what the attempt made into the store and commits it. STALE: it was thrown away.
MUST_CHECK bool flow_done(struct flow *f, const char *attempt, int64_t token, const json_t *result,
                          enum outcome *outcome, struct error *err);
MUST_CHECK bool flow_failed(struct flow *f, const char *attempt, int64_t token,
                            const struct error *why, enum outcome *outcome, struct error *err);
// Derived files that an attempt is writing: [{"kind","name","size"}].
MUST_CHECK bool flow_growing(struct flow *f, const char *attempt, int64_t token,
                             const json_t *outputs, struct error *err);
// Files of staged jobs that nobody needs any more, and that were not used for keep_ms, leave the
// store (staged.c says what is held, and by whom). One small transaction: call it again while there
// is *more, then store_tidy.
struct flow_dropped {
    int64_t files, bytes; // contents that are forgotten
};
MUST_CHECK bool flow_drop_staged(struct flow *f, int64_t keep_ms, struct flow_dropped *d,
                                 bool *more, struct error *err);
// The tables whose column `content` keeps bytes in the store; ends in NULL.
const char *const *flow_holders(void);
// In a transaction that took a row away: forgets the content when no other row names it. *bytes:
// what was forgotten, 0: nothing.
MUST_CHECK bool flow_forget(struct db_tx *tx, const sha256 *content, int64_t *bytes,
                            struct error *err);
// Removes folders in scratch of attempts that do not run and were not touched for `rest_ms`: their
// workers are gone.
MUST_CHECK bool flow_tidy(struct flow *f, int64_t rest_ms, struct error *err);
