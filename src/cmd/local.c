#include "cmd/local.h"
#include "plat/child.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool local_folder(const struct config *c, bool make, char *to, size_t room, struct error *err)
{
    const char *folder = config_text(c, "house.folder");
    char whole[PATH_MAX];
    if (make && !folder_make(folder, 0750, err))
        return error_while(err, "making the house's folder %s", folder);
    if (!realpath(folder, whole)) {
        error_errno(err, errno, "there is no house in %s", folder);
        return error_fix(err,
                         "start it once with `posthouse serve`, or name it: --house.folder=DIR");
    }
    return text_copy(text_of(whole), to, room) ||
           error_set(err, ERROR_INPUT, "the name of the folder %s is too long", folder);
}

bool local_lock(const char *folder, const char *name, const char *what, struct error *err)
{
    char path[PATH_MAX], pid[32];
    if (!path_join(path, sizeof(path), folder, name))
        return error_set(err, ERROR_INPUT, "the name of the folder %s is too long", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_errno(err, errno, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t got = pread(fd, pid, sizeof(pid) - 1, 0);
        pid[got > 0 ? got : 0] = 0;
        close(fd);
        error_set(err, ERROR_CONFLICT, "%s", what);
        error_why(err, "process %.20s uses %s", pid[0] ? pid : "(unknown)", folder);
        return error_fix(err,
                         "use that one, stop it (kill %.20s), or name another folder: "
                         "--house.folder=DIR",
                         pid[0] ? pid : "PID");
    }
    int size = snprintf(pid, sizeof(pid), "%d", (int)getpid());
    bool ok = ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)size, 0) == size;
    return ok || error_errno(err, errno, "cannot write %s", path); // the descriptor is the lock
}

bool local_ready_write(const char *folder, const struct local_ready *r, struct error *err)
{
    char path[PATH_MAX], content[800];
    int size = snprintf(content, sizeof(content), "%s\n%s\npid %lld\n", r->url, r->fingerprint,
                        (long long)r->pid);
    return path_join(path, sizeof(path), folder, "ready") &&
           file_write(path, content, (size_t)size, 0640, err);
}

static bool read_small(const char *folder, const char *name, struct buf *content, struct error *err)
{
    char path[PATH_MAX];
    return (path_join(path, sizeof(path), folder, name) ||
            error_set(err, ERROR_INPUT, "the name of the folder %s is too long", folder)) &&
           file_read(path, content, err);
}

bool local_ready_read(const char *folder, struct local_ready *r, struct error *err)
{
    struct buf content = BUF_LIMIT(4096);
    *r = (struct local_ready){0};
    bool ok = read_small(folder, "ready", &content, err);
    if (ok) {
        text rest = {content.at, content.size};
        text url = text_trim(text_cut(&rest, '\n')), print = text_trim(text_cut(&rest, '\n'));
        text pid = text_trim(text_cut(&rest, '\n'));
        text_cut(&pid, ' ');
        ok = (url.size && text_copy(url, r->url, sizeof(r->url)) &&
              text_copy(print, r->fingerprint, sizeof(r->fingerprint)) && text_int(pid, &r->pid)) ||
             error_set(err, ERROR_DAMAGED, "the file %s/ready can not be read", folder);
    } else if (err->kind == ERROR_NOT_FOUND) {
        error_set(err, ERROR_NOT_FOUND, "the house in %s does not serve", folder);
        error_fix(err, "start it with `posthouse serve`");
    }
    buf_free(&content);
    return ok;
}

void local_ready_remove(const char *folder)
{
    char path[PATH_MAX];
    if (path_join(path, sizeof(path), folder, "ready"))
        unlink(path);
}

bool local_line_read(const char *folder, const char *name, char *to, size_t room, struct error *err)
{
    struct buf content = BUF_LIMIT(4096);
    bool ok = read_small(folder, name, &content, err);
    if (ok) {
        text rest = {content.at, content.size}, line = text_trim(text_cut(&rest, '\n'));
        ok = (line.size && text_copy(line, to, room)) ||
             error_set(err, ERROR_DAMAGED, "the file %s/%s can not be read", folder, name);
    }
    buf_free(&content);
    return ok;
}

bool local_line_write(const char *folder, const char *name, const char *line, struct error *err)
{
    char path[PATH_MAX], content[600];
    int size = snprintf(content, sizeof(content), "%s\n", line);
    return path_join(path, sizeof(path), folder, name) &&
           file_write(path, content, (size_t)size, 0600, err);
}

pid_t local_worker(const char *folder)
{
    char line[64];
    struct error none;
    int64_t pid, began;
    if (!local_line_read(folder, "worker.pid", line, sizeof(line), &none))
        return 0;
    text rest = text_of(line), first = text_cut(&rest, ' ');
    if (!text_int(first, &pid) || !text_int(rest, &began) || pid <= 1 || pid > INT_MAX)
        return 0;
    return child_began((pid_t)pid) == began && began ? (pid_t)pid : 0;
}
