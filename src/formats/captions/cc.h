/*
 * formats/captions/cc: closed captions as they travel with pictures: pairs of 608 and packets of
 * 708, frame by frame, and the boxes that carry them.
 *
 * Pairs have odd parity. {0x80, 0x80} is "nothing": one is sent with each frame that has no more.
 */
#pragma once
#include "formats/captions/captions.h"

// ---- 608

// The pairs of field 1 for a programme: at[i] goes with frame i - lead. `lead` frames before the
// programme's first one may be used to load a caption that is to stand there at once.
struct cc_608 {
    uint8_t (*at)[2];
    int64_t count, lead;
};
// `rate`: of the pairs, one a frame: 30000/1001 for SCC and for pictures at 29.97 and 59.94 (each
// second frame), the picture's own elsewhere. Pop-on captions are loaded in time, so that End Of
// Caption goes with the frame that shows it; what does not fit in time comes late and is reported
// ("load time"). Over 24 hours: TOO_BIG.
MUST_CHECK bool cc_encode_608(const struct captions *c, rational rate, int64_t lead,
                              struct cc_608 *to, struct caption_report *report, struct error *err);

// Pairs back to cues: give them in order of time.
struct cc_decoder;
struct cc_decoder *cc_decoder_open(struct captions *c, int channel, struct caption_report *report);
// One pair of the channel's field (1: CC1, CC2; 2: CC3, CC4) at a time in ticks; `source` is for
// messages. False at a limit.
MUST_CHECK bool cc_decode_pair(struct cc_decoder *d, int64_t at, uint8_t first, uint8_t second,
                               size_t source, struct error *err);
MUST_CHECK bool cc_decode_end(struct cc_decoder *d, struct error *err);
