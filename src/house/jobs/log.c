/*
 * Logs of attempts, as files below a folder of the house: <fence / 1000>/<fence>.log. What a worker
 * tells at a time is one part: two 32-bit sizes (of the text, of what follows), then the text as
 * zlib has it. So a log is small at once and can be read while it grows; a part that was cut off by
 * a crash is not read and is written over.
 */
#include "house/jobs/inside.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PART_MOST = 1 << 20 };

struct part {
    uint32_t size, packed;
};

static bool log_path(const char *folder, int64_t fence, char path[PATH_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s/%lld/%lld.log", folder, (long long)fence / 1000,
                        (long long)fence);
    return size > 0 && size < PATH_MAX;
}

// From part to part: where the file's whole parts end, and how much text they hold.
static void measure(int f, int64_t *end, int64_t *text_bytes)
{
    struct part p;
    struct stat seen;
    *end = *text_bytes = 0;
    if (fstat(f, &seen) != 0)
        return;
    while (pread(f, &p, sizeof(p), *end) == (ssize_t)sizeof(p) && p.size <= PART_MOST &&
           *end + (int64_t)sizeof(p) + p.packed <= seen.st_size) {
        *end += (int64_t)sizeof(p) + p.packed;
        *text_bytes += p.size;
    }
}

bool job_log_add(const char *folder, int64_t fence, int64_t at, text words, struct error *err)
{
    char path[PATH_MAX], above[PATH_MAX];
    int64_t end, have;
    if (!words.size)
        return true;
    if (words.size > PART_MOST || !log_path(folder, fence, path))
        return error_set(err, ERROR_TOO_BIG, "a part of a log is too long");
    text_copy((text){path, (size_t)(strrchr(path, '/') - path)}, above, sizeof(above));
    if (!folder_make(above, 0750, err))
        return false;
    int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (f < 0)
        return error_errno(err, errno, "cannot keep a log");
    measure(f, &end, &have);
    bool ok = true;
    if (have < JOBS_LOG_MOST && have <= at) { // else it was told before, or there is enough of it
        uLongf packed = compressBound((uLong)words.size);
        struct part *p = malloc(sizeof(*p) + packed);
        if (!p)
            abort();
        ok = compress2((Bytef *)(p + 1), &packed, (const Bytef *)words.at, (uLong)words.size, 6) ==
             Z_OK;
        *p = (struct part){(uint32_t)words.size, (uint32_t)packed};
        size_t whole = sizeof(*p) + packed;
        ok = ok && ftruncate(f, end) == 0 && pwrite(f, p, whole, end) == (ssize_t)whole;
        if (!ok)
            error_errno(err, errno, "cannot keep a log");
        free(p);
    }
    close(f);
    return ok;
}

bool job_log_read(const char *folder, int64_t fence, int64_t after, struct buf *out, int64_t *next,
                  struct error *err)
{
    char path[PATH_MAX];
    struct part p;
    int64_t at = 0, before = 0;
    *next = after;
    int f = log_path(folder, fence, path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (f < 0)
        return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "there is no log of it")
                               : error_errno(err, errno, "cannot read a log");
    while (pread(f, &p, sizeof(p), at) == (ssize_t)sizeof(p) && p.size <= PART_MOST &&
           p.packed <= 2 * PART_MOST && out->size < PART_MOST) {
        at += (int64_t)sizeof(p);
        if (before + p.size > after) {
            uLongf size = p.size;
            char *packed = malloc(p.packed + 1), *words = malloc(p.size + 1);
            if (!packed || !words)
                abort();
            bool whole = pread(f, packed, p.packed, at) == (ssize_t)p.packed &&
                         uncompress((Bytef *)words, &size, (Bytef *)packed, p.packed) == Z_OK &&
                         size == p.size;
            int64_t skip = after > before ? after - before : 0;
            if (whole)
                buf_add(out, words + skip, p.size - (size_t)skip);
            free(packed);
            free(words);
            if (!whole)
                break;
            *next = before + p.size;
        }
        at += p.packed;
        before += p.size;
    }
    close(f);
    return true;
}

bool job_log_there(const char *folder, int64_t fence)
{
    char path[PATH_MAX];
    return log_path(folder, fence, path) && access(path, R_OK) == 0;
}

void job_logs_forget(struct jobs *j, const char *folder)
{
    int64_t before_fence = j->forgotten;
    char path[PATH_MAX];
    struct error ignored; // it comes by again
    for (int64_t k = before_fence / 1000 - 1; k >= 0 && k > before_fence / 1000 - 200; k--)
        if (snprintf(path, sizeof(path), "%s/%lld", folder, (long long)k) < PATH_MAX)
            (void)!folder_remove(path, &ignored);
}
