#include "engine/camera.h"
#include "time/timecode.h"

#include <string.h>

bool camera_look(const struct ticket *t, struct camera *c, bool *own, struct error *err)
{
    const struct ticket_input *first = &t->inputs[0];
    struct input *in = NULL;
    size_t got = 0,
           room = first->size < CAMERA_HEAD_BYTES ? (size_t)first->size : CAMERA_HEAD_BYTES;
    char *head = av_malloc(room + 1);
    bool ok = head
                  ? input_open(0, first->size, &in, err) && input_read(in, 0, head, room, &got, err)
                  : error_set(err, ERROR_TOO_BIG, "no memory for %s", first->name);
    *own = ok && camera_read(first->name, (text){head, got}, c) && c->sdk;
    input_close(in);
    av_free(head);
    return ok;
}

bool camera_decoded(const struct media *m, struct camera *c)
{
    const AVCodecParameters *p = m->video >= 0 ? media_video(m) : NULL;
    if (!p || avcodec_find_decoder(p->codec_id))
        return true;
    char entry[4];
    for (int i = 0; i < 4; i++)
        entry[i] = (char)(p->codec_tag >> 8 * i);
    if (!c->format && !camera_of_entry(entry, c)) { // the file itself may have said it
        c->format = "a format that is not decoded here";
        c->codec = "unknown";
        c->sdk = "software of its maker";
    }
    return false;
}

static void add_word(json_t *to, const char *name, const char *from, const struct camera_word *w)
{
    if (!w->from)
        return;
    json_object_set_new(to, name, json_string(w->text));
    if (from)
        json_object_set_new(to, from, json_string(w->from));
}

static json_t *said(const struct camera *c, bool picture)
{
    json_t *to = json_pack("{s:b}", "picture", picture);
    if (c->format)
        json_object_set_new(to, "format", json_string(c->format));
    if (c->sdk && !picture)
        json_object_set_new(to, "sdk", json_string(c->sdk));
    add_word(to, "reel", "reel_from", &c->reel);
    add_word(to, "clip", "clip_from", &c->clip);
    add_word(to, "model", NULL, &c->model);
    return to;
}

static json_t *timecode(const struct camera *c, rational rate)
{
    struct tc_rate counting;
    struct error ignored;
    int64_t frame;
    bool drop = strchr(c->timecode.text, ';') != NULL;
    if (!c->timecode.from ||
        (!tc_rate_make(rate, drop, &counting, &ignored) &&
         !tc_rate_make(rate, false, &counting, &ignored)) ||
        !tc_parse(text_of(c->timecode.text), &counting, &frame, &ignored))
        return NULL;
    return json_pack("{s:s, s:I, s:i, s:i, s:b, s:s}", "start", tc_format(frame, &counting).text,
                     "start_frame", (json_int_t)frame, "base", counting.base, "frames_per_label",
                     counting.frames_per_label, "drop", counting.drop, "from",
                     strcmp(c->timecode.from, "header") == 0 ? "file header" : c->timecode.from);
}

static json_t *picture_row(const struct camera *c)
{
    return json_pack("{s:i, s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s, "
                     "s:s}",
                     "index", 0, "codec", c->codec, "width", c->width, "height", c->height,
                     "display_width", c->width, "display_height", c->height, "pixel_aspect", "1/1",
                     "rotation", 0, "field_order", "unknown", "pixel_format", "unknown", "bits", 0,
                     "chroma", "unknown", "primaries", "unknown", "transfer", "unknown", "matrix",
                     "unknown", "range", "unknown");
}

json_t *camera_facts(const struct ticket *t, const struct camera *c)
{
    bool known = c->rate.num > 0;
    rational rate = known ? c->rate : t->sequence_rate.den ? t->sequence_rate : (rational){24, 1};
    int64_t frames = t->sequence          ? (int64_t)t->input_count
                     : t->input_count > 1 ? 0 // each part says its own
                                          : c->frames;
    const char *lent = t->sequence_rate.den ? "project" : "none";
    json_t *facts =
        json_pack("{s:s, s:s, s:[o], s:[], s:[], s:[], s:{}, s:I, s:s, s:s, s:b, s:s, s:o}",
                  "container", c->codec, "kind", t->sequence ? "sequence" : "clip", "video",
                  picture_row(c), "audio", "captions", "damage", "tags", "duration_frames",
                  (json_int_t)frames, "rate", rational_text(rate).text, "rate_from",
                  known ? c->rate_from : lent, "vfr", 0, "duration_text",
                  frames && (known || t->sequence_rate.den)
                      ? time_text(rescale(frames, rate, (rational){1, 1}, ROUND_NEAREST)).text
                      : "",
                  "camera", said(c, false));
    json_t *code = known ? timecode(c, rate) : NULL;
    if (code)
        json_object_set_new(facts, "timecode", code);
    if (t->sequence)
        json_object_set(facts, "sequence", t->sequence);
    return facts;
}

// The reel that a timecode track or a package names stands before a rule for names.
static void take_reel(const struct media *m, struct camera *c)
{
    const AVDictionaryEntry *e =
        m->format ? av_dict_get(m->format->metadata, "reel_name", NULL, 0) : NULL;
    for (unsigned i = 0; m->format && !e && i < m->format->nb_streams; i++)
        e = av_dict_get(m->format->streams[i]->metadata, "reel_name", NULL, 0);
    size_t size = e ? strlen(e->value) : 0;
    if (!size || size >= sizeof(c->reel.text) || !text_utf8(text_of(e->value)))
        return;
    memcpy(c->reel.text, e->value, size + 1);
    c->reel.from = "header";
}

void camera_add_facts(const struct media *m, struct camera *c, bool picture, json_t *facts)
{
    struct error ignored;
    rational rate;
    take_reel(m, c);
    const char *text_rate = json_string_value(json_object_get(facts, "rate"));
    if (c->timecode.from && !json_object_get(facts, "timecode") &&
        rational_parse(text_of(text_rate), &rate, &ignored)) {
        json_t *code = timecode(c, rate);
        if (code)
            json_object_set_new(facts, "timecode", code);
    }
    if (!picture) {
        json_t *row = json_array_get(json_object_get(facts, "video"), 0);
        if (row && c->codec && strcmp(c->codec, "unknown") != 0)
            json_object_set_new(row, "codec", json_string(c->codec));
        static const char *const sizes[] = {"width", "height", "display_width", "display_height"};
        for (int i = 0; row && c->width && i < 4; i++)
            if (!json_integer_value(json_object_get(row, sizes[i])))
                json_object_set_new(row, sizes[i], json_integer(i % 2 ? c->height : c->width));
    }
    if (!picture || c->format || c->reel.from || c->clip.from)
        json_object_set_new(facts, "camera", said(c, picture));
}
