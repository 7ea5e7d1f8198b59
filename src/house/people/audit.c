#include "inside.h"
#include "plat/clock.h"

bool audit_add(struct db_tx *tx, const struct who *who, const char *address, const char *action,
               const char *subject, const char *detail, struct error *err)
{
    int64_t number = 0;
    return db_one_int(tx, &number, 0, err, "select max(number) from audit", "") &&
           db_run(tx, err, "insert into audit values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                  "iisssssss",
                  number + 1, clock_now_ms(), who ? who->person : NULL, who ? who->share : NULL,
                  address ? address : "", action, subject, detail,
                  who && who->device ? who->device : "");
}

struct list {
    int64_t before;
    int limit;
    struct arena *a;
    struct audit_row *rows;
    size_t count;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct list *l = context;
    l->rows = ARENA_ARRAY(l->a, struct audit_row, (size_t)l->limit);
    struct db_rows *rows = db_query(
        tx,
        "select a.number, a.at_ms, p.name, a.address, a.action, a.subject, a.detail, "
        "a.device from audit a "
        "left join people p on p.id = a.person where a.number < ?1 order by a.number desc limit ?2",
        "ii", l->before > 0 ? l->before : INT64_MAX, (int64_t)l->limit);
    while (db_next(rows))
        l->rows[l->count++] = (struct audit_row){
            .number = db_int(rows, 0),
            .at_ms = db_int(rows, 1),
            .person = arena_text(l->a, db_text(rows, 2)),
            .address = arena_text(l->a, db_text(rows, 3)),
            .action = arena_text(l->a, db_text(rows, 4)),
            .subject = arena_text(l->a, db_text(rows, 5)),
            .detail = arena_text(l->a, db_text(rows, 6)),
            .device = arena_text(l->a, db_text(rows, 7)),
        };
    return db_end(rows, err);
}

bool audit_list(struct people *p, int64_t before, int limit, struct arena *a,
                struct audit_row **rows, size_t *count, struct error *err)
{
    struct list l = {.before = before, .limit = limit, .a = a};
    bool ok = db_read(p->db, list_in, &l, err);
    *rows = l.rows;
    *count = l.count;
    return ok;
}
