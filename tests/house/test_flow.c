// clang-format off
#include "test.h"
// clang-format on
#include "formats/measure/measure.h"
#include "house/assets/assets.h"
#include "house/deliver/deliver.h"
#include "house/flow/flow.h"
#include "house/qc/reports.h"
#include "house/review/review.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <sys/stat.h>
#include <unistd.h>

// A house without a server: what a worker would do is done here by hand.
static struct {
    char folder[64], scratch[96];
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    struct flow *flow;
    struct arena *a;
    id project;
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

static void open_flow(void)
{
    OK(flow_open(
        &(struct flow_wish){.db = h.db, .store = h.store, .jobs = h.jobs, .scratch = h.scratch},
        &h.flow, &err));
}

static int open_house(void **state)
{
    (void)state;
    char path[128], store[128];
    strcpy(h.folder, "/tmp/posthouse-flow-XXXXXX");
    assert_non_null(mkdtemp(h.folder));
    snprintf(path, sizeof(path), "%s/house.db", h.folder);
    snprintf(store, sizeof(store), "%s/store", h.folder);
    snprintf(h.scratch, sizeof(h.scratch), "%s/scratch", h.folder);
    h.db = db_open(&(struct db_wish){.path = path, .migrations = MIGRATIONS}, &err);
    OK(h.db);
    h.store =
        store_open(&(struct store_wish){.folder = store, .db = h.db, .reserve_bytes = -1}, &err);
    OK(h.store);
    h.a = arena_open(256 << 20);
    h.project = id_new();
    OK(jobs_open(h.db, clock_now_ms(), &h.jobs, &err));
    OK(db_write(h.db, project_in, NULL, &err));
    open_flow();
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
    arena_close(h.a);
    return folder_remove(h.folder, &ignored) ? 0 : -1;
}

// ---- small words

static void follow(void)
{
    for (bool more = true; more;)
        OK(flow_turn(h.flow, &more, &err));
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

struct bringing {
    const char *name, *kind, *facts;
    const char *asset; // a version of it; NULL: an asset of its own
    struct store_bytes *bytes;
    size_t count;
    struct asset_made made;
};
static bool bring_in(struct db_tx *tx, void *context, struct error *e)
{
    struct bringing *b = context;
    struct asset_file files[8];
    for (size_t i = 0; i < b->count; i++)
        files[i] = (struct asset_file){
            .name = b->count == 1 ? b->name : arena_format(h.a, "shot.%04zu.png", 1001 + i),
            .content = *store_bytes_content(b->bytes, i),
            .size = store_bytes_size(b->bytes, i)};
    struct asset_wish wish = {.project = h.project.text,
                              .name = b->name,
                              .kind = b->kind,
                              .by = "Ada",
                              .files = files,
                              .file_count = b->count,
                              .facts = b->facts};
    return store_record(tx, b->bytes, e) &&
           (b->asset ? version_add(tx, b->asset, &wish, &b->made, e)
                     : asset_add(tx, &wish, &b->made, e));
}
static struct asset_made bring_to(const char *asset, const char *name, const char *kind,
                                  const char *bytes, size_t files, const char *facts)
{
    struct bringing b = {
        .name = name, .kind = kind, .facts = facts, .asset = asset, .count = files};
    text list[8];
    for (size_t i = 0; i < files; i++)
        list[i] = text_of(files == 1 ? bytes : arena_format(h.a, "%s%zu", bytes, i));
    OK(store_put_small(h.store, list, files, &b.bytes, &err));
    bool ok = db_write(h.db, bring_in, &b, &err);
    store_settle(h.store, b.bytes, ok);
    OK(ok);
    follow();
    return b.made;
}

static struct asset_made bring(const char *name, const char *kind, const char *bytes, size_t files,
                               const char *facts)
{
    return bring_to(NULL, name, kind, bytes, files, facts);
}

struct looking {
    const char *version;
    json_t *json;
};
static bool look_in(struct db_tx *tx, void *context, struct error *e)
{
    struct looking *l = context;
    return version_get(tx, l->version, &l->json, e);
}
static json_t *version(const struct asset_made *m)
{
    struct looking l = {.version = m->version.text};
    OK(db_read(h.db, look_in, &l, &err));
    return l.json;
}
static void state_is(const struct asset_made *m, const char *state)
{
    json_t *v = version(m);
    assert_string_equal(json_string_value(json_object_get(v, "state")), state);
    json_decref(v);
}

// The next piece of work, as a worker gets it.
static struct claim take(const char *kind, json_t **task)
{
    struct claim c;
    bool found;
    OK(jobs_claim(h.jobs, "01J0000000000000000000WR01", clock_now_ms(), h.a, &c, &found, &err));
    assert_true(found);
    assert_string_equal(c.kind, kind);
    OK(flow_task(h.flow, &c, task, &err));
    json_decref(c.ticket);
    return c;
}

// The next step of a delivery.
static struct claim step(const char *name, json_t **task)
{
    struct claim c = take("encode", task);
    assert_string_equal(c.part, name);
    return c;
}

static void write_output(const struct claim *c, const char *name, const char *bytes)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s/%s", h.scratch, c->attempt, name);
    OK(file_write(path, bytes, strlen(bytes), 0644, &err));
}

static enum outcome done(const struct claim *c, json_t *take_over)
{
    enum outcome o;
    OK(flow_done(h.flow, c->attempt, c->token, take_over, &o, &err));
    json_decref(take_over);
    follow();
    return o;
}

static json_t *facts(void)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:b, s:s, s:[{s:s}], s:[], s:[], s:[], s:s, s:{}}",
                     "container", "mov", "kind", "clip", "duration_frames", 48, "rate", "24", "vfr",
                     0, "rate_from", "container", "video", "codec", "h264", "audio", "captions",
                     "damage", "duration_text", "2 s", "tags");
}

static json_t *proxies(void)
{
    return json_pack("{s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}], s:i, s:{s:i}, s:[]}", "outputs",
                     "kind", "scrub", "name", "scrub.mp4", "size", 5, "kind", "scrub_index", "name",
                     "scrub.idx", "size", 5, "frames", 47, "sprite", "width", 160, "damage");
}

static void make_proxies(const struct claim *c, const char *bytes)
{
    write_output(c, "scrub.mp4", bytes);
    write_output(c, "scrub.idx", "index");
    assert_int_equal(done(c, proxies()), OUTCOME_TAKEN);
}

static struct asset_made probed_to(const char *asset, const char *name, const char *bytes)
{
    struct asset_made m = bring_to(asset, name, "clip", bytes, 1, NULL);
    json_t *task;
    struct claim c = take("probe", &task);
    json_decref(task);
    assert_int_equal(done(&c, facts()), OUTCOME_TAKEN);
    return m;
}

static struct asset_made probed(const char *name, const char *bytes)
{
    return probed_to(NULL, name, bytes);
}

static bool scratch_has(const struct claim *c)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", h.scratch, c->attempt);
    return access(path, F_OK) == 0;
}

// ---- what follows

static void a_clip_becomes_ready(void **state)
{
    (void)state;
    struct asset_made m = bring("A001.mov", "clip", "the bytes of a clip", 1, NULL);
    state_is(&m, "probing");
    json_t *task;
    struct claim c = take("probe", &task);
    json_t *input = json_array_get(json_object_get(task, "inputs"), 0);
    json_t *run = json_array_get(json_object_get(input, "runs"), 0);
    char seen[32] = "";
    FILE *f = fopen(json_string_value(json_object_get(run, "path")), "r");
    assert_non_null(f);
    fseek(f, (long)json_integer_value(json_object_get(run, "offset")), SEEK_SET);
    assert_int_equal(fread(seen, 1, 19, f), 19);
    fclose(f);
    assert_string_equal(seen, "the bytes of a clip");
    json_t *ticket = json_object_get(task, "ticket");
    assert_string_equal(json_string_value(json_object_get(ticket, "kind")), "probe");
    json_decref(task);
    assert_int_equal(done(&c, facts()), OUTCOME_TAKEN);
    state_is(&m, "proxying");
    c = take("proxy", &task);
    ticket = json_object_get(task, "ticket");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(ticket, "facts"), "duration_frames")),
        48);
    json_decref(task);
    // while it grows
    json_t *outputs =
        json_pack("[{s:s, s:s, s:i}]", "kind", "scrub", "name", "scrub.mp4", "size", 3);
    OK(flow_growing(h.flow, c.attempt, c.token, outputs, &err));
    json_decref(outputs);
    json_t *v = version(&m), *d = json_array_get(json_object_get(v, "derived"), 0);
    assert_true(json_is_true(json_object_get(d, "growing")));
    json_decref(v);
    make_proxies(&c, "scrub");
    v = version(&m);
    assert_string_equal(json_string_value(json_object_get(v, "state")), "ready");
    assert_int_equal(json_array_size(json_object_get(v, "derived")), 2);
    d = json_array_get(json_object_get(v, "derived"), 0);
    assert_false(json_is_true(json_object_get(d, "growing")));
    // what only decoding could tell is a fact now
    json_t *told = json_object_get(v, "facts");
    assert_int_equal(json_integer_value(json_object_get(told, "duration_frames")), 47);
    assert_true(json_is_object(json_object_get(told, "sprite")));
    json_decref(v);
    assert_false(scratch_has(&c));
    assert_int_equal(count("select count(*) from jobs"), 2);
    assert_int_equal(count("select count(*) from jobs where state <> 'done'"), 0);
}

static void what_was_made_once_is_taken_over(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made one = probed("one.mov", "same bytes");
    struct claim c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "scrub");
    state_is(&one, "ready");
    struct asset_made two = bring("two.mov", "clip", "same bytes", 1, NULL);
    state_is(&two, "ready");
    assert_int_equal(count("select count(*) from jobs"), 2);
}

static void two_that_were_made_at_once_share_the_first_set(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made one = probed("one.mov", "same bytes");
    struct claim first = take("proxy", &task);
    json_decref(task);
    struct asset_made two = probed("two.mov", "same bytes");
    struct claim second = take("proxy", &task);
    json_decref(task);
    make_proxies(&first, "first");
    struct store_numbers before, after;
    OK(store_numbers(h.store, &before, &err));
    make_proxies(&second, "second"); // an encoder need not make the same bytes twice
    OK(store_numbers(h.store, &after, &err));
    assert_int_equal(before.files, after.files); // nothing is kept that nobody shows
    state_is(&one, "ready");
    state_is(&two, "ready");
    assert_int_equal(count("select count(*) from derived"), 2);
}

static void documents_and_strangers_are_no_failures(void **state)
{
    (void)state;
    struct asset_made text_file = bring("notes.txt", "document", "a letter", 1, NULL);
    state_is(&text_file, "ready");
    struct asset_made sidecar = bring("A001.BIM", "clip", "of a camera", 1, NULL);
    struct asset_made broken = bring("A001.mov", "clip", "no film", 1, NULL);
    struct error why;
    enum outcome o;
    json_t *task;
    for (int i = 0; i < 2; i++) {
        struct claim c = take("probe", &task);
        json_decref(task);
        error_set(&why, ERROR_UNSUPPORTED, "it is not media");
        error_why(&why, "it holds text");
        OK(flow_failed(h.flow, c.attempt, c.token, &why, &o, &err));
        assert_int_equal(o, OUTCOME_TAKEN);
        assert_false(scratch_has(&c));
    }
    follow();
    state_is(&sidecar, "ready"); // its name promised nothing
    json_t *v = version(&broken);
    assert_string_equal(json_string_value(json_object_get(v, "state")), "failed");
    assert_string_equal(json_string_value(json_object_get(json_object_get(v, "problem"), "detail")),
                        "it holds text");
    json_decref(v);
}

static bool order(enum order_kind kind, const char *job)
{
    struct job_order o = {.kind = kind, .job = job};
    return jobs_order(h.jobs, &o, NULL, NULL, clock_now_ms(), &err);
}

static void cancelled_and_tried_again(void **state)
{
    (void)state;
    struct asset_made m = bring("A001.mov", "clip", "a film", 1, NULL);
    json_t *v = version(&m);
    const char *job = arena_text(h.a, json_string_value(json_object_get(v, "job")));
    json_decref(v);
    OK(order(ORDER_CANCEL, job));
    follow();
    state_is(&m, "failed");
    OK(order(ORDER_RETRY, job));
    follow();
    state_is(&m, "probing");
    json_t *task;
    struct claim c = take("probe", &task);
    json_decref(task);
    assert_int_equal(done(&c, facts()), OUTCOME_TAKEN);
    state_is(&m, "proxying");
}

static void sequences_say_what_they_are(void **state)
{
    (void)state;
    struct asset_made m =
        bring("shot.####.png", "sequence", "picture", 3,
              "{\"kind\":\"sequence\",\"sequence\":{\"first\":1001,\"last\":1003,\"count\":3,"
              "\"missing\":[],\"padding\":4,\"pattern\":\"shot.####.png\"}}");
    state_is(&m, "probing");
    json_t *task;
    (void)take("probe", &task);
    json_t *ticket = json_object_get(task, "ticket"), *inputs = json_object_get(task, "inputs");
    assert_string_equal(json_string_value(json_object_get(ticket, "sequence_rate")), "25");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(ticket, "sequence"), "count")), 3);
    assert_int_equal(json_array_size(inputs), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(inputs, 2), "name")),
                        "shot.1003.png");
    json_decref(task);
}

// ---- dying in between

static bool forget_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_run(tx, e, "delete from house_values where name = 'flow.at'", "") &&
           (db_changed(tx) == 1 || error_set(e, ERROR_INTERNAL, "it was not kept"));
}

static void an_event_is_followed_once_though_the_house_forgets_where_it_was(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made m = probed("A001.mov", "a film");
    struct claim c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "scrub");
    flow_close(h.flow);
    OK(db_write(h.db, forget_in, NULL, &err));
    open_flow();
    follow();
    state_is(&m, "ready");
    assert_int_equal(count("select count(*) from jobs"), 2);
}

static void a_result_that_is_said_again_counts_once(void **state)
{
    (void)state;
    json_t *task;
    probed("A001.mov", "a film");
    struct claim c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "scrub");
    struct store_numbers before, after;
    OK(store_numbers(h.store, &before, &err));
    assert_int_equal(done(&c, proxies()), OUTCOME_TAKEN); // its files are gone by now
    OK(store_numbers(h.store, &after, &err));
    assert_int_equal(before.files, after.files);
    assert_int_equal(count("select count(*) from attempts where state = 'committed'"), 2);
}

static void a_house_that_died_while_taking_finds_it_all_again(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made m = probed("A001.mov", "a film");
    struct claim c = take("proxy", &task);
    json_decref(task);
    // It has taken the first file when the second is not to be had.
    enum outcome o;
    json_t *result = proxies();
    write_output(&c, "scrub.mp4", "scrub");
    assert_false(flow_done(h.flow, c.attempt, c.token, result, &o, &err));
    json_decref(result);
    state_is(&m, "proxying");
    assert_true(scratch_has(&c));
    make_proxies(&c, "scrub");
    state_is(&m, "ready");
}

static void a_stale_result_leaves_nothing(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made m = probed("A001.mov", "a film");
    struct claim old = take("proxy", &task);
    json_decref(task);
    json_t *outputs =
        json_pack("[{s:s, s:s, s:i}]", "kind", "scrub", "name", "scrub.mp4", "size", 3);
    OK(flow_growing(h.flow, old.attempt, old.token, outputs, &err));
    int64_t lost;
    OK(jobs_sweep(h.jobs, clock_now_ms() + JOBS_LEASE_MS + 1, &lost, &err));
    assert_int_equal(lost, 1);
    follow();
    json_t *v = version(&m);
    assert_int_equal(json_array_size(json_object_get(v, "derived")), 0); // it grows no more
    json_decref(v);
    OK(flow_growing(h.flow, old.attempt, old.token, outputs, &err));
    assert_int_equal(count("select count(*) from derived_growing"), 0);
    json_decref(outputs);
    struct claim fresh;
    bool found;
    OK(jobs_claim(h.jobs, "01J0000000000000000000WR02", clock_now_ms() + JOBS_LEASE_MS + 2, h.a,
                  &fresh, &found, &err));
    assert_true(found);
    OK(flow_task(h.flow, &fresh, &task, &err));
    json_decref(task);
    json_decref(fresh.ticket);
    struct store_numbers before, after;
    OK(store_numbers(h.store, &before, &err));
    write_output(&old, "scrub.mp4", "old");
    write_output(&old, "scrub.idx", "old");
    assert_int_equal(done(&old, proxies()), OUTCOME_STALE);
    OK(store_numbers(h.store, &after, &err));
    assert_int_equal(before.files, after.files);
    assert_false(scratch_has(&old));
    state_is(&m, "proxying");
    make_proxies(&fresh, "new");
    state_is(&m, "ready");
}

static void what_lies_in_scratch_without_an_attempt_goes(void **state)
{
    (void)state;
    json_t *task;
    bring("A001.mov", "clip", "a film", 1, NULL);
    struct claim c = take("probe", &task);
    json_decref(task);
    char dead[160];
    snprintf(dead, sizeof(dead), "%s/01J0000000000000000000DE01", h.scratch);
    OK(folder_make(dead, 0750, &err));
    OK(flow_tidy(h.flow, 60000, &err)); // it may still be in use
    assert_int_equal(access(dead, F_OK), 0);
    clock_sleep_ms(20);
    OK(flow_tidy(h.flow, 1, &err));
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_true(scratch_has(&c)); // that one runs
}

static void results_from_a_worker_gone_mad_are_refused(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made m = probed("A001.mov", "a film");
    struct claim c = take("proxy", &task);
    json_decref(task);
    char outside[128];
    snprintf(outside, sizeof(outside), "%s/precious", h.folder);
    OK(file_write(outside, "mine", 4, 0644, &err));
    static const char *const mad[] = {
        "{}",
        "{\"outputs\":[]}",
        "{\"outputs\":[{}]}",
        "{\"outputs\":7}",
        "{\"outputs\":[{\"kind\":\"scrub\",\"name\":\"../../precious\"}]}",
        "{\"outputs\":[{\"kind\":\"scrub\",\"name\":\"\"}]}",
        "{\"outputs\":[{\"kind\":\"scrub\",\"name\":\"not there.mp4\"}]}"};
    for (size_t i = 0; i < sizeof(mad) / sizeof(mad[0]); i++) {
        enum outcome o;
        json_t *result = json_loads(mad[i], 0, NULL);
        assert_non_null(result);
        if (flow_done(h.flow, c.attempt, c.token, result, &o, &err))
            fail_msg("%s was taken", mad[i]);
        json_decref(result);
    }
    assert_int_equal(access(outside, F_OK), 0);
    state_is(&m, "proxying");
}

// ---- deliveries

struct asking {
    const char *version;
    json_t *profile, *json;
    id made;
};
static bool ask_in(struct db_tx *tx, void *context, struct error *e)
{
    struct asking *q = context;
    return delivery_make(
        tx, &(struct delivery_wish){.version = q->version, .by = "Ada", .profile = q->profile},
        clock_now_ms(), &q->made, e);
}
static bool get_in(struct db_tx *tx, void *context, struct error *e)
{
    struct asking *q = context;
    json_decref(q->json);
    return delivery_get(tx, q->made.text, &q->json, e);
}
static const char *state_of(struct asking *q)
{
    OK(db_read(h.db, get_in, q, &err));
    return json_string_value(json_object_get(q->json, "state"));
}

static void a_delivery_is_made_and_checked(void **state)
{
    (void)state;
    struct asking q = {0};
    json_t *task;
    OK(profile_load(PROFILES, "prores-422-hq-mov", &q.profile, &err));
    json_object_set_new(json_object_get(q.profile, "video"), "segment_s", json_integer(1));
    struct asset_made fresh = bring("A001.mov", "clip", "a film", 1, NULL);
    q.version = fresh.version.text;
    assert_false(db_write(h.db, ask_in, &q, &err)); // nobody has looked at it
    assert_int_equal(err.kind, ERROR_CONFLICT);
    struct claim c = take("probe", &task);
    json_decref(task);
    done(&c, facts());
    OK(db_write(h.db, ask_in, &q, &err));
    follow();
    assert_string_equal(state_of(&q), "waiting");
    // Ada has had less than the house.
    struct claim index = step("index", &task);
    json_t *ticket = json_object_get(task, "ticket");
    assert_string_equal(json_string_value(json_object_get(ticket, "kind")), "index");
    assert_true(json_is_object(json_object_get(ticket, "facts")));
    json_decref(task);
    follow();
    assert_string_equal(state_of(&q), "running");
    struct claim proxy = take("proxy", &task); // the segments wait for the plan
    json_decref(task);
    make_proxies(&proxy, "scrub");
    struct error why;
    enum outcome o;
    error_set(&why, ERROR_UNSUPPORTED, "it cannot be made");
    OK(flow_failed(h.flow, index.attempt, index.token, &why, &o, &err));
    follow();
    assert_string_equal(state_of(&q), "failed");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(q.json, "problem"), "title")),
        "it cannot be made");
    const char *job = arena_text(h.a, json_string_value(json_object_get(q.json, "job")));
    OK(order(ORDER_RETRY, job));
    index = step("index", &task);
    json_decref(task);
    assert_int_equal(
        done(&index, json_loads("{\"plan\":{\"frames\":48,\"segments\":[{\"first\":0,\"count\":24},"
                                "{\"first\":24,\"count\":24}]}}",
                                0, NULL)),
        OUTCOME_TAKEN);
    for (int i = 0; i < 2; i++) {
        struct claim segment = step("segment", &task);
        json_t *row = json_object_get(json_object_get(task, "ticket"), "segment");
        assert_int_equal(json_integer_value(json_object_get(row, "first")), 24 * segment.first);
        assert_null(
            json_object_get(json_object_get(json_object_get(task, "ticket"), "plan"), "segments"));
        json_decref(task);
        write_output(&segment, "segment.packets", segment.first ? "second" : "first");
        assert_int_equal(
            done(&segment, json_pack("{s:{s:s, s:i}, s:i, s:[]}", "output", "name",
                                     "segment.packets", "size", 6, "frames", 24, "damage")),
            OUTCOME_TAKEN);
    }
    assert_int_equal(count("select count(*) from delivery_pieces"), 3);
    int64_t kept = count("select count(*) from contents");
    struct claim mux = step("mux", &task);
    json_t *inputs = json_object_get(task, "inputs");
    assert_int_equal(json_array_size(inputs), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(inputs, 0), "size")), 5);
    ticket = json_object_get(task, "ticket");
    assert_string_equal(json_string_value(json_object_get(ticket, "output")), "A001.mov");
    json_decref(task);
    write_output(&mux, "A001.mov", "a master");
    json_t *seen = facts();
    json_object_set_new(seen, "rate", json_string("25"));
    assert_int_equal(done(&mux, json_pack("{s:{s:s, s:i}, s:i, s:o}", "output", "name", "A001.mov",
                                          "size", 8, "frames", 48, "facts", seen)),
                     OUTCOME_TAKEN);
    // What was made on the way is gone: two pieces less, a master more.
    assert_int_equal(count("select count(*) from delivery_pieces"), 0);
    assert_int_equal(count("select count(*) from contents"), kept - 1);
    assert_string_equal(state_of(&q), "done");
    assert_int_equal(json_integer_value(json_object_get(q.json, "size")), 8);
    bool wrong = false;
    size_t i;
    const json_t *check;
    json_array_foreach(json_object_get(q.json, "checks"), i, check) wrong |=
        json_is_false(json_object_get(check, "ok"));
    assert_true(wrong); // 25 is not 24
    assert_int_equal(count("select count(*) from deliveries where problem is not null"), 0);
    json_decref(q.json);
    json_decref(q.profile);
}

static void a_bit_rate_is_weighed_before_it_is_encoded(void **state)
{
    (void)state;
    struct asking q = {0};
    json_t *task;
    OK(profile_load(PROFILES, "web-h264-1080p", &q.profile, &err));
    json_t *video = json_object_get(q.profile, "video");
    json_object_del(json_object_get(video, "options"), "crf");
    json_object_set_new(video, "gop_s", json_integer(1));
    json_object_set_new(video, "segment_s", json_integer(1));
    json_object_set_new(video, "bit_rate", json_integer(1000000));
    struct asset_made m = probed("W001.mov", "a film to be weighed");
    struct claim proxy = take("proxy", &task);
    json_decref(task);
    make_proxies(&proxy, "scrub");
    q.version = m.version.text;
    OK(db_write(h.db, ask_in, &q, &err));
    follow();
    struct claim c = step("index", &task);
    json_decref(task);
    done(&c, json_loads("{\"plan\":{\"frames\":48,\"rate\":\"24/1\",\"segments\":[{\"first\":0,"
                        "\"count\":24},{\"first\":24,\"count\":24}]}}",
                        0, NULL));
    for (int i = 0; i < 2; i++) {
        c = step("weigh", &task);
        json_decref(task);
        // Four million bits at CRF 18, half of it at 26, a quarter at 34.
        assert_int_equal(
            done(&c, json_loads("{\"frames\":24,\"quick\":1000000,\"quick_first\":1000,"
                                "\"first\":[4000,2000,1000]}",
                                0, NULL)),
            OUTCOME_TAKEN);
    }
    c = step("segment", &task);
    json_t *row = json_object_get(json_object_get(task, "ticket"), "segment");
    assert_string_equal(json_string_value(json_object_get(row, "crf")), "34.00");
    json_decref(task);
    json_decref(q.json);
    json_decref(q.profile);
}

struct checking {
    const char *version;
    int64_t number;
    json_t *rules, *json;
    id made;
};
static bool qc_ask_in(struct db_tx *tx, void *context, struct error *e)
{
    struct checking *q = context;
    return qc_report_make(tx, q->version, q->rules, "Ada", clock_now_ms(), &q->made, e);
}
static bool qc_get_in(struct db_tx *tx, void *context, struct error *e)
{
    struct checking *q = context;
    json_decref(q->json);
    return qc_report_get(tx, q->made.text, &q->json, e);
}
static bool qc_waive_in(struct db_tx *tx, void *context, struct error *e)
{
    struct checking *q = context;
    return qc_waive(tx, q->made.text, q->number, "meant so", "Grace", clock_now_ms(), e);
}
static bool qc_approve_in(struct db_tx *tx, void *context, struct error *e)
{
    struct checking *q = context;
    return qc_approve(tx, q->made.text, "Grace", clock_now_ms(), e);
}
static const char *report_state(struct checking *q)
{
    OK(db_read(h.db, qc_get_in, q, &err));
    return json_string_value(json_object_get(q->json, "state"));
}

// Two seconds of which one frame did not decode.
static void write_measurement(const struct claim *c)
{
    struct measure_frame frames[48] = {{0}};
    frames[20].flags = MEASURE_LOST;
    struct measure m = {
        .summary = json_pack("{s:[]}", "tracks"), .rate = {24, 1}, .frames = 48, .at = frames};
    struct buf file = BUF_LIMIT(1 << 20);
    char path[256];
    measure_write(&m, &file);
    snprintf(path, sizeof(path), "%s/%s/measure.phm", h.scratch, c->attempt);
    OK(file_write(path, file.at, file.size, 0644, &err));
    buf_free(&file);
    json_decref(m.summary);
}

static void a_version_is_checked_and_a_person_says_yes_to_what_was_found(void **state)
{
    (void)state;
    struct checking q = {0};
    json_t *task;
    OK(qc_rules_load(RULES, "broadcast", &q.rules, &err));
    struct asset_made made = bring("A001.mov", "clip", "a film", 1, NULL);
    q.version = made.version.text;
    assert_false(db_write(h.db, qc_ask_in, &q, &err)); // nobody has looked at it
    assert_int_equal(err.kind, ERROR_CONFLICT);
    struct claim c = take("probe", &task);
    json_decref(task);
    done(&c, facts());
    c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "scrub");
    OK(db_write(h.db, qc_ask_in, &q, &err));
    assert_string_equal(report_state(&q), "waiting");
    assert_false(db_write(h.db, qc_approve_in, &q, &err));
    c = take("qc", &task);
    const json_t *ticket = json_object_get(task, "ticket");
    assert_string_equal(json_string_value(json_object_get(ticket, "kind")), "measure");
    json_decref(task);
    follow();
    assert_string_equal(report_state(&q), "running");
    write_measurement(&c);
    assert_int_equal(done(&c, json_pack("{s:[{s:s, s:s, s:i}], s:i}", "outputs", "kind", "measure",
                                        "name", "measure.phm", "size", 1, "frames", 48)),
                     OUTCOME_TAKEN);
    assert_string_equal(report_state(&q), "done");
    assert_string_equal(json_string_value(json_object_get(q.json, "verdict")), "fix");
    const json_t *f = json_array_get(json_object_get(q.json, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(f, "rule")), "decode");
    assert_int_equal(json_integer_value(json_object_get(f, "from")), 20);
    // its pictures are a job of their own, of the frames where findings begin
    c = take("stills", &task);
    ticket = json_object_get(task, "ticket");
    assert_string_equal(json_string_value(json_object_get(ticket, "kind")), "stills");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(ticket, "frames"), 0)), 20);
    json_decref(task);
    char path[256];
    snprintf(path, sizeof(path), "%s/%s/frame-0000020.jpg", h.scratch, c.attempt);
    OK(file_write(path, "jpeg", 4, 0644, &err));
    assert_int_equal(done(&c, json_pack("{s:[{s:s, s:s, s:i}]}", "outputs", "kind", "still", "name",
                                        "frame-0000020.jpg", "size", 4)),
                     OUTCOME_TAKEN);
    report_state(&q);
    f = json_array_get(json_object_get(q.json, "findings"), 0);
    assert_true(json_is_true(json_object_get(f, "picture")));
    assert_false(db_write(h.db, qc_approve_in, &q, &err)); // something is to be mended
    assert_int_equal(err.kind, ERROR_CONFLICT);
    q.number = 99;
    assert_false(db_write(h.db, qc_waive_in, &q, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    size_t all = json_array_size(json_object_get(q.json, "findings"));
    for (q.number = 0; q.number < (int64_t)all; q.number++) {
        OK(db_write(h.db, qc_waive_in, &q, &err));
        assert_false(db_write(h.db, qc_waive_in, &q, &err)); // once
    }
    OK(db_write(h.db, qc_approve_in, &q, &err));
    assert_false(db_write(h.db, qc_approve_in, &q, &err));
    report_state(&q);
    assert_string_equal(json_string_value(json_object_get(q.json, "approved_by")), "Grace");
    f = json_array_get(json_object_get(q.json, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(f, "waived_by")), "Grace");
    json_decref(q.json);
    json_decref(q.rules);
}

// ---- notes that go on

static bool note_in(struct db_tx *tx, void *context, struct error *e)
{
    static const struct who ada = {.kind = WHO_PERSON, .person = "ADA", .name = "Ada"};
    const struct asset_made *m = context;
    json_t *made = NULL;
    json_t *wish =
        json_pack("{s:s, s:i, s:s}", "version", m->version.text, "frame", 20, "text", "too loud");
    bool ok = db_run(tx, e,
                     "insert into people (id, name, email, admin, disabled, created_ms) values "
                     "('ADA', 'Ada', 'ada@x', 0, 0, 1)",
                     "") &&
              comment_add(tx, m->asset.text, &ada, wish, &made, e);
    json_decref(wish);
    json_decref(made);
    return ok;
}

// Two versions whose proxies an older program made, the first one with a note on frame 20.
static struct asset_made two_without_prints(void)
{
    json_t *task;
    struct asset_made first = probed("cut.mov", "a film");
    struct claim c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "scrub");
    OK(db_write(h.db, note_in, &first, &err));
    struct asset_made second = probed_to(first.asset.text, "cut2.mov", "a shorter film");
    c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "shorter scrub");
    return second;
}

// 40 frames that look like none of the others, from `from` of them.
static enum outcome give_prints(const struct claim *c, unsigned from)
{
    uint8_t bytes[PRINTS_HEAD + 40 * PRINT_BYTES];
    char path[256];
    prints_head(40, bytes);
    for (unsigned i = 0; i < 40; i++) {
        uint64_t look = (from + i + 1) * 0x9e3779b97f4a7c15u;
        print_write((print){look, ~look * 31}, bytes + PRINTS_HEAD + i * PRINT_BYTES);
    }
    snprintf(path, sizeof(path), "%s/%s/prints.dat", h.scratch, c->attempt);
    OK(file_write(path, bytes, sizeof(bytes), 0644, &err));
    return done(c, json_pack("{s:[{s:s, s:s, s:i}], s:i}", "outputs", "kind", "prints", "name",
                             "prints.dat", "size", (int)sizeof(bytes), "frames", 40));
}

static void notes_wait_for_prints_that_older_proxies_lack(void **state)
{
    (void)state;
    json_t *task;
    struct asset_made second = two_without_prints();
    assert_int_equal(count("select count(*) from comments_carried"), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count("select count(*) from comments where origin is not null"), 0);
        struct claim c = take("prints", &task);
        const json_t *ticket = json_object_get(task, "ticket");
        assert_string_equal(json_string_value(json_object_get(ticket, "kind")), "proxy");
        assert_true(json_is_true(json_object_get(ticket, "prints")));
        json_decref(task);
        bool later = strcmp(c.version, second.version.text) == 0;
        assert_int_equal(give_prints(&c, later ? 5 : 0), OUTCOME_TAKEN);
    }
    assert_int_equal(count("select frame from comments where carried = 'picture'"), 15);
    // Beside what the older program made, once for each.
    assert_int_equal(count("select count(*) from derived where kind = 'prints'"), 2);
    assert_int_equal(count("select count(*) from derived"), 6);
    assert_int_equal(count("select count(*) from jobs where state not in ('done')"), 0);
    // The next version finds them there: only its own are made.
    struct asset_made third = probed_to(second.asset.text, "cut3.mov", "another film");
    struct claim c = take("proxy", &task);
    json_decref(task);
    make_proxies(&c, "other scrub");
    c = take("prints", &task);
    json_decref(task);
    assert_string_equal(c.version, third.version.text);
    assert_int_equal(give_prints(&c, 10), OUTCOME_TAKEN);
    assert_int_equal(count("select count(*) from comments where carried = 'picture'"), 2);
    assert_int_equal(count("select min(frame) from comments where carried = 'picture'"), 10);
}

static void without_prints_notes_go_on_by_what_else_is_known(void **state)
{
    (void)state;
    json_t *task;
    two_without_prints();
    for (int i = 0; i < 2; i++) {
        struct claim c = take("prints", &task);
        json_decref(task);
        assert_int_equal(count("select count(*) from comments_left"), 0);
        OK(order(ORDER_CANCEL, c.job));
        follow();
    }
    assert_int_equal(count("select count(*) from comments_left"), 1);
    assert_int_equal(count("select count(*) from comments_carried"), 1);
}

static void profiles_suit_what_they_are_asked_for(void **state)
{
    (void)state;
    struct asking q = {0};
    assert_false(profile_load(PROFILES, "nothing", &q.profile, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.fix, "web-h264-1080p"));
    assert_false(profile_load(PROFILES, "../profiles/wav-48k24", &q.profile, &err));
    json_t *list;
    OK(profile_list(PROFILES, &list, &err));
    assert_true(json_array_size(list) >= 4);
    json_decref(list);
    OK(profile_load(PROFILES, "wav-48k24", &q.profile, &err));
    struct asset_made silent = probed("A001.mov", "a silent film");
    q.version = silent.version.text;
    assert_false(db_write(h.db, ask_in, &q, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.why, "sound: wanted there, seen none"));
    json_decref(q.profile);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_house, close_house)
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_clip_becomes_ready),
        T(what_was_made_once_is_taken_over),
        T(two_that_were_made_at_once_share_the_first_set),
        T(documents_and_strangers_are_no_failures),
        T(cancelled_and_tried_again),
        T(sequences_say_what_they_are),
        T(an_event_is_followed_once_though_the_house_forgets_where_it_was),
        T(a_result_that_is_said_again_counts_once),
        T(a_house_that_died_while_taking_finds_it_all_again),
        T(a_stale_result_leaves_nothing),
        T(what_lies_in_scratch_without_an_attempt_goes),
        T(results_from_a_worker_gone_mad_are_refused),
        T(a_delivery_is_made_and_checked),
        T(a_bit_rate_is_weighed_before_it_is_encoded),
        T(a_version_is_checked_and_a_person_says_yes_to_what_was_found),
        T(profiles_suit_what_they_are_asked_for),
        T(notes_wait_for_prints_that_older_proxies_lack),
        T(without_prints_notes_go_on_by_what_else_is_known),
    };
    return RUN_TESTS(tests);
}
