/*
 * engine/fmp4: a small fragmented MP4 that plays while it grows (ISO/IEC 14496-12).
 *
 * ftyp, moov without samples, then a moof + mdat a fragment. No edit list, the first time is 0. The
 * place of a segment index (sidx) is kept free at the front and filled when the file is complete,
 * so that players seek in it at once. Offsets are known as soon as a fragment is written.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct fmp4_video { // timescale 0: none
    uint32_t timescale;
    int width, height;
    const uint8_t *avcc;
    size_t avcc_size;
};
struct fmp4_audio { // rate 0: none
    int rate, channels;
    const uint8_t *config; // AudioSpecificConfig
    size_t config_size;
    const char *language; // three letters, or NULL
};

struct fmp4_sample { // as it lies in the file
    int64_t offset, time;
    uint32_t size;
    int flags; // as given
};

struct fmp4;
// Takes over the descriptor. `fragments` is how many are expected (for the index's room).
MUST_CHECK bool fmp4_open(int descriptor, const struct fmp4_video *v, const struct fmp4_audio *a,
                          int64_t fragments, struct fmp4 **to, struct error *err);
void fmp4_close(struct fmp4 *w);

// Queues a sample of the fragment that is being made. Video: `annex_b` NAL units; time in
// timescale.
void fmp4_add_video(struct fmp4 *w, const uint8_t *annex_b, size_t size, int64_t time, bool key,
                    int flags);
void fmp4_add_audio(struct fmp4 *w, const uint8_t *at, size_t size, uint32_t duration);
size_t fmp4_queued(const struct fmp4 *w, bool audio);
// Writes the fragment; `end_time` is that of the first video frame behind it. *samples are the
// video samples just written, valid until the next one is added.
MUST_CHECK bool fmp4_flush(struct fmp4 *w, int64_t end_time, const struct fmp4_sample **samples,
                           size_t *count, struct error *err);
// Writes the index and makes the file durable.
MUST_CHECK bool fmp4_finish(struct fmp4 *w, int64_t *size, struct error *err);

// The decoder configuration record (14496-15) of SPS and PPS in Annex B form; 0 when there are
// none.
size_t avcc_of(const uint8_t *annex_b, size_t size, uint8_t *to, size_t room);
