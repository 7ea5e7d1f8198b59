/*
 * Bodies against their shapes. What comes from outside is refused with the place and the nearest
 * known name; what we send is checked the same way where api_wish.check_answers says so.
 */
#include "api/inside.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <math.h>
#include <string.h>

struct place { // where we are, for the message: fields from the inside out
    const struct place *outer;
    text name;
    long index; // in a list; -1: a field
};

static void say_place(const struct place *p, char *to, size_t room)
{
    char outer[160] = "";
    if (!p) {
        snprintf(to, room, "the body");
        return;
    }
    if (p->outer)
        say_place(p->outer, outer, sizeof(outer));
    if (p->index >= 0)
        snprintf(to, room, "%s[%ld]", outer, p->index);
    else
        snprintf(to, room, "%s%s%.*s", outer, *outer ? "." : "", (int)p->name.size, p->name.at);
}

static bool wrong(const struct place *p, struct error *err, const char *why)
{
    char where[240];
    say_place(p, where, sizeof(where));
    error_set(err, ERROR_INPUT, "%s cannot be used", where);
    return error_why(err, "%s", why);
}

static bool object_check(const struct shape *shape, const json_t *value, bool sending, int depth,
                         const struct place *at, struct error *err);

static bool is_word(text words, const char *value)
{
    while (words.size) {
        text word = text_cut(&words, '|');
        if (word.size >= 2 && text_is((text){word.at + 1, word.size - 2}, value))
            return true;
    }
    return false;
}

static bool text_check(const json_t *value, bool sending, const struct place *at, struct error *err)
{
    if (!json_is_string(value))
        return wrong(at, err, "it must be text");
    if (!sending && json_string_length(value) > TEXT_LIMIT)
        return wrong(at, err, "it is longer than 10,000 bytes");
    return true;
}

static bool one_check(text type, bool optional, const json_t *value, bool sending, int depth,
                      const struct place *at, struct error *err)
{
    int64_t when;
    char name[64];
    if (text_is(type, "json"))
        return true;
    if (text_is(type, "text"))
        return text_check(value, sending, at, err);
    if (text_is(type, "bool"))
        return json_is_boolean(value) || wrong(at, err, "it must be true or false");
    if (text_is(type, "int"))
        return json_is_integer(value) || wrong(at, err, "it must be a whole number");
    if (text_is(type, "number"))
        return (json_is_number(value) && isfinite(json_number_value(value))) ||
               wrong(at, err, "it must be a number");
    if (text_is(type, "id")) {
        const char *id = json_string_value(value);
        return (id && (id_valid(text_of(id)) || (optional && !*id))) ||
               wrong(at, err, "it must be an id: 26 letters and digits");
    }
    if (text_is(type, "time"))
        return (json_is_string(value) && clock_parse(text_of(json_string_value(value)), &when)) ||
               wrong(at, err, "it must be a time such as 2026-11-24T00:01:39Z");
    if (text_starts(type, "'")) {
        char why[200];
        if (json_is_string(value) && is_word(type, json_string_value(value)))
            return true;
        snprintf(why, sizeof(why), "it must be one of %.*s", (int)type.size, type.at);
        return wrong(at, err, why);
    }
    text_copy(type, name, sizeof(name));
    const struct shape *inner = shape_named(name);
    return inner ? object_check(inner, value, sending, depth + 1, at, err)
                 : error_set(err, ERROR_INTERNAL, "there is no shape %s", name);
}

static bool field_check(const struct shape_field *f, const json_t *value, bool sending, int depth,
                        const struct place *at, struct error *err)
{
    if (!f->list)
        return one_check(f->type, f->optional, value, sending, depth, at, err);
    if (!json_is_array(value))
        return wrong(at, err, "it must be a list");
    if (!sending && json_array_size(value) > LIST_LIMIT)
        return wrong(at, err, "the list has more than 20,000 entries");
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct place inner = {at, {0}, (long)i};
        if (!one_check(f->type, false, json_array_get(value, i), sending, depth, &inner, err))
            return false;
    }
    return true;
}

static bool unknown_field(const struct shape *shape, const char *key, const struct place *at,
                          struct error *err)
{
    char known[64][48];
    const char *names[64];
    size_t count = 0;
    text rest = text_of(shape->fields);
    for (struct shape_field f; count < 64 && shape_field_next(&rest, &f); count++) {
        text_copy(f.name, known[count], sizeof(known[count]));
        names[count] = known[count];
    }
    char shown[64];
    text_copy(text_of(key), shown, sizeof(shown));
    struct place inner = {at, text_of(shown), -1};
    wrong(&inner, err, "there is no such field here");
    const char *near = text_nearest(key, names, count);
    return near ? error_fix(err, "did you mean %s?", near) : error_fix(err, "leave it out");
}

static bool object_check(const struct shape *shape, const json_t *value, bool sending, int depth,
                         const struct place *at, struct error *err)
{
    if (depth > DEPTH_LIMIT)
        return wrong(at, err, "it is nested too deeply");
    if (!json_is_object(value))
        return wrong(at, err, "it must be an object");
    size_t seen = 0;
    text rest = text_of(shape->fields);
    for (struct shape_field f; shape_field_next(&rest, &f);) {
        char name[64];
        text_copy(f.name, name, sizeof(name));
        const json_t *field = json_object_get(value, name);
        struct place inner = {at, f.name, -1};
        seen += field != NULL;
        if ((!field || json_is_null(field)) && !text_is(f.type, "json")) {
            if (!f.optional)
                return wrong(&inner, err, "it is missing");
        } else if (field && !field_check(&f, field, sending, depth, &inner, err)) {
            return false;
        }
    }
    if (seen == json_object_size(value))
        return true;
    const char *key;
    json_t *any;
    json_object_foreach((json_t *)value, key, any)
    {
        bool known = false;
        rest = text_of(shape->fields);
        for (struct shape_field f; shape_field_next(&rest, &f);)
            known = known || text_is(f.name, key);
        if (!known)
            return unknown_field(shape, key, at, err);
    }
    return true;
}

bool shape_check(const char *name, const json_t *value, bool sending, struct error *err)
{
    struct shape_field f = {.type = text_of(name)};
    f.list = text_ends(f.type, "[]");
    f.type.size -= f.list ? 2 : 0;
    return field_check(&f, value, sending, 0, NULL, err);
}

static bool too_deep(text body)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < body.size; i++) {
        char c = body.at[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_LIMIT)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

json_t *json_read(text body, struct error *err)
{
    json_error_t trouble;
    if (too_deep(body)) {
        error_set(err, ERROR_USAGE, "the body cannot be read");
        error_why(err, "it is nested deeper than %d", DEPTH_LIMIT);
        return NULL;
    }
    json_t *value =
        json_loadb(body.size ? body.at : "", body.size, JSON_REJECT_DUPLICATES, &trouble);
    if (!value) {
        error_set(err, ERROR_USAGE, "the body cannot be read as JSON");
        error_why(err, "line %d, column %d: %s", trouble.line, trouble.column, trouble.text);
        error_fix(err, "send one JSON object in UTF-8, each name once");
    }
    return value;
}

json_t *api_body_read(const char *shape, text body, struct error *err)
{
    json_t *value = json_read(body, err);
    if (value && shape_check(shape, value, false, err))
        return value;
    json_decref(value);
    return NULL;
}
