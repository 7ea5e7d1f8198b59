/*
 * The farm's queue as workers see it: one WebSocket each on loopback, `done` and `next` in one
 * message, every state durable before it is told. The workers are a process of their own on the
 * same machine. First many jobs of one kind, then jobs that use all of the policy: three tiers,
 * priorities, eight projects with three users each, pools, licences of tasks and of hosts (some
 * all taken), frames after frames, steps after steps and after themselves, previews, data that is
 * warm somewhere. Also: how long a job of 100,000 frames takes to be durable and to begin, what a
 * queued frame costs, and how long a house that was killed takes to give work again. One JSON line
 * a figure. bench-dispatch MIGRATIONS [WORKERS] [TASKS] [plain|policy|queue]: only that part. PEER:
 * tasks/s of another, printed beside ours
 */
#include "api/api.h"
#include "base/log.h"
#include "house/flow/flow.h"
#include "house/jobs/jobs.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// As `serve` has them.
enum { READERS = 6, POOL_THREADS = 2, CONNECTIONS = 16384 };
enum { PROJECTS = 8, JOBS = 24, POLICY_JOBS = 400, POOLS = 4 };

static struct error err;
static const char *migrations;
static int workers = 10000;
static int64_t tasks = 200000;
static char folder[] = "/tmp/posthouse-dispatch-XXXXXX";

static void must(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
    exit(3);
}

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(3);
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int64_t rss_bytes(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*s %lld", &pages) != 1)
        stop("statm");
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static struct db *open_db(const char *name)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct db *db = db_open(
        &(struct db_wish){.path = path, .migrations = migrations, .readers = READERS}, &err);
    must(db != NULL);
    return db;
}

// ---- jobs

struct making {
    int number;
    bool policy;
    int64_t tasks;
    id job;
};

static json_t *limit_need(const char *name, int amount)
{
    return json_pack("[{s:s, s:i}]", "name", name, "amount", amount);
}

// What a job of the eight kinds asks for; the other kinds differ by their steps.
static json_t *plan_of(const struct making *m)
{
    static const char *const limits[] = {NULL, "comp", "host", "narrow"};
    char pool[20], data[20];
    json_t *plan = json_pack("{s:i, s:[{s:[s]}], s:{s:i}}", "chunk", 1, "words", "any",
                             "attr.worker.os.family=linux", "needs", "milli_cpus", 1000);
    if (!m->policy)
        return plan;
    snprintf(pool, sizeof(pool), "pool=%d", m->number / 8 % POOLS);
    snprintf(data, sizeof(data), "scene %d", m->number);
    json_object_set_new(plan, "data", json_string(data));
    if (m->number % 3 == 0)
        json_array_append_new(json_object_get(plan, "words"), json_pack("{s:[s]}", "any", pool));
    if (m->number % 8 < 4 && limits[m->number % 8])
        json_object_set_new(plan, "limits", limit_need(limits[m->number % 8], 1));
    if (m->number % 40 == 39)
        json_object_set_new(plan, "limits", limit_need("taken", 1));
    return plan;
}

static bool make_in(struct db_tx *tx, void *context, struct error *e)
{
    struct making *m = context;
    char project[27], user[8];
    int kind = m->policy ? m->number % 8 : 0;
    bool two = kind == 4 || kind == 5; // frames after frames, all after all
    snprintf(project, sizeof(project), "01J0000000000000000000PR%02d", m->number % PROJECTS);
    snprintf(user, sizeof(user), "u%d", m->number % 3);
    json_t *options = json_pack("{s:b, s:b}", "render", 1, "once", !m->policy || kind < 6);
    json_t *plan = plan_of(m), *after = json_deep_copy(plan);
    if (kind == 4)
        json_object_set_new(after, "after",
                            json_pack("[{s:i, s:i, s:i}]", "step", 1, "from", 0, "to", 0));
    if (kind == 5)
        json_object_set_new(after, "after", json_pack("[{s:i}]", "step", 1));
    if (kind == 6) // each frame after the one before
        json_object_set_new(plan, "after",
                            json_pack("[{s:i, s:i, s:i}]", "step", 1, "from", -1, "to", -1));
    if (kind == 7)
        json_object_set_new(options, "preview_every", json_integer(10));
    struct job_step steps[] = {{"Render", two ? m->tasks / 2 : m->tasks, plan, 0},
                               {"Comp", m->tasks / 2, after, 0}};
    bool ok = job_make(tx,
                       &(struct job_wish){.project = project,
                                          .kind = "render",
                                          .title = "frames",
                                          .by = user,
                                          .priority = m->number * 37 % 100,
                                          .tier = m->policy ? 2 + m->number / 24 % 3 : 0,
                                          .options = options,
                                          .steps = steps,
                                          .step_count = two ? 2 : 1,
                                          .unit = "tasks"},
                       clock_now_ms(), &m->job, e);
    json_decref(options);
    json_decref(plan);
    json_decref(after);
    return ok;
}

static void make_jobs(struct db *db, int count, int64_t each, bool policy)
{
    for (int i = 0; i < count; i++)
        must(db_write(db, make_in, &(struct making){.number = i, .tasks = each, .policy = policy},
                      &err));
}

// ---- the workers' process

static void whole(int fd, const void *at, size_t size)
{
    if (send(fd, at, size, MSG_NOSIGNAL) != (ssize_t)size)
        stop("a worker can not send");
}

// A masked text frame (RFC 6455 5.2) with a mask of zeros.
static void say(int fd, int opcode, const char *words, size_t size)
{
    char frame[1024] = {(char)(0x80 | opcode)};
    size_t head = 6;
    if (size < 126) {
        frame[1] = (char)(0x80 | size);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
        head = 8;
    }
    memcpy(frame + head, words, size);
    whole(fd, frame, size + head);
}

struct line {
    int fd;
    size_t have;
    char in[2000];
};

static void dial(struct line *l, int port, const char *token)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char ask[400], answer[1024];
    int on = 1;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        stop("a worker can not connect");
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int size = snprintf(ask, sizeof(ask),
                        "GET /api/v1/work HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer "
                        "%s\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        token);
    whole(l->fd, ask, (size_t)size);
    ssize_t got = recv(l->fd, answer, sizeof(answer) - 1, 0);
    if (got < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0)
        stop("a worker was not let in");
}

static void greet(struct line *l, int number)
{
    char hello[400];
    int size = snprintf(hello, sizeof(hello),
                        "{\"hello\":{\"worker\":\"01J00000000000000000W%05d\",\"name\":\"w\","
                        "\"slots\":1,\"pid\":1,\"host\":\"h%d\",\"attempts\":[],\"has\":"
                        "{\"milli_cpus\":1000,\"words\":[\"attr.worker.os.family=linux\","
                        "\"pool=%d\"]}}}",
                        number, number / 4, number / 4 % POOLS);
    say(l->fd, 1, hello, (size_t)size);
}

// Takes what has come and calls for each whole message; the server's frames are short.
static void hear(struct line *l, void (*each)(struct line *l, char *message, size_t size))
{
    ssize_t got = recv(l->fd, l->in + l->have, sizeof(l->in) - l->have, MSG_DONTWAIT);
    if (got == 0)
        stop("a line was cut");
    l->have += got > 0 ? (size_t)got : 0;
    size_t at = 0;
    while (l->have - at >= 2) {
        unsigned char *f = (unsigned char *)l->in + at;
        size_t size = f[1] & 0x7f, head = 2;
        if (size == 126) {
            if (l->have - at < 4)
                break;
            size = (size_t)f[2] << 8 | f[3];
            head = 4;
        }
        if (l->have - at < head + size)
            break;
        if ((f[0] & 15) == 9)
            say(l->fd, 10, "", 0);
        if ((f[0] & 15) == 1)
            each(l, (char *)f + head, size);
        at += head + size;
    }
    memmove(l->in, l->in + at, l->have - at);
    l->have -= at;
}

static int64_t welcomed, done, taken;

static void work(struct line *l, char *m, size_t size)
{
    static const char next[] = "{\"next\":{\"slots\":1}}";
    char said[300];
    m[size] = m[size]; // messages are looked at by their beginning
    if (size > 11 && memcmp(m, "{\"welcome\"", 10) == 0) {
        welcomed++;
        say(l->fd, 1, next, sizeof(next) - 1);
    } else if (size > 8 && memcmp(m, "{\"taken\"", 8) == 0) {
        taken++;
    } else if (size > 60 && memcmp(m, "{\"task\":{\"attempt\":\"", 20) == 0) {
        int n = snprintf(said, sizeof(said),
                         "{\"done\":{\"attempt\":\"%.26s\",\"token\":%lld},\"next\":{\"slots\":1}}",
                         m + 20, strtoll(m + 20 + 26 + 10, NULL, 10));
        say(l->fd, 1, said, (size_t)n);
        done++;
    }
}

// Tells how many were done each time it is asked; answers with a number.
static _Noreturn void farm(int control, int port, const char *token)
{
    struct line *lines = calloc((size_t)workers, sizeof(*lines));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256], told = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    epoll_ctl(epoll, EPOLL_CTL_ADD, control, &told);
    for (int i = 0; i < workers; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        dial(&lines[i], port, token);
        epoll_ctl(epoll, EPOLL_CTL_ADD, lines[i].fd, &e);
        greet(&lines[i], i);
    }
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 != UINT32_MAX) {
                hear(&lines[events[i].data.u32], work);
                continue;
            }
            char letter;
            int64_t numbers[3] = {welcomed, done, taken};
            if (read(control, &letter, 1) != 1 ||
                write(control, numbers, sizeof(numbers)) != sizeof(numbers))
                exit(0);
        }
    }
}

static void ask(int control, int64_t numbers[3])
{
    if (write(control, "?", 1) != 1 ||
        read(control, numbers, 3 * sizeof(int64_t)) != 3 * sizeof(int64_t))
        stop("the workers are gone");
}

// ---- the house

static struct {
    struct db *db;
    struct store *store;
    struct people *people;
    struct jobs *jobs;
    struct flow *flow;
    struct sockets *sockets;
    struct api *api;
    struct server *server;
    char worker_token[44], person_token[44], project[27];
} h;

static void open_house(void)
{
    char path[100], store[100], scratch[100], id[27], link[44], token_id[27];
    (void)path;
    snprintf(store, sizeof(store), "%s/store", folder);
    snprintf(scratch, sizeof(scratch), "%s/scratch", folder);
    h.db = open_db("house.db");
    h.store =
        store_open(&(struct store_wish){.folder = store, .db = h.db, .reserve_bytes = -1}, &err);
    must(h.store != NULL);
    h.people = people_open(&(struct people_wish){.db = h.db, .quick_hash = true}, &err);
    must(h.people != NULL);
    must(people_add(h.people, "Ada", "ada@example.org", true, NULL, "", id, link, &err));
    must(token_make(h.people, id, "w", "worker", 0, false, "", token_id, h.worker_token, &err));
    must(token_make(h.people, id, "p", "all", 0, false, "", token_id, h.person_token, &err));
    must(jobs_open(h.db, clock_now_ms(), &h.jobs, &err));
    must(flow_open(
        &(struct flow_wish){.db = h.db, .store = h.store, .jobs = h.jobs, .scratch = scratch},
        &h.flow, &err));
    h.sockets = sockets_open(
        &(struct sockets_wish){.message_limit = 1 << 20, .pool_threads = POOL_THREADS}, &err);
    must(h.sockets != NULL);
    h.api = api_open(&(struct api_wish){.db = h.db,
                                        .store = h.store,
                                        .people = h.people,
                                        .sockets = h.sockets,
                                        .house_name = "bench",
                                        .version = "0",
                                        .rooms = {.jobs = h.jobs, .flow = h.flow}},
                     &err);
    must(h.api != NULL);
    struct listener_wish listener = {"page", "127.0.0.1", 0, NULL};
    h.server = server_open(&(struct server_wish){.listeners = &listener,
                                                 .listener_count = 1,
                                                 .context = h.api,
                                                 .plan = api_plan,
                                                 .problem = api_problem,
                                                 .decorate = api_decorate},
                           &err);
    must(h.server != NULL);
}

static void close_house(void)
{
    api_rest(h.api);
    sockets_close(h.sockets, 100);
    server_close(h.server, 100);
    api_close(h.api);
    flow_close(h.flow);
    jobs_close(h.jobs);
    people_close(h.people);
    store_close(h.store);
    db_close(h.db);
}

static const char *post(const char *path, const char *body, struct test_answer *answer)
{
    char bearer[80];
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", h.person_token);
    const char *const headers[] = {bearer, "Content-Type: application/json", NULL};
    *answer = api_call_for_test(h.api, "POST", path, headers, body);
    if (answer->status > 299) {
        fprintf(stderr, "%s: %d %s\n", path, answer->status, answer->text);
        exit(3);
    }
    return answer->text;
}

static int64_t first_at_us;
static void on_give(void *context, const struct give *give)
{
    (void)context, (void)give;
    if (!first_at_us)
        first_at_us = clock_tick_us();
}
static void on_drop(void *context, const char *attempt)
{
    (void)context, (void)attempt;
}

// From the call until its answer, which is durable; and until a worker that waits has a task.
static void measure_submit(void)
{
    static const char body[] =
        "{\"template\":\"{\\\"specificationVersion\\\":\\\"jobtemplate-2023-09\\\",\\\"name\\\":"
        "\\\"Big\\\",\\\"steps\\\":[{\\\"name\\\":\\\"Render\\\",\\\"parameterSpace\\\":{"
        "\\\"taskParameterDefinitions\\\":[{\\\"name\\\":\\\"Frame\\\",\\\"type\\\":\\\"INT\\\","
        "\\\"range\\\":\\\"1-100000\\\"}]},\\\"script\\\":{\\\"actions\\\":{\\\"onRun\\\":{"
        "\\\"command\\\":\\\"render\\\",\\\"args\\\":[\\\"{{Task.Param.Frame}}\\\"]}}}}]}\"}";
    struct test_answer a;
    char path[80];
    struct worker_hello hello = {
        .id = "01J00000000000000000WFIRST", .name = "first", .host = "first", .slots = 1};
    struct jobs_line line = {on_give, on_drop, &h};
    post("/projects", "{\"name\":\"Bench\"}", &a);
    snprintf(path, sizeof(path), "/projects/%s/jobs",
             json_string_value(json_object_get(a.json, "id")));
    test_answer_free(&a);
    must(jobs_hello(h.jobs, &hello, &line, NULL, 0, clock_now_ms(), &err));
    jobs_asks(h.jobs, hello.id, 1, clock_now_ms());
    int64_t began = clock_tick_us();
    post(path, body, &a);
    int64_t answered = clock_tick_us();
    test_answer_free(&a);
    for (int i = 0; i < 10000 && !first_at_us; i++)
        clock_sleep_ms(1);
    jobs_away(h.jobs, hello.id, &h, NULL, clock_now_ms());
    printf("{\"bench\":\"dispatch\",\"what\":\"a job of 100,000 frames, durable\",\"ours\":%.1f,"
           "\"unit\":\"ms\",\"at_most\":50}\n"
           "{\"bench\":\"dispatch\",\"what\":\"and its first task with a worker\",\"ours\":%.1f,"
           "\"unit\":\"ms\",\"at_most\":100}\n",
           (double)(answered - began) / 1000, (double)(first_at_us - began) / 1000);
    fflush(stdout);
}

static void arrive(int control)
{
    int64_t n[3], came = clock_tick_us();
    do {
        clock_sleep_ms(50);
        ask(control, n);
    } while (n[0] < workers);
    printf(
        "{\"bench\":\"dispatch\",\"what\":\"%d workers have come\",\"ours\":%.1f,\"unit\":\"s\"}\n",
        workers, (double)(clock_tick_us() - came) / 1e6);
    fflush(stdout);
}

// From when each worker has ended one on the average, until `count` more are ended.
static void measure_rate(int control, const char *what, int64_t count)
{
    int64_t n[3], first[3], before[3];
    ask(control, first);
    do {
        clock_sleep_ms(20);
        ask(control, before);
    } while (before[2] - first[2] < workers);
    double cpu = cpu_us();
    int64_t began = clock_tick_us();
    do {
        clock_sleep_ms(20);
        ask(control, n);
    } while (n[2] - before[2] < count && clock_tick_us() - began < 60000000);
    double s = (double)(clock_tick_us() - began) / 1e6, ended = (double)(n[2] - before[2]);
    const char *peer = getenv("PEER"); // what another queue does here
    char beside[60] = "";
    if (peer && *peer)
        snprintf(beside, sizeof(beside), "\"peer\":%.1f,", strtod(peer, NULL));
    printf("{\"bench\":\"dispatch\",\"what\":\"%s: tasks done and given, durable, %d "
           "workers\",\"ours\":%.0f,\"unit\":\"tasks/s\",%s\"at_least\":5000}\n"
           "{\"bench\":\"dispatch\",\"what\":\"%s: the server's CPU a task\",\"ours\":%.1f,"
           "\"unit\":\"us\",\"at_most\":100}\n",
           what, workers, ended / s, beside, what, (cpu_us() - cpu) / ended);
    fflush(stdout);
}

static void open_limits(void)
{
    static const struct jobs_limit limits[] = {{"comp", false, 3000, 0, false},
                                               {"host", true, 800, 100, true},
                                               {"narrow", false, 40, 0, false},
                                               {"taken", false, 5, 5, false}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        must(jobs_limit_set(h.jobs, &limits[i], NULL, NULL, clock_now_ms(), &err));
}

struct audit {
    int64_t committed, twice, counted, over;
};
static bool audit_in(struct db_tx *tx, void *context, struct error *e)
{
    struct audit *a = context;
    return db_one_int(tx, &a->committed, 0, e,
                      "select sum(last - first + 1) from attempts where state = 'committed'", "") &&
           db_one_int(tx, &a->twice, 0, e,
                      "select count(*) from (select 1 from attempts where state = 'committed' "
                      "group by job, step, first having count(*) > 1)",
                      "") &&
           db_one_int(tx, &a->counted, 0, e, "select sum(done) from steps", "") &&
           db_one_int(tx, &a->over, 0, e,
                      "select count(*) from (select min(case when step = 2 then began_ms end) as "
                      "began, max(case when step = 1 and state = 'committed' then ended_ms else 0 "
                      "end) as met from attempts where job in (select job from steps where number "
                      "= 2) group by job, first) as pairs where began < met or met = 0 and began "
                      "is not null",
                      "");
}

// What is in the rows: each task counts once, none began before the one that it is after.
static void audit(void)
{
    struct audit a;
    must(db_read(h.db, audit_in, &a, &err));
    printf("{\"bench\":\"dispatch\",\"what\":\"audit of %lld tasks: counted twice, not counted, "
           "too early\",\"ours\":%lld,\"unit\":\"\",\"at_most\":0}\n",
           (long long)a.committed, (long long)(a.twice + llabs(a.committed - a.counted) + a.over));
    fflush(stdout);
}

static void measure_memory(void)
{
    enum { MILLIONS = 10 };
    struct db *db = open_db("memory.db");
    struct jobs *j;
    make_jobs(db, MILLIONS, 1000000, false);
    int64_t before = rss_bytes();
    must(jobs_open(db, clock_now_ms(), &j, &err));
    int64_t bytes = rss_bytes() - before;
    printf("{\"bench\":\"dispatch\",\"what\":\"memory of a queued frame, of %d "
           "million\",\"ours\":%.3f,"
           "\"unit\":\"bytes\",\"at_most\":64}\n"
           "{\"bench\":\"dispatch\",\"what\":\"the whole process with %d million frames "
           "queued\",\"ours\":%.1f,\"unit\":\"MB\",\"at_most\":1000}\n",
           MILLIONS, (double)bytes / (MILLIONS * 1e6), MILLIONS, (double)rss_bytes() / 1e6);
    fflush(stdout);
    jobs_close(j);
    db_close(db);
}

// A process with 1,000,000 frames queued and 1,000 running is killed.
static void measure_recovery(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct db *db = open_db("killed.db");
        struct jobs *j;
        struct arena *a = arena_open(256 << 20);
        make_jobs(db, 4, 250000, false);
        must(jobs_open(db, clock_now_ms(), &j, &err));
        for (int i = 0; i < 1000; i++) {
            char worker[27];
            struct claim c;
            bool found;
            snprintf(worker, sizeof(worker), "01J00000000000000000K%05d", i);
            struct worker_hello hello = {.id = worker, .name = worker, .host = worker, .slots = 1};
            json_t *has = json_pack("{s:i, s:[s]}", "milli_cpus", 1000, "words",
                                    "attr.worker.os.family=linux");
            hello.has = has;
            must(jobs_hello(j, &hello, NULL, NULL, 0, clock_now_ms(), &err));
            must(jobs_claim(j, worker, clock_now_ms(), a, &c, &found, &err) && found);
            json_decref(c.ticket);
            json_decref(has);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        stop("it was not killed");
    struct jobs *j;
    struct arena *a = arena_open(16 << 20);
    struct claim c;
    bool found = false;
    json_t *has =
        json_pack("{s:i, s:[s]}", "milli_cpus", 1000, "words", "attr.worker.os.family=linux");
    struct worker_hello hello = {
        .id = "01J00000000000000000K99999", .name = "new", .host = "new", .slots = 1, .has = has};
    int64_t began = clock_tick_us();
    struct db *db = open_db("killed.db");
    must(jobs_open(db, clock_now_ms(), &j, &err));
    must(jobs_hello(j, &hello, NULL, NULL, 0, clock_now_ms(), &err) &&
         jobs_claim(j, hello.id, clock_now_ms(), a, &c, &found, &err) && found);
    printf("{\"bench\":\"dispatch\",\"what\":\"killed with 1,000,000 frames queued, 1,000 running: "
           "gives again\",\"ours\":%.0f,\"unit\":\"ms\",\"at_most\":1000}\n",
           (double)(clock_tick_us() - began) / 1000);
    fflush(stdout);
    json_decref(c.ticket);
    json_decref(has);
    jobs_close(j);
    db_close(db);
    arena_close(a);
}

static void preflight(void)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    if (l.rlim_cur < (rlim_t)workers + 200 || workers > CONNECTIONS) {
        fprintf(stderr,
                "%d workers need %d open files and as many connections: ulimit -n allows %llu, the "
                "server %d\n",
                workers, workers + 200, (unsigned long long)l.rlim_cur, CONNECTIONS);
        exit(3);
    }
    printf("{\"bench\":\"dispatch\",\"what\":\"preflight: open files of the server\",\"ours\":%llu,"
           "\"unit\":\"\",\"at_least\":%d,\"connections\":%d,\"readers\":%d,"
           "\"threads_for_workers\":%d}\n",
           (unsigned long long)l.rlim_cur, workers + 200, CONNECTIONS, READERS, POOL_THREADS);
    fflush(stdout);
}

struct door {
    int port;
    char token[44];
};

// Forked before there are threads; they come when they are told where the door is.
static pid_t make_workers(int *control, int *told)
{
    int pair[2], start[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || pipe(start) != 0)
        stop("a pair of lines");
    pid_t child = fork();
    if (child == 0) {
        struct door door;
        close(pair[0]);
        close(start[1]);
        if (read(start[0], &door, sizeof(door)) != sizeof(door))
            exit(0);
        farm(pair[1], door.port, door.token);
    }
    close(pair[1]);
    *control = pair[0];
    *told = start[1];
    return child;
}

static void let_in(int told)
{
    struct door door = {.port = server_port(h.server, 0)};
    memcpy(door.token, h.worker_token, sizeof(door.token));
    if (write(told, &door, sizeof(door)) != sizeof(door))
        stop("the workers are gone");
}

static void measure_workers(int control, int told, bool plain, bool policy)
{
    let_in(told);
    arrive(control);
    if (plain) {
        make_jobs(h.db, JOBS, tasks / JOBS + 1, false);
        measure_rate(control, "one kind of work", tasks * 3 / 4);
    }
    if (policy) {
        open_limits();
        make_jobs(h.db, POLICY_JOBS, 2 * tasks / POLICY_JOBS + 1, true);
        measure_rate(control, "all of the policy", tasks * 3 / 4);
    }
    audit();
}

int main(int argc, char **argv)
{
    int control, told, status;
    if (argc < 2 || !mkdtemp(folder))
        return 2;
    migrations = argv[1];
    workers = argc > 2 ? atoi(argv[2]) : workers;
    tasks = argc > 3 ? atoll(argv[3]) : tasks;
    const char *only = argc > 4 ? argv[4] : "";
    bool queue = !*only || strcmp(only, "queue") == 0, plain = !*only || strcmp(only, "plain") == 0;
    bool policy = !*only || strcmp(only, "policy") == 0;
    preflight();
    log_set_level(LOG_WARN);
    signal(SIGPIPE, SIG_IGN);
    if (queue) {
        measure_memory();
        measure_recovery();
    }
    pid_t child = make_workers(&control, &told);
    open_house();
    if (queue)
        measure_submit();
    if (plain || policy)
        measure_workers(control, told, plain, policy);
    close(control);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    close_house();
    return folder_remove(folder, &err) ? 0 : 3;
}
