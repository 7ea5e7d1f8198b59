/*
 * Media in place: a look at 200,000 files, the first and one that finds nothing new, beside `find
 * -printf` with what stat says of each; making assets of some; and hashing in the background beside
 * sha256sum, on files that are in memory. One JSON line a figure.
 *
 * After a first look each file is known with its name, size and time: counted, listed, and durable.
 * It is in the library when an asset has been made of it, which is a figure of its own.
 *   bench-places MIGRATIONS [FILES]
 */
#include "house/places/places.h"
#include "house/assets/assets.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IN_FOLDER = 200, ROUNDS = 3, TAKEN_S = 10 };
#define HASHED ((int64_t)1 << 30)

static struct error err;
static struct db *db;
static char top[64], media[96], project[27], command[400];

static void must(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
    exit(3);
}

static double run_s(const char *what)
{
    int64_t began = clock_tick_us();
    must(system(what) == 0 || error_set(&err, ERROR_CHILD, "%s failed", what));
    return (double)(clock_tick_us() - began) / 1e6;
}

static bool project_in(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    memcpy(project, id_new().text, sizeof(project));
    return project_make(tx, project, "The Long Shore", "24", e);
}

static void touch_firsts(int64_t count)
{
    char path[200];
    for (int64_t i = 0; i < count; i += IN_FOLDER) {
        snprintf(path, sizeof(path), "%s/many/%03lld/%03lld/A%06lldC.mov", media,
                 (long long)(i / IN_FOLDER / 40), (long long)(i / IN_FOLDER % 40), (long long)i);
        must(utimensat(AT_FDCWD, path,
                       (const struct timespec[]){{.tv_sec = 1590000000}, {.tv_sec = 1590000000}},
                       0) == 0 ||
             error_set(&err, ERROR_IO, "cannot touch %s", path));
    }
}

static void make_files(int64_t count)
{
    char path[200];
    for (int64_t i = 0; i < count; i++) {
        if (i % IN_FOLDER == 0) {
            snprintf(path, sizeof(path), "%s/many/%03lld/%03lld", media,
                     (long long)(i / IN_FOLDER / 40), (long long)(i / IN_FOLDER % 40));
            must(folder_make(path, 0755, &err));
        }
        snprintf(path, sizeof(path), "%s/many/%03lld/%03lld/A%06lldC.mov", media,
                 (long long)(i / IN_FOLDER / 40), (long long)(i / IN_FOLDER % 40), (long long)i);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        must((fd >= 0 && write(fd, &i, sizeof(i)) == sizeof(i)) ||
             error_set(&err, ERROR_IO, "cannot make %s", path));
        futimens(fd, (const struct timespec[]){{.tv_sec = 1580000000}, {.tv_sec = 1580000000}});
        close(fd);
    }
}

static double look_s(struct places *p, const char *place, int64_t count, int64_t fresh)
{
    struct place_looked looked;
    int64_t began = clock_tick_us();
    must(places_look(p, place, &looked, &err));
    double took = (double)(clock_tick_us() - began) / 1e6;
    must((looked.files == count && looked.fresh == fresh) ||
         error_set(&err, ERROR_INTERNAL, "not all files were seen"));
    return took;
}

static void print(const char *what, int64_t count, double best, double peer)
{
    printf("{\"bench\":\"places\",\"what\":\"%s\",\"ours\":%.0f,\"unit\":\"files/s\",\"peer\":%.0f,"
           "\"ratio\":%.2f,\"at_least\":0.7,\"files\":%lld}\n",
           what, (double)count / best, (double)count / peer, peer / best, (long long)count);
    fflush(stdout);
}

struct listing {
    const char *place, *path;
    int64_t files;
};

static bool listed_in(struct db_tx *tx, void *context, struct error *e)
{
    struct listing *l = context;
    json_t *json = NULL;
    size_t i;
    const json_t *one;
    if (!place_files_list(tx, l->place, l->path, "", &json, e))
        return false;
    json_array_foreach(json_object_get(json, "files"), i, one) l->files +=
        json_integer_value(json_object_get(one, "size")) == sizeof(int64_t) &&
        json_is_string(json_object_get(one, "modified"));
    json_decref(json);
    return true;
}

// The page and the command line list from this: sizes and times are there, folder by folder.
static void listed(const char *place, int64_t count)
{
    struct listing l = {.place = place};
    char path[16];
    for (int64_t i = 0; i < count; i += IN_FOLDER) {
        snprintf(path, sizeof(path), "%03lld/%03lld", (long long)(i / IN_FOLDER / 40),
                 (long long)(i / IN_FOLDER % 40));
        l.path = path;
        must(db_read(db, listed_in, &l, &err));
    }
    must(l.files == count || error_set(&err, ERROR_INTERNAL, "not all files are listed"));
}

// Of a project of its own each time: nothing is known of the folder.
static void looks(struct places *p, const char *many, char place[27], int64_t count, double peer)
{
    double first = 1e9, again = 1e9, took;
    for (int i = 0; i < ROUNDS; i++) {
        must(db_write(db, project_in, NULL, &err) &&
             place_add(p, &(struct place_wish){project, "", many, "Maya"}, place, &err));
        took = look_s(p, place, count, count);
        first = took < first ? took : first;
        listed(place, count);
    }
    // Where one file has changed the folder's files have a row each, as all have in the end.
    touch_firsts(count);
    look_s(p, place, count, 0);
    for (int i = 0; i < ROUNDS; i++) {
        took = look_s(p, place, count, 0);
        again = took < again ? took : again;
    }
    print("a first look, each file listed, durable", count, first, peer);
    print("a look at all that is known", count, again, peer);
}

static bool taken_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_one_int(tx, context, 0, e, "select count(*) from versions", "");
}

static void take(struct places *p, const char *place)
{
    bool more = true;
    int64_t began = clock_tick_us(), before = 0, after = 0;
    must(db_read(db, taken_in, &before, &err));
    while (more && clock_tick_us() - began < (int64_t)TAKEN_S * 1000000)
        must(places_take(p, place, &more, &err));
    double took = (double)(clock_tick_us() - began) / 1e6;
    must(db_read(db, taken_in, &after, &err));
    printf("{\"bench\":\"places\",\"what\":\"assets made of what was seen, durable\",\"ours\":%.0f,"
           "\"unit\":\"files/s\"}\n",
           (double)(after - before) / took);
    fflush(stdout);
}

// Whatever is not yet hashed of it.
static double hash_s(struct places *p)
{
    bool more = true;
    int64_t began = clock_tick_us();
    while (more)
        must(places_hash(p, &more, &err));
    return (double)(clock_tick_us() - began) / 1e6;
}

static void hash(struct places *p, char place[27])
{
    char film[200];
    bool more = true;
    struct place_looked looked;
    snprintf(film, sizeof(film), "%s/film", media);
    must(folder_make(film, 0755, &err));
    snprintf(command, sizeof(command),
             "head -c %lld /dev/urandom >%s/film.mov && touch -d 2020-01-01 %s/film.mov && cat "
             "%s/film.mov >/dev/null",
             (long long)HASHED, film, film, film);
    run_s(command);
    must(place_add(p, &(struct place_wish){project, "", film, "Maya"}, place, &err) &&
         places_look(p, place, &looked, &err));
    while (more)
        must(places_take(p, place, &more, &err));
    snprintf(command, sizeof(command), "sha256sum %s/film.mov >/dev/null", film);
    double peer = run_s(command), ours = hash_s(p);
    printf("{\"bench\":\"places\",\"what\":\"hashing in the background\",\"ours\":%.0f,\"unit\":"
           "\"MB/s\",\"peer\":%.0f,\"ratio\":%.2f,\"at_least\":0.8}\n",
           (double)HASHED / ours / 1e6, (double)HASHED / peer / 1e6, peer / ours);
}

int main(int count, char **words)
{
    int64_t files = count > 2 ? atoll(words[2]) : 200000;
    char path[100], many[120], store[100], place[27], film[27];
    struct places *p;
    strcpy(top, "/tmp/posthouse-places-XXXXXX");
    if (count < 2 || !mkdtemp(top))
        return 2;
    snprintf(path, sizeof(path), "%s/house.db", top);
    snprintf(store, sizeof(store), "%s/store", top);
    snprintf(media, sizeof(media), "%s/media", top);
    snprintf(many, sizeof(many), "%s/many", media);
    make_files(files);
    const char *roots[] = {media, NULL};
    must((db = db_open(&(struct db_wish){.path = path, .migrations = words[1]}, &err)) != NULL);
    struct store *s =
        store_open(&(struct store_wish){.folder = store, .db = db, .reserve_bytes = -1}, &err);
    must(s != NULL && db_write(db, project_in, NULL, &err));
    must(places_open(&(struct places_wish){.db = db, .store = s, .roots = roots, .house = store},
                     &p, &err));
    hash(p, film);
    snprintf(command, sizeof(command), "find %s -printf '%%p %%s %%T@ %%i\\n' >/dev/null", many);
    double peer = run_s(command);
    for (int i = 0; i < ROUNDS; i++) {
        double again = run_s(command);
        peer = again < peer ? again : peer;
    }
    looks(p, many, place, files, peer);
    take(p, place);
    places_close(p);
    store_close(s);
    db_close(db);
    must(folder_remove(top, &err));
    return 0;
}
