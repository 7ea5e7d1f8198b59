/*
 * formats/dolbyvision: Dolby Vision metadata as XML (DolbyLabsMDF 2.0.5 to 5.1), which goes beside
 * a picture unchanged. It is read to be held against that picture: its rate, its length, whether
 * each frame lies in one shot, whether what is said inside a shot lies inside it.
 *
 * Nothing of it is written: what is delivered is the file that came.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

#include <jansson.h>

struct dolby_shot {
    int64_t in, duration; // frames
    int64_t outside;      // frames named in it that do not lie in it
};
struct dolby {
    char version[16], title[128];
    rational rate; // den 0: not said
    size_t count;
    struct dolby_shot *shots; // as they come
    // cd/m2; 0: not said
    double mastering_peak, mastering_black;
    int max_cll, max_fall; // of level 6; -1: not said
};

// DAMAGED when it is no XML, UNSUPPORTED when it is not Dolby Vision's; with the line where it can
// be said.
MUST_CHECK bool dolby_read(const char *name, text bytes, struct dolby **to, struct error *err);
void dolby_close(struct dolby *d);

// Beside a picture with these Facts: [{"what", "wanted", "seen", "state", "fix"}...] as profile_fit
// has it; *fits: no row says "no". A new reference.
json_t *dolby_fit(const struct dolby *d, const json_t *facts, bool *fits);
