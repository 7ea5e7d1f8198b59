/*
 * Carrying a parcel, out or in: the same for both but for who reads and who writes.
 *
 *   out: pack here, ask there which versions are wanted, bring their files into a transfer there,
 *        bring the document, have it taken.
 *   in:  ask there for the document, look here which versions are wanted, bring their files into a
 *        transfer here, take it.
 *
 * The transfer is found again by the parcel's id, whoever was killed: files that are stored are
 * passed over, chunks that are there are not moved. So a try that is begun again goes on at the
 * next chunk, and has nothing of its own to keep.
 */
#include "house/parcels/inside.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "store/store.h"
#include "wire/address.h"
#include "wire/client.h"
#include "wire/traffic.h"
#include "wire/way.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 6, LINES = 12, CLAIM = 1024, PAGE = 500, ASSETS_AT_ONCE = 8 };

struct planned { // an asset that is meant
    const char *id;
    size_t versions; // when it was looked at
    json_t *places;  // of those that are wanted
};

struct carry {
    const struct carrier_wish *w;
    struct arena *a; // of the whole parcel
    char self[27], project[27], house[27], person[27], transfer[27], by[300];
    char there[27];            // the other house's project
    const char *asked, *named; // what it was called in the order, ""; else as ours
    char there_name[300];
    bool in;
    json_t *ids; // of the assets that are asked for; empty: all
    struct planned *plan;
    size_t plan_count;
    pthread_mutex_t lock; // guards result and via while several assets go at once
    json_t *paths;        // of those only what is there
    struct who who;
    unsigned may;
    struct other_house other;
    struct client *client;
    struct way *way;
    struct stream *stream;
    pthread_mutex_t turn; // of those who wait for room: one after another, so that chunks end early
    const char *version;  // in: whose files come
    json_t *result;
    const char *via;
    _Atomic int64_t done, moved, moving;
    int64_t total;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- asking the other house

static bool ask(struct carry *c, struct call *call, struct arena *a, struct reply *reply,
                struct error *err)
{
    call->repeatable = true;
    return client_call(c->client, call, a, reply, err) || error_while(err, "%s", c->other.name);
}

static json_t *ask_json(struct carry *c, const json_t *body, struct error *err, const char *form,
                        ...) PRINTF_LIKE(4, 5);
static json_t *ask_json(struct carry *c, const json_t *body, struct error *err, const char *form,
                        ...)
{
    char path[600];
    struct reply reply;
    struct arena *a = arena_open((size_t)600 << 20);
    va_list list;
    size_t before = (size_t)snprintf(path, sizeof(path), "/api/v1");
    va_start(list, form);
    vsnprintf(path + before, sizeof(path) - before, form, list);
    va_end(list);
    char *written = body ? must(json_dumps(body, JSON_COMPACT)) : NULL;
    struct call call = {.path = path, .body = text_of(written), .answer_limit = PARCEL_BYTES};
    json_t *answer = NULL;
    if (ask(c, &call, a, &reply, err)) {
        answer = json_loadb(reply.body.at, reply.body.size, JSON_DECODE_ANY, NULL);
        if (!answer)
            error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    }
    free(written);
    arena_close(a);
    return answer;
}

// ---- how far it is, and how fast it may go

static bool still(void *context)
{
    struct carry *c = context;
    return c->w->moved(c->w->context, atomic_load(&c->done), c->total);
}

static bool room_in_turn(struct carry *c, size_t size, struct error *err)
{
    while (size) {
        int wait_ms = 0;
        size_t may = stream_take(c->stream, size, &wait_ms);
        size -= may;
        if (!may && (wait_ms < 0 || !still(c)))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        if (!may)
            clock_sleep_ms(wait_ms > 200 ? 200 : wait_ms > 0 ? wait_ms : 1);
    }
    return true;
}

static bool room_for(struct carry *c, size_t size, struct error *err)
{
    if (!c->stream)
        return true;
    pthread_mutex_lock(&c->turn);
    bool ok = room_in_turn(c, size, err);
    pthread_mutex_unlock(&c->turn);
    return ok;
}

static void count(struct carry *c, int64_t bytes, bool moved)
{
    atomic_fetch_add(&c->done, bytes);
    if (moved)
        atomic_fetch_add(&c->moved, bytes);
    (void)still(c);
}

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
    count(c, bytes, false);
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
    json_t *answer = ask_json(c, body, err, "/files/%s/claim", f->id), *one;
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

static bool begin_out(struct carry *c, const char *path, int64_t size, char id[27], bool *stored,
                      struct error *err)
{
    json_t *body =
        json_pack("{s:s, s:I, s:s}", "path", path, "size", (json_int_t)size, "key", c->w->parcel);
    json_t *file = ask_json(c, body, err, "/transfers/%s/files", c->transfer);
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
    if (!begin_out(c, f->path, f->size, f->id, &f->there, err))
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

static bool put_chunk(struct carry *c, const char *file, int64_t chunk, const sha256 *hash,
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
    bool ok = ask(c, &call, a, &reply, err);
    arena_close(a);
    return ok;
}

static bool chunk_out(void *context, struct lot_file *f, int64_t chunk, void *buffer,
                      struct error *err)
{
    struct carry *c = context;
    const struct store_map *map = NULL;
    size_t size = (size_t)chunk_bytes(f, chunk);
    if (!room_for(c, size, err) || !store_map_open(c->w->store, &f->content, &map, err))
        return false;
    bool ok = store_map_read(map, chunk * STORE_CHUNK, buffer, size, err);
    store_map_close(c->w->store, map);
    if (!ok || !put_chunk(c, f->id, chunk, &f->hashes[chunk], buffer, size, err))
        return false;
    count(c, (int64_t)size, true);
    return true;
}

static bool commit_out(struct carry *c, const char *file, const sha256 *content, size_t chunks,
                       struct error *err)
{
    json_t *body =
        json_pack("{s:s, s:I}", "content", sha256_text(content).text, "chunks", (json_int_t)chunks);
    json_t *answer = ask_json(c, body, err, "/files/%s/commit", file);
    bool ok = answer && strcmp(parcel_word(answer, "state"), "stored") == 0;
    if (answer && !ok)
        error_set(err, ERROR_DAMAGED, "%s did not store a file", c->other.name);
    json_decref(answer);
    json_decref(body);
    return ok;
}

static bool close_out(void *context, struct lot_file *f, struct error *err)
{
    return commit_out(context, f->id, &f->content, f->chunk_count, err);
}

// ---- files in

static bool hashes_in(struct carry *c, struct lot_file *f, struct error *err)
{
    json_t *list = ask_json(c, NULL, err, "/versions/%s/files/%lld/chunks", c->version,
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
    struct way_piece piece = {
        .way = c->way, .client = c->client, .offset = chunk * STORE_CHUNK};
    way_piece_of(&piece, c->version, f->number, chunk);
    if (!room_for(c, size, err))
        return false;
    if (!way_piece_get(&piece, buffer, size, err))
        return error_while(err, "%s", c->other.name);
    if (!transfer_put_chunk(c->w->transfers, f->id, chunk, buffer, size, &f->hashes[chunk], err))
        return false;
    count(c, (int64_t)size, true);
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

static void way_begin(struct carry *c, const char *version)
{
    struct way_wish w = {.client = c->client, .url = c->other.url, .moving = &c->moving};
    if (version)
        snprintf(w.path, sizeof(w.path), "/versions/%s/bulk", version);
    else
        snprintf(w.path, sizeof(w.path), "/transfers/%s/bulk", c->transfer);
    way_close(c->way);
    c->way = way_open(&w);
}

static bool move_version(struct carry *c, const json_t *version, struct error *err)
{
    const json_t *list = json_object_get(version, "files"), *one;
    size_t i, count = json_array_size(list);
    struct lot_file *files = must(calloc(count + 1, sizeof(*files)));
    char(*paths)[64] = must(calloc(count + 1, sizeof(*paths)));
    struct lot_calls calls = {.open = c->in ? open_in : open_out,
                              .chunk = c->in ? chunk_in : chunk_out,
                              .close = c->in ? close_in : close_out,
                              .still = still,
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
        way_begin(c, c->version);
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

static int64_t bytes_of(const json_t *version)
{
    int64_t bytes = 0;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(version, "files"), i, one) bytes +=
        parcel_count(one, "size");
    return bytes;
}

// ---- the document

struct packed {
    struct carry *c;
    const char *asset;
    json_t *parcel, *places, *taken, *receipt;
    const json_t *versions;
};

static bool pack_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    return parcel_pack(tx, k->c->self, k->c->w->house_name, k->asset, &k->parcel, err);
}

static bool wants_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    return parcel_wants(tx, k->c->self, k->c->project, k->versions, &k->places, err);
}

static json_t *document(struct carry *c, const char *asset, struct error *err)
{
    struct packed k = {.c = c, .asset = asset};
    if (!c->in)
        return db_read(c->w->db, pack_in, &k, err) ? k.parcel : NULL;
    json_t *came = ask_json(c, NULL, err, "/assets/%s/parcel", asset);
    char *bytes = came ? must(json_dumps(came, JSON_COMPACT)) : NULL;
    if (came && !parcel_read(text_of(bytes), &k.parcel, err))
        error_while(err, "%s", c->other.name);
    free(bytes);
    json_decref(came);
    return k.parcel;
}

static bool wants_there(struct carry *c, const json_t *versions, json_t *places, struct error *err)
{
    size_t all = json_array_size(versions), k;
    for (size_t from = 0; from < all; from += PARCEL_WANTS_MOST) {
        json_t *list = json_array(), *one;
        for (size_t i = from; i < all && i < from + PARCEL_WANTS_MOST; i++) {
            const json_t *v = json_array_get(versions, i);
            json_array_append_new(list, json_pack("{s:s, s:s}", "house", parcel_word(v, "house"),
                                                  "thing", parcel_word(v, "thing")));
        }
        json_t *body = json_pack("{s:o}", "versions", list);
        json_t *answer = ask_json(c, body, err, "/projects/%s/parcels/wanted", c->there);
        json_array_foreach(json_object_get(answer, "wanted"), k, one)
            json_array_append_new(places, json_integer(json_integer_value(one) + (json_int_t)from));
        bool ok = answer != NULL;
        json_decref(answer);
        json_decref(body);
        if (!ok)
            return false;
    }
    return true;
}

// Of [{house, thing}] those whose files are to move: places in the list, a new reference.
static json_t *wanted(struct carry *c, const json_t *versions, struct error *err)
{
    struct packed k = {.c = c, .versions = versions};
    if (c->in)
        return db_read(c->w->db, wants_in, &k, err) ? k.places : NULL;
    json_t *places = json_array();
    if (wants_there(c, versions, places, err))
        return places;
    json_decref(places);
    return NULL;
}

static bool put_document(struct carry *c, const json_t *parcel, char path[64], struct error *err)
{
    char *bytes = must(json_dumps(parcel, JSON_COMPACT | JSON_SORT_KEYS)), id[27];
    size_t size = strlen(bytes), count = (size + (size_t)STORE_CHUNK - 1) / (size_t)STORE_CHUNK;
    sha256 *hashes = must(calloc(count, sizeof(*hashes)));
    struct hasher *all = hasher_open("sha256");
    for (size_t i = 0; i < count; i++) {
        size_t from = i * (size_t)STORE_CHUNK;
        hashes[i] = sha256_of(
            bytes + from, size - from < (size_t)STORE_CHUNK ? size - from : (size_t)STORE_CHUNK);
        hasher_add(all, hashes[i].at, SHA256_SIZE);
    }
    uint8_t digest[64];
    hasher_end(all, digest);
    sha256 content;
    memcpy(content.at, digest, SHA256_SIZE);
    snprintf(path, 64, "document-%.40s", sha256_text(&content).text);
    bool stored = false, ok = begin_out(c, path, (int64_t)size, id, &stored, err);
    for (size_t i = 0; ok && !stored && i < count; i++) {
        size_t from = i * (size_t)STORE_CHUNK;
        ok = put_chunk(c, id, (int64_t)i, &hashes[i], bytes + from,
                       size - from < (size_t)STORE_CHUNK ? size - from : (size_t)STORE_CHUNK, err);
    }
    ok = ok && (stored || commit_out(c, id, &content, count, err));
    free(hashes);
    free(bytes);
    return ok;
}

static bool take_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    struct carry *c = k->c;
    struct parcel_wish w = {.self = c->self,
                            .project = c->project,
                            .transfer = c->transfer,
                            .who = &c->who,
                            .may = c->may,
                            .parcel = k->parcel};
    json_decref(k->taken);
    k->taken = NULL;
    return parcel_take(tx, &w, &k->taken, err);
}

static json_t *have_taken(struct carry *c, json_t *parcel, struct error *err)
{
    struct packed k = {.c = c, .parcel = parcel};
    char path[64];
    if (c->in)
        return db_write(c->w->db, take_in, &k, err) ? k.taken : NULL;
    if (!put_document(c, parcel, path, err))
        return NULL;
    json_t *body = json_pack("{s:s}", "path", path);
    json_t *taken = ask_json(c, body, err, "/transfers/%s/parcels", c->transfer);
    json_decref(body);
    return taken;
}

// ---- what became of it

static void add_to(json_t *sums, const char *name, int64_t more)
{
    json_object_set_new(sums, name, json_integer(parcel_count(sums, name) + more));
}

// "reel 2: version 3 is 4 here": when both houses made one.
static void say_order(json_t *result, const json_t *taken, const json_t *version)
{
    char line[400];
    json_t *list = json_object_get(result, "renumbered");
    if (parcel_count(version, "was") == parcel_count(version, "number") ||
        json_array_size(list) >= 100)
        return;
    snprintf(line, sizeof(line), "%.250s: version %lld is version %lld there",
             parcel_word(taken, "name"), (long long)parcel_count(version, "was"),
             (long long)parcel_count(version, "number"));
    json_array_append_new(list, json_string(line));
}

static void add_taken(struct carry *c, const json_t *taken)
{
    json_t *r = c->result, *version;
    size_t i;
    add_to(r, "assets", 1);
    add_to(r, "assets_made", json_is_true(json_object_get(taken, "made")));
    add_to(r, "notes", parcel_count(taken, "notes"));
    add_to(r, "notes_changed", parcel_count(taken, "notes_changed"));
    add_to(r, "notes_gone", parcel_count(taken, "notes_gone"));
    add_to(r, "renamed", json_is_true(json_object_get(taken, "renamed")));
    add_to(r, "placed", json_is_true(json_object_get(taken, "placed")));
    add_to(r, "names_kept", json_is_true(json_object_get(taken, "names_kept")));
    add_to(r, "files", parcel_count(taken, "count"));
    add_to(r, "bytes", parcel_count(taken, "bytes"));
    add_to(r, "told_kept", strcmp(parcel_word(taken, "told"), "kept") == 0);
    json_array_foreach(json_object_get(taken, "versions"), i, version)
    {
        if (json_is_true(json_object_get(version, "made"))) {
            add_to(r, "versions", 1);
            say_order(r, taken, version);
        }
        add_to(r, "decisions", parcel_count(version, "decisions"));
    }
}

static bool meant(const struct carry *c, const json_t *parcel)
{
    char path[4400];
    size_t i;
    json_t *one;
    const json_t *asset = json_object_get(parcel, "asset");
    const char *folder = parcel_word(asset, "folder");
    snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", parcel_word(asset, "name"));
    json_array_foreach(c->paths, i, one)
    {
        const char *at = json_string_value(one);
        size_t size = at ? strlen(at) : 0;
        while (size && at[size - 1] == '/')
            size--;
        if (strncmp(path, at ? at : "", size) == 0 && (!path[size] || path[size] == '/'))
            return true;
    }
    return !json_array_size(c->paths);
}

// Versions of many assets are asked for together.
struct asked {
    json_t *versions; // [{house, thing}]
    struct {
        size_t asset, place;
        int64_t bytes;
    } of[PARCEL_WANTS_MOST];
};

static bool ask_wanted(struct carry *c, struct asked *q, struct error *err)
{
    json_t *places = json_array_size(q->versions) ? wanted(c, q->versions, err) : json_array(),
           *place;
    size_t i;
    json_array_foreach(places, i, place)
    {
        size_t at = (size_t)json_integer_value(place);
        if (at >= json_array_size(q->versions))
            continue;
        c->total += q->of[at].bytes;
        json_array_append_new(c->plan[q->of[at].asset].places,
                              json_integer((json_int_t)q->of[at].place));
    }
    json_array_clear(q->versions);
    bool ok = places != NULL;
    json_decref(places);
    return ok;
}

static bool plan_asset(struct carry *c, const char *asset, struct asked *q, struct error *err)
{
    size_t i;
    json_t *v, *parcel = document(c, asset, err);
    const json_t *versions = json_object_get(parcel, "versions");
    bool ok = parcel != NULL;
    if (ok && meant(c, parcel)) {
        size_t at = c->plan_count++;
        c->plan[at] = (struct planned){asset, json_array_size(versions), json_array()};
        json_array_foreach(versions, i, v)
        {
            size_t count = json_array_size(q->versions);
            q->of[count].asset = at;
            q->of[count].place = i;
            q->of[count].bytes = bytes_of(v);
            json_array_append_new(q->versions,
                                  json_pack("{s:s, s:s}", "house", parcel_word(v, "house"), "thing",
                                            parcel_word(v, "thing")));
            if (count + 1 == PARCEL_WANTS_MOST)
                ok = ok && ask_wanted(c, q, err);
        }
    }
    json_decref(parcel);
    return ok;
}

// Which assets are meant, what of them is wanted, and how many bytes that is.
static bool plan(struct carry *c, struct error *err)
{
    size_t i;
    json_t *id;
    struct asked *q = must(calloc(1, sizeof(*q)));
    bool ok = true;
    q->versions = json_array();
    c->plan = must(calloc(json_array_size(c->ids) + 1, sizeof(*c->plan)));
    json_array_foreach(c->ids, i, id) ok = ok && plan_asset(c, json_string_value(id), q, err);
    ok = ok && ask_wanted(c, q, err);
    json_decref(q->versions);
    free(q);
    return ok;
}

static bool carry_asset(struct carry *c, const struct planned *p, struct error *err)
{
    size_t i;
    json_t *place, *parcel = document(c, p->id, err);
    const json_t *versions = json_object_get(parcel, "versions");
    json_t *places = !parcel                                    ? NULL
                     : json_array_size(versions) == p->versions ? json_incref(p->places)
                                                                : wanted(c, versions, err);
    bool ok = places != NULL;
    json_array_foreach(places, i, place)
    {
        const json_t *v = json_array_get(versions, (size_t)json_integer_value(place));
        ok = ok && move_version(c, v, err);
    }
    json_t *taken = ok ? have_taken(c, parcel, err) : NULL;
    if (taken) {
        pthread_mutex_lock(&c->lock);
        add_taken(c, taken);
        pthread_mutex_unlock(&c->lock);
    }
    json_decref(places);
    if (parcel && !taken)
        error_while(err, "%s", parcel_word(json_object_get(parcel, "asset"), "name"));
    ok = taken != NULL;
    json_decref(taken);
    json_decref(parcel);
    return ok;
}

// Several at once: of small ones most of the time is the way there and back, and the other house's
// disk.
struct crew {
    struct carry *c;
    size_t next; // these three under the carry's lock
    bool stopped;
    struct error err;
};

static void *crew_work(void *context)
{
    struct crew *w = context;
    struct carry *c = w->c;
    for (;;) {
        struct error err;
        error_clear(&err);
        pthread_mutex_lock(&c->lock);
        size_t at = w->next;
        bool over = w->stopped || at >= c->plan_count;
        w->next += !over;
        pthread_mutex_unlock(&c->lock);
        if (over)
            return NULL;
        if (carry_asset(c, &c->plan[at], &err))
            continue;
        pthread_mutex_lock(&c->lock);
        if (!w->stopped)
            w->err = err;
        w->stopped = true;
        pthread_mutex_unlock(&c->lock);
    }
}

static bool carry_all(struct carry *c, struct error *err)
{
    struct crew w = {.c = c};
    pthread_t others[ASSETS_AT_ONCE];
    int count = 0, most = c->in ? 0 : ASSETS_AT_ONCE - 1; // in: a way of its own for each version
    error_clear(&w.err);
    while (count < most && (size_t)count + 1 < c->plan_count &&
           pthread_create(&others[count], NULL, crew_work, &w) == 0)
        count++;
    crew_work(&w);
    for (int i = 0; i < count; i++)
        pthread_join(others[i], NULL);
    if (w.stopped)
        *err = w.err;
    return !w.stopped;
}

// ---- which project, which assets

// Where the same went before: that project may be called otherwise by now.
struct before {
    struct carry *c;
    char project[27], name[300];
};

static bool before_in(struct db_tx *tx, void *context, struct error *err)
{
    struct before *b = context;
    struct db_rows *rows =
        db_query(tx,
                 "select result from parcels where project = ?1 and house = ?2 and way = ?3 and "
                 "there = ?4 and result is not null order by created_ms desc, id desc limit 1",
                 "ssss", b->c->project, b->c->house, b->c->in ? "in" : "out", b->c->asked);
    json_t *result = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    text_copy(text_of(parcel_word(result, "project")), b->project, sizeof(b->project));
    text_copy(text_of(parcel_word(result, "project_name")), b->name, sizeof(b->name));
    json_decref(result);
    return db_end(rows, err);
}

// A project that was made there by our name, and that nobody renamed there, is called as ours now.
// The account there may not be allowed to: then it keeps its name.
static void name_there(struct carry *c, const char *was)
{
    struct error none;
    struct reply reply;
    if (c->in || *c->asked || strcmp(was, c->there_name) != 0 || strcmp(was, c->named) == 0)
        return;
    struct arena *a = arena_open(1 << 20);
    json_t *body = json_pack("{s:s}", "name", c->named);
    char *written = must(json_dumps(body, JSON_COMPACT));
    struct call call = {.method = "PATCH",
                        .path = arena_format(a, "/api/v1/projects/%s", c->there),
                        .body = text_of(written)};
    if (ask(c, &call, a, &reply, &none))
        text_copy(text_of(c->named), c->there_name, sizeof(c->there_name));
    free(written);
    json_decref(body);
    arena_close(a);
}

static void look_there(struct carry *c, const json_t *list, const char *id, const char *name,
                       int *same)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        bool is = *id && strcmp(parcel_word(one, "id"), id) == 0,
             named = *name && strcmp(parcel_word(one, "name"), name) == 0;
        *same += named;
        if (!is && !named)
            continue;
        text_copy(text_of(parcel_word(one, "id")), c->there, sizeof(c->there));
        text_copy(text_of(parcel_word(one, "name")), c->there_name, sizeof(c->there_name));
        if (is) {
            *same = 1;
            return;
        }
    }
}

static bool find_there(struct carry *c, struct error *err)
{
    struct before before = {.c = c};
    int same = 0;
    json_t *list = ask_json(c, NULL, err, "/projects");
    if (!list)
        return false;
    if (!db_read(c->w->db, before_in, &before, err)) {
        json_decref(list);
        return false;
    }
    if (!*c->asked) // where it went before, whatever both are called now
        look_there(c, list, before.project, "", &same);
    if (!*c->there)
        look_there(c, list, c->named, c->named, &same);
    if (!*c->there)
        look_there(c, list, before.project, "", &same);
    json_decref(list);
    if (*c->there && strcmp(c->there, before.project) == 0)
        name_there(c, before.name);
    if (same > 1) {
        error_set(err, ERROR_CONFLICT, "%s has %d projects called %s", c->other.name, same,
                  c->named);
        return error_fix(err, "name the project by its id");
    }
    if (*c->there)
        return true;
    if (c->in) {
        error_set(err, ERROR_NOT_FOUND, "%s shows its account no project %s", c->other.name,
                  c->named);
        return error_fix(err, "have the account made a member of it there");
    }
    json_t *body = json_pack("{s:s}", "name", c->named);
    json_t *made = ask_json(c, body, err, "/projects");
    text_copy(text_of(parcel_word(made, "id")), c->there, sizeof(c->there));
    text_copy(text_of(c->named), c->there_name, sizeof(c->there_name));
    json_decref(body);
    json_decref(made);
    return made &&
           (id_valid(text_of(c->there)) ||
            error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name));
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct carry *c = context;
    json_array_clear(c->ids);
    struct db_rows *rows = db_query(tx,
                                    "select id from assets where project = ?1 and deleted = 0 "
                                    "order by created_ms, id limit ?2",
                                    "si", c->project, (int64_t)PARCEL_ASSETS_MOST);
    while (db_next(rows))
        json_array_append_new(c->ids, json_string(db_text(rows, 0)));
    return db_end(rows, err);
}

static bool list_there(struct carry *c, struct error *err)
{
    char cursor[400] = "";
    do {
        json_t *page = ask_json(c, NULL, err, "/projects/%s/assets?sort=created&limit=%d%s%s",
                                c->there, PAGE, *cursor ? "&cursor=" : "", cursor),
               *one;
        size_t i;
        if (!page)
            return false;
        json_array_foreach(json_object_get(page, "items"), i, one)
            json_array_append_new(c->ids, json_string(parcel_word(one, "id")));
        bool fits = text_copy(text_of(parcel_word(page, "cursor")), cursor, sizeof(cursor));
        json_decref(page);
        if (!fits || json_array_size(c->ids) > PARCEL_ASSETS_MOST)
            return error_set(err, ERROR_TOO_BIG, "the project has too many assets for one order");
    } while (*cursor);
    return true;
}

static bool list(struct carry *c, struct error *err)
{
    if (json_array_size(c->ids))
        return true;
    return c->in ? list_there(c, err) : db_read(c->w->db, list_in, c, err);
}

static bool begin(struct carry *c, struct error *err)
{
    char key[48], name[200];
    snprintf(key, sizeof(key), "parcel %s", c->w->parcel);
    snprintf(name, sizeof(name), "from %.150s", c->in ? c->other.name : c->w->house_name);
    if (c->in)
        return transfer_begin(c->w->transfers,
                              &(struct transfer_wish){.project = c->project,
                                                      .name = name,
                                                      .origin = "job",
                                                      .key = key,
                                                      .person = c->person},
                              c->transfer, err);
    json_t *body = json_pack("{s:s, s:s, s:s}", "name", name, "origin", "job", "key", key);
    json_t *made = ask_json(c, body, err, "/projects/%s/transfers", c->there);
    bool ok = made != NULL;
    text_copy(text_of(parcel_word(made, "id")), c->transfer, sizeof(c->transfer));
    if (ok && !id_valid(text_of(c->transfer)))
        ok = error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    json_decref(made);
    json_decref(body);
    if (ok)
        way_begin(c, NULL);
    return ok;
}

// ---- the order

static bool order_in(struct db_tx *tx, void *context, struct error *err)
{
    struct carry *c = context;
    json_decref(c->ids);
    json_decref(c->paths);
    c->ids = c->paths = NULL;
    struct db_rows *rows = db_query(
        tx,
        "select p.project, p.house, p.way, p.there, p.wish, p.person, coalesce(e.name, p.made_by), "
        "coalesce(e.admin, 0), coalesce(e.disabled, 1), j.name from parcels p join projects j on "
        "j.id = p.project left join people e on e.id = p.person where p.id = ?1",
        "s", c->w->parcel);
    bool there = db_next(rows), disabled = false;
    if (there) {
        text_copy(text_of(db_text(rows, 0)), c->project, sizeof(c->project));
        text_copy(text_of(db_text(rows, 1)), c->house, sizeof(c->house));
        c->in = strcmp(db_text(rows, 2), "in") == 0;
        c->asked = arena_text(c->a, db_text(rows, 3));
        c->named = *c->asked ? c->asked : arena_text(c->a, db_text(rows, 9));
        json_t *wish = json_loads(db_text(rows, 4), 0, NULL);
        c->ids = json_is_array(json_object_get(wish, "assets"))
                     ? json_incref(json_object_get(wish, "assets"))
                     : json_array();
        c->paths = json_incref(json_object_get(wish, "paths"));
        json_decref(wish);
        text_copy(text_of(db_text(rows, 5)), c->person, sizeof(c->person));
        text_copy(text_of(db_text(rows, 6)), c->by, sizeof(c->by));
        // The order was given with all that the project asks of a download.
        c->who = (struct who){.kind = WHO_PERSON,
                              .admin = db_int(rows, 7) != 0,
                              .session = "",
                              .person = c->person,
                              .name = c->by,
                              .csrf = "",
                              .factor = true};
        disabled = db_int(rows, 8) != 0;
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "the order is not there any more");
    if (!people_may(tx, &c->who, c->project, &c->may, err))
        return false;
    if (disabled || !(c->may & (c->in ? MAY_UPLOAD : MAY_DOWNLOAD))) {
        error_set(err, ERROR_DENIED, "%s may not do this any more", c->by);
        return error_fix(err, "somebody who may has to order it");
    }
    return houses_open(tx, c->w->seal, c->house, c->a, &c->other, err);
}

static bool receipt_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    struct carry *c = k->c;
    json_decref(k->receipt);
    k->receipt = NULL;
    return parcel_receipt(tx, c->w->sign, c->transfer, c->w->house_name, c->other.name, &k->receipt,
                          err);
}

static bool receive(struct carry *c, json_t **receipt, struct error *err)
{
    struct packed k = {.c = c};
    if (c->in) {
        bool ok = !c->w->sign || db_read(c->w->db, receipt_in, &k, err);
        *receipt = k.receipt;
        return ok;
    }
    json_t *body = json_pack("{s:s}", "from", c->w->house_name);
    *receipt = ask_json(c, body, err, "/transfers/%s/parcels/receipt", c->transfer);
    json_decref(body);
    return *receipt != NULL;
}

static struct stream *stream_of(struct carry *c)
{
    if (!c->w->traffic)
        return NULL;
    struct stream_wish w = {.key = arena_format(c->a, "parcel %s", c->w->parcel),
                            .kind = "house",
                            .way = c->in ? TRAFFIC_IN : TRAFFIC_OUT,
                            .buckets = {"line", arena_format(c->a, "project %s", c->project),
                                        arena_format(c->a, "person %s", c->person)},
                            .title =
                                arena_format(c->a, "%s %s", c->in ? "from" : "to", c->other.name),
                            .who = c->by,
                            .project = c->project,
                            .subject = c->w->parcel,
                            .via = "tcp",
                            .total_bytes = c->total,
                            .priority = TRAFFIC_PRIORITY};
    return traffic_join(c->w->traffic, &w);
}

static bool go(struct carry *c, json_t **receipt, struct error *err)
{
    json_t *said = NULL;
    bool ok = houses_try(&c->other, c->w->version, &said, err) && find_there(c, err) &&
              list(c, err) && plan(c, err);
    json_decref(said);
    if (ok && !c->plan_count) {
        error_set(err, ERROR_NOT_FOUND, "there is nothing to move");
        error_why(err, "%s",
                  json_array_size(c->paths) ? "no asset is at these paths"
                                            : "the project has no assets");
        ok = error_fix(err, "look at the names: PROJECT/FOLDER or PROJECT/FOLDER/NAME");
    }
    ok = ok && begin(c, err);
    if (ok)
        c->stream = stream_of(c);
    return ok && carry_all(c, err) && receive(c, receipt, err);
}

bool parcel_carry(const struct carrier_wish *w, json_t **result, json_t **receipt,
                  struct error *err)
{
    int64_t began_us = clock_tick_us();
    struct carry c = {.w = w, .a = arena_open((size_t)256 << 20)};
    *result = *receipt = NULL;
    pthread_mutex_init(&c.turn, NULL);
    pthread_mutex_init(&c.lock, NULL);
    c.result = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:[]}",
                         "assets", 0, "assets_made", 0, "versions", 0, "notes", 0, "notes_changed",
                         0, "notes_gone", 0, "renamed", 0, "placed", 0, "names_kept", 0,
                         "decisions", 0, "files", 0, "bytes", 0, "told_kept", 0, "renumbered");
    bool ok = houses_self(w->db, c.self, err) && db_read(w->db, order_in, &c, err);
    if (ok) {
        struct client_wish cw = {.url = c.other.url,
                                 .bearer = c.other.token,
                                 .fingerprint = c.other.fingerprint,
                                 .lines = LINES};
        c.client = client_open(&cw, err);
    }
    ok = ok && c.client && go(&c, receipt, err);
    json_object_set_new(c.result, "moved", json_integer(atomic_load(&c.moved)));
    json_object_set_new(c.result, "via", json_string(c.via && c.moved ? c.via : ""));
    json_object_set_new(c.result, "took_ms", json_integer((clock_tick_us() - began_us) / 1000));
    json_object_set_new(c.result, "project", json_string(c.there));
    json_object_set_new(c.result, "project_name", json_string(c.there_name));
    way_close(c.way);
    stream_leave(c.stream);
    client_close(c.client);
    for (size_t i = 0; i < c.plan_count; i++)
        json_decref(c.plan[i].places);
    free(c.plan);
    json_decref(c.ids);
    json_decref(c.paths);
    if (ok)
        *result = c.result;
    else
        json_decref(c.result);
    pthread_mutex_destroy(&c.turn);
    pthread_mutex_destroy(&c.lock);
    arena_close(c.a);
    return ok;
}
