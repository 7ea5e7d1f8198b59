/*
 * engine/fields: frames made of the fields of others, as a plan says (engine/cadence).
 *
 * Lines are moved, never mixed, so that a film frame comes out as it went in before its pull-down.
 * What was shot interlaced goes through bwdif with the frame before and the one after it; all three
 * are of the source, so it does not matter where a segment begins.
 */
#pragma once
#include "base/error.h"

#include <jansson.h>
#include <libavutil/frame.h>

struct fields;
// `row`: a segment's, with "fields", "place" and "places". `top_first` of the source; `scan`: of
// the frames that are made, "progressive", "top" or "bottom".
MUST_CHECK bool fields_open(const json_t *row, bool top_first, const char *scan, struct fields **to,
                            struct error *err);
void fields_close(struct fields *f); // NULL is fine
void fields_again(struct fields *f); // the source begins anew
// The next place of the source; a new reference is kept.
MUST_CHECK bool fields_take(struct fields *f, const AVFrame *frame, struct error *err);
// The next frame, taken over by the caller; *made NULL: it needs more of the source. `source`: the
// place that its first field is of.
MUST_CHECK bool fields_next(struct fields *f, AVFrame **made, int64_t *source, struct error *err);
