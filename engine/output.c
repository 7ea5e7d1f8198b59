#include "engine/output.h"

#include <errno.h>
#include <unistd.h>

static void announce(const char *kind, const char *name, bool growing)
{
    door_say(
        json_pack("{s:{s:s, s:s, s:b}}", "output", "kind", kind, "name", name, "growing", growing));
}

void output_grows(const char *kind, const char *name)
{
    announce(kind, name, true);
}

void output_made(json_t *list, const char *kind, const char *name, int64_t size)
{
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:I}", "kind", kind, "name", name, "size", (json_int_t)size));
    announce(kind, name, false);
}

bool output_write(int file, const void *at, size_t size, int64_t offset, struct error *err)
{
    while (size) {
        ssize_t n = pwrite(file, at, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n ? errno : EIO, "cannot write the proxies");
        at = (const char *)at + n, size -= (size_t)n, offset += n;
    }
    return true;
}

bool output_whole(json_t *list, const char *kind, const char *name, const void *at, size_t size,
                  struct error *err)
{
    int file;
    if (!output_open(name, &file, err))
        return false;
    bool done = output_write(file, at, size, 0, err) &&
                (fsync(file) == 0 || error_errno(err, errno, "cannot make %s durable", name));
    close(file);
    if (done)
        output_made(list, kind, name, (int64_t)size);
    return done;
}
