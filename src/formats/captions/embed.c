/*
 * Captions laid out for a film's muxer.
 *
 * In pictures: the pairs of the first file go as CC1 (field 1) and as service 1 of 708, those of a
 * second one as CC3 (field 2), which differs in the first byte of its control codes only. Pairs
 * that stand for nothing are left out of the plan; the muxer fills every frame to its cadence.
 *
 * Text tracks of MP4 can not show two samples at once: where cues overlap they are made into
 * samples that hold what is seen together.
 */
#include "formats/captions/embed.h"
#include "formats/captions/c608.h"
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

#include <stdlib.h>
#include <string.h>

// ---- words

static const char *const kinds[] = {"subtitle", "sdh", "forced", "cc"};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

bool caption_kind_named(const char *name, enum caption_kind *kind)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i], name) == 0) {
            *kind = (enum caption_kind)i;
            return true;
        }
    return false;
}

// "en", "pt-BR", "zh-Hant-TW"
static bool is_tag(text t)
{
    size_t part = 0, first = 0;
    for (size_t i = 0; i <= t.size; i++) {
        char c = i < t.size ? t.at[i] : '-';
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z', digit = c >= '0' && c <= '9';
        if (c == '-') {
            if (!part || part > 8)
                return false;
            first = first ? first : part;
            part = 0;
        } else if (!letter && (!digit || !first)) {
            return false;
        } else {
            part++;
        }
    }
    return first == 2 || first == 3;
}

static text behind_colon(text *t)
{
    for (size_t i = t->size; i-- > 0;)
        if (t->at[i] == ':') {
            text last = {t->at + i + 1, t->size - i - 1};
            t->size = i;
            return last;
        }
    return (text){0};
}

struct caption_given caption_given_parse(struct arena *a, text said)
{
    struct caption_given g = {.language = "", .role = ""};
    text rest = said, last = behind_colon(&rest);
    enum caption_kind kind;
    const char *word = arena_copy(a, last.at ? last.at : "", last.size);
    if (last.size && caption_kind_named(word, &kind)) {
        g.role = word;
        said = rest;
        last = behind_colon(&rest);
    }
    if (last.size && is_tag(last)) {
        g.language = arena_copy(a, last.at, last.size);
        said = rest;
    }
    g.file = arena_copy(a, said.at ? said.at : "", said.size);
    return g;
}

void caption_given_complete(struct caption_given *g, enum caption_format format)
{
    bool closed = format == CAPTION_SCC || format == CAPTION_MCC;
    enum caption_kind kind;
    if (!*g->language && g->c->language.size)
        g->language = arena_copy(g->c->arena, g->c->language.at, g->c->language.size);
    if (!*g->role)
        g->role = kinds[closed ? CAPTION_KIND_CC : g->c->kind];
    if (caption_kind_named(g->role, &kind))
        g->c->kind = kind;
    if (*g->language)
        g->c->language = text_of(g->language);
}

bool caption_programme_of(const json_t *facts, struct caption_programme *p, struct error *err)
{
    const json_t *constant = json_object_get(facts, "constant"),
                 *tc = json_object_get(facts, "timecode");
    const char *rate = json_string_value(json_object_get(constant ? constant : facts, "rate"));
    const char *start = json_string_value(json_object_get(tc, "start"));
    int base = (int)json_integer_value(json_object_get(tc, "base"));
    bool drop = json_is_true(json_object_get(tc, "drop"));
    rational fps;
    *p = (struct caption_programme){
        .frames = json_integer_value(
            json_object_get(constant ? constant : facts, constant ? "frames" : "duration_frames"))};
    if (!rate)
        return error_set(err, ERROR_INPUT, "the film says no rate");
    if (!rational_parse(text_of(rate), &fps, err))
        return false;
    if (!(base > 0 && tc_rate_with_base(fps, base, drop, &p->rate, err)) &&
        !tc_rate_make(fps, false, &p->rate, err))
        return false;
    return !start || tc_parse(text_of(start), &p->rate, &p->start, err);
}

bool caption_fits(const struct captions *c, int64_t frames, const char *name, struct error *err)
{
    int64_t end = caption_ticks(frames, c->rate.fps);
    for (size_t i = 0; frames > 0 && i < c->count; i++) {
        if (c->cues[i].in < end)
            continue;
        int64_t at = caption_frames(c->cues[i].in, c->rate.fps, ROUND_NEAREST);
        error_set(err, ERROR_INPUT, "%s is not of this programme", name);
        error_why(err, "its cue %zu begins at %s, and the programme ends at %s", i + 1,
                  tc_format(c->start + at, &c->rate).text,
                  tc_format(c->start + frames, &c->rate).text);
        return error_fix(err, "name the right file; or retime it (`posthouse caption retime`)");
    }
    return true;
}

bool caption_conform(struct captions *c, rational rate, const char *conform,
                     struct caption_report *report, struct error *err)
{
    struct caption_retime how = {.speed_from = rate};
    return !conform || !*conform ||
           (rational_parse(text_of(conform), &how.speed_to, err) &&
            (rational_equal(how.speed_from, how.speed_to) ||
             captions_retime(c, &how, report, err)));
}

bool caption_film_planned(const json_t *plan, struct caption_film *film)
{
    const char *said = json_string_value(json_object_get(plan, "rate"));
    const json_t *frames = json_object_get(plan, "frames");
    struct error ignored;
    rational rate;
    if (!said || !json_is_integer(frames) || !rational_parse(text_of(said), &rate, &ignored))
        return false;
    film->rate = rate, film->frames = json_integer_value(frames);
    return true;
}

void caption_film_conformed(const char *conform, struct caption_film *film)
{
    struct error ignored;
    rational rate;
    if (conform && *conform && rational_parse(text_of(conform), &rate, &ignored))
        film->rate = rate;
}

// ---- pairs and blocks

static void add_hex(struct buf *to, const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_format(to, "%02x", at[i]);
}

static bool idle(const uint8_t pair[2])
{
    return pair[0] == 0x80 && pair[1] == 0x80;
}

// The control codes of field 2 begin with 0x15 where those of field 1 do with 0x14.
static void to_field_2(const struct cc_608 *p)
{
    for (int64_t i = 0; i < p->count; i++)
        if ((p->at[i][0] & 0x7f) == 0x14 && (p->at[i][1] & 0x70) == 0x20)
            p->at[i][0] = c608_parity(0x15);
}

// [[number of the first, "9420942c..."]...]: pairs behind one another, without those for nothing.
static json_t *pair_runs(const struct cc_608 *p, int64_t most)
{
    json_t *runs = json_array();
    int64_t count = p->count < most ? p->count : most;
    struct buf hex = BUF_LIMIT(64 << 20);
    for (int64_t i = 0, first = -1; i <= count; i++) {
        bool said = i < count && !idle(p->at[i]);
        if (said && first < 0)
            first = i;
        if (said)
            add_hex(&hex, p->at[i], 2);
        if (!said && first >= 0) {
            json_array_append_new(runs, json_pack("[I, s]", (json_int_t)first, hex.at));
            buf_drop_front(&hex, hex.size);
            first = -1;
        }
    }
    buf_free(&hex);
    return runs;
}

static json_t *block_rows(const struct cc_708 *b, int64_t frames)
{
    json_t *rows = json_array();
    char hex[64];
    for (int64_t i = 0; i < b->count && i < frames; i++) {
        for (size_t k = 0; k < b->at[i].size; k++)
            snprintf(hex + 2 * k, 3, "%02x", b->at[i].at[k]);
        if (b->at[i].size)
            json_array_append_new(rows, json_pack("[I, s]", (json_int_t)i, hex));
    }
    return rows;
}

struct embedding {
    struct arena *a;
    const struct caption_film *film;
    rational pair_rate; // 50 and 60 frames a second have a pair for two frames
    int64_t pairs;
    struct caption_report *report;
};

static bool make_pairs(struct embedding *e, const struct captions *c, bool second, json_t **runs,
                       struct error *err)
{
    struct cc_608 p;
    if (!cc_encode_608(c, e->pair_rate, 0, &p, e->report, err))
        return false;
    if (second)
        to_field_2(&p);
    *runs = pair_runs(&p, e->pairs);
    return true;
}

static bool make_cc(struct embedding *e, const struct caption_given *list, size_t count, json_t *to,
                    struct error *err)
{
    static const char *const fields[] = {"first", "second"};
    json_t *cc = json_object(), *runs;
    struct cc_708 blocks;
    json_object_set_new(to, "cc", cc);
    for (size_t i = 0; i < count && i < 2; i++) {
        if (!make_pairs(e, list[i].c, i == 1, &runs, err))
            return false;
        json_object_set_new(cc, fields[i], runs);
    }
    if (count > 2)
        caption_note_whole(e->report, "channel",
                           "pictures carry two languages (CC1, CC3): those behind are left out");
    if (!cc_encode_708(list[0].c, e->film->rate, 0, &blocks, e->report, err))
        return false;
    json_object_set_new(cc, "blocks", block_rows(&blocks, e->film->frames));
    return true;
}

// ---- tracks

static json_t *track_of(const char *kind, const struct caption_given *g)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "language",
                     caption_language_code(text_of(g->language)), "tag", g->language, "role",
                     g->role);
}

static bool make_c608(struct embedding *e, const struct caption_given *g, json_t *track,
                      struct error *err)
{
    json_t *runs;
    if (!make_pairs(e, g->c, false, &runs, err))
        return false;
    json_object_set_new(track, "rows", runs);
    json_object_set_new(track, "rate", json_string(rational_text(e->pair_rate).text));
    json_object_set_new(track, "count", json_integer(e->pairs));
    return true;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The cue's words behind those that are in `words` already, and where their styles lie.
static void add_text(struct buf *words, json_t *styles, int64_t *letters,
                     const struct caption_cue *cue)
{
    for (size_t i = 0; i < cue->count; i++) {
        if (words->size)
            buf_text(words, "\n"), ++*letters;
        for (size_t k = 0; k < cue->lines[i].count; k++) {
            const struct caption_run *r = &cue->lines[i].runs[k];
            int64_t from = *letters;
            for (text t = r->words; t.size; ++*letters)
                take_letter(&t);
            buf_add(words, r->words.at, r->words.size);
            int face = r->style.bold | r->style.italic << 1 | r->style.underline << 2;
            if (face || r->style.colour)
                json_array_append_new(
                    styles,
                    json_pack("[I, I, i, I]", (json_int_t)from, (json_int_t)*letters, face,
                              (json_int_t)(r->style.colour ? r->style.colour : 0xffffffff)));
        }
    }
}

static void place_note(const struct embedding *e, const struct captions *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (!cue_place(&c->cues[i]).usual)
            caption_note(e->report, "position", c, &c->cues[i],
                         "a text track of MP4 shows it at the bottom");
}

// [[in, out, "words", [[from, to, face, colour]...]]...] in frames, one after another.
static bool make_text(struct embedding *e, const struct caption_given *g, json_t *track,
                      struct error *err)
{
    (void)err;
    const struct captions *c = g->c;
    rational rate = e->film->rate;
    json_t *rows = json_array();
    int64_t *edges = ARENA_ARRAY(e->a, int64_t, c->count * 2 + 1);
    for (size_t i = 0; i < c->count; i++) {
        edges[2 * i] = caption_frames(c->cues[i].in, rate, ROUND_NEAREST);
        edges[2 * i + 1] = caption_frames(c->cues[i].out, rate, ROUND_NEAREST);
    }
    int64_t *cues = ARENA_ARRAY(e->a, int64_t, c->count * 2 + 1);
    memcpy(cues, edges, c->count * 2 * sizeof(*cues));
    qsort(edges, c->count * 2, sizeof(*edges), by_number);
    size_t low = 0;
    for (size_t i = 0; i + 1 < c->count * 2; i++) {
        int64_t in = edges[i], out = edges[i + 1];
        if (in == out || in >= e->film->frames)
            continue;
        struct buf words = BUF_LIMIT(60000);
        json_t *styles = json_array();
        int64_t letters = 0;
        while (low < c->count && cues[2 * low + 1] <= in)
            low++;
        for (size_t k = low; k < c->count && cues[2 * k] <= in; k++)
            if (cues[2 * k + 1] > in)
                add_text(&words, styles, &letters, &c->cues[k]);
        if (words.size)
            json_array_append_new(
                rows, json_pack("[I, I, s, O]", (json_int_t)in,
                                (json_int_t)(out < e->film->frames ? out : e->film->frames),
                                words.at, styles));
        json_decref(styles);
        buf_free(&words);
    }
    json_object_set_new(track, "rows", rows);
    place_note(e, c);
    return true;
}

static bool make_ttml(struct embedding *e, const struct caption_given *g, json_t *track,
                      struct error *err)
{
    struct buf out = BUF_LIMIT(64 << 20);
    struct caption_wish wish = {.rate_said = true, .rate = g->c->rate};
    bool ok = captions_write(g->c, CAPTION_IMSC, &wish, &out, e->report, err);
    if (ok)
        json_object_set_new(track, "document", json_stringn(out.at, out.size));
    buf_free(&out);
    return ok;
}

// [[in, out, "payload", "settings"]...]: what the writer of the format makes, cue by cue.
static bool make_webvtt(struct embedding *e, const struct caption_given *g, json_t *track,
                        struct error *err)
{
    struct caption_wish wish = {.rate_said = true, .rate = g->c->rate};
    json_t *rows = json_array();
    bool ok = true;
    json_object_set_new(track, "rows", rows);
    for (size_t i = 0; ok && i < g->c->count; i++) {
        struct captions one = *g->c;
        struct buf out = BUF_LIMIT(1 << 20);
        one.cues += i, one.count = 1;
        ok = captions_write(&one, CAPTION_VTT, &wish, &out, e->report, err);
        const char *arrow = ok ? strstr(out.at, " --> ") : NULL;
        if (arrow) {
            text settings = {arrow + 5, strcspn(arrow + 5, "\n")};
            text words = text_trim(text_of(settings.at + settings.size));
            text_cut(&settings, ' ');
            int64_t in = caption_frames(one.cues->in, e->film->rate, ROUND_NEAREST),
                    end = caption_frames(one.cues->out, e->film->rate, ROUND_NEAREST);
            json_array_append_new(rows, json_pack("[I, I, s%, s%]", (json_int_t)in, (json_int_t)end,
                                                  words.at, words.size,
                                                  settings.at ? settings.at : "", settings.size));
        }
        buf_free(&out);
    }
    return ok;
}

// ---- all of it

static const struct way {
    const char *name, *holders; // codecs of pictures; containers
    bool (*make)(struct embedding *, const struct caption_given *, json_t *, struct error *);
    const char *fix;
} ways[] = {
    {"cc", " libx264 libx265 mpeg2video ", NULL,
     "use c608 in QuickTime, or a caption file beside it"},
    {"c608", " mov ", make_c608, "QuickTime has it: choose a profile of .mov"},
    {"text", " mp4 mov ", make_text, "MP4 and QuickTime have it"},
    {"ttml", " mp4 ", make_ttml, "MP4 has it: choose a profile of .mp4"},
    {"webvtt", " matroska ", make_webvtt,
     "Matroska has it; in MP4 use text or ttml, or a file beside it"},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static const struct way *way_named(const char *name, struct error *err)
{
    for (size_t i = 0; i < WAYS; i++)
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    error_set(err, ERROR_INPUT, "captions can not be put in as '%s'", name);
    error_fix(err, "it is one of cc, c608, text, ttml, webvtt");
    return NULL;
}

static bool has_way(const struct caption_film *f, const struct way *w, struct error *err)
{
    char word[40];
    const char *in = w->make ? f->container : f->codec ? f->codec : "no picture";
    snprintf(word, sizeof(word), " %.30s ", in);
    if (strstr(w->holders, word))
        return true;
    error_set(err, ERROR_UNSUPPORTED, "captions can not go in as %s", w->name);
    error_why(err, "%s has no place for them", in);
    return error_fix(err, "%s", w->fix);
}

static bool embed(struct embedding *e, const struct caption_given *list, size_t count, json_t *to,
                  struct error *err)
{
    json_t *tracks = json_array();
    json_object_set_new(to, "tracks", tracks);
    for (size_t i = 0; i < e->film->way_count; i++) {
        const struct way *w = way_named(e->film->ways[i], err);
        if (!w || !has_way(e->film, w, err) || (!w->make && !make_cc(e, list, count, to, err)))
            return false;
        for (size_t k = 0; w->make && k < count; k++) {
            json_t *track = track_of(w->name, &list[k]);
            json_array_append_new(tracks, track);
            if (!w->make(e, &list[k], track, err))
                return false;
        }
    }
    return true;
}

bool captions_embed(struct arena *a, const struct caption_given *list, size_t count,
                    const struct caption_film *film, json_t **to, struct caption_report *report,
                    struct error *err)
{
    bool halves = film->rate.num > 31 * film->rate.den;
    struct embedding e = {.a = a,
                          .film = film,
                          .pair_rate = {film->rate.num, film->rate.den * (halves ? 2 : 1)},
                          .pairs = halves ? (film->frames + 1) / 2 : film->frames,
                          .report = report};
    report->arena = a;
    *to = json_pack("{s:s, s:I}", "rate", rational_text(film->rate).text, "frames",
                    (json_int_t)film->frames);
    if (!count || embed(&e, list, count, *to, err))
        return true;
    json_decref(*to), *to = NULL;
    return false;
}

bool caption_sidecar_format(const json_t *formats, enum caption_kind kind,
                            enum caption_format *format)
{
    bool wants = kind == CAPTION_KIND_CC, found = false;
    size_t i;
    const json_t *name;
    json_array_foreach((json_t *)(uintptr_t)formats, i, name)
    {
        enum caption_format f;
        if (!caption_format_named(text_of(json_string_value(name)), &f))
            continue;
        bool closed = f == CAPTION_SCC || f == CAPTION_MCC;
        if (!found ||
            (closed == wants && (*format == CAPTION_SCC || *format == CAPTION_MCC) != wants))
            *format = f;
        found = true;
    }
    return found;
}

void caption_beside_name(const char *pattern, const char *film, const char *language,
                         const char *role, size_t number, enum caption_format format, char to[256])
{
    const char *dot = strrchr(film, '.');
    const struct {
        const char *field;
        int size;
        const char *value;
    } fields[] = {{"{name}", dot && dot != film ? (int)(dot - film) : (int)strlen(film), film},
                  {"{language}", (int)strlen(language), language},
                  {"{role}", (int)strlen(role), role}};
    struct buf b = BUF_LIMIT(1000);
    for (const char *c = pattern ? pattern : "{name}.{language}.{role}"; *c;) {
        size_t i = 0;
        while (i < 3 && strncmp(c, fields[i].field, strlen(fields[i].field)) != 0)
            i++;
        if (i == 3)
            buf_add(&b, c++, 1);
        else if (fields[i].size)
            buf_add(&b, fields[i].value, (size_t)fields[i].size);
        else if (b.size)
            b.size--;
        c += i < 3 ? strlen(fields[i].field) : 0;
    }
    const char *ending = caption_format_facts(format)->ending;
    char like[24] = "";
    if (number > 1)
        snprintf(like, sizeof(like), "-%zu", number);
    int most = 255 - (int)strlen(like) - (int)strlen(ending);
    int size = (int)b.size < most ? (int)b.size : most;
    while (size < (int)b.size && size > 0 && ((unsigned char)b.at[size] & 0xc0) == 0x80)
        size--; // never within a letter
    snprintf(to, 256, "%.*s%s%s", size, b.at ? b.at : "", like, ending);
    buf_free(&b);
}
