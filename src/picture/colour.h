/*
 * picture/colour: a viewing transform over rows of a picture.
 *
 * Whatever a transform is made of, it is made ready once, as one table (formats/lut): a scale, a
 * table for each channel, a cube read by tetrahedra. What that costs in exactness is measured and
 * said. Functions here are pure; a `struct colour` may be used by several threads.
 */
#pragma once
#include "formats/lut/lut.h"

#include <stddef.h>
#include <stdint.h>

// ---- Making it ready

// `count` colours of three floats in place.
typedef void colour_function(void *context, float *rgb, size_t count);
struct colour_baked {
    double most, mean; // difference to the function itself, of 1, over 20,000 colours
};
// Samples a function of colours in 0..1, or with `light` in 0..256, where 1 is white. A function
// that keeps the channels apart becomes a table, another one a cube of 33 steps an edge, or of 65
// where 33 are off by more than 1/512. TOO_BIG without memory.
MUST_CHECK bool colour_bake(colour_function *of, void *context, bool light, struct lut *made,
                            struct colour_baked *how, struct error *err);
// How far a table is from the function.
MUST_CHECK bool colour_compare(colour_function *of, void *context, bool light,
                               const struct lut *made, struct colour_baked *how, struct error *err);

// ---- Using it

struct colour;
struct colour *colour_open(const struct lut *l); // copies it; NULL: no memory
void colour_close(struct colour *c);             // NULL is fine
// `count` colours of 16 bits (65535 is 1), three a colour, as 8-bit R'G'B'.
void colour_row(const struct colour *c, const uint16_t *from, uint8_t *to, size_t count);
// The same of three planes of floats.
void colour_row_light(const struct colour *c, const float *const from[3], uint8_t *to,
                      size_t count);

// Y'CbCr straight to Y'CbCr, without a picture of R'G'B' between them.
struct colour_codes {         // how code values are meant
    bool floats;              // R, G, B in floats, as they are; nothing else counts then
    bool wide;                // words of 16 bits, not of 8
    bool half;                // Cb and Cr have half the columns
    float black, per_luma;    // (value - black) * per_luma is 0 to 1
    float middle, per_chroma; // (value - middle) * per_chroma is -0.5 to 0.5
    float red, blue;          // parts of luma
};
struct colour_line {
    const void *at[3];  // Y', and of the nearest line Cb, Cr
    const void *far[3]; // [1], [2]: the next nearest, of which a quarter is mixed in; NULL: none
};
struct colour_pair { // 4:2:0 of 8 bits, BT.709
    uint8_t *y[2], *cb, *cr;
    bool full;
};
// Two lines of `width` columns, which is even.
void colour_pair(const struct colour *c, const struct colour_codes *codes,
                 const struct colour_line from[2], const struct colour_pair *to, int width);
