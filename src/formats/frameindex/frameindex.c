#include "formats/frameindex/frameindex.h"

#include <string.h>

#define FIXED 64

static void put(uint8_t *at, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

size_t frameindex_header_size(const struct frameindex_header *h)
{
    return (FIXED + h->avcc_size + 15) / 16 * 16;
}

void frameindex_header_write(const struct frameindex_header *h, uint8_t *to)
{
    size_t size = frameindex_header_size(h);
    memset(to, 0, size);
    memcpy(to, "PHIX", 4);
    put(to + 4, 1, 2);
    put(to + 6, (uint64_t)h->flags, 2);
    put(to + 8, (uint64_t)h->rate.num, 4);
    put(to + 12, (uint64_t)h->rate.den, 4);
    put(to + 16, h->timescale, 4);
    put(to + 20, h->frame_count, 4);
    put(to + 24, (uint64_t)h->start_timecode, 8);
    put(to + 32, (uint64_t)h->width, 2);
    put(to + 34, (uint64_t)h->height, 2);
    put(to + 36, (uint64_t)h->base, 2);
    put(to + 38, (uint64_t)h->frames_per_label, 2);
    put(to + 40, (uint32_t)h->first_number, 4);
    put(to + 44, h->avcc_size, 2);
    put(to + 46, size, 2);
    memcpy(to + FIXED, h->avcc, h->avcc_size);
}

void frameindex_record_write(const struct frameindex_record *r, uint8_t to[FRAMEINDEX_RECORD])
{
    put(to, (uint64_t)r->offset | (uint64_t)r->size << 40, 8);
    put(to + 8, (uint64_t)r->time | (uint64_t)r->flags << 56, 8);
}

static bool damaged(struct error *err, const char *why)
{
    error_set(err, ERROR_DAMAGED, "the frame index can not be read");
    error_why(err, "%s", why);
    return error_fix(err, "make the proxies again");
}

bool frameindex_header_read(const uint8_t *at, size_t size, struct frameindex_header *h,
                            size_t *header_size, struct error *err)
{
    if (size < FIXED || memcmp(at, "PHIX", 4) != 0)
        return damaged(err, "it does not begin with PHIX");
    if (get(at + 4, 2) != 1)
        return damaged(err, "it is of another version");
    *h = (struct frameindex_header){
        .flags = (int)get(at + 6, 2),
        .rate = {(int64_t)get(at + 8, 4), (int64_t)get(at + 12, 4)},
        .timescale = (uint32_t)get(at + 16, 4),
        .frame_count = (uint32_t)get(at + 20, 4),
        .start_timecode = (int64_t)get(at + 24, 8),
        .width = (int)get(at + 32, 2),
        .height = (int)get(at + 34, 2),
        .base = (int)get(at + 36, 2),
        .frames_per_label = (int)get(at + 38, 2),
        .first_number = (int32_t)get(at + 40, 4),
        .avcc_size = (size_t)get(at + 44, 2),
    };
    *header_size = (size_t)get(at + 46, 2);
    if (h->avcc_size > FRAMEINDEX_AVCC_MAX || *header_size != frameindex_header_size(h))
        return damaged(err, "its header's size makes no sense");
    if (*header_size > size)
        return damaged(err, "it ends within its header");
    if (!h->rate.num || !h->rate.den || !h->timescale)
        return damaged(err, "it has no rate");
    memcpy(h->avcc, at + FIXED, h->avcc_size);
    return true;
}

void frameindex_record_read(const uint8_t at[FRAMEINDEX_RECORD], struct frameindex_record *r)
{
    uint64_t place = get(at, 8), time = get(at + 8, 8);
    r->offset = (int64_t)(place & 0xffffffffffULL);
    r->size = (uint32_t)(place >> 40);
    r->time = (int64_t)(time & 0xffffffffffffffULL);
    r->flags = (int)(time >> 56);
}
