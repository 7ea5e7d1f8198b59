#include "test.h"

#include "wire/address.h"
#include "wire/limit.h"
#include "wire/range.h"

static void ranges_are_read_as_rfc_9110_says(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t size;
        enum range_kind kind;
        int64_t first, last;
    } cases[] = {
        {"bytes=0-0", 100, RANGE_PART, 0, 0},
        {"bytes=10-", 100, RANGE_PART, 10, 99},
        {"bytes=-10", 100, RANGE_PART, 90, 99},
        {"bytes=-1000", 100, RANGE_PART, 0, 99},
        {"bytes=90-1000", 100, RANGE_PART, 90, 99},
        {"Bytes=5-6", 100, RANGE_PART, 5, 6},
        {"bytes=99999999999999999999-", 100, RANGE_OUT, 0, 0},
        {"bytes=100-", 100, RANGE_OUT, 0, 0},
        {"bytes=-0", 100, RANGE_OUT, 0, 0},
        {"bytes=0-0", 0, RANGE_OUT, 0, 0},
        {"bytes=6-5", 100, RANGE_WHOLE, 0, 0},
        {"bytes=0-1,5-6", 100, RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 100, RANGE_WHOLE, 0, 0},
        {"bytes=-", 100, RANGE_WHOLE, 0, 0},
        {"bytes=", 100, RANGE_WHOLE, 0, 0},
        {"lines=0-1", 100, RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t first = 0, last = 0;
        assert_int_equal(range_parse(text_of(cases[i].header), cases[i].size, &first, &last),
                         cases[i].kind);
        if (cases[i].kind == RANGE_PART) {
            assert_int_equal(first, cases[i].first);
            assert_int_equal(last, cases[i].last);
        }
    }
}

static void entity_tags_are_compared_weak_and_strong(void **state)
{
    (void)state;
    assert_true(etag_listed(text_of("*"), "\"a\"", true));
    assert_true(etag_listed(text_of("\"x\", W/\"a\""), "\"a\"", true));
    assert_false(etag_listed(text_of("W/\"a\""), "\"a\"", false));
    assert_true(etag_listed(text_of("\"a,b\""), "\"a,b\"", false));
    assert_false(etag_listed(text_of("a"), "\"a\"", true));
    assert_false(etag_listed(text_of("\"a"), "\"a\"", true));
}

static void dates_are_those_of_rfc_9110(void **state)
{
    (void)state;
    int64_t ms;
    assert_string_equal(http_date(784111777000).text, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(http_date_parse(text_of("Sun, 06 Nov 1994 08:49:37 GMT"), &ms));
    assert_int_equal(ms, 784111777000);
    assert_false(http_date_parse(text_of("Sun, 06 Nov 1994 08:49:37 CET"), &ms));
}

static void paths_that_climb_or_hide_are_refused(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    assert_string_equal(address_safe_path(a, text_of("/a%20b/%C3%A9")), "/a b/\303\251");
    static const char *const bad[] = {"",      "a",      "/../x",  "/a/..", "/a/%2e%2e/b",
                                      "/%2Fx", "/a%00b", "/a%0Ab", "/%zz",  "/%",
                                      "/%ff",  "/a%5cb", "/./a",   "/a%2fb"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(address_safe_path(a, text_of(bad[i])));
    text parts[3];
    assert_int_equal(address_split("/a/b/", parts, 3), 3);
    assert_true(text_is(parts[1], "b") && parts[2].size == 0);
    assert_int_equal(address_split("/a/b/c/d", parts, 3), 4);
    arena_close(a);
}

static void queries_and_cookies_come_back_as_they_went(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    struct buf b = BUF_LIMIT(1000);
    buf_text(&b, "/x");
    query_add(&b, "q", "a b&c=d/\303\251");
    query_add(&b, "none", NULL);
    query_add(&b, "n", "1");
    assert_string_equal(b.at, "/x?q=a%20b%26c%3Dd%2F%C3%A9&n=1");
    text query = {b.at + 3, b.size - 3};
    assert_string_equal(query_value(a, query, "q"), "a b&c=d/\303\251");
    assert_string_equal(query_value(a, query, "n"), "1");
    assert_null(query_value(a, query, "absent"));
    assert_string_equal(query_value(a, text_of("q=a+b"), "q"), "a b");
    assert_string_equal(cookie_value(a, text_of("x=1; posthouse=\"abc\""), "posthouse"), "abc");
    assert_null(cookie_value(a, text_of("xposthouse=1"), "posthouse"));
    assert_string_equal(cookie_format(a, &(struct cookie){.name = "s",
                                                          .value = "v",
                                                          .max_age_s = 60,
                                                          .secure = true,
                                                          .http_only = true}),
                        "s=v; Path=/; Max-Age=60; SameSite=Strict; Secure; HttpOnly");
    assert_null(cookie_format(a, &(struct cookie){.name = "s", .value = "a;b"}));
    buf_free(&b);
    arena_close(a);
}

static void a_signed_address_opens_only_what_it_says_until_it_ends(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    struct address_key key = {{1, 2, 3}}, other = {{9}};
    char *address = address_sign(a, &key, "/media", text_of("file 7"), "scrub.mp4", 1000);
    text parts[3], extra;
    bool expired;
    assert_int_equal(address_split(address, parts, 3), 3);
    assert_true(address_verify(a, &key, parts[1], parts[2], 999, &extra, &expired));
    assert_true(text_is(extra, "file 7"));
    assert_false(address_verify(a, &key, parts[1], parts[2], 1000, &extra, &expired));
    assert_true(expired);
    assert_false(address_verify(a, &other, parts[1], parts[2], 1, &extra, &expired));
    assert_false(expired);
    assert_false(address_verify(a, &key, parts[1], text_of("review.mp4"), 1, &extra, &expired));
    for (size_t i = 0; i < parts[1].size; i++) { // any changed letter
        char *copy = arena_copy(a, parts[1].at, parts[1].size);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        if (i + 1 < parts[1].size) // the last may hold unused bits
            assert_false(address_verify(a, &key, text_of(copy), parts[2], 1, &extra, &expired));
    }
    arena_close(a);
}

static void a_limiter_refuses_says_when_and_forgets_the_oldest(void **state)
{
    (void)state;
    struct rate_limiter *l = rate_limiter_open(3, 60, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_limit_take_at(l, text_of("a"), 1, 0), 0);
    assert_int_equal(rate_limit_take_at(l, text_of("a"), 1, 0), 1);
    assert_int_equal(rate_limit_take_at(l, text_of("a"), 3, 0), 3);
    assert_int_equal(rate_limit_take_at(l, text_of("a"), 1, 1000000), 0);
    rate_limit_give_back(l, text_of("a"), 1);
    assert_int_equal(rate_limit_take_at(l, text_of("a"), 1, 1000000), 0);
    for (int i = 0; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof(name), "k%d", i);
        assert_int_equal(rate_limit_take_at(l, text_of(name), 3, 1000000), 0);
    }
    assert_int_equal(rate_limit_take_at(l, text_of("a"), 3, 1000000), 0);
    rate_limiter_close(l);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_as_rfc_9110_says),
        cmocka_unit_test(entity_tags_are_compared_weak_and_strong),
        cmocka_unit_test(dates_are_those_of_rfc_9110),
        cmocka_unit_test(paths_that_climb_or_hide_are_refused),
        cmocka_unit_test(queries_and_cookies_come_back_as_they_went),
        cmocka_unit_test(a_signed_address_opens_only_what_it_says_until_it_ends),
        cmocka_unit_test(a_limiter_refuses_says_when_and_forgets_the_oldest),
    };
    return RUN_TESTS(tests);
}
