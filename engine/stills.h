/*
 * engine/stills: thumbnails of a film on sheets (sprites), and a poster.
 */
#pragma once
#include "base/error.h"

#include <jansson.h>
#include <libavutil/frame.h>

struct stills;
// Tiles of `width` x `height`, one every `every` frames. Finished files are added to `list`.
struct stills *stills_open(int width, int height, int every, json_t *list);
void stills_close(struct stills *s);
// Every frame in order: upright yuv420p, BT.709. The tile is made of `small`, the poster of the
// first `large` one that is not black.
MUST_CHECK bool stills_add(struct stills *s, const AVFrame *large, const AVFrame *small,
                           struct error *err);
// Writes the last sheet, and the poster of `last` when all was black.
MUST_CHECK bool stills_finish(struct stills *s, const AVFrame *last, struct error *err);
json_t *stills_fact(const struct stills *s); // SpriteFact; NULL when there is no tile

// A full-range picture as a JPEG file, added to `list`.
MUST_CHECK bool jpeg_write(json_t *list, const char *kind, const char *name, AVFrame *f,
                           struct error *err);
