// clang-format off
#include "test.h"
// clang-format on
#include "api/api.h"
#include "far.h"
#include "farm/stage.h"
#include "farm/worker.h"
#include "house/assets/assets.h"
#include "house/flow/flow.h"
#include "house/jobs/jobs.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"
#include "plat/ids.h"
#include "store/store.h"
#include "wire/socket_client.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

// A house with a door, and workers: first by hand over the socket, then the real one with an engine
// that is a shell script and does what its input's name says.
static struct {
    char folder[64], scratch[96], engine[96], path[96], store_path[96];
    struct db *db;
    struct store *store;
    struct people *people;
    struct jobs *jobs;
    struct flow *flow;
    struct sockets *sockets;
    struct api *api;
    struct server *server;
    char worker_token[44], person_token[44];
    char person[27], token_id[27];
    id project;
    atomic_int port; // 0: away
} h;

static struct error err;

#define OK(is)                                                                                     \
    do {                                                                                           \
        if (!(is))                                                                                 \
            fail_msg("line %d: %s: %s (%s)", __LINE__, #is, err.what, err.why);                    \
    } while (0)

static const char engine_script[] =
    "#!/bin/bash\n"
    "ticket=$(cat)\n"
    "case $ticket in\n"
    "*slow*) for i in 1 2 3 4 5 6 7 8 9 10; do\n"
    "  echo '{\"progress\":{\"done\":'$i',\"total\":10,\"unit\":\"frames\"}}'; sleep 0.15; done "
    ";;\n"
    "*count*) for i in $(seq 900); do echo '{\"progress\":{\"done\":'$i',\"total\":900,\"unit\":"
    "\"frames\"}}'; sleep 0.1; done ;;\n"
    "*forever*) while :; do echo '{\"progress\":{\"done\":1,\"total\":9,\"unit\":\"frames\"}}'; "
    "sleep 0.1; done ;;\n"
    "*refused*) echo '{\"error\":{\"kind\":\"unsupported\",\"what\":\"no film\",\"why\":\"text\","
    "\"fix\":\"\"}}'; exit 0 ;;\n"
    "*dies*) kill -9 $$ ;;\n"
    "esac\n"
    "echo '{\"result\":{\"kind\":\"document\",\"rate\":\"25\",\"duration_frames\":1}}'\n";

static bool project_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return project_make(tx, h.project.text, "Film", "25", e);
}

static void open_door(void)
{
    OK(jobs_open(h.db, clock_now_ms(), &h.jobs, &err));
    OK(flow_open(
        &(struct flow_wish){.db = h.db, .store = h.store, .jobs = h.jobs, .scratch = h.scratch},
        &h.flow, &err));
    h.sockets = sockets_open(&(struct sockets_wish){.message_limit = 1 << 20}, &err);
    OK(h.sockets);
    h.api = api_open(&(struct api_wish){.db = h.db,
                                        .store = h.store,
                                        .people = h.people,
                                        .sockets = h.sockets,
                                        .house_name = "test",
                                        .version = "0",
                                        .scratch_folder = h.scratch,
                                        .check_answers = true,
                                        .rooms = {.jobs = h.jobs, .flow = h.flow}},
                     &err);
    OK(h.api);
    struct listener_wish listener = {"page", "127.0.0.1", 0, NULL};
    h.server = server_open(&(struct server_wish){.listeners = &listener,
                                                 .listener_count = 1,
                                                 .context = h.api,
                                                 .plan = api_plan,
                                                 .problem = api_problem,
                                                 .decorate = api_decorate},
                           &err);
    OK(h.server);
    h.port = server_port(h.server, 0);
}

static void close_door(void)
{
    h.port = 0;
    api_rest(h.api);
    sockets_close(h.sockets, 200);
    server_close(h.server, 200);
    api_close(h.api);
    flow_close(h.flow);
    jobs_close(h.jobs);
}

static int open_house(void **state)
{
    (void)state;
    char token_id[27], link[44];
    memset(&h, 0, sizeof(h));
    strcpy(h.folder, "/tmp/posthouse-work-XXXXXX");
    assert_non_null(mkdtemp(h.folder));
    snprintf(h.path, sizeof(h.path), "%s/house.db", h.folder);
    snprintf(h.store_path, sizeof(h.store_path), "%s/store", h.folder);
    snprintf(h.scratch, sizeof(h.scratch), "%s/scratch", h.folder);
    snprintf(h.engine, sizeof(h.engine), "%s/engine", h.folder);
    OK(file_write(h.engine, engine_script, strlen(engine_script), 0755, &err));
    h.db = db_open(&(struct db_wish){.path = h.path, .migrations = MIGRATIONS}, &err);
    OK(h.db);
    h.store = store_open(
        &(struct store_wish){.folder = h.store_path, .db = h.db, .reserve_bytes = -1}, &err);
    OK(h.store);
    h.people = people_open(&(struct people_wish){.db = h.db, .quick_hash = true}, &err);
    OK(h.people);
    OK(people_add(h.people, "Ada", "ada@example.org", true, NULL, "", h.person, link, &err));
    OK(token_make(h.people, h.person, "w", "worker", 0, false, "", h.token_id, h.worker_token,
                  &err));
    OK(token_make(h.people, h.person, "p", "all", 0, false, "", token_id, h.person_token, &err));
    h.project = id_new();
    OK(db_write(h.db, project_in, NULL, &err));
    open_door();
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    struct error ignored;
    close_door();
    people_close(h.people);
    store_close(h.store);
    db_close(h.db);
    return folder_remove(h.folder, &ignored) ? 0 : -1;
}

// ---- small words

struct bringing {
    const char *name;
    struct store_bytes *bytes;
    struct asset_made made;
    id job;
};
static bool bring_in(struct db_tx *tx, void *context, struct error *e)
{
    struct bringing *b = context;
    struct asset_file file = {.name = b->name,
                              .content = *store_bytes_content(b->bytes, 0),
                              .size = store_bytes_size(b->bytes, 0)};
    return store_record(tx, b->bytes, e) &&
           asset_add(tx,
                     &(struct asset_wish){.project = h.project.text,
                                          .name = b->name,
                                          .kind = "clip",
                                          .by = "Ada",
                                          .files = &file,
                                          .file_count = 1},
                     &b->made, e) &&
           job_make(tx,
                    &(struct job_wish){.project = h.project.text,
                                       .kind = "probe",
                                       .title = b->name,
                                       .by = "Ada",
                                       .asset = b->made.asset.text,
                                       .version = b->made.version.text,
                                       .priority = 50},
                    clock_now_ms(), &b->job, e);
}
static id queue(const char *name)
{
    struct bringing b = {.name = name};
    text bytes = text_of(name);
    OK(store_put_small(h.store, &bytes, 1, &b.bytes, &err));
    bool ok = db_write(h.db, bring_in, &b, &err);
    store_settle(h.store, b.bytes, ok);
    OK(ok);
    return b.job;
}

struct counting {
    const char *sql;
    int64_t count;
};
static bool count_in(struct db_tx *tx, void *context, struct error *e)
{
    struct counting *c = context;
    return db_one_int(tx, &c->count, -1, e, c->sql, "");
}
static int64_t count(const char *sql)
{
    struct counting c = {sql, 0};
    OK(db_read(h.db, count_in, &c, &err));
    return c.count;
}
static bool becomes(const char *sql, int64_t wanted, int ms)
{
    for (int waited = 0; waited < ms; waited += 20) {
        if (count(sql) == wanted)
            return true;
        clock_sleep_ms(20);
    }
    return count(sql) == wanted;
}

static struct socket_client *line(const char *token)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/api/v1/work", h.port);
    return socket_client_open(&(struct socket_client_wish){.url = url, .bearer = token}, &err);
}
static void say(struct socket_client *c, const char *format, ...)
{
    struct buf b = BUF_LIMIT(1 << 20);
    va_list list;
    va_start(list, format);
    char *at = NULL;
    int size = vasprintf(&at, format, list);
    va_end(list);
    OK(size >= 0 && socket_client_send(c, at, (size_t)size, &err));
    free(at);
    buf_free(&b);
}
// The next message with a member of this name; others are passed by. NULL: the line is closed.
static json_t *hear(struct socket_client *c, const char *name)
{
    for (;;) {
        text m;
        if (!socket_client_receive(c, 5000, &m, &err)) {
            assert_int_not_equal(err.kind, ERROR_TIMEOUT);
            return NULL;
        }
        json_t *said = json_loadb(m.at, m.size, 0, NULL);
        json_t *part = json_incref(json_object_get(said, name));
        json_decref(said);
        if (part)
            return part;
    }
}
#define WORKER "01J0000000000000000000WR01"
static struct socket_client *greet(const char *attempts)
{
    struct socket_client *c = line(h.worker_token);
    OK(c);
    say(c,
        "{\"hello\":{\"worker\":\"" WORKER "\",\"name\":\"w\",\"slots\":2,\"pid\":1,\"host\":\"h\","
        "\"attempts\":[%s]}}",
        attempts);
    json_t *welcome = hear(c, "welcome");
    assert_non_null(welcome);
    json_decref(welcome);
    return c;
}
static void closed(struct socket_client *c)
{
    assert_null(hear(c, "never"));
    socket_client_close(c);
}

// ---- by hand

static void only_a_workers_token_opens_the_line(void **state)
{
    (void)state;
    assert_null(line(NULL));
    assert_int_equal(err.kind, ERROR_LOGIN);
    assert_null(line(h.person_token));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_null(line("nothing"));
    socket_client_close(greet(""));
}

static void what_can_not_be_understood_ends_the_line(void **state)
{
    (void)state;
    static const char *const before[] = {
        "no JSON",
        "{}",
        "[]",
        "7",
        "{\"what\":{}}",
        "{\"next\":{\"slots\":1}}",
        "{\"beat\":{\"attempts\":[]}}",
        "{\"hello\":{}}",
        "{\"hello\":[]}",
        "{\"hello\":{\"worker\":\"x\",\"name\":\"w\",\"slots\":2}}",
        "{\"hello\":{\"worker\":\"" WORKER "\",\"slots\":0}}",
        "{\"hello\":{\"worker\":\"" WORKER "\",\"slots\":99999}}",
        "{\"hello\":{\"worker\":\"" WORKER "\",\"slots\":1,\"attempts\":[7]}}"};
    static const char *const after[] = {"{\"next\":{\"slots\":-1}}",
                                        "{\"done\":{}}",
                                        "{\"done\":{\"attempt\":\"../../x\"}}",
                                        "{\"done\":{\"attempt\":\"" WORKER "\",\"result\":7}}",
                                        "{\"failed\":{\"attempt\":7}}",
                                        "{\"beat\":{\"attempts\":[{\"attempt\":null}]}}"};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct socket_client *c = line(h.worker_token);
        OK(c);
        say(c, "%s", before[i]);
        closed(c);
    }
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        struct socket_client *c = greet("");
        say(c, "%s", after[i]);
        closed(c);
    }
}

static void an_attempt_from_hello_to_taken(void **state)
{
    (void)state;
    struct socket_client *c = greet("");
    say(c, "{\"next\":{\"slots\":2}}"); // parked: there is nothing yet
    clock_sleep_ms(50);
    int64_t began = clock_tick_us();
    queue("A001.mov");
    json_t *task = hear(c, "task");
    assert_non_null(task);
    assert_true(clock_tick_us() - began < 1000000);
    const char *attempt = json_string_value(json_object_get(task, "attempt"));
    long long token = json_integer_value(json_object_get(task, "token"));
    say(c,
        "{\"beat\":{\"attempts\":[{\"attempt\":\"%s\",\"token\":%lld,\"done\":3,\"total\":9,"
        "\"unit\":\"frames\"}]}}",
        attempt, token);
    json_t *beat = hear(c, "beat");
    assert_int_equal(json_array_size(json_object_get(beat, "drop")), 0);
    json_decref(beat);
    assert_int_equal(count("select max(done) from jobs"), 3);
    // the line breaks; it comes back with what it has and hears that it may keep it
    socket_client_close(c);
    char have[128];
    snprintf(have, sizeof(have), "{\"attempt\":\"%s\",\"token\":%lld}", attempt, token);
    c = line(h.worker_token);
    OK(c);
    say(c,
        "{\"hello\":{\"worker\":\"" WORKER "\",\"name\":\"w\",\"slots\":2,\"pid\":1,\"host\":\"h\","
        "\"attempts\":[%s,{\"attempt\":\"01J0000000000000000000AT99\",\"token\":1}]}}",
        have);
    json_t *welcome = hear(c, "welcome");
    assert_string_equal(json_string_value(json_array_get(json_object_get(welcome, "keep"), 0)),
                        attempt);
    assert_string_equal(json_string_value(json_array_get(json_object_get(welcome, "drop"), 0)),
                        "01J0000000000000000000AT99");
    json_decref(welcome);
    for (int i = 0; i < 2; i++) { // said twice, since it can not know
        say(c, "{\"done\":{\"attempt\":\"%s\",\"token\":%lld,\"result\":{\"kind\":\"document\"}}}",
            attempt, token);
        json_t *taken = hear(c, "taken");
        assert_non_null(taken);
        assert_string_equal(json_string_value(json_object_get(taken, "attempt")), attempt);
        json_decref(taken);
    }
    say(c, "{\"done\":{\"attempt\":\"%s\",\"token\":%lld,\"result\":{}}}", attempt, token + 1);
    json_t *stale = hear(c, "stale");
    assert_non_null(stale);
    json_decref(stale);
    assert_int_equal(count("select count(*) from attempts where state = 'committed'"), 1);
    assert_int_equal(count("select count(*) from events where kind = 'version.probed'"), 1);
    json_decref(task);
    socket_client_close(c);
}

static bool cancel(const char *job)
{
    struct job_order o = {.kind = ORDER_CANCEL, .job = job};
    return jobs_order(h.jobs, &o, NULL, NULL, clock_now_ms(), &err);
}

static void a_cancelled_attempt_is_dropped_at_once(void **state)
{
    (void)state;
    id job = queue("A001.mov");
    struct socket_client *c = greet("");
    say(c, "{\"next\":{\"slots\":1}}");
    json_t *task = hear(c, "task");
    const char *attempt = json_string_value(json_object_get(task, "attempt"));
    OK(cancel(job.text));
    json_t *beat = hear(c, "beat"); // at once
    assert_string_equal(json_string_value(json_array_get(json_object_get(beat, "drop"), 0)),
                        attempt);
    json_decref(beat);
    say(c, "{\"beat\":{\"attempts\":[{\"attempt\":\"%s\",\"token\":%lld}]}}", attempt,
        (long long)json_integer_value(json_object_get(task, "token")));
    beat = hear(c, "beat"); // and again
    assert_string_equal(json_string_value(json_array_get(json_object_get(beat, "drop"), 0)),
                        attempt);
    json_decref(beat);
    json_decref(task);
    socket_client_close(c);
}

static void a_worker_that_comes_back_empty_has_lost_its_attempts(void **state)
{
    (void)state;
    queue("A001.mov");
    struct socket_client *c = greet("");
    say(c, "{\"next\":{\"slots\":1}}");
    json_decref(hear(c, "task"));
    struct socket_client *second = greet(""); // its next life, while the old line still stands
    closed(c);
    say(second, "{\"next\":{\"slots\":1}}");
    json_t *task = hear(second, "task"); // at once, not after the lease
    assert_non_null(task);
    json_decref(task);
    assert_int_equal(count("select count(*) from attempts where state = 'lost'"), 1);
    assert_true(becomes("select count(*) from workers where state = 'here'", 1, 1000));
    socket_client_close(second);
}

static void a_token_that_was_taken_away_ends_the_line(void **state)
{
    (void)state;
    struct socket_client *c = greet("");
    OK(token_end(h.people, h.person, h.token_id, "", &err));
    say(c, "{\"next\":{\"slots\":1}}");
    closed(c);
    assert_null(line(h.worker_token));
}

// ---- what it reads and makes, by UDP

static struct {
    char url[64], meant[1000];
    struct far *far;
    struct socket_client *line;
    json_t *task;
    const char *attempt;
    long long token;
    sha256 own, other; // contents: that the attempt reads, and another's
} u;

static sha256 content_as(const char *bytes)
{
    struct content c;
    content_begin(&c);
    content_add(&c, bytes, strlen(bytes));
    return content_end(&c);
}

static void by_udp(void)
{
    memset(&u, 0, sizeof(u));
    snprintf(u.url, sizeof(u.url), "http://127.0.0.1:%d", h.port);
    OK(api_bulk_open(h.api, "127.0.0.1", 0, &err));
    u.line = greet("");
    queue("own.mov");
    say(u.line, "{\"next\":{\"slots\":1}}");
    u.task = hear(u.line, "task");
    assert_non_null(u.task);
    u.attempt = json_string_value(json_object_get(u.task, "attempt"));
    u.token = json_integer_value(json_object_get(u.task, "token"));
    queue("other.mov"); // waits for a slot
    u.own = content_as("own.mov");
    u.other = content_as("other.mov");
    OK((u.far = far_open(u.url, h.worker_token, WORKER, &err)));
}

// So that its lease is long enough for the slowest machine.
static void beat(void)
{
    say(u.line, "{\"beat\":{\"attempts\":[{\"attempt\":\"%s\",\"token\":%lld}]}}", u.attempt,
        u.token);
}

static void by_udp_no_more(void)
{
    far_close(u.far);
    json_decref(u.task);
    socket_client_close(u.line);
    api_bulk_close(h.api);
}

static const char *words(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(u.meant, sizeof(u.meant), format, list);
    va_end(list);
    return u.meant;
}

static enum error_kind fetch(struct far *far, long long token, const sha256 *content, size_t bytes,
                             char *came)
{
    return far_item(
        far, words("staged %s %lld %s 0 %zu", u.attempt, token, sha256_text(content).text, bytes),
        NULL, 0, came, bytes);
}

static void a_worker_reads_by_udp_what_its_attempt_names_and_nothing_else(void **state)
{
    (void)state;
    char came[64] = "";
    by_udp();
    assert_int_equal(fetch(u.far, u.token, &u.own, 7, came), ERROR_NONE);
    assert_memory_equal(came, "own.mov", 7);
    assert_int_equal(fetch(u.far, u.token, &u.other, 9, came), ERROR_NOT_FOUND);
    assert_int_equal(fetch(u.far, u.token, &u.own, 6, came), ERROR_INPUT); // it is longer
    assert_int_equal(fetch(u.far, u.token + 1, &u.own, 7, came), ERROR_CONFLICT);
    // Many in one: all of them, or nothing.
    sha256 both[] = {u.own, u.own, u.other};
    assert_int_equal(far_item(u.far, words("pack %s %lld 1 14", u.attempt, u.token), both,
                              sizeof(sha256) * 2, came, 14),
                     ERROR_NONE);
    assert_memory_equal(came, "own.movown.mov", 14);
    assert_int_equal(far_item(u.far, words("pack %s %lld 2 23", u.attempt, u.token), both,
                              sizeof(both), came, 23),
                     ERROR_NOT_FOUND);
    // Another worker with the same token does not hold the attempt.
    char mine[27];
    memcpy(mine, id_new().text, sizeof(mine));
    struct far *stranger = far_open(u.url, h.worker_token, mine, &err);
    OK(stranger);
    assert_int_equal(fetch(stranger, u.token, &u.own, 7, came), ERROR_CONFLICT);
    far_close(stranger);
    // The other ways into a house are not open to a worker's session.
    assert_int_equal(far_item(u.far, "chunk 1 0", NULL, 0, came, 7), ERROR_INPUT);
    assert_int_equal(far_item(u.far, "small", "x", 1, NULL, 0), ERROR_INPUT);
    // A right that is taken away ends at once.
    OK(token_end(h.people, h.person, h.token_id, "", &err));
    assert_int_not_equal(fetch(u.far, u.token, &u.own, 7, came), ERROR_NONE);
    by_udp_no_more();
}

static void a_person_opens_no_session_of_a_worker(void **state)
{
    (void)state;
    by_udp();
    assert_null(far_open(u.url, h.person_token, WORKER, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    by_udp_no_more();
}

static enum error_kind bring(const char *name, const char *bytes, const sha256 *content,
                             const sha256 *hash)
{
    return far_item(u.far,
                    words("made %s %lld %zu %s 0 %s -1 -1 0 -1 %s", u.attempt, u.token,
                          strlen(bytes), sha256_text(content).text, sha256_text(hash).text, name),
                    bytes, strlen(bytes), NULL, 0);
}

static void a_worker_brings_by_udp_its_own_outputs_and_nothing_else(void **state)
{
    (void)state;
    char path[300];
    struct buf seen = BUF_LIMIT(100);
    by_udp();
    sha256 content = content_as("made"), hash = sha256_of("made", 4), wrong = sha256_of("mode", 4);
    assert_int_equal(bring("film.mp4", "made", &content, &wrong), ERROR_DAMAGED);
    assert_int_equal(bring("film.mp4", "made", &u.own, &hash), ERROR_DAMAGED);
    assert_int_equal(bring("../film.mp4", "made", &content, &hash), ERROR_INPUT);
    snprintf(path, sizeof(path), "%s/%s/film.mp4", h.scratch, u.attempt);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(bring("film.mp4", "made", &content, &hash), ERROR_NONE);
    OK(file_read(path, &seen, &err));
    assert_string_equal(seen.at, "made");
    buf_free(&seen);
    assert_int_equal(bring("film.mp4", "made", &content, &hash), ERROR_NONE); // again is fine
    u.token++;
    assert_int_equal(bring("other.mp4", "made", &content, &hash), ERROR_CONFLICT);
    by_udp_no_more();
}

static bool find_house(void *context, struct worker_house *house, struct error *e);
static bool never_stopped(void *context)
{
    (void)context;
    return true;
}

// What the house asks for of an output of `size` bytes that is called film.mp4.
static json_t *claimed(const struct content_list *list, const sha256 *content, int64_t size)
{
    json_t *hashes = json_array(), *answer;
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(hashes, json_string(sha256_text(&list->at[i]).text));
    json_t *body = json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:i, s:o}", "worker", WORKER,
                             "attempt", u.attempt, "token", (json_int_t)u.token, "name", "film.mp4",
                             "size", (json_int_t)size, "content", sha256_text(content).text, "from",
                             0, "hashes", hashes);
    char *meant = json_dumps(body, JSON_COMPACT);
    answer = far_post(u.far, "/api/v1/work/claim", meant, &err);
    OK(answer);
    free(meant);
    json_decref(body);
    return answer;
}

static void what_came_before_a_cut_is_not_sent_again(void **state)
{
    (void)state;
    enum { CHUNK = 8 << 20, SIZE = CHUNK + 5000 };
    char path[300], cache[300], arrived[300], *bytes = calloc(1, SIZE);
    sha256 content, again;
    int64_t size;
    struct content_list list = {0};
    by_udp();
    for (size_t i = 0; i < SIZE; i += 1000)
        bytes[i] = (char)(i / 1000);
    snprintf(path, sizeof(path), "%s/made.mp4", h.folder);
    snprintf(cache, sizeof(cache), "%s/cache", h.folder);
    OK(file_write(path, bytes, SIZE, 0600, &err));
    int file = open(path, O_RDONLY);
    OK(content_chunks(file, &content, &size, &list, &err));
    close(file);
    assert_int_equal(list.count, 2);
    assert_int_equal(
        far_item(u.far,
                 words("made %s %lld %d %s 0 %s -1 -1 0 -1 film.mp4", u.attempt, u.token, SIZE,
                       sha256_text(&content).text, sha256_text(&list.at[0]).text),
                 bytes, CHUNK, NULL, 0),
        ERROR_NONE);
    beat();
    // The house's end of UDP dies and comes again: a new session, and the house still has it.
    api_bulk_close(h.api);
    OK(api_bulk_open(h.api, "127.0.0.1", 0, &err));
    json_t *said = claimed(&list, &content, SIZE);
    assert_int_equal(json_array_size(json_object_get(said, "missing")), 1);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(said, "missing"), 0)), 1);
    json_decref(said);
    beat();
    struct stage *s = stage_open(&(struct stage_wish){.worker = WORKER,
                                                      .cache_folder = cache,
                                                      .cache_bytes = 64 << 20,
                                                      .find_house = find_house},
                                 &err);
    OK(s);
    struct stage_of of = {.attempt = u.attempt, .token = u.token, .asked = never_stopped};
    OK(stage_send_named(s, &of, "film.mp4", path, &again, &err));
    snprintf(arrived, sizeof(arrived), "%s/%s/film.mp4", h.scratch, u.attempt);
    OK(content_of_file(arrived, &again, &size, &err));
    assert_true(sha256_equal(&again, &content));
    stage_close(s);
    free(list.at);
    free(bytes);
    by_udp_no_more();
}

static void without_udp_it_goes_all_the_same(void **state)
{
    (void)state;
    char cache[300], made[300];
    sha256 content;
    by_udp();
    api_bulk_close(h.api);
    snprintf(cache, sizeof(cache), "%s/cache", h.folder);
    snprintf(made, sizeof(made), "%s/made", h.folder);
    OK(file_write(made, "made", 4, 0600, &err));
    beat();
    struct stage *s = stage_open(&(struct stage_wish){.worker = WORKER,
                                                      .cache_folder = cache,
                                                      .cache_bytes = 64 << 20,
                                                      .find_house = find_house},
                                 &err);
    OK(s);
    struct stage_of of = {.attempt = u.attempt, .token = u.token, .asked = never_stopped};
    struct cache_file own = {u.own, 7}, other = {u.other, 9};
    OK(stage_bring(s, &of, &own, 1, &err));
    stage_let_go(s, &own, 1);
    assert_false(stage_bring(s, &of, &other, 1, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    OK(stage_send_named(s, &of, "film.mp4", made, &content, &err));
    snprintf(made, sizeof(made), "%s/%s/film.mp4", h.scratch, u.attempt);
    assert_int_equal(access(made, F_OK), 0);
    stage_close(s);
    by_udp_no_more();
}

// ---- the real worker

static bool find_house(void *context, struct worker_house *house, struct error *e)
{
    (void)context;
    if (!h.port)
        return error_set(e, ERROR_NETWORK, "the house is away");
    snprintf(house->url, sizeof(house->url), "http://127.0.0.1:%d", h.port);
    text_copy(text_of(h.worker_token), house->bearer, sizeof(house->bearer));
    return true;
}

struct running {
    struct worker *w;
    pthread_t thread;
    bool ok;
    struct error err;
};
static void *run(void *context)
{
    struct running *r = context;
    r->ok = worker_run(r->w, &r->err);
    return NULL;
}
static void start(struct running *r, int64_t orphan_ms)
{
    struct worker_wish wish = {.id = WORKER,
                               .name = "real",
                               .slots = 2,
                               .orphan_ms = orphan_ms,
                               .sandbox = SANDBOX_OFF,
                               .engine = h.engine,
                               .find_house = find_house};
    OK(worker_open(&wish, &r->w, &err));
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}
static void stop(struct running *r)
{
    worker_stop(r->w);
    pthread_join(r->thread, NULL);
    worker_close(r->w);
}

static void the_worker_does_what_there_is(void **state)
{
    (void)state;
    struct running r;
    for (int i = 0; i < 5; i++)
        queue("A001.mov");
    start(&r, 60000);
    assert_true(becomes("select count(*) from jobs where state = 'done'", 5, 10000));
    queue("refused.mov");
    assert_true(becomes("select count(*) from jobs where state = 'failed' and problem like "
                        "'%no film%'",
                        1, 5000));
    queue("dies.mov"); // is tried again, after a while
    assert_true(becomes("select count(*) from attempts where state = 'failed' and error like "
                        "'%SIGKILL%'",
                        1, 5000));
    stop(&r);
    assert_true(r.ok);
    assert_int_equal(count("select count(*) from attempts where state = 'committed'"), 5);
}

static void the_worker_stops_what_was_cancelled(void **state)
{
    (void)state;
    struct running r;
    id job = queue("forever.mov");
    start(&r, 60000);
    assert_true(becomes("select done from jobs", 1, 8000)); // progress is heard
    OK(cancel(job.text));
    queue("A001.mov");
    queue("A002.mov"); // both slots are wanted
    assert_true(becomes("select count(*) from jobs where state = 'done'", 2, 8000));
    char scratch[200];
    snprintf(scratch, sizeof(scratch), "[ -z \"$(ls -A %s)\" ]", h.scratch);
    bool clean = false;
    for (int i = 0; i < 100 && !clean; i++, clock_sleep_ms(20))
        clean = system(scratch) == 0;
    assert_true(clean);
    stop(&r);
}

// A second apart.
static bool goes_on(void)
{
    int64_t before = count("select max(done) from jobs");
    clock_sleep_ms(1000);
    return count("select max(done) from jobs") > before;
}

static void at_a_desk_the_engine_rests_while_the_user_is_there(void **state)
{
    (void)state;
    struct running r;
    bool rests = false, on = false;
    queue("count.mov");
    start(&r, 60000);
    assert_true(becomes("select case when done > 0 then 1 else 0 end from jobs", 1, 10000));
    worker_desk(r.w, WORKER_USER_BACK);
    for (int i = 0; i < 20 && !rests; i++)
        rests = !goes_on() && !goes_on();
    assert_true(rests);
    assert_int_equal(count("select count(*) from attempts where state = 'running'"), 1);
    queue("A001.mov"); // there is a free slot, but not for this
    worker_desk(r.w, WORKER_FREE);
    for (int i = 0; i < 20 && !on; i++)
        on = goes_on();
    assert_true(on);
    assert_true(becomes("select count(*) from jobs where state = 'done'", 1, 10000));
    worker_desk(r.w, WORKER_USER_BACK);
    worker_give_back(r.w);
    assert_true(becomes("select count(*) from attempts where state = 'stopped'", 1, 10000));
    assert_true(becomes("select count(*) from jobs where state = 'waiting'", 1, 10000));
    stop(&r);
}

static void the_worker_keeps_its_result_while_the_house_is_away(void **state)
{
    (void)state;
    struct running r;
    queue("slow.mov");
    start(&r, 60000);
    assert_true(becomes("select count(*) from attempts where state = 'running'", 1, 5000));
    clock_sleep_ms(200);
    close_door();
    clock_sleep_ms(2500); // it ends meanwhile
    open_door();
    assert_true(becomes("select count(*) from jobs where state = 'done'", 1, 8000));
    assert_int_equal(count("select count(*) from attempts"), 1); // the one attempt counted
    queue("A001.mov");
    assert_true(becomes("select count(*) from jobs where state = 'done'", 2, 5000));
    stop(&r);
}

static void the_worker_leaves_a_house_that_stays_away(void **state)
{
    (void)state;
    struct running r;
    start(&r, 300);
    assert_true(becomes("select count(*) from workers where state = 'here'", 1, 5000));
    close_door();
    pthread_join(r.thread, NULL);
    assert_false(r.ok);
    assert_int_equal(r.err.kind, ERROR_TIMEOUT);
    worker_close(r.w);
    open_door();
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_house, close_house)
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(only_a_workers_token_opens_the_line),
        T(what_can_not_be_understood_ends_the_line),
        T(an_attempt_from_hello_to_taken),
        T(a_cancelled_attempt_is_dropped_at_once),
        T(a_worker_that_comes_back_empty_has_lost_its_attempts),
        T(a_token_that_was_taken_away_ends_the_line),
        T(a_worker_reads_by_udp_what_its_attempt_names_and_nothing_else),
        T(a_person_opens_no_session_of_a_worker),
        T(a_worker_brings_by_udp_its_own_outputs_and_nothing_else),
        T(what_came_before_a_cut_is_not_sent_again),
        T(without_udp_it_goes_all_the_same),
        T(the_worker_does_what_there_is),
        T(the_worker_stops_what_was_cancelled),
        T(at_a_desk_the_engine_rests_while_the_user_is_there),
        T(the_worker_keeps_its_result_while_the_house_is_away),
        T(the_worker_leaves_a_house_that_stays_away),
    };
    return RUN_TESTS(tests);
}
