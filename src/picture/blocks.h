/*
 * picture/blocks: eight blocks of 8 x 8 samples at a time, one in each lane: cosine transform and
 * quantisation for prores.c. Built twice, for every x86-64 and for those with AVX2; both do the
 * same sums in the same order, so they give the same numbers to the bit.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { LANES = 8, BLOCK = 64 };

struct blocks {
    // `at[lane]`: the block's first sample, 10 bits; lines are `stride` samples apart. `to`: BLOCK
    // frequencies of LANES floats, in rows, of which blocks_scale knows the scale.
    void (*transform)(const uint16_t *const at[LANES], ptrdiff_t stride, float *to);
    // `to[i * step + lane]` = frequency `scan[i]` times `scale[i]`, rounded towards zero after
    // adding `bias[i]` away from it. LANES are written for each i in turn, whatever `step` is: of
    // fewer blocks the next one overwrites what is too much, and the last one's needs room behind
    // it.
    void (*quantise)(const float *from, const uint8_t *scan, const float *scale, const float *bias,
                     int step, int16_t *to);
};
extern const struct blocks blocks_plain, blocks_avx2;
const struct blocks *blocks_best(void);
