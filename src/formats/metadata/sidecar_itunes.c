/*
 * iTunes metadata.xml (Apple's film 5.3 and TV 5.3 specifications), the file of an .itmsp package.
 * Apple publishes no schema: the order of elements is that of the specification's examples.
 */
#include "formats/metadata/sidecar_inside.h"

#include <string.h>
#include <strings.h>

static void genres(struct sidecar *s)
{
    if (!*sidecar_get(s, "work.genre"))
        return;
    xml_open(&s->x, "genres", NULL);
    sidecar_each(s, "genre", sidecar_get(s, "work.genre"));
    xml_close(&s->x, "genres");
}

static void ratings(struct sidecar *s)
{
    const char *rating = sidecar_get(s, "work.rating");
    if (!*rating)
        return;
    char system[40];
    snprintf(system, sizeof(system), "%s", sidecar_get(s, "work.rating_system"));
    for (char *c = system; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    xml_open(&s->x, "ratings", NULL);
    xml_leaf(&s->x, "rating", rating, "system", system, NULL);
    xml_close(&s->x, "ratings");
}

static void cast(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_PERSON);
    bool open = false;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(sidecar_item(s, "person.role", i), "actor"))
            continue;
        if (!open)
            xml_open(&s->x, "cast", NULL);
        open = true;
        xml_open(&s->x, "cast_member", "billing", "top", NULL);
        xml_leaf(&s->x, "display_name", sidecar_item(s, "person.name", i), NULL);
        if (*sidecar_item(s, "person.character", i)) {
            xml_open(&s->x, "characters", NULL);
            xml_open(&s->x, "character", NULL);
            xml_leaf(&s->x, "display_name", sidecar_item(s, "person.character", i), NULL);
            xml_close(&s->x, "character");
            xml_close(&s->x, "characters");
        }
        xml_close(&s->x, "cast_member");
    }
    if (open)
        xml_close(&s->x, "cast");
}

static void crew(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_PERSON);
    bool open = false;
    for (size_t i = 0; i < count; i++) {
        char role[60];
        snprintf(role, sizeof(role), "%s", sidecar_item(s, "person.role", i));
        if (!*role || !strcasecmp(role, "actor"))
            continue;
        if (role[0] >= 'a' && role[0] <= 'z')
            role[0] = (char)(role[0] - 32);
        if (!open)
            xml_open(&s->x, "crew", NULL);
        open = true;
        xml_open(&s->x, "crew_member", "billing", "top", NULL);
        xml_leaf(&s->x, "display_name", sidecar_item(s, "person.name", i), NULL);
        xml_open(&s->x, "roles", NULL);
        xml_leaf(&s->x, "role", role, NULL);
        xml_close(&s->x, "roles");
        xml_close(&s->x, "crew_member");
    }
    if (open)
        xml_close(&s->x, "crew");
}

static void locales(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_LOCALISED);
    if (!count)
        return;
    xml_open(&s->x, "locales", NULL);
    for (size_t i = 0; i < count; i++) {
        xml_open(&s->x, "locale", "name", sidecar_item(s, "localised.language", i), NULL);
        xml_leaf(&s->x, "title", sidecar_item(s, "localised.title", i), NULL);
        xml_leaf(&s->x, "synopsis", sidecar_item(s, "localised.synopsis", i), NULL);
        xml_close(&s->x, "locale");
    }
    xml_close(&s->x, "locales");
}

static void chapters(struct sidecar *s)
{
    size_t count = metadata_items(s->m, METADATA_CHAPTER);
    if (!count)
        return;
    xml_open(&s->x, "chapters", NULL);
    xml_leaf(&s->x, "timecode_format", "qt_text", NULL);
    for (size_t i = 0; i < count; i++) {
        xml_open(&s->x, "chapter", NULL);
        xml_leaf(&s->x, "start_time", sidecar_clock(s, metadata_whole(s->m, "chapter.start", i, 0)),
                 NULL);
        if (*sidecar_item(s, "chapter.title", i)) {
            xml_open(&s->x, "titles", NULL);
            xml_leaf(&s->x, "title", sidecar_item(s, "chapter.title", i), "locale",
                     sidecar_get(s, "work.language"), NULL);
            xml_close(&s->x, "titles");
        }
        xml_close(&s->x, "chapter");
    }
    xml_close(&s->x, "chapters");
}

static void data_file(struct sidecar *s, const struct sidecar_file *f)
{
    const char *language = f->language    ? f->language
                           : f->one_track ? sidecar_item(s, "track.language", f->track)
                                          : sidecar_get(s, "work.language");
    xml_open(&s->x, "data_file", "role", f->use, NULL);
    xml_empty(&s->x, "locale", "name", language, NULL);
    xml_leaf(&s->x, "file_name", f->name, NULL);
    if (f->size)
        xml_leaf(&s->x, "size", arena_format(s->a, "%lld", (long long)f->size), NULL);
    xml_leaf(&s->x, "checksum", f->md5, "type", "md5", NULL);
    xml_close(&s->x, "data_file");
}

static void assets(struct sidecar *s)
{
    // The film, and what belongs to it, are one asset; each trailer and picture is one of its own.
    static const char *const kinds[][2] = {
        {"full", "source audio captions subtitles"}, {"preview", "trailer"}, {"artwork", "image"}};
    if (!s->wish->file_count)
        return;
    xml_open(&s->x, "assets", NULL);
    for (size_t k = 0; k < 3; k++) {
        bool open = false;
        for (size_t i = 0; i < s->wish->file_count; i++) {
            const struct sidecar_file *f = &s->wish->files[i];
            if (!strstr(kinds[k][1], f->use ? f->use : "source"))
                continue;
            if (!open)
                xml_open(&s->x, "asset", "type", kinds[k][0], NULL);
            open = true;
            data_file(s, f);
        }
        if (open)
            xml_close(&s->x, "asset");
    }
    xml_close(&s->x, "assets");
}

static void products(struct sidecar *s)
{
    text left = text_of(sidecar_get(s, "rights.territories"));
    if (!left.size)
        return;
    xml_open(&s->x, "products", NULL);
    while (left.size) {
        text one = text_trim(text_cut(&left, ';'));
        xml_open(&s->x, "product", NULL);
        xml_leaf(&s->x, "territory", arena_copy(s->a, one.at, one.size), NULL);
        xml_leaf(&s->x, "sales_start_date", sidecar_day(s, "rights.start"), NULL);
        xml_leaf(&s->x, "sales_end_date", sidecar_day(s, "rights.end"), NULL);
        xml_leaf(&s->x, "cleared_for_sale", "true", NULL);
        xml_close(&s->x, "product");
    }
    xml_close(&s->x, "products");
}

void sidecar_itunes(struct sidecar *s)
{
    struct xml *x = &s->x;
    bool tv = !strcmp(sidecar_get(s, "work.type"), "episode");
    const char *language = sidecar_get(s, "work.language");
    xml_open(x, "package", "xmlns", "http://apple.com/itunes/importer", "version",
             tv ? "tv5.3" : "film5.3", NULL);
    xml_leaf(x, "language", language, NULL);
    xml_leaf(x, "provider", s->wish->provider, NULL);
    xml_open(x, "video", NULL);
    xml_leaf(x, "type", tv ? "tv" : "film", NULL);
    if (!tv)
        xml_leaf(x, "subtype", strcmp(sidecar_get(s, "work.type"), "short") ? "feature" : "short",
                 NULL);
    xml_leaf(x, "vendor_id", sidecar_get(s, "work.vendor_id"), NULL);
    xml_leaf(x, "isan", sidecar_get(s, "work.isan"), NULL);
    xml_leaf(x, "eidr", sidecar_get(s, "work.eidr"), NULL);
    if (tv) {
        xml_leaf(x, "container_id", sidecar_get(s, "work.series"), NULL);
        xml_leaf(x, "container_position", sidecar_get(s, "work.episode"), NULL);
    }
    xml_leaf(x, "country", sidecar_get(s, "work.country"), NULL);
    xml_leaf(x, "original_spoken_locale", language, NULL);
    xml_leaf(x, "title", sidecar_get(s, "work.title"), NULL);
    xml_leaf(x, "studio_release_title", sidecar_get(s, "work.original_title"), NULL);
    xml_leaf(x, tv ? "description" : "synopsis", sidecar_get(s, "work.synopsis"), NULL);
    xml_leaf(x, "production_company", sidecar_get(s, "work.company"), NULL);
    xml_leaf(x, "copyright_cline", sidecar_get(s, "rights.copyright"), NULL);
    xml_leaf(x, tv ? "release_date" : "theatrical_release_date", sidecar_day(s, "work.date"), NULL);
    genres(s);
    ratings(s);
    locales(s);
    cast(s);
    crew(s);
    chapters(s);
    assets(s);
    products(s);
    xml_close(x, "video");
    xml_close(x, "package");
}
