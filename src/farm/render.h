/*
 * farm/render: tasks of a job with a template, for one slot of a worker.
 *
 * A slot keeps its session from one attempt to the next as long as they are of the same job and
 * step: environments stay entered, programs that they started stay warm.
 *
 * Outputs. A submission says where frames are to be ("/show/beauty.####.exr"). The template's PATH
 * parameters that lead there are turned to a hidden folder beside it, of this slot's; what is made
 * there is looked at and made durable. Only when the house has said that this attempt is the one
 * that counts is it renamed into place. So a frame in its place is whole, whoever dies when.
 *
 * Files. Where a shared disk is seen at another path, rules lead there: those of the job, then
 * those of the machine. Of a staged job all files are the session's own (farm/stage), and what is
 * made goes to the house, which has the place.
 */
#pragma once
#include "farm/renderers.h"
#include "plat/sandbox.h"

#include <jansson.h>
#include <stdint.h>

struct render; // of one slot; belongs to its thread

struct stage;
struct openjd_path_rules;
struct render_wish {
    const char *scratch; // sessions have their folders below it; made
    const char *mark;    // of this slot, the same in each life of its worker: [A-Za-z0-9-]
    const struct renderers *renderers; // NULL: none are known
    enum sandbox_mode sandbox;
    const char *engine;                    // that looks at pictures; NULL: as tickets/run finds it
    struct stage *stage;                   // for staged jobs; NULL: there can be none
    const struct openjd_path_rules *paths; // of this machine, for shared ones; NULL: none
};
struct render *render_open(const struct render_wish *wish);
void render_close(struct render *r); // ends its session; NULL is fine
// Ends the session, when there is nothing for it now.
void render_rest(struct render *r);

enum render_place {
    RENDER_PLACE,
    RENDER_LEAVE, // this task was made by another attempt
    RENDER_STOP   // the attempt does not count, or it was stopped
};
struct render_calls {
    // All from the thread that runs. `asked`: whether to go on. `paused` (may be NULL): whether its
    // programs are to be stopped for a while. `may_place` waits for the house and
    // is asked for each file, so that what it has said is never old.
    bool (*asked)(void *context);
    bool (*paused)(void *context);
    void (*progress)(void *context, int64_t done, int64_t total);
    void (*said)(void *context, text line);
    enum render_place (*may_place)(void *context, int64_t task);
    // A small picture (JPEG) of output number `output` of a task, looked at and found good. May be
    // NULL.
    void (*pictured)(void *context, int64_t task, int64_t output, const void *at, size_t size);
    void *context;
};
// `task` and `document` as in docs/formats/workers.md. False: CANCELLED when it was not to go on.
MUST_CHECK bool render_run(struct render *r, const json_t *task, const json_t *document,
                           const struct render_calls *calls, struct error *err);
