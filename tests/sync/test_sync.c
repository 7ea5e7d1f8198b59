#include "test.h"

#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"
#include "sync/table.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error err;

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s: %s", err.what, err.why);
}

// ---- decisions

static void every_case_has_its_decision(void **state)
{
    (void)state;
    static const struct {
        struct sync_case c;
        enum sync_do what;
    } cases[] = {
        // never equal: nothing is ever deleted
        {{false, SYNC_GONE, SYNC_GONE, SYNC_UNKNOWN}, SYNC_FORGET},
        {{false, SYNC_GONE, SYNC_OTHER, SYNC_UNKNOWN}, SYNC_FETCH},
        {{false, SYNC_OTHER, SYNC_GONE, SYNC_UNKNOWN}, SYNC_SEND},
        {{false, SYNC_OTHER, SYNC_OTHER, SYNC_UNKNOWN}, SYNC_COMPARE},
        {{false, SYNC_OTHER, SYNC_OTHER, SYNC_ALIKE}, SYNC_ADOPT},
        {{false, SYNC_OTHER, SYNC_OTHER, SYNC_UNLIKE}, SYNC_CONFLICT},
        // what can not be
        {{false, SYNC_SAME, SYNC_GONE, SYNC_UNKNOWN}, SYNC_WRONG},
        {{false, SYNC_SAME, SYNC_SAME, SYNC_UNKNOWN}, SYNC_WRONG},
        {{false, SYNC_SAME, SYNC_OTHER, SYNC_UNKNOWN}, SYNC_WRONG},
        {{false, SYNC_GONE, SYNC_SAME, SYNC_UNKNOWN}, SYNC_WRONG},
        {{false, SYNC_OTHER, SYNC_SAME, SYNC_UNKNOWN}, SYNC_WRONG},
        // equal once
        {{true, SYNC_GONE, SYNC_GONE, SYNC_UNKNOWN}, SYNC_FORGET},
        {{true, SYNC_GONE, SYNC_SAME, SYNC_UNKNOWN}, SYNC_DELETE_THERE},
        {{true, SYNC_GONE, SYNC_OTHER, SYNC_UNKNOWN}, SYNC_FETCH}, // a change wins
        {{true, SYNC_SAME, SYNC_GONE, SYNC_UNKNOWN}, SYNC_DELETE_HERE},
        {{true, SYNC_SAME, SYNC_SAME, SYNC_UNKNOWN}, SYNC_NOTHING},
        {{true, SYNC_SAME, SYNC_OTHER, SYNC_UNKNOWN}, SYNC_FETCH},
        {{true, SYNC_OTHER, SYNC_GONE, SYNC_UNKNOWN}, SYNC_SEND}, // a change wins
        {{true, SYNC_OTHER, SYNC_SAME, SYNC_UNKNOWN}, SYNC_SEND},
        {{true, SYNC_OTHER, SYNC_OTHER, SYNC_UNKNOWN}, SYNC_COMPARE},
        {{true, SYNC_OTHER, SYNC_OTHER, SYNC_ALIKE}, SYNC_ADOPT},
        {{true, SYNC_OTHER, SYNC_OTHER, SYNC_UNLIKE}, SYNC_CONFLICT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (sync_decide(&cases[i].c) != cases[i].what)
            fail_msg("case %zu: %s, not %s", i, sync_do_text(sync_decide(&cases[i].c)),
                     sync_do_text(cases[i].what));
}

static void a_deletion_needs_that_both_were_equal_and_the_other_side_still_is(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++)
        for (int here = SYNC_GONE; here <= SYNC_OTHER; here++)
            for (int there = SYNC_GONE; there <= SYNC_OTHER; there++)
                for (int alike = SYNC_UNKNOWN; alike <= SYNC_UNLIKE; alike++) {
                    struct sync_case c = {known, here, there, alike};
                    enum sync_do what = sync_decide(&c);
                    if (what == SYNC_DELETE_HERE)
                        assert_true(known && here == SYNC_SAME && there == SYNC_GONE);
                    if (what == SYNC_DELETE_THERE)
                        assert_true(known && there == SYNC_SAME && here == SYNC_GONE);
                }
}

static void many_deletions_are_for_a_person_to_allow(void **state)
{
    (void)state;
    assert_false(sync_deletes_many(20, 20));
    assert_true(sync_deletes_many(21, 60));
    assert_false(sync_deletes_many(21, 84));
    assert_false(sync_deletes_many(1000, 100000));
    assert_true(sync_deletes_many(1001, 100000));
}

// ---- names

static void patterns_leave_out_what_they_name(void **state)
{
    (void)state;
    struct sync_ignore *g = sync_ignore_open(
        text_of("# ours\n\n*.wip \n!keep.wip\n/top\ncache/\na/**/z\nshot_[0-9].*\n**/deep/*.x\n"));
    assert_true(sync_ignored(g, "x/scene.WIP", false));
    assert_false(sync_ignored(g, "x/keep.wip", false));
    assert_true(sync_ignored(g, "top", false));
    assert_false(sync_ignored(g, "x/top", false));
    assert_true(sync_ignored(g, "x/cache", true));
    assert_false(sync_ignored(g, "x/cache", false));
    assert_true(sync_ignored(g, "a/z", false));
    assert_true(sync_ignored(g, "a/b/c/z", false));
    assert_false(sync_ignored(g, "b/a/z", false));
    assert_true(sync_ignored(g, "shot_1.mov", false));
    assert_false(sync_ignored(g, "shot_a.mov", false));
    assert_true(sync_ignored(g, "deep/1.x", false));
    assert_true(sync_ignored(g, "a/deep/1.x", false));
    assert_false(sync_ignored(g, "a/deep/b/1.x", false));
    assert_true(sync_ignored(g, "take.pek", false)); // always
    assert_true(sync_ignored(g, "msmFMID.pmr", false));
    assert_false(sync_ignored(g, "# ours", false));
    sync_ignore_close(g);
    assert_true(sync_glob("a*b?c", "aXXbYc"));
    assert_false(sync_glob("a*c", "a/c"));
    assert_true(sync_glob("**", "a/b/c"));
    assert_true(sync_glob("\\*", "*"));
    assert_false(sync_glob("\\*", "x"));
    assert_false(sync_glob("[!a-c]", "b"));
    assert_true(sync_glob("[", "["));
}

static void a_hostile_pattern_ends(void **state)
{
    (void)state;
    char pattern[256], path[4000];
    for (size_t i = 0; i < sizeof(pattern) - 4; i += 3)
        memcpy(pattern + i, "**/", 3);
    strcpy(pattern + 252, "b");
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 2 ? '/' : 'a';
    path[sizeof(path) - 1] = 0;
    assert_false(sync_glob(pattern, path));
}

static void names_have_one_key_and_their_troubles(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    assert_string_equal(sync_key(a, "Day 1/CUT.mov"), "day 1/cut.mov");
    assert_string_equal(sync_key(a, "Cafe\xcc\x81"), sync_key(a, "CAF\xc3\x89"));
    assert_string_equal(sync_name_bad("plain.mov"), "");
    assert_string_equal(sync_name_bad("Caf\xc3\xa9"), "");
    assert_true(*sync_name_bad("a\nb"));
    assert_true(*sync_name_bad("\xff"));
    assert_true(*sync_name_bad(arena_format(a, "%0256d", 1)));
    assert_true(*sync_name_awkward("aux.txt"));
    assert_true(*sync_name_awkward("COM1"));
    assert_true(*sync_name_awkward("a:b"));
    assert_true(*sync_name_awkward("dot."));
    assert_string_equal(sync_name_awkward("common.txt"), "");
    assert_string_equal(sync_conflict_name(a, "cut.prproj", "ann", "desk", 1795788192000, 1),
                        "cut (conflict of ann at desk 2026-11-27 14.03.12).prproj");
    assert_string_equal(sync_conflict_name(a, ".x", "ann", "desk", 1795788192000, 2),
                        ".x (conflict of ann at desk 2026-11-27 14.03.12 2)");
    const char *longest = arena_format(a, "%s%0250d.mov", "\xc3\xa9", 1);
    const char *made = sync_conflict_name(a, longest, "ann", "desk", 0, 1);
    assert_true(strlen(made) <= 255);
    assert_string_equal(made + strlen(made) - 5, ").mov");
    arena_close(a);
}

// ---- the table

static struct here_item item(const char *path, int64_t size, uint64_t inode)
{
    return (struct here_item){path, false, size, 1000, inode};
}

static void what_was_equal_and_is_so_still_needs_nothing(void **state)
{
    (void)state;
    struct sync_table *t = sync_table_open();
    for (int i = 0; i < 3000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "Folder/File %d", i);
        struct sync_path *p = sync_table_at(t, path, false, true);
        struct here_item h = item(path, 5, (uint64_t)i);
        struct sync_there n = {.path = path, .thing = "T", .version = "V", .size = 5};
        assert_true(sync_path_here(p, &h, 1) && sync_path_there(p, &n, 1));
        assert_int_equal(sync_path_decide(p), SYNC_COMPARE);
        sync_path_equal(p);
    }
    assert_int_equal(sync_table_count(t), 3000);
    size_t at = 0;
    int seen = 0;
    for (struct sync_path *p; (p = sync_table_next(t, &at)); seen++)
        assert_int_equal(sync_path_decide(p), SYNC_NOTHING);
    assert_int_equal(seen, 3000);
    struct sync_path *p = sync_table_at(t, "FOLDER/file 7", false, false);
    struct here_item h = item("Folder/File 7", 6, 7);
    assert_true(sync_path_here(p, &h, 2));
    assert_int_equal(sync_path_decide(p), SYNC_SEND);
    p->is_here = false;
    assert_int_equal(sync_path_decide(p), SYNC_DELETE_THERE);
    p->is_there = p->known = false;
    sync_table_tidy(t);
    assert_null(sync_table_at(t, "Folder/File 7", false, false));
    struct sync_path *above = sync_table_at(t, "folder", true, true);
    assert_ptr_equal(sync_table_above(t, sync_table_at(t, "Folder/File 8", false, false)), above);
    assert_null(sync_table_above(t, above));
    sync_table_close(t);
}

static void two_spellings_of_one_round_never_take_turns(void **state)
{
    (void)state;
    struct sync_table *t = sync_table_open();
    struct sync_path *p = sync_table_at(t, "A.txt", false, true);
    struct here_item one = item("A.txt", 1, 1), two = item("a.txt", 2, 2);
    assert_true(sync_path_here(p, &one, 1));
    assert_false(sync_path_here(p, &two, 1));
    assert_int_equal(p->now.size, 1);
    struct sync_there n = {.path = "A.txt", .thing = "", .version = ""};
    assert_true(sync_path_there(p, &n, 1));
    sync_path_equal(p);
    assert_true(sync_path_here(p, &(struct here_item){"a.txt", false, 1, 1000, 1}, 2));
    assert_true(p->respelled_here);
    assert_int_equal(sync_path_decide(p), SYNC_NOTHING);
    sync_table_close(t);
}

// ---- the folder

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/posthouse-sync-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return folder_remove(root, &err) ? 0 : -1;
}

static const char *at(const char *path)
{
    static char whole[4][PATH_MAX];
    static int next;
    char *to = whole[next++ % 4];
    snprintf(to, PATH_MAX, "%s/%s", root, path);
    return to;
}

static struct here_seen put(const char *path, const char *bytes)
{
    struct stat s;
    must(file_write(at(path), bytes, strlen(bytes), 0640, &err));
    assert_int_equal(lstat(at(path), &s), 0);
    return (struct here_seen){s.st_size, (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec,
                              s.st_ino};
}

static void holds(const char *path, const char *bytes)
{
    struct buf content = BUF_LIMIT(1000);
    must(file_read(at(path), &content, &err));
    assert_string_equal(content.at ? content.at : "", bytes);
    buf_free(&content);
}

struct scanned {
    char found[1000], left[1000];
};

static void found(void *context, const struct here_item *i)
{
    struct scanned *s = context;
    snprintf(s->found + strlen(s->found), sizeof(s->found) - strlen(s->found), "%s%s|", i->path,
             i->folder ? "/" : "");
}

static void left(void *context, enum here_left what, const char *path, const char *why)
{
    struct scanned *s = context;
    (void)why;
    if (what > HERE_IGNORED)
        snprintf(s->left + strlen(s->left), sizeof(s->left) - strlen(s->left), "%d:%s|", what,
                 path);
}

static void a_scan_finds_what_is_kept_and_says_what_is_left_out(void **state)
{
    (void)state;
    struct scanned s = {"", ""};
    struct sync_ignore *g = sync_ignore_open(text_of("no/\n"));
    struct here_wish wish = {root, g, found, left, &s};
    must(folder_make(at("day/no"), 0755, &err));
    put("day/a.mov", "a");
    put("day/no/b.mov", "b");
    put("day/.hidden", "h");
    put("day/cut.prlock", "l");
    assert_int_equal(symlink("/", at("link")), 0);
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    put("\xff", "bad");
    must(here_scan(&wish, "", &err));
    assert_string_equal(s.found, "day/|day/a.mov|");
    assert_non_null(strstr(s.left, "2:link|"));
    assert_non_null(strstr(s.left, "3:pipe|"));
    assert_non_null(strstr(s.left, "4:\xff|"));
    struct here_item i;
    assert_true(here_look(&wish, "day/a.mov", &i) && i.size == 1);
    assert_false(here_look(&wish, "day/no/b.mov", &i));
    assert_false(here_look(&wish, "day/gone", &i));
    assert_false(here_scan(&wish, "nowhere", &err));
    sync_ignore_close(g);
}

static const char *temporary(const char *path, const char *bytes)
{
    static char to[PATH_MAX];
    sha256 content = sha256_of(bytes, strlen(bytes));
    must(here_temporary(root, path, &content, to, sizeof(to), &err));
    must(file_write(to, bytes, strlen(bytes), 0600, &err));
    return to;
}

static void a_file_is_replaced_only_when_it_is_what_it_was(void **state)
{
    (void)state;
    struct here_seen now, was = put("a", "old");
    assert_int_equal(chmod(at("a"), 0604), 0);
    must(here_place(root, "a", temporary("a", "new"), &was, 1000000000123, &now, &err));
    holds("a", "new");
    struct stat s;
    assert_int_equal(stat(at("a"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0604);
    assert_int_equal(s.st_mtim.tv_sec, 1000000000);
    assert_int_equal(now.size, 3);
    // somebody has saved: what they saved stays
    put("a", "saved");
    assert_false(here_place(root, "a", temporary("a", "newer"), &now, 0, &now, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    holds("a", "saved");
    // where nothing is to be, something is
    assert_false(here_place(root, "a", temporary("a", "fresh"), NULL, 0, &now, &err));
    holds("a", "saved");
    must(here_place(root, "b", temporary("b", "fresh"), NULL, 0, &now, &err));
    holds("b", "fresh");
}

static void what_is_deleted_goes_to_the_trash_for_a_time(void **state)
{
    (void)state;
    int64_t day = (int64_t)24 * 3600 * 1000, now = clock_now_ms();
    char path[PATH_MAX];
    must(folder_make(at("x"), 0755, &err));
    struct here_seen was = put("x/a", "one");
    must(here_trash(root, "x/a", &was, now, &err));
    assert_int_not_equal(access(at("x/a"), F_OK), 0);
    snprintf(path, sizeof(path), ".posthouse-trash/%.10s/x/a", clock_text(now).text);
    holds(path, "one");
    was = put("x/a", "two");
    must(here_trash(root, "x/a", &was, now, &err)); // the same name, the same day
    holds(path, "one");
    snprintf(path, sizeof(path), ".posthouse-trash/%.10s-2/x/a", clock_text(now).text);
    holds(path, "two");
    was = put("x/a", "three");
    put("x/a", "saved since");
    assert_false(here_trash(root, "x/a", &was, now, &err));
    holds("x/a", "saved since");
    here_trash_sweep(root, 30, now + 29 * day);
    holds(path, "two");
    here_trash_sweep(root, 30, now + 32 * day);
    assert_int_not_equal(access(at(path), F_OK), 0);
}

static void nothing_is_moved_over_and_no_folder_removed_that_holds_something(void **state)
{
    (void)state;
    uint64_t inode;
    struct here_seen was = put("a", "a");
    put("b", "b");
    assert_false(here_move(root, "a", "b", &was, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    must(here_move(root, "a", "n/e/w", &was, &err));
    holds("n/e/w", "a");
    must(here_folder_make(root, "empty/er", &inode, &err));
    put("empty/.DS_Store", "x");
    assert_false(here_folder_remove(root, "empty", &err));
    must(here_folder_remove(root, "empty/er", &err));
    must(here_folder_remove(root, "empty", &err));
    put("n/e/.secret", "x");
    assert_false(here_folder_remove(root, "n/e", &err));
    holds("n/e/.secret", "x");
}

static void a_file_that_is_being_written_waits(void **state)
{
    (void)state;
    put("a", "a");
    struct stat s;
    int fd = open(at("a"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &s), 0);
    struct here_item i = {"a", false, 1, (int64_t)s.st_mtim.tv_sec * 1000000000, s.st_ino};
    assert_false(here_quiet(root, &i, 3600 * 1000)); // changed within the hour
    i.changed_ns -= (int64_t)7200 * 1000000000;
    assert_false(here_quiet(root, &i, 3600 * 1000)); // long ago, but open
    close(fd);
    assert_true(here_quiet(root, &i, 3600 * 1000));
}

// ---- the state

static void row_counted(void *context, const struct sync_row *r)
{
    int *count = context;
    (*count)++;
    assert_string_equal(r->key, "caf\xc3\xa9");
    assert_string_equal(r->here, "Cafe\xcc\x81");
    assert_string_equal(r->thing, "T");
    assert_int_equal(r->inode, UINT64_MAX);
    assert_int_equal(r->content.at[5], 7);
}

static void what_is_remembered_comes_back(void **state)
{
    (void)state;
    int64_t number;
    int count = 0;
    struct sync_row rows[2] = {{.key = "caf\xc3\xa9",
                                .here = "Cafe\xcc\x81",
                                .there = "Caf\xc3\xa9",
                                .thing = "T",
                                .size = 9,
                                .inode = UINT64_MAX,
                                .content = {{[5] = 7}}},
                               {.key = "b", .here = "b", .there = "b"}};
    struct sync_state *s = sync_state_open(at("paths.db"), SYNC_MIGRATIONS, &err);
    must(s && sync_state_write(s, rows, 2, &err));
    rows[1].here = NULL;
    must(sync_state_write(s, rows, 2, &err));
    must(sync_state_event(s, &number, &err));
    assert_int_equal(number, 0);
    must(sync_state_event_set(s, 42, &err));
    sync_state_close(s);
    s = sync_state_open(at("paths.db"), SYNC_MIGRATIONS, &err);
    must(s && sync_state_event(s, &number, &err));
    assert_int_equal(number, 42);
    must(sync_state_load(s, row_counted, &count, &err));
    assert_int_equal(count, 1);
    sync_state_close(s);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_has_its_decision),
        cmocka_unit_test(a_deletion_needs_that_both_were_equal_and_the_other_side_still_is),
        cmocka_unit_test(many_deletions_are_for_a_person_to_allow),
        cmocka_unit_test(patterns_leave_out_what_they_name),
        cmocka_unit_test(a_hostile_pattern_ends),
        cmocka_unit_test(names_have_one_key_and_their_troubles),
        cmocka_unit_test(what_was_equal_and_is_so_still_needs_nothing),
        cmocka_unit_test(two_spellings_of_one_round_never_take_turns),
        ON_DISK(a_scan_finds_what_is_kept_and_says_what_is_left_out),
        ON_DISK(a_file_is_replaced_only_when_it_is_what_it_was),
        ON_DISK(what_is_deleted_goes_to_the_trash_for_a_time),
        ON_DISK(nothing_is_moved_over_and_no_folder_removed_that_holds_something),
        ON_DISK(a_file_that_is_being_written_waits),
        ON_DISK(what_is_remembered_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
