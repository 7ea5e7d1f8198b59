/*
 * formats/sequence: file names of image sequences: name.####.ext.
 *
 * "sh010_comp_v002.1001.exr" is file number 1001 of "sh010_comp_v002.####.exr". The number is the
 * last run of digits before the ending, with or without a separator before it; a version such as
 * _v002 directly before the ending is no number when there is another way to see it:
 * "shot_v002.exr" is a still.
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"

struct sequence_name {
    text before, after; // of the number; views into the name: "sh010_comp_v002." and ".exr"
    int64_t number;     // may be negative: "a.-0005.exr"
    int padding;        // digits as written when there is a leading zero or sign, else their count
};

// False: the name has no number, or is no picture's name (exr, dpx, cin, tif, tiff, png, jpg, jpeg,
// jp2, j2k, tga, bmp, dng, ari, arx).
bool sequence_name_parse(text name, struct sequence_name *parts);

// Both are files of one sequence: same text around the number and a padding that fits (1001 after
// 999 when unpadded).
bool sequence_same(const struct sequence_name *a, const struct sequence_name *b);

// "sh010_comp_v002.####.exr": as people write it. False when it does not fit.
bool sequence_pattern(const struct sequence_name *parts, char *to, size_t room);
// The name of one file.
bool sequence_file(const struct sequence_name *parts, int64_t number, char *to, size_t room);
// "beauty.####.exr", "beauty.%04d.exr" and "beauty.$F4.exr" of frame 12: beauty.0012.exr. Without
// any of these: the name itself.
const char *sequence_frame(struct arena *a, const char *pattern, int64_t frame);
// "beauty.####.t{tile}.exr" of tile 3: beauty.####.t3.exr. Without it: the name itself.
const char *sequence_tile(struct arena *a, const char *pattern, int64_t tile);
