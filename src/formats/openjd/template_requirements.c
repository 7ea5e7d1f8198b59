// Host requirements of a template's steps (§3.3).
#include "formats/openjd/reading.h"

#include <math.h>
#include <string.h>

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

READER(read_requirements)
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
