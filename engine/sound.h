/*
 * engine/sound: sound as the page wants it: AAC, aligned with the picture, and its waveform.
 */
#pragma once
#include "engine/fmp4.h"
#include "engine/media.h"
#include "formats/peaks/peaks.h"

// Where decoded sound belongs beside the picture, after `have` samples of it: `skip` of its samples
// lie before the first frame, or `silence` goes before it. False: all of it lies before.
bool sound_place(const struct media *m, int stream, const AVFrame *f, int64_t have, int64_t *skip,
                 int64_t *silence);

struct aac; // an AAC encoder behind a converter
// Where its packets go, in order: each is borrowed, and lasts `samples`.
typedef bool aac_sink(void *context, const AVPacket *packet, int samples, struct error *err);
// `channels` 0: as the source, up to 8.
MUST_CHECK bool aac_open(const AVCodecContext *decoder, int channels, aac_sink *sink, void *context,
                         struct aac **to, struct error *err);
void aac_close(struct aac *a);
int aac_channels(const struct aac *a);
void aac_describe(const struct aac *a, struct fmp4_audio *to);
// Encodes `silence` samples of nothing and then a decoded frame (NULL: none) without its first
// `skip` samples.
MUST_CHECK bool aac_add(struct aac *a, const AVFrame *frame, int64_t skip, int64_t silence,
                        struct error *err);
MUST_CHECK bool aac_end(struct aac *a, struct error *err);
