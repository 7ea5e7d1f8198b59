/*
 * Checks of captions. What is allowed is data: a list of rules, each a kind of the table below with
 * its numbers. A kind looks at one cue, with those before and behind it, and says what it saw.
 */
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct letters {
    uint32_t from, to;
};
struct rule {
    const struct kind *kind;
    const char *clause;
    rational seconds;
    int64_t frames, count, children, before, after;
    struct letters *letters;
    size_t letter_count;
};
struct caption_rules {
    const char *title;
    struct rule *rules;
    size_t count;
};

struct look {
    const struct captions *c;
    const struct caption_check *with;
    const struct caption_cue *cue, *next; // next: the one behind it; NULL at the end
    struct arena *arena;
    struct caption_findings *to;
};

static const char *say(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
static const char *say(struct arena *a, const char *format, ...)
{
    char words[300];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    return arena_text(a, words);
}

struct kind {
    const char *name;
    const char *fields; // that it must have, parted by spaces
    void (*check)(const struct look *l, const struct rule *r);
};

static void found(const struct look *l, const struct rule *r, const struct caption_cue *cue,
                  const char *seen, const char *allowed)
{
    struct caption_findings *f = l->to;
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 32;
        struct caption_finding *more = ARENA_ARRAY(l->arena, struct caption_finding, room);
        if (f->count)
            memcpy(more, f->at, f->count * sizeof(*more));
        f->at = more, f->room = room;
    }
    f->at[f->count++] = (struct caption_finding){
        r->kind->name, r->clause, (size_t)(cue - l->c->cues) + 1, cue->source, cue->in,
        seen,          allowed};
}

// ---- durations and gaps: in whole frames, as people set them

static int64_t frames_of(const struct look *l, int64_t ticks)
{
    return caption_frames(ticks, l->c->rate.fps, ROUND_NEAREST);
}

static int64_t limit_frames(const struct look *l, const struct rule *r)
{
    return r->frames ? r->frames
                     : rescale(r->seconds.num, (rational){r->seconds.den, 1}, l->c->rate.fps,
                               ROUND_NEAREST);
}

static void min_duration(const struct look *l, const struct rule *r)
{
    int64_t frames = frames_of(l, l->cue->out - l->cue->in), least = limit_frames(l, r);
    if (frames < least)
        found(l, r, l->cue, say(l->arena, "%lld frames", (long long)frames),
              say(l->arena, "%lld or more", (long long)least));
}

static void max_duration(const struct look *l, const struct rule *r)
{
    int64_t frames = frames_of(l, l->cue->out - l->cue->in), most = limit_frames(l, r);
    if (frames > most)
        found(l, r, l->cue, say(l->arena, "%lld frames", (long long)frames),
              say(l->arena, "%lld or fewer", (long long)most));
}

static void gap(const struct look *l, const struct rule *r)
{
    if (!l->next)
        return;
    int64_t frames = frames_of(l, l->next->in - l->cue->out);
    if (frames >= 0 && frames < r->frames)
        found(l, r, l->next, say(l->arena, "%lld frames after the one before", (long long)frames),
              say(l->arena, "%lld or more", (long long)r->frames));
}

static void near_gap(const struct look *l, const struct rule *r)
{
    if (!l->next)
        return;
    int64_t frames = frames_of(l, l->next->in - l->cue->out);
    if (frames > r->before && frames < r->after)
        found(l, r, l->next, say(l->arena, "%lld frames after the one before", (long long)frames),
              say(l->arena, "%lld, or %lld and more", (long long)r->before, (long long)r->after));
}

static void overlap(const struct look *l, const struct rule *r)
{
    if (l->next && l->next->in < l->cue->out)
        found(l, r, l->next,
              say(l->arena, "it begins %lld frames before the end of the one before",
                  (long long)frames_of(l, l->cue->out - l->next->in)),
              "none");
}

// ---- words

static void line_length(const struct look *l, const struct rule *r)
{
    for (size_t i = 0; i < l->cue->count; i++) {
        size_t n = caption_line_letters(&l->cue->lines[i]);
        if (n > (size_t)r->count)
            found(l, r, l->cue, say(l->arena, "%zu characters in line %zu", n, i + 1),
                  say(l->arena, "%lld", (long long)r->count));
    }
}

static void lines(const struct look *l, const struct rule *r)
{
    if (l->cue->count > (size_t)r->count)
        found(l, r, l->cue, say(l->arena, "%zu lines", l->cue->count),
              say(l->arena, "%lld", (long long)r->count));
}

static void reading_speed(const struct look *l, const struct rule *r)
{
    int64_t most = l->with->children && r->children ? r->children : r->count;
    int64_t letters = 0, ticks = l->cue->out - l->cue->in;
    for (size_t i = 0; i < l->cue->count; i++)
        letters += (int64_t)caption_line_letters(&l->cue->lines[i]);
    if (letters * CAPTION_TICKS > most * ticks)
        found(l, r, l->cue,
              ticks ? say(l->arena, "%.1f characters a second",
                          (double)letters * CAPTION_TICKS / (double)ticks)
                    : "no time at all",
              say(l->arena, "%lld", (long long)most));
}

static bool allowed(const struct rule *r, uint32_t letter)
{
    for (size_t i = 0; i < r->letter_count; i++)
        if (letter >= r->letters[i].from && letter <= r->letters[i].to)
            return true;
    return false;
}

static void glyphs(const struct look *l, const struct rule *r)
{
    for (size_t i = 0; i < l->cue->count; i++)
        for (size_t k = 0; k < l->cue->lines[i].count; k++)
            for (text t = l->cue->lines[i].runs[k].words; t.size;) {
                uint32_t letter = take_letter(&t);
                if (allowed(r, letter))
                    continue;
                char utf8[5] = {0};
                put_letter(letter, utf8);
                found(l, r, l->cue,
                      say(l->arena, "%s (U+%04X)", letter < 0x20 ? "?" : utf8, letter),
                      "the letters of its list");
                return; // one a cue says it
            }
}

static void empty(const struct look *l, const struct rule *r)
{
    if (!l->cue->count)
        found(l, r, l->cue, "no words", "none without");
}

// ---- the picture

// The cut nearest to a frame: how far behind (+) or before (-) it the frame lies.
static bool nearest_cut(const struct look *l, int64_t frame, int64_t *distance)
{
    size_t low = 0, high = l->with->cut_count;
    if (!high)
        return false;
    while (low < high) { // the first cut at or behind the frame
        size_t middle = (low + high) / 2;
        if (l->with->cuts[middle] < frame)
            low = middle + 1;
        else
            high = middle;
    }
    int64_t behind = low < l->with->cut_count ? l->with->cuts[low] - frame : INT64_MAX;
    int64_t before = low > 0 ? frame - l->with->cuts[low - 1] : INT64_MAX;
    *distance = behind <= before ? -behind : before;
    return true;
}

static void snap(const struct look *l, const struct rule *r, int64_t ticks, int64_t wanted,
                 const char *what)
{
    int64_t d;
    if (!nearest_cut(l, frames_of(l, ticks), &d) || d == wanted || d < -r->before || d > r->after)
        return;
    found(l, r, l->cue,
          say(l->arena, "%s %lld frames %s a cut", what, (long long)llabs(d),
              d < 0   ? "before"
              : d > 0 ? "after"
                      : "on"),
          wanted ? say(l->arena, "%lld before it, or over %lld away", (long long)-wanted,
                       (long long)r->before)
                 : say(l->arena, "on it, or over %lld before or %lld after", (long long)r->before,
                       (long long)r->after));
}

static void snap_in(const struct look *l, const struct rule *r)
{
    snap(l, r, l->cue->in, 0, "it begins");
}

static void snap_out(const struct look *l, const struct rule *r)
{
    snap(l, r, l->cue->out, -r->frames, "it ends");
}

static void inside(const struct look *l, const struct rule *r)
{
    if (l->with->duration && frames_of(l, l->cue->out) > l->with->duration)
        found(l, r, l->cue,
              say(l->arena, "it ends %lld frames after the programme",
                  (long long)(frames_of(l, l->cue->out) - l->with->duration)),
              "within the programme");
}

// Looked at once, at the first cue: the encoder says what comes late.
static void load_time(const struct look *l, const struct rule *r)
{
    struct caption_report report = {.arena = l->arena};
    struct cc_608 pairs;
    struct error ignored;
    if (l->cue != l->c->cues ||
        !cc_encode_608(l->c, (rational){30000, 1001}, 900, &pairs, &report, &ignored))
        return;
    for (size_t i = 0; i < report.count; i++)
        if (report.notes[i].cue && strcmp(report.notes[i].group, "load time") == 0)
            found(l, r, &l->c->cues[report.notes[i].cue - 1], report.notes[i].what,
                  "time to send it");
}

static const struct kind kinds[] = {
    {"min-duration", "seconds|frames", min_duration},
    {"max-duration", "seconds|frames", max_duration},
    {"gap", "frames", gap},
    {"near-gap", "before after", near_gap},
    {"overlap", "", overlap},
    {"line-length", "count", line_length},
    {"lines", "count", lines},
    {"reading-speed", "count", reading_speed},
    {"glyphs", "letters", glyphs},
    {"empty", "", empty},
    {"snap-in", "before after", snap_in},
    {"snap-out", "before after frames", snap_out},
    {"inside", "", inside},
    {"load-time", "", load_time},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void captions_check(const struct captions *c, const struct caption_rules *rules,
                    const struct caption_check *with, struct arena *a,
                    struct caption_findings *findings)
{
    struct look l = {.c = c, .with = with, .arena = a, .to = findings};
    for (size_t i = 0; i < c->count; i++) {
        l.cue = &c->cues[i];
        l.next = i + 1 < c->count ? &c->cues[i + 1] : NULL;
        for (size_t k = 0; k < rules->count; k++)
            rules->rules[k].kind->check(&l, &rules->rules[k]);
    }
}

// ---- reading rules

static bool bad(struct error *err, const char *name, size_t row, const char *why, ...)
    PRINTF_LIKE(4, 5);
static bool bad(struct error *err, const char *name, size_t row, const char *why, ...)
{
    char words[300];
    va_list list;
    va_start(list, why);
    vsnprintf(words, sizeof(words), why, list);
    va_end(list);
    error_set(err, ERROR_INPUT, "%s, rule %zu can not be used", name, row);
    error_why(err, "%s", words);
    return error_fix(err, "docs/formats/captions.md tells what rules look like");
}

// "0020-007E" or "266A"
static bool letter_range(const char *words, struct letters *to)
{
    char *end;
    to->from = to->to = (uint32_t)strtoul(words, &end, 16);
    if (end == words || (*end && *end != '-'))
        return false;
    if (*end == '-') {
        const char *second = end + 1;
        to->to = (uint32_t)strtoul(second, &end, 16);
        if (end == second || *end)
            return false;
    }
    return to->from <= to->to && to->to <= 0x10ffff;
}

static bool read_letters(struct arena *a, const json_t *list, struct rule *r)
{
    size_t i;
    json_t *one;
    r->letters = ARENA_ARRAY(a, struct letters, json_array_size(list) + 1);
    json_array_foreach((json_t *)list, i, one)
    {
        const char *words = json_string_value(one);
        if (!words || !letter_range(words, &r->letters[r->letter_count++]))
            return false;
    }
    return r->letter_count > 0;
}

// "5/6", "7" or 7
static bool read_seconds(const json_t *value, rational *to)
{
    int64_t n = json_integer_value(value), d = 1;
    if (json_is_string(value)) {
        text den = text_of(json_string_value(value));
        text num = text_cut(&den, '/');
        if (!text_int(num, &n) || (den.size && !text_int(den, &d)))
            return false;
    }
    *to = rational_make(n, d);
    return n > 0 && d > 0 && n < 100000 && d < 100000;
}

static bool read_rule(struct arena *a, const char *name, size_t row, const json_t *from,
                      struct rule *r, struct error *err)
{
    const char *kind = json_string_value(json_object_get(from, "rule"));
    const char *names[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        if (kind && strcmp(kind, kinds[i].name) == 0)
            r->kind = &kinds[i];
    }
    if (!kind || !r->kind) {
        const char *near = kind ? text_nearest(kind, names, KINDS) : NULL;
        return bad(err, name, row, "there is no rule '%.60s'%s%s", kind ? kind : "",
                   near ? "; did you mean " : "", near ? near : "");
    }
    const char *clause = json_string_value(json_object_get(from, "clause"));
    r->clause = clause ? arena_text(a, clause) : "";
    static const char *const fields[] = {"frames", "count", "children", "before", "after"};
    int64_t *to[] = {&r->frames, &r->count, &r->children, &r->before, &r->after};
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)from, field, value)
    {
        size_t i = 0;
        while (i < 5 && strcmp(fields[i], field) != 0)
            i++;
        bool ok = i < 5 ? json_is_integer(value) && (*to[i] = json_integer_value(value)) >= 0 &&
                              *to[i] < 1000000
                  : strcmp(field, "seconds") == 0 ? read_seconds(value, &r->seconds)
                  : strcmp(field, "letters") == 0
                      ? read_letters(a, value, r)
                      : strcmp(field, "rule") == 0 || strcmp(field, "clause") == 0;
        if (!ok)
            return bad(err, name, row, "its field '%.60s' is not known or has no such value",
                       field);
    }
    const char *needs = r->kind->fields;
    bool time = strchr(needs, '|') && !r->frames && !r->seconds.num;
    bool missing = time;
    for (text rest = text_of(needs); rest.size && !strchr(needs, '|');) {
        char one[32];
        if (text_copy(text_cut(&rest, ' '), one, sizeof(one)))
            missing = missing || !json_object_get(from, one);
    }
    return !missing || bad(err, name, row, "%s needs %s", r->kind->name, needs);
}

bool caption_rules_read(struct arena *a, const char *name, text json, struct caption_rules **to,
                        struct error *err)
{
    json_error_t why;
    json_t *all = json_loadb(json.size ? json.at : "", json.size, JSON_REJECT_DUPLICATES, &why);
    if (!all) {
        error_set(err, ERROR_INPUT, "%s, line %d is not JSON", name, why.line);
        error_why(err, "%s", why.text);
        return error_fix(err, "mend it there");
    }
    const json_t *rules = json_object_get(all, "rules");
    const char *title = json_string_value(json_object_get(all, "title"));
    struct caption_rules *r = ARENA_NEW(a, struct caption_rules);
    size_t i;
    json_t *one;
    bool ok = json_array_size(rules) > 0 && json_array_size(rules) < 200 && title;
    if (!ok) {
        error_set(err, ERROR_INPUT, "%s has no rules", name);
        error_why(err, "it needs a title and a list of up to 200 rules");
        error_fix(err, "docs/formats/captions.md tells what rules look like");
    } else {
        r->title = arena_text(a, title);
        r->rules = ARENA_ARRAY(a, struct rule, json_array_size(rules));
        json_array_foreach((json_t *)rules, i, one)
        {
            if (ok && !(ok = read_rule(a, name, i + 1, one, &r->rules[r->count++], err)))
                break;
        }
    }
    json_decref(all);
    *to = r;
    return ok;
}

const char *caption_rules_title(const struct caption_rules *r)
{
    return r->title;
}
