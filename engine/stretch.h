/*
 * engine/stretch: sound that lasts longer or shorter and keeps its pitch (librubberband, its finer
 * engine, offline): beside plain pull-up, where the pitch goes with the speed.
 *
 * All channels are stretched together, so that they stay in phase. A transient may lie up to two
 * milliseconds beside its place; beginning and end are exact to the sample.
 */
#pragma once
#include "base/error.h"
#include "time/rational.h"

#include <stdbool.h>

struct stretch;
// `samples` come in `channels` planes at `rate` Hz, and `made` go out. ahead.h has loaded the
// library.
MUST_CHECK bool stretch_open(int channels, int rate, int64_t samples, int64_t made,
                             struct stretch **to, struct error *err);
void stretch_close(struct stretch *s); // NULL is fine
// `planes` NULL: that was all.
void stretch_add(struct stretch *s, const float *const *planes, int64_t count);
// Samples that are ready, at most 65536 of them; `planes` lasts until the next call. 0: it wants
// more, or all are out.
int64_t stretch_take(struct stretch *s, const float *const **planes);
