/*
 * formats/profile: what a deliverable must be, as data (data/profiles/NAME.json).
 *
 *   name title description   for people; name as in `--profile`, and as the file's name
 *   container                mp4, mov, mxf or wav: how it is wrapped; extension: with its dot
 *   video    codec           libx264, libx265, libsvtav1, prores_aw, prores_ks, dnxhd or mpeg2video
 *            pixel_format    as libav names it
 *            width, height   at most; absent: as the source
 *            sdr             true: tone-mapped, upright, square pixels, progressive, BT.709
 *            gop_s           seconds between key frames at most
 *            gop             "fixed": key frames at every gop_s and nowhere else, so that the rungs
 *                            of a ladder switch at the same frames
 *            bit_rate        bits a second on average. Of libx264 and libx265 the picture is
 * measured first and then encoded at the one quality that comes to it segment_s       seconds that
 * are encoded at once (5): see below options         of the encoder, texts audio    codec aac or
 * pcm_s24le; rate: Hz; channels: 2 mixes down, absent: as the source streams         how many sound
 * streams at most; absent: all; bit_rate: bits a second
 *
 * A picture is encoded in segments, each by itself. How many there are is a matter of the profile
 * and of the source's facts alone, never of who encodes them: what is delivered depends on it.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

#include <jansson.h>

// Reads and checks one. Errors name the line (of a mistake in the JSON) or the field. `*profile` is
// a new reference and is what a ticket's "profile" holds.
MUST_CHECK bool profile_read(const char *file_name, text content, json_t **profile,
                             struct error *err);
// Checks one that came as JSON.
MUST_CHECK bool profile_check(const json_t *profile, const char *file_name, struct error *err);

// Whether a decoder's buffer must be followed from the first frame to the last (a strict rate: an
// option bufsize, maxrate or minrate): then there is one segment.
bool profile_strict(const json_t *profile);
// Whether the segments are measured before they are encoded, to come to a bit rate together.
bool profile_measured(const json_t *profile);
// Frames of a group of pictures at `rate`; 1 when the profile asks for none.
int64_t profile_gop_frames(const json_t *profile, rational rate);
// Segments of a deliverable of a source with these Facts; 0: it has no picture.
int64_t profile_segments(const json_t *profile, const json_t *facts);
