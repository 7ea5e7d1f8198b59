/*
 * make_exr: small OpenEXR files of a known picture: part "beauty" (half R, G, B, A) and part
 * "depth" (float Z, uint id), with attributes of several types.
 *
 * Channel c at x, y of the display window holds a value of its own, so that a file of a part of the
 * window and one of all of it can be compared sample by sample.
 */
#pragma once
#include <stdbool.h>

struct exr_wish {
    int width, height;            // of the display window
    int left, top, columns, rows; // of the data window; columns 0: all of it
    int compression;              // exr_compression_t
    bool tiled, one_part;         // tiles of 16 x 16
    bool black;                   // every sample is 0
    int odd;                      // 1: a NaN in beauty.G; 2: an infinity in depth.Z
    bool no_alpha;                // channel A is left out
};
// A file for layers: part "main" (half R, G, B, A; diffuse.R/G/B; N.X/Y/Z), part "luma" (half Y, and
// RY, BY of every second pixel each way), part "ids" (uint id, float Z with a NaN at 0,0 and an
// infinity at 1,0). The data window of "main" is larger than the display window
// to the left and smaller to the right. Values: exr_layer_value.
enum { LAYERS_WIDTH = 32, LAYERS_HEIGHT = 18, LAYERS_LEFT = -4, LAYERS_COLUMNS = 30 };
void exr_make_layers(const char *path, bool tiled, int compression);
float exr_layer_value(const char *part, const char *channel, int x, int y);
void exr_make(const char *path, const struct exr_wish *w);
