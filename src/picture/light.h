/*
 * picture/light: how bright HDR pictures are, as CTA-861.3 Annex P asks: of each pixel the
 * brightest of linear R, G, B in cd/m2; the highest of all pixels of all frames (MaxCLL), and the
 * highest of the frames' means over the active picture (MaxFALL). SMPTE ST 2084 signals, BT.2020
 * matrix.
 */
#pragma once
#include "picture/measure.h"

struct picture_light;
// NULL when there is no memory, or the shape is not one of PQ.
struct picture_light *picture_light_open(const struct picture_shape *s);
void picture_light_close(struct picture_light *l); // NULL is fine

struct picture_bars { // of black around the active picture, in lines and columns
    int top, bottom, left, right;
};
// Frames in order, from 0.
void picture_light_frame(struct picture_light *l, const struct picture_view *v,
                         const struct picture_bars *bars);

struct picture_levels {
    double max_cll, max_fall;      // cd/m2
    int64_t cll_frame, fall_frame; // the first frames that have them
    int64_t frames;
};
void picture_light_levels(const struct picture_light *l, struct picture_levels *to);
