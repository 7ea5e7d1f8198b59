/*
 * cmd/beside: Dolby Vision metadata and an Atmos master that go with a picture, unchanged.
 */
#pragma once
#include "cmd/command.h"

#include <jansson.h>

#define BESIDE_OPTIONS                                                                             \
    {"dolby-vision", OPTION_TEXT, "XML",                                                           \
     "Dolby Vision metadata that goes with it: held against its rate, length and shots"},          \
    {                                                                                              \
        "adm", OPTION_TEXT, "WAV",                                                                 \
            "an Atmos master (ADM BWF) that goes with it: held against its length and start"       \
    }

// Rows of what was held against the master's facts, as profile_fit has them; *rows NULL: neither
// was given. A new reference.
MUST_CHECK bool beside_fit(struct command_call *call, const json_t *facts, json_t **rows,
                           bool *fits, struct error *err);
// Both into `folder` under their own names, and read there again: the same bytes. Says where.
MUST_CHECK bool beside_deliver(struct command_call *call, const char *folder, struct error *err);
