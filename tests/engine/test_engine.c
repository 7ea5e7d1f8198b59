// The engine from outside, in its sandbox: what it makes of a ticket, and how it ends.
#include "test.h"

#include "base/text.h"
#include "make_media.h"
#include "tickets/run.h"

#include <sys/stat.h>

static void a_missing_file_of_a_sequence_is_a_held_frame_that_keeps_its_number(void **state)
{
    (void)state;
    char pattern[MEDIA_PATH], files[10][MEDIA_PATH], film[MEDIA_PATH];
    const char *paths[9];
    size_t count = 0;
    struct error err;
    json_t *facts = NULL, *result = NULL;
    media_make(&(struct clip){"shot.%04d.png", "24", .frames = 10, .options = "-pix_fmt rgb24"},
               pattern);
    for (int i = 0; i < 10; i++) {
        snprintf(files[i], MEDIA_PATH, "%.*s/shot.%04d.png", (int)(strrchr(pattern, '/') - pattern),
                 pattern, 1001 + i);
        if (i != 4)
            paths[count++] = files[i];
    }
    assert_true(media_ask("probe", paths, count, NULL, NULL, &facts, &err));
    media_expect(pattern, facts,
                 "{\"duration_frames\":10,\"sequence\":{\"count\":9,\"missing\":[1005]}}");
    assert_true(media_ask("proxy", paths, count, json_pack("{s:o}", "facts", facts), media_folder(),
                          &result, &err));
    media_expect(pattern, result, "{\"frames\":10,\"damage\":[{\"frame\":4}]}");
    json_decref(result);
    snprintf(film, sizeof(film), "%s/scrub.mp4", media_folder());
    media_expect_bars(film, 10, 320, 180, 4);
}

// Picture and sound are encoded by threads of their own; how they lie in each other is not theirs.
static void the_same_film_gives_the_same_review_each_time(void **state)
{
    (void)state;
    char film[MEDIA_PATH], command[MEDIA_PATH + 40], first[80] = "";
    media_make_by("heard.mov",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=25:d=6 -f lavfi -i "
                  "sine=f=500:r=48000:d=6 -c:v libx264 -preset ultrafast -c:a pcm_s16le \"$OUT\"",
                  film);
    const char *paths[] = {film};
    snprintf(command, sizeof(command), "sha256sum <'%s/review.mp4'", media_folder());
    for (int i = 0; i < 4; i++) {
        struct error err;
        json_t *result = NULL;
        if (!media_ask("proxy", paths, 1, NULL, media_folder(), &result, &err))
            fail_msg("%s (%s)", err.what, err.why);
        json_decref(result);
        char *digest = media_output(command);
        if (!*first)
            text_copy(text_of(digest), first, sizeof(first));
        assert_string_equal(digest, first);
        free(digest);
    }
}

static bool stop(void *context, const json_t *line)
{
    (void)context;
    return !line || !json_object_get(line, "output");
}

static void work_can_be_cancelled(void **state)
{
    (void)state;
    struct error err;
    json_t *result = NULL, *ticket = json_pack("{s:s}", "kind", "proxy");
    char path[MEDIA_PATH];
    media_make(&(struct clip){"long.mov", "24", .frames = 200,
                              .options = "-c:v libx264 -preset ultrafast"},
               path);
    const char *list[] = {path};
    struct engine_wish wish = {.ticket = ticket, .output_folder = media_folder(), .heard = stop};
    assert_false(engine_run_files(&wish, list, 1, &result, &err));
    assert_int_equal(err.kind, ERROR_CANCELLED);
    json_decref(ticket);
}

static void an_engine_that_is_killed_is_a_plain_error(void **state)
{
    (void)state;
    struct error err;
    json_t *result = NULL, *ticket = json_pack("{s:s}", "kind", "probe");
    const char *list[] = {"/etc/hostname"};
    char path[MEDIA_PATH];
    snprintf(path, sizeof(path), "%s/dies", media_folder());
    FILE *f = fopen(path, "w");
    fputs("#!/bin/sh\nkill -SEGV $$\n", f);
    fclose(f);
    chmod(path, 0755);
    struct engine_wish wish = {.ticket = ticket, .engine = path, .sandbox = SANDBOX_OFF};
    assert_false(engine_run_files(&wish, list, 1, &result, &err));
    assert_int_equal(err.kind, ERROR_CHILD);
    assert_non_null(strstr(err.why, "SIGSEGV"));
    json_decref(ticket);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(a_missing_file_of_a_sequence_is_a_held_frame_that_keeps_its_number),
        MEDIA_TEST(the_same_film_gives_the_same_review_each_time),
        MEDIA_TEST(work_can_be_cancelled),
        MEDIA_TEST(an_engine_that_is_killed_is_a_plain_error),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
