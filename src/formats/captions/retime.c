/*
 * Captions follow their picture: parts of the programme that are kept, another speed, an offset.
 *
 * In this order: the parts kept are laid behind one another (their frames are the old programme's),
 * then frame n of the old rate becomes frame n of the new one, then the offset is added.
 */
#include "formats/captions/inside.h"

#include <string.h>

static int64_t faster(int64_t ticks, const struct caption_retime *how)
{
    if (!how->speed_from.num || !how->speed_to.num)
        return ticks;
    return rescale(ticks, how->speed_to, how->speed_from, ROUND_NEAREST);
}

// What of a cue lies in the parts kept, as one cue or more behind one another.
static bool keep_parts(const struct captions *from, struct captions *to,
                       const struct caption_cue *cue, const struct caption_retime *how,
                       struct caption_report *report, struct error *err)
{
    int64_t begins = 0;
    size_t parts = 0;
    int64_t length = 0;
    for (size_t i = 0; i < how->keep_count; i++) {
        int64_t in = caption_ticks(how->keep[i].in, from->rate.fps),
                out = caption_ticks(how->keep[i].out, from->rate.fps);
        int64_t first = cue->in > in ? cue->in : in, behind = cue->out < out ? cue->out : out;
        if (first < behind) {
            struct caption_cue *last = to->count ? &to->cues[to->count - 1] : NULL;
            int64_t at = begins + first - in;
            length += behind - first;
            if (parts && last && last->out == at) {
                last->out += behind - first; // a hole in its middle is closed
            } else {
                struct caption_cue *part = captions_add(to, err);
                if (!part)
                    return false;
                *part = *cue;
                part->in = at, part->out = at + behind - first;
                parts++;
            }
        }
        begins += out - in;
    }
    if (!parts)
        caption_note(report, "cut", from, cue, "it is not in the parts kept");
    else if (parts > 1)
        caption_note(report, "cut", from, cue, "it is in %zu parts", parts);
    else if (length < cue->out - cue->in)
        caption_note(
            report, "cut", from, cue, "it is shortened by %lld frames",
            (long long)caption_frames(cue->out - cue->in - length, from->rate.fps, ROUND_NEAREST));
    return true;
}

static bool new_rate(struct captions *c, const struct caption_retime *how, struct error *err)
{
    struct tc_rate rate;
    if (!how->speed_to.num || !tc_rate_make(how->speed_to, false, &rate, err))
        return !how->speed_to.num;
    rate.drop = c->rate.drop && how->speed_to.den == 1001 && rate.base % 30 == 0;
    captions_counted(c, &rate);
    return true;
}

bool captions_retime(struct captions *c, const struct caption_retime *how,
                     struct caption_report *report, struct error *err)
{
    report->arena = c->arena;
    for (size_t i = 0; i < how->keep_count; i++)
        if (how->keep[i].in < 0 || how->keep[i].out <= how->keep[i].in) {
            error_set(err, ERROR_INPUT, "part %zu of those kept has no length", i + 1);
            return error_fix(err, "a part is IN-OUT, with OUT behind its last frame");
        }
    if (how->keep_count) {
        struct captions kept = *c;
        kept.cues = NULL, kept.count = kept.room = 0;
        for (size_t i = 0; i < c->count; i++)
            if (!keep_parts(c, &kept, &c->cues[i], how, report, err))
                return false;
        c->cues = kept.cues, c->count = kept.count, c->room = kept.room;
        captions_sort(c);
    }
    if (!new_rate(c, how, err))
        return false;
    for (size_t i = 0; i < c->count; i++) {
        struct caption_cue *cue = &c->cues[i];
        cue->in = faster(cue->in, how) + how->offset;
        cue->out = faster(cue->out, how) + how->offset;
        if (cue->in < 0) {
            error_set(err, ERROR_INPUT, "cue %zu would come before the programme's first frame",
                      i + 1);
            error_why(err, "it would stand %s frames before it",
                      count_text(-caption_frames(cue->in, c->rate.fps, ROUND_DOWN)).text);
            return error_fix(err, "choose a smaller offset, or leave its part out with --keep");
        }
    }
    return true;
}
