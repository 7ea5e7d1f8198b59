/*
 * Lists: the files of a folder that a look has seen first, packed, so that looking writes a row a
 * folder and not a row a file.
 *
 * A folder has lists or rows, never both: a list is made for a folder of which no file is known,
 * and becomes rows, in the order of names, before anything else is written of one of its files.
 */
#include "house/places/inside.h"

#include <endian.h>
#include <string.h>

enum { NUMBERS_SIZE = 3 * 8 };

void list_add(struct buf *list, const char *name, const struct beneath_file *is)
{
    const uint64_t numbers[] = {htole64((uint64_t)is->size), htole64((uint64_t)is->mtime_ns),
                                htole64(is->inode)};
    buf_add(list, numbers, sizeof(numbers));
    buf_add(list, name, strlen(name) + 1);
}

bool list_next(text *rest, struct list_entry *e)
{
    uint64_t numbers[3];
    if (rest->size <= NUMBERS_SIZE)
        return false;
    memcpy(numbers, rest->at, sizeof(numbers));
    const char *name = rest->at + NUMBERS_SIZE, *end = rest->at + rest->size;
    const char *zero = memchr(name, 0, (size_t)(end - name));
    if (!zero)
        return false;
    *e = (struct list_entry){name,
                             {.size = (int64_t)le64toh(numbers[0]),
                              .mtime_ns = (int64_t)le64toh(numbers[1]),
                              .inode = le64toh(numbers[2])}};
    *rest = (text){zero + 1, (size_t)(end - zero - 1)};
    return true;
}

bool list_keep(struct db_tx *tx, int64_t place, int64_t folder, int64_t part, text entries,
               int64_t now_ms, struct error *err)
{
    return db_run(tx, err,
                  "insert into place_lists (folder, part, place, since_ms, entries) values (?1, "
                  "?2, ?3, ?4, ?5)",
                  "iiiib", folder, part, place, now_ms, (const void *)entries.at, entries.size);
}

bool place_file_new(struct db_tx *tx, int64_t place, int64_t folder, const struct list_entry *e,
                    int64_t since_ms, struct error *err)
{
    return db_run(tx, err,
                  "insert into place_files (folder, name, place, size, mtime_ns, inode, state, "
                  "since_ms, seen_ms, hashed, wanted, member) values (?1, ?2, ?3, ?4, ?5, ?6, "
                  "'new', ?7, 0, 9, 0, 0) on conflict (folder, name) do nothing",
                  "ibiiiii", folder, e->name, strlen(e->name), place, e->is.size, e->is.mtime_ns,
                  (int64_t)e->is.inode, since_ms);
}

bool list_unpack(struct db_tx *tx, int64_t folder, struct error *err)
{
    bool any = false, ok = true;
    struct db_rows *rows = db_query(
        tx, "select place, since_ms, entries from place_lists where folder = ?1 order by part", "i",
        folder);
    while (ok && db_next(rows)) {
        size_t size;
        const char *at = db_blob(rows, 2, &size);
        text rest = {at, size};
        struct list_entry e;
        any = true;
        while (ok && list_next(&rest, &e))
            ok = place_file_new(tx, db_int(rows, 0), folder, &e, db_int(rows, 1), err);
    }
    struct error ignored;
    ok = db_end(rows, ok ? err : &ignored) && ok;
    return ok &&
           (!any || db_run(tx, err, "delete from place_lists where folder = ?1", "i", folder));
}
