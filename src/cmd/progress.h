/*
 * cmd/progress: how far a long piece of work is: a bar with rate and time left on a terminal, a
 * plain line every ten seconds elsewhere. On standard error, so that results can be piped.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what, *unit; // unit "bytes" is shown as sizes
    int64_t began_us, shown_us;
    bool terminal, quiet, shown;
};

// `quiet` shows nothing (--json).
struct progress progress_begin(const char *what, const char *unit, bool quiet);
void progress_show(struct progress *p, int64_t done, int64_t total); // total 0: not known
void progress_end(struct progress *p);                               // clears the bar
