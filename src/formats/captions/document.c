#include "formats/captions/document.h"
#include "formats/captions/inside.h"

#include <string.h>

enum { LINES_MOST = 20, RUNS_MOST = 200, WORDS_MOST = 4000 };

static const char *const aligns[] = {"centre", "start", "end", "left", "right"};
static const char *const verticals[] = {"bottom", "top", "middle"};
static const char *const writings[] = {"across", "down-rl", "down-lr"};
static const char *const modes[] = {"pop-on", "roll-up", "paint-on"};
static const char *const kinds[] = {"subtitle", "sdh", "forced", "cc"};
#define COUNT(list) (sizeof(list) / sizeof(list[0]))

// ---- writing

static void put_colour(json_t *to, const char *name, uint32_t rgba)
{
    char hex[12];
    snprintf(hex, sizeof(hex), "#%08x", rgba);
    if (rgba)
        json_object_set_new(to, name, json_string(hex));
}

static void put_flag(json_t *to, const char *name, bool value)
{
    if (value)
        json_object_set_new(to, name, json_true());
}

static json_t *run_json(const struct caption_run *r)
{
    json_t *to = json_pack("{s:s%}", "t", r->words.at ? r->words.at : "", r->words.size);
    put_flag(to, "i", r->style.italic);
    put_flag(to, "b", r->style.bold);
    put_flag(to, "u", r->style.underline);
    put_colour(to, "c", r->style.colour);
    put_colour(to, "bg", r->style.background);
    if (r->ruby.size)
        json_object_set_new(to, "ruby", json_stringn(r->ruby.at, r->ruby.size));
    return to;
}

static json_t *cue_json(const struct captions *c, const struct caption_cue *cue)
{
    json_t *lines = json_array(), *cells = json_array();
    bool placed = false;
    for (size_t i = 0; i < cue->count; i++) {
        json_t *runs = json_array();
        for (size_t k = 0; k < cue->lines[i].count; k++)
            json_array_append_new(runs, run_json(&cue->lines[i].runs[k]));
        json_array_append_new(lines, runs);
        json_array_append_new(cells, json_pack("[i,i]", cue->lines[i].row, cue->lines[i].column));
        placed = placed || cue->lines[i].row;
    }
    json_t *to = json_pack("{s:I, s:I, s:o, s:s, s:s, s:s}", "in",
                           (json_int_t)caption_frames(cue->in, c->rate.fps, ROUND_NEAREST), "out",
                           (json_int_t)caption_frames(cue->out, c->rate.fps, ROUND_NEAREST),
                           "lines", lines, "align", aligns[cue->align], "vertical",
                           verticals[cue->vertical], "mode", modes[cue->mode]);
    if (placed)
        json_object_set(to, "cells", cells);
    json_decref(cells);
    if (cue->box.said)
        json_object_set_new(
            to, "box",
            json_pack("[i,i,i,i]", cue->box.x, cue->box.y, cue->box.width, cue->box.height));
    if (cue->writing != CAPTION_ACROSS)
        json_object_set_new(to, "writing", json_string(writings[cue->writing]));
    if (cue->mode == CAPTION_ROLL_UP)
        json_object_set_new(to, "rows", json_integer(cue->roll_rows));
    put_flag(to, "forced", cue->forced);
    if (cue->name.size)
        json_object_set_new(to, "name", json_stringn(cue->name.at, cue->name.size));
    return to;
}

json_t *caption_document(const struct captions *c)
{
    json_t *cues = json_array();
    for (size_t i = 0; i < c->count; i++)
        json_array_append_new(cues, cue_json(c, &c->cues[i]));
    return json_pack("{s:s, s:i, s:b, s:I, s:s%, s:s, s:o}", "rate",
                     rational_text(c->rate.fps).text, "base", c->rate.base, "drop", c->rate.drop,
                     "start", (json_int_t)c->start, "language",
                     c->language.at ? c->language.at : "", c->language.size, "kind", kinds[c->kind],
                     "cues", cues);
}

json_t *caption_report_json(const struct caption_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const struct caption_note *n = &r->notes[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s}", "group", n->group, "cue",
                                              (json_int_t)n->cue, "line", (json_int_t)n->source,
                                              "what", n->what));
    }
    return list;
}

json_t *caption_findings_json(const struct captions *c, const struct caption_findings *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->count; i++) {
        const struct caption_finding *one = &f->at[i];
        int64_t frame = caption_frames(one->at, c->rate.fps, ROUND_NEAREST);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s}", "rule",
                                              one->rule, "clause", one->clause, "cue",
                                              (json_int_t)one->cue, "line", (json_int_t)one->source,
                                              "frame", (json_int_t)frame, "timecode",
                                              tc_format(c->start + frame, &c->rate).text, "seen",
                                              one->seen, "allowed", one->allowed));
    }
    return list;
}

// ---- reading

static bool wrong(struct error *err, size_t cue, const char *what)
{
    error_set(err, ERROR_INPUT, "the captions can not be used");
    return cue ? error_why(err, "cue %zu: %s", cue, what) : error_why(err, "%s", what);
}

static int word_of(const json_t *object, const char *name, const char *const *words, size_t count)
{
    const char *said = json_string_value(json_object_get(object, name));
    for (size_t i = 0; said && i < count; i++)
        if (strcmp(words[i], said) == 0)
            return (int)i;
    return 0;
}

static uint32_t colour_of(const json_t *object, const char *name)
{
    const char *said = json_string_value(json_object_get(object, name));
    uint32_t rgba = 0;
    return said && colour_named(text_of(said), &rgba) ? rgba : 0;
}

static text words_of(struct arena *a, const json_t *value)
{
    size_t size = json_is_string(value) ? json_string_length(value) : 0;
    size = size > WORDS_MOST ? WORDS_MOST : size;
    char *at = arena_copy(a, size ? json_string_value(value) : "", size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)at[i] < ' ')
            at[i] = ' ';
    while (size && !text_utf8((text){at, size}))
        size--; // cut inside a letter
    return (text){at, size};
}

static int within(const json_t *list, size_t index, int least, int most)
{
    json_int_t value = json_integer_value(json_array_get(list, index));
    return value < least ? least : value > most ? most : (int)value;
}

static bool read_line(struct captions *c, struct caption_cue *cue, const json_t *runs,
                      const json_t *cell, size_t number, struct error *err)
{
    size_t i;
    const json_t *run;
    struct caption_line *line = cue_line(c, cue);
    line->row = within(cell, 0, 0, CAPTION_ROWS);
    line->column = within(cell, 1, 0, CAPTION_COLUMNS - 1);
    if (!json_is_array(runs) || json_array_size(runs) > RUNS_MOST)
        return wrong(err, number, "a line is no list, or has too many parts");
    json_array_foreach((json_t *)(uintptr_t)runs, i, run)
    {
        struct caption_style style = {.colour = colour_of(run, "c"),
                                      .background = colour_of(run, "bg"),
                                      .italic = json_is_true(json_object_get(run, "i")),
                                      .bold = json_is_true(json_object_get(run, "b")),
                                      .underline = json_is_true(json_object_get(run, "u"))};
        text words = words_of(c->arena, json_object_get(run, "t"));
        text ruby = words_of(c->arena, json_object_get(run, "ruby"));
        line->apart = ruby.size > 0;
        line_add(c, line, words, &style);
        if (ruby.size && line->count)
            line->runs[line->count - 1].ruby = ruby, line->apart = true;
    }
    return true;
}

static bool read_cue(struct captions *c, const json_t *from, size_t number, struct error *err)
{
    const json_t *in = json_object_get(from, "in"), *out = json_object_get(from, "out"),
                 *lines = json_object_get(from, "lines"), *box = json_object_get(from, "box"),
                 *cells = json_object_get(from, "cells");
    int64_t most = rescale(86400, (rational){1, 1}, c->rate.fps, ROUND_DOWN);
    if (!json_is_integer(in) || !json_is_integer(out) || json_integer_value(in) < 0 ||
        json_integer_value(out) <= json_integer_value(in) || json_integer_value(out) > most)
        return wrong(err, number, "its in and out are no frames, or it has no length");
    if (!json_is_array(lines) || json_array_size(lines) > LINES_MOST)
        return wrong(err, number, "its lines are no list, or too many");
    struct caption_cue *cue = captions_add(c, err);
    if (!cue)
        return false;
    cue->in = caption_ticks(json_integer_value(in), c->rate.fps);
    cue->out = caption_ticks(json_integer_value(out), c->rate.fps);
    cue->align = (enum caption_align)word_of(from, "align", aligns, COUNT(aligns));
    cue->vertical = (enum caption_vertical)word_of(from, "vertical", verticals, COUNT(verticals));
    cue->writing = (enum caption_writing)word_of(from, "writing", writings, COUNT(writings));
    cue->mode = (enum caption_mode)word_of(from, "mode", modes, COUNT(modes));
    int rows = (int)json_integer_value(json_object_get(from, "rows"));
    cue->roll_rows = cue->mode != CAPTION_ROLL_UP ? 0 : rows < 2 ? 2 : rows > 4 ? 4 : rows;
    cue->forced = json_is_true(json_object_get(from, "forced"));
    cue->name = words_of(c->arena, json_object_get(from, "name"));
    cue->source = number;
    if (json_array_size(box) == 4)
        cue->box = (struct caption_box){
            true, within(box, 0, 0, CAPTION_GRID), within(box, 1, 0, CAPTION_GRID),
            within(box, 2, 0, CAPTION_GRID), within(box, 3, 0, CAPTION_GRID)};
    for (size_t i = 0; i < json_array_size(lines); i++)
        if (!read_line(c, cue, json_array_get(lines, i), json_array_get(cells, i), number, err))
            return false;
    return true;
}

bool caption_document_read(struct arena *a, const json_t *from, const struct tc_rate *rate,
                           int64_t start, struct captions **to, struct error *err)
{
    struct caption_wish wish = {
        .rate_said = true, .rate = *rate, .start_said = true, .start = start};
    struct captions *c = captions_new(a, &wish);
    const json_t *cues = json_object_get(from, "cues"), *cue;
    size_t i;
    if (!json_is_array(cues))
        return wrong(err, 0, "there are no \"cues\"");
    c->language = words_of(a, json_object_get(from, "language"));
    c->kind = (enum caption_kind)word_of(from, "kind", kinds, COUNT(kinds));
    json_array_foreach((json_t *)(uintptr_t)cues, i, cue)
    {
        if (!read_cue(c, cue, i + 1, err))
            return false;
    }
    captions_sort(c);
    *to = c;
    return true;
}
