// What a profile makes of a picture, and what people write about it.
#include "test.h"

#include "formats/profile/burn.h"
#include "formats/profile/hdr.h"
#include "formats/profile/picture.h"
#include "formats/profile/profile.h"

static json_t *parse(const char *text)
{
    json_error_t why;
    json_t *j = json_loads(text, 0, &why);
    if (!j)
        fail_msg("%s: %s", text, why.text);
    return j;
}

static const char facts[] =
    "{\"rate\":\"25\",\"duration_frames\":100,\"video\":[{\"width\":720,\"height\":576,"
    "\"display_width\":768,\"display_height\":576,\"pixel_aspect\":\"16:15\",\"field_order\":\"%"
    "s\","
    "\"primaries\":\"bt470bg\",\"transfer\":\"%s\",\"matrix\":\"bt470bg\",\"range\":\"limited\"}]}";

static void a_picture_follows_from_profile_and_facts(void **state)
{
    (void)state;
    static const struct {
        const char *video;
        int width, height;
        struct profile_box from, at;
        int num, den;
        const char *matrix; // NULL: refused
    } rows[] = {
        {"{}", 720, 576, {0, 0, 720, 576}, {0, 0, 720, 576}, 16, 15, "bt470bg"},
        {"{\"square\":true}", 768, 576, {0, 0, 720, 576}, {0, 0, 768, 576}, 1, 1, "bt470bg"},
        {"{\"width\":360,\"height\":360}",
         360,
         288,
         {0, 0, 720, 576},
         {0, 0, 360, 288},
         16,
         15,
         "bt470bg"},
        {"{\"width\":640,\"height\":360,\"fit\":\"pad\",\"colour\":\"bt709\"}",
         640,
         360,
         {0, 0, 720, 576},
         {80, 0, 480, 360},
         1,
         1,
         "bt709"},
        {"{\"width\":640,\"height\":360,\"fit\":\"crop\"}",
         640,
         360,
         {0, 72, 720, 432},
         {0, 0, 640, 360},
         1,
         1,
         "bt470bg"},
        {"{\"width\":640,\"height\":480,\"fit\":\"refuse\"}",
         640,
         480,
         {0, 0, 720, 576},
         {0, 0, 640, 480},
         1,
         1,
         "bt470bg"},
        {"{\"width\":640,\"height\":360,\"fit\":\"refuse\"}", .matrix = NULL},
        {"{\"width\":1920,\"height\":1080,\"fit\":\"pad\"}", .matrix = NULL},
        {"{\"width\":1920,\"height\":1080,\"fit\":\"pad\",\"enlarge\":true}",
         1920,
         1080,
         {0, 0, 720, 576},
         {240, 0, 1440, 1080},
         1,
         1,
         "bt470bg"},
        {"{\"width\":1920,\"height\":1080,\"enlarge\":true,\"square\":true}",
         1440,
         1080,
         {0, 0, 720, 576},
         {0, 0, 1440, 1080},
         1,
         1,
         "bt470bg"},
    };
    char text[600];
    snprintf(text, sizeof(text), facts, "progressive", "bt709");
    json_t *f = parse(text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *p = json_pack("{s:o}", "video", parse(rows[i].video));
        struct profile_picture to;
        struct error err;
        bool done = profile_picture(p, f, &to, &err);
        if (done != (rows[i].matrix != NULL))
            fail_msg("%s: %s", rows[i].video, done ? "made" : err.why);
        if (done && (to.width != rows[i].width || to.height != rows[i].height ||
                     memcmp(&to.from, &rows[i].from, sizeof(to.from)) != 0 ||
                     memcmp(&to.at, &rows[i].at, sizeof(to.at)) != 0 ||
                     to.aspect_num * rows[i].den != to.aspect_den * rows[i].num ||
                     strcmp(to.matrix, rows[i].matrix) != 0))
            fail_msg("%s: %d x %d from %d,%d %d x %d at %d,%d %d x %d, %d:%d, %s", rows[i].video,
                     to.width, to.height, to.from.x, to.from.y, to.from.width, to.from.height,
                     to.at.x, to.at.y, to.at.width, to.at.height, to.aspect_num, to.aspect_den,
                     to.matrix);
        json_decref(p);
    }
    json_decref(f);
}

static void hdr_is_not_made_sdr_and_not_delivered_without_its_light(void **state)
{
    (void)state;
    char text[600];
    struct error err;
    struct profile_picture to;
    struct hdr_display d;
    struct hdr_light l;
    bool fits;
    snprintf(text, sizeof(text), facts, "progressive", "smpte2084");
    json_t *f = parse(text), *sdr = parse("{\"video\":{\"colour\":\"bt709\"}}"),
           *proxy = parse("{\"video\":{\"sdr\":true}}"),
           *hdr = parse("{\"video\":{},\"master\":{\"video\":{\"hdr\":true}}}");
    error_clear(&err);
    assert_false(profile_picture(sdr, f, &to, &err));
    assert_non_null(strstr(err.fix, "SDR grade"));
    assert_true(profile_picture(proxy, f, &to, &err));
    json_decref(profile_fit(hdr, f, &fits));
    assert_false(fits);
    assert_true(hdr_display_parse("p3-d65 1000 0.0001", &d, &err));
    assert_true(hdr_light_parse("1000,400", &l, &err));
    hdr_state(f, &d, NULL);
    json_decref(profile_fit(hdr, f, &fits));
    assert_false(fits);
    hdr_state(f, NULL, &l);
    json_decref(profile_fit(hdr, f, &fits));
    assert_true(fits);
    json_decref(f);
    json_decref(sdr);
    json_decref(proxy);
    json_decref(hdr);
}

static void a_mastering_display_is_read_as_it_is_written_and_nonsense_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "p3",
        "p3-d65",
        "p3-d65 0.1 1000",
        "p3-d65 20000 0",
        "dci 1000 0.1",
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(50,10000000)",
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)x",
        "G(63250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
        "G(-1,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"};
    static const char *const levels[] = {"", "1000", "400,1000", "0,0", "20000,1", "1000,400,1"};
    struct hdr_display d, e;
    struct hdr_light l;
    struct error err;
    char text[160];
    assert_true(hdr_display_parse("p3-d65 1000 0.005", &d, &err));
    hdr_display_format(&d, text);
    assert_string_equal(text,
                        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)");
    assert_true(hdr_display_parse(text, &e, &err));
    assert_memory_equal(&d, &e, sizeof(d));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (hdr_display_parse(wrong[i], &d, &err) || !*err.fix)
            fail_msg("%s is taken", wrong[i]);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (hdr_light_parse(levels[i], &l, &err) || !*err.fix)
            fail_msg("%s is taken", levels[i]);
}

static void what_is_burnt_in_is_written_in_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *burn; // burn NULL: refused
    } rows[] = {
        {"timecode", "[{\"what\":\"timecode\"}]"},
        {"timecode=record,start=01:00:00;00,at=top",
         "[{\"what\":\"timecode\",\"timecode\":\"record\",\"start\":\"01:00:00;00\",\"at\":\"top\"}"
         "]"},
        {"text=For Ann, Ben and Li,size=4|watermark=A=B,opacity=25",
         "[{\"what\":\"text\",\"text\":\"For Ann, Ben and Li\",\"size\":4},"
         "{\"what\":\"watermark\",\"text\":\"A=B\",\"opacity\":25}]"},
        {"", NULL},
        {"text", NULL},
        {"text=", NULL},
        {"slate=1", NULL},
        {"timecode,size=large", NULL},
        {"timecode|", "[{\"what\":\"timecode\"}]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *p = json_object(), *wanted = rows[i].burn ? parse(rows[i].burn) : NULL;
        struct error err;
        bool done = profile_burn(p, rows[i].line, &err);
        if (done != (wanted != NULL) || (done && !json_equal(json_object_get(p, "burn"), wanted)))
            fail_msg("%s: %s", rows[i].line, json_dumps(p, 0));
        json_decref(p);
        json_decref(wanted);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_follows_from_profile_and_facts),
        cmocka_unit_test(hdr_is_not_made_sdr_and_not_delivered_without_its_light),
        cmocka_unit_test(a_mastering_display_is_read_as_it_is_written_and_nonsense_refused),
        cmocka_unit_test(what_is_burnt_in_is_written_in_a_line),
    };
    return RUN_TESTS(tests);
}
