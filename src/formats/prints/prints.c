// Prints of frames: made, written, read, found again.
#include "formats/prints/prints.h"

#include <string.h>

enum { CELLS = 9, MORE_THAN = 2, STEP = 3, AROUND = 12, CAP = 40, NEAR_FRAMES = 900 };

static int mean_of(const uint8_t *luma, int x0, int x1, int y0, int y1, int stride)
{
    int64_t sum = 0, count = 0;
    for (int y = y0; y < y1; y += STEP)
        for (int x = x0; x < x1; x += STEP, count++)
            sum += luma[(int64_t)y * stride + x];
    return count ? (int)(sum / count) : 0;
}

print print_of(const uint8_t *luma, int width, int height, int stride_bytes)
{
    int cells[CELLS][CELLS];
    print p = {0, 0};
    for (int y = 0; y < CELLS; y++)
        for (int x = 0; x < CELLS; x++)
            cells[y][x] = mean_of(luma, x * width / CELLS, (x + 1) * width / CELLS,
                                  y * height / CELLS, (y + 1) * height / CELLS, stride_bytes);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            p.across = p.across << 1 | (cells[y][x] > cells[y][x + 1] + MORE_THAN);
            p.down = p.down << 1 | (cells[y][x] > cells[y + 1][x] + MORE_THAN);
        }
    return p;
}

int print_apart(print x, print y)
{
    return __builtin_popcountll(x.across ^ y.across) + __builtin_popcountll(x.down ^ y.down);
}

// ---- bytes

static void put(uint64_t value, int size, uint8_t *to)
{
    for (int i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t got(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

void prints_head(uint32_t count, uint8_t to[PRINTS_HEAD])
{
    memset(to, 0, PRINTS_HEAD);
    memcpy(to, "PHPR", 4);
    put(1, 2, to + 4);
    put(PRINT_BYTES, 2, to + 6);
    put(count, 4, to + 8);
}

void print_write(print p, uint8_t to[PRINT_BYTES])
{
    put(p.across, 8, to);
    put(p.down, 8, to + 8);
}

bool prints_read(text bytes, struct prints *to, struct error *err)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    *to = (struct prints){0};
    if (bytes.size < PRINTS_HEAD || memcmp(at, "PHPR", 4) != 0 || got(at + 4, 2) != 1 ||
        got(at + 6, 2) != PRINT_BYTES)
        return error_set(err, ERROR_DAMAGED, "these are no prints of frames");
    *to = (struct prints){at + PRINTS_HEAD, (int64_t)got(at + 8, 4)};
    if (to->count <= PRINTS_MOST && (uint64_t)to->count * PRINT_BYTES <= bytes.size - PRINTS_HEAD)
        return true;
    *to = (struct prints){0};
    return error_set(err, ERROR_DAMAGED, "prints of frames are cut off");
}

print prints_at(const struct prints *p, int64_t frame)
{
    const uint8_t *at = p->at + frame * PRINT_BYTES;
    return (print){got(at, 8), got(at + 8, 8)};
}

// ---- finding

static int side(const struct prints *from, int64_t frame, const struct prints *to, int64_t at,
                int way)
{
    int sum = 0;
    for (int64_t k = way; k <= AROUND && k >= -AROUND; k += way) {
        bool here = frame + k >= 0 && frame + k < from->count;
        bool there = at + k >= 0 && at + k < to->count;
        int apart = here && there   ? print_apart(prints_at(from, frame + k), prints_at(to, at + k))
                    : here == there ? 0
                                    : CAP;
        sum += apart < CAP ? apart : CAP;
    }
    return sum;
}

int prints_around(const struct prints *from, int64_t frame, const struct prints *to, int64_t at)
{
    return side(from, frame, to, at, -1) + side(from, frame, to, at, 1) +
           print_apart(prints_at(from, frame), prints_at(to, at));
}

static int64_t away(int64_t x, int64_t y)
{
    return x > y ? x - y : y - x;
}

int64_t prints_find(const struct prints *from, int64_t frame, const struct prints *to, int64_t near,
                    int64_t *left)
{
    int64_t first = 0, end = to->count, best = -1;
    int best_sum = 0;
    if (frame < 0 || frame >= from->count)
        return -1;
    if (*left < end) {
        first = near - NEAR_FRAMES > 0 ? near - NEAR_FRAMES : 0;
        end = near + NEAR_FRAMES < end ? near + NEAR_FRAMES : end;
    }
    print wanted = prints_at(from, frame);
    for (int64_t i = first; i < end; i++, --*left) {
        if (print_apart(wanted, prints_at(to, i)) > PRINT_NEAR)
            continue;
        int before = side(from, frame, to, i, -1), after = side(from, frame, to, i, 1);
        int sum = before + after + print_apart(wanted, prints_at(to, i));
        *left -= 2 * AROUND;
        if ((before < after ? before : after) > AROUND * PRINT_NEAR)
            continue;
        if (best < 0 || sum < best_sum || (sum == best_sum && away(i, near) < away(best, near)))
            best = i, best_sum = sum;
    }
    return best;
}
