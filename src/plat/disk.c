#include "plat/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int sys_open(struct disk *d, const char *path, int flags)
{
    (void)d;
    int fd = open(path, flags | O_CLOEXEC, 0640);
    return fd < 0 ? -errno : fd;
}

static int sys_pwrite(struct disk *d, int fd, const void *at, size_t size, int64_t offset)
{
    (void)d;
    const char *next = at;
    while (size) {
        ssize_t put = pwrite(fd, next, size, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        if (put == 0)
            return -ENOSPC;
        next += put;
        offset += put;
        size -= (size_t)put;
    }
    return 0;
}

static int sys_datasync(struct disk *d, int fd)
{
    (void)d;
    return fdatasync(fd) == 0 ? 0 : -errno;
}

static int sys_truncate(struct disk *d, int fd, int64_t size)
{
    (void)d;
    return ftruncate(fd, size) == 0 ? 0 : -errno;
}

static int sys_rename(struct disk *d, const char *from, const char *to)
{
    (void)d;
    return rename(from, to) == 0 ? 0 : -errno;
}

static int sys_unlink(struct disk *d, const char *path)
{
    (void)d;
    return unlink(path) == 0 ? 0 : -errno;
}

static int sys_mkdir(struct disk *d, const char *path)
{
    (void)d;
    return mkdir(path, 0750) == 0 || errno == EEXIST ? 0 : -errno;
}

static int sys_sync_folder(struct disk *d, const char *path)
{
    (void)d;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return code;
}

static void sys_push(struct disk *d, int fd, int64_t offset, int64_t size)
{
    (void)d;
    // No answer is needed: the datasync that follows tells of every failure.
    (void)sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE);
}

static int sys_space(struct disk *d, const char *path, int64_t *free_bytes, int64_t *total_bytes)
{
    (void)d;
    struct statvfs seen;
    if (statvfs(path, &seen) != 0)
        return -errno;
    *free_bytes = (int64_t)seen.f_bavail * (int64_t)seen.f_frsize;
    *total_bytes = (int64_t)seen.f_blocks * (int64_t)seen.f_frsize;
    return 0;
}

static void sys_close(struct disk *d, int fd)
{
    (void)d;
    close(fd);
}

struct disk *disk_system(void)
{
    static struct disk system = {sys_open,   sys_pwrite, sys_datasync, sys_truncate,
                                 sys_rename, sys_unlink, sys_mkdir,    sys_sync_folder,
                                 sys_push,   sys_space,  sys_close};
    return &system;
}
