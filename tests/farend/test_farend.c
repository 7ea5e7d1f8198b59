#include "test.h"

#include "farend/farend.h"
#include "plat/files.h"
#include "plat/hash.h"
#include "plat/seal.h"

#include <unistd.h>

// A package of two files whose bytes come from memory, and a folder that it goes to.
static struct {
    char top[64], path[96];
    char *bytes[2];
    struct farend_file files[2];
    char md5[2][33], sha[2][65];
    json_t *settings, *state;
    int64_t left; // reads until one fails; < 0: none does
} h;
enum { LONG = (3 << 20) + 17 };

static void digests(size_t i, size_t size)
{
    uint8_t digest[64];
    struct hasher *m = hasher_open("md5");
    hasher_add(m, h.bytes[i], size);
    hex_text(digest, hasher_end(m, digest), h.md5[i], sizeof(h.md5[i]));
    sha256 s = sha256_of(h.bytes[i], size);
    strcpy(h.sha[i], sha256_text(&s).text);
}

static int open_all(void **state)
{
    (void)state;
    strcpy(h.top, "/tmp/posthouse-farend-XXXXXX");
    assert_non_null(mkdtemp(h.top));
    snprintf(h.path, sizeof(h.path), "%s/out", h.top);
    struct error err;
    assert_true(folder_make(h.path, 0755, &err));
    h.bytes[0] = malloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        h.bytes[0][i] = (char)(i * 7 + i / 251);
    h.bytes[1] = strdup("beside it\n");
    digests(0, LONG);
    digests(1, 10);
    h.files[0] = (struct farend_file){"film.mov", LONG, h.md5[0], h.sha[0]};
    h.files[1] = (struct farend_file){"sub/notes.txt", 10, h.md5[1], h.sha[1]};
    h.settings = json_pack("{s:s}", "path", h.path);
    h.state = json_object();
    h.left = -1;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    struct error ignored;
    free(h.bytes[0]);
    free(h.bytes[1]);
    json_decref(h.settings);
    json_decref(h.state);
    return folder_remove(h.top, &ignored) ? 0 : -1;
}

static bool read_piece(void *context, size_t number, int64_t offset, void *to, size_t size,
                       struct error *err)
{
    (void)context;
    if (h.left == 0)
        return error_set(err, ERROR_IO, "the disk fails");
    h.left--;
    memcpy(to, h.bytes[number] + offset, size);
    return true;
}

static bool send(const char *folder, struct error *err)
{
    json_t *result = NULL, *none = json_object();
    struct farend_wish w = {.kind = "folder",
                            .settings = h.settings,
                            .secrets = none,
                            .folder = folder,
                            .mark = "01J0000000000000000000SE01",
                            .files = h.files,
                            .count = 2,
                            .read = read_piece,
                            .state = h.state};
    bool ok = farend_send(&w, &result, err);
    json_decref(result);
    json_decref(none);
    return ok;
}

static bool there(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", h.path, name);
    return access(path, F_OK) == 0;
}

static void wherever_reading_fails_nothing_lies_there_under_its_name(void **state)
{
    (void)state;
    struct error err;
    bool sent = false;
    int tries = 0;
    for (int good = 0; !sent; good++, tries++) { // each try goes on where the last one stood
        h.left = good;
        sent = send("Film", &err);
        assert_true(sent || err.kind == ERROR_IO);
        assert_int_equal(there("Film"), sent);
    }
    assert_true(tries > 1);
    assert_true(there("Film/film.mov") && there("Film/sub/notes.txt"));
    assert_false(there(".posthouse-01J0000000000000000000SE01"));
}

static void a_half_file_that_was_spoilt_is_found_and_sent_anew(void **state)
{
    (void)state;
    struct error err;
    char path[256];
    snprintf(path, sizeof(path), "%s/.posthouse-01J0000000000000000000SE01", h.path);
    assert_true(folder_make(path, 0755, &err));
    strcat(path, "/film.mov");
    assert_true(file_write(path, "rubbish", 7, 0644, &err));
    assert_false(send("Film", &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    assert_false(there("Film"));
    assert_true(send("Film", &err));
}

static void what_is_there_is_not_written_over_and_the_same_changes_nothing(void **state)
{
    (void)state;
    struct error err;
    char path[256];
    assert_true(send("Film", &err));
    h.left = 0; // nothing is read when it is there
    assert_true(send("Film", &err));
    h.left = -1;
    snprintf(path, sizeof(path), "%s/Film/sub/notes.txt", h.path);
    assert_true(file_write(path, "other", 5, 0644, &err));
    assert_false(send("Film", &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    struct buf b = BUF_LIMIT(100);
    assert_true(file_read(path, &b, &err));
    assert_string_equal(b.at, "other");
    buf_free(&b);
}

static void files_without_a_folder_lie_free(void **state)
{
    (void)state;
    struct error err;
    assert_true(send("", &err));
    assert_true(there("film.mov") && there("sub/notes.txt"));
    assert_false(there(".posthouse-01J0000000000000000000SE01"));
}

static void a_folder_that_is_not_mounted_is_not_made(void **state)
{
    (void)state;
    struct error err;
    assert_true(folder_remove(h.path, &err));
    assert_false(send("Film", &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_false(there(""));
}

static void names_that_climb_out_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"../film.mov", "/film.mov", "a/../b", ".hidden", "a//b",
                                      "a/",          "a\\b",      "",       "a\nb",    "\xff.mov"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(farend_name_ok(bad[i]));
    assert_true(farend_name_ok("Élan vital/film.mov"));
    struct error err;
    h.files[1].name = "../notes.txt";
    assert_false(send("Film", &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void a_mistake_in_a_destination_names_its_field(void **state)
{
    (void)state;
    static const char *const bad[][4] = {
        {"folder", "{}", "{}", "\"path\" is missing"},
        {"folder", "{\"path\":\"out\"}", "{}", "\"path\" must begin with /"},
        {"folder", "{\"path\":\"/out\",\"pat\":\"x\"}", "{}", "\"pat\" is not known"},
        {"s3", "{\"endpoint\":\"ftp://x\",\"bucket\":\"b\",\"region\":\"r\"}",
         "{\"access_key\":\"a\",\"secret_key\":\"b\"}", "\"endpoint\" must begin with"},
        {"s3",
         "{\"endpoint\":\"https://x\",\"bucket\":\"b\",\"region\":\"r\",\"secret_key\":\"b\"}",
         "{}", "\"secret_key\" is a secret: it belongs to the secrets"},
        {"sftp", "{\"host\":\"h\",\"user\":\"u\",\"path\":\"p\",\"host_key\":\"x\"}",
         "{\"password\":\"p\"}", "\"host_key\" must be as ssh-keygen"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err;
        json_t *settings = json_loads(bad[i][1], 0, NULL),
               *secrets = json_loads(bad[i][2], 0, NULL);
        assert_false(farend_check(bad[i][0], settings, secrets, NULL, &err));
        assert_non_null(strstr(err.why, bad[i][3]));
        json_decref(settings);
        json_decref(secrets);
    }
}

static void a_sealed_secret_opens_for_its_own_row_alone(void **state)
{
    (void)state;
    struct error err;
    char path[128];
    snprintf(path, sizeof(path), "%s/seal.key", h.top);
    struct seal *s = seal_open(path, &err);
    assert_non_null(s);
    struct buf sealed = BUF_LIMIT(1000), plain = BUF_LIMIT(1000);
    assert_true(seal_put(s, "row 1", text_of("open sesame"), &sealed, &err));
    assert_null(memmem(sealed.at, sealed.size, "sesame", 6));
    seal_close(s);
    s = seal_open(path, &err); // another life
    assert_non_null(s);
    assert_true(seal_take(s, "row 1", sealed.at, sealed.size, &plain, &err));
    assert_string_equal(plain.at, "open sesame");
    assert_false(seal_take(s, "row 2", sealed.at, sealed.size, &plain, &err));
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.at[i] ^= 1;
        assert_false(seal_take(s, "row 1", sealed.at, sealed.size, &plain, &err));
        sealed.at[i] ^= 1;
        assert_false(seal_take(s, "row 1", sealed.at, i, &plain, &err));
    }
    seal_close(s);
    buf_free(&sealed);
    buf_free(&plain);
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
    const struct CMUnitTest tests[] = {
        T(wherever_reading_fails_nothing_lies_there_under_its_name),
        T(a_half_file_that_was_spoilt_is_found_and_sent_anew),
        T(what_is_there_is_not_written_over_and_the_same_changes_nothing),
        T(files_without_a_folder_lie_free),
        T(a_folder_that_is_not_mounted_is_not_made),
        T(names_that_climb_out_are_refused),
        T(a_mistake_in_a_destination_names_its_field),
        T(a_sealed_secret_opens_for_its_own_row_alone),
    };
    return RUN_TESTS(tests);
}
