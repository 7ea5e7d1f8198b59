// A deliverable beside its master to be looked at, and files that go beside a film unchanged.
#include "api/inside.h"
#include "house/assets/assets.h"
#include "house/deliver/beside.h"
#include "house/deliver/deliver.h"
#include "house/deliver/looks.h"
#include "house/flow/flow.h"
#include "plat/clock.h"

#include <string.h>

struct asking {
    struct call *c;
    json_t *json, *facts;
    struct beside_source *list, one;
    size_t count;
};

static void fresh(struct asking *q)
{
    json_decref(q->json);
    json_decref(q->facts);
    q->json = q->facts = NULL;
}

// ---- looking at a deliverable

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return look_get(tx, q->c->delivery, &q->json, err);
}

static bool ask_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return look_ask(tx, q->c->delivery, flow_recipe(), q->c->who.name, clock_now_ms(), err) &&
           look_get(tx, q->c->delivery, &q->json, err);
}

static bool answer_look(struct asking *q, bool ok)
{
    json_t *file;
    size_t i;
    const char *project = json_string_value(json_object_get(q->json, "project"));
    json_array_foreach(json_object_get(q->json, "derived"), i, file)
    {
        const char *url =
            media_address(q->c, project, json_string_value(json_object_get(file, "url")),
                          json_integer_value(json_object_get(file, "size")),
                          json_string_value(json_object_get(file, "name")));
        json_object_set_new_nocheck(file, "url", json_string(url));
    }
    if (ok)
        call_json(q->c, json_incref(q->json));
    fresh(q);
    return ok;
}

static bool look_show(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return call_unburnt(c, err) && answer_look(&q, db_read(c->api->db, look_in, &q, err));
}

static bool look_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return call_unburnt(c, err) && answer_look(&q, db_write(c->api->db, ask_in, &q, err));
}

static bool of_version_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *all;
    size_t i;
    json_t *row;
    fresh(q);
    if (!delivery_list(tx, q->c->project, LIST_LIMIT, &all, err))
        return false;
    q->json = json_array();
    json_array_foreach(all, i, row)
    {
        const char *version = json_string_value(json_object_get(row, "version"));
        if (version && strcmp(version, q->c->version) == 0)
            json_array_append(q->json, row);
    }
    json_decref(all);
    return true;
}

static bool of_version(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    bool ok = db_read(c->api->db, of_version_in, &q, err);
    if (ok)
        call_json(c, json_incref(q.json));
    fresh(&q);
    return ok;
}

// ---- files beside a film

static bool film_facts(struct db_tx *tx, struct asking *q, const char *film, struct error *err)
{
    json_t *asset;
    if (!asset_get(tx, film, &asset, err))
        return false;
    json_decref(q->facts);
    q->facts = json_incref(json_object_get(json_object_get(asset, "version"), "facts"));
    json_decref(asset);
    return true;
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return film_facts(tx, q, q->c->asset, err) &&
           beside_sources(tx, q->c->asset, q->c->arena, &q->list, &q->count, err);
}

static json_t *row_of(struct asking *q, struct beside_source *s)
{
    json_t *rows = NULL;
    struct error why;
    bool fits;
    json_t *to =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "asset", s->asset, "kind", s->kind,
                  "name", s->name, "version", s->version, "number", (json_int_t)s->number, "size",
                  (json_int_t)s->size, "by", s->by, "created", clock_text(s->linked_ms).text);
    error_clear(&why);
    if (!beside_check(q->c->api->store, s, q->facts, &rows, &fits, &why)) {
        json_object_set_new(to, "problem",
                            json_string(arena_format(q->c->arena, "%s: %s", why.what, why.why)));
        fits = false;
    }
    json_object_set_new(to, "fits", json_boolean(fits));
    json_object_set_new(to, "fit", rows ? rows : json_array());
    return to;
}

static bool answer_list(struct asking *q)
{
    json_t *list = json_array();
    for (size_t i = 0; i < q->count; i++)
        json_array_append_new(list, row_of(q, &q->list[i]));
    call_json(q->c, list);
    fresh(q);
    return true;
}

static bool beside_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_read(c->api->db, list_in, &q, err) && answer_list(&q);
}

static bool candidate_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return film_facts(tx, q, q->c->asset, err) &&
           beside_candidate(tx, body_text(q->c, "file"), q->c->arena, &q->one, err);
}

static bool link_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return beside_link(tx, &q->one, q->c->asset, q->c->who.name, clock_now_ms(), err) &&
           call_audit(q->c, tx, "beside.linked", q->c->asset, q->one.name, err) &&
           list_in(tx, q, err);
}

// What is neither of them is refused; one that does not fit is kept, and says why.
static bool beside_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    json_t *rows = NULL;
    bool fits, ok = db_read(c->api->db, candidate_in, &q, err) &&
                    beside_check(c->api->store, &q.one, q.facts, &rows, &fits, err) &&
                    db_write(c->api->db, link_in, &q, err);
    json_decref(rows);
    if (ok)
        return answer_list(&q);
    fresh(&q);
    return false;
}

static bool unlink_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return beside_unlink(tx, q->c->asset, err) &&
           call_audit(q->c, tx, "beside.unlinked", q->c->asset, "", err);
}

static bool beside_delete(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_write(c->api->db, unlink_in, &q, err);
}

const struct route beside_routes[] = {
    {"GET", "/deliveries/{delivery}/look", MAY_VIEW, look_show, NULL, "DeliveryLook", 0,
     "its proxies, and of which frame of the master each of its frames is", NULL},
    {"POST", "/deliveries/{delivery}/look", MAY_VIEW, look_post, NULL, "DeliveryLook", 0,
     "has its proxies made, unless they are there", NULL},
    {"GET", "/versions/{version}/deliveries", MAY_VIEW, of_version, NULL, "Delivery[]", 0,
     "what was made of it, newest first", NULL},
    {"GET", "/assets/{asset}/beside", MAY_VIEW, beside_get, NULL, "Beside[]", 0,
     "files that go beside the film unchanged, and how they fit", NULL},
    {"POST", "/assets/{asset}/beside", MAY_EDIT, beside_post, "NewBeside", "Beside[]", 0,
     "puts a file (an asset of the project) beside the film", NULL},
    {"DELETE", "/assets/{asset}/beside", MAY_EDIT, beside_delete, NULL, NULL, 0,
     "takes such a file off its film", NULL},
};
const size_t beside_route_count = sizeof(beside_routes) / sizeof(beside_routes[0]);
