// MediaRSS 1.5.1 (RSS 2.0 with the namespace media), and AS-11's fields in the form of bmx.
#include "formats/metadata/sidecar_inside.h"
#include "time/rational.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- MediaRSS

static void media_content(struct sidecar *s)
{
    struct xml *x = &s->x;
    const struct sidecar_file *f = s->wish->file_count ? s->wish->files : NULL;
    size_t count = metadata_items(s->m, METADATA_TRACK), picture = 0, sound = 0;
    bool film = false;
    for (size_t i = count; i-- > 0;) {
        if (!strcmp(sidecar_item(s, "track.kind", i), "picture"))
            picture = i, film = true;
        if (!strcmp(sidecar_item(s, "track.kind", i), "sound"))
            sound = i;
    }
    rational rate;
    struct error none;
    int64_t frames = metadata_whole(s->m, "timecode.frames", 0, 0);
    const char *seconds = "", *per_second = "";
    if (film && rational_parse(text_of(sidecar_get(s, "timecode.rate")), &rate, &none) &&
        rate.num > 0) {
        seconds = arena_format(s->a, "%lld",
                               (long long)rescale(frames, rate, (rational){1, 1}, ROUND_NEAREST));
        per_second = arena_format(s->a, "%.3f", (double)rate.num / (double)rate.den);
    }
    xml_empty(x, "media:content", "url", f ? (f->url ? f->url : f->name) : NULL, "fileSize",
              f && f->size ? arena_format(s->a, "%lld", (long long)f->size) : NULL, "medium",
              film ? "video" : "audio", "isDefault", "true", "expression", "full", "framerate",
              per_second, "channels", sidecar_item(s, "track.channels", sound), "duration", seconds,
              "height", sidecar_item(s, "track.height", picture), "width",
              sidecar_item(s, "track.width", picture), "lang",
              *sidecar_item(s, "track.language", sound) ? sidecar_item(s, "track.language", sound)
                                                        : sidecar_get(s, "work.language"),
              NULL);
    if (f && f->md5)
        xml_leaf(x, "media:hash", f->md5, "algo", "md5", NULL);
}

static void media_scenes(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_CHAPTER);
    if (!count)
        return;
    xml_open(&s->x, "media:scenes", NULL);
    for (size_t i = 0; i < count; i++) {
        xml_open(&s->x, "media:scene", NULL);
        xml_leaf(&s->x, "sceneTitle", sidecar_item(s, "chapter.title", i), NULL);
        xml_leaf(&s->x, "sceneStartTime",
                 sidecar_clock(s, metadata_whole(s->m, "chapter.start", i, 0)), NULL);
        xml_close(&s->x, "media:scene");
    }
    xml_close(&s->x, "media:scenes");
}

static const char *commas(struct sidecar *s, const char *values)
{
    char *to = arena_text(s->a, values);
    for (char *c = to; *c; c++)
        *c = *c == ';' ? ',' : *c;
    return to;
}

void sidecar_mediarss(struct sidecar *s)
{
    struct xml *x = &s->x;
    const char *title = sidecar_get(s, "work.title");
    const char *words = sidecar_get(s, "work.synopsis");
    words = *words ? words : sidecar_get(s, "work.description");
    time_t when = (time_t)(s->wish->made_ms / 1000);
    struct tm utc;
    char date[64] = "";
    if (s->wish->made_ms && gmtime_r(&when, &utc))
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    xml_open(x, "rss", "version", "2.0", "xmlns:media", "http://search.yahoo.com/mrss/",
             "xmlns:dcterms", "http://purl.org/dc/terms/", NULL);
    xml_open(x, "channel", NULL);
    xml_leaf(x, "title", title, NULL);
    xml_leaf(x, "link",
             s->wish->file_count && s->wish->files->url ? s->wish->files->url : "about:blank",
             NULL);
    xml_leaf(x, "description", *words ? words : title, NULL);
    xml_open(x, "item", NULL);
    xml_leaf(x, "title", title, NULL);
    xml_leaf(x, "description", words, NULL);
    xml_leaf(x, "pubDate", date, NULL);
    media_content(s);
    xml_leaf(x, "media:title", title, "type", "plain", NULL);
    xml_leaf(x, "media:description", words, "type", "plain", NULL);
    xml_leaf(x, "media:keywords", commas(s, sidecar_get(s, "work.keywords")), NULL);
    xml_leaf(x, "media:category", sidecar_get(s, "work.genre"), NULL);
    xml_leaf(x, "media:copyright", sidecar_get(s, "rights.copyright"), NULL);
    if (*sidecar_get(s, "work.rating_system"))
        xml_leaf(x, "media:rating", sidecar_get(s, "work.rating"), "scheme",
                 arena_format(s->a, "urn:%s", sidecar_get(s, "work.rating_system")), NULL);
    size_t count = metadata_items(s->m, METADATA_PERSON);
    for (size_t i = 0; i < count; i++)
        xml_leaf(x, "media:credit", sidecar_item(s, "person.name", i), "role",
                 sidecar_item(s, "person.role", i), "scheme", "urn:ebu", NULL);
    if (*sidecar_get(s, "rights.territories"))
        xml_leaf(x, "media:restriction", sidecar_get(s, "rights.territories"), "relationship",
                 "allow", "type", "country", NULL);
    media_scenes(s);
    xml_leaf(x, "dcterms:available", sidecar_get(s, "rights.start"), NULL);
    xml_close(x, "item");
    xml_close(x, "channel");
    xml_close(x, "rss");
}

// ---- AS-11

static const char *yes(const char *flag)
{
    return strcmp(flag, "yes") ? "false" : "true";
}

// The language of the nth sound track that is no description for the blind.
static const char *spoken(struct sidecar *s, size_t number)
{
    size_t count = metadata_items(s->m, METADATA_TRACK);
    for (size_t i = 0; i < count; i++) {
        const char *language = sidecar_item(s, "track.language", i);
        if (!strcmp(sidecar_item(s, "track.kind", i), "sound") &&
            strcmp(sidecar_item(s, "track.role", i), "described") && number-- == 0)
            return *language ? arena_format(s->a, "%.3s", metadata_language3(language)) : "zxx";
    }
    return "zxx"; // no linguistic content: there is none
}

static size_t track_of(struct sidecar *s, const char *kind, const char *roles)
{
    size_t count = metadata_items(s->m, METADATA_TRACK);
    for (size_t i = 0; i < count; i++) {
        const char *role = sidecar_item(s, "track.role", i);
        if (!strcmp(sidecar_item(s, "track.kind", i), kind) && (!*roles || strstr(roles, role)))
            return i;
    }
    return SIZE_MAX;
}

static void core(struct sidecar *s)
{
    struct xml *x = &s->x;
    size_t captions = track_of(s, "caption", "");
    const char *first = spoken(s, 0);
    xml_open(x, "core", NULL);
    xml_leaf(x, "shim_name", sidecar_get(s, "broadcast.shim"), NULL);
    xml_leaf(x, "series_title", sidecar_short(s, sidecar_get(s, "work.series"), 127), NULL);
    xml_leaf(x, "programme_title", sidecar_short(s, sidecar_get(s, "work.title"), 127), NULL);
    xml_leaf(x, "episode_title_number",
             *sidecar_get(s, "work.episode") ? sidecar_get(s, "work.episode")
                                             : sidecar_get(s, "work.title"),
             NULL);
    xml_leaf(x, "audio_track_layout", sidecar_get(s, "broadcast.audio_layout"), NULL);
    xml_leaf(x, "primary_audio_language",
             strcmp(first, "zxx") || !*sidecar_get(s, "work.language")
                 ? first
                 : arena_format(s->a, "%.3s", metadata_language3(sidecar_get(s, "work.language"))),
             NULL);
    xml_leaf(x, "closed_captions_present", captions == SIZE_MAX ? "false" : "true", NULL);
    if (captions != SIZE_MAX) {
        const char *language = sidecar_item(s, "track.language", captions);
        const char *role = sidecar_item(s, "track.role", captions);
        xml_leaf(x, "closed_captions_type",
                 !strcmp(role, "subtitle") ? "Translation" : "Hard_Of_Hearing", NULL);
        if (*language)
            xml_leaf(x, "closed_captions_language",
                     arena_format(s->a, "%.3s", metadata_language3(language)), NULL);
    }
    xml_close(x, "core");
}

// A length as HH:MM:SS:FF: UK DPP has 25 frames a second, which drop nothing.
static const char *frames_label(struct sidecar *s)
{
    rational rate;
    struct error none;
    int64_t frames = metadata_whole(s->m, "timecode.frames", 0, -1);
    if (frames < 0 || !rational_parse(text_of(sidecar_get(s, "timecode.rate")), &rate, &none) ||
        rate.num <= 0)
        return "";
    int64_t base = (rate.num + rate.den - 1) / rate.den, seconds = frames / base;
    return arena_format(s->a, "%02lld:%02lld:%02lld:%02lld", (long long)(seconds / 3600),
                        (long long)(seconds / 60 % 60), (long long)(seconds % 60),
                        (long long)(frames % base));
}

static void uk_dpp(struct sidecar *s)
{
    static const char *const passes[][2] = {
        {"yes", "Yes"}, {"no", "No"}, {"untested", "Not_Tested"}};
    struct xml *x = &s->x;
    bool described = track_of(s, "sound", "described") != SIZE_MAX;
    const char *pass = sidecar_get(s, "broadcast.pse");
    const char *year = sidecar_get(s, "work.date");
    xml_open(x, "uk_dpp", NULL);
    xml_leaf(x, "production_number", sidecar_get(s, "broadcast.production_number"), NULL);
    xml_leaf(x, "synopsis", sidecar_short(s, sidecar_get(s, "work.synopsis"), 250), NULL);
    xml_leaf(x, "originator", sidecar_get(s, "work.company"), NULL);
    xml_leaf(x, "copyright_year", sidecar_short(s, year, 4), NULL);
    xml_leaf(x, "other_identifier", sidecar_get(s, "work.house_id"), NULL);
    xml_leaf(x, "genre", sidecar_get(s, "work.genre"), NULL);
    xml_leaf(x, "distributor", sidecar_get(s, "work.network"), NULL);
    xml_leaf(x, "three_d", "false", NULL);
    for (size_t i = 0; i < 3; i++)
        if (strcmp(passes[i][0], pass) == 0)
            xml_leaf(x, "pse_pass", passes[i][1], NULL);
    xml_leaf(x, "pse_manufacturer", sidecar_get(s, "broadcast.pse_device"), NULL);
    xml_leaf(x, "secondary_audio_language", spoken(s, 1), NULL);
    xml_leaf(x, "tertiary_audio_language", spoken(s, 2), NULL);
    xml_leaf(x, "audio_loudness_standard",
             strcmp(sidecar_get(s, "broadcast.loudness"), "r128") ? "None" : "EBU_R_128", NULL);
    xml_leaf(x, "line_up_start", sidecar_get(s, "broadcast.line_up_start"), NULL);
    xml_leaf(x, "ident_clock_start", sidecar_get(s, "broadcast.clock_start"), NULL);
    xml_leaf(x, "total_number_of_parts", sidecar_get(s, "broadcast.parts"), NULL);
    xml_leaf(x, "total_programme_duration", frames_label(s), NULL);
    xml_leaf(x, "audio_description_present", described ? "true" : "false", NULL);
    xml_leaf(x, "open_captions_present", yes(sidecar_get(s, "broadcast.open_captions")), NULL);
    xml_leaf(x, "signing_present",
             strcmp(sidecar_get(s, "broadcast.signing"), "yes") ? "No" : "Yes", NULL);
    xml_leaf(x, "completion_date", sidecar_day(s, "broadcast.completed"), NULL);
    xml_leaf(x, "contact_email", sidecar_get(s, "broadcast.contact_email"), NULL);
    xml_leaf(x, "contact_telephone_number", sidecar_get(s, "broadcast.contact_phone"), NULL);
    xml_close(x, "uk_dpp");
}

void sidecar_as11(struct sidecar *s)
{
    xml_open(&s->x, "as11", NULL);
    core(s);
    uk_dpp(s);
    xml_close(&s->x, "as11");
}
