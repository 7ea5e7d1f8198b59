/*
 * house/qc/captions: captions that go with a master, as findings of its report: what can not be
 * read, is of another programme, or breaks rules, each at the frames of its cue.
 */
#pragma once
#include "formats/captions/embed.h"

struct qc_captions {
    struct arena *arena;
    struct caption_programme film;
    struct caption_rules *rules;
    const int64_t *cuts; // first frames of its shots (qc_cuts); NULL: not known
    size_t cut_count;
    json_t *found; // findings are added here
};
// Of one file: `c` as it was read, or NULL and why it could not be.
void qc_captions_add(const struct qc_captions *q, const char *file, const struct captions *c,
                     const struct error *why);
// They could not be checked at all.
void qc_captions_refused(const struct qc_captions *q, const char *rule, const struct error *why);
// Captions that `who` wants and nobody brought.
void qc_captions_missing(const struct qc_captions *q, const char *who, const char *seen,
                         const char *wanted);
