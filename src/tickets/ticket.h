/*
 * tickets/ticket: what an engine is asked, as a struct and as JSON (docs/formats/ticket.md).
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

#include <jansson.h>

// A deliverable is made by the last five: an index plans its segments, each is weighed when they
// are to come to a bit rate together, each is encoded, so is the sound, whole, and what
// they made is put into the container (mux).
enum ticket_kind {
    TICKET_PROBE,
    TICKET_PROXY,
    TICKET_CAPTIONS, // closed captions, as triples frame by frame
    TICKET_MEASURE,
    TICKET_STILLS,
    TICKET_VERIFY,   // whether renders are what was asked
    TICKET_ASSEMBLE, // one frame of its tiles
    TICKET_RETAG,    // a copy that says something else of itself
    TICKET_PICTURE,  // one frame as large and as deep as it is
    TICKET_BAKE,     // a viewing transform made ready; posthouse-colour's, not the engine's
    // a deliverable:
    TICKET_INDEX,
    TICKET_WEIGH,
    TICKET_SEGMENT,
    TICKET_SOUND,
    TICKET_MUX
};

struct ticket_input {
    const char *name; // as the person knows it: only for messages and for its ending
    int64_t size;
};

struct ticket_limits { // 0: the engine's default (TICKET_LIMITS)
    int64_t memory_bytes, cpu_s, output_bytes;
};
#define TICKET_MEMORY_BYTES (4LL << 30)
#define TICKET_CPU_S (48 * 3600)
#define TICKET_OUTPUT_BYTES (4LL << 40)
#define TICKET_INPUTS 1000000

struct ticket {
    enum ticket_kind kind;
    size_t input_count;
    struct ticket_input *inputs; // a sequence: its files in order of number, holes left out
    json_t *sequence;            // SequenceFact, or NULL
    const char *span;            // the inputs are one clip: "follow" each other, or "tracks"; or NULL
    json_t *span_parts;          // of what follows: inputs of each part (a track each); or NULL
    rational sequence_rate;      // of sequences that say none; den 0 when absent
    json_t *facts;               // Facts of an earlier probe, or NULL: then it is probed first
    json_t *profile;             // what to encode, as profile_json gives it, or NULL
    json_t *plan;                // what an index made, its segments left out, or NULL
    json_t *segment;             // one of the plan's segments, or NULL
    json_t *frames;              // of stills: numbers of frames, rising; or NULL
    const char *output;          // file name of what is made, or NULL
    json_t *asked;               // of verify: {"width", "height", "not_black", "nan"}, or NULL
    json_t *captions;            // of mux: what formats/captions/embed planned, or NULL
    json_t *grid;                // of assemble: {"columns", "rows", "crop"}
    // Of bake: what it is made of (engine/bake.c). Else {"name"}: a viewing transform to look
    // through, and the last of the ticket's inputs is its table: it is `input_count`, not among them.
    json_t *transform;
    json_t *metadata;            // of mux and retag: {"entries", "chapters"}, or NULL
    json_t *picture;             // of picture: {"frame", "layer", "save", "samples"}
    json_t *burn;                // of proxy and picture: what is burnt in (engine/burn), or NULL
    bool prints;                 // of proxy: nothing but the prints of its frames
    int threads;                 // 2 unless given
    struct ticket_limits limits;
    json_t *whole; // what the pointers above point into
};

// Checks everything: names, counts, limits. `*t` is the caller's to close; it keeps `from` alive.
MUST_CHECK bool ticket_parse(json_t *from, struct ticket **t, struct error *err);
void ticket_close(struct ticket *t);
json_t *ticket_format(const struct ticket *t); // a new reference
size_t ticket_inputs(const struct ticket *t);  // a transform's table too

// A name that may be given to an output: letters, digits, . _ - space and UTF-8; no /, no leading
// dot, 255 bytes at most.
bool ticket_output_name(text name);
