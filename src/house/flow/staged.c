/*
 * What staged jobs read and made leaves the store when nobody needs it any more.
 *
 * A content is held by rows: files of versions, derived files, deliveries and their pieces,
 * measurements, files of transfers, files of jobs. Rows of jobs and of transfers for jobs go some
 * time after their last use (staged.keep); a content that no row holds then is forgotten, and
 * store_tidy gives its space back. What goes, goes a few hundred rows at a time, each in one
 * transaction with the contents that it was the last to hold: killed anywhere, the next sweep goes
 * on, and nothing is forgotten that a row holds, nor held that is forgotten.
 *
 * The races, and why they are none:
 *
 * - The same bytes are being written. Bytes mean nothing before store_record, which runs in the
 *   transaction that adds the row holding them. Transactions that write come one after another: if
 *   that one is first, the row is seen here and the content stays; if we are first, store_record
 *   finds no content and records its own bytes. Bytes that an upload shares chunk by chunk are
 *   looked for again by store_record: it refuses, and the sender sends these chunks.
 * - An ended job is asked for again. The order and the first rows that go are each one transaction:
 *   either the job is not ended any more when we look, or the order finds that it is too late and
 *   says so. A job is made of a transfer in the same way.
 * - Somebody is reading. An attempt that runs keeps its job's rows; who has a file of the store
 *   open reads on, whatever becomes of its name; store_tidy forgets the maps before it unlinks.
 * - A late attempt sends what it made. It is refused by its fence; and one whose bytes come in the
 *   same moment either adds its row first, then the row is seen, or finds its job's rows gone and
 *   adds one that the next sweep takes.
 * - What an asset or a version has is held by rows that are never touched here.
 */
#include "base/log.h"
#include "house/flow/inside.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <string.h>

const char *const *flow_holders(void)
{
    static const char *const tables[] = {
        "version_files",   "versions",        "derived",    "transfer_files",  "job_files",
        "delivery_files",  "delivery_pieces", "qc_reports", "door_files",      "qc_pictures",
        "qc_certificates", "delivery_beside", "transforms", "transform_files",
        "transform_uploads", "frame_changes", NULL};
    return tables;
}

static bool content_held(struct db_tx *tx, const sha256 *content, bool *held, struct error *err)
{
    char words[120];
    *held = false;
    for (const char *const *t = flow_holders(); *t && !*held; t++) {
        int64_t there = 0;
        snprintf(words, sizeof(words), "select 1 from %s where content = ?1 limit 1", *t);
        if (!db_one_int(tx, &there, 0, err, words, "b", content->at, (size_t)SHA256_SIZE))
            return false;
        *held = there != 0;
    }
    return true;
}

bool flow_forget(struct db_tx *tx, const sha256 *content, int64_t *bytes, struct error *err)
{
    bool held, there = false;
    int64_t size = 0;
    *bytes = 0;
    if (!content_held(tx, content, &held, err) ||
        (!held && !store_has(tx, content, &size, &there, err)))
        return false;
    if (!there)
        return true;
    *bytes = size;
    return store_forget(tx, content, err);
}

struct dropping {
    int64_t before_ms;
    struct flow_dropped *d;
    struct job_drop of;
    bool any;
};

static bool forget_all(struct db_tx *tx, const sha256 *contents, size_t count,
                       struct flow_dropped *d, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t bytes;
        if (!flow_forget(tx, &contents[i], &bytes, err))
            return false;
        d->files += bytes > 0;
        d->bytes += bytes;
    }
    return true;
}

static bool say_dropped(struct db_tx *tx, const struct job_drop *of, struct error *err)
{
    return !of->all || db_event(tx, "job.files_dropped", of->project, of->job, NULL, err);
}

static bool drop_in(struct db_tx *tx, void *context, struct error *err)
{
    struct dropping *w = context;
    struct arena *a = arena_open(64 << 20);
    sha256 *contents = NULL;
    size_t count = 0;
    *w->d = (struct flow_dropped){0};
    bool ok = job_files_drop(tx, w->before_ms, clock_now_ms(), a, &w->of, err);
    w->any = ok && w->of.job;
    if (w->any)
        ok = forget_all(tx, w->of.contents, w->of.count, w->d, err) && say_dropped(tx, &w->of, err);
    else if (ok)
        ok = transfers_drop(tx, w->before_ms, a, &contents, &count, &w->any, err) &&
             forget_all(tx, contents, count, w->d, err);
    if (ok && w->of.job && w->of.all)
        log_info("sweep.job_files", "job=%s", w->of.job);
    arena_close(a);
    return ok;
}

static bool due_in(struct db_tx *tx, void *context, struct error *err)
{
    struct dropping *w = context;
    return job_files_due(tx, w->before_ms, &w->any, err) &&
           (w->any || transfers_due(tx, w->before_ms, &w->any, err));
}

bool flow_drop_staged(struct flow *f, int64_t keep_ms, struct flow_dropped *d, bool *more,
                      struct error *err)
{
    struct dropping w = {.before_ms = clock_now_ms() - keep_ms, .d = d};
    *d = (struct flow_dropped){0};
    bool ok = db_read(f->db, due_in, &w, err) && (!w.any || db_write(f->db, drop_in, &w, err));
    *more = ok && w.any;
    return ok;
}
