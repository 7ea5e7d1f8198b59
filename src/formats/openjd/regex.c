// The regular expressions of E§2.2.5, by PCRE2: what Python's re and Rust's regex have in common.
//
// What the specification leaves out is refused before PCRE2 sees it. Matching is bounded by a limit
// of steps, so that a pattern such as (a+)+$ ends in an error and not in a long wait.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "formats/openjd/inside.h"

#include <ctype.h>
#include <pcre2.h>
#include <string.h>

struct regex_kept { // compiled once in an evaluation
    struct regex_kept *next;
    text pattern;
    pcre2_code *code;
    pcre2_match_data *match;
};

static bool refuse(struct eval *e, const char *what)
{
    return eval_fail(e, "a regular expression can not have %s here", what);
}

static bool check_escape(struct eval *e, const char *p, const char *end)
{
    char c = p < end ? *p : 0;
    char next = p + 1 < end ? p[1] : 0;
    if (c >= '1' && c <= '9')
        return refuse(e, "back references (\\1)");
    if (c == 'Z' || c == 'z' || c == 'A' || c == 'G')
        return c == 'A' || refuse(e, "\\Z, \\z and \\G: write $");
    if ((c == 'x' || c == 'u' || c == 'U') && next == '{')
        return refuse(e, "\\x{...}: write \\xHH or \\uHHHH");
    if (c && strchr("kKgQEXRCNpPhHvV", c))
        return refuse(e, "this escape");
    return true;
}

static bool check_group(struct eval *e, const char *p, const char *end)
{
    size_t left = (size_t)(end - p);
    if (left < 2 || p[1] != '?')
        return left < 2 || p[1] != '*' || refuse(e, "verbs");
    char c = left > 2 ? p[2] : 0, next = left > 3 ? p[3] : 0;
    if (c == '=' || c == '!')
        return refuse(e, "a look ahead");
    if (c == '<' && (next == '=' || next == '!'))
        return refuse(e, "a look behind");
    if (c == '<')
        return refuse(e, "(?<name>...): write (?P<name>...)");
    if (c == '(')
        return refuse(e, "conditions");
    if (c == 'P' && next != '<')
        return refuse(e, "named back references");
    return c == ':' || c == 'P' || (c && strchr("ims-", c)) || refuse(e, "this kind of group");
}

static bool check_pattern(struct eval *e, text pattern)
{
    const char *end = pattern.at + pattern.size;
    bool class = false;
    if (!pattern.size)
        return eval_fail(e, "a regular expression is empty");
    for (const char *p = pattern.at; p < end; p++) {
        if (*p == '\\') {
            if (!check_escape(e, p + 1, end))
                return false;
            p++;
        } else if (class) {
            if (*p == '[' && p + 1 < end && p[1] == ':')
                return refuse(e, "[:classes:]");
            class = *p != ']';
        } else if (*p == '[') {
            class = true;
            p += p + 1 < end && p[1] == '^';
            p += p + 1 < end && p[1] == ']';
        } else if (*p == '(' && !check_group(e, p, end)) {
            return false;
        }
    }
    return true;
}

// \uHHHH is not PCRE2's; it becomes \x{HHHH}.
static text translated(struct eval *e, text pattern)
{
    char *to = arena_take(e->arena, pattern.size * 2 + 1);
    size_t size = 0;
    for (size_t i = 0; i < pattern.size; i++) {
        size_t digits = 0;
        if (pattern.at[i] == '\\' && i + 1 < pattern.size) {
            char c = pattern.at[i + 1];
            digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
            if (!digits)
                to[size++] = pattern.at[i++];
        }
        if (!digits || i + 2 + digits > pattern.size) {
            to[size++] = pattern.at[i];
            continue;
        }
        memcpy(to + size, "\\x{", 3);
        memcpy(to + size + 3, pattern.at + i + 2, digits);
        to[size + 3 + digits] = '}';
        size += digits + 4;
        i += 1 + digits;
    }
    return (text){to, size};
}

static struct regex_kept *compile(struct eval *e, text pattern)
{
    for (struct regex_kept *k = e->regexes; k; k = k->next)
        if (text_same(k->pattern, pattern))
            return k;
    if (!check_pattern(e, pattern) || !eval_spend_text(e, pattern.size))
        return NULL;
    text form = translated(e, pattern);
    int number;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile(
        (PCRE2_SPTR)form.at, form.size,
        PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
    if (!code) {
        PCRE2_UCHAR words[160];
        pcre2_get_error_message(number, words, sizeof(words));
        eval_fail(e, "a regular expression can not be read: %s", (const char *)words);
        return NULL;
    }
    // Kept for the whole evaluation, longer than a turn of a loop.
    struct regex_kept *k = ARENA_NEW(e->whole, struct regex_kept);
    pattern.at = arena_copy(e->whole, pattern.at, pattern.size);
    *k = (struct regex_kept){e->regexes, pattern, code,
                             pcre2_match_data_create_from_pattern(code, NULL)};
    e->regexes = k;
    return k;
}

void regex_forget(struct eval *e)
{
    for (struct regex_kept *k = e->regexes; k; k = k->next) {
        pcre2_match_data_free(k->match);
        pcre2_code_free(k->code);
    }
    e->regexes = NULL;
}

enum found { FOUND, FOUND_NOT, FOUND_ERROR };
static enum found match(struct eval *e, struct regex_kept *k, text t, size_t from, bool at_start)
{
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, 1000000);
    pcre2_set_depth_limit(context, 100000);
    pcre2_set_heap_limit(context, 64 << 10); // KiB
    int n = pcre2_match(k->code, (PCRE2_SPTR)(t.at ? t.at : ""), t.size, from,
                        PCRE2_NO_UTF_CHECK | (at_start ? PCRE2_ANCHORED : 0), k->match, context);
    pcre2_match_context_free(context);
    if (!eval_spend(e, 1) || !eval_spend_text(e, t.size - from))
        return FOUND_ERROR;
    if (n >= 0)
        return FOUND;
    if (n == PCRE2_ERROR_NOMATCH)
        return FOUND_NOT;
    eval_fail(e, "a regular expression takes too many steps on this string");
    return FOUND_ERROR;
}

static text group(struct regex_kept *k, text t, uint32_t index)
{
    PCRE2_SIZE *ends = pcre2_get_ovector_pointer(k->match);
    PCRE2_SIZE from = ends[2 * index], to = ends[2 * index + 1];
    return from == PCRE2_UNSET ? (text){"", 0} : (text){t.at + from, to - from};
}

static uint32_t groups(struct regex_kept *k)
{
    uint32_t n = 0;
    pcre2_pattern_info(k->code, PCRE2_INFO_CAPTURECOUNT, &n);
    return n;
}

static bool give_groups(struct eval *e, struct regex_kept *k, text t, uint32_t from,
                        struct openjd_value *out)
{
    uint32_t n = groups(k) + 1 - from;
    struct openjd_value *items = eval_take(e, n * sizeof(*items));
    if (!items)
        return false;
    for (uint32_t i = 0; i < n; i++)
        items[i] = openjd_string(group(k, t, from + i));
    *out = value_list(OPENJD_T_STRING, items, n);
    return true;
}

// Goes through all matches that do not overlap; an empty one moves on by a character.
struct walk {
    struct eval *e;
    struct regex_kept *k;
    text t;
    size_t at;         // where to look next
    size_t start, end; // of the match
};

static enum found next_match(struct walk *w)
{
    if (w->at > w->t.size)
        return FOUND_NOT;
    enum found f = match(w->e, w->k, w->t, w->at, false);
    if (f != FOUND)
        return f;
    PCRE2_SIZE *ends = pcre2_get_ovector_pointer(w->k->match);
    w->start = ends[0];
    w->end = ends[1];
    w->at = w->end;
    if (w->start == w->end) {
        w->at++;
        while (w->at < w->t.size && ((unsigned char)w->t.at[w->at] & 0xc0) == 0x80)
            w->at++;
    }
    return FOUND;
}

// A list whose length is not known before.
struct pile {
    struct openjd_value *items;
    size_t count, room;
};

static bool pile_add(struct eval *e, struct pile *p, struct openjd_value v)
{
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : 16;
        struct openjd_value *more = eval_take(e, room * sizeof(*more));
        if (!more)
            return false;
        if (p->count)
            memcpy(more, p->items, p->count * sizeof(*more));
        p->items = more;
        p->room = room;
    }
    p->items[p->count++] = v;
    return true;
}

static bool find_all(struct eval *e, struct regex_kept *k, text t, struct openjd_value *out)
{
    struct walk w = {.e = e, .k = k, .t = t};
    struct pile p = {0};
    uint32_t n = groups(k);
    enum found f;
    while ((f = next_match(&w)) == FOUND) {
        struct openjd_value v = openjd_string(group(k, t, n ? 1 : 0));
        if ((n > 1 && !give_groups(e, k, t, 1, &v)) || !pile_add(e, &p, v))
            return false;
    }
    *out = value_list(n > 1 ? OPENJD_T_LIST(OPENJD_T_STRING) : OPENJD_T_STRING, p.items, p.count);
    return f == FOUND_NOT;
}

static bool split(struct eval *e, struct regex_kept *k, text t, int64_t most,
                  struct openjd_value *out)
{
    struct walk w = {.e = e, .k = k, .t = t};
    struct pile p = {0};
    size_t from = 0;
    enum found f = FOUND_NOT;
    // Python: 0 is no limit; a negative one splits nothing.
    for (int64_t n = 0; most == 0 || n < most; n++) {
        if ((f = next_match(&w)) != FOUND)
            break;
        if (!pile_add(e, &p, openjd_string((text){t.at + from, w.start - from})))
            return false;
        from = w.end;
    }
    *out = value_list(OPENJD_T_STRING, NULL, 0);
    if (f == FOUND_ERROR || !pile_add(e, &p, openjd_string((text){t.at + from, t.size - from})))
        return false;
    *out = value_list(OPENJD_T_STRING, p.items, p.count);
    return true;
}

static bool replacement_is_plain(struct eval *e, text t)
{
    for (size_t i = 0; i + 1 < t.size; i++) {
        char c = t.at[i + 1];
        bool back = t.at[i] == '\\' && (isdigit((unsigned char)c) || c == 'g');
        bool dollar = t.at[i] == '$' && (isalnum((unsigned char)c) || c == '_' || c == '{');
        if (back || dollar)
            return eval_fail(e,
                             "the replacement of re_sub() is plain text: it can not name groups");
    }
    return true;
}

static bool substitute(struct eval *e, struct regex_kept *k, text t, text with,
                       struct openjd_value *out)
{
    struct walk w = {.e = e, .k = k, .t = t};
    struct buf b = BUF_LIMIT(OPENJD_VALUES_MOST);
    size_t from = 0;
    enum found f;
    while ((f = next_match(&w)) == FOUND) {
        buf_add(&b, t.at + from, w.start - from);
        buf_add(&b, with.at ? with.at : "", with.size);
        from = w.end;
    }
    buf_add(&b, t.at ? t.at + from : "", t.size - from);
    char *to = f == FOUND_NOT && !b.over ? eval_take(e, b.size + 1) : NULL;
    if (b.over)
        eval_fail(e, "a string would be too long");
    if (to)
        memcpy(to, b.at ? b.at : "", b.size);
    *out = openjd_string((text){to, b.size});
    buf_free(&b);
    return to && eval_spend_text(e, out->words.size);
}

static bool escape(struct eval *e, text t, struct openjd_value *out)
{
    char *to = eval_take(e, t.size * 2 + 1);
    size_t size = 0;
    if (!to)
        return false;
    for (size_t i = 0; i < t.size; i++) {
        if (t.at[i] && strchr("\\.+*?()|[]{}^$#&-~", t.at[i]))
            to[size++] = '\\';
        to[size++] = t.at[i];
    }
    *out = openjd_string((text){to, size});
    return eval_spend_text(e, t.size);
}

bool regex_function(struct eval *e, text name, const struct openjd_value *args, size_t count,
                    struct openjd_value *out)
{
    text t = args[0].words;
    if (text_is(name, "re_escape"))
        return escape(e, t, out);
    struct regex_kept *k = compile(e, args[1].words);
    if (!k)
        return false;
    if (text_is(name, "re_findall"))
        return find_all(e, k, t, out);
    if (text_is(name, "re_split"))
        return split(e, k, t, count > 2 ? args[2].whole : 0, out);
    if (text_is(name, "re_sub"))
        return replacement_is_plain(e, args[2].words) && substitute(e, k, t, args[2].words, out);
    enum found f = match(e, k, t, 0, text_is(name, "re_match"));
    if (f == FOUND)
        return give_groups(e, k, t, 0, out);
    *out = value_null();
    return f == FOUND_NOT;
}
