/*
 * engine/convert: a decoded frame as the deliverable's: format, size, place in the frame, matrix,
 * primaries, transfer and range, by zimg.
 *
 * It gives the same bytes on every processor: zimg is held to instructions that all of them have.
 * A frame of two fields is converted field by field, each where its lines really lie. Where fewer
 * bits are wanted than there are, the error is spread over the neighbours (or a pattern is laid
 * over it); both depend on the frame alone.
 */
#pragma once
#include "base/error.h"
#include "formats/profile/picture.h"

#include <libavutil/frame.h>

struct conversion_wish {
    struct profile_picture picture;
    enum AVPixelFormat format;
    const char *dither; // "error-diffusion", "ordered", "none"; "": the first
};
struct conversion;
struct conversion *conversion_open(const struct conversion_wish *w);
void conversion_close(struct conversion *c); // NULL is fine
// A new frame, or a new reference when nothing is to be done; `fields`: it is two fields, of two
// moments. NULL with `err` set: no memory, or a format that can not be converted.
AVFrame *conversion_make(struct conversion *c, const AVFrame *from, bool fields, struct error *err);
