// posthouse caption extract: closed captions out of a film. The engine hands over the bytes that
// lie in it, frame by frame; they are decoded here.
#include "cmd/caption.h"
#include "cmd/media.h"
#include "formats/captions/cc.h"
#include "formats/captions/embed.h"

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

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

static bool decode(struct captions *c, const json_t *track, const struct caption_wish *wish,
                   struct caption_report *report, struct error *err)
{
    struct cc_decoder *d = cc_decoder_open(c, wish->channel, report);
    struct cc_708_decoder *d708 = cc_708_open(c, report);
    int field = wish->channel > 2 ? 1 : 0;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(track, "rows"), i, row)
    {
        int64_t frame = json_integer_value(json_array_get(row, 0));
        const char *at = json_string_value(json_array_get(row, 1));
        int64_t ticks = caption_ticks(frame, wish->rate.fps);
        for (; at && strlen(at) >= 6; at += 6) {
            uint8_t b[3];
            for (int k = 0; k < 3; k++)
                b[k] = (uint8_t)(hex(at[2 * k]) << 4 | hex(at[2 * k + 1]));
            int type = b[0] & 3;
            bool ok = wish->service_708
                          ? type < 2 || cc_708_triple(d708, ticks, type, b[1], b[2], 0, err)
                          : type != field || cc_decode_pair(d, ticks, b[1], b[2], 0, err);
            if (!ok)
                return false;
        }
    }
    return cc_decode_end(d, err) && cc_708_end(d708, err);
}

static bool from_tracks(struct command_call *call, const json_t *tracks, struct caption_opened *o,
                        struct error *err)
{
    size_t i;
    json_t *track;
    json_array_foreach((json_t *)tracks, i, track)
    {
        o->report = (struct caption_report){.arena = call->arena};
        o->c = ARENA_NEW(call->arena, struct captions);
        *o->c = (struct captions){.arena = call->arena,
                                  .kind = CAPTION_KIND_CC,
                                  .rate = o->wish.rate,
                                  .rate_said = true,
                                  .start = o->wish.start};
        if (o->wish.language)
            o->c->language = text_of(o->wish.language);
        if (!decode(o->c, track, &o->wish, &o->report, err))
            return false;
        if (o->c->count)
            return true;
    }
    error_set(err, ERROR_NOT_FOUND, "%s has no captions in %s %d", o->wish.name,
              o->wish.service_708 ? "service" : "channel",
              o->wish.service_708 ? 1 : o->wish.channel);
    if (json_array_size(tracks))
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
              media_captions(call, &m, &result, &err) &&
              from_tracks(call, json_object_get(result, "tracks"), &o, &err) &&
              caption_save(call, &o, call->words[2], &err);
    json_decref(facts);
    json_decref(result);
    media_close(&m);
    return ok ? caption_finish(call, &o, call->words[2]) : command_failed(&err);
}
