/*
 * Workers that do not share the house's disks: what their attempts read, and what they made.
 *
 * A worker proves with each call that it holds an attempt; it gets the files of that attempt's job
 * and no others. Many small files come in one answer, their bytes one after another as they were
 * asked for; a large one by ranges, as any media.
 *
 * A ticket's worker gets what the ticket reads in the same way; what its engine made arrives under
 * its name in the attempt's scratch folder, where that of a worker with our disks lies from the
 * start. It is there only when it is whole, proven and durable; "done" then takes it as ever.
 *
 * What a render made arrives in the scratch folder of the attempt, where a cut line goes on, and is
 * taken into the store when it is whole and has the content that the worker says. The house knows
 * by the job's options where it goes, the worker only says which output of which frame it is. When
 * all is there the worker asks that it be placed: each is written beside its place and made
 * durable; then the fence is asked, and they are renamed. So a frame in its place is whole, whoever
 * dies when.
 */
#include "api/inside.h"
#include "api/staged_words.h"
#include "base/config.h"
#include "base/log.h"
#include "house/flow/flow.h"
#include "house/jobs/jobs.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"
#include "plat/hidden.h"
#include "plat/ids.h"
#include "store/store.h"
#include "wire/traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLAIM_MOST = 256 };

struct holder { // an attempt, by the worker that holds it
    const char *worker, *attempt;
    int64_t token;
    char job[27];
};

static bool check_holder(struct api *api, struct holder *h, struct error *err)
{
    if (h->worker && h->attempt && id_valid(text_of(h->worker)) && id_valid(text_of(h->attempt)) &&
        jobs_holds_of(api->wish.rooms.jobs, h->worker, h->attempt, h->token, h->job))
        return true;
    error_set(err, ERROR_CONFLICT, "the worker does not hold that attempt");
    error_why(err, "its lease is over, or it was never its own");
    return error_fix(err, "stop it: another attempt counts");
}

static bool query_holder(struct call *c, struct holder *h, struct error *err)
{
    const char *token = call_query(c, "token");
    *h = (struct holder){.worker = call_query(c, "worker"),
                         .attempt = call_query(c, "attempt"),
                         .token = token ? strtoll(token, NULL, 10) : 0};
    return check_holder(c->api, h, err);
}

static bool body_holder(struct call *c, struct holder *h, struct error *err)
{
    *h = (struct holder){.worker = body_text(c, "worker"),
                         .attempt = body_text(c, "attempt"),
                         .token = body_int(c, "token", 0)};
    return check_holder(c->api, h, err);
}

struct metering { // the job that moves bytes
    struct arena *a;
    const char *job, *project, *title;
};

static bool metering_in(struct db_tx *tx, void *context, struct error *err)
{
    struct metering *m = context;
    struct db_rows *rows =
        db_query(tx, "select project, title from jobs where id = ?1", "s", m->job);
    if (db_next(rows)) {
        m->project = arena_text(m->a, db_text(rows, 0));
        m->title = arena_text(m->a, db_text(rows, 1));
    }
    return db_end(rows, err);
}

// What a worker fetches and brings counts as any media: against the line, the project and whose
// token it is.
static bool meter_of(struct api *api, struct arena *a, const struct holder *h, bool in,
                     struct meter *m, struct error *err)
{
    struct metering found = {a, h->job, NULL, ""};
    if (!db_read(api->db, metering_in, &found, err))
        return false;
    *m = (struct meter){.kind = "staging",
                        .key =
                            arena_format(a, "%s %s %s", in ? "made" : "staged", h->job, h->worker),
                        .title = found.title,
                        .subject = h->job,
                        .project = found.project,
                        .total_bytes = -1,
                        .priority = TRAFFIC_PRIORITY};
    return true;
}

static bool meter(struct call *c, const struct holder *h, bool in, struct error *err)
{
    struct meter m;
    if (!c->api->wish.rooms.line || !c->request)
        return true;
    if (!meter_of(c->api, c->arena, h, in, &m, err))
        return false;
    m.who = c->who.name;
    m.person = c->who.person;
    request_metered(c->api, c->request, &m, in);
    return true;
}

// ---- what is read

struct listing {
    struct call *c;
    const char *job;
    int64_t token; // of who reads; 0: a person
    struct job_file *list;
    size_t count;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    return l->token ? job_files_read(tx, l->job, l->token, l->c->arena, &l->list, &l->count, err)
                    : job_files(tx, l->job, l->c->arena, &l->list, &l->count, err);
}

static json_t *files_json(const struct listing *l)
{
    json_t *files = json_array();
    for (size_t i = 0; i < l->count; i++)
        json_array_append_new(
            files, json_pack("{s:o, s:s, s:I, s:b}", "path", json_text(l->list[i].path), "content",
                             sha256_text(&l->list[i].content).text, "size",
                             (json_int_t)l->list[i].size, "program", l->list[i].program));
    return json_pack("{s:o}", "files", files);
}

static bool files_get(struct call *c, struct error *err)
{
    struct holder h;
    if (!query_holder(c, &h, err))
        return false;
    struct listing l = {.c = c, .job = h.job, .token = h.token};
    if (!db_read(c->api->db, list_in, &l, err))
        return false;
    call_json(c, files_json(&l));
    return true;
}

static bool kept_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    return job_files_kept(tx, l->job, err) && list_in(tx, context, err);
}

// The same for people: what the job was given, to compare or to bring elsewhere.
static bool inputs_get(struct call *c, struct error *err)
{
    struct listing l = {.c = c, .job = c->job};
    if (!db_read(c->api->db, kept_in, &l, err))
        return false;
    call_json(c, files_json(&l));
    return true;
}

struct asked {
    const char *job;
    const sha256 *list;
    int64_t *sizes;
    size_t count, missing; // `count`: none is
};

static bool asked_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asked *q = context;
    for (q->missing = 0; q->missing < q->count; q->missing++) {
        bool has;
        if (!job_file_has(tx, q->job, &q->list[q->missing], &q->sizes[q->missing], &has, err) ||
            (!has &&
             !flow_reads(tx, q->job, &q->list[q->missing], &q->sizes[q->missing], &has, err)))
            return false;
        if (!has)
            return true;
    }
    return true;
}

static bool look_up(struct api *api, struct asked *q, struct error *err)
{
    if (!db_read(api->db, asked_in, q, err))
        return false;
    if (q->missing == q->count)
        return true;
    error_set(err, ERROR_NOT_FOUND, "the job has no such file");
    return error_why(err, "none with the content %.16s...", sha256_text(&q->list[q->missing]).text);
}

// A pack: the bytes of all of them, each opened when it is its turn.
struct pack {
    struct store *store;
    sha256 *list;
    size_t count, at;
    const struct store_map *map; // of list[at]
    int64_t offset;              // in it
};

static int64_t pack_pull(void *context, void *to, size_t space, struct error *err)
{
    struct pack *p = context;
    while (p->at < p->count) {
        if (!p->map && !store_map_open(p->store, &p->list[p->at], &p->map, err))
            return -1;
        int64_t left = p->map->size - p->offset;
        size_t size = left < (int64_t)space ? (size_t)left : space;
        if (size) {
            if (!store_map_read(p->map, p->offset, to, size, err))
                return -1;
            p->offset += (int64_t)size;
            return (int64_t)size;
        }
        store_map_close(p->store, p->map);
        p->map = NULL;
        p->offset = 0;
        p->at++;
    }
    return 0;
}

static void pack_close(void *context)
{
    struct pack *p = context;
    store_map_close(p->store, p->map);
    free(p->list);
    free(p);
}

static bool pack_post(struct call *c, struct error *err)
{
    struct holder h;
    json_t *files = body_field(c, "files");
    size_t count = json_array_size(files);
    int64_t total = 0;
    if (!body_holder(c, &h, err))
        return false;
    if (count > STAGED_PACK_MOST)
        return error_set(err, ERROR_TOO_BIG, "a pack has at most %d files", STAGED_PACK_MOST);
    struct asked q = {h.job, ARENA_ARRAY(c->arena, sha256, count + 1),
                      ARENA_ARRAY(c->arena, int64_t, count + 1), count, 0};
    for (size_t i = 0; i < count; i++)
        if (!sha256_parse(text_of(json_string_value(json_array_get(files, i))),
                          (sha256 *)&q.list[i]))
            return error_set(err, ERROR_INPUT, "that is no content");
    if (!look_up(c->api, &q, err))
        return false;
    for (size_t i = 0; i < count; i++)
        total += q.sizes[i];
    if (total > STAGED_PACK_BYTES)
        return error_set(err, ERROR_TOO_BIG, "a pack has at most 64 MiB");
    if (!meter(c, &h, false, err))
        return false;
    struct pack *p = calloc(1, sizeof(*p));
    sha256 *list = malloc((count + 1) * sizeof(*list));
    if (!p || !list)
        abort();
    memcpy(list, q.list, count * sizeof(*list));
    *p = (struct pack){.store = c->api->store, .list = list, .count = count};
    call_pull(c,
              &(struct pull_answer){.size = total,
                                    .type = "application/octet-stream",
                                    .pull = pack_pull,
                                    .close = pack_close,
                                    .context = p},
              NULL);
    return true;
}

struct kept_map {
    struct store *store;
    const struct store_map *map;
};

static void map_release(void *context)
{
    struct kept_map *k = context;
    store_map_close(k->store, k->map);
}

// ?content= of a job that may have it.
static bool query_content(struct call *c, struct holder *h, sha256 *content, struct error *err)
{
    int64_t size;
    const char *hex = call_query(c, "content");
    if (!query_holder(c, h, err))
        return false;
    if (!hex || !sha256_parse(text_of(hex), content))
        return error_set(err, ERROR_INPUT, "that is no content");
    struct asked q = {h->job, content, &size, 1, 0};
    return look_up(c->api, &q, err);
}

static bool file_get(struct call *c, struct error *err)
{
    struct holder h;
    sha256 content;
    struct kept_map *k = ARENA_NEW(c->arena, struct kept_map);
    k->store = c->api->store;
    if (!query_content(c, &h, &content, err) || !meter(c, &h, false, err) ||
        !store_map_open(k->store, &content, &k->map, err))
        return false;
    struct file_run *runs = ARENA_ARRAY(c->arena, struct file_run, k->map->count + 1);
    for (size_t i = 0; i < k->map->count; i++)
        runs[i] =
            (struct file_run){k->map->runs[i].fd, k->map->runs[i].offset, k->map->runs[i].length};
    call_files(
        c,
        &(struct file_answer){.runs = runs,
                              .count = k->map->count,
                              .type = "application/octet-stream",
                              .etag = arena_format(c->arena, "\"%s\"", sha256_text(&content).text),
                              .release = map_release,
                              .context = k},
        NULL);
    return true;
}

struct chunk_list {
    struct arena *a;
    const sha256 *content;
    struct store_chunk *list;
    size_t count;
};

static bool chunks_in(struct db_tx *tx, void *context, struct error *err)
{
    struct chunk_list *l = context;
    return store_chunks(tx, l->content, l->a, &l->list, &l->count, err);
}

// So that a worker asks for no chunk that it has in another file.
static bool chunks_get(struct call *c, struct error *err)
{
    struct holder h;
    sha256 content;
    struct chunk_list l = {.a = c->arena, .content = &content};
    if (!query_content(c, &h, &content, err) || !db_read(c->api->db, chunks_in, &l, err))
        return false;
    json_t *list = json_array();
    for (size_t i = 0; i < l.count; i++)
        json_array_append_new(list, json_pack("{s:I, s:s}", "number", (json_int_t)i, "hash",
                                              sha256_text(&l.list[i].hash).text));
    call_json(c, list);
    return true;
}

// ---- what was made

struct making {
    struct holder h;
    int64_t output, frame, task, tile; // which of the job's it is, -1: not said
    const char *name;                  // of a ticket's; else NULL
    const char *path;                  // where it goes; of a ticket in the attempt's folder
    char arriving[PATH_MAX];
    sha256 content;
    int64_t size, at;
    int file;   // -1: nothing is to be written
    bool there; // it is in the store already
};

struct finding {
    const char *job;
    json_t *document;
};

static bool document_in(struct db_tx *tx, void *context, struct error *err)
{
    struct finding *f = context;
    json_decref(f->document);
    return job_document(tx, f->job, &f->document, err);
}

// -1: not said, or no number.
static int64_t query_number(struct call *c, const char *name)
{
    const char *value = call_query(c, name);
    int64_t number;
    return value && text_int(text_of(value), &number) ? number : -1;
}

static bool find_place(struct api *api, struct arena *a, struct making *m, struct error *err)
{
    struct finding f = {m->h.job, NULL};
    if (!db_read(api->db, document_in, &f, err))
        return false;
    m->path = job_output_path(a, f.document, m->output, m->frame, m->tile);
    json_decref(f.document);
    if (!m->path)
        return error_set(err, ERROR_INPUT, "the job has no such output");
    int size =
        snprintf(m->arriving, sizeof(m->arriving), "%s/%s/%lld-%lld", api->wish.scratch_folder,
                 m->h.attempt, (long long)m->output, (long long)m->frame);
    if (m->tile >= 0)
        snprintf(m->arriving + size, sizeof(m->arriving) - (size_t)size, "-%lld",
                 (long long)m->tile);
    return job_may_bring(m->path, api->wish.house_folder ? api->wish.house_folder : "",
                         api->config ? config_text(api->config, "staged.outputs") : "", err);
}

struct made_look {
    struct arena *a;
    struct making *m;
};

static bool made_in(struct db_tx *tx, void *context, struct error *err)
{
    struct made_look *l = context;
    struct job_file *list;
    size_t count;
    l->m->there = false;
    if (!job_files_made(tx, l->m->h.job, l->m->h.token, l->a, &list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        l->m->there |=
            strcmp(list[i].path, l->m->path) == 0 && sha256_equal(&list[i].content, &l->m->content);
    return true;
}

static bool find_name(struct api *api, struct arena *a, struct making *m, struct error *err)
{
    char *path = ARENA_ARRAY(a, char, PATH_MAX);
    sha256 content;
    int64_t size;
    bool folder;
    m->path = path;
    if (!flow_output_path(api->wish.rooms.flow, m->h.attempt, m->name, path, PATH_MAX, err))
        return false;
    snprintf(m->arriving, sizeof(m->arriving), "%.*s/.arriving-%.32s",
             (int)(strrchr(path, '/') - path), path, sha256_text(&m->content).text);
    m->there = false;
    if (!file_look(path, &folder, &size) || size != m->size)
        return true;
    if (!content_of_file(path, &content, &size, err))
        return false;
    m->there = sha256_equal(&content, &m->content);
    return true;
}

// Where what is described goes and arrives, and whether it is there; opens nothing.
static bool making_find(struct api *api, struct arena *a, struct making *m, struct error *err)
{
    m->file = -1;
    if (!api->wish.scratch_folder || !api->store)
        return error_set(err, ERROR_UNSUPPORTED, "this house takes nothing from workers");
    if (!check_holder(api, &m->h, err))
        return false;
    if (m->size < 0)
        return error_set(err, ERROR_INPUT, "its size and content must be said");
    if (m->name && api->wish.rooms.flow)
        return find_name(api, a, m, err);
    m->name = NULL;
    struct made_look l = {a, m};
    return find_place(api, a, m, err) && db_read(api->db, made_in, &l, err);
}

static bool making_of(struct call *c, struct making *m, struct error *err)
{
    const char *content = call_query(c, "content"), *token = call_query(c, "token");
    m->h = (struct holder){.worker = call_query(c, "worker"),
                           .attempt = call_query(c, "attempt"),
                           .token = token ? strtoll(token, NULL, 10) : 0};
    m->output = query_number(c, "output");
    m->frame = query_number(c, "frame");
    m->tile = query_number(c, "tile");
    m->task = query_number(c, "task");
    m->task = m->task < 0 ? 0 : m->task;
    m->name = call_query(c, "name");
    m->size = query_number(c, "size");
    if (!content || !sha256_parse(text_of(content), &m->content))
        m->size = -1;
    return making_find(c->api, c->arena, m, err);
}

// Chunks of a large one come in any order, on several lines and by UDP: those that are written are
// listed beside it, number and hash. Nothing of it is trusted in the end: the whole is hashed
// before it counts.
struct came {
    int64_t number;
    sha256 hash;
};

static void came_path(const struct making *m, char to[PATH_MAX])
{
    snprintf(to, PATH_MAX, "%.*s.came", (int)sizeof(m->arriving) - 8, m->arriving);
}

static void drop_arriving(const struct making *m)
{
    char list[PATH_MAX];
    came_path(m, list);
    unlink(list);
    unlink(m->arriving);
}

static void made_json(struct call *c, int64_t offset, bool whole)
{
    call_json(c, json_pack("{s:I, s:b}", "offset", (json_int_t)offset, "whole", whole));
}

static bool made_get(struct call *c, struct error *err)
{
    struct making *m = ARENA_NEW(c->arena, struct making);
    int64_t size = 0, listed;
    bool folder;
    char list[PATH_MAX];
    if (!making_of(c, m, err))
        return false;
    came_path(m, list);
    if (!m->there && file_look(m->arriving, &folder, &size) &&
        (size > m->size || file_look(list, &folder, &listed)))
        size = 0; // of something else, or with holes: it is begun anew
    made_json(c, m->there ? m->size : size, m->there);
    return true;
}

static bool other_line(struct error *err)
{
    return error_set(err, ERROR_CONFLICT, "it is just arriving on another line");
}

// `alone`: nobody else writes to it until it is closed. Else others may write other chunks.
static bool arriving_open(struct making *m, bool alone, struct error *err)
{
    char folder[PATH_MAX];
    struct stat opened, seen;
    path_folder(m->arriving, folder, sizeof(folder));
    if (!folder_make(folder, 0750, err))
        return false;
    m->file = open(m->arriving, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (m->file < 0)
        return error_errno(err, errno, "cannot take what was made");
    if (flock(m->file, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0)
        return other_line(err);
    // Taken into the store between our two calls: nobody writes to it there.
    if (fstat(m->file, &opened) != 0 || stat(m->arriving, &seen) != 0 ||
        opened.st_ino != seen.st_ino)
        return other_line(err);
    return true;
}

static void arriving_close(struct making *m)
{
    if (m->file >= 0)
        close(m->file);
    m->file = -1;
}

static bool made_begin(struct call *c, struct error *err)
{
    struct making *m = c->own = ARENA_NEW(c->arena, struct making);
    const char *offset = call_query(c, "offset");
    char list[PATH_MAX];
    struct stat seen;
    if (!making_of(c, m, err))
        return false;
    if (m->there)
        return true;
    if (!meter(c, &m->h, true, err))
        return false;
    m->at = offset ? strtoll(offset, NULL, 10) : 0;
    if (!arriving_open(m, true, err))
        return false;
    if (fstat(m->file, &seen) != 0)
        return error_errno(err, errno, "cannot take what was made");
    if (m->at < 0 || m->at > seen.st_size || m->at > m->size) {
        error_set(err, ERROR_CONFLICT, "it does not go on there");
        return error_why(err, "%lld bytes of it are here", (long long)seen.st_size);
    }
    came_path(m, list);
    if (m->at < m->size)
        unlink(list);
    if (ftruncate(m->file, m->at) != 0)
        return error_errno(err, errno, "cannot take what was made");
    return true;
}

static bool write_at(struct making *m, const void *at, size_t size, int64_t offset,
                     struct error *err)
{
    return fd_write_all(m->file, at, size, offset) ||
           error_errno(err, errno, "cannot keep what was made");
}

static bool made_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct making *m = c->own;
    if (m->file < 0)
        return true;
    if ((int64_t)size > m->size - m->at)
        return error_set(err, ERROR_TOO_BIG, "it is longer than was said");
    if (!write_at(m, at, size, m->at, err))
        return false;
    m->at += (int64_t)size;
    return true;
}

static void made_done(struct call *c)
{
    if (c->own)
        arriving_close(c->own);
}

struct recording {
    struct making *m;
    struct store_bytes *bytes;
};

static bool record_in(struct db_tx *tx, void *context, struct error *err)
{
    struct recording *r = context;
    struct job_file made = {r->m->path, r->m->content, r->m->size, false, r->m->task};
    bool replaced = false;
    sha256 before;
    int64_t bytes;
    return store_record(tx, r->bytes, err) &&
           job_file_made(tx, r->m->h.job, r->m->h.token, &made, &replaced, &before, err) &&
           (!replaced || flow_forget(tx, &before, &bytes, err));
}

static bool arrived_as_else(const struct making *m, struct error *err)
{
    drop_arriving(m);
    error_set(err, ERROR_DAMAGED, "%.200s arrived as something else", m->path);
    return error_fix(err, "send it again");
}

static bool sync_folder(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    path_folder(path, folder, sizeof(folder));
    int f = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = f >= 0 && fsync(f) == 0;
    if (!ok)
        error_errno(err, errno, "cannot make %s durable", folder);
    if (f >= 0)
        close(f);
    return ok;
}

// A ticket's output is nothing to the store before "done" is said.
static bool keep_named(struct making *m, struct error *err)
{
    sha256 content;
    int64_t size;
    if (!content_of_file(m->arriving, &content, &size, err))
        return false;
    if (!sha256_equal(&content, &m->content))
        return arrived_as_else(m, err);
    if (fsync(m->file) != 0 || rename(m->arriving, m->path) != 0)
        return error_errno(err, errno, "cannot keep what was made");
    return sync_folder(m->path, err);
}

static bool keep_placed(struct api *api, struct making *m, struct error *err)
{
    struct recording r = {m, NULL};
    if (!store_adopt(api->store, m->arriving, &r.bytes, err))
        return false;
    if (!sha256_equal(store_bytes_content(r.bytes, 0), &m->content)) {
        store_settle(api->store, r.bytes, false);
        return arrived_as_else(m, err);
    }
    bool ok = db_write(api->db, record_in, &r, err);
    store_settle(api->store, r.bytes, ok);
    return ok;
}

// All of it has arrived; it is open for nobody else.
static bool made_keep(struct api *api, struct making *m, struct error *err)
{
    char list[PATH_MAX];
    if (!(m->name ? keep_named(m, err) : keep_placed(api, m, err)))
        return false;
    came_path(m, list);
    unlink(list);
    log_info("work.made", "attempt=%s size=%lld path=%s", m->h.attempt, (long long)m->size,
             log_quote(m->path).text);
    return true;
}

static bool made_end(struct call *c, struct error *err)
{
    struct making *m = c->own;
    bool here = m->there || m->at == m->size;
    if (here && !m->there && !made_keep(c->api, m, err))
        return false;
    made_json(c, here ? m->size : m->at, here);
    return true;
}

static const struct stream_calls made_stream = {
    .begin = made_begin, .piece = made_piece, .done = made_done};

// ---- the same, chunk by chunk

static int64_t chunk_bytes(const struct making *m, int64_t number)
{
    int64_t left =
        number < 0 || number > m->size / STORE_CHUNK ? 0 : m->size - number * STORE_CHUNK;
    return left < STORE_CHUNK ? left : STORE_CHUNK;
}

static bool chunk_place(struct making *m, const struct came *came, const void *at, size_t size,
                        struct error *err)
{
    char path[PATH_MAX];
    came_path(m, path);
    if (!arriving_open(m, false, err))
        return false;
    int list = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    bool ok = list >= 0 && write_at(m, at, size, came->number * STORE_CHUNK, err);
    if (list < 0)
        error_errno(err, errno, "cannot keep what was made");
    if (ok && write(list, came, sizeof(*came)) != (ssize_t)sizeof(*came))
        ok = error_errno(err, errno, "cannot keep what was made");
    if (list >= 0)
        close(list);
    return ok;
}

// What is one chunk is kept at once; larger ones when the end is said (PUT /work/made).
static bool chunk_take(struct api *api, struct making *m, const struct came *came, const void *at,
                       size_t size, struct error *err)
{
    if (m->there)
        return true;
    if (!size || (int64_t)size != chunk_bytes(m, came->number))
        return error_set(err, ERROR_INPUT, "it has no such chunk");
    sha256 hash = sha256_of(at, size);
    if (!sha256_equal(&hash, &came->hash)) {
        error_set(err, ERROR_DAMAGED, "a chunk of what was made arrived damaged");
        return error_fix(err, "send it again");
    }
    bool ok = m->size > STORE_CHUNK ? chunk_place(m, came, at, size, err)
                                    : arriving_open(m, true, err) &&
                                          (ftruncate(m->file, 0) == 0 ||
                                           error_errno(err, errno, "cannot take what was made")) &&
                                          write_at(m, at, size, 0, err) && made_keep(api, m, err);
    arriving_close(m);
    return ok;
}

struct chunk_making {
    struct making m; // first: made_done closes it
    struct came came;
    bool done;
};

static bool made_chunk_begin(struct call *c, struct error *err)
{
    struct chunk_making *k = c->own = ARENA_NEW(c->arena, struct chunk_making);
    const char *hash = call_query(c, "hash");
    k->came.number = query_number(c, "chunk");
    if (!making_of(c, &k->m, err))
        return false;
    if (!hash || !sha256_parse(text_of(hash), &k->came.hash))
        return error_set(err, ERROR_INPUT, "the chunk's hash must be said");
    return meter(c, &k->m.h, true, err);
}

static bool made_chunk_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct chunk_making *k = c->own;
    if (k->done)
        return error_set(err, ERROR_TOO_BIG, "a chunk has at most 8 MiB");
    k->done = true;
    return chunk_take(c->api, &k->m, &k->came, at, size, err);
}

static bool made_chunk_end(struct call *c, struct error *err)
{
    struct chunk_making *k = c->own;
    if (!k->done)
        return error_set(err, ERROR_INPUT, "the chunk is empty");
    bool whole = k->m.there || k->m.size <= STORE_CHUNK;
    made_json(c, whole ? k->m.size : 0, whole);
    return true;
}

static const struct stream_calls made_chunk_stream = {
    .limit = STORE_CHUNK, .begin = made_chunk_begin, .piece = made_chunk_piece, .done = made_done};

struct claiming {
    struct making m;
    struct came *list; // of this claim
    size_t count;
    bool *there;
    struct job_chunk *known; // where the store has them
};

// What has come on lines that were cut.
static void find_came(struct claiming *k)
{
    char path[PATH_MAX];
    struct came came;
    came_path(&k->m, path);
    FILE *list = fopen(path, "re");
    while (list && k->count && fread(&came, sizeof(came), 1, list) == 1)
        if (came.number >= k->list[0].number &&
            came.number < k->list[0].number + (int64_t)k->count) {
            size_t i = (size_t)(came.number - k->list[0].number);
            k->there[i] = sha256_equal(&came.hash, &k->list[i].hash);
        }
    if (list)
        fclose(list);
}

static bool known_in(struct db_tx *tx, void *context, struct error *err)
{
    struct claiming *k = context;
    for (size_t i = 0; i < k->count; i++)
        if (!k->there[i] && !job_chunk_known(tx, k->m.h.job, &k->list[i].hash, &k->known[i], err))
            return false;
    return true;
}

// The house has the bytes of a chunk in another file of the job: they are copied here.
static bool copy_known(struct api *api, struct claiming *k, size_t i, struct error *err)
{
    const struct store_map *map = NULL;
    int64_t size = chunk_bytes(&k->m, k->list[i].number);
    char *bytes = malloc((size_t)(size ? size : 1));
    if (!bytes)
        abort();
    k->there[i] = store_map_open(api->store, &k->known[i].content, &map, err) &&
                  store_map_read(map, k->known[i].number * STORE_CHUNK, bytes, (size_t)size, err) &&
                  chunk_take(api, &k->m, &k->list[i], bytes, (size_t)size, err);
    store_map_close(api->store, map);
    free(bytes);
    return k->there[i] || err->kind == ERROR_DAMAGED || err->kind == ERROR_NOT_FOUND;
}

static bool read_claim(struct call *c, struct claiming *k, struct error *err)
{
    json_t *hashes = body_field(c, "hashes");
    int64_t from = body_int(c, "from", 0);
    k->m.h = (struct holder){.worker = body_text(c, "worker"),
                             .attempt = body_text(c, "attempt"),
                             .token = body_int(c, "token", 0)};
    k->m.output = body_int(c, "output", -1);
    k->m.frame = body_int(c, "frame", -1);
    k->m.tile = body_int(c, "tile", -1);
    k->m.task = body_int(c, "task", 0);
    k->m.name = body_text(c, "name");
    k->m.size = body_int(c, "size", -1);
    k->count = json_array_size(hashes);
    k->list = ARENA_ARRAY(c->arena, struct came, k->count + 1);
    k->there = ARENA_ARRAY(c->arena, bool, k->count + 1);
    k->known = ARENA_ARRAY(c->arena, struct job_chunk, k->count + 1);
    if (k->count > CLAIM_MOST || k->m.size <= STORE_CHUNK)
        return error_set(err, ERROR_INPUT, "256 chunks of a file of several are claimed at most");
    if (!sha256_parse(text_of(body_text(c, "content")), &k->m.content))
        return error_set(err, ERROR_INPUT, "that is no content");
    for (size_t i = 0; i < k->count; i++) {
        k->list[i].number = from + (int64_t)i;
        if (!chunk_bytes(&k->m, k->list[i].number) ||
            !sha256_parse(text_of(json_string_value(json_array_get(hashes, i))), &k->list[i].hash))
            return error_set(err, ERROR_INPUT, "that is no chunk of it");
    }
    return making_find(c->api, c->arena, &k->m, err);
}

static bool claim_post(struct call *c, struct error *err)
{
    struct claiming k = {0};
    if (!read_claim(c, &k, err))
        return false;
    if (!k.m.there) {
        find_came(&k);
        if (!db_read(c->api->db, known_in, &k, err))
            return false;
        for (size_t i = 0; i < k.count; i++)
            if (!k.there[i] && k.known[i].known && !copy_known(c->api, &k, i, err))
                return false;
    }
    json_t *missing = json_array();
    for (size_t i = 0; i < k.count && !k.m.there; i++)
        if (!k.there[i])
            json_array_append_new(missing, json_integer((json_int_t)k.list[i].number));
    call_json(c, json_pack("{s:b, s:o}", "whole", k.m.there, "missing", missing));
    return true;
}

// ---- in a bulk session

static struct holder holder_of(const struct staged_piece *p, const char *worker)
{
    return (struct holder){.worker = worker, .attempt = p->attempt, .token = p->token};
}

bool staging_meter(struct api *api, struct arena *a, const struct staged_by *by,
                   const struct staged_piece *p, struct stream **stream, struct error *err)
{
    struct holder h = holder_of(p, by->worker);
    struct meter m;
    *stream = NULL;
    if (!check_holder(api, &h, err))
        return false;
    if (!api->wish.rooms.line)
        return true;
    if (!meter_of(api, a, &h, p->in, &m, err))
        return false;
    m.person = by->person;
    m.who = by->who;
    m.via = "udp";
    *stream = meter_stream(api, a, &m, p->in);
    return true;
}

bool staging_take(struct api *api, struct arena *a, const char *worker,
                  const struct staged_piece *p, const void *at, size_t size, struct error *err)
{
    struct making m = {.h = holder_of(p, worker),
                       .output = p->output,
                       .frame = p->frame,
                       .task = p->task,
                       .tile = p->tile,
                       .name = p->name[0] ? p->name : NULL,
                       .content = p->content,
                       .size = p->bytes};
    struct came came = {p->chunk, p->hash};
    return making_find(api, a, &m, err) && chunk_take(api, &m, &came, at, size, err);
}

static bool not_as_asked(struct error *err)
{
    error_set(err, ERROR_INPUT, "what is asked for has another size");
    return error_fix(err, "ask for the list of the job's files again");
}

static bool give_chunk(struct api *api, const struct staged_piece *p, char *to, struct error *err)
{
    const struct store_map *map = NULL;
    if (!store_map_open(api->store, &p->content, &map, err))
        return false;
    int64_t at = p->chunk > map->size / STORE_CHUNK ? map->size : p->chunk * STORE_CHUNK;
    int64_t left = map->size - at;
    bool ok = p->bytes == (left < STORE_CHUNK ? left : STORE_CHUNK) || not_as_asked(err);
    ok = ok && store_map_read(map, at, to, (size_t)p->bytes, err);
    store_map_close(api->store, map);
    return ok;
}

static bool give_pack(struct api *api, const struct staged_piece *p, const sha256 *list,
                      size_t count, const int64_t *sizes, char *to, struct error *err)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += sizes[i];
    if (total != p->bytes)
        return not_as_asked(err);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const struct store_map *map = NULL;
        ok = !sizes[i] || (store_map_open(api->store, &list[i], &map, err) &&
                           store_map_read(map, 0, to, (size_t)sizes[i], err));
        store_map_close(api->store, map);
        to += sizes[i];
    }
    return ok;
}

bool staging_give(struct api *api, struct arena *a, const char *worker,
                  const struct staged_piece *p, const void *list, size_t list_size, char **bytes,
                  struct error *err)
{
    struct holder h = holder_of(p, worker);
    const sha256 *wanted = p->pack ? list : &p->content;
    size_t count = p->pack ? list_size / SHA256_SIZE : 1;
    *bytes = NULL;
    if (!check_holder(api, &h, err))
        return false;
    struct asked q = {h.job, wanted, ARENA_ARRAY(a, int64_t, count + 1), count, 0};
    if (!look_up(api, &q, err))
        return false;
    char *to = malloc((size_t)p->bytes);
    if (!to)
        return error_set(err, ERROR_TOO_MANY, "the house has no memory for it now");
    if (p->pack ? give_pack(api, p, wanted, count, q.sizes, to, err)
                : give_chunk(api, p, to, err)) {
        *bytes = to;
        return true;
    }
    free(to);
    return false;
}

// ---- into its place

struct placing {
    struct call *c;
    struct holder h;
    struct job_file *list;
    size_t count;
    char **from;          // beside its place, durable
    struct hidden **near; // its folder; NULL: it is that of one before
    const char **own;     // paths of what is not another attempt's
    size_t own_count;
};

static bool placing_in(struct db_tx *tx, void *context, struct error *err)
{
    struct placing *p = context;
    return job_files_made(tx, p->h.job, p->h.token, p->c->arena, &p->list, &p->count, err);
}

static bool placed_in(struct db_tx *tx, void *context, struct error *err)
{
    struct placing *p = context;
    return job_files_placed(tx, p->h.job, p->h.token, p->own, p->own_count, err);
}

static bool write_out(struct store *s, const struct job_file *f, const char *to, struct error *err)
{
    enum { PIECE = 1 << 20 };
    const struct store_map *map = NULL;
    char *piece = malloc(PIECE);
    int file = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0664);
    bool ok = piece && file >= 0;
    if (!ok)
        error_errno(err, errno, "cannot write %s", to);
    ok = ok && store_map_open(s, &f->content, &map, err);
    for (int64_t at = 0; ok && at < f->size;) {
        size_t size = f->size - at < PIECE ? (size_t)(f->size - at) : PIECE;
        ok = store_map_read(map, at, piece, size, err);
        for (size_t done = 0; ok && done < size;) {
            ssize_t got = write(file, piece + done, size - done);
            ok = got > 0 || (got < 0 && errno == EINTR) ||
                 error_errno(err, got < 0 ? errno : ENOSPC, "cannot write %s", to);
            done += got > 0 ? (size_t)got : 0;
        }
        at += (int64_t)size;
    }
    ok = ok && (fsync(file) == 0 || error_errno(err, errno, "cannot make %s durable", to));
    store_map_close(s, map);
    if (file >= 0)
        close(file);
    free(piece);
    return ok;
}

static bool open_near(struct placing *p, size_t i, struct error *err)
{
    char folder[PATH_MAX];
    size_t size = (size_t)(strrchr(p->list[i].path, '/') - p->list[i].path);
    for (size_t k = 0; k < i; k++) // in the order of paths, but "a/b", "a/b/c", "a/c" are too
        if (p->near[k] && strncmp(p->list[k].path, p->list[i].path, size + 1) == 0 &&
            !strchr(p->list[k].path + size + 1, '/')) {
            p->from[i] =
                arena_format(p->c->arena, "%s%s", hidden_path(p->near[k]), p->list[i].path + size);
            return true;
        }
    path_folder(p->list[i].path, folder, sizeof(folder));
    p->near[i] = hidden_open(folder, p->h.attempt, err);
    // A link may lead from a folder that is fine into the house's own.
    const char *house = p->c->api->wish.house_folder;
    if (p->near[i] && house && realpath(hidden_path(p->near[i]), folder) &&
        !job_may_bring(folder, house, "", err))
        return false;
    if (p->near[i])
        p->from[i] =
            arena_format(p->c->arena, "%s%s", hidden_path(p->near[i]), p->list[i].path + size);
    return p->near[i] != NULL;
}

static bool bring_near(struct placing *p, struct error *err)
{
    p->from = ARENA_ARRAY(p->c->arena, char *, p->count + 1);
    p->near = ARENA_ARRAY(p->c->arena, struct hidden *, p->count + 1);
    for (size_t i = 0; i < p->count; i++)
        if (!open_near(p, i, err) || !write_out(p->c->api->store, &p->list[i], p->from[i], err))
            return false;
    return true;
}

static bool is_own(const struct jobs_placing *may, int64_t task)
{
    for (int i = 0; i < may->count; i++)
        if (task >= may->runs[i][0] && task <= may->runs[i][1])
            return true;
    return false;
}

static bool rename_own(struct placing *p, const struct jobs_placing *may, struct error *err)
{
    p->own = ARENA_ARRAY(p->c->arena, const char *, p->count + 1);
    for (size_t i = 0; i < p->count; i++) {
        if (!is_own(may, p->list[i].task))
            continue;
        if (rename(p->from[i], p->list[i].path) != 0)
            return error_errno(err, errno, "cannot bring %s into its place", p->list[i].path);
        p->own[p->own_count++] = p->list[i].path;
    }
    for (size_t i = 0; i < p->own_count; i++)
        if (!sync_folder(p->own[i], err))
            return false;
    return true;
}

static void clear_near(struct placing *p)
{
    struct error none;
    for (size_t i = 0; i < p->count; i++)
        if (!hidden_close(p->near[i], &none))
            log_problem("work.hidden", &none);
}

// Writing may take long, so the fence is asked before it, and again for the word that is used.
static bool place_own(struct placing *p, struct jobs_placing *may, struct error *err)
{
    struct call *c = p->c;
    if (!jobs_may_place(c->api->wish.rooms.jobs, p->h.worker, p->h.attempt, p->h.token,
                        clock_now_ms(), may, err))
        return false;
    if (may->when != JOBS_PLACE_NOW)
        return true;
    bool ok =
        bring_near(p, err) && jobs_may_place(c->api->wish.rooms.jobs, p->h.worker, p->h.attempt,
                                             p->h.token, clock_now_ms(), may, err);
    if (ok && may->when == JOBS_PLACE_NOW)
        ok = rename_own(p, may, err) && db_write(c->api->db, placed_in, p, err);
    clear_near(p);
    return ok;
}

static bool place_post(struct call *c, struct error *err)
{
    static const char *const words[] = {
        [JOBS_PLACE_NEVER] = "never", [JOBS_PLACE_LATER] = "later", [JOBS_PLACE_NOW] = "now"};
    struct placing p = {.c = c};
    struct jobs_placing may = {0};
    if (!body_holder(c, &p.h, err) || !db_read(c->api->db, placing_in, &p, err) ||
        !place_own(&p, &may, err))
        return false;
    call_json(c, json_pack("{s:s}", "when", words[may.when]));
    return true;
}

const struct route staging_routes[] = {
    {"GET", "/jobs/{job}/inputs", MAY_VIEW, inputs_get, NULL, "StagedFiles", 0,
     "files of a staged job: what was brought for it, and what it has made", NULL},
    {"GET", "/work/files", NEED_WORKER, files_get, NULL, "StagedFiles", 0,
     "what an attempt's job reads; ?worker= &attempt= &token= in all of /work/", NULL},
    {"POST", "/work/pack", NEED_WORKER, pack_post, "StagedAsk", "bytes", ROUTE_READS,
     "many small files: their bytes, one after another", NULL},
    {"GET", "/work/file", NEED_WORKER, file_get, NULL, "bytes", 0,
     "one file, by ranges; ?content=", NULL},
    {"GET", "/work/chunks", NEED_WORKER, chunks_get, NULL, "ChunkHash[]", 0,
     "of which chunks a file is; ?content=", NULL},
    {"POST", "/work/claim", NEED_WORKER, claim_post, "StagedClaim", "StagedMissing", 0,
     "which chunks of what was made must be sent", NULL},
    {"PUT", "/work/chunk", NEED_WORKER, made_chunk_end, NULL, "StagedMade", ROUTE_STREAM,
     "a chunk of it; as /work/made, with &chunk= and &hash=", &made_chunk_stream},
    {"GET", "/work/made", NEED_WORKER, made_get, NULL, "StagedMade", 0,
     "how much of it is there; ?output= &frame= &tile= &task= &size= &content=", NULL},
    {"PUT", "/work/made", NEED_WORKER, made_end, NULL, "StagedMade", ROUTE_STREAM,
     "what was made, from ?offset= on; of a ticket ?name= &size= &content=", &made_stream},
    {"POST", "/work/place", NEED_WORKER, place_post, "StagedPlace", "StagedPlaced", 0,
     "what the attempt made goes into its place, if it counts", NULL},
};
const size_t staging_route_count = sizeof(staging_routes) / sizeof(staging_routes[0]);
