// The sound of deliverables: which channel lies where, to the sample, as ffmpeg decodes it.
#include "test.h"

#include "make_media.h"

#include <math.h>

// A programme of 2 s at 23.976 with eight mono tracks, each of its own noise.
static const char *eight_monos(void)
{
    static char path[MEDIA_PATH];
    media_make_by("monos.mov",
                  "ffmpeg -v error -y -f lavfi -i testsrc2=s=160x90:r=24000/1001:d=2 "
                  "$(for i in 1 2 3 4 5 6 7 8; do echo -f lavfi -i "
                  "anoisesrc=r=48000:a=0.1:seed=$i:d=2.002; done) -map 0:v "
                  "$(for i in 1 2 3 4 5 6 7 8; do echo -map $i:a; done) -c:v "
                  "libx264 -preset ultrafast -c:a pcm_s24le \"$OUT\"",
                  path);
    return path;
}

// Pulses of one sample's rise at 0.5 s and 1.5 s on both channels, in 5.1 on all.
static const char *claps(void)
{
    static char path[MEDIA_PATH];
    media_make_by(
        "claps.mov",
        "ffmpeg -v error -y -f lavfi -i testsrc2=s=160x90:r=24:d=2 -f lavfi -i "
        "\"aevalsrc='0.7*between(mod(n,48000),24000,24023)*sin(PI*(mod(n,48000)-24000)/12)"
        "|0.7*between(mod(n,48000),24000,24023)*sin(PI*(mod(n,48000)-24000)/"
        "12)':s=48000,atrim=end_sample=91200\""
        " -c:v libx264 -preset ultrafast -c:a pcm_s24le \"$OUT\"",
        path);
    return path;
}

static json_t *profile(const char *container, const char *video, const char *audio,
                       const char *more)
{
    char text[1500];
    snprintf(text, sizeof(text),
             "{\"name\":\"t\",\"title\":\"T\",\"description\":\"t\",\"container\":\"%s\","
             "\"extension\":\".%s\"%s,\"audio\":%s%s}",
             container, strcmp(container, "matroska") == 0 ? "mkv" : container, video, audio, more);
    json_t *p = json_loads(text, 0, NULL);
    if (!p)
        fail_msg("%s", text);
    return p;
}
#define PRORES ",\"video\":{\"codec\":\"prores_aw\",\"pixel_format\":\"yuv422p10le\"}"
#define H264                                                                                       \
    ",\"video\":{\"codec\":\"libx264\",\"pixel_format\":\"yuv420p\",\"options\":{\"preset\":"      \
    "\"ultrafast\",\"bf\":\"2\"}}"

static json_t *deliver(const char *from, json_t *p, const char *output, char made[MEDIA_PATH])
{
    struct error err;
    json_t *result = NULL;
    if (!media_deliver(&from, 1, p, output, 2, &result, &err))
        media_wrong("%s: %s (%s)", output, err.what, err.why);
    snprintf(made, MEDIA_PATH, "%s/%s", media_folder(), output);
    return result;
}

// The hash of one channel as 24 bits.
static void channel_hash(const char *path, int track, int channel, char to[33])
{
    char command[1200];
    snprintf(command, sizeof(command),
             "ffmpeg -v quiet -i '%s' -map 0:a:%d -af 'pan=mono|c0=c%d' -f s32le - | head -c "
             "384000 | md5sum",
             path, track, channel);
    char *said = media_output(command);
    snprintf(to, 33, "%.32s", said);
    free(said);
}

static void expect_channel(const char *made, int track, int channel, const char *from, int source)
{
    char a[33], b[33];
    channel_hash(made, track, channel, a);
    channel_hash(from, source, 0, b);
    if (strcmp(a, b) != 0)
        media_wrong("%s: channel %d of track %d is not track %d of the master", made, channel + 1,
                    track + 1, source + 1);
}

static void eight_mono_tracks_become_one_of_six_channels_and_one_of_two_to_the_bit(void **state)
{
    (void)state;
    static const int film[6] = {0, 2, 1,
                                5, 3, 4}; // where L R C LFE Ls Rs lie among L C R Ls Rs LFE
    char made[MEDIA_PATH];
    json_decref(deliver(eight_monos(),
                        profile("mov", PRORES,
                                "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":"
                                "\"5.1\"},{\"layout\":\"stereo\"}]}",
                                ""),
                        "smpte.mov", made));
    for (int c = 0; c < 6; c++)
        expect_channel(made, 0, c, eight_monos(), c);
    expect_channel(made, 1, 0, eight_monos(), 6);
    expect_channel(made, 1, 1, eight_monos(), 7);
    json_decref(deliver(eight_monos(),
                        profile("mov", PRORES,
                                "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":"
                                "\"5.1\",\"from_order\":\"film\"}]}",
                                ""),
                        "film.mov", made));
    for (int c = 0; c < 6; c++)
        expect_channel(made, 0, c, eight_monos(), film[c]);
    // And back: six tracks of one channel, in another order, labelled for QuickTime.
    char again[MEDIA_PATH];
    json_decref(deliver(made,
                        profile("mov", PRORES,
                                "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":"
                                "\"5.1\",\"split\":true,\"order\":\"film\"}]}",
                                ""),
                        "split.mov", again));
    for (int c = 0; c < 6; c++)
        expect_channel(again, c, 0, eight_monos(), c);
    char command[1000];
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams a -show_entries stream=channel_layout -of csv=p=0 "
             "'%s'; mediainfo '%s' | grep 'Channel layout' | sed 's/.*: //'",
             again, made);
    char *said = media_output(command);
    assert_string_equal(said, "1 channels (FL)\nmono\n1 channels (FR)\n1 channels (BL)\n"
                              "1 channels (BR)\n1 channels (LFE)\nL R C LFE Ls Rs\n");
    free(said);
}

static void what_is_missing_is_refused_with_what_it_is_and_a_way_out(void **state)
{
    (void)state;
    struct error err;
    json_t *result = NULL;
    const char *from = claps();
    assert_false(media_deliver(&from, 1,
                               profile("mov", PRORES,
                                       "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{"
                                       "\"layout\":\"5.1\"}]}",
                                       ""),
                               "missing.mov", 1, &result, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.why, "L R C LFE Ls Rs"));
    assert_true(err.fix[0]);
    from = eight_monos();
    assert_false(media_deliver(&from, 1,
                               profile("mov", PRORES,
                                       "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{"
                                       "\"layout\":\"5.1\",\"from\":\"1-5\"}]}",
                                       ""),
                               "missing.mov", 1, &result, &err));
    assert_non_null(strstr(err.why, "Rs missing"));
    // Silence that is asked for is silence.
    char made[MEDIA_PATH], command[1000];
    json_decref(deliver(eight_monos(),
                        profile("mov", PRORES,
                                "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":"
                                "\"5.1\",\"from\":\"1-3,silence,5,6\"}]}",
                                ""),
                        "silent.mov", made));
    expect_channel(made, 0, 5, eight_monos(), 5);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -af 'pan=mono|c0=c3' -f s32le - | tr -d '\\0' | wc -c", made);
    char *said = media_output(command);
    assert_string_equal(said, "0\n");
    free(said);
}

// The first sample over half, counted from the moment that the container calls 0.
static int first_peak(const char *path, int *samples)
{
    char command[1000];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -map 0:a:0 -af 'pan=mono|c0=c0' -ar 48000 -f f32le -", path);
    FILE *from = popen(command, "r");
    float at[4096];
    int found = -1;
    *samples = 0;
    for (size_t n; (n = fread(at, sizeof(float), 4096, from)) > 0; *samples += (int)n)
        for (size_t i = 0; i < n && found < 0; i++)
            if (fabsf(at[i]) > 0.3f)
                found = *samples + (int)i;
    pclose(from);
    return found;
}

static void a_clap_stays_on_its_sample_through_every_codec_and_container(void **state)
{
    (void)state;
    // `late`: samples that a bare stream can not take back; it has no edit list.
    static const struct {
        const char *container, *video, *codec;
        int rate, late;
    } rows[] = {
        {"mp4", H264, "aac", 48000, 0},
        {"mov", H264, "aac", 48000, 0},
        {"mp4", H264, "ac3", 48000, 0},
        {"mp4", H264, "eac3", 48000, 0},
        {"mp4", H264, "libopus", 48000, 0},
        {"mp4", H264, "flac", 48000, 0},
        {"mp4", H264, "aac", 44100, 0},
        {"mov", PRORES, "pcm_f32le", 48000, 0},
        {"mov", PRORES, "pcm_s16le", 48000, 0},
        {"matroska", H264, "libopus", 48000, 0},
        {"matroska", H264, "pcm_s24le", 96000, 0},
        {"wav", "", "pcm_f32le", 48000, 0},
        {"wav", "", "pcm_s24le", 44100, 0},
        {"flac", "", "flac", 48000, 0},
        {"ogg", "", "libopus", 48000, 0},
        {"ac3", "", "ac3", 48000, 256},
    };
    int wanted, length;
    wanted = first_peak(claps(), &length);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char made[MEDIA_PATH], audio[100], name[40], text[100];
        snprintf(audio, sizeof(audio), "{\"codec\":\"%s\",\"rate\":%d}", rows[i].codec,
                 rows[i].rate);
        snprintf(name, sizeof(name), "clap%zu.%s", i,
                 strcmp(rows[i].container, "matroska") == 0 ? "mkv" : rows[i].container);
        json_t *result =
            deliver(claps(), profile(rows[i].container, rows[i].video, audio, ""), name, made);
        // 1.9 s of sound beside 2 s of picture.
        snprintf(text, sizeof(text), "{\"tracks\":[{\"samples\":%d,\"filled\":%d,\"cut\":0}]}",
                 rows[i].rate * 2, rows[i].rate / 10);
        media_expect(name, result, text);
        int samples, seen = first_peak(made, &samples);
        if (abs(seen - wanted - rows[i].late) > 3)
            media_wrong("%s: the clap is at sample %d instead of %d", name, seen, wanted);
        bool whole = strncmp(rows[i].codec, "pcm", 3) == 0 || strcmp(rows[i].codec, "flac") == 0;
        if (whole && samples != 96000)
            media_wrong("%s has %d samples", name, samples);
        json_decref(result);
    }
}

static void sound_goes_with_a_picture_that_is_shown_faster(void **state)
{
    (void)state;
    static const struct {
        const char *to;
        int samples;
    } rows[] = {{"25", 92160}, {"23.976", 96096}};
    int length, wanted = first_peak(claps(), &length);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char made[MEDIA_PATH], more[60];
        int samples;
        snprintf(more, sizeof(more), ",\"conform\":\"%s\"", rows[i].to);
        json_decref(deliver(
            claps(), profile("mov", PRORES, "{\"codec\":\"pcm_s24le\",\"rate\":48000}", more),
            "faster.mov", made));
        int seen = first_peak(made, &samples);
        assert_int_equal(samples, rows[i].samples);
        assert_true(abs(seen - (int)((int64_t)wanted * rows[i].samples / 96000)) <= 1);
        char command[600];
        snprintf(
            command, sizeof(command),
            "ffprobe -v error -select_streams v -show_entries stream=r_frame_rate,nb_frames -of "
            "csv=p=0 '%s'",
            made);
        char *said = media_output(command);
        assert_string_equal(said, i ? "24000/1001,48\n" : "25/1,48\n");
        free(said);
    }
}

// A tone of 1 kHz, 4 s of it.
static const char *tone(const char *rate)
{
    static char path[MEDIA_PATH];
    char name[40], command[500];
    snprintf(name, sizeof(name), "tone%s.mov", rate);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -y -f lavfi -i testsrc2=s=160x90:r=%s:d=4 -f lavfi -i "
             "sine=f=1000:r=48000:d=4,volume=6dB,aformat=channel_layouts=stereo -c:v libx264 "
             "-preset ultrafast -c:a pcm_s24le \"$OUT\"",
             rate);
    media_make_by(name, command, path);
    return path;
}

// Periods in the second from 1 s on, and all samples.
static int hertz(const char *path, int *samples)
{
    char command[1000];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -map 0:a:0 -af 'pan=mono|c0=c0' -ar 48000 -f f32le -", path);
    FILE *from = popen(command, "r");
    float at[4096], last = 0;
    int rises = 0;
    *samples = 0;
    for (size_t n; (n = fread(at, sizeof(float), 4096, from)) > 0; *samples += (int)n)
        for (size_t i = 0; i < n; i++) {
            int sample = *samples + (int)i;
            rises += last < 0 && at[i] >= 0 && sample >= 48000 && sample < 96000;
            last = at[i];
        }
    pclose(from);
    return rises;
}

static void pitch_is_kept_by_name_when_the_speed_changes_and_follows_it_otherwise(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *pitch, *said;
        int samples, hertz;
    } rows[] = {{"24", "25", "follow", "follows", 184320, 1042},
                {"24", "25", "keep", "kept", 184320, 1000},
                {"25", "24", "keep", "kept", 200000, 1000},
                {"24", "23.976", "keep", "kept", 192192, 1000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char made[MEDIA_PATH], more[80], name[40], wanted[100];
        int samples;
        snprintf(more, sizeof(more), ",\"conform\":\"%s\",\"pitch\":\"%s\"", rows[i].to,
                 rows[i].pitch);
        snprintf(name, sizeof(name), "pitch%zu.mov", i);
        json_t *result = deliver(
            tone(rows[i].from),
            profile("mov", PRORES, "{\"codec\":\"pcm_s24le\",\"rate\":48000}", more), name, made);
        snprintf(wanted, sizeof(wanted), "{\"tracks\":[{\"speed\":{\"pitch\":\"%s\"}}]}",
                 rows[i].said);
        media_expect(name, result, wanted);
        int heard = hertz(made, &samples);
        if (abs(heard - rows[i].hertz) > 1 || samples != rows[i].samples)
            media_wrong("%s to %s, %s: %d Hz, %d samples", rows[i].from, rows[i].to, rows[i].pitch,
                        heard, samples);
        json_decref(result);
    }
    // What is stretched stays with the picture, by two milliseconds.
    char made[MEDIA_PATH];
    int length, wanted = first_peak(claps(), &length);
    json_decref(deliver(claps(),
                        profile("mov", PRORES, "{\"codec\":\"pcm_s24le\",\"rate\":48000}",
                                ",\"conform\":\"25\",\"pitch\":\"keep\""),
                        "kept.mov", made));
    int seen = first_peak(made, &length);
    assert_int_equal(length, 92160);
    assert_true(abs(seen - wanted * 24 / 25) <= 96);
}

// ---- levels, as ffmpeg's meter and MediaInfo see them

// Noise at some level; `peaks`: clicks 25 dB above it besides.
static const char *noise(int level_db, bool peaks)
{
    static char path[MEDIA_PATH];
    char name[40], command[700];
    snprintf(name, sizeof(name), "noise%d%s.mov", level_db, peaks ? "-peaks" : "");
    snprintf(command, sizeof(command),
             "ffmpeg -v error -y -f lavfi -i testsrc2=s=160x90:r=24:d=6 -f lavfi -i "
             "anoisesrc=r=48000:c=pink:a=1:seed=7:d=6 -f lavfi -i "
             "\"aevalsrc='%s*between(mod(n,24000),0,23)*sin(PI*mod(n,24000)/12)':s=48000:d=6\" "
             "-filter_complex \"[1]volume=%ddB[n];[n][2]amix=normalize=0,aformat=channel_layouts="
             "stereo\" -c:v libx264 -preset ultrafast -c:a pcm_s24le \"$OUT\"",
             peaks ? "0.7" : "0", level_db);
    media_make_by(name, command, path);
    return path;
}

static void ebur128(const char *path, double *lufs, double *peak)
{
    char command[700];
    snprintf(
        command, sizeof(command),
        "ffmpeg -nostats -i '%s' -map 0:a:0 -af ebur128=peak=true:framelog=verbose -f null - 2>&1 | "
        "sed "
        "-n 's/^ *I: *\\([-0-9.]*\\) LUFS/\\1/p;s/^ *Peak: *\\([-0-9.]*\\) dBFS/\\1/p' | tail -2",
        path);
    char *said = media_output(command);
    if (sscanf(said, "%lf %lf", lufs, peak) != 2)
        fail_msg("ffmpeg says of %s: %s", path, said);
    free(said);
}

#define LOUD(more)                                                                                 \
    ",\"loudness\":{\"method\":\"bs1770-4\",\"target\":-23,\"within\":0.5,\"true_peak\":-3,"       \
    "\"apply\":\"gain\"" more "}"

static void sound_is_brought_to_level_and_ffmpegs_meter_agrees(void **state)
{
    (void)state;
    static const struct {
        int level_db;
        bool peaks, consent;
        const char *codec;
    } rows[] = {{-30, false, false, "pcm_s24le"},
                {-6, false, false, "pcm_s24le"},
                {-20, true, true, "pcm_s24le"},
                {-20, true, true, "aac"}};
    struct error err;
    json_t *result;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char made[MEDIA_PATH], audio[80], name[40];
        double lufs, peak;
        bool limiter = rows[i].consent;
        snprintf(audio, sizeof(audio), "{\"codec\":\"%s\",\"rate\":48000}", rows[i].codec);
        snprintf(name, sizeof(name), "level%zu.mov", i);
        result = deliver(
            noise(rows[i].level_db, rows[i].peaks),
            profile("mov", PRORES, audio,
                    limiter
                        ? LOUD(",\"limiter\":{\"by\":\"Ann\",\"when\":\"2026-11-27T00:00:00Z\"}")
                        : LOUD("")),
            name, made);
        ebur128(made, &lufs, &peak);
        // A coder that loses something passes the limiter's ceiling by some tenths.
        if (fabs(lufs + 23) > 0.5 || peak > (strcmp(rows[i].codec, "aac") ? -2.9 : -2))
            media_wrong("%s: %.1f LUFS, %.1f dBTP", name, lufs, peak);
        media_expect(name, result,
                     limiter ? "{\"tracks\":[{\"loudness\":{\"limiter\":{\"by\":\"Ann\"}}}]}"
                             : "{\"tracks\":[{\"loudness\":{\"method\":\"bs1770-4\"}}]}");
        json_decref(result);
    }
    // Without consent peaks stay, and so the level is out of reach.
    const char *from = noise(-20, true);
    assert_false(media_deliver(
        &from, 1, profile("mov", PRORES, "{\"codec\":\"pcm_s24le\",\"rate\":48000}", LOUD("")),
        "loud.mov", 1, &result, &err));
    assert_non_null(strstr(err.fix, "--limiter"));
}

static void dialnorm_is_what_was_measured_as_mediainfo_reads_it(void **state)
{
    (void)state;
    static const struct {
        const char *container, *video, *codec;
        int level_db;
    } rows[] = {{"ac3", "", "ac3", -6},
                {"eac3", "", "eac3", -12},
                {"mp4", H264, "ac3", -12},
                {"mp4", H264, "eac3", -6}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char made[MEDIA_PATH], audio[80], name[40], command[600], wanted[80];
        double lufs, peak;
        int seen;
        snprintf(audio, sizeof(audio), "{\"codec\":\"%s\",\"rate\":48000}", rows[i].codec);
        snprintf(name, sizeof(name), "norm%zu.%s", i, rows[i].container);
        json_t *result = deliver(noise(rows[i].level_db, false),
                                 profile(rows[i].container, rows[i].video, audio, ""), name, made);
        ebur128(noise(rows[i].level_db, false), &lufs, &peak);
        snprintf(command, sizeof(command),
                 "mediainfo -f '%s' | sed -n 's/^Dialog Normalization *: *\\(-[0-9]*\\) dB/\\1/p' | "
                 "head -1",
                 made);
        char *said = media_output(command);
        if (sscanf(said, "%d", &seen) != 1 || fabs(seen - lufs) > 0.61)
            media_wrong("%s: dialnorm %s, measured %.1f LUFS", name, said, lufs);
        snprintf(wanted, sizeof(wanted), "{\"tracks\":[{\"dialnorm\":%d}]}", seen);
        media_expect(name, result, wanted);
        free(said);
        json_decref(result);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(eight_mono_tracks_become_one_of_six_channels_and_one_of_two_to_the_bit),
        MEDIA_TEST(what_is_missing_is_refused_with_what_it_is_and_a_way_out),
        MEDIA_TEST(a_clap_stays_on_its_sample_through_every_codec_and_container),
        MEDIA_TEST(sound_goes_with_a_picture_that_is_shown_faster),
        MEDIA_TEST(pitch_is_kept_by_name_when_the_speed_changes_and_follows_it_otherwise),
        MEDIA_TEST(sound_is_brought_to_level_and_ffmpegs_meter_agrees),
        MEDIA_TEST(dialnorm_is_what_was_measured_as_mediainfo_reads_it),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
