/*
 * picture/cadence: which fields of an interlaced film are of one moment, and what follows from it.
 *
 * A film of fields is looked at field by field, in order of time. Film frames lie in it as runs of
 * fields: 2, 3, 2, 3 after a pull-down (2:3), 2, 3, 3, 2 after an advanced one, 2, 2, 2, 4 when
 * each fourth frame is doubled, 2, 2, 2 when each frame is simply two fields (from an even field
 * on: progressive in interlaced, from an odd one: a field late), and each field by itself when it
 * was shot interlaced. Edits break a run wherever they fall, and a field can be left over. Of all
 * ways to divide the whole film into runs the one is taken that needs the fewest combs and breaks
 * (dynamic programming), so that a picture that stands still is decided by what comes before and
 * after it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

// What is known of a field and those behind it, in 1/1000000 of its pixels.
struct cadence_field {
    uint32_t comb;  // with the next one: that stand out from it and move, more than they do from
                    // their own field's lines
    uint32_t again; // with the one after the next: that differ
};

enum cadence_mode {
    CADENCE_LEFT,
    CADENCE_FILM,     // 2:3
    CADENCE_ADVANCED, // 2:3:3:2
    CADENCE_DOUBLED,  // 2:2:2:4
    CADENCE_WHOLE,
    CADENCE_FIELDS,
    CADENCE_MODES
};
// Whether five of its frames were four of film.
int cadence_is_film(enum cadence_mode mode);
struct cadence_run {
    int64_t field; // its first
    int length;    // 1 to 4
    enum cadence_mode mode;
    int edit; // of CADENCE_DOUBLED: its cycle does not go on from the run before
};

// Two pictures of luma, 8-bit or little-endian words of up to 16 bits.
struct cadence_view {
    const uint8_t *now, *before; // before: NULL of the first
    ptrdiff_t now_stride, before_stride;
    int width, height, bits;
    int top_first;
};
// Looks at a frame, whose first field is *first in an array of all: clears both of its own and sets
// first[-2].again, first[-1] and first[0].comb. Nothing is known of the first frame.
void cadence_look(const struct cadence_view *v, struct cadence_field *first);

// Divides `count` fields into runs: malloc'd, in order, without gaps.
struct cadence_run *cadence_solve(const struct cadence_field *fields, int64_t count, size_t *runs);

// A frame that is made: of the top and bottom lines of two frames of the source; `lace`: of the one
// whose number is `top`, deinterlaced.
struct cadence_frame {
    int64_t top, bottom;
    int lace;
};
// The film frame on screen in the middle of each frame made. `film`: four frames are made of five
// (a pull-down is undone), else one of each. malloc'd.
struct cadence_frame *cadence_frames(const struct cadence_run *runs, size_t count, int64_t frames,
                                     int top_first, int film, int64_t *made);
