// clang-format off
#include "test.h"
// clang-format on
#include "house/people/people.h"
#include "plat/clock.h"
#include "plat/seal.h"

#include <pthread.h>
#include <unistd.h>

#define FROM(where)                                                                                \
    &(struct entry)                                                                                \
    {                                                                                              \
        .address = (where)                                                                         \
    }

static const char *const migrations = MIGRATIONS;
static char folder[64];
static struct db *db;
static struct people *people;
static struct seal *seal;
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
    snprintf(path, sizeof(path), "%s/seal.key", folder);
    seal = seal_open(path, &err);
    assert_non_null(seal);
    people = people_open(&(struct people_wish){.db = db, .quick_hash = true, .seal = seal}, &err);
    assert_non_null(people);
    arena = arena_open(4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    people_close(people);
    seal_close(seal);
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
    must(people_setup(people, token, "Ada", "Ada@Example.org", "a long enough one",
                      FROM("192.0.2.1"), &made, &err));
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
    must(people_welcome(people, token, "some words together", FROM("192.0.2.3"), made, &err));
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
                              "a long enough one", FROM(""), &made, &err));
    must(people_setup(people, token, "Ada", "ada@example.org", "a long enough one", FROM(""), &made,
                      &err));
    must(token_make(people, house, "local", "all", 0, false, "", id_out, token, &err));
    struct who who;
    must(people_who(people, token, false, arena, &who, &err));
    assert_int_equal(who.kind, WHO_PERSON);
    assert_true(who.admin);
    assert_false(
        people_login(people, "this-house@posthouse.invalid", "", FROM("192.0.2.9"), &made, &err));
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
    assert_false(people_setup(people, old, "Eve", "eve@example.org", "a long enough one", FROM(""),
                              &made, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    must(people_setup(people, token, "Ada", "ada@example.org", "a long enough one", FROM(""), &made,
                      &err));
    struct who who = who_is(made.secret, true);
    assert_int_equal(who.kind, WHO_PERSON);
    assert_true(who.admin);
    assert_string_equal(who.name, "Ada");
    assert_false(people_setup(people, token, "Eve", "eve@example.org", "a long enough one",
                              FROM(""), &made, &err));
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
    assert_false(people_login(people, "ada@example.org", "not the right one", FROM("192.0.2.9"),
                              &made, &err));
    assert_int_equal(err.kind, ERROR_LOGIN);
    assert_false(people_login(people, "nobody@example.org", "not the right one", FROM("192.0.2.9"),
                              &made, &unknown));
    assert_string_equal(err.what, unknown.what); // nothing tells which of the two it was
    assert_string_equal(err.why, unknown.why);
    must(people_login(people, " ADA@example.org", "a long enough one", FROM("192.0.2.9"), &made,
                      &err));
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
        assert_false(people_login(people, "ada@example.org", "not the right one",
                                  FROM("198.51.100.7"), &made, &err));
        tries++;
    } while (err.kind == ERROR_LOGIN && tries < 50);
    assert_int_equal(err.kind, ERROR_TOO_MANY);
    assert_int_equal(tries, 6);
    assert_false(people_login(people, "ada@example.org", "a long enough one", FROM("198.51.100.7"),
                              &made, &err));
    assert_int_equal(err.kind, ERROR_TOO_MANY);
    must(people_login(people, "ada@example.org", "a long enough one", FROM("192.0.2.1"), &made,
                      &err));
    // Many accounts from one address are slowed too, and an IPv6 household counts as one address.
    err.kind = ERROR_NONE;
    for (tries = 0; err.kind != ERROR_TOO_MANY && tries < 50; tries++) {
        char email[40], address[60];
        snprintf(email, sizeof(email), "x%d@example.org", tries);
        snprintf(address, sizeof(address), "2001:db8:1:2::%x", tries + 1);
        assert_false(people_login(people, email, "not the right one", FROM(address), &made, &err));
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
    must(people_login(people, "ada@example.org", "a long enough one", FROM("192.0.2.1"), &two,
                      &err));
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
    must(token_make(people, bob, "script", "all", 0, false, "", token_id, token, &err));
    must(people_link(people, bob, NULL, "", link, &err));
    assert_int_equal(who_is(token, false).kind, WHO_PERSON);
    int64_t before = people_changes(people);
    must(people_change(people, bob, &(struct person_change){NULL, -1, 1}, NULL, "", &err));
    assert_true(people_changes(people) > before);
    assert_int_equal(who_is(made.secret, true).kind, WHO_NOBODY);
    assert_int_equal(who_is(token, false).kind, WHO_NOBODY);
    assert_false(people_welcome(people, link, "some words together", FROM(""), &made, &err));
    assert_false(people_login(people, "bob@example.org", "some words together", FROM("192.0.2.1"),
                              &made, &err));
    must(people_change(people, bob, &(struct person_change){NULL, -1, 0}, NULL, "", &err));
    must(people_login(people, "bob@example.org", "some words together", FROM("192.0.2.1"), &made,
                      &err));
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
    must(token_make(people, bob, "script", "read", 2, false, "", one, secret, &err));
    must(token_make(people, bob, "farm", "worker", 0, false, "", two, second, &err));
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
    assert_false(token_make(people, bob, "x", "king", 0, false, "", one, secret, &err));
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
    must(people_welcome(people, link, "another good one", FROM("192.0.2.1"), &fresh, &err));
    assert_int_equal(who_is(made.secret, true).kind, WHO_NOBODY);
    assert_int_equal(who_is(fresh.secret, true).kind, WHO_PERSON);
    assert_false(
        people_welcome(people, link, "another good one", FROM("192.0.2.1"), &fresh, &err)); // once
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
    assert_false(people_login(people, "ada@example.org", "a long enough two", FROM("192.0.2.9"),
                              &made, &err));
    must(people_login(people, "ada@example.org", "a long enough one", FROM("192.0.2.9"), &made,
                      &err));
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

static void guessers_at_a_link_wait_and_stop_nobody_else(void **state)
{
    (void)state;
    char stored[128], address[32];
    bool right;
    struct people *p = people_open(&(struct people_wish){.db = db, .quick_hash = true}, &err);
    assert_non_null(p);
    must(people_password_hash(p, "three grey gulls", stored, &err));
    for (int i = 1; i <= 100; i++) {
        snprintf(address, sizeof(address), "203.0.113.%d", i);
        must(people_link_password(p, "S", stored, "three grey crows", address, &right, &err));
        assert_false(right);
    }
    // Who knows it comes in, as often as they like, from where nobody guessed and from where somebody did.
    for (int i = 0; i < 20; i++) {
        must(people_link_password(p, "S", stored, "three grey gulls", "192.0.2.1", &right, &err));
        assert_true(right);
    }
    must(people_link_password(p, "S", stored, "three grey gulls", "203.0.113.1", &right, &err));
    assert_true(right);
    // One address that guesses on has to wait, at this link.
    bool refused = false;
    for (int i = 0; i < 1000 && !refused; i++)
        refused = !people_link_password(p, "S", stored, "no", "203.0.113.2", &right, &err);
    assert_true(refused);
    assert_int_equal(err.kind, ERROR_TOO_MANY);
    must(people_link_password(p, "T", stored, "three grey gulls", "203.0.113.2", &right, &err));
    assert_true(right);
    people_close(p);
}

// RFC 6238, appendix B: the SHA-1 rows, whose last six digits count here.
static void codes_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        int64_t at_s;
        const char *code;
    } rows[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char code[7];
        totp_code("12345678901234567890", 20, rows[i].at_s / 30, code);
        assert_string_equal(code, rows[i].code);
    }
}

// RFC 4648 base32, read as an authenticator reads it.
static size_t base32_read(const char *t, uint8_t *to)
{
    uint32_t bits = 0;
    int held = 0;
    size_t size = 0;
    for (; *t; t++) {
        bits = bits << 5 | (uint32_t)(*t >= 'A' ? *t - 'A' : *t - '2' + 26);
        if ((held += 5) >= 8)
            to[size++] = (uint8_t)(bits >> (held -= 8));
    }
    return size;
}

struct phone {
    uint8_t secret[40];
    size_t size;
    char code[7];
};
static const char *phone_code(struct phone *p, int64_t later)
{
    totp_code(p->secret, p->size, clock_now_ms() / 30000 + later, p->code);
    return p->code;
}

static struct phone with_factor(const struct who *who, char codes[][RECOVERY_CODE_ROOM])
{
    char secret[FACTOR_SECRET_ROOM];
    struct phone phone;
    must(factor_begin(people, who, secret, &err));
    phone.size = base32_read(secret, phone.secret);
    assert_int_equal(phone.size, 20);
    must(factor_confirm(people, who, phone_code(&phone, 0), "192.0.2.1", codes, &err));
    return phone;
}

static bool log_in(const char *code, const char *address, struct session_made *made)
{
    return people_login(people, "ada@example.org", "a long enough one",
                        &(struct entry){address, "Firefox 128 on Windows", code}, made, &err);
}

static void a_second_factor_is_asked_for_and_each_code_works_once(void **state)
{
    (void)state;
    struct session_made first = first_admin(), elsewhere, made;
    char codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM], secret[FACTOR_SECRET_ROOM];
    must(log_in(NULL, "192.0.2.5", &elsewhere));
    struct who ada = who_is(first.secret, true);
    assert_false(ada.factor);
    // A secret that was never confirmed asks nobody for anything, and one wrong code keeps it so.
    must(factor_begin(people, &ada, secret, &err));
    assert_false(factor_confirm(people, &ada, "000000x", "192.0.2.1", codes, &err));
    assert_int_equal(err.kind, ERROR_FACTOR);
    must(log_in(NULL, "192.0.2.5", &made));
    struct phone phone = with_factor(&ada, codes);
    // Whoever was logged in elsewhere is out; this session has the factor.
    assert_int_equal(who_is(elsewhere.secret, true).kind, WHO_NOBODY);
    assert_true(who_is(first.secret, true).factor);
    assert_false(factor_begin(people, &ada, secret, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);

    assert_false(log_in(NULL, "192.0.2.6", &made));
    assert_int_equal(err.kind, ERROR_FACTOR);
    assert_false(log_in(phone_code(&phone, 0), "192.0.2.6", &made)); // used when it was confirmed
    assert_int_equal(err.kind, ERROR_FACTOR);
    must(log_in(phone_code(&phone, 1), "192.0.2.6", &made)); // a clock that goes 30 s fast
    assert_true(who_is(made.secret, true).factor);
    assert_false(log_in(phone.code, "192.0.2.6", &made));
    assert_false(log_in(phone_code(&phone, 3), "192.0.2.6", &made)); // too far off
    // The password alone is still judged first: nobody learns that there is a factor.
    assert_false(people_login(people, "ada@example.org", "not the right one", FROM("192.0.2.7"),
                              &made, &err));
    assert_int_equal(err.kind, ERROR_LOGIN);
}

static void a_recovery_code_lets_in_once_however_it_is_typed(void **state)
{
    (void)state;
    struct session_made first = first_admin(), made;
    char codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM], typed[32];
    struct who ada = who_is(first.secret, true);
    with_factor(&ada, codes);
    for (size_t i = 0; i <= strlen(codes[3]); i++)
        typed[i] =
            codes[3][i] == '-' ? ' ' : (char)(codes[3][i] >= 'A' ? codes[3][i] | 32 : codes[3][i]);
    must(log_in(typed, "192.0.2.6", &made));
    assert_false(log_in(codes[3], "192.0.2.6", &made));
    struct factor_state now;
    must(factor_get(people, ada.person, &now, &err));
    assert_int_equal(now.codes_left, RECOVERY_CODE_COUNT - 1);
    assert_true(now.since_ms > 0);
    // New ones replace the old.
    char fresh[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM];
    must(factor_confirm(people, &ada, codes[4], "192.0.2.1", fresh, &err));
    assert_false(log_in(codes[5], "192.0.2.6", &made));
    must(log_in(fresh[5], "192.0.2.6", &made));
}

static void wrong_codes_shut_the_codes_but_never_the_recovery_codes(void **state)
{
    (void)state;
    struct session_made first = first_admin(), made;
    char codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM], address[32];
    struct who ada = who_is(first.secret, true);
    struct phone phone = with_factor(&ada, codes);
    // Each from an address of its own, as who owns many machines would.
    int tries = 0;
    do {
        snprintf(address, sizeof(address), "198.51.100.%d", tries++);
        assert_false(log_in("12345a", address, &made));
        phone_code(&phone, 9);
        assert_false(log_in(phone.code, address, &made));
    } while (err.kind == ERROR_FACTOR && tries < 50);
    assert_int_equal(err.kind, ERROR_TOO_MANY);
    assert_in_range(tries, 8, 21);
    must(log_in(codes[0], "192.0.2.8", &made));
}

static void a_new_password_does_not_take_the_place_of_the_second_factor(void **state)
{
    (void)state;
    struct session_made first = first_admin(), made;
    char codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM], link[44];
    struct who ada = who_is(first.secret, true);
    with_factor(&ada, codes);
    must(people_link(people, ada.person, NULL, "", link, &err));
    assert_false(people_welcome(people, link, "another long one", FROM("192.0.2.1"), &made, &err));
    assert_int_equal(err.kind, ERROR_FACTOR);
    must(people_welcome(people, link, "another long one",
                        &(struct entry){"192.0.2.1", "", codes[0]}, &made, &err));
    assert_true(who_is(made.secret, true).factor);
    // Lost for good: an administrator takes it away, and that is written down.
    must(factor_reset(people, ada.person, NULL, "command line", &err));
    must(people_login(people, "ada@example.org", "another long one", FROM("192.0.2.1"), &made,
                      &err));
    assert_false(who_is(made.secret, true).factor);
    struct audit_row *rows;
    size_t count = 0, said = 0;
    must(audit_list(people, 0, 100, arena, &rows, &count, &err));
    for (size_t i = 0; i < count; i++)
        said += strcmp(rows[i].action, "factor.off") == 0;
    assert_int_equal(said, 1);
}

struct asked {
    const struct who *who;
    const char *need;
    unsigned may;
};

static bool project_in(struct db_tx *tx, void *context, struct error *e)
{
    struct asked *a = context;
    return db_run(tx, e,
                  "insert into projects (id, name, sequence_rate, created_ms, assets, bytes, "
                  "downloads_need) values ('P', 'p', '24/1', 1, 0, 0, ?1) on conflict (id) do "
                  "update set downloads_need = excluded.downloads_need",
                  "s", a->need) &&
           people_may(tx, a->who, "P", &a->may, e);
}

static bool may_download(const struct who *who, const char *need)
{
    struct asked a = {.who = who, .need = need};
    must(db_write(db, project_in, &a, &err));
    assert_true(a.may & MAY_VIEW);
    return a.may & MAY_DOWNLOAD;
}

static void a_project_may_ask_more_of_downloads(void **state)
{
    (void)state;
    struct session_made first = first_admin(), bob;
    char id[27], codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM], token[44], token_id[27];
    somebody("Bob", "bob@example.org", id, &bob);
    struct who ada = who_is(first.secret, true), he = who_is(bob.secret, true);
    assert_true(may_download(&ada, ""));
    must(members_set(people, "P", id, "editor", false, NULL, "", &err));
    assert_true(may_download(&he, "nothing"));
    assert_false(may_download(&he, "owner"));
    assert_true(may_download(&ada, "owner"));
    assert_false(may_download(&he, "factor"));
    assert_false(may_download(&ada, "factor"));
    with_factor(&he, codes);
    he = who_is(bob.secret, true);
    assert_true(may_download(&he, "factor"));
    // A token has the factor of the session that made it.
    must(token_make(people, id, "script", "all", 0, he.factor, "", token_id, token, &err));
    struct who script = who_is(token, false);
    assert_true(may_download(&script, "factor"));
    must(token_make(people, id, "script", "all", 0, false, "", token_id, token, &err));
    script = who_is(token, false);
    assert_false(may_download(&script, "factor"));
}

static void a_house_may_demand_one(void **state)
{
    (void)state;
    struct session_made first = first_admin(), bob;
    char id[27], codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM];
    somebody("Bob", "bob@example.org", id, &bob);
    struct people *keep = people;
    people = people_open(
        &(struct people_wish){
            .db = db, .quick_hash = true, .seal = seal, .factor_for = FACTOR_ADMINS},
        &err);
    assert_non_null(people);
    assert_true(who_is(first.secret, true).factor_owed);
    assert_false(who_is(bob.secret, true).factor_owed);
    struct who ada = who_is(first.secret, true);
    with_factor(&ada, codes);
    assert_false(who_is(first.secret, true).factor_owed);
    people_close(people);
    people = keep;
}

static void sessions_are_seen_and_ended_from_afar(void **state)
{
    (void)state;
    struct session_made first = first_admin(), two, three;
    must(log_in(NULL, "192.0.2.5", &two));
    must(log_in(NULL, "192.0.2.6", &three));
    struct who ada = who_is(first.secret, true);
    struct session *all;
    size_t count = 0;
    must(session_list(people, ada.person, arena, &all, &count, &err));
    assert_int_equal(count, 3);
    size_t seen = 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].id, two.session) == 0) {
            assert_string_equal(all[i].address, "192.0.2.5");
            assert_string_equal(all[i].device, "Firefox 128 on Windows");
            seen++;
        }
    assert_int_equal(seen, 1);
    must(session_end(people, ada.person, two.session, NULL, &ada, "", &err));
    assert_int_equal(who_is(two.secret, true).kind, WHO_NOBODY);
    assert_false(session_end(people, ada.person, two.session, NULL, &ada, "", &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    char id[27];
    struct session_made bob;
    somebody("Bob", "bob@example.org", id, &bob);
    assert_false(session_end(people, id, three.session, NULL, &ada, "", &err)); // not Bob's
    must(session_end(people, ada.person, NULL, ada.session, &ada, "", &err));
    assert_int_equal(who_is(three.secret, true).kind, WHO_NOBODY);
    assert_int_equal(who_is(first.secret, true).kind, WHO_PERSON);
    assert_int_equal(who_is(bob.secret, true).kind, WHO_PERSON);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_house_itself_has_tokens_but_no_password),
        T(the_setup_link_works_once_and_only_the_newest),
        T(a_second_factor_is_asked_for_and_each_code_works_once),
        T(a_recovery_code_lets_in_once_however_it_is_typed),
        T(wrong_codes_shut_the_codes_but_never_the_recovery_codes),
        T(a_new_password_does_not_take_the_place_of_the_second_factor),
        T(a_house_may_demand_one),
        T(a_project_may_ask_more_of_downloads),
        T(sessions_are_seen_and_ended_from_afar),
        T(codes_are_those_of_the_standard),
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
        T(guessers_at_a_link_wait_and_stop_nobody_else),
        T(two_passwords_are_worked_out_at_a_time),
    };
    return RUN_TESTS(tests);
}
