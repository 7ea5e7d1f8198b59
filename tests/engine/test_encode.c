// Deliverables by their profiles, from outside.
#include "test.h"

#include "make_media.h"

static void a_deliverable_carries_rate_timecode_channels_and_language(void **state)
{
    (void)state;
    static const struct {
        const char *profile, *output, *codec, *sound;
        int channels;
    } wanted[] = {
        {"web-h264-1080p", "o.mp4", "h264", "aac", 2},
        {"prores-422-hq-mov", "o.mov", "prores", "pcm_s24le", 6},
        {"dnxhr-hqx-mxf", "o.mxf", "dnxhd", "pcm_s24le", 6},
        {"wav-48k24", "o.wav", NULL, "pcm_s24le", 6},
    };
    char source[MEDIA_PATH];
    media_make(
        &(struct clip){
            "src.mov", "30000/1001", .frames = 30,
            .options = "-f lavfi -i anoisesrc=r=48000:d=1.001:a=0.1 -af "
                       "'pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0' "
                       "-c:a pcm_s24le -metadata:s:a:0 language=fra -c:v libx264 -preset ultrafast "
                       "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -timecode "
                       "'00:59:58;00'"},
        source);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        char path[512];
        struct error err;
        json_t *result = NULL, *facts = NULL;
        snprintf(path, sizeof(path), "%s/%s.json", getenv("PROFILES"), wanted[i].profile);
        json_t *ticket = json_pack("{s:o, s:s}", "profile", json_load_file(path, 0, NULL), "output",
                                   wanted[i].output);
        const char *list[] = {source}, *made[] = {path};
        if (!media_ask("encode", list, 1, ticket, media_folder(), &result, &err))
            fail_msg("%s: %s (%s)", wanted[i].profile, err.what, err.why);
        json_decref(result);
        snprintf(path, sizeof(path), "%s/%s", media_folder(), wanted[i].output);
        if (!media_ask("probe", made, 1, NULL, NULL, &facts, &err))
            fail_msg("%s: %s (%s)", wanted[i].output, err.what, err.why);
        const json_t *v = json_array_get(json_object_get(facts, "video"), 0);
        const json_t *a = json_array_get(json_object_get(facts, "audio"), 0);
        assert_string_equal(json_string_value(json_object_get(a, "codec")), wanted[i].sound);
        assert_int_equal(json_integer_value(json_object_get(a, "channels")), wanted[i].channels);
        if (wanted[i].codec) {
            assert_string_equal(json_string_value(json_object_get(v, "codec")), wanted[i].codec);
            assert_string_equal(json_string_value(json_object_get(v, "matrix")), "bt709");
            assert_string_equal(json_string_value(json_object_get(facts, "rate")), "30000/1001");
            assert_int_equal(json_integer_value(json_object_get(facts, "duration_frames")), 30);
            assert_string_equal(
                json_string_value(json_object_get(json_object_get(facts, "timecode"), "start")),
                "00:59:58;00");
        }
        if (strstr(wanted[i].output, ".m") && !strstr(wanted[i].output, "mxf"))
            assert_string_equal(json_string_value(json_object_get(a, "language")), "fra");
        json_decref(facts);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(a_deliverable_carries_rate_timecode_channels_and_language),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
