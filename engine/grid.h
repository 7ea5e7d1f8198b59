/*
 * engine/grid: where the tiles of a frame lie.
 *
 * Columns and rows share the frame out: column c of n begins at c * width / n, rounded down. A
 * tile's file is the `part` alone, the `whole` frame with that part drawn, or says by itself where
 * it lies (`window`: OpenEXR's data window).
 */
#pragma once
#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

enum grid_crop { GRID_PART, GRID_WHOLE, GRID_WINDOW };

struct grid {
    int columns, rows;
    enum grid_crop crop;
};
struct box { // [x, x + width) and so on
    int64_t x, y, width, height;
};

// {"columns", "rows", "crop"} of a ticket.
MUST_CHECK bool grid_parse(const json_t *from, size_t tiles, struct grid *to, struct error *err);
// Of a frame: which part tile `index` is.
struct box grid_box(const struct grid *g, size_t index, int64_t width, int64_t height);
// Tiles that are parts alone: their sizes become places, in boxes[i].x and .y. DAMAGED when they do
// not fit edge to edge. The frame's size is in *whole.
MUST_CHECK bool grid_lay(const struct grid *g, struct box *boxes, struct box *whole,
                         struct error *err);
// The smallest box around all; DAMAGED when two overlap or something of it is not covered.
MUST_CHECK bool boxes_fit(const struct box *boxes, size_t count, struct box *whole,
                          struct error *err);
