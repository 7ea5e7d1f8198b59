/*
 * The scheduler alone, in memory: what a decision costs with 10,000 workers and 1,000 jobs of
 * 100,000 frames (some that wait for others, some for licences that are all taken), with few kinds
 * of needs and with many, what a queued frame takes, how soon a killed house is ready to give work
 * again, and a night in virtual time. Times are this process's own CPU. One JSON line a figure. bench-sched [SEED]
 */
#include "sched/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WORKERS = 10000, JOBS = 1000, FRAMES = 100000, DECISIONS = 100000, KINDS = 8 };

static uint64_t seed = 1;

static uint64_t roll(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 8) % below;
}

// Of this process: what others do on the machine does not count.
static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void row(const char *what, double ours, int digits, const char *unit, const char *promise)
{
    printf("{\"bench\":\"sched\",\"what\":\"%s\",\"ours\":%.*f,\"unit\":\"%s\"%s}\n", what, digits,
           ours, unit, promise);
    fflush(stdout);
}

enum mix {
    MIXED,        // 40 kinds of needs
    MANY_KINDS,   // each job has needs of its own
    ONES_KINDS,   // and all are one user's
    MANY_LICENCES, // and all need a licence, which is scarce
    MANY_MACHINES  // no two workers have the same
};

static void workers_add(struct sched *s, enum mix mix, int64_t now)
{
    for (int i = 0; i < WORKERS; i++) {
        char pool[32];
        snprintf(pool, sizeof(pool), "pool=%d", i % KINDS);
        sched_word_id word = sched_word(s, pool);
        sched_worker w = sched_worker_add(
            s, &(struct sched_worker_wish){
                   .host = sched_host_add(s),
                   .has = {.milli_cpus = 16000, .memory_mib = 65536 + (mix == MANY_MACHINES ? i : 0), .gpus = i % KINDS == 0},
                   .words = &word,
                   .word_count = 1});
        sched_worker_up(s, w, now);
        sched_worker_asks(s, w, 1, now);
    }
}

static sched_step step_add(struct sched *s, sched_job job, const struct sched_step_wish *wish)
{
    struct error err;
    sched_step step;
    if (!sched_step_add(s, job, wish, &step, &err)) {
        fprintf(stderr, "%s: %s\n", err.what, err.why);
        exit(3);
    }
    return step;
}

// Of ten jobs one waits for a licence that is all taken, one has frames that wait for frames, one
// frames that wait for the one before.
static sched_job job_add(struct sched *s, int i, int64_t frames, enum mix mix, int64_t now)
{
    char project[32], user[32], pool[32];
    snprintf(project, sizeof(project), "project %d", mix == ONES_KINDS ? 0 : i % 40);
    snprintf(user, sizeof(user), "user %d", mix == ONES_KINDS ? 0 : i % 7);
    snprintf(pool, sizeof(pool), "pool=%d", i % KINDS);
    sched_word_id word = sched_word(s, pool);
    sched_job job = sched_job_add(s,
                                  &(struct sched_job_wish){.project = sched_word(s, project),
                                                           .user = sched_word(s, user),
                                                           .tier = 2 + i % 2,
                                                           .priority = i % 100},
                                  now);
    struct sched_clause clause = {&word, 1, false};
    struct sched_need_limit need = {
        sched_word(s, mix == MANY_LICENCES && i % 10 != 1 ? "scarce" : "taken"), 1};
    struct sched_step_wish wish = {.count = frames,
                                   .needs = {.milli_cpus = 1000 * (8 + i % 5) + (mix && mix != MANY_MACHINES ? i : 0)},
                                   .clauses = &clause,
                                   .clause_count = i % 3 == 0,
                                   .limits = &need,
                                   .limit_count = i % 10 == 1 || mix == MANY_LICENCES,
                                   .data = (uint64_t)i + 1};
    struct sched_needs_step after = {.after = SCHED_AFTER_FRAMES};
    if (i % 10 == 2) {
        wish.count = frames / 2;
        after.step = step_add(s, job, &wish);
        wish.after = &after;
        wish.after_count = 1;
        wish.count = frames - frames / 2;
    } else if (i % 10 == 3) {
        after.from = after.to = -1;
        wish.after = &after;
        wish.after_count = 1;
    }
    step_add(s, job, &wish);
    return job;
}

static int64_t fill(struct sched *s, struct sched_give *running, int64_t now)
{
    int64_t given = 0;
    while (sched_decide(s, 256, now)) {
        const struct sched_batch *b = sched_batch(s);
        for (size_t i = 0; i < b->give_count; i++)
            running[given++] = b->gives[i];
        sched_keep(s);
    }
    return given;
}

// One ends, its worker asks, it is given the next: as a group commit of 64 does. Decisions made.
static int64_t turn(struct sched *s, struct sched_give *running, int64_t *given, int64_t now)
{
    int64_t slots[64], n = 0;
    for (int k = 0; k < 64; k++) {
        int64_t at = (int64_t)roll((uint64_t)*given);
        if (!running[at].fence)
            continue;
        sched_ended(
            s, running[at].fence,
            &(struct sched_end){.how = roll(100) ? SCHED_WELL : SCHED_TASKS_FAULT, .task = -1},
            now);
        sched_worker_asks(s, running[at].worker, 1, now);
        running[at].fence = 0;
        slots[n++] = at;
    }
    if (now >= sched_next_ms(s))
        sched_tick(s, now);
    int64_t more = sched_decide(s, 1000, now);
    const struct sched_batch *b = sched_batch(s);
    for (size_t i = 0; i < b->give_count; i++)
        if (i < (size_t)n)
            running[slots[i]] = b->gives[i];
        else if (*given < WORKERS)
            running[(*given)++] = b->gives[i];
    sched_keep(s);
    return more;
}

static void decisions(enum mix mix, const char *name)
{
    struct sched *s = sched_open(NULL, 1);
    static struct sched_give running[WORKERS];
    char what[120];
    int64_t now = 1000000, worst = 0;
    workers_add(s, mix, now);
    sched_limit_set(s, &(struct sched_limit_wish){.name = sched_word(s, "scarce"), .total = 2000},
                    now);
    int64_t before = sched_memory(s);
    for (int i = 0; i < JOBS; i++)
        sched_job_start(s, job_add(s, i, FRAMES, mix, now), now);
    sched_keep(s);
    if (mix == MIXED)
        row("memory a queued frame, 1,000 jobs of 100,000",
            (double)(sched_memory(s) - before) / JOBS / FRAMES, 4, "B", ",\"at_most\":64");
    int64_t began = cpu_us(), given = fill(s, running, now), done = 0;
    snprintf(what, sizeof(what), "%s: cold fill, %" PRId64 " begin, a worker", name, given);
    row(what, (double)(cpu_us() - began) / WORKERS, 2, "us of CPU", ",\"at_most\":20");
    began = cpu_us();
    while (done < DECISIONS) {
        int64_t one = cpu_us();
        now += 10;
        done += turn(s, running, &given, now);
        one = cpu_us() - one;
        worst = one > worst ? one : worst;
    }
    double each = (double)(cpu_us() - began) / (double)done;
    snprintf(what, sizeof(what), "%s: a task ends and the next is given", name);
    row(what, each, 2, "us of CPU", ",\"at_most\":20");
    snprintf(what, sizeof(what), "%s: the slowest batch of 64", name);
    row(what, (double)worst / 1000, 2, "ms", ",\"at_most\":50");
    if (mix == MIXED)
        row("memory with all that", (double)sched_memory(s) / 1e6, 1, "MB", ",\"at_most\":1000");
    sched_close(s);
}

// Every other task is done: no page of any set is dull.
static void worst_memory(void)
{
    struct sched *s = sched_open(NULL, 1);
    int64_t before = sched_memory(s), frames = 10000000;
    sched_job job = sched_job_add(s, &(struct sched_job_wish){.project = sched_word(s, "p")}, 1);
    sched_step step = step_add(s, job, &(struct sched_step_wish){.count = frames});
    for (int64_t i = 0; i < frames; i += 2)
        sched_step_load(s, step, SCHED_DONE, i, i);
    sched_job_start(s, job, 1);
    sched_keep(s);
    row("memory a frame of 10,000,000, every other one done",
        (double)(sched_memory(s) - before) / (double)frames, 3, "B", ",\"at_most\":64");
    sched_close(s);
}

// All workers had something to do when the house was killed: of one job, or of ten thousand.
static void in_flight(void)
{
    int64_t began = cpu_us(), now = 1000000;
    struct sched *s = sched_open(NULL, 1);
    workers_add(s, MIXED, now);
    sched_job job = sched_job_add(s, &(struct sched_job_wish){.project = sched_word(s, "p")}, now);
    sched_step step = step_add(s, job, &(struct sched_step_wish){.count = 1000000});
    for (int64_t i = 0; i < WORKERS; i++)
        sched_attempt_load(s, (sched_fence)i + 1, step, i, i, (sched_worker)i + 1, now, 0);
    sched_job_start(s, job, now);
    sched_keep(s);
    row("10,000 attempts in flight of one step loaded", (double)(cpu_us() - began) / 1000, 1, "ms",
        ",\"at_most\":1000");
    sched_close(s);
}

// A million frames queued as a killed house leaves them: runs of states, and 1,000 in flight.
static void loading(void)
{
    int64_t began = cpu_us(), now = 1000000;
    struct sched *s = sched_open(NULL, 1);
    workers_add(s, MIXED, now);
    for (int i = 0; i < 100; i++) {
        sched_job job = job_add(s, 10 * i, 20000, MIXED, now);
        sched_step step = (sched_step)(i + 1);
        for (int64_t k = 0; k < 10000; k += 100) // half is done, in a hundred runs a job
            sched_step_load(s, step, SCHED_DONE, k, k + 49 + (k % 3));
        for (int k = 0; k < 10; k++)
            sched_attempt_load(s, (sched_fence)(i * 10 + k + 1), step, 15000 + k, 15000 + k,
                               (sched_worker)(i * 10 + k + 1), now - 60000, 0);
        sched_job_start(s, job, now);
    }
    sched_keep(s);
    int first = sched_decide(s, 1, now);
    row("1,400,000 frames in 10,000 runs loaded and the first given",
        (double)(cpu_us() - began) / 1000, 1, "ms", first ? ",\"at_most\":1000" : ",\"at_most\":0");
    sched_close(s);
}

static void night(void)
{
    struct simulate_wish wish = {.seed = seed,
                                 .hosts = 1000,
                                 .slots = 1,
                                 .projects = 4,
                                 .frames = 100000,
                                 .frame_ms = 300000,
                                 .failing_percent = 2,
                                 .bad_hosts = 20,
                                 .spot_hosts = 200,
                                 .spot_ms = 7200000,
                                 .licences = 200,
                                 .late_permille = 3};
    struct simulate_result r;
    char beside[300];
    int64_t began = cpu_us();
    simulate(&wish, &r);
    snprintf(beside, sizeof(beside),
             ",\"at_most\":0,\"seed\":%" PRIu64 ",\"attempts\":%" PRId64 ",\"failed\":%" PRId64
             ",\"lost\":%" PRId64 ",\"denied\":%" PRId64 ",\"twins\":%" PRId64 ",\"cpu_s\":%.1f",
             wish.seed, r.attempts, r.failed, r.lost, r.denied, r.twins,
             (double)(cpu_us() - began) / 1e6);
    row("1,000 nodes, 100,000 frames: frames not committed once, limits broken",
        (double)(r.tasks - r.committed + r.findings), 0, "", beside);
    row("the same: machine use of what was possible", r.use * 100, 2, "%", ",\"at_least\":95");
    row("the same: shares, furthest from the target", r.share_error * 100, 2, "%",
        ",\"at_most\":5");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10) | 1;
    decisions(MIXED, "40 kinds of needs, all policy");
    decisions(MANY_KINDS, "1,000 kinds of needs");
    decisions(ONES_KINDS, "1,000 kinds of needs of one user");
    decisions(MANY_LICENCES, "1,000 kinds of needs, one scarce licence");
    decisions(MANY_MACHINES, "10,000 kinds of workers");
    worst_memory();
    loading();
    in_flight();
    night();
    return 0;
}
