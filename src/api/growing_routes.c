// Recordings that come in while they are still being written.
#include "api/inside.h"
#include "house/flow/growing.h"
#include "plat/clock.h"

#include <string.h>

struct asking {
    struct call *c;
    const char *file;
    bool finish;
    json_t *list;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_decref(q->list);
    q->list = NULL;
    return growing_list(tx, q->file ? NULL : q->c->project, q->file, clock_now_ms(), &q->list, err);
}

// Where its pictures are read.
static void finish_row(struct call *c, json_t *row)
{
    json_t *file;
    size_t i;
    if (c->api->wish.rooms.growers)
        growers_tell(c->api->wish.rooms.growers, row);
    json_array_foreach(json_object_get(row, "derived"), i, file)
    {
        const char *url = media_growing(c, json_string_value(json_object_get(row, "project")),
                                        json_string_value(json_object_get(file, "path")),
                                        json_string_value(json_object_get(file, "name")));
        json_object_set_new(file, "url", json_string(url));
        json_object_del(file, "path");
    }
}

static bool growing_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    json_t *row;
    size_t i;
    bool ok = db_read(c->api->db, list_in, &q, err);
    json_array_foreach(q.list, i, row) finish_row(c, row);
    if (ok)
        call_json(c, json_incref(q.list));
    json_decref(q.list);
    return ok;
}

static bool growing_show(struct call *c, struct error *err)
{
    struct asking q = {.c = c, .file = c->file};
    bool ok = db_read(c->api->db, list_in, &q, err);
    json_t *row = json_array_get(q.list, 0);
    if (ok && !row)
        ok = error_set(err, ERROR_NOT_FOUND, "this file does not grow");
    if (ok) {
        finish_row(c, row);
        call_json(c, json_incref(row));
    }
    json_decref(q.list);
    return ok;
}

static bool said_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct growing_word w = {.written = body_int(q->c, "written", 0),
                             .rate = body_int(q->c, "rate", 0),
                             .state = body_text(q->c, "state"),
                             .unclosed = body_bool(q->c, "unclosed", false)};
    return growing_said(tx, q->c->file, &w, clock_now_ms(), &q->finish, err);
}

static bool growing_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_write(c->api->db, said_in, &q, err))
        return false;
    call_json(c, json_pack("{s:b}", "finish", q.finish));
    return true;
}

static bool finish_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct asking *q = context;
    return growing_finish(tx, q->c->file, q->c->who.name ? q->c->who.name : "", err);
}

static bool finish_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_write(c->api->db, finish_in, &q, err) && growing_show(c, err);
}

const struct route growing_routes[] = {
    {"GET", "/projects/{project}/growing", MAY_VIEW, growing_get, NULL, "Growing[]", 0,
     "recordings that come in while they are written", NULL},
    {"GET", "/files/{file}/growing", MAY_VIEW, growing_show, NULL, "Growing", 0,
     "one of them, with the addresses of its pictures so far", NULL},
    {"POST", "/files/{file}/growing", MAY_UPLOAD, growing_post, "GrowingSaid", "GrowingAnswer", 0,
     "its sender says how far it is", NULL},
    {"POST", "/files/{file}/finish", MAY_UPLOAD, finish_post, NULL, "Growing", 0,
     "a person says that it is over, though its recorder has not closed it", NULL},
};
const size_t growing_route_count = sizeof(growing_routes) / sizeof(growing_routes[0]);
