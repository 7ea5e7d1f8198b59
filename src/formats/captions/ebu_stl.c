/*
 * EBU subtitles (Tech 3264): a General Subtitle Information block of 1024 bytes, then Text and
 * Timing Information blocks of 128.
 *
 * Times are labels at 25 or 30 frames a second. The text field of 112 bytes goes on in further
 * blocks of the same number (extension blocks; the last one's number is 0xff). Its codes: 0x00-0x07
 * teletext colours (they take a space), 0x0a/0x0b end and start of the box, 0x0d double height,
 * 0x80-0x83 italics and underline, 0x8a line end, 0x8f filling.
 *
 * Written: open subtitling (display standard 0) with italics and underline; teletext level 1
 * (standard 1) in double height when words have colours, which open subtitling has not.
 */
#include "formats/captions/ebu_stl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GSI = 1024, TTI = 128, FIELD = 112 };

struct stl {
    struct captions *c;
    const struct caption_wish *wish;
    struct caption_report *report;
    struct tc_rate rate;
    int table, rows;
    bool teletext;
    int64_t start;
};

static bool block_damaged(struct error *err, const struct caption_wish *wish, size_t block,
                          const char *what)
{
    error_set(err, ERROR_DAMAGED, "%s, block %zu can not be read",
              wish->name ? wish->name : "the caption file", block);
    error_why(err, "%s", what);
    return error_fix(err, "ask its maker for it again");
}

static int number(const uint8_t *at, size_t size, int none)
{
    int64_t n;
    text t = text_trim((text){(const char *)at, size});
    return text_int(t, &n) && n >= 0 && n < 1000000 ? (int)n : none;
}

// ---- reading

static bool read_rate(struct stl *s, const uint8_t *gsi, struct error *err)
{
    int base = number(gsi + 6, 2, 0);
    struct tc_rate of;
    static const struct {
        int base;
        rational fps;
    } known[] = {{24, {24, 1}},       {25, {25, 1}}, {30, {30000, 1001}}, {23, {24000, 1001}},
                 {29, {30000, 1001}}, {50, {50, 1}}, {60, {60000, 1001}}};
    rational fps = {0, 1};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].base == base)
            fps = known[i].fps;
    if (!fps.num)
        return block_damaged(err, s->wish, 0,
                             "its disk format code names no frame rate (STL25.01)");
    const struct tc_rate *asked = &s->wish->rate;
    bool same = s->wish->rate_said && (asked->base == base || asked->base == base + 1);
    if (same) {
        s->rate = *asked;
        return true;
    }
    if (s->wish->rate_said && asked->base == 2 * base) { // 50 and 60 are counted in pairs
        s->rate = (struct tc_rate){{asked->fps.num, asked->fps.den * 2}, base, 1, asked->drop};
        return true;
    }
    if (!tc_rate_make(fps, false, &of, err))
        return false;
    s->rate = of;
    if (base == 30)
        caption_note(s->report, "time", s->c, NULL,
                     "STL30.01 is taken as 29.97 non-drop: say --rate when it is not");
    if (!s->wish->rate_said)
        captions_counted(s->c, &of);
    return true;
}

static bool label(const struct stl *s, const uint8_t *at, int64_t *frames)
{
    char words[32];
    struct error ignored;
    snprintf(words, sizeof(words), "%02d:%02d:%02d:%02d", at[0], at[1], at[2], at[3]);
    return tc_parse(text_of(words), &s->rate, frames, &ignored);
}

static void read_start(struct stl *s, const uint8_t *gsi)
{
    char words[16];
    int64_t frames;
    struct error ignored;
    snprintf(words, sizeof(words), "%.2s:%.2s:%.2s:%.2s", gsi + 256, gsi + 258, gsi + 260,
             gsi + 262);
    if (!s->wish->start_said && tc_parse(text_of(words), &s->rate, &frames, &ignored))
        s->c->start = label_frames(frames, &s->rate, &s->c->rate);
    s->start = label_frames(s->c->start, &s->c->rate, &s->rate);
}

static const uint32_t teletext[8] = {0x000000ff, 0xff0000ff, 0x00ff00ff, 0xffff00ff,
                                     0x0000ffff, 0xff00ffff, 0x00ffffff, 0};

static void read_text(struct stl *s, struct caption_cue *cue, text field)
{
    struct caption_line *line = cue_line(s->c, cue);
    struct caption_style style = {0};
    uint32_t colour = 0;
    while (field.size) {
        uint8_t code = (uint8_t)field.at[0];
        bool known = true;
        if (code < 0x08) {
            colour = style.colour = teletext[code];
        } else if (code == 0x1c) {
            style.background = 0;
        } else if (code == 0x1d) { // behind is now what the words were
            style.background = colour ? colour : 0xffffffff;
        } else if (code == 0x80 || code == 0x81) {
            style.italic = code == 0x80;
        } else if (code == 0x82 || code == 0x83) {
            style.underline = code == 0x82;
        } else if (code == 0x8a) {
            line = cue_line(s->c, cue);
            if (s->teletext)
                style = (struct caption_style){0}, colour = 0;
        } else {
            known = false;
        }
        if (code < 0x20 || known) {
            if (code < 0x20) { // takes a space, which tidying takes away at a line's ends
                static const struct caption_style plain;
                bool after = line->count > 0;
                text last = after ? line->runs[line->count - 1].words : (text){0};
                if (after && last.size && last.at[last.size - 1] != ' ')
                    line_add(s->c, line, text_of(" "), &plain);
            }
            field.at++, field.size--;
            continue;
        }
        uint32_t letter = ebu_letter(s->table, &field);
        char utf8[4];
        size_t used = letter ? put_letter(letter, utf8) : 0;
        if (used)
            line_add(s->c, line, (text){arena_copy(s->c->arena, utf8, used), used}, &style);
        else if (code >= 0xa0)
            caption_note(s->report, "glyph", s->c, cue, "the code %02x means nothing here", code);
    }
}

static void place(struct stl *s, struct caption_cue *cue, int row, int justify)
{
    static const enum caption_align aligns[] = {CAPTION_CENTRE, CAPTION_LEFT, CAPTION_CENTRE,
                                                CAPTION_RIGHT};
    cue->align = aligns[justify & 3];
    int step = s->teletext ? 2 : 1, last = row + ((int)cue->count - 1) * step;
    if (last >= s->rows - 2 || row <= 0 || row >= s->rows)
        return;
    cue->vertical = CAPTION_TOP;
    if (row > 2) // the grid: rows over the whole height
        cue->box = (struct caption_box){true, 1000, row * CAPTION_GRID / s->rows, 8000,
                                        CAPTION_GRID - row * CAPTION_GRID / s->rows};
}

static bool read_cue(struct stl *s, const uint8_t *tti, size_t block, text field, struct error *err)
{
    int64_t in, out;
    if (!label(s, tti + 5, &in) || !label(s, tti + 9, &out))
        return block_damaged(err, s->wish, block, "a time of it is no timecode");
    if (out < in)
        return block_damaged(err, s->wish, block, "it ends before it begins");
    struct caption_cue *cue = captions_add(s->c, err);
    if (!cue)
        return false;
    cue->in = caption_ticks(in - s->start, s->rate.fps);
    cue->out = caption_ticks(out - s->start, s->rate.fps);
    cue->source = block;
    read_text(s, cue, field);
    cue_tidy(cue);
    place(s, cue, tti[13], tti[14]);
    if (!cue->count)
        s->c->count--;
    return true;
}

bool ebu_stl_read(struct captions *c, text bytes, const struct caption_wish *wish,
                  struct caption_report *report, struct error *err)
{
    struct stl s = {.c = c, .wish = wish, .report = report};
    const uint8_t *gsi = (const uint8_t *)bytes.at;
    if (bytes.size < GSI || memcmp(gsi + 3, "STL", 3) != 0)
        return block_damaged(err, wish, 0, "it has no General Subtitle Information block");
    if ((bytes.size - GSI) % TTI != 0)
        caption_note(report, "damage", c, NULL, "the file ends inside a block");
    if (!read_rate(&s, gsi, err))
        return false;
    s.table = number(gsi + 12, 2, 0);
    s.table = s.table > 4 ? 0 : s.table;
    s.teletext = gsi[11] == '1' || gsi[11] == '2';
    s.rows = number(gsi + 253, 2, 23);
    s.rows = s.rows < 2 || s.rows > 99 ? 23 : s.rows;
    read_start(&s, gsi);
    char code[3] = {(char)gsi[14], (char)gsi[15], 0};
    const char *language = ebu_language((int)strtol(code, NULL, 16));
    if (language && !c->language.size)
        c->language = text_of(language);
    text title = text_trim((text){(const char *)gsi + 16, 32});
    if (text_utf8(title))
        c->title = (text){arena_copy(c->arena, title.at, title.size), title.size};
    struct buf field = BUF_LIMIT(FIELD * 256);
    bool ok = true;
    const uint8_t *first = NULL;
    size_t first_block = 0;
    for (size_t i = 0; ok && GSI + (i + 1) * TTI <= bytes.size; i++) {
        const uint8_t *tti = gsi + GSI + i * TTI;
        if (tti[3] == 0xfe || tti[15] == 1) // somebody's own data, or a comment
            continue;
        if (tti[4])
            caption_note(report, "cumulative", c, NULL,
                         "block %zu adds to the one before: its words stand by themselves", i + 1);
        if (!first)
            first = tti, first_block = i + 1;
        size_t used = FIELD;
        while (used && tti[16 + used - 1] == 0x8f)
            used--;
        buf_add(&field, tti + 16, used);
        if (tti[3] != 0xff)
            continue; // it goes on in the next block
        ok = read_cue(&s, first, first_block, (text){field.at, field.size}, err);
        field.size = 0, first = NULL;
    }
    if (ok && first)
        caption_note(report, "damage", c, NULL, "block %zu goes on in one that is not there",
                     first_block);
    buf_free(&field);
    return ok;
}

// ---- writing

static bool has_colours(const struct captions *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->cues[i].count; k++)
            for (size_t n = 0; n < c->cues[i].lines[k].count; n++) {
                uint32_t colour = c->cues[i].lines[k].runs[n].style.colour;
                if (colour && colour_index8(colour) != 7)
                    return true;
            }
    return false;
}

// The table that has most of the letters.
static int best_table(const struct captions *c)
{
    size_t missing[5] = {0};
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->cues[i].count; k++)
            for (size_t n = 0; n < c->cues[i].lines[k].count; n++)
                for (text t = c->cues[i].lines[k].runs[n].words; t.size;) {
                    uint32_t l = take_letter(&t);
                    uint8_t bytes[2];
                    for (int table = 0; table < 5; table++)
                        missing[table] += ebu_code(table, l, bytes) == 0;
                }
    int best = 0;
    for (int table = 1; table < 5; table++)
        if (missing[table] < missing[best])
            best = table;
    return best;
}

struct stl_out {
    const struct captions *c;
    struct caption_report *report;
    const struct caption_cue *cue;
    struct buf *field;
    int table;
    bool teletext;
    struct tc_rate rate;
};

static void add_byte(struct stl_out *s, int byte)
{
    buf_add(s->field, &(char){(char)byte}, 1);
}

static void add_letter(struct stl_out *s, uint32_t l)
{
    static const struct {
        uint16_t letter;
        const char *as;
    } said[] = {
        {0x2026, "..."}, {0x2013, "-"}, {0x2010, "-"}, {0x2011, "-"}, {0x266b, "\xe2\x99\xaa"}};
    uint8_t bytes[2];
    size_t size = ebu_code(s->table, l, bytes);
    for (size_t i = 0; !size && i < sizeof(said) / sizeof(said[0]); i++)
        if (said[i].letter == l && (l != 0x266b || s->table == 0)) {
            for (text t = text_of(said[i].as); t.size;)
                add_letter(s, take_letter(&t));
            return;
        }
    if (!size && l >= 0x80) {
        uint32_t base = letter_base(l);
        char utf8[5] = {0};
        put_letter(l, utf8);
        caption_note(s->report, "glyph", s->c, s->cue,
                     "table %02d has no %s (U+%04X): written as %c", s->table, utf8, l,
                     base ? (char)base : '?');
        size = 1, bytes[0] = base ? (uint8_t)base : '?';
    }
    if (size)
        buf_add(s->field, bytes, size);
}

static void add_run(struct stl_out *s, const struct caption_run *r, int *colour)
{
    const struct caption_style *y = &r->style;
    int index = y->colour ? colour_index8(y->colour) : 7;
    text words = r->words;
    if (y->colour && index != 7 && teletext[index] != y->colour)
        caption_note(s->report, "colour", s->c, s->cue, "#%08x becomes the nearest of eight",
                     y->colour);
    if (y->background && y->background >> 8)
        caption_note(s->report, "background", s->c, s->cue, "the colour behind words is left out");
    if (y->bold)
        caption_note(s->report, "bold", s->c, s->cue, "it has no bold");
    if (r->ruby.size)
        caption_note(s->report, "ruby", s->c, s->cue, "ruby text is left out");
    if (s->teletext && (y->italic || y->underline))
        caption_note(s->report, "italics", s->c, s->cue,
                     "teletext has colours and no italics or underline: colours are kept");
    if (s->teletext && index != *colour) { // the code is shown as a space
        if (s->field->size && s->field->at[s->field->size - 1] == ' ')
            s->field->size--;
        else if (words.size && words.at[0] == ' ')
            words.at++, words.size--;
        add_byte(s, index);
        *colour = index;
    }
    if (!s->teletext && y->italic)
        add_byte(s, 0x80);
    if (!s->teletext && y->underline)
        add_byte(s, 0x82);
    while (words.size)
        add_letter(s, take_letter(&words));
    if (!s->teletext && y->underline)
        add_byte(s, 0x83);
    if (!s->teletext && y->italic)
        add_byte(s, 0x81);
}

static void fill_field(struct stl_out *s, const struct caption_cue *cue)
{
    s->field->size = 0, s->cue = cue;
    if (cue->mode != CAPTION_POP_ON)
        caption_note(s->report, "mode", s->c, cue, "%s becomes pop-on",
                     cue->mode == CAPTION_ROLL_UP ? "roll-up" : "paint-on");
    if (cue->writing != CAPTION_ACROSS)
        caption_note(s->report, "writing", s->c, cue, "the lines run downwards");
    for (size_t k = 0; k < cue->count; k++) {
        int colour = 7;
        if (k)
            buf_text(s->field, s->teletext ? "\x8a\x8a" : "\x8a");
        if (s->teletext)
            buf_text(s->field, "\x0d\x0b\x0b");
        for (size_t n = 0; n < cue->lines[k].count; n++)
            add_run(s, &cue->lines[k].runs[n], &colour);
        if (s->teletext)
            buf_text(s->field, "\x0a\x0a");
    }
}

static int row_of(const struct stl_out *s, const struct caption_cue *cue, int *justify)
{
    struct caption_place p = cue_place(cue);
    int step = s->teletext ? 2 : 1, lines = (int)cue->count;
    int bottom = 23 - (lines * step - 1), row;
    *justify = p.align == CAPTION_LEFT || p.align == CAPTION_START  ? 1
               : p.align == CAPTION_RIGHT || p.align == CAPTION_END ? 3
                                                                    : 2;
    bool own = cue->box.said || cue->lines[0].row > 0;
    if (p.usual || (!own && p.vertical == CAPTION_BOTTOM))
        row = bottom;
    else if (!own)
        row = p.vertical == CAPTION_TOP ? 1 : (bottom + 1) / 2;
    else if (p.vertical == CAPTION_TOP)
        row = (p.box.y * 23 + CAPTION_GRID / 2) / CAPTION_GRID;
    else
        row = ((p.box.y + p.box.height) * 23 + CAPTION_GRID / 2) / CAPTION_GRID - lines * step + 1;
    if (own && !p.usual && (p.box.x != 1000 || p.box.width != 8000) && p.align != CAPTION_CENTRE)
        caption_note(s->report, "position", s->c, cue, "only its row and its side are kept");
    return row < 1 ? 1 : row > bottom && bottom > 0 ? bottom : row;
}

static void add_label(struct buf *to, const struct stl_out *s, int64_t frames)
{
    tc_label l = tc_format(frames, &s->rate);
    for (int i = 0; i < 4; i++)
        buf_add(to, &(char){(char)((l.text[i * 3] - '0') * 10 + l.text[i * 3 + 1] - '0')}, 1);
}

static bool add_blocks(struct stl_out *s, struct buf *to, size_t number_of, size_t *blocks)
{
    const struct caption_cue *cue = s->cue;
    int justify, row = row_of(s, cue, &justify);
    int64_t start = label_frames(s->c->start, &s->c->rate, &s->rate);
    int64_t in = cue_frame(s->c, cue, cue->in, s->rate.fps, s->report);
    int64_t out = cue_frame(s->c, cue, cue->out, s->rate.fps, s->report);
    size_t at = 0;
    for (int extension = 0; at < s->field->size || extension == 0; extension++) {
        size_t take = s->field->size - at;
        take = take > FIELD ? FIELD : take;
        bool last = at + take == s->field->size;
        if (!last && extension == 0xef)
            return false;
        const uint8_t head[5] = {0, (uint8_t)number_of, (uint8_t)(number_of >> 8),
                                 last ? 0xff : (uint8_t)extension, 0};
        buf_add(to, head, sizeof(head));
        add_label(to, s, start + in);
        add_label(to, s, start + out);
        const uint8_t tail[3] = {(uint8_t)row, (uint8_t)justify, 0};
        buf_add(to, tail, sizeof(tail));
        buf_add(to, s->field->at + at, take);
        for (; take < FIELD; take++)
            buf_add(to, "\x8f", 1);
        at += last ? s->field->size - at : FIELD;
        ++*blocks;
    }
    return true;
}

static void put(char *gsi, size_t at, size_t size, const char *words)
{
    size_t n = strlen(words);
    memcpy(gsi + at, words, n < size ? n : size);
}

static void head(const struct stl_out *s, char *gsi, size_t blocks, size_t cues, int64_t made_ms)
{
    char words[64];
    const struct captions *c = s->c;
    memset(gsi, ' ', GSI);
    put(gsi, 0, 3, "850");
    snprintf(words, sizeof(words), "STL%02d.01", s->rate.base);
    put(gsi, 3, 8, words);
    gsi[11] = s->teletext ? '1' : '0';
    snprintf(words, sizeof(words), "%02d%02X", s->table, ebu_language_code(c->language));
    put(gsi, 12, 4, words);
    struct buf title = BUF_LIMIT(64);
    for (text t = c->title; t.size;) { // what a DOS code page has in common with ours
        uint32_t l = take_letter(&t);
        uint32_t base = l < 0x80 ? l : letter_base(l);
        buf_format(&title, "%c", base >= 0x20 ? (char)base : ' ');
    }
    if (title.at)
        put(gsi, 16, 32, title.at);
    buf_free(&title);
    time_t at = (time_t)(made_ms / 1000);
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(words, sizeof(words), "%y%m%d%y%m%d", &parts); // made and revised
    put(gsi, 224, 12, words);
    put(gsi, 236, 2, "00");
    snprintf(words, sizeof(words), "%05zu%05zu001", blocks, cues);
    put(gsi, 238, 13, words);
    put(gsi, 251, 4, "4023");
    gsi[255] = '1';
    tc_label start = tc_format(label_frames(c->start, &c->rate, &s->rate), &s->rate);
    struct buf eight = BUF_LIMIT(16);
    for (int i = 0; i < 4; i++)
        buf_add(&eight, start.text + i * 3, 2);
    put(gsi, 256, 8, eight.at);
    int64_t first = c->count ? caption_frames(c->cues[0].in, s->rate.fps, ROUND_NEAREST) : 0;
    tc_label l = tc_format(label_frames(c->start, &c->rate, &s->rate) + first, &s->rate);
    eight.size = 0;
    for (int i = 0; i < 4; i++)
        buf_add(&eight, l.text + i * 3, 2);
    put(gsi, 264, 8, eight.at);
    buf_free(&eight);
    put(gsi, 272, 2, "11");
}

bool ebu_stl_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
                   struct caption_report *report, struct error *err)
{
    struct stl_out s = {
        .c = c, .report = report, .table = best_table(c), .teletext = has_colours(c)};
    if (!c->rate_said) {
        error_set(err, ERROR_INPUT, "a file with labels needs the programme's rate");
        return error_fix(err, "say it with --rate");
    }
    s.rate = c->rate;
    if (c->rate.base > 30) // 50 and 60 are counted in pairs
        s.rate = (struct tc_rate){
            {c->rate.fps.num, c->rate.fps.den * 2}, c->rate.base / 2, 1, c->rate.drop};
    if (s.rate.base != 25 && s.rate.base != 30)
        caption_note(report, "rate", c, NULL,
                     "STL%02d.01 is not in the standard, which has 25 and 30 only", s.rate.base);
    struct buf blocks = BUF_LIMIT(to->limit), field = BUF_LIMIT(FIELD * 250);
    s.field = &field;
    size_t count = 0, cues = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < c->count; i++) {
        if (!c->cues[i].count)
            continue;
        fill_field(&s, &c->cues[i]);
        ok = ++cues <= 65535 && !field.over && add_blocks(&s, &blocks, cues, &count);
    }
    if (!ok || count > 99999) {
        error_set(err, ERROR_TOO_BIG, "these captions are too many or too long for EBU STL");
        error_why(err, "it has room for 65,535 subtitles and 99,999 blocks");
        ok = false;
    } else {
        char gsi[GSI];
        head(&s, gsi, count, cues, wish->made_ms);
        buf_add(to, gsi, GSI);
        buf_add(to, blocks.at, blocks.size);
        to->over |= blocks.over;
    }
    buf_free(&blocks);
    buf_free(&field);
    return ok;
}
