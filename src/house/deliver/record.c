#include "house/deliver/record.h"
#include "formats/metadata/sidecar.h"
#include "formats/profile/routes.h"
#include "plat/files.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_BYTES = 1 << 20, ARENA_BYTES = 256 << 20 };

bool record_table(const char *rules, const char *container, struct arena *a,
                  struct metadata_table **t, struct error *err)
{
    static const char *const known[] = {"mp4", "mov", "mxf", "wav", "mkv"};
    char path[PATH_MAX];
    struct buf content = BUF_LIMIT(TABLE_BYTES);
    const char *name = NULL;
    *t = NULL;
    if (strcmp(container, "webm") == 0 || strcmp(container, "matroska") == 0)
        container = "mkv";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        name = strcmp(known[i], container) ? name : known[i];
    if (!name)
        return true;
    snprintf(path, sizeof(path), "%s/%s.json", rules, name);
    bool ok = file_read(path, &content, err) &&
              metadata_table_read(a, name, (text){content.at, content.size}, t, err);
    buf_free(&content);
    return ok;
}

static const char *container_of(const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "container"));
    return name ? name : "";
}

bool record_of_master(const char *rules, const json_t *facts, const json_t *told, const char *name,
                      struct arena *a, struct metadata **record, struct error *err)
{
    struct metadata_table *t;
    struct metadata *said;
    if (!record_table(rules, container_of(facts), a, &t, err))
        return false;
    *record = metadata_of_facts(a, facts, t, name);
    if (!told)
        return true;
    if (!metadata_parse(a, told, &said, err))
        return false;
    metadata_merge(*record, said, true);
    return true;
}

// The n-th track of sound among a master's tracks; SIZE_MAX: there is none.
static size_t sound_item(const struct metadata *m, int n)
{
    for (size_t i = 0, count = metadata_items(m, METADATA_TRACK); i < count; i++)
        if (!strcmp(metadata_text(m, "track.kind", i), "sound") && n-- == 0)
            return i;
    return SIZE_MAX;
}

static void add_route(struct metadata *to, const struct metadata *m, const struct route *r,
                      size_t number)
{
    struct metadata_source list = {.where = "the map of the sound"};
    char text_of_number[24];
    const char *role = json_string_value(json_object_get(r->row, "role"));
    size_t item = SIZE_MAX;
    for (int c = 0; c < r->channels && item == SIZE_MAX; c++)
        item = r->at[c].count ? sound_item(m, r->at[c].from[0].track) : SIZE_MAX;
    for (size_t i = 0; item != SIZE_MAX && i < m->count; i++)
        if (m->values[i].field->group == METADATA_TRACK && m->values[i].item == item)
            (void)metadata_set(to, m->values[i].field, number, text_of(m->values[i].value),
                               &m->values[i].from);
    snprintf(text_of_number, sizeof(text_of_number), "%zu", number);
    (void)metadata_put(to, "track.kind", number, "sound", &list);
    (void)metadata_put(to, "track.stream", number, text_of_number, &list);
    snprintf(text_of_number, sizeof(text_of_number), "%d", r->channels);
    (void)metadata_put(to, "track.channels", number, text_of_number, &list);
    if (r->layout)
        (void)metadata_put(to, "track.layout", number, r->layout->name, &list);
    if (r->language)
        (void)metadata_put(to, "track.language", number, r->language, &list);
    if (role && *role && strcmp(role, "*") != 0)
        (void)metadata_put(to, "track.role", number, role, &list);
}

struct metadata *record_for_profile(struct arena *a, const struct metadata *m,
                                    const json_t *profile, const json_t *facts)
{
    struct metadata *plain = metadata_for_profile(a, m, profile), *to = metadata_new(a);
    size_t number = 0;
    if (!json_object_get(json_object_get(profile, "audio"), "tracks") || !facts)
        return plain;
    for (size_t i = 0; i < plain->count; i++) {
        const struct metadata_value *v = &plain->values[i];
        bool track = v->field->group == METADATA_TRACK;
        if (track && !strcmp(metadata_text(plain, "track.kind", v->item), "sound"))
            continue;
        number = track && v->item >= number ? v->item + 1 : number;
        (void)metadata_set(to, v->field, v->item, text_of(v->value), &v->from);
    }
    struct routes *routes = routes_make(profile, facts);
    for (size_t i = 0; i < routes->count; i++)
        add_route(to, m, &routes->at[i], number++);
    routes_close(routes);
    return to;
}

static bool mapped(const char *rules, const json_t *profile, const json_t *facts,
                   const json_t *told, const char *name, struct arena *a, struct metadata **record,
                   struct metadata_report *report, json_t **carried, struct error *err)
{
    struct metadata_table *t;
    if (!record_of_master(rules, facts, told, name, a, record, err) ||
        !record_table(rules, container_of(profile), a, &t, err))
        return false;
    *record = record_for_profile(a, *record, profile, facts);
    // A container without a table (a bare stream of FLAC or AC-3) keeps nothing: all goes beside it.
    if (!t) {
        t = ARENA_NEW(a, struct metadata_table);
        *t = (struct metadata_table){.container = "", .title = "this container"};
    }
    metadata_map(a, *record, t, report, carried);
    return true;
}

bool record_carried(const char *rules, const json_t *profile, const json_t *facts,
                    const json_t *told, const char *name, json_t **carried, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    struct metadata_report report;
    struct metadata *record;
    bool ok = mapped(rules, profile, facts, told, name, a, &record, &report, carried, err);
    arena_close(a);
    return ok;
}

bool record_left_over(const char *rules, const json_t *profile, const json_t *facts,
                      const json_t *told, const char *name, json_t **record, struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    struct metadata_report report;
    struct metadata *m;
    bool ok = mapped(rules, profile, facts, told, name, a, &m, &report, NULL, err), left = false;
    for (size_t i = 0; ok && i < report.count; i++)
        left = left || (report.rows[i].fate != METADATA_KEPT &&
                        report.rows[i].value->field->group != METADATA_TIMECODE);
    *record = left ? metadata_json(m) : NULL;
    arena_close(a);
    return ok;
}

bool record_kept_beside(const json_t *profile, const struct metadata_field *field)
{
    size_t i;
    const json_t *one;
    enum sidecar_kind kind;
    json_array_foreach(json_object_get(profile, "sidecars"), i, one)
    {
        if (json_is_string(one) && sidecar_named(text_of(json_string_value(one)), &kind) &&
            sidecar_keeps(kind, field))
            return true;
    }
    return false;
}

static void refuse(const json_t *lacks, const json_t *profile, const char *name, struct error *err)
{
    struct buf list = BUF_LIMIT(600);
    size_t i;
    const json_t *one;
    json_array_foreach(lacks, i, one) buf_format(&list, "%s%s has %s", list.size ? ", " : "",
                                                 json_string_value(json_object_get(one, "field")),
                                                 json_string_value(json_object_get(one, "state")));
    const char *title = json_string_value(json_object_get(profile, "title"));
    error_set(err, ERROR_INPUT, "%s can not be delivered as %s", name, title ? title : "that");
    error_why(err, "it has to say what is not known of it: %s", list.size ? list.at : "");
    error_fix(err, "%s", json_string_value(json_object_get(json_array_get(lacks, 0), "fix")));
    buf_free(&list);
}

bool record_suits(const char *rules, const json_t *profile, const json_t *facts, const json_t *told,
                  const char *name, struct error *err)
{
    struct metadata_report report;
    struct metadata *record;
    if (!json_object_get(profile, "metadata"))
        return true;
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = mapped(rules, profile, facts, told, name, a, &record, &report, NULL, err);
    json_t *lacks = ok ? metadata_lacks(profile, record, &report, record_kept_beside) : NULL;
    if (json_array_size(lacks)) {
        refuse(lacks, profile, name, err);
        ok = false;
    }
    json_decref(lacks);
    arena_close(a);
    return ok;
}
