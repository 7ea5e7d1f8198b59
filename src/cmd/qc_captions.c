#include "cmd/qc_captions.h"
#include "cmd/caption.h"
#include "formats/captions/embed.h"
#include "house/qc/qc.h"

#include <stdio.h>
#include <string.h>

enum { FILES_MOST = 32, FINDINGS_MOST = 2000 };

struct checking {
    struct command_call *call;
    json_t *report;
    struct caption_programme film;
    struct caption_rules *rules;
    const char *rules_name;
};

static void add(struct checking *q, const char *rule, const char *severity, const char *where,
                const char *clause, const char *seen, const char *allowed, int64_t from, int64_t to)
{
    json_t *f = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "rule", rule, "check",
                          "captions", "clause", clause, "source", q->rules_name, "severity",
                          severity, "seen", seen, "allowed", allowed, "where", where);
    if (from >= 0) {
        json_object_set_new(f, "from", json_integer(from));
        json_object_set_new(f, "to", json_integer(to < from ? from : to));
        json_object_set_new(f, "timecode",
                            json_string(tc_format(q->film.start + from, &q->film.rate).text));
    }
    qc_report_add(q->report, f);
}

static void refused(struct checking *q, const char *rule, const char *file, const struct error *why)
{
    char seen[700];
    snprintf(seen, sizeof(seen), "%s%s%s", why->what, *why->why ? ": " : "", why->why);
    add(q, rule, "fix", file, "", seen, why->fix, -1, -1);
}

// Each fault of the rules, at the frames of its cue.
static void rule_faults(struct checking *q, const struct caption_given *g)
{
    struct caption_findings f = {0};
    captions_check(g->c, q->rules, &(struct caption_check){.duration = q->film.frames},
                   q->call->arena, &f);
    for (size_t i = 0; i < f.count && i < FINDINGS_MOST; i++) {
        const struct caption_finding *one = &f.at[i];
        const struct caption_cue *cue = one->cue ? &g->c->cues[one->cue - 1] : NULL;
        rational rate = q->film.rate.fps;
        int64_t from = cue ? caption_frames(one->at, rate, ROUND_NEAREST) : -1;
        int64_t to = cue ? caption_frames(cue->out, rate, ROUND_NEAREST) - 1 : -1;
        bool inside = strcmp(one->rule, "inside") == 0;
        add(q, arena_format(q->call->arena, "caption-%s", one->rule), inside ? "fix" : "issue",
            one->cue ? arena_format(q->call->arena, "%s, cue %zu", g->file, one->cue) : g->file,
            one->clause, one->seen, one->allowed, from, to);
    }
}

static bool one_file(struct checking *q, struct caption_given *g, struct error *err)
{
    struct caption_wish wish = {.name = g->file,
                                .rate_said = true,
                                .rate = q->film.rate,
                                .start_said = true,
                                .start = q->film.start,
                                .language = *g->language ? g->language : NULL};
    struct caption_report report = {.arena = q->call->arena};
    enum caption_format format;
    text bytes;
    struct error why;
    if (!caption_bytes(q->call, g->file, &bytes, err))
        return false;
    if (!caption_format_of(bytes, g->file, &format)) {
        error_set(&why, ERROR_UNSUPPORTED, "it is no caption file that Posthouse knows");
        error_fix(&why, "a format of `posthouse caption --help`");
        refused(q, "caption-unreadable", g->file, &why);
        return true;
    }
    if (!captions_read(q->call->arena, bytes, format, &wish, &g->c, &report, &why)) {
        // A label before the first frame is a wish that does not fit; the rest is damage.
        refused(q, why.kind == ERROR_INPUT ? "caption-start" : "caption-unreadable", g->file, &why);
        return true;
    }
    caption_given_complete(g, format);
    if (!caption_fits(g->c, q->film.frames, g->file, &why))
        refused(q, "caption-programme", g->file, &why);
    else
        rule_faults(q, g);
    return true;
}

static void missing(struct checking *q, const json_t *profile, const struct caption_given *list,
                    size_t count)
{
    const json_t *asked = json_object_get(profile, "captions"), *language;
    const char *title = json_string_value(json_object_get(profile, "title"));
    size_t i;
    json_array_foreach(json_object_get(asked, "languages"), i, language)
    {
        const char *wanted = json_string_value(language);
        const char *code = caption_language_code(text_of(wanted));
        bool there = false;
        for (size_t k = 0; k < count; k++)
            there |= strcmp(caption_language_code(text_of(list[k].language)), code) == 0;
        if (!there)
            add(q, "caption-missing", "fix", "", title ? title : "",
                arena_format(q->call->arena, "no captions in %s", wanted), "captions in it", -1,
                -1);
    }
    if (json_is_true(json_object_get(asked, "needed")) && !count)
        add(q, "caption-missing", "fix", "", title ? title : "", "no captions",
            "captions with the master", -1, -1);
}

bool qc_captions(struct command_call *call, const json_t *facts, const json_t *profile,
                 json_t *report, struct error *err)
{
    struct checking q = {.call = call, .report = report, .rules_name = "captions"};
    struct caption_given *list = ARENA_ARRAY(call->arena, struct caption_given, FILES_MOST);
    const char *given = option_text(call, "captions"), *rules = option_text(call, "caption-rules");
    size_t count = 0;
    if (!given && !json_object_get(profile, "captions"))
        return true;
    if (!caption_programme_of(facts, &q.film, err))
        return !given; // sound alone has no captions to miss
    if (!caption_rules_of(call, rules ? rules : "house", &q.rules, err))
        return false;
    q.rules_name = caption_rules_title(q.rules);
    for (text rest = text_of(given); rest.size; count++) {
        if (count == FILES_MOST)
            return error_set(err, ERROR_TOO_BIG, "more than %d caption files", FILES_MOST);
        list[count] = caption_given_parse(call->arena, text_cut(&rest, '\n'));
        if (!one_file(&q, &list[count], err))
            return false;
    }
    if (profile)
        missing(&q, profile, list, count);
    return true;
}
