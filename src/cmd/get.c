/*
 * posthouse get: the original files of an asset out of a house.
 *
 * Four threads ask for 8 MiB at a time and prove each by its hash before it is written. The bytes
 * go to a hidden file beside the place; it gets its name when all of them are there and durable.
 * A get that was killed finds that file again, proves what is in it and asks for the rest. One of a
 * recording that still comes in begins with a hidden file of its own (cmd/get_growing), which is
 * found here when it is closed.
 */
#include "cmd/client.h"
#include "cmd/get_growing.h"
#include "cmd/progress.h"
#include "cmd/take_out.h"
#include "cmd/way.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 4, TAKERS = 8, TICK_MS = 200, DAMAGED_MOST = 3 }; // TAKERS by UDP

// A file that is being taken out.
struct one {
    char path[PATH_MAX], temporary[PATH_MAX];
    int64_t number, size, modified_ms;
    sha256 content, *hashes; // of chunks; NULL when there is only one
    size_t count;
    int fd;
    bool resumed; // the hidden file was there
    // guarded by the get's lock
    size_t next, left;
};

struct get {
    struct command_call *call;
    struct way_wish way_wish;
    struct way *way;
    _Atomic int64_t moving;
    atomic_int takers; // threads that have begun
    bool json;
    struct house house;
    char version[27];
    char folder[PATH_MAX]; // where the files go
    int64_t files, bytes, patience_us;
    int64_t grown_bytes; // received while it still came in
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    json_t *page; // files to come
    size_t page_next;
    char *cursor; // of the next page; NULL: there is none
    struct one *open;
    bool opening, stopped, over;
    int running; // threads
    struct error err;
    int64_t done_files, done_bytes, received_bytes, there_files;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- which version

// The version that is meant and, for several files, the asset's name.
static json_t *find_version(struct get *g, const char *word, const char **name, struct error *err)
{
    struct client *c = g->house.client;
    json_t *asset = NULL, *version = NULL;
    asset = house_asset(c, g->call->arena, word, err);
    if (!asset && err->kind == ERROR_NOT_FOUND && id_valid(text_of(word))) {
        version = house_ask(c, "GET", NULL, err, "/versions/%s", word);
        if (version)
            asset = house_ask(c, "GET", NULL, err, "/assets/%s", json_word(version, "asset"));
    }
    if (!asset) {
        json_decref(version);
        return NULL;
    }
    if (!version)
        version = json_incref(json_object_get(asset, "version"));
    *name = arena_text(g->call->arena, json_word(asset, "name"));
    json_decref(asset);
    return version;
}

// "shot.####.exr" -> "shot": what the folder of a sequence is called.
static const char *folder_name(struct arena *a, const char *asset)
{
    size_t size = strcspn(asset, "#");
    while (size && strchr(". _-", asset[size - 1]))
        size--;
    return size ? arena_copy(a, asset, size) : asset;
}

// A recording that still comes in: taken as it grows, until it is a version. *word is that one's id
// then; NULL: there is no such recording.
static bool grow(struct get *g, const char **word, struct error *err)
{
    const char *out = option_text(g->call, "out");
    struct get_growing w = {.call = g->call,
                            .client = g->house.client,
                            .out = out ? out : ".",
                            .patience_us = g->patience_us,
                            .quiet = g->json};
    *word = NULL;
    if (!folder_make(w.out, 0777, err) || !get_growing(&w, g->call->words[0], err))
        return false;
    if (w.version[0])
        *word = arena_text(g->call->arena, w.version);
    g->grown_bytes = w.received;
    return true;
}

static json_t *find_or_grow(struct get *g, const char **name, struct error *err)
{
    const char *named = g->call->words[0], *word = NULL;
    struct error found;
    json_t *v = NULL;
    if (option_flag(g->call, "growing") && !grow(g, &word, err))
        return NULL;
    v = find_version(g, word ? word : named, name, err);
    if (v || word || err->kind != ERROR_NOT_FOUND)
        return v;
    found = *err;
    if (!grow(g, &word, err))
        return NULL;
    if (!word)
        *err = found;
    return word ? find_version(g, word, name, err) : NULL;
}

static bool find(struct get *g, struct error *err)
{
    const char *name = "", *out = option_text(g->call, "out");
    json_t *v = find_or_grow(g, &name, err);
    if (!v)
        return false;
    text_copy(text_of(json_word(v, "id")), g->version, sizeof(g->version));
    g->files = json_count(v, "file_count");
    g->bytes = json_count(v, "size");
    bool several = g->files > 1;
    json_decref(v);
    const char *below = several ? folder_name(g->call->arena, name) : "";
    out = out ? out : ".";
    if (several && !transfer_path_check(text_of(below), err))
        return false;
    if (!(several ? path_join(g->folder, sizeof(g->folder), out, below)
                  : text_copy(text_of(out), g->folder, sizeof(g->folder))))
        return error_set(err, ERROR_INPUT, "the path of --out is too long");
    return folder_make(g->folder, 0777, err);
}

// ---- asking, also of a house that is away for a while

static bool stopped(struct get *g)
{
    pthread_mutex_lock(&g->lock);
    bool is = g->stopped;
    pthread_mutex_unlock(&g->lock);
    return is;
}

static void stop(struct get *g, const struct error *err)
{
    pthread_mutex_lock(&g->lock);
    if (!g->stopped)
        g->err = *err;
    g->stopped = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    client_interrupt(g->house.client);
    way_stop(g->way);
}

struct asking {
    struct get *g;
    int64_t since_us;
};

// A house that is away is waited for.
static bool ask_again(void *context, const struct error *err)
{
    struct asking *a = context;
    bool away =
        err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT || err->kind == ERROR_TOO_MANY;
    if (!away || stopped(a->g) || clock_tick_us() - a->since_us > a->g->patience_us)
        return false;
    clock_sleep_ms(500);
    return true;
}

static bool ask_piece(struct get *g, const struct one *o, size_t number, char *to, size_t size,
                      struct error *err)
{
    struct asking asking = {g, clock_tick_us()};
    struct way_piece piece = {.way = g->way,
                              .client = g->house.client,
                              .offset = (int64_t)number * STORE_CHUNK,
                              .again = ask_again,
                              .context = &asking};
    way_piece_of(&piece, g->version, o->number, (int64_t)number);
    return way_piece_get(&piece, to, size, err);
}

// ---- proving

static bool proves(const struct one *o, size_t number, const void *at, size_t size)
{
    sha256 hash = sha256_of(at, size);
    if (o->hashes)
        return sha256_equal(&hash, &o->hashes[number]);
    hash = sha256_of(hash.at, SHA256_SIZE);
    return sha256_equal(&hash, &o->content);
}

static size_t chunk_size(const struct one *o, size_t number)
{
    int64_t left = o->size - (int64_t)number * STORE_CHUNK;
    return (size_t)(left < STORE_CHUNK ? left : STORE_CHUNK);
}

static bool read_proves(const struct one *o, int fd, size_t number, char *buffer)
{
    size_t size = chunk_size(o, number), have = 0;
    while (have < size) {
        ssize_t got =
            pread(fd, buffer + have, size - have, (off_t)number * STORE_CHUNK + (off_t)have);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return proves(o, number, buffer, size);
}

// ---- opening a file

static bool hashes_ask(struct get *g, struct one *o, struct error *err)
{
    json_t *list = house_ask(g->house.client, "GET", NULL, err, "/versions/%s/files/%lld/chunks",
                             g->version, (long long)o->number),
           *one;
    size_t i;
    if (!list)
        return false;
    bool ok = json_array_size(list) == o->count;
    o->hashes = must(calloc(o->count, sizeof(*o->hashes)));
    struct hasher *all = hasher_open("sha256");
    json_array_foreach(list, i, one)
    {
        ok = ok && json_count(one, "number") == (int64_t)i &&
             sha256_parse(text_of(json_word(one, "hash")), &o->hashes[i]);
        if (ok)
            hasher_add(all, o->hashes[i].at, SHA256_SIZE);
    }
    uint8_t digest[64];
    hasher_end(all, digest);
    json_decref(list);
    if (ok && memcmp(digest, o->content.at, SHA256_SIZE) == 0)
        return true;
    error_set(err, ERROR_DAMAGED, "the house's list of chunks is not that of the file");
    return error_fix(err, "have `posthouse check` run on the house");
}

// A file of that name is there: fine when it is the same.
static bool there_already(const struct one *o, bool *same, struct error *err)
{
    struct stat seen;
    *same = false;
    if (lstat(o->path, &seen) != 0)
        return true;
    int fd =
        S_ISREG(seen.st_mode) && seen.st_size == o->size ? open(o->path, O_RDONLY | O_CLOEXEC) : -1;
    char *buffer = must(malloc((size_t)STORE_CHUNK));
    *same = fd >= 0;
    for (size_t i = 0; *same && i < o->count; i++)
        *same = read_proves(o, fd, i, buffer);
    free(buffer);
    if (fd >= 0)
        close(fd);
    if (*same)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is there already, and is something else", o->path);
    return error_fix(err, "move it away, or take the file out to another --out");
}

static bool open_temporary(struct one *o, struct error *err)
{
    char folder[PATH_MAX], name[64];
    path_folder(o->path, folder, sizeof(folder));
    // By what it will be, so that only the same bytes find it again; short, as names may be long.
    snprintf(name, sizeof(name), ".posthouse-%.24s-%lld.part", sha256_text(&o->content).text,
             (long long)o->number);
    if (!path_join(o->temporary, sizeof(o->temporary), folder, name))
        return error_set(err, ERROR_INPUT, "the path %s is too long", o->path);
    struct stat seen;
    char grown[PATH_MAX];
    const char *own = strrchr(o->path, '/') + 1;
    // What came while it was still being recorded; proven like all that lies there already.
    bool grew = lstat(o->temporary, &seen) != 0 &&
                get_growing_part(folder, own, grown, sizeof(grown)) &&
                rename(grown, o->temporary) == 0;
    o->resumed = grew || (lstat(o->temporary, &seen) == 0 && seen.st_size == o->size);
    o->fd = open(o->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (o->fd < 0)
        return error_errno(err, errno, "cannot write into %s", folder);
    if (ftruncate(o->fd, o->size) != 0)
        return error_errno(err, errno, "cannot write %s", o->temporary);
    return true;
}

static bool read_entry(struct get *g, const json_t *entry, struct one *o, struct error *err)
{
    const char *name = json_word(entry, "name"), *modified = json_word(entry, "modified");
    char folder[PATH_MAX];
    o->number = json_count(entry, "number");
    o->size = json_count(entry, "size");
    o->count = (size_t)((o->size + STORE_CHUNK - 1) / STORE_CHUNK);
    if (modified[0] && !clock_parse(text_of(modified), &o->modified_ms))
        o->modified_ms = 0;
    // Names come from outside: nothing is written above or beside the folder.
    if (!transfer_path_check(text_of(name), err))
        return false;
    if (o->size < 0 || !sha256_parse(text_of(json_word(entry, "content")), &o->content))
        return error_set(err, ERROR_NETWORK, "cannot understand the house's list of files");
    if (!path_join(o->path, sizeof(o->path), g->folder, name))
        return error_set(err, ERROR_INPUT, "the path of %s is too long", name);
    path_folder(o->path, folder, sizeof(folder));
    return folder_make(folder, 0777, err);
}

static void one_free(struct one *o)
{
    if (!o)
        return;
    if (o->fd >= 0)
        close(o->fd);
    free(o->hashes);
    free(o);
}

// All bytes are there: durable first, then its name.
static bool finish(struct one *o, struct error *err)
{
    if (o->modified_ms) {
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                    {o->modified_ms / 1000, o->modified_ms % 1000 * 1000000}};
        if (futimens(o->fd, times) != 0)
            o->modified_ms = 0; // a file system without times; the bytes are right
    }
    if (fsync(o->fd) != 0)
        return error_errno(err, errno, "cannot make %s durable", o->path);
    if (renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_NOREPLACE) == 0)
        return true;
    // Some network file systems can not promise not to replace.
    if (errno == EINVAL && access(o->path, F_OK) != 0 && rename(o->temporary, o->path) == 0)
        return true;
    return error_errno(err, errno, "cannot name %s", o->path);
}

static void count_file(struct get *g, const struct one *o, bool there)
{ // with the lock
    g->done_files++;
    g->there_files += there;
    if (there)
        g->done_bytes += o->size;
}

// The next page of files when this one is used up. *more false: there are no more files.
static bool page_ready(struct get *g, bool *more, struct error *err)
{
    *more = true;
    while (!g->page || g->page_next == json_array_size(json_object_get(g->page, "items"))) {
        if (g->page && !g->cursor) {
            *more = false;
            return true;
        }
        json_t *page =
            house_ask(g->house.client, "GET", NULL, err, "/versions/%s/files?limit=%d%s%s",
                      g->version, 1000, g->cursor ? "&cursor=" : "", g->cursor ? g->cursor : "");
        if (!page)
            return false;
        json_decref(g->page);
        free(g->cursor);
        g->page = page;
        g->page_next = 0;
        // Cursors are made of letters that need no encoding.
        const char *next = json_word(page, "cursor");
        g->cursor = next[0] ? must(strdup(next)) : NULL;
    }
    return true;
}

// Opens the next file for all threads. Only one does so at a time, without the lock.
static bool open_next(struct get *g, struct one **opened, bool *more, struct error *err)
{
    bool same = false;
    *opened = NULL;
    if (!page_ready(g, more, err))
        return false;
    if (!*more)
        return true;
    struct one *o = must(calloc(1, sizeof(*o)));
    o->fd = -1;
    bool ok =
        read_entry(g, json_array_get(json_object_get(g->page, "items"), g->page_next++), o, err) &&
        (o->count < 2 || hashes_ask(g, o, err)) && there_already(o, &same, err) &&
        (same || open_temporary(o, err)) && (same || o->count || finish(o, err));
    if (ok && (same || !o->count)) {
        pthread_mutex_lock(&g->lock);
        count_file(g, o, same);
        pthread_mutex_unlock(&g->lock);
    } else if (ok) {
        o->left = o->count;
        *opened = o;
        return true;
    }
    one_free(o);
    return ok;
}

// ---- the bytes

static bool write_chunk(const struct one *o, size_t number, const char *at, size_t size,
                        struct error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t put =
            pwrite(o->fd, at + done, size - done, (off_t)number * STORE_CHUNK + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            error_errno(err, errno, "cannot write %s", o->path);
            return error_fix(err, "free space or mend the disk, then run the same command again: "
                                  "it goes on where it stood");
        }
        done += (size_t)put;
    }
    return true;
}

static bool take_chunk(struct get *g, struct one *o, size_t number, char *buffer, bool *came,
                       struct error *err)
{
    size_t size = chunk_size(o, number);
    *came = false;
    if (o->resumed && read_proves(o, o->fd, number, buffer))
        return true;
    *came = true;
    for (int damaged = 0; damaged < DAMAGED_MOST; damaged++) {
        if (!ask_piece(g, o, number, buffer, size, err))
            return false;
        if (proves(o, number, buffer, size))
            return write_chunk(o, number, buffer, size, err);
    }
    error_set(err, ERROR_DAMAGED, "%s is not what the house says it is", o->path);
    error_why(err, "chunk %zu came %d times with another hash", number, DAMAGED_MOST);
    return error_fix(err, "have `posthouse check` run on the house; nothing was written under the "
                          "file's name");
}

static void take(struct get *g, struct one *o, size_t number, char *buffer)
{
    struct error err;
    bool came, ok = take_chunk(g, o, number, buffer, &came, &err);
    pthread_mutex_lock(&g->lock);
    if (ok) {
        g->done_bytes += (int64_t)chunk_size(o, number);
        g->received_bytes += came ? (int64_t)chunk_size(o, number) : 0;
    }
    bool last = --o->left == 0, whole = ok && !g->stopped;
    pthread_mutex_unlock(&g->lock);
    if (!ok)
        stop(g, &err);
    if (!last)
        return;
    // A chunk of it that failed has stopped everything.
    ok = whole && finish(o, &err);
    pthread_mutex_lock(&g->lock);
    if (ok)
        count_file(g, o, false);
    pthread_mutex_unlock(&g->lock);
    if (whole && !ok)
        stop(g, &err);
    one_free(o);
}

// One step of a thread, with the lock: false when there is nothing more to do.
static bool step(struct get *g, char *buffer)
{
    if (g->stopped)
        return false;
    struct one *o = g->open;
    if (o) {
        size_t number = o->next++;
        if (o->next == o->count)
            g->open = NULL;
        pthread_mutex_unlock(&g->lock);
        take(g, o, number, buffer);
        pthread_mutex_lock(&g->lock);
        return true;
    }
    if (g->opening) {
        pthread_cond_wait(&g->changed, &g->lock);
        return true;
    }
    bool more = true;
    struct error err;
    error_clear(&err);
    g->opening = true;
    pthread_mutex_unlock(&g->lock);
    bool ok = open_next(g, &o, &more, &err);
    if (!ok)
        stop(g, &err);
    pthread_mutex_lock(&g->lock);
    g->opening = false;
    if (o)
        g->open = o;
    pthread_cond_broadcast(&g->changed);
    return ok && more;
}

static void tick(struct get *g) // with the lock
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&g->changed, &g->lock, &until);
}

static void *take_thread(void *context)
{
    struct get *g = context;
    char *buffer = must(malloc((size_t)STORE_CHUNK));
    int index = atomic_fetch_add(&g->takers, 1);
    pthread_mutex_lock(&g->lock);
    for (bool more = true; more;) {
        if (!way_udp(g->way) && index >= way_lines(g->way, LINES) && !g->stopped && !g->over)
            tick(g);
        else
            more = step(g, buffer);
    }
    g->over = true; // a thread found nothing more to do
    g->running--;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    free(buffer);
    return NULL;
}

static bool take_all(struct get *g, struct error *err)
{
    pthread_t threads[TAKERS];
    struct progress bar = progress_begin("getting", "bytes", g->json);
    g->running = TAKERS;
    for (int i = 0; i < TAKERS; i++)
        if (pthread_create(&threads[i], NULL, take_thread, g) != 0)
            abort();
    pthread_mutex_lock(&g->lock);
    while (g->running) {
        tick(g);
        int64_t done = g->done_bytes + atomic_load(&g->moving);
        bar.what = way_udp(g->way) ? "getting by UDP" : "getting by TCP";
        pthread_mutex_unlock(&g->lock);
        progress_show(&bar, done, g->bytes);
        pthread_mutex_lock(&g->lock);
    }
    pthread_mutex_unlock(&g->lock);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    progress_end(&bar);
    if (g->open && g->stopped) {
        // Its other chunks are with nobody: nobody else frees it. The hidden file stays.
        one_free(g->open);
    }
    int fd = open(g->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        if (fsync(fd) != 0 && !g->stopped) {
            error_errno(&g->err, errno, "cannot make %s durable", g->folder);
            g->stopped = true;
        }
        close(fd);
    }
    *err = g->err;
    if (!g->stopped && g->done_files != g->files) {
        error_set(err, ERROR_DAMAGED, "the house gave %lld of %lld files", (long long)g->done_files,
                  (long long)g->files);
        return false;
    }
    return !g->stopped;
}

static void tell(const struct get *g, int64_t took_us)
{
    double seconds = (double)took_us / 1e6;
    if (g->json) {
        json_t *folder = json_string(g->folder);
        json_t *all = json_pack(
            "{s:s,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:f}", "via", way_udp(g->way) ? "udp" : "tcp", "version",
            g->version, "folder", folder ? folder : json_null(), "files", (json_int_t)g->done_files,
            "there_files", (json_int_t)g->there_files, "bytes", (json_int_t)g->done_bytes,
            "received_bytes", (json_int_t)g->received_bytes, "grown_bytes",
            (json_int_t)g->grown_bytes, "seconds", seconds);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        return;
    }
    printf("%s, %s, verified in %s", files_text(g->done_files).text, size_text(g->done_bytes).text,
           g->folder);
    if (g->grown_bytes)
        printf("; %s while it grew, %s after it was closed", size_text(g->grown_bytes).text,
               size_text(g->received_bytes).text);
    else if (g->received_bytes < g->done_bytes)
        printf("; %s of it was there already", size_text(g->done_bytes - g->received_bytes).text);
    if (g->received_bytes && seconds > 0.05)
        printf("; %s by %s", rate_text((int64_t)((double)g->received_bytes / seconds)).text,
               way_word(g->way));
    printf("\n");
}

// Whether the word is the id of a delivery: *delivery is it, or NULL.
static bool find_delivery(struct get *g, json_t **delivery, struct error *err)
{
    const char *word = g->call->words[0];
    *delivery = id_valid(text_of(word))
                    ? house_ask(g->house.client, "GET", NULL, err, "/deliveries/%s", word)
                    : NULL;
    return *delivery || !id_valid(text_of(word)) || err->kind == ERROR_NOT_FOUND;
}

static bool get_delivery(struct get *g, const json_t *delivery, struct error *err)
{
    const char *folder = option_text(g->call, "out"), *final;
    folder = folder ? folder : ".";
    if (strcmp(json_word(delivery, "state"), "done") != 0) {
        error_set(err, ERROR_CONFLICT, "%s is not made yet", json_word(delivery, "name"));
        return error_fix(err, "wait until its job is done");
    }
    if (!take_out_place(g->call, delivery, folder, false, &final, err) ||
        !take_out(g->call, &g->house, delivery, folder, false, err))
        return false;
    if (g->json) {
        json_dumpf(delivery, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        printf("%s\n", final);
        take_out_print(delivery);
    }
    return true;
}

static void open_way(struct get *g)
{
    struct way_wish *w = &g->way_wish;
    w->client = g->house.client;
    w->url = g->house.url;
    w->moving = &g->moving;
    snprintf(w->path, sizeof(w->path), "/versions/%.26s/bulk", g->version);
    g->way = way_open(w);
}

static bool get_asset(struct get *g, struct error *err)
{
    int64_t began = clock_tick_us();
    if (!find(g, err))
        return false;
    open_way(g);
    if (!take_all(g, err))
        return false;
    tell(g, clock_tick_us() - began);
    return true;
}

static int run(struct command_call *call)
{
    struct get g = {.call = call, .json = option_flag(call, "json")};
    struct error err;
    json_t *delivery = NULL;
    int64_t patience;
    if (!option_int(call, "patience", 600, &patience))
        return 2;
    g.patience_us = patience * 1000000;
    pthread_mutex_init(&g.lock, NULL);
    pthread_cond_init(&g.changed, NULL);
    error_clear(&err);
    error_clear(&g.err);
    bool ok = way_options(call, &g.way_wish, &err) && house_open(call, LINES + 1, &g.house, &err) &&
              find_delivery(&g, &delivery, &err) &&
              (delivery ? get_delivery(&g, delivery, &err) : get_asset(&g, &err));
    int status = ok                          ? 0
                 : err.kind == ERROR_DAMAGED ? (command_failed(&err), 1)
                                             : command_failed(&err);
    way_close(g.way);
    json_decref(delivery);
    json_decref(g.page);
    free(g.cursor);
    pthread_mutex_destroy(&g.lock);
    pthread_cond_destroy(&g.changed);
    house_close(&g.house);
    return status;
}

static const struct option_row options[] = {
    {"out", OPTION_TEXT, "DIR", "where the files go, made when missing (here)"},
    {"growing", OPTION_FLAG, NULL,
     "the recording that comes in under this name, though an asset of it is there"},
    {"patience", OPTION_INT, "SECONDS", "how long to wait for a house that is away (600)"},
    {"json", OPTION_FLAG, NULL, "print the result as JSON, for scripts"},
    WAY_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};
const struct command command_get = {
    "get",
    "ASSET|VERSION|DELIVERY",
    "take the original files of an asset, or a deliverable, out of a house, verified",
    "An asset is named by its id (then its newest version is meant), by the id of a version, or "
    "as\n"
    "PROJECT/FOLDER/NAME. The id of a delivery takes out what was delivered, all files of it, "
    "captions\n"
    "beside it. Every 8 MiB is proven by its hash before it is written; a file gets its\n"
    "name when all of it is there. Sequences go into a folder of their own. A get that was killed\n"
    "goes on where it stood. A file that is there already and is the same is left as it is;\n"
    "another one is never replaced. A recording that still comes into the house is taken as it\n"
    "grows: it has its name here when it is closed and all of it is proven, what its recorder\n"
    "wrote anew at last too.\n"
    "Exit status: 0 all is there and proven, 1 the bytes are not what they should be, 3 it could\n"
    "not be done.",
    options,
    1,
    1,
    run,
};
