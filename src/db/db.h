/*
 * db: the house's state, behind one door (SQLite today, PostgreSQL next).
 *
 * Reads run on connections of their own and see one moment. Writes are handed to one writer
 * thread, which commits whatever is waiting as one transaction: each piece of work runs inside its
 * own savepoint, so one that fails takes nothing of the others with it, and db_write returns only
 * when its commit is durable.
 *
 * SQL is what SQLite 3.40 and PostgreSQL 15 both speak; parameters are ?1, ?2, ...; ids are made by
 * us, never by the database. Times are int64 milliseconds since 1970, hashes are blobs.
 *
 * The event log is part of it: db_event adds a row inside the writing transaction; numbers are
 * given in commit order without gaps, and db_event_wait wakes whoever waits for news.
 */
#pragma once
#include "base/arena.h"
#include "plat/hash.h"

struct db;
struct db_tx;   // a transaction, inside db_read or db_write only; one thread
struct db_rows; // the answer of one statement

struct db_wish {
    const char *path;       // the database file; made when missing
    const char *migrations; // folder of NNNN_name.sql files, run in order under a lock
    int readers;            // most connections that read at once; 0: 4
    const char *vfs;        // SQLite VFS for tests; NULL: the system's
};

// Opens, migrates, recovers. Refuses a database that a newer program has written.
struct db *db_open(const struct db_wish *wish, struct error *err);
void db_close(struct db *db); // waits for what was handed in

// `work` returns false with *err set to undo what it did (only its own part).
typedef bool db_work(struct db_tx *tx, void *context, struct error *err);
MUST_CHECK bool db_read(struct db *db, db_work *work, void *context, struct error *err);
// Blocks until durable. `work` runs on the writer's thread, may be run again after a busy database,
// must be short and must not call db_* with `db`.
MUST_CHECK bool db_write(struct db *db, db_work *work, void *context, struct error *err);

// Runs a statement that returns nothing. `types` has a letter a parameter:
// s const char * (NULL is null) · t text · i int64_t · d double · b const void *, size_t (NULL is
// null) · n null (takes no argument). Integer arguments must be cast to int64_t.
MUST_CHECK bool db_run(struct db_tx *tx, struct error *err, const char *sql, const char *types,
                       ...);
int64_t db_changed(struct db_tx *tx); // rows that the last db_run changed

// A statement that returns rows: while (db_next(rows)) {...} then `return db_end(rows, err)`.
// Never NULL: a mistake is told by db_end. Columns count from 0; texts live until the next db_next.
struct db_rows *db_query(struct db_tx *tx, const char *sql, const char *types, ...);
bool db_next(struct db_rows *rows);
int64_t db_int(struct db_rows *rows, int column);
const char *db_text(struct db_rows *rows, int column);               // NULL for null
const void *db_blob(struct db_rows *rows, int column, size_t *size); // NULL for null
sha256 db_hash(struct db_rows *rows, int column); // zeros for null, and what is none
bool db_null(struct db_rows *rows, int column);
MUST_CHECK bool db_end(struct db_rows *rows, struct error *err); // frees

// The first row's first column, or `none` when there is no row: counts, existence.
MUST_CHECK bool db_one_int(struct db_tx *tx, int64_t *value, int64_t none, struct error *err,
                           const char *sql, const char *types, ...);

// Writes the whole state as it is at this moment to a new file, beside whoever works with it, and
// makes it durable. `path` need not be open. CONFLICT when `to` is there.
MUST_CHECK bool db_copy(const char *path, const char *to, struct error *err);
// The form of the state in a file: the number of its newest migration. DAMAGED when it is no house's.
MUST_CHECK bool db_form(const char *path, int64_t *form, struct error *err);

// ---- the event log
// `project` may be NULL. `body` is JSON or NULL for {}. Only in db_write.
MUST_CHECK bool db_event(struct db_tx *tx, const char *kind, const char *project,
                         const char *subject, const char *body, struct error *err);
int64_t db_event_last(struct db *db); // the newest committed number
// Looks for events that another process has written; those who wait for ours hear of them.
MUST_CHECK bool db_events_look(struct db *db, struct error *err);
// Waits until there is an event after `number`, at most timeout_ms. Returns the newest number.
int64_t db_event_wait(struct db *db, int64_t number, int timeout_ms);

struct db_event {
    int64_t number, at_ms;
    const char *kind, *project, *subject, *body; // project may be NULL
};
// Events after `number` in order, at most `limit`; arrays and texts live in `a`.
MUST_CHECK bool db_events_after(struct db_tx *tx, int64_t number, int limit, struct arena *a,
                                struct db_event **events, size_t *count, struct error *err);
// Forgets events older than `before_ms` but never the newest one.
MUST_CHECK bool db_events_compact(struct db_tx *tx, int64_t before_ms, struct error *err);

// ---- small values kept by name (the house's secret key, cursors of flow, ...)
MUST_CHECK bool db_value_set(struct db_tx *tx, const char *name, const char *value,
                             struct error *err);
// NULL in *value when there is none.
MUST_CHECK bool db_value_get(struct db_tx *tx, const char *name, struct arena *a,
                             const char **value, struct error *err);

// Full-text search differs between the databases; these hide it. Names are matched by words'
// beginnings, case and accents aside. (SQLite: FTS5 table `search_<table>`.)
// The words that a name is found by: itself; its runs of letters and of digits, numbers also
// without leading zeros; each run of letters with the number behind it ("shot12", "v3").
const char *db_search_name(struct arena *a, const char *name);
MUST_CHECK bool db_search_set(struct db_tx *tx, const char *table, const char *row_id,
                              const char *words, struct error *err);
MUST_CHECK bool db_search_drop(struct db_tx *tx, const char *table, const char *row_id,
                               struct error *err);
// The row's number in the search, to be kept in a column of the table.
MUST_CHECK bool db_search_row(struct db_tx *tx, const char *table, const char *row_id, int64_t *row,
                              struct error *err);
// An SQL condition on that column that is true for matches of ?N; the parameter to bind for it is
// made from what a person typed by db_search_words. Both in `a`.
const char *db_search_row_condition(struct arena *a, const char *table, const char *column,
                                    int parameter);
const char *db_search_words(struct arena *a, const char *typed);
// A statement that gives the rows' numbers of all matches of ?1.
const char *db_search_all(struct arena *a, const char *table);
// Of a table whose rows have a number of their own (above 0): that is the row's number in the
// search too. The greatest that is in the search, 0: none.
MUST_CHECK bool db_search_set_number(struct db_tx *tx, const char *table, int64_t number,
                                     const char *words, struct error *err);
MUST_CHECK bool db_search_last(struct db_tx *tx, const char *table, int64_t *number,
                               struct error *err);

// The whole database proven (PRAGMA integrity_check, foreign keys).
MUST_CHECK bool db_check(struct db *db, struct error *err);
