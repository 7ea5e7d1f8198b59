// formats/captions: what its files share.
#pragma once
#include "formats/captions/captions.h"

#define TICKS_MS (CAPTION_TICKS / 1000)

// ---- making a document

struct captions *captions_new(struct arena *a, const struct caption_wish *wish);
// The same label in another counting: 01:00:00:00 is that in every one.
int64_t label_frames(int64_t frames, const struct tc_rate *from, const struct tc_rate *to);
// What the file says of the programme's rate, when nobody else did.
void captions_counted(struct captions *c, const struct tc_rate *rate);
// A cue at the end, with nothing in it yet; NULL and *err at the limit.
struct caption_cue *captions_add(struct captions *c, struct error *err);
struct caption_line *cue_line(struct captions *c, struct caption_cue *cue);
// Words behind the line's; of one style with the last run they become one run.
void line_add(struct captions *c, struct caption_line *line, text words,
              const struct caption_style *style);
// Empty lines at both ends and empty runs away; false when nothing is left.
bool cue_tidy(struct caption_cue *cue);
bool style_same(const struct caption_style *a, const struct caption_style *b);
// By `in`, then as they came.
void captions_sort(struct captions *c);

void caption_note(struct caption_report *r, const char *group, const struct captions *c,
                  const struct caption_cue *cue, const char *format, ...) PRINTF_LIKE(5, 6);
bool caption_damaged(struct error *err, const struct caption_wish *wish, size_t line,
                     const char *format, ...) PRINTF_LIKE(4, 5);

// Milliseconds are read as the frame that they were written for, when there is one so near.
int64_t ticks_of_ms(const struct captions *c, int64_t ms);
int64_t ms_of_ticks(int64_t ticks);
// The nearest frame of the programme, with a note when it is not the time itself.
int64_t cue_frame(const struct captions *c, const struct caption_cue *cue, int64_t ticks,
                  rational rate, struct caption_report *report);

// ---- bytes to lines of UTF-8

// The whole of a text file as UTF-8: BOM away, UTF-16 and Windows-1252 turned into it.
text text_as_utf8(struct arena *a, text bytes, struct caption_report *report);
bool take_line(text *rest, text *line); // without its end; false at the end of the file
// The next character; U+FFFD for what is none. t must not be empty.
uint32_t take_letter(text *t);
size_t put_letter(uint32_t letter, char to[4]);
uint32_t letter_base(uint32_t letter); // 'e' of 'ẽ'; 0 when there is none
uint32_t entity(text name);            // "amp" -> '&'; 0 when not known

// ---- colours

bool colour_named(text name, uint32_t *rgba); // "yellow", "#ffff00", "rgba(1,2,3,4)"
const char *colour_name8(uint32_t rgba);      // the nearest of the eight of 608 and teletext
int colour_index8(uint32_t rgba); // black red green yellow blue magenta cyan white, as teletext has

// ---- the formats

typedef bool (*caption_reader)(struct captions *c, text bytes, const struct caption_wish *wish,
                               struct caption_report *report, struct error *err);
typedef bool (*caption_writer)(const struct captions *c, const struct caption_wish *wish,
                               struct buf *to, struct caption_report *report, struct error *err);
bool srt_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
              struct error *);
bool srt_write(const struct captions *, const struct caption_wish *, struct buf *,
               struct caption_report *, struct error *);
bool vtt_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
              struct error *);
bool vtt_write(const struct captions *, const struct caption_wish *, struct buf *,
               struct caption_report *, struct error *);
bool scc_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
              struct error *);
bool scc_write(const struct captions *, const struct caption_wish *, struct buf *,
               struct caption_report *, struct error *);
bool mcc_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
              struct error *);
bool mcc_write(const struct captions *, const struct caption_wish *, struct buf *,
               struct caption_report *, struct error *);
bool ttml_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
               struct error *);
bool ttml_write(const struct captions *, const struct caption_wish *, struct buf *,
                struct caption_report *, struct error *);
bool dfxp_write(const struct captions *, const struct caption_wish *, struct buf *,
                struct caption_report *, struct error *);
bool imsc_write(const struct captions *, const struct caption_wish *, struct buf *,
                struct caption_report *, struct error *);
bool itt_write(const struct captions *, const struct caption_wish *, struct buf *,
               struct caption_report *, struct error *);
bool ebu_stl_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
                  struct error *);
bool ebu_stl_write(const struct captions *, const struct caption_wish *, struct buf *,
                   struct caption_report *, struct error *);
bool spruce_read(struct captions *, text, const struct caption_wish *, struct caption_report *,
                 struct error *);
bool spruce_write(const struct captions *, const struct caption_wish *, struct buf *,
                  struct caption_report *, struct error *);

// ---- markup as SRT and WebVTT have it

struct markup {
    struct captions *c;
    struct caption_cue *cue;
    struct caption_line *line; // the one being filled
    struct caption_style stack[32];
    struct {
        const char *at;
        size_t size;
    } names[32]; // of what is open
    size_t depth;
};
void markup_words(struct markup *m, text words); // in the style on top
void markup_line(struct markup *m);              // begins a line
void markup_open(struct markup *m, text name, struct caption_style style);
void markup_close(struct markup *m, text name); // up to it; nothing when it is not open

// ---- where a cue stands

struct caption_place {
    struct caption_box box; // always said
    enum caption_align align;
    enum caption_vertical vertical;
    bool usual; // at the bottom in the middle, where every format puts it by itself
    bool nine;  // a side of top, middle or bottom says it all
};
// From the box, else from the 608 cells, else the safe area (10 % at each side).
struct caption_place cue_place(const struct caption_cue *cue);
// The cell where line `i` begins: its own, else from the box and the alignment.
void cue_cell(const struct caption_cue *cue, size_t i, int *row, int *column);
// What the cells say about alignment: called once the cells of all lines are set.
void cue_align_by_cells(struct caption_cue *cue);
#define CELL_X(column) (1000 + (column)*250)
#define CELL_Y(row) (1000 + ((row)-1) * 8000 / CAPTION_ROWS)
