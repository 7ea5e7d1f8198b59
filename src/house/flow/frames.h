/*
 * house/flow/frames: single frames of originals, made by an engine when somebody wants to see them.
 *
 * Who wants one asks, and asks again until it is there (twice a second): what nobody has asked for
 * in twenty seconds is not made. All of it may be called by any thread.
 */
#pragma once
#include "base/error.h"
#include "store/store.h"

#include <jansson.h>

#define FRAMES_FOLDER "frames" // below scratch

struct frames;
// `scratch` exists; its folder of frames is emptied. Threads start with the first frame.
MUST_CHECK bool frames_open(struct store *store, const char *scratch, bool sandbox,
                            struct frames **f, struct error *err);
void frames_close(struct frames *f); // NULL is fine; waits for what runs

struct frame_answer {
    const char *state; // waiting, running, ready, failed
    int64_t done, total;
    json_t *result;  // of the engine, when it is ready; the caller's
    char folder[96]; // below scratch: where its outputs are
    struct error problem;
};
// `ticket`: of the kind picture, whole; its inputs are `contents`. TOO_MANY when too many wait.
MUST_CHECK bool frames_ask(struct frames *f, json_t *ticket, const sha256 *contents, size_t count,
                           struct frame_answer *to, struct error *err);
