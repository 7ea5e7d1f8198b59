/*
 * engine/span: files that are one clip, as one media: parts that follow each other, or files that
 * hold a track each (MXF OP-Atom). A part may be files with a track each itself (P2 over several
 * cards).
 *
 * What the engine sees is a format context without a file: the streams of the first part, or of
 * all. Packets come out of the parts with the times and numbers of the whole.
 */
#pragma once
#include "engine/media.h"

struct span;
struct span_wish {
    const struct ticket *ticket;
    size_t first, count; // which of its inputs
    bool tracks;         // they run side by side
    const json_t *parts; // how many inputs each part is; NULL: one
    // Opens some of the inputs as one media.
    bool (*open)(const struct ticket *t, size_t first, size_t count, struct media **m,
                 struct error *err);
};
MUST_CHECK bool span_open(const struct span_wish *wish, struct span **s, struct error *err);
void span_close(struct span *s); // NULL is fine
AVFormatContext *span_format(struct span *s);
struct media *span_first(struct span *s);
int span_read(struct span *s, AVPacket *p); // as av_read_frame
// Times as span_read gives them. 0, or an error of libav.
int span_seek(struct span *s, int stream, int64_t time, int flags);
