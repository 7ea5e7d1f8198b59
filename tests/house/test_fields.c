#include "test.h"

#include "house/assets/assets.h"
#include "house/fields/fields.h"
#include "plat/files.h"

// A house with one project of a few clips and sounds, at 25 frames a second.
static struct {
    char folder[64], path[96];
    struct db *db;
    struct shelves *shelves;
    struct arena *a;
    id project, clips[6];
} house;
static struct error err;
static const struct teller maya = {"person", NULL, "Maya"};

#define HOLDS(is)                                                                                  \
    do {                                                                                           \
        if (!(is))                                                                                 \
            fail_msg("%s: %s; %s", #is, err.what, err.why);                                        \
    } while (0)

// A, B and C are clips that begin at 10:00:00:00, 10:10:00:00 and 10:20:00:00 and last a minute;
// S1 is sound over the end of A, S2 over nothing.
static const struct {
    const char *name, *kind;
    int64_t start, frames;
    const char *scene, *take;
} made[] = {{"A001C001.mov", "clip", 900000, 1500, NULL, NULL},
            {"A001C002.mov", "clip", 915000, 1500, NULL, NULL},
            {"B001C002.mov", "clip", 930000, 1500, NULL, NULL},
            {"T001.wav", "sound", 901250, 5000, "24A", "1"},
            {"T002.wav", "sound", 990000, 5000, "24A", "2"}};
enum { MADE = sizeof(made) / sizeof(made[0]) };

static json_t *facts_of(size_t i)
{
    bool sound = strcmp(made[i].kind, "sound") == 0;
    json_t *f = json_pack("{s:s, s:s, s:I, s:{s:I, s:i, s:b}}", "kind", made[i].kind, "rate",
                          sound ? "48000/1" : "25/1", "duration_frames",
                          (json_int_t)(sound ? made[i].frames * 1920 : made[i].frames), "timecode",
                          "start_frame", (json_int_t)made[i].start, "base", 25, "drop", 0);
    char reference[32];
    snprintf(reference, sizeof(reference), "%lld", (long long)made[i].start * 1920);
    if (sound) {
        json_object_set_new(f, "audio",
                            json_pack("[{s:s, s:i, s:i}]", "codec", "pcm_s24le", "sample_rate",
                                      48000, "channels", 2));
        json_object_set_new(f, "tags", json_pack("{s:s}", "time_reference", reference));
        json_object_set_new(f, "metadata",
                            json_pack("[{s:s, s:s}, {s:s, s:s}]", "at", "ixml/SCENE", "value",
                                      made[i].scene, "at", "ixml/TAKE", "value", made[i].take));
    } else {
        json_object_set_new(f, "video",
                            json_pack("[{s:s, s:i, s:i}]", "codec", "prores", "display_width", 1920,
                                      "display_height", 1080));
    }
    return f;
}

static bool furnish(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    house.project = id_new();
    if (!project_make(tx, house.project.text, "The Long Shore", "25", e) ||
        !fields_ensure(tx, house.project.text, e))
        return false;
    for (size_t i = 0; i < MADE; i++) {
        struct asset_file file = {.name = made[i].name,
                                  .content = sha256_of(made[i].name, strlen(made[i].name)),
                                  .size = 10 + (int64_t)i};
        struct asset_wish wish = {.project = house.project.text,
                                  .name = made[i].name,
                                  .kind = made[i].kind,
                                  .by = "MAYA",
                                  .files = &file,
                                  .file_count = 1};
        struct asset_made done;
        json_t *facts = facts_of(i);
        bool ok = asset_add(tx, &wish, &done, e) &&
                  version_facts_set(tx, done.version.text, facts, e) &&
                  values_of_file(tx, done.asset.text, e);
        json_decref(facts);
        if (!ok)
            return false;
        house.clips[i] = done.asset;
    }
    return true;
}

static int open_house(void **state)
{
    (void)state;
    strcpy(house.folder, "/tmp/posthouse-test-XXXXXX");
    assert_non_null(mkdtemp(house.folder));
    snprintf(house.path, sizeof(house.path), "%s/state.db", house.folder);
    HOLDS((house.db = db_open(
               &(struct db_wish){.path = house.path, .migrations = getenv("MIGRATIONS")}, &err)));
    HOLDS(db_write(house.db, furnish, NULL, &err));
    house.shelves = shelves_open(house.db);
    house.a = arena_open((size_t)1 << 30);
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    shelves_close(house.shelves);
    db_close(house.db);
    arena_close(house.a);
    return folder_remove(house.folder, &err) ? 0 : -1;
}

// ---- acting

struct act {
    json_t *assets, *set, *answer;
    int64_t number;
    const char *asset, *other;
    bool together;
};

static bool set_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *act = context;
    return values_bulk(tx, house.project.text, &maya, act->assets, act->set, &act->answer, e);
}

// Sets a field of some clips, by their first letters "012"; the change's number.
static int64_t set(const char *which, const char *field, const char *value)
{
    struct act act = {.assets = json_array(),
                      .set = json_pack("[{s:s, s:s}]", "field", field, "value", value)};
    for (const char *c = which; *c; c++)
        json_array_append_new(act.assets, json_string(house.clips[*c - '0'].text));
    bool ok = db_write(house.db, set_in, &act, &err);
    int64_t number = ok ? json_integer_value(json_object_get(act.answer, "number")) : -1;
    json_decref(act.assets);
    json_decref(act.set);
    json_decref(act.answer);
    return number;
}

static bool undo_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *act = context;
    return change_undo(tx, house.project.text, act->number, &maya, &act->answer, e);
}

static bool undo(int64_t number, int64_t *count, int64_t *left)
{
    struct act act = {.number = number};
    if (!db_write(house.db, undo_in, &act, &err))
        return false;
    *count = json_integer_value(json_object_get(act.answer, "count"));
    *left = json_integer_value(json_object_get(act.answer, "left"));
    json_decref(act.answer);
    return true;
}

// Names of what a condition finds, in an order, with spaces between.
static const char *find(const char *where, const char *sort, bool descending)
{
    json_t *condition = where ? json_loads(where, 0, NULL) : NULL;
    struct find_wish wish = {.project = house.project.text,
                             .where = condition,
                             .sort = sort,
                             .descending = descending,
                             .limit = 100};
    struct found found;
    struct buf out = BUF_LIMIT(1000);
    HOLDS(shelves_find(house.shelves, &wish, house.a, &found, &err));
    json_decref(condition);
    for (size_t i = 0; i < found.count; i++)
        for (size_t k = 0; k < MADE; k++)
            if (strcmp(found.ids[i], house.clips[k].text) == 0)
                buf_format(&out, "%s%zu", out.size ? " " : "", k);
    const char *names = arena_copy(house.a, out.at ? out.at : "", out.size);
    buf_free(&out);
    return names;
}

static bool values_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *act = context;
    return values_of(tx, act->asset, &act->answer, e);
}

static bool file_in(struct db_tx *tx, void *context, struct error *e)
{
    return values_of_file(tx, ((struct act *)context)->asset, e);
}

// ---- what holds

static void values_know_who_said_them_and_what_was_before(void **state)
{
    (void)state;
    assert_int_not_equal(set("0", "f1", "24A"), -1);
    assert_int_not_equal(set("0", "f1", "25"), -1);
    struct act act = {.asset = house.clips[0].text};
    HOLDS(db_read(house.db, values_in, &act, &err));
    json_t *one = json_array_get(act.answer, 0), *history = json_object_get(one, "history");
    assert_string_equal(json_string_value(json_object_get(one, "value")), "25");
    assert_int_equal(json_array_size(history), 2);
    json_t *before = json_array_get(history, 1);
    assert_string_equal(json_string_value(json_object_get(before, "value")), "24A");
    assert_string_equal(json_string_value(json_object_get(before, "by")), "Maya");
    json_decref(act.answer);
}

static void a_file_says_its_slate_but_never_over_a_person(void **state)
{
    (void)state;
    struct act act = {.asset = house.clips[3].text};
    assert_string_equal(find("{\"of\":\"f1\",\"is\":\"equals\",\"value\":\"24a\"}", "name", false),
                        "3 4");
    assert_int_not_equal(set("3", "f1", "99"), -1);
    HOLDS(db_write(house.db, file_in, &act, &err));
    assert_string_equal(find("{\"of\":\"f1\",\"is\":\"equals\",\"value\":\"99\"}", "name", false),
                        "3");
}

static void undoing_puts_back_what_was_and_leaves_what_came_since(void **state)
{
    (void)state;
    int64_t count, left, first = set("012", "f2", "7");
    assert_int_not_equal(set("1", "f2", "8"), -1);
    HOLDS(undo(first, &count, &left));
    assert_int_equal(count, 2);
    assert_int_equal(left, 1);
    assert_string_equal(find("{\"of\":\"f2\",\"is\":\"equals\",\"value\":\"8\"}", "name", false),
                        "1");
    assert_string_equal(find("{\"of\":\"f2\",\"is\":\"equals\",\"value\":\"7\"}", "name", false),
                        "");
    assert_false(undo(first, &count, &left));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void values_of_another_type_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum field_type type;
        const char *said, *kept;
    } cases[] = {{FIELD_NUMBER, "1,50", "1.5"},
                 {FIELD_NUMBER, "1.2.3", NULL},
                 {FIELD_DATE, "24.11.2026", "2026-11-24"},
                 {FIELD_DATE, "11/24/2026", NULL},
                 {FIELD_DATE, "2026-02-29", NULL},
                 {FIELD_DATE, "20260224", "2026-02-24"},
                 {FIELD_YESNO, "TRUE", "yes"},
                 {FIELD_YESNO, "maybe", NULL},
                 {FIELD_TIMECODE, "01:00:00;12", "01:00:00;12"},
                 {FIELD_TIMECODE, "1:00", NULL},
                 {FIELD_TEXT, "  a b ", "a b"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct field f = {.type = cases[i].type};
        const char *value, *why;
        double at;
        bool ok = field_value(&f, cases[i].said, house.a, &value, &at, &why);
        assert_int_equal(ok, cases[i].kept != NULL);
        if (ok)
            assert_string_equal(value, cases[i].kept);
        else
            assert_non_null(why);
    }
}

static void filters_ask_facts_and_fields(void **state)
{
    (void)state;
    assert_int_not_equal(set("01", "f4", "A cam"), -1);
    assert_string_equal(
        find("{\"of\":\"f4\",\"is\":\"contains\",\"value\":\"CAM\"}", "name", false), "0 1");
    assert_string_equal(find("{\"of\":\"f4\",\"is\":\"empty\"}", "name", false), "2 3 4");
    assert_string_equal(find("{\"of\":\"width\",\"is\":\"between\",\"value\":\"1900\",\"to\":"
                             "\"2000\"}",
                             "name", false),
                        "0 1 2");
    assert_string_equal(find("{\"of\":\"timecode\",\"is\":\"between\",\"value\":\"10:10:30:00\","
                             "\"to\":\"10:20:00:00\"}",
                             "name", false),
                        "1 2");
    assert_string_equal(find("{\"any\":[{\"of\":\"name\",\"is\":\"starts\",\"value\":\"b\"},"
                             "{\"all\":[{\"of\":\"kind\",\"is\":\"equals\",\"value\":\"sound\"},"
                             "{\"of\":\"f2\",\"is\":\"equals\",\"value\":\"2\"}]}]}",
                             "name", false),
                        "2 4");
}

static void a_list_is_sorted_by_a_field_and_follows_what_changes(void **state)
{
    (void)state;
    set("0", "f2", "10");
    set("1", "f2", "9");
    set("2", "f2", "2");
    assert_string_equal(find("{\"of\":\"kind\",\"is\":\"equals\",\"value\":\"clip\"}", "f2", false),
                        "2 1 0");
    set("2", "f2", "11");
    assert_string_equal(find("{\"of\":\"kind\",\"is\":\"equals\",\"value\":\"clip\"}", "f2", true),
                        "2 0 1");
    set("1", "f2", ""); // what has no value is last, either way
    assert_string_equal(find("{\"of\":\"kind\",\"is\":\"equals\",\"value\":\"clip\"}", "f2", true),
                        "2 0 1");
    assert_string_equal(find("{\"of\":\"kind\",\"is\":\"equals\",\"value\":\"clip\"}", "f2", false),
                        "0 2 1");
}

// ---- takes

static bool say_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *act = context;
    return take_say(tx, house.project.text, act->asset, act->other, act->together, "Maya", e);
}

static bool take_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *act = context;
    return takes_fill(house.shelves, tx, house.project.text, &act->answer, 1, e);
}

static json_t *take_of(size_t clip)
{
    struct act act = {.answer = json_pack("{s:s}", "id", house.clips[clip].text)};
    HOLDS(db_read(house.db, take_in, &act, &err));
    json_t *take = json_incref(json_object_get(act.answer, "take"));
    json_decref(act.answer);
    return take;
}

static void sound_and_picture_of_one_slate_and_time_are_a_take(void **state)
{
    (void)state;
    set("0", "f1", "24a");
    set("0", "f2", "1");
    json_t *take = take_of(0);
    json_t *with = json_array_get(json_object_get(take, "with"), 0);
    assert_string_equal(json_string_value(json_object_get(with, "name")), "T001.wav");
    assert_int_equal(json_integer_value(json_object_get(with, "offset_frames")), 1250);
    json_decref(take);
    set("0", "f2", "2"); // T002 has this slate, at another time
    assert_null(take_of(0));
}

static void people_say_what_belongs_together(void **state)
{
    (void)state;
    struct act act = {.asset = house.clips[4].text, .other = house.clips[1].text, .together = true};
    HOLDS(db_write(house.db, say_in, &act, &err));
    json_t *take = take_of(1);
    assert_int_equal(json_array_size(json_object_get(take, "with")), 1);
    json_decref(take);
    act.together = false;
    HOLDS(db_write(house.db, say_in, &act, &err));
    assert_null(take_of(1));
    act.other = house.clips[3].text; // two sounds
    assert_false(db_write(house.db, say_in, &act, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

// ---- in and out

static json_t *import(const char *bytes, const char *plan, const char *choose)
{
    json_t *answer = NULL, *chosen = choose ? json_loads(choose, 0, NULL) : NULL;
    struct import_wish wish = {.project = house.project.text,
                               .name = "log.csv",
                               .bytes = text_of(bytes),
                               .make = true,
                               .plan = plan,
                               .choose = chosen};
    struct teller by = {"import", NULL, "Maya"};
    bool ok = fields_import(house.db, house.shelves, &wish, &by, house.a, &answer, &err);
    json_decref(chosen);
    return ok ? answer : NULL;
}

static int64_t number_of(const json_t *answer, const char *name)
{
    return json_integer_value(json_object_get(answer, name));
}

static const char table_in[] = "Clip Name;Scene;Take;Weather\nA001C001;24A;1;rain\n"
                               "B001C002.mov;24A;3;sun\nZ999;1;1;fog\n";

static void what_was_shown_is_what_is_done(void **state)
{
    (void)state;
    json_t *plan = import(table_in, NULL, NULL);
    HOLDS(plan != NULL);
    assert_int_equal(number_of(plan, "matched"), 2);
    assert_int_equal(number_of(plan, "unmatched_count"), 1);
    assert_int_equal(number_of(plan, "change_count"), 6);
    assert_string_equal(find("{\"of\":\"f2\",\"is\":\"equals\",\"value\":\"3\"}", "name", false),
                        ""); // nothing is changed by looking
    const char *name = arena_text(house.a, json_string_value(json_object_get(plan, "plan")));
    json_decref(plan);
    json_t *done = import(table_in, name, NULL);
    HOLDS(done != NULL);
    assert_string_equal(find("{\"of\":\"f6\",\"is\":\"equals\",\"value\":\"sun\"}", "name", false),
                        "2"); // Weather became a field
    int64_t count, left;
    HOLDS(undo(number_of(done, "change"), &count, &left));
    assert_int_equal(count, 6);
    json_decref(done);
    assert_string_equal(find("{\"of\":\"f6\",\"is\":\"filled\"}", "name", false), "");
}

static void a_plan_that_is_old_is_not_applied(void **state)
{
    (void)state;
    json_t *plan = import(table_in, NULL, NULL);
    const char *name = arena_text(house.a, json_string_value(json_object_get(plan, "plan")));
    json_decref(plan);
    set("0", "f1", "another");
    assert_null(import(table_in, name, NULL));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void ambiguous_rows_wait_for_a_choice(void **state)
{
    (void)state;
    char choose[80];
    static const char rows[] = "Start;Scene\n10:00:00:00;1\n10:00:00:00;1\n";
    set("01", "f3", "A001");
    static const char by_reel[] = "Reel,Start,Scene\nA001,10:10:20:00,5\n";
    json_t *plan = import(by_reel, NULL, NULL);
    assert_int_equal(number_of(plan, "matched"), 1);
    json_decref(plan);
    static const char contradicting[] = "Name,Scene\nA001C001,1\nA001C001.mov,2\n";
    plan = import(contradicting, NULL, NULL);
    assert_int_equal(number_of(plan, "matched"), 0);
    assert_int_equal(number_of(plan, "unmatched_count"), 2);
    json_decref(plan);
    plan = import(rows, NULL, NULL);
    assert_int_equal(number_of(plan, "matched"), 2); // one asset, and both rows say the same
    json_decref(plan);
    static const char whole_reel[] = "Name,Scene\nnowhere,9\n";
    snprintf(choose, sizeof(choose), "{\"2\":\"%s\"}", house.clips[2].text);
    plan = import(whole_reel, NULL, choose);
    assert_int_equal(number_of(plan, "matched"), 1);
    json_decref(plan);
}

static void a_table_that_names_no_asset_says_what_is_missing(void **state)
{
    (void)state;
    assert_null(import("Scene,Take\n1,2\n", NULL, NULL));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_true(err.why[0] && err.fix[0]);
}

static void what_goes_out_comes_back_unchanged(void **state)
{
    (void)state;
    static const char *const formats[] = {"csv", "ale"};
    set("0", "f5", "=good, \"really\"");
    for (size_t i = 0; i < 2; i++) {
        struct find_wish all = {.project = house.project.text, .limit = 100};
        struct export_wish wish = {
            .project = house.project.text, .format = formats[i], .find = &all};
        struct buf out = BUF_LIMIT(1 << 20);
        size_t count, changed;
        HOLDS(fields_export(house.db, house.shelves, &wish, house.a, &out, &count, &changed, &err));
        assert_int_equal(count, MADE);
        json_t *plan = import(out.at, NULL, NULL);
        HOLDS(plan != NULL);
        assert_int_equal(number_of(plan, "matched"), MADE);
        assert_int_equal(number_of(plan, "change_count"), 0);
        assert_int_equal(number_of(plan, "bad_count"), 0);
        json_decref(plan);
        buf_free(&out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_house, close_house)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(values_know_who_said_them_and_what_was_before),
        TEST(a_file_says_its_slate_but_never_over_a_person),
        TEST(undoing_puts_back_what_was_and_leaves_what_came_since),
        TEST(values_of_another_type_are_refused),
        TEST(filters_ask_facts_and_fields),
        TEST(a_list_is_sorted_by_a_field_and_follows_what_changes),
        TEST(sound_and_picture_of_one_slate_and_time_are_a_take),
        TEST(people_say_what_belongs_together),
        TEST(what_was_shown_is_what_is_done),
        TEST(a_plan_that_is_old_is_not_applied),
        TEST(ambiguous_rows_wait_for_a_choice),
        TEST(a_table_that_names_no_asset_says_what_is_missing),
        TEST(what_goes_out_comes_back_unchanged),
    };
    return RUN_TESTS(tests);
}
