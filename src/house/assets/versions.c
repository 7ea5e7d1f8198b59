/*
 * Versions on their way to ready: state, facts, derived files.
 *
 * A set of derived files is found by (content of the version, recipe). A version says with its
 * `recipe` which set it shows; several versions of the same bytes show the same set.
 */
#include "house/assets/inside.h"
#include "time/rational.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool version_place(struct db_tx *tx, const char *version, char project[27], char asset[27],
                   struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select a.project, a.id from versions v join assets a on a.id = v.asset where v.id = ?1",
        "s", version);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), project, 27);
        text_copy(text_of(db_text(rows, 1)), asset, 27);
    }
    return db_end(rows, err) && (there || not_there(err, "version"));
}

// ---- state

// Which states may follow which.
static const struct {
    const char *from, *to;
} steps[] = {
    {"stored", "probing proxying ready failed"},
    {"probing", "probing proxying ready failed"},
    {"proxying", "probing proxying ready failed"},
    {"ready", "probing proxying ready"}, // made again by a newer recipe
    {"failed", "probing proxying ready failed"},
};

static bool word_in(const char *words, const char *word)
{
    for (text rest = text_of(words); rest.size;)
        if (text_is(text_cut(&rest, ' '), word))
            return true;
    return false;
}

static bool step_allowed(const char *from, const char *to, struct error *err)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (strcmp(steps[i].from, from) == 0 && word_in(steps[i].to, to))
            return true;
    error_set(err, ERROR_CONFLICT, "a version cannot become %s", to);
    return error_why(err, "it is %s", from);
}

bool version_state_set(struct db_tx *tx, const char *version, const char *state,
                       const char *problem, struct error *err)
{
    char project[27], asset[27], now[16] = "";
    bool ready = strcmp(state, "ready") == 0, failed = strcmp(state, "failed") == 0;
    struct db_rows *rows = db_query(tx, "select state from versions where id = ?1", "s", version);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), now, sizeof(now));
    return db_end(rows, err) && version_place(tx, version, project, asset, err) &&
           step_allowed(now, state, err) &&
           db_run(tx, err, "update versions set state = ?2, problem = ?3 where id = ?1", "sss",
                  version, state, failed ? problem : NULL) &&
           say_asset(tx, "asset.changed", project, asset, version, err) &&
           (!(ready || failed) || say_asset(tx, ready ? "version.ready" : "version.failed", project,
                                            asset, version, err));
}

bool version_job_set(struct db_tx *tx, const char *version, const char *job, struct error *err)
{
    if (!db_run(tx, err, "update versions set job = ?2 where id = ?1", "ss", version, job))
        return false;
    return db_changed(tx) > 0 || not_there(err, "version");
}

// ---- facts

static int64_t lasts_us(const json_t *facts)
{
    rational rate;
    struct error ignored;
    const char *text_rate = json_string_value(json_object_get(facts, "rate"));
    int64_t frames = json_integer_value(json_object_get(facts, "duration_frames"));
    if (!text_rate || frames <= 0 || !rational_parse(text_of(text_rate), &rate, &ignored) ||
        rate.num <= 0)
        return 0;
    return rescale(frames, rate, (rational){1000000, 1}, ROUND_NEAREST);
}

static const char *kind_in(const json_t *facts)
{
    const char *kind = json_string_value(json_object_get(facts, "kind"));
    return kind && word_in("clip sound sequence still document captions", kind) ? kind : NULL;
}

// What lists are filtered by, beside the asset: when it was recorded by its timecode, how large it
// is. Sound says its start in samples, and counts labels at a rate of its own.
static bool keep_looked_for(struct db_tx *tx, const char *asset, const char *version,
                            const json_t *facts, struct error *err)
{
    rational rate = {0, 1};
    struct error ignored;
    int64_t starts_us = -1, samples;
    const json_t *picture = json_array_get(json_object_get(facts, "video"), 0);
    const json_t *sound = json_array_get(json_object_get(facts, "audio"), 0);
    const json_t *tc = json_object_get(facts, "timecode");
    const char *reference =
        json_string_value(json_object_get(json_object_get(facts, "tags"), "time_reference"));
    const char *written = json_string_value(json_object_get(facts, "rate"));
    int64_t base = json_integer_value(json_object_get(tc, "base"));
    int64_t hertz = json_integer_value(json_object_get(sound, "sample_rate"));
    char labels[32] = "";
    const char *codec = json_string_value(json_object_get(picture ? picture : sound, "codec"));
    if (!picture && base > 0)
        snprintf(labels, sizeof(labels), "%lld/1", (long long)base);
    else if (written)
        text_copy(text_of(written), labels, sizeof(labels));
    if (!picture && reference && hertz > 0 && text_int(text_of(reference), &samples))
        starts_us = rescale(samples, (rational){hertz, 1}, (rational){1000000, 1}, ROUND_NEAREST);
    else if (tc && rational_parse(text_of(labels), &rate, &ignored) && rate.num > 0)
        starts_us = rescale(json_integer_value(json_object_get(tc, "start_frame")), rate,
                            (rational){1000000, 1}, ROUND_NEAREST);
    return db_run(tx, err,
                  "update assets set starts_us = ?3, lasts_us = ?4, rate = ?5, tc_base = ?6, "
                  "tc_drop = ?7, codec = ?8, width = ?9, height = ?10, channels = ?11 where id = "
                  "?1 and newest = ?2",
                  "ssiisiisiii", asset, version, starts_us, lasts_us(facts), labels, base,
                  (int64_t)json_is_true(json_object_get(tc, "drop")), codec ? codec : "",
                  (int64_t)json_integer_value(json_object_get(picture, "display_width")),
                  (int64_t)json_integer_value(json_object_get(picture, "display_height")),
                  (int64_t)json_integer_value(json_object_get(sound, "channels")));
}

bool version_facts_set(struct db_tx *tx, const char *version, const json_t *facts,
                       struct error *err)
{
    char project[27], asset[27];
    if (!version_place(tx, version, project, asset, err))
        return false;
    char *dumped = json_dumps(facts, JSON_COMPACT);
    if (!dumped)
        return error_set(err, ERROR_INTERNAL, "the facts of a file cannot be written down");
    bool ok =
        db_run(tx, err, "update versions set facts = ?2 where id = ?1", "ss", version, dumped) &&
        db_run(tx, err,
               "update assets set kind = coalesce(?3, kind), duration_ms = ?4 where id = ?1 and "
               "newest = ?2",
               "sssi", asset, version, kind_in(facts),
               (lasts_us(facts) + 500) / 1000) && // only to sort by
        keep_looked_for(tx, asset, version, facts, err) &&
        say_asset(tx, "version.probed", project, asset, version, err) &&
        say_asset(tx, "asset.changed", project, asset, version, err);
    free(dumped);
    return ok;
}

// A rate that was asked for when the sequence came in goes before the project's.
static void use_given_rate(struct arena *a, struct version_source *v)
{
    json_t *known = v->known ? json_loads(v->known, 0, NULL) : NULL;
    const char *from = json_string_value(json_object_get(known, "rate_from"));
    const char *rate = json_string_value(json_object_get(known, "rate"));
    if (from && rate && strcmp(from, "given") == 0)
        v->sequence_rate = arena_text(a, rate);
    json_decref(known);
}

bool version_source(struct db_tx *tx, const char *version, struct arena *a,
                    struct version_source *v, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select v.id, v.asset, a.project, a.name, a.kind, v.state, v.recipe, v.facts, "
                 "v.known, p.sequence_rate, v.number, v.size, v.file_count, v.content, a.deleted "
                 "from versions v join assets a on a.id = v.asset join projects p on p.id = "
                 "a.project where v.id = ?1",
                 "s", version);
    bool there = db_next(rows);
    if (there)
        *v = (struct version_source){
            .id = arena_text(a, db_text(rows, 0)),
            .asset = arena_text(a, db_text(rows, 1)),
            .project = arena_text(a, db_text(rows, 2)),
            .name = arena_text(a, db_text(rows, 3)),
            .kind = arena_text(a, db_text(rows, 4)),
            .state = arena_text(a, db_text(rows, 5)),
            .recipe = arena_text(a, db_text(rows, 6)),
            .facts = arena_text(a, db_text(rows, 7)),
            .known = arena_text(a, db_text(rows, 8)),
            .sequence_rate = arena_text(a, db_text(rows, 9)),
            .number = db_int(rows, 10),
            .size = db_int(rows, 11),
            .file_count = db_int(rows, 12),
            .content = db_hash(rows, 13),
            .deleted = db_int(rows, 14) != 0,
        };
    if (there)
        use_given_rate(a, v);
    return db_end(rows, err) && (there || not_there(err, "version"));
}

// ---- who has which bytes

bool content_uses(struct db_tx *tx, const sha256 *content, int64_t *uses, struct error *err)
{
    return db_one_int(tx, uses, 0, err,
                      "select (select count(*) from version_files where content = ?1) + (select "
                      "count(*) from derived where content = ?1)",
                      "b", (const void *)content->at, (size_t)SHA256_SIZE);
}

// ---- derived files

bool derived_growing(struct db_tx *tx, const char *version, const char *kind, const char *name,
                     const char *path, int64_t size, struct error *err)
{
    char project[27], asset[27];
    if (!version_place(tx, version, project, asset, err) ||
        !db_run(tx, err,
                "insert into derived_growing (version, name, kind, path, size) values "
                "(?1, ?2, ?3, ?4, ?5) on conflict (version, name) do update set kind = ?3, "
                "path = ?4, size = ?5 where derived_growing.size <> ?5 or "
                "derived_growing.path <> ?4",
                "ssssi", version, name, kind, path, size))
        return false;
    if (!db_changed(tx))
        return true;
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:I}", "asset", asset, "version", version,
                             "kind", kind, "name", name, "size", (json_int_t)size);
    char *written = json_dumps(body, JSON_COMPACT);
    bool ok = db_event(tx, "version.growing", project, version, written, err);
    free(written);
    json_decref(body);
    return ok;
}

bool derived_end(struct db_tx *tx, const char *version, struct error *err)
{
    return db_run(tx, err, "delete from derived_growing where version = ?1", "s", version);
}

static bool source_of(struct db_tx *tx, const char *version, sha256 *source, struct error *err)
{
    struct db_rows *rows = db_query(tx, "select content from versions where id = ?1", "s", version);
    bool there = db_next(rows);
    if (there)
        *source = db_hash(rows, 0);
    return db_end(rows, err) && (there || not_there(err, "version"));
}

static bool set_there(struct db_tx *tx, const sha256 *source, const char *recipe, bool *there,
                      struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from derived where source = ?1 and recipe = ?2", "bs",
                         (const void *)source->at, (size_t)SHA256_SIZE, recipe);
    *there = count > 0;
    return ok;
}

static bool show_set(struct db_tx *tx, const char *version, const char *recipe, struct error *err)
{
    char project[27], asset[27];
    return derived_end(tx, version, err) && version_place(tx, version, project, asset, err) &&
           db_run(tx, err, "update versions set recipe = ?2 where id = ?1", "ss", version,
                  recipe) &&
           say_asset(tx, "asset.changed", project, asset, version, err);
}

bool derived_add(struct db_tx *tx, const sha256 *source, const char *recipe,
                 const struct derived_file *files, size_t count, bool *used, struct error *err)
{
    bool there;
    if (!set_there(tx, source, recipe, &there, err))
        return false;
    *used = !there;
    for (size_t i = 0; i < count && !there; i++)
        if (!db_run(tx, err,
                    "insert into derived (source, recipe, position, kind, name, content, size) "
                    "values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    "bsissbi", (const void *)source->at, (size_t)SHA256_SIZE, recipe, (int64_t)i,
                    files[i].kind, files[i].name, (const void *)files[i].content.at,
                    (size_t)SHA256_SIZE, files[i].size))
            return false;
    return true;
}

bool derived_more(struct db_tx *tx, const sha256 *source, const char *recipe,
                  const struct derived_file *file, bool *used, struct error *err)
{
    bool ok = db_run(tx, err,
                     "insert into derived (source, recipe, position, kind, name, content, size) "
                     "select ?1, ?2, max(position) + 1, ?3, ?4, ?5, ?6 from derived where source = "
                     "?1 and recipe = ?2 group by source, recipe having sum(case when kind = ?3 "
                     "then 1 else 0 end) = 0",
                     "bsssbi", (const void *)source->at, (size_t)SHA256_SIZE, recipe, file->kind,
                     file->name, (const void *)file->content.at, (size_t)SHA256_SIZE, file->size);
    *used = ok && db_changed(tx);
    return ok;
}

bool derived_set(struct db_tx *tx, const char *version, const char *recipe,
                 const struct derived_file *files, size_t count, bool *used, struct error *err)
{
    sha256 source;
    return source_of(tx, version, &source, err) &&
           derived_add(tx, &source, recipe, files, count, used, err) &&
           show_set(tx, version, recipe, err);
}

bool derived_find(struct db_tx *tx, const sha256 *source, const char *recipe, struct arena *a,
                  struct derived_file **list, size_t *count, struct error *err)
{
    int64_t rooms = 0;
    *count = 0;
    if (!db_one_int(tx, &rooms, 0, err,
                    "select count(*) from derived where source = ?1 and recipe = ?2", "bs",
                    (const void *)source->at, (size_t)SHA256_SIZE, recipe))
        return false;
    *list = ARENA_ARRAY(a, struct derived_file, (size_t)rooms + 1);
    struct db_rows *rows = db_query(tx,
                                    "select kind, name, content, size from derived where source = "
                                    "?1 and recipe = ?2 order by position",
                                    "bs", (const void *)source->at, (size_t)SHA256_SIZE, recipe);
    while (db_next(rows) && *count < (size_t)rooms)
        (*list)[(*count)++] = (struct derived_file){.kind = arena_text(a, db_text(rows, 0)),
                                                    .name = arena_text(a, db_text(rows, 1)),
                                                    .content = db_hash(rows, 2),
                                                    .size = db_int(rows, 3)};
    return db_end(rows, err);
}

// The facts that were found when the set was made: by the recipe they include what proxying saw.
static bool facts_of_set(struct db_tx *tx, const char *version, const sha256 *source,
                         const char *recipe, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select facts from versions where content = ?1 and recipe = ?2 and id <> ?3 and "
                 "facts is not null order by created_ms desc limit 1",
                 "bss", (const void *)source->at, (size_t)SHA256_SIZE, recipe, version);
    json_t *facts = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    bool ok = db_end(rows, err) && (!facts || version_facts_set(tx, version, facts, err));
    json_decref(facts);
    return ok;
}

bool derived_use(struct db_tx *tx, const char *version, const char *recipe, bool *found,
                 struct error *err)
{
    sha256 source;
    return source_of(tx, version, &source, err) && set_there(tx, &source, recipe, found, err) &&
           (!*found || (facts_of_set(tx, version, &source, recipe, err) &&
                        show_set(tx, version, recipe, err)));
}
