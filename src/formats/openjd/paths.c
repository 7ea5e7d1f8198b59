// Paths without a file system: POSIX, Windows and URIs, as Python's pure paths see them (E§2.3),
// and path mapping rules.
//
// A path is an anchor and parts. POSIX: "/" or exactly two slashes (IEEE Std 1003.1, 3.271).
// Windows: a drive, a root, or both, or "\\server\share\". "." and empty parts vanish, ".." stays
// since what it means depends on links. A URI's parts are opaque: nothing in it is cleaned.
#include "formats/openjd/inside.h"

#include <ctype.h>
#include <string.h>

static bool is_separator(char c, enum openjd_paths form)
{
    return c == '/' || (c == '\\' && form == OPENJD_WINDOWS);
}

static struct pure_path split_uri(struct arena *a, text path)
{
    struct pure_path p = {.uri = true, .absolute = true};
    const char *slash = memmem(path.at, path.size, "://", 3);
    size_t from = (size_t)(slash - path.at) + 3;
    const char *end = from < path.size ? memchr(path.at + from, '/', path.size - from) : NULL;
    p.anchor = (text){path.at, end ? (size_t)(end - path.at) : path.size};
    size_t room = 1;
    for (size_t i = p.anchor.size; i < path.size; i++)
        room += path.at[i] == '/';
    text *parts = ARENA_ARRAY(a, text, room);
    text rest = {path.at + p.anchor.size, path.size - p.anchor.size};
    if (rest.size > 1) {
        rest = (text){rest.at + 1, rest.size - 1};
        for (;;) {
            const char *next = memchr(rest.at, '/', rest.size);
            size_t size = next ? (size_t)(next - rest.at) : rest.size;
            parts[p.count++] = (text){rest.at, size};
            if (!next)
                break;
            rest = (text){next + 1, rest.size - size - 1};
        }
    }
    p.part = parts;
    return p;
}

// "C:", "C:\", "\", "\\server\share\" or nothing; how many bytes of the path it takes.
static size_t windows_anchor(struct arena *a, text path, struct pure_path *p)
{
    bool drive = path.size > 1 && isalpha((unsigned char)path.at[0]) && path.at[1] == ':';
    size_t lead = 0;
    while (lead < path.size && is_separator(path.at[lead], OPENJD_WINDOWS))
        lead++;
    if (lead == 2) {
        size_t i = 2, ends = 0;
        for (; i < path.size; i++)
            if (is_separator(path.at[i], OPENJD_WINDOWS) && ++ends == 2)
                break;
        if (i > 2 && (ends == 2 || (ends == 1 && !is_separator(path.at[i - 1], OPENJD_WINDOWS)))) {
            char *at = (char *)text_join(a, "%.*s\\", (int)i, path.at).at;
            for (size_t k = 0; k < i; k++)
                at[k] = at[k] == '/' ? '\\' : at[k];
            p->anchor = (text){at, i + 1};
            p->absolute = true;
            return i;
        }
    }
    if (drive) {
        bool root = path.size > 2 && is_separator(path.at[2], OPENJD_WINDOWS);
        p->anchor = text_join(a, "%.2s%s", path.at, root ? "\\" : "");
        p->absolute = root;
        return root ? 3 : 2;
    }
    p->anchor = lead ? text_of("\\") : (text){"", 0};
    return lead;
}

struct pure_path pure_split(struct arena *a, text path, enum openjd_paths form)
{
    if (uri_is(path))
        return split_uri(a, path);
    struct pure_path p = {.anchor = {"", 0}};
    size_t at = 0, room = 1;
    if (form == OPENJD_WINDOWS) {
        at = windows_anchor(a, path, &p);
    } else {
        while (at < path.size && path.at[at] == '/')
            at++;
        p.anchor = text_of(at == 2 ? "//" : at ? "/" : "");
        p.absolute = at > 0;
    }
    for (size_t i = at; i < path.size; i++)
        room += is_separator(path.at[i], form);
    text *parts = ARENA_ARRAY(a, text, room);
    while (at < path.size) {
        size_t end = at;
        while (end < path.size && !is_separator(path.at[end], form))
            end++;
        text part = {path.at + at, end - at};
        if (part.size && !text_is(part, "."))
            parts[p.count++] = part;
        at = end + 1;
    }
    p.part = parts;
    return p;
}

text pure_build(struct arena *a, const struct pure_path *p, enum openjd_paths form)
{
    size_t total = p->anchor.size + 2;
    char mark = form == OPENJD_WINDOWS && !p->uri ? '\\' : '/';
    for (size_t i = 0; i < p->count; i++)
        total += p->part[i].size + 1;
    char *to = arena_take(a, total), *at = to;
    if (p->anchor.size)
        at = (char *)memcpy(at, p->anchor.at, p->anchor.size) + p->anchor.size;
    for (size_t i = 0; i < p->count; i++) {
        if (i || p->uri)
            *at++ = mark;
        if (p->part[i].size)
            at = (char *)memcpy(at, p->part[i].at, p->part[i].size) + p->part[i].size;
    }
    if (at == to)
        *at++ = '.';
    return (text){to, (size_t)(at - to)};
}

text pure_clean(struct arena *a, text path, enum openjd_paths form)
{
    if (uri_is(path))
        return path;
    struct pure_path p = pure_split(a, path, form);
    return pure_build(a, &p, form);
}

text pure_name(const struct pure_path *p)
{
    return p->count ? p->part[p->count - 1] : (text){"", 0};
}

static text join_parts(struct arena *a, const struct pure_path *left, const struct pure_path *right,
                       enum openjd_paths form)
{
    struct pure_path p = *left;
    size_t count = left->count;
    // "s3://bucket/dir/" / "file": the empty last part is used up.
    if (left->uri && count && !left->part[count - 1].size)
        count--;
    text *parts = ARENA_ARRAY(a, text, count + right->count + 1);
    if (count)
        memcpy(parts, left->part, count * sizeof(*parts));
    if (right->count)
        memcpy(parts + count, right->part, right->count * sizeof(*parts));
    p.part = parts;
    p.count = count + right->count;
    return pure_build(a, &p, form);
}

text pure_join(struct arena *a, text left, text right, enum openjd_paths form)
{
    struct pure_path l = pure_split(a, left, form), r = pure_split(a, right, form);
    if (r.uri)
        return right;
    if (form != OPENJD_WINDOWS)
        return r.absolute ? pure_build(a, &r, form) : join_parts(a, &l, &r, form);
    bool drive = r.anchor.size >= 2; // "C:", "C:\", a share
    if (drive) {
        // "C:\a" and "C:b" lie on one drive: the second goes on from the first.
        bool relative = r.anchor.size == 2 && l.anchor.size >= 2 && !l.uri &&
                        text_same_any_case((text){l.anchor.at, 2}, r.anchor);
        return relative ? join_parts(a, &l, &r, form) : pure_build(a, &r, form);
    }
    if (!r.anchor.size)
        return join_parts(a, &l, &r, form);
    // "\renders": from the root of the left one's drive.
    struct pure_path root = l;
    root.count = 0;
    if (!l.uri && l.anchor.size == 2 && l.anchor.at[1] == ':')
        root.anchor = text_join(a, "%.2s\\", l.anchor.at);
    else if (!l.uri && l.anchor.size < 2)
        root.anchor = text_of("\\");
    return join_parts(a, &root, &r, form);
}

text pure_normal(struct arena *a, text path)
{
    struct pure_path p = pure_split(a, path, OPENJD_POSIX);
    text *parts = ARENA_ARRAY(a, text, p.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < p.count; i++) {
        bool up = text_is(p.part[i], "..");
        if (up && count && !text_is(parts[count - 1], ".."))
            count--;
        else if (!up || !p.absolute)
            parts[count++] = p.part[i];
    }
    p.part = parts;
    p.count = count;
    return pure_build(a, &p, OPENJD_POSIX);
}

// --- mapping ---

static const char *const form_names[] = {"POSIX", "WINDOWS", "URI"};

static bool rule_bad(struct error *err, size_t index, int64_t line, const char *why)
{
    error_set(err, ERROR_INPUT, "the path mapping rules can not be used");
    error_why(err, "line %lld: path_mapping_rules[%zu]: %s", (long long)line, index, why);
    return error_fix(err, "a rule has source_path_format (POSIX, WINDOWS or URI), source_path and "
                          "destination_path");
}

static bool read_rule(const struct node *n, size_t index, struct openjd_path_rule *rule,
                      struct error *err)
{
    const struct node *form = tree_field(n, "source_path_format");
    const struct node *source = tree_field(n, "source_path");
    const struct node *destination = tree_field(n, "destination_path");
    if (n->kind != NODE_MAP || !form || !source || !destination || form->kind != NODE_TEXT ||
        source->kind != NODE_TEXT || destination->kind != NODE_TEXT)
        return rule_bad(err, index, n->line, "a field is missing or is not text");
    if (n->count > 3)
        return rule_bad(err, index, n->line, "there is a field that a rule does not have");
    for (int i = 0; i < 3; i++) {
        if (!text_same_any_case(form->words, text_of(form_names[i])))
            continue;
        rule->source_format = (enum openjd_paths)i;
        rule->source = source->words;
        rule->destination = destination->words;
        return source->words.size && destination->words.size
                   ? true
                   : rule_bad(err, index, n->line, "a path is empty");
    }
    return rule_bad(err, index, form->line, "source_path_format is none of POSIX, WINDOWS and URI");
}

bool openjd_path_rules_parse(struct arena *a, text document, struct openjd_path_rules *rules,
                             struct error *err)
{
    struct node *root;
    int64_t line;
    const char *rule;
    *rules = (struct openjd_path_rules){NULL, 0};
    // What JSON refuses is read as YAML: of two forms of one file, one is enough.
    if (!tree_parse(a, document, OPENJD_JSON, &root, &line, &rule) &&
        !tree_parse(a, document, OPENJD_YAML, &root, &line, &rule)) {
        error_set(err, ERROR_INPUT, "the path mapping rules can not be read");
        return error_why(err, "line %lld: %s", (long long)line, rule);
    }
    const struct node *version = tree_field(root, "version");
    const struct node *list = tree_field(root, "path_mapping_rules");
    if (root->kind == NODE_MAP && !root->count)
        return true; // "{}": no rules
    if (!version || version->kind != NODE_TEXT || !text_is(version->words, "pathmapping-1.0") ||
        !list || list->kind != NODE_LIST) {
        error_set(err, ERROR_INPUT, "the path mapping rules can not be used");
        error_why(err, "the document is not {\"version\": \"pathmapping-1.0\", "
                       "\"path_mapping_rules\": [...]}");
        return error_fix(err, "write these two fields");
    }
    struct openjd_path_rule *at = ARENA_ARRAY(a, struct openjd_path_rule, list->count);
    for (size_t i = 0; i < list->count; i++)
        if (!read_rule(list->items[i], i, &at[i], err))
            return false;
    *rules = (struct openjd_path_rules){at, list->count};
    return true;
}

text openjd_path_rules_json(struct arena *a, const struct openjd_path_rules *rules)
{
    struct buf b = BUF_LIMIT(64 << 20);
    buf_text(&b, rules && rules->count
                     ? "{\"version\": \"pathmapping-1.0\", \"path_mapping_rules\": ["
                     : "{}");
    for (size_t i = 0; rules && i < rules->count; i++) {
        const struct openjd_path_rule *r = &rules->at[i];
        buf_format(&b, "%s{\"source_path_format\": \"%s\", \"source_path\": ", i ? ", " : "",
                   form_names[r->source_format]);
        json_quote(&b, r->source, false);
        buf_text(&b, ", \"destination_path\": ");
        json_quote(&b, r->destination, false);
        buf_text(&b, "}");
    }
    if (rules && rules->count)
        buf_text(&b, "]}");
    text t = {arena_copy(a, b.at, b.size), b.size};
    buf_free(&b);
    return t;
}

// How many bytes of a URI the rule takes; 0: it does not fit. Scheme and host in any case.
static bool uri_below(text path, text source)
{
    while (source.size && source.at[source.size - 1] == '/' && !text_ends(source, "://"))
        source.size--;
    if (!uri_is(path) || path.size < source.size)
        return false;
    const char *slashes = memmem(source.at, source.size, "://", 3);
    size_t from = slashes ? (size_t)(slashes - source.at) + 3 : 0;
    const char *end = memchr(source.at + from, '/', source.size - from);
    size_t host = end ? (size_t)(end - source.at) : source.size;
    return text_same_any_case((text){path.at, host}, (text){source.at, host}) &&
           memcmp(path.at + host, source.at + host, source.size - host) == 0 &&
           (path.size == source.size || path.at[source.size] == '/');
}

static bool parts_below(const struct pure_path *p, const struct pure_path *source,
                        enum openjd_paths form)
{
    bool (*alike)(text, text) = form == OPENJD_WINDOWS ? text_same_any_case : text_same;
    bool below = !p->uri && p->count >= source->count && alike(p->anchor, source->anchor);
    for (size_t i = 0; below && i < source->count; i++)
        below = alike(p->part[i], source->part[i]);
    return below;
}

static bool rule_applies(struct arena *a, const struct openjd_path_rule *rule, text path,
                         enum openjd_paths host, text *mapped)
{
    struct pure_path rest = {0}, source;
    if (rule->source_format == OPENJD_URI) {
        if (!uri_below(path, rule->source))
            return false;
        rest = pure_split(a, path, OPENJD_URI);
        source = pure_split(a, rule->source, OPENJD_URI);
        if (source.count && !source.part[source.count - 1].size)
            source.count--;
    } else {
        rest = pure_split(a, path, rule->source_format);
        source = pure_split(a, rule->source, rule->source_format);
        if (!parts_below(&rest, &source, rule->source_format))
            return false;
    }
    struct pure_path below = {.part = rest.part + source.count, .count = rest.count - source.count};
    // A slash at the end stays one.
    bool slash = path.size > 1 && below.count &&
                 is_separator(path.at[path.size - 1], rule->source_format) &&
                 rule->source_format != OPENJD_URI;
    struct pure_path to = pure_split(a, rule->destination, host);
    *mapped = below.count ? join_parts(a, &to, &below, host) : pure_build(a, &to, host);
    if (slash)
        *mapped = text_join(a, "%.*s%c", TEXT_ARGS(*mapped), host == OPENJD_WINDOWS ? '\\' : '/');
    return true;
}

bool openjd_path_map(struct arena *a, const struct openjd_path_rules *rules, text path,
                     enum openjd_paths host, text *mapped)
{
    const struct openjd_path_rule *best = NULL;
    size_t longest = 0;
    *mapped = path;
    for (size_t i = 0; rules && i < rules->count; i++) {
        text to;
        struct pure_path s = pure_split(a, rules->at[i].source, rules->at[i].source_format);
        size_t parts = s.count + 1;
        if ((!best || parts > longest) && rule_applies(a, &rules->at[i], path, host, &to)) {
            best = &rules->at[i];
            longest = parts;
            *mapped = to;
        }
    }
    return best != NULL;
}
