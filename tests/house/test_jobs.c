#include "test.h"

#include "house/jobs/jobs.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <unistd.h>

// A ledger in a folder of its own. The clock is a number here.
static struct {
    char folder[64], path[96];
    struct db *db;
    struct jobs *jobs;
    struct arena *a;
    int64_t now;
} house;

static struct error err;

#define OK(is)                                                                                     \
    do {                                                                                           \
        if (!(is))                                                                                 \
            fail_msg("line %d: %s: %s (%s)", __LINE__, #is, err.what, err.why);                    \
    } while (0)

static int open_house(void **state)
{
    (void)state;
    strcpy(house.folder, "/tmp/posthouse-test-XXXXXX");
    assert_non_null(mkdtemp(house.folder));
    snprintf(house.path, sizeof(house.path), "%s/state.db", house.folder);
    house.db = db_open(&(struct db_wish){.path = house.path, .migrations = MIGRATIONS}, &err);
    if (!house.db)
        fail_msg("%s: %s", err.what, err.why);
    house.now = 1000000;
    house.a = arena_open(256 << 20);
    OK(jobs_open(house.db, house.now, &house.jobs, &err));
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    struct error ignored;
    jobs_close(house.jobs);
    db_close(house.db);
    arena_close(house.a);
    return folder_remove(house.folder, &ignored) ? 0 : -1;
}

// ---- small words

struct making {
    const char *title, *cause;
    int priority;
    int64_t tasks, chunk;
    id job;
};
static bool make_in(struct db_tx *tx, void *context, struct error *e)
{
    struct making *m = context;
    json_t *plan = json_pack("{s:I}", "chunk", (json_int_t)m->chunk);
    struct job_step step = {"render", m->tasks, plan, 0};
    bool ok = job_make(tx,
                       &(struct job_wish){.project = "P",
                                          .kind = "probe",
                                          .title = m->title,
                                          .by = "Ada",
                                          .cause = m->cause,
                                          .priority = m->priority,
                                          .steps = m->tasks ? &step : NULL,
                                          .step_count = m->tasks ? 1 : 0},
                       house.now, &m->job, e);
    json_decref(plan);
    return ok;
}
static id make(const char *title, int priority)
{
    struct making m = {.title = title, .priority = priority};
    OK(db_write(house.db, make_in, &m, &err));
    return m.job;
}

static bool take(const char *worker, struct claim *c)
{
    bool found;
    OK(jobs_claim(house.jobs, worker, house.now, house.a, c, &found, &err));
    if (found)
        json_decref(c->ticket);
    return found;
}

static int applied; // how often a result was written
static bool count_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_one_int(tx, &(int64_t){0}, 0, e, "select 1", "");
}
static bool apply(struct db_tx *tx, void *context, const struct ended *ended, struct error *e)
{
    (void)context;
    applied++;
    return db_run(tx, e, "insert into house_values values (?1, 'made')", "s", ended->attempt);
}

static enum outcome finish(const char *attempt, int64_t token)
{
    enum outcome o;
    OK(jobs_finish(house.jobs, attempt, token, apply, NULL, house.now, &o, &err));
    return o;
}

static enum outcome break_down(const char *attempt, int64_t token, enum error_kind kind)
{
    enum outcome o;
    struct error why;
    error_set(&why, kind, "the engine stopped");
    error_why(&why, "a test says so");
    OK(jobs_fail(house.jobs, attempt, token, -1, &why, house.now, &o, &err));
    return o;
}

struct asking {
    const char *job;
    json_t *json;
};
static bool get_in(struct db_tx *tx, void *context, struct error *e)
{
    struct asking *q = context;
    return job_get(tx, house.jobs, q->job, &q->json, e);
}
static const char *state_of(const char *job)
{
    struct asking q = {job, NULL};
    OK(db_read(house.db, get_in, &q, &err));
    const char *state = arena_text(house.a, json_string_value(json_object_get(q.json, "state")));
    json_decref(q.json);
    return state;
}

static bool order(enum order_kind kind, const char *job)
{
    struct job_order o = {.kind = kind, .job = job};
    return jobs_order(house.jobs, &o, NULL, NULL, house.now, &err);
}

// ---- tests

static void the_most_urgent_comes_first_and_of_those_the_oldest(void **state)
{
    (void)state;
    make("usual, first", 50);
    house.now++;
    make("urgent", 90);
    house.now++;
    make("usual, second", 50);
    make("low", 0);
    static const char *const order[] = {"urgent", "usual, first", "usual, second", "low"};
    struct claim c;
    for (int i = 0; i < 4; i++) {
        assert_true(take("W", &c));
        assert_string_equal(c.title, order[i]);
    }
    assert_false(take("W", &c));
}

static void the_same_cause_queues_once(void **state)
{
    (void)state;
    struct making first = {.title = "a", .cause = "probe:V", .priority = 50}, second = first;
    OK(db_write(house.db, make_in, &first, &err));
    OK(db_write(house.db, make_in, &second, &err));
    assert_string_equal(first.job.text, second.job.text);
    struct claim c;
    assert_true(take("W", &c));
    assert_false(take("W", &c));
}

static void a_result_counts_once_and_repeating_it_is_fine(void **state)
{
    (void)state;
    applied = 0;
    id job = make("clip", 50);
    struct claim c;
    assert_true(take("W", &c));
    assert_string_equal(state_of(job.text), "running");
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
    assert_int_equal(applied, 1);
    assert_string_equal(state_of(job.text), "done");
    assert_int_equal(finish(c.attempt, c.token + 1), OUTCOME_STALE);
    assert_int_equal(applied, 1);
}

static void a_lost_lease_makes_the_old_result_stale(void **state)
{
    (void)state;
    applied = 0;
    id job = make("clip", 50);
    struct claim old, new;
    int64_t lost;
    assert_true(take("W1", &old));
    house.now += JOBS_LEASE_MS + 1;
    OK(jobs_sweep(house.jobs, house.now, &lost, &err));
    assert_int_equal(lost, 1);
    assert_int_equal(finish(old.attempt, old.token), OUTCOME_STALE);
    assert_true(take("W2", &new));
    assert_true(new.token > old.token);
    assert_int_equal(finish(old.attempt, old.token), OUTCOME_STALE);
    struct beat beat = {.attempt = old.attempt, .token = old.token, .unit = ""};
    OK(jobs_beat(house.jobs, "W1", &beat, 1, house.now, &err));
    assert_true(beat.drop);
    assert_int_equal(finish(new.attempt, new.token), OUTCOME_TAKEN);
    assert_int_equal(applied, 1);
    assert_string_equal(state_of(job.text), "done");
}

static void beats_keep_a_lease(void **state)
{
    (void)state;
    id job = make("clip", 50);
    struct claim c;
    int64_t lost;
    assert_true(take("W", &c));
    for (int i = 1; i <= 10; i++) {
        house.now += JOBS_LEASE_MS / 2;
        struct beat b = {c.attempt, c.token, i * 10, 100, "frames", false};
        OK(jobs_beat(house.jobs, "W", &b, 1, house.now, &err));
        assert_false(b.drop);
        OK(jobs_sweep(house.jobs, house.now, &lost, &err));
        assert_int_equal(lost, 0);
    }
    struct asking q = {job.text, NULL};
    OK(db_read(house.db, get_in, &q, &err));
    assert_int_equal(json_integer_value(json_object_get(q.json, "done")), 100);
    assert_true(json_real_value(json_object_get(q.json, "rate")) > 0.9);
    assert_true(json_real_value(json_object_get(q.json, "rate")) < 1.1);
    json_decref(q.json);
}

static void starting_again_gives_running_work_a_fresh_lease(void **state)
{
    (void)state;
    id job = make("clip", 50);
    struct claim c;
    int64_t lost;
    assert_true(take("W", &c));
    house.now += 10 * JOBS_LEASE_MS; // the server was away
    jobs_close(house.jobs);
    OK(jobs_open(house.db, house.now, &house.jobs, &err));
    OK(jobs_sweep(house.jobs, house.now, &lost, &err));
    assert_int_equal(lost, 0);
    struct worker_hello hello = {"W", "worker", "here", 1, 2, NULL};
    struct beat kept = {.attempt = c.attempt, .token = c.token};
    OK(jobs_hello(house.jobs, &hello, NULL, &kept, 1, house.now, &err));
    assert_false(kept.drop);
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
    assert_string_equal(state_of(job.text), "done");
}

static void a_worker_that_comes_back_without_its_work_has_lost_it(void **state)
{
    (void)state;
    id job = make("clip", 50);
    struct claim c;
    assert_true(take("W", &c));
    struct worker_hello hello = {"W", "worker", "here", 1, 2, NULL};
    OK(jobs_hello(house.jobs, &hello, NULL, NULL, 0, house.now, &err));
    assert_string_equal(state_of(job.text), "waiting");
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_STALE);
    assert_true(take("W", &c));
}

static void what_may_pass_is_tried_again_later_and_what_may_not_is_not(void **state)
{
    (void)state;
    id job = make("crashes", 50);
    struct claim c;
    int64_t waited = house.now;
    for (int i = 1; i < JOBS_TRIES; i++) {
        assert_true(take("W", &c));
        assert_int_equal(break_down(c.attempt, c.token, ERROR_CHILD), OUTCOME_TAKEN);
        assert_string_equal(state_of(job.text), "waiting");
        assert_false(take("W", &c)); // it backs off
        int64_t at;
        OK(jobs_next_ms(house.jobs, &at, &err));
        assert_true(at > house.now);
        house.now = at;
    }
    assert_true(house.now - waited >= 1000 + 2000 + 4000);
    assert_true(take("W", &c));
    break_down(c.attempt, c.token, ERROR_CHILD);
    assert_string_equal(state_of(job.text), "failed");
    assert_false(take("W", &c));

    id damaged = make("text called .mov", 50);
    assert_true(take("W", &c));
    break_down(c.attempt, c.token, ERROR_DAMAGED);
    assert_string_equal(state_of(damaged.text), "failed");
    struct asking q = {damaged.text, NULL};
    OK(db_read(house.db, get_in, &q, &err));
    json_t *problem = json_object_get(q.json, "problem");
    assert_string_equal(json_string_value(json_object_get(problem, "kind")), "damaged");
    assert_string_equal(json_string_value(json_object_get(problem, "title")), "the engine stopped");
    json_decref(q.json);

    OK(order(ORDER_RETRY, damaged.text));
    assert_true(take("W", &c));
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
    assert_string_equal(state_of(damaged.text), "done");
    assert_false(order(ORDER_RETRY, damaged.text));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void work_that_takes_worker_after_worker_with_it_is_given_up(void **state)
{
    (void)state;
    id job = make("poison", 50);
    struct claim c;
    int64_t lost;
    int taken = 0;
    while (take("W", &c)) {
        assert_true(++taken <= JOBS_LOSSES);
        house.now += JOBS_LEASE_MS + 1;
        OK(jobs_sweep(house.jobs, house.now, &lost, &err));
    }
    assert_int_equal(taken, JOBS_LOSSES);
    assert_string_equal(state_of(job.text), "failed");
}

static void a_cancelled_job_drops_its_attempt(void **state)
{
    (void)state;
    applied = 0;
    id job = make("clip", 50);
    struct claim c;
    assert_true(take("W", &c));
    OK(order(ORDER_CANCEL, job.text));
    assert_string_equal(state_of(job.text), "cancelled");
    struct beat b = {.attempt = c.attempt, .token = c.token, .unit = ""};
    OK(jobs_beat(house.jobs, "W", &b, 1, house.now, &err));
    assert_true(b.drop);
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_STALE);
    assert_int_equal(applied, 0);
    assert_false(order(ORDER_CANCEL, job.text));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void a_job_of_many_tasks_is_done_when_all_are(void **state)
{
    (void)state;
    struct making m = {.title = "render", .priority = 50, .tasks = 100, .chunk = 30};
    OK(db_write(house.db, make_in, &m, &err));
    struct claim c[4], none;
    for (int i = 0; i < 4; i++) {
        assert_true(take("W", &c[i]));
        assert_int_equal(c[i].first, i * 30);
    }
    assert_int_equal(c[3].last, 99);
    assert_false(take("W", &none));
    for (int i = 0; i < 4; i++) {
        assert_string_equal(state_of(m.job.text), "running");
        assert_int_equal(finish(c[i].attempt, c[i].token), OUTCOME_TAKEN);
    }
    assert_string_equal(state_of(m.job.text), "done");
}

static bool refuse(struct db_tx *tx, void *context, const struct ended *ended, struct error *e)
{
    (void)context, (void)ended;
    return db_run(tx, e, "insert into house_values values ('half', 'made')", "") &&
           error_set(e, ERROR_IO, "the room could not keep it");
}
static bool half_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_one_int(tx, context, 0, e, "select count(*) from house_values where name = 'half'",
                      "");
}
static void what_the_rooms_can_not_keep_does_not_end_the_attempt(void **state)
{
    (void)state;
    applied = 0;
    id job = make("clip", 50);
    struct claim c;
    enum outcome o;
    int64_t half = 1;
    assert_true(take("W", &c));
    assert_false(jobs_finish(house.jobs, c.attempt, c.token, refuse, NULL, house.now, &o, &err));
    OK(db_read(house.db, half_in, &half, &err));
    assert_int_equal(half, 0);
    assert_string_equal(state_of(job.text), "running");
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
}

static bool events_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_one_int(tx, context, 0, e, "select count(*) from events where kind = 'job.changed'",
                      "");
}
static void progress_is_told_four_times_a_second_at_most(void **state)
{
    (void)state;
    make("clip", 50);
    struct claim c;
    int64_t before, after;
    assert_true(take("W", &c));
    OK(db_read(house.db, events_in, &before, &err));
    for (int i = 0; i < 100; i++) { // a second of beats
        house.now += 10;
        struct beat b = {c.attempt, c.token, i, 100, "frames", false};
        OK(jobs_beat(house.jobs, "W", &b, 1, house.now, &err));
    }
    OK(db_read(house.db, events_in, &after, &err));
    assert_true(after - before >= 3 && after - before <= 5);
}

static bool list_in(struct db_tx *tx, void *context, struct error *e)
{
    const char *projects[] = {"00000000000000000000000000"};
    struct job_query q = {.projects = projects, .project_count = 1, .limit = 10};
    int64_t total;
    bool more;
    json_t *items;
    const char *keys[JOB_KEYS];
    struct arena *a = arena_open(1 << 20);
    bool ok = job_list(tx, house.jobs, &q, a, &items, &total, &more, keys, e);
    if (ok) {
        *(int64_t *)context = (int64_t)json_array_size(items) * 100 + total;
        json_decref(items);
    }
    arena_close(a);
    return ok;
}
static void jobs_of_other_projects_are_not_listed(void **state)
{
    (void)state;
    make("clip", 50);
    int64_t seen = -1;
    OK(db_read(house.db, list_in, &seen, &err));
    assert_int_equal(seen, 0);
    OK(db_read(house.db, count_in, NULL, &err));
}

struct listing {
    struct job_query query;
    struct arena *a;
    const char *keys[JOB_KEYS];
    char titles[200];
    int64_t total;
    bool more;
};
static bool titles_in(struct db_tx *tx, void *context, struct error *e)
{
    struct listing *l = context;
    json_t *items, *one;
    size_t i;
    l->titles[0] = 0;
    if (!job_list(tx, house.jobs, &l->query, l->a, &items, &l->total, &l->more, l->keys, e))
        return false;
    json_array_foreach(items, i, one)
        strcat(strcat(l->titles, i ? " " : ""), json_string_value(json_object_get(one, "title")));
    json_decref(items);
    return true;
}
static void listed_are(struct listing *l, const char *wanted, int64_t total)
{
    OK(db_read(house.db, titles_in, l, &err));
    assert_string_equal(l->titles, wanted);
    assert_int_equal(l->total, total);
}
static void the_queue_comes_by_pages_in_the_farms_order_and_as_it_is_searched(void **state)
{
    (void)state;
    struct claim c;
    enum outcome outcome;
    const char *keys[JOB_KEYS];
    make("first", 100);
    make("last", 100);
    for (int i = 0; i < 2; i++) { // both end, the first one first
        assert_true(take("W", &c));
        OK(jobs_finish(house.jobs, c.attempt, c.token, NULL, NULL, house.now, &outcome, &err));
        house.now += 1000;
    }
    make("low", 10);
    make("old", 50);
    make("new_ul%", 50); // no job's number has these letters
    make("high", 90);
    struct listing l = {.query = {.states = JOB_ACTIVE, .turn = true, .limit = 2},
                        .a = arena_open(1 << 20)};
    listed_are(&l, "high old", 4);
    assert_true(l.more);
    memcpy(keys, l.keys, sizeof(keys));
    l.query.after = keys;
    listed_are(&l, "new_ul% low", 4);
    assert_false(l.more);
    l.query = (struct job_query){.states = JOB_ENDED, .turn = true, .limit = 1};
    listed_are(&l, "last", 2);
    memcpy(keys, l.keys, sizeof(keys));
    l.query.after = keys;
    listed_are(&l, "first", 2);
    l.query = (struct job_query){.words = "_ul%", .limit = 10};
    listed_are(&l, "new_ul%", 1);
    l.query = (struct job_query){.words = "ada", .states = JOB_WAITING, .limit = 10};
    listed_are(&l, "high new_ul% old low", 4); // the newest first
    l.query = (struct job_query){.words = "new ul", .states = JOB_ACTIVE, .turn = true, .limit = 1};
    listed_are(&l, "new_ul%", 1);
    l.query = (struct job_query){.words = "\"*", .limit = 10};
    listed_are(&l, "", 0);
    l.query = (struct job_query){.by = "Bob", .limit = 10};
    listed_are(&l, "", 0);
    l.query = (struct job_query){.kind = "render", .limit = 10};
    listed_are(&l, "", 0);
    arena_close(l.a);
}

// ---- lines

static bool measured_in(struct db_tx *tx, void *context, struct error *e)
{
    return speed_measured(tx, context, house.now, e);
}
static bool speeds_in(struct db_tx *tx, void *context, struct error *e)
{
    return speed_list(tx, "ann", context, e);
}
static int64_t speed_now(size_t *count)
{
    json_t *all;
    OK(db_read(house.db, speeds_in, &all, &err));
    *count = json_array_size(all);
    int64_t bytes_s = json_integer_value(json_object_get(json_array_get(all, 0), "bytes_s"));
    json_decref(all);
    return bytes_s;
}
static void the_speed_of_a_line_is_smoothed_and_an_old_one_gives_way(void **state)
{
    (void)state;
    size_t count;
    struct speed_sample s = {
        .origin = "ann/mill", .person = "ann", .name = "mill", .bytes = 60000000, .ms = 10000};
    OK(db_write(house.db, measured_in, &s, &err));
    assert_int_equal(speed_now(&count), 6000000);
    s.ms = 20000; // half as fast
    house.now += 1000;
    OK(db_write(house.db, measured_in, &s, &err));
    assert_int_equal(speed_now(&count), 5000000);
    house.now += 2 * 86400000;
    OK(db_write(house.db, measured_in, &s, &err));
    assert_int_equal(speed_now(&count), 3000000);
    s.origin = "bob/mill", s.person = "bob"; // is not hers to see
    OK(db_write(house.db, measured_in, &s, &err));
    speed_now(&count);
    assert_int_equal(count, 1);
    s.ms = 0;
    assert_false(db_write(house.db, measured_in, &s, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

// ---- submissions

static bool submit(const char *submission, struct job_wish *wish, struct arena *a)
{
    json_error_t why;
    json_t *from = json_loads(submission, 0, &why);
    if (!from)
        fail_msg("%s", why.text);
    *wish = (struct job_wish){0};
    bool ok = job_submission(a, from, wish, &err);
    if (ok)
        wish->template = arena_text(a, wish->template);
    if (ok)
        wish->title = arena_text(a, wish->title);
    json_decref(from);
    return ok;
}

#define TWO_STEPS                                                                                  \
    "\"template\":\"specificationVersion: jobtemplate-2023-09\\nname: Film\\nsteps:\\n"            \
    "- name: Comp\\n  dependencies: [{dependsOn: Render}]\\n  parameterSpace: "                    \
    "{taskParameterDefinitions: [{name: Frame, type: INT, range: 1-1000000}]}\\n"                  \
    "  script: {actions: {onRun: {command: comp}}}\\n"                                             \
    "- name: Render\\n  hostRequirements: {amounts: [{name: amount.worker.vcpu, min: 2}, {name: "  \
    "amount.arnold, min: 1}], attributes: [{name: attr.worker.os.family, anyOf: [linux]}]}\\n"     \
    "  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "               \
    "1-1000000}]}\\n"                                                                              \
    "  script: {actions: {onRun: {command: render}}}\\n\""

static void a_submission_becomes_steps_in_order_with_plans(void **state)
{
    (void)state;
    struct arena *a = arena_open((size_t)1 << 31);
    struct job_wish w;
    OK(submit("{" TWO_STEPS ",\"options\":{\"tier\":0,\"pool\":\"big\",\"frames_after\":[{\"step\":"
              "\"Comp\",\"on\":\"Render\",\"from\":-1,\"to\":1}]}}",
              &w, a));
    assert_int_equal(w.step_count, 2);
    assert_string_equal(w.title, "Film");
    assert_int_equal(w.tier, JOBS_TIER_LOWEST);
    assert_string_equal(w.steps[0].name, "Render"); // what others wait for comes first
    assert_int_equal(w.steps[0].tasks, 1000000);
    const json_t *plan = w.steps[0].plan, *after = json_object_get(w.steps[1].plan, "after");
    assert_int_equal(json_integer_value(json_object_get(plan, "index")), 1);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(plan, "needs"), "milli_cpus")), 2000);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(plan, "limits"), 0), "name")),
                        "amount.arnold");
    assert_int_equal(json_array_size(json_object_get(plan, "words")), 2);
    assert_int_equal(json_array_size(after), 1); // by frames, not also as a whole
    assert_int_equal(json_integer_value(json_object_get(json_array_get(after, 0), "from")), -1);
    job_submission_free(&w);
    static const char *const refused[] = {
        "{}",
        "{\"template\":\"nothing\"}",
        "{" TWO_STEPS ",\"options\":{\"prioritty\":1}}",
        "{" TWO_STEPS ",\"options\":{\"priority\":101}}",
        "{" TWO_STEPS ",\"options\":{\"tags\":[7]}}",
        "{" TWO_STEPS ",\"options\":{\"outputs\":[{\"path\":\"relative.exr\"}]}}",
        "{" TWO_STEPS ",\"parameters\":{\"Unknown\":1}}"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (submit(refused[i], &w, a))
            fail_msg("%s was taken", refused[i]);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    arena_close(a);
}

// ---- staged jobs

#define STAGED                                                                                     \
    "{\"template\":\"specificationVersion: jobtemplate-2023-09\\nname: "                           \
    "Film\\nparameterDefinitions:"                                                                 \
    "\\n- {name: Scene, type: PATH, dataFlow: IN}\\n- {name: Out, type: PATH, dataFlow: OUT}\\n"   \
    "steps:\\n- name: S\\n  script: {actions: {onRun: {command: x}}}\\n\","                        \
    "\"parameters\":{\"Scene\":\"/show/a.pov\",\"Out\":\"/show/"                                   \
    "out\"},\"options\":{\"data\":\"staged\","                                                     \
    "\"transfer\":\"%s\",\"inputs\":[%s],\"programs\":[\"/show/maps/"                              \
    "b.png\"],\"outputs\":[{\"path\":"                                                             \
    "\"/show/out/f.##.png\"}]}}"
#define TRANSFER "0000000000000000000000TRAN"

static bool bring_in(struct db_tx *tx, void *context, struct error *e)
{
    static const char *const paths[] = {"show/a.pov", "show/maps/b.png", "show/maps/c.png"};
    const char *arriving = context;
    if (!db_run(tx, e,
                "insert into transfers (id, project, name, origin, state, person, created_ms, "
                "active_ms, skipped) values (?1, ?2, 'x', 'job', 'closed', 'p', 1, 1, 0)",
                "ss", TRANSFER, "P"))
        return false;
    for (int64_t i = 0; i < 3; i++) {
        char file_id[27];
        sha256 content = sha256_of(paths[i], 5);
        snprintf(file_id, sizeof(file_id), "%026lld", (long long)i);
        bool late = arriving && strcmp(arriving, paths[i]) == 0;
        if (!db_run(tx, e,
                    "insert into transfer_files (id, transfer, path, size, modified_ms, state, "
                    "content, created_ms, stored_ms) values (?1, ?2, ?3, ?4, 0, ?5, ?6, 1, 1)",
                    "sssisb", file_id, TRANSFER, paths[i], i + 10, late ? "arriving" : "stored",
                    content.at, (size_t)SHA256_SIZE))
            return false;
    }
    return true;
}

struct staging {
    struct job_wish wish;
    json_t *from;
    id job;
    int64_t token;
    struct job_file *files;
    size_t count;
};

static bool stage_in(struct db_tx *tx, void *context, struct error *e)
{
    struct staging *s = context;
    return job_make(tx, &s->wish, house.now, &s->job, e);
}

static bool stage(struct staging *s, const char *transfer, const char *inputs)
{
    char *text = arena_format(house.a, STAGED, transfer, inputs);
    json_decref(s->from);
    s->from = json_loads(text, 0, NULL);
    assert_non_null(s->from);
    s->wish = (struct job_wish){0};
    struct arena *a = arena_open((size_t)1 << 31);
    bool ok = job_submission(a, s->from, &s->wish, &err);
    if (ok) {
        s->wish.project = "P";
        s->wish.by = "Ann";
        ok = db_write(house.db, stage_in, s, &err);
        job_submission_free(&s->wish);
    }
    arena_close(a);
    return ok;
}

static bool files_in(struct db_tx *tx, void *context, struct error *e)
{
    struct staging *s = context;
    return job_files(tx, s->job.text, house.a, &s->files, &s->count, e);
}

static void a_staged_job_has_what_was_brought_and_is_refused_when_something_lacks(void **state)
{
    (void)state;
    struct staging s = {0};
    OK(db_write(house.db, bring_in, NULL, &err));
    assert_false(stage(&s, "0000000000000000000000NONE", ""));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_false(stage(&s, TRANSFER, "\"/show/a.pov\",\"/show/lost.png\",\"/show/map\""));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(err.why, "not among what was brought: /show/lost.png, /show/map");
    OK(stage(&s, TRANSFER, "\"/show/a.pov\",\"/show/maps\",\"/show/maps/\""));
    OK(db_read(house.db, files_in, &s, &err));
    assert_int_equal(s.count, 3);
    assert_string_equal(s.files[0].path, "/show/a.pov");
    assert_string_equal(s.files[1].path, "/show/maps/b.png");
    assert_int_equal(s.files[1].size, 11);
    assert_true(s.files[1].program && !s.files[0].program && !s.files[2].program);
    json_decref(s.from);
}

static void a_staged_job_waits_until_all_has_arrived(void **state)
{
    (void)state;
    struct staging s = {0};
    OK(db_write(house.db, bring_in, "show/maps/c.png", &err));
    assert_false(stage(&s, TRANSFER, ""));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.why, "/show/maps/c.png"));
    json_decref(s.from);
}

static bool made_by(struct db_tx *tx, struct staging *s, int64_t token, const char *path,
                    struct error *e)
{
    struct job_file made = {path, sha256_of(&token, sizeof(token)), token, false, 0};
    bool replaced;
    sha256 before;
    return job_file_made(tx, s->job.text, token, &made, &replaced, &before, e) && !replaced;
}

static bool make_files(struct db_tx *tx, void *context, struct error *e)
{
    struct staging *s = context;
    static const char *const own[] = {"/show/out/f.01.png"};
    return made_by(tx, s, 7, own[0], e) && made_by(tx, s, 7, own[0], e) && // again is fine
           made_by(tx, s, 7, "/show/out/f.02.png", e) && made_by(tx, s, 8, own[0], e) &&
           job_files_placed(tx, s->job.text, s->token, own, 1, e);
}

static void only_what_is_in_its_place_is_among_the_files(void **state)
{
    (void)state;
    struct staging s = {.token = 7};
    OK(db_write(house.db, bring_in, NULL, &err));
    OK(stage(&s, TRANSFER, ""));
    OK(db_write(house.db, make_files, &s, &err));
    OK(db_read(house.db, files_in, &s, &err));
    assert_int_equal(s.count, 4);
    assert_string_equal(s.files[3].path, "/show/out/f.01.png");
    assert_int_equal(s.files[3].size, 7);
    s.token = 8; // it is made again, by another
    OK(db_write(house.db, make_files, &s, &err));
    OK(db_read(house.db, files_in, &s, &err));
    assert_int_equal(s.count, 4);
    assert_int_equal(s.files[3].size, 8);
    json_decref(s.from);
}

static void frames_are_brought_only_where_they_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *path, *house, *folders;
        bool may;
    } cases[] = {{"/show/a.exr", "/srv/house", "", true},
                 {"/srv/house/a.exr", "/srv/house", "", false},
                 {"/srv/house/", "/srv/house", "", false},
                 {"/srv/household/a.exr", "/srv/house", "", true},
                 {"/srv/x/../house/a.exr", "/srv/house", "", false},
                 {"/srv//house/a.exr", "/srv/house", "", false},
                 {"/srv/./house/a.exr", "/srv/house", "", false},
                 {"/show/a.exr", "/srv/house", "/lib, /show/", true},
                 {"/shows/a.exr", "/srv/house", "/lib,/show", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (job_may_bring(cases[i].path, cases[i].house, cases[i].folders, &err) != cases[i].may)
            fail_msg("%s with %s", cases[i].path, cases[i].folders);
}

struct showing_task {
    const char *job;
    int64_t step, task;
    json_t *json, *document;
};
static bool task_in(struct db_tx *tx, void *context, struct error *e)
{
    struct showing_task *q = context;
    return job_task(tx, house.jobs, q->job, q->step, q->task, &q->json, e) &&
           job_document(tx, q->job, &q->document, e);
}
static bool wish_in(struct db_tx *tx, void *context, struct error *e)
{
    struct job_wish *w = context;
    id job;
    w->project = "P";
    w->by = "Ada";
    w->id = "01J0000000000000000000JB77";
    return job_make(tx, w, house.now, &job, e);
}

static void a_task_tells_its_values_its_state_and_its_attempts(void **state)
{
    (void)state;
    static const char tiles[] =
        "{\"template\":\"specificationVersion: jobtemplate-2023-09\\nname: Film\\nsteps:\\n- name: "
        "Render\\n  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "
        "11-13}, {name: Tile, type: STRING, range: [left, right]}]}\\n  script: {actions: {onRun: "
        "{command: "
        "render}}}\\n\",\"options\":{\"outputs\":[{\"path\":\"/show/a.####.exr\"},{\"step\":"
        "\"Other\",\"path\":\"/show/b.exr\"}]}}";
    struct arena *a = arena_open((size_t)1 << 31);
    struct job_wish w;
    struct claim c, later;
    OK(submit(tiles, &w, a));
    OK(db_write(house.db, wish_in, &w, &err));
    for (int i = 0; i < 4; i++) // the fourth task, number 3, fails once
        assert_true(take("W", &c));
    assert_int_equal(c.first, 3);
    break_down(c.attempt, c.token, ERROR_CHILD);
    house.now += 400000;
    OK(jobs_sweep(house.jobs, house.now, &(int64_t){0}, &err));
    do // the others' leases are over by now: they come again, too
        assert_true(take("W", &later));
    while (later.first != 3);
    struct showing_task q = {w.id, 1, 3, NULL, NULL};
    OK(db_read(house.db, task_in, &q, &err));
    OK(job_task_values(q.document, 1, 3, q.json, &err));
    char *text = json_dumps(json_object_get(q.json, "values"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"Frame\":12,\"Tile\":\"right\"}");
    free(text);
    text = json_dumps(json_object_get(q.json, "outputs"), JSON_COMPACT);
    assert_string_equal(text, "[{\"path\":\"/show/a.0012.exr\"}]");
    free(text);
    assert_string_equal(json_string_value(json_object_get(q.json, "state")), "running");
    const json_t *tries = json_object_get(q.json, "attempts"), *first = json_array_get(tries, 1);
    assert_int_equal(json_array_size(tries), 2);
    assert_string_equal(json_string_value(json_object_get(first, "state")), "failed");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(first, "problem"), "title")),
        "the engine stopped");
    assert_false(job_task_values(q.document, 1, 6, q.json, &err));
    json_decref(q.json);
    json_decref(q.document);
    q.task = 6;
    assert_false(db_read(house.db, task_in, &q, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    job_submission_free(&w);
    arena_close(a);
}

static bool limited_in(struct db_tx *tx, void *context, struct error *e)
{
    json_t *plan = json_pack("{s:[{s:s, s:i}]}", "limits", "name", "arnold", "amount", 1);
    struct job_step step = {"render", 3, plan, 0};
    bool ok = job_make(tx,
                       &(struct job_wish){.project = "P",
                                          .kind = "render",
                                          .title = "limited",
                                          .by = "Ada",
                                          .priority = 50,
                                          .steps = &step,
                                          .step_count = 1},
                       house.now, context, e);
    json_decref(plan);
    return ok;
}

static void a_licence_holds_its_tasks_back_also_after_a_new_start(void **state)
{
    (void)state;
    id job;
    struct claim c[3];
    OK(db_write(house.db, limited_in, &job, &err));
    assert_false(take("W", &c[0])); // nobody has said that there is one
    json_t *why = job_why(house.jobs, job.text);
    assert_string_equal(json_string_value(json_object_get(json_array_get(why, 0), "kind")),
                        "limit");
    json_decref(why);
    struct jobs_limit limit = {.name = "arnold", .total = 2};
    OK(jobs_limit_set(house.jobs, &limit, NULL, NULL, house.now, &err));
    jobs_close(house.jobs);
    OK(jobs_open(house.db, house.now, &house.jobs, &err));
    assert_true(take("W", &c[0]) && take("W", &c[1]) && !take("W", &c[2]));
    assert_int_equal(finish(c[0].attempt, c[0].token), OUTCOME_TAKEN);
    assert_true(take("W", &c[2]));
}

static bool forget_words_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_run(tx, e, "delete from search_jobs", "");
}
static void jobs_from_before_there_was_a_search_are_found(void **state)
{
    (void)state;
    make("shot_007 beauty", 50);
    make("shot_008 beauty", 50);
    OK(db_write(house.db, forget_words_in, NULL, &err));
    struct listing l = {.query = {.words = "shot 007", .limit = 10}, .a = arena_open(1 << 20)};
    listed_are(&l, "", 0);
    jobs_close(house.jobs);
    OK(jobs_open(house.db, house.now, &house.jobs, &err));
    listed_are(&l, "shot_007 beauty", 1);
    arena_close(l.a);
}

static void a_job_can_be_named_anew(void **state)
{
    (void)state;
    id job = make("one", 50);
    struct job_order o = {
        .kind = ORDER_EDIT, .job = job.text, .priority = -1, .tier = -1, .title = "two"};
    OK(jobs_order(house.jobs, &o, NULL, NULL, house.now, &err));
    struct asking q = {job.text, NULL};
    OK(db_read(house.db, get_in, &q, &err));
    assert_string_equal(json_string_value(json_object_get(q.json, "title")), "two");
    assert_int_equal(json_integer_value(json_object_get(q.json, "priority")), 50);
    struct listing l = {.query = {.words = "two", .limit = 10}, .a = arena_open(1 << 20)};
    listed_are(&l, "two", 1); // and is found by its new name alone
    l.query.words = "one";
    listed_are(&l, "", 0);
    arena_close(l.a);
    json_decref(q.json);
    o.title = "";
    assert_false(jobs_order(house.jobs, &o, NULL, NULL, house.now, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
}

// ---- machines

static bool nodes_in(struct db_tx *tx, void *context, struct error *e)
{
    return jobs_nodes(tx, house.jobs, NULL, house.now, context, e);
}
static void node_is(const char *worker, const char *wanted)
{
    json_t *list, *one;
    size_t i;
    const char *seen = "unknown";
    OK(db_read(house.db, nodes_in, &list, &err));
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "id")), worker) == 0)
            seen = json_string_value(json_object_get(one, "state"));
    }
    assert_string_equal(seen, wanted);
    json_decref(list);
}
static void greet(const char *worker, const char *host)
{
    json_t *has = json_pack("{s:i, s:[s, s]}", "milli_cpus", 4000, "words", "pool=big", "tag=fast");
    struct worker_hello h = {.id = worker, .name = worker, .host = host, .slots = 1, .has = has};
    OK(jobs_hello(house.jobs, &h, NULL, NULL, 0, house.now, &err));
    json_decref(has);
}
static void greet_far(const char *worker, int cache_mib)
{
    json_t *has = json_pack("{s:i, s:i, s:[s]}", "milli_cpus", 4000, "cache_mib", cache_mib,
                            "words", "no=disks");
    struct worker_hello h = {.id = worker, .name = worker, .host = worker, .slots = 1, .has = has};
    OK(jobs_hello(house.jobs, &h, NULL, NULL, 0, house.now, &err));
    json_decref(has);
}
struct reading {
    int64_t bytes;
    id job;
};
static bool reading_in(struct db_tx *tx, void *context, struct error *e)
{
    struct reading *r = context;
    struct job_wish wish = {.project = "P",
                            .kind = "proxy",
                            .title = "reads",
                            .by = "Ada",
                            .priority = 50,
                            .reads_bytes = r->bytes};
    return job_make(tx, &wish, house.now, &r->job, e);
}
static void waits_for(const char *job, const char *words)
{
    json_t *why = job_why(house.jobs, job);
    const char *text = json_string_value(json_object_get(json_array_get(why, 0), "text"));
    assert_non_null(text);
    assert_non_null(strstr(text, words));
    json_decref(why);
}

static void a_ticket_goes_to_whom_it_can_be_carried_to_else_it_says_why(void **state)
{
    (void)state;
    struct claim c;
    struct reading one = {.bytes = 100 << 20}, huge = {.bytes = JOBS_TRAVELS_MOST + 1};
    OK(db_write(house.db, reading_in, &one, &err));
    greet_far("S", 127);
    assert_false(take("S", &c));
    waits_for(one.job.text, "\"cache<128 MiB\"");
    greet_far("L", 128);
    assert_true(take("L", &c));
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
    OK(db_write(house.db, reading_in, &huge, &err));
    greet_far("M", 1 << 30);
    assert_false(take("M", &c));
    waits_for(huge.job.text, "\"no=disks\"");
    greet("D", "here");
    assert_true(take("D", &c));
}

static void start_again(void)
{
    jobs_close(house.jobs);
    OK(jobs_open(house.db, house.now, &house.jobs, &err));
}
static void order_node(const char *worker, enum node_order order)
{
    OK(jobs_node_order(house.jobs, worker, order, NULL, NULL, house.now, &err));
}

static void a_drained_worker_takes_nothing_also_after_a_new_start(void **state)
{
    (void)state;
    struct claim c;
    make("one", 50);
    make("two", 50);
    greet("W1", "H1");
    assert_true(take("W1", &c));
    node_is("W1", "working");
    order_node("W1", NODE_DRAIN);
    node_is("W1", "draining");
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN); // what it runs counts
    assert_false(take("W1", &c));
    start_again();
    node_is("W1", "away");
    greet("W1", "H1");
    node_is("W1", "draining");
    assert_false(take("W1", &c));
    greet("W2", "H1"); // it alone is drained
    order_node("W1", NODE_RESUME);
    node_is("W1", "idle");
    assert_true(take("W1", &c));
    assert_false(jobs_node_order(house.jobs, "nobody", NODE_DRAIN, NULL, NULL, house.now, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_quarantine_is_of_the_machine_and_holds_until_it_is_good(void **state)
{
    (void)state;
    struct claim c;
    make("one", 50);
    greet("W1", "H1");
    greet("W2", "H1");
    greet("W3", "H2");
    order_node("W1", NODE_QUARANTINE);
    node_is("W2", "quarantined");
    node_is("W3", "idle");
    start_again();
    greet("W2", "H1");
    node_is("W2", "quarantined");
    house.now += (int64_t)1000 * 86400000; // nobody ends it but a person
    greet("W2", "H1");
    assert_false(take("W2", &c));
    order_node("W2", NODE_GOOD);
    node_is("W2", "idle");
    assert_true(take("W2", &c));
    start_again();
    greet("W1", "H1");
    node_is("W1", "idle");
}

// ---- two attempts at the same tasks

static bool rendered_in(struct db_tx *tx, void *context, struct error *e)
{
    json_t *plan = json_pack("{s:i}", "chunk", 4), *options = json_pack("{s:b}", "render", 1);
    struct job_step step = {"render", 16, plan, 0};
    bool ok = job_make(tx,
                       &(struct job_wish){.project = "P",
                                          .kind = "render",
                                          .title = "frames",
                                          .by = "Ada",
                                          .options = options,
                                          .steps = &step,
                                          .step_count = 1},
                       house.now, context, e);
    json_decref(plan);
    json_decref(options);
    return ok;
}

struct pair { // one that is late, and one on another machine that has half of its tasks
    id job;
    struct claim late, twin;
};
static void time_goes(const char *worker, const struct claim *c)
{
    struct beat b = {.attempt = c->attempt, .token = c->token, .unit = ""};
    int64_t lost;
    OK(jobs_beat(house.jobs, worker, &b, 1, house.now, &err));
    OK(jobs_sweep(house.jobs, house.now, &lost, &err));
}
static struct pair two_at_the_same(void)
{
    struct pair p;
    struct claim c[3];
    OK(db_write(house.db, rendered_in, &p.job, &err));
    greet("A", "one");
    greet("B", "two");
    assert_true(take("A", &p.late) && take("B", &c[0]));
    for (int i = 0; i < 3; i++) {
        house.now += 1000;
        assert_int_equal(finish(c[i].attempt, c[i].token), OUTCOME_TAKEN);
        if (i < 2)
            assert_true(take("B", &c[i + 1]));
    }
    for (int i = 0; i < 8; i++) {
        house.now += 2500;
        time_goes("A", &p.late);
    }
    assert_true(take("B", &p.twin));
    assert_int_equal(p.late.first, 0);
    assert_int_equal(p.late.last, 3);
    assert_int_equal(p.twin.first, 2);
    assert_int_equal(p.twin.last, 3);
    return p;
}
static void place_is(const char *worker, const struct claim *c, enum jobs_place when, int64_t first,
                     int64_t last)
{
    struct jobs_placing p;
    OK(jobs_may_place(house.jobs, worker, c->attempt, c->token, house.now, &p, &err));
    assert_int_equal(p.when, when);
    if (when != JOBS_PLACE_NOW)
        return;
    assert_int_equal(p.count, 1);
    assert_int_equal(p.runs[0][0], first);
    assert_int_equal(p.runs[0][1], last);
}

static void two_that_run_the_same_never_both_place_it_also_after_a_new_start(void **state)
{
    (void)state;
    struct pair p = two_at_the_same();
    place_is("B", &p.late, JOBS_PLACE_NEVER, 0, 0); // not its own
    place_is("A", &p.late, JOBS_PLACE_NOW, 0, 3);
    place_is("B", &p.twin, JOBS_PLACE_LATER, 0, 0);
    start_again();
    place_is("B", &p.twin, JOBS_PLACE_LATER, 0, 0);
    place_is("A", &p.late, JOBS_PLACE_NOW, 0, 3); // it has not heard it the first time
    start_again();
    assert_int_equal(finish(p.late.attempt, p.late.token), OUTCOME_TAKEN);
    place_is("B", &p.twin, JOBS_PLACE_NEVER, 0, 0);
    assert_string_equal(state_of(p.job.text), "done");
}

static void what_another_has_made_is_not_placed_again(void **state)
{
    (void)state;
    struct pair p = two_at_the_same();
    place_is("B", &p.twin, JOBS_PLACE_NOW, 2, 3);
    place_is("A", &p.late, JOBS_PLACE_LATER, 0, 0);
    start_again();
    place_is("A", &p.late, JOBS_PLACE_LATER, 0, 0);
    assert_int_equal(finish(p.twin.attempt, p.twin.token), OUTCOME_TAKEN);
    place_is("A", &p.late, JOBS_PLACE_NOW, 0, 1);
    assert_int_equal(finish(p.late.attempt, p.late.token), OUTCOME_TAKEN);
    assert_string_equal(state_of(p.job.text), "done");
}

static void who_may_place_and_is_lost_holds_nobody_up(void **state)
{
    (void)state;
    struct pair p = two_at_the_same();
    place_is("A", &p.late, JOBS_PLACE_NOW, 0, 3);
    for (int i = 0; i < 3; i++) {
        place_is("B", &p.twin, JOBS_PLACE_LATER, 0, 0);
        house.now += JOBS_LEASE_MS / 2 - 1;
        time_goes("B", &p.twin);
    }
    place_is("B", &p.twin, JOBS_PLACE_NOW, 2, 3);
}

static void one_that_was_dropped_before_a_new_start_has_time_to_end_what_it_places(void **state)
{
    (void)state;
    struct pair p = two_at_the_same();
    struct claim again;
    place_is("A", &p.late, JOBS_PLACE_NOW, 0, 3);
    OK(order(ORDER_CANCEL, p.job.text));
    start_again();
    OK(order(ORDER_RETRY, p.job.text));
    greet("C", "three");
    assert_true(take("C", &again));
    place_is("A", &p.late, JOBS_PLACE_NEVER, 0, 0);
    place_is("C", &again, JOBS_PLACE_LATER, 0, 0);
    house.now += JOBS_LEASE_MS - 1;
    time_goes("C", &again);
    place_is("C", &again, JOBS_PLACE_LATER, 0, 0);
    house.now++;
    place_is("C", &again, JOBS_PLACE_NOW, again.first, again.last);
}

static bool full_in(struct db_tx *tx, void *context, struct error *e);
static void nobody_is_told_to_place_what_could_not_be_written(void **state)
{
    (void)state;
    struct pair p = two_at_the_same();
    struct jobs_placing placing;
    bool full = true;
    OK(db_write(house.db, full_in, &full, &err));
    assert_false(
        jobs_may_place(house.jobs, "A", p.late.attempt, p.late.token, house.now, &placing, &err));
    OK(db_write(house.db, full_in, NULL, &err));
    house.now += 1000;
    place_is("B", &p.twin, JOBS_PLACE_NOW, 2, 3);
    place_is("A", &p.late, JOBS_PLACE_LATER, 0, 0);
}

static void fail_on(const char *worker, const char *job)
{
    struct claim c;
    struct error why;
    enum outcome outcome;
    make(job, 50);
    assert_true(take(worker, &c));
    error_set(&why, ERROR_NO_SPACE, "the disk is full");
    OK(jobs_fail(house.jobs, c.attempt, c.token, 0, &why, house.now, &outcome, &err));
}

static void a_quarantine_that_we_found_ourselves_holds_over_a_new_start(void **state)
{
    (void)state;
    greet("W1", "H1");
    greet("W2", "H2");
    greet("W3", "H3");
    for (int i = 0; i < 3; i++)
        fail_on("W1", i == 0 ? "one" : i == 1 ? "two" : "three");
    node_is("W1", "quarantined");
    start_again();
    greet("W1", "H1");
    greet("W2", "H2");
    node_is("W1", "quarantined");
    node_is("W2", "idle");
    house.now += 599000;
    start_again();
    greet("W1", "H1");
    node_is("W1", "quarantined");
    house.now += 2000; // it was for ten minutes
    start_again();
    greet("W1", "H1");
    node_is("W1", "idle");
}

static bool refuse_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)tx, (void)context;
    return error_set(e, ERROR_NO_SPACE, "the audit can not be written");
}

static bool sums_in(struct db_tx *tx, void *context, struct error *e)
{
    return jobs_sums(tx, house.jobs, house.now, context, e);
}
static int64_t sum_of(const json_t *sums, const char *part, const char *name)
{
    return json_integer_value(json_object_get(part ? json_object_get(sums, part) : sums, name));
}

static void the_sums_of_the_farm_are_those_of_its_jobs_and_workers(void **state)
{
    (void)state;
    struct claim c;
    struct making many = {.title = "many", .priority = 50, .tasks = 10, .chunk = 2};
    json_t *sums;
    OK(db_write(house.db, make_in, &many, &err));
    make("one", 10);
    greet("W1", "H1");
    greet("W2", "H2");
    order_node("W2", NODE_DRAIN);
    assert_true(take("W1", &c)); // the ticket: its tier is higher
    OK(db_read(house.db, sums_in, &sums, &err));
    assert_int_equal(sum_of(sums, "jobs", "running"), 1);
    assert_int_equal(sum_of(sums, "jobs", "waiting"), 1);
    assert_int_equal(sum_of(sums, "workers", "working"), 1);
    assert_int_equal(sum_of(sums, "workers", "draining"), 1);
    assert_int_equal(sum_of(sums, NULL, "slots"), 2);
    assert_int_equal(sum_of(sums, NULL, "busy"), 1);
    assert_int_equal(sum_of(sums, NULL, "running"), 1);
    assert_int_equal(sum_of(sums, NULL, "waiting"), 10);
    assert_int_equal(sum_of(sums, NULL, "ready"), 10);
    const json_t *share = json_object_get(json_object_get(sums, "shares"), "P");
    assert_int_equal(sum_of(share, NULL, "running"), 1);
    assert_int_equal(sum_of(share, NULL, "waiting"), 10);
    json_decref(sums);
}

static void an_order_to_a_worker_that_can_not_be_kept_does_not_hold(void **state)
{
    (void)state;
    struct claim c;
    make("one", 50);
    greet("W1", "H1");
    for (enum node_order o = NODE_DRAIN; o <= NODE_QUARANTINE; o++)
        assert_false(jobs_node_order(house.jobs, "W1", o, refuse_in, NULL, house.now, &err));
    node_is("W1", "idle");
    assert_true(take("W1", &c));
}

static bool newest_event_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_one_int(tx, context, 0, e, "select count(*) from events where kind = 'nodes.changed'",
                      "");
}
static int64_t told_nodes(void)
{
    int64_t count;
    OK(db_read(house.db, newest_event_in, &count, &err));
    return count;
}
static void news_of_workers_come_once_a_second_and_none_is_lost(void **state)
{
    (void)state;
    struct claim c;
    enum outcome outcome;
    struct making many = {.title = "many", .priority = 50, .tasks = 40, .chunk = 1};
    OK(db_write(house.db, make_in, &many, &err));
    greet("W1", "H1");
    assert_int_equal(told_nodes(), 1);
    for (int i = 0; i < 40; i++) { // two seconds of work
        assert_true(take("W1", &c));
        OK(jobs_finish(house.jobs, c.attempt, c.token, NULL, NULL, house.now, &outcome, &err));
        house.now += 50;
    }
    assert_in_range(told_nodes(), 2, 3);
    int64_t before = told_nodes(), lost;
    house.now += 2000; // nothing happens, and what was held back is said
    OK(jobs_sweep(house.jobs, house.now, &lost, &err));
    assert_int_equal(told_nodes(), before + 1);
    house.now += 2000;
    OK(jobs_sweep(house.jobs, house.now, &lost, &err));
    assert_int_equal(told_nodes(), before + 1);
    order_node("W1", NODE_DRAIN);
    assert_int_equal(told_nodes(), before + 2);
}

// ---- pictures

static void pictures_are_kept_until_there_are_too_many(void **state)
{
    (void)state;
    char folder[300];
    struct arena *a = arena_open(16 << 20);
    static char jpeg[100000] = "\xff\xd8\xff\xe0 a picture";
    snprintf(folder, sizeof(folder), "%s/pictures", house.folder);
    for (int64_t token = 500; token < 6500; token += 1000) {
        struct job_picture p = {token, 3, 1, jpeg, sizeof(jpeg)};
        assert_false(job_picture_there(folder, &p));
        OK(job_picture_add(folder, &p, &err));
        struct job_picture back = {.token = token, .task = 3, .output = 1};
        OK(job_picture_read(folder, a, &back, &err));
        assert_int_equal(back.size, sizeof(jpeg));
        assert_memory_equal(back.jpeg, jpeg, sizeof(jpeg));
    }
    struct job_picture other = {.token = 500, .task = 4, .output = 1};
    assert_false(job_picture_read(folder, a, &other, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    struct job_picture none = {1, 0, 0, "<svg onload=x>", 14};
    assert_false(job_picture_add(folder, &none, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    struct job_picture huge = {1, 0, 0, jpeg, JOBS_PICTURE_MOST + 1};
    assert_false(job_picture_add(folder, &huge, &err));
    job_pictures_forget(folder, 350000); // three of them, and what a disk rounds up
    struct job_picture old = {.token = 500, .task = 3, .output = 1};
    struct job_picture young = {.token = 5500, .task = 3, .output = 1};
    assert_false(job_picture_there(folder, &old));
    assert_true(job_picture_there(folder, &young));
    job_pictures_forget(folder, 1);
    assert_true(job_picture_there(folder, &young)); // the newest ones stay
    arena_close(a);
}

// ---- logs

static void log_is(int64_t token, int64_t after, const char *wanted, int64_t wanted_next)
{
    struct buf out = BUF_LIMIT(4 << 20);
    int64_t next;
    OK(job_log_read(house.folder, token, after, &out, &next, &err));
    assert_string_equal(out.at ? out.at : "", wanted);
    assert_int_equal(next, wanted_next);
    buf_free(&out);
}

static void a_log_can_be_read_while_it_grows_and_has_nothing_twice(void **state)
{
    (void)state;
    struct buf out = BUF_LIMIT(4 << 20);
    int64_t next;
    char path[200];
    assert_false(job_log_read(house.folder, 1234, 0, &out, &next, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    OK(job_log_add(house.folder, 1234, 0, text_of("one\n"), &err));
    log_is(1234, 0, "one\n", 4);
    OK(job_log_add(house.folder, 1234, 0, text_of("one\n"), &err)); // said again
    OK(job_log_add(house.folder, 1234, 4, text_of("two\n"), &err));
    log_is(1234, 0, "one\ntwo\n", 8);
    log_is(1234, 6, "o\n", 8);
    log_is(1234, 8, "", 8);
    snprintf(path, sizeof(path), "%s/1/1234.log", house.folder);
    FILE *f = fopen(path, "r+"); // the house died while it wrote
    assert_non_null(f);
    fseek(f, -3, SEEK_END);
    assert_int_equal(ftruncate(fileno(f), ftell(f)), 0);
    fclose(f);
    log_is(1234, 0, "one\n", 4);
    OK(job_log_add(house.folder, 1234, 4, text_of("three\n"), &err));
    log_is(1234, 0, "one\nthree\n", 10);
}

// ---- a house of before

static bool old_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    static const char *const rows[] = {
        "insert into jobs values ('01J0000000000000000000JB0%c', 'P', 'probe', 'job %c', '%s', 50, "
        "null, null, null, 'cause %c', '{\"kind\":\"probe\"}', 'Ada', %d, 0, 0, 0, 7, 'frames', 1, "
        "null)",
        "insert into steps values ('01J0000000000000000000JB0%c', 1, 'probe')",
        "insert into ranges values ('01J0000000000000000000RG0%c', '01J0000000000000000000JB0%c', "
        "1, "
        "0, 0, '%s', 50, %d, 0, 0, 0, 4, '01J0000000000000000000AT0%c')",
        "insert into attempts values ('01J0000000000000000000AT0%c', "
        "'01J0000000000000000000JB0%c', "
        "'01J0000000000000000000RG0%c', 'W', 4, '%s', 5, 6, 7, null)"};
    static const char *const states[] = {"waiting", "running", "done", "failed", "cancelled"};
    static const char *const ends[] = {"lost", "running", "committed", "failed", "cancelled"};
    char sql[400];
    for (int i = 0; i < 5; i++) {
        int c = 'A' + i;
        snprintf(sql, sizeof(sql), rows[0], c, c, states[i], c, 1000 - i);
        bool ok = db_run(tx, e, sql, "");
        snprintf(sql, sizeof(sql), rows[1], c);
        ok = ok && db_run(tx, e, sql, "");
        snprintf(sql, sizeof(sql), rows[2], c, c, states[i], 1000 - i, c);
        ok = ok && db_run(tx, e, sql, "");
        snprintf(sql, sizeof(sql), rows[3], c, c, c, ends[i]);
        if (!ok || !db_run(tx, e, sql, ""))
            return false;
    }
    return true;
}

static void an_earlier_house_goes_on_where_it_was(void **state)
{
    (void)state;
    char old[96], command[300];
    jobs_close(house.jobs);
    db_close(house.db);
    snprintf(old, sizeof(old), "%s/old", house.folder);
    snprintf(command, sizeof(command), "rm %s* && mkdir %s && cp %s/000[1-8]_* %s", house.path, old,
             MIGRATIONS, old);
    assert_int_equal(system(command), 0);
    house.db = db_open(&(struct db_wish){.path = house.path, .migrations = old}, &err);
    OK(house.db && db_write(house.db, old_in, NULL, &err));
    db_close(house.db);
    house.db = db_open(&(struct db_wish){.path = house.path, .migrations = MIGRATIONS}, &err);
    OK(house.db && jobs_open(house.db, house.now, &house.jobs, &err));
    static const char *const now[] = {"waiting", "waiting", "done", "failed", "cancelled"};
    char job[] = "01J0000000000000000000JB0A";
    for (int i = 0; i < 5; i++, job[25]++)
        assert_string_equal(state_of(job), now[i]);
    struct claim c[3];
    assert_true(take("W", &c[0]) && take("W", &c[1]) && !take("W", &c[2]));
    assert_string_equal(c[0].title, "job B"); // the older one
    assert_true(c[0].token > 5);              // no fence is used again
    assert_int_equal(finish(c[0].attempt, c[0].token), OUTCOME_TAKEN);
    assert_int_equal(finish("01J0000000000000000000AT0B", 4), OUTCOME_STALE);
    OK(order(ORDER_RETRY, "01J0000000000000000000JB0D"));
    OK(order(ORDER_RETRY, "01J0000000000000000000JB0E"));
    assert_false(order(ORDER_RETRY, "01J0000000000000000000JB0C"));
    assert_true(take("W", &c[0]) && take("W", &c[1]) && !take("W", &c[2]));
    struct making again = {.title = "again", .cause = "cause A", .priority = 50};
    OK(db_write(house.db, make_in, &again, &err));
    assert_string_equal(again.job.text, "01J0000000000000000000JB0A");
}

// ---- the ledger against a simple model, with random acts, commits that fail, and new starts

enum { JOBS = 8, TASKS = 9, STEPS = 1500, OLD = 1 << 15 };
enum task_state { WAITING, RUNNING, DONE, FAILED, CANCELLED };
static const char *const task_states[] = {"waiting", "running", "done", "failed", "cancelled"};
struct model_job {
    id job;
    int64_t tasks;
    enum task_state states[TASKS];
    int committed[TASKS]; // since it was last asked for
};
struct model_attempt {
    struct claim c;
    struct model_job *of;
    char worker[8];
    int64_t lease;
    enum { RUNS, COMMITTED, OVER } what;
};
static struct {
    struct model_job jobs[JOBS];
    size_t count;
    struct model_attempt attempts[OLD];
    size_t given;
    int64_t last_token;
} m;

static unsigned dice_state;
static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1664525u + 1013904223u;
    return (dice_state >> 8) % sides;
}

static struct model_attempt *some_attempt(void)
{
    size_t recent = dice(4) && m.given > 12 ? 12 : m.given;
    return recent ? &m.attempts[m.given - 1 - dice((unsigned)recent)] : NULL;
}

struct showing {
    const char *job;
    json_t *json;
};
static bool tasks_in(struct db_tx *tx, void *context, struct error *e)
{
    struct showing *q = context;
    int64_t next;
    return job_tasks(tx, q->job, 1, 0, -1, &q->json, &next, e);
}
static bool steps_in(struct db_tx *tx, void *context, struct error *e)
{
    struct showing *q = context;
    return job_steps(tx, house.jobs, q->job, &q->json, e);
}

// What the rows say of a job's tasks.
static void states_of(const struct model_job *j, enum task_state states[TASKS])
{
    struct showing q = {j->job.text, NULL};
    size_t i;
    const json_t *run;
    OK(db_read(house.db, tasks_in, &q, &err));
    json_array_foreach(q.json, i, run)
    {
        const char *name = json_string_value(json_object_get(run, "state"));
        enum task_state s = WAITING;
        while (strcmp(task_states[s], name) != 0)
            s++;
        for (json_int_t t = json_integer_value(json_object_get(run, "first"));
             t <= json_integer_value(json_object_get(run, "last")); t++)
            states[t] = s;
    }
    json_decref(q.json);
}

static void model_end(struct model_attempt *a, enum task_state to)
{
    for (int64_t t = a->c.first; t <= a->c.last; t++)
        if (a->of->states[t] == RUNNING) {
            a->of->states[t] = to;
            a->of->committed[t] += to == DONE;
        }
    a->what = to == DONE ? COMMITTED : OVER;
}

// What failed may be tried again or not: that is the scheduler's to say, and the rows know it.
static void model_failed(struct model_attempt *a)
{
    enum task_state seen[TASKS];
    states_of(a->of, seen);
    for (int64_t t = a->c.first; t <= a->c.last; t++)
        if (a->of->states[t] == RUNNING) {
            assert_true(seen[t] != DONE && seen[t] != CANCELLED);
            a->of->states[t] = seen[t] == FAILED ? FAILED : WAITING; // it may be given again
        }
    a->what = OVER;
}

// Leases end with whatever is said after their time.
static void end_leases(void)
{
    for (size_t i = 0; i < m.given; i++) {
        struct ended what;
        bool current, taken;
        struct model_attempt *a = &m.attempts[i];
        if (a->what != RUNS || a->lease >= house.now)
            continue;
        OK(jobs_attempt(house.jobs, a->c.attempt, a->c.token, house.a, &what, &current, &taken,
                        &err));
        if (!current)
            model_failed(a);
    }
}

static void agree(void)
{
    end_leases();
    for (size_t i = 0; i < m.count; i++) {
        enum task_state seen[TASKS];
        states_of(&m.jobs[i], seen);
        for (int64_t t = 0; t < m.jobs[i].tasks; t++) {
            if (seen[t] != m.jobs[i].states[t])
                fail_msg("job %zu task %d is %s, not %s", i, (int)t, task_states[seen[t]],
                         task_states[m.jobs[i].states[t]]);
            assert_int_equal(m.jobs[i].committed[t], m.jobs[i].states[t] == DONE);
        }
    }
}

static void act_make(void)
{
    if (m.count == JOBS)
        return;
    struct model_job *j = &m.jobs[m.count];
    j->tasks = 1 + dice(TASKS);
    struct making wish = {
        .title = "any", .priority = (int)dice(5) * 20, .tasks = j->tasks, .chunk = 1 + dice(3)};
    if (db_write(house.db, make_in, &wish, &err)) {
        j->job = wish.job;
        m.count++;
    }
}

static void act_take(const char *worker)
{
    struct claim c;
    bool found = false;
    if (!jobs_claim(house.jobs, worker, house.now, house.a, &c, &found, &err) || !found)
        return;
    json_decref(c.ticket);
    assert_true(c.token > m.last_token); // never given before
    m.last_token = c.token;
    end_leases();
    struct model_attempt *a = &m.attempts[m.given++];
    *a = (struct model_attempt){.c = c, .lease = house.now + JOBS_LEASE_MS};
    strcpy(a->worker, worker);
    for (size_t i = 0; i < m.count; i++)
        if (strcmp(m.jobs[i].job.text, c.job) == 0)
            a->of = &m.jobs[i];
    assert_non_null(a->of);
    for (int64_t t = c.first; t <= c.last; t++) {
        assert_int_equal(a->of->states[t], WAITING);
        a->of->states[t] = RUNNING;
    }
}

static void act_finish(void)
{
    struct model_attempt *a = some_attempt();
    enum outcome o;
    int before = applied;
    if (!a || !jobs_finish(house.jobs, a->c.attempt, a->c.token, apply, NULL, house.now, &o, &err))
        return;
    assert_int_equal(o, a->what == OVER ? OUTCOME_STALE : OUTCOME_TAKEN);
    assert_int_equal(applied - before, a->what == RUNS);
    if (a->what == RUNS)
        model_end(a, DONE);
}

static void act_fail(void)
{
    struct model_attempt *a = some_attempt();
    struct error why;
    enum outcome o;
    error_set(&why, dice(4) ? ERROR_CHILD : dice(2) ? ERROR_DAMAGED : ERROR_NO_SPACE, "it broke");
    if (!a || a->what == COMMITTED ||
        !jobs_fail(house.jobs, a->c.attempt, a->c.token, -1, &why, house.now, &o, &err))
        return;
    assert_int_equal(o, a->what == RUNS ? OUTCOME_TAKEN : OUTCOME_STALE);
    if (a->what == RUNS)
        model_failed(a);
}

static void act_beat(void)
{
    struct model_attempt *a = some_attempt();
    struct beat b = {.unit = "frames", .total = 2};
    if (!a)
        return;
    b.attempt = a->c.attempt;
    b.token = a->c.token;
    if (!jobs_beat(house.jobs, a->worker, &b, 1, house.now, &err))
        return;
    assert_int_equal(b.drop, a->what != RUNS);
    a->lease = house.now + JOBS_LEASE_MS;
}

static void act_stopped(void)
{
    struct model_attempt *a = some_attempt();
    if (a && a->what == OVER)
        jobs_stopped(house.jobs, a->c.attempt, a->c.token, house.now);
}

static void act_sweep(void)
{
    int64_t lost;
    house.now += dice(8) ? dice(2000) : dice(JOBS_LEASE_MS * 2);
    (void)!jobs_sweep(house.jobs, house.now, &lost, &err);
}

static void act_order(enum order_kind kind)
{
    if (!m.count)
        return;
    struct model_job *j = &m.jobs[dice((unsigned)m.count)];
    struct job_order o = {.kind = kind, .job = j->job.text, .step = 1};
    if (kind == ORDER_REQUEUE) {
        o.first = dice((unsigned)j->tasks);
        o.last = o.first + dice((unsigned)(j->tasks - o.first));
    } else {
        o.last = j->tasks - 1;
    }
    if (!jobs_order(house.jobs, &o, NULL, NULL, house.now, &err))
        return;
    for (int64_t t = o.first; t <= o.last; t++) {
        enum task_state *s = &j->states[t];
        bool again = *s == FAILED || *s == CANCELLED || (*s == DONE && kind == ORDER_REQUEUE);
        if (kind == ORDER_CANCEL && (*s == WAITING || *s == RUNNING))
            *s = CANCELLED;
        if (kind != ORDER_CANCEL && again) {
            *s = WAITING;
            j->committed[t] = 0;
        }
    }
    for (size_t i = 0; i < m.given && kind == ORDER_CANCEL; i++)
        if (m.attempts[i].of == j && m.attempts[i].what == RUNS)
            m.attempts[i].what = OVER;
}

// What the scheduler counts must be what it will count after a new start.
static void act_reopen(void)
{
    json_t *before[JOBS], *after[JOBS];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < m.count; i++) {
            struct showing q = {m.jobs[i].job.text, NULL};
            OK(db_read(house.db, steps_in, &q, &err));
            (round ? after : before)[i] = q.json;
            json_object_del(json_array_get(q.json, 0), "mean_ms"); // learned anew
            json_object_del(json_array_get(q.json, 0), "chunk");
            json_object_del(json_array_get(q.json, 0), "ready"); // rests end
        }
        if (round)
            break;
        jobs_close(house.jobs);
        OK(jobs_open(house.db, house.now, &house.jobs, &err));
    }
    for (size_t i = 0; i < m.count; i++) {
        if (!json_equal(before[i], after[i]))
            fail_msg("%s became %s", json_dumps(before[i], 0), json_dumps(after[i], 0));
        json_decref(before[i]);
        json_decref(after[i]);
    }
    for (size_t i = 0; i < m.given; i++)
        m.attempts[i].lease = house.now + JOBS_LEASE_MS;
}

// From now on, or no more, nothing can be written down.
static bool full_in(struct db_tx *tx, void *context, struct error *e)
{
    static const char *const tables[] = {"attempts", "task_pages", "jobs"};
    static const char *const acts[] = {"insert", "update"};
    char sql[200];
    for (int i = 0; i < 6; i++) {
        snprintf(sql, sizeof(sql),
                 context ? "create trigger full_%s_%s before %s on %s begin select raise(abort, "
                           "'the disk is full'); end"
                         : "drop trigger full_%s_%s",
                 tables[i / 2], acts[i % 2], acts[i % 2], tables[i / 2]);
        if (!db_run(tx, e, sql, ""))
            return false;
    }
    return true;
}

static void act(void)
{
    char worker[8];
    snprintf(worker, sizeof(worker), "W%u", dice(3));
    unsigned what = dice(100);
    if (what < 8)
        act_make();
    else if (what < 42)
        act_take(worker);
    else if (what < 62)
        act_finish();
    else if (what < 72)
        act_fail();
    else if (what < 76)
        act_beat();
    else if (what < 80)
        act_stopped();
    else if (what < 88)
        act_sweep();
    else if (what < 91)
        act_order(ORDER_CANCEL);
    else if (what < 95)
        act_order(ORDER_RETRY);
    else
        act_order(ORDER_REQUEUE);
}

static void the_ledger_agrees_with_a_simple_model(void **state)
{
    (void)state;
    const char *seed = getenv("SEED");
    const char *size = getenv("POSTHOUSE_TEST_SIZE");
    int steps = size && strcmp(size, "long") == 0 ? STEPS * 20 : STEPS;
    dice_state = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)clock_tick_us();
    print_message("SEED=%u\n", dice_state);
    memset(&m, 0, sizeof(m));
    bool full = false;
    for (int step = 0; step < steps; step++) {
        house.now++;
        if (dice(full ? 5 : 30) == 0) {
            full = !full;
            OK(db_write(house.db, full_in, full ? &full : NULL, &err));
            house.now += 1000; // what it waits after a failure
        }
        act();
        end_leases();
        if (dice(40) == 0 && !full)
            act_reopen();
        agree();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_house, close_house)
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(the_most_urgent_comes_first_and_of_those_the_oldest),
        TEST(the_same_cause_queues_once),
        TEST(a_result_counts_once_and_repeating_it_is_fine),
        TEST(a_lost_lease_makes_the_old_result_stale),
        TEST(beats_keep_a_lease),
        TEST(starting_again_gives_running_work_a_fresh_lease),
        TEST(a_worker_that_comes_back_without_its_work_has_lost_it),
        TEST(what_may_pass_is_tried_again_later_and_what_may_not_is_not),
        TEST(work_that_takes_worker_after_worker_with_it_is_given_up),
        TEST(a_cancelled_job_drops_its_attempt),
        TEST(a_job_of_many_tasks_is_done_when_all_are),
        TEST(what_the_rooms_can_not_keep_does_not_end_the_attempt),
        TEST(progress_is_told_four_times_a_second_at_most),
        TEST(jobs_of_other_projects_are_not_listed),
        TEST(the_queue_comes_by_pages_in_the_farms_order_and_as_it_is_searched),
        TEST(news_of_workers_come_once_a_second_and_none_is_lost),
        TEST(pictures_are_kept_until_there_are_too_many),
        TEST(a_submission_becomes_steps_in_order_with_plans),
        TEST(a_task_tells_its_values_its_state_and_its_attempts),
        TEST(a_staged_job_has_what_was_brought_and_is_refused_when_something_lacks),
        TEST(a_staged_job_waits_until_all_has_arrived),
        TEST(only_what_is_in_its_place_is_among_the_files),
        TEST(frames_are_brought_only_where_they_may_be),
        TEST(a_licence_holds_its_tasks_back_also_after_a_new_start),
        TEST(a_ticket_goes_to_whom_it_can_be_carried_to_else_it_says_why),
        TEST(jobs_from_before_there_was_a_search_are_found),
        TEST(the_speed_of_a_line_is_smoothed_and_an_old_one_gives_way),
        TEST(a_job_can_be_named_anew),
        TEST(a_drained_worker_takes_nothing_also_after_a_new_start),
        TEST(a_quarantine_is_of_the_machine_and_holds_until_it_is_good),
        TEST(two_that_run_the_same_never_both_place_it_also_after_a_new_start),
        TEST(what_another_has_made_is_not_placed_again),
        TEST(who_may_place_and_is_lost_holds_nobody_up),
        TEST(one_that_was_dropped_before_a_new_start_has_time_to_end_what_it_places),
        TEST(nobody_is_told_to_place_what_could_not_be_written),
        TEST(a_quarantine_that_we_found_ourselves_holds_over_a_new_start),
        TEST(the_sums_of_the_farm_are_those_of_its_jobs_and_workers),
        TEST(an_order_to_a_worker_that_can_not_be_kept_does_not_hold),
        TEST(a_log_can_be_read_while_it_grows_and_has_nothing_twice),
        TEST(an_earlier_house_goes_on_where_it_was),
        TEST(the_ledger_agrees_with_a_simple_model),
    };
    return RUN_TESTS(tests);
}
