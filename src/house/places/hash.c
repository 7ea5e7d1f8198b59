/*
 * Hashing: files of places are read, and what stood for them is replaced by what they are.
 *
 * A file is opened, read to its end and looked at again; if it is not what its row says, before or
 * after, what was read counts for nothing and the next look finds out. Many small files go into one
 * transaction. What people do goes first: while they move bytes, most of the time is theirs.
 */
#include "house/places/inside.h"

#include "base/log.h"
#include "house/assets/assets.h"
#include "house/flow/flow.h"
#include "plat/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_SOME = 200, REST_MS = 500, STEP_BACK = 4, STEP_BACK_MOST_MS = 2000 };
#define HASH_BYTES ((int64_t)64 << 20) // read before it is written down
#define WAS_KEPT_MS (7LL * 24 * 3600 * 1000)
#define WINDOW_US 2000000

struct to_hash {
    int64_t folder, size, mtime_ns, hashed, root_inode;
    const char *root, *path, *name, *state, *place;
    int64_t place_number;
    struct place_hash hash;
    int code; // 0: it was read; else why not; 1: it is not what it was
};
struct hashing {
    struct places *p;
    struct place_run *run; // of the place whose files they are; held
    struct arena *a;
    struct to_hash list[HASH_SOME];
    size_t count, done;
};

static const char *bytes_of(struct arena *a, struct db_rows *rows, int column)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    return arena_copy(a, at ? at : "", at ? size : 0);
}

static bool pick_of(struct db_tx *tx, struct hashing *w, int64_t place, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select f.folder, f.name, f.size, f.mtime_ns, f.hashed, f.state, d.path, p.path, p.id, "
        "p.root_inode from place_files f join place_folders d on d.number = f.folder join places p "
        "on p.number = "
        "f.place where f.place = ?1 and f.hashed in (0, 2) order by f.wanted desc limit ?2",
        "ii", place, (int64_t)(HASH_SOME - w->count));
    while (db_next(rows) && w->count < HASH_SOME) {
        struct to_hash *h = &w->list[w->count++];
        const char *folder = bytes_of(w->a, rows, 6);
        memset(h, 0, sizeof(*h));
        h->folder = db_int(rows, 0);
        h->name = bytes_of(w->a, rows, 1);
        h->size = db_int(rows, 2);
        h->mtime_ns = db_int(rows, 3);
        h->hashed = db_int(rows, 4);
        h->state = arena_text(w->a, db_text(rows, 5));
        h->path = *folder ? arena_format(w->a, "%s/%s", folder, h->name) : h->name;
        h->root = arena_text(w->a, db_text(rows, 7));
        h->place = arena_text(w->a, db_text(rows, 8));
        h->root_inode = db_int(rows, 9);
        h->place_number = place;
    }
    return db_end(rows, err);
}

static bool pick_in(struct db_tx *tx, void *context, struct error *err)
{
    struct hashing *w = context;
    int64_t places[PLACES_MOST];
    struct place_run *runs[PLACES_MOST];
    size_t count = 0;
    w->count = w->done = 0;
    struct db_rows *rows =
        db_query(tx, "select number, id from places where state = 'online' order by number", "");
    while (db_next(rows) && count < PLACES_MOST) {
        places[count] = db_int(rows, 0);
        runs[count] = place_run(w->p, db_text(rows, 1));
        count += runs[count] && !place_held(w->p, runs[count], LANE_HASH);
    }
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && !w->count && i < count; i++) {
        w->run = runs[i];
        ok = pick_of(tx, w, places[i], err);
    }
    return ok;
}

// ---- reading

static void count_rate(struct places *p, const char *place, int64_t bytes)
{
    struct place_run *r = place_run(p, place);
    int64_t now = clock_tick_us();
    if (!r)
        return;
    pthread_mutex_lock(&p->lock);
    r->hash_window_bytes += bytes;
    int64_t took = now - r->hash_window_us;
    if (took > WINDOW_US) {
        // After a pause the first window says nothing.
        r->hash_bytes_s = took < 5 * WINDOW_US ? r->hash_window_bytes * 1000000 / took : 0;
        r->hash_window_us = now;
        r->hash_window_bytes = 0;
    }
    pthread_mutex_unlock(&p->lock);
}

static void step_back(const struct places *p, int64_t took_us)
{
    int64_t rest_ms = took_us * STEP_BACK / 1000;
    if (p->busy && p->busy(p->context))
        clock_sleep_ms(rest_ms < STEP_BACK_MOST_MS ? rest_ms + 1 : STEP_BACK_MOST_MS);
}

static int read_chunk(int fd, char *bytes, int64_t at, int64_t size)
{
    for (int64_t have = 0; have < size;) {
        ssize_t got = pread(fd, bytes + have, (size_t)(size - have), at + have);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return 1; // shorter than it was
        have += got > 0 ? got : 0;
    }
    return 0;
}

static int read_all(struct hashing *w, struct to_hash *h, int fd, char *bytes)
{
    struct hasher *all = hasher_open("sha256");
    uint8_t digest[64];
    int code = 0;
    h->hash.size = h->size;
    h->hash.count = (size_t)((h->size + STORE_CHUNK - 1) / STORE_CHUNK);
    h->hash.chunks = calloc(h->hash.count + 1, sizeof(*h->hash.chunks));
    h->hash.xxh3 = calloc(h->hash.count + 1, sizeof(*h->hash.xxh3));
    if (!h->hash.chunks || !h->hash.xxh3)
        abort();
    (void)!posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (size_t i = 0; code == 0 && i < h->hash.count; i++) {
        int64_t at = (int64_t)i * STORE_CHUNK, left = h->size - at, began = clock_tick_us();
        int64_t size = left < STORE_CHUNK ? left : STORE_CHUNK;
        if (!places_go_on(w->p)) {
            code = -ECANCELED;
            break;
        }
        volume_ask(w->p, w->run, LANE_HASH);
        code = read_chunk(fd, bytes, at, size);
        if (code == 0)
            (void)!posix_fadvise(fd, at + size, STORE_CHUNK, POSIX_FADV_WILLNEED);
        volume_answered(w->p, w->run, LANE_HASH);
        if (code != 0)
            break;
        h->hash.chunks[i] = sha256_of(bytes, (size_t)size);
        h->hash.xxh3[i] = xxh3_of(bytes, (size_t)size);
        hasher_add(all, h->hash.chunks[i].at, SHA256_SIZE);
        (void)!posix_fadvise(fd, at, size, POSIX_FADV_DONTNEED); // others' files stay in memory
        count_rate(w->p, h->place, size);
        step_back(w->p, clock_tick_us() - began);
    }
    hasher_end(all, digest);
    memcpy(h->hash.content.at, digest, SHA256_SIZE);
    return code;
}

static void hash_one(struct hashing *w, struct to_hash *h, char *bytes)
{
    struct beneath_file seen;
    volume_ask(w->p, w->run, LANE_HASH);
    int fd = beneath_open(h->root, h->path, &seen), again = -1;
    volume_answered(w->p, w->run, LANE_HASH);
    h->code = fd < 0 ? fd : seen.size != h->size || seen.mtime_ns != h->mtime_ns ? 1 : 0;
    if (h->code == 0)
        h->code = read_all(w, h, fd, bytes);
    volume_ask(w->p, w->run, LANE_HASH);
    // What is there by name now is what was read, and nobody wrote to it.
    if (h->code == 0 &&
        (!beneath_seen(fd, &seen) || seen.size != h->size || seen.mtime_ns != h->mtime_ns ||
         (again = beneath_open(h->root, h->path, &seen)) < 0 || seen.size != h->size ||
         seen.mtime_ns != h->mtime_ns))
        h->code = 1;
    if (again >= 0)
        close(again);
    if (fd >= 0)
        close(fd);
    volume_answered(w->p, w->run, LANE_HASH);
}

// If it is not, it is looked at next.
static bool volume_there(struct places *p, struct place_run *r, const char *root, int64_t inode)
{
    uint64_t is;
    volume_ask(p, r, LANE_HASH);
    bool there = beneath_ask(root, &is) == 0 &&
                 (!inode || (int64_t)is == inode || !beneath_inodes_last(root));
    volume_answered(p, r, LANE_HASH);
    if (there)
        return true;
    pthread_mutex_lock(&p->lock);
    r->rescan = true;
    pthread_mutex_unlock(&p->lock);
    return false;
}

// Whether it could not be read because its volume is not there: that says nothing of the file.
static bool volume_away(struct hashing *w, const struct to_hash *h)
{
    return h->code < 0 && h->code != -EACCES && h->code != -EPERM &&
           !volume_there(w->p, w->run, h->root, h->root_inode);
}

// ---- what it means

// Files that were made of these bytes before stay; of two sets of them one is enough.
static bool derived_moves(struct db_tx *tx, const sha256 *from, const sha256 *to, struct error *err)
{
    sha256 dropped[64];
    size_t count = 0;
    int64_t bytes, any = 0;
    if (!db_one_int(tx, &any, 0, err, "select 1 from derived where source = ?1 limit 1", "b",
                    (const void *)from->at, (size_t)SHA256_SIZE))
        return false;
    if (!any)
        return true;
    struct db_rows *rows =
        db_query(tx,
                 "select content from derived d where source = ?1 and exists (select 1 from "
                 "derived o where o.source = ?2 and o.recipe = d.recipe)",
                 "bb", (const void *)from->at, (size_t)SHA256_SIZE, (const void *)to->at,
                 (size_t)SHA256_SIZE);
    while (db_next(rows) && count < 64) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        if (at && size == SHA256_SIZE)
            memcpy(dropped[count++].at, at, SHA256_SIZE);
    }
    bool ok = db_end(rows, err) &&
              db_run(tx, err,
                     "delete from derived where source = ?1 and exists (select 1 from derived o "
                     "where o.source = ?2 and o.recipe = derived.recipe)",
                     "bb", (const void *)from->at, (size_t)SHA256_SIZE, (const void *)to->at,
                     (size_t)SHA256_SIZE) &&
              db_run(tx, err, "update derived set source = ?2 where source = ?1", "bb",
                     (const void *)from->at, (size_t)SHA256_SIZE, (const void *)to->at,
                     (size_t)SHA256_SIZE);
    for (size_t i = 0; ok && i < count; i++)
        ok = flow_forget(tx, &dropped[i], &bytes, err);
    return ok;
}

// A version of several files gets its real content when all of them have theirs: each once.
static bool versions_know(struct db_tx *tx, const json_t *versions, struct error *err)
{
    size_t i;
    json_t *one;
    json_array_foreach(versions, i, one)
    {
        const char *version = json_string_value(one);
        int64_t left = 1;
        sha256 before, after;
        if (!db_run(tx, err,
                    "update place_versions set unhashed = unhashed - 1 where version = ?1 and "
                    "unhashed > 0",
                    "s", version) ||
            !db_one_int(tx, &left, 0, err, "select unhashed from place_versions where version = ?1",
                        "s", version))
            return false;
        if (!left && (!version_content_again(tx, version, &before, &after, err) ||
                      (!sha256_equal(&before, &after) && !derived_moves(tx, &before, &after, err))))
            return false;
    }
    return true;
}

// Whatever else names the one content names the other from now on. Of most files that is nothing,
// which one question tells.
static bool names_move(struct db_tx *tx, const sha256 *was, const sha256 *is, struct error *err)
{
    struct buf ask = BUF_LIMIT(4096);
    int64_t any = 0;
    bool ok = true;
    for (const char *const *t = flow_holders(); *t; t++)
        if (strcmp(*t, "versions") != 0 && strcmp(*t, "version_files") != 0)
            buf_format(&ask, "%sselect 1 from %s where content = ?1", ask.size ? " union all " : "",
                       *t);
    buf_add(&ask, "", 1);
    ok = db_one_int(tx, &any, 0, err, ask.at, "b", (const void *)was->at, (size_t)SHA256_SIZE);
    buf_free(&ask);
    for (const char *const *t = flow_holders(); ok && any && *t; t++) {
        char words[120];
        snprintf(words, sizeof(words), "update %s set content = ?2 where content = ?1", *t);
        ok = strcmp(*t, "versions") == 0 || strcmp(*t, "version_files") == 0 ||
             db_run(tx, err, words, "bb", (const void *)was->at, (size_t)SHA256_SIZE,
                    (const void *)is->at, (size_t)SHA256_SIZE);
    }
    return ok;
}

// By the whole key: SQLite need not be ready to take back half of it.
static bool file_moves(struct db_tx *tx, const char *version, int64_t number, const sha256 *is,
                       struct error *err)
{
    return db_run(tx, err,
                  "update version_files set content = ?3 where version = ?1 and number = ?2", "sib",
                  version, number, (const void *)is->at, (size_t)SHA256_SIZE);
}

struct writing { // of one transaction; all files are of one place
    struct place_counts counts;
    int64_t now_ms;
};

// What stood for files until now. All at once: SQLite makes itself ready to take each delete back
// here, since other tables name contents, which takes as long as all else together.
static bool stand_ins_go(struct db_tx *tx, const struct writing *w, struct error *err)
{
    return db_run(tx, err,
                  "delete from contents where unhashed = 1 and content in (select was from "
                  "place_was where at_ms = ?1)",
                  "i", w->now_ms);
}

static bool replace(struct db_tx *tx, const struct writing *w, const struct to_hash *h,
                    const sha256 *was, struct error *err)
{
    const sha256 *is = &h->hash.content;
    json_t *files = json_array(), *versions = json_array(), *one;
    const char *last = "";
    size_t i;
    struct db_rows *rows = db_query(
        tx, "select version, number from version_files where content = ?1 order by version", "b",
        (const void *)was->at, (size_t)SHA256_SIZE);
    while (db_next(rows)) {
        json_t *version = json_string(db_text(rows, 0));
        json_array_append_new(files, json_pack("[O, I]", version, (json_int_t)db_int(rows, 1)));
        if (strcmp(json_string_value(version), last) != 0)
            json_array_append(versions, version);
        last = json_string_value(version);
        json_decref(version); // `files` has it
    }
    bool ok = db_end(rows, err) && place_record_hashed(tx, h->place, &h->hash, err);
    json_array_foreach(files, i, one) ok =
        ok && file_moves(tx, json_string_value(json_array_get(one, 0)),
                         json_integer_value(json_array_get(one, 1)), is, err);
    json_decref(files);
    ok = ok && names_move(tx, was, is, err) && versions_know(tx, versions, err) &&
         db_run(tx, err,
                "insert into place_was (was, content, at_ms) values (?1, ?2, ?3) on conflict "
                "(was) do update set content = ?2, at_ms = ?3",
                "bbi", (const void *)was->at, (size_t)SHA256_SIZE, (const void *)is->at,
                (size_t)SHA256_SIZE, w->now_ms);
    json_decref(versions);
    return ok;
}

struct row_now {
    char version[27], state[16];
    int64_t member, hashed;
    sha256 content;
    bool has_content, there;
};

static bool row_now(struct db_tx *tx, const struct to_hash *h, struct row_now *r, struct error *err)
{
    memset(r, 0, sizeof(*r));
    struct db_rows *rows = db_query(
        tx,
        "select state, version, member, hashed, content from place_files where folder = ?1 and "
        "name = ?2 and size = ?3 and mtime_ns = ?4 and hashed in (0, 2)",
        "ibii", h->folder, h->name, strlen(h->name), h->size, h->mtime_ns);
    r->there = db_next(rows);
    if (r->there) {
        size_t size;
        const void *content = db_blob(rows, 4, &size);
        text_copy(text_of(db_text(rows, 0)), r->state, sizeof(r->state));
        text_copy(text_of(db_text(rows, 1)), r->version, sizeof(r->version));
        r->member = db_int(rows, 2);
        r->hashed = db_int(rows, 3);
        r->has_content = content && size == SHA256_SIZE;
        if (r->has_content)
            memcpy(r->content.at, content, SHA256_SIZE);
    }
    return db_end(rows, err);
}

// A file whose date changed, and whose bytes did not, is what it was.
static bool only_touched(struct db_tx *tx, const struct to_hash *h, const struct row_now *r,
                         bool *same, struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from version_files where version = ?1 and number = ?2 "
                         "and content = ?3",
                         "sib", r->version, r->member, (const void *)h->hash.content.at,
                         (size_t)SHA256_SIZE);
    *same = count > 0;
    return ok;
}

static bool row_hashed(struct db_tx *tx, struct writing *w, const struct to_hash *h,
                       const struct row_now *r, const char *state, struct error *err)
{
    place_counted(&w->counts, r->state, r->hashed, h->size, -1);
    place_counted(&w->counts, state, 1, h->size, 1);
    return db_run(tx, err,
                  "update place_files set content = ?3, hashed = 1, wanted = 0, state = ?4 where "
                  "folder = ?1 and name = ?2",
                  "ibbs", h->folder, h->name, strlen(h->name), (const void *)h->hash.content.at,
                  (size_t)SHA256_SIZE, state);
}

static bool write_hash(struct db_tx *tx, struct writing *w, const struct to_hash *h,
                       struct error *err)
{
    struct row_now r;
    bool same = false;
    if (!row_now(tx, h, &r, err) || !r.there)
        return err->kind == ERROR_NONE;
    if (strcmp(r.state, "here") == 0)
        return row_hashed(tx, w, h, &r, "here", err) &&
               (!r.has_content || replace(tx, w, h, &r.content, err));
    if (!place_record_hashed(tx, h->place, &h->hash, err) ||
        (strcmp(r.state, "changed") == 0 && !only_touched(tx, h, &r, &same, err)) ||
        !row_hashed(tx, w, h, &r, same ? "here" : r.state, err))
        return false;
    return !same || db_run(tx, err,
                           "update place_versions set state = 'here', since_ms = ?2 where version "
                           "= ?1 and not exists (select 1 from place_files f where f.version = ?1 "
                           "and f.state <> 'here')",
                           "si", r.version, clock_now_ms());
}

// What can not be read, or is not what it was, waits for the next look at all of the place.
static bool write_failed(struct db_tx *tx, const struct to_hash *h, struct error *err)
{
    return db_run(tx, err,
                  "update place_files set wanted = 0, hashed = -1 where folder = ?1 and name = ?2 "
                  "and size = ?3 and mtime_ns = ?4",
                  "ibii", h->folder, h->name, strlen(h->name), h->size, h->mtime_ns);
}

static bool write_in(struct db_tx *tx, void *context, struct error *err)
{
    struct hashing *w = context;
    struct place_row row;
    struct writing writing = {.now_ms = clock_now_ms()};
    bool ok = true;
    error_clear(err);
    for (size_t i = 0; ok && i < w->done; i++)
        ok = w->list[i].code == 0 ? write_hash(tx, &writing, &w->list[i], err)
                                  : write_failed(tx, &w->list[i], err);
    return ok && stand_ins_go(tx, &writing, err) &&
           place_count(tx, w->list[0].place_number, &writing.counts, err) &&
           place_row(tx, w->list[0].place, &row, err) && place_say(tx, &row, err) &&
           db_run(tx, err, "delete from place_was where at_ms < ?1", "i",
                  writing.now_ms - WAS_KEPT_MS);
}

bool places_hash(struct places *p, bool *more, struct error *err)
{
    struct hashing *w = calloc(1, sizeof(*w));
    char *bytes = malloc((size_t)STORE_CHUNK);
    int64_t read = 0;
    if (!w || !bytes)
        abort();
    w->p = p;
    w->a = arena_open((size_t)64 << 20);
    bool ok = db_read(p->db, pick_in, w, err);
    bool held = ok && w->count && place_hold(p, w->run, LANE_HASH);
    while (held && w->done < w->count && read < HASH_BYTES && places_go_on(p)) {
        struct to_hash *h = &w->list[w->done++];
        hash_one(w, h, bytes);
        read += h->size;
        if (h->code == -ECANCELED || volume_away(w, h)) {
            w->done--;
            break;
        }
    }
    ok = ok && (!w->done || db_write(p->db, write_in, w, err));
    if (held)
        place_let_go(p, w->run, LANE_HASH);
    *more = ok && w->done > 0;
    for (size_t i = 0; i < w->count; i++)
        place_hash_free(&w->list[i].hash);
    arena_close(w->a);
    free(bytes);
    free(w);
    return ok;
}

// ---- copying into the house

struct keeping {
    struct places *p;
    struct place_run *run; // of its place; held
    char found[27], root[PATH_MAX];
    int64_t number; // of the next file, 0: none is left
    sha256 content;
    int64_t size;
    const char *problem;
    struct store_bytes *bytes;
};

static bool keep_ask_in(struct db_tx *tx, void *context, struct error *err)
{
    const char *version = context;
    char state[16] = "";
    struct db_rows *rows =
        db_query(tx, "select state from place_versions where version = ?1", "s", version);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), state, sizeof(state));
    if (!db_end(rows, err))
        return false;
    if (!*state)
        return true; // it is in the house
    if (strcmp(state, "changed") == 0) {
        error_set(err, ERROR_CONFLICT, "this version can not be copied into the house");
        return error_why(err, "its file has changed since: these bytes are gone");
    }
    return db_run(tx, err, "update place_versions set keep = 1, problem = null where version = ?1",
                  "s", version) &&
           db_run(tx, err, "update place_files set wanted = 1 where version = ?1 and hashed = 0",
                  "s", version);
}

bool place_keep(struct places *p, const char *version, struct error *err)
{
    return db_write(p->db, keep_ask_in, (void *)(uintptr_t)version, err);
}

static bool keep_find(struct db_tx *tx, void *context, struct error *err)
{
    struct keeping *w = context;
    w->found[0] = 0;
    w->number = 0;
    // Not a join: there may be a million versions of a place, and few that are to be kept.
    struct db_rows *rows = db_query(
        tx,
        "select v.version, (select id from places where number = v.place and state = 'online'), "
        "(select path from places where number = v.place) from place_versions v where v.keep = 1 "
        "and v.unhashed = 0 order by v.version",
        "");
    while (!w->found[0] && db_next(rows)) {
        if (!db_text(rows, 1))
            continue;
        w->run = place_run(w->p, db_text(rows, 1));
        if (!w->run || place_held(w->p, w->run, LANE_HASH))
            continue;
        text_copy(text_of(db_text(rows, 0)), w->found, sizeof(w->found));
        text_copy(text_of(db_text(rows, 2)), w->root, sizeof(w->root));
    }
    if (!db_end(rows, err) || !w->found[0])
        return err->kind == ERROR_NONE;
    rows = db_query(
        tx,
        "select f.number, f.content, f.size from version_files f where f.version = ?1 and exists "
        "(select 1 from content_chunks k join chunks c on c.hash = k.hash join extents e on e.id = "
        "c.extent where k.content = f.content and e.kind = 'place') order by f.number limit 1",
        "s", w->found);
    if (db_next(rows)) {
        size_t size;
        const void *at = db_blob(rows, 1, &size);
        w->number = db_int(rows, 0);
        w->size = db_int(rows, 2);
        if (at && size == SHA256_SIZE)
            memcpy(w->content.at, at, SHA256_SIZE);
    }
    return db_end(rows, err);
}

static bool keep_record(struct db_tx *tx, void *context, struct error *err)
{
    struct keeping *w = context;
    return store_record(tx, w->bytes, err);
}

static bool keep_done(struct db_tx *tx, void *context, struct error *err)
{
    struct keeping *w = context;
    char place[27] = "";
    struct place_row row;
    struct db_rows *rows = db_query(tx,
                                    "select p.id from place_versions v join places p on p.number "
                                    "= v.place where v.version = ?1",
                                    "s", w->found);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), place, sizeof(place));
    if (!db_end(rows, err) || !place_row(tx, place, &row, err) || !place_say(tx, &row, err))
        return false;
    if (w->problem)
        return db_run(tx, err,
                      "update place_versions set keep = 0, problem = ?2 where version = ?1", "ss",
                      w->found, w->problem);
    return db_run(tx, err,
                  "update projects set place_bytes = place_bytes - (select v.bytes from "
                  "place_versions v join assets a on a.id = v.asset and a.deleted = 0 where "
                  "v.version = ?2) where id = ?1 and exists (select 1 from place_versions v join "
                  "assets a on a.id = v.asset and a.deleted = 0 where v.version = ?2)",
                  "ss", row.project, w->found) &&
           db_run(tx, err, "delete from place_versions where version = ?1", "s", w->found);
}

// The bytes are proven chunk by chunk as they come: what is copied is what was hashed.
static bool copy_in(struct places *p, struct keeping *w, struct error *err)
{
    id upload = id_new();
    const struct store_map *map = NULL;
    char *bytes = malloc((size_t)STORE_CHUNK);
    if (!bytes)
        abort();
    volume_ask(p, w->run, LANE_HASH);
    bool opened = store_map_open(p->store, &w->content, &map, err);
    volume_answered(p, w->run, LANE_HASH);
    bool begun = opened && store_upload_begin(p->store, upload.text, w->size, err);
    bool ok = begun;
    for (int64_t at = 0, n = 0; ok && at < w->size; at += STORE_CHUNK, n++) {
        int64_t began = clock_tick_us(), left = w->size - at;
        size_t size = (size_t)(left < STORE_CHUNK ? left : STORE_CHUNK);
        ok = places_go_on(p) || error_set(err, ERROR_CANCELLED, "the house closes");
        volume_ask(p, w->run, LANE_HASH);
        ok = ok && store_map_read(map, at, bytes, size, err);
        volume_answered(p, w->run, LANE_HASH);
        sha256 hash = ok ? sha256_of(bytes, size) : (sha256){0};
        ok = ok && store_put_chunk(p->store, upload.text, n, bytes, size, &hash, err);
        step_back(p, clock_tick_us() - began);
    }
    ok = ok && store_upload_finish(p->store, upload.text, &w->bytes, err);
    if (ok && !sha256_equal(store_bytes_content(w->bytes, 0), &w->content)) {
        ok = error_set(err, ERROR_DAMAGED, "the file is not what it was when it was hashed");
        error_fix(err, "look at its volume; the copy was not kept");
    }
    bool recorded = ok && db_write(p->db, keep_record, w, err);
    store_settle(p->store, w->bytes, recorded);
    w->bytes = NULL;
    store_map_close(p->store, map);
    free(bytes);
    struct error ignored;
    if (begun && !recorded)
        (void)!store_upload_abandon(p->store, upload.text, &ignored);
    return recorded;
}

bool places_copy(struct places *p, bool *more, struct error *err)
{
    struct keeping w = {.p = p};
    struct error why;
    error_clear(err);
    error_clear(&why);
    *more = false;
    if (!db_read(p->db, keep_find, &w, err) || !w.found[0])
        return err->kind == ERROR_NONE;
    if (!place_hold(p, w.run, LANE_HASH))
        return true;
    *more = true;
    bool there = !w.number || volume_there(p, w.run, w.root, 0);
    bool copied = there && w.number && copy_in(p, &w, &why);
    there = there && (copied || !w.number || volume_there(p, w.run, w.root, 0));
    place_let_go(p, w.run, LANE_HASH);
    *more = there;
    if (copied || !there || why.kind == ERROR_CANCELLED)
        return true;
    if (w.number) {
        w.problem = why.what;
        log_problem("place.keep", &why);
    }
    return db_write(p->db, keep_done, &w, err);
}

static void hash_on(struct places *p, struct hand *h)
{
    struct error err;
    while (places_go_on(p) && !given_up(h)) {
        bool more = false, kept = false;
        error_clear(&err);
        if (!places_copy(p, &kept, &err) || !places_hash(p, &more, &err)) {
            log_problem("place.hash", &err);
            more = kept = false;
        }
        for (int slept = 0; !more && !kept && slept < REST_MS && places_go_on(p); slept += 100)
            clock_sleep_ms(100);
    }
}

void places_hash_on(struct places *p)
{
    hands_work(p, LANE_HASH, hash_on);
}
