#include "test.h"

#include "farm/launch/decide.h"
#include "farm/launch/keep.h"
#include "plat/clock.h"

#include <unistd.h>

#define NOW 1800000000000LL
#define MINUTE 60000LL
#define HOUR (60 * MINUTE)

static const struct launch_rules usual = {.most = 100,
                                          .slots = 4,
                                          .boot_ms = 5 * MINUTE,
                                          .worth_ms = 5 * MINUTE,
                                          .idle_ms = 5 * MINUTE,
                                          .budget = -1};

enum { MACHINES = 200 };
struct answer {
    struct launch_decision d;
    enum launch_act acts[MACHINES];
    const char *whys[MACHINES];
    int ended, drained;
};

static struct answer ask(struct launch_rules r, struct launch_need n,
                         const struct launch_machine *m, size_t count)
{
    struct answer a = {0};
    if (!n.deadline_ms)
        n.deadline_ms = LAUNCH_NO_DEADLINE;
    launch_decide(&r, &n, m, count, NOW, &a.d, a.acts, a.whys);
    for (size_t i = 0; i < count; i++) {
        a.ended += a.acts[i] == LAUNCH_END;
        a.drained += a.acts[i] == LAUNCH_DRAIN;
    }
    return a;
}

static const struct launch_machine busy = {.state = LAUNCH_RUNS,
                                           .began_ms = NOW - HOUR,
                                           .here = true,
                                           .was_here = true,
                                           .slots = 4,
                                           .busy = 4};
static const struct launch_machine idle = {.state = LAUNCH_RUNS,
                                           .began_ms = NOW - HOUR,
                                           .here = true,
                                           .was_here = true,
                                           .slots = 4,
                                           .idle_since_ms = NOW - 10 * MINUTE};
static const struct launch_machine asked = {.state = LAUNCH_ASKED, .asked_ms = NOW - MINUTE};

static void an_empty_queue_asks_for_nothing(void **state)
{
    (void)state;
    struct answer a = ask(usual, (struct launch_need){.task_ms = HOUR}, NULL, 0);
    assert_int_equal(a.d.want, 0);
}

static void there_are_never_more_machines_than_tasks_for_them(void **state)
{
    (void)state;
    struct answer a = ask(usual, (struct launch_need){.waiting = 9, .task_ms = 10 * HOUR}, NULL, 0);
    assert_int_equal(a.d.want, 3);
    assert_string_equal(a.d.want_why, "queue");
    a = ask(usual, (struct launch_need){.waiting = 9, .task_ms = 10 * HOUR, .slots_elsewhere = 5},
            NULL, 0);
    assert_int_equal(a.d.want, 1);
}

static void each_machine_computes_at_least_as_long_as_it_boots(void **state)
{
    (void)state;
    // 100 tasks of a minute are 25 minutes of four slots: five machines, not 25.
    struct answer a = ask(usual, (struct launch_need){.waiting = 100, .task_ms = MINUTE}, NULL, 0);
    assert_int_equal(a.d.want, 5);
    assert_string_equal(a.d.want_why, "worth");
}

static void a_task_of_its_own_need_not_be_worth_a_machine(void **state)
{
    (void)state;
    struct launch_rules native = usual;
    native.worth_ms = 0;
    native.slots = 1;
    assert_int_equal(
        ask(native, (struct launch_need){.waiting = 70, .task_ms = 1000}, NULL, 0).d.want, 70);
    assert_int_equal(ask(native, (struct launch_need){.waiting = 70}, NULL, 0).d.want, 70);
}

static void two_machines_find_out_how_long_a_task_is(void **state)
{
    (void)state;
    struct answer a = ask(usual, (struct launch_need){.waiting = 1000}, NULL, 0);
    assert_int_equal(a.d.want, 2);
    struct launch_machine there[5] = {busy, busy, busy, busy, busy};
    a = ask(usual, (struct launch_need){.waiting = 1000}, there, 5);
    assert_int_equal(a.d.want, 0);
    assert_int_equal(a.ended + a.drained, 0);
}

static void a_deadline_gets_the_fewest_that_meet_it(void **state)
{
    (void)state;
    // 400 hours of slots, 100 of machines; after the boot there are 10 hours less 5 minutes.
    struct launch_need n = {.waiting = 400, .task_ms = HOUR, .deadline_ms = NOW + 10 * HOUR};
    struct answer a = ask(usual, n, NULL, 0);
    assert_int_equal(a.d.want, 11);
    assert_string_equal(a.d.want_why, "deadline");
    struct launch_machine there[11];
    for (int i = 0; i < 11; i++)
        there[i] = busy;
    a = ask(usual, n, there, 10); // ten that are there already do it
    assert_int_equal(a.d.want, 0);
    n.deadline_ms = NOW + MINUTE; // nothing meets it: as many as have tasks, within the rules
    a = ask(usual, n, NULL, 0);
    assert_int_equal(a.d.want, 100);
}

static void the_budget_pays_for_all_that_is_asked_for(void **state)
{
    (void)state;
    struct launch_rules r = usual;
    r.price = 1;
    struct launch_need n = {.waiting = 400, .task_ms = HOUR};
    for (int money = 0; money < 400; money += 7) {
        r.budget = money;
        struct answer a = ask(r, n, NULL, 0);
        // work + boot + the tail of each, as the header promises
        double cost = a.d.want ? 100 + a.d.want * (5.0 / 60 + 1) : 0;
        assert_true(cost <= money + 1e-6);
        assert_true(money < 110 || a.d.want > 0);
    }
    r.budget = -1;
    assert_int_equal(ask(r, n, NULL, 0).d.want, 100);
}

static void when_the_money_is_over_all_leave_and_finish_what_they_have(void **state)
{
    (void)state;
    struct launch_rules r = usual;
    struct launch_machine there[] = {busy, idle, asked, busy};
    r.price = 2;
    r.budget = 100;
    r.spent = 93; // four machines for an hour and a minute: 8.13
    struct answer a = ask(r, (struct launch_need){.waiting = 400, .task_ms = HOUR}, there, 4);
    assert_int_equal(a.d.want, 0);
    assert_int_equal(a.drained, 2);
    assert_int_equal(a.ended, 2);
    assert_string_equal(a.whys[0], "budget");
}

static void what_is_idle_is_given_back_after_its_rest_and_not_before(void **state)
{
    (void)state;
    struct launch_machine there[] = {idle, busy, asked};
    struct answer a = ask(usual, (struct launch_need){0}, there, 3);
    assert_int_equal(a.acts[0], LAUNCH_END);
    assert_int_equal(a.acts[1], LAUNCH_KEEP);
    assert_int_equal(a.acts[2], LAUNCH_END);
    assert_string_equal(a.whys[2], "not_needed");
    there[0].idle_since_ms = NOW - MINUTE;
    a = ask(usual, (struct launch_need){0}, there, 3);
    assert_int_equal(a.acts[0], LAUNCH_KEEP);
    there[0] = idle;
    struct launch_rules r = usual;
    r.least = 2;
    a = ask(r, (struct launch_need){0}, there, 2);
    assert_int_equal(a.ended, 0);
}

static void a_machine_that_nobody_works_on_is_reaped(void **state)
{
    (void)state;
    struct launch_machine never = {
        .state = LAUNCH_RUNS, .began_ms = NOW - 6 * MINUTE, .asked_ms = NOW - HOUR};
    struct launch_machine lost = {.state = LAUNCH_RUNS,
                                  .began_ms = NOW - HOUR,
                                  .was_here = true,
                                  .lost_since_ms = NOW - 2 * MINUTE};
    struct launch_machine there[] = {never, lost, busy};
    struct launch_need n = {.waiting = 1000, .task_ms = HOUR};
    struct answer a = ask(usual, n, there, 3);
    assert_string_equal(a.whys[0], "never_came");
    assert_string_equal(a.whys[1], "lost");
    assert_int_equal(a.ended, 2);
    assert_int_equal(a.d.want, 99); // and others are asked for instead
    there[0].began_ms = NOW - 4 * MINUTE;
    there[1].lost_since_ms = NOW - MINUTE / 2;
    assert_int_equal(ask(usual, n, there, 3).ended, 0);
}

static void one_with_notice_is_drained_and_replaced(void **state)
{
    (void)state;
    struct launch_machine there[] = {busy};
    there[0].notice = true;
    struct answer a = ask(usual, (struct launch_need){.waiting = 4, .task_ms = HOUR}, there, 1);
    assert_int_equal(a.acts[0], LAUNCH_DRAIN);
    assert_int_equal(a.d.want, 1);
}

static void asking_again_does_not_ask_for_more(void **state)
{
    (void)state;
    struct launch_machine there[100];
    struct launch_need n = {.waiting = 333, .task_ms = HOUR};
    int first = ask(usual, n, NULL, 0).d.want;
    for (int i = 0; i < first; i++)
        there[i] = asked;
    assert_int_equal(first, 84);
    assert_int_equal(ask(usual, n, there, (size_t)first).d.want, 0);
    assert_int_equal(ask(usual, n, there, (size_t)first).ended, 0);
}

// ---- Slurm's words

static void slurms_queue_is_read(void **state)
{
    (void)state;
    // As squeue 22.05 writes it; a wait for a booting node, and ends of several kinds.
    static const char said[] = "12_0|RUNNING|n1|1800000000|1800000007|None|posthouse-h1\n"
                               "12_1|PENDING||1800000000|N/A|(Resources)|posthouse-h1\n"
                               "12_2|CONFIGURING|c3|1800000000|1800000020|None|posthouse-h1\n"
                               "12_3|COMPLETING|n1|1800000000|1800000003|None|posthouse-h1\n"
                               "12_4|NODE_FAIL|n2|1800000000|1800000001|None|posthouse-h1\n"
                               "slurm_load_jobs error: Unable to contact slurm controller\n";
    struct arena *a = arena_open(1 << 20);
    struct launched *list;
    struct error err;
    size_t count;
    assert_true(slurm_queue_read(a, text_of(said), "h1", &list, &count, &err));
    assert_int_equal(count, 4);
    assert_string_equal(list[0].worker, "slurm-h1-12_0");
    assert_string_equal(list[0].node, "n1");
    assert_int_equal(list[0].began_ms, 1800000007000);
    assert_int_equal(list[1].state, LAUNCH_ASKED);
    assert_int_equal(list[1].began_ms, 0);
    assert_int_equal(list[2].state, LAUNCH_BOOTS);
    assert_int_equal(list[3].state, LAUNCH_ENDS);
    arena_close(a);
}

static void limits_of_slurm_that_are_too_low_are_named(void **state)
{
    (void)state;
    static const char said[] = "Configuration data as of 2026-11-26T18:00:00\n"
                               "MaxArraySize            = 1001\n"
                               "MaxJobCount             = 10000\n"
                               "PrivateData             = none\n"
                               "ResumeProgram           = (null)\n";
    struct arena *a = arena_open(1 << 20);
    struct launch_finding *list;
    size_t count;
    slurm_config_judge(a, text_of(said), 1001, &list, &count);
    assert_int_equal(count, 0);
    slurm_config_judge(a, text_of(said), 1002, &list, &count);
    assert_int_equal(count, 1);
    assert_true(list[0].bad);
    assert_non_null(strstr(list[0].fix, "MaxArraySize=1003"));
    slurm_config_judge(a, text_of(said), 9500, &list, &count); // others have jobs too
    assert_int_equal(count, 2);
    assert_false(list[1].bad);
    arena_close(a);
}

// ---- the keeper, with a launcher that is a list

struct pretend {
    struct launcher door;
    struct launched list[16];
    int count, next, ended, drained;
};

static bool pretend_want(struct launcher *l, int count, enum launch_kind kind, struct error *err)
{
    struct pretend *p = (struct pretend *)l;
    static char names[64][16];
    (void)kind, (void)err;
    for (int i = 0; i < count; i++) {
        char *name = names[p->next++];
        snprintf(name, 16, "p-h-%d", p->next);
        p->list[p->count++] = (struct launched){.id = name,
                                                .worker = name,
                                                .state = LAUNCH_RUNS,
                                                .asked_ms = clock_now_ms(),
                                                .began_ms = NOW,
                                                .node = "",
                                                .why = ""};
    }
    return true;
}

static bool pretend_list(struct launcher *l, struct arena *a, struct launched **list, size_t *count,
                         struct error *err)
{
    struct pretend *p = (struct pretend *)l;
    (void)err;
    *list = ARENA_ARRAY(a, struct launched, 16);
    memcpy(*list, p->list, sizeof(p->list));
    *count = (size_t)p->count;
    return true;
}

static bool pretend_end(struct launcher *l, const char *id, struct error *err)
{
    struct pretend *p = (struct pretend *)l;
    (void)err;
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->list[i].id, id) == 0) {
            p->list[i] = p->list[--p->count];
            p->ended++;
            break;
        }
    return true;
}

static bool pretend_drain(struct launcher *l, const char *id, struct error *err)
{
    (void)id, (void)err;
    ((struct pretend *)l)->drained++;
    return true;
}

static struct keep_report go(struct keep *k, struct pretend *p, const struct launch_rules *r,
                             struct launch_need n, struct keep_worker *workers, size_t count,
                             int64_t now_ms)
{
    struct arena *a = arena_open(1 << 20);
    struct keep_report report;
    struct error err;
    n.deadline_ms = LAUNCH_NO_DEADLINE;
    struct keep_turn t = {.rules = r, .need = &n, .workers = workers, .worker_count = count};
    assert_true(keep_go(k, &p->door, &t, now_ms, a, &report, &err));
    report.machines = NULL;
    arena_close(a);
    return report;
}

static void a_keeper_asks_waits_counts_money_and_gives_back(void **state)
{
    (void)state;
    char file[] = "/tmp/posthouse-money-XXXXXX";
    close(mkstemp(file));
    struct pretend p = {.door = {"p", pretend_want, pretend_list, pretend_drain, pretend_end}};
    struct keep *k = keep_open(file);
    struct launch_rules r = usual;
    r.price = 6;
    struct launch_need much = {.waiting = 8, .task_ms = HOUR}, none = {0};
    assert_int_equal(go(k, &p, &r, much, NULL, 0, NOW).asked, 2);
    assert_int_equal(go(k, &p, &r, much, NULL, 0, NOW + MINUTE).asked, 0);
    struct keep_worker here[] = {{"p-h-1", true, 4, 4}, {"p-h-2", true, 4, 4}};
    struct launch_need taken = {.running = 8, .task_ms = HOUR};
    for (int i = 2; i <= 60; i++)
        go(k, &p, &r, taken, here, 2, NOW + i * MINUTE);
    assert_true(keep_spent(k, NOW + HOUR) > 11.99 && keep_spent(k, NOW + HOUR) < 12.01);
    here[0].busy = here[1].busy = 0;
    assert_int_equal(go(k, &p, &r, none, here, 2, NOW + 61 * MINUTE).ended, 0);
    assert_int_equal(go(k, &p, &r, none, here, 2, NOW + 67 * MINUTE).ended, 2);
    assert_int_equal(p.count, 0);
    double spent = keep_spent(k, NOW + 67 * MINUTE);
    keep_close(k);
    k = keep_open(file); // another life knows what was spent
    assert_true(keep_spent(k, NOW + 68 * MINUTE) > spent - 0.01);
    assert_true(keep_spent(k, NOW + 40 * 24 * HOUR) == 0); // the next month
    keep_close(k);
    unlink(file);
}

static void a_worker_that_is_lost_for_a_while_is_waited_for(void **state)
{
    (void)state;
    struct pretend p = {.door = {"p", pretend_want, pretend_list, pretend_drain, pretend_end}};
    struct keep *k = keep_open(NULL);
    struct launch_need need = {.waiting = 4, .task_ms = HOUR};
    struct keep_worker w = {"p-h-1", true, 4, 4};
    go(k, &p, &usual, need, NULL, 0, NOW);
    need = (struct launch_need){.running = 4, .task_ms = HOUR};
    go(k, &p, &usual, need, &w, 1, NOW + MINUTE);
    w.here = false;
    go(k, &p, &usual, need, &w, 1, NOW + 2 * MINUTE);
    w.here = true; // the line was cut
    go(k, &p, &usual, need, &w, 1, NOW + 2 * MINUTE + 30000);
    w.here = false;
    assert_int_equal(go(k, &p, &usual, need, &w, 1, NOW + 3 * MINUTE + 10000).ended, 0);
    assert_int_equal(go(k, &p, &usual, need, &w, 1, NOW + 5 * MINUTE).ended, 1);
    keep_close(k);
}

static void each_deadline_is_met_and_what_has_none_gets_machines_besides(void **state)
{
    (void)state;
    // 40 tasks of an hour for one slot, ten hours: 4 slots are one machine, and a boot is lost.
    struct launch_dated dates[] = {
        {.deadline_ms = NOW + 11 * HOUR, .waiting = 40, .work_ms = 40.0 * HOUR},
        {.deadline_ms = NOW + 12 * HOUR, .waiting = 80, .work_ms = 80.0 * HOUR}};
    struct launch_need need = {.waiting = 40, .task_ms = HOUR, .dated = dates, .dated_count = 1};
    struct answer a = ask(usual, need, NULL, 0);
    assert_int_equal(a.d.target, 1);
    assert_string_equal(a.d.want_why, "deadline");
    dates[0].deadline_ms = NOW + 2 * HOUR; // sooner: 40 / (4 x 1:55) = 5.2
    a = ask(usual, need, NULL, 0);
    assert_int_equal(a.d.target, 6);
    need.waiting = 120; // the later one counts what comes before it: 120 / (4 x 11:55) = 2.5
    need.dated_count = 2;
    a = ask(usual, need, NULL, 0);
    assert_int_equal(a.d.target, 6);
    dates[1].deadline_ms = NOW + 3 * HOUR; // 120 / (4 x 2:55) = 10.3
    a = ask(usual, need, NULL, 0);
    assert_int_equal(a.d.target, 11);
    need.waiting = 128; // eight more without a deadline: two machines
    a = ask(usual, need, NULL, 0);
    assert_int_equal(a.d.target, 13);
    need.dated_count = 0;
    a = ask(usual, need, NULL, 0); // none: as many as there is work for
    assert_int_equal(a.d.target, 32);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_asks_for_nothing),
        cmocka_unit_test(each_deadline_is_met_and_what_has_none_gets_machines_besides),
        cmocka_unit_test(there_are_never_more_machines_than_tasks_for_them),
        cmocka_unit_test(each_machine_computes_at_least_as_long_as_it_boots),
        cmocka_unit_test(a_task_of_its_own_need_not_be_worth_a_machine),
        cmocka_unit_test(two_machines_find_out_how_long_a_task_is),
        cmocka_unit_test(a_deadline_gets_the_fewest_that_meet_it),
        cmocka_unit_test(the_budget_pays_for_all_that_is_asked_for),
        cmocka_unit_test(when_the_money_is_over_all_leave_and_finish_what_they_have),
        cmocka_unit_test(what_is_idle_is_given_back_after_its_rest_and_not_before),
        cmocka_unit_test(a_machine_that_nobody_works_on_is_reaped),
        cmocka_unit_test(one_with_notice_is_drained_and_replaced),
        cmocka_unit_test(asking_again_does_not_ask_for_more),
        cmocka_unit_test(slurms_queue_is_read),
        cmocka_unit_test(limits_of_slurm_that_are_too_low_are_named),
        cmocka_unit_test(a_keeper_asks_waits_counts_money_and_gives_back),
        cmocka_unit_test(a_worker_that_is_lost_for_a_while_is_waited_for),
    };
    return RUN_TESTS(tests);
}
