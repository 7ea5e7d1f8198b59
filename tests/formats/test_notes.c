// formats/notes: what Resolve, Media Composer, Premiere, Final Cut and spreadsheets take and give.
#include "test.h"

#include "formats/notes/notes.h"

#include <jansson.h>

static struct note said[] = {
    {.frame = 0, .frames = 1, .number = 1, .author = "Anna", .text = "too dark"},
    {.frame = 1799,
     .frames = 1,
     .number = 2,
     .author = "Bo|b",
     .text = "a | b\nsecond\tline",
     .answers = "Anna: no\nBo: yes",
     .resolved = true},
    {.frame = 1800, .frames = 48, .number = 3, .author = "", .text = "=1+1 \"this\" & <that>"},
};

static struct notes programme(const char *rate, bool drop, const char *start)
{
    struct notes n = {.title = "Show & tell",
                      .file = "show.mov",
                      .frames = 10000,
                      .width = 1920,
                      .height = 1080,
                      .notes = said,
                      .count = 3};
    struct error err;
    rational fps;
    assert_true(rational_parse(text_of(rate), &fps, &err));
    assert_true(tc_rate_make(fps, drop, &n.rate, &err));
    assert_true(tc_parse(text_of(start), &n.rate, &n.start, &err));
    return n;
}

static struct buf written(enum notes_format format, const struct notes *n,
                          struct notes_changed *changed)
{
    struct buf to = BUF_LIMIT(1 << 20);
    struct error err;
    assert_true(notes_write(format, n, &to, changed, &err));
    return to;
}

static void holds(const struct buf *b, const char *part)
{
    if (!strstr(b->at, part))
        fail_msg("no \"%s\" in:\n%s", part, b->at);
}

static void resolve_gets_its_marker_lines(void **state)
{
    (void)state;
    struct notes n = programme("30000/1001", true, "00:59:58:00");
    struct notes_changed changed;
    struct buf b = written(NOTES_RESOLVE_EDL, &n, &changed);
    holds(&b, "TITLE: Show & tell\nFCM: DROP FRAME\n\n");
    holds(&b, "001  001      V     C        00:59:58;00 00:59:58;01 00:59:58;00 00:59:58;01  \n"
              "too dark |C:ResolveColorYellow |M:Anna |D:1\n");
    // 1,799 frames after 00:59:58:00 is the last label before the one that drop-frame leaves out
    holds(&b, "002  001      V     C        01:00:57;29 ");
    holds(&b, "a   b second line / Anna: no / Bo: yes |C:ResolveColorGreen |M:Bo b |D:1\n");
    holds(&b, "|M:Note |D:48\n");
    assert_int_equal(changed.reworded, 1);
    assert_int_equal(changed.halves, 0);
    buf_free(&b);
}

static void avid_gets_tabs(void **state)
{
    (void)state;
    struct notes n = programme("24000/1001", false, "01:00:00:00");
    struct notes_changed changed;
    struct buf b = written(NOTES_AVID, &n, &changed);
    holds(&b, "Anna\t01:00:00:00\tV1\tyellow\ttoo dark\t1\n");
    holds(&b, "Note\t01:01:15:00\tV1\tyellow\t=1+1 \"this\" & <that>\t48\n");
    buf_free(&b);
}

static void a_line_is_one_line_for_every_reader(void **state)
{
    (void)state;
    struct notes n = programme("25", false, "01:00:00:00");
    struct note one = {.number = 1,
                       .frames = 1,
                       .author = "An\xe2\x80\xa9na",
                       .text = "a\xe2\x80\xa8"
                               "b\xc2\x85"
                               "c\vd\xe2\x80\x94",
                       .answers = "e\r\nf\tg\xe2\x80\xa8h"};
    struct notes_changed changed;
    n.notes = &one;
    n.count = 1;
    struct buf b = written(NOTES_AVID, &n, &changed);
    assert_string_equal(b.at,
                        "An na\t01:00:00:00\tV1\tyellow\ta b c d\xe2\x80\x94 / e / f g h\t1\n");
    assert_int_equal(changed.reworded, 1);
    buf_free(&b);
}

static void xml_is_escaped_and_exact(void **state)
{
    (void)state;
    struct notes n = programme("24000/1001", false, "01:00:00:00");
    struct notes_changed changed;
    struct buf b = written(NOTES_XMEML, &n, &changed);
    holds(&b, "<timebase>24</timebase><ntsc>TRUE</ntsc>");
    holds(&b, "<in>0</in><out>-1</out>");
    holds(&b, "<in>1800</in><out>1848</out>");
    holds(&b, "=1+1 &quot;this&quot; &amp; &lt;that&gt;");
    buf_free(&b);
    b = written(NOTES_FCPXML, &n, &changed);
    holds(&b, "frameDuration=\"1001/24000s\"");
    holds(&b, "tcStart=\"86486400/24000s\"");
    holds(&b, "<marker start=\"88288200/24000s\" duration=\"48048/24000s\"");
    holds(&b, "completed=\"1\"");
    buf_free(&b);
}

static void pairs_of_frames_share_a_label_and_are_counted(void **state)
{
    (void)state;
    struct notes n = programme("60000/1001", false, "01:00:00:00");
    struct error err;
    struct notes_changed changed;
    assert_true(tc_rate_with_base((rational){60000, 1001}, 30, true, &n.rate, &err));
    assert_true(tc_parse(text_of("01:00:00;00"), &n.rate, &n.start, &err));
    struct buf b = written(NOTES_RESOLVE_EDL, &n, &changed);
    holds(&b, "01:00:00;00 01:00:00;01 ");
    assert_null(strstr(b.at, ";00.1"));
    assert_int_equal(changed.halves, 1); // frame 1,799
    buf_free(&b);
    b = written(NOTES_XMEML, &n, &changed);
    holds(&b, "<timebase>60</timebase>");
    buf_free(&b);
}

static void timeline_is_of_its_schemas(void **state)
{
    (void)state;
    struct notes n = programme("24", false, "01:00:00:00");
    struct notes_changed changed;
    struct buf b = written(NOTES_OTIO, &n, &changed);
    json_t *root = json_loads(b.at, 0, NULL);
    const json_t *markers = json_object_get(json_object_get(root, "tracks"), "markers");
    assert_int_equal(json_array_size(markers), 3);
    const json_t *range = json_object_get(json_array_get(markers, 2), "marked_range");
    assert_true(json_number_value(json_object_get(json_object_get(range, "start_time"), "value")) ==
                1800);
    assert_true(json_number_value(json_object_get(json_object_get(range, "duration"), "value")) ==
                48);
    json_decref(root);
    buf_free(&b);
}

// Written and read again: the same frames, lengths, authors.
static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const enum notes_format formats[] = {NOTES_RESOLVE_EDL, NOTES_AVID, NOTES_CSV};
    static const struct {
        const char *rate, *start;
        bool drop;
    } ways[] = {{"24000/1001", "00:59:58:00", false},
                {"25", "10:00:00:00", false},
                {"30000/1001", "00:59:58:00", true},
                {"50", "23:59:59:00", false}};
    for (size_t w = 0; w < 4; w++)
        for (size_t f = 0; f < 3; f++) {
            struct notes n = programme(ways[w].rate, ways[w].drop, ways[w].start);
            struct arena *a = arena_open(16 << 20);
            struct notes_changed changed;
            struct notes_read read;
            struct error err;
            struct buf b = written(formats[f], &n, &changed);
            assert_true(notes_read(formats[f], (text){b.at, b.size}, &n, a, &read, &err));
            assert_int_equal(read.count, 3);
            assert_int_equal(read.left_count, 0);
            for (size_t i = 0; i < 3; i++) {
                assert_int_equal(read.notes[i].frame, said[i].frame);
                assert_int_equal(read.notes[i].frames, said[i].frames);
                assert_int_equal(read.notes[i].resolved, said[i].resolved);
            }
            assert_string_equal(read.notes[0].author, "Anna");
            assert_string_equal(read.notes[2].text, said[2].text);
            if (formats[f] == NOTES_CSV)
                assert_string_equal(read.notes[1].text, said[1].text);
            buf_free(&b);
            arena_close(a);
        }
}

static struct notes_read table(const char *words, struct arena *a, struct error *err, bool *ok)
{
    struct notes n = programme("25", false, "10:00:00:00");
    struct notes_read read;
    *ok = notes_read(NOTES_CSV, text_of(words), &n, a, &read, err);
    return read;
}

static void tables_of_other_people_are_read(void **state)
{
    (void)state;
    struct arena *a = arena_open(16 << 20);
    struct error err;
    bool ok;
    struct notes_read r = table(
        "Timecode;Out;By;Comments\r\n10:00:01:00;10:00:02:00;Eva;\"two\nlines, and ; more\"\r\n"
        "\r\n10:99:00:00;;Eva;bad label\r\n10:00:03:00;;;\r\n11:00:00:00;;Eva;far away\r\n"
        "10:00:04:05;10:00:04:00;Eva;ends early\r\n",
        a, &err, &ok);
    assert_true(ok);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.notes[0].frame, 25);
    assert_int_equal(r.notes[0].frames, 25);
    assert_string_equal(r.notes[0].text, "two\nlines, and ; more");
    assert_int_equal(r.left_count, 4);
    assert_int_equal(r.left[0].line, 5); // the quoted cell took two
    r = table("frame\ttimecode\tnote\n25\t10:00:01:00\tsame\n26\t10:00:01:00\ttwo places\n", a,
              &err, &ok);
    assert_true(ok);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.left_count, 1);
    table("timecode,tc,note\n", a, &err, &ok);
    assert_false(ok);
    assert_non_null(strstr(err.why, "mean the same"));
    table("timecode,colour\n", a, &err, &ok);
    assert_false(ok);
    table("", a, &err, &ok);
    assert_false(ok);
    arena_close(a);
}

static void what_is_no_marker_list_is_refused(void **state)
{
    (void)state;
    struct notes n = programme("25", false, "10:00:00:00");
    struct arena *a = arena_open(16 << 20);
    struct notes_read read;
    struct error err;
    assert_false(notes_read(NOTES_RESOLVE_EDL,
                            text_of("TITLE: x\n001  AX V C 10:00:00:00 10:00:01:00 "
                                    "10:00:00:00 10:00:01:00\n"),
                            &n, a, &read, &err));
    assert_non_null(strstr(err.why, "no marker"));
    assert_false(notes_read(NOTES_AVID, text_of("hello\nworld\n"), &n, a, &read, &err));
    assert_true(err.fix[0] != 0);
    assert_false(notes_read(NOTES_FCPXML, text_of("<x/>"), &n, a, &read, &err));
    arena_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolve_gets_its_marker_lines),
        cmocka_unit_test(avid_gets_tabs),
        cmocka_unit_test(a_line_is_one_line_for_every_reader),
        cmocka_unit_test(xml_is_escaped_and_exact),
        cmocka_unit_test(pairs_of_frames_share_a_label_and_are_counted),
        cmocka_unit_test(timeline_is_of_its_schemas),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(tables_of_other_people_are_read),
        cmocka_unit_test(what_is_no_marker_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
