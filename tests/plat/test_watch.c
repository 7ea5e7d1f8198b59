#include "test.h"

#include "plat/watch.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t A_MINUTE = 60000000000;
static char root[64];

static const char *in_root(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name)
{
    int fd = open(in_root(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
}

static int erase(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s, (void)type, (void)ftw;
    return remove(path);
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/posthouse-watch-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
    (void)state;
    return nftw(root, erase, 16, FTW_DEPTH | FTW_PHYS);
}

// Reads news until this comes. The kernel may tell other things before it.
static void await(struct watch *watch, enum watch_what what, const char *path)
{
    struct error err;
    struct watch_news news;
    for (;;) {
        assert_int_equal(watch_next(watch, A_MINUTE, &news, &err), 1);
        if (news.what == what && strcmp(news.path, path) == 0)
            return;
    }
}

static void files_are_told_by_their_path_below_the_root(void **state)
{
    (void)state;
    struct error err;
    struct watch *watch;
    struct watch_news news;
    assert_int_equal(mkdir(in_root("A001"), 0755), 0);
    assert_int_equal(mkdir(in_root("A001/CLIP"), 0755), 0);
    assert_true(watch_open(root, &watch, &err));
    assert_int_equal(watch_next(watch, 0, &news, &err), 0);
    write_file("A001/CLIP/one.mxf");
    await(watch, WATCH_CHANGED, "A001/CLIP/one.mxf");
    await(watch, WATCH_CLOSED, "A001/CLIP/one.mxf");
    write_file("top");
    await(watch, WATCH_CLOSED, "top");
    assert_int_equal(unlink(in_root("top")), 0);
    await(watch, WATCH_GONE, "top");
    assert_true(watch_whole(watch));
    watch_close(watch);
}

static void folders_that_come_and_move_are_watched_under_their_new_name(void **state)
{
    (void)state;
    struct error err;
    struct watch *watch;
    assert_true(watch_open(root, &watch, &err));
    assert_int_equal(mkdir(in_root("new"), 0755), 0);
    await(watch, WATCH_NEW_FOLDER, "new");
    write_file("new/file");
    await(watch, WATCH_CLOSED, "new/file");
    char to[512];
    snprintf(to, sizeof to, "%s/moved", root);
    assert_int_equal(rename(in_root("new"), to), 0);
    await(watch, WATCH_GONE, "new");
    await(watch, WATCH_NEW_FOLDER, "moved");
    write_file("moved/file");
    await(watch, WATCH_CLOSED, "moved/file"); // not "new/file"
    watch_close(watch);
}

static void what_runs_over_and_a_root_that_goes_ask_for_a_scan(void **state)
{
    (void)state;
    struct error err;
    struct watch *watch;
    struct watch_news news;
    assert_int_equal(mkdir(in_root("busy"), 0755), 0);
    assert_true(watch_open(in_root("busy"), &watch, &err));
    int limit = 16384;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (f) {
        assert_int_equal(fscanf(f, "%d", &limit), 1);
        fclose(f);
    }
    for (int i = 0; i <= limit / 2; i++) { // three events each, and other names in between
        char name[64];
        snprintf(name, sizeof name, "busy/%d", i % 2);
        write_file(name);
    }
    await(watch, WATCH_LOST, "");
    while (watch_next(watch, 0, &news, &err) == 1)
        ;
    write_file("busy/after");
    await(watch, WATCH_CLOSED, "after"); // and it goes on
    unlink(in_root("busy/0")), unlink(in_root("busy/1")), unlink(in_root("busy/after"));
    assert_int_equal(rmdir(in_root("busy")), 0);
    await(watch, WATCH_LOST, "");
    watch_close(watch);
    assert_false(watch_open(in_root("busy"), &watch, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_told_by_their_path_below_the_root, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(folders_that_come_and_move_are_watched_under_their_new_name,
                                        make_root, drop_root),
        cmocka_unit_test_setup_teardown(what_runs_over_and_a_root_that_goes_ask_for_a_scan,
                                        make_root, drop_root),
    };
    return RUN_TESTS(tests);
}
