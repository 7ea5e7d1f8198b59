#include "test.h"

#include "sched/set.h"

enum { COUNT = 20000 };

static uint64_t roll(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static void same(const struct set *t, const bool *plain, int64_t from)
{
    int64_t next[2] = {from, from}, members = 0;
    for (int in = 0; in < 2; in++)
        while (next[in] < COUNT && plain[next[in]] != (bool)in)
            next[in]++;
    for (int64_t i = 0; i < COUNT; i++)
        members += plain[i];
    assert_int_equal(t->members, members);
    assert_int_equal(set_next(t, from, true), next[1]);
    assert_int_equal(set_next(t, from, false), next[0]);
}

static void a_set_says_what_a_plain_array_says(void **state)
{
    (void)state;
    static bool plain[COUNT];
    uint64_t seed = 7;
    struct set t;
    set_open(&t, COUNT);
    for (int round = 0; round < 3000; round++) {
        int64_t first = (int64_t)(roll(&seed) % COUNT), last = first;
        last += (int64_t)(roll(&seed) % (round % 3 ? 40 : COUNT));
        last = last < COUNT ? last : COUNT - 1;
        bool in = roll(&seed) % 2;
        set_put(&t, first, last, in);
        for (int64_t i = first; i <= last; i++)
            plain[i] = in;
        same(&t, plain, (int64_t)(roll(&seed) % COUNT));
        int64_t a = (int64_t)(roll(&seed) % COUNT), b = a;
        while (b + 1 < COUNT && plain[b + 1] == plain[a])
            b++;
        assert_int_equal(set_all(&t, a, b), plain[a]);
        assert_int_equal(set_none(&t, a, b), !plain[a]);
        assert_int_equal(set_has(&t, a), plain[a]);
        if (b + 1 < COUNT)
            assert_false(set_all(&t, a, b + 1) || set_none(&t, a, b + 1));
    }
    set_close(&t);
}

static void ten_million_that_are_alike_take_a_few_kilobytes(void **state)
{
    (void)state;
    struct set t;
    set_open(&t, 10000000);
    set_put(&t, 0, 9999999, true);
    assert_int_equal(t.members, 10000000);
    assert_true(set_memory(&t) < 24000);
    set_put(&t, 5000000, 5000000, false);
    assert_int_equal(set_next(&t, 0, false), 5000000);
    assert_true(set_memory(&t) < 25000);
    set_put(&t, 5000000, 5000000, true);
    assert_true(set_memory(&t) < 24000);
    set_close(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_says_what_a_plain_array_says),
        cmocka_unit_test(ten_million_that_are_alike_take_a_few_kilobytes),
    };
    return RUN_TESTS(tests);
}
