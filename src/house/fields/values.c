/*
 * Values with where they came from. Every value that was ever set is a row; one of an asset and a
 * field holds. A change is what was set together.
 */
#include "house/assets/assets.h"
#include "house/fields/inside.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- setting

struct standing { // the value that holds
    const char *value;
    int64_t number;
    bool of_file; // said by the media file itself
};

static bool standing_of(struct db_tx *tx, const char *asset, int64_t field, struct arena *a,
                        struct standing *s, struct error *err)
{
    *s = (struct standing){.value = ""};
    struct db_rows *rows = db_query(tx,
                                    "select v.value, v.number, c.kind from field_values v join "
                                    "field_changes c on c.id = v.change where v.asset = ?1 and "
                                    "v.field = ?2 and v.now = 1",
                                    "si", asset, field);
    if (db_next(rows))
        *s = (struct standing){arena_text(a, db_text(rows, 0)), db_int(rows, 1),
                               strcmp(db_text(rows, 2), "file") == 0};
    return db_end(rows, err);
}

static bool put(struct db_tx *tx, const char *project, const struct field_set *set,
                const struct standing *was, const char *change, struct error *err)
{
    return (!was->number ||
            db_run(tx, err,
                   "update field_values set now = 0 where asset = ?1 and field = ?2 and number = "
                   "?3",
                   "sii", set->asset, set->field, was->number)) &&
           db_run(tx, err,
                  "insert into field_values (asset, field, number, value, now, change, line, "
                  "project) values (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7)",
                  "siissis", set->asset, set->field, was->number + 1, set->value, change, set->line,
                  project);
}

bool change_begin(struct db_tx *tx, const char *project, const struct teller *by, const char *title,
                  id *change, struct error *err)
{
    int64_t last = 0;
    *change = id_new();
    return db_one_int(tx, &last, 0, err, "select max(number) from field_changes where project = ?1",
                      "s", project) &&
           db_run(tx, err,
                  "insert into field_changes (id, project, number, kind, title, person, name, "
                  "at_ms, count) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
                  "ssissssi", change->text, project, last + 1, by->kind, title, by->person,
                  by->name, clock_now_ms());
}

static bool change_end(struct db_tx *tx, const char *change, int64_t count, struct error *err)
{
    return count ? db_run(tx, err, "update field_changes set count = ?2 where id = ?1", "si",
                          change, count)
                 : db_run(tx, err, "delete from field_changes where id = ?1", "s", change);
}

bool values_set(struct db_tx *tx, const char *project, const struct teller *by, const char *title,
                const struct field_set *sets, size_t set_count, char change[27], int64_t *count,
                struct error *err)
{
    id made;
    bool file = strcmp(by->kind, "file") == 0, ok = true;
    struct arena *a = NULL;
    *count = 0;
    change[0] = 0;
    if (!change_begin(tx, project, by, title, &made, err))
        return false;
    for (size_t i = 0; ok && i < set_count; i++) {
        struct standing was;
        if (i % 1000 == 0) { // what stood is wanted for a moment only
            arena_close(a);
            a = arena_open(16 << 20);
        }
        ok = standing_of(tx, sets[i].asset, sets[i].field, a, &was, err);
        bool others = file && was.number && !was.of_file;
        if (ok && !others && strcmp(was.value, sets[i].value) != 0) {
            ok = put(tx, project, &sets[i], &was, made.text, err);
            ++*count;
        }
    }
    arena_close(a);
    if (!ok || !change_end(tx, made.text, *count, err))
        return false;
    if (*count)
        text_copy(text_of(made.text), change, 27);
    return !*count || say_fields(tx, project, made.text, file ? sets[0].asset : NULL, err);
}

static bool in_project(struct db_tx *tx, const char *project, const char *asset, bool *in,
                       struct error *err)
{
    int64_t count = 0;
    bool ok =
        db_one_int(tx, &count, 0, err, "select count(*) from assets where id = ?1 and project = ?2",
                   "ss", asset, project);
    *in = count > 0;
    return ok;
}

bool value_set(struct db_tx *tx, const char *project, const struct field_set *set,
               const char *change, struct arena *a, enum value_fate *fate, struct error *err)
{
    struct standing was = {.value = ""};
    bool in;
    if (!in_project(tx, project, set->asset, &in, err) ||
        (in && !standing_of(tx, set->asset, set->field, a, &was, err)))
        return false;
    *fate = in && strcmp(was.value, set->value) == 0 ? VALUE_SAME
            : in && strcmp(was.value, set->was) == 0 ? VALUE_SET
                                                     : VALUE_STAYED;
    return *fate != VALUE_SET || put(tx, project, set, &was, change, err);
}

// What a bulk edit sets, as kept; INPUT with the field and why.
static bool wishes_of(const json_t *set, const struct field *fields, size_t field_count,
                      struct arena *a, struct field_set *to, struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(set, i, one)
    {
        const char *key = json_string_value(json_object_get(one, "field"));
        const char *said = json_string_value(json_object_get(one, "value")), *why;
        const struct field *f = field_of(fields, field_count, field_number(key));
        double at;
        if (!f) {
            error_set(err, ERROR_NOT_FOUND, "there is no field %s", key ? key : "");
            return error_fix(err, "load the fields again");
        }
        to[i].field = f->number;
        if (field_value(f, said ? said : "", a, &to[i].value, &at, &why))
            continue;
        error_set(err, ERROR_INPUT, "%s can not be \"%.60s\"", f->name, said);
        error_why(err, "%s", why);
        return error_fix(err, "write another value");
    }
    return true;
}

// ---- what whoever sets a value had seen

struct unseen { // values that are others than those that were seen, and are not what is wished
    int64_t count;
    char asset[256], by[256], value[80], field[64];
};

// Who said the value that holds.
static bool say_who(struct db_tx *tx, const char *asset, const struct field *f, struct unseen *u,
                    struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select a.name, coalesce(p.name, c.name, ''), v.value from assets a left join field_values "
        "v on v.asset = a.id and v.field = ?2 and v.now = 1 left join field_changes c on c.id = "
        "v.change left join people p on p.id = c.person where a.id = ?1",
        "si", asset, f->number);
    if (db_next(rows)) {
        const char *value = db_text(rows, 2);
        text_copy(text_of(db_text(rows, 0)), u->asset, sizeof(u->asset));
        text_copy(text_of(db_text(rows, 1)), u->by, sizeof(u->by));
        text_copy(text_of(value ? value : ""), u->value, sizeof(u->value));
    }
    text_copy(text_of(f->name), u->field, sizeof(u->field));
    return db_end(rows, err);
}

static bool was_refused(const struct unseen *u, struct error *err)
{
    char more[64] = "";
    if (!u->count)
        return true;
    if (u->count > 1)
        snprintf(more, sizeof(more), "; %lld more have other values too", (long long)u->count - 1);
    error_set(err, ERROR_CONFLICT, "%s of %.120s was not set", u->field, u->asset);
    error_why(err, "%.80s %s%.60s%s meanwhile%s", *u->by ? u->by : "somebody",
              *u->value ? "set it to \"" : "took its value away", u->value, *u->value ? "\"" : "",
              more);
    return error_fix(err, "leave it so, or set it again, now that it was seen");
}

// CONFLICT when one of `was` ({asset: value}) is another by now: nothing is set over what nobody
// saw.
static bool still_seen(struct db_tx *tx, const char *project, const json_t *set,
                       const struct field *fields, size_t field_count, const struct field_set *wish,
                       struct error *err)
{
    struct unseen u = {0};
    size_t i;
    const json_t *one, *said;
    const char *asset;
    json_array_foreach(set, i, one)
    {
        json_object_foreach((json_t *)json_object_get(one, "was"), asset, said)
        {
            struct arena *a = arena_open(64 << 10);
            struct standing now = {.value = ""};
            const char *was = json_string_value(said);
            bool in, ok = in_project(tx, project, asset, &in, err) &&
                          (!in || standing_of(tx, asset, wish[i].field, a, &now, err));
            bool other = ok && in && strcmp(now.value, was ? was : "") != 0 &&
                         strcmp(now.value, wish[i].value) != 0;
            arena_close(a);
            if (!ok || (other && !u.count++ &&
                        !say_who(tx, asset, field_of(fields, field_count, wish[i].field), &u, err)))
                return false;
        }
    }
    return was_refused(&u, err);
}

static json_t *no_change(void)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:n}", "number", (json_int_t)0,
                     "kind", "person", "title", "", "by", "", "at", "1970-01-01T00:00:00Z", "count",
                     (json_int_t)0, "undone", 0, "left", (json_int_t)0, "run");
}

// Every value for every asset of the project; count says how many that are.
static bool spread(struct db_tx *tx, const char *project, const json_t *assets,
                   const struct field_set *wish, size_t wanted, struct field_set *sets,
                   size_t *count, struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(assets, i, one)
    {
        bool in;
        const char *asset = json_string_value(one);
        if (!in_project(tx, project, asset ? asset : "", &in, err))
            return false;
        for (size_t k = 0; in && k < wanted; k++) {
            sets[*count] = wish[k];
            sets[(*count)++].asset = asset;
        }
    }
    return true;
}

bool values_bulk(struct db_tx *tx, const char *project, const struct teller *by,
                 const json_t *assets, const json_t *set, json_t **change, struct error *err)
{
    struct arena *a = arena_open(512 << 20);
    struct field *fields;
    size_t field_count, wanted = json_array_size(set), asset_count = json_array_size(assets);
    size_t count = 0;
    struct field_set *wish = ARENA_ARRAY(a, struct field_set, wanted + 1);
    struct field_set *sets = ARENA_ARRAY(a, struct field_set, wanted * asset_count + 1);
    char made[27];
    int64_t done = 0;
    *change = NULL;
    bool ok = fields_load(tx, project, a, &fields, &field_count, err) &&
              wishes_of(set, fields, field_count, a, wish, err) &&
              still_seen(tx, project, set, fields, field_count, wish, err) &&
              spread(tx, project, assets, wish, wanted, sets, &count, err);
    const struct field *f = ok && wanted ? field_of(fields, field_count, wish[0].field) : NULL;
    const char *title = arena_format(a, "%s of %zu asset%s", wanted == 1 && f ? f->name : "fields",
                                     asset_count, asset_count == 1 ? "" : "s");
    ok = ok && values_set(tx, project, by, title, sets, count, made, &done, err);
    if (ok && done)
        ok = change_json(tx, made, 0, change, err);
    else if (ok)
        *change = no_change();
    arena_close(a);
    return ok;
}

// ---- what files say

// Where a file says it: iXML of sound, the metadata keys of Final Cut and cameras in QuickTime.
static const struct {
    const char *at, *field, *says;
} places[] = {
    {"ixml/SCENE", "scene", "iXML SCENE"},
    {"ixml/TAKE", "take", "iXML TAKE"},
    {"ixml/TAPE", "reel", "iXML TAPE"},
    {"ixml/NOTE", "notes", "iXML NOTE"},
    {"mdta/com.apple.proapps.scene", "scene", "QuickTime scene"},
    {"mdta/com.apple.proapps.shot", "take", "QuickTime shot"},
    {"mdta/com.apple.proapps.reel", "reel", "QuickTime reel"},
    {"mdta/com.apple.proapps.cameraName", "camera", "QuickTime camera"},
};
// The same in what libav gives as tags; sSCENE= and so on stand in bext's description.
static const struct {
    const char *tag, *field;
} tags[] = {{"reel_name", "reel"},
            {"reel", "reel"},
            {"scene", "scene"},
            {"take", "take"},
            {"com.apple.proapps.scene", "scene"},
            {"com.apple.proapps.shot", "take"},
            {"com.apple.proapps.reel", "reel"},
            {"com.apple.proapps.cameraName", "camera"}};
static const struct {
    const char *key, *field;
} bext_lines[] = {{"sSCENE=", "scene"}, {"zSCENE=", "scene"}, {"sTAKE=", "take"},
                  {"zTAKE=", "take"},   {"sTAPE=", "reel"},   {"zTAPE=", "reel"},
                  {"sNOTE=", "notes"},  {"zNOTE=", "notes"}};

struct said_of_file {
    struct field *fields;
    size_t field_count;
    struct arena *a;
    struct field_set sets[8];
    size_t count;
    const char *asset, *where;
};

// The first place that says a field counts.
static void take(struct said_of_file *s, const char *folded, text value, const char *where)
{
    const struct field *f = NULL;
    const char *kept, *why;
    double at;
    for (size_t i = 0; i < s->field_count; i++)
        if (strcmp(s->fields[i].folded, folded) == 0)
            f = &s->fields[i];
    value = text_trim(value);
    if (!f || !value.size || s->count == 8 ||
        !field_value(f, arena_copy(s->a, value.at, value.size), s->a, &kept, &at, &why))
        return;
    for (size_t i = 0; i < s->count; i++)
        if (s->sets[i].field == f->number)
            return;
    s->sets[s->count++] = (struct field_set){.asset = s->asset, .field = f->number, .value = kept};
    s->where = s->where ? s->where : where;
}

static void take_bext(struct said_of_file *s, const char *words)
{
    for (text rest = text_of(words); rest.size;) {
        text line = text_trim(text_cut(&rest, '\n'));
        for (size_t i = 0; i < sizeof(bext_lines) / sizeof(bext_lines[0]); i++)
            if (text_starts(line, bext_lines[i].key)) {
                size_t skip = strlen(bext_lines[i].key);
                take(s, bext_lines[i].field, (text){line.at + skip, line.size - skip},
                     "bext description");
            }
    }
}

static void take_pair(struct said_of_file *s, const char *at, const char *value)
{
    for (size_t k = 0; at && value && k < sizeof(places) / sizeof(places[0]); k++)
        if (strcmp(at, places[k].at) == 0)
            take(s, places[k].field, text_of(value), places[k].says);
}

static void take_facts(struct said_of_file *s, const json_t *facts)
{
    size_t i;
    json_t *pair, *value, *all = json_object_get(facts, "metadata");
    const char *key;
    json_array_foreach(all, i, pair) take_pair(s, json_string_value(json_object_get(pair, "at")),
                                               json_string_value(json_object_get(pair, "value")));
    json_array_foreach(all, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (at && strcmp(at, "bext/Description") == 0)
            take_bext(s, json_string_value(json_object_get(pair, "value")));
    }
    json_object_foreach(json_object_get(facts, "tags"), key, value)
    {
        for (size_t k = 0; json_is_string(value) && k < sizeof(tags) / sizeof(tags[0]); k++)
            if (strcasecmp(key, tags[k].tag) == 0)
                take(s, tags[k].field, text_of(json_string_value(value)), "its tags");
    }
}

static bool file_says(struct db_tx *tx, const char *project, struct said_of_file *s,
                      const json_t *facts, struct error *err)
{
    char change[27];
    int64_t count;
    if (!fields_ensure(tx, project, err) ||
        !fields_load(tx, project, s->a, &s->fields, &s->field_count, err))
        return false;
    take_facts(s, facts);
    return !s->count || values_set(tx, project, &(struct teller){.kind = "file", .name = s->where},
                                   "what the file says", s->sets, s->count, change, &count, err);
}

bool values_of_file(struct db_tx *tx, const char *asset, struct error *err)
{
    struct said_of_file s = {.a = arena_open(64 << 20), .asset = asset};
    char project[27] = "";
    json_t *facts = NULL;
    struct db_rows *rows = db_query(tx,
                                    "select a.project, v.facts from assets a join versions v on "
                                    "v.id = a.newest where a.id = ?1",
                                    "s", asset);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
        facts = db_null(rows, 1) ? NULL : json_loads(db_text(rows, 1), 0, NULL);
    }
    bool ok = db_end(rows, err) && (!facts || file_says(tx, project, &s, facts, err));
    json_decref(facts);
    arena_close(s.a);
    return ok;
}

// ---- showing

#define IDS                                                                                        \
    "with recursive ids (n, id) as (select 0, substr(?1, 1, 26) union all select n + 1, "          \
    "substr(?1, 26 * (n + 1) + 1, 26) from ids where n + 1 < ?2) "

bool values_fill(struct db_tx *tx, json_t *const *assets, size_t count, struct error *err)
{
    struct buf ids = BUF_LIMIT(1 << 20);
    char key[24];
    if (!count)
        return true;
    for (size_t i = 0; i < count; i++) {
        buf_text(&ids, json_string_value(json_object_get(assets[i], "id")));
        json_object_set_new(assets[i], "fields", json_object());
    }
    struct db_rows *rows =
        db_query(tx,
                 IDS "select ids.n, v.field, v.value from ids join field_values v on v.asset = "
                     "ids.id where v.now = 1 and v.value <> ''",
                 "si", ids.at, (int64_t)count);
    while (db_next(rows)) {
        snprintf(key, sizeof(key), "f%lld", (long long)db_int(rows, 1));
        json_object_set_new(json_object_get(assets[db_int(rows, 0)], "fields"), key,
                            json_string(db_text(rows, 2)));
    }
    buf_free(&ids);
    return db_end(rows, err);
}

static json_t *at_json(int64_t at_ms)
{
    return json_string(clock_text(at_ms).text);
}

static json_t *row_json(struct db_rows *rows)
{
    const char *person = db_text(rows, 8);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:I}", "value", db_text(rows, 2), "from",
                     db_text(rows, 4), "title", db_text(rows, 5), "by",
                     person ? person : db_text(rows, 6), "at", at_json(db_int(rows, 7)), "line",
                     (json_int_t)db_int(rows, 3), "change", (json_int_t)db_int(rows, 9));
}

bool values_of(struct db_tx *tx, const char *asset, json_t **list, struct error *err)
{
    char key[24];
    json_t *of_field = NULL;
    int64_t last = 0;
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select v.field, v.now, v.value, v.line, c.kind, c.title, c.name, c.at_ms, p.name, "
        "c.number "
        "from field_values v join field_changes c on c.id = v.change left join people p on p.id = "
        "c.person where v.asset = ?1 order by v.field, v.number desc",
        "s", asset);
    while (db_next(rows)) {
        if (!of_field || db_int(rows, 0) != last) {
            last = db_int(rows, 0);
            snprintf(key, sizeof(key), "f%lld", (long long)last);
            of_field =
                json_pack("{s:s, s:s, s:[]}", "field", key, "value", db_text(rows, 2), "history");
            json_array_append_new(*list, of_field);
        }
        json_array_append_new(json_object_get(of_field, "history"), row_json(rows));
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- changes

#define CHANGE                                                                                     \
    "select c.id, c.number, c.kind, c.title, coalesce(p.name, c.name), c.at_ms, c.count, "         \
    "c.undone, r.total, r.done, r.stayed, r.began_ms, r.began_done, r.ended_ms, r.problem from "   \
    "field_changes c left join people p on p.id = c.person left join value_runs r on r.change = "  \
    "c.id "

static json_t *change_row(struct db_rows *rows, int64_t left)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:o, s:I, s:b, s:I, s:o}", "number",
                     (json_int_t)db_int(rows, 1), "kind", db_text(rows, 2), "title",
                     db_text(rows, 3), "by", db_text(rows, 4), "at", at_json(db_int(rows, 5)),
                     "count", (json_int_t)db_int(rows, 6), "undone", !db_null(rows, 7), "left",
                     (json_int_t)left, "run", run_json(rows, 8));
}

bool change_json(struct db_tx *tx, const char *change, int64_t left, json_t **json,
                 struct error *err)
{
    struct db_rows *rows = db_query(tx, CHANGE "where c.id = ?1", "s", change);
    *json = db_next(rows) ? change_row(rows, left) : NULL;
    return db_end(rows, err) &&
           (*json || error_set(err, ERROR_NOT_FOUND, "there is no such change"));
}

bool change_get(struct db_tx *tx, const char *project, int64_t number, json_t **change,
                struct error *err)
{
    struct db_rows *rows =
        db_query(tx, CHANGE "where c.project = ?1 and c.number = ?2", "si", project, number);
    *change = db_next(rows) ? change_row(rows, 0) : NULL;
    if (!db_end(rows, err))
        return false;
    if (*change)
        return true;
    error_set(err, ERROR_NOT_FOUND, "there is no change %lld", (long long)number);
    return error_fix(err, "load the list of changes again");
}

bool changes_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx, CHANGE "where c.project = ?1 and c.kind <> 'file' order by c.number desc limit 200",
        "s", project);
    while (db_next(rows))
        json_array_append_new(*list, change_row(rows, 0));
    return db_end(rows, err);
}

struct undoing {
    char asset[27];
    int64_t field;
    bool now;
    const char *was, *value;
};

// What the change set, with what stood before each.
static bool load_change(struct db_tx *tx, const char *change, struct arena *a,
                        struct undoing **list, size_t *count, struct error *err)
{
    int64_t most = 0;
    *count = 0;
    if (!db_one_int(tx, &most, 0, err, "select count(*) from field_values where change = ?1", "s",
                    change))
        return false;
    *list = ARENA_ARRAY(a, struct undoing, (size_t)most + 1);
    struct db_rows *rows =
        db_query(tx,
                 "select v.asset, v.field, v.now, coalesce((select b.value from field_values b "
                 "where b.asset = v.asset and b.field = v.field and b.number = v.number - 1), ''), "
                 "v.value from field_values v where v.change = ?1",
                 "s", change);
    while (db_next(rows) && *count < (size_t)most) {
        struct undoing *u = &(*list)[(*count)++];
        text_copy(text_of(db_text(rows, 0)), u->asset, sizeof(u->asset));
        u->field = db_int(rows, 1);
        u->now = db_int(rows, 2) != 0;
        u->was = arena_text(a, db_text(rows, 3));
        u->value = arena_text(a, db_text(rows, 4));
    }
    return db_end(rows, err);
}

static bool find_change(struct db_tx *tx, const char *project, int64_t number, char change[27],
                        char title[300], struct error *err)
{
    bool there = false, undone = false, runs = false;
    struct db_rows *rows = db_query(
        tx,
        "select c.id, c.undone, c.title, r.change is not null and r.ended_ms is null from "
        "field_changes c left join value_runs r on r.change = c.id where c.project = ?1 and "
        "c.number = ?2",
        "si", project, number);
    if (db_next(rows)) {
        there = true;
        runs = db_int(rows, 3) != 0;
        undone = !db_null(rows, 1);
        text_copy(text_of(db_text(rows, 0)), change, 27);
        text_copy(text_of(db_text(rows, 2)), title, 300);
    }
    if (!db_end(rows, err))
        return false;
    if (!there) {
        error_set(err, ERROR_NOT_FOUND, "there is no change %lld", (long long)number);
        return error_fix(err, "load the list of changes again");
    }
    if (runs) {
        error_set(err, ERROR_CONFLICT, "this change can not be undone yet");
        error_why(err, "its values are still being set");
        return error_fix(err, "wait until all of them are, then undo it");
    }
    if (!undone)
        return true;
    error_set(err, ERROR_CONFLICT, "this change is undone already");
    return error_fix(err, "undo the undoing to have it again");
}

struct undo_plan {
    char of[27];
    struct field_set *sets;
    size_t count;
    int64_t left; // were set again since
};

static bool plan_undo(struct db_tx *tx, const char *change, struct arena *a, struct undo_plan *plan,
                      struct error *err)
{
    struct undoing *list;
    size_t count;
    if (!load_change(tx, change, a, &list, &count, err))
        return false;
    memcpy(plan->of, change, sizeof(plan->of));
    plan->sets = ARENA_ARRAY(a, struct field_set, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (list[i].now)
            plan->sets[plan->count++] = (struct field_set){.asset = list[i].asset,
                                                           .field = list[i].field,
                                                           .value = list[i].was,
                                                           .was = list[i].value};
        else
            plan->left++;
    }
    return true;
}

bool change_undo_look(struct db_tx *tx, const char *project, int64_t number, struct arena *a,
                      const struct undo_plan **plan, struct error *err)
{
    char of[27], title[300];
    struct undo_plan *made = ARENA_NEW(a, struct undo_plan);
    *plan = made;
    return find_change(tx, project, number, of, title, err) && plan_undo(tx, of, a, made, err);
}

bool change_undo(struct db_tx *tx, const char *project, int64_t number,
                 const struct undo_plan *look, const struct teller *by, json_t **change,
                 struct error *err)
{
    char of[27], made[27], title[300];
    int64_t done = 0;
    struct undo_plan own = {0};
    struct teller undoer = *by;
    undoer.kind = "undo";
    *change = NULL;
    if (!find_change(tx, project, number, of, title, err))
        return false;
    struct arena *a = arena_open((size_t)1 << 30);
    // A slice sets only what still stands; what is set here at once is read again.
    bool seen = look && strcmp(look->of, of) == 0 && look->count > RUN_LEAST;
    bool ok = seen || plan_undo(tx, of, a, &own, err);
    const struct undo_plan *plan = seen ? look : &own;
    const char *words = arena_format(a, "undone: %s", title);
    bool slices = plan->count > RUN_LEAST;
    ok = ok && (slices ? run_begin(tx, project, &undoer, words, plan->sets, plan->count, made, err)
                       : values_set(tx, project, &undoer, words, plan->sets, plan->count, made,
                                    &done, err));
    if (ok && !slices && !done) {
        error_set(err, ERROR_CONFLICT, "nothing of this change is left to undo");
        error_why(err, "all of its values were set again since");
        ok = error_fix(err, "set the values by hand");
    }
    ok = ok &&
         db_run(tx, err, "update field_changes set undone = ?2 where id = ?1", "ss", of, made) &&
         change_json(tx, made, plan->left, change, err);
    arena_close(a);
    return ok;
}
