#include "test.h"

#include "house/deliver/beside.h"
#include "house/deliver/checks.h"
#include "house/deliver/looks.h"
#include "house/deliver/parts.h"
#include "house/deliver/record.h"

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

static void a_container_that_says_otherwise_than_its_picture_is_seen(void **state)
{
    (void)state;
    json_t *source = master(), *profile = prores(), *result = master();
    json_object_set_new(json_array_get(json_object_get(result, "video"), 0), "disagree",
                        json_pack("[s]", "matrix: the container says bt709, the picture bt2020nc"));
    assert_false(all_ok(profile, source, result));
    json_decref(source);
    json_decref(profile);
    json_decref(result);
}

// Dialogue at -27 and a programme at -24: which of them counts is a matter of the share of speech.
static void with_too_little_dialogue_the_programme_counts_where_the_profile_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *little; // NULL: not said
        bool too_little, ok;
        double dialogue, integrated;
    } rows[] = {
        {NULL, false, true, -27, -20},          {NULL, true, false, -27, -24},
        {"say", true, false, -27, -24},         {"programme", true, true, -40, -24},
        {"programme", true, false, -27, -27.5}, {"programme", false, true, -27, -20},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *source = master(), *profile = prores();
        json_object_set_new(profile, "loudness",
                            json_pack("{s:s, s:i, s:i, s:i, s:s*, s:i}", "method",
                                      "bs1770-1-dialogue", "target", -27, "within", 2, "flag", 3,
                                      "little", rows[i].little, "little_target", -24));
        json_t *tracks =
            json_pack("[{s:i, s:i, s:i, s:{s:s, s:b, s:{s:f, s:f, s:f}}}]", "first", 0, "tracks", 1,
                      "rate", 48000, "loudness", "method", "bs1770-1-dialogue",
                      "too_little_dialogue", rows[i].too_little, "after", "dialogue",
                      rows[i].dialogue, "integrated", rows[i].integrated, "speech", 0.1);
        bool all;
        json_decref(deliver_checks(profile, source, source, tracks, &all));
        if (all != rows[i].ok)
            fail_msg("row %zu", i);
        json_decref(source);
        json_decref(profile);
        json_decref(tracks);
    }
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

// Every task of every step is of one track, and a track's are one after another.
static void the_tasks_of_a_ladder_are_those_of_its_rungs(void **state)
{
    (void)state;
    struct delivery_steps steps;
    struct delivery_part part;
    json_t *source = master();
    json_t *profile = json_pack(
        "{s:s, s:{s:s, s:i}, s:{s:s}, s:[{s:s, s:i, s:i}, {s:s, s:i, s:i}]}", "container", "mp4",
        "video", "codec", "libx264", "segment_s", 2, "audio", "codec", "aac", "ladder", "name",
        "big", "width", 1920, "height", 1080, "name", "small", "width", 640, "height", 360);
    delivery_steps_make(profile, source, true, false, &steps);
    assert_int_equal(steps.count, 5);
    static const struct {
        const char *step;
        int64_t tasks;
    } wanted[] = {{"index", 2}, {"sound", 1}, {"segment", 4}, {"mux", 3}, {"bind", 1}};
    for (size_t i = 0; i < steps.count; i++) {
        assert_string_equal(steps.at[i].name, wanted[i].step);
        assert_int_equal(steps.at[i].tasks, wanted[i].tasks);
    }
    delivery_steps_free(&steps);
    static const struct {
        const char *step;
        int64_t task;
        const char *name;
        int64_t number, index, segment, sound;
    } parts[] = {
        {"index", 1, "small", 0, 1, 2, -1},   {"segment", 0, "big", 0, 0, 0, -1},
        {"segment", 1, "big", 1, 0, 0, -1},   {"segment", 2, "small", 0, 1, 2, -1},
        {"segment", 3, "small", 1, 1, 2, -1}, {"mux", 0, "big", 0, 0, 0, -1},
        {"mux", 1, "small", 0, 1, 2, -1},     {"mux", 2, "sound", 0, -1, 4, 0},
        {"sound", 0, "sound", 0, -1, 4, 0},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert_true(delivery_part_of(profile, source, parts[i].step, parts[i].task, &part));
        assert_string_equal(part.name, parts[i].name);
        assert_int_equal(part.number, parts[i].number);
        assert_int_equal(part.index, parts[i].index);
        assert_int_equal(part.segment, parts[i].segment);
        assert_int_equal(part.sound, parts[i].sound);
        delivery_part_close(&part);
    }
    assert_false(delivery_part_of(profile, source, "mux", 3, &part));
    // Another language is a track of its own, with a sound of its own.
    json_array_append_new(json_object_get(source, "audio"),
                          json_pack("{s:i, s:s}", "channels", 2, "language", "swe"));
    assert_true(delivery_part_of(profile, source, "mux", 3, &part));
    assert_string_equal(part.name, "sound-swe");
    assert_int_equal(part.sound, 1);
    delivery_part_close(&part);
    json_decref(profile);
    json_decref(source);
}

static void stems_that_do_not_begin_and_end_together_are_seen(void **state)
{
    (void)state;
    json_t *profile = json_pack("{s:s, s:{s:s, s:s}}", "container", "wav", "audio", "codec",
                                "pcm_s24le", "files", "track");
    json_t *source = json_pack("{s:[{s:i}, {s:i}]}", "audio", "channels", 2, "channels", 2);
    json_t *seen = json_pack("{s:[{s:i, s:i}, {s:i, s:i}], s:[s, s]}", "audio", "channels", 2,
                             "duration_samples", 96000, "channels", 2, "duration_samples", 96000,
                             "begins", "1728000000", "1728000000");
    assert_true(all_ok(profile, source, seen));
    json_object_set_new(json_array_get(json_object_get(seen, "audio"), 1), "duration_samples",
                        json_integer(96001));
    assert_false(all_ok(profile, source, seen));
    json_object_set_new(json_array_get(json_object_get(seen, "audio"), 1), "duration_samples",
                        json_integer(96000));
    json_array_set_new(json_object_get(seen, "begins"), 1, json_null());
    assert_false(all_ok(profile, source, seen));
    json_decref(seen);
    json_decref(source);
    json_decref(profile);
}

// ---- which frame of the master each is of

static void origin_is(const char *plan, const char *wanted)
{
    json_t *p = json_loads(plan, 0, NULL), *origin = look_origin(p),
           *w = json_loads(wanted, 0, NULL);
    if (!json_equal(origin, w)) {
        char *said = json_dumps(origin, JSON_COMPACT);
        fail_msg("%s: %s", plan, said);
    }
    json_decref(p);
    json_decref(origin);
    json_decref(w);
}

static void a_plan_says_of_which_frame_of_the_master_each_is(void **state)
{
    (void)state;
    origin_is("null", "{\"kind\":\"same\"}");
    origin_is("{\"segments\":[{\"first\":0,\"count\":100,\"place\":0},{\"first\":100,\"count\":50,"
              "\"place\":100},{\"first\":150,\"count\":0}]}",
              "{\"kind\":\"same\"}");
    origin_is("{\"segments\":[{\"first\":0,\"count\":100,\"place\":48},{\"first\":100,\"count\":50,"
              "\"place\":148},{\"first\":150,\"count\":5,\"place\":300}]}",
              "{\"kind\":\"runs\",\"runs\":[[0,48,150],[150,300,5]]}");
    // frames of two fields each; and the same without an order
    origin_is("{\"cadence\":{},\"segments\":[{\"first\":0,\"count\":3,\"fields\":[1,1,2,3,3,-1]},"
              "{\"first\":3,\"count\":1,\"fields\":[5,5]}]}",
              "{\"kind\":\"list\",\"first\":1,\"steps\":\"112\"}");
    origin_is("{\"cadence\":{},\"segments\":[{\"first\":0,\"count\":2,\"fields\":[5,5,4,4]}]}",
              "{\"kind\":\"time\"}");
    origin_is("{\"constant\":{},\"segments\":[{\"first\":0,\"count\":9,\"place\":0}]}",
              "{\"kind\":\"time\"}");
}

static void dolby_vision_goes_with_hdr_and_atmos_with_sound(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool dolby, adm;
    } cases[] = {{"{\"video\":{},\"audio\":{}}", true, true},
                 {"{\"video\":{\"sdr\":true},\"audio\":{}}", false, true},
                 {"{\"video\":{}}", true, false},
                 {"{\"audio\":{}}", false, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *p = json_loads(cases[i].profile, 0, NULL);
        assert_int_equal(beside_goes("dolby-vision", p), cases[i].dolby);
        assert_int_equal(beside_goes("adm", p), cases[i].adm);
        json_decref(p);
    }
}

// ---- languages

static void a_language_by_two_letters_or_three_is_the_same(void **state)
{
    (void)state;
    json_t *source = master(), *profile = prores(), *result = json_deep_copy(source);
    static const struct {
        const char *wanted, *seen;
        bool ok;
    } cases[] = {{"en", "eng", true},      {"de", "ger", true},  {"de", "deu", true},
                 {"en-GB", "eng", true},   {"de", "eng", false}, {"de", "", false},
                 {"en-GB", "en-US", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_object_set_new(json_object_get(profile, "audio"), "tracks",
                            json_pack("[{s:s, s:s, s:s}]", "layout", "5.1", "from", "1", "language",
                                      cases[i].wanted));
        json_object_set_new(json_array_get(json_object_get(result, "audio"), 0), "language",
                            json_string(cases[i].seen));
        if (all_ok(profile, source, result) != cases[i].ok)
            fail_msg("%s asked for, %s seen", cases[i].wanted, cases[i].seen);
    }
    json_decref(source);
    json_decref(profile);
    json_decref(result);
}

// One track of the master becomes two: a map's languages are those of the deliverable's tracks.
static void what_is_said_of_a_track_goes_where_its_channels_go(void **state)
{
    (void)state;
    struct arena *a = arena_open(16 << 20);
    json_t *facts = master(), *profile = prores();
    struct metadata_source file = {.where = "the file"};
    struct metadata *m = metadata_new(a);
    (void)metadata_put(m, "work.title", 0, "Film", &file);
    (void)metadata_put(m, "track.kind", 0, "picture", &file);
    (void)metadata_put(m, "track.kind", 1, "sound", &file);
    (void)metadata_put(m, "track.language", 1, "eng", &file);
    json_object_set_new(json_object_get(profile, "audio"), "tracks",
                        json_pack("[{s:s, s:s, s:s, s:s}, {s:s, s:s}]", "layout", "stereo", "from",
                                  "1", "downmix", "lo-ro", "language", "deu", "layout", "5.1",
                                  "from", "1"));
    struct metadata *to = record_for_profile(a, m, profile, facts);
    assert_string_equal(metadata_text(to, "work.title", 0), "Film");
    assert_string_equal(metadata_text(to, "track.kind", 0), "picture");
    assert_string_equal(metadata_text(to, "track.language", 1), "de");
    assert_string_equal(metadata_text(to, "track.channels", 1), "2");
    assert_string_equal(metadata_text(to, "track.language", 2), "en");
    assert_string_equal(metadata_text(to, "track.channels", 2), "6");
    json_decref(facts);
    json_decref(profile);
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_carried_over_passes),
        cmocka_unit_test(every_lost_fact_is_seen),
        cmocka_unit_test(the_profiles_number_of_channels_is_the_outlets),
        cmocka_unit_test(a_source_without_timecode_asks_for_none),
        cmocka_unit_test(a_container_that_says_otherwise_than_its_picture_is_seen),
        cmocka_unit_test(with_too_little_dialogue_the_programme_counts_where_the_profile_says_so),
        cmocka_unit_test(a_result_of_nothing_is_never_all_right),
        cmocka_unit_test(the_tasks_of_a_ladder_are_those_of_its_rungs),
        cmocka_unit_test(stems_that_do_not_begin_and_end_together_are_seen),
        cmocka_unit_test(a_plan_says_of_which_frame_of_the_master_each_is),
        cmocka_unit_test(dolby_vision_goes_with_hdr_and_atmos_with_sound),
        cmocka_unit_test(a_language_by_two_letters_or_three_is_the_same),
        cmocka_unit_test(what_is_said_of_a_track_goes_where_its_channels_go),
    };
    return RUN_TESTS(tests);
}
