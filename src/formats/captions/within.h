/*
 * formats/captions/within: captions that lie in a film, out of what the engine found there
 * (docs/formats/ticket.md, captions).
 */
#pragma once
#include "formats/captions/captions.h"

#include <jansson.h>

struct caption_within {
    int64_t index;    // stream of the container; -1: the first that says something
    int channel;      // of 608: 1 .. 4; 0: 1
    bool service_708; // 708 and not 608
    bool text;        // a track of text and not closed captions
};
// `rate` and `start` of the wish are the film's. *to has no cues: there is nothing of that kind.
MUST_CHECK bool captions_take(struct arena *a, const json_t *found, const struct caption_within *w,
                              const struct caption_wish *wish, struct captions **to,
                              struct caption_report *report, struct error *err);
// Of a row as profile_within has it.
struct caption_within caption_within_of(const json_t *row);
