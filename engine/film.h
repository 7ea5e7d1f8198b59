/*
 * engine/film: a proxy film with its frame index, both of which play while they grow.
 *
 * It encodes on a thread of its own. Frames come in order; each keeps the time and the flags that
 * it came with. The choice of x264: the preset ultrafast has no CABAC and no B, so that a browser
 * steps through it quickly, and takes the least work. That is paid in size: on two clips of 48
 * frames of 720p (noise; a zoom into fine detail) superfast without CABAC came to the same SSIM
 * with a tenth and a third fewer bytes, at 1.7 and 1.2 times the work. Only the review is deblocked.
 */
#pragma once
#include "engine/fmp4.h"
#include "formats/frameindex/frameindex.h"

#include <libavcodec/avcodec.h>

struct film_wish {
    const char *kind, *name, *index_name, *index_kind;
    int width, height, threads;
    bool intra;
    int64_t frames;                  // expected
    struct frameindex_header header; // all but sizes, counts and avcC
    struct fmp4_audio sound;         // rate 0: none. It stays until the film is open
};

struct film;
MUST_CHECK bool film_open(const struct film_wish *w, struct film **to, struct error *err);
// Stops at once; what is not finished stays as it is.
void film_close(struct film *f);
// A yuv420p picture of the film's size, taken over; `time` in the header's timescale, rising.
MUST_CHECK bool film_show(struct film *f, AVFrame *picture, int64_t time, int flags,
                          struct error *err);
// A packet of its sound, of which a new reference is kept; it lasts `samples`.
MUST_CHECK bool film_sound(struct film *f, const AVPacket *packet, int samples, struct error *err);
// `end_time`: where the last frame ends. The sizes are those of the whole files, which are durable.
MUST_CHECK bool film_finish(struct film *f, int64_t end_time, int64_t *size, int64_t *index_size,
                            struct error *err);
