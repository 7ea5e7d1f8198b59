// From a template and values to a job (§7.4, "Job creation"): parameters merged and checked, what
// is known resolved.
#include "formats/openjd/inside.h"
#include "formats/openjd/short_types.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct making {
    struct arena *a;
    const struct openjd_submission *s;
    struct openjd_job *job;
    bool extended;
    struct error *err;
};

static bool refuse(struct making *m, const char *what, text name, const char *why)
{
    error_set(m->err, ERROR_INPUT, "%s '%.*s' can not be used", what, TEXT_ARGS(name));
    return error_why(m->err, "%s", why);
}

// --- merging (§1.2.1) ---

static text or_else(text t, const char *otherwise)
{
    return t.size ? t : text_of(otherwise);
}

static void narrow_allowed(struct making *m, struct openjd_parameter *p,
                           const struct openjd_parameter *next)
{
    if (!next->allowed_count)
        return;
    if (!p->allowed_count) {
        p->allowed = next->allowed;
        p->allowed_count = next->allowed_count;
        return;
    }
    struct openjd_value *both = ARENA_ARRAY(m->a, struct openjd_value, p->allowed_count);
    size_t count = 0;
    for (size_t i = 0; i < p->allowed_count; i++)
        for (size_t k = 0; k < next->allowed_count; k++)
            if (value_same(&p->allowed[i], &next->allowed[k])) {
                both[count++] = p->allowed[i];
                break;
            }
    p->allowed = both;
    p->allowed_count = count;
}

static bool is_less(const struct openjd_value *a, const struct openjd_value *b)
{
    return a->type & INT ? a->whole < b->whole : a->real < b->real;
}

static void narrow_length(bool *has, int64_t *length, bool next_has, int64_t next, bool least)
{
    if (next_has && (!*has || (least ? next > *length : next < *length)))
        *length = next;
    *has |= next_has;
}

static bool merge(struct making *m, struct openjd_parameter *p, const struct openjd_parameter *next)
{
    if (p->type != next->type)
        return refuse(m, "the parameter", p->name, "its definitions have different types");
    if (p->type & PAT || p->type & LIST_OF(PAT)) {
        if (!text_same(or_else(p->object_type, "DIRECTORY"),
                       or_else(next->object_type, "DIRECTORY")))
            return refuse(m, "the parameter", p->name, "its definitions differ in objectType");
        if (p->data_flow.size && next->data_flow.size && !text_same(p->data_flow, next->data_flow))
            return refuse(m, "the parameter", p->name, "its definitions differ in dataFlow");
        p->object_type = p->object_type.size ? p->object_type : next->object_type;
        p->data_flow = p->data_flow.size ? p->data_flow : next->data_flow;
    }
    bool had = p->allowed_count > 0 && next->allowed_count > 0;
    narrow_allowed(m, p, next);
    if (had && !p->allowed_count)
        return refuse(m, "the parameter", p->name,
                      "no value is in allowedValues of all definitions");
    narrow_length(&p->has_least_length, &p->least_length, next->has_least_length,
                  next->least_length, true);
    narrow_length(&p->has_most_length, &p->most_length, next->has_most_length, next->most_length,
                  false);
    narrow_length(&p->has_item_least_length, &p->item_least_length, next->has_item_least_length,
                  next->item_least_length, true);
    narrow_length(&p->has_item_most_length, &p->item_most_length, next->has_item_most_length,
                  next->item_most_length, false);
    if (next->least && (!p->least || is_less(p->least, next->least)))
        p->least = next->least;
    if (next->most && (!p->most || is_less(next->most, p->most)))
        p->most = next->most;
    if (next->fallback)
        p->fallback = next->fallback;
    p->line = next->line;
    p->description = next->description.size ? next->description : p->description;
    return true;
}

static struct openjd_job_parameter *parameter_named(struct openjd_job_parameter *at, size_t count,
                                                    text name)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(at[i].merged.name, name))
            return &at[i];
    return NULL;
}

static bool merge_template(struct making *m, const struct openjd_template *t,
                           struct openjd_job_parameter *at, size_t *count)
{
    for (size_t i = 0; i < t->parameter_count; i++) {
        struct openjd_job_parameter *known = parameter_named(at, *count, t->parameters[i].name);
        if (!known)
            at[(*count)++].merged = t->parameters[i];
        else if (!merge(m, &known->merged, &t->parameters[i]))
            return false;
    }
    return true;
}

static bool merge_all(struct making *m, struct openjd_job_parameter **parameters, size_t *count)
{
    size_t room = m->s->job->parameter_count;
    for (size_t i = 0; i < m->s->environment_count; i++)
        room += m->s->environments[i]->parameter_count;
    struct openjd_job_parameter *at = ARENA_ARRAY(m->a, struct openjd_job_parameter, room);
    *parameters = at;
    *count = 0;
    // The job template's own come first in the list, and last in the merging.
    for (size_t i = 0; i < m->s->environment_count; i++)
        if (!merge_template(m, m->s->environments[i], at, count))
            return false;
    if (!merge_template(m, m->s->job, at, count))
        return false;
    struct openjd_job_parameter *sorted = ARENA_ARRAY(m->a, struct openjd_job_parameter, room);
    size_t n = 0;
    for (size_t i = 0; i < m->s->job->parameter_count; i++)
        sorted[n++] = *parameter_named(at, *count, m->s->job->parameters[i].name);
    for (size_t i = 0; i < *count; i++)
        if (!parameter_named(sorted, n, at[i].merged.name))
            sorted[n++] = at[i];
    *parameters = sorted;
    for (size_t i = 0; i < n && m->s->environment_count; i++) {
        const char *field;
        const char *rule = parameter_inconsistent(m->a, &sorted[i].merged, &field);
        if (rule)
            return refuse(m, "the parameter", sorted[i].merged.name,
                          arena_format(m->a, "the %s of its merged definitions %s", field, rule));
    }
    return true;
}

// --- values ---

static bool path_is_absolute(text path)
{
    bool drive = path.size > 2 && path.at[1] == ':' && (path.at[2] == '\\' || path.at[2] == '/');
    return (path.size && path.at[0] == '/') || drive || text_starts(path, "\\\\");
}

static bool lies_in(text path, text folder)
{
    return text_is(folder, "/") ||
           (path.size >= folder.size && memcmp(path.at, folder.at, folder.size) == 0 &&
            (path.size == folder.size || path.at[folder.size] == '/'));
}

// A default is relative to the template, a value to where it was typed (§7.4).
static bool settle_path(struct making *m, text name, bool is_default, text *path)
{
    bool leave = m->s->defaults_may_leave || !is_default;
    if (!path->size || (m->extended && uri_is(*path)))
        return true;
    bool absolute = path_is_absolute(*path);
    if (absolute && !leave)
        return refuse(m, "the parameter", name,
                      "its default is an absolute path; a default is relative to the template");
    const char *folder = is_default ? m->s->template_folder : m->s->work_folder;
    if (absolute || !folder || folder[0] != '/')
        return true;
    text joined = pure_join(m->a, text_of(folder), *path, OPENJD_POSIX);
    *path = is_default ? pure_normal(m->a, joined) : joined;
    if (!leave && !lies_in(*path, pure_normal(m->a, text_of(folder))))
        return refuse(m, "the parameter", name, "its default leaves the template's folder");
    return true;
}

static bool settle_paths(struct making *m, text name, bool is_default, struct openjd_value *v)
{
    if (v->type & PAT)
        return settle_path(m, name, is_default, &v->words);
    if (!(v->type & LIST_OF(PAT)))
        return true;
    struct openjd_value *items = ARENA_ARRAY(m->a, struct openjd_value, v->item_count);
    for (size_t i = 0; i < v->item_count; i++) {
        items[i] = v->items[i];
        if (!settle_path(m, name, is_default, &items[i].words))
            return false;
    }
    v->items = items;
    return true;
}

// A list from a command line is JSON.
static bool list_of_json(struct making *m, text words, struct openjd_value *v)
{
    struct openjd_given *given;
    size_t count;
    text document = text_join(m->a, "{\"v\": %.*s}", TEXT_ARGS(words));
    struct error ignored;
    if (!openjd_given_parse(m->a, document, OPENJD_JSON, &given, &count, &ignored) || count != 1 ||
        !(given[0].value.type & OPENJD_T_LISTS))
        return false;
    *v = given[0].value;
    return true;
}

// Into the parameter's type; without EXPR's looseness in lists: "1" is no whole number there.
static bool turn(struct making *m, const struct openjd_value *v, openjd_types type, bool in_list,
                 struct openjd_value *out)
{
    struct openjd_value read;
    bool truth = type & OPENJD_T_BOOL;
    if (type & OPENJD_T_LISTS) {
        read = *v;
        if (v->type & STR && (in_list || !list_of_json(m, v->words, &read)))
            return false;
        if (!(read.type & OPENJD_T_LISTS))
            return false;
        struct openjd_value *items = ARENA_ARRAY(m->a, struct openjd_value, read.item_count);
        for (size_t i = 0; i < read.item_count; i++)
            if (!turn(m, &read.items[i], types_item(type), true, &items[i]))
                return false;
        *out = (struct openjd_value){
            .type = type, .known = true, .item_count = read.item_count, .items = items};
        return true;
    }
    if (v->type & type) {
        *out = *v;
        return true;
    }
    if (truth && v->type & (INT | FLO)) {
        double real = v->type & INT ? (double)v->whole : v->real;
        *out = openjd_truth(real == 1);
        return real == 0 || real == 1;
    }
    if (type & FLO && v->type & INT) {
        *out = value_real((double)v->whole, text_join(m->a, "%" PRId64, v->whole));
        return true;
    }
    if (type & (STR | PAT) && !in_list && v->type & (INT | FLO | OPENJD_T_BOOL)) {
        text t = openjd_value_text(m->a, v);
        *out = type & STR ? openjd_string(t) : openjd_path(t);
        return true;
    }
    bool loose = !in_list || truth || type & PAT;
    return v->type & STR && loose && value_read(m->a, v->words, type, out);
}

static bool take_value(struct making *m, struct openjd_job_parameter *p,
                       const struct openjd_value *given, bool is_default)
{
    struct openjd_value v;
    if (!turn(m, given, p->merged.type, false, &v)) {
        text shown = openjd_value_json(m->a, given);
        return refuse(m, "the parameter", p->merged.name,
                      arena_format(m->a, "%.*s is not a value of the type %s",
                                   (int)(shown.size > 80 ? 80 : shown.size), shown.at,
                                   openjd_parameter_type_name(p->merged.type)));
    }
    if (!settle_paths(m, p->merged.name, is_default, &v))
        return false;
    const char *rule = parameter_refuses(m->a, &p->merged, &v);
    if (rule) {
        text shown = openjd_value_json(m->a, &v);
        return refuse(m, "the parameter", p->merged.name,
                      arena_format(m->a, "its value %.*s %s",
                                   (int)(shown.size > 80 ? 80 : shown.size), shown.at, rule));
    }
    p->value = v;
    return true;
}

static bool take_values(struct making *m, struct openjd_job_parameter *at, size_t count)
{
    for (size_t i = 0; i < m->s->given_count; i++)
        if (!parameter_named(at, count, m->s->given[i].name))
            return refuse(m, "the parameter", m->s->given[i].name,
                          "no template of this job defines it");
    for (size_t i = 0; i < count; i++) {
        const struct openjd_given *given = NULL;
        for (size_t k = 0; k < m->s->given_count; k++)
            if (text_same(m->s->given[k].name, at[i].merged.name))
                given = &m->s->given[k];
        if (!given && !at[i].merged.fallback)
            return refuse(m, "the parameter", at[i].merged.name, "it has no default and no value");
        if (!take_value(m, &at[i], given ? &given->value : at[i].merged.fallback, !given))
            return false;
    }
    return true;
}

static bool given_value(struct arena *a, const struct node *n, struct openjd_value *v)
{
    switch (n->kind) {
    case NODE_TEXT:
        *v = openjd_string(n->words);
        return true;
    case NODE_BOOL:
        *v = openjd_truth(n->truth);
        return true;
    case NODE_INT:
        if (n->fits)
            *v = openjd_whole(n->whole);
        else
            *v = openjd_string(n->words); // refused later, with the parameter's name
        return true;
    case NODE_FLOAT:
        *v = isfinite(n->real) ? value_real(n->real, n->words) : openjd_string(n->words);
        return true;
    case NODE_LIST: {
        // Of mixed types perhaps: each is turned into the parameter's type later.
        struct openjd_value *items = ARENA_ARRAY(a, struct openjd_value, n->count);
        for (size_t i = 0; i < n->count; i++)
            if (!given_value(a, n->items[i], &items[i]))
                return false;
        *v = value_list(n->count ? items[0].type & OPENJD_T_LISTS ? LIST_OF(INT) : STR : NUL, items,
                        n->count);
        return true;
    }
    default:
        return false;
    }
}

bool openjd_given_parse(struct arena *a, text document, enum openjd_form form,
                        struct openjd_given **given, size_t *count, struct error *err)
{
    struct node *root;
    int64_t line;
    const char *rule;
    error_set(err, ERROR_INPUT, "the parameter values can not be read");
    if (!tree_parse(a, document, form, &root, &line, &rule))
        return error_why(err, "line %" PRId64 ": %s", line, rule);
    if (root->kind != NODE_MAP)
        return error_why(err, "line %" PRId64 ": the values are not an object {Name: value}",
                         root->line);
    struct openjd_given *at = ARENA_ARRAY(a, struct openjd_given, root->count);
    for (size_t i = 0; i < root->count; i++) {
        at[i].name = root->keys[i];
        if (!given_value(a, root->items[i], &at[i].value))
            return error_why(err, "line %" PRId64 ": the value of '%.*s' is %s",
                             root->items[i]->line, TEXT_ARGS(root->keys[i]),
                             tree_kind_name(root->items[i]));
    }
    *given = at;
    *count = root->count;
    return true;
}

// --- scopes of the job ---

static struct openjd_value raw_value(struct arena *a, const struct openjd_value *v)
{
    struct openjd_value raw = *v;
    if (v->type & PAT)
        raw.type = STR;
    if (!(v->type & LIST_OF(PAT)))
        return raw;
    struct openjd_value *items = ARENA_ARRAY(a, struct openjd_value, v->item_count);
    for (size_t i = 0; i < v->item_count; i++)
        items[i] = openjd_string(v->items[i].words);
    return value_list(STR, items, v->item_count);
}

static struct openjd_scope *job_scope(struct making *m)
{
    struct openjd_scope *s = openjd_scope_new(m->a, NULL);
    for (size_t i = 0; i < m->job->parameter_count; i++) {
        const struct openjd_job_parameter *p = &m->job->parameters[i];
        text name = p->merged.name;
        openjd_scope_set(s, text_join(m->a, "RawParam.%.*s", TEXT_ARGS(name)).at,
                         raw_value(m->a, &p->value));
        if (!(p->value.type & (PAT | LIST_OF(PAT))))
            openjd_scope_set(s, text_join(m->a, "Param.%.*s", TEXT_ARGS(name)).at, p->value);
    }
    return s;
}

static bool in_field(struct making *m, const char *doing, text name)
{
    return name.size ? error_while(m->err, "%s of '%.*s'", doing, TEXT_ARGS(name))
                     : error_while(m->err, "%s", doing);
}

static bool make_name(struct making *m, struct openjd_scope *scope)
{
    size_t most = m->s->job->extensions & OPENJD_FEATURE_BUNDLE_1 ? 512 : 128;
    if (!openjd_format_text(m->a, &m->s->job->name, scope, &m->job->name, m->err))
        return in_field(m, "the job's name", (text){NULL, 0});
    size_t length = utf8_length(m->job->name);
    if (length < 1 || length > most || has_control_characters(m->job->name, ""))
        return refuse(
            m, "the job's name", m->job->name,
            arena_format(m->a, "it must have 1 to %zu characters and no control character", most));
    if (m->extended)
        openjd_scope_set(scope, "Job.Name", openjd_string(m->job->name));
    return true;
}

// --- host requirements ---

// A number of a field, or null: the field is as if it were not there.
static bool number_of(struct making *m, const struct openjd_format *f,
                      const struct openjd_scope *scope, bool *there, double *number)
{
    struct openjd_value v;
    *there = false;
    if (!f)
        return true;
    if (f->plain) {
        *there = number_real(f->source, number);
        return *there || refuse(m, "the number", f->source, "it is none");
    }
    if (!openjd_format_value(m->a, f, scope, FLO | (m->extended ? NUL : 0), &v, m->err))
        return false;
    *there = v.type & FLO;
    *number = *there ? v.real : 0;
    return true;
}

static bool make_capability(struct making *m, const struct openjd_format *f, const char *prefix,
                            const struct openjd_scope *scope, text *name)
{
    struct error why;
    if (!openjd_format_text(m->a, f, scope, name, m->err))
        return in_field(m, "the name of a requirement", (text){NULL, 0});
    if (!capability_name_check(*name, prefix, &why))
        return refuse(m, "the requirement", *name, arena_text(m->a, why.why));
    *name = text_lower(m->a, *name);
    return true;
}

static bool make_amount(struct making *m, const struct openjd_amount *from,
                        const struct openjd_scope *scope, struct openjd_amount_needed *to)
{
    bool has_least, has_most;
    double least, most;
    if (!make_capability(m, &from->name, "amount", scope, &to->name))
        return false;
    if (!number_of(m, from->least, scope, &has_least, &least) ||
        !number_of(m, from->most, scope, &has_most, &most))
        return in_field(m, "the amount", to->name);
    to->least = has_least ? least : text_is(to->name, "amount.worker.vcpu") ? 1 : 0;
    to->most = has_most ? most : -1;
    if (has_least && least < 0)
        return refuse(m, "the amount", to->name, "its 'min' is negative");
    if (has_most && most <= 0)
        return refuse(m, "the amount", to->name, "its 'max' is not above 0");
    if (has_least && has_most && least > most)
        return refuse(m, "the amount", to->name, "its 'min' is more than its 'max'");
    return true;
}

// Values of a list of format strings: null is left out, a list is laid flat (E§1.3.2).
static bool flat_values(struct making *m, const struct openjd_format *f, size_t count,
                        const struct openjd_scope *scope, openjd_types item,
                        struct openjd_value **values, size_t *n)
{
    size_t room = count + 8;
    struct openjd_value *at = ARENA_ARRAY(m->a, struct openjd_value, room);
    *n = 0;
    for (size_t i = 0; i < count; i++) {
        struct openjd_value v = openjd_string(f[i].source);
        openjd_types wanted = m->extended ? item | NUL | LIST_OF(item) : item;
        if (f[i].plain ? !value_coerce(m->a, &v, item, &v, m->err)
                       : !openjd_format_value(m->a, &f[i], scope, wanted, &v, m->err))
            return false;
        bool list = v.type & OPENJD_T_LISTS;
        size_t more = v.type & NUL ? 0 : list ? v.item_count : 1;
        if (*n + more > room) {
            room = (*n + more) * 2;
            struct openjd_value *bigger = ARENA_ARRAY(m->a, struct openjd_value, room);
            memcpy(bigger, at, *n * sizeof(*at));
            at = bigger;
        }
        for (size_t k = 0; k < more; k++)
            at[(*n)++] = list ? v.items[k] : v;
    }
    *values = at;
    return true;
}

static bool make_choices(struct making *m, text name, const struct openjd_format *f, size_t count,
                         const struct openjd_scope *scope, const text **to, size_t *n)
{
    struct openjd_value *values;
    struct error why;
    if (!flat_values(m, f, count, scope, STR, &values, n))
        return in_field(m, "the attribute", name);
    text *texts = ARENA_ARRAY(m->a, text, *n);
    for (size_t i = 0; i < *n; i++) {
        texts[i] = values[i].words;
        if (!capability_value_check(name, texts[i], &why))
            return refuse(m, "the attribute", name, arena_text(m->a, why.why));
    }
    *to = texts;
    return *n <= 50 || refuse(m, "the attribute", name, "it has more than 50 values");
}

static bool make_attribute(struct making *m, const struct openjd_attribute *from,
                           const struct openjd_scope *scope, struct openjd_attribute_needed *to)
{
    if (!make_capability(m, &from->name, "attr", scope, &to->name) ||
        !make_choices(m, to->name, from->any_of, from->any_count, scope, &to->any_of,
                      &to->any_count) ||
        !make_choices(m, to->name, from->all_of, from->all_count, scope, &to->all_of,
                      &to->all_count))
        return false;
    if (capability_is_single(to->name) && to->all_count > 1)
        return refuse(m, "the attribute", to->name, "a host has one value of it, 'allOf' several");
    return true;
}

static bool make_requirements(struct making *m, struct openjd_step *step)
{
    const struct openjd_step_template *t = step->of;
    struct openjd_amount_needed *amounts =
        ARENA_ARRAY(m->a, struct openjd_amount_needed, t->amount_count);
    struct openjd_attribute_needed *attributes =
        ARENA_ARRAY(m->a, struct openjd_attribute_needed, t->attribute_count);
    for (size_t i = 0; i < t->amount_count; i++) {
        if (!make_amount(m, &t->amounts[i], step->scope, &amounts[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (text_same(amounts[i].name, amounts[k].name))
                return refuse(m, "the amount", amounts[i].name, "it is required twice");
    }
    for (size_t i = 0; i < t->attribute_count; i++) {
        if (!make_attribute(m, &t->attributes[i], step->scope, &attributes[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (text_same(attributes[i].name, attributes[k].name))
                return refuse(m, "the attribute", attributes[i].name, "it is required twice");
    }
    step->amounts = amounts;
    step->amount_count = t->amount_count;
    step->attributes = attributes;
    step->attribute_count = t->attribute_count;
    return true;
}

// --- parameter spaces ---

// "02.50" is 2.50, "-0.0" is 0.0: leading zeros and the sign of zero go, decimals stay.
static text tidy_number(struct making *m, text t)
{
    t = text_trim(t);
    bool minus = t.size && t.at[0] == '-';
    text rest = t.size && (t.at[0] == '-' || t.at[0] == '+') ? (text){t.at + 1, t.size - 1} : t;
    while (rest.size > 1 && rest.at[0] == '0' && rest.at[1] >= '0' && rest.at[1] <= '9')
        rest = (text){rest.at + 1, rest.size - 1};
    double real;
    if (!minus || (number_real(rest, &real) && real == 0))
        return rest;
    return text_join(m->a, "-%.*s", TEXT_ARGS(rest));
}

static bool check_task_values(struct making *m, const struct openjd_task_parameter *p,
                              struct openjd_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct openjd_value *v = &values[i];
        if (v->type & FLO && v->words.size)
            v->words = tidy_number(m, v->words);
        if (v->type & (STR | PAT) && utf8_length(v->words) > 1024)
            return refuse(m, "the task parameter", p->name,
                          "a value has more than 1024 characters");
        if (v->type & PAT && !v->words.size)
            return refuse(m, "the task parameter", p->name, "a path is empty");
    }
    if (!count)
        return refuse(m, "the task parameter", p->name, "its range has no value");
    return count <= 1024 ||
           refuse(m, "the task parameter", p->name, "its list has more than 1024 values");
}

static bool list_to_range(struct making *m, struct space_range *r)
{
    int64_t *numbers = ARENA_ARRAY(m->a, int64_t, r->value_count);
    for (size_t i = 0; i < r->value_count; i++)
        numbers[i] = r->values[i].whole;
    r->is_range = true;
    return openjd_range_of(m->a, numbers, r->value_count, &r->range, m->err);
}

static bool make_range_expression(struct making *m, const struct openjd_task_parameter *p,
                                  const struct openjd_scope *scope, struct space_range *r)
{
    struct openjd_value v;
    openjd_types item = p->type & RNG ? INT : p->type;
    bool whole = item & INT;
    if (whole && p->range->plain) {
        r->is_range = true;
        return openjd_range_parse(m->a, p->range->source, &r->range, m->err);
    }
    openjd_types wanted = LIST_OF(item) | (whole ? RNG | STR : 0);
    if (!openjd_format_value(m->a, p->range, scope, wanted, &v, m->err))
        return false;
    if (v.type & STR) {
        r->is_range = true;
        return openjd_range_parse(m->a, v.words, &r->range, m->err);
    }
    if (v.type & RNG) {
        r->is_range = true;
        r->range = *v.range;
        return true;
    }
    struct openjd_value *values = ARENA_ARRAY(m->a, struct openjd_value, v.item_count);
    for (size_t i = 0; i < v.item_count; i++)
        if (!value_coerce(m->a, &v.items[i], item, &values[i], m->err))
            return false;
    r->values = values;
    r->value_count = v.item_count;
    return check_task_values(m, p, values, v.item_count);
}

static bool make_range(struct making *m, const struct openjd_task_parameter *p,
                       const struct openjd_scope *scope, struct space_range *r)
{
    struct openjd_value *values;
    bool there;
    double number;
    *r = (struct space_range){.name = p->name, .type = p->type & RNG ? INT : p->type};
    if (p->range) {
        if (!make_range_expression(m, p, scope, r))
            return in_field(m, "the range", p->name);
    } else {
        if (!flat_values(m, p->values, p->value_count, scope, r->type, &values, &r->value_count))
            return in_field(m, "the range", p->name);
        r->values = values;
        if (!check_task_values(m, p, values, r->value_count))
            return false;
    }
    if (!(p->type & RNG))
        return true;
    r->chunked = true;
    r->chunking = (struct openjd_chunking){.chunked = true, .contiguous = p->contiguous};
    if (!r->is_range && !list_to_range(m, r))
        return in_field(m, "the range", p->name);
    if (!number_of(m, p->chunk_count, scope, &there, &number))
        return in_field(m, "defaultTaskCount", p->name);
    if (!there || number < 1 || number != floor(number) || number > 0x1p62)
        return refuse(m, "the task parameter", p->name,
                      "its defaultTaskCount is not a whole number of 1 or more");
    r->chunking.default_count = (uint64_t)number;
    if (!number_of(m, p->chunk_seconds, scope, &there, &number))
        return in_field(m, "targetRuntimeSeconds", p->name);
    if (there && (number < 0 || number != floor(number) || number > 0x1p52))
        return refuse(m, "the task parameter", p->name,
                      "its targetRuntimeSeconds is not a whole number of 0 or more");
    r->chunking.target_s = there ? (int64_t)number : 0;
    return true;
}

static bool make_space(struct making *m, struct openjd_step *step)
{
    const struct openjd_step_template *t = step->of;
    struct space_range *ranges = ARENA_ARRAY(m->a, struct space_range, t->parameter_count);
    struct openjd_space *space;
    for (size_t i = 0; i < t->parameter_count; i++)
        if (!make_range(m, &t->parameters[i], step->scope, &ranges[i]))
            return false;
    if (!space_make(m->a, ranges, t->parameter_count, t->combination, &space, m->err))
        return false;
    step->space = space;
    return true;
}

// --- steps ---

static bool make_step(struct making *m, size_t index, struct openjd_step *step)
{
    const struct openjd_step_template *t = &m->s->job->steps[index];
    struct openjd_scope *scope = openjd_scope_new(m->a, m->job->scope);
    step->of = t;
    step->name = t->name;
    step->index = index;
    step->scope = scope;
    if (m->extended)
        openjd_scope_set(scope, "Step.Name", openjd_string(t->name));
    for (size_t i = 0; i < t->let_count; i++) {
        struct openjd_value v;
        if (!openjd_expr_value(m->a, t->lets[i].expr, scope, OPENJD_T_ANY, &v, m->err))
            return in_field(m, "the let", t->lets[i].name);
        openjd_scope_set(scope, arena_copy(m->a, t->lets[i].name.at, t->lets[i].name.size), v);
    }
    size_t *depends = ARENA_ARRAY(m->a, size_t, t->depends_count);
    for (size_t i = 0; i < t->depends_count; i++)
        for (size_t k = 0; k < m->s->job->step_count; k++)
            if (text_same(m->s->job->steps[k].name, t->depends_on[i]))
                depends[i] = k;
    step->depends_on = depends;
    step->depends_count = t->depends_count;
    return make_requirements(m, step) && make_space(m, step);
}

// Kahn: again and again the first step, in the template's order, that waits for none.
static void make_order(struct making *m, const struct openjd_step *steps, size_t count)
{
    size_t *order = ARENA_ARRAY(m->a, size_t, count), n = 0;
    bool *done = ARENA_ARRAY(m->a, bool, count);
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            bool free = !done[i];
            for (size_t k = 0; free && k < steps[i].depends_count; k++)
                free = done[steps[i].depends_on[k]];
            if (free) {
                done[i] = moved = true;
                order[n++] = i;
            }
        }
    }
    m->job->order = order;
}

static void collect_environments(struct making *m)
{
    const struct openjd_template *t = m->s->job;
    const struct openjd_environment **at = ARENA_ARRAY(
        m->a, const struct openjd_environment *, m->s->environment_count + t->environment_count);
    size_t n = 0;
    for (size_t i = 0; i < m->s->environment_count; i++)
        at[n++] = &m->s->environments[i]->environments[0];
    for (size_t i = 0; i < t->environment_count; i++)
        at[n++] = &t->environments[i];
    m->job->environments = at;
    m->job->environment_count = n;
}

bool openjd_job_make(struct arena *a, const struct openjd_submission *submission,
                     struct openjd_job **job, struct error *err)
{
    struct openjd_job *j = ARENA_NEW(a, struct openjd_job);
    struct making m = {a, submission, j, submission->job->extensions & OPENJD_EXPR, err};
    struct openjd_job_parameter *parameters;
    error_clear(err);
    *job = j;
    j->of = submission->job;
    if (submission->job->is_environment) {
        error_set(err, ERROR_INPUT, "an environment template makes no job");
        return error_fix(err, "give a template with specificationVersion jobtemplate-2023-09");
    }
    if (!merge_all(&m, &parameters, &j->parameter_count) ||
        !take_values(&m, parameters, j->parameter_count))
        return false;
    j->parameters = parameters;
    struct openjd_scope *scope = job_scope(&m);
    j->scope = scope;
    if (!make_name(&m, scope))
        return false;
    collect_environments(&m);
    struct openjd_step *steps = ARENA_ARRAY(a, struct openjd_step, submission->job->step_count);
    j->steps = steps;
    j->step_count = submission->job->step_count;
    for (size_t i = 0; i < j->step_count; i++)
        if (!make_step(&m, i, &steps[i]))
            return error_while(err, "step '%.*s'", TEXT_ARGS(submission->job->steps[i].name));
    make_order(&m, steps, j->step_count);
    return true;
}

const struct openjd_step *openjd_job_step(const struct openjd_job *job, text name)
{
    for (size_t i = 0; i < job->step_count; i++)
        if (text_same(job->steps[i].name, name))
            return &job->steps[i];
    return NULL;
}
