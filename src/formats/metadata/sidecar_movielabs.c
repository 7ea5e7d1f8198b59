/*
 * MovieLabs: Media Entertainment Core (MEC 2.12), which says what a work is, and the Media Manifest
 * Core (MMC, manifest 1.13), which says of which files and tracks a version is made. Both stand on
 * Common Metadata (md 2.12); the order of elements is the schemas'.
 *
 * Identifiers: md:<kind>:eidr-s:<the part behind 10.5240/>, or md:<kind>:org:<organisation>:<id>.
 */
#include "formats/metadata/sidecar_inside.h"
#include "time/rational.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MD "http://www.movielabs.com/schema/md/v2.12/md"

// Of an id only letters, digits and a few signs.
static const char *plain(const struct sidecar *s, const char *from)
{
    char *to = arena_text(s->a, from);
    for (char *c = to; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
            *c = '_';
    return to;
}

static const char *id_of(const struct sidecar *s, const char *kind, const char *behind)
{
    const char *eidr = sidecar_get(s, "version.eidr");
    eidr = *eidr && strcmp(kind, "cid") ? eidr : sidecar_get(s, "work.eidr");
    const char *house = sidecar_get(s, "work.house_id");
    house = *house ? house : sidecar_get(s, "work.vendor_id");
    if (*eidr)
        return arena_format(s->a, "md:%s:eidr-s:%s%s", kind,
                            plain(s, strncmp(eidr, "10.5240/", 8) ? eidr : eidr + 8), behind);
    return arena_format(s->a, "md:%s:org:%s:%s%s", kind,
                        plain(s, s->wish->provider ? s->wish->provider : ""), plain(s, house),
                        behind);
}

// ---- what a work is

static void summaries(struct sidecar *s, const char *description, const char *synopsis)
{
    struct xml *x = &s->x;
    const char *brief = *description ? description : synopsis;
    xml_leaf(x, "md:Summary190", sidecar_short(s, brief, 190), NULL);
    xml_leaf(x, "md:Summary400", sidecar_short(s, *synopsis ? synopsis : brief, 400), NULL);
    if (strlen(synopsis) > 400)
        xml_leaf(x, "md:Summary4000", sidecar_short(s, synopsis, 4000), NULL);
}

static void localised(struct sidecar *s)
{
    struct xml *x = &s->x;
    const char *title = sidecar_get(s, "work.title");
    xml_open(x, "md:LocalizedInfo", "language", sidecar_get(s, "work.language"), "default", "true",
             NULL);
    xml_leaf(x, "md:TitleDisplay60", sidecar_short(s, title, 60), NULL);
    xml_leaf(x, "md:TitleDisplayUnlimited", title, NULL);
    xml_leaf(x, "md:TitleSort",
             *sidecar_get(s, "work.sort_title") ? sidecar_get(s, "work.sort_title") : title, NULL);
    summaries(s, sidecar_get(s, "work.description"), sidecar_get(s, "work.synopsis"));
    sidecar_each(s, "md:Genre", sidecar_get(s, "work.genre"));
    sidecar_each(s, "md:Keyword", sidecar_get(s, "work.keywords"));
    xml_leaf(x, "md:OriginalTitle", sidecar_get(s, "work.original_title"), NULL);
    xml_leaf(x, "md:CopyrightLine", sidecar_get(s, "rights.copyright"), NULL);
    xml_close(x, "md:LocalizedInfo");
    size_t count = metadata_items(s->m, METADATA_LOCALISED);
    for (size_t i = 0; i < count; i++) {
        const char *in = sidecar_item(s, "localised.title", i);
        if (!*sidecar_item(s, "localised.language", i))
            continue;
        xml_open(x, "md:LocalizedInfo", "language", sidecar_item(s, "localised.language", i), NULL);
        xml_leaf(x, "md:TitleDisplay60", sidecar_short(s, in, 60), NULL);
        xml_leaf(x, "md:TitleDisplayUnlimited", in, NULL);
        xml_leaf(x, "md:TitleSort", in, NULL);
        summaries(s, sidecar_item(s, "localised.description", i),
                  sidecar_item(s, "localised.synopsis", i));
        xml_close(x, "md:LocalizedInfo");
    }
}

static const char *work_type(const char *ours)
{
    static const char *const types[][2] = {
        {"feature", "Movie"},       {"episode", "Episode"},
        {"season", "Season"},       {"series", "Series"},
        {"short", "Short"},         {"trailer", "Promotion"},
        {"promotion", "Promotion"}, {"documentary", "Non-episodic Show"},
        {"commercial", "Ad"},       {"music", "Music Related"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i][0], ours) == 0)
            return types[i][1];
    return "Other";
}

static void alternate_id(struct sidecar *s, const char *space, const char *id)
{
    if (!*id)
        return;
    xml_open(&s->x, "md:AltIdentifier", NULL);
    xml_leaf(&s->x, "md:Namespace", space, NULL);
    xml_leaf(&s->x, "md:Identifier", id, NULL);
    xml_close(&s->x, "md:AltIdentifier");
}

// ISO 3166-1 in two letters; "": the record says more than a code.
static const char *country(const struct sidecar *s)
{
    const char *c = sidecar_get(s, "work.country");
    return strlen(c) == 2 && isupper((unsigned char)c[0]) && isupper((unsigned char)c[1]) ? c : "";
}

static void rating(struct sidecar *s)
{
    struct xml *x = &s->x;
    if (!*sidecar_get(s, "work.rating") || !*sidecar_get(s, "work.rating_system") || !*country(s))
        return;
    xml_open(x, "md:RatingSet", NULL);
    xml_open(x, "md:Rating", NULL);
    xml_open(x, "md:Region", NULL);
    xml_leaf(x, "md:country", country(s), NULL);
    xml_close(x, "md:Region");
    xml_leaf(x, "md:System", sidecar_get(s, "work.rating_system"), NULL);
    xml_leaf(x, "md:Value", sidecar_get(s, "work.rating"), NULL);
    xml_close(x, "md:Rating");
    xml_close(x, "md:RatingSet");
}

static void people(struct sidecar *s)
{
    struct xml *x = &s->x;
    size_t count = metadata_items(s->m, METADATA_PERSON);
    for (size_t i = 0; i < count; i++) {
        char job[60];
        snprintf(job, sizeof(job), "%s", sidecar_item(s, "person.role", i));
        if (!*sidecar_item(s, "person.name", i) || !*job)
            continue;
        job[0] = (char)toupper((unsigned char)job[0]);
        xml_open(x, "md:People", NULL);
        xml_open(x, "md:Job", NULL);
        xml_leaf(x, "md:JobFunction", job, NULL);
        xml_leaf(x, "md:BillingBlockOrder", arena_format(s->a, "%zu", i + 1), NULL);
        xml_leaf(x, "md:Character", sidecar_item(s, "person.character", i), NULL);
        xml_close(x, "md:Job");
        xml_open(x, "md:Name", NULL);
        xml_leaf(x, "md:DisplayName", sidecar_item(s, "person.name", i), "language",
                 sidecar_get(s, "work.language"), NULL);
        xml_close(x, "md:Name");
        xml_close(x, "md:People");
    }
}

static void organisation(struct sidecar *s, const char *name, const char *role)
{
    if (!*name)
        return;
    xml_open(&s->x, "md:AssociatedOrg", "role", role, NULL);
    xml_leaf(&s->x, "md:DisplayName", name, NULL);
    xml_close(&s->x, "md:AssociatedOrg");
}

void sidecar_mec(struct sidecar *s)
{
    struct xml *x = &s->x;
    const char *date = sidecar_get(s, "work.date");
    xml_open(x, "mdmec:CoreMetadata", "xmlns:mdmec", "http://www.movielabs.com/schema/mdmec/v2.12",
             "xmlns:md", MD, NULL);
    xml_open(x, "mdmec:Basic", "ContentID", id_of(s, "cid", ""), NULL);
    localised(s);
    xml_leaf(x, "md:RunLength", sidecar_length(s), NULL);
    xml_leaf(x, "md:ReleaseYear", sidecar_short(s, date, 4), NULL);
    xml_leaf(x, "md:ReleaseDate", sidecar_day(s, "work.date"), NULL);
    xml_leaf(x, "md:WorkType", work_type(sidecar_get(s, "work.type")), NULL);
    alternate_id(s, "ISAN", sidecar_get(s, "work.isan"));
    alternate_id(s, "ORG", sidecar_get(s, "work.house_id"));
    rating(s);
    people(s);
    if (*country(s)) {
        xml_open(x, "md:CountryOfOrigin", NULL);
        xml_leaf(x, "md:country", country(s), NULL);
        xml_close(x, "md:CountryOfOrigin");
    }
    xml_leaf(x, "md:OriginalLanguage", sidecar_get(s, "work.language"), NULL);
    organisation(s, sidecar_get(s, "work.company"), "producer");
    organisation(s, sidecar_get(s, "work.network"), "distributor");
    if (*sidecar_get(s, "work.episode")) {
        xml_open(x, "md:SequenceInfo", NULL);
        xml_leaf(x, "md:Number", sidecar_get(s, "work.episode"), NULL);
        xml_close(x, "md:SequenceInfo");
    }
    xml_close(x, "mdmec:Basic");
    if (s->wish->provider)
        xml_empty(x, "mdmec:Source", "organizationID", s->wish->provider, NULL);
    xml_close(x, "mdmec:CoreMetadata");
}

// ---- of what files it is made

static const char *track_id(const struct sidecar *s, const char *kind, size_t item)
{
    const char *language = sidecar_item(s, "track.language", item);
    return id_of(s, kind, arena_format(s->a, ":%zu%s%s", item + 1, *language ? "." : "", language));
}

// A file's name as a relative address (RFC 3986, 2.3: what is not unreserved is escaped).
static const char *address(const struct sidecar *s, const char *name)
{
    char *to = arena_take(s->a, 3 * strlen(name) + 1), *end = to;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (isalnum(*c) || strchr("-_.~/", *c))
            *end++ = (char)*c;
        else
            end += sprintf(end, "%%%02X", *c);
    }
    return to;
}

static void refer(struct sidecar *s, const struct sidecar_file *of)
{
    struct xml *x = &s->x;
    xml_open(x, "manifest:ContainerReference", NULL);
    xml_leaf(x, "manifest:ContainerLocation", of->url ? of->url : address(s, of->name), NULL);
    if (of->size)
        xml_leaf(x, "manifest:Length", arena_format(s->a, "%lld", (long long)of->size), NULL);
    xml_leaf(x, "manifest:Hash", of->md5, "method", "MD5", NULL);
    xml_leaf(x, "manifest:Hash", of->sha256, "method", "SHA256", NULL);
    xml_close(x, "manifest:ContainerReference");
}

static void container(struct sidecar *s, size_t item)
{
    const struct sidecar_file *of = NULL;
    for (size_t i = 0; i < s->wish->file_count; i++) {
        const struct sidecar_file *f = &s->wish->files[i];
        bool film = !f->use || !strcmp(f->use, "source");
        if (f->one_track ? f->track == item : film && !of)
            of = f;
    }
    if (of)
        refer(s, of);
}

static const char *codec(const char *ours)
{
    static const char *const names[][2] = {
        {"prores", "PRORES"},     {"h264", "H.264"},    {"hevc", "H.265"},
        {"mpeg2video", "MPEG2"},  {"av1", "AV1"},       {"dnxhd", "VC-3"},
        {"jpeg2000", "JPEG2000"}, {"aac", "AAC"},       {"ac3", "AC3"},
        {"eac3", "EAC3"},         {"pcm_s24le", "PCM"}, {"pcm_s16le", "PCM"},
        {"pcm_s24be", "PCM"},     {"pcm_s16be", "PCM"}, {"flac", "FLAC"},
        {"opus", "OPUS"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i][0], ours) == 0)
            return names[i][1];
    return *ours ? ours : "other";
}

static void picture(struct sidecar *s, size_t i)
{
    struct xml *x = &s->x;
    rational rate;
    struct error none;
    xml_open(x, "manifest:Video", "VideoTrackID", track_id(s, "vidtrackid", i), NULL);
    xml_leaf(x, "md:Type", "primary", NULL);
    xml_open(x, "md:Encoding", NULL);
    xml_leaf(x, "md:Codec", codec(sidecar_item(s, "track.codec", i)), NULL);
    xml_close(x, "md:Encoding");
    xml_open(x, "md:Picture", NULL);
    xml_leaf(x, "md:PixelAspect",
             strcmp(sidecar_item(s, "track.pixel_aspect", i), "1:1") ? "other" : "square", NULL);
    xml_leaf(x, "md:WidthPixels", sidecar_item(s, "track.width", i), NULL);
    xml_leaf(x, "md:HeightPixels", sidecar_item(s, "track.height", i), NULL);
    if (rational_parse(text_of(sidecar_get(s, "timecode.rate")), &rate, &none) && rate.num > 0)
        xml_leaf(x, "md:FrameRate",
                 arena_format(s->a, "%lld", (long long)((rate.num + rate.den - 1) / rate.den)),
                 "multiplier", rate.den == 1001 ? "1000/1001" : NULL, NULL);
    const char *scan = sidecar_item(s, "track.scan", i);
    if (*scan)
        xml_leaf(x, "md:Progressive", strcmp(scan, "progressive") ? "false" : "true", "scanOrder",
                 !strcmp(scan, "top")      ? "TFF"
                 : !strcmp(scan, "bottom") ? "BFF"
                                           : NULL,
                 NULL);
    xml_leaf(x, "md:BitDepth", sidecar_item(s, "track.bits", i), NULL);
    if (*sidecar_item(s, "track.max_cll", i)) {
        xml_open(x, "md:LightLevel", NULL);
        xml_leaf(x, "md:ContentMax", sidecar_item(s, "track.max_cll", i), NULL);
        xml_leaf(x, "md:FrameAverageMax", sidecar_item(s, "track.max_fall", i), NULL);
        xml_close(x, "md:LightLevel");
    }
    xml_close(x, "md:Picture");
    xml_leaf(x, "md:Language", sidecar_item(s, "track.language", i), NULL);
    container(s, i);
    xml_close(x, "manifest:Video");
}

static const char *sound_type(const char *role)
{
    static const char *const types[][2] = {{"commentary", "commentary"},
                                           {"described", "narration"},
                                           {"dialogue", "dialogcentric"},
                                           {"m&e", "other"},
                                           {"music", "other"},
                                           {"effects", "other"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i][0], role) == 0)
            return types[i][1];
    return "primary";
}

static void sound(struct sidecar *s, size_t i)
{
    struct xml *x = &s->x;
    const char *language = sidecar_item(s, "track.language", i);
    const char *role = sidecar_item(s, "track.role", i);
    xml_open(x, "manifest:Audio", "AudioTrackID", track_id(s, "audtrackid", i), NULL);
    xml_leaf(x, "md:Type", sound_type(role), NULL);
    xml_leaf(x, "md:SubType", !strcmp(role, "m&e") ? "MandE" : NULL, NULL);
    xml_open(x, "md:Encoding", NULL);
    xml_leaf(x, "md:Codec", codec(sidecar_item(s, "track.codec", i)), NULL);
    xml_leaf(x, "md:SampleRate", sidecar_item(s, "track.sample_rate", i), NULL);
    xml_leaf(x, "md:SampleBitDepth", sidecar_item(s, "track.bits", i), NULL);
    xml_close(x, "md:Encoding");
    xml_leaf(x, "md:Language", *language ? language : "und", "dubbed",
             !strcmp(role, "dub") ? "true" : NULL, NULL);
    xml_leaf(x, "md:Channels",
             !strncmp(sidecar_item(s, "track.layout", i), "5.1", 3)
                 ? "5.1"
                 : sidecar_item(s, "track.channels", i),
             NULL);
    container(s, i);
    xml_close(x, "manifest:Audio");
}

static void caption(struct sidecar *s, size_t i)
{
    struct xml *x = &s->x;
    const char *language = sidecar_item(s, "track.language", i);
    const char *role = sidecar_item(s, "track.role", i);
    bool forced = !strcmp(role, "forced");
    bool sdh = !strcmp(role, "sdh") || !strcmp(role, "cc");
    xml_open(x, "manifest:Subtitle", "SubtitleTrackID", track_id(s, "subtrackid", i), NULL);
    xml_leaf(x, "md:Type", forced ? "forced" : sdh ? "SDH" : "normal", NULL);
    xml_leaf(x, "md:Language", *language ? language : "und", NULL);
    container(s, i);
    xml_close(x, "manifest:Subtitle");
}

// ---- captions that are files beside the film

static bool is_captions(const struct sidecar_file *f)
{
    return f->use && (!strcmp(f->use, "captions") || !strcmp(f->use, "subtitles"));
}

// By what the file's name ends in, in the words of the vocabulary (Common Metadata, 5.2.7.3).
static const char *caption_format(const char *name)
{
    static const char *const formats[][2] = {
        {".scc", "SCC"},  {".srt", "SRT"},   {".vtt", "WebVTT"},
        {".itt", "ITT"},  {".dfxp", "DXFP"}, {".ttml", "TTML"},
        {".xml", "TTML"}, {".stl", "STL"},   {".mcc", "CEA-708"}};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (text_ends(text_of(name), formats[i][0]))
            return formats[i][1];
    return NULL;
}

static const char *beside_id(const struct sidecar *s, size_t file)
{
    const struct sidecar_file *f = &s->wish->files[file];
    const char *language = f->language ? f->language : "";
    return id_of(s, "subtrackid",
                 arena_format(s->a, ":file%zu%s%s", file + 1, *language ? "." : "", language));
}

static void beside(struct sidecar *s, size_t file)
{
    struct xml *x = &s->x;
    const struct sidecar_file *f = &s->wish->files[file];
    bool forced = f->role && !strcmp(f->role, "forced");
    xml_open(x, "manifest:Subtitle", "SubtitleTrackID", beside_id(s, file), NULL);
    xml_leaf(x, "md:Format", "Text", NULL);
    xml_leaf(x, "md:Type",
             forced                        ? "forced"
             : !strcmp(f->use, "captions") ? "SDH"
                                           : "normal",
             NULL);
    xml_leaf(x, "md:FormatType", caption_format(f->name), NULL);
    xml_leaf(x, "md:Language", f->language && *f->language ? f->language : "und", NULL);
    refer(s, f);
    xml_close(x, "manifest:Subtitle");
}

static void references(struct sidecar *s)
{
    static const char *const kinds[][4] = {
        {"picture", "manifest:VideoTrackReference", "manifest:VideoTrackID", "vidtrackid"},
        {"sound", "manifest:AudioTrackReference", "manifest:AudioTrackID", "audtrackid"},
        {"caption", "manifest:SubtitleTrackReference", "manifest:SubtitleTrackID", "subtrackid"}};
    size_t count = metadata_items(s->m, METADATA_TRACK);
    xml_open(&s->x, "manifest:TrackMetadata", NULL);
    xml_leaf(&s->x, "manifest:TrackSelectionNumber", "0", NULL);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < count; i++) {
            if (strcmp(sidecar_item(s, "track.kind", i), kinds[k][0]))
                continue;
            xml_open(&s->x, kinds[k][1], NULL);
            xml_leaf(&s->x, kinds[k][2], track_id(s, kinds[k][3], i), NULL);
            xml_close(&s->x, kinds[k][1]);
        }
    for (size_t i = 0; i < s->wish->file_count; i++) {
        if (!is_captions(&s->wish->files[i]))
            continue;
        xml_open(&s->x, kinds[2][1], NULL);
        xml_leaf(&s->x, kinds[2][2], beside_id(s, i), NULL);
        xml_close(&s->x, kinds[2][1]);
    }
    xml_close(&s->x, "manifest:TrackMetadata");
}

static void chapters(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_CHAPTER);
    if (!count)
        return;
    xml_open(&s->x, "manifest:Chapters", NULL);
    for (size_t i = 0; i < count; i++) {
        xml_open(&s->x, "manifest:Chapter", "index", arena_format(s->a, "%zu", i), NULL);
        int64_t ms = metadata_whole(s->m, "chapter.start", i, 0) / (METADATA_TICKS / 1000);
        xml_leaf(&s->x, "manifest:EntryTimecode",
                 arena_format(s->a, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000)),
                 NULL);
        xml_leaf(&s->x, "manifest:DisplayLabel", sidecar_item(s, "chapter.title", i), "language",
                 sidecar_get(s, "work.language"), NULL);
        xml_close(&s->x, "manifest:Chapter");
    }
    xml_close(&s->x, "manifest:Chapters");
}

void sidecar_mmc(struct sidecar *s)
{
    static void (*const writers[])(struct sidecar *, size_t) = {sound, picture, caption};
    static const char *const kinds[] = {"sound", "picture", "caption"};
    struct xml *x = &s->x;
    size_t count = metadata_items(s->m, METADATA_TRACK);
    const char *content = id_of(s, "cid", "");
    const char *presentation = id_of(s, "presentationid", "");
    xml_open(x, "manifest:MediaManifest", "xmlns:manifest",
             "http://www.movielabs.com/schema/manifest/v1.13/manifest", "xmlns:md", MD,
             "ManifestID", id_of(s, "manifestid", ""), NULL);
    xml_open(x, "manifest:Compatibility", NULL);
    xml_leaf(x, "manifest:SpecVersion", "1.13", NULL);
    xml_leaf(x, "manifest:Profile", "MMC-1", NULL);
    xml_close(x, "manifest:Compatibility");
    xml_open(x, "manifest:Inventory", NULL);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < count; i++)
            if (strcmp(sidecar_item(s, "track.kind", i), kinds[k]) == 0)
                writers[k](s, i);
    for (size_t i = 0; i < s->wish->file_count; i++)
        if (is_captions(&s->wish->files[i]))
            beside(s, i);
    xml_close(x, "manifest:Inventory");
    xml_open(x, "manifest:Presentations", NULL);
    xml_open(x, "manifest:Presentation", "PresentationID", presentation, NULL);
    references(s);
    chapters(s);
    xml_close(x, "manifest:Presentation");
    xml_close(x, "manifest:Presentations");
    xml_open(x, "manifest:Experiences", NULL);
    xml_open(x, "manifest:Experience", "ExperienceID", id_of(s, "experienceid", ""), "version",
             "1.0", NULL);
    xml_leaf(x, "manifest:ContentID", content, NULL);
    xml_open(x, "manifest:Audiovisual", "ContentID", content, NULL);
    xml_leaf(x, "manifest:Type", "Main", NULL);
    xml_leaf(x, "manifest:SubType", "Feature", NULL);
    xml_leaf(x, "manifest:PresentationID", presentation, NULL);
    xml_close(x, "manifest:Audiovisual");
    xml_close(x, "manifest:Experience");
    xml_close(x, "manifest:Experiences");
    xml_close(x, "manifest:MediaManifest");
}
