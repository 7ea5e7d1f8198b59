#include "farm/stage.h"
#include "base/log.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"
#include "wire/address.h"
#include "wire/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 8, RETRY_FIRST_MS = 200, RETRY_MOST_MS = 5000, PATIENCE_MS = 600000 };
enum { ROOM_AGAIN_MS = 1000 };
#define LIST_BYTES ((size_t)512 << 20)
#define DISK_RESERVE ((int64_t)64 << 20)

struct stage {
    struct stage_wish wish;
    struct cache *cache;
    pthread_mutex_t lock; // guards what follows
    struct client *client;
    struct worker_house house; // that the client is for
    int users;                 // of the client
    struct speed speed[2];     // to the house, out of it
};

struct stage *stage_open(const struct stage_wish *wish, struct error *err)
{
    struct stage *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->wish = *wish;
    pthread_mutex_init(&s->lock, NULL);
    s->cache = cache_open(&(struct cache_wish){wish->cache_folder, wish->cache_bytes}, err);
    if (s->cache)
        return s;
    stage_close(s);
    return NULL;
}

void stage_close(struct stage *s)
{
    if (!s)
        return;
    client_close(s->client);
    cache_close(s->cache);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int64_t stage_most_bytes(const struct stage *s)
{
    return s->wish.cache_bytes;
}

// ---- how fast it goes

bool stage_speed(struct stage *s, bool out, int64_t *bytes, int64_t *ms)
{
    pthread_mutex_lock(&s->lock);
    bool enough = speed_take(&s->speed[out], clock_tick_us(), bytes, ms);
    pthread_mutex_unlock(&s->lock);
    return enough;
}

static bool moves(struct stage *s, bool out, int64_t bytes)
{
    pthread_mutex_lock(&s->lock);
    bool counts = speed_begin(&s->speed[out], bytes, clock_tick_us());
    pthread_mutex_unlock(&s->lock);
    return counts;
}

static void moved(struct stage *s, bool out, int64_t bytes)
{
    pthread_mutex_lock(&s->lock);
    speed_add(&s->speed[out], bytes);
    pthread_mutex_unlock(&s->lock);
}

static void moves_no_more(struct stage *s, bool out)
{
    pthread_mutex_lock(&s->lock);
    speed_end(&s->speed[out], clock_tick_us());
    pthread_mutex_unlock(&s->lock);
}

// ---- the line to the house

// The house may have moved, or the token been renewed: then a new client, once nobody uses the old.
static struct client *client_take(struct stage *s, struct error *err)
{
    struct worker_house now = {0};
    if (!s->wish.find_house(s->wish.context, &now, err)) {
        err->kind = ERROR_NETWORK; // it is away, or just starting
        return NULL;
    }
    pthread_mutex_lock(&s->lock);
    bool same = s->client && strcmp(now.url, s->house.url) == 0 &&
                strcmp(now.bearer, s->house.bearer) == 0 &&
                strcmp(now.fingerprint, s->house.fingerprint) == 0;
    if (!same && !s->users) {
        client_close(s->client);
        s->house = now;
        s->client = client_open(&(struct client_wish){.url = s->house.url,
                                                      .bearer = s->house.bearer,
                                                      .fingerprint = s->house.fingerprint[0]
                                                                         ? s->house.fingerprint
                                                                         : NULL,
                                                      .lines = LINES,
                                                      .connect_timeout_ms = 5000,
                                                      .attempts = 1},
                                err);
    }
    struct client *c = s->client;
    s->users += c != NULL;
    pthread_mutex_unlock(&s->lock);
    return c;
}

static void client_give_back(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    s->users--;
    pthread_mutex_unlock(&s->lock);
}

// A try, for those that go on by themselves. What the house can not do just now counts as away.
static bool try_call(struct stage *s, struct call *call, struct arena *a, struct reply *reply,
                     struct error *err)
{
    struct client *c = client_take(s, err);
    if (!c)
        return false;
    bool ok = client_call(c, call, a, reply, err);
    client_give_back(s);
    if (!ok && (reply->problem_status == 429 || reply->problem_status >= 502))
        err->kind = ERROR_NETWORK;
    return ok;
}

static bool passes(const struct error *err)
{
    return err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT;
}

static bool wait_again(const struct stage_of *of, int64_t since_ms, int64_t *wait_ms)
{
    if (clock_tick_us() / 1000 - since_ms > PATIENCE_MS)
        return false;
    for (int64_t slept = 0; slept < *wait_ms; slept += 50) {
        if (!of->asked(of->context))
            return false;
        clock_sleep_ms(50);
    }
    *wait_ms = *wait_ms * 2 < RETRY_MOST_MS ? *wait_ms * 2 : RETRY_MOST_MS;
    return true;
}

// A call whose answer is JSON, until there is one. The JSON is the caller's.
static json_t *ask(struct stage *s, const struct stage_of *of, const struct call *wanted,
                   struct error *err)
{
    int64_t since_ms = clock_tick_us() / 1000, wait_ms = RETRY_FIRST_MS;
    json_t *json = NULL;
    do {
        struct arena *a = arena_open(LIST_BYTES);
        struct reply reply = {0};
        struct call call = *wanted;
        call.answer_limit = LIST_BYTES / 2;
        if (try_call(s, &call, a, &reply, err)) {
            json = json_loadb(reply.body.at, reply.body.size, 0, NULL);
            if (!json)
                error_set(err, ERROR_NETWORK, "the house's answer can not be read");
        }
        arena_close(a);
    } while (!json && passes(err) && wait_again(of, since_ms, &wait_ms));
    if (!json && passes(err) && !of->asked(of->context))
        error_set(err, ERROR_CANCELLED, "it was stopped");
    return json;
}

static const char *path_of(struct stage *s, const struct stage_of *of, struct arena *a,
                           const char *what, const char *more)
{
    return arena_format(a, "/api/v1/work/%s?worker=%s&attempt=%s&token=%" PRId64 "%s", what,
                        s->wish.worker, of->attempt, of->token, more);
}

static const char *word(const json_t *from, const char *name)
{
    const char *value = json_string_value(json_object_get(from, name));
    return value ? value : "";
}

// ---- fetching

struct fetching {
    struct stage *s;
    const struct stage_of *of;
};

struct taking {
    const struct fetching *f;
    cache_take *take;
    void *to;
    bool counts; // for the speed
};

static bool on_bytes(void *context, int64_t offset, const void *at, size_t size, struct error *err)
{
    struct taking *t = context;
    (void)offset;
    if (t->counts)
        moved(t->f->s, true, (int64_t)size);
    return t->take(t->to, at, size, err);
}

static bool on_progress(void *context, int64_t sent, int64_t received)
{
    struct taking *t = context;
    (void)sent;
    (void)received;
    return t->f->of->asked(t->f->of->context);
}

static bool fetch_call(struct fetching *f, struct call *call, int64_t bytes, cache_take *take,
                       void *to, struct arena *a, struct error *err)
{
    struct taking t = {f, take, to, moves(f->s, true, bytes)};
    struct reply reply = {0};
    call->download = on_bytes;
    call->progress = on_progress;
    call->context = &t;
    bool ok = try_call(f->s, call, a, &reply, err);
    if (t.counts)
        moves_no_more(f->s, true);
    // A house that gives all where a part was asked for can not be gone on with.
    if (ok && call->header_count && reply.status != 206)
        ok = error_set(err, ERROR_UNSUPPORTED, "the house gives no ranges");
    return ok;
}

static bool fetch_pack(void *context, const struct cache_file *list, size_t count, cache_take *take,
                       void *to, struct error *err)
{
    struct fetching *f = context;
    struct arena *a = arena_open((size_t)16 << 20);
    json_t *files = json_array();
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(files, json_string(sha256_text(&list[i].content).text));
        bytes += list[i].size;
    }
    json_t *body = json_pack("{s:s, s:s, s:I, s:o}", "worker", f->s->wish.worker, "attempt",
                             f->of->attempt, "token", (json_int_t)f->of->token, "files", files);
    char *text = json_dumps(body, JSON_COMPACT);
    struct call call = {.path = "/api/v1/work/pack", .body = text_of(text)};
    bool ok = fetch_call(f, &call, bytes, take, to, a, err);
    free(text);
    json_decref(body);
    arena_close(a);
    return ok;
}

static bool fetch_rest(void *context, const struct cache_file *file, int64_t offset,
                       cache_take *take, void *to, struct error *err)
{
    struct fetching *f = context;
    struct arena *a = arena_open((size_t)16 << 20);
    struct client_header range = {"Range", arena_format(a, "bytes=%" PRId64 "-", offset)};
    const char *more = arena_format(a, "&content=%s", sha256_text(&file->content).text);
    struct call call = {
        .path = path_of(f->s, f->of, a, "file", more), .headers = &range, .header_count = 1};
    bool ok = fetch_call(f, &call, file->size - offset, take, to, a, err);
    arena_close(a);
    return ok;
}

static bool fetch_asked(void *context)
{
    struct fetching *f = context;
    return f->of->asked(f->of->context);
}

// ---- what a ticket reads

bool stage_bring(struct stage *s, const struct stage_of *of, const struct cache_file *list,
                 size_t count, struct error *err)
{
    struct fetching f = {s, of};
    struct cache_source source = {fetch_pack, fetch_rest, fetch_asked, &f};
    struct cache_numbers before = cache_numbers(s->cache);
    int64_t since_ms = clock_tick_us() / 1000;
    // Nothing is pinned while we wait, so two never wait for each other.
    while (!cache_bring(s->cache, list, count, &source, err)) {
        if (err->kind != ERROR_NO_SPACE || !cache_numbers(s->cache).pinned_bytes ||
            clock_tick_us() / 1000 - since_ms > PATIENCE_MS)
            return error_while(err, "fetching what is to be read");
        for (int slept = 0; slept < ROOM_AGAIN_MS && of->asked(of->context); slept += 50)
            clock_sleep_ms(50);
        if (!of->asked(of->context))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
    }
    struct cache_numbers after = cache_numbers(s->cache);
    log_info("worker.fetched", "attempt=%s files=%zu fetched=%lld fetched_bytes=%lld", of->attempt,
             count, (long long)(after.fetched_files - before.fetched_files),
             (long long)(after.fetched_bytes - before.fetched_bytes));
    return true;
}

void stage_let_go(struct stage *s, const struct cache_file *list, size_t count)
{
    cache_let_go(s->cache, list, count);
}

bool stage_read(struct stage *s, const struct stage_of *of, const struct cache_file *file,
                int *descriptor, struct error *err)
{
    if (cache_read(s->cache, file, descriptor, err))
        return true;
    if (err->kind != ERROR_DAMAGED || !stage_bring(s, of, file, 1, err))
        return false;
    bool ok = cache_read(s->cache, file, descriptor, err);
    cache_let_go(s->cache, file, 1);
    return ok;
}

// ---- a session's files

struct staged_file {
    const char *path;
    struct cache_file is;
    bool program;
};
struct staged {
    struct stage *s;
    struct arena *a;
    const char *folder;
    struct staged_file *files;
    struct cache_file *list;
    size_t count;
    bool pinned;
};

static bool read_list(struct staged *t, const json_t *files, struct error *err)
{
    size_t i;
    const json_t *one;
    t->files = ARENA_ARRAY(t->a, struct staged_file, json_array_size(files) + 1);
    t->list = ARENA_ARRAY(t->a, struct cache_file, json_array_size(files) + 1);
    json_array_foreach(files, i, one)
    {
        struct staged_file *f = &t->files[t->count];
        f->path = arena_text(t->a, word(one, "path"));
        f->is.size = json_integer_value(json_object_get(one, "size"));
        f->program = json_is_true(json_object_get(one, "program"));
        // A path goes below the session's folder, whatever the house says.
        if (f->path[0] != '/' || strstr(f->path, "/../") || strstr(f->path, "/./") ||
            text_ends(text_of(f->path), "/..") || f->is.size < 0 ||
            !sha256_parse(text_of(word(one, "content")), &f->is.content))
            return error_set(err, ERROR_DAMAGED, "the list of the job's files can not be read");
        t->list[t->count++] = f->is;
    }
    return true;
}

static int64_t bytes_of(const struct staged *t)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < t->count; i++)
        bytes += t->list[i].size;
    return bytes;
}

static bool disk_has(const char *folder, int64_t bytes, struct error *err)
{
    int64_t free_bytes, total;
    if (!disk_space(folder, &free_bytes, &total, err))
        return false;
    if (free_bytes >= bytes + DISK_RESERVE)
        return true;
    error_set(err, ERROR_NO_SPACE, "the disk for sessions has no room for the job's files");
    error_why(err, "%s are needed in %s, %s are free", size_text(bytes).text, folder,
              size_text(free_bytes).text);
    return error_fix(err, "free space there, or let TMPDIR of the worker lead to another disk");
}

static bool copy_one(struct staged *t, const struct staged_file *f, char last[PATH_MAX],
                     struct error *err)
{
    char to[PATH_MAX], folder[PATH_MAX];
    if ((size_t)snprintf(to, sizeof(to), "%s%s", t->folder, f->path) >= sizeof(to))
        return error_set(err, ERROR_INPUT, "a path of the job is too long: %.100s", f->path);
    path_folder(to, folder, sizeof(folder));
    if (strcmp(folder, last) != 0 && !folder_make(folder, 0755, err))
        return false;
    memcpy(last, folder, strlen(folder) + 1);
    return cache_copy(t->s->cache, &f->is, to, f->program, err);
}

static bool copy_all(struct staged *t, const struct stage_of *of, struct fetching *from,
                     struct error *err)
{
    char last[PATH_MAX] = "";
    struct cache_source source = {fetch_pack, fetch_rest, fetch_asked, from};
    for (size_t i = 0; i < t->count; i++) {
        if (!of->asked(of->context))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        bool ok = copy_one(t, &t->files[i], last, err);
        if (!ok && err->kind == ERROR_DAMAGED) { // dropped: once more, from the house
            if (!cache_bring(t->s->cache, &t->list[i], 1, &source, err))
                return false;
            ok = copy_one(t, &t->files[i], last, err);
            cache_let_go(t->s->cache, &t->list[i], 1);
        }
        if (!ok)
            return error_while(err, "%.100s", t->files[i].path);
    }
    return true;
}

static void say(const struct stage_of *of, const char *words)
{
    if (of->said)
        of->said(of->context, text_of(words));
}

static bool bring(struct staged *t, const struct stage_of *of, struct error *err)
{
    struct fetching f = {t->s, of};
    struct cache_source source = {fetch_pack, fetch_rest, fetch_asked, &f};
    struct cache_numbers before = cache_numbers(t->s->cache);
    char words[200];
    if (!folder_make(t->folder, 0755, err) || !disk_has(t->folder, bytes_of(t), err) ||
        !cache_bring(t->s->cache, t->list, t->count, &source, err))
        return error_while(err, "fetching the job's files");
    t->pinned = true;
    struct cache_numbers after = cache_numbers(t->s->cache);
    snprintf(words, sizeof(words), "Files of the job: %zu, %s; fetched by this worker: %lld, %s",
             t->count, size_text(bytes_of(t)).text,
             (long long)(after.fetched_files - before.fetched_files),
             size_text(after.fetched_bytes - before.fetched_bytes).text);
    say(of, words);
    log_info("worker.staged", "attempt=%s files=%zu bytes=%lld fetched=%lld fetched_bytes=%lld",
             of->attempt, t->count, (long long)bytes_of(t),
             (long long)(after.fetched_files - before.fetched_files),
             (long long)(after.fetched_bytes - before.fetched_bytes));
    return copy_all(t, of, &f, err);
}

struct staged *staged_open(struct stage *s, const struct stage_of *of, const char *folder,
                           struct error *err)
{
    struct staged *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->s = s;
    t->a = arena_open(LIST_BYTES);
    t->folder = arena_text(t->a, folder);
    struct call call = {.path = path_of(s, of, t->a, "files", "")};
    json_t *said = ask(s, of, &call, err);
    bool ok = said && read_list(t, json_object_get(said, "files"), err) && bring(t, of, err);
    json_decref(said);
    if (ok)
        return t;
    staged_close(t);
    return NULL;
}

void staged_close(struct staged *t)
{
    struct error err;
    if (!t)
        return;
    if (t->pinned)
        cache_let_go(t->s->cache, t->list, t->count);
    if (!folder_remove(t->folder, &err))
        log_problem("stage.folder", &err);
    arena_close(t->a);
    free(t);
}

// ---- where they are

// The part that two folders have in common, in whole names: "/a/bc", "/a/bd" -> "/a".
static size_t common(const char *a, size_t size, const char *b)
{
    size_t same = 0, whole = 0;
    while (same < size && b[same] == a[same])
        same++, whole = a[same - 1] == '/' ? same - 1 : whole;
    bool ends_a = same == size, ends_b = !b[same] || b[same] == '/';
    return ends_a && ends_b ? size : !b[same] && a[same] == '/' ? same : whole;
}

struct root {
    const char *at;
    size_t size;
};

// Folders of one first name are led by one rule, from what they have in common; "/" alone never is:
// programs and libraries of the machine stay where they are.
static void add_root(struct root *roots, size_t *count, const char *path, size_t size)
{
    size_t first = 1 + strcspn(path + 1, "/");
    for (size_t i = 0; i < *count; i++) {
        size_t same = common(roots[i].at, roots[i].size, path);
        same = same > size ? size : same;
        if (same >= first && first <= size) {
            roots[i].size = same;
            return;
        }
    }
    if (size > 1)
        roots[(*count)++] = (struct root){path, size};
}

const struct openjd_path_rules *staged_rules(const struct staged *t, struct arena *a,
                                             const char *const *more, size_t more_count)
{
    struct root *roots = ARENA_ARRAY(a, struct root, t->count + more_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++)
        add_root(roots, &count, t->files[i].path,
                 (size_t)(strrchr(t->files[i].path, '/') - t->files[i].path));
    for (size_t i = 0; i < more_count; i++)
        add_root(roots, &count, more[i], strlen(more[i]));
    struct openjd_path_rules *rules = ARENA_NEW(a, struct openjd_path_rules);
    struct openjd_path_rule *list = ARENA_ARRAY(a, struct openjd_path_rule, count + 1);
    for (size_t i = 0; i < count; i++) {
        const char *source = arena_copy(a, roots[i].at, roots[i].size);
        list[i] = (struct openjd_path_rule){OPENJD_POSIX, text_of(source),
                                            text_of(arena_format(a, "%s%s", t->folder, source))};
    }
    *rules = (struct openjd_path_rules){list, count};
    return rules;
}

// ---- what was made

struct sending {
    struct stage *s;
    const struct stage_of *of;
    int file;
    int64_t from; // of the file
    int64_t sent; // of this call
    bool counts;  // for the speed
};

static int64_t give_bytes(void *context, int64_t offset, void *to, size_t room, struct error *err)
{
    struct sending *s = context;
    ssize_t got = pread(s->file, to, room, s->from + offset);
    return got >= 0 ? got : (error_errno(err, errno, "cannot read what was made"), -1);
}

static bool sending_on(void *context, int64_t sent, int64_t received)
{
    struct sending *f = context;
    (void)received;
    if (f->counts && sent > f->sent)
        moved(f->s, false, sent - f->sent);
    f->sent = sent;
    return f->of->asked(f->of->context);
}

static bool read_made(json_t *said, int64_t *offset, bool *whole)
{
    *offset = json_integer_value(json_object_get(said, "offset"));
    *whole = json_is_true(json_object_get(said, "whole"));
    return said != NULL;
}

static bool send_once(struct stage *s, struct sending *f, struct arena *a, const char *query,
                      int64_t size, bool *whole, struct error *err)
{
    struct call look = {.path = path_of(s, f->of, a, "made", query)};
    json_t *said = ask(s, f->of, &look, err);
    if (!read_made(said, &f->from, whole))
        return false;
    json_decref(said);
    if (*whole)
        return true;
    struct reply reply = {0};
    const char *more = arena_format(a, "%s&offset=%" PRId64, query, f->from);
    struct call call = {.method = "PUT",
                        .path = path_of(s, f->of, a, "made", more),
                        .content_type = "application/octet-stream",
                        .upload = give_bytes,
                        .upload_size = size - f->from,
                        .progress = sending_on,
                        .context = f};
    f->sent = 0;
    f->counts = moves(s, false, size - f->from);
    bool ok = try_call(s, &call, a, &reply, err);
    if (f->counts)
        moves_no_more(s, false);
    if (!ok)
        return false;
    said = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    int64_t offset;
    bool read = read_made(said, &offset, whole);
    json_decref(said);
    return (read && *whole) || error_set(err, ERROR_NETWORK, "what was made did not come whole");
}

// A damaged arrival is dropped there: once more from the start.
static bool send_all(struct stage *s, struct sending *f, struct arena *a, const char *query,
                     int64_t size, struct error *err)
{
    int64_t since_ms = clock_tick_us() / 1000, wait_ms = RETRY_FIRST_MS;
    int damaged = 0;
    for (bool whole = false; !whole;) {
        if (!f->of->asked(f->of->context))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        if (send_once(s, f, a, query, size, &whole, err))
            continue;
        if (err->kind == ERROR_DAMAGED && !damaged++)
            continue;
        // Our own earlier line may still be open there: the house waits for it.
        if (!passes(err) && !(err->kind == ERROR_CONFLICT && strstr(err->what, "arriving")))
            return false;
        if (!wait_again(f->of, since_ms, &wait_ms) && f->of->asked(f->of->context))
            return false;
    }
    return true;
}

// `what` says which output it is, for the house.
static bool send_path(struct stage *s, const struct stage_of *of, const char *what,
                      const char *path, sha256 *content, struct error *err)
{
    int64_t size = 0;
    struct arena *a = arena_open((size_t)64 << 20);
    struct sending f = {.s = s, .of = of, .file = open(path, O_RDONLY | O_CLOEXEC)};
    bool ok = f.file >= 0 || error_errno(err, errno, "cannot read %s", path);
    ok = ok && content_of_file(path, content, &size, err);
    const char *query = ok ? arena_format(a, "%s&size=%" PRId64 "&content=%s", what, size,
                                          sha256_text(content).text)
                           : "";
    ok = ok && send_all(s, &f, a, query, size, err);
    if (f.file >= 0)
        close(f.file);
    arena_close(a);
    return ok || error_while(err, "bringing %s to the house", strrchr(path, '/') + 1);
}

bool stage_send(struct stage *s, const struct stage_of *of, const struct stage_made *made,
                struct error *err)
{
    char what[160];
    sha256 content;
    int size = snprintf(what, sizeof(what), "&output=%" PRId64 "&frame=%" PRId64 "&task=%" PRId64,
                        made->output, made->frame, made->task);
    if (made->tile >= 0)
        snprintf(what + size, sizeof(what) - (size_t)size, "&tile=%" PRId64, made->tile);
    return send_path(s, of, what, made->path, &content, err);
}

bool stage_send_named(struct stage *s, const struct stage_of *of, const char *name,
                      const char *path, sha256 *content, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    const char *what = arena_format(a, "&name=%s", address_encode(a, text_of(name)));
    bool ok = send_path(s, of, what, path, content, err);
    arena_close(a);
    return ok;
}

// -1: not known, 0: no, 1: yes, 2: later.
static int ask_place(struct stage *s, const struct stage_of *of, const struct call *call,
                     struct error *err)
{
    json_t *said = ask(s, of, call, err);
    const char *when = word(said, "when");
    int answer = !said ? -1 : strcmp(when, "now") == 0 ? 1 : strcmp(when, "later") == 0 ? 2 : 0;
    json_decref(said);
    return answer;
}

bool stage_place(struct stage *s, const struct stage_of *of, struct error *err)
{
    json_t *body = json_pack("{s:s, s:s, s:I}", "worker", s->wish.worker, "attempt", of->attempt,
                             "token", (json_int_t)of->token);
    char *text = json_dumps(body, JSON_COMPACT);
    struct call call = {.path = "/api/v1/work/place", .body = text_of(text)};
    int answer = 2;
    while ((answer = ask_place(s, of, &call, err)) == 2 && of->asked(of->context))
        for (int slept = 0; slept < 1000 && of->asked(of->context); slept += 50)
            clock_sleep_ms(50);
    free(text);
    json_decref(body);
    return answer == 1 || (answer >= 0 && error_set(err, ERROR_CANCELLED,
                                                    "another attempt counts, or it was stopped"));
}
