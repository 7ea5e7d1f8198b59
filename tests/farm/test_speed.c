#include "farm/speed.h"
#include "test.h"

#define MB INT64_C(1000000)
#define S INT64_C(1000000) // in microseconds

static void calls_at_the_same_time_are_measured_together(void **state)
{
    (void)state;
    struct speed s = {0};
    int64_t bytes, ms;
    assert_true(speed_begin(&s, 10 * MB, 5 * S));
    assert_true(speed_begin(&s, 10 * MB, 6 * S));
    speed_add(&s, 10 * MB);
    speed_end(&s, 8 * S);
    speed_add(&s, 10 * MB);
    speed_end(&s, 9 * S);
    // Nothing moves until the next one.
    assert_true(speed_begin(&s, 4 * MB, 60 * S));
    speed_add(&s, 4 * MB);
    speed_end(&s, 61 * S);
    assert_true(speed_take(&s, 70 * S, &bytes, &ms));
    assert_int_equal(bytes, 24 * MB);
    assert_int_equal(ms, 5000);
    assert_false(speed_take(&s, 70 * S, &bytes, &ms)); // it was taken
}

static void small_calls_and_small_samples_say_nothing(void **state)
{
    (void)state;
    struct speed s = {0};
    int64_t bytes, ms;
    assert_false(speed_begin(&s, SPEED_CALL_BYTES - 1, 0));
    assert_true(speed_begin(&s, 2 * MB, 0));
    speed_add(&s, 2 * MB);
    speed_end(&s, 1 * S);
    assert_false(speed_take(&s, 2 * S, &bytes, &ms));
}

static void a_long_call_is_measured_while_it_goes_on(void **state)
{
    (void)state;
    struct speed s = {0};
    int64_t bytes, ms;
    assert_true(speed_begin(&s, 1000 * MB, 0));
    speed_add(&s, 50 * MB);
    assert_false(
        speed_take(&s, 1 * S, &bytes, &ms)); // what is in buffers on the way counts too much
    assert_true(speed_take(&s, 4 * S, &bytes, &ms));
    assert_int_equal(bytes * 1000 / ms, 12500000);
    speed_add(&s, 30 * MB);
    speed_end(&s, 10 * S);
    assert_true(speed_take(&s, 11 * S, &bytes, &ms));
    assert_int_equal(bytes * 1000 / ms, 5 * MB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_at_the_same_time_are_measured_together),
        cmocka_unit_test(small_calls_and_small_samples_say_nothing),
        cmocka_unit_test(a_long_call_is_measured_while_it_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
