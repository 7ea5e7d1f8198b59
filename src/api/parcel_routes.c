// House to house: the other houses, what goes there and comes from there, and what they ask of us.
#include "api/inside.h"
#include "house/parcels/parcels.h"
#include "plat/clock.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

struct asking {
    struct call *c;
    char self[27];
    json_t *json, *parcel;
    sha256 digests[PARCEL_TOGETHER_MOST]; // of what is taken
    id made;
    sha256 content;
    int64_t size;
    bool there;
    struct other_house other;
};

static bool reading(struct call *c, db_work *in, struct error *err)
{
    struct asking q = {.c = c};
    return houses_self(c->api->db, q.self, err) && call_read(c, in, &q, &q.json, err);
}

static bool writing(struct call *c, db_work *in, struct error *err)
{
    struct asking q = {.c = c};
    return houses_self(c->api->db, q.self, err) && call_write(c, in, &q, &q.json, err);
}

// ---- other houses

static bool self_get(struct call *c, struct error *err)
{
    char self[27];
    if (!houses_self(c->api->db, self, err))
        return false;
    call_json(c, json_pack("{s:s, s:s, s:s, s:i, s:i}", "house", self, "name",
                           c->api->wish.house_name, "version", c->api->wish.version, "parcels",
                           PARCEL_FORMAT, "parcels_together", PARCEL_TOGETHER_MOST));
    return true;
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return houses_list(tx, q->c->who.admin, &q->json, err);
}

static bool houses_show(struct call *c, struct error *err)
{
    return reading(c, list_in, err);
}

static bool add_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    const struct seal *seal = call_seal(c, err);
    struct house_wish w = {.name = body_text(c, "name"),
                           .url = body_text(c, "url"),
                           .fingerprint = body_text(c, "fingerprint"),
                           .token = body_text(c, "token"),
                           .by = c->who.name};
    json_fresh(&q->json);
    return seal && houses_add(tx, seal, &w, clock_now_ms(), &q->made, err) &&
           call_audit(c, tx, "house.added", q->made.text, w.name, err) &&
           houses_get(tx, q->made.text, &q->json, err);
}

static bool house_post(struct call *c, struct error *err)
{
    return writing(c, add_in, err);
}

static bool forget_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    q->json = json_object();
    return houses_forget(tx, q->c->house, err) &&
           call_audit(q->c, tx, "house.forgotten", q->c->house, NULL, err);
}

static bool house_remove(struct call *c, struct error *err)
{
    return writing(c, forget_in, err);
}

static bool open_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const struct seal *seal = call_seal(q->c, err);
    return seal && houses_open(tx, seal, q->c->house, q->c->arena, &q->other, err);
}

static bool house_test(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    json_t *said = NULL;
    if (!db_read(c->api->db, open_in, &q, err) ||
        !houses_try(&q.other, c->api->wish.version, &said, err))
        return false;
    json_object_del(said, "together");
    call_json(c, said);
    return true;
}

// ---- orders

static bool order_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    const char *there = body_text(c, "there");
    struct parcel_order o = {.project = c->project,
                             .house = body_text(c, "house"),
                             .in = strcmp(body_text(c, "way"), "in") == 0,
                             .there = there ? there : "",
                             .assets = body_field(c, "assets"),
                             .paths = body_field(c, "paths"),
                             .person = c->who.person,
                             .by = c->who.name};
    json_fresh(&q->json);
    return parcel_make(tx, &o, clock_now_ms(), &q->made, err) &&
           call_audit(c, tx, o.in ? "parcel.fetched" : "parcel.sent", q->made.text, o.there, err) &&
           parcel_get(tx, q->made.text, &q->json, err);
}

// Out needs what a download needs. In shows what the account there sees, which is the house's, not
// the person's: an administrator's.
static bool order_post(struct call *c, struct error *err)
{
    bool in = strcmp(body_text(c, "way"), "in") == 0;
    unsigned need = in ? MAY_UPLOAD : MAY_DOWNLOAD;
    if ((c->may & need) != need)
        return call_denied(c, need, err);
    if (in && !c->who.admin) {
        error_set(err, ERROR_DENIED, "only an administrator fetches from another house");
        error_why(err, "the account there may show more than this project's people may see");
        return error_fix(err, "ask an administrator of this house, or have it sent from there");
    }
    return writing(c, order_in, err);
}

static bool orders_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return parcel_list(tx, q->c->project, &q->json, err);
}

static bool orders_get(struct call *c, struct error *err)
{
    return reading(c, orders_in, err);
}

static bool one_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return parcel_get(tx, q->c->parcel, &q->json, err);
}

static bool order_get(struct call *c, struct error *err)
{
    return reading(c, one_in, err);
}

static bool paper_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return parcel_receipt_of(tx, q->c->parcel, &q->json, err);
}

static bool paper_get(struct call *c, struct error *err)
{
    return reading(c, paper_in, err);
}

// ---- what another house asks of this one

static bool pack_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return parcel_pack(tx, q->self, q->c->api->wish.house_name, q->c->asset, &q->json, err);
}

static bool parcel_show(struct call *c, struct error *err)
{
    return reading(c, pack_in, err);
}

// What is known of an asset has some rows for each of these: so many at once are enough.
enum { MANY_THINGS = 20000 };

static size_t things_of(const json_t *document)
{
    size_t i, count = json_array_size(json_object_get(document, "notes"));
    const json_t *one;
    json_array_foreach(json_object_get(document, "versions"), i, one) count +=
        1 + json_array_size(json_object_get(one, "files"));
    return count;
}

static bool many_one(struct asking *q, struct db_tx *tx, const char *asset, size_t *things,
                     struct error *err)
{
    json_t *document;
    int64_t here = 0;
    if (!db_one_int(tx, &here, 0, err, "select count(*) from assets where id = ?1 and project = ?2",
                    "ss", asset, q->c->project))
        return false;
    if (!here)
        return error_set(err, ERROR_NOT_FOUND, "there is no such asset in the project");
    if (!parcel_pack(tx, q->self, q->c->api->wish.house_name, asset, &document, err))
        return false;
    *things += things_of(document);
    json_array_append_new(q->json, document);
    return true;
}

static bool many_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const json_t *assets = body_field(q->c, "assets");
    size_t things = 0;
    json_fresh(&q->json);
    q->json = json_array();
    for (size_t i = 0; i < json_array_size(assets) && things < MANY_THINGS; i++)
        if (!many_one(q, tx, json_string_value(json_array_get(assets, i)), &things, err))
            return false;
    return true;
}

static bool too_many(struct error *err, const char *what, int most)
{
    return error_set(err, ERROR_TOO_BIG, "at most %d %s are asked for at once", most, what);
}

static bool many_post(struct call *c, struct error *err)
{
    if (json_array_size(body_field(c, "assets")) > PARCEL_TOGETHER_MOST)
        return too_many(err, "assets", PARCEL_TOGETHER_MOST);
    return reading(c, many_in, err);
}

static struct parcel_wish wish_of(const struct asking *q)
{
    return (struct parcel_wish){.self = q->self,
                                .project = q->c->project,
                                .transfer = q->c->transfer,
                                .who = &q->c->who,
                                .may = q->c->may,
                                .parcel = q->parcel,
                                .digest = q->digests[0]};
}

static bool wanted_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct parcel_wish w = wish_of(q);
    json_t *places, *unseen;
    json_fresh(&q->json);
    if (!parcel_wants(tx, q->self, q->c->project, body_field(q->c, "versions"), &places, err))
        return false;
    if (!parcel_unseen(tx, &w, body_field(q->c, "documents"), &unseen, err)) {
        json_decref(places);
        return false;
    }
    q->json = json_pack("{s:o, s:o}", "wanted", places, "documents", unseen);
    return true;
}

static bool wanted_post(struct call *c, struct error *err)
{
    if (json_array_size(body_field(c, "versions")) > PARCEL_WANTS_MOST)
        return too_many(err, "versions", PARCEL_WANTS_MOST);
    if (json_array_size(body_field(c, "documents")) > PARCEL_WANTS_MOST)
        return too_many(err, "documents", PARCEL_WANTS_MOST);
    return reading(c, wanted_in, err);
}

static bool document_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    size_t size = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select content, size from transfer_files where transfer = ?1 and path = ?2 and "
                 "state = 'stored'",
                 "ss", q->c->transfer, body_text(q->c, "path"));
    q->there = db_next(rows);
    if (q->there) {
        const void *at = db_blob(rows, 0, &size);
        q->size = db_int(rows, 1);
        if (at && size == SHA256_SIZE)
            memcpy(q->content.at, at, size);
    }
    return db_end(rows, err);
}

static bool document_read(struct asking *q, struct error *err)
{
    const struct store_map *map = NULL;
    if (!db_read(q->c->api->db, document_in, q, err))
        return false;
    if (!q->there)
        return error_set(err, ERROR_NOT_FOUND, "the document has not arrived");
    if (q->size > PARCEL_BYTES)
        return error_set(err, ERROR_TOO_BIG, "the document is larger than it may be");
    char *bytes = malloc((size_t)q->size + 1);
    bool ok = bytes || error_set(err, ERROR_TOO_MANY, "there is no memory for it now");
    ok = ok && store_map_open(q->c->api->store, &q->content, &map, err) &&
         store_map_read(map, 0, bytes, (size_t)q->size, err) &&
         parcel_read((text){bytes, (size_t)q->size}, &q->parcel, err);
    store_map_close(q->c->api->store, map);
    free(bytes);
    return ok;
}

static bool take_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct parcel_wish w = wish_of(q);
    json_fresh(&q->json);
    return parcel_take(tx, &w, &q->json, err);
}

static bool take_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    bool ok = houses_self(c->api->db, q.self, err) && document_read(&q, err);
    if (ok) {
        q.digests[0] = parcel_digest(q.parcel, NULL);
        ok = db_write(c->api->db, take_in, &q, err);
    }
    json_decref(q.parcel);
    return call_answer(c, &q.json, ok);
}

// All of them or none: whoever sends tells by taking them one by one which it was.
static bool together_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct parcel_wish w = wish_of(q);
    size_t i;
    const json_t *one;
    json_fresh(&q->json);
    q->json = json_array();
    json_array_foreach(body_field(q->c, "documents"), i, one)
    {
        json_t *taken = NULL;
        w.parcel = one;
        w.digest = q->digests[i];
        if (!parcel_take(tx, &w, &taken, err))
            return false;
        json_array_append_new(q->json, taken);
    }
    return true;
}

static bool together_post(struct call *c, struct error *err)
{
    const json_t *documents = body_field(c, "documents"), *one;
    size_t i;
    struct asking q = {.c = c};
    if (json_array_size(documents) > PARCEL_TOGETHER_MOST)
        return too_many(err, "documents", PARCEL_TOGETHER_MOST);
    json_array_foreach(documents, i, one)
    {
        if (!parcel_check(one, err))
            return false;
        q.digests[i] = parcel_digest(one, NULL);
    }
    return houses_self(c->api->db, q.self, err) && call_write(c, together_in, &q, &q.json, err);
}

static bool receipt_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return parcel_receipt(tx, q->c->api->wish.sign, q->c->transfer, q->c->api->wish.house_name,
                          body_text(q->c, "from"), &q->json, err);
}

static bool receipt_post(struct call *c, struct error *err)
{
    return reading(c, receipt_in, err);
}

const struct route parcel_routes[] = {
    {"GET", "/houses/self", NEED_PERSON, self_get, NULL, "HouseSelf", 0,
     "this house, as others know it", NULL},
    {"GET", "/houses", NEED_PERSON, houses_show, NULL, "House[]", 0,
     "other houses, by name; address and fingerprint for administrators", NULL},
    {"POST", "/houses", NEED_ADMIN, house_post, "NewHouse", "House", 0,
     "adds one; the token is kept sealed", NULL},
    {"POST", "/houses/{house}/test", NEED_ADMIN, house_test, NULL, "HouseSaid", ROUTE_READS,
     "asks it who it is", NULL},
    {"DELETE", "/houses/{house}", NEED_ADMIN, house_remove, NULL, NULL, 0,
     "forgets it and its token", NULL},
    {"GET", "/projects/{project}/parcels", MAY_VIEW, orders_get, NULL, "Parcel[]", 0,
     "what went to other houses and came from them, newest first", NULL},
    {"POST", "/projects/{project}/parcels", MAY_VIEW, order_post, "NewParcel", "Parcel", 0,
     "sends to another house (way out, needs download) or fetches from one (way in, an "
     "administrator)",
     NULL},
    {"GET", "/parcels/{parcel}", MAY_VIEW, order_get, NULL, "Parcel", 0, "how it stands", NULL},
    {"GET", "/parcels/{parcel}/receipt", MAY_VIEW, paper_get, NULL, "SignedReceipt", 0,
     "what the receiving house signed", NULL},
    {"GET", "/assets/{asset}/parcel", MAY_DOWNLOAD, parcel_show, NULL, "ParcelDocument", 0,
     "all that is known of an asset, for another house (docs/formats/parcel.md)", NULL},
    {"POST", "/projects/{project}/parcels/wanted", MAY_UPLOAD, wanted_post, "ParcelAsk",
     "ParcelWanted", ROUTE_READS,
     "which of these versions are not here, and of which assets more is known, by place", NULL},
    {"POST", "/projects/{project}/parcels/documents", MAY_DOWNLOAD, many_post, "ParcelMany",
     "ParcelDocument[]", ROUTE_READS,
     "what is known of some assets, in their order; of very large ones fewer than were asked for",
     NULL},
    {"POST", "/transfers/{transfer}/parcels/together", MAY_UPLOAD, together_post, "ParcelTogether",
     "ParcelTaken[]", 0, "takes many, whose files this transfer brought: all of them or none",
     NULL},
    {"POST", "/transfers/{transfer}/parcels", MAY_UPLOAD, take_post, "ParcelPlace", "ParcelTaken",
     0, "takes an asset by its document, whose files this transfer brought", NULL},
    {"POST", "/transfers/{transfer}/parcels/receipt", MAY_UPLOAD, receipt_post, "ParcelFrom",
     "SignedReceipt", ROUTE_READS, "what this transfer's parcels brought, signed", NULL},
};
const size_t parcel_route_count = sizeof(parcel_routes) / sizeof(parcel_routes[0]);
