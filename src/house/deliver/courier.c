/*
 * Couriers. Each is a worker of the house's own queue that lives in the house: it takes jobs of the
 * kind "send" and nothing else, and comes only when there is one, so that a house that sends
 * nothing has none in its list of machines.
 *
 * Its name is the same in each life of the house: what it had under way when the house was killed
 * is lost the moment it says hello again, and waits for it anew. A thread of its own says how far
 * it is, so that a lease never ends because a disk or a line is slow.
 */
#include "base/log.h"
#include "farend/farend.h"
#include "house/assets/assets.h"
#include "house/deliver/beside.h"
#include "house/deliver/bind.h"
#include "house/deliver/deliver.h"
#include "house/deliver/outside.h"
#include "house/deliver/package.h"
#include "house/deliver/record.h"
#include "house/deliver/sending.h"
#include "house/jobs/jobs.h"
#include "house/parcels/parcels.h"
#include "house/qc/reports.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "wire/traffic.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct courier {
    struct courier_wish wish;
    char worker[27], name[32], scratch[PATH_MAX], senders[PATH_MAX];
    bool here;        // it has said hello
    int64_t swept_ms; // when it looked last for what was given up; later: not before
};

struct errand { // one sending under way
    struct courier *c;
    struct arena *a;
    struct claim claim;
    // read from the rows
    char delivery[27], destination[27], person[27]; // person: "": a rule sends
    char by[128];
    json_t *profile, *made, *facts, *told, *certificate, *package, *progress, *beside;
    struct destination to;
    struct package_media *media; // its files
    size_t media_count;
    bool *sums_known, packed;
    json_t *result;
    struct outside_made outside; // of a licensed encoder
    struct bind_made *bound;     // of a deliverable of several files
    int64_t began_ms;
    // of the files that are sent
    const struct store_map *map; // of the one that is open
    size_t mapped;
    json_t *paper;         // of a parcel: its receipt
    struct stream *stream; // what is sent counts against it; NULL: nothing is limited
    int64_t paced;         // bytes that have counted
    // for the beats
    pthread_t beats;
    pthread_mutex_t lock; // guards done, total
    int64_t done, total;
    atomic_bool drop, over;
};

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// ---- the thread that says how far it is

static void *beat(void *context)
{
    struct errand *e = context;
    for (int n = 0; !atomic_load(&e->over); n++) {
        clock_sleep_ms(50);
        if (n % (JOBS_BEAT_MS / 50))
            continue;
        struct error err;
        struct beat b = {.attempt = e->claim.attempt, .token = e->claim.token, .unit = "bytes"};
        pthread_mutex_lock(&e->lock);
        b.done = e->done;
        b.total = e->total;
        pthread_mutex_unlock(&e->lock);
        if (jobs_beat(e->c->wish.jobs, e->c->worker, &b, 1, clock_now_ms(), &err) && b.drop)
            atomic_store(&e->drop, true);
    }
    return NULL;
}

static bool going(struct errand *e)
{
    const struct courier_wish *w = &e->c->wish;
    return !atomic_load(&e->drop) && (!w->on || w->on(w->context));
}

static bool moved(void *context, int64_t done, int64_t total)
{
    struct errand *e = context;
    pthread_mutex_lock(&e->lock);
    e->done = done;
    e->total = total;
    pthread_mutex_unlock(&e->lock);
    return going(e);
}

// What was sent counts against the caps: the next piece goes when it is due. A leap is what an
// earlier try had sent. What another program sends is counted, and can not be slowed down here.
static bool sent(void *context, int64_t done, int64_t total)
{
    enum { LEAP = 32 << 20 };
    struct errand *e = context;
    bool waits = strcmp(e->to.kind, "program") != 0;
    if (done < e->paced || done - e->paced > LEAP)
        e->paced = done;
    while (e->stream && e->paced < done) {
        int wait_ms = 0;
        size_t may = stream_take(e->stream, (size_t)(done - e->paced), &wait_ms);
        e->paced += (int64_t)may;
        if (!may && (wait_ms < 0 || !going(e)))
            return false;
        if (!may && !waits)
            break;
        if (!may)
            clock_sleep_ms(wait_ms > 0 && wait_ms < 200 ? wait_ms : 200);
    }
    return moved(context, done, total);
}

static struct stream *stream_of(struct errand *e, int64_t total)
{
    if (!e->c->wish.traffic)
        return NULL;
    const char *project = word(e->made, "project");
    struct stream_wish w = {.key = arena_format(e->a, "sending %s", e->claim.subject),
                            .kind = "delivery",
                            .way = TRAFFIC_OUT,
                            .buckets = {"line", arena_format(e->a, "project %s", project)},
                            .via = e->to.kind,
                            .title =
                                arena_format(e->a, "%s to %s", word(e->made, "name"), e->to.name),
                            .who = e->by,
                            .project = project,
                            .subject = e->claim.subject,
                            .total_bytes = total,
                            .priority = TRAFFIC_PRIORITY};
    if (*e->person)
        w.buckets[2] = arena_format(e->a, "person %s", e->person);
    return traffic_join(e->c->wish.traffic, &w);
}

// ---- what is to be sent

static void forget(struct errand *e)
{
    json_t **all[] = {&e->profile,     &e->made,    &e->facts,    &e->told,
                      &e->certificate, &e->package, &e->progress, &e->beside};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        json_decref(*all[i]);
        *all[i] = NULL;
    }
    destination_close(&e->to);
}

static bool read_sums(struct db_tx *tx, struct errand *e, size_t i, struct error *err)
{
    struct content_sums *sums = &e->media[i].sums;
    struct db_rows *rows =
        db_query(tx, "select md5, sha1, sha256, xxh64 from content_sums where content = ?1", "b",
                 (const void *)e->media[i].content.at, (size_t)SHA256_SIZE);
    e->sums_known[i] = db_next(rows);
    if (e->sums_known[i]) {
        text_copy(text_of(db_text(rows, 0)), sums->md5, sizeof(sums->md5));
        text_copy(text_of(db_text(rows, 1)), sums->sha1, sizeof(sums->sha1));
        text_copy(text_of(db_text(rows, 2)), sums->sha256, sizeof(sums->sha256));
        text_copy(text_of(db_text(rows, 3)), sums->xxh64, sizeof(sums->xxh64));
    }
    return db_end(rows, err);
}

static bool read_certificate(struct db_tx *tx, struct errand *e, struct error *err)
{
    struct qc_certificate c = {0};
    const char *rules = word(e->profile, "qc");
    if (*rules && !qc_certificate_of(tx, word(e->made, "version"), rules, e->a, &c, err))
        return false;
    e->certificate = c.name ? qc_certificate_json(&c) : NULL;
    return true;
}

static bool read_media(struct db_tx *tx, struct errand *e, struct error *err)
{
    const json_t *files = json_object_get(e->made, "files"), *row;
    size_t i, count = json_array_size(files);
    bool ok = true;
    e->media = ARENA_ARRAY(e->a, struct package_media, count + 1);
    e->sums_known = ARENA_ARRAY(e->a, bool, count + 1);
    e->media_count = count;
    json_array_foreach(files, i, row)
    {
        e->media[i] =
            (struct package_media){.name = word(row, "name"),
                                   .role = word(row, "role"),
                                   .use = word(row, "use"),
                                   .language = word(row, "language"),
                                   .size = json_integer_value(json_object_get(row, "size"))};
        ok = ok &&
             (sha256_parse(text_of(word(row, "content")), &e->media[i].content) ||
              error_set(err, ERROR_INTERNAL, "a file of %s has no content",
                        word(e->made, "name"))) &&
             read_sums(tx, e, i, err);
    }
    if (ok && !count) {
        error_set(err, ERROR_CONFLICT, "%s is not made yet", word(e->made, "name"));
        ok = error_fix(err, "wait until its job is done");
    }
    return ok;
}

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct errand *e = context;
    const char *sending = e->claim.subject ? e->claim.subject : "";
    struct version_source v;
    forget(e);
    struct db_rows *rows = db_query(tx,
                                    "select s.delivery, s.destination, coalesce(s.package, (select "
                                    "o.package from sendings o where o.delivery = s.delivery and "
                                    "o.package is not null order by o.created_ms limit 1)), "
                                    "s.progress, d.spec, s.package is not null, s.made_by, "
                                    "coalesce(s.person, '') from sendings s "
                                    "join deliveries d on d.id = s.delivery where "
                                    "s.id = ?1",
                                    "s", sending);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), e->delivery, sizeof(e->delivery));
        text_copy(text_of(db_text(rows, 1)), e->destination, sizeof(e->destination));
        e->package = db_null(rows, 2) ? NULL : json_loads(db_text(rows, 2), 0, NULL);
        e->progress = json_loads(db_text(rows, 3), 0, NULL);
        e->profile = json_loads(db_text(rows, 4), 0, NULL);
        e->packed = db_int(rows, 5) != 0;
        text_copy(text_of(db_text(rows, 6)), e->by, sizeof(e->by));
        text_copy(text_of(db_text(rows, 7)), e->person, sizeof(e->person));
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "what was to be sent is not there any more");
    if (!delivery_get(tx, e->delivery, &e->made, err) || !read_media(tx, e, err) ||
        !destination_open(tx, e->c->wish.seal, e->destination, e->a, &e->to, err) ||
        !version_source(tx, word(e->made, "version"), e->a, &v, err))
        return false;
    e->facts = v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    return record_told_get(tx, v.asset, &e->told, err) && read_certificate(tx, e, err) &&
           beside_frozen(tx, e->delivery, &e->beside, err);
}

static bool package_in(struct db_tx *tx, void *context, struct error *err)
{
    struct errand *e = context;
    char *package = json_dumps(e->package, JSON_COMPACT);
    bool ok = true;
    for (size_t i = 0; ok && i < e->media_count; i++) {
        const struct package_media *m = &e->media[i];
        ok = e->sums_known[i] || !*m->sums.md5 ||
             db_run(tx, err,
                    "insert into content_sums values (?1, ?2, ?3, ?4, ?5) on conflict (content) do "
                    "nothing",
                    "bssss", (const void *)m->content.at, (size_t)SHA256_SIZE, m->sums.md5,
                    m->sums.sha1, m->sums.sha256, m->sums.xxh64);
    }
    ok = ok && db_run(tx, err, "update sendings set package = ?2, folder = ?3 where id = ?1", "sss",
                      e->claim.subject, package, word(e->package, "folder"));
    free(package);
    return ok;
}

// How far one file of several is, as of all of them.
struct summing {
    struct errand *e;
    int64_t before, total;
};

static bool summed(void *context, int64_t done, int64_t total)
{
    struct summing *s = context;
    (void)total;
    return moved(s->e, s->before + done, s->total);
}

static bool sum_all(struct errand *e, struct error *err)
{
    struct summing s = {.e = e};
    for (size_t i = 0; i < e->media_count; i++)
        s.total += e->media[i].size;
    for (size_t i = 0; i < e->media_count; i++) {
        struct package_media *m = &e->media[i];
        if (!e->sums_known[i] &&
            !sums_of_content(e->c->wish.store, &m->content, summed, &s, &m->sums, err))
            return false;
        s.before += m->size;
    }
    return true;
}

// The rows of a package of what goes along unchanged.
static bool sum_beside(struct errand *e, struct error *err)
{
    size_t i;
    json_t *row;
    json_array_foreach(e->beside, i, row)
    {
        struct content_sums sums;
        sha256 content;
        if (!sha256_parse(text_of(word(row, "content")), &content) ||
            !sums_of_content(e->c->wish.store, &content, moved, e, &sums, err))
            return error_while(err, "%s", word(row, "name"));
        json_object_del(row, "kind");
        json_object_set_new(row, "role", json_string("sidecar"));
        sums_into(row, &sums);
    }
    return true;
}

// Once: a later try, another destination, and who looks at it later, have the same.
static bool pack(struct errand *e, struct error *err)
{
    if (e->package)
        return e->packed || db_write(e->c->wish.db, package_in, e, err);
    if (!sum_beside(e, err))
        return false;
    struct package_wish w = {.profile = e->profile,
                             .delivery = e->made,
                             .facts = e->facts,
                             .record = e->told,
                             .rules = e->c->wish.rules,
                             .beside = e->beside,
                             .media = e->media,
                             .media_count = e->media_count,
                             .now_ms = clock_now_ms(),
                             .certificate = e->certificate};
    sha256 pass;
    if (e->certificate &&
        (!sha256_parse(text_of(word(e->certificate, "content")), &pass) ||
         !sums_of_content(e->c->wish.store, &pass, NULL, NULL, &w.certificate_sums, err)))
        return false;
    return sum_all(e, err) && package_make(&w, &e->package, err) &&
           db_write(e->c->wish.db, package_in, e, err);
}

// ---- sending it

static bool read_file(void *context, size_t number, int64_t offset, void *to, size_t size,
                      struct error *err)
{
    struct errand *e = context;
    const json_t *row = json_array_get(json_object_get(e->package, "files"), number);
    const json_t *text = json_object_get(row, "text");
    if (text) {
        if (offset + (int64_t)size > (int64_t)json_string_length(text))
            return error_set(err, ERROR_INTERNAL, "a sidecar is shorter than it was");
        memcpy(to, json_string_value(text) + offset, size);
        return true;
    }
    if (!e->map || e->mapped != number) {
        sha256 content;
        store_map_close(e->c->wish.store, e->map);
        e->map = NULL;
        if (!sha256_parse(text_of(word(row, "content")), &content) ||
            !store_map_open(e->c->wish.store, &content, &e->map, err))
            return false;
        e->mapped = number;
    }
    return store_map_read(e->map, offset, to, size, err);
}

static bool keep_in(struct db_tx *tx, void *context, struct error *err)
{
    struct errand *e = context;
    char *text = json_dumps(e->progress, JSON_COMPACT);
    bool ok = db_run(tx, err, "update sendings set progress = ?2 where id = ?1", "ss",
                     e->claim.subject, text);
    free(text);
    return ok;
}

static bool keep(void *context, const json_t *state, struct error *err)
{
    struct errand *e = context;
    (void)state; // it is part of e->progress
    return db_write(e->c->wish.db, keep_in, e, err);
}

static bool send(struct errand *e, struct error *err)
{
    const json_t *files = json_object_get(e->package, "files"), *row;
    size_t i, count = json_array_size(files);
    struct farend_file *list = ARENA_ARRAY(e->a, struct farend_file, count + 1);
    json_t *state = json_object_get(e->progress, "farend");
    if (!json_is_object(state))
        json_object_set_new(e->progress, "farend", state = json_object());
    json_array_foreach(files, i, row) list[i] =
        (struct farend_file){word(row, "name"), json_integer_value(json_object_get(row, "size")),
                             word(row, "md5"), word(row, "sha256")};
    char scratch[PATH_MAX];
    struct farend_wish w = {.kind = e->to.kind,
                            .settings = e->to.settings,
                            .secrets = e->to.secrets,
                            .folder = word(e->package, "folder"),
                            .mark = e->claim.subject,
                            .files = list,
                            .count = count,
                            .read = read_file,
                            .state = state,
                            .keep = keep,
                            .moved = sent,
                            .context = e,
                            .scratch = scratch,
                            .senders = *e->c->senders ? e->c->senders : NULL};
    if (!path_join(scratch, sizeof(scratch), e->c->scratch, e->claim.subject) ||
        (strcmp(e->to.kind, "program") == 0 && !folder_make(scratch, 0750, err)))
        return false;
    int64_t total = 0;
    for (i = 0; i < count; i++)
        total += list[i].size;
    e->stream = stream_of(e, total);
    bool ok = farend_send(&w, &e->result, err);
    stream_leave(e->stream);
    e->stream = NULL;
    struct error ignored;
    if (strcmp(e->to.kind, "program") == 0 && !folder_remove(scratch, ok ? err : &ignored))
        return false;
    return ok;
}

// What a person does is ready when the package is; the sums are in it.
static bool by_people(const struct errand *e)
{
    return strcmp(e->to.kind, "hand") == 0 || strcmp(e->to.kind, "link") == 0;
}

static bool run(struct errand *e, struct error *err)
{
    e->began_ms = clock_now_ms();
    if (!db_read(e->c->wish.db, read_in, e, err) || !pack(e, err))
        return false;
    if (!by_people(e))
        return send(e, err);
    e->result = json_pack("{s:O*, s:O*}", "checklist", json_object_get(e->to.settings, "checklist"),
                          "portal", json_object_get(e->to.settings, "portal"));
    return true;
}

// ---- the end

static bool apply(struct db_tx *tx, void *context, const struct ended *what, struct error *err)
{
    struct errand *e = context;
    bool ready = by_people(e);
    int64_t now = clock_now_ms();
    json_object_set_new(e->result, "took_ms", json_integer(now - e->began_ms));
    char *result = json_dumps(e->result, JSON_COMPACT), note[1200];
    bool anyway = json_is_true(json_object_get(e->progress, "anyway"));
    snprintf(note, sizeof(note), "%.1000s%s", word(e->result, "place"),
             anyway ? " (although not every check is ok)" : "");
    bool ok =
        db_run(tx, err,
               "update sendings set state = ?2, result = ?3, problem = null, ended_ms = ?4 "
               "where id = ?1",
               "sssi", what->subject, ready ? "ready" : "sent", result, ready ? (int64_t)0 : now);
    free(result);
    if (ok && !ready)
        return delivery_state_add(tx, e->delivery, "sent", note, what->subject, "Posthouse", now,
                                  err);
    json_t *json = NULL;
    ok = ok && delivery_get(tx, e->delivery, &json, err);
    char *body = ok ? json_dumps(json, JSON_COMPACT) : NULL;
    ok = ok && db_event(tx, "delivery.changed", word(json, "project"), e->delivery, body, err);
    free(body);
    json_decref(json);
    return ok;
}

static void close_errand(struct errand *e)
{
    store_map_close(e->c->wish.store, e->map);
    forget(e);
    json_decref(e->result);
    json_decref(e->claim.ticket);
    pthread_mutex_destroy(&e->lock);
    arena_close(e->a);
}

// ---- licensed encoders

static bool still(void *context)
{
    return going(context);
}

static bool apply_outside(struct db_tx *tx, void *context, const struct ended *what,
                          struct error *err)
{
    struct errand *e = context;
    return outside_done(tx, what->job, &e->outside, err);
}

static bool run_outside(struct errand *e, const char *scratch, struct error *err)
{
    struct outside_wish w = {.db = e->c->wish.db,
                             .store = e->c->wish.store,
                             .job = e->claim.job,
                             .scratch = scratch,
                             .sandbox = e->c->wish.sandbox,
                             .going = still,
                             .context = e};
    return outside_run(&w, &e->outside, err);
}

static void end_outside(struct errand *e, bool taken)
{
    store_settle(e->c->wish.store, e->outside.bytes, taken);
    json_decref(e->outside.facts);
}

// ---- deliverables of several files

static bool apply_bind(struct db_tx *tx, void *context, const struct ended *what, struct error *err)
{
    struct errand *e = context;
    return bind_done(tx, what->job, e->bound, err);
}

static bool run_bind(struct errand *e, const char *scratch, struct error *err)
{
    struct bind_wish w = {.db = e->c->wish.db,
                          .store = e->c->wish.store,
                          .job = e->claim.job,
                          .scratch = scratch,
                          .ticket = e->claim.ticket};
    return bind_run(&w, &e->bound, err);
}

static void end_bind(struct errand *e, bool taken)
{
    struct error ignored; // the sweep of the store comes by
    bind_close(e->bound, taken);
    if (taken)
        (void)!store_tidy(e->c->wish.store, NULL, &ignored); // the pieces' space
}

// ---- parcels to other houses and from them

static bool run_parcel(struct errand *e, const char *scratch, struct error *err)
{
    const struct courier_wish *w = &e->c->wish;
    struct carrier_wish carrier = {.db = w->db,
                                   .store = w->store,
                                   .transfers = w->transfers,
                                   .traffic = w->traffic,
                                   .seal = w->seal,
                                   .sign = w->sign,
                                   .house_name = w->house_name,
                                   .version = w->version,
                                   .parcel = e->claim.subject ? e->claim.subject : "",
                                   .moved = moved,
                                   .context = e};
    (void)scratch; // what is half there lies in the receiving house
    return parcel_carry(&carrier, &e->result, &e->paper, err);
}

static bool apply_parcel(struct db_tx *tx, void *context, const struct ended *what,
                         struct error *err)
{
    struct errand *e = context;
    return parcel_done(tx, what->subject, e->result, e->paper, err);
}

static void end_parcel(struct errand *e, bool taken)
{
    (void)taken;
    json_decref(e->paper);
}

// ---- which it is

static bool run_sending(struct errand *e, const char *scratch, struct error *err)
{
    (void)scratch; // a sending's is its own, for what is tried again
    return run(e, err);
}

static void end_sending(struct errand *e, bool taken)
{
    (void)e;
    (void)taken;
}

static const struct work {
    const char *kind, *part;
    bool (*run)(struct errand *e, const char *scratch, struct error *err);
    jobs_apply *apply;
    void (*end)(struct errand *e, bool taken);
} works[] = {
    {"send", "parcel", run_parcel, apply_parcel, end_parcel},
    {"send", NULL, run_sending, apply, end_sending},
    {"encode", "outside", run_outside, apply_outside, end_outside},
    {"encode", "bind", run_bind, apply_bind, end_bind},
};

static const struct work *work_of(const struct claim *c)
{
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        if (strcmp(works[i].kind, c->kind) == 0 &&
            (!works[i].part || strcmp(works[i].part, c->part) == 0))
            return &works[i];
    return NULL;
}

// With an empty folder of the attempt's own, which is gone afterwards.
static bool run_work(struct errand *e, const struct work *w, const char *scratch, struct error *err)
{
    if (!w)
        return error_set(err, ERROR_INTERNAL, "a courier can not do %s", e->claim.title);
    return folder_remove(scratch, err) && folder_make(scratch, 0750, err) &&
           w->run(e, scratch, err);
}

static bool do_it(struct errand *e, struct error *err)
{
    struct jobs *jobs = e->c->wish.jobs;
    const struct work *w = work_of(&e->claim);
    enum outcome outcome;
    struct error why, ignored;
    char scratch[PATH_MAX];
    error_clear(&why);
    if (!path_join(scratch, sizeof(scratch), e->c->scratch, e->claim.attempt))
        return error_set(err, ERROR_INPUT, "the scratch folder's name is too long");
    if (pthread_create(&e->beats, NULL, beat, e) != 0)
        return error_set(err, ERROR_INTERNAL, "a courier can not begin");
    bool ok = run_work(e, w, scratch, &why);
    atomic_store(&e->over, true);
    pthread_join(e->beats, NULL);
    error_clear(err);
    outcome = OUTCOME_STALE;
    if (ok)
        ok = jobs_finish(jobs, e->claim.attempt, e->claim.token, w->apply, e, clock_now_ms(),
                         &outcome, err);
    if (w)
        w->end(e, ok && outcome == OUTCOME_TAKEN);
    (void)!folder_remove(scratch, &ignored);
    if (ok || err->kind != ERROR_NONE)
        return ok;
    if (atomic_load(&e->drop)) {
        jobs_stopped(jobs, e->claim.attempt, e->claim.token, clock_now_ms());
        return true;
    }
    if (!going(e)) // the house closes: it is this courier's again when it opens
        return true;
    log_problem("courier", &why);
    return jobs_fail(jobs, e->claim.attempt, e->claim.token, -1, &why, clock_now_ms(), &outcome,
                     err);
}

// ---- what was given up

struct given_up {
    struct courier *c;
    struct arena *a;
    char sending[27], folder[512];
    struct destination to;
    json_t *progress; // NULL: there is none
};

static bool given_up_in(struct db_tx *tx, void *context, struct error *err)
{
    struct given_up *g = context;
    char destination[27] = "";
    struct db_rows *rows = db_query(
        tx,
        "select s.id, s.destination, s.folder, s.progress from sendings s join jobs j on j.id = "
        "s.job where s.kind = 's3' and j.state = 'cancelled' and s.progress like '%\"upload\"%' "
        "limit 1",
        "");
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), g->sending, sizeof(g->sending));
        text_copy(text_of(db_text(rows, 1)), destination, sizeof(destination));
        text_copy(text_of(db_text(rows, 2)), g->folder, sizeof(g->folder));
        g->progress = json_loads(db_text(rows, 3), 0, NULL);
    }
    return db_end(rows, err) &&
           (!g->progress || destination_open(tx, g->c->wish.seal, destination, g->a, &g->to, err));
}

static bool forgotten_in(struct db_tx *tx, void *context, struct error *err)
{
    struct given_up *g = context;
    char *text = json_dumps(g->progress, JSON_COMPACT);
    bool ok =
        db_run(tx, err, "update sendings set progress = ?2 where id = ?1", "ss", g->sending, text);
    free(text);
    return ok;
}

// A sending that was cancelled leaves nothing at the far end: not even parts that nobody sees.
static bool sweep(struct courier *c, struct error *err)
{
    enum { EACH_MS = 3000, AFTER_FAILURE_MS = 60000 };
    int64_t now = clock_now_ms();
    struct given_up g = {.c = c};
    if (c->wish.number != 0 || now < c->swept_ms + EACH_MS)
        return true;
    c->swept_ms = now;
    g.a = arena_open(16 << 20);
    bool ok = db_read(c->wish.db, given_up_in, &g, err);
    json_t *state = json_object_get(g.progress, "farend");
    if (!ok && g.progress && err->kind == ERROR_NOT_FOUND) // nobody can go there any more
        ok = json_object_clear(state) == 0;
    else if (ok && g.progress)
        ok = farend_forget(g.to.kind, g.to.settings, g.to.secrets, g.folder, state, err);
    ok = ok && (!g.progress || db_write(c->wish.db, forgotten_in, &g, err));
    if (g.progress)
        c->swept_ms = ok ? 0 : now + AFTER_FAILURE_MS;
    json_decref(g.progress);
    destination_close(&g.to);
    arena_close(g.a);
    return ok;
}

// ---- coming and going

static bool work_in(struct db_tx *tx, void *context, struct error *err)
{
    return db_one_int(
        tx, context, 0, err,
        "select (select count(*) from jobs where kind = 'send' and state in ('waiting', "
        "'running')) + (select count(*) from jobs j join steps s on s.job = j.number where "
        "j.kind = 'encode' and j.state in ('waiting', 'running') and s.name in ('outside', "
        "'bind'))",
        "");
}

static bool hello(struct courier *c, struct error *err)
{
    json_t *has =
        json_pack("{s:[s,s,s,s]}", "words", "hands=courier", "no=disks", "no=cache", "no=tickets");
    struct worker_hello h = {
        .id = c->worker, .name = c->name, .host = c->name, .slots = 1, .has = has};
    c->here = jobs_hello(c->wish.jobs, &h, NULL, NULL, 0, clock_now_ms(), err);
    json_decref(has);
    return c->here;
}

bool courier_turn(struct courier *c, bool *more, struct error *err)
{
    int64_t work = 0;
    *more = false;
    if (!sweep(c, err) || !db_read(c->wish.db, work_in, &work, err))
        return false;
    if (!work || (!c->here && !hello(c, err)))
        return !work;
    struct errand *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->c = c;
    e->a = arena_open(64 << 20);
    pthread_mutex_init(&e->lock, NULL);
    bool ok = jobs_claim(c->wish.jobs, c->worker, clock_now_ms(), e->a, &e->claim, more, err);
    if (ok && *more)
        ok = do_it(e, err);
    close_errand(e);
    free(e);
    return ok;
}

static bool id_in(struct db_tx *tx, void *context, struct error *err)
{
    struct courier *c = context;
    struct arena *a = arena_open(1 << 16);
    char key[32];
    const char *value = NULL;
    snprintf(key, sizeof(key), "courier.%d", c->wish.number);
    bool ok = db_value_get(tx, key, a, &value, err);
    text_copy(text_of(ok && value ? value : id_new().text), c->worker, sizeof(c->worker));
    ok = ok && (value || db_value_set(tx, key, c->worker, err));
    arena_close(a);
    return ok;
}

bool courier_open(const struct courier_wish *wish, struct courier **courier, struct error *err)
{
    struct courier *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->wish = *wish;
    snprintf(c->name, sizeof(c->name), "courier %d", wish->number + 1);
    bool ok = text_copy(text_of(wish->scratch), c->scratch, sizeof(c->scratch)) &&
              text_copy(text_of(wish->senders), c->senders, sizeof(c->senders));
    if (!ok)
        error_set(err, ERROR_INPUT, "the name of a folder of the house is too long");
    ok = ok && folder_make(c->scratch, 0750, err) && db_write(wish->db, id_in, c, err);
    if (ok) {
        *courier = c;
        return true;
    }
    free(c);
    return false;
}

void courier_close(struct courier *c)
{
    free(c);
}
