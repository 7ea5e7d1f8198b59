// Rows of what comes into the library of renders; the work itself is done by house/flow.
#include "house/jobs/inside.h"

#include <stdlib.h>
#include <string.h>

bool gather_ask(struct db_tx *tx, const char *job, int64_t now_ms, bool *any, struct error *err)
{
    json_t *options = NULL;
    int64_t ended_ms = 0;
    struct db_rows *rows = db_query(
        tx, "select options, ended_ms from jobs where id = ?1 and state = 'done'", "s", job);
    if (db_next(rows)) {
        options = json_loads(db_text(rows, 0), 0, NULL);
        ended_ms = db_int(rows, 1);
    }
    bool ok = db_end(rows, err);
    size_t i;
    const json_t *one;
    *any = false;
    json_array_foreach(json_object_get(options, "outputs"), i, one)
    {
        if (!ok || (!json_object_get(one, "asset") && !output_tiles(one)))
            continue;
        ok =
            db_run(tx, err,
                   "insert into gathers values (?1, ?2, ?3, ?4, 'waiting', null, null, null, null, "
                   "null, null, ?5) on conflict (job, position, ended_ms) do nothing",
                   "ssiii", id_new().text, job, (int64_t)i, ended_ms, now_ms);
        *any = true;
    }
    json_decref(options);
    return ok;
}

static void read_one(struct db_rows *rows, struct arena *a, struct gather *g)
{
    *g = (struct gather){.id = arena_text(a, db_text(rows, 0)),
                         .job = arena_text(a, db_text(rows, 1)),
                         .position = db_int(rows, 2),
                         .ended_ms = db_int(rows, 3),
                         .project = arena_text(a, db_text(rows, 4)),
                         .by = arena_text(a, db_text(rows, 5)),
                         .title = arena_text(a, db_text(rows, 6)),
                         .current = strcmp(db_text(rows, 7), "done") == 0 &&
                                    db_int(rows, 8) == db_int(rows, 3),
                         .version = db_null(rows, 9) ? NULL : arena_text(a, db_text(rows, 9)),
                         .waits = strcmp(db_text(rows, 10), "waiting") == 0};
}

#define GATHERS                                                                                    \
    "select g.id, g.job, g.position, g.ended_ms, j.project, j.made_by, j.title, j.state, "         \
    "j.ended_ms, g.version, g.state from gathers g join jobs j on j.id = g.job "

static bool find(struct db_rows *rows, struct arena *a, struct gather *g, bool *found,
                 struct error *err)
{
    *found = db_next(rows);
    if (*found)
        read_one(rows, a, g);
    return db_end(rows, err);
}

bool gather_next(struct db_tx *tx, struct arena *a, struct gather *g, bool *found,
                 struct error *err)
{
    return find(
        db_query(tx, GATHERS "where g.state = 'waiting' order by g.made_ms, g.id limit 1", ""), a,
        g, found, err);
}

bool gather_get(struct db_tx *tx, const char *id, struct arena *a, struct gather *g, bool *found,
                struct error *err)
{
    return find(db_query(tx, GATHERS "where g.id = ?1", "s", id), a, g, found, err);
}

bool gather_of_version(struct db_tx *tx, const char *version, struct arena *a, struct gather *g,
                       bool *found, struct error *err)
{
    return find(db_query(tx, GATHERS "where g.version = ?1 and g.delivery is null", "s", version),
                a, g, found, err);
}

bool gather_of_delivery(struct db_tx *tx, const char *delivery, struct arena *a, struct gather *g,
                        bool *found, struct error *err)
{
    return find(
        db_query(tx, GATHERS "where g.delivery = ?1 and g.movie_version is null", "s", delivery), a,
        g, found, err);
}

bool gather_before(struct db_tx *tx, const struct gather *g, bool movie, char asset[27],
                   struct error *err)
{
    asset[0] = 0;
    struct db_rows *rows = db_query(
        tx,
        movie ? "select movie from gathers where job = ?1 and position = ?2 and movie is not null "
                "order by ended_ms desc limit 1"
              : "select asset from gathers where job = ?1 and position = ?2 and asset is not null "
                "order by ended_ms desc limit 1",
        "si", g->job, g->position);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), asset, 27);
    return db_end(rows, err);
}

bool gather_made(struct db_tx *tx, const struct gather *g, const char *asset, const char *version,
                 struct error *err)
{
    return db_run(tx, err,
                  "update gathers set state = 'done', asset = ?2, version = ?3, problem = null "
                  "where id = ?1",
                  "sss", g->id, asset, version) &&
           db_run(tx, err, "update jobs set problem = null where id = ?1", "s", g->job) &&
           job_say(tx, g->job, NULL, err);
}

bool gather_delivers(struct db_tx *tx, const struct gather *g, const char *delivery,
                     struct error *err)
{
    return db_run(tx, err, "update gathers set delivery = ?2 where id = ?1", "ss", g->id,
                  delivery) &&
           job_say(tx, g->job, NULL, err);
}

bool gather_movie(struct db_tx *tx, const struct gather *g, const char *asset, const char *version,
                  struct error *err)
{
    return db_run(tx, err, "update gathers set movie = ?2, movie_version = ?3 where id = ?1", "sss",
                  g->id, asset, version) &&
           job_say(tx, g->job, NULL, err);
}

bool gather_stale(struct db_tx *tx, const struct gather *g, struct error *err)
{
    return db_run(tx, err, "update gathers set state = 'stale' where id = ?1", "s", g->id);
}

bool gather_problem(struct db_tx *tx, const struct gather *g, const struct error *why,
                    int64_t again_ms, struct error *err)
{
    char *problem = problem_text(why);
    // What failed after the sequence came in leaves that where it is.
    bool ok =
        db_run(tx, err,
               "update gathers set state = case when version is not null then state when ?3 > "
               "0 then 'waiting' else 'failed' end, problem = ?2, made_ms = case when ?3 > 0 "
               "then ?3 else made_ms end where id = ?1",
               "ssi", g->id, problem, again_ms) &&
        db_run(tx, err, "update jobs set problem = ?2 where id = ?1", "ss", g->job, problem) &&
        job_say(tx, g->job, NULL, err);
    free(problem);
    return ok;
}

bool job_warn(struct db_tx *tx, const char *job, const struct error *why, struct error *err)
{
    char *problem = problem_text(why);
    bool ok = db_run(tx, err, "update jobs set problem = ?2 where id = ?1 and ended = 0", "ss", job,
                     problem) &&
              job_say(tx, job, NULL, err);
    free(problem);
    return ok;
}

static const char *asset_name(const json_t *options, int64_t position)
{
    const json_t *output = json_array_get(json_object_get(options, "outputs"), (size_t)position);
    const char *name = json_string_value(json_object_get(json_object_get(output, "asset"), "name"));
    if (!name) // frames of tiles
        name = json_string_value(json_object_get(output_tiles(output), "into"));
    return name ? name : "";
}

bool gather_list(struct db_tx *tx, const char *job, json_t *to, struct error *err)
{
    json_t *options = NULL, *list = json_array();
    int64_t last = -1;
    struct db_rows *rows =
        db_query(tx,
                 "select g.position, g.state, g.asset, g.version, g.delivery, g.movie, g.problem, "
                 "j.options from gathers g join jobs j on j.id = g.job where g.job = ?1 order by "
                 "g.position, g.ended_ms desc",
                 "s", job);
    while (db_next(rows)) {
        if (db_int(rows, 0) == last) // an earlier time
            continue;
        last = db_int(rows, 0);
        if (!options)
            options = json_loads(db_text(rows, 7), 0, NULL);
        json_t *one = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "name",
                                asset_name(options, last), "state", db_text(rows, 1), "asset",
                                db_null(rows, 2) ? NULL : db_text(rows, 2), "version",
                                db_null(rows, 3) ? NULL : db_text(rows, 3), "delivery",
                                db_null(rows, 4) ? NULL : db_text(rows, 4), "movie",
                                db_null(rows, 5) ? NULL : db_text(rows, 5));
        if (!db_null(rows, 6))
            json_object_set_new(one, "problem", json_loads(db_text(rows, 6), 0, NULL));
        json_array_append_new(list, one);
    }
    if (json_array_size(list))
        json_object_set(to, "assets", list);
    json_decref(list);
    json_decref(options);
    return db_end(rows, err);
}
