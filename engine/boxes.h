/*
 * engine/boxes: what libavformat's QuickTime muxer leaves out of a finished file.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>

// Adds a 'clap' atom (clean aperture: all of it, in the middle) to the sample description of the
// first picture track of a MOV whose 'moov' is its last atom. `*size` is the file's, before and
// after.
MUST_CHECK bool boxes_add_clap(int file, int width, int height, int64_t *size, struct error *err);
