#include "formats/metadata/sidecar_inside.h"
#include "time/rational.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct sidecar_facts kinds[SIDECAR_KINDS] = {
    {"json", "the record as JSON", "metadata.json"},
    {"csv", "the record as a table", "metadata.csv"},
    {"itunes", "iTunes metadata.xml", "metadata.xml"},
    {"mec", "MovieLabs MEC", "mec.xml"},
    {"mmc", "MovieLabs MMC manifest", "manifest.xml"},
    {"ebucore", "EBUCore", "ebucore.xml"},
    {"mediarss", "MediaRSS", "media.rss"},
    {"as11", "AS-11 XML", "as11.xml"},
};

static const char *const needs[SIDECAR_KINDS] = {
    "",
    "",
    "work.title work.vendor_id work.language work.synopsis rights.copyright work.date",
    "work.title work.type work.date work.language",
    "work.title",
    "work.title",
    "work.title",
    "work.title work.series broadcast.shim broadcast.audio_layout",
};

#define PEOPLE " person.role person.name person.character "
#define CHAPTERS " chapter.start chapter.title "
#define SOUNDS " track.language track.role track.kind "
static const char *const kept[SIDECAR_KINDS] = {
    NULL, // all
    NULL,
    " work.title work.original_title work.type work.series work.season work.episode work.synopsis "
    "work.description work.genre work.date work.country work.language work.rating "
    "work.rating_system work.company work.network work.vendor_id work.isan work.eidr "
    "rights.copyright rights.territories rights.start rights.end localised.language "
    "localised.title localised.synopsis" PEOPLE CHAPTERS SOUNDS,
    " work.title work.original_title work.sort_title work.type work.synopsis work.description "
    "work.genre work.keywords work.date work.country work.language work.rating work.rating_system "
    "work.company work.network work.eidr work.isan work.house_id work.season work.episode "
    "rights.copyright localised.language localised.title localised.description "
    "localised.synopsis" PEOPLE,
    " work.title work.eidr work.house_id track.codec track.channels track.sample_rate track.bits "
    "track.layout track.width track.height track.pixel_aspect track.scan track.primaries "
    "track.transfer track.matrix track.max_cll track.max_fall timecode.rate" CHAPTERS SOUNDS,
    " work.title work.original_title work.series work.season work.episode work.type work.synopsis "
    "work.description work.comment work.genre work.keywords work.date work.country work.language "
    "work.rating work.rating_system work.company work.network work.eidr work.isan work.house_id "
    "version.name version.eidr version.umid version.created rights.copyright rights.holder "
    "rights.terms rights.territories localised.language localised.title localised.description "
    "localised.synopsis timecode.start timecode.rate track.title track.codec track.channels "
    "track.sample_rate track.bits track.layout track.width track.height track.scan "
    "track.isrc" PEOPLE CHAPTERS SOUNDS,
    " work.title work.description work.synopsis work.keywords work.genre work.date work.language "
    "work.rating work.rating_system rights.copyright rights.territories" PEOPLE CHAPTERS,
    " work.title work.series work.episode work.synopsis work.genre work.company work.network "
    "work.house_id work.language track.language broadcast.shim broadcast.production_number "
    "broadcast.audio_layout broadcast.loudness broadcast.line_up_start broadcast.clock_start "
    "broadcast.parts broadcast.completed broadcast.pse broadcast.pse_device broadcast.signing "
    "broadcast.open_captions broadcast.contact_email broadcast.contact_phone timecode.start "
    "timecode.rate timecode.frames ",
};

const struct sidecar_facts *sidecar_facts(enum sidecar_kind kind)
{
    return &kinds[kind];
}

bool sidecar_named(text name, enum sidecar_kind *kind)
{
    for (int i = 0; i < SIDECAR_KINDS; i++)
        if (text_is(name, kinds[i].name)) {
            *kind = (enum sidecar_kind)i;
            return true;
        }
    *kind = text_is(name, "itunes-metadata") ? SIDECAR_ITUNES : SIDECAR_AS11; // as profiles say
    return text_is(name, "itunes-metadata") || text_is(name, "as11-xml");
}

bool sidecar_keeps(enum sidecar_kind kind, const struct metadata_field *field)
{
    char word[80];
    snprintf(word, sizeof(word), " %s ", field->name);
    return !kept[kind] || strstr(kept[kind], word);
}

// ---- what the writers share

const char *sidecar_item(const struct sidecar *s, const char *field, size_t item)
{
    return metadata_text(s->m, field, item);
}

const char *sidecar_get(const struct sidecar *s, const char *field)
{
    return metadata_text(s->m, field, 0);
}

const char *sidecar_day(const struct sidecar *s, const char *field)
{
    const char *value = sidecar_get(s, field);
    return strlen(value) >= 10 ? arena_copy(s->a, value, 10) : "";
}

const char *sidecar_short(const struct sidecar *s, const char *value, size_t letters)
{
    size_t size = 0;
    for (size_t seen = 0; value[size]; size++)
        if (((unsigned char)value[size] & 0xc0) != 0x80 && seen++ == letters)
            break;
    return arena_copy(s->a, value, size);
}

void sidecar_each(struct sidecar *s, const char *name, const char *values)
{
    text left = text_of(values);
    while (left.size) {
        text one = text_trim(text_cut(&left, ';'));
        xml_leaf(&s->x, name, arena_copy(s->a, one.at, one.size), NULL);
    }
}

const char *sidecar_clock(const struct sidecar *s, int64_t ticks)
{
    int64_t ms = ticks / (METADATA_TICKS / 1000);
    return arena_format(s->a, "%02lld:%02lld:%02lld.%03lld", (long long)(ms / 3600000),
                        (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60),
                        (long long)(ms % 1000));
}

const char *sidecar_length(const struct sidecar *s)
{
    rational rate;
    struct error none;
    int64_t frames = metadata_whole(s->m, "timecode.frames", 0, 0);
    if (frames <= 0 || frames > INT64_MAX / 100000 ||
        !rational_parse(text_of(sidecar_get(s, "timecode.rate")), &rate, &none) || rate.num <= 0)
        return "";
    int64_t ms = rescale(frames, rate, (rational){1000, 1}, ROUND_NEAREST);
    return arena_format(s->a, "PT%lldH%lldM%lld.%03lldS", (long long)(ms / 3600000),
                        (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60),
                        (long long)(ms % 1000));
}

const char *sidecar_made(const struct sidecar *s)
{
    time_t when = (time_t)(s->wish->made_ms / 1000);
    struct tm utc;
    char text[32] = "";
    if (gmtime_r(&when, &utc))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return arena_text(s->a, text);
}

// ---- the record itself

static void write_json(struct sidecar *s)
{
    json_t *record = metadata_json(s->m);
    char *text = json_dumps(record, JSON_INDENT(2));
    buf_text(s->x.to, text ? text : "");
    buf_text(s->x.to, "\n");
    free(text);
    json_decref(record);
}

// RFC 4180: a cell with a comma, a quote or a line's end is quoted. A cell that a spreadsheet would
// take for a formula gets an apostrophe.
static void cell(struct buf *to, const char *value, bool last)
{
    value = value ? value : "";
    bool formula = *value && strchr("=+-@\t", *value);
    if (formula || value[strcspn(value, ",\"\n\r")]) {
        buf_text(to, formula ? "\"'" : "\"");
        for (; *value; value++)
            buf_add(to, *value == '"' ? "\"\"" : value, *value == '"' ? 2 : 1);
        buf_text(to, "\"");
    } else {
        buf_text(to, value);
    }
    buf_text(to, last ? "\r\n" : ",");
}

static void write_csv(struct sidecar *s)
{
    struct buf *to = s->x.to;
    buf_text(to, "field,number,value,file,where,person,at\r\n");
    for (size_t i = 0; i < s->m->count; i++) {
        const struct metadata_value *v = &s->m->values[i];
        bool list = v->field->group >= METADATA_LOCALISED;
        cell(to, v->field->name, false);
        cell(to, list ? arena_format(s->a, "%zu", v->item + 1) : "", false);
        cell(to, v->value, false);
        cell(to, v->from.file, false);
        cell(to, v->from.where, false);
        cell(to, v->from.person, false);
        cell(to, v->from.at, true);
    }
}

// ---- all of them

static bool missing(enum sidecar_kind kind, struct sidecar *s, struct error *err)
{
    text left = text_of(needs[kind]);
    struct buf list = BUF_LIMIT(600);
    while (left.size) {
        text one = text_cut(&left, ' ');
        const char *name = arena_copy(s->a, one.at, one.size);
        if (!*sidecar_get(s, name))
            buf_format(&list, "%s%s", list.size ? ", " : "", name);
    }
    if (!s->wish->provider && *sidecar_get(s, "work.provider"))
        s->said.provider = sidecar_get(s, "work.provider"), s->wish = &s->said;
    bool id = *sidecar_get(s, "work.eidr") ||
              (s->wish->provider &&
               (*sidecar_get(s, "work.house_id") || *sidecar_get(s, "work.vendor_id")));
    if (kind == SIDECAR_ITUNES && !s->wish->provider)
        buf_format(&list, "%swork.provider", list.size ? ", " : "");
    if ((kind == SIDECAR_MEC || kind == SIDECAR_MMC) && !id)
        buf_format(&list, "%swork.eidr (or work.provider and work.house_id)",
                   list.size ? ", " : "");
    if (list.size) {
        error_set(err, ERROR_INPUT, "%s can not be written", kinds[kind].title);
        error_why(err, "missing: %s", list.at);
        error_fix(err, "say it: posthouse map FILE FIELD=VALUE ..., or in the asset's facts");
    }
    bool none = list.size > 0;
    buf_free(&list);
    return none;
}

bool sidecar_write(enum sidecar_kind kind, const struct metadata *m,
                   const struct sidecar_wish *wish, struct buf *to, struct error *err)
{
    static void (*const writers[SIDECAR_KINDS])(struct sidecar *) = {
        write_json,  write_csv,       sidecar_itunes,   sidecar_mec,
        sidecar_mmc, sidecar_ebucore, sidecar_mediarss, sidecar_as11};
    static const struct sidecar_wish none;
    struct sidecar s = {.m = m,
                        .wish = wish ? wish : &none,
                        .said = wish ? *wish : none,
                        .a = arena_open(256 << 20)};
    bool done = !missing(kind, &s, err);
    if (done) {
        if (kind > SIDECAR_CSV)
            xml_begin(&s.x, to);
        else
            s.x.to = to;
        writers[kind](&s);
        done = !to->over || error_set(err, ERROR_TOO_BIG, "%s is too large", kinds[kind].title);
    }
    arena_close(s.a);
    return done;
}
