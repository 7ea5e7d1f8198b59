#include "cmd/watch_recordings.h"
#include "plat/clock.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RECORDINGS_MOST = 8, SILENCE_MS = 600000, AGAIN_MS = 30000 };

struct recording {
    struct recording *next;
    struct recordings *all;
    char path[PATH_MAX], whole[PATH_MAX],
        folder[PATH_MAX]; // below the root; as a file; in the house
    pthread_t thread;
    atomic_bool stop;
    // guarded by the lock
    bool ended, came;
    struct put_grown closed;
    int64_t ended_ms;
    struct error err;
};

struct recordings {
    struct recordings_wish wish;
    pthread_mutex_t lock;    // guards the fields named above
    struct recording *first; // the watcher's own thread only
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct recordings *recordings_open(const struct recordings_wish *wish)
{
    struct recordings *r = must(calloc(1, sizeof(*r)));
    r->wish = *wish;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

static bool named_so(const char *path)
{
    static const char *const endings[] = {".mxf", ".ts",  ".m2ts", ".mts", ".mp4",
                                          ".mov", ".mkv", ".wav",  ".bwf", NULL};
    size_t size = strlen(path);
    for (size_t i = 0; endings[i]; i++)
        if (size > strlen(endings[i]) &&
            strcasecmp(path + size - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

static void say(void *context, const char *event, const char *words)
{
    struct recording *one = context;
    one->all->wish.say(one->all->wish.context, event, one->path, words);
}

static struct put_growing wish_of(struct recording *one)
{
    const char *slash = strrchr(one->path, '/');
    const struct recordings_wish *w = &one->all->wish;
    return (struct put_growing){.call = w->call,
                                .path = one->whole,
                                .project = w->project,
                                .folder = one->folder,
                                .name = slash ? slash + 1 : one->path,
                                .quiet_ms = w->quiet_ms,
                                .silence_ms = SILENCE_MS,
                                .patience_ms = w->patience_ms,
                                .way = w->way,
                                .say = say,
                                .context = one,
                                .stop = &one->stop};
}

static void *record(void *context)
{
    struct recording *one = context;
    struct put_growing wish = wish_of(one);
    struct error err;
    error_clear(&err);
    struct put_grown closed;
    bool came = put_growing(&wish, &closed, &err);
    pthread_mutex_lock(&one->all->lock);
    one->came = came;
    one->closed = closed;
    one->err = err;
    one->ended = true;
    one->ended_ms = clock_tick_us() / 1000;
    pthread_mutex_unlock(&one->all->lock);
    return NULL;
}

static struct recording *named(struct recordings *r, const char *path)
{
    struct recording *one = r->first;
    while (one && strcmp(one->path, path) != 0)
        one = one->next;
    return one;
}

static void drop(struct recordings *r, struct recording *gone)
{
    struct recording **at = &r->first;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    atomic_store(&gone->stop, true);
    pthread_join(gone->thread, NULL);
    free(gone);
}

void recordings_close(struct recordings *r)
{
    if (!r)
        return;
    for (struct recording *one = r->first; one; one = one->next)
        atomic_store(&one->stop, true);
    while (r->first)
        drop(r, r->first);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct recording *recording_new(struct recordings *r, const char *path)
{
    struct recording *one = must(calloc(1, sizeof(*one)));
    const char *slash = strrchr(path, '/');
    one->all = r;
    snprintf(one->path, sizeof(one->path), "%s", path);
    snprintf(one->whole, sizeof(one->whole), "%.2000s/%.2000s", r->wish.root, path);
    snprintf(one->folder, sizeof(one->folder), "%.1000s%s%.*s", r->wish.folder,
             *r->wish.folder && slash ? "/" : "", slash ? (int)(slash - path) : 0, path);
    return one;
}

static struct recording *begin(struct recordings *r, const struct arrive_file *f)
{
    int count = 0;
    for (struct recording *one = r->first; one; one = one->next)
        count++;
    if (count >= RECORDINGS_MOST)
        return NULL;
    struct recording *one = recording_new(r, f->path);
    struct put_growing wish = wish_of(one);
    bool written = file_writer(one->whole) == WRITER_SOME;
    if ((!written && !put_growing_begun(&wish)) ||
        pthread_create(&one->thread, NULL, record, one) != 0) {
        free(one);
        return NULL;
    }
    one->next = r->first;
    r->first = one;
    say(one, "growing", "it goes while it is written");
    return one;
}

bool recordings_has(struct recordings *r, const struct arrive_file *f, struct arena *a,
                    const char **why)
{
    struct recording *one = named(r, f->path);
    *why = "it goes while it is written";
    if (!one && (f->folder || f->state == ARRIVE_NAMED || f->state == ARRIVE_LEFT_OUT ||
                 !named_so(f->path) || !(one = begin(r, f))))
        return false;
    pthread_mutex_lock(&r->lock);
    bool failed = one->ended && !one->came;
    bool again = failed && clock_tick_us() / 1000 - one->ended_ms > AGAIN_MS;
    // Dropped or taken as it was, in the house, or another file by now: it goes as a whole when it is
    // closed.
    bool over = failed && (one->err.kind == ERROR_NOT_FOUND || one->err.kind == ERROR_CONFLICT);
    if (failed)
        *why = arena_format(a, "%s%s%s", one->err.what, one->err.why[0] ? ": " : "", one->err.why);
    pthread_mutex_unlock(&r->lock);
    if (again && !over)
        drop(r, one);
    return !over;
}

bool recordings_came(struct recordings *r, const struct file_seen *f)
{
    struct recording *one = named(r, f->relative);
    pthread_mutex_lock(&r->lock);
    bool came = one && one->came && one->closed.size == f->size &&
                one->closed.modified_ns == f->modified_ns; // what changed since goes again
    pthread_mutex_unlock(&r->lock);
    return came;
}

bool recordings_any_came(struct recordings *r)
{
    bool any = false;
    pthread_mutex_lock(&r->lock);
    for (struct recording *one = r->first; one; one = one->next)
        any = any || one->came;
    pthread_mutex_unlock(&r->lock);
    return any;
}

void recordings_forget(struct recordings *r, const char *path)
{
    struct recording *one = named(r, path);
    if (!one)
        return;
    struct put_growing wish = wish_of(one);
    put_growing_forget(&wish);
    drop(r, one);
}
