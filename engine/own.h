/*
 * engine/own: encoders that are the house's, in the place of one of libav's.
 */
#pragma once
#include "engine/media.h"

#define OWN_VERSION " house 1" // another one when they make other bytes

struct own_encoder;
// The codec that `name` makes; AV_CODEC_ID_NONE: it is no encoder of the house.
enum AVCodecID own_codec(const char *name);
// `c` is not opened: it holds the shape, and is given what streams are told of the codec.
MUST_CHECK bool own_open(AVCodecContext *c, const json_t *options, struct own_encoder **to,
                         struct error *err);
void own_close(struct own_encoder *o);
// One frame in, one packet out. false: there is no memory.
bool own_encode(struct own_encoder *o, const AVFrame *f, AVPacket *to);
