// The files of a version on their way, by chunks: out of the store to the other house, and in.
#include "house/parcels/carry.h"
#include "house/transfer/transfer.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 6, CLAIM = 1024 };

static int64_t chunk_bytes(const struct lot_file *f, int64_t chunk)
{
    int64_t left = f->size - chunk * STORE_CHUNK;
    return left < STORE_CHUNK ? left : STORE_CHUNK;
}

static void count_there(struct carry *c, const struct lot_file *f)
{
    int64_t bytes = f->size;
    for (size_t i = 0; i < f->missing_count; i++)
        bytes -= chunk_bytes(f, f->missing[i]);
    carry_count(c, bytes, false);
}

// ---- files out

struct chunks {
    struct arena *a;
    const sha256 *content;
    struct store_chunk *list;
    size_t count;
};

static bool chunks_in(struct db_tx *tx, void *context, struct error *err)
{
    struct chunks *k = context;
    return store_chunks(tx, k->content, k->a, &k->list, &k->count, err);
}

static bool claim_out(struct carry *c, struct lot_file *f, size_t from, size_t count,
                      struct error *err)
{
    json_t *list = json_array();
    for (size_t i = from; i < from + count; i++)
        json_array_append_new(list, json_pack("{s:I, s:s}", "number", (json_int_t)i, "hash",
                                              sha256_text(&f->hashes[i]).text));
    json_t *body = json_pack("{s:o}", "chunks", list);
    json_t *answer = carry_ask_json(c, body, err, "/files/%s/claim", f->id), *one;
    size_t i;
    bool ok = answer != NULL;
    json_array_foreach(json_object_get(answer, "missing"), i, one)
    {
        int64_t number = json_integer_value(one);
        ok = ok && number >= 0 && number < (int64_t)f->chunk_count &&
             f->missing_count < f->chunk_count;
        if (ok)
            f->missing[f->missing_count++] = number;
    }
    if (answer && !ok)
        error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    json_decref(answer);
    json_decref(body);
    return ok;
}

bool carry_begin_file(struct carry *c, const char *path, int64_t size, char id[27], bool *stored,
                      struct error *err)
{
    json_t *body =
        json_pack("{s:s, s:I, s:s}", "path", path, "size", (json_int_t)size, "key", c->w->parcel);
    json_t *file = carry_ask_json(c, body, err, "/transfers/%s/files", c->transfer);
    bool ok = file != NULL;
    text_copy(text_of(parcel_word(file, "id")), id, 27);
    *stored = strcmp(parcel_word(file, "state"), "stored") == 0;
    if (ok && !id_valid(text_of(id)))
        ok = error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    json_decref(file);
    json_decref(body);
    return ok;
}

static bool open_out(void *context, struct lot_file *f, struct arena *a, struct error *err)
{
    struct carry *c = context;
    struct chunks k = {.a = a, .content = &f->content};
    if (!carry_begin_file(c, f->path, f->size, f->id, &f->there, err))
        return false;
    if (!f->there) {
        if (!db_read(c->w->db, chunks_in, &k, err))
            return false;
        f->chunk_count = k.count;
        f->hashes = must(calloc(k.count + 1, sizeof(*f->hashes)));
        f->missing = must(calloc(k.count + 1, sizeof(*f->missing)));
        for (size_t i = 0; i < k.count; i++)
            f->hashes[i] = k.list[i].hash;
        for (size_t i = 0; i < k.count; i += CLAIM)
            if (!claim_out(c, f, i, k.count - i < CLAIM ? k.count - i : CLAIM, err))
                return false;
    }
    count_there(c, f);
    return true;
}

bool carry_chunk(struct carry *c, const char *file, int64_t chunk, const sha256 *hash,
                 const void *at, size_t size, struct error *err)
{
    char meta[160], path[96];
    int length = snprintf(meta, sizeof(meta), "chunk %s %lld %s", file, (long long)chunk,
                          sha256_text(hash).text);
    // Small files are many, and each is a call or two in any case: only large ones gain by UDP.
    bool small = chunk == 0 && size < (size_t)STORE_CHUNK;
    enum way_end end =
        small ? WAY_NOT : way_put(c->way, (text){meta, (size_t)length}, at, size, err);
    if (end == WAY_DONE)
        return true;
    if (end != WAY_NOT)
        return error_while(err, "%s", c->other.name);
    error_clear(err);
    struct arena *a = arena_open(1 << 20);
    struct reply reply;
    snprintf(path, sizeof(path), "/api/v1/files/%s/chunks/%lld", file, (long long)chunk);
    struct client_header header = {"Chunk-Sha256", arena_text(a, sha256_text(hash).text)};
    struct call call = {.method = "PUT",
                        .path = path,
                        .headers = &header,
                        .header_count = 1,
                        .content_type = "application/octet-stream",
                        .body = {at, size}};
    bool ok = carry_ask(c, &call, a, &reply, err);
    arena_close(a);
    return ok;
}

static bool chunk_out(void *context, struct lot_file *f, int64_t chunk, void *buffer,
                      struct error *err)
{
    struct carry *c = context;
    const struct store_map *map = NULL;
    size_t size = (size_t)chunk_bytes(f, chunk);
    if (!carry_room(c, size, err) || !store_map_open(c->w->store, &f->content, &map, err))
        return false;
    bool ok = store_map_read(map, chunk * STORE_CHUNK, buffer, size, err);
    store_map_close(c->w->store, map);
    if (!ok || !carry_chunk(c, f->id, chunk, &f->hashes[chunk], buffer, size, err))
        return false;
    carry_count(c, (int64_t)size, true);
    return true;
}

bool carry_commit_file(struct carry *c, const char *file, const sha256 *content, size_t chunks,
                       struct error *err)
{
    json_t *body =
        json_pack("{s:s, s:I}", "content", sha256_text(content).text, "chunks", (json_int_t)chunks);
    json_t *answer = carry_ask_json(c, body, err, "/files/%s/commit", file);
    bool ok = answer && strcmp(parcel_word(answer, "state"), "stored") == 0;
    if (answer && !ok)
        error_set(err, ERROR_DAMAGED, "%s did not store a file", c->other.name);
    json_decref(answer);
    json_decref(body);
    return ok;
}

static bool close_out(void *context, struct lot_file *f, struct error *err)
{
    return carry_commit_file(context, f->id, &f->content, f->chunk_count, err);
}

// ---- files in

static bool hashes_in(struct carry *c, struct lot_file *f, struct error *err)
{
    json_t *list = carry_ask_json(c, NULL, err, "/versions/%s/files/%lld/chunks", c->version,
                                  (long long)f->number),
           *one;
    size_t i;
    if (!list)
        return false;
    bool ok = json_array_size(list) == f->chunk_count;
    json_array_foreach(list, i, one) ok =
        ok && i < f->chunk_count && parcel_count(one, "number") == (int64_t)i &&
        sha256_parse(text_of(parcel_word(one, "hash")), &f->hashes[i]);
    json_decref(list);
    return ok || error_set(err, ERROR_DAMAGED, "the chunks that %s lists are not those of a file",
                           c->other.name);
}

static bool claim_in(struct carry *c, struct lot_file *f, size_t from, size_t count,
                     struct arena *a, struct error *err)
{
    size_t missing = 0;
    struct transfer_chunk *list = ARENA_ARRAY(a, struct transfer_chunk, count);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct transfer_chunk){(int64_t)(from + i), f->hashes[from + i]};
    if (!transfer_claim(c->w->transfers, f->id, &c->who, list, count, f->missing + f->missing_count,
                        &missing, err))
        return false;
    f->missing_count += missing;
    return true;
}

static bool open_in(void *context, struct lot_file *f, struct arena *a, struct error *err)
{
    struct carry *c = context;
    struct transfer_file got;
    struct transfer_file_wish w = {.path = f->path, .size = f->size, .key = c->w->parcel};
    if (!transfer_file_begin(c->w->transfers, c->transfer, &w, a, &got, err))
        return false;
    text_copy(text_of(got.id), f->id, sizeof(f->id));
    f->there = strcmp(got.state, "stored") == 0;
    f->chunk_count = (size_t)((f->size + STORE_CHUNK - 1) / STORE_CHUNK);
    if (!f->there) {
        f->hashes = must(calloc(f->chunk_count + 1, sizeof(*f->hashes)));
        f->missing = must(calloc(f->chunk_count + 1, sizeof(*f->missing)));
        if (f->chunk_count && !hashes_in(c, f, err))
            return false;
        for (size_t i = 0; i < f->chunk_count; i += CLAIM)
            if (!claim_in(c, f, i, f->chunk_count - i < CLAIM ? f->chunk_count - i : CLAIM, a, err))
                return false;
    }
    count_there(c, f);
    return true;
}

static bool chunk_in(void *context, struct lot_file *f, int64_t chunk, void *buffer,
                     struct error *err)
{
    struct carry *c = context;
    size_t size = (size_t)chunk_bytes(f, chunk);
    struct way_piece piece = {.way = c->way, .client = c->client, .offset = chunk * STORE_CHUNK};
    way_piece_of(&piece, c->version, f->number, chunk);
    if (!carry_room(c, size, err))
        return false;
    if (!way_piece_get(&piece, buffer, size, err))
        return error_while(err, "%s", c->other.name);
    if (!transfer_put_chunk(c->w->transfers, f->id, chunk, buffer, size, &f->hashes[chunk], err))
        return false;
    carry_count(c, (int64_t)size, true);
    return true;
}

static bool close_in(void *context, struct lot_file *f, struct error *err)
{
    struct carry *c = context;
    struct transfer_file got;
    struct arena *a = arena_open(1 << 20);
    bool ok = transfer_commit(c->w->transfers, f->id, &f->content, a, &got, err);
    arena_close(a);
    return ok;
}

// ---- the files of a version

void carry_way(struct carry *c, const char *version)
{
    struct way_wish w = {.client = c->client, .url = c->other.url, .moving = &c->moving};
    if (version)
        snprintf(w.path, sizeof(w.path), "/versions/%s/bulk", version);
    else
        snprintf(w.path, sizeof(w.path), "/transfers/%s/bulk", c->transfer);
    way_close(c->way);
    c->way = way_open(&w);
}

bool carry_version(struct carry *c, const json_t *version, struct error *err)
{
    const json_t *list = json_object_get(version, "files"), *one;
    size_t i, count = json_array_size(list);
    struct lot_file *files = must(calloc(count + 1, sizeof(*files)));
    char(*paths)[64] = must(calloc(count + 1, sizeof(*paths)));
    struct lot_calls calls = {.open = c->in ? open_in : open_out,
                              .chunk = c->in ? chunk_in : chunk_out,
                              .close = c->in ? close_in : close_out,
                              .still = carry_still,
                              .context = c};
    bool ok = true;
    json_array_foreach(list, i, one)
    {
        parcel_path(parcel_word(version, "thing"), (int64_t)i + 1, paths[i]);
        files[i] = (struct lot_file){
            .size = parcel_count(one, "size"), .number = (int64_t)i + 1, .path = paths[i]};
        ok = ok && sha256_parse(text_of(parcel_word(one, "content")), &files[i].content);
    }
    if (!ok)
        error_set(err, ERROR_INTERNAL, "a file of a version has no content");
    if (c->in)
        c->version = parcel_word(version, "at");
    if (ok && c->in)
        carry_way(c, c->version);
    bool small = count == 1 && files[0].size <= STORE_CHUNK;
    ok = ok && lot_run(&calls, files, count, small ? 1 : THREADS, err);
    pthread_mutex_lock(&c->lock);
    if (c->way && !small)
        c->via = way_word(c->way);
    else if (!c->via)
        c->via = "TCP";
    if (c->way && !small && way_udp(c->way))
        stream_goes_by(c->stream, "udp");
    pthread_mutex_unlock(&c->lock);
    free(files);
    free(paths);
    return ok;
}
