// A viewing transform that is ready, and the loops that look through it: for picture/colour*.c.
#pragma once
#include "picture/colour.h"

typedef float corner __attribute__((vector_size(16)));

struct colour {
    bool light;
    size_t last;          // of an axis
    float low[3], per[3]; // plain: where an axis begins, entries a unit
    float *axis[3];       // last + 2 entries
    size_t edge;          // of the cube; 0: an axis gives the colour
    corner *cube;
};
#define COLOUR_TINY 0x1p-12f // added to light, so that there is a smallest exponent

static inline float colour_held(float v, float most)
{
    v = v > 0 ? v : 0; // NaN too
    return v < most ? v : most;
}

// The same source (colour_rows.c) is built for every x86-64 and for those with AVX2; both give the
// same numbers to the bit.
struct colour_rows {
    void (*words)(const struct colour *c, const uint16_t *from, uint8_t *to, size_t count);
    void (*light)(const struct colour *c, const float *const from[3], uint8_t *to, size_t count);
    void (*pair)(const struct colour *c, const struct colour_codes *codes,
                 const struct colour_line from[2], const struct colour_pair *to, int width);
};
extern const struct colour_rows colour_rows_plain, colour_rows_avx2;
