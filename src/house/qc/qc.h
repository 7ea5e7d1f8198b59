/*
 * house/qc: what measurements mean: rules laid on them give findings.
 *
 * Rules are data (data/rules/qc/NAME.json): each names a check of the table in rules.c, its clause
 * and source, its thresholds and how severe a finding is. A finding is an answer, not an error:
 * which rule, where to the frame, what was seen and what is allowed. Severity: "fix" (it must not
 * go out so), "issue" (someone must look), "information".
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "formats/measure/measure.h"

#include <jansson.h>

// Reads and checks a set of rules. Errors name the line. `*rules` is a new reference.
MUST_CHECK bool qc_rules_read(const char *file_name, text content, json_t **rules,
                              struct error *err);

// A set with "base" says only how it differs from that one: rules of the same id take the places of
// its rules, those in "without" are left out. Makes the whole of it, in the place of `*set`.
MUST_CHECK bool qc_rules_on(const json_t *base, json_t **set, struct error *err);
#define QC_SPEECH_PERCENT 15 // less is too little dialogue, where a profile does not say
// What a profile asks of loudness and true peak, in the place of what a set asks; a new reference.
json_t *qc_rules_for(const json_t *rules, const json_t *profile);

// Lays rules on a measurement: a Report as JSON (docs/formats/measure.md), a new reference:
// {"rules","title","verdict","counts","rate","frames","start","measured","findings":[Finding]}.
// "verdict" is "pass", "look" (issues only) or "fix". Findings come in order of severity and place.
json_t *qc_judge(const struct measure *m, const json_t *rules);

// Loudness and true peaks over time, with the limits that the rules set (docs/formats/measure.md);
// a new reference. NULL: there is no sound, or the measurement has no pieces of it (an older one).
json_t *qc_timeline(const struct measure *m, const json_t *rules);

// Adds what something else has seen (hashes, captions, checks of a profile), a finding or a list,
// and counts again. Takes over the reference.
void qc_report_add(json_t *report, json_t *findings);
// Says in the report which bytes it is of: `read` as the engine says ("bytes" of its result).
// `stored`: the same files as the house keeps them ([{"name", "content"}]), each that differs is a
// finding to fix; NULL: they are kept by nobody.
void qc_report_bytes(json_t *report, const json_t *read, const json_t *stored);
// The first frames of the shots, rising, without frame 0; the caller's to free. Fades are none.
size_t qc_cuts(const struct measure *m, int64_t **frames);
int qc_severity(const char *name); // 0 fix, 1 issue, 2 information; -1: none

// Frames of which a picture helps: the first of each finding, rising, each once, `most` at most, of
// the gravest first.
json_t *qc_report_frames(const json_t *report, size_t most);

// A row of the report's "sound" as a line for people.
#define QC_SOUND_ROOM 300
void qc_sound_text(const json_t *sound, char to[QC_SOUND_ROOM]);

// The report as a page that needs nothing else. `picture` gives the bytes of a frame's JPEG, or
// NULL.
typedef const struct buf *qc_picture(void *context, int64_t frame);
void qc_report_html(const json_t *report, const char *title, qc_picture *picture, void *context,
                    struct buf *to);
void qc_report_pdf(const json_t *report, const char *title, qc_picture *picture, void *context,
                   struct buf *to);
