/*
 * Carrying a parcel, out or in: the same for both but for who reads and who writes.
 *
 *   out: pack here, ask there which versions are wanted, bring their files into a transfer there,
 *        bring the document, have it taken.
 *   in:  ask there for the document, look here which versions are wanted, bring their files into a
 *        transfer here, take it.
 *
 * What is small goes many together (bundle.c), what is there as it is does not go at all.
 *
 * The transfer is found again by the parcel's id, whoever was killed: files that are stored are
 * passed over, chunks that are there are not moved. So a try that is begun again goes on at the
 * next chunk, and has nothing of its own to keep.
 */
#include "house/parcels/carry.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 12, PAGE = 500, AT_ONCE = 8 };

// ---- what became of it

static void add_to(json_t *sums, const char *name, int64_t more)
{
    json_object_set_new(sums, name, json_integer(parcel_count(sums, name) + more));
}

// "reel 2: version 3 is 4 here": when both houses made one.
static void say_order(json_t *result, const json_t *taken, const json_t *version)
{
    char line[400];
    json_t *list = json_object_get(result, "renumbered");
    if (parcel_count(version, "was") == parcel_count(version, "number") ||
        json_array_size(list) >= 100)
        return;
    snprintf(line, sizeof(line), "%.250s: version %lld is version %lld there",
             parcel_word(taken, "name"), (long long)parcel_count(version, "was"),
             (long long)parcel_count(version, "number"));
    json_array_append_new(list, json_string(line));
}

void carry_said(struct carry *c, const json_t *taken)
{
    json_t *r = c->result, *version;
    size_t i;
    add_to(r, "assets", 1);
    add_to(r, "assets_made", json_is_true(json_object_get(taken, "made")));
    add_to(r, "notes", parcel_count(taken, "notes"));
    add_to(r, "notes_changed", parcel_count(taken, "notes_changed"));
    add_to(r, "notes_gone", parcel_count(taken, "notes_gone"));
    add_to(r, "renamed", json_is_true(json_object_get(taken, "renamed")));
    add_to(r, "placed", json_is_true(json_object_get(taken, "placed")));
    add_to(r, "names_kept", json_is_true(json_object_get(taken, "names_kept")));
    add_to(r, "files", parcel_count(taken, "count"));
    add_to(r, "bytes", parcel_count(taken, "bytes"));
    add_to(r, "told_kept", strcmp(parcel_word(taken, "told"), "kept") == 0);
    json_array_foreach(json_object_get(taken, "versions"), i, version)
    {
        if (json_is_true(json_object_get(version, "made"))) {
            add_to(r, "versions", 1);
            say_order(r, taken, version);
        }
        add_to(r, "decisions", parcel_count(version, "decisions"));
    }
}

static bool carry_asset(struct carry *c, const struct planned *p, struct error *err)
{
    size_t i;
    json_t *place, *parcel = carry_document(c, p->id, err);
    const json_t *versions = json_object_get(parcel, "versions");
    json_t *places = !parcel                                    ? NULL
                     : json_array_size(versions) == p->versions ? json_incref(p->places)
                                                                : carry_wanted(c, versions, err);
    bool ok = places != NULL;
    json_array_foreach(places, i, place)
    {
        const json_t *v = json_array_get(versions, (size_t)json_integer_value(place));
        ok = ok && carry_version(c, v, err);
    }
    json_t *taken = ok ? carry_take(c, parcel, err) : NULL;
    if (taken) {
        pthread_mutex_lock(&c->lock);
        carry_said(c, taken);
        pthread_mutex_unlock(&c->lock);
    }
    json_decref(places);
    if (parcel && !taken)
        error_while(err, "%s", parcel_word(json_object_get(parcel, "asset"), "name"));
    ok = taken != NULL;
    json_decref(taken);
    json_decref(parcel);
    return ok;
}

// Several at once. First what is small, many together; then the rest, one by one, and what could
// not go together.
struct crew {
    struct carry *c;
    bool bundles;
    size_t next; // these three under the carry's lock
    bool stopped;
    struct error err;
};

// With the lock. False: nothing is left.
static bool next_bundle(struct crew *w, struct bundle *b)
{
    struct carry *c = w->c;
    for (; w->next < c->plan_count; w->next++) {
        struct planned *p = &c->plan[w->next];
        if (!p->done && bundle_fits(c, p) && !bundle_add(b, p))
            break;
    }
    return b->count != 0;
}

static struct planned *next_asset(struct crew *w)
{
    while (w->next < w->c->plan_count && w->c->plan[w->next].done)
        w->next++;
    return w->next < w->c->plan_count ? &w->c->plan[w->next++] : NULL;
}

static void *crew_work(void *context)
{
    struct crew *w = context;
    struct carry *c = w->c;
    for (;;) {
        struct error err;
        struct bundle b = {.count = 0};
        struct planned *p = NULL;
        error_clear(&err);
        pthread_mutex_lock(&c->lock);
        bool any = !w->stopped && (w->bundles ? next_bundle(w, &b) : (p = next_asset(w)) != NULL);
        pthread_mutex_unlock(&c->lock);
        if (!any)
            return NULL;
        if (w->bundles ? bundle_carry(c, &b, &err) : carry_asset(c, p, &err))
            continue;
        pthread_mutex_lock(&c->lock);
        if (!w->stopped)
            w->err = err;
        w->stopped = true;
        pthread_mutex_unlock(&c->lock);
    }
}

static bool crew_run(struct carry *c, bool bundles, int most, struct error *err)
{
    struct crew w = {.c = c, .bundles = bundles};
    pthread_t others[AT_ONCE];
    int count = 0;
    error_clear(&w.err);
    while (count < most - 1 && (size_t)count + 1 < c->plan_count &&
           pthread_create(&others[count], NULL, crew_work, &w) == 0)
        count++;
    crew_work(&w);
    for (int i = 0; i < count; i++)
        pthread_join(others[i], NULL);
    if (w.stopped)
        *err = w.err;
    return !w.stopped;
}

static bool carry_all(struct carry *c, struct error *err)
{
    for (size_t i = 0; i < c->plan_count; i++) {
        struct planned *p = &c->plan[i];
        p->done = p->unchanged && !json_array_size(p->places);
        if (p->done)
            add_to(c->result, "assets", 1);
    }
    // In: a way of its own for each version.
    return crew_run(c, true, AT_ONCE, err) && crew_run(c, false, c->in ? 1 : AT_ONCE, err);
}

// ---- which project, which assets

// Where the same went before: that project may be called otherwise by now.
struct before {
    struct carry *c;
    char project[27], name[300];
};

static bool before_in(struct db_tx *tx, void *context, struct error *err)
{
    struct before *b = context;
    struct db_rows *rows =
        db_query(tx,
                 "select result from parcels where project = ?1 and house = ?2 and way = ?3 and "
                 "there = ?4 and result is not null order by created_ms desc, id desc limit 1",
                 "ssss", b->c->project, b->c->house, b->c->in ? "in" : "out", b->c->asked);
    json_t *result = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    text_copy(text_of(parcel_word(result, "project")), b->project, sizeof(b->project));
    text_copy(text_of(parcel_word(result, "project_name")), b->name, sizeof(b->name));
    json_decref(result);
    return db_end(rows, err);
}

// A project that was made there by our name, and that nobody renamed there, is called as ours now.
// The account there may not be allowed to: then it keeps its name.
static void name_there(struct carry *c, const char *was)
{
    struct error none;
    struct reply reply;
    if (c->in || *c->asked || strcmp(was, c->there_name) != 0 || strcmp(was, c->named) == 0)
        return;
    struct arena *a = arena_open(1 << 20);
    json_t *body = json_pack("{s:s}", "name", c->named);
    char *written = must(json_dumps(body, JSON_COMPACT));
    struct call call = {.method = "PATCH",
                        .path = arena_format(a, "/api/v1/projects/%s", c->there),
                        .body = text_of(written)};
    if (carry_ask(c, &call, a, &reply, &none))
        text_copy(text_of(c->named), c->there_name, sizeof(c->there_name));
    free(written);
    json_decref(body);
    arena_close(a);
}

static void look_there(struct carry *c, const json_t *list, const char *id, const char *name,
                       int *same)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        bool is = *id && strcmp(parcel_word(one, "id"), id) == 0,
             named = *name && strcmp(parcel_word(one, "name"), name) == 0;
        *same += named;
        if (!is && !named)
            continue;
        text_copy(text_of(parcel_word(one, "id")), c->there, sizeof(c->there));
        text_copy(text_of(parcel_word(one, "name")), c->there_name, sizeof(c->there_name));
        if (is) {
            *same = 1;
            return;
        }
    }
}

static bool find_there(struct carry *c, struct error *err)
{
    struct before before = {.c = c};
    int same = 0;
    json_t *list = carry_ask_json(c, NULL, err, "/projects");
    if (!list)
        return false;
    if (!db_read(c->w->db, before_in, &before, err)) {
        json_decref(list);
        return false;
    }
    if (!*c->asked) // where it went before, whatever both are called now
        look_there(c, list, before.project, "", &same);
    if (!*c->there)
        look_there(c, list, c->named, c->named, &same);
    if (!*c->there)
        look_there(c, list, before.project, "", &same);
    json_decref(list);
    if (*c->there && strcmp(c->there, before.project) == 0)
        name_there(c, before.name);
    if (same > 1) {
        error_set(err, ERROR_CONFLICT, "%s has %d projects called %s", c->other.name, same,
                  c->named);
        return error_fix(err, "name the project by its id");
    }
    if (*c->there)
        return true;
    if (c->in) {
        error_set(err, ERROR_NOT_FOUND, "%s shows its account no project %s", c->other.name,
                  c->named);
        return error_fix(err, "have the account made a member of it there");
    }
    json_t *body = json_pack("{s:s}", "name", c->named);
    json_t *made = carry_ask_json(c, body, err, "/projects");
    text_copy(text_of(parcel_word(made, "id")), c->there, sizeof(c->there));
    text_copy(text_of(c->named), c->there_name, sizeof(c->there_name));
    json_decref(body);
    json_decref(made);
    return made &&
           (id_valid(text_of(c->there)) ||
            error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name));
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct carry *c = context;
    json_array_clear(c->ids);
    struct db_rows *rows = db_query(tx,
                                    "select id from assets where project = ?1 and deleted = 0 "
                                    "order by created_ms, id limit ?2",
                                    "si", c->project, (int64_t)PARCEL_ASSETS_MOST);
    while (db_next(rows))
        json_array_append_new(c->ids, json_string(db_text(rows, 0)));
    return db_end(rows, err);
}

static bool list_there(struct carry *c, struct error *err)
{
    char cursor[400] = "";
    do {
        json_t *page = carry_ask_json(c, NULL, err, "/projects/%s/assets?sort=created&limit=%d%s%s",
                                      c->there, PAGE, *cursor ? "&cursor=" : "", cursor),
               *one;
        size_t i;
        if (!page)
            return false;
        json_array_foreach(json_object_get(page, "items"), i, one)
            json_array_append_new(c->ids, json_string(parcel_word(one, "id")));
        bool fits = text_copy(text_of(parcel_word(page, "cursor")), cursor, sizeof(cursor));
        json_decref(page);
        if (!fits || json_array_size(c->ids) > PARCEL_ASSETS_MOST)
            return error_set(err, ERROR_TOO_BIG, "the project has too many assets for one order");
    } while (*cursor);
    return true;
}

static bool list(struct carry *c, struct error *err)
{
    if (json_array_size(c->ids))
        return true;
    return c->in ? list_there(c, err) : db_read(c->w->db, list_in, c, err);
}

static bool begin(struct carry *c, struct error *err)
{
    char key[48], name[200];
    snprintf(key, sizeof(key), "parcel %s", c->w->parcel);
    snprintf(name, sizeof(name), "from %.150s", c->in ? c->other.name : c->w->house_name);
    if (c->in)
        return transfer_begin(c->w->transfers,
                              &(struct transfer_wish){.project = c->project,
                                                      .name = name,
                                                      .origin = "job",
                                                      .key = key,
                                                      .person = c->person},
                              c->transfer, err);
    json_t *body = json_pack("{s:s, s:s, s:s}", "name", name, "origin", "job", "key", key);
    json_t *made = carry_ask_json(c, body, err, "/projects/%s/transfers", c->there);
    bool ok = made != NULL;
    text_copy(text_of(parcel_word(made, "id")), c->transfer, sizeof(c->transfer));
    if (ok && !id_valid(text_of(c->transfer)))
        ok = error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    json_decref(made);
    json_decref(body);
    if (ok)
        carry_way(c, NULL);
    return ok;
}

// ---- the order

static bool order_in(struct db_tx *tx, void *context, struct error *err)
{
    struct carry *c = context;
    json_decref(c->ids);
    json_decref(c->paths);
    c->ids = c->paths = NULL;
    struct db_rows *rows = db_query(
        tx,
        "select p.project, p.house, p.way, p.there, p.wish, p.person, coalesce(e.name, p.made_by), "
        "coalesce(e.admin, 0), coalesce(e.disabled, 1), j.name from parcels p join projects j on "
        "j.id = p.project left join people e on e.id = p.person where p.id = ?1",
        "s", c->w->parcel);
    bool there = db_next(rows), disabled = false;
    if (there) {
        text_copy(text_of(db_text(rows, 0)), c->project, sizeof(c->project));
        text_copy(text_of(db_text(rows, 1)), c->house, sizeof(c->house));
        c->in = strcmp(db_text(rows, 2), "in") == 0;
        c->asked = arena_text(c->a, db_text(rows, 3));
        c->named = *c->asked ? c->asked : arena_text(c->a, db_text(rows, 9));
        json_t *wish = json_loads(db_text(rows, 4), 0, NULL);
        c->ids = json_is_array(json_object_get(wish, "assets"))
                     ? json_incref(json_object_get(wish, "assets"))
                     : json_array();
        c->paths = json_incref(json_object_get(wish, "paths"));
        json_decref(wish);
        text_copy(text_of(db_text(rows, 5)), c->person, sizeof(c->person));
        text_copy(text_of(db_text(rows, 6)), c->by, sizeof(c->by));
        // The order was given with all that the project asks of a download.
        c->who = (struct who){.kind = WHO_PERSON,
                              .admin = db_int(rows, 7) != 0,
                              .session = "",
                              .person = c->person,
                              .name = c->by,
                              .csrf = "",
                              .factor = true};
        disabled = db_int(rows, 8) != 0;
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "the order is not there any more");
    if (!people_may(tx, &c->who, c->project, &c->may, err))
        return false;
    if (disabled || !(c->may & (c->in ? MAY_UPLOAD : MAY_DOWNLOAD))) {
        error_set(err, ERROR_DENIED, "%s may not do this any more", c->by);
        return error_fix(err, "somebody who may has to order it");
    }
    return houses_open(tx, c->w->seal, c->house, c->a, &c->other, err);
}

struct signing {
    const struct carry *c;
    json_t *receipt;
};

static bool receipt_in(struct db_tx *tx, void *context, struct error *err)
{
    struct signing *k = context;
    const struct carry *c = k->c;
    json_decref(k->receipt);
    k->receipt = NULL;
    return parcel_receipt(tx, c->w->sign, c->transfer, c->w->house_name, c->other.name, &k->receipt,
                          err);
}

static bool receive(struct carry *c, json_t **receipt, struct error *err)
{
    struct signing k = {.c = c};
    if (c->in) {
        bool ok = !c->w->sign || db_read(c->w->db, receipt_in, &k, err);
        *receipt = k.receipt;
        return ok;
    }
    json_t *body = json_pack("{s:s}", "from", c->w->house_name);
    *receipt = carry_ask_json(c, body, err, "/transfers/%s/parcels/receipt", c->transfer);
    json_decref(body);
    return *receipt != NULL;
}

static struct stream *stream_of(struct carry *c)
{
    if (!c->w->traffic)
        return NULL;
    struct stream_wish w = {.key = arena_format(c->a, "parcel %s", c->w->parcel),
                            .kind = "house",
                            .way = c->in ? TRAFFIC_IN : TRAFFIC_OUT,
                            .buckets = {"line", arena_format(c->a, "project %s", c->project),
                                        arena_format(c->a, "person %s", c->person)},
                            .title =
                                arena_format(c->a, "%s %s", c->in ? "from" : "to", c->other.name),
                            .who = c->by,
                            .project = c->project,
                            .subject = c->w->parcel,
                            .via = "tcp",
                            .total_bytes = c->total,
                            .priority = TRAFFIC_PRIORITY};
    return traffic_join(c->w->traffic, &w);
}

static bool go(struct carry *c, json_t **receipt, struct error *err)
{
    json_t *said = NULL;
    bool ok = houses_try(&c->other, c->w->version, &said, err);
    c->together = ok && parcel_count(said, "together") >= PARCEL_TOGETHER_MOST;
    ok = ok && find_there(c, err) && list(c, err) && carry_plan(c, err);
    json_decref(said);
    if (ok && !c->plan_count) {
        error_set(err, ERROR_NOT_FOUND, "there is nothing to move");
        error_why(err, "%s",
                  json_array_size(c->paths) ? "no asset is at these paths"
                                            : "the project has no assets");
        ok = error_fix(err, "look at the names: PROJECT/FOLDER or PROJECT/FOLDER/NAME");
    }
    ok = ok && begin(c, err);
    if (ok)
        c->stream = stream_of(c);
    return ok && carry_all(c, err) && receive(c, receipt, err);
}

bool parcel_carry(const struct carrier_wish *w, json_t **result, json_t **receipt,
                  struct error *err)
{
    int64_t began_us = clock_tick_us();
    struct carry c = {.w = w, .a = arena_open((size_t)256 << 20)};
    *result = *receipt = NULL;
    pthread_mutex_init(&c.turn, NULL);
    pthread_mutex_init(&c.lock, NULL);
    c.result = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:[]}",
                         "assets", 0, "assets_made", 0, "versions", 0, "notes", 0, "notes_changed",
                         0, "notes_gone", 0, "renamed", 0, "placed", 0, "names_kept", 0,
                         "decisions", 0, "files", 0, "bytes", 0, "told_kept", 0, "renumbered");
    bool ok = houses_self(w->db, c.self, err) && db_read(w->db, order_in, &c, err);
    if (ok) {
        struct client_wish cw = {.url = c.other.url,
                                 .bearer = c.other.token,
                                 .fingerprint = c.other.fingerprint,
                                 .lines = LINES};
        c.client = client_open(&cw, err);
    }
    ok = ok && c.client && go(&c, receipt, err);
    json_object_set_new(c.result, "moved", json_integer(atomic_load(&c.moved)));
    json_object_set_new(c.result, "via", json_string(c.via && c.moved ? c.via : ""));
    json_object_set_new(c.result, "took_ms", json_integer((clock_tick_us() - began_us) / 1000));
    json_object_set_new(c.result, "project", json_string(c.there));
    json_object_set_new(c.result, "project_name", json_string(c.there_name));
    way_close(c.way);
    stream_leave(c.stream);
    client_close(c.client);
    for (size_t i = 0; i < c.plan_count; i++)
        json_decref(c.plan[i].places);
    free(c.plan);
    json_decref(c.ids);
    json_decref(c.paths);
    if (ok)
        *result = c.result;
    else
        json_decref(c.result);
    pthread_mutex_destroy(&c.turn);
    pthread_mutex_destroy(&c.lock);
    arena_close(c.a);
    return ok;
}
