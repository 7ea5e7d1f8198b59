// clang-format off
#include "test.h"
// clang-format on
#include "house/assets/assets.h"
#include "house/flow/flow.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <unistd.h>

// Files of staged jobs in a store, and what of them goes when.
static struct {
    char folder[64], scratch[96];
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    struct flow *flow;
    id project, transfer;
} h;

static struct error err;

#define OK(is)                                                                                     \
    do {                                                                                           \
        if (!(is))                                                                                 \
            fail_msg("line %d: %s: %s (%s)", __LINE__, #is, err.what, err.why);                    \
    } while (0)

static bool project_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return project_make(tx, h.project.text, "Film", "25", e);
}

static int open_house(void **state)
{
    (void)state;
    char path[128], store[128];
    strcpy(h.folder, "/tmp/posthouse-staged-XXXXXX");
    assert_non_null(mkdtemp(h.folder));
    snprintf(path, sizeof(path), "%s/house.db", h.folder);
    snprintf(store, sizeof(store), "%s/store", h.folder);
    snprintf(h.scratch, sizeof(h.scratch), "%s/scratch", h.folder);
    h.db = db_open(&(struct db_wish){.path = path, .migrations = MIGRATIONS}, &err);
    OK(h.db);
    h.store =
        store_open(&(struct store_wish){.folder = store, .db = h.db, .reserve_bytes = -1}, &err);
    OK(h.store);
    h.project = id_new();
    h.transfer = id_new();
    OK(jobs_open(h.db, clock_now_ms(), &h.jobs, &err));
    OK(db_write(h.db, project_in, NULL, &err));
    OK(flow_open(
        &(struct flow_wish){.db = h.db, .store = h.store, .jobs = h.jobs, .scratch = h.scratch},
        &h.flow, &err));
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    struct error ignored;
    flow_close(h.flow);
    jobs_close(h.jobs);
    store_close(h.store);
    db_close(h.db);
    return folder_remove(h.folder, &ignored) ? 0 : -1;
}

// ---- small words

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

static const char *const words[] = {"the scene", "a map that is an asset too", "a map"};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static sha256 content_of_word(const char *word)
{
    sha256 chunk = sha256_of(word, strlen(word));
    return sha256_of(chunk.at, sizeof(chunk.at));
}

struct checking {
    sha256 content;
    bool has;
};
static bool has_in(struct db_tx *tx, void *context, struct error *e)
{
    struct checking *c = context;
    return store_has(tx, &c->content, NULL, &c->has, e);
}
static bool has(const char *word)
{
    struct checking c = {content_of_word(word), false};
    OK(db_read(h.db, has_in, &c, &err));
    return c.has;
}

static bool readable(const char *word)
{
    char bytes[64];
    sha256 content = content_of_word(word);
    const struct store_map *map;
    OK(store_map_open(h.store, &content, &map, &err));
    bool same = map->size == (int64_t)strlen(word) &&
                store_map_read(map, 0, bytes, strlen(word), &err) &&
                memcmp(bytes, word, strlen(word)) == 0;
    store_map_close(h.store, map);
    return same;
}

// The transfer of a job, and an asset of one of its files.
static bool bring_in(struct db_tx *tx, void *context, struct error *e)
{
    struct store_bytes *b = context;
    struct asset_made made;
    if (!store_record(tx, b, e) ||
        !db_run(tx, e,
                "insert into transfers (id, project, name, origin, state, person, created_ms, "
                "active_ms, skipped) values (?1, ?2, 'x', 'job', 'closed', 'p', 1, 1, 0)",
                "ss", h.transfer.text, h.project.text))
        return false;
    for (size_t i = 0; i < WORDS; i++) {
        char path[32];
        snprintf(path, sizeof(path), "show/%zu", i);
        if (!db_run(
                tx, e,
                "insert into transfer_files (id, transfer, path, size, modified_ms, state, "
                "content, created_ms, stored_ms) values (?1, ?2, ?3, ?4, 0, 'stored', ?5, 1, 1)",
                "sssib", id_new().text, h.transfer.text, path, (int64_t)strlen(words[i]),
                store_bytes_content(b, i)->at, (size_t)SHA256_SIZE))
            return false;
    }
    struct asset_file file = {
        .name = "map.png", .content = *store_bytes_content(b, 1), .size = store_bytes_size(b, 1)};
    struct asset_wish wish = {.project = h.project.text,
                              .name = "map.png",
                              .kind = "still",
                              .by = "Ada",
                              .files = &file,
                              .file_count = 1};
    return asset_add(tx, &wish, &made, e);
}

static void bring(void)
{
    text list[WORDS];
    struct store_bytes *b;
    for (size_t i = 0; i < WORDS; i++)
        list[i] = text_of(words[i]);
    OK(store_put_small(h.store, list, WORDS, &b, &err));
    bool ok = db_write(h.db, bring_in, b, &err);
    store_settle(h.store, b, ok);
    OK(ok);
}

static bool job_in(struct db_tx *tx, void *context, struct error *e)
{
    struct job_step step = {.name = "S", .tasks = 2};
    struct job_wish wish = {.project = h.project.text,
                            .kind = "render",
                            .title = "staged",
                            .by = "Ada",
                            .priority = 50,
                            .steps = &step,
                            .step_count = 1,
                            .template = "x",
                            .form = "JSON",
                            .parameters = "{}",
                            .transfer = h.transfer.text};
    return job_make(tx, &wish, clock_now_ms(), context, e);
}
static id make_job(void)
{
    id job;
    OK(db_write(h.db, job_in, &job, &err));
    return job;
}

static bool order(const id *job, enum order_kind kind)
{
    struct job_order o = {.kind = kind, .job = job->text, .priority = -1, .tier = -1, .drop = true};
    return jobs_order(h.jobs, &o, NULL, NULL, clock_now_ms(), &err);
}

static int64_t sweep(int64_t keep_ms)
{
    struct flow_dropped d;
    int64_t files = 0;
    for (bool more = true; more; files += d.files)
        OK(flow_drop_staged(h.flow, keep_ms, &d, &more, &err));
    OK(store_tidy(h.store, NULL, &err));
    return files;
}

static int64_t damaged(void)
{
    int64_t found = -1;
    OK(store_check(h.store, &(struct store_check){0}, &found, &err));
    return found;
}

// ---- tests

// A table that is not in this list may hold bytes that the sweep takes for nobody's.
static void every_table_that_names_bytes_of_the_store_is_asked(void **state)
{
    (void)state;
    char sql[2000];
    int size =
        snprintf(sql, sizeof(sql),
                 "select count(*) from sqlite_master m join pragma_table_info(m.name) p "
                 "where m.type = 'table' and p.name = 'content' and m.name not in "
                 // digests of any; what a delivery names, its files hold; what lies in places
                 "('contents', 'content_chunks', 'content_sums', 'content_crcs', "
                 "'deliveries', 'place_files', 'place_was'");
    for (const char *const *t = flow_holders(); *t; t++)
        size += snprintf(sql + size, sizeof(sql) - (size_t)size, ", '%s'", *t);
    snprintf(sql + size, sizeof(sql) - (size_t)size, ")");
    assert_int_equal(count(sql), 0);
    // Other blobs: secrets, keys, states of tasks, chunks, and the content that derived files are
    // of.
    assert_int_equal(
        count(
            "select count(*) from sqlite_master m join pragma_table_info(m.name) p where m.type = "
            "'table' and p.type = 'blob' and p.name not in ('content', 'secret', 'request', "
            "'body', 'hash', 'source', 'key_hash', 'states', 'secrets', 'pickup')"),
        0);
}

static void what_a_job_reads_stays_while_it_may_run_and_goes_after_it(void **state)
{
    (void)state;
    bring();
    id job = make_job();
    sweep(0); // the transfer has rested: the job has its own list
    assert_int_equal(count("select count(*) from transfers"), 0);
    for (size_t i = 0; i < WORDS; i++)
        assert_true(has(words[i]));
    OK(order(&job, ORDER_CANCEL));
    assert_int_equal(sweep(3600000), 0); // not yet
    OK(order(&job, ORDER_RETRY));
    assert_int_equal(sweep(0), 0); // it waits again
    OK(order(&job, ORDER_CANCEL));
    assert_int_equal(sweep(0), 2);
    assert_true(!has(words[0]) && has(words[1]) && !has(words[2]));
    assert_true(readable(words[1])); // the asset's
    assert_int_equal(damaged(), 0);
    assert_int_equal(count("select count(*) from job_files"), 0);
}

static void a_job_whose_files_are_gone_is_not_begun_again(void **state)
{
    (void)state;
    bring();
    id job = make_job();
    OK(order(&job, ORDER_CANCEL));
    sweep(0);
    assert_false(order(&job, ORDER_RETRY));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "not kept any more"));
    assert_non_null(strstr(err.fix, "submit it again"));
    assert_int_equal(count("select count(*) from jobs where state = 'cancelled'"), 1);
    OK(order(&job, ORDER_EDIT)); // that needs no files
}

static void no_job_is_made_of_a_transfer_that_is_going(void **state)
{
    (void)state;
    bring();
    sweep(0);
    id job;
    assert_false(db_write(h.db, job_in, &job, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(count("select count(*) from staged_jobs"), 0);
}

static bool record_in(struct db_tx *tx, void *context, struct error *e)
{
    return store_record(tx, context, e);
}

// Its bytes are written, not recorded, when the same content is forgotten.
static void what_is_written_meanwhile_is_not_lost(void **state)
{
    (void)state;
    bring();
    id job = make_job();
    OK(order(&job, ORDER_CANCEL));
    text again = text_of(words[2]);
    struct store_bytes *b;
    OK(store_put_small(h.store, &again, 1, &b, &err));
    assert_int_equal(sweep(0), 2);
    OK(db_write(h.db, record_in, b, &err));
    store_settle(h.store, b, true);
    OK(store_tidy(h.store, NULL, &err));
    assert_true(has(words[2]) && readable(words[2]));
    assert_int_equal(damaged(), 0);
}

// Attempts 5 (lost) and 6 (committed) of a job that goes on.
static bool attempts_in(struct db_tx *tx, void *context, struct error *e)
{
    const char *job = context;
    for (int64_t fence = 5; fence <= 6; fence++) {
        char path[32], word[32];
        bool replaced;
        sha256 before;
        snprintf(path, sizeof(path), "/out/f.%d.png", 1);
        snprintf(word, sizeof(word), "made by %lld", (long long)fence);
        struct job_file made = {path, content_of_word(word), (int64_t)strlen(word), false, 0};
        if (!db_run(tx, e,
                    "insert into attempts (fence, job, step, first, last, worker, state, began_ms, "
                    "ended_ms) select ?1, number, 1, 0, 0, 'W', ?3, 1, 2 from jobs where id = ?2",
                    "iss", fence, job, fence == 5 ? "lost" : "committed") ||
            !job_file_made(tx, job, fence, &made, &replaced, &before, e) ||
            !job_files_placed(tx, job, fence, &made.path, 1, e))
            return false;
    }
    return true;
}

struct reading {
    const char *job;
    size_t all, read; // files of the job; that attempt 6 gets
};
static bool reading_in(struct db_tx *tx, void *context, struct error *e)
{
    struct reading *r = context;
    struct arena *a = arena_open(1 << 20);
    struct job_file *list;
    bool ok = job_files(tx, r->job, a, &list, &r->all, e) &&
              job_files_read(tx, r->job, 6, a, &list, &r->read, e);
    arena_close(a);
    return ok;
}
static bool reads_as(struct db_tx *tx, void *context, struct error *e)
{
    return db_run(tx, e, "update staged_jobs set reads_own = ?1", "i", *(int64_t *)context);
}

static void an_attempt_gets_what_its_step_reads_not_what_it_has_made(void **state)
{
    (void)state;
    bring();
    id job = make_job();
    struct reading r = {.job = job.text};
    OK(db_write(h.db, attempts_in, job.text, &err));
    OK(db_read(h.db, reading_in, &r, &err));
    assert_int_equal(r.all, WORDS + 1);
    assert_int_equal(r.read, WORDS);
    int64_t frames_wait_for_frames = 2;
    OK(db_write(h.db, reads_as, &frames_wait_for_frames, &err));
    OK(db_read(h.db, reading_in, &r, &err));
    assert_int_equal(r.read, WORDS + 1);
}

struct knowing {
    const char *job;
    sha256 hash;
    struct job_chunk chunk;
};
static bool knowing_in(struct db_tx *tx, void *context, struct error *e)
{
    struct knowing *k = context;
    return job_chunk_known(tx, k->job, &k->hash, &k->chunk, e);
}

static void a_chunk_is_known_to_the_job_whose_files_have_it_and_to_no_other(void **state)
{
    (void)state;
    bring();
    id job = make_job();
    struct knowing k = {.job = job.text, .hash = sha256_of(words[0], strlen(words[0]))};
    OK(db_read(h.db, knowing_in, &k, &err));
    sha256 content = content_of_word(words[0]);
    assert_true(k.chunk.known && sha256_equal(&k.chunk.content, &content));
    assert_int_equal(k.chunk.number, 0);
    k.job = h.project.text; // another thing's id
    OK(db_read(h.db, knowing_in, &k, &err));
    assert_false(k.chunk.known);
    k.job = job.text;
    k.hash = content; // what the store does not have
    OK(db_read(h.db, knowing_in, &k, &err));
    assert_false(k.chunk.known);
}

static void what_attempts_made_and_nobody_reads_goes_before_the_job_ends(void **state)
{
    (void)state;
    bring();
    id job = make_job();
    static const text made[] = {{"made by 5", 9}, {"made by 6", 9}};
    struct store_bytes *b;
    OK(store_put_small(h.store, made, 2, &b, &err));
    bool ok = db_write(h.db, record_in, b, &err);
    store_settle(h.store, b, ok);
    OK(ok && db_write(h.db, attempts_in, job.text, &err));
    assert_int_equal(count("select token from job_files where counts = 1 and token > 0"), 6);
    sweep(0);
    assert_true(!has("made by 5") && !has("made by 6"));
    assert_int_equal(count("select count(*) from job_files"), WORDS);
    assert_int_equal(damaged(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_house, close_house)
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(every_table_that_names_bytes_of_the_store_is_asked),
        TEST(what_a_job_reads_stays_while_it_may_run_and_goes_after_it),
        TEST(a_job_whose_files_are_gone_is_not_begun_again),
        TEST(no_job_is_made_of_a_transfer_that_is_going),
        TEST(what_is_written_meanwhile_is_not_lost),
        TEST(an_attempt_gets_what_its_step_reads_not_what_it_has_made),
        TEST(a_chunk_is_known_to_the_job_whose_files_have_it_and_to_no_other),
        TEST(what_attempts_made_and_nobody_reads_goes_before_the_job_ends),
    };
    return RUN_TESTS(tests);
}
