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
    call_json(c, json_pack("{s:s, s:s, s:s, s:i}", "house", self, "name", c->api->wish.house_name,
                           "version", c->api->wish.version, "parcels", PARCEL_FORMAT));
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

static bool wanted_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *places;
    json_fresh(&q->json);
    if (!parcel_wants(tx, q->self, q->c->project, body_field(q->c, "versions"), &places, err))
        return false;
    q->json = json_pack("{s:o}", "wanted", places);
    return true;
}

static bool wanted_post(struct call *c, struct error *err)
{
    if (json_array_size(body_field(c, "versions")) > PARCEL_WANTS_MOST)
        return error_set(err, ERROR_TOO_BIG, "at most %d versions are asked for at once",
                         PARCEL_WANTS_MOST);
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
    struct parcel_wish w = {.self = q->self,
                            .project = q->c->project,
                            .transfer = q->c->transfer,
                            .who = &q->c->who,
                            .may = q->c->may,
                            .parcel = q->parcel};
    json_fresh(&q->json);
    return parcel_take(tx, &w, &q->json, err);
}

static bool take_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    bool ok = houses_self(c->api->db, q.self, err) && document_read(&q, err) &&
              db_write(c->api->db, take_in, &q, err);
    json_decref(q.parcel);
    return call_answer(c, &q.json, ok);
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
     "ParcelWanted", ROUTE_READS, "which of these versions are not here, by place in the list",
     NULL},
    {"POST", "/transfers/{transfer}/parcels", MAY_UPLOAD, take_post, "ParcelPlace", "ParcelTaken",
     0, "takes an asset by its document, whose files this transfer brought", NULL},
    {"POST", "/transfers/{transfer}/parcels/receipt", MAY_UPLOAD, receipt_post, "ParcelFrom",
     "SignedReceipt", ROUTE_READS, "what this transfer's parcels brought, signed", NULL},
};
const size_t parcel_route_count = sizeof(parcel_routes) / sizeof(parcel_routes[0]);
