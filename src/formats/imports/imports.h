/*
 * formats/imports: what importers of other farms' job files share.
 *
 * An importer takes bytes and gives three things: a template of Open Job Description 2023-09, the
 * submission's options (docs/formats/submission.md) and a list of what could not be carried over,
 * each with its name, its value and why. Nothing is left out silently: whoever moves a farm reads
 * the list and knows.
 */
#pragma once
#include "base/arena.h"

#include <jansson.h>

struct import {
    json_t *template_json, *options; // objects
    json_t *lost;                    // [{"what","value","why"}]
    json_t *said;                    // what is in it already, by all three
    bool chunking, expressions;      // extensions that the template needs
};
void import_begin(struct import *im);
void import_free(struct import *im); // fine when it was not begun but zeroed
// Name, extensions, order of members; afterwards the template is whole.
void import_finish(struct import *im);
// {"template": ..., "options": ..., "not_carried": ...}: a new object.
json_t *import_json(const struct import *im);

void import_lost(struct import *im, text what, text value, const char *why, ...) PRINTF_LIKE(4, 5);

// Text as JSON; bytes that are not UTF-8 are taken as Latin-1 (old Windows submitters write them).
json_t *import_string(text t);
// Text that must come out as it is from a format string: what would begin an expression is made one
// that says it. `limit_ok` control characters become spaces where `one_line`.
json_t *import_literal(struct import *im, text t, bool one_line);
void import_literal_add(struct import *im, struct buf *to, text t, bool one_line);

// The same bytes as UTF-8 without a byte order mark: UTF-16 with one (Deadline's own submitters
// write it), UTF-8 with or without. INPUT for UTF-16 that is cut off or wrong.
MUST_CHECK bool import_text(struct arena *a, text bytes, text *out, struct error *err);

// A job's name: 1 to 128 characters without control characters.
json_t *import_job_name(struct import *im, text wanted);
// A name for a step: at most 64 characters, none twice in the template, never empty.
json_t *import_step_name(struct import *im, text wanted);

// Words of a command line as a shell or Windows takes them apart: double quotes hold together and
// vanish, \" is a quote. At most `most` words; TOO_BIG.
MUST_CHECK bool import_words(struct arena *a, text line, size_t most, text **words, size_t *count,
                             struct error *err);

// A set of frames in increasing order.
struct import_frames {
    int64_t *at;
    size_t count;
    bool in_order; // they were given in increasing order, none twice
};
enum { IMPORT_FRAMES_MOST = 1000000 };
// "1-5,10-20:5": the shortest range expression we find.
text import_frames_text(struct arena *a, const struct import_frames *f);
