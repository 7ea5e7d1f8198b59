/*
 * Small pictures of what attempts made, one file each below a folder of the house:
 * <fence / 1000>/<fence>-<task>-<output>.jpg. They are only to be looked at: when there are too
 * many, the folder with the oldest attempts goes.
 */
#include "house/jobs/jobs.h"
#include "plat/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool folder_of(const char *folder, const struct job_picture *p, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%lld", folder, (long long)p->token / 1000) < PATH_MAX;
}

static bool path_of(const char *folder, const struct job_picture *p, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%lld/%lld-%lld-%lld.jpg", folder,
                    (long long)p->token / 1000, (long long)p->token, (long long)p->task,
                    (long long)p->output) < PATH_MAX;
}

bool job_picture_there(const char *folder, const struct job_picture *p)
{
    char path[PATH_MAX];
    return path_of(folder, p, path) && access(path, R_OK) == 0;
}

bool job_picture_add(const char *folder, const struct job_picture *p, struct error *err)
{
    char above[PATH_MAX], path[PATH_MAX], fresh[PATH_MAX];
    if (p->size > JOBS_PICTURE_MOST || p->size < 4 || memcmp(p->jpeg, "\xff\xd8\xff", 3) != 0 ||
        p->token < 1 || p->task < 0 || p->output < 0)
        return error_set(err, ERROR_INPUT, "a worker's picture can not be kept");
    if (!folder_of(folder, p, above) || !path_of(folder, p, path) ||
        snprintf(fresh, sizeof(fresh), "%s.new", path) >= PATH_MAX)
        return error_set(err, ERROR_INPUT, "the folder of pictures has too long a name");
    if (!folder_make(above, 0750, err))
        return false;
    int f = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool ok = f >= 0 && write(f, p->jpeg, p->size) == (ssize_t)p->size && rename(fresh, path) == 0;
    if (!ok)
        error_errno(err, errno, "cannot keep a picture");
    if (f >= 0)
        close(f);
    if (!ok)
        unlink(fresh);
    return ok;
}

bool job_picture_read(const char *folder, struct arena *a, struct job_picture *p, struct error *err)
{
    char path[PATH_MAX];
    int f = path_of(folder, p, path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (f < 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no picture of it");
    char *at = ARENA_ARRAY(a, char, JOBS_PICTURE_MOST);
    ssize_t size = read(f, at, JOBS_PICTURE_MOST);
    close(f);
    if (size < 0)
        return error_errno(err, errno, "cannot read a picture");
    p->jpeg = at;
    p->size = (size_t)size;
    return true;
}

static int64_t bytes_in(const char *folder)
{
    char path[PATH_MAX];
    struct stat seen;
    int64_t bytes = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' &&
            snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < PATH_MAX &&
            stat(path, &seen) == 0)
            bytes += seen.st_blocks * 512;
    if (d)
        closedir(d);
    return bytes;
}

static int newest_first(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x < y) - (x > y);
}

void job_pictures_forget(const char *folder, int64_t most_bytes)
{
    long long *parts = NULL;
    size_t count = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        int64_t number;
        if (!text_int(text_of(e->d_name), &number))
            continue;
        parts = realloc(parts, (count + 1) * sizeof(*parts));
        if (!parts)
            abort();
        parts[count++] = number;
    }
    if (d)
        closedir(d);
    if (count)
        qsort(parts, count, sizeof(*parts), newest_first);
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct error ignored; // it comes by again
        if (snprintf(path, sizeof(path), "%s/%lld", folder, parts[i]) >= PATH_MAX)
            continue;
        bytes += bytes > most_bytes ? 0 : bytes_in(path);
        if (bytes > most_bytes && i) // the newest ones stay
            (void)!folder_remove(path, &ignored);
    }
    free(parts);
}
