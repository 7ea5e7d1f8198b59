#include "test.h"

#include "farm/gpus.h"
#include "plat/files.h"

#include <sys/stat.h>
#include <unistd.h>

static void said(const char *words, int count, int64_t least_mib)
{
    struct gpus g;
    struct error err;
    assert_true(gpus_find(words, &g, &err));
    assert_int_equal(g.count, count);
    assert_int_equal(gpus_least_mib(&g), least_mib);
}

static void a_person_says_how_many_there_are_and_what_each_has(void **state)
{
    (void)state;
    struct gpus g;
    struct error err;
    said("0", 0, 0);
    said("2", 2, 0);
    said("2 x 24 GiB", 2, 24576);
    said("24 GiB, 12 GiB", 2, 12288);
    said("2 x 24 GiB,8000 MiB", 3, 8000);
    static const char *const bad[] = {"two", "65", "1 x", "x 24 GiB", "24 GHz", "-1", "24 GiB,"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) - 1; i++)
        assert_false(gpus_find(bad[i], &g, &err));
}

static void nvidia_smi_is_read(void **state)
{
    (void)state;
    struct gpus g;
    assert_true(gpus_smi(text_of("0, 24576\n1, 12288\n"), &g));
    assert_int_equal(g.count, 2);
    assert_int_equal(gpus_least_mib(&g), 12288);
    assert_true(gpus_smi(text_of("0, [N/A]\n"), &g));
    assert_int_equal(g.memory_mib[0], 0);
    assert_false(gpus_smi(text_of("No devices were found\n"), &g));
    assert_false(gpus_smi(text_of("0, 1\n2, 1\n"), &g)); // numbers would not be theirs
}

static void put(const char *root, const char *path, const char *content)
{
    char whole[300], folder[300];
    struct error err;
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    snprintf(folder, sizeof(folder), "%s", whole);
    *strrchr(folder, '/') = 0;
    assert_true(folder_make(folder, 0755, &err));
    assert_true(file_write(whole, content, strlen(content), 0644, &err));
}

static void without_nvidia_smi_the_drivers_files_tell(void **state)
{
    (void)state;
    char root[] = "/tmp/gpus-XXXXXX";
    struct gpus g;
    struct error err;
    assert_non_null(mkdtemp(root));
    gpus_of_drivers(root, &g);
    assert_int_equal(g.count, 0);
    put(root, "sys/class/drm/card0/device/vendor", "0x8086\n"); // shows a screen, and no memory
    put(root, "sys/class/drm/card1/device/mem_info_vram_total", "17163091968\n");
    gpus_of_drivers(root, &g);
    assert_int_equal(g.count, 1);
    assert_int_equal(g.memory_mib[0], 16368);
    put(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: X\n");
    put(root, "proc/driver/nvidia/gpus/0000:02:00.0/information", "Model: X\n");
    gpus_of_drivers(root, &g);
    assert_int_equal(g.count, 2);
    assert_true(folder_remove(root, &err));
}

static void gpus_are_named_by_their_places(void **state)
{
    (void)state;
    assert_string_equal(gpus_text(0).text, "");
    assert_string_equal(gpus_text(5).text, "0,2");
    assert_int_equal(strlen(gpus_text(~0ull).text), 10 + 54 * 2 + 63);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_says_how_many_there_are_and_what_each_has),
        cmocka_unit_test(nvidia_smi_is_read),
        cmocka_unit_test(without_nvidia_smi_the_drivers_files_tell),
        cmocka_unit_test(gpus_are_named_by_their_places),
    };
    return RUN_TESTS(tests);
}
