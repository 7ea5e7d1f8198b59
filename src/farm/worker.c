/*
 * Threads: the one of worker_run has the line: it connects, receives, beats. Each slot has a thread
 * of its own for as long as the worker lives (an engine dies with the thread that started it), runs
 * one task after another and sends the result itself when there is a line.
 */
#include "farm/worker.h"
#include "base/arena.h"
#include "base/log.h"
#include "farm/errand.h"
#include "farm/render.h"
#include "farm/stage.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "tickets/make.h"
#include "tickets/run.h"
#include "tickets/ticket.h"
#include "wire/socket_client.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
    LOG_WAITING = 256 << 10, // bytes of a log between two beats
    LOG_MOST = 4 << 20,      // in all
    WARM_S = 3,              // a session without a task ends
    DOCUMENTS_MOST = 16,
    SLOTS_MOST = 256,
    OUTPUTS_SHOWN = 16,
    TRY_FIRST_MS = 100,
    TRY_MOST_MS = 2000,
    LINGER_MS = 700
};
#define REPEAT_MS 10000

struct shown { // an output that grows
    char kind[32], name[256];
};

struct attempt {
    struct attempt *next;
    char id[27];
    int64_t token;
    json_t *task;
    // guarded by worker.lock
    bool started, ended, dropped;
    json_t *place;                  // what the house said of a render's frames; NULL: nothing
    struct buf log;                 // that the house has not heard yet
    int64_t log_said, log_left_out; // bytes
    int64_t done, total;
    char unit[16];
    struct shown outputs[OUTPUTS_SHOWN];
    size_t output_count;
    char *result; // the message, once ended; NULL when there is nothing to say
    int64_t said_ms;
};

struct worker {
    struct worker_wish wish;
    pthread_t threads[SLOTS_MOST];
    int thread_count;
    atomic_bool stop, drain;
    _Atomic int desk;     // enum worker_desk
    pthread_mutex_t lock; // guards what follows; held while sending, so that messages keep order
    pthread_cond_t work;
    struct attempt *attempts;
    struct socket_client *line; // NULL: none, or not welcomed yet
    int idle;                   // threads that wait for a task
    pthread_cond_t told;        // the house has said something that a slot waits for
    json_t *documents;          // of jobs with templates, by id
    int opened;                 // slots
    int asked;                  // slots that the house holds a place for
    int64_t given;              // tasks so far
    int64_t rest_ms;            // since when there is no task; 0: there is one
    int64_t drained_ms;         // when the house was told that no more are wanted; 0: not yet
};

// ---- attempts; all with the lock

static struct attempt *find(struct worker *w, const char *id)
{
    struct attempt *t = w->attempts;
    while (t && strcmp(t->id, id) != 0)
        t = t->next;
    return t;
}

static void forget(struct worker *w, struct attempt *t)
{
    for (struct attempt **at = &w->attempts; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    json_decref(t->task);
    json_decref(t->place);
    buf_free(&t->log);
    free(t->result);
    free(t);
}

static void send_text(struct worker *w, const char *text)
{
    struct error err;
    if (w->line && !socket_client_send(w->line, text, strlen(text), &err)) {
        log_problem("worker.send", &err);
        socket_client_interrupt(w->line);
        w->line = NULL; // its owner closes it
    }
}

static void send_json(struct worker *w, json_t *take_over)
{
    char *text = json_dumps(take_over, JSON_COMPACT);
    send_text(w, text);
    free(text);
    json_decref(take_over);
}

static void say_log(struct worker *w, struct attempt *t)
{
    if (!w->line || !t->log.size)
        return;
    json_t *words = json_stringn(t->log.at, t->log.size);
    if (words)
        send_json(w, json_pack("{s:{s:s, s:I, s:I, s:o}}", "log", "attempt", t->id, "token",
                               (json_int_t)t->token, "at", (json_int_t)t->log_said, "text", words));
    t->log_said += (int64_t)t->log.size;
    t->log.size = 0;
}

static void say_result(struct worker *w, struct attempt *t)
{
    say_log(w, t);
    t->said_ms = clock_tick_us() / 1000;
    send_text(w, t->result);
}

// What was dropped is over: only now the house counts its slot and licences as free.
static void say_stopped(struct worker *w, const struct attempt *t)
{
    send_json(
        w, json_pack("{s:{s:s, s:I}}", "stopped", "attempt", t->id, "token", (json_int_t)t->token));
}

// For so many more tasks as it may still take.
static void ask_next(struct worker *w, int slots)
{
    int64_t left = w->wish.tasks ? w->wish.tasks - w->given - w->asked : slots;
    slots = left < slots ? (int)left : slots;
    if (slots <= 0 || atomic_load(&w->drain))
        return;
    w->asked += slots;
    send_json(w, json_pack("{s:{s:i}}", "next", "slots", slots));
}

static void say_desk(struct worker *w)
{
    static const char *const whys[] = {NULL, "user", "hours"};
    send_json(w, json_pack("{s:{s:s?}}", "desk", "why", whys[atomic_load(&w->desk)]));
}

// ---- running a task

struct run {
    struct worker *w;
    struct attempt *t;
    struct errand *errand; // NULL: inputs lie on disks that we see
};

static void show(struct attempt *t, const json_t *output)
{
    const char *kind = json_string_value(json_object_get(output, "kind"));
    const char *name = json_string_value(json_object_get(output, "name"));
    if (!kind || !name || !json_is_true(json_object_get(output, "growing")))
        return;
    for (size_t i = 0; i < t->output_count; i++)
        if (strcmp(t->outputs[i].name, name) == 0)
            return;
    if (t->output_count == OUTPUTS_SHOWN)
        return;
    struct shown *s = &t->outputs[t->output_count++];
    text_copy(text_of(kind), s->kind, sizeof(s->kind));
    text_copy(text_of(name), s->name, sizeof(s->name));
}

static bool heard(void *context, const json_t *line)
{
    struct run *r = context;
    struct attempt *t = r->t;
    const json_t *progress = json_object_get(line, "progress");
    const json_t *output = json_object_get(line, "output");
    pthread_mutex_lock(&r->w->lock);
    if (json_is_object(progress)) {
        t->done = json_integer_value(json_object_get(progress, "done"));
        t->total = json_integer_value(json_object_get(progress, "total"));
        text_copy(text_of(json_string_value(json_object_get(progress, "unit"))), t->unit,
                  sizeof(t->unit));
    }
    if (json_is_object(output))
        show(t, output);
    bool on = !t->dropped && !atomic_load(&r->w->stop);
    pthread_mutex_unlock(&r->w->lock);
    return on;
}

// Input n of the task: its runs, each file opened once. A file that is gone was moved by the store:
// the next try gets new places.
static bool open_input(void *context, size_t number, struct engine_pieces *pieces,
                       struct error *err)
{
    struct run *r = context;
    if (r->errand)
        return errand_input(r->errand, number, pieces, err);
    const json_t *input = json_array_get(json_object_get(r->t->task, "inputs"), number);
    const json_t *runs = json_object_get(input, "runs"), *run;
    const char *before = NULL;
    size_t i, count = json_array_size(runs);
    pieces->count = 0;
    pieces->at = calloc(count ? count : 1, sizeof(*pieces->at));
    if (!pieces->at)
        abort();
    json_array_foreach(runs, i, run)
    {
        const char *path = json_string_value(json_object_get(run, "path"));
        struct engine_run_piece *p = &pieces->at[i];
        p->offset = json_integer_value(json_object_get(run, "offset"));
        p->length = json_integer_value(json_object_get(run, "length"));
        p->descriptor = before && path && strcmp(before, path) == 0 ? pieces->at[i - 1].descriptor
                        : path ? open(path, O_RDONLY | O_CLOEXEC)
                               : -1;
        if (p->descriptor < 0) {
            error_set(err, ERROR_IO, "the bytes of %s can not be opened",
                      json_string_value(json_object_get(input, "name")));
            return error_why(err, "%s: %s", path ? path : "no path", strerror(errno));
        }
        before = path;
        pieces->count = i + 1;
    }
    return true;
}

static const char *scratch_of(const struct worker *w)
{
    return w->wish.scratch ? w->wish.scratch : "/tmp";
}

// One engine at work gets all cores, many share them.
static int threads_each(struct worker *w)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_mutex_lock(&w->lock);
    int busy = w->thread_count - w->idle;
    pthread_mutex_unlock(&w->lock);
    int threads = (int)(cores / (busy > 0 ? busy : 1));
    return threads < 2 ? 2 : threads > 16 ? 16 : threads;
}

static bool paused(void *context)
{
    struct run *r = context;
    return atomic_load(&r->w->desk) != WORKER_FREE;
}

static bool run_ticket(struct run *r, json_t *ticket, const char *folder, json_t **result,
                       struct error *err)
{
    struct engine_wish wish = {.ticket = ticket,
                               .engine = r->w->wish.engine,
                               .sandbox = r->w->wish.sandbox,
                               .output_folder = folder,
                               .open_input = open_input,
                               .heard = heard,
                               .paused = paused,
                               .context = r};
    return engine_run(&wish, result, err);
}

// What was encoded is probed like a stranger's file: its facts go with the result.
static bool probe_one(struct run *r, const char *folder, const json_t *output, json_t **all,
                      struct error *err)
{
    const char *name = json_string_value(json_object_get(output, "name"));
    char path[PATH_MAX];
    const char *one = path;
    json_t *facts = NULL, *ticket = json_pack("{s:s}", "kind", "probe");
    struct engine_wish wish = {.ticket = ticket,
                               .engine = r->w->wish.engine,
                               .sandbox = r->w->wish.sandbox,
                               .heard = heard,
                               .context = r};
    bool ok = name && path_join(path, sizeof(path), folder, name) &&
              engine_run_files(&wish, &one, 1, &facts, err);
    if (ok)
        make_facts_add(all, facts);
    json_decref(ticket);
    return ok || error_while(err, "looking at what was made");
}

static bool probe_output(struct run *r, const char *folder, json_t *result, struct error *err)
{
    const json_t *output = json_object_get(result, "output"), *one;
    json_t *facts = NULL;
    size_t i;
    bool ok = json_is_array(output) || probe_one(r, folder, output, &facts, err);
    json_array_foreach(output, i, one) ok = ok && probe_one(r, folder, one, &facts, err);
    json_object_set_new(result, "facts", facts);
    return ok;
}

static bool asked(void *context)
{
    struct run *r = context;
    pthread_mutex_lock(&r->w->lock);
    bool on = !r->t->dropped && !atomic_load(&r->w->stop);
    pthread_mutex_unlock(&r->w->lock);
    return on;
}

static bool run_in(struct run *r, const char *folder, json_t **result, struct error *err)
{
    json_t *ticket = json_object_get(r->t->task, "ticket");
    const char *kind = json_string_value(json_object_get(ticket, "kind"));
    json_object_set_new(ticket, "threads", json_integer(threads_each(r->w)));
    return run_ticket(r, ticket, folder, result, err) &&
           (!kind || strcmp(kind, "mux") != 0 || probe_output(r, folder, *result, err));
}

static bool run_errand(struct run *r, json_t **result, struct error *err)
{
    const struct stage_of of = {
        .attempt = r->t->id, .token = r->t->token, .asked = asked, .context = r};
    if (!r->w->wish.stage)
        return error_set(err, ERROR_UNSUPPORTED, "this worker can not fetch what is to be read");
    bool ok = errand_open(r->w->wish.stage, &of, r->t->task, scratch_of(r->w), &r->errand, err) &&
              run_in(r, errand_folder(r->errand), result, err) &&
              errand_send(r->errand, *result, err);
    errand_close(r->errand);
    r->errand = NULL;
    return ok;
}

static bool run_task(struct run *r, json_t **result, struct error *err)
{
    const char *folder = json_string_value(json_object_get(r->t->task, "outputs"));
    if (r->w->wish.no_disks)
        return run_errand(r, result, err);
    if (!folder)
        return error_set(err, ERROR_INTERNAL, "the task can not be understood");
    return folder_make(folder, 0750, err) && run_in(r, folder, result, err);
}

// ---- renders

static void ask_about(struct worker *w, const char *job)
{
    send_json(w, json_pack("{s:{s:s}}", "about", "job", job));
}

static void ask_place(struct worker *w, const struct attempt *t)
{
    send_json(w, json_pack("{s:{s:s, s:I, s:I}}", "place", "attempt", t->id, "token",
                           (json_int_t)t->token, "asked", (json_int_t)clock_tick_us()));
}

// Waits with the lock for something that the house says; asks again now and then.
static void wait_told(struct worker *w)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_cond_timedwait(&w->told, &w->lock, &until);
}

static json_t *document_of(struct worker *w, struct attempt *t, struct error *err)
{
    const char *job = json_string_value(json_object_get(t->task, "job"));
    json_t *document = NULL;
    pthread_mutex_lock(&w->lock);
    for (int waited = 0; job && !t->dropped && !atomic_load(&w->stop); waited++) {
        document = json_object_get(w->documents, job);
        if (document)
            break;
        if (waited % 5 == 0)
            ask_about(w, job);
        wait_told(w);
    }
    json_incref(document);
    pthread_mutex_unlock(&w->lock);
    const char *problem = json_string_value(json_object_get(document, "problem"));
    if (document && !problem)
        return document;
    json_decref(document);
    if (problem)
        error_set(err, ERROR_INPUT, "%s", problem);
    else
        error_set(err, ERROR_CANCELLED, "it was stopped");
    return NULL;
}

static void render_progress(void *context, int64_t done, int64_t total)
{
    struct run *r = context;
    pthread_mutex_lock(&r->w->lock);
    r->t->done = done;
    r->t->total = total;
    pthread_mutex_unlock(&r->w->lock);
}

// A log is bounded: what is too much is counted.
static void render_said(void *context, text line)
{
    struct run *r = context;
    struct attempt *t = r->t;
    pthread_mutex_lock(&r->w->lock);
    if (t->log.size + line.size > LOG_WAITING || t->log_said > LOG_MOST) {
        t->log_left_out += (int64_t)line.size;
    } else {
        if (t->log_left_out)
            buf_format(&t->log, "... %lld bytes are left out ...\n", (long long)t->log_left_out);
        t->log_left_out = 0;
        bool clean = text_utf8(line);
        for (size_t i = 0; i < line.size; i++) {
            unsigned char c = (unsigned char)line.at[i];
            char one = c == 0 || (!clean && c > 126) ? '?' : (char)c;
            buf_add(&t->log, &one, 1);
        }
        buf_add(&t->log, "\n", 1);
    }
    pthread_mutex_unlock(&r->w->lock);
}

// The lease began anew when the house said so, which was not before we asked. Half of it is ours:
// whoever is told the same after us, because we were taken for lost, is told much later.
static bool may_place(const struct attempt *t)
{
    int64_t good_us = 500 * json_integer_value(json_object_get(t->task, "lease_ms"));
    int64_t asked_us = json_integer_value(json_object_get(t->place, "asked"));
    return t->place && clock_tick_us() - asked_us < good_us;
}

static bool own_task(const struct attempt *t, int64_t task)
{
    size_t i;
    const json_t *run;
    json_array_foreach(json_object_get(t->place, "tasks"), i,
                       run) if (task >= json_integer_value(json_array_get(run, 0)) &&
                                task <= json_integer_value(json_array_get(run, 1))) return true;
    return false;
}

// Without a line it is not told: it is only to be looked at.
static void render_pictured(void *context, int64_t task, int64_t output, const void *at,
                            size_t size)
{
    struct run *r = context;
    size_t room = size / 3 * 4 + 8;
    char *words = malloc(room);
    if (!words)
        abort();
    bool ok = base64url_format(at, size, words, room);
    pthread_mutex_lock(&r->w->lock);
    if (ok && r->w->line)
        send_json(r->w, json_pack("{s:{s:s, s:I, s:I, s:I, s:s}}", "picture", "attempt", r->t->id,
                                  "token", (json_int_t)r->t->token, "task", (json_int_t)task,
                                  "output", (json_int_t)output, "jpeg", words));
    pthread_mutex_unlock(&r->w->lock);
    free(words);
}

// While the house is away the frame waits: another attempt may have been given.
static enum render_place render_may_place(void *context, int64_t task)
{
    struct run *r = context;
    struct worker *w = r->w;
    struct attempt *t = r->t;
    pthread_mutex_lock(&w->lock);
    for (int waited = 0; !may_place(t) && !t->dropped && !atomic_load(&w->stop); waited++) {
        if (waited % 5 == 0)
            ask_place(w, t);
        wait_told(w);
    }
    enum render_place may = !may_place(t) || t->dropped ? RENDER_STOP
                            : own_task(t, task)         ? RENDER_PLACE
                                                        : RENDER_LEAVE;
    pthread_mutex_unlock(&w->lock);
    return may;
}

static bool run_render(struct run *r, struct render *render, struct error *err)
{
    struct render_calls calls = {.asked = asked,
                                 .paused = paused,
                                 .progress = render_progress,
                                 .said = render_said,
                                 .may_place = render_may_place,
                                 .pictured = render_pictured,
                                 .context = r};
    json_t *document = document_of(r->w, r->t, err);
    bool ok = document && render_run(render, r->t->task, document, &calls, err);
    json_decref(document);
    return ok;
}

static char *result_text(const struct attempt *t, bool ok, json_t *result, const struct error *err)
{
    json_t *message =
        ok ? json_pack("{s:{s:s, s:I, s:O*}}", "done", "attempt", t->id, "token",
                       (json_int_t)t->token, "result", result)
           : json_pack("{s:{s:s, s:I, s:{s:s, s:s, s:s, s:s}}}", "failed", "attempt", t->id,
                       "token", (json_int_t)t->token, "error", "kind", error_facts(err->kind)->name,
                       "what", err->what, "why", err->why, "fix", err->fix);
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return text;
}

// What an attempt made for nothing.
static void clear(struct worker *w, const struct attempt *t)
{
    const char *folder = json_string_value(json_object_get(t->task, "outputs"));
    struct error err;
    if (folder && !w->wish.no_disks && !folder_remove(folder, &err))
        log_problem("worker.scratch", &err);
}

static void run_attempt(struct worker *w, struct attempt *t, struct render *render)
{
    struct run r = {.w = w, .t = t};
    struct error err;
    json_t *result = NULL;
    int64_t began = clock_tick_us();
    error_clear(&err);
    bool ticket = json_object_get(t->task, "ticket") != NULL;
    bool ok = ticket ? run_task(&r, &result, &err) : run_render(&r, render, &err);
    log_info("worker.ran", "attempt=%s ok=%d took_ms=%lld", t->id, ok,
             (long long)((clock_tick_us() - began) / 1000));
    if (!ok && err.kind != ERROR_CANCELLED)
        log_problem("worker.failed", &err);
    char *text = result_text(t, ok, result, &err);
    json_decref(result);
    pthread_mutex_lock(&w->lock);
    t->ended = true;
    t->result = text;
    if (atomic_load(&w->stop)) {
        // nobody hears it: the house finds out by our next hello, or by the lease
    } else if (t->dropped) {
        clear(w, t);
        say_stopped(w, t);
        forget(w, t);
        ask_next(w, 1);
    } else if (w->line) {
        say_result(w, t);
        ask_next(w, 1);
    }
    pthread_mutex_unlock(&w->lock);
}

// True when there is something to do; false after some seconds without.
static bool wait_work(struct worker *w)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WARM_S;
    return pthread_cond_timedwait(&w->work, &w->lock, &until) == 0;
}

static struct render *open_render(struct worker *w)
{
    char mark[64];
    pthread_mutex_lock(&w->lock);
    snprintf(mark, sizeof(mark), "%s-%d", w->wish.id, w->opened++);
    pthread_mutex_unlock(&w->lock);
    return render_open(&(struct render_wish){.scratch = scratch_of(w),
                                             .mark = mark,
                                             .renderers = w->wish.renderers,
                                             .sandbox = w->wish.sandbox,
                                             .engine = w->wish.engine,
                                             .stage = w->wish.stage,
                                             .paths = w->wish.paths});
}

static void *slot(void *context)
{
    struct worker *w = context;
    struct render *render = open_render(w);
    bool warm = false;
    pthread_mutex_lock(&w->lock);
    w->idle++;
    while (!atomic_load(&w->stop)) {
        struct attempt *t = w->attempts;
        while (t && t->started)
            t = t->next;
        if (!t) {
            if (wait_work(w) || !warm)
                continue;
            pthread_mutex_unlock(&w->lock);
            render_rest(render); // nothing more of it seems to come
            warm = false;
            pthread_mutex_lock(&w->lock);
            continue;
        }
        t->started = true;
        w->idle--;
        pthread_mutex_unlock(&w->lock);
        run_attempt(w, t, render);
        warm = true;
        pthread_mutex_lock(&w->lock);
        w->idle++;
    }
    pthread_mutex_unlock(&w->lock);
    render_close(render);
    return NULL;
}

// ---- what the house says

static const char *word(const json_t *from, const char *name)
{
    const char *value = json_string_value(json_object_get(from, name));
    return value ? value : "";
}

static void drop_all(struct worker *w, const json_t *list)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        struct attempt *t = json_is_string(one) ? find(w, json_string_value(one)) : NULL;
        if (!t)
            continue;
        log_info("worker.dropped", "attempt=%s", t->id);
        t->dropped = true;
        pthread_cond_broadcast(&w->told);
        if (t->ended) {
            clear(w, t);
            say_stopped(w, t);
            forget(w, t);
        }
    }
}

static void hear_task(struct worker *w, json_t *task)
{
    const char *attempt = word(task, "attempt");
    if (!id_valid(text_of(attempt)) || find(w, attempt))
        return;
    struct attempt *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    text_copy(text_of(attempt), t->id, sizeof(t->id));
    t->token = json_integer_value(json_object_get(task, "token"));
    t->log = (struct buf)BUF_LIMIT(LOG_WAITING + 4096);
    t->task = json_incref(task);
    struct attempt **last = &w->attempts;
    while (*last)
        last = &(*last)->next;
    *last = t;
    w->given++;
    w->asked -= w->asked > 0;
    w->rest_ms = 0;
    log_info("worker.task", "attempt=%s job=%s kind=%s", attempt, word(task, "job"),
             word(json_object_get(task, "ticket"), "kind"));
    pthread_cond_signal(&w->work);
}

static void hear_about(struct worker *w, json_t *document)
{
    if (json_object_size(w->documents) >= DOCUMENTS_MOST)
        json_object_clear(w->documents);
    json_object_set(w->documents, word(document, "job"), document);
    pthread_cond_broadcast(&w->told);
}

static void hear(struct worker *w, const json_t *said)
{
    json_t *part;
    pthread_mutex_lock(&w->lock);
    if ((part = json_object_get(said, "task")))
        hear_task(w, part);
    if ((part = json_object_get(said, "beat")))
        drop_all(w, json_object_get(part, "drop"));
    if ((part = json_object_get(said, "about")))
        hear_about(w, part);
    if ((part = json_object_get(said, "place"))) {
        struct attempt *t = find(w, word(part, "attempt"));
        if (t) {
            json_decref(t->place);
            t->place = json_incref(part);
        }
        pthread_cond_broadcast(&w->told);
    }
    json_t *stale = json_object_get(said, "stale");
    part = json_object_get(said, "taken");
    part = part ? part : stale;
    struct attempt *t = part ? find(w, word(part, "attempt")) : NULL;
    if (t && t->ended) {
        forget(w, t); // the house clears its folder
    } else if (t && stale) {
        t->dropped = true;
        pthread_cond_broadcast(&w->told);
    }
    pthread_mutex_unlock(&w->lock);
}

// ---- the line

static json_t *attempts_json(struct worker *w, bool progress)
{
    json_t *list = json_array();
    for (struct attempt *t = w->attempts; t; t = t->next) {
        if (t->dropped)
            continue;
        json_t *one = json_pack("{s:s, s:I}", "attempt", t->id, "token", (json_int_t)t->token);
        json_array_append_new(list, one);
        if (!progress)
            continue;
        json_object_set_new(one, "done", json_integer(t->done));
        json_object_set_new(one, "total", json_integer(t->total));
        json_object_set_new(one, "unit", json_string(t->unit));
        json_t *outputs = json_array();
        const char *folder = word(t->task, "outputs");
        // What grows elsewhere comes to the house when it is whole.
        for (size_t i = 0; i < t->output_count && !t->ended && !w->wish.no_disks; i++) {
            char path[PATH_MAX];
            struct stat seen;
            if (path_join(path, sizeof(path), folder, t->outputs[i].name) && stat(path, &seen) == 0)
                json_array_append_new(
                    outputs, json_pack("{s:s, s:s, s:I}", "kind", t->outputs[i].kind, "name",
                                       t->outputs[i].name, "size", (json_int_t)seen.st_size));
        }
        json_object_set_new(one, "outputs", outputs);
    }
    return list;
}

// What tasks may ask for. A slot stands for a core.
static json_t *has_json(const struct worker *w, const char *host)
{
    struct utsname name;
    char words[3][320];
    int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / (1 << 20);
    bool known = uname(&name) == 0;
    snprintf(words[0], sizeof(words[0]), "attr.worker.os.family=linux");
    snprintf(words[1], sizeof(words[1]), "attr.worker.cpu.arch=%s",
             known && strcmp(name.machine, "aarch64") == 0 ? "arm64" : "x86_64");
    snprintf(words[2], sizeof(words[2]), "host=%s", host);
    json_t *has = json_pack(
        "{s:I, s:I, s:I, s:I, s:[s, s, s]}", "milli_cpus", (json_int_t)w->thread_count * 1000,
        "memory_mib", (json_int_t)memory, "gpus", (json_int_t)w->wish.gpus.count, "gpu_memory_mib",
        (json_int_t)gpus_least_mib(&w->wish.gpus), "words", words[0], words[1], words[2]);
    if (w->wish.no_disks)
        json_array_append_new(json_object_get(has, "words"), json_string("no=disks"));
    if (!w->wish.stage)
        json_array_append_new(json_object_get(has, "words"), json_string("no=cache"));
    if (w->wish.no_tickets)
        json_array_append_new(json_object_get(has, "words"), json_string("no=tickets"));
    if (w->wish.stage)
        json_object_set_new(has, "cache_mib",
                            json_integer((json_int_t)(stage_most_bytes(w->wish.stage) >> 20)));
    if (w->wish.price > 0)
        json_object_update_new(
            has, json_pack("{s:f, s:s}", "price", w->wish.price, "currency", w->wish.currency));
    return has;
}

static bool greet(struct worker *w, struct socket_client *line, int64_t *beat_ms, struct error *err)
{
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    pthread_mutex_lock(&w->lock);
    json_t *hello =
        json_pack("{s:{s:s, s:s, s:i, s:i, s:s, s:o, s:o}}", "hello", "worker", w->wish.id, "name",
                  w->wish.name, "slots", w->thread_count, "pid", (int)getpid(), "host", host,
                  "attempts", attempts_json(w, false), "has", has_json(w, host));
    pthread_mutex_unlock(&w->lock);
    char *text_out = json_dumps(hello, JSON_COMPACT);
    text message;
    bool ok = socket_client_send(line, text_out, strlen(text_out), err) &&
              socket_client_receive(line, 20000, &message, err);
    free(text_out);
    json_decref(hello);
    if (!ok)
        return false;
    json_t *said = json_loadb(message.at, message.size, 0, NULL);
    const json_t *welcome = json_object_get(said, "welcome");
    ok = json_is_object(welcome);
    if (ok) {
        *beat_ms = json_integer_value(json_object_get(welcome, "beat_ms"));
        *beat_ms = *beat_ms < 100 ? 100 : *beat_ms > 10000 ? 10000 : *beat_ms;
        pthread_mutex_lock(&w->lock);
        drop_all(w, json_object_get(welcome, "drop"));
        w->line = line;
        int busy = 0;
        for (struct attempt *t = w->attempts; t; t = t->next)
            busy += !t->ended;
        for (struct attempt *t = w->attempts; t; t = t->next)
            if (t->result && !t->dropped)
                say_result(w, t);
        w->asked = 0;
        w->drained_ms = 0;
        if (atomic_load(&w->desk) != WORKER_FREE)
            say_desk(w); // before it asks for anything
        ask_next(w, w->thread_count - busy);
        pthread_mutex_unlock(&w->lock);
    } else {
        error_set(err, ERROR_NETWORK, "the house did not say welcome");
    }
    json_decref(said);
    return ok;
}

// Beside a beat: of what moved since the last one.
static void add_speed(struct worker *w, json_t *beat)
{
    static const char *const directions[] = {"in", "out"};
    int64_t bytes, ms;
    for (int out = 0; w->wish.stage && out < 2; out++) {
        if (!stage_speed(w->wish.stage, out, &bytes, &ms))
            continue;
        if (!json_object_get(beat, "speed"))
            json_object_set_new(beat, "speed", json_object());
        json_object_set_new(
            json_object_get(beat, "speed"), directions[out],
            json_pack("{s:I, s:I}", "bytes", (json_int_t)bytes, "ms", (json_int_t)ms));
    }
}

static void beat(struct worker *w)
{
    int64_t now = clock_tick_us() / 1000;
    pthread_mutex_lock(&w->lock);
    json_t *beat = json_pack("{s:{s:o}}", "beat", "attempts", attempts_json(w, true));
    add_speed(w, beat);
    send_json(w, beat);
    for (struct attempt *t = w->attempts; t; t = t->next)
        say_log(w, t);
    for (struct attempt *t = w->attempts; t; t = t->next)
        if (t->result && !t->dropped && now - t->said_ms > REPEAT_MS)
            say_result(w, t);
    pthread_mutex_unlock(&w->lock);
}

// Whether it is time to leave. The house is told first and may have sent a task just before: there
// is a moment to receive that one too.
static bool leaves(struct worker *w)
{
    int64_t now = clock_tick_us() / 1000;
    pthread_mutex_lock(&w->lock);
    if (!w->attempts && !w->rest_ms)
        w->rest_ms = now;
    bool over = (w->wish.idle_ms && w->rest_ms && now - w->rest_ms > w->wish.idle_ms) ||
                (w->wish.tasks && w->given >= w->wish.tasks);
    if (over)
        atomic_store(&w->drain, true);
    if (atomic_load(&w->drain) && w->line && !w->drained_ms) {
        send_json(w, json_pack("{s:{}}", "drain"));
        w->drained_ms = now;
    }
    bool leave = w->drained_ms && !w->attempts && now - w->drained_ms > LINGER_MS;
    pthread_mutex_unlock(&w->lock);
    if (leave)
        log_info("worker.leaving", "tasks=%lld", (long long)w->given);
    return leave;
}

static bool talk(struct worker *w, struct socket_client *line, int64_t beat_ms, struct error *err)
{
    int64_t next_ms = clock_tick_us() / 1000 + beat_ms;
    while (!atomic_load(&w->stop)) {
        int64_t left = next_ms - clock_tick_us() / 1000;
        text message;
        if (leaves(w))
            return true;
        if (left <= 0) {
            beat(w);
            next_ms = clock_tick_us() / 1000 + beat_ms;
            continue;
        }
        if (socket_client_receive(line, (int)(left < 250 ? left : 250), &message, err)) {
            json_t *said = json_loadb(message.at, message.size, 0, NULL);
            hear(w, said);
            json_decref(said);
        } else if (err->kind != ERROR_TIMEOUT) {
            return false;
        }
    }
    return true;
}

// One visit to the house, from finding it to losing it. *met: it was there.
static bool visit(struct worker *w, bool *met, struct error *err)
{
    struct worker_house house = {0};
    char url[600];
    int64_t beat_ms = 1000;
    *met = false;
    if (!w->wish.find_house(w->wish.context, &house, err))
        return false;
    snprintf(url, sizeof(url), "%s/api/v1/work", house.url);
    struct socket_client *line = socket_client_open(
        &(struct socket_client_wish){.url = url,
                                     .bearer = house.bearer,
                                     .fingerprint = house.fingerprint[0] ? house.fingerprint : NULL,
                                     .connect_timeout_ms = 5000,
                                     .message_limit = (size_t)256 << 20},
        err);
    if (!line)
        return false;
    bool ok = greet(w, line, &beat_ms, err);
    *met = ok;
    ok = ok && talk(w, line, beat_ms, err);
    pthread_mutex_lock(&w->lock);
    w->line = NULL;
    pthread_mutex_unlock(&w->lock);
    socket_client_close(line);
    return ok;
}

static bool has_attempts(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    bool has = w->attempts != NULL;
    pthread_mutex_unlock(&w->lock);
    return has;
}

bool worker_run(struct worker *w, struct error *err)
{
    int64_t seen_ms = clock_tick_us() / 1000, wait_ms = TRY_FIRST_MS;
    bool told = false;
    while (!atomic_load(&w->stop)) {
        bool met;
        if (visit(w, &met, err))
            return true;
        int64_t now = clock_tick_us() / 1000;
        if (met) {
            seen_ms = now;
            wait_ms = TRY_FIRST_MS;
            told = false;
        }
        if (!told && !atomic_load(&w->stop)) {
            log_problem("worker.away", err);
            told = true;
        }
        if (atomic_load(&w->drain) && !has_attempts(w))
            return true;
        if (now - seen_ms > w->wish.orphan_ms) {
            error_set(err, ERROR_TIMEOUT, "the worker leaves");
            return error_why(err, "the house was not there for %s",
                             time_text(w->wish.orphan_ms / 1000).text);
        }
        for (int64_t slept = 0; slept < wait_ms && !atomic_load(&w->stop); slept += 50)
            clock_sleep_ms(50);
        wait_ms = wait_ms * 2 < TRY_MOST_MS ? wait_ms * 2 : TRY_MOST_MS;
    }
    return true;
}

// ---- the whole

bool worker_open(const struct worker_wish *wish, struct worker **worker, struct error *err)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->wish = *wish;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int slots = wish->slots > 0 ? wish->slots : (int)cores;
    slots = slots < 1 ? 1 : slots > SLOTS_MOST ? SLOTS_MOST : slots;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->told, NULL);
    w->documents = json_object();
    while (w->thread_count < slots &&
           pthread_create(&w->threads[w->thread_count], NULL, slot, w) == 0)
        w->thread_count++;
    *worker = w;
    if (w->thread_count == slots)
        return true;
    worker_close(w);
    return error_set(err, ERROR_INTERNAL, "cannot start the worker's threads");
}

void worker_drain(struct worker *w)
{
    atomic_store(&w->drain, true);
}

void worker_desk(struct worker *w, enum worker_desk desk)
{
    pthread_mutex_lock(&w->lock);
    bool news = atomic_exchange(&w->desk, (int)desk) != (int)desk;
    if (news)
        say_desk(w);
    pthread_mutex_unlock(&w->lock);
}

void worker_give_back(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    for (struct attempt *t = w->attempts; t; t = t->next)
        if (!t->ended && !t->dropped) {
            log_info("worker.gives_back", "attempt=%s", t->id);
            t->dropped = true;
        }
    pthread_cond_broadcast(&w->told);
    pthread_mutex_unlock(&w->lock);
}

void worker_stop(struct worker *w)
{
    atomic_store(&w->stop, true);
}

void worker_close(struct worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stop, true);
    pthread_cond_broadcast(&w->work);
    pthread_cond_broadcast(&w->told);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->thread_count; i++)
        pthread_join(w->threads[i], NULL);
    while (w->attempts)
        forget(w, w->attempts);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->told);
    json_decref(w->documents);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
