#include "test.h"

#include "house/assets/assets.h"
#include "house/parcels/parcels.h"
#include "house/review/review.h"
#include "plat/clock.h"
#include "plat/files.h"

// Two houses with a project each. Files "arrive" as rows of a transfer: what moves bytes is a story's
// matter; here it is what becomes of a document.
#define TRANSFER "01J0000000000000000000TR01"
static struct side {
    char path[96], self[27];
    struct db *db;
    id project, asset, version;
} a, b;
static char folder[64];
static struct error err;
static const struct who anna = {.kind = WHO_PERSON, .person = "ANNA", .name = "Anna Berg"};
static const struct who bert = {.kind = WHO_PERSON, .person = "BERT", .name = "Bert"};

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s: %s", err.what, err.why);
}

static struct asset_file file_of(const char *name)
{
    return (struct asset_file){
        .name = name, .content = sha256_of(name, strlen(name)), .size = 10, .modified_ms = 5};
}

static bool furnish(struct db_tx *tx, void *context, struct error *e)
{
    struct side *s = context;
    s->project = id_new();
    return project_make(tx, s->project.text, "Film", "24/1", e) &&
           db_run(tx, e, "insert into people values ('ANNA', 'Anna Berg', 'a@x', null, 0, 0, 0)", "") &&
           db_run(tx, e, "insert into people values ('BERT', 'Bert', 'b@x', null, 0, 0, 0)", "") &&
           db_run(tx, e,
                  "insert into transfers (id, project, name, origin, state, person, created_ms, "
                  "active_ms, skipped) values (?1, ?2, 't', 'job', 'open', 'ANNA', 0, 0, 0)",
                  "ss", TRANSFER, s->project.text);
}

static void open_side(struct side *s, const char *name)
{
    snprintf(s->path, sizeof(s->path), "%s/%s", folder, name);
    s->db = db_open(&(struct db_wish){.path = s->path, .migrations = MIGRATIONS}, &err);
    must(s->db != NULL);
    must(db_write(s->db, furnish, s, &err));
    must(houses_self(s->db, s->self, &err));
}

struct act {
    struct side *s;
    const char *name, *text;
    const struct who *who;
    const char *parent, *asset;
    json_t *json, *parcel;
    unsigned may;
};

static bool make_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    struct asset_file f = file_of(k->name);
    struct asset_made made;
    struct asset_wish w = {.project = k->s->project.text,
                           .name = "reel.mov",
                           .kind = "clip",
                           .by = "ANNA",
                           .files = &f,
                           .file_count = 1};
    id deep;
    if (!folder_ensure(tx, k->s->project.text, NULL, "Day 1/Papers", &deep, e))
        return false;
    w.folder = deep.text;
    bool ok = k->asset ? version_add(tx, k->asset, &w, &made, e) : asset_add(tx, &w, &made, e);
    k->s->asset = made.asset;
    k->s->version = made.version;
    return ok;
}

static void make(struct side *s, const char *asset, const char *name)
{
    struct act k = {.s = s, .name = name, .asset = asset};
    must(db_write(s->db, make_in, &k, &err));
}

static bool say_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    json_t *wish = json_pack("{s:s, s:i, s:s, s:s*}", "version", k->s->version.text, "frame", 2,
                             "text", k->text, "parent", k->parent);
    bool ok = comment_add(tx, k->s->asset.text, k->who, wish, &k->json, e);
    json_decref(wish);
    return ok;
}

static const char *say(struct side *s, const struct who *who, const char *text, const char *parent)
{
    static char id[27];
    struct act k = {.s = s, .who = who, .text = text, .parent = parent};
    must(db_write(s->db, say_in, &k, &err));
    text_copy(text_of(json_string_value(json_object_get(k.json, "id"))), id, sizeof(id));
    json_decref(k.json);
    return id;
}

static bool pack_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    return parcel_pack(tx, k->s->self, k->name, k->s->asset.text, &k->json, e);
}

// As it goes over the line: text, read again.
static json_t *packed(struct side *s, const char *name)
{
    struct act k = {.s = s, .name = name};
    json_t *read = NULL;
    must(db_read(s->db, pack_in, &k, &err));
    char *text = json_dumps(k.json, JSON_COMPACT);
    must(parcel_read(text_of(text), &read, &err));
    free(text);
    json_decref(k.json);
    return read;
}

static bool arrive_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    size_t i, n;
    json_t *v, *f;
    bool ok = true;
    json_array_foreach(json_object_get(k->parcel, "versions"), i, v)
    {
        json_array_foreach(json_object_get(v, "files"), n, f)
        {
            char path[64];
            sha256 content;
            parcel_path(json_string_value(json_object_get(v, "thing")), (int64_t)n + 1, path);
            ok = ok &&
                 sha256_parse(text_of(json_string_value(json_object_get(f, "content"))), &content) &&
                 db_run(tx, e,
                        "insert into transfer_files (id, transfer, path, size, modified_ms, state, "
                        "content, created_ms, stored_ms) values (?1, ?2, ?3, 10, 0, 'stored', ?4, "
                        "0, 0) on conflict do nothing",
                        "sssb", id_new().text, TRANSFER, path, (const void *)content.at,
                        (size_t)SHA256_SIZE);
        }
    }
    return ok;
}

static bool take_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    struct parcel_wish w = {.self = k->s->self,
                            .project = k->s->project.text,
                            .transfer = TRANSFER,
                            .who = &bert,
                            .may = k->may,
                            .parcel = k->parcel,
                            .digest = parcel_digest(k->parcel, NULL)};
    return parcel_take(tx, &w, &k->json, e);
}

static json_t *take(struct side *s, json_t *parcel)
{
    struct act k = {.s = s, .parcel = parcel, .may = MAY_ALL};
    must(db_write(s->db, arrive_in, &k, &err));
    must(db_write(s->db, take_in, &k, &err));
    text_copy(text_of(json_string_value(json_object_get(k.json, "asset"))), s->asset.text, 27);
    return k.json;
}

static int64_t number(const json_t *j, const char *name)
{
    return json_integer_value(json_object_get(j, name));
}

// Sends what there is, and says what was new: versions, notes.
static void sends(struct side *from, struct side *to, int64_t versions, int64_t notes)
{
    json_t *parcel = packed(from, from == &a ? "House A" : "House B"), *taken = take(to, parcel), *v;
    int64_t made = 0;
    size_t i;
    json_array_foreach(json_object_get(taken, "versions"), i, v) made +=
        json_is_true(json_object_get(v, "made"));
    assert_int_equal(made, versions);
    assert_int_equal(number(taken, "notes"), notes);
    json_decref(taken);
    json_decref(parcel);
}

static bool list_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    return comment_list(tx, k->s->asset.text, NULL, &k->json, e);
}

static json_t *notes_of(struct side *s)
{
    struct act k = {.s = s};
    must(db_read(s->db, list_in, &k, &err));
    return k.json;
}

static const char *by_of(json_t *notes, size_t i)
{
    return json_string_value(json_object_get(json_array_get(notes, i), "by"));
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/posthouse-parcels-XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_side(&a, "a");
    open_side(&b, "b");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(a.db);
    db_close(b.db);
    return folder_remove(folder, &err) ? 0 : -1;
}

static void an_asset_goes_there_with_its_notes_and_comes_home_known(void **state)
{
    (void)state;
    make(&a, NULL, "one");
    char note[27];
    strcpy(note, say(&a, &anna, "too dark", NULL));
    say(&a, &anna, "really", note);
    sends(&a, &b, 1, 2);
    assert_string_equal(a.asset.text, b.asset.text);
    json_t *notes = notes_of(&b);
    assert_string_equal(by_of(notes, 0), "Anna Berg (at House A)");
    assert_string_equal(json_string_value(json_object_get(json_array_get(notes, 1), "parent")),
                        note);
    json_decref(notes);
    sends(&a, &b, 0, 0); // again is nothing
    sends(&b, &a, 0, 0); // and so is back
    notes = notes_of(&a);
    assert_int_equal(json_array_size(notes), 2);
    assert_string_equal(by_of(notes, 0), "Anna Berg");
    json_decref(notes);
}

static void what_both_houses_added_is_kept_at_both(void **state)
{
    (void)state;
    make(&a, NULL, "one");
    sends(&a, &b, 1, 0);
    make(&a, a.asset.text, "two");
    make(&b, b.asset.text, "deux");
    say(&b, &bert, "brighter", NULL);
    sends(&a, &b, 1, 0);
    sends(&b, &a, 1, 1);
    sends(&a, &b, 0, 0);
    sends(&b, &a, 0, 0);
    json_t *notes = notes_of(&a);
    assert_string_equal(by_of(notes, 0), "Bert (at House B)");
    json_decref(notes);
}

static void what_has_not_arrived_is_not_taken(void **state)
{
    (void)state;
    make(&a, NULL, "one");
    json_t *parcel = packed(&a, "House A");
    struct act k = {.s = &b, .parcel = parcel, .may = MAY_ALL};
    assert_false(db_write(b.db, take_in, &k, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    json_decref(parcel);
}

static void who_may_not_write_notes_brings_none(void **state)
{
    (void)state;
    make(&a, NULL, "one");
    say(&a, &anna, "too dark", NULL);
    json_t *parcel = packed(&a, "House A");
    struct act k = {.s = &b, .parcel = parcel, .may = MAY_VIEW | MAY_UPLOAD};
    must(db_write(b.db, arrive_in, &k, &err));
    assert_false(db_write(b.db, take_in, &k, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    json_decref(parcel);
}

static bool unseen_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *k = context;
    struct parcel_wish w = {.self = k->s->self, .project = k->s->project.text, .may = k->may};
    const json_t *asset = json_object_get(k->parcel, "asset");
    sha256 digest = parcel_digest(k->parcel, NULL);
    json_t *list = json_pack("[{s:O, s:O, s:s}]", "house", json_object_get(asset, "house"), "thing",
                             json_object_get(asset, "thing"), "document",
                             sha256_text(&digest).text);
    bool ok = parcel_unseen(tx, &w, list, &k->json, e);
    json_decref(list);
    return ok;
}

static bool unseen(struct side *s, json_t *parcel, unsigned may)
{
    struct act k = {.s = s, .parcel = parcel, .may = may};
    must(db_read(s->db, unseen_in, &k, &err));
    bool is = json_array_size(k.json) == 1;
    json_decref(k.json);
    return is;
}

static void a_document_is_known_until_it_changes_or_more_is_allowed(void **state)
{
    (void)state;
    make(&a, NULL, "one");
    json_t *parcel = packed(&a, "House A");
    assert_true(unseen(&b, parcel, MAY_ALL));
    json_decref(take(&b, parcel));
    assert_false(unseen(&b, parcel, MAY_ALL));
    assert_true(unseen(&b, parcel, MAY_VIEW | MAY_UPLOAD));
    json_decref(parcel);
    say(&a, &anna, "too dark", NULL);
    parcel = packed(&a, "House A");
    assert_true(unseen(&b, parcel, MAY_ALL));
    json_decref(take(&b, parcel));
    assert_false(unseen(&b, parcel, MAY_ALL));
    json_decref(parcel);
}

static void a_newer_document_is_refused_by_name(void **state)
{
    (void)state;
    json_t *read;
    assert_false(parcel_read(text_of("{\"format\": 2}"), &read, &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    assert_false(parcel_read(text_of("{\"format\": 1}"), &read, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_asset_goes_there_with_its_notes_and_comes_home_known,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_both_houses_added_is_kept_at_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_not_arrived_is_not_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_may_not_write_notes_brings_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_document_is_known_until_it_changes_or_more_is_allowed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_document_is_refused_by_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
