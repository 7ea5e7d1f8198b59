#include "base/log.h"
#include "farm/stage_inside.h"
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

enum { ROOM_AGAIN_MS = 1000, PATIENCE_MS = 600000 };
#define DISK_RESERVE ((int64_t)64 << 20)

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
        stage_moved(t->f->s, true, (int64_t)size);
    return t->take(t->to, at, size, err);
}

static bool on_progress(void *context, int64_t sent, int64_t received)
{
    struct taking *t = context;
    (void)sent;
    (void)received;
    return t->f->of->asked(t->f->of->context);
}

static bool pack_by_http(struct fetching *f, const struct cache_file *list, size_t count,
                         struct taking *t, struct error *err)
{
    struct arena *a = arena_open((size_t)16 << 20);
    json_t *files = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(files, json_string(sha256_text(&list[i].content).text));
    json_t *body = json_pack("{s:s, s:s, s:I, s:o}", "worker", f->s->wish.worker, "attempt",
                             f->of->attempt, "token", (json_int_t)f->of->token, "files", files);
    char *text = json_dumps(body, JSON_COMPACT);
    struct reply reply = {0};
    struct call call = {.path = "/api/v1/work/pack",
                        .body = text_of(text),
                        .download = on_bytes,
                        .progress = on_progress,
                        .context = t};
    bool ok = stage_try(f->s, &call, a, &reply, err);
    free(text);
    json_decref(body);
    arena_close(a);
    return ok;
}

// One item asks for all of it, and one comes back.
static enum way_end pack_by_udp(struct fetching *f, const struct cache_file *list, size_t count,
                                int64_t bytes, struct taking *t, struct error *err)
{
    char words[120];
    int length = snprintf(words, sizeof(words), "pack %.26s %" PRId64 " %u %" PRId64,
                          f->of->attempt, f->of->token, atomic_fetch_add(&f->s->packs, 1), bytes);
    sha256 *wanted = malloc(count * sizeof(*wanted));
    char *came = malloc((size_t)bytes);
    if (!wanted || !came)
        abort();
    for (size_t i = 0; i < count; i++)
        wanted[i] = list[i].content;
    enum way_end end = stage_item(f->s, f->of,
                                  &(struct way_item){.words = {words, (size_t)length},
                                                     .at = wanted,
                                                     .size = count * sizeof(*wanted),
                                                     .to = came,
                                                     .to_size = (size_t)bytes},
                                  err);
    if (end == WAY_DONE && !on_bytes(t, 0, came, (size_t)bytes, err))
        end = WAY_FAILED;
    free(wanted);
    free(came);
    return end;
}

static bool fetch_pack(void *context, const struct cache_file *list, size_t count, cache_take *take,
                       void *to, struct error *err)
{
    struct fetching *f = context;
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += list[i].size;
    if (!bytes)
        return true;
    struct taking t = {f, take, to, stage_moves(f->s, true, bytes)};
    enum way_end end = pack_by_udp(f, list, count, bytes, &t, err);
    bool ok = end == WAY_NOT ? pack_by_http(f, list, count, &t, err) : end == WAY_DONE;
    if (!ok && stage_passes(err))
        err->kind = ERROR_NETWORK; // the cache tries again
    if (t.counts)
        stage_moves_no_more(f->s, true);
    return ok;
}

// ---- a large one: several of its chunks are on their way at once, and are taken in order

struct rest {
    struct taking *t;
    const struct cache_file *file;
    const char *path; // that gives ranges of it
    struct arena *a;
    sha256 *hashes;       // of all its chunks; NULL: the house does not know them
    int64_t first, count; // chunks
    int lines;
    struct lane *lanes;
    pthread_mutex_t lock; // guards what follows, and the lanes' states
    pthread_cond_t changed;
    bool stop;
};

struct lane { // fetches chunks index, index + lines, ...
    struct rest *r;
    pthread_t thread;
    int64_t index;
    char *bytes; // its own while it is empty, the taker's while it is full
    size_t size;
    enum { LANE_EMPTY, LANE_FULL, LANE_FAILED } state;
    struct error err;
};

static bool chunk_proves(const struct rest *r, int64_t number, const void *at, size_t size)
{
    if (!r->hashes)
        return true;
    sha256 hash = sha256_of(at, size);
    return sha256_equal(&hash, &r->hashes[number]);
}

// What another file of the cache has is not asked for.
static bool chunk_get(struct lane *l, int64_t number, struct error *err)
{
    struct rest *r = l->r;
    const struct fetching *f = r->t->f;
    int64_t offset = number * STAGE_CHUNK, left = r->file->size - offset;
    struct way_piece piece = {.path = r->path, .offset = offset};
    l->size = (size_t)(left < STAGE_CHUNK ? left : STAGE_CHUNK);
    if (r->hashes && cache_chunk(f->s->cache, &r->hashes[number], l->bytes, l->size))
        return true;
    snprintf(piece.words, sizeof(piece.words), "staged %.26s %" PRId64 " %s %" PRId64 " %zu",
             f->of->attempt, f->of->token, sha256_text(&r->file->content).text, number, l->size);
    if (!stage_piece(f->s, f->of, &piece, l->bytes, l->size, err))
        return false;
    if (r->t->counts)
        stage_moved(f->s, true, (int64_t)l->size);
    // A line that damages is tried again, as one that is cut.
    return chunk_proves(r, number, l->bytes, l->size) ||
           error_set(err, ERROR_NETWORK, "a chunk of a file of the job arrived damaged");
}

static void *lane_run(void *context)
{
    struct lane *l = context;
    struct rest *r = l->r;
    bool ok = true;
    for (int64_t number = r->first + l->index; ok && number < r->count; number += r->lines) {
        ok = chunk_get(l, number, &l->err);
        pthread_mutex_lock(&r->lock);
        l->state = ok ? LANE_FULL : LANE_FAILED;
        pthread_cond_broadcast(&r->changed);
        while (l->state == LANE_FULL && !r->stop)
            pthread_cond_wait(&r->changed, &r->lock);
        ok = ok && !r->stop;
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

// `skip`: bytes of the first one that are here already.
static bool lanes_take(struct rest *r, size_t skip, struct error *err)
{
    bool ok = true;
    for (int64_t number = r->first; ok && number < r->count; number++, skip = 0) {
        struct lane *l = &r->lanes[(number - r->first) % r->lines];
        pthread_mutex_lock(&r->lock);
        while (l->state == LANE_EMPTY)
            pthread_cond_wait(&r->changed, &r->lock);
        ok = l->state == LANE_FULL;
        pthread_mutex_unlock(&r->lock);
        if (!ok)
            *err = l->err;
        ok = ok && r->t->take(r->t->to, l->bytes + skip, l->size - skip, err);
        pthread_mutex_lock(&r->lock);
        l->state = ok ? LANE_EMPTY : l->state;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
    }
    return ok;
}

static bool lanes_run(struct rest *r, size_t skip, struct error *err)
{
    int begun = 0;
    bool ok = true;
    r->lanes = calloc((size_t)r->lines, sizeof(*r->lanes));
    if (!r->lanes)
        abort();
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    for (; ok && begun < r->lines; begun += ok) {
        struct lane *l = &r->lanes[begun];
        *l = (struct lane){.r = r, .index = begun, .bytes = malloc((size_t)STAGE_CHUNK)};
        ok = l->bytes && pthread_create(&l->thread, NULL, lane_run, l) == 0;
        if (!ok)
            error_set(err, ERROR_NETWORK, "the worker has no memory for it now");
    }
    ok = ok && lanes_take(r, skip, err);
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < begun; i++)
        pthread_join(r->lanes[i].thread, NULL);
    for (int i = 0; i < r->lines; i++)
        free(r->lanes[i].bytes);
    free(r->lanes);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    return ok;
}

// Only a help: without the list the whole is proven in the end.
static void ask_hashes(struct rest *r, const char *more)
{
    const struct fetching *f = r->t->f;
    struct error none;
    struct reply reply = {0};
    struct call call = {.path = stage_path(f->s, f->of, r->a, "chunks", more),
                        .answer_limit = STAGE_LIST_BYTES / 2};
    json_t *list = r->count > 1 && stage_try(f->s, &call, r->a, &reply, &none)
                       ? json_loadb(reply.body.at, reply.body.size, 0, NULL)
                       : NULL,
           *one;
    size_t i;
    bool ok = list && json_array_size(list) == (size_t)r->count;
    r->hashes = ok ? ARENA_ARRAY(r->a, sha256, (size_t)r->count) : NULL;
    json_array_foreach(list, i, one) ok =
        ok && sha256_parse(text_of(word(one, "hash")), &r->hashes[i]);
    r->hashes = ok ? r->hashes : NULL;
    json_decref(list);
}

static bool fetch_rest(void *context, const struct cache_file *file, int64_t offset,
                       cache_take *take, void *to, struct error *err)
{
    struct fetching *f = context;
    struct arena *a = arena_open(STAGE_LIST_BYTES);
    struct taking t = {f, take, to, stage_moves(f->s, true, file->size - offset)};
    const char *more = arena_format(a, "&content=%s", sha256_text(&file->content).text);
    struct rest r = {.t = &t,
                     .file = file,
                     .path = stage_path(f->s, f->of, a, "file", more),
                     .a = a,
                     .first = offset / STAGE_CHUNK,
                     .count = (file->size + STAGE_CHUNK - 1) / STAGE_CHUNK,
                     .lines = stage_lines(f->s)};
    if (r.lines > r.count - r.first)
        r.lines = (int)(r.count - r.first);
    ask_hashes(&r, more);
    bool ok = lanes_run(&r, (size_t)(offset % STAGE_CHUNK), err);
    if (t.counts)
        stage_moves_no_more(f->s, true);
    arena_close(a);
    return ok;
}

static bool fetch_asked(void *context)
{
    struct fetching *f = context;
    return f->of->asked(f->of->context);
}

// What came over the line.
static int64_t came_bytes(const struct cache_numbers *before, const struct cache_numbers *after)
{
    return after->fetched_bytes - before->fetched_bytes -
           (after->shared_bytes - before->shared_bytes);
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
    log_info("worker.fetched", "attempt=%s files=%zu fetched=%lld fetched_bytes=%lld via=%s",
             of->attempt, count, (long long)(after.fetched_files - before.fetched_files),
             (long long)came_bytes(&before, &after), stage_way(s));
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
    bool fetched = after.fetched_files > before.fetched_files;
    snprintf(words, sizeof(words),
             "Files of the job: %zu, %s; fetched by this worker: %lld, %s%s%s", t->count,
             size_text(bytes_of(t)).text, (long long)(after.fetched_files - before.fetched_files),
             size_text(came_bytes(&before, &after)).text, fetched ? ", by " : "",
             fetched ? stage_way(t->s) : "");
    say(of, words);
    log_info("worker.staged",
             "attempt=%s files=%zu bytes=%lld fetched=%lld fetched_bytes=%lld via=%s", of->attempt,
             t->count, (long long)bytes_of(t),
             (long long)(after.fetched_files - before.fetched_files),
             (long long)came_bytes(&before, &after), fetched ? stage_way(t->s) : "");
    return copy_all(t, of, &f, err);
}

struct staged *staged_open(struct stage *s, const struct stage_of *of, const char *folder,
                           struct error *err)
{
    struct staged *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->s = s;
    t->a = arena_open(STAGE_LIST_BYTES);
    t->folder = arena_text(t->a, folder);
    struct call call = {.path = stage_path(s, of, t->a, "files", "")};
    json_t *said = stage_ask(s, of, &call, err);
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
