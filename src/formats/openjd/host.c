// On the host (§7.4, "Task execution"): all names stand for something, paths are mapped.
#include "formats/openjd/inside.h"

#include <inttypes.h>
#include <string.h>

#define NUL OPENJD_T_NULL
#define INT OPENJD_T_INT
#define STR OPENJD_T_STRING
#define PAT OPENJD_T_PATH
#define LIST_OF(t) OPENJD_T_LIST(t)

static struct openjd_value mapped_path(struct arena *a, const struct openjd_session *session,
                                       text path)
{
    text mapped;
    static const struct openjd_path_rules none;
    openjd_path_map(a, session->rules ? session->rules : &none, path, session->host, &mapped);
    return openjd_path(mapped);
}

static struct openjd_value mapped_value(struct arena *a, const struct openjd_session *session,
                                        const struct openjd_value *v)
{
    if (v->type & PAT)
        return mapped_path(a, session, v->words);
    if (!(v->type & LIST_OF(PAT)))
        return *v;
    struct openjd_value *items = ARENA_ARRAY(a, struct openjd_value, v->item_count);
    for (size_t i = 0; i < v->item_count; i++)
        items[i] = mapped_path(a, session, v->items[i].words);
    return value_list(PAT, items, v->item_count);
}

// A scope keeps what a session is, so that the scopes below it can map paths too.
static const struct openjd_session *session_of(const struct openjd_scope *s,
                                               struct openjd_session *to)
{
    struct eval e = {0};
    scope_host(s, &e);
    *to = (struct openjd_session){.rules = e.rules, .host = e.form};
    return to;
}

struct openjd_scope *openjd_session_scope(struct arena *a, const struct openjd_job *job,
                                          const struct openjd_session *session)
{
    struct openjd_scope *s = openjd_scope_new(a, job->scope);
    bool extended = job->of->extensions & OPENJD_EXPR,
         rules = session->rules && session->rules->count;
    openjd_scope_on_host(s, session->rules, session->host);
    for (size_t i = 0; i < job->parameter_count; i++) {
        const struct openjd_job_parameter *p = &job->parameters[i];
        openjd_scope_set(s, text_join(a, "Param.%.*s", TEXT_ARGS(p->merged.name)).at,
                         mapped_value(a, session, &p->value));
    }
    // An environment template may have EXPR where the job has not.
    openjd_scope_set(s, "Job.Name", openjd_string(job->name));
    openjd_scope_set(s, "Session.WorkingDirectory", openjd_path(text_of(session->working_folder)));
    openjd_scope_set(s, "Session.PathMappingRulesFile", openjd_path(text_of(session->rules_file)));
    // Without EXPR it is the text, which reads the same.
    openjd_scope_set(s, "Session.HasPathMappingRules",
                     extended ? openjd_truth(rules)
                              : openjd_string(text_of(rules ? "true" : "false")));
    return s;
}

static bool add_lets(struct arena *a, struct openjd_scope *s, const struct openjd_let *lets,
                     size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct openjd_value v;
        if (!openjd_expr_value(a, lets[i].expr, s, OPENJD_T_ANY, &v, err))
            return error_while(err, "the let '%.*s'", TEXT_ARGS(lets[i].name));
        openjd_scope_set(s, arena_copy(a, lets[i].name.at, lets[i].name.size), v);
    }
    return true;
}

static void add_files(struct arena *a, struct openjd_scope *s, const struct openjd_script *script,
                      const char *prefix, const char *const *file_paths)
{
    for (size_t i = 0; script && i < script->file_count; i++)
        openjd_scope_set(s, text_join(a, "%s%.*s", prefix, TEXT_ARGS(script->files[i].name)).at,
                         openjd_path(text_of(file_paths[i])));
}

// What a step adds for its host: its name and what its lets were when the job was made.
static void add_step(struct arena *a, struct openjd_scope *s, const struct openjd_step *step)
{
    openjd_scope_set(s, "Step.Name", openjd_string(step->name));
    for (size_t i = 0; i < step->of->let_count; i++) {
        text name = step->of->lets[i].name;
        const struct openjd_value *v = openjd_scope_find(step->scope, name);
        if (v)
            openjd_scope_set(s, arena_copy(a, name.at, name.size), *v);
    }
}

bool openjd_environment_scope(struct arena *a, const struct openjd_scope *session,
                              const struct openjd_step *step,
                              const struct openjd_environment *environment,
                              const char *const *file_paths, struct openjd_scope **scope,
                              struct error *err)
{
    struct openjd_scope *s = openjd_scope_new(a, session);
    *scope = s;
    if (environment->extensions & OPENJD_EXPR) {
        const struct openjd_value *rules =
            openjd_scope_find(session, text_of("Session.HasPathMappingRules"));
        if (rules && rules->type & STR)
            openjd_scope_set(s, "Session.HasPathMappingRules",
                             openjd_truth(text_is(rules->words, "true")));
    }
    if (step)
        add_step(a, s, step);
    add_files(a, s, environment->script, "Env.File.", file_paths);
    return !environment->script ||
           add_lets(a, s, environment->script->lets, environment->script->let_count, err);
}

bool openjd_task_scope(struct arena *a, const struct openjd_scope *session,
                       const struct openjd_step *step, const struct openjd_task *task,
                       const char *const *file_paths, struct openjd_scope **scope,
                       struct error *err)
{
    struct openjd_scope *s = openjd_scope_new(a, session);
    struct openjd_session host;
    *scope = s;
    add_step(a, s, step);
    for (size_t i = 0; i < task->count; i++) {
        const struct openjd_task_value *v = &task->values[i];
        struct openjd_value raw = v->value;
        if (raw.type & PAT)
            raw.type = STR;
        openjd_scope_set(s, text_join(a, "Task.Param.%.*s", TEXT_ARGS(v->name)).at,
                         mapped_value(a, session_of(session, &host), &v->value));
        openjd_scope_set(s, text_join(a, "Task.RawParam.%.*s", TEXT_ARGS(v->name)).at, raw);
    }
    add_files(a, s, step->of->script, "Task.File.", file_paths);
    return add_lets(a, s, step->of->script->lets, step->of->script->let_count, err);
}

static struct openjd_value texts(struct arena *a, const text *at, size_t count)
{
    struct openjd_value *items = ARENA_ARRAY(a, struct openjd_value, count);
    for (size_t i = 0; i < count; i++)
        items[i] = openjd_string(at[i]);
    return value_list(count ? STR : NUL, items, count);
}

struct openjd_scope *openjd_wrap_scope(struct arena *a, const struct openjd_scope *environment,
                                       const struct openjd_wrapped *w)
{
    struct openjd_scope *s = openjd_scope_new(a, environment);
    bool notify = w->cancel == OPENJD_NOTIFY_THEN_TERMINATE;
    openjd_scope_set(s, "WrappedAction.Command", openjd_string(w->command));
    openjd_scope_set(s, "WrappedAction.Args", texts(a, w->args, w->arg_count));
    openjd_scope_set(s, "WrappedAction.Environment", texts(a, w->variables, w->variable_count));
    openjd_scope_set(s, "WrappedAction.Timeout",
                     w->timeout_s > 0 ? openjd_whole(w->timeout_s) : value_null());
    openjd_scope_set(s, "WrappedAction.Cancelation.Mode",
                     w->says_cancel
                         ? openjd_string(text_of(notify ? "NOTIFY_THEN_TERMINATE" : "TERMINATE"))
                         : value_null());
    openjd_scope_set(s, "WrappedAction.Cancelation.NotifyPeriodInSeconds",
                     notify && w->notify_s > 0 ? openjd_whole(w->notify_s) : value_null());
    if (w->environment_name.size)
        openjd_scope_set(s, "WrappedEnv.Name", openjd_string(w->environment_name));
    if (w->step_name.size)
        openjd_scope_set(s, "WrappedStep.Name", openjd_string(w->step_name));
    return s;
}

// --- commands ---

static const char *zero_ended(struct arena *a, text t)
{
    return arena_copy(a, t.size ? t.at : "", t.size);
}

// A list of arguments while it grows.
struct arguments {
    const char **at;
    size_t count, room;
};

static void add_argument(struct arena *a, struct arguments *args, text t)
{
    if (args->count + 1 >= args->room) {
        size_t room = args->room ? args->room * 2 : 16;
        const char **more = ARENA_ARRAY(a, const char *, room);
        if (args->count)
            memcpy(more, args->at, args->count * sizeof(*more));
        args->at = more;
        args->room = room;
    }
    args->at[args->count++] = zero_ended(a, t);
}

// null is left out, a list is laid flat (E§1.3.2).
static bool add_format(struct arena *a, struct arguments *args, const struct openjd_format *f,
                       const struct openjd_scope *scope, struct error *err)
{
    struct openjd_value v;
    if (!openjd_format_value(a, f, scope, STR | NUL | LIST_OF(STR), &v, err))
        return false;
    if (v.type & STR)
        add_argument(a, args, v.words);
    for (size_t i = 0; v.type & OPENJD_T_LISTS && i < v.item_count; i++)
        add_argument(a, args, v.items[i].words);
    return true;
}

// Seconds of a field; 0: null or not there.
static bool seconds_of(struct arena *a, const struct openjd_format *f,
                       const struct openjd_scope *scope, const char *name, int64_t most,
                       int64_t *seconds, struct error *err)
{
    struct openjd_value v;
    *seconds = 0;
    if (!f)
        return true;
    if (!openjd_format_value(a, f, scope, INT | NUL, &v, err))
        return error_while(err, "%s", name);
    if (v.type & NUL)
        return true;
    *seconds = v.whole;
    if (v.whole >= 1 && v.whole <= most)
        return true;
    error_set(err, ERROR_INPUT, "%s can not be used", name);
    return error_why(err, "%" PRId64 " is not 1 to %" PRId64 " seconds", v.whole, most);
}

static bool cancel_of(struct arena *a, const struct openjd_action *action,
                      const struct openjd_scope *scope, struct openjd_command *command,
                      struct error *err)
{
    struct openjd_value v;
    command->cancel = action->cancel;
    command->says_cancel = action->says_cancel;
    if (!action->cancel_mode)
        return true;
    if (!openjd_format_value(a, action->cancel_mode, scope, STR | NUL, &v, err))
        return error_while(err, "cancelation -> mode");
    bool notify = v.type & STR && text_is(v.words, "NOTIFY_THEN_TERMINATE");
    command->cancel = notify ? OPENJD_NOTIFY_THEN_TERMINATE : OPENJD_TERMINATE;
    command->says_cancel = !(v.type & NUL);
    if (notify || v.type & NUL || text_is(v.words, "TERMINATE"))
        return true;
    error_set(err, ERROR_INPUT, "cancelation -> mode can not be used");
    return error_why(err, "'%.*s' is neither TERMINATE nor NOTIFY_THEN_TERMINATE",
                     TEXT_ARGS(v.words));
}

bool openjd_command_make(struct arena *a, const struct openjd_action *action,
                         enum openjd_place place, const struct openjd_scope *scope,
                         struct openjd_command *command, struct error *err)
{
    struct arguments args = {0};
    text words;
    *command = (struct openjd_command){0};
    if (!openjd_format_text(a, &action->command, scope, &words, err))
        return error_while(err, "command");
    add_argument(a, &args, words);
    for (size_t i = 0; i < action->arg_count; i++)
        if (!add_format(a, &args, &action->args[i], scope, err))
            return error_while(err, "args[%zu]", i);
    if (!seconds_of(a, action->timeout, scope, "timeout", INT64_MAX, &command->timeout_s, err) ||
        !cancel_of(a, action, scope, command, err) ||
        !seconds_of(a, action->notify_period, scope, "notifyPeriodInSeconds", 600,
                    &command->notify_s, err))
        return false;
    if (!command->timeout_s && place == OPENJD_ON_EXIT)
        command->timeout_s = 300;
    if (!command->notify_s)
        command->notify_s = place == OPENJD_ON_RUN ? 120 : 30;
    command->argv = args.at;
    command->argc = args.count;
    return true;
}

bool openjd_file_content(struct arena *a, const struct openjd_file *file,
                         const struct openjd_scope *scope, enum openjd_paths host, text *content,
                         struct error *err)
{
    text t;
    if (!openjd_format_text(a, &file->data, scope, &t, err))
        return error_while(err, "the embedded file '%.*s'", TEXT_ARGS(file->name));
    bool crlf = file->line_end == OPENJD_END_CRLF ||
                (file->line_end == OPENJD_END_AUTO && host == OPENJD_WINDOWS);
    char *to = arena_take(a, t.size * (crlf ? 2 : 1) + 1);
    size_t size = 0;
    bool rewrite = crlf || file->line_end == OPENJD_END_LF;
    for (size_t i = 0; i < t.size; i++) {
        if (rewrite && t.at[i] == '\r' && i + 1 < t.size && t.at[i + 1] == '\n')
            continue;
        if (crlf && t.at[i] == '\n')
            to[size++] = '\r';
        to[size++] = t.at[i];
    }
    *content = (text){to, size};
    return true;
}
