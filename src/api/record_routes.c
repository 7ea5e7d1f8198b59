// What is known of a version, with the source of each value; and what people tell besides.
#include "api/inside.h"
#include "house/assets/assets.h"
#include "house/deliver/record.h"
#include "plat/clock.h"

#include <string.h>

enum { ARENA_BYTES = 64 << 20 };

struct asking {
    struct call *c;
    struct version_source v;
    json_t *facts, *told;
};

static void fresh(struct asking *q)
{
    json_decref(q->facts);
    json_decref(q->told);
    q->facts = q->told = NULL;
}

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    if (!version_source(tx, q->c->version, q->c->arena, &q->v, err) ||
        !record_told_get(tx, q->v.asset, &q->told, err))
        return false;
    q->facts = q->v.facts ? json_loads(q->v.facts, 0, NULL) : NULL;
    return true;
}

static json_t *fields(void)
{
    json_t *list = json_array();
    size_t count;
    const struct metadata_field *f = metadata_fields(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(f[i].name, "track.stream") && strcmp(f[i].name, "track.kind"))
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "name", f[i].name, "help",
                                                  f[i].help, "words", f[i].words ? f[i].words : "",
                                                  "several", f[i].group >= METADATA_LOCALISED));
    return list;
}

static json_t *values(const struct metadata *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->count; i++) {
        const struct metadata_value *v = &m->values[i];
        json_t *row = json_pack("{s:s, s:I, s:s}", "field", v->field->name, "number",
                                (json_int_t)v->item + 1, "value", v->value);
        json_object_set_new(row, "from",
                            json_string(v->from.person  ? v->from.person
                                        : v->from.where ? v->from.where
                                                        : ""));
        if (v->from.person && v->from.at)
            json_object_set_new(row, "told", json_string(v->from.at));
        json_array_append_new(list, row);
    }
    return list;
}

static bool answer(struct asking *q, bool done, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    const char *profiles = q->c->api->wish.profiles_folder;
    const char *rules =
        profiles ? arena_format(q->c->arena, "%s/../rules/metadata", profiles) : NULL;
    struct metadata *m = metadata_new(a);
    bool ok = done && (!rules || record_of_master(rules, q->facts, q->told, q->v.name, a, &m, err));
    if (ok)
        call_json(q->c, json_pack("{s:o, s:o}", "values", values(m), "fields", fields()));
    arena_close(a);
    fresh(q);
    return ok;
}

static bool record_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_read(c->api->db, read_in, &q, err), err);
}

static bool change_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *value = body_text(q->c, "value");
    struct record_told change = {.field = body_text(q->c, "field"),
                                 .item = (size_t)(body_int(q->c, "number", 1) - 1),
                                 .value = value ? value : "",
                                 .by = q->c->who.name};
    return read_in(tx, q, err) &&
           record_told_change(tx, q->v.asset, &change, clock_now_ms(), err) &&
           call_audit(q->c, tx, "record.changed", q->v.asset, change.field, err) &&
           read_in(tx, q, err);
}

static bool record_patch(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, change_in, &q, err), err);
}

const struct route record_routes[] = {
    {"GET", "/versions/{version}/record", MAY_VIEW, record_get, NULL, "Record", 0,
     "what is known of it, each value with its source", NULL},
    {"PATCH", "/versions/{version}/record", MAY_EDIT, record_patch, "RecordChange", "Record", 0,
     "tells a value of its asset; an empty one takes back what was told", NULL},
};
const size_t record_route_count = sizeof(record_routes) / sizeof(record_routes[0]);
