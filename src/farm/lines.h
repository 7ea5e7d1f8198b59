/*
 * farm/lines: what a program prints, as lines.
 *
 * Renderers redraw a progress line with CR and end real lines with LF or CRLF: each of the three
 * ends a line here. A line over LINE_MOST bytes comes in pieces. What is no UTF-8 (and NUL) is
 * written as \xNN, so that a line can go into JSON, a log and a page as it is.
 */
#pragma once
#include "base/text.h"

enum { LINE_MOST = 65536 };

typedef void lines_heard(void *context, text line, bool continues); // continues: more of it follows

struct lines {
    lines_heard *heard;
    void *context;
    struct buf waiting; // the beginning of a line, as it came; at most LINE_MOST bytes
    struct buf safe;
    bool after_cr;
};

void lines_begin(struct lines *l, lines_heard *heard, void *context);
void lines_add(struct lines *l, const void *at, size_t size);
void lines_end(struct lines *l); // the last line may lack its end; frees
