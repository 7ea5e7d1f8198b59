// What is known of recordings that grow: rows, what their senders and persons say of them.
#include "base/log.h"
#include "house/flow/growing.h"
#include "plat/clock.h"

#include <string.h>

// ---- what is said

struct of_file {
    char project[27], state[10], finish_by[300];
};

static bool look_up(struct db_tx *tx, const char *file, struct of_file *f, struct error *err)
{
    *f = (struct of_file){0};
    struct db_rows *rows =
        db_query(tx,
                 "select t.project, f.state, coalesce(g.finish_by, '') from transfer_files f join "
                 "transfers t on t.id = f.transfer left join growing g on g.file = f.id where f.id "
                 "= ?1",
                 "s", file);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), f->project, sizeof(f->project));
        text_copy(text_of(db_text(rows, 1)), f->state, sizeof(f->state));
        text_copy(text_of(db_text(rows, 2)), f->finish_by, sizeof(f->finish_by));
    }
    return db_end(rows, err) && (f->project[0] || error_set(err, ERROR_NOT_FOUND,
                                                            "there is no such file in a transfer"));
}

bool growing_said(struct db_tx *tx, const char *file, const struct growing_word *w, int64_t now_ms,
                  bool *finish, struct error *err)
{
    struct of_file f;
    int64_t same = 0;
    if (!look_up(tx, file, &f, err))
        return false;
    if (strcmp(f.state, "stored") == 0) {
        error_set(err, ERROR_CONFLICT, "the house has taken it as it was");
        return error_why(err, "by the word of %s", f.finish_by[0] ? f.finish_by : "its sender");
    }
    if (!db_one_int(tx, &same, 0, err,
                    "select count(*) from growing where file = ?1 and state = ?2", "ss", file,
                    w->state))
        return false;
    *finish = f.finish_by[0] != 0;
    return db_run(tx, err,
                  "insert into growing (file, project, began_ms, heard_ms, written, rate, state,"
                  " unclosed, grew_ms) values (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?3) on conflict "
                  "(file) do update set heard_ms = ?3, grew_ms = case when growing.written = ?4 "
                  "then growing.grew_ms else ?3 end, written = ?4, rate = ?5, state = ?6, unclosed "
                  "= ?7",
                  "ssiiisi", file, f.project, now_ms, w->written, w->rate, w->state,
                  (int64_t)w->unclosed) &&
           (same || db_event(tx, "file.growing", f.project, file, NULL, err));
}

static bool no_growing(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "this file does not grow");
}

bool growing_finish(struct db_tx *tx, const char *file, const char *by, struct error *err)
{
    if (!db_run(tx, err, "update growing set finish_by = ?2 where file = ?1", "ss", file, by))
        return false;
    return db_changed(tx) || no_growing(err);
}

bool growing_drop(struct db_tx *tx, const char *file, struct error *err)
{
    struct of_file f;
    if (!look_up(tx, file, &f, err))
        return false;
    if (strcmp(f.state, "stored") == 0) {
        error_set(err, ERROR_CONFLICT, "it is a version by now");
        return error_fix(err, "delete its asset instead");
    }
    if (!db_run(tx, err, "delete from growing where file = ?1", "s", file))
        return false;
    return db_changed(tx) ? db_event(tx, "file.growing", f.project, file, NULL, err)
                          : no_growing(err);
}

// ---- taken as it is

struct taking {
    const char *file;
    char transfer[27];
    int64_t heard_ms;
    bool clear;
};

static bool taking_in(struct db_tx *tx, void *context, struct error *err)
{
    struct taking *t = context;
    struct db_rows *rows = db_query(tx,
                                    "select f.transfer, g.heard_ms from growing g join "
                                    "transfer_files f on f.id = g.file where g.file = ?1",
                                    "s", t->file);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), t->transfer, sizeof(t->transfer));
        t->heard_ms = db_int(rows, 1);
    }
    return db_end(rows, err) && (t->transfer[0] || no_growing(err));
}

static bool mark_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct taking *t = context;
    return t->clear
               ? db_run(tx, err, "update growing set finish_by = null where file = ?1", "s",
                        t->file)
               : db_run(tx, err, "update growing set unclosed = 1 where file = ?1", "s", t->file);
}

bool growing_take(struct db *db, struct transfers *t, const char *file, struct error *err)
{
    struct taking k = {.file = file};
    struct store_came *none;
    struct transfer_file made;
    struct error ignored;
    size_t count;
    int64_t bytes;
    if (!db_read(db, taking_in, &k, err))
        return false;
    struct arena *a = arena_open((size_t)1 << 20);
    bool ok =
        store_upload_came(transfers_store(t), file, INT64_MAX, 0, a, &none, &count, &bytes, err);
    k.clear = ok && !bytes;
    ok = ok && db_write(db, mark_in, &k, err) &&
         (k.clear ||
          (transfer_grown(t, file, bytes, k.heard_ms, err) &&
           transfer_commit(t, file, NULL, a, &made, err) && transfer_close(t, k.transfer, err)));
    if (ok && !k.clear)
        log_info("growing.taken", "file=%s bytes=%lld", file, (long long)bytes);
    // What can not be taken now is not tried again and again: a person may say it once more.
    k.clear = true;
    if (!ok)
        (void)!db_write(db, mark_in, &k, &ignored);
    arena_close(a);
    return ok;
}

// ---- lists

static json_t *nullable(const char *text_)
{
    return text_ ? json_string(text_) : json_null();
}

#define VERSION_OF                                                                                 \
    "(select v.id from versions v join version_files vf on vf.version = v.id where v.asset = "     \
    "f.asset and vf.content = f.content order by v.number desc limit 1)"

// A stored one is only kept in the list when nobody closed it: that is to be seen.
bool growing_list(struct db_tx *tx, const char *project, const char *file, int64_t now_ms,
                  int64_t lost_ms, json_t **list, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select g.file, g.project, t.folder, f.path, g.state, g.began_ms, g.heard_ms, g.written, "
        "g.rate, coalesce(p.name, ''), g.finish_by, f.asset, f.state, g.unclosed, "
        "g.grew_ms, " VERSION_OF
        " from growing g join transfer_files f on f.id = g.file join transfers t on "
        "t.id = f.transfer left join people p on p.id = t.person where (?1 is null or g.project = "
        "?1) and (?2 is null or g.file = ?2) and (f.state = 'arriving' or g.unclosed = 1) order by "
        "g.began_ms desc limit 200",
        "ss", project, file);
    *list = json_array();
    while (db_next(rows)) {
        bool stored = strcmp(db_text(rows, 12), "stored") == 0;
        const char *state = stored                               ? "stored"
                            : db_int(rows, 6) < now_ms - lost_ms ? "lost"
                                                                 : db_text(rows, 4);
        json_array_append_new(
            *list,
            json_pack(
                "{s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:o,s:o,s:o,s:s,s:s,s:i,s:s,"
                "s:[]}",
                "file", db_text(rows, 0), "project", db_text(rows, 1), "folder",
                nullable(db_text(rows, 2)), "path", db_text(rows, 3), "state", state, "began",
                clock_text(db_int(rows, 5)).text, "heard", clock_text(db_int(rows, 6)).text, "grew",
                clock_text(db_int(rows, 14)).text, "written", (json_int_t)db_int(rows, 7),
                "arrived", (json_int_t)0, "rate", (json_int_t)db_int(rows, 8), "by",
                db_text(rows, 9), "unclosed_by",
                nullable(db_int(rows, 13) ? db_text(rows, 10) ? db_text(rows, 10) : "" : NULL),
                "asset", nullable(db_text(rows, 11)), "version", nullable(db_text(rows, 15)),
                "watch", "soon", "why", "", "frames", 0, "duration_text", "", "derived"));
    }
    return db_end(rows, err);
}

bool growing_came(struct db_tx *tx, const char *file, int64_t now_ms, int64_t lost_ms,
                  json_t **came, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select f.path, f.state, g.state, g.heard_ms, g.written, f.size, f.modified_ms, "
                 "f.content, f.asset, g.grew_ms, " VERSION_OF
                 " from transfer_files f join growing g on g.file = f.id where f.id = ?1",
                 "s", file);
    *came = NULL;
    if (db_next(rows)) {
        bool stored = strcmp(db_text(rows, 1), "stored") == 0;
        size_t size;
        const void *content = db_blob(rows, 7, &size);
        char hex[65] = "";
        if (stored && content && size == SHA256_SIZE)
            hex_text(content, size, hex, sizeof(hex));
        *came = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:i, s:[]}", "file",
                          file, "path", db_text(rows, 0), "state",
                          stored                               ? "stored"
                          : db_int(rows, 3) < now_ms - lost_ms ? "lost"
                                                               : db_text(rows, 2),
                          "written", (json_int_t)db_int(rows, 4), "size",
                          (json_int_t)(stored ? db_int(rows, 5) : 0), "modified_ms",
                          (json_int_t)(stored ? db_int(rows, 6) : db_int(rows, 9)), "grew",
                          clock_text(db_int(rows, 9)).text, "content",
                          nullable(hex[0] ? hex : NULL), "asset", nullable(db_text(rows, 8)),
                          "version", nullable(db_text(rows, 10)), "number", 1, "chunks");
    }
    return db_end(rows, err) && (*came || no_growing(err));
}
