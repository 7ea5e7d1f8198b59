// Captions: frames against truth made by hand (tests/vectors/captions), and every format to and
// fro.
#include "formats/captions/captions.h"
#include "formats/captions/cc.h"
#include "formats/captions/embed.h"
#include "test.h"

#include <jansson.h>

static struct arena *arena;
static struct error err;

static int begin(void **state)
{
    (void)state;
    arena = arena_open((size_t)1 << 30);
    return 0;
}
static int end(void **state)
{
    (void)state;
    arena_close(arena);
    return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static text vector(const char *name)
{
    char path[1000];
    snprintf(path, sizeof(path), "%s/captions/%s", getenv("VECTORS"), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    return (text){arena_copy(arena, bytes, size), size};
}

static struct caption_wish wish_of(const char *rate, const char *start)
{
    struct caption_wish w = {.name = "it", .rate_said = true, .start_said = true};
    assert_true(caption_rate_parse(text_of(rate), &w.rate, &err));
    assert_true(tc_parse(text_of(start), &w.rate, &w.start, &err));
    return w;
}

static struct captions *try_read(const char *bytes, size_t size, enum caption_format format,
                                 const struct caption_wish *w, struct caption_report *r)
{
    struct captions *c = NULL;
    *r = (struct caption_report){0};
    return captions_read(arena, (text){bytes, size}, format, w, &c, r, &err) ? c : NULL;
}

static struct captions *read_as(text bytes, enum caption_format format,
                                const struct caption_wish *w, struct caption_report *r)
{
    struct captions *c = try_read(bytes.at, bytes.size, format, w, r);
    if (!c)
        fail_msg("%s: %s", err.what, err.why);
    return c;
}

static text written(const struct captions *c, enum caption_format format,
                    const struct caption_wish *w, struct caption_report *r)
{
    struct buf to = BUF_LIMIT(64 << 20);
    *r = (struct caption_report){0};
    if (!captions_write(c, format, w, &to, r, &err))
        fail_msg("%s: %s", err.what, err.why);
    text t = {arena_copy(arena, to.at ? to.at : "", to.size), to.size};
    buf_free(&to);
    return t;
}

static bool noted(const struct caption_report *r, const char *group)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->notes[i].group, group) == 0)
            return true;
    return false;
}

static int64_t frame(const struct captions *c, int64_t ticks)
{
    int64_t f = caption_frames(ticks, c->rate.fps, ROUND_NEAREST);
    assert_int_equal(caption_ticks(f, c->rate.fps), ticks); // on it, not near it
    return f;
}

static const char *words(const struct caption_cue *cue)
{
    char *to = arena_take(arena, 2000);
    caption_words(cue, to, 2000);
    return to;
}

// ---- SCC

// Labels that lead to the code in SCC text: the time of its line plus the words before it.
static size_t labels_of(text scc, const char *code, bool drop, tc_label *labels, size_t most)
{
    struct tc_rate of;
    size_t count = 0;
    assert_true(caption_rate_parse(text_of(drop ? "29.97df" : "29.97"), &of, &err));
    while (scc.size) {
        text line = text_cut(&scc, '\n');
        text label = text_cut(&line, '\t');
        if (!line.size)
            continue;
        int64_t at;
        assert_int_equal(label.at[8], drop ? ';' : ':');
        assert_true(tc_parse(label, &of, &at, &err));
        bool before = false;
        for (; line.size; at++) {
            bool is = text_is(text_cut(&line, ' '), code);
            if (is && !before && count < most)
                labels[count++] = tc_format(at, &of);
            before = is;
        }
    }
    return count;
}

static void frames_of_the_programme_go_to_the_labels_worked_out_by_hand_and_back(void **state)
{
    (void)state;
    text bytes = vector("scc.json");
    json_t *all = json_loadb(bytes.at, bytes.size, 0, NULL);
    size_t i, k;
    json_t *one, *cue;
    json_array_foreach(json_object_get(all, "cases"), i, one)
    {
        const char *rate = json_string_value(json_object_get(one, "rate"));
        bool drop = strcmp(json_string_value(json_object_get(one, "count")), "df") == 0;
        struct caption_wish w = wish_of(rate, json_string_value(json_object_get(one, "start")));
        w.scc = drop ? CAPTION_SCC_DROP : CAPTION_SCC_NON_DROP;
        const json_t *cues = json_object_get(one, "cues");
        struct buf srt = BUF_LIMIT(1 << 16);
        json_array_foreach((json_t *)cues, k, cue)
        {
            int64_t ms[2];
            for (size_t n = 0; n < 2; n++)
                ms[n] = rescale(json_integer_value(json_array_get(cue, n)), w.rate.fps,
                                (rational){1000, 1}, ROUND_NEAREST);
            buf_format(&srt, "%02d:%02d:%02d,%03d --> %02d:%02d:%02d,%03d\nOh\n\n",
                       (int)(ms[0] / 3600000), (int)(ms[0] / 60000 % 60), (int)(ms[0] / 1000 % 60),
                       (int)(ms[0] % 1000), (int)(ms[1] / 3600000), (int)(ms[1] / 60000 % 60),
                       (int)(ms[1] / 1000 % 60), (int)(ms[1] % 1000));
        }
        struct caption_report r;
        struct captions *c = read_as((text){srt.at, srt.size}, CAPTION_SRT, &w, &r);
        text scc = written(c, CAPTION_SCC, &w, &r);
        tc_label in[8], out[8];
        size_t ins = labels_of(scc, "942f", drop, in, 8),
               outs = labels_of(scc, "942c", drop, out, 8);
        assert_int_equal(ins, json_array_size(cues));
        struct captions *again = read_as(scc, CAPTION_SCC, &w, &r);
        assert_int_equal(again->count, json_array_size(cues));
        json_array_foreach((json_t *)cues, k, cue)
        {
            int64_t first = json_integer_value(json_array_get(cue, 0)),
                    behind = json_integer_value(json_array_get(cue, 1));
            assert_int_equal(frame(c, c->cues[k].in), first);
            assert_int_equal(frame(c, c->cues[k].out), behind);
            assert_string_equal(in[k].text, json_string_value(json_array_get(cue, 2)));
            assert_int_equal(frame(again, again->cues[k].in), first);
            assert_true(k < outs);
            assert_string_equal(out[k].text, json_string_value(json_array_get(cue, 3)));
            assert_int_equal(frame(again, again->cues[k].out), behind);
        }
        buf_free(&srt);
    }
    json_decref(all);
}

static void roll_up_stays_roll_up(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = wish_of("29.97df", "01:00:00:00");
    struct captions *c = read_as(vector("rollup.scc"), CAPTION_SCC, &w, &r);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(c->count, 3);
        // the first CR is two frames behind RU2, the others begin their lines
        static const int64_t times[] = {32, 60, 90, 150};
        static const char *const said[] = {"One", "One / Two.", "Two. / Three!"};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(frame(c, c->cues[i].in), times[i]);
            assert_int_equal(frame(c, c->cues[i].out), times[i + 1]);
            assert_string_equal(words(&c->cues[i]), said[i]);
            assert_int_equal(c->cues[i].mode, CAPTION_ROLL_UP);
            assert_int_equal(c->cues[i].roll_rows, 2);
        }
        assert_true(c->cues[2].lines[1].runs[0].style.italic);
        assert_int_equal(c->cues[2].lines[1].row, 15);
        assert_int_equal(c->cues[2].lines[0].row, 14);
        c = read_as(written(c, CAPTION_SCC, &w, &r), CAPTION_SCC, &w, &r);
        assert_false(noted(&r, "load time"));
    }
    written(c, CAPTION_SRT, &w, &r);
    assert_true(noted(&r, "mode"));
}

static void paint_on_stays_paint_on(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = wish_of("29.97df", "01:00:00:00");
    struct captions *c = read_as(vector("painton.scc"), CAPTION_SCC, &w, &r);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(c->count, 2);
        assert_int_equal(frame(c, c->cues[0].in), 34); // the first letter, behind four codes
        assert_int_equal(frame(c, c->cues[0].out), 64);
        assert_int_equal(frame(c, c->cues[1].in), 64);
        assert_int_equal(frame(c, c->cues[1].out), 105);
        assert_string_equal(words(&c->cues[0]), "Hi");
        assert_string_equal(words(&c->cues[1]), "Hi / there");
        assert_int_equal(c->cues[1].mode, CAPTION_PAINT_ON);
        assert_int_equal(c->cues[0].lines[0].row, 1);
        assert_int_equal(c->cues[1].lines[1].row, 2);
        c = read_as(written(c, CAPTION_SCC, &w, &r), CAPTION_SCC, &w, &r);
    }
}

static void all_608_letters_colours_and_places_come_back(void **state)
{
    (void)state;
    static const char srt[] =
        "1\n00:00:10,000 --> 00:00:12,000\n"
        "®°½¿™¢£♪àèâêîôû ÁÉÓÚÜü‘¡*’—Ññ\n©℠•“”ÀÂÇÈÊËëÎÏï ÔÙùÛ«»ÃãÍÌìÒòÕõ\n"
        "{}\\^_|~ÄäÖöß¥¤¦ÅåØø ┌┐└┘áéíóúç÷\n\n"
        "2\n00:00:13,013 --> 00:00:14,014\n{\\an7}<font color=\"#ff00ff\">Pink</font> "
        "<u>under</u> <i>slanted</i> plain\n";
    struct caption_report r;
    struct caption_wish w = wish_of("29.97", "00:00:00:00");
    struct captions *c = read_as(text_of(srt), CAPTION_SRT, &w, &r);
    struct captions *again = read_as(written(c, CAPTION_SCC, &w, &r), CAPTION_SCC, &w, &r);
    assert_int_equal(again->count, 2);
    assert_string_equal(words(&again->cues[0]), words(&c->cues[0]));
    const struct caption_line *l = &again->cues[1].lines[0];
    assert_int_equal(l->count, 6);
    assert_int_equal(l->runs[0].style.colour, 0xff00ffff);
    assert_true(l->runs[2].style.underline && !l->runs[2].style.italic);
    assert_true(l->runs[4].style.italic && !l->runs[4].style.underline);
    assert_true(text_is(l->runs[5].words, " plain"));
    assert_int_equal(l->row, 1);
    assert_int_equal(l->column, 0);
    static const char vtt[] =
        "WEBVTT\n\n00:10.010 --> 00:12.012\nA <c.yellow.bg_blue>line on blue</c> here\n"
        "<c.bg_red>All red</c>\n";
    again = read_as(written(read_as(text_of(vtt), CAPTION_VTT, &w, &r), CAPTION_SCC, &w, &r),
                    CAPTION_SCC, &w, &r);
    assert_false(noted(&r, "background"));
    l = again->cues[0].lines;
    assert_string_equal(words(&again->cues[0]), "A  line on blue  here / All red");
    assert_int_equal(l[0].runs[1].style.background, 0x0000ffff);
    assert_int_equal(l[0].runs[1].style.colour, 0xffff00ff);
    assert_int_equal(l[0].runs[2].style.background, 0);
    assert_int_equal(l[1].runs[0].style.background, 0xff0000ff);
}

static void what_608_has_not_is_written_otherwise_and_said(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = wish_of("25", "10:00:00:00");
    static const char srt[] =
        "1\n00:00:05,000 --> 00:00:07,000\n<b>Dvořák</b> is a composer whose name "
        "has over 32 letters in its line\n\n2\n00:00:07,000 --> 00:00:09,000\n"
        "Straight on: this one must be loaded while that one is seen.\n\n"
        "3\n00:00:07,200 --> 00:00:09,000\nToo soon\n";
    struct captions *c = read_as(text_of(srt), CAPTION_SRT, &w, &r);
    assert_int_equal(r.count, 0);
    text scc = written(c, CAPTION_SCC, &w, &r);
    assert_true(noted(&r, "glyph") && noted(&r, "bold") && noted(&r, "lines") &&
                noted(&r, "load time") && noted(&r, "overlap"));
    struct captions *again = read_as(scc, CAPTION_SCC, &w, &r);
    assert_int_equal(again->count, 3);
    assert_string_equal(words(&again->cues[0]),
                        "Dvorák is a composer whose name / has over 32 letters in its line");
    assert_int_equal(frame(again, again->cues[0].out), 175); // the next takes its place
    assert_int_equal(frame(again, again->cues[1].in), 175);
}

static void faults_in_scc_name_the_line(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = wish_of("29.97df", "01:00:00:00");
    static const char *const bad[][2] = {
        {"WEBVTT\n", "line 1"},
        {"Scenarist_SCC V1.0\n\n01:00:01;00\t9420 942\n", "line 3"},
        {"Scenarist_SCC V1.0\n\n01:01:00;00\t9420\n", "line 3"},
        {"Scenarist_SCC V1.0\n\n01:00:02;00\t9420\n\n01:00:01;00\t9420\n", "line 5"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(try_read(bad[i][0], strlen(bad[i][0]), CAPTION_SCC, &w, &r));
        assert_non_null(strstr(err.what, bad[i][1]));
    }
    // another programme's: it begins before this one's first frame
    w = wish_of("29.97df", "10:00:00:00");
    text t = vector("rollup.scc");
    assert_null(try_read(t.at, t.size, CAPTION_SCC, &w, &r));
    assert_int_equal(err.kind, ERROR_INPUT);
}

// ---- SRT, WebVTT

static void srt_as_people_write_it_is_read(void **state)
{
    (void)state;
    static const char srt[] = "\xef\xbb\xbf"
                              "1\r\n00:00:01,000 --> 00:00:02,500 X1:40\r\n"
                              "<I>Both</i> & {\\an8}<font color=red>red</font> <3\r\n\r\n"
                              "0:0:3.5 --> 0:0:4\r\nno number\r\n\r\nand a gap\r\n\r\n"
                              "7\r\n01:00:00,000 --> 01:00:01,000\r\n\r\n";
    struct caption_report r;
    struct caption_wish w = {.name = "it"};
    struct captions *c = read_as(text_of(srt), CAPTION_SRT, &w, &r);
    assert_int_equal(c->count, 3);
    assert_int_equal(c->cues[0].out, 2500 * 720);
    assert_int_equal(c->cues[0].vertical, CAPTION_TOP);
    assert_string_equal(words(&c->cues[0]), "Both & red <3");
    assert_true(c->cues[0].lines[0].runs[0].style.italic);
    assert_int_equal(c->cues[0].lines[0].runs[2].style.colour, 0xff0000ff);
    assert_int_equal(c->cues[1].in, 3500 * 720);
    assert_string_equal(words(&c->cues[1]), "no number / and a gap");
    assert_int_equal(c->cues[2].count, 0);
    assert_true(noted(&r, "lines"));
    static const char latin[] = "1\n00:00:01,000 --> 00:00:02,000\nCaf\xe9 \x93"
                                "x\x94\n";
    c = read_as(text_of(latin), CAPTION_SRT, &w, &r);
    assert_string_equal(words(&c->cues[0]), "Café “x”");
    assert_true(noted(&r, "encoding"));
    assert_null(try_read("1\n00:00:01,000 -> 00:00:02,000\nx\n", 33, CAPTION_SRT, &w, &r));
    assert_non_null(strstr(err.what, "line 2"));
    assert_null(try_read("1\n00:00:03,000 --> 00:00:02,000\nx\n", 34, CAPTION_SRT, &w, &r));
    assert_non_null(strstr(err.what, "line 2"));
}

static void every_frame_of_every_rate_survives_milliseconds(void **state)
{
    (void)state;
    static const char *const rates[] = {"23.976", "24", "25", "29.97df", "30", "50", "59.94", "60"};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct caption_wish w = wish_of(rates[i], "00:00:00:00");
        struct captions c = {.arena = arena, .rate = w.rate, .rate_said = true};
        struct caption_run run = {.words = text_of("x")};
        struct caption_line line = {.runs = &run, .count = 1};
        enum { CUES = 500 };
        c.cues = ARENA_ARRAY(arena, struct caption_cue, CUES);
        c.count = CUES;
        for (int64_t k = 0; k < CUES; k++)
            c.cues[k] = (struct caption_cue){.in = caption_ticks(k * 997, w.rate.fps),
                                             .out = caption_ticks(k * 997 + k + 1, w.rate.fps),
                                             .lines = &line,
                                             .count = 1};
        struct caption_report r;
        for (int f = CAPTION_SRT; f <= CAPTION_VTT; f++) {
            struct captions *again = read_as(written(&c, (enum caption_format)f, &w, &r),
                                             (enum caption_format)f, &w, &r);
            for (int64_t k = 0; k < CUES; k++) {
                assert_int_equal(frame(again, again->cues[k].in), k * 997);
                assert_int_equal(frame(again, again->cues[k].out), k * 997 + k + 1);
            }
        }
    }
}

static void webvtt_keeps_styles_places_and_ruby(void **state)
{
    (void)state;
    static const char vtt[] =
        "WEBVTT - a title\nLanguage: en-GB\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnothing\n\n"
        "first\n01:02.000 --> 01:03.000 line:10% position:20% size:60% align:left\n"
        "<v Ann>a <i>b <u>c</u></i> &amp; &lt;d&gt; "
        "<c.yellow.bg_blue>e</c>\n<ruby>f<rt>g</rt></ruby>\n\n"
        "00:01:04.000 --> 00:01:05.000 vertical:rl line:-1\nh\n";
    struct caption_report r;
    struct caption_wish w = {.name = "it"};
    struct captions *c = read_as(text_of(vtt), CAPTION_VTT, &w, &r);
    assert_true(noted(&r, "style"));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(c->count, 2);
        assert_true(text_is(c->language, "en-GB"));
        const struct caption_cue *cue = &c->cues[0];
        assert_string_equal(words(cue), "a b c & <d> e / f");
        assert_int_equal(cue->in, (int64_t)62000 * 720);
        assert_int_equal(cue->align, CAPTION_LEFT);
        assert_int_equal(cue->box.x, 2000);
        assert_int_equal(cue->box.y, 1000);
        assert_int_equal(cue->box.width, 6000);
        assert_true(cue->lines[0].runs[2].style.italic && cue->lines[0].runs[2].style.underline);
        assert_int_equal(cue->lines[0].runs[4].style.colour, 0xffff00ff);
        assert_int_equal(cue->lines[0].runs[4].style.background, 0x0000ffff);
        assert_true(text_is(cue->lines[1].runs[0].ruby, "g"));
        assert_int_equal(c->cues[1].writing, CAPTION_DOWN_RL);
        c = read_as(written(c, CAPTION_VTT, &w, &r), CAPTION_VTT, &w, &r);
    }
    assert_null(try_read("WEBVTT\n\n1:00 --> 2:00\nx\n", 24, CAPTION_VTT, &w, &r));
    assert_non_null(strstr(err.what, "line 3"));
}

// ---- TTML and its kin

static void ttml_is_read_with_nested_times_styles_and_regions(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = {.name = "it"};
    struct captions *c = read_as(vector("nested.ttml"), CAPTION_TTML, &w, &r);
    assert_true(text_is(c->language, "fr"));
    assert_true(rational_equal(c->rate.fps, (rational){24000, 1001}));
    static const struct {
        int64_t in_us, out_us; // worked out by hand; 48 frames are 2.002 s
        const char *words;
    } want[] = {{13000000, 15002000, "One two / three"}, {17000000, 18000000, "A C"},
                {18000000, 19000000, "A B C"},           {19000000, 21000000, "A C"},
                {30000000, 32000000, "first"},           {32000000, 35000000, "漢 second"},
                {50000000, 61001000, "ticks & clock"}};
    assert_int_equal(c->count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(words(&c->cues[i]), want[i].words);
        // to a millisecond, since what lies that near a frame is laid on it
        assert_true(llabs(c->cues[i].in - want[i].in_us * 72 / 100) <= 720);
        assert_true(llabs(c->cues[i].out - want[i].out_us * 72 / 100) <= 720);
    }
    const struct caption_cue *one = &c->cues[0];
    assert_int_equal(one->lines[0].runs[0].style.colour, 0xffff00ff);
    assert_true(one->lines[0].runs[0].style.italic && !one->lines[0].runs[1].style.italic);
    assert_int_equal(one->vertical, CAPTION_BOTTOM);
    assert_int_equal(one->align, CAPTION_CENTRE);
    assert_false(one->box.said); // the safe area is where it would stand anyway
    assert_int_equal(c->cues[4].box.x, 2000);
    assert_int_equal(c->cues[4].align, CAPTION_LEFT);
    assert_true(text_is(c->cues[5].lines[0].runs[0].ruby, "kan"));
}

static void itt_of_a_film_counts_its_labels(void **state)
{
    (void)state;
    static const char itt[] =
        "<tt xmlns='http://www.w3.org/ns/ttml' xmlns:ttp='http://www.w3.org/ns/ttml#parameter' "
        "ttp:timeBase='smpte' ttp:frameRate='%d' ttp:frameRateMultiplier='%s' ttp:dropMode='%s'>"
        "<body><div><p begin='01:00:59:29' end='01:01:00:02'>x</p></div></body></tt>";
    char bytes[600];
    struct caption_report r;
    struct caption_wish w = wish_of("29.97df", "01:00:00:00");
    snprintf(bytes, sizeof(bytes), itt, 30, "1000 1001", "dropNTSC");
    struct captions *c = read_as(text_of(bytes), CAPTION_ITT, &w, &r);
    assert_int_equal(frame(c, c->cues[0].in), 1799);
    assert_int_equal(frame(c, c->cues[0].out), 1800); // two labels are left out
    struct caption_wish nobody = {.name = "it"};
    snprintf(bytes, sizeof(bytes), itt, 30, "999 1000", "nonDrop"); // as Apple writes it
    c = read_as(text_of(bytes), CAPTION_ITT, &nobody, &r);
    assert_true(rational_equal(c->rate.fps, (rational){30000, 1001}));
    assert_int_equal(frame(c, c->cues[0].in), 3659 * 30 + 29);
    snprintf(bytes, sizeof(bytes), itt, 30, "1000 1001", "dropNTSC");
    memcpy(strstr(bytes, "01:01:00:02"), "01:01:00:01", 11);
    assert_null(try_read(bytes, strlen(bytes), CAPTION_ITT, &w, &r));
    assert_non_null(strstr(err.what, "line 1"));
}

static void faults_in_xml_name_the_line_and_a_doctype_is_refused(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = {.name = "it"};
    static const char *const bad[][2] = {
        {"<tt>\n<body>\n<div>\n</body></tt>", "line 4"},
        {"<tt>\n<body>\n<div><p begin='1x'>a</p></div></body></tt>", "line 3"},
        {"<!DOCTYPE tt [<!ENTITY a 'b'>]>\n<tt><body><div><p begin='1s'>&a;</p></div></body></tt>",
         "line 1"},
        {"<html/>", "line 1"},
        {"<tt>\n<body><div><p begin='1s' end='2s'>&nbsp;</p></div></body></tt>", "line 2"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(try_read(bad[i][0], strlen(bad[i][0]), CAPTION_TTML, &w, &r));
        assert_non_null(strstr(err.what, bad[i][1]));
    }
}

// ---- EBU STL, Spruce STL, MCC

static void ebu_stl_made_by_hand_is_read(void **state)
{
    (void)state;
    uint8_t stl[1024 + 3 * 128];
    memset(stl, ' ', 1024);
    memcpy(stl,
           "850STL25.01"
           "1"
           "00"
           "0F",
           16);
    memcpy(stl + 238, "0000300002001", 13);
    memcpy(stl + 251, "4023", 4);
    memcpy(stl + 256, "10000000", 8);
    memset(stl + 1024, 0x8f, 3 * 128);
    static const uint8_t heads[3][16] = {{0, 1, 0, 0x00, 0, 10, 0, 1, 0, 10, 0, 2, 12, 20, 2, 0},
                                         {0, 1, 0, 0xff, 0, 10, 0, 1, 0, 10, 0, 2, 12, 20, 2, 0},
                                         {0, 2, 0, 0xff, 0, 10, 0, 3, 0, 10, 0, 4, 0, 2, 1, 0}};
    static const char *const texts[3] = {"\x0d\x0b\x0b"
                                         "O\xc1u est\x03"
                                         "No\xc8"
                                         "el\x0a\x0a\x8a\x8a",
                                         "\x0d\x0b\x0b\xd5 La \x01rouge\x0a\x0a",
                                         "\x80"
                                         "left\x81 up"};
    for (int i = 0; i < 3; i++) {
        memcpy(stl + 1024 + i * 128, heads[i], 16);
        memcpy(stl + 1024 + i * 128 + 16, texts[i], strlen(texts[i]));
    }
    struct caption_report r;
    struct caption_wish w = {.name = "it"};
    enum caption_format format;
    text bytes = {(const char *)stl, sizeof(stl)};
    assert_true(caption_format_of(bytes, "a.stl", &format) && format == CAPTION_EBU_STL);
    struct captions *c = read_as(bytes, CAPTION_EBU_STL, &w, &r);
    assert_int_equal(c->count, 2);
    assert_true(text_is(c->language, "fr"));
    assert_int_equal(c->start, 36000 * 25);
    assert_string_equal(words(&c->cues[0]), "Où est Noël / ♪ La rouge");
    assert_int_equal(frame(c, c->cues[0].in), 25);
    assert_int_equal(frame(c, c->cues[0].out), 62);
    assert_int_equal(c->cues[0].lines[0].runs[1].style.colour, 0xffff00ff);
    assert_int_equal(c->cues[0].vertical, CAPTION_BOTTOM);
    assert_true(c->cues[1].lines[0].runs[0].style.italic &&
                !c->cues[1].lines[0].runs[1].style.italic);
    assert_int_equal(c->cues[1].align, CAPTION_LEFT);
    assert_int_equal(c->cues[1].vertical, CAPTION_TOP);
    stl[1024 + 2 * 128 + 7] = 99; // no timecode
    assert_null(try_read((const char *)stl, sizeof(stl), CAPTION_EBU_STL, &w, &r));
    assert_non_null(strstr(err.what, "block 3"));
}

static void letters_of_ebu_stl_come_back_in_every_table(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "ÀÈÌÒÙàèìòùÁĆÉÍĹŃÓŔŚÚÝŹáćéíĺńóŕśúýź ÂĈÊĜĤÎĴÔŜÛŴŶ ÃĨÑÕŨ ĀĒĪŌŪ ĂĞŬ ĊĖĠİŻ",
        "ÄËÏÖÜŸ Åů Çģ Őű Ąę ČďĚľňŘšŤž ÆĐĦĲŁØŒÞŦŊæđðħıĳłøœßþŧŋ «“”‘’» ¡¿ ½ ♪ ™ ß $ # € no",
        "Съешь ещё этих мягких французских булок, Ђ ў № §",
        "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
        "דג סקרן שט בים",
        "نص عربي، هل يعمل؟"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char srt[600];
        snprintf(srt, sizeof(srt), "1\n00:00:01,000 --> 00:00:02,000\n%s\n", texts[i]);
        struct caption_report r;
        struct caption_wish w = wish_of("25", "10:00:00:00");
        struct captions *c = read_as(text_of(srt), CAPTION_SRT, &w, &r);
        text stl = written(c, CAPTION_EBU_STL, &w, &r);
        bool euro = strstr(texts[i], "€") != NULL;
        assert_int_equal(noted(&r, "glyph"), euro);
        struct captions *again = read_as(stl, CAPTION_EBU_STL, &w, &r);
        if (!euro)
            assert_string_equal(words(&again->cues[0]), texts[i]);
    }
}

static void packets_of_708_made_by_hand_are_read(void **state)
{
    (void)state;
    // DF0 (hidden, 1 row of 5), "Hi", then 10 frames later DSW, 20 later HDW.
    struct caption_report r;
    struct caption_wish w = wish_of("29.97df", "01:00:00:00");
    w.service_708 = true;
    uint8_t block[] = {0x98, 0x18, 74, 104, 0x70, 4, 0x09, 'H', 'i'};
    struct caption_wish plain = w;
    struct captions *c =
        read_as(text_of("1\n00:00:00,000 --> 00:00:01,000\nx\n"), CAPTION_SRT, &plain, &r);
    c->count = 0;
    struct cc_708_decoder *d = cc_708_open(c, &r);
    uint8_t packet[12] = {1 << 6 | 6, 1 << 5 | 9};
    memcpy(packet + 2, block, 9);
    for (int i = 0; i < 12; i += 2)
        assert_true(cc_708_triple(d, 30 * 24024, i ? 2 : 3, packet[i], packet[i + 1], 1, &err));
    static const uint8_t show[] = {2 << 6 | 2, 1 << 5 | 2, 0x89, 1},
                         hide[] = {3 << 6 | 2, 1 << 5 | 2, 0x8a, 1};
    for (int i = 0; i < 4; i += 2)
        assert_true(cc_708_triple(d, 40 * 24024, i ? 2 : 3, show[i], show[i + 1], 2, &err));
    for (int i = 0; i < 4; i += 2)
        assert_true(cc_708_triple(d, 60 * 24024, i ? 2 : 3, hide[i], hide[i + 1], 3, &err));
    assert_true(cc_708_end(d, &err));
    assert_int_equal(c->count, 1);
    assert_string_equal(words(&c->cues[0]), "Hi");
    assert_int_equal(frame(c, c->cues[0].in), 40);
    assert_int_equal(frame(c, c->cues[0].out), 60);
    assert_int_equal(c->cues[0].vertical, CAPTION_BOTTOM);
}

static void boxes_of_captions_hold_what_was_put_into_them(void **state)
{
    (void)state;
    uint8_t triples[CC_TRIPLES * 3], box[300];
    const uint8_t *back;
    int count;
    struct cc_block block = {4, {0x89, 1, 0x8a, 2}};
    cc_data_make(triples, 20, (const uint8_t[]){0x94, 0x2c}, CC_NOTHING, &block, 2);
    assert_memory_equal(triples,
                        "\xfc\x94\x2c\xfd\x80\x80\xff\x83\x24\xfe\x89\x01\xfe\x8a\x02\xfa\0\0", 18);
    size_t size = cc_cdp_make(box, (rational){30000, 1001}, triples, 20, 7);
    assert_int_equal(size, 73); // ST 334-2: 20 triples make 73 bytes
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + box[i]);
    assert_int_equal(sum, 0);
    assert_true(cc_cdp_read(box, size, &back, &count) && count == 20);
    assert_memory_equal(back, triples, 60);
    assert_false(cc_cdp_read(box, size - 20, &back, &count));
    for (int mpeg2 = 0; mpeg2 < 2; mpeg2++) {
        size = cc_a53_make(box, triples, 20, mpeg2);
        assert_memory_equal(box + (mpeg2 ? 0 : 3), "GA94\x03\xd4\xff", 7);
        assert_true(cc_a53_read(box, size, &back, &count) && count == 20);
        assert_memory_equal(back, triples, 60);
        assert_false(cc_a53_read(box, 40, &back, &count));
    }
    static const uint8_t pairs[1][2] = {{0x94, 0x2c}};
    size = cc_c608_make(box, pairs, 1, pairs, 1);
    assert_int_equal(size, 20);
    assert_memory_equal(box,
                        "\0\0\0\x0a"
                        "cdat\x94\x2c\0\0\0\x0a"
                        "cdt2\x94\x2c",
                        20);
    size_t pair_count;
    assert_true(cc_c608_read(box, size, 2, &back, &pair_count) && pair_count == 1);
    assert_memory_equal(back, pairs, 2);
    assert_false(cc_c608_read(box, 9, 1, &back, &pair_count));
}

// ---- every format, every rate, every start

static void every_format_keeps_the_frames_of_every_programme(void **state)
{
    (void)state;
    static const char *const programmes[][2] = {
        {"23.976", "00:59:58:00"}, {"23.976", "10:00:00:00"},  {"25", "00:59:58:00"},
        {"25", "10:00:00:00"},     {"29.97df", "00:59:58:00"}, {"29.97df", "10:00:00:00"},
        {"24", "01:00:00:00"},     {"30", "01:00:00:00"},      {"29.97", "01:00:00:00"},
        {"50", "10:00:00:00"},     {"59.94df", "01:00:00:00"}, {"60", "00:00:00:00"}};
    static const char *const said[] = {"Good morning.", "How are you / this fine day?", "Bye."};
    for (size_t p = 0; p < sizeof(programmes) / sizeof(programmes[0]); p++)
        for (int f = 0; f < CAPTION_FORMATS; f++) {
            struct caption_wish w = wish_of(programmes[p][0], programmes[p][1]);
            struct caption_report r;
            // These count 25 or 30 a second, so that every second frame of 50 and 60 is lost.
            bool coarse =
                w.rate.base > 30 && (f == CAPTION_SCC || f == CAPTION_MCC || f == CAPTION_EBU_STL);
            struct buf srt = BUF_LIMIT(4096);
            int64_t at[] = {48, 101, 101, 162, 90001, 90049};
            for (int i = 0; i < 6 && w.rate.base > 30; i++)
                at[i] = 2 * at[i] + 1;
            for (int i = 0; i < 3; i++) {
                int64_t ms[2];
                for (int k = 0; k < 2; k++)
                    ms[k] = rescale(at[2 * i + k], w.rate.fps, (rational){1000, 1}, ROUND_NEAREST);
                buf_format(&srt, "%02d:%02d:%02d,%03d --> %02d:%02d:%02d,%03d\n%s\n\n",
                           (int)(ms[0] / 3600000), (int)(ms[0] / 60000 % 60),
                           (int)(ms[0] / 1000 % 60), (int)(ms[0] % 1000), (int)(ms[1] / 3600000),
                           (int)(ms[1] / 60000 % 60), (int)(ms[1] / 1000 % 60), (int)(ms[1] % 1000),
                           i == 0   ? "Good <i>morning.</i>"
                           : i == 1 ? "How are you\nthis fine day?"
                                    : "{\\an8}Bye.");
            }
            struct captions *c = read_as((text){srt.at, srt.size}, CAPTION_SRT, &w, &r);
            buf_free(&srt);
            text bytes = written(c, (enum caption_format)f, &w, &r);
            assert_int_equal(noted(&r, "time"), coarse);
            for (size_t i = 0; i < r.count; i++)
                if (strstr(r.notes[i].group, "time") && !coarse)
                    fail_msg("%s at %s from %s: %s", caption_format_facts(f)->name,
                             programmes[p][0], programmes[p][1], r.notes[i].what);
            struct captions *again = read_as(bytes, (enum caption_format)f, &w, &r);
            assert_int_equal(again->count, 3);
            for (int i = 0; i < 3; i++) {
                if (llabs(frame(again, again->cues[i].in) - at[2 * i]) > coarse)
                    fail_msg("%s at %s: %lld became %lld", caption_format_facts(f)->name,
                             programmes[p][0], (long long)at[2 * i],
                             (long long)frame(again, again->cues[i].in));
                if (llabs(frame(again, again->cues[i].out) - at[2 * i + 1]) > coarse)
                    fail_msg("%s at %s: the end %lld became %lld", caption_format_facts(f)->name,
                             programmes[p][0], (long long)at[2 * i + 1],
                             (long long)frame(again, again->cues[i].out));
                assert_string_equal(words(&again->cues[i]), said[i]);
            }
            const struct caption_line *line = &again->cues[0].lines[0];
            assert_true(line->runs[line->count - 1].style.italic && !line->runs[0].style.italic);
            struct caption_cue *top = &again->cues[2];
            assert_true(top->vertical == CAPTION_TOP || top->box.y < 3000);
            if (f == CAPTION_MCC) { // 708 says the same
                w.service_708 = true;
                again = read_as(bytes, CAPTION_MCC, &w, &r);
                assert_int_equal(again->count, 3);
                for (int i = 0; i < 3; i++) {
                    assert_int_equal(frame(again, again->cues[i].in), at[2 * i]);
                    assert_int_equal(frame(again, again->cues[i].out), at[2 * i + 1]);
                    assert_string_equal(words(&again->cues[i]), said[i]);
                }
                line = &again->cues[0].lines[0];
                assert_true(line->runs[line->count - 1].style.italic);
            }
        }
}

// ---- retime, check

static struct captions *of_frames(const struct caption_wish *w, const int64_t (*at)[2],
                                  size_t count)
{
    struct caption_report r;
    struct captions *c =
        read_as(text_of("1\n00:00:00,000 --> 00:00:01,000\nWords\n"), CAPTION_SRT, w, &r);
    struct caption_cue like = c->cues[0];
    c->cues = ARENA_ARRAY(arena, struct caption_cue, count);
    c->count = c->room = count;
    for (size_t i = 0; i < count; i++) {
        c->cues[i] = like;
        c->cues[i].in = caption_ticks(at[i][0], w->rate.fps);
        c->cues[i].out = caption_ticks(at[i][1], w->rate.fps);
    }
    return c;
}

static void a_frame_stays_its_frame_when_the_speed_changes(void **state)
{
    (void)state;
    static const int64_t at[][2] = {{48, 101}, {90001, 90049}};
    static const struct {
        const char *from, *to;
        rational fps[2];
    } speeds[] = {{"24", "25", {{24, 1}, {25, 1}}},
                  {"23.976", "25", {{24000, 1001}, {25, 1}}},
                  {"25", "23.976", {{25, 1}, {24000, 1001}}}};
    for (size_t i = 0; i < 3; i++) {
        struct caption_wish w = wish_of(speeds[i].from, "10:00:00:00");
        struct captions *c = of_frames(&w, at, 2);
        struct caption_report r = {0};
        struct caption_retime how = {.speed_from = speeds[i].fps[0], .speed_to = speeds[i].fps[1]};
        assert_true(captions_retime(c, &how, &r, &err));
        assert_true(rational_equal(c->rate.fps, speeds[i].fps[1]));
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(frame(c, c->cues[k].in), at[k][0]);
            assert_int_equal(frame(c, c->cues[k].out), at[k][1]);
        }
        assert_string_equal(tc_format(c->start, &c->rate).text, "10:00:00:00");
    }
}

static void captions_follow_trims_and_offsets(void **state)
{
    (void)state;
    static const int64_t at[][2] = {{10, 20}, {95, 105}, {150, 160}, {190, 310}, {400, 410}};
    // 0..100, 200..300 and 305..500 are kept: what lies between goes
    static const struct caption_range keep[] = {{0, 100}, {200, 300}, {305, 500}};
    static const int64_t want[][2] = {{10, 20}, {95, 100}, {100, 205}, {295, 305}};
    struct caption_wish w = wish_of("25", "10:00:00:00");
    struct captions *c = of_frames(&w, at, 5);
    struct caption_report r = {0};
    struct caption_retime how = {.keep = keep, .keep_count = 3};
    assert_true(captions_retime(c, &how, &r, &err));
    assert_int_equal(c->count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(frame(c, c->cues[i].in), want[i][0]);
        assert_int_equal(frame(c, c->cues[i].out), want[i][1]);
    }
    assert_true(noted(&r, "cut"));
    how = (struct caption_retime){.offset = caption_ticks(50, w.rate.fps)};
    assert_true(captions_retime(c, &how, &r, &err));
    assert_int_equal(frame(c, c->cues[0].in), 60);
    how.offset = caption_ticks(-61, w.rate.fps);
    assert_false(captions_retime(c, &how, &r, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

static struct caption_rules *rules_named(const char *name)
{
    char path[1000];
    static char bytes[1 << 16];
    snprintf(path, sizeof(path), "%s/%s.json", getenv("RULES"), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    struct caption_rules *r;
    if (!caption_rules_read(arena, name, (text){bytes, size}, &r, &err))
        fail_msg("%s: %s", err.what, err.why);
    return r;
}

static bool finds(const struct caption_findings *f, size_t cue, const char *rule)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->at[i].cue == cue && strcmp(f->at[i].rule, rule) == 0)
            return true;
    return false;
}

static void planted_faults_are_found_and_good_cues_are_not(void **state)
{
    (void)state;
    static const struct {
        int64_t in, out;
        const char *words, *rule; // NULL: nothing
    } planted[] = {
        {100, 148, "Good.", NULL},
        {150, 198, "Two frames are enough.", NULL},
        {199, 247, "One is not.", "gap"},
        {252, 300, "Five are to be two.", "near-gap"},
        {400, 419, "Short", "min-duration"},
        {500, 520, "Not short", NULL}, // 5/6 s at 24
        {600, 769, "Long", "max-duration"},
        {800, 968, "Not long", NULL},
        {1000, 1100, "A line that has more than the forty-two letters", "line-length"},
        {1200, 1300, "A\nB\nC", "lines"},
        {1400, 1424, "Eighteen letters..", "reading-speed"},
        {1500, 1524, "Seventeen letters", NULL},
        {1600, 1650, "A \xe2\x99\xa5", "glyphs"},
        {1640, 1700, "Over the last", "overlap"},
        {1805, 1850, "Near the cut at 1800", "snap-in"},
        {1888, 1960, "Twelve before the cut at 1900", NULL},
        {2000, 2098, "Two before the cut at 2100", NULL},
        {2200, 2296, "Four before the cut at 2300", "snap-out"},
        {2900, 3001, "After the end", "inside"},
    };
    enum { COUNT = sizeof(planted) / sizeof(planted[0]) };
    static const int64_t cuts[] = {1800, 1900, 2100, 2300};
    struct caption_wish w = wish_of("24", "00:00:00:00");
    struct buf srt = BUF_LIMIT(1 << 16);
    for (size_t i = 0; i < COUNT; i++) {
        int64_t ms[2] = {rescale(planted[i].in, w.rate.fps, (rational){1000, 1}, ROUND_NEAREST),
                         rescale(planted[i].out, w.rate.fps, (rational){1000, 1}, ROUND_NEAREST)};
        buf_format(&srt, "%zu\n00:%02d:%02d,%03d --> 00:%02d:%02d,%03d\n%s\n\n", i + 1,
                   (int)(ms[0] / 60000), (int)(ms[0] / 1000 % 60), (int)(ms[0] % 1000),
                   (int)(ms[1] / 60000), (int)(ms[1] / 1000 % 60), (int)(ms[1] % 1000),
                   planted[i].words);
    }
    struct caption_report r;
    struct captions *c = read_as((text){srt.at, srt.size}, CAPTION_SRT, &w, &r);
    buf_free(&srt);
    struct caption_check with = {.cuts = cuts, .cut_count = 4, .duration = 3000};
    struct caption_findings f = {0};
    captions_check(c, rules_named("netflix-ttsg"), &with, arena, &f);
    size_t wanted = 0;
    for (size_t i = 0; i < COUNT; i++)
        if (planted[i].rule) {
            wanted++;
            if (!finds(&f, i + 1, planted[i].rule))
                fail_msg("%s is not found at '%s'", planted[i].rule, planted[i].words);
        }
    for (size_t i = 0; i < f.count; i++)
        if (!planted[f.at[i].cue - 1].rule || strcmp(planted[f.at[i].cue - 1].rule, f.at[i].rule))
            fail_msg("%s is found at '%s'", f.at[i].rule, planted[f.at[i].cue - 1].words);
    assert_int_equal(f.count, wanted);
    with.children = true;
    f = (struct caption_findings){0};
    captions_check(c, rules_named("netflix-ttsg"), &with, arena, &f);
    assert_true(finds(&f, 12, "reading-speed")); // 17 a second is too fast for children
}

static void rules_for_608_find_what_can_not_be_sent_in_time(void **state)
{
    (void)state;
    struct caption_wish w = wish_of("29.97", "00:00:00:00");
    struct caption_report r;
    static const char srt[] =
        "1\n00:00:01,001 --> 00:00:01,501\nFirst\n\n2\n00:00:01,501 --> 00:00:03,000\n"
        "This one has far too many letters\nto come half a second after it.\n";
    struct captions *c = read_as(text_of(srt), CAPTION_SRT, &w, &r);
    struct caption_findings f = {0};
    captions_check(c, rules_named("cta-608"), &(struct caption_check){0}, arena, &f);
    assert_true(finds(&f, 2, "load-time"));
    assert_true(finds(&f, 2, "line-length"));
    assert_false(finds(&f, 1, "load-time"));
    f = (struct caption_findings){0};
    captions_check(c, rules_named("house"), &(struct caption_check){0}, arena, &f);
    assert_true(finds(&f, 2, "reading-speed"));
}

static void faults_in_rules_name_the_rule_and_the_field(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{", "line 1"},
        {"{\"title\":\"t\",\"rules\":[]}", "no rules"},
        {"{\"title\":\"t\",\"rules\":[{\"rule\":\"gaps\"}]}", "rule 1"},
        {"{\"title\":\"t\",\"rules\":[{\"rule\":\"empty\"},{\"rule\":\"gap\"}]}", "rule 2"},
        {"{\"title\":\"t\",\"rules\":[{\"rule\":\"gap\",\"frames\":\"2\"}]}", "rule 1"},
        {"{\"title\":\"t\",\"rules\":[{\"rule\":\"glyphs\",\"letters\":[\"x\"]}]}", "rule 1"},
    };
    struct caption_rules *r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(caption_rules_read(arena, "it", text_of(bad[i][0]), &r, &err));
        assert_non_null(strstr(err.what, bad[i][1]));
    }
}

// Whatever comes behind whatever: what is not reported stands at its frame.
static void programmes_of_all_modes_come_back_exactly_or_are_reported(void **state)
{
    (void)state;
    struct caption_wish w = wish_of("29.97df", "01:00:00:00");
    uint64_t seed = 88172645463325252u;
#define BELOW(n) ((seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17, (int)(seed % (n))))
    size_t exact = 0, all = 0;
    for (int round = 0; round < 60; round++) {
        enum { CUES = 12 };
        int64_t at[CUES][2], last = 100;
        for (int i = 0; i < CUES; i++) {
            at[i][0] = last + (BELOW(3) ? BELOW(60) : 0);
            last = at[i][1] = at[i][0] + 20 + BELOW(90);
        }
        struct captions *c = of_frames(&w, (const int64_t(*)[2])at, CUES);
        struct caption_line *lines = ARENA_ARRAY(arena, struct caption_line, CUES);
        struct caption_run *runs = ARENA_ARRAY(arena, struct caption_run, CUES);
        for (int i = 0; i < CUES; i++) {
            runs[i].words =
                text_of(arena_format(arena, "%.*s%d", BELOW(25), "abcdefghijklm opqrstuvwxy", i));
            runs[i].style.italic = BELOW(4) == 0;
            lines[i] = (struct caption_line){.runs = &runs[i], .count = 1};
            c->cues[i].lines = &lines[i], c->cues[i].count = 1;
            c->cues[i].mode = (enum caption_mode)BELOW(3);
            c->cues[i].roll_rows = 2 + BELOW(3);
        }
        struct caption_report r, again_r;
        struct captions *again =
            read_as(written(c, CAPTION_SCC, &w, &r), CAPTION_SCC, &w, &again_r);
        bool late[CUES + 1] = {false};
        for (size_t i = 0; i < r.count; i++)
            late[r.notes[i].cue - 1] = true;
        size_t k = 0;
        for (int i = 0; i < CUES; i++, all++) {
            while (k < again->count && again->cues[k].in < c->cues[i].in)
                k++;
            if (late[i] || (i + 1 < CUES && late[i + 1]))
                continue; // a late one keeps the one before, or is late itself
            if (k == again->count || again->cues[k].in != c->cues[i].in ||
                again->cues[k].out != c->cues[i].out)
                fail_msg("round %d cue %d (mode %d, %lld-%lld): got %lld-%lld", round, i,
                         c->cues[i].mode, (long long)at[i][0], (long long)at[i][1],
                         k < again->count ? (long long)(again->cues[k].in / 24024) : -1,
                         k < again->count ? (long long)(again->cues[k].out / 24024) : -1);
            const char *said = words(&again->cues[k]);
            assert_non_null(strstr(said, words(&c->cues[i])));
            assert_int_equal(again->cues[k].mode, c->cues[i].mode);
            exact++;
        }
    }
    assert_true(exact * 2 > all); // most of them
}

static void captions_of_a_film_shown_faster_stay_at_its_frames(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct error err;
    struct caption_report report = {.arena = a};
    struct tc_rate film;
    struct captions *c;
    assert_true(tc_rate_make((rational){24, 1}, false, &film, &err));
    struct caption_wish wish = {.rate_said = true, .rate = film};
    assert_true(captions_read(a, text_of("1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n"),
                              CAPTION_SRT, &wish, &c, &report, &err));
    assert_true(caption_conform(c, film.fps, NULL, &report, &err));
    assert_int_equal(c->cues[0].in, CAPTION_TICKS);
    assert_true(caption_conform(c, film.fps, "25", &report, &err)); // frames 24 and 60
    assert_int_equal(c->cues[0].in, CAPTION_TICKS * 24 / 25);
    assert_int_equal(c->cues[0].out, CAPTION_TICKS * 60 / 25);
    assert_false(caption_conform(c, film.fps, "fast", &report, &err));
    arena_close(a);
}

static void a_file_beside_a_film_is_called_as_its_profile_says(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *film, *language, *role;
        size_t number;
        enum caption_format format;
        const char *name;
    } rows[] = {
        {NULL, "Reel 2.mov", "en", "cc", 1, CAPTION_SCC, "Reel 2.en.cc.scc"},
        {NULL, "Reel.v2.mov", "", "subtitle", 1, CAPTION_SRT, "Reel.v2.subtitle.srt"},
        {"{name}_{language}", "Reel.mov", "pt-BR", "sdh", 1, CAPTION_VTT, "Reel_pt-BR.vtt"},
        {"{name}_{language}", "Reel.mov", "", "sdh", 1, CAPTION_VTT, "Reel.vtt"},
        {"{language}-{name}", "Reel", "sv", "", 2, CAPTION_SRT, "sv-Reel-2.srt"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[256];
        caption_beside_name(rows[i].pattern, rows[i].film, rows[i].language, rows[i].role,
                            rows[i].number, rows[i].format, name);
        assert_string_equal(name, rows[i].name);
    }
    char film[300], name[256];
    for (size_t i = 0; i < 298; i += 2)
        memcpy(film + i, "\xc3\xa9", 2);
    film[298] = 0;
    caption_beside_name(NULL, film, "en", "cc", 1, CAPTION_SCC, name);
    assert_true(strlen(name) <= 255 && text_utf8(text_of(name)) && text_ends(text_of(name), ".scc"));
    static const char *const bad[] = {"{title}", "captions", "a/{name}", "{name", "name}", ".{name}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(caption_pattern_ok(bad[i]));
    assert_true(caption_pattern_ok("{name}_{role}-{language}"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_of_the_programme_go_to_the_labels_worked_out_by_hand_and_back),
        TEST(roll_up_stays_roll_up),
        TEST(paint_on_stays_paint_on),
        TEST(all_608_letters_colours_and_places_come_back),
        TEST(what_608_has_not_is_written_otherwise_and_said),
        TEST(faults_in_scc_name_the_line),
        TEST(srt_as_people_write_it_is_read),
        TEST(every_frame_of_every_rate_survives_milliseconds),
        TEST(webvtt_keeps_styles_places_and_ruby),
        TEST(ttml_is_read_with_nested_times_styles_and_regions),
        TEST(itt_of_a_film_counts_its_labels),
        TEST(faults_in_xml_name_the_line_and_a_doctype_is_refused),
        TEST(ebu_stl_made_by_hand_is_read),
        TEST(letters_of_ebu_stl_come_back_in_every_table),
        TEST(packets_of_708_made_by_hand_are_read),
        TEST(boxes_of_captions_hold_what_was_put_into_them),
        TEST(every_format_keeps_the_frames_of_every_programme),
        TEST(programmes_of_all_modes_come_back_exactly_or_are_reported),
        TEST(a_frame_stays_its_frame_when_the_speed_changes),
        TEST(captions_follow_trims_and_offsets),
        TEST(planted_faults_are_found_and_good_cues_are_not),
        TEST(rules_for_608_find_what_can_not_be_sent_in_time),
        TEST(faults_in_rules_name_the_rule_and_the_field),
        TEST(captions_of_a_film_shown_faster_stay_at_its_frames),
        TEST(a_file_beside_a_film_is_called_as_its_profile_says),
    };
    return RUN_TESTS(tests);
}
