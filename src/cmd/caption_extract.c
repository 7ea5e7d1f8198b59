// posthouse caption extract: closed captions out of a film. The engine hands over the bytes that
// lie in it, frame by frame; they are decoded here.
#include "cmd/caption.h"
#include "cmd/media.h"
#include "formats/captions/embed.h"
#include "formats/captions/within.h"

#include <stdio.h>
#include <string.h>

bool caption_programme(const struct command_call *call, const json_t *facts,
                       struct caption_wish *wish, struct error *err)
{
    const char *start =
        json_string_value(json_object_get(json_object_get(facts, "timecode"), "start"));
    if (!wish->rate_said && json_object_get(facts, "rate")) {
        struct caption_programme p;
        if (!caption_programme_of(facts, &p, err))
            return false;
        wish->rate = p.rate, wish->rate_said = true;
    }
    const char *given = option_text(call, "start");
    start = given && strcmp(given, "0") != 0 ? given : given ? NULL : start;
    wish->start_said = true, wish->start = 0;
    return !start || tc_parse(text_of(start), &wish->rate, &wish->start, err);
}

bool caption_film(struct command_call *call, struct caption_wish *wish, int64_t *frames,
                  struct error *err)
{
    const char *film = option_text(call, "film");
    struct media m;
    json_t *facts = NULL;
    *frames = 0;
    if (!film)
        return true;
    bool ok = media_open(call, film, &m, err) && media_probe(call, &m, &facts, err) &&
              caption_programme(call, facts, wish, err);
    *frames = json_integer_value(json_object_get(facts, "duration_frames"));
    json_decref(facts);
    media_close(&m);
    return ok || error_while(err, "--film");
}

// Closed captions, or what else there is when nobody asked for a channel.
static bool from_tracks(struct command_call *call, const json_t *found, struct caption_opened *o,
                        struct error *err)
{
    struct caption_within w = {
        .index = -1, .channel = o->wish.channel, .service_708 = o->wish.service_708};
    o->report = (struct caption_report){.arena = call->arena};
    if (!captions_take(call->arena, found, &w, &o->wish, &o->c, &o->report, err))
        return false;
    if (!o->c->count && !option_text(call, "channel") && !w.service_708) {
        w.text = true;
        if (!captions_take(call->arena, found, &w, &o->wish, &o->c, &o->report, err))
            return false;
    }
    if (o->c->count)
        return true;
    error_set(err, ERROR_NOT_FOUND, "%s has no captions in %s %d", o->wish.name,
              o->wish.service_708 ? "service" : "channel",
              o->wish.service_708 ? 1 : o->wish.channel);
    if (json_array_size(json_object_get(found, "tracks")))
        return error_fix(err, "there are others in it: try --channel 2, 3 or 4, or --708");
    return error_fix(err, "bring its captions as a file of their own");
}

int caption_extract(struct command_call *call)
{
    struct error err;
    struct media m;
    struct caption_opened o = {0};
    json_t *facts = NULL, *result = NULL;
    const char *path = call->words[1];
    bool ok = media_open(call, path, &m, &err) && caption_wish_of(call, path, &o.wish, &err) &&
              media_probe(call, &m, &facts, &err) &&
              caption_programme(call, facts, &o.wish, &err) &&
              media_captions(call, &m, &result, &err) && from_tracks(call, result, &o, &err) &&
              caption_save(call, &o, call->words[2], &err);
    json_decref(facts);
    json_decref(result);
    media_close(&m);
    return ok ? caption_finish(call, &o, call->words[2]) : command_failed(&err);
}
