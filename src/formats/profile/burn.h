/*
 * formats/profile/burn: what is to be burnt into the picture, as a person writes it in one line.
 *
 *   timecode                                  the source's
 *   timecode=record,start=01:00:00:00,at=top  counted from there
 *   text=For review only,at=top-left,size=4
 *   watermark=Ann Lee,opacity=25
 *
 * Several stand between "|". `at` is one of top-left top top-right left centre right bottom-left
 * bottom bottom-right; size and opacity are per cent (docs/formats/profile.md, burn).
 */
#pragma once
#include "base/error.h"

#include <jansson.h>

// Adds them to the profile's "burn". INPUT when they can not be read; whether their values are any
// good profile_check says.
MUST_CHECK bool profile_burn(json_t *profile, const char *line, struct error *err);
