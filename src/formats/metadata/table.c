// A container's table: reading it, and how a value is written in a place of it.
#include "formats/metadata/inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// ---- words that a place has of its own

struct words {
    const char *as, *ours, *theirs;
};
// The first of equal ones is what is read.
static const struct words words[] = {
    // ISO/IEC 23009-1, 5.8.5.5: the roles of DASH, which "kind" of MP4 takes
    {"dash-role", "main", "main"},
    {"dash-role", "alternate", "alternate"},
    {"dash-role", "commentary", "commentary"},
    {"dash-role", "described", "description"},
    {"dash-role", "sdh", "caption"},
    {"dash-role", "cc", "caption"},
    {"dash-role", "subtitle", "subtitle"},
    {"dash-role", "forced", "forced-subtitle"},
    {"dash-role", "dub", "dub"},
    // QuickTime's media characteristics
    {"tagc", "main", "public.main-program-content"},
    {"tagc", "alternate", "public.auxiliary-content"},
    {"tagc", "commentary", "public.auxiliary-content"},
    {"tagc", "described", "public.accessibility.describes-video"},
    {"tagc", "sdh", "public.accessibility.describes-music-and-sound"},
    {"tagc", "cc", "public.accessibility.transcribes-spoken-dialog"},
    {"tagc", "forced", "public.subtitles.forced-only"},
    {"tagc", "dub", "public.translation.dubbed"},
    // iTunes' kinds of media
    {"stik", "feature", "9"},
    {"stik", "short", "9"},
    {"stik", "documentary", "9"},
    {"stik", "episode", "10"},
    {"stik", "music", "6"},
    // QuickTime's nclc has no flag of range: readers take it as limited
    {"limited", "limited", "limited"},
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static const char *const others[] = {"language3", "year", "day", "time", "umid"};

static bool known(const char *as)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(words[i].as, as) == 0)
            return true;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(others[i], as) == 0)
            return true;
    return !*as;
}

static bool has_words(const char *as)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(words[i].as, as) == 0)
            return true;
    return false;
}

// ---- writing

// Latin letters without their signs (U+00C0 .. U+017F), what ASCII has no place for is "?".
static const char *ascii_of(struct arena *a, const char *value)
{
    static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty"
                                "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLl"
                                "LlLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
    char *to = arena_take(a, strlen(value) + 1), *end = to;
    for (const uint8_t *p = (const uint8_t *)value; *p;) {
        uint32_t c = *p++;
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        c = more == 3 ? c & 7 : more == 2 ? c & 15 : more ? c & 31 : c;
        while (more-- && *p)
            c = c << 6 | (*p++ & 63);
        if (c < 0x80)
            *end++ = (char)c;
        else if (c >= 0xc0 && c < 0xc0 + sizeof(latin) - 1)
            *end++ = latin[c - 0xc0];
        else
            *end++ = c == 0x2019 || c == 0x2018   ? '\''
                     : c == 0x201c || c == 0x201d ? '"'
                     : c == 0x2013 || c == 0x2014 ? '-'
                     : c == 0xa0                  ? ' '
                                                  : '?';
    }
    return to;
}

static const char *hex_of(struct arena *a, const char *value)
{
    char *to = arena_take(a, strlen(value) + 1), *end = to;
    value += value[0] == '0' && (value[1] | 32) == 'x' ? 2 : 0;
    for (; *value; value++) {
        if (isxdigit((unsigned char)*value))
            *end++ = (char)toupper((unsigned char)*value);
        else if (!strchr(" .-", *value))
            return NULL;
    }
    return end - to == 64 || end - to == 128 ? to : NULL;
}

const char *metadata_out(struct arena *a, const struct metadata_row *row, const char *value,
                         bool *cut)
{
    const char *as = row->as, *to = value;
    *cut = false;
    if (has_words(as)) {
        to = NULL;
        for (size_t i = 0; i < WORDS && !to; i++)
            if (!strcmp(words[i].as, as) && !strcmp(words[i].ours, value))
                to = words[i].theirs;
    } else if (strcmp(as, "language3") == 0) {
        const char *three = metadata_language3(value);
        to = strcmp(three, "und") ? arena_format(a, "%.3s", three) : NULL;
    } else if (strcmp(as, "year") == 0) {
        to = arena_format(a, "%.4s", value);
    } else if (strcmp(as, "day") == 0) {
        to = strlen(value) >= 10 ? arena_format(a, "%.10s", value) : NULL;
    } else if (strcmp(as, "time") == 0) {
        to = strlen(value) >= 19 ? arena_format(a, "%.8s", value + 11) : NULL;
    } else if (strcmp(as, "umid") == 0) {
        to = hex_of(a, value);
    }
    if (to && row->ascii)
        to = ascii_of(a, to);
    if (to && row->most && strlen(to) > row->most) {
        size_t size = row->most;
        while (size && ((uint8_t)to[size] & 0xc0) == 0x80) // no half letter
            size--;
        to = arena_copy(a, to, size);
        *cut = true;
    }
    return to && *to ? to : NULL;
}

const char *metadata_in(struct arena *a, const struct metadata_row *row, const char *written)
{
    if (has_words(row->as)) {
        for (size_t i = 0; i < WORDS; i++)
            if (!strcmp(words[i].as, row->as) && !strcmp(words[i].theirs, written))
                return words[i].ours;
        return NULL;
    }
    if (strcmp(row->as, "umid") == 0)
        return hex_of(a, written);
    return written;
}

// ---- the data

static bool wrong(struct error *err, const char *name, size_t row, const char *why)
{
    error_set(err, ERROR_INPUT, "the table of metadata %s can not be used", name);
    if (row)
        return error_why(err, "row %zu %s", row, why);
    return error_why(err, "%s", why);
}

static const char *word(struct arena *a, const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t ? arena_text(a, t) : NULL;
}

static bool read_row(struct arena *a, const char *name, size_t number, const json_t *from,
                     struct metadata_row *row, struct error *err)
{
    static const char *const keys[] = {"field", "role",  "at", "most", "charset",
                                       "read",  "first", "as", "by",   "note"};
    const char *key, *field = word(a, from, "field"), *charset = word(a, from, "charset");
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)from, key, value)
    {
        bool there = false;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            there = there || strcmp(key, keys[i]) == 0;
        if (!there)
            return wrong(err, name, number, arena_format(a, "has a \"%.40s\", which is none", key));
    }
    *row = (struct metadata_row){.field = field ? metadata_field_named(text_of(field)) : NULL,
                                 .role = word(a, from, "role"),
                                 .at = word(a, from, "at"),
                                 .most = (size_t)json_integer_value(json_object_get(from, "most")),
                                 .ascii = charset && !strcmp(charset, "ascii"),
                                 .only_read = json_is_true(json_object_get(from, "read")),
                                 .first = json_is_true(json_object_get(from, "first")),
                                 .as = word(a, from, "as"),
                                 .by = word(a, from, "by"),
                                 .note = word(a, from, "note")};
    row->at = row->at ? row->at : "", row->as = row->as ? row->as : "";
    row->by = row->by ? row->by : "box", row->note = row->note ? row->note : "";
    if (!row->field)
        return wrong(err, name, number,
                     arena_format(a, "has no field of the record: %s", field ? field : "none"));
    if (charset && strcmp(charset, "ascii") && strcmp(charset, "utf-8"))
        return wrong(err, name, number, "has a charset that is not ascii or utf-8");
    if (!known(row->as))
        return wrong(err, name, number, arena_format(a, "has an unknown \"as\": %s", row->as));
    if (strcmp(row->by, "box") && strcmp(row->by, "av") && strcmp(row->by, "muxer") &&
        strcmp(row->by, "later"))
        return wrong(err, name, number, "is by nobody: \"by\" is box, av, muxer or later");
    return *row->at || wrong(err, name, number, "does not say where: \"at\"");
}

bool metadata_table_read(struct arena *a, const char *name, text content,
                         struct metadata_table **to, struct error *err)
{
    json_error_t why;
    json_t *from =
        json_loadb(content.at ? content.at : "", content.size, JSON_REJECT_DUPLICATES, &why);
    const json_t *rows = json_object_get(from, "rows"), *row;
    struct metadata_table *t = ARENA_NEW(a, struct metadata_table);
    size_t i;
    bool done = false;
    if (!from) {
        wrong(err, name, 0, arena_format(a, "line %d: %s", why.line, why.text));
        goto out;
    }
    t->container = word(a, from, "container"), t->title = word(a, from, "title");
    t->tracks = word(a, from, "tracks");
    if (!t->container || !t->title || !json_is_array(rows)) {
        wrong(err, name, 0, "it needs container, title and rows");
        goto out;
    }
    t->rows = ARENA_ARRAY(a, struct metadata_row, json_array_size(rows) + 1);
    json_array_foreach(rows, i,
                       row) if (!read_row(a, name, i + 1, row, &t->rows[t->count++], err)) goto out;
    *to = t;
    done = true;
out:
    json_decref(from);
    return done;
}
