/*
 * engine/cadence: the fields of an interlaced source looked at from its first frame to its last
 * (picture/cadence), and the frames that a deliverable is made of.
 */
#pragma once
#include "engine/deliverable.h"
#include "picture/cadence.h"

struct cadence {
    struct cadence_frame *frames; // of the deliverable; their numbers are places of the source
    int64_t count;
    rational rate;
    bool film;     // a pull-down was undone: four frames of five
    json_t *found; // {"found", "rate", "sections", ...} for the plan
};
// Of a source that is interlaced and a profile that wants another scan; else all of `to` is empty.
// Decodes all of it. `places` of the source.
MUST_CHECK bool cadence_find(const struct order *o, int64_t places, struct cadence *to,
                             struct error *err);
// What a few pieces of an interlaced film look like, before anybody asks for a deliverable of it:
// {"found", "looked": frames}, found as the plan's, or "mixed"; NULL: it is not interlaced, or too
// short. Decodes some 120 frames. A new reference.
json_t *cadence_glance(const struct ticket *t, const json_t *facts);
void cadence_free(struct cadence *c);
