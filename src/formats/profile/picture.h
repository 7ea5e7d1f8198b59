/*
 * formats/profile/picture: what the picture of a deliverable is, of a master with these facts:
 * size, which part of the master is shown where in it, pixel aspect, colour, scan.
 *
 * All of it follows from the profile and the facts, so that every segment, the check of what was
 * made and the reason given beforehand say the same. A picture is never blown up unless the profile
 * says so, and HDR is never made SDR unless the profile is a proxy ("sdr": true).
 */
#pragma once
#include "base/error.h"

#include <jansson.h>

struct profile_box {
    int x, y, width, height; // pixels
};
struct profile_picture {
    int width, height;                              // of the deliverable's frames
    struct profile_box from;                        // of the master's frames: what is shown
    struct profile_box at;                          // of the deliverable's: where; around it black
    int aspect_num, aspect_den;                     // of a pixel
    const char *primaries, *transfer, *matrix;      // libav's names; "unknown"
    bool full;                                      // range
    const char *scan;                               // "progressive", "top" or "bottom"
    const char *source_scan;                        // the same of the master
    const char *source_primaries, *source_transfer; // as the facts say
    const char *source_matrix;
    bool source_full;
};

// False, with why and fix set in `err`, when the profile refuses such a picture. The names live as
// long as profile and facts do.
MUST_CHECK bool profile_picture(const json_t *profile, const json_t *facts,
                                struct profile_picture *to, struct error *err);
// Whether fields have to be looked at to know what to do: the master is interlaced, the deliverable
// is not.
bool profile_unlaces(const json_t *profile, const json_t *facts);
