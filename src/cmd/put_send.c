#include "cmd/put_send.h"

#include "cmd/client.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HASHERS = 2,
    SENDERS = 8, // by UDP; by HTTP only the first LINES of them
    LINES = 4,
    BUFFERS = 12, // by UDP; else BUFFERS_HTTP
    BUFFERS_HTTP = 8,
    SOURCES_MOST = 12, // files and batches open at once
    CLAIM_MOST = 1024,
    SMALL_FILES_MOST = 2000,
    FAILURES_MOST = 1000,
    TICK_MS = 200,
};

struct one_file {
    struct file_seen seen; // path and relative are this struct's own
    char *as;
};

enum state { NEW, BEGINNING, BEGUN, FAILED };

// A large file, or a batch of small ones.
struct source {
    struct source *next; // of those with chunks to hash
    struct one_file *files;
    size_t file_count;
    int64_t bytes;
    bool batch;
    // guarded by the sending's lock
    enum state state;
    bool there; // the house had the whole file already
    int users;  // one for being in the list, one a thread or unit that has to do with it
    size_t next_chunk, chunk_count;
    bool claiming;
    struct unit *unclaimed;
    int64_t done_bytes, sent_bytes;
    struct error err; // with FAILED
    // its threads', between BEGUN and the last user
    int fd;
    char id[27];
    struct hashes *hashes;
};

// A chunk in a buffer, or a batch.
struct unit {
    struct unit *next;
    struct source *source;
    size_t number;
    sha256 hash;
    size_t size, skip; // bytes of the buffer from `skip` on
    char *buffer;
    bool known; // the hash comes from the journal
    bool retried;
};

struct failure {
    char *path;
    struct error err;
};

struct sender {
    struct sending *sending;
    int index;
};

struct sending {
    struct client *client;
    struct way *way;
    struct sender senders[SENDERS];
    struct journal *journal;
    char transfer[27];
    int64_t patience_us;
    pthread_t threads[HASHERS + SENDERS];
    bool joined;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    struct source *first, *last; // with chunks to hash
    struct source *small;        // the batch that is being filled
    int sources;                 // alive, without `small`
    struct unit *ready, *ready_last;
    char *buffers[BUFFERS]; // free ones
    int buffer_count, buffers_made;
    bool ended, stopped;
    struct error stop;
    int64_t away_since_us; // 0: the house answers
    struct failure *failures;
    size_t failure_count;
    struct sending_numbers numbers;
    struct speed speed;
    _Atomic int64_t moving;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- waiting and stopping. "with the lock" is said where it is held

static void nudge(struct sending *s)
{
    pthread_cond_broadcast(&s->changed);
}

static void tick(struct sending *s) // with the lock
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

static void stop(struct sending *s, const struct error *err)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopped) {
        s->stopped = true;
        s->stop = *err;
    }
    nudge(s);
    pthread_mutex_unlock(&s->lock);
    client_interrupt(s->client);
    way_stop(s->way);
}

static bool is_stopped(struct sending *s)
{
    pthread_mutex_lock(&s->lock);
    bool stopped = s->stopped;
    pthread_mutex_unlock(&s->lock);
    return stopped;
}

static char *buffer_take(struct sending *s) // with the lock; NULL: stopped
{
    int most = way_udp(s->way) ? BUFFERS : BUFFERS_HTTP;
    while (!s->stopped && !s->buffer_count && s->buffers_made >= most)
        pthread_cond_wait(&s->changed, &s->lock);
    if (s->stopped)
        return NULL;
    if (s->buffer_count)
        return s->buffers[--s->buffer_count];
    s->buffers_made++;
    return must(malloc((size_t)STORE_CHUNK));
}

static void buffer_give(struct sending *s, char *buffer) // with the lock
{
    s->buffers[s->buffer_count++] = buffer;
    nudge(s);
}

// ---- calls that outlive a house that is away for a while

static bool house_is_away(const struct error *err)
{
    return err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT || err->kind == ERROR_TOO_MANY;
}

// Errors after which no other file would fare better.
static bool concerns_all(const struct error *err)
{
    return err->kind == ERROR_LOGIN || err->kind == ERROR_DENIED || err->kind == ERROR_NO_SPACE ||
           err->kind == ERROR_CANCELLED || err->kind == ERROR_NETWORK ||
           err->kind == ERROR_TIMEOUT || err->kind == ERROR_TOO_MANY;
}

struct moving {
    _Atomic int64_t *all;
    int64_t sent;
};

static bool progress(void *context, int64_t sent, int64_t received)
{
    struct moving *m = context;
    (void)received;
    atomic_fetch_add(m->all, sent - m->sent);
    m->sent = sent;
    return true;
}

static bool call_begins(struct sending *s, const struct call *call)
{
    pthread_mutex_lock(&s->lock);
    bool counts = speed_begin(&s->speed, (int64_t)call->body.size, clock_tick_us());
    pthread_mutex_unlock(&s->lock);
    return counts;
}

static void call_ends(struct sending *s, int64_t bytes)
{
    pthread_mutex_lock(&s->lock);
    speed_add(&s->speed, bytes);
    speed_end(&s->speed, clock_tick_us());
    pthread_mutex_unlock(&s->lock);
}

// False with *err set; when that concerns all, the sending has stopped.
static bool ask(struct sending *s, struct call *call, struct arena *a, struct reply *reply,
                struct error *err)
{
    int64_t away_since = 0;
    call->repeatable = true;
    for (int unwell = 0;;) {
        struct moving moving = {&s->moving, 0};
        call->progress = call->body.size > 65536 ? progress : NULL;
        call->context = &moving;
        bool counts = call_begins(s, call);
        bool ok = client_call(s->client, call, a, reply, err), away = !ok && house_is_away(err);
        if (counts)
            call_ends(s, ok ? (int64_t)call->body.size : 0);
        atomic_fetch_sub(&s->moving, moving.sent);
        int64_t now = clock_tick_us();
        away_since = away ? away_since ? away_since : now : 0;
        pthread_mutex_lock(&s->lock);
        bool stopped = s->stopped;
        s->away_since_us = ok ? 0 : away ? away_since : s->away_since_us;
        pthread_mutex_unlock(&s->lock);
        if (ok)
            return true;
        // A house that is being started or stopped may fail in other ways.
        bool again = reply->problem_status == 500 && unwell < 8;
        if (!stopped && away && now - away_since < s->patience_us) {
            clock_sleep_ms(500);
        } else if (!stopped && again) {
            unwell++;
            clock_sleep_ms(250);
        } else {
            if (concerns_all(err))
                stop(s, err);
            return false;
        }
    }
}

static json_t *ask_json(struct sending *s, const json_t *body, const char *path, struct error *err)
{
    struct arena *a = arena_open((size_t)64 << 20);
    struct reply reply;
    char *written = must(json_dumps(body, JSON_COMPACT));
    struct call call = {.path = path, .body = text_of(written)};
    json_t *answer = NULL;
    if (ask(s, &call, a, &reply, err)) {
        answer = json_loadb(reply.body.at, reply.body.size, JSON_DECODE_ANY, NULL);
        if (!answer)
            error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    }
    free(written);
    arena_close(a);
    return answer;
}

// ---- sources

static void file_keep(struct one_file *to, const struct file_seen *f, const char *as)
{
    to->seen = *f;
    to->seen.path = must(strdup(f->path));
    to->seen.relative = "";
    to->as = must(strdup(as));
}

static void source_free(struct source *o, bool stored)
{
    for (size_t i = 0; i < o->file_count; i++) {
        free((char *)o->files[i].seen.path);
        free(o->files[i].as);
    }
    free(o->files);
    if (o->fd >= 0)
        close(o->fd);
    hashes_close(o->hashes, stored);
    free(o);
}

static void failure_add(struct sending *s, const char *path, const struct error *err)
{ // with the lock
    s->numbers.failed++;
    if (s->failure_count == FAILURES_MOST)
        return;
    s->failures = must(realloc(s->failures, (s->failure_count + 1) * sizeof(*s->failures)));
    s->failures[s->failure_count++] = (struct failure){must(strdup(path)), *err};
}

void sending_fail(struct sending *s, const char *path, const struct error *err)
{
    pthread_mutex_lock(&s->lock);
    failure_add(s, path, err);
    pthread_mutex_unlock(&s->lock);
}

static void source_fail(struct sending *s, struct source *o, const struct error *err)
{
    pthread_mutex_lock(&s->lock);
    if (o->state != FAILED) {
        o->state = FAILED;
        o->err = *err;
    }
    nudge(s);
    pthread_mutex_unlock(&s->lock);
}

static struct source *source_new(void)
{
    struct source *o = must(calloc(1, sizeof(*o)));
    o->fd = -1;
    return o;
}

static void source_list(struct sending *s, struct source *o) // with the lock
{
    o->next = NULL;
    o->users = 1;
    if (s->last)
        s->last->next = o;
    else
        s->first = o;
    s->last = o;
    s->sources++;
    nudge(s);
}

static void source_unlist(struct sending *s, struct source *o) // with the lock
{
    struct source *before = NULL;
    for (struct source *at = s->first; at != o; at = at->next)
        before = at;
    if (before)
        before->next = o->next;
    else
        s->first = o->next;
    if (s->last == o)
        s->last = before;
}

static bool changed_error(struct error *err, const char *path)
{
    error_set(err, ERROR_CONFLICT, "%s changed while it was sent", path);
    error_why(err, "its size, time or bytes are not what they were at the beginning");
    return error_fix(err, "wait until nobody writes to it any more, then put it again");
}

static bool unchanged(const struct one_file *f, int fd, struct error *err)
{
    struct stat open_one, named;
    if (fstat(fd, &open_one) != 0 || stat(f->seen.path, &named) != 0)
        return changed_error(err, f->seen.path);
    int64_t ns = (int64_t)open_one.st_mtim.tv_sec * 1000000000 + open_one.st_mtim.tv_nsec;
    return (open_one.st_size == f->seen.size && ns == f->seen.modified_ns &&
            open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev &&
            open_one.st_ino == f->seen.inode) ||
           changed_error(err, f->seen.path);
}

// All chunks are there: the file is made one. Says what its content must be.
static bool commit(struct sending *s, struct source *o, struct error *err)
{
    char path[80];
    sha256 content = hashes_content(o->hashes);
    if (!unchanged(&o->files[0], o->fd, err))
        return false;
    json_t *body = json_pack("{s:s,s:I}", "content", sha256_text(&content).text, "chunks",
                             (json_int_t)o->chunk_count);
    snprintf(path, sizeof(path), "/api/v1/files/%s/commit", o->id);
    json_t *stored = ask_json(s, body, path, err);
    bool ok = stored && strcmp(json_word(stored, "state"), "stored") == 0;
    if (stored && !ok)
        error_set(err, ERROR_DAMAGED, "%s was not stored", o->files[0].seen.path);
    json_decref(stored);
    json_decref(body);
    return ok;
}

// One has done with it; the last one commits.
static void source_drop(struct sending *s, struct source *o)
{
    pthread_mutex_lock(&s->lock);
    bool last = --o->users == 0, failed = o->state == FAILED, stopped = s->stopped;
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    struct error err = o->err;
    bool ok = !failed && !stopped && (o->batch || o->there || commit(s, o, &err));
    pthread_mutex_lock(&s->lock);
    if (ok && !o->batch) {
        s->numbers.files++;
        journal_mark(s->journal, &o->files[0].seen, o->files[0].as);
    } else if (!ok && !o->batch) {
        s->numbers.bytes -= o->done_bytes;
        if (!s->stopped)
            failure_add(s, o->files[0].seen.path, &err);
    }
    s->sources--;
    nudge(s);
    pthread_mutex_unlock(&s->lock);
    // Hashes of a file that changed are of no use; those of one that was only cut off are kept.
    source_free(o, ok || err.kind == ERROR_CONFLICT || err.kind == ERROR_DAMAGED);
}

static void count_bytes(struct sending *s, struct source *o, int64_t bytes, bool sent)
{
    pthread_mutex_lock(&s->lock);
    s->numbers.bytes += bytes;
    *(sent ? &s->numbers.sent_bytes : &s->numbers.there_bytes) += bytes;
    o->done_bytes += bytes;
    pthread_mutex_unlock(&s->lock);
}

// ---- hashing: large files

static size_t chunk_size(const struct source *o, size_t number)
{
    int64_t left = o->files[0].seen.size - (int64_t)number * STORE_CHUNK;
    return (size_t)(left < STORE_CHUNK ? left : STORE_CHUNK);
}

static bool read_chunk(struct source *o, size_t number, char *to, size_t size, struct error *err)
{
    int64_t got = fd_read_all(o->fd, to, size, (int64_t)number * STORE_CHUNK);
    if (got < 0) {
        error_errno(err, errno, "cannot read %s", o->files[0].seen.path);
        return error_fix(err, "look at the disk or card it is on");
    }
    return got == (int64_t)size || changed_error(err, o->files[0].seen.path);
}

static bool begin(struct sending *s, struct source *o, struct error *err)
{
    const struct one_file *f = &o->files[0];
    char path[80];
    o->fd = open(f->seen.path, O_RDONLY | O_CLOEXEC);
    if (o->fd < 0)
        return error_errno(err, errno, "cannot read %s", f->seen.path);
    if (!unchanged(f, o->fd, err))
        return false;
    posix_fadvise(o->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    o->hashes = hashes_open(s->journal, &f->seen, o->chunk_count);
    json_t *body =
        json_pack("{s:s,s:I,s:s,s:s}", "path", f->as, "size", (json_int_t)f->seen.size, "modified",
                  clock_text(f->seen.modified_ms).text, "key", journal_key(s->journal));
    if (!body)
        return error_set(err, ERROR_INPUT, "the name of %s is not UTF-8", f->seen.path);
    snprintf(path, sizeof(path), "/api/v1/transfers/%s/files", s->transfer);
    json_t *begun = ask_json(s, body, path, err);
    json_decref(body);
    if (!begun)
        return false;
    bool ok = text_copy(text_of(json_word(begun, "id")), o->id, sizeof(o->id));
    o->there = strcmp(json_word(begun, "state"), "stored") == 0;
    json_decref(begun);
    return ok || error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
}

static struct unit *unit_new(struct source *o, size_t number)
{
    struct unit *u = must(calloc(1, sizeof(*u)));
    u->source = o;
    u->number = number;
    u->size = o->batch ? 0 : chunk_size(o, number);
    return u;
}

static void unit_ready(struct sending *s, struct unit *u) // with the lock
{
    u->next = NULL;
    if (s->ready_last)
        s->ready_last->next = u;
    else
        s->ready = u;
    s->ready_last = u;
    nudge(s);
}

// Done with a unit, however it went.
static void unit_end(struct sending *s, struct unit *u)
{
    struct source *o = u->source;
    if (u->buffer) {
        pthread_mutex_lock(&s->lock);
        buffer_give(s, u->buffer);
        pthread_mutex_unlock(&s->lock);
    }
    free(u);
    source_drop(s, o);
}

// Asks which of a list of units the house lacks: those get `missing`, the others are done.
static bool claim(struct sending *s, struct source *o, struct unit *list, struct unit **missing,
                  struct error *err)
{
    char path[80];
    json_t *chunks = json_array(), *number;
    *missing = NULL;
    for (const struct unit *u = list; u; u = u->next)
        json_array_append_new(chunks, json_pack("{s:I,s:s}", "number", (json_int_t)u->number,
                                                "hash", sha256_text(&u->hash).text));
    json_t *body = json_pack("{s:o}", "chunks", chunks);
    snprintf(path, sizeof(path), "/api/v1/files/%s/claim", o->id);
    json_t *answer = ask_json(s, body, path, err), *lacks = json_object_get(answer, "missing");
    json_decref(body);
    bool ok = json_is_array(lacks);
    if (answer && !ok)
        error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    struct unit **end = missing;
    size_t i = 0;
    for (struct unit *u = list, *next; u; u = next) {
        next = u->next;
        // Answered in the order they were asked.
        number = ok ? json_array_get(lacks, i) : NULL;
        if (ok && json_is_integer(number) && (size_t)json_integer_value(number) == u->number) {
            i++;
            u->next = NULL;
            *end = u;
            end = &u->next;
            continue;
        }
        if (ok)
            count_bytes(s, o, (int64_t)u->size, false);
        unit_end(s, u);
    }
    json_decref(answer);
    return ok;
}

// A run of chunks whose hashes the journal knows: asked first, read only when they are missing.
static void hash_known(struct sending *s, struct source *o, struct unit *list)
{
    struct error err;
    struct unit *missing;
    if (!claim(s, o, list, &missing, &err)) {
        source_fail(s, o, &err);
        return;
    }
    for (struct unit *u = missing, *next; u; u = next) {
        next = u->next;
        pthread_mutex_lock(&s->lock);
        u->buffer = o->state == FAILED ? NULL : buffer_take(s);
        pthread_mutex_unlock(&s->lock);
        bool ok = u->buffer && read_chunk(o, u->number, u->buffer, u->size, &err);
        if (u->buffer && !ok)
            source_fail(s, o, &err);
        if (!ok) {
            unit_end(s, u);
            continue;
        }
        u->known = true;
        pthread_mutex_lock(&s->lock);
        unit_ready(s, u);
        pthread_mutex_unlock(&s->lock);
    }
}

static void hash_fresh(struct sending *s, struct source *o, struct unit *u)
{
    struct error err;
    pthread_mutex_lock(&s->lock);
    u->buffer = buffer_take(s);
    pthread_mutex_unlock(&s->lock);
    bool ok = u->buffer && read_chunk(o, u->number, u->buffer, u->size, &err);
    if (u->buffer && !ok)
        source_fail(s, o, &err);
    if (!ok) {
        unit_end(s, u);
        return;
    }
    u->hash = sha256_of(u->buffer, u->size);
    hashes_set(o->hashes, u->number, &u->hash);
    // One thread claims at a time; what the others hash meanwhile goes into its next claim.
    pthread_mutex_lock(&s->lock);
    u->next = o->unclaimed;
    o->unclaimed = u;
    if (o->claiming) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    o->claiming = true;
    o->users++;
    while (o->unclaimed) {
        struct unit *list = o->unclaimed, *missing;
        o->unclaimed = NULL;
        pthread_mutex_unlock(&s->lock);
        if (!claim(s, o, list, &missing, &err))
            source_fail(s, o, &err);
        pthread_mutex_lock(&s->lock);
        for (struct unit *next; missing; missing = next) {
            next = missing->next;
            unit_ready(s, missing);
        }
    }
    o->claiming = false;
    pthread_mutex_unlock(&s->lock);
    source_drop(s, o);
}

// ---- hashing: batches of small files

// Room for the header: it is padded with spaces, so that the bytes can be read before it is known.
static size_t header_room(const struct one_file *f)
{
    return strlen(f->as) * 2 + 176;
}

static bool read_small(struct one_file *f, char *to, struct error *err)
{
    int fd = open(f->seen.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot read %s", f->seen.path);
    int64_t got = fd_read_all(fd, to, (size_t)f->seen.size, 0);
    bool ok = got < 0              ? error_errno(err, errno, "cannot read %s", f->seen.path)
              : got < f->seen.size ? changed_error(err, f->seen.path)
                                   : unchanged(f, fd, err);
    close(fd);
    return ok;
}

static void batch_forget(struct source *o, size_t index)
{
    free((char *)o->files[index].seen.path);
    free(o->files[index].as);
    memmove(&o->files[index], &o->files[index + 1], (--o->file_count - index) * sizeof(*o->files));
}

// Reads and hashes the files of a batch into the unit's buffer, in the form of house/transfer.
static void batch_build(struct sending *s, struct unit *u)
{
    struct source *o = u->source;
    size_t room = 32;
    for (size_t i = 0; i < o->file_count; i++)
        room += header_room(&o->files[i]);
    json_t *files = json_array();
    size_t at = 4 + room;
    for (size_t i = 0; i < o->file_count;) {
        struct one_file *f = &o->files[i];
        struct error err;
        if (!read_small(f, u->buffer + at, &err)) {
            sending_fail(s, f->seen.path, &err);
            batch_forget(o, i);
            continue;
        }
        sha256 hash = sha256_of(u->buffer + at, (size_t)f->seen.size);
        json_array_append_new(files,
                              json_pack("{s:s,s:I,s:s,s:s}", "path", f->as, "size",
                                        (json_int_t)f->seen.size, "hash", sha256_text(&hash).text,
                                        "modified", clock_text(f->seen.modified_ms).text));
        at += (size_t)f->seen.size;
        i++;
    }
    json_t *root = json_pack("{s:o}", "files", files);
    memset(u->buffer + 4, ' ', room);
    json_dumpb(root, u->buffer + 4, room, JSON_COMPACT);
    json_decref(root);
    for (int i = 0; i < 4; i++)
        u->buffer[i] = (char)(room >> (8 * i));
    u->size = at;
}

static void hash_batch(struct sending *s, struct source *o)
{
    struct unit *u = unit_new(o, 0);
    pthread_mutex_lock(&s->lock);
    u->buffer = buffer_take(s);
    pthread_mutex_unlock(&s->lock);
    if (u->buffer)
        batch_build(s, u);
    if (!u->buffer || !o->file_count) {
        unit_end(s, u);
        return;
    }
    pthread_mutex_lock(&s->lock);
    unit_ready(s, u);
    pthread_mutex_unlock(&s->lock);
}

// ---- hashing: the thread

static struct source *next_source(struct sending *s) // with the lock
{
    struct source *o = s->first;
    while (o && o->state == BEGINNING)
        o = o->next;
    return o;
}

// Takes the next piece of work of a file that was begun: units are counted as its users here.
static struct unit *next_units(struct sending *s, struct source *o, bool *known)
{ // with the lock
    struct unit *list = NULL, **end = &list;
    sha256 hash;
    *known = hashes_get(o->hashes, o->next_chunk, &hash);
    for (int count = 0; o->next_chunk < o->chunk_count && count < (*known ? CLAIM_MOST : 1);
         count++) {
        if (*known && !hashes_get(o->hashes, o->next_chunk, &hash))
            break;
        struct unit *u = unit_new(o, o->next_chunk++);
        u->hash = hash;
        o->users++;
        *end = u;
        end = &u->next;
    }
    (void)s;
    return list;
}

static void hash_next(struct sending *s, struct source *o) // with the lock; gives it back
{
    struct error err;
    if (o->state == NEW && !o->batch) {
        o->state = BEGINNING;
        pthread_mutex_unlock(&s->lock);
        bool ok = begin(s, o, &err);
        pthread_mutex_lock(&s->lock);
        o->state = ok ? BEGUN : FAILED;
        if (!ok)
            o->err = err;
        if (ok && o->there) {
            o->next_chunk = o->chunk_count;
            o->done_bytes = o->bytes;
            s->numbers.bytes += o->bytes;
            s->numbers.there_bytes += o->bytes;
        }
        nudge(s);
    }
    struct unit *list = NULL;
    bool known = false, over = o->batch || o->state == FAILED;
    if (!over) {
        if (o->next_chunk < o->chunk_count)
            list = next_units(s, o, &known);
        over = o->next_chunk == o->chunk_count;
    }
    if (over)
        source_unlist(s, o);
    if (o->batch)
        o->users++;
    pthread_mutex_unlock(&s->lock);
    if (o->batch)
        hash_batch(s, o);
    else if (list && known)
        hash_known(s, o, list);
    else if (list)
        hash_fresh(s, o, list);
    if (over)
        source_drop(s, o);
}

static void *hash_thread(void *context)
{
    struct sending *s = context;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        struct source *o;
        while (!(o = next_source(s)) && !s->stopped && !(s->ended && !s->sources && !s->small))
            pthread_cond_wait(&s->changed, &s->lock);
        if (!o || s->stopped) {
            pthread_mutex_unlock(&s->lock);
            return NULL;
        }
        hash_next(s, o);
    }
}

// ---- sending

// By UDP when there is a session. *ok says how it ended; false: it is to go by HTTP.
static bool send_fast(struct sending *s, struct unit *u, text meta, bool *ok, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    bool counts = speed_begin(&s->speed, (int64_t)u->size, clock_tick_us());
    pthread_mutex_unlock(&s->lock);
    enum way_end end = way_put(s->way, meta, u->buffer, u->size, err);
    if (counts)
        call_ends(s, end == WAY_DONE ? (int64_t)u->size : 0);
    *ok = end == WAY_DONE;
    if (end == WAY_FAILED && concerns_all(err))
        stop(s, err);
    return end != WAY_NOT;
}

static bool send_chunk_once(struct sending *s, struct unit *u, const struct call *call,
                            struct arena *a, struct error *err)
{
    char meta[128];
    bool ok;
    struct reply reply;
    struct call again = *call;
    int size = snprintf(meta, sizeof(meta), "chunk %s %zu %s", u->source->id, u->number,
                        sha256_text(&u->hash).text);
    if (send_fast(s, u, (text){meta, (size_t)size}, &ok, err))
        return ok;
    return ask(s, &again, a, &reply, err);
}

static bool send_chunk(struct sending *s, struct unit *u, struct error *err)
{
    struct source *o = u->source;
    struct arena *a = arena_open((size_t)1 << 20);
    sha256_hex hex = sha256_text(&u->hash);
    struct client_header header = {"Chunk-Sha256", hex.text};
    char path[96];
    snprintf(path, sizeof(path), "/api/v1/files/%s/chunks/%zu", o->id, u->number);
    struct call call = {.method = "PUT",
                        .path = path,
                        .headers = &header,
                        .header_count = 1,
                        .content_type = "application/octet-stream",
                        .body = {u->buffer, u->size}};
    bool ok = send_chunk_once(s, u, &call, a, err);
    for (int again = 0; !ok && err->kind == ERROR_DAMAGED && again < 3; again++) {
        sha256 seen = sha256_of(u->buffer, u->size);
        if (u->known && !sha256_equal(&seen, &u->hash)) {
            changed_error(err, o->files[0].seen.path);
            break;
        }
        ok = send_chunk_once(s, u, &call, a, err); // it was the line
    }
    arena_close(a);
    return ok;
}

// A batch is taken whole or not at all. When one of its files can not be taken, halves find out
// which.
static void batch_split(struct sending *s, struct source *o, const struct error *err)
{
    if (o->file_count == 1) {
        sending_fail(s, o->files[0].seen.path, err);
        return;
    }
    size_t half = o->file_count / 2, from = 0;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < 2; i++, from = half, half = o->file_count - half) {
        struct source *part = source_new();
        part->batch = true;
        part->files = must(calloc(half, sizeof(*part->files)));
        part->file_count = half;
        memcpy(part->files, o->files + from, half * sizeof(*part->files));
        source_list(s, part);
    }
    o->file_count = 0;
    pthread_mutex_unlock(&s->lock);
}

static void send_batch(struct sending *s, struct unit *u)
{
    struct source *o = u->source;
    struct arena *a = arena_open((size_t)32 << 20);
    struct reply reply;
    struct error err;
    char path[80];
    snprintf(path, sizeof(path), "/api/v1/transfers/%s/small", s->transfer);
    struct call call = {.path = path,
                        .content_type = "application/x-posthouse-small",
                        .body = {u->buffer, u->size}};
    bool ok;
    if (!send_fast(s, u, (text){"small", 5}, &ok, &err))
        ok = ask(s, &call, a, &reply, &err);
    if (ok) {
        int64_t bytes = 0;
        for (size_t i = 0; i < o->file_count; i++) {
            bytes += o->files[i].seen.size;
            journal_mark(s->journal, &o->files[i].seen, o->files[i].as);
        }
        count_bytes(s, o, bytes, true);
        pthread_mutex_lock(&s->lock);
        s->numbers.files += (int64_t)o->file_count;
        pthread_mutex_unlock(&s->lock);
    } else if (!concerns_all(&err)) {
        batch_split(s, o, &err);
    }
    arena_close(a);
}

static void send_unit(struct sending *s, struct unit *u)
{
    struct source *o = u->source;
    struct error err;
    pthread_mutex_lock(&s->lock);
    bool dead = s->stopped || o->state == FAILED;
    pthread_mutex_unlock(&s->lock);
    if (!dead && o->batch)
        send_batch(s, u);
    else if (!dead && send_chunk(s, u, &err))
        count_bytes(s, o, (int64_t)u->size, true);
    else if (!dead)
        source_fail(s, o, &err);
    unit_end(s, u);
}

static void *send_thread(void *context)
{
    const struct sender *sender = context;
    struct sending *s = sender->sending;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        while (!s->stopped && !(s->ended && !s->sources && !s->small)) {
            if (!way_udp(s->way) && sender->index >= way_lines(s->way, LINES))
                tick(s);
            else if (!s->ready)
                pthread_cond_wait(&s->changed, &s->lock);
            else
                break;
        }
        struct unit *u = s->ready;
        if (u) {
            s->ready = u->next;
            if (!s->ready)
                s->ready_last = NULL;
        }
        pthread_mutex_unlock(&s->lock);
        if (!u)
            return NULL;
        send_unit(s, u);
    }
}

// ---- from outside

struct sending *sending_open(const struct sending_wish *wish)
{
    struct sending *s = must(calloc(1, sizeof(*s)));
    struct way_wish way = wish->way;
    s->client = way.client = wish->client;
    way.moving = &s->moving;
    snprintf(way.path, sizeof(way.path), "/transfers/%.26s/bulk", wish->transfer);
    s->journal = wish->journal;
    s->patience_us = wish->patience_s * 1000000;
    snprintf(s->transfer, sizeof(s->transfer), "%s", wish->transfer);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->way = way_open(&way);
    for (int i = 0; i < SENDERS; i++)
        s->senders[i] = (struct sender){s, i};
    for (int i = 0; i < HASHERS; i++)
        if (pthread_create(&s->threads[i], NULL, hash_thread, s) != 0)
            abort();
    for (int i = 0; i < SENDERS; i++)
        if (pthread_create(&s->threads[HASHERS + i], NULL, send_thread, &s->senders[i]) != 0)
            abort();
    return s;
}

static void small_list(struct sending *s) // with the lock
{
    if (s->small)
        source_list(s, s->small);
    s->small = NULL;
}

static void small_add(struct sending *s, const struct file_seen *f, const char *as)
{ // with the lock
    struct one_file *one;
    size_t need = (size_t)f->size + strlen(as) * 2 + 176;
    struct source *o = s->small;
    if (o &&
        (o->file_count == SMALL_FILES_MOST || (size_t)o->bytes + need > TRANSFER_SMALL_MOST - 64)) {
        small_list(s);
        o = NULL;
    }
    if (!o) {
        o = s->small = source_new();
        o->batch = true;
        o->files = must(calloc(SMALL_FILES_MOST, sizeof(*o->files)));
    }
    one = &o->files[o->file_count++];
    file_keep(one, f, as);
    o->bytes += (int64_t)need;
}

bool sending_add(struct sending *s, const struct file_seen *f, const char *as)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopped && s->sources >= SOURCES_MOST)
        tick(s);
    bool room = !s->stopped && s->sources < SOURCES_MOST;
    if (room && f->size < STORE_SMALL) {
        small_add(s, f, as);
    } else if (room) {
        struct source *o = source_new();
        o->files = must(calloc(1, sizeof(*o->files)));
        o->file_count = 1;
        o->bytes = f->size;
        o->chunk_count = (size_t)((f->size + STORE_CHUNK - 1) / STORE_CHUNK);
        file_keep(&o->files[0], f, as);
        source_list(s, o);
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

void sending_end(struct sending *s)
{
    pthread_mutex_lock(&s->lock);
    small_list(s);
    s->ended = true;
    nudge(s);
    pthread_mutex_unlock(&s->lock);
}

bool sending_done(struct sending *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopped && s->sources)
        tick(s);
    bool done = s->stopped || (s->ended && !s->sources);
    pthread_mutex_unlock(&s->lock);
    return done;
}

// An older house does not want to know: no harm.
void sending_tell_speed(struct sending *s)
{
    char host[256] = "";
    int64_t bytes, ms;
    struct error err;
    gethostname(host, sizeof(host) - 1);
    if (!speed_take(&s->speed, clock_tick_us(), &bytes, &ms))
        return;
    json_t *body = json_pack("{s:s, s:I, s:I}", "name", host, "bytes", (json_int_t)bytes, "ms",
                             (json_int_t)ms);
    json_decref(house_ask(s->client, "POST", body, &err, "/speeds"));
    json_decref(body);
}

bool sending_stopped(struct sending *s, struct error *err)
{
    bool stopped = is_stopped(s);
    if (stopped)
        *err = s->stop;
    return stopped;
}

struct sending_numbers sending_numbers(struct sending *s)
{
    pthread_mutex_lock(&s->lock);
    struct sending_numbers n = s->numbers;
    n.moving_bytes = s->moving;
    n.waiting = s->away_since_us != 0;
    n.via = way_word(s->way);
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool sending_failure(struct sending *s, size_t index, struct sending_failure *f)
{
    if (index >= s->failure_count)
        return false;
    *f = (struct sending_failure){s->failures[index].path, &s->failures[index].err};
    return true;
}

void sending_halt(struct sending *s)
{
    pthread_mutex_lock(&s->lock);
    bool done = s->ended && !s->sources;
    nudge(s);
    pthread_mutex_unlock(&s->lock);
    if (!done && !s->joined) {
        struct error err;
        error_set(&err, ERROR_CANCELLED, "the put was stopped");
        stop(s, &err);
    }
    for (int i = 0; i < HASHERS + SENDERS && !s->joined; i++)
        pthread_join(s->threads[i], NULL);
    s->joined = true;
}

void sending_close(struct sending *s)
{
    sending_halt(s);
    // What a stop left lying.
    for (struct unit *u = s->ready, *next; u; u = next) {
        next = u->next;
        unit_end(s, u);
    }
    for (struct source *o = s->first, *next; o; o = next) {
        next = o->next;
        source_free(o, false);
    }
    if (s->small)
        source_free(s->small, false);
    for (int i = 0; i < s->buffer_count; i++)
        free(s->buffers[i]);
    for (size_t i = 0; i < s->failure_count; i++)
        free(s->failures[i].path);
    free(s->failures);
    way_close(s->way);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}
