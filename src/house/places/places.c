// Places: adding, listing, forgetting, and the thread that looks.
#include "house/places/inside.h"

#include "base/log.h"
#include "house/assets/assets.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BROWSE_MOST = 2000, TELL_EVERY_MS = 1000 };
#define AGAIN_US (30LL * 1000000) // after something failed
#define TAKE_US (5LL * 1000000)
#define TOUCHED_REST_US (1LL * 1000000) // news of one file come in many

bool places_go_on(const struct places *p)
{
    return !p->on || p->on(p->context);
}

bool places_open(const struct places_wish *wish, struct places **places, struct error *err)
{
    struct places *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->db = wish->db;
    p->store = wish->store;
    p->every_ms = wish->every_ms;
    p->settle_ms = wish->settle_ms ? wish->settle_ms : PLACE_SETTLE_MS;
    p->on = wish->on;
    p->busy = wish->busy;
    p->again = wish->again;
    p->asks = wish->asks;
    p->answer_us = (wish->answer_ms ? wish->answer_ms : PLACE_ANSWER_MS) * 1000;
    p->context = wish->context;
    pthread_mutex_init(&p->lock, NULL);
    p->asides = asides_open(ASIDES_MOST);
    p->people_ms = wish->people_ms ? wish->people_ms : PLACE_PEOPLE_MS;
    struct bounds *b = p->bounds = calloc(1, sizeof(*b));
    if (!b)
        abort();
    bool ok = text_copy(text_of(wish->house), b->house, sizeof(b->house)) ||
              error_set(err, ERROR_INPUT, "the path of the house is too long");
    for (size_t i = 0; ok && wish->roots && wish->roots[i]; i++)
        ok = (b->root_count < ROOTS_MOST && wish->roots[i][0] == '/' &&
              text_copy(text_of(wish->roots[i]), b->roots[b->root_count++], PATH_MAX)) ||
             error_set(err, ERROR_INPUT, "'%s' can not be a root of places", wish->roots[i]);
    if (ok) {
        *places = p;
        return true;
    }
    error_fix(err, "write places.roots as whole paths with commas between, at most %d", ROOTS_MOST);
    places_close(p);
    return false;
}

void places_close(struct places *p)
{
    if (!p || p->over[LANE_LOOK] || p->over[LANE_HASH])
        return;
    for (size_t i = 0; i < p->run_count; i++) {
        struct place_run *r = p->runs[i];
        watch_close(r->watch);
        while (r->touched_count)
            free(r->touched[--r->touched_count]);
        free(r);
    }
    asides_close(p->asides);
    pthread_mutex_destroy(&p->lock);
    free(p->bounds);
    free(p);
}

struct place_run *place_run(struct places *p, const char *place)
{
    struct place_run *found = NULL;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->run_count && !found; i++)
        if (strcmp(p->runs[i]->id, place) == 0)
            found = p->runs[i];
    if (!found && p->run_count < PLACES_MOST && (found = calloc(1, sizeof(*found)))) {
        text_copy(text_of(place), found->id, sizeof(found->id));
        found->scan_due = true;
        p->runs[p->run_count++] = found;
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

// ---- rows

static bool no_place(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such place");
    return error_fix(err, "`posthouse place` lists those that there are");
}

bool place_row(struct db_tx *tx, const char *place, struct place_row *row, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select id, project, folder, path, state, made_by, number, root_inode, "
                 "root_mounted, files, gone, scanned_ms, seen_ms from places where id = ?1",
                 "s", place);
    bool there = db_next(rows);
    if (there) {
        text_copy(text_of(db_text(rows, 0)), row->id, sizeof(row->id));
        text_copy(text_of(db_text(rows, 1)), row->project, sizeof(row->project));
        text_copy(text_of(db_text(rows, 2)), row->folder, sizeof(row->folder));
        text_copy(text_of(db_text(rows, 3)), row->path, sizeof(row->path));
        text_copy(text_of(db_text(rows, 4)), row->state, sizeof(row->state));
        text_copy(text_of(db_text(rows, 5)), row->made_by, sizeof(row->made_by));
        row->number = db_int(rows, 6);
        row->root_inode = db_int(rows, 7);
        row->root_mounted = db_int(rows, 8) != 0;
        row->files = db_int(rows, 9);
        row->gone = db_int(rows, 10);
        row->scanned_ms = db_int(rows, 11);
        row->seen_ms = db_int(rows, 12);
    }
    return db_end(rows, err) && (there || no_place(err));
}

struct reading {
    const char *place;
    struct place_row *row;
};

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct reading *r = context;
    return place_row(tx, r->place, r->row, err);
}

bool place_row_read(struct places *p, const char *place, struct place_row *row, struct error *err)
{
    struct reading r = {place, row};
    return db_read(p->db, read_in, &r, err);
}

bool place_say(struct db_tx *tx, const struct place_row *row, struct error *err)
{
    return db_event(tx, "place.changed", row->project, row->id, NULL, err);
}

bool place_count(struct db_tx *tx, int64_t place, const struct place_counts *c, struct error *err)
{
    return db_run(tx, err,
                  "update places set files = files + ?2, bytes = bytes + ?3, hashed_files = "
                  "hashed_files + ?4, hashed_bytes = hashed_bytes + ?5, waiting = waiting + ?6, "
                  "gone = gone + ?7 where number = ?1",
                  "iiiiiii", place, c->files, c->bytes, c->hashed_files, c->hashed_bytes,
                  c->waiting, c->gone);
}

void place_counted(struct place_counts *c, const char *state, int64_t hashed, int64_t size,
                   int sign)
{
    bool gone = strcmp(state, "gone") == 0;
    if (gone) {
        c->gone += sign;
        return;
    }
    c->files += sign;
    c->bytes += sign * size;
    c->waiting += strcmp(state, "here") == 0 ? 0 : sign;
    if (hashed == 1) {
        c->hashed_files += sign;
        c->hashed_bytes += sign * size;
    }
}

// ---- where a place may be

static bool inside(const char *path, const char *root)
{
    size_t size = strlen(root);
    while (size > 1 && root[size - 1] == '/')
        size--;
    return strncmp(path, root, size) == 0 && (path[size] == '/' || !path[size] || size == 1);
}

// By its words alone when the folder is not there just now. By words first: one of the roots may
// be a volume that does not answer.
static bool below_a_root(const struct bounds *b, const char *path)
{
    char root[PATH_MAX];
    for (size_t i = 0; i < b->root_count; i++)
        if (inside(path, b->roots[i]))
            return true;
    for (size_t i = 0; i < b->root_count; i++)
        if (realpath(b->roots[i], root) && inside(path, root))
            return true;
    return false;
}

static bool refused(const struct bounds *b, const char *path, const char *what, struct error *err)
{
    error_set(err, ERROR_DENIED, "%.200s can not %s", path, what);
    if (!b->root_count) {
        error_why(err, "the setting places.roots names no folder");
        return error_fix(err, "set places.roots to the folders of the volumes, commas between, and "
                              "start the house again");
    }
    error_why(err, "it lies below none of the folders of the setting places.roots");
    return error_fix(err,
                     "choose a folder below %.200s, or add one to places.roots and start the "
                     "house again",
                     b->roots[0]);
}

bool bounds_allow(const struct bounds *b, const char *path, const struct places_use *use,
                  char whole[PATH_MAX], struct error *err)
{
    char house[PATH_MAX];
    struct stat seen;
    bool there = realpath(path, whole) && stat(whole, &seen) == 0;
    if (!there && !(use->may_be_away && errno == ENOENT))
        return error_errno(err, errno, "the house does not see %.200s", path);
    if (!there)
        text_copy(text_of(path), whole, PATH_MAX);
    if (there && !S_ISDIR(seen.st_mode))
        return error_set(err, ERROR_INPUT, "%.200s is no folder", path);
    if (!below_a_root(b, whole))
        return refused(b, path, use->what, err);
    if (realpath(b->house, house) && (inside(whole, house) || inside(house, whole))) {
        error_set(err, ERROR_DENIED, "%.200s can not %s", path, use->what);
        return error_why(err, "it would show the house's own state and keys");
    }
    return true;
}

bool place_allowed(const struct places *p, const char *path)
{
    return below_a_root(p->bounds, path);
}

static const struct places_use as_place = {"be a place", false};

struct adding {
    struct places *p;
    const struct place_wish *wish;
    const char *path;
    char id[27];
};

// `own`: the place that goes there; "": a new one.
static bool alone(struct db_tx *tx, const char *project, const char *path, const char *own,
                  struct error *err)
{
    char other[PATH_MAX] = "";
    int64_t count = 0;
    struct db_rows *rows =
        db_query(tx, "select path from places where project = ?1 and id <> ?2", "ss", project, own);
    while (db_next(rows)) {
        count++;
        if (inside(db_text(rows, 0), path) || inside(path, db_text(rows, 0)))
            text_copy(text_of(db_text(rows, 0)), other, sizeof(other));
    }
    if (!db_end(rows, err))
        return false;
    if (count >= PLACES_MOST / 2)
        return error_set(err, ERROR_TOO_MANY, "this project has too many places");
    if (!*other)
        return true;
    error_set(err, ERROR_CONFLICT, "%.200s is in place already", path);
    return error_why(err, "the project has the place %.300s", other);
}

static bool add_in(struct db_tx *tx, void *context, struct error *err)
{
    struct adding *w = context;
    int64_t number = 0, all = 0;
    id made = id_new();
    memcpy(w->id, made.text, sizeof(w->id));
    if (!alone(tx, w->wish->project, w->path, "", err) ||
        !db_one_int(tx, &number, 0, err, "select coalesce(max(number), 0) + 1 from places", "") ||
        !db_one_int(tx, &all, 0, err, "select count(*) from places", ""))
        return false;
    if (all >= PLACES_MOST)
        return error_set(err, ERROR_TOO_MANY, "the house has too many places");
    return db_run(tx, err,
                  "insert into places (id, number, project, folder, path, made_by, created_ms, "
                  "state, since_ms, seen_ms, scanned_ms, root_inode, root_mounted) values (?1, ?2, "
                  "?3, ?4, ?5, ?6, ?7, 'online', ?7, 0, 0, 0, 0)",
                  "sissssi", w->id, number, w->wish->project, w->wish->folder, w->path, w->wish->by,
                  clock_now_ms()) &&
           db_event(tx, "place.changed", w->wish->project, w->id, NULL, err);
}

bool place_add(struct places *p, const struct place_wish *wish, char made[27], struct error *err)
{
    char whole[PATH_MAX];
    struct adding w = {p, wish, whole, ""};
    if (!places_allow(p, wish->path, &as_place, whole, err) || !db_write(p->db, add_in, &w, err))
        return false;
    memcpy(made, w.id, sizeof(w.id));
    return place_run(p, made) != NULL ||
           error_set(err, ERROR_TOO_MANY, "the house has too many places");
}

// ---- going elsewhere

struct moving {
    struct places *p;
    const char *place, *path;
    struct place_row row;
    struct place_known *known; // some of its files
};

static bool known_in(struct db_tx *tx, void *context, struct error *err)
{
    struct moving *w = context;
    w->known->count = 0;
    if (!place_row(tx, w->place, &w->row, err))
        return false;
    struct db_rows *rows = db_query(
        tx,
        "select d.path, f.name, f.size from place_files f join place_folders d on d.number = "
        "f.folder where f.place = ?1 and f.version is not null and f.state <> 'gone' limit ?2",
        "ii", w->row.number, (int64_t)KNOWN_SOME);
    while (db_next(rows) && w->known->count < KNOWN_SOME) {
        size_t folder_size, name_size;
        const char *folder = db_blob(rows, 0, &folder_size), *name = db_blob(rows, 1, &name_size);
        struct known_one *one = &w->known->list[w->known->count++];
        one->path = arena_format(w->known->a, "%.*s%s%.*s", (int)folder_size, folder ? folder : "",
                                 folder_size ? "/" : "", (int)name_size, name);
        one->size = db_int(rows, 2);
    }
    return db_end(rows, err);
}

static bool move_in(struct db_tx *tx, void *context, struct error *err)
{
    struct moving *w = context;
    return alone(tx, w->row.project, w->path, w->place, err) &&
           db_run(tx, err,
                  "update places set path = ?2, root_inode = 0, root_mounted = 0, scanned_ms = 0 "
                  "where id = ?1",
                  "ss", w->place, w->path) &&
           place_say(tx, &w->row, err);
}

bool place_move(struct places *p, const char *place, const char *path, bool anyway,
                struct error *err)
{
    char whole[PATH_MAX];
    struct moving w = {.p = p, .place = place, .path = whole, .known = place_known_new()};
    struct place_run *r = place_run(p, place);
    if (!db_read(p->db, known_in, &w, err)) {
        place_known_free(w.known);
        return false;
    }
    if (!places_fits(p, path, &as_place, w.known, anyway, whole, err) ||
        !db_write(p->db, move_in, &w, err))
        return false;
    pthread_mutex_lock(&p->lock);
    if (r)
        r->rescan = r->moved = true;
    pthread_mutex_unlock(&p->lock);
    return true;
}

// ---- telling

static json_t *time_of(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

#define PLACE                                                                                      \
    "select p.id, p.project, p.folder, p.path, p.created_ms, p.state, p.since_ms, p.seen_ms, "     \
    "p.scanned_ms, p.problem, p.files, p.bytes, p.hashed_files, p.hashed_bytes, p.waiting, "       \
    "p.gone, p.links, p.unreadable, p.unreadable_path, coalesce((select name from people where "   \
    "id = p.made_by), p.made_by), j.name, (select count(*) from place_files f where f.place = "    \
    "p.number and f.hashed = -1) from places p join projects j on j.id = p.project "

static json_t *place_json(struct db_rows *rows)
{
    struct arena *a = arena_open((size_t)1 << 20);
    const char *folder = db_text(rows, 2), *problem = db_text(rows, 9), *bad = db_text(rows, 18);
    json_t *json = json_pack(
        "{s:s, s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:o, s:s, s:s, s:I}",
        "id", db_text(rows, 0), "project", db_text(rows, 1), "folder",
        folder[0] ? json_string(folder) : json_null(), "path", db_text(rows, 3), "created",
        time_of(db_int(rows, 4)), "state", db_text(rows, 5), "since", time_of(db_int(rows, 6)),
        "seen", time_of(db_int(rows, 7)), "scanned", time_of(db_int(rows, 8)), "problem",
        problem ? json_string(problem) : json_null(), "files", (json_int_t)db_int(rows, 10),
        "bytes", (json_int_t)db_int(rows, 11), "hashed_files", (json_int_t)db_int(rows, 12),
        "hashed_bytes", (json_int_t)db_int(rows, 13), "waiting", (json_int_t)db_int(rows, 14),
        "gone", (json_int_t)db_int(rows, 15), "links", (json_int_t)db_int(rows, 16), "unreadable",
        (json_int_t)db_int(rows, 17), "unreadable_path",
        bad ? json_string(place_shown(a, bad)) : json_null(), "by", db_text(rows, 19),
        "project_name", db_text(rows, 20), "unread", (json_int_t)db_int(rows, 21));
    arena_close(a);
    return json;
}

bool place_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx, PLACE "where ?1 is null or p.project = ?1 order by j.name, p.path", "s", project);
    while (db_next(rows))
        json_array_append_new(*list, place_json(rows));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool place_get(struct db_tx *tx, const char *place, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, PLACE "where p.id = ?1", "s", place);
    *json = db_next(rows) ? place_json(rows) : NULL;
    return db_end(rows, err) && (*json || no_place(err));
}

void place_running(struct places *p, json_t *place)
{
    struct place_run seen = {0};
    struct place_run *r = place_run(p, json_string_value(json_object_get(place, "id")));
    pthread_mutex_lock(&p->lock);
    if (r) {
        seen.scanning = r->scanning || r->rescan;
        seen.scan_files = r->scan_files;
        seen.scan_began_ms = r->scan_began_ms;
        bool now = clock_tick_us() - r->hash_window_us < 5000000;
        seen.hash_bytes_s = now ? r->hash_bytes_s : 0;
    }
    pthread_mutex_unlock(&p->lock);
    json_int_t left = json_integer_value(json_object_get(place, "bytes")) -
                      json_integer_value(json_object_get(place, "hashed_bytes"));
    json_object_set_new(place, "unanswered", time_of(r ? place_silent_since(p, r) : 0));
    json_object_set_new(place, "scanning", json_boolean(seen.scanning));
    json_object_set_new(place, "scan_files", json_integer(seen.scanning ? seen.scan_files : 0));
    json_object_set_new(place, "scan_began", time_of(seen.scanning ? seen.scan_began_ms : 0));
    json_object_set_new(place, "hash_bytes_s", json_integer(seen.hash_bytes_s));
    json_object_set_new(place, "hash_left_s",
                        seen.hash_bytes_s > 0 && left > 0 ? json_integer(left / seen.hash_bytes_s)
                                                          : json_null());
}

bool place_browse(struct places *p, const char *path, json_t **json, struct error *err)
{
    char whole[PATH_MAX];
    struct beneath_folder f;
    *json = json_pack("{s:s, s:[], s:[], s:b}", "path", path, "roots", "folders", "more", 0);
    for (size_t i = 0; i < p->bounds->root_count; i++)
        json_array_append_new(json_object_get(*json, "roots"), json_string(p->bounds->roots[i]));
    if (!*path)
        return true;
    if (!places_browse(p, path, &as_place, whole, &f, err)) {
        json_decref(*json), *json = NULL;
        return false;
    }
    json_t *folders = json_object_get(*json, "folders");
    for (size_t i = 0; i < f.count; i++)
        if (f.entries[i].kind == FILE_FOLDER && f.entries[i].name[0] != '.' &&
            text_utf8(text_of(f.entries[i].name)) && json_array_size(folders) < BROWSE_MOST)
            json_array_append_new(folders, json_string(f.entries[i].name));
    json_object_set_new(*json, "path", json_string(whole));
    json_object_set_new(*json, "more", json_boolean(json_array_size(folders) == BROWSE_MOST));
    beneath_free(&f);
    return true;
}

// ---- asking

static bool rescan_in(struct db_tx *tx, void *context, struct error *err)
{
    struct place_row row;
    return place_row(tx, context, &row, err) && files_asked_again(tx, row.number, err) &&
           place_say(tx, &row, err);
}

bool place_rescan(struct places *p, const char *place, struct error *err)
{
    if (!db_write(p->db, rescan_in, (void *)(uintptr_t)place, err))
        return false;
    struct place_run *r = place_run(p, place);
    pthread_mutex_lock(&p->lock);
    if (r)
        r->rescan = true;
    pthread_mutex_unlock(&p->lock);
    return true;
}

static bool forget_in(struct db_tx *tx, void *context, struct error *err)
{
    struct place_row row;
    return place_row(tx, context, &row, err) &&
           db_run(tx, err, "update places set state = 'leaving', since_ms = ?2 where number = ?1",
                  "ii", row.number, clock_now_ms()) &&
           place_say(tx, &row, err);
}

bool place_forget(struct places *p, const char *place, struct error *err)
{
    return db_write(p->db, forget_in, (void *)(uintptr_t)place, err);
}

// ---- the thread that looks

struct due {
    struct {
        char id[27], state[16];
        int64_t waiting;
    } list[PLACES_MOST];
    size_t count;
};

static bool due_in(struct db_tx *tx, void *context, struct error *err)
{
    struct due *d = context;
    d->count = 0;
    struct db_rows *rows =
        db_query(tx, "select id, state, waiting from places order by number", "");
    while (db_next(rows) && d->count < PLACES_MOST) {
        text_copy(text_of(db_text(rows, 0)), d->list[d->count].id, 27);
        text_copy(text_of(db_text(rows, 1)), d->list[d->count].state, 16);
        d->list[d->count++].waiting = db_int(rows, 2);
    }
    return db_end(rows, err);
}

static void touch(struct place_run *r, const char *path, bool deep)
{
    for (size_t i = 0; i < r->touched_count; i++)
        if (strcmp(r->touched[i], path) == 0) {
            r->deep[i] = r->deep[i] || deep;
            return;
        }
    char *copy = r->touched_count < TOUCHED_MOST ? strdup(path) : NULL;
    if (!copy) {
        r->scan_due = true;
        return;
    }
    if (!r->touched_count)
        r->touched_us = clock_tick_us();
    r->deep[r->touched_count] = deep;
    r->touched[r->touched_count++] = copy;
}

static void touched_forget(struct place_run *r)
{
    while (r->touched_count)
        free(r->touched[--r->touched_count]);
}

static void hear(struct place_run *r)
{
    struct watch_news news;
    struct error err;
    int got = 0;
    bool lost = false;
    for (int i = 0; r->watch && i < 100000 && (got = watch_next(r->watch, 0, &news, &err)) > 0;
         i++) {
        char folder[PATH_MAX];
        const char *slash = strrchr(news.path, '/');
        snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - news.path) : 0, news.path);
        if (news.what == WATCH_LOST)
            r->scan_due = true, lost = true;
        else if (news.what == WATCH_NEW_FOLDER)
            touch(r, folder, false), touch(r, news.path, true);
        else
            touch(r, folder, false);
    }
    if (got < 0) {
        log_problem("place.watch", &err);
        lost = r->scan_due = true;
    }
    // It may have been the root that went, and another folder is there now. A watch that is not
    // whole would lose news again at once.
    if (lost && r->watch && (got < 0 || watch_whole(r->watch))) {
        watch_close(r->watch);
        r->watch = NULL;
        r->next_watch_us = 0;
    }
}

// A watch that can not be had is tried again now and then: limits are raised, volumes come back.
static void watch_begin(struct places *p, struct place_run *r, const struct place_row *row)
{
    struct error err;
    int64_t now = clock_tick_us();
    if (r->watch || now < r->next_watch_us)
        return;
    r->next_watch_us = now + PLACE_NEWS_MS * 1000;
    volume_ask_much(p, r, LANE_LOOK);
    bool ok = watch_open(row->path, &r->watch, &err);
    volume_answered(p, r, LANE_LOOK);
    if (!ok) {
        r->watch = NULL;
        log_info("place.no_watch", "place=%s why=%s", row->id, log_quote(err.what).text);
    }
}

static void look_all(struct places *p, struct place_run *r, struct place_row *row)
{
    struct error err;
    struct place_looked looked = {0};
    watch_begin(p, r, row); // before: what changes meanwhile is told
    int64_t began = clock_tick_us();
    error_clear(&err);
    bool ok = places_look(p, row->id, &looked, &err);
    int64_t took = clock_tick_us() - began, rest = p->every_ms * 1000;
    if (!ok && err.kind != ERROR_CANCELLED)
        log_problem("place.look", &err);
    if (looked.offline) {
        watch_close(r->watch); // of a folder that is another one when it comes back
        r->watch = NULL;
        r->next_watch_us = 0;
    }
    // A volume that is slow to look at is not looked at all the time.
    volume_ask(p, r, LANE_LOOK);
    bool told = r->watch && watch_whole(r->watch) && beneath_is_local(row->path);
    volume_answered(p, r, LANE_LOOK);
    rest = told ? PLACE_NEWS_MS * 1000 : rest > 2 * took ? rest : 2 * took;
    r->next_scan_us = clock_tick_us() + (ok ? looked.offline ? 5000000 : rest : AGAIN_US);
    if (ok && (looked.fresh || looked.changed || looked.gone || looked.back || looked.offline))
        log_info("place.looked",
                 "place=%s files=%lld new=%lld changed=%lld gone=%lld back=%lld offline=%d "
                 "took_ms=%lld",
                 row->id, (long long)looked.files, (long long)looked.fresh,
                 (long long)looked.changed, (long long)looked.gone, (long long)looked.back,
                 looked.offline, (long long)(took / 1000));
}

static void look_touched(struct places *p, struct place_run *r, const struct place_row *row)
{
    struct error err;
    struct place_looked looked;
    error_clear(&err);
    if (!places_look_at(p, row, r->touched, r->deep, r->touched_count, &looked, &err)) {
        if (err.kind != ERROR_CANCELLED)
            log_problem("place.look", &err);
        r->scan_due = true;
    } else if (looked.offline) {
        r->scan_due = true;
    }
    touched_forget(r);
}

// News must be heard meanwhile: a million files are taken some seconds at a time.
static void take_all(struct places *p, const char *place)
{
    struct error err;
    bool more = true;
    int64_t until = clock_tick_us() + TAKE_US;
    error_clear(&err);
    while (more && places_go_on(p) && clock_tick_us() < until)
        if (!places_take(p, place, &more, &err)) {
            log_problem("place.take", &err);
            return;
        }
}

static void leave_all(struct places *p, const struct place_row *row)
{
    struct error err;
    bool more = true;
    error_clear(&err);
    while (more && places_go_on(p))
        if (!places_leave(p, row, &more, &err)) {
            log_problem("place.leave", &err);
            return;
        }
}

static void one_place(struct places *p, const char *id, bool leaving, bool waiting)
{
    struct place_row row;
    struct error err;
    struct place_run *r = place_run(p, id);
    if (!r || !place_row_read(p, id, &row, &err))
        return;
    if (leaving) {
        watch_close(r->watch);
        r->watch = NULL;
        leave_all(p, &row);
        return;
    }
    volume_ask_much(p, r, LANE_LOOK); // new folders are watched too
    hear(r);
    volume_answered(p, r, LANE_LOOK);
    pthread_mutex_lock(&p->lock);
    bool asked = r->rescan, moved = r->moved;
    r->rescan = r->moved = false;
    r->scanning = r->scanning || asked;
    pthread_mutex_unlock(&p->lock);
    int64_t now = clock_tick_us();
    if (moved) {
        watch_close(r->watch); // of the folder where it was
        r->watch = NULL;
        r->next_watch_us = 0;
    }
    if (asked || r->scan_due || now >= r->next_scan_us) {
        r->scan_due = false;
        touched_forget(r);
        look_all(p, r, &row);
        waiting = true;
    } else if (r->touched_count && now - r->touched_us > TOUCHED_REST_US) {
        look_touched(p, r, &row);
        waiting = true;
    }
    if (waiting)
        take_all(p, id);
}

// False: another hand goes on with the others.
static bool look_at_each(struct places *p, struct hand *h, const struct due *d)
{
    for (size_t i = 0; i < d->count && places_go_on(p); i++) {
        struct place_run *r = place_run(p, d->list[i].id);
        if (!r || !place_hold(p, r, LANE_LOOK))
            continue;
        one_place(p, d->list[i].id, strcmp(d->list[i].state, "leaving") == 0,
                  d->list[i].waiting > 0);
        place_let_go(p, r, LANE_LOOK);
        if (given_up(h))
            return false;
    }
    return true;
}

static void look_on(struct places *p, struct hand *h)
{
    struct due *d = calloc(1, sizeof(*d));
    struct error err;
    if (!d)
        abort();
    while (places_go_on(p)) {
        error_clear(&err);
        if (!db_read(p->db, due_in, d, &err))
            log_problem("place.look", &err);
        if (!look_at_each(p, h, d))
            break;
        error_clear(&err);
        if (d->count && !places_tell(p, &err))
            log_problem("place.tell", &err);
        error_clear(&err);
        if (d->count && !places_again(p, &err))
            log_problem("place.again", &err);
        for (int slept = 0; slept < TELL_EVERY_MS && places_go_on(p); slept += 100)
            clock_sleep_ms(100);
    }
    free(d);
}

void places_look_on(struct places *p)
{
    hands_work(p, LANE_LOOK, look_on);
}
