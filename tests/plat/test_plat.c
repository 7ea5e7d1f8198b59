#include "test.h"

#include "plat/clock.h"
#include "plat/files.h"
#include "plat/hash.h"
#include "plat/hidden.h"
#include "plat/ids.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void ids_sort_in_the_order_in_which_they_were_made(void **state)
{
    (void)state;
    id before = id_new();
    for (int i = 0; i < 20000; i++) {
        if (i == 10000)
            clock_shift_ms(-5000); // a clock that goes back
        id next = id_new();
        assert_true(id_valid(text_of(next.text)));
        assert_true(strcmp(before.text, next.text) < 0);
        before = next;
    }
    clock_shift_ms(5000);
    assert_false(id_valid(text_of("01J")));
    assert_false(id_valid(text_of("01ARZ3NDEKTSV4RRFFQ69G5FAU"))); // U is not in the alphabet
    assert_true(
        id_valid(text_of("01ARZ3NDEKTSV4RRFFQ69G5FAV"))); // the ULID specification's example
}

static void digests_agree_with_the_published_vectors(void **state)
{
    (void)state;
    sha256 h = sha256_of("abc", 3), back; // FIPS 180-2, appendix B.1
    assert_string_equal(sha256_text(&h).text,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(sha256_parse(text_of(sha256_text(&h).text), &back) && sha256_equal(&h, &back));
    assert_false(sha256_parse(text_of("ba78"), &back));
    sha256 mac = hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28); // RFC 4231, case 2
    assert_string_equal(sha256_text(&mac).text,
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    uint8_t digest[64];
    struct hasher *md5 = hasher_open("md5"); // RFC 1321, A.5
    hasher_add(md5, "a", 1);
    hasher_add(md5, "bc", 2);
    assert_int_equal(hasher_end(md5, digest), 16);
    assert_memory_equal(digest, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72",
                        16);
    assert_null(hasher_open("md4"));
}

static void base64url_is_that_of_rfc_4648_without_padding(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    char to[32], from[32];
    size_t size;
    for (size_t i = 0; i < 7; i++) {
        assert_true(base64url_format(pairs[i][0], strlen(pairs[i][0]), to, sizeof(to)));
        assert_string_equal(to, pairs[i][1]);
        assert_true(base64url_parse(text_of(to), from, sizeof(from), &size));
        assert_int_equal(size, strlen(pairs[i][0]));
        assert_memory_equal(from, pairs[i][0], size);
    }
    assert_false(base64url_format("foobar", 6, to, 8));
    assert_false(base64url_parse(text_of("Zg=="), from, sizeof(from), &size));
    assert_false(base64url_parse(text_of("Zh"), from, sizeof(from), &size)); // bits behind the end
    assert_false(base64url_parse(text_of("Zm9vYmFy"), from, 5, &size));
}

static void secrets_are_43_letters_and_never_the_same(void **state)
{
    (void)state;
    secret a = secret_new(), b = secret_new();
    assert_int_equal(strlen(a.text), 43);
    assert_string_not_equal(a.text, b.text);
}

static void times_are_rfc_3339_there_and_back(void **state)
{
    (void)state;
    int64_t ms;
    assert_string_equal(clock_text(0).text, "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_text(1795478499123).text, "2026-11-24T00:01:39.123Z");
    assert_true(clock_parse(text_of("2026-11-24T00:01:39.123Z"), &ms) && ms == 1795478499123);
    assert_true(clock_parse(text_of("2026-11-24T00:01:39Z"), &ms) && ms == 1795478499000);
    assert_false(clock_parse(text_of("2026-11-24"), &ms));
    assert_false(clock_parse(text_of("2026-11-24T00:01:39+01:00"), &ms));
}

static bool is_there(const char *folder, const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void pieces_move_whole_through_a_pipe_and_at_their_place(void **state)
{
    (void)state;
    enum { SIZE = 200000 }; // more than a pipe holds
    static char sent[SIZE], came[SIZE];
    int ends[2];
    for (int i = 0; i < SIZE; i++)
        sent[i] = (char)(i * 7);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(fd_write_all(ends[1], sent, SIZE, -1) ? 0 : 1);
    close(ends[1]);
    assert_int_equal(fd_read_all(ends[0], came, SIZE, -1), SIZE);
    assert_memory_equal(sent, came, SIZE);
    assert_int_equal(fd_read_all(ends[0], came, 10, -1), 0); // its end
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(fd_write_all(fileno(file), "abcdef", 6, 3));
    assert_int_equal(fd_read_all(fileno(file), came, 100, 5), 4);
    assert_memory_equal(came, "cdef", 4);
    fclose(file);
    assert_int_equal(fd_read_all(-1, came, 1, 0), -1);
    assert_false(fd_write_all(-1, came, 1, 0));
}

static void make(const char *folder, const char *name)
{
    char path[300];
    struct error err;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_true(file_write(path, "x", 1, 0600, &err));
}

static void hidden_folders_of_the_dead_go_and_those_in_use_stay(void **state)
{
    (void)state;
    struct error err;
    char folder[] = "/tmp/posthouse-hidden-XXXXXX";
    int ready[2];
    assert_non_null(mkdtemp(folder));
    struct hidden *used = hidden_open(folder, "used-0", &err);
    assert_non_null(used);
    make(hidden_path(used), "half.png");
    assert_int_equal(pipe(ready), 0);
    pid_t dies = fork();
    if (!dies) { // killed without a word, with something half made
        struct hidden *h = hidden_open(folder, "dies-0", &err);
        make(hidden_path(h), "half.png");
        assert_int_equal(write(ready[1], "x", 1), 1);
        pause();
        _exit(0);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    struct hidden *other = hidden_open(folder, "other-0", &err);
    assert_non_null(other);
    assert_true(is_there(folder, ".posthouse-dies-0/half.png")); // it lives
    assert_true(hidden_close(other, &err));
    assert_int_equal(kill(dies, SIGKILL), 0);
    assert_int_equal(waitpid(dies, NULL, 0), dies);
    char old[300];
    snprintf(old, sizeof(old), "%s/.posthouse-old-0", folder);
    assert_int_equal(mkdir(old, 0700), 0);
    make(folder, ".posthouse-abc.part"); // a file of somebody else
    other = hidden_open(folder, "other-0", &err);
    assert_non_null(other);
    assert_false(is_there(folder, ".posthouse-dies-0"));
    assert_true(is_there(folder, ".posthouse-used-0/half.png"));
    assert_true(is_there(folder, ".posthouse-old-0")); // without a lock, but not a day old
    assert_true(is_there(folder, ".posthouse-abc.part"));
    // The same mark again, after a kill, is empty; while somebody has it, it can not be had.
    make(hidden_path(other), "half.png");
    assert_true(hidden_close(other, &err) && hidden_close(used, &err));
    assert_false(is_there(folder, ".posthouse-other-0") || is_there(folder, ".posthouse-used-0"));
    close(ready[0]);
    close(ready[1]);
    assert_true(folder_remove(folder, &err));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_sort_in_the_order_in_which_they_were_made),
        cmocka_unit_test(pieces_move_whole_through_a_pipe_and_at_their_place),
        cmocka_unit_test(digests_agree_with_the_published_vectors),
        cmocka_unit_test(base64url_is_that_of_rfc_4648_without_padding),
        cmocka_unit_test(secrets_are_43_letters_and_never_the_same),
        cmocka_unit_test(times_are_rfc_3339_there_and_back),
        cmocka_unit_test(hidden_folders_of_the_dead_go_and_those_in_use_stay),
    };
    return RUN_TESTS(tests);
}
