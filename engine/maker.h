/*
 * engine/maker: the door for a maker's SDK.
 *
 * A helper is a program of its own that is this engine with one decoder more: it links the engine's
 * objects, hands engine_main a `struct maker` and so speaks the ticket (docs/formats/ticket.md), in
 * the same sandbox, for all that a ticket asks: facts, proxies, stills, checks, deliverables. The
 * setting engine.helpers says which files go to it (docs/formats/originals.md). Nothing of a maker
 * is linked into posthouse-engine itself.
 *
 * A maker reads its file with input_read only; it opens none. Frames are numbered from 0.
 */
#pragma once
#include "base/error.h"
#include "tickets/door.h"
#include "time/rational.h"

#include <stdint.h>

struct maker_clip { // texts empty: not said
    int width, height;
    rational rate;
    int64_t frames;
    char timecode[24], reel[96];
};
struct maker {
    const char *name; // of the format: "Blackmagic RAW"
    // By the first bytes, at most 4096.
    bool (*knows)(const uint8_t *head, size_t size);
    // *state is the maker's own until close.
    bool (*open)(struct input *in, struct maker_clip *clip, void **state, struct error *err);
    // A frame, top row first: width x height x 3 values of 16 bits, R, G and B.
    bool (*frame)(void *state, int64_t number, uint16_t *rgb, struct error *err);
    void (*close)(void *state);
};

// The whole program. `maker` NULL: libav alone.
int engine_main(int argc, char **argv, const struct maker *maker);

// ---- Inside the engine

struct media;
struct ticket;
// The maker that this engine was given, when it knows the ticket's file; else NULL.
const struct maker *maker_of(const struct ticket *t);
void maker_use(const struct maker *maker); // once, before anything is opened
struct made;                               // a file that it has open
MUST_CHECK bool made_open(const struct maker *maker, const struct ticket *t, struct made **to,
                          struct error *err);
void made_close(struct made *f); // NULL is fine
