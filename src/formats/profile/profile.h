/*
 * formats/profile: what a deliverable must be, as data (data/profiles/NAME.json). What each field
 * means stands in docs/formats/profile.md.
 *
 * A picture is encoded in segments, each by itself. How many there are is a matter of the profile
 * and of the source's facts alone, never of who encodes them: what is delivered depends on it.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

#include <jansson.h>

// Reads and checks one. Errors name the line and the field. `*profile` is
// a new reference and is what a ticket's "profile" holds.
MUST_CHECK bool profile_read(const char *file_name, text content, json_t **profile,
                             struct error *err);
// Checks one that came as JSON.
MUST_CHECK bool profile_check(const json_t *profile, const char *file_name, struct error *err);

// What a request says besides, each NULL when it does not: a map of the sound (routes.h), "report"
// or "gain", and who consents to a limiter, and when that is.
struct profile_wish {
    const char *map, *loudness, *limiter, *when;
    const char *conform, *pitch; // the rate at which all frames are shown; "keep" or "follow"
};
// The profile with it, checked; a new reference.
MUST_CHECK bool profile_ask(const json_t *profile, const struct profile_wish *w, json_t **asked,
                            struct error *err);

// What a master with these Facts lacks to become it: [{"what", "wanted", "seen", "state", "fix"}],
// state: "ok", "no", or "unknown" (the facts do not say; a person or a measurement must). *fits:
// there is no "no". A new reference.
json_t *profile_fit(const json_t *profile, const json_t *facts, bool *fits);
// Says in `facts` which captions were brought for the master: rows with "language" and "role".
// Without it there are none. `captions` is copied.
void profile_supply(json_t *facts, const json_t *captions);
// Which captions in the master's own file can be taken out for a deliverable, as the engine's
// captions (docs/formats/ticket.md) bring them: [{"index", "kind": "608", "708" or "text",
// "channel" (of 608), "language", "role", "from"}]; "from" for people. Closed captions of which the
// file does not say the language have that of its first sound. A new reference.
json_t *profile_within(const json_t *facts);
// Whether a deliverable of the profile has captions in it or beside it.
bool profile_captions_wanted(const json_t *profile);
// Whether it can be made of a master; else an error with all that is in the way. `name`: the
// master's.
MUST_CHECK bool profile_makes(const json_t *profile, const json_t *facts, const char *name,
                              struct error *err);
// "confirmed", "unconfirmed", or "" (it is the house's own)
const char *profile_standing(const json_t *profile);

// Whether a decoder's buffer must be followed from the first frame to the last (a strict rate: an
// option bufsize, maxrate or minrate): then there is one segment.
bool profile_strict(const json_t *profile);
// Whether what it makes is a folder of several files: a ladder, or a file for each track of sound.
bool profile_several(const json_t *profile);
// Whether the segments are measured before they are encoded, to come to a bit rate together.
bool profile_measured(const json_t *profile);
// Frames of a group of pictures at `rate`; 1 when the profile asks for none.
int64_t profile_gop_frames(const json_t *profile, rational rate);
// Segments of a deliverable of a source with these Facts; 0: it has no picture.
int64_t profile_segments(const json_t *profile, const json_t *facts);
