// Recordings that come in while they are still being written.
#include "api/inside.h"
#include "house/flow/growing.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNKS_MOST = 4096 };

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
    return growing_list(tx, q->file ? NULL : q->c->project, q->file, clock_now_ms(),
                        growers_lost_ms(q->c->api->wish.rooms.growers), &q->list, err);
}

// How much of it is here, and where its pictures are read.
static void finish_row(struct call *c, json_t *row)
{
    json_t *file;
    size_t i, count;
    struct store_came *none;
    struct error ignored;
    int64_t bytes;
    if (c->api->wish.rooms.growers)
        growers_tell(c->api->wish.rooms.growers, row);
    if (store_upload_came(c->api->store, json_string_value(json_object_get(row, "file")), INT64_MAX,
                          0, c->arena, &none, &count, &bytes, &ignored))
        json_object_set_new(row, "arrived", json_integer(bytes));
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

// ---- dropping

static bool drop_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct asking *q = context;
    return growing_drop(tx, q->c->file, err);
}

static bool drop_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return growing_show(c, err) && db_write(c->api->db, drop_in, &q, err) &&
           transfer_abandon(c->api->wish.rooms.transfer, c->file, err);
}

// ---- its bytes, as far as they are here

static bool came_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_decref(q->list);
    return growing_came(tx, q->c->file, clock_now_ms(),
                        growers_lost_ms(q->c->api->wish.rooms.growers), &q->list, err);
}

static bool came_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    struct store_came *list;
    struct error none;
    size_t count = 0;
    int64_t from = 0, bytes = 0;
    const char *said = call_query(c, "from");
    if (said && (!text_int(text_of(said), &from) || from < 0))
        return error_set(err, ERROR_INPUT, "from is no number of a chunk");
    // First what is there, then whether it is closed: what was there is never missing in between.
    if (!store_upload_came(c->api->store, c->file, from, CHUNKS_MOST, c->arena, &list, &count,
                           &bytes, &none))
        count = 0;
    if (!db_read(c->api->db, came_in, &q, err)) {
        json_decref(q.list);
        return false;
    }
    if (strcmp(json_string_value(json_object_get(q.list, "state")), "stored") != 0) {
        json_object_set_new(q.list, "size", json_integer(bytes));
        for (size_t i = 0; i < count; i++)
            json_array_append_new(json_object_get(q.list, "chunks"),
                                  json_pack("{s:I, s:s, s:I}", "number", (json_int_t)list[i].number,
                                            "hash", sha256_text(&list[i].hash).text, "size",
                                            (json_int_t)list[i].size));
    }
    call_json(c, q.list);
    return true;
}

static void bytes_close(void *context)
{
    int *fd = context;
    close(*fd);
    free(fd);
}

static bool bytes_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    int64_t bytes;
    int *fd = malloc(sizeof(*fd));
    if (!fd)
        abort();
    bool ok = db_read(c->api->db, came_in, &q, err) &&
              store_upload_open(c->api->store, c->file, fd, &bytes, err);
    json_decref(q.list);
    if (!ok) {
        free(fd);
        return false;
    }
    struct file_run run = {*fd, 0, bytes};
    call_files(c,
               &(struct file_answer){.runs = &run,
                                     .count = 1,
                                     .type = "application/octet-stream",
                                     .release = bytes_close,
                                     .context = fd},
               NULL);
    call_meter(c, &(struct meter){
                      .kind = "download",
                      .key = arena_format(c->arena, "growing out %s %s", c->who.session, c->file),
                      .title = "a recording that grows",
                      .subject = c->file,
                      .project = c->project,
                      .total_bytes = -1,
                      .priority = 50});
    return true;
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
    {"POST", "/files/{file}/drop", MAY_UPLOAD, drop_post, NULL, "Growing", 0,
     "what came of a recording is thrown away; answers what it was", NULL},
    {"GET", "/files/{file}/came", MAY_DOWNLOAD, came_get, NULL, "GrowingCame", 0,
     "what of a recording is here, chunks from ?from= on, and what became of it", NULL},
    {"GET", "/files/{file}/bytes", MAY_DOWNLOAD, bytes_get, NULL, "bytes", 0,
     "its bytes as far as they are here; ranges", NULL},
};
const size_t growing_route_count = sizeof(growing_routes) / sizeof(growing_routes[0]);
