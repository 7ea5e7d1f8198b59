/*
 * cmd/record: what a file says of itself (formats/metadata), for the commands.
 */
#pragma once
#include "cmd/media.h"
#include "formats/metadata/metadata.h"

// data/rules/metadata, absolute, in the call's arena.
MUST_CHECK bool record_rules(struct command_call *call, const char **folder, struct error *err);
// Reads what people tell: a record in a file of JSON (may be NULL), and "FIELD=VALUE" words, which
// go over it. *told: a record as JSON, a new reference; NULL: nothing is told.
MUST_CHECK bool record_told(struct command_call *call, const char *file, const char *const *words,
                            size_t count, json_t **told, struct error *err);
