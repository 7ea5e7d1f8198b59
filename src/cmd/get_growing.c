#include "cmd/get_growing.h"
#include "cmd/progress.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"
#include "wire/way.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 4, LOOK_MS = 500 };

struct round { // chunks that are fetched by some threads
    struct taking *t;
    const json_t *chunks;
    pthread_mutex_t lock; // guards the rest, and has and received of the taking
    size_t next;
    int64_t done;
    bool failed;
    struct error err;
};

struct taking {
    struct get_growing *wish;
    const char *file, *name;
    char part[PATH_MAX];
    int fd;
    bool resumed;
    sha256 *has;                // of the chunks that are in the hidden file; all zero: not there
    int64_t room, whole, bytes; // whole: chunks without a hole; bytes: in them
    const char *state;          // the last that was said
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static bool away(const struct error *err)
{
    return err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT || err->kind == ERROR_TOO_MANY;
}

// ---- which

static json_t *growing_at(struct client *c, struct arena *a, const char *path, struct error *err)
{
    text rest = text_of(path), named = text_cut(&rest, '/');
    const char *slash = rest.size ? strrchr(rest.at, '/') : NULL,
               *name = slash ? slash + 1 : rest.at;
    const char *folder = slash ? arena_copy(a, rest.at, (size_t)(slash - rest.at)) : "";
    json_t *project = house_project(c, arena_copy(a, named.at, named.size), err), *row,
           *found = NULL;
    char id[27];
    size_t i;
    if (!project)
        return NULL;
    const char *of = arena_text(a, json_word(project, "id"));
    json_decref(project);
    if (!house_folder(c, of, folder, false, id, err))
        return NULL;
    json_t *list = house_ask(c, "GET", NULL, err, "/projects/%s/growing", of);
    json_array_foreach(list, i, row) if (!found && strcmp(json_word(row, "path"), name) == 0 &&
                                         strcmp(json_word(row, "folder"), id) == 0 &&
                                         strcmp(json_word(row, "state"), "stored") != 0) found =
        json_incref(row);
    if (list)
        error_clear(err);
    json_decref(list);
    return found;
}

json_t *growing_named(struct client *c, struct arena *a, const char *named, struct error *err)
{
    if (strchr(named, '/'))
        return growing_at(c, a, named, err);
    error_clear(err);
    json_t *one = id_valid(text_of(named))
                      ? house_ask(c, "GET", NULL, err, "/files/%s/growing", named)
                      : NULL;
    if (!one && err->kind == ERROR_NOT_FOUND)
        error_clear(err);
    return one;
}

bool get_growing_part(const char *folder, const char *name, char *to, size_t room)
{
    char hidden[64];
    sha256 of = sha256_of(name, strlen(name));
    snprintf(hidden, sizeof(hidden), ".posthouse-%.24s-grows.part", sha256_text(&of).text);
    return path_join(to, room, folder, hidden);
}

// ---- its chunks

static json_t *ask(struct taking *t, int64_t from, struct error *err)
{
    int64_t since = clock_tick_us();
    json_t *came;
    while (!(came = house_ask(t->wish->client, "GET", NULL, err, "/files/%s/came?from=%lld",
                              t->file, (long long)from)) &&
           away(err) && clock_tick_us() - since < t->wish->patience_us)
        clock_sleep_ms(LOOK_MS);
    if (!came && err->kind == ERROR_NOT_FOUND) {
        (void)unlink(t->part);
        error_set(err, ERROR_NOT_FOUND, "%s was dropped in the house before it was closed",
                  t->name);
        error_fix(err, "ask who sent it; nothing of it was written under its name");
    }
    return came;
}

static bool fetch(struct taking *t, int64_t from, char *to, size_t size, struct error *err)
{
    char path[64];
    snprintf(path, sizeof(path), "/api/v1/files/%s/bytes", t->file);
    struct way_piece piece = {.client = t->wish->client, .path = path, .offset = from};
    return way_piece_get(&piece, to, size, err);
}

// One that is not (yet) what the list said is taken in a later round: it is being written anew.
static bool take(struct taking *t, const json_t *chunk, char *buffer, bool *there, bool *came,
                 struct error *err)
{
    int64_t number = json_count(chunk, "number"), from = number * STORE_CHUNK;
    size_t size = (size_t)json_count(chunk, "size");
    sha256 wanted, found;
    *there = *came = false;
    if (!sha256_parse(text_of(json_word(chunk, "hash")), &wanted) || !size ||
        size > (size_t)STORE_CHUNK || number < 0 || number > INT64_MAX / STORE_CHUNK - 1)
        return error_set(err, ERROR_NETWORK, "cannot understand the house's list of chunks");
    if (t->resumed && fd_read_all(t->fd, buffer, size, from) == (int64_t)size) {
        found = sha256_of(buffer, size);
        *there = sha256_equal(&found, &wanted);
    }
    if (*there)
        return true;
    if (!fetch(t, from, buffer, size, err)) {
        bool later = away(err) || err->kind == ERROR_NOT_FOUND || err->kind == ERROR_INPUT;
        return later;
    }
    found = sha256_of(buffer, size);
    *there = *came = sha256_equal(&found, &wanted);
    if (!*there || fd_write_all(t->fd, buffer, size, from))
        return true;
    error_errno(err, errno, "cannot write %s", t->name);
    return error_fix(err, "free space or mend the disk, then run the same command again: it goes "
                          "on where it stood");
}

static void *take_thread(void *context)
{
    struct round *r = context;
    char *buffer = must(malloc((size_t)STORE_CHUNK));
    for (;;) {
        struct error err;
        bool there, came;
        pthread_mutex_lock(&r->lock);
        const json_t *chunk = r->failed ? NULL : json_array_get(r->chunks, r->next);
        r->next++;
        pthread_mutex_unlock(&r->lock);
        if (!chunk)
            break;
        bool ok = take(r->t, chunk, buffer, &there, &came, &err);
        pthread_mutex_lock(&r->lock);
        if (!ok && !r->failed) {
            r->failed = true;
            r->err = err;
        }
        if (ok && there)
            (void)sha256_parse(text_of(json_word(chunk, "hash")),
                               &r->t->has[json_count(chunk, "number")]);
        r->t->wish->received += ok && came ? json_count(chunk, "size") : 0;
        r->done += ok && there;
        pthread_mutex_unlock(&r->lock);
    }
    free(buffer);
    return NULL;
}

static bool has_room(struct taking *t, int64_t count)
{
    if (count <= t->room)
        return true;
    int64_t room = count * 2 + 64;
    t->has = must(realloc(t->has, (size_t)room * sizeof(*t->has)));
    memset(t->has + t->room, 0, (size_t)(room - t->room) * sizeof(*t->has));
    t->room = room;
    return true;
}

static bool is_there(const struct taking *t, int64_t number)
{
    static const sha256 none;
    return number < t->room && !sha256_equal(&t->has[number], &none);
}

// Fetches what a list names; *any: something of it came.
static bool take_round(struct taking *t, const json_t *chunks, bool *any, struct error *err)
{
    struct round r = {.t = t, .chunks = chunks};
    pthread_t threads[LINES];
    int begun = 0;
    int64_t most = 0, number;
    for (size_t i = 0; i < json_array_size(chunks); i++)
        if ((number = json_count(json_array_get(chunks, i), "number")) >= most)
            most = number + 1;
    *any = false;
    if (!most || !has_room(t, most))
        return true;
    pthread_mutex_init(&r.lock, NULL);
    for (; begun < LINES && (size_t)begun < json_array_size(chunks); begun++)
        if (pthread_create(&threads[begun], NULL, take_thread, &r) != 0)
            break;
    if (!begun)
        take_thread(&r);
    for (int i = 0; i < begun; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&r.lock);
    for (; is_there(t, t->whole); t->whole++)
        t->bytes += STORE_CHUNK;
    *any = r.done > 0;
    if (r.failed)
        *err = r.err;
    return !r.failed;
}

// ---- until it is closed

static void say_state(struct taking *t, const json_t *came)
{
    static const struct {
        const char *state, *words;
    } known[] = {
        {"growing", "is still being recorded: what is there comes now, the rest as it grows"},
        {"silent",
         "does not grow any more and is not closed: its recorder must close it, or `posthouse "
         "growing` takes it as it is"},
        {"lost", "waits: nothing is heard of its sender. It goes on when that is back, or "
                 "`posthouse growing` takes or drops it"},
        {"closing", "is closed; its last bytes are on their way"},
    };
    const char *state = json_word(came, "state");
    if (t->state && strcmp(t->state, state) == 0)
        return;
    t->state = arena_text(t->wish->call->arena, state);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].state, state) == 0)
            fprintf(stderr, "posthouse: %s %s\n", t->name, known[i].words);
}

static bool follow(struct taking *t, struct error *err)
{
    struct progress bar = progress_begin("getting as it grows", "bytes", t->wish->quiet);
    bool ok = true, closed = false, any = false;
    while (ok && !closed) {
        json_t *came = ask(t, t->whole, err);
        ok = came != NULL;
        if (ok)
            say_state(t, came);
        closed = ok && strcmp(json_word(came, "state"), "stored") == 0;
        if (closed)
            text_copy(text_of(json_word(came, "version")), t->wish->version,
                      sizeof(t->wish->version));
        else
            ok = ok && take_round(t, json_object_get(came, "chunks"), &any, err);
        progress_show(&bar, t->bytes, json_count(came, "written"));
        json_decref(came);
        if (ok && !closed && !any)
            clock_sleep_ms(LOOK_MS);
    }
    progress_end(&bar);
    if (ok && !t->wish->version[0]) {
        error_set(err, ERROR_NOT_FOUND, "%s is closed, and is no asset", t->name);
        ok = error_fix(err, "look for it with `posthouse ls`");
    }
    return ok;
}

static bool open_part(struct taking *t, struct error *err)
{
    char path[PATH_MAX];
    struct stat seen;
    if (!transfer_path_check(text_of(t->name), err))
        return false;
    if (strchr(t->name, '/') || !path_join(path, sizeof(path), t->wish->out, t->name) ||
        !get_growing_part(t->wish->out, t->name, t->part, sizeof(t->part)))
        return error_set(err, ERROR_INPUT, "the path of %s is too long", t->name);
    if (lstat(path, &seen) == 0) {
        error_set(err, ERROR_CONFLICT, "%s is there already", path);
        return error_fix(err, "move it away, or take the recording out to another --out");
    }
    t->resumed = lstat(t->part, &seen) == 0 && seen.st_size > 0;
    t->fd = open(t->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    return t->fd >= 0 || error_errno(err, errno, "cannot write into %s", t->wish->out);
}

bool get_growing(struct get_growing *g, const char *named, struct error *err)
{
    struct taking t = {.wish = g, .fd = -1};
    json_t *row = growing_named(g->client, g->call->arena, named, err);
    g->version[0] = 0;
    if (!row)
        return err->kind == ERROR_NONE;
    t.file = arena_text(g->call->arena, json_word(row, "file"));
    t.name = arena_text(g->call->arena, json_word(row, "path"));
    json_decref(row);
    bool ok = open_part(&t, err) && follow(&t, err);
    if (t.fd >= 0)
        close(t.fd);
    free(t.has);
    return ok;
}
