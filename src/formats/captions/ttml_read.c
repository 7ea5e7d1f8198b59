/*
 * TTML and what is made of it: TTML1 and DFXP, TTML2, IMSC 1 and 1.1 text, iTT, EBU-TT-D, SMPTE-TT.
 *
 * Elements and attributes are known by their local names, since each edition has a namespace of its
 * own. Times come from nested begin, end and dur; spans with times of their own make a cue for each
 * interval in which the words on screen are the same. Styles are resolved as TTML says: a region's,
 * then those of body, div, p and span, of each the referenced ones first and its own last.
 *
 * timeBase "media": HH:MM:SS are real seconds, the frames behind them parts of one. timeBase
 * "smpte": labels, which count from the programme's first one; only those that no element above has
 * already begun.
 *
 * A document with a DOCTYPE is refused: nobody needs one here, and entities are how files attack.
 */
#include "formats/captions/inside.h"

#include <ctype.h>
#include <libxml/hash.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <limits.h>
#include <string.h>

#define FOR_EVER INT64_MAX
enum { DEEP = 60, STYLE_STEPS = 200, LEAVES = 4000, NAMES = 64 };

enum { // what of a style is said
    S_COLOUR = 1,
    S_BEHIND = 2,
    S_ITALIC = 4,
    S_BOLD = 8,
    S_UNDERLINE = 16,
    S_ALIGN = 32,
    S_DISPLAY = 64,
    S_ORIGIN = 128,
    S_EXTENT = 256,
    S_WRITING = 512,
    S_FORCED = 1024,
    S_HIDDEN = 2048
};
struct look {
    unsigned said;
    struct caption_style style;
    enum caption_align align;
    enum caption_vertical vertical;
    enum caption_writing writing;
    int x, y, width, height; // CAPTION_GRID
    bool forced, hidden;
};

struct leaf { // words, or a line end
    text words;
    struct look look;
    bool line_end, ruby_base, ruby_text;
    int64_t begin, end;
};

struct ttml {
    struct captions *c;
    const struct caption_wish *wish;
    struct caption_report *report;
    struct error *err;
    struct tc_rate rate; // of the file's frames
    bool smpte, rate_said, start_counts;
    int64_t tick_rate;
    int sub_frames;
    int columns, rows;    // cells
    double width, height; // of the root in px; 0: not said
    xmlHashTable *styles, *regions;
    struct leaf *leaves; // of the paragraph being read
    size_t leaf_count;
    bool space, preserve;
    const char *noted[NAMES];
    size_t noted_count;
    int style_steps;
};

static bool is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static text value_of(const xmlAttr *a)
{
    const xmlNode *t = a->children;
    if (t && !t->next && t->type == XML_TEXT_NODE)
        return text_of((const char *)t->content);
    return (text){"", 0};
}

static text attribute(const xmlNode *n, const char *name)
{
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (strcmp((const char *)a->name, name) == 0)
            return value_of(a);
    return (text){0};
}

static bool damaged(struct ttml *t, const xmlNode *n, const char *what, text value)
{
    return caption_damaged(t->err, t->wish, (size_t)xmlGetLineNo(n), what,
                           (int)(value.size < 60 ? value.size : 60), value.at ? value.at : "");
}

// ---- times

static int64_t exact(text whole, text fraction, int64_t unit) // (whole.fraction) x unit ticks
{
    int64_t n = 0, part = 0, parts = 1;
    if (!text_int(whole, &n) || n < 0 || n > 400000000)
        return -1;
    for (size_t i = 0; i < fraction.size && i < 9; i++) {
        if (!isdigit((unsigned char)fraction.at[i]))
            return -1;
        part = part * 10 + (fraction.at[i] - '0'), parts *= 10;
    }
    if (unit && n > INT64_MAX / 4 / unit)
        return -1;
    return n * unit + rescale(part, (rational){parts, 1}, (rational){unit, 1}, ROUND_NEAREST);
}

// A time of the programme is near one of its frames when it was written with few digits.
static int64_t near_frame(const struct captions *c, int64_t ticks)
{
    if (!c->rate_said)
        return ticks;
    int64_t frame = caption_ticks(caption_frames(ticks, c->rate.fps, ROUND_NEAREST), c->rate.fps);
    return llabs(frame - ticks) <= TICKS_MS ? frame : ticks;
}

static bool offset_time(struct ttml *t, text value, int64_t *ticks)
{
    size_t n = 0;
    while (n < value.size && (isdigit((unsigned char)value.at[n]) || value.at[n] == '.'))
        n++;
    text fraction = {value.at, n}, unit = {value.at + n, value.size - n};
    text whole = text_cut(&fraction, '.');
    if (text_is(unit, "f")) {
        int64_t thousandths = exact(whole, fraction, 1000);
        *ticks = thousandths < 0
                     ? -1
                     : rescale(thousandths, (rational){t->rate.fps.num * 1000, t->rate.fps.den},
                               (rational){CAPTION_TICKS, 1}, ROUND_NEAREST);
    } else if (text_is(unit, "t")) {
        int64_t count;
        *ticks = text_int(whole, &count) && count >= 0
                     ? rescale(count, (rational){t->tick_rate, 1}, (rational){CAPTION_TICKS, 1},
                               ROUND_NEAREST)
                     : -1;
        *ticks = *ticks < 0 ? -1 : near_frame(t->c, *ticks);
    } else {
        int64_t one = text_is(unit, "h")    ? (int64_t)CAPTION_TICKS * 3600
                      : text_is(unit, "m")  ? (int64_t)CAPTION_TICKS * 60
                      : text_is(unit, "s")  ? CAPTION_TICKS
                      : text_is(unit, "ms") ? TICKS_MS
                                            : 0;
        *ticks = one ? exact(whole, fraction, one) : -1;
        if (*ticks > 0)
            *ticks = near_frame(t->c, *ticks);
    }
    return *ticks >= 0 && *ticks < (int64_t)CAPTION_TICKS * 86400 * 1000;
}

static bool label_time(struct ttml *t, text value, bool absolute, int64_t *ticks)
{
    struct error why;
    int64_t frames;
    if (!tc_parse(value, &t->rate, &frames, &why))
        return false;
    if (absolute)
        frames -= label_frames(t->c->start, &t->c->rate, &t->rate);
    *ticks = caption_ticks(frames, t->rate.fps);
    if (!rational_equal(t->rate.fps, t->c->rate.fps)) // counted otherwise than the programme
        *ticks =
            caption_ticks(caption_frames(*ticks, t->c->rate.fps, ROUND_NEAREST), t->c->rate.fps);
    return true;
}

static bool clock_time(struct ttml *t, text value, int64_t *ticks)
{
    text rest = value;
    int64_t h, m;
    if (!text_int(text_cut(&rest, ':'), &h) || !text_int(text_cut(&rest, ':'), &m) || h < 0 ||
        m < 0 || m > 59 || h > 9999)
        return false;
    text frames = rest;
    text seconds = text_cut(&frames, ':');
    text fraction = seconds;
    text whole = text_cut(&fraction, '.');
    int64_t s = exact(whole, fraction, CAPTION_TICKS), f = 0, sub = 0;
    if (s < 0 || s >= (int64_t)61 * CAPTION_TICKS)
        return false;
    if (frames.size) {
        text parts = frames;
        text first = text_cut(&parts, '.');
        if (!text_int(first, &f) || f < 0 || (parts.size && (!text_int(parts, &sub) || sub < 0)) ||
            f > 1000 || sub > 1000)
            return false;
        s += rescale(f * t->sub_frames + sub,
                     (rational){t->rate.fps.num * t->sub_frames, t->rate.fps.den},
                     (rational){CAPTION_TICKS, 1}, ROUND_NEAREST);
    }
    *ticks = near_frame(t->c, (h * 60 + m) * 60 * CAPTION_TICKS + s);
    return true;
}

// `absolute`: a point of the programme, not a length or a time within an element that has begun.
static bool read_time(struct ttml *t, const xmlNode *n, const char *name, bool absolute,
                      int64_t *ticks, bool *said)
{
    text value = text_trim(attribute(n, name));
    *said = value.size > 0;
    if (!*said)
        return true;
    bool colon = memchr(value.at, ':', value.size) != NULL;
    bool label = colon && t->smpte && !memchr(value.at, '.', value.size);
    if (label   ? label_time(t, value, absolute, ticks)
        : colon ? clock_time(t, value, ticks)
                : offset_time(t, value, ticks))
        return true;
    return damaged(t, n, "'%.*s' is no time here", value);
}

struct span {
    int64_t begin, end;
    bool begun; // by an element that says so
};

static int64_t plus(int64_t a, int64_t b)
{
    return a == FOR_EVER || b == FOR_EVER ? FOR_EVER : a + b;
}

// The element's own interval within its parent's; `after`: in a sequence, what was before it ends.
static bool interval(struct ttml *t, const xmlNode *n, struct span in, int64_t after,
                     struct span *to)
{
    int64_t begin = 0, end = 0, dur = 0, base = after >= 0 ? after : in.begin;
    bool b, e, d, absolute = !in.begun;
    if (!read_time(t, n, "begin", absolute, &begin, &b) ||
        !read_time(t, n, "end", absolute, &end, &e) || !read_time(t, n, "dur", false, &dur, &d))
        return false;
    to->begun = in.begun || b;
    to->begin = plus(base, b ? begin : 0);
    to->end = in.end;
    if (e && plus(base, end) < to->end)
        to->end = plus(base, end);
    if (d && plus(to->begin, dur) < to->end)
        to->end = plus(to->begin, dur);
    return true;
}

// ---- styles

static bool length(struct ttml *t, text value, bool across, int *to)
{
    size_t n = 0;
    double number = 0, scale = 1;
    bool negative = value.size && value.at[0] == '-', dot = false;
    for (n = negative || (value.size && value.at[0] == '+'); n < value.size; n++) {
        char c = value.at[n];
        if (c == '.' && !dot)
            dot = true;
        else if (isdigit((unsigned char)c))
            number = number * 10 + (c - '0'), scale *= dot ? 10 : 1;
        else
            break;
        if (number > 1e15)
            return false;
    }
    text unit = {value.at + n, value.size - n};
    double size = across ? t->width : t->height;
    int cells = across ? t->columns : t->rows;
    number = number / scale * (negative ? -1 : 1);
    if (text_is(unit, "%"))
        number *= CAPTION_GRID / 100.0;
    else if (text_is(unit, "px") && size > 0)
        number *= CAPTION_GRID / size;
    else if (text_is(unit, "c") && cells > 0)
        number *= (double)CAPTION_GRID / cells;
    else if (text_is(unit, "rw") || text_is(unit, "rh"))
        number *= CAPTION_GRID / 100.0;
    else
        return false;
    if (number < -CAPTION_GRID || number > 2 * CAPTION_GRID)
        return false;
    *to = (int)(number + (number < 0 ? -0.5 : 0.5));
    return true;
}

static bool two_lengths(struct ttml *t, text value, int *x, int *y)
{
    value = text_trim(value);
    text second = value;
    text first = text_cut(&second, ' ');
    return length(t, first, true, x) && length(t, text_trim(second), false, y);
}

// Once a file: what the model has no place for.
static void note_attribute(struct ttml *t, const char *name, text value)
{
    static const char *const quiet[] = {
        "id",          "begin",         "end",         "dur",
        "style",       "region",        "space",       "lang",
        "fontFamily",  "fontSize",      "lineHeight",  "zIndex",
        "role",        "agent",         "overflow",    "showBackground",
        "wrapOption",  "unicodeBidi",   "direction",   "timeContainer",
        "ruby",        "base",          "textOutline", "padding",
        "linePadding", "multiRowAlign", "fillLineGap", "title",
        "desc"};
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
        if (strcmp(quiet[i], name) == 0)
            return;
    for (size_t i = 0; i < t->noted_count; i++)
        if (strcmp(t->noted[i], name) == 0)
            return;
    if (t->noted_count == NAMES)
        return;
    t->noted[t->noted_count++] = arena_text(t->c->arena, name);
    caption_note(t->report, "style", t->c, NULL, "%s=\"%.*s\" is left out", name,
                 (int)(value.size < 40 ? value.size : 40), value.at ? value.at : "");
}

static void one_attribute(struct ttml *t, const char *name, text v, struct look *to)
{
    uint32_t colour;
    if (strcmp(name, "color") == 0 && colour_named(v, &colour)) {
        to->style.colour = colour == 0xffffffff ? 0 : colour, to->said |= S_COLOUR;
    } else if (strcmp(name, "backgroundColor") == 0 && colour_named(v, &colour)) {
        to->style.background = (colour & 0xff) == 0 ? 0 : colour, to->said |= S_BEHIND;
    } else if (strcmp(name, "fontStyle") == 0) {
        to->style.italic = text_is(v, "italic") || text_is(v, "oblique"), to->said |= S_ITALIC;
    } else if (strcmp(name, "fontWeight") == 0) {
        to->style.bold = text_is(v, "bold"), to->said |= S_BOLD;
    } else if (strcmp(name, "textDecoration") == 0) {
        bool none = text_is(v, "none") || memmem(v.at, v.size, "noUnderline", 11);
        to->style.underline = !none && memmem(v.at, v.size, "underline", 9);
        to->said |= S_UNDERLINE;
    } else if (strcmp(name, "textAlign") == 0) {
        static const char *const names[] = {"center", "start", "end", "left", "right"};
        for (int i = 0; i < 5; i++)
            if (text_is(v, names[i]))
                to->align = (enum caption_align)i, to->said |= S_ALIGN;
    } else if (strcmp(name, "displayAlign") == 0) {
        to->vertical = text_is(v, "after")    ? CAPTION_BOTTOM
                       : text_is(v, "center") ? CAPTION_MIDDLE
                                              : CAPTION_TOP;
        to->said |= S_DISPLAY;
    } else if (strcmp(name, "writingMode") == 0) {
        to->writing = text_is(v, "tbrl") || text_is(v, "tb") ? CAPTION_DOWN_RL
                      : text_is(v, "tblr")                   ? CAPTION_DOWN_LR
                                                             : CAPTION_ACROSS;
        to->said |= S_WRITING;
    } else if (strcmp(name, "origin") == 0 && two_lengths(t, v, &to->x, &to->y)) {
        to->said |= S_ORIGIN;
    } else if (strcmp(name, "extent") == 0 && two_lengths(t, v, &to->width, &to->height)) {
        to->said |= S_EXTENT;
    } else if (strcmp(name, "forcedDisplay") == 0) {
        to->forced = text_is(v, "true"), to->said |= S_FORCED;
    } else if ((strcmp(name, "display") == 0 && text_is(v, "none")) ||
               (strcmp(name, "visibility") == 0 && text_is(v, "hidden"))) {
        to->hidden = true, to->said |= S_HIDDEN;
    } else if (!text_is(v, "auto") && !text_is(v, "visible")) {
        note_attribute(t, name, v);
    }
}

static void own_look(struct ttml *t, const xmlNode *n, struct look *to, int depth);

static void referenced(struct ttml *t, text ids, struct look *to, int depth)
{
    while (ids.size && t->style_steps < STYLE_STEPS) {
        text one = text_trim(text_cut(&ids, ' '));
        char id[256];
        if (!one.size || !text_copy(one, id, sizeof(id)))
            continue;
        t->style_steps++;
        const xmlNode *style = xmlHashLookup(t->styles, (const xmlChar *)id);
        if (style && depth < 8)
            own_look(t, style, to, depth + 1);
    }
}

// What the element itself says: its styles, what lies in it (a region's), its attributes.
static void own_look(struct ttml *t, const xmlNode *n, struct look *to, int depth)
{
    referenced(t, attribute(n, "style"), to, depth);
    if (is(n, "region"))
        for (const xmlNode *c = n->children; c; c = c->next)
            if (is(c, "style"))
                own_look(t, c, to, depth + 1);
    for (const xmlAttr *a = n->properties; a; a = a->next)
        one_attribute(t, (const char *)a->name, value_of(a), to);
}

static void lay_over(struct look *to, const struct look *own, bool inherited)
{
    unsigned said = own->said;
    if (inherited)
        said &= ~(unsigned)(S_BEHIND | S_ORIGIN | S_EXTENT);
    to->said |= said;
    if (said & S_COLOUR)
        to->style.colour = own->style.colour;
    if (said & S_BEHIND)
        to->style.background = own->style.background;
    if (said & S_ITALIC)
        to->style.italic = own->style.italic;
    if (said & S_BOLD)
        to->style.bold = own->style.bold;
    if (said & S_UNDERLINE)
        to->style.underline = own->style.underline;
    if (said & S_ALIGN)
        to->align = own->align;
    if (said & S_DISPLAY)
        to->vertical = own->vertical;
    if (said & S_WRITING)
        to->writing = own->writing;
    if (said & S_FORCED)
        to->forced = own->forced;
    if (said & S_HIDDEN)
        to->hidden = own->hidden;
    if (said & S_ORIGIN)
        to->x = own->x, to->y = own->y;
    if (said & S_EXTENT)
        to->width = own->width, to->height = own->height;
}

static void with_own(struct ttml *t, const xmlNode *n, struct look *to, bool inherited)
{
    struct look own = {0};
    t->style_steps = 0;
    own_look(t, n, &own, 0);
    lay_over(to, &own, inherited);
}

// ---- a paragraph

static bool add_leaf(struct ttml *t, const xmlNode *n, struct leaf leaf)
{
    if (t->leaf_count == LEAVES)
        return damaged(t, n, "a paragraph of too many pieces%.*s", (text){0});
    t->leaves[t->leaf_count++] = leaf;
    return true;
}

static bool add_line_end(struct ttml *t, const xmlNode *n, struct span at)
{
    t->space = true;
    return add_leaf(t, n, (struct leaf){.line_end = true, .begin = at.begin, .end = at.end});
}

static bool add_text(struct ttml *t, const xmlNode *n, const struct look *look, struct span at,
                     struct leaf as)
{
    text in = text_of((const char *)n->content);
    as.look = *look, as.begin = at.begin, as.end = at.end;
    if (t->preserve) {
        while (in.size) {
            text all = in;
            as.words = text_cut(&in, '\n');
            as.words = (text){arena_copy(t->c->arena, as.words.at, as.words.size), as.words.size};
            bool ended = as.words.size < all.size;
            if ((as.words.size && !add_leaf(t, n, as)) || (ended && !add_line_end(t, n, at)))
                return false;
        }
        t->space = false;
        return true;
    }
    char *to = arena_take(t->c->arena, in.size + 1);
    size_t used = 0;
    for (size_t i = 0; i < in.size; i++) {
        bool space = in.at[i] == ' ' || in.at[i] == '\t' || in.at[i] == '\n' || in.at[i] == '\r';
        if (!space || !t->space)
            to[used++] = space ? ' ' : in.at[i];
        t->space = space;
    }
    as.words = (text){to, used};
    return !used || add_leaf(t, n, as);
}

static bool read_inline(struct ttml *t, const xmlNode *parent, struct look look, struct span at,
                        struct leaf as, int depth)
{
    bool preserve = t->preserve;
    text space = attribute(parent, "space");
    if (space.size)
        t->preserve = text_is(space, "preserve");
    if (depth > DEEP)
        return damaged(t, parent, "spans too deep in one another%.*s", (text){0});
    int64_t after = text_is(attribute(parent, "timeContainer"), "seq") ? at.begin : -1;
    for (const xmlNode *n = parent->children; n; n = n->next) {
        struct span in = at;
        if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
            if (!add_text(t, n, &look, at, as))
                return false;
        } else if (is(n, "br")) {
            if (!add_line_end(t, n, at))
                return false;
        } else if (is(n, "span")) {
            struct look inner = look;
            text ruby = attribute(n, "ruby");
            struct leaf inner_as = as;
            inner_as.ruby_base = as.ruby_base || text_is(ruby, "base");
            inner_as.ruby_text = as.ruby_text || text_is(ruby, "text");
            with_own(t, n, &inner, false);
            if (!inner.style.background) // what is behind all of it is behind this too
                inner.style.background = look.style.background;
            if (text_is(ruby, "delimiter"))
                continue;
            if (!interval(t, n, at, after, &in) ||
                !read_inline(t, n, inner, in, inner_as, depth + 1))
                return false;
            after = after >= 0 ? in.end : after;
        } else if (n->type == XML_ELEMENT_NODE && !is(n, "metadata") && !is(n, "set")) {
            note_attribute(t, (const char *)n->name, (text){0});
        } else if (is(n, "set")) {
            note_attribute(t, "set", (text){0});
        }
    }
    t->preserve = preserve;
    return true;
}

static void cue_words(struct ttml *t, struct caption_cue *cue, int64_t begin)
{
    struct caption_line *line = cue_line(t->c, cue);
    for (size_t i = 0; i < t->leaf_count; i++) {
        const struct leaf *l = &t->leaves[i];
        if (l->begin > begin || l->end <= begin || l->look.hidden)
            continue;
        if (l->line_end) {
            line = cue_line(t->c, cue);
        } else if (l->ruby_text) {
            if (line->count)
                line->runs[line->count - 1].ruby = text_trim(l->words);
        } else {
            line->apart |= l->ruby_base;
            line_add(t->c, line, l->words, &l->look.style);
            cue->forced |= l->look.forced;
        }
    }
}

static void cue_place_of(struct caption_cue *cue, const struct look *look)
{
    cue->align = look->said & S_ALIGN ? look->align : CAPTION_START;
    cue->vertical = look->said & S_DISPLAY ? look->vertical : CAPTION_TOP;
    cue->writing = look->writing;
    cue->forced = look->forced;
    bool box = (look->said & S_ORIGIN) && (look->said & S_EXTENT);
    bool safe = look->x == 1000 && look->y == 1000 && look->width == 8000 && look->height == 8000;
    if (box && !(safe && cue->vertical != CAPTION_MIDDLE))
        cue->box = (struct caption_box){true, look->x, look->y, look->width, look->height};
    else if (!box && !(look->said & S_DISPLAY)) // nothing is said: as players put it
        cue->vertical = CAPTION_BOTTOM,
        cue->align = look->said & S_ALIGN ? cue->align : CAPTION_CENTRE;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// A cue for each stretch of time in which the same words stand.
static bool paragraph_cues(struct ttml *t, const xmlNode *p, const struct look *look,
                           struct span at)
{
    int64_t *edges = ARENA_ARRAY(t->c->arena, int64_t, t->leaf_count * 2 + 2);
    size_t count = 0;
    edges[count++] = at.begin, edges[count++] = at.end;
    for (size_t i = 0; i < t->leaf_count; i++) {
        if (t->leaves[i].begin > at.begin && t->leaves[i].begin < at.end)
            edges[count++] = t->leaves[i].begin;
        if (t->leaves[i].end > at.begin && t->leaves[i].end < at.end)
            edges[count++] = t->leaves[i].end;
    }
    qsort(edges, count, sizeof(*edges), by_number);
    for (size_t i = 0; i + 1 < count; i++) {
        if (edges[i] >= edges[i + 1])
            continue;
        struct caption_cue *cue = captions_add(t->c, t->err);
        if (!cue)
            return false;
        cue->source = (size_t)xmlGetLineNo(p);
        cue->in = edges[i];
        cue->out = edges[i + 1];
        text id = attribute(p, "id");
        if (id.size)
            cue->name = (text){arena_copy(t->c->arena, id.at, id.size), id.size};
        cue_place_of(cue, look);
        cue_words(t, cue, edges[i]);
        if (!cue_tidy(cue)) {
            t->c->count--;
            continue;
        }
        if (cue->out == FOR_EVER) {
            cue->out = cue->in + (int64_t)16 * CAPTION_TICKS;
            caption_note(t->report, "time", t->c, cue, "it has no end; 16 s are taken");
        }
    }
    return true;
}

static bool read_block(struct ttml *t, const xmlNode *n, struct look look, struct span at,
                       const xmlNode *region, int depth);

static bool read_paragraph(struct ttml *t, const xmlNode *p, struct look look, struct span at,
                           const xmlNode *region)
{
    struct look whole = {0};
    if (region)
        with_own(t, region, &whole, false);
    whole.style.background = 0;
    lay_over(&whole, &look, true);
    with_own(t, p, &whole, false);
    t->leaf_count = 0;
    t->space = true;
    return read_inline(t, p, whole, at, (struct leaf){0}, 0) && paragraph_cues(t, p, &whole, at);
}

static bool read_children(struct ttml *t, const xmlNode *n, struct look look, struct span at,
                          const xmlNode *region, int depth)
{
    int64_t after = text_is(attribute(n, "timeContainer"), "seq") ? at.begin : -1;
    for (const xmlNode *c = n->children; c; c = c->next) {
        if (!is(c, "div") && !is(c, "p")) {
            if (c->type == XML_ELEMENT_NODE && !is(c, "metadata") && !is(c, "information"))
                note_attribute(t, (const char *)c->name, (text){0});
            continue;
        }
        struct span in;
        if (!interval(t, c, at, after, &in))
            return false;
        after = after >= 0 ? in.end : after;
        if (in.end != FOR_EVER && in.end < in.begin)
            return damaged(t, c, "it ends before it begins%.*s", (text){0});
        if (!read_block(t, c, look, in, region, depth + 1))
            return false;
    }
    return true;
}

static bool read_block(struct ttml *t, const xmlNode *n, struct look look, struct span at,
                       const xmlNode *region, int depth)
{
    if (depth > DEEP)
        return damaged(t, n, "blocks too deep in one another%.*s", (text){0});
    bool preserve = t->preserve;
    text space = attribute(n, "space"), name = attribute(n, "region");
    if (space.size)
        t->preserve = text_is(space, "preserve");
    char id[256];
    if (name.size && text_copy(name, id, sizeof(id)))
        region = xmlHashLookup(t->regions, (const xmlChar *)id);
    if (attribute(n, "backgroundImage").size)
        note_attribute(t, "backgroundImage", attribute(n, "backgroundImage"));
    bool ok;
    if (is(n, "p")) {
        ok = read_paragraph(t, n, look, at, region);
    } else {
        with_own(t, n, &look, true);
        ok = read_children(t, n, look, at, region, depth);
    }
    t->preserve = preserve;
    return ok;
}

// ---- the document

static bool two_numbers(text value, int64_t *a, int64_t *b)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.at[i] == ' ' || value.at[i] == ':') {
            text second = {value.at + i + 1, value.size - i - 1};
            return text_int(text_trim((text){value.at, i}), a) && text_int(text_trim(second), b) &&
                   *a > 0 && *b > 0 && *a < 10000000 && *b < 10000000;
        }
    return false;
}

static bool read_rates(struct ttml *t, const xmlNode *root)
{
    int64_t frames = 30, a = 1, b = 1, ticks;
    text rate = attribute(root, "frameRate"), times = attribute(root, "frameRateMultiplier");
    text drop = attribute(root, "dropMode"), sub = attribute(root, "subFrameRate");
    t->rate_said = rate.size > 0;
    if (rate.size && (!text_int(rate, &frames) || frames < 1 || frames > 1000))
        return damaged(t, root, "'%.*s' is no frame rate", rate);
    if (times.size && !two_numbers(times, &a, &b))
        return damaged(t, root, "'%.*s' is no multiplier of a frame rate", times);
    rational fps = rational_make(frames * a, b), known;
    if (rate_nearest(fps, &known))
        fps = known; // Apple writes 999 1000 for 1000 1001
    bool drops = text_is(drop, "dropNTSC") && fps.den == 1001 && frames % 30 == 0;
    struct error why;
    if (!tc_rate_make(fps, drops, &t->rate, &why))
        return damaged(t, root, "'%.*s' is no frame rate", rate);
    t->sub_frames = text_int(sub, &b) && b > 0 && b < 1000 ? (int)b : 1;
    text tick = attribute(root, "tickRate");
    t->tick_rate = text_int(tick, &ticks) && ticks > 0 && ticks < 1000000000000 ? ticks
                   : rate.size ? frames * t->sub_frames
                               : 1;
    t->smpte = text_is(attribute(root, "timeBase"), "smpte");
    if (t->rate_said && !t->wish->rate_said)
        captions_counted(t->c, &t->rate);
    else if (!t->rate_said && t->wish->rate_said)
        t->rate = t->wish->rate;
    return true;
}

static void read_sizes(struct ttml *t, const xmlNode *root)
{
    int64_t a, b;
    t->columns = 32, t->rows = 15;
    if (two_numbers(attribute(root, "cellResolution"), &a, &b) && a < 10000 && b < 10000)
        t->columns = (int)a, t->rows = (int)b;
    text extent = attribute(root, "extent");
    char words[64], *end;
    if (text_copy(extent, words, sizeof(words))) {
        double width = strtod(words, &end);
        if (strncmp(end, "px", 2) == 0) {
            double height = strtod(end + 2, &end);
            if (strncmp(end, "px", 2) == 0 && width >= 1 && height >= 1 && width < 1e6 &&
                height < 1e6)
                t->width = width, t->height = height;
        }
    }
}

static void gather(struct ttml *t, const xmlNode *n, int depth)
{
    for (const xmlNode *c = n->children; c && depth < 6; c = c->next) {
        text id = attribute(c, "id");
        if (id.size && is(c, "style"))
            xmlHashAddEntry(t->styles, (const xmlChar *)id.at, (void *)c);
        else if (id.size && is(c, "region"))
            xmlHashAddEntry(t->regions, (const xmlChar *)id.at, (void *)c);
        else if (is(c, "title") && !t->c->title.size && c->children && c->children->content)
            t->c->title = text_of(arena_text(t->c->arena, (const char *)c->children->content));
        if (c->type == XML_ELEMENT_NODE && !is(c, "region"))
            gather(t, c, depth + 1);
    }
}

static bool read_document(struct ttml *t, const xmlNode *root)
{
    if (!root || !is(root, "tt"))
        return caption_damaged(t->err, t->wish, root ? (size_t)xmlGetLineNo(root) : 0,
                               "its first element is not tt, as in TTML");
    text language = attribute(root, "lang");
    if (language.size && !t->c->language.size)
        t->c->language = text_of(arena_text(t->c->arena, language.at));
    if (!read_rates(t, root))
        return false;
    read_sizes(t, root);
    t->preserve = text_is(attribute(root, "space"), "preserve");
    for (const xmlNode *n = root->children; n; n = n->next)
        if (is(n, "head"))
            gather(t, n, 0);
    struct span all = {0, FOR_EVER, false}, in;
    for (const xmlNode *n = root->children; n; n = n->next)
        if (is(n, "body") &&
            (!interval(t, n, all, -1, &in) || !read_block(t, n, (struct look){0}, in, NULL, 0)))
            return false;
    return true;
}

static void remember_error(void *to, xmlErrorPtr error)
{
    struct ttml *t = to;
    if (t->err->kind || !error || error->level < XML_ERR_ERROR)
        return;
    char what[200];
    snprintf(what, sizeof(what), "%s", error->message ? error->message : "no XML");
    what[strcspn(what, "\n")] = 0;
    caption_damaged(t->err, t->wish, (size_t)(error->line > 0 ? error->line : 0), "%s", what);
}

bool ttml_read(struct captions *c, text bytes, const struct caption_wish *wish,
               struct caption_report *report, struct error *err)
{
    struct ttml t = {.c = c, .wish = wish, .report = report, .err = err};
    error_clear(err);
    if (bytes.size > INT_MAX || !bytes.size)
        return caption_damaged(err, wish, 1, "it is empty");
    if (memmem(bytes.at, bytes.size, "<!DOCTYPE", 9))
        return caption_damaged(err, wish, 1, "it has a DOCTYPE, which TTML does not allow");
    xmlParserCtxt *parser = xmlNewParserCtxt();
    if (!parser)
        return error_set(err, ERROR_INTERNAL, "no memory for an XML parser");
    xmlSetStructuredErrorFunc(&t, remember_error);
    xmlDoc *doc = xmlCtxtReadMemory(parser, bytes.at, (int)bytes.size, NULL, NULL,
                                    XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES);
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlFreeParserCtxt(parser);
    bool ok = false;
    if (!doc || doc->intSubset || doc->extSubset) {
        if (!err->kind)
            caption_damaged(err, wish, 1, "it is no XML, or has a DOCTYPE");
    } else {
        error_clear(err); // what could be read is
        t.leaves = ARENA_ARRAY(c->arena, struct leaf, LEAVES);
        t.styles = xmlHashCreate(64), t.regions = xmlHashCreate(64);
        ok = read_document(&t, xmlDocGetRootElement(doc));
        xmlHashFree(t.styles, NULL), xmlHashFree(t.regions, NULL);
    }
    xmlFreeDoc(doc);
    for (size_t i = 0, forced = 0; ok && i < c->count; i++) {
        forced += c->cues[i].forced;
        if (forced == c->count)
            c->kind = CAPTION_KIND_FORCED;
    }
    return ok;
}
