#include "house/transfer/inside.h"

#include "plat/clock.h"
#include "plat/ids.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ACTIVE_MOST = 512, ACTIVE_MS = 60000, CHANGED_EVERY_MS = 250 };

struct transfers {
    struct db *db;
    struct store *store;
    pthread_mutex_t lock;
    // guarded by lock: files that somebody has just sent bytes for
    struct {
        char file[27];
        int64_t at_ms;
    } active[ACTIVE_MOST];
};

struct transfers *transfers_open(const struct transfers_wish *wish, struct error *err)
{
    struct transfers *t = calloc(1, sizeof(*t));
    if (!t) {
        error_set(err, ERROR_INTERNAL, "no memory for transfers");
        return NULL;
    }
    t->db = wish->db;
    t->store = wish->store;
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void transfers_close(struct transfers *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct store *transfers_store(struct transfers *t)
{
    return t->store;
}

// ---- who is sending

static void touch(struct transfers *t, const char *file)
{
    int64_t now = clock_now_ms();
    size_t oldest = 0;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        if (strcmp(t->active[i].file, file) == 0) {
            oldest = i;
            break;
        }
        if (t->active[i].at_ms < t->active[oldest].at_ms)
            oldest = i;
    }
    memcpy(t->active[oldest].file, file, strnlen(file, 26) + 1);
    t->active[oldest].at_ms = now;
    pthread_mutex_unlock(&t->lock);
}

static bool is_active(struct transfers *t, const char *file)
{
    int64_t now = clock_now_ms();
    bool active = false;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < ACTIVE_MOST; i++)
        if (strcmp(t->active[i].file, file) == 0)
            active = now - t->active[i].at_ms < ACTIVE_MS;
    pthread_mutex_unlock(&t->lock);
    return active;
}

// ---- transfers

struct begin {
    const struct transfer_wish *wish;
    char *made;
};

static bool begin_in(struct db_tx *tx, void *context, struct error *err)
{
    struct begin *b = context;
    const struct transfer_wish *w = b->wish;
    if (w->key) {
        bool again = false;
        struct db_rows *rows = db_query(
            tx,
            "select id from transfers where project = ?1 and person = ?2 and request = ?3 and "
            "coalesce(session, '') = ?4",
            "ssss", w->project, w->person, w->key, w->session ? w->session : "");
        if (db_next(rows)) {
            again = true;
            text_copy(text_of(db_text(rows, 0)), b->made, 27);
        }
        if (!db_end(rows, err))
            return false;
        if (again) // an idle one that the sweep closed goes on
            return db_run(tx, err,
                          "update transfers set state = 'open', active_ms = ?2 where id = ?1", "si",
                          b->made, clock_now_ms());
    }
    if (w->asset) {
        int64_t here = 0;
        if (!db_one_int(
                tx, &here, 0, err,
                "select count(*) from assets where id = ?1 and project = ?2 and deleted = 0", "ss",
                w->asset, w->project))
            return false;
        if (!here) {
            error_set(err, ERROR_NOT_FOUND, "there is no such asset in the project");
            return error_fix(err, "bring it in as an asset of its own; somebody may have deleted "
                                  "the other");
        }
    }
    if (w->folder) {
        int64_t here = 0;
        if (!db_one_int(tx, &here, 0, err,
                        "select count(*) from folders where id = ?1 and project = ?2", "ss",
                        w->folder, w->project))
            return false;
        if (!here) {
            error_set(err, ERROR_NOT_FOUND, "there is no such folder in the project");
            return error_fix(err, "choose another folder; somebody may have removed it");
        }
    }
    id fresh = id_new();
    memcpy(b->made, fresh.text, 27);
    return db_run(tx, err,
                  "insert into transfers (id, project, name, folder, origin, request, state, "
                  "person, created_ms, active_ms, skipped, asset, share, session, answers) values "
                  "(?1, ?2, ?3, ?4, ?5, ?6, 'open', ?7, ?8, ?8, 0, ?9, ?10, ?11, ?12)",
                  "sssssssissss", fresh.text, w->project, w->name, w->folder, w->origin, w->key,
                  w->person, clock_now_ms(), w->asset, w->share, w->session, w->answers) &&
           db_event(tx, "transfer.changed", w->project, fresh.text, NULL, err);
}

bool transfer_begin(struct transfers *t, const struct transfer_wish *wish, char made[27],
                    struct error *err)
{
    struct begin b = {wish, made};
    size_t size = wish->name ? strlen(wish->name) : 0;
    if (!size || size > 255 || !text_utf8(text_of(wish->name)))
        return error_set(err, ERROR_INPUT, "a transfer's name has 1 to 255 bytes of UTF-8");
    if (wish->key && (!wish->key[0] || strlen(wish->key) > 200))
        return error_set(err, ERROR_INPUT, "a transfer's key has 1 to 200 bytes");
    return db_write(t->db, begin_in, &b, err);
}

struct listing {
    struct arena *a;
    const char *project, *transfer;
    int limit;
    struct transfer *list;
    size_t count;
    // ids of files that arrive, for what is there of them
    const char **arriving;
    size_t *of;
    size_t arriving_count;
};

enum { ARRIVING_MOST = 200 };

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    l->count = l->arriving_count = 0;
    l->list = ARENA_ARRAY(l->a, struct transfer, l->limit);
    struct db_rows *rows = db_query(
        tx,
        "select t.id, t.project, t.name, t.folder, t.origin, t.state, coalesce(p.name, ''), "
        "t.created_ms, t.skipped, count(f.id), coalesce(sum(case when f.state = 'stored' then 1 "
        "else 0 end), 0), coalesce(sum(case when f.size > 0 then f.size else 0 end), 0), "
        "coalesce(sum(case when f.state = 'stored' then f.size else 0 end), 0), t.share, t.card from "
        "transfers t left join people p on p.id = t.person left join transfer_files f on f.transfer = t.id "
        "where (?1 is null or t.project = ?1) and ((?2 is null and t.origin not in ('job', 'sync')) or t.id = "
        "?2) group by t.id, "
        "t.project, t.name, t.folder, t.origin, t.state, p.name, t.created_ms, t.skipped, t.share, t.card order by "
        "t.created_ms desc, t.id desc limit ?3",
        "ssi", l->project, l->transfer, (int64_t)l->limit);
    while (db_next(rows) && l->count < (size_t)l->limit) {
        struct transfer *t = &l->list[l->count++];
        t->id = arena_text(l->a, db_text(rows, 0));
        t->project = arena_text(l->a, db_text(rows, 1));
        t->name = arena_text(l->a, db_text(rows, 2));
        t->folder = arena_text(l->a, db_text(rows, 3));
        t->origin = arena_text(l->a, db_text(rows, 4));
        t->state = arena_text(l->a, db_text(rows, 5));
        t->by = arena_text(l->a, db_text(rows, 6));
        t->created_ms = db_int(rows, 7);
        t->skipped = db_int(rows, 8);
        t->files = db_int(rows, 9);
        t->files_done = db_int(rows, 10);
        t->bytes = db_int(rows, 11);
        t->bytes_done = db_int(rows, 12);
        t->share = arena_text(l->a, db_text(rows, 13));
        t->card = arena_text(l->a, db_text(rows, 14));
    }
    if (!db_end(rows, err))
        return false;
    l->arriving = ARENA_ARRAY(l->a, const char *, ARRIVING_MOST);
    l->of = ARENA_ARRAY(l->a, size_t, ARRIVING_MOST);
    for (size_t i = 0; i < l->count; i++) {
        rows = db_query(tx,
                        "select id from transfer_files where transfer = ?1 and state = 'arriving' "
                        "limit ?2",
                        "si", l->list[i].id, (int64_t)ARRIVING_MOST);
        while (db_next(rows) && l->arriving_count < ARRIVING_MOST) {
            l->of[l->arriving_count] = i;
            l->arriving[l->arriving_count++] = arena_text(l->a, db_text(rows, 0));
        }
        if (!db_end(rows, err))
            return false;
    }
    return true;
}

static bool list_transfers(struct transfers *t, struct listing *l, struct error *err)
{
    if (!db_read(t->db, list_in, l, err))
        return false;
    for (size_t i = 0; i < l->arriving_count; i++) {
        struct store_upload seen;
        struct error none;
        if (store_upload_state(t->store, l->arriving[i], NULL, &seen, &none))
            l->list[l->of[i]].bytes_done += seen.received;
    }
    return true;
}

bool transfer_get(struct transfers *t, const char *transfer, struct arena *a, struct transfer *out,
                  struct error *err)
{
    struct listing l = {.a = a, .transfer = transfer, .limit = 1};
    if (!list_transfers(t, &l, err))
        return false;
    if (!l.count)
        return error_set(err, ERROR_NOT_FOUND, "there is no such transfer");
    *out = l.list[0];
    return true;
}

struct briefly {
    const char *file, *transfer;
    struct arena *a;
    struct transfer_brief *out;
};

static bool brief_in(struct db_tx *tx, void *context, struct error *err)
{
    struct briefly *b = context;
    *b->out = (struct transfer_brief){0};
    struct db_rows *rows = db_query(
        tx,
        "select t.id, t.name, t.project, t.person, t.share, coalesce(s.visitor, p.name, '') from "
        "transfers t left join people p on p.id = t.person left join sessions s on s.id = "
        "t.session where t.id = coalesce(?1, (select transfer from transfer_files where id = ?2))",
        "ss", b->transfer, b->file);
    if (db_next(rows))
        *b->out = (struct transfer_brief){.id = arena_text(b->a, db_text(rows, 0)),
                                          .name = arena_text(b->a, db_text(rows, 1)),
                                          .project = arena_text(b->a, db_text(rows, 2)),
                                          .person = arena_text(b->a, db_text(rows, 3)),
                                          .share = arena_text(b->a, db_text(rows, 4)),
                                          .by = arena_text(b->a, db_text(rows, 5))};
    return db_end(rows, err);
}

bool transfer_brief(struct transfers *t, const char *file, const char *transfer, struct arena *a,
                    struct transfer_brief *out, struct error *err)
{
    struct briefly b = {file, transfer, a, out};
    return db_read(t->db, brief_in, &b, err) &&
           (out->id || error_set(err, ERROR_NOT_FOUND, "there is no such transfer"));
}

bool transfer_list(struct transfers *t, const char *project, int limit, struct arena *a,
                   struct transfer **list, size_t *count, struct error *err)
{
    struct listing l = {.a = a, .project = project, .limit = limit};
    bool ok = list_transfers(t, &l, err);
    *list = l.list;
    *count = l.count;
    return ok;
}

bool transfer_cards(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select t.id, t.created_ms, coalesce(p.name, ''), t.card from transfers t left join people "
        "p on p.id = t.person where t.project = ?1 and t.card is not null and t.card not like "
        "'{\"kind\":\"\"%' order by t.created_ms desc, t.id limit 200",
        "s", project);
    while (db_next(rows)) {
        json_t *cards = json_loads(db_text(rows, 3), 0, NULL), *card;
        short_text at = clock_text(db_int(rows, 1));
        size_t i;
        if (json_is_object(cards)) // one
            cards = json_pack("[o]", cards);
        json_array_foreach(cards, i, card)
        {
            json_array_append_new(*list, json_pack("{s:s, s:s, s:s, s:O}", "transfer",
                                                   db_text(rows, 0), "created", at.text, "by",
                                                   db_text(rows, 2), "card", card));
        }
        json_decref(cards);
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list);
    *list = NULL;
    return false;
}

static bool place_of(struct db_tx *tx, const char *transfer, struct arena *a, struct grow_place *p,
                     char state[8], struct error *err)
{
    memset(p, 0, sizeof(*p));
    struct db_rows *rows =
        db_query(tx, "select project, folder, person, state, asset, origin from transfers where id = "
                 "?1",
                 "s", transfer);
    if (db_next(rows)) {
        p->transfer = transfer;
        p->project = arena_text(a, db_text(rows, 0));
        p->folder = arena_text(a, db_text(rows, 1));
        p->person = arena_text(a, db_text(rows, 2));
        text_copy(text_of(db_text(rows, 3)), state, 8);
        p->asset = db_text(rows, 4) ? arena_text(a, db_text(rows, 4)) : NULL;
        p->no_assets = strcmp(db_text(rows, 5), "job") == 0 || strcmp(db_text(rows, 5), "sync") == 0;
    }
    if (!db_end(rows, err))
        return false;
    return p->transfer || error_set(err, ERROR_NOT_FOUND, "there is no such transfer");
}

static bool changed(struct db_tx *tx, const struct grow_place *p, struct error *err)
{
    return db_run(tx, err, "update transfers set active_ms = ?2 where id = ?1", "si", p->transfer,
                  clock_now_ms()) &&
           db_event(tx, "transfer.changed", p->project, p->transfer, NULL, err);
}

static bool close_in(struct db_tx *tx, void *context, struct error *err)
{
    const char *transfer = context;
    char state[8];
    struct grow_place *p = calloc(1, sizeof(*p));
    struct arena *a = arena_open((size_t)1 << 20);
    bool ok =
        p && place_of(tx, transfer, a, p, state, err) && grow_waiting(tx, p, err) &&
        db_run(tx, err, "update transfers set state = 'closed' where id = ?1", "s", transfer) &&
        db_event(tx, "transfer.changed", p->project, transfer, NULL, err) &&
        db_event(tx, "transfer.closed", p->project, transfer, NULL, err);
    arena_close(a);
    free(p);
    return ok;
}

bool transfer_close(struct transfers *t, const char *transfer, struct error *err)
{
    return db_write(t->db, close_in, (void *)transfer, err);
}

// ---- files

#define FILE_COLUMNS                                                                               \
    "f.id, f.transfer, f.path, f.state, f.size, f.modified_ms, f.problem, f.content, f.asset"

static void file_row(struct db_rows *rows, struct arena *a, struct transfer_file *f)
{
    memset(f, 0, sizeof(*f));
    f->id = arena_text(a, db_text(rows, 0));
    f->transfer = arena_text(a, db_text(rows, 1));
    f->path = arena_text(a, db_text(rows, 2));
    f->state = arena_text(a, db_text(rows, 3));
    f->size = db_int(rows, 4);
    f->modified_ms = db_int(rows, 5);
    f->problem = arena_text(a, db_text(rows, 6));
    size_t size;
    const void *content = db_blob(rows, 7, &size);
    if (content && size == SHA256_SIZE) {
        sha256 hash;
        memcpy(hash.at, content, SHA256_SIZE);
        f->content = arena_text(a, sha256_text(&hash).text);
    }
    f->asset = arena_text(a, db_text(rows, 8));
    f->received = strcmp(f->state, "stored") == 0 ? f->size : 0;
}

struct files {
    struct arena *a;
    const char *file, *transfer, *after;
    int limit;
    struct transfer_file *list;
    size_t count;
};

static bool files_in(struct db_tx *tx, void *context, struct error *err)
{
    struct files *l = context;
    l->count = 0;
    l->list = ARENA_ARRAY(l->a, struct transfer_file, l->limit);
    struct db_rows *rows =
        l->file ? db_query(tx, "select " FILE_COLUMNS " from transfer_files f where f.id = ?1", "s",
                           l->file)
                : db_query(tx,
                           "select " FILE_COLUMNS " from transfer_files f where f.transfer = ?1 and"
                           " f.path > ?2 order by f.path limit ?3",
                           "ssi", l->transfer, l->after ? l->after : "", (int64_t)l->limit);
    while (db_next(rows) && l->count < (size_t)l->limit)
        file_row(rows, l->a, &l->list[l->count++]);
    return db_end(rows, err);
}

static void fill_received(struct transfers *t, struct transfer_file *f)
{
    struct store_upload seen;
    struct error none;
    if (strcmp(f->state, "arriving") == 0 &&
        store_upload_state(t->store, f->id, NULL, &seen, &none))
        f->received = seen.received;
}

bool transfer_file_get(struct transfers *t, const char *file, struct arena *a,
                       struct transfer_file *out, struct error *err)
{
    struct files l = {.a = a, .file = file, .limit = 1};
    if (!db_read(t->db, files_in, &l, err))
        return false;
    if (!l.count)
        return error_set(err, ERROR_NOT_FOUND, "there is no such file in a transfer");
    *out = l.list[0];
    fill_received(t, out);
    return true;
}

bool transfer_file_list(struct transfers *t, const char *transfer, const char *after, int limit,
                        struct arena *a, struct transfer_file **list, size_t *count,
                        struct error *err)
{
    struct files l = {.a = a, .transfer = transfer, .after = after, .limit = limit};
    if (!db_read(t->db, files_in, &l, err))
        return false;
    for (size_t i = 0; i < l.count; i++)
        fill_received(t, &l.list[i]);
    *list = l.list;
    *count = l.count;
    return true;
}

struct file_begin {
    struct transfers *t;
    struct arena *a;
    const char *transfer;
    const struct transfer_file_wish *wish;
    struct transfer_file *out;
    char writer[201];
    bool there, anew;
};

static bool conflict(struct error *err, const char *path, const char *why, const char *fix)
{
    error_set(err, ERROR_CONFLICT, "cannot bring in %.200s", path);
    error_why(err, "%s", why);
    return error_fix(err, "%s", fix);
}

static bool file_find(struct db_tx *tx, struct file_begin *b, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select " FILE_COLUMNS ", f.writer from transfer_files f where "
                                    "f.transfer = ?1 and f.path = ?2",
                                    "ss", b->transfer, b->wish->path);
    b->there = db_next(rows);
    if (b->there) {
        file_row(rows, b->a, b->out);
        text_copy(text_of(db_text(rows, 9)), b->writer, sizeof(b->writer));
    }
    return db_end(rows, err);
}

static bool file_begin_in(struct db_tx *tx, void *context, struct error *err)
{
    struct file_begin *b = context;
    const struct transfer_file_wish *w = b->wish;
    char state[8];
    struct grow_place *p = ARENA_NEW(b->a, struct grow_place);
    int64_t files = 0;
    b->anew = false;
    b->writer[0] = 0;
    if (!place_of(tx, b->transfer, b->a, p, state, err) || !file_find(tx, b, err))
        return false;
    if (b->there && strcmp(b->out->state, "stored") == 0) {
        if ((w->size < 0 || b->out->size == w->size) &&
            (!w->modified_ms || b->out->modified_ms == w->modified_ms))
            return true;
        return conflict(err, w->path, "another file of this path was stored in this transfer",
                        "begin a new transfer for it");
    }
    if (strcmp(state, "open") != 0 && !b->there)
        return conflict(err, w->path, "the transfer is closed", "begin a new transfer");
    if (b->there) {
        bool other = w->key && b->writer[0] && strcmp(b->writer, w->key) != 0;
        if (other && is_active(b->t, b->out->id))
            return conflict(err, w->path, "somebody else is sending this file just now",
                            "wait until they are done, or a minute after they stopped");
        if (!line_lets_in(tx, b->transfer, b->out->id, w->path, w->size, err))
            return false;
        b->anew = !w->growing &&
                  (b->out->size != w->size || b->out->modified_ms != w->modified_ms);
        if (!w->growing) {
            b->out->size = w->size;
            b->out->modified_ms = w->modified_ms;
        }
        return db_run(tx, err,
                      "update transfer_files set size = ?2, modified_ms = ?3, writer = ?4, problem "
                      "= null where id = ?1",
                      "siis", b->out->id, b->out->size, b->out->modified_ms, w->key) &&
               changed(tx, p, err);
    }
    if (!db_one_int(tx, &files, 0, err, "select count(*) from transfer_files where transfer = ?1",
                    "s", b->transfer))
        return false;
    if (files >= TRANSFER_FILES_MOST) {
        error_set(err, ERROR_TOO_MANY, "this transfer is full");
        error_why(err, "it has a million files");
        return error_fix(err, "begin another transfer for the rest");
    }
    if (!line_lets_in(tx, b->transfer, NULL, w->path, w->size, err))
        return false;
    id fresh = id_new();
    *b->out = (struct transfer_file){.id = arena_text(b->a, fresh.text),
                                     .transfer = b->transfer,
                                     .path = w->path,
                                     .state = "arriving",
                                     .size = w->size,
                                     .modified_ms = w->modified_ms};
    return db_run(tx, err,
                  "insert into transfer_files (id, transfer, path, size, modified_ms, state, "
                  "writer, created_ms, stored_ms) values (?1, ?2, ?3, ?4, ?5, 'arriving', ?6, ?7, "
                  "0)",
                  "sssiisi", fresh.text, b->transfer, w->path, w->size, w->modified_ms, w->key,
                  clock_now_ms()) &&
           changed(tx, p, err);
}

bool transfer_file_begin(struct transfers *t, const char *transfer,
                         const struct transfer_file_wish *wish, struct arena *a,
                         struct transfer_file *out, struct error *err)
{
    struct file_begin b = {.t = t, .a = a, .transfer = transfer, .wish = wish, .out = out};
    if (!transfer_path_check(text_of(wish->path), err))
        return false;
    if (wish->key && (!wish->key[0] || strlen(wish->key) > 200))
        return error_set(err, ERROR_INPUT, "a file's key has 1 to 200 bytes");
    if (transfer_path_hidden(text_of(wish->path))) {
        error_set(err, ERROR_INPUT, "%.200s is not brought in", wish->path);
        error_why(err, "it is a file that the file manager leaves behind");
        return error_fix(err, "leave it out");
    }
    if (wish->size < -1)
        return error_set(err, ERROR_INPUT, "a file's size can not be below 0");
    if (!db_write(t->db, file_begin_in, &b, err))
        return false;
    if (strcmp(out->state, "stored") == 0)
        return true;
    if (b.anew && !store_upload_abandon(t->store, out->id, err))
        return false;
    if (!store_upload_begin(t->store, out->id, out->size, err))
        return error_while(err, "%.100s", wish->path);
    if (wish->key)
        touch(t, out->id);
    fill_received(t, out);
    return true;
}

struct claim {
    const struct who *who;
    const struct transfer_chunk *list;
    size_t count;
    bool *known;
};

static bool claim_in(struct db_tx *tx, void *context, struct error *err)
{
    struct claim *c = context;
    for (size_t i = 0; i < c->count; i++)
        if (!chunk_known(tx, c->who, &c->list[i].hash, &c->known[i], err))
            return false;
    return true;
}

bool transfer_claim(struct transfers *t, const char *file, const struct who *who,
                    const struct transfer_chunk *list, size_t count, int64_t *missing,
                    size_t *missing_count, struct error *err)
{
    *missing_count = 0;
    if (count > TRANSFER_CLAIM_MOST)
        return error_set(err, ERROR_TOO_BIG, "a claim has at most 4,096 chunks");
    struct claim c = {who, list, count, calloc(count ? count : 1, sizeof(bool))};
    struct store_use *shared = calloc(count ? count : 1, sizeof(*shared));
    bool *used = calloc(count ? count : 1, sizeof(*used));
    size_t shared_count = 0;
    bool ok = c.known && shared && used && db_read(t->db, claim_in, &c, err);
    for (size_t i = 0; ok && i < count; i++)
        if (c.known[i])
            shared[shared_count++] = (struct store_use){list[i].number, list[i].hash};
    ok = ok && store_use_chunks(t->store, file, shared, shared_count, used, err);
    for (size_t i = 0, next = 0; ok && i < count; i++) {
        bool there = false;
        sha256 hash;
        if (c.known[i])
            there = used[next++];
        else
            ok = store_upload_chunk(t->store, file, list[i].number, &hash, &there, err);
        there = ok && there && (c.known[i] || sha256_equal(&hash, &list[i].hash));
        if (ok && !there)
            missing[(*missing_count)++] = list[i].number;
    }
    touch(t, file);
    free(shared);
    free(used);
    free(c.known);
    return ok;
}

bool transfer_put_chunk(struct transfers *t, const char *file, int64_t number, const void *at,
                        size_t size, const sha256 *hash, struct error *err)
{
    touch(t, file);
    return store_put_chunk(t->store, file, number, at, size, hash, err);
}

// ---- storing

struct commit {
    struct store_bytes *bytes;
    struct transfer_file *file;
    struct arena *a;
};

static const char empty_problem[] =
    "{\"type\":\"about:blank\",\"title\":\"the file is empty\",\"detail\":\"it has no bytes\","
    "\"fix\":\"if it should have some, copy it from the card again\",\"status\":400,"
    "\"reference\":\"\",\"kind\":\"input\"}";

// The file is stored: it becomes an asset, or waits for the others of its sequence.
static bool grow_stored(struct db_tx *tx, struct grow_place *p, const struct grown *g, bool closed,
                        struct error *err)
{
    if (p->no_assets)
        return true;
    if (!file_waits(g->path))
        return grow_one(tx, p, g, err);
    int64_t arriving = 1;
    if (closed && !db_one_int(tx, &arriving, 0, err,
                              "select count(*) from transfer_files where transfer = ?1 and state = "
                              "'arriving'",
                              "s", p->transfer))
        return false;
    return arriving > 0 || grow_waiting(tx, p, err); // the last one of a transfer that was closed
}

static bool commit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct commit *c = context;
    char state[8];
    const sha256 *content = store_bytes_content(c->bytes, 0);
    int64_t size = store_bytes_size(c->bytes, 0);
    struct grow_place *p = ARENA_NEW(c->a, struct grow_place);
    if (!store_record(tx, c->bytes, err) ||
        !db_run(tx, err,
                "update transfer_files set state = 'stored', content = ?2, size = ?3, stored_ms = "
                "?4, problem = ?5 where id = ?1 and state = 'arriving'",
                "sbiis", c->file->id, content->at, (size_t)SHA256_SIZE, size, clock_now_ms(),
                size ? NULL : empty_problem))
        return false;
    if (db_changed(tx) == 0)
        return error_set(err, ERROR_CONFLICT, "the file was stored or abandoned meanwhile");
    struct grown g = {c->file->id, c->file->path, *content, size, c->file->modified_ms};
    return place_of(tx, c->file->transfer, c->a, p, state, err) &&
           grow_stored(tx, p, &g, strcmp(state, "open") != 0, err) && changed(tx, p, err);
}

static bool stored_already(const struct transfer_file *f)
{
    return strcmp(f->state, "stored") == 0;
}

static bool stored_as(const struct transfer_file *f, const sha256 *content, struct error *err)
{
    return !content || strcasecmp(sha256_text(content).text, f->content) == 0 ||
           conflict(err, f->path, "another file of this path is stored",
                    "begin a new transfer for it");
}

bool transfer_commit(struct transfers *t, const char *file, const sha256 *content, struct arena *a,
                     struct transfer_file *out, struct error *err)
{
    if (!transfer_file_get(t, file, a, out, err))
        return false;
    if (stored_already(out))
        return stored_as(out, content, err);
    struct store_bytes *bytes = NULL;
    if (!store_upload_finish(t->store, file, &bytes, err)) {
        struct error none;
        // Somebody else asked for the same, and was first.
        if (err->kind == ERROR_NOT_FOUND && transfer_file_get(t, file, a, out, &none) &&
            stored_already(out)) {
            error_clear(err);
            return stored_as(out, content, err);
        }
        return error_while(err, "%.100s", out->path);
    }
    if (content && !sha256_equal(content, store_bytes_content(bytes, 0))) {
        error_set(err, ERROR_DAMAGED, "%.200s arrived as something else", out->path);
        error_why(err, "its content is %.16s..., it was to be %.16s...",
                  sha256_text(store_bytes_content(bytes, 0)).text, sha256_text(content).text);
        error_fix(err, "the file may have changed while it was sent: send it again");
        store_settle(t->store, bytes, false);
        return false;
    }
    struct commit c = {bytes, out, a};
    bool ok = db_write(t->db, commit_in, &c, err);
    store_settle(t->store, bytes, ok);
    return ok ? transfer_file_get(t, file, a, out, err) : error_while(err, "%.100s", out->path);
}

bool transfer_append(struct transfers *t, const char *file, int64_t offset, const void *at,
                     size_t size, struct error *err)
{
    touch(t, file);
    return store_append(t->store, file, offset, at, size, err);
}

bool transfer_append_sync(struct transfers *t, const char *file, int64_t *offset, bool *stored,
                          struct error *err)
{
    struct store_upload seen;
    *stored = false;
    if (!store_append_sync(t->store, file, offset, err) ||
        !store_upload_state(t->store, file, NULL, &seen, err))
        return false;
    if (!seen.complete)
        return true;
    struct arena *a = arena_open((size_t)1 << 20);
    struct transfer_file out;
    *stored = transfer_commit(t, file, NULL, a, &out, err);
    arena_close(a);
    return *stored;
}

struct sizing {
    const char *file;
    int64_t size;
};

static bool size_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sizing *s = context;
    return db_run(tx, err, "update transfer_files set size = ?2 where id = ?1 and size = -1", "si",
                  s->file, s->size);
}

static bool size_fits_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sizing *s = context;
    char transfer[27] = "";
    struct db_rows *rows =
        db_query(tx, "select transfer from transfer_files where id = ?1", "s", s->file);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), transfer, sizeof(transfer));
    return db_end(rows, err) && line_lets_in(tx, transfer, s->file, NULL, s->size, err);
}

bool transfer_size(struct transfers *t, const char *file, int64_t size, struct error *err)
{
    struct sizing s = {file, size};
    return db_read(t->db, size_fits_in, &s, err) && store_upload_size(t->store, file, size, err) &&
           db_write(t->db, size_in, &s, err);
}

struct grown_file {
    const char *file;
    int64_t size, modified_ms;
};

static bool grown_in(struct db_tx *tx, void *context, struct error *err)
{
    struct grown_file *g = context;
    return db_run(tx, err,
                  "update transfer_files set size = ?2, modified_ms = ?3 where id = ?1 and state = "
                  "'arriving'",
                  "sii", g->file, g->size, g->modified_ms);
}

bool transfer_grown(struct transfers *t, const char *file, int64_t size, int64_t modified_ms,
                    struct error *err)
{
    struct sizing s = {file, size};
    struct grown_file g = {file, size, modified_ms};
    struct store_upload seen;
    struct error none;
    if (!store_upload_state(t->store, file, NULL, &seen, &none)) // it may be stored already
        return true;
    return db_read(t->db, size_fits_in, &s, err) && store_upload_size(t->store, file, size, err) &&
           db_write(t->db, grown_in, &g, err);
}

static bool abandon_in(struct db_tx *tx, void *context, struct error *err)
{
    const char *file = context;
    if (!db_run(tx, err, "delete from transfer_files where id = ?1 and state = 'arriving'", "s",
                file))
        return false;
    if (db_changed(tx))
        return true;
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err, "select count(*) from transfer_files where id = ?1", "s",
                    file))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such file in a transfer");
    error_set(err, ERROR_CONFLICT, "the file is stored already");
    return error_fix(err, "delete its asset instead");
}

bool transfer_abandon(struct transfers *t, const char *file, struct error *err)
{
    return db_write(t->db, abandon_in, (void *)file, err) &&
           store_upload_abandon(t->store, file, err);
}

// ---- small files

struct small {
    struct transfers *t;
    struct arena *a;
    const char *transfer;
    const struct small_file **list;
    size_t count;
    int64_t skipped;
    struct store_bytes *bytes;
    struct transfer_file *made;
};

static bool small_one_in(struct db_tx *tx, struct small *s, struct grow_place *p, size_t i,
                         bool closed, struct error *err)
{
    const struct small_file *f = s->list[i];
    const sha256 *content = store_bytes_content(s->bytes, i);
    int64_t size = (int64_t)f->bytes.size;
    struct transfer_file *out = &s->made[i];
    struct transfer_file_wish wish = {.path = f->path};
    struct file_begin b = {
        .t = s->t, .a = s->a, .transfer = s->transfer, .wish = &wish, .out = out};
    if (!file_find(tx, &b, err))
        return false;
    if (b.there && strcmp(out->state, "stored") == 0)
        return strcmp(out->content, sha256_text(content).text) == 0 ||
               conflict(err, f->path, "another file of this path was stored in this transfer",
                        "begin a new transfer for it");
    if (b.there) {
        if (!db_run(tx, err,
                    "update transfer_files set state = 'stored', content = ?2, size = ?3, stored_ms"
                    " = ?4, modified_ms = ?5, problem = ?6 where id = ?1",
                    "sbiiis", out->id, content->at, (size_t)SHA256_SIZE, size, clock_now_ms(),
                    f->modified_ms, size ? NULL : empty_problem))
            return false;
    } else {
        id fresh = id_new();
        *out = (struct transfer_file){
            .id = arena_text(s->a, fresh.text), .transfer = s->transfer, .path = f->path};
        if (!db_run(tx, err,
                    "insert into transfer_files (id, transfer, path, size, modified_ms, state, "
                    "content, created_ms, stored_ms, problem) values (?1, ?2, ?3, ?4, ?5, "
                    "'stored', ?6, ?7, ?7, ?8)",
                    "sssiibis", out->id, s->transfer, f->path, size, f->modified_ms, content->at,
                    (size_t)SHA256_SIZE, clock_now_ms(), size ? NULL : empty_problem))
            return false;
    }
    out->state = "stored";
    out->size = out->received = size;
    out->modified_ms = f->modified_ms;
    out->problem = size ? NULL : empty_problem;
    out->content = arena_text(s->a, sha256_text(content).text);
    struct grown g = {out->id, f->path, *content, size, f->modified_ms};
    return grow_stored(tx, p, &g, closed, err);
}

static bool small_in(struct db_tx *tx, void *context, struct error *err)
{
    struct small *s = context;
    char state[8];
    struct grow_place *p = ARENA_NEW(s->a, struct grow_place);
    if (!place_of(tx, s->transfer, s->a, p, state, err))
        return false;
    bool closed = strcmp(state, "open") != 0;
    if (closed)
        return conflict(err, s->count ? s->list[0]->path : "these files", "the transfer is closed",
                        "begin a new transfer");
    int64_t bytes = 0, request = 0;
    for (size_t i = 0; i < s->count; i++)
        bytes += (int64_t)s->list[i]->bytes.size;
    if (!line_lets_in(tx, s->transfer, NULL, NULL, bytes, err) ||
        !db_one_int(tx, &request, 0, err,
                    "select count(*) from transfers where id = ?1 and share is not null", "s",
                    s->transfer))
        return false;
    for (size_t i = 0; request && i < s->count; i++) // their types
        if (!line_lets_in(tx, s->transfer, NULL, s->list[i]->path, 0, err))
            return false;
    if (!store_record(tx, s->bytes, err))
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (!small_one_in(tx, s, p, i, closed, err))
            return false;
    if (s->skipped && !db_run(tx, err, "update transfers set skipped = skipped + ?2 where id = ?1",
                              "si", s->transfer, s->skipped))
        return false;
    return changed(tx, p, err);
}

bool transfer_small(struct transfers *t, const char *transfer, const struct small_file *list,
                    size_t count, struct arena *a, struct transfer_file **made, size_t *made_count,
                    struct error *err)
{
    struct small s = {.t = t, .a = a, .transfer = transfer};
    s.list = ARENA_ARRAY(a, const struct small_file *, count ? count : 1);
    text *bytes = ARENA_ARRAY(a, text, count ? count : 1);
    for (size_t i = 0; i < count; i++) {
        const struct small_file *f = &list[i];
        if (!transfer_path_check(text_of(f->path), err))
            return false;
        if (transfer_path_hidden(text_of(f->path))) {
            s.skipped++;
            continue;
        }
        sha256 hash = sha256_of(f->bytes.size ? f->bytes.at : "", f->bytes.size);
        if (!sha256_equal(&hash, &f->hash)) {
            error_set(err, ERROR_DAMAGED, "%.200s arrived damaged", f->path);
            error_why(err, "its SHA-256 is not what was said");
            return error_fix(err, "send it again");
        }
        bytes[s.count] = f->bytes;
        s.list[s.count++] = f;
    }
    s.made = ARENA_ARRAY(a, struct transfer_file, s.count ? s.count : 1);
    if (!store_put_small(t->store, bytes, s.count, &s.bytes, err))
        return false;
    bool ok = db_write(t->db, small_in, &s, err);
    store_settle(t->store, s.bytes, ok);
    *made = s.made;
    *made_count = s.count;
    return ok;
}

// ---- the sweep

enum { SWEEP_MOST = 100, DROP_AT_ONCE = 200 };

struct sweep {
    struct arena *a;
    const char *resting[SWEEP_MOST], *lost[SWEEP_MOST];
    size_t resting_count, lost_count;
};

static bool sweep_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sweep *s = context;
    int64_t now = clock_now_ms();
    // Those that wait for the others of their sequence, in transfers that rest.
    struct db_rows *rows =
        db_query(tx,
                 "select t.id from transfers t where t.active_ms < ?1 and t.origin not in ('job', "
                 "'sync') and "
                 "exists (select 1 from "
                 "transfer_files f where f.transfer = t.id and f.state = 'stored' and f.asset is "
                 "null) limit ?2",
                 "ii", now - TRANSFER_REST_MS, (int64_t)SWEEP_MOST);
    while (db_next(rows) && s->resting_count < SWEEP_MOST)
        s->resting[s->resting_count++] = arena_text(s->a, db_text(rows, 0));
    if (!db_end(rows, err))
        return false;
    rows = db_query(tx,
                    "select f.id from transfers t join transfer_files f on f.transfer = t.id where "
                    "t.active_ms < ?1 and f.state = 'arriving' limit ?2",
                    "ii", now - TRANSFER_KEEP_MS, (int64_t)SWEEP_MOST);
    while (db_next(rows) && s->lost_count < SWEEP_MOST)
        s->lost[s->lost_count++] = arena_text(s->a, db_text(rows, 0));
    return db_end(rows, err);
}

static bool rest_in(struct db_tx *tx, void *context, struct error *err)
{
    char state[8];
    struct grow_place *p = calloc(1, sizeof(*p));
    struct arena *a = arena_open((size_t)1 << 20);
    bool ok = p && place_of(tx, context, a, p, state, err) && grow_waiting(tx, p, err) &&
              db_event(tx, "transfer.changed", p->project, p->transfer, NULL, err) &&
              db_event(tx, "transfer.closed", p->project, p->transfer, NULL, err);
    arena_close(a);
    free(p);
    return ok;
}

bool transfers_sweep(struct transfers *t, struct error *err)
{
    struct arena *a = arena_open((size_t)1 << 20);
    struct sweep s = {.a = a};
    bool ok = db_read(t->db, sweep_in, &s, err);
    for (size_t i = 0; ok && i < s.resting_count; i++)
        ok = db_write(t->db, rest_in, (void *)s.resting[i], err);
    for (size_t i = 0; ok && i < s.lost_count; i++)
        ok = transfer_abandon(t, s.lost[i], err);
    arena_close(a);
    return ok && store_tidy(t->store, NULL, err);
}

static bool find_rested(struct db_tx *tx, int64_t before_ms, struct arena *a, const char **transfer,
                        struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select id from transfers t where origin in ('job', 'sync') and (state = 'dropped' or "
        "(active_ms <= "
        "?1 and not exists (select 1 from transfer_files f where f.transfer = t.id and f.state = "
        "'arriving'))) limit 1",
        "i", before_ms);
    *transfer = db_next(rows) ? arena_text(a, db_text(rows, 0)) : NULL;
    return db_end(rows, err);
}

bool transfers_due(struct db_tx *tx, int64_t before_ms, bool *due, struct error *err)
{
    struct arena *a = arena_open(1 << 16);
    const char *transfer;
    bool ok = find_rested(tx, before_ms, a, &transfer, err);
    *due = ok && transfer;
    arena_close(a);
    return ok;
}

// That it goes is written with the first files that do: no job is made of half of it.
bool transfers_drop(struct db_tx *tx, int64_t before_ms, struct arena *a, sha256 **contents,
                    size_t *count, bool *any, struct error *err)
{
    const char **files = ARENA_ARRAY(a, const char *, DROP_AT_ONCE), *transfer;
    *any = false;
    *count = 0;
    *contents = ARENA_ARRAY(a, sha256, DROP_AT_ONCE);
    if (!find_rested(tx, before_ms, a, &transfer, err))
        return false;
    if (!transfer)
        return true;
    *any = true;
    struct db_rows *rows =
        db_query(tx, "select id, content from transfer_files where transfer = ?1 limit ?2", "si",
                 transfer, (int64_t)DROP_AT_ONCE);
    while (db_next(rows) && *count < DROP_AT_ONCE) {
        size_t size;
        const void *content = db_blob(rows, 1, &size);
        if (content && size == SHA256_SIZE)
            memcpy((*contents)[*count].at, content, SHA256_SIZE);
        files[(*count)++] = arena_text(a, db_text(rows, 0));
    }
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < *count; i++)
        ok = db_run(tx, err, "delete from transfer_files where id = ?1", "s", files[i]);
    return ok && (*count < DROP_AT_ONCE
                      ? db_run(tx, err, "delete from transfers where id = ?1", "s", transfer)
                      : db_run(tx, err, "update transfers set state = 'dropped' where id = ?1", "s",
                               transfer));
}
