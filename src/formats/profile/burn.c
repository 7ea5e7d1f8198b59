#include "formats/profile/burn.h"
#include "base/text.h"

#include <string.h>

static bool refuse(struct error *err, text part)
{
    error_set(err, ERROR_INPUT, "\"%.*s\" can not be burnt in",
              (int)(part.size < 100 ? part.size : 100), part.at ? part.at : "");
    return error_fix(err, "write timecode, timecode=record,start=01:00:00:00, text=WORDS or "
                          "watermark=NAME, and behind it at=bottom,size=5,opacity=80");
}

static bool detail(json_t *burn, text part)
{
    static const char *const names[] = {"start", "at"}, *const numbers[] = {"size", "opacity"};
    text value = part, name = text_cut(&value, '=');
    int64_t number;
    for (size_t i = 0; i < 2; i++) {
        if (text_is(name, names[i]))
            return json_object_set_new(burn, names[i], json_stringn(value.at, value.size)) == 0;
        if (text_is(name, numbers[i]) && text_int(value, &number))
            return json_object_set_new(burn, numbers[i], json_integer(number)) == 0;
    }
    return false;
}

static bool begin(json_t *burn, text part)
{
    text value = part, name = text_cut(&value, '=');
    if (text_is(name, "timecode")) {
        json_object_set_new(burn, "what", json_string("timecode"));
        return !value.size ||
               json_object_set_new(burn, "timecode", json_stringn(value.at, value.size)) == 0;
    }
    if (!text_is(name, "text") && !text_is(name, "watermark"))
        return false;
    json_object_set_new(burn, "what", json_stringn(name.at, name.size));
    return value.size && text_utf8(value) &&
           json_object_set_new(burn, "text", json_stringn(value.at, value.size)) == 0;
}

// A comma may stand in a text: what is no detail goes on with the text before it.
static bool read_one(json_t *burn, text one, struct error *err)
{
    text whole = one, head = text_cut(&one, ',');
    while (one.size) {
        text rest = one, next = text_cut(&rest, ',');
        json_t *try = json_object();
        bool is_detail = detail(try, text_trim(next));
        json_decref(try);
        if (is_detail)
            break;
        head.size = (size_t)(next.at + next.size - head.at);
        one = rest;
    }
    if (!begin(burn, text_trim(head)))
        return refuse(err, whole);
    while (one.size) {
        text next = text_cut(&one, ',');
        if (!detail(burn, text_trim(next)))
            return refuse(err, next);
    }
    return true;
}

bool profile_burn(json_t *profile, const char *line, struct error *err)
{
    text rest = text_of(line);
    json_t *list = json_object_get(profile, "burn");
    if (!list)
        json_object_set_new(profile, "burn", list = json_array());
    while (rest.size) {
        json_t *burn = json_object();
        json_array_append_new(list, burn);
        if (!read_one(burn, text_cut(&rest, '|'), err))
            return false;
    }
    return json_array_size(list) > 0 || refuse(err, text_of(line));
}
