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
// `channels` 0: as the source, up to 8.
MUST_CHECK bool aac_open(const AVCodecContext *decoder, int channels, struct aac **to,
                         struct error *err);
void aac_close(struct aac *a);
void aac_describe(const struct aac *a, struct fmp4_audio *to);
// Encodes a decoded frame (NULL: `silence` samples of nothing; both empty: the end) into the file.
MUST_CHECK bool aac_add(struct aac *a, const AVFrame *frame, int64_t skip, int64_t silence,
                        struct fmp4 *to, struct error *err);
MUST_CHECK bool aac_end(struct aac *a, struct fmp4 *to, struct error *err);
