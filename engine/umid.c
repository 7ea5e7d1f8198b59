/*
 * A UMID is 32 bytes: a label of 12, a length (13h), an instance number of 3, and a material number
 * of 16 (ST 330, 5). libavformat keeps the last byte of that for telling a file's own packages
 * apart. They stand in the header's metadata sets alone: in packages, in source clips that refer to
 * them, and beside the essence. What is there else with these bytes is no other thing than a UMID.
 */
#include "engine/umid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACK_MOST = 1024, HEADER_AT = 32, HEADER_MOST = 64 << 20, GRID = 1024 };
enum { UMID = 32, NUMBER_AT = 16, NUMBER = 15 };

static const uint8_t partition[] = {0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01,
                                    0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x02};
static const uint8_t label[] = {0x06, 0x0a, 0x2b, 0x34, 0x01, 0x01, 0x01,
                                0x05, 0x01, 0x01, 0x0d, 0x00, 0x13};

// Where the header's metadata ends, or a little behind it: filler may lie before it, up to one unit
// of the grid that libavformat keeps to. 0: the file begins otherwise.
static int64_t header_end(const uint8_t *at, size_t size)
{
    size_t value = 17;
    uint64_t bytes = 0;
    if (size < PACK_MOST || memcmp(at, partition, sizeof(partition)) != 0)
        return 0;
    if (at[16] & 0x80) // a long length
        value += at[16] & 0x7f;
    for (size_t i = 0; i < 8 && value + HEADER_AT + 8 <= size; i++)
        bytes = bytes << 8 | at[value + HEADER_AT + i];
    return bytes > 0 && bytes < HEADER_MOST ? (int64_t)bytes + PACK_MOST + GRID : 0;
}

static void number_all(uint8_t *at, size_t size, const uint8_t *number)
{
    uint8_t *end = at + size, *found;
    while ((found = memmem(at, (size_t)(end - at), label, sizeof(label))) && end - found >= UMID) {
        memcpy(found + NUMBER_AT, number, NUMBER);
        at = found + UMID;
    }
}

bool umid_number(int file, struct hasher *of, struct error *err)
{
    uint8_t digest[64], head[PACK_MOST];
    hasher_end(of, digest);
    ssize_t got = pread(file, head, sizeof(head), 0);
    int64_t end = got == sizeof(head) ? header_end(head, sizeof(head)) : 0;
    off_t size = lseek(file, 0, SEEK_END);
    end = end > size ? size : end;
    uint8_t *all = end ? malloc((size_t)end) : NULL;
    bool done = all && pread(file, all, (size_t)end, 0) == (ssize_t)end;
    if (done)
        number_all(all, (size_t)end, digest);
    done = done && pwrite(file, all, (size_t)end, 0) == (ssize_t)end;
    free(all);
    if (!end)
        return error_set(err, ERROR_INTERNAL, "the MXF file has no header to name its packages in");
    return done || error_errno(err, errno, "cannot name the packages of the MXF file");
}
