#include "test.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>

static void an_error_keeps_what_why_and_fix(void **state)
{
    (void)state;
    struct error err;
    assert_false(error_set(&err, ERROR_NO_SPACE, "cannot store %s", "A001.mov"));
    error_why(&err, "volume %s is full", "one");
    error_fix(&err, "add a volume");
    error_while(&err, "bringing in %s", "Card 7");
    assert_string_equal(err.what, "bringing in Card 7: cannot store A001.mov");
    assert_string_equal(err.why, "volume one is full");
    assert_int_equal(error_facts(err.kind)->http_status, 507);
    error_set(&err, ERROR_IO, "again: %s", err.what); // its own text as an argument
    assert_string_equal(err.what, "again: bringing in Card 7: cannot store A001.mov");
    assert_string_equal(err.why, "");
    error_errno(&err, EDQUOT, "cannot write");
    assert_int_equal(err.kind, ERROR_NO_SPACE);
}

static void a_long_error_is_cut_between_characters(void **state)
{
    (void)state;
    struct error err;
    char name[1000];
    memset(name, 'x', sizeof(name));
    for (size_t i = 300; i + 2 < sizeof(name); i += 3)
        memcpy(name + i, "\xe2\x82\xac", 3);
    name[999] = 0;
    for (int shift = 0; shift < 3; shift++) {
        error_set(&err, ERROR_IO, "%.*s%s", shift, "aa", name);
        assert_true(text_utf8(text_of(err.what)));
    }
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
        assert_non_null(error_facts((enum error_kind)kind)->name);
        assert_int_equal(error_kind_named(error_facts((enum error_kind)kind)->name), kind);
    }
}

static void an_arena_gives_zeroed_memory_of_any_size(void **state)
{
    (void)state;
    struct arena *a = arena_open(8 << 20);
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        unsigned char *at = arena_take(a, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(at[i], 0);
        memset(at, 0xaa, size);
    }
    assert_string_equal(arena_format(a, "%s %d", "reel", 2), "reel 2");
    assert_null(arena_text(a, NULL));
    arena_close(a);
}

static void text_is_cut_trimmed_and_read_without_copies(void **state)
{
    (void)state;
    text t = text_of("name = a = b");
    assert_true(text_is(text_trim(text_cut(&t, '=')), "name"));
    assert_true(text_is(text_trim(t), "a = b"));
    text none = text_of("");
    assert_int_equal(text_cut(&none, '/').size, 0);
    int64_t n;
    assert_true(text_int(text_of("-9223372036854775808"), &n) && n == INT64_MIN);
    assert_true(text_int(text_of("9223372036854775807"), &n) && n == INT64_MAX);
    assert_false(text_int(text_of("9223372036854775808"), &n));
    assert_false(text_int(text_of(""), &n));
    assert_false(text_int(text_of("12 "), &n));
    assert_true(text_utf8(text_of("Caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xac")));
    assert_false(text_utf8(text_of("\xc0\xaf")));         // an overlong slash
    assert_false(text_utf8(text_of("\xed\xa0\x80")));     // half a surrogate pair
    assert_false(text_utf8(text_of("\xf5\x80\x80\x80"))); // over U+10FFFF
    assert_false(text_utf8((text){"a\0b", 3}));
    assert_false(text_utf8(text_of("\xe2\x82")));
}

static void what_xml_means_otherwise_is_escaped_and_what_it_can_not_hold_is_a_space(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(200);
    assert_true(buf_xml(&b, "a<b>&\"c\"\n\t\x01\xef\xbf\xbe\xef\xbf\xbd\xc3\xa4"));
    assert_string_equal(b.at, "a&lt;b&gt;&amp;&quot;c&quot;&#10;&#9;  \xef\xbf\xbd\xc3\xa4");
    buf_free(&b);
}

static void a_buffer_stops_at_its_limit_and_says_so(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(10);
    assert_true(buf_text(&b, "12345"));
    assert_true(buf_format(&b, "%s", "67890"));
    assert_string_equal(b.at, "1234567890");
    assert_false(buf_text(&b, "x"));
    assert_true(b.over);
    buf_drop_front(&b, 4);
    assert_string_equal(b.at, "567890");
    buf_free(&b);
    assert_int_equal(b.limit, 10);
    assert_false(b.over);
}

static void numbers_are_written_as_people_read_them(void **state)
{
    (void)state;
    assert_string_equal(size_text(999).text, "999 B");
    assert_string_equal(size_text(999949).text, "1.0 MB");
    assert_string_equal(size_text(1500000000).text, "1.5 GB");
    assert_string_equal(size_text(150000000000).text, "150 GB");
    assert_string_equal(count_text(1234567).text, "1,234,567");
    assert_string_equal(count_text(-1234).text, "-1,234");
    assert_string_equal(count_text(12).text, "12");
    assert_string_equal(time_text(59).text, "59 s");
    assert_string_equal(time_text(200).text, "3 min 20 s");
    assert_string_equal(time_text(7500).text, "2 h 05 min");
}

static const struct setting table[] = {
    {.name = "house.folder", .type = SETTING_TEXT, .value = "./house", .help = "where it lives"},
    {.name = "media.port", .type = SETTING_INT, .value = "8481", .help = "the media listener"},
    {.name = "tls", .type = SETTING_BOOL, .value = "off", .help = "speak TLS"},
    {.name = "store.reserve", .type = SETTING_SIZE, .value = "1 GB", .help = "kept free"},
    {.name = "worker.orphan", .type = SETTING_TIME_MS, .value = "12 h", .help = "lives alone"},
};

static void settings_come_from_file_environment_and_flags_in_that_order(void **state)
{
    (void)state;
    struct config *c = config_open(table, 5);
    struct error err;
    assert_int_equal(config_int(c, "worker.orphan"), 12 * 3600 * 1000);
    assert_true(config_read(c, "house.conf",
                            text_of("media.port = 1\n# x\n store.reserve = 64 MiB # y\n"), &err));
    assert_int_equal(config_int(c, "media.port"), 1);
    assert_int_equal(config_int(c, "store.reserve"), 64 << 20);
    char *environment[] = {"PATH=/bin", "POSTHOUSE_MEDIA_PORT=2", NULL};
    assert_true(config_environment(c, environment, &err));
    assert_int_equal(config_int(c, "media.port"), 2);
    assert_string_equal(config_row(c, 1)->source, "environment");
    assert_true(config_set(c, "media.port", "3", "flag", &err));
    assert_int_equal(config_int(c, "media.port"), 3);
    assert_false(config_bool(c, "tls"));
    config_close(c);
}

static void a_mistyped_setting_names_file_line_and_the_nearest_name(void **state)
{
    (void)state;
    struct config *c = config_open(table, 5);
    struct error err;
    assert_false(config_read(c, "house.conf", text_of("tls = on\nmedia.prot = 9\n"), &err));
    assert_non_null(strstr(err.what, "house.conf line 2"));
    assert_non_null(strstr(err.fix, "media.port"));
    assert_false(config_read(c, "house.conf", text_of("tls = perhaps\n"), &err));
    assert_non_null(strstr(err.why, "on or off"));
    assert_false(config_read(c, "house.conf", text_of("just words\n"), &err));
    assert_non_null(strstr(err.what, "line 1"));
    config_close(c);
}

static void log_values_with_odd_characters_stay_on_one_line(void **state)
{
    (void)state;
    assert_string_equal(log_quote("plain").text, "plain");
    assert_string_equal(log_quote("two words").text, "\"two words\"");
    assert_string_equal(log_quote("a\nb\"c").text, "\"a\\x0ab\\\"c\"");
    assert_string_equal(log_quote("").text, "\"\"");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_keeps_what_why_and_fix),
        cmocka_unit_test(a_long_error_is_cut_between_characters),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
        cmocka_unit_test(an_arena_gives_zeroed_memory_of_any_size),
        cmocka_unit_test(text_is_cut_trimmed_and_read_without_copies),
        cmocka_unit_test(
            what_xml_means_otherwise_is_escaped_and_what_it_can_not_hold_is_a_space),
        cmocka_unit_test(a_buffer_stops_at_its_limit_and_says_so),
        cmocka_unit_test(numbers_are_written_as_people_read_them),
        cmocka_unit_test(settings_come_from_file_environment_and_flags_in_that_order),
        cmocka_unit_test(a_mistyped_setting_names_file_line_and_the_nearest_name),
        cmocka_unit_test(log_values_with_odd_characters_stay_on_one_line),
    };
    return RUN_TESTS(tests);
}
