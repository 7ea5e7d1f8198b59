/*
 * engine/exr: OpenEXR files through OpenEXR's own libraries: every part, channel and attribute.
 *
 * libav reads one part of a file; here all of it is read, so that a chunk that is cut off or a
 * value that is no number is found wherever it is. Tiles become a frame through the data windows
 * that the renderer wrote, or through the grid that was asked for.
 */
#pragma once
#include "engine/grid.h"
#include "tickets/ticket.h"

#include <stdint.h>

struct exr_seen {
    int64_t width, height; // of the display window
    struct buf form;       // parts, channels and their types: the same for frames of one sequence
    bool lit;              // a colour sample (any, where none is a colour) is not 0
    int64_t odd;           // NaN and Inf
    char odd_at[160];      // the first one: part, channel, column, row
    const char *no_tile;   // why exr_assemble would refuse it; NULL: it would not
};
// Decodes every chunk, whatever its compression, of input `number`. DAMAGED with the part and the row of the first that can
// not be read. `seen->form` is the caller's to free.
MUST_CHECK bool exr_look(size_t number, const struct ticket_input *input, struct exr_seen *seen,
                         struct error *err);

// Writes the frame of which the ticket's inputs are the tiles, row by row, to `file`: with parts,
// channels, types, compression and attributes of the first tile, whose data window grows. DAMAGED
// when tiles overlap, leave a gap, or differ; UNSUPPORTED for deep parts, levels and subsampling.
MUST_CHECK bool exr_assemble(const struct ticket *t, const struct grid *grid, int file,
                             struct exr_seen *made, struct error *err);
