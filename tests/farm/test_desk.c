#include "test.h"

#include "farm/desk.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HOUR = 60, DAY = 24 * HOUR };

static void hours_are_days_times_or_both(void **state)
{
    (void)state;
    bool m[DESK_WEEK];
    assert_true(desk_hours(text_of("19:00-08:00, Sat, Sun"), m));
    assert_true(m[0 * DAY + 7 * HOUR + 59]); // Monday morning, of Sunday's night
    assert_false(m[0 * DAY + 8 * HOUR]);
    assert_false(m[4 * DAY + 18 * HOUR + 59]);
    assert_true(m[4 * DAY + 19 * HOUR]);
    assert_true(m[5 * DAY + 12 * HOUR] && m[6 * DAY + 23 * HOUR + 59]);
    assert_true(desk_hours(text_of("Fri-Mon 22:00-24:00"), m));
    assert_true(m[6 * DAY + 22 * HOUR] && m[0 * DAY + 23 * HOUR] && !m[1 * DAY + 23 * HOUR]);
    assert_true(desk_hours(text_of("mon"), m));
    assert_true(m[0] && m[DAY - 1] && !m[DAY]);
    static const char *const bad[] = {"",      "Someday",     "8-9",
                                      "08:00", "08:00-08:00", "25:00-26:00",
                                      "Mon-",  "Mon 08:00-",  "08:60-09:00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (desk_hours(text_of(bad[i]), m))
            fail_msg("'%s' is taken", bad[i]);
}

static void what_the_kernel_logind_and_programs_say_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        desk_interrupts(text_of("           CPU0       CPU1\n"
                                "  1:        900         12   IO-APIC   1-edge      i8042\n"
                                "  8:          7          0   IO-APIC   8-edge      rtc0\n"
                                " 12:         30          8   IO-APIC  12-edge      i8042\n")),
        950);
    assert_int_equal(desk_interrupts(text_of("")), 0);
    assert_int_equal(desk_idle_ms(text_of("12\n")), 12000);
    assert_int_equal(desk_idle_ms(text_of("900 ms")), 900);
    assert_int_equal(desk_idle_ms(text_of("soon")), -1);
    assert_int_equal(desk_idle_since_us(text_of("ActiveSession=\nIdleHint=no\n")), INT64_MAX);
    assert_int_equal(desk_idle_since_us(text_of("ActiveSession=2\nIdleHint=no\n")), 0);
    assert_int_equal(desk_idle_since_us(text_of(
                         "ActiveSession=2\nIdleHint=yes\nIdleSinceHint=1764000000000000\n")),
                     1764000000000000);
}

static void a_program_of_the_sites_own_says_whether_the_user_is_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/desk-XXXXXX", program[64], said[64], command[160];
    struct desk *d;
    struct error err;
    assert_non_null(mkdtemp(folder));
    snprintf(program, sizeof(program), "%s/idle", folder);
    snprintf(said, sizeof(said), "%s/said", folder);
    snprintf(command, sizeof(command), "%s %s", program, said);
    assert_true(file_write(program, "#!/bin/sh\n. $1\n", 15, 0755, &err));
    struct desk_wish wish = {.hours = "", .idle_ms = 60000, .command = command};
    assert_true(desk_open(&wish, &d, &err));
    static const struct {
        const char *does;
        enum desk_state is;
    } cases[] = {{"echo 59", DESK_USER}, {"echo 61", DESK_FREE}, {"echo 61000 ms", DESK_FREE},
                 {"exit 0", DESK_FREE},  {"exit 1", DESK_USER},  {"echo what", DESK_USER}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(file_write(said, cases[i].does, strlen(cases[i].does), 0644, &err));
        if (desk_look(d, clock_now_ms()) != cases[i].is)
            fail_msg("'%s' is misunderstood", cases[i].does);
    }
    desk_close(d);
    wish.command = "/no/such/program"; // who can not be asked may be there
    assert_true(desk_open(&wish, &d, &err));
    assert_int_equal(desk_look(d, clock_now_ms()), DESK_USER);
    desk_close(d);
    assert_true(folder_remove(folder, &err));
}

static void it_is_not_its_hour(void **state)
{
    (void)state;
    struct desk *d;
    struct error err;
    setenv("TZ", "UTC", 1);
    tzset();
    struct desk_wish wish = {.hours = "Thu 19:00-08:00", .idle_ms = 0, .command = ""};
    assert_true(desk_open(&wish, &d, &err));
    int64_t thursday_ms = 1764201600000; // 2025-11-27T00:00:00Z
    assert_int_equal(desk_look(d, thursday_ms + 12 * 3600000LL), DESK_HOURS);
    assert_int_equal(desk_look(d, thursday_ms + 20 * 3600000LL), DESK_FREE);
    assert_int_equal(desk_look(d, thursday_ms + 31 * 3600000LL), DESK_FREE);
    assert_int_equal(desk_look(d, thursday_ms + 32 * 3600000LL), DESK_HOURS);
    desk_close(d);
    wish.hours = "at night";
    assert_false(desk_open(&wish, &d, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_are_days_times_or_both),
        cmocka_unit_test(what_the_kernel_logind_and_programs_say_is_read),
        cmocka_unit_test(a_program_of_the_sites_own_says_whether_the_user_is_back),
        cmocka_unit_test(it_is_not_its_hour),
    };
    return RUN_TESTS(tests);
}
