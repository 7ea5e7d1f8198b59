#include "test.h"

#include "formats/table/table.h"

static struct arena *a;
static struct error err;

static int open_arena(void **state)
{
    (void)state;
    a = arena_open((size_t)256 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(a);
    return 0;
}

static struct table csv(const char *bytes, size_t size)
{
    struct table t;
    if (!csv_read((text){bytes, size}, &(struct table_wish){0}, a, &t, &err))
        fail_msg("%s: %s", err.what, err.why);
    return t;
}

static const char *cell(const struct table *t, size_t row, const char *column)
{
    int at = table_column(t, column);
    assert_true(at >= 0 && row < t->count);
    return t->rows[row].cells[at];
}

static void quotes_line_ends_and_marks_in_cells_stay(void **state)
{
    (void)state;
    static const char bytes[] =
        "Name,Notes\r\nA001,\"good, but \"\"soft\"\"\"\r\nA002,\"two\nlines\""
        "\r\n\r\nA003,5\" lens\r\n";
    struct table t = csv(bytes, sizeof(bytes) - 1);
    assert_int_equal(t.count, 3);
    assert_string_equal(cell(&t, 0, "Notes"), "good, but \"soft\"");
    assert_string_equal(cell(&t, 1, "notes"), "two\nlines");
    assert_string_equal(cell(&t, 2, "Notes"), "5\" lens");
    assert_int_equal(t.rows[2].line, 6);
}

static void the_mark_between_cells_is_found_out(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        char mark;
    } cases[] = {{"Name;Scene\nA;1,5\nB;2,5\n", ';'},
                 {"Name\tNotes\nA\ta, b\nB\tc, d, e\n", '\t'},
                 {"Name|Scene\nA|1\n", '|'},
                 {"sep=;\r\nName;Scene\r\nA;1\r\n", ';'},
                 {"Name,Notes\nA,\"x;y\"\nB,\"z;w\"\n", ','}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct table t = csv(cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(t.mark, cases[i].mark);
        assert_int_equal(t.columns, 2);
        assert_string_equal(t.heads[0], "Name");
    }
}

static void letters_of_other_encodings_are_read(void **state)
{
    (void)state;
    static const char marked[] = "\xef\xbb\xbfName,Ort\nA,M\xc3\xbcnchen\n";
    static const char latin[] = "Name,Ort\nA,M\xfcnchen \x96 \x80\n";
    static const char wide[] = "\xff\xfeN\0a\0m\0e\0,\0O\0r\0t\0\n\0A\0,\0M\0\xfc\0n\0\n\0";
    struct table t = csv(marked, sizeof(marked) - 1);
    assert_string_equal(t.heads[0], "Name");
    assert_string_equal(cell(&t, 0, "Ort"), "M\xc3\xbcnchen");
    t = csv(latin, sizeof(latin) - 1);
    assert_string_equal(t.encoding, "Windows-1252");
    assert_string_equal(cell(&t, 0, "Ort"), "M\xc3\xbcnchen \xe2\x80\x93 \xe2\x82\xac");
    t = csv(wide, sizeof(wide) - 1);
    assert_string_equal(t.encoding, "UTF-16");
    assert_string_equal(cell(&t, 0, "Ort"), "M\xc3\xbcn");
}

static void what_is_wrong_is_said_by_line(void **state)
{
    (void)state;
    static const char bytes[] = "Name,Scene,Name\nA,1,x,too,many\nB\n";
    struct table t = csv(bytes, sizeof(bytes) - 1);
    assert_int_equal(t.said_count, 2);
    assert_int_equal(t.said[0].line, 1);
    assert_int_equal(t.said[1].line, 2);
    assert_string_equal(cell(&t, 1, "Scene"), "");
}

static void a_table_without_a_heading_has_numbered_columns(void **state)
{
    (void)state;
    struct table t;
    assert_true(csv_read(text_of("A001,24A\nA002,24B\n"), &(struct table_wish){.headless = true}, a,
                         &t, &err));
    assert_int_equal(t.count, 2);
    assert_string_equal(cell(&t, 1, "2"), "24B");
}

static void nothing_and_rubbish_are_refused(void **state)
{
    (void)state;
    struct table t;
    assert_false(csv_read(text_of(" \n\n"), &(struct table_wish){0}, a, &t, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_false(csv_read((text){"PK\3\4\0\0x", 7}, &(struct table_wish){0}, a, &t, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void a_spreadsheet_takes_no_cell_for_a_formula(void **state)
{
    (void)state;
    const char *heads[] = {"Name", "Notes"}, *cells[] = {"A", "=SUM(A1:A9)"};
    const char *minus[] = {"B", "-12.5"}, *at[] = {"C", "@home"};
    struct table_row rows[] = {{1, cells}, {2, minus}, {3, at}};
    struct table t = {.heads = heads, .columns = 2, .rows = rows, .count = 3}, again;
    struct buf out = BUF_LIMIT(1 << 16);
    size_t guarded;
    assert_true(csv_write(&t, &out, &guarded, &err));
    assert_int_equal(guarded, 2);
    assert_string_equal(out.at,
                        "\xef\xbb\xbfName,Notes\r\nA,'=SUM(A1:A9)\r\nB,-12.5\r\nC,'@home\r\n");
    again = csv(out.at, out.size);
    assert_string_equal(cell(&again, 0, "Notes"), "=SUM(A1:A9)");
    assert_string_equal(cell(&again, 2, "Notes"), "@home");
    buf_free(&out);
}

static const char log_of_avid[] =
    "Heading\r\nFIELD_DELIM\tTABS\r\nVIDEO_FORMAT\t1080\r\nFPS\t23.976\r\n\r\nColumn\r\n"
    "Name\tTracks\tStart\tEnd\tTape\tScene\t\r\n\r\nData\r\n\r\n"
    "A001C001\tVA1A2\t01:00:00:00\t01:00:10:00\tA001\t24A\t\r\nA001C002\tV\t01:00:10:00\r\n";

static void an_avid_log_is_read(void **state)
{
    (void)state;
    struct table t;
    assert_true(ale_is(text_of(log_of_avid)));
    assert_true(table_read(text_of(log_of_avid), &(struct table_wish){0}, a, &t, &err));
    assert_string_equal(t.format, "ale");
    assert_string_equal(table_about(&t, "fps"), "23.976");
    assert_int_equal(t.columns, 6);
    assert_int_equal(t.count, 2);
    assert_string_equal(cell(&t, 0, "Tape"), "A001");
    assert_string_equal(cell(&t, 1, "Scene"), "");
}

static void an_avid_log_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct table t, again;
    struct buf out = BUF_LIMIT(1 << 16);
    size_t reworded;
    assert_true(ale_read(text_of(log_of_avid), a, &t, &err));
    t.rows[0].cells[5] = "24\tA\n";
    assert_true(ale_write(&t, &out, &reworded, &err));
    assert_int_equal(reworded, 1);
    assert_true(ale_read((text){out.at, out.size}, a, &again, &err));
    assert_string_equal(cell(&again, 0, "Scene"), "24 A");
    assert_string_equal(table_about(&again, "VIDEO_FORMAT"), "1080");
    buf_free(&out);
}

static void what_is_no_log_says_why(void **state)
{
    (void)state;
    struct table t;
    static const char *const bad[] = {"Heading\nFPS\t24\n", "Heading\nColumn\nName\nName\nData\n",
                                      "Heading\nFIELD_DELIM\tCOMMAS\nColumn\nName\nData\nx\n"};
    for (size_t i = 0; i < 3; i++) {
        assert_false(ale_read(text_of(bad[i]), a, &t, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(err.why[0] && err.fix[0]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(quotes_line_ends_and_marks_in_cells_stay),
        TEST(the_mark_between_cells_is_found_out),
        TEST(letters_of_other_encodings_are_read),
        TEST(what_is_wrong_is_said_by_line),
        TEST(a_table_without_a_heading_has_numbered_columns),
        TEST(nothing_and_rubbish_are_refused),
        TEST(a_spreadsheet_takes_no_cell_for_a_formula),
        TEST(an_avid_log_is_read),
        TEST(an_avid_log_comes_back_as_it_was_written),
        TEST(what_is_no_log_says_why),
    };
    return RUN_TESTS(tests);
}
