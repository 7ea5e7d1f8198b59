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

// ---- 708: the packets of CTA-708, service 1

struct cc_708 { // what goes with frame i - lead: bytes of one service block
    struct cc_block {
        uint8_t size, at[31];
    } * at;
    int64_t count, lead;
};
// Windows are loaded unseen in the frames before and shown with the frame of `in`.
MUST_CHECK bool cc_encode_708(const struct captions *c, rational rate, int64_t lead,
                              struct cc_708 *to, struct caption_report *report, struct error *err);

struct cc_708_decoder;
struct cc_708_decoder *cc_708_open(struct captions *c, struct caption_report *report);
// One triple of cc_data of type 2 or 3.
MUST_CHECK bool cc_708_triple(struct cc_708_decoder *d, int64_t at, int type, uint8_t first,
                              uint8_t second, size_t source, struct error *err);
MUST_CHECK bool cc_708_end(struct cc_708_decoder *d, struct error *err);

// ---- cc_data: triples {0xf8 | valid << 2 | type, first, second}; type 0, 1: 608 of field 1, 2

#define CC_TRIPLES 31
// The triples that a frame has at this rate: 20 at 29.97, 10 at 59.94, 25 at 23.976 (ST 334-2).
int cc_triples_a_frame(rational rate);
#define CC_NOTHING ((const uint8_t[2]){0x80, 0x80})
// Fills `count` triples (3 bytes each): the pairs of field 1 and 2 (NULL: not in this frame; at 50
// and 60 frames a second they take turns), then a packet with the block (NULL or empty: none), then
// padding. `sequence` counts packets, 0..3.
void cc_data_make(uint8_t *to, int count, const uint8_t first[2], const uint8_t second[2],
                  const struct cc_block *block, int sequence);

// A caption distribution packet (ST 334-2) around triples; to has room for 256. Returns its size.
size_t cc_cdp_make(uint8_t *to, rational rate, const uint8_t *triples, int count, int sequence);
// The triples of one; false when it is none. *triples points into it.
bool cc_cdp_read(const uint8_t *at, size_t size, const uint8_t **triples, int *count);

// A/53 user data as H.264 SEI payload (itu_t_t35: from 0xb5 on) and as MPEG-2 user data (from
// "GA94" on). To has room for 128. Returns the size.
size_t cc_a53_make(uint8_t *to, const uint8_t *triples, int count, bool mpeg2);
// The triples of either; false when it is something else.
bool cc_a53_read(const uint8_t *at, size_t size, const uint8_t **triples, int *count);

// A sample of a QuickTime closed caption track ("c608"): an atom 'cdat' with the pairs of field 1
// and, when there are any, 'cdt2' with those of field 2. One sample a frame, one pair each. Returns
// the size (to has room for 16 + 2 * pairs).
size_t cc_c608_make(uint8_t *to, const uint8_t (*first)[2], size_t first_count,
                    const uint8_t (*second)[2], size_t second_count);
// The pairs of a field (1, 2) of a sample; false when there are none.
bool cc_c608_read(const uint8_t *at, size_t size, int field, const uint8_t **pairs, size_t *count);
