/*
 * formats/measure: what the engine measured of a file, frame by frame, as a file
 * (docs/formats/measure.md).
 *
 * Measuring and judging are apart: a measurement holds numbers and no opinion, so that other rules
 * can be laid on it without decoding again. Luma is at 10-bit scale: 64 black, 940 white.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

#include <jansson.h>

enum {
    MEASURE_LOST = 1,       // did not decode: all else is 0
    MEASURE_HURT = 2,       // the decoder found errors in it
    MEASURE_INTERLACED = 4, // says so of itself
    MEASURE_TOP_FIRST = 8,
    MEASURE_BARS = 16, // the active picture has a clear edge: `bars` are sure
    MEASURE_TIMECODE = 32,
    MEASURE_ROLLS = 64, // what is lit has moved up or down as a whole
};

// Shares are of the picture in 1/10000. Changes are of luma against the frame before, in 1/1000 of
// a 10-bit step. "Cells" are blocks of 8 x 8 pixels.
struct measure_frame {
    uint32_t flags;
    uint32_t gap;                   // frames that its time says are missing before it
    uint32_t timecode;              // frames from midnight, of the essence
    uint32_t mean;                  // luma in 1/16
    uint32_t lit;                   // share of pixels above black
    uint32_t change;                // mean distance from the frame before
    uint32_t even, odd;             // the same, of even and odd lines
    uint32_t cell_change;           // of the means of cells
    uint32_t cell_two;              // of the means of cells, against two frames before
    uint32_t still;                 // share of cells in which nothing changed
    uint32_t alike;                 // correlation of cells with the frame before, 0 to 10000
    uint32_t alike_two;             // and with two frames before
    uint32_t comb;                  // share of pixels that comb and move
    uint32_t weave_even, weave_odd; // roughness of even and of odd lines between their neighbours
    uint32_t weave_top;             // of its even lines between the odd ones of the frame before
    uint32_t weave_bottom;          // of its odd lines between the even ones of the frame before
    uint32_t top, bottom, left, right; // lines and columns of black around the picture
    uint32_t outside;                  // share of pixels outside EBU R103's levels
    // Of the frame BEFORE, seen from both sides:
    uint32_t spike;    // share of cells that differ from both neighbours, which are alike
    uint32_t brighter; // of these, the share that is brighter, in 1/10000
    uint32_t blocky;   // share of all cells: spikes with hard edges on the grid of blocks
    uint32_t lines;    // lines that stand out in it alone
    // Shares of cells that turn, each by 20 cd/m2 or more (BT.1702), and into or out of saturated
    // red
    uint32_t flash_up, flash_down, red_in, red_out;
    // Share of cells that have turned seven times within a second, and in how many frames, on
    // average
    uint32_t flashing, flashing_frames, red_flashing, red_flashing_frames;
};

// One channel during one frame (or 1/25 s without a picture). Levels in 1/100 dB of full scale;
// MEASURE_SILENT is digital silence.
#define MEASURE_SILENT (-20000)
struct measure_sound {
    int16_t peak, rms, true_peak;
    int16_t low;    // rms below 120 Hz
    int16_t dc;     // in 1/10000 of full scale
    int16_t with;   // correlation with the other channel of its pair, -1000 to 1000
    uint16_t same;  // 1: equals the other channel of its pair, sample for sample; and not silent
    uint16_t flat;  // runs of 3 samples and more at full scale
    uint16_t zeros; // longest run of digital zeros, samples
    uint16_t click; // largest sample against its surroundings after a steep filter, ratio
    uint16_t onset; // sample in the frame at which sound begins after silence, +1; 0: does not
};

struct measure_track {
    int channels, sample_rate;
    int64_t windows;
    const struct measure_sound *at; // windows x channels
};

// `summary`: all that is of the whole file: "rate", "width", "height", "tracks" with loudness,
// "pixels", "container", "essence", "facts" (docs/formats/measure.md).
struct measure {
    json_t *summary;
    rational rate;
    int64_t frames;
    const struct measure_frame *at;
    size_t track_count;
    struct measure_track *tracks;
};

// Adds the file's bytes; tracks' and frames' counts are written into the summary.
void measure_write(const struct measure *m, struct buf *to);
// Reads one; everything in it is checked. It keeps nothing of `from`.
MUST_CHECK bool measure_read(text from, struct measure **m, struct error *err);
void measure_close(struct measure *m);
