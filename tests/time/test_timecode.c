#include "test.h"

#include <jansson.h>

#include "time/timecode.h"

static json_t *vectors(void)
{
    char path[4096];
    const char *folder = getenv("VECTORS");
    snprintf(path, sizeof(path), "%s/timecode.json", folder ? folder : "tests/vectors");
    json_error_t problem;
    json_t *all = json_load_file(path, 0, &problem);
    if (!all)
        fail_msg("%s: %s", path, problem.text);
    return all;
}

static struct tc_rate rate_of(json_t *row)
{
    struct error err;
    rational fps;
    struct tc_rate rate;
    assert_true(
        rational_parse(text_of(json_string_value(json_object_get(row, "rate"))), &fps, &err));
    assert_true(tc_rate_with_base(fps, (int)json_integer_value(json_object_get(row, "base")),
                                  json_is_true(json_object_get(row, "drop")), &rate, &err));
    return rate;
}

static void every_shared_vector_reads_and_writes_as_it_says(void **state)
{
    (void)state;
    json_t *all = vectors(), *row;
    size_t i;
    struct error err;
    json_array_foreach(json_object_get(all, "labels"), i, row)
    {
        struct tc_rate rate = rate_of(row);
        int64_t frames = json_integer_value(json_object_get(row, "frames")), read;
        const char *label = json_string_value(json_object_get(row, "label"));
        assert_string_equal(tc_format(frames, &rate).text, label);
        assert_true(tc_parse(text_of(label), &rate, &read, &err));
        assert_int_equal(read, frames);
    }
    json_array_foreach(json_object_get(all, "refused"), i, row)
    {
        struct tc_rate rate = rate_of(row);
        int64_t read;
        assert_false(tc_parse(text_of(json_string_value(json_object_get(row, "label"))), &rate,
                              &read, &err));
        assert_true(err.what[0] && err.why[0] && err.fix[0]);
    }
    json_decref(all);
}

static void a_whole_day_of_drop_frame_counts_there_and_back(void **state)
{
    (void)state;
    static const struct {
        int64_t num;
        int base;
    } dropping[] = {{30000, 30}, {60000, 60}, {60000, 30}, {120000, 120}};
    struct error err;
    for (size_t i = 0; i < 4; i++) {
        struct tc_rate rate;
        assert_true(tc_rate_with_base((rational){dropping[i].num, 1001}, dropping[i].base, true,
                                      &rate, &err));
        char before[24] = "";
        for (int64_t n = 0; n < tc_frames_per_day(&rate); n += n < 40000 ? 1 : 61) {
            int64_t read;
            tc_label label = tc_format(n, &rate);
            assert_true(tc_parse(text_of(label.text), &rate, &read, &err));
            assert_int_equal(read, n);
            assert_true(strcmp(before, label.text) < 0 || rate.base > 100);
            strcpy(before, label.text);
        }
        assert_string_equal(tc_format(tc_frames_per_day(&rate), &rate).text,
                            tc_format(0, &rate).text);
        assert_string_equal(tc_format(-1, &rate).text,
                            tc_format(tc_frames_per_day(&rate) - 1, &rate).text);
    }
}

static void drop_frame_exists_only_for_29_97_and_its_multiples(void **state)
{
    (void)state;
    static const rational never[] = {{24000, 1001}, {24, 1}, {25, 1}, {30, 1},
                                     {48000, 1001}, {50, 1}, {60, 1}, {120, 1}};
    struct error err;
    struct tc_rate rate;
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        assert_false(tc_rate_make(never[i], true, &rate, &err));
}

static void samples_since_midnight_name_their_frame(void **state)
{
    (void)state;
    struct error err;
    struct tc_rate rate;
    assert_true(tc_rate_make((rational){24000, 1001}, false, &rate, &err));
    // 23.976 has exactly 2002 samples a frame at 48 kHz; 59:58:00 labels are 86352 frames
    int64_t start;
    assert_true(tc_parse(text_of("00:59:58:00"), &rate, &start, &err));
    assert_int_equal(tc_to_samples(start, 48000, &rate), start * 2002);
    assert_int_equal(tc_from_samples(start * 2002, 48000, &rate), start);
    assert_int_equal(tc_from_samples(start * 2002 - 1, 48000, &rate), start - 1);
    assert_true(tc_rate_make((rational){30000, 1001}, true, &rate, &err));
    for (int64_t n = 0; n < 100000; n += 7)
        assert_int_equal(tc_from_samples(tc_to_samples(n, 48000, &rate), 48000, &rate), n);
}

static void rates_are_exact_and_rounding_is_what_was_asked(void **state)
{
    (void)state;
    rational r;
    struct error err;
    assert_true(rational_parse(text_of("23.976"), &r, &err));
    assert_int_equal(r.num, 24000);
    assert_int_equal(r.den, 1001);
    assert_false(rational_parse(text_of("23.9"), &r, &err));
    assert_false(rational_parse(text_of("0/0"), &r, &err));
    assert_string_equal(rate_name((rational){60000, 1001}).text, "59.94");
    assert_int_equal(rescale(1, (rational){30000, 1001}, (rational){48000, 1}, ROUND_DOWN), 1601);
    assert_int_equal(rescale(1, (rational){30000, 1001}, (rational){48000, 1}, ROUND_NEAREST),
                     1602);
    assert_int_equal(rescale(5, (rational){30000, 1001}, (rational){48000, 1}, ROUND_DOWN), 8008);
    assert_int_equal(rescale(-1, (rational){30000, 1001}, (rational){48000, 1}, ROUND_DOWN), -1602);
    assert_int_equal(rescale(-1, (rational){30000, 1001}, (rational){48000, 1}, ROUND_UP), -1601);
    assert_int_equal(rescale(INT64_MAX, (rational){1, 1}, (rational){48000, 1}, ROUND_DOWN),
                     INT64_MAX);
    assert_true(rate_nearest((rational){2997, 100}, &r));
    assert_int_equal(r.num, 30000);
    assert_false(rate_nearest((rational){277, 10}, &r));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shared_vector_reads_and_writes_as_it_says),
        cmocka_unit_test(a_whole_day_of_drop_frame_counts_there_and_back),
        cmocka_unit_test(drop_frame_exists_only_for_29_97_and_its_multiples),
        cmocka_unit_test(samples_since_midnight_name_their_frame),
        cmocka_unit_test(rates_are_exact_and_rounding_is_what_was_asked),
    };
    return RUN_TESTS(tests);
}
