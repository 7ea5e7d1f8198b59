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
// The profile of a sound by itself; NULL: the profile wants none. A new reference.
json_t *ladder_sound(const json_t *profile);

// All that is encoded for it, in order: {"name", "profile", "sound": bool, "language"?, "role"?},
// the rungs and then the sounds, when both profile and facts have some: one for each row of
// audio.tracks, else one for each language and role of the master's tracks (music and effects, and
// stems, are not for listeners), else its first track, or its first two mono ones as stereo. The
// first sound is called "sound", further ones "sound-LANGUAGE[-ROLE]". Each becomes NAME.mp4. A new
// reference.
json_t *ladder_tracks(const json_t *profile, const json_t *facts);

// `about`: {"rate", "frames",
//           "picture": [{"name", "file", "frames", "cmaf"}...], largest first; see engine/cmaf.h,
//           "sounds": [{"name", "file", "language", "role", "cmaf"}...]?, the main one first
//           "texts": [{"name", "file", "language", "role"}...]?, WebVTT}
// One without a track yet, of a source with these facts. A new reference.
json_t *ladder_about(const json_t *facts);
// Adds a track as it was muxed. `cmaf` is borrowed.
void ladder_add(json_t *about, const json_t *track, const json_t *cmaf, int64_t frames);
// Adds captions of a language ("": not said) and role (cc, sdh, subtitle, forced); the file that
// they are to be. Belongs to `about`.
const char *ladder_add_text(json_t *about, const char *language, const char *role);
// Playlists and manifests, one after another. The playlist of one file is beside it, and called as
// it is with the ending .m3u8. False as soon as `file` says so.
bool ladder_files(const json_t *about, bool (*file)(void *context, const char *name, text content),
                  void *context);
// Rows of checks: each rung has all frames, and key frames lie at the same ones. A new reference.
json_t *ladder_checks(const json_t *about, bool *all);
// Bits a second of a file with "cmaf": of its largest fragment for its length, and of all of them.
void ladder_rates(const json_t *of, int64_t *most, int64_t *average);
// Whether all rungs' fragments begin at the same frames.
bool ladder_aligned(const json_t *about);
