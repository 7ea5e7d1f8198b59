// cmd/qc_captions: captions beside a master as findings of quality control.
#pragma once
#include "cmd/command.h"

#include <jansson.h>

// Reads all of --captions for the film with these facts and adds findings to the report: what can
// not be read, is of another programme, or breaks the rules of --caption-rules; and what the
// profile (NULL: none) wants and is not there. An error only where the question can not be asked.
MUST_CHECK bool qc_captions(struct command_call *call, const json_t *facts, const json_t *profile,
                            json_t *report, struct error *err);
