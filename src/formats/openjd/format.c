// Format strings (§7.3), and scopes: what names stand for.
#include "formats/openjd/inside.h"

#include <string.h>

// --- scopes ---

struct entry {
    const char *name;
    struct openjd_value value;
};
struct openjd_scope {
    struct arena *a;
    const struct openjd_scope *parent;
    struct entry *entries;
    size_t count, room;
    bool on_host;
    const struct openjd_path_rules *rules;
    enum openjd_paths form;
};

struct openjd_scope *openjd_scope_new(struct arena *a, const struct openjd_scope *parent)
{
    struct openjd_scope *s = ARENA_NEW(a, struct openjd_scope);
    s->a = a;
    s->parent = parent;
    if (parent) {
        s->on_host = parent->on_host;
        s->rules = parent->rules;
        s->form = parent->form;
    }
    return s;
}

void openjd_scope_set(struct openjd_scope *s, const char *name, struct openjd_value value)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->entries[i].name, name) == 0) {
            s->entries[i].value = value;
            return;
        }
    }
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 4;
        struct entry *more = ARENA_ARRAY(s->a, struct entry, room);
        if (s->count)
            memcpy(more, s->entries, s->count * sizeof(*more));
        s->entries = more;
        s->room = room;
    }
    s->entries[s->count++] = (struct entry){arena_text(s->a, name), value};
}

const struct openjd_value *openjd_scope_find(const struct openjd_scope *s, text name)
{
    for (; s; s = s->parent)
        for (size_t i = 0; i < s->count; i++)
            if (text_is(name, s->entries[i].name))
                return &s->entries[i].value;
    return NULL;
}

void openjd_scope_on_host(struct openjd_scope *s, const struct openjd_path_rules *rules,
                          enum openjd_paths host)
{
    s->on_host = true;
    s->rules = rules;
    s->form = host;
}

void scope_host(const struct openjd_scope *s, struct eval *e)
{
    if (!s)
        return;
    e->on_host = s->on_host;
    e->rules = s->rules;
    e->form = s->form;
}

const char *scope_nearest(struct arena *a, const struct openjd_scope *s, text name)
{
    const char *names[512];
    size_t count = 0;
    for (; s; s = s->parent)
        for (size_t i = 0; i < s->count && count < 512; i++)
            names[count++] = s->entries[i].name;
    return name.size < 200 ? text_nearest(arena_copy(a, name.at, name.size), names, count) : NULL;
}

// --- format strings ---

static bool bad(struct error *err, text source, size_t at, const char *why)
{
    error_set(err, ERROR_INPUT, "a format string can not be read");
    return error_why(err, "%s at character %zu of '%.*s'", why,
                     utf8_length((text){source.at, at}) + 1,
                     (int)(source.size > 80 ? 80 : source.size), source.at);
}

static const char *pair(text t, size_t from, const char *two)
{
    return from < t.size ? memmem(t.at + from, t.size - from, two, 2) : NULL;
}

bool openjd_format_parse(struct arena *a, text source, bool extended, struct openjd_format *format,
                         struct error *err)
{
    error_clear(err);
    char *kept = arena_copy(a, source.size ? source.at : "", source.size);
    text s = {kept, source.size};
    int64_t line = format->line;
    *format = (struct openjd_format){.source = s, .line = line, .plain = true};
    if (s.size > OPENJD_FORMAT_MOST)
        return bad(err, (text){s.at, 60}, 0, "it is longer than 1 MB");
    size_t room = 1, count = 0;
    for (const char *p = s.at; (p = pair(s, (size_t)(p - s.at), "{{")); p += 2)
        room += 2;
    struct openjd_piece *pieces = ARENA_ARRAY(a, struct openjd_piece, room);
    for (size_t at = 0; at < s.size;) {
        const char *open = pair(s, at, "{{"), *close = pair(s, at, "}}");
        if (close && (!open || close < open))
            return bad(err, s, (size_t)(close - s.at), "'}}' has no '{{' before it");
        size_t end = open ? (size_t)(open - s.at) : s.size;
        if (end > at)
            pieces[count++] = (struct openjd_piece){{s.at + at, end - at}, NULL};
        if (!open)
            break;
        if (!(close = pair(s, end + 2, "}}")))
            return bad(err, s, end, "'{{' has no '}}' after it");
        struct openjd_piece *p = &pieces[count++];
        p->words = text_trim((text){open + 2, (size_t)(close - open) - 2});
        if (!openjd_expr_parse(a, p->words, extended, &p->expr, err))
            return false;
        format->plain = false;
        at = (size_t)(close - s.at) + 2;
    }
    format->pieces = pieces;
    format->piece_count = count;
    return true;
}

bool openjd_format_text(struct arena *a, const struct openjd_format *format,
                        const struct openjd_scope *scope, text *words, struct error *err)
{
    if (format->plain) {
        *words = format->source;
        return true;
    }
    struct buf b = BUF_LIMIT(OPENJD_VALUES_MOST);
    bool good = true;
    for (size_t i = 0; i < format->piece_count && good; i++) {
        const struct openjd_piece *p = &format->pieces[i];
        struct openjd_value v = openjd_string(p->words);
        good = !p->expr || openjd_expr_value(a, p->expr, scope, OPENJD_T_ANY, &v, err);
        text t = good ? openjd_value_text(a, &v) : (text){NULL, 0};
        if (t.size)
            buf_add(&b, t.at, t.size);
    }
    if (good && b.over) {
        error_set(err, ERROR_TOO_BIG, "a format string can not be resolved");
        good = error_why(err, "the result is longer than 100 MB");
    }
    *words = (text){good ? arena_copy(a, b.at ? b.at : "", b.size) : "", good ? b.size : 0};
    buf_free(&b);
    return good;
}

// "{{expr}}" alone, spaces around it do not count.
static const struct openjd_expr *whole_field(const struct openjd_format *format)
{
    const struct openjd_expr *only = NULL;
    for (size_t i = 0; i < format->piece_count; i++) {
        const struct openjd_piece *p = &format->pieces[i];
        if (p->expr ? only != NULL : text_trim(p->words).size > 0)
            return NULL;
        only = p->expr ? p->expr : only;
    }
    return only;
}

bool openjd_format_value(struct arena *a, const struct openjd_format *format,
                         const struct openjd_scope *scope, openjd_types wanted,
                         struct openjd_value *value, struct error *err)
{
    const struct openjd_expr *only = whole_field(format);
    text words;
    if (only)
        return openjd_expr_value(a, only, scope, wanted, value, err);
    if (!openjd_format_text(a, format, scope, &words, err))
        return false;
    struct openjd_value v = openjd_string(words);
    return value_coerce(a, &v, wanted, value, err);
}
