#include "house/deliver/deliver.h"
#include "formats/naming/naming.h"
#include "formats/profile/profile.h"
#include "house/assets/assets.h"
#include "house/deliver/checks.h"
#include "house/deliver/hooks.h"
#include "house/deliver/outside.h"
#include "house/deliver/package.h"
#include "house/deliver/record.h"
#include "house/deliver/sending.h"
#include "house/jobs/jobs.h"
#include "house/qc/reports.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

#define MUX_TRAVELS_MOST ((int64_t)16 << 30)

// ---- asking

// "Reel 2.mov" and ".mxf" give "Reel 2.mxf"; "shot.####.exr" gives "shot.mxf". A plain file name:
// no slash, no leading dot, 255 bytes with its ending.
static const char *file_name(struct arena *a, const char *asset, const char *extension)
{
    const char *dot = strrchr(asset, '.');
    size_t size = dot && dot != asset && strlen(dot) <= 8 ? (size_t)(dot - asset) : strlen(asset);
    while (size && strchr("#._ ", asset[size - 1]))
        size--;
    while (size && *asset == '.')
        asset++, size--;
    size_t most = 255 - strlen(extension);
    if (size > most)
        for (size = most; size && ((unsigned char)asset[size] & 0xc0) == 0x80;)
            size--;
    char *name = size ? arena_format(a, "%.*s%s", (int)size, asset, extension)
                      : arena_format(a, "delivery%s", extension);
    for (char *c = name; *c; c++)
        if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ' || *c == 127)
            *c = '_';
    return name;
}

static bool has(const json_t *facts, const char *list)
{
    return json_array_size(json_object_get(facts, list)) > 0;
}

static bool suits(struct db_tx *tx, const struct delivery_wish *w, const struct version_source *v,
                  const json_t *facts, struct error *err)
{
    json_t *told = NULL;
    if (!facts) {
        error_set(err, ERROR_CONFLICT, "%s cannot be delivered yet", v->name);
        error_why(err, "the house has not looked into it, or could not");
        return error_fix(err, "wait until it is ready, or see what its job says");
    }
    if (json_object_get(w->profile, "ladder")) {
        error_set(err, ERROR_UNSUPPORTED, "%s cannot be delivered as a ladder", v->name);
        error_why(err, "%s", DELIVER_LADDER);
        return error_fix(err, "posthouse get it, then posthouse transcode FILE --profile %s",
                         json_string_value(json_object_get(w->profile, "name")));
    }
    bool ok = profile_makes(w->profile, facts, v->name, err) &&
              (!w->rules || (record_told_get(tx, v->asset, &told, err) &&
                             record_suits(w->rules, w->profile, facts, told, v->name, err)));
    json_decref(told);
    return ok;
}

static bool say_changed(struct db_tx *tx, const char *delivery, struct error *err)
{
    json_t *json;
    if (!delivery_get(tx, delivery, &json, err))
        return false;
    char *body = json_dumps(json, JSON_COMPACT);
    bool ok = db_event(tx, "delivery.changed", json_string_value(json_object_get(json, "project")),
                       delivery, body, err);
    free(body);
    json_decref(json);
    return ok;
}

static json_t *after(size_t first, size_t count)
{
    json_t *list = json_array();
    for (size_t i = first; i < first + count; i++)
        json_array_append_new(list, json_pack("{s:i}", "step", (int)i));
    return json_pack("{s:i, s:o}", "chunk", 1, "after", list);
}

// About how large the picture of it becomes: by its bit rate; else by what such codecs take of a
// pixel.
static int64_t made_bytes(const json_t *profile, const json_t *facts)
{
    static const struct {
        const char *codec;
        double bits;
    } known[] = {{"prores", 4}, {"dnxh", 4}, {"v210", 22}, {"ffv1", 12}, {"", 0.4}};
    const json_t *wanted = json_object_get(profile, "video");
    const json_t *seen = json_array_get(json_object_get(facts, "video"), 0);
    const char *codec = json_string_value(json_object_get(wanted, "codec"));
    double frames = json_number_value(json_object_get(facts, "duration_frames")), pixels = 1;
    double bit_rate = json_number_value(json_object_get(wanted, "bit_rate"));
    static const char *const sides[] = {"width", "height"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *side = json_object_get(wanted, sides[i]);
        pixels *= json_number_value(side ? side : json_object_get(seen, sides[i]));
    }
    size_t k = 0;
    while (known[k].codec[0] && (!codec || strncmp(codec, known[k].codec, strlen(known[k].codec))))
        k++;
    double frame_bits =
        bit_rate > 0 ? bit_rate / 24 : pixels * known[k].bits; // 24 a second at least
    return (int64_t)(frames * frame_bits / 8);
}

// The sound goes first: it takes its time to be read, and nothing waits for it but the muxer.
static size_t steps_of(const json_t *profile, const json_t *facts, struct job_step steps[6])
{
    int64_t segments = profile_segments(profile, facts);
    bool sound = json_object_get(profile, "audio") && has(facts, "audio");
    size_t count = 0;
    if (segments)
        steps[count++] = (struct job_step){.name = "index", .tasks = 1};
    if (sound)
        steps[count++] = (struct job_step){.name = "sound", .tasks = 1};
    bool measured = segments && profile_measured(profile);
    if (measured)
        steps[count++] = (struct job_step){.name = "weigh", .tasks = segments, .plan = after(1, 1)};
    if (segments)
        steps[count] = (struct job_step){
            .name = "segment", .tasks = segments, .plan = after(measured ? count : 1, 1)};
    count += segments > 0;
    // All of a mux's work is carrying: a large one is not carried to a worker and back.
    int64_t bytes = made_bytes(profile, facts);
    steps[count] = (struct job_step){.name = "mux",
                                     .tasks = 1,
                                     .plan = after(1, count),
                                     .reads_bytes = bytes > MUX_TRAVELS_MOST ? JOBS_TRAVELS_MOST + 1
                                                                             : bytes + 1};
    if (!outside_wanted(profile))
        return count + 1;
    json_t *plan = after(count + 1, 1);
    json_object_set_new(plan, "hands", json_string("courier"));
    steps[++count] = (struct job_step){.name = "outside", .tasks = 1, .plan = plan};
    return count + 1;
}

static const char *project_name(struct db_tx *tx, const char *project, struct arena *a,
                                struct error *err)
{
    const char *name = NULL;
    struct db_rows *rows = db_query(tx, "select name from projects where id = ?1", "s", project);
    if (db_next(rows))
        name = arena_text(a, db_text(rows, 0));
    return db_end(rows, err) ? name ? name : "" : NULL;
}

// By the profile's pattern, else as the asset is called. *values may be NULL.
static bool name_of(struct db_tx *tx, const struct delivery_wish *w, const struct version_source *v,
                    const json_t *facts, struct arena *a, int64_t now_ms, const char **name,
                    json_t **values, struct error *err)
{
    const json_t *naming = json_object_get(w->profile, "naming");
    const char *extension = json_string_value(json_object_get(w->profile, "extension"));
    const char *project = project_name(tx, v->project, a, err);
    char made[256];
    *name = "";
    *values = NULL;
    if (!project)
        return false;
    *values = naming_values(w->profile, facts, v->name, project, v->number, now_ms);
    if (w->naming)
        json_object_update(*values, (json_t *)(uintptr_t)w->naming);
    if (!naming) {
        *name = file_name(a, v->name, extension ? extension : "");
        return true;
    }
    if (!naming_make(naming, *values, extension ? extension : "", made, err))
        return false;
    *name = arena_text(a, made);
    return naming_free(tx, v->project, v->id,
                       json_string_value(json_object_get(w->profile, "name")), made, err);
}

static bool make_job(struct db_tx *tx, const struct delivery_wish *w,
                     const struct version_source *v, const json_t *facts, const char *name,
                     const char *delivery, struct arena *a, int64_t now_ms, id *job,
                     struct error *err)
{
    struct job_step steps[6] = {0};
    const char *profile = json_string_value(json_object_get(w->profile, "name"));
    bool outside = outside_wanted(w->profile);
    json_t *made =
        outside ? outside_between(w->profile) : json_incref((json_t *)(uintptr_t)w->profile);
    json_t *ticket = json_pack("{s:s, s:o, s:s}", "kind", "encode", "profile", made, "output",
                               outside ? "between.mov" : name);
    if (w->captions)
        json_object_set(ticket, "caption_versions", (json_t *)(uintptr_t)w->captions);
    struct job_wish wish = {.project = v->project,
                            .kind = "encode",
                            .title = arena_format(a, "%s as %s", v->name, profile),
                            .by = w->by,
                            .asset = v->asset,
                            .version = v->id,
                            .subject = delivery,
                            .cause = arena_format(a, "delivery %s", delivery),
                            .ticket = ticket,
                            .priority = JOBS_PRIORITY,
                            .tier = JOBS_TIER_TICKETS,
                            .reads_bytes = v->size,
                            .steps = steps,
                            .step_count = steps_of(w->profile, facts, steps),
                            .unit = "parts"};
    bool ok = job_make(tx, &wish, now_ms, job, err);
    for (size_t i = 0; i < wish.step_count; i++)
        json_decref((json_t *)(uintptr_t)steps[i].plan);
    json_decref(ticket);
    return ok;
}

static bool insert(struct db_tx *tx, const struct delivery_wish *w, const struct version_source *v,
                   const json_t *facts, struct arena *a, int64_t now_ms, id *delivery,
                   struct error *err)
{
    const char *profile = json_string_value(json_object_get(w->profile, "name"));
    const char *name;
    json_t *values;
    bool named = name_of(tx, w, v, facts, a, now_ms, &name, &values, err);
    json_decref(values);
    if (!named)
        return false;
    char *spec = json_dumps(w->profile, JSON_COMPACT);
    char *naming = w->naming ? json_dumps(w->naming, JSON_COMPACT) : strdup("{}");
    id job;
    *delivery = id_new();
    bool ok = make_job(tx, w, v, facts, name, delivery->text, a, now_ms, &job, err) &&
              db_run(tx, err,
                     "insert into deliveries values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, "
                     "null, 0, '[]', null, ?9, ?10)",
                     "sssssssssi", delivery->text, v->project, v->asset, v->id, profile, spec, name,
                     job.text, w->by, now_ms) &&
              db_run(tx, err, "insert into delivery_orders values (?1, ?2, ?3, ?4)", "ssss",
                     delivery->text, w->destination, w->rule, naming) &&
              say_changed(tx, delivery->text, err);
    free(naming);
    free(spec);
    return ok;
}

bool delivery_make(struct db_tx *tx, const struct delivery_wish *w, int64_t now_ms, id *delivery,
                   struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct version_source v;
    bool ok = version_source(tx, w->version, a, &v, err);
    json_t *facts = ok && v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    ok = ok && suits(tx, w, &v, facts, err) && insert(tx, w, &v, facts, a, now_ms, delivery, err);
    json_decref(facts);
    arena_close(a);
    return ok;
}

static bool qc_is_passed(struct db_tx *tx, const struct delivery_wish *w, struct error *err)
{
    const char *rules = json_string_value(json_object_get(w->profile, "qc"));
    struct error why;
    bool cleared = true;
    if (rules && !qc_cleared(tx, w->version, rules, &cleared, &why, err))
        return false;
    if (!cleared)
        *err = why;
    return cleared;
}

bool delivery_order(struct db_tx *tx, const struct delivery_wish *w, int64_t now_ms, id *delivery,
                    struct error *err)
{
    return qc_is_passed(tx, w, err) && delivery_make(tx, w, now_ms, delivery, err);
}

bool delivery_plan(struct db_tx *tx, const struct delivery_wish *w, int64_t now_ms, json_t **plan,
                   struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct version_source v;
    struct error why;
    const char *name = "";
    json_t *values = NULL;
    bool ok = version_source(tx, w->version, a, &v, err);
    json_t *facts = ok && v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    error_clear(&why);
    if (ok) {
        bool well =
            name_of(tx, w, &v, facts, a, now_ms, &name, &values, &why) && qc_is_passed(tx, w, &why);
        *plan = json_pack("{s:s, s:s, s:O*}", "name", name, "package",
                          *name ? package_plan(w->profile, name, a) : "", "values", values);
        json_t *naming = json_object_get(w->profile, "naming");
        if (json_object_get(naming, "pattern"))
            json_object_set(*plan, "pattern", json_object_get(naming, "pattern"));
        if (!well) {
            char *text = problem_text(&why);
            json_object_set_new(*plan, "problem", json_loads(text, 0, NULL));
            free(text);
        }
    }
    json_decref(values);
    json_decref(facts);
    arena_close(a);
    return ok;
}

// ---- looking

#define COLUMNS                                                                                    \
    "id, version, asset, project, profile, name, state, job, content, size, checks, problem, "     \
    "made_by, created_ms"

static json_t *delivery_json(struct db_rows *rows)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", db_text(rows, 0), "version",
        db_text(rows, 1), "asset", db_text(rows, 2), "project", db_text(rows, 3), "profile",
        db_text(rows, 4), "name", db_text(rows, 5), "state", db_text(rows, 6), "job",
        db_text(rows, 7), "by", db_text(rows, 12), "created", clock_text(db_int(rows, 13)).text);
    size_t size;
    const void *at = db_blob(rows, 8, &size);
    sha256 content;
    if (at && size == SHA256_SIZE) {
        memcpy(content.at, at, SHA256_SIZE);
        json_object_set_new(json, "content", json_string(sha256_text(&content).text));
        json_object_set_new(json, "size", json_integer(db_int(rows, 9)));
    }
    json_t *checks = json_loads(db_text(rows, 10), 0, NULL);
    json_object_set_new(json, "checks", checks ? checks : json_array());
    if (!db_null(rows, 11))
        json_object_set_new(json, "problem", json_loads(db_text(rows, 11), 0, NULL));
    return json;
}

bool delivery_get(struct db_tx *tx, const char *delivery, json_t **json, struct error *err)
{
    *json = NULL;
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from deliveries where id = ?1", "s", delivery);
    if (db_next(rows))
        *json = delivery_json(rows);
    if (db_end(rows, err) && (!*json || sendings_into(tx, *json, err)))
        return *json || error_set(err, ERROR_NOT_FOUND, "there is no such delivery");
    json_decref(*json);
    return false;
}

bool delivery_list(struct db_tx *tx, const char *project, int64_t limit, json_t **list,
                   struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(tx,
                                    "select " COLUMNS " from deliveries where project = ?1 order "
                                    "by created_ms desc, id desc limit ?2",
                                    "si", project, limit);
    while (db_next(rows))
        json_array_append_new(*list, delivery_json(rows));
    bool ok = db_end(rows, err);
    size_t i;
    json_t *row;
    json_array_foreach(*list, i, row) ok = ok && sendings_into(tx, row, err);
    if (ok)
        return true;
    json_decref(*list);
    return false;
}

bool delivery_file(struct db_tx *tx, const char *delivery, struct arena *a,
                   struct delivery_file *file, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select name, content, size, state from deliveries where id = ?1", "s", delivery);
    bool there = db_next(rows), done = false;
    if (there) {
        size_t size;
        const void *at = db_blob(rows, 1, &size);
        done = at && size == SHA256_SIZE;
        *file = (struct delivery_file){.name = arena_text(a, db_text(rows, 0)),
                                       .size = db_int(rows, 2)};
        if (done)
            memcpy(file->content.at, at, SHA256_SIZE);
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such delivery");
    if (done)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is not made yet", file->name);
    return error_fix(err, "wait until its job is done");
}

// ---- for flow

static bool of_job(struct db_tx *tx, const char *job, char delivery[27], struct error *err)
{
    delivery[0] = 0;
    struct db_rows *rows = db_query(tx, "select id from deliveries where job = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), delivery, 27);
    return db_end(rows, err);
}

bool delivery_state_set(struct db_tx *tx, const char *job, const char *state, const char *problem,
                        struct error *err)
{
    char delivery[27];
    if (!of_job(tx, job, delivery, err))
        return false;
    return !delivery[0] ||
           (db_run(tx, err,
                   "update deliveries set state = ?2, problem = ?3 where id = ?1 and state <> "
                   "'done' and (state <> ?2 or coalesce(problem, '') <> coalesce(?3, ''))",
                   "sss", delivery, state, problem) &&
            (!db_changed(tx) ||
             (say_changed(tx, delivery, err) &&
              (strcmp(state, "failed") != 0 ||
               hooks_tell(tx, "delivery.failed", delivery, NULL, clock_now_ms(), err)))));
}

bool delivery_done(struct db_tx *tx, const char *job, const sha256 *content, int64_t size,
                   const json_t *facts, struct error *err)
{
    char delivery[27] = "";
    json_t *profile = NULL, *source = NULL, *sound = NULL;
    struct db_rows *rows = db_query(
        tx,
        "select d.id, d.spec, v.facts, (select p.result from delivery_pieces p where p.job "
        "= d.job and p.step = 'sound') from deliveries d join versions v on v.id = "
        "d.version where d.job = ?1",
        "s", job);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), delivery, sizeof(delivery));
        profile = json_loads(db_text(rows, 1), 0, NULL);
        source = db_null(rows, 2) ? NULL : json_loads(db_text(rows, 2), 0, NULL);
        sound = db_null(rows, 3) ? NULL : json_loads(db_text(rows, 3), 0, NULL);
    }
    bool ok = db_end(rows, err), all;
    if (ok && (!profile || !source || !json_is_object(facts))) {
        ok = error_set(err, ERROR_CHILD, "the result can not be checked");
        error_why(err, "what was asked, or what it is, is not known");
    }
    json_t *list =
        ok ? deliver_checks(profile, source, facts, json_object_get(sound, "tracks"), &all) : NULL;
    char *checks = list ? json_dumps(list, JSON_COMPACT) : NULL;
    ok = ok &&
         db_run(tx, err,
                "update deliveries set state = 'done', problem = null, content = ?2, size = ?3, "
                "checks = ?4 where id = ?1",
                "sbis", delivery, (const void *)content->at, (size_t)SHA256_SIZE, size, checks) &&
         say_changed(tx, delivery, err) &&
         hooks_tell(tx, "delivery.done", delivery, NULL, clock_now_ms(), err);
    free(checks);
    json_decref(list);
    json_decref(profile);
    json_decref(source);
    json_decref(sound);
    return ok;
}
