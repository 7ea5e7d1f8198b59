// Pictures that come one by one, through a door: they wait in an open transfer of their folder for
// the others of their sequence, as those of a drop do.
#include "house/transfer/inside.h"

#include "plat/clock.h"
#include "plat/ids.h"

#include <stdio.h>
#include <string.h>

bool transfer_alone_waits(const char *name)
{
    return file_waits(name);
}

static bool waiting_place(struct db_tx *tx, const struct transfer_alone *p, char found[27],
                          struct error *err)
{
    int64_t now = clock_now_ms();
    char key[64];
    snprintf(key, sizeof(key), "door %.27s", p->folder);
    struct db_rows *rows =
        db_query(tx, "select id from transfers where project = ?1 and person = ?2 and request = ?3",
                 "sss", p->project, p->person, key);
    bool there = db_next(rows);
    if (there)
        text_copy(text_of(db_text(rows, 0)), found, 27);
    if (!db_end(rows, err))
        return false;
    if (there)
        return db_run(tx, err, "update transfers set state = 'open', active_ms = ?2 where id = ?1",
                      "si", found, now);
    id made = id_new();
    memcpy(found, made.text, sizeof(made.text));
    return db_run(tx, err,
                  "insert into transfers (id, project, name, folder, origin, request, state, "
                  "person, created_ms, active_ms, skipped) values (?1, ?2, 'by a door', ?3, "
                  "'door', ?4, 'open', ?5, ?6, ?6, 0)",
                  "sssssi", made.text, p->project, p->folder[0] ? p->folder : NULL, key, p->person,
                  now);
}

bool transfer_alone(struct db_tx *tx, const struct transfer_alone *p, struct error *err)
{
    char transfer[27];
    int64_t now = clock_now_ms();
    // A row of this name whose picture is in an asset already has done its work.
    return waiting_place(tx, p, transfer, err) &&
           db_run(tx, err,
                  "delete from transfer_files where transfer = ?1 and path = ?2 and asset is not "
                  "null",
                  "ss", transfer, p->name) &&
           db_run(tx, err,
                  "insert into transfer_files (id, transfer, path, size, modified_ms, state, "
                  "content, created_ms, stored_ms) values (?1, ?2, ?3, ?4, ?5, 'stored', ?6, ?7, "
                  "?7)",
                  "sssiibi", id_new().text, transfer, p->name, p->size, p->modified_ms,
                  p->content->at, (size_t)SHA256_SIZE, now) &&
           db_event(tx, "transfer.changed", p->project, transfer, NULL, err);
}
