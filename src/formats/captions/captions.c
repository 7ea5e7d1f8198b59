/*
 * The model: cues in an arena, the report, times, and the table of formats.
 */
#include "formats/captions/inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    struct caption_format_facts facts;
    caption_reader read;
    caption_writer write;
} formats[CAPTION_FORMATS] = {
    [CAPTION_SRT] = {{"srt", ".srt", "SubRip"}, srt_read, srt_write},
    [CAPTION_VTT] = {{"vtt", ".vtt", "WebVTT"}, vtt_read, vtt_write},
    [CAPTION_SCC] = {{"scc", ".scc", "Scenarist closed captions (608)"}, scc_read, scc_write},
    [CAPTION_MCC] = {{"mcc", ".mcc", "MacCaption (608 and 708)"}, mcc_read, mcc_write},
    [CAPTION_TTML] = {{"ttml", ".ttml", "TTML"}, ttml_read, ttml_write},
    [CAPTION_DFXP] = {{"dfxp", ".dfxp", "TTML as DFXP"}, ttml_read, dfxp_write},
    [CAPTION_IMSC] = {{"imsc", ".xml", "IMSC 1.1 text"}, ttml_read, imsc_write},
    [CAPTION_ITT] = {{"itt", ".itt", "iTunes Timed Text"}, ttml_read, itt_write},
    [CAPTION_EBU_STL] = {{"ebu-stl", ".stl", "EBU STL"}, ebu_stl_read, ebu_stl_write},
    [CAPTION_SPRUCE_STL] = {{"spruce-stl", ".stl", "Spruce STL"}, spruce_read, spruce_write},
};

const struct caption_format_facts *caption_format_facts(enum caption_format format)
{
    return &formats[format].facts;
}

bool caption_format_named(text name, enum caption_format *format)
{
    for (int i = 0; i < CAPTION_FORMATS; i++)
        if (text_is(name, formats[i].facts.name)) {
            *format = (enum caption_format)i;
            return true;
        }
    return false;
}

static bool holds(text t, const char *word)
{
    size_t size = strlen(word);
    return t.size >= size && memmem(t.at, t.size, word, size) != NULL;
}

bool caption_format_of(text bytes, const char *name, enum caption_format *format)
{
    text head = {bytes.at, bytes.size < 4096 ? bytes.size : 4096};
    if (bytes.size >= 1024 + 128 && bytes.size % 128 == 0 && memcmp(bytes.at + 3, "STL", 3) == 0) {
        *format = CAPTION_EBU_STL;
        return true;
    }
    if (text_starts(head, "\xef\xbb\xbf"))
        head.at += 3, head.size -= 3;
    head = text_trim(head);
    if (text_starts(head, "WEBVTT"))
        *format = CAPTION_VTT;
    else if (text_starts(head, "Scenarist_SCC"))
        *format = CAPTION_SCC;
    else if (text_starts(head, "File Format=MacCaption_MCC"))
        *format = CAPTION_MCC;
    else if (head.size && head.at[0] == '<')
        *format = holds(head, "itunes") || holds(head, "profile/ttml1/itt") ? CAPTION_ITT
                  : holds(head, "ttml/profile/imsc1")                       ? CAPTION_IMSC
                                                                            : CAPTION_TTML;
    else if (holds(head, "-->"))
        *format = CAPTION_SRT;
    else if (text_starts(head, "$") || (text_starts(head, "//") && holds(head, " , ")))
        *format = CAPTION_SPRUCE_STL;
    else {
        const char *dot = name ? strrchr(name, '.') : NULL;
        for (int i = 0; dot && i < CAPTION_FORMATS; i++)
            if (formats[i].facts.ending && strcasecmp(dot, formats[i].facts.ending) == 0 &&
                i != CAPTION_EBU_STL) {
                *format = (enum caption_format)i;
                return true;
            }
        return false;
    }
    return true;
}

static bool before_start(const struct captions *c, const struct caption_wish *wish,
                         struct error *err)
{
    const struct caption_cue *cue = &c->cues[0];
    int64_t frame = caption_frames(cue->in, c->rate.fps, ROUND_DOWN);
    error_set(err, ERROR_INPUT, "%s does not fit a programme that begins at %s",
              wish->name ? wish->name : "the caption file", tc_format(c->start, &c->rate).text);
    error_why(err, "line %zu stands at %s, before its first frame", cue->source,
              tc_format(c->start + frame, &c->rate).text);
    return error_fix(err, "say the right --start; or it is another programme's file");
}

bool captions_read(struct arena *a, text bytes, enum caption_format format,
                   const struct caption_wish *wish, struct captions **to,
                   struct caption_report *report, struct error *err)
{
    if (bytes.size > CAPTION_INPUT_BYTES) {
        error_set(err, ERROR_TOO_BIG, "%s is too big for captions", wish->name ? wish->name : "it");
        error_why(err, "it has %s, and %s is the most", size_text((int64_t)bytes.size).text,
                  size_text(CAPTION_INPUT_BYTES).text);
        return error_fix(err, "check that it is a caption file");
    }
    struct captions *c = captions_new(a, wish);
    report->arena = a;
    bytes.at = arena_copy(a, bytes.size ? bytes.at : "", bytes.size); // words stay views into it
    if (!formats[format].read(c, bytes, wish, report, err))
        return false;
    captions_sort(c);
    *to = c;
    return !c->count || c->cues[0].in >= 0 || before_start(c, wish, err);
}

bool captions_write(const struct captions *c, enum caption_format format,
                    const struct caption_wish *wish, struct buf *to, struct caption_report *report,
                    struct error *err)
{
    report->arena = c->arena;
    if (!formats[format].write(c, wish, to, report, err))
        return false;
    if (!to->over)
        return true;
    error_set(err, ERROR_TOO_BIG, "the %s file would be too big", formats[format].facts.title);
    return error_why(err, "%s is the most", size_text((int64_t)to->limit).text);
}

// ---- making a document

struct captions *captions_new(struct arena *a, const struct caption_wish *wish)
{
    struct captions *c = ARENA_NEW(a, struct captions);
    c->arena = a;
    c->rate = (struct tc_rate){{30000, 1001}, 30, 1, false};
    c->rate_said = wish->rate_said;
    if (wish->rate_said)
        c->rate = wish->rate;
    if (wish->start_said)
        c->start = wish->start;
    if (wish->language)
        c->language = text_of(arena_text(a, wish->language));
    return c;
}

int64_t label_frames(int64_t frames, const struct tc_rate *from, const struct tc_rate *to)
{
    // Hours, minutes and seconds are the same; the frames are so many parts of a second.
    tc_label label = tc_format(frames, from);
    int64_t part = 0, whole = 0;
    for (const char *c = label.text + 9; *c >= '0' && *c <= '9'; c++)
        part = part * 10 + (*c - '0');
    part = part * to->base / from->base;
    struct error ignored;
    for (int i = 0; i < 5; i++, part++) { // drop-frame leaves some of them out
        char words[40];
        snprintf(words, sizeof(words), "%.8s:%02d", label.text, (int)part);
        if (tc_parse(text_of(words), to, &whole, &ignored))
            break;
    }
    return whole;
}

void captions_counted(struct captions *c, const struct tc_rate *rate)
{
    c->start = label_frames(c->start, &c->rate, rate);
    c->rate = *rate;
    c->rate_said = true;
}

struct caption_cue *captions_add(struct captions *c, struct error *err)
{
    if (c->count == CAPTION_CUES) {
        error_set(err, ERROR_TOO_BIG, "a caption file of more than %d cues", CAPTION_CUES);
        error_fix(err, "check that it is one programme's");
        return NULL;
    }
    if (c->count == c->room) {
        size_t room = c->room ? c->room * 2 : 64;
        struct caption_cue *more = ARENA_ARRAY(c->arena, struct caption_cue, room);
        if (c->count)
            memcpy(more, c->cues, c->count * sizeof(*more));
        c->cues = more, c->room = room;
    }
    c->cues[c->count] = (struct caption_cue){0}; // one that was given up may have stood there
    return &c->cues[c->count++];
}

// Arrays that grow by doubling need no room of their own: they are full at 0, 1, 2, 4, 8, ...
static bool is_full(size_t count)
{
    return (count & (count - 1)) == 0;
}

struct caption_line *cue_line(struct captions *c, struct caption_cue *cue)
{
    if (is_full(cue->count)) {
        struct caption_line *more =
            ARENA_ARRAY(c->arena, struct caption_line, cue->count ? cue->count * 2 : 1);
        if (cue->count)
            memcpy(more, cue->lines, cue->count * sizeof(*more));
        cue->lines = more;
    }
    return &cue->lines[cue->count++];
}

bool style_same(const struct caption_style *a, const struct caption_style *b)
{
    return a->colour == b->colour && a->background == b->background && a->italic == b->italic &&
           a->bold == b->bold && a->underline == b->underline;
}

void line_add(struct captions *c, struct caption_line *line, text words,
              const struct caption_style *style)
{
    if (!words.size)
        return;
    struct caption_run *last = line->count ? &line->runs[line->count - 1] : NULL;
    bool apart = line->apart;
    line->apart = false;
    if (last && !apart && !last->ruby.size && style_same(&last->style, style)) {
        if (last->words.at + last->words.size == words.at) {
            last->words.size += words.size; // right behind it in the file
            return;
        }
        char *both = arena_take(c->arena, last->words.size + words.size + 1);
        memcpy(both, last->words.at, last->words.size);
        memcpy(both + last->words.size, words.at, words.size);
        last->words = (text){both, last->words.size + words.size};
        return;
    }
    if (is_full(line->count)) {
        struct caption_run *more =
            ARENA_ARRAY(c->arena, struct caption_run, line->count ? line->count * 2 : 1);
        if (line->count)
            memcpy(more, line->runs, line->count * sizeof(*more));
        line->runs = more;
    }
    line->runs[line->count++] = (struct caption_run){words, *style, {0}};
}

static bool blank(const struct caption_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (text_trim(line->runs[i].words).size)
            return false;
    return true;
}

static void tidy_line(struct caption_line *line)
{
    while (line->count) { // spaces at the ends are no text
        struct caption_run *r = &line->runs[line->count - 1];
        while (r->words.size && r->words.at[r->words.size - 1] == ' ')
            r->words.size--;
        if (r->words.size)
            break;
        line->count--;
    }
    while (line->count) {
        struct caption_run *r = &line->runs[0];
        while (r->words.size && r->words.at[0] == ' ')
            r->words.at++, r->words.size--;
        if (r->words.size)
            break;
        line->runs++;
        line->count--;
    }
}

bool cue_tidy(struct caption_cue *cue)
{
    size_t kept = 0;
    for (size_t i = 0; i < cue->count; i++) {
        if (blank(&cue->lines[i]))
            continue;
        tidy_line(&cue->lines[i]);
        cue->lines[kept++] = cue->lines[i];
    }
    cue->count = kept;
    return kept > 0;
}

static int by_time(const void *a, const void *b)
{
    const struct caption_cue *x = a, *y = b;
    if (x->in != y->in)
        return x->in < y->in ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

void captions_sort(struct captions *c)
{
    bool sorted = true;
    for (size_t i = 1; i < c->count; i++)
        sorted = sorted && c->cues[i - 1].in <= c->cues[i].in;
    if (!sorted)
        qsort(c->cues, c->count, sizeof(*c->cues), by_time);
}

// ---- the report

void caption_note(struct caption_report *r, const char *group, const struct captions *c,
                  const struct caption_cue *cue, const char *format, ...)
{
    if (r->count == CAPTION_NOTES) {
        r->more++;
        return;
    }
    char what[400];
    va_list list;
    va_start(list, format);
    vsnprintf(what, sizeof(what), format, list);
    va_end(list);
    for (text t = text_of(what); t.size;) { // a letter that was cut is none, and no JSON
        char *at = what + (t.at - what);
        if (take_letter(&t) == 0xfffd && t.at == at + 1)
            *at = '?';
    }
    if (r->count == r->room) {
        size_t room = r->room ? r->room * 2 : 16;
        struct caption_note *more = ARENA_ARRAY(r->arena, struct caption_note, room);
        if (r->count)
            memcpy(more, r->notes, r->count * sizeof(*more));
        r->notes = more, r->room = room;
    }
    r->notes[r->count++] = (struct caption_note){group, cue ? (size_t)(cue - c->cues) + 1 : 0,
                                                 cue ? cue->source : 0, arena_text(r->arena, what)};
}

void caption_note_whole(struct caption_report *r, const char *group, const char *what)
{
    caption_note(r, group, NULL, NULL, "%s", what);
}

bool caption_damaged(struct error *err, const struct caption_wish *wish, size_t line,
                     const char *format, ...)
{
    char why[400];
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof(why), format, list);
    va_end(list);
    const char *name = wish->name ? wish->name : "the caption file";
    if (line)
        error_set(err, ERROR_DAMAGED, "%s, line %zu can not be read", name, line);
    else
        error_set(err, ERROR_DAMAGED, "%s can not be read", name);
    error_why(err, "%s", why);
    return error_fix(err, "mend it there, or ask its maker for it again");
}

// ---- times

static const rational ticks_rate = {CAPTION_TICKS, 1};

int64_t caption_ticks(int64_t frames, rational rate)
{
    return rescale(frames, rate, ticks_rate, ROUND_NEAREST);
}

int64_t caption_frames(int64_t ticks, rational rate, enum rounding how)
{
    return rescale(ticks, ticks_rate, rate, how);
}

int64_t ticks_of_ms(const struct captions *c, int64_t ms)
{
    int64_t ticks = ms * TICKS_MS;
    if (!c->rate_said)
        return ticks;
    int64_t frame = caption_ticks(caption_frames(ticks, c->rate.fps, ROUND_NEAREST), c->rate.fps);
    return llabs(frame - ticks) <= TICKS_MS ? frame : ticks;
}

int64_t ms_of_ticks(int64_t ticks)
{
    return rescale(ticks, ticks_rate, (rational){1000, 1}, ROUND_NEAREST);
}

int64_t cue_frame(const struct captions *c, const struct caption_cue *cue, int64_t ticks,
                  rational rate, struct caption_report *report)
{
    int64_t frame = caption_frames(ticks, rate, ROUND_NEAREST);
    int64_t off = caption_ticks(frame, rate) - ticks;
    bool own = rational_equal(rate, c->rate.fps);
    // A time that lies on a frame of the programme and goes to another counting is as exact as it
    // can be while that counting is the finer one.
    int64_t home = caption_frames(ticks, c->rate.fps, ROUND_NEAREST);
    bool home_exact = caption_ticks(home, c->rate.fps) == ticks;
    bool comes_back =
        caption_frames(caption_ticks(frame, rate), c->rate.fps, ROUND_NEAREST) == home;
    if (off && (own || !home_exact || !comes_back))
        caption_note(report, "time", c, cue, "moved by %.1f ms to the nearest frame at %s",
                     (double)off / TICKS_MS, rate_name(rate).text);
    return frame;
}

bool caption_rate_parse(text name, struct tc_rate *rate, struct error *err)
{
    rational fps;
    bool drop = false;
    text number = name;
    if (text_ends(name, "ndf"))
        number.size -= 3;
    else if (text_ends(name, "df"))
        number.size -= 2, drop = true;
    return rational_parse(number, &fps, err) && tc_rate_make(fps, drop, rate, err);
}

size_t caption_words(const struct caption_cue *cue, char *to, size_t room)
{
    size_t used = 0;
    if (!room)
        return 0;
    for (size_t i = 0; i < cue->count; i++) {
        if (i && used + 3 < room)
            memcpy(to + used, " / ", 3), used += 3;
        for (size_t k = 0; k < cue->lines[i].count; k++) {
            text t = cue->lines[i].runs[k].words;
            while (t.size) { // whole characters only
                text before = t;
                take_letter(&t);
                size_t size = before.size - t.size;
                if (used + size >= room)
                    goto full;
                memcpy(to + used, before.at, size);
                used += size;
            }
        }
    }
full:
    to[used] = 0;
    return used;
}

size_t caption_line_letters(const struct caption_line *line)
{
    size_t count = 0;
    for (size_t k = 0; k < line->count; k++)
        for (text t = line->runs[k].words; t.size;) {
            uint32_t l = take_letter(&t);
            // Marks that stand over or under the letter before them take no place.
            count += !((l >= 0x300 && l < 0x370) || (l >= 0x200b && l < 0x2010) || l == 0xfeff ||
                       (l >= 0x202a && l < 0x202f) || (l >= 0x064b && l < 0x0660) ||
                       (l >= 0x0591 && l < 0x05be));
        }
    return count;
}
