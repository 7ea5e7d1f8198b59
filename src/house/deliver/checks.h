/*
 * house/deliver/checks: whether a deliverable is what was asked.
 *
 * The result is probed like any stranger's file, and its facts are laid beside the source's and the
 * profile's. What a profile does not say must be carried over from the source: rate, number of
 * frames, start timecode and drop flag, colour tags, channel layout, language.
 */
#pragma once
#include "base/error.h"

#include <jansson.h>

// A list of Check (what, wanted, seen, ok) as in the API's shapes; a new reference. Facts are as
// the engine gives them, the profile as profile_read does. *all says whether every one is ok.
// `tracks`: what became of the sound, as the engine's step says (docs/formats/ticket.md); NULL: not
// known.
json_t *deliver_checks(const json_t *profile, const json_t *source, const json_t *result,
                       const json_t *tracks, bool *all);

// What a profile asks by itself: size, container's codecs, sound; for a file of unknown origin.
json_t *deliver_profile_checks(const json_t *profile, const json_t *facts, bool *all);
