/*
 * formats/peaks: a waveform's lowest and highest samples at four scales (docs/formats, "Peaks").
 *
 * A point is int8 min, int8 max for each channel in turn, of 256, 1024, 4096 or 16384 samples.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#define PEAKS_LEVELS 4
#define PEAKS_CHANNELS 8

// Being made: samples go in, a file comes out.
struct peaks;
struct peaks *peaks_open(int channels, int sample_rate); // channels over 8 are left out
void peaks_close(struct peaks *p);
// `count` samples of each of the channels given at opening: planes[channel][sample], -1 .. 1.
void peaks_add(struct peaks *p, const float *const *planes, size_t count);
void peaks_write(struct peaks *p, struct buf *to); // the whole file; adds nothing more afterwards

struct peaks_level {
    uint32_t samples, points;
    const int8_t *at; // points x channels x {min, max}; into the bytes read
};
struct peaks_file {
    int channels, sample_rate, level_count;
    struct peaks_level levels[16];
};
MUST_CHECK bool peaks_read(const uint8_t *at, size_t size, struct peaks_file *to,
                           struct error *err);
