/*
 * SubRip: a number, "00:00:01,000 --> 00:00:02,000", lines of text, an empty line.
 *
 * There is no standard. What is written about: <i> <b> <u> <font color="...">, and {\an1} .. {\an9}
 * of SubStation for the place (as on a keypad: 8 is at the top in the middle). Numbers are not
 * believed and may be missing; '.' stands for ',' in many files; an empty line inside a text is one
 * when no time line follows it.
 */
#include "formats/captions/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool number(text *t, size_t most, int64_t *value)
{
    size_t n = 0;
    while (n < t->size && n < most && isdigit((unsigned char)t->at[n]))
        n++;
    if (!n || !text_int((text){t->at, n}, value))
        return false;
    t->at += n, t->size -= n;
    return true;
}

static bool mark(text *t, const char *marks)
{
    if (!t->size || !strchr(marks, t->at[0]) || !t->at[0])
        return false;
    t->at++, t->size--;
    return true;
}

static void spaces(text *t)
{
    while (t->size && (t->at[0] == ' ' || t->at[0] == '\t'))
        t->at++, t->size--;
}

// "00:00:01,000"; the hours and the milliseconds may be missing, and have other widths.
static bool time_ms(text *t, int64_t *ms)
{
    int64_t part[3], fraction = 0;
    int parts = 0;
    do {
        if (parts == 3 || !number(t, 6, &part[parts]))
            return false;
        parts++;
    } while (mark(t, ":"));
    if (parts < 2)
        return false;
    if (mark(t, ",.")) {
        size_t before = t->size;
        if (!number(t, 3, &fraction))
            return false;
        for (size_t n = before - t->size; n < 3; n++)
            fraction *= 10;
    }
    int64_t h = parts == 3 ? part[0] : 0, m = part[parts - 2], s = part[parts - 1];
    if (m > 59 || s > 59)
        return false;
    *ms = ((h * 60 + m) * 60 + s) * 1000 + fraction;
    return true;
}

static bool time_line(text line, int64_t *in, int64_t *out)
{
    line = text_trim(line);
    if (!time_ms(&line, in))
        return false;
    spaces(&line);
    if (!text_starts(line, "-->"))
        return false;
    line.at += 3, line.size -= 3;
    spaces(&line);
    return time_ms(&line, out) && (!line.size || line.at[0] == ' ' || line.at[0] == '\t');
}

static bool font_colour(text tag, uint32_t *rgba)
{
    const char *at = memmem(tag.at, tag.size, "color", 5);
    if (!at)
        return false;
    text t = {at + 5, tag.size - (size_t)(at + 5 - tag.at)};
    t = text_trim(t);
    if (!mark(&t, "="))
        return false;
    t = text_trim(t);
    if (t.size && (t.at[0] == '"' || t.at[0] == '\'')) {
        char quote = t.at[0];
        t.at++, t.size--;
        t = text_cut(&t, quote);
    } else {
        t = text_cut(&t, ' ');
    }
    return colour_named(t, rgba);
}

// A tag that is known is taken; of another the text stays, since people do write "<3".
static bool take_tag(struct markup *m, text *t)
{
    const char *end = memchr(t->at, '>', t->size);
    if (!end || end - t->at > 200)
        return false;
    text tag = {t->at + 1, (size_t)(end - t->at) - 1};
    bool closes = tag.size && tag.at[0] == '/';
    text name = {tag.at + closes, tag.size - closes};
    text rest = name;
    name = text_trim(text_cut(&rest, ' '));
    static const struct caption_style plain;
    struct caption_style style = m->depth ? m->stack[m->depth - 1] : plain;
    bool font = name.size == 4 && strncasecmp(name.at, "font", 4) == 0;
    if (!font && (name.size != 1 || !strchr("ibuIBU", name.at[0])))
        return false;
    t->at = end + 1, t->size -= tag.size + 2;
    if (closes) {
        markup_close(m, name);
        return true;
    }
    uint32_t colour;
    if (font && font_colour(tag, &colour))
        style.colour = colour;
    style.italic |= !font && tolower((unsigned char)name.at[0]) == 'i';
    style.bold |= !font && tolower((unsigned char)name.at[0]) == 'b';
    style.underline |= !font && tolower((unsigned char)name.at[0]) == 'u';
    markup_open(m, name, style);
    return true;
}

// {\an8} and {\a6}, {\i1}, {\b0}; what else stands in such brackets is styling that we have not.
static bool take_override(struct markup *m, text *t, struct caption_report *report)
{
    const char *end = memchr(t->at, '}', t->size);
    if (t->size < 3 || t->at[1] != '\\' || !end)
        return false;
    text inner = {t->at + 2, (size_t)(end - t->at) - 2};
    t->size -= inner.size + 3;
    t->at = end + 1;
    while (inner.size) {
        text one = text_cut(&inner, '\\');
        char last = one.size ? one.at[one.size - 1] : 0;
        if (one.size == 3 && text_starts(one, "an") && last >= '1' && last <= '9') {
            static const enum caption_align across[] = {CAPTION_RIGHT, CAPTION_LEFT,
                                                        CAPTION_CENTRE};
            m->cue->align = across[(last - '0') % 3];
            m->cue->vertical = last >= '7'   ? CAPTION_TOP
                               : last >= '4' ? CAPTION_MIDDLE
                                             : CAPTION_BOTTOM;
        } else if (one.size == 2 && strchr("ibu", one.at[0]) && (last == '0' || last == '1')) {
            static const struct caption_style plain;
            struct caption_style style = m->depth ? m->stack[m->depth - 1] : plain;
            bool on = last == '1';
            *(one.at[0] == 'i'   ? &style.italic
              : one.at[0] == 'b' ? &style.bold
                                 : &style.underline) = on;
            markup_open(m, (text){one.at, 1}, style);
        } else if (one.size) {
            caption_note(report, "style", m->c, m->cue, "{\\%.*s} is left out",
                         (int)(one.size < 40 ? one.size : 40), one.at);
        }
    }
    return true;
}

static void read_line(struct markup *m, text line, struct caption_report *report)
{
    markup_line(m);
    while (line.size) {
        if ((line.at[0] == '<' && take_tag(m, &line)) ||
            (line.at[0] == '{' && take_override(m, &line, report)))
            continue;
        size_t n = 1;
        while (n < line.size && line.at[n] != '<' && line.at[n] != '{')
            n++;
        markup_words(m, (text){line.at, n});
        line.at += n, line.size -= n;
    }
}

// True when the line and what follows begin a cue: a number and a time, or a time.
static bool begins(text line, text rest)
{
    int64_t a, b, n;
    text next;
    return time_line(line, &a, &b) ||
           (text_int(text_trim(line), &n) && take_line(&rest, &next) && time_line(next, &a, &b));
}

bool srt_read(struct captions *c, text bytes, const struct caption_wish *wish,
              struct caption_report *report, struct error *err)
{
    text rest = text_as_utf8(c->arena, bytes, report), line;
    size_t at = 0;
    struct markup m = {.c = c};
    bool gap = true;
    while (take_line(&rest, &line)) {
        at++;
        int64_t in, out, n;
        text trimmed = text_trim(line);
        if (time_line(line, &in, &out)) {
            if (m.cue)
                cue_tidy(m.cue);
            m = (struct markup){.c = c, .cue = captions_add(c, err)};
            if (!m.cue)
                return false;
            m.cue->source = at;
            m.cue->in = ticks_of_ms(c, in), m.cue->out = ticks_of_ms(c, out);
            if (out < in)
                return caption_damaged(err, wish, at, "the cue ends before it begins");
            gap = false;
        } else if (!trimmed.size) {
            gap = true;
        } else if (memmem(line.at, line.size, "-->", 3) && isdigit((unsigned char)trimmed.at[0]) &&
                   memchr(line.at, ':', line.size)) {
            return caption_damaged(err, wish, at, "the times '%.*s' can not be read",
                                   (int)(trimmed.size < 60 ? trimmed.size : 60), trimmed.at);
        } else if (text_int(trimmed, &n) && (!m.cue || (gap && begins(line, rest)))) {
            continue; // the number of the next
        } else if (!m.cue) {
            return caption_damaged(err, wish, at,
                                   "'%.*s' is no number and no time like 00:00:01,000 --> "
                                   "00:00:02,000",
                                   (int)(trimmed.size < 60 ? trimmed.size : 60), trimmed.at);
        } else {
            if (gap && m.cue->count)
                caption_note(report, "lines", c, m.cue,
                             "an empty line inside the text is left out");
            gap = false;
            read_line(&m, line, report);
        }
    }
    if (m.cue)
        cue_tidy(m.cue);
    return true;
}

// ---- writing

static void add_time(struct buf *to, int64_t ticks)
{
    int64_t ms = ms_of_ticks(ticks < 0 ? 0 : ticks);
    buf_format(to, "%02d:%02d:%02d,%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
               (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void add_run(struct buf *to, const struct caption_run *r)
{
    const struct caption_style *s = &r->style;
    bool colour = s->colour && s->colour >> 8 != 0xffffff;
    if (colour)
        buf_format(to, "<font color=\"#%06x\">", s->colour >> 8);
    buf_format(to, "%s%s%s", s->bold ? "<b>" : "", s->italic ? "<i>" : "",
               s->underline ? "<u>" : "");
    buf_add(to, r->words.at, r->words.size);
    buf_format(to, "%s%s%s%s", s->underline ? "</u>" : "", s->italic ? "</i>" : "",
               s->bold ? "</b>" : "", colour ? "</font>" : "");
}

static int keypad(const struct caption_place *p)
{
    int column = p->align == CAPTION_LEFT || p->align == CAPTION_START  ? 1
                 : p->align == CAPTION_RIGHT || p->align == CAPTION_END ? 3
                                                                        : 2;
    return column + (p->vertical == CAPTION_TOP ? 6 : p->vertical == CAPTION_MIDDLE ? 3 : 0);
}

static void losses(const struct captions *c, const struct caption_cue *cue,
                   const struct caption_place *p, struct caption_report *report)
{
    if (!p->nine)
        caption_note(report, "position", c, cue, "only one of nine places is kept");
    if (cue->writing != CAPTION_ACROSS)
        caption_note(report, "writing", c, cue, "the lines run downwards");
    if (cue->mode != CAPTION_POP_ON)
        caption_note(report, "mode", c, cue, "%s becomes pop-on",
                     cue->mode == CAPTION_ROLL_UP ? "roll-up" : "paint-on");
    for (size_t i = 0; i < cue->count; i++)
        for (size_t k = 0; k < cue->lines[i].count; k++) {
            if (cue->lines[i].runs[k].ruby.size)
                caption_note(report, "ruby", c, cue, "ruby text is left out");
            if (cue->lines[i].runs[k].style.background)
                caption_note(report, "background", c, cue, "the colour behind words is left out");
        }
}

bool srt_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
               struct caption_report *report, struct error *err)
{
    (void)wish, (void)err;
    size_t number_of = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct caption_cue *cue = &c->cues[i];
        if (!cue->count)
            continue;
        struct caption_place p = cue_place(cue);
        losses(c, cue, &p, report);
        buf_format(to, "%zu\n", ++number_of);
        add_time(to, cue->in);
        buf_text(to, " --> ");
        add_time(to, cue->out);
        buf_text(to, "\n");
        if (keypad(&p) != 2)
            buf_format(to, "{\\an%d}", keypad(&p));
        for (size_t k = 0; k < cue->count; k++) {
            for (size_t n = 0; n < cue->lines[k].count; n++)
                add_run(to, &cue->lines[k].runs[n]);
            buf_text(to, "\n");
        }
        buf_text(to, "\n");
    }
    return true;
}
