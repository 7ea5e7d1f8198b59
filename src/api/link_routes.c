// Links: what they hold and carry, by whom they were used, and how they look.
#include "api/inside.h"

#include "base/log.h"
#include "house/deliver/hooks.h"
#include "house/deliver/package.h"
#include "house/review/links.h"
#include "house/review/review.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { USES_MOST = 1000, MAIL_MOST = 50, PAGE_MOST = 1000, ZIP_ASSETS_MOST = 200, SUMS_MS = 2000 };
#define LIST_ARENA ((size_t)512 << 20)
#define SUMS_SIZE_MOST ((int64_t)1 << 30) // of a file whose SHA-256 is worked out while one waits

struct work { // a handler's piece of work in the database
    struct call *c;
    json_t *json;
    const char *text;
    struct arena *a;
    struct link_file *files;
    size_t count;
    struct share_found found;
    struct request_place place;
    bool fresh;
};

static bool reads(struct work *w, db_work *work, struct error *err)
{
    if (!db_read(w->c->api->db, work, w, err)) {
        json_decref(w->json);
        w->json = NULL;
        return false;
    }
    if (w->json)
        call_json(w->c, w->json);
    return true;
}

// The link of the path, for its visitor, or for somebody of the project.
static bool of_this_link(struct call *c, struct error *err)
{
    if (c->who.kind != WHO_SHARE || strcmp(c->who.share, c->share) == 0)
        return true;
    error_set(err, ERROR_NOT_FOUND, "there is no such thing here");
    return error_fix(err, "open the link again");
}

// ---- the door: what somebody with only the link sees

static bool door_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    json_t *seen = NULL;
    if (!share_find(tx, body_text(w->c, "key"), w->c->arena, &w->found, err) ||
        !share_seen(tx, w->found.id, NULL, &seen, err))
        return false;
    bool locked = w->found.password_hash != NULL;
    json_decref(w->json);
    w->json = json_pack("{s:s, s:b, s:O, s:o}", "kind", w->found.kind, "password", locked, "brand",
                        json_object_get(seen, "brand"), "title",
                        locked ? json_null() : json_text(w->found.title));
    json_decref(seen);
    return true;
}

static bool door_post(struct call *c, struct error *err)
{
    int wait_s = people_guess(c->api->people, c->address);
    if (wait_s > 0) {
        error_set(err, ERROR_TOO_MANY, "too many tries");
        error_why(err, "from your address came too many keys that were wrong");
        return error_fix(err, "try again in %s", time_text(wait_s).text);
    }
    if (!reads(&(struct work){.c = c}, door_in, err))
        return false;
    people_guess_right(c->api->people, c->address);
    return true;
}

// ---- what it holds

static bool refresh_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct work *w = context;
    return share_refresh(tx, w->c->share, err);
}

static bool title_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    struct db_rows *rows = db_query(
        tx, w->c->share ? "select title from shares where id = ?1" : "select name from projects where id = ?1",
        "s", w->c->share ? w->c->share : w->c->project);
    w->text = db_next(rows) ? arena_text(w->c->arena, db_text(rows, 0)) : "files";
    return db_end(rows, err);
}

static bool files_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    struct link_files_wish wish = {.project = w->c->project, .share = w->c->share};
    return link_files(tx, &wish, w->a, &w->files, &w->count, err);
}

static bool files_json(struct work *w, int64_t from, int64_t limit, struct error *err)
{
    int64_t bytes = 0;
    if (!db_read(w->c->api->db, files_in, w, err))
        return false;
    json_t *items = json_array();
    for (size_t i = 0; i < w->count; i++) {
        const struct link_file *f = &w->files[i];
        bytes += f->size;
        if ((int64_t)i < from || (int64_t)i >= from + limit)
            continue;
        json_array_append_new(items, json_pack("{s:o, s:s, s:s, s:I, s:I, s:s, s:o}", "path",
                                               json_text(f->path), "asset", f->asset, "version",
                                               f->version, "number", (json_int_t)f->number, "size",
                                               (json_int_t)f->size, "content",
                                               sha256_text(&f->content).text, "modified",
                                               json_time(f->modified_ms)));
    }
    call_json(w->c, json_pack("{s:o, s:I, s:I, s:s}", "items", items, "total", (json_int_t)w->count,
                              "bytes", (json_int_t)bytes, "archive",
                              zip_name_of(w->c->arena, w->files, w->count)));
    return true;
}

static bool files_get(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    const char *offset = call_query(c, "offset");
    int64_t from = 0;
    int limit;
    if (!of_this_link(c, err) || !call_limit(c, &limit, err))
        return false;
    if (offset && (!text_int(text_of(offset), &from) || from < 0))
        return error_set(err, ERROR_INPUT, "offset is not a number from 0 on");
    if (from == 0 && !db_write(c->api->db, refresh_in, &w, err))
        return false;
    w.a = arena_open(LIST_ARENA);
    bool ok = files_json(&w, from, limit, err);
    arena_close(w.a);
    return ok;
}

struct using {
    const struct call *c;
    const char *share, *act, *detail, *id;
    int64_t bytes;
};

static bool use_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct using *u = context;
    return link_use_add(tx,
                        &(struct link_use){.share = u->share,
                                           .session = u->c->who.session,
                                           .name = u->c->who.name,
                                           .address = u->c->address,
                                           .act = u->act,
                                           .detail = u->detail,
                                           .bytes = u->bytes,
                                           .id = u->id},
                        NULL, err);
}

bool link_taken(struct call *c, const char *name, int64_t bytes, struct error *err)
{
    if (c->who.kind != WHO_SHARE || !c->request || strcmp(c->request->method, "GET") != 0)
        return true;
    // Once a visit, whatever ranges it is fetched in.
    struct using u = {c, c->who.share, "file", name,
                      arena_format(c->arena, "%s %s %lld", c->who.session, c->version,
                                   (long long)c->number),
                      bytes};
    return db_write(c->api->db, use_in, &u, err);
}

static bool share_zip(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    const char *range = call_header(c, "Range");
    struct link_files_wish wish = {.project = c->project, .share = c->share};
    if (!of_this_link(c, err) || (!range && !db_write(c->api->db, refresh_in, &w, err)) ||
        !db_read(c->api->db, title_in, &w, err) || !zip_answer(c, &wish, w.text, err))
        return false;
    struct using u = {c, c->share, "zip", range ? arena_format(c->arena, "goes on: %.60s", range) : "from its start", NULL, 0};
    bool visitor = c->who.kind == WHO_SHARE && strcmp(c->inside->method, "GET") == 0;
    struct error trouble;
    if (visitor && !db_write(c->api->db, use_in, &u, &trouble))
        log_problem("link.use_not_kept", &trouble);
    return true;
}

// A selection of somebody's own project: ?folder=ID or top, ?assets=ID,ID
static bool project_zip(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    const char *folder = call_query(c, "folder"), *given = call_query(c, "assets");
    const char **assets = ARENA_ARRAY(c->arena, const char *, ZIP_ASSETS_MOST + 1);
    size_t count = 0;
    for (text rest = text_of(given ? given : ""); rest.size && count < ZIP_ASSETS_MOST;) {
        text one = text_cut(&rest, ',');
        if (one.size)
            assets[count++] = arena_copy(c->arena, one.at, one.size);
    }
    if (!folder && !count) {
        error_set(err, ERROR_INPUT, "it is not said what the archive is to hold");
        return error_fix(err, "name a folder (?folder=ID, or top), or up to %d assets (?assets=ID,ID)",
                         ZIP_ASSETS_MOST);
    }
    struct link_files_wish wish = {
        .project = c->project,
        .folder = !folder ? NULL : strcmp(folder, "top") == 0 ? "" : folder,
        .assets = assets};
    return db_read(c->api->db, title_in, &w, err) && zip_answer(c, &wish, w.text, err);
}

// ---- who used it

static bool uses_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return link_uses(tx, w->c->share, USES_MOST, &w->json, err);
}

static bool uses_get(struct call *c, struct error *err)
{
    return reads(&(struct work){.c = c}, uses_in, err);
}

// ---- requests

static bool drops_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return request_drops(tx, w->c->share, &w->json, err);
}

static bool drops_get(struct call *c, struct error *err)
{
    return reads(&(struct work){.c = c}, drops_in, err);
}

static bool place_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    int64_t before = 0;
    const char *key = body_text(w->c, "key");
    if (!request_place(tx, w->c->share, w->c->arena, &w->place, err) ||
        !request_answers_good(tx, w->c->share, body_field(w->c, "answers"), err) ||
        !db_one_int(tx, &before, 0, err,
                    "select count(*) from transfers where share = ?1 and session = ?2 and request "
                    "= ?3",
                    "sss", w->c->share, w->c->who.session, key ? key : ""))
        return false;
    w->fresh = before == 0;
    return true;
}

static bool count_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct work *w = context;
    return share_used(tx, w->c->share, err);
}

static json_t *begun_json(const struct transfer *t)
{
    return json_pack("{s:s, s:s}", "transfer", t->id, "name", t->name);
}

static bool drop_post(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    struct transfer t;
    unsigned may = MAY_UPLOAD;
    char made[27];
    if (!of_this_link(c, err) || !db_read(c->api->db, place_in, &w, err) ||
        (c->who.kind == WHO_PERSON && !call_may(c, w.place.project, &may, err)))
        return false;
    if (!(may & MAY_UPLOAD))
        return call_denied(c, MAY_UPLOAD, err);
    // The same key again is the same sending, and not counted again.
    if (w.fresh && !db_write(c->api->db, count_in, &w, err))
        return false;
    char *answers = json_dumps(body_field(c, "answers"), JSON_COMPACT);
    struct transfer_wish wish = {.project = w.place.project,
                                 .name = body_text(c, "name"),
                                 .folder = w.place.folder,
                                 .origin = "request",
                                 .key = body_text(c, "key"),
                                 .person = w.place.person,
                                 .share = c->share,
                                 .session = c->who.session,
                                 .answers = answers ? answers : "{}"};
    bool ok = transfer_begin(c->api->wish.rooms.transfer, &wish, made, err) &&
              transfer_get(c->api->wish.rooms.transfer, made, c->arena, &t, err);
    free(answers);
    if (ok)
        call_json(c, begun_json(&t));
    return ok;
}

// ---- what was received

static const char *house_url(struct call *c)
{
    return !c->request || !*c->request->host
               ? ""
               : arena_format(c->arena, "%s://%s", c->request->secure ? "https" : "http",
                              c->request->host);
}

struct receiving {
    struct call *c;
    struct transfer *t;
    bool fresh;
};

static bool mail_received(struct db_tx *tx, struct receiving *r, const struct request_place *p,
                          struct error *err)
{
    struct buf b = BUF_LIMIT(32 << 10);
    const char *who = r->c->who.name && *r->c->who.name ? r->c->who.name : "Somebody", *name;
    json_t *value, *answers = NULL;
    struct db_rows *rows = db_query(tx, "select answers from transfers where id = ?1", "s", r->t->id);
    if (db_next(rows) && db_text(rows, 0))
        answers = json_loads(db_text(rows, 0), 0, NULL);
    bool ok = db_end(rows, err);
    buf_format(&b, "%s sent %s file%s (%s) by the link \"%s\".\n", who,
               count_text(r->t->files_done).text, r->t->files_done == 1 ? "" : "s", size_text(r->t->bytes_done).text, p->title);
    json_object_foreach(answers, name, value) {
        buf_format(&b, "%s: %.500s\n", name, json_string_value(value));
    }
    const char *url = house_url(r->c);
    if (*url)
        buf_format(&b, "\n%s/p/%s%s%s\n", url, p->project, p->folder ? "?folder=" : "",
                   p->folder ? p->folder : "");
    ok = ok && mail_add(tx, p->email, "request.received",
                        arena_format(r->c->arena, "%.80s: files from %.80s", p->title, who), b.at,
                        clock_now_ms(), err);
    buf_free(&b);
    json_decref(answers);
    return ok;
}

static bool received_in(struct db_tx *tx, void *context, struct error *err)
{
    struct receiving *r = context;
    struct request_place place;
    if (!link_use_add(tx,
                      &(struct link_use){.share = r->t->share,
                                         .session = r->c->who.session,
                                         .name = r->c->who.name,
                                         .address = r->c->address,
                                         .act = "received",
                                         .detail = r->t->name,
                                         .bytes = r->t->bytes_done,
                                         .id = r->t->id},
                      &r->fresh, err) ||
        !r->fresh)
        return err->kind == ERROR_NONE;
    return request_place(tx, r->t->share, r->c->arena, &place, err) &&
           db_event(tx, "request.received", r->t->project, r->t->share, NULL, err) &&
           (!place.email || strchr(place.email, '@') == NULL ||
            mail_received(tx, r, &place, err));
}

bool request_received(struct call *c, struct error *err)
{
    struct transfer t;
    struct receiving r = {.c = c, .t = &t};
    if (!transfer_get(c->api->wish.rooms.transfer, c->transfer, c->arena, &t, err))
        return false;
    if (!t.share || !t.files_done)
        return true;
    error_clear(err);
    return db_write(c->api->db, received_in, &r, err);
}

static bool sums_known_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    sha256 content;
    if (!sha256_parse(text_of(w->text), &content))
        return true;
    struct db_rows *rows = db_query(tx, "select sha256 from content_sums where content = ?1", "b",
                                    content.at, (size_t)SHA256_SIZE);
    w->text = db_next(rows) ? arena_text(w->c->arena, db_text(rows, 0)) : NULL;
    return db_end(rows, err);
}

struct summing {
    sha256 content;
    struct content_sums sums;
};

static bool sums_keep_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct summing *s = context;
    return db_run(tx, err,
                  "insert into content_sums values (?1, ?2, ?3, ?4, ?5) on conflict (content) do "
                  "nothing",
                  "bssss", s->content.at, (size_t)SHA256_SIZE, s->sums.md5, s->sums.sha1,
                  s->sums.sha256, s->sums.xxh64);
}

// The plain SHA-256 of a stored file; NULL: not worked out yet, or too large to wait for.
static bool sum_of(struct call *c, const struct transfer_file *f, int64_t until_us,
                   const char **sum, struct error *err)
{
    struct work w = {.c = c, .text = f->content};
    struct summing s;
    *sum = NULL;
    if (!db_read(c->api->db, sums_known_in, &w, err))
        return false;
    *sum = w.text;
    if (w.text || f->size > SUMS_SIZE_MOST || clock_tick_us() > until_us ||
        !sha256_parse(text_of(f->content), &s.content))
        return true;
    if (!sums_of_content(c->api->store, &s.content, NULL, NULL, &s.sums, err) ||
        !db_write(c->api->db, sums_keep_in, &s, err))
        return false;
    *sum = arena_text(c->arena, s.sums.sha256);
    return true;
}

static bool receipt_get(struct call *c, struct error *err)
{
    struct transfer t;
    struct transfer_file *list;
    size_t count;
    int limit;
    int64_t until_us = clock_tick_us() + SUMS_MS * 1000LL, waiting = 0;
    if (!call_limit(c, &limit, err) ||
        !transfer_get(c->api->wish.rooms.transfer, c->transfer, c->arena, &t, err) ||
        !transfer_file_list(c->api->wish.rooms.transfer, c->transfer, call_query(c, "after"), limit,
                            c->arena, &list, &count, err))
        return false;
    json_t *files = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *sum = NULL;
        bool stored = strcmp(list[i].state, "stored") == 0;
        if (stored && !sum_of(c, &list[i], until_us, &sum, err)) {
            json_decref(files);
            return false;
        }
        waiting += stored && !sum && list[i].size <= SUMS_SIZE_MOST;
        json_array_append_new(files, json_pack("{s:o, s:I, s:s, s:o, s:o}", "path",
                                               json_text(list[i].path), "size",
                                               (json_int_t)list[i].size, "state", list[i].state,
                                               "sha256", json_text(sum), "content",
                                               json_text(list[i].content)));
    }
    call_json(c, json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:o, s:I}", "name", json_text(t.name),
                           "state", t.state, "created", json_time(t.created_ms), "total",
                           (json_int_t)t.files, "stored", (json_int_t)t.files_done, "bytes",
                           (json_int_t)t.bytes_done, "files", files, "waiting",
                           (json_int_t)waiting));
    return true;
}

static bool came_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    json_t *came = NULL;
    if (!asset_came(tx, w->c->asset, &came, err))
        return false;
    json_decref(w->json);
    w->json = json_pack("{s:o}", "came", came ? came : json_null());
    return true;
}

static bool came_get(struct call *c, struct error *err)
{
    return reads(&(struct work){.c = c}, came_in, err);
}

// ---- mail

static bool key_fits_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    const char *url = body_text(w->c, "url"), *key = strstr(url, "/s/");
    if (!share_get(tx, w->c->share, &w->json, err))
        return false;
    if (key && share_find(tx, key + 3, w->c->arena, &w->found, err) &&
        strcmp(w->found.id, w->c->share) == 0)
        return true;
    json_decref(w->json);
    w->json = NULL;
    error_set(err, ERROR_INPUT, "this is not the address of the link");
    return error_fix(err, "it is shown once, when the link is made; make a new one if it is lost");
}

static char *mail_words(struct call *c, const json_t *share)
{
    const char *message = body_text(c, "message"), *expires = json_string_value(json_object_get(share, "expires"));
    const char *own = json_string_value(json_object_get(share, "message"));
    bool request = strcmp(json_string_value(json_object_get(share, "kind")), "request") == 0;
    struct buf b = BUF_LIMIT(32 << 10);
    buf_format(&b, "%s %s:\n\n%s\n\n", c->who.name ? c->who.name : "Somebody",
               request ? "asks you for files" : "has something for you", body_text(c, "url"));
    buf_format(&b, "%s\n", json_string_value(json_object_get(share, "title")));
    if (message && *message)
        buf_format(&b, "\n%s\n", message);
    else if (own && *own)
        buf_format(&b, "\n%s\n", own);
    if (expires)
        buf_format(&b, "\nThe link works until %.10s.\n", expires);
    if (json_is_true(json_object_get(share, "password")))
        buf_format(&b, "\nIt asks for a password, which comes to you by another way.\n");
    char *words = arena_text(c->arena, b.at);
    buf_free(&b);
    return words;
}

struct mailing {
    struct call *c;
    const char *subject, *words;
};

static bool mails_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct mailing *m = context;
    const json_t *to = body_field(m->c, "to");
    for (size_t i = 0; i < json_array_size(to); i++)
        if (!mail_add(tx, json_string_value(json_array_get(to, i)), "link.sent", m->subject,
                      m->words, clock_now_ms(), err))
            return false;
    return call_audit(m->c, tx, "share.mail", m->c->share, NULL, err);
}

// Without a mail server, or without anybody to send it to, the words alone come back.
static bool mail_post(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    size_t count = json_array_size(body_field(c, "to"));
    if (count > MAIL_MOST)
        return error_set(err, ERROR_TOO_BIG, "a mail goes to at most %d people at once", MAIL_MOST);
    if (!db_read(c->api->db, key_fits_in, &w, err))
        return false;
    struct mailing m = {c, arena_format(c->arena, "%.150s", json_string_value(json_object_get(w.json, "title"))),
                        mail_words(c, w.json)};
    bool send = c->api->wish.mail && count > 0;
    json_decref(w.json);
    if (send && !db_write(c->api->db, mails_in, &m, err))
        return false;
    call_json(c, json_pack("{s:b, s:b, s:o, s:o}", "sent", send, "can", c->api->wish.mail, "subject",
                           json_text(m.subject), "text", json_text(m.words)));
    return true;
}

// ---- how links look

static const char *brand_place(const struct call *c)
{
    return c->project ? c->project : "";
}

static bool brand_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return brand_own(tx, brand_place(w->c), &w->json, err);
}

static bool brand_get(struct call *c, struct error *err)
{
    return reads(&(struct work){.c = c}, brand_in, err);
}

static bool brand_set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    json_decref(w->json);
    w->json = NULL;
    return brand_set(tx, brand_place(w->c), w->c->body, err) &&
           call_audit(w->c, tx, "brand.set", brand_place(w->c), NULL, err) &&
           brand_own(tx, brand_place(w->c), &w->json, err);
}

static bool brand_put(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    if (!json_is_string(body_field(c, "logo")))
        return error_set(err, ERROR_INPUT, "the logo must be a data: address, or \"\"");
    if (!db_write(c->api->db, brand_set_in, &w, err)) {
        json_decref(w.json);
        return false;
    }
    call_json(c, w.json);
    return true;
}

const struct route link_routes[] = {
    {"POST", "/shares/door", NEED_PUBLIC, door_post, "ShareKey", "Door", ROUTE_READS,
     "what a link is, before a password: how it looks, and whether it asks for one", NULL},
    {"GET", "/shares/{share}/files", MAY_VIEW, files_get, NULL, "LinkFileList", ROUTE_SHARES,
     "the files of a link by path; ?offset=, limit", NULL},
    {"GET", "/shares/{share}/zip", MAY_DOWNLOAD, share_zip, NULL, "bytes", ROUTE_SHARES,
     "all of them as one archive; ranges; ?as= the archive that was begun", NULL},
    {"GET", "/projects/{project}/zip", MAY_DOWNLOAD, project_zip, NULL, "bytes", 0,
     "a folder (?folder=, an id or top) or assets (?assets=ID,ID) as one archive; ranges", NULL},
    {"GET", "/shares/{share}/uses", MAY_SHARE, uses_get, NULL, "LinkUse[]", 0,
     "what was done with a link, and by whom; newest first", NULL},
    {"GET", "/shares/{share}/drops", MAY_SHARE, drops_get, NULL, "Drop[]", 0,
     "what came by a request, with the answers", NULL},
    {"POST", "/shares/{share}/drops", NEED_VISITOR, drop_post, "NewDrop", "DropBegun", 0,
     "begins to send files by a request; the same key begins the same one", NULL},
    {"POST", "/shares/{share}/mail", MAY_SHARE, mail_post, "NewShareMail", "ShareMail", 0,
     "sends the link by mail; the words come back, to copy where there is no mail server", NULL},
    {"GET", "/transfers/{transfer}/receipt", MAY_UPLOAD, receipt_get, NULL, "TransferReceipt",
     ROUTE_REQUESTS, "what has arrived, with hashes; ?after=PATH for more", NULL},
    {"GET", "/assets/{asset}/came", MAY_VIEW, came_get, NULL, "AssetCame", 0,
     "by which request an asset came, and what was answered", NULL},
    {"GET", "/projects/{project}/brand", MAY_SHARE, brand_get, NULL, "Brand", 0,
     "how the project's links look; \"\" where they look like the house's", NULL},
    {"PUT", "/projects/{project}/brand", MAY_MANAGE, brand_put, "BrandChange", "Brand", 0,
     "makes them look so", NULL},
    {"GET", "/brand", NEED_ADMIN, brand_get, NULL, "Brand", 0, "how all links look", NULL},
    {"PUT", "/brand", NEED_ADMIN, brand_put, "BrandChange", "Brand", 0, "makes them look so", NULL},
};
const size_t link_route_count = sizeof(link_routes) / sizeof(link_routes[0]);
