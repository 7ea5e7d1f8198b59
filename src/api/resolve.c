/*
 * Which project a thing belongs to, by one table. The statements give project, asset (or null).
 */
#include "api/inside.h"

#include <stddef.h>
#include <string.h>

static const struct {
    size_t place; // of the id in struct call
    const char *sql;
} resolvers[] = {
#define THING(name) offsetof(struct call, name)
    {THING(version),
     "select a.project, a.id from versions v join assets a on a.id = v.asset where v.id = ?1"},
    {THING(comment),
     "select a.project, a.id from comments c join assets a on a.id = c.asset where c.id = ?1"},
    {THING(asset), "select project, id from assets where id = ?1"},
    {THING(file),
     "select t.project, null from transfer_files f join transfers t on t.id = f.transfer "
     "where f.id = ?1"},
    {THING(transfer), "select project, null from transfers where id = ?1"},
    {THING(folder), "select project, null from folders where id = ?1"},
    {THING(job), "select project, null from jobs where id = ?1"},
    {THING(delivery), "select project, null from deliveries where id = ?1"},
    {THING(parcel), "select project, null from parcels where id = ?1"},
    {THING(sending), "select project, null from sendings where id = ?1"},
    {THING(rule), "select project, null from watch_rules where id = ?1"},
    {THING(report), "select project, null from qc_reports where id = ?1"},
    {THING(transform), "select project, null from transforms where id = ?1"},
    {THING(share), "select project, null from shares where id = ?1"},
    {THING(project), "select id, null from projects where id = ?1"},
};

bool resolve_call(struct db_tx *tx, struct call *c, struct error *err)
{
    for (size_t i = 0; i < sizeof(resolvers) / sizeof(resolvers[0]); i++) {
        const char *id = *(const char **)((char *)c + resolvers[i].place);
        if (!id)
            continue;
        bool found = false;
        struct db_rows *rows = db_query(tx, resolvers[i].sql, "s", id);
        if (db_next(rows)) {
            found = true;
            c->project = arena_text(c->arena, db_text(rows, 0));
            if (!db_null(rows, 1))
                c->asset = arena_text(c->arena, db_text(rows, 1));
        }
        if (!db_end(rows, err))
            return false;
        return found || error_set(err, ERROR_NOT_FOUND, "there is no such thing here");
    }
    return true;
}
