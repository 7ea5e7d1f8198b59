/*
 * nfs_mount: an NFS export as a folder, for tests on machines whose kernel has no client for NFS:
 * libnfs speaks with the server, FUSE with the kernel. It behaves as the kernel's client does where
 * a program sees it:
 *
 *   hard       (the usual) a server that does not answer is waited for, for ever
 *   soft       after some seconds the call is EIO
 *   actimeo=S  sizes, times and names are remembered for so long
 *
 * NFS 3: libnfs 4.0 loses count of what is open with NFS 4. A server that was started again is
 * spoken with again; files that are open are opened again there. Read-only. nfs_mount URL FOLDER
 * [soft] [actimeo=S]: stays in the foreground; URL as libnfs has it, such as
 * nfs://127.0.0.1/share?version=3
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <nfsc/libnfs-raw-nfs.h>
#include <nfsc/libnfs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SOFT_MS = 3000, HARD_MS = 10000, PAUSE_MS = 200 };

static struct {
    const char *url;
    bool soft;
    double remembers_s;
    struct nfs_context *nfs; // NULL: not connected
    int since;               // how often it was connected
} m;

struct file {
    struct nfsfh *handle;
    int since; // of this connection
    char path[];
};

static bool connect_again(void)
{
    struct nfs_context *nfs = nfs_init_context();
    struct nfs_url *url = nfs ? nfs_parse_url_dir(nfs, m.url) : NULL;
    bool good = false;
    if (url) {
        nfs_set_timeout(nfs, m.soft ? SOFT_MS : HARD_MS);
        nfs_set_autoreconnect(nfs, 0);
        good = nfs_mount(nfs, url->server, url->path) == 0;
        nfs_destroy_url(url);
    }
    if (!good) {
        if (nfs)
            nfs_destroy_context(nfs);
        return false;
    }
    m.nfs = nfs;
    m.since++;
    return true;
}

// What a server says of a file; all else is that it did not answer.
static bool said_by_server(int code)
{
    static const int codes[] = {ENOENT, EACCES,       EPERM,  ENOTDIR, EISDIR, EEXIST,
                                EROFS,  ENAMETOOLONG, ESTALE, EINVAL,  ELOOP};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (code == -codes[i])
            return true;
    return code >= 0;
}

struct call {
    int (*make)(struct call *c); // negative errno
    const char *path;
    struct stat *seen;
    struct statvfs *volume;
    struct file *file;
    char *to;
    size_t size;
    off_t at;
    void *list;
    fuse_fill_dir_t fill;
};

static int ask(struct call *c)
{
    for (;;) {
        int code = m.nfs || connect_again() ? c->make(c) : -EIO;
        if (m.nfs && said_by_server(code))
            return code;
        if (m.nfs)
            nfs_destroy_context(m.nfs);
        m.nfs = NULL;
        if (m.soft)
            return -EIO;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
}

static void stat_of(const struct nfs_stat_64 *s, struct stat *seen)
{
    memset(seen, 0, sizeof(*seen));
    seen->st_ino = s->nfs_ino;
    seen->st_mode = (mode_t)s->nfs_mode;
    seen->st_nlink = (nlink_t)s->nfs_nlink;
    seen->st_uid = (uid_t)s->nfs_uid;
    seen->st_gid = (gid_t)s->nfs_gid;
    seen->st_size = (off_t)s->nfs_size;
    seen->st_blocks = (blkcnt_t)(s->nfs_size + 511) / 512;
    seen->st_mtim = (struct timespec){(time_t)s->nfs_mtime, (long)s->nfs_mtime_nsec};
    seen->st_ctim = (struct timespec){(time_t)s->nfs_ctime, (long)s->nfs_ctime_nsec};
    seen->st_atim = (struct timespec){(time_t)s->nfs_atime, (long)s->nfs_atime_nsec};
}

static int make_stat(struct call *c)
{
    struct nfs_stat_64 s;
    int code = nfs_lstat64(m.nfs, c->path, &s);
    if (code == 0)
        stat_of(&s, c->seen);
    return code;
}

static int make_list(struct call *c)
{
    struct nfsdir *d;
    int code = nfs_opendir(m.nfs, c->path, &d);
    if (code < 0)
        return code;
    for (struct nfsdirent *e; (e = nfs_readdir(m.nfs, d)) != NULL;) {
        // An entry of number 0 would be none.
        struct stat seen = {.st_ino = e->inode ? e->inode : 1,
                            .st_mode = (mode_t)(e->type == NF3DIR   ? S_IFDIR
                                                : e->type == NF3LNK ? S_IFLNK
                                                                    : S_IFREG)};
        c->fill(c->list, e->name, &seen, 0, 0);
    }
    nfs_closedir(m.nfs, d);
    return 0;
}

static int make_open(struct call *c)
{
    struct file *f = c->file;
    int code = nfs_open(m.nfs, f->path, O_RDONLY, &f->handle);
    f->since = code < 0 ? 0 : m.since;
    return code;
}

static int make_read(struct call *c)
{
    int code = c->file->since == m.since ? 0 : make_open(c);
    return code < 0 ? code : nfs_pread(m.nfs, c->file->handle, (uint64_t)c->at, c->size, c->to);
}

static int make_close(struct call *c)
{
    return c->file->since == m.since ? nfs_close(m.nfs, c->file->handle) : 0;
}

static int make_link(struct call *c)
{
    return nfs_readlink(m.nfs, c->path, c->to, (int)c->size);
}

static int make_volume(struct call *c)
{
    return nfs_statvfs(m.nfs, c->path, c->volume);
}

// ---- what the kernel asks for

static int fs_getattr(const char *path, struct stat *seen, struct fuse_file_info *info)
{
    (void)info;
    return ask(&(struct call){.make = make_stat, .path = path, .seen = seen});
}

static int fs_readdir(const char *path, void *list, fuse_fill_dir_t fill, off_t at,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)at, (void)info, (void)flags;
    return ask(&(struct call){.make = make_list, .path = path, .list = list, .fill = fill});
}

static int fs_open(const char *path, struct fuse_file_info *info)
{
    if ((info->flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    size_t size = strlen(path) + 1;
    struct file *f = calloc(1, sizeof(*f) + size);
    if (!f)
        return -ENOMEM;
    memcpy(f->path, path, size);
    int code = ask(&(struct call){.make = make_open, .file = f});
    if (code < 0) {
        free(f);
        return code;
    }
    info->fh = (uint64_t)(uintptr_t)f;
    return 0;
}

static int fs_read(const char *path, char *to, size_t size, off_t at, struct fuse_file_info *info)
{
    (void)path;
    return ask(&(struct call){.make = make_read,
                              .file = (struct file *)(uintptr_t)info->fh,
                              .to = to,
                              .size = size,
                              .at = at});
}

static int fs_release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    struct file *f = (struct file *)(uintptr_t)info->fh;
    if (m.nfs) // nobody waits for it
        make_close(&(struct call){.file = f});
    free(f);
    return 0;
}

static int fs_readlink(const char *path, char *to, size_t size)
{
    return ask(&(struct call){.make = make_link, .path = path, .to = to, .size = size}) < 0 ? -EIO
                                                                                            : 0;
}

static int fs_statfs(const char *path, struct statvfs *volume)
{
    return ask(&(struct call){.make = make_volume, .path = path, .volume = volume});
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->use_ino = 1;
    config->attr_timeout = config->entry_timeout = m.remembers_s;
    config->negative_timeout = 0;
    return NULL;
}

static const struct fuse_operations operations = {.getattr = fs_getattr,
                                                  .readdir = fs_readdir,
                                                  .open = fs_open,
                                                  .read = fs_read,
                                                  .release = fs_release,
                                                  .readlink = fs_readlink,
                                                  .statfs = fs_statfs,
                                                  .init = fs_init};

int main(int count, char **words)
{
    if (count < 3) {
        fprintf(stderr, "usage: nfs_mount URL FOLDER [soft] [actimeo=S]\n");
        return 2;
    }
    m.url = words[1];
    for (int i = 3; i < count; i++) {
        m.soft = m.soft || strcmp(words[i], "soft") == 0;
        if (strncmp(words[i], "actimeo=", 8) == 0)
            m.remembers_s = strtod(words[i] + 8, NULL);
    }
    if (!connect_again()) {
        fprintf(stderr, "nfs_mount: %s can not be mounted: does its server run?\n", m.url);
        return 3;
    }
    // One thread: libnfs wants that.
    char *args[] = {words[0], "-f", "-s", "-o", "ro,fsname=nfs_mount", words[2], NULL};
    return fuse_main(6, args, &operations, NULL);
}
