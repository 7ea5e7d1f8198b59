#include "formats/peaks/peaks.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 16
#define FIRST 256 // samples a point of the finest level; each next one holds 4 of it
#define LEVEL_BYTES (1u << 30)

struct peaks {
    int channels, given, sample_rate;
    struct buf finest; // coarser levels are made of it at the end
    size_t filled;     // samples in the point that is being made
    float low[PEAKS_CHANNELS], high[PEAKS_CHANNELS];
};

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

struct peaks *peaks_open(int channels, int sample_rate)
{
    struct peaks *p = calloc(1, sizeof(*p));
    p->given = channels;
    p->channels = channels < PEAKS_CHANNELS ? channels : PEAKS_CHANNELS;
    p->sample_rate = sample_rate;
    p->finest = (struct buf)BUF_LIMIT(LEVEL_BYTES);
    return p;
}

void peaks_close(struct peaks *p)
{
    if (p)
        buf_free(&p->finest);
    free(p);
}

// Away from zero, so that a whisper is still seen.
static int8_t low8(float v)
{
    float scaled = v * 128;
    int whole = (int)scaled - (scaled < (float)(int)scaled ? 1 : 0);
    return (int8_t)(whole < -128 ? -128 : whole > 127 ? 127 : whole);
}

static int8_t high8(float v)
{
    float scaled = v * 127;
    int whole = (int)scaled + (scaled > (float)(int)scaled ? 1 : 0);
    return (int8_t)(whole < -128 ? -128 : whole > 127 ? 127 : whole);
}

static void end_point(struct peaks *p)
{
    int8_t point[2 * PEAKS_CHANNELS];
    for (int c = 0; c < p->channels; c++) {
        point[2 * c] = low8(p->low[c]);
        point[2 * c + 1] = high8(p->high[c]);
    }
    buf_add(&p->finest, point, (size_t)p->channels * 2);
    p->filled = 0;
}

void peaks_add(struct peaks *p, const float *const *planes, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t some = FIRST - p->filled < count - done ? FIRST - p->filled : count - done;
        for (int c = 0; c < p->channels; c++) {
            const float *at = planes[c] + done;
            float low = p->filled ? p->low[c] : at[0], high = p->filled ? p->high[c] : at[0];
            for (size_t i = 0; i < some; i++) { // also leaves NaN out
                low = at[i] < low ? at[i] : low;
                high = at[i] > high ? at[i] : high;
            }
            p->low[c] = low >= -1 ? low <= 1 ? low : 1 : low < -1 ? -1 : 0;
            p->high[c] = high <= 1 ? high >= -1 ? high : -1 : high > 1 ? 1 : 0;
        }
        p->filled += some, done += some;
        if (p->filled == FIRST)
            end_point(p);
    }
}

// Each point of `to` is the extremes of four of `from`.
static void coarser(const struct buf *from, int channels, struct buf *to)
{
    size_t point = (size_t)channels * 2, count = point ? from->size / point : 0;
    const int8_t *at = (const int8_t *)from->at;
    for (size_t i = 0; i < count; i += 4) {
        int8_t made[2 * PEAKS_CHANNELS];
        memcpy(made, at + i * point, point);
        for (size_t k = i + 1; k < i + 4 && k < count; k++)
            for (size_t c = 0; c < point; c += 2) {
                int8_t low = at[k * point + c], high = at[k * point + c + 1];
                made[c] = low < made[c] ? low : made[c];
                made[c + 1] = high > made[c + 1] ? high : made[c + 1];
            }
        buf_add(to, made, point);
    }
}

void peaks_write(struct peaks *p, struct buf *to)
{
    struct buf levels[PEAKS_LEVELS];
    uint8_t head[HEADER + 16 * PEAKS_LEVELS] = "PHPK";
    if (p->filled)
        end_point(p);
    levels[0] = p->finest;
    for (int i = 1; i < PEAKS_LEVELS; i++) {
        levels[i] = (struct buf)BUF_LIMIT(LEVEL_BYTES);
        coarser(&levels[i - 1], p->channels, &levels[i]);
    }
    put(head + 4, 1, 2);
    put(head + 6, (uint64_t)p->channels, 2);
    put(head + 8, (uint64_t)p->sample_rate, 4);
    put(head + 12, PEAKS_LEVELS, 2);
    uint64_t offset = sizeof(head);
    for (int i = 0; i < PEAKS_LEVELS; i++) {
        uint8_t *row = head + HEADER + 16 * i;
        put(row, (uint64_t)FIRST << 2 * i, 4);
        put(row + 4, p->channels ? levels[i].size / (size_t)(p->channels * 2) : 0, 4);
        put(row + 8, offset, 8);
        offset += levels[i].size;
    }
    buf_add(to, head, sizeof(head));
    for (int i = 0; i < PEAKS_LEVELS; i++) {
        buf_add(to, levels[i].at, levels[i].size);
        if (i)
            buf_free(&levels[i]);
    }
}

static bool damaged(struct error *err, const char *why)
{
    error_set(err, ERROR_DAMAGED, "the waveform file can not be read");
    error_why(err, "%s", why);
    return error_fix(err, "make the proxies again");
}

bool peaks_read(const uint8_t *at, size_t size, struct peaks_file *to, struct error *err)
{
    if (size < HEADER || memcmp(at, "PHPK", 4) != 0 || get(at + 4, 2) != 1)
        return damaged(err, "it does not begin as one of version 1");
    *to = (struct peaks_file){.channels = (int)get(at + 6, 2),
                              .sample_rate = (int)get(at + 8, 4),
                              .level_count = (int)get(at + 12, 2)};
    if (to->channels < 1 || to->channels > PEAKS_CHANNELS || to->level_count < 1 ||
        to->level_count > 16 || size < HEADER + 16 * (size_t)to->level_count)
        return damaged(err, "its channels or levels make no sense");
    for (int i = 0; i < to->level_count; i++) {
        const uint8_t *row = at + HEADER + 16 * i;
        uint64_t points = get(row + 4, 4), offset = get(row + 8, 8);
        if (offset > size || points * 2 * (uint64_t)to->channels > size - offset)
            return damaged(err, "it ends within a level");
        to->levels[i] = (struct peaks_level){(uint32_t)get(row, 4), (uint32_t)points,
                                             (const int8_t *)at + offset};
    }
    return true;
}
