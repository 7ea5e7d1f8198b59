// clang-format off
#include "test.h"
// clang-format on
#include "house/assets/assets.h"
#include "house/places/places.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "store/place.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    char folder[64], volumes[80], nas[96];
    struct db *db;
    struct store *store;
    struct places *places;
    char project[27], place[27];
    // what happens while the house is at work
    char asked[64]; // the job that was asked for again last
    int calls, at;  // at: with which call of `on` or `busy` it does; -1: never
    void (*happens)(void);
} h;

static struct error err;

#define OK(is)                                                                                     \
    do {                                                                                           \
        if (!(is))                                                                                 \
            fail_msg("line %d: %s: %s (%s)", __LINE__, #is, err.what, err.why);                    \
    } while (0)

static bool meanwhile(void)
{
    if (h.calls++ == h.at && h.happens)
        h.happens();
    return true;
}

static bool on(void *context)
{
    (void)context;
    return meanwhile();
}

static bool again(void *context, const char *job, struct error *e)
{
    (void)context, (void)e;
    text_copy(text_of(job), h.asked, sizeof(h.asked));
    return true;
}

static bool project_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    return project_make(tx, h.project, "Film", "25", e);
}

static int open_house(void **state)
{
    (void)state;
    char path[128], store[128];
    memset(&h, 0, sizeof(h));
    h.at = -1;
    strcpy(h.folder, "/tmp/posthouse-places-XXXXXX");
    assert_non_null(mkdtemp(h.folder));
    snprintf(path, sizeof(path), "%s/house.db", h.folder);
    snprintf(store, sizeof(store), "%s/store", h.folder);
    snprintf(h.volumes, sizeof(h.volumes), "%s/volumes", h.folder);
    snprintf(h.nas, sizeof(h.nas), "%s/nas", h.volumes);
    OK(folder_make(h.nas, 0755, &err));
    OK(h.db = db_open(&(struct db_wish){.path = path, .migrations = MIGRATIONS}, &err));
    OK(h.store = store_open(&(struct store_wish){.folder = store, .db = h.db, .reserve_bytes = -1},
                            &err));
    memcpy(h.project, id_new().text, sizeof(h.project));
    OK(db_write(h.db, project_in, NULL, &err));
    const char *roots[] = {h.volumes, NULL};
    OK(places_open(&(struct places_wish){.db = h.db,
                                         .store = h.store,
                                         .roots = roots,
                                         .house = store,
                                         .every_ms = 1000,
                                         .settle_ms = 3600 * 1000,
                                         .on = on,
                                         .again = again},
                   &h.places, &err));
    return 0;
}

// ---- a volume whose server says errors, as NFS does: ours comes before the C library's

static struct {
    int code;         // 0: none
    const char *name; // of a file; NULL: of all that is asked for
} fault;

static bool fails(const char *name)
{
    return fault.code && (!fault.name || strcmp(fault.name, name) == 0);
}

int statx(int fd, const char *path, int flags, unsigned mask, struct statx *seen)
{
    static int (*real)(int, const char *, int, unsigned, struct statx *);
    const char *slash = strrchr(path, '/');
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "statx");
    if (!fails(slash ? slash + 1 : path))
        return real(fd, path, flags, mask, seen);
    errno = fault.code;
    return -1;
}

// Of files of the volume; what the house reads of its own is left alone.
ssize_t pread(int fd, void *to, size_t size, off_t at)
{
    static ssize_t (*real)(int, void *, size_t, off_t);
    char own[64], path[400] = "";
    snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pread64");
    if (!fault.code || readlink(own, path, sizeof(path) - 1) < 0 ||
        strncmp(path, h.nas, strlen(h.nas)) != 0 || !fails(strrchr(path, '/') + 1))
        return real(fd, to, size, at);
    errno = fault.code;
    return -1;
}

// ---- a volume that does not answer

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char place[200]; // whose volume hangs, or a path that people named; "": none
    bool over;
} hang = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void asks(void *context, const char *place)
{
    (void)context;
    pthread_mutex_lock(&hang.lock);
    while (strcmp(hang.place, place) == 0)
        pthread_cond_wait(&hang.changed, &hang.lock);
    pthread_mutex_unlock(&hang.lock);
}

static void hangs(const char *place)
{
    pthread_mutex_lock(&hang.lock);
    snprintf(hang.place, sizeof(hang.place), "%s", place);
    pthread_cond_broadcast(&hang.changed);
    pthread_mutex_unlock(&hang.lock);
}

static bool on_still(void *context)
{
    (void)context;
    pthread_mutex_lock(&hang.lock);
    bool still = !hang.over;
    pthread_mutex_unlock(&hang.lock);
    return still;
}

static int close_house(void **state)
{
    (void)state;
    places_close(h.places);
    store_close(h.store);
    db_close(h.db);
    return !folder_remove(h.folder, &err);
}

// ---- files, and what the house knows of them

static void path_of(const char *name, char to[200])
{
    snprintf(to, 200, "%s/%s", h.nas, name);
}

static void put(const char *name, const char *bytes, time_t at)
{
    char path[200], above[200];
    path_of(name, path);
    path_folder(path, above, sizeof(above));
    OK(folder_make(above, 0755, &err));
    OK(file_write(path, bytes, strlen(bytes), 0644, &err));
    struct timespec times[2] = {{.tv_sec = at}, {.tv_sec = at}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void place_made(void)
{
    OK(place_add(h.places, &(struct place_wish){h.project, "", h.nas, "Maya"}, h.place, &err));
}

static struct place_looked look(void)
{
    struct place_looked looked;
    OK(places_look(h.places, h.place, &looked, &err));
    return looked;
}

static void take(void)
{
    bool more = true;
    while (more)
        OK(places_take(h.places, h.place, &more, &err));
}

static void hash(void)
{
    bool more = true;
    while (more)
        OK(places_hash(h.places, &more, &err));
}

static void all_of_it(void) // also what had to be hashed before it was taken
{
    look();
    take();
    hash();
    take();
    hash();
}

struct asking {
    const char *sql;
    int64_t number;
    char word[64];
};

static bool ask_in(struct db_tx *tx, void *context, struct error *e)
{
    struct asking *q = context;
    struct db_rows *rows = db_query(tx, q->sql, "");
    if (db_next(rows)) {
        q->number = db_int(rows, 0);
        text_copy(text_of(db_text(rows, 0)), q->word, sizeof(q->word));
    }
    return db_end(rows, e);
}

static int64_t count(const char *sql)
{
    struct asking q = {.sql = sql, .number = -1};
    OK(db_read(h.db, ask_in, &q, &err));
    return q.number;
}

static const char *word(const char *sql)
{
    static struct asking q;
    q = (struct asking){.sql = sql};
    OK(db_read(h.db, ask_in, &q, &err));
    return q.word;
}

struct content {
    const char *sql;
    sha256 is;
};

static bool content_in(struct db_tx *tx, void *context, struct error *e)
{
    struct content *c = context;
    struct db_rows *rows = db_query(tx, c->sql, "");
    size_t size = 0;
    const void *at = db_next(rows) ? db_blob(rows, 0, &size) : NULL;
    assert_int_equal(size, SHA256_SIZE);
    memcpy(c->is.at, at, SHA256_SIZE);
    return db_end(rows, e);
}

static sha256 content(const char *sql)
{
    struct content c = {.sql = sql};
    OK(db_read(h.db, content_in, &c, &err));
    return c.is;
}

// The bytes of a content as the store gives them; NULL: it gives none, and err says why.
static const char *bytes_of(const sha256 *is)
{
    static char bytes[100];
    const struct store_map *map;
    memset(bytes, 0, sizeof(bytes));
    if (!store_map_open(h.store, is, &map, &err))
        return NULL;
    bool ok = store_map_read(map, 0, bytes, (size_t)map->size, &err);
    store_map_close(h.store, map);
    return ok ? bytes : NULL;
}

enum { LONG_AGO = 1580000000, SETTLE_MS = 3600 * 1000 };
#define FUTURE 4102444800 // 2100: a server's clock may say anything

// ---- tests

static void a_file_has_a_content_before_it_is_hashed_and_its_own_afterwards(void **state)
{
    (void)state;
    put("Day 1/a.txt", "one", LONG_AGO);
    place_made();
    look();
    take();
    sha256 before = content("select content from version_files");
    assert_string_equal(bytes_of(&before), "one");
    hash();
    sha256 after = content("select content from version_files"), real, chunk = sha256_of("one", 3);
    real = sha256_of(chunk.at, SHA256_SIZE);
    assert_true(sha256_equal(&after, &real));
    assert_string_equal(bytes_of(&after), "one");
    assert_string_equal(bytes_of(&before), "one"); // for whoever still asks by it
    sha256 version = content("select content from versions");
    assert_true(sha256_equal(&version, &real));
    assert_int_equal(count("select count(*) from contents where unhashed = 1"), 0);
    assert_int_equal(count("select place_bytes from projects"), 3);
}

static void nothing_changes_when_nothing_has_changed(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    put("b/c/d.txt", "two", LONG_AGO);
    place_made();
    assert_int_equal(look().fresh, 2);
    all_of_it();
    struct place_looked looked = look();
    assert_int_equal(looked.same, 2);
    assert_int_equal(looked.fresh + looked.changed + looked.gone + looked.back, 0);
    assert_int_equal(count("select count(*) from versions"), 2);
}

static void unmount(void)
{
    char away[200];
    snprintf(away, sizeof(away), "%s.away", h.nas);
    assert_int_equal(rename(h.nas, away), 0);
    assert_int_equal(mkdir(h.nas, 0755), 0);
}

static void mount(void)
{
    char away[200];
    snprintf(away, sizeof(away), "%s.away", h.nas);
    assert_int_equal(rmdir(h.nas), 0);
    assert_int_equal(rename(away, h.nas), 0);
}

static void a_volume_that_goes_at_any_moment_of_a_look_loses_no_file(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        char name[40];
        snprintf(name, sizeof(name), "Day %d/%d.txt", i / 2, i);
        put(name, name, LONG_AGO);
    }
    place_made();
    all_of_it();
    bool went = true;
    for (int at = 0; went; at++) {
        h.calls = 0;
        h.at = at;
        h.happens = unmount;
        look();
        went = h.calls > at;
        h.at = -1;
        assert_int_equal(count("select count(*) from place_files where state <> 'here'"), 0);
        if (!went)
            break;
        assert_true(look().offline);
        assert_string_equal(word("select state from places"), "offline");
        assert_int_equal(count("select count(*) from place_files where state <> 'here'"), 0);
        mount();
        assert_false(look().offline);
        assert_string_equal(word("select state from places"), "online");
    }
    assert_int_equal(count("select count(*) from versions"), 12);
}

static void replace(void)
{
    put("a.txt", "two", LONG_AGO + 1);
}

static void a_file_that_is_replaced_while_it_is_hashed_is_a_new_version(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    place_made();
    look();
    take();
    sha256 before = content("select content from version_files");
    h.calls = 0;
    h.at = 1; // the file is open and not yet read
    h.happens = replace;
    hash();
    h.at = -1;
    assert_int_equal(count("select hashed from place_files"), -1);
    assert_null(bytes_of(&before));
    all_of_it();
    assert_int_equal(count("select versions from assets"), 2);
    sha256 now = content("select f.content from version_files f join versions v on v.id = "
                         "f.version where v.number = 2");
    assert_string_equal(bytes_of(&now), "two");
    assert_null(bytes_of(&before));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(word("select p.state from place_versions p join versions v on v.id = "
                             "p.version where v.number = 1"),
                        "changed");
}

static void a_file_from_the_future_is_taken_when_it_rests(void **state)
{
    (void)state;
    put("a.txt", "one", FUTURE);
    place_made();
    look();
    take();
    assert_int_equal(count("select count(*) from versions"), 0);
    clock_shift_ms(SETTLE_MS);
    take();
    clock_shift_ms(-SETTLE_MS);
    assert_int_equal(count("select count(*) from versions"), 1);
}

static void a_file_that_still_grows_is_not_taken(void **state)
{
    (void)state;
    put("a.txt", "one", FUTURE);
    place_made();
    look();
    put("a.txt", "one and more", FUTURE);
    clock_shift_ms(SETTLE_MS);
    take();
    assert_int_equal(count("select count(*) from versions"), 0);
    look();
    clock_shift_ms(SETTLE_MS);
    take();
    clock_shift_ms(-2 * SETTLE_MS);
    assert_int_equal(count("select size from versions"), 12);
}

static void move_back(void)
{
    char from[200], to[200];
    path_of("z/a.txt", from);
    path_of("b/a.txt", to);
    assert_int_equal(rename(from, to), 0);
}

static void a_moved_file_is_the_same_asset(void **state)
{
    (void)state;
    char from[200], to[200];
    put("Day 1/a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    char asset[27];
    strcpy(asset, word("select id from assets"));
    put("Day 2/x.txt", "another", LONG_AGO);
    path_of("Day 1/a.txt", from);
    path_of("Day 2/b.txt", to);
    assert_int_equal(rename(from, to), 0);
    all_of_it();
    assert_int_equal(count("select count(*) from assets"), 2);
    assert_string_equal(word("select id from assets where name = 'b.txt'"), asset);
    assert_string_equal(word("select f.name from assets a join folders f on f.id = a.folder where "
                             "a.name = 'b.txt'"),
                        "Day 2");
    assert_int_equal(count("select gone from places"), 0);
}

static void a_file_that_moves_while_its_folder_was_looked_at_is_the_same_asset(void **state)
{
    (void)state;
    put("z/a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    char asset[27];
    strcpy(asset, word("select id from assets"));
    h.calls = 0;
    h.at = 2; // the root and z have been read, and b is still to come
    put("b/x.txt", "another", LONG_AGO);
    h.happens = move_back;
    look();
    h.at = -1;
    take();
    assert_string_equal(word("select id from assets where name = 'a.txt'"), asset);
    all_of_it();
    assert_int_equal(count("select count(*) from assets"), 2);
    assert_int_equal(count("select count(*) from place_files where state <> 'here'"), 0);
    assert_int_equal(count("select files from places"), 2);
}

static void
a_file_that_was_copied_elsewhere_and_deleted_is_the_same_asset_by_its_content(void **state)
{
    (void)state;
    char path[200];
    put("a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    char asset[27];
    strcpy(asset, word("select id from assets"));
    path_of("a.txt", path);
    put("b/c.txt", "one", LONG_AGO + 7); // before: no inode is used again
    put("b/d.txt", "two", LONG_AGO + 7); // as long, and another
    assert_int_equal(unlink(path), 0);
    all_of_it();
    assert_string_equal(word("select id from assets where name = 'c.txt'"), asset);
    assert_int_equal(count("select count(*) from assets"), 2);
    assert_int_equal(count("select count(*) from place_files where state <> 'here'"), 0);
}

static void a_link_in_the_place_of_a_file_is_not_followed(void **state)
{
    (void)state;
    char path[200], secret[200];
    put("a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    sha256 is = content("select content from version_files");
    snprintf(secret, sizeof(secret), "%s/secret", h.folder);
    OK(file_write(secret, "key", 3, 0600, &err));
    path_of("a.txt", path);
    struct stat seen;
    assert_int_equal(stat(path, &seen), 0);
    struct timespec times[2] = {seen.st_mtim, seen.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, secret, times, 0), 0); // as long and as old
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("../../secret", path), 0);
    assert_null(bytes_of(&is));
    assert_int_equal(look().gone, 1);
    assert_int_equal(count("select links from places"), 1);
}

static void frames_of_one_name_are_one_asset_and_grow_into_its_next_version(void **state)
{
    (void)state;
    put("sh.0001.dpx", "1", LONG_AGO);
    put("sh.0002.dpx", "2", LONG_AGO);
    place_made();
    all_of_it();
    assert_string_equal(word("select name from assets"), "sh.####.dpx");
    sha256 first = content("select content from versions");
    put("sh.0003.dpx", "3", LONG_AGO);
    all_of_it();
    assert_int_equal(count("select count(*) from assets"), 1);
    assert_int_equal(count("select file_count from versions where number = 2"), 3);
    assert_int_equal(count("select sum(unhashed) from place_versions"), 0);
    sha256 again = content("select content from versions where number = 1");
    assert_true(sha256_equal(&first, &again));
}

// As the page and the command line have them: "name size state ..." of a folder.
static bool list_in(struct db_tx *tx, void *context, struct error *e)
{
    const char *path = ((const char **)context)[0];
    static char said[400];
    json_t *json = NULL, *one;
    size_t i, size = 0;
    said[0] = 0;
    if (!place_files_list(tx, h.place, path, "", &json, e))
        return false;
    json_array_foreach(json_object_get(json, "folders"), i, one) size +=
        (size_t)snprintf(said + size, sizeof(said) - size, "%s/ ", json_string_value(one));
    json_array_foreach(json_object_get(json, "files"), i, one) size +=
        (size_t)snprintf(said + size, sizeof(said) - size, "%s %lld %s ",
                         json_string_value(json_object_get(one, "name")),
                         json_integer_value(json_object_get(one, "size")),
                         json_string_value(json_object_get(one, "state")));
    json_decref(json);
    ((const char **)context)[1] = said;
    return true;
}

static const char *listed(const char *path)
{
    const char *pair[] = {path, NULL};
    OK(db_read(h.db, list_in, pair, &err));
    return pair[1];
}

static void what_a_first_look_sees_is_listed_and_durable_before_it_is_an_asset(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    put("b.txt", "three", LONG_AGO);
    put("Day 1/c.txt", "two", LONG_AGO);
    place_made();
    assert_int_equal(look().fresh, 3);
    assert_int_equal(count("select count(*) from place_files"), 0);
    assert_string_equal(listed(""), "Day 1/ a.txt 3 new b.txt 5 new ");
    assert_string_equal(listed("Day 1"), "c.txt 3 new ");
    assert_int_equal(count("select files * 10 + waiting from places"), 33);
    assert_int_equal(count("select bytes from places"), 11);
    assert_int_equal(look().same, 3);
    take();
    assert_int_equal(count("select count(*) from place_lists"), 0);
    assert_int_equal(count("select count(*) from versions"), 3);
    assert_string_equal(listed(""), "Day 1/ a.txt 3 here b.txt 5 here ");
    assert_int_equal(count("select files * 10 + waiting from places"), 30);
}

static void what_changes_in_a_folder_that_is_only_listed_is_seen(void **state)
{
    (void)state;
    char path[200];
    put("a.txt", "one", LONG_AGO);
    put("b.txt", "three", LONG_AGO);
    put("Day 1/c.txt", "two", LONG_AGO);
    place_made();
    look();
    put("a.txt", "longer", LONG_AGO + 1);
    put("d.txt", "new", LONG_AGO);
    path_of("b.txt", path);
    assert_int_equal(unlink(path), 0);
    path_of("Day 1", path);
    OK(folder_remove(path, &err));
    struct place_looked looked = look();
    assert_int_equal(looked.changed * 100 + looked.fresh * 10 + looked.gone, 112);
    assert_string_equal(listed(""), "Day 1/ a.txt 6 new d.txt 3 new ");
    assert_string_equal(listed("Day 1"), "");
    assert_int_equal(count("select files * 10 + waiting from places"), 22);
    assert_int_equal(count("select bytes from places"), 9);
    all_of_it();
    assert_int_equal(count("select count(*) from versions"), 2);
}

static bool run_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_run(tx, e, context, "");
}

// A job of the only version that failed now.
static void job_failed(const char *name, const char *kind)
{
    char words[600];
    snprintf(words, sizeof(words),
             "insert into jobs (id, number, project, kind, title, state, ended, tier, priority, "
             "version, ticket, options, approved, made_by, created_ms, started_ms, ended_ms, done, "
             "total, unit, attempts, problem) select '%s', (select count(*) from jobs) + 1, "
             "'%s', 'probe', 't', 'failed', 1, 6, 50, id, '{}', '{}', 0, 'Maya', 1, 1, %lld, 0, 0, "
             "'', 1, '{\"kind\":\"%s\"}' from versions",
             name, h.project, (long long)clock_now_ms(), kind);
    OK(db_write(h.db, run_in, words, &err));
}

static void
work_that_failed_while_its_volume_was_away_is_asked_for_again_when_it_is_back(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    job_failed("before", "damaged");
    clock_shift_ms(1000);
    look();
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "");
    clock_shift_ms(1000);
    unmount();
    job_failed("while", "io"); // before anybody has seen that it is away
    assert_true(look().offline);
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "");
    clock_shift_ms(1000);
    mount();
    look();
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "while");
    clock_shift_ms(-3000);
    // Once only.
    h.asked[0] = 0;
    look();
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "");
}

static void work_that_failed_in_a_gap_that_no_look_saw_is_asked_for_again(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    clock_shift_ms(1000);
    job_failed("missed", "not_found");
    look();
    clock_shift_ms(-1000);
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "missed");
}

static void work_that_failed_while_its_file_was_away_is_asked_for_again(void **state)
{
    (void)state;
    char from[200], to[200];
    put("a.txt", "one", LONG_AGO);
    put("b.txt", "another", LONG_AGO);
    place_made();
    all_of_it();
    path_of("a.txt", from);
    snprintf(to, sizeof(to), "%s/a.txt", h.folder);
    assert_int_equal(rename(from, to), 0);
    clock_shift_ms(1000);
    assert_int_equal(look().gone, 1);
    OK(db_write(h.db, run_in,
                "delete from place_versions where version <> (select version from place_files "
                "where cast(name as text) = 'a.txt')",
                &err));
    OK(db_write(h.db, run_in,
                "insert into jobs (id, number, project, kind, title, state, ended, tier, priority, "
                "version, ticket, options, approved, made_by, created_ms, started_ms, ended_ms, "
                "done, total, unit, attempts, problem) select 'gone', 1, 'p', 'probe', 't', "
                "'failed', 1, 6, 50, version, '{}', '{}', 0, 'Maya', 1, 1, since_ms, 0, 0, '', 1, "
                "'{}' from place_files where state = 'gone'",
                &err));
    clock_shift_ms(1000);
    look();
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "");
    assert_int_equal(rename(to, from), 0);
    assert_int_equal(look().back, 1);
    clock_shift_ms(-2000);
    OK(places_again(h.places, &err));
    assert_string_equal(h.asked, "gone");
}

static void a_place_goes_on_where_its_folder_went(void **state)
{
    (void)state;
    char elsewhere[128], wrong[128];
    put("Day 1/a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    snprintf(elsewhere, sizeof(elsewhere), "%s/other", h.volumes);
    snprintf(wrong, sizeof(wrong), "%s/wrong", h.volumes);
    OK(folder_make(wrong, 0755, &err));
    assert_int_equal(rename(h.nas, elsewhere), 0);
    assert_true(look().offline);
    assert_false(place_move(h.places, h.place, wrong, false, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_non_null(strstr(err.why, "Day 1/a.txt"));
    assert_false(place_move(h.places, h.place, h.folder, true, &err)); // not below a root
    assert_int_equal(err.kind, ERROR_DENIED);
    OK(place_move(h.places, h.place, elsewhere, false, &err));
    struct place_looked looked = look();
    assert_false(looked.offline);
    assert_int_equal(looked.same, 1);
    sha256 is = content("select content from version_files");
    assert_string_equal(bytes_of(&is), "one");
    assert_int_equal(rename(elsewhere, h.nas), 0);
}

static void names_of_one_file_are_assets_of_their_own(void **state)
{
    (void)state;
    char one[200], two[200], three[200];
    put("a.txt", "one", LONG_AGO);
    path_of("a.txt", one);
    path_of("b.txt", two);
    path_of("c.txt", three);
    assert_int_equal(link(one, two), 0);
    place_made();
    all_of_it();
    assert_int_equal(count("select count(*) from assets"), 2);
    char asset[27];
    strcpy(asset, word("select id from assets where name = 'b.txt'"));
    sha256 is = content("select content from version_files limit 1");
    assert_int_equal(unlink(one), 0);
    assert_int_equal(look().gone, 1);
    assert_string_equal(bytes_of(&is), "one"); // by its other name
    assert_int_equal(rename(two, three), 0);
    clock_shift_ms(1000);
    all_of_it();
    clock_shift_ms(-1000);
    assert_int_equal(count("select count(*) from assets"), 2);
    assert_string_equal(word("select id from assets where name = 'c.txt'"), asset);
}

static void a_place_in_another_one_is_of_another_project(void **state)
{
    (void)state;
    char inner[27], outer[27], path[200], first[27];
    put("Day 1/a.txt", "one", LONG_AGO);
    path_of("Day 1", path);
    place_made();
    strcpy(outer, h.place);
    assert_false(
        place_add(h.places, &(struct place_wish){h.project, "", path, "Maya"}, inner, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    all_of_it();
    strcpy(first, h.project);
    memcpy(h.project, id_new().text, sizeof(h.project));
    OK(db_write(h.db, project_in, NULL, &err));
    OK(place_add(h.places, &(struct place_wish){h.project, "", path, "Maya"}, inner, &err));
    strcpy(h.place, inner);
    all_of_it();
    assert_int_equal(count("select count(*) from assets"), 2);
    assert_int_equal(count("select sum(hashed_files) from places"), 2);
    sha256 is = content("select content from version_files limit 1");
    // One is forgotten, and the other one has its bytes all the same.
    OK(place_forget(h.places, outer, &err));
    OK(db_write(h.db, run_in, "delete from place_files where place = 1", &err));
    assert_string_equal(bytes_of(&is), "one");
    strcpy(h.place, inner);
    strcpy(h.project, first);
}

static bool record_in(struct db_tx *tx, void *context, struct error *e)
{
    return store_record(tx, context, e);
}

static void the_same_bytes_brought_into_the_house_take_over(void **state)
{
    (void)state;
    struct store_bytes *b;
    char path[200];
    put("a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    sha256 is = content("select content from version_files"), chunk = sha256_of("one", 3);
    struct store_use use = {0, chunk};
    bool used;
    id upload = id_new();
    OK(store_upload_begin(h.store, upload.text, 3, &err));
    OK(store_use_chunks(h.store, upload.text, &use, 1, &used, &err));
    assert_false(used); // a place can vanish
    OK(store_upload_abandon(h.store, upload.text, &err));
    text one = {"one", 3};
    OK(store_put_small(h.store, &one, 1, &b, &err));
    bool recorded = db_write(h.db, record_in, b, &err);
    store_settle(h.store, b, recorded);
    OK(recorded);
    path_of("a.txt", path);
    assert_int_equal(unlink(path), 0);
    assert_string_equal(bytes_of(&is), "one");
}

static void what_was_asked_for_is_copied_into_the_house(void **state)
{
    (void)state;
    char path[200], version[27];
    put("a.txt", "one", LONG_AGO);
    place_made();
    look();
    take();
    strcpy(version, word("select id from versions"));
    OK(place_keep(h.places, version, &err));
    hash();
    bool more = true;
    while (more)
        OK(places_copy(h.places, &more, &err));
    assert_int_equal(count("select count(*) from place_versions"), 0);
    assert_int_equal(count("select place_bytes from projects"), 0);
    path_of("a.txt", path);
    assert_int_equal(unlink(path), 0);
    sha256 is = content("select content from version_files");
    assert_string_equal(bytes_of(&is), "one");
    int64_t damaged = 0;
    OK(store_check(h.store, &(struct store_check){0}, &damaged, &err));
    assert_int_equal(damaged, 0);
}

static const int away_codes[] = {ESTALE, EIO, ETIMEDOUT, EHOSTDOWN, ENOTCONN};
enum { AWAY_CODES = sizeof(away_codes) / sizeof(away_codes[0]) };

static void a_file_that_can_not_be_looked_at_is_not_taken_for_gone(void **state)
{
    (void)state;
    char path[200];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%c.txt", 'a' + i);
        put(path, path, LONG_AGO);
    }
    place_made();
    all_of_it();
    path_of("b.txt", path);
    assert_int_equal(unlink(path), 0);
    for (size_t i = 0; i < AWAY_CODES; i++) {
        fault.name = "c.txt";
        fault.code = away_codes[i];
        struct place_looked looked = look();
        fault.code = 0;
        assert_false(looked.offline);
        assert_int_equal(looked.gone, i == 0); // b.txt, which is
        assert_int_equal(count("select gone from places"), 1);
        assert_int_equal(count("select unreadable from places"), 1);
        assert_string_equal(word("select state from place_files where name = cast('c.txt' as "
                                 "blob)"),
                            "here");
    }
    assert_int_equal(look().gone, 0);
    assert_int_equal(count("select unreadable from places"), 0);
}

static void a_volume_that_answers_with_errors_is_offline_and_loses_no_file(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    put("Day 1/b.txt", "two", LONG_AGO);
    place_made();
    all_of_it();
    for (size_t i = 0; i < AWAY_CODES; i++) {
        fault.name = NULL;
        fault.code = away_codes[i];
        assert_true(look().offline);
        fault.code = 0;
        assert_string_equal(word("select state from places"), "offline");
        assert_string_equal(word("select problem from places"), strerror(away_codes[i]));
        assert_int_equal(count("select count(*) from place_files where state <> 'here'"), 0);
        assert_false(look().offline);
        assert_string_equal(word("select state from places"), "online");
    }
}

static void a_file_whose_volume_goes_while_it_is_hashed_waits_until_it_is_back(void **state)
{
    (void)state;
    put("a.txt", "one", LONG_AGO);
    place_made();
    look();
    take();
    for (size_t i = 0; i < AWAY_CODES; i++) {
        bool more;
        fault.name = NULL;
        fault.code = away_codes[i];
        OK(places_hash(h.places, &more, &err));
        fault.code = 0;
        assert_false(more);
        assert_int_equal(count("select hashed from place_files"), 0);
    }
    // Of the file alone: it is tried again after the next look.
    fault.name = "a.txt";
    fault.code = ESTALE;
    hash();
    fault.code = 0;
    assert_int_equal(count("select hashed from place_files"), -1);
    look();
    hash();
    assert_int_equal(count("select hashed from place_files"), 1);
}

static void what_is_to_be_copied_waits_while_its_volume_is_away(void **state)
{
    (void)state;
    bool more = true;
    put("a.txt", "one", LONG_AGO);
    place_made();
    all_of_it();
    OK(place_keep(h.places, word("select id from versions"), &err));
    fault.name = NULL;
    fault.code = ESTALE;
    OK(places_copy(h.places, &more, &err));
    fault.code = 0;
    assert_false(more);
    assert_int_equal(count("select keep from place_versions"), 1);
    assert_int_equal(count("select count(*) from place_versions where problem is not null"), 0);
    for (more = true; more;)
        OK(places_copy(h.places, &more, &err));
    assert_int_equal(count("select count(*) from place_versions"), 0);
}

static void what_is_deleted_and_still_open_elsewhere_is_no_media(void **state)
{
    (void)state;
    put(".nfs00000000012a3f4500000007", "one", LONG_AGO);
    put(".fuse_hidden0000a1b200000001", "one", LONG_AGO);
    put(".nfs_of_today.txt", "two", LONG_AGO);
    put(".nfs", "three", LONG_AGO);
    place_made();
    assert_int_equal(look().files, 2);
}

static void *looks(void *context)
{
    places_look_on(context);
    return NULL;
}

static void *hashes(void *context)
{
    places_hash_on(context);
    return NULL;
}

static bool place_json_in(struct db_tx *tx, void *context, struct error *e)
{
    return place_get(tx, h.place, context, e);
}

static bool is_silent(struct places *p, const char *place)
{
    json_t *json = NULL;
    strcpy(h.place, place);
    OK(db_read(h.db, place_json_in, &json, &err));
    place_running(p, json);
    bool is = json_is_string(json_object_get(json, "unanswered"));
    json_decref(json);
    return is;
}

static int64_t hashed(int64_t number)
{
    char words[100];
    snprintf(words, sizeof(words), "select hashed_files from places where number = %d",
             (int)number);
    return count(words);
}

#define UNTIL(is)                                                                                  \
    for (int waited_ = 0; !(is); waited_++) {                                                      \
        assert_true(waited_ < 12000);                                                              \
        usleep(10000);                                                                             \
    }

// Looked at and hashed by threads, as in a house.
static void a_volume_that_hangs_holds_up_no_other_place(void **state)
{
    (void)state;
    char one[27], two[27], path[200];
    const char *roots[] = {h.volumes, NULL};
    struct places *p;
    pthread_t threads[2];
    char store[128];
    snprintf(store, sizeof(store), "%s/store", h.folder);
    put("A/a.txt", "one", LONG_AGO);
    put("B/b.txt", "two", LONG_AGO);
    hang.over = false;
    OK(places_open(&(struct places_wish){.db = h.db,
                                         .store = h.store,
                                         .roots = roots,
                                         .house = store,
                                         .every_ms = 100,
                                         .settle_ms = 1,
                                         .answer_ms = 100,
                                         .on = on_still,
                                         .asks = asks},
                   &p, &err));
    path_of("A", path);
    OK(place_add(p, &(struct place_wish){h.project, "", path, "Maya"}, one, &err));
    path_of("B", path);
    OK(place_add(p, &(struct place_wish){h.project, "", path, "Maya"}, two, &err));
    hangs(one);
    assert_int_equal(pthread_create(&threads[0], NULL, looks, p), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, hashes, p), 0);
    UNTIL(hashed(2) == 1);
    UNTIL(is_silent(p, one));
    assert_int_equal(hashed(1), 0);
    hangs("");
    UNTIL(hashed(1) == 1);
    UNTIL(!is_silent(p, one));
    // Then the other one, for ever: the house closes all the same.
    hangs(two);
    UNTIL(is_silent(p, two));
    put("A/c.txt", "three", LONG_AGO);
    UNTIL(hashed(1) == 2);
    pthread_mutex_lock(&hang.lock);
    hang.over = true;
    pthread_mutex_unlock(&hang.lock);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    places_close(p);
    hangs(""); // whoever waits is answered when all is closed, and touches nothing
}

// People are answered, and a place that is there already goes on.
static void who_asks_of_a_volume_that_hangs_is_told_so(void **state)
{
    (void)state;
    char made[27], path[200], good[200];
    const char *roots[] = {h.volumes, NULL};
    struct places *p;
    json_t *json;
    put("A/a.txt", "one", LONG_AGO);
    put("B/b.txt", "two", LONG_AGO);
    OK(places_open(&(struct places_wish){.db = h.db,
                                         .store = h.store,
                                         .roots = roots,
                                         .house = "/nowhere",
                                         .people_ms = 100,
                                         .asks = asks},
                   &p, &err));
    path_of("A", path);
    path_of("B", good);
    hangs(path);
    const struct place_wish wish = {h.project, "", path, "Maya"};
    for (int i = 0; i < 40; i++) { // more than there are threads for
        assert_false(place_add(p, &wish, made, &err));
        assert_int_equal(err.kind, ERROR_TIMEOUT);
        assert_false(place_browse(p, path, &json, &err));
        assert_int_equal(err.kind, ERROR_TIMEOUT);
        assert_non_null(strstr(err.what, "does not answer"));
    }
    UNTIL(place_browse(p, good, &json, &err)); // a busy machine may need more than 100 ms
    json_decref(json);
    hangs("");
    UNTIL(place_add(p, &wish, made, &err));
    places_close(p);
}

static void a_place_is_only_where_the_settings_say(void **state)
{
    (void)state;
    char made[27], store[128], link[200];
    put("a.txt", "one", LONG_AGO);
    snprintf(store, sizeof(store), "%s/store", h.folder);
    snprintf(link, sizeof(link), "%s/out", h.volumes);
    assert_int_equal(symlink("..", link), 0);
    const char *const bad[] = {"/etc", "relative", store, link, "/nowhere", h.folder};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(
            place_add(h.places, &(struct place_wish){h.project, "", bad[i], "Maya"}, made, &err));
    place_made();
    assert_false(
        place_add(h.places, &(struct place_wish){h.project, "", h.nas, "Maya"}, made, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

int main(void)
{
#define HOUSE(test) cmocka_unit_test_setup_teardown(test, open_house, close_house)
    const struct CMUnitTest tests[] = {
        HOUSE(a_file_has_a_content_before_it_is_hashed_and_its_own_afterwards),
        HOUSE(nothing_changes_when_nothing_has_changed),
        HOUSE(a_volume_that_goes_at_any_moment_of_a_look_loses_no_file),
        HOUSE(a_file_that_is_replaced_while_it_is_hashed_is_a_new_version),
        HOUSE(a_file_from_the_future_is_taken_when_it_rests),
        HOUSE(a_file_that_still_grows_is_not_taken),
        HOUSE(a_moved_file_is_the_same_asset),
        HOUSE(a_file_that_moves_while_its_folder_was_looked_at_is_the_same_asset),
        HOUSE(a_file_that_was_copied_elsewhere_and_deleted_is_the_same_asset_by_its_content),
        HOUSE(a_link_in_the_place_of_a_file_is_not_followed),
        HOUSE(frames_of_one_name_are_one_asset_and_grow_into_its_next_version),
        HOUSE(what_a_first_look_sees_is_listed_and_durable_before_it_is_an_asset),
        HOUSE(what_changes_in_a_folder_that_is_only_listed_is_seen),
        HOUSE(work_that_failed_while_its_volume_was_away_is_asked_for_again_when_it_is_back),
        HOUSE(work_that_failed_in_a_gap_that_no_look_saw_is_asked_for_again),
        HOUSE(work_that_failed_while_its_file_was_away_is_asked_for_again),
        HOUSE(a_file_that_can_not_be_looked_at_is_not_taken_for_gone),
        HOUSE(a_volume_that_answers_with_errors_is_offline_and_loses_no_file),
        HOUSE(a_file_whose_volume_goes_while_it_is_hashed_waits_until_it_is_back),
        HOUSE(what_is_to_be_copied_waits_while_its_volume_is_away),
        HOUSE(what_is_deleted_and_still_open_elsewhere_is_no_media),
        HOUSE(who_asks_of_a_volume_that_hangs_is_told_so),
        HOUSE(a_place_goes_on_where_its_folder_went),
        HOUSE(names_of_one_file_are_assets_of_their_own),
        HOUSE(a_place_in_another_one_is_of_another_project),
        HOUSE(the_same_bytes_brought_into_the_house_take_over),
        HOUSE(what_was_asked_for_is_copied_into_the_house),
        HOUSE(a_volume_that_hangs_holds_up_no_other_place),
        HOUSE(a_place_is_only_where_the_settings_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
