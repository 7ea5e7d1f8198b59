// Where things were made, so that they are told again wherever they went.
#include "house/parcels/inside.h"

#include <string.h>

static const struct {
    const char *kind, *here; // here: the thing itself, in a project
} kinds[] = {
    {"asset", "select count(*) from assets where id = ?1 and project = ?2"},
    {"version", "select count(*) from versions v join assets a on a.id = v.asset where v.id = ?1 "
                "and a.project = ?2"},
    {"note", "select count(*) from comments c join assets a on a.id = c.asset where c.id = ?1 and "
             "a.project = ?2"},
    {"folder", "select count(*) from folders where id = ?1 and project = ?2"},
};

static const char *here_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].here;
    return NULL;
}

struct own { // the house's id
    char *self;
};

static bool self_in(struct db_tx *tx, void *context, struct error *err)
{
    struct own *o = context;
    struct arena *a = arena_open(1 << 16);
    const char *value = NULL;
    bool ok = db_value_get(tx, "house.id", a, &value, err);
    if (ok && value)
        text_copy(text_of(value), o->self, 27);
    arena_close(a);
    return ok;
}

static bool self_make_in(struct db_tx *tx, void *context, struct error *err)
{
    struct own *o = context;
    if (!self_in(tx, context, err))
        return false;
    if (*o->self)
        return true;
    text_copy(text_of(id_new().text), o->self, 27);
    return db_value_set(tx, "house.id", o->self, err);
}

bool houses_self(struct db *db, char self[27], struct error *err)
{
    struct own o = {self};
    *self = 0;
    return db_read(db, self_in, &o, err) && (*self || db_write(db, self_make_in, &o, err));
}

bool origin_of(struct db_tx *tx, const char *self, const char *kind, const char *local,
               char house[27], char thing[27], struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select house, thing from origins where kind = ?1 and local = ?2", "ss", kind, local);
    bool there = db_next(rows);
    text_copy(text_of(there ? db_text(rows, 0) : self), house, 27);
    text_copy(text_of(there ? db_text(rows, 1) : local), thing, 27);
    return db_end(rows, err);
}

bool origin_find(struct db_tx *tx, const char *self, const char *project, const char *kind,
                 const char *house, const char *thing, char local[27], struct error *err)
{
    int64_t here = 0;
    *local = 0;
    struct db_rows *rows = db_query(tx,
                                    "select local from origins where project = ?1 and kind = ?2 "
                                    "and house = ?3 and thing = ?4",
                                    "ssss", project, kind, house, thing);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), local, 27);
    if (!db_end(rows, err))
        return false;
    if (*local || strcmp(house, self) != 0)
        return true;
    if (!db_one_int(tx, &here, 0, err, here_of(kind), "ss", thing, project))
        return false;
    if (here)
        text_copy(text_of(thing), local, 27);
    return true;
}

bool origin_keep(struct db_tx *tx, const char *self, const char *project, const char *kind,
                 const char *house, const char *thing, const char *local, struct error *err)
{
    if (strcmp(house, self) == 0 && strcmp(thing, local) == 0)
        return true;
    return db_run(tx, err,
                  "insert into origins (project, kind, house, thing, local) values (?1, ?2, ?3, "
                  "?4, ?5)",
                  "sssss", project, kind, house, thing, local);
}
