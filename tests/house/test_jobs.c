#include "test.h"

#include "house/jobs/jobs.h"
#include "plat/clock.h"
#include "plat/files.h"

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
    int64_t last, a_range;
    id job;
};
static bool make_in(struct db_tx *tx, void *context, struct error *e)
{
    struct making *m = context;
    return job_make(tx,
                    &(struct job_wish){.project = "P",
                                       .kind = "probe",
                                       .title = m->title,
                                       .by = "Ada",
                                       .cause = m->cause,
                                       .priority = m->priority,
                                       .last = m->last,
                                       .frames_a_range = m->a_range},
                    house.now, &m->job, e);
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
    OK(jobs_fail(house.jobs, attempt, token, &why, house.now, &o, &err));
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

static bool cancel_in(struct db_tx *tx, void *job, struct error *e)
{
    return job_cancel(tx, job, house.now, e);
}
static bool retry_in(struct db_tx *tx, void *job, struct error *e)
{
    return job_retry(tx, job, house.now, e);
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
        assert_int_equal(c.token, 1);
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
    struct worker_hello hello = {"W", "worker", "here", 1, 2};
    struct beat kept = {.attempt = c.attempt, .token = c.token};
    OK(jobs_hello(house.jobs, &hello, &kept, 1, house.now, &err));
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
    struct worker_hello hello = {"W", "worker", "here", 1, 2};
    OK(jobs_hello(house.jobs, &hello, NULL, 0, house.now, &err));
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

    OK(db_write(house.db, retry_in, damaged.text, &err));
    assert_true(take("W", &c));
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_TAKEN);
    assert_string_equal(state_of(damaged.text), "done");
    assert_false(db_write(house.db, retry_in, damaged.text, &err));
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
    OK(db_write(house.db, cancel_in, job.text, &err));
    assert_string_equal(state_of(job.text), "cancelled");
    struct beat b = {.attempt = c.attempt, .token = c.token, .unit = ""};
    OK(jobs_beat(house.jobs, "W", &b, 1, house.now, &err));
    assert_true(b.drop);
    assert_int_equal(finish(c.attempt, c.token), OUTCOME_STALE);
    assert_int_equal(applied, 0);
    assert_false(db_write(house.db, cancel_in, job.text, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void a_job_of_many_ranges_is_done_when_all_are(void **state)
{
    (void)state;
    struct making m = {.title = "render", .priority = 50, .last = 99, .a_range = 30};
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
    if (!job_list(tx, house.jobs, &q, &items, &total, &more, e))
        return false;
    *(int64_t *)context = (int64_t)json_array_size(items) * 100 + total;
    json_decref(items);
    return true;
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

// ---- the ledger against a simple model, with random acts

enum { JOBS = 12, STEPS = 1200, OLD = 64 };
struct model {
    id job;
    int priority, tries, losses, committed;
    int64_t created, not_before, token, lease;
    char attempt[27], worker[8];
    enum { WAITING, RUNNING, DONE, FAILED, CANCELLED } state;
};
static const char *const model_states[] = {"waiting", "running", "done", "failed", "cancelled"};

static unsigned dice_state;
static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1664525u + 1013904223u;
    return (dice_state >> 8) % sides;
}

static void act(struct model *m, size_t *count, struct claim *old, size_t *olds)
{
    struct model *some = *count ? &m[dice((unsigned)*count)] : NULL;
    char worker[8];
    snprintf(worker, sizeof(worker), "W%u", dice(3));
    struct claim c;
    unsigned what = dice(100);
    if (what < 12 && *count < JOBS) {
        struct model *new = &m[(*count)++];
        *new = (struct model){.priority = (int)dice(5) * 20, .created = house.now};
        new->job = make("any", new->priority);
    } else if (what < 40) {
        struct model *best = NULL; // the first of what the ledger must give
        for (size_t i = 0; i < *count; i++)
            if (m[i].state == WAITING && m[i].not_before <= house.now &&
                (!best || m[i].priority > best->priority ||
                 (m[i].priority == best->priority && m[i].created < best->created)))
                best = &m[i];
        bool found = take(worker, &c);
        assert_int_equal(found, best != NULL);
        if (!found)
            return;
        assert_string_equal(c.job, best->job.text);
        assert_true(c.token > best->token);
        best->token = c.token;
        best->state = RUNNING;
        best->lease = house.now + JOBS_LEASE_MS;
        strcpy(best->attempt, c.attempt);
        strcpy(best->worker, worker);
        old[(*olds)++ % OLD] = c;
    } else if (what < 60 && *olds) { // a result, perhaps of long ago, perhaps again
        c = old[dice((unsigned)(*olds < OLD ? *olds : OLD))];
        struct model *of = m;
        while (strcmp(of->job.text, c.job) != 0)
            of++;
        int before = applied;
        enum outcome o = finish(c.attempt, c.token);
        bool counts = of->state == RUNNING && strcmp(of->attempt, c.attempt) == 0;
        bool again = of->state == DONE && strcmp(of->attempt, c.attempt) == 0;
        assert_int_equal(o, counts || again ? OUTCOME_TAKEN : OUTCOME_STALE);
        assert_int_equal(applied - before, counts ? 1 : 0);
        if (counts) {
            of->state = DONE;
            of->committed++;
        }
    } else if (what < 70 && some && some->state == RUNNING) {
        enum error_kind kind = dice(4) ? ERROR_CHILD : ERROR_DAMAGED;
        assert_int_equal(break_down(some->attempt, some->token, kind), OUTCOME_TAKEN);
        some->tries++;
        if (kind == ERROR_DAMAGED || some->tries >= JOBS_TRIES) {
            some->state = FAILED;
        } else {
            some->state = WAITING;
            some->not_before = house.now + (1000 << (some->tries - 1));
        }
    } else if (what < 80 && some && some->state == RUNNING) {
        struct beat b = {some->attempt, some->token, 1, 2, "frames", false};
        OK(jobs_beat(house.jobs, some->worker, &b, 1, house.now, &err));
        assert_false(b.drop);
        some->lease = house.now + JOBS_LEASE_MS;
    } else if (what < 90) {
        house.now += dice(8) ? dice(2000) : dice(JOBS_LEASE_MS * 2);
        int64_t lost, expect = 0;
        OK(jobs_sweep(house.jobs, house.now, &lost, &err));
        for (size_t i = 0; i < *count; i++)
            if (m[i].state == RUNNING && m[i].lease < house.now) {
                expect++;
                m[i].state = ++m[i].losses < JOBS_LOSSES ? WAITING : FAILED;
                m[i].not_before = house.now;
            }
        assert_int_equal(lost, expect);
    } else if (what < 93 && some) {
        bool may = some->state == WAITING || some->state == RUNNING;
        assert_int_equal(db_write(house.db, cancel_in, some->job.text, &err), may);
        if (may)
            some->state = CANCELLED;
    } else if (what < 97 && some) {
        bool may = some->state == FAILED || some->state == CANCELLED;
        assert_int_equal(db_write(house.db, retry_in, some->job.text, &err), may);
        if (may) {
            some->state = WAITING;
            some->tries = some->losses = 0;
            some->not_before = 0;
        }
    } else { // the server starts again
        jobs_close(house.jobs);
        OK(jobs_open(house.db, house.now, &house.jobs, &err));
        for (size_t i = 0; i < *count; i++)
            m[i].lease = house.now + JOBS_LEASE_MS;
    }
}

static bool committed_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_one_int(tx, context, 0, e,
                      "select count(*) from (select range from attempts where state = 'committed' "
                      "group by range having count(*) > 1)",
                      "");
}

static void the_ledger_agrees_with_a_simple_model(void **state)
{
    (void)state;
    struct model m[JOBS];
    struct claim old[OLD];
    size_t count = 0, olds = 0;
    const char *seed = getenv("SEED");
    dice_state = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)clock_tick_us();
    print_message("SEED=%u\n", dice_state);
    for (int step = 0; step < STEPS; step++) {
        house.now++; // no two jobs of one age
        act(m, &count, old, &olds);
    }
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(state_of(m[i].job.text), model_states[m[i].state]);
        assert_int_equal(m[i].committed, m[i].state == DONE);
    }
    int64_t twice = -1;
    OK(db_read(house.db, committed_in, &twice, &err));
    assert_int_equal(twice, 0);
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
        TEST(a_job_of_many_ranges_is_done_when_all_are),
        TEST(what_the_rooms_can_not_keep_does_not_end_the_attempt),
        TEST(progress_is_told_four_times_a_second_at_most),
        TEST(jobs_of_other_projects_are_not_listed),
        TEST(the_ledger_agrees_with_a_simple_model),
    };
    return RUN_TESTS(tests);
}
