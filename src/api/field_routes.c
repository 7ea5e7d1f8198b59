// What people add to assets: fields, values, tables in and out, saved searches, takes.
#include "api/inside.h"
#include "house/fields/fields.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 2000 << 20, EXPORT_BYTES = 256 << 20, EXPORT_MOST = 500000 };

struct asking {
    struct call *c;
    json_t *json;
    int64_t number;
    struct arena *a;              // of undo
    const struct undo_plan *undo; // read before it is done
};

static void fresh(struct asking *q)
{
    json_decref(q->json);
    q->json = NULL;
}

static bool run(struct call *c, bool writing, bool (*work)(struct db_tx *, void *, struct error *),
                struct error *err)
{
    struct asking q = {.c = c};
    struct db *db = c->api->db;
    if (!(writing ? db_write(db, work, &q, err) : db_read(db, work, &q, err))) {
        json_decref(q.json);
        return false;
    }
    if (q.json)
        call_json(c, q.json);
    else
        call_status(c, 200);
    return true;
}

static struct teller teller_of(const struct call *c)
{
    return (struct teller){"person", c->who.person, c->who.name ? c->who.name : ""};
}

// ---- fields

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return fields_list(tx, q->c->project, &q->json, err);
}

static bool fields_get(struct call *c, struct error *err)
{
    return run(c, false, list_in, err);
}

static bool add_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    fresh(q);
    return fields_ensure(tx, c->project, err) &&
           field_add(tx, c->project, body_text(c, "name"), body_text(c, "type"),
                     body_field(c, "choices"), &q->number, err) &&
           call_audit(c, tx, "field.add", c->project, body_text(c, "name"), err) &&
           list_in(tx, q, err);
}

static bool fields_post(struct call *c, struct error *err)
{
    if (!run(c, true, add_in, err))
        return false;
    call_status(c, 201);
    return true;
}

static bool change_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    fresh(q);
    return field_change(tx, c->project, c->number, body_text(c, "name"), body_field(c, "choices"),
                        body_int(c, "position", -1), err) &&
           list_in(tx, q, err);
}

static bool fields_patch(struct call *c, struct error *err)
{
    return run(c, true, change_in, err);
}

static bool remove_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    fresh(q);
    return field_remove(tx, c->project, c->number, err) &&
           call_audit(c, tx, "field.remove", c->project,
                      arena_format(c->arena, "f%lld", (long long)c->number), err) &&
           list_in(tx, q, err);
}

static bool fields_delete(struct call *c, struct error *err)
{
    return run(c, true, remove_in, err);
}

// ---- values

static bool values_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return values_of(tx, q->c->asset, &q->json, err);
}

// Visitors of a link see media, not what the house keeps about it.
static bool values_get(struct call *c, struct error *err)
{
    return c->who.kind == WHO_SHARE ? call_denied(c, MAY_EDIT, err) : run(c, false, values_in, err);
}

static bool set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    struct teller by = teller_of(c);
    fresh(q);
    return values_bulk(tx, c->project, &by, body_field(c, "assets"), body_field(c, "set"), &q->json,
                       err) &&
           call_audit(c, tx, "values.set", c->project,
                      json_string_value(json_object_get(q->json, "title")), err);
}

static bool values_post(struct call *c, struct error *err)
{
    return run(c, true, set_in, err);
}

static bool changes_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return changes_list(tx, q->c->project, &q->json, err);
}

static bool changes_get(struct call *c, struct error *err)
{
    return run(c, false, changes_in, err);
}

static bool undo_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    struct teller by = teller_of(c);
    fresh(q);
    return change_undo(tx, c->project, c->number, q->undo, &by, &q->json, err) &&
           call_audit(c, tx, "values.undo", c->project,
                      json_string_value(json_object_get(q->json, "title")), err);
}

static bool undo_look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return change_undo_look(tx, q->c->project, q->c->number, q->a, &q->undo, err);
}

static bool undo_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c, .a = arena_open(ARENA_BYTES)};
    bool ok = db_read(c->api->db, undo_look_in, &q, err) && db_write(c->api->db, undo_in, &q, err);
    if (ok)
        call_json(c, json_incref(q.json));
    fresh(&q);
    arena_close(q.a);
    runs_wake(c->api->inside->runs);
    return ok;
}

static bool change_one_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return change_get(tx, q->c->project, q->c->number, &q->json, err);
}

static bool change_one(struct call *c, struct error *err)
{
    return run(c, false, change_one_in, err);
}

// ---- a condition of a query

bool where_of(struct call *c, json_t **where, struct error *err)
{
    const char *written = call_query(c, "where");
    *where = NULL;
    if (!written)
        return true;
    *where = json_read(text_of(written), err);
    if (*where && json_is_object(*where))
        return true;
    json_decref(*where);
    *where = NULL;
    error_set(err, ERROR_INPUT, "this filter cannot be used");
    error_why(err, "where= is no JSON object");
    return error_fix(err, "docs/formats/fields.md says what a condition looks like");
}

// ---- tables

struct body {
    struct buf bytes;
};

static bool body_begin(struct call *c, struct error *err)
{
    struct body *b = c->own = ARENA_NEW(c->arena, struct body);
    b->bytes = (struct buf)BUF_LIMIT(TABLE_BYTES);
    (void)err;
    return true;
}

static bool body_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct body *b = c->own;
    return buf_add(&b->bytes, at, size) ||
           error_set(err, ERROR_TOO_BIG, "a table has at most %s", size_text(TABLE_BYTES).text);
}

static void body_done(struct call *c)
{
    struct body *b = c->own;
    buf_free(&b->bytes);
}

static const struct stream_calls table_stream = {
    .limit = TABLE_BYTES, .begin = body_begin, .piece = body_piece, .done = body_done};

static bool json_of(struct call *c, const char *name, json_t **json, struct error *err)
{
    const char *written = call_query(c, name);
    *json = written ? json_read(text_of(written), err) : NULL;
    return !written || *json != NULL;
}

static bool flag_of(struct call *c, const char *name)
{
    const char *value = call_query(c, name);
    return value && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

static bool audit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return call_audit(q->c, tx, "values.import", q->c->project, call_query(q->c, "name"), err);
}

static bool table_post(struct call *c, struct error *err)
{
    struct body *b = c->own;
    const char *name = call_query(c, "name"), *mark = call_query(c, "mark");
    struct teller by = {"import", c->who.person, c->who.name ? c->who.name : ""};
    json_t *columns = NULL, *choose = NULL, *answer = NULL;
    struct import_wish wish = {.project = c->project,
                               .name = name ? name : "a table",
                               .bytes = {b->bytes.at ? b->bytes.at : "", b->bytes.size},
                               .table = {.mark = mark ? (strcmp(mark, "tab") ? *mark : '\t') : 0,
                                         .headless = flag_of(c, "headless")},
                               .make = flag_of(c, "make"),
                               .blanks = flag_of(c, "blanks"),
                               .plan = call_query(c, "plan")};
    if (strlen(wish.name) > 255)
        return error_set(err, ERROR_INPUT, "the name of the table is too long");
    struct arena *a = arena_open(ARENA_BYTES);
    bool ok = json_of(c, "columns", &columns, err) && json_of(c, "choose", &choose, err);
    wish.columns = columns;
    wish.choose = choose;
    ok = ok && fields_import(c->api->db, c->api->inside->shelves, &wish, &by, a, &answer, err);
    runs_wake(c->api->inside->runs);
    if (ok && wish.plan) {
        struct asking q = {.c = c};
        ok = db_write(c->api->db, audit_in, &q, err);
    }
    if (ok)
        call_json(c, json_incref(answer));
    json_decref(answer);
    json_decref(columns);
    json_decref(choose);
    arena_close(a);
    return ok;
}

static bool table_out(struct call *c, struct error *err)
{
    struct find_wish find = {.project = c->project,
                             .folder = body_text(c, "folder"),
                             .kind = body_text(c, "kind"),
                             .search = body_text(c, "q"),
                             .sort = body_text(c, "sort"),
                             .where = body_field(c, "where"),
                             .descending = body_bool(c, "descending", false),
                             .limit = EXPORT_MOST};
    struct export_wish wish = {.project = c->project,
                               .format = body_text(c, "format"),
                               .assets = body_field(c, "assets"),
                               .find = &find};
    struct arena *a = arena_open(ARENA_BYTES);
    struct buf to = BUF_LIMIT(EXPORT_BYTES);
    size_t count = 0, changed = 0;
    bool ok =
        fields_export(c->api->db, c->api->inside->shelves, &wish, a, &to, &count, &changed, err);
    if (ok) {
        bool ale = strcmp(wish.format, "ale") == 0;
        call_header_set(c, "Posthouse-Table",
                        arena_format(c->arena, "rows=%zu, changed=%zu", count, changed));
        call_bytes(c, ale ? "text/plain; charset=utf-8" : "text/csv; charset=utf-8",
                   arena_copy(c->arena, to.at ? to.at : "", to.size), to.size);
        call_saved_as(c, ale ? "assets.ale" : "assets.csv");
    }
    buf_free(&to);
    arena_close(a);
    return ok;
}

// ---- saved searches

static bool searches_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return searches_list(tx, q->c->project, q->c->who.person, &q->json, err);
}

// With how many each finds now.
static bool counted(struct asking *q, struct error *err)
{
    size_t count = json_array_size(q->json);
    const json_t **wheres = ARENA_ARRAY(q->c->arena, const json_t *, count + 1);
    int64_t *totals = ARENA_ARRAY(q->c->arena, int64_t, count + 1);
    for (size_t i = 0; i < count; i++)
        wheres[i] = json_object_get(json_object_get(json_array_get(q->json, i), "query"), "where");
    if (!shelves_count(q->c->api->inside->shelves, q->c->project, wheres, count, totals, err))
        return false;
    for (size_t i = 0; i < count; i++)
        json_object_set_new(json_array_get(q->json, i), "count", json_integer(totals[i]));
    return true;
}

static bool searches_answer(struct asking *q, bool done, struct error *err)
{
    if (done && counted(q, err)) {
        call_json(q->c, q->json);
        return true;
    }
    json_decref(q->json);
    return false;
}

static bool searches_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return searches_answer(&q, db_read(c->api->db, searches_in, &q, err), err);
}

static bool search_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    bool shared = body_bool(c, "shared", false);
    if (shared && !(c->may & MAY_EDIT))
        return call_denied(c, MAY_EDIT, err);
    return search_save(tx, c->project, c->who.person, body_text(c, "name"), body_field(c, "query"),
                       shared, &q->number, err) &&
           searches_in(tx, q, err);
}

static bool searches_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return searches_answer(&q, db_write(c->api->db, search_in, &q, err), err);
}

static bool forget_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    return search_remove(tx, c->project, c->who.person, c->number, c->may & MAY_MANAGE, err) &&
           searches_in(tx, q, err);
}

static bool searches_delete(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return searches_answer(&q, db_write(c->api->db, forget_in, &q, err), err);
}

// ---- takes

static bool take_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    json_t *assets = body_field(c, "assets");
    if (json_array_size(assets) != 2) {
        error_set(err, ERROR_INPUT, "a take by hand is of two");
        return error_fix(err, "choose a sound and a clip");
    }
    return take_say(tx, c->project, json_string_value(json_array_get(assets, 0)),
                    json_string_value(json_array_get(assets, 1)), body_bool(c, "together", true),
                    c->who.name ? c->who.name : "", err);
}

static bool takes_post(struct call *c, struct error *err)
{
    return run(c, true, take_in, err);
}

#define P "/projects/{project}"
const struct route field_routes[] = {
    {"GET", P "/fields", MAY_VIEW, fields_get, NULL, "Field[]", 0, "its fields, in their order",
     NULL},
    {"POST", P "/fields", MAY_EDIT, fields_post, "NewField", "Field[]", 0, "adds a field", NULL},
    {"PATCH", P "/fields/{number}", MAY_EDIT, fields_patch, "FieldChange", "Field[]", 0,
     "another name, place or choices", NULL},
    {"DELETE", P "/fields/{number}", MAY_EDIT, fields_delete, NULL, "Field[]", 0,
     "removes a field; what was said in it stays in the history", NULL},
    {"POST", P "/values", MAY_EDIT, values_post, "NewValues", "ValueChange", 0,
     "sets values of many assets, as one step", NULL},
    {"GET", "/assets/{asset}/values", MAY_VIEW, values_get, NULL, "FieldValue[]", 0,
     "its values, each with its source and history", NULL},
    {"GET", P "/value-changes", MAY_VIEW, changes_get, NULL, "ValueChange[]", 0,
     "what was set together, newest first; at most 200", NULL},
    {"GET", P "/value-changes/{number}", MAY_VIEW, change_one, NULL, "ValueChange", 0,
     "one of them: how far it is, when it is set in slices", NULL},
    {"POST", P "/value-changes/{number}/undo", MAY_EDIT, undo_post, NULL, "ValueChange", 0,
     "puts back what was before, as one step", NULL},
    {"POST", P "/table", MAY_EDIT, table_post, NULL, "FieldImport", ROUTE_STREAM,
     "what a CSV or ALE (the body; ?name=, columns, choose, make, blanks, mark, headless) would "
     "change; with ?plan= of that answer it is done",
     &table_stream},
    {"POST", P "/table/export", MAY_VIEW, table_out, "TableWish", "bytes", ROUTE_READS,
     "assets with their fields as CSV or ALE", NULL},
    {"GET", P "/searches", MAY_VIEW, searches_get, NULL, "SavedSearch[]", 0,
     "saved searches of the project and one's own", NULL},
    {"POST", P "/searches", MAY_VIEW, searches_post, "NewSavedSearch", "SavedSearch[]", 0,
     "saves one; the same name again changes it", NULL},
    {"DELETE", P "/searches/{number}", MAY_VIEW, searches_delete, NULL, "SavedSearch[]", 0,
     "removes one", NULL},
    {"POST", P "/takes", MAY_EDIT, takes_post, "NewTake", NULL, 0,
     "says that a sound and a picture belong together, or do not", NULL},
};
const size_t field_route_count = sizeof(field_routes) / sizeof(field_routes[0]);
