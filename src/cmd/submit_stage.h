// posthouse submit --stage: what a job reads is brought into the house, by content, before it is
// queued.
#pragma once
#include "cmd/client.h"

// Finds what is read: the inputs among `options` and files and folders that PATH parameters with
// dataFlow IN name (their values become whole paths). Missing ones are refused by name. Brings all
// into the project, what the house has already is not sent; then options say that the job is
// staged.
MUST_CHECK bool submit_stage(struct command_call *call, struct house *h, const char *project,
                             const char *word, const char *template, json_t *values,
                             json_t *options, struct error *err);
