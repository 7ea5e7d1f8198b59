/*
 * The library over 50,000 assets (COUNT), each with four fields: lists, jumps by the scroll bar,
 * filters and searches, as a page asks for them: rights, database, JSON text. 100 assets an answer,
 * each with its facts, counts of comments and the signed addresses of nine derived files. One JSON
 * line a question, p50 and p95 of 40; then how long it took to make them, and the resident memory
 * with 200 viewers; then a table with a row for each asset, and how long somebody else who writes
 * meanwhile waits at most. bench-library MIGRATIONS [COUNT]
 */
#include "api/api.h"
#include "house/assets/assets.h"
#include "house/fields/fields.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "wire/socket_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 40, BATCH = 1000, FOLDERS = 50, VIEWERS = 200 };

static struct error err;
static struct db *db;
static id project, folders[FOLDERS];
static int64_t count = 50000, made_so_far;
static json_t *facts;
static char batch_ids[BATCH][27];

static void must(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
    exit(3);
}

static bool project_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    char name[40];
    project = id_new();
    if (!project_make(tx, project.text, "The Long Shore", "24", e) ||
        !fields_ensure(tx, project.text, e))
        return false;
    for (int i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof(name), "Dailies/Day %d", i + 1);
        if (!folder_ensure(tx, project.text, NULL, name, &folders[i], e))
            return false;
    }
    return true;
}

// Names as they come: cameras' and those of visual effects.
static bool one_in(struct db_tx *tx, int64_t i, struct error *e)
{
    static const char *const kinds[] = {"scrub", "scrub_index", "review",  "review_index", "audio",
                                        "peaks", "poster",      "sprites", "sprites"};
    char name[80], bytes[24];
    struct asset_made made;
    bool used, camera = i % 3 != 0;
    if (camera)
        snprintf(name, sizeof(name), "A%03dC%03d_2401%02d_R%lld.mxf", (int)(i / 300 % 1000),
                 (int)(i % 300), (int)(i % 28 + 1), (long long)i);
    else
        snprintf(name, sizeof(name), "sh%04d_comp_v%03d.mov", (int)(i % 10000), (int)(i % 37));
    snprintf(bytes, sizeof(bytes), "%lld", (long long)i);
    struct asset_file file = {
        .name = name, .content = sha256_of(bytes, strlen(bytes)), .size = (i * 7919) % 100000000};
    struct asset_wish wish = {.project = project.text,
                              .folder = i % 2 ? folders[i % FOLDERS].text : NULL,
                              .name = name,
                              .kind = i % 10 ? "clip" : "sound",
                              .by = "Maya",
                              .files = &file,
                              .file_count = 1};
    struct derived_file derived[9];
    for (size_t k = 0; k < 9; k++)
        derived[k] = (struct derived_file){kinds[k], kinds[k], file.content, 1000};
    json_object_set_new(facts, "kind", json_string(wish.kind));
    json_object_set_new(facts, "duration_frames", json_integer(i * 31 % 9000));
    return asset_add(tx, &wish, &made, e) &&
           text_copy(text_of(made.asset.text), batch_ids[i % BATCH], 27) &&
           version_facts_set(tx, made.version.text, facts, e) &&
           derived_set(tx, made.version.text, "proxy 1", derived, 9, &used, e) &&
           version_state_set(tx, made.version.text, "ready", NULL, e);
}

// Scene, take, reel and notes as a script supervisor writes them; every seventh has none.
static bool fields_in(struct db_tx *tx, int64_t first, struct error *e)
{
    static struct field_set sets[4 * BATCH];
    static char values[4 * BATCH][40];
    size_t at = 0;
    char change[27];
    int64_t done;
    for (int64_t i = first; i < first + BATCH && i < count; i++) {
        if (i % 7 == 0)
            continue;
        snprintf(values[at], 40, "%d%c", (int)(i / 90 % 300 + 1), 'A' + (int)(i / 30 % 3));
        snprintf(values[at + 1], 40, "%d", (int)(i % 30 + 1));
        snprintf(values[at + 2], 40, "A%03d", (int)(i / 300 % 1000));
        snprintf(values[at + 3], 40, "%s, look %lld", i % 5 ? "good" : "soft focus", (long long)i);
        for (int k = 0; k < 4; k++, at++)
            sets[at] = (struct field_set){
                .asset = batch_ids[i % BATCH], .field = k < 3 ? k + 1 : 5, .value = values[at]};
    }
    return values_set(tx, project.text, &(struct teller){"person", NULL, "Maya"}, "the log", sets,
                      at, change, &done, e);
}

static bool batch_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    for (int64_t i = made_so_far; i < made_so_far + BATCH && i < count; i++)
        if (!one_in(tx, i, e))
            return false;
    return fields_in(tx, made_so_far, e);
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

static void measure(struct api *api, const char *secret, const char *what, const char *query)
{
    char path[600], bearer[100];
    int64_t took_us[ROUNDS], work_us[ROUNDS];
    size_t size = 0;
    long long total = 0;
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", secret);
    const char *headers[] = {bearer, NULL};
    snprintf(path, sizeof(path), "/projects/%s/assets?%s", project.text, query);
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
        total = json_integer_value(json_object_get(t.json, "total"));
        size = strlen(text_made);
        free(text_made);
        test_answer_free(&t);
    }
    qsort(took_us, ROUNDS, sizeof(took_us[0]), by_size);
    printf(
        "{\"bench\":\"library\",\"what\":\"%s\",\"ours\":%.1f,\"unit\":\"ms p95\",\"at_most\":%d,"
        "\"p50_ms\":%.1f,\"work_p50_ms\":%.1f,\"found\":%lld,\"kB\":%zu}\n",
        what, (double)took_us[ROUNDS * 95 / 100] / 1000, count > 50000 ? 80 : 50,
        (double)took_us[ROUNDS / 2] / 1000, (double)work_us[ROUNDS / 2] / 1000, total, size / 1000);
    fflush(stdout);
}

// The memory of this process with 200 viewers who look at the project; they live in it too, so the
// server's share is less.
static void watched(struct api *api, const char *secret)
{
    static struct socket_client *viewers[VIEWERS];
    const struct listener_wish listener = {"page", "127.0.0.1", 0, NULL};
    char url[80], say[80];
    text got;
    struct server *s = server_open(&(struct server_wish){.listeners = &listener,
                                                         .listener_count = 1,
                                                         .context = api,
                                                         .plan = api_plan,
                                                         .problem = api_problem,
                                                         .decorate = api_decorate},
                                   &err);
    must(s != NULL);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/api/v1/events", server_port(s, 0));
    snprintf(say, sizeof(say), "{\"subscribe\":{\"project\":\"%s\"}}", project.text);
    for (int i = 0; i < VIEWERS; i++) {
        viewers[i] =
            socket_client_open(&(struct socket_client_wish){.url = url, .bearer = secret}, &err);
        must(viewers[i] && socket_client_send(viewers[i], say, strlen(say), &err));
        must(socket_client_receive(viewers[i], 20000, &got, &err));
    }
    printf(
        "{\"bench\":\"library\",\"what\":\"memory with %lld assets and %d viewers\",\"ours\":%.0f,"
        "\"unit\":\"MB\",\"at_most\":%d}\n",
        (long long)count, VIEWERS, (double)child_memory(getpid()) / 1e6, count > 50000 ? 500 : 250);
    fflush(stdout);
    for (int i = 0; i < VIEWERS; i++)
        socket_client_close(viewers[i]);
    server_close(s, 2000);
}

// ---- a table with a row for each asset

static atomic_bool writing;
static _Atomic int64_t waited_most_us, wrote;

static bool small_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_event(tx, "note", project.text, project.text, "{}", e);
}

// Somebody who writes something small, again and again.
static void *write_meanwhile(void *context)
{
    (void)context;
    struct error own;
    while (writing) {
        int64_t begun = clock_tick_us();
        must(db_write(db, small_in, NULL, &own));
        int64_t took = clock_tick_us() - begun;
        waited_most_us = took > waited_most_us ? took : waited_most_us;
        wrote++;
        clock_sleep_ms(2);
    }
    return NULL;
}

static bool lines_in(struct db_tx *tx, void *context, struct error *e)
{
    struct buf *to = context;
    to->size = 0;
    buf_text(to, "Name,Scene,Take,Camera,Notes\n");
    struct db_rows *rows = db_query(tx, "select name from assets order by id", "");
    for (int64_t i = 0; db_next(rows); i++)
        buf_format(to, "%s,%lld,%lld,B,\"of the table, line %lld\"\n", db_text(rows, 0),
                   (long long)(i / 20), (long long)(i % 20), (long long)i);
    return db_end(rows, e);
}

struct table_run {
    int64_t change, done, total;
    bool ended;
};

static bool run_in(struct db_tx *tx, void *context, struct error *e)
{
    struct table_run *r = context;
    json_t *change = NULL;
    if (!change_get(tx, project.text, r->change, &change, e))
        return false;
    const json_t *run = json_object_get(change, "run");
    r->ended = !json_is_object(run) || json_is_true(json_object_get(run, "ended"));
    r->total = json_integer_value(json_object_get(change, "count"));
    json_decref(change);
    return true;
}

static struct arena *undo_arena;
static const struct undo_plan *undo;

static bool undo_look_in(struct db_tx *tx, void *context, struct error *e)
{
    return change_undo_look(tx, project.text, ((struct table_run *)context)->change, undo_arena,
                            &undo, e);
}

static bool undo_in(struct db_tx *tx, void *context, struct error *e)
{
    struct table_run *r = context;
    json_t *undone = NULL;
    bool ok = change_undo(tx, project.text, r->change, undo,
                          &(struct teller){"person", NULL, "Maya"}, &undone, e);
    r->change = json_integer_value(json_object_get(undone, "undone_by"));
    json_decref(undone);
    return ok;
}

static void table_said(const char *what, int64_t begun)
{
    int64_t took_us = clock_tick_us() - begun, before = wrote;
    while (wrote < before + 2) // what waits comes through
        clock_sleep_ms(1);
    printf(
        "{\"bench\":\"library\",\"what\":\"%s\",\"ours\":%.0f,\"unit\":\"ms\",\"longest_wait_ms\":"
        "%.0f,\"writes_meanwhile\":%lld,\"MB\":%.0f}\n",
        what, (double)took_us / 1000, (double)waited_most_us / 1000, (long long)wrote,
        (double)child_memory(getpid()) / 1e6);
    fflush(stdout);
    waited_most_us = wrote = 0;
}

static void table(void)
{
    struct buf lines = BUF_LIMIT((size_t)1 << 30);
    struct shelves *shelves = shelves_open(db);
    struct runs *runs = runs_open(db);
    struct arena *a = arena_open((size_t)2 << 30);
    json_t *answer;
    pthread_t other;
    must(db_read(db, lines_in, &lines, &err));
    struct import_wish wish = {
        .project = project.text, .name = "log.csv", .bytes = {lines.at, lines.size}};
    struct teller by = {"import", NULL, "Maya"};
    writing = true;
    must(pthread_create(&other, NULL, write_meanwhile, NULL) == 0);
    int64_t begun = clock_tick_us();
    must(fields_import(db, shelves, &wish, &by, a, &answer, &err));
    must(json_integer_value(json_object_get(answer, "matched")) == count);
    wish.plan = json_string_value(json_object_get(answer, "plan"));
    table_said("a table with a row for each asset: looked at", begun);
    json_t *applied;
    begun = clock_tick_us();
    must(fields_import(db, shelves, &wish, &by, a, &applied, &err));
    struct table_run run = {.change = json_integer_value(json_object_get(applied, "change"))};
    table_said("the same: asked for", begun);
    begun = clock_tick_us();
    for (runs_wake(runs); !run.ended; clock_sleep_ms(20))
        must(db_read(db, run_in, &run, &err));
    printf("{\"bench\":\"library\",\"what\":\"values that the table "
           "set\",\"ours\":%lld,\"unit\":\"values\"}\n",
           (long long)run.total);
    table_said("the same: all of it set", begun);
    begun = clock_tick_us();
    undo_arena = a;
    must(db_read(db, undo_look_in, &run, &err) && db_write(db, undo_in, &run, &err));
    table_said("the same: undoing asked for", begun);
    writing = false;
    pthread_join(other, NULL);
    json_decref(answer);
    json_decref(applied);
    runs_close(runs);
    shelves_close(shelves);
    arena_close(a);
    buf_free(&lines);
}

// About what a camera file has.
static json_t *usual_facts(void)
{
    static const char plain[] =
        "{\"container\":\"mxf\",\"kind\":\"clip\",\"duration_frames\":1000,\"rate\":\"24000/1001\","
        "\"vfr\":false,\"rate_from\":\"header\",\"timecode\":{\"start\":\"01:00:00:00\",\"start_"
        "frame\":86400,\"base\":24,\"frames_per_label\":1,\"drop\":false,\"from\":\"mxf\"},"
        "\"video\":[{\"index\":0,\"codec\":\"prores\",\"profile\":\"HQ\",\"width\":1920,\"height\":"
        "1080,\"display_width\":1920,\"display_height\":1080,\"pixel_aspect\":\"1/1\",\"rotation\":"
        "0,\"field_order\":\"progressive\",\"pixel_format\":\"yuv422p10le\",\"bits\":10,\"chroma\":"
        "\"4:2:2\",\"primaries\":\"bt709\",\"transfer\":\"bt709\",\"matrix\":\"bt709\",\"range\":"
        "\"limited\",\"bit_rate\":176000000}],\"audio\":[{\"index\":1,\"codec\":\"pcm_s24le\","
        "\"sample_rate\":48000,\"bits\":24,\"channels\":6,\"layout\":\"5.1\",\"language\":\"eng\","
        "\"duration_samples\":2002000}],\"captions\":[],\"damage\":[],\"sprite\":{\"width\":160,"
        "\"height\":90,\"columns\":10,\"rows\":10,\"every_frames\":24,\"count\":42},\"duration_"
        "text\":\"00:00:41:16\",\"tags\":{\"company\":\"ARRI\",\"product\":\"ALEXA Mini LF\"}}";
    return json_loads(plain, 0, NULL);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/posthouse-bench-XXXXXX", path[80], who[27], token[44], command[100],
         query[200];
    struct session_made made;
    if (argc < 2 || !mkdtemp(folder))
        return 2;
    count = argc > 2 ? atoll(argv[2]) : count;
    snprintf(path, sizeof(path), "%s/house.db", folder);
    must((db = db_open(&(struct db_wish){.path = path, .migrations = argv[1]}, &err)) != NULL);
    struct people *people = people_open(&(struct people_wish){.db = db, .quick_hash = true}, &err);
    must(people != NULL);
    must(db_write(db, project_in, NULL, &err));
    must(people_add(people, "Maya", "m@example.org", false, NULL, "", who, token, &err));
    must(people_welcome(people, token, "four words and some", &(struct entry){0}, &made, &err));
    must(members_set(people, project.text, who, "editor", false, NULL, "", &err));
    must(token_make(people, made.person, "bench", "all", 0, false, "", who, token, &err));
    facts = usual_facts();
    must(facts != NULL);
    int64_t begun = clock_tick_us();
    for (; made_so_far < count; made_so_far += BATCH)
        must(db_write(db, batch_in, NULL, &err));
    double seconds = (double)(clock_tick_us() - begun) / 1e6;
    printf("{\"bench\":\"library\",\"what\":\"making %lld assets with facts and derived files\","
           "\"ours\":%.0f,\"unit\":\"a second\"}\n",
           (long long)count, (double)count / seconds);
    fflush(stdout);
    struct sockets *sockets = sockets_open(&(struct sockets_wish){0}, &err);
    must(sockets != NULL);
    struct api *api =
        api_open(&(struct api_wish){.db = db, .people = people, .sockets = sockets}, &err);
    must(api != NULL);
    measure(api, token, "first page by name", "sort=name");
    measure(api, token, "last page by name", "sort=name&offset=49900");
    measure(api, token, "jump to the middle, by size, descending",
            "sort=size&order=desc&offset=25000");
    measure(api, token, "jump by duration", "sort=duration&offset=40000");
    measure(api, token, "newest", "sort=created&order=desc");
    measure(api, token, "sounds, far down", "kind=sound&sort=name&offset=4000");
    measure(api, token, "in no folder, far down", "folder=top&sort=created&offset=20000");
    snprintf(query, sizeof(query), "folder=%s&sort=size", folders[1].text);
    measure(api, token, "one folder by size", query);
    measure(api, token, "search: shot and version", "q=sh0123%20v12");
    measure(api, token, "search: one word, a few", "q=a0123c");
    measure(api, token, "search: a letter, most of all", "q=a");
    measure(api, token, "search: mov, a third, by size, far down",
            "q=mov&sort=size&order=desc&offset=10000");
    measure(api, token, "search: nothing", "q=zebra");
    // {"of":"f1","is":"equals","value":"24A"} and the like, as an address has them.
#define WHERE "fields=1&where=%7B%22of%22%3A%22"
    measure(api, token, "filter: scene is 24A",
            WHERE "f1%22%2C%22is%22%3A%22equals%22%2C%22value%22%3A%2224A%22%7D");
    measure(api, token, "filter: notes contain soft, by take, far down",
            WHERE
            "f5%22%2C%22is%22%3A%22contains%22%2C%22value%22%3A%22soft%22%7D&sort=f2&offset=9000");
    measure(api, token, "filter: scene is empty, by size, descending",
            WHERE "f1%22%2C%22is%22%3A%22empty%22%7D&sort=size&order=desc");
    measure(api, token, "filter: timecode between two, newest first",
            WHERE "timecode%22%2C%22is%22%3A%22between%22%2C%22value%22%3A%2201:00:05:00%22%2C%"
                  "22to%22%3A%2201:00:09:00%22%7D&sort=created&order=desc");
    measure(api, token, "by scene", "fields=1&sort=f1");
    measure(api, token, "by scene, descending, far down",
            "fields=1&sort=f1&order=desc&offset=40000");
    measure(api, token, "by notes, far down", "fields=1&sort=f5&offset=40000");
    measure(api, token, "by timecode, to the end", "fields=1&sort=timecode&offset=49900");
    measure(api, token, "takes together, by name", "fields=1&takes=1&sort=name&offset=20000");
    watched(api, token);
    sockets_close(sockets, 1000);
    json_decref(facts);
    api_close(api);
    table();
    people_close(people);
    db_close(db);
    snprintf(command, sizeof(command),
             getenv("KEEP") ? "cp %s/house.db /tmp/assets/lib.db" : "rm -rf %s", folder);
    return system(command);
}
