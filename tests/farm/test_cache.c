#include "test.h"

#include "farm/cache.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A house that has files 0..N of known sizes; what they hold is made from their number.
enum { FILES = 64 };
struct house {
    int64_t sizes[FILES];
    struct cache_file files[FILES];
    atomic_int given[FILES];
    atomic_llong bytes; // sent in all
    int64_t cut_after;  // bytes of one answer, then the line breaks once; 0: never
    bool stays_cut;     // and nobody is asked for more
    bool lies;          // sends other bytes
    atomic_int slow;    // a moment before each answer
    atomic_bool stopped;
};

static void fill(int number, int64_t offset, char *to, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t at = (uint64_t)offset + i;
        to[i] = (char)((at * 2654435761u >> 7) + (uint64_t)number * 31 + at);
    }
}

static int number_of(struct house *h, const sha256 *content)
{
    for (int i = 0; i < FILES; i++)
        if (h->sizes[i] >= 0 && sha256_equal(&h->files[i].content, content))
            return i;
    fail();
    return 0;
}

static bool give(struct house *h, int number, int64_t offset, cache_take *take, void *to,
                 struct error *err)
{
    char piece[100000];
    for (int64_t at = offset; at < h->sizes[number];) {
        int64_t left = h->sizes[number] - at;
        size_t size = left < (int64_t)sizeof(piece) ? (size_t)left : sizeof(piece);
        fill(number, at, piece, size);
        if (h->lies)
            piece[0] ^= 1;
        if (h->cut_after && (h->cut_after -= (int64_t)size) <= 0) {
            h->cut_after = 0;
            if (h->stays_cut)
                h->stopped = true;
            return error_set(err, ERROR_NETWORK, "cut");
        }
        if (!take(to, piece, size, err))
            return false;
        h->bytes += (long long)size;
        at += (int64_t)size;
    }
    return true;
}

static bool give_pack(void *context, const struct cache_file *list, size_t count, cache_take *take,
                      void *to, struct error *err)
{
    struct house *h = context;
    if (h->slow)
        clock_sleep_ms(20);
    for (size_t i = 0; i < count; i++) {
        int number = number_of(h, &list[i].content);
        assert_true(h->sizes[number] < CACHE_SMALL);
        h->given[number]++;
        if (!give(h, number, 0, take, to, err))
            return false;
    }
    return true;
}

static bool give_rest(void *context, const struct cache_file *file, int64_t offset,
                      cache_take *take, void *to, struct error *err)
{
    struct house *h = context;
    int number = number_of(h, &file->content);
    if (h->slow)
        clock_sleep_ms(20);
    h->given[number]++;
    return give(h, number, offset, take, to, err);
}

static bool asked(void *context)
{
    struct house *h = context;
    return !h->stopped;
}

static void add(struct house *h, int number, int64_t size)
{
    struct content c;
    char *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    fill(number, 0, bytes, (size_t)size);
    content_begin(&c);
    content_add(&c, bytes, (size_t)size);
    h->sizes[number] = size;
    h->files[number] = (struct cache_file){content_end(&c), size};
    free(bytes);
}

static struct cache_source source(struct house *h)
{
    return (struct cache_source){give_pack, give_rest, asked, h};
}

struct scene {
    char folder[64];
    struct house house;
    struct cache *cache;
};

static void open_cache(struct scene *s, int64_t most)
{
    struct error err;
    char folder[100];
    cache_close(s->cache);
    snprintf(folder, sizeof(folder), "%s/cache", s->folder);
    s->cache = cache_open(&(struct cache_wish){folder, most}, &err);
    assert_non_null(s->cache);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    snprintf(s->folder, sizeof(s->folder), "/tmp/posthouse-cache-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    for (int i = 0; i < FILES; i++)
        s->house.sizes[i] = -1;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    struct error err;
    cache_close(s->cache);
    assert_true(folder_remove(s->folder, &err));
    free(s);
    return 0;
}

static bool bring(struct scene *s, int first, int count, struct error *err)
{
    struct cache_source from = source(&s->house);
    return cache_bring(s->cache, &s->house.files[first], (size_t)count, &from, err);
}

static void let_go(struct scene *s, int first, int count)
{
    cache_let_go(s->cache, &s->house.files[first], (size_t)count);
}

static bool copy(struct scene *s, int number, struct error *err)
{
    char to[100];
    snprintf(to, sizeof(to), "%s/copy%d", s->folder, number);
    unlink(to);
    if (!cache_copy(s->cache, &s->house.files[number], to, number == 1, err))
        return false;
    sha256 content;
    int64_t size;
    assert_true(content_of_file(to, &content, &size, err));
    assert_int_equal(size, s->house.sizes[number]);
    assert_true(sha256_equal(&content, &s->house.files[number].content));
    struct stat seen;
    assert_int_equal(stat(to, &seen), 0);
    assert_int_equal(seen.st_mode & 07777 & ~022, number == 1 ? 0555 : 0444);
    assert_int_equal(seen.st_nlink, 1);
    return true;
}

static void path_of(struct scene *s, int number, const char *kind, char to[300])
{
    sha256_hex hex = sha256_text(&s->house.files[number].content);
    if (kind[0] == 'f')
        snprintf(to, 300, "%s/files/%.2s/%s", cache_folder(s->cache), hex.text, hex.text);
    else
        snprintf(to, 300, "%s/parts/%s", cache_folder(s->cache), hex.text);
}

static bool is_kept(struct scene *s, int number)
{
    char path[300];
    path_of(s, number, "files", path);
    return access(path, F_OK) == 0;
}

// ----

static void small_and_large_files_are_fetched_once_and_copied(void **state)
{
    struct scene *s = *state;
    struct error err;
    for (int i = 0; i < 40; i++)
        add(&s->house, i, i * 1000);
    add(&s->house, 40, 20000000); // three chunks
    add(&s->house, 41, CACHE_SMALL);
    open_cache(s, 100000000);
    for (int round = 0; round < 2; round++) {
        assert_true(bring(s, 0, 42, &err));
        for (int i = 0; i < 42; i++)
            assert_true(copy(s, i, &err));
        let_go(s, 0, 42);
    }
    for (int i = 0; i < 42; i++)
        assert_int_equal(s->house.given[i], 1);
    assert_int_equal(cache_numbers(s->cache).files, 42);
}

static void the_content_is_that_of_the_store(void **state)
{
    (void)state;
    struct content c; // of nothing: SHA-256 of nothing (store/store.h)
    content_begin(&c);
    sha256 content = content_end(&c), empty = sha256_of("", 0);
    assert_true(sha256_equal(&content, &empty));
    sha256 chunk = sha256_of("abc", 3), one = sha256_of(chunk.at, SHA256_SIZE);
    content_begin(&c);
    content_add(&c, "a", 1);
    content_add(&c, "bc", 2);
    content = content_end(&c);
    assert_true(sha256_equal(&content, &one));
}

static void what_was_used_longest_ago_goes_first(void **state)
{
    struct scene *s = *state;
    struct error err;
    for (int i = 0; i < 5; i++)
        add(&s->house, i, 3000000);
    open_cache(s, 10000000);
    for (int i = 0; i < 3; i++) {
        assert_true(bring(s, i, 1, &err));
        let_go(s, i, 1);
        clock_sleep_ms(5);
    }
    assert_true(bring(s, 0, 1, &err)); // used again
    let_go(s, 0, 1);
    clock_sleep_ms(5);
    assert_true(bring(s, 3, 1, &err));
    assert_true(is_kept(s, 0) && !is_kept(s, 1) && is_kept(s, 2) && is_kept(s, 3));
    assert_true(cache_numbers(s->cache).bytes <= 10000000);
    let_go(s, 3, 1);
}

static void what_is_pinned_stays_and_what_does_not_fit_beside_it_is_refused(void **state)
{
    struct scene *s = *state;
    struct error err;
    for (int i = 0; i < 4; i++)
        add(&s->house, i, 3000000);
    open_cache(s, 10000000);
    assert_true(bring(s, 0, 3, &err));
    assert_false(bring(s, 3, 1, &err));
    assert_int_equal(err.kind, ERROR_NO_SPACE);
    assert_non_null(strstr(err.fix, "worker.cache"));
    assert_true(is_kept(s, 0) && is_kept(s, 1) && is_kept(s, 2));
    let_go(s, 0, 3);
    assert_true(bring(s, 3, 1, &err));
    let_go(s, 3, 1);
    assert_false(bring(s, 0, 4, &err)); // never fits
    assert_int_equal(err.kind, ERROR_NO_SPACE);
    assert_int_equal(cache_numbers(s->cache).pinned_bytes, 0);
}

static void a_worker_that_starts_again_has_its_files(void **state)
{
    struct scene *s = *state;
    struct error err;
    add(&s->house, 0, 100);
    add(&s->house, 1, 2000000);
    open_cache(s, 10000000);
    assert_true(bring(s, 0, 2, &err));
    open_cache(s, 10000000); // as if killed: nothing was let go
    assert_true(bring(s, 0, 2, &err));
    assert_true(copy(s, 0, &err) && copy(s, 1, &err));
    assert_int_equal(s->house.given[0], 1);
    assert_int_equal(s->house.given[1], 1);
    let_go(s, 0, 2);
    open_cache(s, 1000); // a smaller one now
    assert_true(cache_numbers(s->cache).bytes <= 1000);
}

static void a_chunk_that_another_file_has_is_found_also_after_a_new_start(void **state)
{
    enum { CHUNK = 8 << 20 };
    struct scene *s = *state;
    struct error err;
    char *bytes = malloc(CHUNK), *came = malloc(CHUNK), path[300];
    assert_true(bytes && came);
    add(&s->house, 0, 2 * CHUNK + 1000);
    fill(0, CHUNK, bytes, CHUNK);
    sha256 hash = sha256_of(bytes, CHUNK);
    open_cache(s, 100000000);
    assert_false(cache_chunk(s->cache, &hash, came, CHUNK));
    for (int life = 0; life < 2; life++) {
        assert_true(bring(s, 0, 1, &err));
        let_go(s, 0, 1);
        memset(came, 0, CHUNK);
        assert_true(cache_chunk(s->cache, &hash, came, CHUNK));
        assert_memory_equal(came, bytes, CHUNK);
        assert_int_equal(cache_numbers(s->cache).shared_bytes, CHUNK);
        assert_false(cache_chunk(s->cache, &hash, came, CHUNK - 1)); // another one
        open_cache(s, 100000000);
    }
    // Bytes that are not those of their hash are not given (all its chunks are alike).
    path_of(s, 0, "files", path);
    assert_int_equal(chmod(path, 0600), 0);
    FILE *file = fopen(path, "r+");
    assert_true(file && fseek(file, 5, SEEK_SET) == 0 && fputc(bytes[5] ^ 1, file) != EOF);
    assert_int_equal(fclose(file), 0);
    assert_false(cache_chunk(s->cache, &hash, came, CHUNK));
    free(bytes);
    free(came);
}

static void a_cut_line_costs_only_what_was_on_it(void **state)
{
    struct scene *s = *state;
    struct error err;
    add(&s->house, 0, 20000000);
    for (int i = 1; i < 30; i++)
        add(&s->house, i, 1000 + i);
    open_cache(s, 100000000);
    s->house.cut_after = 9000000;
    assert_true(bring(s, 0, 30, &err));
    assert_true(copy(s, 0, &err) && copy(s, 29, &err));
    assert_true(s->house.bytes < 20000000 + 30 * 2000 + 200000);
    let_go(s, 0, 30);
}

static void one_that_was_stopped_in_the_middle_goes_on_there_after_a_new_start(void **state)
{
    struct scene *s = *state;
    struct error err;
    char part[300];
    struct stat seen;
    add(&s->house, 0, 20000000);
    open_cache(s, 100000000);
    s->house.cut_after = 9000000;
    s->house.stays_cut = true;
    assert_false(bring(s, 0, 1, &err));
    path_of(s, 0, "parts", part);
    assert_int_equal(stat(part, &seen), 0);
    assert_true(seen.st_size > 8000000);
    assert_int_equal(cache_numbers(s->cache).bytes, seen.st_size);
    open_cache(s, 100000000);
    assert_int_equal(cache_numbers(s->cache).bytes, seen.st_size);
    s->house.stopped = false;
    s->house.bytes = 0;
    assert_true(bring(s, 0, 1, &err));
    assert_int_equal(s->house.bytes, 20000000 - seen.st_size);
    assert_true(copy(s, 0, &err));
    let_go(s, 0, 1);
}

static void change(const char *path, off_t at)
{
    assert_int_equal(chmod(path, 0600), 0);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 1, f), c ^ 1);
    assert_int_equal(fclose(f), 0);
}

static void a_half_file_that_is_damaged_is_fetched_from_the_start(void **state)
{
    struct scene *s = *state;
    struct error err;
    char part[300];
    add(&s->house, 0, 20000000);
    open_cache(s, 100000000);
    s->house.cut_after = 9000000;
    s->house.stays_cut = true;
    assert_false(bring(s, 0, 1, &err));
    path_of(s, 0, "parts", part);
    change(part, 1000);
    s->house.stopped = false;
    assert_true(bring(s, 0, 1, &err));
    assert_true(copy(s, 0, &err));
    let_go(s, 0, 1);
}

static void damage_is_found_dropped_and_fetched_again(void **state)
{
    struct scene *s = *state;
    struct error err;
    char path[300];
    add(&s->house, 0, 3000000);
    add(&s->house, 1, 500);
    open_cache(s, 100000000);
    assert_true(bring(s, 0, 2, &err));
    let_go(s, 0, 2);
    path_of(s, 0, "files", path);
    change(path, 2000000);
    path_of(s, 1, "files", path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 499), 0);
    open_cache(s, 100000000); // of the next life
    assert_true(bring(s, 0, 2, &err));
    assert_false(copy(s, 0, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    let_go(s, 0, 2);
    assert_false(is_kept(s, 0));
    assert_true(bring(s, 0, 2, &err));
    assert_true(copy(s, 0, &err) && copy(s, 1, &err));
    assert_int_equal(s->house.given[0], 2);
    assert_int_equal(s->house.given[1], 2);
    assert_int_equal(cache_numbers(s->cache).dropped, 2);
    let_go(s, 0, 2);
}

static void a_file_that_is_read_in_place_is_proven_once(void **state)
{
    struct scene *s = *state;
    struct error err;
    char path[300], byte;
    int f;
    add(&s->house, 0, 3000000);
    open_cache(s, 100000000);
    assert_true(bring(s, 0, 1, &err));
    assert_true(cache_read(s->cache, &s->house.files[0], &f, &err));
    assert_int_equal(pread(f, &byte, 1, 2999999), 1);
    assert_int_equal(pwrite(f, &byte, 1, 0), -1); // to read, and nothing else
    close(f);
    let_go(s, 0, 1);
    path_of(s, 0, "files", path);
    change(path, 2000000);
    open_cache(s, 100000000); // of the next life
    assert_true(bring(s, 0, 1, &err));
    assert_false(cache_read(s->cache, &s->house.files[0], &f, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    let_go(s, 0, 1);
    assert_false(is_kept(s, 0));
    assert_true(bring(s, 0, 1, &err));
    assert_true(cache_read(s->cache, &s->house.files[0], &f, &err));
    close(f);
    let_go(s, 0, 1);
}

static void bytes_that_are_not_what_was_asked_for_are_refused(void **state)
{
    struct scene *s = *state;
    struct error err;
    add(&s->house, 0, 3000000);
    add(&s->house, 1, 500);
    open_cache(s, 100000000);
    s->house.lies = true;
    for (int i = 0; i < 2; i++) {
        assert_false(bring(s, i, 1, &err));
        assert_int_equal(err.kind, ERROR_DAMAGED);
        assert_false(is_kept(s, i));
    }
    s->house.lies = false;
    assert_true(bring(s, 0, 2, &err));
    let_go(s, 0, 2);
}

static void *bring_all(void *context)
{
    struct scene *s = context;
    struct error err;
    assert_true(bring(s, 0, 20, &err));
    let_go(s, 0, 20);
    return NULL;
}

static void many_slots_at_once_fetch_each_file_once(void **state)
{
    struct scene *s = *state;
    pthread_t threads[8];
    for (int i = 0; i < 20; i++)
        add(&s->house, i, i % 5 ? 1000 + i : 1500000 + i);
    open_cache(s, 100000000);
    s->house.slow = 1;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, bring_all, s), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(s->house.given[i], 1);
    assert_int_equal(cache_numbers(s->cache).pinned_bytes, 0);
}

static void two_workers_of_a_machine_have_a_cache_each(void **state)
{
    struct scene *s = *state;
    struct error err;
    char folder[100];
    open_cache(s, 1000000);
    snprintf(folder, sizeof(folder), "%s/cache", s->folder);
    struct cache *other = cache_open(&(struct cache_wish){folder, 1000000}, &err);
    assert_non_null(other);
    assert_string_not_equal(cache_folder(other), cache_folder(s->cache));
    cache_close(other);
}

static void what_is_none_of_ours_in_its_folder_goes(void **state)
{
    struct scene *s = *state;
    struct error err;
    char path[300];
    open_cache(s, 1000000);
    snprintf(path, sizeof(path), "%s/files/rubbish", cache_folder(s->cache));
    assert_true(file_write(path, "x", 1, 0600, &err));
    open_cache(s, 1000000);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(cache_numbers(s->cache).files, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(small_and_large_files_are_fetched_once_and_copied),
        T(the_content_is_that_of_the_store),
        T(what_was_used_longest_ago_goes_first),
        T(what_is_pinned_stays_and_what_does_not_fit_beside_it_is_refused),
        T(a_worker_that_starts_again_has_its_files),
        T(a_chunk_that_another_file_has_is_found_also_after_a_new_start),
        T(a_cut_line_costs_only_what_was_on_it),
        T(one_that_was_stopped_in_the_middle_goes_on_there_after_a_new_start),
        T(a_half_file_that_is_damaged_is_fetched_from_the_start),
        T(damage_is_found_dropped_and_fetched_again),
        T(a_file_that_is_read_in_place_is_proven_once),
        T(bytes_that_are_not_what_was_asked_for_are_refused),
        T(many_slots_at_once_fetch_each_file_once),
        T(two_workers_of_a_machine_have_a_cache_each),
        T(what_is_none_of_ours_in_its_folder_goes),
    };
    return RUN_TESTS(tests);
}
