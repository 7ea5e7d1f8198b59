/*
 * Through the outlet's own program: ascp, Transporter, a portal's tool.
 *
 * What it is called with is data (data/senders/NAME.json): arguments with {fields}, environment,
 * patterns for its log, the meaning of its exit statuses. Nothing of it goes through a shell. A
 * secret is never an argument, where every user of the machine could read it: it goes into the
 * environment ({secret.NAME} is allowed there alone), or into a file in memory whose path is
 * {secret_file.NAME}. The package is laid out in a folder of the house first; what the program has
 * done cannot be compared by us, so its word is the proof, and that is what is written down.
 */
#include "farend/inside.h"
#include "formats/renderlog/renderlog.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SENDER_BYTES = 1 << 20, WORDS_MOST = 64, FILES_PASSED = 16, TAIL = 2000 };

struct running {
    struct send *s;
    struct arena *a;
    const json_t *sender, *settings, *secrets;
    const char *package; // path of the folder, or of the one file
    int files[FILES_PASSED];
    size_t file_count;
    struct renderlog *log;
    struct buf line, tail;
};

// ---- the description

static bool bad_sender(struct error *err, const char *name, const char *why)
{
    error_set(err, ERROR_INPUT, "the sender %s can not be used", name);
    error_why(err, "%s", why);
    return error_fix(err, "what a sender holds stands in docs/formats/senders.md");
}

static bool load(const char *senders, const char *name, struct arena *a, json_t **sender,
                 struct error *err)
{
    struct buf b = BUF_LIMIT(SENDER_BYTES);
    json_error_t where;
    *sender = NULL;
    if (!senders || !farend_name_ok(name) || strchr(name, '/'))
        return error_set(err, ERROR_NOT_FOUND, "there is no sender %.60s", name);
    bool ok = file_read(arena_format(a, "%s/%s.json", senders, name), &b, err);
    if (ok) {
        *sender = json_loadb(b.at, b.size, JSON_REJECT_DUPLICATES, &where);
        if (!*sender)
            ok = bad_sender(err, name, arena_format(a, "line %d: %s", where.line, where.text));
    } else if (err->kind == ERROR_NOT_FOUND) {
        error_fix(err, "senders are files in data/senders");
    }
    buf_free(&b);
    return ok;
}

// The patterns, in the form that renderers' logs are read by.
static bool log_of(const json_t *sender, const char *name, struct renderer **r, struct error *err)
{
    json_t *lines = json_object_get(sender, "lines"), *proof = json_object_get(sender, "proof");
    json_t *as =
        json_pack("{s:s, s:s, s:[], s:[s], s:s, s:s, s:i, s:O*, s:O*}", "name", name, "title", name,
                  "extensions", "commands", name, "template", "none", "verified", "run in tests",
                  "silence_s", 3600, "lines", lines, "proof", proof);
    char *text = json_dumps(as, 0);
    bool ok = text && renderer_parse(name, text_of(text), r, err);
    free(text);
    json_decref(as);
    return ok;
}

static bool text_list(const json_t *list)
{
    size_t i;
    const json_t *one;
    bool all = json_is_array(list) && json_array_size(list) < WORDS_MOST;
    json_array_foreach(list, i, one) all = all && json_is_string(one);
    return all;
}

static bool check_sender(const char *name, const json_t *sender, struct error *err)
{
    size_t i;
    const json_t *one;
    const char *key;
    json_t *value;
    struct renderer *r = NULL;
    if (!json_is_object(sender) || !text_list(json_object_get(sender, "arguments")))
        return bad_sender(err, name, "\"arguments\" is a list of texts");
    json_array_foreach(
        json_object_get(sender, "arguments"), i,
        one) if (strstr(json_string_value(one),
                        "{secret.")) return bad_sender(err, name,
                                                       "an argument holds {secret.}, which every "
                                                       "user of the machine could "
                                                       "read; it goes into \"environment\", or is "
                                                       "a {secret_file.}");
    json_object_foreach(
        json_object_get(sender, "environment"), key,
        value) if (!json_is_string(value) || !*key ||
                   strchr(key, '=')) return bad_sender(err, name,
                                                       "\"environment\" is an object of texts");
    bool ok = log_of(sender, name, &r, err);
    renderer_close(r);
    return ok;
}

static const char *program_of(const json_t *settings, const json_t *sender)
{
    const char *own = word_of(settings, "program");
    return *own ? own : word_of(sender, "program");
}

bool program_check(const json_t *settings, const json_t *secrets, const char *senders,
                   struct error *err)
{
    struct arena *a = arena_open(4 << 20);
    json_t *sender = NULL;
    const char *name = word_of(settings, "sender"), *key;
    json_t *value;
    bool ok = load(senders, name, a, &sender, err) && check_sender(name, sender, err);
    if (ok && *program_of(settings, sender) != '/') {
        ok = error_set(err, ERROR_INPUT, "the program of %s is not named by its whole path", name);
        error_fix(err, "set \"program\" to where it lies");
    }
    json_object_foreach(json_object_get(sender, "values"), key,
                        value) if (ok && !*word_of(json_object_get(settings, "values"), key))
    {
        ok = error_set(err, ERROR_INPUT, "%s needs the value \"%s\"", name, key);
        error_fix(err, "it is: %s", json_string_value(value) ? json_string_value(value) : key);
    }
    json_object_foreach(json_object_get(sender, "secrets"), key,
                        value) if (ok && !*word_of(json_object_get(secrets, "secrets"), key))
    {
        ok = error_set(err, ERROR_INPUT, "%s needs the secret \"%s\"", name, key);
        error_fix(err, "it is: %s", json_string_value(value) ? json_string_value(value) : key);
    }
    json_decref(sender);
    arena_close(a);
    return ok;
}

// ---- filling in

static bool secret_file(struct running *r, const char *secret, struct buf *to, struct error *err)
{
    int fd = r->file_count < FILES_PASSED ? memfd_create("secret", MFD_CLOEXEC) : -1;
    size_t size = strlen(secret);
    if (fd < 0 || write(fd, secret, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        return error_errno(err, errno ? errno : EMFILE, "cannot hand over a secret");
    r->files[r->file_count] = fd;
    buf_format(to, "/dev/fd/%zu", 3 + r->file_count++);
    return true;
}

static bool fill_one(struct running *r, const char *field, bool secrets, struct buf *to,
                     struct error *err)
{
    const json_t *values = json_object_get(r->settings, "values"),
                 *kept = json_object_get(r->secrets, "secrets");
    const char *value = NULL;
    if (strcmp(field, "package") == 0)
        value = r->package;
    else if (strcmp(field, "name") == 0)
        value = strrchr(r->package, '/') + 1;
    else if (strncmp(field, "secret_file.", 12) == 0 && *word_of(kept, field + 12))
        return secret_file(r, word_of(kept, field + 12), to, err);
    else if (secrets && strncmp(field, "secret.", 7) == 0 && *word_of(kept, field + 7))
        value = word_of(kept, field + 7);
    else if (*word_of(values, field))
        value = word_of(values, field);
    if (value)
        return buf_text(to, value) || error_set(err, ERROR_TOO_BIG, "an argument is too long");
    error_set(err, ERROR_INPUT, "the sender asks for {%.60s}, which is not known", field);
    return error_fix(err, "set it among the destination's values");
}

static bool fill(struct running *r, const char *pattern, bool secrets, const char **made,
                 struct error *err)
{
    struct buf b = BUF_LIMIT(64 << 10);
    bool ok = true;
    buf_text(&b, "");
    for (const char *c = pattern; ok && *c;) {
        size_t plain = strcspn(c, "{");
        buf_add(&b, c, plain);
        c += plain;
        const char *end = *c ? strchr(c, '}') : NULL;
        if (!end) {
            buf_text(&b, c);
            break;
        }
        ok = fill_one(r, arena_copy(r->a, c + 1, (size_t)(end - c - 1)), secrets, &b, err);
        c = end + 1;
    }
    *made = arena_text(r->a, b.at ? b.at : "");
    if (b.at)
        explicit_bzero(b.at, b.size);
    buf_free(&b);
    return ok;
}

static bool words_of(struct running *r, const char **words, const char **environment,
                     struct error *err)
{
    const json_t *list = json_object_get(r->sender, "arguments"), *one;
    const char *key, *made, *path = getenv("PATH");
    json_t *value;
    size_t i, count = 0;
    words[count++] = program_of(r->settings, r->sender);
    json_array_foreach(list, i, one) if (!fill(r, json_string_value(one), false, &words[count++],
                                               err)) return false;
    words[count] = NULL;
    count = 0;
    environment[count++] = arena_format(r->a, "PATH=%s", path ? path : "/usr/bin:/bin");
    environment[count++] = "LANG=C.UTF-8";
    environment[count++] = arena_format(r->a, "HOME=%s", r->s->w->scratch);
    json_object_foreach(json_object_get(r->sender, "environment"), key, value)
    {
        if (count + 1 == WORDS_MOST || !fill(r, json_string_value(value), true, &made, err))
            return false;
        environment[count++] = arena_format(r->a, "%s=%s", key, made);
    }
    environment[count] = NULL;
    return true;
}

// ---- running

static void heard(struct running *r, text line)
{
    struct renderlog_heard what;
    renderlog_line(r->log, line, &what);
    if (r->tail.size > TAIL)
        buf_drop_front(&r->tail, r->tail.size - TAIL);
    buf_add(&r->tail, line.at, line.size);
    buf_text(&r->tail, "\n");
}

static void listen(struct running *r, int fd)
{
    char piece[4096];
    ssize_t n = read(fd, piece, sizeof(piece));
    for (ssize_t i = 0; i < n; i++) {
        bool end = piece[i] == '\n' || piece[i] == '\r';
        if (!end && r->line.size < RENDERLOG_LINE_LOOKED)
            buf_add(&r->line, &piece[i], 1);
        if (end && r->line.size) {
            heard(r, (text){r->line.at, r->line.size});
            r->line.size = 0;
        }
    }
}

static bool in_list(const json_t *list, int number)
{
    size_t i;
    const json_t *one;
    bool found = false;
    json_array_foreach(list, i, one) found = found || json_integer_value(one) == number;
    return found;
}

static bool judge(struct running *r, int status, struct error *err)
{
    struct render_verdict verdict;
    const json_t *exits = json_object_get(r->sender, "exits");
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool well = renderlog_verdict(r->log, code == 0, WIFSIGNALED(status), &verdict);
    static const struct {
        const char *name;
        enum error_kind kind;
        const char *fix;
    } known[] = {{"retry", ERROR_NETWORK, "it is tried again by itself"},
                 {"login", ERROR_DENIED, "check the destination's user and secrets"},
                 {"refused", ERROR_INPUT, "mend what it says, and send it again"},
                 {"room", ERROR_STORAGE, "its owner has to make room"}};
    if (well)
        return true;
    enum error_kind kind = verdict.class == RENDER_DEVICE ? ERROR_NETWORK
                           : code < 0                     ? ERROR_NETWORK
                                                          : ERROR_OUTPUT;
    const char *fix = "look at what it says; run it by hand with the same values";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (in_list(json_object_get(exits, known[i].name), code)) {
            kind = known[i].kind;
            fix = known[i].fix;
        }
    text last = text_trim((text){r->tail.at, r->tail.size});
    for (const char *nl; last.size && (nl = memchr(last.at, '\n', last.size));)
        last = (text){nl + 1, last.size - (size_t)(nl + 1 - last.at)};
    bool unproved = code == 0 && verdict.class == RENDER_UNPROVED;
    if (unproved) {
        kind = ERROR_INPUT;
        fix = "look at the outlet whether it is there; \"lines\" of the sender may be old";
    }
    error_set(err, kind, "%s did not send it%s%s", word_of(r->settings, "sender"),
              verdict.line[0] || unproved ? ": " : "",
              verdict.line[0] ? verdict.says
              : unproved      ? "it ended well, but did not say that all was sent"
                              : "");
    error_why(err, "%s; it says: %.400s", child_status_text(status).text,
              verdict.line[0] ? verdict.line
              : last.size     ? arena_copy(r->a, last.at, last.size)
                              : "nothing");
    return error_fix(err, "%s", fix);
}

static bool run(struct running *r, struct error *err)
{
    const char *words[WORDS_MOST + 2], *environment[WORDS_MOST + 2];
    int pipes[2], pass[3 + FILES_PASSED], status = 0;
    pid_t pid = 0;
    bool on = true;
    if (!words_of(r, words, environment, err))
        return false;
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return error_errno(err, errno, "cannot start %s", words[0]);
    pass[0] = -1;
    pass[1] = pass[2] = pipes[1];
    for (size_t i = 0; i < r->file_count; i++)
        pass[3 + i] = r->files[i];
    struct child_wish wish = {.arguments = words,
                              .environment = environment,
                              .pass = pass,
                              .pass_count = 3 + r->file_count,
                              .folder = r->s->w->scratch,
                              .limits = {.no_core = true}};
    bool ok = child_start(&wish, &pid, err);
    close(pipes[1]);
    while (ok && on) {
        struct pollfd p = {pipes[0], POLLIN, 0};
        if (poll(&p, 1, 200) > 0)
            listen(r, pipes[0]);
        int64_t done = (int64_t)(renderlog_progress(r->log) / 100 * (double)r->s->total);
        r->s->before = 0;
        on = moved_to(r->s, done);
        if (child_wait(pid, 0, &status))
            break;
    }
    if (ok && !on) {
        child_end(pid, 3000);
        ok = stopped(err);
    } else if (ok) { // what is still in the pipe; nobody waits for its own children that hold it
        struct pollfd p = {pipes[0], POLLIN, 0};
        for (int i = 0; i < 4096 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN); i++)
            listen(r, pipes[0]);
        if (r->line.size)
            heard(r, (text){r->line.at, r->line.size});
        ok = judge(r, status, err);
    }
    close(pipes[0]);
    return ok;
}

bool program_send(struct send *s, struct error *err)
{
    const struct farend_wish *w = s->w;
    struct running r = {.s = s,
                        .a = s->a,
                        .settings = w->settings,
                        .secrets = w->secrets,
                        .line = BUF_LIMIT(RENDERLOG_LINE_LOOKED + 1),
                        .tail = BUF_LIMIT(TAIL + 2 * RENDERLOG_LINE_LOOKED)};
    const char *name = word_of(w->settings, "sender");
    const char *top = arena_format(s->a, "%s/%s", w->scratch, *w->folder ? w->folder : "files");
    json_t *sender = NULL;
    struct renderer *patterns = NULL;
    bool ok = load(w->senders, name, s->a, &sender, err) && check_sender(name, sender, err) &&
              log_of(sender, name, &patterns, err);
    for (size_t i = 0; ok && i < w->count; i++)
        ok = folder_copy(s, i, arena_format(s->a, "%s/%s", top, w->files[i].name), err);
    if (ok) {
        r.sender = sender;
        r.package =
            *w->folder || w->count > 1 ? top : arena_format(s->a, "%s/%s", top, w->files[0].name);
        r.log = renderlog_open(patterns, 1);
        ok = run(&r, err);
        s->place = arena_format(s->a, "through %s", program_of(w->settings, sender));
    }
    for (size_t i = 0; ok && i < w->count; i++)
        proven(s, w->files[i].name, "by the word of the program; compared by nobody here");
    for (size_t i = 0; i < r.file_count; i++)
        close(r.files[i]);
    struct error ignored;
    if (!folder_remove(top, ok ? err : &ignored))
        ok = false;
    renderlog_close(r.log);
    renderer_close(patterns);
    buf_free(&r.line);
    buf_free(&r.tail);
    json_decref(sender);
    return ok;
}

bool program_test(const json_t *settings, const json_t *secrets, const char *senders,
                  struct arena *a, const char **answer, struct error *err)
{
    json_t *sender = NULL;
    bool ok = program_check(settings, secrets, senders, err) &&
              load(senders, word_of(settings, "sender"), a, &sender, err);
    const char *path = ok ? arena_text(a, program_of(settings, sender)) : "";
    if (ok && access(path, X_OK) != 0)
        ok = error_errno(err, errno, "%s can not be run", path);
    *answer =
        arena_format(a, "%s is there; whether the outlet takes it shows with the first one", path);
    json_decref(sender);
    return ok;
}
