// Values of the expression language, their types as sets of bits, and how they read as text.
//
// 21 bits: 7 scalar types, lists of those, lists of lists of those; deeper ones do not exist
// (E§1.2.1). A float keeps the way it was written until something is computed from it (E§1.3.4).
#include "formats/openjd/inside.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- text ---

size_t utf8_length(text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.size; i++)
        n += ((unsigned char)t.at[i] & 0xc0) != 0x80;
    return n;
}

size_t utf8_put(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    to[0] = (char)((0xff00 >> (more + 1) & 0xff) | code >> (6 * more));
    for (int k = 1; k <= more; k++)
        to[k] = (char)(0x80 | (code >> (6 * (more - k)) & 0x3f));
    return 1 + (size_t)more;
}

bool text_same(text a, text b)
{
    return a.size == b.size && (!a.size || memcmp(a.at, b.at, a.size) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool text_same_any_case(text a, text b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

text text_lower(struct arena *a, text t)
{
    char *at = arena_copy(a, t.at, t.size);
    for (size_t i = 0; i < t.size; i++)
        at[i] = lower(at[i]);
    return (text){at, t.size};
}

text text_join(struct arena *a, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *at = arena_take(a, (size_t)size + 1);
    va_start(list, format);
    vsnprintf(at, (size_t)size + 1, format, list);
    va_end(list);
    return (text){at, (size_t)size};
}

bool has_control_characters(text t, const char *allowed)
{
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if ((c < 0x20 || c == 0x7f) && !(c && strchr(allowed, c)))
            return true;
        if (c == 0xc2 && i + 1 < t.size && (unsigned char)t.at[i + 1] < 0xa0)
            return true; // C1: U+0080 .. U+009F
    }
    return false;
}

bool name_is_identifier(text t)
{
    for (size_t i = 0; i < t.size; i++) {
        char c = t.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return t.size > 0;
}

bool uri_is(text t)
{
    size_t i = 0;
    while (i < t.size && (isalnum((unsigned char)t.at[i]) || (i && strchr("+.-", t.at[i]))) &&
           t.at[i])
        i++;
    return i && isalpha((unsigned char)t.at[0]) && t.size - i >= 3 &&
           memcmp(t.at + i, "://", 3) == 0;
}

// --- numbers ---

// Digits with single '_' between them; moves *i behind them and copies the digits.
static bool digits(text t, size_t *i, char *to, size_t *size)
{
    size_t start = *i;
    while (*i < t.size && (isdigit((unsigned char)t.at[*i]) || t.at[*i] == '_')) {
        if (t.at[*i] == '_' && (*i == start || t.at[*i - 1] == '_'))
            return false;
        if (t.at[*i] != '_')
            to[(*size)++] = t.at[*i];
        (*i)++;
    }
    return *i > start && t.at[*i - 1] != '_';
}

bool number_whole(text t, int64_t *whole)
{
    t = text_trim(t);
    char plain[64];
    size_t i = 0, size = 0;
    if (t.size > 60)
        return false;
    if (t.size && (t.at[0] == '-' || t.at[0] == '+')) {
        if (t.at[0] == '-')
            plain[size++] = '-';
        i++;
    }
    return digits(t, &i, plain, &size) && i == t.size && text_int((text){plain, size}, whole);
}

bool number_real(text t, double *real)
{
    t = text_trim(t);
    if (!t.size || t.size > 400)
        return false;
    char plain[512];
    size_t i = 0, size = 0;
    if (t.at[0] == '-' || t.at[0] == '+')
        plain[size++] = t.at[i++];
    bool before = i < t.size && isdigit((unsigned char)t.at[i]);
    if (before && !digits(t, &i, plain, &size))
        return false;
    if (i < t.size && t.at[i] == '.') {
        plain[size++] = t.at[i++];
        if (i < t.size && isdigit((unsigned char)t.at[i])) {
            if (!digits(t, &i, plain, &size))
                return false;
        } else if (!before) {
            return false;
        }
    } else if (!before) {
        return false;
    }
    if (i < t.size && (t.at[i] == 'e' || t.at[i] == 'E')) {
        plain[size++] = t.at[i++];
        if (i < t.size && (t.at[i] == '-' || t.at[i] == '+'))
            plain[size++] = t.at[i++];
        if (!digits(t, &i, plain, &size))
            return false;
    }
    plain[size] = 0;
    *real = strtod(plain, NULL);
    if (*real == 0)
        *real = 0; // no negative zero (E§1.3.4)
    return i == t.size && isfinite(*real);
}

// The fewest digits that read back as the same number; exponents as Python's repr writes them.
text real_text(struct arena *a, double real)
{
    char plain[64];
    int precision = 0;
    do
        snprintf(plain, sizeof(plain), "%.*e", precision, real);
    while (strtod(plain, NULL) != real && ++precision < 17);
    int exponent = atoi(strchr(plain, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        char *e = strchr(plain, 'e');
        return text_join(a, "%.*se%c%02d", (int)(e - plain), plain, exponent < 0 ? '-' : '+',
                         abs(exponent));
    }
    int after = precision - exponent;
    return text_join(a, "%.*f", after < 1 ? 1 : after, real);
}

// --- types ---

static const char *const scalar_names[] = {"nulltype", "bool", "int",       "float",
                                           "string",   "path", "range_expr"};

text openjd_types_text(struct arena *a, openjd_types types)
{
    if ((types & OPENJD_T_ANY) == OPENJD_T_ANY)
        return text_of("any");
    if (!types)
        return text_of("noreturn");
    text all = {"", 0};
    // nulltype comes last, as "int | nulltype"
    for (int n = 1; n <= 21; n++) {
        int bit = n % 21;
        if (!(types >> bit & 1))
            continue;
        int depth = bit / 7;
        text one = text_join(a, "%s%s%s",
                             depth > 1 ? "list[list["
                             : depth   ? "list["
                                       : "",
                             scalar_names[bit % 7],
                             depth > 1 ? "]]"
                             : depth   ? "]"
                                       : "");
        all = all.size ? text_join(a, "%.*s | %s", TEXT_ARGS(all), one.at) : one;
    }
    return all;
}

openjd_types types_item(openjd_types lists)
{
    openjd_types of = (lists & OPENJD_T_LISTS) >> 7;
    return of;
}

bool type_single(openjd_types t)
{
    return t && !(t & (t - 1));
}

// --- making ---

struct openjd_value value_null(void)
{
    return (struct openjd_value){.type = OPENJD_T_NULL, .known = true};
}

struct openjd_value openjd_string(text words)
{
    return (struct openjd_value){.type = OPENJD_T_STRING, .known = true, .words = words};
}

struct openjd_value openjd_path(text words)
{
    return (struct openjd_value){.type = OPENJD_T_PATH, .known = true, .words = words};
}

struct openjd_value openjd_whole(int64_t whole)
{
    return (struct openjd_value){.type = OPENJD_T_INT, .known = true, .whole = whole};
}

struct openjd_value openjd_truth(bool truth)
{
    return (struct openjd_value){.type = OPENJD_T_BOOL, .known = true, .truth = truth};
}

struct openjd_value openjd_unknown(openjd_types types)
{
    return (struct openjd_value){.type = types};
}

struct openjd_value value_real(double real, text written)
{
    return (struct openjd_value){
        .type = OPENJD_T_FLOAT, .known = true, .real = real == 0 ? 0 : real, .words = written};
}

struct openjd_value value_range(struct arena *a, struct openjd_range range)
{
    struct openjd_range *kept = ARENA_NEW(a, struct openjd_range);
    *kept = range;
    return (struct openjd_value){.type = OPENJD_T_RANGE, .known = true, .range = kept};
}

struct openjd_value value_list(openjd_types item_type, const struct openjd_value *items,
                               size_t count)
{
    return (struct openjd_value){
        .type = OPENJD_T_LIST(item_type), .known = true, .item_count = count, .items = items};
}

struct openjd_value value_copy(struct arena *a, const struct openjd_value *v)
{
    struct openjd_value c = *v;
    if (!v->known)
        return c;
    if (v->type & (OPENJD_T_STRING | OPENJD_T_PATH | OPENJD_T_FLOAT)) {
        if (v->words.size)
            c.words.at = arena_copy(a, v->words.at, v->words.size);
    } else if (v->type & OPENJD_T_RANGE) {
        struct openjd_range *range = ARENA_NEW(a, struct openjd_range);
        *range = *v->range;
        struct openjd_span *spans = ARENA_ARRAY(a, struct openjd_span, range->span_count);
        memcpy(spans, v->range->spans, range->span_count * sizeof(*spans));
        range->spans = spans;
        c.range = range;
    } else if (v->type & OPENJD_T_LISTS) {
        struct openjd_value *items = ARENA_ARRAY(a, struct openjd_value, v->item_count);
        for (size_t i = 0; i < v->item_count; i++)
            items[i] = value_copy(a, &v->items[i]);
        c.items = items;
    }
    return c;
}

// --- text of values ---

void json_quote(struct buf *b, text t, bool ascii)
{
    buf_text(b, "\"");
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.at[i];
        const char *mark = c == '"'    ? "\\\""
                           : c == '\\' ? "\\\\"
                           : c == '\n' ? "\\n"
                           : c == '\r' ? "\\r"
                           : c == '\t' ? "\\t"
                           : c == '\b' ? "\\b"
                           : c == '\f' ? "\\f"
                                       : NULL;
        if (mark) {
            buf_text(b, mark);
        } else if (c < 0x20) {
            buf_format(b, "\\u%04x", c);
        } else if (c >= 0x80 && ascii) {
            int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
            uint32_t code = c & (0x3fu >> more);
            for (int k = 0; k < more && i + 1 < t.size; k++)
                code = code << 6 | ((unsigned char)t.at[++i] & 0x3f);
            if (code >= 0x10000)
                buf_format(b, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
                           0xdc00 + ((code - 0x10000) & 0x3ff));
            else
                buf_format(b, "\\u%04x", code);
        } else {
            buf_add(b, &t.at[i], 1);
        }
    }
    buf_text(b, "\"");
}

static void write_value(struct arena *a, struct buf *b, const struct openjd_value *v, bool quoted)
{
    text t;
    if (v->type & OPENJD_T_LISTS) {
        buf_text(b, "[");
        for (size_t i = 0; i < v->item_count; i++) {
            buf_text(b, i ? ", " : "");
            write_value(a, b, &v->items[i], true);
        }
        buf_text(b, "]");
    } else if (v->type & OPENJD_T_NULL) {
        buf_text(b, "null");
    } else if (v->type & OPENJD_T_BOOL) {
        buf_text(b, v->truth ? "true" : "false");
    } else if (v->type & OPENJD_T_INT) {
        buf_format(b, "%" PRId64, v->whole);
    } else if (v->type & OPENJD_T_FLOAT) {
        t = v->words.size ? v->words : real_text(a, v->real);
        buf_add(b, t.at, t.size);
    } else {
        t = v->type & OPENJD_T_RANGE ? openjd_range_text(a, v->range) : v->words;
        if (quoted)
            json_quote(b, t, false);
        else
            buf_add(b, t.at, t.size);
    }
}

static text written(struct arena *a, const struct openjd_value *v, bool quoted)
{
    struct buf b = BUF_LIMIT((size_t)1 << 30);
    write_value(a, &b, v, quoted);
    text t = {arena_copy(a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return t;
}

text openjd_value_text(struct arena *a, const struct openjd_value *v)
{
    if (!v->known || v->type & OPENJD_T_NULL)
        return (text){"", 0};
    if (v->type & (OPENJD_T_STRING | OPENJD_T_PATH))
        return v->words;
    return written(a, v, false);
}

text openjd_value_json(struct arena *a, const struct openjd_value *v)
{
    return written(a, v, true);
}

// --- equality ---

// E§1.3.7 of the float's own domain: 2^63 - 1 is not 2^63 as a float.
static bool same_number(int64_t whole, double real)
{
    return real >= -0x1p63 && real < 0x1p63 && (double)(int64_t)real == real &&
           (int64_t)real == whole;
}

static bool list_is_range(const struct openjd_value *list, const struct openjd_range *range)
{
    if (list->item_count != range->count)
        return false;
    for (size_t i = 0; i < list->item_count; i++) {
        struct openjd_value n = openjd_whole(openjd_range_at(range, i));
        if (!value_same(&list->items[i], &n))
            return false;
    }
    return true;
}

bool value_same(const struct openjd_value *a, const struct openjd_value *b)
{
    const openjd_types words = OPENJD_T_STRING | OPENJD_T_PATH;
    if (a->type & words && b->type & words)
        return text_same(a->words, b->words);
    if (a->type & OPENJD_T_LISTS && b->type & OPENJD_T_LISTS) {
        bool same = a->item_count == b->item_count;
        for (size_t i = 0; same && i < a->item_count; i++)
            same = value_same(&a->items[i], &b->items[i]);
        return same;
    }
    if (a->type & OPENJD_T_LISTS && b->type & OPENJD_T_RANGE)
        return list_is_range(a, b->range);
    if (a->type & OPENJD_T_RANGE && b->type & OPENJD_T_LISTS)
        return list_is_range(b, a->range);
    if (a->type & OPENJD_T_INT && b->type & OPENJD_T_FLOAT)
        return same_number(a->whole, b->real);
    if (a->type & OPENJD_T_FLOAT && b->type & OPENJD_T_INT)
        return same_number(b->whole, a->real);
    if (a->type != b->type)
        return false;
    if (a->type & OPENJD_T_RANGE) {
        bool same = a->range->count == b->range->count;
        for (size_t i = 0; same && i < a->range->span_count && i < b->range->span_count; i++)
            same = a->range->spans[i].first == b->range->spans[i].first &&
                   a->range->spans[i].last == b->range->spans[i].last;
        return same;
    }
    return a->type & OPENJD_T_NULL    ? true
           : a->type & OPENJD_T_BOOL  ? a->truth == b->truth
           : a->type & OPENJD_T_INT   ? a->whole == b->whole
           : a->type & OPENJD_T_FLOAT ? a->real == b->real
                                      : false;
}

// --- coercion (E§1.2.3) ---

bool truth_read(text words, bool *truth)
{
    static const char *const spelled[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (size_t i = 0; i < 8; i++) {
        if (text_same_any_case(words, text_of(spelled[i]))) {
            *truth = i < 4;
            return true;
        }
    }
    return false;
}

bool value_read(struct arena *a, text words, openjd_types type, struct openjd_value *out)
{
    int64_t whole;
    double real;
    bool truth;
    struct openjd_range range;
    struct error ignored;
    if (type & OPENJD_T_STRING)
        *out = openjd_string(words);
    else if (type & OPENJD_T_PATH)
        *out = openjd_path(words);
    else if (type & OPENJD_T_INT && number_whole(words, &whole))
        *out = openjd_whole(whole);
    else if (type & OPENJD_T_FLOAT && number_real(words, &real))
        *out = value_real(real, text_trim(words));
    else if (type & OPENJD_T_BOOL && truth_read(words, &truth))
        *out = openjd_truth(truth);
    else if (type & OPENJD_T_RANGE && openjd_range_parse(a, words, &range, &ignored))
        *out = value_range(a, range);
    else
        return false;
    return true;
}

// One type to one other. The order in which a union's members are tried is in `tried`.
static bool convert(struct arena *a, const struct openjd_value *v, openjd_types to,
                    struct openjd_value *out)
{
    openjd_types from = v->type;
    if (from & (OPENJD_T_LISTS | OPENJD_T_RANGE) && to & OPENJD_T_LISTS) {
        openjd_types item = types_item(to);
        struct error ignored;
        size_t count = from & OPENJD_T_RANGE ? (size_t)v->range->count : v->item_count;
        if (from & OPENJD_T_RANGE && (!(to & OPENJD_T_LIST(OPENJD_T_INT)) || count > 1000000))
            return false;
        struct openjd_value *items = ARENA_ARRAY(a, struct openjd_value, count);
        for (size_t i = 0; i < count; i++) {
            struct openjd_value n =
                from & OPENJD_T_RANGE ? openjd_whole(openjd_range_at(v->range, i)) : v->items[i];
            if (!value_coerce(a, &n, item, &items[i], &ignored))
                return false;
        }
        *out =
            (struct openjd_value){.type = to, .known = true, .item_count = count, .items = items};
        return true;
    }
    if (to & OPENJD_T_STRING &&
        from & (OPENJD_T_BOOL | OPENJD_T_INT | OPENJD_T_FLOAT | OPENJD_T_PATH | OPENJD_T_RANGE)) {
        *out = openjd_string(openjd_value_text(a, v));
        return true;
    }
    if (from & OPENJD_T_STRING)
        return value_read(a, v->words, to, out);
    if (from & OPENJD_T_INT && to & OPENJD_T_FLOAT) {
        *out = value_real((double)v->whole, (text){NULL, 0});
        return true;
    }
    if (from & OPENJD_T_FLOAT && to & OPENJD_T_INT && v->real >= -0x1p63 && v->real < 0x1p63 &&
        (double)(int64_t)v->real == v->real) {
        *out = openjd_whole((int64_t)v->real);
        return true;
    }
    return false;
}

// Numbers before text, what may fail before what can not, scalars before lists.
static const openjd_types tried[] = {OPENJD_T_INT,   OPENJD_T_FLOAT,  OPENJD_T_BOOL,
                                     OPENJD_T_RANGE, OPENJD_T_STRING, OPENJD_T_PATH};

// What an unknown value of this type could become.
static openjd_types could_be(openjd_types from, openjd_types wanted)
{
    openjd_types to = from & wanted;
    const openjd_types words = OPENJD_T_STRING, numbers = OPENJD_T_INT | OPENJD_T_FLOAT;
    if (from & (OPENJD_T_BOOL | numbers | OPENJD_T_PATH | OPENJD_T_RANGE))
        to |= wanted & words;
    if (from & numbers)
        to |= wanted & numbers;
    if (from & OPENJD_T_STRING)
        to |= wanted & (OPENJD_T_SCALARS & ~OPENJD_T_NULL);
    if (from & OPENJD_T_RANGE)
        to |= wanted & OPENJD_T_LIST(OPENJD_T_INT);
    if (from & OPENJD_T_LISTS)
        to |= wanted & OPENJD_T_LISTS;
    return to;
}

bool value_coerce(struct arena *a, const struct openjd_value *v, openjd_types wanted,
                  struct openjd_value *out, struct error *err)
{
    if (!v->known) {
        openjd_types to = v->type & wanted;
        if (to != v->type)
            to = could_be(v->type, wanted);
        *out = openjd_unknown(to);
        if (to || !v->type) // fail() never returns
            return true;
    } else {
        *out = *v;
        if (v->type & wanted)
            return true;
        for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
            if (wanted & tried[i] && convert(a, v, tried[i], out))
                return true;
        for (int bit = 7; bit < 21; bit++)
            if (wanted >> bit & 1 && convert(a, v, (openjd_types)1 << bit, out))
                return true;
    }
    error_set(err, ERROR_INPUT, "a value has the wrong type");
    text is = openjd_types_text(a, v->type), need = openjd_types_text(a, wanted);
    text shown = v->known ? openjd_value_json(a, v) : (text){"", 0};
    return error_why(err, "it is %.*s%s%.*s, and here %.*s is needed", TEXT_ARGS(is),
                     shown.size ? " " : "", (int)(shown.size > 60 ? 60 : shown.size), shown.at,
                     TEXT_ARGS(need));
}
