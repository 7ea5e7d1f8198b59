/*
 * posthouse openjd run: a job's tasks here and now, in one session, without a server.
 *
 * The order of things is the reference's: environments of --environment, then the job's; then each
 * step with its own environments around its tasks; then all are left, last first, also after a
 * failure. The first failure ends the run; leaving goes on.
 */
#include "cmd/openjd.h"
#include "farm/session.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { PARAMETER_FILE_BYTES = OPENJD_DOCUMENT_MOST };

struct running {
    const struct openjd_call *call;
    struct arena *a;
    unsigned extensions;
    struct openjd_template *template;
    const struct openjd_template **environments;
    size_t environment_count;
    struct openjd_path_rules rules;
    struct openjd_job *job;
    const struct openjd_step *selected; // NULL: all
    const struct openjd_step **before;  // to run in full first
    size_t before_count;
    struct openjd_task *tasks; // of the selected step, when some were named
    size_t task_count;
    int64_t most_items; // 0: all

    struct session *session;
    int64_t began_ms, began_us;
    bool print, detail, failed;
    char failed_action[4096];
    int64_t items_run;
    json_t *log;
};

// ---- reading what was given

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted++;
}

// "~/x" as a shell writes it.
static const char *expand(struct arena *a, const char *path)
{
    const char *home = getenv("HOME");
    return path[0] == '~' && (path[1] == '/' || !path[1]) && home
               ? arena_format(a, "%s%s", home, path + 1)
               : path;
}

static enum openjd_form form_of(const char *path)
{
    size_t size = strlen(path);
    return size >= 5 && strcasecmp(path + size - 5, ".json") == 0 ? OPENJD_JSON : OPENJD_YAML;
}

static bool read_document(struct running *r, const char *path, text *document, struct error *err)
{
    struct buf b = BUF_LIMIT(PARAMETER_FILE_BYTES);
    struct stat s;
    bool there = stat(path, &s) == 0;
    if (!there || !S_ISREG(s.st_mode))
        return error_set(err, ERROR_NOT_FOUND, "'%s' %s", path,
                         there ? "is not a file." : "does not exist.");
    bool good = file_read(path, &b, err);
    if (good)
        *document = (text){arena_copy(r->a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return good;
}

static bool parse_template(struct running *r, const char *path, struct openjd_template **template,
                           struct error *err)
{
    text document;
    struct openjd_mistakes *mistakes = ARENA_NEW(r->a, struct openjd_mistakes);
    if (!read_document(r, path, &document, err))
        return false;
    if (openjd_parse(r->a, document,
                     &(struct openjd_wish){.form = form_of(path), .extensions = r->extensions},
                     template, mistakes))
        return true;
    *template = NULL;
    error_set(err, ERROR_INPUT, "'%s' failed checks:", path);
    struct buf b = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < mistakes->count; i++)
        buf_format(&b, "\n  line %lld: %s%s%s", (long long)mistakes->at[i].line,
                   mistakes->at[i].field, mistakes->at[i].field[0] ? ": " : "",
                   mistakes->at[i].rule);
    error_why(err, "%s", b.at ? b.at : "");
    buf_free(&b);
    return false;
}

static bool read_environments(struct running *r, struct error *err)
{
    r->environments = ARENA_ARRAY(r->a, const struct openjd_template *, r->call->given_count + 1);
    for (size_t i = 0; i < r->call->given_count; i++) {
        const struct openjd_given_option *g = &r->call->given[i];
        struct openjd_template *t;
        if (strcmp(g->option->name, "--environment") != 0)
            continue;
        if (!parse_template(r, expand(r->a, g->value), &t, err))
            return false;
        if (!t->is_environment)
            return error_set(err, ERROR_INPUT, "'%s' is not an environment template", g->value);
        r->environments[r->environment_count++] = t;
    }
    return true;
}

static bool read_rules(struct running *r, struct error *err)
{
    const char *given = openjd_given_text(r->call, "--path-mapping-rules");
    if (!given)
        return true;
    text document = text_of(given);
    if (text_starts(document, "file://") &&
        !read_document(r, expand(r->a, given + 7), &document, err))
        return false;
    return openjd_path_rules_parse(r->a, document, &r->rules, err);
}

struct given_list {
    struct openjd_given *at;
    size_t count, room;
};

static void add_given(struct running *r, struct given_list *list, const struct openjd_given *given,
                      size_t count)
{
    if (list->count + count > list->room) {
        struct openjd_given *old = list->at;
        list->room = (list->count + count) * 2;
        list->at = ARENA_ARRAY(r->a, struct openjd_given, list->room);
        if (old)
            memcpy(list->at, old, list->count * sizeof(*old));
    }
    if (count)
        memcpy(list->at + list->count, given, count * sizeof(*given));
    list->count += count;
}

static bool read_parameter(struct running *r, const char *given, struct given_list *list,
                           struct error *err)
{
    text t = text_trim(text_of(given)), value = t;
    struct openjd_given *from_document;
    size_t count;
    if (text_starts(t, "file://")) {
        const char *path = expand(r->a, arena_copy(r->a, t.at + 7, t.size - 7));
        if (!read_document(r, path, &t, err))
            return error_while(err, "Provided parameter file");
        if (!openjd_given_parse(r->a, t, form_of(path), &from_document, &count, err))
            return error_while(err, "Parameter file '%s' is formatted incorrectly", path);
        add_given(r, list, from_document, count);
        return true;
    }
    if (t.size > 1 && t.at[0] == '{' && t.at[t.size - 1] == '}') {
        if (!openjd_given_parse(r->a, t, OPENJD_JSON, &from_document, &count, err))
            return error_while(err, "Job parameter string ('%s') not formatted correctly", given);
        add_given(r, list, from_document, count);
        return true;
    }
    text name = text_cut(&value, '=');
    if (!name.size || name.size == t.size) {
        error_set(err, ERROR_INPUT, "Job parameter string ('%s') not formatted correctly.", given);
        return error_why(err,
                         "It must be key=value pairs, inline JSON, or a path to a JSON or YAML "
                         "document prefixed with 'file://'.");
    }
    add_given(r, list, &(struct openjd_given){name, openjd_string(value)}, 1);
    return true;
}

static bool make_job(struct running *r, struct error *err)
{
    struct given_list given = {0};
    char own[PATH_MAX], above[PATH_MAX], folder[PATH_MAX];
    if (!parse_template(r, r->call->path, &r->template, err))
        return false;
    if (r->template->is_environment)
        return error_set(err, ERROR_INPUT, "'%s' is not a job template", r->call->path);
    for (size_t i = 0; i < r->call->given_count; i++)
        if (strcmp(r->call->given[i].option->name, "--job-param") == 0 &&
            !read_parameter(r, r->call->given[i].value, &given, err))
            return false;
    path_folder(r->call->path, above, sizeof(above));
    if (!getcwd(own, sizeof(own)))
        return error_errno(err, errno, "the working folder is gone");
    if (above[0] == '/')
        snprintf(folder, sizeof(folder), "%s", above);
    else if (strcmp(above, ".") == 0)
        snprintf(folder, sizeof(folder), "%s", own);
    else if (!path_join(folder, sizeof(folder), own, above))
        return error_set(err, ERROR_TOO_BIG, "the template's path is too long");
    return openjd_job_make(r->a,
                           &(struct openjd_submission){.job = r->template,
                                                       .environments = r->environments,
                                                       .environment_count = r->environment_count,
                                                       .given = given.at,
                                                       .given_count = given.count,
                                                       .template_folder = arena_text(r->a, folder),
                                                       .work_folder = arena_text(r->a, own)},
                           &r->job, err);
}

// ---- which steps, which tasks

static bool select_step(struct running *r, struct error *err)
{
    const char *name = openjd_given_text(r->call, "--step");
    r->selected = name ? openjd_job_step(r->job, text_of(name)) : NULL;
    if (name && !r->selected)
        return error_set(err, ERROR_INPUT,
                         "No Step with name '%s' is defined in the given Job Template.", name);
    if (!name && r->job->step_count == 1)
        r->selected = &r->job->steps[0];
    if (!r->selected &&
        (openjd_given_text(r->call, "--task-param") || openjd_given_text(r->call, "--tasks")))
        return error_set(err, ERROR_INPUT,
                         "Providing task parameters requires a specified step or a job with a "
                         "single step.");
    return true;
}

static void mark_before(const struct openjd_job *job, const struct openjd_step *step, bool *marks)
{
    for (size_t i = 0; i < step->depends_count; i++)
        if (!marks[step->depends_on[i]]) {
            marks[step->depends_on[i]] = true;
            mark_before(job, &job->steps[step->depends_on[i]], marks);
        }
}

static void list_before(struct running *r)
{
    const struct openjd_job *job = r->job;
    bool *marks = ARENA_ARRAY(r->a, bool, job->step_count + 1);
    const char *with = NULL;
    for (size_t i = 0; i < r->call->given_count; i++) // the last one counts
        if (strstr(r->call->given[i].option->name, "run-dependencies"))
            with = r->call->given[i].option->name;
    if (r->selected && with && strcmp(with, "--run-dependencies") == 0)
        mark_before(job, r->selected, marks);
    r->before = ARENA_ARRAY(r->a, const struct openjd_step *, job->step_count + 1);
    for (size_t i = 0; i < job->step_count; i++)
        if (!r->selected || marks[job->order[i]])
            r->before[r->before_count++] = &job->steps[job->order[i]];
}

static bool add_task(struct running *r, const struct given_list *given, struct error *err)
{
    for (size_t i = 0; i < given->count; i++)
        for (size_t k = 0; k < i; k++)
            if (given->at[i].name.size == given->at[k].name.size &&
                memcmp(given->at[i].name.at, given->at[k].name.at, given->at[i].name.size) == 0)
                return error_set(err, ERROR_INPUT,
                                 "Task parameter '%.*s' has been defined more than once.",
                                 (int)given->at[i].name.size, given->at[i].name.at);
    if (openjd_space_find(r->a, r->selected->space, given->at, given->count,
                          &r->tasks[r->task_count], err)) {
        r->task_count++;
        return true;
    }
    return error_while(err, "Task %zu", r->task_count);
}

static bool tasks_of_options(struct running *r, struct error *err)
{
    struct given_list given = {0};
    r->tasks = ARENA_ARRAY(r->a, struct openjd_task, 1);
    for (size_t i = 0; i < r->call->given_count; i++) {
        if (strcmp(r->call->given[i].option->name, "--task-param") != 0)
            continue;
        text value = text_of(r->call->given[i].value);
        while (value.size && value.at[0] == ' ')
            value = (text){value.at + 1, value.size - 1};
        text whole = value, name = text_cut(&value, '=');
        if (!name.size || name.size == whole.size || !value.size)
            return error_set(err, ERROR_INPUT,
                             "Task parameter '%s' defined incorrectly. Expected '<NAME>=<VALUE>' "
                             "format.",
                             r->call->given[i].value);
        add_given(r, &given, &(struct openjd_given){name, openjd_string(value)}, 1);
    }
    return add_task(r, &given, err);
}

static bool tasks_of_list(struct running *r, const char *words, struct error *err)
{
    text document = text_trim(text_of(words));
    enum openjd_form form = OPENJD_JSON;
    struct openjd_given_list *lists;

    size_t count;
    if (text_starts(document, "file://")) {
        const char *path = expand(r->a, arena_copy(r->a, document.at + 7, document.size - 7));
        form = form_of(path);
        if (!read_document(r, path, &document, err))
            return error_while(err, "Provided parameter file");
    }
    if (!openjd_given_lists_parse(r->a, document, form, &lists, &count, err))
        return error_while(err, "--tasks must be a list of maps from names to values");
    r->tasks = ARENA_ARRAY(r->a, struct openjd_task, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct given_list one = {.at = lists[i].at, .count = lists[i].count};
        if (!add_task(r, &one, err))
            return false;
    }
    return true;
}

static bool select_tasks(struct running *r, struct error *err)
{
    const char *list = openjd_given_text(r->call, "--tasks");
    if (!r->selected)
        return true;
    if (openjd_given_text(r->call, "--task-param"))
        return tasks_of_options(r, err);
    return !list || tasks_of_list(r, list, err);
}

// ---- telling

static const char *since_start(struct arena *a, int64_t us)
{
    int64_t s = us / 1000000, days = s / 86400;
    s %= 86400;
    const char *day =
        days ? arena_format(a, "%lld day%s, ", (long long)days, days > 1 ? "s" : "") : "";
    return us % 1000000 ? arena_format(a, "%s%d:%02d:%02d.%06d", day, (int)(s / 3600),
                                       (int)(s / 60 % 60), (int)(s % 60), (int)(us % 1000000))
                        : arena_format(a, "%s%d:%02d:%02d", day, (int)(s / 3600),
                                       (int)(s / 60 % 60), (int)(s % 60));
}

static const char *iso_time(struct arena *a, int64_t us, bool local)
{
    time_t t = (time_t)(us / 1000000);
    struct tm parts;
    char day[40];
    if (local)
        localtime_r(&t, &parts);
    else
        gmtime_r(&t, &parts);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    long zone = local ? parts.tm_gmtoff : 0;
    return arena_format(a, "%s.%06d%c%02ld:%02ld", day, (int)(us % 1000000), zone < 0 ? '-' : '+',
                        labs(zone) / 3600, labs(zone) / 60 % 60);
}

static const char *stamp(struct running *r, struct arena *a)
{
    const char *form = openjd_given_text(r->call, "--timestamp-format");
    int64_t us = clock_tick_us() - r->began_us;
    if (!form || strcmp(form, "relative") == 0)
        return since_start(a, us);
    return iso_time(a, r->began_ms * 1000 + us, strcmp(form, "local") == 0);
}

static void said(void *context, enum session_voice voice, text line)
{
    struct running *r = context;
    if (voice == SESSION_DETAIL && !r->detail)
        return;
    struct arena *a = arena_open(1 << 20);
    const char *when = stamp(r, a);
    if (r->print) {
        printf("%s\t", when);
        fwrite(line.at, 1, line.size, stdout);
        putchar('\n');
        fflush(stdout);
    } else {
        json_array_append_new(r->log, json_pack("{s:s, s:o}", "timestamp", when, "message",
                                                json_stringn(line.at, line.size)));
    }
    arena_close(a);
}

PRINTF_LIKE(2, 3)
static void tell(struct running *r, const char *format, ...)
{
    struct buf b = BUF_LIMIT(1 << 16);
    char some[8192];
    va_list list;
    va_start(list, format);
    vsnprintf(some, sizeof(some), format, list);
    va_end(list);
    buf_format(&b, "%s%s", some[0] ? "Open Job Description CLI: " : "", some);
    said(r, SESSION_NOTE, (text){b.at ? b.at : "", b.size});
    buf_free(&b);
}

static enum process_ask asked(void *context)
{
    struct running *r = context;
    if (interrupted && !r->failed) {
        r->failed = true;
        tell(r, "Cancelling the session...");
    }
    return interrupted > 1 ? PROCESS_CANCEL_NOW : interrupted ? PROCESS_CANCEL : PROCESS_GO_ON;
}

// ---- running

PRINTF_LIKE(3, 4)
static bool failed(struct running *r, const struct error *err, const char *format, ...)
{
    va_list list;
    r->failed = true;
    if (r->failed_action[0])
        return false;
    va_start(list, format);
    vsnprintf(r->failed_action, sizeof(r->failed_action), format, list);
    va_end(list);
    if (err->kind != ERROR_CHILD)
        tell(r, "%s%s%s", err->what, err->why[0] ? ": " : "", err->why);
    return false;
}

static bool enter_all(struct running *r, const struct openjd_environment *const *list, size_t count,
                      const struct openjd_step *step)
{
    struct error err;
    for (size_t i = 0; i < count && !interrupted; i++)
        if (!session_enter(r->session, list[i], step, &err))
            return failed(r, &err, "Enter Environment '%.*s'", (int)list[i]->name.size,
                          list[i]->name.at);
    return !interrupted;
}

// Where an environment comes from: --environment, the job, a step.
static const char *kind_of(const struct running *r, size_t at, const struct openjd_environment *e)
{
    return at < r->environment_count                                         ? "EXTERNAL"
           : at < r->job->environment_count && r->job->environments[at] == e ? "JOB"
                                                                             : "STEP";
}

static bool leave_until(struct running *r, size_t depth)
{
    struct error err;
    bool good = true;
    while (session_depth(r->session) > depth) {
        // An interrupted run still cleans up; it is interrupted there only once more.
        int seen = interrupted;
        size_t at = session_depth(r->session) - 1;
        const struct openjd_environment *e = session_environment(r->session, at);
        interrupted = 0;
        if (!session_leave(r->session, &err))
            good = failed(r, &err, "Exit Environment '%s - %.*s'", kind_of(r, at, e),
                          (int)e->name.size, e->name.at);
        interrupted += seen;
    }
    return good;
}

static const char *task_words(struct arena *a, const struct openjd_task *task)
{
    const char *words = "";
    for (size_t i = 0; i < task->count; i++) {
        text value = openjd_value_text(a, &task->values[i].value);
        words = arena_format(a, "%s%s'%.*s': '%.*s'", words, i ? ", " : "",
                             (int)task->values[i].name.size, task->values[i].name.at,
                             (int)value.size, value.at);
    }
    return words;
}

static bool run_task(struct running *r, const struct openjd_step *step,
                     const struct openjd_task *task)
{
    struct error err;
    struct arena *a = arena_open(64 << 20);
    bool good = !interrupted && session_task(r->session, step, task, &err);
    if (good)
        r->items_run++;
    else if (!interrupted)
        failed(r, &err, "Run Step '%.*s' with Task parameters '{%s}'", (int)step->name.size,
               step->name.at, task_words(a, task));
    else if (!r->failed_action[0])
        snprintf(r->failed_action, sizeof(r->failed_action),
                 "Run Step '%.*s' with Task parameters '{%s}'", (int)step->name.size, step->name.at,
                 task_words(a, task));
    arena_close(a);
    return good;
}

// Chunks whose size follows how long their tasks take.
static bool run_adaptive(struct running *r, const struct openjd_step *step,
                         const struct openjd_chunking *chunking, int64_t most)
{
    uint64_t size = chunking->default_count, done = 0;
    int64_t took_ms = 0;
    bool good = true;
    for (uint64_t row = 0; good && most && row < openjd_space_rows(step->space); row++)
        for (uint64_t at = 0; good && most && at < openjd_space_row_tasks(step->space); most--) {
            struct arena *a = arena_open(OPENJD_ARENA_BYTES);
            struct openjd_task task;
            int64_t began_us = clock_tick_us();
            openjd_space_cut(a, step->space, row, at, size, &task);
            good = run_task(r, step, &task);
            at += task.task_count;
            done += task.task_count;
            took_ms += (clock_tick_us() - began_us) / 1000;
            uint64_t next = good ? openjd_chunk_next(chunking, done, took_ms) : size;
            if (next != size)
                tell(r, "Adjusting chunk size from %llu to %llu", (unsigned long long)size,
                     (unsigned long long)next);
            size = next;
            arena_close(a);
        }
    return good;
}

static bool run_tasks(struct running *r, const struct openjd_step *step, bool selected)
{
    struct openjd_chunking chunking = openjd_space_chunking(step->space);
    int64_t most = selected && r->most_items > 0 ? r->most_items : INT64_MAX;
    bool good = true;
    if (selected && r->tasks) {
        for (size_t i = 0; good && i < r->task_count && (int64_t)i < most; i++)
            good = run_task(r, step, &r->tasks[i]);
        return good;
    }
    if (chunking.chunked && chunking.target_s > 0)
        return run_adaptive(r, step, &chunking, most);
    uint64_t count = openjd_space_items(step->space, 0);
    for (uint64_t i = 0; good && i < count && (int64_t)i < most; i++) {
        struct arena *a = arena_open(OPENJD_ARENA_BYTES);
        struct openjd_task task;
        openjd_space_item(a, step->space, 0, i, &task);
        good = run_task(r, step, &task);
        arena_close(a);
    }
    return good;
}

static bool run_step(struct running *r, const struct openjd_step *step, bool selected)
{
    size_t depth = session_depth(r->session);
    const struct openjd_step_template *of = step->of;
    const struct openjd_environment **list =
        ARENA_ARRAY(r->a, const struct openjd_environment *, of->environment_count + 1);
    for (size_t i = 0; i < of->environment_count; i++)
        list[i] = &of->environments[i];
    tell(r, "Running step '%.*s'", (int)step->name.size, step->name.at);
    bool good = enter_all(r, list, of->environment_count, step) && run_tasks(r, step, selected);
    return leave_until(r, depth) && good;
}

static void run_all(struct running *r, text *step_name)
{
    bool good = enter_all(r, r->job->environments, r->job->environment_count, NULL);
    for (size_t i = 0; good && i < r->before_count; i++) {
        *step_name = r->before[i]->name;
        good = run_step(r, r->before[i], false);
    }
    if (good && r->selected) {
        *step_name = r->selected->name;
        good = run_step(r, r->selected, true);
    }
    leave_until(r, 0);
    tell(r, "%s", "");
    if (r->failed)
        tell(r, "ERROR executing action: '%s' (see Task logs for details)", r->failed_action);
    else
        tell(r, "All actions completed successfully!");
    tell(r, "Local Session ended! Now cleaning up Session resources.");
}

// <TMPDIR>/OpenJD, as the reference has it. Whoever made it first must be us or root: else the
// working folders would be in a stranger's hand.
static bool scratch_folder(struct running *r, const char **folder, struct error *err)
{
    const char *above = getenv("TMPDIR");
    struct stat s;
    *folder = arena_format(r->a, "%s/OpenJD", above && *above ? above : "/tmp");
    if (!folder_make(*folder, 0755, err))
        return false;
    if (lstat(*folder, &s) < 0 || !S_ISDIR(s.st_mode) || (s.st_uid != geteuid() && s.st_uid != 0)) {
        error_set(err, ERROR_DENIED, "cannot work in %s", *folder);
        error_why(err, "it is not a folder of yours");
        return error_fix(err, "remove it, or set TMPDIR to another folder");
    }
    return true;
}

static int finish(struct running *r, text step_name, const char *kept)
{
    double duration = (double)(clock_tick_us() - r->began_us) / 1e6;
    const struct openjd_job *job = r->job;
    bool show_step = r->failed || r->selected;
    if (!r->failed && r->selected)
        step_name = r->selected->name;
    const char *message =
        arena_format(r->a, "%s%s%s",
                     r->failed ? "Session ended with errors; see Task logs for details"
                               : "Session ended successfully",
                     kept && !r->failed ? "\nWorking directory preserved at: " : "",
                     kept && !r->failed ? kept : "");
    // After a failure the reference tells of no chunk and, in JSON, of no line.
    int64_t count = r->failed ? 0 : r->items_run;
    const char *human = arena_format(
        r->a,
        "\n--- Results of local session ---\n\n%s\n\nJob: %.*s\n%s%.*s%sDuration: %.15g seconds\n"
        "Chunks run: %lld\n",
        message, (int)job->name.size, job->name.at, show_step ? "Step: " : "",
        show_step ? (int)step_name.size : 0, step_name.at, show_step ? "\n" : "", duration,
        (long long)count);
    json_t *result =
        json_pack("{s:s, s:s, s:o, s:o, s:f, s:I, s:O}", "status", r->failed ? "error" : "success",
                  "message", message, "job_name", json_stringn(job->name.at, job->name.size),
                  "step_name", show_step ? json_stringn(step_name.at, step_name.size) : json_null(),
                  "duration", duration, "chunks_run", (json_int_t)count, "logs", r->log);
    if (r->failed)
        json_array_clear(r->log);
    openjd_print(r->call, human, result);
    json_decref(result);
    return r->failed ? 1 : 0;
}

static int run_session(struct running *r)
{
    struct error err;
    const char *scratch, *kept = NULL;
    text step_name = {"", 0};
    struct sigaction catch = {.sa_handler = on_signal}, quiet = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &catch, NULL);
    sigaction(SIGTERM, &catch, NULL);
    sigaction(SIGPIPE, &quiet, NULL);
    r->began_ms = clock_now_ms();
    r->began_us = clock_tick_us();
    if (!scratch_folder(r, &scratch, &err))
        goto failed;
    tell(r, "Session start %s", iso_time(r->a, r->began_ms * 1000, true));
    tell(r, "Running job '%.*s'", (int)r->job->name.size, r->job->name.at);
    struct session_wish wish = {.job = r->job,
                                .rules = &r->rules,
                                .scratch = scratch,
                                .keep_folder = openjd_given_text(r->call, "--preserve") != NULL,
                                .environment = (const char *const *)environ,
                                .said = said,
                                .ask = asked,
                                .context = r};
    r->session = session_open(&wish, &err);
    if (!r->session)
        goto failed;
    run_all(r, &step_name);
    if (wish.keep_folder)
        kept = arena_text(r->a, session_folder(r->session));
    session_close(r->session);
    return finish(r, step_name, kept);
failed:
    fprintf(stderr, "ERROR: %s: %s\n", err.what, err.why);
    return 1;
}

// What this job takes, below what is wrong with it.
static const char *job_help(struct running *r)
{
    struct buf b = BUF_LIMIT(1 << 20);
    const struct openjd_template *t = r->template;
    buf_format(&b, "usage: openjd run %s [arguments]\n\nJob: %.*s\n", r->call->path,
               (int)t->name.source.size, t->name.source.at);
    if (t->description.size)
        buf_format(&b, "%.*s\n", (int)t->description.size, t->description.at);
    if (t->parameter_count)
        buf_text(&b, "\nJob Parameters (-p/--job-param PARAM_NAME=VALUE):\n");
    for (size_t i = 0; i < t->parameter_count; i++) {
        const struct openjd_parameter *p = &t->parameters[i];
        text fallback = p->fallback ? openjd_value_text(r->a, p->fallback) : (text){"", 0};
        buf_format(&b, "  %.*s (%s) [%s%.*s]\n", (int)p->name.size, p->name.at,
                   openjd_parameter_type_name(p->type), p->fallback ? "default: " : "required",
                   (int)fallback.size, fallback.at ? fallback.at : "");
        if (p->description.size)
            buf_format(&b, "      %.*s\n", (int)p->description.size, p->description.at);
    }
    buf_text(&b, "\nStandard Options:\n");
    for (const struct openjd_option *o = r->call->verb->options; o->name; o++)
        buf_format(&b, "  %s%s%s%s%s\n      %s\n", o->name, o->other ? ", " : "",
                   o->other ? o->other : "", o->value ? " " : "", o->value ? o->value : "",
                   o->help);
    const char *help = arena_copy(r->a, b.at, b.size);
    buf_free(&b);
    return help;
}

static int refused(struct running *r, const char *while_doing, const struct error *err)
{
    const char *message =
        arena_format(r->a, "%s%s%s%s%s%s", while_doing, err->what, err->why[0] ? " " : "", err->why,
                     r->template ? "\n\n" : "", r->template ? job_help(r) : "");
    json_t *result = json_pack("{s:s, s:s}", "status", "error", "message", message);
    openjd_print(r->call, message, result);
    json_decref(result);
    return 1;
}

static bool used_rightly(const struct openjd_call *call, int64_t *most, int *status)
{
    int ways = !!openjd_given_text(call, "--task-param") + !!openjd_given_text(call, "--tasks") +
               !!openjd_given_text(call, "--maximum-tasks");
    const char *maximum = openjd_given_text(call, "--maximum-tasks");
    *status = 0;
    if (ways > 1)
        *status = openjd_wrong_use(call->verb, "--task-param/-tp, --tasks and --maximum-tasks: not "
                                               "allowed with each other");
    else if (maximum && !text_int(text_of(maximum), most))
        *status = openjd_wrong_use(call->verb, "argument --maximum-tasks: invalid int value: '%s'",
                                   maximum);
    return *status == 0;
}

static int run(struct openjd_call *call)
{
    struct error err;
    struct running r = {.call = call, .extensions = OPENJD_ALL_EXTENSIONS};
    const char *form = openjd_given_text(call, "--output");
    const char *extensions = openjd_given_text(call, "--extensions");
    text unknown;
    int status;
    if (!used_rightly(call, &r.most_items, &status))
        return status;
    if (extensions && !openjd_extensions_named(text_of(extensions), &r.extensions, &unknown)) {
        fprintf(stderr, "ERROR: Unsupported Open Job Description extension(s): %.*s\n",
                (int)unknown.size, unknown.at);
        return 1;
    }
    r.a = arena_open(OPENJD_ARENA_BYTES);
    r.log = json_array();
    r.print = !form || strcmp(form, "human-readable") == 0;
    r.detail = openjd_given_text(call, "--verbose") != NULL;
    error_clear(&err);
    if (!read_environments(&r, &err) || !read_rules(&r, &err)) {
        status = refused(&r, "", &err);
    } else if (!make_job(&r, &err)) {
        status = refused(&r, "ERROR generating Job: ", &err);
    } else if (!select_step(&r, &err) || !select_tasks(&r, &err)) {
        status = refused(&r, "", &err);
    } else {
        list_before(&r);
        status = run_session(&r);
    }
    json_decref(r.log);
    arena_close(r.a);
    return status;
}

static const char *const stamps[] = {"relative", "local", "utc", NULL};
static const struct openjd_option options[] = {
    OPENJD_OUTPUT,
    {"--job-param", "-p", "KEY=VALUE | file://PATH | JSON", "values of job parameters", NULL},
    {"--step", NULL, "STEP_NAME", "the step to run; all when it is not given", NULL},
    {"--task-param", "-tp", "PARAM=VALUE", "one task's value of one task parameter", NULL},
    {"--tasks", NULL, "file://PATH | JSON", "the tasks to run: [{\"Param\": \"Value\", ...}, ...]",
     NULL},
    {"--maximum-tasks", NULL, "COUNT", "at most so many tasks (or chunks) of the step", NULL},
    {"--run-dependencies", NULL, NULL, "run first what the step depends on", NULL},
    {"--no-run-dependencies", NULL, NULL, "run the step alone", NULL},
    {"--path-mapping-rules", NULL, "file://PATH | JSON", "rules by which paths are mapped", NULL},
    {"--environment", "--env", "PATH", "an environment template to run all in; may be repeated",
     NULL},
    {"--preserve", NULL, NULL, "keep the session's working folder", NULL},
    {"--verbose", NULL, NULL, "tell more", NULL},
    {"--timestamp-format", NULL, "{relative,local,utc}", "how to write the time of a line", stamps},
    {"--extensions", NULL, "NAMES", "extensions that templates may ask for, with commas", NULL},
    {0}};

const struct openjd_verb openjd_run = {"run", "run a job's tasks here, in one session", options,
                                       run};
