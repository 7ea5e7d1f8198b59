/*
 * house/deliver/parts: what a delivery's job consists of.
 *
 * A deliverable has one track that is encoded, or, a ladder, one for each rung and one for the
 * sound. The job's steps are the kinds of the engine's tickets; the tasks of a step are those of
 * the first track, then those of the second, ... Which they are follows from profile and facts
 * alone. After the muxers the steps that couriers do: "outside" (a licensed encoder), and "bind",
 * which makes a deliverable of several files of what there is.
 */
#pragma once
#include "house/jobs/jobs.h"

#include <jansson.h>

struct delivery_part {      // a task
    json_t *profile;        // of its track; the caller's
    const char *name;       // of its track, in `profile`'s tracks; "": the only one
    json_t *tracks;         // keeps name
    int64_t number;         // of the task among those of its track and step
    int64_t index;          // task of "index" that plans the track; -1: it has no picture
    int64_t weigh, segment; // first tasks of the track in these steps
    int64_t weighs, segments;
    int64_t sound; // the task of the step "sound" that is its; -1: none
};
// False: the job has no such task.
bool delivery_part_of(const json_t *profile, const json_t *facts, const char *step, int64_t task,
                      struct delivery_part *part);
void delivery_part_close(struct delivery_part *part);

enum { DELIVERY_STEPS = 8 };
struct delivery_steps {
    struct job_step at[DELIVERY_STEPS];
    size_t count;
};
// `bind`: the result has to be bound. `within`: captions are taken out of the master.
void delivery_steps_make(const json_t *profile, const json_t *facts, bool bind, bool within,
                         struct delivery_steps *s);
void delivery_steps_free(struct delivery_steps *s);
