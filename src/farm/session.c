/*
 * What an action goes through: its script's embedded files get paths; its scope is made, for which
 * they must be known; they are written; the command is resolved; it runs. What it prints passes
 * here line by line: messages to the session are taken from it, secrets are hidden, the rest is
 * handed on.
 *
 * Wrapping (WRAP_ACTIONS, rfc 0008): when an environment that was entered before has a hook for
 * it, the action is resolved to the end in its own scope, but the hook runs in its place, in the
 * hook's own scope, with the resolved action at hand as values.
 *
 * Variables: those of the host, then what each entered environment has set or removed, in the
 * order of entering; what an environment set is gone when it is left.
 */
#include "farm/session.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ENVIRONMENTS_MOST = 256, // entered at one time
    CLOSE_MS = 20000,        // to get rid of what is left of its programs
    LINE_ARENA_BYTES = 64 << 20,
    KEPT_BYTES = 64 << 20, // of variables and secrets
};
#define SESSION_ARENA_BYTES ((size_t)1 << 31)

struct change { // of a variable
    struct change *next;
    const char *name, *value; // value NULL: removed
};

struct entered {
    const struct openjd_environment *environment;
    const struct openjd_step *step;
    struct change *changes, **last_change;
    const char **hook_paths; // of its embedded files when they serve hooks: made once
};

struct session {
    const struct session_wish *wish;
    struct arena *arena;
    struct keeper *keeper;
    char folder[PATH_MAX], files[PATH_MAX], rules_file[PATH_MAX];
    struct openjd_session host;
    const struct openjd_scope *scope;
    struct entered entered[ENVIRONMENTS_MOST];
    size_t depth;
    struct change *told; // by any environment, since the session began; for hooks
    text *secrets;
    size_t secret_count, secret_room;

    // of the action that runs
    struct session_action last;
    struct buf status, fail, malformed;
    struct entered *entering; // whose variables its messages may set
    const struct openjd_command *command;
    const struct openjd_task *task; // NULL: it is an environment's
    struct renderlog *render;       // NULL: nobody looks
    bool told_progress, render_stop, in_environment;
    bool cancelling;
};

// ---- small files

// Owner only. In place of an old one, not over it: that one may be running. It need not outlive a
// power cut.
static bool write_plain(const char *path, text content, int mode, struct error *err)
{
    unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool good = file >= 0;
    for (size_t done = 0; good && done < content.size;) {
        ssize_t put = write(file, content.at + done, content.size - done);
        good = put > 0 || (put < 0 && errno == EINTR);
        done += put > 0 ? (size_t)put : 0;
    }
    int failed = errno;
    if (file >= 0 && close(file) < 0 && good) {
        failed = errno;
        good = false;
    }
    return good || error_errno(err, failed, "cannot write %s", path);
}

// ---- telling

static void say_text(struct session *s, enum session_voice voice, text line)
{
    if (!s->wish->said)
        return;
    struct arena *a = s->secret_count ? arena_open(LINE_ARENA_BYTES) : NULL;
    if (a)
        line = openjd_redact(a, line, s->secrets, s->secret_count);
    s->wish->said(s->wish->context, voice, line);
    arena_close(a);
}

PRINTF_LIKE(3, 4)
static void say(struct session *s, enum session_voice voice, const char *format, ...)
{
    struct buf b = BUF_LIMIT(1 << 20);
    char some[4096];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(some, sizeof(some), format, list);
    va_end(list);
    if (size >= (int)sizeof(some)) {
        char *to = buf_reserve(&b, (size_t)size + 1);
        va_start(list, format);
        if (to)
            vsnprintf(to, (size_t)size + 1, format, list);
        va_end(list);
        say_text(s, voice, to ? (text){to, (size_t)size} : text_of(some));
    } else {
        say_text(s, voice, text_of(some));
    }
    buf_free(&b);
}

static void banner(struct session *s, const char *title, text name)
{
    static const char line[] = "==============================================";
    say(s, SESSION_NOTE, "%s", "");
    say(s, SESSION_NOTE, "%s", line);
    say(s, SESSION_NOTE, "--------- %s%.*s", title, (int)name.size, name.at);
    say(s, SESSION_NOTE, "%s", line);
}

static void phase(struct session *s, const char *title)
{
    static const char line[] = "----------------------------------------------";
    say(s, SESSION_NOTE, "%s", line);
    say(s, SESSION_NOTE, "Phase: %s", title);
    say(s, SESSION_NOTE, "%s", line);
}

static void tell_news(struct session *s)
{
    struct session_news news = {s->last.progress, s->last.status};
    if (s->wish->news)
        s->wish->news(s->wish->context, &news);
}

// ---- variables

static void keep_change(struct session *s, struct change **list, text name, const text *value)
{
    while (*list && !text_is(name, (*list)->name))
        list = &(*list)->next;
    if (!*list) {
        *list = ARENA_NEW(s->arena, struct change);
        (*list)->name = arena_copy(s->arena, name.at, name.size);
    }
    (*list)->value = value ? arena_copy(s->arena, value->at, value->size) : NULL;
}

static void change_variable(struct session *s, struct entered *e, text name, const text *value)
{
    keep_change(s, &e->changes, name, value);
    keep_change(s, &s->told, name, value);
}

struct variables {
    struct arena *a;
    const char **at;
    size_t count;
};

static void set_variable(struct variables *v, const char *name, const char *value)
{
    size_t size = strlen(name), i = 0;
    while (i < v->count && !(strncmp(v->at[i], name, size) == 0 && v->at[i][size] == '='))
        i++;
    if (!value && i < v->count)
        v->at[i] = v->at[--v->count];
    if (!value)
        return;
    v->at[i] = arena_format(v->a, "%s=%s", name, value);
    v->count += i == v->count;
}

// Ends in NULL.
static const char *const *variables(struct session *s, struct arena *a)
{
    size_t room = 4;
    for (const char *const *e = s->wish->environment; e && *e; e++)
        room++;
    for (size_t i = 0; i < s->depth; i++)
        for (const struct change *c = s->entered[i].changes; c; c = c->next)
            room++;
    struct variables v = {.a = a, .at = ARENA_ARRAY(a, const char *, room)};
    for (const char *const *e = s->wish->environment; e && *e; e++)
        v.at[v.count++] = *e;
    set_variable(&v, "OPENJD_SESSION_WORKING_DIR", s->folder);
    if (s->wish->gpus) {
        set_variable(&v, "CUDA_VISIBLE_DEVICES", s->wish->gpus);
        set_variable(&v, "HIP_VISIBLE_DEVICES", s->wish->gpus);
    }
    for (size_t i = 0; i < s->depth; i++)
        for (const struct change *c = s->entered[i].changes; c; c = c->next)
            set_variable(&v, c->name, c->value);
    v.at[v.count] = NULL;
    return v.at;
}

// ---- what programs say

static void hide(struct session *s, text secret)
{
    if (s->secret_count == s->secret_room) {
        text *old = s->secrets;
        s->secret_room = s->secret_room ? s->secret_room * 2 : 16;
        s->secrets = ARENA_ARRAY(s->arena, text, s->secret_room);
        if (old)
            memcpy(s->secrets, old, s->secret_count * sizeof(*old));
    }
    s->secrets[s->secret_count++] =
        (text){arena_copy(s->arena, secret.at, secret.size), secret.size};
}

// In quotes, line breaks are written as \n: that form is as secret as what it stands for.
static void hide_as_written(struct session *s, text line)
{
    const char *quote = memchr(line.at, '"', line.size), *equals = memchr(line.at, '=', line.size);
    if (quote && equals && quote < equals && equals + 1 < line.at + line.size)
        hide(s, (text){equals + 1, (size_t)(line.at + line.size - equals) - 1});
}

static bool has_extension(const struct session *s, enum openjd_extension one)
{
    unsigned all = s->wish->job->of->extensions;
    for (size_t i = 0; i < s->wish->job->environment_count; i++)
        all |= s->wish->job->environments[i]->extensions;
    return all & one;
}

static void fail_by_message(struct session *s, text words)
{
    if (s->malformed.size)
        return;
    buf_add(&s->malformed, words.at, words.size);
}

// A variable that is set wrongly does harm where setting counts, in an environment's own action. A
// line that only resembles a message always does: its job believes that it was one.
static bool malformed_is_fatal(struct session *s, text line)
{
    static const char *const proper[] = {
        "openjd_env: ", "openjd_unset_env: ", "openjd_redacted_env: "};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(proper[i]);
        if (!text_starts(line, proper[i]) || line.size == size)
            continue;
        text words = {line.at + size, line.size - size};
        while (words.size && words.at[0] == ' ')
            words = (text){words.at + 1, words.size - 1};
        const char *equals = memchr(words.at, '=', words.size);
        if (i == 2) // a secret all the same
            hide(s,
                 equals ? (text){equals + 1, words.size - (size_t)(equals + 1 - words.at)} : words);
        bool quoted = words.size && words.at[0] == '"';
        return s->in_environment && !quoted &&
               !(i == 2 && has_extension(s, OPENJD_REDACTED_ENV_VARS));
    }
    return true;
}

static void set_words(struct buf *b, text words, const char **shown)
{
    b->size = 0;
    buf_add(b, words.at, words.size);
    *shown = b->at ? b->at : "";
}

// True when the line was told in another form.
static bool take_message(struct session *s, const struct openjd_message *m, text line)
{
    bool redacting = has_extension(s, OPENJD_REDACTED_ENV_VARS);
    switch (m->kind) {
    case OPENJD_PROGRESS:
        s->last.progress = m->progress;
        s->told_progress = true;
        tell_news(s);
        return false;
    case OPENJD_STATUS:
        set_words(&s->status, m->words, &s->last.status);
        tell_news(s);
        return false;
    case OPENJD_FAIL:
        set_words(&s->fail, m->words, &s->last.fail);
        return false;
    case OPENJD_REDACTED_ENV:
        if (m->value.size)
            hide(s, m->value);
        hide_as_written(s, line);
        if (!redacting)
            say(s, SESSION_NOTE,
                "openjd_redacted_env is ignored: the template does not ask for the "
                "extension REDACTED_ENV_VARS");
        if (redacting && s->entering)
            change_variable(s, s->entering, m->name, &m->value);
        return false;
    case OPENJD_ENV:
        if (s->entering)
            change_variable(s, s->entering, m->name, &m->value);
        return false;
    case OPENJD_UNSET_ENV:
        if (s->entering)
            change_variable(s, s->entering, m->name, NULL);
        return false;
    case OPENJD_MALFORMED:
        if (malformed_is_fatal(s, line))
            fail_by_message(s, m->words);
        if (!redacting && text_starts(line, "openjd_redacted_env: "))
            return false; // it would be no message if it were well formed
        say(s, SESSION_OUTPUT, "%.*s -- ERROR: %.*s", (int)line.size, line.at, (int)m->words.size,
            m->words.at);
        return true;
    case OPENJD_IGNORED:
        say(s, SESSION_OUTPUT, "%.*s -- ERROR: %.*s", (int)line.size, line.at, (int)m->words.size,
            m->words.at);
        return true;
    case OPENJD_PLAIN:
    case OPENJD_LOG_LEVEL:
        break;
    }
    return false;
}

// Whether it may be a message at all: nearly no line is.
static bool may_be_message(text line)
{
    while (line.size && isspace((unsigned char)line.at[0]))
        line = (text){line.at + 1, line.size - 1};
    return line.size > 7 && strncasecmp(line.at, "openjd_", 7) == 0;
}

// What its renderer's rules make of it. A program that tells its progress itself knows best.
static void look_at(struct session *s, text line)
{
    struct renderlog_heard h;
    renderlog_line(s->render, line, &h);
    s->render_stop |= h.stop;
    double progress = renderlog_progress(s->render);
    if (h.progress && !s->told_progress && progress > s->last.progress) {
        s->last.progress = progress;
        tell_news(s);
    }
}

static void heard(void *context, text line, bool continues)
{
    struct session *s = context;
    bool told = false;
    if (s->render)
        look_at(s, line);
    bool message = may_be_message(line) && !continues;
    if (message && arena_used(s->arena) > KEPT_BYTES) {
        fail_by_message(s, text_of("it set too many variables"));
        message = false;
    }
    if (message) {
        struct arena *a = arena_open(LINE_ARENA_BYTES);
        struct openjd_message m = {0};
        openjd_message_parse(a, line, &m);
        told = take_message(s, &m, line);
        arena_close(a);
    }
    if (!told)
        say_text(s, SESSION_OUTPUT, line);
}

static enum process_ask asked(void *context)
{
    struct session *s = context;
    enum process_ask ask = s->wish->ask ? s->wish->ask(s->wish->context) : PROCESS_GO_ON;
    bool on = ask == PROCESS_GO_ON || ask == PROCESS_PAUSE;
    if (on && (s->malformed.size || s->render_stop))
        ask = PROCESS_CANCEL;
    if (ask != PROCESS_GO_ON && ask != PROCESS_PAUSE && !s->cancelling) {
        s->cancelling = true;
        say(s, SESSION_NOTE, "Canceling subprocess %d via %s method.", s->last.end.pid,
            ask == PROCESS_CANCEL_NOW || s->command->cancel == OPENJD_TERMINATE
                ? "termination"
                : "notify then terminate");
    }
    return ask;
}

static void began(void *context, int pid)
{
    struct session *s = context;
    s->last.end.pid = pid;
    say(s, SESSION_NOTE, "Command started as pid: %d", pid);
    say(s, SESSION_NOTE, "Output:");
}

// §5.3.2: before SIGTERM the program finds the time until which it has in cancel_info.json.
static void noticed(void *context, int64_t notice_ms)
{
    struct session *s = context;
    struct error err;
    char path[PATH_MAX], content[64], when[32];
    time_t end = (time_t)((clock_now_ms() + notice_ms) / 1000);
    struct tm utc;
    gmtime_r(&end, &utc);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    int size = snprintf(content, sizeof(content), "{\"NotifyEnd\": \"%s\"}", when);
    if (!path_join(path, sizeof(path), s->folder, "cancel_info.json") ||
        !write_plain(path, (text){content, (size_t)size}, 0600, &err))
        say(s, SESSION_NOTE, "cancel_info.json can not be written: %s", err.why);
    say(s, SESSION_NOTE, "Grace period ends at %s", when);
    say(s, SESSION_NOTE, "INTERRUPT: Sending signal \"term\" to process %d", s->last.end.pid);
}

// ---- embedded files

static bool place_files(struct session *s, struct arena *a, const struct openjd_script *script,
                        const char *whose, const char ***paths, struct error *err)
{
    size_t count = script ? script->file_count : 0;
    *paths = ARENA_ARRAY(a, const char *, count + 1);
    if (count)
        say(s, SESSION_NOTE, "Allocating embedded file paths for %s.", whose);
    for (size_t i = 0; i < count; i++) {
        const struct openjd_file *f = &script->files[i];
        char path[PATH_MAX];
        const char *name =
            f->filename.size ? arena_copy(a, f->filename.at, f->filename.size) : NULL;
        if (name && (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)) {
            error_set(err, ERROR_INPUT, "cannot write the embedded file %s", name);
            return error_why(err, "its name leads out of its folder");
        }
        if (!path_join(path, sizeof(path), s->files, name ? name : "file-XXXXXX"))
            return error_set(err, ERROR_TOO_BIG, "the path of an embedded file is too long");
        int made = name ? -1 : mkostemp(path, O_CLOEXEC);
        if (!name && made < 0)
            return error_errno(err, errno, "cannot write an embedded file");
        if (made >= 0)
            close(made);
        (*paths)[i] = arena_text(a, path);
        say(s, SESSION_NOTE, "Mapping: %s.File.%.*s -> %s",
            strcmp(whose, "Task") == 0 ? "Task" : "Env", (int)f->name.size, f->name.at, path);
    }
    return true;
}

static bool write_files(struct session *s, struct arena *a, const struct openjd_script *script,
                        const char *whose, const char *const *paths,
                        const struct openjd_scope *scope, struct error *err)
{
    if (script && script->file_count)
        say(s, SESSION_NOTE, "Writing embedded files to disk for %s.", whose);
    for (size_t i = 0; script && i < script->file_count; i++) {
        const struct openjd_file *f = &script->files[i];
        text content;
        if (!openjd_file_content(a, f, scope, OPENJD_POSIX, &content, err))
            return error_while(err, "embedded file %.*s", (int)f->name.size, f->name.at);
        if (!write_plain(paths[i], content, f->runnable ? 0700 : 0600, err))
            return false;
        say(s, SESSION_NOTE, "Wrote: %.*s -> %s", (int)f->name.size, f->name.at, paths[i]);
        say(s, SESSION_DETAIL, "Contents:\n%.*s", (int)content.size, content.at);
    }
    return true;
}

// ---- one action

// As a shell would need it; what may be a secret in it is left out.
static void say_command(struct session *s, const struct openjd_command *command)
{
    struct buf b = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < command->argc; i++) {
        const char *word = command->argv[i];
        bool plain = *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789@%+=:,./-_") == strlen(word);
        buf_text(&b, i ? " " : "");
        if (plain) {
            buf_text(&b, word);
            continue;
        }
        buf_text(&b, "'");
        for (; *word; word++)
            buf_add(&b, *word == '\'' ? "'\"'\"'" : word, *word == '\'' ? 5 : 1);
        buf_text(&b, "'");
    }
    const char *mark = b.at ? strstr(b.at, "openjd_redacted_env:") : NULL;
    int size = mark ? (int)(mark - b.at) + 20 : (int)b.size;
    say(s, SESSION_NOTE, "Running command %.*s%s", size, b.at ? b.at : "", mark ? " ********" : "");
    buf_free(&b);
}

static void say_end(struct session *s, const struct process_end *end)
{
    int code = WIFSIGNALED(end->status) ? -WTERMSIG(end->status) : WEXITSTATUS(end->status);
    if (end->why == PROCESS_TIMED_OUT)
        say(s, SESSION_NOTE, "TIMEOUT - Runtime limit reached. Canceling action.");
    if (end->output_left_open)
        say(s, SESSION_NOTE, "Command exited but what it left behind holds its output open.");
    say(s, SESSION_NOTE, "Process pid %d exited with code: %d (unsigned) / %s0x%x (hex)", end->pid,
        code, code < 0 ? "-" : "", abs(code));
}

static void pick_renderer(struct session *s, const struct openjd_command *command,
                          struct process_wish *wish)
{
    const struct session_wish *w = s->wish;
    const struct renderer *r = NULL;
    if (w->renderers && s->task)
        r = w->renderer ? renderers_named(w->renderers, w->renderer)
                        : renderers_of_command(w->renderers, command->argv[0]);
    wish->silence_s = w->silence_s > 0         ? w->silence_s
                      : w->silence_s == 0 && r ? renderer_silence_s(r)
                                               : 0;
    if (r)
        s->render = renderlog_open(r, (int64_t)s->task->task_count);
}

// What the log says counts for more than the exit status.
static bool judge(struct session *s, bool good, struct error *err)
{
    static const enum error_kind kinds[RENDER_CLASS_COUNT] = {
        [RENDER_FAILED] = ERROR_CHILD,    [RENDER_LICENCE] = ERROR_TOO_MANY,
        [RENDER_MEMORY] = ERROR_TOO_BIG,  [RENDER_MISSING] = ERROR_NOT_FOUND,
        [RENDER_DEVICE] = ERROR_IO,       [RENDER_DISK] = ERROR_NO_SPACE,
        [RENDER_SCENE] = ERROR_INPUT,     [RENDER_CRASH] = ERROR_CHILD,
        [RENDER_UNPROVED] = ERROR_DAMAGED};
    const struct process_end *end = &s->last.end;
    struct render_verdict *v = &s->last.verdict;
    bool by_itself = end->why == PROCESS_ENDED || (s->render_stop && end->why == PROCESS_CANCELLED);
    if (!s->render || s->malformed.size || !by_itself)
        return good;
    s->last.judged = true;
    if (renderlog_verdict(s->render, good, WIFSIGNALED(end->status), v))
        return true;
    const struct render_class_facts *facts = render_class_facts(v->class);
    char how[300]; // err->why may be told again
    snprintf(how, sizeof(how), "%s", good || end->why != PROCESS_ENDED ? "" : err->why);
    error_set(err, kinds[v->class], "%s: %s", s->command->argv[0], v->says);
    if (v->line[0])
        error_why(err, "its log says: %s", v->line);
    else
        error_why(err, "%s", how[0] ? how : facts->what);
    return error_fix(err, "%s", facts->fix);
}

static bool run_command(struct session *s, struct arena *a, const struct openjd_command *command,
                        struct error *err)
{
    const struct session_wish *w = s->wish;
    struct process_wish wish = {
        .arguments = command->argv,
        .environment = variables(s, a),
        .folder = s->folder,
        .timeout_ms = command->timeout_s > INT64_MAX / 1000000 ? 0 : command->timeout_s * 1000,
        .memory_bytes = w->memory_bytes,
        .file_bytes = w->file_bytes,
        .processes = w->processes,
        .cores = w->cores,
        .nice = w->nice,
        .notice_ms = command->cancel == OPENJD_TERMINATE ? 0 : command->notify_s * 1000,
        .noticed = noticed,
        .began = began,
        .line = heard,
        .ask = asked,
        .context = s};
    phase(s, "Running action");
    say_command(s, command);
    s->command = command;
    pick_renderer(s, command, &wish);
    if (!process_run(s->keeper, &wish, &s->last.end, err)) {
        say(s, SESSION_NOTE, "Process failed to start: %s (%s)", err->what, err->why);
        return false;
    }
    s->last.ran = true;
    say_end(s, &s->last.end);
    bool good = judge(s, process_good(&wish, &s->last.end, err), err);
    if (s->malformed.size && s->last.end.why == PROCESS_CANCELLED) {
        error_set(err, ERROR_CHILD, "%s said what can not be understood and was stopped",
                  command->argv[0]);
        return error_why(err, "%s", s->malformed.at);
    }
    if (!good && s->last.fail[0] && err->kind == ERROR_CHILD)
        error_why(err, "it says: %s", s->last.fail);
    return good;
}

static void begin_action(struct session *s, struct entered *entering,
                         const struct openjd_task *task)
{
    renderlog_close(s->render);
    s->render = NULL;
    s->task = task;
    s->in_environment = !task;
    s->told_progress = s->render_stop = false;
    s->status.size = s->fail.size = s->malformed.size = 0;
    s->last = (struct session_action){.progress = -1, .status = "", .fail = ""};
    s->entering = entering;
    s->cancelling = false;
}

// What an action runs in.
struct setting {
    struct arena *a;
    const struct openjd_script *script;
    const char *whose; // "Environment" or "Task"
    const char **paths;
    struct openjd_scope *scope;
};

static bool make_command(struct session *s, const struct setting *t,
                         const struct openjd_action *action, enum openjd_place place,
                         struct openjd_command *command, struct error *err)
{
    bool good = write_files(s, t->a, t->script, t->whose, t->paths, t->scope, err) &&
                openjd_command_make(t->a, action, place, t->scope, command, err);
    if (!good)
        say(s, SESSION_NOTE, "openjd_fail: %s%s%s", err->what, err->why[0] ? ": " : "", err->why);
    return good;
}

// ---- hooks

static struct entered *hook_of(struct session *s, enum openjd_place place,
                               const struct openjd_environment *inner,
                               const struct openjd_action **action)
{
    for (size_t i = s->depth; i-- > 0;) {
        const struct openjd_script *script = s->entered[i].environment->script;
        if (!script || s->entered[i].environment == inner)
            continue;
        *action = place == OPENJD_ON_RUN     ? script->on_wrap_task_run
                  : place == OPENJD_ON_ENTER ? script->on_wrap_env_enter
                                             : script->on_wrap_env_exit;
        if (*action)
            return &s->entered[i];
    }
    *action = NULL;
    return NULL;
}

static bool run_hook(struct session *s, struct entered *by, const struct openjd_action *hook,
                     enum openjd_place place, const struct openjd_wrapped *wrapped, struct arena *a,
                     struct error *err)
{
    struct openjd_command command;
    struct setting t = {.a = a, .script = by->environment->script, .whose = "Environment"};
    if (!by->hook_paths && !place_files(s, s->arena, t.script, t.whose, &by->hook_paths, err))
        return false;
    t.paths = by->hook_paths;
    if (!openjd_environment_scope(a, s->scope, by->step, by->environment, t.paths, &t.scope, err))
        return false;
    t.scope = openjd_wrap_scope(a, t.scope, wrapped);
    // A hook is an environment's action: its notice is as long as theirs, whatever it wraps.
    if (place == OPENJD_ON_RUN)
        place = OPENJD_ON_ENTER;
    return make_command(s, &t, hook, place, &command, err) && run_command(s, a, &command, err);
}

static void list_told(struct session *s, struct arena *a, struct openjd_wrapped *w)
{
    size_t room = 0;
    for (const struct change *c = s->told; c; c = c->next)
        room++;
    text *list = ARENA_ARRAY(a, text, room + 1);
    for (const struct change *c = s->told; c; c = c->next)
        if (c->value)
            list[w->variable_count++] = text_of(arena_format(a, "%s=%s", c->name, c->value));
    w->variables = list;
}

static bool run_action(struct session *s, const struct setting *t,
                       const struct openjd_action *action, enum openjd_place place,
                       const struct openjd_environment *environment, text step_name,
                       struct error *err)
{
    struct openjd_command command;
    const struct openjd_action *hook;
    struct entered *by = hook_of(s, place, environment, &hook);
    if (!make_command(s, t, action, place, &command, err))
        return false;
    if (!by)
        return run_command(s, t->a, &command, err);
    text *args = ARENA_ARRAY(t->a, text, command.argc + 1);
    for (size_t i = 1; i < command.argc; i++)
        args[i - 1] = text_of(command.argv[i]);
    struct openjd_wrapped wrapped = {
        .command = text_of(command.argv[0]),
        .args = args,
        .arg_count = command.argc - 1,
        .timeout_s = action->timeout ? command.timeout_s : 0,
        .cancel = command.cancel,
        .says_cancel = command.says_cancel,
        .notify_s = command.cancel == OPENJD_TERMINATE ? 0 : command.notify_s,
        .environment_name = environment ? environment->name : (text){"", 0},
        .step_name = step_name};
    list_told(s, t->a, &wrapped);
    return run_hook(s, by, hook, place, &wrapped, t->a, err);
}

// ---- the three calls

static bool set_declared(struct session *s, struct entered *e, const struct setting *t,
                         struct error *err)
{
    const struct openjd_environment *env = e->environment;
    for (size_t i = 0; i < env->variable_count; i++) {
        text value, name = env->variables[i].name;
        if (!openjd_format_text(t->a, &env->variables[i].value, t->scope, &value, err))
            return error_while(err, "variable %.*s of %.*s", (int)name.size, name.at,
                               (int)env->name.size, env->name.at);
        say(s, SESSION_NOTE, "Setting: %.*s=%.*s", (int)name.size, name.at, (int)value.size,
            value.at);
        change_variable(s, e, name, &value);
    }
    return true;
}

static bool has_hooks(const struct openjd_environment *e)
{
    return e->script && (e->script->on_wrap_env_enter || e->script->on_wrap_task_run ||
                         e->script->on_wrap_env_exit);
}

// The environment's own action, in a scope of its own. `e` is where it stands, or stood.
static bool run_environment(struct session *s, struct entered *e, enum openjd_place place,
                            struct error *err)
{
    const struct openjd_environment *env = e->environment;
    const struct openjd_script *script = env->script;
    const struct openjd_action *action = !script                    ? NULL
                                         : place == OPENJD_ON_ENTER ? script->on_enter
                                                                    : script->on_exit;
    struct setting t = {
        .a = arena_open(OPENJD_ARENA_BYTES), .script = script, .whose = "Environment"};
    if (action)
        phase(s, "Setup");
    bool good = place_files(s, t.a, script, t.whose, &t.paths, err) &&
                openjd_environment_scope(t.a, s->scope, e->step, env, t.paths, &t.scope, err) &&
                (place != OPENJD_ON_ENTER || set_declared(s, e, &t, err));
    if (!good)
        say(s, SESSION_NOTE, "openjd_fail: %s%s%s", err->what, err->why[0] ? ": " : "", err->why);
    good = good && (!action || run_action(s, &t, action, place, env,
                                          e->step ? e->step->name : (text){"", 0}, err));
    arena_close(t.a);
    return good;
}

bool session_enter(struct session *s, const struct openjd_environment *environment,
                   const struct openjd_step *step, struct error *err)
{
    if (s->depth == ENVIRONMENTS_MOST)
        return error_set(err, ERROR_TOO_MANY, "a session has at most %d environments at a time",
                         ENVIRONMENTS_MOST);
    for (size_t i = 0; i < s->depth && has_hooks(environment); i++)
        if (has_hooks(s->entered[i].environment)) {
            text old = s->entered[i].environment->name;
            error_set(err, ERROR_INPUT, "cannot enter the environment %.*s",
                      (int)environment->name.size, environment->name.at);
            return error_why(err, "it wraps actions, and %.*s does already: one may (rfc 0008)",
                             (int)old.size, old.at);
        }
    banner(s, "Entering Environment: ", environment->name);
    struct entered *e = &s->entered[s->depth++];
    *e = (struct entered){.environment = environment, .step = step};
    begin_action(s, e, NULL);
    return run_environment(s, e, OPENJD_ON_ENTER, err);
}

bool session_leave(struct session *s, struct error *err)
{
    struct entered e = s->entered[s->depth - 1];
    banner(s, "Exiting Environment: ", e.environment->name);
    begin_action(s, NULL, NULL);
    // Its variables still hold for its own action.
    bool good = run_environment(s, &e, OPENJD_ON_EXIT, err);
    s->depth--;
    return good;
}

static void say_parameters(struct session *s, struct arena *a, const struct openjd_task *task)
{
    if (task->count)
        say(s, SESSION_NOTE, "Parameter values:");
    for (size_t i = 0; i < task->count; i++) {
        const struct openjd_task_value *v = &task->values[i];
        text shown = openjd_value_text(a, &v->value);
        say(s, SESSION_NOTE, "%.*s(%s) = %.*s", (int)v->name.size, v->name.at,
            v->type == OPENJD_T_RANGE ? "CHUNK[INT]" : openjd_parameter_type_name(v->type),
            (int)shown.size, shown.at);
    }
}

bool session_task(struct session *s, const struct openjd_step *step, const struct openjd_task *task,
                  struct error *err)
{
    struct setting t = {
        .a = arena_open(OPENJD_ARENA_BYTES), .script = step->of->script, .whose = "Task"};
    banner(s, "Running Task", (text){"", 0});
    begin_action(s, NULL, task);
    say_parameters(s, t.a, task);
    phase(s, "Setup");
    bool good = place_files(s, t.a, t.script, t.whose, &t.paths, err) &&
                openjd_task_scope(t.a, s->scope, step, task, t.paths, &t.scope, err);
    if (!good)
        say(s, SESSION_NOTE, "openjd_fail: %s%s%s", err->what, err->why[0] ? ": " : "", err->why);
    good = good && run_action(s, &t, t.script->on_run, OPENJD_ON_RUN, NULL, step->name, err);
    arena_close(t.a);
    return good;
}

size_t session_depth(const struct session *s)
{
    return s->depth;
}

const struct openjd_environment *session_environment(const struct session *s, size_t index)
{
    return s->entered[index].environment;
}

const struct session_action *session_last(const struct session *s)
{
    return &s->last;
}

const char *session_folder(const struct session *s)
{
    return s->folder;
}

// ---- beginning and end

static bool write_rules(struct session *s, struct error *err)
{
    static const struct openjd_path_rules none;
    text json = openjd_path_rules_json(s->arena, s->wish->rules ? s->wish->rules : &none);
    return path_join(s->rules_file, sizeof(s->rules_file), s->folder, "path_mapping.json") &&
           write_plain(s->rules_file, json, 0600, err);
}

struct session *session_open(const struct session_wish *wish, struct error *err)
{
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->wish = wish;
    s->status = s->fail = s->malformed = (struct buf)BUF_LIMIT(1 << 20);
    s->arena = arena_open(SESSION_ARENA_BYTES);
    begin_action(s, NULL, NULL);
    bool made = scratch_make(wish->scratch, wish->scratch_bytes, s->folder, sizeof(s->folder), err);
    if (!made)
        s->folder[0] = 0;
    if (!made || !path_join(s->files, sizeof(s->files), s->folder, "embedded_files") ||
        !folder_make(s->files, 0700, err) || !write_rules(s, err) ||
        !(s->keeper = keeper_open(err))) {
        session_close(s);
        return NULL;
    }
    s->host = (struct openjd_session){.working_folder = s->folder,
                                      .rules_file = s->rules_file,
                                      .rules = wish->rules,
                                      .host = OPENJD_POSIX};
    s->scope = openjd_session_scope(s->arena, wish->job, &s->host);
    say(s, SESSION_DETAIL, "Session Working Directory: %s", s->folder);
    return s;
}

void session_close(struct session *s)
{
    struct error err;
    if (!s)
        return;
    if (!keeper_close(s->keeper, CLOSE_MS))
        say(s, SESSION_NOTE,
            "Some of its processes can not be ended; they are still being killed.");
    if (s->folder[0] && !s->wish->keep_folder && !folder_remove(s->folder, &err))
        say(s, SESSION_NOTE, "The working folder can not be removed: %s", err.why);
    renderlog_close(s->render);
    buf_free(&s->status);
    buf_free(&s->fail);
    buf_free(&s->malformed);
    arena_close(s->arena);
    free(s);
}
