#include "house/qc/captions.h"

#include <stdio.h>
#include <string.h>

enum { FINDINGS_MOST = 1000 };

struct fault {
    const char *rule, *severity, *where, *clause, *source, *seen, *allowed;
    int64_t from, to; // -1: of the whole file
};

static void add(const struct qc_captions *q, const struct fault *f)
{
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "rule", f->rule, "check", "captions",
                  "clause", f->clause ? f->clause : "", "source", f->source, "severity",
                  f->severity, "seen", f->seen, "allowed", f->allowed, "where", f->where);
    if (one && f->from >= 0) {
        json_object_set_new(one, "from", json_integer(f->from));
        json_object_set_new(one, "to", json_integer(f->to < f->from ? f->from : f->to));
        json_object_set_new(one, "timecode",
                            json_string(tc_format(q->film.start + f->from, &q->film.rate).text));
    }
    json_array_append_new(q->found, one);
}

static const char *source_of(const struct qc_captions *q)
{
    return q->rules ? caption_rules_title(q->rules) : "captions";
}

// Each fault of the rules, at the frames of its cue. One that begins before the film does is at its
// first frame.
static void rule_faults(const struct qc_captions *q, const char *file, const struct captions *c)
{
    struct caption_findings f = {0};
    rational rate = q->film.rate.fps;
    captions_check(c, q->rules,
                   &(struct caption_check){
                       .cuts = q->cuts, .cut_count = q->cut_count, .duration = q->film.frames},
                   q->arena, &f);
    for (size_t i = 0; i < f.count && i < FINDINGS_MOST; i++) {
        const struct caption_finding *one = &f.at[i];
        const struct caption_cue *cue = one->cue ? &c->cues[one->cue - 1] : NULL;
        int64_t from = cue ? caption_frames(one->at, rate, ROUND_NEAREST) : -1;
        bool inside = strcmp(one->rule, "inside") == 0;
        add(q, &(struct fault){.rule = arena_format(q->arena, "caption-%s", one->rule),
                               .severity = inside ? "fix" : "issue",
                               .where = cue ? arena_format(q->arena, "%s, cue %zu", file, one->cue)
                                            : file,
                               .clause = one->clause,
                               .source = source_of(q),
                               .seen = one->seen,
                               .allowed = one->allowed,
                               .from = cue && from < 0 ? 0 : from,
                               .to = cue ? caption_frames(cue->out, rate, ROUND_NEAREST) - 1 : -1});
    }
}

static void refused(const struct qc_captions *q, const char *rule, const char *file,
                    const struct error *why)
{
    const char *seen = arena_format(q->arena, "%s%s%s", why->what, *why->why ? ": " : "", why->why);
    add(q, &(struct fault){rule, "fix", file, "", source_of(q), seen, why->fix, -1, -1});
}

void qc_captions_add(const struct qc_captions *q, const char *file, const struct captions *c,
                     const struct error *why)
{
    struct error other;
    if (!c) // a label before the first frame is a wish that does not fit; the rest is damage
        refused(q, why->kind == ERROR_INPUT ? "caption-start" : "caption-unreadable", file, why);
    else if (!caption_fits(c, q->film.frames, file, &other))
        refused(q, "caption-programme", file, &other);
    else
        rule_faults(q, file, c);
}

void qc_captions_refused(const struct qc_captions *q, const char *rule, const struct error *why)
{
    refused(q, rule, "", why);
}

void qc_captions_missing(const struct qc_captions *q, const char *who, const char *seen,
                         const char *wanted)
{
    add(q, &(struct fault){"caption-missing", "fix", "", who, source_of(q), seen, wanted, -1, -1});
}
