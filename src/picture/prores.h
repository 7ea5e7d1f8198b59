/*
 * picture/prores: frames of Apple ProRes (SMPTE RDD 36) out of 10-bit pictures.
 *
 * A frame is a matter of its picture alone, never of the frames before it. It is as large as the
 * target data rates that Apple publishes say, or smaller when the picture needs no more: one
 * quantisation serves the whole frame, as near to the target as it comes. Every machine makes the
 * same bytes.
 */
#pragma once
#include "picture/measure.h"

enum prores_kind { PRORES_PROXY, PRORES_LT, PRORES_422, PRORES_HQ, PRORES_4444, PRORES_XQ };
enum { PRORES_KINDS = PRORES_XQ + 1 };

enum prores_scan { PRORES_PROGRESSIVE, PRORES_TOP_FIRST, PRORES_BOTTOM_FIRST };

struct prores_shape {
    int width, height;
    enum prores_kind kind;
    bool full_chroma; // 4:4:4; else 4:2:2
    enum prores_scan scan;
    int rate_num, rate_den;          // frames a second
    int aspect_num, aspect_den;      // of a pixel
    int primaries, transfer, matrix; // numbers of ITU-T H.273; 2: not said
};

struct prores;
// At least 16 x 16, at most 8192 x 8192. NULL when there is no memory.
struct prores *prores_open(const struct prores_shape *s);
void prores_close(struct prores *p);
// `v`: little-endian words of 10 bits. *frame belongs to `p` until its next one. Returns its size
// in bytes; 0: there is no memory.
size_t prores_frame(struct prores *p, const struct picture_view *v, const uint8_t **frame);
// Bytes of a frame of that size at Apple's target rate.
size_t prores_target(enum prores_kind kind, int width, int height);
