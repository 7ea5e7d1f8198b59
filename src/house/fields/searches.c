// Filters and columns under a name.
#include "house/fields/inside.h"

#include <stdlib.h>
#include <string.h>

bool searches_list(struct db_tx *tx, const char *project, const char *person, json_t **list,
                   struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select s.number, s.name, s.query, s.person is null, s.made_by = ?2, coalesce("
                 "p.name, '') from searches s left join people p on p.id = s.made_by where "
                 "s.project = ?1 and (s.person is null or s.person = ?2) order by s.name, s.number",
                 "ss", project, person ? person : "");
    while (db_next(rows)) {
        json_t *query = json_loads(db_text(rows, 2), 0, NULL);
        json_array_append_new(
            *list,
            json_pack("{s:I, s:s, s:o, s:b, s:b, s:s}", "number", (json_int_t)db_int(rows, 0),
                      "name", db_text(rows, 1), "query", query ? query : json_object(), "shared",
                      (int)db_int(rows, 3), "mine", (int)db_int(rows, 4), "by", db_text(rows, 5)));
    }
    return db_end(rows, err);
}

bool search_save(struct db_tx *tx, const char *project, const char *person, const char *name,
                 const json_t *query, bool shared, int64_t *number, struct error *err)
{
    int64_t last = 0, same = 0;
    text t = text_trim(text_of(name));
    if (!t.size || t.size > 100 || !text_utf8(t)) {
        error_set(err, ERROR_INPUT, "the search cannot be kept under this name");
        return error_fix(err, "take a name of 1 to 100 bytes");
    }
    if (!db_one_int(tx, &last, 0, err, "select max(number) from searches where project = ?1", "s",
                    project) ||
        !db_one_int(tx, &same, 0, err,
                    "select count(*) from searches where project = ?1 and made_by = ?2", "ss",
                    project, person))
        return false;
    if (same >= SEARCHES_MOST) {
        error_set(err, ERROR_TOO_BIG, "you have 500 saved searches here");
        return error_fix(err, "remove some first");
    }
    // The same name of the same people is the same search, as it is now.
    if (!db_one_int(tx, number, 0, err,
                    "select number from searches where project = ?1 and name = ?2 and made_by = "
                    "?3 and (person is null) = ?4",
                    "stsi", project, t, person, (int64_t)shared))
        return false;
    bool again = *number > 0;
    if (!again)
        *number = last + 1;
    char *written = json_dumps(query, JSON_COMPACT);
    bool ok =
        again ? db_run(tx, err, "update searches set query = ?3 where project = ?1 and number = ?2",
                       "sis", project, *number, written)
              : db_run(tx, err, "insert into searches values (?1, ?2, ?3, ?4, ?5, ?6)", "sistss",
                       project, *number, shared ? NULL : person, t, written, person);
    free(written);
    return ok && db_event(tx, "searches.changed", project, project, NULL, err);
}

bool search_remove(struct db_tx *tx, const char *project, const char *person, int64_t number,
                   bool manages, struct error *err)
{
    if (!db_run(tx, err,
                "delete from searches where project = ?1 and number = ?2 and (made_by = ?3 or "
                "(?4 = 1 and person is null))",
                "sisi", project, number, person, (int64_t)manages))
        return false;
    if (db_changed(tx))
        return db_event(tx, "searches.changed", project, project, NULL, err);
    error_set(err, ERROR_NOT_FOUND, "there is no such search of yours");
    return error_fix(err, "a shared one is removed by whoever made it or manages the project");
}
