#include "offload/offload.h"
#include "offload/receipt.h"
#include "plat/content.h"
#include "plat/files.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    char top[64], card[80], a[80], b[80];
    struct arena *arena;
    struct offload plan;
};

static void must_write(const char *folder, const char *name, const char *bytes, size_t size)
{
    char path[400], above[400];
    struct error err;
    assert_true(path_join(path, sizeof(path), folder, name));
    path_folder(path, above, sizeof(above));
    assert_true(folder_make(above, 0755, &err));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    struct error err;
    snprintf(s->top, sizeof(s->top), "/tmp/posthouse-offload-test-XXXXXX");
    if (!s || !mkdtemp(s->top))
        return 1;
    snprintf(s->card, sizeof(s->card), "%s/CARD", s->top);
    snprintf(s->a, sizeof(s->a), "%s/a", s->top);
    snprintf(s->b, sizeof(s->b), "%s/b", s->top);
    if (!folder_make(s->a, 0755, &err) || !folder_make(s->b, 0755, &err))
        return 1;
    s->arena = arena_open((size_t)64 << 20);
    s->plan.a = s->arena;
    char *large = malloc(5 << 20);
    memset(large, 'x', 5 << 20);
    must_write(s->card, "clips/large.mov", large, 5 << 20);
    must_write(s->card, "clips/two.mov", "two", 3);
    must_write(s->card, ".hidden", "", 0);
    char empty[100];
    snprintf(empty, sizeof(empty), "%s/empty/inside", s->card);
    if (!folder_make(empty, 0755, &err))
        return 1;
    free(large);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    struct error err;
    arena_close(s->arena);
    bool gone = folder_remove(s->top, &err);
    free(s);
    return !gone;
}

static bool plan(struct scene *s, struct error *err)
{
    char one[100], two[100];
    snprintf(one, sizeof(one), "one=%s", s->a);
    snprintf(two, sizeof(two), "two=%s", s->b);
    s->plan = (struct offload){.a = s->arena};
    return offload_place_add(&s->plan, one, err) && offload_place_add(&s->plan, two, err) &&
           offload_plan(&s->plan, s->card, NULL, err);
}

static bool run(struct scene *s, struct offload_wish wish, struct error *err)
{
    static const bool kinds[MHL_KINDS] = {[MHL_MD5] = true, [MHL_XXH64] = true};
    wish.kinds = kinds;
    return plan(s, err) && offload_run(&s->plan, &wish, err);
}

static const char *in(const char *folder, const char *name)
{
    static char paths[4][400];
    static int turn;
    char *to = paths[turn++ % 4];
    assert_true(path_join(to, sizeof(paths[0]), folder, name));
    return to;
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool same_bytes(const char *a, const char *b)
{
    sha256 x, y;
    int64_t size;
    struct error err;
    return content_of_file(a, &x, &size, &err) && content_of_file(b, &y, &size, &err) &&
           sha256_equal(&x, &y);
}

static void all_of_a_card_is_at_all_places_with_its_times(void **state)
{
    struct scene *s = *state;
    struct error err;
    struct stat st;
    struct timespec times[2] = {{1000000000, 0}, {1234567890, 500000000}};
    assert_int_equal(utimensat(AT_FDCWD, in(s->card, "clips/two.mov"), times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, in(s->card, "empty/inside"), times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, s->card, times, 0), 0);
    assert_true(run(s, (struct offload_wish){.content = true}, &err));
    for (int i = 0; i < 2; i++) {
        const struct offload_place *p = &s->plan.places[i];
        assert_true(p->whole);
        assert_int_equal(p->made, 3);
        assert_true(same_bytes(in(s->card, "clips/large.mov"), in(p->target, "clips/large.mov")));
        assert_true(same_bytes(in(s->card, "clips/two.mov"), in(p->target, "clips/two.mov")));
        assert_int_equal(stat(in(p->target, ".hidden"), &st), 0);
        assert_int_equal(st.st_size, 0);
        assert_int_equal(stat(in(p->target, "clips/two.mov"), &st), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1234567890);
        assert_int_equal(st.st_mtim.tv_nsec, 500000000);
        assert_int_equal(stat(in(p->target, "empty/inside"), &st), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1234567890);
        assert_int_equal(stat(p->target, &st), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1234567890);
    }
    const struct offload_file *two = offload_file_at(&s->plan, "clips/two.mov");
    sha256 content;
    int64_t size;
    assert_string_equal(two->digests[MHL_MD5], "b8a9f715dbb64fd5c56e7783c6820a61"); // md5sum
    assert_true(content_of_file(in(s->card, "clips/two.mov"), &content, &size, &err));
    assert_true(sha256_equal(&content, &two->content));
}

static void a_second_run_compares_and_writes_nothing(void **state)
{
    struct scene *s = *state;
    struct error err;
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_int_equal(s->plan.places[0].made, 0);
    assert_int_equal(s->plan.places[0].there, 3);
    assert_true(s->plan.places[0].whole && s->plan.places[1].whole);
}

static void half_files_of_a_killed_run_are_thrown_away(void **state)
{
    struct scene *s = *state;
    struct error err;
    // As a kill leaves them: right bytes under a half name, and one of a file that is gone since.
    char half[64];
    snprintf(half, sizeof(half), "CARD/clips/.posthouse-%016llx.half",
             (unsigned long long)xxh3_of("two.mov", 7));
    must_write(s->a, half, "tw", 2);
    must_write(s->a, "CARD/.posthouse-0123456789abcdef.half", "?", 1);
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_true(s->plan.places[0].whole);
    assert_int_equal(s->plan.places[0].made, 3);
    assert_false(there(in(s->a, half)));
    assert_false(there(in(s->a, "CARD/.posthouse-0123456789abcdef.half")));
}

static void a_file_cut_short_under_its_name_is_no_copy_and_stays(void **state)
{
    struct scene *s = *state;
    struct error err;
    struct stat st;
    must_write(s->a, "CARD/clips/two.mov", "tw", 2);
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_false(s->plan.places[0].whole);
    assert_int_equal(s->plan.places[0].problem->kind, ERROR_CONFLICT);
    assert_true(s->plan.places[1].whole); // the other goes on
    assert_int_equal(stat(in(s->a, "CARD/clips/two.mov"), &st), 0);
    assert_int_equal(st.st_size, 2);
}

static void spoil(void *context, const char *path)
{
    struct scene *s = context;
    if (strncmp(path, s->b, strlen(s->b)) != 0 || !strstr(path, "/clips/"))
        return;
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "!", 1, 1), 1);
    assert_int_equal(fsync(fd), 0);
    close(fd);
}

static void what_a_disk_gives_back_wrong_never_gets_its_name(void **state)
{
    struct scene *s = *state;
    struct error err;
    assert_true(run(s, (struct offload_wish){.synced = spoil, .context = s}, &err));
    assert_true(s->plan.places[0].whole);
    assert_false(s->plan.places[1].whole);
    assert_int_equal(s->plan.places[1].problem->kind, ERROR_DAMAGED);
    assert_false(there(in(s->b, "CARD/clips/two.mov")));
    assert_true(there(in(s->b, "CARD/.hidden")));
}

static bool grow(void *context, int64_t more_bytes)
{
    struct scene *s = context;
    (void)more_bytes;
    FILE *f = fopen(in(s->card, "clips/large.mov"), "a");
    assert_non_null(f);
    fputc('!', f);
    fclose(f);
    return true;
}

static void a_file_that_changes_while_it_is_read_is_not_taken(void **state)
{
    struct scene *s = *state;
    struct error err;
    assert_true(run(s, (struct offload_wish){.going = grow, .context = s}, &err));
    const struct offload_file *f = offload_file_at(&s->plan, "clips/large.mov");
    assert_non_null(f->problem);
    assert_int_equal(f->problem->kind, ERROR_CONFLICT);
    assert_false(s->plan.places[0].whole);
    assert_false(there(in(s->a, "CARD/clips/large.mov")));
    assert_true(there(in(s->a, "CARD/clips/two.mov")));
}

static void a_file_that_changed_since_the_look_is_said(void **state)
{
    struct scene *s = *state;
    struct error err;
    bool kinds[MHL_KINDS] = {[MHL_XXH64] = true};
    assert_true(plan(s, &err));
    must_write(s->card, "clips/two.mov", "three", 5);
    assert_true(offload_run(&s->plan, &(struct offload_wish){.kinds = kinds}, &err));
    assert_non_null(offload_file_at(&s->plan, "clips/two.mov")->problem);
    assert_false(s->plan.places[0].whole);
}

static bool pull_out(void *context, int64_t more_bytes)
{
    struct scene *s = context;
    char away[100];
    (void)more_bytes;
    snprintf(away, sizeof(away), "%s/elsewhere", s->top);
    rename(s->card, away);
    return true;
}

static void a_card_that_is_pulled_out_ends_it_and_is_named(void **state)
{
    struct scene *s = *state;
    struct error err;
    for (int i = 0; i < 50; i++) { // more than are begun at once
        char name[40];
        snprintf(name, sizeof(name), "more/%02d.wav", i);
        must_write(s->card, name, name, strlen(name));
    }
    assert_false(run(s, (struct offload_wish){.going = pull_out, .context = s}, &err));
    assert_string_equal(err.what, "the card is gone");
    assert_false(s->plan.places[0].whole);
    assert_int_equal(s->plan.places[0].wrong, 0); // it is not the place's fault
}

static bool stop(void *context, int64_t more_bytes)
{
    (void)context;
    (void)more_bytes;
    return false;
}

static void who_stops_it_leaves_no_half_file(void **state)
{
    struct scene *s = *state;
    struct error err;
    assert_false(run(s, (struct offload_wish){.going = stop}, &err));
    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_false(there(in(s->a, "CARD/clips/large.mov")));
    assert_true(plan(s, &err)); // which would throw them away: look before it at what is there
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_true(s->plan.places[0].whole && s->plan.places[1].whole);
}

static void a_place_that_cannot_be_written_drops_out_alone(void **state)
{
    struct scene *s = *state;
    struct error err;
    must_write(s->b, "CARD/clips", "a file where a folder should be", 5);
    // It is no file of another card either, by its name: the folder is asked for first.
    s->plan = (struct offload){.a = s->arena};
    bool planned = plan(s, &err);
    assert_false(planned);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(unlink(in(s->b, "CARD/clips")), 0);
    assert_true(plan(s, &err));
    must_write(s->b, "CARD/clips", "now", 3);
    bool kinds[MHL_KINDS] = {[MHL_XXH64] = true};
    assert_true(offload_run(&s->plan, &(struct offload_wish){.kinds = kinds}, &err));
    assert_true(s->plan.places[0].whole);
    assert_true(s->plan.places[1].lost);
    assert_non_null(s->plan.places[1].problem);
}

static enum error_kind refused(struct scene *s, const char *one, const char *two, const char *card)
{
    struct error err;
    s->plan = (struct offload){.a = s->arena};
    error_clear(&err);
    if (offload_place_add(&s->plan, one, &err) && (!two || offload_place_add(&s->plan, two, &err)))
        assert_false(offload_plan(&s->plan, card, NULL, &err));
    assert_true(err.fix[0]);
    return err.kind;
}

static void what_cannot_end_well_is_refused_before_a_byte_is_written(void **state)
{
    struct scene *s = *state;
    char again[200];
    assert_int_equal(refused(s, s->a, s->a, s->card), ERROR_INPUT);
    snprintf(again, sizeof(again), "%s/../a/.", s->a);
    assert_int_equal(refused(s, s->a, again, s->card), ERROR_INPUT);
    snprintf(again, sizeof(again), "%s/link", s->top);
    assert_int_equal(symlink(s->a, again), 0);
    assert_int_equal(refused(s, s->a, again, s->card), ERROR_INPUT);
    assert_int_equal(refused(s, s->card, NULL, s->card), ERROR_INPUT);
    assert_int_equal(refused(s, in(s->card, "empty"), NULL, s->card), ERROR_INPUT);
    assert_int_equal(refused(s, s->top, NULL, s->card), ERROR_INPUT); // the copy would be the card
    assert_int_equal(refused(s, "/nowhere/at/all", NULL, s->card), ERROR_NOT_FOUND);
    assert_int_equal(refused(s, s->a, NULL, in(s->top, "no card")), ERROR_NOT_FOUND);
    assert_int_equal(refused(s, s->a, NULL, in(s->card, "empty")), ERROR_INPUT);
    must_write(s->a, "CARD/of another.mov", "x", 1);
    assert_int_equal(refused(s, s->a, s->b, s->card), ERROR_CONFLICT);
    assert_false(there(in(s->b, "CARD")));
}

static void lists_on_the_card_are_held_against_what_was_read(void **state)
{
    struct scene *s = *state;
    struct error err;
    static const char list[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<hashlist version=\"1.1\">\n"
        "<hash><file>clips/large.mov</file><size>5242880</size>"
        "<md5>00000000000000000000000000000000</md5></hash>\n"
        "<hash><file>clips/gone.mov</file><size>1</size>"
        "<md5>00000000000000000000000000000000</md5></hash>\n</hashlist>\n";
    must_write(s->card, "card.mhl", list, sizeof(list) - 1);
    must_write(s->card, "clips/two.mov.md5", "b8a9f715dbb64fd5c56e7783c6820a61\n", 33);
    must_write(s->card, "odd.md5", "this is no list\n", 16);
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_int_equal(s->plan.lists.count, 2);
    assert_int_equal(s->plan.not_read.count, 1);
    assert_int_equal(s->plan.compared, 2);
    assert_int_equal(s->plan.differing, 1);
    assert_true(offload_file_at(&s->plan, "clips/large.mov")->differs);
    assert_false(offload_file_at(&s->plan, "clips/two.mov")->differs);
    assert_int_equal(s->plan.not_there.count, 1);
    assert_string_equal(s->plan.not_there.at[0], "clips/gone.mov (by card.mhl)");
    assert_true(s->plan.places[0].whole); // the copy is what the card is
}

static void links_are_said_and_not_followed(void **state)
{
    struct scene *s = *state;
    struct error err;
    assert_int_equal(symlink("/etc/passwd", in(s->card, "clips/link")), 0);
    assert_true(run(s, (struct offload_wish){0}, &err));
    assert_int_equal(s->plan.skipped.count, 1);
    assert_string_equal(s->plan.skipped.at[0], "clips/link");
    assert_false(there(in(s->a, "CARD/clips/link")));
}

static void a_receipt_holds_until_a_letter_changes(void **state)
{
    struct scene *s = *state;
    struct error err;
    struct sign_key *key = sign_open(in(s->top, "sign.key"), &err);
    struct sign_key *again = sign_open(in(s->top, "sign.key"), &err);
    uint8_t one[SIGN_PUBLIC], two[SIGN_PUBLIC];
    char said[RECEIPT_KEY_TEXT], found[RECEIPT_KEY_TEXT];
    json_t *whole, *seen;
    bool fits;
    assert_non_null(key);
    assert_non_null(again);
    sign_public(key, one);
    sign_public(again, two);
    assert_memory_equal(one, two, SIGN_PUBLIC);
    receipt_key_text(one, said);
    json_t *receipt = json_pack("{s:s, s:i, s:[s]}", "z", "last", "a", 1, "m", "\xc3\xa9");
    assert_true(receipt_sign(key, receipt, &whole, &err));
    char *file = json_dumps(whole, JSON_INDENT(3));
    assert_true(receipt_check(text_of(file), &seen, found, &fits, &err));
    assert_true(fits);
    assert_string_equal(said, found);
    assert_true(json_equal(seen, receipt));
    json_decref(seen);
    *strstr(file, "last") = 'm';
    assert_true(receipt_check(text_of(file), &seen, found, &fits, &err));
    assert_false(fits);
    json_decref(seen);
    assert_false(receipt_check(text_of("{\"receipt\": 1}"), &seen, found, &fits, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    free(file);
    json_decref(whole);
    json_decref(receipt);
    sign_close(key);
    sign_close(again);
}

int main(int argc, char **argv)
{
#define IN_A_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_A_SCENE(all_of_a_card_is_at_all_places_with_its_times),
        IN_A_SCENE(a_second_run_compares_and_writes_nothing),
        IN_A_SCENE(half_files_of_a_killed_run_are_thrown_away),
        IN_A_SCENE(a_file_cut_short_under_its_name_is_no_copy_and_stays),
        IN_A_SCENE(what_a_disk_gives_back_wrong_never_gets_its_name),
        IN_A_SCENE(a_file_that_changes_while_it_is_read_is_not_taken),
        IN_A_SCENE(a_file_that_changed_since_the_look_is_said),
        IN_A_SCENE(a_card_that_is_pulled_out_ends_it_and_is_named),
        IN_A_SCENE(who_stops_it_leaves_no_half_file),
        IN_A_SCENE(a_place_that_cannot_be_written_drops_out_alone),
        IN_A_SCENE(what_cannot_end_well_is_refused_before_a_byte_is_written),
        IN_A_SCENE(lists_on_the_card_are_held_against_what_was_read),
        IN_A_SCENE(links_are_said_and_not_followed),
        IN_A_SCENE(a_receipt_holds_until_a_letter_changes),
    };
    return RUN_TESTS(tests);
}
