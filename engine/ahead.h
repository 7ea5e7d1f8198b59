/*
 * engine/ahead: what a ticket needs of the disk besides its inputs, opened before the door closes:
 * the font of burn-ins, and libavfilter for its deinterlacer. The library is loaded only for
 * tickets that need it, because loading is most of what starting an engine costs.
 */
#pragma once
#include "base/error.h"
#include "tickets/ticket.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

MUST_CHECK bool ahead_of_the_door(const struct ticket *t, struct error *err);

// The font's bytes; NULL: the ticket needs none.
const unsigned char *ahead_font(size_t *size);

struct ahead_filters { // of libavfilter
    AVFilterGraph *(*graph_alloc)(void);
    void (*graph_free)(AVFilterGraph **);
    const AVFilter *(*get_by_name)(const char *);
    int (*create)(AVFilterContext **, const AVFilter *, const char *, const char *, void *,
                  AVFilterGraph *);
    int (*link)(AVFilterContext *, unsigned, AVFilterContext *, unsigned);
    int (*config)(AVFilterGraph *, void *);
    int (*give)(AVFilterContext *, AVFrame *, int);
    int (*take)(AVFilterContext *, AVFrame *);
};
const struct ahead_filters *ahead_filters(void); // NULL: the ticket needs none
