/*
 * picture/flash: cells that turn bright and dark again, as ITU-R BT.1702 counts it.
 *
 * A transition is a change of 20 cd/m2 or more, of which the darker end is below 160 cd/m2, in the
 * opposite direction of the cell's last one; a red one goes into or out of a state in which red has
 * 0.8 or more of R + G + B (linear), at a distance of 0.2 or more in CIE 1976 u'v'. Here they are
 * only found and their area told; how many make a harmful flash is judged elsewhere (house/qc).
 */
#pragma once
#include "picture/measure.h"

struct flash;
struct flash *flash_open(const struct picture_shape *s, int cells);
void flash_close(struct flash *f);
// Sums of 8 x 8 lumas and of 4 x 4 chromas, `cells` of each.
void flash_frame(struct flash *f, const uint16_t *y, const uint16_t *cb, const uint16_t *cr,
                 struct measure_frame *to);
