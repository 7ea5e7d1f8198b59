/*
 * The transform is that of Arai, Agui and Nakajima (1988): five multiplications a line of eight;
 * what it leaves out is in the quantiser's scale. Floating point is exact here: single sums and
 * products in a fixed order, never contracted (-ffp-contract=off).
 */
#include "picture/blocks.h"

#include <string.h>

typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t whole __attribute__((vector_size(32)));
typedef int16_t half __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint16_t row __attribute__((vector_size(16), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE void line(lanes *d, int step)
{
    lanes a0 = d[0] + d[7 * step], a7 = d[0] - d[7 * step];
    lanes a1 = d[step] + d[6 * step], a6 = d[step] - d[6 * step];
    lanes a2 = d[2 * step] + d[5 * step], a5 = d[2 * step] - d[5 * step];
    lanes a3 = d[3 * step] + d[4 * step], a4 = d[3 * step] - d[4 * step];

    lanes even0 = a0 + a3, even3 = a0 - a3, even1 = a1 + a2, even2 = a1 - a2;
    lanes turn = (even2 + even3) * 0.707106781f;
    d[0] = even0 + even1, d[4 * step] = even0 - even1;
    d[2 * step] = even3 + turn, d[6 * step] = even3 - turn;

    lanes odd0 = a4 + a5, odd1 = (a5 + a6) * 0.707106781f, odd2 = a6 + a7;
    lanes both = (odd0 - odd2) * 0.382683433f;
    lanes low = odd0 * 0.541196100f + both, high = odd2 * 1.306562965f + both;
    lanes plus = a7 + odd1, minus = a7 - odd1;
    d[5 * step] = minus + low, d[3 * step] = minus - low;
    d[step] = plus + high, d[7 * step] = plus - high;
}

// Lines of eight blocks become eight vectors, one a column, a block in each lane.
INLINE void turn_round(const uint16_t *const at[LANES], ptrdiff_t offset, lanes *to)
{
#define LOW(a, b) __builtin_shuffle(a, b, (row){0, 8, 1, 9, 2, 10, 3, 11})
#define HIGH(a, b) __builtin_shuffle(a, b, (row){4, 12, 5, 13, 6, 14, 7, 15})
    row r[8], s[8];
    for (int i = 0; i < 8; i++)
        r[i] = *(const row *)(at[i] + offset);
    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < 4; i++)
            s[2 * i] = LOW(r[i], r[i + 4]), s[2 * i + 1] = HIGH(r[i], r[i + 4]);
        memcpy(r, s, sizeof(r));
    }
    for (int i = 0; i < 8; i++)
        to[i] = __builtin_convertvector(__builtin_convertvector(r[i], whole) - 512, lanes);
#undef LOW
#undef HIGH
}

static void transform(const uint16_t *const at[LANES], ptrdiff_t stride, float *to)
{
    lanes d[BLOCK];
    for (int y = 0; y < 8; y++) {
        turn_round(at, y * stride, d + 8 * y);
        line(d + 8 * y, 1);
    }
    for (int x = 0; x < 8; x++)
        line(d + x, 8);
    memcpy(to, d, sizeof(d));
}

static void quantise(const float *from, const uint8_t *scan, const float *scale, const float *bias,
                     int step, int16_t *to)
{
    for (int i = 0; i < BLOCK; i++) {
        lanes v = *(const lanes *)(from + LANES * scan[i]) * scale[i];
        float b = bias[i];
        lanes away = {b, b, b, b, b, b, b, b};
        away = (lanes)(((whole)v & INT32_MIN) | (whole)away); // with the sign of v
        whole level = __builtin_convertvector(v + away, whole);
        *(half *)(to + (ptrdiff_t)i * step) = __builtin_convertvector(level, half);
    }
}

#define NAME(which) blocks_##which
#define OF(which) NAME(which)
const struct blocks OF(BLOCKS) = {transform, quantise};
