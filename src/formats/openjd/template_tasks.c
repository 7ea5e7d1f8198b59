// Task parameters and the space of a step (§3.4).
#include "formats/openjd/reading.h"

#include <math.h>

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

READER(read_space)
{
    static const struct field fields[] = {
        {"taskParameterDefinitions", true, 0, read_task_parameters},
        {"combination", false, 0, read_combination},
        {0}};
    read_object(r, n, fields, into);
}
