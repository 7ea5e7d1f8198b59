/*
 * The farm's queue over 100,000 jobs, half of them waiting and half ended, as a page asks for it:
 * the first page, one from the middle, searches, and the farm's sums. Rights, database, scheduler,
 * JSON text. One JSON line a question, p50 and p95 of 40. bench-queue MIGRATIONS [COUNT]
 */
#include "api/api.h"
#include "house/assets/assets.h"
#include "house/jobs/jobs.h"
#include "plat/child.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 40, BATCH = 1000, PROJECTS = 4, STATES = 5 };

static struct error err;
static struct db *db;
static id projects[PROJECTS];
static int64_t count = 100000, made_so_far;

static void must(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
    exit(3);
}

static bool projects_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    for (int i = 0; i < PROJECTS; i++) {
        projects[i] = id_new();
        if (!project_make(tx, projects[i].text, "The Long Shore", "24", e))
            return false;
    }
    return true;
}

static bool one_in(struct db_tx *tx, int64_t i, struct error *e)
{
    static const char *const people[] = {"Maya Keller", "Dirk Iversen", "Oona Laine"};
    char title[80];
    id job;
    struct job_step steps[2] = {{"Render", 1000, NULL, 0}, {"Comp", 100, NULL, 0}};
    json_t *options = json_pack("{s:b}", "render", 1);
    snprintf(title, sizeof(title), "sh%04d beauty v%03d", (int)(i % 10000), (int)(i % 37));
    struct job_wish wish = {.project = projects[i % PROJECTS].text,
                            .kind = i % 5 ? "render" : "proxy",
                            .title = title,
                            .by = people[i % 3],
                            .priority = (int)(i * 7919 % 101),
                            .options = options,
                            .steps = steps,
                            .step_count = 2,
                            .unit = "tasks"};
    bool ok = job_make(tx, &wish, 1700000000000 + i * 1000, &job, e);
    json_decref(options);
    return ok;
}

static bool batch_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    for (int64_t i = made_so_far; i < made_so_far + BATCH && i < count; i++)
        if (!one_in(tx, i, e))
            return false;
    return true;
}

// Every second one has ended, most of them well.
static bool ended_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_run(
               tx, e,
               "update jobs set state = case when number % 20 = 0 then 'failed' else 'done' end, "
               "ended = 1, ended_ms = "
               "created_ms + (number % 977) * 1000, started_ms = created_ms where number / 4 % 2 = "
               "0",
               "") &&
           db_run(tx, e, "update steps set done = tasks where job / 4 % 2 = 0", "");
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// What this thread has worked: the same on a busy machine.
static int64_t thread_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return at.tv_sec * INT64_C(1000000) + at.tv_nsec / 1000;
}

// The answer's cursor, for the next question; free it.
static char *measure(struct api *api, const char *bearer, const char *what, const char *path)
{
    int64_t took_us[ROUNDS], work_us[ROUNDS];
    size_t size = 0;
    const char *headers[] = {bearer, NULL};
    char *cursor = NULL;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begun = clock_tick_us(), worked = thread_us();
        struct test_answer t = api_call_for_test(api, "GET", path, headers, NULL);
        char *text_made = json_dumps(t.json, JSON_COMPACT);
        took_us[i] = clock_tick_us() - begun;
        work_us[i] = thread_us() - worked;
        if (t.status != 200) {
            fprintf(stderr, "%s: %d %s\n", path, t.status, text_made);
            exit(3);
        }
        const char *next = json_string_value(json_object_get(t.json, "cursor"));
        size = strlen(text_made);
        free(text_made);
        free(cursor);
        cursor = next ? strdup(next) : NULL;
        test_answer_free(&t);
    }
    qsort(took_us, ROUNDS, sizeof(took_us[0]), by_size);
    qsort(work_us, ROUNDS, sizeof(work_us[0]), by_size);
    printf("{\"bench\":\"queue\",\"what\":\"%s\",\"ours\":%.1f,\"unit\":\"ms "
           "p95\",\"at_most\":50,\"p50_ms\":%.1f,"
           "\"work_p50_ms\":%.1f,\"kB\":%zu}\n",
           what, (double)took_us[ROUNDS * 95 / 100] / 1000, (double)took_us[ROUNDS / 2] / 1000,
           (double)work_us[ROUNDS / 2] / 1000, size / 1000);
    fflush(stdout);
    return cursor;
}

static void ask_as(struct api *api, const char *bearer, const char *who, const char *project)
{
    char what[120], path[800];
    char *after = NULL;
    const char *of = project ? project : "";
    const char *with = project ? "&project=" : "";
#define ASK(name, query)                                                                           \
    snprintf(what, sizeof(what), "%s: %s", who, name);                                             \
    snprintf(path, sizeof(path), "/jobs?order=turn&limit=200%s%s&%s", with, of, query);            \
    free(after);                                                                                   \
    after = measure(api, bearer, what, path);
    ASK("what runs or needs somebody", "state=stopped,approval,running")
    ASK("the first page of 50,000 that wait", "state=waiting")
    char next[400];
    snprintf(next, sizeof(next), "state=waiting&cursor=%s", after ? after : "");
    ASK("the next page", next)
    ASK("the first page of 50,000 that ended", "state=ended")
    ASK("a search that finds 5", "state=waiting&q=sh0043")
    ASK("a search that finds all that wait", "state=waiting&q=beauty")
    ASK("a search that finds all that ended", "state=ended&q=beauty")
    ASK("mine that wait", "state=waiting&kind=render&by=Maya%20Keller")
    ASK("mine that ended", "state=ended&kind=render&by=Maya%20Keller")
    ASK("media that go on", "state=active&kind=media")
    free(after);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/posthouse-bench-XXXXXX", path[100], person[27], token[44], tid[27],
         secret[44], bearer[100];
    if (argc < 2 || !mkdtemp(folder))
        return 2;
    count = argc > 2 ? atoll(argv[2]) : count;
    snprintf(path, sizeof(path), "%s/house.db", folder);
    db = db_open(&(struct db_wish){.path = path, .migrations = argv[1]}, &err);
    must(db != NULL);
    must(db_write(db, projects_in, NULL, &err));
    for (; made_so_far < count; made_so_far += BATCH)
        must(db_write(db, batch_in, NULL, &err));
    must(db_write(db, ended_in, NULL, &err));
    struct people *people = people_open(&(struct people_wish){.db = db, .quick_hash = true}, &err);
    must(people != NULL);
    struct jobs *jobs;
    int64_t begun = clock_tick_us();
    must(jobs_open(db, clock_now_ms(), &jobs, &err));
    fprintf(stderr, "queue: %lld jobs, the ledger opens in %.1f s\n", (long long)count,
            (double)(clock_tick_us() - begun) / 1e6);
    struct api *api = api_open(&(struct api_wish){.db = db,
                                                  .people = people,
                                                  .version = "1",
                                                  .house_name = "Bench",
                                                  .rooms = {.jobs = jobs}},
                               &err);
    must(api != NULL);
    for (int admin = 0; admin < 2; admin++) {
        snprintf(path, sizeof(path), "p%d@example.org", admin);
        must(people_add(people, admin ? "Ada" : "Maya Keller", path, admin, NULL, "", person, token,
                        &err));
        for (int i = 0; i < PROJECTS && !admin; i++)
            must(members_set(people, projects[i].text, person, "owner", false, NULL, "", &err));
        must(token_make(people, person, "bench", "all", 0, false, "", tid, secret, &err));
        snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", secret);
        ask_as(api, bearer, admin ? "administrator, all projects" : "member, all projects", NULL);
        ask_as(api, bearer, admin ? "administrator, a project" : "member, a project",
               projects[0].text);
        free(measure(api, bearer,
                     admin ? "administrator: sums of the farm" : "member: sums of the farm",
                     "/farm"));
    }
    api_close(api);
    jobs_close(jobs);
    people_close(people);
    db_close(db);
    snprintf(path, sizeof(path), "rm -r %s", folder);
    return system(path) == 0 ? 0 : 1;
}
