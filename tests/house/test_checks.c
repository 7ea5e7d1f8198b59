#include "test.h"

#include "house/deliver/checks.h"

// Facts of a 23.976 master with 5.1 sound, as the engine gives them.
static json_t *master(void)
{
    return json_pack("{s:s, s:I, s:{s:s, s:s, s:b}, s:[{s:s, s:s, s:s, s:s, s:I, s:I}],"
                     " s:[{s:I, s:s, s:s, s:I}]}",
                     "rate", "24000/1001", "duration_frames", (json_int_t)144, "timecode", "from",
                     "tmcd", "start", "00:59:58:00", "drop", 0, "video", "primaries", "bt709",
                     "transfer", "bt709", "matrix", "bt709", "range", "limited", "width",
                     (json_int_t)1920, "height", (json_int_t)1080, "audio", "channels",
                     (json_int_t)6, "layout", "5.1", "language", "eng", "sample_rate",
                     (json_int_t)48000);
}

static json_t *prores(void)
{
    return json_pack("{s:s, s:{s:s}, s:{s:s, s:i}}", "container", "mov", "video", "codec",
                     "prores_aw", "audio", "codec", "pcm_s24le", "rate", 48000);
}

static bool all_ok(const json_t *profile, const json_t *source, const json_t *result)
{
    bool all;
    json_decref(deliver_checks(profile, source, result, NULL, &all));
    return all;
}

static void what_is_carried_over_passes(void **state)
{
    (void)state;
    json_t *source = master(), *profile = prores();
    assert_true(all_ok(profile, source, source));
    json_decref(source);
    json_decref(profile);
}

// Each row breaks one fact of the result; the check must see each.
static void every_lost_fact_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *list, *field;
        json_int_t number;
        const char *word;
    } faults[] = {
        {NULL, "rate", 0, "24/1"},
        {NULL, "duration_frames", 143, NULL},
        {"timecode", "start", 0, "01:00:00:00"},
        {"video", "primaries", 0, "unknown"},
        {"video", "transfer", 0, "smpte2084"},
        {"video", "range", 0, "full"},
        {"video", "width", 1280, NULL},
        {"audio", "channels", 2, NULL},
        {"audio", "layout", 0, "6 channels (FL+FR+FC+LFE+FLC+FRC)"},
        {"audio", "language", 0, "und"},
        {"audio", "sample_rate", 44100, NULL},
    };
    json_t *source = master(), *profile = prores();
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        json_t *result = master(), *at = result;
        if (faults[i].list) {
            at = json_object_get(result, faults[i].list);
            at = json_is_array(at) ? json_array_get(at, 0) : at;
        }
        json_object_set_new(at, faults[i].field,
                            faults[i].word ? json_string(faults[i].word)
                                           : json_integer(faults[i].number));
        if (all_ok(profile, source, result))
            fail_msg("a wrong %s was not seen", faults[i].field);
        json_decref(result);
    }
    json_t *silent = master();
    json_array_clear(json_object_get(silent, "audio"));
    assert_false(all_ok(profile, source, silent));
    json_decref(silent);
    json_decref(source);
    json_decref(profile);
}

static void the_profiles_number_of_channels_is_the_outlets(void **state)
{
    (void)state;
    json_t *source = master(), *profile = prores(), *result = master();
    json_t *sound = json_array_get(json_object_get(result, "audio"), 0);
    json_object_set_new(json_object_get(profile, "audio"), "channels", json_integer(2));
    assert_false(all_ok(profile, source, result)); // six are two too many, for that outlet
    json_object_set_new(sound, "channels", json_integer(2));
    json_object_set_new(sound, "layout", json_string("stereo"));
    assert_true(all_ok(profile, source, result));
    json_object_set_new(json_array_get(json_object_get(source, "audio"), 0), "channels",
                        json_integer(1));
    assert_true(all_ok(profile, source, result)); // a mono source fills both
    json_decref(source);
    json_decref(profile);
    json_decref(result);
}

static void a_source_without_timecode_asks_for_none(void **state)
{
    (void)state;
    json_t *source = master(), *profile = prores(), *result = master();
    json_object_del(source, "timecode");
    assert_true(all_ok(profile, source, result));
    json_decref(source);
    json_decref(profile);
    json_decref(result);
}

static void a_result_of_nothing_is_never_all_right(void **state)
{
    (void)state;
    json_t *source = master(), *profile = prores(), *nothing = json_object();
    assert_false(all_ok(profile, source, nothing));
    assert_false(all_ok(nothing, nothing, nothing));
    json_decref(source);
    json_decref(profile);
    json_decref(nothing);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_carried_over_passes),
        cmocka_unit_test(every_lost_fact_is_seen),
        cmocka_unit_test(the_profiles_number_of_channels_is_the_outlets),
        cmocka_unit_test(a_source_without_timecode_asks_for_none),
        cmocka_unit_test(a_result_of_nothing_is_never_all_right),
    };
    return RUN_TESTS(tests);
}
