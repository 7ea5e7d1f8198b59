/*
 * A copy of all bytes that a database names, for backups and for bringing one back.
 *
 * Extents never change and packs only grow, so what has its name in the copy is whole; a pack that
 * has grown since is copied again. Only live ranges are copied: dead ones stay holes.
 */
#include "store/store_inside.h"

#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int hold_open(const char *folder, int how)
{
    char path[PATH_MAX];
    if (!path_join(path, sizeof(path), folder, "hold"))
        return errno = ENAMETOOLONG, -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    while (fd >= 0 && flock(fd, how) != 0) {
        if (errno == EINTR)
            continue;
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

int store_hold(const char *folder, struct error *err)
{
    int fd = hold_open(folder, LOCK_SH);
    if (fd < 0)
        error_errno(err, errno, "cannot hold the store in %s", folder);
    return fd;
}

int store_hold_alone(const char *folder)
{
    return hold_open(folder, LOCK_EX | LOCK_NB);
}

struct copying {
    struct store_copy *wish;
    char *bytes;
    int64_t total, done;
    // the extent that is being copied
    char extent[27], from[PATH_MAX], to[PATH_MAX], part[PATH_MAX + 8];
    int64_t size;
    int in, out; // out -1: not copied: there already, damaged, or only listed
    bool spoilt, there;
};

static bool total_in(struct db_tx *tx, void *context, struct error *err)
{
    struct copying *c = context;
    return db_one_int(tx, &c->total, 0, err, "select coalesce(sum(length), 0) from chunks where extent not in (select id from "
                      "extents where kind = 'place')",
                      "") &&
           db_one_int(tx, &c->wish->place_files, 0, err,
                      "select coalesce(sum(files), 0) from places", "") &&
           db_one_int(tx, &c->wish->place_bytes, 0, err,
                      "select coalesce(sum(bytes), 0) from places", "");
}

static bool trouble(struct copying *c, const char *doing, struct error *err)
{
    error_errno(err, errno, "%s %s", doing, c->part);
    return error_fix(err,
                     "look at the disk that the copy goes to; what is copied stays, and a next "
                     "run goes on");
}

static bool extent_begin(struct copying *c, const struct check_row *r, struct error *err)
{
    struct store_copy *w = c->wish;
    struct stat seen;
    char above[PATH_MAX];
    memcpy(c->extent, r->extent, sizeof(c->extent));
    c->size = r->extent_size;
    c->spoilt = c->there = false;
    c->in = c->out = -1;
    w->files++;
    if (w->list)
        buf_format(w->list, "%lld %s\n", (long long)r->extent_size, r->path);
    if (!w->from)
        return true;
    if (!path_join(c->from, sizeof(c->from), w->from, r->path) ||
        !path_join(c->to, sizeof(c->to), w->to, r->path))
        return error_set(err, ERROR_INPUT, "the path of the store is too long");
    snprintf(c->part, sizeof(c->part), "%s.part", c->to);
    c->there = stat(c->to, &seen) == 0 && seen.st_size == r->extent_size;
    c->in = open(c->there ? c->to : c->from, O_RDONLY | O_CLOEXEC);
    if (c->there)
        return true;
    path_folder(c->to, above, sizeof(above));
    if (!folder_make(above, 0755, err))
        return false;
    c->out = open(c->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return c->out >= 0 || trouble(c, "cannot make", err);
}

static bool row_copy(struct copying *c, const struct check_row *r, struct error *err)
{
    struct store_copy *w = c->wish;
    c->done += r->length;
    w->bytes += r->length;
    if (!w->from || (c->there && !w->verify))
        return true;
    const char *what = store_row_look(r, c->in, c->bytes, true);
    if (what) {
        struct store_damage d = {
            .path = c->there ? c->to : c->from, .offset = r->at, .length = r->length, .what = what};
        w->damage++;
        c->spoilt = true;
        if (w->damaged)
            w->damaged(w->context, &d);
        return true;
    }
    for (int64_t at = 0; c->out >= 0 && at < r->length;) {
        ssize_t put = pwrite(c->out, c->bytes + at, (size_t)(r->length - at), r->at + at);
        if (put < 0 && errno != EINTR)
            return trouble(c, "cannot write", err);
        at += put > 0 ? put : 0;
    }
    if (c->out >= 0)
        w->copied_bytes += r->length;
    return true;
}

static bool extent_end(struct copying *c, struct error *err)
{
    bool ok = true;
    char above[PATH_MAX];
    if (c->in >= 0)
        close(c->in);
    if (c->out >= 0) {
        if (c->spoilt)
            ok = unlink(c->part) == 0 || trouble(c, "cannot remove", err);
        else if (ftruncate(c->out, c->size) != 0 || fsync(c->out) != 0 ||
                 rename(c->part, c->to) != 0)
            ok = trouble(c, "cannot finish", err);
        close(c->out);
        path_folder(c->to, above, sizeof(above));
        int folder = ok ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (folder >= 0) {
            if (fsync(folder) != 0)
                ok = trouble(c, "cannot make durable", err);
            close(folder);
        }
    } else if (c->there && c->spoilt) {
        ok = unlink(c->to) == 0 || trouble(c, "cannot remove", err); // the next run copies it again
    }
    c->in = c->out = -1;
    c->extent[0] = 0;
    return ok;
}

bool store_copy(struct store_copy *wish, struct error *err)
{
    struct copying c = {.wish = wish, .in = -1, .out = -1};
    wish->files = wish->bytes = wish->copied_bytes = wish->damage = 0;
    wish->place_files = wish->place_bytes = 0;
    if (!db_read(wish->db, total_in, &c, err))
        return false;
    struct check_page *p = calloc(1, sizeof(*p));
    c.bytes = malloc((size_t)STORE_CHUNK);
    if (!p || !c.bytes)
        abort();
    p->after_at = -1;
    bool ok = true;
    do {
        ok = db_read(wish->db, store_page_read, p, err);
        for (size_t i = 0; ok && i < p->count; i++) {
            const struct check_row *r = &p->rows[i];
            if (strcmp(c.extent, r->extent) != 0)
                ok = (!c.extent[0] || extent_end(&c, err)) && extent_begin(&c, r, err);
            ok = ok && row_copy(&c, r, err);
            if (ok && wish->progress && !wish->progress(wish->context, c.done, c.total))
                ok = error_set(err, ERROR_CANCELLED, "the copy was stopped");
        }
        if (p->count) {
            memcpy(p->after_extent, p->rows[p->count - 1].extent, sizeof(p->after_extent));
            p->after_at = p->rows[p->count - 1].at;
        }
    } while (ok && p->count == CHECK_BATCH);
    if (ok && c.extent[0])
        ok = extent_end(&c, err);
    if (c.in >= 0)
        close(c.in);
    if (c.out >= 0)
        close(c.out);
    free(c.bytes);
    free(p);
    return ok;
}
