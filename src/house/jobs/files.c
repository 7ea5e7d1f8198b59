/*
 * Files of staged jobs. Their bytes lie in the store, which keeps each once; here are their places.
 *
 * Inputs are those of the transfer that brought them, and never change: what a worker fetches is
 * what was there when the job was queued. An output is a row as soon as its bytes are durable, and
 * counts from when it is in its place; rows of attempts that lost never do.
 *
 * A row is what keeps bytes in the store, so rows go when nobody will ask for them: those of
 * attempts that lost, and outputs that no later task reads, some time after their attempt has
 * ended; all of a job's some time after it has. From then on the job can not be done again.
 */
#include "formats/sequence/sequence.h"
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_MOST = 5 };

bool path_below(text path, text folder)
{
    while (folder.size > 1 && folder.at[folder.size - 1] == '/')
        folder.size--;
    return folder.size && path.size >= folder.size &&
           memcmp(path.at, folder.at, folder.size) == 0 &&
           (path.size == folder.size || path.at[folder.size] == '/');
}

// ---- the inputs of a new job

// The transfer must be one for jobs, of the same project, and whole.
static bool transfer_fits(struct db_tx *tx, const struct job_wish *w, struct error *err)
{
    char missing[200] = "";
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err,
                    "select count(*) from transfers where id = ?1 and project = ?2 and origin = "
                    "'job' and state <> 'dropped'",
                    "ss", w->transfer, w->project))
        return false;
    if (!there) {
        error_set(err, ERROR_INPUT, "the job can not be taken: its inputs were not brought");
        error_why(err, "the project has no such transfer of origin \"job\"");
        return error_fix(err, "bring them first: posthouse submit --stage does both");
    }
    struct db_rows *rows = db_query(
        tx, "select path from transfer_files where transfer = ?1 and state <> 'stored' limit 1",
        "s", w->transfer);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), missing, sizeof(missing));
    if (!db_end(rows, err))
        return false;
    if (!missing[0])
        return true;
    error_set(err, ERROR_CONFLICT, "the job can not be taken: its inputs are still arriving");
    error_why(err, "/%s is not whole yet", missing);
    return error_fix(err, "submit it again when they are there");
}

static bool needs_are_there(struct db_tx *tx, const struct job_wish *w, const char *job,
                            struct error *err)
{
    struct buf names = BUF_LIMIT(600);
    size_t missing = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < w->need_count; i++) {
        int64_t there = 0;
        char from[4200], to[4200]; // all below a folder sort between "folder/" and "folder0"
        size_t size = strlen(w->needs[i]);
        while (size > 1 && w->needs[i][size - 1] == '/')
            size--;
        snprintf(from, sizeof(from), "%.*s/", (int)size, w->needs[i]);
        snprintf(to, sizeof(to), "%.*s0", (int)size, w->needs[i]);
        ok = db_one_int(tx, &there, 0, err,
                        "select 1 from job_files where job = ?1 and (path = ?2 or (path > ?3 and "
                        "path < ?4)) limit 1",
                        "stss", job, (text){w->needs[i], size}, from, to);
        if (ok && !there && missing++ < NAMED_MOST)
            buf_format(&names, "%s%.100s", names.size ? ", " : "", w->needs[i]);
    }
    if (ok && missing) {
        ok = error_set(err, ERROR_NOT_FOUND,
                       "the job can not be taken: %zu of its inputs %s missing", missing,
                       missing == 1 ? "is" : "are");
        error_why(err, "not among what was brought: %s%s", names.at ? names.at : "",
                  missing > NAMED_MOST ? ", ..." : "");
        error_fix(err, "bring them with the others; posthouse submit --stage finds them");
    }
    buf_free(&names);
    return ok;
}

bool job_files_take(struct db_tx *tx, const struct job_wish *w, const char *job, int64_t now_ms,
                    struct error *err)
{
    const json_t *one;
    size_t i;
    int64_t reads_own = w->step_count > 1;
    json_array_foreach(json_object_get(w->options, "outputs"), i, one)
    {
        reads_own |= output_tiles(one) != NULL;
    }
    if (json_array_size(json_object_get(w->options, "frames_after")))
        reads_own = 2;
    if (!transfer_fits(tx, w, err) ||
        !db_run(tx, err, "insert into staged_jobs values (?1, 1, 0, ?2)", "si", job, reads_own) ||
        !db_run(tx, err, "update transfers set active_ms = ?2 where id = ?1", "si", w->transfer,
                now_ms) ||
        !db_run(tx, err,
                "insert into job_files (job, path, token, task, content, size, program, counts) "
                "select ?1, '/' || path, 0, 0, content, size, 0, 1 from transfer_files where "
                "transfer = ?2",
                "ss", job, w->transfer))
        return false;
    json_array_foreach(w->programs, i, one)
    {
        if (!db_run(tx, err, "update job_files set program = 1 where job = ?1 and path = ?2", "ss",
                    job, json_string_value(one)))
            return false;
    }
    return needs_are_there(tx, w, job, err);
}

// ---- looking

static void file_row(struct db_rows *rows, struct arena *a, struct job_file *f)
{
    size_t size;
    const void *content = db_blob(rows, 1, &size);
    f->path = arena_text(a, db_text(rows, 0));
    if (content && size == SHA256_SIZE)
        memcpy(f->content.at, content, SHA256_SIZE);
    f->size = db_int(rows, 2);
    f->program = db_int(rows, 3) != 0;
    f->task = db_int(rows, 4);
}

// Takes over the rows.
static bool read_files(struct db_rows *rows, struct arena *a, struct job_file **list, size_t *count,
                       struct error *err)
{
    size_t room = 0;
    *list = NULL;
    *count = 0;
    while (db_next(rows)) {
        if (*count == room) {
            struct job_file *more = ARENA_ARRAY(a, struct job_file, room ? room * 2 : 64);
            if (room)
                memcpy(more, *list, room * sizeof(*more));
            room = room ? room * 2 : 64;
            *list = more;
        }
        struct job_file *f = &(*list)[*count];
        file_row(rows, a, f);
        if (*count && strcmp(f->path, f[-1].path) == 0)
            f[-1] = *f; // the output counts more than the input
        else
            ++*count;
    }
    return db_end(rows, err);
}

bool job_files(struct db_tx *tx, const char *job, struct arena *a, struct job_file **list,
               size_t *count, struct error *err)
{
    return read_files(db_query(tx,
                               "select path, content, size, program, task from job_files where job = ?1 "
                               "and counts = 1 order by path, token",
                               "s", job),
                      a, list, count, err);
}

bool job_files_read(struct db_tx *tx, const char *job, int64_t token, struct arena *a,
                    struct job_file **list, size_t *count, struct error *err)
{
    return read_files(
        db_query(tx,
                 "select f.path, f.content, f.size, f.program, f.task from job_files f join "
                 "staged_jobs s on s.job = f.job left join attempts t on t.fence = f.token where "
                 "f.job = ?1 and f.counts = 1 and (f.token = 0 or s.reads_own = 2 or (s.reads_own "
                 "= 1 and coalesce(t.step, 0) <> (select step from attempts where fence = ?2))) "
                 "order by f.path, f.token",
                 "si", job, token),
        a, list, count, err);
}

bool job_files_made(struct db_tx *tx, const char *job, int64_t token, struct arena *a,
                    struct job_file **list, size_t *count, struct error *err)
{
    return read_files(db_query(tx,
                               "select path, content, size, program, task from job_files where job = ?1 "
                               "and token = ?2 order by path",
                               "si", job, token),
                      a, list, count, err);
}

bool job_file_has(struct db_tx *tx, const char *job, const sha256 *content, int64_t *size,
                  bool *has, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select size from job_files where content = ?1 and job = ?2 and counts = 1",
                 "bs", content->at, (size_t)SHA256_SIZE, job);
    *has = db_next(rows);
    *size = *has ? db_int(rows, 0) : 0;
    return db_end(rows, err);
}

bool job_chunk_known(struct db_tx *tx, const char *job, const sha256 *hash,
                     struct job_chunk *chunk, struct error *err)
{
    size_t size = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select c.content, c.number from content_chunks c where c.hash = ?1 and exists "
                 "(select 1 from job_files f where f.content = c.content and f.job = ?2) limit 1",
                 "bs", hash->at, (size_t)SHA256_SIZE, job);
    const void *content = db_next(rows) ? db_blob(rows, 0, &size) : NULL;
    chunk->known = content && size == SHA256_SIZE;
    if (chunk->known) {
        memcpy(chunk->content.at, content, SHA256_SIZE);
        chunk->number = db_int(rows, 1);
    }
    return db_end(rows, err);
}

// ---- what attempts make

bool job_file_made(struct db_tx *tx, const char *job, int64_t token, const struct job_file *made,
                   bool *replaced, sha256 *before, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select content from job_files where job = ?1 and path = ?2 and token = ?3",
                 "ssi", job, made->path, token);
    size_t size = 0;
    const void *content = db_next(rows) ? db_blob(rows, 0, &size) : NULL;
    *replaced =
        content && size == SHA256_SIZE && memcmp(content, made->content.at, SHA256_SIZE) != 0;
    if (*replaced)
        memcpy(before->at, content, SHA256_SIZE);
    return db_end(rows, err) &&
           db_run(tx, err, "delete from job_files where job = ?1 and path = ?2 and token = ?3",
                  "ssi", job, made->path, token) &&
           db_run(tx, err,
                  "insert into job_files (job, path, token, task, content, size, program, counts) "
                  "values (?1, ?2, ?3, ?4, ?5, ?6, 0, 0)",
                  "ssiibi", job, made->path, token, made->task, made->content.at,
                  (size_t)SHA256_SIZE, made->size);
}

bool job_files_placed(struct db_tx *tx, const char *job, int64_t token, const char *const *paths,
                      size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!db_run(tx, err,
                    "update job_files set counts = 0 where job = ?1 and path = ?2 and token <> 0 "
                    "and token <> ?3",
                    "ssi", job, paths[i], token) ||
            !db_run(tx, err,
                    "update job_files set counts = 1 where job = ?1 and path = ?2 and token = ?3",
                    "ssi", job, paths[i], token))
            return false;
    return true;
}

// ---- dropping

enum { DROP_AT_ONCE = 200 };

// Rows (path, token, content) of a job; taken over and removed.
static bool drop_rows(struct db_tx *tx, struct db_rows *rows, const char *job, struct arena *a,
                      struct job_drop *d, struct error *err)
{
    const char **paths = ARENA_ARRAY(a, const char *, DROP_AT_ONCE);
    int64_t *tokens = ARENA_ARRAY(a, int64_t, DROP_AT_ONCE);
    d->contents = ARENA_ARRAY(a, sha256, DROP_AT_ONCE);
    d->count = 0;
    while (db_next(rows) && d->count < DROP_AT_ONCE) {
        size_t size;
        const void *content = db_blob(rows, 2, &size);
        if (content && size == SHA256_SIZE)
            memcpy(d->contents[d->count].at, content, SHA256_SIZE);
        paths[d->count] = arena_text(a, db_text(rows, 0));
        tokens[d->count++] = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        return false;
    for (size_t i = 0; i < d->count; i++)
        if (!db_run(tx, err, "delete from job_files where job = ?1 and path = ?2 and token = ?3",
                    "ssi", job, paths[i], tokens[i]))
            return false;
    return true;
}

static bool find_job(struct db_rows *rows, struct arena *a, struct job_drop *d, struct error *err)
{
    *d = (struct job_drop){0};
    if (db_next(rows)) {
        d->job = arena_text(a, db_text(rows, 0));
        d->project = arena_text(a, db_text(rows, 1));
    }
    return db_end(rows, err);
}

static bool find_ended(struct db_tx *tx, int64_t before_ms, struct arena *a, struct job_drop *d,
                       struct error *err)
{
    return find_job(
        db_query(tx,
                 "select s.job, j.project from staged_jobs s join jobs j on j.id = s.job where "
                 "s.kept > 0 and (s.kept = 2 or (j.ended = 1 and j.ended_ms <= ?1 and not exists "
                 "(select 1 from gathers g where g.job = s.job and g.state = 'waiting') and not "
                 "exists (select 1 from attempts t where t.job = j.number and t.state = 'running') "
                 "and not exists (select 1 from attempts t where t.job = j.number and t.state = "
                 "'dropped'))) limit 1",
                 "i", before_ms),
        a, d, err);
}

// Of a job that goes on: what attempts that have ended made, and nobody will read.
#define UNREAD                                                                                     \
    "job_files f on f.job = s.job join attempts t on t.fence = f.token where f.token > 0 and "     \
    "(f.counts = 0 or s.reads_own = 0) and t.state not in ('running', 'dropped') and t.ended_ms "  \
    "<= ?1 and s.kept > 0 and s.kept = 1 "

static bool find_made(struct db_tx *tx, int64_t before_ms, struct arena *a, struct job_drop *d,
                      struct error *err)
{
    return find_job(db_query(tx,
                             "select s.job, j.project from staged_jobs s join jobs j on j.id = "
                             "s.job join " UNREAD "limit 1",
                             "i", before_ms),
                    a, d, err);
}

bool job_files_due(struct db_tx *tx, int64_t before_ms, bool *due, struct error *err)
{
    struct arena *a = arena_open(1 << 16);
    struct job_drop d;
    bool ok =
        find_ended(tx, before_ms, a, &d, err) && (d.job || find_made(tx, before_ms, a, &d, err));
    *due = ok && d.job;
    arena_close(a);
    return ok;
}

// That it is being dropped is written with the first rows that go: who asks for it again in between
// hears that it is too late, and who asked before has kept it from being found.
static bool drop_ended(struct db_tx *tx, int64_t now_ms, struct arena *a, struct job_drop *d,
                       struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select path, token, content from job_files where job = ?1 limit ?2", "si",
                 d->job, (int64_t)DROP_AT_ONCE);
    if (!drop_rows(tx, rows, d->job, a, d, err))
        return false;
    d->all = d->count < DROP_AT_ONCE;
    return db_run(tx, err,
                  "update staged_jobs set kept = ?2, dropped_ms = case when kept = 1 then ?3 else "
                  "dropped_ms end where job = ?1",
                  "sii", d->job, d->all ? (int64_t)0 : (int64_t)2, now_ms);
}

bool job_files_drop(struct db_tx *tx, int64_t before_ms, int64_t now_ms, struct arena *a,
                    struct job_drop *d, struct error *err)
{
    if (!find_ended(tx, before_ms, a, d, err))
        return false;
    if (d->job)
        return drop_ended(tx, now_ms, a, d, err);
    if (!find_made(tx, before_ms, a, d, err))
        return false;
    if (!d->job)
        return true;
    struct db_rows *rows = db_query(tx,
                                    "select f.path, f.token, f.content from staged_jobs s "
                                    "join " UNREAD "and s.job = ?2 limit ?3",
                                    "isi", before_ms, d->job, (int64_t)DROP_AT_ONCE);
    return drop_rows(tx, rows, d->job, a, d, err);
}

bool job_files_kept(struct db_tx *tx, const char *job, struct error *err)
{
    int64_t dropped_ms = 0;
    if (!db_one_int(tx, &dropped_ms, 0, err, "select dropped_ms from staged_jobs where job = ?1",
                    "s", job))
        return false;
    if (!dropped_ms)
        return true;
    error_set(err, ERROR_CONFLICT, "the files of this job are not kept any more");
    error_why(err, "it had ended, and they were dropped at %s", clock_text(dropped_ms).text);
    return error_fix(err,
                     "submit it again, which brings them again; staged.keep says how long they "
                     "stay");
}

const char *job_output_path(struct arena *a, const json_t *document, int64_t output, int64_t frame,
                            int64_t tile)
{
    const json_t *all = json_object_get(json_object_get(document, "options"), "outputs");
    const json_t *one = output < 0 ? NULL : json_array_get(all, (size_t)output);
    const char *path = json_string_value(json_object_get(one, "path"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash)
        return NULL;
    const char *name = output_tiles(one) ? sequence_tile(a, slash + 1, tile) : slash + 1;
    return arena_format(a, "%.*s/%s", (int)(slash - path), path, sequence_frame(a, name, frame));
}
