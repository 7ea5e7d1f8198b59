#include "formats/opened/opened.h"

#include <string.h>

enum { RUN_IN = 65536 }; // ST 377-1, 6.5: what may stand before the first partition

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_box(const uint8_t *at, const char *kind)
{
    return memcmp(at + 4, kind, 4) == 0;
}

static bool begins_as_boxes(const uint8_t *at, size_t size)
{
    static const char *const first[] = {"ftyp", "moov", "mdat", "wide", "free", "skip", "styp"};
    for (size_t i = 0; size >= 8 && i < sizeof(first) / sizeof(first[0]); i++)
        if (is_box(at, first[i]))
            return true;
    return false;
}

static enum opened look_at_boxes(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i + 8 <= size;) {
        size_t box = u32_at(at + i);
        if (is_box(at + i, "moof"))
            return OPENED_YES;
        if (is_box(at + i, "mdat") || box < 8) // 0: to the end; 1: a long one, as only media is
            return OPENED_NO;
        if (is_box(at + i, "moov") && box > size - i)
            return size < OPENED_BYTES ? OPENED_MORE : OPENED_NO;
        if (is_box(at + i, "moov"))
            return memmem(at + i, box, "mvex", 4) ? OPENED_YES : OPENED_NO;
        if (box > size - i)
            break;
        i += box;
    }
    return size < OPENED_BYTES ? OPENED_MORE : OPENED_NO;
}

static bool is_stream(const uint8_t *at, size_t size)
{
    for (size_t before = 0, step = 188; before <= 4; before += 4, step += 4)
        if (size > before + 4 * step && at[before] == 0x47 && at[before + step] == 0x47 &&
            at[before + 2 * step] == 0x47 && at[before + 3 * step] == 0x47)
            return true;
    return false;
}

enum opened opened_look(text head)
{
    static const uint8_t partition[] = {0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05,
                                        0x01, 0x01, 0x0d, 0x01, 0x02};
    const uint8_t *at = (const uint8_t *)head.at;
    size_t run = head.size < RUN_IN ? head.size : RUN_IN;
    if (head.size < 4096)
        return OPENED_MORE;
    if (begins_as_boxes(at, head.size))
        return look_at_boxes(at, head.size);
    return memmem(at, run, partition, sizeof(partition)) || is_stream(at, head.size) ? OPENED_YES
                                                                                     : OPENED_NO;
}
