/*
 * formats/profile: what a deliverable must be, as data (data/profiles/NAME.json).
 *
 *   name title description   for people; name as in `--profile`, and as the file's name
 *   container                mp4, mov, mxf or wav: how it is wrapped; extension: with its dot
 *   video    codec           libx264, prores_aw or dnxhd
 *            pixel_format    as libav names it
 *            width, height   at most; absent: as the source
 *            sdr             true: tone-mapped, upright, square pixels, progressive, BT.709
 *            gop_s           seconds between key frames at most
 *            options         of the encoder, texts
 *   audio    codec           aac or pcm_s24le; rate: Hz; channels: 2 mixes down, absent: as the
 * source streams         how many sound streams at most; absent: all; bit_rate: bits a second
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

// Reads and checks one. Errors name the line (of a mistake in the JSON) or the field. `*profile` is
// a new reference and is what a ticket's "profile" holds.
MUST_CHECK bool profile_read(const char *file_name, text content, json_t **profile,
                             struct error *err);
// Checks one that came as JSON.
MUST_CHECK bool profile_check(const json_t *profile, const char *file_name, struct error *err);
