/*
 * formats/frameindex: where each frame of a proxy lies (docs/formats, "Frame index").
 *
 * A header, then 16 bytes a frame, little-endian. A record is written only after its bytes are in
 * the MP4, so that what a growing index says can always be fetched.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

enum { FRAMEINDEX_COMPLETE = 1, FRAMEINDEX_VFR = 2, FRAMEINDEX_DROP = 4 };
enum { FRAME_KEY = 1, FRAME_CONCEALED = 2 };
#define FRAMEINDEX_NO_NUMBER INT32_MIN
#define FRAMEINDEX_AVCC_MAX 4096
#define FRAMEINDEX_RECORD 16

struct frameindex_header {
    int flags;
    rational rate;
    uint32_t timescale, frame_count; // frame_count 0 until it is complete
    int64_t start_timecode;          // frames from midnight
    int width, height;
    int base, frames_per_label;
    int32_t first_number; // of a sequence's files, or FRAMEINDEX_NO_NUMBER
    size_t avcc_size;
    uint8_t avcc[FRAMEINDEX_AVCC_MAX];
};

struct frameindex_record {
    int64_t offset; // in the MP4, under 2^40
    uint32_t size;  // under 2^24
    int64_t time;   // in timescale, 0 .. 2^56 - 1
    int flags;      // FRAME_KEY | FRAME_CONCEALED
};

size_t frameindex_header_size(const struct frameindex_header *h); // in the file
// `to` has frameindex_header_size bytes.
void frameindex_header_write(const struct frameindex_header *h, uint8_t *to);
void frameindex_record_write(const struct frameindex_record *r, uint8_t to[FRAMEINDEX_RECORD]);

// Reads the header; *header_size is where the records begin.
MUST_CHECK bool frameindex_header_read(const uint8_t *at, size_t size, struct frameindex_header *h,
                                       size_t *header_size, struct error *err);
void frameindex_record_read(const uint8_t at[FRAMEINDEX_RECORD], struct frameindex_record *r);
