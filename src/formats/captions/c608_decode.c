/*
 * 608 to cues (CTA-608-E, annex B and C).
 *
 * Two memories of 15 x 32 cells: what is shown and what is loaded. A cue is what is shown between
 * two changes: pop-on swaps the memories at End Of Caption (EOC), Erase Displayed Memory (EDM)
 * empties, Carriage Return (CR) rolls. So the times are those of the codes that change the picture,
 * not those at which loading began:
 *
 *   pop-on    in: the frame of EOC
 *   roll-up   in: the frame of CR, or of the first letter when nothing was there; a cue is the
 *             window: the older lines and, last, the new one
 *   paint-on  in: the frame of the first letter after Resume Direct Captioning
 *   out       the frame of the next EOC, CR or EDM
 *
 * Control codes are sent twice; the second of a pair that follows at once is not obeyed again.
 * Letters belong to the channel that the last control code named.
 */
#include "formats/captions/c608.h"
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

#include <string.h>

struct cell {
    uint16_t letter; // 0: nothing
    uint8_t colour, background;
    bool italic, underline;
};
struct screen {
    struct cell cells[CAPTION_ROWS][CAPTION_COLUMNS];
};
enum mode { NOTHING, POP, PAINT, ROLL, TEXT };

struct cc_decoder {
    struct captions *c;
    struct caption_report *report;
    int channel; // 1..4
    struct screen shown, loaded;
    enum mode mode, shown_mode;
    int roll_rows, row, column; // row 0..14
    struct cell pen;
    bool ours, fresh, xds, parity_noted, other_noted, text_noted;
    uint8_t last[2]; // a control code whose repetition is not obeyed
    int64_t since, now;
    size_t source, since_source;
};

struct cc_decoder *cc_decoder_open(struct captions *c, int channel, struct caption_report *report)
{
    struct cc_decoder *d = ARENA_NEW(c->arena, struct cc_decoder);
    d->c = c, d->channel = channel < 1 || channel > 4 ? 1 : channel, d->report = report;
    d->row = CAPTION_ROWS - 1;
    d->now = d->since = INT64_MIN;
    report->arena = c->arena;
    return d;
}

static bool empty(const struct screen *s)
{
    for (int r = 0; r < CAPTION_ROWS; r++)
        for (int k = 0; k < CAPTION_COLUMNS; k++)
            if (s->cells[r][k].letter && s->cells[r][k].letter != ' ')
                return false;
    return true;
}

static uint32_t behind(uint8_t background) // 0, 1 + colour, or 8 more for half transparent
{
    return !background      ? 0
           : background > 8 ? (c608_rgba(background - 9) & ~0xffu) | 0x80
                            : c608_rgba(background - 1);
}

static struct caption_style style_of(const struct cell *at)
{
    return (struct caption_style){.colour = at->colour == C608_WHITE ? 0 : c608_rgba(at->colour),
                                  .background = behind(at->background),
                                  .italic = at->italic,
                                  .underline = at->underline};
}

static bool is_blank(const struct cell *at)
{
    return !at->letter || at->letter == ' ';
}

// A space between words of two styles has what both have: a mid-row code takes a cell itself.
static struct caption_style between(const struct cell *row, int column)
{
    int before = column, after = column;
    while (before > 0 && is_blank(&row[before]))
        before--;
    while (after < CAPTION_COLUMNS - 1 && is_blank(&row[after]))
        after++;
    struct caption_style a = style_of(&row[before]), b = style_of(&row[after]);
    a.italic = a.italic && b.italic;
    a.underline = a.underline && b.underline;
    a.colour = a.colour == b.colour ? a.colour : 0;
    a.background = a.background == b.background ? a.background : 0;
    return a;
}

static void add_row(struct cc_decoder *d, struct caption_cue *cue, int row)
{
    const struct cell *cells = d->shown.cells[row];
    int first = 0, last = CAPTION_COLUMNS - 1;
    while (first <= last && is_blank(&cells[first]))
        first++;
    while (last >= first && is_blank(&cells[last]))
        last--;
    if (first > last)
        return;
    struct caption_line *line = cue_line(d->c, cue);
    line->row = row + 1, line->column = first;
    for (int k = first; k <= last; k++) {
        bool space = is_blank(&cells[k]);
        struct caption_style style = space ? between(cells, k) : style_of(&cells[k]);
        char utf8[4];
        size_t used = put_letter(space ? ' ' : cells[k].letter, utf8);
        line_add(d->c, line, (text){arena_copy(d->c->arena, utf8, used), used}, &style);
    }
}

// What was shown until now becomes a cue; what is shown from now on counts from now.
static bool change(struct cc_decoder *d, struct error *err)
{
    int64_t since = d->since;
    size_t source = d->since_source;
    d->since = d->now, d->since_source = d->source;
    if (since >= d->now || empty(&d->shown))
        return true;
    struct caption_cue *cue = captions_add(d->c, err);
    if (!cue)
        return false;
    cue->in = since, cue->out = d->now, cue->source = source;
    cue->mode = d->shown_mode == ROLL    ? CAPTION_ROLL_UP
                : d->shown_mode == PAINT ? CAPTION_PAINT_ON
                                         : CAPTION_POP_ON;
    cue->roll_rows = d->shown_mode == ROLL ? d->roll_rows : 0;
    for (int r = 0; r < CAPTION_ROWS; r++)
        add_row(d, cue, r);
    cue_align_by_cells(cue);
    return true;
}

static void pen_reset(struct cc_decoder *d)
{
    d->pen = (struct cell){.colour = C608_WHITE};
}

static struct screen *target(struct cc_decoder *d)
{
    return d->mode == POP ? &d->loaded : d->mode == PAINT || d->mode == ROLL ? &d->shown : NULL;
}

static bool put(struct cc_decoder *d, uint32_t letter, struct error *err)
{
    struct screen *s = target(d);
    if (!s)
        return true;
    if (s == &d->shown) {
        if (empty(s) && letter != ' ') {
            d->since = d->since < d->now && d->mode == ROLL && d->shown_mode == ROLL && !d->fresh
                           ? d->since
                           : d->now;
            d->since_source = d->source;
        } else if (d->mode == PAINT && d->fresh && letter != ' ' && !change(d, err)) {
            return false;
        }
        if (letter != ' ')
            d->fresh = false;
        d->shown_mode = d->mode;
    }
    struct cell at = d->pen;
    at.letter = (uint16_t)letter;
    s->cells[d->row][d->column] = at;
    if (d->column < CAPTION_COLUMNS - 1)
        d->column++;
    return true;
}

static void back(struct cc_decoder *d)
{
    struct screen *s = target(d);
    if (s && d->column > 0) {
        d->column--;
        s->cells[d->row][d->column] = (struct cell){0};
    }
}

static void pac(struct cc_decoder *d, int row, uint8_t second)
{
    int to = row - 1;
    if (d->mode == ROLL) { // the whole window moves
        int rows = d->roll_rows < to + 1 ? d->roll_rows : to + 1;
        if (to != d->row) {
            struct screen moved = {0};
            for (int i = 0; i < rows; i++)
                if (d->row - i >= 0)
                    memcpy(moved.cells[to - i], d->shown.cells[d->row - i], sizeof(moved.cells[0]));
            d->shown = moved;
        }
    }
    d->row = to;
    pen_reset(d);
    int attribute = second >> 1 & 15;
    d->pen.underline = second & 1;
    d->column = 0;
    if (attribute >= 8)
        d->column = (attribute - 8) * 4;
    else if (attribute == 7)
        d->pen.italic = true;
    else
        d->pen.colour = (uint8_t)attribute;
}

static bool roll(struct cc_decoder *d, struct error *err)
{
    if (d->mode != ROLL)
        return true;
    if (!change(d, err))
        return false;
    int top = d->row - d->roll_rows + 1;
    top = top < 0 ? 0 : top;
    for (int r = 0; r < d->row; r++)
        if (r >= top)
            memcpy(d->shown.cells[r], d->shown.cells[r + 1], sizeof(d->shown.cells[r]));
        else
            memset(d->shown.cells[r], 0, sizeof(d->shown.cells[r]));
    memset(d->shown.cells[d->row], 0, sizeof(d->shown.cells[d->row]));
    d->column = 0;
    d->fresh = false;
    d->shown_mode = ROLL;
    pen_reset(d);
    return true;
}

static bool begin_roll(struct cc_decoder *d, int rows, struct error *err)
{
    if (d->mode != ROLL) {
        if (!change(d, err))
            return false;
        memset(&d->shown, 0, sizeof(d->shown));
        memset(&d->loaded, 0, sizeof(d->loaded));
        d->row = CAPTION_ROWS - 1, d->column = 0;
        d->fresh = true;
        pen_reset(d);
    }
    d->mode = ROLL, d->roll_rows = rows;
    return true;
}

static bool command(struct cc_decoder *d, uint8_t code, struct error *err)
{
    switch (code) {
    case 0x20: // RCL
        d->mode = POP;
        break;
    case 0x21: // BS
        back(d);
        break;
    case 0x24: // DER
        if (target(d))
            memset(&target(d)->cells[d->row][d->column], 0,
                   sizeof(struct cell) * (size_t)(CAPTION_COLUMNS - d->column));
        break;
    case 0x25: // RU2, RU3, RU4
    case 0x26:
    case 0x27:
        return begin_roll(d, code - 0x23, err);
    case 0x29: // RDC
        d->mode = PAINT, d->fresh = true;
        break;
    case 0x2a: // TR, RTD
    case 0x2b:
        d->mode = TEXT;
        if (!d->text_noted)
            caption_note(d->report, "text mode", d->c, NULL, "a text channel is left out");
        d->text_noted = true;
        break;
    case 0x2c: // EDM
        if (!change(d, err))
            return false;
        memset(&d->shown, 0, sizeof(d->shown));
        d->fresh = true;
        break;
    case 0x2d: // CR
        return roll(d, err);
    case 0x2e: // ENM
        memset(&d->loaded, 0, sizeof(d->loaded));
        break;
    case 0x2f: { // EOC
        if (!change(d, err))
            return false;
        struct screen s = d->shown;
        d->shown = d->loaded, d->loaded = s;
        d->mode = d->shown_mode = POP;
        break;
    }
    default: // AOF, AON, FON: not of captions today
        break;
    }
    return true;
}

static bool control(struct cc_decoder *d, uint8_t first, uint8_t second, struct error *err)
{
    int row = second >= 0x40 ? c608_pac_row(first, second) : 0;
    if (row) {
        pac(d, row, second);
        return true;
    }
    if (second >= 0x40 || second < 0x20)
        return true;
    if ((first == 0x14 || first == 0x15) && second < 0x30)
        return command(d, second, err);
    if (first == 0x17 && second >= 0x21 && second <= 0x23) {
        d->column += second - 0x20;
        d->column = d->column > CAPTION_COLUMNS - 1 ? CAPTION_COLUMNS - 1 : d->column;
    } else if (first == 0x17 && (second == 0x2e || second == 0x2f)) {
        d->pen.colour = C608_BLACK, d->pen.underline = second & 1;
    } else if (first == 0x10 && second < 0x30) { // behind the words; the cell before is taken over
        int colour = second >> 1 & 7;
        d->pen.background = (uint8_t)(colour == C608_BLACK ? 0 : colour + 1 + (second & 1 ? 8 : 0));
    } else if (first == 0x11 && second < 0x30) {
        int attribute = second >> 1 & 7;
        if (!put(d, ' ', err))
            return false;
        d->pen.underline = second & 1;
        d->pen.italic = attribute == 7;
        if (attribute < 7)
            d->pen.colour = (uint8_t)attribute;
    } else if (first == 0x11) {
        return put(d, c608_special(second), err);
    } else if (first == 0x12 || first == 0x13) { // takes the place of the letter before
        back(d);
        return put(d, c608_extended(first - 0x12, second), err);
    }
    return true;
}

static bool good_parity(struct cc_decoder *d, uint8_t byte)
{
    if (__builtin_parity(byte))
        return true;
    if (!d->parity_noted)
        caption_note(d->report, "parity", d->c, NULL,
                     "from line %zu on there are bytes of wrong parity, read all the same",
                     d->source);
    d->parity_noted = true;
    return true;
}

bool cc_decode_pair(struct cc_decoder *d, int64_t at, uint8_t first, uint8_t second, size_t source,
                    struct error *err)
{
    d->now = at > d->now ? at : d->now, d->source = source;
    if (!good_parity(d, first) || !good_parity(d, second))
        return true;
    first &= 0x7f, second &= 0x7f;
    if (first >= 0x10 && first < 0x20) {
        d->xds = false;
        if (d->last[0] == first && d->last[1] == second) {
            d->last[0] = 0;
            return true;
        }
        d->last[0] = first, d->last[1] = second;
        int channel = (first & 8 ? 2 : 1) + (d->channel > 2 ? 2 : 0);
        d->ours = channel == d->channel;
        if (!d->ours && !d->other_noted) {
            caption_note(d->report, "channel", d->c, NULL, "CC%d is there as well; CC%d is read",
                         channel, d->channel);
            d->other_noted = true;
        }
        return !d->ours || control(d, first & 0x17, second, err);
    }
    if (!first && !second)
        return true; // nothing: a repetition may still follow
    d->last[0] = 0;
    if (first && first < 0x10) {
        d->xds = first != 0x0f; // data about the programme, up to its end
        return true;
    }
    if (!d->ours || d->xds)
        return true;
    if (first >= 0x20 && !put(d, c608_basic(first), err))
        return false;
    return second < 0x20 || put(d, c608_basic(second), err);
}

bool cc_decode_end(struct cc_decoder *d, struct error *err)
{
    if (empty(&d->shown))
        return true;
    // Decoders take it off after 16 s without data (CTA-608-E, automatic erasure).
    d->now = d->since + 16 * CAPTION_TICKS;
    size_t before = d->c->count;
    if (!change(d, err))
        return false;
    if (d->c->count > before)
        caption_note(d->report, "time", d->c, &d->c->cues[d->c->count - 1],
                     "it is never taken off; it ends after 16 s, as decoders do");
    return true;
}
