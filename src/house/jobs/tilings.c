/*
 * Jobs whose tiles become frames while they run.
 *
 * An output of tiles is a row. How many of the job's tasks were done when everything that could be
 * put together was, tells whether there is something to look for. A frame that was put together is
 * a row with the stamp of its tiles, so that neither a look after a new start nor the one when the
 * job is done makes it again, and a tile that was rendered again does.
 */
#include "house/jobs/inside.h"

#include <stdlib.h>
#include <string.h>

bool tilings_ask(struct db_tx *tx, const struct job_wish *w, const char *job, struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(w->options, "outputs"), i, one)
    {
        if (output_tiles(one) &&
            !db_run(tx, err, "insert into tilings values (?1, ?2, 0, 0)", "si", job, (int64_t)i))
            return false;
    }
    return true;
}

bool tiling_next(struct db_tx *tx, struct arena *a, struct tiling *t, bool *found,
                 struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select t.job, t.position, j.done from tilings t join jobs j on j.id = t.job where "
        "j.ended = 0 and j.done <> t.seen order by t.looked_ms limit 1",
        "");
    *found = db_next(rows);
    if (*found)
        *t = (struct tiling){arena_text(a, db_text(rows, 0)), db_int(rows, 1), db_int(rows, 2)};
    return db_end(rows, err);
}

bool tiling_looked(struct db_tx *tx, const struct tiling *t, bool all, int64_t now_ms,
                   struct error *err)
{
    return db_run(tx, err,
                  "update tilings set seen = case when ?3 = 1 then ?4 else seen end, looked_ms = "
                  "?5 where job = ?1 and position = ?2",
                  "siiii", t->job, t->position, (int64_t)all, t->done, now_ms);
}

bool tile_frames(struct db_tx *tx, const char *job, int64_t position, struct arena *a,
                 struct tile_frame **list, size_t *count, struct error *err)
{
    int64_t most = 0;
    *count = 0;
    if (!db_one_int(tx, &most, 0, err,
                    "select count(*) from tile_frames where job = ?1 and position = ?2", "si", job,
                    position))
        return false;
    *list = ARENA_ARRAY(a, struct tile_frame, (size_t)most + 1);
    struct db_rows *rows = db_query(tx,
                                    "select frame, stamp, bad from tile_frames where job = ?1 and "
                                    "position = ?2 order by frame",
                                    "si", job, position);
    while (db_next(rows) && *count < (size_t)most)
        (*list)[(*count)++] =
            (struct tile_frame){db_int(rows, 0), db_int(rows, 1), db_int(rows, 2) != 0};
    return db_end(rows, err);
}

bool tile_frame_set(struct db_tx *tx, const char *job, int64_t position, const struct tile_frame *f,
                    struct error *err)
{
    return db_run(tx, err,
                  "insert into tile_frames values (?1, ?2, ?3, ?4, ?5) on conflict (job, position, "
                  "frame) do update set stamp = ?4, bad = ?5",
                  "siiii", job, position, f->frame, f->stamp, (int64_t)f->bad);
}

// The step that makes the output, by its name or as the only one.
static bool step_of(struct db_tx *tx, const char *job, const json_t *document, size_t output,
                    int64_t *step, struct error *err)
{
    const json_t *one =
        json_array_get(json_object_get(json_object_get(document, "options"), "outputs"), output);
    const char *name = json_string_value(json_object_get(one, "step"));
    return db_one_int(tx, step, 0, err,
                      "select s.number from steps s join jobs j on j.number = s.job where j.id = "
                      "?1 and (?2 is null or s.name = ?2) order by s.number limit 1",
                      "ss", job, name) &&
           (*step || error_set(err, ERROR_NOT_FOUND, "the job has no such step"));
}

bool job_output_done(struct db_tx *tx, const char *job, const json_t *document, size_t output,
                     struct arena *a, uint8_t **done, int64_t *tasks, struct error *err)
{
    int64_t step;
    if (!step_of(tx, job, document, output, &step, err) ||
        !db_one_int(tx, tasks, 0, err,
                    "select s.tasks from steps s join jobs j on j.number = s.job where j.id = ?1 "
                    "and s.number = ?2",
                    "si", job, step))
        return false;
    *done = ARENA_ARRAY(a, uint8_t, (size_t)*tasks + 1);
    for (int64_t from = 0; from >= 0;) {
        json_t *runs;
        const json_t *run;
        size_t i;
        if (!job_tasks(tx, job, step, from, -1, &runs, &from, err))
            return false;
        json_array_foreach(runs, i, run)
        {
            int64_t first = json_integer_value(json_object_get(run, "first"));
            int64_t last = json_integer_value(json_object_get(run, "last"));
            const char *state = json_string_value(json_object_get(run, "state"));
            for (int64_t t = first; state && strcmp(state, "done") == 0 && t <= last; t++)
                (*done)[t] = 1;
        }
        json_decref(runs);
    }
    return true;
}
