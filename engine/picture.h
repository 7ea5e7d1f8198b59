/*
 * engine/picture: any decoded frame as an upright, square-pixel, progressive BT.709 picture.
 *
 * Fields are made one frame (25i becomes 25p) where they comb, HDR (PQ, HLG; BT.2020) is
 * tone-mapped with 203 nits as reference white (ITU-R BT.2408), linear light (OpenEXR) gets the
 * signal of BT.709, everything else is converted by matrix and range.
 */
#pragma once
#include "base/error.h"
#include "picture/colour.h"

#include <libavutil/frame.h>
#include <libswscale/swscale.h>

struct shape {         // of the whole clip
    int rotation;      // clockwise degrees that make it upright: 0, 90, 180, 270
    int width, height; // of the picture made, upright
    // What it is seen through, instead of all that is said above about light; NULL: nothing.
    const struct colour *through;
    bool full; // to the full range, as JPEG wants it
};

struct shaper;
struct shaper *shaper_open(const struct shape *s);
void shaper_close(struct shaper *s);
// A new yuv420p frame (yuvj420p in full range); NULL when there is no memory or the format can not be converted.
AVFrame *shaper_make(struct shaper *s, const AVFrame *from);

// The frame as it is, as large as it is: not turned, fields not made one. R'G'B' at full range by the
// frame's matrix and range, 16 bits in its own transfer; or 8 bits, through what it is seen through, of HDR and linear light as above.
AVFrame *shaper_deep(struct shaper *s, const AVFrame *from); // rgb48le
AVFrame *shaper_flat(struct shaper *s, const AVFrame *from); // rgb24
int picture_matrix(const AVFrame *f);                        // SWS_CS_...; by size where not said
bool picture_full(const AVFrame *f);

// Scales yuv420p 709 limited to another size or to full range (JPEG); into `to`, which has buffers.
bool scale_into(struct SwsContext **context, const AVFrame *from, AVFrame *to, bool full_range);
// The size of a picture of `width` x `height` that fits `most_w` x `most_h`: never larger than it
// is, even, 16 at least.
void picture_fit(int width, int height, int most_w, int most_h, int *w, int *h);
AVFrame *frame_new(int format, int width, int height);
