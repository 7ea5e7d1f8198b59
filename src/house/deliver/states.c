// What an outlet says of a delivery, as people write it down; and the receipt.
#include "house/deliver/deliver.h"
#include "house/deliver/hooks.h"
#include "house/deliver/sending.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static bool state_fits(struct db_tx *tx, const char *delivery, const char *state, const char *note,
                       struct error *err)
{
    int64_t sent = 0;
    bool by_people = strcmp(state, "received") == 0 || strcmp(state, "in_inspection") == 0 ||
                     strcmp(state, "accepted") == 0 || strcmp(state, "redelivery_asked") == 0;
    if (strcmp(state, "sent") == 0)
        return true;
    if (!by_people) {
        error_set(err, ERROR_INPUT, "a delivery can not be %.40s", state);
        return error_fix(err, "it is received, in_inspection, redelivery_asked or accepted");
    }
    if (strcmp(state, "redelivery_asked") == 0 && !text_trim(text_of(note)).size) {
        error_set(err, ERROR_INPUT, "a redelivery needs its reason");
        return error_fix(err, "write down what the outlet says");
    }
    if (!db_one_int(tx, &sent, 0, err,
                    "select count(*) from delivery_states where delivery = ?1 and state = 'sent'",
                    "s", delivery))
        return false;
    if (sent)
        return true;
    error_set(err, ERROR_CONFLICT, "it was not sent to anybody yet");
    return error_fix(err, "send it first; what went another way is a destination \"by hand\"");
}

bool delivery_state_add(struct db_tx *tx, const char *delivery, const char *state, const char *note,
                        const char *sending, const char *by, int64_t now_ms, struct error *err)
{
    json_t *json;
    char event[64];
    note = note ? note : "";
    if (strlen(note) > 4000)
        return error_set(err, ERROR_INPUT, "a note is 4,000 bytes at most");
    if (!state_fits(tx, delivery, state, note, err) ||
        !db_run(tx, err, "insert into delivery_states values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                "ssssssi", id_new().text, delivery, state, note, sending, by, now_ms) ||
        !delivery_get(tx, delivery, &json, err))
        return false;
    char *body = json_dumps(json, JSON_COMPACT);
    json_t *extra = json_pack("{s:s, s:s, s:s*}", "note", note, "by", by, "sending", sending);
    snprintf(event, sizeof(event), "delivery.%.40s", state);
    bool ok = db_event(tx, "delivery.changed", word(json, "project"), delivery, body, err) &&
              hooks_tell(tx, event, delivery, extra, now_ms, err);
    free(body);
    json_decref(extra);
    json_decref(json);
    return ok;
}

bool delivery_states(struct db_tx *tx, const char *delivery, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select state, note, sending, made_by, at_ms from delivery_states "
                 "where delivery = ?1 order by id",
                 "s", delivery);
    while (db_next(rows))
        json_array_append_new(*list,
                              json_pack("{s:s, s:s, s:s?, s:s, s:s}", "state", db_text(rows, 0),
                                        "note", db_text(rows, 1), "sending", db_text(rows, 2), "by",
                                        db_text(rows, 3), "at", clock_text(db_int(rows, 4)).text));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool sending_receipt(struct db_tx *tx, const char *sending, json_t **json, struct error *err)
{
    json_t *s, *package = NULL, *delivery = NULL, *history = NULL, *result = NULL;
    int64_t took = 0;
    *json = NULL;
    if (!sending_get(tx, sending, &s, err))
        return false;
    bool ok = strcmp(word(s, "state"), "sent") == 0;
    if (!ok) {
        error_set(err, ERROR_CONFLICT, "it was not sent yet");
        error_fix(err, "wait until it is there");
    }
    struct db_rows *rows = db_query(
        tx, "select result, ended_ms - created_ms from sendings where id = ?1", "s", sending);
    if (db_next(rows)) {
        result = db_null(rows, 0) ? NULL : json_loads(db_text(rows, 0), 0, NULL);
        took = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        ok = false;
    ok = ok && sending_package(tx, sending, &package, err) &&
         delivery_get(tx, word(s, "delivery"), &delivery, err) &&
         delivery_states(tx, word(s, "delivery"), &history, err);
    if (ok) {
        size_t i;
        const json_t *row;
        int64_t bytes = 0;
        json_array_foreach(json_object_get(package, "files"), i, row) bytes +=
            json_integer_value(json_object_get(row, "size"));
        const json_t *spent = json_object_get(result, "took_ms");
        int64_t ms = json_is_integer(spent) ? json_integer_value(spent) : took;
        *json =
            json_pack("{s:O, s:O, s:O, s:O?, s:O?, s:O, s:I, s:I, s:I, s:O}", "sending", s,
                      "delivery", delivery, "files", json_object_get(package, "files"), "folder",
                      json_object_get(package, "folder"), "proof", json_object_get(result, "files"),
                      "history", history, "bytes", (json_int_t)bytes, "took_ms", (json_int_t)ms,
                      "bytes_a_second", (json_int_t)(ms > 0 ? bytes * 1000 / ms : 0), "checks",
                      json_object_get(delivery, "checks"));
    }
    json_decref(result);
    json_decref(package);
    json_decref(delivery);
    json_decref(history);
    json_decref(s);
    return ok;
}
