#include "cmd/qc_captions.h"
#include "cmd/caption.h"
#include "house/qc/captions.h"
#include "house/qc/qc.h"

#include <string.h>

enum { FILES_MOST = 32 };

static bool one_file(struct command_call *call, const struct qc_captions *q,
                     struct caption_given *g, struct error *err)
{
    struct caption_wish wish = {.name = g->file,
                                .rate_said = true,
                                .rate = q->film.rate,
                                .start_said = true,
                                .start = q->film.start,
                                .language = *g->language ? g->language : NULL};
    struct caption_report report = {.arena = call->arena};
    enum caption_format format;
    text bytes;
    struct error why;
    if (!caption_bytes(call, g->file, &bytes, err))
        return false;
    bool known = caption_format_of(bytes, g->file, &format);
    if (!known) {
        error_set(&why, ERROR_UNSUPPORTED, "it is no caption file that Posthouse knows");
        error_fix(&why, "a format of `posthouse caption --help`");
    } else if (!captions_read(call->arena, bytes, format, &wish, &g->c, &report, &why)) {
        g->c = NULL;
    } else {
        caption_given_complete(g, format);
    }
    qc_captions_add(q, g->file, g->c, &why);
    return true;
}

static void missing(const struct qc_captions *q, const json_t *profile,
                    const struct caption_given *list, size_t count)
{
    const json_t *asked = json_object_get(profile, "captions"), *language;
    const char *title = json_string_value(json_object_get(profile, "title"));
    size_t i;
    title = title ? title : "";
    json_array_foreach(json_object_get(asked, "languages"), i, language)
    {
        const char *wanted = json_string_value(language);
        const char *code = caption_language_code(text_of(wanted));
        bool there = false;
        for (size_t k = 0; k < count; k++)
            there |= strcmp(caption_language_code(text_of(list[k].language)), code) == 0;
        if (!there)
            qc_captions_missing(q, title, arena_format(q->arena, "no captions in %s", wanted),
                                "captions in it");
    }
    if (json_is_true(json_object_get(asked, "needed")) && !count)
        qc_captions_missing(q, title, "no captions", "captions with the master");
}

bool qc_captions(struct command_call *call, const struct qc_captions_wish *w, json_t *report,
                 struct error *err)
{
    struct qc_captions q = {.arena = call->arena, .cuts = w->cuts, .cut_count = w->cut_count};
    struct caption_given *list = ARENA_ARRAY(call->arena, struct caption_given, FILES_MOST);
    const char *given = option_text(call, "captions"), *rules = option_text(call, "caption-rules");
    size_t count = 0;
    bool ok = true;
    if (!given && !json_object_get(w->profile, "captions"))
        return true;
    if (!caption_programme_of(w->facts, &q.film, err))
        return !given; // sound alone has no captions to miss
    if (!caption_rules_of(call, rules ? rules : w->rules ? w->rules : "house", &q.rules, err))
        return false;
    q.found = json_array();
    for (text rest = text_of(given); ok && rest.size; count++) {
        ok = count < FILES_MOST ||
             error_set(err, ERROR_TOO_BIG, "more than %d caption files", FILES_MOST);
        if (ok) {
            list[count] = caption_given_parse(call->arena, text_cut(&rest, '\n'));
            ok = one_file(call, &q, &list[count], err);
        }
    }
    if (ok && w->profile)
        missing(&q, w->profile, list, count);
    if (ok)
        qc_report_add(report, q.found);
    else
        json_decref(q.found);
    return ok;
}
