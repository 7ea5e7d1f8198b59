/*
 * tickets/run: starts posthouse-engine in its sandbox with a ticket and brings its answer back.
 *
 * The engine sees nothing but what is handed to it: the callback below opens input n when the
 * engine asks for it, outputs are made by us in `output_folder` when it names them. It is watched:
 * memory, time, silence. An engine that crashes or is killed is an error of the kind ERROR_CHILD
 * that names the signal; the caller lives on.
 *
 * engine_run blocks; it uses no global state, so several threads may run engines at a time.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "plat/sandbox.h"

#include <jansson.h>

struct engine_run_piece { // a piece of an input, in order
    int descriptor;
    int64_t offset, length;
};

// Filled by open_input. The descriptors are closed by engine_run after they were passed on, each
// once, though several pieces may name the same.
struct engine_pieces {
    size_t count;
    struct engine_run_piece *at; // malloc'd; freed by engine_run
};

struct engine_wish {
    json_t *ticket;     // borrowed; see tickets/ticket.h
    const char *engine; // path of posthouse-engine; NULL: as engine_path finds it
    enum sandbox_mode sandbox;
    const char *output_folder; // exists; NULL when nothing is written (probe)
    // Opens input `number` (from 0). Called when the engine asks for it, perhaps more than once.
    bool (*open_input)(void *context, size_t number, struct engine_pieces *pieces,
                       struct error *err);
    // A line of the engine: {"progress":...} or {"output":...}; NULL several times a second between
    // lines. False cancels: the engine is killed and the error is ERROR_CANCELLED. May be NULL.
    bool (*heard)(void *context, const json_t *line);
    // Asked several times a second: while it is true the engine is stopped, and that time counts
    // for no limit. May be NULL.
    bool (*paused)(void *context);
    void *context;
    int silence_s;   // no line for so long is a hang; 0: 120
    int64_t wall_s;  // 0: no limit
    struct buf *log; // the end of what it said on standard error is added here; may be NULL
};

// True: *result is a new reference to what the engine answered (docs/formats/ticket.md). False:
// what the engine refused with (damaged, unsupported, ...), or what became of it.
MUST_CHECK bool engine_run(const struct engine_wish *wish, json_t **result, struct error *err);

// The same for plain files, opened here: paths[n] is input n. `wish->open_input` is not used. Fills
// the ticket's "inputs" (name, size) when it has none.
MUST_CHECK bool engine_run_files(const struct engine_wish *wish, const char *const *paths,
                                 size_t count, json_t **result, struct error *err);

// A maker's helper is run in the engine's place for files that it decodes: POSTHOUSE_ENGINE_HELPERS
// in the environment, "braw=/path/program r3d=/path/other": each for a name's ending, or for the word
// of a coding that a probe without it has found (facts.video[0].codec; then the probe is done again).
// Whether there is one for files of this name's ending.
bool engine_helps(const char *name);

// Where the engine is: POSTHOUSE_ENGINE in the environment, else beside our own program, in engine/
// or ../libexec/posthouse/ of its folder.
MUST_CHECK bool engine_path(char *to, size_t room, struct error *err);
