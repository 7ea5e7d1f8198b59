#include "test.h"

#include "cloud/cloud.h"
#include "plat/clock.h"

static const struct aws_key example = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                       NULL};

static void sign(const struct aws_key *key, struct aws_request r, const char *names,
                 const char *signature)
{
    struct arena *a = arena_open(1 << 20);
    const char *said, *date;
    assert_true(clock_parse(text_of("2015-08-30T12:36:00Z"), &r.at_ms));
    aws_sign(a, key, &r, &said, &date);
    assert_string_equal(date, "20150830T123600Z");
    assert_non_null(strstr(said, arena_format(a, "SignedHeaders=%s,", names)));
    assert_string_equal(strstr(said, "Signature=") + 10, signature);
    arena_close(a);
}

// Of AWS's Signature Version 4 test suite and of its General Reference.
static void aws_own_examples_are_signed_as_aws_does(void **state)
{
    (void)state;
    sign(&example,
         (struct aws_request){.method = "GET",
                              .host = "example.amazonaws.com",
                              .path = "/",
                              .query = "",
                              .region = "us-east-1",
                              .service = "service"},
         "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    sign(&example,
         (struct aws_request){.method = "POST",
                              .host = "example.amazonaws.com",
                              .path = "/",
                              .query = "",
                              .region = "us-east-1",
                              .service = "service",
                              .content_type = "application/x-www-form-urlencoded",
                              .body = {"Param1=value1", 13}},
         "content-type;host;x-amz-date",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
    sign(&example,
         (struct aws_request){.method = "GET",
                              .host = "iam.amazonaws.com",
                              .path = "/",
                              .query = "Action=ListUsers&Version=2010-05-08",
                              .region = "us-east-1",
                              .service = "iam",
                              .content_type = "application/x-www-form-urlencoded; charset=utf-8"},
         "content-type;host;x-amz-date",
         "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

static const char *expand(const char *list)
{
    static char out[400];
    struct arena *a = arena_open(16 << 20);
    const char *names[100];
    struct error err;
    size_t count, n = 0;
    snprintf(out, sizeof(out), "no");
    if (hosts_expand(a, text_of(list), names, 100, &count, &err))
        for (size_t i = 0; i < count; i++)
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", i ? " " : "", names[i]);
    arena_close(a);
    return out;
}

static void lists_of_machines_are_read_as_slurm_writes_them(void **state)
{
    (void)state;
    assert_string_equal(expand("c1"), "c1");
    assert_string_equal(expand("c[1-3,7]"), "c1 c2 c3 c7");
    assert_string_equal(expand("c[08-10],x-[1-2]-b,y"), "c08 c09 c10 x-1-b x-2-b y");
    const char *const wrong[] = {"",    ",",    "c[", "c[]",   "c[a]",  "c[3-1]", "c[1-100000000]",
                                 "a b", "a;rm", "-x", "c[1]]", "c[1-2", "[1-2"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_string_equal(expand(wrong[i]), "no");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_own_examples_are_signed_as_aws_does),
        cmocka_unit_test(lists_of_machines_are_read_as_slurm_writes_them),
    };
    return RUN_TESTS(tests);
}
