// The expression language (E§1): a reader that makes a tree, an evaluator that walks it.
//
// The language is a part of Python's expressions. Keywords are keywords only where they can be ones
// (E§1.1.3), lines may break anywhere. What is not known yet is a value that has only types: every
// operation is then done on types, so that a template is checked by evaluating it. Work is bounded:
// depth of nesting, operations, bytes of values.
#include "formats/openjd/inside.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SOURCE_MOST = 65536, CHAIN_MOST = 250 };

enum expr_kind {
    EXPR_VALUE,
    EXPR_NAME,     // dotted: words
    EXPR_PROPERTY, // parts[0].words
    EXPR_CALL,     // words(parts...); method: parts[0] stands before the dot
    EXPR_AND,
    EXPR_OR,
    EXPR_COMPARE, // parts[0] op[0] parts[1] op[1] ...
    EXPR_IF,      // parts: condition, then, else
    EXPR_INDEX,   // parts: of, index
    EXPR_SLICE,   // parts: of, start, stop, step; missing ones are NULL
    EXPR_LIST,
    EXPR_EACH, // [parts[0] for words in parts[1] if parts[2]]
};

struct openjd_expr {
    enum expr_kind kind;
    bool method;
    text words;
    struct openjd_value value;
    const struct openjd_expr **parts;
    const char *const *operators; // COMPARE: names of functions
    size_t count;
    text source; // the piece that it was read from
};

// --- the reader ---

struct reading {
    struct arena *a;
    const char *start, *at, *end;
    int depth;
    struct error *err;
};

static struct openjd_expr *bad(struct reading *r, const char *why)
{
    if (r->err->kind == ERROR_NONE) {
        error_set(r->err, ERROR_INPUT, "an expression can not be read");
        error_why(r->err, "%s at character %td of '%.*s'", why, r->at - r->start + 1,
                  (int)(r->end - r->start > 80 ? 80 : r->end - r->start), r->start);
    }
    return NULL;
}

static void skip(struct reading *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r' || *r->at == '\f'))
        r->at++;
}

static bool is_name_byte(char c, bool first)
{
    return c == '_' || isalpha((unsigned char)c) || (!first && isdigit((unsigned char)c));
}

// Looks at the mark that comes next; the longest one wins: "//" is not "/".
static text peek_mark(struct reading *r)
{
    static const char *const marks[] = {"**", "//", "<=", ">=", "==", "!=", ":=", "<<", ">>"};
    skip(r);
    size_t left = (size_t)(r->end - r->at);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (left >= 2 && memcmp(r->at, marks[i], 2) == 0)
            return (text){r->at, 2};
    return (text){r->at, left ? 1 : 0};
}

static bool take(struct reading *r, const char *mark)
{
    text next = peek_mark(r);
    if (!text_is(next, mark))
        return false;
    r->at += next.size;
    return true;
}

static text peek_word(struct reading *r)
{
    skip(r);
    const char *p = r->at;
    while (p < r->end && is_name_byte(*p, p == r->at))
        p++;
    return (text){r->at, (size_t)(p - r->at)};
}

static bool take_word(struct reading *r, const char *word)
{
    text next = peek_word(r);
    if (!text_is(next, word))
        return false;
    r->at += next.size;
    return true;
}

static struct openjd_expr *node(struct reading *r, enum expr_kind kind, size_t count,
                                const char *from)
{
    struct openjd_expr *e = ARENA_NEW(r->a, struct openjd_expr);
    e->kind = kind;
    e->count = count;
    e->parts = ARENA_ARRAY(r->a, const struct openjd_expr *, count);
    e->source = (text){from, (size_t)(r->at - from)};
    return e;
}

static struct openjd_expr *call2(struct reading *r, const char *name, const char *from,
                                 const struct openjd_expr *left, const struct openjd_expr *right)
{
    struct openjd_expr *e = node(r, EXPR_CALL, right ? 2 : 1, from);
    e->words = text_of(name);
    e->parts[0] = left;
    if (right)
        e->parts[1] = right;
    return e;
}

static struct openjd_expr *read_conditional(struct reading *r);
static struct openjd_expr *read_or(struct reading *r);
static struct openjd_expr *read_unary(struct reading *r);

// Digits of an escape: "\x41", "\u00e9", "\101". False: too few, or no character.
static bool escape_code(struct reading *r, int base, int least, int most, uint32_t *code)
{
    int n = 0;
    *code = 0;
    for (; n < most && r->at < r->end; n++, r->at++) {
        char c = *r->at;
        int digit = isdigit((unsigned char)c)    ? c - '0'
                    : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
                                                 : 99;
        if (digit >= base)
            break;
        *code = *code * (uint32_t)base + (uint32_t)digit;
    }
    return n >= least && *code && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
}

// Behind a backslash. What Python does not know stays as it is.
static bool read_escape(struct reading *r, char *to, size_t *size)
{
    static const char marks[] = "\\'\"nrtabfv", means[] = "\\'\"\n\r\t\a\b\f\v";
    char c = r->at < r->end ? *r->at : 0;
    const char *found = c ? strchr(marks, c) : NULL;
    uint32_t code;
    if (c == '\n') {
        r->at++; // a line that goes on
        return true;
    }
    if (found) {
        r->at++;
        to[(*size)++] = means[found - marks];
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        r->at++;
        if (!escape_code(r, 16, digits, digits, &code))
            return bad(r, "an escape names no character") != NULL;
    } else if (c >= '0' && c <= '7') {
        if (!escape_code(r, 8, 1, 3, &code))
            return bad(r, "an escape names no character") != NULL;
    } else if (c == 'N') {
        return bad(r, "names of characters are not known here, write \\uXXXX,") != NULL;
    } else {
        to[(*size)++] = '\\';
        return true;
    }
    *size += utf8_put(to + *size, code);
    return true;
}

static bool read_quoted(struct reading *r, bool raw, char *to, size_t *size)
{
    char quote = *r->at;
    bool three = r->end - r->at >= 3 && r->at[1] == quote && r->at[2] == quote;
    r->at += three ? 3 : 1;
    for (;;) {
        if (r->at == r->end || (!three && *r->at == '\n'))
            return bad(r, "a string has no end") != NULL;
        if (*r->at == quote &&
            (!three || (r->end - r->at >= 3 && r->at[1] == quote && r->at[2] == quote))) {
            r->at += three ? 3 : 1;
            return true;
        }
        if (*r->at != '\\') {
            to[(*size)++] = *r->at++;
            continue;
        }
        if (!raw) {
            r->at++;
            if (!read_escape(r, to, size))
                return false;
            continue;
        }
        to[(*size)++] = *r->at++;
        if (r->at < r->end && (three || *r->at != '\n'))
            to[(*size)++] = *r->at++;
    }
}

// Neighbours are one string, as in Python.
static struct openjd_expr *read_string(struct reading *r)
{
    const char *from = r->at;
    char *to = arena_take(r->a, (size_t)(r->end - r->at) + 8);
    size_t size = 0;
    for (;;) {
        skip(r);
        bool raw = r->end - r->at >= 2 && (*r->at == 'r' || *r->at == 'R') &&
                   (r->at[1] == '"' || r->at[1] == '\'');
        if (!raw && (r->at == r->end || (*r->at != '"' && *r->at != '\'')))
            break;
        r->at += raw;
        if (!read_quoted(r, raw, to, &size))
            return NULL;
    }
    struct openjd_expr *e = node(r, EXPR_VALUE, 0, from);
    e->value = openjd_string((text){to, size});
    return e;
}

static bool based_number(text t, int base, int64_t *whole)
{
    *whole = 0;
    for (size_t i = 2; i < t.size; i++) {
        char c = t.at[i];
        if (c == '_' && i + 1 < t.size && t.at[i + 1] != '_')
            continue;
        int digit = isdigit((unsigned char)c)    ? c - '0'
                    : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
                                                 : 99;
        if (digit >= base || __builtin_mul_overflow(*whole, base, whole) ||
            __builtin_add_overflow(*whole, digit, whole))
            return false;
    }
    return t.size > 2;
}

// `minus`: a '-' stands before it, so that -9223372036854775808 can be written.
static struct openjd_expr *read_number(struct reading *r, bool minus, const char *from)
{
    const char *start = r->at;
    bool real = false;
    int base = start[0] != '0' || r->end - start < 2 ? 10
               : (start[1] | 32) == 'x'              ? 16
               : (start[1] | 32) == 'o'              ? 8
               : (start[1] | 32) == 'b'              ? 2
                                                     : 10;
    while (r->at < r->end) {
        char c = *r->at;
        bool sign =
            base == 10 && (c == '+' || c == '-') && (r->at[-1] | 32) == 'e' && r->at > start;
        real |= base == 10 && (c == '.' || (c | 32) == 'e');
        if (!isalnum((unsigned char)c) && c != '_' && c != '.' && !sign)
            break;
        r->at++;
    }
    text t = {start, (size_t)(r->at - start)};
    struct openjd_expr *e = node(r, EXPR_VALUE, 0, from);
    int64_t whole;
    double number;
    if (base != 10) {
        if (!based_number(t, base, &whole))
            return bad(r, "a number is malformed or too big");
        e->value = openjd_whole(minus ? -whole : whole);
        return e;
    }
    if (real) {
        if (!number_real(t, &number))
            return bad(r, "a number is malformed or too big");
        text kept = memchr(t.at, '_', t.size) || minus || t.at[0] == '.' || t.at[t.size - 1] == '.'
                        ? (text){NULL, 0}
                        : t;
        e->value = value_real(minus ? -number : number, kept);
        return e;
    }
    bool zeros = t.at[0] == '0';
    for (size_t i = 0; i < t.size; i++)
        zeros &= t.at[i] == '0' || t.at[i] == '_';
    if (t.at[0] == '0' && !zeros)
        return bad(r, "a number has leading zeros");
    text with = text_join(r->a, "%s%.*s", minus ? "-" : "", TEXT_ARGS(t));
    if (!number_whole(with, &whole))
        return bad(r, "a number is malformed or does not fit into 64 bits");
    e->value = openjd_whole(whole);
    return e;
}

// Reads "a, b, c" up to `close` into the parts of e, from `first` on.
static bool read_parts(struct reading *r, struct openjd_expr *e, size_t first, char close,
                       const struct openjd_expr *begun)
{
    size_t room = 8, count = first;
    const struct openjd_expr **parts = ARENA_ARRAY(r->a, const struct openjd_expr *, room + first);
    memcpy(parts, e->parts, first * sizeof(*parts));
    const char closing[2] = {close, 0};
    if (begun)
        parts[count++] = begun;
    for (bool comma = !begun; !take(r, closing);) {
        if (!comma && !take(r, ","))
            return bad(r, "a ',' or a closing bracket is missing") != NULL;
        if (!comma && take(r, closing))
            break;
        comma = false;
        if (count == room + first) {
            const struct openjd_expr **more =
                ARENA_ARRAY(r->a, const struct openjd_expr *, room * 2 + first);
            memcpy(more, parts, count * sizeof(*parts));
            parts = more;
            room *= 2;
        }
        if (!(parts[count++] = read_conditional(r)))
            return false;
        text mark = peek_mark(r);
        if (text_is(mark, "=") || text_is(mark, ":="))
            return bad(r, "arguments have no names here") != NULL;
    }
    e->parts = parts;
    e->count = count;
    return true;
}

static struct openjd_expr *read_each(struct reading *r, const char *from,
                                     const struct openjd_expr *made)
{
    text name = peek_word(r);
    struct openjd_expr *e = node(r, EXPR_EACH, 3, from);
    if (!name.size || !(islower((unsigned char)name.at[0]) || name.at[0] == '_'))
        return bad(r, "the name of a loop begins with a small letter or '_',");
    r->at += name.size;
    e->words = name;
    e->parts[0] = made;
    if (!take_word(r, "in"))
        return bad(r, "'in' is missing");
    if (!(e->parts[1] = read_or(r)))
        return NULL;
    if (take_word(r, "if") && !(e->parts[2] = read_or(r)))
        return NULL;
    if (text_is(peek_word(r), "for") || text_is(peek_word(r), "if"))
        return bad(r, "a list is made with one 'for' and one 'if' at most,");
    return take(r, "]") ? e : bad(r, "a ']' is missing");
}

static struct openjd_expr *read_list(struct reading *r)
{
    const char *from = r->at;
    take(r, "[");
    struct openjd_expr *e = node(r, EXPR_LIST, 0, from);
    if (take(r, "]"))
        return e;
    struct openjd_expr *first = read_conditional(r);
    if (!first)
        return NULL;
    if (take_word(r, "for"))
        return read_each(r, from, first);
    if (!read_parts(r, e, 0, ']', first))
        return NULL;
    e->source.size = (size_t)(r->at - from);
    return e;
}

static struct openjd_expr *read_word(struct reading *r)
{
    static const struct {
        const char *word;
        int means; // 0 null, 1 false, 2 true
    } words[] = {{"null", 0}, {"None", 0}, {"false", 1}, {"False", 1}, {"true", 2}, {"True", 2}};
    static const char *const reserved[] = {"if", "else", "and",    "or",    "not",  "for",
                                           "in", "is",   "lambda", "await", "yield"};
    text word = peek_word(r);
    const char *from = r->at;
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (text_is(word, reserved[i]))
            return bad(r, "a value is missing");
    r->at += word.size;
    if (r->at < r->end && (*r->at == '"' || *r->at == '\''))
        return bad(r, "only r\"...\" may stand before a string,");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!text_is(word, words[i].word))
            continue;
        struct openjd_expr *e = node(r, EXPR_VALUE, 0, from);
        e->value = words[i].means ? openjd_truth(words[i].means == 2) : value_null();
        return e;
    }
    struct openjd_expr *e = node(r, EXPR_NAME, 0, from);
    e->words = word;
    return e;
}

static struct openjd_expr *read_primary(struct reading *r)
{
    skip(r);
    char c = r->at < r->end ? *r->at : 0;
    char next = r->end - r->at > 1 ? r->at[1] : 0;
    if (c == '(') {
        r->at++;
        struct openjd_expr *e = read_conditional(r);
        if (!e)
            return NULL;
        if (text_is(peek_mark(r), ","))
            return bad(r, "tuples do not exist here, write a list,");
        return take(r, ")") ? e : bad(r, "a ')' is missing");
    }
    if (c == '[')
        return read_list(r);
    if (c == '"' || c == '\'' || ((c == 'r' || c == 'R') && (next == '"' || next == '\'')))
        return read_string(r);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next)))
        return read_number(r, false, r->at);
    if (is_name_byte(c, true))
        return read_word(r);
    return bad(r, c == '{' ? "objects and sets do not exist here"
                  : c      ? "this is not part of the language"
                           : "a value is missing");
}

static struct openjd_expr *read_subscript(struct reading *r, const char *from,
                                          const struct openjd_expr *of)
{
    struct openjd_expr *parts[3] = {NULL, NULL, NULL};
    size_t colons = 0;
    while (!take(r, "]")) {
        if (take(r, ":")) {
            if (++colons > 2)
                return bad(r, "a slice has two ':' at most");
        } else if (parts[colons]) {
            return bad(r, "a ']' is missing");
        } else if (!(parts[colons] = read_conditional(r))) {
            return NULL;
        }
    }
    if (!colons && !parts[0])
        return bad(r, "an index is missing");
    struct openjd_expr *e = node(r, colons ? EXPR_SLICE : EXPR_INDEX, colons ? 4 : 2, from);
    e->parts[0] = of;
    for (size_t i = 0; i < (colons ? 3u : 1u); i++)
        e->parts[i + 1] = parts[i];
    return e;
}

static struct openjd_expr *read_member(struct reading *r, const char *from, struct openjd_expr *of)
{
    text name = peek_word(r);
    if (!name.size)
        return bad(r, "a name is missing after '.'");
    r->at += name.size;
    if (text_is(peek_mark(r), "(")) {
        struct openjd_expr *e = node(r, EXPR_CALL, 1, from);
        take(r, "(");
        e->words = name;
        e->method = true;
        e->parts[0] = of;
        if (!read_parts(r, e, 1, ')', NULL))
            return NULL;
        e->source.size = (size_t)(r->at - from);
        return e;
    }
    if (of->kind == EXPR_NAME) { // dotted names are one: "Param.Frame"
        of->words = text_join(r->a, "%.*s.%.*s", TEXT_ARGS(of->words), TEXT_ARGS(name));
        of->source.size = (size_t)(r->at - from);
        return of;
    }
    struct openjd_expr *e = node(r, EXPR_PROPERTY, 1, from);
    e->words = name;
    e->parts[0] = of;
    return e;
}

static struct openjd_expr *read_postfix(struct reading *r)
{
    skip(r);
    const char *from = r->at;
    struct openjd_expr *e = read_primary(r);
    for (int chain = 0; e; chain++) {
        if (chain > CHAIN_MOST)
            return bad(r, "a chain is longer than 250 links");
        if (e->kind == EXPR_NAME && text_is(peek_mark(r), "(")) {
            struct openjd_expr *call = node(r, EXPR_CALL, 0, from);
            take(r, "(");
            call->words = e->words;
            if (!read_parts(r, call, 0, ')', NULL))
                return NULL;
            call->source.size = (size_t)(r->at - from);
            e = call;
        } else if (take(r, "[")) {
            e = read_subscript(r, from, e);
        } else if (take(r, ".")) {
            e = read_member(r, from, e);
        } else {
            return text_is(peek_mark(r), "(") ? bad(r, "only functions can be called") : e;
        }
    }
    return NULL;
}

static struct openjd_expr *read_power(struct reading *r)
{
    skip(r);
    const char *from = r->at;
    struct openjd_expr *left = read_postfix(r);
    if (!left || !take(r, "**"))
        return left;
    struct openjd_expr *right = read_unary(r);
    return right ? call2(r, "**", from, left, right) : NULL;
}

static bool deeper(struct reading *r)
{
    return ++r->depth <= OPENJD_DEPTH_MOST || bad(r, "it is nested more than 64 deep") != NULL;
}

static struct openjd_expr *read_unary(struct reading *r)
{
    skip(r);
    const char *from = r->at;
    bool minus = take(r, "-");
    if (!minus && !take(r, "+"))
        return read_power(r);
    skip(r);
    if (minus && r->at < r->end && isdigit((unsigned char)*r->at)) {
        // "-5" is a number unless something binds closer: -2**2 is -4.
        const char *start = r->at;
        struct openjd_expr *e = read_number(r, true, from);
        if (!e)
            return NULL;
        text mark = peek_mark(r);
        if (!text_is(mark, "**") && !text_is(mark, "["))
            return e;
        r->at = start;
    }
    if (!deeper(r))
        return NULL;
    struct openjd_expr *of = read_unary(r);
    r->depth--;
    return of ? call2(r, minus ? "u-" : "u+", from, of, NULL) : NULL;
}

// One level of left-associative operators.
static struct openjd_expr *read_chain(struct reading *r, const char *const *operators,
                                      struct openjd_expr *(*next)(struct reading *))
{
    skip(r);
    const char *from = r->at;
    struct openjd_expr *left = next(r);
    for (int chain = 0; left; chain++) {
        text mark = peek_mark(r);
        const char *const *found = operators;
        while (*found && !text_is(mark, *found))
            found++;
        if (!*found)
            return left;
        if (chain > CHAIN_MOST)
            return bad(r, "a chain is longer than 250 links");
        r->at += mark.size;
        struct openjd_expr *right = next(r);
        left = right ? call2(r, *found, from, left, right) : NULL;
    }
    return NULL;
}

static struct openjd_expr *read_product(struct reading *r)
{
    static const char *const operators[] = {"*", "//", "/", "%", NULL};
    return read_chain(r, operators, read_unary);
}

static struct openjd_expr *read_sum(struct reading *r)
{
    static const char *const operators[] = {"+", "-", NULL};
    return read_chain(r, operators, read_product);
}

static const char *take_comparison(struct reading *r)
{
    static const char *const operators[] = {"<=", ">=", "==", "!=", "<", ">"};
    for (size_t i = 0; i < 6; i++)
        if (take(r, operators[i]))
            return operators[i];
    const char *before = r->at;
    if (take_word(r, "in"))
        return "in";
    if (take_word(r, "not")) {
        if (take_word(r, "in"))
            return "not in";
        r->at = before;
    }
    return NULL;
}

static struct openjd_expr *read_comparison(struct reading *r)
{
    skip(r);
    const char *from = r->at;
    struct openjd_expr *left = read_sum(r);
    const char *operator= left ? take_comparison(r) : NULL;
    if (!operator)
        return left;
    const struct openjd_expr *parts[OPENJD_DEPTH_MOST + 1] = {left};
    const char *operators[OPENJD_DEPTH_MOST];
    size_t count = 1;
    for (; operator; operator= take_comparison(r)) {
        if (count > OPENJD_DEPTH_MOST)
            return bad(r, "more than 64 comparisons in a row");
        operators[count - 1] = operator;
        if (!(parts[count++] = read_sum(r)))
            return NULL;
    }
    struct openjd_expr *e = node(r, EXPR_COMPARE, count, from);
    const char **kept = ARENA_ARRAY(r->a, const char *, count);
    memcpy(e->parts, parts, count * sizeof(*parts));
    memcpy(kept, operators, (count - 1) * sizeof(*kept));
    e->operators = kept;
    return e;
}

static struct openjd_expr *read_not(struct reading *r)
{
    skip(r);
    const char *from = r->at;
    if (!take_word(r, "not"))
        return read_comparison(r);
    if (!deeper(r))
        return NULL;
    struct openjd_expr *of = read_not(r);
    r->depth--;
    return of ? call2(r, "not", from, of, NULL) : NULL;
}

static struct openjd_expr *read_words(struct reading *r, const char *word, enum expr_kind kind,
                                      struct openjd_expr *(*next)(struct reading *))
{
    skip(r);
    const char *from = r->at;
    struct openjd_expr *first = next(r);
    if (!first || !text_is(peek_word(r), word))
        return first;
    const struct openjd_expr **parts = ARENA_ARRAY(r->a, const struct openjd_expr *, CHAIN_MOST);
    size_t count = 0;
    parts[count++] = first;
    while (take_word(r, word)) {
        if (count == CHAIN_MOST)
            return bad(r, "a chain is longer than 250 links");
        if (!(parts[count++] = next(r)))
            return NULL;
    }
    struct openjd_expr *e = node(r, kind, 0, from);
    e->parts = parts;
    e->count = count;
    return e;
}

static struct openjd_expr *read_and(struct reading *r)
{
    return read_words(r, "and", EXPR_AND, read_not);
}

static struct openjd_expr *read_or(struct reading *r)
{
    return read_words(r, "or", EXPR_OR, read_and);
}

static struct openjd_expr *read_conditional(struct reading *r)
{
    if (!deeper(r))
        return NULL;
    skip(r);
    const char *from = r->at;
    struct openjd_expr *then = read_or(r);
    if (then && take_word(r, "if")) {
        struct openjd_expr *condition = read_or(r), *otherwise = NULL;
        if (condition && !take_word(r, "else"))
            return bad(r, "'else' is missing");
        if (!condition || !(otherwise = read_conditional(r)))
            return NULL;
        struct openjd_expr *e = node(r, EXPR_IF, 3, from);
        e->parts[0] = condition;
        e->parts[1] = then;
        e->parts[2] = otherwise;
        then = e;
    }
    r->depth--;
    return then;
}

// Without EXPR: a dotted name (§7.3), spaces anywhere between.
static struct openjd_expr *read_dotted(struct reading *r)
{
    skip(r);
    const char *from = r->at;
    text name = peek_word(r);
    if (!name.size)
        return bad(r, "a name is missing");
    r->at += name.size;
    struct openjd_expr *e = node(r, EXPR_NAME, 0, from);
    e->words = name;
    while (e && take(r, ".")) {
        if (text_is(peek_mark(r), "("))
            return bad(r, "a name is missing after '.'");
        text part = peek_word(r);
        if (!part.size)
            return bad(r, "a name is missing after '.'");
        r->at += part.size;
        e->words = text_join(r->a, "%.*s.%.*s", TEXT_ARGS(e->words), TEXT_ARGS(part));
    }
    return e;
}

// A name bound by a loop may not be bound again inside (E§1.3.7).
static bool loops_differ(const struct openjd_expr *e, const text *bound, size_t count)
{
    text names[OPENJD_DEPTH_MOST + 1];
    if (count > OPENJD_DEPTH_MOST)
        return true;
    if (count)
        memcpy(names, bound, count * sizeof(*names));
    for (size_t i = 0; e->kind == EXPR_EACH && i < count; i++)
        if (text_same(bound[i], e->words))
            return false;
    size_t inside = count;
    if (e->kind == EXPR_EACH)
        names[inside++] = e->words;
    for (size_t i = 0; i < e->count; i++)
        if (e->parts[i] &&
            !loops_differ(e->parts[i], names, e->kind == EXPR_EACH && i == 1 ? count : inside))
            return false;
    return true;
}

bool openjd_expr_parse(struct arena *a, text source, bool extended, struct openjd_expr **expr,
                       struct error *err)
{
    error_clear(err);
    char *kept = arena_copy(a, source.size ? source.at : "", source.size);
    struct reading r = {a, kept, kept, kept + source.size, 0, err};
    *expr = source.size > SOURCE_MOST ? bad(&r, "it is longer than 64 KB")
            : extended                ? read_conditional(&r)
                                      : read_dotted(&r);
    skip(&r);
    if (*expr && r.at != r.end)
        *expr = bad(&r, extended ? "something follows the expression"
                                 : "only names in dots can stand here without the extension EXPR,");
    if (*expr && extended && !loops_differ(*expr, NULL, 0))
        *expr = bad(&r, "a loop inside a loop has the same name,");
    return *expr != NULL;
}

struct seeing {
    expr_seen seen;
    void *context;
    text bound[OPENJD_DEPTH_MOST + 2];
    size_t count;
};

static bool see(struct seeing *s, const struct openjd_expr *e)
{
    if (e->kind == EXPR_NAME) {
        text first = e->words;
        first = text_cut(&first, '.');
        for (size_t i = 0; i < s->count; i++)
            if (text_same(s->bound[i], first))
                return true;
        return s->seen(s->context, e->words, false);
    }
    if (e->kind == EXPR_EACH) {
        if (!s->seen(s->context, e->words, true) || !see(s, e->parts[1]))
            return false;
        s->bound[s->count++] = e->words;
        bool good = see(s, e->parts[0]) && (!e->parts[2] || see(s, e->parts[2]));
        s->count--;
        return good;
    }
    for (size_t i = 0; i < e->count; i++)
        if (e->parts[i] && !see(s, e->parts[i]))
            return false;
    return true;
}

bool expr_names(const struct openjd_expr *expr, expr_seen seen, void *context)
{
    struct seeing s = {.seen = seen, .context = context};
    return see(&s, expr);
}

// --- the evaluator ---

bool eval_fail(struct eval *e, const char *why, ...)
{
    char words[sizeof(e->err->why)];
    va_list list;
    va_start(list, why);
    vsnprintf(words, sizeof(words), why, list);
    va_end(list);
    error_set(e->err, ERROR_INPUT, "an expression has no value");
    return error_why(e->err, "%s", words);
}

bool eval_spend(struct eval *e, uint64_t operations)
{
    e->operations += operations;
    return e->operations <= OPENJD_OPERATIONS_MOST ||
           eval_fail(e, "it needs more than 10 million operations");
}

bool eval_spend_text(struct eval *e, size_t size)
{
    return eval_spend(e, (size + 255) / 256);
}

void *eval_take(struct eval *e, size_t size)
{
    if (size > OPENJD_VALUES_MOST ||
        e->held_bytes + arena_used(e->arena) > OPENJD_VALUES_MOST - size) {
        eval_fail(e, "it needs more than 100 MB for its values");
        return NULL;
    }
    return arena_take(e->arena, size);
}

static bool eval(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                 openjd_types wanted, struct openjd_value *out);

// "Param.File.stem": the longest name that stands for something, the rest are properties.
static bool eval_name(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                      struct openjd_value *out)
{
    text name = x->words;
    const struct openjd_value *found;
    while (!(found = openjd_scope_find(scope, name))) {
        const char *dot = memrchr(name.at, '.', name.size);
        if (!dot) {
            const char *near = scope_nearest(e->arena, scope, x->words);
            return eval_fail(e, "'%.*s' stands for nothing here%s%s%s", TEXT_ARGS(x->words),
                             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        name.size = (size_t)(dot - name.at);
    }
    *out = *found;
    text rest = {name.at + name.size, x->words.size - name.size};
    while (rest.size) {
        rest = (text){rest.at + 1, rest.size - 1};
        const char *dot = memchr(rest.at, '.', rest.size);
        text part = {rest.at, dot ? (size_t)(dot - rest.at) : rest.size};
        struct openjd_value of = *out;
        if (!function_property(e, &of, part, out))
            return false;
        rest = (text){rest.at + part.size, rest.size - part.size};
    }
    return true;
}

static bool is_falsy(const struct openjd_value *v)
{
    return v->type & OPENJD_T_NULL || (v->type & OPENJD_T_BOOL && !v->truth);
}

// E§2.1.6: value-returning. After an unknown one the others may or may not be reached, so that
// their mistakes do not count; what comes out is any of what was possible.
static bool eval_words(struct eval *e, const struct openjd_expr *x,
                       const struct openjd_scope *scope, struct openjd_value *out)
{
    bool unknown = false;
    openjd_types could = 0;
    for (size_t i = 0; i < x->count; i++) {
        struct openjd_value v;
        struct error before = *e->err;
        if (!eval_spend(e, 1))
            return false;
        if (!eval(e, x->parts[i], scope, OPENJD_T_ANY, &v)) {
            if (!unknown || e->operations > OPENJD_OPERATIONS_MOST)
                return false;
            *e->err = before;
            continue;
        }
        bool last = i + 1 == x->count;
        *out = v;
        if (!v.known) {
            unknown = true;
            // Only null and false go on from "or", only others from "and".
            const openjd_types falsy = OPENJD_T_NULL | OPENJD_T_BOOL;
            could |= last ? v.type : x->kind == EXPR_OR ? v.type & ~OPENJD_T_NULL : v.type & falsy;
        } else if (last || is_falsy(&v) == (x->kind == EXPR_AND)) {
            if (!unknown)
                return true;
            could |= v.type;
            break;
        }
    }
    *out = openjd_unknown(could);
    return true;
}

static bool eval_if(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                    openjd_types wanted, struct openjd_value *out)
{
    struct openjd_value condition = {0}, then, otherwise;
    if (!eval_spend(e, 1) || !eval(e, x->parts[0], scope, OPENJD_T_ANY, &condition))
        return false;
    if (!(condition.type & OPENJD_T_BOOL) && condition.type) {
        text is = openjd_types_text(e->arena, condition.type);
        return eval_fail(e, "a condition is true or false, this one is %.*s", TEXT_ARGS(is));
    }
    if (condition.known)
        return eval(e, x->parts[condition.truth ? 1 : 2], scope, wanted, out);
    struct error first = {0};
    bool one = eval(e, x->parts[1], scope, wanted, &then);
    if (!one)
        first = *e->err;
    bool other = eval(e, x->parts[2], scope, wanted, &otherwise);
    if (!one && !other)
        return eval_fail(e, "both branches fail: %.200s; and: %.200s", first.why, e->err->why);
    error_clear(e->err);
    *out = openjd_unknown((one ? then.type : 0) | (other ? otherwise.type : 0));
    return e->operations <= OPENJD_OPERATIONS_MOST;
}

static bool eval_compare(struct eval *e, const struct openjd_expr *x,
                         const struct openjd_scope *scope, struct openjd_value *out)
{
    struct openjd_value sides[2];
    bool unknown = false;
    if (!eval(e, x->parts[0], scope, OPENJD_T_ANY, &sides[0]))
        return false;
    for (size_t i = 1; i < x->count; i++) {
        if (!eval(e, x->parts[i], scope, OPENJD_T_ANY, &sides[1]))
            return false;
        const char *operator= x->operators[i - 1];
        bool swap = strcmp(operator, "in") == 0 || strcmp(operator, "not in") == 0;
        struct openjd_value args[2] = {sides[swap], sides[!swap]};
        if (!function_call(e, text_of(operator), args, 2, false, out))
            return false;
        unknown |= !out->known;
        if (out->known && !out->truth)
            return true;
        sides[0] = sides[1];
    }
    if (unknown)
        *out = openjd_unknown(OPENJD_T_BOOL);
    return true;
}

static bool eval_call(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                      struct openjd_value *out)
{
    struct openjd_value args[8];
    if (x->count > 8)
        return eval_fail(e, "'%.*s' takes fewer arguments", TEXT_ARGS(x->words));
    // "Param.Name.upper()" is read as a method of "Param.Name"; a plain dotted call is none.
    for (size_t i = 0; i < x->count; i++)
        if (!eval(e, x->parts[i], scope, OPENJD_T_ANY, &args[i]))
            return false;
    return function_call(e, x->words, args, x->count, x->method, out);
}

static bool eval_list(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                      openjd_types wanted, struct openjd_value *out)
{
    struct openjd_value *items = eval_take(e, x->count * sizeof(*items));
    // With one list type wanted, its items are turned into that type (E§1.2.6).
    openjd_types item = type_single(wanted & OPENJD_T_LISTS) ? types_item(wanted) : OPENJD_T_ANY;
    if (!items || !eval_spend(e, x->count))
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (!eval(e, x->parts[i], scope, item, &items[i]))
            return false;
    return value_list_of(e, items, x->count, out);
}

// What a turn of a loop makes is gone after it, but for its item.
struct turns {
    struct arena *outer, *inner;
};

static void turn_begin(struct eval *e, struct turns *t)
{
    t->outer = e->arena;
    if (!t->inner)
        t->inner = arena_open((size_t)OPENJD_VALUES_MOST * 8);
    e->held_bytes += arena_used(t->outer);
    e->arena = t->inner;
}

static void turn_end(struct eval *e, struct turns *t, struct openjd_value *item)
{
    e->arena = t->outer;
    e->held_bytes -= arena_used(t->outer);
    if (item)
        *item = value_copy(t->outer, item);
    if (arena_used(t->inner)) {
        arena_close(t->inner);
        t->inner = NULL;
    }
}

// One turn: whether its item counts, and the item.
static bool eval_turn(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *inner,
                      openjd_types wanted, bool *counts, bool *unknown, struct openjd_value *item)
{
    struct openjd_value test = openjd_truth(true);
    if (x->parts[2] && !eval(e, x->parts[2], inner, OPENJD_T_ANY, &test))
        return false;
    if (!(test.type & OPENJD_T_BOOL))
        return eval_fail(e, "the 'if' of a loop is true or false");
    *counts = !test.known || test.truth;
    *unknown |= !test.known;
    return !*counts || eval(e, x->parts[0], inner, wanted, item);
}

static struct openjd_value turn_value(const struct openjd_value *of, size_t index)
{
    bool range = of->type & OPENJD_T_RANGE;
    if (!of->known)
        return openjd_unknown(types_item(of->type) | (range ? OPENJD_T_INT : 0));
    return range ? openjd_whole(openjd_range_at(of->range, index)) : of->items[index];
}

static bool eval_each(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                      openjd_types wanted, struct openjd_value *out)
{
    struct openjd_value of = {0};
    char *name = arena_copy(e->arena, x->words.at, x->words.size);
    openjd_types item = type_single(wanted & OPENJD_T_LISTS) ? types_item(wanted) : OPENJD_T_ANY;
    if (openjd_scope_find(scope, x->words))
        return eval_fail(e, "the loop's '%s' hides a name that stands for something", name);
    if (!eval(e, x->parts[1], scope, OPENJD_T_ANY, &of))
        return false;
    if (!(of.type & (OPENJD_T_LISTS | OPENJD_T_RANGE))) {
        text is = openjd_types_text(e->arena, of.type);
        return eval_fail(e, "a loop goes over a list or a range, not over %.*s", TEXT_ARGS(is));
    }
    size_t count = !of.known                  ? 1
                   : of.type & OPENJD_T_RANGE ? (size_t)of.range->count
                                              : of.item_count;
    struct openjd_value *items = eval_spend(e, count) ? eval_take(e, count * sizeof(*items)) : NULL;
    struct openjd_scope *inner = openjd_scope_new(e->arena, scope);
    struct turns turns = {NULL, NULL};
    bool good = items != NULL, unknown = !of.known;
    size_t kept = 0;
    for (size_t i = 0; good && i < count; i++) {
        bool counts = false;
        openjd_scope_set(inner, name, turn_value(&of, i));
        turn_begin(e, &turns);
        good = eval_spend(e, 1) && eval_turn(e, x, inner, item, &counts, &unknown, &items[kept]);
        turn_end(e, &turns, good && counts ? &items[kept] : NULL);
        kept += counts;
    }
    arena_close(turns.inner);
    if (!good || !value_list_of(e, items, kept, out))
        return false;
    if (unknown)
        *out = openjd_unknown(out->type);
    return true;
}

static bool eval_whole(struct eval *e, const struct openjd_expr *x,
                       const struct openjd_scope *scope, bool may_lack, struct openjd_value *out)
{
    *out = value_null();
    if (!x && may_lack)
        return true;
    if (!eval(e, x, scope, OPENJD_T_ANY, out))
        return false;
    if (out->type & OPENJD_T_INT || (may_lack && out->type & OPENJD_T_NULL))
        return true;
    text is = openjd_types_text(e->arena, out->type);
    return eval_fail(e, "an index is a whole number, not %.*s", TEXT_ARGS(is));
}

static bool eval_subscript(struct eval *e, const struct openjd_expr *x,
                           const struct openjd_scope *scope, struct openjd_value *out)
{
    struct openjd_value args[4];
    bool slice = x->kind == EXPR_SLICE;
    if (!eval(e, x->parts[0], scope, OPENJD_T_ANY, &args[0]))
        return false;
    for (size_t i = 1; i < x->count; i++)
        if (!eval_whole(e, x->parts[i], scope, slice, &args[i]))
            return false;
    return function_call(e, text_of(slice ? "[:]" : "[]"), args, x->count, false, out);
}

static bool eval_kind(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                      openjd_types wanted, struct openjd_value *out)
{
    struct openjd_value of;
    switch (x->kind) {
    case EXPR_VALUE:
        *out = x->value;
        return true;
    case EXPR_NAME:
        return eval_spend(e, 1) && eval_name(e, x, scope, out);
    case EXPR_PROPERTY:
        return eval(e, x->parts[0], scope, OPENJD_T_ANY, &of) &&
               function_property(e, &of, x->words, out);
    case EXPR_CALL:
        return eval_call(e, x, scope, out);
    case EXPR_AND:
    case EXPR_OR:
        return eval_words(e, x, scope, out);
    case EXPR_COMPARE:
        return eval_compare(e, x, scope, out);
    case EXPR_IF:
        return eval_if(e, x, scope, wanted, out);
    case EXPR_INDEX:
    case EXPR_SLICE:
        return eval_subscript(e, x, scope, out);
    case EXPR_LIST:
        return eval_list(e, x, scope, wanted, out);
    case EXPR_EACH:
        return eval_each(e, x, scope, wanted, out);
    }
    return false;
}

static bool eval(struct eval *e, const struct openjd_expr *x, const struct openjd_scope *scope,
                 openjd_types wanted, struct openjd_value *out)
{
    if (e->depth >= 2 * CHAIN_MOST)
        return eval_fail(e, "it is nested too deep");
    e->depth++;
    struct openjd_value v;
    bool good = eval_kind(e, x, scope, wanted, &v);
    e->depth--;
    if (!good)
        return false;
    if (wanted == OPENJD_T_ANY) {
        *out = v;
        return true;
    }
    return value_coerce(e->arena, &v, wanted, out, e->err);
}

bool openjd_expr_value(struct arena *a, const struct openjd_expr *expr,
                       const struct openjd_scope *scope, openjd_types wanted,
                       struct openjd_value *value, struct error *err)
{
    error_clear(err);
    // Room beyond the limit for the small things that are not counted.
    struct arena *own = arena_open((size_t)OPENJD_VALUES_MOST * 8);
    struct eval e = {.arena = own, .whole = own, .scope = scope, .err = err};
    scope_host(scope, &e);
    struct openjd_value v;
    bool good = eval(&e, expr, scope, wanted, &v);
    if (good)
        *value = value_copy(a, &v);
    regex_forget(&e);
    arena_close(own);
    if (!good) {
        char why[sizeof(err->why)];
        snprintf(why, sizeof(why), "%s", err->why);
        error_set(err, ERROR_INPUT, "'%.*s' has no value",
                  (int)(expr->source.size > 200 ? 200 : expr->source.size), expr->source.at);
        error_why(err, "%s", why);
    }
    return good;
}
