// What a scene needs, on real files.
#include "farm/scene.h"
#include "plat/files.h"
#include "test.h"

static char folder[] = "/tmp/posthouse-scene-XXXXXX";

static void put(const char *name, const char *words)
{
    char path[300], above[300];
    struct error err;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    path_folder(path, above, sizeof(above));
    assert_true(folder_make(above, 0755, &err));
    assert_true(file_write(path, words, strlen(words), 0644, &err));
}

static void finds(const char *scene, const char *wanted, size_t missing)
{
    struct arena *a = arena_open(64 << 20);
    struct scene_files s;
    struct error err;
    struct buf b = BUF_LIMIT(10000);
    if (!scene_files(a, arena_format(a, "%s/%s", folder, scene), &s, &err))
        fail_msg("%s: %s", err.what, err.why);
    for (size_t i = 0; i < s.count; i++)
        buf_format(&b, "%s%s%s", i ? " " : "",
                   s.files[i].there == SCENE_MISSING   ? "-"
                   : s.files[i].there == SCENE_PERHAPS ? "?"
                                                       : "",
                   s.files[i].path + strlen(folder) + 1);
    assert_string_equal(b.at, wanted);
    assert_int_equal(s.missing, missing);
    buf_free(&b);
    arena_close(a);
}

static void scenes_that_name_one_another_are_each_read_once(void **state)
{
    (void)state;
    put("a.pov", "#include \"b.inc\" #include \"colors.inc\" image_map { png \"tex/x.png\" }");
    put("b.inc", "#include \"a.pov\" height_field { png \"../gone/y.png\" }");
    put("tex/x.png", "1234");
    struct arena *a = arena_open(64 << 20);
    struct scene_files s;
    struct error err;
    assert_true(scene_files(a, arena_format(a, "%s/a.pov", folder), &s, &err));
    assert_int_equal(s.missing, 1);
    assert_int_equal(s.count, 5);
    assert_false(scene_missing(&s, &err));
    assert_non_null(strstr(err.why, "../gone/y.png"));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    arena_close(a);
}

static void tiles_and_numbers_are_the_files_that_are_there(void **state)
{
    (void)state;
    put("t/c.1001.exr", "1");
    put("t/c.1012.exr", "22");
    put("t/c.txt", "");
    put("m.ma", "setAttr \".ftn\" \"t/c.<UDIM>.exr\"; setAttr \".f\" \"t/none.%04d.exr\";");
    finds("m.ma", "m.ma t/c.1001.exr t/c.1012.exr -t/none.%04d.exr", 1);
}

static void what_is_no_scene_is_told(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct scene_files s;
    struct error err;
    put("bad.blend", "this is text");
    assert_false(scene_files(a, arena_format(a, "%s/bad.blend", folder), &s, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    assert_non_null(strstr(err.what, "bad.blend"));
    assert_false(scene_files(a, arena_format(a, "%s/nothing.blend", folder), &s, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    put("empty.ma", "");
    finds("empty.ma", "empty.ma", 0);
    arena_close(a);
}

static int leave(void **state)
{
    (void)state;
    struct error err;
    return folder_remove(folder, &err) ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenes_that_name_one_another_are_each_read_once),
        cmocka_unit_test(tiles_and_numbers_are_the_files_that_are_there),
        cmocka_unit_test(what_is_no_scene_is_told),
    };
    if (!mkdtemp(folder))
        return 1;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, leave);
}
