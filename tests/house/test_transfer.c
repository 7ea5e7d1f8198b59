#include "test.h"

#include "house/assets/assets.h"
#include "house/transfer/line.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"

#include <pthread.h>
#include <time.h>

#define PROJECT "01J0000000000000000000PR01"
#define OTHER "01J0000000000000000000PR02"
#define PERSON "01J0000000000000000000PE01"

static char folder[64];
static struct db *db;
static struct store *store;
static struct transfers *transfers;
static struct arena *arena;
static struct error err;

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s: %s", err.what, err.why);
}

static bool fill(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return project_make(tx, PROJECT, "one", "24/1", e) &&
           project_make(tx, OTHER, "two", "25/1", e) &&
           db_run(tx, e, "insert into people values (?1, 'Ann', 'ann@example.org', null, 0, 0, 0)",
                  "s", PERSON) &&
           db_run(tx, e, "insert into members values (?1, ?2, 'editor', 0)", "ss", PROJECT, PERSON);
}

static void house_open(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/db", folder);
    db = db_open(&(struct db_wish){.path = path, .migrations = MIGRATIONS}, &err);
    must(db != NULL);
    snprintf(path, sizeof(path), "%s/store", folder);
    store = store_open(&(struct store_wish){.folder = path, .db = db, .reserve_bytes = -1}, &err);
    must(store != NULL);
    transfers = transfers_open(&(struct transfers_wish){db, store}, &err);
    must(transfers != NULL);
}

static void house_close(void)
{
    transfers_close(transfers);
    store_close(store);
    db_close(db);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/posthouse-transfer-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_open(256 << 20);
    house_open();
    must(db_write(db, fill, NULL, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    house_close();
    arena_close(arena);
    return folder_remove(folder, &err) ? 0 : -1;
}

static const char *begin(const char *project)
{
    char made[27];
    struct transfer_wish wish = {
        .project = project, .name = "day 1", .origin = "put", .person = PERSON};
    must(transfer_begin(transfers, &wish, made, &err));
    return arena_text(arena, made);
}

static struct transfer_file file(const char *transfer, const char *path, int64_t size)
{
    struct transfer_file f;
    struct transfer_file_wish wish = {.path = path, .size = size};
    must(transfer_file_begin(transfers, transfer, &wish, arena, &f, &err));
    return f;
}

static void send_small(const char *transfer, const char *const *paths, size_t count)
{
    struct small_file *list = ARENA_ARRAY(arena, struct small_file, count);
    struct transfer_file *made;
    size_t made_count;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct small_file){.path = paths[i],
                                      .bytes = text_of(paths[i]),
                                      .hash = sha256_of(paths[i], strlen(paths[i]))};
    must(transfer_small(transfers, transfer, list, count, arena, &made, &made_count, &err));
}

struct asset_seen {
    char name[64], kind[16], folder[64];
    int64_t files;
    const char *facts;
};
struct assets_seen {
    const char *project;
    struct asset_seen list[64];
    size_t count;
};

static bool look(struct db_tx *tx, void *context, struct error *e)
{
    struct assets_seen *s = context;
    s->count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select a.name, a.kind, coalesce(f.name, ''), v.file_count, coalesce(v.facts, v.known) "
        "from assets a join "
        "versions v on v.id = a.newest left join folders f on f.id = a.folder where a.project = ?1 "
        "order by a.sort_name, a.id",
        "s", s->project);
    while (db_next(rows) && s->count < 64) {
        struct asset_seen *a = &s->list[s->count++];
        text_copy(text_of(db_text(rows, 0)), a->name, sizeof(a->name));
        text_copy(text_of(db_text(rows, 1)), a->kind, sizeof(a->kind));
        text_copy(text_of(db_text(rows, 2)), a->folder, sizeof(a->folder));
        a->files = db_int(rows, 3);
        a->facts = arena_text(arena, db_text(rows, 4));
    }
    return db_end(rows, e);
}

static struct assets_seen *assets(const char *project)
{
    struct assets_seen *s = ARENA_NEW(arena, struct assets_seen);
    s->project = project;
    must(db_read(db, look, s, &err));
    return s;
}

// ---- names

static void names_that_can_not_be_kept_are_refused_naming_the_rule(void **state)
{
    (void)state;
    char part[300], whole[5000];
    memset(part, 'x', sizeof(part));
    part[256] = 0;
    memset(whole, 'y', sizeof(whole));
    for (size_t i = 100; i < sizeof(whole); i += 101)
        whole[i] = '/';
    whole[4097] = 0;
    const struct {
        const char *path, *why;
    } bad[] = {
        {"", "empty"},
        {"/etc/passwd", "absolute"},
        {"..", "\"..\""},
        {"a/../b", "\"..\""},
        {"a/./b", "\".\""},
        {"a//b", "empty part"},
        {"a/", "empty part"},
        {"a\nb", "control character"},
        {"a\tb", "control character"},
        {"a\x7f", "control character"},
        {"\xff\xfe", "UTF-8"},
        {"a/\xed\xa0\x80", "UTF-8"},
        {part, "255 bytes"},
        {whole, "4,096"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error_clear(&err);
        if (transfer_path_check(text_of(bad[i].path), &err))
            fail_msg("%s was taken", bad[i].path);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (!strstr(err.why, bad[i].why))
            fail_msg("%s: %s", bad[i].path, err.why);
        assert_true(err.fix[0] && text_utf8(text_of(err.what)));
    }
    assert_false(transfer_path_check((text){"a\0b", 3}, &err));
    part[255] = 0;
    static const char *const good[] = {
        "a",   "A001 take 3.mov", "caf\xc3\xa9/\xe6\x98\xa0\xe7\x94\xbb.mov", "..a/b..",
        "\\x", "a'\"$(x)"};
    assert_true(transfer_path_check(text_of(part), &err));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(transfer_path_check(text_of(good[i]), &err));
    assert_true(transfer_path_hidden(text_of("a/.DS_Store")));
    assert_true(transfer_path_hidden(text_of("a/._clip.mov")));
    assert_true(transfer_path_hidden(text_of("THUMBS.DB")));
    assert_false(transfer_path_hidden(text_of("a/.gitignore")));
}

// ---- files in chunks

static void a_file_becomes_an_asset_when_it_is_stored_and_a_restart_loses_nothing(void **state)
{
    (void)state;
    const char *t = begin(PROJECT);
    struct transfer_file f = file(t, "card/A001.mov", 5);
    sha256 hash = sha256_of("hello", 5), content = sha256_of(hash.at, 32), wrong = hash;
    must(transfer_put_chunk(transfers, f.id, 0, "hello", 5, &hash, &err));
    house_close();
    house_open();
    struct transfer_file again = file(t, "card/A001.mov", 5);
    assert_string_equal(again.id, f.id);
    assert_int_equal(again.received, 5);
    assert_false(transfer_commit(transfers, f.id, &wrong, arena, &again, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    assert_int_equal(assets(PROJECT)->count, 0);
    must(transfer_commit(transfers, f.id, &content, arena, &again, &err));
    assert_string_equal(again.state, "stored");
    must(transfer_commit(transfers, f.id, &content, arena, &again, &err)); // a repeat
    struct assets_seen *s = assets(PROJECT);
    assert_int_equal(s->count, 1);
    assert_string_equal(s->list[0].name, "A001.mov");
    assert_string_equal(s->list[0].kind, "clip");
    assert_string_equal(s->list[0].folder, "card");
    struct transfer seen;
    must(transfer_get(transfers, t, arena, &seen, &err));
    assert_int_equal(seen.files_done, 1);
    assert_int_equal(seen.bytes_done, 5);
    assert_string_equal(seen.by, "Ann");
}

static void two_uploads_of_one_path_share_the_file_and_the_second_writer_waits(void **state)
{
    (void)state;
    const char *t = begin(PROJECT);
    struct transfer_file one, two;
    struct transfer_file_wish wish = {.path = "x.mov", .size = 5, .key = "ann"};
    must(transfer_file_begin(transfers, t, &wish, arena, &one, &err));
    wish.key = "ben";
    assert_false(transfer_file_begin(transfers, t, &wish, arena, &two, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_true(err.why[0] && err.fix[0]);
    wish.key = "ann";
    must(transfer_file_begin(transfers, t, &wish, arena, &two, &err));
    assert_string_equal(one.id, two.id);
    clock_shift_ms(61000); // ann has gone away
    wish.key = "ben";
    must(transfer_file_begin(transfers, t, &wish, arena, &two, &err));
    clock_shift_ms(-61000);
    assert_string_equal(one.id, two.id);
}

static void chunks_are_shared_only_with_those_who_may_download_them(void **state)
{
    (void)state;
    char *bytes = arena_take(arena, 2 << 20);
    memset(bytes, 7, 2 << 20);
    sha256 hash = sha256_of(bytes, 2 << 20), content = sha256_of(hash.at, 32);
    struct transfer_file out, f = file(begin(PROJECT), "a.mov", 2 << 20);
    must(transfer_put_chunk(transfers, f.id, 0, bytes, 2 << 20, &hash, &err));
    must(transfer_commit(transfers, f.id, &content, arena, &out, &err));

    struct who ann = {.kind = WHO_PERSON, .person = PERSON, .session = ""},
               stranger = {.kind = WHO_PERSON, .person = OTHER, .session = ""};
    struct transfer_chunk chunk = {0, hash};
    int64_t missing[1];
    size_t count;
    struct transfer_file g = file(begin(OTHER), "b.mov", 2 << 20);
    must(transfer_claim(transfers, g.id, &stranger, &chunk, 1, missing, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(missing[0], 0);
    must(transfer_claim(transfers, g.id, &ann, &chunk, 1, missing, &count, &err));
    assert_int_equal(count, 0);
    must(transfer_commit(transfers, g.id, &content, arena, &out, &err));
    struct store_numbers n;
    must(store_numbers(store, &n, &err));
    assert_int_equal(n.bytes, 2 << 20); // kept once
}

struct committing {
    const char *file;
    const sha256 *content;
    pthread_barrier_t *start;
    bool ok;
    struct error err;
};

static void *commit_one(void *context)
{
    struct committing *c = context;
    struct transfer_file out;
    struct arena *a = arena_open((size_t)1 << 20);
    pthread_barrier_wait(c->start);
    c->ok = transfer_commit(transfers, c->file, c->content, a, &out, &c->err) &&
            strcmp(out.state, "stored") == 0;
    arena_close(a);
    return NULL;
}

// Whoever heard nothing asks again, while the house is at it.
static void a_file_that_many_commit_at_once_is_stored_for_all(void **state)
{
    (void)state;
    enum { MANY = 6 };
    char *bytes = arena_take(arena, 2 << 20);
    memset(bytes, 9, 2 << 20);
    sha256 hash = sha256_of(bytes, 2 << 20), content = sha256_of(hash.at, 32);
    struct transfer_file f = file(begin(PROJECT), "many.mov", 2 << 20);
    must(transfer_put_chunk(transfers, f.id, 0, bytes, 2 << 20, &hash, &err));
    struct committing of[MANY];
    pthread_t threads[MANY];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, MANY);
    for (int i = 0; i < MANY; i++) {
        of[i] = (struct committing){f.id, &content, &start, false, {0}};
        assert_int_equal(pthread_create(&threads[i], NULL, commit_one, &of[i]), 0);
    }
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < MANY; i++)
        if (!of[i].ok)
            fail_msg("%s: %s", of[i].err.what, of[i].err.why);
    struct assets_seen *s = assets(PROJECT);
    assert_int_equal(s->count, 1);
}

static void a_file_that_changed_begins_anew(void **state)
{
    (void)state;
    const char *t = begin(PROJECT);
    struct transfer_file f = file(t, "x.mov", 5);
    sha256 hash = sha256_of("hello", 5);
    must(transfer_put_chunk(transfers, f.id, 0, "hello", 5, &hash, &err));
    struct transfer_file g = file(t, "x.mov", 6);
    assert_string_equal(f.id, g.id);
    assert_int_equal(g.received, 0);
    assert_int_equal(g.size, 6);
}

// ---- streams

static void a_stream_is_stored_when_its_last_byte_is_there(void **state)
{
    (void)state;
    struct transfer_file f = file(begin(PROJECT), "take.wav", 10);
    int64_t offset;
    bool stored;
    must(transfer_append(transfers, f.id, 0, "01234", 5, &err));
    must(transfer_append_sync(transfers, f.id, &offset, &stored, &err));
    assert_int_equal(offset, 5);
    assert_false(stored);
    assert_false(transfer_append(transfers, f.id, 4, "4", 1, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    house_close();
    house_open();
    must(transfer_append(transfers, f.id, 5, "56789", 5, &err));
    must(transfer_append_sync(transfers, f.id, &offset, &stored, &err));
    assert_true(stored);
    struct assets_seen *s = assets(PROJECT);
    assert_int_equal(s->count, 1);
    assert_string_equal(s->list[0].kind, "sound");
    assert_false(transfer_abandon(transfers, f.id, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

// ---- sequences, cards, small files

static void numbered_pictures_become_one_asset_when_the_transfer_closes(void **state)
{
    (void)state;
    const char *t = begin(PROJECT);
    static const char *const paths[] = {
        "vfx/sh010.1001.exr", "vfx/sh010.1002.exr", "vfx/sh010.1005.exr",
        "vfx/sh010.1001.jpg", "vfx/sh010.1002.jpg", "other/sh010.1003.exr",
        "notes.txt",          "vfx/.DS_Store",      "._notes.txt"};
    send_small(t, paths, 9);
    struct assets_seen *s = assets(PROJECT);
    assert_int_equal(s->count, 1); // what need not wait does not
    assert_string_equal(s->list[0].name, "notes.txt");
    assert_string_equal(s->list[0].kind, "document");
    must(transfer_close(transfers, t, &err));
    must(transfer_close(transfers, t, &err));
    s = assets(PROJECT);
    assert_int_equal(s->count, 4);
    const struct asset_seen *exr = NULL, *still = NULL;
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].files == 3)
            exr = &s->list[i];
        if (strcmp(s->list[i].kind, "still") == 0)
            still = &s->list[i];
    }
    assert_non_null(exr);
    assert_string_equal(exr->name, "sh010.####.exr");
    assert_string_equal(exr->kind, "sequence");
    assert_string_equal(exr->folder, "vfx");
    assert_non_null(strstr(exr->facts, "\"missing\":[1003,1004]"));
    assert_non_null(still);
    assert_string_equal(still->name, "sh010.1003.exr");
    struct transfer seen;
    must(transfer_get(transfers, t, arena, &seen, &err));
    assert_string_equal(seen.state, "closed");
    assert_int_equal(seen.skipped, 2);
    struct transfer_file f;
    struct transfer_file_wish wish = {.path = "late.mov", .size = 1};
    assert_false(transfer_file_begin(transfers, t, &wish, arena, &f, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void a_transfer_that_rests_is_closed_by_the_sweep(void **state)
{
    (void)state;
    const char *t = begin(PROJECT);
    static const char *const paths[] = {"a.0001.png", "a.0002.png"};
    send_small(t, paths, 2);
    must(transfers_sweep(transfers, &err));
    assert_int_equal(assets(PROJECT)->count, 0);
    clock_shift_ms(TRANSFER_REST_MS + 1000);
    must(transfers_sweep(transfers, &err));
    clock_shift_ms(-TRANSFER_REST_MS - 1000);
    assert_int_equal(assets(PROJECT)->count, 1);
}

static void an_empty_file_is_kept_as_a_document_with_a_problem(void **state)
{
    (void)state;
    struct transfer_file out, f = file(begin(PROJECT), "empty.mov", 0);
    sha256 nothing = sha256_of("", 0);
    must(transfer_commit(transfers, f.id, &nothing, arena, &out, &err));
    assert_non_null(strstr(out.problem, "no bytes"));
    struct assets_seen *s = assets(PROJECT);
    assert_int_equal(s->count, 1);
    assert_string_equal(s->list[0].kind, "document");
}

static void a_batch_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    char body[400];
    const char *header = "{\"files\":[{\"path\":\"a.txt\",\"size\":2,\"hash\":"
                         "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}";
    struct small_file *list;
    size_t count, size = strlen(header);
    uint8_t le[4] = {(uint8_t)size, (uint8_t)(size >> 8), 0, 0};
    memcpy(body, le, 4);
    memcpy(body + 4, header, size);
    memcpy(body + 4 + size, "abc", 3);
    must(small_parse((text){body, size + 6}, arena, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].path, "a.txt");
    for (size_t cut = 0; cut < size + 6; cut++)
        assert_false(small_parse((text){body, cut}, arena, &list, &count, &err));
    assert_false(small_parse((text){body, size + 7}, arena, &list, &count, &err));
    must(small_parse((text){body, size + 6}, arena, &list, &count, &err));
    struct transfer_file *made;
    assert_false(
        transfer_small(transfers, begin(PROJECT), list, count, arena, &made, &count, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    assert_int_equal(assets(PROJECT)->count, 0);
}

struct versions_seen {
    const char *name;
    id asset;
    int64_t versions, assets;
};
static bool look_at_versions(struct db_tx *tx, void *context, struct error *e)
{
    struct versions_seen *s = context;
    struct db_rows *rows =
        db_query(tx, "select id, versions from assets where project = ?1 and name = ?2", "ss",
                 PROJECT, s->name);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), s->asset.text, sizeof(s->asset.text));
        s->versions = db_int(rows, 1);
    }
    return db_end(rows, e) &&
           db_one_int(tx, &s->assets, 0, e, "select count(*) from assets where project = ?1", "s",
                      PROJECT);
}

static void what_is_brought_in_for_an_asset_becomes_its_next_version(void **state)
{
    (void)state;
    struct versions_seen s = {.name = "cut v1.txt"};
    char made[27];
    const char *transfer = begin(PROJECT);
    send_small(transfer, (const char *[]){"cut v1.txt"}, 1);
    must(db_read(db, look_at_versions, &s, &err));
    assert_int_equal(s.versions, 1);
    struct transfer_wish wish = {.project = PROJECT,
                                 .name = "again",
                                 .asset = s.asset.text,
                                 .origin = "page",
                                 .person = PERSON};
    must(transfer_begin(transfers, &wish, made, &err));
    send_small(made, (const char *[]){"a folder/cut v2.txt"}, 1);
    must(transfer_close(transfers, made, &err));
    must(db_read(db, look_at_versions, &s, &err));
    assert_int_equal(s.versions, 2);
    assert_int_equal(s.assets, 1);
    assert_string_equal(assets(PROJECT)->list[0].name, "cut v1.txt"); // it keeps its name and place
    assert_string_equal(assets(PROJECT)->list[0].folder, "");

    // Of an asset of another project, or of none, it is refused before a byte is sent.
    wish.project = OTHER;
    assert_false(transfer_begin(transfers, &wish, made, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(err.fix[0]);
}

static bool wanted_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return db_run(tx, e, "update projects set version_names = 1 where id = ?1", "s", PROJECT);
}

// "name kind versions" of all, in order.
static bool names_in(struct db_tx *tx, void *context, struct error *e)
{
    struct buf *b = context;
    b->size = 0;
    struct db_rows *rows = db_query(tx,
                                    "select name, versions from assets where project = ?1 order by "
                                    "folder, sort_name, id",
                                    "s", PROJECT);
    while (db_next(rows))
        buf_format(b, "%s:%lld ", db_text(rows, 0), (long long)db_int(rows, 1));
    return db_end(rows, e);
}

static void names_that_differ_in_their_version_are_versions_where_a_project_says_so(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(4096);
    send_small(begin(PROJECT), (const char *[]){"sc10_v001.txt", "sc10_v002.txt"}, 2);
    must(db_read(db, names_in, &b, &err));
    assert_string_equal(b.at, "sc10_v001.txt:1 sc10_v002.txt:1 ");
    must(db_write(db, wanted_in, NULL, &err));
    // Of two that were there the one made last goes on. Other words, another ending, another
    // folder: others.
    send_small(begin(PROJECT),
               (const char *[]){"sc10_V3.txt", "sc101_v001.txt", "sc10_v004.pdf",
                                "sc10_comp_v2.txt", "other/sc10_v005.txt", "v006.txt",
                                "sc10v007.txt"},
               7);
    must(db_read(db, names_in, &b, &err));
    assert_string_equal(b.at, "sc10_comp_v2.txt:1 sc10_v001.txt:1 sc10_v002.txt:2 sc10_v004.pdf:1 "
                              "sc10v007.txt:1 sc101_v001.txt:1 v006.txt:1 sc10_v005.txt:1 ");
    const char *transfer = begin(PROJECT);
    send_small(transfer,
               (const char *[]){"plate.v1.0001.png", "plate.v1.0002.png", "plate.v2.0001.png",
                                "plate.v2.0002.png"},
               4);
    must(transfer_close(transfers, transfer, &err));
    must(db_read(db, names_in, &b, &err));
    assert_non_null(strstr(b.at, "plate.v1.####.png:2 "));
    buf_free(&b);
}

static void inputs_of_a_job_become_no_assets(void **state)
{
    (void)state;
    static const char *const paths[] = {"show/a.pov", "show/maps/wood.0001.png",
                                        "show/maps/wood.0002.png"};
    char made[27];
    struct transfer_wish wish = {
        .project = PROJECT, .name = "inputs", .origin = "job", .person = PERSON};
    must(transfer_begin(transfers, &wish, made, &err));
    send_small(made, paths, 3);
    must(transfer_close(transfers, made, &err));
    clock_shift_ms(TRANSFER_REST_MS + 1000);
    must(transfers_sweep(transfers, &err));
    assert_int_equal(assets(PROJECT)->count, 0);
    struct transfer *list;
    size_t count;
    must(transfer_list(transfers, PROJECT, 10, arena, &list, &count, &err));
    assert_int_equal(count, 0); // people did not bring these in
    struct transfer one;
    must(transfer_get(transfers, made, arena, &one, &err));
    assert_int_equal(one.files_done, 3);
}

struct limit {
    const char *scope, *subject;
    int64_t bytes;
};

static bool limit_in(struct db_tx *tx, void *context, struct error *e)
{
    const struct limit *l = context;
    return quota_set(tx, l->scope, l->subject, l->bytes, e);
}

static void limited(const char *scope, const char *subject, int64_t bytes)
{
    struct limit l = {scope, subject, bytes};
    must(db_write(db, limit_in, &l, &err));
}

static bool begins(const char *transfer, const char *path, int64_t size)
{
    struct transfer_file f;
    struct transfer_file_wish wish = {.path = path, .size = size};
    error_clear(&err);
    return transfer_file_begin(transfers, transfer, &wish, arena, &f, &err);
}

static void a_quota_counts_what_is_there_and_what_is_on_its_way(void **state)
{
    (void)state;
    static const char *const paths[] = {"a.txt", "b.txt"}; // ten bytes
    const char *transfer = begin(PROJECT), *other = begin(OTHER);
    send_small(transfer, paths, 2);
    limited("project", PROJECT, 100);
    assert_true(begins(transfer, "one.mov", 60));
    assert_false(begins(transfer, "two.mov", 31));
    assert_int_equal(err.kind, ERROR_NO_SPACE);
    assert_true(begins(transfer, "two.mov", 30));
    assert_true(begins(transfer, "two.mov", 29)); // begun anew: its old size does not count
    assert_true(begins(other, "three.mov", 5000));
    limited("person", PERSON, 5000);
    assert_false(begins(other, "four.mov", 1));
    limited("person", PERSON, 0);
    assert_true(begins(other, "four.mov", 1));
    limited("line", "", 5100);
    assert_false(begins(other, "five.mov", 100));
    limited("line", "", 6000);
    assert_true(begins(other, "five.mov", 100));
}

static bool caps_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    id made;
    // 2026-11-27 is a Friday.
    const struct cap_wish list[] = {
        {"line", "", 800000, 1600000, 127, 0, 0},
        {"line", "", 400000, 0, 31, 9 * 60, 18 * 60},
        {"project", PROJECT, 80000, 0, 16, 22 * 60, 6 * 60},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (!cap_add(tx, &list[i], &made, e))
            return false;
    return !cap_add(tx, &(struct cap_wish){"line", "", 0, 0, 127, 0, 0}, &made, e) &&
           !cap_add(tx, &(struct cap_wish){"project", "nobody", 80000, 0, 127, 0, 0}, &made, e);
}

static void caps_follow_their_timetable(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        int64_t line_in, line_out, project_in;
    } cases[] = {{"2026-11-27T08:59:00Z", 100000, 200000, 0}, {"2026-11-27T09:00:00Z", 50000, 200000, 0},
                 {"2026-11-27T18:00:00Z", 100000, 200000, 0}, {"2026-11-27T23:00:00Z", 100000, 200000, 10000},
                 {"2026-11-28T05:59:00Z", 100000, 200000, 10000}, {"2026-11-28T06:00:00Z", 100000, 200000, 0},
                 {"2026-11-28T12:00:00Z", 100000, 200000, 0}};
    setenv("TZ", "UTC", 1);
    tzset();
    struct traffic *t = traffic_open();
    struct line *l = line_open(db, t, clock_now_ms(), &err);
    must(l != NULL);
    must(db_write(db, caps_in, NULL, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t at_ms;
        assert_true(clock_parse(text_of(cases[i].at), &at_ms));
        must(line_turn(l, at_ms, &err));
        assert_int_equal(traffic_cap_of(t, "line", TRAFFIC_IN), cases[i].line_in);
        assert_int_equal(traffic_cap_of(t, "line", TRAFFIC_OUT), cases[i].line_out);
        assert_int_equal(traffic_cap_of(t, "project " PROJECT, TRAFFIC_IN), cases[i].project_in);
    }
    line_close(l);
    traffic_close(t);
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(names_that_can_not_be_kept_are_refused_naming_the_rule),
        T(a_file_becomes_an_asset_when_it_is_stored_and_a_restart_loses_nothing),
        T(two_uploads_of_one_path_share_the_file_and_the_second_writer_waits),
        T(chunks_are_shared_only_with_those_who_may_download_them),
        T(a_file_that_many_commit_at_once_is_stored_for_all),
        T(a_file_that_changed_begins_anew),
        T(a_stream_is_stored_when_its_last_byte_is_there),
        T(numbered_pictures_become_one_asset_when_the_transfer_closes),
        T(a_transfer_that_rests_is_closed_by_the_sweep),
        T(an_empty_file_is_kept_as_a_document_with_a_problem),
        T(a_batch_is_read_whole_or_not_at_all),
        T(what_is_brought_in_for_an_asset_becomes_its_next_version),
        T(names_that_differ_in_their_version_are_versions_where_a_project_says_so),
        T(inputs_of_a_job_become_no_assets),
        T(a_quota_counts_what_is_there_and_what_is_on_its_way),
        T(caps_follow_their_timetable),
    };
    return RUN_TESTS(tests);
}
