// From the document to the template: every rule of the Template Schemas that holds without values.
//
// Each object of the schema is a table of its fields; a reader goes over the fields that are there
// and says what it does not know. Format strings are checked where they are read: `reading` carries
// the scopes (§7.3.1), in which what is not known yet stands with its type alone, so that checking
// a format string is evaluating it. Reading goes on after a mistake, so that all are told at once.
// Here: the root. What it consists of: template_*.c; how anything is read: reading.h.
#include "formats/openjd/reading.h"

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
