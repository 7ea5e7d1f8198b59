// Captions: frames against truth made by hand (tests/vectors/captions), and every format to and fro.
#include "formats/captions/captions.h"
#include "formats/captions/cc.h"
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
        struct caption_wish w =
            wish_of(rate, json_string_value(json_object_get(one, "start")));
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
        size_t ins = labels_of(scc, "942f", drop, in, 8), outs = labels_of(scc, "942c", drop, out, 8);
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
    static const char srt[] = "1\n00:00:10,000 --> 00:00:12,000\n"
                              "®°½¿™¢£♪àèâêîôû ÁÉÓÚÜü‘¡*’—Ññ\n©℠•“”ÀÂÇÈÊËëÎÏï ÔÙùÛ«»ÃãÍÌìÒòÕõ\n"
                              "{}\\^_|~ÄäÖöß¥¤¦ÅåØø ┌┐└┘áéíóúç÷\n\n"
                              "2\n00:00:13,013 --> 00:00:14,014\n{\\an7}<font color=\"#ff00ff\">Pink</font> "
                              "<u>under</u> <i>slanted</i> plain\n";
    struct caption_report r;
    struct caption_wish w = wish_of("29.97", "00:00:00:00");
    struct captions *c = read_as(text_of(srt), CAPTION_SRT, &w, &r);
    struct captions *again =
        read_as(written(c, CAPTION_SCC, &w, &r), CAPTION_SCC, &w, &r);
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
}

static void what_608_has_not_is_written_otherwise_and_said(void **state)
{
    (void)state;
    struct caption_report r;
    struct caption_wish w = wish_of("25", "10:00:00:00");
    static const char srt[] = "1\n00:00:05,000 --> 00:00:07,000\n<b>Dvořák</b> is a composer whose name "
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
    static const char srt[] = "\xef\xbb\xbf" "1\r\n00:00:01,000 --> 00:00:02,500 X1:40\r\n"
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
    static const char latin[] = "1\n00:00:01,000 --> 00:00:02,000\nCaf\xe9 \x93" "x\x94\n";
    c = read_as(text_of(latin), CAPTION_SRT, &w, &r);
    assert_string_equal(words(&c->cues[0]), "Café “x”");
    assert_true(noted(&r, "encoding"));
    assert_null(try_read("1\n00:00:01,000 -> 00:00:02,000\nx\n", 33, CAPTION_SRT, &w, &r));
    assert_non_null(strstr(err.what, "line 1"));
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
                                             .lines = &line, .count = 1};
        struct caption_report r;
        for (int f = CAPTION_SRT; f <= CAPTION_VTT; f++) {
            struct captions *again =
                read_as(written(&c, (enum caption_format)f, &w, &r), (enum caption_format)f, &w, &r);
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
        "<v Ann>a <i>b <u>c</u></i> &amp; &lt;d&gt; <c.yellow.bg_blue>e</c>\n<ruby>f<rt>g</rt></ruby>\n\n"
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
    };
    return RUN_TESTS(tests);
}
