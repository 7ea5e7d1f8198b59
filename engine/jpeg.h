// engine/jpeg: a picture as a JPEG.
#pragma once
#include "base/error.h"

#include <libavcodec/avcodec.h>

// Of a yuvj420p frame, into `to`. INTERNAL: it can not be encoded.
MUST_CHECK bool jpeg_encode(AVFrame *f, AVPacket *to, struct error *err);
