/*
 * engine/line: an assembly line: a thread that works off pieces one after another from a short
 * queue, so that reading, scaling and encoding go on at the same time and memory stays small.
 *
 * Whoever gives waits while the queue is full. When the work fails the line stops: what is given
 * after that is refused with the error of the work.
 */
#pragma once
#include "base/error.h"

#include <libavcodec/packet.h>
#include <libavutil/frame.h>

struct piece {
    int kind;       // what it means to the work
    AVFrame *frame;   // may be NULL; goes with the piece
    AVPacket *packet; // the same
    int64_t time;
    int flags;
};

struct line;
typedef bool line_work(void *context, struct piece *p, struct error *err);

// Starts the thread. The work borrows the piece: frame and packet are freed behind it.
MUST_CHECK bool line_open(line_work *work, void *context, struct line **to, struct error *err);
// Takes over the piece's frame and packet, whatever the answer.
MUST_CHECK bool line_give(struct line *l, struct piece p, struct error *err);
// Waits until all that was given is worked off.
MUST_CHECK bool line_wait(struct line *l, struct error *err);
// Throws away what waits and ends the thread.
void line_close(struct line *l);
