/*
 * sound/lines: the inner loops of measuring sound. As picture/rows: one source, built for any
 * x86-64 and for AVX2; both give the same numbers to the bit, since sums run in sixteen lanes
 * either way.
 */
#pragma once

enum { PEAK_TAPS = 16, PEAK_PHASES = 3, LINES_LANES = 16, LINES_GROUP = 4 };

struct biquads { // of a group of channels: two in a row, and one beside them
    double state[3][2][LINES_GROUP];
};

struct lines {
    const char *name;
    float (*most)(const float *at, int count); // largest magnitude
    void (*sums)(const float *at, int count, double *square, double *sum);
    double (*product)(const float *a, const float *b, int count);
    // The largest magnitude between samples: `at` has PEAK_TAPS - 1 more samples behind `count`.
    float (*between)(const float *at, int count, const float taps[PEAK_PHASES][PEAK_TAPS]);
    // The largest distance of a sample from what its four neighbours foretell; two samples must be
    // there on both sides.
    float (*surprise)(const float *at, int count);
    // Runs `count` samples of a group through the filters (b0 b1 b2 a1 a2) and gives the sums of
    // the squares of what comes out of the second and of the third one.
    void (*filter)(const double filters[3][5], struct biquads *b,
                   const float *const at[LINES_GROUP], int count, double square[LINES_GROUP],
                   double beside[LINES_GROUP]);
};
extern const struct lines lines_plain, lines_avx2;
const struct lines *lines_best(void);
