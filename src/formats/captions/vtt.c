/*
 * WebVTT (W3C): blocks parted by empty lines: WEBVTT, then NOTE, STYLE, REGION, or cues.
 *
 * Of a cue's settings `line`, `position`, `size`, `align` and `vertical` are the box: the line is
 * where the box's upper edge (or lower one, with ",end") stands, the position where its left,
 * middle or right stands, as its alignment says. Numbers of lines count rows of about 1/15 of the
 * height. Colours are the classes that the standard gives names (5.1): <c.yellow>, <c.bg_blue>.
 * Style sheets are not read: what they say about a class of their own is in the report.
 */
#include "formats/captions/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool digits(text *t, size_t least, size_t most, int64_t *value)
{
    size_t n = 0;
    while (n < t->size && n < most && isdigit((unsigned char)t->at[n]))
        n++;
    if (n < least || !text_int((text){t->at, n}, value))
        return false;
    t->at += n, t->size -= n;
    return true;
}

static bool mark(text *t, char c)
{
    if (!t->size || t->at[0] != c)
        return false;
    t->at++, t->size--;
    return true;
}

static bool time_ms(text *t, int64_t *ms)
{
    int64_t h = 0, m, s, f;
    if (!digits(t, 1, 9, &m) || !mark(t, ':') || !digits(t, 2, 2, &s))
        return false;
    if (mark(t, ':')) {
        h = m, m = s;
        if (!digits(t, 2, 2, &s))
            return false;
    }
    if (!mark(t, '.') || !digits(t, 3, 3, &f) || m > 59 || s > 59)
        return false;
    *ms = ((h * 60 + m) * 60 + s) * 1000 + f;
    return true;
}

static bool times(text *line, int64_t *in, int64_t *out)
{
    *line = text_trim(*line);
    if (!time_ms(line, in))
        return false;
    *line = text_trim(*line);
    if (!text_starts(*line, "-->"))
        return false;
    line->at += 3, line->size -= 3;
    *line = text_trim(*line);
    return time_ms(line, out);
}

// ---- settings

static bool percent(text t, int *value) // "12.5%" in CAPTION_GRID
{
    if (!t.size || t.at[t.size - 1] != '%')
        return false;
    t.size--;
    int64_t whole, part = 0;
    if (!digits(&t, 1, 3, &whole))
        return false;
    if (mark(&t, '.')) {
        char two[3] = {t.size ? t.at[0] : '0', t.size > 1 ? t.at[1] : '0', 0};
        if (!text_int(text_of(two), &part))
            return false;
    } else if (t.size) {
        return false;
    }
    *value = (int)(whole * 100 + part);
    return *value <= CAPTION_GRID;
}

struct settings {
    int line, position, size;
    bool line_said, line_end, line_middle, position_said, from_bottom;
    int position_side; // -1 left edge, 0 middle, 1 right edge; 9: as the alignment
};

static void one_setting(struct caption_cue *cue, struct settings *s, text name, text value)
{
    text side = value;
    text first = text_cut(&side, ',');
    int64_t rows;
    if (text_is(name, "vertical")) {
        cue->writing = text_is(value, "rl")   ? CAPTION_DOWN_RL
                       : text_is(value, "lr") ? CAPTION_DOWN_LR
                                              : CAPTION_ACROSS;
    } else if (text_is(name, "line")) {
        s->line_end = text_is(side, "end"), s->line_middle = text_is(side, "center");
        s->line_said = percent(first, &s->line);
        if (!s->line_said && text_int(first, &rows) && rows > -100 && rows < 100) {
            s->line_said = true;
            s->from_bottom = rows < 0;
            s->line = (int)(rows < 0 ? CAPTION_GRID + (rows + 1) * 533 : rows * 533);
            s->line = s->line < 0 ? 0 : s->line > CAPTION_GRID ? CAPTION_GRID : s->line;
        }
    } else if (text_is(name, "position")) {
        s->position_said = percent(first, &s->position);
        s->position_side = text_is(side, "line-left")    ? -1
                           : text_is(side, "line-right") ? 1
                           : text_is(side, "center")     ? 0
                                                         : 9;
    } else if (text_is(name, "size")) {
        if (!percent(value, &s->size))
            s->size = CAPTION_GRID;
    } else if (text_is(name, "align")) {
        static const char *const names[] = {"center", "start", "end", "left", "right"};
        for (int i = 0; i < 5; i++)
            if (text_is(value, names[i]))
                cue->align = (enum caption_align)i;
        if (text_is(value, "middle")) // of drafts, still about
            cue->align = CAPTION_CENTRE;
    }
}

static void read_settings(struct caption_cue *cue, text line)
{
    struct settings s = {.size = CAPTION_GRID, .position_side = 9};
    while (line.size) {
        text value = text_cut(&line, ' ');
        text name = text_cut(&value, ':');
        one_setting(cue, &s, text_trim(name), text_trim(value));
    }
    if (!s.line_said && !s.position_said && s.size == CAPTION_GRID)
        return;
    bool left = cue->align == CAPTION_LEFT || cue->align == CAPTION_START;
    bool right = cue->align == CAPTION_RIGHT || cue->align == CAPTION_END;
    int side = s.position_side != 9 ? s.position_side : left ? -1 : right ? 1 : 0;
    int position = s.position_said ? s.position : side < 0 ? 0 : side > 0 ? CAPTION_GRID : 5000;
    int most = side < 0          ? CAPTION_GRID - position
               : side > 0        ? position
               : position < 5000 ? 2 * position
                                 : 2 * (CAPTION_GRID - position);
    int width = s.size < most ? s.size : most;
    int x = side < 0 ? position : side > 0 ? position - width : position - width / 2;
    int y = !s.line_said ? 0 : s.line_end || s.from_bottom ? 0 : s.line;
    int bottom = s.line_said && (s.line_end || s.from_bottom) ? s.line : CAPTION_GRID;
    cue->vertical = !s.line_said || s.line_end || s.from_bottom ? CAPTION_BOTTOM : CAPTION_TOP;
    cue->box = (struct caption_box){true, x, y, width, bottom - y};
}

// ---- text

static void style_of_classes(struct caption_style *style, text classes, struct markup *m,
                             struct caption_report *report)
{
    while (classes.size) {
        text one = text_cut(&classes, '.');
        bool behind = text_starts(one, "bg_");
        uint32_t colour;
        if (colour_named(behind ? (text){one.at + 3, one.size - 3} : one, &colour))
            *(behind ? &style->background : &style->colour) = colour;
        else if (one.size)
            caption_note(report, "style", m->c, m->cue, "the class %.*s is left out",
                         (int)(one.size < 40 ? one.size : 40), one.at);
    }
}

struct ruby { // <ruby>words<rt>text</rt></ruby>
    bool in_text;
    struct buf text;
};

static void take_tag(struct markup *m, text tag, struct ruby *ruby, struct caption_report *report)
{
    static const struct caption_style plain;
    struct caption_style style = m->depth ? m->stack[m->depth - 1] : plain;
    bool closes = tag.size && tag.at[0] == '/';
    text rest = {tag.at + closes, tag.size - closes};
    size_t n = 0;
    while (n < rest.size && rest.at[n] != ' ' && rest.at[n] != '\t')
        n++;
    text words = text_trim((text){rest.at + n, rest.size - n}), classes = {rest.at, n};
    text name = text_cut(&classes, '.');
    if (closes) {
        if (text_is(name, "rt") && ruby->in_text) {
            ruby->in_text = false;
            if (m->line->count && ruby->text.size)
                m->line->runs[m->line->count - 1].ruby = (text){
                    arena_copy(m->c->arena, ruby->text.at, ruby->text.size), ruby->text.size};
            ruby->text.size = 0;
        }
        markup_close(m, name);
        return;
    }
    if (text_is(name, "ruby"))
        m->line->apart = true;
    if (text_is(name, "rt"))
        ruby->in_text = true;
    else if (text_is(name, "v") && !m->cue->name.size)
        m->cue->name = words;
    style.italic |= text_is(name, "i");
    style.bold |= text_is(name, "b");
    style.underline |= text_is(name, "u");
    style_of_classes(&style, classes, m, report);
    if (name.size && !isdigit((unsigned char)name.at[0]))
        markup_open(m, name, style);
    else
        caption_note(report, "karaoke", m->c, m->cue, "a time inside the text is left out");
}

static void add_words(struct markup *m, struct ruby *ruby, text words)
{
    if (ruby->in_text)
        buf_add(&ruby->text, words.at, words.size);
    else
        markup_words(m, words);
}

static void read_line(struct markup *m, text line, struct ruby *ruby, struct caption_report *report)
{
    markup_line(m);
    while (line.size) {
        const char *end;
        if (line.at[0] == '<' && (end = memchr(line.at, '>', line.size))) {
            size_t size = (size_t)(end - line.at);
            take_tag(m, (text){line.at + 1, size - 1}, ruby, report);
            line.at += size + 1, line.size -= size + 1;
            continue;
        }
        if (line.at[0] == '&' && (end = memchr(line.at, ';', line.size < 12 ? line.size : 12))) {
            size_t size = (size_t)(end - line.at);
            uint32_t letter = entity((text){line.at + 1, size - 1});
            if (letter) {
                char utf8[4];
                size_t used = put_letter(letter, utf8);
                add_words(m, ruby, (text){arena_copy(m->c->arena, utf8, used), used});
                line.at += size + 1, line.size -= size + 1;
                continue;
            }
        }
        size_t n = 1;
        while (n < line.size && line.at[n] != '<' && line.at[n] != '&')
            n++;
        add_words(m, ruby, (text){line.at, n});
        line.at += n, line.size -= n;
    }
}

static bool read_cue(struct captions *c, text line, text name, text *rest, size_t *at,
                     const struct caption_wish *wish, struct caption_report *report,
                     struct error *err)
{
    int64_t in, out;
    text settings = line;
    if (!times(&settings, &in, &out))
        return caption_damaged(err, wish, *at, "'%.*s' has not the form 00:01.000 --> 00:02.000",
                               (int)(line.size < 60 ? line.size : 60), line.at);
    if (out < in)
        return caption_damaged(err, wish, *at, "the cue ends before it begins");
    struct markup m = {.c = c, .cue = captions_add(c, err)};
    if (!m.cue)
        return false;
    m.cue->source = *at;
    m.cue->in = ticks_of_ms(c, in), m.cue->out = ticks_of_ms(c, out);
    read_settings(m.cue, text_trim(settings));
    struct ruby ruby = {.text = BUF_LIMIT(4096)};
    while (take_line(rest, &line)) {
        ++*at;
        if (!line.size)
            break;
        read_line(&m, line, &ruby, report);
    }
    buf_free(&ruby.text);
    if (!m.cue->name.size)
        m.cue->name = name;
    cue_tidy(m.cue);
    return true;
}

static bool is_block(text line, const char *name)
{
    size_t size = strlen(name);
    return text_starts(line, name) &&
           (line.size == size || line.at[size] == ' ' || line.at[size] == '\t');
}

bool vtt_read(struct captions *c, text bytes, const struct caption_wish *wish,
              struct caption_report *report, struct error *err)
{
    text rest = text_as_utf8(c->arena, bytes, report), line;
    size_t at = 1;
    if (!take_line(&rest, &line) || !is_block(line, "WEBVTT"))
        return caption_damaged(err, wish, 1, "a WebVTT file begins with the line WEBVTT");
    bool in_block = true; // the header may go on for some lines
    while (take_line(&rest, &line)) {
        at++;
        if (!text_trim(line).size) {
            in_block = false;
            continue;
        }
        if (in_block) {
            if (text_starts(line, "Language:") && !c->language.size)
                c->language = text_trim((text){line.at + 9, line.size - 9});
            if (!memmem(line.at, line.size, "-->", 3))
                continue;
        }
        if (is_block(line, "NOTE") || is_block(line, "STYLE") || is_block(line, "REGION")) {
            if (line.at[0] != 'N')
                caption_note(report, "style", c, NULL, "line %zu: a %s block is left out", at,
                             line.at[0] == 'S' ? "STYLE" : "REGION");
            in_block = true;
            continue;
        }
        text name = {0};
        if (!memmem(line.at, line.size, "-->", 3)) {
            name = text_trim(line);
            if (!take_line(&rest, &line))
                return caption_damaged(err, wish, at, "nothing follows '%.*s'",
                                       (int)(name.size < 60 ? name.size : 60), name.at);
            at++;
        }
        in_block = false;
        if (!read_cue(c, line, name, &rest, &at, wish, report, err))
            return false;
    }
    return true;
}

// ---- writing

static void add_time(struct buf *to, int64_t ticks)
{
    int64_t ms = ms_of_ticks(ticks < 0 ? 0 : ticks);
    buf_format(to, "%02d:%02d:%02d.%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
               (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void add_escaped(struct buf *to, text t)
{
    for (size_t i = 0; i < t.size; i++) {
        if (t.at[i] == '&')
            buf_text(to, "&amp;");
        else if (t.at[i] == '<')
            buf_text(to, "&lt;");
        else if (t.at[i] == '>')
            buf_text(to, "&gt;");
        else
            buf_add(to, &t.at[i], 1);
    }
}

static void add_percent(struct buf *to, const char *name, int value)
{
    if (value % 100)
        buf_format(to, " %s:%d.%02d%%", name, value / 100, value % 100);
    else
        buf_format(to, " %s:%d%%", name, value / 100);
}

static void add_settings(struct buf *to, const struct caption_cue *cue)
{
    static const char *const names[] = {"center", "start", "end", "left", "right"};
    struct caption_place p = cue_place(cue);
    if (cue->writing != CAPTION_ACROSS)
        buf_text(to, cue->writing == CAPTION_DOWN_RL ? " vertical:rl" : " vertical:lr");
    bool box = cue->box.said || cue->count == 0 || cue->lines[0].row > 0;
    if (!p.usual && (box || p.vertical != CAPTION_BOTTOM || p.align != CAPTION_CENTRE)) {
        int left = p.box.x, right = left + p.box.width;
        int position = p.align == CAPTION_LEFT || p.align == CAPTION_START  ? left
                       : p.align == CAPTION_RIGHT || p.align == CAPTION_END ? right
                                                                            : (left + right) / 2;
        if (p.vertical == CAPTION_BOTTOM && p.box.y + p.box.height < CAPTION_GRID) {
            add_percent(to, "line", p.box.y + p.box.height);
            buf_text(to, ",end");
        } else if (p.vertical == CAPTION_MIDDLE) {
            add_percent(to, "line", p.box.y + p.box.height / 2);
            buf_text(to, ",center");
        } else if (p.vertical == CAPTION_TOP) {
            add_percent(to, "line", p.box.y);
        }
        if (position != 5000 || p.align != CAPTION_CENTRE)
            add_percent(to, "position", position);
        if (cue->box.said)
            add_percent(to, "size", p.box.width);
    }
    if (p.align != CAPTION_CENTRE)
        buf_format(to, " align:%s", names[p.align]);
}

static void add_run(struct buf *to, const struct captions *c, const struct caption_cue *cue,
                    const struct caption_run *r, struct caption_report *report)
{
    const struct caption_style *s = &r->style;
    bool colour = s->colour && s->colour >> 8 != 0xffffff, behind = s->background != 0;
    uint32_t named;
    if (colour && (!colour_named(text_of(colour_name8(s->colour)), &named) || named != s->colour))
        caption_note(report, "colour", c, cue, "#%08x becomes %s", s->colour,
                     colour_name8(s->colour));
    if (colour || behind) {
        buf_text(to, "<c");
        if (colour)
            buf_format(to, ".%s", colour_name8(s->colour));
        if (behind)
            buf_format(to, ".bg_%s", colour_name8(s->background));
        buf_text(to, ">");
    }
    buf_format(to, "%s%s%s%s", s->bold ? "<b>" : "", s->italic ? "<i>" : "",
               s->underline ? "<u>" : "", r->ruby.size ? "<ruby>" : "");
    add_escaped(to, r->words);
    if (r->ruby.size) {
        buf_text(to, "<rt>");
        add_escaped(to, r->ruby);
        buf_text(to, "</rt></ruby>");
    }
    buf_format(to, "%s%s%s%s", s->underline ? "</u>" : "", s->italic ? "</i>" : "",
               s->bold ? "</b>" : "", colour || behind ? "</c>" : "");
}

bool vtt_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
               struct caption_report *report, struct error *err)
{
    (void)wish, (void)err;
    buf_text(to, "WEBVTT\n");
    if (c->language.size)
        buf_format(to, "Language: %.*s\n", (int)c->language.size, c->language.at);
    for (size_t i = 0; i < c->count; i++) {
        const struct caption_cue *cue = &c->cues[i];
        if (!cue->count)
            continue;
        if (cue->mode != CAPTION_POP_ON)
            caption_note(report, "mode", c, cue, "%s becomes pop-on",
                         cue->mode == CAPTION_ROLL_UP ? "roll-up" : "paint-on");
        buf_text(to, "\n");
        add_time(to, cue->in);
        buf_text(to, " --> ");
        add_time(to, cue->out);
        add_settings(to, cue);
        buf_text(to, "\n");
        for (size_t k = 0; k < cue->count; k++) {
            for (size_t n = 0; n < cue->lines[k].count; n++)
                add_run(to, c, cue, &cue->lines[k].runs[n], report);
            buf_text(to, "\n");
        }
    }
    return true;
}
