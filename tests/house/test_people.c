// clang-format off
#include "test.h"
// clang-format on
#include "house/people/people.h"
#include "plat/clock.h"

#include <pthread.h>
#include <unistd.h>

static const char *const migrations = MIGRATIONS;
static char folder[64];
static struct db *db;
static struct people *people;
static struct arena *arena;
static struct error err;

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s: %s", err.what, err.why);
}

static int set_up(void **state)
{
    (void)state;
    error_clear(&err);
    strcpy(folder, "/tmp/posthouse-people-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char path[100];
    snprintf(path, sizeof(path), "%s/house.db", folder);
    db = db_open(&(struct db_wish){.path = path, .migrations = migrations}, &err);
    assert_non_null(db);
    people = people_open(&(struct people_wish){.db = db, .quick_hash = true}, &err);
    assert_non_null(people);
    arena = arena_open(4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    people_close(people);
    db_close(db);
    arena_close(arena);
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct session_made first_admin(void)
{
    char token[44];
    struct session_made made;
    must(people_setup_link(people, token, &err));
    must(people_setup(people, token, "Ada", "Ada@Example.org", "a long enough one", "192.0.2.1",
                      &made, &err));
    return made;
}

static struct who who_is(const char *secret, bool cookie)
{
    struct who who;
    must(people_who(people, secret, cookie, arena, &who, &err));
    return who;
}

static void somebody(const char *name, const char *email, char id[27], struct session_made *made)
{
    char token[44];
    must(people_add(people, name, email, false, NULL, "", id, token, &err));
    must(people_welcome(people, token, "some words together", "192.0.2.3", made, &err));
}

static void the_house_itself_has_tokens_but_no_password(void **state)
{
    (void)state;
    char house[27], again[27], token[44], id_out[27];
    struct session_made made;
    bool needed = false;
    must(people_house(people, house, &err));
    must(people_house(people, again, &err));
    assert_string_equal(house, again);
    must(people_setup_needed(people, &needed, &err));
    assert_true(needed); // it is no first administrator
    assert_false(people_link(people, house, NULL, "", token, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_false(
        people_change(people, house, &(struct person_change){NULL, -1, 1}, NULL, "", &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    must(people_setup_link(people, token, &err));
    assert_false(people_setup(people, token, "Eve", "This-House@posthouse.invalid",
                              "a long enough one", "", &made, &err));
    must(people_setup(people, token, "Ada", "ada@example.org", "a long enough one", "", &made,
                      &err));
    must(token_make(people, house, "local", "all", 0, "", id_out, token, &err));
    struct who who;
    must(people_who(people, token, false, arena, &who, &err));
    assert_int_equal(who.kind, WHO_PERSON);
    assert_true(who.admin);
    assert_false(
        people_login(people, "this-house@posthouse.invalid", "", "192.0.2.9", &made, &err));
    assert_int_equal(err.kind, ERROR_LOGIN);
}

static void the_setup_link_works_once_and_only_the_newest(void **state)
{
    (void)state;
    char old[44], token[44];
    struct session_made made;
    bool needed = false;
    must(people_setup_needed(people, &needed, &err));
    assert_true(needed);
    must(people_setup_link(people, old, &err));
    must(people_setup_link(people, token, &err));
    assert_false(
        people_setup(people, old, "Eve", "eve@example.org", "a long enough one", "", &made, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    must(people_setup(people, token, "Ada", "ada@example.org", "a long enough one", "", &made,
                      &err));
    struct who who = who_is(made.secret, true);
    assert_int_equal(who.kind, WHO_PERSON);
    assert_true(who.admin);
    assert_string_equal(who.name, "Ada");
    assert_false(people_setup(people, token, "Eve", "eve@example.org", "a long enough one", "",
                              &made, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_false(people_setup_link(people, token, &err));
    must(people_setup_needed(people, &needed, &err));
    assert_false(needed);
}

static void logging_in_wants_the_right_password(void **state)
{
    (void)state;
    first_admin();
    struct session_made made;
    struct error unknown;
    assert_false(
        people_login(people, "ada@example.org", "not the right one", "192.0.2.9", &made, &err));
    assert_int_equal(err.kind, ERROR_LOGIN);
    assert_false(people_login(people, "nobody@example.org", "not the right one", "192.0.2.9", &made,
                              &unknown));
    assert_string_equal(err.what, unknown.what); // nothing tells which of the two it was
    assert_string_equal(err.why, unknown.why);
    must(people_login(people, " ADA@example.org", "a long enough one", "192.0.2.9", &made, &err));
    assert_int_equal(who_is(made.secret, true).kind, WHO_PERSON);
    assert_int_equal(who_is(made.secret, false).kind, WHO_NOBODY); // a cookie is not a token
    assert_int_equal(who_is("short", true).kind, WHO_NOBODY);
    assert_int_equal(who_is(NULL, true).kind, WHO_NOBODY);
}

static void guessing_slows_the_guesser_and_nobody_else(void **state)
{
    (void)state;
    first_admin();
    struct session_made made;
    int tries = 0;
    do {
        assert_false(people_login(people, "ada@example.org", "not the right one", "198.51.100.7",
                                  &made, &err));
        tries++;
    } while (err.kind == ERROR_LOGIN && tries < 50);
    assert_int_equal(err.kind, ERROR_TOO_MANY);
    assert_int_equal(tries, 6);
    assert_false(
        people_login(people, "ada@example.org", "a long enough one", "198.51.100.7", &made, &err));
    assert_int_equal(err.kind, ERROR_TOO_MANY);
    must(people_login(people, "ada@example.org", "a long enough one", "192.0.2.1", &made, &err));
    // Many accounts from one address are slowed too, and an IPv6 household counts as one address.
    err.kind = ERROR_NONE;
    for (tries = 0; err.kind != ERROR_TOO_MANY && tries < 50; tries++) {
        char email[40], address[60];
        snprintf(email, sizeof(email), "x%d@example.org", tries);
        snprintf(address, sizeof(address), "2001:db8:1:2::%x", tries + 1);
        assert_false(people_login(people, email, "not the right one", address, &made, &err));
    }
    assert_int_equal(tries, 21);
}

static void a_session_slides_and_ends(void **state)
{
    (void)state;
    struct session_made made = first_admin();
    clock_shift_ms(20LL * 86400000);
    assert_int_equal(who_is(made.secret, true).kind, WHO_PERSON); // moves its end on
    clock_shift_ms(20LL * 86400000);
    assert_int_equal(who_is(made.secret, true).kind, WHO_PERSON);
    clock_shift_ms(31LL * 86400000);
    assert_int_equal(who_is(made.secret, true).kind, WHO_NOBODY);
    clock_shift_ms(-71LL * 86400000);
}

static void logging_out_ends_the_session_only(void **state)
{
    (void)state;
    struct session_made one = first_admin(), two;
    must(people_login(people, "ada@example.org", "a long enough one", "192.0.2.1", &two, &err));
    assert_string_not_equal(one.secret, two.secret);
    struct who who = who_is(one.secret, true);
    must(people_logout(people, &who, &err));
    assert_int_equal(who_is(one.secret, true).kind, WHO_NOBODY);
    assert_int_equal(who_is(two.secret, true).kind, WHO_PERSON);
}

static void disabling_ends_sessions_tokens_and_links_at_once(void **state)
{
    (void)state;
    first_admin();
    char bob[27], token_id[27], token[44], link[44];
    struct session_made made;
    somebody("Bob", "bob@example.org", bob, &made);
    must(token_make(people, bob, "script", "all", 0, "", token_id, token, &err));
    must(people_link(people, bob, NULL, "", link, &err));
    assert_int_equal(who_is(token, false).kind, WHO_PERSON);
    int64_t before = people_changes(people);
    must(people_change(people, bob, &(struct person_change){NULL, -1, 1}, NULL, "", &err));
    assert_true(people_changes(people) > before);
    assert_int_equal(who_is(made.secret, true).kind, WHO_NOBODY);
    assert_int_equal(who_is(token, false).kind, WHO_NOBODY);
    assert_false(people_welcome(people, link, "some words together", "", &made, &err));
    assert_false(
        people_login(people, "bob@example.org", "some words together", "192.0.2.1", &made, &err));
    must(people_change(people, bob, &(struct person_change){NULL, -1, 0}, NULL, "", &err));
    must(people_login(people, "bob@example.org", "some words together", "192.0.2.1", &made, &err));
}

static void the_last_administrator_stays(void **state)
{
    (void)state;
    struct session_made made = first_admin();
    assert_false(
        people_change(people, made.person, &(struct person_change){NULL, 0, -1}, NULL, "", &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_false(
        people_change(people, made.person, &(struct person_change){NULL, -1, 1}, NULL, "", &err));
    char bob[27];
    struct session_made bobs;
    somebody("Bob", "bob@example.org", bob, &bobs);
    must(people_change(people, bob, &(struct person_change){NULL, 1, -1}, NULL, "", &err));
    must(people_change(people, made.person, &(struct person_change){NULL, 0, -1}, NULL, "", &err));
}

static void the_last_owner_stays_in_the_project(void **state)
{
    (void)state;
    struct session_made made = first_admin();
    const char *project = "01J00000000000000000000000";
    char bob[27];
    struct session_made bobs;
    somebody("Bob", "bob@example.org", bob, &bobs);
    must(members_set(people, project, made.person, "owner", false, NULL, "", &err));
    assert_false(members_set(people, project, made.person, "guest", true, NULL, "", &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_false(members_drop(people, project, made.person, NULL, "", &err));
    assert_false(members_set(people, project, bob, "owner", true, NULL, "", &err)); // is not in it
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_false(members_set(people, project, bob, "king", false, NULL, "", &err));
    must(members_set(people, project, bob, "owner", false, NULL, "", &err));
    must(members_drop(people, project, made.person, NULL, "", &err));
    struct member *list;
    size_t count;
    must(members_list(people, project, arena, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].person.name, "Bob");
}

static void tokens_end_and_expire_and_are_ones_own(void **state)
{
    (void)state;
    struct session_made made = first_admin();
    char bob[27], one[27], secret[44], two[27], second[44];
    struct session_made bobs;
    somebody("Bob", "bob@example.org", bob, &bobs);
    must(token_make(people, bob, "script", "read", 2, "", one, secret, &err));
    must(token_make(people, bob, "farm", "worker", 0, "", two, second, &err));
    assert_int_equal(who_is(secret, false).scope, SCOPE_READ);
    assert_int_equal(who_is(second, false).scope, SCOPE_WORKER);
    assert_int_equal(who_is(secret, true).kind, WHO_NOBODY); // a token is not a cookie
    assert_false(token_end(people, made.person, one, "", &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    clock_shift_ms(3LL * 86400000);
    assert_int_equal(who_is(secret, false).kind, WHO_NOBODY);
    clock_shift_ms(-3LL * 86400000);
    must(token_end(people, bob, one, "", &err));
    assert_int_equal(who_is(secret, false).kind, WHO_NOBODY);
    assert_false(token_make(people, bob, "x", "king", 0, "", one, secret, &err));
}

static void bad_passwords_are_refused_and_say_why(void **state)
{
    (void)state;
    const char *bad[] = {"short",           "password123",  "PASSWORD123", "aaaaaaaaaaaaaa",
                         "ada@example.org", "ada lovelace", "ada.lovelace"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *email = i == 6 ? "ada.lovelace@example.org" : "ada@example.org";
        error_clear(&err);
        assert_false(password_acceptable(bad[i], "Ada Lovelace", email, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(err.why[0] && err.fix[0]);
    }
    must(password_acceptable("four words and some", "Ada Lovelace", "ada@example.org", &err));
    must(password_acceptable(
        "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6", "A",
        "a@b", &err));
}

static void a_new_password_logs_out_the_old_one(void **state)
{
    (void)state;
    struct session_made made = first_admin(), fresh;
    char link[44];
    must(people_link(people, made.person, NULL, "", link, &err));
    must(people_welcome(people, link, "another good one", "192.0.2.1", &fresh, &err));
    assert_int_equal(who_is(made.secret, true).kind, WHO_NOBODY);
    assert_int_equal(who_is(fresh.secret, true).kind, WHO_PERSON);
    assert_false(
        people_welcome(people, link, "another good one", "192.0.2.1", &fresh, &err)); // once
}

static bool find_in(struct db_tx *tx, void *context, struct error *e)
{
    struct {
        const char *secret;
        int64_t found;
    } *f = context;
    return db_one_int(
        tx, &f->found, 0, e,
        "select (select count(*) from people where password like '%long enough%') + "
        "(select count(*) from sessions where cast(secret as text) = ?1 or id = ?1) + "
        "(select count(*) from audit where detail like '%long enough%' or detail = ?1 "
        "or subject = ?1)",
        "s", f->secret);
}

static void the_audit_log_tells_who_and_no_secret(void **state)
{
    (void)state;
    struct session_made made = first_admin();
    assert_false(
        people_login(people, "ada@example.org", "a long enough two", "192.0.2.9", &made, &err));
    must(people_login(people, "ada@example.org", "a long enough one", "192.0.2.9", &made, &err));
    struct audit_row *rows;
    size_t count;
    must(audit_list(people, 0, 10, arena, &rows, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].action, "login");
    assert_string_equal(rows[0].person, "Ada");
    assert_string_equal(rows[0].address, "192.0.2.9");
    assert_string_equal(rows[1].action, "login.failed");
    assert_null(rows[1].person);
    assert_string_equal(rows[2].action, "setup");
    must(audit_list(people, rows[1].number, 10, arena, &rows, &count, &err));
    assert_int_equal(count, 1);
    struct {
        const char *secret;
        int64_t found;
    } f = {made.secret, -1};
    must(db_read(db, find_in, &f, &err));
    assert_int_equal(f.found, 0);
}

static void *hash_one(void *context)
{
    struct error trouble;
    bool right = true;
    error_clear(&trouble);
    bool ok = people_password_check(context, NULL, "whatever it is", &right, &trouble);
    assert_false(right);
    return (void *)(intptr_t)(ok || trouble.kind == ERROR_TOO_MANY);
}

static void two_passwords_are_worked_out_at_a_time(void **state)
{
    (void)state;
    struct people *slow = people_open(&(struct people_wish){.db = db}, &err);
    assert_non_null(slow);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_one, slow), 0);
    for (int i = 0; i < 8; i++) {
        void *ok;
        pthread_join(threads[i], &ok);
        assert_true(ok);
    }
    assert_int_equal(people_hashes_peak(slow), 2);
    people_close(slow);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_house_itself_has_tokens_but_no_password),
        T(the_setup_link_works_once_and_only_the_newest),
        T(logging_in_wants_the_right_password),
        T(guessing_slows_the_guesser_and_nobody_else),
        T(a_session_slides_and_ends),
        T(logging_out_ends_the_session_only),
        T(disabling_ends_sessions_tokens_and_links_at_once),
        T(the_last_administrator_stays),
        T(the_last_owner_stays_in_the_project),
        T(tokens_end_and_expire_and_are_ones_own),
        T(bad_passwords_are_refused_and_say_why),
        T(a_new_password_logs_out_the_old_one),
        T(the_audit_log_tells_who_and_no_secret),
        T(two_passwords_are_worked_out_at_a_time),
    };
    return RUN_TESTS(tests);
}
