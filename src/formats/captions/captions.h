/*
 * formats/captions: captions and subtitles of every format in one model, exact to the frame.
 *
 * A reader makes a `struct captions` of bytes, a writer makes bytes of it; what a target can not
 * say is in a report, cue by cue, so that nothing goes away unnoticed.
 *
 * Times are whole ticks of 1/720000 s from the programme's first frame. In that unit a frame of
 * every rate of the trade (24000/1001 ... 120), a millisecond and a tick of 90 kHz are all whole,
 * so that sums and comparisons are exact. A frame is made of ticks only where a format counts
 * frames, and then the nearest one is taken.
 *
 * The programme's first frame has a label (01:00:00:00). Formats that write labels (SCC, MCC, iTT,
 * STL) write it plus the time; formats that write media time (SRT, WebVTT, DFXP, IMSC) count from
 * 0. SCC counts 30000/1001 whatever the picture's rate: labels are turned into real time first, and
 * a time is laid on the nearest frame of the programme when its rate is known.
 *
 * Standards: CTA-608-E, CTA-708-E, SMPTE ST 334-2 (CDP), TTML2, IMSC 1.1, EBU Tech 3264, WebVTT
 * (W3C). SCC, MCC and Spruce STL have no standard: they are read as their makers write them.
 *
 * Everything that a reader makes lives in the arena that it was given.
 */
#pragma once
#include "base/arena.h"
#include "time/timecode.h"

#define CAPTION_TICKS 720000            // a second
#define CAPTION_INPUT_BYTES (32u << 20) // most of one file
#define CAPTION_CUES 200000             // most in one file
#define CAPTION_GRID 10000              // positions: 0 .. 10000 across and down the picture
#define CAPTION_ROWS 15                 // of 608
#define CAPTION_COLUMNS 32

// ---- the model

enum caption_kind { CAPTION_KIND_SUBTITLE, CAPTION_KIND_SDH, CAPTION_KIND_FORCED, CAPTION_KIND_CC };

struct caption_style {
    uint32_t colour, background; // 0xRRGGBBAA; 0: not said
    bool italic, bold, underline;
};

struct caption_run {
    text words; // UTF-8 without line ends
    struct caption_style style;
    text ruby; // over these words; empty: none
};

struct caption_line {
    struct caption_run *runs;
    size_t count;
    int row, column; // 608 cells, row 1..15 and column 0..31; row 0: not said
    bool apart;      // while it is read: the next words begin a run of their own
};

enum caption_align { CAPTION_CENTRE, CAPTION_START, CAPTION_END, CAPTION_LEFT, CAPTION_RIGHT };
enum caption_vertical { CAPTION_BOTTOM, CAPTION_TOP, CAPTION_MIDDLE };
enum caption_writing { CAPTION_ACROSS, CAPTION_DOWN_RL, CAPTION_DOWN_LR };
enum caption_mode { CAPTION_POP_ON, CAPTION_ROLL_UP, CAPTION_PAINT_ON };

struct caption_box {
    bool said;
    int x, y, width, height; // in CAPTION_GRID of the picture, from its upper left
};

struct caption_cue {
    int64_t in, out; // ticks; visible from `in` to just before `out`
    struct caption_line *lines;
    size_t count;
    enum caption_align align;       // of the lines
    enum caption_vertical vertical; // where in the box (in the safe area when no box is said)
    struct caption_box box;
    enum caption_writing writing;
    enum caption_mode mode;
    int roll_rows; // 2..4 when rolling up: the window; the last line is the new one
    bool forced;
    text name;     // its id or speaker, as the file has it
    size_t source; // line of the file (text) or number of the block, from 1; 0: none
};

struct captions {
    struct arena *arena;
    text language, title; // BCP 47; empty: not said
    enum caption_kind kind;
    struct tc_rate rate; // of the programme
    bool rate_said;      // by the file or by who asked
    int64_t start;       // label of the programme's first frame, as frames at `rate`
    struct caption_cue *cues;
    size_t count, room;
};

// ---- the report: what could not be said, grouped

struct caption_note {
    const char *group; // "position", "colour", "glyph", ...: what is lost or changed
    size_t cue;        // from 1; 0: the whole file
    size_t source;     // line of the file read; 0: none
    const char *what;
};
struct caption_report {
    struct arena *arena;
    struct caption_note *notes;
    size_t count, room, more; // more: notes over CAPTION_NOTES, which are only counted
};
#define CAPTION_NOTES 20000
// A note of who reads or writes, about the whole file. `what` is kept as it is.
void caption_note_whole(struct caption_report *r, const char *group, const char *what);

// ---- reading and writing

enum caption_format {
    CAPTION_SRT,
    CAPTION_VTT,
    CAPTION_SCC,
    CAPTION_MCC,
    CAPTION_TTML,
    CAPTION_DFXP,
    CAPTION_IMSC,
    CAPTION_ITT,
    CAPTION_EBU_STL,
    CAPTION_SPRUCE_STL,
    CAPTION_FORMATS
};
struct caption_format_facts {
    const char *name, *ending, *title;
};
const struct caption_format_facts *caption_format_facts(enum caption_format format);
bool caption_format_named(text name, enum caption_format *format); // "scc", "ebu-stl"
// By the first bytes; `name` (may be NULL) decides only where bytes do not. False: none of ours.
bool caption_format_of(text bytes, const char *name, enum caption_format *format);

struct caption_wish {
    const char *name; // the file, for messages
    bool rate_said, start_said;
    struct tc_rate rate;  // of the programme
    int64_t start;        // its first frame's label, as frames at `rate`
    const char *language; // NULL: as the file says
    int channel;          // reading 608: 1..4 (CC1..CC4); 0: 1
    bool service_708;     // reading MCC: the 708 service 1 and not 608
    int64_t made_ms;      // writing: when, since 1970 UTC, for formats that tell
    enum { CAPTION_SCC_USUAL, CAPTION_SCC_DROP, CAPTION_SCC_NON_DROP } scc; // writing SCC
};

// Errors name the file and the line. DAMAGED, UNSUPPORTED, TOO_BIG; INPUT for a wish that does not
// fit (a start that the file's first cue lies before).
MUST_CHECK bool captions_read(struct arena *a, text bytes, enum caption_format format,
                              const struct caption_wish *wish, struct captions **to,
                              struct caption_report *report, struct error *err);
MUST_CHECK bool captions_write(const struct captions *c, enum caption_format format,
                               const struct caption_wish *wish, struct buf *to,
                               struct caption_report *report, struct error *err);

// ---- times

int64_t caption_ticks(int64_t frames, rational rate);                    // nearest tick
int64_t caption_frames(int64_t ticks, rational rate, enum rounding how); // frame of a rate
// Reads "29.97df", "29.97", "23.976", "25": a rate of the trade and how its labels count.
MUST_CHECK bool caption_rate_parse(text name, struct tc_rate *rate, struct error *err);
// A cue's text, its lines parted by " / ", cut at `room`; returns its size.
size_t caption_words(const struct caption_cue *cue, char *to, size_t room);
size_t caption_line_letters(const struct caption_line *line); // characters as people count them

// ---- retiming with the picture

struct caption_range {
    int64_t in, out; // frames of the programme at its rate, out left out
};
struct caption_retime {
    rational speed_from, speed_to; // 24 -> 25: a frame stays its frame. num 0: no change
    int64_t offset;                // ticks, added afterwards
    const struct caption_range *keep;
    size_t keep_count; // the parts of the old programme that make the new one, in order; 0: all
};
// Makes the new times in place. Cues outside the parts kept are left out, cues over a cut are
// parted or shortened; both are in the report.
MUST_CHECK bool captions_retime(struct captions *c, const struct caption_retime *how,
                                struct caption_report *report, struct error *err);

// ---- checks, by rules in data (data/rules/captions/NAME.json; docs/formats/captions.md)

struct caption_finding {
    const char *rule, *clause; // as the rules name them
    size_t cue, source;        // from 1; cue 0: the whole file
    int64_t at;                // ticks
    const char *seen, *allowed;
};
struct caption_findings {
    struct caption_finding *at;
    size_t count, room;
};
struct caption_check {
    const int64_t *cuts; // frames of the programme where a new shot begins, rising
    size_t cut_count;
    int64_t duration; // of the programme, frames; 0: not known
    bool children;    // their reading speed
};
struct caption_rules; // parsed, in the arena
// Names the file and the field of a mistake.
MUST_CHECK bool caption_rules_read(struct arena *a, const char *name, text json,
                                   struct caption_rules **to, struct error *err);
const char *caption_rules_title(const struct caption_rules *r);
void captions_check(const struct captions *c, const struct caption_rules *r,
                    const struct caption_check *with, struct arena *a,
                    struct caption_findings *findings);
