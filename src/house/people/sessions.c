// Where a person is logged in: looked at, and ended from afar.
#include "inside.h"

struct listing {
    const char *person, *id, *keep;
    const struct who *by;
    const char *address;
    struct arena *a;
    struct session *list;
    size_t count;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    int64_t count = 0;
    if (!db_one_int(tx, &count, 0, err, "select count(*) from sessions where person = ?1", "s",
                    l->person))
        return false;
    l->list = ARENA_ARRAY(l->a, struct session, (size_t)count + 1);
    struct db_rows *rows = db_query(tx,
                                    "select id, created_ms, seen_ms, expires_ms, address, device, "
                                    "factor from sessions where person = ?1 "
                                    "order by seen_ms desc, id",
                                    "s", l->person);
    while (db_next(rows))
        l->list[l->count++] = (struct session){.id = arena_text(l->a, db_text(rows, 0)),
                                               .created_ms = db_int(rows, 1),
                                               .seen_ms = db_int(rows, 2),
                                               .expires_ms = db_int(rows, 3),
                                               .address = arena_text(l->a, db_text(rows, 4)),
                                               .device = arena_text(l->a, db_text(rows, 5)),
                                               .factor = db_int(rows, 6) != 0};
    return db_end(rows, err);
}

bool session_list(struct people *p, const char *person, struct arena *a, struct session **list,
                  size_t *count, struct error *err)
{
    struct listing l = {.person = person, .a = a};
    bool ok = db_read(p->db, list_in, &l, err);
    *list = l.list;
    *count = l.count;
    return ok;
}

static bool end_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    if (!db_run(tx, err,
                "delete from sessions where person = ?1 and (?2 is null or id = ?2) and "
                "(?3 is null or id <> ?3)",
                "sss", l->person, l->id, l->keep))
        return false;
    if (l->id && !db_changed(tx)) {
        error_set(err, ERROR_NOT_FOUND, "there is no such session");
        return error_why(err, "it has ended, or it is somebody else's");
    }
    return audit_add(tx, l->by, l->address, l->id ? "session.ended" : "sessions.ended", l->person,
                     l->id, err) &&
           person_said(tx, l->person, err);
}

bool session_end(struct people *p, const char *person, const char *id, const char *keep,
                 const struct who *by, const char *address, struct error *err)
{
    struct listing l = {.person = person, .id = id, .keep = keep, .by = by, .address = address};
    bool ok = db_write(p->db, end_in, &l, err);
    people_changed(p);
    return ok;
}
