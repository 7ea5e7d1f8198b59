/*
 * Spruce STL, as DVD authoring takes it: "$Name = value" settings that hold until changed, comments
 * behind //, and lines "00:00:01:00 , 00:00:03:12 , text". Labels count the programme's frames.
 * ^I, ^B and ^U switch italics, bold and underline; | ends a line.
 */
#include "formats/captions/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct spruce {
    struct captions *c;
    const struct caption_wish *wish;
    struct caption_report *report;
    struct caption_style style; // as $Bold, $Italic, $Underlined say
    enum caption_align align;
    enum caption_vertical vertical;
    size_t at;
};

static bool word_is(text t, const char *word)
{
    return t.size == strlen(word) && strncasecmp(t.at, word, t.size) == 0;
}

static void setting(struct spruce *s, text line)
{
    text value = line;
    text name = text_trim(text_cut(&value, '='));
    value = text_trim(value);
    bool on = word_is(value, "true");
    if (word_is(name, "$Bold"))
        s->style.bold = on;
    else if (word_is(name, "$Italic"))
        s->style.italic = on;
    else if (word_is(name, "$UnderLined"))
        s->style.underline = on;
    else if (word_is(name, "$HorzAlign"))
        s->align = word_is(value, "left")    ? CAPTION_LEFT
                   : word_is(value, "right") ? CAPTION_RIGHT
                                             : CAPTION_CENTRE;
    else if (word_is(name, "$VertAlign"))
        s->vertical = word_is(value, "top")      ? CAPTION_TOP
                      : word_is(value, "center") ? CAPTION_MIDDLE
                                                 : CAPTION_BOTTOM;
    else if (!word_is(name, "$FontName") && !word_is(name, "$FontSize"))
        caption_note(s->report, "style", s->c, NULL, "line %zu: %.*s is left out", s->at,
                     (int)(line.size < 60 ? line.size : 60), line.at);
}

static void read_words(struct spruce *s, struct caption_cue *cue, text words)
{
    struct caption_style style = s->style;
    struct caption_line *line = cue_line(s->c, cue);
    while (words.size) {
        size_t n = 0;
        while (n < words.size && words.at[n] != '^' && words.at[n] != '|')
            n++;
        line_add(s->c, line, (text){words.at, n}, &style);
        words.at += n, words.size -= n;
        if (!words.size)
            return;
        char code = words.size > 1 ? (char)toupper((unsigned char)words.at[1]) : 0;
        bool *what = code == 'I'   ? &style.italic
                     : code == 'B' ? &style.bold
                     : code == 'U' ? &style.underline
                                   : NULL;
        size_t used = 1;
        if (words.at[0] == '|') {
            line = cue_line(s->c, cue);
        } else if (what) {
            *what = !*what;
            used = 2;
        } else {
            line_add(s->c, line, (text){words.at, 1}, &style);
        }
        words.at += used, words.size -= used;
    }
}

static bool read_cue(struct spruce *s, text line, struct error *err)
{
    struct captions *c = s->c;
    text rest = line;
    text in = text_trim(text_cut(&rest, ',')), out = text_trim(text_cut(&rest, ','));
    int64_t first, behind;
    struct error why;
    if (!tc_parse(in, &c->rate, &first, &why) || !tc_parse(out, &c->rate, &behind, &why))
        return caption_damaged(err, s->wish, s->at, "%s: %s", why.what, why.why);
    if (behind < first)
        return caption_damaged(err, s->wish, s->at, "the cue ends before it begins");
    struct caption_cue *cue = captions_add(c, err);
    if (!cue)
        return false;
    cue->source = s->at;
    cue->in = caption_ticks(first - c->start, c->rate.fps);
    cue->out = caption_ticks(behind - c->start, c->rate.fps);
    cue->align = s->align, cue->vertical = s->vertical;
    read_words(s, cue, text_trim(rest));
    if (!cue_tidy(cue))
        c->count--;
    return true;
}

bool spruce_read(struct captions *c, text bytes, const struct caption_wish *wish,
                 struct caption_report *report, struct error *err)
{
    if (!wish->rate_said) {
        error_set(err, ERROR_INPUT, "%s counts frames and does not say at which rate",
                  wish->name ? wish->name : "a Spruce STL file");
        return error_fix(err, "say it with --rate");
    }
    struct spruce s = {.c = c, .wish = wish, .report = report};
    text rest = text_as_utf8(c->arena, bytes, report), line;
    while (take_line(&rest, &line)) {
        s.at++;
        line = text_trim(line);
        if (!line.size || text_starts(line, "//"))
            continue;
        if (line.at[0] == '$')
            setting(&s, line);
        else if (!read_cue(&s, line, err))
            return false;
    }
    return true;
}

// ---- writing

static void add_words(const struct captions *c, const struct caption_cue *cue, struct buf *to,
                      struct caption_report *report)
{
    for (size_t k = 0; k < cue->count; k++) {
        if (k)
            buf_text(to, "|");
        for (size_t n = 0; n < cue->lines[k].count; n++) {
            const struct caption_run *r = &cue->lines[k].runs[n];
            const struct caption_style *y = &r->style;
            char on[8];
            snprintf(on, sizeof(on), "%s%s%s", y->bold ? "^B" : "", y->italic ? "^I" : "",
                     y->underline ? "^U" : "");
            if ((y->colour && colour_index8(y->colour) != 7) || y->background)
                caption_note(report, "colour", c, cue, "colours are left out");
            if (r->ruby.size)
                caption_note(report, "ruby", c, cue, "ruby text is left out");
            buf_text(to, on);
            for (size_t i = 0; i < r->words.size; i++) {
                char letter = r->words.at[i];
                buf_add(to, letter == '|' ? "/" : letter == '\n' ? " " : &letter, 1);
                if (letter == '|')
                    caption_note(report, "glyph", c, cue, "| ends a line here: written as /");
            }
            buf_text(to, on);
        }
    }
}

bool spruce_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
                  struct caption_report *report, struct error *err)
{
    static const char *const sides[] = {"Bottom", "Top", "Center"};
    (void)wish;
    if (!c->rate_said) {
        error_set(err, ERROR_INPUT, "a file with labels needs the programme's rate");
        return error_fix(err, "say it with --rate");
    }
    buf_text(to, "$FontName = Arial\n$FontSize = 30\n");
    const char *across = "", *down = "";
    for (size_t i = 0; i < c->count; i++) {
        const struct caption_cue *cue = &c->cues[i];
        if (!cue->count)
            continue;
        struct caption_place p = cue_place(cue);
        const char *a = p.align == CAPTION_LEFT || p.align == CAPTION_START  ? "Left"
                        : p.align == CAPTION_RIGHT || p.align == CAPTION_END ? "Right"
                                                                             : "Center";
        const char *d = sides[p.vertical];
        if (!p.nine)
            caption_note(report, "position", c, cue, "only one of nine places is kept");
        if (cue->mode != CAPTION_POP_ON)
            caption_note(report, "mode", c, cue, "%s becomes pop-on",
                         cue->mode == CAPTION_ROLL_UP ? "roll-up" : "paint-on");
        if (cue->writing != CAPTION_ACROSS)
            caption_note(report, "writing", c, cue, "the lines run downwards");
        if (strcmp(a, across) != 0)
            buf_format(to, "$HorzAlign = %s\n", across = a);
        if (strcmp(d, down) != 0)
            buf_format(to, "$VertAlign = %s\n", down = d);
        int64_t in = cue_frame(c, cue, cue->in, c->rate.fps, report),
                out = cue_frame(c, cue, cue->out, c->rate.fps, report);
        buf_format(to, "%s , %s , ", tc_format(c->start + in, &c->rate).text,
                   tc_format(c->start + out, &c->rate).text);
        add_words(c, cue, to, report);
        buf_text(to, "\n");
    }
    return true;
}
