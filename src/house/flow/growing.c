#include "house/flow/growing.h"
#include "base/log.h"
#include "formats/opened/opened.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/door.h"
#include "tickets/run.h"
#include "time/timecode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROWERS_MOST = 8, SILENCE_S = 7 * 24 * 3600, HEAD_BYTES = OPENED_BYTES };

// ---- pictures

enum sight { SIGHT_SOON, SIGHT_YES, SIGHT_NO };

struct grower {
    struct grower *next;
    struct growers *g;
    char file[27], folder[PATH_MAX];
    char *name;
    pthread_t thread;
    bool listed; // by the turn that is at work
    int control; // of the engine: how many bytes are there, whether it is over
    int data;    // -1: none are there yet. Guarded by the lock, as all below
    int64_t there, frames;
    enum sight sight;
    char why[400];
    json_t *facts;
    _Atomic bool stop, ended;
};

struct growers {
    struct growers_wish wish;
    pthread_mutex_t lock; // guards the list and what is said above
    struct grower *first;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// Of a house that was killed.
static bool left_over(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct error ignored;
    (void)context, (void)err;
    *enter = !f->relative[0];
    if (text_starts(text_of(f->relative), "growing."))
        (void)!folder_remove(f->path, &ignored);
    return true;
}

struct growers *growers_open(const struct growers_wish *wish)
{
    struct growers *g = must(calloc(1, sizeof(*g)));
    struct error none;
    g->wish = *wish;
    pthread_mutex_init(&g->lock, NULL);
    (void)!folder_walk(wish->scratch, &(struct walk_wish){.seen = left_over}, &none);
    return g;
}

static void see(struct grower *one, enum sight sight, const char *why)
{
    pthread_mutex_lock(&one->g->lock);
    one->sight = sight;
    snprintf(one->why, sizeof(one->why), "%s", why);
    pthread_mutex_unlock(&one->g->lock);
}

static int64_t there_of(struct grower *one)
{
    pthread_mutex_lock(&one->g->lock);
    int64_t there = one->there;
    pthread_mutex_unlock(&one->g->lock);
    return there;
}

// ---- its engine

struct asking {
    struct grower *one;
    int64_t size; // of a snapshot; DOOR_GROWS: all that comes
};

static bool open_growing(void *context, size_t number, struct engine_pieces *pieces,
                         struct error *err)
{
    const struct asking *q = context;
    bool grows = q->size == DOOR_GROWS;
    (void)number;
    pieces->at = must(calloc(2, sizeof(*pieces->at)));
    pieces->count = grows ? 2 : 1;
    pieces->at[0] = (struct engine_run_piece){fcntl(q->one->data, F_DUPFD_CLOEXEC, 0), 0, q->size};
    if (grows)
        pieces->at[1] = (struct engine_run_piece){fcntl(q->one->control, F_DUPFD_CLOEXEC, 0), 0, 0};
    return (pieces->at[0].descriptor >= 0 && (!grows || pieces->at[1].descriptor >= 0)) ||
           error_errno(err, errno, "a recording can not be read");
}

static bool heard(void *context, const json_t *line)
{
    const struct asking *q = context;
    const json_t *done = json_object_get(json_object_get(line, "progress"), "done");
    if (q->size == DOOR_GROWS && json_is_integer(done)) {
        pthread_mutex_lock(&q->one->g->lock);
        q->one->frames = json_integer_value(done);
        q->one->sight = SIGHT_YES;
        pthread_mutex_unlock(&q->one->g->lock);
    }
    return !atomic_load(&q->one->stop);
}

static bool engine_of(struct grower *one, const char *kind, int64_t size, json_t **result,
                      struct error *err)
{
    struct asking q = {one, size};
    json_t *ticket = json_pack("{s:s, s:[{s:s, s:I}], s:i}", "kind", kind, "inputs", "name",
                               one->name, "size", (json_int_t)size, "threads", 1);
    bool proxy = strcmp(kind, "proxy") == 0;
    if (proxy)
        json_object_set(ticket, "facts", one->facts);
    struct engine_wish wish = {.ticket = ticket,
                               .sandbox = one->g->wish.sandbox ? SANDBOX_ON : SANDBOX_OFF,
                               .output_folder = proxy ? one->folder : NULL,
                               .open_input = open_growing,
                               .heard = heard,
                               .context = &q,
                               .silence_s = proxy ? SILENCE_S : 0};
    bool ok = engine_run(&wish, result, err);
    json_decref(ticket);
    return ok;
}

// What it is, of the bytes so far; again with twice as many while they do not tell.
static bool find_facts(struct grower *one)
{
    for (int64_t least = HEAD_BYTES; !atomic_load(&one->stop);) {
        int64_t there = there_of(one);
        char *head = must(malloc(HEAD_BYTES));
        json_t *facts = NULL;
        struct error err;
        if (there < least) {
            free(head);
            clock_sleep_ms(100);
            continue;
        }
        ssize_t got = pread(one->data, head, HEAD_BYTES, 0);
        enum opened opened = opened_look((text){head, got > 0 ? (size_t)got : 0});
        free(head);
        if (opened == OPENED_NO) {
            see(one, SIGHT_NO,
                "it travels; it can be watched when it is closed: its index comes last");
            return false;
        }
        if (opened == OPENED_YES && engine_of(one, "probe", there, &facts, &err) &&
            json_array_size(json_object_get(facts, "video"))) {
            pthread_mutex_lock(&one->g->lock);
            one->facts = facts;
            pthread_mutex_unlock(&one->g->lock);
            return true;
        }
        if (opened == OPENED_YES)
            log_info("growing.waits", "file=%s bytes=%lld why=%s", one->file, (long long)there,
                     facts ? "no picture" : log_quote(err.what).text);
        json_decref(facts);
        least = there * 2;
    }
    return false;
}

static void *grow(void *context)
{
    struct grower *one = context;
    struct error err;
    json_t *result = NULL;
    if (find_facts(one) && folder_make(one->folder, 0700, &err) &&
        !engine_of(one, "proxy", DOOR_GROWS, &result, &err) && err.kind != ERROR_CANCELLED)
        see(one, SIGHT_NO, err.what);
    json_decref(result);
    atomic_store(&one->ended, true);
    return NULL;
}

// ---- turns

static void tell_engine(struct grower *one, bool over)
{
    int64_t far[2] = {one->there, over};
    if (pwrite(one->control, far, sizeof(far), 0) != (ssize_t)sizeof(far))
        atomic_store(&one->stop, true);
}

static void grower_end(struct grower *one)
{
    struct error ignored;
    atomic_store(&one->stop, true);
    tell_engine(one, true);
    pthread_join(one->thread, NULL);
    (void)!folder_remove(one->folder, &ignored);
    if (one->data >= 0)
        close(one->data);
    close(one->control);
    json_decref(one->facts);
    free(one->name);
    free(one);
}

static struct grower *grower_named(struct growers *g, const char *file, int *count)
{
    struct grower *found = NULL;
    *count = 0;
    for (struct grower *one = g->first; one; one = one->next, ++*count)
        if (strcmp(one->file, file) == 0)
            found = one;
    return found;
}

static void grower_begin(struct growers *g, const char *file, const char *path)
{
    struct grower *one = must(calloc(1, sizeof(*one)));
    const char *slash = strrchr(path, '/');
    one->g = g;
    one->data = -1;
    one->listed = true;
    one->name = must(strdup(slash ? slash + 1 : path));
    text_copy(text_of(file), one->file, sizeof(one->file));
    snprintf(one->folder, sizeof(one->folder), "%.4000s/growing.%s", g->wish.scratch, file);
    one->control = memfd_create("growing", MFD_CLOEXEC);
    tell_engine(one, false);
    pthread_mutex_lock(&g->lock);
    bool ok = one->control >= 0 && pthread_create(&one->thread, NULL, grow, one) == 0;
    one->next = g->first;
    if (ok)
        g->first = one;
    pthread_mutex_unlock(&g->lock);
    if (!ok) {
        close(one->control);
        free(one->name);
        free(one);
    }
}

struct turn {
    struct arena *a;
    int64_t lost_before_ms;
    struct {
        const char *file, *path;
    } at[GROWERS_MOST];
    const char *over[GROWERS_MOST]; // a person has said so, and its sender is not there to do it
    int count, over_count;
};

static bool turn_in(struct db_tx *tx, void *context, struct error *err)
{
    struct turn *t = context;
    t->over_count = 0;
    struct db_rows *over = db_query(tx,
                                    "select g.file from growing g join transfer_files f on f.id = "
                                    "g.file where f.state = 'arriving' and g.finish_by is not null "
                                    "and g.heard_ms < ?1",
                                    "i", t->lost_before_ms);
    while (db_next(over) && t->over_count < GROWERS_MOST)
        t->over[t->over_count++] = arena_text(t->a, db_text(over, 0));
    if (!db_end(over, err))
        return false;
    struct db_rows *rows = db_query(tx,
                                    "select g.file, f.path from growing g join transfer_files f on "
                                    "f.id = g.file where f.state = 'arriving' and g.state <> "
                                    "'closing' order by g.began_ms",
                                    "");
    t->count = 0;
    while (db_next(rows) && t->count < GROWERS_MOST) {
        t->at[t->count].file = arena_text(t->a, db_text(rows, 0));
        t->at[t->count++].path = arena_text(t->a, db_text(rows, 1));
    }
    return db_end(rows, err);
}

static void look_at(struct growers *g, struct grower *one)
{
    int fd;
    int64_t bytes;
    struct error none;
    one->listed = true;
    if (!store_upload_open(g->wish.store, one->file, &fd, &bytes, &none))
        return;
    pthread_mutex_lock(&g->lock);
    if (one->data < 0)
        one->data = fd;
    else
        close(fd);
    one->there = bytes > one->there ? bytes : one->there;
    pthread_mutex_unlock(&g->lock);
    tell_engine(one, false);
}

static void end_some(struct growers *g, bool all)
{
    pthread_mutex_lock(&g->lock);
    struct grower *gone = NULL, **at = &g->first;
    while (*at) {
        struct grower *one = *at;
        if (all || !one->listed) {
            *at = one->next;
            one->next = gone;
            gone = one;
        } else {
            at = &one->next;
        }
    }
    pthread_mutex_unlock(&g->lock);
    for (struct grower *next; gone; gone = next) {
        next = gone->next;
        grower_end(gone);
    }
}

bool growers_turn(struct growers *g, struct error *err)
{
    struct turn t = {.a = arena_open((size_t)4 << 20),
                     .lost_before_ms = clock_now_ms() - growers_lost_ms(g)};
    bool ok = db_read(g->wish.db, turn_in, &t, err);
    for (struct grower *one = g->first; ok && one; one = one->next)
        one->listed = false;
    for (int i = 0; ok && i < t.count; i++) {
        int count;
        struct grower *one = grower_named(g, t.at[i].file, &count);
        if (one)
            look_at(g, one);
        else if (count < GROWERS_MOST)
            grower_begin(g, t.at[i].file, t.at[i].path);
    }
    if (ok)
        end_some(g, false);
    for (int i = 0; ok && g->wish.transfers && i < t.over_count; i++)
        ok = growing_take(g->wish.db, g->wish.transfers, t.over[i], err);
    arena_close(t.a);
    return ok;
}

int64_t growers_lost_ms(const struct growers *g)
{
    return g && g->wish.lost_ms ? g->wish.lost_ms : 30000;
}

void growers_close(struct growers *g)
{
    if (!g)
        return;
    end_some(g, true);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

// ---- telling

static void tell_derived(const struct grower *one, json_t *row)
{
    static const char *const films[][2] = {{"scrub", "scrub.mp4"},
                                           {"scrub_index", "scrub.idx"},
                                           {"review", "review.mp4"},
                                           {"review_index", "review.idx"}};
    json_t *list = json_object_get(row, "derived");
    char path[PATH_MAX];
    int64_t size;
    for (size_t i = 0; i < sizeof(films) / sizeof(films[0]); i++)
        if (path_join(path, sizeof(path), one->folder, films[i][1]) && file_look(path, NULL, &size))
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:I, s:b, s:o}", "kind", films[i][0], "name",
                                films[i][1], "size", (json_int_t)size, "growing", true, "path",
                                json_sprintf("growing.%s/%s", one->file, films[i][1])));
}

static void tell_duration(const struct grower *one, json_t *row)
{
    struct error none;
    struct tc_rate counting;
    rational rate;
    const char *said = json_string_value(json_object_get(one->facts, "rate"));
    bool drop = json_is_true(json_object_get(json_object_get(one->facts, "timecode"), "drop"));
    if (said && rational_parse(text_of(said), &rate, &none) &&
        (tc_rate_make(rate, drop, &counting, &none) || tc_rate_make(rate, false, &counting, &none)))
        json_object_set_new(row, "duration_text",
                            json_string(tc_format(one->frames, &counting).text));
}

void growers_tell(struct growers *g, json_t *row)
{
    static const char *const words[] = {"soon", "yes", "no"};
    const char *file = json_string_value(json_object_get(row, "file"));
    int count;
    pthread_mutex_lock(&g->lock);
    const struct grower *one = grower_named(g, file, &count);
    if (one) {
        bool seen = one->sight == SIGHT_YES && one->facts;
        json_object_set_new(row, "arrived", json_integer(one->there));
        json_object_set_new(row, "frames", json_integer(one->frames));
        json_object_set_new(row, "watch", json_string(words[one->sight]));
        json_object_set_new(row, "why", json_string(one->why));
        if (seen) {
            json_object_set(row, "facts", one->facts);
            tell_duration(one, row);
            tell_derived(one, row);
        }
    }
    pthread_mutex_unlock(&g->lock);
}
