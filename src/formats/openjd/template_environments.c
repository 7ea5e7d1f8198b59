// Actions (§5), embedded files (§6) and environments (§4) of a template.
#include "formats/openjd/reading.h"

#include <string.h>

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

READER(read_args)
{
    struct openjd_action *action = into;
    if (!read_list(r, n, 0))
        return;
    action->args = read_items(r, n, sizeof(struct openjd_format), read_arg);
    action->arg_count = n->count;
}

READER(read_timeout)
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

READER(read_cancelation)
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

READER(read_step_actions)
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

READER(read_file_data)
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

READER(read_files)
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
void name_files(struct reading *r, const struct node *script, const char *prefix)
{
    const struct node *files = tree_field(script, "embeddedFiles");
    for (size_t i = 0; files && files->kind == NODE_LIST && i < files->count; i++) {
        const struct node *name = tree_field(files->items[i], "name");
        if (name && name->kind == NODE_TEXT && name->words.size < 600)
            openjd_scope_set(r->here, text_join(r->a, "%s%.*s", prefix, TEXT_ARGS(name->words)).at,
                             openjd_unknown(PAT));
    }
}

READER(read_script_lets)
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

READER(read_environment)
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

void check_environments(struct reading *r, const struct openjd_environment *e, size_t count,
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
