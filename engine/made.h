// engine/made: a maker's file as packets of plain pixels, so that all of the engine reads it as any
// other.
#pragma once
#include "engine/maker.h"

#include <libavformat/avformat.h>

AVFormatContext *made_format(struct made *f);
struct input *made_input(struct made *f);
int made_read(struct made *f, AVPacket *p); // as av_read_frame
void made_seek(struct made *f, int64_t frame);
