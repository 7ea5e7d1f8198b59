/*
 * formats/ladder: one film in several sizes for the web, and the two manifests that players read it
 * by.
 *
 * A profile's "ladder" lists the rungs: what each changes in the profile's "video". Each rung, and
 * the sound, is a file of its own in fragments (engine/cmaf.h); HLS (RFC 8216, as of version 7) and
 * DASH (ISO/IEC 23009-1, on-demand profile) name the same bytes.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

// The rungs that a source of that size becomes, each a profile of its own: {"name", "profile"}.
// Those that would be larger than the source are left out, but never all. A new reference.
json_t *ladder_rungs(const json_t *profile, int width, int height);
// The sound's profile; NULL: the profile wants none. A new reference.
json_t *ladder_sound(const json_t *profile);

// `about`: {"rate", "frames",
//           "picture": [{"name", "file", "cmaf"}...], largest first; see engine/cmaf.h,
//           "sound": {"name", "file", "language", "cmaf"}?,
//           "text": {"file", "language"}?, WebVTT}
// The playlist of one file is beside it, and called as it is with the ending .m3u8.
void ladder_hls_file(const json_t *about, const json_t *of, struct buf *to); // of picture or sound
void ladder_hls_text(const json_t *about, struct buf *to);
void ladder_hls(const json_t *about, struct buf *to);
void ladder_dash(const json_t *about, struct buf *to);
// Bits a second of a file with "cmaf": of its largest fragment for its length, and of all of them.
void ladder_rates(const json_t *of, int64_t *most, int64_t *average);
// Whether all rungs' fragments begin at the same frames.
bool ladder_aligned(const json_t *about);
