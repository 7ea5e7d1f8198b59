#include "sync/here.h"

#include "house/tree/tree.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "sync/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEP_MOST = 100, PART_KEEP_S = 3 * 24 * 3600 };
#define PART_BEGIN ".posthouse-"
#define PART_END ".part"

static int64_t changed_ns(const struct stat *s)
{
    return (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec;
}

static bool below(char to[PATH_MAX], const char *root, const char *path, struct error *err)
{
    return path_join(to, PATH_MAX, root, path) ||
           error_set(err, ERROR_INPUT, "the path %.200s is too long", path);
}

// ---- looking

// Names that are never kept, whatever the patterns say: the house takes them for passing ones.
static bool passing(const char *name)
{
    return tree_name_passing(name);
}

struct looking {
    const struct here_wish *wish;
    char path[PATH_MAX];
    size_t size;
};

static void left(const struct here_wish *w, enum here_left what, const char *path, const char *why)
{
    if (w->left)
        w->left(w->context, what, path, why);
}

static bool ours(const char *path, const char *name)
{
    return strcmp(path, SYNC_MARKER) == 0 || strcmp(path, SYNC_TRASH) == 0 ||
           strcmp(path, SYNC_IGNORE) == 0 ||
           (text_starts(text_of(name), PART_BEGIN) && text_ends(text_of(name), PART_END));
}

// Whether a name is taken, by what it is called and what it is.
static bool takes(const struct here_wish *w, const char *path, const struct stat *s)
{
    const char *name = sync_name_of(path), *bad = sync_name_bad(name);
    bool folder = S_ISDIR(s->st_mode);
    if (ours(path, name))
        return false;
    if (passing(name))
        left(w, HERE_PASSING, path, "");
    else if (*bad == 0 && sync_ignored(w->ignore, path, folder))
        left(w, HERE_IGNORED, path, "");
    else if (*bad)
        left(w, HERE_NAME, path, bad);
    else if (S_ISLNK(s->st_mode))
        left(w, HERE_LINK, path, "");
    else if (!folder && !S_ISREG(s->st_mode))
        left(w, HERE_DEVICE, path, "");
    else
        return true;
    return false;
}

static void item_of(const char *path, const struct stat *s, struct here_item *item)
{
    *item = (struct here_item){.path = path,
                               .folder = S_ISDIR(s->st_mode),
                               .size = S_ISDIR(s->st_mode) ? 0 : s->st_size,
                               .changed_ns = changed_ns(s),
                               .inode = s->st_ino};
}

static bool look_into(struct looking *l, int at, int depth);

// What came half of a file that is another one by now, and nobody goes on with.
static bool is_old_part(const char *name, const struct stat *s)
{
    return S_ISREG(s->st_mode) && text_starts(text_of(name), PART_BEGIN) &&
           text_ends(text_of(name), PART_END) &&
           s->st_mtim.tv_sec < clock_now_ms() / 1000 - PART_KEEP_S;
}

static void look_at(struct looking *l, int folder, const char *name, int depth)
{
    struct stat s;
    struct here_item item;
    size_t size = l->size, more = strlen(name);
    if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
        return; // it went meanwhile
    if (is_old_part(name, &s)) {
        (void)unlinkat(folder, name, 0);
        return;
    }
    if (size + more + 2 > sizeof(l->path)) {
        left(l->wish, HERE_NAME, name, "its path is too long for this system");
        return;
    }
    if (size)
        l->path[l->size++] = '/';
    memcpy(l->path + l->size, name, more + 1);
    l->size += more;
    if (takes(l->wish, l->path, &s)) {
        item_of(l->path, &s, &item);
        l->wish->found(l->wish->context, &item);
        int at = item.folder ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                             : -1;
        if (item.folder && (at < 0 ? errno != ENOENT : !look_into(l, at, depth + 1)))
            left(l->wish, HERE_UNREAD, l->path, strerror(errno));
    }
    l->size = size;
    l->path[size] = 0;
}

// Closes `at`. False with errno when it can not be read.
static bool look_into(struct looking *l, int at, int depth)
{
    DIR *d = depth < DEEP_MOST ? fdopendir(at) : NULL;
    if (!d) {
        if (depth >= DEEP_MOST)
            errno = ELOOP;
        int number = errno;
        close(at);
        errno = number;
        return false;
    }
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e)
            break;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            look_at(l, dirfd(d), e->d_name, depth);
    }
    int number = errno;
    closedir(d);
    errno = number;
    return number == 0;
}

bool here_scan(const struct here_wish *wish, const char *path, struct error *err)
{
    struct looking *l = calloc(1, sizeof(*l));
    char whole[PATH_MAX];
    if (!l)
        abort();
    l->wish = wish;
    bool ok =
        below(whole, wish->root, path, err) && text_copy(text_of(path), l->path, sizeof(l->path));
    l->size = strlen(path);
    if (ok) {
        int at = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ok = (at >= 0 && look_into(l, at, 0)) ||
             error_errno(err, errno, "cannot look into %s", whole);
    }
    free(l);
    return ok;
}

bool here_look(const struct here_wish *wish, const char *path, struct here_item *item)
{
    char whole[PATH_MAX], part[PATH_MAX];
    struct stat s;
    struct error none;
    bool there = below(whole, wish->root, path, &none) && lstat(whole, &s) == 0;
    // Folders above it first: what lies in one that is left out is left out.
    for (size_t i = 0; there && path[i]; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        there = !passing(sync_name_of(part)) && !sync_ignored(wish->ignore, part, true);
    }
    there = there && takes(wish, path, &s);
    if (there)
        item_of(path, &s, item);
    return there;
}

bool here_quiet(const char *root, const struct here_item *item, int64_t quiet_ms)
{
    char whole[PATH_MAX];
    struct error none;
    int64_t since_ms = clock_now_ms() - item->changed_ns / 1000000;
    if (since_ms > -quiet_ms && since_ms < quiet_ms)
        return false;
    int fd = below(whole, root, item->path, &none) ? open(whole, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return true; // reading it will say why
    // A read lease is refused while somebody has it open for writing; other errors mean that this
    // file system, or this user, has no leases.
    bool writing = fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
    if (!writing)
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    return !writing;
}

// ---- changing

static struct here_seen seen_of(const struct stat *s)
{
    return (struct here_seen){s->st_size, changed_ns(s), s->st_ino};
}

static bool is_still(const char *whole, const struct here_seen *was)
{
    struct stat s;
    if (lstat(whole, &s) != 0)
        return !was && errno == ENOENT;
    return was && S_ISREG(s.st_mode) && s.st_size == was->size && s.st_ino == was->inode &&
           changed_ns(&s) == was->changed_ns;
}

static bool changed(struct error *err, const char *path)
{
    error_set(err, ERROR_CONFLICT, "%.200s is not what it was", path);
    error_why(err, "somebody has changed, moved or removed it in the folder meanwhile");
    return error_fix(err, "nothing was done; it is looked at again");
}

static bool folder_sync(const char *whole, struct error *err)
{
    char folder[PATH_MAX];
    path_folder(whole, folder, sizeof(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (!ok)
        error_errno(err, errno, "cannot make %s durable", folder);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool here_temporary(const char *root, const char *path, const sha256 *content, char *to,
                    size_t room, struct error *err)
{
    char whole[PATH_MAX], folder[PATH_MAX], name[64];
    if (!below(whole, root, path, err))
        return false;
    path_folder(whole, folder, sizeof(folder));
    // By what it will be and where: two files of the same bytes have one each.
    sha256 where = hmac_sha256(content->at, SHA256_SIZE, path, strlen(path));
    snprintf(name, sizeof(name), PART_BEGIN "%.32s" PART_END, sha256_text(&where).text);
    return path_join(to, room, folder, name) ||
           error_set(err, ERROR_INPUT, "the path %.200s is too long", path);
}

// Changes names only where nothing is at the new one. Some network file systems can not promise it.
static bool rename_free(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

static bool swap_in(const char *whole, const char *path, const char *temporary,
                    const struct here_seen *was, struct error *err)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, whole, RENAME_EXCHANGE) != 0) {
        if (errno != EINVAL && errno != ENOSYS)
            return errno == ENOENT ? changed(err, path)
                                   : error_errno(err, errno, "cannot replace %s", whole);
        return is_still(whole, was) ? rename(temporary, whole) == 0 ||
                                          error_errno(err, errno, "cannot replace %s", whole)
                                    : changed(err, path);
    }
    // What was there lies under the hidden name now. Somebody may have saved at the last moment.
    if (is_still(temporary, was))
        return unlink(temporary) == 0 || error_errno(err, errno, "cannot remove %s", temporary);
    (void)renameat2(AT_FDCWD, temporary, AT_FDCWD, whole, RENAME_EXCHANGE);
    return changed(err, path);
}

bool here_place(const char *root, const char *path, const char *temporary,
                const struct here_seen *was, int64_t modified_ms, struct here_seen *now,
                struct error *err)
{
    char whole[PATH_MAX];
    struct stat s, before;
    if (!below(whole, root, path, err))
        return false;
    int fd = open(temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0;
    if (ok && was && stat(whole, &before) == 0)
        (void)!fchmod(fd, before.st_mode & 07777); // as the file it replaces
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {modified_ms / 1000, modified_ms % 1000 * 1000000}};
    if (ok && modified_ms > 0)
        (void)futimens(fd, times); // a file system without times; the bytes are right
    ok = ok && fsync(fd) == 0 && fstat(fd, &s) == 0;
    if (!ok)
        error_errno(err, errno, "cannot make %s durable", temporary);
    if (fd >= 0)
        close(fd);
    if (!ok || !is_still(whole, was))
        return ok ? changed(err, path) : false;
    *now = seen_of(&s);
    if (was)
        ok = swap_in(whole, path, temporary, was, err);
    else
        ok = rename_free(temporary, whole) ||
             (errno == EEXIST ? changed(err, path)
                              : error_errno(err, errno, "cannot name %s", whole));
    return ok && folder_sync(whole, err);
}

bool here_trash(const char *root, const char *path, const struct here_seen *was, int64_t now_ms,
                struct error *err)
{
    char whole[PATH_MAX], to[PATH_MAX], folder[PATH_MAX], kept[PATH_MAX];
    if (!below(whole, root, path, err) || !is_still(whole, was))
        return changed(err, path);
    for (int number = 1;; number++) {
        int size =
            snprintf(to, sizeof(to), "%s/%s/%.10s%s%.0d/%s", root, SYNC_TRASH,
                     clock_text(now_ms).text, number > 1 ? "-" : "", number > 1 ? number : 0, path);
        if (size < 0 || (size_t)size >= sizeof(to))
            return error_set(err, ERROR_INPUT, "the path %.200s is too long for the trash", path);
        path_folder(to, folder, sizeof(folder));
        if (!folder_make(folder, 0777, err))
            return false;
        text_copy(text_of(to), kept, sizeof(kept));
        if (rename_free(whole, kept))
            break;
        if (errno != EEXIST)
            return error_errno(err, errno, "cannot move %s to the trash", whole);
    }
    if (is_still(kept, was))
        return folder_sync(kept, err) && folder_sync(whole, err);
    (void)rename_free(kept, whole);
    return changed(err, path);
}

bool here_move(const char *root, const char *from, const char *to, const struct here_seen *was,
               struct error *err)
{
    char one[PATH_MAX], two[PATH_MAX], folder[PATH_MAX];
    struct stat a, b;
    if (!below(one, root, from, err) || !below(two, root, to, err))
        return false;
    if (was && !is_still(one, was))
        return changed(err, from);
    path_folder(two, folder, sizeof(folder));
    if (!folder_make(folder, 0777, err))
        return false;
    // Another spelling of its own name, on a disk that does not tell them apart.
    bool own = lstat(one, &a) == 0 && lstat(two, &b) == 0 && a.st_ino == b.st_ino &&
               a.st_dev == b.st_dev && a.st_nlink == 1;
    if (!(own ? rename(one, two) == 0 : rename_free(one, two)))
        return errno == EEXIST ? changed(err, to)
                               : error_errno(err, errno, "cannot rename %s", one);
    return folder_sync(two, err) && folder_sync(one, err);
}

bool here_folder_make(const char *root, const char *path, uint64_t *inode, struct error *err)
{
    char whole[PATH_MAX];
    struct stat s;
    if (!below(whole, root, path, err) || !folder_make(whole, 0777, err))
        return false;
    if (lstat(whole, &s) != 0 || !S_ISDIR(s.st_mode))
        return changed(err, path);
    *inode = s.st_ino;
    return folder_sync(whole, err);
}

static bool leftover(const char *name)
{
    return strcmp(name, ".DS_Store") == 0 || strcasecmp(name, "Thumbs.db") == 0 ||
           strcasecmp(name, "desktop.ini") == 0;
}

bool here_folder_remove(const char *root, const char *path, struct error *err)
{
    char whole[PATH_MAX];
    if (!below(whole, root, path, err))
        return false;
    DIR *d = opendir(whole);
    if (!d)
        return errno == ENOENT || error_errno(err, errno, "cannot look into %s", whole);
    bool bare = true;
    for (struct dirent *e; bare && (e = readdir(d));)
        bare = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || leftover(e->d_name);
    rewinddir(d);
    for (struct dirent *e; bare && (e = readdir(d));)
        if (leftover(e->d_name))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    if (bare && rmdir(whole) == 0)
        return folder_sync(whole, err);
    error_set(err, ERROR_CONFLICT, "the folder %s stays", path);
    error_why(err, "it was removed in the house, and here it holds something that is not synced");
    return error_fix(err, "look into it, then remove it");
}

void here_trash_sweep(const char *root, int days, int64_t now_ms)
{
    char trash[PATH_MAX], one[PATH_MAX];
    struct error none;
    if (!path_join(trash, sizeof(trash), root, SYNC_TRASH))
        return;
    DIR *d = opendir(trash);
    if (!d)
        return;
    short_text oldest = clock_text(now_ms - (int64_t)days * 24 * 3600 * 1000);
    for (struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) >= 10 && e->d_name[0] != '.' &&
            strncmp(e->d_name, oldest.text, 10) < 0 &&
            path_join(one, sizeof(one), trash, e->d_name))
            (void)!folder_remove(one, &none);
    closedir(d);
}
