/*
 * One archive of many files, made while it is sent (formats/zip). Where a byte stands follows from
 * names, sizes and dates, so that a download that was cut goes on by Range. CRCs are worked out as
 * members go by and kept by content; where one is not known, because the answer begins behind its
 * member, the member is read once more, some at a time, so that nobody else has to wait.
 */
#include "api/inside.h"

#include "base/log.h"
#include "formats/zip/zip.h"
#include "house/deliver/deliver.h"
#include "house/review/links.h"
#include "plat/clock.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_BYTES = 32 << 20, BLOCK = 1 << 20 };
#define ARCHIVE_LIMIT ((size_t)512 << 20)
#define KEEP_EVERY ((int64_t)1 << 30) // of a member whose CRC is being worked out

struct zipping {
    struct api *api;
    struct arena *a;
    struct link_file *files;
    size_t count;
    struct zip *zip;
    uint32_t *crcs; // of those that are known
    bool *known;
    int64_t at;
    const struct store_map *map; // of member `mapped`
    size_t mapped;
    struct {
        size_t member;
        int64_t upto, kept;
        uint32_t crc;
    } run; // the CRC of the bytes of `member` from its start
    uint8_t *part; // the head, tail or catalogue that is being sent
    enum zip_kind part_kind;
    size_t part_member;
    uint8_t *block;
    const char *share, *session, *name, *address; // share NULL: no link
};

const char *zip_name_of(struct arena *a, const struct link_file *list, size_t count)
{
    struct hasher *h = hasher_open("sha256");
    uint8_t digest[64];
    char *name = arena_take(a, 33);
    for (size_t i = 0; i < count; i++) {
        hasher_add(h, list[i].path, strlen(list[i].path) + 1);
        hasher_add(h, &list[i].size, sizeof(list[i].size));
        hasher_add(h, &list[i].modified_ms, sizeof(list[i].modified_ms));
        hasher_add(h, list[i].content.at, SHA256_SIZE);
    }
    hasher_end(h, digest);
    hex_text(digest, 16, name, 33);
    return name;
}

// ---- what is read

static bool map_open(struct zipping *z, size_t member, struct error *err)
{
    if (z->map && z->mapped == member)
        return true;
    store_map_close(z->api->store, z->map);
    z->map = NULL;
    z->mapped = member;
    return store_map_open(z->api->store, &z->files[member].content, &z->map, err);
}

struct crc_keeping {
    const sha256 *content;
    int64_t upto;
    uint32_t crc;
};

static bool crc_keep_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct crc_keeping *k = context;
    return content_crc_set(tx, k->content, k->upto, k->crc, err);
}

// It is only remembered so that nobody reads it again: a failure is no reason to stop.
static void crc_keep(struct zipping *z, size_t member, int64_t upto, uint32_t crc)
{
    struct error err;
    struct crc_keeping k = {&z->files[member].content, upto, crc};
    if (!db_write(z->api->db, crc_keep_in, &k, &err))
        log_problem("zip.crc_not_kept", &err);
}

static void run_add(struct zipping *z, size_t member, int64_t at, const void *bytes, size_t size)
{
    if (at == 0) {
        z->run.member = member;
        z->run.upto = z->run.kept = 0;
        z->run.crc = 0;
    }
    if (z->known[member] || z->run.member != member || z->run.upto != at)
        return;
    z->run.crc = zip_crc(z->run.crc, bytes, size);
    z->run.upto += (int64_t)size;
    if (z->run.upto - z->run.kept >= KEEP_EVERY && z->run.upto < z->files[member].size) {
        crc_keep(z, member, z->run.upto, z->run.crc);
        z->run.kept = z->run.upto;
    }
}

static bool crc_look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct zipping *z = context;
    return content_crc_get(tx, &z->files[z->run.member].content, &z->run.upto, &z->run.crc, err);
}

// 1: known now. 0: some of it was read, ask again. -1: failed.
static int crc_find(struct zipping *z, size_t member, struct error *err)
{
    int64_t size = z->files[member].size, budget = AGAIN_BYTES;
    if (z->known[member])
        return 1;
    if (size == 0) {
        z->known[member] = true; // and 0
        return 1;
    }
    if (z->run.member != member || z->run.upto == 0) {
        z->run.member = member;
        if (!db_read(z->api->db, crc_look_in, z, err))
            return -1;
        z->run.kept = z->run.upto;
    }
    if (z->run.upto < size && !map_open(z, member, err))
        return -1;
    while (z->run.upto < size && budget > 0) {
        size_t some = size - z->run.upto < BLOCK ? (size_t)(size - z->run.upto) : BLOCK;
        if (!store_map_read(z->map, z->run.upto, z->block, some, err))
            return -1;
        run_add(z, member, z->run.upto, z->block, some);
        budget -= (int64_t)some;
    }
    if (z->run.upto < size)
        return 0;
    z->crcs[member] = z->run.crc;
    z->known[member] = true;
    crc_keep(z, member, size, z->run.crc);
    return 1;
}

// ---- what is sent

// Makes a head, a tail or the catalogue. As crc_find.
static int part_make(struct zipping *z, const struct zip_part *p, struct error *err)
{
    size_t first = p->kind == ZIP_CATALOGUE ? 0 : p->member, last = p->member;
    if (z->part && z->part_kind == p->kind && z->part_member == p->member)
        return 1;
    for (size_t i = first; p->kind != ZIP_HEAD && i < z->count && i <= last; i++) {
        int found = z->known[i] ? 1 : crc_find(z, i, err);
        if (found < 1)
            return found;
    }
    free(z->part);
    z->part = malloc((size_t)p->size);
    if (!z->part)
        abort();
    z->part_kind = p->kind;
    z->part_member = p->member;
    if (p->kind == ZIP_HEAD)
        zip_head(z->zip, p->member, z->part);
    else if (p->kind == ZIP_TAIL)
        zip_tail(z->zip, p->member, z->crcs[p->member], z->part);
    else
        zip_catalogue(z->zip, z->crcs, z->part);
    return 1;
}

static bool use_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct zipping *z = context;
    return link_use_add(tx,
                        &(struct link_use){.share = z->share,
                                           .session = z->session,
                                           .name = z->name,
                                           .address = z->address,
                                           .act = "zip",
                                           .detail = "to its end",
                                           .bytes = zip_size(z->zip)},
                        NULL, err);
}

static int64_t zip_pull(void *context, void *to, size_t room, struct error *err)
{
    struct zipping *z = context;
    size_t got = 0;
    while (got < room) {
        struct zip_part p = zip_part_at(z->zip, z->at);
        if (p.kind == ZIP_END)
            break;
        size_t some = p.size - p.at < (int64_t)(room - got) ? (size_t)(p.size - p.at) : room - got;
        uint8_t *out = (uint8_t *)to + got;
        if (p.kind == ZIP_BYTES) {
            if (!map_open(z, p.member, err) || !store_map_read(z->map, p.at, out, some, err))
                return -1;
            run_add(z, p.member, p.at, out, some);
        } else {
            int made = part_make(z, &p, err);
            if (made < 0)
                return -1;
            if (!made) // what there is goes out first
                return got ? (int64_t)got : PULL_AGAIN;
            memcpy(out, z->part + p.at, some);
        }
        z->at += (int64_t)some;
        got += some;
    }
    struct error trouble;
    if (z->share && z->at == zip_size(z->zip) && got && !db_write(z->api->db, use_in, z, &trouble))
        log_problem("zip.use_not_kept", &trouble);
    return (int64_t)got;
}

static void zip_seek(void *context, int64_t at)
{
    ((struct zipping *)context)->at = at;
}

static void zip_close(void *context)
{
    struct zipping *z = context;
    store_map_close(z->api->store, z->map);
    free(z->part);
    free(z->block);
    arena_close(z->a);
    free(z);
}

// ---- the answer

struct opening {
    struct zipping *z;
    const struct link_files_wish *wish; // NULL: what a delivery has
    const char *delivery;
};

// Its files, in the folder that they are when they are one.
static bool delivered_files(struct db_tx *tx, struct opening *o, struct error *err)
{
    struct zipping *z = o->z;
    json_t *delivery;
    if (!delivery_get(tx, o->delivery, &delivery, err))
        return false;
    const json_t *files = json_object_get(delivery, "files"), *one;
    const char *folder = json_object_get(delivery, "content")
                             ? NULL
                             : json_string_value(json_object_get(delivery, "name"));
    int64_t made_ms = 0;
    bool ok = true;
    (void)clock_parse(text_of(json_string_value(json_object_get(delivery, "created"))), &made_ms);
    size_t i;
    z->files = ARENA_ARRAY(z->a, struct link_file, json_array_size(files) + 1);
    json_array_foreach(files, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *content = json_string_value(json_object_get(one, "content"));
        z->files[i] = (struct link_file){
            .path = folder ? arena_format(z->a, "%s/%s", folder, name) : arena_text(z->a, name),
            .size = json_integer_value(json_object_get(one, "size")),
            .modified_ms = made_ms};
        ok = ok && (sha256_parse(text_of(content), &z->files[i].content) ||
                    error_set(err, ERROR_INTERNAL, "a file of a delivery has no content"));
    }
    z->count = json_array_size(files);
    if (ok && !z->count) {
        error_set(err, ERROR_CONFLICT, "it is not made yet");
        ok = error_fix(err, "wait until its job is done");
    }
    json_decref(delivery);
    return ok;
}

static bool open_in(struct db_tx *tx, void *context, struct error *err)
{
    struct opening *o = context;
    struct zipping *z = o->z;
    if (o->wish ? !link_files(tx, o->wish, z->a, &z->files, &z->count, err)
                : !delivered_files(tx, o, err))
        return false;
    z->crcs = ARENA_ARRAY(z->a, uint32_t, z->count + 1);
    z->known = ARENA_ARRAY(z->a, bool, z->count + 1);
    for (size_t i = 0; i < z->count; i++) {
        int64_t upto;
        if (!content_crc_get(tx, &z->files[i].content, &upto, &z->crcs[i], err))
            return false;
        z->known[i] = upto == z->files[i].size;
    }
    return true;
}

static bool lay_out(struct zipping *z, struct error *err)
{
    struct zip_member *list = ARENA_ARRAY(z->a, struct zip_member, z->count + 1);
    for (size_t i = 0; i < z->count; i++)
        list[i] = (struct zip_member){z->files[i].path, z->files[i].size, z->files[i].modified_ms};
    return zip_lay_out(z->a, list, z->count, &z->zip, err);
}

static bool still_as(struct call *c, const char *name, struct error *err)
{
    const char *as = call_query(c, "as");
    if (!as || strcmp(as, name) == 0)
        return true;
    error_set(err, ERROR_CONFLICT, "these files have changed since");
    error_why(err, "an archive that was begun before can not go on");
    return error_fix(err, "begin the download anew");
}

static bool answer_with(struct call *c, const struct link_files_wish *wish, const char *delivery,
                        const char *name, struct error *err)
{
    struct zipping *z = calloc(1, sizeof(*z));
    if (!z || !(z->block = malloc(BLOCK)))
        abort();
    z->api = c->api;
    z->a = arena_open(ARCHIVE_LIMIT);
    z->run.member = SIZE_MAX;
    if (wish && c->who.kind == WHO_SHARE) {
        z->share = arena_text(z->a, wish->share);
        z->session = arena_text(z->a, c->who.session);
        z->name = arena_text(z->a, c->who.name ? c->who.name : "");
        z->address = arena_text(z->a, c->address);
    }
    struct opening o = {z, wish, delivery};
    bool ok = db_read(c->api->db, open_in, &o, err) && lay_out(z, err);
    const char *named = ok ? zip_name_of(c->arena, z->files, z->count) : NULL;
    int64_t modified_ms = 0;
    for (size_t i = 0; ok && i < z->count; i++)
        if (z->files[i].modified_ms > modified_ms)
            modified_ms = z->files[i].modified_ms;
    ok = ok && still_as(c, named, err);
    if (!ok) {
        zip_close(z);
        return false;
    }
    call_header_set(c, "Cache-Control", "private, no-cache");
    call_pull(c,
              &(struct pull_answer){.size = zip_size(z->zip),
                                    .type = "application/zip",
                                    .seek = zip_seek,
                                    .etag = arena_format(c->arena, "\"%s\"", named),
                                    .modified_ms = modified_ms,
                                    .pull = zip_pull,
                                    .close = zip_close,
                                    .context = z},
              arena_format(c->arena, "%s.zip", name));
    call_meter(c, &(struct meter){.kind = "zip",
                                  .key = arena_format(c->arena, "zip %s %s", c->who.session, named),
                                  .title = arena_format(c->arena, "%s.zip", name),
                                  .subject = wish ? wish->share : NULL,
                                  .project = c->project,
                                  .share = wish ? wish->share : NULL,
                                  .total_bytes = zip_size(z->zip),
                                  .priority = 50});
    return true;
}

bool zip_answer(struct call *c, const struct link_files_wish *wish, const char *name,
                struct error *err)
{
    return answer_with(c, wish, NULL, name, err);
}

bool zip_delivery(struct call *c, const char *delivery, const char *name, struct error *err)
{
    return answer_with(c, NULL, delivery, name, err);
}
