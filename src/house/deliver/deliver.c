#include "house/deliver/deliver.h"
#include "formats/naming/naming.h"
#include "formats/profile/hdr.h"
#include "formats/profile/profile.h"
#include "formats/profile/routes.h"
#include "house/assets/assets.h"
#include "house/captions/captions.h"
#include "house/deliver/beside.h"
#include "house/deliver/checks.h"
#include "house/deliver/hooks.h"
#include "house/deliver/inside.h"
#include "house/deliver/looks.h"
#include "house/deliver/outside.h"
#include "house/deliver/package.h"
#include "house/deliver/parts.h"
#include "house/deliver/record.h"
#include "house/deliver/sending.h"
#include "house/jobs/jobs.h"
#include "house/qc/reports.h"
#include "plat/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

// The facts with the captions that people brought for it, as the readiness sees them. A new
// reference.
static bool with_captions(struct db_tx *tx, const struct version_source *v, const json_t *facts,
                          json_t **to, struct error *err)
{
    json_t *list;
    if (!captions_list(tx, v->asset, &list, err))
        return false;
    *to = json_copy((json_t *)(uintptr_t)facts);
    profile_supply(*to, list);
    json_decref(list);
    return true;
}

static bool suits(struct db_tx *tx, const struct delivery_wish *w, const struct version_source *v,
                  const json_t *facts, struct error *err)
{
    json_t *told = NULL, *supplied = NULL;
    if (!facts) {
        error_set(err, ERROR_CONFLICT, "%s cannot be delivered yet", v->name);
        error_why(err, "the house has not looked into it, or could not");
        return error_fix(err, "wait until it is ready, or see what its job says");
    }
    bool ok = with_captions(tx, v, facts, &supplied, err) &&
              profile_makes(w->profile, supplied, v->name, err) &&
              (!w->rules || (record_told_get(tx, v->asset, &told, err) &&
                             record_suits(w->rules, w->profile, facts, told, v->name, err)));
    json_decref(supplied);
    json_decref(told);
    return ok;
}

bool delivery_say(struct db_tx *tx, const char *delivery, struct error *err)
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
    const char *extension = profile_several(w->profile) // a folder has none
                                ? NULL
                                : json_string_value(json_object_get(w->profile, "extension"));
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

// Whether captions are taken out of the master: nobody brought any, and the profile wants some.
static bool from_within(struct db_tx *tx, const struct delivery_wish *w,
                        const struct version_source *v, const json_t *facts, bool *within,
                        struct error *err)
{
    json_t *brought;
    *within = false;
    if (!profile_captions_wanted(w->profile) || !json_array_size(json_object_get(facts, "video")))
        return true;
    if (!captions_list(tx, v->asset, &brought, err))
        return false;
    json_t *rows = profile_within(facts);
    *within = !json_array_size(brought) && json_array_size(rows) > 0;
    json_decref(rows);
    json_decref(brought);
    return true;
}

// Whether captions may lie beside it: what a watch rule asks for takes those that there are then.
static bool captions_beside(const struct delivery_wish *w, bool within)
{
    const json_t *asked = json_object_get(w->profile, "captions");
    return json_array_size(json_object_get(asked, "formats")) > 0 &&
           (within || !w->captions || json_array_size(w->captions) > 0);
}

static bool make_job(struct db_tx *tx, const struct delivery_wish *w,
                     const struct version_source *v, const json_t *facts, const char *name,
                     const char *delivery, struct arena *a, int64_t now_ms, id *job,
                     struct error *err)
{
    struct delivery_steps steps;
    bool within;
    if (!from_within(tx, w, v, facts, &within, err))
        return false;
    const char *profile = json_string_value(json_object_get(w->profile, "name"));
    const char *extension = json_string_value(json_object_get(w->profile, "extension"));
    bool outside = outside_wanted(w->profile), several = profile_several(w->profile);
    json_t *made =
        outside ? outside_between(w->profile) : json_incref((json_t *)(uintptr_t)w->profile);
    json_t *ticket = json_pack("{s:s, s:o, s:s}", "kind", "encode", "profile", made, "output",
                               outside   ? "between.mov"
                               : several ? arena_format(a, "%.230s%s", name, extension)
                                         : name);
    if (w->captions)
        json_object_set(ticket, "caption_versions", (json_t *)(uintptr_t)w->captions);
    delivery_steps_make(w->profile, facts, several || captions_beside(w, within), within, &steps);
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
                            .steps = steps.at,
                            .step_count = steps.count,
                            .unit = "parts"};
    bool ok = job_make(tx, &wish, now_ms, job, err);
    delivery_steps_free(&steps);
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
              db_run(tx, err, "insert into delivery_orders values (?1, ?2, ?3, ?4, ?5)", "sssss",
                     delivery->text, w->destination, w->rule, naming, w->person) &&
              beside_freeze(tx, delivery->text, w->beside, w->beside_count, err) &&
              delivery_say(tx, delivery->text, err);
    free(naming);
    free(spec);
    return ok;
}

// The profile with what was told of the master's light, where the order states nothing else; a new
// reference, NULL with an error.
static json_t *stated(struct db_tx *tx, const json_t *profile, const char *asset, struct error *err)
{
    struct record_light told;
    const json_t *own = json_object_get(profile, "stated");
    if (!record_light_told(tx, asset, &told, err))
        return NULL;
    json_t *to = json_deep_copy(profile);
    bool ok =
        hdr_order(to, *told.display ? told.display : NULL, *told.light ? told.light : NULL, err);
    if (ok && own) {
        json_t *both = json_object_get(to, "stated");
        json_object_update(both, (json_t *)(uintptr_t)own);
    }
    if (ok)
        return to;
    json_decref(to);
    return NULL;
}

bool delivery_make(struct db_tx *tx, const struct delivery_wish *wish, int64_t now_ms, id *delivery,
                   struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct version_source v;
    struct delivery_wish w = *wish;
    json_t *profile = NULL;
    bool ok = version_source(tx, w.version, a, &v, err) &&
              (profile = stated(tx, w.profile, v.asset, err)) != NULL;
    json_t *facts = ok && v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    w.profile = profile;
    ok = ok && suits(tx, &w, &v, facts, err) && insert(tx, &w, &v, facts, a, now_ms, delivery, err);
    json_decref(facts);
    json_decref(profile);
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

static json_t *planned_channel(const struct route_channel *c)
{
    json_t *from = json_array();
    for (size_t i = 0; i < c->count; i++)
        json_array_append_new(from, json_pack("{s:i, s:i, s:f}", "track", c->from[i].track + 1,
                                              "channel", c->from[i].channel + 1, "gain_db",
                                              20 * log10(fmax(c->from[i].gain, 1e-5))));
    return json_pack("{s:s, s:o}", "label", channel_row(c->label)->label, "from", from);
}

static json_t *planned_sound(const json_t *profile, const json_t *facts)
{
    json_t *list = json_array();
    if (!json_object_get(profile, "audio") || !json_array_size(json_object_get(facts, "audio")))
        return list;
    struct routes *routes = routes_make(profile, facts);
    for (size_t i = 0; i < routes->count; i++) {
        const struct route *r = &routes->at[i];
        json_t *channels = json_array();
        for (int c = 0; c < r->channels; c++)
            json_array_append_new(channels, planned_channel(&r->at[c]));
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:s, s:s*, s:s*}", "name", route_name(r).text,
                            "layout", r->layout ? r->layout->name : "", "channels", channels, "how",
                            r->how, "language", r->language, "title", r->title));
    }
    routes_close(routes);
    return list;
}

// What is missing, or has to be said by somebody.
static json_t *lacking(const json_t *profile, const json_t *facts)
{
    bool fits;
    json_t *all = profile_fit(profile, facts, &fits), *list = json_array(), *row;
    size_t i;
    json_array_foreach(all, i, row)
    {
        const char *state = json_string_value(json_object_get(row, "state"));
        if (state && strcmp(state, "ok") != 0)
            json_array_append(list, row);
    }
    json_decref(all);
    return list;
}

static bool planned_beside(struct db_tx *tx, const char *film, const json_t *profile,
                           struct arena *a, json_t *list, struct error *err)
{
    struct beside_source *at;
    size_t count = 0;
    bool ok = beside_sources(tx, film, a, &at, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "asset", at[i].asset, "kind",
                                              at[i].kind, "name", at[i].name, "goes",
                                              beside_goes(at[i].kind, profile)));
    return ok;
}

// The sound, the loudness, what is missing, and what goes along.
static bool plan_media(struct db_tx *tx, const json_t *profile, const struct version_source *v,
                       json_t *facts, struct arena *a, json_t *plan, struct error *err)
{
    json_t *said = stated(tx, profile, v->asset, err), *beside = json_array();
    const json_t *loudness = json_object_get(profile, "loudness");
    const char *apply = json_string_value(json_object_get(loudness, "apply"));
    json_object_set_new(plan, "sound", planned_sound(profile, facts));
    json_object_set_new(plan, "fit", said ? lacking(said, facts) : json_array());
    json_object_set_new(plan, "beside", beside);
    json_object_set_new(plan, "applies", json_string(apply ? apply : "report"));
    if (loudness)
        json_object_set(plan, "loudness", (json_t *)(uintptr_t)loudness);
    bool ok = said && planned_beside(tx, v->asset, profile, a, beside, err);
    json_decref(said);
    return ok;
}

bool delivery_plan(struct db_tx *tx, const struct delivery_wish *w, int64_t now_ms, json_t **plan,
                   struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct version_source v;
    struct error why;
    const char *name = "";
    json_t *values = NULL;
    *plan = NULL;
    bool ok = version_source(tx, w->version, a, &v, err);
    json_t *facts = ok && v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    error_clear(&why);
    if (ok) {
        bool well = name_of(tx, w, &v, facts, a, now_ms, &name, &values, &why) &&
                    suits(tx, w, &v, facts, &why) && qc_is_passed(tx, w, &why);
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
        ok = plan_media(tx, w->profile, &v, facts, a, *plan, err);
    }
    if (!ok) {
        json_decref(*plan);
        *plan = NULL;
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
    }
    if (strcmp(db_text(rows, 6), "done") == 0)
        json_object_set_new(json, "size", json_integer(db_int(rows, 9)));
    json_t *checks = json_loads(db_text(rows, 10), 0, NULL);
    json_object_set_new(json, "checks", checks ? checks : json_array());
    if (!db_null(rows, 11))
        json_object_set_new(json, "problem", json_loads(db_text(rows, 11), 0, NULL));
    return json;
}

static json_t *file_json(struct db_rows *rows)
{
    size_t size;
    sha256 content = {0};
    const void *at = db_blob(rows, 3, &size);
    if (at && size == SHA256_SIZE)
        memcpy(content.at, at, SHA256_SIZE);
    json_t *about = json_loads(db_text(rows, 5), 0, NULL);
    json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:I}", "number", (json_int_t)db_int(rows, 0),
                             "name", db_text(rows, 1), "role", db_text(rows, 2), "content",
                             sha256_text(&content).text, "size", (json_int_t)db_int(rows, 4));
    json_object_update(json, about);
    json_decref(about);
    return json;
}

static bool files_into(struct db_tx *tx, json_t *delivery, struct error *err)
{
    json_t *list = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select number, name, role, content, size, about from delivery_files where "
                 "delivery = ?1 order by number",
                 "s", json_string_value(json_object_get(delivery, "id")));
    while (db_next(rows))
        json_array_append_new(list, file_json(rows));
    json_object_set_new(delivery, "files", list);
    return db_end(rows, err);
}

bool delivery_get(struct db_tx *tx, const char *delivery, json_t **json, struct error *err)
{
    *json = NULL;
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from deliveries where id = ?1", "s", delivery);
    if (db_next(rows))
        *json = delivery_json(rows);
    if (db_end(rows, err) &&
        (!*json || (files_into(tx, *json, err) && sendings_into(tx, *json, err))))
        return *json || error_set(err, ERROR_NOT_FOUND, "there is no such delivery");
    json_decref(*json), *json = NULL;
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
    json_array_foreach(*list, i, row) ok =
        ok && files_into(tx, row, err) && sendings_into(tx, row, err);
    if (ok)
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// Of which there may be several.
static bool no_file(struct db_tx *tx, const char *delivery, int64_t number, struct error *err)
{
    char name[256] = "", state[16] = "";
    struct db_rows *rows =
        db_query(tx, "select name, state from deliveries where id = ?1", "s", delivery);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), name, sizeof(name));
        text_copy(text_of(db_text(rows, 1)), state, sizeof(state));
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such delivery");
    if (strcmp(state, "done") != 0) {
        error_set(err, ERROR_CONFLICT, "%s is not made yet", name);
        return error_fix(err, "wait until its job is done");
    }
    if (number >= 0)
        return error_set(err, ERROR_NOT_FOUND, "%s has no such file", name);
    error_set(err, ERROR_CONFLICT, "%s is several files", name);
    return error_fix(err, "ask for them one by one: /deliveries/%s/files/0, and so on", delivery);
}

bool delivery_file(struct db_tx *tx, const char *delivery, int64_t number, struct arena *a,
                   struct delivery_file *file, struct error *err)
{
    bool done = false;
    struct db_rows *rows =
        number < 0 ? db_query(tx,
                              "select f.name, f.content, f.size from deliveries d join "
                              "delivery_files f on f.delivery = d.id and f.number = 0 where d.id = "
                              "?1 and d.content is not null",
                              "s", delivery)
                   : db_query(tx,
                              "select name, content, size from delivery_files where delivery = ?1 "
                              "and number = ?2",
                              "si", delivery, number);
    if (db_next(rows)) {
        size_t size;
        const void *at = db_blob(rows, 1, &size);
        done = at && size == SHA256_SIZE;
        *file = (struct delivery_file){.name = arena_text(a, db_text(rows, 0)),
                                       .size = db_int(rows, 2)};
        if (done)
            memcpy(file->content.at, at, SHA256_SIZE);
    }
    return db_end(rows, err) && (done || no_file(tx, delivery, number, err));
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
             (delivery_say(tx, delivery, err) &&
              (strcmp(state, "failed") != 0 ||
               hooks_tell(tx, "delivery.failed", delivery, NULL, clock_now_ms(), err)))));
}

bool delivery_judged(struct db_tx *tx, const char *job, const json_t *facts, json_t **checks,
                     struct error *err)
{
    json_t *profile = NULL, *source = NULL, *sound = NULL;
    struct db_rows *rows =
        db_query(tx,
                 "select d.spec, v.facts, (select p.result from delivery_pieces p where p.job "
                 "= d.job and p.step = 'sound') from deliveries d join versions v on v.id = "
                 "d.version where d.job = ?1",
                 "s", job);
    if (db_next(rows)) {
        profile = json_loads(db_text(rows, 0), 0, NULL);
        source = db_null(rows, 1) ? NULL : json_loads(db_text(rows, 1), 0, NULL);
        sound = db_null(rows, 2) ? NULL : json_loads(db_text(rows, 2), 0, NULL);
    }
    bool ok = db_end(rows, err), all;
    if (ok && (!profile || !source || !json_is_object(facts))) {
        ok = error_set(err, ERROR_CHILD, "the result can not be checked");
        error_why(err, "what was asked, or what it is, is not known");
    }
    *checks =
        ok ? deliver_checks(profile, source, facts, json_object_get(sound, "tracks"), &all) : NULL;
    json_decref(profile);
    json_decref(source);
    json_decref(sound);
    return ok;
}

// What it takes to look at it beside its master. `facts` NULL: those that its muxer brought.
static bool keep_look(struct db_tx *tx, const char *job, const char *delivery, const json_t *facts,
                      struct error *err)
{
    json_t *index = NULL, *mux = NULL;
    struct db_rows *rows = db_query(
        tx,
        "select (select result from delivery_pieces where job = ?1 and step = 'index' and task = "
        "0), (select result from delivery_pieces where job = ?1 and step = 'mux' and task = 0)",
        "s", job);
    if (db_next(rows)) {
        index = db_null(rows, 0) ? NULL : json_loads(db_text(rows, 0), 0, NULL);
        mux = db_null(rows, 1) ? NULL : json_loads(db_text(rows, 1), 0, NULL);
    }
    facts = facts ? facts : json_object_get(mux, "facts");
    bool ok = db_end(rows, err) &&
              (!facts || look_keep(tx, delivery, facts, json_object_get(index, "plan"), err));
    json_decref(index);
    json_decref(mux);
    return ok;
}

static bool insert_files(struct db_tx *tx, const char *delivery, const struct delivered *files,
                         size_t count, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        char *about = files[i].about ? json_dumps(files[i].about, JSON_COMPACT) : strdup("{}");
        ok = db_run(tx, err, "insert into delivery_files values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    "sissbis", delivery, (int64_t)i, files[i].name, files[i].role,
                    (const void *)files[i].content.at, (size_t)SHA256_SIZE, files[i].size, about);
        free(about);
    }
    return ok;
}

bool delivery_done(struct db_tx *tx, const char *job, const struct delivered *files, size_t count,
                   bool several, const json_t *checks, struct error *err)
{
    char delivery[27], *written = json_dumps(checks, JSON_COMPACT);
    int64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += files[i].size;
    bool ok =
        of_job(tx, job, delivery, err) && insert_files(tx, delivery, files, count, err) &&
        db_run(tx, err,
               "update deliveries set state = 'done', problem = null, content = ?2, size = ?3, "
               "checks = ?4 where id = ?1",
               "sbis", delivery, several || !count ? NULL : (const void *)files[0].content.at,
               (size_t)SHA256_SIZE, size, written) &&
        (several || keep_look(tx, job, delivery, NULL, err)) && delivery_say(tx, delivery, err) &&
        hooks_tell(tx, "delivery.done", delivery, NULL, clock_now_ms(), err);
    free(written);
    return ok;
}

bool delivery_done_one(struct db_tx *tx, const char *job, const sha256 *content, int64_t size,
                       const json_t *facts, struct error *err)
{
    char name[256] = "", delivery[27] = "";
    json_t *checks = NULL;
    struct db_rows *rows = db_query(tx, "select name, id from deliveries where job = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), name, sizeof(name)),
            text_copy(text_of(db_text(rows, 1)), delivery, sizeof(delivery));
    const struct delivered one = {.name = name, .role = "media", .content = *content, .size = size};
    bool ok = db_end(rows, err) && delivery_judged(tx, job, facts, &checks, err) &&
              keep_look(tx, job, delivery, facts, err) &&
              delivery_done(tx, job, &one, 1, false, checks, err);
    json_decref(checks);
    return ok;
}

bool delivery_goes_on(struct db_tx *tx, const char *job, const char *after, bool *on,
                      struct error *err)
{
    int64_t count;
    bool mux = strcmp(after, "mux") == 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from steps s join jobs j on j.number = s.job where j.id "
                         "= ?1 and (s.name = 'bind' or (s.name = 'outside' and ?2 = 1))",
                         "si", job, (int64_t)mux);
    *on = ok && count > 0;
    return ok;
}
