#include "test.h"

#include "sched/simulate.h"

#include <inttypes.h>

static struct simulate_wish night(uint64_t seed, int hosts, int64_t frames)
{
    return (struct simulate_wish){.seed = seed,
                                  .hosts = hosts,
                                  .slots = 1,
                                  .projects = 4,
                                  .frames = frames,
                                  .frame_ms = 300000,
                                  .failing_percent = 2,
                                  .bad_hosts = hosts / 50 + 1,
                                  .spot_hosts = hosts / 5,
                                  .spot_ms = 7200000,
                                  .licences = hosts / 5,
                                  .late_permille = 3};
}

static void tell(const struct simulate_wish *w, const struct simulate_result *r)
{
    print_message("seed %" PRIu64 ": %" PRId64 " of %" PRId64 " frames in %.1f h, %" PRId64
                  " attempts, %" PRId64 " failed, %" PRId64 " lost, %" PRId64 " denied, %" PRId64
                  " twins; use %.2f %%, shares within %.2f %%, %d findings %s\n",
                  w->seed, r->committed, r->tasks, (double)r->virtual_ms / 3600000, r->attempts,
                  r->failed, r->lost, r->denied, r->twins, r->use * 100, r->share_error * 100,
                  r->findings, r->first_finding);
}

static void every_frame_of_a_night_is_committed_once_whatever_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct simulate_wish w = night(seed, 60, 6000);
        struct simulate_result r;
        w.slots = seed % 3 ? 1 : 4;
        simulate(&w, &r);
        tell(&w, &r);
        assert_int_equal(r.findings, 0);
        assert_int_equal(r.committed, r.tasks);
        assert_true(r.lost > 0 && r.failed > 0);
    }
}

static void a_farm_is_used_and_shared_as_it_was_asked(void **state)
{
    (void)state;
    struct simulate_wish w = night(11, 200, 20000);
    struct simulate_result r;
    simulate(&w, &r);
    tell(&w, &r);
    assert_true(r.use >= 0.95);
    assert_true(r.share_error <= 0.05);
    assert_true(r.twins > 0 && r.denied > 0);
}

static void the_same_seed_gives_the_same_night(void **state)
{
    (void)state;
    struct simulate_wish w = night(5, 20, 1000);
    struct simulate_result r[2];
    simulate(&w, &r[0]);
    simulate(&w, &r[1]);
    assert_memory_equal(&r[0], &r[1], sizeof(r[0]));
    w.seed = 6;
    simulate(&w, &r[1]);
    assert_true(r[0].virtual_ms != r[1].virtual_ms);
}

static void the_audit_finds_a_frame_that_is_committed_twice(void **state)
{
    (void)state;
    struct simulate_wish w = night(5, 20, 1000);
    struct simulate_result r;
    w.commits_twice = true;
    simulate(&w, &r);
    assert_true(r.findings >= 1);
    print_message("found: %s\n", r.first_finding);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_of_a_night_is_committed_once_whatever_fails),
        cmocka_unit_test(a_farm_is_used_and_shared_as_it_was_asked),
        cmocka_unit_test(the_same_seed_gives_the_same_night),
        cmocka_unit_test(the_audit_finds_a_frame_that_is_committed_twice),
    };
    return RUN_TESTS(tests);
}
