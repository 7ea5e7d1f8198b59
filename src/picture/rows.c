// Loops that the compiler turns into vectors: no branches, one width of integer each.
#include "picture/rows.h"

#define NAMED_(a, b) a##b
#define NAMED(a, b) NAMED_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

enum { PIECE = 512 }; // as many as 16-bit counters can take before they are added up

static inline uint16_t apart(uint16_t a, uint16_t b)
{
    return (uint16_t)((a > b ? a : b) - (a > b ? b : a));
}

static void widen8(const uint8_t *from, uint16_t *restrict to, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (uint16_t)(from[i] << 2);
}

static void widen16(const uint16_t *from, uint16_t *restrict to, int count, int bits)
{
    if (bits >= 10) {
        int shift = bits - 10, most = (1 << bits) - 1; // rubbish above the top bit is cut off
        for (int i = 0; i < count; i++)
            to[i] = (uint16_t)((from[i] & most) >> shift);
    } else {
        for (int i = 0; i < count; i++)
            to[i] = (uint16_t)((from[i] & 511) << 1);
    }
}

static void columns(const uint16_t *at, const uint16_t *before, int count, int level,
                    uint16_t *restrict sum, uint16_t *restrict change, uint16_t *restrict lit)
{
    uint16_t limit = (uint16_t)level;
    for (int i = 0; i < count; i++) {
        sum[i] = (uint16_t)(sum[i] + at[i]);
        change[i] = (uint16_t)(change[i] + apart(at[i], before[i]));
        lit[i] = (uint16_t)(lit[i] + (at[i] > limit));
    }
}

static void add(const uint16_t *at, int count, uint16_t *restrict sum)
{
    for (int i = 0; i < count; i++)
        sum[i] = (uint16_t)(sum[i] + at[i]);
}

static void fold(const uint16_t *from, int count, int each, uint16_t *restrict to)
{
    if (each == 8)
        for (int i = 0; i < count; i++, from += 8)
            to[i] = (uint16_t)(from[0] + from[1] + from[2] + from[3] + from[4] + from[5] + from[6] +
                               from[7]);
    else
        for (int i = 0; i < count; i++, from += 4)
            to[i] = (uint16_t)(from[0] + from[1] + from[2] + from[3]);
}

static int64_t above(const uint16_t *at, int count, int level)
{
    int64_t all = 0;
    uint16_t limit = (uint16_t)level;
    while (count > 0) {
        int some = count < PIECE ? count : PIECE;
        uint16_t found = 0;
        for (int i = 0; i < some; i++)
            found = (uint16_t)(found + (at[i] > limit));
        all += found, at += some, count -= some;
    }
    return all;
}

static int64_t distance(const uint16_t *a, const uint16_t *b, int count)
{
    uint32_t sum = 0; // 10 bits of sample, 22 of count
    for (int i = 0; i < count; i++)
        sum += apart(a[i], b[i]);
    return sum;
}

static int64_t weave(const uint16_t *at, const uint16_t *over, const uint16_t *under, int count)
{
    uint32_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += apart((uint16_t)(2 * at[i]), (uint16_t)(over[i] + under[i]));
    return sum;
}

static int64_t comb(const uint16_t *at, const uint16_t *over, const uint16_t *under,
                    const uint16_t *before, int count, int least)
{
    int64_t all = 0;
    uint16_t t = (uint16_t)least;
    while (count > 0) {
        int some = count < PIECE ? count : PIECE;
        uint16_t found = 0;
        for (int i = 0; i < some; i++) {
            uint16_t high =
                (uint16_t)((at[i] > (uint16_t)(over[i] + t)) & (at[i] > (uint16_t)(under[i] + t)));
            uint16_t low =
                (uint16_t)(((uint16_t)(at[i] + t) < over[i]) & ((uint16_t)(at[i] + t) < under[i]));
            found = (uint16_t)(found + ((high | low) & (apart(at[i], before[i]) > t)));
        }
        all += found;
        at += some, over += some, under += some, before += some, count -= some;
    }
    return all;
}

static void halve(const uint16_t *a, const uint16_t *b, uint16_t *restrict to, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (uint16_t)((a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1] + 2) >> 2);
}

static void mean(const uint16_t *a, const uint16_t *b, uint16_t *restrict to, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (uint16_t)((a[i] + b[i] + 1) >> 1);
}

// Eight times a difference times 1/8192: the high half of a 16 x 16 bit product.
static inline int16_t part(int16_t difference, int16_t factor)
{
    return (int16_t)(((int32_t)(int16_t)(difference * 8) * factor) >> 16);
}

static int64_t outside(const uint16_t *y, const uint16_t *cb, const uint16_t *cr, int count,
                       const int16_t matrix[4], int low, int high)
{
    int64_t all = 0;
    int16_t least = (int16_t)low, most = (int16_t)high;
    int16_t rr = matrix[0], gb = matrix[1], gr = matrix[2], bb = matrix[3];
    while (count > 0) {
        int some = count < PIECE ? count : PIECE;
        uint16_t found = 0;
        for (int i = 0; i < some; i++) {
            int16_t l = (int16_t)y[i], u = (int16_t)(cb[i] - 512), v = (int16_t)(cr[i] - 512);
            int16_t r = (int16_t)(l + part(v, rr)), b = (int16_t)(l + part(u, bb));
            int16_t g = (int16_t)(l + part(u, gb) + part(v, gr));
            int16_t top = l > r ? l : r, bottom = l < r ? l : r;
            top = top > g ? top : g, bottom = bottom < g ? bottom : g;
            top = top > b ? top : b, bottom = bottom < b ? bottom : b;
            found = (uint16_t)(found + ((top > most) | (bottom < least)));
        }
        all += found;
        y += some, cb += some, cr += some, count -= some;
    }
    return all;
}

const struct rows NAMED(rows_, ROWS) = {TEXT(ROWS), widen8, widen16, columns, add,  fold,   above,
                                        distance,   weave,  comb,    halve,   mean, outside};
