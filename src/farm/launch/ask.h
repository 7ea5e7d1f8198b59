/*
 * farm/launch/ask: another program's answer as text.
 */
#pragma once
#include "base/text.h"

// The path of a program along PATH, in `to`; NOT_FOUND with `fix` when there is none.
MUST_CHECK bool program_find(const char *name, const char *fix, char *to, size_t room,
                             struct error *err);

struct program_wish {
    const char *const *arguments; // ends in NULL; [0] is a path
    const char *const *extra;     // "NAME=value" for its environment besides ours; NULL: none
    text input;
    int64_t timeout_ms;
    const char *doing; // "asking Slurm for machines": for the error
};
// What it wrote on standard output, into `out` (its limit holds). When it ends with another status
// than 0 that is an error whose why is the last line that it wrote on standard error; *status
// (may be NULL) tells it then.
MUST_CHECK bool program_ask(const struct program_wish *wish, struct buf *out, int *status,
                            struct error *err);
