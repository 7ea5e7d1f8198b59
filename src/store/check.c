/*
 * Giving space back and proving what is there.
 */
#include "store/store_inside.h"

#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- tidying

enum { TIDY_MOST = 1000 };

struct dead {
    struct {
        char id[27], kind[8];
        int64_t size;
    } list[TIDY_MOST];
    size_t count;
    char keep_pack[27];
    bool packs; // false: bytes in some pack wait for their rows, so no pack goes
};

// Takes the rows of extents that hold nothing any more away; their files go after the commit.
static bool find_dead(struct db_tx *tx, void *context, struct error *err)
{
    struct dead *d = context;
    d->count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select id, kind, size from extents e where not exists (select 1 from chunks c "
                 "where c.extent = e.id) and kind <> 'place' and id <> ?1 and (?2 = 1 or kind <> "
                 "'pack') limit ?3",
                 "sii", d->keep_pack, (int64_t)d->packs, (int64_t)TIDY_MOST);
    while (db_next(rows) && d->count < TIDY_MOST) {
        snprintf(d->list[d->count].id, sizeof(d->list[0].id), "%s", db_text(rows, 0));
        snprintf(d->list[d->count].kind, sizeof(d->list[0].kind), "%s", db_text(rows, 1));
        d->list[d->count++].size = db_int(rows, 2);
    }
    if (!db_end(rows, err))
        return false;
    for (size_t i = 0; i < d->count; i++)
        if (!db_run(tx, err, "delete from extents where id = ?1", "s", d->list[i].id))
            return false;
    return true;
}

// A pack of which less than half is alive is written again into a new one.
struct compact {
    struct store *s;
    char from[27], to[27], to_path[64];
    struct moved {
        sha256 hash;
        int64_t at, length, to;
    } * list;
    size_t count, room;
    int64_t size;
    char keep_pack[27];
};

static bool find_pack(struct db_tx *tx, void *context, struct error *err)
{
    struct compact *c = context;
    c->from[0] = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select e.id from extents e where e.kind = 'pack' and e.id <> ?1 and 2 * (select "
                 "coalesce(sum(length), 0) from chunks c where c.extent = e.id) < e.size limit 1",
                 "s", c->keep_pack);
    if (db_next(rows))
        snprintf(c->from, sizeof(c->from), "%s", db_text(rows, 0));
    if (!db_end(rows, err) || !c->from[0])
        return err->kind == ERROR_NONE;
    rows = db_query(tx, "select hash, at, length from chunks where extent = ?1 order by at", "s",
                    c->from);
    while (db_next(rows)) {
        if (c->count == c->room) {
            c->room = c->room ? c->room * 2 : 256;
            c->list = must(realloc(c->list, c->room * sizeof(*c->list)));
        }
        struct moved *m = &c->list[c->count++];
        size_t size;
        const void *hash = db_blob(rows, 0, &size);
        if (hash && size == SHA256_SIZE)
            memcpy(m->hash.at, hash, SHA256_SIZE);
        m->at = db_int(rows, 1);
        m->length = db_int(rows, 2);
        m->to = c->size;
        c->size += m->length;
    }
    return db_end(rows, err);
}

static bool record_move(struct db_tx *tx, void *context, struct error *err)
{
    struct compact *c = context;
    if (!db_run(tx, err,
                "insert into extents (id, volume, kind, path, size, created_ms) values (?1, 'main',"
                " 'pack', ?2, ?3, ?4)",
                "ssii", c->to, c->to_path, c->size, clock_now_ms()))
        return false;
    for (size_t i = 0; i < c->count; i++) // one that was forgotten meanwhile is not there to change
        if (!db_run(tx, err,
                    "update chunks set extent = ?1, at = ?2 where hash = ?3 and extent = ?4",
                    "sibs", c->to, c->list[i].to, c->list[i].hash.at, (size_t)SHA256_SIZE, c->from))
            return false;
    return true;
}

static bool move_pack(struct compact *c, struct error *err)
{
    struct store *s = c->s;
    char from[PATH_MAX], to[PATH_MAX], folder[PATH_MAX];
    id fresh = id_new();
    memcpy(c->to, fresh.text, sizeof(c->to));
    extent_name(c->to, "pack", c->to_path);
    extent_path(s, c->from, "pack", from);
    extent_path(s, c->to, "pack", to);
    path_folder(to, folder, sizeof(folder));
    int in = s->disk->open(s->disk, from, O_RDONLY);
    int out = in < 0 ? in : s->disk->open(s->disk, to, O_RDWR | O_CREAT | O_EXCL);
    int code = out < 0 ? out : 0;
    char *bytes = must(malloc((size_t)STORE_CHUNK));
    for (size_t i = 0; code >= 0 && i < c->count; i++) {
        struct moved *m = &c->list[i];
        if (m->length > STORE_CHUNK || pread(in, bytes, (size_t)m->length, m->at) != m->length) {
            code = -EIO;
            break;
        }
        sha256 hash = sha256_of(bytes, (size_t)m->length);
        if (!sha256_equal(&hash, &m->hash)) {
            code = -EIO; // a damaged pack stays as it is, for `posthouse check` to tell of
            break;
        }
        code = s->disk->pwrite(s->disk, out, bytes, (size_t)m->length, m->to);
    }
    free(bytes);
    if (code >= 0)
        code = s->disk->datasync(s->disk, out);
    if (code >= 0)
        code = s->disk->sync_folder(s->disk, folder);
    bool ok = code >= 0 ? db_write(s->db, record_move, c, err)
                        : store_disk_error(s, err, code, "rewriting a pack that is mostly dead");
    if (in >= 0)
        s->disk->close(s->disk, in);
    if (out >= 0)
        s->disk->close(s->disk, out);
    if (!ok && out >= 0)
        s->disk->unlink(s->disk, to);
    return ok;
}

bool store_tidy(struct store *s, int64_t *freed_bytes, struct error *err)
{
    struct compact c = {.s = s};
    int64_t freed = 0;
    error_clear(err);
    if (freed_bytes)
        *freed_bytes = 0;
    int hold = store_hold_alone(s->folder);
    if (hold < 0)
        return true; // a backup is reading: later
    struct dead *d = must(calloc(1, sizeof(*d)));
    bool ok = true;
    pthread_mutex_lock(&s->pack_lock);
    bool busy = s->pack_users > 0; // bytes in some pack whose rows are still to come
    d->packs = !busy;
    memcpy(d->keep_pack, s->pack, sizeof(d->keep_pack));
    memcpy(c.keep_pack, s->pack, sizeof(c.keep_pack));
    if (!busy) {
        ok = db_read(s->db, find_pack, &c, err);
        if (ok && c.from[0] && c.count)
            ok = move_pack(&c, err);
    }
    if (ok)
        ok = db_write(s->db, find_dead, d, err);
    pthread_mutex_unlock(&s->pack_lock);
    // Maps of what is gone are not given out again: their contents have no rows. Descriptors that
    // are open keep the bytes until they are closed.
    store_maps_forget(s);
    for (size_t i = 0; ok && i < d->count; i++) {
        char path[PATH_MAX];
        if (strcmp(d->list[i].kind, "pack") != 0 && upload_is_open(s, d->list[i].id))
            continue;
        extent_path(s, d->list[i].id, d->list[i].kind, path);
        if (s->disk->unlink(s->disk, path) >= 0)
            freed += d->list[i].size;
    }
    if (freed_bytes)
        *freed_bytes = freed;
    place_links_tidy(s);
    close(hold);
    free(c.list);
    free(d);
    return ok;
}

// ---- numbers

static bool count_rows(struct db_tx *tx, void *context, struct error *err)
{
    struct store_numbers *n = context;
    // What lies in places alone is none of the store's.
    return db_one_int(
               tx, &n->files, 0, err,
               "select count(*) from contents t where unhashed = 0 and not exists (select 1 "
               "from content_chunks k join chunks c on c.hash = k.hash join extents e on e.id "
               "= c.extent where k.content = t.content and k.number = 0 and e.kind = "
               "'place')",
               "") &&
           db_one_int(
               tx, &n->chunks, 0, err,
               "select count(*) from chunks where extent not in (select id from extents where "
               "kind = 'place')",
               "") &&
           db_one_int(
               tx, &n->bytes, 0, err,
               "select coalesce(sum(length), 0) from chunks where extent not in (select id from "
               "extents where kind = 'place')",
               "") &&
           db_one_int(tx, &n->place_files, 0, err, "select coalesce(sum(files), 0) from places",
                      "") &&
           db_one_int(tx, &n->place_bytes, 0, err, "select coalesce(sum(bytes), 0) from places",
                      "");
}

bool store_numbers(struct store *s, struct store_numbers *n, struct error *err)
{
    memset(n, 0, sizeof(*n));
    n->reserve_bytes = s->reserve;
    n->uploads = uploads_count(s);
    int code = s->disk->space(s->disk, s->folder, &n->free_bytes, &n->total_bytes);
    return code >= 0 ? db_read(s->db, count_rows, n, err)
                     : store_disk_error(s, err, code, "looking how full the disk is");
}

// ---- checking

bool store_page_read(struct db_tx *tx, void *context, struct error *err)
{
    struct check_page *p = context;
    p->count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select c.hash, c.extent, e.kind, e.path, c.at, c.length, c.xxh3, e.size from chunks c "
        "join extents e on e.id = c.extent where (c.extent > ?1 or (c.extent = ?1 and c.at > ?2)) "
        "and e.kind <> 'place' "
        "order by c.extent, c.at limit ?3",
        "sii", p->after_extent, p->after_at, (int64_t)CHECK_BATCH);
    while (db_next(rows) && p->count < CHECK_BATCH) {
        struct check_row *r = &p->rows[p->count++];
        size_t size;
        const void *hash = db_blob(rows, 0, &size);
        memset(r, 0, sizeof(*r));
        if (hash && size == SHA256_SIZE)
            memcpy(r->hash.at, hash, SHA256_SIZE);
        snprintf(r->extent, sizeof(r->extent), "%s", db_text(rows, 1));
        snprintf(r->kind, sizeof(r->kind), "%s", db_text(rows, 2));
        snprintf(r->path, sizeof(r->path), "%s", db_text(rows, 3));
        r->at = db_int(rows, 4);
        r->length = db_int(rows, 5);
        r->xxh3 = db_int(rows, 6);
        r->extent_size = db_int(rows, 7);
    }
    return db_end(rows, err);
}

struct holder {
    const sha256 *hash;
    char content[65];
    int64_t number;
};

static bool find_holder(struct db_tx *tx, void *context, struct error *err)
{
    struct holder *h = context;
    h->content[0] = 0;
    h->number = -1;
    struct db_rows *rows =
        db_query(tx, "select content, number from content_chunks where hash = ?1 limit 1", "b",
                 h->hash->at, (size_t)SHA256_SIZE);
    if (db_next(rows)) {
        size_t size;
        sha256 content;
        const void *at = db_blob(rows, 0, &size);
        if (at && size == SHA256_SIZE) {
            memcpy(content.at, at, SHA256_SIZE);
            memcpy(h->content, sha256_text(&content).text, sizeof(h->content));
        }
        h->number = db_int(rows, 1);
    }
    return db_end(rows, err);
}

static bool tell(struct store *s, const struct store_check *wish, const struct check_row *r,
                 const char *what, int64_t *damaged, struct error *err)
{
    struct holder h = {.hash = &r->hash};
    if (!db_read(s->db, find_holder, &h, err))
        return false;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/%s", s->folder, r->path);
    struct store_damage d = {h.content, h.number, path, r->at, r->length, what};
    ++*damaged;
    if (wish->damaged)
        wish->damaged(wish->context, &d);
    return true;
}

const char *store_row_look(const struct check_row *r, int fd, char *bytes, bool quick)
{
    if (fd < 0)
        return "the file is missing or can not be opened";
    if (r->length < 0 || r->length > STORE_CHUNK || r->at < 0)
        return "the database names an impossible place";
    int64_t have = 0;
    while (have < r->length) {
        ssize_t got = pread(fd, bytes + have, (size_t)(r->length - have), r->at + have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return "the disk can not read them";
        if (got == 0)
            return "the file is shorter than it was";
        have += got;
    }
    if (quick)
        return xxh3_of(bytes, (size_t)r->length) == (uint64_t)r->xxh3
                   ? NULL
                   : "the bytes are not what was stored";
    sha256 hash = sha256_of(bytes, (size_t)r->length);
    return sha256_equal(&hash, &r->hash) ? NULL : "the bytes are not what was stored";
}

struct content_page {
    sha256 after, list[CHECK_BATCH];
    bool wrong[CHECK_BATCH];
    size_t count;
};

// Every file's list of chunks makes its content and its size.
static bool read_contents(struct db_tx *tx, void *context, struct error *err)
{
    struct content_page *p = context;
    int64_t sizes[CHECK_BATCH];
    p->count = 0;
    struct db_rows *rows = db_query(tx,
                                    "select content, size from contents where content > ?1 and "
                                    "unhashed = 0 order by content limit ?2",
                                    "bi", p->after.at, (size_t)SHA256_SIZE, (int64_t)CHECK_BATCH);
    while (db_next(rows) && p->count < CHECK_BATCH) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        memset(&p->list[p->count], 0, sizeof(sha256));
        if (at && size == SHA256_SIZE)
            memcpy(p->list[p->count].at, at, SHA256_SIZE);
        sizes[p->count++] = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        return false;
    for (size_t i = 0; i < p->count; i++) {
        struct hasher *h = hasher_open("sha256");
        int64_t total = 0;
        rows = db_query(tx,
                        "select k.hash, c.length from content_chunks k join chunks c on c.hash = "
                        "k.hash where k.content = ?1 order by k.number",
                        "b", p->list[i].at, (size_t)SHA256_SIZE);
        while (db_next(rows)) {
            size_t size;
            const void *at = db_blob(rows, 0, &size);
            hasher_add(h, at ? at : "", size);
            total += db_int(rows, 1);
        }
        uint8_t digest[64];
        hasher_end(h, digest);
        p->wrong[i] = memcmp(digest, p->list[i].at, SHA256_SIZE) != 0 || total != sizes[i];
        if (!db_end(rows, err))
            return false;
    }
    return true;
}

static bool check_contents(struct store *s, const struct store_check *wish, int64_t *damaged,
                           struct error *err)
{
    struct content_page *p = must(calloc(1, sizeof(*p)));
    bool ok = true;
    do {
        ok = db_read(s->db, read_contents, p, err);
        for (size_t i = 0; ok && i < p->count; i++) {
            if (!p->wrong[i])
                continue;
            sha256_hex hex = sha256_text(&p->list[i]);
            struct store_damage d = {hex.text, -1, s->folder,
                                     0,        0,  "its list of chunks is not what was stored"};
            ++*damaged;
            if (wish->damaged)
                wish->damaged(wish->context, &d);
        }
        if (p->count)
            p->after = p->list[p->count - 1];
    } while (ok && p->count == CHECK_BATCH);
    free(p);
    return ok;
}

bool store_check(struct store *s, const struct store_check *wish, int64_t *damaged,
                 struct error *err)
{
    struct store_numbers n;
    *damaged = 0;
    if (!store_numbers(s, &n, err))
        return false;
    struct check_page *p = must(calloc(1, sizeof(*p)));
    char *bytes = must(malloc((size_t)STORE_CHUNK)), open_extent[27] = "";
    p->after_at = -1;
    int fd = -1;
    int64_t done = 0, end = 0;
    bool ok = true;
    do {
        ok = db_read(s->db, store_page_read, p, err);
        for (size_t i = 0; ok && i < p->count; i++) {
            const struct check_row *r = &p->rows[i];
            if (strcmp(open_extent, r->extent) != 0) {
                char path[PATH_MAX];
                if (fd >= 0)
                    s->disk->close(s->disk, fd);
                snprintf(path, sizeof(path), "%.4000s/%s", s->folder, r->path);
                fd = s->disk->open(s->disk, path, O_RDONLY);
                memcpy(open_extent, r->extent, sizeof(open_extent));
                end = 0;
            }
            const char *what = store_row_look(r, fd, bytes, wish->quick);
            if (!what && r->at < end)
                what = "two chunks are said to lie in one place";
            if (!what && r->at + r->length > r->extent_size)
                what = "a chunk is said to lie behind the end of its file";
            end = r->at + r->length;
            if (what)
                ok = tell(s, wish, r, what, damaged, err);
            done += r->length;
            if (ok && wish->progress && !wish->progress(wish->context, done, n.bytes))
                ok = error_set(err, ERROR_CANCELLED, "the check was stopped");
        }
        if (p->count) {
            memcpy(p->after_extent, p->rows[p->count - 1].extent, sizeof(p->after_extent));
            p->after_at = p->rows[p->count - 1].at;
        }
    } while (ok && p->count == CHECK_BATCH);
    if (fd >= 0)
        s->disk->close(s->disk, fd);
    free(bytes);
    free(p);
    return ok && check_contents(s, wish, damaged, err);
}
