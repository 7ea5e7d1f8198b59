/*
 * TTML in four dialects, which are rows of a table:
 *
 *   ttml   TTML1, times in frames ("1440f": exact)
 *   dfxp   TTML1 as older players want it: times in milliseconds
 *   imsc   IMSC 1.1 text profile: times in frames, ruby, forced display
 *   itt    iTunes Timed Text: labels, two regions (top and bottom)
 *
 * Each place that cues have is a region; a style is written on the words that have it.
 */
#include "formats/captions/inside.h"

#include <string.h>

enum dialect_times { TIMES_FRAMES, TIMES_CLOCK, TIMES_LABELS };

struct dialect {
    const char *attributes; // of tt
    const char *head;       // styles before the regions
    enum dialect_times times;
    bool ruby, writing, two_regions, forced;
};

#define NAMESPACES                                                                                 \
    "xmlns=\"http://www.w3.org/ns/ttml\" xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" "         \
    "xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" "                                           \
    "xmlns:ttm=\"http://www.w3.org/ns/ttml#metadata\""
#define USUAL_STYLE                                                                                \
    "    <styling>\n      <style xml:id=\"s\" tts:fontFamily=\"proportionalSansSerif\" "           \
    "tts:fontSize=\"100%\" tts:color=\"white\"/>\n    </styling>\n"

static const struct dialect ttml = {.attributes = NAMESPACES, .head = USUAL_STYLE, .writing = true};
static const struct dialect dfxp = {
    .attributes = NAMESPACES, .head = USUAL_STYLE, .times = TIMES_CLOCK, .writing = true};
static const struct dialect imsc = {
    .attributes =
        NAMESPACES " xmlns:itts=\"http://www.w3.org/ns/ttml/profile/imsc1#styling\""
                   " ttp:contentProfiles=\"http://www.w3.org/ns/ttml/profile/imsc1.1/text\"",
    .head = USUAL_STYLE,
    .ruby = true,
    .writing = true,
    .forced = true};
static const struct dialect itt = {
    .attributes = NAMESPACES,
    .head = "    <styling>\n      <style xml:id=\"s\" tts:fontFamily=\"sansSerif\" "
            "tts:fontSize=\"100%\" tts:color=\"white\" tts:fontStyle=\"normal\" "
            "tts:fontWeight=\"normal\"/>\n    </styling>\n",
    .times = TIMES_LABELS,
    .writing = true,
    .two_regions = true};

struct region {
    struct caption_box box;
    enum caption_vertical vertical;
    enum caption_writing writing;
};

struct writing {
    const struct captions *c;
    const struct dialect *d;
    struct buf *to;
    struct caption_report *report;
    struct region *regions;
    size_t count;
};

// ---- words

static void add_escaped(struct buf *to, text t)
{
    while (t.size) {
        text before = t;
        uint32_t l = take_letter(&t);
        if (l == '&')
            buf_text(to, "&amp;");
        else if (l == '<')
            buf_text(to, "&lt;");
        else if (l == '>')
            buf_text(to, "&gt;");
        else if (l == '"')
            buf_text(to, "&quot;");
        else if ((l >= 0x20 || l == '\t') && l != 0xfffe && l != 0xffff && l != 0xfffd)
            buf_add(to, before.at, before.size - t.size);
        else if (l == 0xfffd)
            buf_text(to, "\xef\xbf\xbd");
    }
}

static void add_colour(struct buf *to, const char *name, uint32_t rgba)
{
    if ((rgba & 0xff) == 0xff)
        buf_format(to, " tts:%s=\"#%06x\"", name, rgba >> 8);
    else
        buf_format(to, " tts:%s=\"#%08x\"", name, rgba);
}

static void add_run(struct writing *w, const struct caption_cue *cue, const struct caption_run *r)
{
    const struct caption_style *s = &r->style;
    bool ruby = r->ruby.size && w->d->ruby;
    if (r->ruby.size && !ruby)
        caption_note(w->report, "ruby", w->c, cue, "ruby text is left out");
    bool styled = s->colour || s->background || s->italic || s->bold || s->underline || ruby;
    if (!styled) {
        add_escaped(w->to, r->words);
        return;
    }
    buf_text(w->to, "<span");
    if (s->colour)
        add_colour(w->to, "color", s->colour);
    if (s->background)
        add_colour(w->to, "backgroundColor", s->background);
    buf_format(w->to, "%s%s%s%s>", s->italic ? " tts:fontStyle=\"italic\"" : "",
               s->bold ? " tts:fontWeight=\"bold\"" : "",
               s->underline ? " tts:textDecoration=\"underline\"" : "",
               ruby ? " tts:ruby=\"container\"" : "");
    if (ruby)
        buf_text(w->to, "<span tts:ruby=\"base\">");
    add_escaped(w->to, r->words);
    if (ruby) {
        buf_text(w->to, "</span><span tts:ruby=\"text\">");
        add_escaped(w->to, r->ruby);
        buf_text(w->to, "</span>");
    }
    buf_text(w->to, "</span>");
}

// ---- times

static void add_time(struct writing *w, const struct caption_cue *cue, int64_t ticks)
{
    const struct captions *c = w->c;
    if (w->d->times == TIMES_LABELS) {
        int64_t frame = cue_frame(c, cue, ticks, c->rate.fps, w->report);
        tc_label label = tc_format(c->start + frame, &c->rate);
        label.text[8] = ':';
        buf_text(w->to, label.text);
        return;
    }
    int64_t frame = caption_frames(ticks, c->rate.fps, ROUND_NEAREST);
    if (w->d->times == TIMES_FRAMES && c->rate_said && caption_ticks(frame, c->rate.fps) == ticks) {
        buf_format(w->to, "%lldf", (long long)frame);
        return;
    }
    bool fine = w->d->times == TIMES_FRAMES;
    int64_t parts = fine ? 1000000 : 1000;
    int64_t n = rescale(ticks < 0 ? 0 : ticks, (rational){CAPTION_TICKS, 1}, (rational){parts, 1},
                        ROUND_NEAREST);
    buf_format(w->to, "%02lld:%02d:%02d.%0*d", (long long)(n / parts / 3600),
               (int)(n / parts / 60 % 60), (int)(n / parts % 60), fine ? 6 : 3, (int)(n % parts));
}

// ---- places

static struct region region_of(struct writing *w, const struct caption_cue *cue)
{
    struct caption_place p = cue_place(cue);
    struct region r = {
        .box = {true, 1000, 1000, 8000, 8000}, .vertical = p.vertical, .writing = cue->writing};
    bool cells = !cue->box.said && cue->count && cue->lines[0].row > 0;
    if (p.usual)
        r.vertical = CAPTION_BOTTOM;
    else if (cue->box.said || cells)
        r.box = p.box;
    if (w->d->two_regions) {
        int middle = p.box.y + p.box.height / 2;
        bool own = (cue->box.said || cells) && !p.usual;
        bool top = own && p.box.height < 5000 ? middle < 5000 : r.vertical == CAPTION_TOP;
        if (own || p.vertical == CAPTION_MIDDLE)
            caption_note(w->report, "position", w->c, cue, "it goes to the %s of the picture",
                         top ? "top" : "bottom");
        r.box = (struct caption_box){true, 1000, 1000, 8000, 8000};
        r.vertical = top ? CAPTION_TOP : CAPTION_BOTTOM;
    }
    if (r.box.x + r.box.width > CAPTION_GRID)
        r.box.width = CAPTION_GRID - r.box.x;
    if (r.box.y + r.box.height > CAPTION_GRID)
        r.box.height = CAPTION_GRID - r.box.y;
    return r;
}

static bool region_same(const struct region *a, const struct region *b)
{
    return a->box.x == b->box.x && a->box.y == b->box.y && a->box.width == b->box.width &&
           a->box.height == b->box.height && a->vertical == b->vertical && a->writing == b->writing;
}

static size_t region_index(const struct writing *w, const struct region *r)
{
    size_t i = 0;
    while (i < w->count && !region_same(&w->regions[i], r))
        i++;
    return i;
}

static void add_region_name(const struct writing *w, size_t index)
{
    const struct region *r = &w->regions[index];
    bool usual = r->box.x == 1000 && r->box.y == 1000 && r->box.width == 8000 &&
                 r->box.height == 8000 && r->writing == CAPTION_ACROSS;
    if (usual && r->vertical != CAPTION_MIDDLE)
        buf_text(w->to, r->vertical == CAPTION_TOP ? "top" : "bottom");
    else
        buf_format(w->to, "r%zu", index + 1);
}

static void add_percent(struct buf *to, int value)
{
    buf_format(to, value % 100 ? "%d.%02d%%" : "%d%%", value / 100, value % 100);
}

static void add_regions(struct writing *w)
{
    static const char *const sides[] = {"after", "before", "center"};
    static const char *const ways[] = {"", " tts:writingMode=\"tbrl\"",
                                       " tts:writingMode=\"tblr\""};
    buf_text(w->to, "    <layout>\n");
    for (size_t i = 0; i < w->count; i++) {
        const struct region *r = &w->regions[i];
        buf_text(w->to, "      <region xml:id=\"");
        add_region_name(w, i);
        buf_text(w->to, "\" tts:origin=\"");
        add_percent(w->to, r->box.x);
        buf_text(w->to, " ");
        add_percent(w->to, r->box.y);
        buf_text(w->to, "\" tts:extent=\"");
        add_percent(w->to, r->box.width);
        buf_text(w->to, " ");
        add_percent(w->to, r->box.height);
        buf_format(w->to, "\" tts:displayAlign=\"%s\"%s/>\n", sides[r->vertical], ways[r->writing]);
    }
    buf_text(w->to, "    </layout>\n");
}

enum { MOST_REGIONS = 500 }; // more places than that are laid on those there are

static void find_regions(struct writing *w)
{
    w->regions = ARENA_ARRAY(w->c->arena, struct region, MOST_REGIONS);
    w->regions[w->count++] = (struct region){.box = {true, 1000, 1000, 8000, 8000}};
    struct caption_report quiet = {.arena = w->c->arena}, *kept = w->report;
    w->report = &quiet; // said when the cue is written
    for (size_t i = 0; i < w->c->count; i++) {
        if (!w->c->cues[i].count)
            continue;
        quiet.count = 0;
        struct region r = region_of(w, &w->c->cues[i]);
        if (region_index(w, &r) == w->count && w->count < MOST_REGIONS)
            w->regions[w->count++] = r;
    }
    w->report = kept;
}

static void add_cue(struct writing *w, const struct caption_cue *cue, size_t number)
{
    static const char *const aligns[] = {"center", "start", "end", "left", "right"};
    struct region r = region_of(w, cue);
    size_t region = region_index(w, &r);
    if (region == w->count) {
        caption_note(w->report, "position", w->c, cue, "more than %d places: it goes to the bottom",
                     MOST_REGIONS);
        region = 0;
    }
    if (cue->mode != CAPTION_POP_ON)
        caption_note(w->report, "mode", w->c, cue, "%s becomes pop-on",
                     cue->mode == CAPTION_ROLL_UP ? "roll-up" : "paint-on");
    if (cue->forced && !w->d->forced && w->c->kind != CAPTION_KIND_FORCED)
        caption_note(w->report, "forced", w->c, cue, "that it is forced can not be said");
    buf_format(w->to, "      <p xml:id=\"p%zu\" begin=\"", number);
    add_time(w, cue, cue->in);
    buf_text(w->to, "\" end=\"");
    add_time(w, cue, cue->out);
    buf_text(w->to, "\" region=\"");
    add_region_name(w, region);
    buf_format(w->to, "\" tts:textAlign=\"%s\"%s>", aligns[cue->align],
               cue->forced && w->d->forced ? " itts:forcedDisplay=\"true\"" : "");
    for (size_t i = 0; i < cue->count; i++) {
        if (i)
            buf_text(w->to, "<br/>");
        for (size_t k = 0; k < cue->lines[i].count; k++)
            add_run(w, cue, &cue->lines[i].runs[k]);
    }
    buf_text(w->to, "</p>\n");
}

static void add_rate(struct writing *w)
{
    const struct captions *c = w->c;
    bool thousand = c->rate.fps.den == 1001;
    if (w->d->times == TIMES_CLOCK || !c->rate_said) {
        buf_text(w->to, " ttp:timeBase=\"media\"");
        return;
    }
    buf_format(w->to, " ttp:timeBase=\"%s\" ttp:frameRate=\"%lld\"",
               w->d->times == TIMES_LABELS ? "smpte" : "media",
               (long long)(thousand ? c->rate.fps.num / 1000 : c->rate.fps.num / c->rate.fps.den));
    if (thousand)
        buf_text(w->to, " ttp:frameRateMultiplier=\"1000 1001\"");
    if (w->d->times == TIMES_LABELS)
        buf_format(w->to, " ttp:dropMode=\"%s\"", c->rate.drop ? "dropNTSC" : "nonDrop");
}

static bool write_dialect(const struct captions *c, const struct dialect *d, struct buf *to,
                          struct caption_report *report, struct error *err)
{
    struct writing w = {.c = c, .d = d, .to = to, .report = report};
    if (d->times == TIMES_LABELS && !c->rate_said) {
        error_set(err, ERROR_INPUT, "a file with labels needs the programme's rate");
        return error_fix(err, "say it with --rate");
    }
    if (!c->language.size)
        caption_note(report, "language", c, NULL, "the language is not said: --language TAG");
    find_regions(&w);
    buf_format(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tt %s xml:lang=\"", d->attributes);
    add_escaped(to, c->language);
    buf_text(to, "\"");
    add_rate(&w);
    buf_text(to, ">\n  <head>\n");
    if (c->title.size) {
        buf_text(to, "    <metadata>\n      <ttm:title>");
        add_escaped(to, c->title);
        buf_text(to, "</ttm:title>\n    </metadata>\n");
    }
    buf_text(to, d->head);
    add_regions(&w);
    buf_text(to, "  </head>\n  <body style=\"s\">\n    <div>\n");
    for (size_t i = 0, number = 0; i < c->count; i++)
        if (c->cues[i].count)
            add_cue(&w, &c->cues[i], ++number);
    buf_text(to, "    </div>\n  </body>\n</tt>\n");
    return true;
}

bool ttml_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
                struct caption_report *report, struct error *err)
{
    (void)wish;
    return write_dialect(c, &ttml, to, report, err);
}

bool dfxp_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
                struct caption_report *report, struct error *err)
{
    (void)wish;
    return write_dialect(c, &dfxp, to, report, err);
}

bool imsc_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
                struct caption_report *report, struct error *err)
{
    (void)wish;
    return write_dialect(c, &imsc, to, report, err);
}

bool itt_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
               struct caption_report *report, struct error *err)
{
    (void)wish;
    return write_dialect(c, &itt, to, report, err);
}
