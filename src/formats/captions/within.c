#include "formats/captions/within.h"
#include "formats/captions/cc.h"

#include <string.h>

// ---- closed captions

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

static bool decode(struct captions *c, const json_t *track, const struct caption_within *w,
                   struct caption_report *report, struct error *err)
{
    struct cc_decoder *d = cc_decoder_open(c, w->channel ? w->channel : 1, report);
    struct cc_708_decoder *d708 = cc_708_open(c, report);
    int field = w->channel > 2 ? 1 : 0;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(track, "rows"), i, row)
    {
        int64_t frame = json_integer_value(json_array_get(row, 0));
        const char *at = json_string_value(json_array_get(row, 1));
        int64_t ticks = caption_ticks(frame, c->rate.fps);
        for (; at && strlen(at) >= 6; at += 6) {
            uint8_t b[3];
            for (int k = 0; k < 3; k++)
                b[k] = (uint8_t)(hex(at[2 * k]) << 4 | hex(at[2 * k + 1]));
            int type = b[0] & 3;
            bool ok = w->service_708
                          ? type < 2 || cc_708_triple(d708, ticks, type, b[1], b[2], 0, err)
                          : type != field || cc_decode_pair(d, ticks, b[1], b[2], 0, err);
            if (!ok)
                return false;
        }
    }
    return cc_decode_end(d, err) && cc_708_end(d708, err);
}

// ---- text

// As the SubRip that it would be: its reader knows lines, italics and times.
static bool read_text(struct arena *a, const json_t *track, const struct caption_wish *wish,
                      struct captions **to, struct caption_report *report, struct error *err)
{
    struct buf srt = BUF_LIMIT(CAPTION_INPUT_BYTES);
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(track, "rows"), i, row)
    {
        long long at[2];
        for (size_t k = 0; k < 2; k++)
            at[k] = json_integer_value(json_array_get(row, k));
        const char *words = json_string_value(json_array_get(row, 2));
        buf_format(&srt, "%zu\n", i + 1);
        for (size_t k = 0; k < 2; k++)
            buf_format(&srt, "%02lld:%02lld:%02lld,%03lld%s", at[k] / 3600000, at[k] / 60000 % 60,
                       at[k] / 1000 % 60, at[k] % 1000, k ? "\n" : " --> ");
        // An empty line would end the cue.
        for (const char *c = words ? words : ""; *c; c++)
            if (*c != '\n' || (c[1] && c[1] != '\n'))
                buf_add(&srt, c, 1);
        buf_format(&srt, "\n\n");
    }
    const char *kept = arena_copy(a, srt.at ? srt.at : "", srt.size);
    bool done = !srt.over
                    ? captions_read(a, (text){kept, srt.size}, CAPTION_SRT, wish, to, report, err)
                    : error_set(err, ERROR_TOO_BIG, "%s has too much text", wish->name);
    buf_free(&srt);
    return done;
}

// ---- both

static bool is_it(const json_t *track, const struct caption_within *w)
{
    const char *kind = json_string_value(json_object_get(track, "kind"));
    bool text = kind && strcmp(kind, "text") == 0;
    return text == w->text && json_array_size(json_object_get(track, "rows")) > 0 &&
           (w->index < 0 || json_integer_value(json_object_get(track, "stream")) == w->index);
}

bool captions_take(struct arena *a, const json_t *found, const struct caption_within *w,
                   const struct caption_wish *wish, struct captions **to,
                   struct caption_report *report, struct error *err)
{
    size_t i;
    const json_t *track;
    struct captions *c = *to = ARENA_NEW(a, struct captions);
    *c = (struct captions){.arena = a,
                           .kind = w->text ? CAPTION_KIND_SUBTITLE : CAPTION_KIND_CC,
                           .rate = wish->rate,
                           .rate_said = true,
                           .start = wish->start};
    if (wish->language)
        c->language = text_of(arena_copy(a, wish->language, strlen(wish->language)));
    json_array_foreach(json_object_get(found, "tracks"), i, track)
    {
        if (c->count || !is_it(track, w))
            continue;
        if (!(w->text ? read_text(a, track, wish, to, report, err)
                      : decode(c, track, w, report, err)))
            return false;
        c = *to;
    }
    return true;
}

struct caption_within caption_within_of(const json_t *row)
{
    const char *kind = json_string_value(json_object_get(row, "kind"));
    kind = kind ? kind : "";
    return (struct caption_within){.index = json_integer_value(json_object_get(row, "index")),
                                   .channel =
                                       (int)json_integer_value(json_object_get(row, "channel")),
                                   .service_708 = strcmp(kind, "708") == 0,
                                   .text = strcmp(kind, "text") == 0};
}
