/*
 * picture/rows: sums over rows of samples, the inner loops of measuring.
 *
 * Samples are uint16_t at 10-bit scale (64 black, 940 white). The same source (rows.c) is built
 * twice: for every x86-64, and for those with AVX2; rows_best picks at run time. Both give the same
 * numbers to the bit; tests hold them against plain loops of their own.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct rows {
    const char *name;
    // 8-bit samples to the 10-bit scale; 16-bit words of `bits` 9 to 16 likewise.
    void (*widen8)(const uint8_t *from, uint16_t *to, int count);
    void (*widen16)(const uint16_t *from, uint16_t *to, int count, int bits);
    // Adds each sample, and its distance from `before`, to column sums, and 1 where it is above
    // `level`. A column holds 64 rows of samples before it can overflow.
    void (*columns)(const uint16_t *at, const uint16_t *before, int count, int level, uint16_t *sum,
                    uint16_t *change, uint16_t *lit);
    void (*add)(const uint16_t *at, int count, uint16_t *sum);
    // Sums of `each` neighbours (4 or 8), `count` of them.
    void (*fold)(const uint16_t *from, int count, int each, uint16_t *to);
    int64_t (*above)(const uint16_t *at, int count, int level);           // how many are
    int64_t (*distance)(const uint16_t *a, const uint16_t *b, int count); // sum of |a - b|
    // Sum of |2 at - over - under|.
    int64_t (*weave)(const uint16_t *at, const uint16_t *over, const uint16_t *under, int count);
    // How many stand out from both neighbours in the same direction by more than `least`, and have
    // changed by as much.
    int64_t (*comb)(const uint16_t *at, const uint16_t *over, const uint16_t *under,
                    const uint16_t *before, int count, int least);
    // Means of 2 x 2, `count` of them; means of two rows.
    void (*halve)(const uint16_t *a, const uint16_t *b, uint16_t *to, int count);
    void (*mean)(const uint16_t *a, const uint16_t *b, uint16_t *to, int count);
    // How many have luma, or R, G or B of the matrix, outside [low, high]. matrix: Cr to R, Cb to
    // G, Cr to G, Cb to B, in 1/8192.
    int64_t (*outside)(const uint16_t *y, const uint16_t *cb, const uint16_t *cr, int count,
                       const int16_t matrix[4], int low, int high);
};
extern const struct rows rows_plain, rows_avx2;
const struct rows *rows_best(void);
