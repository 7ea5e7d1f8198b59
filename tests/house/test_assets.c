#include "test.h"

#include "house/assets/assets.h"
#include "plat/files.h"

// A house's database in a folder of its own, and work that runs in one transaction.
static struct {
    char folder[64], path[96];
    struct db *db;
    struct arena *a;
    char project[27];
} house;

// Work runs on the database's writer thread, where cmocka's assertions can not jump from: what does
// not hold is an error, which the test then fails with.
#define HOLDS(is)                                                                                  \
    do {                                                                                           \
        if (!(is))                                                                                 \
            return error_set(err, ERROR_INTERNAL, "line %d: %s (%s %s)", __LINE__, #is, err->what, \
                             err->why);                                                            \
    } while (0)
#define HOLDS_NOT(is) HOLDS(!(is))
#define HOLDS_SAME(a, b) HOLDS((a) == (b))
#define HOLDS_TEXT(a, b)                                                                           \
    do {                                                                                           \
        const char *seen_text = (a);                                                               \
        if (strcmp(seen_text, b) != 0)                                                             \
            return error_set(err, ERROR_INTERNAL, "line %d: saw %s", __LINE__, seen_text);         \
    } while (0)
#define IN_ONE_WRITE(body)                                                                         \
    do {                                                                                           \
        struct error outer;                                                                        \
        error_clear(&outer);                                                                       \
        if (!db_write(house.db, body, NULL, &outer))                                               \
            fail_msg("%s: %s", outer.what, outer.why);                                             \
    } while (0)

static bool make_project(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id project = id_new();
    strcpy(house.project, project.text);
    return project_make(tx, project.text, "The Long Shore", "24/1", err);
}

static int open_house(void **state)
{
    (void)state;
    struct error err;
    strcpy(house.folder, "/tmp/posthouse-test-XXXXXX");
    assert_non_null(mkdtemp(house.folder));
    snprintf(house.path, sizeof(house.path), "%s/state.db", house.folder);
    house.db =
        db_open(&(struct db_wish){.path = house.path, .migrations = getenv("MIGRATIONS")}, &err);
    if (!house.db)
        fail_msg("%s: %s", err.what, err.why);
    house.a = arena_open(64 << 20);
    IN_ONE_WRITE(make_project);
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    struct error err;
    db_close(house.db);
    arena_close(house.a);
    return folder_remove(house.folder, &err) ? 0 : -1;
}

static bool add(struct db_tx *tx, const char *name, const char *folder, int64_t size, id *made_id,
                struct error *err)
{
    struct asset_file file = {.name = name, .content = sha256_of(name, strlen(name)), .size = size};
    struct asset_wish wish = {.project = house.project,
                              .folder = folder,
                              .name = name,
                              .kind = "clip",
                              .by = "Maya",
                              .files = &file,
                              .file_count = 1};
    struct asset_made made;
    bool ok = asset_add(tx, &wish, &made, err);
    if (ok && made_id)
        *made_id = made.asset;
    return ok;
}

// Names of a list, with | between.
static const char *names(struct db_tx *tx, struct asset_query q, int64_t *total, struct error *err)
{
    json_t *items;
    const char *key, *key_id;
    struct buf b = BUF_LIMIT(1 << 20);
    q.project = house.project;
    q.limit = q.limit ? q.limit : 100;
    if (!asset_list(tx, &q, house.a, &items, total, &key, &key_id, err))
        return "a list that failed";
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
        buf_format(&b, "%s%s", i ? "|" : "", json_string_value(json_object_get(item, "name")));
    const char *made = arena_text(house.a, b.at ? b.at : "");
    buf_free(&b);
    json_decref(items);
    return made;
}

static bool listing(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    static const char *const all[] = {"shot10.mov", "Shot2.mov", "shot_012_v3.mov", "shot1.mov",
                                      "Caf\xc3\xa9 wide.mov"};
    int64_t total;
    for (size_t i = 0; i < 5; i++)
        HOLDS(add(tx, all[i], NULL, (int64_t)(i + 1) * 100, NULL, err));
    HOLDS_TEXT(names(tx, (struct asset_query){0}, &total, err),
               "Caf\xc3\xa9 wide.mov|shot1.mov|Shot2.mov|shot10.mov|shot_012_v3.mov");
    HOLDS_SAME(total, 5);
    HOLDS_TEXT(names(tx, (struct asset_query){.sort = "size", .descending = true, .limit = 2},
                     &total, err),
               "Caf\xc3\xa9 wide.mov|shot1.mov");
    HOLDS_TEXT(names(tx, (struct asset_query){.search = "12 shot"}, &total, err),
               "shot_012_v3.mov");
    HOLDS_TEXT(names(tx, (struct asset_query){.search = "cafe"}, &total, err),
               "Caf\xc3\xa9 wide.mov");
    HOLDS_TEXT(names(tx, (struct asset_query){.search = "\"* OR ("}, &total, err), "");
    HOLDS_TEXT(
        names(tx, (struct asset_query){.sort = "created", .offset = 3, .limit = 2}, &total, err),
        "shot1.mov|Caf\xc3\xa9 wide.mov");
    json_t *items;
    const char *key, *key_id;
    HOLDS_NOT(asset_list(
        tx, &(struct asset_query){.project = house.project, .sort = "colour", .limit = 1}, house.a,
        &items, &total, &key, &key_id, err));
    return true;
}

static void lists_sort_as_people_count_and_search_by_parts_of_names(void **state)
{
    (void)state;
    IN_ONE_WRITE(listing);
}

// Pages by cursor while assets come and go: those that were there all the time are seen once each.
static bool paging(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    char name[40];
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "clip %02d.mov", i * 2);
        HOLDS(add(tx, name, NULL, 1, NULL, err));
    }
    int seen[120] = {0};
    const char *key = NULL, *key_id = NULL;
    for (int page = 0; page == 0 || key_id; page++) {
        struct asset_query q = {
            .project = house.project, .limit = 7, .after_key = key, .after_id = key_id};
        json_t *items, *item;
        int64_t total;
        size_t i;
        HOLDS(asset_list(tx, &q, house.a, &items, &total, &key, &key_id, err));
        json_array_foreach(items, i, item)
            seen[atoi(json_string_value(json_object_get(item, "name")) + 5)]++;
        json_decref(items);
        snprintf(name, sizeof(name), "clip %02d.mov", (page * 11) % 60 * 2 + 1);
        HOLDS(add(tx, name, NULL, 1, NULL, err));
    }
    for (int i = 0; i < 120; i += 2)
        HOLDS_SAME(seen[i], 1);
    for (int i = 1; i < 120; i += 2)
        HOLDS(seen[i] <= 1);
    return true;
}

static void paging_misses_nothing_and_shows_nothing_twice(void **state)
{
    (void)state;
    IN_ONE_WRITE(paging);
}

static bool naming(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    int64_t total;
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = 0;
    HOLDS(add(tx, "A001.mov", NULL, 1, NULL, err) && add(tx, "A001.mov", NULL, 1, NULL, err) &&
          add(tx, "A001.mov", NULL, 1, NULL, err));
    HOLDS_TEXT(names(tx, (struct asset_query){0}, &total, err),
               "A001 (2).mov|A001 (3).mov|A001.mov");
    static const char *const bad[] = {"", "   ", "a/b", "..", "two\nlines", "\xff\xfe"};
    for (size_t i = 0; i < 6; i++)
        HOLDS_NOT(add(tx, bad[i], NULL, 1, NULL, err) || !err->fix[0]);
    HOLDS(add(tx, longest, NULL, 1, NULL, err) && add(tx, longest, NULL, 1, NULL, err));
    HOLDS(add(tx, "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d .mov", NULL, 1, NULL, err));
    return true;
}

static void a_taken_name_gets_a_number_and_a_bad_one_is_refused(void **state)
{
    (void)state;
    IN_ONE_WRITE(naming);
}

static bool folders(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id deep, again, top;
    HOLDS(folder_ensure(tx, house.project, NULL, "Dailies/Day 1/A001", &deep, err));
    HOLDS(folder_ensure(tx, house.project, NULL, "Dailies/Day 1/A001", &again, err));
    HOLDS_TEXT(deep.text, again.text);
    HOLDS(folder_ensure(tx, house.project, NULL, "Dailies", &top, err));
    HOLDS_NOT(folder_change(tx, top.text, NULL, deep.text, err)); // into itself
    HOLDS_SAME(err->kind, ERROR_CONFLICT);
    HOLDS_NOT(folder_delete(tx, top.text, err)); // not empty
    id second = id_new();
    HOLDS_NOT(folder_add(tx, second.text, house.project, NULL, "Dailies", err)); // taken
    HOLDS(folder_change(tx, deep.text, "A002", "", err));
    HOLDS(folder_delete(tx, deep.text, err));
    return true;
}

static void folders_hold_no_loops_and_go_only_when_empty(void **state)
{
    (void)state;
    IN_ONE_WRITE(folders);
}

// Random additions, deletions, restores and moves; the counts kept must be those counted.
static bool counting(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id where[4] = {{""}}, made[200];
    size_t count = 0;
    uint32_t seed = 12345;
    HOLDS(folder_ensure(tx, house.project, NULL, "one", &where[1], err) &&
          folder_ensure(tx, house.project, NULL, "two", &where[2], err) &&
          folder_ensure(tx, house.project, NULL, "two/three", &where[3], err));
    for (int i = 0; i < 1500; i++) {
        seed = seed * 1103515245 + 12345;
        uint32_t pick = seed >> 8;
        int64_t changed;
        json_t *ids = json_array();
        for (int k = 0; k < 3 && count; k++)
            json_array_append_new(ids, json_string(made[(pick >> k) % count].text)); // may repeat
        switch (pick % 4) {
        case 0:
            if (count < 200)
                HOLDS(add(tx, "clip.mov", where[pick / 4 % 4].text, pick % 1000, &made[count++],
                          err));
            break;
        case 1:
            HOLDS(assets_delete(tx, house.project, ids, true, &changed, err));
            break;
        case 2:
            HOLDS(assets_delete(tx, house.project, ids, false, &changed, err));
            break;
        default:
            HOLDS(assets_move(tx, house.project, ids, where[pick / 4 % 4].text, &changed, err));
        }
        json_decref(ids);
    }
    int64_t wrong;
    HOLDS(db_one_int(tx, &wrong, -1, err,
                     "select (select count(*) from projects p where assets <> (select "
                     "count(*) from assets a where a.project = p.id and deleted = 0)"
                     " or bytes <> (select coalesce(sum(bytes), 0) from assets a where "
                     "a.project = p.id and deleted = 0)) +"
                     " (select count(*) from folders f where assets <> (select count(*) from "
                     "assets a where a.folder = f.id and deleted = 0))",
                     ""));
    HOLDS_SAME(wrong, 0);
    return true;
}

static void counts_stay_right_whatever_is_done(void **state)
{
    (void)state;
    IN_ONE_WRITE(counting);
}

static bool facts(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id made;
    json_t *asset, *known = json_pack("{s:s, s:s, s:i}", "kind", "sound", "rate", "24000/1001",
                                      "duration_frames", 2400);
    HOLDS(add(tx, "mix.wav", NULL, 5, &made, err) && asset_get(tx, made.text, &asset, err));
    const char *version =
        json_string_value(json_object_get(json_object_get(asset, "version"), "id"));
    HOLDS(version_facts_set(tx, version, known, err));
    HOLDS(version_state_set(tx, version, "failed", "{\"title\":\"cut short\"}", err));
    json_decref(asset);
    HOLDS(asset_get(tx, made.text, &asset, err));
    json_t *seen = json_object_get(asset, "version");
    HOLDS_TEXT(json_string_value(json_object_get(asset, "kind")), "sound");
    HOLDS(json_equal(json_object_get(seen, "facts"), known));
    HOLDS_TEXT(json_string_value(json_object_get(seen, "state")), "failed");
    HOLDS_TEXT(json_string_value(json_object_get(json_object_get(seen, "problem"), "title")),
               "cut short");
    int64_t ms;
    HOLDS(db_one_int(tx, &ms, 0, err, "select duration_ms from assets where id = ?1", "s",
                     made.text));
    HOLDS_SAME(ms, 100100);
    HOLDS_NOT(version_state_set(tx, "nothing", "ready", NULL, err));
    json_decref(asset);
    json_decref(known);
    return true;
}

static void facts_and_failures_stay_with_their_version(void **state)
{
    (void)state;
    IN_ONE_WRITE(facts);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_sort_as_people_count_and_search_by_parts_of_names,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(paging_misses_nothing_and_shows_nothing_twice, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(a_taken_name_gets_a_number_and_a_bad_one_is_refused,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(folders_hold_no_loops_and_go_only_when_empty, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(counts_stay_right_whatever_is_done, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(facts_and_failures_stay_with_their_version, open_house,
                                        close_house),
    };
    return RUN_TESTS(tests);
}
