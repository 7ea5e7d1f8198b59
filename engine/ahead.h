/*
 * engine/ahead: what a ticket needs of the disk besides its inputs, opened before the door closes:
 * the font of burn-ins, libavfilter for its deinterlacer, librubberband for sound whose pitch is
 * kept. Libraries are loaded only for tickets that need them, because loading is most of what
 * starting an engine costs.
 */
#pragma once
#include "base/error.h"
#include "tickets/ticket.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <rubberband/rubberband-c.h>

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

struct ahead_stretcher { // of librubberband
    RubberBandState (*open)(unsigned rate, unsigned channels, RubberBandOptions, double time,
                            double pitch);
    void (*close)(RubberBandState);
    void (*expect)(RubberBandState, unsigned samples);
    void (*most)(RubberBandState, unsigned samples);
    void (*process)(RubberBandState, const float *const *, unsigned samples, int last);
    int (*available)(const RubberBandState);
    unsigned (*retrieve)(const RubberBandState, float *const *, unsigned samples);
};
const struct ahead_stretcher *ahead_stretcher(void); // NULL: the ticket needs none
