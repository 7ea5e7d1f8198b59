/*
 * engine/through: looking through a viewing transform: the table that a ticket brings behind its
 * inputs (docs/formats/looks.md), over decoded frames.
 */
#pragma once
#include "base/error.h"
#include "picture/colour.h"
#include "tickets/ticket.h"

#include <libavutil/frame.h>

// *c NULL: the ticket asks for none.
MUST_CHECK bool through_open(const struct ticket *t, struct colour **c, struct error *err);
// Whether a frame's own floats go in, so that what is brighter than white is still there.
bool through_wants_floats(const AVFrame *from);
// From rgb48le, or from a frame of floats, to an rgb24 frame of the same size, which has buffers.
void through_make(const struct colour *c, const AVFrame *from, AVFrame *to);
// Straight from planes of Y'CbCr (8 to 16 bits a word, little-endian; 4:2:0, 4:2:2, 4:4:4) or of
// floats to yuv420p of the same size, which is even: BT.709, limited, or `full`.
void through_codes(const struct colour *c, const struct colour_codes *codes, const AVFrame *from,
                   AVFrame *to, bool full);
