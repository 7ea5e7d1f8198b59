// Out of the house: destinations, sendings, what outlets say, who is told, watch rules.
#include "api/inside.h"
#include "farend/farend.h"
#include "formats/profile/hdr.h"
#include "house/deliver/deliver.h"
#include "house/deliver/hooks.h"
#include "house/deliver/sending.h"
#include "house/deliver/watch.h"
#include "offload/receipt.h"
#include "plat/clock.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

struct asking {
    struct call *c;
    json_t *json, *profile;
    int limit;
    id made;
    char secret[44], sending[27];
    const char *key;
    int64_t number;
    struct sending_file file;
    struct destination destination;
};

static bool reading(struct call *c, db_work *in, struct error *err)
{
    struct asking q = {.c = c};
    return call_read(c, in, &q, &q.json, err);
}

static bool writing(struct call *c, db_work *in, struct error *err)
{
    struct asking q = {.c = c};
    return call_write(c, in, &q, &q.json, err);
}

// ---- destinations

static bool kinds_get(struct call *c, struct error *err)
{
    (void)err;
    call_json(c, farend_kinds());
    return true;
}

static bool destinations_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return destination_list(tx, q->c->who.admin, &q->json, err);
}

static bool destinations_get(struct call *c, struct error *err)
{
    return reading(c, destinations_in, err);
}

static struct destination_wish wish_of(struct call *c)
{
    return (struct destination_wish){.name = body_text(c, "name"),
                                     .kind = body_text(c, "kind"),
                                     .settings = body_field(c, "settings"),
                                     .secrets = body_field(c, "secrets"),
                                     .by = c->who.name};
}

static bool destination_make_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    struct destination_wish w = wish_of(c);
    const struct seal *seal = call_seal(c, err);
    json_fresh(&q->json);
    return seal &&
           destination_make(tx, seal, c->api->wish.senders_folder, &w, clock_now_ms(), &q->made,
                            err) &&
           call_audit(c, tx, "destination.made", q->made.text, w.name, err) &&
           destination_get(tx, q->made.text, &q->json, err);
}

static bool destination_post(struct call *c, struct error *err)
{
    return writing(c, destination_make_in, err);
}

static bool destination_change_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    struct destination_wish w = wish_of(c);
    const struct seal *seal = call_seal(c, err);
    json_fresh(&q->json);
    return seal &&
           destination_change(tx, seal, c->api->wish.senders_folder, c->destination, &w,
                              clock_now_ms(), err) &&
           call_audit(c, tx, "destination.changed", c->destination, w.name, err) &&
           destination_get(tx, c->destination, &q->json, err);
}

static bool destination_patch(struct call *c, struct error *err)
{
    return writing(c, destination_change_in, err);
}

static bool destination_drop_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    q->json = json_object();
    return destination_drop(tx, q->c->destination, err) &&
           call_audit(q->c, tx, "destination.removed", q->c->destination, NULL, err);
}

static bool destination_remove(struct call *c, struct error *err)
{
    return writing(c, destination_drop_in, err);
}

static bool destination_open_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const struct seal *seal = call_seal(q->c, err);
    destination_close(&q->destination);
    return seal && destination_open(tx, seal, q->c->destination, q->c->arena, &q->destination, err);
}

static bool destination_try(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *said = "";
    bool ok = db_read(c->api->db, destination_open_in, &q, err) &&
              farend_test(q.destination.kind, q.destination.settings, q.destination.secrets,
                          c->api->wish.senders_folder, c->arena, &said, err);
    if (ok)
        call_json(c, json_pack("{s:s}", "answer", said));
    destination_close(&q.destination);
    return ok;
}

// ---- sendings

static bool send_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    json_t *sending;
    bool anyway = body_bool(c, "anyway", false);
    struct sent_by by = {c->who.name, c->who.person};
    json_fresh(&q->json);
    if (!sending_make(tx, c->delivery, body_text(c, "destination"), anyway, &by, clock_now_ms(),
                      &q->made, q->secret, err) ||
        !call_audit(c, tx, anyway ? "delivery.sent_anyway" : "delivery.sent", c->delivery,
                    body_text(c, "destination"), err) ||
        !sending_get(tx, q->made.text, &sending, err))
        return false;
    q->json = json_pack("{s:o}", "sending", sending);
    if (*q->secret)
        json_object_set_new(q->json, "link",
                            json_string(arena_format(c->arena, "/pickup#%s", q->secret)));
    return true;
}

static bool sending_post(struct call *c, struct error *err)
{
    return writing(c, send_in, err);
}

static bool package_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return sending_package(tx, q->c->sending, &q->json, err);
}

static bool package_get(struct call *c, struct error *err)
{
    return reading(c, package_in, err);
}

static bool receipt_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return sending_receipt(tx, q->c->sending, &q->json, err);
}

static bool receipt_get(struct call *c, struct error *err)
{
    return reading(c, receipt_in, err);
}

// As the receipt of an offload, with what is this house's own.
static bool signed_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *receipt;
    json_fresh(&q->json);
    if (!sending_receipt(tx, q->c->sending, &receipt, err))
        return false;
    json_object_set_new(receipt, "kind", json_string("delivery"));
    json_object_set_new(receipt, "made", json_time(clock_now_ms()));
    bool ok = receipt_sign(q->c->api->wish.sign, receipt, &q->json, err);
    json_decref(receipt);
    return ok;
}

static bool signs(struct call *c, struct error *err)
{
    return c->api->wish.sign || error_set(err, ERROR_NOT_FOUND, "this house signs nothing");
}

static bool signed_get(struct call *c, struct error *err)
{
    return signs(c, err) && reading(c, signed_in, err);
}

static bool key_get(struct call *c, struct error *err)
{
    uint8_t key[SIGN_PUBLIC];
    char said[RECEIPT_KEY_TEXT];
    if (!signs(c, err))
        return false;
    sign_public(c->api->wish.sign, key);
    receipt_key_text(key, said);
    call_json(c, json_pack("{s:s, s:s}", "algorithm", "Ed25519", "key", said));
    return true;
}

static bool hand_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    json_fresh(&q->json);
    return sending_by_hand(tx, c->sending, body_text(c, "note"), c->who.name, clock_now_ms(),
                           err) &&
           call_audit(c, tx, "sending.by_hand", c->sending, body_text(c, "note"), err) &&
           sending_get(tx, c->sending, &q->json, err);
}

static bool hand_post(struct call *c, struct error *err)
{
    return writing(c, hand_in, err);
}

struct holding {
    struct store *store;
    const struct store_map *map;
};

static void let_go(void *context)
{
    struct holding *h = context;
    store_map_close(h->store, h->map);
}

static bool give_file(struct call *c, const struct sending_file *f, struct error *err)
{
    const char *name = strrchr(f->name, '/');
    name = name ? name + 1 : f->name;
    if (!f->stored) {
        call_header_set(c, "Content-Disposition",
                        arena_format(c->arena, "attachment; filename=\"%s\"", name));
        call_bytes(c, "application/octet-stream", f->text.at, f->text.size);
        return true;
    }
    struct holding *h = ARENA_NEW(c->arena, struct holding);
    h->store = c->api->store;
    if (!store_map_open(h->store, &f->content, &h->map, err))
        return false;
    struct file_run *runs = ARENA_ARRAY(c->arena, struct file_run, h->map->count + 1);
    for (size_t i = 0; i < h->map->count; i++)
        runs[i] =
            (struct file_run){h->map->runs[i].fd, h->map->runs[i].offset, h->map->runs[i].length};
    call_files(c,
               &(struct file_answer){
                   .runs = runs,
                   .count = h->map->count,
                   .type = "application/octet-stream",
                   .etag = arena_format(c->arena, "\"%s\"", sha256_text(&f->content).text),
                   .release = let_go,
                   .context = h},
               name);
    return true;
}

static bool file_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return sending_file(tx, q->c->sending, q->c->number, q->c->arena, &q->file, err);
}

static bool file_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_read(c->api->db, file_in, &q, err) && give_file(c, &q.file, err);
}

// ---- fetched by a link

static bool pickup_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *package, *sending, *delivery;
    json_fresh(&q->json);
    if (!sending_of_pickup(tx, q->key, clock_now_ms(), q->sending, err) ||
        !sending_package(tx, q->sending, &package, err))
        return false;
    if (!sending_get(tx, q->sending, &sending, err)) {
        json_decref(package);
        return false;
    }
    bool ok =
        delivery_get(tx, json_string_value(json_object_get(sending, "delivery")), &delivery, err);
    if (ok) {
        q->json = json_pack("{s:O, s:O, s:O, s:O, s:O}", "name", json_object_get(delivery, "name"),
                            "profile", json_object_get(delivery, "profile"), "folder",
                            json_object_get(package, "folder"), "files",
                            json_object_get(package, "files"), "expires",
                            json_object_get(sending, "expires"));
        json_decref(delivery);
    }
    json_decref(package);
    json_decref(sending);
    return ok;
}

static bool pickup_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c, .key = body_text(c, "key")};
    return call_read(c, pickup_in, &q, &q.json, err);
}

static bool pickup_file_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return sending_of_pickup(tx, q->key, clock_now_ms(), q->sending, err) &&
           sending_file(tx, q->sending, q->c->number, q->c->arena, &q->file, err);
}

// Who takes the last byte of the film has it: a start of it is no proof, so only a whole answer
// counts.
static bool fetched_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct error other;
    if (sending_by_hand(tx, q->sending, "fetched by its link", "the link", clock_now_ms(), &other))
        return true;
    if (other.kind == ERROR_CONFLICT) // it was fetched before
        return true;
    *err = other;
    return false;
}

static bool pickup_file(struct call *c, struct error *err)
{
    const char *key = call_query(c, "key"); // it is good for this package alone, and ends
    struct asking q = {.c = c, .key = key ? key : ""};
    return db_read(c->api->db, pickup_file_in, &q, err) &&
           (!q.file.stored || call_header(c, "range") ||
            db_write(c->api->db, fetched_in, &q, err)) &&
           give_file(c, &q.file, err);
}

// ---- what outlets say

static bool states_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return delivery_states(tx, q->c->delivery, &q->json, err);
}

static bool states_get(struct call *c, struct error *err)
{
    return reading(c, states_in, err);
}

static bool state_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    const char *state = body_text(c, "state");
    json_fresh(&q->json);
    if (strcmp(state, "sent") == 0) {
        error_set(err, ERROR_INPUT, "that it was sent is written down by the house");
        return error_fix(err, "send it to a destination; one \"by hand\" if you bring it yourself");
    }
    return delivery_state_add(tx, c->delivery, state, body_text(c, "note"), NULL, c->who.name,
                              clock_now_ms(), err) &&
           call_audit(c, tx, "delivery.state", c->delivery, state, err) &&
           delivery_states(tx, c->delivery, &q->json, err);
}

static bool state_post(struct call *c, struct error *err)
{
    return writing(c, state_in, err);
}

// ---- names before they are made

static bool plan_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return delivery_plan(tx,
                         &(struct delivery_wish){.version = q->c->version,
                                                 .by = q->c->who.name,
                                                 .profile = q->profile,
                                                 .naming = body_field(q->c, "naming")},
                         clock_now_ms(), &q->json, err);
}

static bool plan_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *folder = c->api->wish.profiles_folder;
    if (!folder)
        return error_set(err, ERROR_NOT_FOUND, "this house has no profiles");
    struct profile_request asked = {.name = body_text(c, "profile"),
                                    .map = body_text(c, "map"),
                                    .loudness = body_text(c, "loudness"),
                                    .limiter = body_text(c, "limiter")};
    if (!profile_requested(folder, &asked, clock_now_ms(), &q.profile, err))
        return false;
    bool ok = hdr_order(q.profile, body_text(c, "mastering_display"), body_text(c, "light"), err) &&
              db_read(c->api->db, plan_in, &q, err);
    json_decref(q.profile);
    return call_answer(c, &q.json, ok);
}

// ---- who is told

static bool hooks_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *list;
    const char *mail = q->c->api->config ? config_text(q->c->api->config, "mail.server") : "";
    json_fresh(&q->json);
    if (!hook_list(tx, &list, err))
        return false;
    q->json = json_pack("{s:o, s:s}", "items", list, "mail_server", mail);
    return true;
}

static bool hooks_get(struct call *c, struct error *err)
{
    return reading(c, hooks_in, err);
}

static bool hook_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    const struct seal *seal = call_seal(c, err);
    struct hook_wish w = {.kind = body_text(c, "kind"),
                          .target = body_text(c, "target"),
                          .project = body_text(c, "project"),
                          .by = c->who.name};
    json_fresh(&q->json);
    if (!seal || !hook_make(tx, seal, &w, clock_now_ms(), &q->made, q->secret, err) ||
        !call_audit(c, tx, "hook.made", q->made.text, w.target, err))
        return false;
    q->json = json_pack("{s:s, s:s}", "id", q->made.text, "secret", q->secret);
    return true;
}

static bool hook_post(struct call *c, struct error *err)
{
    return writing(c, hook_in, err);
}

static bool hook_drop_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    q->json = json_object();
    return hook_drop(tx, q->c->hook, err) &&
           call_audit(q->c, tx, "hook.removed", q->c->hook, NULL, err);
}

static bool hook_remove(struct call *c, struct error *err)
{
    return writing(c, hook_drop_in, err);
}

static bool notices_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return notice_list(tx, NULL, q->limit, &q->json, err);
}

static bool notices_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return call_limit(c, &q.limit, err) && call_read(c, notices_in, &q, &q.json, err);
}

static bool again_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    q->json = json_object();
    return notice_again(tx, q->c->notice, clock_now_ms(), err);
}

static bool notice_retry(struct call *c, struct error *err)
{
    return writing(c, again_in, err);
}

// ---- watch rules

static bool rules_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return watch_rule_list(tx, q->c->project, &q->json, err);
}

static bool rules_get(struct call *c, struct error *err)
{
    return reading(c, rules_in, err);
}

static bool rule_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    struct watch_wish w = {.project = c->project,
                           .folder = body_text(c, "folder"),
                           .name = body_text(c, "name"),
                           .by = c->who.name,
                           .profiles = body_field(c, "profiles"),
                           .destination = body_text(c, "destination")};
    json_fresh(&q->json);
    return watch_rule_make(tx, &w, clock_now_ms(), &q->made, err) &&
           call_audit(c, tx, "watch_rule.made", q->made.text, w.name, err) &&
           watch_rule_list(tx, c->project, &q->json, err);
}

static bool rule_post(struct call *c, struct error *err)
{
    size_t i;
    const json_t *name;
    const char *folder = c->api->wish.profiles_folder;
    json_array_foreach(body_field(c, "profiles"), i,
                       name) // a rule that can never work is refused now
    {
        json_t *profile;
        if (!folder)
            return error_set(err, ERROR_NOT_FOUND, "this house has no profiles");
        if (!profile_load(folder, json_string_value(name), &profile, err))
            return false;
        json_decref(profile);
    }
    return writing(c, rule_in, err);
}

static bool rule_set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return watch_rule_set(tx, q->c->rule, body_bool(q->c, "enabled", true), err) &&
           watch_rule_list(tx, q->c->project, &q->json, err);
}

static bool rule_patch(struct call *c, struct error *err)
{
    return writing(c, rule_set_in, err);
}

static bool rule_drop_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    q->json = json_object();
    return watch_rule_drop(tx, q->c->rule, err) &&
           call_audit(q->c, tx, "watch_rule.removed", q->c->rule, NULL, err);
}

static bool rule_remove(struct call *c, struct error *err)
{
    return writing(c, rule_drop_in, err);
}

static bool runs_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *bad = call_query(q->c, "bad");
    json_fresh(&q->json);
    return watch_run_list(tx, q->c->project, q->c->rule, bad && strcmp(bad, "1") == 0, q->limit,
                          &q->json, err);
}

static bool runs_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return call_limit(c, &q.limit, err) && call_read(c, runs_in, &q, &q.json, err);
}

static bool rule_again_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_fresh(&q->json);
    return watch_again(tx, q->c->api->wish.profiles_folder, q->c->rule, clock_now_ms(), err) &&
           watch_run_list(tx, q->c->project, q->c->rule, false, 100, &q->json, err);
}

static bool rule_again(struct call *c, struct error *err)
{
    return writing(c, rule_again_in, err);
}

const struct route sending_routes[] = {
    {"GET", "/destination-kinds", NEED_PERSON, kinds_get, NULL, "DestinationKind[]", 0,
     "where deliverables can go, and what each kind wants to know", NULL},
    {"GET", "/destinations", NEED_PERSON, destinations_get, NULL, "Destination[]", 0,
     "where deliverables go; settings for administrators, secrets for nobody", NULL},
    {"POST", "/destinations", NEED_ADMIN, destination_post, "NewDestination", "Destination", 0,
     "makes one; its secrets are sealed and never shown again", NULL},
    {"PATCH", "/destinations/{destination}", NEED_ADMIN, destination_patch, "DestinationChange",
     "Destination", 0, "changes it; a secret that is not given stays, an empty one goes", NULL},
    {"DELETE", "/destinations/{destination}", NEED_ADMIN, destination_remove, NULL, NULL, 0,
     "takes it away", NULL},
    {"POST", "/destinations/{destination}/test", NEED_ADMIN, destination_try, NULL,
     "DestinationTest", 0, "goes there and looks whether it could write", NULL},
    {"POST", "/versions/{version}/delivery-plan", MAY_DELIVER, plan_post, "NewDeliveryPlan",
     "DeliveryPlan", 0, "what a deliverable would be called, and what goes with it", NULL},
    {"POST", "/deliveries/{delivery}/sendings", MAY_DELIVER, sending_post, "NewSending",
     "SendingMade", 0, "sends a deliverable to a destination; of a link its address, this once",
     NULL},
    {"GET", "/deliveries/{delivery}/states", MAY_VIEW, states_get, NULL, "DeliveryState[]", 0,
     "what was said of it, oldest first", NULL},
    {"POST", "/deliveries/{delivery}/states", MAY_DELIVER, state_post, "NewDeliveryState",
     "DeliveryState[]", 0, "writes down what the outlet says", NULL},
    {"GET", "/sendings/{sending}/package", MAY_VIEW, package_get, NULL, "Package", 0,
     "the files as the outlet gets them, with their digests", NULL},
    {"GET", "/sendings/{sending}/files/{number}", MAY_DOWNLOAD, file_get, NULL, "bytes", 0,
     "one file of the package, counted from 0", NULL},
    {"POST", "/sendings/{sending}/sent", MAY_DELIVER, hand_post, "SentByHand", "Sending", 0,
     "a person has brought it there", NULL},
    {"GET", "/sendings/{sending}/receipt", MAY_VIEW, receipt_get, NULL, "Receipt", 0,
     "what went, when, by whom, with which digests, how fast", NULL},
    {"GET", "/sendings/{sending}/receipt/signed", MAY_VIEW, signed_get, NULL, "SignedReceipt", 0,
     "the receipt with the house's signature, for `posthouse receipt verify`", NULL},
    {"GET", "/receipts/key", NEED_PUBLIC, key_get, NULL, "ReceiptKey", 0,
     "the public key that this house signs receipts with", NULL},
    {"POST", "/pickup", NEED_PUBLIC, pickup_post, "PickupKey", "Pickup", 0, "what is behind a link",
     NULL},
    {"GET", "/pickup/{number}", NEED_PUBLIC, pickup_file, NULL, "bytes", 0,
     "one file of it, ?key=", NULL},
    {"GET", "/hooks", NEED_ADMIN, hooks_get, NULL, "HookList", 0, "who is told of deliveries",
     NULL},
    {"POST", "/hooks", NEED_ADMIN, hook_post, "NewHook", "HookMade", 0,
     "tells an address; the secret that signs is shown this once", NULL},
    {"DELETE", "/hooks/{hook}", NEED_ADMIN, hook_remove, NULL, NULL, 0, "tells it nothing more",
     NULL},
    {"GET", "/notices", NEED_ADMIN, notices_get, NULL, "Notice[]", 0,
     "what was told to whom, newest first", NULL},
    {"POST", "/notices/{notice}/again", NEED_ADMIN, notice_retry, NULL, NULL, 0,
     "tells it once more, now", NULL},
    {"GET", "/projects/{project}/watch-rules", MAY_VIEW, rules_get, NULL, "WatchRule[]", 0,
     "what lands where becomes what", NULL},
    {"POST", "/projects/{project}/watch-rules", MAY_DELIVER, rule_post, "NewWatchRule",
     "WatchRule[]", 0, "makes a rule", NULL},
    {"PATCH", "/watch-rules/{rule}", MAY_DELIVER, rule_patch, "WatchRuleChange", "WatchRule[]", 0,
     "rests it, or lets it work again", NULL},
    {"DELETE", "/watch-rules/{rule}", MAY_DELIVER, rule_remove, NULL, NULL, 0, "takes it away",
     NULL},
    {"GET", "/projects/{project}/watch-runs", MAY_VIEW, runs_get, NULL, "WatchRun[]", 0,
     "what rules have done, newest first; ?bad=1: what they could not", NULL},
    {"POST", "/watch-rules/{rule}/again", MAY_DELIVER, rule_again, NULL, "WatchRun[]", 0,
     "asks again for what could not be asked for", NULL},
};
const size_t sending_route_count = sizeof(sending_routes) / sizeof(sending_routes[0]);
