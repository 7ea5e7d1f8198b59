#include "test.h"

#include "house/assets/assets.h"
#include "house/fields/fields.h"
#include "plat/clock.h"
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
    return change_undo(tx, house.project.text, act->number, NULL, &maya, &act->answer, e);
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

static json_t *vectors(void)
{
    char path[4096];
    const char *folder = getenv("VECTORS");
    snprintf(path, sizeof(path), "%s/field_values.json", folder ? folder : "tests/vectors");
    json_error_t problem;
    json_t *all = json_load_file(path, 0, &problem);
    if (!all)
        fail_msg("%s: %s", path, problem.text);
    return all;
}

static enum field_type type_called(const char *name)
{
    enum field_type t = 0;
    while (strcmp(field_type_names[t], name) != 0)
        t++;
    return t;
}

static void values_are_kept_or_refused_as_the_shared_vectors_say(void **state)
{
    (void)state;
    static const char *const choices[] = {"Day", "Night", NULL};
    json_t *all = vectors(), *row;
    size_t i;
    json_array_foreach(json_object_get(all, "values"), i, row)
    {
        const char *type = json_string_value(json_array_get(row, 0));
        const char *said = json_string_value(json_array_get(row, 1));
        const char *kept = json_string_value(json_array_get(row, 2)), *value, *why;
        struct field f = {.type = type_called(type), .choices = choices};
        double at;
        if (field_value(&f, said, house.a, &value, &at, &why) != (kept != NULL))
            fail_msg("%s \"%s\": %s", type, said, why ? why : value);
        if (kept)
            assert_string_equal(value, kept);
        else
            assert_non_null(why);
    }
    json_decref(all);
}

static void nothing_is_set_over_a_value_that_nobody_saw(void **state)
{
    (void)state;
    set("0", "f1", "24A");
    struct act act = {.assets = json_pack("[s, s]", house.clips[0].text, house.clips[1].text),
                      .set = json_pack("[{s:s, s:s, s:{s:s, s:s}}]", "field", "f1", "value", "25",
                                       "was", house.clips[0].text, "24", house.clips[1].text, "")};
    assert_false(db_write(house.db, set_in, &act, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.what, "Scene of A001C001.mov was not set");
    assert_string_equal(err.why, "Maya set it to \"24A\" meanwhile");
    assert_string_equal(find("{\"of\":\"f1\",\"is\":\"equals\",\"value\":\"25\"}", "name", false),
                        ""); // of neither
    json_object_set_new(json_object_get(json_array_get(act.set, 0), "was"), house.clips[0].text,
                        json_string("24A"));
    HOLDS(db_write(house.db, set_in, &act, &err));
    assert_int_equal(json_integer_value(json_object_get(act.answer, "count")), 2);
    json_decref(act.answer), act.answer = NULL;
    // Who says what stands already is in nobody's way, whatever was seen.
    HOLDS(db_write(house.db, set_in, &act, &err));
    assert_int_equal(json_integer_value(json_object_get(act.answer, "count")), 0);
    json_decref(act.answer);
    json_decref(act.assets);
    json_decref(act.set);
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

// A further A001C001.mov that begins where the first one does, in another folder.
static bool twin_in(struct db_tx *tx, void *context, struct error *e)
{
    id folder;
    struct asset_file file = {.name = made[0].name, .content = sha256_of("twin", 4), .size = 99};
    struct asset_wish wish = {.project = house.project.text,
                              .folder = folder.text,
                              .name = made[0].name,
                              .kind = "clip",
                              .by = "MAYA",
                              .files = &file,
                              .file_count = 1};
    struct asset_made done;
    json_t *facts = facts_of(0);
    bool ok = folder_ensure(tx, house.project.text, NULL, "Second unit", &folder, e) &&
              asset_add(tx, &wish, &done, e) && version_facts_set(tx, done.version.text, facts, e);
    json_decref(facts);
    *(id *)context = done.asset;
    return ok;
}

static void rows_that_two_assets_fit_wait_for_a_choice(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "Name,Scene\nA001C001.mov,7\nA001C002.mov,8\n",               // by name
        "Reel,Start,Scene\nA001,10:00:00:00,7\nA002,10:10:00:00,8\n", // by reel and timecode
        "Name,Start,Scene\nA001C001,10:00:10:00,7\nA001C002,,8\n", // by name, which timecode does
                                                                   // not tell apart
    };
    char choose[80];
    id twin = {""};
    HOLDS(db_write(house.db, twin_in, &twin, &err));
    house.clips[5] = twin;
    set("05", "f3", "A001");
    set("1", "f3", "A002");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        json_t *plan = import(tables[i], NULL, NULL);
        HOLDS(plan != NULL);
        const json_t *row = json_array_get(json_object_get(plan, "ambiguous"), 0);
        const json_t *of = json_object_get(row, "candidates");
        assert_int_equal(number_of(plan, "ambiguous_count"), 1);
        assert_int_equal(number_of(plan, "matched"), 1);
        assert_int_equal(number_of(plan, "change_count"), 1); // of the other row
        assert_int_equal(number_of(row, "line"), 2);
        assert_string_equal(json_string_value(json_object_get(row, "why")), "2 assets fit");
        assert_int_equal(json_array_size(of), 2);
        for (size_t k = 0; k < 2; k++)
            assert_string_equal(
                json_string_value(json_object_get(json_array_get(of, k), "timecode")),
                "10:00:00:00");
        json_decref(plan);
    }
    snprintf(choose, sizeof(choose), "{\"2\":\"%s\"}", twin.text);
    json_t *plan = import(tables[0], NULL, choose);
    assert_int_equal(number_of(plan, "ambiguous_count"), 0);
    assert_int_equal(number_of(plan, "matched"), 2);
    // What was chosen is among the rows, so that another one can be chosen.
    const json_t *row = json_array_get(json_object_get(plan, "chosen"), 0);
    assert_int_equal(json_array_size(json_object_get(row, "candidates")), 2);
    assert_string_equal(json_string_value(json_object_get(row, "asset")), twin.text);
    const char *name = arena_text(house.a, json_string_value(json_object_get(plan, "plan")));
    json_decref(plan);
    assert_null(import(tables[0], name, NULL)); // without the choice it would do something else
    plan = import(tables[0], name, choose);
    HOLDS(plan != NULL);
    json_decref(plan);
    struct act act = {.asset = twin.text};
    HOLDS(db_read(house.db, values_in, &act, &err));
    assert_int_equal(json_array_size(act.answer), 2);
    json_decref(act.answer);
    act = (struct act){.asset = house.clips[0].text}; // the one that was not chosen
    HOLDS(db_read(house.db, values_in, &act, &err));
    assert_int_equal(json_array_size(act.answer), 1);
    json_decref(act.answer);
}

// ---- many values

enum { MANY = 430 };

static bool many_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof(name), "R%03d.mov", i);
        struct asset_file file = {
            .name = name, .content = sha256_of(name, strlen(name)), .size = 1};
        struct asset_wish wish = {.project = house.project.text,
                                  .name = name,
                                  .kind = "clip",
                                  .by = "MAYA",
                                  .files = &file,
                                  .file_count = 1};
        struct asset_made done;
        if (!asset_add(tx, &wish, &done, e))
            return false;
        if (i < 2)
            house.clips[4 + i] = done.asset;
    }
    return true;
}

static bool change_in(struct db_tx *tx, void *context, struct error *e)
{
    struct act *act = context;
    return change_get(tx, house.project.text, act->number, &act->answer, e);
}

// The change once all of it is set.
static json_t *change_ended(int64_t number)
{
    struct act act = {.number = number};
    for (int i = 0; i < 6000; i++) {
        HOLDS(db_read(house.db, change_in, &act, &err));
        if (json_is_true(json_object_get(json_object_get(act.answer, "run"), "ended")))
            return act.answer;
        json_decref(act.answer);
        clock_sleep_ms(20);
    }
    fail_msg("the change did not end");
    return NULL;
}

static int64_t filled(const char *field)
{
    char where[60];
    snprintf(where, sizeof(where), "{\"of\":\"%s\",\"is\":\"filled\"}", field);
    json_t *condition = json_loads(where, 0, NULL);
    struct find_wish wish = {.project = house.project.text, .where = condition, .limit = 1};
    struct found found;
    HOLDS(shelves_find(house.shelves, &wish, house.a, &found, &err));
    json_decref(condition);
    return found.total;
}

static void a_large_table_is_set_in_slices_and_goes_on_after_the_house_was_down(void **state)
{
    (void)state;
    struct buf table = BUF_LIMIT(1 << 20);
    int64_t count, left;
    HOLDS(db_write(house.db, many_in, NULL, &err));
    buf_text(&table, "Name,Scene,Take,Reel,Camera,Notes\n");
    for (int i = 0; i < MANY; i++)
        buf_format(&table, "R%03d,24A,%d,A001,A,good\n", i, i);
    json_t *plan = import(table.at, NULL, NULL);
    HOLDS(plan != NULL);
    const char *name = arena_text(house.a, json_string_value(json_object_get(plan, "plan")));
    json_decref(plan);
    json_t *done = import(table.at, name, NULL);
    HOLDS(done != NULL);
    int64_t number = number_of(done, "change");
    json_decref(done);
    // It is written down and nothing is set yet; what a person says meanwhile stays.
    assert_int_equal(filled("f1"), 2); // of the two sounds
    assert_int_not_equal(set("4", "f5", "mine"), -1);
    assert_false(undo(number, &count, &left));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    // The house comes up.
    struct runs *runs = runs_open(house.db);
    json_t *change = change_ended(number);
    const json_t *run = json_object_get(change, "run");
    assert_int_equal(number_of(run, "done"), MANY * 5);
    assert_int_equal(number_of(run, "stayed"), 1);
    assert_int_equal(number_of(change, "count"), MANY * 5 - 1);
    json_decref(change);
    assert_int_equal(filled("f1"), MANY + 2);
    assert_string_equal(find("{\"of\":\"f5\",\"is\":\"equals\",\"value\":\"mine\"}", "name", false),
                        "4");
    // So does undoing it; what was set again since stays.
    assert_int_not_equal(set("5", "f1", "25"), -1);
    HOLDS(undo(number, &count, &left));
    runs_wake(runs);
    assert_int_equal(left, 1);
    json_decref(change_ended(number + 3)); // two by a person came between
    assert_int_equal(filled("f4"), 0);
    assert_int_equal(filled("f1"), 3);
    runs_close(runs);
    buf_free(&table);
}

static void rows_of_one_asset_that_say_different_things_are_left_out(void **state)
{
    (void)state;
    char choose[80];
    set("01", "f3", "A001");
    json_t *plan = import("Reel,Start,Scene\nA001,10:10:20:00,5\n", NULL, NULL);
    assert_int_equal(number_of(plan, "matched"), 1); // its timecode lies in one of the reel's two
    json_decref(plan);
    plan = import("Name,Scene\nA001C001,1\nA001C001.mov,2\n", NULL, NULL);
    assert_int_equal(number_of(plan, "matched"), 0);
    assert_int_equal(number_of(plan, "unmatched_count"), 2);
    json_decref(plan);
    plan = import("Start;Scene\n10:00:00:00;1\n10:00:00:00;1\n", NULL, NULL);
    assert_int_equal(number_of(plan, "matched"), 2); // one asset, and both rows say the same
    json_decref(plan);
    snprintf(choose, sizeof(choose), "{\"2\":\"%s\"}", house.clips[2].text);
    plan = import("Name,Scene\nnowhere,9\n", NULL, choose);
    assert_int_equal(number_of(plan, "matched"), 1); // a person knows what no column says
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
        TEST(values_are_kept_or_refused_as_the_shared_vectors_say),
        TEST(nothing_is_set_over_a_value_that_nobody_saw),
        TEST(filters_ask_facts_and_fields),
        TEST(a_list_is_sorted_by_a_field_and_follows_what_changes),
        TEST(sound_and_picture_of_one_slate_and_time_are_a_take),
        TEST(people_say_what_belongs_together),
        TEST(what_was_shown_is_what_is_done),
        TEST(a_plan_that_is_old_is_not_applied),
        TEST(rows_that_two_assets_fit_wait_for_a_choice),
        TEST(a_large_table_is_set_in_slices_and_goes_on_after_the_house_was_down),
        TEST(rows_of_one_asset_that_say_different_things_are_left_out),
        TEST(a_table_that_names_no_asset_says_what_is_missing),
        TEST(what_goes_out_comes_back_unchanged),
    };
    return RUN_TESTS(tests);
}
