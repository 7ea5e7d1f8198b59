/*
 * Frames of originals that somebody looks at, made when they are asked for.
 *
 * Two threads run engines, one after another; what they made lies under scratch/frames/KEY, where
 * KEY is a hash of all that it depends on, until its room is needed. Nothing is in the database:
 * after a start the folder is emptied, and what is asked for is made again.
 */
#include "house/flow/frames.h"
#include "base/log.h"
#include "house/flow/inside.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 200, RUNNERS = 2, WAITING_MOST = 60, GIVEN_UP_MS = 20000 };
#define ROOM_BYTES (8LL << 30)

enum task_state { FREE, WAITING, RUNNING, READY, FAILED };
static const char *const states[] = {"", "waiting", "running", "ready", "failed"};

struct task {
    enum task_state state;
    char key[65];
    json_t *ticket, *result;
    sha256 *contents;
    size_t count;
    int64_t done, total, bytes, asked_ms;
    struct error problem;
};

struct frames {
    struct store *store;
    char folder[PATH_MAX];
    bool sandbox;
    pthread_t threads[RUNNERS];
    int running;
    pthread_mutex_t lock; // guards the rest
    pthread_cond_t news;
    bool over;
    struct task tasks[TASKS];
};

// ---- running

struct run {
    struct frames *f;
    struct task *task;
    const sha256 *contents;
};

static bool open_input(void *context, size_t number, struct engine_pieces *pieces,
                       struct error *err)
{
    const struct run *r = context;
    const struct store_map *map;
    if (!store_map_open(r->f->store, &r->contents[number], &map, err))
        return false;
    pieces->at = calloc(map->count + 1, sizeof(*pieces->at));
    bool ok = pieces->at != NULL;
    for (size_t i = 0; ok && i < map->count; i++) {
        int own = fcntl(map->runs[i].fd, F_DUPFD_CLOEXEC, 0); // the map's are the store's
        pieces->at[i] = (struct engine_run_piece){own, map->runs[i].offset, map->runs[i].length};
        pieces->count = i + 1;
        ok = own >= 0;
    }
    if (!ok)
        error_errno(err, errno, "cannot open the original");
    store_map_close(r->f->store, map);
    return ok;
}

// Who does not ask any more does not wait for it.
static bool heard(void *context, const json_t *line)
{
    struct run *r = context;
    const json_t *p = json_object_get(line, "progress");
    pthread_mutex_lock(&r->f->lock);
    if (p) {
        r->task->done = json_integer_value(json_object_get(p, "done"));
        r->task->total = json_integer_value(json_object_get(p, "total"));
    }
    bool on = !r->f->over && clock_now_ms() - r->task->asked_ms < GIVEN_UP_MS;
    pthread_mutex_unlock(&r->f->lock);
    return on;
}

static int64_t size_of(const json_t *result)
{
    const json_t *file;
    size_t i;
    int64_t sum = 0;
    json_array_foreach(json_object_get(result, "outputs"), i, file)
    {
        sum += json_integer_value(json_object_get(file, "size"));
    }
    return sum;
}

static void forget(struct frames *f, struct task *t)
{
    char path[PATH_MAX];
    struct error ignored;
    if (path_join(path, sizeof(path), f->folder, t->key))
        (void)!folder_remove(path, &ignored);
    json_decref(t->ticket);
    json_decref(t->result);
    free(t->contents);
    *t = (struct task){0};
}

// Those that were not asked for longest, until the rest has room.
static void make_room(struct frames *f)
{
    for (;;) {
        struct task *oldest = NULL;
        int64_t bytes = 0;
        for (int i = 0; i < TASKS; i++) {
            struct task *t = &f->tasks[i];
            bytes += t->bytes;
            if (t->state == READY && (!oldest || t->asked_ms < oldest->asked_ms))
                oldest = t;
        }
        if (bytes <= ROOM_BYTES || !oldest || clock_now_ms() - oldest->asked_ms < GIVEN_UP_MS)
            return;
        forget(f, oldest);
    }
}

static void run_one(struct frames *f, struct task *t)
{
    char path[PATH_MAX];
    struct error err;
    struct run r = {f, t, t->contents};
    json_t *result = NULL;
    error_clear(&err);
    t->state = RUNNING;
    pthread_mutex_unlock(&f->lock);
    struct engine_wish wish = {.ticket = t->ticket,
                               .sandbox = f->sandbox ? SANDBOX_ON : SANDBOX_OFF,
                               .output_folder = path,
                               .open_input = open_input,
                               .heard = heard,
                               .context = &r};
    bool ok = path_join(path, sizeof(path), f->folder, t->key) && folder_make(path, 0750, &err) &&
              engine_run(&wish, &result, &err);
    pthread_mutex_lock(&f->lock);
    t->result = result;
    t->bytes = ok ? size_of(result) : 0;
    t->problem = err;
    t->state = ok ? READY : FAILED;
    make_room(f);
}

static void *run_all(void *context)
{
    struct frames *f = context;
    pthread_mutex_lock(&f->lock);
    while (!f->over) {
        struct task *next = NULL;
        for (int i = 0; i < TASKS; i++) // who asked last looks at it now
            if (f->tasks[i].state == WAITING && (!next || f->tasks[i].asked_ms > next->asked_ms))
                next = &f->tasks[i];
        if (next && clock_now_ms() - next->asked_ms > GIVEN_UP_MS)
            forget(f, next);
        else if (next)
            run_one(f, next);
        else
            pthread_cond_wait(&f->news, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

bool frames_open(struct store *store, const char *scratch, bool sandbox, struct frames **to,
                 struct error *err)
{
    struct frames *f = calloc(1, sizeof(*f));
    struct error ignored;
    if (!f)
        abort();
    f->store = store;
    f->sandbox = sandbox;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->news, NULL);
    *to = f;
    if (!path_join(f->folder, sizeof(f->folder), scratch, FRAMES_FOLDER))
        return error_set(err, ERROR_INPUT, "the name of a folder of the house is too long");
    (void)!folder_remove(f->folder, &ignored);
    return folder_make(f->folder, 0750, err);
}

void frames_close(struct frames *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->over = true;
    pthread_cond_broadcast(&f->news);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < f->running; i++)
        pthread_join(f->threads[i], NULL);
    for (int i = 0; i < TASKS; i++)
        if (f->tasks[i].state != FREE)
            forget(f, &f->tasks[i]);
    pthread_cond_destroy(&f->news);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

// ---- asking

static bool busy(struct error *err)
{
    error_set(err, ERROR_TOO_MANY, "too many frames are being fetched");
    error_why(err, "%d wait already", WAITING_MOST);
    return error_fix(err, "try again in a moment");
}

// A place for a new one; NULL: all are waited for.
static struct task *place(struct frames *f)
{
    struct task *oldest = NULL;
    int waiting = 0;
    for (int i = 0; i < TASKS; i++) {
        struct task *t = &f->tasks[i];
        waiting += t->state == WAITING;
        if (t->state == FREE)
            return t;
        if ((t->state == READY || t->state == FAILED) &&
            (!oldest || t->asked_ms < oldest->asked_ms))
            oldest = t;
    }
    if (waiting > WAITING_MOST || !oldest)
        return NULL;
    forget(f, oldest);
    return oldest;
}

static void start_threads(struct frames *f)
{
    while (f->running < RUNNERS && pthread_create(&f->threads[f->running], NULL, run_all, f) == 0)
        f->running++;
}

static struct task *find(struct frames *f, const char *key)
{
    for (int i = 0; i < TASKS; i++)
        if (f->tasks[i].state != FREE && strcmp(f->tasks[i].key, key) == 0)
            return &f->tasks[i];
    return NULL;
}

bool frames_ask(struct frames *f, json_t *ticket, const sha256 *contents, size_t count,
                struct frame_answer *to, struct error *err)
{
    char key[65];
    struct buf words = BUF_LIMIT(64 << 20);
    char *ticket_text = json_dumps(ticket, JSON_COMPACT | JSON_SORT_KEYS);
    buf_format(&words, "%s", ticket_text ? ticket_text : "");
    for (size_t i = 0; i < count; i++)
        buf_format(&words, " %s", sha256_text(&contents[i]).text);
    sha256 hash = sha256_of(words.at, words.size);
    snprintf(key, sizeof(key), "%s", sha256_text(&hash).text);
    free(ticket_text);
    buf_free(&words);
    pthread_mutex_lock(&f->lock);
    struct task *t = find(f, key);
    // What failed for want of anybody who waits for it is begun again.
    if (t && t->state == FAILED && t->problem.kind == ERROR_CANCELLED)
        forget(f, t), t = NULL;
    bool made = !t && (t = place(f));
    if (made) {
        *t = (struct task){.state = WAITING, .ticket = json_incref(ticket), .count = count};
        snprintf(t->key, sizeof(t->key), "%s", key);
        t->contents = malloc(count * sizeof(*contents) + 1);
        if (!t->contents)
            abort();
        memcpy(t->contents, contents, count * sizeof(*contents));
    }
    if (t) {
        t->asked_ms = clock_now_ms();
        start_threads(f);
        pthread_cond_signal(&f->news);
        *to = (struct frame_answer){.state = states[t->state],
                                    .done = t->done,
                                    .total = t->total,
                                    .result = t->result ? json_deep_copy(t->result) : NULL,
                                    .problem = t->problem};
        snprintf(to->folder, sizeof(to->folder), FRAMES_FOLDER "/%s", key);
    }
    pthread_mutex_unlock(&f->lock);
    return t || busy(err);
}
