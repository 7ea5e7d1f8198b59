#include "arrive/arrive.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static enum file_writer said_of_all;
static enum file_writer say(const char *path)
{
    (void)path;
    return said_of_all;
}

static void see(struct arrive *a, const char *path, int64_t size, int64_t changed_ns)
{
    arrive_see(a,
               &(struct file_seen){.relative = path,
                                   .kind = path[strlen(path) - 1] == '/' ? FILE_FOLDER : FILE_PLAIN,
                                   .size = size,
                                   .modified_ns = 1000,
                                   .changed_ns = changed_ns,
                                   .inode = 7});
}

static enum arrive_state look(struct arrive *a, const char *path, int64_t size, int64_t changed_ns,
                              int64_t now_ms)
{
    arrive_begin(a);
    see(a, path, size, changed_ns);
    arrive_end(a, "/nowhere", now_ms);
    return arrive_file(a, path)->state;
}

static void a_file_is_taken_after_so_many_looks_that_saw_the_same(void **state)
{
    (void)state;
    struct arrive_rules rules = {.looks = 3};
    struct arrive *a = arrive_open(&rules);
    assert_int_equal(look(a, "a.mov", 10, 1, 0), ARRIVE_CHANGING);
    assert_int_equal(look(a, "a.mov", 10, 1, 0), ARRIVE_CHANGING);
    assert_int_equal(look(a, "a.mov", 11, 1, 0), ARRIVE_CHANGING); // it grew
    assert_int_equal(look(a, "a.mov", 11, 1, 0), ARRIVE_CHANGING);
    assert_int_equal(look(a, "a.mov", 11, 2, 0), ARRIVE_CHANGING); // its times were set back
    assert_int_equal(look(a, "a.mov", 11, 2, 0), ARRIVE_CHANGING);
    assert_int_equal(look(a, "a.mov", 11, 2, 0), ARRIVE_READY);
    arrive_close(a);
}

static void a_file_that_is_young_or_written_to_waits(void **state)
{
    (void)state;
    struct arrive_rules rules = {.looks = 1, .age_ms = 5000, .writer = say};
    struct arrive *a = arrive_open(&rules);
    int64_t at = 1000000000LL * 100;
    said_of_all = WRITER_UNKNOWN;
    assert_int_equal(look(a, "a.mov", 10, at, 104000), ARRIVE_YOUNG);
    assert_int_equal(look(a, "a.mov", 10, at, 105000), ARRIVE_READY);
    assert_int_equal(look(a, "a.mov", 10, at, 50000), ARRIVE_READY); // the clock was set back
    said_of_all = WRITER_SOME;
    assert_int_equal(look(a, "a.mov", 10, at, 200000), ARRIVE_WRITTEN);
    said_of_all = WRITER_NONE;
    assert_int_equal(look(a, "a.mov", 10, at, 200000), ARRIVE_READY);
    arrive_close(a);
}

static void what_was_taken_stays_so_until_it_changes_and_is_forgotten_when_it_goes(void **state)
{
    (void)state;
    struct arrive_rules rules = {.looks = 1};
    struct arrive *a = arrive_open(&rules);
    look(a, "a.mov", 10, 1, 0);
    arrive_file(a, "a.mov")->taken = true;
    arrive_file(a, "a.mov")->problem = strdup("none");
    look(a, "a.mov", 10, 1, 0);
    assert_true(arrive_file(a, "a.mov")->taken);
    assert_string_equal(arrive_file(a, "a.mov")->problem, "none");
    arrive_begin(a); // the folder is away in the middle of a look
    arrive_undo(a);
    assert_true(arrive_file(a, "a.mov")->taken);
    look(a, "a.mov", 12, 1, 0);
    assert_false(arrive_file(a, "a.mov")->taken);
    look(a, "b.mov", 12, 1, 0);
    assert_null(arrive_file(a, "a.mov"));
    arrive_close(a);
}

static void names_of_what_is_not_finished_wait(void **state)
{
    (void)state;
    static const char *const wait[] = {"a.mov.part", "A.TMP",       "x.crdownload",
                                       "notes~",     "~$Book.docx", ".clip.mov.Xa91Zq",
                                       "Cut.prlock", "Bin 1.lck",   NULL};
    static const char *const go[] = {"a.mov",        "a.part1.rar",    ".hidden", ".secret",
                                     "template.psd", "clip.parts.mov", NULL};
    for (size_t i = 0; wait[i]; i++)
        if (!arrive_name_unfinished(wait[i]))
            fail_msg("%s does not wait", wait[i]);
    for (size_t i = 0; go[i]; i++)
        if (arrive_name_unfinished(go[i]))
            fail_msg("%s waits", go[i]);
}

static void a_lock_keeps_what_it_lies_beside(void **state)
{
    (void)state;
    struct arrive_rules rules = {.looks = 1};
    struct arrive *a = arrive_open(&rules);
    arrive_begin(a);
    see(a, "Cut/Film.prproj", 1, 1);
    see(a, "Cut/Film.prlock", 1, 1);
    see(a, "Cut/Film 2.prproj", 1, 1);
    see(a, "Film.prproj", 1, 1);
    arrive_end(a, "/nowhere", 0);
    assert_int_equal(arrive_file(a, "Cut/Film.prproj")->state, ARRIVE_LOCKED);
    assert_int_equal(arrive_file(a, "Cut/Film.prlock")->state, ARRIVE_NAMED);
    assert_int_equal(arrive_file(a, "Cut/Film 2.prproj")->state, ARRIVE_READY);
    assert_int_equal(arrive_file(a, "Film.prproj")->state, ARRIVE_READY);
    arrive_close(a);
}

static void patterns_are_of_names_or_with_a_slash_of_paths(void **state)
{
    (void)state;
    struct arrive_rules rules = {.include = "*.mov\n*.mxf", .exclude = "proxy/*\n*_temp.*"};
    assert_true(arrive_wanted(&rules, "A/b.MOV"));
    assert_true(arrive_wanted(&rules, "c.mxf"));
    assert_false(arrive_wanted(&rules, "c.txt"));
    assert_false(arrive_wanted(&rules, "proxy/c.mov"));
    assert_false(arrive_wanted(&rules, "A/c_temp.mov"));
}

static void a_folder_and_what_is_in_it_stand_together(void **state)
{
    (void)state;
    struct arrive_rules rules = {.looks = 1};
    struct arrive *a = arrive_open(&rules);
    size_t count;
    arrive_begin(a);
    see(a, "A.txt", 1, 1);
    see(a, "A/b", 1, 1);
    see(a, "A", 1, 1);
    see(a, "A/c", 1, 1);
    see(a, "A!", 1, 1);
    arrive_end(a, "/nowhere", 0);
    struct arrive_file *f = arrive_files(a, &count);
    assert_int_equal(count, 5);
    assert_string_equal(f[0].path, "A");
    assert_int_equal(arrive_inside(a, 0), 2);
    arrive_close(a);
}

static void a_writer_is_seen_where_the_file_system_can_tell(void **state)
{
    (void)state;
    char path[] = "/tmp/posthouse-writer-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    enum file_writer open_one = file_writer(path);
    close(fd);
    enum file_writer closed = file_writer(path);
    unlink(path);
    if (open_one == WRITER_UNKNOWN || closed == WRITER_UNKNOWN)
        skip();
    assert_int_equal(open_one, WRITER_SOME);
    assert_int_equal(closed, WRITER_NONE);
    assert_int_equal(file_writer("/nowhere/at/all"), WRITER_UNKNOWN);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_taken_after_so_many_looks_that_saw_the_same),
        cmocka_unit_test(a_file_that_is_young_or_written_to_waits),
        cmocka_unit_test(what_was_taken_stays_so_until_it_changes_and_is_forgotten_when_it_goes),
        cmocka_unit_test(names_of_what_is_not_finished_wait),
        cmocka_unit_test(a_lock_keeps_what_it_lies_beside),
        cmocka_unit_test(patterns_are_of_names_or_with_a_slash_of_paths),
        cmocka_unit_test(a_folder_and_what_is_in_it_stand_together),
        cmocka_unit_test(a_writer_is_seen_where_the_file_system_can_tell),
    };
    return RUN_TESTS(tests);
}
