/*
 * formats/captions/document: captions as JSON, for the page's editor (docs/formats/captions.md).
 *
 * Times are whole frames of the programme. Everything that the model says of a cue is there, so
 * that what the editor does not touch comes back as it was.
 */
#pragma once
#include "formats/captions/captions.h"

#include <jansson.h>

// {"rate", "base", "drop", "start", "language", "kind", "cues": [...]}. A new reference.
json_t *caption_document(const struct captions *c);
// Reads one from outside at this rate and first label. INPUT names the cue and what is wrong.
MUST_CHECK bool caption_document_read(struct arena *a, const json_t *from,
                                      const struct tc_rate *rate, int64_t start,
                                      struct captions **to, struct error *err);
json_t *caption_report_json(const struct caption_report *r);
json_t *caption_findings_json(const struct captions *c, const struct caption_findings *f);
