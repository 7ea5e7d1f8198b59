/*
 * SQLite behind db.h. One connection writes, in one thread; it takes all waiting pieces of work (up
 * to BATCH), runs each in a savepoint, commits once (WAL, synchronous=FULL: the commit is on disk
 * when it returns) and then answers all of them. Readers borrow connections from a small pool.
 */
#include "db/db.h"
#include "plat/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, READERS = 4, STATEMENTS = 128 };

// Prepared statements of one connection, found by their SQL text. `busy` ones are in use by an open
// db_rows; a second use at the same time gets a fresh one that is not kept.
struct kept {
    uint64_t hash; // of sql, which is looked at only when this fits
    char *sql;
    sqlite3_stmt *statement;
    bool busy;
    uint64_t used;
};

struct db_tx {
    struct db *db;
    sqlite3 *sqlite;
    struct kept kept[STATEMENTS];
    uint64_t uses;
    bool writing;
    int64_t event_number; // the last one given, in this transaction or before
};

struct piece {
    struct piece *next;
    db_work *work;
    void *context;
    struct error *err;
    bool done, ok;
};

struct db {
    struct db_wish wish;
    pthread_t writer;
    struct db_tx write_tx; // the writer thread's, alone
    // guarded by `lock`: the queue, `closing`, the pool and the newest event
    pthread_mutex_t lock;
    pthread_cond_t handed_in, answered, reader_free, news;
    struct piece *first, *last;
    bool closing;
    struct db_tx *readers;
    bool *reader_busy;
    int reader_count;
    int64_t event_last;
};

struct db_rows {
    struct db_tx *tx;
    sqlite3_stmt *statement;
    struct kept *kept; // NULL: finalize when done
    int code;
    char sql[120];
};

static bool sqlite_error(struct error *err, sqlite3 *sqlite, int code, const char *what)
{
    int plain = code & 0xff;
    enum error_kind kind = plain == SQLITE_FULL                                ? ERROR_NO_SPACE
                           : plain == SQLITE_CORRUPT || plain == SQLITE_NOTADB ? ERROR_DAMAGED
                           : plain == SQLITE_CONSTRAINT                        ? ERROR_CONFLICT
                           : plain == SQLITE_BUSY || plain == SQLITE_LOCKED    ? ERROR_TIMEOUT
                           : plain == SQLITE_IOERR || plain == SQLITE_CANTOPEN ? ERROR_IO
                                                                               : ERROR_INTERNAL;
    error_set(err, kind, "the house's database failed: %s", what);
    error_why(err, "%s", sqlite ? sqlite3_errmsg(sqlite) : sqlite3_errstr(code));
    if (kind == ERROR_NO_SPACE)
        error_fix(err, "free space on the disk that holds the house's state");
    else if (kind == ERROR_DAMAGED)
        error_fix(err, "stop the house and run `posthouse check`");
    return false;
}

static bool connect_to(struct db *db, struct db_tx *tx, bool writing, struct error *err)
{
    tx->db = db;
    tx->writing = writing;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(db->wish.path, &tx->sqlite, flags, db->wish.vfs);
    if (code != SQLITE_OK)
        return sqlite_error(err, tx->sqlite, code, db->wish.path);
    sqlite3_busy_timeout(tx->sqlite, 10000);
    code = sqlite3_exec(tx->sqlite,
                        "pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on;"
                        "pragma temp_store=memory; pragma cache_size=-4000; pragma mmap_size=0;"
                        "pragma wal_autocheckpoint=2000",
                        NULL, NULL, NULL);
    return code == SQLITE_OK || sqlite_error(err, tx->sqlite, code, "setting it up");
}

static void disconnect(struct db_tx *tx)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(tx->kept[i].statement);
        free(tx->kept[i].sql);
    }
    sqlite3_close(tx->sqlite);
    memset(tx, 0, sizeof(*tx));
}

static bool execute(struct db_tx *tx, const char *sql, struct error *err)
{
    int code = sqlite3_exec(tx->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || sqlite_error(err, tx->sqlite, code, sql);
}

// ---- migrations

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_migration(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 9 && strspn(entry->d_name, "0123456789") == 4 && entry->d_name[4] == '_' &&
           strcmp(entry->d_name + size - 4, ".sql") == 0;
}

static bool read_file(const char *path, struct buf *out, struct error *err)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return error_errno(err, 2, "cannot read %s", path);
    char part[8192];
    for (size_t got; (got = fread(part, 1, sizeof(part), f)) > 0;)
        buf_add(out, part, got);
    fclose(f);
    return true;
}

static bool migrate(struct db *db, struct error *err)
{
    struct db_tx *tx = &db->write_tx;
    if (!execute(tx, "begin immediate", err))
        return false;
    bool done = false;
    struct dirent **files = NULL;
    int64_t have = 0, newest = 0;
    int count = scandir(db->wish.migrations, &files, is_migration, by_name);
    if (count <= 0) {
        error_set(err, ERROR_NOT_FOUND, "the house's migrations are missing");
        error_why(err, "there are none in %s", db->wish.migrations);
        error_fix(err, "install Posthouse again, or set data.folder to where its data/ lies");
        goto out;
    }
    newest = atoi(files[count - 1]->d_name);
    if (!execute(tx,
                 "create table if not exists migrations (number integer primary key, name text not "
                 "null, at_ms integer not null)",
                 err) ||
        !db_one_int(tx, &have, 0, err, "select max(number) from migrations", ""))
        goto out;
    if (have > newest) {
        error_set(err, ERROR_CONFLICT, "this house was written by a newer Posthouse");
        error_why(err, "its state has form %lld, this program knows %lld", (long long)have,
                  (long long)newest);
        error_fix(err, "start the newer program, or restore a backup made before");
        goto out;
    }
    for (int i = 0; i < count; i++) {
        int number = atoi(files[i]->d_name);
        if (number <= have)
            continue;
        char path[4096];
        struct buf sql = BUF_LIMIT(1 << 20);
        snprintf(path, sizeof(path), "%s/%s", db->wish.migrations, files[i]->d_name);
        bool ran = read_file(path, &sql, err) && execute(tx, sql.at ? sql.at : "", err) &&
                   db_run(tx, err, "insert into migrations values (?1, ?2, ?3)", "isi",
                          (int64_t)number, files[i]->d_name, clock_now_ms());
        buf_free(&sql);
        if (!ran) {
            error_while(err, "migration %s", files[i]->d_name);
            goto out;
        }
    }
    done = execute(tx, "commit", err);
out:
    if (!done)
        sqlite3_exec(tx->sqlite, "rollback", NULL, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    return done;
}

// ---- copies

static sqlite3 *look_only(const char *path, struct error *err)
{
    sqlite3 *sqlite = NULL;
    if (sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(sqlite, 30000);
        return sqlite;
    }
    error_set(err, ERROR_IO, "cannot open %s", path);
    error_why(err, "%s", sqlite ? sqlite3_errmsg(sqlite) : "out of memory");
    sqlite3_close(sqlite);
    return NULL;
}

bool db_copy(const char *path, const char *to, struct error *err)
{
    sqlite3 *target = NULL, *source = look_only(path, err);
    if (!source)
        return false;
    int fd = open(to, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        sqlite3_close(source);
        return error_errno(err, errno, "cannot make %s", to);
    }
    int code = sqlite3_open_v2(to, &target, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_backup *copy =
        code == SQLITE_OK ? sqlite3_backup_init(target, "main", source, "main") : NULL;
    // All pages in one step are of one moment: in WAL mode a reader keeps nobody from writing.
    if (copy) {
        code = sqlite3_backup_step(copy, -1);
        int ended = sqlite3_backup_finish(copy);
        code = code == SQLITE_DONE ? ended : code;
    } else if (code == SQLITE_OK) {
        code = sqlite3_errcode(target);
    }
    bool ok = code == SQLITE_OK;
    if (!ok) {
        error_set(err, code == SQLITE_FULL ? ERROR_NO_SPACE : ERROR_IO, "cannot copy %s to %s",
                  path, to);
        error_why(err, "%s", sqlite3_errstr(code));
    }
    sqlite3_close(target);
    sqlite3_close(source);
    if (ok && fsync(fd) != 0)
        ok = error_errno(err, errno, "cannot make %s durable", to);
    close(fd);
    return ok;
}

bool db_form(const char *path, int64_t *form, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *sqlite = look_only(path, err);
    if (!sqlite)
        return false;
    bool ok = sqlite3_prepare_v2(sqlite, "select max(number) from migrations", -1, &statement,
                                 NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    if (ok) {
        *form = sqlite3_column_int64(statement, 0);
    } else {
        error_set(err, ERROR_DAMAGED, "%s is not the database of a house", path);
        error_why(err, "%s", sqlite3_errmsg(sqlite));
    }
    sqlite3_finalize(statement);
    sqlite3_close(sqlite);
    return ok;
}

// ---- the writer

static bool begin_batch(struct db_tx *tx, struct error *err)
{
    return execute(tx, "begin immediate", err) &&
           db_one_int(tx, &tx->event_number, 0, err, "select max(number) from events", "");
}

static bool run_piece(struct db_tx *tx, struct piece *p)
{
    struct error trouble;
    if (!execute(tx, "savepoint piece", p->err))
        return false;
    int64_t event_before = tx->event_number;
    if (p->work(tx, p->context, p->err))
        return execute(tx, "release piece", p->err);
    tx->event_number = event_before;
    // After a full disk SQLite may have rolled the whole transaction back: the batch then fails.
    execute(tx, "rollback to piece", &trouble);
    execute(tx, "release piece", &trouble);
    return false;
}

static void answer(struct db *db, struct piece *batch, bool committed, const struct error *why)
{
    pthread_mutex_lock(&db->lock);
    for (struct piece *p = batch, *next; p; p = next) {
        next = p->next; // the waiter may be gone once `done` is seen
        if (p->ok && !committed) {
            p->ok = false;
            *p->err = *why;
        }
        p->done = true;
    }
    if (committed && db->write_tx.event_number > db->event_last) {
        db->event_last = db->write_tx.event_number;
        pthread_cond_broadcast(&db->news);
    }
    pthread_cond_broadcast(&db->answered);
    pthread_mutex_unlock(&db->lock);
}

static void *write_all(void *context)
{
    struct db *db = context;
    struct db_tx *tx = &db->write_tx;
    for (;;) {
        pthread_mutex_lock(&db->lock);
        while (!db->first && !db->closing)
            pthread_cond_wait(&db->handed_in, &db->lock);
        struct piece *batch = db->first, *end = batch;
        if (!batch) {
            pthread_mutex_unlock(&db->lock);
            return NULL;
        }
        for (int i = 1; i < BATCH && end->next; i++)
            end = end->next;
        db->first = end->next;
        if (!db->first)
            db->last = NULL;
        end->next = NULL;
        pthread_mutex_unlock(&db->lock);

        struct error err;
        error_clear(&err);
        bool committed = begin_batch(tx, &err);
        if (committed) {
            for (struct piece *p = batch; p; p = p->next)
                p->ok = run_piece(tx, p);
            committed = execute(tx, "commit", &err);
        } else {
            for (struct piece *p = batch; p; p = p->next)
                p->ok = true; // none of them is to blame: all get `err`
        }
        if (!committed)
            sqlite3_exec(tx->sqlite, "rollback", NULL, NULL, NULL);
        answer(db, batch, committed, &err);
    }
}

bool db_write(struct db *db, db_work *work, void *context, struct error *err)
{
    struct piece p = {.work = work, .context = context, .err = err};
    pthread_mutex_lock(&db->lock);
    if (db->last)
        db->last->next = &p;
    else
        db->first = &p;
    db->last = &p;
    pthread_cond_signal(&db->handed_in);
    while (!p.done)
        pthread_cond_wait(&db->answered, &db->lock);
    pthread_mutex_unlock(&db->lock);
    return p.ok;
}

bool db_read(struct db *db, db_work *work, void *context, struct error *err)
{
    int mine = -1;
    pthread_mutex_lock(&db->lock);
    while (mine < 0) {
        for (int i = 0; i < db->reader_count && mine < 0; i++)
            if (!db->reader_busy[i])
                mine = i;
        if (mine < 0)
            pthread_cond_wait(&db->reader_free, &db->lock);
    }
    db->reader_busy[mine] = true;
    pthread_mutex_unlock(&db->lock);
    struct db_tx *tx = &db->readers[mine];
    bool ok = (tx->sqlite || connect_to(db, tx, false, err)) && execute(tx, "begin", err);
    if (ok) {
        ok = work(tx, context, err);
        sqlite3_exec(tx->sqlite, "rollback", NULL, NULL, NULL);
    }
    pthread_mutex_lock(&db->lock);
    db->reader_busy[mine] = false;
    pthread_cond_signal(&db->reader_free);
    pthread_mutex_unlock(&db->lock);
    return ok;
}

struct db *db_open(const struct db_wish *wish, struct error *err)
{
    struct db *db = calloc(1, sizeof(*db));
    if (!db)
        abort();
    db->wish = *wish;
    db->wish.path = strdup(wish->path);
    db->wish.migrations = strdup(wish->migrations);
    db->reader_count = wish->readers > 0 ? wish->readers : READERS;
    db->readers = calloc((size_t)db->reader_count, sizeof(*db->readers));
    db->reader_busy = calloc((size_t)db->reader_count, sizeof(*db->reader_busy));
    pthread_mutex_init(&db->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&db->handed_in, NULL);
    pthread_cond_init(&db->answered, NULL);
    pthread_cond_init(&db->reader_free, NULL);
    pthread_cond_init(&db->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bool ok =
        db->wish.path && db->wish.migrations && db->readers && db->reader_busy &&
        connect_to(db, &db->write_tx, true, err) && migrate(db, err) &&
        db_one_int(&db->write_tx, &db->event_last, 0, err, "select max(number) from events", "");
    if (ok && pthread_create(&db->writer, NULL, write_all, db) != 0)
        ok = error_set(err, ERROR_INTERNAL, "cannot start the database's writer");
    if (!ok) {
        db->closing = true;
        db->writer = 0;
        db_close(db);
        return NULL;
    }
    return db;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    if (db->writer) {
        pthread_mutex_lock(&db->lock);
        db->closing = true;
        pthread_cond_broadcast(&db->handed_in);
        pthread_cond_broadcast(&db->news);
        pthread_mutex_unlock(&db->lock);
        pthread_join(db->writer, NULL);
    }
    for (int i = 0; i < db->reader_count; i++)
        disconnect(&db->readers[i]);
    disconnect(&db->write_tx);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->handed_in);
    pthread_cond_destroy(&db->answered);
    pthread_cond_destroy(&db->reader_free);
    pthread_cond_destroy(&db->news);
    free(db->readers);
    free(db->reader_busy);
    free((char *)db->wish.path);
    free((char *)db->wish.migrations);
    free(db);
}

// ---- statements

static uint64_t hash_of(const char *sql) // FNV-1a
{
    uint64_t hash = 14695981039346656037u;
    for (; *sql; sql++)
        hash = (hash ^ (unsigned char)*sql) * 1099511628211u;
    return hash;
}

// The statement for `sql`: kept ones are used again; the least recently used makes room.
static sqlite3_stmt *prepare(struct db_tx *tx, const char *sql, struct kept **kept, int *code)
{
    struct kept *oldest = NULL;
    uint64_t hash = hash_of(sql);
    *code = SQLITE_OK;
    *kept = NULL;
    for (int i = 0; i < STATEMENTS; i++) {
        struct kept *k = &tx->kept[i];
        if (k->hash == hash && k->sql && !k->busy && strcmp(k->sql, sql) == 0) {
            k->busy = true;
            k->used = ++tx->uses;
            *kept = k;
            return k->statement;
        }
        if (!k->busy && (!oldest || k->used < oldest->used))
            oldest = k;
    }
    sqlite3_stmt *statement = NULL;
    *code = sqlite3_prepare_v2(tx->sqlite, sql, -1, &statement, NULL);
    if (*code != SQLITE_OK || !oldest)
        return statement;
    sqlite3_finalize(oldest->statement);
    free(oldest->sql);
    *oldest = (struct kept){hash, strdup(sql), statement, true, ++tx->uses};
    *kept = oldest;
    return statement;
}

static void give_back(sqlite3_stmt *statement, struct kept *kept)
{
    if (!kept) {
        sqlite3_finalize(statement);
        return;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    kept->busy = false;
}

static int bind(sqlite3_stmt *statement, const char *types, va_list list)
{
    int code = SQLITE_OK;
    for (int i = 1; *types && code == SQLITE_OK; types++, i++) {
        switch (*types) {
        case 's': {
            const char *value = va_arg(list, const char *);
            code = value ? sqlite3_bind_text(statement, i, value, -1, SQLITE_TRANSIENT)
                         : sqlite3_bind_null(statement, i);
            break;
        }
        case 't': {
            text value = va_arg(list, text);
            code = sqlite3_bind_text(statement, i, value.at ? value.at : "", (int)value.size,
                                     SQLITE_TRANSIENT);
            break;
        }
        case 'i':
            code = sqlite3_bind_int64(statement, i, va_arg(list, int64_t));
            break;
        case 'd':
            code = sqlite3_bind_double(statement, i, va_arg(list, double));
            break;
        case 'b': {
            const void *at = va_arg(list, const void *);
            size_t size = va_arg(list, size_t);
            code = at ? sqlite3_bind_blob64(statement, i, at, size, SQLITE_TRANSIENT)
                      : sqlite3_bind_null(statement, i);
            break;
        }
        case 'n':
            code = sqlite3_bind_null(statement, i);
            break;
        default:
            abort(); // our own mistake
        }
    }
    return code;
}

static struct db_rows *query(struct db_tx *tx, const char *sql, const char *types, va_list list)
{
    struct db_rows *rows = calloc(1, sizeof(*rows));
    if (!rows)
        abort();
    rows->tx = tx;
    text_copy(text_of(sql), rows->sql, sizeof(rows->sql));
    rows->statement = prepare(tx, sql, &rows->kept, &rows->code);
    if (rows->code == SQLITE_OK)
        rows->code = bind(rows->statement, types, list);
    return rows;
}

struct db_rows *db_query(struct db_tx *tx, const char *sql, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    struct db_rows *rows = query(tx, sql, types, list);
    va_end(list);
    return rows;
}

bool db_next(struct db_rows *rows)
{
    if (rows->code != SQLITE_OK && rows->code != SQLITE_ROW)
        return false;
    rows->code = sqlite3_step(rows->statement);
    return rows->code == SQLITE_ROW;
}

bool db_end(struct db_rows *rows, struct error *err)
{
    int code = rows->code;
    bool ok = code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE;
    if (!ok)
        sqlite_error(err, rows->tx->sqlite, code, rows->sql);
    give_back(rows->statement, rows->kept);
    free(rows);
    return ok;
}

int64_t db_int(struct db_rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

const char *db_text(struct db_rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->statement, column);
}

const void *db_blob(struct db_rows *rows, int column, size_t *size)
{
    const void *at = sqlite3_column_blob(rows->statement, column);
    *size = (size_t)sqlite3_column_bytes(rows->statement, column);
    return at;
}

sha256 db_hash(struct db_rows *rows, int column)
{
    sha256 hash = {{0}};
    size_t size;
    const void *at = db_blob(rows, column, &size);
    if (at && size == SHA256_SIZE)
        memcpy(hash.at, at, SHA256_SIZE);
    return hash;
}

bool db_null(struct db_rows *rows, int column)
{
    return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

bool db_run(struct db_tx *tx, struct error *err, const char *sql, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    struct db_rows *rows = query(tx, sql, types, list);
    va_end(list);
    while (db_next(rows))
        ;
    return db_end(rows, err);
}

int64_t db_changed(struct db_tx *tx)
{
    return sqlite3_changes64(tx->sqlite);
}

bool db_one_int(struct db_tx *tx, int64_t *value, int64_t none, struct error *err, const char *sql,
                const char *types, ...)
{
    va_list list;
    va_start(list, types);
    struct db_rows *rows = query(tx, sql, types, list);
    va_end(list);
    *value = db_next(rows) && !db_null(rows, 0) ? db_int(rows, 0) : none;
    return db_end(rows, err);
}

// ---- events

bool db_event(struct db_tx *tx, const char *kind, const char *project, const char *subject,
              const char *body, struct error *err)
{
    if (!db_run(tx, err, "insert into events values (?1, ?2, ?3, ?4, ?5, ?6)", "iissss",
                tx->event_number + 1, clock_now_ms(), kind, project, subject, body ? body : "{}"))
        return false;
    tx->event_number++;
    return true;
}

int64_t db_event_last(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    int64_t last = db->event_last;
    pthread_mutex_unlock(&db->lock);
    return last;
}

static bool newest_in(struct db_tx *tx, void *context, struct error *err)
{
    return db_one_int(tx, context, 0, err, "select max(number) from events", "");
}

bool db_events_look(struct db *db, struct error *err)
{
    int64_t newest = 0;
    if (!db_read(db, newest_in, &newest, err))
        return false;
    pthread_mutex_lock(&db->lock);
    if (newest > db->event_last) {
        db->event_last = newest;
        pthread_cond_broadcast(&db->news);
    }
    pthread_mutex_unlock(&db->lock);
    return true;
}

int64_t db_event_wait(struct db *db, int64_t number, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&db->lock);
    while (db->event_last <= number && !db->closing)
        if (pthread_cond_timedwait(&db->news, &db->lock, &until) != 0)
            break;
    int64_t last = db->event_last;
    pthread_mutex_unlock(&db->lock);
    return last;
}

bool db_events_after(struct db_tx *tx, int64_t number, int limit, struct arena *a,
                     struct db_event **events, size_t *count, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select number, at_ms, kind, project, subject, body from events"
                                    " where number > ?1 order by number limit ?2",
                                    "ii", number, (int64_t)limit);
    *events = ARENA_ARRAY(a, struct db_event, (size_t)limit);
    *count = 0;
    while (db_next(rows))
        (*events)[(*count)++] = (struct db_event){
            db_int(rows, 0),
            db_int(rows, 1),
            arena_text(a, db_text(rows, 2)),
            arena_text(a, db_text(rows, 3)),
            arena_text(a, db_text(rows, 4)),
            arena_text(a, db_text(rows, 5)),
        };
    return db_end(rows, err);
}

bool db_events_compact(struct db_tx *tx, int64_t before_ms, struct error *err)
{
    return db_run(
        tx, err,
        "delete from events where at_ms < ?1 and number < (select max(number) from events)", "i",
        before_ms);
}

// ---- values and search

bool db_value_set(struct db_tx *tx, const char *name, const char *value, struct error *err)
{
    return db_run(
        tx, err,
        "insert into house_values values (?1, ?2) on conflict (name) do update set value = ?2",
        "ss", name, value);
}

bool db_value_get(struct db_tx *tx, const char *name, struct arena *a, const char **value,
                  struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select value from house_values where name = ?1", "s", name);
    *value = db_next(rows) ? arena_text(a, db_text(rows, 0)) : NULL;
    return db_end(rows, err);
}

// Tables of search are FTS5: (id unindexed, words). A row's rowid is kept by the id in a map so
// that a change need not scan: search_<table>_rows (id primary key, row).
bool db_search_set(struct db_tx *tx, const char *table, const char *row_id, const char *words,
                   struct error *err)
{
    char sql[256];
    if (!db_search_drop(tx, table, row_id, err))
        return false;
    snprintf(sql, sizeof(sql), "insert into search_%s (words) values (?1)", table);
    if (!db_run(tx, err, sql, "s", words))
        return false;
    snprintf(sql, sizeof(sql), "insert into search_%s_rows values (?1, ?2)", table);
    return db_run(tx, err, sql, "si", row_id, (int64_t)sqlite3_last_insert_rowid(tx->sqlite));
}

bool db_search_drop(struct db_tx *tx, const char *table, const char *row_id, struct error *err)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "delete from search_%s where rowid = (select row from search_%s_rows where id = ?1)",
             table, table);
    if (!db_run(tx, err, sql, "s", row_id))
        return false;
    snprintf(sql, sizeof(sql), "delete from search_%s_rows where id = ?1", table);
    return db_run(tx, err, sql, "s", row_id);
}

bool db_search_set_number(struct db_tx *tx, const char *table, int64_t number, const char *words,
                          struct error *err)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "delete from search_%s where rowid = ?1", table);
    if (!db_run(tx, err, sql, "i", number))
        return false;
    snprintf(sql, sizeof(sql), "insert into search_%s (rowid, words) values (?1, ?2)", table);
    return db_run(tx, err, sql, "is", number, words);
}

bool db_search_last(struct db_tx *tx, const char *table, int64_t *number, struct error *err)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "select rowid from search_%s order by rowid desc limit 1", table);
    return db_one_int(tx, number, 0, err, sql, "");
}

bool db_search_row(struct db_tx *tx, const char *table, const char *row_id, int64_t *row,
                   struct error *err)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "select row from search_%s_rows where id = ?1", table);
    return db_one_int(tx, row, 0, err, sql, "s", row_id);
}

const char *db_search_row_condition(struct arena *a, const char *table, const char *column,
                                    int parameter)
{
    return arena_format(a, "%s in (select rowid from search_%s where search_%s match ?%d)", column,
                        table, table, parameter);
}

const char *db_search_all(struct arena *a, const char *table)
{
    return arena_format(a, "select rowid from search_%s where search_%s match ?1", table, table);
}

static bool check_work(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    static const char *const checks[] = {"pragma integrity_check", "pragma foreign_key_check"};
    for (int i = 0; i < 2; i++) {
        struct db_rows *rows = db_query(tx, checks[i], "");
        char found[200] = "";
        while (db_next(rows))
            if (!found[0] && !(i == 0 && strcmp(db_text(rows, 0), "ok") == 0))
                snprintf(found, sizeof(found), "%s", db_text(rows, 0) ? db_text(rows, 0) : "?");
        if (!db_end(rows, err))
            return false;
        if (found[0]) {
            error_set(err, ERROR_DAMAGED, "the house's database is damaged");
            error_why(err, "%s", found);
            return error_fix(err, "restore it from a backup");
        }
    }
    return true;
}

bool db_check(struct db *db, struct error *err)
{
    return db_read(db, check_work, NULL, err);
}
