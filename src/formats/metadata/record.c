#include "formats/metadata/metadata.h"

#include <ctype.h>
#include <string.h>

struct metadata *metadata_new(struct arena *a)
{
    struct metadata *m = ARENA_NEW(a, struct metadata);
    m->arena = a;
    return m;
}

// ---- values

static bool digits(text t, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        if (i >= t.size || !isdigit((unsigned char)t.at[i]))
            return false;
    return true;
}

// 2026, 2026-11, 2026-11-23, and with T or a space and a time. Others are not guessed at.
static bool date(text t, char to[40])
{
    bool good = digits(t, 0, 4) && t.size <= 35;
    if (good && t.size > 4)
        good = t.at[4] == '-' && digits(t, 5, 2) && memcmp(t.at + 5, "12", 2) <= 0 &&
               memcmp(t.at + 5, "01", 2) >= 0;
    if (good && t.size > 7)
        good = t.at[7] == '-' && digits(t, 8, 2) && memcmp(t.at + 8, "31", 2) <= 0 &&
               memcmp(t.at + 8, "01", 2) >= 0;
    if (good && t.size > 10)
        good = (t.at[10] == 'T' || t.at[10] == ' ') && digits(t, 11, 2) && t.size >= 16 &&
               t.at[13] == ':' && digits(t, 14, 2);
    for (size_t i = 16; good && i < t.size; i++)
        good = isdigit((unsigned char)t.at[i]) || strchr(":.Z+-", t.at[i]);
    if (!good || (t.size != 4 && t.size != 7 && t.size < 10))
        return false;
    snprintf(to, 40, "%.*s", (int)t.size, t.at);
    if (t.size > 10)
        to[10] = 'T';
    return true;
}

static bool is_word(const char *words, text t)
{
    text left = text_of(words);
    while (left.size) {
        text one = text_cut(&left, ' ');
        if (one.size == t.size && memcmp(one.at, t.at, t.size) == 0)
            return true;
    }
    return false;
}

// Into the form of its field, in `room`; false: it is not of that form.
static bool canonical(const struct metadata_field *f, text *t, char room[64])
{
    int64_t number;
    *t = text_trim(*t);
    if (!t->size || t->size > METADATA_BYTES || !text_utf8(*t))
        return false;
    switch (f->form) {
    case METADATA_TEXT:
        return true;
    case METADATA_WHOLE:
        if (!text_int(*t, &number) || number < 0)
            return false;
        snprintf(room, 64, "%lld", (long long)number);
        break;
    case METADATA_DATE:
        if (!date(*t, room))
            return false;
        break;
    case METADATA_LANGUAGE:
        if (!metadata_language(*t, room))
            return false;
        break;
    case METADATA_FLAG:
        if (!is_word("yes no true false 1 0", *t))
            return false;
        snprintf(room, 64, "%s", strchr("yt1", t->at[0]) ? "yes" : "no");
        break;
    case METADATA_WORD:
        return is_word(f->words, *t);
    }
    *t = text_of(room);
    return true;
}

// A title over two lines is one line's length in most homes; what shows nowhere is left out. The
// codes under U+0020 are no part of XML 1.0 either.
static const char *clean(struct arena *a, text t)
{
    char *to = arena_copy(a, t.at, t.size);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ' && *c != '\n' && *c != '\t')
            *c = ' ';
    return to;
}

static struct metadata_value *find(const struct metadata *m, const struct metadata_field *field,
                                   size_t item)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->values[i].field == field && m->values[i].item == item)
            return &m->values[i];
    return NULL;
}

bool metadata_set(struct metadata *m, const struct metadata_field *field, size_t item, text value,
                  const struct metadata_source *from)
{
    char room[64];
    if (!canonical(field, &value, room) || item >= METADATA_VALUES ||
        (field->group < METADATA_LOCALISED && item))
        return false;
    struct metadata_value *v = find(m, field, item);
    if (!v && m->count == METADATA_VALUES)
        return false;
    if (!v && m->count == m->room) {
        size_t more = m->room ? m->room * 2 : 64;
        struct metadata_value *values = ARENA_ARRAY(m->arena, struct metadata_value, more);
        if (m->count)
            memcpy(values, m->values, m->count * sizeof(*values));
        m->values = values, m->room = more;
    }
    v = v ? v : &m->values[m->count++];
    *v = (struct metadata_value){
        .field = field,
        .item = item,
        .value = clean(m->arena, value),
        .from = {arena_text(m->arena, from->file), arena_text(m->arena, from->where),
                 arena_text(m->arena, from->person), arena_text(m->arena, from->at)}};
    return true;
}

bool metadata_put(struct metadata *m, const char *field, size_t item, const char *value,
                  const struct metadata_source *from)
{
    const struct metadata_field *f = metadata_field_named(text_of(field));
    return f && metadata_set(m, f, item, text_of(value), from);
}

const struct metadata_value *metadata_find(const struct metadata *m, const char *field, size_t item)
{
    const struct metadata_field *f = metadata_field_named(text_of(field));
    return f ? find(m, f, item) : NULL;
}

const char *metadata_text(const struct metadata *m, const char *field, size_t item)
{
    const struct metadata_value *v = metadata_find(m, field, item);
    return v ? v->value : "";
}

int64_t metadata_whole(const struct metadata *m, const char *field, size_t item, int64_t otherwise)
{
    int64_t value;
    const struct metadata_value *v = metadata_find(m, field, item);
    return v && text_int(text_of(v->value), &value) ? value : otherwise;
}

size_t metadata_items(const struct metadata *m, enum metadata_group group)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->values[i].field->group == group && m->values[i].item >= count)
            count = m->values[i].item + 1;
    return count;
}

void metadata_merge(struct metadata *to, const struct metadata *from, bool over)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct metadata_value *v = &from->values[i];
        if (over || !find(to, v->field, v->item))
            (void)metadata_set(to, v->field, v->item, text_of(v->value), &v->from);
    }
}

// ---- JSON: {"record": 1, "work": {"title": {"value", "from"}}, "tracks": [{...}]}

static const char *short_name(const struct metadata_field *f)
{
    return strchr(f->name, '.') + 1;
}

static json_t *source_json(const struct metadata_source *s)
{
    json_t *to = json_object();
    const struct {
        const char *name, *value;
    } parts[] = {{"file", s->file}, {"where", s->where}, {"person", s->person}, {"at", s->at}};
    for (size_t i = 0; i < 4; i++)
        if (parts[i].value)
            json_object_set_new(to, parts[i].name, json_string(parts[i].value));
    return to;
}

json_t *metadata_json(const struct metadata *m)
{
    json_t *to = json_pack("{s:i}", "record", 1);
    for (size_t i = 0; i < m->count; i++) {
        const struct metadata_value *v = &m->values[i];
        const char *group = metadata_group_name(v->field->group);
        json_t *object = json_object_get(to, group);
        if (v->field->group >= METADATA_LOCALISED) {
            if (!object)
                json_object_set_new(to, group, object = json_array());
            while (json_array_size(object) <= v->item)
                json_array_append_new(object, json_object());
            object = json_array_get(object, v->item);
        } else if (!object) {
            json_object_set_new(to, group, object = json_object());
        }
        json_object_set_new(
            object, short_name(v->field),
            json_pack("{s:s, s:o}", "value", v->value, "from", source_json(&v->from)));
    }
    return to;
}

static bool wrong(struct error *err, const char *field, const char *why)
{
    error_set(err, ERROR_INPUT, "the record can not be used");
    error_why(err, "%s %s", field, why);
    return error_fix(err, "docs/formats/metadata.md lists the fields and their forms");
}

static const char *word(const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t && *t ? t : NULL;
}

static bool parse_values(struct metadata *m, const char *group, const char *prefix, size_t item,
                         const json_t *object, struct error *err)
{
    const char *key;
    json_t *one;
    if (!json_is_object(object))
        return wrong(err, group, "is not an object");
    json_object_foreach((json_t *)(uintptr_t)object, key, one)
    {
        char name[100];
        snprintf(name, sizeof(name), "%s.%.60s", prefix, key);
        const struct metadata_field *f = metadata_field_named(text_of(name));
        const json_t *from = json_object_get(one, "from");
        const json_t *value = json_is_object(one) ? json_object_get(one, "value") : one;
        if (!f)
            return wrong(err, name, "is not known");
        struct metadata_source source = {word(from, "file"), word(from, "where"),
                                         word(from, "person"), word(from, "at")};
        if (!json_is_string(value) ||
            !metadata_set(m, f, item, (text){json_string_value(value), json_string_length(value)},
                          &source))
            return wrong(err, name, "has a value that is not of its form");
    }
    return true;
}

bool metadata_parse(struct arena *a, const json_t *from, struct metadata **to, struct error *err)
{
    // The prefixes of the names of fields, beside the names of groups.
    static const char *const prefixes[METADATA_GROUPS] = {
        "work",      "version", "rights", "timecode", "broadcast",
        "localised", "person",  "track",  "chapter",  "marker"};
    struct metadata *m = metadata_new(a);
    if (!json_is_object(from) || json_integer_value(json_object_get(from, "record")) != 1)
        return wrong(err, "\"record\"", "is not 1");
    for (int g = 0; g < METADATA_GROUPS; g++) {
        const char *name = metadata_group_name((enum metadata_group)g);
        const json_t *group = json_object_get(from, name), *one;
        size_t i;
        if (!group)
            continue;
        if (g < METADATA_LOCALISED) {
            if (!parse_values(m, name, prefixes[g], 0, group, err))
                return false;
            continue;
        }
        if (!json_is_array(group))
            return wrong(err, name, "is not a list");
        json_array_foreach(group, i,
                           one) if (!parse_values(m, name, prefixes[g], i, one, err)) return false;
    }
    *to = m;
    return true;
}
