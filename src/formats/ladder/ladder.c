#include "formats/ladder/ladder.h"
#include "formats/profile/routes.h"
#include "time/rational.h"

#include <stdio.h>
#include <string.h>

static int64_t number(const json_t *of, const char *name)
{
    return json_integer_value(json_object_get(of, name));
}

static const char *word(const json_t *of, const char *name)
{
    const char *text = json_string_value(json_object_get(of, name));
    return text ? text : "";
}

// ---- profiles

static json_t *part_of(const json_t *profile, const char *name)
{
    json_t *p = json_copy((json_t *)(uintptr_t)profile);
    int64_t gop_s = number(json_object_get(profile, "video"), "gop_s");
    json_object_del(p, "ladder");
    json_object_del(p, "captions");
    json_object_del(p, name);
    json_object_set_new(p, "fragment_s", json_integer(gop_s ? gop_s : 2));
    return p;
}

static json_t *rung(const json_t *profile, const json_t *row)
{
    json_t *p = part_of(profile, "audio"), *value;
    json_t *video = json_deep_copy(json_object_get(profile, "video"));
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)row, name, value)
    {
        if (strcmp(name, "options") == 0 && json_object_get(video, name))
            json_object_update(json_object_get(video, name), value);
        else if (strcmp(name, "name") != 0)
            json_object_set(video, name, value);
    }
    json_object_set_new(video, "gop", json_string("fixed"));
    if (!json_object_get(video, "gop_s"))
        json_object_set_new(video, "gop_s", json_integer(2));
    json_object_set_new(p, "video", video);
    return json_pack("{s:s, s:o}", "name", word(row, "name"), "profile", p);
}

json_t *ladder_rungs(const json_t *profile, int width, int height)
{
    json_t *list = json_array(), *smallest = NULL;
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(profile, "ladder"), i, row)
    {
        int64_t w = number(row, "width"), h = number(row, "height");
        // Of the source's shape one side fits; a rung of its own size is one more.
        if (w <= width || h <= height)
            json_array_append_new(list, rung(profile, row));
        if (!smallest || w < number(smallest, "width"))
            smallest = (json_t *)(uintptr_t)row;
    }
    if (!json_array_size(list) && smallest)
        json_array_append_new(list, rung(profile, smallest));
    return list;
}

json_t *ladder_sound(const json_t *profile)
{
    if (!json_object_get(profile, "audio"))
        return NULL;
    json_t *p = part_of(profile, "video");
    json_t *audio = json_copy(json_object_get(profile, "audio"));
    json_object_set_new(audio, "streams", json_integer(1));
    json_object_set_new(p, "audio", audio);
    return p;
}

// A language goes into names of files and into attributes.
static const char *tag_of(const char *language)
{
    for (const char *c = language; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", *c))
            return "und";
    return *language ? language : "und";
}

static bool name_there(const json_t *list, const char *name)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) if (strcmp(word(one, "name"), name) == 0) return true;
    return false;
}

static void add_sound(json_t *list, size_t *count, json_t *profile, const char *language,
                      const char *role)
{
    char name[64] = "sound";
    size_t size;
    bool main = !*role || strcmp(role, "main") == 0;
    if ((*count)++)
        snprintf(name, sizeof(name), "sound-%.20s%s%.20s", tag_of(language), main ? "" : "-",
                 main ? "" : tag_of(role));
    size = strlen(name);
    for (int n = 2; name_there(list, name); n++)
        snprintf(name + size, sizeof(name) - size, "-%d", n);
    json_t *track = json_pack("{s:s, s:o, s:b}", "name", name, "profile", profile, "sound", 1);
    if (*language && strcmp(language, "*") != 0)
        json_object_set_new(track, "language", json_string(language));
    if (!main)
        json_object_set_new(track, "role", json_string(role));
    json_array_append_new(list, track);
}

// The sound's profile with one more field of its "audio".
static json_t *sound_with(const json_t *sound, const char *field, json_t *value)
{
    json_t *p = json_copy((json_t *)(uintptr_t)sound);
    json_t *audio = json_copy(json_object_get(sound, "audio"));
    if (strcmp(field, "tracks") == 0) { // which says all of it
        json_object_del(audio, "channels");
        json_object_del(audio, "streams");
    }
    json_object_set_new(audio, field, value);
    json_object_set_new(p, "audio", audio);
    return p;
}

// What only a mixer wants: the rest of what it takes to make another version.
static bool for_listeners(const json_t *fact)
{
    static const char *const others[] = {"music-and-effects", "dialogue", "music", "effects"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(word(fact, "role"), others[i]) == 0)
            return false;
    return true;
}

// Of two tracks of one language and role, the one that need not be mixed down is taken.
static bool stands_back(const json_t *tracks, size_t at, int64_t channels)
{
    const json_t *fact = json_array_get(tracks, at), *other;
    size_t i;
    json_array_foreach(tracks, i, other)
    {
        bool fits = number(other, "channels") == channels,
             own = number(fact, "channels") == channels;
        if (i != at && for_listeners(other) &&
            strcmp(word(other, "language"), word(fact, "language")) == 0 &&
            strcmp(word(other, "role"), word(fact, "role")) == 0 && (fits == own ? i < at : fits))
            return true;
    }
    return false;
}

static bool all_mono(const json_t *tracks)
{
    size_t i;
    const json_t *fact;
    json_array_foreach(tracks, i, fact) if (number(fact, "channels") != 1) return false;
    return true;
}

static void add_sounds(json_t *list, const json_t *sound, const json_t *facts, int64_t most)
{
    const json_t *audio = json_object_get(sound, "audio"), *rows = json_object_get(audio, "tracks"),
                 *tracks = json_object_get(facts, "audio"), *of;
    size_t i, count = 0;
    json_array_foreach(rows, i, of)
        add_sound(list, &count, sound_with(sound, "tracks", json_pack("[O]", of)),
                  word(of, "language"), word(of, "role"));
    if (rows)
        return;
    if (json_array_size(tracks) > 1 && all_mono(tracks) && number(audio, "channels") != 1) {
        json_t *row = json_pack("[{s:s}]", "layout", "stereo"),
               *profile = sound_with(sound, "tracks", row);
        struct routes *routes = routes_make(profile, facts);
        bool whole = routes->whole;
        if (whole)
            add_sound(list, &count, json_incref(profile),
                      routes->at[0].language ? routes->at[0].language : "", "");
        routes_close(routes);
        json_decref(profile);
        if (whole)
            return;
    }
    json_array_foreach(tracks, i, of)
    {
        if (for_listeners(of) && !stands_back(tracks, i, number(audio, "channels")) &&
            (!most || (int64_t)count < most))
            add_sound(list, &count, sound_with(sound, "source", json_integer((json_int_t)i + 1)),
                      word(of, "language"), word(of, "role"));
    }
    if (!count)
        add_sound(list, &count, sound_with(sound, "source", json_integer(1)), "", "");
}

json_t *ladder_tracks(const json_t *profile, const json_t *facts)
{
    const json_t *fact = json_array_get(json_object_get(facts, "video"), 0), *row;
    bool sdr = json_is_true(json_object_get(json_object_get(profile, "video"), "sdr"));
    json_t *list = ladder_rungs(profile, (int)number(fact, sdr ? "display_width" : "width"),
                                (int)number(fact, sdr ? "display_height" : "height"));
    json_t *sound = json_array_size(json_object_get(facts, "audio")) ? ladder_sound(profile) : NULL;
    size_t i;
    json_array_foreach(list, i, row)
        json_object_set_new((json_t *)(uintptr_t)row, "sound", json_false());
    if (sound)
        add_sounds(list, sound, facts, number(json_object_get(profile, "audio"), "streams"));
    json_decref(sound);
    return list;
}

// ---- what it has become

json_t *ladder_about(const json_t *facts)
{
    const json_t *constant = json_object_get(facts, "constant");
    return json_pack(
        "{s:O*, s:O*, s:[]}", "rate", json_object_get(constant ? constant : facts, "rate"),
        "frames",
        json_object_get(constant ? constant : facts, constant ? "frames" : "duration_frames"),
        "picture");
}

void ladder_add(json_t *about, const json_t *track, const json_t *cmaf, int64_t frames)
{
    const char *name = word(track, "name");
    char file[64];
    snprintf(file, sizeof(file), "%.50s.mp4", name);
    json_t *row = json_pack("{s:s, s:s, s:O*, s:I}", "name", name, "file", file, "cmaf", cmaf,
                            "frames", (json_int_t)frames);
    if (!json_is_true(json_object_get(track, "sound"))) {
        json_array_append_new(json_object_get(about, "picture"), row);
        return;
    }
    static const char *const said[] = {"language", "role"};
    for (size_t i = 0; i < 2; i++)
        if (json_object_get(track, said[i]))
            json_object_set(row, said[i], json_object_get(track, said[i]));
    if (!json_object_get(about, "sounds"))
        json_object_set_new(about, "sounds", json_array());
    json_array_append_new(json_object_get(about, "sounds"), row);
}

const char *ladder_add_text(json_t *about, const char *language, const char *role)
{
    json_t *texts = json_object_get(about, "texts");
    char name[80], file[90];
    bool plain = !*role || strcmp(role, "subtitle") == 0;
    if (!texts)
        json_object_set_new(about, "texts", texts = json_array());
    snprintf(name, sizeof(name), "text-%.30s%s%.10s", tag_of(language), plain ? "" : "-",
             plain ? "" : role);
    size_t size = strlen(name);
    for (int n = 2; name_there(texts, name); n++)
        snprintf(name + size, sizeof(name) - size, "-%d", n);
    snprintf(file, sizeof(file), "%s.vtt", name);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "file", file, "language",
                            tag_of(language), "role", *role ? role : "subtitle");
    json_array_append_new(texts, row);
    return word(row, "file");
}

// ---- figures

static const json_t *fragments_of(const json_t *of)
{
    return json_object_get(json_object_get(of, "cmaf"), "fragments");
}

static int64_t part(const json_t *fragment, size_t index)
{
    return json_integer_value(json_array_get(fragment, index));
}

static int64_t scale_of(const json_t *of)
{
    int64_t scale = number(json_object_get(of, "cmaf"), "timescale");
    return scale > 0 ? scale : 1;
}

void ladder_rates(const json_t *of, int64_t *most, int64_t *average)
{
    size_t i;
    const json_t *f;
    int64_t scale = scale_of(of), bytes = 0, time = 0, longest = 0;
    *most = *average = 0;
    json_array_foreach(fragments_of(of), i, f) longest =
        part(f, 2) > longest ? part(f, 2) : longest;
    json_array_foreach(fragments_of(of), i, f)
    {
        int64_t duration = part(f, 2) > 0 ? part(f, 2) : 1;
        // What is left at the end may be a frame: it is no measure of a rate.
        int64_t rate = part(f, 1) * 8 * scale / (2 * duration < longest ? longest : duration);
        *most = rate > *most ? rate : *most;
        bytes += part(f, 1), time += duration;
    }
    *average = time ? bytes * 8 * scale / time : 0;
}

bool ladder_aligned(const json_t *about)
{
    const json_t *list = json_object_get(about, "picture"), *first = json_array_get(list, 0);
    size_t i, k;
    const json_t *of, *f;
    json_array_foreach(list, i, of)
    {
        if (json_array_size(fragments_of(of)) != json_array_size(fragments_of(first)) ||
            scale_of(of) != scale_of(first))
            return false;
        json_array_foreach(fragments_of(of), k,
                           f) if (part(f, 2) !=
                                  part(json_array_get(fragments_of(first), k), 2)) return false;
    }
    return true;
}

static rational rate_of(const json_t *about)
{
    rational rate;
    struct error err;
    if (!rational_parse(text_of(word(about, "rate")), &rate, &err) || rate.num <= 0)
        rate = (rational){25, 1};
    return rate;
}

static double seconds_of(const json_t *about)
{
    rational rate = rate_of(about);
    return (double)number(about, "frames") * (double)rate.den / (double)rate.num;
}

static const char *language_of(const json_t *of)
{
    return tag_of(word(of, "language"));
}

// ---- HLS

static void begin(struct buf *to, double longest_s)
{
    buf_format(to,
               "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:0\n"
               "#EXT-X-PLAYLIST-TYPE:VOD\n",
               longest_s < 1 ? 1 : (int)(longest_s + 0.5)); // rounded to the nearest, 4.3.3.1
}

static void hls_file(const json_t *of, struct buf *to)
{
    const json_t *cmaf = json_object_get(of, "cmaf"), *f;
    const char *file = word(of, "file");
    double longest = 0, scale = (double)scale_of(of);
    size_t i;
    json_array_foreach(fragments_of(of), i, f)
    {
        double s = (double)part(f, 2) / scale;
        longest = s > longest ? s : longest;
    }
    begin(to, longest);
    buf_format(to, "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"%lld@0\"\n",
               file, (long long)number(cmaf, "head"));
    json_array_foreach(fragments_of(of), i, f)
        buf_format(to, "#EXTINF:%.6f,\n#EXT-X-BYTERANGE:%lld@%lld\n%s\n",
                   (double)part(f, 2) / scale, (long long)part(f, 1), (long long)part(f, 0), file);
    buf_format(to, "#EXT-X-ENDLIST\n");
}

static void hls_text(const json_t *about, const json_t *of, struct buf *to)
{
    double seconds = seconds_of(about);
    begin(to, seconds);
    buf_format(to, "#EXTINF:%.6f,\n%s\n#EXT-X-ENDLIST\n", seconds, word(of, "file"));
}

// "a.mp4" gives "a"
static int stem(const char *file)
{
    const char *dot = strrchr(file, '.');
    return dot ? (int)(dot - file) : (int)strlen(file);
}

static void hls_rung(const json_t *about, const json_t *of, struct buf *to)
{
    const json_t *sounds = json_object_get(about, "sounds"), *cmaf = json_object_get(of, "cmaf"),
                 *sound = json_array_get(sounds, 0), *one;
    int64_t most, average, sound_most = 0, sound_average = 0;
    size_t i;
    rational rate = rate_of(about);
    const char *file = word(of, "file");
    ladder_rates(of, &most, &average);
    json_array_foreach(sounds, i, one)
    {
        int64_t its_most, its_average; // the largest that may be played with it, 4.3.4.2
        ladder_rates(one, &its_most, &its_average);
        sound_most = its_most > sound_most ? its_most : sound_most;
        sound_average = its_average > sound_average ? its_average : sound_average;
    }
    buf_format(to,
               "#EXT-X-STREAM-INF:BANDWIDTH=%lld,AVERAGE-BANDWIDTH=%lld,CODECS=\"%s%s%s\","
               "RESOLUTION=%lldx%lld,FRAME-RATE=%.3f%s%s\n%.*s.m3u8\n",
               (long long)(most + sound_most), (long long)(average + sound_average),
               word(cmaf, "codecs"), sound ? "," : "",
               sound ? word(json_object_get(sound, "cmaf"), "codecs") : "",
               (long long)number(cmaf, "width"), (long long)number(cmaf, "height"),
               (double)rate.num / (double)rate.den, sound ? ",AUDIO=\"sound\"" : "",
               json_array_size(json_object_get(about, "texts")) ? ",SUBTITLES=\"text\"" : "",
               stem(file), file);
}

// Names of a group differ (4.3.4.1): what several share is numbered. What is for those who do not
// hear says so (4.3.4.1, CHARACTERISTICS).
static void hls_rendition(const json_t *of, size_t number, struct buf *to)
{
    const char *role = word(of, "role");
    bool forced = strcmp(role, "forced") == 0,
         deaf = strcmp(role, "cc") == 0 || strcmp(role, "sdh") == 0;
    buf_format(to, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"%s", language_of(of));
    if (strcmp(role, "subtitle") != 0)
        buf_format(to, " %s", role);
    if (number > 1)
        buf_format(to, " %zu", number);
    buf_format(to, "\",LANGUAGE=\"%s\",DEFAULT=NO,AUTOSELECT=YES,FORCED=%s%s,URI=\"%.*s.m3u8\"\n",
               language_of(of), forced ? "YES" : "NO",
               deaf ? ",CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,"
                      "public.accessibility.describes-music-and-sound\""
                    : "",
               stem(word(of, "file")), word(of, "file"));
}

static size_t number_of_like(const json_t *texts, size_t at)
{
    const json_t *of = json_array_get(texts, at);
    size_t number = 1;
    for (size_t i = 0; i < at; i++) {
        const json_t *one = json_array_get(texts, i);
        number += strcmp(language_of(one), language_of(of)) == 0 &&
                  strcmp(word(one, "role"), word(of, "role")) == 0;
    }
    return number;
}

static bool described(const json_t *of)
{
    return strcmp(word(of, "role"), "described") == 0;
}

static void hls_sound(const json_t *of, size_t number, bool first, struct buf *to)
{
    const char *role = word(of, "role");
    buf_format(to, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"%s%s%.20s", language_of(of),
               *role ? " " : "", *role ? tag_of(role) : "");
    if (number > 1)
        buf_format(to, " %zu", number);
    buf_format(
        to, "\",LANGUAGE=\"%s\",DEFAULT=%s,AUTOSELECT=%s%s,CHANNELS=\"%lld\",URI=\"%.*s.m3u8\"\n",
        language_of(of), first ? "YES" : "NO",
        first || !*role || described(of) ? "YES" : "NO", // a commentary is asked for
        described(of) ? ",CHARACTERISTICS=\"public.accessibility.describes-video\"" : "",
        (long long)json_integer_value(json_object_get(json_object_get(of, "cmaf"), "channels")),
        stem(word(of, "file")), word(of, "file"));
}

static void hls(const json_t *about, struct buf *to)
{
    const json_t *sounds = json_object_get(about, "sounds"),
                 *texts = json_object_get(about, "texts");
    size_t i;
    const json_t *of;
    buf_format(to, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    json_array_foreach(sounds, i, of) hls_sound(of, number_of_like(sounds, i), i == 0, to);
    json_array_foreach(texts, i, of) hls_rendition(of, number_of_like(texts, i), to);
    json_array_foreach(json_object_get(about, "picture"), i, of) hls_rung(about, of, to);
}

// ---- DASH

static void segment_base(const json_t *of, struct buf *to)
{
    const json_t *cmaf = json_object_get(of, "cmaf"), *index = json_object_get(cmaf, "index");
    buf_format(to,
               "        <BaseURL>%s</BaseURL>\n"
               "        <SegmentBase indexRange=\"%lld-%lld\" timescale=\"%lld\">\n"
               "          <Initialization range=\"0-%lld\"/>\n"
               "        </SegmentBase>\n"
               "      </Representation>\n",
               word(of, "file"), (long long)part(index, 0),
               (long long)(part(index, 0) + part(index, 1) - 1), (long long)scale_of(of),
               (long long)(number(cmaf, "head") - 1));
}

static void dash_rung(const json_t *about, const json_t *of, struct buf *to)
{
    const json_t *cmaf = json_object_get(of, "cmaf");
    int64_t most, average;
    rational rate = rate_of(about);
    ladder_rates(of, &most, &average);
    buf_format(to,
               "      <Representation id=\"%s\" codecs=\"%s\" bandwidth=\"%lld\" width=\"%lld\" "
               "height=\"%lld\" frameRate=\"%lld/%lld\" sar=\"1:1\">\n",
               word(of, "name"), word(cmaf, "codecs"), (long long)most,
               (long long)number(cmaf, "width"), (long long)number(cmaf, "height"),
               (long long)rate.num, (long long)rate.den);
    segment_base(of, to);
}

// Roles and accessibility of ISO/IEC 23009-1, 5.8.5.5 and TV-Anytime's audio purposes.
static void dash_sound(const json_t *sound, bool first, struct buf *to)
{
    const json_t *cmaf = json_object_get(sound, "cmaf");
    int64_t most, average;
    ladder_rates(sound, &most, &average);
    buf_format(
        to,
        "    <AdaptationSet contentType=\"audio\" mimeType=\"audio/mp4\" lang=\"%s\" "
        "subsegmentAlignment=\"true\" subsegmentStartsWithSAP=\"1\">\n%s"
        "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"%s\"/>\n"
        "      <Representation id=\"%s\" codecs=\"%s\" bandwidth=\"%lld\" "
        "audioSamplingRate=\"%lld\">\n"
        "        <AudioChannelConfiguration schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_"
        "configuration:2011\" value=\"%lld\"/>\n",
        language_of(sound),
        described(sound)
            ? "      <Accessibility schemeIdUri=\"urn:tva:metadata:cs:AudioPurposeCS:2007\" "
              "value=\"1\"/>\n"
            : "",
        first                                            ? "main"
        : described(sound)                               ? "description"
        : strcmp(word(sound, "role"), "commentary") == 0 ? "commentary"
                                                         : "dub",
        word(sound, "name"), word(cmaf, "codecs"), (long long)most,
        (long long)number(cmaf, "sample_rate"), (long long)number(cmaf, "channels"));
    segment_base(sound, to);
    buf_format(to, "    </AdaptationSet>\n");
}

// Roles of ISO/IEC 23009-1, 5.8.5.5.
static void dash_text(const json_t *of, struct buf *to)
{
    const char *role = word(of, "role");
    bool forced = strcmp(role, "forced") == 0, plain = strcmp(role, "subtitle") == 0;
    buf_format(to,
               "    <AdaptationSet contentType=\"text\" mimeType=\"text/vtt\" lang=\"%s\">\n"
               "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"%s\"/>\n"
               "      <Representation id=\"%s\" bandwidth=\"1000\">\n"
               "        <BaseURL>%s</BaseURL>\n      </Representation>\n"
               "    </AdaptationSet>\n",
               language_of(of),
               plain    ? "subtitle"
               : forced ? "forced-subtitle"
                        : "caption",
               word(of, "name"), word(of, "file"));
}

static void dash(const json_t *about, struct buf *to)
{
    const json_t *list = json_object_get(about, "picture"), *of;
    const json_t *first = json_array_get(fragments_of(json_array_get(list, 0)), 0);
    double group = (double)part(first, 2) / (double)scale_of(json_array_get(list, 0));
    size_t i;
    buf_format(to,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:"
               "isoff-on-demand:2011\" type=\"static\" mediaPresentationDuration=\"PT%.3fS\" "
               "minBufferTime=\"PT%.3fS\">\n  <Period duration=\"PT%.3fS\">\n"
               "    <AdaptationSet contentType=\"video\" mimeType=\"video/mp4\" "
               "subsegmentAlignment=\"true\" subsegmentStartsWithSAP=\"1\">\n",
               seconds_of(about), group > 0 ? group : 2, seconds_of(about));
    json_array_foreach(list, i, of) dash_rung(about, of, to);
    buf_format(to, "    </AdaptationSet>\n");
    json_array_foreach(json_object_get(about, "sounds"), i, of) dash_sound(of, i == 0, to);
    json_array_foreach(json_object_get(about, "texts"), i, of) dash_text(of, to);
    buf_format(to, "  </Period>\n</MPD>\n");
}

// ---- all of it

struct filing {
    bool (*file)(void *context, const char *name, text content);
    void *context;
};

static bool give(const struct filing *f, const char *name, struct buf *b)
{
    bool ok = f->file(f->context, name, (text){b->at, b->size});
    buf_free(b);
    *b = (struct buf)BUF_LIMIT(64 << 20);
    return ok;
}

static bool give_playlist(const struct filing *f, const json_t *of, struct buf *b)
{
    char name[100];
    snprintf(name, sizeof(name), "%.80s.m3u8", word(of, "name"));
    return give(f, name, b);
}

bool ladder_files(const json_t *about, bool (*file)(void *context, const char *name, text content),
                  void *context)
{
    const struct filing f = {file, context};
    const json_t *of;
    struct buf b = BUF_LIMIT(64 << 20);
    bool ok = true;
    size_t i;
    json_array_foreach(json_object_get(about, "picture"), i, of)
    {
        hls_file(of, &b);
        ok = ok && give_playlist(&f, of, &b);
    }
    json_array_foreach(json_object_get(about, "sounds"), i, of)
    {
        hls_file(of, &b);
        ok = ok && give_playlist(&f, of, &b);
    }
    json_array_foreach(json_object_get(about, "texts"), i, of)
    {
        hls_text(about, of, &b);
        ok = ok && give_playlist(&f, of, &b);
    }
    hls(about, &b);
    ok = ok && give(&f, "master.m3u8", &b);
    dash(about, &b);
    ok = ok && give(&f, "manifest.mpd", &b);
    buf_free(&b);
    return ok;
}

static void check(json_t *list, bool *all, const char *what, bool ok, const char *wanted,
                  const char *seen)
{
    json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "what", what, "ok", ok, "wanted",
                                          wanted, "seen", seen));
    *all = *all && ok;
}

json_t *ladder_checks(const json_t *about, bool *all)
{
    json_t *list = json_array();
    const json_t *track;
    size_t i;
    char wanted[32], seen[120];
    int64_t frames = number(about, "frames");
    *all = true;
    json_array_foreach(json_object_get(about, "picture"), i, track)
    {
        const json_t *cmaf = json_object_get(track, "cmaf");
        int64_t have = number(track, "frames"), most, average;
        ladder_rates(track, &most, &average);
        snprintf(wanted, sizeof(wanted), "%lld frames", (long long)frames);
        snprintf(seen, sizeof(seen), "%lld frames, %lld x %lld, %.40s, %.2f Mb/s", (long long)have,
                 (long long)number(cmaf, "width"), (long long)number(cmaf, "height"),
                 word(cmaf, "codecs"), (double)average / 1e6);
        check(list, all, word(track, "name"), have == frames, wanted, seen);
    }
    bool aligned = ladder_aligned(about);
    check(list, all, "key frames", aligned, "at the same frames", aligned ? "so" : "not so");
    return list;
}
