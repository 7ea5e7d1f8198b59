// Job parameters of a template (§2) and their user interface (§2.1 - §2.16).
#include "formats/openjd/reading.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

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

openjd_types bare(openjd_types type)
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

READER(read_parameters)
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
