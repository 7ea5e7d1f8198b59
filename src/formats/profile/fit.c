// What a master lacks to become what an outlet asks for: its Facts beside the profile's "master".
#include "formats/captions/embed.h"
#include "formats/profile/hdr.h"
#include "formats/profile/picture.h"
#include "formats/profile/profile.h"
#include "formats/profile/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fit {
    json_t *list;
    bool fits;
};
enum state { NO, OK, UNKNOWN };

static void add(struct fit *f, const char *what, const char *wanted, const char *seen,
                enum state state, const char *fix)
{
    static const char *const names[] = {"no", "ok", "unknown"};
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "what", what, "wanted", wanted, "seen",
                            *seen ? seen : "none", "state", names[state]);
    if (state != OK)
        json_object_set_new(row, "fix", json_string(fix));
    json_array_append_new(f->list, row);
    f->fits = f->fits && state != NO;
}

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

// "25, 50 or 29.97"
static void words_of(const json_t *list, char *to, size_t size)
{
    size_t used = 0, i, count = json_array_size(list);
    const json_t *value;
    to[0] = 0;
    json_array_foreach(list, i, value)
    {
        const char *between = !i ? "" : i + 1 == count ? " or " : ", ";
        int got = snprintf(to + used, size - used, "%s%s", between, json_string_value(value));
        used += got > 0 && (size_t)got < size - used ? (size_t)got : 0;
    }
}

static bool holds(const json_t *list, const char *value)
{
    size_t i;
    const json_t *it;
    json_array_foreach(list, i, it) if (strcmp(json_string_value(it), value) == 0) return true;
    return false;
}

// One of the words that are allowed. What the file does not say is not guessed.
static void one_of(struct fit *f, const char *what, const json_t *list, const char *seen,
                   const char *fix)
{
    char wanted[256];
    if (!list)
        return;
    words_of(list, wanted, sizeof(wanted));
    bool said = *seen && strcmp(seen, "unknown") != 0;
    add(f, what, wanted, said ? seen : "not said",
        !said               ? UNKNOWN
        : holds(list, seen) ? OK
                            : NO,
        said ? fix : "somebody who knows the master has to say it");
}

static const char *cadence_of(const json_t *facts)
{
    return word(json_object_get(json_array_get(json_object_get(facts, "video"), 0), "cadence"),
                "found");
}

static bool has_pulldown(const char *cadence)
{
    return strcmp(cadence, "2:3") == 0 || strcmp(cadence, "2:3:3:2") == 0 ||
           strcmp(cadence, "2:2:2:4") == 0;
}

// What is known of its fields before anything is made.
static void fields(struct fit *f, const json_t *facts, bool unlaced)
{
    static const char *const words[][2] = {{"2:3", "film with a 2:3 pull-down"},
                                           {"2:3:3:2", "film with a 2:3:3:2 pull-down"},
                                           {"2:2:2:4", "film with each fourth frame doubled"},
                                           {"2:2 late", "whole frames, a field late"},
                                           {"progressive", "whole frames in interlaced"},
                                           {"interlaced", "shot interlaced"},
                                           {"mixed", "of more than one kind"}};
    const json_t *video = json_array_get(json_object_get(facts, "video"), 0);
    const char *cadence = cadence_of(facts), *said = cadence;
    char seen[120];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        said = strcmp(words[i][0], cadence) == 0 ? words[i][1] : said;
    if (!*cadence)
        return;
    snprintf(seen, sizeof(seen), "%.60s, %.10s first (%lld frames looked at)", said,
             word(video, "field_order"),
             (long long)number(json_object_get(video, "cadence"), "looked"));
    add(f, "fields",
        !unlaced                ? "as they are"
        : has_pulldown(cadence) ? "each frame of film once"
        : *cadence == 'i'       ? "deinterlaced"
                                : "whole frames",
        seen, OK, "");
}

// `unlaced`: pull-down is undone, so that four fifths of the master's rate may come of it.
static void rate(struct fit *f, const json_t *list, const json_t *facts, bool unlaced)
{
    char wanted[256] = "";
    size_t i, used = 0;
    const json_t *it, *constant = json_object_get(facts, "constant");
    rational seen, allowed;
    struct error err;
    const char *said = word(constant ? constant : facts, "rate");
    bool found = false, film = false,
         known = rational_parse(text_of(said), &seen, &err) && seen.num > 0;
    if (!list)
        return;
    json_array_foreach(list, i, it)
    {
        if (!rational_parse(text_of(json_string_value(it)), &allowed, &err))
            continue;
        int got = snprintf(wanted + used, sizeof(wanted) - used, "%s%s", used ? ", " : "",
                           rate_name(allowed).text);
        used += got > 0 && (size_t)got < sizeof(wanted) - used ? (size_t)got : 0;
        found = found || (known && rational_equal(seen, allowed));
        film =
            film || (known && rational_equal(rational_make(seen.num * 4, seen.den * 5), allowed));
    }
    add(f, "frames a second", wanted, known ? rate_name(seen).text : "not known",
        !known            ? UNKNOWN
        : found           ? OK
        : film && unlaced ? has_pulldown(cadence_of(facts)) ? OK : UNKNOWN
                          : NO,
        known && film && unlaced
            ? "it may be film with 2:3 pull-down: the plan finds out, and refuses if it is not"
        : known ? "supply a master at one of these rates; conversion of rates is a matter of taste"
                : "give the sequence a rate");
}

static void depth(struct fit *f, const json_t *asked, const json_t *video)
{
    int64_t wanted = number(asked, "bits"), seen = number(video, "bits");
    char a[40], b[40];
    if (!wanted)
        return;
    snprintf(a, sizeof(a), "at least %lld bits", (long long)wanted);
    snprintf(b, sizeof(b), "%lld bits", (long long)seen);
    add(f, "bit depth", a, seen ? b : "not said",
        !seen            ? UNKNOWN
        : seen >= wanted ? OK
                         : NO,
        "supply the master at its full depth; more bits around the same picture are refused");
}

// Neither has a default: an HDR deliverable without them is not made.
static void hdr(struct fit *f, const json_t *facts)
{
    struct hdr_display display;
    struct hdr_light light;
    char seen[160] = "not said";
    bool there = hdr_of_facts(facts, &display);
    if (there)
        hdr_display_format(&display, seen);
    add(f, "mastering display", "stated", seen, there ? OK : NO,
        "the colourist states it, it is never guessed: --mastering-display \"p3-d65 1000 0.0001\"");
    there = hdr_light_of_facts(facts, &light);
    snprintf(seen, sizeof(seen), "not said");
    if (there)
        snprintf(seen, sizeof(seen), "%d, %d", light.max_cll, light.max_fall);
    add(f, "MaxCLL, MaxFALL", "stated", seen, there ? OK : NO,
        "measure them over the whole programme: --light measure; or state them: --light 1000,400");
}

// What the profile itself refuses to do to a picture.
static void conversion(struct fit *f, const json_t *profile, const json_t *facts)
{
    struct profile_picture p;
    struct error err;
    error_clear(&err);
    if (json_array_size(json_object_get(facts, "video")) &&
        !profile_picture(profile, facts, &p, &err))
        add(f, "conversion", "within what the profile allows", err.why, NO, err.fix);
    const char *cadence = cadence_of(facts);
    if (profile_unlaces(profile, facts) && (!*cadence || strcmp(cadence, "mixed") == 0))
        add(f, "scan", "progressive", "interlaced", UNKNOWN,
            "its fields are looked at before it is encoded, and the plan says what they were");
}

static void picture(struct fit *f, const json_t *asked, const json_t *facts, bool scaled,
                    bool unlaced)
{
    const json_t *video = json_array_get(json_object_get(facts, "video"), 0);
    char size[48];
    if (!asked || !video)
        return;
    snprintf(size, sizeof(size), "%lldx%lld", (long long)number(video, "width"),
             (long long)number(video, "height"));
    if (!scaled)
        one_of(f, "size", json_object_get(asked, "sizes"), size,
               "supply a master of that size; blown up or cropped pictures are refused");
    rate(f, json_object_get(asked, "rates"), facts, unlaced);
    if (json_is_true(json_object_get(asked, "constant"))) {
        bool varies = json_is_true(json_object_get(facts, "vfr"));
        add(f, "constant rate", "yes", varies ? "frames come unevenly" : "yes", varies ? NO : OK,
            "export it at a constant rate from where it was cut");
    }
    one_of(f, "scan", json_object_get(asked, "scan"), word(video, "field_order"),
           "supply it as it was shot; de-interlaced or interlaced afterwards it is refused");
    depth(f, asked, video);
    one_of(f, "chroma", json_object_get(asked, "chroma"), word(video, "chroma"),
           "supply the master with its full chroma");
    static const char *const colours[] = {"primaries", "transfer", "matrix", "range"};
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        char what[32];
        snprintf(what, sizeof(what), "colour %s", colours[i]);
        one_of(f, what, json_object_get(asked, colours[i]), word(video, colours[i]),
               "supply a grade in that colour space; tone mapping by machine is no deliverable");
    }
    if (json_is_true(json_object_get(asked, "square"))) {
        const char *aspect = word(video, "pixel_aspect");
        long long a = 0, b = 0;
        bool square = sscanf(aspect, "%lld:%lld", &a, &b) == 2 && a == b;
        add(f, "square pixels", "yes", square ? "yes" : aspect, square ? OK : NO,
            "supply it with square pixels");
    }
    if (json_is_true(json_object_get(asked, "hdr")))
        hdr(f, facts);
}

static int channels_of(const char *layout)
{
    const struct layout *l = layout_named(layout);
    return l ? l->count : 0;
}

// A track that is asked for takes the first of the master's that suits and that none has taken:
// same count of channels, and the language where one is named.
static void track(struct fit *f, const json_t *asked, const json_t *tracks, uint64_t *taken)
{
    size_t i, at = SIZE_MAX;
    const json_t *it;
    char what[64], wanted[96], seen[96] = "none";
    const char *layout = word(asked, "layout"), *language = word(asked, "language");
    bool named = *language && strcmp(language, "*") != 0;
    const json_t *needed = json_object_get(asked, "needed");
    json_array_foreach(tracks, i, it)
    {
        if (at == SIZE_MAX && i < 64 && !(*taken >> i & 1) &&
            number(it, "channels") == channels_of(layout) &&
            (!named || strcmp(word(it, "language"), language) == 0))
            at = i;
    }
    snprintf(what, sizeof(what), "sound: %s%s%s", layout, *word(asked, "role") ? ", " : "",
             word(asked, "role"));
    snprintf(wanted, sizeof(wanted), "%d channels%s%s", channels_of(layout), named ? ", " : "",
             named ? language : "");
    if (at == SIZE_MAX) {
        if (!needed || json_is_true(needed))
            add(f, what, wanted, seen, NO,
                "lay the mix on a track of its own, in this order of channels");
        return;
    }
    *taken |= (uint64_t)1 << at;
    it = json_array_get(tracks, at);
    const char *said = word(it, "language");
    bool language_said = *said && strcmp(said, "und") != 0;
    snprintf(seen, sizeof(seen), "track %zu, %s%s%s", at + 1, word(it, "layout"),
             language_said ? ", " : "", language_said ? said : "");
    add(f, what, wanted, seen, *language && !language_said ? UNKNOWN : OK,
        "say in which language the track is");
}

static void sound(struct fit *f, const json_t *profile, const json_t *master, const json_t *facts)
{
    uint64_t taken = 0;
    size_t i;
    const json_t *it, *tracks = json_object_get(facts, "audio");
    int64_t wanted = number(master, "sample_rate");
    if (json_object_get(json_object_get(profile, "audio"), "tracks")) {
        struct routes *r = routes_make(profile, facts);
        json_array_extend(f->list, r->seen);
        f->fits = f->fits && r->whole;
        routes_close(r);
    } else {
        json_array_foreach(json_object_get(master, "audio"), i, it) track(f, it, tracks, &taken);
    }
    json_array_foreach(tracks, i, it)
    {
        char a[32], b[32], what[48];
        if (!wanted || number(it, "sample_rate") == wanted)
            continue;
        snprintf(what, sizeof(what), "sound %zu: sample rate", i + 1);
        snprintf(a, sizeof(a), "%lld Hz", (long long)wanted);
        snprintf(b, sizeof(b), "%lld Hz", (long long)number(it, "sample_rate"));
        add(f, what, a, b, json_object_get(profile, "audio") ? OK : NO, "convert its rate");
    }
}

static void lengths(struct fit *f, const json_t *profile, const json_t *facts)
{
    const json_t *length = json_object_get(profile, "length"),
                 *constant = json_object_get(facts, "constant");
    int64_t most = number(length, "av_ms");
    rational rate;
    struct error err;
    const json_t *timing = constant ? constant : facts;
    int64_t shortest = number(length, "shortest_s"), longest = number(length, "longest_s");
    if ((!most && !shortest && !longest) || !json_array_size(json_object_get(facts, "video")) ||
        !rational_parse(text_of(word(timing, "rate")), &rate, &err) || rate.num <= 0)
        return;
    const rational ms = {1000, 1};
    int64_t picture =
        rescale(number(timing, constant ? "frames" : "duration_frames"), rate, ms, ROUND_NEAREST);
    if (shortest || longest) {
        char range[64];
        snprintf(range, sizeof(range), "%lld s to %s", (long long)shortest,
                 longest ? time_text(longest).text : "any");
        bool within = picture >= shortest * 1000 && (!longest || picture <= longest * 1000);
        add(f, "length", range, time_text(picture / 1000).text, within ? OK : NO,
            "cut it to the length that the outlet takes");
    }
    for (size_t k = 0; most && k < json_array_size(json_object_get(facts, "audio")); k++) {
        const json_t *it = json_array_get(json_object_get(facts, "audio"), k);
        int64_t hz = number(it, "sample_rate");
        int64_t apart = hz > 0 ? llabs(rescale(number(it, "duration_samples"), (rational){hz, 1},
                                               ms, ROUND_NEAREST) -
                                       picture)
                               : 0;
        char what[48], wanted[48], seen[48];
        snprintf(what, sizeof(what), "sound %zu: length", k + 1);
        snprintf(wanted, sizeof(wanted), "as the picture, within %lld ms", (long long)most);
        snprintf(seen, sizeof(seen), "%lld ms apart", (long long)apart);
        add(f, what, wanted, seen, apart <= most ? OK : NO, "trim or fill the track");
    }
}

static void timecode(struct fit *f, const json_t *master, const json_t *facts)
{
    const json_t *tc = json_object_get(facts, "timecode"), *drop = json_object_get(master, "drop");
    bool there = json_is_object(tc) && strcmp(word(tc, "from"), "none") != 0;
    if (json_is_true(json_object_get(master, "timecode")))
        add(f, "start timecode", "there", there ? word(tc, "start") : "none", there ? OK : NO,
            "export it with its timecode track");
    if (drop && there) {
        bool seen = json_is_true(json_object_get(tc, "drop"));
        add(f, "drop-frame", json_is_true(drop) ? "yes" : "no", seen ? "yes" : "no",
            seen == json_is_true(drop) ? OK : NO, "export it with the other way of counting");
    }
}

void profile_supply(json_t *facts, const json_t *captions)
{
    json_object_set_new(facts, "supplied", json_deep_copy(captions));
}

// "en cc, sv subtitle"
static void captions_seen(const json_t *list, char *to, size_t size)
{
    size_t used = 0, i;
    const json_t *one;
    to[0] = 0;
    json_array_foreach(list, i, one)
    {
        const char *language = word(one, "language"), *role = word(one, "role");
        int got = snprintf(to + used, size - used, "%s%s%s%s", used ? ", " : "",
                           *language ? language : "no language said", *role ? " " : "", role);
        used += got > 0 && (size_t)got < size - used ? (size_t)got : 0;
    }
}

static bool in_language(const json_t *list, const char *language)
{
    size_t i;
    const json_t *one;
    const char *code = caption_language_code(text_of(language));
    json_array_foreach(list, i,
                       one) if (strcmp(caption_language_code(text_of(word(one, "language"))),
                                       code) == 0) return true;
    return false;
}

static const char *sound_language(const json_t *facts)
{
    return word(json_array_get(json_object_get(facts, "audio"), 0), "language");
}

// 608 and 708 of the same pictures say the same: 708 counts where there is no 608.
static bool closed_twice(const json_t *list, const json_t *one)
{
    size_t i;
    const json_t *other;
    json_array_foreach(list, i,
                       other) if (strcmp(word(one, "kind"), "708") == 0 &&
                                  strcmp(word(other, "kind"), "608") == 0 &&
                                  number(one, "index") == number(other, "index")) return true;
    return false;
}

json_t *profile_within(const json_t *facts)
{
    static const char *const texts[] = {"mov_text", "subrip", "webvtt", "ass", "text"};
    const json_t *list = json_object_get(facts, "captions"), *one;
    int64_t picture = number(json_array_get(json_object_get(facts, "video"), 0), "index");
    json_t *to = json_array();
    size_t i;
    json_array_foreach(list, i, one)
    {
        const char *kind = word(one, "kind"), *language = word(one, "language");
        bool closed = strcmp(kind, "608") == 0 || strcmp(kind, "708") == 0, text = false;
        char from[120];
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            text = text || strcmp(kind, texts[k]) == 0;
        if ((!closed && !text) || closed_twice(list, one))
            continue;
        bool inside = closed && number(one, "index") == picture;
        snprintf(from, sizeof(from), inside ? "%.20s in its pictures" : "%.20s in track %lld", kind,
                 (long long)number(one, "index") + 1);
        language = *language || text ? language : sound_language(facts);
        json_t *row =
            json_pack("{s:I, s:s, s:s, s:s, s:s}", "index", (json_int_t)number(one, "index"),
                      "kind", text ? "text" : kind, "language", language, "role",
                      text ? "subtitle" : "cc", "from", from);
        json_array_append_new(to, row);
        if (strcmp(kind, "608") != 0)
            continue;
        const char *channels = word(one, "channels");
        json_object_set_new(row, "channel", json_integer(strcmp(channels, "CC3") == 0 ? 3 : 1));
        if (strcmp(channels, "CC1 CC3") == 0) { // a second one, in a language that nobody says
            json_array_append_new(to, row = json_copy(row));
            json_object_set_new(row, "channel", json_integer(3));
            json_object_set_new(row, "language", json_string(""));
        }
    }
    return to;
}

bool profile_captions_wanted(const json_t *profile)
{
    const json_t *asked = json_object_get(profile, "captions");
    return json_object_get(profile, "ladder") ||
           json_array_size(json_object_get(asked, "formats")) ||
           json_array_size(json_object_get(asked, "embed"));
}

// "eng cc (608 in its pictures)"
static void within_seen(const json_t *list, char *to, size_t size)
{
    size_t used = 0, i;
    const json_t *one;
    to[0] = 0;
    json_array_foreach(list, i, one)
    {
        int got = snprintf(to + used, size - used, "%s%s %s (%s)", used ? ", " : "",
                           *word(one, "language") ? word(one, "language") : "no language said",
                           word(one, "role"), word(one, "from"));
        used += got > 0 && (size_t)got < size - used ? (size_t)got : 0;
    }
}

// What is only in the master's file is taken out of it, where that is known to be done.
static void captions(struct fit *f, const json_t *profile, const json_t *facts)
{
    static const char fix[] = "bring captions of the film: the Captions beside its player, "
                              "posthouse put FILE --captions-of FILM:LANGUAGE:ROLE, or "
                              "posthouse transcode --captions FILE:LANGUAGE:ROLE";
    char wanted[256], seen[200];
    const json_t *asked = json_object_get(profile, "captions"), *language;
    bool needed = json_is_true(json_object_get(asked, "needed")),
         itself = json_object_get(profile, "checks_only") != NULL;
    const json_t *supplied = json_object_get(facts, "supplied"),
                 *within = json_object_get(facts, "captions");
    bool inside = json_array_size(within) > 0, there = json_array_size(supplied) > 0;
    size_t i;
    if (!needed)
        return;
    json_t *taken = there || itself ? json_array() : profile_within(facts);
    bool takes = json_array_size(taken) > 0;
    words_of(json_object_get(asked, "formats"), wanted, sizeof(wanted));
    captions_seen(there ? supplied : within, seen, sizeof(seen));
    if (!there && itself && inside)
        add(f, "captions", wanted, seen, OK, fix);
    else if (takes)
        within_seen(taken, seen, sizeof(seen)), add(f, "captions", wanted, seen, OK, fix);
    else if (!there && inside)
        add(f, "captions", wanted, "in the file only, as what is not taken out here", NO, fix);
    else
        add(f, "captions", wanted, seen, there ? OK : itself ? UNKNOWN : NO, fix);
    json_array_foreach(json_object_get(asked, "languages"), i, language)
    {
        char what[60];
        bool has = in_language(takes ? taken : supplied, json_string_value(language));
        snprintf(what, sizeof(what), "captions: %.40s", json_string_value(language));
        add(f, what, "there", has ? "there" : seen, has ? OK : itself ? UNKNOWN : NO, fix);
    }
    json_decref(taken);
}

// What is asked but not looked at here: it is said, so that nobody takes it for checked.
static void loudness(struct fit *f, const json_t *profile)
{
    const json_t *asked = json_object_get(profile, "loudness"),
                 *target = json_object_get(asked, "target"),
                 *peak = json_object_get(asked, "true_peak");
    char wanted[96];
    static const char fix[] = "measure it with posthouse qc and compare";
    if (target) {
        snprintf(wanted, sizeof(wanted), "%g LUFS within %g (%.40s)", json_number_value(target),
                 json_number_value(json_object_get(asked, "within")), word(asked, "method"));
        add(f, "loudness", wanted, "not measured here", UNKNOWN, fix);
    }
    if (peak) {
        snprintf(wanted, sizeof(wanted), "at most %g dBTP", json_number_value(peak));
        add(f, "true peak", wanted, "not measured here", UNKNOWN, fix);
    }
}

static void beside(struct fit *f, const json_t *profile)
{
    size_t i;
    const json_t *it;
    json_array_foreach(json_object_get(profile, "sidecars"), i, it)
    {
        char what[64];
        snprintf(what, sizeof(what), "beside it: %.40s", json_string_value(it));
        add(f, what, "there", "written when it is boxed", OK, "");
    }
}

json_t *profile_fit(const json_t *profile, const json_t *said, bool *fits)
{
    json_t *facts = hdr_stated(profile, said);
    struct fit f = {json_array(), true};
    const json_t *video = json_object_get(profile, "video"),
                 *master = json_object_get(profile, "master");
    bool wants_picture = video || json_object_get(master, "video");
    bool picture_there = json_array_size(json_object_get(facts, "video")) > 0;
    bool sound_there = json_array_size(json_object_get(facts, "audio")) > 0;
    if (wants_picture || !sound_there)
        add(&f, wants_picture ? "picture" : "sound", "there",
            (wants_picture ? picture_there : sound_there) ? "there" : "none",
            (wants_picture ? picture_there : sound_there) ? OK : NO, "choose another profile");
    picture(&f, json_object_get(master, "video"), facts, json_object_get(video, "width") != NULL,
            profile_unlaces(profile, facts));
    if (video) {
        conversion(&f, profile, facts);
        fields(&f, facts, profile_unlaces(profile, facts));
    }
    sound(&f, profile, master, facts);
    lengths(&f, profile, facts);
    timecode(&f, master, facts);
    captions(&f, profile, facts);
    loudness(&f, profile);
    beside(&f, profile);
    *fits = f.fits;
    json_decref(facts);
    return f.list;
}

static bool refuse(const json_t *fit, const char *name, const char *title, struct error *err)
{
    size_t i, used = 0;
    const json_t *row;
    char why[sizeof(err->why)] = "";
    const char *fix = NULL;
    json_array_foreach(fit, i, row)
    {
        if (strcmp(word(row, "state"), "no") != 0 || used >= sizeof(why) - 1)
            continue;
        int got =
            snprintf(why + used, sizeof(why) - used, "%s%s: wanted %s, seen %s", used ? "; " : "",
                     word(row, "what"), word(row, "wanted"), word(row, "seen"));
        used += got > 0 ? (size_t)got : 0;
        fix = fix ? fix : word(row, "fix");
    }
    error_set(err, ERROR_INPUT, "%s cannot be made into %s", name, title);
    error_why(err, "%s", why);
    return error_fix(err, "%s", fix ? fix : "choose another profile");
}

bool profile_makes(const json_t *profile, const json_t *facts, const char *name, struct error *err)
{
    bool fits;
    const char *checks_only = word(profile, "checks_only");
    if (*checks_only) {
        error_set(err, ERROR_UNSUPPORTED, "%s cannot be made here", word(profile, "title"));
        error_why(err, "%s", checks_only);
        return error_fix(err, "choose another profile");
    }
    const json_t *camera = json_object_get(facts, "camera");
    if (json_is_false(json_object_get(camera, "picture"))) {
        error_set(err, ERROR_UNSUPPORTED, "%s has no picture here", name);
        error_why(err, "it is %s, which only %s decodes", word(camera, "format"),
                  word(camera, "sdk"));
        return error_fix(err, "order it of the transcode that is attached to it, or attach one");
    }
    json_t *fit = profile_fit(profile, facts, &fits);
    fits = fits || refuse(fit, name, word(profile, "title"), err);
    json_decref(fit);
    return fits;
}
