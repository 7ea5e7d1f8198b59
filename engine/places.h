/*
 * engine/places: which frames a film must have, whatever the decoder makes of damage.
 *
 * Every displayed packet's time is put in a queue when it is sent to the decoder. A frame that
 * comes out takes its own time off the queue and says by it which ones before it were lost. So
 * nothing is dropped and nothing doubled: one place for each frame of the source, in order of
 * display.
 */
#pragma once
#include "engine/media.h"

struct places {
    int64_t *waiting; // times, rising
    size_t count, room;
    int64_t next;      // of a sequence: the number that is expected
    bool began, timed; // timed: the first packet said when it is displayed
};

// Before the packet is sent.
void places_expect(struct places *p, struct media *m, const AVPacket *packet);
// The time of the place that a decoded frame takes; false when it is the second half of one that
// was shown. Ask places_lost with that time next, until it says false, and then places_took.
bool places_find(const struct places *p, const AVFrame *f, int64_t *time);
// Takes the next place off that is before `before` (INT64_MAX: any); false when there is none.
bool places_lost(struct places *p, int64_t before, int64_t *time);
void places_took(struct places *p);
void places_free(struct places *p);
