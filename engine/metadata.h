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
MUST_CHECK bool metadata_complete(const struct ticket *t, int file, struct error *err);

// A copy of a finished file that says something else; essence is copied byte by byte.
bool retag(const struct ticket *t, json_t **result, struct error *err);
