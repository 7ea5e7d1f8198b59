// Viewing transforms: their files, what they are made of, where they are set, and proxies through
// them.
#include "api/inside.h"
#include "house/assets/assets.h"
#include "house/flow/colour.h"
#include "plat/clock.h"
#include "store/store.h"

#include <string.h>

#define FILE_BYTES (64 << 20)
#define KEPT_MS (24LL * 3600 * 1000) // a file that nothing was made of

struct asking {
    struct call *c;
    json_t *json;
    struct flow_transform wish;
    struct transform_file *files;
    struct store_bytes *bytes;
    id made;
};

static void fresh(struct asking *q)
{
    json_decref(q->json);
    q->json = NULL;
}

static bool answer(struct asking *q, bool ok)
{
    if (ok)
        call_json(q->c, q->json);
    else
        fresh(q);
    return ok;
}

// ---- files

static bool body_begin(struct call *c, struct error *err)
{
    struct buf *b = c->own = ARENA_NEW(c->arena, struct buf);
    (void)err;
    *b = (struct buf)BUF_LIMIT(FILE_BYTES);
    return true;
}

static bool body_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    return buf_add(c->own, at, size) ||
           error_set(err, ERROR_TOO_BIG, "a file of a viewing transform has at most %s",
                     size_text(FILE_BYTES).text);
}

static void body_done(struct call *c)
{
    buf_free(c->own);
}

static const struct stream_calls body_stream = {
    .limit = FILE_BYTES, .begin = body_begin, .piece = body_piece, .done = body_done};

static bool forget_old(struct db_tx *tx, struct arena *a, int64_t before_ms, struct error *err)
{
    sha256 old[50];
    size_t count = 0;
    int64_t bytes;
    (void)a;
    struct db_rows *rows = db_query(
        tx, "select content from transform_uploads where at_ms < ?1 limit 50", "i", before_ms);
    while (db_next(rows) && count < 50) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        if (at && size == SHA256_SIZE)
            memcpy(old[count++].at, at, SHA256_SIZE);
    }
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = db_run(tx, err, "delete from transform_uploads where content = ?1 and at_ms < ?2",
                    "bi", (const void *)old[i].at, (size_t)SHA256_SIZE, before_ms) &&
             flow_forget(tx, &old[i], &bytes, err);
    return ok;
}

static bool file_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const sha256 *content = store_bytes_content(q->bytes, 0);
    int64_t now = clock_now_ms(), size = store_bytes_size(q->bytes, 0);
    return forget_old(tx, q->c->arena, now - KEPT_MS, err) && store_record(tx, q->bytes, err) &&
           db_run(tx, err,
                  "insert into transform_uploads (project, content, size, at_ms) values (?1, ?2, "
                  "?3, ?4) on conflict (project, content) do update set at_ms = ?4",
                  "sbii", q->c->project, (const void *)content->at, (size_t)SHA256_SIZE, size, now);
}

static bool file_post(struct call *c, struct error *err)
{
    const struct buf *body = c->own;
    const char *name = call_query(c, "name");
    text whole = {body->at ? body->at : "", body->size};
    struct asking q = {.c = c};
    if (!name || strlen(name) > 1000 || !text_utf8(text_of(name)))
        return error_set(err, ERROR_INPUT, "the file has no name");
    if (!store_put_small(c->api->store, &whole, 1, &q.bytes, err))
        return false;
    bool ok = db_write(c->api->db, file_in, &q, err);
    if (ok)
        q.json = json_pack("{s:s, s:s, s:I}", "name", name, "content",
                           sha256_text(store_bytes_content(q.bytes, 0)).text, "size",
                           (json_int_t)store_bytes_size(q.bytes, 0));
    store_settle(c->api->store, q.bytes, ok);
    return answer(&q, ok);
}

// ---- making them

// Who names a content must have it in this project: brought here for it, or a file of an asset.
static bool file_of(struct db_tx *tx, struct asking *q, struct transform_file *f, struct error *err)
{
    int64_t size = -1;
    if (!db_one_int(tx, &size, -1, err,
                    "select size from transform_uploads where project = ?1 and content = ?2 union "
                    "all select f.size from version_files f join versions v on v.id = f.version "
                    "join assets a on a.id = v.asset where a.project = ?1 and f.content = ?2 limit "
                    "1",
                    "sb", q->c->project, (const void *)f->content.at, (size_t)SHA256_SIZE))
        return false;
    f->size = size;
    if (size >= 0)
        return true;
    error_set(err, ERROR_NOT_FOUND, "the file %.200s is not here", f->name);
    return error_fix(err, "send it first: POST /projects/{project}/transforms/files");
}

static bool files_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *row;
    size_t i;
    json_array_foreach(body_field(q->c, "files"), i, row)
    {
        struct transform_file *f = &q->files[i];
        f->name = json_string_value(json_object_get(row, "name"));
        const char *content = json_string_value(json_object_get(row, "content"));
        if (!sha256_parse(text_of(content), &f->content))
            return error_set(err, ERROR_INPUT, "the content of %.200s is no SHA-256", f->name);
        if (!file_of(tx, q, f, err))
            return false;
    }
    return true;
}

static bool wish_of(struct asking *q, struct error *err)
{
    struct call *c = q->c;
    size_t count = json_array_size(body_field(c, "files"));
    if (!count || count > TRANSFORM_FILES)
        return error_set(err, ERROR_INPUT, "a viewing transform has 1 to %d files",
                         TRANSFORM_FILES);
    q->files = ARENA_ARRAY(c->arena, struct transform_file, count);
    q->wish = (struct flow_transform){.project = c->project,
                                      .name = body_text(c, "name"),
                                      .by = c->who.person,
                                      .steps = body_field(c, "steps"),
                                      .files = q->files,
                                      .file_count = count,
                                      .sandbox = !c->api->wish.config ||
                                                 config_bool(c->api->wish.config, "sandbox")};
    if (!c->api->wish.rooms.flow)
        return error_set(err, ERROR_UNSUPPORTED, "this house makes no proxies");
    return db_read(c->api->db, files_in, q, err);
}

static bool check_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, wish_of(&q, err) &&
                          flow_transform_check(c->api->wish.rooms.flow, &q.wish, &q.json, err));
}

static bool made_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return call_audit(q->c, tx, "colour.made", q->made.text, q->wish.name, err) &&
           transform_get(tx, q->made.text, &q->json, err);
}

static bool transform_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, wish_of(&q, err) &&
                          name_acceptable("a viewing transform", q.wish.name, err) &&
                          flow_transform_make(c->api->wish.rooms.flow, &q.wish, &q.made, err) &&
                          db_write(c->api->db, made_in, &q, err));
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return transform_list(tx, q->c->project, &q->json, err);
}

static bool transforms_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_read(c->api->db, list_in, &q, err));
}

static bool delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *name = q->c->transform;
    return transform_delete(tx, q->c->transform, err) &&
           call_audit(q->c, tx, "colour.deleted", name, "", err);
}

static bool transform_drop(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_write(c->api->db, delete_in, &q, err);
}

// ---- where they are set

static bool places_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return transform_places(tx, q->c->project, &q->json, err);
}

static bool places_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_read(c->api->db, places_in, &q, err));
}

// A right to this project is no right to another one's folders.
static bool place_here(struct db_tx *tx, struct call *c, const char *place, struct error *err)
{
    int64_t here;
    return db_one_int(tx, &here, 0, err,
                      "select (select count(*) from projects where id = ?2 and id = ?1) + (select "
                      "count(*) from folders where id = ?2 and project = ?1) + (select count(*) "
                      "from assets where id = ?2 and project = ?1)",
                      "ss", c->project, place) &&
           (here || error_set(err, ERROR_NOT_FOUND, "there is no such place in this project"));
}

static bool set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    const char *transform = body_text(c, "transform"), *place = body_text(c, "place");
    return place_here(tx, c, place, err) &&
           transform_set(tx, body_text(c, "kind"), place, transform ? transform : "",
                         c->who.person ? c->who.person : "", clock_now_ms(), err) &&
           call_audit(c, tx, "colour.set", place, transform ? transform : "none", err) &&
           places_in(tx, q, err);
}

static bool place_put(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, set_in, &q, err));
}

static bool unset_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    const char *kind = call_query(c, "kind"), *place = call_query(c, "place");
    if (!kind || !place)
        return error_set(err, ERROR_INPUT, "it is not said where: kind and place");
    return place_here(tx, c, place, err) && transform_unset(tx, kind, place, err) &&
           call_audit(c, tx, "colour.unset", place, "", err) && places_in(tx, q, err);
}

static bool place_delete(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, unset_in, &q, err));
}

// ---- a version through them

static bool colour_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return flow_colour(tx, q->c->version, q->c->arena, &q->json, err);
}

static bool with_addresses(struct asking *q, bool ok)
{
    json_t *set, *file;
    size_t i, k;
    struct error ignored;
    bool plain = call_unburnt(q->c, &ignored); // else none of these carries the viewer's name
    json_array_foreach(json_object_get(q->json, "sets"), i, set)
    {
        const char *table = json_string_value(json_object_get(set, "table"));
        // No picture is in it; what links show is not to be taken apart.
        bool given = table && q->c->who.kind != WHO_SHARE;
        json_object_set_new(set, "table",
                            given
                                ? json_string(media_burnt(q->c, q->c->project, table, "look.phlu"))
                                : json_null());
        if (!plain)
            json_array_clear(json_object_get(set, "derived"));
        json_array_foreach(json_object_get(set, "derived"), k, file)
        {
            const char *url =
                media_address(q->c, q->c->project, json_string_value(json_object_get(file, "url")),
                              json_integer_value(json_object_get(file, "size")),
                              json_string_value(json_object_get(file, "name")));
            json_object_set_new(file, "url", json_string(url));
        }
    }
    return answer(q, ok);
}

static bool colour_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    bool holds;
    if (!call_share_holds(c, c->asset, &holds, err))
        return false;
    if (!holds)
        return error_set(err, ERROR_NOT_FOUND, "this is not shared");
    return with_addresses(&q, db_read(c->api->db, colour_in, &q, err));
}

static bool ask_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct transform_wanted w;
    const char *transform = body_text(q->c, "transform");
    int64_t here = 1;
    if (transform && !db_one_int(tx, &here, 0, err,
                                 "select count(*) from transforms where id = ?1 and project = ?2",
                                 "ss", transform, q->c->project))
        return false;
    return (here || error_set(err, ERROR_NOT_FOUND, "there is no such viewing transform")) &&
           transform_one(tx, transform ? transform : "", q->c->arena, &w, err) &&
           flow_look_through(tx, q->c->version, &w, q->c->arena, clock_now_ms(), err) &&
           colour_in(tx, q, err);
}

static bool colour_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return with_addresses(&q, db_write(c->api->db, ask_in, &q, err));
}

#define P "/projects/{project}/transforms"
const struct route colour_routes[] = {
    {"GET", P, MAY_VIEW, transforms_get, NULL, "Transform[]", 0, "viewing transforms, by name",
     NULL},
    {"POST", P, MAY_EDIT, transform_post, "NewTransform", "Transform", 0,
     "makes one of files that were sent before", NULL},
    {"POST", P "/check", MAY_EDIT, check_post, "NewTransform", "TransformFound", 0,
     "reads its files and says what there is to choose; nothing is kept", NULL},
    {"POST", P "/files", MAY_EDIT, file_post, NULL, "TransformFile", ROUTE_STREAM,
     "sends a file (?name=) for one, 64 MB at most; kept a day", &body_stream},
    {"DELETE", "/transforms/{transform}", MAY_EDIT, transform_drop, NULL, NULL, 0,
     "forgets one that is set nowhere", NULL},
    {"GET", P "/places", MAY_VIEW, places_get, NULL, "TransformPlace[]", 0,
     "where one is set, by whom and when", NULL},
    {"PUT", P "/places", MAY_EDIT, place_put, "NewTransformPlace", "TransformPlace[]", 0,
     "sets one for the project, a folder or an asset; without transform: none", NULL},
    {"DELETE", P "/places", MAY_EDIT, place_delete, NULL, "TransformPlace[]", 0,
     "unsets it (?kind=&place=): what is set above counts again", NULL},
    {"GET", "/versions/{version}/colour", MAY_VIEW, colour_get, NULL, "VersionColour", ROUTE_SHARES,
     "what its file says of its colour, its viewing transform, proxies through each", NULL},
    {"POST", "/versions/{version}/colour", MAY_VIEW, colour_post, "ColourAsk", "VersionColour", 0,
     "has proxies made through a transform (without: as it is), unless they are there", NULL},
};
const size_t colour_route_count = sizeof(colour_routes) / sizeof(colour_routes[0]);
