#include "formats/naming/naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct naming_field naming_fields[] = {
    {"title", "the asset's name without its ending"},
    {"project", "the project's name"},
    {"profile", "the profile's name"},
    {"season", "season, from S01E02 in the asset's name"},
    {"episode", "episode, from S01E02 in the asset's name"},
    {"version", "the version's number"},
    {"language", "of the first sound, three letters"},
    {"layout", "of the first sound: 51, 20, mono"},
    {"rate", "frames a second: 23976, 25"},
    {"width", "of the picture"},
    {"height", "of the picture"},
    {"size", "SD, HD, UHD, 4K"},
    {"scan", "p or i"},
    {"range", "SDR, HDR10, HLG"},
    {"codec", "of the picture, or of the sound when there is none"},
    {"date", "of the order, 20261126"},
    {"id", "the house's own number, given with the order"},
    {NULL, NULL},
};

static bool known(text name)
{
    for (const struct naming_field *f = naming_fields; f->name; f++)
        if (text_is(name, f->name))
            return true;
    return false;
}

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// ---- what is allowed

// "A-Za-z0-9_-": a '-' between two is a range, at an end itself.
static bool allowed(const char *set, unsigned char c)
{
    if (c < ' ' || c == 127 || c == '/' || c == '\\')
        return false;
    if (!*set)
        return true;
    for (const char *s = set; *s; s++) {
        if (s[1] == '-' && s[2]) {
            if (c >= (unsigned char)s[0] && c <= (unsigned char)s[2])
                return true;
            s += 2;
        } else if (c == (unsigned char)*s) {
            return true;
        }
    }
    return false;
}

// U+00C0 .. U+017E: the letter without its accent; '*': two letters, below.
static const char plain[] = "AAAAAA*CEEEEIIIIDNOOOOO*OUUUUYT*aaaaaa*ceeeeiiiidnooooo*ouuuuyty"
                            "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi**JjKkkLlLlLlLlLl"
                            "NnNnNnnNnOoOoOo**RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZz";
static const struct {
    unsigned code;
    const char *letters;
} doubles[] = {{0xc6, "AE"},  {0xd7, "x"},   {0xdf, "ss"},  {0xe6, "ae"}, {0xf7, "-"},
               {0x132, "IJ"}, {0x133, "ij"}, {0x152, "OE"}, {0x153, "oe"}};

static const char *without_accent(unsigned code, char one[2])
{
    for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
        if (doubles[i].code == code)
            return doubles[i].letters;
    if (code < 0xc0 || code >= 0xc0 + sizeof(plain) - 1 || plain[code - 0xc0] == '*')
        return "";
    one[0] = plain[code - 0xc0];
    one[1] = 0;
    return one;
}

// The next character of UTF-8: its bytes, and its number when it has two of them (else 0).
static size_t character(const unsigned char *c, unsigned *code)
{
    size_t size = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
    *code = size == 2 && (c[1] & 0xc0) == 0x80 ? (*c & 0x1fu) << 6 | (c[1] & 0x3fu) : 0;
    for (size_t i = 1; i < size; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 1;
    return size;
}

static void add_clean(struct buf *to, const json_t *naming, const char *value)
{
    const char *set = word(naming, "characters");
    const json_t *replace = json_object_get(naming, "replace");
    const char *instead = json_is_string(replace) ? json_string_value(replace) : "_";
    char one[2];
    bool gap = false;
    for (const unsigned char *c = (const unsigned char *)value; *c;) {
        unsigned code;
        size_t size = character(c, &code);
        const char *piece = "";
        bool fits = size == 1 ? allowed(set, *c) : !*set;
        if (fits)
            buf_add(to, c, size);
        else if (code && *(piece = without_accent(code, one)) &&
                 allowed(set, (unsigned char)*piece))
            buf_text(to, piece);
        else if (!gap)
            buf_text(to, instead);
        gap = !fits && !*piece;
        c += size;
    }
}

static void set_case(struct buf *b, const char *how)
{
    bool upper = strcmp(how, "upper") == 0, lower = strcmp(how, "lower") == 0;
    for (size_t i = 0; i < b->size; i++) {
        char c = b->at[i];
        if (upper && c >= 'a' && c <= 'z')
            b->at[i] = (char)(c - 32);
        if (lower && c >= 'A' && c <= 'Z')
            b->at[i] = (char)(c + 32);
    }
}

// ---- the pattern

struct filling {
    const json_t *naming, *values; // values NULL: only looked at
    struct buf *to, missing;
    char *why; // of the pattern; NULL: none wanted
    bool bad;
};

static void bad_pattern(struct filling *f, const char *why, text what)
{
    if (!f->bad && f->why)
        snprintf(f->why, 200, why, (int)(what.size < 40 ? what.size : 40), what.at);
    f->bad = true;
}

// What is behind '{'; returns what is behind '}'. *empty: the field has no value.
static const char *field(struct filling *f, const char *c, bool *empty)
{
    const char *end = strchr(c, '}');
    text rest = end ? (text){c, (size_t)(end - c)} : (text){c, strlen(c)}, whole = rest;
    text name = text_cut(&rest, ':');
    int64_t digits = 0;
    if (!end) {
        bad_pattern(f, "has a { without its }: %.*s", whole);
        return c + strlen(c);
    }
    if (!known(name))
        bad_pattern(f, "asks for {%.*s}, which is no field", name);
    if (rest.size && (!text_int(rest, &digits) || digits < 1 || digits > 9))
        bad_pattern(f, "has a number of digits that can not be: {%.*s}", whole);
    char key[48];
    int64_t number;
    text_copy(name, key, sizeof(key));
    const char *value = word(f->values, key);
    *empty = !*value;
    if (f->bad || !f->values)
        return end + 1;
    if (*empty)
        buf_format(&f->missing, "%s%s", f->missing.size ? ", " : "", key);
    else if (digits && text_int(text_of(value), &number))
        buf_format(f->to, "%0*lld", (int)digits, (long long)number);
    else
        add_clean(f->to, f->naming, value);
    return end + 1;
}

static void fill(struct filling *f, const char *pattern)
{
    size_t group = 0, missing = 0;
    bool inside = false, lacks = false, empty = false;
    for (const char *c = pattern; *c && !f->bad;) {
        if (*c == '{') {
            c = field(f, c + 1, &empty);
            lacks = lacks || empty;
            continue;
        }
        if (*c == '[' || *c == ']') {
            if ((*c == '[') == inside)
                bad_pattern(f, "has a %.*s that does not pair", (text){c, 1});
            inside = *c == '[';
            if (inside) {
                group = f->to->size;
                missing = f->missing.size;
                lacks = false;
            } else if (lacks) {
                f->to->size = group;
                f->missing.size = missing;
            }
        } else if (!allowed(word(f->naming, "characters"), (unsigned char)*c)) {
            bad_pattern(f, "holds a character that \"characters\" does not allow: %.*s",
                        (text){c, 1});
        } else {
            buf_add(f->to, c, 1);
        }
        c++;
    }
    if (inside)
        bad_pattern(f, "has a %.*s that does not pair", text_of("["));
}

static int64_t length_of(const json_t *naming)
{
    int64_t length = json_integer_value(json_object_get(naming, "length"));
    return length > 0 && length < NAMING_LENGTH_MOST ? length : NAMING_LENGTH_MOST;
}

bool naming_check(const json_t *naming, char why[200])
{
    struct buf to = BUF_LIMIT(4096);
    struct filling f = {.naming = naming, .to = &to, .missing = BUF_LIMIT(1024), .why = why};
    const char *replace = word(naming, "replace");
    buf_text(&to, "");
    for (const char *c = replace; *c && !f.bad; c++)
        if (!allowed(word(naming, "characters"), (unsigned char)*c))
            bad_pattern(&f, "replaces by a character that \"characters\" does not allow: %.*s",
                        (text){c, 1});
    if (!f.bad)
        fill(&f, word(naming, "pattern"));
    buf_free(&to);
    buf_free(&f.missing);
    return !f.bad;
}

bool naming_make(const json_t *naming, const json_t *values, const char *extension, char name[256],
                 struct error *err)
{
    struct buf to = BUF_LIMIT(8192);
    struct filling f = {.naming = naming, .values = values, .to = &to, .missing = BUF_LIMIT(1024)};
    int64_t most = length_of(naming);
    bool ok = false;
    buf_text(&to, "");
    buf_text(&f.missing, "");
    fill(&f, word(naming, "pattern"));
    to.at[to.size] = 0;
    f.missing.at[f.missing.size] = 0;
    set_case(&to, word(naming, "case"));
    size_t size = to.size + strlen(extension);
    if (f.bad) {
        error_set(err, ERROR_INPUT, "the profile's pattern for names can not be used");
    } else if (f.missing.size) {
        error_set(err, ERROR_INPUT, "the name lacks %s", f.missing.at);
        error_why(err, "the outlet's pattern is %s", word(naming, "pattern"));
        error_fix(err, "give them with the order");
    } else if ((int64_t)size > most) {
        error_set(err, ERROR_INPUT, "the name is %lld characters too long",
                  (long long)size - (long long)most);
        error_why(err, "%.120s%s; the outlet takes %lld", to.at, extension, (long long)most);
        error_fix(err, "give a shorter title with the order");
    } else if (!to.size || to.at[0] == '.') {
        error_set(err, ERROR_INPUT, "nothing of the name is left");
        error_why(err, "the outlet allows only these characters: %s", word(naming, "characters"));
        error_fix(err, "give a title with the order");
    } else {
        snprintf(name, 256, "%s%s", to.at, extension);
        ok = true;
    }
    buf_free(&to);
    buf_free(&f.missing);
    return ok;
}
