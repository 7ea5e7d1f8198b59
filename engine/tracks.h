/*
 * engine/tracks: the tracks of a deliverable's sound: channels put together by the routes, brought
 * to their level, encoded, and measured again as they come out of the decoder.
 */
#pragma once
#include "engine/deliverable.h"
#include "engine/levels.h"
#include "formats/profile/routes.h"

struct encoded; // one track's encoder
// Where packets go: `number` as given to encoded_open.
typedef bool encoded_sink(void *context, int number, const AVPacket *p, struct error *err);
struct encoded_wish {
    const struct order *o;
    const struct route *route;
    int number, rate;
    bool exact16;  // all that comes is 16 bits already: no dither
    int dialnorm;  // -31 to -1; 0: none is asked
    bool measured; // what is encoded is decoded again: see encoded_again
    encoded_sink *sink;
    void *context;
};
MUST_CHECK bool encoded_open(const struct encoded_wish *w, struct encoded **e, struct error *err);
void encoded_close(struct encoded *e); // NULL is fine
const AVCodecContext *encoded_coder(const struct encoded *e);
// Planes in the route's order of channels.
MUST_CHECK bool encoded_add(struct encoded *e, const float *const *planes, int64_t count,
                            struct error *err);
MUST_CHECK bool encoded_end(struct encoded *e, struct error *err);
int64_t encoded_samples(const struct encoded *e);
int64_t encoded_clipped(const struct encoded *e); // samples over full scale
// What a decoder made of it since the last call, in the route's order: planes that last until the
// next call. Counted from the first true sample.
int64_t encoded_again(struct encoded *e, const float **planes);
