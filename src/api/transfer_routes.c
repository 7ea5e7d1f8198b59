/*
 * Bringing media in: transfers, chunks, batches of small files, and tus 1.0 (https://tus.io,
 * core protocol with creation, creation-with-upload, creation-defer-length, termination, checksum
 * and expiration).
 *
 * A tus PATCH is appended as it arrives and made durable once, at its end: when the line is cut in
 * the middle what came is kept too, and HEAD says how far it is.
 */
#include "api/inside.h"

#include "house/transfer/lists.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static struct transfers *room(struct call *c)
{
    return c->api->wish.rooms.transfer;
}

// ---- JSON of things

static json_t *transfer_json(const struct transfer *t)
{
    json_t *card = t->card ? json_loads(t->card, 0, NULL) : NULL, *more = json_array();
    if (json_is_array(card)) {
        json_t *first = json_incref(json_array_get(card, 0));
        json_decref(more);
        more = card;
        json_array_remove(more, 0);
        card = first;
    }
    return json_pack("{s:s,s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:o,s:o}", "id", t->id, "project",
                     t->project, "name", json_text(t->name), "folder",
                     t->folder ? json_text(t->folder) : json_null(), "origin", t->origin, "state",
                     t->state, "created", json_time(t->created_ms), "by", json_text(t->by), "files",
                     (json_int_t)t->files, "files_done", (json_int_t)t->files_done, "bytes",
                     (json_int_t)t->bytes, "bytes_done", (json_int_t)t->bytes_done, "card",
                     card ? card : json_null(), "more_cards", more);
}

static json_t *file_json(const struct transfer_file *f)
{
    json_t *problem = f->problem ? json_loads(f->problem, 0, NULL) : NULL;
    return json_pack("{s:s,s:s,s:o,s:I,s:s,s:I,s:o,s:s?}", "id", f->id, "transfer", f->transfer,
                     "path", json_text(f->path), "size", (json_int_t)f->size, "state", f->state,
                     "received", (json_int_t)f->received, "problem",
                     problem ? problem : json_null(), "content", f->content);
}

static json_t *files_json(const struct transfer_file *list, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, file_json(&list[i]));
    return all;
}

static bool time_of(const char *written, int64_t *ms, struct error *err)
{
    *ms = 0;
    if (!written || clock_parse(text_of(written), ms))
        return true;
    error_set(err, ERROR_INPUT, "the time \"%.40s\" can not be read", written);
    return error_fix(err, "write it as 2026-11-24T00:01:39Z (RFC 3339, UTC)");
}

// ---- transfers

struct cards_asked {
    const char *project;
    json_t *list;
};

static bool cards_in(struct db_tx *tx, void *context, struct error *err)
{
    struct cards_asked *q = context;
    json_decref(q->list);
    q->list = NULL;
    return transfer_cards(tx, q->project, &q->list, err);
}

static bool cards_get(struct call *c, struct error *err)
{
    struct cards_asked q = {.project = c->project};
    if (!db_read(c->api->db, cards_in, &q, err))
        return false;
    call_json(c, q.list);
    return true;
}

static bool transfers_get(struct call *c, struct error *err)
{
    struct transfer *list;
    size_t count;
    int limit;
    if (!call_limit(c, &limit, err) ||
        !transfer_list(room(c), c->project, limit, c->arena, &list, &count, err))
        return false;
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, transfer_json(&list[i]));
    call_json(c, all);
    return true;
}

static bool answer_transfer(struct call *c, const char *id, struct error *err)
{
    struct transfer t;
    if (!transfer_get(room(c), id, c->arena, &t, err))
        return false;
    call_json(c, transfer_json(&t));
    return true;
}

static bool transfers_post(struct call *c, struct error *err)
{
    char made[27];
    const char *folder = body_text(c, "folder"), *asset = body_text(c, "asset");
    struct transfer_wish wish = {.project = c->project,
                                 .name = body_text(c, "name"),
                                 .folder = folder && *folder ? folder : NULL,
                                 .asset = asset && *asset ? asset : NULL,
                                 .origin = body_text(c, "origin"),
                                 .key = body_text(c, "key"),
                                 .person = c->who.person};
    return transfer_begin(room(c), &wish, made, err) && answer_transfer(c, made, err);
}

static bool transfer_show(struct call *c, struct error *err)
{
    return answer_transfer(c, c->transfer, err);
}

static bool transfer_end(struct call *c, struct error *err)
{
    return transfer_close(room(c), c->transfer, err) && request_received(c, err) && answer_transfer(c, c->transfer, err);
}

static bool beside_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = context;
    return lists_beside(tx, c->transfer, body_field(c, "wanted"), err);
}

static bool lists_post(struct call *c, struct error *err)
{
    if (!db_write(c->api->db, beside_in, c, err))
        return false;
    call_json(c, json_object());
    return true;
}

struct listed {
    const char *transfer;
    json_t *found;
};

static bool listed_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listed *l = context;
    json_decref(l->found);
    return lists_found(tx, l->transfer, &l->found, err);
}

static bool lists_get(struct call *c, struct error *err)
{
    struct listed l = {c->transfer, NULL};
    if (!db_read(c->api->db, listed_in, &l, err))
        return false;
    if (!l.found)
        return error_set(err, ERROR_NOT_FOUND, "no list of hashes came with it");
    call_json(c, l.found);
    return true;
}

// ---- files in chunks

static bool files_get(struct call *c, struct error *err)
{
    struct transfer_file *list;
    size_t count;
    int limit;
    if (!call_limit(c, &limit, err) ||
        !transfer_file_list(room(c), c->transfer, call_query(c, "after"), limit, c->arena, &list,
                            &count, err))
        return false;
    call_json(c, files_json(list, count));
    return true;
}

static bool files_post(struct call *c, struct error *err)
{
    struct transfer_file f;
    struct transfer_file_wish wish = {
        .path = body_text(c, "path"), .size = body_int(c, "size", -1), .key = body_text(c, "key")};
    wish.growing = body_bool(c, "growing", false);
    if (wish.size < 0 && !(wish.growing && wish.size == -1))
        return error_set(err, ERROR_INPUT, "a file's size can not be below 0");
    if (!time_of(body_text(c, "modified"), &wish.modified_ms, err) ||
        !transfer_file_begin(room(c), c->transfer, &wish, c->arena, &f, err))
        return false;
    call_json(c, file_json(&f));
    return true;
}

static bool hash_of(const char *hex, sha256 *hash, struct error *err)
{
    if (hex && sha256_parse(text_of(hex), hash))
        return true;
    error_set(err, ERROR_INPUT, "a hash can not be read");
    return error_why(err, "a SHA-256 is 64 hex digits");
}

static bool claim_post(struct call *c, struct error *err)
{
    json_t *chunks = body_field(c, "chunks");
    size_t count = json_array_size(chunks), missing_count;
    if (count > TRANSFER_CLAIM_MOST)
        return error_set(err, ERROR_TOO_BIG, "a claim has at most %d chunks", TRANSFER_CLAIM_MOST);
    struct transfer_chunk *list = ARENA_ARRAY(c->arena, struct transfer_chunk, count + 1);
    int64_t *missing = ARENA_ARRAY(c->arena, int64_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        json_t *chunk = json_array_get(chunks, i);
        list[i].number = json_integer_value(json_object_get(chunk, "number"));
        if (!hash_of(json_string_value(json_object_get(chunk, "hash")), &list[i].hash, err))
            return false;
    }
    if (!transfer_claim(room(c), c->file, &c->who, list, count, missing, &missing_count, err))
        return false;
    json_t *numbers = json_array();
    for (size_t i = 0; i < missing_count; i++)
        json_array_append_new(numbers, json_integer(missing[i]));
    call_json(c, json_pack("{s:o}", "missing", numbers));
    return true;
}

struct chunk_put {
    sha256 hash;
    bool came;
};

static bool chunk_begin(struct call *c, struct error *err)
{
    struct chunk_put *p = c->own = ARENA_NEW(c->arena, struct chunk_put);
    const char *hex = call_header(c, "Chunk-Sha256");
    if (!hex) {
        error_set(err, ERROR_INPUT, "the chunk's hash is missing");
        return error_fix(err, "send its SHA-256 in hex in the header Chunk-Sha256");
    }
    return hash_of(hex, &p->hash, err) && call_meter_in(c, c->file, NULL, err);
}

// A chunk is one piece of the server: 8 MiB at most.
static bool chunk_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct chunk_put *p = c->own;
    if (p->came)
        return error_set(err, ERROR_TOO_BIG, "a chunk has at most 8 MiB");
    p->came = true;
    return transfer_put_chunk(room(c), c->file, c->number, at, size, &p->hash, err);
}

static bool chunk_end(struct call *c, struct error *err)
{
    struct chunk_put *p = c->own;
    return p->came || error_set(err, ERROR_INPUT, "the chunk is empty");
}

static const struct stream_calls chunk_stream = {
    .limit = STORE_CHUNK, .begin = chunk_begin, .piece = chunk_piece};

static bool commit_post(struct call *c, struct error *err)
{
    sha256 content;
    struct transfer_file f;
    int64_t size = body_int(c, "size", -1), modified_ms;
    if (!hash_of(body_text(c, "content"), &content, err) ||
        !time_of(body_text(c, "modified"), &modified_ms, err) ||
        (size >= 0 && !transfer_grown(room(c), c->file, size, modified_ms, err)) ||
        !transfer_commit(room(c), c->file, &content, c->arena, &f, err))
        return false;
    call_json(c, file_json(&f));
    return true;
}

// ---- small files

static bool small_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct small_file *list;
    struct transfer_file *made;
    size_t count, made_count;
    text body = {at, size};
    if (c->own)
        return error_set(err, ERROR_TOO_BIG, "a batch of small files has at most 8 MiB");
    if (!small_parse(body, c->arena, &list, &count, err) ||
        !transfer_small(room(c), c->transfer, list, count, c->arena, &made, &made_count, err))
        return false;
    c->own = files_json(made, made_count);
    return true;
}

static bool small_end(struct call *c, struct error *err)
{
    if (!c->own)
        return error_set(err, ERROR_INPUT, "the batch of small files is empty");
    call_json(c, json_incref(c->own));
    return true;
}

static void small_done(struct call *c)
{
    json_decref(c->own);
    c->own = NULL;
}

static bool small_begin(struct call *c, struct error *err)
{
    return call_meter_in(c, NULL, c->transfer, err);
}

static const struct stream_calls small_stream = {.limit = (int64_t)TRANSFER_SMALL_MOST,
                                                 .begin = small_begin,
                                                 .piece = small_piece,
                                                 .done = small_done};

// ---- tus

struct tus {
    char file[27];
    int64_t offset;
    struct hasher *hasher; // NULL: no checksum was sent
    uint8_t digest[64];
    size_t digest_size;
    bool body, synced, stored;
};

static void tus_headers(struct call *c)
{
    call_header_set(c, "Tus-Resumable", "1.0.0");
    call_header_set(c, "Cache-Control", "no-store");
}

// 412 with the versions when the client speaks another one.
static bool tus_speaks(struct call *c)
{
    const char *version = call_header(c, "Tus-Resumable");
    tus_headers(c);
    if (version && strcmp(version, "1.0.0") == 0)
        return true;
    call_header_set(c, "Tus-Version", "1.0.0");
    call_status(c, 412);
    call_bytes(c, "text/plain", "this house speaks tus 1.0.0\n", 28);
    return false;
}

static bool tus_options(struct call *c, struct error *err)
{
    (void)err;
    tus_headers(c);
    call_header_set(c, "Tus-Version", "1.0.0");
    call_header_set(c, "Tus-Extension",
                    "creation,creation-with-upload,creation-defer-length,termination,checksum,"
                    "expiration");
    call_header_set(c, "Tus-Checksum-Algorithm", "sha1,sha256");
    call_status(c, 204);
    call_bytes(c, "text/plain", "", 0);
    return true;
}

static bool number_of(const char *header, const char *value, int64_t *number, struct error *err)
{
    if (value && text_int(text_of(value), number) && *number >= 0)
        return true;
    error_set(err, ERROR_INPUT, "%s can not be read", header);
    return error_why(err, "it must be a whole number");
}

static bool base64_read(struct call *c, text in, char **out, size_t *size)
{
    char *url = arena_copy(c->arena, in.at, in.size);
    size_t length = in.size;
    while (length && url[length - 1] == '=')
        url[--length] = 0;
    for (size_t i = 0; i < length; i++)
        url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
    *out = arena_take(c->arena, length + 1);
    return base64url_parse((text){url, length}, *out, length, size);
}

// The value of a key of Upload-Metadata ("key base64,key base64"); NULL when it is not there.
static bool metadata(struct call *c, const char *key, const char **value, struct error *err)
{
    const char *header = call_header(c, "Upload-Metadata");
    *value = NULL;
    for (text rest = text_of(header); rest.size;) {
        text pair = text_trim(text_cut(&rest, ','));
        text name = text_cut(&pair, ' ');
        char *out;
        size_t size;
        if (!text_is(name, key))
            continue;
        if (!base64_read(c, text_trim(pair), &out, &size) || memchr(out, 0, size)) {
            error_set(err, ERROR_INPUT, "Upload-Metadata can not be read");
            return error_why(err, "%s is not base64 of a text", key);
        }
        out[size] = 0;
        *value = out;
        return true;
    }
    return true;
}

static bool checksum_read(struct call *c, struct tus *t, struct error *err)
{
    const char *header = call_header(c, "Upload-Checksum");
    if (!header)
        return true;
    text rest = text_of(header), name = text_cut(&rest, ' ');
    char *digest;
    bool sha1 = text_is(name, "sha1");
    if ((!sha1 && !text_is(name, "sha256")) ||
        !base64_read(c, text_trim(rest), &digest, &t->digest_size) ||
        t->digest_size != (sha1 ? 20u : 32u)) {
        error_set(err, ERROR_USAGE, "Upload-Checksum can not be used");
        return error_why(err, "it must be sha1 or sha256, then the digest in base64");
    }
    memcpy(t->digest, digest, t->digest_size);
    t->hasher = hasher_open(sha1 ? "sha1" : "sha256");
    return true;
}

struct visiting {
    const struct call *c;
    const char *transfer;
    bool theirs;
};

static bool theirs_in(struct db_tx *tx, void *context, struct error *err)
{
    struct visiting *v = context;
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from transfers where id = ?1 and share = ?2 and session = "
                         "?3",
                         "sss", v->transfer, v->c->who.share, v->c->who.session);
    v->theirs = count > 0;
    return ok;
}

static bool may_upload(struct call *c, const char *transfer, struct error *err)
{
    struct transfer_brief t;
    unsigned may = 0;
    struct error none;
    struct visiting v = {c, transfer, false};
    if (transfer && c->who.kind == WHO_SHARE && !db_read(c->api->db, theirs_in, &v, err))
        return false;
    if (v.theirs)
        return true;
    if (!transfer || !transfer_brief(room(c), NULL, transfer, c->arena, &t, &none) ||
        !call_may(c, t.project, &may, err) || !(may & MAY_VIEW)) {
        error_set(err, ERROR_NOT_FOUND, "there is no such transfer");
        return error_fix(err, "begin one with POST /projects/{project}/transfers, and name it in "
                              "Upload-Metadata as `transfer`");
    }
    return (may & MAY_UPLOAD) || call_denied(c, MAY_UPLOAD, err);
}

static bool has_body(struct call *c)
{
    const char *type = call_header(c, "Content-Type");
    return type && strcasecmp(type, "application/offset+octet-stream") == 0;
}

static bool tus_create_begin(struct call *c, struct error *err)
{
    struct tus *t = c->own = ARENA_NEW(c->arena, struct tus);
    struct transfer_file f;
    struct transfer_file_wish wish = {.size = -1};
    const char *transfer, *modified;
    t->synced = true;
    if (!tus_speaks(c))
        return true;
    const char *length = call_header(c, "Upload-Length"),
               *defer = call_header(c, "Upload-Defer-Length");
    if (!(defer && strcmp(defer, "1") == 0 && !length) &&
        !number_of("Upload-Length", length, &wish.size, err))
        return false;
    if (!metadata(c, "transfer", &transfer, err) || !metadata(c, "path", &wish.path, err) ||
        !metadata(c, "modified", &modified, err) || !may_upload(c, transfer, err) ||
        !time_of(modified, &wish.modified_ms, err) || !checksum_read(c, t, err))
        return false;
    if (!wish.path) {
        error_set(err, ERROR_INPUT, "the file's path is missing");
        return error_fix(err, "send it in Upload-Metadata as `path`, in base64");
    }
    if (!transfer_file_begin(room(c), transfer, &wish, c->arena, &f, err))
        return false;
    text_copy(text_of(f.id), t->file, sizeof(t->file));
    t->offset = f.received;
    t->stored = strcmp(f.state, "stored") == 0;
    t->body = has_body(c);
    return !t->body || call_meter_in(c, NULL, transfer, err);
}

static bool tus_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct tus *t = c->own;
    if (!t->body) {
        error_set(err, ERROR_UNSUPPORTED, "the bytes can not be taken");
        return error_fix(err, "send Content-Type: application/offset+octet-stream");
    }
    if (t->hasher)
        hasher_add(t->hasher, at, size);
    if (!transfer_append(room(c), t->file, t->offset, at, size, err))
        return false;
    t->offset += (int64_t)size;
    t->synced = false;
    return true;
}

// Checks what came and makes it durable. *right false: answered already.
static bool tus_settle(struct call *c, struct tus *t, bool *right, struct error *err)
{
    *right = true;
    if (t->hasher) {
        uint8_t digest[64];
        size_t size = hasher_end(t->hasher, digest);
        t->hasher = NULL;
        if (size != t->digest_size || memcmp(digest, t->digest, size) != 0) {
            *right = false;
            t->synced = true;
            if (!store_append_undo(transfers_store(room(c)), t->file, err))
                return false;
            call_status(c, 460); // tus: Checksum Mismatch
            call_bytes(c, "text/plain", "these bytes are not what Upload-Checksum says\n", 46);
            return true;
        }
    }
    if (t->stored)
        return true;
    t->synced = true;
    return transfer_append_sync(room(c), t->file, &t->offset, &t->stored, err);
}

static void tus_expires(struct call *c)
{
    char date[64];
    time_t at = (time_t)((clock_now_ms() + TRANSFER_KEEP_MS) / 1000);
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    call_header_set(c, "Upload-Expires", date);
}

static bool tus_create(struct call *c, struct error *err)
{
    struct tus *t = c->own;
    bool right;
    if (!tus_settle(c, t, &right, err))
        return false;
    if (!right)
        return true;
    call_header_set(c, "Location", arena_format(c->arena, "/api/v1/uploads/%s", t->file));
    call_header_set(c, "Upload-Offset", arena_format(c->arena, "%lld", (long long)t->offset));
    if (!t->stored)
        tus_expires(c);
    call_status(c, 201);
    call_bytes(c, "text/plain", "", 0);
    return true;
}

static void tus_done(struct call *c)
{
    struct tus *t = c->own;
    struct error none;
    bool stored;
    if (!t)
        return;
    // The line was cut: what came is kept, unless a checksum was to prove it.
    if (!t->synced && t->hasher)
        (void)!store_append_undo(transfers_store(room(c)), t->file, &none);
    else if (!t->synced)
        (void)!transfer_append_sync(room(c), t->file, &t->offset, &stored, &none);
    hasher_close(t->hasher);
    t->hasher = NULL;
}

static bool tus_head(struct call *c, struct error *err)
{
    struct transfer_file f;
    struct store_upload seen;
    struct error none;
    if (!tus_speaks(c))
        return true;
    if (!transfer_file_get(room(c), c->file, c->arena, &f, err))
        return false;
    int64_t offset = 0;
    if (strcmp(f.state, "stored") == 0)
        offset = f.size;
    else if (store_upload_state(transfers_store(room(c)), f.id, NULL, &seen, &none))
        offset = seen.offset;
    call_header_set(c, "Upload-Offset", arena_format(c->arena, "%lld", (long long)offset));
    if (f.size >= 0)
        call_header_set(c, "Upload-Length", arena_format(c->arena, "%lld", (long long)f.size));
    else
        call_header_set(c, "Upload-Defer-Length", "1");
    if (strcmp(f.state, "stored") != 0)
        tus_expires(c);
    call_status(c, 200);
    call_bytes(c, "application/octet-stream", "", 0);
    return true;
}

static bool tus_patch_begin(struct call *c, struct error *err)
{
    struct tus *t = c->own = ARENA_NEW(c->arena, struct tus);
    struct transfer_file f;
    struct store_upload seen;
    int64_t length;
    t->synced = true;
    if (!tus_speaks(c))
        return true;
    if (!has_body(c)) {
        call_status(c, 415);
        call_bytes(c, "text/plain", "send application/offset+octet-stream\n", 37);
        return true;
    }
    if (!number_of("Upload-Offset", call_header(c, "Upload-Offset"), &t->offset, err) ||
        !transfer_file_get(room(c), c->file, c->arena, &f, err) || !checksum_read(c, t, err))
        return false;
    text_copy(text_of(f.id), t->file, sizeof(t->file));
    t->body = true;
    t->stored = strcmp(f.state, "stored") == 0;
    int64_t at = f.size;
    if (!t->stored) {
        const char *said = call_header(c, "Upload-Length");
        if (said && f.size < 0 &&
            (!number_of("Upload-Length", said, &length, err) ||
             !transfer_size(room(c), f.id, length, err)))
            return false;
        if (!store_upload_state(transfers_store(room(c)), f.id, NULL, &seen, err))
            return false;
        at = seen.offset;
    }
    if (t->offset == at)
        return call_meter_in(c, NULL, f.transfer, err);
    error_set(err, ERROR_CONFLICT, "these bytes do not follow what is there");
    error_why(err, "they begin at %lld, the upload stands at %lld", (long long)t->offset,
              (long long)at);
    return error_fix(err, "ask where it stands with HEAD and go on from there");
}

static bool tus_patch(struct call *c, struct error *err)
{
    struct tus *t = c->own;
    bool right;
    if (!tus_settle(c, t, &right, err))
        return false;
    if (!right)
        return true;
    call_header_set(c, "Upload-Offset", arena_format(c->arena, "%lld", (long long)t->offset));
    if (!t->stored)
        tus_expires(c);
    call_status(c, 204);
    call_bytes(c, "text/plain", "", 0);
    return true;
}

static bool tus_delete(struct call *c, struct error *err)
{
    if (!tus_speaks(c))
        return true;
    if (!transfer_abandon(room(c), c->file, err))
        return false;
    call_status(c, 204);
    call_bytes(c, "text/plain", "", 0);
    return true;
}

static const struct stream_calls tus_create_stream = {
    .begin = tus_create_begin, .piece = tus_piece, .done = tus_done};
static const struct stream_calls tus_patch_stream = {
    .begin = tus_patch_begin, .piece = tus_piece, .done = tus_done};

const struct route transfer_routes[] = {
    {"GET", "/projects/{project}/transfers", MAY_UPLOAD, transfers_get, NULL, "Transfer[]", 0,
     "what was brought in, newest first", NULL},
    {"GET", "/projects/{project}/cards", MAY_VIEW, cards_get, NULL, "CardCame[]", 0,
     "cards that came: what each lacks by its own index", NULL},
    {"POST", "/projects/{project}/transfers", MAY_UPLOAD, transfers_post, "NewTransfer", "Transfer",
     0, "begins to bring in; the same key gives the same transfer", NULL},
    {"GET", "/transfers/{transfer}", MAY_UPLOAD, transfer_show, NULL, "Transfer", ROUTE_REQUESTS,
     "how far it is", NULL},
    {"POST", "/transfers/{transfer}/close", MAY_UPLOAD, transfer_end, NULL, "Transfer",
     ROUTE_REQUESTS,
     "all is sent: numbered pictures become sequences", NULL},
    {"POST", "/transfers/{transfer}/lists", MAY_UPLOAD, lists_post, "ListsBeside", NULL, 0,
     "what lists of hashes say that do not come along: looked at once the transfer is closed",
     NULL},
    {"GET", "/transfers/{transfer}/lists", MAY_UPLOAD, lists_get, NULL, "ListCheck", 0,
     "what lists of hashes that came along say of its files; 404 when none did", NULL},
    {"GET", "/transfers/{transfer}/files", MAY_UPLOAD, files_get, NULL, "TransferFile[]",
     ROUTE_REQUESTS,
     "its files by path; ?after=PATH for more", NULL},
    {"POST", "/transfers/{transfer}/files", MAY_UPLOAD, files_post, "NewTransferFile",
     "TransferFile", 0, "begins a file; the same path gives the same one", NULL},
    {"POST", "/transfers/{transfer}/small", MAY_UPLOAD, small_end, NULL, "TransferFile[]",
     ROUTE_STREAM | ROUTE_REQUESTS, "many small files in one body", &small_stream},
    {"POST", "/files/{file}/claim", MAY_UPLOAD, claim_post, "ChunkClaim", "ChunkMissing", 0,
     "which of these chunks must be sent", NULL},
    {"PUT", "/files/{file}/chunks/{number}", MAY_UPLOAD, chunk_end, NULL, NULL, ROUTE_STREAM,
     "one chunk; durable when answered", &chunk_stream},
    {"POST", "/files/{file}/commit", MAY_UPLOAD, commit_post, "Commit", "TransferFile", 0,
     "all is there", NULL},
    {"OPTIONS", "/uploads", NEED_PUBLIC, tus_options, NULL, "bytes", 0, "what of tus is spoken",
     NULL},
    {"POST", "/uploads", NEED_VISITOR, tus_create, NULL, "bytes", ROUTE_STREAM, "tus: begins a file",
     &tus_create_stream},
    {"HEAD", "/uploads/{file}", MAY_UPLOAD, tus_head, NULL, "bytes", ROUTE_REQUESTS,
     "tus: how far it is", NULL},
    {"PATCH", "/uploads/{file}", MAY_UPLOAD, tus_patch, NULL, "bytes",
     ROUTE_STREAM | ROUTE_REQUESTS, "tus: the next bytes", &tus_patch_stream},
    {"DELETE", "/uploads/{file}", MAY_UPLOAD, tus_delete, NULL, "bytes", ROUTE_REQUESTS,
     "tus: throws away what came", NULL},
};
const size_t transfer_route_count = sizeof(transfer_routes) / sizeof(transfer_routes[0]);
