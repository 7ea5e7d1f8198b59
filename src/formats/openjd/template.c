// From the document to the template: every rule of the Template Schemas that holds without values.
//
// Each object of the schema is a table of its fields; a reader goes over the fields that are there
// and says what it does not know. Format strings are checked where they are read: `reading` carries
// the scopes (§7.3.1), in which what is not known yet stands with its type alone, so that checking
// a format string is evaluating it. Reading goes on after a mistake, so that all are told at once.
#include "formats/openjd/inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NUL OPENJD_T_NULL
#define BOO OPENJD_T_BOOL
#define INT OPENJD_T_INT
#define FLO OPENJD_T_FLOAT
#define STR OPENJD_T_STRING
#define PAT OPENJD_T_PATH
#define RNG OPENJD_T_RANGE
#define LIST_OF(t) OPENJD_T_LIST(t)

struct place { // where the reader is: a list from the inside out
    const struct place *up;
    const char *name; // NULL: an item
    size_t index;
};

struct reading {
    struct arena *a;
    struct openjd_mistakes *mistakes;
    const struct place *place;
    unsigned supported, extensions;
    struct openjd_scope *submit; // names known when a job is submitted
    struct openjd_scope *host;   // names known on the host, beside those of the script
    struct openjd_scope *here;   // of the script that is being read
    struct openjd_scope *timing; // of timeouts: as `submit`, with the names of wrap hooks
    bool in_step;
};

struct field {
    const char *name;
    bool needed;
    unsigned extensions; // without them it may not be there
    void (*read)(struct reading *r, const struct node *n, void *into);
};
#define READ(name) static void name(struct reading *r, const struct node *n, void *into)

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

__attribute__((format(printf, 3, 4))) static void wrong(struct reading *r, int64_t line,
                                                        const char *rule, ...)
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

static bool has(const struct reading *r, unsigned extensions)
{
    return (r->extensions & extensions) == extensions;
}

static bool extended(const struct reading *r)
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

static bool is_kind(struct reading *r, const struct node *n, enum node_kind kind)
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

static void unknown_fields(struct reading *r, const struct node *n, const struct field *fields)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct field *f = fields;
        while (f->name && !text_is(n->keys[i], f->name))
            f++;
        if (!f->name)
            unknown_field(r, n, i, fields);
    }
}

static void read_field(struct reading *r, const struct node *n, const struct field *f, void *into)
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
static bool read_object(struct reading *r, const struct node *n, const struct field *fields,
                        void *into)
{
    if (!is_kind(r, n, NODE_MAP))
        return false;
    unknown_fields(r, n, fields);
    for (const struct field *f = fields; f->name; f++)
        read_field(r, n, f, into);
    return true;
}

static void ignored(struct reading *r, const struct node *n, void *into)
{
    (void)r, (void)n, (void)into;
}

// `most` 0: no upper end.
static bool read_list(struct reading *r, const struct node *n, size_t most)
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
static void *read_items(struct reading *r, const struct node *n, size_t size,
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

static bool read_text(struct reading *r, const struct node *n, size_t least, size_t most, text *t)
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

static bool read_plain_text(struct reading *r, const struct node *n, size_t least, size_t most,
                            const char *controls, text *t)
{
    if (!read_text(r, n, least, most, t))
        return false;
    if (!has_control_characters(*t, controls))
        return true;
    wrong(r, n->line, "has a control character (a line break, a tab, ...)");
    return false;
}

static size_t bigger(const struct reading *r, size_t small, size_t big)
{
    return has(r, OPENJD_FEATURE_BUNDLE_1) ? big : small;
}

READ(read_name) // of steps and environments
{
    read_plain_text(r, n, 1, bigger(r, 64, 512), "", into);
}

READ(read_identifier)
{
    text *t = into;
    if (read_text(r, n, 1, bigger(r, 64, 512), t) && !name_is_identifier(*t))
        wrong(r, n->line, "must be letters, digits and '_', without a digit in front; it is '%.*s'",
              TEXT_ARGS(*t));
}

READ(read_description)
{
    read_plain_text(r, n, 1, 2048, "\n\r\t", into);
}

static bool one_of(struct reading *r, const struct node *n, const char *const *names, text *t)
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

static bool read_format(struct reading *r, const struct node *n, const struct openjd_scope *scope,
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
static struct openjd_format *read_number(struct reading *r, const struct node *n, bool whole,
                                         double least, double most, bool loose,
                                         const struct openjd_scope *scope)
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

struct lets {
    const struct openjd_let *at;
    size_t count;
};

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

static struct lets read_lets(struct reading *r, const struct node *n, struct openjd_scope *scope,
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

// --- actions (§5) ---

READ(read_command)
{
    struct openjd_action *action = into;
    text t;
    if (read_plain_text(r, n, 1, 0, "", &t))
        read_format(r, n, r->here, STR, &action->command);
}

READ(read_arg)
{
    const char *controls = extended(r) ? "\n\r\t" : "\n\r";
    struct openjd_format *f = into;
    text t;
    f->plain = true;
    if (read_plain_text(r, n, 0, 0, controls, &t))
        read_format(r, n, r->here, STR | NUL | LIST_OF(STR), f);
}

READ(read_args)
{
    struct openjd_action *action = into;
    if (!read_list(r, n, 0))
        return;
    action->args = read_items(r, n, sizeof(struct openjd_format), read_arg);
    action->arg_count = n->count;
}

READ(read_timeout)
{
    struct openjd_action *action = into;
    action->timeout =
        read_number(r, n, true, 1, 0x1p62, has(r, OPENJD_FEATURE_BUNDLE_1), r->timing);
}

READ(read_mode)
{
    struct openjd_action *action = into;
    static const char *const modes[] = {"TERMINATE", "NOTIFY_THEN_TERMINATE", NULL};
    text t;
    action->says_cancel = true;
    if (n->kind == NODE_TEXT && memmem(n->words.at, n->words.size, "{{", 2)) {
        struct openjd_format *f = ARENA_NEW(r->a, struct openjd_format);
        if (!has(r, OPENJD_FEATURE_BUNDLE_1))
            wrong(r, n->line, "a format string here needs the extension FEATURE_BUNDLE_1");
        else if (read_format(r, n, r->timing, STR | NUL, f))
            action->cancel_mode = f;
        return;
    }
    if (one_of(r, n, modes, &t))
        action->cancel = text_is(t, modes[1]) ? OPENJD_NOTIFY_THEN_TERMINATE : OPENJD_TERMINATE;
}

READ(read_period)
{
    struct openjd_action *action = into;
    if (action->cancel == OPENJD_TERMINATE && !action->cancel_mode)
        wrong(r, n->line, "is for the mode NOTIFY_THEN_TERMINATE alone");
    action->notify_period =
        read_number(r, n, true, 1, 600, has(r, OPENJD_FEATURE_BUNDLE_1), r->timing);
}

READ(read_cancelation)
{
    static const struct field fields[] = {
        {"mode", true, 0, read_mode}, {"notifyPeriodInSeconds", false, 0, read_period}, {0}};
    read_object(r, n, fields, into);
}

static const struct openjd_action *read_action(struct reading *r, const struct node *n)
{
    static const struct field fields[] = {{"command", true, 0, read_command},
                                          {"args", false, 0, read_args},
                                          {"timeout", false, 0, read_timeout},
                                          {"cancelation", false, 0, read_cancelation},
                                          {0}};
    struct openjd_action *action = ARENA_NEW(r->a, struct openjd_action);
    action->line = n->line;
    action->command.plain = true;
    read_object(r, n, fields, action);
    return action;
}

READ(read_on_run)
{
    ((struct openjd_script *)into)->on_run = read_action(r, n);
}

READ(read_on_enter)
{
    ((struct openjd_script *)into)->on_enter = read_action(r, n);
}

READ(read_on_exit)
{
    ((struct openjd_script *)into)->on_exit = read_action(r, n);
}

// rfc 0008: what a wrap hook may name beside the rest.
static const struct openjd_action *read_wrap(struct reading *r, const struct node *n,
                                             const char *named)
{
    struct openjd_scope *here = r->here, *timing = r->timing;
    r->timing = openjd_scope_new(r->a, timing);
    r->here = openjd_scope_new(r->a, here);
    struct openjd_scope *both[2] = {r->timing, r->here};
    for (int i = 0; i < 2; i++) {
        struct openjd_scope *s = both[i];
        openjd_scope_set(s, "WrappedAction.Command", openjd_unknown(STR));
        openjd_scope_set(s, "WrappedAction.Args", openjd_unknown(LIST_OF(STR)));
        openjd_scope_set(s, "WrappedAction.Environment", openjd_unknown(LIST_OF(STR)));
        openjd_scope_set(s, "WrappedAction.Timeout", openjd_unknown(INT | NUL));
        openjd_scope_set(s, "WrappedAction.Cancelation.Mode", openjd_unknown(STR | NUL));
        openjd_scope_set(s, "WrappedAction.Cancelation.NotifyPeriodInSeconds",
                         openjd_unknown(INT | NUL));
    }
    openjd_scope_set(r->here, named, openjd_unknown(STR));
    const struct openjd_action *action = read_action(r, n);
    r->here = here;
    r->timing = timing;
    return action;
}

READ(read_wrap_enter)
{
    ((struct openjd_script *)into)->on_wrap_env_enter = read_wrap(r, n, "WrappedEnv.Name");
}

READ(read_wrap_run)
{
    ((struct openjd_script *)into)->on_wrap_task_run = read_wrap(r, n, "WrappedStep.Name");
}

READ(read_wrap_exit)
{
    ((struct openjd_script *)into)->on_wrap_env_exit = read_wrap(r, n, "WrappedEnv.Name");
}

READ(read_step_actions)
{
    static const struct field fields[] = {{"onRun", true, 0, read_on_run}, {0}};
    read_object(r, n, fields, into);
}

READ(read_environment_actions)
{
    static const struct field fields[] = {
        {"onEnter", false, 0, read_on_enter},
        {"onWrapEnvEnter", false, OPENJD_WRAP_ACTIONS, read_wrap_enter},
        {"onWrapTaskRun", false, OPENJD_WRAP_ACTIONS, read_wrap_run},
        {"onWrapEnvExit", false, OPENJD_WRAP_ACTIONS, read_wrap_exit},
        {"onExit", false, 0, read_on_exit},
        {0}};
    struct openjd_script *s = into;
    if (!read_object(r, n, fields, s))
        return;
    int hooks = !!s->on_wrap_env_enter + !!s->on_wrap_task_run + !!s->on_wrap_env_exit;
    if (hooks && hooks < 3)
        wrong(r, n->line,
              "has some of onWrapEnvEnter, onWrapTaskRun and onWrapEnvExit: all or none");
    if (!s->on_enter && !s->on_exit && hooks < 3)
        wrong(r, n->line, "needs onEnter or onExit");
}

// --- embedded files (§6) ---

READ(read_file_name)
{
    read_identifier(r, n, &((struct openjd_file *)into)->name);
}

READ(read_file_type)
{
    static const char *const types[] = {"TEXT", NULL};
    text t;
    (void)into;
    one_of(r, n, types, &t);
}

READ(read_file_filename)
{
    struct openjd_file *file = into;
    if (!read_text(r, n, 1, bigger(r, 64, 256), &file->filename))
        return;
    if (memchr(file->filename.at, '/', file->filename.size) ||
        memchr(file->filename.at, '\\', file->filename.size))
        wrong(r, n->line, "must be the name of a file, without a folder");
    else if (text_is(file->filename, ".") || text_is(file->filename, ".."))
        wrong(r, n->line, "'%.*s' is not the name of a file", TEXT_ARGS(file->filename));
}

READ(read_file_runnable)
{
    if (is_kind(r, n, NODE_BOOL))
        ((struct openjd_file *)into)->runnable = n->truth;
}

READ(read_file_data)
{
    text t;
    if (read_text(r, n, 1, 0, &t))
        read_format(r, n, r->here, STR, &((struct openjd_file *)into)->data);
}

READ(read_file_end)
{
    static const char *const ends[] = {"AUTO", "LF", "CRLF", NULL};
    struct openjd_file *file = into;
    text t;
    if (one_of(r, n, ends, &t))
        file->line_end = text_is(t, "LF")     ? OPENJD_END_LF
                         : text_is(t, "CRLF") ? OPENJD_END_CRLF
                                              : OPENJD_END_AUTO;
}

READ(read_file)
{
    static const struct field fields[] = {
        {"name", true, 0, read_file_name},
        {"type", true, 0, read_file_type},
        {"filename", false, 0, read_file_filename},
        {"runnable", false, 0, read_file_runnable},
        {"data", true, 0, read_file_data},
        {"endOfLine", false, OPENJD_FEATURE_BUNDLE_1, read_file_end},
        {0}};
    struct openjd_file *file = into;
    file->line = n->line;
    file->data.plain = true;
    read_object(r, n, fields, file);
}

READ(read_files)
{
    struct openjd_script *s = into;
    if (!read_list(r, n, 0))
        return;
    struct openjd_file *files = read_items(r, n, sizeof(*files), read_file);
    for (size_t i = 0; i < n->count; i++)
        for (size_t k = 0; k < i && files[i].name.size; k++)
            if (text_same(files[i].name, files[k].name))
                wrong(r, files[i].line, "two files have the name '%.*s'", TEXT_ARGS(files[i].name));
    s->files = files;
    s->file_count = n->count;
}

// The names of embedded files, before anything is read that may name them.
static void name_files(struct reading *r, const struct node *script, const char *prefix)
{
    const struct node *files = tree_field(script, "embeddedFiles");
    for (size_t i = 0; files && files->kind == NODE_LIST && i < files->count; i++) {
        const struct node *name = tree_field(files->items[i], "name");
        if (name && name->kind == NODE_TEXT && name->words.size < 600)
            openjd_scope_set(r->here, text_join(r->a, "%s%.*s", prefix, TEXT_ARGS(name->words)).at,
                             openjd_unknown(PAT));
    }
}

READ(read_script_lets)
{
    struct openjd_script *s = into;
    struct lets lets = read_lets(r, n, r->here, NULL);
    s->lets = lets.at;
    s->let_count = lets.count;
}

// --- environments (§4) ---

READ(read_environment_script)
{
    static const struct field fields[] = {{"let", false, OPENJD_EXPR, read_script_lets},
                                          {"actions", true, 0, read_environment_actions},
                                          {"embeddedFiles", false, 0, read_files},
                                          {0}};
    struct openjd_environment *e = into;
    struct openjd_script *s = ARENA_NEW(r->a, struct openjd_script);
    r->here = openjd_scope_new(r->a, r->host);
    name_files(r, n, "Env.File.");
    read_object(r, n, fields, s);
    r->here = NULL;
    e->script = s;
}

static bool is_variable_name(text t)
{
    return t.size <= 256 && name_is_identifier(t);
}

READ(read_variables)
{
    struct openjd_environment *e = into;
    text t;
    if (!is_kind(r, n, NODE_MAP))
        return;
    if (!n->count)
        wrong(r, n->line, "must have one variable at least, or be left out");
    struct openjd_variable *variables = ARENA_ARRAY(r->a, struct openjd_variable, n->count);
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, arena_copy(r->a, n->keys[i].at, n->keys[i].size), 0};
        r->place = &here;
        variables[i].name = n->keys[i];
        variables[i].value.plain = true;
        if (!is_variable_name(n->keys[i]))
            wrong(r, n->key_lines[i],
                  "a variable's name is letters, digits and '_', without a digit "
                  "in front, 256 characters at most");
        if (read_text(r, n->items[i], 0, 2048, &t))
            read_format(r, n->items[i], r->host, STR, &variables[i].value);
        r->place = here.up;
    }
    e->variables = variables;
    e->variable_count = n->count;
}

READ(read_environment_name)
{
    read_name(r, n, &((struct openjd_environment *)into)->name);
}

READ(read_environment_description)
{
    read_description(r, n, &((struct openjd_environment *)into)->description);
}

READ(read_environment)
{
    static const struct field fields[] = {{"name", true, 0, read_environment_name},
                                          {"description", false, 0, read_environment_description},
                                          {"script", false, 0, read_environment_script},
                                          {"variables", false, 0, read_variables},
                                          {0}};
    struct openjd_environment *e = into;
    e->line = n->line;
    e->extensions = r->extensions;
    if (read_object(r, n, fields, e) && !e->script && !e->variable_count &&
        !tree_field(n, "script") && !tree_field(n, "variables"))
        wrong(r, n->line, "needs 'script' or 'variables'");
}

static bool wraps(const struct openjd_environment *e)
{
    return e->script && (e->script->on_wrap_env_enter || e->script->on_wrap_task_run ||
                         e->script->on_wrap_env_exit);
}

static void check_environments(struct reading *r, const struct openjd_environment *e, size_t count,
                               const struct openjd_environment *outer, size_t outer_count)
{
    size_t layers = 0;
    for (size_t i = 0; i < outer_count; i++)
        layers += wraps(&outer[i]);
    for (size_t i = 0; i < count; i++) {
        struct place here = {r->place, NULL, i};
        bool twice = false;
        for (size_t k = 0; k < i; k++)
            twice |= text_same(e[i].name, e[k].name);
        for (size_t k = 0; k < outer_count; k++)
            twice |= text_same(e[i].name, outer[k].name);
        r->place = &here;
        if (twice && e[i].name.size)
            wrong(r, e[i].line, "another environment of the job has the name '%.*s'",
                  TEXT_ARGS(e[i].name));
        if (wraps(&e[i]) && ++layers > 1)
            wrong(r, e[i].line,
                  "a second environment with wrap hooks: one is the most in a session");
        r->place = here.up;
    }
}

// --- host requirements (§3.3) ---

bool capability_name_check(text name, const char *prefix, struct error *err)
{
    static const char *const standard[] = {"amount.worker.vcpu",         "amount.worker.memory",
                                           "amount.worker.gpu",          "amount.worker.gpu.memory",
                                           "amount.worker.disk.scratch", "attr.worker.os.family",
                                           "attr.worker.cpu.arch"};
    static const char *const reserved[] = {"worker", "job", "step", "task"};
    text rest = name;
    error_set(err, ERROR_INPUT, "not the name of a capability");
    if (utf8_length(name) > 100)
        return error_why(err, "it has more than 100 characters");
    for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
        if (text_same_any_case(name, text_of(standard[i])) && strncmp(standard[i], prefix, 4) == 0)
            return true;
    if (memchr(rest.at ? rest.at : "", ':', rest.size)) {
        text vendor = text_cut(&rest, ':');
        if (!name_is_identifier(vendor))
            return error_why(err, "'%.*s' before the ':' is not a vendor's name",
                             TEXT_ARGS(vendor));
    }
    text first = text_cut(&rest, '.');
    if (!text_same_any_case(first, text_of(prefix)) || !rest.size)
        return error_why(err, "'%.*s' is not '%s.' and a name", TEXT_ARGS(name), prefix);
    text scope = rest;
    scope = text_cut(&scope, '.');
    for (bool more = true; more;) {
        const char *dot = memchr(rest.at, '.', rest.size);
        more = dot != NULL;
        text part = text_cut(&rest, '.');
        if (!name_is_identifier(part))
            return error_why(err, "'%.*s' in it is not a name", TEXT_ARGS(part));
        if (more && !rest.size)
            return error_why(err, "it ends in a '.'");
    }
    for (size_t i = 0; i < 4; i++)
        if (text_same_any_case(scope, text_of(reserved[i])))
            return error_why(err, "'%s.%s' is reserved, and '%.*s' is none of the specification's",
                             prefix, reserved[i], TEXT_ARGS(name));
    return true;
}

bool capability_value_check(text name, text value, struct error *err)
{
    static const struct {
        const char *name, *values[4];
    } standard[] = {{"attr.worker.os.family", {"linux", "windows", "macos", NULL}},
                    {"attr.worker.cpu.arch", {"x86_64", "arm64", NULL}}};
    error_set(err, ERROR_INPUT, "not a value of an attribute");
    for (size_t i = 0; i < 2; i++) {
        if (!text_same_any_case(name, text_of(standard[i].name)))
            continue;
        for (const char *const *v = standard[i].values; *v; v++)
            if (text_same_any_case(value, text_of(*v)))
                return true;
        return error_why(err, "%s is %s, %s%s%s, not '%.*s'", standard[i].name,
                         standard[i].values[0], standard[i].values[1], i ? "" : ", ",
                         i ? "" : "macos", TEXT_ARGS(value));
    }
    bool good = value.size > 0 && utf8_length(value) <= 100;
    for (size_t i = 0; good && i < value.size; i++) {
        char c = value.at[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               (i && ((c >= '0' && c <= '9') || c == '-'));
    }
    return good || error_why(err,
                             "'%.*s' is not 1 to 100 letters, digits, '_' and '-', a letter or "
                             "'_' in front",
                             (int)(value.size > 100 ? 100 : value.size), value.at);
}

// A name may be a format string; then it is checked when the job is made.
static void read_capability(struct reading *r, const struct node *n, const char *prefix,
                            struct openjd_format *name)
{
    struct error err;
    text t;
    if (!read_text(r, n, 1, 0, &t) || !read_format(r, n, r->submit, STR, name) || !name->plain)
        return;
    if (!capability_name_check(t, prefix, &err))
        wrong(r, n->line, "%s: %s", err.what, err.why);
}

READ(read_amount_name)
{
    read_capability(r, n, "amount", &((struct openjd_amount *)into)->name);
}

READ(read_amount_least)
{
    ((struct openjd_amount *)into)->least =
        read_number(r, n, false, 0, INFINITY, has(r, OPENJD_FEATURE_BUNDLE_1), r->submit);
}

READ(read_amount_most)
{
    struct openjd_format *f = (struct openjd_format *)read_number(
        r, n, false, 0, INFINITY, has(r, OPENJD_FEATURE_BUNDLE_1), r->submit);
    double real;
    if (f->plain && number_real(f->source, &real) && real == 0)
        wrong(r, n->line, "must be more than 0");
    ((struct openjd_amount *)into)->most = f;
}

READ(read_amount)
{
    static const struct field fields[] = {{"name", true, 0, read_amount_name},
                                          {"min", false, 0, read_amount_least},
                                          {"max", false, 0, read_amount_most},
                                          {0}};
    struct openjd_amount *amount = into;
    double least, most;
    amount->line = n->line;
    amount->name.plain = true;
    if (!read_object(r, n, fields, amount))
        return;
    if (!amount->least && !amount->most)
        wrong(r, n->line, "needs 'min' or 'max'");
    if (amount->least && amount->most && amount->least->plain && amount->most->plain &&
        number_real(amount->least->source, &least) && number_real(amount->most->source, &most) &&
        least > most)
        wrong(r, n->line, "'min' is more than 'max'");
}

READ(read_attribute_name)
{
    read_capability(r, n, "attr", &((struct openjd_attribute *)into)->name);
}

READ(read_attribute_value)
{
    struct openjd_format *f = into;
    text t;
    f->plain = true;
    if (read_text(r, n, 1, 0, &t))
        read_format(r, n, r->submit, STR | NUL | LIST_OF(STR), f);
}

READ(read_any_of)
{
    struct openjd_attribute *attribute = into;
    if (read_list(r, n, 50)) {
        attribute->any_of = read_items(r, n, sizeof(struct openjd_format), read_attribute_value);
        attribute->any_count = n->count;
    }
}

READ(read_all_of)
{
    struct openjd_attribute *attribute = into;
    if (read_list(r, n, 50)) {
        attribute->all_of = read_items(r, n, sizeof(struct openjd_format), read_attribute_value);
        attribute->all_count = n->count;
    }
}

bool capability_is_single(text name)
{
    return text_same_any_case(name, text_of("attr.worker.os.family")) ||
           text_same_any_case(name, text_of("attr.worker.cpu.arch"));
}

static void check_values(struct reading *r, text name, const struct openjd_format *values,
                         size_t count)
{
    struct error err;
    for (size_t i = 0; i < count; i++)
        if (values[i].plain && values[i].source.size &&
            !capability_value_check(name, values[i].source, &err))
            wrong(r, values[i].line, "%s: %s", err.what, err.why);
}

READ(read_attribute)
{
    static const struct field fields[] = {{"name", true, 0, read_attribute_name},
                                          {"anyOf", false, 0, read_any_of},
                                          {"allOf", false, 0, read_all_of},
                                          {0}};
    struct openjd_attribute *attribute = into;
    attribute->line = n->line;
    attribute->name.plain = true;
    if (!read_object(r, n, fields, attribute))
        return;
    if (!tree_field(n, "anyOf") && !tree_field(n, "allOf"))
        wrong(r, n->line, "needs 'anyOf' or 'allOf'");
    text name = attribute->name.source;
    if (!attribute->name.plain)
        return;
    if (capability_is_single(name) && attribute->all_count > 1)
        wrong(r, n->line, "a host has one %.*s: 'allOf' can not have several", TEXT_ARGS(name));
    check_values(r, name, attribute->any_of, attribute->any_count);
    check_values(r, name, attribute->all_of, attribute->all_count);
}

READ(read_amounts)
{
    struct openjd_step_template *step = into;
    if (!read_list(r, n, 0))
        return;
    struct openjd_amount *at = read_items(r, n, sizeof(*at), read_amount);
    for (size_t i = 0; i < n->count; i++)
        for (size_t k = 0; k < i; k++)
            if (at[i].name.source.size && text_same_any_case(at[i].name.source, at[k].name.source))
                wrong(r, at[i].line, "'%.*s' is required twice", TEXT_ARGS(at[i].name.source));
    step->amounts = at;
    step->amount_count = n->count;
}

READ(read_attributes)
{
    struct openjd_step_template *step = into;
    if (!read_list(r, n, 0))
        return;
    struct openjd_attribute *at = read_items(r, n, sizeof(*at), read_attribute);
    for (size_t i = 0; i < n->count; i++)
        for (size_t k = 0; k < i; k++)
            if (at[i].name.source.size && text_same_any_case(at[i].name.source, at[k].name.source))
                wrong(r, at[i].line, "'%.*s' is required twice", TEXT_ARGS(at[i].name.source));
    step->attributes = at;
    step->attribute_count = n->count;
}

READ(read_requirements)
{
    static const struct field fields[] = {
        {"amounts", false, 0, read_amounts}, {"attributes", false, 0, read_attributes}, {0}};
    struct openjd_step_template *step = into;
    if (!read_object(r, n, fields, step))
        return;
    if (!tree_field(n, "amounts") && !tree_field(n, "attributes"))
        wrong(r, n->line, "needs 'amounts' or 'attributes'");
    if (step->amount_count + step->attribute_count > 50)
        wrong(r, n->line, "has %zu requirements; 50 are the most",
              step->amount_count + step->attribute_count);
}

// --- task parameters (§3.4) ---

READ(read_task_name)
{
    read_identifier(r, n, &((struct openjd_task_parameter *)into)->name);
}

READ(read_task_value)
{
    struct openjd_format *f = into;
    text t;
    f->plain = true;
    f->line = n->line;
    if (n->kind == NODE_TEXT) {
        if (read_text(r, n, 0, 0, &t))
            read_format(r, n, r->submit, OPENJD_T_ANY, f);
    } else if (n->kind == NODE_INT || n->kind == NODE_FLOAT) {
        f->source = n->words;
    } else {
        wrong(r, n->line, "must be a number or a string, not %s", tree_kind_name(n));
    }
}

static void check_task_value(struct reading *r, const struct openjd_task_parameter *p,
                             const struct node *n, const struct openjd_format *f)
{
    int64_t whole;
    double real;
    if (!f->plain || (n->kind != NODE_TEXT && n->kind != NODE_INT && n->kind != NODE_FLOAT))
        return;
    if (p->type & (STR | PAT)) {
        if (n->kind != NODE_TEXT)
            wrong(r, n->line, "must be a string");
        else if (utf8_length(f->source) > 1024)
            wrong(r, n->line, "has more than 1024 characters");
        else if (!f->source.size && p->type & PAT)
            wrong(r, n->line, "must not be empty");
    } else if (p->type & FLO) {
        if (!number_real(f->source, &real))
            wrong(r, n->line, "must be a number");
    } else if (n->kind == NODE_FLOAT ? n->real != floor(n->real)
                                     : !number_whole(f->source, &whole)) {
        wrong(r, n->line, "must be a whole number of 64 bits");
    }
}

// The type is read before (the table has it first).
READ(read_task_range)
{
    struct openjd_task_parameter *p = into;
    struct openjd_range range;
    struct error err;
    if (n->kind == NODE_LIST) {
        if (!read_list(r, n, 1024))
            return;
        struct openjd_format *values = read_items(r, n, sizeof(*values), read_task_value);
        for (size_t i = 0; i < n->count; i++) {
            struct place here = {r->place, NULL, i};
            r->place = &here;
            check_task_value(r, p, n->items[i], &values[i]);
            // 1.0 is the whole number 1.
            if (p->type & (INT | RNG) && n->items[i]->kind == NODE_FLOAT)
                values[i].source = text_join(r->a, "%.0f", n->items[i]->real);
            r->place = here.up;
        }
        p->values = values;
        p->value_count = n->count;
        return;
    }
    struct openjd_format *f = ARENA_NEW(r->a, struct openjd_format);
    bool whole = p->type & (INT | RNG);
    if (!whole && !extended(r)) {
        wrong(r, n->line, "must be a list; an expression here needs the extension EXPR");
        return;
    }
    openjd_types item = p->type & RNG ? INT : p->type & FLO ? FLO : STR;
    if (!read_format(r, n, r->submit, LIST_OF(item) | (whole ? RNG | STR : LIST_OF(0x7f)), f))
        return;
    p->range = f;
    if (f->plain && whole && !openjd_range_parse(r->a, f->source, &range, &err))
        wrong(r, n->line, "%s: %s", err.what, err.why);
    else if (f->plain && !whole)
        wrong(r, n->line, "must be a list, or an expression that makes one");
}

READ(read_chunk_count)
{
    ((struct openjd_task_parameter *)into)->chunk_count =
        read_number(r, n, true, 1, 0x1p62, true, r->submit);
}

READ(read_chunk_seconds)
{
    ((struct openjd_task_parameter *)into)->chunk_seconds =
        read_number(r, n, true, 0, 0x1p62, true, r->submit);
}

READ(read_chunk_constraint)
{
    static const char *const constraints[] = {"CONTIGUOUS", "NONCONTIGUOUS", NULL};
    text t;
    if (one_of(r, n, constraints, &t))
        ((struct openjd_task_parameter *)into)->contiguous = text_is(t, "CONTIGUOUS");
}

READ(read_chunks)
{
    static const struct field fields[] = {{"defaultTaskCount", true, 0, read_chunk_count},
                                          {"targetRuntimeSeconds", false, 0, read_chunk_seconds},
                                          {"rangeConstraint", true, 0, read_chunk_constraint},
                                          {0}};
    read_object(r, n, fields, into);
}

READ(read_task_parameter)
{
    static const struct field fields[] = {{"name", true, 0, read_task_name},
                                          {"type", true, 0, ignored},
                                          {"range", true, 0, read_task_range},
                                          {0}};
    static const struct field chunk_fields[] = {{"name", true, 0, read_task_name},
                                                {"type", true, 0, ignored},
                                                {"range", true, 0, read_task_range},
                                                {"chunks", true, 0, read_chunks},
                                                {0}};
    static const char *const names[] = {"INT", "FLOAT", "STRING", "PATH", "CHUNK[INT]", NULL};
    static const openjd_types types[] = {INT, FLO, STR, PAT, RNG};
    struct openjd_task_parameter *p = into;
    const struct node *type = n->kind == NODE_MAP ? tree_field(n, "type") : NULL;
    struct place here = {r->place, "type", 0};
    text t;
    p->line = n->line;
    p->type = STR;
    if (type && type->kind == NODE_TEXT) {
        for (size_t i = 0; names[i]; i++)
            if (extended(r) ? text_same_any_case(type->words, text_of(names[i]))
                            : text_is(type->words, names[i]))
                p->type = types[i];
        r->place = &here;
        if (p->type == STR && !text_same_any_case(type->words, text_of("STRING")))
            one_of(r, type, names, &t);
        else if (p->type == STR && !extended(r))
            one_of(r, type, names, &t);
        if (p->type & RNG && !has(r, OPENJD_TASK_CHUNKING))
            wrong(r, type->line, "CHUNK[INT] needs the extension TASK_CHUNKING");
        r->place = here.up;
    } else if (type) {
        r->place = &here;
        is_kind(r, type, NODE_TEXT);
        r->place = here.up;
    }
    read_object(r, n, p->type & RNG ? chunk_fields : fields, p);
}

READ(read_task_parameters)
{
    struct openjd_step_template *step = into;
    size_t chunked = 0;
    if (!read_list(r, n, 16))
        return;
    struct openjd_task_parameter *at = read_items(r, n, sizeof(*at), read_task_parameter);
    for (size_t i = 0; i < n->count; i++) {
        for (size_t k = 0; k < i; k++)
            if (at[i].name.size && text_same(at[i].name, at[k].name))
                wrong(r, at[i].line, "two task parameters have the name '%.*s'",
                      TEXT_ARGS(at[i].name));
        if (at[i].type & RNG && ++chunked == 2)
            wrong(r, at[i].line, "a step has one CHUNK[INT] at most");
    }
    step->parameters = at;
    step->parameter_count = n->count;
}

static size_t times_named(const struct openjd_combination *c, text name, bool *together)
{
    if (c->kind == COMBINE_NAME)
        return text_same(c->name, name);
    size_t times = 0;
    for (size_t i = 0; i < c->count; i++)
        times += times_named(&c->parts[i], name, together);
    if (times && c->kind == COMBINE_TOGETHER && c->count > 1)
        *together = true;
    return times;
}

static void check_named(struct reading *r, const struct openjd_step_template *step,
                        const struct openjd_combination *c, int64_t line)
{
    for (size_t i = 0; c->kind != COMBINE_NAME && i < c->count; i++)
        check_named(r, step, &c->parts[i], line);
    if (c->kind != COMBINE_NAME)
        return;
    for (size_t i = 0; i < step->parameter_count; i++)
        if (text_same(step->parameters[i].name, c->name))
            return;
    wrong(r, line, "'%.*s' is no task parameter of this step", TEXT_ARGS(c->name));
}

READ(read_combination)
{
    struct openjd_step_template *step = into;
    struct openjd_combination *c;
    struct error err;
    text t;
    if (!read_text(r, n, 1, 1280, &t))
        return;
    if (!combination_parse(r->a, t, &c, &err)) {
        wrong(r, n->line, "%s: %s", err.what, err.why);
        return;
    }
    step->combination = c;
    check_named(r, step, c, n->line);
    for (size_t i = 0; i < step->parameter_count; i++) {
        const struct openjd_task_parameter *p = &step->parameters[i];
        bool together = false;
        size_t times = times_named(c, p->name, &together);
        if (times != 1)
            wrong(r, n->line, "'%.*s' stands in it %zu times; it must be once", TEXT_ARGS(p->name),
                  times);
        if (together && p->type & RNG)
            wrong(r, n->line, "'%.*s' is chunked: it can not be in ( , )", TEXT_ARGS(p->name));
    }
}

READ(read_space)
{
    static const struct field fields[] = {
        {"taskParameterDefinitions", true, 0, read_task_parameters},
        {"combination", false, 0, read_combination},
        {0}};
    read_object(r, n, fields, into);
}

// --- steps (§3) ---

static void name_task_parameters(struct reading *r, const struct openjd_step_template *step)
{
    for (size_t i = 0; i < step->parameter_count; i++) {
        const struct openjd_task_parameter *p = &step->parameters[i];
        if (!p->name.size || p->name.size > 600)
            continue;
        openjd_types type = extended(r) ? p->type : STR;
        openjd_scope_set(r->here, text_join(r->a, "Task.Param.%.*s", TEXT_ARGS(p->name)).at,
                         openjd_unknown(type));
        openjd_scope_set(r->here, text_join(r->a, "Task.RawParam.%.*s", TEXT_ARGS(p->name)).at,
                         openjd_unknown(type & PAT ? STR : type));
    }
}

READ(read_step_script)
{
    static const struct field fields[] = {{"let", false, OPENJD_EXPR, read_script_lets},
                                          {"actions", true, 0, read_step_actions},
                                          {"embeddedFiles", false, 0, read_files},
                                          {0}};
    struct openjd_step_template *step = into;
    struct openjd_script *s = ARENA_NEW(r->a, struct openjd_script);
    r->here = openjd_scope_new(r->a, r->host);
    name_task_parameters(r, step);
    name_files(r, n, "Task.File.");
    read_object(r, n, fields, s);
    r->here = NULL;
    step->script = s;
}

// `bash: {script: ...}` stands for a script with an embedded file (§8).
struct sugar {
    const char *key, *ending, *before;
};
static const struct sugar sugars[] = {{"python", ".py", NULL},
                                      {"bash", ".sh", NULL},
                                      {"cmd", ".bat", "/C"},
                                      {"powershell", ".ps1", "-File"},
                                      {"node", ".js", NULL}};

struct simple {
    struct openjd_script *script;
    struct openjd_action *action;
    struct openjd_file *file;
};

READ(read_simple_lets)
{
    read_script_lets(r, n, ((struct simple *)into)->script);
}

READ(read_simple_script)
{
    read_file_data(r, n, ((struct simple *)into)->file);
}

READ(read_simple_args)
{
    read_args(r, n, ((struct simple *)into)->action);
}

READ(read_simple_timeout)
{
    read_timeout(r, n, ((struct simple *)into)->action);
}

READ(read_simple_cancelation)
{
    read_cancelation(r, n, ((struct simple *)into)->action);
}

static void desugar(struct reading *r, const struct sugar *sugar, struct simple *s)
{
    struct openjd_format *args = ARENA_ARRAY(r->a, struct openjd_format, s->action->arg_count + 2);
    struct error err;
    size_t count = 0;
    if (sugar->before)
        args[count++] = (struct openjd_format){.source = text_of(sugar->before), .plain = true};
    // A name of ours: no template's embedded file is beside it.
    text place = text_of("{{Task.File.Script}}");
    if (!openjd_format_parse(r->a, place, extended(r), &args[count++], &err))
        wrong(r, s->action->line, "%s", err.why);
    if (s->action->arg_count)
        memcpy(&args[count], s->action->args, s->action->arg_count * sizeof(*args));
    s->action->args = args;
    s->action->arg_count += count;
    s->action->command = (struct openjd_format){
        .source = text_of(sugar->key), .line = s->action->line, .plain = true};
    s->file->name = text_of("Script");
    s->file->filename = text_join(r->a, "Script%s", sugar->ending);
    s->script->files = s->file;
    s->script->file_count = 1;
    s->script->on_run = s->action;
}

static void read_sugar(struct reading *r, const struct node *n, const struct sugar *sugar,
                       struct openjd_step_template *step)
{
    static const struct field fields[] = {{"let", false, OPENJD_EXPR, read_simple_lets},
                                          {"script", true, 0, read_simple_script},
                                          {"args", false, 0, read_simple_args},
                                          {"timeout", false, 0, read_simple_timeout},
                                          {"cancelation", false, 0, read_simple_cancelation},
                                          {0}};
    struct simple s = {ARENA_NEW(r->a, struct openjd_script), ARENA_NEW(r->a, struct openjd_action),
                       ARENA_NEW(r->a, struct openjd_file)};
    s.action->line = s.file->line = n->line;
    s.file->data.plain = true;
    s.file->runnable = true;
    r->here = openjd_scope_new(r->a, r->host);
    name_task_parameters(r, step);
    if (read_object(r, n, fields, &s))
        desugar(r, sugar, &s);
    r->here = NULL;
    step->script = s.script;
}

#define SUGAR(index, name)                                                                         \
    READ(name)                                                                                     \
    {                                                                                              \
        read_sugar(r, n, &sugars[index], into);                                                    \
    }
SUGAR(0, read_python)
SUGAR(1, read_bash)
SUGAR(2, read_cmd)
SUGAR(3, read_powershell)
SUGAR(4, read_node)

READ(read_step_name)
{
    struct openjd_step_template *step = into;
    read_name(r, n, &step->name);
    if (memmem(step->name.at ? step->name.at : "", step->name.size, "{{", 2))
        wrong(r, n->line, "is no format string: '{{' can not be in it");
}

READ(read_step_description)
{
    read_description(r, n, &((struct openjd_step_template *)into)->description);
}

READ(read_step_lets)
{
    struct openjd_step_template *step = into;
    struct lets lets = read_lets(r, n, r->submit, r->host);
    step->lets = lets.at;
    step->let_count = lets.count;
}

READ(read_depends_on)
{
    read_name(r, n, into);
}

READ(read_dependency)
{
    static const struct field fields[] = {{"dependsOn", true, 0, read_depends_on}, {0}};
    read_object(r, n, fields, into);
}

READ(read_dependencies)
{
    struct openjd_step_template *step = into;
    if (!read_list(r, n, 0))
        return;
    text *names = read_items(r, n, sizeof(text), read_dependency);
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        r->place = &here;
        if (names[i].size && text_same(names[i], step->name))
            wrong(r, n->items[i]->line, "a step can not depend on itself");
        for (size_t k = 0; k < i; k++)
            if (names[i].size && text_same(names[i], names[k]))
                wrong(r, n->items[i]->line, "'%.*s' is named twice", TEXT_ARGS(names[i]));
        r->place = here.up;
    }
    step->depends_on = names;
    step->depends_count = n->count;
}

READ(read_step_environments)
{
    struct openjd_step_template *step = into;
    if (!read_list(r, n, 0))
        return;
    step->environments = read_items(r, n, sizeof(struct openjd_environment), read_environment);
    step->environment_count = n->count;
}

static void check_ways(struct reading *r, const struct node *n)
{
    size_t ways = n->kind == NODE_MAP && tree_field(n, "script") != NULL;
    for (size_t i = 0; i < 5; i++)
        ways += tree_field(n, sugars[i].key) != NULL;
    if (n->kind == NODE_MAP && ways != 1)
        wrong(r, n->line, "needs %s of script, python, bash, cmd, powershell and node",
              ways ? "one alone" : "one");
}

READ(read_step)
{
    static const struct field fields[] = {
        {"name", true, 0, read_step_name},
        {"description", false, 0, read_step_description},
        {"let", false, OPENJD_EXPR, read_step_lets},
        {"dependencies", false, 0, read_dependencies},
        {"stepEnvironments", false, 0, read_step_environments},
        {"hostRequirements", false, 0, read_requirements},
        {"parameterSpace", false, 0, read_space},
        {"script", false, 0, read_step_script},
        {"python", false, OPENJD_FEATURE_BUNDLE_1, read_python},
        {"bash", false, OPENJD_FEATURE_BUNDLE_1, read_bash},
        {"cmd", false, OPENJD_FEATURE_BUNDLE_1, read_cmd},
        {"powershell", false, OPENJD_FEATURE_BUNDLE_1, read_powershell},
        {"node", false, OPENJD_FEATURE_BUNDLE_1, read_node},
        {0}};
    struct openjd_step_template *step = into;
    struct openjd_scope *submit = r->submit, *host = r->host;
    step->line = n->line;
    r->submit = openjd_scope_new(r->a, submit);
    r->host = openjd_scope_new(r->a, host);
    if (extended(r)) {
        openjd_scope_set(r->submit, "Step.Name", openjd_unknown(STR));
        openjd_scope_set(r->host, "Step.Name", openjd_unknown(STR));
    }
    r->timing = r->submit;
    check_ways(r, n);
    read_object(r, n, fields, step);
    r->submit = submit;
    r->host = host;
    r->timing = submit;
}

// --- job parameters (§2) ---

struct type_row {
    const char *name;
    openjd_types type;
    bool is_new; // of EXPR
    const char *fields;
    const char *controls;
    const char *ui_fields;
};
static const struct type_row type_rows[] = {
    {"STRING", STR, false, "allowedValues minLength maxLength",
     "LINE_EDIT MULTILINE_EDIT DROPDOWN_LIST CHECK_BOX HIDDEN", ""},
    {"PATH", PAT, false, "allowedValues minLength maxLength objectType dataFlow",
     "CHOOSE_INPUT_FILE CHOOSE_OUTPUT_FILE CHOOSE_DIRECTORY DROPDOWN_LIST HIDDEN",
     "fileFilters fileFilterDefault"},
    {"INT", INT, false, "allowedValues minValue maxValue", "SPIN_BOX DROPDOWN_LIST HIDDEN",
     "singleStepDelta"},
    {"FLOAT", FLO, false, "allowedValues minValue maxValue", "SPIN_BOX DROPDOWN_LIST HIDDEN",
     "decimals singleStepDelta"},
    {"BOOL", BOO, true, "", "CHECK_BOX HIDDEN", ""},
    {"RANGE_EXPR", RNG, true, "minLength maxLength", "LINE_EDIT HIDDEN", ""},
    {"LIST[STRING]", LIST_OF(STR), true, "minLength maxLength item", "LINE_EDIT_LIST HIDDEN", ""},
    {"LIST[PATH]", LIST_OF(PAT), true, "objectType dataFlow minLength maxLength item",
     "CHOOSE_INPUT_FILE_LIST CHOOSE_OUTPUT_FILE_LIST CHOOSE_DIRECTORY_LIST HIDDEN",
     "fileFilters fileFilterDefault"},
    {"LIST[INT]", LIST_OF(INT), true, "minLength maxLength item", "SPIN_BOX_LIST HIDDEN",
     "singleStepDelta"},
    {"LIST[FLOAT]", LIST_OF(FLO), true, "minLength maxLength item", "SPIN_BOX_LIST HIDDEN",
     "decimals singleStepDelta"},
    {"LIST[BOOL]", LIST_OF(BOO), true, "minLength maxLength", "CHECK_BOX_LIST HIDDEN", ""},
    {"LIST[LIST[INT]]", LIST_OF(LIST_OF(INT)), true, "minLength maxLength item", "HIDDEN", ""},
};
enum { TYPE_ROWS = sizeof(type_rows) / sizeof(type_rows[0]) };

const char *openjd_parameter_type_name(openjd_types type)
{
    for (size_t i = 0; i < TYPE_ROWS; i++)
        if (type_rows[i].type == type)
            return type_rows[i].name;
    return "?";
}

static bool has_word(const char *words, text word)
{
    text rest = text_of(words);
    while (rest.size)
        if (text_same(text_cut(&rest, ' '), word))
            return true;
    return false;
}

// A value as it stands in a template. `strict`: within lists numbers are no strings.
static bool parameter_value(struct reading *r, const struct node *n, openjd_types type, bool strict,
                            struct openjd_value *v)
{
    bool text_number = n->kind == NODE_TEXT && !strict;
    if (type & (STR | PAT)) {
        if (!is_kind(r, n, NODE_TEXT))
            return false;
        *v = type & STR ? openjd_string(n->words) : openjd_path(n->words);
        return true;
    }
    if (type & INT && n->kind == NODE_INT && n->fits) {
        *v = openjd_whole(n->whole);
        return true;
    }
    if (type & FLO && (n->kind == NODE_INT || n->kind == NODE_FLOAT) && isfinite(n->real)) {
        *v = value_real(n->real, n->words);
        return true;
    }
    if (type & BOO && (n->kind == NODE_BOOL || n->real == 0 || n->real == 1) &&
        n->kind <= NODE_FLOAT && n->kind != NODE_NULL) {
        *v = openjd_truth(n->kind == NODE_BOOL ? n->truth : n->real == 1);
        return true;
    }
    if ((type & (INT | FLO) && text_number) || (type & (BOO | RNG) && n->kind == NODE_TEXT)) {
        if (value_read(r->a, n->words, type, v))
            return true;
        struct openjd_range range;
        struct error err;
        if (type & RNG && !openjd_range_parse(r->a, n->words, &range, &err)) {
            wrong(r, n->line, "%s: %s", err.what, err.why);
            return false;
        }
    }
    if (type & OPENJD_T_LISTS && n->kind == NODE_LIST) {
        struct openjd_value *items = ARENA_ARRAY(r->a, struct openjd_value, n->count);
        bool good = true;
        for (size_t i = 0; i < n->count; i++) {
            struct place here = {r->place, NULL, i};
            r->place = &here;
            good &= parameter_value(r, n->items[i], types_item(type), true, &items[i]);
            r->place = here.up;
        }
        *v = (struct openjd_value){
            .type = type, .known = true, .item_count = n->count, .items = items};
        return good;
    }
    wrong(r, n->line, "must be %s, not %s%s",
          type & INT   ? "a whole number of 64 bits"
          : type & FLO ? "a number"
          : type & BOO ? "true or false (or 1, 0, yes, no, on, off)"
          : type & RNG ? "a range expression"
                       : "a list",
          tree_kind_name(n), strict && n->kind == NODE_TEXT ? " (no strings in this list)" : "");
    return false;
}

struct parameter_reading {
    struct openjd_parameter *p;
    const struct type_row *row;
    bool bad; // something of the constraints is wrong: they are not compared
    const struct node *ui;
};

static openjd_types bare(openjd_types type)
{
    while (type & OPENJD_T_LISTS)
        type = types_item(type);
    return type;
}

READ(read_parameter_name)
{
    read_identifier(r, n, &((struct parameter_reading *)into)->p->name);
}

READ(read_parameter_description)
{
    read_description(r, n, &((struct parameter_reading *)into)->p->description);
}

static void read_length(struct reading *r, const struct node *n, struct parameter_reading *into,
                        int64_t least, bool *there, int64_t *length)
{
    if (n->kind != NODE_INT || !n->fits) {
        is_kind(r, n, NODE_INT);
        into->bad = true;
    } else if (n->whole < least) {
        wrong(r, n->line, "must be %" PRId64 " or more", least);
        into->bad = true;
    } else {
        *there = true;
        *length = n->whole;
    }
}

READ(read_least_length)
{
    struct parameter_reading *p = into;
    read_length(r, n, p, p->row->type & RNG ? 1 : 0, &p->p->has_least_length, &p->p->least_length);
}

READ(read_most_length)
{
    struct parameter_reading *p = into;
    read_length(r, n, p, p->row->type & OPENJD_T_LISTS ? 0 : 1, &p->p->has_most_length,
                &p->p->most_length);
}

READ(read_item_least_length)
{
    struct parameter_reading *p = into;
    read_length(r, n, p, 0, &p->p->has_item_least_length, &p->p->item_least_length);
}

READ(read_item_most_length)
{
    struct parameter_reading *p = into;
    read_length(r, n, p, 0, &p->p->has_item_most_length, &p->p->item_most_length);
}

static const struct openjd_value *read_limit(struct reading *r, const struct node *n,
                                             struct parameter_reading *p)
{
    struct openjd_value *v = ARENA_NEW(r->a, struct openjd_value);
    if (parameter_value(r, n, bare(p->row->type), p->row->type & OPENJD_T_LISTS, v))
        return v;
    p->bad = true;
    return NULL;
}

READ(read_least)
{
    ((struct parameter_reading *)into)->p->least = read_limit(r, n, into);
}

READ(read_most)
{
    ((struct parameter_reading *)into)->p->most = read_limit(r, n, into);
}

READ(read_allowed)
{
    struct parameter_reading *p = into;
    if (!read_list(r, n, 0)) {
        p->bad = true;
        return;
    }
    struct openjd_value *values = ARENA_ARRAY(r->a, struct openjd_value, n->count);
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        r->place = &here;
        if (!parameter_value(r, n->items[i], bare(p->row->type), p->row->type & OPENJD_T_LISTS,
                             &values[i]))
            p->bad = true;
        else if (values[i].type & (STR | PAT) && utf8_length(values[i].words) > 1024)
            wrong(r, n->items[i]->line, "has more than 1024 characters");
        r->place = here.up;
    }
    p->p->allowed = values;
    p->p->allowed_count = p->bad ? 0 : n->count;
}

READ(read_fallback)
{
    struct parameter_reading *p = into;
    struct openjd_value *v = ARENA_NEW(r->a, struct openjd_value);
    if (!parameter_value(r, n, p->row->type, false, v))
        p->bad = true;
    else if (v->type & (STR | PAT) && utf8_length(v->words) > 1024)
        wrong(r, n->line, "has more than 1024 characters");
    else
        p->p->fallback = v;
    // The text counts for its length, as it was written.
    if (v->known && v->type & RNG && utf8_length(n->words) > 1024)
        wrong(r, n->line, "has more than 1024 characters");
}

READ(read_object_type)
{
    static const char *const types[] = {"FILE", "DIRECTORY", NULL};
    one_of(r, n, types, &((struct parameter_reading *)into)->p->object_type);
}

READ(read_data_flow)
{
    static const char *const flows[] = {"NONE", "IN", "OUT", "INOUT", NULL};
    one_of(r, n, flows, &((struct parameter_reading *)into)->p->data_flow);
}

static const struct field inner_item_fields[] = {{"allowedValues", false, 0, read_allowed},
                                                 {"minValue", false, 0, read_least},
                                                 {"maxValue", false, 0, read_most},
                                                 {0}};

READ(read_inner_item)
{
    read_object(r, n, inner_item_fields, into);
}

READ(read_item)
{
    static const struct field texts[] = {{"allowedValues", false, 0, read_allowed},
                                         {"minLength", false, 0, read_item_least_length},
                                         {"maxLength", false, 0, read_item_most_length},
                                         {0}};
    static const struct field lists[] = {{"minLength", false, 0, read_item_least_length},
                                         {"maxLength", false, 0, read_item_most_length},
                                         {"item", false, 0, read_inner_item},
                                         {0}};
    struct parameter_reading *p = into;
    openjd_types item = types_item(p->row->type);
    read_object(r, n,
                item & OPENJD_T_LISTS ? lists
                : item & (STR | PAT)  ? texts
                                      : inner_item_fields,
                into);
}

// --- user interface (§2.1 - §2.16) ---

READ(read_label)
{
    text t;
    (void)into;
    read_plain_text(r, n, 1, 64, "", &t);
}

READ(read_positive)
{
    (void)into;
    if ((n->kind != NODE_INT && n->kind != NODE_FLOAT) || !(n->real > 0))
        wrong(r, n->line, "must be a number above 0");
}

READ(read_positive_whole)
{
    (void)into;
    if (n->kind != NODE_INT || !n->fits || n->whole < 1)
        wrong(r, n->line, "must be a whole number above 0");
}

READ(read_control)
{
    text *control = into;
    if (is_kind(r, n, NODE_TEXT))
        *control = n->words;
}

// "*", "*.*" or "*." and an ending (§2.8).
READ(read_pattern)
{
    text t;
    (void)into;
    if (!read_plain_text(r, n, 1, 20, "", &t))
        return;
    bool good = text_is(t, "*") || text_is(t, "*.*") || (text_starts(t, "*.") && t.size > 2);
    for (size_t i = 2; good && i < t.size && !text_is(t, "*.*"); i++)
        good = !strchr("\\/*?[]#%&{}<>$!'\":@`|=", t.at[i]);
    if (!good)
        wrong(r, n->line, "must be \"*\", \"*.*\" or \"*.\" and a file's ending");
}

READ(read_patterns)
{
    if (read_list(r, n, 20))
        read_items(r, n, 1, read_pattern);
    (void)into;
}

READ(read_filter)
{
    static const struct field fields[] = {
        {"label", true, 0, read_label}, {"patterns", true, 0, read_patterns}, {0}};
    read_object(r, n, fields, into);
}

READ(read_filters)
{
    if (read_list(r, n, 20))
        read_items(r, n, 1, read_filter);
    (void)into;
}

static bool is_check_box(const struct openjd_parameter *p)
{
    static const char *const pairs[][2] = {
        {"true", "false"}, {"yes", "no"}, {"on", "off"}, {"1", "0"}};
    for (size_t i = 0; i < 4; i++) {
        bool seen[2] = {false, false}, other = false;
        for (size_t k = 0; k < p->allowed_count; k++) {
            bool first = text_same_any_case(p->allowed[k].words, text_of(pairs[i][0]));
            bool second = text_same_any_case(p->allowed[k].words, text_of(pairs[i][1]));
            seen[0] |= first;
            seen[1] |= second;
            other |= !first && !second;
        }
        if (seen[0] && seen[1] && !other)
            return true;
    }
    return false;
}

static void check_control(struct reading *r, const struct node *n, struct parameter_reading *p,
                          text control)
{
    bool allowed = p->p->allowed_count > 0, list = p->row->type & OPENJD_T_LISTS;
    bool dropdown = text_is(control, "DROPDOWN_LIST");
    bool spin = text_is(control, "SPIN_BOX");
    bool files =
        text_starts(control, "CHOOSE_INPUT_FILE") || text_starts(control, "CHOOSE_OUTPUT_FILE");
    if (!has_word(p->row->controls, control)) {
        wrong(r, n->line, "control must be one of %s; it is '%.*s'", p->row->controls,
              (int)(control.size > 60 ? 60 : control.size), control.at);
        return;
    }
    if (list || p->bad)
        return;
    if (dropdown && !allowed)
        wrong(r, n->line, "the control DROPDOWN_LIST needs allowedValues");
    if (text_is(control, "CHECK_BOX") && p->row->type & STR && !is_check_box(p->p))
        wrong(r, n->line,
              "the control CHECK_BOX needs two allowedValues: true and false, yes and no, "
              "on and off, or 1 and 0");
    if (allowed && !dropdown && !text_is(control, "HIDDEN") && !text_is(control, "CHECK_BOX"))
        wrong(r, n->line, "the control %.*s can not be used with allowedValues",
              TEXT_ARGS(control));
    if ((tree_field(n, "singleStepDelta") || tree_field(n, "decimals")) && !spin)
        wrong(r, n->line, "singleStepDelta and decimals are for the control SPIN_BOX");
    if ((tree_field(n, "fileFilters") || tree_field(n, "fileFilterDefault")) && !files)
        wrong(r, n->line, "file filters are for the controls that choose a file");
    if (text_is(p->p->object_type, "FILE") && text_is(control, "CHOOSE_DIRECTORY"))
        wrong(r, n->line, "the control CHOOSE_DIRECTORY can not choose an objectType FILE");
    if (text_is(p->p->object_type, "DIRECTORY") && files)
        wrong(r, n->line, "the control %.*s can not choose an objectType DIRECTORY",
              TEXT_ARGS(control));
}

READ(read_interface)
{
    struct field fields[10] = {{"control", false, 0, read_control},
                               {"label", false, 0, read_label},
                               {"groupLabel", false, 0, read_label}};
    static const struct field more[] = {{"fileFilters", false, 0, read_filters},
                                        {"fileFilterDefault", false, 0, read_filter},
                                        {"decimals", false, 0, read_positive_whole}};
    struct parameter_reading *p = into;
    text control = {NULL, 0};
    size_t count = 3;
    for (size_t i = 0; i < 3; i++)
        if (has_word(p->row->ui_fields, text_of(more[i].name)))
            fields[count++] = more[i];
    if (has_word(p->row->ui_fields, text_of("singleStepDelta")))
        fields[count++] =
            (struct field){"singleStepDelta", false, 0,
                           bare(p->row->type) & INT ? read_positive_whole : read_positive};
    if (!read_object(r, n, fields, &control))
        return;
    if (control.size)
        check_control(r, n, p, control);
    else if (p->p->allowed_count && tree_field(n, "decimals"))
        wrong(r, n->line, "decimals is for the control SPIN_BOX");
    p->p->user_interface = tree_json(r->a, n);
}

// --- consistency of a definition ---

static int order_of(const struct openjd_value *a, const struct openjd_value *b)
{
    if (a->type & INT && b->type & INT)
        return a->whole < b->whole ? -1 : a->whole > b->whole;
    double x = a->type & INT ? (double)a->whole : a->real;
    double y = b->type & INT ? (double)b->whole : b->real;
    return x < y ? -1 : x > y;
}

static bool length_fits(bool has_least, int64_t least, bool has_most, int64_t most, size_t length)
{
    return (!has_least || (int64_t)length >= least) && (!has_most || (int64_t)length <= most);
}

static const char *refuse_item(struct arena *a, const struct openjd_parameter *p,
                               const struct openjd_value *v, bool outer)
{
    if (v->type & OPENJD_T_LISTS) {
        bool fits = outer
                        ? length_fits(p->has_least_length, p->least_length, p->has_most_length,
                                      p->most_length, v->item_count)
                        : length_fits(p->has_item_least_length, p->item_least_length,
                                      p->has_item_most_length, p->item_most_length, v->item_count);
        if (!fits)
            return "a list has fewer items than minLength or more than maxLength";
        for (size_t i = 0; i < v->item_count; i++) {
            const char *rule = refuse_item(a, p, &v->items[i], false);
            if (rule)
                return rule;
        }
        return NULL;
    }
    if (v->type & (STR | PAT | RNG)) {
        text t = v->type & RNG ? openjd_range_text(a, v->range) : v->words;
        bool fits = outer
                        ? length_fits(p->has_least_length, p->least_length, p->has_most_length,
                                      p->most_length, utf8_length(t))
                        : length_fits(p->has_item_least_length, p->item_least_length,
                                      p->has_item_most_length, p->item_most_length, utf8_length(t));
        if (!fits)
            return "is shorter than minLength or longer than maxLength";
    }
    if (v->type & (INT | FLO) && p->least && order_of(v, p->least) < 0)
        return "is less than minValue";
    if (v->type & (INT | FLO) && p->most && order_of(v, p->most) > 0)
        return "is more than maxValue";
    for (size_t i = 0; i < p->allowed_count; i++)
        if (value_same(v, &p->allowed[i]))
            return NULL;
    return p->allowed_count ? "is not one of allowedValues" : NULL;
}

const char *parameter_refuses(struct arena *a, const struct openjd_parameter *p,
                              const struct openjd_value *v)
{
    return refuse_item(a, p, v, true);
}

const char *parameter_inconsistent(struct arena *a, const struct openjd_parameter *p,
                                   const char **field)
{
    struct openjd_parameter limits = *p;
    limits.allowed_count = 0;
    *field = "maxLength";
    if (p->has_least_length && p->has_most_length && p->least_length > p->most_length)
        return "is less than minLength";
    if (p->has_item_least_length && p->has_item_most_length &&
        p->item_least_length > p->item_most_length)
        return "is less than minLength";
    *field = "maxValue";
    if (p->least && p->most && order_of(p->least, p->most) > 0)
        return "is less than minValue";
    *field = "allowedValues";
    bool list = p->type & OPENJD_T_LISTS;
    for (size_t i = 0; i < p->allowed_count; i++) {
        const char *rule = refuse_item(a, &limits, &p->allowed[i], !list);
        if (rule)
            return arena_format(a, "has a value that %s", rule);
    }
    *field = "default";
    return p->fallback ? parameter_refuses(a, p, p->fallback) : NULL;
}

READ(read_parameter)
{
    static const struct field all[] = {{"name", true, 0, read_parameter_name},
                                       {"type", true, 0, ignored},
                                       {"description", false, 0, read_parameter_description},
                                       {"minLength", false, 0, read_least_length},
                                       {"maxLength", false, 0, read_most_length},
                                       {"minValue", false, 0, read_least},
                                       {"maxValue", false, 0, read_most},
                                       {"allowedValues", false, 0, read_allowed},
                                       {"item", false, 0, read_item},
                                       {"objectType", false, 0, read_object_type},
                                       {"dataFlow", false, 0, read_data_flow},
                                       {"default", false, 0, read_fallback},
                                       {"userInterface", false, 0, read_interface},
                                       {0}};
    struct openjd_parameter *p = into;
    struct parameter_reading reading = {.p = p};
    const struct node *type = n->kind == NODE_MAP ? tree_field(n, "type") : NULL;
    p->line = n->line;
    if (!is_kind(r, n, NODE_MAP))
        return;
    for (size_t i = 0; type && type->kind == NODE_TEXT && i < TYPE_ROWS; i++)
        if (extended(r) ? text_same_any_case(type->words, text_of(type_rows[i].name))
                        : text_is(type->words, type_rows[i].name))
            reading.row = &type_rows[i];
    if (!reading.row || (reading.row->is_new && !extended(r))) {
        struct place here = {r->place, "type", 0};
        r->place = &here;
        if (!type)
            wrong(r, n->line, "is missing: INT, FLOAT, STRING, PATH or, with EXPR, another type");
        else if (reading.row)
            wrong(r, type->line, "%s needs the extension EXPR", reading.row->name);
        else
            wrong(r, type->line,
                  "must be STRING, PATH, INT or FLOAT; with the extension EXPR also "
                  "BOOL, RANGE_EXPR, LIST[STRING], LIST[PATH], LIST[INT], LIST[FLOAT], "
                  "LIST[BOOL] or LIST[LIST[INT]]");
        r->place = here.up;
        return;
    }
    p->type = reading.row->type;
    struct field fields[sizeof(all) / sizeof(all[0])] = {{0}};
    size_t count = 0;
    for (const struct field *f = all; f->name; f++)
        if (has_word("name type description default userInterface", text_of(f->name)) ||
            has_word(reading.row->fields, text_of(f->name)))
            fields[count++] = *f;
    read_object(r, n, fields, &reading);
    const char *field;
    const char *rule = reading.bad ? NULL : parameter_inconsistent(r->a, p, &field);
    if (rule) {
        struct place here = {r->place, field, 0};
        const struct node *at = tree_field(n, field);
        r->place = &here;
        wrong(r, at ? at->line : n->line, "%s", rule);
        r->place = here.up;
    }
}

READ(read_parameters)
{
    struct openjd_template *t = into;
    size_t most = t->is_environment ? 50 : bigger(r, 50, 200);
    if (!read_list(r, n, most))
        return;
    struct openjd_parameter *at = read_items(r, n, sizeof(*at), read_parameter);
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        r->place = &here;
        for (size_t k = 0; k < i; k++)
            if (at[i].name.size && text_same(at[i].name, at[k].name))
                wrong(r, at[i].line, "two parameters have the name '%.*s'", TEXT_ARGS(at[i].name));
        r->place = here.up;
    }
    t->parameters = at;
    t->parameter_count = n->count;
}

// --- the scopes at the root (§7.3.1) ---

static void name_parameters(struct reading *r, const struct openjd_template *t)
{
    for (size_t i = 0; i < t->parameter_count; i++) {
        const struct openjd_parameter *p = &t->parameters[i];
        if (!p->name.size || p->name.size > 600 || !p->type)
            continue;
        // Without EXPR all that is named is text.
        openjd_types type = extended(r) ? p->type : STR;
        openjd_types raw = type & PAT ? STR : type == LIST_OF(PAT) ? LIST_OF(STR) : type;
        const char *param = text_join(r->a, "Param.%.*s", TEXT_ARGS(p->name)).at;
        const char *raw_param = text_join(r->a, "RawParam.%.*s", TEXT_ARGS(p->name)).at;
        if (!(bare(p->type) & PAT)) // a path is mapped on the host
            openjd_scope_set(r->submit, param, openjd_unknown(type));
        openjd_scope_set(r->host, param, openjd_unknown(type));
        openjd_scope_set(r->submit, raw_param, openjd_unknown(raw));
        openjd_scope_set(r->host, raw_param, openjd_unknown(raw));
    }
}

static void name_session(struct reading *r)
{
    openjd_scope_set(r->host, "Session.WorkingDirectory", openjd_unknown(extended(r) ? PAT : STR));
    openjd_scope_set(r->host, "Session.PathMappingRulesFile",
                     openjd_unknown(extended(r) ? PAT : STR));
    openjd_scope_set(r->host, "Session.HasPathMappingRules",
                     openjd_unknown(extended(r) ? BOO : STR));
}

static void name_job(struct reading *r)
{
    if (!extended(r))
        return;
    openjd_scope_set(r->submit, "Job.Name", openjd_unknown(STR));
    openjd_scope_set(r->host, "Job.Name", openjd_unknown(STR));
}

READ(read_job_name)
{
    struct openjd_template *t = into;
    text words;
    if (!read_plain_text(r, n, 1, 0, "", &words) || !read_format(r, n, r->submit, STR, &t->name) ||
        !t->name.plain)
        return;
    if (utf8_length(words) > bigger(r, 128, 512))
        wrong(r, n->line, "has %zu characters; %zu are the most", utf8_length(words),
              bigger(r, 128, 512));
}

READ(read_template_description)
{
    read_description(r, n, &((struct openjd_template *)into)->description);
}

READ(read_job_environments)
{
    struct openjd_template *t = into;
    if (!read_list(r, n, 0))
        return;
    struct openjd_environment *at = read_items(r, n, sizeof(*at), read_environment);
    t->environments = at;
    t->environment_count = n->count;
    check_environments(r, at, n->count, NULL, 0);
}

READ(read_the_environment)
{
    struct openjd_template *t = into;
    struct openjd_environment *e = ARENA_NEW(r->a, struct openjd_environment);
    name_job(r);
    read_environment(r, n, e);
    t->environments = e;
    t->environment_count = 1;
}

// --- extensions ---

static const char *const extension_name[] = {"TASK_CHUNKING", "REDACTED_ENV_VARS",
                                             "FEATURE_BUNDLE_1", "EXPR", "WRAP_ACTIONS"};

const char *openjd_extension_name(enum openjd_extension one)
{
    return extension_name[__builtin_ctz((unsigned)one)];
}

static unsigned extension_bit(text name)
{
    for (unsigned i = 0; i < 5; i++)
        if (text_same_any_case(name, text_of(extension_name[i])))
            return 1u << i;
    return 0;
}

bool openjd_extensions_named(text names, unsigned *extensions, text *unknown)
{
    *extensions = 0;
    while (names.size) {
        text name = text_trim(text_cut(&names, ','));
        unsigned bit = extension_bit(name);
        if (name.size && !bit) {
            *unknown = name;
            return false;
        }
        *extensions |= bit;
    }
    return true;
}

READ(read_extensions)
{
    (void)into;
    if (!read_list(r, n, 0))
        return;
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        text name;
        r->place = &here;
        if (read_text(r, n->items[i], 1, 128, &name)) {
            unsigned bit = extension_bit(name);
            bool known = bit && text_is(name, openjd_extension_name((enum openjd_extension)bit));
            if (!known || !(r->supported & bit))
                wrong(r, n->items[i]->line, "the extension '%.*s' is not %s", TEXT_ARGS(name),
                      known ? "allowed here" : "known");
            else if (r->extensions & bit)
                wrong(r, n->items[i]->line, "the extension %.*s is named twice", TEXT_ARGS(name));
            else
                r->extensions |= bit;
        }
        r->place = here.up;
    }
    if (has(r, OPENJD_WRAP_ACTIONS) && !has(r, OPENJD_EXPR))
        wrong(r, n->line, "WRAP_ACTIONS needs EXPR beside it");
}

// --- the whole template ---

static size_t step_named(const struct openjd_template *t, text name)
{
    size_t i = 0;
    while (i < t->step_count && !text_same(t->steps[i].name, name))
        i++;
    return i;
}

// Takes away, again and again, the steps that wait for nothing; what is left is in a circle.
static void check_circles(struct reading *r, const struct openjd_template *t, int64_t line)
{
    bool *done = ARENA_ARRAY(r->a, bool, t->step_count);
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < t->step_count; i++) {
            bool free = !done[i];
            for (size_t k = 0; free && k < t->steps[i].depends_count; k++) {
                size_t on = step_named(t, t->steps[i].depends_on[k]);
                free = on == t->step_count || on == i || done[on];
            }
            moved |= free;
            done[i] |= free;
        }
    }
    for (size_t i = 0; i < t->step_count; i++) {
        if (!done[i]) {
            wrong(r, line, "steps depend on each other in a circle, '%.*s' among them",
                  TEXT_ARGS(t->steps[i].name));
            return;
        }
    }
}

static void check_step(struct reading *r, const struct openjd_template *t, size_t index)
{
    const struct openjd_step_template *step = &t->steps[index];
    struct place dependencies = {r->place, "dependencies", 0};
    struct place environments = {r->place, "stepEnvironments", 0};
    if (step->name.size && step_named(t, step->name) < index)
        wrong(r, step->line, "two steps have the name '%.*s'", TEXT_ARGS(step->name));
    r->place = &dependencies;
    for (size_t i = 0; i < step->depends_count; i++)
        if (step->depends_on[i].size && step_named(t, step->depends_on[i]) == t->step_count)
            wrong(r, step->line, "there is no step '%.*s'", TEXT_ARGS(step->depends_on[i]));
    r->place = &environments;
    check_environments(r, step->environments, step->environment_count, t->environments,
                       t->environment_count);
    r->place = dependencies.up;
}

READ(read_steps)
{
    struct openjd_template *t = into;
    if (!is_kind(r, n, NODE_LIST))
        return;
    if (!n->count)
        wrong(r, n->line, "must have one step at least");
    if (n->count > OPENJD_STEPS_MOST) {
        wrong(r, n->line, "has %zu steps; %d are the most", n->count, OPENJD_STEPS_MOST);
        return;
    }
    t->steps = read_items(r, n, sizeof(struct openjd_step_template), read_step);
    t->step_count = n->count;
    for (size_t i = 0; i < n->count; i++) {
        struct place here = {r->place, NULL, i};
        r->place = &here;
        check_step(r, t, i);
        r->place = here.up;
    }
    check_circles(r, t, n->line);
}

// The order matters: extensions, then parameters, then what names them.
static const struct field job_fields[] = {{"specificationVersion", true, 0, ignored},
                                          {"$schema", false, 0, ignored},
                                          {"extensions", false, 0, read_extensions},
                                          {"description", false, 0, read_template_description},
                                          {"parameterDefinitions", false, 0, read_parameters},
                                          {"name", true, 0, read_job_name},
                                          {"jobEnvironments", false, 0, read_job_environments},
                                          {"steps", true, 0, read_steps},
                                          {0}};
static const struct field environment_fields[] = {
    {"specificationVersion", true, 0, ignored},
    {"extensions", false, 0, read_extensions},
    {"parameterDefinitions", false, 0, read_parameters},
    {"environment", true, 0, read_the_environment},
    {0}};

static void read_root(struct reading *r, const struct node *root, struct openjd_template *t)
{
    const struct field *fields = t->is_environment ? environment_fields : job_fields;
    unknown_fields(r, root, fields);
    for (const struct field *f = fields; f->name; f++) {
        read_field(r, root, f, t);
        if (f->read == read_extensions)
            name_session(r);
        if (f->read == read_parameters)
            name_parameters(r, t);
        if (f->read == read_job_name) // its own name is in no name
            name_job(r);
    }
}

bool openjd_parse(struct arena *a, text document, const struct openjd_wish *wish,
                  struct openjd_template **template, struct openjd_mistakes *mistakes)
{
    struct openjd_template *t = ARENA_NEW(a, struct openjd_template);
    struct reading r = {.a = a, .mistakes = mistakes, .supported = wish->extensions};
    struct node *root;
    int64_t line;
    const char *rule;
    mistakes->count = 0;
    *template = t;
    if (!tree_parse(a, document, wish->form, &root, &line, &rule)) {
        wrong(&r, line, "%s", rule);
        return false;
    }
    if (!is_kind(&r, root, NODE_MAP))
        return false;
    const struct node *version = tree_field(root, "specificationVersion");
    bool job =
        version && version->kind == NODE_TEXT && text_is(version->words, "jobtemplate-2023-09");
    t->is_environment =
        version && version->kind == NODE_TEXT && text_is(version->words, "environment-2023-09");
    if (!job && !t->is_environment) {
        struct place here = {NULL, "specificationVersion", 0};
        r.place = &here;
        wrong(&r, version ? version->line : root->line,
              "must be 'jobtemplate-2023-09' or 'environment-2023-09'");
        return false;
    }
    r.submit = openjd_scope_new(a, NULL);
    r.host = openjd_scope_new(a, NULL);
    r.timing = r.submit;
    openjd_scope_on_host(r.host, NULL, OPENJD_POSIX);
    read_root(&r, root, t);
    t->extensions = r.extensions;
    return mistakes->count == 0;
}
