// Functions on paths, and regular expressions (E§2.3).
#include "formats/openjd/functions.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- paths (E§2.3) ---

static bool give_path(text made, struct openjd_value *out)
{
    *out = openjd_path(made);
    return true;
}

RUN(path_run)
{
    UNUSED_COUNT;
    if (args[0].type & STR)
        return eval_spend_text(e, args[0].words.size) &&
               give_path(pure_clean(e->arena, args[0].words, e->form), out);
    if (!args[0].item_count)
        return eval_fail(e, "a path is made of one part at least");
    text all = pure_clean(e->arena, args[0].items[0].words, e->form);
    // A URI's own parts are joined as they are: empty ones count.
    if (uri_is(all)) {
        for (size_t i = 1; i < args[0].item_count; i++)
            all =
                text_join(e->arena, "%.*s/%.*s", TEXT_ARGS(all), TEXT_ARGS(args[0].items[i].words));
        return eval_spend_text(e, all.size) && give_path(all, out);
    }
    for (size_t i = 1; i < args[0].item_count; i++) {
        all = pure_join(e->arena, all, args[0].items[i].words, e->form);
        if (!eval_spend_text(e, all.size) || arena_used(e->arena) > OPENJD_VALUES_MOST)
            return eval_fail(e, "a path would be too long");
    }
    return give_path(all, out);
}

RUN(path_div)
{
    UNUSED_COUNT;
    return eval_spend_text(e, args[0].words.size + args[1].words.size) &&
           give_path(pure_join(e->arena, args[0].words, args[1].words, e->form), out);
}

RUN(path_add)
{
    if (!join_words(e, args, count, out))
        return false;
    return give_path(pure_clean(e->arena, out->words, e->form), out);
}

// The end of a name from its last dot on; a dot at either end makes none.
static text suffix_of(text name)
{
    const char *dot = name.size > 1 ? memrchr(name.at, '.', name.size) : NULL;
    bool leads = true;
    for (const char *p = name.at; dot && p < dot; p++)
        leads &= *p == '.';
    if (!dot || leads || dot == name.at + name.size - 1)
        return (text){name.at + name.size, 0};
    return (text){dot, (size_t)(name.at + name.size - dot)};
}

static bool property_suffixes(struct eval *e, text name, struct openjd_value *out)
{
    text parts[64] = {{NULL, 0}}, t = name;
    size_t n = 0;
    if (name.size && name.at[name.size - 1] == '.')
        return give_texts(e, parts, 0, out);
    while (t.size && t.at[0] == '.')
        t = (text){t.at + 1, t.size - 1};
    text_cut(&t, '.');
    const char *dot = t.size ? t.at - 1 : NULL;
    while (dot && n < 64) {
        const char *next = t.size ? memchr(t.at, '.', t.size) : NULL;
        const char *end = next ? next : name.at + name.size;
        parts[n++] = (text){dot, (size_t)(end - dot)};
        dot = next;
        if (next)
            t = (text){next + 1, (size_t)(name.at + name.size - next - 1)};
    }
    return give_texts(e, parts, n, out);
}

static bool property_parts(struct eval *e, const struct pure_path *p, struct openjd_value *out)
{
    text *parts = eval_take(e, (p->count + 1) * sizeof(*parts));
    size_t n = 0;
    if (!parts)
        return false;
    if (p->anchor.size)
        parts[n++] = p->anchor;
    for (size_t i = 0; i < p->count; i++)
        parts[n++] = p->part[i];
    return give_texts(e, parts, n, out);
}

bool function_property(struct eval *e, const struct openjd_value *of, text name,
                       struct openjd_value *out)
{
    static const struct {
        const char *name;
        openjd_types gives;
    } properties[] = {{"name", STR},   {"stem", STR},
                      {"suffix", STR}, {"suffixes", LIST_OF(STR)},
                      {"parent", PAT}, {"parts", LIST_OF(STR)}};
    size_t which = 0;
    while (which < 6 && !text_is(name, properties[which].name))
        which++;
    if (which == 6 || !(of->type & PAT)) {
        text is = openjd_types_text(e->arena, of->type);
        if (function_known(name))
            return eval_fail(e, "'%.*s' is a function: write '%.*s()'", TEXT_ARGS(name),
                             TEXT_ARGS(name));
        return eval_fail(e, "%.*s has no property '%.*s'", TEXT_ARGS(is), TEXT_ARGS(name));
    }
    if (!of->known) {
        *out = openjd_unknown(properties[which].gives);
        return eval_spend(e, 1);
    }
    struct pure_path p = pure_split(e->arena, of->words, e->form);
    text last = pure_name(&p), suffix = suffix_of(last);
    if (!eval_spend(e, 1) || !eval_spend_text(e, of->words.size))
        return false;
    switch (which) {
    case 0:
        return give_text(e, last, out);
    case 1:
        return give_text(e, (text){last.at, last.size - suffix.size}, out);
    case 2:
        return give_text(e, suffix, out);
    case 3:
        return property_suffixes(e, last, out);
    case 4:
        p.count -= p.count > 0;
        return give_path(pure_build(e->arena, &p, e->form), out);
    default:
        return property_parts(e, &p, out);
    }
}

// The path with another last part.
static bool with_last(struct eval *e, args_t path, text last, struct openjd_value *out)
{
    struct pure_path p = pure_split(e->arena, path->words, e->form);
    text *parts = eval_take(e, (p.count + 1) * sizeof(*parts));
    if (!parts)
        return false;
    if (!p.count || !pure_name(&p).size)
        return eval_fail(e, "'%.*s' has no last part to change", TEXT_ARGS(path->words));
    memcpy(parts, p.part, p.count * sizeof(*parts));
    parts[p.count - 1] = last;
    p.part = parts;
    text made = pure_build(e->arena, &p, e->form);
    // A relative "x:y" would name a drive.
    if (e->form == OPENJD_WINDOWS && !p.anchor.size && p.count == 1 && last.size > 1 &&
        last.at[1] == ':')
        made = text_join(e->arena, ".\\%.*s", TEXT_ARGS(made));
    return eval_spend_text(e, made.size) && give_path(made, out);
}

static bool is_last_part(struct eval *e, text name)
{
    bool bad = !name.size || text_is(name, ".") || memchr(name.at, '/', name.size) ||
               (e->form == OPENJD_WINDOWS && memchr(name.at, '\\', name.size));
    return !bad || eval_fail(e, "'%.*s' can not be the name of a file", TEXT_ARGS(name));
}

static text last_of(struct eval *e, args_t path)
{
    struct pure_path p = pure_split(e->arena, path->words, e->form);
    return pure_name(&p);
}

RUN(with_name_run)
{
    UNUSED_COUNT;
    return is_last_part(e, args[1].words) && with_last(e, &args[0], args[1].words, out);
}

RUN(with_stem_run)
{
    UNUSED_COUNT;
    text suffix = suffix_of(last_of(e, &args[0]));
    if (!args[1].words.size && suffix.size)
        return eval_fail(e, "a name can not be an ending alone");
    text last = text_join(e->arena, "%.*s%.*s", TEXT_ARGS(args[1].words), TEXT_ARGS(suffix));
    return is_last_part(e, last) && with_last(e, &args[0], last, out);
}

RUN(with_suffix_run)
{
    UNUSED_COUNT;
    text last = last_of(e, &args[0]), old = suffix_of(last), fresh = args[1].words;
    if (fresh.size && (fresh.at[0] != '.' || fresh.size == 1 || memchr(fresh.at, '/', fresh.size) ||
                       (e->form == OPENJD_WINDOWS && memchr(fresh.at, '\\', fresh.size))))
        return eval_fail(e, "'%.*s' is not an ending such as '.png'", TEXT_ARGS(fresh));
    last = text_join(e->arena, "%.*s%.*s", (int)(last.size - old.size), last.at, TEXT_ARGS(fresh));
    return with_last(e, &args[0], last, out);
}

// "003" -> "072", "####", "%04d": the last pattern at the end of the stem (E§2.3.2).
static bool number_stem(struct eval *e, text stem, int64_t number, text *made)
{
    size_t keep = stem.size;
    int width = 4;
    bool appended = false;
    const char *percent = stem.size ? memrchr(stem.at, '%', stem.size) : NULL;
    size_t after = percent ? (size_t)(stem.at + stem.size - percent) - 1 : 0;
    const char *hash = stem.size ? memrchr(stem.at, '#', stem.size) : NULL;
    bool zeros = after > 2 && percent[1] == '0' && percent[after] == 'd';
    for (size_t i = 1; zeros && i < after; i++)
        zeros &= isdigit((unsigned char)percent[i]) != 0;
    if (after == 1 && percent[1] == 'd') {
        *made = text_join(e->arena, "%.*s%" PRId64, (int)(percent - stem.at), stem.at, number);
        return true;
    }
    if (zeros) {
        width = after > 6 ? 1000 : atoi(percent + 1);
        keep = (size_t)(percent - stem.at);
    } else if (hash) {
        size_t end = (size_t)(hash - stem.at) + 1;
        keep = end;
        while (keep && stem.at[keep - 1] == '#')
            keep--;
        width = end - keep > 1000 ? 1000 : (int)(end - keep);
    } else {
        while (keep && isdigit((unsigned char)stem.at[keep - 1]))
            keep--;
        appended = keep == stem.size;
        width = appended ? 4 : stem.size - keep > 1000 ? 1000 : (int)(stem.size - keep);
    }
    if ((zeros || hash) && width > 32)
        return eval_fail(e, "a frame number is padded to 32 characters at most");
    text tail = {NULL, 0};
    if (hash && !zeros)
        tail = (text){hash + 1, (size_t)(stem.at + stem.size - hash) - 1};
    *made = text_join(e->arena, "%.*s%s%0*" PRId64 "%.*s", (int)keep, stem.at, appended ? "_" : "",
                      width, number, TEXT_ARGS(tail));
    return true;
}

RUN(with_number_run)
{
    UNUSED_COUNT;
    bool string = args[0].type & STR;
    text last = last_of(e, &args[0]), suffix = suffix_of(last), stem;
    if (!number_stem(e, (text){last.at, last.size - suffix.size}, args[1].whole, &stem))
        return false;
    last = text_join(e->arena, "%.*s%.*s", TEXT_ARGS(stem), TEXT_ARGS(suffix));
    if (!with_last(e, &args[0], last, out))
        return false;
    if (string)
        out->type = STR;
    return true;
}

RUN(as_posix_run)
{
    UNUSED_COUNT;
    char *to = eval_take(e, args[0].words.size + 1);
    if (!to)
        return false;
    for (size_t i = 0; i < args[0].words.size; i++)
        to[i] =
            args[0].words.at[i] == '\\' && e->form == OPENJD_WINDOWS ? '/' : args[0].words.at[i];
    return eval_spend_text(e, args[0].words.size) &&
           give_text(e, (text){to, args[0].words.size}, out);
}

RUN(is_absolute_run)
{
    UNUSED_COUNT;
    struct pure_path p = pure_split(e->arena, args[0].words, e->form);
    *out = openjd_truth(p.absolute);
    return eval_spend_text(e, args[0].words.size);
}

static bool lies_below(const struct pure_path *p, const struct pure_path *above,
                       enum openjd_paths form)
{
    bool any_case = form == OPENJD_WINDOWS && !p->uri;
    bool (*alike)(text, text) = any_case ? text_same_any_case : text_same;
    bool below =
        p->uri == above->uri && p->count >= above->count && alike(p->anchor, above->anchor);
    for (size_t i = 0; below && i < above->count; i++)
        below = alike(p->part[i], above->part[i]);
    return below;
}

RUN(is_relative_to_run)
{
    UNUSED_COUNT;
    struct pure_path p = pure_split(e->arena, args[0].words, e->form);
    struct pure_path above = pure_split(e->arena, args[1].words, e->form);
    *out = openjd_truth(lies_below(&p, &above, e->form));
    return eval_spend_text(e, args[0].words.size + args[1].words.size);
}

RUN(relative_to_run)
{
    UNUSED_COUNT;
    struct pure_path p = pure_split(e->arena, args[0].words, e->form);
    struct pure_path above = pure_split(e->arena, args[1].words, e->form);
    if (!lies_below(&p, &above, e->form))
        return eval_fail(e, "'%.*s' does not lie below '%.*s'", TEXT_ARGS(args[0].words),
                         TEXT_ARGS(args[1].words));
    struct pure_path rest = {.part = p.part + above.count, .count = p.count - above.count};
    text made = pure_build(e->arena, &rest, p.uri ? OPENJD_POSIX : e->form);
    return eval_spend_text(e, args[0].words.size) && give_path(made, out);
}

RUN(map_run)
{
    UNUSED_COUNT;
    static const struct openjd_path_rules none;
    text mapped;
    openjd_path_map(e->arena, e->rules ? e->rules : &none, args[0].words, e->form, &mapped);
    return eval_spend_text(e, args[0].words.size) && give_path(mapped, out);
}

#define REGEX(name, word)                                                                          \
    RUN(name)                                                                                      \
    {                                                                                              \
        return regex_function(e, text_of(word), args, count, out);                                 \
    }
REGEX(re_match_run, "re_match")
REGEX(re_search_run, "re_search")
REGEX(re_findall_run, "re_findall")
REGEX(re_sub_run, "re_sub")
REGEX(re_split_run, "re_split")
REGEX(re_escape_run, "re_escape")

const struct function_row path_functions[] = {
    {"+", {PAT, STR}, 2, GIVES, PAT, path_add},
    {"/", {PAT, STR | PAT}, 2, GIVES, PAT, path_div},
    {"re_match", {STR, STR}, 2, GIVES, LIST_OF(STR) | NUL, re_match_run},
    {"re_search", {STR, STR}, 2, GIVES, LIST_OF(STR) | NUL, re_search_run},
    {"re_findall", {STR, STR}, 2, GIVES, LIST_OF(STR) | LIST_OF(LIST_OF(STR)), re_findall_run},
    {"re_sub", {STR, STR, STR}, 3, GIVES, STR, re_sub_run},
    {"re_split", {STR, STR}, 2, GIVES, LIST_OF(STR), re_split_run},
    {"re_split", {STR, STR, INT}, 3, GIVES, LIST_OF(STR), re_split_run},
    {"re_escape", {STR}, 1, GIVES, STR, re_escape_run},
    {"path", {STR}, 1, GIVES, PAT, path_run},
    {"path", {LIST_OF(STR)}, 1, GIVES, PAT, path_run},
    {"with_name", {PAT, STR}, 2, GIVES, PAT, with_name_run},
    {"with_stem", {PAT, STR}, 2, GIVES, PAT, with_stem_run},
    {"with_suffix", {PAT, STR}, 2, GIVES, PAT, with_suffix_run},
    {"with_number", {PAT, INT}, 2, GIVES, PAT, with_number_run},
    {"with_number", {STR, INT}, 2, GIVES, STR, with_number_run},
    {"as_posix", {PAT}, 1, GIVES, STR, as_posix_run},
    {"is_absolute", {PAT}, 1, GIVES, BOO, is_absolute_run},
    {"is_relative_to", {PAT, PAT | STR}, 2, GIVES, BOO, is_relative_to_run},
    {"relative_to", {PAT, PAT | STR}, 2, GIVES, PAT, relative_to_run},
    {"apply_path_mapping", {STR}, 1, GIVES, PAT, map_run},
    {0},
};
