/*
 * The store on one folder:
 *
 *   extents/ab/ID   the bytes of one large file, each chunk at its own place; ab is the id's end
 *   packs/ID        many small files one after another
 *   incoming/ID.log what of an open upload is durable (upload.c)
 *   house           the name that this store and its database have for each other
 *
 * An upload writes into its extent from the start; what makes bytes count is their rows, written by
 * store_record in the transaction of whoever brought them. At start-up, files here without rows and
 * without an open upload are removed, and a pack is cut behind the last byte that has a row.
 */
#include "store/store_inside.h"

#include "plat/aside.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACK_FULL ((int64_t)1 << 30)

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- sync groups

void sync_group_open(struct sync_group *g)
{
    memset(g, 0, sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, NULL);
}

void sync_group_close(struct sync_group *g)
{
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->changed);
}

uint64_t sync_group_ticket(struct sync_group *g)
{
    pthread_mutex_lock(&g->lock);
    uint64_t ticket = ++g->written;
    pthread_mutex_unlock(&g->lock);
    return ticket;
}

int sync_group_wait(struct sync_group *g, uint64_t ticket, struct disk *disk, int fd)
{
    pthread_mutex_lock(&g->lock);
    while (g->failed < ticket && g->synced < ticket) {
        if (g->running) {
            pthread_cond_wait(&g->changed, &g->lock);
            continue;
        }
        g->running = true;
        uint64_t until = g->written;
        pthread_mutex_unlock(&g->lock);
        int code = disk->datasync(disk, fd);
        pthread_mutex_lock(&g->lock);
        g->running = false;
        if (code >= 0) {
            g->synced = until;
        } else {
            g->failed = g->written; // later writes may have been in the same dropped pages
            g->errno_value = -code;
        }
        pthread_cond_broadcast(&g->changed);
    }
    int answer = g->failed >= ticket ? -g->errno_value : 0;
    pthread_mutex_unlock(&g->lock);
    return answer;
}

// ---- small helpers

bool store_disk_error(struct store *s, struct error *err, int code, const char *doing)
{
    int why = code < 0 ? -code : code;
    error_errno(err, why, "cannot store the bytes: %s", doing);
    if (why == ENOSPC || why == EDQUOT) {
        error_why(err, "the disk of %s is full", s->folder);
        error_fix(err, "free space on that disk; nothing that was acknowledged is lost, and the "
                       "upload goes on where it stood");
    } else if (why == EIO || why == EROFS) {
        error_fix(err, "the disk of %s has failed: look at the system's log, run `posthouse check`",
                  s->folder);
    }
    return false;
}

bool store_room(struct store *s, int64_t size, struct error *err)
{
    int64_t free_bytes = 0, total = 0;
    int code = s->disk->space(s->disk, s->folder, &free_bytes, &total);
    if (code < 0)
        return store_disk_error(s, err, code, "looking how full the disk is");
    if (free_bytes - s->reserve >= size)
        return true;
    short_text have = size_text(free_bytes > s->reserve ? free_bytes - s->reserve : 0);
    error_set(err, ERROR_NO_SPACE, "the house has no room for these bytes");
    error_why(err, "its disk has %s left beside the %s that stay free, this needs %s", have.text,
              size_text(s->reserve).text, size_text(size).text);
    return error_fix(err, "free space on the disk of the store, or lower store.reserve");
}

void extent_name(const char *id, const char *kind, char to[64])
{
    // The id's end is random, its beginning is the time.
    if (strcmp(kind, "pack") == 0)
        snprintf(to, 64, "packs/%s", id);
    else
        snprintf(to, 64, "extents/%.2s/%s", id + 24, id);
}

void extent_path(const struct store *s, const char *id, const char *kind, char to[PATH_MAX])
{
    char name[64];
    extent_name(id, kind, name);
    snprintf(to, PATH_MAX, "%s/%s", s->folder, name);
}

sha256 content_of(const struct piece_of *pieces, size_t count)
{
    sha256 content;
    uint8_t digest[64];
    struct hasher *h = hasher_open("sha256");
    for (size_t i = 0; i < count; i++)
        hasher_add(h, pieces[i].hash.at, SHA256_SIZE);
    hasher_end(h, digest);
    memcpy(content.at, digest, SHA256_SIZE);
    return content;
}

// ---- opening: folders, recovery, sweep

struct sweep {
    struct store *s;
    struct db_tx *tx;
};

static bool sweep_extent(struct store *s, struct db_tx *tx, const char *path, const char *id,
                         bool pack, int64_t size, struct error *err)
{
    int64_t end = 0;
    if (strlen(id) != 26)
        return true; // not ours
    if (!db_one_int(tx, &end, -1, err,
                    "select coalesce(max(at + length), -1) from chunks where extent = ?1", "s", id))
        return false;
    int code = 0;
    if (end < 0 && !upload_is_open(s, id)) {
        code = s->disk->unlink(s->disk, path);
    } else if (end >= 0 && !pack && upload_is_open(s, id)) {
        upload_forget_log(s, id); // recorded, and the power went before its log was removed
    } else if (end >= 0 && size > end && pack) {
        int fd = s->disk->open(s->disk, path, O_RDWR);
        code = fd < 0 ? fd : s->disk->truncate(s->disk, fd, end);
        if (fd >= 0)
            s->disk->close(s->disk, fd);
    }
    return code >= 0 || store_disk_error(s, err, code, "sweeping what belongs to nobody");
}

static bool sweep_seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)enter;
    struct sweep *w = context;
    const char *name = strrchr(f->path, '/');
    if (f->kind != FILE_PLAIN || !name)
        return true;
    bool pack = strncmp(f->relative, "packs/", 6) == 0;
    if (!pack && strncmp(f->relative, "extents/", 8) != 0)
        return true;
    return sweep_extent(w->s, w->tx, f->path, name + 1, pack, f->size, err);
}

static bool sweep(struct db_tx *tx, void *context, struct error *err)
{
    struct store *s = context;
    struct sweep w = {s, tx};
    struct walk_wish wish = {.seen = sweep_seen, .context = &w};
    int hold = store_hold_alone(s->folder);
    if (hold < 0)
        return true; // a backup is reading: what belongs to nobody waits for the next start
    bool ok = folder_walk(s->folder, &wish, err);
    close(hold);
    return ok;
}

// ---- whose store it is

struct whose {
    const struct store *s;
    char database[27], folder[27]; // the name in each; "" when it has none
    int64_t extents;               // that the database knows
    bool media, known;             // in the folder: any; any that the database knows
};

static bool whose_in(struct db_tx *tx, void *context, struct error *err)
{
    struct whose *w = context;
    struct arena *a = arena_open((size_t)1 << 20);
    const char *name = NULL;
    bool ok = db_value_get(tx, "store.house", a, &name, err) &&
              db_one_int(tx, &w->extents, 0, err, "select count(*) from extents where kind <> 'place'", "");
    if (ok && name && !text_copy(text_of(name), w->database, sizeof(w->database)))
        ok = error_set(err, ERROR_DAMAGED, "the database's name for its store is too long");
    arena_close(a);
    if (!ok)
        return false;
    struct db_rows *rows = db_query(tx, "select path from extents where kind <> 'place' order by id desc "
                                    "limit 100", "");
    while (db_next(rows)) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%.4000s/%s", w->s->folder, db_text(rows, 0));
        w->known = w->known || access(path, F_OK) == 0;
    }
    return db_end(rows, err);
}

static bool media_seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct whose *w = context;
    (void)err;
    *enter = !f->relative[0] || text_starts(text_of(f->relative), "extents") ||
             strcmp(f->relative, "packs") == 0;
    w->media = w->media || (f->kind == FILE_PLAIN && strchr(f->relative, '/'));
    return !w->media;
}

static bool whose_refuse(const struct whose *w, struct error *err)
{
    bool same = strcmp(w->database, w->folder) == 0;
    if (w->folder[0] ? !same : w->media && !w->extents) {
        error_set(err, ERROR_CONFLICT, "the database and the store in %s are not of one house",
                  w->s->folder);
        error_why(err, "%s; opened with it, all that media would be swept away as nobody's",
                  w->database[0] ? "the database belongs to another store"
                  : w->extents   ? "the database was never opened with it"
                                 : "the store has media, and the database is a new one");
        error_fix(err, "bring back the house.db that belongs to this store, or name another "
                       "folder; nothing was touched");
        return true;
    }
    if (same || !w->extents || w->known)
        return false;
    error_set(err, ERROR_CONFLICT, "the media of the house is not in %s", w->s->folder);
    error_why(err, "the database knows %s files of it, and none that was looked for is there",
              count_text(w->extents).text);
    error_fix(err,
              "mount the store's disk, or name its folder; when the media is lost for good, "
              "write %s into %.150s/house",
              w->database, w->s->folder);
    return true;
}

static bool whose_write(struct db_tx *tx, void *context, struct error *err)
{
    return db_value_set(tx, "store.house", context, err);
}

// The database is told first: a power cut between the two leaves what is taken up here again.
static bool whose_name(struct store *s, struct whose *w, struct error *err)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    id name = id_new();
    if (!w->database[0]) {
        memcpy(w->database, name.text, sizeof(w->database));
        if (!db_write(s->db, whose_write, w->database, err))
            return false;
    }
    snprintf(path, sizeof(path), "%.4000s/house", s->folder);
    snprintf(fresh, sizeof(fresh), "%.4000s/house.new", s->folder);
    int fd = s->disk->open(s->disk, fresh, O_RDWR | O_CREAT | O_TRUNC);
    int code = fd < 0 ? fd : s->disk->pwrite(s->disk, fd, w->database, 26, 0);
    if (code >= 0)
        code = s->disk->datasync(s->disk, fd);
    if (fd >= 0)
        s->disk->close(s->disk, fd);
    if (code >= 0)
        code = s->disk->rename(s->disk, fresh, path);
    if (code >= 0)
        code = s->disk->sync_folder(s->disk, s->folder);
    return code >= 0 || store_disk_error(s, err, code, "naming it");
}

static bool of_one_house(struct store *s, bool look_only, struct error *err)
{
    struct whose w = {.s = s};
    struct walk_wish wish = {.seen = media_seen, .context = &w};
    struct buf name = BUF_LIMIT(256);
    struct error none;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/house", s->folder);
    if (file_read(path, &name, &none))
        text_copy(text_trim((text){name.at, name.size}), w.folder, sizeof(w.folder));
    buf_free(&name);
    if (!w.folder[0] && access(path, F_OK) == 0) {
        error_set(err, ERROR_DAMAGED, "cannot read whose store %s is", s->folder);
        return error_why(err, "%s is empty or can not be read", path);
    }
    if (!db_read(s->db, whose_in, &w, err) || !folder_walk(s->folder, &wish, err) ||
        whose_refuse(&w, err))
        return false;
    return w.folder[0] || look_only || whose_name(s, &w, err);
}

static bool make_folders(struct store *s, struct error *err)
{
    char path[PATH_MAX];
    static const char *const names[] = {"/extents", "/packs", "/incoming"};
    int code = 0;
    for (size_t i = 0; i < 3 && code >= 0; i++) {
        snprintf(path, sizeof(path), "%.4000s%s", s->folder, names[i]);
        code = s->disk->mkdir(s->disk, path);
    }
    if (code >= 0)
        code = s->disk->sync_folder(s->disk, s->folder);
    return code >= 0 || store_disk_error(s, err, code, "making its folders");
}

int extent_folder(struct store *s, const char *id)
{
    char path[PATH_MAX], above[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/extents/%.2s", s->folder, id + 24);
    if (access(path, F_OK) == 0)
        return 0;
    int code = s->disk->mkdir(s->disk, path);
    path_folder(path, above, sizeof(above));
    return code < 0 ? code : s->disk->sync_folder(s->disk, above);
}

struct fd_kept { // a descriptor of an extent, shared by maps
    char id[27];
    int fd, users;
};

struct map_kept {
    struct store_map map; // first: store_map_close finds the rest by it
    sha256 content;
    int users;
    bool listed;
    uint64_t used;
    struct fd_kept **fds;
    size_t fd_count;
    struct store_run *runs;
    struct map_kept *next;
};

struct store *store_open(const struct store_wish *wish, struct error *err)
{
    struct store *s = must(calloc(1, sizeof(*s)));
    s->db = wish->db;
    s->look_only = wish->look_only;
    s->disk = wish->disk ? wish->disk : disk_system();
    s->reserve = wish->reserve_bytes == 0  ? (int64_t)1 << 30
                 : wish->reserve_bytes < 0 ? 0
                                           : wish->reserve_bytes;
    s->pack_fd = -1;
    s->asides = asides_open(SILENT_MOST);
    s->pack_group = must(calloc(1, sizeof(*s->pack_group)));
    sync_group_open(s->pack_group);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->pack_lock, NULL);
    pthread_mutex_init(&s->map_lock, NULL);
    bool ok = wish->look_only || folder_make(wish->folder, 0750, err);
    char *whole = ok ? realpath(wish->folder, NULL) : NULL;
    if (ok && !whole)
        ok = error_errno(err, errno, "cannot open the store in %s", wish->folder);
    if (ok && !text_copy(text_of(whole), s->folder, PATH_MAX - 96))
        ok = error_set(err, ERROR_INPUT, "the path of the store is too long");
    free(whole);
    ok = ok && of_one_house(s, wish->look_only, err);
    if (ok && !wish->look_only)
        ok = make_folders(s, err) && uploads_recover(s, err) && db_read(s->db, sweep, s, err);
    if (ok)
        return s;
    store_close(s);
    return NULL;
}

static void map_free(struct store *s, struct map_kept *m)
{
    for (size_t i = 0; i < m->fd_count; i++) {
        struct fd_kept *f = m->fds[i];
        if (--f->users == 0) {
            s->disk->close(s->disk, f->fd);
            free(f);
        }
    }
    for (size_t i = 0; i < m->map.count; i++)
        free((char *)m->runs[i].path);
    free(m->fds);
    free(m->runs);
    free(m);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    uploads_close(s);
    for (struct map_kept *m = s->maps, *next; m; m = next) {
        next = m->next;
        map_free(s, m);
    }
    if (s->pack_fd >= 0)
        s->disk->close(s->disk, s->pack_fd);
    sync_group_close(s->pack_group);
    free(s->pack_group);
    asides_close(s->asides);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->pack_lock);
    pthread_mutex_destroy(&s->map_lock);
    free(s);
}

// ---- finished bytes

const sha256 *store_bytes_content(const struct store_bytes *b, size_t index)
{
    return &b->files[index].content;
}

int64_t store_bytes_size(const struct store_bytes *b, size_t index)
{
    return b->files[index].size;
}

void store_bytes_free(struct store_bytes *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++)
        free(b->files[i].pieces);
    free(b->files);
    free((char *)b->remove_path);
    free(b);
}

static bool record_pieces(struct db_tx *tx, const struct store_bytes *b, const struct made_file *f,
                          struct error *err)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct piece_of *p = &f->pieces[i];
        int64_t there = 0;
        if (!p->used) {
            // What lay in a place lies in the store from now on.
            if (!db_run(tx, err,
                        "insert into chunks (hash, extent, at, length, xxh3) values "
                        "(?1, ?2, ?3, ?4, ?5) on conflict (hash) do update set extent = "
                        "excluded.extent, at = excluded.at where (select kind from extents where "
                        "id = chunks.extent) = 'place'",
                        "bsiii", p->hash.at, (size_t)SHA256_SIZE, b->extent, p->at, p->length,
                        (int64_t)p->xxh3))
                return false;
        } else {
            if (!db_one_int(tx, &there, 0, err,
                            "select 1 from chunks c join extents e on e.id = c.extent where "
                            "c.hash = ?1 and e.kind <> 'place'",
                            "b", p->hash.at, (size_t)SHA256_SIZE))
                return false;
            if (!there) {
                error_set(err, ERROR_CONFLICT, "the file is not complete any more");
                error_why(err, "chunk %zu was to be shared with a file that has been deleted", i);
                return error_fix(err, "send that chunk, then commit again");
            }
        }
        if (!db_run(tx, err,
                    "insert into content_chunks (content, number, hash) values (?1, ?2, ?3) on "
                    "conflict (content, number) do nothing",
                    "bib", f->content.at, (size_t)SHA256_SIZE, (int64_t)i, p->hash.at,
                    (size_t)SHA256_SIZE))
            return false;
    }
    return true;
}

bool store_record(struct db_tx *tx, struct store_bytes *b, struct error *err)
{
    if (b->extent[0] &&
        !db_run(tx, err,
                "insert into extents (id, volume, kind, path, size, created_ms) values (?1, 'main',"
                " ?2, ?3, ?4, ?5) on conflict (id) do update set size = excluded.size where "
                "excluded.size > extents.size",
                "sssii", b->extent, b->kind, b->path, b->extent_size, clock_now_ms()))
        return false;
    for (size_t i = 0; i < b->count; i++) {
        const struct made_file *f = &b->files[i];
        int64_t there = 0;
        if (!db_one_int(tx, &there, 0, err, "select 1 from contents where content = ?1", "b",
                        f->content.at, (size_t)SHA256_SIZE))
            return false;
        bool kept = true;
        if (there && (!place_kept(tx, &f->content, &kept, err) || kept)) {
            if (!kept)
                return false;
            continue;
        }
        if ((!there &&
             !db_run(tx, err, "insert into contents (content, size, created_ms) values (?1, ?2, ?3)",
                     "bii", f->content.at, (size_t)SHA256_SIZE, f->size, clock_now_ms())) ||
            !record_pieces(tx, b, f, err))
            return false;
    }
    // All of it was here already: then the extent is of no use, and goes when settled.
    return !b->extent[0] ||
           db_run(tx, err,
                  "delete from extents where id = ?1 and not exists (select 1 from chunks where "
                  "extent = ?1)",
                  "s", b->extent);
}

static bool extent_recorded(struct db_tx *tx, void *context, struct error *err)
{
    struct store_bytes *b = context;
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err, "select 1 from extents where id = ?1", "s", b->extent))
        return false;
    if (!there)
        b->extent_size = -1;
    return true;
}

void store_settle(struct store *s, struct store_bytes *b, bool committed)
{
    if (!b)
        return;
    struct error err;
    char path[PATH_MAX];
    bool pack = b->kind && strcmp(b->kind, "pack") == 0;
    bool unused = false;
    if (b->extent[0] && !pack && committed)
        unused = db_read(s->db, extent_recorded, b, &err) && b->extent_size < 0;
    if (b->upload[0] && committed)
        upload_recorded(s, b->upload, !unused);
    else if (b->upload[0])
        upload_recheck(s, b->upload);
    else if (b->adopted && (!committed || unused)) {
        extent_path(s, b->extent, "extent", path);
        s->disk->unlink(s->disk, path); // what fails here is swept at the next start
    }
    if (committed && b->remove_path)
        s->disk->unlink(s->disk, b->remove_path);
    if (pack) {
        pthread_mutex_lock(&s->pack_lock);
        s->pack_users--;
        pthread_mutex_unlock(&s->pack_lock);
    }
    store_bytes_free(b);
}

// ---- packs

// A pack to append to. With pack_lock.
static int pack_ready(struct store *s, int64_t size)
{
    char path[PATH_MAX];
    if (s->pack_fd >= 0 && s->pack_size + size <= PACK_FULL && s->pack_group->failed == 0)
        return 0;
    if (s->pack_fd >= 0) {
        // Others may be waiting for a sync of the old one: they hold pack_lock's users, so only
        // an idle pack is put away; a busy one is waited for by the caller.
        s->disk->close(s->disk, s->pack_fd);
        s->pack_fd = -1;
    }
    id fresh = id_new();
    extent_path(s, fresh.text, "pack", path);
    int fd = s->disk->open(s->disk, path, O_RDWR | O_CREAT | O_EXCL);
    if (fd < 0)
        return fd;
    snprintf(path, sizeof(path), "%.4000s/packs", s->folder);
    int code = s->disk->sync_folder(s->disk, path);
    if (code < 0) {
        s->disk->close(s->disk, fd);
        return code;
    }
    memcpy(s->pack, fresh.text, sizeof(s->pack));
    s->pack_fd = fd;
    s->pack_size = 0;
    sync_group_close(s->pack_group);
    sync_group_open(s->pack_group);
    return 0;
}

static void small_file(struct made_file *f, text bytes, int64_t at)
{
    size_t count = (bytes.size + (size_t)STORE_CHUNK - 1) / (size_t)STORE_CHUNK;
    f->size = (int64_t)bytes.size;
    f->count = count;
    f->pieces = must(calloc(count ? count : 1, sizeof(*f->pieces)));
    for (size_t i = 0; i < count; i++) {
        size_t from = i * (size_t)STORE_CHUNK, size = bytes.size - from;
        if (size > (size_t)STORE_CHUNK)
            size = (size_t)STORE_CHUNK;
        f->pieces[i] = (struct piece_of){.hash = sha256_of(bytes.at + from, size),
                                         .xxh3 = xxh3_of(bytes.at + from, size),
                                         .at = at + (int64_t)from,
                                         .length = (int64_t)size};
    }
    f->content = content_of(f->pieces, count);
}

bool store_put_small(struct store *s, const text *list, size_t count, struct store_bytes **made,
                     struct error *err)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += (int64_t)list[i].size;
    if (!store_room(s, total, err))
        return false;
    struct store_bytes *b = must(calloc(1, sizeof(*b)));
    b->files = must(calloc(count ? count : 1, sizeof(*b->files)));
    b->count = count;
    b->kind = "pack";
    for (size_t i = 0, at = 0; i < count; at += list[i].size, i++)
        small_file(&b->files[i], list[i], (int64_t)at);
    // One buffer, one write. The lock is held over the sync: writers of batches come one after
    // another, and each of them brings many files.
    char *joined = must(malloc((size_t)total + 1));
    for (size_t i = 0, at = 0; i < count; at += list[i].size, i++)
        if (list[i].size)
            memcpy(joined + at, list[i].at, list[i].size);
    pthread_mutex_lock(&s->pack_lock);
    int code = total ? pack_ready(s, total) : 0;
    if (total && code >= 0) {
        int64_t at = s->pack_size;
        code = s->disk->pwrite(s->disk, s->pack_fd, joined, (size_t)total, at);
        if (code >= 0)
            code = sync_group_wait(s->pack_group, sync_group_ticket(s->pack_group), s->disk,
                                   s->pack_fd);
        if (code < 0) {
            // What is on the disk behind pack_size is not known now: never append here again.
            s->disk->close(s->disk, s->pack_fd);
            s->pack_fd = -1;
        } else {
            memcpy(b->extent, s->pack, sizeof(b->extent));
            extent_name(b->extent, "pack", b->path);
            for (size_t i = 0; i < count; i++)
                for (size_t c = 0; c < b->files[i].count; c++)
                    b->files[i].pieces[c].at += at;
            s->pack_size = at + total;
            b->extent_size = s->pack_size;
        }
    }
    if (code >= 0)
        s->pack_users++;
    pthread_mutex_unlock(&s->pack_lock);
    free(joined);
    if (code < 0) {
        store_bytes_free(b);
        return store_disk_error(s, err, code, "writing small files");
    }
    *made = b;
    return true;
}

// ---- taking over finished files

static bool hash_file(int fd, int64_t size, struct made_file *f, int copy_to, struct store *s,
                      struct error *err)
{
    size_t count = (size_t)((size + STORE_CHUNK - 1) / STORE_CHUNK);
    f->size = size;
    f->count = count;
    f->pieces = must(calloc(count ? count : 1, sizeof(*f->pieces)));
    char *bytes = must(malloc((size_t)STORE_CHUNK));
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        int64_t at = (int64_t)i * STORE_CHUNK,
                want = size - at < STORE_CHUNK ? size - at : STORE_CHUNK;
        int64_t have = 0;
        while (ok && have < want) {
            ssize_t got = pread(fd, bytes + have, (size_t)(want - have), at + have);
            if (got <= 0)
                ok = error_errno(err, got < 0 ? errno : EIO, "cannot read a finished file");
            else
                have += got;
        }
        if (ok && copy_to >= 0) {
            int code = s->disk->pwrite(s->disk, copy_to, bytes, (size_t)want, at);
            ok = code >= 0 || store_disk_error(s, err, code, "copying a finished file");
        }
        if (ok)
            f->pieces[i] = (struct piece_of){.hash = sha256_of(bytes, (size_t)want),
                                             .xxh3 = xxh3_of(bytes, (size_t)want),
                                             .at = at,
                                             .length = want};
    }
    free(bytes);
    f->content = content_of(f->pieces, f->count);
    return ok;
}

static bool adopt_small(struct store *s, int fd, const char *path, int64_t size,
                        struct store_bytes **made, struct error *err)
{
    char *bytes = must(malloc((size_t)size + 1));
    int64_t have = 0;
    bool ok = true;
    while (ok && have < size) {
        ssize_t got = pread(fd, bytes + have, (size_t)(size - have), have);
        if (got <= 0)
            ok = error_errno(err, got < 0 ? errno : EIO, "cannot read %s", path);
        else
            have += got;
    }
    text one = {bytes, (size_t)size};
    ok = ok && store_put_small(s, &one, 1, made, err);
    free(bytes);
    if (ok)
        (*made)->remove_path = must(strdup(path));
    return ok;
}

static bool adopt_large(struct store *s, int fd, const char *path, int64_t size,
                        struct store_bytes *b, struct error *err)
{
    char to[PATH_MAX], folder[PATH_MAX];
    id fresh = id_new();
    memcpy(b->extent, fresh.text, sizeof(b->extent));
    b->kind = "extent";
    b->adopted = true;
    b->extent_size = size;
    extent_name(b->extent, "extent", b->path);
    extent_path(s, b->extent, "extent", to);
    path_folder(to, folder, sizeof(folder));
    int made = extent_folder(s, b->extent);
    if (made < 0)
        return store_disk_error(s, err, made, "making a folder");
    bool here = same_file_system(path, s->folder);
    if (!here && !store_room(s, size, err))
        return false;
    int copy = -1;
    if (!here) {
        copy = s->disk->open(s->disk, to, O_RDWR | O_CREAT | O_EXCL);
        if (copy < 0)
            return store_disk_error(s, err, copy, "copying a finished file");
        b->remove_path = must(strdup(path));
    }
    bool ok = hash_file(fd, size, &b->files[0], copy, s, err);
    if (ok) {
        int code = s->disk->datasync(s->disk, here ? fd : copy);
        if (code >= 0 && here)
            code = s->disk->rename(s->disk, path, to);
        if (code >= 0)
            code = s->disk->sync_folder(s->disk, folder);
        ok = code >= 0 || store_disk_error(s, err, code, "taking over a finished file");
        if (!ok && here)
            s->disk->rename(s->disk, to, path); // as it was, where that still can be
    }
    if (copy >= 0)
        s->disk->close(s->disk, copy);
    if (!ok && !here)
        s->disk->unlink(s->disk, to);
    return ok;
}

bool store_adopt(struct store *s, const char *path, struct store_bytes **made, struct error *err)
{
    int fd = s->disk->open(s->disk, path, O_RDWR);
    if (fd < 0)
        return error_errno(err, -fd, "cannot take over %s", path);
    int64_t size = lseek(fd, 0, SEEK_END);
    bool ok;
    if (size < STORE_SMALL) {
        ok = adopt_small(s, fd, path, size, made, err);
    } else {
        struct store_bytes *b = must(calloc(1, sizeof(*b)));
        b->files = must(calloc(1, sizeof(*b->files)));
        b->count = 1;
        ok = adopt_large(s, fd, path, size, b, err);
        if (ok)
            *made = b;
        else
            store_bytes_free(b);
    }
    s->disk->close(s->disk, fd);
    return ok;
}

// ---- looking up

bool store_has(struct db_tx *tx, const sha256 *content, int64_t *size, bool *has, struct error *err)
{
    int64_t found = 0;
    if (!db_one_int(tx, &found, -1, err, "select size from contents where content = ?1", "b",
                    content->at, (size_t)SHA256_SIZE))
        return false;
    *has = found >= 0;
    if (size)
        *size = *has ? found : 0;
    return true;
}

static bool not_here(struct error *err, const sha256 *content)
{
    error_set(err, ERROR_NOT_FOUND, "the bytes are not in the store");
    return error_why(err, "no file with the content %.16s... is recorded",
                     sha256_text(content).text);
}

bool store_chunks(struct db_tx *tx, const sha256 *content, struct arena *a,
                  struct store_chunk **list, size_t *count, struct error *err)
{
    bool has;
    int64_t size, rows_count = 0;
    if (!store_has(tx, content, &size, &has, err))
        return false;
    if (!has)
        return not_here(err, content);
    rows_count = (size + STORE_CHUNK - 1) / STORE_CHUNK;
    *list = ARENA_ARRAY(a, struct store_chunk, rows_count ? (size_t)rows_count : 1);
    *count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select c.hash, c.length from content_chunks k join chunks c on c.hash = k.hash "
                 "where k.content = ?1 order by k.number",
                 "b", content->at, (size_t)SHA256_SIZE);
    while (db_next(rows) && *count < (size_t)rows_count) {
        size_t hash_size;
        const void *hash = db_blob(rows, 0, &hash_size);
        struct store_chunk *c = &(*list)[(*count)++];
        if (hash && hash_size == SHA256_SIZE)
            memcpy(c->hash.at, hash, SHA256_SIZE);
        c->length = db_int(rows, 1);
    }
    if (!db_end(rows, err))
        return false;
    if (*count || !size)
        return true;
    error_set(err, ERROR_CONFLICT, "this file has not been hashed yet");
    error_why(err, "it lies in a place, and the house has not read it so far");
    return error_fix(err, "try again later: it is hashed in the background");
}

struct placing {
    const sha256 *content;
    sha256 was; // what `content` is called now, when it stood for a file that is hashed by now
    int64_t size;
    bool outside; // some of it lies in a place
    struct place {
        char extent[27], path[64];
        int64_t offset, length;
    } * places;
    size_t count, room;
};

static bool now_called(struct db_tx *tx, struct placing *p, bool *has, struct error *err)
{
    error_clear(err);
    struct db_rows *rows = db_query(tx, "select content from place_was where was = ?1", "b",
                                    p->content->at, (size_t)SHA256_SIZE);
    size_t size = 0;
    const void *at = db_next(rows) ? db_blob(rows, 0, &size) : NULL;
    if (at && size == SHA256_SIZE)
        memcpy(p->was.at, at, SHA256_SIZE);
    if (!db_end(rows, err) || size != SHA256_SIZE)
        return false;
    p->content = &p->was;
    return store_has(tx, p->content, &p->size, has, err) && *has;
}

static bool find_places(struct db_tx *tx, void *context, struct error *err)
{
    struct placing *p = context;
    bool has;
    p->count = 0;
    if (!store_has(tx, p->content, &p->size, &has, err))
        return false;
    if (!has && !now_called(tx, p, &has, err))
        return err->kind == ERROR_NONE ? not_here(err, p->content) : false;
    p->outside = false;
    struct db_rows *rows = db_query(
        tx,
        "select c.extent, e.path, c.at, c.length, e.kind from content_chunks k join chunks c on c.hash = "
        "k.hash join extents e on e.id = c.extent where k.content = ?1 order by k.number",
        "b", p->content->at, (size_t)SHA256_SIZE);
    while (db_next(rows)) {
        const char *extent = db_text(rows, 0);
        int64_t offset = db_int(rows, 2), length = db_int(rows, 3);
        struct place *last = p->count ? &p->places[p->count - 1] : NULL;
        p->outside = p->outside || strcmp(db_text(rows, 4), "place") == 0;
        if (last && strcmp(last->extent, extent) == 0 && last->offset + last->length == offset) {
            last->length += length;
            continue;
        }
        if (p->count == p->room) {
            p->room = p->room ? p->room * 2 : 4;
            p->places = must(realloc(p->places, p->room * sizeof(*p->places)));
        }
        struct place *mine = &p->places[p->count++];
        memset(mine, 0, sizeof(*mine));
        snprintf(mine->extent, sizeof(mine->extent), "%s", extent);
        snprintf(mine->path, sizeof(mine->path), "%s", db_text(rows, 1));
        mine->offset = offset;
        mine->length = length;
    }
    p->outside = p->outside || (!p->count && p->size);
    return db_end(rows, err);
}

// All of a content that lies in a place is read from one file there. Such maps are not kept: a
// volume must be free to go when nobody reads.
static bool map_outside(struct store *s, const struct placing *p, const struct store_map **map,
                        struct error *err)
{
    char path[PATH_MAX] = "";
    int fd;
    if (!place_open(s, p->content, &fd, path, err))
        return false;
    struct map_kept *m = must(calloc(1, sizeof(*m)));
    m->content = *p->content;
    m->users = 1;
    m->fds = must(calloc(1, sizeof(struct fd_kept *)));
    m->fds[m->fd_count] = must(calloc(1, sizeof(**m->fds)));
    *m->fds[m->fd_count++] = (struct fd_kept){.fd = fd, .users = 1};
    m->runs = must(calloc(1, sizeof(*m->runs)));
    m->runs[0] = (struct store_run){fd, must(strdup(path)), 0, p->size};
    m->map = (struct store_map){p->size, m->runs, 1};
    *map = &m->map;
    return true;
}

// A descriptor that another map has, or a new one; counted. With map_lock.
static int map_fd(struct store *s, struct map_kept *m, const struct place *p)
{
    for (size_t i = 0; i < m->fd_count; i++)
        if (strcmp(m->fds[i]->id, p->extent) == 0)
            return m->fds[i]->fd;
    struct fd_kept *found = NULL;
    for (struct map_kept *o = s->maps; o && !found; o = o->next)
        for (size_t i = 0; i < o->fd_count && !found; i++)
            if (strcmp(o->fds[i]->id, p->extent) == 0)
                found = o->fds[i];
    if (!found) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%.4000s/%s", s->folder, p->path);
        int fd = s->disk->open(s->disk, path, O_RDONLY);
        if (fd < 0)
            return fd;
        found = must(calloc(1, sizeof(*found)));
        memcpy(found->id, p->extent, sizeof(found->id));
        found->fd = fd;
    }
    found->users++;
    m->fds = must(realloc(m->fds, (m->fd_count + 1) * sizeof(struct fd_kept *)));
    m->fds[m->fd_count++] = found;
    return found->fd;
}

static void maps_trim(struct store *s) // with map_lock: forgets unused maps over the limit
{
    for (;;) {
        size_t count = 0;
        struct map_kept **oldest = NULL;
        for (struct map_kept **at = &s->maps; *at; at = &(*at)->next) {
            count++;
            if ((*at)->users == 0 && (!oldest || (*at)->used < (*oldest)->used))
                oldest = at;
        }
        if (count <= MAP_SLOTS || !oldest)
            return;
        struct map_kept *gone = *oldest;
        *oldest = gone->next;
        map_free(s, gone);
    }
}

bool store_map_open(struct store *s, const sha256 *content, const struct store_map **map,
                    struct error *err)
{
    pthread_mutex_lock(&s->map_lock);
    for (struct map_kept *m = s->maps; m; m = m->next) {
        if (m->listed && sha256_equal(&m->content, content)) {
            m->users++;
            m->used = ++s->uses;
            *map = &m->map;
            pthread_mutex_unlock(&s->map_lock);
            return true;
        }
    }
    pthread_mutex_unlock(&s->map_lock);
    struct placing p = {.content = content};
    if (!db_read(s->db, find_places, &p, err)) {
        free(p.places);
        return false;
    }
    if (p.outside) {
        free(p.places);
        return map_outside(s, &p, map, err);
    }
    struct map_kept *m = must(calloc(1, sizeof(*m)));
    m->content = *content;
    m->runs = must(calloc(p.count ? p.count : 1, sizeof(*m->runs)));
    m->map = (struct store_map){p.size, m->runs, 0};
    bool ok = true;
    pthread_mutex_lock(&s->map_lock);
    for (size_t i = 0; ok && i < p.count; i++) {
        const struct place *at = &p.places[i];
        int fd = map_fd(s, m, at);
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%.4000s/%s", s->folder, at->path);
        if (fd < 0) {
            ok = error_errno(err, -fd, "cannot open stored bytes");
            error_fix(err, "run `posthouse check`: %s is missing or can not be read", path);
        } else {
            m->runs[m->map.count++] =
                (struct store_run){fd, must(strdup(path)), at->offset, at->length};
        }
    }
    if (ok) {
        m->users = 1;
        m->listed = true;
        m->used = ++s->uses;
        m->next = s->maps;
        s->maps = m;
        *map = &m->map;
        maps_trim(s);
    } else {
        map_free(s, m);
    }
    pthread_mutex_unlock(&s->map_lock);
    free(p.places);
    return ok;
}

void store_map_close(struct store *s, const struct store_map *map)
{
    if (!map)
        return;
    struct map_kept *m = (struct map_kept *)map;
    pthread_mutex_lock(&s->map_lock);
    m->users--;
    if (!m->listed && m->users == 0) { // forgotten meanwhile
        for (struct map_kept **at = &s->maps; *at; at = &(*at)->next) {
            if (*at == m) {
                *at = m->next;
                break;
            }
        }
        map_free(s, m);
    }
    pthread_mutex_unlock(&s->map_lock);
}

void store_maps_forget(struct store *s)
{
    pthread_mutex_lock(&s->map_lock);
    for (struct map_kept **at = &s->maps; *at;) {
        struct map_kept *m = *at;
        m->listed = false;
        if (m->users) {
            at = &m->next;
            continue;
        }
        *at = m->next;
        map_free(s, m);
    }
    pthread_mutex_unlock(&s->map_lock);
}

bool store_map_read(const struct store_map *map, int64_t offset, void *to, size_t size,
                    struct error *err)
{
    char *next = to;
    for (size_t i = 0; i < map->count && size; i++) {
        const struct store_run *r = &map->runs[i];
        if (offset >= r->length) {
            offset -= r->length;
            continue;
        }
        while (size && offset < r->length) {
            size_t want = (size_t)(r->length - offset) < size ? (size_t)(r->length - offset) : size;
            ssize_t got = pread(r->fd, next, want, r->offset + offset);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0) {
                error_errno(err, got < 0 ? errno : EIO, "cannot read stored bytes");
                return error_fix(err, "run `posthouse check`");
            }
            next += got;
            offset += got;
            size -= (size_t)got;
        }
        offset = 0;
    }
    return size == 0 || error_set(err, ERROR_INPUT, "cannot read behind the end of the file");
}

// ---- giving space back

bool store_forget(struct db_tx *tx, const sha256 *content, struct error *err)
{
    // Chunks that no other file holds go with it. The extents stay until store_tidy.
    return db_run(tx, err, "create temporary table if not exists forgotten (hash blob primary key)",
                  "") &&
           db_run(tx, err, "delete from forgotten", "") &&
           db_run(tx, err,
                  "insert into forgotten select distinct hash from content_chunks where content = "
                  "?1 on conflict do nothing",
                  "b", content->at, (size_t)SHA256_SIZE) &&
           db_run(tx, err, "delete from content_chunks where content = ?1", "b", content->at,
                  (size_t)SHA256_SIZE) &&
           db_run(tx, err, "delete from contents where content = ?1", "b", content->at,
                  (size_t)SHA256_SIZE) &&
           db_run(tx, err,
                  "delete from chunks where hash in (select hash from forgotten) and not exists "
                  "(select 1 from content_chunks k where k.hash = chunks.hash)",
                  "");
}
