/*
 * engine/span: files that are one clip, as one media: parts that follow each other, or files that hold
 * a track each (MXF OP-Atom).
 *
 * What the engine sees is a format context without a file: the streams of the first part, or of all.
 * Packets come out of the parts with the times and numbers of the whole.
 */
#pragma once
#include "engine/media.h"

struct span;
// Opens every input of the ticket with `one`. `tracks`: they run side by side.
MUST_CHECK bool span_open(const struct ticket *t, bool tracks,
                          bool (*one)(const struct ticket *t, size_t number, struct media **m,
                                      struct error *err),
                          struct span **s, struct error *err);
void span_close(struct span *s); // NULL is fine
AVFormatContext *span_format(struct span *s);
struct media *span_first(struct span *s);
int span_read(struct span *s, AVPacket *p); // as av_read_frame
// Times as span_read gives them. 0, or an error of libav.
int span_seek(struct span *s, int stream, int64_t time, int flags);
