/*
 * farm/errand: an engine's ticket on a worker that sees none of the house's disks.
 *
 * What it reads is named by its content in the task; it is fetched into the cache (farm/cache) and
 * pinned there, and the engine gets it by descriptor like any input. What it makes lies in a folder
 * of this machine; when the engine is done each output is sent to the house, which proves that it
 * is what was made here, and the result names it by its content too. Only then "done" is said, so
 * the house takes it as it takes the work of a worker that shares its disks: once, by the token.
 */
#pragma once
#include "farm/stage.h"
#include "tickets/run.h"

#include <jansson.h>

struct errand;

// Of a task as in docs/formats/workers.md. Fetches; makes a folder below `scratch`.
MUST_CHECK bool errand_open(struct stage *s, const struct stage_of *of, const json_t *task,
                            const char *scratch, struct errand **errand, struct error *err);
void errand_close(struct errand *e); // with its folder; NULL is fine
const char *errand_folder(const struct errand *e);
// As open_input of an engine_wish.
MUST_CHECK bool errand_input(struct errand *e, size_t number, struct engine_pieces *pieces,
                             struct error *err);
// Sends the outputs that the result names; each gets its "content" there.
MUST_CHECK bool errand_send(struct errand *e, json_t *result, struct error *err);
