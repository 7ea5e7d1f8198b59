// Functions on text, and text for other languages (E§2.2).
#include "formats/openjd/functions.h"

#include <ctype.h>
#include <locale.h>
#include <string.h>
#include <wctype.h>

// --- strings ---

bool give_text(struct eval *e, text made, struct openjd_value *out)
{
    (void)e;
    *out = openjd_string(made);
    return true;
}

bool join_words(struct eval *e, args_t args, size_t count, struct openjd_value *out)
{
    UNUSED_COUNT;
    text left = openjd_value_text(e->arena, &args[0]),
         right = openjd_value_text(e->arena, &args[1]);
    if (!eval_spend_text(e, left.size + right.size))
        return false;
    char *to = eval_take(e, left.size + right.size + 1);
    if (!to)
        return false;
    if (left.size)
        memcpy(to, left.at, left.size);
    if (right.size)
        memcpy(to + left.size, right.at, right.size);
    return give_text(e, (text){to, left.size + right.size}, out);
}

RUN(repeat_text)
{
    UNUSED_COUNT;
    size_t times = args[1].whole > 0 ? (size_t)args[1].whole : 0, total;
    if (__builtin_mul_overflow(times, args[0].words.size, &total))
        return eval_fail(e, "a string would be too long");
    char *to = eval_take(e, total + 1);
    if (!to || !eval_spend_text(e, total))
        return false;
    for (size_t i = 0; i < total; i += args[0].words.size)
        memcpy(to + i, args[0].words.at, args[0].words.size);
    return give_text(e, (text){to, total}, out);
}

static uint32_t character(text t, size_t *at)
{
    unsigned char c = (unsigned char)t.at[(*at)++];
    if (c < 0x80)
        return c;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t code = c & (0x3fu >> more);
    while (more-- && *at < t.size)
        code = code << 6 | ((unsigned char)t.at[(*at)++] & 0x3f);
    return code;
}

// Letters of all alphabets, by the C library's table of characters.
struct letters {
    locale_t locale;
};

static struct letters letters_open(void)
{
    return (struct letters){newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
}

static void letters_close(struct letters *l)
{
    if (l->locale)
        freelocale(l->locale);
}

static uint32_t letter_case(const struct letters *l, uint32_t c, bool upper)
{
    if (c < 0x80 || !l->locale)
        return upper && c >= 'a' && c <= 'z' ? c - 32 : !upper && c >= 'A' && c <= 'Z' ? c + 32 : c;
    return upper ? towupper_l((wint_t)c, l->locale) : towlower_l((wint_t)c, l->locale);
}

enum { LETTER_ALPHA, LETTER_DIGIT, LETTER_SPACE, LETTER_UPPER, LETTER_LOWER };
static bool letter_is(const struct letters *l, uint32_t c, int what)
{
    static const char *const names[] = {"alpha", "digit", "space", "upper", "lower"};
    if (what == LETTER_SPACE && (c == 0xa0 || (c >= 0x1c && c <= 0x1f) || c == 0x85))
        return true;
    if (c < 0x80 || !l->locale)
        return c < 0x80 && (what == LETTER_ALPHA   ? isalpha((int)c)
                            : what == LETTER_DIGIT ? isdigit((int)c)
                            : what == LETTER_SPACE ? isspace((int)c)
                            : what == LETTER_UPPER ? isupper((int)c)
                                                   : islower((int)c));
    return iswctype_l((wint_t)c, wctype_l(names[what], l->locale), l->locale);
}

enum change { CHANGE_UPPER, CHANGE_LOWER, CHANGE_CAPITALIZE, CHANGE_TITLE };
static bool change_case(struct eval *e, text t, enum change how, struct openjd_value *out)
{
    char *to = eval_take(e, t.size * 3 + 8);
    size_t size = 0;
    if (!to || !eval_spend_text(e, t.size))
        return false;
    struct letters l = letters_open();
    bool first = true;
    for (size_t i = 0; i < t.size;) {
        uint32_t c = character(t, &i);
        bool upper = how == CHANGE_UPPER || (how != CHANGE_LOWER && first);
        if (upper && c == 0xdf) { // the one letter of ours that becomes two
            memcpy(to + size, how == CHANGE_UPPER ? "SS" : "Ss", 2);
            size += 2;
        } else {
            size += utf8_put(to + size, letter_case(&l, c, upper));
        }
        first = how == CHANGE_TITLE && !letter_is(&l, c, LETTER_ALPHA);
    }
    letters_close(&l);
    return give_text(e, (text){to, size}, out);
}

#define CASED(name, how)                                                                           \
    RUN(name)                                                                                      \
    {                                                                                              \
        UNUSED_COUNT;                                                                              \
        return change_case(e, args[0].words, how, out);                                            \
    }
CASED(upper_run, CHANGE_UPPER)
CASED(lower_run, CHANGE_LOWER)
CASED(capitalize_run, CHANGE_CAPITALIZE)
CASED(title_run, CHANGE_TITLE)

static bool in_set(const struct letters *l, uint32_t c, text set, bool spaces)
{
    if (spaces)
        return letter_is(l, c, LETTER_SPACE);
    for (size_t i = 0; i < set.size;)
        if (character(set, &i) == c)
            return true;
    return false;
}

static bool strip(struct eval *e, args_t args, size_t count, bool left, bool right,
                  struct openjd_value *out)
{
    text t = args[0].words, set = count > 1 ? args[1].words : (text){NULL, 0};
    if (!eval_spend_text(e, t.size * (1 + set.size / 256)))
        return false;
    struct letters l = letters_open();
    size_t start = 0, end = 0, i = 0;
    bool leading = true;
    while (i < t.size) {
        size_t from = i;
        bool strips = in_set(&l, character(t, &i), set, count < 2);
        if (leading && !strips) {
            start = from;
            leading = false;
        }
        if (!strips)
            end = i;
    }
    letters_close(&l);
    if (leading)
        start = end = left ? t.size : 0;
    size_t from = left ? start : 0, to = right ? end : t.size;
    if (leading)
        from = to = 0;
    return give_text(e, (text){t.at + from, to - from}, out);
}

RUN(strip_run)
{
    return strip(e, args, count, true, true, out);
}

RUN(lstrip_run)
{
    return strip(e, args, count, true, false, out);
}

RUN(rstrip_run)
{
    return strip(e, args, count, false, true, out);
}

static bool begins(text t, text with)
{
    return t.size >= with.size && (!with.size || memcmp(t.at, with.at, with.size) == 0);
}

static bool ends(text t, text with)
{
    return t.size >= with.size &&
           (!with.size || memcmp(t.at + t.size - with.size, with.at, with.size) == 0);
}

RUN(startswith_run)
{
    UNUSED_COUNT;
    *out = openjd_truth(begins(args[0].words, args[1].words));
    return eval_spend_text(e, args[1].words.size);
}

RUN(endswith_run)
{
    UNUSED_COUNT;
    *out = openjd_truth(ends(args[0].words, args[1].words));
    return eval_spend_text(e, args[1].words.size);
}

RUN(removeprefix_run)
{
    UNUSED_COUNT;
    text t = args[0].words;
    size_t cut = begins(t, args[1].words) ? args[1].words.size : 0;
    return eval_spend_text(e, t.size) && give_text(e, (text){t.at + cut, t.size - cut}, out);
}

RUN(removesuffix_run)
{
    UNUSED_COUNT;
    text t = args[0].words;
    size_t cut = ends(t, args[1].words) ? args[1].words.size : 0;
    return eval_spend_text(e, t.size) && give_text(e, (text){t.at, t.size - cut}, out);
}

static bool all_letters(struct eval *e, text t, int one, int other, struct openjd_value *out)
{
    struct letters l = letters_open();
    bool all = t.size > 0;
    for (size_t i = 0; i < t.size && all;) {
        uint32_t c = character(t, &i);
        all = letter_is(&l, c, one) || (other >= 0 && letter_is(&l, c, other));
    }
    letters_close(&l);
    *out = openjd_truth(all);
    return eval_spend_text(e, t.size);
}

// No letter of the wrong case, and one of the right one.
static bool all_cased(struct eval *e, text t, int right, int wrong, struct openjd_value *out)
{
    struct letters l = letters_open();
    bool any = false, bad = false;
    for (size_t i = 0; i < t.size;) {
        uint32_t c = character(t, &i);
        any |= letter_is(&l, c, right);
        bad |= letter_is(&l, c, wrong);
    }
    letters_close(&l);
    *out = openjd_truth(any && !bad);
    return eval_spend_text(e, t.size);
}

RUN(isdigit_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_DIGIT, -1, out);
}

RUN(isalpha_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_ALPHA, -1, out);
}

RUN(isalnum_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_ALPHA, LETTER_DIGIT, out);
}

RUN(isspace_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_SPACE, -1, out);
}

RUN(isupper_run)
{
    UNUSED_COUNT;
    return all_cased(e, args[0].words, LETTER_UPPER, LETTER_LOWER, out);
}

RUN(islower_run)
{
    UNUSED_COUNT;
    return all_cased(e, args[0].words, LETTER_LOWER, LETTER_UPPER, out);
}

RUN(isascii_run)
{
    UNUSED_COUNT;
    bool all = true;
    for (size_t i = 0; i < args[0].words.size; i++)
        all &= (unsigned char)args[0].words.at[i] < 0x80;
    *out = openjd_truth(all);
    return eval_spend_text(e, args[0].words.size);
}

RUN(count_run)
{
    UNUSED_COUNT;
    text t = args[0].words, what = args[1].words;
    int64_t n = 0;
    if (!what.size)
        return eval_fail(e, "what is counted is empty");
    for (const char *p; (p = text_find(t, what, false)); n++)
        t = (text){p + what.size, (size_t)(t.at + t.size - p) - what.size};
    *out = openjd_whole(n);
    return eval_spend_text(e, args[0].words.size);
}

static bool find(struct eval *e, args_t args, bool last, bool must, struct openjd_value *out)
{
    text t = args[0].words, what = args[1].words;
    if (!what.size)
        return eval_fail(e, "what is looked for is empty");
    const char *found = text_find(t, what, last);
    if (!found && must)
        return eval_fail(e, "'%.*s' is not in the string", (int)(what.size > 80 ? 80 : what.size),
                         what.at);
    *out = openjd_whole(found ? (int64_t)utf8_length((text){t.at, (size_t)(found - t.at)}) : -1);
    return eval_spend_text(e, t.size);
}

RUN(find_run)
{
    UNUSED_COUNT;
    return find(e, args, false, false, out);
}

RUN(rfind_run)
{
    UNUSED_COUNT;
    return find(e, args, true, false, out);
}

RUN(index_text_run)
{
    UNUSED_COUNT;
    return find(e, args, false, true, out);
}

RUN(rindex_run)
{
    UNUSED_COUNT;
    return find(e, args, true, true, out);
}

RUN(replace_run)
{
    UNUSED_COUNT;
    text t = args[0].words, old = args[1].words, with = args[2].words;
    struct openjd_value n;
    if (!old.size)
        return eval_fail(e, "what is replaced is empty");
    if (!count_run(e, args, 2, &n))
        return false;
    size_t grown, total = t.size - (size_t)n.whole * old.size;
    if (__builtin_mul_overflow((size_t)n.whole, with.size, &grown) ||
        __builtin_add_overflow(total, grown, &total))
        return eval_fail(e, "a string would be too long");
    char *to = eval_take(e, total + 1), *at = to;
    if (!to || !eval_spend_text(e, total))
        return false;
    for (const char *p; (p = text_find(t, old, false));) {
        memcpy(at, t.at, (size_t)(p - t.at));
        at += p - t.at;
        if (with.size)
            memcpy(at, with.at, with.size);
        at += with.size;
        t = (text){p + old.size, (size_t)(t.at + t.size - p) - old.size};
    }
    if (t.size)
        memcpy(at, t.at, t.size);
    return give_text(e, (text){to, total}, out);
}

bool give_texts(struct eval *e, const text *parts, size_t n, struct openjd_value *out)
{
    struct openjd_value *items = eval_spend(e, n) ? eval_take(e, n * sizeof(*items)) : NULL;
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        items[i] = openjd_string(parts[i]);
    *out = value_list(STR, items, n);
    return true;
}

static bool split_spaces(struct eval *e, text t, struct openjd_value *out)
{
    text *parts = eval_take(e, (t.size / 2 + 1) * sizeof(*parts));
    size_t n = 0, start = 0;
    if (!parts)
        return false;
    struct letters l = letters_open();
    bool inside = false;
    for (size_t i = 0; i < t.size;) {
        size_t from = i;
        bool space = letter_is(&l, character(t, &i), LETTER_SPACE);
        if (inside && space)
            parts[n++] = (text){t.at + start, from - start};
        else if (!inside && !space)
            start = from;
        inside = !space;
    }
    letters_close(&l);
    if (inside)
        parts[n++] = (text){t.at + start, t.size - start};
    return give_texts(e, parts, n, out);
}

static bool split(struct eval *e, args_t args, size_t count, bool right, struct openjd_value *out)
{
    text t = args[0].words;
    if (!eval_spend_text(e, t.size))
        return false;
    if (count < 2)
        return split_spaces(e, t, out);
    text by = args[1].words;
    int64_t most = count > 2 && args[2].whole >= 0 ? args[2].whole : INT64_MAX;
    if (!by.size)
        return eval_fail(e, "a separator is empty");
    size_t room = t.size / by.size + 2, n = 0;
    text *parts = eval_take(e, room * sizeof(*parts));
    if (!parts)
        return false;
    for (const char *p; (int64_t)n < most && (p = text_find(t, by, right)); n++) {
        text before = {t.at, (size_t)(p - t.at)};
        text after = {p + by.size, t.size - before.size - by.size};
        parts[n] = right ? after : before;
        t = right ? before : after;
    }
    parts[n++] = t;
    for (size_t i = 0; right && i < n / 2; i++) {
        text swap = parts[i];
        parts[i] = parts[n - 1 - i];
        parts[n - 1 - i] = swap;
    }
    return give_texts(e, parts, n, out);
}

RUN(split_run)
{
    return split(e, args, count, false, out);
}

RUN(rsplit_run)
{
    return split(e, args, count, true, out);
}

RUN(join_run)
{
    UNUSED_COUNT;
    text by = args[1].words;
    size_t total = 0, n = args[0].item_count;
    for (size_t i = 0; i < n; i++)
        total += args[0].items[i].words.size + (i ? by.size : 0);
    if (!eval_spend(e, n) || !eval_spend_text(e, total))
        return false;
    char *to = eval_take(e, total + 1), *at = to;
    if (!to)
        return false;
    for (size_t i = 0; i < n; i++) {
        text parts[2] = {by, args[0].items[i].words};
        for (int k = i ? 0 : 1; k < 2; k++) {
            if (parts[k].size)
                memcpy(at, parts[k].at, parts[k].size);
            at += parts[k].size;
        }
    }
    return give_text(e, (text){to, total}, out);
}

static bool pad(struct eval *e, text t, size_t before, size_t after, char with,
                struct openjd_value *out)
{
    char *to = eval_take(e, t.size + before + after + 1);
    if (!to || !eval_spend_text(e, t.size + before + after))
        return false;
    memset(to, with, before);
    if (t.size)
        memcpy(to + before, t.at, t.size);
    memset(to + before + t.size, with, after);
    return give_text(e, (text){to, before + t.size + after}, out);
}

static size_t lacking(text t, int64_t width)
{
    int64_t has = (int64_t)utf8_length(t);
    return width > has ? (size_t)(width - has) : 0;
}

RUN(ljust_run)
{
    UNUSED_COUNT;
    return pad(e, args[0].words, 0, lacking(args[0].words, args[1].whole), ' ', out);
}

RUN(rjust_run)
{
    UNUSED_COUNT;
    return pad(e, args[0].words, lacking(args[0].words, args[1].whole), 0, ' ', out);
}

// The odd space goes left only when the width is odd too, as in Python.
RUN(center_run)
{
    UNUSED_COUNT;
    size_t all = lacking(args[0].words, args[1].whole);
    size_t left = all / 2 + (all & (size_t)args[1].whole & 1);
    return pad(e, args[0].words, left, all - left, ' ', out);
}

RUN(zfill_run)
{
    UNUSED_COUNT;
    text t = openjd_value_text(e->arena, &args[0]);
    bool sign = t.size && (t.at[0] == '-' || t.at[0] == '+');
    text rest = sign ? (text){t.at + 1, t.size - 1} : t;
    size_t zeros = lacking(t, args[1].whole);
    if (!pad(e, rest, zeros + sign, 0, '0', out))
        return false;
    if (sign)
        ((char *)out->words.at)[0] = t.at[0]; // our own fresh bytes
    return true;
}

// --- text for other languages (E§2.2.6) ---

static bool finish(struct eval *e, struct buf *b, struct openjd_value *out)
{
    char *to = b->over ? NULL : eval_take(e, b->size + 1);
    if (b->over)
        eval_fail(e, "a string would be too long");
    if (to && b->size)
        memcpy(to, b->at, b->size);
    size_t size = b->size;
    buf_free(b);
    return to && eval_spend_text(e, size) && give_text(e, (text){to, size}, out);
}

#define BUF_OF_EVAL BUF_LIMIT(OPENJD_VALUES_MOST)

static void quote_sh(struct buf *b, text t)
{
    bool safe = t.size > 0;
    for (size_t i = 0; i < t.size; i++)
        safe &= (isalnum((unsigned char)t.at[i]) || strchr("@%+=:,./-_", t.at[i])) && t.at[i];
    if (safe) {
        buf_add(b, t.at, t.size);
        return;
    }
    buf_text(b, "'");
    for (size_t i = 0; i < t.size; i++) {
        if (t.at[i] == '\'')
            buf_text(b, "'\"'\"'");
        else
            buf_add(b, &t.at[i], 1);
    }
    buf_text(b, "'");
}

static void quote_cmd(struct buf *b, text t)
{
    bool safe = t.size > 0;
    for (size_t i = 0; i < t.size; i++)
        safe &= !strchr("&|<>^\"()%! \t\r\n\v\f", t.at[i]) && t.at[i];
    if (safe) {
        buf_add(b, t.at, t.size);
        return;
    }
    buf_text(b, "\"");
    for (size_t i = 0; i < t.size; i++) {
        if (t.at[i] == '^' || t.at[i] == '"')
            buf_text(b, "^");
        if (t.at[i] == '%')
            buf_text(b, "%");
        buf_add(b, &t.at[i], 1);
    }
    buf_text(b, "\"");
}

static bool quote_words(struct eval *e, args_t v, void (*quote)(struct buf *, text),
                        struct openjd_value *out)
{
    struct buf b = BUF_OF_EVAL;
    if (!(v->type & LIST_ANY))
        quote(&b, v->words);
    for (size_t i = 0; v->type & LIST_ANY && i < v->item_count; i++) {
        buf_text(&b, i ? " " : "");
        quote(&b, v->items[i].words);
    }
    return eval_spend(e, value_weight(v)) & finish(e, &b, out);
}

RUN(sh_run)
{
    UNUSED_COUNT;
    return quote_words(e, &args[0], quote_sh, out);
}

RUN(cmd_run)
{
    UNUSED_COUNT;
    return quote_words(e, &args[0], quote_cmd, out);
}

static text shown(struct eval *e, args_t v)
{
    return v->type & RNG ? openjd_range_text(e->arena, v->range) : v->words;
}

static void write_pwsh(struct eval *e, struct buf *b, args_t v)
{
    if (v->type & LIST_ANY) {
        // A lone inner array would be taken apart without the comma.
        buf_text(b, v->item_count == 1 && v->items[0].type & LIST_ANY ? "@(," : "@(");
        for (size_t i = 0; i < v->item_count; i++) {
            buf_text(b, i ? ", " : "");
            write_pwsh(e, b, &v->items[i]);
        }
        buf_text(b, ")");
    } else if (v->type & (STR | PAT | RNG)) {
        text t = shown(e, v);
        buf_text(b, "'");
        for (size_t i = 0; i < t.size; i++)
            buf_add(b, t.at[i] == '\'' ? "''" : &t.at[i], t.at[i] == '\'' ? 2 : 1);
        buf_text(b, "'");
    } else if (v->type & (BOO | NUL)) {
        buf_text(b, v->type & NUL ? "$null" : v->truth ? "$true" : "$false");
    } else {
        text t = openjd_value_text(e->arena, v);
        buf_add(b, t.at, t.size);
    }
}

// As Python's repr(): single quotes unless that needs an escape.
static void quote_py(struct buf *b, text t)
{
    bool single = t.size && memchr(t.at, '\'', t.size), twin = t.size && memchr(t.at, '"', t.size);
    char mark = single && !twin ? '"' : '\'';
    buf_add(b, &mark, 1);
    for (size_t i = 0; i < t.size;) {
        size_t from = i;
        uint32_t c = character(t, &i);
        if (c == '\\' || c == (uint32_t)mark)
            buf_format(b, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            buf_text(b, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad)
            buf_format(b, "\\x%02x", (unsigned)c);
        else
            buf_add(b, t.at + from, i - from);
    }
    buf_add(b, &mark, 1);
}

static void write_literal(struct eval *e, struct buf *b, args_t v, bool python)
{
    if (v->type & LIST_ANY) {
        buf_text(b, "[");
        for (size_t i = 0; i < v->item_count; i++) {
            buf_text(b, i ? ", " : "");
            write_literal(e, b, &v->items[i], python);
        }
        buf_text(b, "]");
    } else if (v->type & (STR | PAT | RNG)) {
        if (python)
            quote_py(b, shown(e, v));
        else
            json_quote(b, shown(e, v), true);
    } else if (v->type & NUL) {
        buf_text(b, python ? "None" : "null");
    } else if (v->type & BOO && python) {
        buf_text(b, v->truth ? "True" : "False");
    } else {
        text t = openjd_value_text(e->arena, v);
        buf_add(b, t.at, t.size);
    }
}

RUN(pwsh_run)
{
    UNUSED_COUNT;
    struct buf b = BUF_OF_EVAL;
    write_pwsh(e, &b, &args[0]);
    return eval_spend(e, value_weight(&args[0])) & finish(e, &b, out);
}

RUN(py_run)
{
    UNUSED_COUNT;
    struct buf b = BUF_OF_EVAL;
    write_literal(e, &b, &args[0], true);
    return eval_spend(e, value_weight(&args[0])) & finish(e, &b, out);
}

RUN(json_run)
{
    UNUSED_COUNT;
    struct buf b = BUF_OF_EVAL;
    write_literal(e, &b, &args[0], false);
    return eval_spend(e, value_weight(&args[0])) & finish(e, &b, out);
}

const struct function_row word_functions[] = {
    {"+", {STR, STR}, 2, GIVES, STR, join_words},
    {"+", {STR, RNG}, 2, GIVES, STR, join_words},
    {"+", {RNG, STR}, 2, GIVES, STR, join_words},
    {"*", {STR, INT}, 2, GIVES, STR, repeat_text},
    {"upper", {STR}, 1, GIVES, STR, upper_run},
    {"lower", {STR}, 1, GIVES, STR, lower_run},
    {"capitalize", {STR}, 1, GIVES, STR, capitalize_run},
    {"title", {STR}, 1, GIVES, STR, title_run},
    {"strip", {STR}, 1, GIVES, STR, strip_run},
    {"strip", {STR, STR}, 2, GIVES, STR, strip_run},
    {"lstrip", {STR}, 1, GIVES, STR, lstrip_run},
    {"lstrip", {STR, STR}, 2, GIVES, STR, lstrip_run},
    {"rstrip", {STR}, 1, GIVES, STR, rstrip_run},
    {"rstrip", {STR, STR}, 2, GIVES, STR, rstrip_run},
    {"removeprefix", {STR, STR}, 2, GIVES, STR, removeprefix_run},
    {"removesuffix", {STR, STR}, 2, GIVES, STR, removesuffix_run},
    {"startswith", {STR, STR}, 2, GIVES, BOO, startswith_run},
    {"endswith", {STR, STR}, 2, GIVES, BOO, endswith_run},
    {"isdigit", {STR}, 1, GIVES, BOO, isdigit_run},
    {"isalpha", {STR}, 1, GIVES, BOO, isalpha_run},
    {"isalnum", {STR}, 1, GIVES, BOO, isalnum_run},
    {"isspace", {STR}, 1, GIVES, BOO, isspace_run},
    {"isupper", {STR}, 1, GIVES, BOO, isupper_run},
    {"islower", {STR}, 1, GIVES, BOO, islower_run},
    {"isascii", {STR}, 1, GIVES, BOO, isascii_run},
    {"count", {STR, STR}, 2, GIVES, INT, count_run},
    {"find", {STR, STR}, 2, GIVES, INT, find_run},
    {"rfind", {STR, STR}, 2, GIVES, INT, rfind_run},
    {"index", {STR, STR}, 2, GIVES, INT, index_text_run},
    {"rindex", {STR, STR}, 2, GIVES, INT, rindex_run},
    {"replace", {STR, STR, STR}, 3, GIVES, STR, replace_run},
    {"split", {STR}, 1, GIVES, LIST_OF(STR), split_run},
    {"split", {STR, STR}, 2, GIVES, LIST_OF(STR), split_run},
    {"split", {STR, STR, INT}, 3, GIVES, LIST_OF(STR), split_run},
    {"rsplit", {STR}, 1, GIVES, LIST_OF(STR), rsplit_run},
    {"rsplit", {STR, STR}, 2, GIVES, LIST_OF(STR), rsplit_run},
    {"rsplit", {STR, STR, INT}, 3, GIVES, LIST_OF(STR), rsplit_run},
    {"join", {LIST_OF(STR | PAT | NUL), STR}, 2, GIVES, STR, join_run},
    {"ljust", {STR, INT}, 2, GIVES, STR, ljust_run},
    {"rjust", {STR, INT}, 2, GIVES, STR, rjust_run},
    {"center", {STR, INT}, 2, GIVES, STR, center_run},
    {"zfill", {STR | INT | FLO, INT}, 2, GIVES, STR, zfill_run},
    {"repr_sh", {STR | PAT | LIST_OF(STR | PAT | NUL)}, 1, GIVES, STR, sh_run},
    {"repr_cmd", {STR | PAT | LIST_OF(STR | PAT | NUL)}, 1, GIVES, STR, cmd_run},
    {"repr_pwsh", {ANY}, 1, GIVES, STR, pwsh_run},
    {"repr_py", {ANY}, 1, GIVES, STR, py_run},
    {"repr_json", {ANY}, 1, GIVES, STR, json_run},
    {0},
};
