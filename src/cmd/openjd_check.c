/*
 * posthouse openjd check and summary: a template against the rules, and what a job of it would be.
 *
 * What is printed for a good template, its members as JSON and YAML and the exit status are the
 * reference's; for a bad one each mistake has its line, the field in that line's way of writing,
 * and the rule.
 */
#include "cmd/openjd.h"
#include "formats/openjd/openjd.h"
#include "plat/files.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const struct openjd_call *call, const char *message)
{
    json_t *result = json_pack("{ss ss}", "status", "error", "message", message);
    openjd_print(call, message, result);
    json_decref(result);
    return 1;
}

static enum openjd_form form_of(const char *path)
{
    size_t size = strlen(path);
    return size >= 5 && strcasecmp(path + size - 5, ".json") == 0 ? OPENJD_JSON : OPENJD_YAML;
}

static bool read_extensions(const struct openjd_call *call, unsigned *extensions)
{
    const char *given = openjd_given_text(call, "--extensions");
    text unknown;
    *extensions = OPENJD_ALL_EXTENSIONS;
    if (!given || openjd_extensions_named(text_of(given), extensions, &unknown))
        return true;
    fprintf(stderr, "ERROR: Unsupported Open Job Description extension(s): %.*s\n",
            (int)unknown.size, unknown.at);
    return false;
}

// NULL, and what to say, when there is no such file or it can not be read.
static const char *read_document(struct arena *a, const char *path, text *document)
{
    struct buf b = BUF_LIMIT(OPENJD_DOCUMENT_MOST);
    struct error err;
    struct stat s;
    if (stat(path, &s) != 0)
        return arena_format(a, "'%s' does not exist.", path);
    if (!S_ISREG(s.st_mode))
        return arena_format(a, "'%s' is not a file.", path);
    if (!file_read(path, &b, &err)) {
        buf_free(&b);
        return arena_format(a, "Could not open file '%s': %s", path, err.why);
    }
    *document = (text){arena_copy(a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return NULL;
}

static const char *mistakes_text(struct arena *a, const char *path, const struct openjd_mistakes *m,
                                 bool environment)
{
    struct buf b = BUF_LIMIT(4 << 20);
    buf_format(&b, "ERROR: '%s' failed checks: %zu%s validation errors for %s", path, m->count,
               m->count == OPENJD_MISTAKES_MOST ? " or more" : "",
               environment ? "EnvironmentTemplate" : "JobTemplate");
    for (size_t i = 0; i < m->count; i++) {
        const struct openjd_mistake *one = &m->at[i];
        buf_text(&b, "\n");
        if (one->line)
            buf_format(&b, "line %" PRId64 "%s", one->line, one->field[0] ? ", " : "");
        buf_format(&b, "%s:\n\t%s", one->field, one->rule);
    }
    const char *words = arena_copy(a, b.at, b.size);
    buf_free(&b);
    return words;
}

// The template, or NULL and what to say.
static struct openjd_template *read_template(const struct openjd_call *call, unsigned extensions,
                                             const char **message)
{
    struct openjd_mistakes *mistakes = ARENA_NEW(call->arena, struct openjd_mistakes);
    struct openjd_template *template;
    text document;
    const char *why = read_document(call->arena, call->path, &document);
    if (why) {
        *message = arena_format(call->arena, "ERROR: %s", why);
        return NULL;
    }
    struct openjd_wish wish = {.form = form_of(call->path), .extensions = extensions};
    if (openjd_parse(call->arena, document, &wish, &template, mistakes))
        return template;
    *message = mistakes_text(call->arena, call->path, mistakes, template->is_environment);
    return NULL;
}

static int check(struct openjd_call *call)
{
    unsigned extensions;
    const char *message;
    if (!read_extensions(call, &extensions))
        return 1;
    if (!read_template(call, extensions, &message))
        return failed(call, message);
    message = arena_format(call->arena, "Template at '%s' passes validation checks.", call->path);
    json_t *result = json_pack("{ss ss}", "status", "success", "message", message);
    openjd_print(call, message, result);
    json_decref(result);
    return 0;
}

// --- summary ---

struct given_list {
    struct openjd_given *at;
    size_t count;
};

static void add_given(struct arena *a, struct given_list *list, const struct openjd_given *more,
                      size_t count)
{
    struct openjd_given *at = ARENA_ARRAY(a, struct openjd_given, list->count + count);
    if (list->count)
        memcpy(at, list->at, list->count * sizeof(*at));
    if (count)
        memcpy(at + list->count, more, count * sizeof(*at));
    list->at = at;
    list->count += count;
}

// KEY=VALUE, {"KEY": VALUE} or file://PATH. NULL, or what to say.
static const char *read_given(struct arena *a, const char *words, struct given_list *list)
{
    text t = text_trim(text_of(words));
    struct openjd_given *given;
    struct error err;
    size_t count;
    if (text_starts(t, "file://")) {
        const char *path = arena_copy(a, t.at + 7, t.size - 7);
        text document;
        const char *why = read_document(a, path, &document);
        if (why)
            return why;
        if (!openjd_given_parse(a, document, form_of(path), &given, &count, &err))
            return arena_format(a, "Parameter file '%s' is formatted incorrectly: %s", path,
                                err.why);
        add_given(a, list, given, count);
        return NULL;
    }
    if (text_starts(t, "{") && text_ends(t, "}")) {
        if (!openjd_given_parse(a, t, OPENJD_JSON, &given, &count, &err))
            return arena_format(a, "Job parameter string ('%s') not formatted correctly: %s", words,
                                err.why);
        add_given(a, list, given, count);
        return NULL;
    }
    text value = t, name = text_cut(&value, '=');
    if (!name.size || name.size == t.size)
        return arena_format(a,
                            "Job parameter string ('%s') not formatted correctly. It must be "
                            "key=value pairs, inline JSON, or a path to a JSON or YAML document "
                            "prefixed with 'file://'.",
                            words);
    struct openjd_given one = {name, openjd_string(value)};
    add_given(a, list, &one, 1);
    return NULL;
}

static const char *folder_of(struct arena *a, const char *path, const char *here)
{
    const char *slash = strrchr(path, '/');
    const char *folder = !slash          ? here
                         : slash == path ? "/"
                                         : arena_copy(a, path, (size_t)(slash - path));
    return folder[0] == '/' ? folder : arena_format(a, "%s/%s", here, folder);
}

static struct openjd_job *make_job(const struct openjd_call *call, struct openjd_template *template,
                                   const char **message)
{
    struct arena *a = call->arena;
    struct given_list list = {NULL, 0};
    char here[PATH_MAX];
    struct openjd_job *job;
    struct error err;
    if (!getcwd(here, sizeof(here)))
        here[0] = 0;
    for (size_t i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].option->name, "--job-param") != 0)
            continue;
        const char *why = read_given(a, call->given[i].value, &list);
        if (why) {
            *message = arena_format(a, "ERROR generating Job: %s", why);
            return NULL;
        }
    }
    struct openjd_submission s = {.job = template,
                                  .given = list.at,
                                  .given_count = list.count,
                                  .template_folder = folder_of(a, call->path, here),
                                  .work_folder = here};
    if (openjd_job_make(a, &s, &job, &err))
        return job;
    *message =
        arena_format(a, "ERROR generating Job: %s%s%s", err.what, err.why[0] ? ": " : "", err.why);
    return NULL;
}

static json_t *json_of(struct arena *a, text t)
{
    (void)a;
    return json_stringn(t.at ? t.at : "", t.size);
}

static json_t *environment_json(struct arena *a, const struct openjd_environment *e, text parent)
{
    return json_pack("{so so so}", "name", json_of(a, e->name), "description",
                     json_of(a, e->description), "parent", json_of(a, parent));
}

static const char *task_type_name(const struct openjd_task_parameter *p)
{
    return p->type & OPENJD_T_RANGE ? "CHUNK[INT]" : openjd_parameter_type_name(p->type);
}

// Lists are shown with '_' by the reference: LIST_INT.
static const char *shown_type(struct arena *a, openjd_types type)
{
    char *name = arena_text(a, openjd_parameter_type_name(type));
    size_t size = 0;
    for (size_t i = 0; name[i]; i++)
        if (name[i] != ']')
            name[size++] = name[i] == '[' ? '_' : name[i];
    name[size] = 0;
    return name;
}

static json_t *task_parameters_json(const struct openjd_step *step)
{
    json_t *list = json_array();
    for (size_t i = 0; i < step->of->parameter_count; i++) {
        const struct openjd_task_parameter *p = &step->of->parameters[i];
        json_array_append_new(list, json_pack("{ss% ss}", "name", p->name.at, p->name.size, "type",
                                              task_type_name(p)));
    }
    return list;
}

static json_t *step_environments_json(struct arena *a, const struct openjd_step *step)
{
    json_t *list = json_array();
    for (size_t i = 0; i < step->of->environment_count; i++)
        json_array_append_new(list, environment_json(a, &step->of->environments[i], step->name));
    return list;
}

static json_t *dependencies_json(const struct openjd_step *step)
{
    json_t *list = json_array();
    for (size_t i = 0; i < step->of->depends_count; i++)
        json_array_append_new(list, json_pack("{ss%}", "step_name", step->of->depends_on[i].at,
                                              step->of->depends_on[i].size));
    return list;
}

static void say_environments(struct buf *b, const struct openjd_environment *at, size_t count,
                             text parent, const char *padding)
{
    for (size_t i = 0; i < count; i++) {
        buf_format(b, "%s- %.*s (from '%.*s')\n", padding, (int)at[i].name.size, at[i].name.at,
                   (int)parent.size, parent.at);
        if (at[i].description.size)
            buf_format(b, " %.*s\n", (int)at[i].description.size, at[i].description.at);
    }
}

static void say_task_parameters(struct buf *b, const struct openjd_step *step, const char *padding)
{
    for (size_t i = 0; i < step->of->parameter_count; i++)
        buf_format(b, "%s- %.*s (%s)\n", padding, (int)step->of->parameters[i].name.size,
                   step->of->parameters[i].name.at, task_type_name(&step->of->parameters[i]));
}

static int step_summary(const struct openjd_call *call, const struct openjd_job *job,
                        const char *name)
{
    struct arena *a = call->arena;
    const struct openjd_step *step = openjd_job_step(job, text_of(name));
    int job_size = (int)job->name.size;
    if (!step)
        return failed(call, arena_format(a, "Step '%s' does not exist in Job '%.*s'.", name,
                                         job_size, job->name.at));
    const char *message =
        arena_format(a, "Summary for Step '%s' in Job '%.*s'", name, job_size, job->name.at);
    const struct openjd_step_template *t = step->of;
    uint64_t tasks = openjd_space_tasks(step->space);
    struct buf b = BUF_LIMIT(16 << 20);
    buf_format(&b,
               "\n--- %s ---\n\nTotal tasks: %" PRIu64 "\nTotal task parameters: %zu\n"
               "Total environments: %zu\n",
               message, tasks, t->parameter_count, t->environment_count);
    if (t->depends_count)
        buf_format(&b, "\nDependencies (%zu):\n", t->depends_count);
    for (size_t i = 0; i < t->depends_count; i++)
        buf_format(&b, "- '%.*s'\n", (int)t->depends_on[i].size, t->depends_on[i].at);
    buf_text(&b, t->parameter_count ? "\nParameters:\n" : "");
    say_task_parameters(&b, step, "");
    buf_text(&b, t->environment_count ? "\nEnvironments:\n" : "");
    say_environments(&b, t->environments, t->environment_count, step->name, "");
    json_t *result = json_pack(
        "{ss ss so ss sI so sI sI so so}", "status", "success", "message", message, "job_name",
        json_of(a, job->name), "step_name", name, "total_parameters",
        (json_int_t)t->parameter_count, "parameter_definitions", task_parameters_json(step),
        "total_tasks", (json_int_t)tasks, "total_environments", (json_int_t)t->environment_count,
        "environments", step_environments_json(a, step), "dependencies", dependencies_json(step));
    openjd_print(call, b.at, result);
    json_decref(result);
    buf_free(&b);
    return 0;
}

static json_t *parameter_json(struct arena *a, const struct openjd_job_parameter *p)
{
    bool bare = p->value.type & (OPENJD_T_LISTS | OPENJD_T_BOOL);
    text words = bare ? openjd_value_json(a, &p->value) : openjd_value_text(a, &p->value);
    json_t *value = bare ? json_loadb(words.at, words.size, JSON_DECODE_ANY, NULL)
                         : json_stringn(words.at ? words.at : "", words.size);
    return json_pack("{so so ss so}", "name", json_of(a, p->merged.name), "description",
                     json_of(a, p->merged.description), "type", shown_type(a, p->merged.type),
                     "value", value);
}

static void say_job(struct buf *b, struct arena *a, const struct openjd_job *job,
                    const char *message, uint64_t tasks, size_t environments)
{
    buf_format(b, "\n--- %s ---\n%s", message, job->parameter_count ? "\nParameters:\n" : "");
    for (size_t i = 0; i < job->parameter_count; i++) {
        const struct openjd_job_parameter *p = &job->parameters[i];
        text value = openjd_value_text(a, &p->value);
        buf_format(b, "  - %.*s (%s)%s%.*s\n", (int)p->merged.name.size, p->merged.name.at,
                   shown_type(a, p->merged.type), value.size ? ": " : "", (int)value.size,
                   value.at ? value.at : "");
    }
    buf_format(b,
               "\nTotal steps: %zu\nTotal tasks: %" PRIu64 "\nTotal environments: %zu\n"
               "\n--- Steps in '%.*s' ---\n\n",
               job->step_count, tasks, environments, (int)job->name.size, job->name.at);
    for (size_t i = 0; i < job->step_count; i++) {
        const struct openjd_step *s = &job->steps[i];
        buf_format(b, "%zu. '%.*s' (%" PRIu64 " total Tasks)\n%s", i + 1, (int)s->name.size,
                   s->name.at, openjd_space_tasks(s->space),
                   s->of->parameter_count ? "  Task parameters:\n" : "");
        say_task_parameters(b, s, "    ");
        if (s->of->environment_count)
            buf_format(b, "  %zu environments\n", s->of->environment_count);
        if (s->of->depends_count)
            buf_format(b, "  %zu dependencies\n", s->of->depends_count);
        buf_text(b, "\n");
    }
    if (!environments)
        return;
    buf_format(b, "\n--- Environments in '%.*s' ---\n", (int)job->name.size, job->name.at);
    say_environments(b, job->of->environments, job->of->environment_count, text_of("root"), "  ");
    for (size_t i = 0; i < job->step_count; i++)
        say_environments(b, job->steps[i].of->environments, job->steps[i].of->environment_count,
                         job->steps[i].name, "  ");
}

static int job_summary(const struct openjd_call *call, const struct openjd_job *job)
{
    struct arena *a = call->arena;
    const char *message = arena_format(a, "Summary for '%.*s'", (int)job->name.size, job->name.at);
    json_t *parameters = json_array(), *roots = json_array(), *steps = json_array();
    size_t environments = job->of->environment_count;
    uint64_t tasks = 0;
    for (size_t i = 0; i < job->parameter_count; i++)
        json_array_append_new(parameters, parameter_json(a, &job->parameters[i]));
    for (size_t i = 0; i < job->of->environment_count; i++)
        json_array_append_new(roots,
                              environment_json(a, &job->of->environments[i], text_of("root")));
    for (size_t i = 0; i < job->step_count; i++) {
        const struct openjd_step *s = &job->steps[i];
        tasks += openjd_space_tasks(s->space);
        environments += s->of->environment_count;
        json_array_append_new(
            steps, json_pack("{so so so sI so so}", "name", json_of(a, s->name), "description",
                             json_of(a, s->of->description), "parameter_definitions",
                             task_parameters_json(s), "total_tasks",
                             (json_int_t)openjd_space_tasks(s->space), "environments",
                             step_environments_json(a, s), "dependencies", dependencies_json(s)));
    }
    struct buf b = BUF_LIMIT(64 << 20);
    say_job(&b, a, job, message, tasks, environments);
    json_t *result = json_pack(
        "{ss ss so so sI sI sI so so}", "status", "success", "message", message, "name",
        json_of(a, job->name), "parameter_definitions", parameters, "total_steps",
        (json_int_t)job->step_count, "total_tasks", (json_int_t)tasks, "total_environments",
        (json_int_t)environments, "root_environments", roots, "steps", steps);
    openjd_print(call, b.at, result);
    json_decref(result);
    buf_free(&b);
    return 0;
}

static int summary(struct openjd_call *call)
{
    const char *step = openjd_given_text(call, "--step"), *message;
    struct openjd_template *template;
    struct openjd_job *job;
    unsigned extensions;
    if (!read_extensions(call, &extensions))
        return 1;
    if (!(template = read_template(call, extensions, &message)) ||
        !(job = make_job(call, template, &message)))
        return failed(call, message);
    return step ? step_summary(call, job, step) : job_summary(call, job);
}

static const struct openjd_option check_options[] = {
    OPENJD_OUTPUT,
    {"--extensions", NULL, "NAMES", "the extensions that a template may use, with commas; all",
     NULL},
    {0}};
const struct openjd_verb openjd_check = {
    "check", "check a job template or an environment template against the specification",
    check_options, check};

static const struct openjd_option summary_options[] = {
    OPENJD_OUTPUT,
    {"--job-param", "-p", "PARAM", "KEY=VALUE, inline JSON, or file://PATH; again and again", NULL},
    {"--step", NULL, "STEP_NAME", "tell about this step alone", NULL},
    {"--extensions", NULL, "NAMES", "the extensions that a template may use, with commas; all",
     NULL},
    {0}};
const struct openjd_verb openjd_summary = {
    "summary", "tell what a job of a template would be: parameters, steps, tasks, environments",
    summary_options, summary};
