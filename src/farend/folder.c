/*
 * To a folder. All of a package is written into .posthouse-MARK beside its place, read back from
 * the disk (past its cache where the system lets us), and renamed: one step for a package with a
 * folder of its own, one a file without. A file that was begun goes on at its end; reading back
 * judges it.
 */
#include "farend/inside.h"
#include "plat/files.h"
#include "plat/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *at, size_t size, int64_t offset, const char *path,
                      struct error *err)
{
    while (size) {
        ssize_t n = pwrite(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n < 0 ? errno : ENOSPC, "cannot write %s", path);
        at += n;
        offset += n;
        size -= (size_t)n;
    }
    return true;
}

static bool read_back(struct send *s, const struct farend_file *f, const char *path,
                      struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot read %s back", path);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    struct comparing c = {.s = s, .hash = hasher_open("sha256")};
    char *piece = malloc(PIECE);
    if (!piece)
        abort();
    bool ok = true;
    for (ssize_t n = 1; ok && n > 0;) {
        n = read(fd, piece, PIECE);
        ok = n >= 0 || error_errno(err, errno, "cannot read %s back", path);
        ok = ok && (!n || compare_piece(&c, piece, (size_t)n, err));
    }
    free(piece);
    close(fd);
    if (!ok) {
        hasher_close(c.hash);
        return false;
    }
    return compare_end(&c, f, err);
}

bool folder_copy(struct send *s, size_t number, const char *path, struct error *err)
{
    const struct farend_file *f = &s->w->files[number];
    char above[4096];
    struct stat seen;
    path_folder(path, above, sizeof(above));
    if (!folder_make(above, 0775, err))
        return false;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
    if (fd < 0 || fstat(fd, &seen) != 0)
        return error_errno(err, errno, "cannot write %s", path);
    int64_t at = seen.st_size <= f->size ? seen.st_size : 0;
    char *piece = malloc(PIECE);
    if (!piece)
        abort();
    bool ok = ftruncate(fd, (off_t)at) == 0 || error_errno(err, errno, "cannot write %s", path);
    while (ok && at < f->size) {
        size_t size = f->size - at < PIECE ? (size_t)(f->size - at) : PIECE;
        ok = s->w->read(s->w->context, number, at, piece, size, err) &&
             write_all(fd, piece, size, at, path, err);
        at += ok ? (int64_t)size : 0;
        ok = ok && (moved_to(s, at) || stopped(err));
    }
    ok = ok && (fsync(fd) == 0 || error_errno(err, errno, "cannot make %s durable", path));
    free(piece);
    close(fd);
    ok = ok && read_back(s, f, path, err);
    if (!ok && err->kind == ERROR_DAMAGED)
        unlink(path); // the next try begins anew
    s->before += ok ? f->size : 0;
    return ok;
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

// Is all of the package there already? It was sent before, and we died before we wrote it down.
static bool all_there(struct send *s, const char *at, bool *any)
{
    bool all = true;
    *any = false;
    for (size_t i = 0; i < s->w->count; i++) {
        struct error ignored;
        int64_t size;
        bool folder;
        const char *path = arena_format(s->a, "%s/%s", at, s->w->files[i].name);
        bool there = file_look(path, &folder, &size);
        *any = *any || there;
        all = all && there && !folder && read_back(s, &s->w->files[i], path, &ignored);
    }
    return all;
}

static bool place_one(const char *from, const char *to, struct error *err)
{
    char above[4096];
    path_folder(to, above, sizeof(above));
    if (!folder_make(above, 0775, err))
        return false;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return sync_folder(above) || error_errno(err, errno, "cannot make %s durable", to);
    if (errno == EEXIST || errno == ENOTEMPTY)
        return lies_there(to, err);
    if (errno != EINVAL && errno != ENOSYS)
        return error_errno(err, errno, "cannot give %s its name", to);
    if (access(to, F_OK) == 0) // a file system without it
        return lies_there(to, err);
    return rename(from, to) == 0 || error_errno(err, errno, "cannot give %s its name", to);
}

bool folder_send(struct send *s, struct error *err)
{
    const struct farend_wish *w = s->w;
    const char *path = word_of(w->settings, "path");
    const char *part = arena_format(s->a, "%s/.posthouse-%s", path, w->mark);
    const char *final = *w->folder ? arena_format(s->a, "%s/%s", path, w->folder) : path;
    struct stat seen;
    bool any = false, ok = true;
    s->place =
        w->count == 1 && !*w->folder ? arena_format(s->a, "%s/%s", path, w->files[0].name) : final;
    // Nobody makes the destination itself: a disk that is not mounted would fill the one below it.
    if (stat(path, &seen) != 0 || !S_ISDIR(seen.st_mode)) {
        error_set(err, ERROR_NOT_FOUND, "the folder %s is not there", path);
        return error_fix(err, "mount it, or make it; then try the job again");
    }
    bool there = all_there(s, final, &any);
    if (!there && any)
        return lies_there(s->place, err);
    for (size_t i = 0; !there && ok && i < w->count; i++)
        ok = folder_copy(s, i, arena_format(s->a, "%s/%s", part, w->files[i].name), err);
    if (!there && ok && *w->folder)
        ok = place_one(part, final, err);
    for (size_t i = 0; !there && ok && !*w->folder && i < w->count; i++)
        ok = place_one(arena_format(s->a, "%s/%s", part, w->files[i].name),
                       arena_format(s->a, "%s/%s", path, w->files[i].name), err);
    for (size_t i = 0; ok && i < w->count; i++)
        proven(s, w->files[i].name, "read back, SHA-256 compared");
    struct error ignored;
    if (ok && !folder_remove(part, &ignored))
        ok = true; // an empty folder is no fault
    return ok;
}

bool folder_test(const json_t *settings, struct arena *a, const char **answer, struct error *err)
{
    const char *path = word_of(settings, "path");
    int64_t unused = 0, total = 0;
    struct stat seen;
    if (stat(path, &seen) != 0 || !S_ISDIR(seen.st_mode)) {
        error_set(err, ERROR_NOT_FOUND, "the folder %s is not there", path);
        return error_fix(err, "mount it, or make it");
    }
    const char *probe = arena_format(a, "%s/.posthouse-test", path);
    if (!file_write(probe, "posthouse", 9, 0600, err) || !disk_space(path, &unused, &total, err))
        return false;
    unlink(probe);
    *answer = arena_format(a, "it can be written, %s free", size_text(unused).text);
    return true;
}
