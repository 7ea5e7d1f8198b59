/*
 * How fast bytes go to and from the house: each sample of who moved them moves what is known of him
 * by a third; after a day without any the next one stands alone.
 */
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <string.h>

enum { NAME_MOST = 255 };
#define DAY_MS INT64_C(86400000)
#define KEPT_DAYS 400
#define BYTES_S_MOST 1e12 // more is no line

bool speed_measured(struct db_tx *tx, const struct speed_sample *s, int64_t now_ms,
                    struct error *err)
{
    double bytes_s = s->ms > 0 ? (double)s->bytes * 1000 / (double)s->ms : 0;
    if (bytes_s < 1 || bytes_s > BYTES_S_MOST || strlen(s->name) > NAME_MOST) {
        error_set(err, ERROR_INPUT, "that is no speed of a line");
        return error_why(err, "%lld bytes in %lld ms", (long long)s->bytes, (long long)s->ms);
    }
    return db_run(tx, err, "delete from speeds where at_ms < ?1", "i",
                  now_ms - KEPT_DAYS * DAY_MS) &&
           db_run(tx, err,
                  "insert into speeds values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (kind, "
                  "origin, direction) do update set bytes_s = case when at_ms < ?8 then ?6 else "
                  "bytes_s - bytes_s / 3 + ?6 / 3 end, at_ms = ?7",
                  "sssssiii", s->person[0] ? "put" : "worker", s->origin, s->out ? "out" : "in",
                  s->person, s->name, (int64_t)bytes_s, now_ms, now_ms - DAY_MS);
}

bool speed_list(struct db_tx *tx, const char *person, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select s.kind, s.direction, coalesce(w.name, s.name), coalesce(w.host, s.name), "
        "s.bytes_s, "
        "s.at_ms, coalesce(w.has, '{}') like '%\"no=disks\"%' from speeds s left join workers w on "
        "s.kind = 'worker' and w.id = s.origin where s.kind = 'worker' or ?1 = '' or s.person = ?1 "
        "order by s.at_ms desc, s.kind, s.origin, s.direction",
        "s", person ? person : "");
    while (db_next(rows))
        json_array_append_new(
            *list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b}", "kind", db_text(rows, 0),
                             "direction", db_text(rows, 1), "name", db_text(rows, 2), "host",
                             db_text(rows, 3), "bytes_s", (json_int_t)db_int(rows, 4), "measured",
                             clock_text(db_int(rows, 5)).text, "elsewhere", db_int(rows, 6) != 0));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}
