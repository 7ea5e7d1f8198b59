// Reading a template: places and mistakes, objects by their tables of fields, lists, texts, format
// strings and `let`.
#include "formats/openjd/reading.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- mistakes ---

static size_t place_text(const struct place *p, char *to, size_t room)
{
    if (!p)
        return 0;
    size_t at = place_text(p->up, to, room);
    int more = p->name ? snprintf(to + at, room - at, "%s%s", at ? " -> " : "", p->name)
                       : snprintf(to + at, room - at, "[%zu]", p->index);
    return at + (size_t)more < room ? at + (size_t)more : room - 1;
}

void wrong(struct reading *r, int64_t line, const char *rule, ...)
{
    struct openjd_mistakes *m = r->mistakes;
    char field[2048] = "", words[2048];
    if (m->count == OPENJD_MISTAKES_MOST)
        return;
    place_text(r->place, field, sizeof(field));
    va_list list;
    va_start(list, rule);
    vsnprintf(words, sizeof(words), rule, list);
    va_end(list);
    m->at[m->count++] =
        (struct openjd_mistake){line, arena_text(r->a, field), arena_text(r->a, words)};
}

bool has(const struct reading *r, unsigned extensions)
{
    return (r->extensions & extensions) == extensions;
}

bool extended(const struct reading *r)
{
    return has(r, OPENJD_EXPR);
}

static text extension_names(struct reading *r, unsigned extensions)
{
    text all = {"", 0};
    for (unsigned one = 1; one <= OPENJD_WRAP_ACTIONS; one <<= 1)
        if (extensions & one)
            all = text_join(r->a, "%.*s%s%s", TEXT_ARGS(all), all.size ? " and " : "",
                            openjd_extension_name((enum openjd_extension)one));
    return all;
}

// --- objects and lists ---

bool is_kind(struct reading *r, const struct node *n, enum node_kind kind)
{
    static const char *const names[] = {"null",     "true or false", "a whole number", "a number",
                                        "a string", "a list",        "an object"};
    if (n->kind == kind)
        return true;
    wrong(r, n->line, "must be %s, not %s", names[kind], tree_kind_name(n));
    return false;
}

static void unknown_field(struct reading *r, const struct node *n, size_t index,
                          const struct field *fields)
{
    const char *names[40];
    size_t count = 0;
    for (const struct field *f = fields; f->name; f++)
        names[count++] = f->name;
    text key = n->keys[index];
    const char *near =
        key.size < 200 ? text_nearest(arena_copy(r->a, key.at, key.size), names, count) : NULL;
    wrong(r, n->key_lines[index], "has no field '%.*s'%s%s%s",
          (int)(key.size > 100 ? 100 : key.size), key.at, near ? "; did you mean '" : "",
          near ? near : "", near ? "'?" : "");
}

void unknown_fields(struct reading *r, const struct node *n, const struct field *fields)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct field *f = fields;
        while (f->name && !text_is(n->keys[i], f->name))
            f++;
        if (!f->name)
            unknown_field(r, n, i, fields);
    }
}

void read_field(struct reading *r, const struct node *n, const struct field *f, void *into)
{
    const struct node *value = tree_field(n, f->name);
    struct place here = {r->place, f->name, 0};
    // null is as good as nothing, save where the schema says otherwise.
    bool there = value && (value->kind != NODE_NULL || strcmp(f->name, "allowedValues") == 0);
    if (!there && f->needed)
        wrong(r, n->line, "needs the field '%s'", f->name);
    if (!there)
        return;
    r->place = &here;
    if (!has(r, f->extensions)) {
        text names = extension_names(r, f->extensions);
        wrong(r, value->line, "needs the extension %.*s", TEXT_ARGS(names));
    } else {
        f->read(r, value, into);
    }
    r->place = here.up;
}

// Reads what is there in the order of the table. False: it is no object.
bool read_object(struct reading *r, const struct node *n, const struct field *fields, void *into)
{
    if (!is_kind(r, n, NODE_MAP))
        return false;
    unknown_fields(r, n, fields);
    for (const struct field *f = fields; f->name; f++)
        read_field(r, n, f, into);
    return true;
}

void ignored(struct reading *r, const struct node *n, void *into)
{
    (void)r, (void)n, (void)into;
}

// `most` 0: no upper end.
bool read_list(struct reading *r, const struct node *n, size_t most)
{
    if (!is_kind(r, n, NODE_LIST))
        return false;
    if (!n->count)
        wrong(r, n->line, "must have one item at least, or be left out");
    if (most && n->count > most)
        wrong(r, n->line, "has %zu items; %zu are the most", n->count, most);
    return n->count > 0;
}

// Reads each item into an array of `size`-byte things.
void *read_items(struct reading *r, const struct node *n, size_t size,
                 void (*read)(struct reading *, const struct node *, void *))
{
    char *items = arena_take_array(r->a, n->count, size);
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        r->place = &here;
        read(r, n->items[i], items + i * size);
        r->place = here.up;
    }
    return items;
}

// --- texts ---

bool read_text(struct reading *r, const struct node *n, size_t least, size_t most, text *t)
{
    if (!is_kind(r, n, NODE_TEXT))
        return false;
    size_t length = utf8_length(n->words);
    *t = n->words;
    if (length < least)
        wrong(r, n->line, least == 1 ? "must not be empty" : "is too short");
    else if (most && length > most)
        wrong(r, n->line, "has %zu characters; %zu are the most", length, most);
    else
        return true;
    return false;
}

bool read_plain_text(struct reading *r, const struct node *n, size_t least, size_t most,
                     const char *controls, text *t)
{
    if (!read_text(r, n, least, most, t))
        return false;
    if (!has_control_characters(*t, controls))
        return true;
    wrong(r, n->line, "has a control character (a line break, a tab, ...)");
    return false;
}

size_t bigger(const struct reading *r, size_t small, size_t big)
{
    return has(r, OPENJD_FEATURE_BUNDLE_1) ? big : small;
}

READER(read_name) // of steps and environments
{
    read_plain_text(r, n, 1, bigger(r, 64, 512), "", into);
}

READER(read_identifier)
{
    text *t = into;
    if (read_text(r, n, 1, bigger(r, 64, 512), t) && !name_is_identifier(*t))
        wrong(r, n->line, "must be letters, digits and '_', without a digit in front; it is '%.*s'",
              TEXT_ARGS(*t));
}

READER(read_description)
{
    read_plain_text(r, n, 1, 2048, "\n\r\t", into);
}

bool one_of(struct reading *r, const struct node *n, const char *const *names, text *t)
{
    text all = {"", 0};
    if (!is_kind(r, n, NODE_TEXT))
        return false;
    *t = n->words;
    for (size_t i = 0; names[i]; i++) {
        if (text_is(n->words, names[i]))
            return true;
        all = text_join(r->a, "%.*s%s%s", TEXT_ARGS(all), i ? ", " : "", names[i]);
    }
    wrong(r, n->line, "must be one of %.*s; it is '%.*s'", TEXT_ARGS(all),
          (int)(t->size > 60 ? 60 : t->size), t->at);
    return false;
}

// --- format strings ---

struct names_check {
    struct reading *r;
    const struct openjd_scope *scope;
    int64_t line;
    bool good;
};

// Any name must stand for something, also in a branch that is not taken now.
static bool name_stands(void *context, text name, bool is_loop)
{
    struct names_check *c = context;
    text known = name;
    if (is_loop)
        return true;
    while (!openjd_scope_find(c->scope, known)) {
        const char *dot = extended(c->r) ? memrchr(known.at, '.', known.size) : NULL;
        if (!dot) {
            const char *near = scope_nearest(c->r->a, c->scope, name);
            wrong(c->r, c->line, "'{{%.*s}}' stands for nothing here%s%s%s", TEXT_ARGS(name),
                  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            c->good = false;
            return false;
        }
        known.size = (size_t)(dot - known.at);
    }
    return true;
}

static bool check_expr(struct reading *r, const struct openjd_expr *expr, int64_t line,
                       const struct openjd_scope *scope, openjd_types wanted)
{
    struct names_check c = {r, scope, line, true};
    struct openjd_value v;
    struct error err;
    expr_names(expr, name_stands, &c);
    if (!c.good || !extended(r))
        return c.good;
    if (openjd_expr_value(r->a, expr, scope, wanted, &v, &err))
        return true;
    wrong(r, line, "%s: %s", err.what, err.why);
    return false;
}

// A format string that is alone in its field keeps its type, so that `wanted` holds for it.
static bool check_format(struct reading *r, const struct openjd_format *f,
                         const struct openjd_scope *scope, openjd_types wanted)
{
    bool good = true;
    for (size_t i = 0; i < f->piece_count; i++)
        if (f->pieces[i].expr)
            good &= check_expr(r, f->pieces[i].expr, f->line, scope,
                               f->piece_count == 1 ? wanted : OPENJD_T_ANY);
    return good;
}

bool read_format(struct reading *r, const struct node *n, const struct openjd_scope *scope,
                 openjd_types wanted, struct openjd_format *f)
{
    struct error err;
    if (!is_kind(r, n, NODE_TEXT))
        return false;
    f->line = n->line;
    if (!openjd_format_parse(r->a, n->words, extended(r), f, &err)) {
        f->plain = true;
        wrong(r, n->line, "%s: %s", err.what, err.why);
        return false;
    }
    return check_format(r, f, scope, wanted);
}

// A number, or a string that is one, or with `loose` a format string that becomes one.
struct openjd_format *read_number(struct reading *r, const struct node *n, bool whole, double least,
                                  double most, bool loose, const struct openjd_scope *scope)
{
    struct openjd_format *f = ARENA_NEW(r->a, struct openjd_format);
    int64_t number = 0;
    double real = 0;
    bool good;
    f->line = n->line;
    f->plain = true;
    f->source = n->words;
    if (n->kind == NODE_TEXT && memmem(n->words.at, n->words.size, "{{", 2)) {
        if (!loose)
            wrong(r, n->line, "a format string here needs the extension FEATURE_BUNDLE_1");
        else
            read_format(r, n, scope, (whole ? INT : FLO) | NUL, f);
        return f;
    }
    if (n->kind == NODE_TEXT) {
        good = whole ? number_whole(n->words, &number) : number_real(n->words, &real);
    } else {
        good = whole ? (n->kind == NODE_INT && n->fits) ||
                           (n->kind == NODE_FLOAT && n->real == floor(n->real))
                     : (n->kind == NODE_INT || n->kind == NODE_FLOAT) && isfinite(n->real);
        number = n->kind == NODE_INT ? n->whole : good ? (int64_t)n->real : 0;
        real = n->real;
        if (good && whole)
            f->source = text_join(r->a, "%" PRId64, number);
    }
    if (whole)
        real = (double)number;
    if (!good)
        wrong(r, n->line, "must be a %snumber", whole ? "whole " : "");
    else if (real < least)
        wrong(r, n->line, "must be %g or more", least);
    else if (real > most)
        wrong(r, n->line, "must be %g or less", most);
    return f;
}

// --- let (§3.6) ---

static bool is_let_name(text t)
{
    return t.size && t.size <= 512 && name_is_identifier(t) &&
           (t.at[0] == '_' || (t.at[0] >= 'a' && t.at[0] <= 'z'));
}

// Evaluates it in `scope`; its name is set there and in `also`.
static void read_let(struct reading *r, const struct node *n, struct openjd_scope *scope,
                     struct openjd_scope *also, struct openjd_let *let)
{
    struct error err;
    struct openjd_value v = openjd_unknown(OPENJD_T_ANY);
    if (!is_kind(r, n, NODE_TEXT))
        return;
    text rest = n->words, name = text_trim(text_cut(&rest, '='));
    rest = text_trim(rest);
    let->line = n->line;
    let->name = name;
    if (!is_let_name(name) || !rest.size || name.size == n->words.size) {
        wrong(r, n->line,
              "must be 'name = expression', the name beginning with a small letter or "
              "'_' and having 512 characters at most");
        return;
    }
    if (openjd_scope_find(scope, name))
        wrong(r, n->line, "'%.*s' already stands for something", TEXT_ARGS(name));
    if (!openjd_expr_parse(r->a, rest, true, &let->expr, &err)) {
        wrong(r, n->line, "%s: %s", err.what, err.why);
        let->expr = NULL;
    } else if (check_expr(r, let->expr, n->line, scope, OPENJD_T_ANY) &&
               !openjd_expr_value(r->a, let->expr, scope, OPENJD_T_ANY, &v, &err)) {
        v = openjd_unknown(OPENJD_T_ANY);
    }
    const char *kept = arena_copy(r->a, name.at, name.size);
    openjd_scope_set(scope, kept, v);
    if (also)
        openjd_scope_set(also, kept, v);
}

struct lets read_lets(struct reading *r, const struct node *n, struct openjd_scope *scope,
                      struct openjd_scope *also)
{
    if (!read_list(r, n, 50))
        return (struct lets){NULL, 0};
    struct openjd_let *lets = ARENA_ARRAY(r->a, struct openjd_let, n->count);
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        r->place = &here;
        read_let(r, n->items[i], scope, also, &lets[i]);
        r->place = here.up;
    }
    return (struct lets){lets, n->count};
}
