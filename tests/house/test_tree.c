#include "test.h"

#include "house/assets/assets.h"
#include "house/transfer/transfer.h"
#include "house/tree/tree.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"

#define PROJECT "01J0000000000000000000PR01"
#define OTHER "01J0000000000000000000PR02"
#define ANN "01J0000000000000000000PE01"
#define BEN "01J0000000000000000000PE02"
#define CEM "01J0000000000000000000PE03"

static char folder[64];
static struct db *db;
static struct store *store;
static struct transfers *transfers;
static struct tree *tree;
static struct arena *arena;
static struct error err;

static const struct who ann_who = {.kind = WHO_PERSON, .person = ANN, .session = ""},
                        ben_who = {.kind = WHO_PERSON, .person = BEN, .session = ""},
                        cem_who = {.kind = WHO_PERSON, .person = CEM, .session = ""};
static const struct tree_asker ann = {.who = &ann_who, .address = "192.0.2.1"}, ben = {.who = &ben_who, .address = "192.0.2.2"},
                               cem = {.who = &cem_who, .address = "192.0.2.3"};

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s: %s", err.what, err.why);
}

static void refused(bool ok, enum error_kind kind)
{
    assert_false(ok);
    if (err.kind != kind)
        fail_msg("kind %d: %s: %s", err.kind, err.what, err.why);
}

static bool fill(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return project_make(tx, PROJECT, "Film", "24/1", e) &&
           project_make(tx, OTHER, "Series", "25/1", e) &&
           db_run(tx, e, "insert into people values (?1, 'Ann', 'ann@example.org', null, 0, 0, 0)",
                  "s", ANN) &&
           db_run(tx, e, "insert into people values (?1, 'Ben', 'ben@example.org', null, 0, 0, 0)",
                  "s", BEN) &&
           db_run(tx, e, "insert into people values (?1, 'Cem', 'cem@example.org', null, 0, 0, 0)",
                  "s", CEM) &&
           db_run(tx, e, "insert into members values (?1, ?2, 'editor', 0)", "ss", PROJECT, ANN) &&
           db_run(tx, e, "insert into members values (?1, ?2, 'owner', 0)", "ss", OTHER, ANN) &&
           db_run(tx, e, "insert into members values (?1, ?2, 'guest', 0)", "ss", PROJECT, BEN);
}

static int set_up(void **state)
{
    char path[128];
    (void)state;
    strcpy(folder, "/tmp/posthouse-tree-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_open(256 << 20);
    snprintf(path, sizeof(path), "%s/db", folder);
    db = db_open(&(struct db_wish){.path = path, .migrations = MIGRATIONS}, &err);
    must(db != NULL);
    snprintf(path, sizeof(path), "%s/store", folder);
    store = store_open(&(struct store_wish){.folder = path, .db = db, .reserve_bytes = -1}, &err);
    must(store != NULL);
    transfers = transfers_open(&(struct transfers_wish){db, store}, &err);
    tree = tree_open(&(struct tree_wish){db, store}, &err);
    must(transfers && tree && db_write(db, fill, NULL, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tree_close(tree);
    transfers_close(transfers);
    store_close(store);
    db_close(db);
    arena_close(arena);
    return folder_remove(folder, &err) ? 0 : -1;
}

// ---- helpers

static bool send(const struct tree_asker *by, const char *path, const char *bytes)
{
    struct tree_write w;
    int64_t at;
    struct tree_write_wish wish = {.path = path, .size = -1, .fresh = true};
    return tree_write_begin(tree, by, &wish, &w, &err) &&
           (!*bytes || (tree_write_append(tree, w.id, 0, bytes, strlen(bytes), &err) &&
                        tree_write_sync(tree, w.id, &at, &err))) &&
           tree_write_finish(tree, by, w.id, (int64_t)strlen(bytes), 0, &err);
}

static struct tree_node at(const char *path)
{
    struct tree_node n;
    must(tree_find(tree, &ann, path, arena, &n, &err));
    return n;
}

static bool there(const char *path)
{
    struct tree_node n;
    bool found = tree_find(tree, &ann, path, arena, &n, &err);
    assert_true(found || err.kind == ERROR_NOT_FOUND);
    return found;
}

static void holds(const char *path, const char *bytes)
{
    struct tree_node n = at(path);
    const struct store_map *map;
    char got[256];
    assert_int_equal(n.size, strlen(bytes));
    must(tree_read(tree, &n, &map, &err));
    must(store_map_read(map, 0, got, strlen(bytes), &err));
    assert_memory_equal(got, bytes, strlen(bytes));
    store_map_close(store, map);
}

static const char *names_in(const char *path) // "a b c"
{
    struct tree_node n = at(path), *list;
    size_t count;
    char *all = "";
    must(tree_list(tree, &ann, &n, arena, &list, &count, &err));
    for (size_t i = 0; i < count; i++)
        all = arena_format(arena, "%s%s%s", all, i ? " " : "", list[i].name);
    return all;
}

struct counting {
    const char *sql;
    int64_t count;
};

static bool count_in_db(struct db_tx *tx, void *context, struct error *e)
{
    struct counting *c = context;
    return db_one_int(tx, &c->count, -1, e, c->sql, "");
}

static int64_t counted(const char *sql)
{
    struct counting c = {.sql = sql};
    must(db_read(db, count_in_db, &c, &err));
    return c.count;
}

static bool move(const char *from, const char *to, bool overwrite)
{
    bool found;
    struct tree_move m = {.from = from, .to = to, .overwrite = overwrite};
    return tree_move(tree, &ann, &m, &found, &err);
}

static const char *path_of(const char *raw)
{
    const char *path;
    return tree_path(text_of(raw), arena, &path, &err) ? path : NULL;
}

// ---- tests

static void paths_are_made_plain_and_bad_ones_refused(void **state)
{
    (void)state;
    assert_string_equal(path_of(""), "/");
    assert_string_equal(path_of("//Film//Day 1/"), "/Film/Day 1");
    // "e" and an accent become one letter.
    assert_string_equal(path_of("/Cafe\xcc\x81"), "/Caf\xc3\xa9");
    assert_null(path_of("/a/../b"));
    assert_null(path_of("/a/./b"));
    assert_null(path_of("/a\nb"));
    assert_null(path_of("/\xff\xfe"));
    assert_null(path_of(arena_format(arena, "/%0300d", 1)));
    assert_string_equal(tree_parent_of(arena, "/Film"), "/");
    assert_string_equal(tree_parent_of(arena, "/Film/a"), "/Film");
}

static void what_is_written_is_an_asset_and_written_over_a_version(void **state)
{
    (void)state;
    must(tree_folder_make(tree, &ann, "/Film/Day 1", &err));
    must(send(&ann, "/Film/Day 1/a.mov", "first"));
    holds("/Film/Day 1/a.mov", "first");
    assert_string_equal(names_in("/Film"), "Day 1");
    assert_string_equal(names_in("/"), "Film Series");
    const char *asset = at("/Film/Day 1/a.mov").id;
    must(send(&ann, "/Film/Day 1/a.mov", "second"));
    holds("/Film/Day 1/a.mov", "second");
    assert_string_equal(at("/Film/Day 1/a.mov").id, asset);
    assert_int_equal(counted("select versions from assets"), 2);
    must(send(&ann, "/Film/Day 1/a.mov", "second")); // nothing new
    assert_int_equal(counted("select versions from assets"), 2);
    assert_int_equal(counted("select count(*) from events where kind = 'version.stored'"), 2);
    assert_int_equal(counted("select count(*) from assets where kind = 'clip'"), 1);
    refused(send(&ann, "/Film/Nowhere/a.mov", "x"), ERROR_CONFLICT);
    refused(send(&ann, "/Film/Day 1", "x"), ERROR_CONFLICT);
    refused(send(&ann, "/a.mov", "x"), ERROR_DENIED);
}

static void an_upload_that_is_not_complete_is_nobodys_file_and_goes_on(void **state)
{
    (void)state;
    struct tree_write w, again, other;
    int64_t offset;
    struct tree_write_wish wish = {.path = "/Film/long.mov", .size = 10};
    must(tree_write_begin(tree, &ann, &wish, &w, &err));
    must(tree_write_append(tree, w.id, 0, "12345", 5, &err));
    must(tree_write_sync(tree, w.id, &offset, &err));
    assert_false(there("/Film/long.mov"));
    refused(tree_write_finish(tree, &ann, w.id, 5, 0, &err), ERROR_CONFLICT);
    assert_false(there("/Film/long.mov"));
    assert_int_equal(counted("select count(*) from assets"), 0);
    // The same person goes on where it stands; another one never sees it.
    must(tree_write_at(tree, &ann, "/Film/long.mov", &again, &err));
    assert_int_equal(again.offset, 5);
    refused(tree_write_find(tree, &ben, w.id, &other, &err), ERROR_NOT_FOUND);
    refused(tree_write_finish(tree, &ben, w.id, 10, 0, &err), ERROR_CONFLICT);
    must(tree_write_begin(tree, &ann, &wish, &again, &err));
    assert_string_equal(again.id, w.id);
    must(tree_write_append(tree, w.id, 5, "67890", 5, &err));
    must(tree_write_sync(tree, w.id, &offset, &err));
    must(tree_write_finish(tree, &ann, w.id, 10, 0, &err));
    holds("/Film/long.mov", "1234567890");
    // Begun afresh nothing of the old is left.
    wish.fresh = true;
    must(tree_write_begin(tree, &ann, &wish, &w, &err));
    must(tree_write_append(tree, w.id, 0, "abc", 3, &err));
    must(tree_write_sync(tree, w.id, &offset, &err));
    must(tree_write_begin(tree, &ann, &wish, &again, &err));
    assert_int_equal(again.offset, 0);
    must(tree_write_drop(tree, again.id, &err));
    assert_int_equal(counted("select count(*) from door_files"), 0);
    holds("/Film/long.mov", "1234567890");
}

static void names_are_found_however_they_are_written(void **state)
{
    (void)state;
    must(send(&ann, "/Film/Caf\xc3\xa9.mov", "x"));
    must(tree_folder_make(tree, &ann, "/Film/Ton", &err));
    assert_true(there(path_of("/film/Cafe\xcc\x81.MOV")));
    assert_string_equal(at("/FILM/caf\xc3\xa9.mov").path, "/Film/Caf\xc3\xa9.mov");
    refused(tree_folder_make(tree, &ann, "/Film/TON", &err), ERROR_CONFLICT);
    assert_false(there("/Film/Cafe.mov"));
    must(send(&ann, path_of("/Film/CAFE\xcc\x81.mov"), "y")); // the same thing
    assert_int_equal(counted("select count(*) from assets"), 1);
    must(move("/Film/caf\xc3\xa9.mov", "/Film/CAF\xc3\x89.mov", false)); // only its case
    assert_string_equal(at("/Film/caf\xc3\xa9.mov").name, "CAF\xc3\x89.mov");
}

static void an_asset_that_lost_its_ending_is_shown_with_it(void **state)
{
    (void)state;
    must(send(&ann, "/Film/A001.mov", "x"));
    struct tree_node n = at("/Film/A001.mov");
    must(move("/Film/A001.mov", "/Film/Interview", false));
    assert_string_equal(names_in("/Film"), "Interview.mov");
    assert_string_equal(at("/Film/interview.mov").id, n.id);
}

static void passing_names_are_no_assets_until_they_are_renamed(void **state)
{
    (void)state;
    must(send(&ann, "/Film/cut.prproj", "one"));
    must(send(&ann, "/Film/cut.prproj.tmp", "two"));
    must(send(&ann, "/Film/cut.prlock", "ann"));
    must(send(&ann, "/Film/._cut.prproj", "mac"));
    assert_int_equal(counted("select count(*) from assets"), 1);
    holds("/Film/cut.prlock", "ann");
    const char *asset = at("/Film/cut.prproj").id;
    refused(move("/Film/cut.prproj.tmp", "/Film/cut.prproj", false), ERROR_CONFLICT);
    must(move("/Film/cut.prproj.tmp", "/Film/cut.prproj", true)); // saved by renaming
    holds("/Film/cut.prproj", "two");
    assert_string_equal(at("/Film/cut.prproj").id, asset);
    assert_int_equal(counted("select versions from assets"), 2);
    assert_false(there("/Film/cut.prproj.tmp"));
    must(send(&ann, "/Film/new.aaf.part", "aaf"));
    must(move("/Film/new.aaf.part", "/Film/new.aaf", true));
    assert_int_equal(counted("select count(*) from assets"), 2);
    must(tree_delete(tree, &ann, "/Film/cut.prlock", &err));
    must(tree_delete(tree, &ann, "/Film/._cut.prproj", &err));
    assert_int_equal(counted("select count(*) from door_files"), 0);
    assert_string_equal(names_in("/Film"), "cut.prproj new.aaf");
    // A file that is made empty first is one asset in the end.
    must(send(&ann, "/Film/late.mov", ""));
    assert_int_equal(counted("select count(*) from assets"), 2);
    must(send(&ann, "/Film/late.mov", "now"));
    assert_int_equal(counted("select count(*) from assets"), 3);
    assert_int_equal(counted("select count(*) from door_files"), 0);
}

static void what_is_moved_aside_while_saving_keeps_its_history(void **state)
{
    (void)state;
    must(send(&ann, "/Film/letter.docx", "one"));
    const char *asset = at("/Film/letter.docx").id;
    must(send(&ann, "/Film/~WRD0001.tmp", "two"));
    must(move("/Film/letter.docx", "/Film/~WRL0002.tmp", false));
    assert_false(there("/Film/letter.docx"));
    holds("/Film/~WRL0002.tmp", "one");
    must(move("/Film/~WRD0001.tmp", "/Film/letter.docx", false));
    must(tree_delete(tree, &ann, "/Film/~WRL0002.tmp", &err));
    holds("/Film/letter.docx", "two");
    assert_string_equal(at("/Film/letter.docx").id, asset);
    assert_int_equal(counted("select versions from assets"), 2);
    assert_int_equal(counted("select count(*) from assets where deleted = 0"), 1);
    assert_int_equal(counted("select count(*) from door_properties"), 0);
    // Moved aside and back nothing has changed.
    must(move("/Film/letter.docx", "/Film/letter.docx~", false));
    must(move("/Film/letter.docx~", "/Film/letter.docx", false));
    assert_string_equal(at("/Film/letter.docx").id, asset);
    assert_string_equal(names_in("/Film"), "letter.docx");
    assert_int_equal(counted("select count(*) from door_files"), 0);
}

static bool age(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_run(tx, e, "update transfers set active_ms = 1", "") &&
           db_run(tx, e, "update frame_changes set changed_ms = 1", "") &&
           db_run(tx, e, "update door_files set active_ms = 1", "");
}

static void pictures_wait_for_their_sequence_and_are_there_meanwhile(void **state)
{
    (void)state;
    must(send(&ann, "/Film/shot.0001.exr", "one"));
    must(send(&ann, "/Film/shot.0002.exr", "two"));
    must(send(&ann, "/Film/shot.0002.exr", "two again"));
    assert_int_equal(counted("select count(*) from assets"), 0);
    assert_string_equal(names_in("/Film"), "shot.0001.exr shot.0002.exr");
    holds("/Film/shot.0002.exr", "two again");
    must(db_write(db, age, NULL, &err) && transfers_sweep(transfers, &err));
    assert_int_equal(counted("select count(*) from assets where kind = 'sequence'"), 1);
    assert_int_equal(counted("select count(*) from assets"), 1);
    assert_string_equal(names_in("/Film"), "shot.0001.exr shot.0002.exr");
    holds("/Film/shot.0002.exr", "two again");
}

static void rest(void)
{
    must(db_write(db, age, NULL, &err) && transfers_sweep(transfers, &err));
    must(tree_sweep(tree, &err));
}

static void frames_that_are_changed_one_by_one_become_a_version_together(void **state)
{
    (void)state;
    must(send(&ann, "/Film/shot.0001.exr", "one"));
    must(send(&ann, "/Film/shot.0002.exr", "two"));
    must(send(&ann, "/Film/shot.0003.exr", "three"));
    rest();
    must(send(&ann, "/Film/shot.0002.exr", "two again"));
    must(send(&ann, "/Film/shot.0002.exr", "two at last"));
    must(send(&ann, "/Film/shot.0011.exr", "late"));
    must(send(&ann, "/Film/shot.0010.exr", "later"));
    must(tree_delete(tree, &ann, "/Film/shot.0001.exr", &err));
    assert_string_equal(names_in("/Film"),
                        "shot.0002.exr shot.0003.exr shot.0010.exr shot.0011.exr");
    assert_false(there("/Film/shot.0001.exr"));
    holds("/Film/shot.0002.exr", "two at last");
    must(tree_touch(tree, &ann, "/Film/shot.0002.exr", 1000000000000, &err));
    assert_int_equal(counted("select versions from assets"), 1); // others may come
    must(tree_sweep(tree, &err));
    assert_int_equal(counted("select versions from assets"), 1);
    rest();
    assert_int_equal(counted("select versions from assets"), 2);
    assert_int_equal(counted("select count(*) from assets"), 1);
    assert_int_equal(counted("select count(*) from frame_changes"), 0);
    assert_string_equal(names_in("/Film"),
                        "shot.0002.exr shot.0003.exr shot.0010.exr shot.0011.exr");
    holds("/Film/shot.0002.exr", "two at last");
    holds("/Film/shot.0011.exr", "late");
    assert_int_equal(at("/Film/shot.0002.exr").modified_ms, 1000000000000);
    assert_int_equal(
        counted("select json_array_length(v.known, '$.sequence.missing') from assets a "
                "join versions v on v.id = a.newest"),
        6);
    // As it was is no version; the frame that came back is the same file.
    must(send(&ann, "/Film/shot.0003.exr", "other"));
    must(send(&ann, "/Film/shot.0003.exr", "three"));
    rest();
    assert_int_equal(counted("select versions from assets"), 2);
    assert_int_equal(counted("select count(*) from (select content from door_files union all "
                             "select content from transfer_files) u where content not in (select "
                             "content from contents)"),
                     0);
}

static void frames_move_and_a_sequence_goes_with_its_last_one(void **state)
{
    (void)state;
    must(tree_folder_make(tree, &ann, "/Film/sh010", &err));
    must(send(&ann, "/Film/sh010/a.01.dpx", "one"));
    must(send(&ann, "/Film/sh010/a.02.dpx", "two"));
    rest();
    must(move("/Film/sh010/a.02.dpx", "/Film/sh010/a.03.dpx", false));
    assert_string_equal(names_in("/Film/sh010"), "a.01.dpx a.03.dpx");
    holds("/Film/sh010/a.03.dpx", "two");
    must(tree_delete(tree, &ann, "/Film/sh010/a.01.dpx", &err));
    refused(tree_delete(tree, &ben, "/Film/sh010/a.03.dpx", &err), ERROR_DENIED);
    must(tree_delete(tree, &ann, "/Film/sh010/a.03.dpx", &err));
    assert_string_equal(names_in("/Film/sh010"), "");
    assert_int_equal(counted("select count(*) from assets where deleted = 1"), 1);
    must(tree_delete_exactly(tree, &ann, "/Film/sh010", NULL, &err));
    rest();
    assert_int_equal(counted("select versions from assets"), 1); // whole, for who restores it
    // All but one: that is a still.
    must(send(&ann, "/Film/b.01.dpx", "one"));
    must(send(&ann, "/Film/b.02.dpx", "two"));
    rest();
    must(tree_delete(tree, &ann, "/Film/b.02.dpx", &err));
    rest();
    assert_string_equal(names_in("/Film"), "b.01.dpx");
    holds("/Film/b.01.dpx", "one");
}

static void a_time_is_set_behind_a_copy(void **state)
{
    (void)state;
    must(send(&ann, "/Film/a.mov", "x"));
    must(send(&ann, "/Film/a.tmp", "x"));
    must(tree_touch(tree, &ann, "/Film/a.mov", 1000000000000, &err));
    must(tree_touch(tree, &ann, "/Film/a.tmp", 1100000000000, &err));
    assert_int_equal(at("/Film/a.mov").modified_ms, 1000000000000);
    assert_int_equal(at("/Film/a.tmp").modified_ms, 1100000000000);
    assert_int_equal(counted("select versions from assets"), 1);
    refused(tree_touch(tree, &ben, "/Film/a.mov", 1, &err), ERROR_DENIED);
    refused(tree_touch(tree, &ann, "/Film/b.mov", 1, &err), ERROR_NOT_FOUND);
}

static void a_role_may_what_it_may_elsewhere(void **state)
{
    (void)state;
    struct tree_node n;
    must(send(&ann, "/Film/a.mov", "x"));
    must(tree_find(tree, &ben, "/Film/a.mov", arena, &n, &err));
    refused(send(&ben, "/Film/b.mov", "x"), ERROR_DENIED);
    refused(tree_delete(tree, &ben, "/Film/a.mov", &err), ERROR_DENIED);
    refused(tree_folder_make(tree, &ben, "/Film/f", &err), ERROR_DENIED);
    struct tree_move m = {.from = "/Film/a.mov", .to = "/Film/b.mov"};
    bool found;
    refused(tree_move(tree, &ben, &m, &found, &err), ERROR_DENIED);
    refused(tree_find(tree, &ben, "/Series", arena, &n, &err), ERROR_NOT_FOUND);
    refused(tree_find(tree, &cem, "/Film/a.mov", arena, &n, &err), ERROR_NOT_FOUND);
    refused(send(&cem, "/Film/b.mov", "x"), ERROR_CONFLICT);
    refused(tree_delete(tree, &ann, "/Film", &err), ERROR_DENIED);
    refused(tree_folder_make(tree, &ann, "/New", &err), ERROR_DENIED);
    refused(move("/Film", "/Movie", false), ERROR_DENIED);
}

static void folders_move_copy_and_go_whole(void **state)
{
    (void)state;
    bool found;
    must(tree_folder_make(tree, &ann, "/Film/A", &err));
    must(tree_folder_make(tree, &ann, "/Film/A/B", &err));
    must(send(&ann, "/Film/A/B/x.mov", "x"));
    must(send(&ann, "/Film/A/y.tmp", "y"));
    struct tree_move copy = {.from = "/Film/A", .to = "/Series/A", .copy = true};
    must(tree_move(tree, &ann, &copy, &found, &err));
    holds("/Series/A/B/x.mov", "x");
    refused(tree_move(tree, &ann, &copy, &found, &err), ERROR_CONFLICT);
    assert_true(found);
    refused(move("/Film/A", "/Film/A/B/C", false), ERROR_CONFLICT);
    refused(move("/Film/A", "/Series/Z", false), ERROR_UNSUPPORTED);
    must(move("/Film/A", "/Film/C", false));
    holds("/Film/C/B/x.mov", "x");
    assert_false(there("/Film/A"));
    must(move("/Film/C/B/x.mov", "/Series/z.mov", false)); // into another project
    holds("/Series/z.mov", "x");
    must(tree_delete(tree, &ann, "/Series/A", &err));
    assert_string_equal(names_in("/Series"), "z.mov");
    assert_int_equal(counted("select count(*) from assets where deleted = 1"), 2);
    assert_int_equal(counted("select count(*) from door_files"), 1);
    assert_int_equal(counted("select count(*) from audit where action = 'door.deleted'"), 1);
    copy = (struct tree_move){.from = "/Film/C", .to = "/Film/C/D", .copy = true};
    must(tree_move(tree, &ann, &copy, &found, &err)); // into itself ends
    assert_true(there("/Film/C/D/B"));
    assert_false(there("/Film/C/D/D"));
}

static void what_never_arrives_is_swept(void **state)
{
    (void)state;
    struct tree_write w;
    struct tree_write_wish wish = {.path = "/Film/a.mov", .size = 100};
    must(tree_write_begin(tree, &ann, &wish, &w, &err));
    must(send(&ann, "/Film/old.tmp", "x"));
    must(send(&ann, "/Film/done", ""));
    must(tree_sweep(tree, &err));
    assert_int_equal(counted("select count(*) from door_files"), 3);
    must(db_write(db, age, NULL, &err) && tree_sweep(tree, &err));
    assert_string_equal(names_in("/Film"), "done");
    struct store_numbers n;
    must(store_numbers(store, &n, &err));
    assert_int_equal(n.uploads, 0);
}

static bool another_film(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return project_make(tx, "01J0000000000000000000PR03", "film", "24/1", e) &&
           db_run(tx, e,
                  "insert into members values ('01J0000000000000000000PR03', ?1, 'owner', 0)", "s",
                  ANN);
}

static void two_projects_of_one_name_are_told_apart(void **state)
{
    (void)state;
    must(db_write(db, another_film, NULL, &err));
    assert_string_equal(names_in("/"), "Film Series film (2)");
    must(send(&ann, "/Film (2)/a.mov", "x"));
    assert_false(there("/Film/a.mov"));
}

// What a sync folder has sent, under a name of the transfer.
static char sent_by[27];
static void sent(const char *as, const char *bytes)
{
    struct small_file f = {.path = as,
                           .bytes = text_of(bytes),
                           .hash = sha256_of(bytes, strlen(bytes)),
                           .modified_ms = 1000};
    struct transfer_file *made;
    size_t count;
    struct transfer_wish wish = {
        .project = PROJECT, .name = "sync", .origin = "sync", .key = "k", .person = ANN};
    must(transfer_begin(transfers, &wish, sent_by, &err) &&
         transfer_small(transfers, sent_by, &f, 1, arena, &made, &count, &err));
}

static struct tree_placed place(const char *path, const char *as, const char *instead)
{
    struct tree_placed out;
    struct tree_place p = {.path = path, .as = as, .fresh = !instead};
    if (instead) {
        sha256 hash = sha256_of(instead, strlen(instead));
        p.instead = sha256_of(hash.at, SHA256_SIZE);
    }
    must(tree_place_all(tree, &ann, sent_by, &p, 1, arena, &out, &err));
    return out;
}

static void a_file_is_placed_only_where_it_was_meant_to_be(void **state)
{
    (void)state;
    must(tree_folder_make(tree, &ann, "/Film/Edit", &err));
    sent("1", "first");
    assert_string_equal(names_in("/Film"), "Edit"); // nothing is anybody's yet
    assert_int_equal(place("/Film/Edit/a.txt", "1", NULL).refused.kind, ERROR_NONE);
    holds("/Film/Edit/a.txt", "first");
    assert_int_equal(at("/Film/Edit/a.txt").modified_ms, 1000);
    sent("2", "second");
    assert_int_equal(place("/Film/Edit/a.txt", "2", NULL).refused.kind, ERROR_CONFLICT);
    assert_int_equal(place("/Film/Edit/a.txt", "2", "other").refused.kind, ERROR_CONFLICT);
    assert_int_equal(place("/Film/Edit/b.txt", "2", "first").refused.kind, ERROR_CONFLICT);
    holds("/Film/Edit/a.txt", "first");
    struct tree_placed placed = place("/Film/Edit/a.txt", "2", "first");
    assert_int_equal(placed.refused.kind, ERROR_NONE);
    assert_int_equal(placed.node.size, 6);
    holds("/Film/Edit/a.txt", "second");
    assert_int_equal(counted("select count(*) from assets"), 1);
    assert_int_equal(counted("select count(*) from versions"), 2);
    assert_int_equal(place("/Film/Edit/a.txt", "2", "second").refused.kind, ERROR_NOT_FOUND);
    sent("3", "second"); // an answer was lost, and it comes again
    assert_int_equal(place("/Film/Edit/a.txt", "3", "first").refused.kind, ERROR_NONE);
    assert_int_equal(counted("select count(*) from versions"), 2);
    sent("4", "x");
    assert_int_equal(place("/Film/no/a.txt", "4", NULL).refused.kind, ERROR_CONFLICT);
    assert_int_equal(place("/Series/a.txt", "4", NULL).refused.kind, ERROR_INPUT);
    assert_int_equal(place("/Film/Edit", "4", NULL).refused.kind, ERROR_CONFLICT);
    struct tree_place p = {.path = "/Film/c.txt", .as = "4", .fresh = true};
    struct tree_placed out;
    refused(tree_place_all(tree, &ben, sent_by, &p, 1, arena, &out, &err), ERROR_NOT_FOUND);
    assert_int_equal(counted("select count(*) from transfer_files"), 1);
}

static void what_is_not_as_it_was_seen_is_not_moved_or_deleted(void **state)
{
    (void)state;
    must(send(&ann, "/Film/a.txt", "first"));
    must(tree_folder_make(tree, &ann, "/Film/Day", &err));
    sha256 seen = at("/Film/a.txt").content;
    bool found;
    struct tree_move m = {.from = "/Film/a.txt", .to = "/Film/b.txt", .content = &seen};
    must(send(&ann, "/Film/a.txt", "second"));
    refused(tree_move(tree, &ann, &m, &found, &err), ERROR_CONFLICT);
    refused(tree_delete_exactly(tree, &ann, "/Film/a.txt", &seen, &err), ERROR_CONFLICT);
    refused(tree_delete_exactly(tree, &ann, "/Film/a.txt", NULL, &err), ERROR_CONFLICT);
    refused(tree_delete_exactly(tree, &ann, "/Film/Day", &seen, &err), ERROR_CONFLICT);
    seen = at("/Film/a.txt").content;
    must(tree_move(tree, &ann, &m, &found, &err));
    holds("/Film/b.txt", "second");
    must(send(&ann, "/Film/Day/c.txt", "c"));
    refused(tree_delete_exactly(tree, &ann, "/Film/Day", NULL, &err), ERROR_CONFLICT);
    must(tree_delete(tree, &ann, "/Film/Day/c.txt", &err));
    must(tree_delete_exactly(tree, &ann, "/Film/Day", NULL, &err));
    must(tree_delete_exactly(tree, &ann, "/Film/b.txt", &seen, &err));
    assert_string_equal(names_in("/Film"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_are_made_plain_and_bad_ones_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_is_an_asset_and_written_over_a_version,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_that_is_not_complete_is_nobodys_file_and_goes_on,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_found_however_they_are_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_asset_that_lost_its_ending_is_shown_with_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(passing_names_are_no_assets_until_they_are_renamed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_moved_aside_while_saving_keeps_its_history, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pictures_wait_for_their_sequence_and_are_there_meanwhile,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            frames_that_are_changed_one_by_one_become_a_version_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_move_and_a_sequence_goes_with_its_last_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_time_is_set_behind_a_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_role_may_what_it_may_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_move_copy_and_go_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_never_arrives_is_swept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_projects_of_one_name_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_placed_only_where_it_was_meant_to_be, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_as_it_was_seen_is_not_moved_or_deleted, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
