// One frame of the original, and layers of OpenEXR, through the real engine in its sandbox.
// Pictures are judged by ffmpeg, OpenEXR files by what OpenEXR's own library wrote.
#include "test.h"

#include "make_exr.h"
#include "make_exr_plus.h"
#include "make_media.h"

#include "formats/lut/lut.h"
#include "plat/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *name)
{
    static char paths[64][MEDIA_PATH];
    static int next;
    char *to = paths[next++ % 64];
    snprintf(to, MEDIA_PATH, "%s/%s", media_folder(), name);
    return to;
}

struct shot {
    json_t *result;
    struct error err;
};

static bool shoot(const char *path, int frame, const char *layer, json_t *more, struct shot *s)
{
    json_t *ticket =
        json_pack("{s:{s:i, s:b, s:b}}", "picture", "frame", frame, "save", 1, "samples", 1);
    if (layer)
        json_object_set_new(json_object_get(ticket, "picture"), "layer", json_string(layer));
    json_object_update(ticket, more);
    json_decref(more);
    s->result = NULL;
    error_clear(&s->err);
    unlink(path_of("samples.raw"));
    unlink(path_of("save.png"));
    return media_ask("picture", &path, 1, ticket, media_folder(), &s->result, &s->err);
}

static const json_t *seen(const struct shot *s, const char *name)
{
    return json_object_get(json_object_get(s->result, "seen"), name);
}

// Pixels of a picture as ffmpeg decodes it.
static unsigned char *pixels(const char *path, const char *format, size_t size)
{
    char command[2 * MEDIA_PATH];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -frames:v 1 -f rawvideo -pix_fmt %s -", path, format);
    unsigned char *to = malloc(size);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fread(to, 1, size, f), size);
    assert_int_equal(pclose(f), 0);
    return to;
}

// The number that the bars of a frame carry.
static int number_in(const char *png, int width, int height)
{
    unsigned char *p = pixels(png, "gray", (size_t)width * (size_t)height);
    int number = 0;
    for (int i = 0; i < MEDIA_BITS; i++) {
        int x = (2 * i + 1) * width / (2 * MEDIA_BITS), y = height / 20;
        number = number << 1 | (p[y * width + x] > 127);
    }
    free(p);
    return number;
}

static void the_frame_is_the_one_that_is_named_in_any_codec(void **state)
{
    (void)state;
    static const struct clip clips[] = {
        {"one-h264.mp4", "25", 64, 36, 60, "-c:v libx264 -g 24 -bf 3 -pix_fmt yuv420p"},
        {"one-open.mp4", "24000/1001", 64, 36, 60,
         "-c:v libx264 -g 12 -bf 3 -x264-params open-gop=1 -pix_fmt yuv420p"},
        {"one-ts.ts", "25", 64, 36, 60, "-c:v mpeg2video -g 12 -bf 2 -q:v 2"},
        {"one-mkv.mkv", "30", 64, 36, 60, "-c:v libx265 -g 30 -x265-params log-level=error"},
        {"one.avi", "25", 64, 36, 30, "-c:v mpeg4 -bf 2 -q:v 2"},
        {"one-prores.mov", "24", 64, 36, 24, "-c:v prores_ks -profile:v 3"},
        {"one-%04d.png", "24", 64, 36, 1, ""},
    };
    static const int numbers[] = {0, 11, 13, 24, 59};
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        char path[MEDIA_PATH];
        media_make(&clips[i], path);
        if (strchr(path, '%')) {
            char first[MEDIA_PATH];
            snprintf(first, sizeof(first), "%.*s1001.png", (int)(strchr(path, '%') - path), path);
            snprintf(path, sizeof(path), "%s", first);
        }
        for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
            struct shot s;
            if (numbers[k] >= clips[i].frames)
                continue;
            if (!shoot(path, numbers[k], NULL, NULL, &s)) {
                media_wrong("%s frame %d: %s (%s)", path, numbers[k], s.err.what, s.err.why);
                continue;
            }
            int got = number_in(path_of("picture.png"), 64, 36);
            if (got != numbers[k] || json_is_true(seen(&s, "held")))
                media_wrong("%s frame %d: it is %d", clips[i].name, numbers[k], got);
            json_decref(s.result);
        }
        struct shot s;
        assert_false(shoot(path, clips[i].frames, NULL, NULL, &s));
        assert_int_equal(s.err.kind, ERROR_NOT_FOUND);
    }
}

static uint16_t *samples16(size_t count)
{
    uint16_t *to = malloc(count * 2);
    FILE *f = fopen(path_of("samples.raw"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(to, 2, count, f), count);
    fclose(f);
    return to;
}

static void code_values_are_those_of_the_file(void **state)
{
    (void)state;
    char path[MEDIA_PATH], command[3 * MEDIA_PATH];
    struct shot s;
    media_make(&(struct clip){"ten.mov", "24", 64, 36, 3,
                              "-c:v v210 -pix_fmt yuv422p10le -color_range tv -colorspace bt709 "
                              "-color_primaries bt709 -color_trc bt709"},
               path);
    assert_true(shoot(path, 1, NULL, NULL, &s));
    media_expect(path, s.result,
                 "{\"seen\":{\"width\":64,\"height\":36,\"bits\":10},\"samples\":{\"width\":64,"
                 "\"height\":36,\"channels\":3,\"type\":\"u16\",\"bits\":10,\"space\":\"ycbcr\","
                 "\"matrix\":\"bt709\",\"full\":false,\"step\":1,\"scopes_width\":64}}");
    json_decref(s.result);
    uint16_t *got = samples16(64 * 36 * 3), wanted[64 * 36 * 2];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -vf select=eq\\(n\\\\,1\\) -frames:v 1 -f rawvideo -pix_fmt "
             "yuv422p10le -",
             path);
    FILE *f = popen(command, "r");
    assert_int_equal(fread(wanted, 2, 64 * 36 * 2, f), 64 * 36 * 2);
    pclose(f);
    for (int y = 0; y < 36; y++)
        for (int x = 0; x < 64; x++) {
            int at = y * 64 + x, half = y * 32 + x / 2;
            assert_int_equal(got[3 * at], wanted[at]);
            assert_int_equal(got[3 * at + 1], wanted[64 * 36 + half]);
            assert_int_equal(got[3 * at + 2], wanted[64 * 36 + 32 * 36 + half]);
        }
    free(got);
    // 16 bits of RGB come out of the picture that is saved as they went in.
    media_make(&(struct clip){"deep-%04d.png", "24", 64, 36, 1, "-pix_fmt rgb48be"}, path);
    snprintf(strchr(path, '%'), 10, "1001.png");
    assert_true(shoot(path, 0, NULL, NULL, &s));
    unsigned char *one = pixels(path, "rgb48le", 64 * 36 * 6);
    unsigned char *two = pixels(path_of("save.png"), "rgb48le", 64 * 36 * 6);
    got = samples16(64 * 36 * 3);
    assert_memory_equal(one, two, 64 * 36 * 6);
    assert_memory_equal(one, got, 64 * 36 * 6);
    free(one);
    free(two);
    free(got);
    json_decref(s.result);
}

// How much of the text is there: the mean difference in the lower fifth, where it is burnt in.
static double difference(const unsigned char *a, const unsigned char *b, int width, int height)
{
    double sum = 0;
    for (int i = height * 4 / 5 * width; i < height * width; i++)
        sum += abs(a[i] - b[i]);
    return sum / (width * height / 5.0);
}

static json_t *burn(const char *words)
{
    return json_pack("{s:[{s:s, s:s, s:s, s:i, s:b}]}", "burn", "what", "text", "text", words, "at",
                     "bottom", "size", 12, "whole", 1);
}

static void a_name_is_burnt_into_frames_and_proxies_and_nothing_is_left_without(void **state)
{
    (void)state;
    char path[MEDIA_PATH];
    const char *paths[1] = {path};
    struct shot s;
    media_make(&(struct clip){"burn.mov", "24", 320, 180, 6, "-c:v prores_ks -profile:v 3"}, path);
    assert_true(shoot(path, 2, NULL, NULL, &s));
    json_decref(s.result);
    unsigned char *plain = pixels(path_of("picture.png"), "gray", 320 * 180);
    assert_true(shoot(path, 2, NULL, burn("Ann Example <ann@example.test>"), &s));
    assert_null(json_object_get(s.result, "samples"));
    assert_int_equal(json_array_size(json_object_get(s.result, "outputs")), 1);
    assert_int_not_equal(access(path_of("samples.raw"), F_OK), 0);
    assert_int_not_equal(access(path_of("save.png"), F_OK), 0);
    json_decref(s.result);
    unsigned char *ann = pixels(path_of("picture.png"), "gray", 320 * 180);
    assert_true(shoot(path, 2, NULL, burn("Bob Example <bob@example.test>"), &s));
    json_decref(s.result);
    unsigned char *bob = pixels(path_of("picture.png"), "gray", 320 * 180);
    assert_true(difference(plain, ann, 320, 180) > 8);
    assert_true(difference(ann, bob, 320, 180) > 0.5);
    // The same letters stand in the proxies: they are nearer to Ann's picture than to Bob's.
    json_t *result;
    struct error err;
    assert_true(media_ask("proxy", paths, 1, burn("Ann Example <ann@example.test>"), media_folder(),
                          &result, &err));
    json_decref(result);
    static const char *const films[] = {"scrub.mp4", "review.mp4"};
    for (int i = 0; i < 2; i++) {
        unsigned char *film = pixels(path_of(films[i]), "gray", 320 * 180);
        double to_ann = difference(film, ann, 320, 180), to_bob = difference(film, bob, 320, 180);
        if (to_ann >= to_bob || to_ann * 2 > difference(film, plain, 320, 180))
            media_wrong("%s: %.1f from Ann's, %.1f from Bob's, %.1f from none", films[i], to_ann,
                        to_bob, difference(film, plain, 320, 180));
        free(film);
    }
    free(plain);
    free(ann);
    free(bob);
}

// ---- proxies through a viewing transform

// As "look.cube" for ffmpeg and "look.phlu" for the engine: hues turn, the curve is bent.
static void make_look(void)
{
    struct lut l;
    struct error err;
    struct buf text_form = BUF_LIMIT(8 << 20), own = BUF_LIMIT(8 << 20);
    assert_true(lut_make(&l, 0, 33, &err));
    for (size_t i = 0; i < l.size3 * l.size3 * l.size3; i++) {
        float *v = l.at3 + 3 * i, r = v[0], g = v[1], b = v[2];
        v[0] = sqrtf(0.7f * r + 0.3f * b);
        v[1] = 0.1f + 0.8f * (0.8f * g + 0.2f * r);
        v[2] = 0.9f * b + 0.1f * g;
    }
    assert_true(lut_write(&l, &text_form, &err) && lut_pack(&l, &own, &err));
    assert_true(file_write(path_of("look.cube"), text_form.at, text_form.size, 0644, &err));
    assert_true(file_write(path_of("look.phlu"), own.at, own.size, 0644, &err));
    buf_free(&text_form);
    buf_free(&own);
    lut_free(&l);
}

static double mean_apart(const unsigned char *a, const unsigned char *b, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += abs(a[i] - b[i]);
    return sum / count;
}

static void proxies_through_a_cube_are_what_ffmpeg_makes_of_it(void **state)
{
    (void)state;
    enum { WIDTH = 320, HEIGHT = 180, PIXELS = WIDTH * HEIGHT };
    static const struct {
        const char *name, *format, *matrix, *range, *codec;
        int width, height;
    } clips[] = {
        {"eight.mkv", "yuv420p", "bt709", "tv", "ffv1", WIDTH, HEIGHT},
        {"ten.mkv", "yuv422p10le", "bt709", "tv", "ffv1", WIDTH, HEIGHT},
        {"twelve.mkv", "yuv444p12le", "bt2020nc", "tv", "ffv1", WIDTH, HEIGHT},
        {"full.mkv", "yuv420p", "bt470bg", "pc", "ffv1", WIDTH, HEIGHT},
        {"old.mkv", "yuv422p", "smpte170m", "tv", "ffv1", WIDTH, HEIGHT},
        {"large.mkv", "yuv422p10le", "bt709", "tv", "ffv1", 4 * WIDTH, 4 * HEIGHT},
        {"rgb.mkv", "gbrp10le", "rgb", "pc", "ffv1", WIDTH, HEIGHT}, // the long way
    };
    char command[5 * MEDIA_PATH], path[MEDIA_PATH];
    make_look();
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        bool rgb = strcmp(clips[i].matrix, "rgb") == 0;
        const char *matrix = rgb ? "bt709" : clips[i].matrix;
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -y -f lavfi -i smptehdbars=s=%dx%d:r=24 -frames:v 2 -vf "
                 "scale=out_color_matrix=%s:out_range=%s,format=%s -c:v %s -colorspace %s "
                 "-color_range %s '%s'",
                 clips[i].width, clips[i].height, matrix, clips[i].range, clips[i].format,
                 clips[i].codec, clips[i].matrix, clips[i].range, path_of(clips[i].name));
        assert_int_equal(system(command), 0);
        snprintf(path, sizeof(path), "%s", path_of(clips[i].name));
        const char *paths[] = {path, path_of("look.phlu")};
        json_t *result,
            *ticket = json_pack("{s:{s:s}, s:n}", "transform", "name", "Look", "sequence");
        struct error err;
        if (!media_ask("proxy", paths, 2, ticket, media_folder(), &result, &err))
            fail_msg("%s: %s (%s)", path, err.what, err.why);
        json_decref(result);
        snprintf(
            command, sizeof(command),
            "ffmpeg -v error -y -i '%s' -frames:v 1 -vf "
            "scale=%d:%d:in_color_matrix=%s:in_range=%s,format=gbrp12le,lut3d=file='%s':interp="
            "tetrahedral,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p -f rawvideo "
            "'%s'",
            path, WIDTH, HEIGHT, matrix, clips[i].range, path_of("look.cube"),
            path_of("judge.yuv"));
        assert_int_equal(system(command), 0);
        unsigned char wanted[PIXELS * 3 / 2];
        FILE *f = fopen(path_of("judge.yuv"), "rb");
        assert_non_null(f);
        assert_int_equal(fread(wanted, 1, sizeof(wanted), f), sizeof(wanted));
        fclose(f);
        // The scrub film of a large one is larger than the judge's.
        snprintf(
            command, sizeof(command),
            "ffmpeg -v error -y -i '%s' -frames:v 1 -vf scale=%d:%d -f rawvideo -pix_fmt yuv420p "
            "'%s'",
            path_of("scrub.mp4"), WIDTH, HEIGHT, path_of("ours.yuv"));
        assert_int_equal(system(command), 0);
        unsigned char ours[PIXELS * 3 / 2];
        f = fopen(path_of("ours.yuv"), "rb");
        assert_non_null(f);
        assert_int_equal(fread(ours, 1, sizeof(ours), f), sizeof(ours));
        fclose(f);
        double luma = mean_apart(ours, wanted, PIXELS);
        double chroma = mean_apart(ours + PIXELS, wanted + PIXELS, PIXELS / 2);
        if (luma > 1.2 || chroma > 1.2)
            media_wrong("%s: luma is off by %.2f, chroma by %.2f", clips[i].name, luma, chroma);
    }
}

// What an older program's proxies lack is made by itself, and is the same.
static void prints_alone_are_those_of_the_proxies(void **state)
{
    (void)state;
    char path[MEDIA_PATH], prints[MEDIA_PATH];
    const char *paths[1] = {path};
    json_t *result;
    struct error err;
    snprintf(prints, sizeof(prints), "%s", path_of("prints.dat"));
    media_make(&(struct clip){"prints.mov", "24", 320, 180, 24, "-c:v prores_ks -profile:v 3"},
               path);
    assert_true(media_ask("proxy", paths, 1, NULL, media_folder(), &result, &err));
    json_decref(result);
    struct buf whole = BUF_LIMIT(1 << 20), alone = BUF_LIMIT(1 << 20);
    assert_true(file_read(prints, &whole, &err));
    unlink(prints);
    unlink(path_of("scrub.mp4"));
    assert_true(media_ask("proxy", paths, 1, json_pack("{s:b}", "prints", 1), media_folder(),
                          &result, &err));
    media_expect(path, result, "{\"frames\":24,\"outputs\":[{\"kind\":\"prints\"}]}");
    assert_int_equal(json_array_size(json_object_get(result, "outputs")), 1);
    json_decref(result);
    assert_int_not_equal(access(path_of("scrub.mp4"), F_OK), 0);
    assert_true(file_read(prints, &alone, &err));
    assert_int_equal(whole.size, alone.size);
    assert_memory_equal(whole.at, alone.at, whole.size);
    buf_free(&whole);
    buf_free(&alone);
}

// ---- OpenEXR

static void parts_layers_and_windows_of_an_exr_are_facts(void **state)
{
    (void)state;
    char path[MEDIA_PATH];
    const char *paths[1] = {path};
    snprintf(path, sizeof(path), "%s", path_of("layers.exr"));
    struct error err;
    json_t *facts;
    exr_make_layers(path, false, 3);
    assert_true(media_ask("probe", paths, 1, NULL, NULL, &facts, &err));
    media_expect(
        path, facts,
        "{\"exr\":{\"left_out\":0,\"parts\":[{\"name\":\"main\",\"storage\":\"scanline\",\"data\":["
        "-4,0,30,18],\"display\":[0,0,32,18],\"pixel_aspect\":2.0,\"deep\":false,\"overscan\":true,"
        "\"compression\":\"zip\"},{\"name\":\"luma\"},{\"name\":\"ids\",\"overscan\":false}],"
        "\"layers\":[{\"key\":\"0:*\",\"kind\":\"colour\",\"channels\":[\"R\",\"G\",\"B\",\"A\"]},{"
        "\"key\":\"0:diffuse.*\",\"kind\":\"colour\"},{\"key\":\"0:A\",\"kind\":\"grey\"},{\"key\":"
        "\"0:N.X\"},{\"key\":\"0:N.Y\"},{\"key\":\"0:N.Z\"},{\"key\":\"1:*\",\"kind\":\"luma\"},{"
        "\"key\":\"2:Z\",\"type\":\"float\"},{\"key\":\"2:id\",\"type\":\"uint\"}]}}");
    json_decref(facts);
    // OpenEXR's own tool sees the same.
    char command[2 * MEDIA_PATH];
    snprintf(command, sizeof(command), "exrheader '%s'", path);
    char *said = media_output(command);
    assert_non_null(strstr(said, "diffuse.R"));
    assert_non_null(strstr(said, "(-4 0) - (25 17)"));
    free(said);
}

static float *floats(size_t count)
{
    float *to = malloc(count * sizeof(float));
    FILE *f = fopen(path_of("samples.raw"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(to, sizeof(float), count, f), count);
    fclose(f);
    return to;
}

static int srgb(float v)
{
    double l = v < 0 ? 0 : v > 1 ? 1 : (double)v;
    return (int)((l <= 0.0031308 ? 12.92 * l : 1.055 * pow(l, 1 / 2.4) - 0.055) * 255 + 0.5);
}

static void colour_is_right(const char *path, const char *key, const char *prefix)
{
    struct shot s;
    if (!shoot(path, 0, key, NULL, &s))
        fail_msg("%s: %s (%s)", key, s.err.what, s.err.why);
    json_decref(s.result);
    float *got = floats(LAYERS_WIDTH * LAYERS_HEIGHT * 3);
    unsigned char *eye = pixels(path_of("picture.png"), "rgb24", LAYERS_WIDTH * LAYERS_HEIGHT * 3);
    for (int y = 0; y < LAYERS_HEIGHT; y++)
        for (int x = 0; x < LAYERS_WIDTH; x++)
            for (int k = 0; k < 3; k++) {
                char name[20];
                snprintf(name, sizeof(name), "%s%c", prefix, "RGB"[k]);
                bool in = x < LAYERS_LEFT + LAYERS_COLUMNS;
                float wanted = in ? exr_layer_value("main", name, x, y) : 0;
                int at = (y * LAYERS_WIDTH + x) * 3 + k;
                assert_true(fabsf(got[at] - wanted) < 0.001f);
                assert_true(abs(eye[at] - srgb(wanted)) <= 1);
            }
    free(got);
    free(eye);
}

static void a_layer_lies_in_the_display_window_whatever_its_storage(void **state)
{
    (void)state;
    char path[MEDIA_PATH];
    snprintf(path, sizeof(path), "%s", path_of("layers.exr"));
    for (int tiled = 0; tiled < 2; tiled++)
        for (int compression = 0; compression < 6; compression += 3) { // none, ZIP
            exr_make_layers(path, tiled, compression);
            colour_is_right(path, NULL, "");
            colour_is_right(path, "0:diffuse.*", "diffuse.");
        }
}

static void luma_and_chroma_are_a_colour_and_odd_samples_are_seen(void **state)
{
    (void)state;
    char path[MEDIA_PATH];
    snprintf(path, sizeof(path), "%s", path_of("layers.exr"));
    struct shot s;
    exr_make_layers(path, false, 3);
    assert_true(shoot(path, 0, "1:*", NULL, &s));
    json_decref(s.result);
    float *got = floats(LAYERS_WIDTH * LAYERS_HEIGHT * 3);
    for (int i = 0; i < LAYERS_WIDTH * LAYERS_HEIGHT; i++) {
        assert_true(fabsf(got[3 * i] - 0.5f) < 0.004f);
        assert_true(fabsf(got[3 * i + 1] - 0.25f) < 0.004f);
        assert_true(fabsf(got[3 * i + 2] - 0.125f) < 0.004f);
    }
    free(got);
    assert_true(shoot(path, 0, "2:Z", NULL, &s));
    media_expect(path, s.result,
                 "{\"seen\":{\"layer\":{\"nan\":1,\"infinite\":1,\"low\":10.0,\"high\":41.0}}}");
    json_decref(s.result);
    unsigned char *eye = pixels(path_of("picture.png"), "rgb24", LAYERS_WIDTH * LAYERS_HEIGHT * 3);
    static const unsigned char odd[] = {255, 0, 255, 0, 255, 255};
    assert_memory_equal(eye, odd, 6);
    assert_int_equal(eye[LAYERS_WIDTH * 3], 0);             // 10 is the smallest
    assert_int_equal(eye[(2 * LAYERS_WIDTH - 1) * 3], 255); // 41 the largest
    free(eye);
    assert_true(shoot(path, 0, "0:A", NULL, &s));
    media_expect(path, s.result, "{\"seen\":{\"layer\":{\"low\":0.0,\"high\":1.0}}}");
    json_decref(s.result);
    assert_false(shoot(path, 0, "0:nobody", NULL, &s));
    assert_int_equal(s.err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(s.err.why, "0:diffuse.*"));
}

static void a_layer_of_a_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    char path[MEDIA_PATH];
    snprintf(path, sizeof(path), "%s", path_of("cut.exr"));
    for (int i = 1; i < 8; i++) {
        struct shot s;
        struct stat whole;
        exr_make_layers(path, i % 2, 3);
        assert_int_equal(stat(path, &whole), 0);
        assert_int_equal(truncate(path, whole.st_size * i / 8), 0);
        if (shoot(path, 0, "2:Z", NULL, &s)) // it is the last part
            media_wrong("with %d of 8 parts of its bytes it was shown", i);
        json_decref(s.result);
    }
}

// Smooth, as DWA wants it: it keeps light to about a hundredth.
static float smooth(const char *channel, int x, int y)
{
    const char *word = strrchr(channel, '.') ? strrchr(channel, '.') + 1 : channel;
    if (*word == 'Z' || *word == 'i')
        return (float)(1000 * y + x + 10);
    if (*word == 'A')
        return x < 8 ? 0.25f : 1;
    float base = strncmp(channel, "diffuse", 7) == 0 ? 0.25f : 0.125f;
    return base + (float)(*word == 'R' ? x + 4 : *word == 'G' ? y : 8) / 64;
}

// The shown part of the data window; outside it there is nothing.
static void layer_holds(const char *path, const char *key, const char *const names[], float near)
{
    int planes = names[1] ? 3 : 1;
    struct shot s;
    if (!shoot(path, 0, key, NULL, &s))
        fail_msg("%s of %s: %s (%s)", key, path, s.err.what, s.err.why);
    json_decref(s.result);
    float *got = floats(LAYERS_WIDTH * LAYERS_HEIGHT * (size_t)planes);
    for (int y = 0; y < LAYERS_HEIGHT; y++)
        for (int x = 0; x < LAYERS_WIDTH; x++)
            for (int k = 0; k < planes; k++) {
                bool in = x < LAYERS_LEFT + LAYERS_COLUMNS;
                float wanted = in ? smooth(names[k], x, y) : 0;
                float value = got[(y * LAYERS_WIDTH + x) * planes + k];
                if (fabsf(value - wanted) > near)
                    fail_msg("%s of %s at %d,%d: %f, not %f", key, path, x, y, (double)value,
                             (double)wanted);
            }
    free(got);
}

static void layers_of_dwa_are_shown_whatever_they_hold(void **state)
{
    (void)state;
    static const char *const main[] = {"R", "G", "B"}, *const z[3] = {"Z"}, *const a[3] = {"A"},
                             *const id[3] = {"id"},
                             *const diffuse[] = {"diffuse.R", "diffuse.G", "diffuse.B"};
    char path[MEDIA_PATH], tiles[MEDIA_PATH], command[3 * MEDIA_PATH];
    snprintf(path, sizeof(path), "%s", path_of("dwa.exr"));
    snprintf(tiles, sizeof(tiles), "%s", path_of("dwa-tiles.exr"));
    for (int i = 0; i < 4; i++) {
        exr_make_dwa(path, i & 1, smooth);
        // OpenEXR's own tool makes tiles of it; a second loss is a little more.
        snprintf(command, sizeof(command), "exrmaketiled -t 16 16 -z %s '%s' '%s'",
                 i & 1 ? "dwab" : "dwaa", path, tiles);
        if (i & 2)
            assert_int_equal(system(command), 0);
        const char *seen = i & 2 ? tiles : path;
        layer_holds(seen, NULL, main, 0.03f);
        layer_holds(seen, "0:diffuse.*", diffuse, 0.03f);
        layer_holds(seen, "0:A", a, 0);
        layer_holds(seen, "0:Z", z, 0);
        layer_holds(seen, "0:id", id, 0);
    }
    struct stat whole;
    struct shot s;
    assert_int_equal(stat(path, &whole), 0);
    assert_int_equal(truncate(path, whole.st_size * 3 / 4), 0);
    assert_false(shoot(path, 0, "0:Z", NULL, &s));
    assert_int_equal(s.err.kind, ERROR_DAMAGED);
}

static void deep_samples_are_laid_over_each_other_from_the_nearest_on(void **state)
{
    (void)state;
    // Without depth in the order of the file: the opaque green is in front.
    static const float flat[2][3][3] = {{{0, 0, 0}, {0.5f, 0, 0}, {0, 0.5f, 0.25f}},
                                        {{0, 0, 0}, {0.5f, 0, 0}, {0, 1, 0}}};
    static const float alpha[3] = {0, 1, 1};
    char path[MEDIA_PATH];
    struct shot s;
    snprintf(path, sizeof(path), "%s", path_of("deep.exr"));
    for (int i = 0; i < 4; i++) {
        bool plain = i & 1, tiled = i & 2;
        exr_make_deep(path, plain, tiled);
        assert_true(shoot(path, 0, NULL, NULL, &s));
        assert_non_null(strstr(json_string_value(seen(&s, "view")), "made flat"));
        json_decref(s.result);
        float *got = floats(6 * 2 * 3);
        for (int k = 0; k < 36; k++)
            assert_true(fabsf(got[k] - flat[plain][k / 3 % 6 % 3][k % 3]) < 0.001f);
        free(got);
        assert_true(shoot(path, 0, "0:A", NULL, &s));
        json_decref(s.result);
        got = floats(6 * 2);
        for (int k = 0; k < 12; k++)
            assert_true(fabsf(got[k] - alpha[k % 6 % 3]) < 0.001f);
        free(got);
    }
}

static void probed_as(const char *path, const char *expected)
{
    struct error err;
    json_t *facts = NULL;
    if (!media_ask("probe", &path, 1, NULL, NULL, &facts, &err))
        fail_msg("%s: %s (%s)", path, err.what, err.why);
    media_expect(path, facts, expected);
    json_decref(facts);
}

static void a_file_that_is_all_deep_is_a_film_like_any_other(void **state)
{
    (void)state;
    const char *path = path_of("deep.exr");
    for (int i = 0; i < 4; i++) {
        exr_make_deep(path, i & 1, i & 2);
        probed_as(path, "{\"kind\":\"still\",\"video\":[{\"width\":6,\"height\":2}],\"damage\":[],"
                        "\"exr\":{\"parts\":[{\"deep\":true,\"compression\":\"zips\"}]}}");
    }
    // Beside a flat part, too.
    exr_make_beside(path);
    probed_as(path, "{\"video\":[{\"width\":6,\"height\":2}],\"damage\":[],"
                    "\"exr\":{\"parts\":[{\"deep\":false},{\"deep\":true}]}}");
    // One that is cut off is damaged.
    exr_make_deep(path, false, false);
    struct stat whole;
    struct error err;
    json_t *facts = NULL;
    assert_int_equal(stat(path, &whole), 0);
    assert_int_equal(truncate(path, whole.st_size - 40), 0);
    assert_false(media_ask("probe", &path, 1, NULL, NULL, &facts, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    static const struct CMUnitTest tests[] = {
        MEDIA_TEST(the_frame_is_the_one_that_is_named_in_any_codec),
        MEDIA_TEST(code_values_are_those_of_the_file),
        MEDIA_TEST(a_name_is_burnt_into_frames_and_proxies_and_nothing_is_left_without),
        MEDIA_TEST(proxies_through_a_cube_are_what_ffmpeg_makes_of_it),
        MEDIA_TEST(prints_alone_are_those_of_the_proxies),
        MEDIA_TEST(parts_layers_and_windows_of_an_exr_are_facts),
        MEDIA_TEST(a_layer_lies_in_the_display_window_whatever_its_storage),
        MEDIA_TEST(luma_and_chroma_are_a_colour_and_odd_samples_are_seen),
        MEDIA_TEST(a_layer_of_a_file_that_is_cut_off_is_refused),
        MEDIA_TEST(layers_of_dwa_are_shown_whatever_they_hold),
        MEDIA_TEST(deep_samples_are_laid_over_each_other_from_the_nearest_on),
        MEDIA_TEST(a_file_that_is_all_deep_is_a_film_like_any_other),
    };
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
