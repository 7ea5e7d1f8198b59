#include "test.h"

#include "formats/frameindex/frameindex.h"
#include "formats/peaks/peaks.h"
#include "formats/profile/profile.h"
#include "formats/sequence/sequence.h"

static void a_frame_index_reads_back_as_written(void **state)
{
    (void)state;
    struct frameindex_header h = {.flags = FRAMEINDEX_DROP,
                                  .rate = {30000, 1001},
                                  .timescale = 30000,
                                  .start_timecode = 107892,
                                  .width = 960,
                                  .height = 540,
                                  .base = 30,
                                  .frames_per_label = 1,
                                  .first_number = FRAMEINDEX_NO_NUMBER,
                                  .avcc_size = 5,
                                  .avcc = {1, 100, 0, 31, 255}};
    struct frameindex_header back;
    struct frameindex_record r = {0xfffffffffeLL, 0xabcdef, 123456789012LL, FRAME_KEY}, again;
    struct error err;
    uint8_t bytes[256], record[FRAMEINDEX_RECORD];
    size_t at, size = frameindex_header_size(&h);
    frameindex_header_write(&h, bytes);
    assert_int_equal(size % 16, 0);
    assert_true(frameindex_header_read(bytes, size, &back, &at, &err));
    assert_int_equal(at, size);
    assert_memory_equal(&h, &back, sizeof(h));
    assert_false(frameindex_header_read(bytes, size - 1, &back, &at, &err));
    frameindex_record_write(&r, record);
    frameindex_record_read(record, &again);
    assert_memory_equal(&r, &again, sizeof(r));
}

static void peaks_hold_the_lowest_and_highest_sample_at_every_scale(void **state)
{
    (void)state;
    struct peaks *p = peaks_open(2, 48000);
    float left[1000] = {0}, right[1000] = {0};
    const float *planes[] = {left, right};
    left[300] = 1, right[999] = -1;
    for (int i = 0; i < 5; i++)
        peaks_add(p, planes, 1000);
    struct buf b = BUF_LIMIT(1 << 20);
    struct peaks_file f;
    struct error err;
    peaks_write(p, &b);
    assert_true(peaks_read((const uint8_t *)b.at, b.size, &f, &err));
    assert_int_equal(f.level_count, 4);
    assert_int_equal(f.levels[0].points, 20); // 5000 / 256, rounded up
    assert_int_equal(f.levels[1].points, 5);
    assert_int_equal(f.levels[3].points, 1);
    assert_int_equal(f.levels[0].at[1 * 4 + 1], 127);  // sample 300 is in point 1
    assert_int_equal(f.levels[0].at[3 * 4 + 2], -128); // sample 999 in point 3
    assert_int_equal(f.levels[3].at[1], 127);
    assert_int_equal(f.levels[3].at[2], -128);
    assert_false(peaks_read((const uint8_t *)b.at, b.size - 1, &f, &err));
    buf_free(&b);
    peaks_close(p);
}

static void file_names_of_sequences_are_told_from_versions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is;
        int64_t number;
        const char *pattern;
    } names[] = {
        {"sh010_comp_v002.1001.exr", true, 1001, "sh010_comp_v002.####.exr"},
        {"shot_v002.exr", false, 0, NULL},
        {"a0001.dpx", true, 1, "a####.dpx"},
        {"a.-0005.exr", true, -5, "a.####.exr"},
        {"IMG_12.JPG", true, 12, "IMG_##.JPG"},
        {"clip.mov", false, 0, NULL},
        {"clip.0001.mov", false, 0, NULL},
        {".exr", false, 0, NULL},
        {"1001.exr", true, 1001, "####.exr"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sequence_name s;
        char pattern[64], back[64];
        assert_int_equal(sequence_name_parse(text_of(names[i].name), &s), names[i].is);
        if (!names[i].is)
            continue;
        assert_int_equal(s.number, names[i].number);
        assert_true(sequence_pattern(&s, pattern, sizeof(pattern)));
        assert_string_equal(pattern, names[i].pattern);
        assert_true(sequence_file(&s, s.number, back, sizeof(back)));
        assert_string_equal(back, names[i].name);
    }
    struct sequence_name a, b, c;
    assert_true(sequence_name_parse(text_of("x.999.exr"), &a));
    assert_true(sequence_name_parse(text_of("x.1000.exr"), &b));
    assert_true(sequence_name_parse(text_of("x.0998.exr"), &c));
    assert_true(sequence_same(&a, &b));
    assert_false(sequence_same(&a, &c));
}

static void every_profile_of_the_house_is_valid(void **state)
{
    (void)state;
    static const char *const names[] = {"web-h264-1080p", "prores-422-hq-mov", "dnxhr-hqx-mxf",
                                        "wav-48k24"};
    for (size_t i = 0; i < 4; i++) {
        char path[512], content[8192];
        struct error err;
        json_t *profile;
        snprintf(path, sizeof(path), "%s/%s.json", getenv("PROFILES"), names[i]);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        size_t size = fread(content, 1, sizeof(content), f);
        fclose(f);
        assert_true(profile_read(names[i], (text){content, size}, &profile, &err));
        assert_string_equal(json_string_value(json_object_get(profile, "name")), names[i]);
        json_decref(profile);
    }
}

static void a_mistake_in_a_profile_is_named(void **state)
{
    (void)state;
    struct error err;
    json_t *profile;
    assert_false(profile_read("p", text_of("{\n\"name\": \"x\"\n\"title\": 1}"), &profile, &err));
    assert_non_null(strstr(err.why, "line 3"));
    assert_false(profile_read(
        "p",
        text_of(
            "{\"name\":\"x\",\"title\":\"\",\"description\":\"\",\"container\":\"mov\","
            "\"extension\":\".mov\",\"audio\":{\"codec\":\"aac\",\"rate\":48000,\"chanels\":2}}"),
        &profile, &err));
    assert_non_null(strstr(err.why, "channels"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_index_reads_back_as_written),
        cmocka_unit_test(peaks_hold_the_lowest_and_highest_sample_at_every_scale),
        cmocka_unit_test(file_names_of_sequences_are_told_from_versions),
        cmocka_unit_test(every_profile_of_the_house_is_valid),
        cmocka_unit_test(a_mistake_in_a_profile_is_named),
    };
    return RUN_TESTS(tests);
}
