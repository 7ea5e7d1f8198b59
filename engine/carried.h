/*
 * engine/carried: captions into a film while it is put together, as formats/captions/embed planned
 * them (docs/formats/ticket.md, mux): bytes that go with a picture, and tracks.
 *
 * Pictures are found by their number, in whatever order their packets lie.
 */
#pragma once
#include "engine/deliverable.h"

struct carried;
// `plan`: the ticket's "captions". NULL gives one that carries nothing.
MUST_CHECK bool carried_open(const struct order *o, const json_t *plan, enum AVCodecID codec,
                             struct carried **to, struct error *err);
void carried_close(struct carried *c); // NULL is fine
// Streams behind those that are there; width and height of the picture.
MUST_CHECK bool carried_streams(struct carried *c, AVFormatContext *out, int width, int height,
                                struct error *err);
// The bytes that go with a picture, put into its packet.
MUST_CHECK bool carried_picture(struct carried *c, AVPacket *p, int64_t frame, struct error *err);
// What of the tracks begins at this frame or before, and was not written yet. A negative code of
// libav when it can not be written.
int carried_write(struct carried *c, AVFormatContext *out, int64_t frame);
