/*
 * Small assets go many together: the bytes of all their files in one call, and their documents in
 * another, which takes all of them in one transaction. Of small files nearly all of the time is the
 * way there and back and what is made durable on each, so this is many times as fast as one by one.
 *
 * What can not be taken together is carried one by one afterwards, which says what the matter is
 * and with which asset. A bundle that was cut in the middle goes again whole; one that was taken is
 * not wanted any more.
 */
#include "house/parcels/carry.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum {
    ASSETS_MOST = PARCEL_TOGETHER_MOST,
    FILES_MOST = 1000,
    DOCUMENT_MOST = 64 << 10,
    DOCUMENTS_MOST = 600 << 10, // of one call: less than a body may have
    BYTES_MOST = 4 << 20
};

bool bundle_fits(const struct carry *c, const struct planned *p)
{
    return c->together && p->small && !p->done && p->document_bytes <= DOCUMENT_MOST &&
           p->files <= FILES_MOST && p->bytes <= BYTES_MOST;
}

static bool room_for(const struct bundle *b, const struct planned *p)
{
    return b->count < ASSETS_MOST && b->files + p->files <= FILES_MOST &&
           b->bytes + p->bytes <= BYTES_MOST &&
           b->document_bytes + p->document_bytes <= DOCUMENTS_MOST;
}

bool bundle_add(struct bundle *b, struct planned *p)
{
    if (b->count && !room_for(b, p))
        return false;
    b->of[b->count++] = p;
    b->files += p->files;
    b->bytes += p->bytes;
    b->document_bytes += p->document_bytes;
    return true;
}

// ---- the bytes

struct packing {
    struct arena *a;
    struct carry *c;
    struct small_file *files;
    size_t count, room;
    char *bytes;
    size_t at, size;
};

static bool read_out(struct carry *c, const sha256 *content, char *to, size_t size,
                     struct error *err)
{
    const struct store_map *map = NULL;
    bool ok =
        store_map_open(c->w->store, content, &map, err) && store_map_read(map, 0, to, size, err);
    store_map_close(c->w->store, map);
    return ok;
}

static bool read_in(struct carry *c, const json_t *version, size_t place, char *to, size_t size,
                    struct error *err)
{
    struct way_piece piece = {.client = c->client};
    way_piece_of(&piece, parcel_word(version, "at"), (int64_t)place + 1, 0);
    return way_piece_get(&piece, to, size, err) || error_while(err, "%s", c->other.name);
}

static bool pack_file(struct packing *k, const json_t *version, size_t place, struct error *err)
{
    const json_t *file = json_array_get(json_object_get(version, "files"), place);
    int64_t size = parcel_count(file, "size");
    sha256 content, got;
    char path[64], *to = k->bytes + k->at;
    if (k->count == k->room || size < 0 || (uint64_t)size > k->size - k->at)
        return error_set(err, ERROR_CONFLICT, "an asset has changed meanwhile");
    if (!sha256_parse(text_of(parcel_word(file, "content")), &content))
        return error_set(err, ERROR_INTERNAL, "a file of a version has no content");
    if (size && !(k->c->in ? read_in(k->c, version, place, to, (size_t)size, err)
                           : read_out(k->c, &content, to, (size_t)size, err)))
        return false;
    struct small_file *f = &k->files[k->count++];
    *f = (struct small_file){.bytes = {to, (size_t)size}, .hash = sha256_of(to, (size_t)size)};
    got = size ? sha256_of(f->hash.at, SHA256_SIZE) : f->hash;
    if (!sha256_equal(&got, &content))
        return error_set(err, ERROR_DAMAGED, "%.200s is damaged", parcel_word(file, "name"));
    parcel_path(parcel_word(version, "thing"), (int64_t)place + 1, path);
    f->path = arena_text(k->a, path);
    k->at += (size_t)size;
    return true;
}

static bool pack_asset(struct packing *k, const struct planned *p, const json_t *document,
                       struct error *err)
{
    const json_t *versions = json_object_get(document, "versions"), *place;
    size_t i;
    bool ok = json_array_size(versions) == p->versions ||
              error_set(err, ERROR_CONFLICT, "an asset has changed meanwhile");
    json_array_foreach(p->places, i, place)
    {
        const json_t *v = json_array_get(versions, (size_t)json_integer_value(place));
        size_t count = json_array_size(json_object_get(v, "files"));
        for (size_t n = 0; ok && n < count; n++)
            ok = pack_file(k, v, n, err);
    }
    return ok;
}

// As house/transfer's small_parse takes it apart.
static text small_body(struct packing *k)
{
    json_t *list = json_array();
    for (size_t i = 0; i < k->count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "path", k->files[i].path, "size",
                                              (json_int_t)k->files[i].bytes.size, "hash",
                                              sha256_text(&k->files[i].hash).text));
    json_t *head = json_pack("{s:o}", "files", list);
    char *written = must(json_dumps(head, JSON_COMPACT));
    size_t room = strlen(written);
    char *body = must(malloc(4 + room + k->at));
    for (int i = 0; i < 4; i++)
        body[i] = (char)(room >> (8 * i));
    memcpy(body + 4, written, room);
    memcpy(body + 4 + room, k->bytes, k->at);
    free(written);
    json_decref(head);
    return (text){body, 4 + room + k->at};
}

static bool bring_out(struct packing *k, struct error *err)
{
    struct carry *c = k->c;
    struct reply reply;
    text body = small_body(k);
    enum way_end end = way_put(c->way, (text){"small", 5}, body.at, body.size, err);
    bool ok = end == WAY_DONE;
    if (end == WAY_NOT) {
        struct call call = {.path = arena_format(k->a, "/api/v1/transfers/%s/small", c->transfer),
                            .content_type = "application/x-posthouse-small",
                            .body = body};
        error_clear(err);
        ok = carry_ask(c, &call, k->a, &reply, err);
    }
    pthread_mutex_lock(&c->lock);
    c->via = end == WAY_DONE ? way_word(c->way) : c->via ? c->via : "TCP";
    if (end == WAY_DONE && way_udp(c->way))
        stream_goes_by(c->stream, "udp");
    pthread_mutex_unlock(&c->lock);
    free((char *)body.at);
    return ok;
}

static bool bring_in(struct packing *k, struct error *err)
{
    struct transfer_file *made;
    size_t count;
    pthread_mutex_lock(&k->c->lock);
    k->c->via = k->c->via ? k->c->via : "TCP";
    pthread_mutex_unlock(&k->c->lock);
    return transfer_small(k->c->w->transfers, k->c->transfer, k->files, k->count, k->a, &made,
                          &count, err);
}

static bool bring(struct carry *c, const struct bundle *b, const json_t *documents,
                  struct error *err)
{
    if (!b->files)
        return true;
    struct packing k = {.a = arena_open((size_t)64 << 20),
                        .c = c,
                        .room = b->files,
                        .bytes = must(malloc((size_t)b->bytes + 1)),
                        .size = (size_t)b->bytes};
    k.files = ARENA_ARRAY(k.a, struct small_file, b->files);
    bool ok = carry_room(c, (size_t)b->bytes, err);
    for (size_t i = 0; ok && i < b->count; i++)
        ok = pack_asset(&k, b->of[i], json_array_get(documents, i), err);
    ok = ok && (c->in ? bring_in(&k, err) : bring_out(&k, err));
    free(k.bytes);
    arena_close(k.a);
    return ok;
}

// ---- all of it

static json_t *documents_of(struct carry *c, const struct bundle *b, struct error *err)
{
    const char *ids[ASSETS_MOST];
    for (size_t i = 0; i < b->count; i++)
        ids[i] = b->of[i]->id;
    return carry_documents(c, ids, b->count, err);
}

// The same would befall each by itself.
static bool concerns_all(const struct error *err)
{
    return err->kind == ERROR_CANCELLED || err->kind == ERROR_NETWORK ||
           err->kind == ERROR_TIMEOUT || err->kind == ERROR_LOGIN || err->kind == ERROR_TOO_MANY;
}

bool bundle_carry(struct carry *c, const struct bundle *b, struct error *err)
{
    json_t *documents = documents_of(c, b, err), *one, *taken = NULL;
    size_t i;
    bool brought = documents && bring(c, b, documents, err);
    if (brought) {
        carry_count(c, b->bytes, true);
        taken = carry_take_together(c, documents, err);
    }
    bool ok = taken && json_array_size(taken) == b->count;
    pthread_mutex_lock(&c->lock);
    json_array_foreach(ok ? taken : NULL, i, one) carry_said(c, one);
    pthread_mutex_unlock(&c->lock);
    for (i = 0; ok && i < b->count; i++)
        b->of[i]->done = true;
    if (brought && !ok) // they are counted again one by one
        carry_count(c, -b->bytes, false);
    json_decref(taken);
    json_decref(documents);
    if (ok || concerns_all(err))
        return ok;
    error_clear(err);
    return true;
}
