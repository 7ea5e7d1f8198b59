#include "house/deliver/checks.h"
#include "base/text.h"
#include "formats/profile/hdr.h"
#include "formats/profile/picture.h"
#include "time/rational.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const json_t *first(const json_t *facts, const char *list)
{
    return json_array_get(json_object_get(facts, list), 0);
}

struct checks {
    json_t *list;
    bool all;
};

static void add(struct checks *c, const char *what, const char *wanted, const char *seen, bool ok)
{
    json_array_append_new(c->list, json_pack("{s:s, s:s, s:s, s:b}", "what", what, "wanted", wanted,
                                             "seen", seen[0] ? seen : "none", "ok", ok));
    c->all = c->all && ok;
}

static void same(struct checks *c, const char *what, const char *wanted, const char *seen)
{
    if (wanted[0])
        add(c, what, wanted, seen, strcmp(wanted, seen) == 0);
}

static void same_count(struct checks *c, const char *what, int64_t wanted, int64_t seen,
                       int64_t within)
{
    short_text a = count_text(wanted), b = count_text(seen);
    add(c, what, a.text, b.text, llabs((long long)(wanted - seen)) <= within);
}

// "timecode" of a source that has none is not asked of the result.
static void timecode(struct checks *c, const json_t *source, const json_t *result)
{
    const json_t *wanted = json_object_get(source, "timecode"),
                 *seen = json_object_get(result, "timecode");
    if (!json_is_object(wanted) || strcmp(word(wanted, "from"), "none") == 0)
        return;
    same(c, "start timecode", word(wanted, "start"), word(seen, "start"));
    add(c, "drop-frame", json_is_true(json_object_get(wanted, "drop")) ? "yes" : "no",
        json_is_true(json_object_get(seen, "drop")) ? "yes" : "no",
        json_is_true(json_object_get(wanted, "drop")) ==
            json_is_true(json_object_get(seen, "drop")));
}

// What a PQ deliverable says of its display and its light.
static void light(struct checks *c, const json_t *source, const json_t *result)
{
    struct hdr_display a, b;
    struct hdr_light l, m;
    char wanted[160], seen[160] = "none";
    if (hdr_of_facts(source, &a)) {
        hdr_display_format(&a, wanted);
        if (hdr_of_facts(result, &b))
            hdr_display_format(&b, seen);
        same(c, "mastering display", wanted, seen);
    }
    if (hdr_light_of_facts(source, &l)) {
        snprintf(wanted, sizeof(wanted), "%d, %d", l.max_cll, l.max_fall);
        snprintf(seen, sizeof(seen), "none");
        if (hdr_light_of_facts(result, &m))
            snprintf(seen, sizeof(seen), "%d, %d", m.max_cll, m.max_fall);
        same(c, "MaxCLL, MaxFALL", wanted, seen);
    }
}

static void look(struct checks *c, const struct profile_picture *p, const json_t *source,
                 const json_t *result)
{
    const json_t *to = first(result, "video");
    bool range = strcmp(word(first(source, "video"), "range"), "unknown") != 0;
    const struct {
        const char *what, *name, *wanted;
    } tags[] = {{"colour primaries", "primaries", p->primaries},
                {"colour transfer", "transfer", p->transfer},
                {"colour matrix", "matrix", p->matrix},
                {"colour range", "range",
                 !range    ? ""
                 : p->full ? "full"
                           : "limited"}};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (strcmp(tags[i].wanted, "unknown") != 0)
            same(c, tags[i].what, tags[i].wanted, word(to, tags[i].name));
    same_count(c, "width", p->width, number(to, "width"), 0);
    same_count(c, "height", p->height, number(to, "height"), 0);
}

static void picture(struct checks *c, const json_t *profile, const json_t *source,
                    const json_t *result)
{
    const json_t *asked = json_object_get(profile, "video");
    struct profile_picture p;
    if (!asked)
        return;
    rational a, b;
    struct error err;
    // Frames without a constant rate are delivered at one, by the rule that the facts say.
    const json_t *constant = json_object_get(source, "constant");
    const char *rate = word(constant ? constant : source, "rate");
    int64_t frames = constant ? number(constant, "frames") : number(source, "duration_frames");
    bool rates = rational_parse(text_of(rate), &a, &err) &&
                 rational_parse(text_of(word(result, "rate")), &b, &err);
    // Of film with a pull-down four frames of five are left; whether it was film the plan has
    // found.
    bool film = rates && profile_unlaces(profile, source) &&
                rational_equal(b, rational_make(a.num * 4, a.den * 5));
    add(c, "frames a second", rate, word(result, "rate"), film || (rates && rational_equal(a, b)));
    same_count(c, "frames", film ? (4 * frames + 2) / 5 : frames, number(result, "duration_frames"),
               0);
    if (!film)
        timecode(c, source, result);
    same(c, "picture codec", word(json_object_get(asked, "encoder"), "makes"),
         word(first(result, "video"), "codec"));
    if (!profile_picture(profile, source, &p, &err)) {
        add(c, "picture", "within what the profile allows", err.why, false);
        return;
    }
    look(c, &p, source, result);
    if (!json_is_true(json_object_get(asked, "sdr")) && strcmp(p.transfer, "smpte2084") == 0)
        light(c, source, result);
}

static void sound(struct checks *c, const json_t *profile, const json_t *source,
                  const json_t *result)
{
    const json_t *asked = json_object_get(profile, "audio");
    const json_t *wanted_list = json_object_get(source, "audio"),
                 *seen_list = json_object_get(result, "audio");
    size_t wanted_count = json_array_size(wanted_list);
    if (!asked || wanted_count == 0)
        return;
    if (json_object_get(asked, "streams") && wanted_count > (size_t)number(asked, "streams"))
        wanted_count = (size_t)number(asked, "streams");
    same_count(c, "sound streams", (int64_t)wanted_count, (int64_t)json_array_size(seen_list), 0);
    for (size_t i = 0; i < wanted_count && i < json_array_size(seen_list); i++) {
        const json_t *from = json_array_get(wanted_list, i), *to = json_array_get(seen_list, i);
        char what[64];
        // A number in the profile is the outlet's: sound with more is mixed down to it, a mono
        // source fills it.
        bool mixed = json_object_get(asked, "channels") != NULL;
        snprintf(what, sizeof(what), "sound %zu: channels", i + 1);
        if (mixed)
            same_count(c, what, number(asked, "channels"), number(to, "channels"), 0);
        else
            same_count(c, what, number(from, "channels"), number(to, "channels"), 0);
        snprintf(what, sizeof(what), "sound %zu: layout", i + 1);
        // MXF and one- or two-channel WAV write no layout: only a different one is a fault
        if (!mixed && word(to, "layout")[0] && number(from, "channels") > 2 &&
            strcmp(word(profile, "container"), "mxf") != 0)
            same(c, what, word(from, "layout"), word(to, "layout"));
        snprintf(what, sizeof(what), "sound %zu: sample rate", i + 1);
        if (json_object_get(asked, "rate"))
            same_count(c, what, number(asked, "rate"), number(to, "sample_rate"), 0);
        snprintf(what, sizeof(what), "sound %zu: language", i + 1);
        const char *container = word(profile, "container");
        if (strcmp(word(from, "language"), "und") != 0 &&
            (strcmp(container, "mov") == 0 || strcmp(container, "mp4") == 0))
            same(c, what, word(from, "language"), word(to, "language"));
    }
}

json_t *deliver_checks(const json_t *profile, const json_t *source, const json_t *result, bool *all)
{
    struct checks c = {json_array(), true};
    json_t *stated = hdr_stated(profile, source);
    picture(&c, profile, stated, result);
    json_decref(stated);
    sound(&c, profile, source, result);
    *all = c.all && json_array_size(c.list) > 0;
    return c.list;
}

// What libav's encoders make, as facts name it.
static const char *codec_made(const char *encoder)
{
    static const char *const made[][2] = {
        {"libx264", "h264"}, {"prores_aw", "prores"}, {"prores_house", "prores"}};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (strcmp(made[i][0], encoder) == 0)
            return made[i][1];
    return encoder;
}

json_t *deliver_profile_checks(const json_t *profile, const json_t *facts, bool *all)
{
    struct checks c = {json_array(), true};
    const json_t *video = json_object_get(profile, "video"),
                 *audio = json_object_get(profile, "audio");
    const json_t *v = first(facts, "video"), *row;
    size_t i;
    if (video) {
        same(&c, "picture codec", codec_made(word(video, "codec")), word(v, "codec"));
        picture(&c, profile, facts, facts);
    }
    json_array_foreach(json_object_get(facts, "audio"), i, row)
    {
        if (!audio)
            break;
        char what[64];
        snprintf(what, sizeof(what), "sound %zu: codec", i + 1);
        same(&c, what, codec_made(word(audio, "codec")), word(row, "codec"));
        snprintf(what, sizeof(what), "sound %zu: sample rate", i + 1);
        same_count(&c, what, number(audio, "rate"), number(row, "sample_rate"), 0);
    }
    if (audio && !json_array_size(json_object_get(facts, "audio")))
        add(&c, "sound", "at least one stream", "none", false);
    *all = c.all;
    return c.list;
}
