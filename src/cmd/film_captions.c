// Captions for a film that is made: read, retimed, planned, and written beside it.
#include "cmd/film_captions.h"
#include "cmd/caption.h"
#include "formats/captions/within.h"
#include "formats/metadata/metadata.h"
#include "formats/profile/profile.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>

enum { FILES_MOST = 32, WAYS_MOST = 8, BESIDE_BYTES = 256 << 20 };

static bool read_one(struct command_call *call, struct caption_given *g, struct film_captions *f,
                     struct error *err)
{
    struct caption_wish wish = {.name = g->file,
                                .rate_said = true,
                                .rate = f->film.rate,
                                .start_said = true,
                                .start = f->film.start,
                                .language = *g->language ? g->language : NULL};
    enum caption_format format;
    text bytes;
    if (!caption_bytes(call, g->file, &bytes, err))
        return false;
    if (!caption_format_of(bytes, g->file, &format)) {
        error_set(err, ERROR_UNSUPPORTED, "%s is no caption file that Posthouse knows", g->file);
        return error_fix(err, "`posthouse caption --help` lists the formats");
    }
    if (!captions_read(call->arena, bytes, format, &wish, &g->c, &f->report, err))
        return false;
    caption_given_complete(g, format);
    return true;
}

static bool retime(const struct command_call *call, struct caption_given *g,
                   struct film_captions *f, struct error *err)
{
    struct caption_retime how = {0};
    const char *offset = option_text(call, "captions-offset");
    int64_t frames = 0;
    if (!caption_speed(option_text(call, "captions-speed"), &how, err) ||
        (offset && !caption_position(g->c, text_of(offset), false, &frames, err)))
        return error_while(err, "%s", offset ? "--captions-offset" : "--captions-speed");
    how.offset = caption_ticks(frames, f->film.rate.fps);
    struct tc_rate film = f->film.rate;
    if (!captions_retime(g->c, &how, &f->report, err))
        return false;
    g->c->rate = film, g->c->start = f->film.start; // its times are the film's now
    return true;
}

// A profile that changes the film's speed changes theirs, unless somebody says another.
static bool conform(const struct command_call *call, struct caption_given *g,
                    struct film_captions *f, struct error *err)
{
    const char *to = json_string_value(json_object_get(f->profile, "conform"));
    if (option_text(call, "captions-speed"))
        return true;
    bool done = caption_conform(g->c, f->film.rate.fps, to, &f->report, err);
    g->c->rate = f->film.rate, g->c->start = f->film.start; // its times are the deliverable's now
    return done;
}

// The words of an option, or a profile's list.
static size_t list_of(struct command_call *call, const char *option, const json_t *list,
                      const char **to, size_t room)
{
    size_t count = 0, i;
    const json_t *one;
    if (option_text(call, option)) {
        for (text rest = text_of(option_text(call, option)); rest.size && count < room;) {
            text word = text_cut(&rest, ',');
            to[count++] = arena_copy(call->arena, word.at, word.size);
        }
        return count;
    }
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (count < room)
            to[count++] = json_string_value(one);
    }
    return count;
}

static bool embed(struct film_captions *f, struct caption_film *film, json_t **to,
                  struct caption_report *report, struct error *err)
{
    film->container = json_string_value(json_object_get(f->profile, "container"));
    film->codec = json_string_value(json_object_get(json_object_get(f->profile, "video"), "codec"));
    film->ways = f->ways, film->way_count = f->way_count;
    caption_film_conformed(json_string_value(json_object_get(f->profile, "conform")), film);
    return !f->way_count || captions_embed(f->arena, f->list, f->count, film, to, report, err);
}

// Before anything is encoded: what can not be is refused, what is lost is noted.
static bool plan(struct command_call *call, struct film_captions *f, struct error *err)
{
    const json_t *asked = json_object_get(f->profile, "captions");
    struct caption_film film = {.rate = f->film.rate.fps, .frames = f->film.frames};
    f->way_count =
        list_of(call, "captions-in", json_object_get(asked, "embed"), f->ways, WAYS_MOST);
    return embed(f, &film, &f->plan, &f->report, err);
}

bool film_captions_plan(void *captions, const json_t *plan, json_t **to, struct error *err)
{
    struct film_captions *f = captions;
    struct caption_film film = {.rate = f->film.rate.fps, .frames = f->film.frames};
    struct caption_report said_before = {.arena = f->arena};
    (void)caption_film_planned(plan, &film);
    return embed(f, &film, to, &said_before, err);
}

static bool has_all(const json_t *profile, const struct film_captions *f, struct error *err)
{
    const json_t *asked = json_object_get(profile, "captions"), *language;
    size_t i;
    if (!f->count)
        return true; // the readiness says that they are wanted; a proxy of it may do without
    json_array_foreach(json_object_get(asked, "languages"), i, language)
    {
        const char *code = caption_language_code(text_of(json_string_value(language)));
        bool there = false;
        for (size_t k = 0; k < f->count; k++)
            there |= strcmp(caption_language_code(text_of(f->list[k].language)), code) == 0;
        if (there)
            continue;
        error_set(err, ERROR_INPUT, "captions in %s are missing", json_string_value(language));
        error_why(err, "%s wants them", json_string_value(json_object_get(profile, "title")));
        return error_fix(err, "add --captions FILE:%s", json_string_value(language));
    }
    return true;
}

bool film_captions_begin(struct command_call *call, const json_t *facts, struct film_captions *f,
                         struct error *err)
{
    *f = (struct film_captions){
        .report = {.arena = call->arena}, .beside = json_array(), .arena = call->arena};
    if (!option_text(call, "captions"))
        return true;
    if (!json_array_size(json_object_get(facts, "video"))) {
        error_set(err, ERROR_INPUT, "captions need a picture");
        return error_fix(err, "name a film, or leave --captions out");
    }
    f->list = ARENA_ARRAY(call->arena, struct caption_given, FILES_MOST);
    return caption_programme_of(facts, &f->film, err);
}

bool film_captions_next(struct command_call *call, text *rest, struct film_captions *f,
                        struct error *err)
{
    if (f->count == FILES_MOST)
        return error_set(err, ERROR_TOO_BIG, "more than %d caption files", FILES_MOST);
    struct caption_given *g = &f->list[f->count++];
    *g = caption_given_parse(call->arena, text_cut(rest, '\n'));
    return read_one(call, g, f, err) && retime(call, g, f, err) &&
           caption_fits(g->c, f->film.frames, g->file, err) && conform(call, g, f, err);
}

// What lies in the film itself, when nothing was brought.
static bool take_out(struct command_call *call, const struct media *m, const json_t *facts,
                     const json_t *rows, struct film_captions *f, struct error *err)
{
    json_t *found = NULL;
    size_t i;
    const json_t *row;
    bool done = caption_programme_of(facts, &f->film, err) && media_captions(call, m, &found, err);
    f->list = ARENA_ARRAY(call->arena, struct caption_given, json_array_size(rows) + 1);
    json_array_foreach(rows, i, row)
    {
        char language[64];
        struct caption_given *g = &f->list[f->count];
        const struct caption_within w = caption_within_of(row);
        if (!metadata_language(text_of(json_string_value(json_object_get(row, "language"))),
                               language))
            language[0] = 0;
        *g = (struct caption_given){.file = m->name,
                                    .language = arena_text(call->arena, language),
                                    .role = json_string_value(json_object_get(row, "role"))};
        const struct caption_wish wish = {.name = m->name,
                                          .rate_said = true,
                                          .rate = f->film.rate,
                                          .start_said = true,
                                          .start = f->film.start,
                                          .language = *language ? g->language : NULL};
        done = done && captions_take(call->arena, found, &w, &wish, &g->c, &f->report, err);
        if (!done || !g->c->count)
            continue;
        done = retime(call, g, f, err) && conform(call, g, f, err);
        f->taken =
            arena_format(call->arena, "%s%s%s", f->taken ? f->taken : "", f->taken ? ", " : "",
                         json_string_value(json_object_get(row, "from")));
        f->count++;
    }
    json_decref(found);
    return done;
}

bool film_captions_read(struct command_call *call, const struct media *m, const json_t *profile,
                        const json_t *facts, struct film_captions *f, struct error *err)
{
    if (!film_captions_begin(call, facts, f, err))
        return false;
    f->profile = profile;
    json_t *rows = option_text(call, "captions") ||
                           !json_array_size(json_object_get(facts, "video")) ||
                           !profile_captions_wanted(profile)
                       ? json_array()
                       : profile_within(facts);
    f->within = rows;
    bool taken = !json_array_size(rows) || take_out(call, m, facts, rows, f, err);
    if (!taken || (!option_text(call, "captions") && !f->count))
        return taken;
    for (text rest = text_of(option_text(call, "captions")); rest.size;)
        if (!film_captions_next(call, &rest, f, err))
            return false;
    // A ladder has them beside its rungs, never in them.
    return has_all(profile, f, err) && (json_object_get(profile, "ladder") || plan(call, f, err));
}

// ---- beside it

static bool write_beside(struct command_call *call, const struct film_captions *f,
                         const struct caption_given *g, enum caption_format format,
                         const char *folder, const char *name, struct error *err)
{
    struct caption_wish wish = {.rate_said = true,
                                .rate = g->c->rate,
                                .language = *g->language ? g->language : NULL,
                                .made_ms = clock_now_ms()};
    char file[256];
    caption_beside_name(
        json_string_value(json_object_get(json_object_get(f->profile, "captions"), "name")), name,
        g->language, g->role, 1, format, file);
    const char *path = arena_format(call->arena, "%s/%s", folder, file);
    struct buf out = BUF_LIMIT(BESIDE_BYTES);
    struct caption_report *report = (struct caption_report *)(uintptr_t)&f->report;
    bool there = false;
    size_t i;
    const json_t *one;
    json_array_foreach(f->beside, i, one) there |= strcmp(json_string_value(one), file) == 0;
    if (there) {
        error_set(err, ERROR_CONFLICT, "two captions would be written as %s", file);
        return error_fix(err, "say a language and a role for each");
    }
    bool ok = captions_write(g->c, format, &wish, &out, report, err) &&
              file_write(path, out.at ? out.at : "", out.size, 0644, err);
    buf_free(&out);
    if (ok)
        json_array_append_new(f->beside, json_string(file));
    return ok;
}

bool film_captions_beside(struct command_call *call, struct film_captions *f, const json_t *profile,
                          const json_t *seen, const char *folder, const char *name,
                          struct error *err)
{
    const char *given = option_text(call, "captions-as");
    const json_t *formats = json_object_get(json_object_get(profile, "captions"), "formats");
    struct caption_programme film; // labels are those of the film made
    bool ok = !f->count || caption_programme_of(seen, &film, err);
    for (size_t i = 0; ok && i < f->count; i++) {
        enum caption_format format;
        f->list[i].c->rate = film.rate, f->list[i].c->start = film.start;
        if (!given && caption_sidecar_format(formats, f->list[i].c->kind, &format))
            ok = write_beside(call, f, &f->list[i], format, folder, name, err);
        for (text rest = text_of(given); ok && rest.size;) {
            text word = text_cut(&rest, ',');
            if (!caption_format_named(word, &format)) {
                error_set(err, ERROR_USAGE, "--captions-as can not be '%.*s'", (int)word.size,
                          word.at);
                return error_fix(err, "`posthouse caption --help` lists the formats");
            }
            ok = write_beside(call, f, &f->list[i], format, folder, name, err);
        }
    }
    return ok;
}

// ---- what became of it

// A film tells its tracks by their language. Those in pictures the muxer has put into each of them;
// a probe looks at the first ones only.
void film_captions_check(const struct film_captions *f, const json_t *seen, json_t *checks,
                         bool *all)
{
    const json_t *there = json_object_get(seen, "captions"), *track, *one;
    size_t i, k, have = 0;
    json_array_foreach(json_object_get(f->plan, "tracks"), i, track)
    {
        const char *language = json_string_value(json_object_get(track, "language"));
        bool found = false;
        json_array_foreach(there, k, one)
        {
            const char *got = json_string_value(json_object_get(one, "language"));
            found |= got && strcmp(got, language) == 0;
        }
        have += found;
    }
    size_t wanted = json_array_size(json_object_get(f->plan, "tracks"));
    if (!wanted)
        return;
    char want[40], got[40];
    snprintf(want, sizeof(want), "%zu", wanted);
    snprintf(got, sizeof(got), "%zu", have);
    json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:b}", "what", "tracks of captions",
                                            "wanted", want, "seen", got, "ok", have == wanted));
    *all = *all && have == wanted;
}

void film_captions_print(const struct film_captions *f)
{
    size_t i;
    const json_t *one;
    json_array_foreach(f->beside, i, one) printf("  beside it: %s\n", json_string_value(one));
    if (f->taken)
        printf("captions taken out of the master: %s\n", f->taken);
    if (f->report.count)
        fprintf(stderr, "not all of the captions can be said there:\n");
    caption_notes_print(&f->report);
}

void film_captions_json(const struct film_captions *f, json_t *to)
{
    if (!f->count)
        return;
    json_object_set_new(to, "captions",
                        json_pack("{s:I, s:O, s:o}", "files", (json_int_t)f->count, "beside",
                                  f->beside, "notes", caption_notes_json(&f->report)));
}

void film_captions_close(struct film_captions *f)
{
    json_decref(f->plan);
    json_decref(f->beside);
    json_decref(f->within);
}
