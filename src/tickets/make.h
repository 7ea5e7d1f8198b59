/*
 * tickets/make: a deliverable out of the engine's four steps (docs/formats/ticket.md): an index
 * plans segments, each of them is measured if they are to come to a bit rate, each of them and the
 * sound is encoded by itself, a muxer puts them together.
 *
 * The plan is the source's and the profile's: what comes out is the same to the byte whether one
 * engine works through it or many, and whatever became of some of them on the way.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "plat/sandbox.h"

#include <jansson.h>

// ---- The steps' tickets, from what all of them say ("facts", "profile", "sequence", ...). New
// references. `plan` is the index's {"plan"}; NULL: there is no picture.
json_t *make_index_ticket(const json_t *all);
json_t *make_weigh_ticket(const json_t *all, const json_t *plan, size_t number);
// `measures`: the results of weighing all segments, in order; NULL or empty: they were not.
json_t *make_segment_ticket(const json_t *all, const json_t *plan, size_t number,
                            const json_t *measures, const char *output);
json_t *make_sound_ticket(const json_t *all, const char *output);
// What the source has of captions; no part of the four, and needed before the muxer.
json_t *make_captions_ticket(const json_t *all);
// Its inputs are the segments' files in order and then the sound's.
json_t *make_mux_ticket(const json_t *all, const json_t *plan, const char *output);
bool make_has_picture(const json_t *profile, const json_t *facts);
bool make_has_sound(const json_t *profile, const json_t *facts);
// What became of all of it, as {"output", "frames", "damage", "constant", "cadence"}: the muxer's
// result with the damage of the segments (results[0..count), NULL: unknown) and the plan's rule. A
// new reference.
json_t *make_result(const json_t *mux, const json_t *plan, json_t *const *segments, size_t count,
                    const json_t *sound);
// Adds the facts of one of several files that are one deliverable to those of the ones before
// (*all NULL: it is the first): their sound is one list, and "begins" where each begins (bext's
// TimeReference, or null). Takes over `one`.
void make_facts_add(json_t **all, json_t *one);

// ---- All of it, on plain files of this machine

struct make_wish {
    json_t *ticket; // what all steps say, with "profile" and "facts"; borrowed
    const char *const *paths;
    size_t count;
    // Exists; pieces are kept in it until the caller removes it, so that a run that was cut off
    // goes on where it stood. The result is in it under `output`.
    const char *folder, *output;
    int workers; // engines at a time; 0: one for each core
    const char *engine;
    enum sandbox_mode sandbox;
    // Frames (samples without a picture) that are encoded; false cancels. Called by one thread at a
    // time. May be NULL.
    bool (*heard)(void *context, int64_t done, int64_t total);
    void *context;
    struct buf *log; // what the engine that failed said; may be NULL
    // What the muxer puts in (formats/captions/embed), once the plan is known; NULL: nothing.
    bool (*captions)(void *context, const json_t *plan, json_t **to, struct error *err);
    void *captions_context;
};
// Blocks. An engine that dies is started again, a few times.
MUST_CHECK bool make_file(const struct make_wish *wish, json_t **result, struct error *err);
