/*
 * A path is looked up at the house each time; the kernel remembers what it was told for a second.
 * A file that is open is one `file` here for all who have it open by the same path: it reads the
 * version that was there when it was opened, or, once somebody writes, its spool: a file on this
 * machine that holds the whole of it. Bytes that are written in order go to the house while they
 * come; when earlier ones are changed after that, all is sent again at the end.
 */
#include "doors/mount.h"

#include "base/log.h"
#include "doors/blocks.h"
#include "doors/far.h"
#include "plat/clock.h"
#include "plat/files.h"

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PIECE = 16 << 20, NEAR = 8 << 20, PATH_ROOM = 4352, TRIES = 3, FETCHERS = 3 };
enum { WINDOW = 4 << 20, FRESH_MS = 500 }; // of what grows
#define AHEAD_FIRST ((int64_t)2 << 20)

struct file {
    struct file *next;
    struct mount *mount;
    char path[PATH_ROOM]; // as the house knows it
    int opens;            // guarded by the mount's lock, as is the list
    pthread_mutex_t lock; // guards the rest
    struct far_node node;
    bool there;            // at the house, as `node`
    struct cached *cached; // when it is read from the house
    int spool;             // -1: nobody has written
    bool dirty;
    int64_t size; // of the spool
    int64_t modified_ms;
    struct far_write write;  // what has been sent of it; id "" for none
    bool unsendable;         // earlier bytes were changed
    int64_t read_end, ahead; // who reads on and on
    // Of what grows: when it was looked at, and what was read of it just now.
    int64_t looked_ms, window_ms, window_at, window_size;
    char *window;
};

struct mount {
    const struct mount_wish *wish;
    struct client *house;
    struct blocks *blocks;
    struct fuse *fuse;
    uid_t uid;
    gid_t gid;
    pthread_mutex_t lock; // guards files and how often each is open
    struct file *files;
};

static struct mount *here(void)
{
    return fuse_get_context()->private_data;
}

// ---- errors

static int failed(const struct error *err, const char *path)
{
    static const struct {
        enum error_kind kind;
        int number;
    } known[] = {{ERROR_NOT_FOUND, ENOENT}, {ERROR_DENIED, EACCES}, {ERROR_CONFLICT, EEXIST},
                 {ERROR_INPUT, EINVAL},     {ERROR_TOO_BIG, EFBIG}, {ERROR_NO_SPACE, ENOSPC},
                 {ERROR_UNSUPPORTED, EXDEV}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].kind == err->kind)
            return -known[i].number;
    log_warn("mount.failed", "path=%s what=%s why=%s", log_quote(path).text,
             log_quote(err->what).text, log_quote(err->why).text);
    return -EIO;
}

// "/a/b" of the mount as the house knows it.
static const char *far_path(struct mount *m, const char *path, char to[PATH_ROOM])
{
    const char *root = strcmp(m->wish->root, "/") == 0 ? "" : m->wish->root;
    snprintf(to, PATH_ROOM, "%s%s", root, strcmp(path, "/") == 0 && root[0] ? "" : path);
    return to;
}

// ---- open files

static struct file *file_known(struct mount *m, const char *path) // under the lock
{
    struct file *f = m->files;
    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    return f;
}

// The file that is open by this path, one more time; or NULL.
static struct file *file_again(struct mount *m, const char *path)
{
    pthread_mutex_lock(&m->lock);
    struct file *f = file_known(m, path);
    if (f)
        f->opens++;
    pthread_mutex_unlock(&m->lock);
    return f;
}

static struct file *file_make(struct mount *m, const char *path, const struct far_node *node)
{
    struct file *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    text_copy(text_of(path), f->path, sizeof(f->path));
    f->mount = m;
    f->spool = -1;
    pthread_mutex_init(&f->lock, NULL);
    if (node) {
        f->node = *node;
        f->there = true;
        f->size = node->size;
        f->modified_ms = node->modified_ms;
    }
    f->node.path = f->path;
    f->node.name = "";
    pthread_mutex_lock(&m->lock);
    struct file *other = file_known(m, path);
    if (other) {
        other->opens++;
    } else {
        f->opens = 1;
        f->next = m->files;
        m->files = f;
    }
    pthread_mutex_unlock(&m->lock);
    if (!other)
        return f;
    pthread_mutex_destroy(&f->lock);
    free(f);
    return other;
}

static void file_leave(struct mount *m, struct file *f)
{
    struct error none;
    pthread_mutex_lock(&m->lock);
    bool last = --f->opens == 0;
    for (struct file **at = &m->files; last && *at; at = &(*at)->next)
        if (*at == f) {
            *at = f->next;
            break;
        }
    pthread_mutex_unlock(&m->lock);
    if (!last)
        return;
    if (f->write.id[0])
        (void)!far_write_drop(m->house, &f->write, &none);
    if (f->cached)
        blocks_give_back(m->blocks, f->cached);
    if (f->spool >= 0)
        close(f->spool);
    pthread_mutex_destroy(&f->lock);
    free(f->window);
    free(f);
}

// ---- reading

static int read_far(struct file *f, char *to, size_t size, int64_t offset)
{
    struct mount *m = f->mount;
    struct error err;
    int fd;
    if (offset >= f->node.size || !size)
        return 0;
    if ((int64_t)size > f->node.size - offset)
        size = (size_t)(f->node.size - offset);
    pthread_mutex_lock(&f->lock);
    if (!f->cached)
        f->cached = blocks_take(m->blocks, &f->node, &err);
    struct cached *c = f->cached;
    // Several reads of one reader are on their way at once: near its end is on and on.
    bool on = offset >= f->read_end - NEAR && offset <= f->read_end + NEAR;
    f->ahead = !on ? 0 : f->ahead ? f->ahead * 2 : AHEAD_FIRST;
    f->ahead = f->ahead > m->wish->ahead_bytes ? m->wish->ahead_bytes : f->ahead;
    f->read_end = offset + (int64_t)size;
    int64_t ahead = f->ahead;
    pthread_mutex_unlock(&f->lock);
    if (!c || !blocks_need(m->blocks, c, offset, (int64_t)size, ahead, &fd, &err))
        return failed(&err, f->path);
    ssize_t got = pread(fd, to, size, offset);
    blocks_done(m->blocks, c, offset, (int64_t)size);
    return got < 0 ? -errno : (int)got;
}

// How far it is now. Under the file's lock; what can not be asked stays as it was.
static void grow_look(struct file *f, bool at_once)
{
    struct error err;
    int64_t now_ms = clock_tick_us() / 1000;
    if (!f->node.growing[0] || (!at_once && now_ms - f->looked_ms < FRESH_MS))
        return;
    if (!far_grown(f->mount->house, &f->node, &err))
        (void)failed(&err, f->path);
    f->looked_ms = now_ms;
    f->size = f->node.size;
    f->modified_ms = f->node.modified_ms;
    if (!f->node.growing[0])
        f->window_size = 0;
}

// *closed: it is a version now, and is read as any other.
static int read_growing(struct file *f, char *to, size_t size, int64_t offset, bool *closed)
{
    struct error err;
    int got = 0;
    pthread_mutex_lock(&f->lock);
    grow_look(f, false);
    *closed = !f->node.growing[0];
    bool fresh = clock_tick_us() / 1000 - f->window_ms < FRESH_MS;
    bool has = fresh && offset >= f->window_at && offset < f->window_at + f->window_size;
    if (!*closed && !has && offset < f->node.size && size) {
        int64_t left = f->node.size - offset;
        f->window_size = 0;
        if (!f->window && !(f->window = malloc(WINDOW)))
            abort();
        int64_t many = left < WINDOW ? left : WINDOW;
        if (!far_read(f->mount->house, &f->node, offset, f->window, (size_t)many, &err)) {
            grow_look(f, true); // it may have been closed just then
            *closed = !f->node.growing[0];
            got = *closed ? 0 : failed(&err, f->path);
        } else {
            f->window_at = offset;
            f->window_size = many;
            f->window_ms = clock_tick_us() / 1000;
            has = true;
        }
    }
    if (!*closed && has) {
        int64_t there = f->window_at + f->window_size - offset;
        got = there < (int64_t)size ? (int)there : (int)size;
        memcpy(to, f->window + (offset - f->window_at), (size_t)got);
    }
    pthread_mutex_unlock(&f->lock);
    return got;
}

static int do_read(const char *path, char *to, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct file *f = (struct file *)(uintptr_t)fi->fh;
    (void)path;
    pthread_mutex_lock(&f->lock);
    int spool = f->spool;
    bool grows = f->node.growing[0] != 0, closed = false;
    pthread_mutex_unlock(&f->lock);
    if (spool < 0 && grows) {
        int got = read_growing(f, to, size, offset, &closed);
        if (!closed)
            return got;
    }
    if (spool < 0)
        return read_far(f, to, size, offset);
    ssize_t got = pread(spool, to, size, offset);
    return got < 0 ? -errno : (int)got;
}

// ---- writing; all under the file's lock

static int spool_open(struct file *f)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof(path), "%s/written.XXXXXX", f->mount->wish->cache);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path); // it is gone with the descriptor
    return fd;
}

// From here on the file is what lies in its spool: `keep` bytes of what it was are taken along.
static int spool_begin(struct file *f, int64_t keep)
{
    struct error err;
    if (f->spool >= 0)
        return 0;
    int fd = spool_open(f);
    char *at = fd >= 0 && keep ? malloc(PIECE) : NULL;
    bool ok = fd >= 0 && (!keep || at);
    for (int64_t done = 0; ok && done < keep;) {
        size_t size = keep - done < PIECE ? (size_t)(keep - done) : PIECE;
        if (!far_read(f->mount->house, &f->node, done, at, size, &err)) {
            free(at);
            close(fd);
            return failed(&err, f->path);
        }
        ok = pwrite(fd, at, size, done) == (ssize_t)size;
        done += (int64_t)size;
    }
    free(at);
    if (!ok) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return -(number ? number : EIO);
    }
    f->spool = fd;
    f->size = keep;
    return 0;
}

// Sends what lies in the spool behind what has been sent, in whole pieces unless it is the end.
static bool send_spool(struct file *f, bool end, struct error *err)
{
    char *at = malloc(PIECE);
    bool ok = at != NULL;
    while (ok && (end ? f->write.offset < f->size : f->size - f->write.offset >= PIECE)) {
        int64_t left = f->size - f->write.offset;
        size_t size = left < PIECE ? (size_t)left : PIECE;
        ssize_t got = pread(f->spool, at, size, f->write.offset);
        if (got != (ssize_t)size)
            ok = error_errno(err, got < 0 ? errno : EIO, "cannot read what was written");
        else
            ok = far_write_bytes(f->mount->house, &f->write, at, size, err);
    }
    free(at);
    return ok;
}

static void send_some(struct file *f)
{
    struct error err;
    if (f->unsendable || f->size - f->write.offset < PIECE)
        return;
    bool ok =
        (f->write.id[0] || far_write_begin(f->mount->house, f->path, -1, true, &f->write, &err)) &&
        send_spool(f, false, &err);
    f->unsendable = !ok; // at the end all is tried again
}

static bool send_whole(struct file *f, struct error *err)
{
    if ((f->unsendable || !f->write.id[0]) &&
        !far_write_begin(f->mount->house, f->path, -1, true, &f->write, err))
        return false;
    f->unsendable = false;
    if (send_spool(f, true, err) &&
        far_write_finish(f->mount->house, &f->write, f->modified_ms, err))
        return true;
    f->unsendable = true;
    return false;
}

// Durable at the house when it returns 0.
static int bring_in(struct file *f)
{
    struct error err;
    struct far_node now;
    bool ok = false;
    if (!f->dirty || !f->path[0]) // removed meanwhile: nobody will see it
        return 0;
    for (int i = 0; i < TRIES && !ok; i++) {
        ok = send_whole(f, &err);
        if (!ok && err.kind != ERROR_NETWORK && err.kind != ERROR_TIMEOUT)
            break;
    }
    if (!ok)
        return failed(&err, f->path);
    f->dirty = false;
    f->write = (struct far_write){0};
    struct arena *a = arena_open(1 << 20);
    f->there = far_find(f->mount->house, f->path, a, &now, &err);
    if (f->there) {
        f->node = now;
        f->node.path = f->path;
        f->node.name = "";
    }
    arena_close(a);
    return 0;
}

static int write_in(struct file *f, const char *at, size_t size, int64_t offset)
{
    int bad = spool_begin(f, f->size);
    if (bad)
        return bad;
    ssize_t done = pwrite(f->spool, at, size, offset);
    if (done < 0)
        return -errno;
    if (offset < f->write.offset)
        f->unsendable = true;
    f->dirty = true;
    f->modified_ms = 0;
    if (offset + done > f->size)
        f->size = offset + done;
    send_some(f);
    return (int)done;
}

static int do_write(const char *path, const char *at, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    struct file *f = (struct file *)(uintptr_t)fi->fh;
    (void)path;
    pthread_mutex_lock(&f->lock);
    int done = write_in(f, at, size, offset);
    pthread_mutex_unlock(&f->lock);
    return done;
}

static int cut_to(struct file *f, int64_t size)
{
    int bad = spool_begin(f, size < f->size ? size : f->size);
    if (!bad && ftruncate(f->spool, size) != 0)
        bad = -errno;
    if (bad)
        return bad;
    if (size < f->write.offset)
        f->unsendable = true;
    f->size = size;
    f->dirty = true;
    f->modified_ms = 0;
    return 0;
}

// ---- opening

static int open_path(const char *path, bool make, int flags, struct fuse_file_info *fi)
{
    struct mount *m = here();
    struct error err;
    struct far_node node;
    char far[PATH_ROOM];
    int bad = 0;
    far_path(m, path, far);
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (writes && m->wish->read_only)
        return -EROFS;
    struct file *f = file_again(m, far);
    if (!f) {
        struct arena *a = arena_open(1 << 20);
        bool there = far_find(m->house, far, a, &node, &err);
        if (!there && (!make || err.kind != ERROR_NOT_FOUND))
            bad = failed(&err, far);
        else if (there && node.folder)
            bad = -EISDIR;
        else if (there && !(writes ? node.may_upload : node.may_download))
            bad = -EACCES;
        else
            f = file_make(m, far, there ? &node : NULL);
        arena_close(a);
    }
    if (!f)
        return bad;
    pthread_mutex_lock(&f->lock);
    if (make && !f->there && f->spool < 0)
        bad = cut_to(f, 0);
    else if (f->node.growing[0] && writes)
        bad = -EACCES;
    else if (writes && flags & O_TRUNC)
        bad = cut_to(f, 0);
    if (!bad)
        grow_look(f, true);
    bool grows = f->node.growing[0] != 0;
    pthread_mutex_unlock(&f->lock);
    if (bad) {
        file_leave(m, f);
        return bad;
    }
    fi->direct_io = grows;
    fi->fh = (uint64_t)(uintptr_t)f;
    return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
    return open_path(path, false, fi->flags, fi);
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    (void)mode;
    return open_path(path, true, fi->flags | O_WRONLY, fi);
}

static int settle(struct fuse_file_info *fi, bool empty, bool other)
{
    struct file *f = (struct file *)(uintptr_t)fi->fh;
    pthread_mutex_lock(&f->lock);
    int bad = (f->size ? other : empty) ? bring_in(f) : 0;
    pthread_mutex_unlock(&f->lock);
    return bad;
}

// A shell closes a copy of the descriptor before the program has written anything: a file of no
// bytes is brought in when the last one is closed.
static int do_flush(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    return settle(fi, false, true);
}

static int do_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
    (void)path, (void)data_only;
    return settle(fi, true, true);
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    (void)settle(fi, true, false);
    file_leave(here(), (struct file *)(uintptr_t)fi->fh);
    return 0;
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    struct fuse_file_info own = {.flags = O_WRONLY};
    int bad = 0;
    if (!fi && (bad = open_path(path, false, O_WRONLY, &own)))
        return bad;
    struct file *f = (struct file *)(uintptr_t)(fi ? fi : &own)->fh;
    pthread_mutex_lock(&f->lock);
    if (f->size != size)
        bad = cut_to(f, size);
    if (!bad && !fi)
        bad = bring_in(f);
    pthread_mutex_unlock(&f->lock);
    if (!fi)
        file_leave(here(), f);
    return bad;
}

// ---- looking

static void stat_of(struct mount *m, bool folder, bool writable, int64_t size, int64_t modified_ms,
                    struct stat *st)
{
    memset(st, 0, sizeof(*st));
    writable = writable && !m->wish->read_only;
    st->st_mode = folder ? S_IFDIR | (writable ? 0755 : 0555) : S_IFREG | (writable ? 0644 : 0444);
    st->st_nlink = folder ? 2 : 1;
    st->st_uid = m->uid;
    st->st_gid = m->gid;
    st->st_size = size;
    st->st_blocks = (size + 511) / 512;
    st->st_blksize = 1 << 20;
    st->st_mtim.tv_sec = st->st_ctim.tv_sec = st->st_atim.tv_sec = modified_ms / 1000;
    st->st_mtim.tv_nsec = modified_ms % 1000 * 1000000;
}

static bool stat_open(struct mount *m, const char *far, struct stat *st)
{
    struct file *f = file_again(m, far);
    if (!f)
        return false;
    pthread_mutex_lock(&f->lock);
    grow_look(f, false);
    stat_of(m, false, !f->node.growing[0], f->size,
            f->modified_ms ? f->modified_ms : (int64_t)time(NULL) * 1000, st);
    pthread_mutex_unlock(&f->lock);
    file_leave(m, f);
    return true;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    struct mount *m = here();
    struct error err;
    struct far_node n;
    char far[PATH_ROOM];
    (void)fi;
    if (stat_open(m, far_path(m, path, far), st))
        return 0;
    struct arena *a = arena_open(1 << 20);
    int bad = 0;
    if (far_find(m->house, far, a, &n, &err))
        stat_of(m, n.folder, n.may_upload, n.size, n.modified_ms, st);
    else
        bad = failed(&err, far);
    arena_close(a);
    return bad;
}

static int do_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
    struct mount *m = here();
    struct error err;
    struct far_node *list;
    size_t count;
    char far[PATH_ROOM];
    (void)offset, (void)fi, (void)flags;
    struct arena *a = arena_open((size_t)1 << 30);
    int bad = 0;
    far_path(m, path, far);
    if (!far_list(m->house, far, a, &list, &count, &err)) {
        bad = failed(&err, far);
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        stat_of(m, list[i].folder, list[i].may_upload, list[i].size, list[i].modified_ms, &st);
        fill(to, list[i].name, &st, 0, FUSE_FILL_DIR_PLUS);
    }
    // What was made here and is not at the house yet.
    pthread_mutex_lock(&m->lock);
    size_t size = strcmp(far, "/") == 0 ? 0 : strlen(far);
    for (struct file *f = m->files; f && !bad; f = f->next)
        if (!f->there && strncmp(f->path, far, size) == 0 && f->path[size] == '/' &&
            !strchr(f->path + size + 1, '/'))
            fill(to, f->path + size + 1, NULL, 0, 0);
    pthread_mutex_unlock(&m->lock);
    arena_close(a);
    return bad;
}

// ---- changing

static int do_mkdir(const char *path, mode_t mode)
{
    struct error err;
    char far[PATH_ROOM];
    (void)mode;
    if (here()->wish->read_only)
        return -EROFS;
    return far_folder_make(here()->house, far_path(here(), path, far), &err) ? 0
                                                                             : failed(&err, far);
}

// Whether a path is a folder with nothing in it.
static int empty_folder(struct mount *m, const char *far)
{
    struct error err;
    struct far_node n, *list;
    size_t count = 0;
    struct arena *a = arena_open((size_t)1 << 30);
    int bad = 0;
    if (!far_find(m->house, far, a, &n, &err))
        bad = failed(&err, far);
    else if (!n.folder)
        bad = -ENOTDIR;
    else if (!far_list(m->house, far, a, &list, &count, &err))
        bad = failed(&err, far);
    else if (count)
        bad = -ENOTEMPTY;
    arena_close(a);
    return bad;
}

static int do_rmdir(const char *path)
{
    struct mount *m = here();
    struct error err;
    char far[PATH_ROOM];
    if (m->wish->read_only)
        return -EROFS;
    int bad = empty_folder(m, far_path(m, path, far));
    return bad ? bad : far_delete(m->house, far, &err) ? 0 : failed(&err, far);
}

static int do_unlink(const char *path)
{
    struct mount *m = here();
    struct error err;
    char far[PATH_ROOM];
    if (m->wish->read_only)
        return -EROFS;
    struct file *f = file_again(m, far_path(m, path, far));
    bool there = true;
    if (f) { // whoever has it open goes on with what nobody sees any more
        pthread_mutex_lock(&f->lock);
        there = f->there;
        f->dirty = false;
        pthread_mutex_unlock(&f->lock);
        pthread_mutex_lock(&m->lock);
        f->path[0] = 0;
        pthread_mutex_unlock(&m->lock);
        file_leave(m, f);
    }
    return !there || far_delete(m->house, far, &err) ? 0 : failed(&err, far);
}

// What is open keeps its file under the new name.
static void paths_move(struct mount *m, const char *from, const char *to)
{
    size_t size = strlen(from);
    pthread_mutex_lock(&m->lock);
    struct file *over = file_known(m, to);
    if (over)
        over->path[0] = 0;
    for (struct file *f = m->files; f; f = f->next)
        if (strncmp(f->path, from, size) == 0 && (!f->path[size] || f->path[size] == '/')) {
            char moved[2 * PATH_ROOM];
            snprintf(moved, sizeof(moved), "%s%s", to, f->path + size);
            text_copy(text_of(moved), f->path, sizeof(f->path));
        }
    pthread_mutex_unlock(&m->lock);
}

static int do_rename(const char *from, const char *to, unsigned flags)
{
    struct mount *m = here();
    struct error err;
    struct far_node n;
    char far[PATH_ROOM], far_to[PATH_ROOM];
    if (m->wish->read_only)
        return -EROFS;
    if (flags & ~1u) // RENAME_NOREPLACE only
        return -EINVAL;
    far_path(m, from, far);
    far_path(m, to, far_to);
    struct file *f = file_again(m, far);
    if (f) {
        pthread_mutex_lock(&f->lock);
        int bad = bring_in(f);
        pthread_mutex_unlock(&f->lock);
        file_leave(m, f);
        if (bad)
            return bad;
    }
    struct arena *a = arena_open(1 << 20);
    bool onto_folder = far_find(m->house, far_to, a, &n, &err) && n.folder;
    arena_close(a);
    int bad = onto_folder && strcasecmp(far, far_to) != 0 ? empty_folder(m, far_to) : 0;
    if (bad)
        return bad;
    if (!far_move(m->house, far, far_to, !(flags & 1), &err))
        return failed(&err, far);
    paths_move(m, far, far_to);
    return 0;
}

static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
    struct mount *m = here();
    struct error err;
    char far[PATH_ROOM];
    (void)fi;
    if (m->wish->read_only)
        return -EROFS;
    int64_t modified_ms = times[1].tv_nsec == UTIME_NOW
                              ? (int64_t)time(NULL) * 1000
                              : (int64_t)times[1].tv_sec * 1000 + times[1].tv_nsec / 1000000;
    if (times[1].tv_nsec == UTIME_OMIT)
        return 0;
    struct file *f = file_again(m, far_path(m, path, far));
    bool later = false;
    if (f) {
        pthread_mutex_lock(&f->lock);
        f->modified_ms = modified_ms;
        later = f->dirty || !f->there;
        pthread_mutex_unlock(&f->lock);
        file_leave(m, f);
    }
    return later || far_touch(m->house, far, modified_ms, &err) ? 0 : failed(&err, far);
}

// Owners and modes are the house's own; programs that set them are told that it is fine.
static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    (void)path, (void)mode, (void)fi;
    return 0;
}

static int do_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
    (void)path, (void)uid, (void)gid, (void)fi;
    return 0;
}

static int do_statfs(const char *path, struct statvfs *st)
{
    (void)path;
    memset(st, 0, sizeof(*st));
    st->f_bsize = st->f_frsize = 1 << 20;
    st->f_blocks = (fsblkcnt_t)1 << 30; // the house says when it is full
    st->f_bfree = st->f_bavail = (fsblkcnt_t)1 << 29;
    st->f_files = st->f_ffree = 1 << 30;
    st->f_namemax = 255;
    return 0;
}

static void *do_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    struct mount *m = here();
    connection->max_readahead = 4 << 20;
    connection->max_write = 1 << 20;
    connection->want |= connection->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ);
    connection->want &= ~(unsigned)FUSE_CAP_WRITEBACK_CACHE;
    config->attr_timeout = config->entry_timeout = 1;
    config->negative_timeout = 0;
    config->hard_remove = 1;
    config->use_ino = 0;
    config->kernel_cache = 0; // another version may be there next time
    if (m->wish->ready)
        m->wish->ready(m->wish->context);
    return m;
}

static const struct fuse_operations operations = {
    .getattr = do_getattr,
    .mkdir = do_mkdir,
    .unlink = do_unlink,
    .rmdir = do_rmdir,
    .rename = do_rename,
    .chmod = do_chmod,
    .chown = do_chown,
    .truncate = do_truncate,
    .open = do_open,
    .read = do_read,
    .write = do_write,
    .statfs = do_statfs,
    .flush = do_flush,
    .release = do_release,
    .fsync = do_fsync,
    .readdir = do_readdir,
    .init = do_init,
    .create = do_create,
    .utimens = do_utimens,
};

// ---- serving

static bool refused(struct error *err, const char *folder)
{
    error_set(err, ERROR_IO, "cannot mount on %s", folder);
    error_why(err, "FUSE said so just above");
    return error_fix(err, "see that the folder is there and empty, that fuse3 is installed, and "
                          "that /dev/fuse can be used");
}

bool mount_serve(const struct mount_wish *wish, struct error *err)
{
    struct mount m = {.wish = wish, .house = wish->house, .uid = getuid(), .gid = getgid()};
    char cache[PATH_ROOM];
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    const char *options = wish->allow_other ? "fsname=posthouse,subtype=posthouse,allow_other"
                                            : "fsname=posthouse,subtype=posthouse";
    bool ok = false;
    if (!folder_make(wish->cache, 0700, err))
        return false;
    snprintf(cache, sizeof(cache), "%s/blocks", wish->cache);
    m.blocks = blocks_open(&(struct blocks_wish){.house = wish->house,
                                                 .folder = cache,
                                                 .most_bytes = wish->cache_bytes,
                                                 .fetchers = FETCHERS},
                           err);
    if (!m.blocks)
        return false;
    pthread_mutex_init(&m.lock, NULL);
    fuse_opt_add_arg(&args, "posthouse");
    fuse_opt_add_arg(&args, "-o");
    fuse_opt_add_arg(&args, options);
    m.fuse = fuse_new(&args, &operations, sizeof(operations), &m);
    if (m.fuse && fuse_mount(m.fuse, wish->folder) == 0) {
        struct fuse_loop_config *config = fuse_loop_cfg_create();
        fuse_set_signal_handlers(fuse_get_session(m.fuse));
        ok = fuse_loop_mt(m.fuse, config) >= 0;
        fuse_remove_signal_handlers(fuse_get_session(m.fuse));
        fuse_loop_cfg_destroy(config);
        fuse_unmount(m.fuse);
    }
    if (!ok)
        refused(err, wish->folder);
    if (m.fuse)
        fuse_destroy(m.fuse);
    fuse_opt_free_args(&args);
    blocks_close(m.blocks);
    pthread_mutex_destroy(&m.lock);
    return ok;
}
