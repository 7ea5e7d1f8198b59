// EBUCore 1.10 (EBU Tech 3293): the order within a format is the schema's, all else is free.
#include "formats/metadata/sidecar_inside.h"
#include "time/rational.h"

#include <stdlib.h>
#include <string.h>

static void identifier(struct sidecar *s, const char *label, const char *id)
{
    if (!*id)
        return;
    xml_open(&s->x, "identifier", "typeLabel", label, NULL);
    xml_leaf(&s->x, "dc:identifier", id, NULL);
    xml_close(&s->x, "identifier");
}

static void title(struct sidecar *s, const char *element, const char *label, const char *value,
                  const char *language)
{
    if (!*value)
        return;
    xml_open(&s->x, element, "typeLabel", label, NULL);
    xml_leaf(&s->x, "dc:title", value, "xml:lang", language, NULL);
    xml_close(&s->x, element);
}

static void description(struct sidecar *s, const char *label, const char *value,
                        const char *language)
{
    if (!*value)
        return;
    xml_open(&s->x, "description", "typeLabel", label, NULL);
    xml_leaf(&s->x, "dc:description", value, "xml:lang", language, NULL);
    xml_close(&s->x, "description");
}

static void organisation(struct sidecar *s, const char *element, const char *name, const char *role)
{
    if (!*name)
        return;
    xml_open(&s->x, element, NULL);
    xml_open(&s->x, "organisationDetails", NULL);
    xml_leaf(&s->x, "organisationName", name, NULL);
    xml_close(&s->x, "organisationDetails");
    if (role)
        xml_empty(&s->x, "role", "typeLabel", role, NULL);
    xml_close(&s->x, element);
}

static void people(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_PERSON);
    for (size_t i = 0; i < count; i++) {
        if (!*sidecar_item(s, "person.name", i))
            continue;
        xml_open(&s->x, "contributor", NULL);
        xml_open(&s->x, "contactDetails", NULL);
        xml_leaf(&s->x, "name", sidecar_item(s, "person.name", i), NULL);
        xml_leaf(&s->x, "characterName", sidecar_item(s, "person.character", i), NULL);
        xml_close(&s->x, "contactDetails");
        xml_empty(&s->x, "role", "typeLabel", sidecar_item(s, "person.role", i), NULL);
        xml_close(&s->x, "contributor");
    }
}

static void when(struct sidecar *s, const char *element, const char *field)
{
    const char *value = sidecar_get(s, field);
    bool day = strlen(value) >= 10;
    if (!*value)
        return;
    xml_open(&s->x, "date", NULL);
    xml_empty(&s->x, element, day ? "date" : "year", arena_copy(s->a, value, day ? 10 : 4), NULL);
    xml_close(&s->x, "date");
}

static void types(struct sidecar *s)
{
    text left = text_of(sidecar_get(s, "work.genre"));
    if (!left.size && !*sidecar_get(s, "work.type"))
        return;
    xml_open(&s->x, "type", NULL);
    xml_leaf(&s->x, "dc:type", sidecar_get(s, "work.type"), NULL);
    while (left.size) {
        text one = text_trim(text_cut(&left, ';'));
        xml_empty(&s->x, "genre", "typeLabel", arena_copy(s->a, one.at, one.size), NULL);
    }
    xml_close(&s->x, "type");
}

static void rights(struct sidecar *s)
{
    struct xml *x = &s->x;
    if (!metadata_items(s->m, METADATA_RIGHTS))
        return;
    xml_open(x, "rights", NULL);
    xml_leaf(x, "dc:rights", sidecar_get(s, "rights.terms"), NULL);
    organisation(s, "rightsHolder", sidecar_get(s, "rights.holder"), NULL);
    xml_leaf(x, "copyrightStatement", sidecar_get(s, "rights.copyright"), NULL);
    xml_close(x, "rights");
}

static void pictures(struct sidecar *s, size_t i)
{
    struct xml *x = &s->x;
    rational rate;
    struct error none;
    const char *scan = sidecar_item(s, "track.scan", i);
    xml_open(x, "videoFormat", "videoFormatName", sidecar_item(s, "track.codec", i), NULL);
    xml_leaf(x, "width", sidecar_item(s, "track.width", i), "unit", "pixel", NULL);
    xml_leaf(x, "height", sidecar_item(s, "track.height", i), "unit", "pixel", NULL);
    if (rational_parse(text_of(sidecar_get(s, "timecode.rate")), &rate, &none) && rate.num > 0)
        xml_leaf(x, "frameRate",
                 arena_format(s->a, "%lld", (long long)((rate.num + rate.den - 1) / rate.den)),
                 "factorNumerator", rate.den == 1001 ? "1000" : "1", "factorDenominator",
                 rate.den == 1001 ? "1001" : "1", NULL);
    if (*scan)
        xml_leaf(x, "scanningFormat", strcmp(scan, "progressive") ? "interlaced" : "progressive",
                 NULL);
    if (!strcmp(scan, "top") || !strcmp(scan, "bottom"))
        xml_leaf(x, "scanningOrder", scan, NULL);
    xml_close(x, "videoFormat");
}

static void sounds(struct sidecar *s, size_t i)
{
    struct xml *x = &s->x;
    xml_open(x, "audioFormat", "audioFormatName", sidecar_item(s, "track.codec", i), NULL);
    if (*sidecar_item(s, "track.layout", i))
        xml_empty(x, "audioTrackConfiguration", "typeLabel", sidecar_item(s, "track.layout", i),
                  NULL);
    xml_leaf(x, "samplingRate", sidecar_item(s, "track.sample_rate", i), NULL);
    xml_leaf(x, "sampleSize", sidecar_item(s, "track.bits", i), NULL);
    xml_empty(x, "audioTrack", "trackLanguage", sidecar_item(s, "track.language", i), "trackId",
              arena_format(s->a, "track%zu", i + 1), "trackName", sidecar_item(s, "track.title", i),
              "typeLabel", sidecar_item(s, "track.role", i), NULL);
    xml_leaf(x, "channels", sidecar_item(s, "track.channels", i), NULL);
    xml_close(x, "audioFormat");
}

static void format(struct sidecar *s)
{
    struct xml *x = &s->x;
    size_t count = metadata_items(s->m, METADATA_TRACK);
    const struct sidecar_file *f = s->wish->file_count ? s->wish->files : NULL;
    const char *start = sidecar_get(s, "timecode.start");
    xml_open(x, "format", NULL);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(sidecar_item(s, "track.kind", i), "picture"))
            pictures(s, i);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(sidecar_item(s, "track.kind", i), "sound"))
            sounds(s, i);
    if (*start) {
        xml_open(x, "timecodeFormat", NULL);
        xml_open(x, "timecodeStart", NULL);
        xml_leaf(x, "timecode", arena_format(s->a, "%.11s", start), NULL);
        xml_close(x, "timecodeStart");
        xml_close(x, "timecodeFormat");
    }
    if (*sidecar_length(s)) {
        xml_open(x, "duration", NULL);
        xml_leaf(x, "normalPlayTime", sidecar_length(s), NULL);
        xml_close(x, "duration");
    }
    if (f && f->size)
        xml_leaf(x, "fileSize", arena_format(s->a, "%lld", (long long)f->size), "unit", "byte",
                 NULL);
    if (f)
        xml_leaf(x, "fileName", f->name, NULL);
    xml_close(x, "format");
}

static void chapters(struct sidecar *s)
{
    struct xml *x = &s->x;
    size_t count = metadata_items(s->m, METADATA_CHAPTER);
    for (size_t i = 0; i < count; i++) {
        xml_open(x, "part", "typeLabel", "chapter", "partNumber", arena_format(s->a, "%zu", i + 1),
                 NULL);
        title(s, "title", NULL, sidecar_item(s, "chapter.title", i), NULL);
        xml_open(x, "partStartTime", NULL);
        xml_leaf(x, "normalPlayTime", sidecar_clock(s, metadata_whole(s->m, "chapter.start", i, 0)),
                 NULL);
        xml_close(x, "partStartTime");
        xml_close(x, "part");
    }
}

static void audience(struct sidecar *s)
{
    if (!*sidecar_get(s, "work.rating"))
        return;
    xml_open(&s->x, "audienceRating", "ratingSystem", sidecar_get(s, "work.rating_system"), NULL);
    xml_leaf(&s->x, "ratingValue", sidecar_get(s, "work.rating"), NULL);
    xml_close(&s->x, "audienceRating");
}

static void names(struct sidecar *s)
{
    const char *language = sidecar_get(s, "work.language");
    title(s, "title", NULL, sidecar_get(s, "work.title"), language);
    title(s, "alternativeTitle", "original", sidecar_get(s, "work.original_title"), NULL);
    title(s, "alternativeTitle", "series", sidecar_get(s, "work.series"), NULL);
    size_t count = metadata_items(s->m, METADATA_LOCALISED);
    for (size_t i = 0; i < count; i++)
        title(s, "alternativeTitle", "translated", sidecar_item(s, "localised.title", i),
              sidecar_item(s, "localised.language", i));
    description(s, "summary", sidecar_get(s, "work.description"), language);
    description(s, "synopsis", sidecar_get(s, "work.synopsis"), language);
    description(s, "comment", sidecar_get(s, "work.comment"), NULL);
    for (size_t i = 0; i < count; i++) {
        description(s, "summary", sidecar_item(s, "localised.description", i),
                    sidecar_item(s, "localised.language", i));
        description(s, "synopsis", sidecar_item(s, "localised.synopsis", i),
                    sidecar_item(s, "localised.language", i));
    }
}

void sidecar_ebucore(struct sidecar *s)
{
    struct xml *x = &s->x;
    const char *made = sidecar_made(s);
    xml_open(x, "ebuCoreMain", "xmlns", "urn:ebu:metadata-schema:ebucore", "xmlns:dc",
             "http://purl.org/dc/elements/1.1/", "version", "1.10", "dateLastModified",
             arena_format(s->a, "%.10s", made), NULL);
    xml_open(x, "coreMetadata", NULL);
    names(s);
    organisation(s, "creator", sidecar_get(s, "work.company"), "producer");
    organisation(s, "publisher", sidecar_get(s, "work.network"), NULL);
    people(s);
    if (*sidecar_get(s, "work.keywords")) {
        xml_open(x, "subject", NULL);
        sidecar_each(s, "dc:subject", sidecar_get(s, "work.keywords"));
        xml_close(x, "subject");
    }
    when(s, "released", "work.date");
    when(s, "created", "version.created");
    types(s);
    format(s);
    identifier(s, "EIDR", sidecar_get(s, "work.eidr"));
    identifier(s, "EIDR of the version", sidecar_get(s, "version.eidr"));
    identifier(s, "ISAN", sidecar_get(s, "work.isan"));
    identifier(s, "UMID", sidecar_get(s, "version.umid"));
    identifier(s, "house", sidecar_get(s, "work.house_id"));
    size_t count = metadata_items(s->m, METADATA_TRACK);
    for (size_t i = 0; i < count; i++)
        identifier(s, "ISRC", sidecar_item(s, "track.isrc", i));
    if (*sidecar_get(s, "work.language")) {
        xml_open(x, "language", "typeLabel", "original", NULL);
        xml_leaf(x, "dc:language", sidecar_get(s, "work.language"), NULL);
        xml_close(x, "language");
    }
    rights(s);
    xml_leaf(x, "version", sidecar_get(s, "version.name"), NULL);
    audience(s);
    chapters(s);
    xml_close(x, "coreMetadata");
    xml_close(x, "ebuCoreMain");
}
