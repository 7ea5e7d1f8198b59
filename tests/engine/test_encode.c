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
        const char *list[] = {source}, *made[] = {path};
        if (!media_deliver(list, 1, json_load_file(path, 0, NULL), wanted[i].output, 2, &result,
                           &err))
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

static json_t *profile(const char *name)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/%s.json", getenv("PROFILES"), name);
    return json_load_file(path, 0, NULL);
}

static json_t *deliver(const char *const *paths, size_t count, const char *profile_name,
                       const char *output, char made[MEDIA_PATH])
{
    struct error err;
    json_t *result = NULL;
    if (!media_deliver(paths, count, profile(profile_name), output, 2, &result, &err))
        media_wrong("%s: %s (%s)", paths[0], err.what, err.why);
    snprintf(made, MEDIA_PATH, "%s/%s", media_folder(), output);
    return result;
}

static json_t *probed(const char *path)
{
    struct error err;
    json_t *facts = NULL;
    if (!media_ask("probe", &path, 1, NULL, NULL, &facts, &err))
        media_wrong("%s: %s (%s)", path, err.what, err.why);
    return facts;
}

// A telephone's 29.97 in whole milliseconds, with half a second in which nothing came, and a frame
// that came twice as soon.
static void frames_without_a_constant_rate_are_delivered_at_the_nearest_standard_one(void **state)
{
    (void)state;
    static const char *const names[] = {"telephone.mp4", "telephone.mkv"};
    for (int k = 0; k < 2; k++) {
        char path[MEDIA_PATH], made[MEDIA_PATH];
        int numbers[100], frames = 0, time[21], dropped = 0;
        media_make(&(struct clip){names[k], "25", .frames = 20,
                                  .options = "-c:v libx264 -preset ultrafast -vf \"settb=1/1000,"
                                             "setpts='floor(N*1001/30)+gt(N,6)*500-eq(N,15)*24'\" "
                                             "-fps_mode passthrough -enc_time_base 1/1000"},
                   path);
        for (int i = 0; i < 20; i++)
            time[i] = i * 1001 / 30 + (i > 6) * 500 - (i == 15) * 24;
        time[20] = time[19] + 33;
        for (int i = 0; i < 20; i++) {
            int end = (time[i + 1] * 30000 + 500500) / 1001000;
            dropped += end == frames;
            for (; frames < end; frames++)
                numbers[frames] = i;
        }
        const char *list[] = {path};
        json_t *result = deliver(list, 1, "prores-422-hq-mov", "constant.mov", made);
        char wanted[300];
        snprintf(
            wanted, sizeof(wanted),
            "{\"frames\":%d,\"damage\":[],\"constant\":{\"rate\":\"30000/1001\",\"dropped\":%d,"
            "\"repeated\":%d}}",
            frames, dropped, frames - 20 + dropped);
        media_expect(path, result, wanted);
        media_expect_numbers(made, numbers, frames, 320, 180);
        json_t *facts = probed(made), *source = probed(path);
        snprintf(wanted, sizeof(wanted),
                 "{\"rate\":\"30000/1001\",\"vfr\":false,\"duration_frames\":%d}", frames);
        media_expect(made, facts, wanted);
        snprintf(wanted, sizeof(wanted),
                 "{\"vfr\":true,\"constant\":{\"rate\":\"30000/1001\",\"frames\":%d}}", frames);
        media_expect(path, source, wanted);
        json_decref(result);
        json_decref(facts);
        json_decref(source);
    }
}

static void damage_shortens_no_deliverable_and_is_named(void **state)
{
    (void)state;
    static const struct clip clips[] = {
        {"d.mov", "25", .frames = 50,
         .options = "-f lavfi -i sine=r=48000:d=2 -c:a pcm_s16le -c:v libx264 -preset ultrafast "
                    "-g 5 -bf 2 -movflags +faststart"},
        {"p.mov", "25", .frames = 50,
         .options = "-c:v prores_ks -pix_fmt yuv422p10le -movflags +faststart"},
        {"m.mov", "25", .frames = 50, .options = "-c:v png -movflags +faststart"},
    };
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        char path[MEDIA_PATH], hurt[MEDIA_PATH], made[MEDIA_PATH], command[1200];
        media_make(&clips[i], path);
        snprintf(hurt, sizeof(hurt), "%s/%s", media_folder(), clips[i].name);
        // A hole of zeros in the middle, as of a bad disk.
        snprintf(command, sizeof(command),
                 "cp '%s' '%s' && dd if=/dev/zero of='%s' bs=1 count=$(($(stat -c %%s '%s')/10)) "
                 "seek=$(($(stat -c %%s '%s')/2)) conv=notrunc status=none",
                 path, hurt, hurt, hurt, hurt);
        assert_int_equal(system(command), 0);
        const char *list[] = {hurt};
        json_t *result = deliver(list, 1, "web-h264-1080p", "whole.mp4", made);
        media_expect(hurt, result, "{\"frames\":50}");
        if (!json_array_size(json_object_get(result, "damage")))
            media_wrong("%s: no damage is named", hurt);
        snprintf(command, sizeof(command),
                 "ffprobe -v error -count_frames -select_streams v -show_entries "
                 "stream=nb_read_frames -of csv=p=0 '%s'",
                 made);
        char *said = media_output(command);
        assert_int_equal(atoi(said), 50);
        free(said);
        json_decref(result);
    }
}

static void a_missing_file_of_a_sequence_is_repeated_in_the_deliverable(void **state)
{
    (void)state;
    char pattern[MEDIA_PATH], files[10][MEDIA_PATH], made[MEDIA_PATH];
    const char *paths[9];
    size_t count = 0;
    media_make(&(struct clip){"shot.%04d.png", "24", .frames = 10, .options = "-pix_fmt rgb24"},
               pattern);
    for (int i = 0; i < 10; i++) {
        snprintf(files[i], MEDIA_PATH, "%.*s/shot.%04d.png", (int)(strrchr(pattern, '/') - pattern),
                 pattern, 1001 + i);
        if (i != 4)
            paths[count++] = files[i];
    }
    json_t *result = deliver(paths, count, "prores-422-hq-mov", "shot.mov", made);
    media_expect(pattern, result, "{\"frames\":10,\"damage\":[{\"frame\":4}]}");
    media_expect_bars(made, 10, 320, 180, 4);
    json_decref(result);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(a_deliverable_carries_rate_timecode_channels_and_language),
        MEDIA_TEST(frames_without_a_constant_rate_are_delivered_at_the_nearest_standard_one),
        MEDIA_TEST(damage_shortens_no_deliverable_and_is_named),
        MEDIA_TEST(a_missing_file_of_a_sequence_is_repeated_in_the_deliverable),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
