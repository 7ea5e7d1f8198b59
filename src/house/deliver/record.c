#include "house/deliver/record.h"
#include "formats/metadata/sidecar.h"
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

static bool mapped(const char *rules, const json_t *profile, const json_t *facts,
                   const json_t *told, const char *name, struct arena *a, struct metadata **record,
                   struct metadata_report *report, json_t **carried, struct error *err)
{
    struct metadata_table *t;
    if (!record_of_master(rules, facts, told, name, a, record, err) ||
        !record_table(rules, container_of(profile), a, &t, err))
        return false;
    *record = metadata_for_profile(a, *record, profile);
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
