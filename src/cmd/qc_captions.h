// cmd/qc_captions: captions beside a master as findings of quality control.
#pragma once
#include "cmd/command.h"

#include <jansson.h>

struct qc_captions_wish {
    const json_t *facts;   // of the film
    const json_t *profile; // NULL: none
    const char *rules;     // unless --caption-rules says others; NULL: house
    const int64_t *cuts;   // as in house/qc/captions
    size_t cut_count;
};
// Reads all of --captions for the film and adds findings to the report: what can not be read, is of
// another programme, or breaks the rules; and what the profile wants and is not there. An error
// only where the question can not be asked.
MUST_CHECK bool qc_captions(struct command_call *call, const struct qc_captions_wish *w,
                            json_t *report, struct error *err);
