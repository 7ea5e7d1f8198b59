/*
 * engine/exr_plus: what OpenEXR's C library does not do and its C++ library does: channels of a
 * part that is compressed with DWA, and deep samples made flat.
 *
 * Deep samples of a pixel are laid over each other from the nearest on, each as its alpha says, as
 * the library does it for scanlines with channels Z and A. It does not for tiles, nor without
 * these: there the same is done here, without Z in the order of the file, and without A the first
 * covers what is behind it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct exr_plus_file {
    // False: it can not be read. *got is less than `size` at its end only.
    bool (*read)(void *context, int64_t offset, void *to, size_t size, size_t *got);
    void *context;
    int64_t size_bytes;
    const char *name;
};
struct exr_plus_channel { // rows of samples of the data window, without gaps
    const char *name;
    int type;           // exr_pixel_type_t
    int step_x, step_y; // pixels a sample
    int64_t left, top;  // of the first, in samples
    int64_t width;      // in samples
    size_t size;        // bytes of each
    uint8_t *to;
};
// Of part `part` (from 0). False: `why` says why not.
bool exr_plus_read(const struct exr_plus_file *f, int part, bool deep,
                   const struct exr_plus_channel *channels, size_t count, char *why,
                   size_t why_size);

struct exr_plus_piece { // rows of a channel's samples, without gaps
    const char *channel;
    int type;              // exr_pixel_type_t
    int64_t x, y;          // the pixel of the first, of its level
    int step_x, step_y;    // pixels a sample
    int64_t columns, rows; // in samples
    const uint8_t *at;
};
// Every sample of every level of a flat part, a block of lines or a tile at a time. False: `why`
// says what can not be read.
bool exr_plus_walk(const struct exr_plus_file *f, int part,
                   void (*saw)(void *context, const struct exr_plus_piece *piece), void *context,
                   char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
