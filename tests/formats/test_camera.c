#include "formats/camera/camera.h"
#include "make_camera.h"
#include "test.h"

static const struct camera_made shot = {.reel = "A001",
                                        .name = "A001_C002_0101AB_003.R3D",
                                        .timecode = "10:11:12:13",
                                        .width = 6144,
                                        .height = 3240,
                                        .rate_num = 24000,
                                        .rate_den = 1001};

static struct camera read(const char *name, struct buf *b)
{
    struct camera c;
    assert_true(camera_read(name, (text){b->at, b->size}, &c));
    buf_free(b);
    return c;
}

static void a_red_header_says_size_rate_reel_timecode_and_clip(void **state)
{
    (void)state;
    for (char version = '1'; version <= '2'; version++) {
        struct buf b = BUF_LIMIT(1 << 20);
        make_red(&b, version, &shot);
        struct camera c = read("renamed.R3D", &b);
        assert_string_equal(c.codec, "r3d");
        assert_non_null(c.sdk);
        assert_int_equal(c.width, 6144);
        assert_int_equal(c.height, 3240);
        assert_true(rational_equal(c.rate, (rational){24000, 1001}));
        assert_string_equal(c.reel.text, "A001");
        assert_string_equal(c.timecode.text, "10:11:12:13");
        assert_string_equal(c.clip.text, "A001_C002_0101AB");
        assert_string_equal(c.clip.from, "header");
        assert_int_equal(c.part, -1);
    }
}

static void what_the_header_does_not_say_its_name_does_and_so_it_is_told(void **state)
{
    (void)state;
    // Words that do not hold: no name by ARRI's rule, no rate of the trade, no timecode at all.
    struct camera_made odd = {.reel = "MAG 1",
                              .name = "my clip",
                              .width = 6144,
                              .height = 3240,
                              .rate_num = 7,
                              .rate_den = 3};
    struct buf b = BUF_LIMIT(1 << 20);
    make_arri(&b, &odd);
    struct camera c = read("A001C003_131028_R2EC.0001234.ari", &b);
    assert_string_equal(c.format, "ARRIRAW");
    assert_int_equal(c.width, 6144);
    assert_string_equal(c.model.text, "ALEXA");
    assert_string_equal(c.reel.text, "A001");
    assert_string_equal(c.reel.from, "file name");
    assert_string_equal(c.clip.text, "A001C003_131028_R2EC");
    assert_string_equal(c.clip.from, "file name");
    assert_null(c.timecode.from); // not guessed
    assert_int_equal(c.rate.num, 0);
}

static void an_arriraw_header_says_reel_clip_rate_and_timecode_where_they_hold(void **state)
{
    (void)state;
    struct camera_made m = {.reel = "A007R2EC",
                            .name = "A007C003_131028_R2EC",
                            .timecode = "10:11:12:23",
                            .width = 2880,
                            .height = 1620,
                            .rate_num = 24000,
                            .rate_den = 1001};
    struct buf b = BUF_LIMIT(1 << 20);
    make_arri(&b, &m);
    struct camera c = read("renamed.0001234.ari", &b);
    assert_string_equal(c.reel.text, "A007R2EC");
    assert_string_equal(c.reel.from, "header");
    assert_string_equal(c.clip.text, "A007C003_131028_R2EC");
    assert_string_equal(c.clip.from, "header");
    assert_string_equal(c.timecode.text, "10:11:12:23");
    assert_true(rational_equal(c.rate, (rational){24000, 1001}));
    m.timecode = "10:11:12:24"; // there is no such frame
    make_arri(&b, &m);
    assert_null(read("renamed.0001234.ari", &b).timecode.from);
    m.reel = "B007R2EC"; // of another camera than the clip
    make_arri(&b, &m);
    c = read("x.ari", &b);
    assert_string_equal(c.clip.from, "header");
    assert_null(c.reel.from);
    m.timecode = "10:11:12:13";
    make_arri(&b, &m);
    b.at[12] = 4; // of a version whose places nobody has said
    c = read("x.ari", &b);
    assert_int_equal(c.width, 2880);
    assert_null(c.clip.from);
    assert_null(c.timecode.from);
}

static void canon_says_in_front_of_its_container_what_a_file_is(void **state)
{
    (void)state;
    struct camera c;
    struct buf b = BUF_LIMIT(1 << 20);
    make_crx(&b, "CanonCRM0001/02.09.00/00.00.00", "Canon EOS C200");
    assert_false(camera_read("A003C013_170923CU_CANON.CRM", (text){b.at, b.size}, &c));
    assert_string_equal(c.codec, "crm");
    assert_string_equal(c.model.text, "Canon EOS C200");
    assert_string_equal(c.reel.text, "A003");
    for (size_t size = 0; size < b.size; size++) // however it is cut off
        (void)!camera_read("x.crm", (text){b.at, size}, &c);
    b.size = 0;
    make_crx(&b, "CanonCR3_001/00.09.00/00.00.00", "Canon EOS M50");
    assert_false(camera_read("x.cr3", (text){b.at, b.size}, &c));
    assert_string_equal(c.codec, "cr3");
    buf_free(&b);
}

static void a_red_reel_is_called_after_camera_and_roll(void **state)
{
    (void)state;
    struct camera_made m = shot;
    m.reel = "106";
    struct buf b = BUF_LIMIT(1 << 20);
    make_red(&b, '2', &m);
    assert_string_equal(read("x.R3D", &b).reel.text, "A106");
}

static void a_cinema_dng_has_timecode_rate_and_reel_in_its_tags(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(1 << 24);
    struct camera_made small = shot;
    small.width = 64, small.height = 36;
    make_dng(&b, &small);
    struct camera c = read("clip_000001.dng", &b);
    assert_string_equal(c.codec, "cinemadng");
    assert_null(c.sdk);
    assert_int_equal(c.width, 64);
    assert_string_equal(c.timecode.text, "10:11:12:13");
    assert_string_equal(c.reel.text, "A001");
    assert_true(rational_equal(c.rate, (rational){24000, 1001}));
}

static void mxf_tells_raw_by_the_coding_of_its_picture_and_sets_by_their_package(void **state)
{
    (void)state;
    static const uint8_t sony[16] = {6, 14, 43, 52, 4, 1, 1, 13, 14, 6, 4, 1, 2, 4, 2, 1};
    static const uint8_t arri[16] = {6, 14, 43, 52, 4, 1, 1, 13, 4, 1, 2, 1, 2, 1, 1, 1};
    struct mxf_made m = {.package = 7,
                         .pictures = 1,
                         .sounds = 4,
                         .coding = sony,
                         .width = 4096,
                         .height = 2160,
                         .rate = 25,
                         .start = 90000,
                         .duration = 250,
                         .tape = "A007"};
    struct buf b = BUF_LIMIT(1 << 20);
    make_mxf(&b, &m);
    struct camera c = read("A007C001_130101AB.mxf", &b);
    assert_string_equal(c.format, "Sony X-OCN");
    assert_string_equal(c.reel.text, "A007");
    assert_string_equal(c.reel.from, "header");
    assert_string_equal(c.timecode.text, "01:00:00:00");
    assert_int_equal(c.frames, 250);
    m.coding = arri;
    make_mxf(&b, &m);
    assert_string_equal(read("x.mxf", &b).format, "ARRIRAW");

    struct mxf_head h;
    struct error err;
    m = (struct mxf_made){.atom = true,
                          .package = 9,
                          .pictures = 1,
                          .sounds = 2,
                          .track = 2,
                          .rate = 25,
                          .duration = 10};
    make_mxf(&b, &m);
    assert_true(mxf_read((text){b.at, b.size}, &h, &err));
    assert_true(h.atom && h.has_package);
    assert_int_equal(h.pictures, 1);
    assert_int_equal(h.sounds, 2);
    assert_int_equal(h.kind, 'a');
    assert_int_equal(h.track, 3);
    struct camera none; // a camera file of no raw format is none
    assert_false(camera_read("x.mxf", (text){b.at, b.size}, &none));
    for (size_t size = 0; size < b.size; size += 7) // however it is cut off
        (void)!mxf_read((text){b.at, size}, &h, &err);
    buf_free(&b);
}

static void an_ale_gives_a_row_a_clip(void **state)
{
    (void)state;
    static const char ale[] =
        "Heading\r\nFIELD_DELIM\tTABS\r\nFPS\t25\r\n\r\nColumn\r\nName\tTape\tStart\tEnd\tSource "
        "File\r\n\r\n"
        "Data\r\nshot "
        "one\tA001\t10:11:12:13\t10:11:13:13\tA001C003_131028_R2EC.mov\r\nA001C004\tA001\t\t\t\r\n";
    struct arena *a = arena_open(1 << 20);
    struct camera_row *rows;
    size_t count;
    struct error err;
    assert_true(camera_sidecar_read(camera_sidecar_of("x/A001.ALE"), "A001.ALE", text_of(ale), a,
                                    &rows, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].clip.text, "A001C003_131028_R2EC.mov");
    assert_string_equal(rows[0].reel.text, "A001");
    assert_string_equal(rows[0].timecode.text, "10:11:12:13");
    assert_int_equal(rows[1].rate.num, 25);
    assert_false(
        camera_sidecar_read(CAMERA_ALE, "x.ale", text_of("no log"), a, &rows, &count, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    arena_close(a);
}

static void sony_and_p2_descriptions_say_timecode_rate_and_length(void **state)
{
    (void)state;
    static const char sony[] = "<NonRealTimeMeta><Duration value=\"250\"/><LtcChangeTable "
                               "tcFps=\"25\"><LtcChange frameCount=\"0\" "
                               "value=\"18504112\" status=\"increment\"/></LtcChangeTable><Device "
                               "modelName=\"PXW-FX9\"/><VideoFormat>"
                               "<VideoFrame formatFps=\"25p\"/><VideoLayout pixel=\"3840\" "
                               "numOfVerticalLine=\"2160\"/></VideoFormat></NonRealTimeMeta>";
    static const char p2[] = "<P2Main><ClipContent><ClipName>0001AB</ClipName><Duration>100</"
                             "Duration><EditUnit>1/25</EditUnit>"
                             "<EssenceList><Video><StartTimecode>01:02:03:04</StartTimecode></"
                             "Video></EssenceList></ClipContent></P2Main>";
    struct arena *a = arena_open(1 << 20);
    struct camera_row *rows;
    size_t count;
    struct error err;
    assert_true(
        camera_sidecar_read(CAMERA_XML, "C0001M01.XML", text_of(sony), a, &rows, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(rows->clip.text, "C0001");
    assert_string_equal(rows->timecode.text, "12:41:50:18");
    assert_int_equal(rows->frames, 250);
    assert_int_equal(rows->width, 3840);
    assert_int_equal(rows->rate.num, 25);
    assert_true(camera_sidecar_read(CAMERA_XML, "0001AB.XML", text_of(p2), a, &rows, &count, &err));
    assert_string_equal(rows->clip.text, "0001AB");
    assert_string_equal(rows->timecode.text, "01:02:03:04");
    assert_true(rational_equal(rows->rate, (rational){25, 1}));
    static const char rmd[] = "<rmd><reel_id type=\"string\" value=\"A106\"/></rmd>";
    assert_true(camera_sidecar_read(CAMERA_RMD, "A106_C037_0118G5.RMD", text_of(rmd), a, &rows,
                                    &count, &err));
    assert_string_equal(rows->reel.text, "A106");
    arena_close(a);
}

static void names_of_what_was_made_of_a_clip_lead_back_to_it(void **state)
{
    (void)state;
    char key[96];
    camera_key("rushes/A001_C002_0101AB_001.R3D", key);
    assert_string_equal(key, "A001_C002_0101AB");
    camera_key("a001_c002_0101ab_001_proxy.mov", key);
    assert_string_equal(key, "A001_C002_0101AB_001_PROXY");
    assert_true(camera_key_shorter(key));
    assert_true(camera_key_shorter(key));
    assert_string_equal(key, "A001_C002_0101AB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_red_header_says_size_rate_reel_timecode_and_clip),
        cmocka_unit_test(what_the_header_does_not_say_its_name_does_and_so_it_is_told),
        cmocka_unit_test(an_arriraw_header_says_reel_clip_rate_and_timecode_where_they_hold),
        cmocka_unit_test(canon_says_in_front_of_its_container_what_a_file_is),
        cmocka_unit_test(a_red_reel_is_called_after_camera_and_roll),
        cmocka_unit_test(a_cinema_dng_has_timecode_rate_and_reel_in_its_tags),
        cmocka_unit_test(mxf_tells_raw_by_the_coding_of_its_picture_and_sets_by_their_package),
        cmocka_unit_test(an_ale_gives_a_row_a_clip),
        cmocka_unit_test(sony_and_p2_descriptions_say_timecode_rate_and_length),
        cmocka_unit_test(names_of_what_was_made_of_a_clip_lead_back_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
