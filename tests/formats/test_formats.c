#include "test.h"

#include "formats/frameindex/frameindex.h"
#include "formats/ladder/ladder.h"
#include "formats/peaks/peaks.h"
#include "formats/profile/profile.h"
#include "formats/sequence/sequence.h"

#include <dirent.h>

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

static json_t *profile_of_house(const char *name)
{
    char path[512], content[16384];
    struct error err;
    json_t *profile = NULL;
    snprintf(path, sizeof(path), "%s/%s", getenv("PROFILES"), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(content, 1, sizeof(content), f);
    fclose(f);
    if (!profile_read(name, (text){content, size}, &profile, &err))
        fail_msg("%s: %s", err.what, err.why);
    return profile;
}

static void every_profile_of_the_house_is_valid(void **state)
{
    (void)state;
    int count = 0;
    DIR *folder = opendir(getenv("PROFILES"));
    assert_non_null(folder);
    for (struct dirent *d; (d = readdir(folder));) {
        char name[300];
        if (d->d_name[0] == '.')
            continue;
        json_t *profile = profile_of_house(d->d_name);
        snprintf(name, sizeof(name), "%s.json",
                 json_string_value(json_object_get(profile, "name")));
        assert_string_equal(name, d->d_name);
        // What asks for ProRes says whose encoder it is.
        const char *codec =
            json_string_value(json_object_get(json_object_get(profile, "video"), "codec"));
        if (codec && strncmp(codec, "prores", 6) == 0)
            assert_non_null(strstr(
                json_string_value(json_array_get(json_object_get(profile, "notes"), 0)), "Apple"));
        json_decref(profile);
        count++;
    }
    closedir(folder);
    assert_true(count >= 17);
}

static void why_it_is_refused(const char *content, const char *why)
{
    struct error err;
    json_t *profile;
    assert_false(profile_read("p", text_of(content), &profile, &err));
    if (!strstr(err.why, why))
        fail_msg("\"%s\" is not in \"%s\"", why, err.why);
}

#define HEAD                                                                                       \
    "{\"name\":\"x\",\"title\":\"t\",\"description\":\"d\",\"container\":\"mov\","                 \
    "\"extension\":\".mov\",\n\"audio\":{\"codec\":\"aac\",\"rate\":48000}"

static void a_mistake_in_a_profile_is_named_with_its_line(void **state)
{
    (void)state;
    why_it_is_refused("{\n\"name\": \"x\"\n\"title\": 1}", "line 3");
    why_it_is_refused(HEAD ",\n\"chanels\":2}", "line 3: \"chanels\" is not a field");
    why_it_is_refused(HEAD ",\n\"loudnes\":{}}", "did you mean loudness");
    why_it_is_refused(
        HEAD ",\n\"master\":{\n \"video\": {\n\"bits\": 10,\n\"rates\":[\"25\",\n\"26.1\"]}}}",
        "line 7: \"master.video.rates[1]\" has a value");
    why_it_is_refused(
        HEAD ",\"master\":{\"audio\":[{\"layout\":\"mono\"},\n{\"layout\":\"6.5\"}]}}",
        "line 3: \"master.audio[1].layout\" has a value it can not have; it is one of");
    why_it_is_refused(HEAD ",\n\"master\":{\"video\":{\"sizes\":[\"1920\"]}}}", "sizes[0]");
    why_it_is_refused(
        HEAD ",\n\"video\":{\"codec\":\"libx264\",\"pixel_format\":\"yuv420p10le\",\"sdr\":true}}",
        "pixel_format");
    why_it_is_refused(HEAD ",\n\"notes\":[]}", "a list with something in it");
    why_it_is_refused(HEAD ",\n\"source\":{\"title\":\"s\",\"date\":\"d\",\"confirmed\":\"2026\"}}",
                      "go together");
}

static const char *state_of(const json_t *fit, const char *what)
{
    size_t i;
    const json_t *row;
    json_array_foreach(fit, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "what")), what) == 0)
            return json_string_value(json_object_get(row, "state"));
    }
    return "not asked";
}

static json_t *netflix_master(void)
{
    return json_loads(
        "{\"rate\":\"24000/1001\",\"duration_frames\":240,\"vfr\":false,"
        "\"timecode\":{\"start\":\"00:59:58:00\",\"drop\":false,\"from\":\"tmcd\"},"
        "\"video\":[{\"width\":1920,\"height\":1080,\"field_order\":\"progressive\",\"bits\":10,"
        "\"chroma\":\"4:2:2\",\"primaries\":\"bt709\",\"transfer\":\"bt709\",\"matrix\":\"bt709\","
        "\"range\":\"limited\",\"pixel_aspect\":\"1:1\"}],"
        "\"audio\":[{\"channels\":2,\"layout\":\"stereo\",\"language\":\"eng\",\"sample_rate\":"
        "48000,"
        "\"duration_samples\":480480},{\"channels\":6,\"layout\":\"5.1\",\"language\":\"eng\","
        "\"sample_rate\":48000,\"duration_samples\":480480}],\"captions\":[]}",
        0, NULL);
}

static void what_a_master_lacks_is_said_and_what_is_not_known_is_not_guessed(void **state)
{
    (void)state;
    bool fits;
    struct error err;
    json_t *profile = profile_of_house("netflix-nonbranded-prores.json");
    json_t *facts = netflix_master();
    json_t *video = json_array_get(json_object_get(facts, "video"), 0);
    json_t *fit = profile_fit(profile, facts, &fits);
    assert_true(fits);
    assert_string_equal(state_of(fit, "sound 1: 5.1"), "ok");
    assert_string_equal(profile_standing(profile), "unconfirmed");
    json_decref(fit);
    assert_true(profile_makes(profile, facts, "reel", &err));

    json_object_set_new(json_object_get(profile, "length"), "longest_s", json_integer(9));
    fit = profile_fit(profile, facts, &fits); // of 10 s
    assert_string_equal(state_of(fit, "length"), "no");
    assert_string_equal(state_of(fit, "loudness"), "unknown");
    assert_string_equal(state_of(fit, "true peak"), "unknown");
    json_decref(fit);
    json_object_set_new(json_object_get(profile, "length"), "longest_s", json_integer(11));
    fit = profile_fit(profile, facts, &fits);
    assert_string_equal(state_of(fit, "length"), "ok");
    json_decref(fit);

    json_object_set_new(video, "primaries", json_string("unknown"));
    json_object_del(json_array_get(json_object_get(facts, "audio"), 0), "language");
    fit = profile_fit(profile, facts, &fits);
    assert_true(fits);
    assert_string_equal(state_of(fit, "colour primaries"), "unknown");
    assert_string_equal(state_of(fit, "sound 2: Stereo"), "unknown");
    json_decref(fit);

    json_object_set_new(video, "bits", json_integer(8));
    json_object_set_new(video, "width", json_integer(1280));
    json_object_set_new(video, "field_order", json_string("top"));
    json_object_set_new(facts, "rate", json_string("60/1"));
    json_object_set_new(json_array_get(json_object_get(facts, "audio"), 0), "duration_samples",
                        json_integer(100));
    json_array_remove(json_object_get(facts, "audio"), 1);
    fit = profile_fit(profile, facts, &fits);
    assert_false(fits);
    static const char *const lacks[] = {"bit depth",       "size",         "scan",
                                        "frames a second", "sound 1: 5.1", "sound 1: length"};
    for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
        if (strcmp(state_of(fit, lacks[i]), "no") != 0)
            fail_msg("%s is %s", lacks[i], state_of(fit, lacks[i]));
    json_decref(fit);
    assert_false(profile_makes(profile, facts, "reel", &err));
    assert_non_null(strstr(err.why, "bit depth: wanted at least 10 bits, seen 8 bits"));
    assert_true(err.fix[0]);
    json_decref(profile);

    profile = profile_of_house("as11-uk-dpp-hd.json");
    assert_false(profile_makes(profile, facts, "reel", &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    json_decref(profile);
    json_decref(facts);
}

// ---- ladders

static bool keep_file(void *context, const char *name, text content)
{
    json_object_set_new(context, name, json_stringn(content.at, content.size));
    return true;
}

static int times_in(const char *words, const char *word)
{
    int count = 0;
    for (; (words = strstr(words, word)); words++)
        count++;
    return count;
}

static void all_captions_of_a_ladder_are_renditions(void **state)
{
    (void)state;
    json_t *facts =
        json_pack("{s:s, s:i, s:[{s:i, s:i}], s:[{s:s}]}", "rate", "25/1", "duration_frames", 50,
                  "video", "width", 640, "height", 360, "audio", "language", "eng");
    json_t *profile =
        json_pack("{s:{s:s}, s:{s:s}, s:[{s:s, s:i, s:i}, {s:s, s:i, s:i}]}", "video", "codec",
                  "libx264", "audio", "codec", "aac", "ladder", "name", "720p", "width", 1280,
                  "height", 720, "name", "360p", "width", 640, "height", 360);
    json_t *tracks = ladder_tracks(profile, facts), *about = ladder_about(facts);
    assert_int_equal(json_array_size(tracks), 2); // 720p is larger than the film
    json_t *cmaf = json_pack("{s:i, s:[i,i], s:s, s:i, s:i, s:i, s:[[i,i,i]]}", "head", 600,
                             "index", 500, 100, "codecs", "avc1.64001f", "timescale", 25, "width",
                             640, "height", 360, "fragments", 600, 1000, 50);
    for (size_t i = 0; i < 2; i++)
        ladder_add(about, json_array_get(tracks, i), cmaf, 50);
    assert_string_equal(ladder_add_text(about, "en", "cc"), "text-en-cc.vtt");
    assert_string_equal(ladder_add_text(about, "sv", "subtitle"), "text-sv.vtt");
    assert_string_equal(ladder_add_text(about, "sv", "subtitle"), "text-sv-2.vtt");
    assert_string_equal(ladder_add_text(about, "x\"/y", "forced"), "text-und-forced.vtt");
    json_t *files = json_object();
    assert_true(ladder_files(about, keep_file, files));
    const char *master = json_string_value(json_object_get(files, "master.m3u8")),
               *mpd = json_string_value(json_object_get(files, "manifest.mpd"));
    assert_non_null(master);
    assert_int_equal(times_in(master, "TYPE=SUBTITLES"), 4);
    assert_non_null(strstr(master, "NAME=\"sv 2\""));
    assert_non_null(strstr(master, "FORCED=YES,URI=\"text-und-forced.m3u8\""));
    assert_int_equal(times_in(master, "transcribes-spoken-dialog"), 1);
    assert_int_equal(times_in(mpd, "mimeType=\"text/vtt\""), 4);
    assert_int_equal(json_object_size(files), 8); // two tracks, four texts, two manifests
    bool all;
    json_decref(ladder_checks(about, &all));
    assert_true(all);
    json_decref(files);
    json_decref(cmaf);
    json_decref(tracks);
    json_decref(about);
    json_decref(profile);
    json_decref(facts);
}

static json_t *sound_track(int channels, const char *language, const char *role)
{
    return json_pack("{s:i, s:s*, s:s*}", "channels", channels, "language", language, "role", role);
}

static void every_language_of_a_ladder_is_a_rendition(void **state)
{
    (void)state;
    json_t *profile =
        json_pack("{s:{s:s, s:i}, s:[]}", "audio", "codec", "aac", "channels", 2, "ladder");
    json_t *facts =
        json_pack("{s:[o, o, o, o, o]}", "audio", sound_track(6, "eng", NULL),
                  sound_track(2, "eng", NULL), sound_track(2, "swe", NULL),
                  sound_track(2, "eng", "described"), sound_track(2, "eng", "music-and-effects"));
    json_t *tracks = ladder_tracks(profile, facts), *about = ladder_about(facts), *track;
    json_t *cmaf = json_pack("{s:i, s:[i,i], s:s, s:i, s:i, s:[[i,i,i]]}", "head", 600, "index",
                             500, 100, "codecs", "mp4a.40.2", "timescale", 48000, "channels", 2,
                             "fragments", 600, 1000, 96000);
    static const struct {
        const char *name;
        int source;
    } wanted[] = {{"sound", 2}, {"sound-swe", 3}, {"sound-eng-described", 4}};
    size_t i;
    assert_int_equal(json_array_size(tracks), 3);
    json_array_foreach(tracks, i, track)
    {
        const json_t *audio = json_object_get(json_object_get(track, "profile"), "audio");
        assert_string_equal(json_string_value(json_object_get(track, "name")), wanted[i].name);
        assert_int_equal(json_integer_value(json_object_get(audio, "source")), wanted[i].source);
        ladder_add(about, track, cmaf, 50);
    }
    json_t *files = json_object();
    assert_true(ladder_files(about, keep_file, files));
    const char *master = json_string_value(json_object_get(files, "master.m3u8")),
               *mpd = json_string_value(json_object_get(files, "manifest.mpd"));
    assert_int_equal(times_in(master, "TYPE=AUDIO"), 3);
    assert_int_equal(times_in(master, "DEFAULT=YES"), 1);
    assert_non_null(strstr(master, "NAME=\"swe\",LANGUAGE=\"swe\",DEFAULT=NO"));
    assert_non_null(strstr(master, "public.accessibility.describes-video"));
    assert_int_equal(times_in(mpd, "contentType=\"audio\""), 3);
    assert_non_null(strstr(mpd, "value=\"description\""));
    json_decref(files);
    json_decref(about);
    json_decref(tracks);
    json_decref(facts);

    // Two mono tracks are one stereo sound, not the left one alone.
    facts =
        json_pack("{s:[o, o]}", "audio", sound_track(1, "eng", NULL), sound_track(1, "eng", NULL));
    tracks = ladder_tracks(profile, facts);
    assert_int_equal(json_array_size(tracks), 1);
    track = json_object_get(json_object_get(json_array_get(tracks, 0), "profile"), "audio");
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(track, "tracks"), 0), "layout")),
                        "stereo");
    json_decref(tracks);
    json_decref(cmaf);
    json_decref(facts);
    json_decref(profile);
}

// ---- captions that are needed

static void captions_that_are_needed_stop_a_film_without_them(void **state)
{
    (void)state;
    struct error err;
    json_t *profile =
        json_pack("{s:s, s:{s:s}, s:{s:[s], s:[s, s], s:b}}", "title", "Outlet", "audio", "codec",
                  "aac", "captions", "formats", "scc", "languages", "en", "sv", "needed", 1);
    json_t *facts =
        json_pack("{s:[{s:i}], s:[{s:s}]}", "audio", "channels", 2, "captions", "language", "eng");
    assert_false(profile_makes(profile, facts, "reel", &err)); // in the file only
    assert_non_null(strstr(err.why, "in the file only"));
    // What can be taken out of the file counts; in the language of the sound where none is said.
    json_t *own = json_pack(
        "{s:[{s:i}], s:[{s:i, s:i, s:s}], s:[{s:i, s:s, s:s}, {s:i, s:s}, {s:i, "
        "s:s, s:s}, {s:i, s:s}]}",
        "video", "index", 0, "audio", "index", 1, "channels", 2, "language", "eng", "captions",
        "index", 0, "kind", "608", "channels", "CC1", "index", 0, "kind", "708", "index", 2, "kind",
        "mov_text", "language", "swe", "index", 3, "kind", "dvb_subtitle");
    json_t *taken = profile_within(own);
    char *said = json_dumps(taken, JSON_COMPACT);
    assert_string_equal(
        said,
        "[{\"index\":0,\"kind\":\"608\",\"language\":\"eng\",\"role\":\"cc\",\"from\":\"608 in its "
        "pictures\",\"channel\":1},{\"index\":2,\"kind\":\"text\",\"language\":\"swe\",\"role\":"
        "\"subtitle\",\"from\":\"mov_text in track 3\"}]");
    free(said);
    json_decref(taken);
    assert_true(profile_makes(profile, own, "reel", &err));
    json_decref(own);
    json_t *brought = json_pack("[{s:s, s:s}]", "language", "en-GB", "role", "cc");
    profile_supply(facts, brought);
    assert_false(profile_makes(profile, facts, "reel", &err));
    assert_non_null(strstr(err.why, "captions: sv"));
    assert_null(strstr(err.why, "captions: en"));
    json_array_append_new(brought, json_pack("{s:s, s:s}", "language", "swe", "role", "subtitle"));
    profile_supply(facts, brought);
    assert_true(profile_makes(profile, facts, "reel", &err));
    json_decref(brought);
    json_decref(facts);
    json_decref(profile);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_index_reads_back_as_written),
        cmocka_unit_test(peaks_hold_the_lowest_and_highest_sample_at_every_scale),
        cmocka_unit_test(file_names_of_sequences_are_told_from_versions),
        cmocka_unit_test(every_profile_of_the_house_is_valid),
        cmocka_unit_test(a_mistake_in_a_profile_is_named_with_its_line),
        cmocka_unit_test(what_a_master_lacks_is_said_and_what_is_not_known_is_not_guessed),
        cmocka_unit_test(all_captions_of_a_ladder_are_renditions),
        cmocka_unit_test(every_language_of_a_ladder_is_a_rendition),
        cmocka_unit_test(captions_that_are_needed_stop_a_film_without_them),
    };
    return RUN_TESTS(tests);
}
