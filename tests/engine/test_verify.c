// Renders looked at and put together, through the real engine in its sandbox. What OpenEXR files
// hold is judged by OpenEXR's own library and tools, PNG and TIFF by ffmpeg.
#include "test.h"

#include "make_exr.h"
#include "make_media.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *name)
{
    static char paths[8][MEDIA_PATH];
    static int next;
    char *to = paths[next++ % 8];
    snprintf(to, MEDIA_PATH, "%s/%s", media_folder(), name);
    return to;
}

static json_t *row_of(const char *path, json_t *asked)
{
    struct error err;
    json_t *result = NULL;
    if (!media_ask("verify", &path, 1, asked ? json_pack("{s:o}", "asked", asked) : NULL, NULL,
                   &result, &err)) {
        media_wrong("%s: %s (%s)", path, err.what, err.why);
        return json_object();
    }
    json_t *row = json_incref(json_array_get(json_object_get(result, "frames"), 0));
    json_decref(result);
    return row;
}

static void fine(const char *path, json_t *asked, const char *wanted)
{
    json_t *row = row_of(path, asked);
    if (json_object_get(row, "problem"))
        media_wrong("%s: %s", path,
                    json_string_value(json_object_get(json_object_get(row, "problem"), "why")));
    media_expect(path, row, wanted);
    json_decref(row);
}

static void refused(const char *path, json_t *asked, const char *why)
{
    json_t *row = row_of(path, asked);
    const char *said = json_string_value(json_object_get(json_object_get(row, "problem"), "why"));
    if (!said || !strstr(said, why))
        media_wrong("%s: %s, not %s", path, said ? said : "fine", why);
    json_decref(row);
}

static void every_part_and_channel_of_an_exr_is_looked_at(void **state)
{
    (void)state;
    const char *path = path_of("a.exr");
    for (int compression = 0; compression <= 7; compression++) // none to B44A
        for (int tiled = 0; tiled < 2; tiled++) {
            exr_make(path,
                     &(struct exr_wish){
                         .width = 96, .height = 54, .compression = compression, .tiled = tiled});
            fine(path,
                 json_pack("{s:i, s:i, s:b, s:s}", "width", 96, "height", 54, "not_black", 1, "nan",
                           "refuse"),
                 tiled ? "{\"width\":96,\"height\":54,\"form\":\"exr beauty tiles: A half B half G "
                         "half R half; depth tiles: Z float id uint\"}"
                       : "{\"form\":\"exr beauty scanlines: A half B half G half R half; depth "
                         "scanlines: Z float id uint\"}");
        }
    exr_make(path, &(struct exr_wish){.width = 96, .height = 54, .compression = 3, .odd = 2});
    fine(path, NULL, "{\"width\":96}"); // an infinite depth is fine unless it is refused
    refused(path, json_pack("{s:s}", "nan", "refuse"),
            "1 samples are NaN or infinite, the first in "
            "part 2 depth, channel Z, 2,2");
    exr_make(path, &(struct exr_wish){.width = 96, .height = 54, .compression = 4, .odd = 1});
    refused(path, json_pack("{s:s}", "nan", "refuse"), "part 1 beauty, channel G, 2,2");
    exr_make(path, &(struct exr_wish){.width = 96, .height = 54, .black = true});
    fine(path, NULL, "{\"width\":96}");
    refused(path, json_pack("{s:b}", "not_black", 1), "black everywhere");
    refused(path, json_pack("{s:i}", "width", 95), "it is 96 x 54; asked was 95 x 54");
    // A compression that OpenEXR's C library does not unpack.
    char command[900];
    const char *packed = path_of("dwa.exr");
    exr_make(path, &(struct exr_wish){.width = 96, .height = 54, .one_part = true});
    snprintf(command, sizeof(command), "exrmaketiled -z dwaa '%s' '%s'", path, packed);
    assert_int_equal(system(command), 0);
    fine(packed, json_pack("{s:b, s:s}", "not_black", 1, "nan", "refuse"),
         "{\"width\":96,\"height\":54,\"form\":\"exr tiles: A half B half G half R half\"}");
    // Its frame would lose a second time: the first tile says so.
    refused(packed, json_pack("{s:b}", "tile", 1), "compression (DWA) would lose a second time");
    fine(path, json_pack("{s:b}", "tile", 1), "{\"width\":96}");
    assert_int_equal(truncate(packed, 3000), 0);
    refused(packed, NULL, "tile");
    // Bytes that are wrong in the middle of a tile.
    assert_int_equal(system(command), 0);
    struct stat whole;
    assert_int_equal(stat(packed, &whole), 0);
    FILE *bytes = fopen(packed, "r+");
    assert_non_null(bytes);
    assert_int_equal(fseek(bytes, whole.st_size * 3 / 4, SEEK_SET), 0);
    for (int i = 0; i < 64; i++)
        fputc(0xff, bytes);
    fclose(bytes);
    refused(packed, NULL, "part 1");
    exr_make(path, &(struct exr_wish){.width = 96, .height = 54, .one_part = true, .black = true});
    assert_int_equal(system(command), 0);
    refused(packed, json_pack("{s:b}", "not_black", 1), "black everywhere");
    // A crop by its data window is still a picture of the display window's size.
    exr_make(path, &(struct exr_wish){.width = 96,
                                      .height = 54,
                                      .left = 10,
                                      .top = 5,
                                      .columns = 40,
                                      .rows = 30,
                                      .compression = 3});
    fine(path, NULL, "{\"width\":96,\"height\":54}");
}

static void an_exr_that_is_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    const char *path = path_of("cut.exr");
    for (int tiled = 0; tiled < 2; tiled++) {
        struct stat whole;
        exr_make(path,
                 &(struct exr_wish){.width = 96, .height = 54, .compression = 3, .tiled = tiled});
        assert_int_equal(stat(path, &whole), 0);
        for (int i = 1; i < 12; i++) {
            exr_make(path, &(struct exr_wish){
                               .width = 96, .height = 54, .compression = 3, .tiled = tiled});
            assert_int_equal(truncate(path, whole.st_size * i / 12), 0);
            refused(path, NULL, "");
        }
        exr_make(path,
                 &(struct exr_wish){.width = 96, .height = 54, .compression = 3, .tiled = tiled});
        assert_int_equal(truncate(path, whole.st_size - 1), 0);
        refused(path, NULL, "part 2");
    }
}

static void pictures_that_are_black_transparent_or_cut_off_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source, *options, *form, *why;
    } rows[] = {
        {"lit.png", "testsrc2=s=64x36", "-pix_fmt rgb24", "png rgb24", NULL},
        {"lit16.png", "testsrc2=s=64x36", "-pix_fmt rgb48be", "png rgb48be", NULL},
        {"lit.tif", "testsrc2=s=64x36", "-pix_fmt rgb48le", "tiff rgb48le", NULL},
        {"lit.dpx", "testsrc2=s=64x36", "-pix_fmt gbrp10be", "dpx gbrp10le", NULL},
        {"lit.jpg", "testsrc2=s=64x36", "", "mjpeg yuvj420p", NULL},
        {"dark.jpg", "color=black:s=64x36", "", "mjpeg yuvj420p", "black"},
        {"dark.png", "color=black:s=64x36", "-pix_fmt rgb24", "png rgb24", "black"},
        {"one.png", "color=black:s=64x36,drawbox=x=63:y=35:w=1:h=1:color=0x030303:t=fill",
         "-pix_fmt rgb24", "png rgb24", NULL}, // one dim pixel is a picture
        {"through.png", "color=red@0:s=64x36,format=rgba", "-pix_fmt rgba", "png rgba",
         "transparent"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char command[600], wanted[200], path[MEDIA_PATH];
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -y -f lavfi -i %s -frames:v 1 %s \"$OUT\"", rows[i].source,
                 rows[i].options);
        media_make_by(rows[i].name, command, path);
        snprintf(wanted, sizeof(wanted), "{\"width\":64,\"height\":36,\"form\":\"%s\"}",
                 rows[i].form);
        json_t *asked = json_pack("{s:b}", "not_black", 1);
        if (rows[i].why)
            refused(path, json_incref(asked), rows[i].why);
        else
            fine(path, json_incref(asked), wanted);
        json_decref(asked);
        fine(path, NULL, wanted);
        for (int part = 1; part < 8; part++) { // of what it is without its end
            struct stat whole;
            const char *cut = path_of(rows[i].name);
            snprintf(command, sizeof(command), "cp '%s' '%s'", path, cut);
            assert_int_equal(system(command), 0);
            assert_int_equal(stat(cut, &whole), 0);
            assert_int_equal(truncate(cut, whole.st_size * part / 8), 0);
            refused(cut, NULL, "");
        }
    }
}

// ---- tiles

static void assemble(const char *const *tiles, size_t count, int columns, int rows,
                     const char *crop, const char *name)
{
    struct error err;
    json_t *result = NULL;
    if (!media_ask("assemble", tiles, count,
                   json_pack("{s:{s:i, s:i, s:s}, s:s}", "grid", "columns", columns, "rows", rows,
                             "crop", crop, "output", name),
                   media_folder(), &result, &err))
        media_wrong("%s: %s (%s)", name, err.what, err.why);
    json_decref(result);
}

static void not_assembled(const char *const *tiles, size_t count, int columns, int rows,
                          const char *crop, const char *why)
{
    struct error err;
    json_t *result = NULL;
    if (media_ask("assemble", tiles, count,
                  json_pack("{s:{s:i, s:i, s:s}, s:s}", "grid", "columns", columns, "rows", rows,
                            "crop", crop, "output", "no.exr"),
                  media_folder(), &result, &err))
        media_wrong("assembled: %s", why);
    else if (!strstr(err.why, why) && !strstr(err.what, why))
        media_wrong("%s (%s), not %s", err.what, err.why, why);
    json_decref(result);
}

static const char *const names[] = {"t1.exr", "t2.exr", "t3.exr", "t4.exr"};

static void exr_tiles_become_the_file_of_the_whole_frame(void **state)
{
    (void)state;
    static const int edges[2][3] = {{0, 41, 96}, {0, 20, 54}};
    const char *tiles[4];
    char whole[MEDIA_PATH], made[MEDIA_PATH], places[4][MEDIA_PATH];
    static const struct {
        int compression;
        bool tiled, one_part;
    } rows[] = {{0, false, false}, {1, false, false}, {2, false, false}, {3, false, false},
                {3, false, true},  {4, false, false}, {3, true, false},  {3, true, true}};
    strcpy(whole, path_of("whole.exr"));
    strcpy(made, path_of("made.exr"));
    for (int k = 0; k < 4; k++)
        tiles[k] = strcpy(places[k], path_of(names[k]));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct exr_wish w = {.width = 96,
                             .height = 54,
                             .compression = rows[i].compression,
                             .tiled = rows[i].tiled,
                             .one_part = rows[i].one_part};
        exr_make(whole, &w);
        for (int k = 0; k < 4; k++) {
            w.left = edges[0][k % 2];
            w.columns = edges[0][k % 2 + 1] - w.left;
            w.top = edges[1][k / 2];
            w.rows = edges[1][k / 2 + 1] - w.top;
            exr_make(tiles[k], &w);
        }
        assemble(tiles, 4, 2, 2, "window", "made.exr");
        char command[2600];
        // The same attributes, and behind the header (where only their order may differ) the same
        // bytes.
        snprintf(command, sizeof(command),
                 "w='%s' m='%s'; exrheader $w | tail -n +3 >$w.txt; exrheader $m | tail -n +3 | "
                 "diff $w.txt - ; cmp -i 1100 $w $m || true",
                 whole, made);
        char *said = media_output(command);
        if (*said)
            media_wrong("row %zu: %s", i, said);
        free(said);
    }
}

static void tiles_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct exr_wish w = {.width = 96, .height = 54, .rows = 54, .columns = 48, .compression = 3};
    const char *two[] = {path_of("t1.exr"), path_of("t2.exr")};
    exr_make(two[0], &w);
    w.left = 49;
    w.columns = 47;
    exr_make(two[1], &w);
    not_assembled(two, 2, 2, 1, "window", "gap");
    w.left = 47;
    w.columns = 49;
    exr_make(two[1], &w);
    not_assembled(two, 2, 2, 1, "window", "both have column 47, row 0");
    w.left = 48;
    w.columns = 48;
    w.no_alpha = true;
    exr_make(two[1], &w);
    not_assembled(two, 2, 2, 1, "window", "different channels");
    w.no_alpha = false;
    w.one_part = true;
    exr_make(two[1], &w);
    not_assembled(two, 2, 2, 1, "window", "different numbers of parts");
    w.one_part = false;
    w.height = 60;
    exr_make(two[1], &w);
    not_assembled(two, 2, 2, 1, "window", "different display windows");
    w.height = 54;
    exr_make(two[1], &w);
    not_assembled(two, 2, 1, 1, "window", "no grid");
    assemble(two, 2, 2, 1, "window", "fits.exr");
    assert_int_equal(truncate(two[1], 2000), 0);
    not_assembled(two, 2, 2, 1, "window", "can not be read whole");
}

static void png_and_tiff_tiles_have_the_pixels_of_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *ending, *pixels;
    } rows[] = {{"png", "rgb24"},
                {"png", "rgba64be"},
                {"tif", "rgb48le"},
                {"png", "gray"},
                {"dpx", "gbrp12be"}};
    static const char *const crops[] = {"96:54:0:0", "41:20:0:0", "55:20:41:0", "41:34:0:20",
                                        "55:34:41:20"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char command[900], name[64], paths[5][MEDIA_PATH];
        const char *tiles[4];
        for (int k = 0; k < 5; k++) {
            snprintf(name, sizeof(name), "%s%d.%s", rows[i].pixels, k, rows[i].ending);
            snprintf(command, sizeof(command),
                     "ffmpeg -v error -y -f lavfi -i testsrc2=s=96x54,format=%s,crop=%s:exact=1 "
                     "-frames:v 1 -pix_fmt %s -sws_flags accurate_rnd \"$OUT\"",
                     rows[i].pixels, crops[k], rows[i].pixels);
            media_make_by(name, command, paths[k]);
            if (k)
                tiles[k - 1] = paths[k];
        }
        snprintf(name, sizeof(name), "whole.%s", rows[i].ending);
        assemble(tiles, 4, 2, 2, "part", name);
        snprintf(command, sizeof(command),
                 "a=$(ffmpeg -v error -i '%s' -f md5 -) b=$(ffmpeg -v error -i '%s' -f md5 -); [ "
                 "\"$a\" = \"$b\" ] || echo \"$a $b\"",
                 paths[0], path_of(name));
        char *said = media_output(command);
        if (*said)
            media_wrong("%s %s: %s", rows[i].ending, rows[i].pixels, said);
        free(said);
        const char *odd[] = {tiles[0], tiles[3]};
        not_assembled(odd, 2, 2, 1, "part", "edge to edge");
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(every_part_and_channel_of_an_exr_is_looked_at),
        MEDIA_TEST(an_exr_that_is_cut_off_anywhere_is_refused),
        MEDIA_TEST(pictures_that_are_black_transparent_or_cut_off_are_found),
        MEDIA_TEST(exr_tiles_become_the_file_of_the_whole_frame),
        MEDIA_TEST(tiles_that_do_not_fit_are_refused),
        MEDIA_TEST(png_and_tiff_tiles_have_the_pixels_of_the_whole),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
