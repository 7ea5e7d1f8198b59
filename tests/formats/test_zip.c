// Archives that are made as they are sent: judged by unzip, 7-Zip and Python.
#include "test.h"

#include "formats/zip/zip.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT = 256 << 20 };

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/posthouse-zip-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

// The bytes of member i at `at`: known, and not the same anywhere.
static uint8_t byte_of(size_t member, int64_t at)
{
    return (uint8_t)(member * 131 + (uint64_t)at * 7 + ((uint64_t)at >> 8));
}

static uint32_t crc_of(size_t member, int64_t size)
{
    uint32_t crc = 0;
    for (int64_t i = 0; i < size; i++) {
        uint8_t one = byte_of(member, i);
        crc = zip_crc(crc, &one, 1);
    }
    return crc;
}

static void part_bytes(const struct zip *z, const struct zip_part *p, const uint32_t *crcs,
                       uint8_t *to)
{
    if (p->kind == ZIP_HEAD)
        zip_head(z, p->member, to);
    else if (p->kind == ZIP_TAIL)
        zip_tail(z, p->member, crcs[p->member], to);
    else if (p->kind == ZIP_CATALOGUE)
        zip_catalogue(z, crcs, to);
    else
        for (int64_t i = 0; i < p->size; i++)
            to[i] = byte_of(p->member, i);
}

static uint8_t *whole_of(const struct zip *z, const struct zip_member *list, size_t count)
{
    uint8_t *all = malloc((size_t)zip_size(z));
    uint32_t *crcs = calloc(count + 1, sizeof(*crcs));
    assert_true(all && crcs);
    for (size_t i = 0; i < count; i++)
        crcs[i] = crc_of(i, list[i].size);
    for (int64_t at = 0; at < zip_size(z);) {
        struct zip_part p = zip_part_at(z, at);
        assert_int_equal(p.at, 0);
        assert_true(p.size > 0);
        part_bytes(z, &p, crcs, all + at);
        at += p.size;
    }
    free(crcs);
    return all;
}

static void written(const char *name, const void *at, int64_t size, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(at, 1, (size_t)size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void judged(const char *path)
{
    static const char *const judges[] = {
        "unzip -tqq '%s' >/dev/null", "7zz t '%s' >/dev/null",
        "python3 -c 'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); sys.exit(z.testzip() is "
        "not None)' '%s'"};
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        char command[512];
        snprintf(command, sizeof(command), judges[i], path);
        if (system(command) != 0)
            fail_msg("%s", command);
    }
}

static const struct zip_member few[] = {
    {"A001/clip one.mov", 70000, 1764201600000},
    {"A001/empty.txt", 0, 1764201601000},
    {"A001/u\xcc\x88" "ber.wav", 1, 1764201602000},       // NFD, as a Mac writes it
    {"A001/\xc3\x9c" "BER.wav", 3, 0},                    // the same for a Mac and Windows
    {"\xe6\x98\xa0\xe7\x94\xbb/1:2?.dpx", 513, 1e12},     // what Windows can not write
    {"A001/clip one.mov", 9, 1764201603000},
};
enum { FEW = sizeof(few) / sizeof(few[0]) };

static void outsiders_open_it(void **state)
{
    (void)state;
    char path[128];
    struct error err;
    struct zip *z;
    struct arena *a = arena_open(LIMIT);
    assert_true(zip_lay_out(a, few, FEW, &z, &err));
    uint8_t *all = whole_of(z, few, FEW);
    written("few.zip", all, zip_size(z), path);
    judged(path);
    assert_string_equal(zip_name(z, 2), "A001/\xc3\xbc" "ber.wav");
    assert_string_equal(zip_name(z, 3), "A001/\xc3\x9c" "BER (2).wav");
    assert_string_equal(zip_name(z, 4), "\xe6\x98\xa0\xe7\x94\xbb/1_2_.dpx");
    assert_string_equal(zip_name(z, 5), "A001/clip one (2).mov");
    // Dates come out to the second, whatever the time zone.
    char command[400];
    snprintf(command, sizeof(command),
             "cd %s && unzip -qq few.zip && test \"$(stat -c %%Y 'A001/empty.txt')\" = 1764201601",
             folder);
    assert_int_equal(system(command), 0);
    free(all);
    arena_close(a);
}

static void every_range_is_the_same_bytes(void **state)
{
    (void)state;
    struct error err;
    struct zip *z;
    struct arena *a = arena_open(LIMIT);
    assert_true(zip_lay_out(a, few, FEW, &z, &err));
    uint8_t *all = whole_of(z, few, FEW);
    for (int64_t from = 0; from < zip_size(z); from += 61) {
        struct zip_part p = zip_part_at(z, from);
        int64_t begins = from - p.at;
        struct zip_part first = zip_part_at(z, begins), last = zip_part_at(z, begins + p.size - 1);
        assert_true(first.at == 0 && first.kind == p.kind && first.member == p.member);
        assert_true(last.at == p.size - 1 && last.kind == p.kind && last.member == p.member);
        if (p.kind == ZIP_BYTES)
            assert_int_equal(all[from], byte_of(p.member, p.at));
    }
    assert_int_equal(zip_part_at(z, zip_size(z)).kind, ZIP_END);
    free(all);
    arena_close(a);
}

static void names_that_would_leave_the_folder_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"../x", "a/../b", "/etc/passwd", "", "a//b", "./x", "a\xff"};
    struct error err;
    struct zip *z;
    struct arena *a = arena_open(LIMIT);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(zip_lay_out(a, &(struct zip_member){bad[i], 1, 0}, 1, &z, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    arena_close(a);
}

// As a file with holes: only what is ours is written. The member's zeros have a CRC that is known.
static void over_four_gibibytes_it_is_zip64(void **state)
{
    (void)state;
    static const struct zip_member big[] = {
        {"reel 1.mxf", (5LL << 30) + 3, 1764201600000}, {"last.txt", 5, 1764201600000}};
    struct error err;
    struct zip *z;
    struct arena *a = arena_open(LIMIT);
    char path[128], command[900];
    static const uint8_t zeros[1 << 20];
    uint32_t crcs[2] = {0, zip_crc(0, "hello", 5)};
    assert_true(zip_lay_out(a, big, 2, &z, &err));
    const char *size = getenv("POSTHOUSE_TEST_SIZE");
    bool all = size && strcmp(size, "long") == 0;
    for (int64_t left = big[0].size; all && left > 0; left -= 1 << 20)
        crcs[0] = zip_crc(crcs[0], zeros, left < 1 << 20 ? (size_t)left : sizeof(zeros));
    snprintf(path, sizeof(path), "%s/big.zip", folder);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0 && ftruncate(fd, zip_size(z)) == 0);
    for (int64_t at = 0; at < zip_size(z);) {
        uint8_t part[4096];
        struct zip_part p = zip_part_at(z, at);
        if (p.kind != ZIP_BYTES) {
            part_bytes(z, &p, crcs, part);
            assert_int_equal(pwrite(fd, part, (size_t)p.size, at), p.size);
        } else if (p.member == 1) {
            assert_int_equal(pwrite(fd, "hello", 5, at), 5);
        }
        at += p.size;
    }
    close(fd);
    snprintf(command, sizeof(command),
             "python3 -c 'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); "
             "assert z.getinfo(\"reel 1.mxf\").file_size==(5<<30)+3; "
             "assert z.read(\"last.txt\")==b\"hello\"' '%s' && unzip -tqq '%s' last.txt >/dev/null "
             "&& 7zz t '%s' last.txt >/dev/null",
             path, path, path);
    assert_int_equal(system(command), 0);
    if (all)
        judged(path);
    unlink(path);
    arena_close(a);
}

static void with_very_many_members_it_is_zip64(void **state)
{
    (void)state;
    enum { MANY = 70000 };
    struct error err;
    struct zip *z;
    struct arena *a = arena_open(LIMIT);
    struct zip_member *list = calloc(MANY, sizeof(*list));
    assert_non_null(list);
    for (size_t i = 0; i < MANY; i++)
        list[i] = (struct zip_member){"frames/shot.dpx", 1, 1764201600000}; // one name, many times
    char path[128];
    assert_true(zip_lay_out(a, list, MANY, &z, &err));
    assert_string_equal(zip_name(z, MANY - 1), "frames/shot (70000).dpx");
    uint8_t *all = whole_of(z, list, MANY);
    written("many.zip", all, zip_size(z), path);
    char command[300];
    snprintf(command, sizeof(command), "unzip -tqq '%s' >/dev/null && 7zz t '%s' >/dev/null", path,
             path);
    assert_int_equal(system(command), 0);
    free(all);
    free(list);
    arena_close(a);
}

static void nothing_is_an_archive_too(void **state)
{
    (void)state;
    struct error err;
    struct zip *z;
    uint8_t end[22];
    struct arena *a = arena_open(LIMIT);
    assert_true(zip_lay_out(a, NULL, 0, &z, &err));
    assert_int_equal(zip_size(z), 22);
    zip_catalogue(z, NULL, end);
    assert_memory_equal(end, "PK\5\6", 4);
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outsiders_open_it),
        cmocka_unit_test(every_range_is_the_same_bytes),
        cmocka_unit_test(names_that_would_leave_the_folder_are_refused),
        cmocka_unit_test(over_four_gibibytes_it_is_zip64),
        cmocka_unit_test(with_very_many_members_it_is_zip64),
        cmocka_unit_test(nothing_is_an_archive_too),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
