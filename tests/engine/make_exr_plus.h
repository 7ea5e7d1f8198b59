// Files that OpenEXR's C++ library writes and its C library does not: for make_exr's judge.
#pragma once
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

// The size and data window of exr_make_layers' main part; half R, G, B, A and diffuse.R/G/B, float
// Z, uint id; `value` gives each sample. Blocks of 32 lines (DWAA) or of 256 (DWAB).
void exr_make_dwa(const char *path, bool large, float (*value)(const char *channel, int x, int y));

// Deep scanlines of 6 x 2 pixels, half R, G, B, A, float Z: in columns 0 and 3 no sample, in 1 and
// 4 an opaque red one (0.5, 0, 0) at 7, in 2 and 5 an opaque green one (0, 1, 0) at 20 that is
// written first and in front of it, at 10, a blue one (0, 0, 0.25) that covers half. `plain`:
// without Z. `tiled`: in tiles of 4 x 4.
void exr_make_deep(const char *path, bool plain, bool tiled);

// Two parts of 6 x 2, float R, G, B: "flat", all 0.25, and behind it "deep" with A and Z, all 0.75.
void exr_make_beside(const char *path);

#ifdef __cplusplus
}
#endif
