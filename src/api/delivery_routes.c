// Deliverables: profiles, what was made by them, and taking it out.
#include "api/inside.h"
#include "formats/profile/burn.h"
#include "formats/profile/hdr.h"
#include "formats/profile/profile.h"
#include "house/assets/assets.h"
#include "house/captions/captions.h"
#include "house/deliver/beside.h"
#include "house/deliver/deliver.h"
#include "house/deliver/record.h"
#include "house/deliver/sending.h"
#include "house/qc/reports.h"
#include "plat/clock.h"
#include "store/store.h"

#include <string.h>

struct asking {
    struct call *c;
    json_t *profile, *json, *list;
    int limit;
    int64_t number;
    struct delivery_file file;
    struct caption_source *captions; // attached to the version's asset
    size_t caption_count;
    struct beside_source *beside; // that go along unchanged
    size_t beside_count;
};

static void fresh(struct asking *q)
{
    json_decref(q->json);
    q->json = NULL;
}

static const char *folder_of(struct call *c, struct error *err)
{
    const char *folder = c->api->wish.profiles_folder;
    if (!folder)
        error_set(err, ERROR_NOT_FOUND, "this house has no profiles");
    return folder;
}

static bool profiles_get(struct call *c, struct error *err)
{
    json_t *list;
    const char *folder = folder_of(c, err);
    if (!folder || !profile_list(folder, &list, err))
        return false;
    call_json(c, list);
    return true;
}

static bool facts_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct version_source v;
    fresh(q);
    if (!version_source(tx, q->c->version, q->c->arena, &v, err))
        return false;
    q->json = v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    if (q->json)
        return true;
    error_set(err, ERROR_CONFLICT, "what %s can become is not known yet", v.name);
    error_why(err, "the house has not looked into it, or could not");
    return error_fix(err, "wait until it is ready, or see what its job says");
}

// With the captions that were brought for it, and what was told of its light.
static bool supplied_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *list;
    struct record_light told;
    struct hdr_display d;
    struct hdr_light l;
    if (!facts_in(tx, q, err) || !captions_list(tx, q->c->asset, &list, err))
        return false;
    if (!record_light_told(tx, q->c->asset, &told, err)) {
        json_decref(list);
        return false;
    }
    struct error ignored;
    bool display = *told.display && hdr_display_parse(told.display, &d, &ignored),
         light = *told.light && hdr_light_parse(told.light, &l, &ignored);
    if (display || light)
        hdr_state(q->json, display ? &d : NULL, light ? &l : NULL);
    profile_supply(q->json, list);
    json_decref(list);
    return true;
}

// Quality control that a profile asks for is in the way like anything else of the master.
static bool judged_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    size_t i;
    json_t *row;
    json_array_foreach(q->list, i, row)
    {
        const char *rules = json_string_value(json_object_get(row, "qc"));
        struct error why;
        bool cleared = true;
        if (rules && !qc_cleared(tx, q->c->version, rules, &cleared, &why, err))
            return false;
        if (!rules)
            continue;
        json_array_append_new(json_object_get(row, "fit"),
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "what", "quality control",
                                        "wanted", rules, "seen", cleared ? "passed" : why.why,
                                        "state", cleared ? "ok" : "no", "fix",
                                        cleared ? "" : why.fix));
        if (!cleared)
            json_object_set_new(row, "state", json_string("no"));
    }
    return true;
}

static bool readiness_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *folder = folder_of(c, err);
    bool ok = folder && db_read(c->api->db, supplied_in, &q, err) &&
              profile_readiness(folder, q.json, &q.list, err);
    json_decref(q.json);
    if (ok && db_read(c->api->db, judged_in, &q, err))
        call_json(c, json_incref(q.list));
    else
        ok = false;
    json_decref(q.list);
    return ok;
}

static bool destination_there(struct db_tx *tx, const char *destination, struct error *err)
{
    json_t *json;
    bool ok = !destination || destination_get(tx, destination, &json, err);
    if (ok && destination)
        json_decref(json);
    return ok;
}

static bool make_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *captions = captions_frozen(q->captions, q->caption_count);
    struct delivery_wish wish = {
        .version = q->c->version,
        .by = q->c->who.name,
        .person = q->c->who.person,
        .profile = q->profile,
        .rules = arena_format(q->c->arena, "%s/../rules/metadata", q->c->api->wish.profiles_folder),
        .destination = body_text(q->c, "destination"),
        .naming = body_field(q->c, "naming"),
        .beside = q->beside,
        .beside_count = q->beside_count,
        .captions = captions};
    id made;
    fresh(q);
    bool ok = destination_there(tx, wish.destination, err) &&
              delivery_order(tx, &wish, clock_now_ms(), &made, err);
    json_decref(captions);
    return ok &&
           call_audit(q->c, tx, "delivery.made", made.text,
                      json_string_value(json_object_get(q->profile, "name")), err) &&
           delivery_get(tx, made.text, &q->json, err);
}

// What this order adds to the profile.
static bool add_wishes(struct call *c, json_t *profile, struct error *err)
{
    const char *burn = body_text(c, "burn");
    return (!burn || !*burn || profile_burn(profile, burn, err)) &&
           hdr_order(profile, body_text(c, "mastering_display"), body_text(c, "light"), err) &&
           profile_check(profile, "with what is added to it", err);
}

// Captions of another programme are refused before anything is encoded.
static bool captions_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return facts_in(tx, q, err) &&
           captions_sources(tx, q->c->asset, q->c->arena, &q->captions, &q->caption_count, err);
}

static bool chosen(const json_t *wanted, const struct beside_source *s, const json_t *profile)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(wanted))
        return beside_goes(s->kind, profile);
    json_array_foreach(wanted, i,
                       one) if (strcmp(json_string_value(one), s->asset) == 0) return true;
    return false;
}

static bool beside_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct beside_source *all;
    size_t count;
    const json_t *wanted = body_field(q->c, "beside");
    if (!facts_in(tx, q, err) || !beside_sources(tx, q->c->asset, q->c->arena, &all, &count, err))
        return false;
    q->beside = all;
    q->beside_count = 0;
    for (size_t i = 0; i < count; i++)
        if (chosen(wanted, &all[i], q->profile))
            all[q->beside_count++] = all[i];
    if (json_is_array(wanted) && json_array_size(wanted) > q->beside_count)
        return error_set(err, ERROR_NOT_FOUND, "one of the files does not go beside this film");
    return true;
}

// What does not fit its film is refused before anything is encoded.
static bool beside_suits(struct asking *q, struct error *err)
{
    return db_read(q->c->api->db, beside_in, q, err) &&
           beside_fits(q->c->api->store, q->beside, q->beside_count, q->json, err);
}

static bool captions_fit(struct asking *q, struct error *err)
{
    json_t *plan = NULL;
    struct arena *a = arena_open(CAPTIONS_ARENA_BYTES);
    bool ok = db_read(q->c->api->db, captions_in, q, err) &&
              captions_plan(q->c->api->store, q->captions, q->caption_count, q->profile, q->json,
                            NULL, a, &plan, err);
    arena_close(a);
    json_decref(plan);
    return ok;
}

static bool deliveries_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *folder = folder_of(c, err);
    struct profile_request asked = {body_text(c, "profile"), body_text(c, "map"),
                                    body_text(c, "loudness"), body_text(c, "limiter"),
                                    body_text(c, "conform"), body_text(c, "pitch")};
    if (!folder || !profile_requested(folder, &asked, clock_now_ms(), &q.profile, err))
        return false;
    bool ok = add_wishes(c, q.profile, err) && captions_fit(&q, err) && beside_suits(&q, err) &&
              db_write(c->api->db, make_in, &q, err);
    json_decref(q.profile);
    if (ok)
        call_json(c, q.json);
    else
        json_decref(q.json);
    return ok;
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return delivery_list(tx, q->c->project, q->limit, &q->json, err);
}

static bool deliveries_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!call_limit(c, &q.limit, err) || !db_read(c->api->db, list_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

static bool get_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return delivery_get(tx, q->c->delivery, &q->json, err);
}

static bool delivery_show(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!db_read(c->api->db, get_in, &q, err))
        return false;
    call_json(c, q.json);
    return true;
}

// ---- the bytes

struct holding {
    struct store *store;
    const struct store_map *map;
};

static void let_go(void *context)
{
    struct holding *h = context;
    store_map_close(h->store, h->map);
}

static bool file_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return delivery_file(tx, q->c->delivery, q->number, q->c->arena, &q->file, err);
}

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {{".mp4", "video/mp4"},
                                           {".mov", "video/quicktime"},
                                           {".mxf", "application/mxf"},
                                           {".wav", "audio/wav"},
                                           {".m3u8", "application/vnd.apple.mpegurl"},
                                           {".mpd", "application/dash+xml"},
                                           {".vtt", "text/vtt"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (text_ends(text_of(name), types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static bool give_file(struct call *c, int64_t number, struct error *err)
{
    struct asking q = {.c = c, .number = number};
    struct holding *h = ARENA_NEW(c->arena, struct holding);
    h->store = c->api->store;
    if (!db_read(c->api->db, file_in, &q, err) ||
        !store_map_open(h->store, &q.file.content, &h->map, err))
        return false;
    struct file_run *runs = ARENA_ARRAY(c->arena, struct file_run, h->map->count + 1);
    for (size_t i = 0; i < h->map->count; i++)
        runs[i] =
            (struct file_run){h->map->runs[i].fd, h->map->runs[i].offset, h->map->runs[i].length};
    call_files(c,
               &(struct file_answer){
                   .runs = runs,
                   .count = h->map->count,
                   .type = type_of(q.file.name),
                   .etag = arena_format(c->arena, "\"%s\"", sha256_text(&q.file.content).text),
                   .release = let_go,
                   .context = h},
               q.file.name);
    return true;
}

static bool delivery_bytes(struct call *c, struct error *err)
{
    return give_file(c, -1, err);
}

static bool delivery_one(struct call *c, struct error *err)
{
    return give_file(c, c->number, err);
}

static bool delivery_zip(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    bool ok =
        db_read(c->api->db, get_in, &q, err) &&
        zip_delivery(c, c->delivery,
                     arena_text(c->arena, json_string_value(json_object_get(q.json, "name"))), err);
    json_decref(q.json);
    return ok;
}

const struct route delivery_routes[] = {
    {"GET", "/profiles", NEED_PERSON, profiles_get, NULL, "Profile[]", 0,
     "what versions can be made into", NULL},
    {"GET", "/versions/{version}/readiness", MAY_VIEW, readiness_get, NULL, "Readiness[]", 0,
     "every profile, and what the version lacks to become it", NULL},
    {"POST", "/versions/{version}/deliveries", MAY_DELIVER, deliveries_post, "NewDelivery",
     "Delivery", 0, "makes a version into a profile", NULL},
    {"GET", "/projects/{project}/deliveries", MAY_VIEW, deliveries_get, NULL, "Delivery[]", 0,
     "newest first", NULL},
    {"GET", "/deliveries/{delivery}", MAY_VIEW, delivery_show, NULL, "Delivery", 0,
     "how far it is, and what was found in it", NULL},
    {"GET", "/deliveries/{delivery}/bytes", MAY_DOWNLOAD, delivery_bytes, NULL, "bytes", 0,
     "the file; CONFLICT when it is several", NULL},
    {"GET", "/deliveries/{delivery}/files/{number}", MAY_DOWNLOAD, delivery_one, NULL, "bytes", 0,
     "one of its files, from 0", NULL},
    {"GET", "/deliveries/{delivery}/zip", MAY_DOWNLOAD, delivery_zip, NULL, "bytes", 0,
     "all of its files as one archive, by ranges", NULL},
};
const size_t delivery_route_count = sizeof(delivery_routes) / sizeof(delivery_routes[0]);
