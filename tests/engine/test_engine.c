// The engine from outside, in its sandbox: clips whose every frame carries its own number in bars
// are made with ffmpeg, and each frame of the proxies must carry the number of its place.
#include "test.h"

#include "formats/frameindex/frameindex.h"
#include "tickets/run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define WIDTH 320
#define HEIGHT 180
#define BITS 16

static char folder[] = "/tmp/posthouse-engine-test-XXXXXX";

// The top tenth: 16 black or white bars, the highest bit first; below it something that moves.
static void draw(uint8_t *y, int number)
{
    for (int row = 0; row < HEIGHT; row++)
        for (int x = 0; x < WIDTH; x++)
            y[row * WIDTH + x] = row < HEIGHT / 10
                                     ? number >> (BITS - 1 - x * BITS / WIDTH) & 1 ? 235 : 16
                                     : (uint8_t)(60 + (x + 3 * number + row) % 120);
}

static void make_clip(const char *name, const char *rate, int frames, const char *options)
{
    char command[1024];
    uint8_t y[WIDTH * HEIGHT], grey[WIDTH * HEIGHT / 2];
    memset(grey, 128, sizeof(grey));
    snprintf(command, sizeof(command),
             "ffmpeg -v error -y -f rawvideo -pix_fmt yuv420p -s %dx%d -r %s -i - %s %s/%s", WIDTH,
             HEIGHT, rate, options, folder, name);
    FILE *to = popen(command, "w");
    assert_non_null(to);
    for (int i = 0; i < frames; i++) {
        draw(y, i);
        fwrite(y, 1, sizeof(y), to);
        fwrite(grey, 1, sizeof(grey), to);
    }
    assert_int_equal(pclose(to), 0);
}

static bool ask(const char *kind, const char *const *names, size_t count, json_t **result,
                struct error *err)
{
    char paths[64][256];
    const char *list[64];
    for (size_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
        list[i] = paths[i];
    }
    json_t *ticket = json_pack("{s:s, s:s}", "kind", kind, "sequence_rate", "24");
    if (count > 1)
        json_object_set_new(ticket, "sequence", json_object());
    struct engine_wish wish = {.ticket = ticket, .output_folder = folder};
    bool done = engine_run_files(&wish, list, count, result, err);
    json_decref(ticket);
    return done;
}

// Decodes a proxy with ffmpeg and compares the bars of every frame; `held`: shows the one before.
static void check_bars(const char *name, int frames, int width, int height, int held)
{
    char command[512];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i %s/%s -map 0:v -fps_mode passthrough -f rawvideo -pix_fmt gray -",
             folder, name);
    FILE *from = popen(command, "r");
    size_t size = (size_t)(width * height);
    uint8_t *y = malloc(size);
    int seen = 0;
    for (; fread(y, 1, size, from) == size; seen++) {
        int number = 0;
        for (int bit = 0; bit < BITS; bit++) {
            int x = (2 * bit + 1) * width / (2 * BITS);
            number = number << 1 | (y[(height / 20) * width + x] > 128);
        }
        assert_int_equal(number, seen == held ? seen - 1 : seen);
    }
    free(y);
    assert_int_equal(pclose(from), 0);
    assert_int_equal(seen, frames);
}

// Every record of the index lies in the file, holds whole NAL units, and times rise.
static void check_index(const char *index_name, const char *film_name, int frames, int held)
{
    char path[256];
    struct frameindex_header h;
    struct error err;
    size_t at;
    snprintf(path, sizeof(path), "%s/%s", folder, index_name);
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    size_t size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    snprintf(path, sizeof(path), "%s/%s", folder, film_name);
    int film = open(path, O_RDONLY);
    assert_true(frameindex_header_read(bytes, size, &h, &at, &err));
    assert_int_equal(h.frame_count, frames);
    assert_true(h.flags & FRAMEINDEX_COMPLETE);
    assert_int_equal((size - at) / FRAMEINDEX_RECORD, frames);
    int64_t before = -1;
    for (int i = 0; i < frames; i++) {
        struct frameindex_record r;
        uint8_t nal[5];
        frameindex_record_read(bytes + at + (size_t)i * FRAMEINDEX_RECORD, &r);
        assert_true(r.time > before);
        before = r.time;
        assert_int_equal(pread(film, nal, 5, r.offset), 5);
        assert_true(((uint32_t)nal[0] << 24 | nal[1] << 16 | nal[2] << 8 | nal[3]) + 4 <= r.size);
        assert_int_equal(nal[4] & 31, r.flags & FRAME_KEY ? 5 : 1);
        assert_int_equal(!!(r.flags & FRAME_CONCEALED), i == held);
        if (!(h.flags & FRAMEINDEX_VFR))
            assert_int_equal(r.time * h.rate.num, (int64_t)i * h.rate.den * h.timescale);
    }
    close(film);
    free(bytes);
}

static void check_proxies(const char *const *names, size_t count, int frames, int held)
{
    struct error err;
    json_t *result = NULL;
    if (!ask("proxy", names, count, &result, &err))
        fail_msg("%s: %s (%s)", names[0], err.what, err.why);
    assert_int_equal(json_integer_value(json_object_get(result, "frames")), frames);
    json_decref(result);
    check_bars("scrub.mp4", frames, WIDTH, HEIGHT, held);
    check_bars("review.mp4", frames, WIDTH, HEIGHT, held);
    check_index("scrub.idx", "scrub.mp4", frames, held);
    check_index("review.idx", "review.mp4", frames, held);
}

static const struct {
    const char *name, *rate, *options, *timecode;
    bool drop;
} clips[] = {
    {"a.mov", "24000/1001", "-c:v libx264 -preset ultrafast -bf 3 -g 24 -timecode 00:59:58:00",
     "00:59:58:00", false},
    {"b.mp4", "24", "-c:v libx264 -preset ultrafast -bf 2 -g 250", NULL, false},
    {"c.mkv", "25", "-c:v libx264 -preset ultrafast -g 10", NULL, false},
    {"d.mov", "30000/1001", "-c:v prores_aw -pix_fmt yuv422p10le -timecode '00:59:58;00'",
     "00:59:58;00", true},
    {"e.ts", "30", "-c:v libx264 -preset ultrafast -bf 2", NULL, false},
    {"f.avi", "50", "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p", NULL, false},
    {"g.mxf", "60000/1001", "-c:v mpeg2video -b:v 8M -bf 2", "00:00:00:00", false},
    {"h.mov", "24", "-c:v libx265 -preset ultrafast -x265-params log-level=error -tag:v hvc1", NULL,
     false},
};

static void each_proxy_frame_is_the_source_frame_of_that_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        make_clip(clips[i].name, clips[i].rate, 50, clips[i].options);
        check_proxies(&clips[i].name, 1, 50, -1);
    }
}

static void a_probe_counts_frames_and_knows_rate_and_timecode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        struct error err;
        json_t *facts = NULL;
        make_clip(clips[i].name, clips[i].rate, 50, clips[i].options);
        if (!ask("probe", &clips[i].name, 1, &facts, &err))
            fail_msg("%s: %s (%s)", clips[i].name, err.what, err.why);
        assert_int_equal(json_integer_value(json_object_get(facts, "duration_frames")), 50);
        assert_string_equal(json_string_value(json_object_get(facts, "rate")), clips[i].rate);
        assert_true(json_is_false(json_object_get(facts, "vfr")));
        const json_t *tc = json_object_get(facts, "timecode");
        if (clips[i].timecode) {
            assert_string_equal(json_string_value(json_object_get(tc, "start")), clips[i].timecode);
            assert_int_equal(json_is_true(json_object_get(tc, "drop")), clips[i].drop);
        }
        json_decref(facts);
    }
}

static void a_missing_file_of_a_sequence_is_a_held_frame_that_keeps_its_number(void **state)
{
    (void)state;
    const char *names[9];
    char made[10][32], gone[256];
    size_t count = 0;
    make_clip("shot.%04d.png", "24", 10, "-start_number 1001 -pix_fmt rgb24");
    for (int i = 0; i < 10; i++) {
        snprintf(made[i], sizeof(made[i]), "shot.%04d.png", 1001 + i);
        if (i != 4)
            names[count++] = made[i];
    }
    snprintf(gone, sizeof(gone), "%s/%s", folder, made[4]);
    unlink(gone);
    check_proxies(names, count, 10, 4);
}

static void write_file(const char *name, const void *at, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    fwrite(at, 1, size, f);
    fclose(f);
}

static void what_is_no_media_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char text[] = "#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1/x.ts\n";
    static const uint8_t zeros[5000];
    static const char concat[] = "ffconcat version 1.0\nfile '/etc/passwd'\n";
    static const struct {
        const char *name;
        const void *at;
        size_t size;
        enum error_kind kind;
    } bad[] = {
        {"empty.mov", "", 0, ERROR_DAMAGED},
        {"text.mov", text, sizeof(text) - 1, ERROR_UNSUPPORTED},
        {"list.txt", concat, sizeof(concat) - 1, ERROR_UNSUPPORTED},
        {"zeros.mxf", zeros, sizeof(zeros), ERROR_DAMAGED},
        {"text.png", text, sizeof(text) - 1, ERROR_DAMAGED},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err;
        json_t *facts = NULL;
        write_file(bad[i].name, bad[i].at, bad[i].size);
        assert_false(ask("probe", &bad[i].name, 1, &facts, &err));
        assert_int_equal(err.kind, bad[i].kind);
        assert_true(err.what[0] && err.why[0]);
    }
}

static void a_film_whose_copy_was_cut_off_says_so(void **state)
{
    (void)state;
    struct error err;
    json_t *facts = NULL;
    char path[256];
    struct stat s;
    const char *name = "cut.mov";
    make_clip(name, "25", 50, "-c:v libx264 -preset ultrafast");
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(truncate(path, s.st_size / 2), 0);
    assert_false(ask("probe", &name, 1, &facts, &err)); // its index was at the end
    assert_int_equal(err.kind, ERROR_DAMAGED);
    make_clip(name, "25", 50, "-c:v libx264 -preset ultrafast -movflags +faststart");
    assert_int_equal(truncate(path, s.st_size * 2 / 3), 0);
    assert_true(ask("probe", &name, 1, &facts, &err));
    assert_true(json_array_size(json_object_get(facts, "damage")) > 0);
    assert_true(json_integer_value(json_object_get(facts, "duration_frames")) < 50);
    json_decref(facts);
}

static bool stop(void *context, const json_t *line)
{
    (void)context;
    return !line || !json_object_get(line, "output");
}

static void work_can_be_cancelled(void **state)
{
    (void)state;
    struct error err;
    json_t *result = NULL, *ticket = json_pack("{s:s}", "kind", "proxy");
    char path[256];
    make_clip("a.mov", "24", 200, "-c:v libx264 -preset ultrafast");
    snprintf(path, sizeof(path), "%s/a.mov", folder);
    const char *list[] = {path};
    struct engine_wish wish = {.ticket = ticket, .output_folder = folder, .heard = stop};
    assert_false(engine_run_files(&wish, list, 1, &result, &err));
    assert_int_equal(err.kind, ERROR_CANCELLED);
    json_decref(ticket);
}

static void an_engine_that_is_killed_is_a_plain_error(void **state)
{
    (void)state;
    struct error err;
    json_t *result = NULL, *ticket = json_pack("{s:s}", "kind", "probe");
    const char *list[] = {"/etc/hostname"};
    write_file("dies", "#!/bin/sh\nkill -SEGV $$\n", 24);
    char path[256];
    snprintf(path, sizeof(path), "%s/dies", folder);
    chmod(path, 0755);
    struct engine_wish wish = {.ticket = ticket, .engine = path, .sandbox = SANDBOX_OFF};
    assert_false(engine_run_files(&wish, list, 1, &result, &err));
    assert_int_equal(err.kind, ERROR_CHILD);
    assert_non_null(strstr(err.why, "SIGSEGV"));
    json_decref(ticket);
}

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
    make_clip("src.mov", "30000/1001", 30,
              "-f lavfi -i anoisesrc=r=48000:d=1.001:a=0.1 -af "
              "'pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0' "
              "-c:a pcm_s24le -metadata:s:a:0 language=fra -c:v libx264 -preset ultrafast "
              "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -timecode '00:59:58;00'");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        char path[512];
        struct error err;
        json_t *result = NULL, *facts = NULL;
        snprintf(path, sizeof(path), "%s/%s.json", getenv("PROFILES"), wanted[i].profile);
        json_t *ticket = json_pack("{s:s, s:o, s:s}", "kind", "encode", "profile",
                                   json_load_file(path, 0, NULL), "output", wanted[i].output);
        snprintf(path, sizeof(path), "%s/src.mov", folder);
        const char *list[] = {path};
        struct engine_wish wish = {.ticket = ticket, .output_folder = folder};
        if (!engine_run_files(&wish, list, 1, &result, &err))
            fail_msg("%s: %s (%s)", wanted[i].profile, err.what, err.why);
        json_decref(result);
        json_decref(ticket);
        if (!ask("probe", &wanted[i].output, 1, &facts, &err))
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

static int make_folder(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_proxy_frame_is_the_source_frame_of_that_number),
        cmocka_unit_test(a_probe_counts_frames_and_knows_rate_and_timecode),
        cmocka_unit_test(a_missing_file_of_a_sequence_is_a_held_frame_that_keeps_its_number),
        cmocka_unit_test(what_is_no_media_is_refused_with_a_reason),
        cmocka_unit_test(a_film_whose_copy_was_cut_off_says_so),
        cmocka_unit_test(a_deliverable_carries_rate_timecode_channels_and_language),
        cmocka_unit_test(work_can_be_cancelled),
        cmocka_unit_test(an_engine_that_is_killed_is_a_plain_error),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
