#include "engine/boxes.h"
#include "engine/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLAP = 40, MOOV_MOST = 1 << 30, ENTRY_HEADER = 86 };

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8),
    p[3] = (uint8_t)v;
}

// The first box of that name in [at, end), or NULL.
static uint8_t *child(uint8_t *at, const uint8_t *end, const char *name)
{
    while (end - at >= 8) {
        uint32_t size = u32(at);
        if (size < 8 || size > (size_t)(end - at))
            return NULL;
        if (memcmp(at + 4, name, 4) == 0)
            return at;
        at += size;
    }
    return NULL;
}

// The track's boxes down to its first sample description, each in path[]; false: no picture's.
static bool find_entry(uint8_t *trak, uint8_t *path[7])
{
    static const char *const names[] = {"mdia", "minf", "stbl", "stsd"};
    uint8_t *at = trak;
    path[1] = trak;
    for (int i = 0; i < 4; i++) {
        at = child(at + 8, at + u32(at), names[i]);
        if (!at)
            return false;
        if (i == 1 && !child(at + 8, at + u32(at), "vmhd"))
            return false;
        path[2 + i] = at;
    }
    path[6] = at + 16; // after version, flags and the count of entries
    return u32(at) >= 16 + ENTRY_HEADER && u32(path[6]) >= ENTRY_HEADER &&
           u32(path[6]) <= u32(at) - 16;
}

static bool picture_entry(uint8_t *moov, uint8_t *path[7])
{
    const uint8_t *end = moov + u32(moov);
    path[0] = moov;
    for (uint8_t *at = moov + 8; (at = child(at, end, "trak")); at += u32(at))
        if (find_entry(at, path))
            return true;
    return false;
}

static void write_clap(uint8_t to[CLAP], int width, int height)
{
    const uint32_t v[] = {(uint32_t)width, 1, (uint32_t)height, 1, 0, 1, 0, 1};
    put_u32(to, CLAP);
    memcpy(to + 4, "clap", 4);
    for (int i = 0; i < 8; i++)
        put_u32(to + 8 + 4 * i, v[i]);
}

static bool find_moov(int file, int64_t size, int64_t *at)
{
    uint8_t head[16];
    for (*at = 0; *at + 8 <= size;) {
        if (pread(file, head, 16, *at) < 8)
            return false;
        int64_t box = u32(head);
        if (box == 1)
            box = (int64_t)((uint64_t)u32(head + 8) << 32 | u32(head + 12));
        if (memcmp(head + 4, "moov", 4) == 0)
            return *at + box == size && box < MOOV_MOST;
        if (box < 8)
            return false;
        *at += box;
    }
    return false;
}

bool boxes_add_clap(int file, int width, int height, int64_t *size, struct error *err)
{
    int64_t at;
    uint8_t *path[7];
    if (!find_moov(file, *size, &at))
        return error_set(err, ERROR_INTERNAL, "the file's index is not where it was written");
    size_t length = (size_t)(*size - at);
    uint8_t *moov = malloc(length + CLAP);
    bool done = moov && pread(file, moov, length, at) == (ssize_t)length;
    if (!done)
        error_errno(err, errno ? errno : EIO, "cannot read the file's index again");
    else if (picture_entry(moov, path)) {
        uint8_t *to = path[6] + ENTRY_HEADER;
        memmove(to + CLAP, to, length - (size_t)(to - moov));
        write_clap(to, width, height);
        for (int i = 0; i < 7; i++)
            put_u32(path[i], u32(path[i]) + CLAP);
        done = output_write(file, moov, length + CLAP, at, err);
        *size += CLAP;
    }
    free(moov);
    return done;
}
