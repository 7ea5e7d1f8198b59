#include "house/deliver/checks.h"
#include "base/text.h"
#include "formats/metadata/metadata.h"
#include "formats/profile/hdr.h"
#include "formats/profile/picture.h"
#include "formats/profile/routes.h"
#include "time/rational.h"

#include <math.h>
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
    rate = *word(profile, "conform") ? word(profile, "conform") : rate;
    bool rates = rational_parse(text_of(rate), &a, &err) &&
                 rational_parse(text_of(word(result, "rate")), &b, &err);
    // Of film with a pull-down four frames of five are left; whether it was film the plan has
    // found.
    bool film = rates && profile_unlaces(profile, source) &&
                rational_equal(b, rational_make(a.num * 4, a.den * 5));
    add(c, "frames a second", rate, word(result, "rate"), film || (rates && rational_equal(a, b)));
    same_count(c, "frames", film ? (4 * frames + 2) / 5 : frames, number(result, "duration_frames"),
               0);
    if (json_object_get(source, "pulldown"))
        add(c, "pull-down", "left out: each frame of film once", word(source, "pulldown"), true);
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

// What the file says of its channels, by our names; "" when it says nothing.
static const char *layout_said(const json_t *fact)
{
    enum channel at[LAYOUT_DISCRETE];
    bool said;
    const struct layout *l =
        layout_seen(word(fact, "layout"), (int)number(fact, "channels"), at, &said);
    return !said ? "" : l ? l->name : word(fact, "layout");
}

static void layout(struct checks *c, const char *what, const json_t *profile, const struct route *r,
                   const json_t *seen)
{
    // MXF and one- or two-channel WAV write no layout; AAC, AC-3 and WAV have none for Lt/Rt.
    const char *said = layout_said(seen);
    if (r->layout && r->layout->count > 2 && *said &&
        strcmp(word(profile, "container"), "mxf") != 0)
        same(c, what, r->layout->name, said);
}

// Files that are laid in together begin and end together.
static void stems(struct checks *c, const json_t *result)
{
    const json_t *list = json_object_get(result, "audio"),
                 *begins = json_object_get(result, "begins");
    const json_t *first_one = json_array_get(list, 0), *one;
    int64_t wanted = number(first_one, "duration_samples"), seen = wanted;
    size_t i;
    bool same_begin = true;
    json_array_foreach(list, i, one) if (number(one, "duration_samples") != wanted) seen =
        number(one, "duration_samples");
    same_count(c, "samples of each file", wanted, seen, 0);
    json_array_foreach(begins, i, one) same_begin =
        same_begin && json_equal(one, json_array_get(begins, 0));
    const char *at = json_string_value(json_array_get(begins, 0));
    add(c, "start of each file", at ? at : "the same", same_begin ? at ? at : "the same" : "apart",
        same_begin);
}

// "de" is asked for as well as "deu", and "ger" is written by some; a probe says no regions.
static void language(struct checks *c, const char *what, const char *wanted, const char *seen)
{
    char a[64], b[64];
    bool ok = metadata_language(text_of(wanted), a) && metadata_language(text_of(seen), b);
    if (ok && !strchr(b, '-'))
        a[strcspn(a, "-")] = 0;
    ok = ok && strcmp(a, b) == 0;
    add(c, what, wanted, seen, ok || strcmp(wanted, seen) == 0);
}

static void sound(struct checks *c, const json_t *profile, const json_t *source,
                  const json_t *result)
{
    const json_t *asked = json_object_get(profile, "audio"),
                 *seen_list = json_object_get(result, "audio");
    const char *container = word(profile, "container");
    if (!asked || !json_array_size(json_object_get(source, "audio")))
        return;
    struct routes *routes = routes_make(profile, source);
    same_count(c, "sound streams", (int64_t)routes->count, (int64_t)json_array_size(seen_list), 0);
    if (json_object_get(asked, "files"))
        stems(c, result);
    for (size_t i = 0; i < routes->count && i < json_array_size(seen_list); i++) {
        const struct route *r = &routes->at[i];
        const json_t *to = json_array_get(seen_list, i);
        char what[64];
        snprintf(what, sizeof(what), "sound %zu: channels", i + 1);
        same_count(c, what, r->channels, number(to, "channels"), 0);
        snprintf(what, sizeof(what), "sound %zu: layout", i + 1);
        layout(c, what, profile, r, to);
        snprintf(what, sizeof(what), "sound %zu: sample rate", i + 1);
        if (json_object_get(asked, "rate"))
            same_count(c, what, number(asked, "rate"), number(to, "sample_rate"), 0);
        snprintf(what, sizeof(what), "sound %zu: language", i + 1);
        if (r->language && (strcmp(container, "mov") == 0 || strcmp(container, "mp4") == 0))
            language(c, what, r->language, word(to, "language"));
    }
    routes_close(routes);
}

// ---- what became of the sound, as the engine reports it

static void length_of(struct checks *c, const char *name, const json_t *track)
{
    int64_t rate = number(track, "rate");
    char what[64], seen[64];
    snprintf(what, sizeof(what), "%s: length", name);
    for (int i = 0; i < 2; i++) {
        int64_t samples = number(track, i ? "cut" : "filled");
        // A frame of a coder more or less is nobody's fault.
        if (rate <= 0 || samples * 10 <= rate)
            continue;
        snprintf(seen, sizeof(seen), "%.3f s %s", (double)samples / (double)rate,
                 i ? "cut off its end" : "of silence added at its end");
        add(c, what, "as the picture, within 1 s", seen, samples <= rate);
    }
}

static double value(const json_t *object, const char *name, double otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static void level(struct checks *c, const char *name, const json_t *asked, const json_t *loudness)
{
    const json_t *after = json_object_get(loudness, "after");
    bool dialogue = strcmp(word(loudness, "method"), "bs1770-1-dialogue") == 0;
    bool little = dialogue && json_is_true(json_object_get(loudness, "too_little_dialogue"));
    bool programme = little && strcmp(word(asked, "little"), "programme") == 0;
    double seen = value(after, dialogue && !programme ? "dialogue" : "integrated", -200), target,
           flag;
    char what[64], wanted[96], text[96];
    snprintf(what, sizeof(what), "%s: loudness", name);
    int used = seen <= -200 ? snprintf(text, sizeof(text), "nothing to measure")
                            : snprintf(text, sizeof(text), "%.1f LUFS", seen);
    if (dialogue)
        snprintf(text + used, sizeof(text) - (size_t)used, ", %s%.0f %% speech, approximate",
                 little ? "too little dialogue: " : "", value(after, "speech", 0) * 100);
    target = value(asked, "target", 0);
    target = programme ? value(asked, "little_target", target) : target;
    flag = value(asked, "flag", value(asked, "within", 0.5));
    if (json_object_get(asked, "target")) {
        snprintf(wanted, sizeof(wanted), "%g within %g, flagged from %g", target,
                 value(asked, "within", 0.5), flag);
        // The outlet's own number is the aim; what it objects to is the limit.
        add(c, what, wanted, text,
            (!little || programme) && fabs(round((seen - target) * 10) / 10) <= flag + 1e-9);
    } else {
        add(c, what, "reported", text, true);
    }
    if (json_object_get(asked, "true_peak")) {
        double most = value(asked, "true_peak", 0), peak = value(after, "true_peak", -200);
        double flagged = value(asked, "true_peak_flag", most);
        snprintf(what, sizeof(what), "%s: true peak", name);
        snprintf(wanted, sizeof(wanted), "at most %g, flagged from %g dBTP", most, flagged);
        snprintf(text, sizeof(text), "%.1f dBTP", peak);
        add(c, what, wanted, text, peak <= flagged + 1e-9);
    }
}

static void speed(struct checks *c, const char *name, const json_t *track)
{
    const json_t *made = json_object_get(track, "speed");
    char what[64], seen[96];
    if (!made)
        return;
    snprintf(what, sizeof(what), "%s: speed", name);
    snprintf(seen, sizeof(seen), "%.40s, its pitch %s", word(made, "ratio"),
             strcmp(word(made, "pitch"), "kept") == 0 ? "kept" : "follows");
    add(c, what, "with the picture", seen, true);
}

static void changes(struct checks *c, const char *name, const json_t *loudness)
{
    const json_t *limiter = json_object_get(loudness, "limiter");
    double gain = value(loudness, "gain_db", 0);
    char what[64], wanted[96], seen[96];
    if (gain != 0) {
        snprintf(what, sizeof(what), "%s: gain", name);
        snprintf(seen, sizeof(seen), "%+.1f dB throughout", gain);
        add(c, what, "asked for", seen, true);
    }
    if (limiter) {
        snprintf(what, sizeof(what), "%s: limiter", name);
        snprintf(wanted, sizeof(wanted), "%.40s consents, %.30s", word(limiter, "by"),
                 word(limiter, "when"));
        snprintf(seen, sizeof(seen), "%.1f dB at most, in %lld samples",
                 value(limiter, "most_db", 0), (long long)number(limiter, "samples"));
        add(c, what, wanted, seen, true);
    }
}

static void made(struct checks *c, const json_t *profile, const json_t *tracks)
{
    size_t i;
    const json_t *track, *asked = json_object_get(profile, "loudness");
    json_array_foreach(tracks, i, track)
    {
        const json_t *loudness = json_object_get(track, "loudness");
        int64_t first = number(track, "first") + 1, count = number(track, "tracks");
        const char *role = word(track, "role");
        char name[40], what[64];
        if (count > 1)
            snprintf(name, sizeof(name), "sound %lld to %lld", (long long)first,
                     (long long)(first + count - 1));
        else
            snprintf(name, sizeof(name), "sound %lld", (long long)first);
        if (json_object_get(json_object_get(profile, "audio"), "tracks")) {
            snprintf(what, sizeof(what), "%s: from", name);
            add(c, what, word(track, "name"), word(track, "how"), true);
        }
        length_of(c, name, track);
        if (number(track, "clipped")) {
            snprintf(what, sizeof(what), "%s: samples over full scale", name);
            same_count(c, what, 0, number(track, "clipped"), 0);
        }
        if (loudness && asked && (!*role || strcmp(role, "main") == 0))
            level(c, name, asked, loudness);
        speed(c, name, track);
        changes(c, name, loudness);
        if (json_object_get(track, "dialnorm")) {
            snprintf(what, sizeof(what), "%s: dialnorm", name);
            add(c, what, "as measured", count_text(number(track, "dialnorm")).text, true);
        }
    }
}

// The container's header against what is in it: players believe the one or the other.
static void container(struct checks *c, const json_t *result)
{
    const json_t *said = json_object_get(first(result, "video"), "disagree"), *one;
    size_t i;
    if (json_array_size(json_object_get(result, "video")) && !said)
        add(c, "container and picture", "they say the same", "they say the same", true);
    json_array_foreach(said, i, one)
        add(c, "container and picture", "they say the same", json_string_value(one), false);
}

json_t *deliver_checks(const json_t *profile, const json_t *source, const json_t *result,
                       const json_t *tracks, bool *all)
{
    struct checks c = {json_array(), true};
    json_t *stated = hdr_stated(profile, source);
    picture(&c, profile, stated, result);
    json_decref(stated);
    container(&c, result);
    sound(&c, profile, source, result);
    made(&c, profile, tracks);
    *all = c.all && json_array_size(c.list) > 0;
    return c.list;
}

// What libav's encoders make, as facts name it.
static const char *codec_made(const char *encoder)
{
    static const char *const made[][2] = {{"libx264", "h264"},
                                          {"prores_aw", "prores"},
                                          {"prores_house", "prores"},
                                          {"libopus", "opus"}};
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
