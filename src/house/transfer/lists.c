#include "house/transfer/lists.h"
#include "base/log.h"
#include "formats/mhl/mhl.h"
#include "formats/sums/sums.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { READ = 4 << 20, LIST_BYTES = 64 << 20, SAID_MOST = 200, FILES_MOST = 1000000 };

struct held { // a file of the transfer
    const char *path, *asset;
    sha256 content;
    int64_t size;
    const char *wanted[MHL_KINDS], *list; // of the first list that says something
};
struct checking {
    const struct lists_wish *wish;
    struct arena *a;
    char transfer[27];
    struct held *files; // by path
    size_t count;
    json_t *lists, *wrong, *missing, *unread;
    int64_t right;
};

// ---- names and rows

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_mhl(const char *path)
{
    const char *dot = strrchr(name_of(path), '.');
    return dot && strcasecmp(dot, ".mhl") == 0;
}

bool list_named(const char *path)
{
    const char *kind;
    return strncmp(name_of(path), "._", 2) != 0 &&
           (is_mhl(path) || sums_named(name_of(path), &kind));
}

bool lists_want(struct db_tx *tx, const char *transfer, int64_t now_ms, struct error *err)
{
    return db_run(tx, err,
                  "insert into list_checks (transfer, state, made_ms) values (?1, 'waiting', ?2) "
                  "on conflict (transfer) do update set state = 'waiting', made_ms = ?2",
                  "si", transfer, now_ms);
}

bool lists_beside(struct db_tx *tx, const char *transfer, const json_t *wanted, struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(wanted, i, one)
    {
        enum mhl_kind kind;
        const char *named = json_string_value(json_object_get(one, "kind"));
        if (!named || !mhl_kind_named(text_of(named), &kind))
            return error_set(err, ERROR_INPUT, "there are no hashes of this kind");
        if (!db_run(tx, err,
                    "insert into lists_beside values (?1, ?2, ?3, ?4, ?5) on conflict (transfer, "
                    "path, list, kind) do update set digest = ?5",
                    "sssss", transfer, json_string_value(json_object_get(one, "path")),
                    json_string_value(json_object_get(one, "list")), mhl_names[kind],
                    json_string_value(json_object_get(one, "digest"))))
            return false;
    }
    return true;
}

bool lists_lie_beside(struct db_tx *tx, const char *transfer, bool *any, struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from lists_beside where transfer = ?1", "s", transfer);
    *any = count > 0;
    return ok;
}

bool lists_found(struct db_tx *tx, const char *transfer, json_t **found, struct error *err)
{
    *found = NULL;
    struct db_rows *rows =
        db_query(tx, "select state, answer from list_checks where transfer = ?1", "s", transfer);
    if (db_next(rows)) {
        bool done = strcmp(db_text(rows, 0), "done") == 0;
        *found = done && db_text(rows, 1) ? json_loads(db_text(rows, 1), 0, NULL) : NULL;
        if (!*found)
            *found = json_pack("{s:[], s:i, s:[], s:[], s:[]}", "lists", "right", 0, "wrong",
                               "missing", "unread");
        json_object_set_new(*found, "state", json_string(done ? "done" : "waiting"));
    }
    return db_end(rows, err);
}

static bool next_in(struct db_tx *tx, void *context, struct error *err)
{
    struct checking *c = context;
    c->transfer[0] = 0;
    c->count = 0;
    struct db_rows *rows = db_query(
        tx, "select transfer from list_checks where state = 'waiting' order by made_ms limit 1",
        "");
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), c->transfer, sizeof(c->transfer));
    int64_t room = 0;
    if (!db_end(rows, err))
        return false;
    if (!c->transfer[0])
        return true;
    if (!db_one_int(tx, &room, 0, err,
                    "select count(*) from transfer_files where transfer = ?1 and state = 'stored'",
                    "s", c->transfer))
        return false;
    room = room < FILES_MOST ? room : FILES_MOST;
    c->files = ARENA_ARRAY(c->a, struct held, (size_t)room + 1);
    rows = db_query(tx,
                    "select path, size, content, asset from transfer_files where transfer = ?1 and "
                    "state = 'stored' order by path limit ?2",
                    "si", c->transfer, room);
    while (db_next(rows) && c->count < (size_t)room) {
        size_t size;
        const void *content = db_blob(rows, 2, &size);
        struct held *f = &c->files[c->count++];
        *f = (struct held){.path = arena_text(c->a, db_text(rows, 0)),
                           .size = db_int(rows, 1),
                           .asset = db_text(rows, 3) ? arena_text(c->a, db_text(rows, 3)) : NULL};
        if (content && size == SHA256_SIZE)
            memcpy(f->content.at, content, SHA256_SIZE);
    }
    return db_end(rows, err);
}

// ---- what lists say

static int by_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct held *)file)->path);
}

static int in_order(const void *a, const void *b)
{
    return strcmp(((const struct held *)a)->path, ((const struct held *)b)->path);
}

static struct held *held_at(struct checking *c, const char *path)
{
    return c->count ? bsearch(path, c->files, c->count, sizeof(*c->files), by_path) : NULL;
}

static void add_line(json_t *list, const char *line)
{
    if (json_array_size(list) < SAID_MOST)
        json_array_append_new(list, json_string(line));
}

static const char *folder_of(struct arena *a, const char *path)
{
    return arena_copy(a, path, (size_t)(name_of(path) - path));
}

// Paths of a list are below its folder; some are said from where the list was made.
static void want(struct checking *c, const char *list, const char *folder, const char *path,
                 enum mhl_kind kind, const char *digest, bool tell)
{
    const char *whole = arena_format(c->a, "%s%s", folder, path);
    struct held *f = mhl_path_good(path) ? held_at(c, whole) : NULL;
    if (!f && mhl_path_good(path))
        f = held_at(c, path);
    if (!f && tell)
        add_line(c->missing, arena_format(c->a, "%s (by %s)", whole, list));
    if (!f)
        return;
    if (!f->wanted[kind])
        f->wanted[kind] = digest;
    if (!f->list)
        f->list = list;
}

static void take_mhl(struct checking *c, const char *path, const struct mhl_list *l)
{
    const char *folder = folder_of(c->a, path);
    size_t size = strlen(folder);
    bool history = size >= 7 && strcmp(folder + size - 7, "ascmhl/") == 0;
    if (history)
        folder = arena_copy(c->a, folder, size - 7);
    for (size_t i = 0; i < l->count; i++) {
        const struct mhl_entry *e = &l->entries[i];
        bool told = history; // what a later generation does not have any more is no loss
        for (int k = 0; k < MHL_KINDS && !e->folder; k++)
            if (e->digests[k].text && e->digests[k].action != MHL_FAILED) {
                want(c, path, folder, e->path, (enum mhl_kind)k, e->digests[k].text, !told);
                told = true;
            }
    }
}

static void take_sums(struct checking *c, const char *path, const struct sum *rows, size_t count)
{
    const char *name = name_of(path), *dot = strrchr(name, '.');
    enum mhl_kind kind;
    for (size_t i = 0; i < count; i++) {
        const char *of = rows[i].path;
        if (!of && dot && count == 1) // a sidecar: clip.mov.md5
            of = arena_copy(c->a, name, (size_t)(dot - name));
        if (of && mhl_kind_named(text_of(rows[i].kind), &kind))
            want(c, path, folder_of(c->a, path), of, kind, rows[i].digest, rows[i].path != NULL);
    }
}

static bool beside_in(struct db_tx *tx, void *context, struct error *err)
{
    struct checking *c = context;
    json_array_clear(c->lists);
    struct db_rows *rows = db_query(tx,
                                    "select path, list, kind, digest from lists_beside where "
                                    "transfer = ?1 order by list, path",
                                    "s", c->transfer);
    const char *last = "";
    while (db_next(rows)) {
        enum mhl_kind kind;
        struct held *f = held_at(c, db_text(rows, 0));
        if (!f || !mhl_kind_named(text_of(db_text(rows, 2)), &kind))
            continue;
        const char *list = arena_text(c->a, db_text(rows, 1));
        f->wanted[kind] = arena_text(c->a, db_text(rows, 3));
        f->list = f->list ? f->list : list;
        if (strcmp(last, list) != 0)
            add_line(c->lists, list);
        last = list;
    }
    return db_end(rows, err);
}

static bool read_stored(struct checking *c, const struct held *f, char **at, struct error *err)
{
    const struct store_map *map;
    if (f->size > LIST_BYTES)
        return error_set(err, ERROR_TOO_BIG, "it is longer than 64 MiB");
    if (!store_map_open(c->wish->store, &f->content, &map, err))
        return false;
    *at = malloc((size_t)f->size + 1);
    if (!*at)
        abort();
    bool ok = store_map_read(map, 0, *at, (size_t)f->size, err);
    store_map_close(c->wish->store, map);
    return ok;
}

static void read_list(struct checking *c, const struct held *f)
{
    struct error err;
    char *at = NULL;
    struct mhl_list list;
    struct sum *rows;
    size_t count;
    const char *kind = NULL;
    bool mhl = is_mhl(f->path);
    error_clear(&err);
    bool ok = read_stored(c, f, &at, &err);
    text all = {at, (size_t)f->size};
    if (ok && mhl && (ok = mhl_read(all, c->a, &list, &err)))
        take_mhl(c, f->path, &list);
    if (ok && !mhl && sums_named(name_of(f->path), &kind) &&
        (ok = sums_read(all, kind, c->a, &rows, &count, &err)))
        take_sums(c, f->path, rows, count);
    free(at);
    if (ok)
        add_line(c->lists, f->path);
    else
        add_line(c->unread, arena_format(c->a, "%s: %s", f->path, err.why[0] ? err.why : err.what));
}

// ---- what the files are

static const char *digest_text(struct arena *a, int kind, struct hasher *h)
{
    uint8_t digest[64];
    char hex[130], c4[C4_SIZE];
    size_t size = hasher_end(h, digest);
    if (kind == MHL_C4) {
        c4_text(digest, c4);
        return arena_text(a, c4);
    }
    hex_text(digest, size, hex, sizeof(hex));
    return arena_text(a, hex);
}

static bool hash_file(struct checking *c, const struct held *f, const char *found[MHL_KINDS],
                      struct error *err)
{
    const struct store_map *map;
    struct hasher *by[MHL_KINDS];
    if (!store_map_open(c->wish->store, &f->content, &map, err))
        return false;
    char *room = malloc(READ);
    if (!room)
        abort();
    for (int k = 0; k < MHL_KINDS; k++)
        by[k] = f->wanted[k] ? hasher_open(k == MHL_C4 ? "sha512" : mhl_names[k]) : NULL;
    bool ok = true;
    for (int64_t at = 0; ok && at < map->size; at += READ) {
        size_t size = map->size - at < READ ? (size_t)(map->size - at) : READ;
        ok = store_map_read(map, at, room, size, err);
        for (int k = 0; ok && k < MHL_KINDS; k++)
            if (by[k])
                hasher_add(by[k], room, size);
        if (ok && c->wish->on && !c->wish->on(c->wish->context))
            ok = error_set(err, ERROR_CANCELLED, "it was stopped");
    }
    for (int k = 0; k < MHL_KINDS; k++)
        found[k] = by[k] ? digest_text(c->a, k, by[k]) : NULL;
    free(room);
    store_map_close(c->wish->store, map);
    return ok;
}

struct marking {
    const struct held *file;
    json_t *said;
};

static bool mark_in(struct db_tx *tx, void *context, struct error *err)
{
    struct marking *m = context;
    char *written = json_dumps(m->said, JSON_COMPACT), project[27] = "";
    struct db_rows *rows =
        db_query(tx, "select project from assets where id = ?1", "s", m->file->asset);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    bool ok =
        db_end(rows, err) &&
        db_run(tx, err,
               "update versions set hashes = ?3 where asset = ?1 and id in (select version "
               "from version_files where content = ?2)",
               "sbs", m->file->asset, (const void *)m->file->content.at, (size_t)SHA256_SIZE,
               written) &&
        (!db_changed(tx) || db_event(tx, "asset.changed", project, m->file->asset, NULL, err));
    free(written);
    return ok;
}

static bool check_file(struct checking *c, const struct held *f, struct error *err)
{
    const char *found[MHL_KINDS];
    int wrong = -1, any = 0;
    struct error bad;
    if (!hash_file(c, f, found, &bad)) {
        if (bad.kind == ERROR_CANCELLED) {
            *err = bad;
            return false;
        }
        add_line(c->unread, arena_format(c->a, "%s: %s", f->path, bad.what));
        return true;
    }
    for (int k = MHL_KINDS - 1; k >= 0; k--)
        if (f->wanted[k]) {
            any = k;
            wrong = strcmp(f->wanted[k], found[k]) != 0 ? k : wrong;
        }
    int shown = wrong >= 0 ? wrong : any;
    json_t *said = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "path", f->path, "list", f->list,
                             "kind", mhl_names[shown], "said", f->wanted[shown], "found",
                             found[shown], "right", wrong < 0);
    c->right += wrong < 0;
    if (wrong >= 0 && json_array_size(c->wrong) < SAID_MOST)
        json_array_append(c->wrong, said);
    struct marking m = {f, said};
    bool ok = !f->asset || db_write(c->wish->db, mark_in, &m, err);
    json_decref(said);
    return ok;
}

// ---- a turn

static bool done_in(struct db_tx *tx, void *context, struct error *err)
{
    struct checking *c = context;
    json_t *answer =
        json_pack("{s:O, s:I, s:O, s:O, s:O}", "lists", c->lists, "right", (json_int_t)c->right,
                  "wrong", c->wrong, "missing", c->missing, "unread", c->unread);
    char *written = json_dumps(answer, JSON_COMPACT), project[27] = "";
    struct db_rows *rows =
        db_query(tx, "select project from transfers where id = ?1", "s", c->transfer);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    bool ok =
        db_end(rows, err) &&
        db_run(tx, err, "update list_checks set state = 'done', answer = ?2 where transfer = ?1",
               "ss", c->transfer, written) &&
        db_event(tx, "transfer.changed", project, c->transfer, NULL, err);
    free(written);
    json_decref(answer);
    return ok;
}

bool lists_turn(const struct lists_wish *w, bool *any, struct error *err)
{
    struct checking c = {.wish = w, .a = arena_open((size_t)2 << 30)};
    error_clear(err);
    bool ok = db_read(w->db, next_in, &c, err);
    *any = ok && c.transfer[0];
    c.lists = json_array(), c.wrong = json_array();
    c.missing = json_array(), c.unread = json_array();
    if (*any && c.count)
        qsort(c.files, c.count, sizeof(*c.files), in_order); // a database may sort otherwise
    ok = ok && (!*any || db_read(w->db, beside_in, &c, err));
    for (size_t i = 0; *any && i < c.count; i++)
        if (list_named(c.files[i].path))
            read_list(&c, &c.files[i]);
    for (size_t i = 0; ok && *any && i < c.count; i++)
        if (c.files[i].list)
            ok = check_file(&c, &c.files[i], err);
    ok = ok && (!*any || db_write(w->db, done_in, &c, err));
    if (ok && *any && json_array_size(c.wrong))
        log_warn("lists.wrong", "transfer=%s files=%zu", c.transfer, json_array_size(c.wrong));
    json_decref(c.lists);
    json_decref(c.wrong);
    json_decref(c.missing);
    json_decref(c.unread);
    arena_close(c.a);
    return ok;
}
