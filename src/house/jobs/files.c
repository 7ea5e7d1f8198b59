/*
 * Files of staged jobs. Their bytes lie in the store, which keeps each once; here are their places.
 *
 * Inputs are those of the transfer that brought them, and never change: what a worker fetches is
 * what was there when the job was queued. An output is a row as soon as its bytes are durable, and
 * counts from when it is in its place; of attempts that lost, rows stay that never count.
 */
#include "formats/sequence/sequence.h"
#include "house/jobs/inside.h"

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
                    "'job'",
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

bool job_files_take(struct db_tx *tx, const struct job_wish *w, const char *job, struct error *err)
{
    const json_t *one;
    size_t i;
    if (!transfer_fits(tx, w, err) ||
        !db_run(tx, err,
                "insert into job_files (job, path, token, task, content, size, program, counts) "
                "select ?1, '/' || path, 0, 0, content, size, 0, 1 from transfer_files where transfer = ?2",
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

// ---- what attempts make

bool job_file_made(struct db_tx *tx, const char *job, int64_t token, const struct job_file *made,
                   struct error *err)
{
    return db_run(tx, err, "delete from job_files where job = ?1 and path = ?2 and token = ?3",
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
                    "delete from job_files where job = ?1 and path = ?2 and token <> 0 and token "
                    "<> ?3",
                    "ssi", job, paths[i], token) ||
            !db_run(tx, err,
                    "update job_files set counts = 1 where job = ?1 and path = ?2 and token = ?3",
                    "ssi", job, paths[i], token))
            return false;
    return true;
}

const char *job_output_path(struct arena *a, const json_t *document, int64_t output, int64_t frame)
{
    const json_t *all = json_object_get(json_object_get(document, "options"), "outputs");
    const json_t *one = output < 0 ? NULL : json_array_get(all, (size_t)output);
    const char *path = json_string_value(json_object_get(one, "path"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? arena_format(a, "%.*s/%s", (int)(slash - path), path,
                                sequence_frame(a, slash + 1, frame))
                 : NULL;
}
