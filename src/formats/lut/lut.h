/*
 * formats/lut: tables that turn a colour into another: `.cube` files, and the house's own form of a
 * viewing transform that was made ready (docs/formats/looks.md).
 *
 * A colour goes through up to three steps: a scale (LUT_LOG for light that may be far brighter than
 * white), a table for each of the three channels, a cube. A step that is not there leaves it as it
 * is. Where a colour lies outside a table's domain the table's end counts.
 *
 * .cube as Adobe's specification 1.0 (2013) has it (TITLE, DOMAIN_MIN, DOMAIN_MAX, one table, red
 * runs fastest) and as DaVinci Resolve writes it (LUT_1D_INPUT_RANGE, LUT_3D_INPUT_RANGE, a table
 * for each channel before a cube in one file).
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#define LUT_FILE_BYTES (64 << 20) // of a .cube
#define LUT_SIZE1 65536           // entries of a table for each channel
#define LUT_SIZE3 129             // steps along an edge of a cube

enum lut_scale { LUT_PLAIN, LUT_LOG };
// LUT_LOG: (log2(v + 2^-12) + 12) / 20, held to 0..1: black is 0, light of 256 is 1.

struct lut {
    char title[128]; // "" when it has none
    enum lut_scale scale;
    size_t size1;            // 0: no table
    float *at1;              // size1 x 3, red green blue
    float low1[3], high1[3]; // where its first and last entries lie
    size_t size3;            // 0: no cube
    float *at3;              // size3^3 x 3, red fastest
    float low3[3], high3[3];
};
void lut_free(struct lut *l); // and empty again

// INPUT with the line and the reason ("line 12: three numbers are wanted here, there are two");
// TOO_BIG over the limits above. Every number is finite. `l` is the caller's to free after a true.
MUST_CHECK bool lut_read(text bytes, struct lut *l, struct error *err);
// As a .cube; INPUT for LUT_LOG, which .cube can not say, TOO_BIG when `to` is full.
MUST_CHECK bool lut_write(const struct lut *l, struct buf *to, struct error *err);

// The house's own form; DAMAGED when the bytes are none.
MUST_CHECK bool lut_unpack(text bytes, struct lut *l, struct error *err);
MUST_CHECK bool lut_pack(const struct lut *l, struct buf *to, struct error *err);

// A table or a cube of that size that changes nothing, 0..1. False: no memory.
MUST_CHECK bool lut_make(struct lut *l, size_t size1, size_t size3, struct error *err);
// One colour through all of it; cubes by tetrahedra (the six that share the grey diagonal).
void lut_apply(const struct lut *l, const float in[3], float out[3]);
float lut_scale_of(float v);   // LUT_LOG
float lut_unscale_of(float v); // and back
