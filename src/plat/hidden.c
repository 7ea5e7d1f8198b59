#include "plat/hidden.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 200, TRY_MS = 50, UNLOCKED_S = 24 * 3600 };

struct hidden {
    char path[PATH_MAX];
    int lock;
};

// The lock of a folder as it is there now, not of one that was removed meanwhile. -1 with errno:
// EWOULDBLOCK somebody has it, ENOENT there is no folder (or no file, when it is not to be made).
static int take(const char *folder, bool make)
{
    char path[PATH_MAX];
    struct stat held, seen;
    if (!path_join(path, sizeof(path), folder, ".lock")) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int lock = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0660);
    if (lock < 0)
        return -1;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        if (why == EWOULDBLOCK || !make) {
            close(lock);
            errno = why;
            return -1;
        }
        return lock; // a file system without locks
    }
    if (fstat(lock, &held) == 0 && stat(path, &seen) == 0 && held.st_ino == seen.st_ino &&
        held.st_dev == seen.st_dev)
        return lock;
    close(lock);
    errno = EWOULDBLOCK;
    return -1;
}

// All but the lock; that goes last, so that nobody else takes the folder before.
static bool empty(const char *folder, struct error *err)
{
    DIR *d = opendir(folder);
    bool ok = d || error_errno(err, errno, "cannot read %s", folder);
    for (const struct dirent *e; ok && (e = readdir(d));) {
        char path[PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            strcmp(e->d_name, ".lock") == 0)
            continue;
        ok = path_join(path, sizeof(path), folder, e->d_name) &&
             (unlink(path) == 0 || folder_remove(path, err));
    }
    if (d)
        closedir(d);
    return ok;
}

static bool remove_held(const char *folder, struct error *err)
{
    char path[PATH_MAX];
    if (!empty(folder, err) || !path_join(path, sizeof(path), folder, ".lock"))
        return false;
    if (unlink(path) != 0 && errno != ENOENT)
        return error_errno(err, errno, "cannot remove %s", path);
    // Not empty: somebody has just begun to use it again.
    return rmdir(folder) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT ||
           error_errno(err, errno, "cannot remove %s", folder);
}

static void remove_dead(const char *folder)
{
    struct error none;
    struct stat seen;
    int lock = take(folder, false);
    if (lock >= 0) {
        if (!remove_held(folder, &none))
            errno = 0; // the next one tries again
        close(lock);
    } else if (errno == ENOENT && stat(folder, &seen) == 0 &&
               time(NULL) - seen.st_mtime > UNLOCKED_S && !folder_remove(folder, &none)) {
        errno = 0;
    }
}

static void sweep(const char *folder, const char *front, const char *own)
{
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        char path[PATH_MAX];
        if (strncmp(e->d_name, front, strlen(front)) == 0 && strcmp(e->d_name, own) != 0 &&
            path_join(path, sizeof(path), folder, e->d_name))
            remove_dead(path);
    }
    if (d)
        closedir(d);
}

struct hidden *hidden_open(const char *folder, const char *mark, struct error *err)
{
    return hidden_open_as(folder, ".posthouse-", mark, err);
}

struct hidden *hidden_open_as(const char *folder, const char *front, const char *mark,
                              struct error *err)
{
    char name[128];
    struct hidden *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    h->lock = -1;
    snprintf(name, sizeof(name), "%s%s", front, mark);
    bool ok = path_join(h->path, sizeof(h->path), folder, name) ||
              error_set(err, ERROR_INPUT, "the folder's name is too long: %.100s", folder);
    for (int i = 0; ok && h->lock < 0; i++) {
        ok = folder_make(h->path, 0775, err);
        h->lock = ok ? take(h->path, true) : -1;
        if (!ok || h->lock >= 0)
            break;
        if ((errno != EWOULDBLOCK && errno != ENOENT) || i == TRIES)
            ok = error_errno(err, errno, "cannot use %s", h->path);
        else
            clock_sleep_ms(errno == ENOENT ? 0 : TRY_MS);
    }
    ok = ok && empty(h->path, err);
    if (ok) {
        sweep(folder, front, name);
        return h;
    }
    if (h->lock >= 0)
        close(h->lock);
    free(h);
    return NULL;
}

const char *hidden_path(const struct hidden *h)
{
    return h->path;
}

bool hidden_close(struct hidden *h, struct error *err)
{
    if (!h)
        return true;
    bool ok = remove_held(h->path, err);
    close(h->lock);
    free(h);
    return ok;
}
