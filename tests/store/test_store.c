#include "test.h"

#include "plat/disk.h"
#include "plat/files.h"
#include "plat/ids.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIGRATIONS SOURCE_ROOT "/data/migrations"

struct house {
    char folder[128], store_folder[160], db_path[160];
    struct db *db;
    struct store *store;
    struct disk_record *record;
    struct disk *disk; // when it is not recorded; NULL: the system's
};

// Every place to fail at; else one of two or three.
static bool thorough(void)
{
    const char *size = getenv("POSTHOUSE_TEST_SIZE");
    return size && strcmp(size, "long") == 0;
}

static void house_open(struct house *h)
{
    struct error err;
    struct db_wish wish = {.path = h->db_path, .migrations = MIGRATIONS};
    h->db = db_open(&wish, &err);
    if (!h->db)
        fail_msg("%s: %s", err.what, err.why);
    struct store_wish store = {.folder = h->store_folder,
                               .db = h->db,
                               .reserve_bytes = -1,
                               .disk = h->record ? disk_record_disk(h->record) : h->disk};
    h->store = store_open(&store, &err);
    if (!h->store)
        fail_msg("%s: %s", err.what, err.why);
}

static void house_close(struct house *h)
{
    store_close(h->store);
    db_close(h->db);
    h->store = NULL;
    h->db = NULL;
}

static void house_new(struct house *h)
{
    memset(h, 0, sizeof(*h));
    snprintf(h->folder, sizeof(h->folder), "/tmp/posthouse-store-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->store_folder, sizeof(h->store_folder), "%s/store", h->folder);
    snprintf(h->db_path, sizeof(h->db_path), "%s/db", h->folder);
}

static void house_gone(struct house *h)
{
    struct error err;
    house_close(h);
    assert_true(folder_remove(h->folder, &err));
}

static char *noise(size_t size, unsigned seed)
{
    // At a page's beginning, as the server's buffers are: it is then written past the page cache.
    char *at = aligned_alloc(4096, (size / 4096 + 1) * 4096);
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223;
        at[i] = (char)(x >> 24);
    }
    return at;
}

static bool record(struct db_tx *tx, void *context, struct error *err)
{
    return store_record(tx, context, err);
}

static bool settle(struct house *h, struct store_bytes *b, struct error *err)
{
    bool ok = db_write(h->db, record, b, err);
    store_settle(h->store, b, ok);
    return ok;
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct error *e_ = &err;                                                                   \
        if (!(call))                                                                               \
            fail_msg("%s: %s (%s)", #call, e_->what, e_->why);                                     \
    } while (0)

static void holds(struct house *h, const sha256 *content, const char *bytes, size_t size)
{
    struct error err;
    const struct store_map *map;
    MUST(store_map_open(h->store, content, &map, &err));
    assert_int_equal(map->size, size);
    char *back = malloc(size + 1);
    MUST(store_map_read(map, 0, back, size, &err));
    assert_memory_equal(back, bytes, size);
    free(back);
    store_map_close(h->store, map);
}

static int64_t damaged(struct house *h, bool quick)
{
    struct error err;
    int64_t count;
    struct store_check wish = {.quick = quick};
    MUST(store_check(h->store, &wish, &count, &err));
    return count;
}

static bool use(struct house *h, const char *upload, int64_t number, const sha256 *hash, bool *used,
                struct error *err)
{
    struct store_use one = {number, *hash};
    return store_use_chunks(h->store, upload, &one, 1, used, err);
}

static void chunks_in_any_order_make_a_file_and_survive_a_restart(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    house_new(&h);
    house_open(&h);
    size_t size = (size_t)STORE_CHUNK * 2 + 12345;
    char *bytes = noise(size, 1);
    id up = id_new();
    MUST(store_upload_begin(h.store, up.text, (int64_t)size, &err));
    sha256 last = sha256_of(bytes + 2 * STORE_CHUNK, 12345),
           first = sha256_of(bytes, (size_t)STORE_CHUNK),
           middle = sha256_of(bytes + STORE_CHUNK, (size_t)STORE_CHUNK);
    MUST(store_put_chunk(h.store, up.text, 2, bytes + 2 * STORE_CHUNK, 12345, &last, &err));
    assert_false(store_put_chunk(h.store, up.text, 0, bytes, (size_t)STORE_CHUNK, &last, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    assert_false(store_put_chunk(h.store, up.text, 1, bytes + 2 * STORE_CHUNK, 12345, &last, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    MUST(store_put_chunk(h.store, up.text, 0, bytes, (size_t)STORE_CHUNK, &first, &err));
    struct store_bytes *b;
    assert_false(store_upload_finish(h.store, up.text, &b, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.why, "the first is 1"));
    house_close(&h);
    house_open(&h);
    struct arena *a = arena_open(1 << 20);
    struct store_upload seen;
    MUST(store_upload_state(h.store, up.text, a, &seen, &err));
    assert_int_equal(seen.chunk_count, 2);
    assert_int_equal(seen.chunks[0], 5);
    assert_int_equal(seen.offset, STORE_CHUNK);
    arena_close(a);
    MUST(store_put_chunk(h.store, up.text, 1, bytes + STORE_CHUNK, (size_t)STORE_CHUNK, &middle,
                         &err));
    MUST(store_upload_finish(h.store, up.text, &b, &err));
    sha256 content = *store_bytes_content(b, 0);
    uint8_t hashes[96];
    memcpy(hashes, first.at, 32);
    memcpy(hashes + 32, middle.at, 32);
    memcpy(hashes + 64, last.at, 32);
    sha256 expected = sha256_of(hashes, 96);
    assert_true(sha256_equal(&content, &expected));
    MUST(settle(&h, b, &err));
    holds(&h, &content, bytes, size);
    const struct store_map *map;
    MUST(store_map_open(h.store, &content, &map, &err));
    assert_int_equal(map->count, 1); // contiguous
    store_map_close(h.store, map);
    house_close(&h);
    house_open(&h);
    holds(&h, &content, bytes, size);
    assert_int_equal(damaged(&h, false), 0);

    // The same file again needs no bytes, and leaves no second copy.
    id again = id_new();
    MUST(store_upload_begin(h.store, again.text, (int64_t)size, &err));
    bool used;
    MUST(use(&h, again.text, 0, &first, &used, &err));
    assert_true(used);
    MUST(use(&h, again.text, 1, &middle, &used, &err));
    MUST(use(&h, again.text, 2, &last, &used, &err));
    assert_true(used);
    MUST(store_upload_finish(h.store, again.text, &b, &err));
    assert_true(sha256_equal(store_bytes_content(b, 0), &content));
    MUST(settle(&h, b, &err));
    struct store_numbers n;
    MUST(store_numbers(h.store, &n, &err));
    assert_int_equal(n.bytes, size);
    assert_int_equal(n.uploads, 0);
    free(bytes);
    house_gone(&h);
}

static void a_stream_goes_on_where_it_was_acknowledged(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    house_new(&h);
    house_open(&h);
    size_t size = (size_t)STORE_CHUNK + 3000001;
    char *bytes = noise(size, 2);
    id up = id_new();
    int64_t offset;
    MUST(store_upload_begin(h.store, up.text, -1, &err));
    MUST(store_append(h.store, up.text, 0, bytes, 1000, &err));
    MUST(store_append_sync(h.store, up.text, &offset, &err));
    assert_int_equal(offset, 1000);
    MUST(store_append(h.store, up.text, 1000, bytes + 1000, 5000000, &err));
    assert_false(store_append(h.store, up.text, 1000, bytes + 1000, 10, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    house_close(&h); // not synced: gone
    house_open(&h);
    struct store_upload seen;
    MUST(store_upload_state(h.store, up.text, NULL, &seen, &err));
    assert_int_equal(seen.offset, 1000);
    for (size_t at = 1000; at < size;) {
        size_t part = size - at < 777777 ? size - at : 777777;
        MUST(store_append(h.store, up.text, (int64_t)at, bytes + at, part, &err));
        at += part;
        if (at / 777777 % 3 == 0)
            MUST(store_append_sync(h.store, up.text, &offset, &err));
    }
    MUST(store_append_sync(h.store, up.text, &offset, &err));
    assert_int_equal(offset, size);
    MUST(store_upload_size(h.store, up.text, (int64_t)size, &err));
    struct store_bytes *b;
    MUST(store_upload_finish(h.store, up.text, &b, &err));
    sha256 content = *store_bytes_content(b, 0);
    MUST(settle(&h, b, &err));
    holds(&h, &content, bytes, size);
    free(bytes);
    house_gone(&h);
}

static bool forget(struct db_tx *tx, void *context, struct error *err)
{
    return store_forget(tx, context, err);
}

static void small_files_share_a_pack_and_space_is_given_back(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    house_new(&h);
    house_open(&h);
    text list[50];
    char *bytes[50];
    sha256 contents[50];
    for (unsigned i = 0; i < 50; i++) {
        bytes[i] = noise(1000 + i * 37, 100 + i);
        list[i] = (text){bytes[i], i ? 1000 + i * 37 : 0};
    }
    struct store_bytes *b;
    MUST(store_put_small(h.store, list, 50, &b, &err));
    for (size_t i = 0; i < 50; i++)
        contents[i] = *store_bytes_content(b, i);
    assert_string_equal(sha256_text(&contents[0]).text, // the SHA-256 of nothing
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    MUST(settle(&h, b, &err));
    for (size_t i = 0; i < 50; i++)
        holds(&h, &contents[i], bytes[i], list[i].size);
    house_close(&h);
    house_open(&h);
    for (size_t i = 0; i < 40; i++)
        MUST(db_write(h.db, forget, &contents[i], &err));
    MUST(store_tidy(h.store, NULL, &err));
    for (size_t i = 40; i < 50; i++)
        holds(&h, &contents[i], bytes[i], list[i].size);
    struct store_numbers n;
    MUST(store_numbers(h.store, &n, &err));
    assert_int_equal(n.files, 10);
    assert_int_equal(damaged(&h, true), 0);
    for (size_t i = 40; i < 50; i++)
        MUST(db_write(h.db, forget, &contents[i], &err));
    char packs[256];
    snprintf(packs, sizeof(packs), "%s/packs", h.store_folder);
    int held = store_hold(h.store_folder, &err);
    assert_true(held >= 0);
    MUST(store_tidy(h.store, NULL, &err));
    assert_int_not_equal(rmdir(packs), 0); // a backup reads: all stays
    close(held);
    MUST(store_tidy(h.store, NULL, &err));
    assert_int_equal(rmdir(packs), 0); // none is left
    for (size_t i = 0; i < 50; i++)
        free(bytes[i]);
    house_gone(&h);
}

static void a_finished_file_is_taken_over_and_damage_is_found(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    house_new(&h);
    house_open(&h);
    size_t size = (size_t)STORE_CHUNK + 99;
    char *bytes = noise(size, 3), path[256];
    snprintf(path, sizeof(path), "%s/made", h.folder);
    MUST(file_write(path, bytes, size, 0644, &err));
    struct store_bytes *b;
    MUST(store_adopt(h.store, path, &b, &err));
    sha256 content = *store_bytes_content(b, 0);
    MUST(settle(&h, b, &err));
    assert_int_equal(access(path, F_OK), -1);
    holds(&h, &content, bytes, size);
    MUST(file_write(path, bytes, 500, 0644, &err));
    MUST(store_adopt(h.store, path, &b, &err));
    sha256 small = *store_bytes_content(b, 0);
    MUST(settle(&h, b, &err));
    assert_int_equal(access(path, F_OK), -1);
    holds(&h, &small, bytes, 500);

    const struct store_map *map;
    MUST(store_map_open(h.store, &content, &map, &err));
    chmod(map->runs[0].path, 0600);
    int fd = open(map->runs[0].path, O_WRONLY);
    assert_int_equal(pwrite(fd, "X", 1, STORE_CHUNK + 5), 1);
    close(fd);
    store_map_close(h.store, map);
    assert_int_equal(damaged(&h, false), 1);
    assert_int_equal(damaged(&h, true), 1);
    free(bytes);
    house_gone(&h);
}

// ---- power cuts and disks that fail

static char *large, *little;
enum { LARGE = (8 << 20) + 70001, LITTLE = 3000 };

// A day in small: a stream, a chunk, small files. Marks what was acknowledged. False at the first
// failure.
static bool small_day(struct house *h, const char *stream, const char *chunked, struct error *err)
{
    int64_t offset;
    sha256 first = sha256_of(large, (size_t)STORE_CHUNK),
           rest = sha256_of(large + STORE_CHUNK, 70001);
    text list[2] = {{little, LITTLE}, {little + 1, LITTLE - 1}};
    struct store_bytes *b;
    if (!store_upload_begin(h->store, stream, LARGE, err))
        return false;
    disk_record_mark(h->record, "begun");
    if (!store_append(h->store, stream, 0, large, 70000, err) ||
        !store_append_sync(h->store, stream, &offset, err))
        return false;
    disk_record_mark(h->record, "offset 70000");
    if (!store_upload_begin(h->store, chunked, LARGE, err) ||
        !store_put_chunk(h->store, chunked, 1, large + STORE_CHUNK, 70001, &rest, err))
        return false;
    disk_record_mark(h->record, "chunk 1");
    if (!store_put_small(h->store, list, 2, &b, err) || !settle(h, b, err))
        return false;
    disk_record_mark(h->record, "small");
    if (!store_append(h->store, stream, 70000, large + 70000, LARGE - 70000, err) ||
        !store_append_sync(h->store, stream, &offset, err))
        return false;
    disk_record_mark(h->record, "offset %d", LARGE);
    if (!store_put_chunk(h->store, chunked, 0, large, (size_t)STORE_CHUNK, &first, err))
        return false;
    disk_record_mark(h->record, "chunk 0");
    if (!store_upload_finish(h->store, stream, &b, err) || !settle(h, b, err))
        return false;
    disk_record_mark(h->record, "stored");
    return true;
}

// What a second day after a failure comes to: whatever is there, the same file can be brought in.
static void bring_home(struct house *h, const char *stream)
{
    struct error err;
    struct store_upload seen;
    struct store_bytes *b;
    int64_t offset;
    MUST(store_upload_begin(h->store, stream, LARGE, &err));
    MUST(store_upload_state(h->store, stream, NULL, &seen, &err));
    if (seen.offset < LARGE)
        MUST(store_append(h->store, stream, seen.offset, large + seen.offset,
                          (size_t)(LARGE - seen.offset), &err));
    MUST(store_append_sync(h->store, stream, &offset, &err));
    MUST(store_upload_finish(h->store, stream, &b, &err));
    sha256 content = *store_bytes_content(b, 0);
    MUST(settle(h, b, &err));
    holds(h, &content, large, LARGE);
}

// With what is still in its write-ahead log.
static void copy_database(const char *from, const char *to)
{
    char command[1000];
    snprintf(command, sizeof(command), "cp %s %s && { test ! -f %s-wal || cp %s-wal %s-wal; }",
             from, to, from, from, to);
    assert_int_equal(system(command), 0);
}

static void whatever_was_acknowledged_survives_every_power_cut(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    house_new(&h);
    h.record = disk_record_open();
    house_open(&h);
    size_t start = disk_record_count(h.record);
    char early[192];
    snprintf(early, sizeof(early), "%s/early", h.folder);
    copy_database(h.db_path, early);
    id stream = id_new(), chunked = id_new();
    MUST(small_day(&h, stream.text, chunked.text, &err));
    house_close(&h);
    size_t count = disk_record_count(h.record);
    for (size_t cut = start; cut <= count; cut++) {
        // The rows of "small" and "stored" are the database's to keep (tests/db): here the
        // database is as it was at the beginning, and files without rows must go.
        int64_t offset = -1;
        bool chunk[2] = {false, false}, stored = false;
        for (size_t i = 0; i < cut; i++) {
            const struct disk_step *s = disk_record_at(h.record, i);
            if (s->act != ACT_MARK)
                continue;
            if (strcmp(s->path, "begun") == 0)
                offset = 0;
            sscanf(s->path, "offset %ld", &offset);
            chunk[0] = chunk[0] || strcmp(s->path, "chunk 0") == 0;
            chunk[1] = chunk[1] || strcmp(s->path, "chunk 1") == 0;
            stored = stored || strcmp(s->path, "stored") == 0;
        }
        // Once its rows are committed the upload's log may go.
        bool settled = stored;
        for (size_t i = 0; i < cut && !settled; i++)
            settled = disk_record_at(h.record, i)->act == ACT_UNLINK &&
                      strstr(disk_record_at(h.record, i)->path, stream.text) != NULL;
        for (uint64_t seed = 0; seed < (thorough() ? 3 : 1); seed++) {
            struct house after;
            house_new(&after);
            MUST(disk_record_replay(h.record, cut, seed, h.store_folder, after.store_folder, &err));
            copy_database(early, after.db_path);
            house_open(&after);
            struct store_upload seen;
            if (offset >= 0 && !settled) {
                MUST(store_upload_state(after.store, stream.text, NULL, &seen, &err));
                assert_true(seen.offset >= offset);
            }
            if (chunk[1]) {
                sha256 hash, want = sha256_of(large + STORE_CHUNK, 70001);
                bool there;
                MUST(store_upload_chunk(after.store, chunked.text, 1, &hash, &there, &err));
                assert_true(there && sha256_equal(&hash, &want));
                MUST(store_upload_chunk(after.store, chunked.text, 0, &hash, &there, &err));
                assert_true(there || !chunk[0]);
            }
            if (!settled)
                bring_home(&after, stream.text);
            assert_int_equal(damaged(&after, false), 0);
            house_gone(&after);
        }
    }
    disk_record_close(h.record);
    h.record = NULL;
    assert_true(folder_remove(h.folder, &err));
}

static void a_disk_that_fails_anywhere_leaves_no_half_file_and_works_again(void **state)
{
    (void)state;
    static const int why[] = {ENOSPC, EIO};
    for (int w = 0; w < 2; w++) {
        bool done = false;
        for (int64_t good = 0; !done; good += thorough() ? 1 : 2) {
            assert_true(good < 500);
            struct error err;
            struct house h;
            house_new(&h);
            h.record = disk_record_open();
            house_open(&h);
            id stream = id_new(), chunked = id_new();
            disk_record_fail(h.record, good, why[w], false);
            error_clear(&err);
            done = small_day(&h, stream.text, chunked.text, &err) && !disk_record_failed(h.record);
            if (!done && err.kind != ERROR_NONE) {
                assert_int_equal(err.kind, why[w] == ENOSPC ? ERROR_NO_SPACE : ERROR_IO);
                assert_true(err.fix[0] != 0);
            }
            disk_record_fail(h.record, -1, 0, false);
            bring_home(&h, stream.text); // the same process goes on
            house_close(&h);
            house_open(&h);
            assert_int_equal(damaged(&h, false), 0);
            house_close(&h);
            disk_record_close(h.record);
            assert_true(folder_remove(h.folder, &err));
        }
    }
}

// ---- several threads at one file

enum { TOGETHER = 4 };

struct putting {
    struct house *h;
    const char *upload, *bytes;
    int64_t number;
    pthread_barrier_t *start;
    bool acknowledged;
};

static void *put_one(void *context)
{
    struct putting *p = context;
    struct error err;
    size_t size = p->number == TOGETHER - 1 ? 70001 : (size_t)STORE_CHUNK;
    const char *at = p->bytes + p->number * STORE_CHUNK;
    sha256 hash = sha256_of(at, size);
    pthread_barrier_wait(p->start);
    p->acknowledged = store_put_chunk(p->h->store, p->upload, p->number, at, size, &hash, &err);
    return NULL;
}

static void put_together(struct house *h, const char *upload, const char *bytes,
                         bool acknowledged[TOGETHER])
{
    pthread_t threads[TOGETHER];
    struct putting p[TOGETHER];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, TOGETHER);
    for (int i = 0; i < TOGETHER; i++) {
        p[i] = (struct putting){h, upload, bytes, i, &start, false};
        assert_int_equal(pthread_create(&threads[i], NULL, put_one, &p[i]), 0);
    }
    for (int i = 0; i < TOGETHER; i++) {
        pthread_join(threads[i], NULL);
        acknowledged[i] = acknowledged[i] || p[i].acknowledged;
    }
    pthread_barrier_destroy(&start);
}

// They share syncs, of the bytes and of the log: one that fails must fail for all who shared it,
// and what was acknowledged before and after must be in the log that is read at the next start.
static void chunks_put_together_are_there_or_were_refused(void **state)
{
    (void)state;
    size_t size = (TOGETHER - 1) * (size_t)STORE_CHUNK + 70001;
    char *bytes = noise(size, 11);
    bool failed = true;
    for (int64_t good = 0; failed; good += thorough() ? 3 : 9) {
        assert_true(good < 200);
        struct error err;
        struct house h;
        bool there, acknowledged[TOGETHER] = {false};
        sha256 hash;
        house_new(&h);
        h.record = disk_record_open();
        house_open(&h);
        id upload = id_new();
        MUST(store_upload_begin(h.store, upload.text, (int64_t)size, &err));
        disk_record_fail(h.record, good, EIO, false);
        put_together(&h, upload.text, bytes, acknowledged);
        failed = disk_record_failed(h.record);
        disk_record_fail(h.record, -1, 0, false);
        for (int round = 0; round < 2; round++) {
            if (round || good % 2) { // or the same process goes on
                house_close(&h);
                house_open(&h);
            }
            for (int i = 0; i < TOGETHER; i++) {
                MUST(store_upload_chunk(h.store, upload.text, i, &hash, &there, &err));
                assert_true(there || !acknowledged[i]);
            }
            put_together(&h, upload.text, bytes, acknowledged); // the rest, and again
        }
        struct store_bytes *b;
        MUST(store_upload_finish(h.store, upload.text, &b, &err));
        sha256 content = *store_bytes_content(b, 0);
        MUST(settle(&h, b, &err));
        holds(&h, &content, bytes, size);
        house_close(&h);
        disk_record_close(h.record);
        assert_true(folder_remove(h.folder, &err));
    }
    free(bytes);
}

// ---- the same, from two

struct gate { // a disk whose syncs wait while it is shut
    struct disk disk;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool shut;
    int waiting;
};

static int gate_sync(struct disk *d, int fd)
{
    struct gate *g = (struct gate *)d;
    pthread_mutex_lock(&g->lock);
    g->waiting++;
    pthread_cond_broadcast(&g->changed);
    while (g->shut)
        pthread_cond_wait(&g->changed, &g->lock);
    g->waiting--;
    pthread_mutex_unlock(&g->lock);
    return disk_system()->datasync(disk_system(), fd);
}

static void gate_set(struct gate *g, bool shut)
{
    pthread_mutex_lock(&g->lock);
    g->shut = shut;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void gate_reached(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->waiting)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

struct bringing {
    struct house *h;
    const char *upload, *bytes;
    size_t size;
    struct store_bytes *made;
    bool ok, over;
    struct error err;
};

static void *bring_chunk(void *context)
{
    struct bringing *b = context;
    sha256 hash = sha256_of(b->bytes, b->size);
    b->ok = store_put_chunk(b->h->store, b->upload, 0, b->bytes, b->size, &hash, &b->err);
    __atomic_store_n(&b->over, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *bring_end(void *context)
{
    struct bringing *b = context;
    b->ok = store_upload_finish(b->h->store, b->upload, &b->made, &b->err);
    __atomic_store_n(&b->over, true, __ATOMIC_SEQ_CST);
    return NULL;
}

// Long enough for one that does not wait to have ended; one that waits is right however long it is.
static void look_that_it_waits(struct bringing *b)
{
    for (int i = 0; i < 20 && !__atomic_load_n(&b->over, __ATOMIC_SEQ_CST); i++)
        usleep(10000);
    assert_false(__atomic_load_n(&b->over, __ATOMIC_SEQ_CST));
}

static void a_chunk_or_an_end_that_comes_twice_waits_for_the_first(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    struct gate g = {.disk = *disk_system(),
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    g.disk.datasync = gate_sync;
    house_new(&h);
    h.disk = &g.disk;
    house_open(&h);
    char *bytes = noise((size_t)STORE_CHUNK, 5), *other = noise((size_t)STORE_CHUNK, 6);
    id up = id_new();
    MUST(store_upload_begin(h.store, up.text, STORE_CHUNK, &err));
    struct bringing of[3] = {{.h = &h, .upload = up.text, .bytes = bytes, .size = STORE_CHUNK}};
    of[1] = of[0];
    of[2] = of[0];
    pthread_t threads[3];
    gate_set(&g, true);
    assert_int_equal(pthread_create(&threads[0], NULL, bring_chunk, &of[0]), 0);
    gate_reached(&g);
    assert_int_equal(pthread_create(&threads[1], NULL, bring_chunk, &of[1]), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, bring_end, &of[2]), 0);
    look_that_it_waits(&of[1]);
    look_that_it_waits(&of[2]);
    gate_set(&g, false);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        if (!of[i].ok)
            fail_msg("%d: %s: %s", i, of[i].err.what, of[i].err.why);
    }
    // It is being finished: an end that comes now waits, and finds that there is nothing to end.
    struct bringing late = {.h = &h, .upload = up.text};
    assert_int_equal(pthread_create(&threads[0], NULL, bring_end, &late), 0);
    look_that_it_waits(&late);
    // So do other bytes; the same ones are there.
    struct bringing unlike = {.h = &h, .upload = up.text, .bytes = other, .size = STORE_CHUNK};
    assert_int_equal(pthread_create(&threads[1], NULL, bring_chunk, &unlike), 0);
    look_that_it_waits(&unlike);
    sha256 hash = sha256_of(bytes, (size_t)STORE_CHUNK);
    MUST(store_put_chunk(h.store, up.text, 0, bytes, (size_t)STORE_CHUNK, &hash, &err));
    sha256 content = *store_bytes_content(of[2].made, 0);
    MUST(settle(&h, of[2].made, &err));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_false(late.ok || unlike.ok);
    assert_int_equal(late.err.kind, ERROR_NOT_FOUND);
    assert_int_equal(unlike.err.kind, ERROR_NOT_FOUND);
    holds(&h, &content, bytes, (size_t)STORE_CHUNK);
    free(bytes);
    free(other);
    house_gone(&h);
}

static void *begin_and_put(void *context)
{
    struct putting *p = context;
    struct error err;
    sha256 hash = sha256_of(p->bytes, 70001);
    pthread_barrier_wait(p->start);
    p->acknowledged =
        store_upload_begin(p->h->store, p->upload, p->number, &err) &&
        store_put_chunk(p->h->store, p->upload, TOGETHER - 1, p->bytes, 70001, &hash, &err);
    return NULL;
}

// Whoever begins an upload that another begins too writes nothing over what came meanwhile.
static void an_upload_that_many_begin_keeps_its_chunks(void **state)
{
    (void)state;
    for (int round = 0; round < (thorough() ? 40 : 3); round++) {
        struct error err;
        struct house h;
        pthread_t threads[TOGETHER];
        struct putting p[TOGETHER];
        pthread_barrier_t start;
        bool there;
        sha256 hash;
        size_t size = (TOGETHER - 1) * (size_t)STORE_CHUNK + 70001;
        house_new(&h);
        house_open(&h);
        char *bytes = noise(70001, 12);
        id up = id_new();
        pthread_barrier_init(&start, NULL, TOGETHER);
        for (int i = 0; i < TOGETHER; i++) {
            p[i] = (struct putting){&h, up.text, bytes, (int64_t)size, &start, false};
            assert_int_equal(pthread_create(&threads[i], NULL, begin_and_put, &p[i]), 0);
        }
        for (int i = 0; i < TOGETHER; i++) {
            pthread_join(threads[i], NULL);
            assert_true(p[i].acknowledged);
        }
        pthread_barrier_destroy(&start);
        house_close(&h);
        house_open(&h); // what was acknowledged is in the log that is read now
        MUST(store_upload_chunk(h.store, up.text, TOGETHER - 1, &hash, &there, &err));
        assert_true(there);
        free(bytes);
        house_gone(&h);
    }
}

static void a_house_without_room_refuses_before_the_disk_is_full(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    house_new(&h);
    house_open(&h);
    store_close(h.store);
    struct store_wish wish = {
        .folder = h.store_folder, .db = h.db, .reserve_bytes = (int64_t)1 << 60};
    h.store = store_open(&wish, &err);
    assert_non_null(h.store);
    assert_false(store_upload_begin(h.store, id_new().text, 10, &err));
    assert_int_equal(err.kind, ERROR_NO_SPACE);
    assert_true(err.why[0] && err.fix[0]);
    house_gone(&h);
}

static void refuses(struct house *h, const char *why)
{
    struct error err;
    struct store_wish wish = {.folder = h->store_folder, .db = h->db, .reserve_bytes = -1};
    for (int look_only = 0; look_only < 2; look_only++) {
        wish.look_only = look_only;
        error_clear(&err);
        assert_null(store_open(&wish, &err));
        assert_int_equal(err.kind, ERROR_CONFLICT);
        assert_non_null(strstr(err.why, why));
        assert_true(err.fix[0] != 0);
    }
}

static void another_database(struct house *h, const char *name)
{
    struct error err;
    struct db_wish wish = {.path = name, .migrations = MIGRATIONS};
    db_close(h->db);
    h->db = db_open(&wish, &err);
    assert_non_null(h->db);
}

// Opening a store sweeps what the database does not know. With the wrong one that would be all.
static void a_store_is_not_opened_with_the_wrong_database(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    char empty[192], elsewhere[192], media[192], kept[192];
    house_new(&h);
    house_open(&h);
    snprintf(empty, sizeof(empty), "%s/empty", h.folder);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", h.folder);
    snprintf(media, sizeof(media), "%s", h.store_folder);
    text one = {little, LITTLE};
    struct store_bytes *b;
    MUST(store_put_small(h.store, &one, 1, &b, &err));
    sha256 content = *store_bytes_content(b, 0);
    MUST(settle(&h, b, &err));
    store_close(h.store);

    another_database(&h, empty); // a new one
    refuses(&h, "a new one");
    snprintf(h.store_folder, sizeof(h.store_folder), "%s", elsewhere); // one of another house
    struct store_wish wish = {.folder = elsewhere, .db = h.db, .reserve_bytes = -1};
    h.store = store_open(&wish, &err);
    assert_non_null(h.store);
    store_close(h.store);
    snprintf(h.store_folder, sizeof(h.store_folder), "%s", media);
    refuses(&h, "belongs to another store");

    another_database(&h, h.db_path); // the right one, but the disk is not mounted
    snprintf(kept, sizeof(kept), "%s/kept", h.folder);
    assert_int_equal(rename(media, kept), 0);
    assert_int_equal(mkdir(media, 0750), 0);
    refuses(&h, "none that was looked for is there");
    assert_int_equal(rmdir(media), 0); // nothing was made in it
    assert_int_equal(rename(kept, media), 0);

    wish = (struct store_wish){.folder = media, .db = h.db, .reserve_bytes = -1};
    h.store = store_open(&wish, &err);
    assert_non_null(h.store);
    holds(&h, &content, little, LITTLE);
    assert_int_equal(damaged(&h, false), 0);
    house_gone(&h);
}

// A house from before stores had names, or one whose name was not written before the power went.
static void a_store_without_a_name_gets_one_when_its_media_is_known(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    char name[256];
    house_new(&h);
    house_open(&h);
    text one = {little, LITTLE};
    struct store_bytes *b;
    MUST(store_put_small(h.store, &one, 1, &b, &err));
    MUST(settle(&h, b, &err));
    house_close(&h);
    snprintf(name, sizeof(name), "%s/house", h.store_folder);
    assert_int_equal(unlink(name), 0);
    house_open(&h);
    assert_int_equal(access(name, F_OK), 0);
    assert_int_equal(damaged(&h, false), 0);
    house_gone(&h);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    struct error err;
    struct house h;
    char stray[256];
    house_new(&h);
    house_open(&h);
    store_close(h.store);
    snprintf(stray, sizeof(stray), "%s/extents/ZZ/%s", h.store_folder,
             "01J0000000000000000000EXZZ");
    char folder[256];
    snprintf(folder, sizeof(folder), "%s/extents/ZZ", h.store_folder);
    assert_int_equal(mkdir(folder, 0750), 0);
    MUST(file_write(stray, "being written by a running house", 32, 0600, &err));
    struct store_wish wish = {
        .folder = h.store_folder, .db = h.db, .reserve_bytes = -1, .look_only = true};
    h.store = store_open(&wish, &err);
    assert_non_null(h.store);
    assert_int_equal(damaged(&h, false), 0);
    assert_int_equal(access(stray, F_OK), 0);
    store_close(h.store);
    wish.look_only = false;
    h.store = store_open(&wish, &err);
    assert_non_null(h.store);
    assert_int_equal(access(stray, F_OK), -1); // nobody's
    house_gone(&h);
}

int main(int argc, char **argv)
{
    large = noise(LARGE, 7);
    little = noise(LITTLE, 8);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_in_any_order_make_a_file_and_survive_a_restart),
        cmocka_unit_test(a_stream_goes_on_where_it_was_acknowledged),
        cmocka_unit_test(small_files_share_a_pack_and_space_is_given_back),
        cmocka_unit_test(a_finished_file_is_taken_over_and_damage_is_found),
        cmocka_unit_test(whatever_was_acknowledged_survives_every_power_cut),
        cmocka_unit_test(a_disk_that_fails_anywhere_leaves_no_half_file_and_works_again),
        cmocka_unit_test(chunks_put_together_are_there_or_were_refused),
        cmocka_unit_test(a_chunk_or_an_end_that_comes_twice_waits_for_the_first),
        cmocka_unit_test(an_upload_that_many_begin_keeps_its_chunks),
        cmocka_unit_test(a_house_without_room_refuses_before_the_disk_is_full),
        cmocka_unit_test(a_store_is_not_opened_with_the_wrong_database),
        cmocka_unit_test(a_store_without_a_name_gets_one_when_its_media_is_known),
        cmocka_unit_test(looking_changes_nothing),
    };
    int code = RUN_TESTS(tests);
    free(large);
    free(little);
    return code;
}
