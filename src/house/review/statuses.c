// What people decide about a version: in review, changes asked, approved.
#include "house/review/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_NOTE_MAX = 2000 };

static json_t *status_row(struct db_rows *rows)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:o}", "number", (json_int_t)db_int(rows, 0), "status",
                     db_text(rows, 1), "by", db_text(rows, 2), "note", db_text(rows, 3), "at",
                     time_or_null(db_int(rows, 4)));
}

bool status_list(struct db_tx *tx, const char *version, json_t **list, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select s.number, s.status, coalesce(p.name, s.name), s.note, s.at_ms from "
                 "version_statuses s left join people p on p.id = s.person where s.version = ?1 "
                 "order by s.number desc",
                 "s", version);
    *list = json_array();
    while (db_next(rows))
        json_array_append_new(*list, status_row(rows));
    return db_end(rows, err);
}

bool status_set(struct db_tx *tx, const char *version, const struct who *who, const char *status,
                const char *note, json_t **made, struct error *err)
{
    char project[27] = "", asset[27] = "", now[16] = "";
    int64_t number = 0, at = clock_now_ms();
    if (strlen(note) > STATUS_NOTE_MAX || !text_utf8(text_of(note)))
        return error_set(err, ERROR_INPUT, "a note has at most %d bytes of UTF-8", STATUS_NOTE_MAX);
    struct db_rows *rows = db_query(tx,
                                    "select a.project, a.id, v.status from versions v join assets "
                                    "a on a.id = v.asset where v.id = ?1",
                                    "s", version);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
        text_copy(text_of(db_text(rows, 1)), asset, sizeof(asset));
        text_copy(text_of(db_text(rows, 2)), now, sizeof(now));
    }
    if (!db_end(rows, err))
        return false;
    if (!project[0])
        return error_set(err, ERROR_NOT_FOUND, "there is no such version");
    if (strcmp(now, status) == 0 && !note[0]) {
        error_set(err, ERROR_CONFLICT, "it has this status already");
        return error_fix(err, "say something with it, or choose another one");
    }
    if (!db_one_int(tx, &number, 0, err,
                    "select max(number) from version_statuses where version = ?1", "s", version) ||
        !db_run(tx, err, "insert into version_statuses values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                "sisssssi", version, number + 1, status, who->person, who->share,
                who->name && *who->name ? who->name : "A visitor", note, at) ||
        !db_run(tx, err, "update versions set status = ?2 where id = ?1", "ss", version, status))
        return false;
    json_t *body =
        json_pack("{s:s, s:s, s:s}", "asset", asset, "version", version, "status", status);
    char *written = json_dumps(body, JSON_COMPACT);
    bool ok = db_event(tx, "version.status", project, version, written, err) &&
              db_event(tx, "asset.changed", project, asset, written, err);
    free(written);
    json_decref(body);
    *made = ok ? json_pack("{s:I, s:s, s:s, s:s, s:o}", "number", (json_int_t)number + 1, "status",
                           status, "by", who->name && *who->name ? who->name : "A visitor", "note",
                           note, "at", time_or_null(at))
               : NULL;
    return ok;
}
