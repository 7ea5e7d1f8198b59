/*
 * The copying. Small files wait for the disks' syncs, not for bytes, so several go at once; of
 * large ones there is one at a time, so that a disk with a head does not run between two.
 */
#include "offload/inside.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_ONCE = 4 };
#define SMALL_BYTES ((int64_t)4 << 20)

struct running {
    struct offload *o;
    const struct offload_wish *wish;
    pthread_mutex_t lock; // guards the plan's arena, places and numbers, and all below
    pthread_mutex_t large;
    size_t next;
    bool over; // nothing more is begun
    bool cancelled;
    struct error *stopped;
};

static struct error *keep(struct offload *o, const struct error *err)
{
    struct error *kept = ARENA_NEW(o->a, struct error);
    *kept = *err;
    return kept;
}

static bool going(void *context, int64_t more_bytes)
{
    struct running *r = context;
    pthread_mutex_lock(&r->lock);
    bool go = !r->wish->going || r->wish->going(r->wish->context, more_bytes);
    r->cancelled = r->cancelled || !go;
    go = !r->cancelled;
    pthread_mutex_unlock(&r->lock);
    return go;
}

static void synced(void *context, const char *path)
{
    struct running *r = context;
    r->wish->synced(r->wish->context, path);
}

// ---- what became of a file

static const char *digest_text(struct arena *a, enum mhl_kind kind, const char *hex)
{
    char c4[C4_SIZE];
    uint8_t raw[64];
    unsigned byte;
    if (kind != MHL_C4)
        return arena_text(a, hex);
    for (size_t i = 0; i < sizeof(raw); i++)
        raw[i] = sscanf(&hex[2 * i], "%2x", &byte) == 1 ? (uint8_t)byte : 0;
    c4_text(raw, c4);
    return arena_text(a, c4);
}

static void place_fails(struct offload *o, struct offload_place *p, const struct error *err)
{
    p->wrong++;
    if (!p->problem)
        p->problem = keep(o, err);
    // Further files would fail the same way, slowly.
    p->lost = p->lost || err->kind == ERROR_NO_SPACE ||
              (err->kind == ERROR_IO && access(p->folder, W_OK) != 0);
}

static void say_copy(const struct copy *c, struct error *err)
{
    if (c->state == COPY_CONFLICT) {
        error_set(err, ERROR_CONFLICT, "%s is there and is something else", c->path);
        error_why(err, "its bytes are not those on the card; nothing was written over");
        error_fix(err, "look which of both is wanted, move that one away, then run it again");
    } else if (c->state == COPY_WRONG) {
        error_set(err, ERROR_DAMAGED, "%s was not written as it was read", c->path);
        error_why(err, "what came back from the disk has another digest; it was thrown away");
        error_fix(err, "look at that disk, its cable and the memory, then run it again");
    } else {
        error_errno(err, c->errno_value, "cannot %s %s", c->step, c->path);
        error_fix(err, "look at that disk, then run it again: what is good is kept");
    }
}

// A chain of generations goes on in a copy; it may be longer there than on the card.
static bool chain_goes_on(struct offload *o, const struct offload_file *f, const char *there)
{
    const char *paths[2] = {arena_format(o->a, "%s/%s", o->card, f->path), there};
    struct mhl_chain_row *rows[2] = {NULL, NULL};
    size_t counts[2] = {0, 0};
    struct error none;
    bool ok = text_ends(text_of(f->path), "ascmhl/ascmhl_chain.xml");
    for (int i = 0; i < 2 && ok; i++) {
        struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
        ok = file_read(paths[i], &bytes, &none) &&
             mhl_chain_read((text){bytes.at, bytes.size}, o->a, &rows[i], &counts[i], &none);
        buf_free(&bytes);
    }
    ok = ok && counts[0] <= counts[1];
    for (size_t i = 0; i < counts[0] && ok; i++)
        ok = strcmp(rows[0][i].c4, rows[1][i].c4) == 0 &&
             strcmp(rows[0][i].path, rows[1][i].path) == 0;
    return ok;
}

static void settle_copies(struct offload *o, struct offload_file *f, const struct copy *copies,
                          const size_t *places, size_t count)
{
    struct error bad;
    for (size_t i = 0; i < count; i++) {
        struct offload_place *p = &o->places[places[i]];
        struct copy *c = &f->copies[places[i]];
        *c = copies[i];
        if (c->state == COPY_CONFLICT && chain_goes_on(o, f, c->path))
            c->state = COPY_THERE;
        if (c->state == COPY_MADE || c->state == COPY_THERE) {
            p->made += c->state == COPY_MADE, p->there += c->state == COPY_THERE;
            p->direct = p->direct && (c->direct || !f->size);
            continue;
        }
        say_copy(c, &bad);
        place_fails(o, p, &bad);
    }
}

static void compare_lists(struct offload *o, struct offload_file *f)
{
    bool some = false;
    for (int k = 0; k < MHL_KINDS; k++)
        if (f->wanted[k]) {
            some = true;
            f->differs = f->differs || strcmp(f->wanted[k], f->digests[k]) != 0;
        }
    o->compared += some;
    o->differing += f->differs;
}

// A card that is gone fails everything that follows.
static bool card_there(const struct offload *o)
{
    struct stat st;
    return stat(o->card, &st) == 0 && (uint64_t)st.st_dev == o->device;
}

static void settle_source(struct running *r, struct offload_file *f, const struct error *err)
{
    struct offload *o = r->o;
    f->problem = keep(o, err);
    o->unread++;
    if (err->kind == ERROR_CANCELLED) {
        r->stopped = r->stopped ? r->stopped : f->problem;
        r->over = true;
    } else if (!card_there(o)) {
        struct error gone;
        error_set(&gone, ERROR_IO, "the card is gone");
        error_why(&gone, "%s is not there any more, since %s", o->card, f->path);
        error_fix(&gone, "put it in again and run the same again: what is good is kept");
        r->stopped = r->stopped ? r->stopped : keep(o, &gone);
        r->over = true;
    }
}

static size_t open_copies(struct running *r, struct offload_file *f, struct copy *copies,
                          size_t *places)
{
    size_t count = 0;
    for (size_t i = 0; i < r->o->place_count; i++) {
        const struct offload_place *p = &r->o->places[i];
        if (p->lost)
            continue;
        places[count] = i;
        copies[count++] = (struct copy){.path = arena_format(r->o->a, "%s/%s", p->target, f->path)};
    }
    return count;
}

static void do_file(struct running *r, struct offload_file *f)
{
    struct copy copies[COPIES_PLACES];
    size_t places[COPIES_PLACES];
    const char *names[MHL_KINDS];
    enum mhl_kind kinds[MHL_KINDS];
    struct copies_result result;
    struct error err;
    struct copies_wish wish = {.kinds = names,
                               .content = r->wish->content,
                               .copies = copies,
                               .going = going,
                               .context = r,
                               .synced = r->wish->synced ? synced : NULL};
    for (int pass = 0; pass < 2; pass++) // those of the wish first: copies are read back by one
        for (int k = MHL_KINDS - 1; k >= 0; k--)
            if (pass == 0 ? r->wish->kinds[k] : f->wanted[k] && !r->wish->kinds[k]) {
                kinds[wish.kind_count] = (enum mhl_kind)k;
                names[wish.kind_count++] = k == MHL_C4 ? "sha512" : mhl_names[k];
            }
    pthread_mutex_lock(&r->lock);
    wish.count = open_copies(r, f, copies, places);
    wish.source = arena_format(r->o->a, "%s/%s", r->o->card, f->path);
    pthread_mutex_unlock(&r->lock);
    bool ok = copies_make(&wish, &result, &err);
    if (ok && (result.size != f->size || result.modified_ns != f->modified_ns)) {
        // The copies are of what it is now, whole; the card, though, is in use.
        ok =
            error_set(&err, ERROR_CONFLICT, "%s changed since the card was looked at", wish.source);
        error_fix(&err, "wait until nothing writes to the card, then run it again");
    }
    pthread_mutex_lock(&r->lock);
    if (!ok) {
        settle_source(r, f, &err);
    } else {
        for (size_t i = 0; i < wish.kind_count; i++)
            f->digests[kinds[i]] = digest_text(r->o->a, kinds[i], result.digests[i]);
        f->content = result.content;
        compare_lists(r->o, f);
        settle_copies(r->o, f, copies, places, wish.count);
    }
    bool lost = r->o->place_count > 0;
    for (size_t i = 0; i < r->o->place_count; i++)
        lost = lost && r->o->places[i].lost;
    r->over = r->over || lost;
    pthread_mutex_unlock(&r->lock);
}

static void *work(void *context)
{
    struct running *r = context;
    for (;;) {
        pthread_mutex_lock(&r->lock);
        while (r->next < r->o->count && r->o->files[r->next].folder)
            r->next++;
        struct offload_file *f = r->over || r->next == r->o->count ? NULL : &r->o->files[r->next++];
        pthread_mutex_unlock(&r->lock);
        if (!f)
            return NULL;
        bool large = f->size >= SMALL_BYTES;
        if (large)
            pthread_mutex_lock(&r->large);
        do_file(r, f);
        if (large)
            pthread_mutex_unlock(&r->large);
    }
}

// ---- folders

static void make_folders(struct offload *o)
{
    struct error err;
    for (size_t i = 0; i < o->place_count; i++) {
        struct offload_place *p = &o->places[i];
        bool ok = folder_make(p->target, 0755, &err);
        for (size_t k = 0; k < o->count && ok; k++)
            if (o->files[k].folder)
                ok = folder_make(arena_format(o->a, "%s/%s", p->target, o->files[k].path), 0755,
                                 &err);
        if (!ok) {
            place_fails(o, p, &err);
            p->lost = true;
        }
    }
}

static void folder_time(const char *card, const char *copy)
{
    struct stat st;
    int fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (stat(card, &st) == 0) {
        struct timespec times[2] = {st.st_atim, st.st_mtim};
        futimens(fd, times); // some file systems keep none of folders
        fsync(fd);
    }
    close(fd);
}

void offload_folder_times(const struct offload *o, const struct offload_place *p)
{
    char card[PATH_MAX], copy[PATH_MAX];
    for (size_t i = o->count; i-- > 0;) // what is inside first
        if (o->files[i].folder && path_join(card, sizeof(card), o->card, o->files[i].path) &&
            path_join(copy, sizeof(copy), p->target, o->files[i].path))
            folder_time(card, copy);
    folder_time(o->card, p->target);
}

// ---- the whole

// Two offloads into one folder would throw away each other's half copies.
static bool lock_targets(struct offload *o, int *fds, struct error *err)
{
    for (size_t i = 0; i < o->place_count; i++) {
        struct offload_place *p = &o->places[i];
        fds[i] = p->lost ? -1 : open(p->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fds[i] < 0 || flock(fds[i], LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            continue;
        error_set(err, ERROR_CONFLICT, "another offload writes to %s", p->target);
        return error_fix(err, "wait until it is done");
    }
    return true;
}

static bool all_lost(struct offload *o, struct error *err)
{
    for (size_t i = 0; i < o->place_count; i++)
        if (!o->places[i].lost)
            return false;
    if (o->place_count)
        *err = *o->places[0].problem;
    return o->place_count > 0;
}

bool offload_run(struct offload *o, const struct offload_wish *wish, struct error *err)
{
    struct running r = {.o = o,
                        .wish = wish,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .large = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[AT_ONCE];
    int locks[COPIES_PLACES], started = 0;
    for (size_t i = 0; i < COPIES_PLACES; i++)
        locks[i] = -1, o->places[i].direct = true;
    make_folders(o);
    bool ok = lock_targets(o, locks, err);
    for (int i = 0; i < AT_ONCE && ok; i++)
        started += pthread_create(&threads[started], NULL, work, &r) == 0;
    if (ok && !started)
        work(&r);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < o->place_count; i++) {
        struct offload_place *p = &o->places[i];
        p->whole =
            ok && !r.stopped && !p->lost && !o->unread && p->made + p->there == o->file_count;
        if (ok && !p->lost)
            offload_folder_times(o, p);
        if (locks[i] >= 0)
            close(locks[i]);
    }
    if (ok && r.stopped) {
        *err = *r.stopped;
        return false;
    }
    return ok && !all_lost(o, err);
}
