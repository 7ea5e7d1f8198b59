/*
 * formats/notes: notes on a programme's frames, as editing programs take and give them.
 *
 *   resolve-edl   DaVinci Resolve, "Timeline Markers from EDL": an event of one frame, and below it
 *                 "NOTE |C:ResolveColorBlue |M:NAME |D:FRAMES". In and out.
 *   avid          Media Composer's marker list, one line a marker with tabs between: author,
 *                 timecode, track, colour, comment, length. In and out.
 *   xmeml         Final Cut Pro 7 XML, version 5, which Premiere Pro reads: markers of a sequence.
 *   fcpxml        Final Cut Pro XML 1.9: to-do markers of a project, completed when resolved.
 *   otio          OpenTimelineIO: Marker.2 on the stack of a timeline.
 *   csv           RFC 4180 with a heading, UTF-8 with its mark, so that Excel reads it. In and out.
 *
 * A frame of ours is counted from 0; formats that write labels write the label of start + frame at
 * the programme's counting. Where a label holds two frames (59.94 with 29.97 timecode) both get the
 * same one; `halves` counts those that lose their half. Line ends and what a format uses as a mark
 * become spaces; `reworded` counts those notes.
 */
#pragma once
#include "base/arena.h"
#include "time/timecode.h"

enum { NOTES_MOST = 10000, NOTES_INPUT_BYTES = 4 << 20 };

struct note {
    int64_t frame, frames; // frames at least 1
    size_t number;         // as people call it; 0: none
    const char *author;    // "" when nobody is named
    const char *text;
    const char *answers; // to it, "Name: words" on lines; NULL: none
    const char *made;    // RFC 3339; NULL: not known
    bool resolved;
};

struct notes {
    const char *title, *file; // of the programme; file is its name without folders
    struct tc_rate rate;
    int64_t start, frames; // label of the first frame, and how many there are
    int width, height;     // 0: no picture
    struct note *notes;    // in order of frame
    size_t count;
};

enum notes_format {
    NOTES_RESOLVE_EDL,
    NOTES_AVID,
    NOTES_XMEML,
    NOTES_FCPXML,
    NOTES_OTIO,
    NOTES_CSV,
    NOTES_FORMATS
};
struct notes_facts {
    const char *name, *ending, *title, *type; // type: of media
    bool read;
};
const struct notes_facts *notes_facts(enum notes_format format);
bool notes_format_named(const char *name, enum notes_format *format);

struct notes_changed {
    size_t halves, reworded;
};
// False when `to` is full (TOO_BIG).
MUST_CHECK bool notes_write(enum notes_format format, const struct notes *n, struct buf *to,
                            struct notes_changed *changed, struct error *err);

// What could not be read, by line.
struct notes_left {
    size_t line; // from 1
    const char *why;
};
struct notes_read {
    struct note *notes;
    size_t count;
    struct notes_left *left;
    size_t left_count;
};
// `programme` says counting, start and length. A note outside the programme is left, with why.
// INPUT when the bytes are not of this format at all, or columns are missing or there twice.
MUST_CHECK bool notes_read(enum notes_format format, text bytes, const struct notes *programme,
                           struct arena *a, struct notes_read *read, struct error *err);
