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
