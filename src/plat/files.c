#include "plat/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { DEPTH = 64 };

bool file_read(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot read %s", path);
    bool done = false;
    for (;;) {
        char part[65536];
        ssize_t got = read(fd, part, sizeof(part));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            error_errno(err, errno, "cannot read %s", path);
            break;
        }
        if (got == 0) {
            done = true;
            break;
        }
        if (!buf_add(out, part, (size_t)got)) {
            error_set(err, ERROR_TOO_BIG, "cannot read %s", path);
            error_why(err, "it is longer than %s", size_text((int64_t)out->limit).text);
            break;
        }
    }
    close(fd);
    return done;
}

static bool write_all(int fd, const char *at, size_t size)
{
    while (size) {
        ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int kept = errno;
    if (fd >= 0)
        close(fd);
    errno = kept;
    return ok;
}

bool file_write(const char *path, const void *at, size_t size, int mode, struct error *err)
{
    char folder[PATH_MAX], temporary[PATH_MAX + 16];
    path_folder(path, folder, sizeof(folder));
    snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "cannot write %s", path);
    bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, at, size) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(temporary, path) != 0) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        unlink(temporary);
        return error_errno(err, why, "cannot write %s", path);
    }
    return sync_folder(folder) || error_errno(err, errno, "cannot make %s durable", path);
}

bool file_map(const char *path, const uint8_t **at, size_t *size, struct error *err)
{
    struct stat s;
    *at = NULL;
    *size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &s) < 0) {
        error_errno(err, errno, "cannot read %s", path);
        if (file >= 0)
            close(file);
        return false;
    }
    if (!S_ISREG(s.st_mode)) {
        close(file);
        return error_set(err, ERROR_INPUT, "%s is not a file", path);
    }
    void *map = s.st_size ? mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
    int failed = errno;
    close(file);
    if (map == MAP_FAILED)
        return error_errno(err, failed, "cannot read %s", path);
    *at = map;
    *size = (size_t)s.st_size;
    return true;
}

void file_unmap(const uint8_t *at, size_t size)
{
    if (at)
        munmap((void *)(uintptr_t)at, size);
}

bool file_look(const char *path, bool *folder, int64_t *size)
{
    struct stat s;
    if (stat(path, &s) < 0)
        return false;
    if (folder)
        *folder = S_ISDIR(s.st_mode);
    if (size)
        *size = s.st_size;
    return true;
}

void files_like(const char *pattern, void (*found)(void *context, const char *path, int64_t size),
                void *context)
{
    glob_t all;
    if (glob(pattern, 0, NULL, &all) == 0)
        for (size_t i = 0; i < all.gl_pathc; i++) {
            struct stat s;
            if (stat(all.gl_pathv[i], &s) == 0 && S_ISREG(s.st_mode))
                found(context, all.gl_pathv[i], s.st_size);
        }
    globfree(&all);
}

bool folder_make(const char *path, int mode, struct error *err)
{
    char part[PATH_MAX];
    if (!text_copy(text_of(path), part, sizeof(part)))
        return error_set(err, ERROR_INPUT, "the folder's name is too long");
    for (char *p = part + 1;; p++) {
        char was = *p;
        if (was && was != '/')
            continue;
        *p = 0;
        if (mkdir(part, (mode_t)mode) != 0 && errno != EEXIST)
            return error_errno(err, errno, "cannot make the folder %s", part);
        *p = was;
        if (!was)
            break;
    }
    struct stat seen;
    if (stat(path, &seen) != 0)
        return error_errno(err, errno, "cannot make the folder %s", path);
    if (!S_ISDIR(seen.st_mode)) {
        error_set(err, ERROR_CONFLICT, "cannot make the folder %s", path);
        return error_why(err, "there is something else of that name");
    }
    return true;
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *at)
{
    (void)seen;
    (void)type;
    (void)at;
    return remove(path);
}

bool folder_remove(const char *path, struct error *err)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        return error_errno(err, errno, "cannot remove %s", path);
    return true;
}

bool path_join(char *to, size_t room, const char *folder, const char *name)
{
    size_t size = strlen(folder);
    const char *between = size == 0 || folder[size - 1] == '/' || !*name ? "" : "/";
    int need = snprintf(to, room, "%s%s%s", folder, between, name);
    return need >= 0 && (size_t)need < room;
}

void path_folder(const char *path, char *to, size_t room)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(to, room, ".");
    else if (slash == path)
        snprintf(to, room, "/");
    else
        snprintf(to, room, "%.*s", (int)(slash - path), path);
}

// ---- walking

struct above { // folders that the walk is in, to see loops
    const struct above *next;
    dev_t device;
    ino_t inode;
};

static bool visit(const struct walk_wish *wish, const char *path, const char *relative, dev_t disk,
                  const struct above *above, int depth, bool *over, struct error *err);

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool visit_inside(const struct walk_wish *wish, const char *path, const char *relative,
                         dev_t disk, const struct above *above, int depth, bool *over,
                         struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, not_dots, by_name);
    if (count < 0)
        return error_errno(err, errno, "cannot look into the folder %s", path);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        char child[PATH_MAX], below[PATH_MAX];
        if (ok && !*over) {
            if (!path_join(child, sizeof(child), path, entries[i]->d_name) ||
                !path_join(below, sizeof(below), relative, entries[i]->d_name)) {
                ok = error_set(err, ERROR_INPUT, "a path in %s is too long", path);
                error_why(err, "this system takes %d bytes", PATH_MAX);
            } else {
                ok = visit(wish, child, below, disk, above, depth, over, err);
            }
        }
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool visit(const struct walk_wish *wish, const char *path, const char *relative, dev_t disk,
                  const struct above *above, int depth, bool *over, struct error *err)
{
    struct stat seen;
    int flags = wish->follow_links || depth == 0 ? 0 : AT_SYMLINK_NOFOLLOW;
    if (fstatat(AT_FDCWD, path, &seen, flags) != 0) {
        // A link to nowhere is shown as a link; a file that went away meanwhile is an error.
        if (errno != ENOENT || fstatat(AT_FDCWD, path, &seen, AT_SYMLINK_NOFOLLOW) != 0)
            return error_errno(err, errno, "cannot look at %s", path);
    }
    struct file_seen f = {
        .path = path,
        .relative = relative,
        .kind = S_ISREG(seen.st_mode)   ? FILE_PLAIN
                : S_ISDIR(seen.st_mode) ? FILE_FOLDER
                : S_ISLNK(seen.st_mode) ? FILE_LINK
                                        : FILE_OTHER,
        .size = seen.st_size,
        .modified_ms = (int64_t)seen.st_mtim.tv_sec * 1000 + seen.st_mtim.tv_nsec / 1000000,
        .modified_ns = (int64_t)seen.st_mtim.tv_sec * 1000000000 + seen.st_mtim.tv_nsec,
        .changed_ns = (int64_t)seen.st_ctim.tv_sec * 1000000000 + seen.st_ctim.tv_nsec,
        .device = seen.st_dev,
        .inode = seen.st_ino,
    };
    bool enter = f.kind == FILE_FOLDER && !(wish->one_disk && depth > 0 && seen.st_dev != disk);
    error_clear(err);
    if (!wish->seen(wish->context, &f, &enter, err)) {
        *over = true;
        return err->kind == ERROR_NONE;
    }
    if (f.kind != FILE_FOLDER || !enter)
        return true;
    if (depth >= (wish->depth > 0 ? wish->depth : DEPTH)) {
        error_set(err, ERROR_TOO_BIG, "cannot look into the folder %s", path);
        return error_why(err, "it lies more than %d folders deep",
                         wish->depth > 0 ? wish->depth : DEPTH);
    }
    for (const struct above *a = above; a; a = a->next) {
        if (a->device == seen.st_dev && a->inode == seen.st_ino) {
            error_set(err, ERROR_INPUT, "cannot look into the folder %s", path);
            error_why(err, "a symbolic link in it leads back to a folder above");
            return error_fix(err, "remove that link, or do not follow links");
        }
    }
    struct above here = {above, seen.st_dev, seen.st_ino};
    return visit_inside(wish, path, relative, depth == 0 ? seen.st_dev : disk, &here, depth + 1,
                        over, err);
}

bool folder_walk(const char *root, const struct walk_wish *wish, struct error *err)
{
    bool over = false;
    return visit(wish, root, "", 0, NULL, 0, &over, err);
}

// ---- pieces of open files

int64_t fd_read_all(int fd, void *to, size_t size, int64_t offset)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = offset < 0 ? read(fd, (char *)to + have, size - have)
                                 : pread(fd, (char *)to + have, size - have, offset + (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (int64_t)have;
}

bool fd_write_all(int fd, const void *at, size_t size, int64_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t put =
            offset < 0 ? write(fd, (const char *)at + done, size - done)
                       : pwrite(fd, (const char *)at + done, size - done, offset + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put == 0)
            errno = ENOSPC;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

// ---- disks

bool disk_space(const char *path, int64_t *free_bytes, int64_t *total_bytes, struct error *err)
{
    struct statvfs seen;
    if (statvfs(path, &seen) != 0)
        return error_errno(err, errno, "cannot see how full the disk of %s is", path);
    *free_bytes = (int64_t)seen.f_bavail * (int64_t)seen.f_frsize;
    if (total_bytes)
        *total_bytes = (int64_t)seen.f_blocks * (int64_t)seen.f_frsize;
    return true;
}

bool same_file_system(const char *a, const char *b)
{
    struct stat one, two;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev;
}

enum file_writer file_writer(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return WRITER_UNKNOWN;
    // Who opens it while the lease is held waits a moment; the news of that (SIGIO, which would end
    // us) comes as a signal that nobody minds.
    bool quiet = fcntl(fd, F_SETSIG, SIGURG) == 0;
    bool leased = quiet && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    bool some = quiet && !leased && errno == EAGAIN;
    if (leased)
        fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    return leased ? WRITER_NONE : some ? WRITER_SOME : WRITER_UNKNOWN;
}
