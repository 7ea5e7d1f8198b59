/*
 * CTA-708-E: packets of service blocks of commands for eight windows. Read whole, written simply.
 *
 * Packets begin with a triple of type 3 and go on in those of type 2. What is seen is the union of
 * the windows that are shown; a cue is what is seen between two changes of that, or between a line
 * end in a window that is shown and the next. A change counts from the frame in which its packet is
 * complete.
 *
 * Places: windows are anchored in a grid of 210 x 75 over the safe area for 16:9 (160 x 75 for 4:3,
 * which can not be told and is read as the same), or in per cent of it.
 */
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

#include <string.h>

enum { WINDOWS = 8, ROWS = 16, COLUMNS = 64, GRID_X = 210, GRID_Y = 75 };

struct cell {
    uint16_t letter;
    uint32_t colour, background;
    bool italic, underline;
};
struct window {
    bool defined, visible, relative;
    int rows, columns, anchor_x, anchor_y, anchor, justify, priority;
    int row, column;
    struct cell pen, cells[ROWS][COLUMNS];
};

struct cc_708_decoder {
    struct captions *c;
    struct caption_report *report;
    struct window windows[WINDOWS];
    int current;
    uint8_t packet[128];
    size_t have, want;
    int64_t now, since;
    size_t source, since_source;
    bool rolled, other_noted;
};

struct cc_708_decoder *cc_708_open(struct captions *c, struct caption_report *report)
{
    struct cc_708_decoder *d = ARENA_NEW(c->arena, struct cc_708_decoder);
    d->c = c, d->report = report;
    d->now = d->since = INT64_MIN;
    report->arena = c->arena;
    return d;
}

// ---- what is seen

static bool row_empty(const struct window *w, int r)
{
    for (int k = 0; k < w->columns; k++)
        if (w->cells[r][k].letter && w->cells[r][k].letter != ' ')
            return false;
    return true;
}

static bool seen(const struct cc_708_decoder *d)
{
    for (int i = 0; i < WINDOWS; i++)
        for (int r = 0; d->windows[i].visible && r < d->windows[i].rows; r++)
            if (!row_empty(&d->windows[i], r))
                return true;
    return false;
}

// Lines of one window; returns whether they stand in its middle.
static bool add_lines(struct cc_708_decoder *d, struct caption_cue *cue, const struct window *w)
{
    bool middle = true;
    for (int r = 0; r < w->rows; r++) {
        if (row_empty(w, r))
            continue;
        struct caption_line *line = cue_line(d->c, cue);
        int first = 0, last = w->columns - 1;
        while (!w->cells[r][first].letter || w->cells[r][first].letter == ' ')
            first++;
        while (!w->cells[r][last].letter || w->cells[r][last].letter == ' ')
            last--;
        middle =
            middle && (first + last + 1 - w->columns >= -1 && first + last + 1 - w->columns <= 1);
        for (int k = first; k <= last; k++) {
            const struct cell *at = &w->cells[r][k];
            struct caption_style style = {at->colour, at->background, at->italic, false,
                                          at->underline};
            char utf8[4];
            size_t used = put_letter(at->letter ? at->letter : ' ', utf8);
            line_add(d->c, line, (text){arena_copy(d->c->arena, utf8, used), used}, &style);
        }
    }
    return middle;
}

static void place(struct caption_cue *cue, const struct window *w, bool middle)
{
    int gx = w->relative ? 100 : GRID_X, gy = w->relative ? 100 : GRID_Y;
    int x = 1000 + w->anchor_x * 8000 / (gx - 1), y = 1000 + w->anchor_y * 8000 / (gy - 1);
    int wide = w->columns * 250, high = w->rows * 8000 / CAPTION_ROWS;
    int across = w->anchor % 3, down = w->anchor / 3;
    cue->align = middle || w->justify == 2 ? CAPTION_CENTRE
                 : w->justify == 1         ? CAPTION_RIGHT
                                           : CAPTION_LEFT;
    cue->vertical = down == 0 ? CAPTION_TOP : down == 1 ? CAPTION_MIDDLE : CAPTION_BOTTOM;
    if (across == 1 && cue->align == CAPTION_CENTRE && x > 4700 && x < 5300 &&
        ((down == 2 && y > 8500) || (down == 0 && y < 1200)))
        return; // where it stands by itself
    x -= across * wide / 2, y -= down * high / 2;
    x = x < 0 ? 0 : x > CAPTION_GRID ? CAPTION_GRID : x;
    y = y < 0 ? 0 : y > CAPTION_GRID ? CAPTION_GRID : y;
    wide = x + wide > CAPTION_GRID ? CAPTION_GRID - x : wide;
    high = y + high > CAPTION_GRID ? CAPTION_GRID - y : high;
    cue->box = (struct caption_box){true, x, y, wide, high};
}

static bool change(struct cc_708_decoder *d, struct error *err)
{
    int64_t since = d->since;
    size_t source = d->since_source;
    d->since = d->now, d->since_source = d->source;
    if (since >= d->now || !seen(d))
        return true;
    struct caption_cue *cue = captions_add(d->c, err);
    if (!cue)
        return false;
    cue->in = since, cue->out = d->now, cue->source = source;
    bool placed = false;
    for (int i = 0; i < WINDOWS; i++) {
        const struct window *w = &d->windows[i];
        size_t before = cue->count;
        bool middle = w->visible && add_lines(d, cue, w);
        if (cue->count > before && !placed)
            place(cue, w, middle), placed = true;
    }
    if (d->rolled)
        cue->mode = CAPTION_ROLL_UP, cue->roll_rows = 2;
    d->rolled = false;
    return true;
}

// ---- commands

static void put(struct cc_708_decoder *d, uint32_t letter)
{
    struct window *w = &d->windows[d->current];
    if (!w->defined)
        return;
    if (w->visible && letter != ' ' && !seen(d))
        d->since = d->now, d->since_source = d->source;
    struct cell at = w->pen;
    at.letter = (uint16_t)letter;
    w->cells[w->row][w->column] = at;
    if (w->column < w->columns - 1)
        w->column++;
}

static bool line_end(struct cc_708_decoder *d, struct error *err)
{
    struct window *w = &d->windows[d->current];
    if (!w->defined)
        return true;
    w->column = 0;
    if (w->row < w->rows - 1) {
        w->row++;
        return true;
    }
    if (w->visible) {
        bool was = seen(d);
        if (!change(d, err))
            return false;
        d->rolled = was;
    }
    memmove(w->cells[0], w->cells[1], sizeof(w->cells[0]) * (size_t)(w->rows - 1));
    memset(w->cells[w->rows - 1], 0, sizeof(w->cells[0]));
    return true;
}

static void pen_reset(struct window *w)
{
    w->pen = (struct cell){0};
}

static void define(struct cc_708_decoder *d, int id, const uint8_t *b)
{
    struct window *w = &d->windows[id];
    bool was = w->defined;
    if (!was) {
        memset(w, 0, sizeof(*w));
        w->defined = true;
    }
    w->visible = b[0] >> 5 & 1;
    w->priority = b[0] & 7;
    w->relative = b[1] >> 7;
    w->anchor_y = b[1] & 0x7f, w->anchor_x = b[2];
    w->anchor = b[3] >> 4 > 8 ? 6 : b[3] >> 4;
    w->rows = (b[3] & 15) + 1;
    w->columns = (b[4] & 63) + 1;
    w->row = w->row >= w->rows ? w->rows - 1 : w->row;
    w->column = w->column >= w->columns ? w->columns - 1 : w->column;
    if (!was || (b[5] & 7))
        pen_reset(w);
    d->current = id;
}

static bool windows_command(struct cc_708_decoder *d, uint8_t code, uint8_t which,
                            struct error *err)
{
    bool seen_to = false; // only what changes the picture parts a cue
    for (int i = 0; i < WINDOWS; i++) {
        const struct window *w = &d->windows[i];
        if ((which >> i & 1) && w->defined)
            seen_to |= code == 0x8b || (code == 0x89 ? !w->visible : w->visible);
    }
    if (seen_to && !change(d, err))
        return false;
    for (int i = 0; i < WINDOWS; i++) {
        struct window *w = &d->windows[i];
        if (!(which >> i & 1) || !w->defined)
            continue;
        switch (code) {
        case 0x88: // CLW
            memset(w->cells, 0, sizeof(w->cells));
            break;
        case 0x89: // DSW
            w->visible = true;
            break;
        case 0x8a: // HDW
            w->visible = false;
            break;
        case 0x8b: // TGW
            w->visible = !w->visible;
            break;
        default: // DLW
            *w = (struct window){0};
        }
    }
    return true;
}

static uint32_t colour_of(uint8_t b)
{
    return (uint32_t)(b >> 4 & 3) * 85 << 24 | (uint32_t)(b >> 2 & 3) * 85 << 16 |
           (uint32_t)(b & 3) * 85 << 8 | 0xff;
}

// A command of 0x80 .. 0x9f with its `size` bytes behind it.
static bool command(struct cc_708_decoder *d, uint8_t code, const uint8_t *b, struct error *err)
{
    struct window *w = &d->windows[d->current];
    if (code < 0x88) {
        d->current = code & 7;
    } else if (code <= 0x8c) {
        return windows_command(d, code, b[0], err);
    } else if (code == 0x8f) { // RST
        if (!change(d, err))
            return false;
        memset(d->windows, 0, sizeof(d->windows));
    } else if (code == 0x90) { // SPA
        w->pen.italic = b[1] >> 7, w->pen.underline = b[1] >> 6 & 1;
    } else if (code == 0x91) { // SPC
        uint32_t colour = colour_of(b[0]), behind = colour_of(b[1]);
        w->pen.colour = colour == 0xffffffff ? 0 : colour;
        w->pen.background = behind == 0x000000ff || b[1] >> 6 == 3 ? 0 : behind;
    } else if (code == 0x92 && w->defined) { // SPL
        w->row = (b[0] & 15) < w->rows ? b[0] & 15 : w->rows - 1;
        w->column = (b[1] & 63) < w->columns ? b[1] & 63 : w->columns - 1;
    } else if (code == 0x97) { // SWA
        w->justify = b[2] & 3;
    } else if (code >= 0x98) {
        if ((d->windows[code & 7].visible || b[0] >> 5 & 1) && !change(d, err))
            return false;
        define(d, code & 7, b);
    }
    return true;
}

static uint32_t g2(uint8_t code)
{
    static const struct {
        uint8_t code;
        uint16_t letter;
    } known[] = {{0x20, ' '},    {0x21, 0xa0},   {0x25, 0x2026}, {0x2a, 0x160},  {0x2c, 0x152},
                 {0x30, 0x2588}, {0x31, 0x2018}, {0x32, 0x2019}, {0x33, 0x201c}, {0x34, 0x201d},
                 {0x35, 0x2022}, {0x39, 0x2122}, {0x3a, 0x161},  {0x3c, 0x153},  {0x3d, 0x2120},
                 {0x3f, 0x178},  {0x76, 0x215b}, {0x77, 0x215c}, {0x78, 0x215d}, {0x79, 0x215e}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].code == code)
            return known[i].letter;
    return '_';
}

static uint8_t g2_code(uint32_t letter)
{
    for (uint8_t code = 0x22; code < 0x80; code++)
        if (g2(code) == letter && letter != '_')
            return code;
    return 0;
}

// Bytes behind a code of C0, C1 and their extensions.
static size_t length_of(uint8_t code)
{
    static const uint8_t c1[32] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0,
                                   2, 3, 2, 0, 0, 0, 0, 4, 6, 6, 6, 6, 6, 6, 6, 6};
    return code < 0x10                   ? 0
           : code < 0x18                 ? 1
           : code < 0x20                 ? 2
           : code >= 0x80 && code < 0xa0 ? c1[code - 0x80]
                                         : 0;
}

// The block's codes; false at a limit. What is cut off is left.
static bool block(struct cc_708_decoder *d, const uint8_t *b, size_t size, struct error *err)
{
    for (size_t i = 0; i < size;) {
        uint8_t code = b[i++];
        if (code == 0x10) { // EXT1
            if (i == size)
                return true;
            code = b[i++];
            if (code >= 0x20 && code < 0x80)
                put(d, g2(code));
            else if (code == 0xa0)
                put(d, 0xbb); // the CC sign, which no font has
            else if (code < 0x20)
                i += code < 8 ? 0 : code < 16 ? 1 : code < 24 ? 2 : 3;
            else if (code < 0xa0)
                i += code < 0x88 ? 4 : code < 0x90 ? 5 : 0;
            continue;
        }
        size_t more = length_of(code);
        if (i + more > size)
            return true;
        struct window *w = &d->windows[d->current];
        if (code == 0x7f)
            put(d, 0x266a);
        else if ((code >= 0x20 && code < 0x7f) || code >= 0xa0)
            put(d, code);
        else if (code == 0x18)
            put(d, (uint32_t)(b[i] << 8 | b[i + 1]));
        else if (code == 0x0d && !line_end(d, err))
            return false;
        else if (code == 0x08 && w->defined && w->column > 0)
            w->cells[w->row][--w->column] = (struct cell){0};
        else if (code == 0x0c && w->defined) // FF
            memset(w->cells, 0, sizeof(w->cells)), w->row = w->column = 0;
        else if (code == 0x0e && w->defined) // HCR
            memset(w->cells[w->row], 0, sizeof(w->cells[0])), w->column = 0;
        else if (code >= 0x80 && code < 0xa0 && !command(d, code, b + i, err))
            return false;
        i += more;
    }
    return true;
}

static bool packet(struct cc_708_decoder *d, struct error *err)
{
    for (size_t i = 1; i < d->want;) {
        int service = d->packet[i] >> 5;
        size_t size = d->packet[i++] & 31;
        if (service == 7 && size && i < d->want)
            service = d->packet[i++] & 63;
        if (!service || i + size > d->want)
            break;
        if (service == 1) {
            if (!block(d, d->packet + i, size, err))
                return false;
        } else if (!d->other_noted) {
            caption_note(d->report, "channel", d->c, NULL, "service %d of 708 is there as well",
                         service);
            d->other_noted = true;
        }
        i += size;
    }
    return true;
}

bool cc_708_triple(struct cc_708_decoder *d, int64_t at, int type, uint8_t first, uint8_t second,
                   size_t source, struct error *err)
{
    if (type == 3) {
        d->have = 0;
        d->want = first & 63 ? (size_t)(first & 63) * 2 : 128;
    }
    if (d->have + 2 > d->want || d->want == 0)
        return true;
    d->packet[d->have++] = first, d->packet[d->have++] = second;
    if (d->have < d->want)
        return true;
    d->now = at > d->now ? at : d->now, d->source = source;
    bool ok = packet(d, err);
    d->want = d->have = 0;
    return ok;
}

bool cc_708_end(struct cc_708_decoder *d, struct error *err)
{
    if (!seen(d))
        return true;
    d->now = d->since + (int64_t)16 * CAPTION_TICKS;
    size_t before = d->c->count;
    if (!change(d, err))
        return false;
    if (d->c->count > before)
        caption_note(d->report, "time", d->c, &d->c->cues[d->c->count - 1],
                     "it is never taken off; it ends after 16 s");
    return true;
}

// ---- cues to windows

enum { MOST_UNITS = 4000, LOAD_BYTES = 24 }; // the rest of a block is for what must be on time

struct unit {
    uint8_t size, at[7];
};
struct encoder {
    const struct captions *c;
    struct caption_report *report;
    struct cc_708 *to;
    rational rate;
    struct unit units[MOST_UNITS];
    size_t count;
    int64_t free_from;
};

static void add_unit(struct encoder *e, const uint8_t *at, size_t size)
{
    if (e->count == MOST_UNITS)
        return;
    struct unit *u = &e->units[e->count++];
    u->size = (uint8_t)size;
    memcpy(u->at, at, size);
}

static void add_letter(struct encoder *e, const struct caption_cue *cue, uint32_t l)
{
    uint8_t extended = g2_code(l);
    if (l == 0x266a)
        add_unit(e, (const uint8_t[]){0x7f}, 1);
    else if ((l >= 0x20 && l < 0x7f) || (l >= 0xa0 && l < 0x100))
        add_unit(e, (const uint8_t[]){(uint8_t)l}, 1);
    else if (extended)
        add_unit(e, (const uint8_t[]){0x10, extended}, 2);
    else if (l < 0x10000 && l >= 0x100)
        add_unit(e, (const uint8_t[]){0x18, (uint8_t)(l >> 8), (uint8_t)l}, 3);
    else {
        caption_note(e->report, "glyph", e->c, cue, "708 has no U+%04X: written as ?", l);
        add_unit(e, (const uint8_t[]){'?'}, 1);
    }
}

static uint8_t colour_bits(uint32_t rgba)
{
    return (uint8_t)((rgba >> 24) / 64 << 4 | (rgba >> 16 & 255) / 64 << 2 |
                     (rgba >> 8 & 255) / 64);
}

static void add_style(struct encoder *e, const struct caption_style *s)
{
    uint8_t attributes = (uint8_t)((s->italic ? 0x80 : 0) | (s->underline ? 0x40 : 0));
    add_unit(e, (const uint8_t[]){0x90, 0x05, attributes}, 3);
    uint8_t front = s->colour ? colour_bits(s->colour) : 0x3f;
    uint8_t back = s->background ? colour_bits(s->background) : 0;
    add_unit(e, (const uint8_t[]){0x91, front, back, 0}, 4);
}

static void define_window(struct encoder *e, const struct caption_cue *cue, int id, int columns)
{
    struct caption_place p = cue_place(cue);
    int across = p.align == CAPTION_LEFT || p.align == CAPTION_START  ? 0
                 : p.align == CAPTION_RIGHT || p.align == CAPTION_END ? 2
                                                                      : 1;
    int down = p.vertical == CAPTION_TOP ? 0 : p.vertical == CAPTION_MIDDLE ? 1 : 2;
    struct caption_box b = p.usual ? (struct caption_box){true, 1000, 1000, 8000, 8000} : p.box;
    int x = b.x + across * b.width / 2 - 1000, y = b.y + down * b.height / 2 - 1000;
    x = x < 0 ? 0 : x > 8000 ? 8000 : x;
    y = y < 0 ? 0 : y > 8000 ? 8000 : y;
    int rows = cue->count > 15 ? 15 : (int)cue->count;
    add_unit(e,
             (const uint8_t[]){
                 (uint8_t)(0x98 + id), 0x18, (uint8_t)((y * (GRID_Y - 1) + 4000) / 8000),
                 (uint8_t)((x * (GRID_X - 1) + 4000) / 8000),
                 (uint8_t)((down * 3 + across) << 4 | (rows - 1)), (uint8_t)(columns - 1), 0x09},
             7);
}

static void load(struct encoder *e, const struct caption_cue *cue, int id)
{
    size_t columns = 1;
    for (size_t i = 0; i < cue->count; i++) {
        size_t n = caption_line_letters(&cue->lines[i]);
        columns = n > columns ? n : columns;
    }
    if (columns > 42 || cue->count > 15)
        caption_note(e->report, "lines", e->c, cue, "708 shows 15 lines of 42 characters at most");
    columns = columns > 42 ? 42 : columns;
    e->count = 0;
    add_unit(e, (const uint8_t[]){0x8c, (uint8_t)(1 << id)}, 2); // what it held before
    define_window(e, cue, id, (int)columns);
    struct caption_place p = cue_place(cue);
    for (size_t i = 0; i < cue->count && i < 15; i++) {
        const struct caption_line *line = &cue->lines[i];
        size_t n = caption_line_letters(line), spare = n < columns ? columns - n : 0;
        size_t at = p.align == CAPTION_LEFT || p.align == CAPTION_START  ? 0
                    : p.align == CAPTION_RIGHT || p.align == CAPTION_END ? spare
                                                                         : spare / 2;
        add_unit(e, (const uint8_t[]){0x92, (uint8_t)i, (uint8_t)at}, 3);
        for (size_t k = 0; k < line->count; k++) {
            add_style(e, &line->runs[k].style);
            if (line->runs[k].style.bold)
                caption_note(e->report, "bold", e->c, cue, "708 has no bold");
            for (text t = line->runs[k].words; t.size;)
                add_letter(e, cue, take_letter(&t));
        }
    }
}

static struct cc_block *block_at(struct encoder *e, int64_t frame)
{
    int64_t i = frame + e->to->lead;
    return i >= 0 && i < e->to->count ? &e->to->at[i] : NULL;
}

static void add_bytes(struct cc_block *b, const uint8_t *at, size_t size)
{
    if (b && b->size + size <= sizeof(b->at)) {
        memcpy(b->at + b->size, at, size);
        b->size = (uint8_t)(b->size + size);
    }
}

static int64_t frames_needed(const struct encoder *e, size_t most)
{
    int64_t frames = 0;
    size_t used = most;
    for (size_t i = 0; i < e->count; i++) {
        if (used + e->units[i].size > most)
            frames++, used = 0;
        used += e->units[i].size;
    }
    return frames;
}

static bool make_room(struct encoder *e, int64_t lead, struct error *err)
{
    int64_t last = 0;
    for (size_t i = 0; i < e->c->count; i++)
        last = e->c->cues[i].out > last ? e->c->cues[i].out : last;
    if (last > (int64_t)CAPTION_TICKS * 86400) {
        error_set(err, ERROR_TOO_BIG, "captions that go on for over 24 hours can not be 708");
        return error_fix(err,
                         "check the times; say --start when they carry the programme's labels");
    }
    e->to->lead = lead;
    e->to->count = caption_frames(last, e->rate, ROUND_UP) + lead + 4000;
    e->to->at = ARENA_ARRAY(e->c->arena, struct cc_block, (size_t)e->to->count);
    e->free_from = -lead;
    return true;
}

bool cc_encode_708(const struct captions *c, rational rate, int64_t lead, struct cc_708 *to,
                   struct caption_report *report, struct error *err)
{
    struct encoder *e = ARENA_NEW(c->arena, struct encoder);
    *e = (struct encoder){.c = c, .report = report, .to = to, .rate = rate};
    if (!make_room(e, lead, err))
        return false;
    // A block and its packet's two headers must fit into the frame's triples.
    size_t most = (size_t)(cc_triples_a_frame(rate) - 2) * 2 - 2;
    most = most > LOAD_BYTES ? LOAD_BYTES : most - 4;
    int64_t shown_until = INT64_MIN;
    int id = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct caption_cue *cue = &c->cues[i];
        if (!cue->count)
            continue;
        int64_t in = cue_frame(c, cue, cue->in, rate, report),
                out = cue_frame(c, cue, cue->out, rate, report), wanted = in;
        uint8_t before = (uint8_t)(1 << id);
        id ^= 1;
        load(e, cue, id);
        int64_t need = frames_needed(e, most);
        if (in - need < e->free_from)
            in = e->free_from + need;
        if (in != wanted)
            caption_note(report, "load time", c, cue, "in 708 it comes %lld frames late",
                         (long long)(in - wanted));
        int64_t at = in - need - 1;
        size_t used = most;
        for (size_t k = 0; k < e->count; k++) {
            if (used + e->units[k].size > most)
                at++, used = 0;
            add_bytes(block_at(e, at), e->units[k].at, e->units[k].size);
            used += e->units[k].size;
        }
        if (shown_until != INT64_MIN)
            add_bytes(block_at(e, shown_until < in ? shown_until : in),
                      (const uint8_t[]){0x8a, before}, 2);
        add_bytes(block_at(e, in), (const uint8_t[]){0x89, (uint8_t)(1 << id)}, 2);
        e->free_from = in + 1;
        shown_until = out > in ? out : in + 1;
    }
    if (shown_until != INT64_MIN)
        add_bytes(block_at(e, shown_until), (const uint8_t[]){0x8a, (uint8_t)(1 << id)}, 2);
    return true;
}
