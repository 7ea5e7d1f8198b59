#include "formats/adm/adm.h"
#include "formats/xmltree/xmltree.h"
#include "time/timecode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UIDS_MOST = 65536, AXML_MOST = 256 << 20, UID_ROW = 40 };

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static uint64_t u64(const uint8_t *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

struct wave {
    const char *name;
    struct adm *a;
    text fmt, chna, axml, bext;
    uint64_t long_data; // of ds64
    uint64_t data;
    bool has_data;
};

static bool damaged(struct error *err, const char *name, const char *why)
{
    error_set(err, ERROR_DAMAGED, "%s is damaged", name);
    error_why(err, "%s", why);
    return error_fix(err, "export the ADM BWF again, or copy it again from where it came");
}

// ---- chunks

static void take(struct wave *w, const uint8_t *id, text chunk)
{
    const struct {
        char name[5];
        text *to;
    } kept[] = {{"fmt ", &w->fmt}, {"chna", &w->chna}, {"axml", &w->axml}, {"bext", &w->bext}};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (memcmp(id, kept[i].name, 4) == 0)
            *kept[i].to = chunk;
    w->a->atmos = w->a->atmos || memcmp(id, "dbmd", 4) == 0;
    if (memcmp(id, "ds64", 4) == 0 && chunk.size >= 16)
        w->long_data = u64((const uint8_t *)chunk.at + 8);
}

static bool chunks(struct wave *w, text bytes, struct error *err)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    for (uint64_t i = 12; i + 8 <= bytes.size;) {
        uint64_t size = u32(at + i + 4);
        bool data = memcmp(at + i, "data", 4) == 0;
        if (data && size == UINT32_MAX)
            size = w->long_data;
        if (size > bytes.size - i - 8)
            return damaged(err, w->name,
                           data ? "its sound is cut off" : "a chunk of it is cut off");
        if (data)
            w->data = size, w->has_data = true;
        else
            take(w, at + i, (text){bytes.at + i + 8, (size_t)size});
        i += 8 + size + (size & 1);
    }
    return true;
}

static bool format(struct wave *w, struct error *err)
{
    const uint8_t *f = (const uint8_t *)w->fmt.at;
    if (w->fmt.size < 16 || !w->has_data)
        return damaged(err, w->name, "it has no format or no sound");
    w->a->channels = (int)u16(f + 2);
    w->a->sample_rate = (int)(u32(f + 4) & INT32_MAX);
    w->a->bits = (int)u16(f + 14);
    uint32_t block = u16(f + 12);
    if (!w->a->channels || !w->a->sample_rate || !block)
        return damaged(err, w->name, "its format has no channels or no rate");
    if (w->data % block)
        return damaged(err, w->name, "its last sample is cut off");
    w->a->samples = (int64_t)(w->data / block);
    w->a->time_reference =
        w->bext.size >= 346 ? (int64_t)(u64((const uint8_t *)w->bext.at + 338) & INT64_MAX) : -1;
    return true;
}

static void word(char *to, size_t room, const uint8_t *from, size_t size)
{
    while (size && (!from[size - 1] || from[size - 1] == ' '))
        size--;
    size = size < room - 1 ? size : room - 1;
    for (size_t i = 0; i < size; i++)
        to[i] = from[i] >= ' ' && from[i] < 127 ? (char)from[i] : '?';
    to[size] = 0;
}

// ITU-R BS.2088-1, 8: u16 tracks, u16 UIDs, then rows of 40 bytes; those of track 0 are room.
static bool read_chna(struct wave *w, struct error *err)
{
    const uint8_t *c = (const uint8_t *)w->chna.at;
    struct adm *a = w->a;
    if (w->chna.size < 4)
        return damaged(err, w->name, "its chunk chna is too short");
    a->said = u16(c + 2);
    size_t rows = (w->chna.size - 4) / UID_ROW;
    a->chna = calloc(rows + 1, sizeof(*a->chna));
    if (!a->chna)
        abort();
    for (size_t i = 0; i < rows; i++) {
        const uint8_t *r = c + 4 + i * UID_ROW;
        struct adm_uid *u = &a->chna[a->chna_count];
        u->track = (int)u16(r);
        if (!u->track)
            continue;
        a->chna_count++;
        word(u->uid, sizeof(u->uid), r + 2, 12);
        word(u->track_format, sizeof(u->track_format), r + 14, 14);
        word(u->pack_format, sizeof(u->pack_format), r + 28, 11);
    }
    return true;
}

// ---- axml

static void reference(const xmlNode *of, const char *name, char *to, size_t room)
{
    if (!xmltree_words(xmltree_child(of, name), to, room))
        *to = 0;
}

static void declared(struct adm *a, const xmlNode *node)
{
    if (a->axml_count >= UIDS_MOST)
        return;
    if ((a->axml_count & (a->axml_count + 1)) == 0) {
        a->axml = realloc(a->axml, (2 * a->axml_count + 2) * sizeof(*a->axml));
        if (!a->axml)
            abort();
    }
    struct adm_uid *u = &a->axml[a->axml_count++];
    *u = (struct adm_uid){0};
    xmltree_attribute(node, "UID", u->uid, sizeof(u->uid));
    reference(node, "audioTrackFormatIDRef", u->track_format, sizeof(u->track_format));
    if (!*u->track_format) // BS.2076-2 allows the channel's format in its stead
        reference(node, "audioChannelFormatIDRef", u->track_format, sizeof(u->track_format));
    reference(node, "audioPackFormatIDRef", u->pack_format, sizeof(u->pack_format));
}

static const struct adm_uid *find(const struct adm_uid *list, size_t count, const char *uid)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].uid, uid) == 0)
            return &list[i];
    return NULL;
}

static bool read_axml(struct wave *w, struct error *err)
{
    struct adm *a = w->a;
    const xmlNode *at = NULL;
    char uid[32];
    if (w->axml.size > AXML_MOST)
        return damaged(err, w->name, "its chunk axml is too large");
    text words = w->axml; // some pad it with zeros
    while (words.size && !words.at[words.size - 1])
        words.size--;
    xmlDoc *doc = xmltree_open(w->name, words, err);
    if (!doc)
        return error_while(err, "reading its chunk axml");
    const xmlNode *root = xmlDocGetRootElement(doc);
    const xmlNode *format_node = xmltree_named(root, "audioFormatExtended")
                                     ? root
                                     : xmltree_within(root, "audioFormatExtended");
    for (at = NULL; (at = xmltree_further(format_node, at, "audioTrackUID"));)
        declared(a, at);
    for (at = NULL; (at = xmltree_further(format_node, at, "audioProgramme"));)
        a->programmes++;
    for (at = NULL; (at = xmltree_further(format_node, at, "audioObject"));)
        a->objects++;
    for (at = NULL; (at = xmltree_further(format_node, at, "audioTrackUIDRef"));)
        a->lost_refs += !xmltree_words(at, uid, sizeof(uid)) ||
                        (strcmp(uid, "ATU_00000000") != 0 && !find(a->axml, a->axml_count, uid));
    bool there = format_node != NULL;
    xmlFreeDoc(doc);
    return there || damaged(err, w->name, "its chunk axml has no audioFormatExtended");
}

static bool is_adm(const struct wave *w, struct error *err)
{
    if (w->chna.at && w->axml.at)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "%s is no ADM BWF", w->name);
    error_why(err, "it has no chunk %s", w->chna.at ? "axml" : "chna");
    return error_fix(err, "export the Atmos master as ADM BWF");
}

bool adm_read(const char *name, text bytes, struct adm **to, struct error *err)
{
    struct wave w = {.name = name, .a = calloc(1, sizeof(struct adm))};
    if (!w.a)
        abort();
    bool wave = bytes.size >= 12 && memcmp(bytes.at + 8, "WAVE", 4) == 0 &&
                (memcmp(bytes.at, "RIFF", 4) == 0 || memcmp(bytes.at, "RF64", 4) == 0 ||
                 memcmp(bytes.at, "BW64", 4) == 0);
    bool done = wave && chunks(&w, bytes, err) && is_adm(&w, err) && format(&w, err) &&
                read_chna(&w, err) && read_axml(&w, err);
    if (!wave) {
        error_set(err, ERROR_UNSUPPORTED, "%s is no ADM BWF", name);
        error_why(err, "it is no WAVE file");
        error_fix(err, "export the Atmos master as ADM BWF");
    }
    if (done)
        *to = w.a;
    else
        adm_close(w.a);
    return done;
}

void adm_close(struct adm *a)
{
    if (!a)
        return;
    free(a->chna);
    free(a->axml);
    free(a);
}

// ---- beside a picture

static void add(json_t *list, bool *fits, const char *what, const char *wanted, const char *seen,
                const char *state, const char *fix)
{
    bool ok = strcmp(state, "ok") == 0;
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "what", what, "wanted", wanted, "seen", seen,
                            "state", state);
    if (!ok)
        json_object_set_new(row, "fix", json_string(fix));
    json_array_append_new(list, row);
    *fits = *fits && strcmp(state, "no") != 0;
}

static const char *state_of(bool ok)
{
    return ok ? "ok" : "no";
}

static bool same_track(const char *a, const char *b)
{
    // "AC_00031001_00" of chna is "AC_00031001" of axml.
    return strcmp(a, b) == 0 ||
           (strncmp(a, "AC_", 3) == 0 && strncmp(b, "AC_", 3) == 0 && strncmp(a, b, 11) == 0);
}

static void consistent(const struct adm *a, json_t *list, bool *fits)
{
    char seen[160];
    size_t missing = 0, unused = 0, differ = 0, beyond = 0;
    for (size_t i = 0; i < a->chna_count; i++) {
        const struct adm_uid *u = &a->chna[i], *x = find(a->axml, a->axml_count, u->uid);
        missing += !x;
        differ += x && (!same_track(u->track_format, x->track_format) ||
                        strcmp(u->pack_format, x->pack_format) != 0);
        beyond += u->track > a->channels;
    }
    for (size_t i = 0; i < a->axml_count; i++)
        unused += !find(a->chna, a->chna_count, a->axml[i].uid);
    snprintf(seen, sizeof(seen), "%zu said, %zu there, %zu beyond its %d channels", a->said,
             a->chna_count, beyond, a->channels);
    add(list, fits, "ADM: chna", "as many as it says, on its channels", seen,
        state_of(a->said == a->chna_count && a->chna_count && !beyond),
        "export it again: its list of tracks is wrong");
    snprintf(seen, sizeof(seen),
             "%zu not in axml, %zu only there, %zu of other formats, %" PRId64 " lost references",
             missing, unused, differ, a->lost_refs);
    add(list, fits, "ADM: chna and axml", "the same tracks", seen,
        state_of(!missing && !unused && !differ && !a->lost_refs),
        "export it again: its description is of other tracks");
    snprintf(seen, sizeof(seen), "%d programmes, %d objects", a->programmes, a->objects);
    add(list, fits, "ADM: programme", "one at least", seen,
        state_of(a->programmes > 0 && a->objects > 0), "export it with its programme");
}

static void start(const struct adm *a, const json_t *facts, rational rate, json_t *list, bool *fits)
{
    const json_t *tc = json_object_get(facts, "timecode");
    struct tc_rate counting;
    struct error ignored;
    char wanted[64], seen[64];
    if (!tc || a->time_reference < 0 ||
        !tc_rate_with_base(rate, (int)json_integer_value(json_object_get(tc, "base")),
                           json_is_true(json_object_get(tc, "drop")), &counting, &ignored))
        return;
    int64_t sample = tc_to_samples(json_integer_value(json_object_get(tc, "start_frame")),
                                   a->sample_rate, &counting);
    snprintf(wanted, sizeof(wanted), "sample %" PRId64 " (%.20s)", sample,
             json_string_value(json_object_get(tc, "start")));
    snprintf(seen, sizeof(seen), "sample %" PRId64, a->time_reference);
    add(list, fits, "ADM: start", wanted, seen, a->time_reference == sample ? "ok" : "unknown",
        "make sure that its first sample belongs to the picture's first frame");
}

json_t *adm_fit(const struct adm *a, const json_t *facts, bool *fits)
{
    json_t *list = json_array();
    const json_t *constant = json_object_get(facts, "constant");
    const json_t *timing = constant ? constant : facts;
    const char *said = json_string_value(json_object_get(timing, "rate"));
    rational rate;
    struct error ignored;
    char wanted[64], seen[64];
    *fits = true;
    snprintf(seen, sizeof(seen), "%d Hz, %d bits", a->sample_rate, a->bits);
    add(list, fits, "ADM: sound", "48000 or 96000 Hz, 24 bits", seen,
        state_of((a->sample_rate == 48000 || a->sample_rate == 96000) && a->bits == 24),
        "export it at 48 kHz and 24 bits");
    consistent(a, list, fits);
    if (!said || !rational_parse(text_of(said), &rate, &ignored) || rate.num <= 0)
        return list;
    int64_t frames =
        json_integer_value(json_object_get(timing, constant ? "frames" : "duration_frames"));
    const rational hz = {a->sample_rate, 1};
    int64_t samples = rescale(frames, rate, hz, ROUND_NEAREST),
            one = rescale(1, rate, hz, ROUND_UP);
    snprintf(wanted, sizeof(wanted), "%" PRId64 " samples, within a frame", samples);
    snprintf(seen, sizeof(seen), "%" PRId64 " samples", a->samples);
    add(list, fits, "ADM: length", wanted, seen, state_of(llabs(a->samples - samples) < one),
        "export it for this cut of the picture");
    start(a, facts, rate, list, fits);
    return list;
}
