// posthouse caption check and retime: captions against rules, and along with their picture.
#include "cmd/caption.h"
#include "cmd/settings.h"
#include "formats/captions/document.h"

#include <stdio.h>
#include <string.h>

// ---- positions, as options and files have them

// "1440" or "01:00:00:00": frames of the programme. A label counts from its first frame when
// `absolute`, and is a length otherwise.
bool caption_position(const struct captions *c, text t, bool absolute, int64_t *frames,
                      struct error *err)
{
    t = text_trim(t);
    if (text_int(t, frames))
        return true;
    bool minus = t.size && t.at[0] == '-';
    if (t.size && (t.at[0] == '-' || t.at[0] == '+'))
        t.at++, t.size--;
    if (text_int(t, frames))
        return true;
    if (!tc_parse(t, &c->rate, frames, err))
        return false;
    *frames = absolute ? *frames - c->start : minus ? -*frames : *frames;
    return true;
}

static bool read_cuts(struct command_call *call, const struct captions *c, const char *path,
                      struct caption_check *with, struct error *err)
{
    text bytes;
    if (!caption_bytes(call, path, &bytes, err))
        return false;
    int64_t *cuts = ARENA_ARRAY(call->arena, int64_t, bytes.size / 2 + 1);
    with->cuts = cuts;
    for (size_t at = 1; bytes.size; at++) {
        text line = text_trim(text_cut(&bytes, '\n'));
        if (!line.size || line.at[0] == '#')
            continue;
        if (!caption_position(c, line, true, &cuts[with->cut_count], err))
            return error_while(err, "%s, line %zu", path, at);
        if (with->cut_count && cuts[with->cut_count] < cuts[with->cut_count - 1]) {
            error_set(err, ERROR_INPUT, "%s, line %zu lies before the line above", path, at);
            return error_fix(err, "list the cuts in their order");
        }
        with->cut_count++;
    }
    return true;
}

// ---- check

bool caption_rules_of(struct command_call *call, const char *name, struct caption_rules **rules,
                      struct error *err)
{
    char folder[4096];
    const char *path = name;
    if (!strchr(name, '/') && !text_ends(text_of(name), ".json")) {
        if (!settings_data_folder(call->config, folder, sizeof(folder))) {
            error_set(err, ERROR_NOT_FOUND, "the house's rules are missing");
            return error_fix(err, "set data.folder to where data/ lies");
        }
        path = arena_format(call->arena, "%s/rules/captions/%s.json", folder, name);
    }
    text bytes;
    if (caption_bytes(call, path, &bytes, err))
        return caption_rules_read(call->arena, path, bytes, rules, err);
    if (err->kind == ERROR_NOT_FOUND && path != name) {
        error_set(err, ERROR_NOT_FOUND, "there are no rules %s", name);
        error_fix(err,
                  "choose a file of data/rules/captions, such as netflix-ttsg, or give a path");
    }
    return false;
}

static void print_findings(const char *path, const struct captions *c,
                           const struct caption_findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct caption_finding *one = &f->at[i];
        printf("%s:%zu: cue %zu at %s: %s: %s (allowed: %s)%s%s\n", path, one->source, one->cue,
               tc_format(c->start + caption_frames(one->at, c->rate.fps, ROUND_NEAREST), &c->rate)
                   .text,
               one->rule, one->seen, one->allowed, one->clause[0] ? "; " : "", one->clause);
    }
}

static int check_one(struct command_call *call, const char *path, struct caption_rules *rules)
{
    struct error err;
    struct caption_opened o;
    struct caption_check with = {.children = option_flag(call, "children")};
    const char *duration = option_text(call, "duration"), *cuts = option_text(call, "cuts");
    if (!caption_open(call, path, &o, &err) ||
        (duration && !caption_position(o.c, text_of(duration), false, &with.duration, &err)) ||
        (cuts && !read_cuts(call, o.c, cuts, &with, &err)))
        return command_failed(&err);
    if (!duration)
        with.duration = o.film_frames;
    struct caption_findings f = {0};
    captions_check(o.c, rules, &with, call->arena, &f);
    if (option_flag(call, "json")) {
        json_t *all =
            json_pack("{s:s, s:s, s:I, s:o, s:o}", "file", path, "rules",
                      caption_rules_title(rules), "cues", (json_int_t)o.c->count, "findings",
                      caption_findings_json(o.c, &f), "notes", caption_notes_json(&o.report));
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
    } else {
        print_findings(path, o.c, &f);
        printf("%s: %zu cues, %zu findings (%s)\n", path, o.c->count, f.count,
               caption_rules_title(rules));
        caption_notes_print(&o.report);
    }
    return f.count ? 1 : 0;
}

int caption_check(struct command_call *call)
{
    struct error err;
    struct caption_rules *rules;
    const char *name = option_text(call, "rules");
    if (!caption_rules_of(call, name ? name : "house", &rules, &err))
        return command_failed(&err);
    int worst = 0;
    for (size_t i = 1; i < call->word_count; i++) {
        int status = check_one(call, call->words[i], rules);
        worst = status > worst ? status : worst;
    }
    return worst;
}

// ---- retime

// "0-1440,2000-3000" or "01:00:00:00-01:01:00:00"
static bool read_keep(struct command_call *call, const struct captions *c,
                      struct caption_retime *how, struct error *err)
{
    const char *given = option_text(call, "keep");
    if (!given)
        return true;
    struct caption_range *parts =
        ARENA_ARRAY(call->arena, struct caption_range, strlen(given) / 2 + 1);
    how->keep = parts;
    for (text rest = text_of(given); rest.size; how->keep_count++) {
        text out = text_cut(&rest, ',');
        text in = text_cut(&out, '-');
        if (!caption_position(c, in, true, &parts[how->keep_count].in, err) ||
            !caption_position(c, out, true, &parts[how->keep_count].out, err))
            return error_while(err, "--keep");
    }
    return true;
}

bool caption_speed(const char *given, struct caption_retime *how, struct error *err)
{
    if (!given)
        return true;
    text to = text_of(given);
    text from = text_cut(&to, ':');
    if (to.size && rational_parse(from, &how->speed_from, err) &&
        rational_parse(to, &how->speed_to, err))
        return true;
    error_set(err, ERROR_USAGE, "a speed can not be '%s'", given);
    return error_fix(err, "write FROM:TO, such as 24:25");
}

int caption_retime(struct command_call *call)
{
    struct error err;
    struct caption_opened o;
    struct caption_retime how = {0};
    const char *offset = option_text(call, "offset");
    int64_t frames = 0;
    if (!caption_open(call, call->words[1], &o, &err) || !read_keep(call, o.c, &how, &err) ||
        !caption_speed(option_text(call, "speed"), &how, &err))
        return command_failed(&err);
    struct captions after = *o.c; // an offset counts frames of what comes out
    if (how.speed_to.num && !tc_rate_make(how.speed_to, false, &after.rate, &err))
        return command_failed(&err);
    if (offset && !caption_position(&after, text_of(offset), false, &frames, &err)) {
        error_while(&err, "--offset");
        return command_failed(&err);
    }
    how.offset = caption_ticks(frames, after.rate.fps);
    if (!captions_retime(o.c, &how, &o.report, &err) ||
        !caption_save(call, &o, call->words[2], &err))
        return command_failed(&err);
    return caption_finish(call, &o, call->words[2]);
}
