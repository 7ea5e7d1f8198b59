// What people told of an asset, over what its files say (table records): a record as JSON.
#include "house/deliver/record.h"

#include "formats/profile/hdr.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

bool record_told_get(struct db_tx *tx, const char *asset, json_t **told, struct error *err)
{
    struct db_rows *rows = db_query(tx, "select record from records where asset = ?1", "s", asset);
    *told = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    if (db_end(rows, err))
        return true;
    json_decref(*told), *told = NULL;
    return false;
}

static bool no_field(const char *name, struct error *err)
{
    error_set(err, ERROR_INPUT, "there is no field %.100s of which somebody can tell", name);
    return error_fix(err, "docs/formats/metadata.md lists them");
}

static bool no_value(const struct metadata_field *f, const char *value, struct error *err)
{
    error_set(err, ERROR_INPUT, "%s can not be \"%.100s\"", f->name, value);
    error_why(err, "it is %s", f->help);
    return f->words ? error_fix(err, "one of: %s", f->words)
                    : error_fix(err, "languages are as fr-CA, dates as 2026-03-04");
}

// All but that one value.
static struct metadata *without(struct arena *a, const struct metadata *m,
                                const struct metadata_field *f, size_t item)
{
    struct metadata *to = metadata_new(a);
    for (size_t i = 0; i < m->count; i++) {
        const struct metadata_value *v = &m->values[i];
        if (v->field != f || v->item != item)
            (void)metadata_set(to, v->field, v->item, text_of(v->value), &v->from);
    }
    return to;
}

static bool keep(struct db_tx *tx, const char *asset, const struct metadata *m, const char *by,
                 int64_t now_ms, struct error *err)
{
    json_t *json = metadata_json(m);
    char *text = json_dumps(json, JSON_COMPACT);
    bool ok = m->count ? db_run(tx, err,
                                "insert into records values (?1, ?2, ?3, ?4) on conflict (asset) "
                                "do update set record = ?2, changed_by = ?3, changed_ms = ?4",
                                "sssi", asset, text, by, now_ms)
                       : db_run(tx, err, "delete from records where asset = ?1", "s", asset);
    free(text);
    json_decref(json);
    return ok;
}

static const char *first_value(const struct metadata *m, const char *field)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->values[i].field->name, field) == 0)
            return m->values[i].value;
    return "";
}

bool record_light_told(struct db_tx *tx, const char *asset, struct record_light *to,
                       struct error *err)
{
    json_t *told;
    *to = (struct record_light){0};
    if (!record_told_get(tx, asset, &told, err))
        return false;
    struct arena *a = arena_open(64 << 20);
    struct metadata *m = metadata_new(a);
    bool ok = !told || metadata_parse(a, told, &m, err);
    if (ok) {
        const char *cll = first_value(m, "track.max_cll"), *fall = first_value(m, "track.max_fall");
        text_copy(text_of(first_value(m, "track.mastering")), to->display, sizeof(to->display));
        if (*cll && *fall)
            snprintf(to->light, sizeof(to->light), "%.10s,%.10s", cll, fall);
    }
    json_decref(told);
    arena_close(a);
    return ok;
}

// A display is told as people write it, and kept as encoders do.
static bool display_written(struct record_told *c, char to[160], struct error *err)
{
    struct hdr_display d;
    if (strcmp(c->field, "track.mastering") || !*c->value)
        return true;
    if (!hdr_display_parse(c->value, &d, err))
        return false;
    hdr_display_format(&d, to);
    c->value = to;
    return true;
}

bool record_told_change(struct db_tx *tx, const char *asset, const struct record_told *told_now,
                        int64_t now_ms, struct error *err)
{
    struct record_told own = *told_now, *change = &own;
    char display[160];
    // Numbers of the stream itself are the file's to say.
    const struct metadata_field *f = metadata_field_named(text_of(change->field));
    struct metadata_source from = {.person = change->by, .at = clock_text(now_ms).text};
    json_t *told;
    if (!f || !strcmp(f->name, "track.stream") || !strcmp(f->name, "track.kind"))
        return no_field(change->field, err);
    if (change->item >= RECORD_ITEMS || (f->group < METADATA_LOCALISED && change->item))
        return error_set(err, ERROR_INPUT, "%s has no value of that number", f->name);
    if (!display_written(change, display, err) || !record_told_get(tx, asset, &told, err))
        return false;
    struct arena *a = arena_open(64 << 20);
    struct metadata *m = metadata_new(a);
    bool ok = !told || metadata_parse(a, told, &m, err);
    if (ok && !*change->value)
        m = without(a, m, f, change->item);
    else if (ok && !metadata_set(m, f, change->item, text_of(change->value), &from))
        ok = no_value(f, change->value, err);
    ok = ok && keep(tx, asset, m, change->by, now_ms, err);
    json_decref(told);
    arena_close(a);
    return ok;
}
