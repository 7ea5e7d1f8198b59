/*
 * engine/burn: text in the picture: timecode, a line of text, the name of whoever is to watch it.
 *
 * What stands in a frame is a matter of its number alone, so a frame is the same whichever segment
 * it comes from. White letters; timecode and text stand on a dark box, a watermark on the picture.
 * `size` is the letters' height in per cent of the picture's (5), `opacity` in per cent (100; of a
 * watermark 30). `whole`: the letters are made smaller until the line fits.
 */
#pragma once
#include "base/error.h"
#include "time/rational.h"

#include <jansson.h>
#include <libavutil/frame.h>

struct burn;
// `burns`: the profile's list; `rate` of the deliverable. INPUT when a timecode is wanted that the
// master does not have.
MUST_CHECK bool burn_open(const json_t *burns, const json_t *facts, rational rate, struct burn **to,
                          struct error *err);
void burn_close(struct burn *b); // NULL is fine
// Into a planar Y'CbCr frame, which is made writable. `frame` of the deliverable, `source` of the
// master.
MUST_CHECK bool burn_draw(struct burn *b, AVFrame *f, int64_t frame, int64_t source,
                          struct error *err);
