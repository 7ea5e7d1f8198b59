/*
 * engine/metadata: what a file says of itself, read and written (formats/metadata).
 */
#pragma once
#include "engine/media.h"

// Adds to Facts: "metadata", the pairs of formats/metadata/places.h, and "chapters", [{"start",
// "title"}] with ticks of 1/720000 s. What can not be read is left out.
void metadata_facts(const struct media *m, json_t *facts);

// What the muxer is told: before the header, libav's own dictionary and chapters; then, when the
// file is written, what libav does not write, in the file where it lies.
MUST_CHECK bool metadata_announce(const struct ticket *t, AVFormatContext *out, struct error *err);
MUST_CHECK bool metadata_complete(const struct ticket *t, const AVFormatContext *out, int file,
                                  struct error *err);
// Adds what "chnl" of each sound of an MP4 is to say.
void channels_pairs(const AVFormatContext *out, json_t *pairs);

// A copy of a finished file that says something else; essence is copied byte by byte.
// Of Matroska and MXF all of it is written again; "chapters" of the ticket missing: they stay.
MUST_CHECK bool metadata_rewrap(const struct ticket *t, int64_t *size, struct error *err);
bool retag(const struct ticket *t, json_t **result, struct error *err);
