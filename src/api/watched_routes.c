// Folders outside that the house itself watches. Only administrators name them: what the server's
// own user may read could come in.
#include "api/inside.h"
#include "house/places/places.h"
#include "house/transfer/watched.h"
#include "plat/clock.h"

#include <limits.h>

struct asking {
    struct call *c;
    json_t *json;
    id made;
    const char *path;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_decref(q->json);
    q->json = NULL;
    return watched_list(tx, clock_now_ms(), &q->json, err);
}

static bool answer(struct asking *q, bool ok, struct error *err)
{
    ok = ok && db_read(q->c->api->db, list_in, q, err);
    if (ok)
        call_json(q->c, json_incref(q->json));
    json_decref(q->json);
    q->json = NULL;
    return ok;
}

static bool list(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, true, err);
}

// Where an administrator's setting lets the house look, as for places; one that is away now may
// come.
static bool path_of(struct call *c, const char **path, struct error *err)
{
    char whole[PATH_MAX];
    struct places *places = c->api->wish.rooms.places;
    const struct places_use use = {"be watched", true};
    if (!places)
        return error_set(err, ERROR_UNSUPPORTED, "this house watches no folders");
    if (!places_allow(places, body_text(c, "path"), &use, whole, err))
        return false;
    *path = arena_text(c->arena, whole);
    return true;
}

static bool add_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *folder = body_text(q->c, "folder");
    int64_t there = 0;
    json_t *rules = body_field(q->c, "rules");
    struct watched_wish w = {.path = q->path,
                             .project = body_text(q->c, "project"),
                             .folder = folder ? folder : "",
                             .by = q->c->who.name,
                             .rules = rules};
    return db_one_int(tx, &there, 0, err, "select count(*) from projects where id = ?1", "s",
                      w.project) &&
           (there || error_set(err, ERROR_NOT_FOUND, "there is no such project")) &&
           watched_add(tx, &w, clock_now_ms(), &q->made, err);
}

static bool add(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return path_of(c, &q.path, err) && answer(&q, db_write(c->api->db, add_in, &q, err), err);
}

static bool change_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = ((struct asking *)context)->c;
    return watched_enable(tx, c->watched, body_bool(c, "enabled", true), err);
}

static bool change(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, change_in, &q, err), err);
}

static bool drop_in(struct db_tx *tx, void *context, struct error *err)
{
    return watched_drop(tx, ((struct asking *)context)->c->watched, err);
}

static bool drop(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, drop_in, &q, err), err);
}

static bool said_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_decref(q->json);
    q->json = NULL;
    return watched_said(tx, q->c->watched, q->c->body, clock_now_ms(), &q->json, err);
}

static bool said(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_write(c->api->db, said_in, &q, err))
        return false;
    call_json(c, json_pack("{s:o}", "take", q.json));
    return true;
}

static bool take_in(struct db_tx *tx, void *context, struct error *err)
{
    struct call *c = ((struct asking *)context)->c;
    return watched_order(tx, c->watched, body_text(c, "name"), err);
}

static bool take(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, take_in, &q, err), err);
}

const struct route watched_routes[] = {
    {"GET", "/watched", NEED_ADMIN, list, NULL, "WatchedFolder[]", 0,
     "folders that the house itself watches, and what goes on in them", NULL},
    {"POST", "/watched", NEED_ADMIN, add, "NewWatchedFolder", "WatchedFolder[]", 0,
     "watches one more", NULL},
    {"PATCH", "/watched/{watched}", NEED_ADMIN, change, "WatchedFolderChange", "WatchedFolder[]", 0,
     "lets it rest, or go on", NULL},
    {"DELETE", "/watched/{watched}", NEED_ADMIN, drop, NULL, "WatchedFolder[]", 0,
     "watches it no more; what came stays", NULL},
    {"POST", "/watched/{watched}/said", NEED_ADMIN, said, "WatcherState", "WatcherOrders", 0,
     "its watcher says how it is", NULL},
    {"POST", "/watched/{watched}/take", NEED_ADMIN, take, "WatchedOrder", "WatchedFolder[]", 0,
     "a card is taken as it is, though it is not complete", NULL},
};
const size_t watched_route_count = sizeof(watched_routes) / sizeof(watched_routes[0]);
