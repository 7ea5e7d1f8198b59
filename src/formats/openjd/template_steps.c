// Steps of a template (§3), whole or as simple actions.
#include "formats/openjd/reading.h"

#include <string.h>

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

READER(read_step)
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
