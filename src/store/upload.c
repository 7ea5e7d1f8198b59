/*
 * Uploads: bytes that are on their way in.
 *
 * The bytes go to their own place in extents/ab/ID. What of them is durable stands in
 * incoming/ID.log: records of 72 bytes, each with a check sum of its own, appended and synced only
 * after the bytes they speak of were synced. Reading stops at the first record that is not whole,
 * and what is behind it was never acknowledged.
 *
 *   0 u32 kind · 4 u32 zero · 8 u64 number · 16 u64 length · 24 u8[32] hash · 56 u64 XXH3 of the
 *   chunk · 64 u64 XXH3 of what is before it; little-endian
 *
 * Whole pages go to the disk past the page cache (O_DIRECT) where that can be had: media that comes
 * in does not push out what is being played, and copying it once less was most of the work (1 GiB
 * in 1.5 s and not 5.7 s on the machine where it was measured). Bytes are durable after a sync
 * either way.
 *
 * Threads that bring chunks of one file at the same time share the syncs of the bytes, and then
 * those of the log: each waits for its record without the upload's lock.
 *
 * Two may bring the same chunk, or finish the same file, at the same time: whoever sent it by one
 * line and heard nothing sends it again by another, and the first is still at work here. The second
 * waits for the first, then finds it done, or does it.
 *
 * A sync of the log that failed leaves it doubtful: it is written afresh, under another name, from
 * what was acknowledged, before anything is appended to it again. Who waits for a record in the
 * old one meanwhile writes it again.
 */
#include "store/store_inside.h"

#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_SIZE = 1, LOG_CHUNK, LOG_USE, LOG_OFFSET, LOG_DROP };

struct log_record { // as on the disk; little-endian machines only, as all that we run on are
    uint32_t kind, zero;
    uint64_t number;
    uint64_t length;
    uint8_t hash[32];
    uint64_t xxh3;
    uint64_t check; // XXH3 of all before it
};
_Static_assert(sizeof(struct log_record) == 72, "records have no holes");

struct chunk_there {
    sha256 hash;
    uint64_t xxh3;
    int64_t length;
    uint8_t state; // 0 none, 1 own bytes, 2 used from the store
    bool writing;
};

struct upload_log { // a file of records; another one whenever it was written afresh
    struct upload_log *older;
    int fd;
    struct sync_group group;
};

struct upload {
    struct upload *next;
    char id[27];
    int users; // guarded by the store's lock
    uint64_t used;
    pthread_mutex_t lock;
    pthread_cond_t changed; // a chunk's `writing`, `finishing` or `gone` is not what it was
    // guarded by lock
    int64_t size;
    struct chunk_there *chunks;
    size_t chunk_room;
    int data_fd, direct_fd; // the same file; direct_fd -1: not past the page cache
    struct upload_log *log; // the newest
    int64_t log_size;
    bool log_doubtful, gone, appending, finishing, streamed;
    int64_t offset, tail; // durable and written bytes of a stream
    struct sync_group data_group;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void log_path(const struct store *s, const char *id, const char *end, char to[PATH_MAX])
{
    snprintf(to, PATH_MAX, "%.4000s/incoming/%s.log%s", s->folder, id, end);
}

static struct log_record record_of(uint32_t kind, int64_t number, int64_t length,
                                   const sha256 *hash, uint64_t xxh3)
{
    struct log_record r = {
        .kind = kind, .number = (uint64_t)number, .length = (uint64_t)length, .xxh3 = xxh3};
    if (hash)
        memcpy(r.hash, hash->at, sizeof(r.hash));
    r.check = xxh3_of(&r, offsetof(struct log_record, check));
    return r;
}

static void chunk_room(struct upload *u, int64_t number)
{
    if ((size_t)number < u->chunk_room)
        return;
    size_t room = u->chunk_room ? u->chunk_room : 16;
    while (room <= (size_t)number)
        room *= 2;
    u->chunks = must(realloc(u->chunks, room * sizeof(*u->chunks)));
    memset(u->chunks + u->chunk_room, 0, (room - u->chunk_room) * sizeof(*u->chunks));
    u->chunk_room = room;
}

#define CHUNKS_MOST ((int64_t)1 << 26) // 512 TiB

static bool record_read(struct upload *u, const struct log_record *r)
{
    if (r->check != xxh3_of(r, offsetof(struct log_record, check)))
        return false;
    int64_t number = (int64_t)r->number, length = (int64_t)r->length;
    if (number < 0 || number >= CHUNKS_MOST || length < -1)
        return false;
    switch (r->kind) {
    case LOG_SIZE:
        u->size = length;
        return true;
    case LOG_OFFSET:
        u->offset = u->tail = length;
        u->streamed = true;
        return true;
    case LOG_CHUNK:
    case LOG_USE:
        chunk_room(u, number);
        memcpy(u->chunks[number].hash.at, r->hash, SHA256_SIZE);
        u->chunks[number].length = length;
        u->chunks[number].xxh3 = r->xxh3;
        u->chunks[number].state = r->kind == LOG_CHUNK ? 1 : 2;
        return true;
    case LOG_DROP:
        chunk_room(u, number);
        u->chunks[number].state = 0;
        return true;
    default:
        return false;
    }
}

static void upload_free(struct store *s, struct upload *u)
{
    if (u->data_fd >= 0)
        s->disk->close(s->disk, u->data_fd);
    if (u->direct_fd >= 0)
        s->disk->close(s->disk, u->direct_fd);
    for (struct upload_log *log = u->log, *older; log; log = older) {
        older = log->older;
        s->disk->close(s->disk, log->fd);
        sync_group_close(&log->group);
        free(log);
    }
    sync_group_close(&u->data_group);
    pthread_mutex_destroy(&u->lock);
    pthread_cond_destroy(&u->changed);
    free(u->chunks);
    free(u);
}

static struct upload *upload_new(const char *id)
{
    struct upload *u = must(calloc(1, sizeof(*u)));
    snprintf(u->id, sizeof(u->id), "%s", id);
    u->data_fd = u->direct_fd = -1;
    u->size = -1;
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->changed, NULL);
    sync_group_open(&u->data_group);
    return u;
}

static void log_take(struct upload *u, int fd)
{
    struct upload_log *log = must(calloc(1, sizeof(*log)));
    log->fd = fd;
    log->older = u->log; // somebody may be waiting for a sync of it
    sync_group_open(&log->group);
    u->log = log;
}

// 0, -ENOENT when there is none, another negative errno value.
static int upload_load(struct store *s, struct upload *u)
{
    char path[PATH_MAX];
    log_path(s, u->id, "", path);
    int fd = s->disk->open(s->disk, path, O_RDWR);
    if (fd < 0)
        return fd;
    log_take(u, fd);
    struct log_record r;
    bool any = false;
    for (;;) {
        ssize_t got = pread(fd, &r, sizeof(r), u->log_size);
        if (got < 0)
            return -errno;
        if (got != sizeof(r) || !record_read(u, &r))
            break;
        u->log_size += (int64_t)sizeof(r);
        any = true;
    }
    // What is behind the last whole record is overwritten by the next one; but a shorter one could
    // leave an old whole record behind it, so it goes.
    if (lseek(fd, 0, SEEK_END) > u->log_size) {
        int code = s->disk->truncate(s->disk, fd, u->log_size);
        if (code < 0)
            return code;
    }
    return any ? 0 : -ENOENT;
}

// With the store's lock: the upload when it is in memory.
static struct upload *upload_listed(struct store *s, const char *id)
{
    for (struct upload *u = s->uploads; u; u = u->next)
        if (strcmp(u->id, id) == 0)
            return u;
    return NULL;
}

static void uploads_trim(struct store *s) // with the store's lock
{
    int count = 0;
    struct upload **oldest = NULL;
    for (struct upload **at = &s->uploads; *at; at = &(*at)->next) {
        count++;
        // What was appended but not synced is only in memory: a stream under way stays.
        if ((*at)->users == 0 && (*at)->tail == (*at)->offset &&
            (!oldest || (*at)->used < (*oldest)->used))
            oldest = at;
    }
    if (count > UPLOAD_SLOTS && oldest) {
        struct upload *gone = *oldest;
        *oldest = gone->next;
        upload_free(s, gone);
    }
}

static bool no_upload(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such upload");
    error_why(err, "it was finished, abandoned or never begun");
    return error_fix(err, "ask for the file's state, or begin the upload again");
}

// The upload, counted and locked; give it back with upload_give. NULL with *err set.
static struct upload *upload_take(struct store *s, const char *id, struct error *err)
{
    if (!id_valid(text_of(id))) {
        no_upload(err);
        return NULL;
    }
    pthread_mutex_lock(&s->lock);
    struct upload *u = upload_listed(s, id);
    if (!u) {
        u = upload_new(id);
        int code = upload_load(s, u);
        if (code < 0) {
            pthread_mutex_unlock(&s->lock);
            upload_free(s, u);
            if (code == -ENOENT)
                no_upload(err);
            else
                store_disk_error(s, err, code, "reading what is there of an upload");
            return NULL;
        }
        u->next = s->uploads;
        s->uploads = u;
        uploads_trim(s);
    }
    u->users++;
    u->used = ++s->uses;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&u->lock);
    if (u->gone) {
        pthread_mutex_unlock(&u->lock);
        pthread_mutex_lock(&s->lock);
        if (--u->users == 0)
            upload_free(s, u);
        pthread_mutex_unlock(&s->lock);
        no_upload(err);
        return NULL;
    }
    return u;
}

static void upload_give(struct store *s, struct upload *u)
{
    bool gone = u->gone;
    pthread_mutex_unlock(&u->lock);
    pthread_mutex_lock(&s->lock);
    if (--u->users == 0 && gone)
        upload_free(s, u);
    pthread_mutex_unlock(&s->lock);
}

static void upload_unlist(struct store *s, struct upload *u)
{
    pthread_mutex_lock(&s->lock);
    for (struct upload **at = &s->uploads; *at; at = &(*at)->next) {
        if (*at == u) {
            *at = u->next;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
    u->gone = true;
    pthread_cond_broadcast(&u->changed);
}

// Out of the list and off the disk; freed when the last user gives it back. Locked.
static void upload_end(struct store *s, struct upload *u, bool keep_bytes)
{
    char path[PATH_MAX];
    if (!keep_bytes) {
        extent_path(s, u->id, "extent", path);
        s->disk->unlink(s->disk, path); // a failure is swept at the next start
    }
    log_path(s, u->id, "", path);
    s->disk->unlink(s->disk, path);
    upload_unlist(s, u);
}

// ---- the log

static int log_write_afresh(struct store *s, struct upload *u)
{
    char path[PATH_MAX], fresh[PATH_MAX], folder[PATH_MAX];
    log_path(s, u->id, "", path);
    log_path(s, u->id, ".new", fresh);
    path_folder(path, folder, sizeof(folder));
    struct buf all = BUF_LIMIT((size_t)1 << 33);
    struct log_record r = record_of(LOG_SIZE, 0, u->size, NULL, 0);
    buf_add(&all, &r, sizeof(r));
    for (size_t i = 0; i < u->chunk_room; i++) {
        const struct chunk_there *c = &u->chunks[i];
        if (c->state) {
            r = record_of(c->state == 1 ? LOG_CHUNK : LOG_USE, (int64_t)i, c->length, &c->hash,
                          c->xxh3);
            buf_add(&all, &r, sizeof(r));
        }
    }
    if (u->streamed) {
        r = record_of(LOG_OFFSET, 0, u->offset, NULL, 0);
        buf_add(&all, &r, sizeof(r));
    }
    int fd = s->disk->open(s->disk, fresh, O_RDWR | O_CREAT | O_TRUNC);
    int code = fd < 0 ? fd : s->disk->pwrite(s->disk, fd, all.at, all.size, 0);
    if (code >= 0)
        code = s->disk->datasync(s->disk, fd);
    if (code >= 0)
        code = s->disk->rename(s->disk, fresh, path);
    if (code >= 0)
        code = s->disk->sync_folder(s->disk, folder);
    if (code < 0) {
        if (fd >= 0)
            s->disk->close(s->disk, fd);
        s->disk->unlink(s->disk, fresh);
    } else {
        log_take(u, fd);
        u->log_size = (int64_t)all.size;
        u->log_doubtful = false;
    }
    buf_free(&all);
    return code;
}

// Appends records. Locked.
static int log_write(struct store *s, struct upload *u, const struct log_record *list, size_t count)
{
    int code = u->log_doubtful ? log_write_afresh(s, u) : 0;
    if (code >= 0)
        code = s->disk->pwrite(s->disk, u->log->fd, list, count * sizeof(*list), u->log_size);
    if (code < 0)
        u->log_doubtful = true;
    else
        u->log_size += (int64_t)(count * sizeof(*list));
    return code;
}

// Appends records and waits until they are durable. Locked; the lock is held throughout.
static int log_add(struct store *s, struct upload *u, const struct log_record *list, size_t count)
{
    int code = log_write(s, u, list, count);
    if (code < 0)
        return code;
    struct sync_group *group = &u->log->group;
    code = sync_group_wait(group, sync_group_ticket(group), s->disk, u->log->fd);
    u->log_doubtful = u->log_doubtful || code < 0;
    return code;
}

// The same for one record, without the lock while it waits: others add theirs to the same sync.
static int log_add_together(struct store *s, struct upload *u, const struct log_record *r)
{
    for (;;) {
        int code = log_write(s, u, r, 1);
        if (code < 0)
            return code;
        struct upload_log *log = u->log;
        uint64_t ticket = sync_group_ticket(&log->group);
        pthread_mutex_unlock(&u->lock);
        code = sync_group_wait(&log->group, ticket, s->disk, log->fd);
        pthread_mutex_lock(&u->lock);
        if (u->log == log && code < 0)
            u->log_doubtful = true;
        if (u->log == log || code < 0 || u->gone)
            return code;
    }
}

// ---- beginning

// A new one, in the list before its log is written: who begins the same one meanwhile waits for its
// lock, and does not write over its log. NULL: somebody else was first.
static struct upload *upload_first(struct store *s, const char *id, int64_t size)
{
    struct upload *u = upload_new(id);
    u->size = size;
    pthread_mutex_lock(&u->lock);
    pthread_mutex_lock(&s->lock);
    bool first = !upload_listed(s, id);
    if (first) {
        u->users = 1;
        u->used = ++s->uses;
        u->next = s->uploads;
        s->uploads = u;
        uploads_trim(s);
    }
    pthread_mutex_unlock(&s->lock);
    if (first)
        return u;
    pthread_mutex_unlock(&u->lock);
    upload_free(s, u);
    return NULL;
}

static bool same_size(const struct upload *u, int64_t size, struct error *err)
{
    if (u->size == size)
        return true;
    error_set(err, ERROR_CONFLICT, "the upload was begun with another size");
    error_why(err, "then it was %lld bytes, now %lld", (long long)u->size, (long long)size);
    return error_fix(err, "abandon it, then begin again");
}

bool store_upload_begin(struct store *s, const char *upload, int64_t size, struct error *err)
{
    if (!id_valid(text_of(upload)) || size < -1 || size > CHUNKS_MOST * STORE_CHUNK) {
        error_set(err, ERROR_INPUT, "cannot begin the upload");
        return error_why(err, "its id or its size of %lld is not possible", (long long)size);
    }
    for (;;) {
        struct error none;
        error_clear(&none);
        struct upload *u = upload_take(s, upload, &none);
        if (u) {
            bool same = same_size(u, size, err);
            upload_give(s, u);
            return same;
        }
        if (none.kind != ERROR_NOT_FOUND) {
            *err = none;
            return false;
        }
        if (!store_room(s, size > 0 ? size : 0, err))
            return false;
        u = upload_first(s, upload, size);
        if (!u)
            continue;
        int code = log_write_afresh(s, u);
        if (code < 0)
            upload_unlist(s, u);
        upload_give(s, u);
        return code >= 0 || store_disk_error(s, err, code, "beginning an upload");
    }
}

// The file of the bytes; made and its name durable when it was not there. Locked.
static int data_open(struct store *s, struct upload *u)
{
    if (u->data_fd >= 0)
        return 0;
    char path[PATH_MAX], folder[PATH_MAX];
    extent_path(s, u->id, "extent", path);
    int fd = s->disk->open(s->disk, path, O_RDWR);
    if (fd == -ENOENT) {
        int made = extent_folder(s, u->id);
        if (made < 0)
            return made;
        fd = s->disk->open(s->disk, path, O_RDWR | O_CREAT);
        path_folder(path, folder, sizeof(folder));
        int code = fd < 0 ? fd : s->disk->sync_folder(s->disk, folder);
        if (code < 0) {
            if (fd >= 0) {
                s->disk->close(s->disk, fd);
                s->disk->unlink(s->disk, path);
            }
            return code;
        }
    }
    if (fd < 0)
        return fd;
    u->data_fd = fd;
    int direct = s->disk->open(s->disk, path, O_RDWR | O_DIRECT);
    u->direct_fd = direct < 0 ? -1 : direct; // some file systems have no such thing
    return 0;
}

enum { PAGE = 4096, DIRECT_LEAST = 64 << 10 };

// Writes without the lock, by descriptors that were looked up with it.
static int data_write(struct store *s, int fd, int direct, const void *at, size_t size,
                      int64_t offset)
{
    size_t whole = size - size % PAGE;
    int code = -EINVAL;
    if (direct >= 0 && whole >= DIRECT_LEAST && (uintptr_t)at % PAGE == 0 && offset % PAGE == 0)
        code = s->disk->pwrite(s->disk, direct, at, whole, offset);
    if (code == -EINVAL) // this disk wants it otherwise
        whole = 0;
    else if (code < 0)
        return code;
    if (whole == size)
        return 0;
    return s->disk->pwrite(s->disk, fd, (const char *)at + whole, size - whole,
                           offset + (int64_t)whole);
}

// ---- chunks

static bool chunk_fits(const struct upload *u, int64_t number, int64_t length, struct error *err)
{
    int64_t most = STORE_CHUNK;
    bool fits = number >= 0 && number < CHUNKS_MOST;
    if (fits && u->size >= 0) {
        int64_t left = u->size - number * STORE_CHUNK;
        most = left < STORE_CHUNK ? left : STORE_CHUNK;
        fits = left > 0 && length == most;
    } else if (fits) {
        fits = length > 0 && length <= STORE_CHUNK;
    }
    if (fits)
        return true;
    error_set(err, ERROR_INPUT, "chunk %lld does not fit the file", (long long)number);
    error_why(err, "it has %lld bytes; a chunk is 8 MiB, the last one what is left of %lld",
              (long long)length, (long long)u->size);
    return error_fix(err, "if the file has changed, send it anew");
}

// Locked. Makes the chunk's place free for other bytes: durable before they are written.
static int chunk_drop(struct store *s, struct upload *u, int64_t number)
{
    struct log_record r = record_of(LOG_DROP, number, 0, NULL, 0);
    int code = log_add(s, u, &r, 1);
    if (code >= 0)
        u->chunks[number].state = 0;
    return code;
}

// Locked. Whether the chunk is there: waits as long as somebody else writes it, or finishes the
// file with another one in its place.
static bool chunk_wait(struct upload *u, int64_t number, const sha256 *hash)
{
    for (;;) {
        const struct chunk_there *c = &u->chunks[number];
        if (!c->writing && c->state && sha256_equal(&c->hash, hash))
            return true;
        if (u->gone || (!c->writing && !u->finishing))
            return false;
        pthread_cond_wait(&u->changed, &u->lock);
    }
}

bool store_put_chunk(struct store *s, const char *upload, int64_t number, const void *at,
                     size_t size, const sha256 *claimed, struct error *err)
{
    sha256 hash = sha256_of(at, size);
    uint64_t xxh3 = xxh3_of(at, size);
    if (!sha256_equal(&hash, claimed)) {
        error_set(err, ERROR_DAMAGED, "chunk %lld arrived damaged", (long long)number);
        error_why(err, "its SHA-256 is %.16s..., it was to be %.16s...", sha256_text(&hash).text,
                  sha256_text(claimed).text);
        return error_fix(err, "send it again");
    }
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    bool ok = false;
    if (!chunk_fits(u, number, (int64_t)size, err) || !store_room(s, (int64_t)size, err))
        goto out;
    chunk_room(u, number);
    ok = chunk_wait(u, number, &hash);
    if (ok)
        goto out;
    if (u->gone) {
        no_upload(err);
        goto out;
    }
    int code = u->chunks[number].state ? chunk_drop(s, u, number) : 0;
    if (code >= 0)
        code = data_open(s, u);
    if (code >= 0) {
        u->chunks[number].writing = true;
        int fd = u->data_fd, direct = u->direct_fd;
        pthread_mutex_unlock(&u->lock); // others write their chunks meanwhile
        code = data_write(s, fd, direct, at, size, number * STORE_CHUNK);
        if (code >= 0)
            code = sync_group_wait(&u->data_group, sync_group_ticket(&u->data_group), s->disk, fd);
        pthread_mutex_lock(&u->lock);
        if (code >= 0 && !u->gone) {
            struct log_record r = record_of(LOG_CHUNK, number, (int64_t)size, &hash, xxh3);
            code = log_add_together(s, u, &r);
        }
        u->chunks[number].writing = false;
        pthread_cond_broadcast(&u->changed);
    }
    if (code >= 0 && u->gone) {
        no_upload(err);
        goto out;
    }
    if (code >= 0) {
        struct chunk_there *c = &u->chunks[number];
        *c = (struct chunk_there){.hash = hash, .xxh3 = xxh3, .length = (int64_t)size, .state = 1};
        ok = true;
    } else {
        store_disk_error(s, err, code, "writing a chunk");
    }
out:
    upload_give(s, u);
    return ok;
}

struct known {
    const sha256 *hash;
    int64_t length, xxh3; // length -1: it is not here
};

static bool find_chunk(struct db_tx *tx, void *context, struct error *err)
{
    struct known *k = context;
    k->length = -1;
    struct db_rows *rows = db_query(tx,
                                    "select c.length, c.xxh3 from chunks c join extents e on e.id "
                                    "= c.extent where c.hash = ?1 and e.kind <> 'place'",
                                    "b", k->hash->at, (size_t)SHA256_SIZE);
    if (db_next(rows)) {
        k->length = db_int(rows, 0);
        k->xxh3 = db_int(rows, 1);
    }
    return db_end(rows, err);
}

struct known_list {
    struct known *list;
    size_t count;
};

static bool find_chunks(struct db_tx *tx, void *context, struct error *err)
{
    struct known_list *l = context;
    for (size_t i = 0; i < l->count; i++)
        if (!find_chunk(tx, &l->list[i], err))
            return false;
    return true;
}

// Locked. Notes in one sync which of them are used; others may be writing theirs meanwhile.
static bool use_known(struct store *s, struct upload *u, const struct store_use *list,
                      const struct known *known, size_t count, bool *used, struct error *err)
{
    struct buf records = BUF_LIMIT((size_t)1 << 33);
    struct error unfit;
    for (size_t i = 0; i < count; i++) {
        int64_t number = list[i].number;
        if (number >= 0 && (size_t)number < u->chunk_room && u->chunks[number].state &&
            sha256_equal(&u->chunks[number].hash, &list[i].hash))
            used[i] = true;
        // What still grows is read while it comes in, all of it from its own place.
        if (used[i] || known[i].length < 0 || u->finishing || u->size < 0 ||
            !chunk_fits(u, number, known[i].length, &unfit))
            continue;
        chunk_room(u, number);
        if (u->chunks[number].writing)
            continue;
        struct log_record r =
            record_of(LOG_USE, number, known[i].length, &list[i].hash, (uint64_t)known[i].xxh3);
        buf_add(&records, &r, sizeof(r));
    }
    int code = records.size ? log_add(s, u, (const struct log_record *)records.at,
                                      records.size / sizeof(struct log_record))
                            : 0;
    // What was written down, in the same order.
    for (size_t i = 0, at = 0; code >= 0 && i < count && at < records.size; i++) {
        const struct log_record *r = (const struct log_record *)(records.at + at);
        if ((int64_t)r->number != list[i].number || used[i] || known[i].length < 0 ||
            memcmp(r->hash, list[i].hash.at, SHA256_SIZE) != 0)
            continue;
        u->chunks[list[i].number] = (struct chunk_there){.hash = list[i].hash,
                                                         .xxh3 = (uint64_t)known[i].xxh3,
                                                         .length = known[i].length,
                                                         .state = 2};
        used[i] = true;
        at += sizeof(*r);
    }
    buf_free(&records);
    return code >= 0 || store_disk_error(s, err, code, "noting chunks");
}

bool store_use_chunks(struct store *s, const char *upload, const struct store_use *list,
                      size_t count, bool *used, struct error *err)
{
    struct known_list l = {must(calloc(count ? count : 1, sizeof(*l.list))), count};
    for (size_t i = 0; i < count; i++) {
        l.list[i].hash = &list[i].hash;
        used[i] = false;
    }
    bool ok = count == 0 || db_read(s->db, find_chunks, &l, err);
    struct upload *u = ok ? upload_take(s, upload, err) : NULL;
    ok = u && use_known(s, u, list, l.list, count, used, err);
    if (u)
        upload_give(s, u);
    free(l.list);
    return ok;
}

// ---- streams

static bool stream_chunk(struct store *s, struct upload *u, int64_t number, int64_t length,
                         const void *at, struct error *err)
{
    char *own = NULL;
    if (!at) {
        own = must(malloc((size_t)length));
        int64_t have = 0;
        while (have < length) {
            ssize_t got =
                pread(u->data_fd, own + have, (size_t)(length - have), number * STORE_CHUNK + have);
            if (got <= 0) {
                int why = got < 0 ? errno : EIO;
                free(own);
                return store_disk_error(s, err, why, "reading back what was written");
            }
            have += got;
        }
        at = own;
    }
    chunk_room(u, number);
    u->chunks[number] = (struct chunk_there){.hash = sha256_of(at, (size_t)length),
                                             .xxh3 = xxh3_of(at, (size_t)length),
                                             .length = length,
                                             .state = 0}; // 1 when it is durable
    free(own);
    return true;
}

bool store_append(struct store *s, const char *upload, int64_t offset, const void *at, size_t size,
                  struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    bool ok = false;
    if (u->appending || u->finishing || offset != u->tail) {
        error_set(err, ERROR_CONFLICT, "these bytes do not follow what is there");
        error_why(err, "they begin at %lld, the upload stands at %lld%s", (long long)offset,
                  (long long)u->tail, u->appending ? ", and somebody else is sending" : "");
        error_fix(err, "ask where the upload stands (HEAD) and go on from there");
        goto out;
    }
    if (u->size >= 0 && offset + (int64_t)size > u->size) {
        error_set(err, ERROR_TOO_BIG, "more bytes came than the file was to have");
        error_why(err, "it was to be %lld bytes, these end at %lld", (long long)u->size,
                  (long long)(offset + (int64_t)size));
        goto out;
    }
    if (!store_room(s, (int64_t)size, err))
        goto out;
    int code = data_open(s, u);
    if (code >= 0) {
        u->appending = true;
        int fd = u->data_fd, direct = u->direct_fd;
        pthread_mutex_unlock(&u->lock);
        code = data_write(s, fd, direct, at, size, offset);
        if (code >= 0)
            s->disk->push(s->disk, fd, offset, (int64_t)size);
        pthread_mutex_lock(&u->lock);
        u->appending = false;
    }
    if (code < 0) {
        store_disk_error(s, err, code, "writing bytes");
        goto out;
    }
    ok = true;
    int64_t end = offset + (int64_t)size;
    u->tail = end;
    u->streamed = true;
    // Chunks that these bytes complete.
    for (int64_t n = offset / STORE_CHUNK; ok && n * STORE_CHUNK < end; n++) {
        int64_t from = n * STORE_CHUNK, until = from + STORE_CHUNK;
        if (u->size >= 0 && until > u->size)
            until = u->size;
        if (until <= end)
            ok = stream_chunk(s, u, n, until - from,
                              from >= offset ? (const char *)at + (from - offset) : NULL, err);
    }
    if (!ok)
        u->tail = u->offset;
out:
    upload_give(s, u);
    return ok;
}

static bool stream_sync(struct store *s, struct upload *u, struct error *err)
{
    if (u->tail == u->offset)
        return true;
    int code =
        sync_group_wait(&u->data_group, sync_group_ticket(&u->data_group), s->disk, u->data_fd);
    struct buf list = BUF_LIMIT((size_t)1 << 33);
    int64_t first = u->offset / STORE_CHUNK, last = (u->tail - 1) / STORE_CHUNK;
    bool whole_end = u->tail % STORE_CHUNK == 0 || u->tail == u->size;
    struct log_record r;
    for (int64_t n = first; n <= last; n++) {
        if (n == last && !whole_end)
            break;
        r = record_of(LOG_CHUNK, n, u->chunks[n].length, &u->chunks[n].hash, u->chunks[n].xxh3);
        buf_add(&list, &r, sizeof(r));
    }
    r = record_of(LOG_OFFSET, 0, u->tail, NULL, 0);
    buf_add(&list, &r, sizeof(r));
    if (code >= 0)
        code = log_add(s, u, (const struct log_record *)list.at, list.size / sizeof(r));
    buf_free(&list);
    if (code < 0) {
        u->tail = u->offset; // not written, as far as anybody may believe
        return store_disk_error(s, err, code, "making bytes durable");
    }
    for (int64_t n = first; n <= last; n++)
        if (n != last || whole_end)
            u->chunks[n].state = 1;
    u->offset = u->tail;
    return true;
}

bool store_append_sync(struct store *s, const char *upload, int64_t *offset, struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    bool ok = stream_sync(s, u, err);
    *offset = u->offset;
    upload_give(s, u);
    return ok;
}

bool store_append_undo(struct store *s, const char *upload, struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    u->tail = u->offset;
    upload_give(s, u);
    return true;
}

bool store_upload_size(struct store *s, const char *upload, int64_t size, struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    bool ok = u->size == size;
    if (!ok && (u->size >= 0 || size < u->tail)) {
        error_set(err, ERROR_CONFLICT, "the file's size can not change any more");
        error_why(err, "it is %lld, %lld bytes are there", (long long)u->size, (long long)u->tail);
    } else if (!ok) {
        struct log_record r = record_of(LOG_SIZE, 0, size, NULL, 0);
        int64_t last = u->tail ? (u->tail - 1) / STORE_CHUNK : 0;
        ok = true;
        int code = log_add(s, u, &r, 1);
        if (code < 0) {
            ok = store_disk_error(s, err, code, "noting the file's size");
        } else {
            u->size = size;
            // The last chunk may have become whole by this.
            if (size == u->tail && size % STORE_CHUNK && (code = data_open(s, u)) >= 0) {
                ok = stream_chunk(s, u, last, size - last * STORE_CHUNK, NULL, err);
                r = record_of(LOG_CHUNK, last, u->chunks[last].length, &u->chunks[last].hash,
                              u->chunks[last].xxh3);
                if (ok && u->tail == u->offset && log_add(s, u, &r, 1) >= 0)
                    u->chunks[last].state = 1;
            }
        }
    }
    upload_give(s, u);
    return ok;
}

// ---- asking

bool store_upload_state(struct store *s, const char *upload, struct arena *a,
                        struct store_upload *state, struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    memset(state, 0, sizeof(*state));
    state->size = u->size;
    int64_t bits =
        u->size >= 0 ? (u->size + STORE_CHUNK - 1) / STORE_CHUNK : (int64_t)u->chunk_room;
    uint8_t *there = a ? arena_take(a, (size_t)(bits / 8 + 1)) : NULL;
    state->chunk_bits = bits;
    state->chunks = there;
    int64_t run = 0;
    bool unbroken = true;
    for (int64_t n = 0; n < bits && (size_t)n < u->chunk_room; n++) {
        const struct chunk_there *c = &u->chunks[n];
        unbroken = unbroken && c->state;
        if (!c->state)
            continue;
        if (there)
            there[n / 8] |= (uint8_t)(1u << (n & 7));
        state->chunk_count++;
        state->received += c->length;
        if (unbroken)
            run += c->length;
    }
    // A stream's last bytes are not a whole chunk yet.
    state->offset = u->offset > run ? u->offset : run;
    if (u->offset > state->received)
        state->received = u->offset;
    state->complete = u->size >= 0 && state->chunk_count == bits;
    upload_give(s, u);
    return true;
}

// Locked. Chunks of our own from the start on, and their bytes; only the last one is shorter. What
// is written anew keeps its place.
static size_t unbroken(const struct upload *u, int64_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    for (bool whole = true; whole && n < u->chunk_room; n++) {
        const struct chunk_there *c = &u->chunks[n];
        if (c->state != 1 && !(c->writing && c->length))
            break;
        *bytes += c->length;
        whole = c->length == STORE_CHUNK;
    }
    return n;
}

bool store_upload_came(struct store *s, const char *upload, int64_t from, size_t most,
                       struct arena *a, struct store_came **list, size_t *count, int64_t *bytes,
                       struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    size_t end = unbroken(u, bytes), first = from > 0 ? (size_t)from : 0;
    size_t room = end > first ? end - first : 0;
    *count = 0;
    *list = ARENA_ARRAY(a, struct store_came, (room < most ? room : most) + 1);
    for (size_t n = first; n < end && *count < most; n++)
        if (u->chunks[n].state == 1)
            (*list)[(*count)++] =
                (struct store_came){(int64_t)n, u->chunks[n].length, u->chunks[n].hash};
    upload_give(s, u);
    return true;
}

bool store_upload_open(struct store *s, const char *upload, int *fd, int64_t *bytes,
                       struct error *err)
{
    char path[PATH_MAX];
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    (void)unbroken(u, bytes);
    extent_path(s, u->id, "extent", path);
    *fd = *bytes ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    int why = errno;
    upload_give(s, u);
    if (*fd >= 0)
        return true;
    return *bytes ? error_errno(err, why, "the bytes of an upload can not be read")
                  : error_set(err, ERROR_NOT_FOUND, "no bytes of the upload are there yet");
}

bool store_upload_chunk(struct store *s, const char *upload, int64_t number, sha256 *hash,
                        bool *there, struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    *there = number >= 0 && (size_t)number < u->chunk_room && u->chunks[number].state;
    if (*there)
        *hash = u->chunks[number].hash;
    upload_give(s, u);
    return true;
}

bool store_upload_abandon(struct store *s, const char *upload, struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u && err->kind == ERROR_NOT_FOUND) {
        error_clear(err);
        return true;
    }
    if (!u)
        return false;
    while (u->finishing && !u->gone)
        pthread_cond_wait(&u->changed, &u->lock);
    if (!u->gone)
        upload_end(s, u, false);
    upload_give(s, u);
    return true;
}

// ---- finishing

static bool into_pack(struct store *s, struct upload *u, struct store_bytes **made,
                      struct error *err)
{
    char *bytes = must(malloc((size_t)u->size + 1));
    int code = data_open(s, u);
    int64_t have = 0;
    while (code >= 0 && have < u->size) {
        ssize_t got = pread(u->data_fd, bytes + have, (size_t)(u->size - have), have);
        if (got <= 0)
            code = got < 0 ? -errno : -EIO;
        else
            have += got;
    }
    text one = {bytes, (size_t)u->size};
    bool ok = code >= 0 ? store_put_small(s, &one, 1, made, err)
                        : store_disk_error(s, err, code, "reading a small file back");
    free(bytes);
    if (ok && u->size && !sha256_equal(&(*made)->files[0].pieces[0].hash, &u->chunks[0].hash)) {
        store_settle(s, *made, false);
        error_set(err, ERROR_DAMAGED, "the disk gave back other bytes than were written");
        ok = error_fix(err, "send the file again, and look at the disk of the store");
    }
    return ok;
}

// Locked. Somebody else finishes it, or still writes one of its chunks.
static bool busy(const struct upload *u)
{
    bool is = u->finishing;
    for (size_t i = 0; i < u->chunk_room && !is; i++)
        is = u->chunks[i].writing;
    return is;
}

bool store_upload_finish(struct store *s, const char *upload, struct store_bytes **made,
                         struct error *err)
{
    struct upload *u = upload_take(s, upload, err);
    if (!u)
        return false;
    while (busy(u) && !u->gone)
        pthread_cond_wait(&u->changed, &u->lock);
    if (u->gone) {
        no_upload(err);
        upload_give(s, u);
        return false;
    }
    bool ok = false, own = false;
    int64_t need = u->size >= 0 ? (u->size + STORE_CHUNK - 1) / STORE_CHUNK : 0, first = -1;
    int64_t missing = 0;
    for (int64_t n = 0; n < need; n++) {
        bool there = (size_t)n < u->chunk_room && u->chunks[n].state;
        own = own || (there && u->chunks[n].state == 1);
        if (!there && missing++ == 0)
            first = n;
    }
    if (u->size < 0 || missing) {
        error_set(err, ERROR_CONFLICT, "the file is not complete");
        if (u->size < 0)
            error_why(err, "nobody has said how long it is");
        else
            error_why(err, "%lld of %lld chunks are missing, the first is %lld", (long long)missing,
                      (long long)need, (long long)first);
        error_fix(err, "send what is missing, then finish again");
        goto out;
    }
    if (u->size < STORE_SMALL && (own || u->size == 0)) {
        if (!into_pack(s, u, made, err))
            goto out;
    } else {
        struct store_bytes *b = must(calloc(1, sizeof(*b)));
        b->files = must(calloc(1, sizeof(*b->files)));
        b->count = 1;
        struct made_file *f = &b->files[0];
        f->size = u->size;
        f->count = (size_t)need;
        f->pieces = must(calloc(f->count, sizeof(*f->pieces)));
        for (int64_t n = 0; n < need; n++)
            f->pieces[n] = (struct piece_of){u->chunks[n].hash, u->chunks[n].xxh3, n * STORE_CHUNK,
                                             u->chunks[n].length, u->chunks[n].state == 2};
        f->content = content_of(f->pieces, f->count);
        b->kind = "extent";
        if (own) {
            memcpy(b->extent, u->id, sizeof(b->extent));
            extent_name(b->extent, "extent", b->path);
            b->extent_size = u->size;
        }
        *made = b;
    }
    memcpy((*made)->upload, u->id, sizeof((*made)->upload));
    u->finishing = true;
    ok = true;
out:
    upload_give(s, u);
    return ok;
}

void upload_recorded(struct store *s, const char *id, bool own_bytes)
{
    struct error err;
    struct upload *u = upload_take(s, id, &err);
    if (!u)
        return;
    bool packed = u->size < STORE_SMALL;
    upload_end(s, u, own_bytes && !packed);
    upload_give(s, u);
}

// The transaction was not committed. Chunks that were shared and have been dropped meanwhile are
// missing now.
void upload_recheck(struct store *s, const char *id)
{
    struct error err;
    struct upload *u = upload_take(s, id, &err);
    if (!u)
        return;
    for (size_t i = 0; i < u->chunk_room; i++) {
        struct known k = {.hash = &u->chunks[i].hash};
        if (u->chunks[i].state == 2 && db_read(s->db, find_chunk, &k, &err) && k.length < 0)
            chunk_drop(s, u, (int64_t)i); // one that can not be noted is found again next time
    }
    u->finishing = false;
    pthread_cond_broadcast(&u->changed);
    upload_give(s, u);
}

// ---- start and end

bool upload_is_open(struct store *s, const char *id)
{
    char path[PATH_MAX];
    log_path(s, id, "", path);
    return access(path, F_OK) == 0;
}

void upload_forget_log(struct store *s, const char *id)
{
    char path[PATH_MAX];
    log_path(s, id, "", path);
    s->disk->unlink(s->disk, path);
}

static bool recover_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)enter;
    struct store *s = context;
    size_t size = strlen(f->relative);
    if (f->kind != FILE_PLAIN)
        return true;
    bool bad = size != 30 || strcmp(f->relative + 26, ".log") != 0;
    if (!bad) {
        char id[27];
        snprintf(id, sizeof(id), "%s", f->relative);
        struct upload *u = upload_new(id);
        int code = upload_load(s, u);
        bad = code == -ENOENT; // never acknowledged
        upload_free(s, u);
        if (code < 0 && !bad)
            return store_disk_error(s, err, code, "reading what is there of an upload");
    }
    int code = bad ? s->disk->unlink(s->disk, f->path) : 0;
    return code >= 0 || store_disk_error(s, err, code, "removing what was never acknowledged");
}

bool uploads_recover(struct store *s, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/incoming", s->folder);
    struct walk_wish wish = {.seen = recover_one, .context = s};
    return folder_walk(path, &wish, err);
}

static bool count_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)enter;
    (void)err;
    *(int64_t *)context += f->kind == FILE_PLAIN;
    return true;
}

int64_t uploads_count(struct store *s)
{
    char path[PATH_MAX];
    int64_t count = 0;
    struct error err;
    snprintf(path, sizeof(path), "%.4000s/incoming", s->folder);
    struct walk_wish wish = {.seen = count_one, .context = &count};
    return folder_walk(path, &wish, &err) ? count : 0;
}

void uploads_close(struct store *s)
{
    for (struct upload *u = s->uploads, *next; u; u = next) {
        next = u->next;
        upload_free(s, u);
    }
    s->uploads = NULL;
}
