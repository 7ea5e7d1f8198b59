/*
 * engine/whole: a still picture of any format that farms write, decoded whole and without mercy.
 */
#pragma once
#include "engine/media.h"

struct whole {
    int64_t width, height;
    struct buf form;  // "png rgb24": the same for frames of one sequence; the caller's to free
    bool lit, opaque; // something is not black; something can be seen through no hole
    int64_t odd;      // NaN and Inf, of EXR
    char odd_at[160];
    const char *no_tile; // of EXR: why it can not be a tile of a frame; NULL: it can
};
// Whether input `number` begins as, or is named like, a still picture.
MUST_CHECK bool whole_is_picture(size_t number, const struct ticket_input *input, bool *is,
                                 enum AVCodecID *codec, struct error *err);
// DAMAGED says what is missing. `codec` as whole_is_picture found it.
MUST_CHECK bool whole_picture(size_t number, const struct ticket_input *input, enum AVCodecID codec,
                              struct whole *to, struct error *err);
// A movie: every frame of the ticket's only input.
MUST_CHECK bool whole_movie(const struct ticket *t, struct whole *to, struct error *err);
// The picture itself; `name` for messages. The caller frees it.
MUST_CHECK bool whole_decode(size_t number, const struct ticket_input *input, enum AVCodecID codec,
                             AVFrame **frame, struct error *err);
