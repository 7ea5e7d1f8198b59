// What is cut off, empty, renamed, encrypted, absurd or no media at all, through the real engine in
// its sandbox: a clear error or sensible facts that name the damage, never a crash.
#include "test.h"

#include "make_media.h"
#include "tickets/run.h"

#include <sys/stat.h>
#include <unistd.h>

#define X264 "-c:v libx264 -preset ultrafast "

// What the engine says of a file; the answer is either facts or an error with all of its parts.
struct answer {
    bool read;
    struct error err;
    json_t *facts;
};

static struct answer ask(const char *path)
{
    struct answer a = {0};
    const char *list[] = {path};
    a.read = media_ask("probe", list, 1, NULL, NULL, &a.facts, &a.err);
    if (!a.read && (!a.err.what[0] || !a.err.why[0] || a.err.kind == ERROR_CHILD))
        media_wrong("%s: %s (%s)", path, a.err.what, a.err.why);
    return a;
}

static void refused(const char *path, enum error_kind kind, const char *why)
{
    struct answer a = ask(path);
    if (a.read || a.err.kind != kind || !strstr(a.err.why, why) || !a.err.fix[0])
        media_wrong("%s: %s, kind %d: %s (%s; %s)", path, a.read ? "read" : "refused",
                    (int)a.err.kind, a.err.what, a.err.why, a.err.fix);
    json_decref(a.facts);
}

// Neither crashes nor lies: proxies of it are made or refused with a reason.
static void proxies_hold(const char *path, json_t *facts, int64_t frames)
{
    struct error err;
    json_t *result = NULL;
    const char *list[] = {path};
    error_clear(&err);
    if (media_ask("proxy", list, 1, facts ? json_pack("{s:O}", "facts", facts) : NULL,
                  media_folder(), &result, &err)) {
        int64_t made = json_integer_value(json_object_get(result, "frames"));
        if (frames >= 0 && made != frames)
            media_wrong("%s: %d frames, not %d", path, (int)made, (int)frames);
    } else if ((frames >= 0 && !json_array_size(json_object_get(facts, "damage"))) ||
               err.kind == ERROR_CHILD || !err.why[0]) {
        media_wrong("%s: %s (%s)", path, err.what, err.why);
    }
    json_decref(result);
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *at = malloc(*size + 1);
    assert_int_equal(fread(at, 1, *size, f), *size);
    fclose(f);
    return at;
}

static const char *write_file(const char *name, const void *at, size_t size)
{
    static char path[MEDIA_PATH];
    snprintf(path, sizeof(path), "%s/%s", media_folder(), name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(at, 1, size, f), size);
    fclose(f);
    return path;
}

static void what_is_no_media_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char text[] = "#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1/x.ts\n";
    static const char concat[] = "ffconcat version 1.0\nfile '/etc/passwd'\n";
    static const char mail[] = "Dear post house,\n\nthe film is on its way.\n";
    static const uint8_t zeros[5000], pdf[] = "%PDF-1.7\n%\xb5\xb5\xb5\xb5\n1 0 obj\n";
    static const uint8_t zip[64] = "PK\3\4\24";
    static const struct {
        const char *name;
        const void *at;
        size_t size;
        enum error_kind kind;
        const char *why;
    } bad[] = {
        {"empty.mov", "", 0, ERROR_DAMAGED, "no bytes"},
        {"empty.wav", "", 0, ERROR_DAMAGED, "no bytes"},
        {"empty.exr", "", 0, ERROR_DAMAGED, "no bytes"},
        {"one.mov", "\1", 1, ERROR_UNSUPPORTED, ""},
        {"text.mov", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"text.mxf", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"text.wav", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"text.mp3", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"text.ts", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"list.m3u8", text, sizeof(text) - 1, ERROR_UNSUPPORTED, "text"},
        {"list.mov", text, sizeof(text) - 1, ERROR_UNSUPPORTED, "text"},
        {"list.txt", concat, sizeof(concat) - 1, ERROR_UNSUPPORTED, "text"},
        {"zeros.mxf", zeros, sizeof(zeros), ERROR_DAMAGED, "zero"},
        {"paper.mov", pdf, sizeof(pdf), ERROR_UNSUPPORTED, ""},
        {"packed.mov", zip, sizeof(zip), ERROR_UNSUPPORTED, ""},
        {"text.png", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"text.exr", mail, sizeof(mail) - 1, ERROR_UNSUPPORTED, "text"},
        {"zeros.dpx", zeros, sizeof(zeros), ERROR_DAMAGED, "zero"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (media_mine(i))
            refused(write_file(bad[i].name, bad[i].at, bad[i].size), bad[i].kind, bad[i].why);
}

#define FRAMES 26
static const struct clip whole[] = {
    {"w.mov", "25", .frames = FRAMES, .options = X264 "-g 12 -bf 2"},
    {"w.mp4", "25", .frames = FRAMES, .options = X264 "-g 12 -bf 2 -movflags +faststart"},
    {"w.mxf", "25", .frames = FRAMES, .options = "-c:v mpeg2video -b:v 4M -bf 2"},
    {"w.mkv", "25", .frames = FRAMES, .options = X264 "-g 12 -bf 2"},
    {"w.ts", "25", .frames = FRAMES, .options = X264 "-g 12 -bf 2"},
    {"w.avi", "25", .frames = FRAMES, .options = "-c:v mjpeg -pix_fmt yuvj420p"},
};

static void
a_file_that_was_cut_off_anywhere_is_refused_or_counts_the_frames_that_are_there(void **state)
{
    (void)state;
    static const int kept[] = {3, 40, 75, 99}; // percent
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char path[MEDIA_PATH];
        size_t size;
        if (!media_mine(i))
            continue;
        media_make(&whole[i], path);
        uint8_t *at = read_file(path, &size);
        for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++) {
            const char *cut = write_file(whole[i].name, at, size * (size_t)kept[k] / 100);
            struct answer a = ask(cut);
            int64_t frames = json_integer_value(json_object_get(a.facts, "duration_frames"));
            if (!a.read && a.err.kind != ERROR_DAMAGED && a.err.kind != ERROR_UNSUPPORTED)
                media_wrong("%s at %d %%: %s", cut, kept[k], a.err.what);
            if (a.read && (frames < 1 || frames > FRAMES))
                media_wrong("%s at %d %%: %d frames", cut, kept[k], (int)frames);
            bool table = !strcmp(whole[i].name, "w.mp4");
            if (table && a.read && !json_array_size(json_object_get(a.facts, "damage")))
                media_wrong("%s at %d %%: no damage is named", cut, kept[k]);
            if (!strcmp(whole[i].name, "w.mov") && kept[k] < 99 &&
                (a.read || !strstr(a.err.why, "moov")))
                media_wrong("%s at %d %%: %s", cut, kept[k], a.err.why);
            if (a.read)
                proxies_hold(cut, a.facts, frames);
            json_decref(a.facts);
        }
        free(at);
    }
}

static void a_file_with_the_wrong_ending_is_read_for_what_it_is(void **state)
{
    (void)state;
    static const char *const endings[] = {"mov", "mxf", "wav", "mp3", "txt"};
    char path[MEDIA_PATH], name[40];
    size_t size;
    media_make(&whole[3], path);
    uint8_t *at = read_file(path, &size);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (!media_mine(i))
            continue;
        snprintf(name, sizeof(name), "matroska.%s", endings[i]);
        struct answer a = ask(write_file(name, at, size));
        media_expect(name, a.facts, "{\"container\":\"mkv\",\"duration_frames\":26}");
        json_decref(a.facts);
    }
    // A film that is called a picture is a film, and a picture that is called a film is a picture.
    struct answer a = ask(write_file("film.png", at, size));
    media_expect("film.png", a.facts, "{\"container\":\"mkv\",\"duration_frames\":26}");
    json_decref(a.facts);
    free(at);
    media_make(&(struct clip){"p.%04d.png", "24", .frames = 1, .options = "-pix_fmt rgb24"}, path);
    strcpy(strrchr(path, '/'), "/p.1001.png");
    at = read_file(path, &size);
    a = ask(write_file("picture.jpg", at, size));
    media_expect("picture.jpg", a.facts, "{\"container\":\"png\",\"kind\":\"still\"}");
    json_decref(a.facts);
    a = ask(write_file("picture.mov", at, size));
    media_expect("picture.mov", a.facts, "{\"container\":\"png\",\"kind\":\"still\"}");
    json_decref(a.facts);
    free(at);
}

static void an_encrypted_film_is_refused_and_says_so(void **state)
{
    (void)state;
    if (!media_mine(0))
        return;
    char path[MEDIA_PATH];
    media_make(&(struct clip){"secret.mp4", "25",
                              .options = X264 "-encryption_scheme cenc-aes-ctr -encryption_key "
                                              "76a6c65c5ea762046bd749a2e632ccbb -encryption_kid "
                                              "a7e61c373e219033c21091fa607bf3b8"},
               path);
    refused(path, ERROR_UNSUPPORTED, "key");
}

// ---- absurd values, written into a good file's boxes

static uint8_t *find(uint8_t *at, size_t size, const char *type, int skip)
{
    for (size_t i = 4; i + 4 < size; i++)
        if (!memcmp(at + i, type, 4) && !skip--)
            return at + i - 4;
    fail_msg("there is no %s", type);
    return NULL;
}

static void put32(uint8_t *to, uint32_t v)
{
    to[0] = (uint8_t)(v >> 24), to[1] = (uint8_t)(v >> 16), to[2] = (uint8_t)(v >> 8),
    to[3] = (uint8_t)v;
}

static void a_picture_of_30000_a_side_is_refused(void **state)
{
    (void)state;
    if (!media_mine(1))
        return;
    char path[MEDIA_PATH];
    size_t size;
    // Uncompressed: the picture is as large as the container says.
    media_make(
        &(struct clip){"big.mov", "25", .frames = 2, .options = "-c:v rawvideo -pix_fmt uyvy422"},
        path);
    uint8_t *at = read_file(path, &size);
    uint8_t *entry = find(at, size, "2vuy", 0);
    entry[32] = 30000 >> 8, entry[33] = 30000 & 255, entry[34] = 30000 >> 8,
    entry[35] = 30000 & 255;
    refused(write_file("big.mov", at, size), ERROR_TOO_BIG, "30000 x 30000");
    free(at);
    // A picture file whose header says so.
    media_make(&(struct clip){"p.%04d.png", "24", .frames = 1, .options = "-pix_fmt rgb24"}, path);
    strcpy(strrchr(path, '/'), "/p.1001.png");
    at = read_file(path, &size);
    put32(at + 16, 30000), put32(at + 20, 30000);
    struct answer a = ask(write_file("big.png", at, size));
    assert_false(a.read);
    free(at);
}

static void a_thousand_streams_are_refused(void **state)
{
    (void)state;
    if (!media_mine(1))
        return;
    char path[MEDIA_PATH];
    media_make_by("streams.mkv",
                  "ffmpeg -v error -y -f lavfi -i anullsrc=r=8000:cl=mono -t 0.05 $(for i in "
                  "$(seq 1000); do echo -map 0; done) -c:a pcm_s16le \"$OUT\"",
                  path);
    refused(path, ERROR_TOO_BIG, "at most");
}

static void durations_and_rates_that_are_no_numbers_give_sensible_facts(void **state)
{
    (void)state;
    static const uint8_t nan64[8] = {0x7f, 0xf8}, infinite[8] = {0x7f, 0xf0},
                         minus[8] = {0xc0, 0x59};
    static const uint8_t *const durations[] = {nan64, infinite, minus};
    char path[MEDIA_PATH];
    size_t size;
    media_make(&(struct clip){"nan.mkv", "25", .options = X264}, path);
    uint8_t *at = read_file(path, &size);
    size_t place = 0; // Duration: id 4489, size 88, a double
    for (size_t i = 0; i + 11 < size && !place; i++)
        place = at[i] == 0x44 && at[i + 1] == 0x89 && at[i + 2] == 0x88 ? i + 3 : 0;
    assert_true(place);
    for (size_t i = 0; i < 3; i++) {
        if (!media_mine(i))
            continue;
        memcpy(at + place, durations[i], 8);
        struct answer a = ask(write_file("nan.mkv", at, size));
        media_expect("nan.mkv", a.facts, "{\"duration_frames\":12,\"rate\":\"25\",\"vfr\":false}");
        proxies_hold(write_file("nan.mkv", at, size), a.facts, 12);
        json_decref(a.facts);
    }
    free(at);
    // QuickTime: a time scale of nothing, a duration of everything, a thousand million samples.
    static const struct {
        const char *box;
        int offset;
        uint32_t value;
    } absurd[] = {{"mdhd", 20, 0},          {"mdhd", 20, 0xffffffff}, {"mdhd", 24, 0xffffffff},
                  {"mvhd", 20, 0},          {"stts", 12, 0xffffffff}, {"stts", 20, 0xffffffff},
                  {"stts", 20, 0},          {"stsz", 16, 0x3fffffff}, {"stsz", 12, 0x7fffffff},
                  {"stsc", 12, 0xffffffff}, {"stco", 16, 0xfffffff0}, {"elst", 16, 0xffffffff}};
    media_make(&(struct clip){"odd.mov", "25", .options = X264}, path);
    for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
        if (!media_mine(i))
            continue;
        at = read_file(path, &size);
        put32(find(at, size, absurd[i].box, 0) + absurd[i].offset, absurd[i].value);
        const char *odd = write_file("odd.mov", at, size);
        struct answer a = ask(odd);
        int64_t frames = json_integer_value(json_object_get(a.facts, "duration_frames"));
        if (a.read && (frames < 1 || frames > 13))
            media_wrong("%s %d: %lld frames", absurd[i].box, absurd[i].offset, (long long)frames);
        if (a.read)
            proxies_hold(odd, a.facts, frames);
        json_decref(a.facts);
        free(at);
    }
}

// ---- damage in the middle

static void damaged_pictures_are_held_and_named_and_the_count_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char path[MEDIA_PATH];
        size_t size;
        if (!media_mine(i))
            continue;
        media_make(&whole[i], path);
        uint8_t *at = read_file(path, &size);
        for (size_t k = size / 2; k < size / 2 + size / 30; k++) // a hole of noise
            at[k] = (uint8_t)(k * 2654435761u >> 13);
        const char *hurt = write_file(whole[i].name, at, size);
        struct answer a = ask(hurt);
        int64_t frames = json_integer_value(json_object_get(a.facts, "duration_frames"));
        // A container may lose what lay in the hole.
        if (!a.read || frames < FRAMES - 6 || frames > FRAMES)
            media_wrong("%s: %s, %d frames", hurt, a.err.what, (int)frames);
        if (a.read)
            proxies_hold(hurt, a.facts, frames);
        json_decref(a.facts);
        free(at);
    }
}

static void rubbish_anywhere_in_a_header_crashes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char path[MEDIA_PATH];
        size_t size;
        if (!media_mine(i))
            continue;
        uint64_t random = 1 + i;
        media_make(&whole[i], path);
        uint8_t *at = read_file(path, &size);
        for (int round = 0; round < 6; round++) {
            uint8_t *copy = malloc(size);
            memcpy(copy, at, size);
            for (int n = 0; n < 8; n++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                bool tail = !strcmp(whole[i].name, "w.mov");
                size_t place = (random >> 33) % (size < 2000 ? size : 2000);
                copy[tail ? size - 1 - place : place] = (uint8_t)(random >> 20);
            }
            const char *odd = write_file(whole[i].name, copy, size);
            struct answer a = ask(odd);
            if (a.read && round == 0)
                proxies_hold(odd, a.facts, -1);
            json_decref(a.facts);
            free(copy);
        }
        free(at);
    }
}

static void memory_time_and_output_have_limits(void **state)
{
    (void)state;
    if (!media_mine(0))
        return;
    char path[MEDIA_PATH];
    struct error err;
    json_t *result = NULL;
    media_make(&(struct clip){"long.mov", "24", .frames = 3000, .options = X264}, path);
    const char *list[] = {path};
    error_clear(&err);
    assert_false(media_ask("proxy", list, 1,
                           json_pack("{s:{s:i}}", "limits", "output_bytes", 20000), media_folder(),
                           &result, &err));
    if (err.kind != ERROR_NO_SPACE && err.kind != ERROR_IO && err.kind != ERROR_TOO_BIG)
        media_wrong("output: %d %s (%s)", (int)err.kind, err.what, err.why);
    error_clear(&err);
    assert_false(media_ask("proxy", list, 1,
                           json_pack("{s:{s:i}}", "limits", "memory_bytes", 10 << 20),
                           media_folder(), &result, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(what_is_no_media_is_refused_with_a_reason),
        MEDIA_TEST(a_file_that_was_cut_off_anywhere_is_refused_or_counts_the_frames_that_are_there),
        MEDIA_TEST(a_file_with_the_wrong_ending_is_read_for_what_it_is),
        MEDIA_TEST(an_encrypted_film_is_refused_and_says_so),
        MEDIA_TEST(a_picture_of_30000_a_side_is_refused),
        MEDIA_TEST(a_thousand_streams_are_refused),
        MEDIA_TEST(durations_and_rates_that_are_no_numbers_give_sensible_facts),
        MEDIA_TEST(damaged_pictures_are_held_and_named_and_the_count_holds),
        MEDIA_TEST(rubbish_anywhere_in_a_header_crashes_nothing),
        MEDIA_TEST(memory_time_and_output_have_limits),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
