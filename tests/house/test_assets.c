#include "test.h"

#include "house/assets/assets.h"
#include "house/assets/spans.h"
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

static bool sorting(struct db_tx *tx, void *context, struct error *err)
{
    (void)tx, (void)context;
    // Each name sorts before the next.
    static const char *const order[] = {
        "1",
        "2.mov",
        "10.mov",
        "100",
        "a",
        "A001C001",
        "A001C002",
        "A001C010",
        "A002C001",
        "Abend",
        "\xc3\xa4hre",
        "Ahrens",
        "b",
        "shot.mov",
        "shot1",
        "shot2",
        "shot2a",
        "shot10",
        "shot_1",
        "shot_002",
        "shot_10",
        "shot_99999999999999999999",
        "shot_100000000000000000000",
        "\xc5\xbd"
        "ena",
        "\xd0\x96",
    };
    for (size_t i = 0; i + 1 < sizeof(order) / sizeof(order[0]); i++) {
        if (strcmp(name_sort_key(house.a, order[i]), name_sort_key(house.a, order[i + 1])) >= 0)
            return error_set(err, ERROR_INTERNAL, "%s does not sort before %s", order[i],
                             order[i + 1]);
    }
    // An accent written as a letter of its own (as the Mac does) sorts as the letter with it.
    const char *one = name_sort_key(house.a, "caf\xc3\xa9"),
               *two = name_sort_key(house.a, "cafe\xcc\x81");
    HOLDS(strncmp(one, two, 5) == 0 && strcmp(one, two) != 0);
    return true;
}

static void names_sort_as_people_count(void **state)
{
    (void)state;
    IN_ONE_WRITE(sorting);
}

static bool finds(struct db_tx *tx, const json_t *row, const char *list, int64_t wanted,
                  struct error *err)
{
    size_t i;
    const json_t *typed;
    json_array_foreach(json_object_get(row, list), i, typed)
    {
        int64_t total;
        names(tx, (struct asset_query){.search = json_string_value(typed)}, &total, err);
        if (total != wanted)
            return error_set(err, ERROR_INTERNAL, "%s: %lld are found by %s",
                             json_string_value(json_object_get(row, "name")), (long long)total,
                             json_string_value(typed));
    }
    return true;
}

static bool searching(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    char path[500];
    snprintf(path, sizeof(path), "%s/search.json", getenv("VECTORS"));
    json_t *all = json_load_file(path, 0, NULL);
    const json_t *row;
    size_t n;
    assert_true(json_array_size(json_object_get(all, "names")) > 0);
    json_array_foreach(json_object_get(all, "names"), n, row)
    {
        id made;
        int64_t total;
        HOLDS(add(tx, json_string_value(json_object_get(row, "name")), NULL, 1, &made, err) &&
              finds(tx, row, "by", 1, err) && finds(tx, row, "not", 0, err));
        json_t *ids = json_pack("[s]", made.text);
        HOLDS(assets_delete(tx, house.project, ids, true, &total, err));
        json_decref(ids);
    }
    json_decref(all);
    // What means something to the database is only text here.
    static const char *const odd[] = {
        "\"", "*", "a OR b", "NEAR(", "words:", "-x", "(((", "'; --", "\\"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        int64_t total;
        json_t *items;
        const char *key, *key_id;
        HOLDS(asset_list(
            tx, &(struct asset_query){.project = house.project, .search = odd[i], .limit = 5},
            house.a, &items, &total, &key, &key_id, err));
        json_decref(items);
    }
    return true;
}

static void search_finds_words_by_their_beginnings(void **state)
{
    (void)state;
    IN_ONE_WRITE(searching);
}

static bool idempotent(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id asset = id_new(), version = id_new(), second = id_new();
    int64_t before, after, total;
    struct asset_file file = {.name = "a.mov", .content = sha256_of("a", 1), .size = 7};
    struct asset_wish wish = {.project = house.project,
                              .name = "a.mov",
                              .kind = "clip",
                              .by = "Maya",
                              .files = &file,
                              .file_count = 1,
                              .asset_id = asset.text,
                              .version_id = version.text};
    struct asset_made made;
    HOLDS(asset_add(tx, &wish, &made, err) && !made.again && !made.renamed);
    HOLDS(db_one_int(tx, &before, 0, err, "select count(*) from events", ""));
    HOLDS(asset_add(tx, &wish, &made, err) && made.again && made.number == 1);
    HOLDS_TEXT(made.name, "a.mov");
    wish.version_id = second.text;
    HOLDS(db_one_int(tx, &after, 0, err, "select count(*) from events", "") && before == after);
    HOLDS(version_add(tx, asset.text, &wish, &made, err) && made.number == 2 && !made.again);
    HOLDS(version_add(tx, asset.text, &wish, &made, err) && made.number == 2 && made.again);
    wish.asset_id = NULL; // the version is of another asset
    HOLDS_NOT(asset_add(tx, &wish, &made, err));
    HOLDS_SAME(err->kind, ERROR_CONFLICT);
    HOLDS(db_one_int(tx, &total, 0, err, "select bytes from projects where id = ?1", "s",
                     house.project));
    HOLDS_SAME(total, 14);
    wish.file_count = 0;
    wish.version_id = NULL;
    HOLDS_NOT(version_add(tx, asset.text, &wish, &made, err));
    return true;
}

static void the_same_ids_make_one_thing(void **state)
{
    (void)state;
    IN_ONE_WRITE(idempotent);
}

static const char *version_of(struct db_tx *tx, const char *asset, struct error *err)
{
    json_t *json;
    if (!asset_get(tx, asset, &json, err))
        return "";
    const char *version = arena_text(
        house.a, json_string_value(json_object_get(json_object_get(json, "version"), "id")));
    json_decref(json);
    return version;
}

// "kind size" of a version's derived files, with | between; "+" marks those that grow.
static const char *derived_of(struct db_tx *tx, const char *version, struct error *err)
{
    json_t *json, *file;
    size_t i;
    struct buf b = BUF_LIMIT(4096);
    if (!version_get(tx, version, &json, err))
        return "none";
    json_array_foreach(json_object_get(json, "derived"), i, file) buf_format(
        &b, "%s%s %lld%s", i ? "|" : "", json_string_value(json_object_get(file, "kind")),
        (long long)json_integer_value(json_object_get(file, "size")),
        json_is_true(json_object_get(file, "growing")) ? "+" : "");
    const char *made = arena_text(house.a, b.at ? b.at : "");
    buf_free(&b);
    json_decref(json);
    return made;
}

static bool deriving(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id one, two;
    bool used, found;
    sha256 scrub = sha256_of("scrub", 5), index = sha256_of("index", 5),
           late = sha256_of("late", 4);
    struct derived_file set[] = {{"scrub", "scrub.mp4", scrub, 100},
                                 {"scrub_index", "scrub.idx", index, 10}};
    struct derived_file other[] = {{"scrub", "scrub.mp4", late, 101},
                                   {"scrub_index", "scrub.idx", late, 11}};
    // `add` makes the content of the name: two assets of one name have the same bytes.
    HOLDS(add(tx, "same.mov", NULL, 1, &one, err) && add(tx, "same.mov", NULL, 1, &two, err));
    const char *v1 = version_of(tx, one.text, err), *v2 = version_of(tx, two.text, err);
    HOLDS(derived_growing(tx, v1, "scrub", "scrub.mp4", "attempt1/scrub.mp4", 10, err));
    HOLDS(derived_growing(tx, v1, "scrub", "scrub.mp4", "attempt1/scrub.mp4", 20, err));
    int64_t news, more;
    HOLDS(db_one_int(tx, &news, 0, err, "select count(*) from events", ""));
    HOLDS(derived_growing(tx, v1, "scrub", "scrub.mp4", "attempt1/scrub.mp4", 20, err));
    HOLDS(db_one_int(tx, &more, 0, err, "select count(*) from events", "") && more == news);
    HOLDS_TEXT(derived_of(tx, v1, err), "scrub 20+");
    HOLDS_TEXT(derived_of(tx, v2, err), "");
    HOLDS(derived_use(tx, v2, "proxy 1", &found, err) && !found);
    HOLDS(derived_set(tx, v1, "proxy 1", set, 2, &used, err) && used);
    HOLDS_TEXT(derived_of(tx, v1, err), "scrub 100|scrub_index 10");
    // The other version's job was at it too: its files are not mixed in.
    HOLDS(derived_growing(tx, v2, "scrub", "scrub.mp4", "attempt2/scrub.mp4", 10, err));
    HOLDS(derived_set(tx, v2, "proxy 1", other, 2, &used, err) && !used);
    HOLDS_TEXT(derived_of(tx, v2, err), "scrub 100|scrub_index 10");
    int64_t uses;
    HOLDS(content_uses(tx, &scrub, &uses, err) && uses == 1);
    HOLDS(content_uses(tx, &late, &uses, err) && uses == 0);
    // A newer recipe makes a set of its own, and only who takes it shows it.
    HOLDS(derived_set(tx, v2, "proxy 2", other, 2, &used, err) && used);
    HOLDS_TEXT(derived_of(tx, v2, err), "scrub 101|scrub_index 11");
    HOLDS_TEXT(derived_of(tx, v1, err), "scrub 100|scrub_index 10");
    // A third of the same bytes has all at once, facts too.
    json_t *known =
        json_pack("{s:s, s:s, s:i}", "kind", "sound", "rate", "25", "duration_frames", 50);
    HOLDS(version_facts_set(tx, v1, known, err));
    id three;
    HOLDS(add(tx, "same.mov", NULL, 1, &three, err));
    const char *v3 = version_of(tx, three.text, err);
    HOLDS(derived_use(tx, v3, "proxy 1", &found, err) && found);
    HOLDS_TEXT(derived_of(tx, v3, err), "scrub 100|scrub_index 10");
    struct version_source source;
    HOLDS(version_source(tx, v3, house.a, &source, err));
    HOLDS_TEXT(source.kind, "sound");
    HOLDS_TEXT(source.recipe, "proxy 1");
    json_t *facts = json_loads(source.facts, 0, NULL);
    HOLDS(json_equal(facts, known));
    struct derived_file *list;
    size_t count;
    HOLDS(derived_find(tx, &source.content, "proxy 1", house.a, &list, &count, err) && count == 2);
    HOLDS_TEXT(list[1].name, "scrub.idx");
    HOLDS(derived_find(tx, &source.content, "proxy 9", house.a, &list, &count, err) && count == 0);
    // A whole list says the same as one by one.
    json_t *items;
    int64_t total;
    const char *key, *key_id;
    HOLDS(asset_list(tx, &(struct asset_query){.project = house.project, .limit = 10}, house.a,
                     &items, &total, &key, &key_id, err));
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *single, *item = json_array_get(items, i);
        HOLDS(asset_get(tx, json_string_value(json_object_get(item, "id")), &single, err));
        HOLDS(json_equal(item, single));
        json_decref(single);
    }
    json_decref(items);
    json_decref(facts);
    json_decref(known);
    return true;
}

static void derived_files_belong_to_the_bytes_and_are_never_mixed(void **state)
{
    (void)state;
    IN_ONE_WRITE(deriving);
}

static bool stepping(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    static const struct {
        const char *to;
        bool good;
    } steps[] = {{"probing", true},  {"stored", false}, {"proxying", true}, {"failed", true},
                 {"probing", true},  {"ready", true},   {"failed", false},  {"stored", false},
                 {"proxying", true}, {"ready", true},   {"nonsense", false}};
    id made;
    HOLDS(add(tx, "a.mov", NULL, 1, &made, err));
    const char *version = version_of(tx, made.text, err);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        bool ok = version_state_set(tx, version, steps[i].to, "{\"title\":\"x\"}", err);
        if (ok != steps[i].good)
            return error_set(err, ERROR_INTERNAL, "step %zu to %s", i, steps[i].to);
    }
    struct version_source source;
    json_t *json;
    HOLDS(version_source(tx, version, house.a, &source, err));
    HOLDS_TEXT(source.state, "ready");
    HOLDS(version_get(tx, version, &json, err));
    HOLDS(json_is_null(json_object_get(json, "problem"))); // it is over
    json_decref(json);
    return true;
}

static void versions_go_forward_only(void **state)
{
    (void)state;
    IN_ONE_WRITE(stepping);
}

static bool telling(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id made;
    int64_t before;
    struct db_event *list;
    size_t count;
    HOLDS(db_one_int(tx, &before, 0, err, "select max(number) from events", ""));
    HOLDS(add(tx, "a.mov", NULL, 1, &made, err));
    const char *version = version_of(tx, made.text, err);
    HOLDS(version_state_set(tx, version, "ready", NULL, err));
    HOLDS(derived_growing(tx, version, "scrub", "scrub.mp4", "x/scrub.mp4", 5, err));
    HOLDS(db_events_after(tx, before, 20, house.a, &list, &count, err));
    static const char *const kinds[] = {"asset.changed", "version.stored", "asset.changed",
                                        "version.ready", "version.growing"};
    HOLDS_SAME(count, 5);
    for (size_t i = 0; i < 5; i++) {
        json_t *body = json_loads(list[i].body, 0, NULL);
        HOLDS_TEXT(list[i].kind, kinds[i]);
        HOLDS_TEXT(list[i].subject, kinds[i][0] == 'a' ? made.text : version);
        HOLDS_TEXT(json_string_value(json_object_get(body, "asset")), made.text);
        HOLDS_TEXT(json_string_value(json_object_get(body, "version")), version);
        HOLDS_TEXT(list[i].project, house.project);
        json_decref(body);
    }
    return true;
}

static void news_name_asset_and_version(void **state)
{
    (void)state;
    IN_ONE_WRITE(telling);
}

static bool comings(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id folder, first;
    int64_t total, changed, wrong;
    json_t *ids, *list;
    HOLDS(folder_ensure(tx, house.project, NULL, "Reel", &folder, err));
    HOLDS(add(tx, "a.mov", folder.text, 5, &first, err));
    ids = json_pack("[s, s, s]", first.text, "nothing", first.text);
    HOLDS(assets_delete(tx, house.project, ids, true, &changed, err) && changed == 1);
    // Its name is free for another; coming back it gives way.
    HOLDS(add(tx, "a.mov", folder.text, 5, NULL, err));
    HOLDS(assets_delete(tx, house.project, ids, false, &changed, err) && changed == 1);
    HOLDS_TEXT(names(tx, (struct asset_query){.folder = folder.text}, &total, err),
               "a (2).mov|a.mov");
    // A folder with deleted assets only is empty; they come back to the top.
    HOLDS(asset_list(tx, &(struct asset_query){.project = house.project, .limit = 10}, house.a,
                     &list, &total, &(const char *){NULL}, &(const char *){NULL}, err));
    json_t *all = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append(all, json_object_get(json_array_get(list, i), "id"));
    HOLDS(assets_delete(tx, house.project, all, true, &changed, err) && changed == 2);
    HOLDS_TEXT(names(tx, (struct asset_query){.deleted = true}, &total, err), "a (2).mov|a.mov");
    HOLDS(folder_delete(tx, folder.text, err));
    HOLDS(assets_delete(tx, house.project, all, false, &changed, err) && changed == 2);
    HOLDS_TEXT(names(tx, (struct asset_query){.folder = "top"}, &total, err), "a (2).mov|a.mov");
    HOLDS(assets_check(tx, &wrong, err) && wrong == 0);
    // Renaming to a name that is taken makes it free too.
    HOLDS(asset_change(tx, first.text, "a.mov", NULL, err));
    HOLDS_TEXT(names(tx, (struct asset_query){0}, &total, err), "a (2).mov|a.mov");
    HOLDS_NOT(asset_change(tx, first.text, "a\tb", NULL, err));
    HOLDS_NOT(assets_move(tx, house.project, ids, folder.text, &changed, err)); // it is gone
    HOLDS_SAME(err->kind, ERROR_NOT_FOUND);
    json_decref(all);
    json_decref(list);
    json_decref(ids);
    return true;
}

static void what_was_deleted_comes_back_whole(void **state)
{
    (void)state;
    IN_ONE_WRITE(comings);
}

static bool depths(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    char path[2 * 101 + 1] = "";
    id deep, other;
    json_t *list;
    for (int i = 0; i < 101; i++)
        strcat(path, i ? "/f" : "f");
    HOLDS_NOT(folder_ensure(tx, house.project, NULL, path, &deep, err));
    HOLDS_SAME(err->kind, ERROR_TOO_BIG);
    path[2 * 100 - 1] = 0;
    HOLDS(folder_ensure(tx, house.project, NULL, path, &deep, err));
    HOLDS(folder_ensure(tx, house.project, NULL, "x", &other, err));
    HOLDS_NOT(folder_change(tx, other.text, NULL, deep.text, err)); // one too deep
    // In order: parents first, then as people count.
    id project = id_new();
    HOLDS(project_make(tx, project.text, "P", "25", err));
    static const char *const paths[] = {"reel10", "Reel2", "Reel2/b", "Reel2/a", "a/z"};
    for (size_t i = 0; i < 5; i++)
        HOLDS(folder_ensure(tx, project.text, NULL, paths[i], &deep, err));
    HOLDS(folder_list(tx, project.text, &list, err));
    static const char *const order[] = {"a", "Reel2", "reel10", "a", "b", "z"};
    HOLDS_SAME(json_array_size(list), 6);
    for (size_t i = 0; i < 6; i++)
        HOLDS_TEXT(json_string_value(json_object_get(json_array_get(list, i), "name")), order[i]);
    json_decref(list);
    static const char *const bad[] = {"a/../b", "a/./b", "a/\x01/b", "a/\xff/b"};
    for (size_t i = 0; i < 4; i++)
        HOLDS_NOT(folder_ensure(tx, project.text, NULL, bad[i], &deep, err));
    HOLDS_NOT(project_make(tx, id_new().text, "P", "25.5", err));
    HOLDS_NOT(project_make(tx, id_new().text, "P", "0", err));
    HOLDS_NOT(project_make(tx, id_new().text, "", "25", err));
    return true;
}

static void folders_have_depth_and_order(void **state)
{
    (void)state;
    IN_ONE_WRITE(depths);
}

// ---- files that are one clip

static bool missing_is(struct db_tx *tx, const char *asset, const char *wanted, int64_t files,
                       struct error *err)
{
    json_t *got;
    char said[400] = "";
    HOLDS(asset_get(tx, asset, &got, err));
    json_t *version = json_object_get(got, "version"), *line;
    json_t *facts = json_object_get(version, "facts");
    size_t i;
    json_array_foreach(json_object_get(json_object_get(facts, "span"), "missing"), i, line)
        snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s", i ? ", " : "",
                 json_string_value(line));
    int64_t have = json_integer_value(json_object_get(version, "file_count"));
    json_decref(got);
    HOLDS_TEXT(said, wanted);
    HOLDS_SAME(have, files);
    return true;
}

static bool sets_say(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    static const struct span_track tracks[] = {{2, true}, {1003, false}, {1004, false}};
    struct span_set set = {.package = "mxf 1", .tracks = tracks, .count = 3};
    id picture, one, two;
    HOLDS(add(tx, "set_V1.mxf", NULL, 10, &picture, err) &&
          add(tx, "set_A1.mxf", NULL, 11, &one, err) && add(tx, "set_A2.mxf", NULL, 12, &two, err));
    set.track = 1004;
    HOLDS(span_atom(tx, two.text, &set, err));
    HOLDS(missing_is(tx, two.text, "", 1, err)); // others may be on their way
    set.over = true;
    HOLDS(span_atom(tx, two.text, &set, err)); // it came alone: it says so and stays by itself
    HOLDS(missing_is(tx, two.text, "picture, sound 1 of 2", 1, err));
    set.track = 2, set.several = true;
    HOLDS(span_atom(tx, picture.text, &set, err)); // one asset now, without the first sound
    HOLDS(missing_is(tx, picture.text, "sound 1 of 2", 2, err));
    set.track = 1003, set.over = set.several = false;
    HOLDS(span_atom(tx, one.text, &set, err));
    HOLDS(missing_is(tx, picture.text, "", 3, err));
    return true;
}

static void an_mxf_set_says_which_of_its_tracks_are_not_there(void **state)
{
    (void)state;
    IN_ONE_WRITE(sets_say);
}

static bool shots_say(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id parts[3];
    struct span_clip clips[3] = {
        {"shot", "A", "a", 0, 100, NULL, NULL, "b", "clip B (card 2)"},
        {"shot", "B", "b", 100, 100, "a", "clip A (card 1)", "c", "clip C (card 3)"},
        {"shot", "C", "c", 200, 50, "b", "clip B (card 2)", NULL, NULL}};
    static const char *const names[3] = {"A.MXF", "B.MXF", "C.MXF"};
    for (int i = 0; i < 3; i++)
        HOLDS(add(tx, names[i], NULL, 10 + i, &parts[i], err));
    HOLDS(span_shot_note(tx, house.project, &clips[2], parts[2].text, err) &&
          span_shot(tx, house.project, "shot", err));
    HOLDS(missing_is(tx, parts[2].text, "clip B (card 2) before it", 1, err));
    HOLDS(span_shot_note(tx, house.project, &clips[0], parts[0].text, err) &&
          span_shot(tx, house.project, "shot", err));
    HOLDS(missing_is(tx, parts[0].text, "clip B (card 2)", 2, err));
    HOLDS(span_shot_note(tx, house.project, &clips[1], parts[1].text, err) &&
          span_shot(tx, house.project, "shot", err));
    HOLDS(missing_is(tx, parts[0].text, "", 3, err));
    HOLDS(span_shot(tx, house.project, "shot", err)); // again is nothing new
    HOLDS(missing_is(tx, parts[0].text, "", 3, err));
    struct asset_file file;
    json_t *got;
    HOLDS(asset_get(tx, parts[0].text, &got, err));
    json_t *newest = json_object_get(got, "version");
    const char *version = arena_text(house.a, json_string_value(json_object_get(newest, "id")));
    json_decref(got);
    for (int i = 0; i < 3; i++) { // in the order of the shot, not of their coming
        HOLDS(version_file(tx, version, i + 1, house.a, &file, err));
        HOLDS_TEXT(file.name, names[i]);
    }
    return true;
}

static void a_recording_over_several_cards_is_one_asset_in_whatever_order_they_come(void **state)
{
    (void)state;
    IN_ONE_WRITE(shots_say);
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
        cmocka_unit_test_setup_teardown(names_sort_as_people_count, open_house, close_house),
        cmocka_unit_test_setup_teardown(search_finds_words_by_their_beginnings, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(the_same_ids_make_one_thing, open_house, close_house),
        cmocka_unit_test_setup_teardown(derived_files_belong_to_the_bytes_and_are_never_mixed,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(versions_go_forward_only, open_house, close_house),
        cmocka_unit_test_setup_teardown(news_name_asset_and_version, open_house, close_house),
        cmocka_unit_test_setup_teardown(what_was_deleted_comes_back_whole, open_house, close_house),
        cmocka_unit_test_setup_teardown(folders_have_depth_and_order, open_house, close_house),
        cmocka_unit_test_setup_teardown(an_mxf_set_says_which_of_its_tracks_are_not_there,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(
            a_recording_over_several_cards_is_one_asset_in_whatever_order_they_come, open_house,
            close_house),
    };
    return RUN_TESTS(tests);
}
