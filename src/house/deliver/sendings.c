#include "house/deliver/deliver.h"
#include "house/deliver/hooks.h"
#include "house/deliver/sending.h"
#include "house/jobs/jobs.h"
#include "house/qc/reports.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (24 * 3600 * 1000LL)
enum { LINK_DAYS = 14 };

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// ---- what keeps a delivery here

static bool checks_ok(const json_t *delivery, bool anyway, struct error *err)
{
    size_t i;
    const json_t *c;
    json_array_foreach(json_object_get(delivery, "checks"), i, c)
    {
        if (json_is_true(json_object_get(c, "ok")) || anyway)
            continue;
        error_set(err, ERROR_CONFLICT, "%s is not what its profile asks for",
                  word(delivery, "name"));
        error_why(err, "%s: wanted is %s, it is %s", word(c, "what"), word(c, "wanted"),
                  word(c, "seen"));
        return error_fix(err, "mend it and make it again; or say that it goes anyway");
    }
    return true;
}

static bool qc_done_well(struct db_tx *tx, const json_t *delivery, struct error *err)
{
    char rules[128] = "";
    struct db_rows *rows =
        db_query(tx, "select spec from deliveries where id = ?1", "s", word(delivery, "id"));
    if (db_next(rows)) {
        json_t *spec = json_loads(db_text(rows, 0), 0, NULL);
        text_copy(text_of(word(spec, "qc")), rules, sizeof(rules));
        json_decref(spec);
    }
    struct error why;
    bool cleared = true;
    if (!db_end(rows, err) ||
        (*rules && !qc_cleared(tx, word(delivery, "version"), rules, &cleared, &why, err)))
        return false;
    if (!cleared)
        *err = why;
    return cleared;
}

static bool may_go(struct db_tx *tx, const json_t *delivery, const char *destination, bool anyway,
                   struct error *err)
{
    int64_t there;
    if (strcmp(word(delivery, "state"), "done") != 0) {
        error_set(err, ERROR_CONFLICT, "%s is not made yet", word(delivery, "name"));
        return error_fix(err, "wait until its job is done");
    }
    if (!checks_ok(delivery, anyway, err) || !qc_done_well(tx, delivery, err) ||
        !db_one_int(
            tx, &there, 0, err,
            "select count(*) from sendings where delivery = ?1 and destination = ?2 and state "
            "in ('waiting', 'running', 'ready')",
            "ss", word(delivery, "id"), destination))
        return false;
    if (!there)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is on its way there already", word(delivery, "name"));
    return error_fix(err, "look at its job; cancel it first when it must begin anew");
}

// ---- asking

static bool say_changed(struct db_tx *tx, const char *delivery, struct error *err)
{
    json_t *json;
    if (!delivery_get(tx, delivery, &json, err))
        return false;
    char *body = json_dumps(json, JSON_COMPACT);
    bool ok = db_event(tx, "delivery.changed", word(json, "project"), delivery, body, err);
    free(body);
    json_decref(json);
    return ok;
}

static bool make_job(struct db_tx *tx, const char *sending, const json_t *delivery, const char *to,
                     const char *by, int64_t now_ms, id *job, struct error *err)
{
    char title[400], cause[48];
    snprintf(title, sizeof(title), "%.250s to %.100s", word(delivery, "name"), to);
    snprintf(cause, sizeof(cause), "sending %s", sending);
    json_t *options = json_pack("{s:i}", "tries", 6);
    struct job_wish wish = {.project = word(delivery, "project"),
                            .kind = "send",
                            .title = title,
                            .by = by,
                            .asset = word(delivery, "asset"),
                            .version = word(delivery, "version"),
                            .subject = sending,
                            .cause = cause,
                            .options = options,
                            .priority = JOBS_PRIORITY,
                            .tier = JOBS_TIER_TICKETS,
                            .hands = "courier"};
    bool ok = job_make(tx, &wish, now_ms, job, err);
    json_decref(options);
    return ok;
}

struct target {
    char name[128], kind[16];
    int64_t days;
};
static bool target_of(struct db_tx *tx, const char *destination, struct target *t,
                      struct error *err)
{
    json_t *json;
    if (!destination_get(tx, destination, &json, err))
        return false;
    text_copy(text_of(word(json, "name")), t->name, sizeof(t->name));
    text_copy(text_of(word(json, "kind")), t->kind, sizeof(t->kind));
    t->days = json_integer_value(json_object_get(json_object_get(json, "settings"), "days"));
    json_decref(json);
    return true;
}

bool sending_make(struct db_tx *tx, const char *delivery, const char *destination, bool anyway,
                  const struct sent_by *by, int64_t now_ms, id *made, char pickup[44],
                  struct error *err)
{
    struct target t;
    json_t *json;
    id job;
    *pickup = 0;
    if (!delivery_get(tx, delivery, &json, err))
        return false;
    *made = id_new();
    bool ok = target_of(tx, destination, &t, err) && may_go(tx, json, destination, anyway, err) &&
              make_job(tx, made->text, json, t.name, by->name, now_ms, &job, err);
    bool link = ok && strcmp(t.kind, "link") == 0;
    sha256 key = {0};
    if (link) {
        secret s = secret_new();
        memcpy(pickup, s.text, sizeof(s.text));
        key = sha256_of(s.text, strlen(s.text));
    }
    json_t *progress = json_pack("{s:b}", "anyway", anyway);
    char *kept = json_dumps(progress, JSON_COMPACT);
    ok = ok &&
         db_run(tx, err,
                "insert into sendings values (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', ?7, '', null, ?8, "
                "null, null, ?9, ?10, ?11, ?12, 0, ?13)",
                "ssssssssbisis", made->text, delivery, word(json, "project"), destination, t.name,
                t.kind, job.text, kept, link ? (const void *)key.at : NULL, (size_t)SHA256_SIZE,
                link ? now_ms + (t.days ? t.days : LINK_DAYS) * DAY_MS : (int64_t)0, by->name,
                now_ms, by->person) &&
         say_changed(tx, delivery, err);
    free(kept);
    json_decref(progress);
    json_decref(json);
    return ok;
}

// ---- looking

#define COLUMNS                                                                                    \
    "id, delivery, project, destination, name, kind, state, job, folder, result, problem, "        \
    "expires_ms, made_by, created_ms, ended_ms, package is not null"

static json_t *row_json(struct db_rows *rows)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:b}", "id", db_text(rows, 0),
        "delivery", db_text(rows, 1), "project", db_text(rows, 2), "destination", db_text(rows, 3),
        "to", db_text(rows, 4), "kind", db_text(rows, 5), "state", db_text(rows, 6), "job",
        db_text(rows, 7), "folder", db_text(rows, 8), "by", db_text(rows, 12), "created",
        clock_text(db_int(rows, 13)).text, "packed", (int)db_int(rows, 15));
    json_t *result = db_null(rows, 9) ? NULL : json_loads(db_text(rows, 9), 0, NULL);
    if (result)
        json_object_set(json, "place", json_object_get(result, "place"));
    if (json_is_array(json_object_get(result, "checklist")))
        json_object_set(json, "checklist", json_object_get(result, "checklist"));
    if (json_is_string(json_object_get(result, "portal")))
        json_object_set(json, "portal", json_object_get(result, "portal"));
    json_decref(result);
    if (!db_null(rows, 10))
        json_object_set_new(json, "problem", json_loads(db_text(rows, 10), 0, NULL));
    if (db_int(rows, 11))
        json_object_set_new(json, "expires", json_string(clock_text(db_int(rows, 11)).text));
    if (db_int(rows, 14))
        json_object_set_new(json, "ended", json_string(clock_text(db_int(rows, 14)).text));
    return json;
}

static bool no_sending(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "there is no such sending");
}

bool sending_get(struct db_tx *tx, const char *sending, json_t **json, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from sendings where id = ?1", "s", sending);
    *json = db_next(rows) ? row_json(rows) : NULL;
    if (!db_end(rows, err)) {
        json_decref(*json), *json = NULL;
        return false;
    }
    return *json || no_sending(err);
}

bool sending_list(struct db_tx *tx, const char *delivery, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(tx,
                                    "select " COLUMNS " from sendings where delivery = ?1 order by "
                                    "created_ms desc, id desc",
                                    "s", delivery);
    while (db_next(rows))
        json_array_append_new(*list, row_json(rows));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool sendings_into(struct db_tx *tx, json_t *delivery, struct error *err)
{
    json_t *list;
    const char *id = word(delivery, "id");
    if (!sending_list(tx, id, &list, err))
        return false;
    json_object_set_new(delivery, "sendings", list);
    struct db_rows *rows = db_query(
        tx, "select state, note from delivery_states where delivery = ?1 order by id desc limit 1",
        "s", id);
    bool said = db_next(rows);
    json_object_set_new(delivery, "standing", json_string(said ? db_text(rows, 0) : ""));
    json_object_set_new(delivery, "said", json_string(said ? db_text(rows, 1) : ""));
    if (!db_end(rows, err))
        return false;
    rows =
        db_query(tx, "select destination, rule from delivery_orders where delivery = ?1", "s", id);
    if (db_next(rows)) {
        if (!db_null(rows, 0))
            json_object_set_new(delivery, "destination", json_string(db_text(rows, 0)));
        if (!db_null(rows, 1))
            json_object_set_new(delivery, "rule", json_string(db_text(rows, 1)));
    }
    return db_end(rows, err);
}

static bool package_of(struct db_tx *tx, const char *sending, json_t **package, struct error *err)
{
    *package = NULL;
    struct db_rows *rows = db_query(tx, "select package from sendings where id = ?1", "s", sending);
    bool there = db_next(rows);
    if (there && !db_null(rows, 0))
        *package = json_loads(db_text(rows, 0), 0, NULL);
    if (!db_end(rows, err)) {
        json_decref(*package), *package = NULL;
        return false;
    }
    if (*package)
        return true;
    if (!there)
        return no_sending(err);
    error_set(err, ERROR_CONFLICT, "the package is not made yet");
    return error_fix(err, "wait for its job, or see what that says");
}

bool sending_package(struct db_tx *tx, const char *sending, json_t **json, struct error *err)
{
    size_t i;
    json_t *row;
    if (!package_of(tx, sending, json, err))
        return false;
    json_array_foreach(json_object_get(*json, "files"), i, row)
    {
        json_object_del(row, "text");
        json_object_del(row, "content");
    }
    return true;
}

bool sending_file(struct db_tx *tx, const char *sending, int64_t number, struct arena *a,
                  struct sending_file *file, struct error *err)
{
    json_t *package;
    if (!package_of(tx, sending, &package, err))
        return false;
    const json_t *row = json_array_get(json_object_get(package, "files"), (size_t)number);
    const json_t *text_at = json_object_get(row, "text");
    *file = (struct sending_file){.name = arena_text(a, word(row, "name")),
                                  .size = json_integer_value(json_object_get(row, "size"))};
    file->stored = sha256_parse(text_of(word(row, "content")), &file->content);
    if (json_is_string(text_at))
        file->text = (text){arena_copy(a, json_string_value(text_at), json_string_length(text_at)),
                            json_string_length(text_at)};
    bool there = row != NULL;
    json_decref(package);
    return there || error_set(err, ERROR_NOT_FOUND, "the package has no such file");
}

bool sending_of_pickup(struct db_tx *tx, const char *key, int64_t now_ms, char sending[27],
                       struct error *err)
{
    sha256 hash = sha256_of(key, strlen(key));
    int64_t expires = 0;
    *sending = 0;
    struct db_rows *rows = db_query(
        tx, "select id, expires_ms from sendings where pickup = ?1 and state in ('ready', 'sent')",
        "b", (const void *)hash.at, (size_t)SHA256_SIZE);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), sending, 27);
        expires = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        return false;
    if (!*sending) {
        error_set(err, ERROR_NOT_FOUND, "there is nothing behind this link");
        return error_fix(err, "ask whoever sent it for the whole link");
    }
    if (expires > now_ms)
        return true;
    error_set(err, ERROR_EXPIRED, "this link has ended");
    return error_fix(err, "ask whoever sent it for a new one");
}

// ---- what becomes of it

static bool delivery_of(struct db_tx *tx, const char *where, const char *value, char delivery[27],
                        char sending[27], struct error *err)
{
    *delivery = *sending = 0;
    struct db_rows *rows = db_query(tx, where, "s", value);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), delivery, 27);
        text_copy(text_of(db_text(rows, 1)), sending, 27);
    }
    return db_end(rows, err);
}

bool sending_state_set(struct db_tx *tx, const char *job, const char *state, const char *problem,
                       struct error *err)
{
    char delivery[27], sending[27];
    bool failed = strcmp(state, "failed") == 0;
    int64_t now = clock_now_ms();
    if (!delivery_of(tx, "select delivery, id from sendings where job = ?1", job, delivery, sending,
                     err))
        return false;
    if (!*delivery ||
        !db_run(
            tx, err,
            "update sendings set state = ?2, problem = ?3, ended_ms = ?4 where id = ?1 and state "
            "not in ('sent', 'ready') and (state <> ?2 or coalesce(problem, '') <> coalesce(?3, "
            "''))",
            "sssi", sending, state, problem, failed ? now : (int64_t)0))
        return !*delivery;
    if (!db_changed(tx))
        return true;
    json_t *why = problem ? json_loads(problem, 0, NULL) : NULL;
    json_t *extra = json_pack("{s:s, s:O*}", "sending", sending, "problem", why);
    bool ok = say_changed(tx, delivery, err) &&
              (!failed || hooks_tell(tx, "delivery.not_sent", delivery, extra, now, err));
    json_decref(extra);
    json_decref(why);
    return ok;
}

bool sending_by_hand(struct db_tx *tx, const char *sending, const char *note, const char *by,
                     int64_t now_ms, struct error *err)
{
    char delivery[27], same[27];
    if (!delivery_of(tx, "select delivery, id from sendings where id = ?1", sending, delivery, same,
                     err) ||
        (!*delivery && !no_sending(err)) ||
        !db_run(
            tx, err,
            "update sendings set state = 'sent', ended_ms = ?2 where id = ?1 and state = 'ready'",
            "si", sending, now_ms))
        return false;
    if (!db_changed(tx)) {
        error_set(err, ERROR_CONFLICT, "it does not wait for anybody");
        return error_fix(err, "look at its state");
    }
    return delivery_state_add(tx, delivery, "sent", note, sending, by, now_ms, err);
}

bool sending_follow(struct db_tx *tx, const char *delivery, int64_t now_ms, struct error *err)
{
    char destination[27] = "", name[128] = "", person[27] = "", pickup[44];
    struct sent_by by = {.name = name};
    id made;
    struct error why;
    struct db_rows *rows =
        db_query(tx,
                 "select o.destination, d.made_by, o.person from delivery_orders o join "
                 "deliveries d on d.id = o.delivery where o.delivery = ?1 and "
                 "o.destination is not null and not exists (select 1 from sendings "
                 "s where s.delivery = o.delivery)",
                 "s", delivery);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), destination, sizeof(destination));
        text_copy(text_of(db_text(rows, 1)), name, sizeof(name));
        if (!db_null(rows, 2) && text_copy(text_of(db_text(rows, 2)), person, sizeof(person)))
            by.person = person;
    }
    if (!db_end(rows, err))
        return false;
    if (!*destination ||
        sending_make(tx, delivery, destination, false, &by, now_ms, &made, pickup, &why))
        return true;
    if (why.kind == ERROR_INTERNAL || why.kind == ERROR_IO) {
        *err = why;
        return false;
    }
    // It stays, and says why: a person sends it by hand when it is mended.
    char note[900];
    snprintf(note, sizeof(note), "%s: %s", why.what, why.why);
    json_t *extra = json_pack("{s:s}", "note", note);
    bool ok =
        db_run(tx, err, "update delivery_orders set destination = null where delivery = ?1", "s",
               delivery) &&
        db_run(tx, err,
               "insert into delivery_states values (?1, ?2, 'kept', ?3, null, 'Posthouse', ?4)",
               "sssi", id_new().text, delivery, note, now_ms) &&
        hooks_tell(tx, "delivery.not_sent", delivery, extra, now_ms, err) &&
        say_changed(tx, delivery, err);
    json_decref(extra);
    return ok;
}
