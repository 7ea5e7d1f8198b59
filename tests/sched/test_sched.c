#include "small.h"

// ---- the order of work

static void a_higher_tier_goes_first_then_priority_then_age(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 4);
    sched_step old = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    sched_step young = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    sched_step urgent = quick(&f, "a", 2, 90, (struct sched_step_wish){.count = 1});
    sched_step ingest = quick(&f, "a", 6, 0, (struct sched_step_wish){.count = 1});
    assert_int_equal(decide(&f, g), 4);
    assert_int_equal(g[0].step, ingest);
    assert_int_equal(g[1].step, urgent);
    assert_int_equal(g[2].step, old);
    assert_int_equal(g[3].step, young);
    farm_close(&f);
}

static void a_job_that_is_made_urgent_goes_first(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 0);
    sched_step one = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    sched_job job = job_add(&f, "a", 2, 10);
    sched_step two = step_add(&f, job, (struct sched_step_wish){.count = 1});
    sched_job_start(f.s, job, f.now);
    sched_job_edit(f.s, job, 2, 80, f.now);
    sched_worker_asks(f.s, 1, 2, f.now);
    assert_int_equal(decide(&f, g), 2);
    assert_int_equal(g[0].step, two);
    assert_int_equal(g[1].step, one);
    farm_close(&f);
}

static void projects_hold_machines_by_their_weights_and_users_share_alike(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    int held[2] = {0}, of_bob = 0;
    farm_open(&f, 16, 1);
    sched_step big = quick(&f, "big", 2, 50, (struct sched_step_wish){.count = 100});
    quick(&f, "small", 2, 99, (struct sched_step_wish){.count = 100});
    sched_job job = sched_job_add(f.s,
                                  &(struct sched_job_wish){.project = sched_word(f.s, "big"),
                                                           .user = sched_word(f.s, "bob"),
                                                           .tier = 2,
                                                           .priority = 1},
                                  f.now);
    sched_step bobs = step_add(&f, job, (struct sched_step_wish){.count = 100});
    sched_job_start(f.s, job, f.now);
    sched_weight(f.s, sched_word(f.s, "big"), 3);
    assert_int_equal(decide(&f, g), 16);
    for (int i = 0; i < 16; i++) {
        held[g[i].step == big || g[i].step == bobs]++;
        of_bob += g[i].step == bobs;
    }
    assert_int_equal(held[1], 12);
    assert_int_equal(of_bob, 6);
    farm_close(&f);
}

static void three_machines_are_shared_by_four_projects_over_time(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], running[3];
    int served[5] = {0};
    const char *const names[] = {"a", "b", "c", "d"};
    sched_step steps[4];
    farm_open(&f, 3, 1);
    for (int i = 0; i < 4; i++)
        steps[i] = quick(&f, names[i], 2, 50, (struct sched_step_wish){.count = 1000});
    assert_int_equal(decide(&f, running), 3);
    for (int i = 0; i < 1200; i++) {
        f.now += 10000;
        next(&f, &running[i % 3], SCHED_WELL);
        assert_int_equal(decide(&f, g), 1);
        running[i % 3] = g[0];
        for (int k = 0; k < 4; k++)
            served[k] += g[0].step == steps[k];
    }
    for (int k = 0; k < 4; k++)
        assert_in_range(served[k], 295, 305);
    farm_close(&f);
}

// ---- who can

static void pools_and_tags_choose_workers(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    sched_word_id debian = sched_word(f.s, "os=linux"), fx = sched_word(f.s, "pool=fx"),
                  light = sched_word(f.s, "pool=light"), old = sched_word(f.s, "tag=old");
    sched_word_id with[2][3] = {{debian, fx, 0}, {debian, light, old}};
    for (int i = 0; i < 2; i++) {
        sched_worker w =
            sched_worker_add(f.s, &(struct sched_worker_wish){.host = sched_host_add(f.s),
                                                              .has = {.milli_cpus = 8000},
                                                              .words = with[i],
                                                              .word_count = i ? 3 : 2});
        sched_worker_up(f.s, w, f.now);
        sched_worker_asks(f.s, w, 1, f.now);
    }
    sched_word_id pools[] = {fx, light};
    struct sched_clause clauses[] = {{&debian, 1, false}, {pools, 2, false}, {&old, 1, true}};
    quick(&f, "a", 2, 50,
          (struct sched_step_wish){.count = 3, .clauses = clauses, .clause_count = 3});
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].worker, 2); // 1 has no words, 3 is old
    farm_close(&f);
}

static void amounts_are_held_and_gpus_given_by_index(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 4); // no GPU
    sched_worker w =
        sched_worker_add(f.s, &(struct sched_worker_wish){
                                  .host = sched_host_add(f.s),
                                  .has = {.milli_cpus = 8000, .gpus = 3, .gpu_memory_mib = 24000}});
    sched_worker_up(f.s, w, f.now);
    sched_worker_asks(f.s, w, 8, f.now);
    sched_step two =
        quick(&f, "a", 2, 50,
              (struct sched_step_wish){.count = 5, .needs = {.gpus = 2, .gpu_memory_mib = 20000}});
    quick(&f, "a", 2, 90,
          (struct sched_step_wish){.count = 1, .needs = {.gpus = 1, .gpu_memory_mib = 48000}});
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].worker, w);
    assert_int_equal(g[0].step, two);
    assert_int_equal(g[0].gpus, 3);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 5, .needs = {.gpus = 1}});
    sched_fence first = g[0].fence;
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].gpus, 4);
    ended(&f, first, SCHED_WELL);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].gpus, 3);
    farm_close(&f);
}

static void what_any_machine_can_do_does_not_take_the_one_with_the_gpu(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 0, 0);
    for (int i = 0; i < 3; i++) {
        sched_worker w = sched_worker_add(
            f.s, &(struct sched_worker_wish){.host = sched_host_add(f.s),
                                             .has = {.milli_cpus = 8000, .gpus = i == 0}});
        sched_worker_up(f.s, w, f.now);
        sched_worker_asks(f.s, w, 1, f.now);
    }
    decide(&f, NULL);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 2});
    quick(&f, "a", 2, 40, (struct sched_step_wish){.count = 1, .needs = {.gpus = 1}});
    assert_int_equal(decide(&f, g), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(g[i].worker == 1, g[i].gpus == 1);
    farm_close(&f);
}

static void hundreds_of_different_needs_hide_nothing(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    // Each a class of its own: two hundred that fit, and above them what is too big for the farm.
    for (int i = 0; i < 256; i++)
        quick(&f, "low", 1, 50,
              (struct sched_step_wish){.count = 1,
                                       .needs = {.memory_mib = i < 200 ? 1000 + i : 30000 + i}});
    for (int i = 0; i < 200; i++) {
        char project[16];
        snprintf(project, sizeof(project), "project %d", i);
        quick(&f, project, 2, 50,
              (struct sched_step_wish){.count = 1, .needs = {.memory_mib = 20000 + i}});
    }
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].step, 1);
    farm_close(&f);
}

static void a_big_task_gets_a_host_that_is_emptied_for_it(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], running[8];
    bool got = false;
    farm_open(&f, 1, 8);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1000, .needs = {.milli_cpus = 1000}});
    assert_int_equal(decide(&f, running), 8);
    sched_step big =
        quick(&f, "a", 2, 90, (struct sched_step_wish){.count = 1, .needs = {.milli_cpus = 8000}});
    for (int i = 0; i < 400 && !got; i++) { // small ones end one by one
        f.now += 1000;
        if (running[i % 8].fence)
            next(&f, &running[i % 8], SCHED_WELL);
        running[i % 8].fence = 0;
        if (decide(&f, g)) {
            running[i % 8] = g[0];
            got = g[0].step == big;
        }
    }
    assert_true(got);
    farm_close(&f);
}

// ---- limits

static sched_word_id limit(struct farm *f, const char *name, enum sched_scope scope, int64_t total)
{
    sched_word_id word = sched_word(f->s, name);
    sched_limit_set(f->s, &(struct sched_limit_wish){.name = word, .scope = scope, .total = total},
                    f->now);
    return word;
}

static void a_limit_counts_tasks_or_hosts(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_limit_look l;
    farm_open(&f, 3, 4);
    struct sched_need_limit task = {limit(&f, "arnold", SCHED_A_TASK, 5), 2};
    struct sched_need_limit host = {limit(&f, "nuke", SCHED_A_HOST, 2), 1};
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 50, .limits = &task, .limit_count = 1});
    assert_int_equal(decide(&f, g), 2);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 50, .limits = &host, .limit_count = 1});
    int more = decide(&f, g);
    bool on[4] = {0};
    for (int i = 0; i < more; i++)
        on[g[i].worker] = true;
    assert_int_equal(on[1] + on[2] + on[3], 2);
    assert_true(more > 2);
    assert_true(sched_limit_look(f.s, host.limit, &l));
    assert_int_equal(l.used, 2);
    farm_close(&f);
}

static void a_denied_licence_lowers_the_limit_and_is_nobodys_fault(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], again[64];
    struct sched_notice n;
    struct sched_limit_look l;
    farm_open(&f, 4, 1);
    struct sched_need_limit need = {limit(&f, "arnold", SCHED_A_TASK, 4), 1};
    sched_step step = quick(
        &f, "a", 2, 50, (struct sched_step_wish){.count = 9, .limits = &need, .limit_count = 1});
    assert_int_equal(decide(&f, g), 4);
    assert_int_equal(next(&f, &g[0], SCHED_LICENCE_DENIED), SCHED_COUNTS);
    assert_true(noticed(&f, SCHED_LIMIT_LOWERED, &n));
    assert_int_equal(n.count, 3);
    assert_int_equal(decide(&f, again), 0);
    assert_int_equal(look(&f, step).waiting, 6);
    assert_int_equal(look(&f, step).failed, 0);
    assert_true(sched_limit_look(f.s, need.limit, &l) && l.learned == 3);
    struct sched_reason r;
    assert_true(says(&f, 1, SCHED_WHY_LIMIT, &r));
    assert_non_null(strstr(r.text, "lowered to 3"));
    f.now += 60000; // it is tried again after a while
    assert_int_equal(decide(&f, again), 1);
    assert_true(sched_limit_look(f.s, need.limit, &l) && l.learned == 4);
    farm_close(&f);
}

static void an_outside_report_narrows_a_limit_and_may_take_back(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 4, 1);
    struct sched_limit_wish wish = {
        .name = sched_word(f.s, "maya"), .total = 4, .outside = 1, .yields = true};
    sched_limit_set(f.s, &wish, f.now);
    struct sched_need_limit need = {wish.name, 1};
    sched_step step = quick(
        &f, "a", 2, 50, (struct sched_step_wish){.count = 9, .limits = &need, .limit_count = 1});
    assert_int_equal(decide(&f, g), 3);
    wish.outside = 2;
    sched_limit_set(f.s, &wish, f.now);
    const struct sched_batch *b = sched_batch(f.s);
    assert_int_equal(b->drop_count, 1);
    assert_int_equal(b->drops[0].fence, g[2].fence); // the newest
    sched_keep(f.s);
    assert_int_equal(look(&f, step).running, 2);
    assert_int_equal(decide(&f, g + 3), 0);
    assert_int_equal(ended(&f, g[2].fence, SCHED_WELL), SCHED_STALE);
    farm_close(&f);
}

// ---- dependencies

static void commit_all(struct farm *f, const struct sched_give *g, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(next(f, &g[i], SCHED_WELL), SCHED_COUNTS);
}

static void a_step_waits_for_all_of_another(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_reason r;
    farm_open(&f, 4, 1);
    sched_job job = job_add(&f, "a", 2, 50);
    struct sched_needs_step after = {
        .step = step_add(&f, job, (struct sched_step_wish){.count = 3}), .after = SCHED_AFTER_ALL};
    sched_step film =
        step_add(&f, job, (struct sched_step_wish){.count = 1, .after = &after, .after_count = 1});
    sched_job_start(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 3);
    commit_all(&f, g, 2);
    assert_int_equal(decide(&f, g + 3), 0);
    assert_true(says(&f, job, SCHED_WHY_AFTER, &r));
    assert_int_equal(r.b, 2);
    commit_all(&f, g + 2, 1);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].step, film);
    commit_all(&f, g, 1);
    assert_int_equal(job_state(&f, job), SCHED_JOB_DONE);
    farm_close(&f);
}

static void a_frame_waits_for_its_own_frame(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 4, 1);
    sched_job job = job_add(&f, "a", 2, 50);
    sched_step render = step_add(&f, job, (struct sched_step_wish){.count = 4});
    struct sched_needs_step same = {.step = render, .after = SCHED_AFTER_FRAMES};
    sched_step comp =
        step_add(&f, job, (struct sched_step_wish){.count = 4, .after = &same, .after_count = 1});
    sched_job_start(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 4);
    commit_all(&f, g + 2, 1);
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].step, comp);
    assert_int_equal(h[0].first, 2);
    farm_close(&f);
}

static void frame_sets_that_differ_are_matched_by_frame(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 8, 8);
    sched_job job = job_add(&f, "a", 2, 50);
    // Frames 101, 103, 105 in two tiles each; comp wants 100..105, one task a frame.
    struct sched_frames odd = {101, 2, 3}, all = {100, 1, 6}, half[] = {{100, 1, 6}};
    sched_step render = step_add(
        &f, job, (struct sched_step_wish){.count = 6, .tiles = 2, .frames = &odd, .frame_runs = 1});
    struct sched_needs_step same = {.step = render, .after = SCHED_AFTER_FRAMES};
    sched_step comp = step_add(
        &f, job,
        (struct sched_step_wish){
            .count = 6, .frames = &all, .frame_runs = 1, .after = &same, .after_count = 1});
    // An encoder takes three comp frames a task.
    struct sched_needs_step comped = {.step = comp, .after = SCHED_AFTER_FRAMES};
    sched_step encode = step_add(&f, job,
                                 (struct sched_step_wish){.count = 2,
                                                          .frames_a_task = 3,
                                                          .frames = half,
                                                          .frame_runs = 1,
                                                          .after = &comped,
                                                          .after_count = 1});
    sched_job_start(f.s, job, f.now);
    // 100, 102 and 104 have no render to wait for.
    assert_int_equal(look(&f, comp).ready, 3);
    assert_int_equal(decide(&f, g), 9);
    for (int i = 0; i < 9; i++) // one tile of 101 is not enough
        if (g[i].step == render && g[i].first == 0)
            commit_all(&f, &g[i], 1);
    assert_int_equal(decide(&f, h), 0);
    for (int i = 0; i < 9; i++)
        if (g[i].step == render && g[i].first == 1)
            commit_all(&f, &g[i], 1);
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].step, comp);
    assert_int_equal(h[0].first, 1); // frame 101
    commit_all(&f, h, 1);
    for (int i = 0; i < 9; i++)
        if (g[i].step == comp && g[i].first != 4)
            commit_all(&f, &g[i], 1); // 100 and 102
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].step, encode);
    assert_int_equal(h[0].first, 0);
    farm_close(&f);
}

static void a_simulation_goes_on_frame_after_frame_and_its_chunk_is_one_attempt(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 4, 1);
    struct sched_needs_step previous = {.after = SCHED_AFTER_FRAMES, .from = -1, .to = -1};
    quick(&f, "a", 2, 50,
          (struct sched_step_wish){.count = 8, .chunk = 3, .after = &previous, .after_count = 1});
    const int64_t lasts[] = {2, 5, 7};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(decide(&f, g), 1);
        assert_int_equal(g[0].last, lasts[i]);
        commit_all(&f, g, 1);
    }
    assert_int_equal(decide(&f, g), 0);
    farm_close(&f);
}

static void a_chunk_waits_for_all_its_frames_but_not_for_what_has_failed_elsewhere(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 6, 2);
    sched_job job = job_add(&f, "a", 2, 50);
    sched_step render = step_add(&f, job, (struct sched_step_wish){.count = 6});
    struct sched_needs_step same = {.step = render, .after = SCHED_AFTER_FRAMES};
    sched_step comp = step_add(
        &f, job,
        (struct sched_step_wish){.count = 6, .chunk = 3, .after = &same, .after_count = 1});
    sched_job_start(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 6);
    commit_all(&f, g, 2);
    assert_int_equal(decide(&f, h), 0); // 2 is missing
    commit_all(&f, g + 2, 1);
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].step, comp);
    assert_int_equal(h[0].first, 0);
    assert_int_equal(h[0].last, 2);
    commit_all(&f, g + 3, 1);
    next(&f, &g[4], SCHED_HOPELESS);
    assert_int_equal(decide(&f, h), 0); // 5 may still come
    commit_all(&f, g + 5, 1);           // and now nothing more does
    assert_int_equal(decide(&f, h), 2);
    assert_int_equal(h[0].first + h[1].first, 3 + 5);
    farm_close(&f);
}

static void impossible_steps_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct farm f;
    struct error err;
    sched_step step;
    farm_open(&f, 0, 0);
    sched_job job = job_add(&f, "a", 2, 50);
    struct sched_needs_step later = {.step = 99}, itself = {.after = SCHED_AFTER_FRAMES};
    struct sched_frames back[] = {{10, 1, 5}, {12, 1, 5}};
    const struct sched_step_wish wrong[] = {
        {.count = 0},
        {.count = (int64_t)SCHED_TASKS_MOST + 1},
        {.count = 1, .after = &later, .after_count = 1},
        {.count = 1, .after = &itself, .after_count = 1},
        {.count = 10, .frames = back, .frame_runs = 2},
        {.count = 4, .frames = back, .frame_runs = 1},
        {.count = 1, .needs = {.memory_mib = -1}},
        {.count = 1, .chunk = -1},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(sched_step_add(f.s, job, &wrong[i], &step, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(err.what[0] && err.why[0] && err.fix[0]);
    }
    farm_close(&f);
}

// ---- failures

static void a_task_that_fails_rests_and_fails_for_good_after_its_tries(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_notice n;
    struct sched_reason r;
    farm_open(&f, 1, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(decide(&f, g), 1);
        assert_int_equal(next(&f, &g[0], SCHED_TASKS_FAULT), SCHED_COUNTS);
        if (i == 2)
            break;
        assert_int_equal(decide(&f, g), 0);
        assert_true(says(&f, 1, SCHED_WHY_RESTS, &r));
        f.now += 5000 << i;
    }
    assert_true(noticed(&f, SCHED_TASK_FAILED, &n));
    assert_int_equal(n.count, 3);
    assert_int_equal(look(&f, step).failed, 1);
    assert_int_equal(job_state(&f, 1), SCHED_JOB_FAILED);
    farm_close(&f);
}

static void only_the_tasks_own_fault_counts_against_its_tries(void **state)
{
    (void)state;
    static const enum sched_how fine[] = {SCHED_LOST,    SCHED_HOSTS_FAULT,    SCHED_STOPPED,
                                          SCHED_LOST,    SCHED_LICENCE_DENIED, SCHED_HOSTS_FAULT,
                                          SCHED_STOPPED, SCHED_SHARED_FAULT};
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        assert_int_equal(decide(&f, g), 1);
        next(&f, &g[0], fine[i]);
        f.now += 400000;
    }
    assert_int_equal(look(&f, step).failed, 0);
    assert_int_equal(decide(&f, g), 1);
    next(&f, &g[0], SCHED_HOPELESS); // will never do
    assert_int_equal(look(&f, step).failed, 1);
    farm_close(&f);
}

static void a_task_over_which_workers_are_lost_is_held_to_be_the_cause(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    for (int i = 0; i < 12; i++) {
        assert_int_equal(decide(&f, g), 1);
        sched_worker_gone(f.s, 1, f.now);
        sched_worker_up(f.s, 1, f.now);
        sched_worker_asks(f.s, 1, 1, f.now);
    }
    assert_int_equal(look(&f, step).failed, 1);
    farm_close(&f);
}

static void a_failed_chunk_is_tried_again_frame_by_frame(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 10, .chunk = 5});
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].last, 4);
    assert_int_equal(sched_made(f.s, g[0].fence, 0, 1, f.now), SCHED_COUNTS);
    next(&f, &g[0], SCHED_TASKS_FAULT);
    assert_int_equal(look(&f, step).done, 2); // what was made stays
    f.now += 5000;
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].first, 2);
    assert_int_equal(g[0].last, 2);
    farm_close(&f);
}

static void a_task_that_failed_goes_to_another_host(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 2, 0);
    sched_worker_asks(f.s, 1, 1, f.now);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    assert_int_equal(decide(&f, g), 1);
    next(&f, &g[0], SCHED_TASKS_FAULT);
    f.now += 5000;
    assert_int_equal(decide(&f, h), 0);
    sched_worker_asks(f.s, 2, 1, f.now);
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].worker, 2);
    farm_close(&f);
}

static void a_host_that_fails_for_three_jobs_is_put_away_and_comes_back(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_notice n;
    struct sched_host_look h;
    farm_open(&f, 4, 0);
    sched_worker_asks(f.s, 1, 1, f.now);
    for (int i = 0; i < 4; i++)
        quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(decide(&f, g), 1);
        next(&f, &g[0], SCHED_TASKS_FAULT);
    }
    assert_true(noticed(&f, SCHED_HOST_QUARANTINED, &n));
    assert_int_equal(n.host, 1);
    assert_int_equal(decide(&f, g), 0);
    sched_host_look(f.s, 1, &h);
    assert_int_equal(h.quarantined_until_ms, n.until_ms);
    f.now = n.until_ms;
    sched_tick(f.s, f.now);
    assert_true(noticed(&f, SCHED_HOST_GOOD_AGAIN, &n));
    assert_int_equal(decide(&f, g), 1);
    next(&f, &g[0], SCHED_HOSTS_FAULT); // one more is enough now, and for longer
    sched_host_look(f.s, 1, &h);
    assert_int_equal(h.quarantined_until_ms, f.now + 1200000);
    farm_close(&f);
}

static void the_last_host_is_never_put_away(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 100});
    for (int i = 0; i < 10; i++) {
        assert_int_equal(decide(&f, g), 1);
        next(&f, &g[0], SCHED_HOSTS_FAULT);
    }
    farm_close(&f);
}

static void one_bad_host_does_not_eat_a_job(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 3, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 200});
    int on_bad = 0, running = 0;
    struct sched_give all[8];
    for (int i = 0; i < 2000 && look(&f, step).done < 200; i++) {
        int more = decide(&f, g);
        for (int k = 0; k < more; k++)
            all[running++] = g[k];
        on_bad += more && g[0].worker == 1;
        f.now += 1000;
        while (running) {
            running--;
            next(&f, &all[running], all[running].worker == 1 ? SCHED_TASKS_FAULT : SCHED_WELL);
        }
    }
    assert_int_equal(look(&f, step).done, 200);
    assert_int_equal(look(&f, step).failed, 0);
    assert_in_range(on_bad, 1, 6);
    farm_close(&f);
}

static void a_scene_that_fails_on_all_hosts_is_stopped_until_somebody_resumes_it(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_notice n;
    struct sched_reason r;
    farm_open(&f, 8, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 100});
    assert_int_equal(decide(&f, g), 8);
    for (int i = 0; i < 5; i++)
        next(&f, &g[i], SCHED_TASKS_FAULT);
    assert_true(noticed(&f, SCHED_SCENE_STOPPED, &n));
    assert_int_equal(n.count, 5);
    assert_int_equal(decide(&f, g), 0);
    assert_int_equal(job_state(&f, 1), SCHED_JOB_STOPPED);
    assert_true(says(&f, 1, SCHED_WHY_STOPPED, &r));
    sched_job_resume(f.s, 1, f.now);
    assert_int_equal(decide(&f, g), 5);
    farm_close(&f);
}

static void what_somebody_resumes_may_run_where_it_failed_before(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 3, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 100});
    for (int turn = 0; turn < 2; turn++) { // the second time it does not suit any of them
        assert_int_equal(decide(&f, g), 3);
        for (int i = 0; i < 3; i++)
            next(&f, &g[i], SCHED_TASKS_FAULT);
    }
    f.now += 10000; // the tasks have rested
    assert_int_equal(job_state(&f, 1), SCHED_JOB_STOPPED);
    assert_int_equal(decide(&f, g), 0);
    sched_job_resume(f.s, 1, f.now);
    assert_int_equal(decide(&f, g), 3);
    farm_close(&f);
}

static void where_there_is_one_host_its_fault_lets_the_task_rest(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1});
    assert_int_equal(decide(&f, g), 1);
    next(&f, &g[0], SCHED_HOSTS_FAULT);
    assert_int_equal(decide(&f, g), 0); // a full disk is not empty at once
    f.now += 5000;
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(look(&f, step).failed, 0);
    farm_close(&f);
}

// ---- late ones

static void a_straggler_runs_twice_and_the_first_commit_wins(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 4, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 4});
    assert_int_equal(decide(&f, g), 4);
    f.now += 20000;
    commit_all(&f, g, 3);
    assert_int_equal(decide(&f, h), 0); // it is not late yet
    f.now += 20000;
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].twin, g[3].fence);
    assert_int_equal(h[0].first, 3);
    f.now += 10000;
    assert_int_equal(ended(&f, h[0].fence, SCHED_WELL), SCHED_COUNTS);
    const struct sched_batch *b = sched_batch(f.s);
    assert_int_equal(b->drop_count, 1);
    assert_int_equal(b->drops[0].fence, g[3].fence);
    assert_int_equal(b->drops[0].why, SCHED_DROP_LATE);
    sched_keep(f.s);
    assert_int_equal(ended(&f, g[3].fence, SCHED_WELL), SCHED_STALE);
    assert_int_equal(look(&f, step).done, 4);
    assert_int_equal(sched_batch(f.s)->change_count, 0);
    farm_close(&f);
}

static void a_late_chunk_is_shared_by_two(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 4, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 40, .chunk = 10});
    assert_int_equal(decide(&f, g), 4);
    f.now += 100000;
    commit_all(&f, g, 3);
    sched_made(f.s, g[3].fence, 30, 31, f.now);
    f.now += 100000;
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].first, 36);
    assert_int_equal(h[0].last, 39);
    assert_int_equal(ended(&f, h[0].fence, SCHED_WELL), SCHED_COUNTS);
    assert_int_equal(look(&f, step).running, 4);
    ended(&f, g[3].fence, SCHED_LOST);
    assert_int_equal(look(&f, step).waiting, 4);
    farm_close(&f);
}

static void a_suspended_job_gets_no_second_attempt_for_its_late_ones(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 4, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 4});
    assert_int_equal(decide(&f, g), 4);
    f.now += 20000;
    commit_all(&f, g, 3);
    sched_job_suspend(f.s, 1, false, f.now);
    f.now += 200000;
    assert_int_equal(decide(&f, h), 0);
    sched_job_resume(f.s, 1, f.now);
    f.now += 2000;
    assert_int_equal(decide(&f, h), 1);
    farm_close(&f);
}

static void when_one_of_two_fails_the_other_goes_on(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 4, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 4});
    assert_int_equal(decide(&f, g), 4);
    f.now += 20000;
    commit_all(&f, g, 3);
    f.now += 20000;
    assert_int_equal(decide(&f, h), 1);
    ended(&f, g[3].fence, SCHED_TASKS_FAULT);
    assert_int_equal(look(&f, step).running, 1);
    assert_int_equal(ended(&f, h[0].fence, SCHED_WELL), SCHED_COUNTS);
    assert_int_equal(look(&f, step).done, 4);
    farm_close(&f);
}

// ---- people

static void preview_frames_come_first_and_the_rest_waits_for_a_yes(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_reason r;
    farm_open(&f, 1, 64);
    sched_job job = sched_job_add(
        f.s,
        &(struct sched_job_wish){
            .project = sched_word(f.s, "a"), .tier = 2, .preview_every = 10, .approve = true},
        f.now);
    sched_step step = step_add(&f, job, (struct sched_step_wish){.count = 31, .chunk = 5});
    sched_job_start(f.s, job, f.now);
    int count = decide(&f, g);
    assert_int_equal(count, 5); // 0, 10, 15, 20, 30
    assert_int_equal(g[2].first, 15);
    assert_int_equal(g[2].last, 15);
    for (int i = 0; i < count; i++)
        ended(&f, g[i].fence, SCHED_WELL);
    assert_int_equal(job_state(&f, job), SCHED_JOB_APPROVAL);
    assert_true(says(&f, job, SCHED_WHY_APPROVAL, &r));
    assert_int_equal(decide(&f, g), 0);
    sched_job_approve(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 6); // what is left of each cell of five
    assert_int_equal(look(&f, step).running, 26);
    farm_close(&f);
}

static void suspended_jobs_give_nothing_out_and_may_drop_what_runs(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 2, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 9});
    assert_int_equal(decide(&f, g), 2);
    sched_job_suspend(f.s, 1, false, f.now);
    assert_int_equal(next(&f, &g[0], SCHED_WELL), SCHED_COUNTS);
    assert_int_equal(decide(&f, g + 2), 0);
    sched_job_suspend(f.s, 1, true, f.now);
    assert_int_equal(sched_batch(f.s)->drop_count, 1);
    sched_keep(f.s);
    assert_int_equal(ended(&f, g[1].fence, SCHED_WELL), SCHED_STALE);
    assert_int_equal(look(&f, step).waiting, 8);
    assert_int_equal(job_state(&f, 1), SCHED_JOB_SUSPENDED);
    sched_job_resume(f.s, 1, f.now);
    assert_int_equal(decide(&f, g), 1);
    farm_close(&f);
}

static void cancelled_tasks_stop_and_the_rest_of_their_chunk_waits_again(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 1);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 10, .chunk = 5});
    assert_int_equal(decide(&f, g), 1);
    sched_cancel(f.s, step, 3, 7, f.now);
    assert_int_equal(sched_batch(f.s)->drop_count, 1);
    assert_int_equal(look(&f, step).cancelled, 5);
    assert_int_equal(look(&f, step).waiting, 5);
    assert_int_equal(next(&f, &g[0], SCHED_STOPPED), SCHED_STALE);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].last, 2);
    sched_job_cancel(f.s, 1, f.now);
    assert_int_equal(job_state(&f, 1), SCHED_JOB_CANCELLED);
    farm_close(&f);
}

static void a_requeued_frame_takes_back_what_was_made_from_it(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 64);
    sched_job job = job_add(&f, "a", 2, 50);
    sched_step render = step_add(&f, job, (struct sched_step_wish){.count = 4});
    struct sched_needs_step same = {.step = render, .after = SCHED_AFTER_FRAMES};
    sched_step comp =
        step_add(&f, job, (struct sched_step_wish){.count = 4, .after = &same, .after_count = 1});
    struct sched_needs_step all = {.step = comp, .after = SCHED_AFTER_ALL};
    sched_step film =
        step_add(&f, job, (struct sched_step_wish){.count = 1, .after = &all, .after_count = 1});
    sched_job_start(f.s, job, f.now);
    for (int k = 0; k < 3; k++) {
        int count = decide(&f, g);
        for (int i = 0; i < count; i++)
            ended(&f, g[i].fence, SCHED_WELL);
    }
    assert_int_equal(job_state(&f, job), SCHED_JOB_DONE);
    sched_requeue(f.s, render, 2, 2, true, f.now);
    assert_int_equal(look(&f, render).waiting, 1);
    assert_int_equal(sched_task_state(f.s, comp, 2), SCHED_WAITING);
    assert_int_equal(look(&f, comp).done, 3);
    assert_int_equal(look(&f, film).waiting, 1);
    assert_int_equal(decide(&f, g), 1); // the frame; its comp waits for it
    assert_int_equal(g[0].step, render);
    ended(&f, g[0].fence, SCHED_WELL);
    assert_int_equal(decide(&f, g), 1);
    ended(&f, g[0].fence, SCHED_WELL);
    sched_requeue(f.s, render, 0, 0, false, f.now); // and without: the comp stays
    assert_int_equal(look(&f, comp).done, 4);
    farm_close(&f);
}

static void urgent_work_preempts_the_youngest_attempt_of_a_lower_tier(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 2, 1);
    sched_job low = sched_job_add(
        f.s,
        &(struct sched_job_wish){.project = sched_word(f.s, "a"), .tier = 1, .preemptible = true},
        f.now);
    step_add(&f, low, (struct sched_step_wish){.count = 9});
    sched_job_start(f.s, low, f.now);
    assert_int_equal(decide(&f, g), 2);
    f.now += 60000;
    next(&f, &g[0], SCHED_WELL);
    assert_int_equal(decide(&f, g), 1); // the youngest now
    sched_job high = sched_job_add(
        f.s, &(struct sched_job_wish){.project = sched_word(f.s, "b"), .tier = 5, .preempts = true},
        f.now);
    sched_step urgent = step_add(&f, high, (struct sched_step_wish){.count = 1});
    sched_job_start(f.s, high, f.now);
    assert_int_equal(decide(&f, h), 0);
    f.now += 5000;
    sched_tick(f.s, f.now);
    assert_int_equal(sched_batch(f.s)->drop_count, 1);
    assert_int_equal(sched_batch(f.s)->drops[0].fence, g[0].fence);
    f.now += 1000;
    sched_tick(f.s, f.now); // it is on its way: not another one
    assert_int_equal(sched_batch(f.s)->drop_count, 1);
    next(&f, &g[0], SCHED_STOPPED);
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].step, urgent);
    farm_close(&f);
}

static void a_desk_or_a_draining_worker_gets_nothing_new(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_reason r;
    farm_open(&f, 1, 2);
    sched_step step = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 9});
    assert_int_equal(decide(&f, g), 2);
    sched_worker_pause(f.s, 1, SCHED_DRAINS, false, f.now);
    assert_int_equal(next(&f, &g[0], SCHED_WELL), SCHED_COUNTS);
    assert_int_equal(decide(&f, g + 2), 0);
    assert_true(says(&f, 1, SCHED_WHY_ALL_AWAY, &r));
    assert_int_equal(r.c, 1);
    sched_worker_pause(f.s, 1, SCHED_DESK, true, f.now);
    assert_int_equal(sched_batch(f.s)->drop_count, 1);
    next(&f, &g[1], SCHED_STOPPED);
    sched_worker_pause(f.s, 1, SCHED_GOES_ON, false, f.now);
    assert_int_equal(decide(&f, g), 2);
    assert_int_equal(look(&f, step).done, 1);
    farm_close(&f);
}

// ---- what is learned

static void times_are_learned_by_place_and_chunks_adapt_to_them(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_job_look l;
    farm_open(&f, 1, 1);
    sched_step step =
        quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 16000, .target_ms = 60000});
    for (int i = 0; i < 8; i++) {
        assert_int_equal(decide(&f, g), 1);
        // Frames at the front take 2 s.
        f.now += 2000 * (g[0].last - g[0].first + 1);
        next(&f, &g[0], SCHED_WELL);
    }
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].last - g[0].first + 1, 30);
    assert_in_range(sched_estimate_ms(f.s, step, 10), 1990, 2010);
    sched_job_look(f.s, 1, f.now, &l);
    int64_t left = 16000 - look(&f, step).done;
    assert_in_range(l.left_ms, left * 1900, left * 2100);
    farm_close(&f);
}

static void work_goes_where_its_data_is_and_stays_there(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64], h[64];
    farm_open(&f, 8, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1, .data = 77});
    assert_int_equal(decide(&f, g), 1);
    assert_false(g[0].warm);
    next(&f, &g[0], SCHED_WELL);
    assert_int_equal(decide(&f, h), 0);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1, .data = 77});
    assert_int_equal(decide(&f, h), 1);
    assert_int_equal(h[0].worker, g[0].worker);
    assert_true(h[0].warm);
    farm_close(&f);

    // Two jobs of a user with the same priority: each worker stays on the one it has.
    struct sched_give running[2];
    int changes = 0;
    farm_open(&f, 2, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 500, .data = 1});
    quick(&f, "b", 2, 50, (struct sched_step_wish){.count = 500, .data = 2});
    assert_int_equal(decide(&f, running), 2);
    for (int i = 0; i < 200; i++) {
        f.now += 1000;
        next(&f, &running[i % 2], SCHED_WELL);
        assert_int_equal(decide(&f, h), 1);
        changes += h[0].step != running[i % 2].step;
        running[i % 2] = h[0];
    }
    assert_in_range(changes, 0, 20);
    farm_close(&f);
}

// ---- loading and telling

static void a_loaded_job_goes_on_where_it_was(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 1, 2);
    sched_job job = job_add(&f, "a", 2, 50);
    sched_step step = step_add(&f, job, (struct sched_step_wish){.count = 1000000, .chunk = 10});
    sched_step_load(f.s, step, SCHED_DONE, 0, 499999);
    sched_step_load(f.s, step, SCHED_FAILED, 500000, 500000);
    sched_task_load(f.s, step, 500011, 2, 0);
    sched_times_load(f.s, step, 4000, 500, 100);
    sched_attempt_load(f.s, 900, step, 500001, 500009, 1, f.now - 5000, 0);
    sched_job_start(f.s, job, f.now);
    sched_keep(f.s);
    assert_int_equal(look(&f, step).running, 9);
    assert_true(look(&f, step).sigma_ms > 499 && look(&f, step).sigma_ms < 501);
    assert_int_equal(sched_estimate_ms(f.s, step, 999999), 4000);
    assert_int_equal(decide(&f, g), 2);
    assert_int_equal(g[0].fence, 901);
    assert_int_equal(g[0].first, 500010);
    assert_int_equal(g[0].last, 500010); // the next one has failed before and runs alone
    assert_int_equal(g[1].last, 500011);
    assert_int_equal(ended(&f, 900, SCHED_WELL), SCHED_COUNTS);
    ended(&f, g[1].fence, SCHED_TASKS_FAULT); // its third
    assert_int_equal(look(&f, step).failed, 2);
    farm_close(&f);
}

static void a_job_that_nobody_can_do_says_so_in_numbers(void **state)
{
    (void)state;
    struct farm f;
    struct sched_reason r;
    farm_open(&f, 3, 1);
    quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 1, .needs = {.memory_mib = 500000}});
    sched_word_id word = sched_word(f.s, "pool=fx");
    struct sched_clause clause = {&word, 1, false};
    quick(&f, "a", 2, 50,
          (struct sched_step_wish){.count = 1, .clauses = &clause, .clause_count = 1});
    sched_step busy = quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 5});
    assert_int_equal(decide(&f, NULL), 3);
    assert_true(says(&f, 1, SCHED_WHY_NO_WORKER, &r));
    assert_non_null(strstr(r.text, "500000 MiB"));
    assert_non_null(strstr(r.text, "16000"));
    assert_true(says(&f, 2, SCHED_WHY_NO_WORKER, &r));
    assert_non_null(strstr(r.text, "\"pool=fx\"; of 3 workers none"));
    assert_true(says(&f, 3, SCHED_WHY_RUNS, &r) && r.a == 3);
    assert_true(says(&f, 3, SCHED_WHY_BUSY, &r) && r.a == 3 && r.step == busy);
    sched_job_cancel(f.s, 3, f.now);
    assert_true(says(&f, 3, SCHED_WHY_OVER, &r));
    farm_close(&f);
}

static void ten_million_queued_frames_take_a_few_bytes_a_thousand(void **state)
{
    (void)state;
    struct farm f;
    farm_open(&f, 1, 0);
    int64_t before = sched_memory(f.s);
    for (int i = 0; i < 100; i++)
        quick(&f, "a", 2, 50, (struct sched_step_wish){.count = 100000, .chunk = 10});
    sched_keep(f.s);
    assert_true(sched_memory(f.s) - before < 1000000);
    farm_close(&f);
}

// ---- jobs after jobs, money

static sched_job after(struct farm *f, sched_job other, bool anyhow, sched_step *step)
{
    struct sched_after_job of = {other, anyhow};
    sched_job job = sched_job_add(
        f->s,
        &(struct sched_job_wish){
            .project = sched_word(f->s, "a"), .tier = 2, .after = &of, .after_count = 1},
        f->now);
    *step = step_add(f, job, (struct sched_step_wish){.count = 2});
    sched_job_start(f->s, job, f->now);
    return job;
}

static void a_job_waits_for_another_to_end_well_or_anyhow(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_reason r;
    sched_step well, anyhow;
    farm_open(&f, 1, 8);
    sched_job first = job_add(&f, "a", 2, 50);
    sched_step step = step_add(&f, first, (struct sched_step_wish){.count = 1});
    sched_job_start(f.s, first, f.now);
    sched_job second = after(&f, first, false, &well);
    sched_job third = after(&f, first, true, &anyhow);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].step, step);
    assert_true(says(&f, second, SCHED_WHY_AFTER_JOB, &r));
    assert_int_equal(r.job, first);
    ended(&f, g[0].fence, SCHED_HOPELESS);
    assert_int_equal(job_state(&f, first), SCHED_JOB_FAILED);
    assert_int_equal(decide(&f, g), 2); // only the one that waits anyhow
    assert_int_equal(g[0].step, anyhow);
    assert_int_equal(job_state(&f, second), SCHED_JOB_WAITING);
    assert_true(says(&f, second, SCHED_WHY_AFTER_JOB, &r));
    assert_non_null(strstr(r.text, "has failed"));
    assert_false(sched_job_forget(f.s, first)); // others wait for it
    sched_requeue(f.s, step, 0, 0, false, f.now);
    assert_int_equal(decide(&f, g + 2), 1);
    ended(&f, g[2].fence, SCHED_WELL);
    sched_undo(f.s); // it could not be written
    assert_int_equal(decide(&f, g + 3), 0);
    ended(&f, g[2].fence, SCHED_WELL);
    assert_int_equal(decide(&f, g + 3), 2);
    assert_int_equal(g[3].step, well);
    sched_requeue(f.s, step, 0, 0, false, f.now); // what runs goes on
    assert_int_equal(look(&f, well).running, 2);
    (void)third;
    farm_close(&f);
}

static void a_budget_stops_dispatch_before_it_is_overspent(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    struct sched_reason r;
    struct sched_job_look look;
    f = (struct farm){.s = sched_open(NULL, 1), .now = 1000000};
    sched_word_id usd = sched_word(f.s, "USD");
    sched_worker dear = sched_worker_add(
        f.s, &(struct sched_worker_wish){
                 .host = sched_host_add(f.s), .price = 3600000, .currency = usd}); // 0.001 a second
    sched_worker_up(f.s, dear, f.now);
    sched_worker_asks(f.s, dear, 8, f.now);
    sched_job job = sched_job_add(
        f.s,
        &(struct sched_job_wish){
            .project = sched_word(f.s, "a"), .tier = 2, .budget = 35000, .currency = usd},
        f.now);
    step_add(&f, job, (struct sched_step_wish){.count = 100});
    sched_job_start(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 1); // nobody knows how long one takes: one finds out
    f.now += 10000;
    ended(&f, g[0].fence, SCHED_WELL);  // 10 s: 0.010
    assert_int_equal(decide(&f, g), 2); // 0.010 spent, 0.020 promised: the next would be 0.040
    assert_true(says(&f, job, SCHED_WHY_BUDGET, &r));
    assert_int_equal(r.a, 10000);
    assert_int_equal(r.b, 20000);
    f.now += 2000;
    ended(&f, g[0].fence, SCHED_WELL); // a cheap one leaves room: 0.012 + 0.010 + 2 x 0.006
    assert_int_equal(decide(&f, g + 2), 2);
    f.now += 60000;
    sched_tick(f.s, f.now); // those take longer than was thought
    sched_job_look(f.s, job, f.now, &look);
    assert_int_equal(look.promised, 62000 + 2 * 60000);
    sched_keep(f.s);
    ended(&f, g[1].fence, SCHED_LOST); // it costs, however it ends
    ended(&f, g[2].fence, SCHED_LOST);
    ended(&f, g[3].fence, SCHED_LOST);
    sched_job_look(f.s, job, f.now, &look);
    assert_int_equal(look.spent, 10000 + 2000 + 62000 + 2 * 60000);
    assert_int_equal(decide(&f, g), 0);
    sched_worker own = sched_worker_add(
        f.s, &(struct sched_worker_wish){.host = sched_host_add(f.s)}); // costs nothing
    sched_worker_up(f.s, own, f.now);
    sched_worker_asks(f.s, own, 1, f.now);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].worker, own);
    sched_job_budget(f.s, job, 100000000, usd, f.now);
    assert_true(decide(&f, g) > 0);
    sched_job_budget(f.s, job, 100000000, sched_word(f.s, "EUR"), f.now); // another money
    assert_int_equal(decide(&f, g), 0);
    farm_close(&f);
}

// Frames that were thought to take a second each take twenty, at 0.001 a second.
static void a_budget_counts_what_runs_at_what_its_like_has_taken(void **state)
{
    (void)state;
    struct farm f = {.s = sched_open(NULL, 1), .now = 1000000};
    struct sched_give g[64];
    struct sched_job_look look;
    sched_word_id usd = sched_word(f.s, "USD");
    sched_worker dear =
        sched_worker_add(f.s, &(struct sched_worker_wish){
                                  .host = sched_host_add(f.s), .price = 3600000, .currency = usd});
    sched_worker_up(f.s, dear, f.now);
    sched_worker_asks(f.s, dear, 3, f.now);
    sched_job job = sched_job_add(f.s,
                                  &(struct sched_job_wish){.project = sched_word(f.s, "a"),
                                                           .tier = 2,
                                                           .estimate_ms = 1000,
                                                           .budget = 70000,
                                                           .currency = usd},
                                  f.now);
    step_add(&f, job, (struct sched_step_wish){.count = 40});
    sched_job_start(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 3); // 3 x 0.001 promised
    f.now += 15000;
    sched_tick(f.s, f.now); // they run longer already: 3 x 0.015
    sched_keep(f.s);
    sched_job_look(f.s, job, f.now, &look);
    assert_int_equal(look.promised, 45000);
    f.now += 5000;
    ended(&f, g[0].fence, SCHED_WELL); // 0.020 spent, 2 x 0.020 promised: the next is too much
    sched_worker_asks(f.s, dear, 5, f.now);
    assert_int_equal(decide(&f, g + 3), 0);
    f.now += 1000;
    ended(&f, g[1].fence, SCHED_WELL);
    ended(&f, g[2].fence, SCHED_WELL);
    sched_job_look(f.s, job, f.now, &look);
    assert_int_equal(look.spent, 62000);
    assert_int_equal(decide(&f, g + 3), 0); // and so it stays
    farm_close(&f);

    // What has begun at an old guess is counted by the new one, before it has run that long.
    f = (struct farm){.s = sched_open(NULL, 1), .now = 1000000};
    usd = sched_word(f.s, "USD");
    dear =
        sched_worker_add(f.s, &(struct sched_worker_wish){
                                  .host = sched_host_add(f.s), .price = 3600000, .currency = usd});
    sched_worker_up(f.s, dear, f.now);
    sched_worker_asks(f.s, dear, 1, f.now);
    job = sched_job_add(f.s,
                        &(struct sched_job_wish){.project = sched_word(f.s, "a"),
                                                 .tier = 2,
                                                 .estimate_ms = 1000,
                                                 .budget = 70000,
                                                 .currency = usd},
                        f.now);
    step_add(&f, job, (struct sched_step_wish){.count = 40});
    sched_job_start(f.s, job, f.now);
    assert_int_equal(decide(&f, g), 1);
    f.now += 19000;
    sched_worker_asks(f.s, dear, 2, f.now);
    assert_int_equal(decide(&f, g + 1), 2); // still at 0.001 each
    f.now += 1000;
    ended(&f, g[0].fence, SCHED_WELL); // 20 s
    sched_tick(f.s, f.now + 1000);
    sched_keep(f.s);
    sched_job_look(f.s, job, f.now, &look);
    assert_int_equal(look.promised, 40000);
    sched_worker_asks(f.s, dear, 5, f.now);
    assert_int_equal(decide(&f, g + 3), 0); // 0.020 + 0.040 + 0.020 is too much
    farm_close(&f);
}

static void gpus_of_a_loaded_attempt_are_not_given_twice(void **state)
{
    (void)state;
    struct farm f;
    struct sched_give g[64];
    farm_open(&f, 0, 0);
    sched_worker w = sched_worker_add(
        f.s, &(struct sched_worker_wish){.host = sched_host_add(f.s), .has = {.gpus = 2}});
    sched_job job = job_add(&f, "a", 2, 50);
    sched_step step = step_add(&f, job, (struct sched_step_wish){.count = 3, .needs = {.gpus = 1}});
    sched_worker_up(f.s, w, f.now);
    sched_attempt_load(f.s, 7, step, 0, 0, w, f.now, 2); // it has the second one
    sched_job_start(f.s, job, f.now);
    sched_keep(f.s);
    sched_worker_asks(f.s, w, 3, f.now);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].gpus, 1);
    ended(&f, 7, SCHED_WELL);
    assert_int_equal(decide(&f, g), 1);
    assert_int_equal(g[0].gpus, 2);
    farm_close(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_tier_goes_first_then_priority_then_age),
        cmocka_unit_test(a_job_that_is_made_urgent_goes_first),
        cmocka_unit_test(projects_hold_machines_by_their_weights_and_users_share_alike),
        cmocka_unit_test(three_machines_are_shared_by_four_projects_over_time),
        cmocka_unit_test(pools_and_tags_choose_workers),
        cmocka_unit_test(amounts_are_held_and_gpus_given_by_index),
        cmocka_unit_test(what_any_machine_can_do_does_not_take_the_one_with_the_gpu),
        cmocka_unit_test(hundreds_of_different_needs_hide_nothing),
        cmocka_unit_test(a_big_task_gets_a_host_that_is_emptied_for_it),
        cmocka_unit_test(a_limit_counts_tasks_or_hosts),
        cmocka_unit_test(a_denied_licence_lowers_the_limit_and_is_nobodys_fault),
        cmocka_unit_test(an_outside_report_narrows_a_limit_and_may_take_back),
        cmocka_unit_test(a_step_waits_for_all_of_another),
        cmocka_unit_test(a_frame_waits_for_its_own_frame),
        cmocka_unit_test(frame_sets_that_differ_are_matched_by_frame),
        cmocka_unit_test(a_simulation_goes_on_frame_after_frame_and_its_chunk_is_one_attempt),
        cmocka_unit_test(a_chunk_waits_for_all_its_frames_but_not_for_what_has_failed_elsewhere),
        cmocka_unit_test(impossible_steps_are_refused_with_a_reason),
        cmocka_unit_test(a_task_that_fails_rests_and_fails_for_good_after_its_tries),
        cmocka_unit_test(only_the_tasks_own_fault_counts_against_its_tries),
        cmocka_unit_test(a_task_over_which_workers_are_lost_is_held_to_be_the_cause),
        cmocka_unit_test(a_failed_chunk_is_tried_again_frame_by_frame),
        cmocka_unit_test(a_task_that_failed_goes_to_another_host),
        cmocka_unit_test(a_host_that_fails_for_three_jobs_is_put_away_and_comes_back),
        cmocka_unit_test(the_last_host_is_never_put_away),
        cmocka_unit_test(one_bad_host_does_not_eat_a_job),
        cmocka_unit_test(a_scene_that_fails_on_all_hosts_is_stopped_until_somebody_resumes_it),
        cmocka_unit_test(what_somebody_resumes_may_run_where_it_failed_before),
        cmocka_unit_test(where_there_is_one_host_its_fault_lets_the_task_rest),
        cmocka_unit_test(a_straggler_runs_twice_and_the_first_commit_wins),
        cmocka_unit_test(a_late_chunk_is_shared_by_two),
        cmocka_unit_test(a_suspended_job_gets_no_second_attempt_for_its_late_ones),
        cmocka_unit_test(when_one_of_two_fails_the_other_goes_on),
        cmocka_unit_test(preview_frames_come_first_and_the_rest_waits_for_a_yes),
        cmocka_unit_test(suspended_jobs_give_nothing_out_and_may_drop_what_runs),
        cmocka_unit_test(cancelled_tasks_stop_and_the_rest_of_their_chunk_waits_again),
        cmocka_unit_test(a_requeued_frame_takes_back_what_was_made_from_it),
        cmocka_unit_test(urgent_work_preempts_the_youngest_attempt_of_a_lower_tier),
        cmocka_unit_test(a_desk_or_a_draining_worker_gets_nothing_new),
        cmocka_unit_test(times_are_learned_by_place_and_chunks_adapt_to_them),
        cmocka_unit_test(work_goes_where_its_data_is_and_stays_there),
        cmocka_unit_test(a_loaded_job_goes_on_where_it_was),
        cmocka_unit_test(a_job_that_nobody_can_do_says_so_in_numbers),
        cmocka_unit_test(a_job_waits_for_another_to_end_well_or_anyhow),
        cmocka_unit_test(a_budget_stops_dispatch_before_it_is_overspent),
        cmocka_unit_test(a_budget_counts_what_runs_at_what_its_like_has_taken),
        cmocka_unit_test(gpus_of_a_loaded_attempt_are_not_given_twice),
        cmocka_unit_test(ten_million_queued_frames_take_a_few_bytes_a_thousand),
    };
    return RUN_TESTS(tests);
}
