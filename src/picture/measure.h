/*
 * picture/measure: what quality control wants to know of each picture, in one pass over it.
 *
 * Pictures come in order of display. Each is brought to 10-bit scale, row by row, and laid beside
 * the one before; what needs more context works on cells of 8 x 8 pixels, which the rows give by
 * the way.
 */
#pragma once
#include "formats/measure/measure.h"
#include "picture/rows.h"

struct picture_shape {
    int width, height;
    int chroma_x, chroma_y;  // shifts: 1, 1 for 4:2:0; 1, 0 for 4:2:2; 0, 0 for 4:4:4
    int bits;                // 8 to 16; more than 8: little-endian words
    bool bt601, bt2020;      // matrix; neither: BT.709
    bool pq, hlg;            // transfer; neither: BT.1886 with white at 200 cd/m2
    int second;              // frames in a second, rounded up
    const struct rows *rows; // NULL: the best here
};

struct picture_view { // limited range Y'CbCr
    const uint8_t *plane[3];
    ptrdiff_t stride_bytes[3];
};

struct picture_pixel { // a pixel that stands out from its neighbours in almost every picture
    int x, y;
    int seen, of; // pictures looked at
};

struct picture_measure;
// At least 16 x 16. NULL when there is no memory.
struct picture_measure *picture_measure_open(const struct picture_shape *s);
void picture_measure_close(struct picture_measure *p);
// `fields`: the picture is two fields, so that lines are held against the same field's. Sets all of
// `to` but flags, gap and timecode; adds MEASURE_BARS to its flags.
void picture_measure_frame(struct picture_measure *p, const struct picture_view *v,
                           struct measure_frame *to);
// The last row of the file has no successor: nothing to do. Dead and stuck pixels, after all
// pictures; at most `room`. Returns how many.
int picture_measure_pixels(const struct picture_measure *p, struct picture_pixel *to, int room);
