/*
 * Cues to 608, a pair a frame.
 *
 * What must happen at an exact frame is placed first: End Of Caption (EOC) at a pop-on cue's `in`,
 * Erase Displayed Memory (EDM) at its `out`, Carriage Return (CR) at a roll-up cue's `in`, the
 * first letter of a paint-on cue. The codes that load a pop-on caption then fill the free frames
 * before its EOC, the last one first, and never before the EOC of the cue before, since until then
 * the memory is that one's. A control code and its repetition stay together. What does not fit
 * moves the cue to the first frame at which it can stand.
 *
 * A line is laid out before it is coded: letters that 608 has not are replaced, a change of style
 * takes the space before the word (a mid-row code is shown as a space; italics in a colour take
 * two), and what is longer than 32 cells is broken.
 */
#include "formats/captions/c608.h"
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = CAPTION_ROWS, MOST_UNITS = MOST_ROWS * 120, LONGEST = 2000 };

struct cell {
    uint16_t code;              // c608_code; 0x20 for a space
    uint8_t colour, background; // background: 0 usual, 1 + colour; 8 more: half transparent
    bool italic, underline;
};
struct row {
    struct cell cells[CAPTION_COLUMNS];
    int count, row, column;
};
// One or two frames that stay together.
struct unit {
    uint16_t word;
    bool twice;
};

struct encoder {
    const struct captions *c;
    const struct caption_cue *cue;
    struct cc_608 *to;
    struct caption_report *report;
    rational rate;
    struct unit units[MOST_UNITS];
    size_t count;
    uint8_t half; // a letter that waits for its fellow
    struct row rows[MOST_ROWS];
    int row_count;
    struct cell *flat;
    int64_t free_from; // nothing may be placed before it
};

// ---- layout

static void add_letter(struct encoder *e, size_t *n, uint32_t letter, const struct cell *style)
{
    static const struct {
        uint16_t letter;
        const char *as;
    } said[] = {{0x2026, "..."}, {0x2013, "-"}, {0x2011, "-"}, {0x2010, "-"}, {0xa0, " "},
                {0x202f, " "},   {0x2009, " "}, {0x201a, ","}, {0x201e, "\""}};
    if (letter == 0x266b)
        letter = 0x266a;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (said[i].letter == letter) {
            for (const char *s = said[i].as; *s; s++)
                add_letter(e, n, (uint8_t)*s, style);
            return;
        }
    bool nothing = (letter >= 0x200b && letter < 0x2010) || letter == 0xfeff ||
                   (letter >= 0x202a && letter < 0x202f) || (letter >= 0x300 && letter < 0x370);
    if (nothing || *n >= LONGEST)
        return;
    uint16_t code = c608_code(letter);
    if (!code) {
        uint32_t base = letter_base(letter);
        char utf8[5] = {0};
        put_letter(letter, utf8);
        caption_note(e->report, "glyph", e->c, e->cue, "608 has no %s (U+%04X): written as %c",
                     utf8, letter, base ? (char)base : '?');
        code = base ? (uint16_t)base : '?';
    }
    e->flat[*n] = *style;
    e->flat[(*n)++].code = code;
}

static bool same(const struct cell *a, const struct cell *b)
{
    return a->colour == b->colour && a->background == b->background && a->italic == b->italic &&
           a->underline == b->underline;
}

// How many cells of mid-row codes lead from one style to another.
static int codes_between(const struct cell *from, const struct cell *to)
{
    if (same(from, to))
        return 0;
    bool words = from->colour != to->colour || from->italic != to->italic ||
                 from->underline != to->underline;
    return (from->background != to->background) + (!words                                     ? 0
                                                   : to->italic && to->colour != from->colour ? 2
                                                                                              : 1);
}

static uint8_t background_of(uint32_t rgba)
{
    if (!rgba || rgba >> 8 == 0) // black is what there is
        return 0;
    return (uint8_t)(1 + c608_colour(rgba) + ((rgba & 0xff) < 0xc0 ? 8 : 0));
}

static size_t flatten(struct encoder *e, const struct caption_line *line)
{
    size_t n = 0;
    for (size_t k = 0; k < line->count; k++) {
        const struct caption_run *r = &line->runs[k];
        struct cell style = {.colour = (uint8_t)c608_colour(r->style.colour),
                             .background = background_of(r->style.background),
                             .italic = r->style.italic,
                             .underline = r->style.underline};
        if (r->style.colour && c608_rgba(style.colour) >> 8 != r->style.colour >> 8)
            caption_note(e->report, "colour", e->c, e->cue, "#%08x becomes the nearest of eight",
                         r->style.colour);
        if (r->style.bold)
            caption_note(e->report, "bold", e->c, e->cue, "608 has no bold");
        if (r->ruby.size)
            caption_note(e->report, "ruby", e->c, e->cue, "ruby text is left out");
        for (text t = r->words; t.size;)
            add_letter(e, &n, take_letter(&t), &style);
    }
    while (n && e->flat[n - 1].code == ' ')
        n--;
    return n;
}

// Spaces take the style of what is before them; where words of two styles have too few spaces
// between them, more come in.
static size_t make_room_for_codes(struct encoder *e, struct cell *to, size_t n)
{
    size_t out = 0, spaces = 0;
    for (size_t i = 0; i < n && out < LONGEST - 4; i++) {
        struct cell at = e->flat[i];
        if (at.code == ' ') {
            spaces++;
            if (out)
                at.colour = to[out - 1].colour, at.background = to[out - 1].background,
                at.italic = to[out - 1].italic, at.underline = to[out - 1].underline;
        } else {
            bool joined = out && !spaces &&
                          (at.code < 0x30 || at.code == '?' || at.code == ':' || at.code == ';' ||
                           at.code == ']') &&
                          !same(&to[out - 1], &at);
            if (joined) { // "word<plain>!": the mark stays with its word
                at.colour = to[out - 1].colour, at.background = to[out - 1].background,
                at.italic = to[out - 1].italic, at.underline = to[out - 1].underline;
                caption_note(e->report, "style", e->c, e->cue,
                             "a mark right behind a styled word takes its style");
            }
            size_t need = out > spaces ? (size_t)codes_between(&to[out - 1], &at) : 0;
            if (need > spaces)
                caption_note(e->report, "style", e->c, e->cue,
                             "a change of style inside a word adds a space");
            for (; spaces < need; spaces++, out++) {
                to[out] = to[out - 1];
                to[out].code = ' ';
            }
            spaces = 0;
        }
        to[out++] = at;
    }
    return out;
}

static void lay_line(struct encoder *e, const struct caption_line *line, bool *broken)
{
    static const struct cell nothing;
    struct cell cells[LONGEST];
    size_t n = make_room_for_codes(e, cells, flatten(e, line)), at = 0;
    while (at < n && cells[at].code == ' ')
        at++;
    while (at < n) {
        size_t most = CAPTION_COLUMNS, take = n - at;
        if (take > most) {
            *broken = true;
            take = most;
            size_t space = at + most;
            while (space > at && cells[space].code != ' ')
                space--;
            if (space > at)
                take = space - at;
        }
        if (e->row_count == MOST_ROWS) {
            caption_note(e->report, "lines", e->c, e->cue,
                         "there is no room for more than 15 lines");
            return;
        }
        struct row *r = &e->rows[e->row_count++];
        *r = (struct row){.cells = {nothing}, .count = (int)take};
        memcpy(r->cells, cells + at, take * sizeof(*cells));
        while (r->count && r->cells[r->count - 1].code == ' ')
            r->count--;
        at += take;
        while (at < n && cells[at].code == ' ')
            at++;
    }
}

// Rows and columns: the cue's own when its lines were laid as they are, else at the place that its
// box and alignment say, for the lines as they came out.
static void lay_cue(struct encoder *e, const struct caption_cue *cue)
{
    bool broken = false;
    e->row_count = 0, e->cue = cue;
    struct caption_cue drawn = *cue;
    for (size_t i = 0; i < cue->count; i++)
        lay_line(e, &cue->lines[i], &broken);
    if (broken)
        caption_note(e->report, "lines", e->c, cue, "a line of over 32 characters is broken");
    if (cue->writing != CAPTION_ACROSS)
        caption_note(e->report, "writing", e->c, cue, "the lines run downwards");
    if (e->row_count > 4)
        caption_note(e->report, "lines", e->c, cue, "%d lines; decoders need to show four only",
                     e->row_count);
    bool own = cue->count && cue->lines[0].row > 0 && e->row_count == (int)cue->count && !broken;
    struct caption_line lines[MOST_ROWS] = {{0}};
    struct caption_run runs[MOST_ROWS];
    static const char letters[CAPTION_COLUMNS + 1] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    for (int i = 0; i < e->row_count; i++) { // of as many letters as there are cells now
        runs[i] = (struct caption_run){.words = {letters, (size_t)e->rows[i].count}};
        lines[i] = (struct caption_line){.runs = &runs[i], .count = 1};
        if (own)
            lines[i].row = cue->lines[i].row, lines[i].column = cue->lines[i].column;
    }
    drawn.lines = lines, drawn.count = (size_t)e->row_count;
    if (!own && !cue->box.said && cue->count && cue->lines[0].row > 0)
        drawn.box = cue_place(cue).box; // where its cells are, with lines broken anew
    int before = 0;
    for (int i = 0; i < e->row_count; i++) {
        struct row *r = &e->rows[i];
        cue_cell(&drawn, (size_t)i, &r->row, &r->column);
        if (r->row <= before) // two lines in one row
            r->row = before + 1;
        if (r->row > CAPTION_ROWS) {
            caption_note(e->report, "lines", e->c, cue, "a line is under the last row: left out");
            e->row_count = i;
            break;
        }
        before = r->row;
        if (r->column + r->count > CAPTION_COLUMNS)
            r->column = CAPTION_COLUMNS - r->count;
        if (r->column < 0)
            r->column = 0;
    }
}

// ---- codes

static void flush_half(struct encoder *e)
{
    if (e->half && e->count < MOST_UNITS)
        e->units[e->count++] = (struct unit){(uint16_t)(e->half << 8), false};
    e->half = 0;
}

static void add_code(struct encoder *e, int first, int second)
{
    flush_half(e);
    if (e->count < MOST_UNITS)
        e->units[e->count++] = (struct unit){(uint16_t)(first << 8 | second), true};
}

static void add_cell(struct encoder *e, uint16_t code)
{
    if (code < 0x100) {
        if (e->half && e->count < MOST_UNITS) {
            e->units[e->count++] = (struct unit){(uint16_t)(e->half << 8 | code), false};
            e->half = 0;
        } else {
            e->half = (uint8_t)code;
        }
        return;
    }
    if (code >> 8 != 0x11) { // what a decoder without the extended letters shows
        uint32_t letter = c608_extended((code >> 8) - 0x12, (uint8_t)code);
        uint32_t base = letter_base(letter);
        add_cell(e, base                                   ? (uint16_t)base
                    : letter == 0x201c || letter == 0x201d ? '"'
                    : letter == 0x2018 || letter == 0x2019 ? 0x27
                    : letter == 0x2014                     ? '-'
                                                           : ' ');
    }
    add_code(e, code >> 8, code & 0xff);
}

static void mid_row(struct encoder *e, const struct cell *from, const struct cell *to)
{
    if (to->background != from->background) { // it takes the place of the space before it
        int colour = to->background ? (to->background - 1) & 7 : C608_BLACK;
        add_cell(e, ' ');
        add_code(e, 0x10, 0x20 | colour << 1 | (to->background > 8));
        if (to->colour == from->colour && to->italic == from->italic &&
            to->underline == from->underline)
            return;
    }
    if (!to->italic || to->colour != from->colour)
        add_code(e, 0x11, 0x20 | to->colour << 1 | to->underline);
    if (to->italic)
        add_code(e, 0x11, 0x2e | to->underline);
}

// PAC, tab offsets and mid-row codes up to a row's first cell.
static void row_begin(struct encoder *e, struct row *r)
{
    static const struct cell white = {.colour = C608_WHITE};
    struct cell plain = white;
    uint8_t first, plus;
    c608_pac(r->row, &first, &plus);
    const struct cell *style = &r->cells[0];
    plain.underline = style->underline;
    int need = codes_between(&plain, style), column = r->column;
    bool in_pac = column == 0 && need == 1 && (!style->italic || style->colour == C608_WHITE) &&
                  !style->background;
    if (in_pac) {
        add_code(e, first,
                 0x40 | plus | (style->italic ? 0x0e : style->colour << 1) | style->underline);
        return;
    }
    if (column < need) { // the codes need cells of their own: the line moves to the right
        column = need;
        if (column + r->count > CAPTION_COLUMNS)
            r->count = CAPTION_COLUMNS - column,
            caption_note(e->report, "lines", e->c, e->cue,
                         "no room for a full line in a colour: its last characters are left out");
        else
            caption_note(e->report, "position", e->c, e->cue,
                         "a line in a colour begins %d cells later", need - r->column);
    }
    column -= need;
    add_code(e, first, 0x50 | plus | (column / 4) << 1 | plain.underline);
    if (column % 4)
        add_code(e, 0x17, 0x20 + column % 4);
    if (need)
        mid_row(e, &plain, style);
}

static void row_codes(struct encoder *e, struct row *r)
{
    row_begin(e, r);
    for (int i = 0; i < r->count; i++) {
        int next = i;
        while (next < r->count && r->cells[next].code == ' ')
            next++;
        int need = next > i && next < r->count ? codes_between(&r->cells[i], &r->cells[next]) : 0;
        if (need && next - i == need) { // the last spaces before the word are its codes
            mid_row(e, &r->cells[i], &r->cells[next]);
            i = next - 1;
            continue;
        }
        add_cell(e, r->cells[i].code);
    }
    flush_half(e);
}

// ---- places

static uint8_t *slot(const struct encoder *e, int64_t frame)
{
    return e->to->at[frame + e->to->lead];
}

static bool is_free(const struct encoder *e, int64_t frame)
{
    if (frame < -e->to->lead || frame >= e->to->count - e->to->lead)
        return false;
    const uint8_t *s = slot(e, frame);
    return s[0] == 0x80 && s[1] == 0x80;
}

static void place(struct encoder *e, int64_t frame, uint16_t word)
{
    uint8_t *s = slot(e, frame);
    s[0] = c608_parity((uint8_t)(word >> 8)), s[1] = c608_parity((uint8_t)word);
}

static void place_twice(struct encoder *e, int64_t frame, uint16_t word)
{
    if (is_free(e, frame))
        place(e, frame, word);
    if (is_free(e, frame + 1))
        place(e, frame + 1, word);
}

// Lays the units behind one another, the last just before `end`. False, and how many frames are
// wanting, when they reach below free_from. Nothing is placed then.
static bool place_before(struct encoder *e, int64_t end, int64_t *wanting)
{
    for (int dry = 1; dry >= 0; dry--) {
        int64_t at = end - 1;
        for (size_t i = e->count; i-- > 0;) {
            int size = e->units[i].twice ? 2 : 1;
            while (at - size + 1 >= e->free_from &&
                   !(is_free(e, at) && (size == 1 || is_free(e, at - 1))))
                at--;
            if (at - size + 1 < e->free_from) {
                *wanting = 0;
                for (size_t k = 0; k <= i; k++)
                    *wanting += e->units[k].twice ? 2 : 1;
                return false;
            }
            for (int k = 0; k < size && !dry; k++)
                place(e, at - k, e->units[i].word);
            at -= size;
        }
    }
    return true;
}

// Lays the units from `from` on; returns the frame behind the last.
static int64_t place_after(struct encoder *e, int64_t from, size_t first)
{
    int64_t end = e->to->count - e->to->lead;
    for (size_t i = first; i < e->count; i++) {
        int size = e->units[i].twice ? 2 : 1;
        while (from + size <= end && !(is_free(e, from) && (size == 1 || is_free(e, from + 1))))
            from++;
        if (from + size > end)
            break;
        for (int k = 0; k < size; k++)
            place(e, from++, e->units[i].word);
    }
    return from;
}

static void late(struct encoder *e, const struct caption_cue *cue, int64_t frames)
{
    caption_note(e->report, "load time", e->c, cue,
                 "it takes longer to send than there is time before it: it comes %lld frames late",
                 (long long)frames);
}

static int64_t frame_of(struct encoder *e, const struct caption_cue *cue, int64_t ticks)
{
    return cue_frame(e->c, cue, ticks, e->rate, e->report);
}

static void pop_on(struct encoder *e, const struct caption_cue *cue, int64_t *in)
{
    int64_t wanting, wanted = *in;
    e->count = 0;
    add_code(e, 0x14, 0x20);
    add_code(e, 0x14, 0x2e);
    for (int i = 0; i < e->row_count; i++)
        row_codes(e, &e->rows[i]);
    if (*in < e->free_from)
        *in = e->free_from;
    bool fits;
    while (!(fits = place_before(e, *in, &wanting)) &&
           *in + wanting + 2 < e->to->count - e->to->lead)
        *in += wanting;
    if (!fits) {
        caption_note(e->report, "load time", e->c, cue,
                     "so much comes before it that it is left out");
        return;
    }
    if (*in != wanted)
        late(e, cue, *in - wanted);
    place_twice(e, *in, 0x142f);
    e->free_from = *in + 2;
}

static bool rows_same(const struct row *a, const struct row *b)
{
    bool same_text = a->count == b->count;
    for (int i = 0; same_text && i < a->count; i++)
        same_text = a->cells[i].code == b->cells[i].code && same(&a->cells[i], &b->cells[i]);
    return same_text;
}

// True when this window is the one before rolled up by a line.
static bool rolls_on(const struct encoder *e, const struct row *before, int before_count)
{
    int older = e->row_count - 1;
    if (older > before_count)
        return false;
    for (int i = 0; i < older; i++)
        if (!rows_same(&e->rows[i], &before[before_count - older + i]))
            return false;
    return true;
}

static void roll_up(struct encoder *e, const struct caption_cue *cue, bool goes_on, int64_t *in)
{
    int rows = cue->roll_rows >= 2 && cue->roll_rows <= 4 ? cue->roll_rows : 2;
    int64_t wanted = *in;
    if (*in < e->free_from)
        *in = e->free_from;
    if (!goes_on || (is_free(e, *in - 2) && is_free(e, *in - 1) && *in - 2 >= e->free_from)) {
        if (*in - 2 < e->free_from)
            *in = e->free_from + 2;
        place_twice(e, *in - 2, (uint16_t)(0x1423 + rows));
    }
    if (*in != wanted)
        late(e, cue, *in - wanted);
    int64_t at = *in;
    for (int i = goes_on ? e->row_count - 1 : 0; i < e->row_count; i++) {
        struct row r = e->rows[i];
        r.row = e->rows[e->row_count - 1].row; // all lines come in at the bottom
        e->count = 0;
        add_code(e, 0x14, 0x2d);
        row_codes(e, &r);
        if (at > *in)
            late(e, cue, at - *in);
        at = place_after(e, at, 0);
    }
    e->free_from = at;
}

static void paint_on(struct encoder *e, const struct caption_cue *cue, int first, int64_t *in)
{
    int64_t wanting, wanted = *in;
    struct row *r = &e->rows[first];
    struct row head = *r;
    e->count = 0;
    add_code(e, 0x14, 0x29);
    row_begin(e, &head);
    if (*in < e->free_from)
        *in = e->free_from;
    bool fits;
    while (!(fits = place_before(e, *in, &wanting)) &&
           *in + wanting + 2 < e->to->count - e->to->lead)
        *in += wanting;
    if (!fits) {
        caption_note(e->report, "load time", e->c, cue,
                     "so much comes before it that it is left out");
        return;
    }
    if (*in != wanted)
        late(e, cue, *in - wanted);
    // The same codes again, of which only those behind the head are placed.
    size_t before = e->count;
    e->count = 0;
    add_code(e, 0x14, 0x29);
    for (int i = first; i < e->row_count; i++)
        row_codes(e, &e->rows[i]);
    e->free_from = place_after(e, *in, before);
}

static bool make_room(struct encoder *e, int64_t lead, struct error *err)
{
    const struct captions *c = e->c;
    int64_t last = 0;
    for (size_t i = 0; i < c->count; i++)
        last = c->cues[i].out > last ? c->cues[i].out : last;
    if (last > (int64_t)CAPTION_TICKS * 86400) {
        error_set(err, ERROR_TOO_BIG, "captions that go on for over 24 hours can not be 608");
        error_why(err, "their labels begin again after a day");
        return error_fix(err,
                         "check the times; say --start when they carry the programme's labels");
    }
    // What is late moves on: all loads behind one another are the most that it can take.
    e->to->lead = lead;
    e->to->count = caption_frames(last, e->rate, ROUND_UP) + lead + 4000;
    e->to->at = arena_take_array(c->arena, (size_t)e->to->count, 2);
    memset(e->to->at, 0x80, (size_t)e->to->count * 2);
    e->free_from = -lead;
    e->flat = ARENA_ARRAY(c->arena, struct cell, LONGEST + 1);
    return true;
}

bool cc_encode_608(const struct captions *c, rational rate, int64_t lead, struct cc_608 *to,
                   struct caption_report *report, struct error *err)
{
    struct encoder *e = ARENA_NEW(c->arena, struct encoder);
    *e = (struct encoder){.c = c, .to = to, .report = report, .rate = rate};
    if (!make_room(e, lead, err))
        return false;
    struct row *before = ARENA_ARRAY(c->arena, struct row, MOST_ROWS);
    int before_count = 0;
    enum caption_mode mode = CAPTION_POP_ON;
    int64_t shown_until = INT64_MIN; // frame at which what is shown goes; INT64_MIN: nothing is
    for (size_t i = 0; i < c->count; i++) {
        const struct caption_cue *cue = &c->cues[i];
        if (!cue->count)
            continue;
        lay_cue(e, cue);
        if (!e->row_count)
            continue;
        int64_t in = frame_of(e, cue, cue->in), out = frame_of(e, cue, cue->out);
        if (shown_until > in) {
            caption_note(report, "overlap", c, cue,
                         "608 shows one caption at a time: the one before ends %lld frames early",
                         (long long)(shown_until - in));
            shown_until = in;
        }
        bool touches = shown_until == in && mode == cue->mode;
        bool goes_on = touches && cue->mode == CAPTION_ROLL_UP && rolls_on(e, before, before_count);
        int kept = 0;
        while (touches && cue->mode == CAPTION_PAINT_ON && kept < before_count &&
               kept < e->row_count - 1 && rows_same(&e->rows[kept], &before[kept]))
            kept++;
        bool adds = kept > 0 && kept == before_count;
        bool swaps = cue->mode == CAPTION_POP_ON && shown_until == in;
        if (shown_until != INT64_MIN && !goes_on && !adds && !swaps) {
            int64_t erase = shown_until > e->free_from ? shown_until : e->free_from;
            place(e, erase, 0x142c);
            if (is_free(e, erase + 1) && (erase + 1 != in || cue->mode != CAPTION_POP_ON))
                place(e, erase + 1, 0x142c); // not where the next one's EOC comes
            if (cue->mode != CAPTION_POP_ON)
                e->free_from = erase + 2;
        }
        if (cue->mode == CAPTION_ROLL_UP)
            roll_up(e, cue, goes_on, &in);
        else if (cue->mode == CAPTION_PAINT_ON)
            paint_on(e, cue, adds ? kept : 0, &in);
        else
            pop_on(e, cue, &in);
        shown_until = out > in + 1 ? out : in + 2;
        memcpy(before, e->rows, sizeof(e->rows));
        before_count = e->row_count;
        mode = cue->mode;
    }
    if (shown_until != INT64_MIN)
        place_twice(e, shown_until > e->free_from ? shown_until : e->free_from, 0x142c);
    return true;
}
