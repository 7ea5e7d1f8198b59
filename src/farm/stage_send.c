#include "base/log.h"
#include "farm/stage_inside.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "wire/address.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- what was made

enum { CLAIM = 256, LINES_MOST = 8 };

struct output {
    struct stage_made made;
    const char *name; // of a ticket's; else NULL
    int64_t size;
    sha256 content;
    const char *query; // that says all of it to the house
};

static const char *query_of(struct arena *a, const struct output *is)
{
    const char *which = is->name
                            ? arena_format(a, "&name=%s", address_encode(a, text_of(is->name)))
                            : arena_format(a, "&output=%" PRId64 "&frame=%" PRId64 "&task=%" PRId64,
                                           is->made.output, is->made.frame, is->made.task);
    if (!is->name && is->made.tile >= 0)
        which = arena_format(a, "%s&tile=%" PRId64, which, is->made.tile);
    return arena_format(a, "%s&size=%" PRId64 "&content=%s", which, is->size,
                        sha256_text(&is->content).text);
}

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
        stage_moved(f->s, false, sent - f->sent);
    f->sent = sent;
    return f->of->asked(f->of->context);
}

static bool still_asked(void *context, int64_t sent, int64_t received)
{
    struct sending *f = context;
    (void)sent, (void)received;
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
    struct call look = {.path = stage_path(s, f->of, a, "made", query)};
    json_t *said = stage_ask(s, f->of, &look, err);
    if (!read_made(said, &f->from, whole))
        return false;
    json_decref(said);
    if (*whole)
        return true;
    struct reply reply = {0};
    const char *more = arena_format(a, "%s&offset=%" PRId64, query, f->from);
    struct call call = {.method = "PUT",
                        .path = stage_path(s, f->of, a, "made", more),
                        .content_type = "application/octet-stream",
                        .upload = give_bytes,
                        .upload_size = size - f->from,
                        .progress = sending_on,
                        .context = f};
    f->sent = 0;
    f->counts = stage_moves(s, false, size - f->from);
    bool ok = stage_try(s, &call, a, &reply, err);
    if (f->counts)
        stage_moves_no_more(s, false);
    if (!ok)
        return false;
    said = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    int64_t offset;
    bool read = read_made(said, &offset, whole);
    json_decref(said);
    return (read && *whole) || error_set(err, ERROR_NETWORK, "what was made did not come whole");
}

// ---- chunk by chunk

struct chunks {
    struct sending *f;
    const struct output *is;
    const sha256 *hashes;
    int64_t *missing; // their numbers
    size_t count;
    pthread_mutex_t lock; // guards what follows
    size_t next;
    bool failed;
    struct error err;
};

static const char *words_of(const struct sending *f, const struct output *is, struct arena *a,
                            int64_t number, const sha256 *hash)
{
    return arena_format(a,
                        "made %s %" PRId64 " %" PRId64 " %s %" PRId64 " %s %" PRId64 " %" PRId64
                        " %" PRId64 " %" PRId64 " %s",
                        f->of->attempt, f->of->token, is->size, sha256_text(&is->content).text,
                        number, sha256_text(hash).text, is->made.output, is->made.frame,
                        is->made.task, is->made.tile, is->name ? is->name : "");
}

static bool chunk_by_http(struct sending *f, const struct output *is, struct arena *a,
                          int64_t number, const sha256 *hash, text bytes, struct error *err)
{
    struct reply reply = {0};
    const char *more =
        arena_format(a, "%s&chunk=%" PRId64 "&hash=%s", is->query, number, sha256_text(hash).text);
    struct call call = {.method = "PUT",
                        .path = stage_path(f->s, f->of, a, "chunk", more),
                        .content_type = "application/octet-stream",
                        .body = bytes,
                        .progress = still_asked,
                        .context = f};
    return stage_try(f->s, &call, a, &reply, err);
}

static bool chunk_send(struct sending *f, const struct output *is, int64_t number,
                       const sha256 *hash, void *bytes, struct error *err)
{
    int64_t left = is->size - number * STAGE_CHUNK;
    size_t size = (size_t)(left < STAGE_CHUNK ? left : STAGE_CHUNK), have = 0;
    while (have < size) {
        ssize_t got =
            pread(f->file, (char *)bytes + have, size - have, number * STAGE_CHUNK + (int64_t)have);
        if (got <= 0)
            return error_errno(err, got ? errno : EIO, "cannot read what was made");
        have += (size_t)got;
    }
    struct arena *a = arena_open(1 << 20);
    struct way_item item = {
        .words = text_of(words_of(f, is, a, number, hash)), .at = bytes, .size = size};
    enum way_end end = stage_item(f->s, f->of, &item, err);
    bool ok = end == WAY_NOT ? chunk_by_http(f, is, a, number, hash, (text){bytes, size}, err)
                             : end == WAY_DONE;
    arena_close(a);
    if (ok && f->counts)
        stage_moved(f->s, false, (int64_t)size);
    return ok;
}

static void *chunks_run(void *context)
{
    struct chunks *k = context;
    struct error err;
    char *bytes = malloc((size_t)STAGE_CHUNK);
    if (!bytes)
        abort();
    for (;;) {
        pthread_mutex_lock(&k->lock);
        bool more = !k->failed && k->next < k->count;
        int64_t number = more ? k->missing[k->next++] : 0;
        pthread_mutex_unlock(&k->lock);
        if (!more)
            break;
        if (chunk_send(k->f, k->is, number, &k->hashes[number], bytes, &err))
            continue;
        pthread_mutex_lock(&k->lock);
        if (!k->failed)
            k->err = err;
        k->failed = true;
        pthread_mutex_unlock(&k->lock);
    }
    free(bytes);
    return NULL;
}

static bool send_missing(struct chunks *k, struct error *err)
{
    pthread_t threads[LINES_MOST];
    int begun = 0, lines = stage_lines(k->f->s);
    lines = lines > LINES_MOST ? LINES_MOST : lines;
    pthread_mutex_init(&k->lock, NULL);
    k->f->counts = stage_moves(k->f->s, false, (int64_t)k->count * STAGE_CHUNK);
    while (begun < lines - 1 && (size_t)begun + 1 < k->count &&
           pthread_create(&threads[begun], NULL, chunks_run, k) == 0)
        begun++;
    chunks_run(k);
    for (int i = 0; i < begun; i++)
        pthread_join(threads[i], NULL);
    if (k->f->counts)
        stage_moves_no_more(k->f->s, false);
    pthread_mutex_destroy(&k->lock);
    if (k->failed)
        *err = k->err;
    return !k->failed;
}

static json_t *claim_json(struct sending *f, const struct output *is, const sha256 *hashes,
                          int64_t from, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(sha256_text(&hashes[from + i]).text));
    json_t *body = json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:o}", "worker", f->s->wish.worker,
                             "attempt", f->of->attempt, "token", (json_int_t)f->of->token, "size",
                             (json_int_t)is->size, "content", sha256_text(&is->content).text,
                             "from", (json_int_t)from, "hashes", list);
    if (is->name) {
        json_object_set_new(body, "name", json_string(is->name));
        return body;
    }
    json_object_set_new(body, "output", json_integer(is->made.output));
    json_object_set_new(body, "frame", json_integer(is->made.frame));
    json_object_set_new(body, "task", json_integer(is->made.task));
    if (is->made.tile >= 0)
        json_object_set_new(body, "tile", json_integer(is->made.tile));
    return body;
}

// What the house lacks. A house of before says that it knows no such call: *old.
static bool claim(struct chunks *k, size_t chunks, bool *whole, bool *old, struct error *err)
{
    bool ok = true;
    k->count = 0;
    for (size_t from = 0; ok && !*whole && from < chunks; from += CLAIM) {
        size_t count = chunks - from < CLAIM ? chunks - from : CLAIM, i;
        json_t *body = claim_json(k->f, k->is, k->hashes, (int64_t)from, (int64_t)count), *one;
        char *text = json_dumps(body, JSON_COMPACT);
        struct call call = {.path = "/api/v1/work/claim", .body = text_of(text)};
        json_t *said = stage_ask(k->f->s, k->f->of, &call, err);
        ok = said != NULL;
        *old = !ok && err->kind == ERROR_NOT_FOUND;
        *whole = json_is_true(json_object_get(said, "whole"));
        json_array_foreach(json_object_get(said, "missing"), i, one)
        {
            int64_t number = json_integer_value(one);
            if (number >= (int64_t)from && number < (int64_t)(from + count) && i < count)
                k->missing[k->count++] = number;
        }
        json_decref(said);
        json_decref(body);
        free(text);
    }
    return ok;
}

// The house looks at the whole when its end is said.
static bool say_end(struct sending *f, const struct output *is, struct arena *a, bool *whole,
                    struct error *err)
{
    struct reply reply = {0};
    const char *more = arena_format(a, "%s&offset=%" PRId64, is->query, is->size);
    struct call call = {.method = "PUT",
                        .path = stage_path(f->s, f->of, a, "made", more),
                        .content_type = "application/octet-stream",
                        .upload = give_bytes,
                        .progress = still_asked,
                        .context = f};
    int64_t offset;
    f->from = is->size;
    if (!stage_try(f->s, &call, a, &reply, err))
        return false;
    json_t *said = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    bool read = read_made(said, &offset, whole);
    json_decref(said);
    return (read && *whole) || error_set(err, ERROR_NETWORK, "what was made did not come whole");
}

static bool send_large(struct sending *f, const struct output *is, const struct content_list *list,
                       struct arena *a, bool *whole, struct error *err)
{
    bool old = false;
    struct chunks k = {.f = f, .is = is, .hashes = list->at};
    k.missing = ARENA_ARRAY(a, int64_t, list->count + 1);
    if (!claim(&k, list->count, whole, &old, err))
        return old && send_once(f->s, f, a, is->query, is->size, whole, err);
    if (!*whole && !(send_missing(&k, err) && say_end(f, is, a, whole, err)))
        return false;
    log_info("worker.sent", "attempt=%s chunks=%zu sent=%zu via=%s", f->of->attempt, list->count,
             k.count, stage_way(f->s));
    return true;
}

static bool send_small(struct sending *f, const struct output *is, const struct content_list *list,
                       struct arena *a, bool *whole, struct error *err)
{
    struct way_item item = {.words = text_of(words_of(f, is, a, 0, &list->at[0])),
                            .size = (size_t)is->size};
    char *bytes = malloc(item.size);
    if (!bytes)
        abort();
    item.at = bytes;
    ssize_t got = pread(f->file, bytes, item.size, 0);
    f->counts = stage_moves(f->s, false, is->size);
    enum way_end end = got == (ssize_t)item.size ? stage_item(f->s, f->of, &item, err) : WAY_FAILED;
    if (got != (ssize_t)item.size)
        error_errno(err, got < 0 ? errno : EIO, "cannot read what was made");
    if (f->counts && end == WAY_DONE)
        stage_moved(f->s, false, is->size);
    if (f->counts)
        stage_moves_no_more(f->s, false);
    free(bytes);
    *whole = end == WAY_DONE;
    return end == WAY_NOT ? send_once(f->s, f, a, is->query, is->size, whole, err) : *whole;
}

// A damaged arrival is dropped there: once more from the start.
static bool send_all(struct sending *f, const struct output *is, const struct content_list *list,
                     struct error *err)
{
    int64_t since_ms = clock_tick_us() / 1000, wait_ms = STAGE_RETRY_FIRST_MS;
    int damaged = 0;
    for (bool whole = false; !whole;) {
        if (!f->of->asked(f->of->context))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        struct arena *a = arena_open(STAGE_LIST_BYTES);
        bool ok = list->count > 1    ? send_large(f, is, list, a, &whole, err)
                  : list->count == 1 ? send_small(f, is, list, a, &whole, err)
                                     : send_once(f->s, f, a, is->query, is->size, &whole, err);
        arena_close(a);
        if (ok || (err->kind == ERROR_DAMAGED && !damaged++))
            continue;
        // Our own earlier line may still be open there: the house waits for it.
        if (!stage_passes(err) && !(err->kind == ERROR_CONFLICT && strstr(err->what, "arriving")))
            return false;
        if (!stage_wait_again(f->of, since_ms, &wait_ms) && f->of->asked(f->of->context))
            return false;
    }
    return true;
}

static bool send_path(struct stage *s, const struct stage_of *of, struct output *is,
                      const char *path, struct error *err)
{
    struct content_list list = {0};
    struct arena *a = arena_open(1 << 20);
    struct sending f = {.s = s, .of = of, .file = open(path, O_RDONLY | O_CLOEXEC)};
    bool ok = f.file >= 0 || error_errno(err, errno, "cannot read %s", path);
    ok = ok && content_chunks(f.file, &is->content, &is->size, &list, err);
    is->query = ok ? query_of(a, is) : "";
    ok = ok && send_all(&f, is, &list, err);
    if (f.file >= 0)
        close(f.file);
    free(list.at);
    arena_close(a);
    return ok || error_while(err, "bringing %s to the house", strrchr(path, '/') + 1);
}

bool stage_send(struct stage *s, const struct stage_of *of, const struct stage_made *made,
                struct error *err)
{
    struct output is = {.made = *made};
    return send_path(s, of, &is, made->path, err);
}

bool stage_send_named(struct stage *s, const struct stage_of *of, const char *name,
                      const char *path, sha256 *content, struct error *err)
{
    struct output is = {.made = {.output = -1, .tile = -1}, .name = name};
    bool ok = send_path(s, of, &is, path, err);
    *content = is.content;
    return ok;
}

// -1: not known, 0: no, 1: yes, 2: later.
static int ask_place(struct stage *s, const struct stage_of *of, const struct call *call,
                     struct error *err)
{
    json_t *said = stage_ask(s, of, call, err);
    const char *when = json_string_value(json_object_get(said, "when"));
    when = when ? when : "";
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
    if (answer == 1 && of->said) {
        char words[80];
        snprintf(words, sizeof(words), "What was made went to the house by %s", stage_way(s));
        of->said(of->context, text_of(words));
    }
    return answer == 1 || (answer >= 0 && error_set(err, ERROR_CANCELLED,
                                                    "another attempt counts, or it was stopped"));
}
