#include "test.h"

#include "farm/plan.h"

#include <math.h>

static struct price_machine plain_machine = {.name = "m",
                                             .provider = "x",
                                             .cores = 16,
                                             .memory_gib = 32,
                                             .speed = 1,
                                             .spot = {0.19, 0.19, 0.19},
                                             .on_demand = 0.68};
static const struct price_licence arnold = {"arnold", 0.66};

static struct prices plain(void)
{
    return (struct prices){.date = "2026-09-20",
                           .currency = "USD",
                           .machines = &plain_machine,
                           .machine_count = 1,
                           .licences = &arnold,
                           .licence_count = 1,
                           .egress_gb = 0.09};
}

static struct plan_ask ask(int64_t frames, const double *frame_s, size_t count)
{
    return (struct plan_ask){.frames = frames,
                             .frame_s = frame_s,
                             .frame_count = count,
                             .frame_cores = 16,
                             .up = 100e6 / 8,
                             .down = 100e6 / 8,
                             .budget = -1,
                             .licence = ""};
}

static bool near(double a, double b, double part)
{
    if (fabs(a - b) <= fabs(b) * part)
        return true;
    print_error("%g is not near %g\n", a, b);
    return false;
}

// 100,000 frames of 5 minutes on 1,000 machines: 8.3 hours, 8,333 machine-hours: 1,583 for the
// machines at 0.19 and 5,500 for licences at 0.66; 1.2 TB that leave cost 108.
static void known_sums_come_out(void **state)
{
    (void)state;
    static const double five_minutes[] = {300, 300, 300};
    struct prices p = plain();
    struct plan_ask a = ask(100000, five_minutes, 3);
    struct plan_choice c;
    plan_price(&a, &p, &plain_machine, true, 1000, &c);
    assert_true(near(c.time_s, 8.33 * 3600, 0.01));
    assert_true(near(c.terms.machine, 1583, 0.01));
    assert_true(near(c.cost, 1583, 0.01));
    a.licence = "arnold";
    plan_price(&a, &p, &plain_machine, true, 1000, &c);
    assert_true(near(c.terms.licence, 5500, 0.01));
    a.bytes_out = 12e6;
    a.down = 1e9;
    plan_price(&a, &p, &plain_machine, true, 1000, &c);
    assert_true(near(c.terms.egress, 108, 0.01));
    a = ask(1, five_minutes, 3);
    a.bytes_in = 200e9; // 100 Mbit/s: 4.4 hours
    plan_price(&a, &p, &plain_machine, true, 1, &c);
    assert_true(near(c.terms.stage_s, 4.44 * 3600, 0.01));
}

static void spot_loses_half_a_frame_at_each_interruption(void **state)
{
    (void)state;
    static const double an_hour[] = {3600, 3600};
    struct prices p = plain();
    struct plan_ask a = ask(1000, an_hour, 2);
    struct plan_choice spot, sure;
    p.interruptions = (price_range){0.2, 0.2, 0.2};
    plan_price(&a, &p, &plain_machine, true, 10, &spot);
    plan_price(&a, &p, &plain_machine, false, 10, &sure);
    assert_true(near(spot.time_s / sure.time_s, 1.1, 0.002)); // 1 + h c / 2
    assert_true(near(spot.terms.retry_s, sure.time_s * 0.1, 0.02));
    assert_true(sure.terms.retry_s == 0);
}

static void machines_here_work_while_others_are_made_ready(void **state)
{
    (void)state;
    static const double minute[] = {60, 60};
    struct prices p = plain();
    struct plan_ask a = ask(600, minute, 2);
    struct plan_choice c;
    a.here = 10;
    p.boot_s = (price_range){600, 600, 600};
    plan_price(&a, &p, NULL, false, 0, &c);
    assert_true(near(c.time_s, 3600 + 30, 0.01)); // an hour, and half a frame at the end
    assert_true(c.cost == 0);
    plan_price(&a, &p, &plain_machine, false, 10,
               &c); // 100 frames in the first ten minutes, then twice as fast
    assert_true(near(c.time_s, 600 + 1500 + 30, 0.01));
    assert_true(near(c.frames_there, 250, 0.01));
    a.bytes_in = 1e12; // what is not there in time is not worth going for
    plan_price(&a, &p, &plain_machine, false, 10, &c);
    assert_true(c.frames_there == 0 && c.cost == 0);
}

static void the_spread_of_previews_is_in_the_answer(void **state)
{
    (void)state;
    static const double even[] = {300, 301, 299, 300, 300}, uneven[] = {60, 540, 100, 500, 300};
    struct prices p = plain();
    struct plan_choice calm, wild, again;
    struct plan_ask a = ask(1000, even, 5), b = ask(1000, uneven, 5), one = ask(1000, even, 1);
    a.deadline_s = b.deadline_s = one.deadline_s = 1000 * 300 / 100 * 1.2;
    plan_price(&a, &p, &plain_machine, true, 100, &calm);
    plan_price(&b, &p, &plain_machine, true, 100, &wild);
    assert_true(near(calm.time_s, wild.time_s, 0.001));
    assert_true(calm.time_p95_s < calm.time_s * 1.02);
    assert_true(wild.time_p95_s > wild.time_s * 1.2);
    assert_true(calm.meets_deadline == 1 && wild.meets_deadline < 0.9 && wild.meets_deadline > 0.3);
    plan_price(&b, &p, &plain_machine, true, 100, &again);
    assert_memory_equal(&wild, &again, sizeof(wild)); // the same question, the same answer
    plan_price(&one, &p, &plain_machine, true, 100, &wild);
    assert_true(wild.time_p95_s > wild.time_s * 1.5); // one preview says little
}

static void the_table_has_what_nothing_beats_and_the_advice_keeps_the_limits(void **state)
{
    (void)state;
    static const double ten_minutes[] = {600, 610, 590};
    static const struct price_machine machines[] = {{.name = "good",
                                                     .cores = 16,
                                                     .memory_gib = 32,
                                                     .speed = 1,
                                                     .spot = {0.1, 0.2, 0.3},
                                                     .on_demand = 0.6},
                                                    {.name = "dear",
                                                     .cores = 16,
                                                     .memory_gib = 32,
                                                     .speed = 1,
                                                     .spot = {0.5, 0.5, 0.5},
                                                     .on_demand = 2},
                                                    {.name = "small",
                                                     .cores = 64,
                                                     .memory_gib = 4,
                                                     .speed = 1,
                                                     .spot = {0.01, 0.01, 0.01},
                                                     .on_demand = 0.02}};
    struct prices p = plain();
    p.machines = machines;
    p.machine_count = 3;
    p.boot_s = (price_range){100, 180, 400};
    struct plan_ask a = ask(2000, ten_minutes, 3);
    struct plan_choice c[PLAN_CHOICES_MOST];
    struct error err;
    size_t count;
    a.here = 4;
    a.memory_gib = 16;
    a.deadline_s = 5 * 3600;
    a.budget = 100;
    assert_true(plan_choose(&a, &p, c, &count, &err));
    assert_true(count >= 4);
    bool here = false;
    for (size_t i = 0; i < count; i++) {
        here |= !c[i].machine;
        assert_false(c[i].machine && strcmp(c[i].machine->name, "good") != 0);
        for (size_t k = 0; k < count; k++)
            assert_false(k != i && c[k].machine && c[i].machine && c[k].time_s < c[i].time_s &&
                         c[k].cost < c[i].cost);
    }
    assert_true(here);
    int advised = plan_advice(&a, c, count);
    assert_true(advised >= 0 && c[advised].machine);
    assert_true(c[advised].time_p95_s < 5.5 * 3600 && c[advised].cost < 100 &&
                c[advised].meets_deadline >= 0.9);
    a.budget = 5;
    assert_true(plan_choose(&a, &p, c, &count, &err));
    assert_int_equal(plan_advice(&a, c, count), -1);
    a.licence = "unknown";
    assert_false(plan_choose(&a, &p, c, &count, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    a.licence = "";
    a.frames = 0;
    assert_false(plan_choose(&a, &p, c, &count, &err));
}

static void the_prices_that_ship_can_be_read(void **state)
{
    (void)state;
    static char content[64 << 10];
    FILE *f = fopen(getenv("PRICES"), "rb");
    assert_non_null(f);
    size_t size = fread(content, 1, sizeof(content), f);
    fclose(f);
    struct arena *a = arena_open(1 << 20);
    struct prices p;
    struct error err;
    assert_true(prices_read(a, "prices", (text){content, size}, &p, &err));
    assert_int_equal(p.machine_count, 4);
    assert_true(p.unchecked > 0);
    char *wrong = strstr(content, "\"cores\": 16");
    memcpy(wrong, "\"cores\": -1", 11);
    assert_false(prices_read(a, "prices", (text){content, size}, &p, &err));
    assert_non_null(strstr(err.why, "machines[0].cores"));
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums_come_out),
        cmocka_unit_test(spot_loses_half_a_frame_at_each_interruption),
        cmocka_unit_test(machines_here_work_while_others_are_made_ready),
        cmocka_unit_test(the_spread_of_previews_is_in_the_answer),
        cmocka_unit_test(the_table_has_what_nothing_beats_and_the_advice_keeps_the_limits),
        cmocka_unit_test(the_prices_that_ship_can_be_read),
    };
    return RUN_TESTS(tests);
}
