#include "plat/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 128, // folders within folders
    MASK = IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
           IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK,
};

struct watch {
    int fd;
    char *root;
    char **folders; // by watch descriptor: the folder's path relative to the root, NULL: none
    size_t room;
    bool lost, short_of_watches;
    size_t at, size; // what of `events` is still to be told
    char path[PATH_MAX];
    _Alignas(struct inotify_event) char events[16384];
};

static void forget(struct watch *watch, int descriptor)
{
    if (descriptor < 0 || (size_t)descriptor >= watch->room)
        return;
    free(watch->folders[descriptor]);
    watch->folders[descriptor] = NULL;
}

static bool remember(struct watch *watch, int descriptor, const char *path)
{
    if ((size_t)descriptor >= watch->room) {
        size_t room = ((size_t)descriptor + 1) * 2;
        char **more = realloc(watch->folders, room * sizeof *more);
        if (!more)
            return false;
        memset(more + watch->room, 0, (room - watch->room) * sizeof *more);
        watch->folders = more;
        watch->room = room;
    }
    char *kept = strdup(path);
    if (!kept)
        return false;
    free(watch->folders[descriptor]);
    watch->folders[descriptor] = kept;
    return true;
}

// "a/b" below "a"; everything is below "".
static bool below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return size == 0 ||
           (strncmp(path, folder, size) == 0 && (path[size] == 0 || path[size] == '/'));
}

static void forget_below(struct watch *watch, const char *folder)
{
    for (size_t i = 0; i < watch->room; i++)
        if (watch->folders[i] && below(watch->folders[i], folder)) {
            inotify_rm_watch(watch->fd, (int)i);
            forget(watch, (int)i);
        }
}

static bool join(char to[PATH_MAX], const char *folder, const char *name)
{
    int size = *folder ? snprintf(to, PATH_MAX, "%s/%s", folder, name)
                       : snprintf(to, PATH_MAX, "%s", name);
    return size >= 0 && size < PATH_MAX;
}

static bool is_folder(int in, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    struct stat s;
    return fstatat(in, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(s.st_mode);
}

// Watches the folder and all below it. What can not be opened or vanishes meanwhile is left out;
// what can not be watched for want of watches is remembered.
static void add(struct watch *watch, const char *path, int depth)
{
    char full[PATH_MAX];
    if (depth > DEPTH_MAX || !join(full, watch->root, path)) {
        watch->lost = true;
        return;
    }
    int descriptor = inotify_add_watch(watch->fd, full, MASK);
    if (descriptor < 0 && errno == ENOSPC)
        watch->short_of_watches = watch->lost = true;
    if (descriptor < 0)
        return;
    if (!remember(watch, descriptor, path)) {
        inotify_rm_watch(watch->fd, descriptor);
        watch->lost = true;
        return;
    }
    DIR *folder = opendir(full);
    if (!folder)
        return;
    for (const struct dirent *e; !watch->short_of_watches && (e = readdir(folder));) {
        char child[PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            !is_folder(dirfd(folder), e))
            continue;
        if (join(child, path, e->d_name))
            add(watch, child, depth + 1);
        else
            watch->lost = true;
    }
    closedir(folder);
}

bool watch_open(const char *root, struct watch **out, struct error *err)
{
    *out = NULL;
    struct stat s;
    if (stat(root, &s) != 0 || (!S_ISDIR(s.st_mode) && (errno = ENOTDIR)))
        return error_errno(err, errno, "cannot watch %s", root);
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_errno(err, ENOMEM, "cannot watch %s", root);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        error_errno(err, errno, "cannot watch %s", root);
        if (errno == EMFILE)
            error_fix(err,
                      "raise /proc/sys/fs/inotify/max_user_instances, or go on with scans alone");
        free(watch);
        return false;
    }
    // Not by realpath: the root may be a link that is turned elsewhere; it is followed at each use.
    if (!(watch->root = malloc(strlen(root) + 2))) {
        watch_close(watch);
        return error_errno(err, ENOMEM, "cannot watch %s", root);
    }
    sprintf(watch->root, "%s/", root); // the slash: a root that is a link is followed
    add(watch, "", 0);
    *out = watch;
    return true;
}

// What one event means: false when it is no news.
static bool tell(struct watch *watch, const struct inotify_event *event, struct watch_news *news)
{
    uint32_t mask = event->mask;
    if (mask & IN_Q_OVERFLOW) {
        watch->lost = true;
        return false;
    }
    if (event->wd < 0 || (size_t)event->wd >= watch->room || !watch->folders[event->wd])
        return false; // of a folder that was moved away meanwhile
    const char *folder = watch->folders[event->wd];
    if (mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
        // A folder below tells its parent too; the root has no parent here.
        watch->lost = watch->lost || *folder == 0 || (mask & IN_UNMOUNT);
        if (mask & (IN_IGNORED | IN_UNMOUNT))
            forget(watch, event->wd);
        return false;
    }
    if (event->len == 0)
        return false; // the folder itself: its date, its rights
    if (!join(watch->path, folder, event->name)) {
        watch->lost = true;
        return false;
    }
    bool is_dir = mask & IN_ISDIR;
    news->path = watch->path;
    if (mask & (IN_DELETE | IN_MOVED_FROM)) {
        if (is_dir)
            forget_below(watch, watch->path);
        news->what = WATCH_GONE;
        return true;
    }
    if (is_dir) {
        if (!(mask & (IN_CREATE | IN_MOVED_TO)))
            return false;
        add(watch, watch->path, 1);
        news->what = WATCH_NEW_FOLDER;
        return true;
    }
    news->what = mask & IN_CLOSE_WRITE ? WATCH_CLOSED : WATCH_CHANGED;
    return true;
}

int watch_next(struct watch *watch, int64_t wait_ns, struct watch_news *news, struct error *err)
{
    for (;;) {
        while (watch->at < watch->size && !watch->lost) {
            const struct inotify_event *event =
                (const struct inotify_event *)(watch->events + watch->at);
            watch->at += sizeof *event + event->len;
            if (tell(watch, event, news))
                return 1;
        }
        if (watch->lost) {
            watch->lost = false;
            *news = (struct watch_news){WATCH_LOST, ""};
            return 1;
        }
        ssize_t got = read(watch->fd, watch->events, sizeof watch->events);
        if (got > 0) {
            watch->at = 0;
            watch->size = (size_t)got;
            continue;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            error_errno(err, errno, "cannot read what changed under %s", watch->root);
            return -1;
        }
        struct pollfd wait = {.fd = watch->fd, .events = POLLIN};
        struct timespec time = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
        int ready = ppoll(&wait, 1, wait_ns < 0 ? NULL : &time, NULL);
        if (ready == 0 || (ready < 0 && errno == EINTR))
            return 0; // a signal ends the wait: the caller may have to stop
        if (ready < 0) {
            error_errno(err, errno, "cannot wait for what changes under %s", watch->root);
            return -1;
        }
    }
}

bool watch_whole(const struct watch *watch)
{
    return !watch->short_of_watches;
}

int watch_fd(const struct watch *watch)
{
    return watch->fd;
}

void watch_close(struct watch *watch)
{
    if (!watch)
        return;
    close(watch->fd);
    for (size_t i = 0; i < watch->room; i++)
        free(watch->folders[i]);
    free(watch->folders);
    free(watch->root);
    free(watch);
}
