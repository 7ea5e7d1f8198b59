#include "plat/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546UL
#endif
#define EXFAT_MAGIC 0x2011bab0UL
#define ZFS_MAGIC 0x2fc12fc1UL
#define NTFS3_MAGIC 0x7366746eUL

enum { IO_CLASS_IDLE = 3, IO_CLASS_SHIFT = 13, IO_WHO_PROCESS = 1, NICE = 10 };

// Seconds may be anything that a server says; the sum must not overflow.
static int64_t ns_of(int64_t s, int64_t ns)
{
    const int64_t most = INT64_MAX / 1000000000 - 1;
    s = s > most ? most : s < -most ? -most : s;
    return s * 1000000000 + ns;
}

static int open_beneath(const char *root, const char *path, int flags)
{
    int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -errno;
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, top, *path ? path : ".", &how, sizeof(how));
    int code = fd < 0 ? -errno : fd;
    close(top);
    return code;
}

// ---- folders

struct looking {
    struct beneath_folder *f;
    bool anew;
    size_t room, names_size, names_room;
};

static void *more(void *at, size_t size)
{
    at = realloc(at, size);
    if (!at)
        abort();
    return at;
}

// Names move while they are gathered: an entry keeps its place among them until the end.
static void add(struct looking *l, const char *name, const struct beneath_entry *e)
{
    size_t size = strlen(name) + 1;
    if (l->names_size + size > l->names_room) {
        l->names_room = (l->names_room + size) * 2;
        l->f->names = more(l->f->names, l->names_room);
    }
    if (l->f->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->f->entries = more(l->f->entries, l->room * sizeof(*l->f->entries));
    }
    memcpy(l->f->names + l->names_size, name, size);
    l->f->entries[l->f->count] = *e;
    l->f->entries[l->f->count++].name = (const char *)l->names_size; // NOLINT
    l->names_size += size;
}

// What a look at a file needs of it.
static int look_at(int fd, const char *name, bool anew, struct statx *seen)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (anew ? AT_STATX_FORCE_SYNC : 0);
    unsigned wanted = STATX_TYPE | STATX_SIZE | STATX_MTIME | STATX_INO;
    return statx(fd, name, flags, wanted, seen) == 0 ? 0 : -errno;
}

// The time is asked for since NFS has no question for the number alone: it does not change.
enum { ASKED_OF_FOLDERS = STATX_INO | STATX_MTIME };

static int look_at_folder(int fd, struct statx *seen)
{
    int flags = AT_EMPTY_PATH | AT_STATX_FORCE_SYNC;
    return statx(fd, "", flags, ASKED_OF_FOLDERS, seen) == 0 ? 0 : -errno;
}

static enum file_kind kind_of(unsigned mode)
{
    return S_ISREG(mode)   ? FILE_PLAIN
           : S_ISDIR(mode) ? FILE_FOLDER
           : S_ISLNK(mode) ? FILE_LINK
                           : FILE_OTHER;
}

// 0, or why the whole folder can not be looked at: a server that is gone is not asked for each
// file, which may take a minute each.
static int look_at_one(struct looking *l, int fd, const struct dirent *d)
{
    struct beneath_entry e = {.kind = d->d_type == DT_DIR   ? FILE_FOLDER
                                      : d->d_type == DT_LNK ? FILE_LINK
                                      : d->d_type == DT_REG || d->d_type == DT_UNKNOWN
                                          ? FILE_PLAIN
                                          : FILE_OTHER};
    struct statx seen;
    int code = e.kind == FILE_PLAIN ? look_at(fd, d->d_name, l->anew, &seen) : 0;
    if (code == -ENOENT)
        return 0; // it went
    if (code < 0) {
        struct statx folder;
        e.kind = FILE_OTHER;
        e.unseen = true;
        l->f->unseen++;
        code = look_at_folder(fd, &folder);
    } else if (e.kind == FILE_PLAIN) {
        e = (struct beneath_entry){.kind = kind_of(seen.stx_mode),
                                   .size = (int64_t)seen.stx_size,
                                   .mtime_ns = ns_of(seen.stx_mtime.tv_sec, seen.stx_mtime.tv_nsec),
                                   .inode = seen.stx_ino};
    }
    if (code == 0)
        add(l, d->d_name, &e);
    return code;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct beneath_entry *)a)->name, ((const struct beneath_entry *)b)->name);
}

static int look_through(struct looking *l, DIR *d)
{
    int code = 0;
    errno = 0;
    for (struct dirent *one; code == 0 && (one = readdir(d)) != NULL; errno = 0)
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0)
            code = look_at_one(l, dirfd(d), one);
    return code < 0 ? code : -errno;
}

int beneath_look(const char *root, const char *path, bool anew, struct beneath_folder *folder)
{
    struct looking l = {.f = folder, .anew = anew};
    struct statx seen;
    memset(folder, 0, sizeof(*folder));
    int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    int code = look_at_folder(fd, &seen);
    DIR *d = code == 0 ? fdopendir(fd) : NULL;
    if (!d) {
        code = code < 0 ? code : -errno;
        close(fd);
        return code;
    }
    folder->device = makedev(seen.stx_dev_major, seen.stx_dev_minor);
    folder->inode = seen.stx_ino;
    folder->mounted = (seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    code = look_through(&l, d);
    closedir(d);
    for (size_t i = 0; i < folder->count; i++)
        folder->entries[i].name = folder->names + (size_t)folder->entries[i].name;
    if (code < 0)
        beneath_free(folder);
    else if (folder->count)
        qsort(folder->entries, folder->count, sizeof(*folder->entries), by_name);
    return code;
}

void beneath_free(struct beneath_folder *folder)
{
    free(folder->entries);
    free(folder->names);
    memset(folder, 0, sizeof(*folder));
}

bool beneath_away(int code)
{
    static const int codes[] = {ESTALE,     EIO,          ETIMEDOUT,    EHOSTDOWN, EHOSTUNREACH,
                                ENETDOWN,   ENETUNREACH,  ENETRESET,    ENOTCONN,  ESHUTDOWN,
                                ECONNRESET, ECONNABORTED, ECONNREFUSED, ENODEV,    ENXIO,
                                ENOLINK,    EREMOTEIO,    EPIPE,        ENOMEDIUM};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (code == -codes[i])
            return true;
    return false;
}

int beneath_ask(const char *root, uint64_t *inode)
{
    struct statx seen;
    if (statx(AT_FDCWD, root, AT_STATX_FORCE_SYNC, ASKED_OF_FOLDERS, &seen) != 0)
        return -errno;
    *inode = seen.stx_ino;
    return 0;
}

bool beneath_type_is_local(uint64_t type)
{
    static const uint64_t local[] = {
        EXT4_SUPER_MAGIC,  XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC, TMPFS_MAGIC, F2FS_SUPER_MAGIC,
        MSDOS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, EXFAT_MAGIC,       ZFS_MAGIC,   NTFS3_MAGIC};
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        if (type == local[i])
            return true;
    return false;
}

bool beneath_type_inodes_last(uint64_t type)
{
    return type != FUSE_SUPER_MAGIC;
}

// The type's own width and sign differ between machines; the numbers have 32 bits.
static bool type_of(const char *root, uint64_t *type)
{
    struct statfs seen;
    if (statfs(root, &seen) != 0)
        return false;
    *type = (uint32_t)seen.f_type;
    return true;
}

bool beneath_is_local(const char *root)
{
    uint64_t type;
    return type_of(root, &type) && beneath_type_is_local(type);
}

bool beneath_inodes_last(const char *root)
{
    uint64_t type;
    return type_of(root, &type) && beneath_type_inodes_last(type);
}

// ---- files

bool beneath_seen(int fd, struct beneath_file *seen)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return false;
    *seen = (struct beneath_file){s.st_size, ns_of(s.st_mtim.tv_sec, s.st_mtim.tv_nsec), s.st_ino};
    return true;
}

int beneath_open(const char *root, const char *path, struct beneath_file *seen)
{
    struct stat s;
    // What is no plain file any more must not hold us: a pipe waits for its other end.
    int fd = open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd;
    int code = fstat(fd, &s) != 0 ? -errno : !S_ISREG(s.st_mode) ? -EISDIR : 0;
    if (code < 0 || !beneath_seen(fd, seen)) {
        close(fd);
        return code < 0 ? code : -EIO;
    }
    return fd;
}

void thread_yields(void)
{
    pid_t self = (pid_t)syscall(SYS_gettid);
    (void)!setpriority(PRIO_PROCESS, (id_t)self, NICE); // best effort, both
    (void)!syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_CLASS_IDLE << IO_CLASS_SHIFT);
}
