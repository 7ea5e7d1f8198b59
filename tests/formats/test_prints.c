#include "test.h"

#include "formats/prints/prints.h"

enum { WIDE = 64, HIGH = 36 };

// A picture of its own for each shot, in which something moves from frame to frame.
static print shot(int number, int frame, int grade)
{
    uint8_t luma[WIDE * HIGH];
    uint32_t seed = 12345u + (uint32_t)number * 7919u;
    int blocks[12][12];
    for (int y = 0; y < 12; y++)
        for (int x = 0; x < 12; x++) {
            seed = seed * 1664525u + 1013904223u;
            blocks[y][x] = (int)(seed >> 25);
        }
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++)
            luma[y * WIDE + x] =
                (uint8_t)(blocks[y * 12 / HIGH][(x + frame * 2) % WIDE * 12 / WIDE] + grade);
    return print_of(luma, WIDE, HIGH, WIDE);
}

static struct prints film(uint8_t *bytes, const int (*runs)[3], size_t count, int grade)
{
    struct error err;
    struct prints p;
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) // shot, first frame, frames
        for (int f = 0; f < runs[i][2]; f++)
            print_write(shot(runs[i][0], runs[i][1] + f, grade),
                        bytes + PRINTS_HEAD + PRINT_BYTES * at++);
    prints_head(at, bytes);
    assert_true(prints_read((text){(char *)bytes, PRINTS_HEAD + at * PRINT_BYTES}, &p, &err));
    assert_int_equal(p.count, at);
    return p;
}

static uint8_t was_bytes[4000], is_bytes[4000];

static int64_t found(const struct prints *was, int64_t frame, const struct prints *is)
{
    int64_t left = 1000000;
    return prints_find(was, frame, is, frame, &left);
}

static void a_frame_is_found_where_a_cut_has_moved_it(void **state)
{
    (void)state;
    static const int was[][3] = {{1, 0, 30}, {2, 0, 30}, {3, 0, 30}};
    static const int is[][3] = {{2, 0, 30}, {1, 10, 20}};
    struct prints a = film(was_bytes, was, 3, 0), b = film(is_bytes, is, 2, 0);
    assert_int_equal(found(&a, 35, &b), 5);
    assert_int_equal(found(&a, 12, &b), 32);
    assert_int_equal(found(&a, 75, &b), -1); // shot 3 is gone
}

static void a_grade_hides_nothing(void **state)
{
    (void)state;
    static const int was[][3] = {{1, 0, 30}, {2, 0, 30}};
    static const int is[][3] = {{2, 0, 30}};
    struct prints a = film(was_bytes, was, 2, 0), b = film(is_bytes, is, 1, 40);
    for (int f = 30; f < 60; f++)
        assert_int_equal(found(&a, f, &b), f - 30);
}

static void of_equal_frames_the_nearest_is_taken(void **state)
{
    (void)state;
    uint8_t flat[WIDE * HIGH] = {0};
    struct prints a, b;
    struct error err;
    for (int i = 0; i < 50; i++)
        print_write(print_of(flat, WIDE, HIGH, WIDE), was_bytes + PRINTS_HEAD + PRINT_BYTES * i);
    prints_head(50, was_bytes);
    assert_true(prints_read((text){(char *)was_bytes, PRINTS_HEAD + 50 * PRINT_BYTES}, &a, &err));
    b = a;
    for (int f = 0; f < 50; f++)
        assert_int_equal(found(&a, f, &b), f);
}

static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    struct prints p;
    struct error err;
    uint8_t bytes[PRINTS_HEAD + 8];
    memset(bytes, 0, sizeof(bytes));
    prints_head(1, bytes);
    assert_false(prints_read((text){(char *)bytes, sizeof(bytes)}, &p, &err));
    assert_false(prints_read((text){"PHPX", 4}, &p, &err));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_found_where_a_cut_has_moved_it),
        cmocka_unit_test(a_grade_hides_nothing),
        cmocka_unit_test(of_equal_frames_the_nearest_is_taken),
        cmocka_unit_test(what_is_cut_off_is_refused),
    };
    return RUN_TESTS(tests);
}
