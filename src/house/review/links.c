#include "house/review/links.h"
#include "house/review/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 100 };

// ---- Files that go out

// Folders by their id: {"name", "parent"}; those that were shared themselves are roots.
struct tree {
    json_t *folders, *roots;
};

static bool tree_read(struct db_tx *tx, const struct link_files_wish *w, struct tree *t,
                      struct error *err)
{
    *t = (struct tree){json_object(), json_object()};
    struct db_rows *rows =
        db_query(tx, "select id, name, parent from folders where project = ?1", "s", w->project);
    while (db_next(rows))
        json_object_set_new(t->folders, db_text(rows, 0),
                            json_pack("{s:s, s:s}", "name", db_text(rows, 1), "parent",
                                      db_text(rows, 2)));
    if (!db_end(rows, err))
        return false;
    if (w->folder)
        json_object_set_new(t->roots, *w->folder ? w->folder : "/", json_true());
    rows = db_query(tx, "select folder from share_folders where share = ?1", "s",
                    w->share ? w->share : "");
    while (db_next(rows))
        json_object_set_new(t->roots, *db_text(rows, 0) ? db_text(rows, 0) : "/", json_true());
    return db_end(rows, err);
}

// "A001/clips/" below a root, the root's own name first; "" for what was shared by itself.
static const char *place_of(const struct tree *t, const char *folder, struct arena *a)
{
    const char *names[DEPTH];
    int depth = 0;
    bool rooted = false;
    while (*folder && depth < DEPTH && !rooted) {
        const json_t *f = json_object_get(t->folders, folder);
        if (!f)
            return "";
        names[depth++] = json_string_value(json_object_get(f, "name"));
        rooted = json_object_get(t->roots, folder) != NULL;
        folder = json_string_value(json_object_get(f, "parent"));
    }
    if (!rooted && !(*folder == 0 && json_object_get(t->roots, "/")))
        return "";
    char *path = arena_text(a, "");
    while (depth-- > 0)
        path = arena_format(a, "%s%s/", path, names[depth]);
    return path;
}

static const char *name_alone(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int by_path(const void *a, const void *b)
{
    const struct link_file *one = a, *other = b;
    int order = strcmp(one->path, other->path);
    order = order ? order : strcmp(one->asset, other->asset);
    return order ? order : one->number < other->number ? -1 : one->number > other->number;
}

struct reading {
    struct arena *a;
    const struct tree *tree;
    struct link_file *list;
    size_t count, room;
    char folder[27];
    const char *place;
};

static void row_into(struct reading *r, struct db_rows *rows)
{
    size_t size;
    if (r->count == r->room) {
        size_t room = r->room ? r->room * 2 : 1024;
        struct link_file *more = ARENA_ARRAY(r->a, struct link_file, room);
        if (r->count)
            memcpy(more, r->list, r->count * sizeof(*more));
        r->list = more;
        r->room = room;
    }
    if (!r->place || strcmp(r->folder, db_text(rows, 1)) != 0) {
        text_copy(text_of(db_text(rows, 1)), r->folder, sizeof(r->folder));
        r->place = place_of(r->tree, r->folder, r->a);
    }
    struct link_file *f = &r->list[r->count++];
    *f = (struct link_file){.asset = arena_text(r->a, db_text(rows, 0)),
                            .version = arena_text(r->a, db_text(rows, 2)),
                            .number = db_int(rows, 3),
                            .size = db_int(rows, 5),
                            .modified_ms = db_int(rows, 6) ? db_int(rows, 6) : db_int(rows, 8)};
    f->path = arena_format(r->a, "%s%s", r->place, name_alone(db_text(rows, 4)));
    const void *content = db_blob(rows, 7, &size);
    if (content && size == SHA256_SIZE)
        memcpy(f->content.at, content, SHA256_SIZE);
}

#define FILE_OF_ASSET                                                                              \
    "a.id, a.folder, v.id, f.number, f.name, f.size, f.modified_ms, f.content, v.created_ms from "
#define FILES_OF_ASSETS                                                                            \
    " join versions v on v.id = a.newest join version_files f on f.version = v.id where a.deleted " \
    "= 0 "
#define IN_ORDER " order by a.folder, a.id, f.number limit ?3"

static bool rows_into(struct reading *r, struct db_rows *rows, struct error *err)
{
    while (db_next(rows) && r->count <= LINK_FILES_MAX)
        row_into(r, rows);
    return db_end(rows, err);
}

bool link_files(struct db_tx *tx, const struct link_files_wish *w, struct arena *a,
                struct link_file **list, size_t *count, struct error *err)
{
    struct tree tree;
    struct reading r = {.a = a, .tree = &tree};
    int64_t most = LINK_FILES_MAX + 1;
    bool ok = tree_read(tx, w, &tree, err);
    if (ok && w->share)
        ok = rows_into(&r,
                       db_query(tx,
                                "select " FILE_OF_ASSET
                                "share_assets s join assets a on a.id = s.asset" FILES_OF_ASSETS
                                "and s.share = ?1 and a.project = ?2" IN_ORDER,
                                "ssi", w->share, w->project, most),
                       err);
    if (ok && w->folder)
        ok = rows_into(&r,
                       db_query(tx,
                                "with recursive tree (id) as (select ?1 union select d.id from "
                                "folders d join tree t on d.parent = t.id where d.project = ?2) "
                                "select " FILE_OF_ASSET
                                "tree t join assets a on a.folder = t.id" FILES_OF_ASSETS
                                "and a.project = ?2" IN_ORDER,
                                "ssi", w->folder, w->project, most),
                       err);
    for (size_t i = 0; ok && w->assets && w->assets[i]; i++)
        ok = rows_into(&r,
                       db_query(tx,
                                "select " FILE_OF_ASSET "assets a" FILES_OF_ASSETS
                                "and a.id = ?1 and a.project = ?2" IN_ORDER,
                                "ssi", w->assets[i], w->project, most),
                       err);
    json_decref(tree.folders);
    json_decref(tree.roots);
    if (!ok)
        return false;
    if (r.count > LINK_FILES_MAX) {
        error_set(err, ERROR_TOO_BIG, "this is too much for one link");
        error_why(err, "it has more than %s files", count_text(LINK_FILES_MAX).text);
        return error_fix(err, "share its folders one by one");
    }
    if (r.count)
        qsort(r.list, r.count, sizeof(*r.list), by_path);
    *list = r.list;
    *count = r.count;
    return true;
}

bool content_crc_get(struct db_tx *tx, const sha256 *content, int64_t *upto, uint32_t *crc,
                     struct error *err)
{
    *upto = 0;
    *crc = 0;
    struct db_rows *rows = db_query(tx, "select upto, crc from content_crcs where content = ?1",
                                    "b", content->at, (size_t)SHA256_SIZE);
    if (db_next(rows)) {
        *upto = db_int(rows, 0);
        *crc = (uint32_t)db_int(rows, 1);
    }
    return db_end(rows, err);
}

bool content_crc_set(struct db_tx *tx, const sha256 *content, int64_t upto, uint32_t crc,
                     struct error *err)
{
    return db_run(tx, err,
                  "insert into content_crcs values (?1, ?2, ?3) on conflict (content) do update "
                  "set upto = excluded.upto, crc = excluded.crc where excluded.upto > "
                  "content_crcs.upto",
                  "bii", content->at, (size_t)SHA256_SIZE, upto, (int64_t)crc);
}

// ---- Files that come in

static bool bad_wants(struct error *err, const char *why)
{
    error_set(err, ERROR_INPUT, "the request cannot be made");
    error_why(err, "%s", why);
    return error_fix(err, "choose again and send it once more");
}

static bool short_line(const char *t, size_t most)
{
    text x = text_of(t);
    bool good = text_trim(x).size && x.size <= most && text_utf8(x);
    for (size_t i = 0; i < x.size; i++)
        good = good && (unsigned char)x.at[i] >= ' ' && x.at[i] != 0x7f;
    return good;
}

static bool type_good(const char *type)
{
    size_t size = strlen(type);
    return size > 0 && size <= 16 && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789") == size;
}

bool request_wants_good(const json_t *wants, struct error *err)
{
    const json_t *fields = json_object_get(wants, "fields"), *types = json_object_get(wants, "types");
    if (!wants)
        return bad_wants(err, "it does not say what may come");
    if (json_integer_value(json_object_get(wants, "most_bytes")) < 0)
        return bad_wants(err, "the most that may come is below 0 bytes");
    if (json_array_size(types) > REQUEST_TYPES_MAX)
        return bad_wants(err, "it names more than 50 types of files");
    for (size_t i = 0; i < json_array_size(types); i++)
        if (!type_good(json_string_value(json_array_get(types, i))))
            return bad_wants(err, "a type is the end of a file's name in small letters, such as mov");
    if (json_array_size(fields) > REQUEST_FIELDS_MAX)
        return bad_wants(err, "it asks more than 20 things");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *f = json_array_get(fields, i), *choices = json_object_get(f, "choices");
        const char *kind = json_string_value(json_object_get(f, "kind"));
        const char *name = json_string_value(json_object_get(f, "name"));
        if (!short_line(name, 200))
            return bad_wants(err, "a question is empty, too long, or more than a line");
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, json_string_value(json_object_get(json_array_get(fields, k), "name"))) == 0)
                return bad_wants(err, "a question is asked twice");
        if (strcmp(kind, "choice") == 0 && (json_array_size(choices) < 1 ||
                                            json_array_size(choices) > REQUEST_CHOICES_MAX))
            return bad_wants(err, "a choice has 1 to 50 answers");
        for (size_t k = 0; k < json_array_size(choices); k++)
            if (!short_line(json_string_value(json_array_get(choices, k)), 200))
                return bad_wants(err, "an answer to choose is empty, too long, or more than a line");
    }
    return true;
}

static bool bad_answer(struct error *err, const char *name, const char *why)
{
    error_set(err, ERROR_INPUT, "the answer to \"%.100s\" cannot be used", name);
    error_why(err, "%s", why);
    return error_fix(err, "answer it and send once more");
}

static bool answer_good(const json_t *field, const json_t *answers, struct error *err)
{
    const char *name = json_string_value(json_object_get(field, "name"));
    const json_t *given = json_object_get(answers, name), *choices = json_object_get(field, "choices");
    const char *answer = json_string_value(given);
    if (given && !json_is_null(given) && !answer)
        return bad_answer(err, name, "it is not a text");
    if (!answer || !text_trim(text_of(answer)).size)
        return !json_is_true(json_object_get(field, "required")) ||
               bad_answer(err, name, "it is missing, and has to be given");
    if (strlen(answer) > REQUEST_ANSWER_MAX)
        return bad_answer(err, name, "it is longer than 2,000 bytes");
    if (strcmp(json_string_value(json_object_get(field, "kind")), "choice") != 0)
        return true;
    for (size_t i = 0; i < json_array_size(choices); i++)
        if (strcmp(answer, json_string_value(json_array_get(choices, i))) == 0)
            return true;
    return bad_answer(err, name, "it is none of the choices");
}

bool request_answers_good(struct db_tx *tx, const char *share, const json_t *answers,
                          struct error *err)
{
    json_t *wants = NULL;
    struct db_rows *rows = db_query(tx, "select wants from shares where id = ?1", "s", share);
    if (db_next(rows) && db_text(rows, 0))
        wants = json_loads(db_text(rows, 0), 0, NULL);
    bool ok = db_end(rows, err);
    const json_t *fields = json_object_get(wants, "fields");
    for (size_t i = 0; ok && i < json_array_size(fields); i++)
        ok = answer_good(json_array_get(fields, i), answers, err);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)answers, name, value) {
        bool asked = false;
        for (size_t i = 0; i < json_array_size(fields); i++)
            asked |= strcmp(name, json_string_value(json_object_get(json_array_get(fields, i), "name"))) == 0;
        if (ok && !asked)
            ok = bad_answer(err, name, "this was not asked");
    }
    json_decref(wants);
    return ok;
}

bool request_place(struct db_tx *tx, const char *share, struct arena *a,
                   struct request_place *place, struct error *err)
{
    const char *kind = NULL;
    *place = (struct request_place){0};
    struct db_rows *rows = db_query(tx,
                                    "select s.project, s.wants, s.person, s.title, p.email, s.kind "
                                    "from shares s left join people p on p.id = s.person and "
                                    "p.disabled = 0 where s.id = ?1",
                                    "s", share);
    if (db_next(rows)) {
        json_t *wants = db_text(rows, 1) ? json_loads(db_text(rows, 1), 0, NULL) : NULL;
        const char *folder = json_string_value(json_object_get(wants, "folder"));
        *place = (struct request_place){.project = arena_text(a, db_text(rows, 0)),
                                        .folder = folder && *folder ? arena_text(a, folder) : NULL,
                                        .person = arena_text(a, db_text(rows, 2)),
                                        .title = arena_text(a, db_text(rows, 3)),
                                        .email = arena_text(a, db_text(rows, 4))};
        kind = arena_text(a, db_text(rows, 5));
        json_decref(wants);
    }
    if (!db_end(rows, err))
        return false;
    if (kind && strcmp(kind, "request") == 0)
        return true;
    error_set(err, ERROR_NOT_FOUND, "this link takes no files");
    return error_fix(err, "ask whoever sent it for another one");
}

bool request_drops(struct db_tx *tx, const char *share, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select t.id, t.name, t.state, t.created_ms, t.answers, coalesce(s.visitor, ''), "
        "count(f.id), coalesce(sum(case when f.state = 'stored' then 1 else 0 end), 0), "
        "coalesce(sum(case when f.state = 'stored' then f.size else 0 end), 0) from transfers t "
        "left join sessions s on s.id = t.session left join transfer_files f on f.transfer = t.id "
        "where t.share = ?1 group by t.id, t.name, t.state, t.created_ms, t.answers, s.visitor "
        "order by t.created_ms desc, t.id desc limit 1000",
        "s", share);
    while (db_next(rows)) {
        json_t *answers = db_text(rows, 4) ? json_loads(db_text(rows, 4), 0, NULL) : NULL;
        json_array_append_new(
            *list, json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:I, s:I, s:I}", "transfer",
                             db_text(rows, 0), "name", db_text(rows, 1), "state", db_text(rows, 2),
                             "created", time_or_null(db_int(rows, 3)), "answers",
                             answers ? answers : json_object(), "by", db_text(rows, 5), "files",
                             (json_int_t)db_int(rows, 6), "files_done", (json_int_t)db_int(rows, 7),
                             "bytes_done", (json_int_t)db_int(rows, 8)));
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool asset_came(struct db_tx *tx, const char *asset, json_t **came, struct error *err)
{
    *came = NULL;
    struct db_rows *rows = db_query(
        tx,
        "select s.id, s.title, t.id, t.answers, coalesce(v.visitor, ''), t.created_ms from "
        "transfer_files f join transfers t on t.id = f.transfer join shares s on s.id = t.share "
        "left join sessions v on v.id = t.session where f.asset = ?1 order by f.id desc limit 1",
        "s", asset);
    if (db_next(rows)) {
        json_t *answers = db_text(rows, 3) ? json_loads(db_text(rows, 3), 0, NULL) : NULL;
        *came = json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "share", db_text(rows, 0), "title",
                          db_text(rows, 1), "transfer", db_text(rows, 2), "answers",
                          answers ? answers : json_object(), "by", db_text(rows, 4), "created",
                          time_or_null(db_int(rows, 5)));
    }
    return db_end(rows, err);
}

// ---- Who used it

bool link_use_add(struct db_tx *tx, const struct link_use *use, bool *fresh, struct error *err)
{
    id own = id_new();
    bool ok = db_run(tx, err,
                     "insert into share_uses values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on "
                     "conflict (id) do nothing",
                     "ssisssssi", use->id ? use->id : own.text, use->share, clock_now_ms(),
                     use->session ? use->session : "", use->name ? use->name : "",
                     use->address ? use->address : "", use->act, use->detail ? use->detail : "",
                     use->bytes);
    if (fresh)
        *fresh = ok && db_changed(tx) > 0;
    return ok;
}

bool link_uses(struct db_tx *tx, const char *share, int64_t limit, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(tx,
                                    "select at_ms, name, address, act, detail, bytes, session from "
                                    "share_uses where share = ?1 order by at_ms desc, id desc limit "
                                    "?2",
                                    "si", share, limit);
    while (db_next(rows))
        json_array_append_new(
            *list, json_pack("{s:o, s:s, s:s, s:s, s:s, s:I, s:s}", "at",
                             time_or_null(db_int(rows, 0)), "name", db_text(rows, 1), "address",
                             db_text(rows, 2), "act", db_text(rows, 3), "detail", db_text(rows, 4),
                             "bytes", (json_int_t)db_int(rows, 5), "visit", db_text(rows, 6)));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- How it looks

bool brand_own(struct db_tx *tx, const char *project, json_t **brand, struct error *err)
{
    *brand = NULL;
    struct db_rows *rows = db_query(
        tx, "select name, colour, message, logo from brands where project = ?1", "s", project);
    if (db_next(rows))
        *brand = json_pack("{s:s, s:s, s:s, s:s}", "name", db_text(rows, 0), "colour",
                           db_text(rows, 1), "message", db_text(rows, 2), "logo", db_text(rows, 3));
    if (!db_end(rows, err)) {
        json_decref(*brand), *brand = NULL;
        return false;
    }
    if (!*brand)
        *brand = json_pack("{s:s, s:s, s:s, s:s}", "name", "", "colour", "", "message", "", "logo",
                           "");
    return true;
}

// Each part that a project does not say is the house's.
bool brand_of(struct db_tx *tx, const char *project, json_t **brand, struct error *err)
{
    json_t *house = NULL;
    if (!brand_own(tx, project, brand, err))
        return false;
    if (!brand_own(tx, "", &house, err)) {
        json_decref(*brand), *brand = NULL;
        return false;
    }
    const char *name;
    json_t *value;
    json_object_foreach(house, name, value) {
        if (!*json_string_value(json_object_get(*brand, name)))
            json_object_set(*brand, name, value);
    }
    json_decref(house);
    return true;
}

static bool colour_good(const char *colour)
{
    return !*colour || (strlen(colour) == 7 && *colour == '#' &&
                        strspn(colour + 1, "0123456789abcdefABCDEF") == 6);
}

static bool logo_good(const char *logo)
{
    static const char *const kinds[] = {"data:image/png;base64,", "data:image/jpeg;base64,",
                                        "data:image/webp;base64,", "data:image/gif;base64,"};
    if (!*logo)
        return true;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t size = strlen(kinds[i]);
        if (strncmp(logo, kinds[i], size) == 0)
            return strlen(logo) < BRAND_LOGO_MAX &&
                   logo[size + strspn(logo + size, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                   "0123456789+/=")] == 0;
    }
    return false;
}

bool brand_set(struct db_tx *tx, const char *project, const json_t *brand, struct error *err)
{
    const char *name = json_string_value(json_object_get(brand, "name"));
    const char *colour = json_string_value(json_object_get(brand, "colour"));
    const char *message = json_string_value(json_object_get(brand, "message"));
    const char *logo = json_string_value(json_object_get(brand, "logo"));
    const char *why = *name && !short_line(name, 200)      ? "its name is longer than a line"
                      : !colour_good(colour)               ? "its colour is not like #1a6fd0"
                      : strlen(message) > 2000             ? "its message is longer than 2,000 bytes"
                      : !logo_good(logo) ? "its logo is not a PNG, JPEG, WebP or GIF under 200 KB"
                                         : NULL;
    if (why) {
        error_set(err, ERROR_INPUT, "links cannot look like this");
        error_why(err, "%s", why);
        return error_fix(err, "choose again and send it once more");
    }
    return db_run(tx, err,
                  "insert into brands values (?1, ?2, ?3, ?4, ?5) on conflict (project) do update "
                  "set name = excluded.name, colour = excluded.colour, message = "
                  "excluded.message, logo = excluded.logo",
                  "sssss", project, name, colour, message, logo);
}
