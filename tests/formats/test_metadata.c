#include "test.h"

#include "formats/metadata/places.h"
#include "formats/metadata/sidecar.h"

static const struct metadata_source ann = {.person = "Ann", .at = "2026-11-23T10:00:00.000Z"};

static struct metadata *with(struct arena *a, const char *const *said)
{
    struct metadata *m = metadata_new(a);
    for (; said[0]; said += 3)
        if (!metadata_put(m, said[0], (size_t)atoi(said[1]), said[2], &ann))
            fail_msg("%s does not take %s", said[0], said[2]);
    return m;
}

static struct metadata_table *table(struct arena *a, const char *name)
{
    char path[600], *content = arena_take(a, 1 << 20);
    struct metadata_table *t = NULL;
    struct error err;
    snprintf(path, sizeof(path), "%s/%s.json", getenv("RULES"), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(content, 1, 1 << 20, f);
    fclose(f);
    if (!metadata_table_read(a, name, (text){content, size}, &t, &err))
        fail_msg("%s: %s: %s", name, err.what, err.why);
    return t;
}

// ---- the record

static const char *language(const char *said)
{
    static char to[64];
    return metadata_language(text_of(said), to) ? to : "none";
}

static void languages_have_one_form_each(void **state)
{
    (void)state;
    assert_string_equal(language("eng"), "en");
    assert_string_equal(language("fre"), "fr"); // ISO 639-2/B
    assert_string_equal(language("fra"), "fr"); // and T
    assert_string_equal(language("FR_ca"), "fr-CA");
    assert_string_equal(language("zh-hant-tw"), "zh-Hant-TW");
    assert_string_equal(language("cmn"), "cmn"); // three letters only
    assert_string_equal(language("und"), "none");
    assert_string_equal(language("English"), "none");
    assert_string_equal(language(""), "none");
    assert_memory_equal(metadata_language3("fr-CA"), "fra", 3);
    assert_memory_equal(metadata_language3("de"), "deu", 3);
    assert_memory_equal(metadata_language3("zu"), "zul", 3);
    assert_memory_equal(metadata_language3("aa"), "aar", 3);
    assert_string_equal(metadata_language3("qq"), "und");
}

static void a_value_is_taken_in_its_form_or_not_at_all(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    struct metadata *m = metadata_new(a);
    assert_true(metadata_put(m, "work.season", 0, " 07 ", &ann));
    assert_string_equal(metadata_text(m, "work.season", 0), "7");
    assert_false(metadata_put(m, "work.season", 0, "two", &ann));
    assert_true(metadata_put(m, "work.date", 0, "2026-11-23 10:20:30", &ann));
    assert_string_equal(metadata_text(m, "work.date", 0), "2026-11-23T10:20:30");
    assert_false(metadata_put(m, "work.date", 0, "23.11.2026", &ann));
    assert_false(metadata_put(m, "work.date", 0, "2026-13-01", &ann));
    assert_false(metadata_put(m, "work.type", 0, "film", &ann));
    assert_false(metadata_put(m, "work.title", 1, "of a second one", &ann));
    assert_false(metadata_put(m, "work.title", 0, "\xff", &ann));
    assert_false(metadata_put(m, "work.nothing", 0, "x", &ann));
    assert_true(metadata_put(m, "broadcast.signing", 0, "true", &ann));
    assert_string_equal(metadata_text(m, "broadcast.signing", 0), "yes");
    arena_close(a);
}

static void a_record_comes_back_from_json_with_its_sources(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    struct metadata *m = with(a, (const char *const[]){"work.title", "0", "Nächt", "track.language",
                                                       "1", "fr", "chapter.start", "0", "30000",
                                                       NULL}),
                    *again;
    struct error err;
    json_t *json = metadata_json(m);
    assert_true(metadata_parse(a, json, &again, &err));
    assert_int_equal(again->count, 3);
    const struct metadata_value *v = metadata_find(again, "track.language", 1);
    assert_string_equal(v->value, "fr");
    assert_string_equal(v->from.person, "Ann");
    json_object_set_new(json_object_get(json, "work"), "titel", json_string("x"));
    assert_false(metadata_parse(a, json, &again, &err));
    assert_non_null(strstr(err.why, "work.titel"));
    json_decref(json);
    arena_close(a);
}

// ---- the tables

static void every_table_of_the_house_can_be_read_and_names_each_home_once(void **state)
{
    (void)state;
    static const char *const names[] = {"mp4", "mov", "mxf", "wav", "mkv"};
    for (size_t i = 0; i < 5; i++) {
        struct arena *a = arena_open(8 << 20);
        const struct metadata_table *t = table(a, names[i]);
        assert_string_equal(t->container, names[i]);
        assert_true(t->count > 40);
        for (size_t k = 0; k < t->count; k++)
            for (size_t n = 0; n < k; n++)
                if (t->rows[k].field == t->rows[n].field && !strcmp(t->rows[k].at, t->rows[n].at) &&
                    (!t->rows[k].role || !strcmp(t->rows[k].role, t->rows[n].role)))
                    fail_msg("%s: %s lies twice at %s", names[i], t->rows[k].field->name,
                             t->rows[k].at);
        arena_close(a);
    }
}

static void a_mistake_in_a_table_is_named_by_its_row(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"container\": \"mp4\", \"title\": \"x\", \"rows\": [{\"field\": \"work.titel\", "
         "\"at\": \"x\"}]}",
         "row 1 has no field of the record: work.titel"},
        {"{\"container\": \"mp4\", \"title\": \"x\", \"rows\": [{\"field\": \"work.title\"}]}",
         "row 1 does not say where: \"at\""},
        {"{\"container\": \"mp4\", \"title\": \"x\", \"rows\": [{\"field\": \"work.title\", "
         "\"at\": \"x\", \"max\": 3}]}",
         "row 1 has a \"max\", which is none"},
        {"{\"rows\": []}", "it needs container, title and rows"}};
    for (size_t i = 0; i < 4; i++) {
        struct arena *a = arena_open(1 << 20);
        struct metadata_table *t;
        struct error err;
        assert_false(metadata_table_read(a, "it", text_of(wrong[i][0]), &t, &err));
        assert_string_equal(err.why, wrong[i][1]);
        arena_close(a);
    }
}

static const struct metadata_report_row *row(const struct metadata_report *r, const char *field,
                                             size_t item)
{
    for (size_t i = 0; i < r->count; i++)
        if (!strcmp(r->rows[i].value->field->name, field) && r->rows[i].value->item == item)
            return &r->rows[i];
    fail_msg("no row of %s", field);
    return NULL;
}

static void what_becomes_of_each_value_is_told(void **state)
{
    (void)state;
    struct arena *a = arena_open(8 << 20);
    char longer[301];
    memset(longer, 'x', 298);
    memcpy(longer + 298, "\xc3\xa4", 3); // a letter over the limit of 255 is not halved
    longer[254] = '\xc3', longer[255] = '\xa4';
    struct metadata *m = with(a, (const char *const[]){"work.description",
                                                       "0",
                                                       longer,
                                                       "work.house_id",
                                                       "0",
                                                       "Nächt",
                                                       "track.kind",
                                                       "0",
                                                       "sound",
                                                       "track.language",
                                                       "0",
                                                       "fr-CA",
                                                       "track.role",
                                                       "0",
                                                       "m&e",
                                                       "person.role",
                                                       "0",
                                                       "director",
                                                       "person.name",
                                                       "0",
                                                       "Ann",
                                                       "person.role",
                                                       "1",
                                                       "gaffer",
                                                       "person.name",
                                                       "1",
                                                       "Bob",
                                                       "version.umid",
                                                       "0",
                                                       "not one",
                                                       "localised.language",
                                                       "0",
                                                       "de",
                                                       "localised.title",
                                                       "0",
                                                       "Naht",
                                                       NULL});
    struct metadata_report mp4, wav, mxf;
    metadata_map(a, m, table(a, "mp4"), &mp4, NULL);
    metadata_map(a, m, table(a, "wav"), &wav, NULL);
    metadata_map(a, m, table(a, "mxf"), &mxf, NULL);
    // XMP holds it whole, though iTunes' own place does not
    assert_int_equal(row(&mp4, "work.description", 0)->fate, METADATA_KEPT);
    assert_string_equal(row(&mp4, "work.description", 0)->at, "xmp/dc:description");
    assert_int_equal(row(&wav, "work.house_id", 0)->fate, METADATA_CHANGED);
    assert_string_equal(row(&wav, "work.house_id", 0)->seen, "Nacht");
    assert_string_equal(row(&mp4, "track.language", 0)->at, "trak/elng");
    assert_int_equal(row(&mp4, "track.role", 0)->fate, METADATA_HOMELESS);
    assert_int_equal(row(&mp4, "person.name", 0)->fate, METADATA_KEPT);
    assert_int_equal(row(&mp4, "person.role", 0)->fate, METADATA_KEPT);
    assert_int_equal(row(&mp4, "person.name", 1)->fate, METADATA_HOMELESS);
    assert_int_equal(row(&wav, "version.umid", 0)->fate, METADATA_HOMELESS);
    assert_string_equal(row(&mp4, "localised.title", 0)->at, "xmp/dc:title@de");
    assert_int_equal(row(&mxf, "track.language", 0)->fate, METADATA_HOMELESS);
    assert_non_null(strstr(row(&mxf, "track.language", 0)->note, "MCA"));
    arena_close(a);
}

static void what_is_too_long_for_all_homes_is_truncated_at_a_letter(void **state)
{
    (void)state;
    struct arena *a = arena_open(8 << 20);
    char longer[300];
    memset(longer, 'x', 299);
    longer[299] = 0;
    memcpy(longer + 254, "\xc3\xa4", 2);
    struct metadata *m = with(a, (const char *const[]){"work.sort_title", "0", longer, NULL});
    struct metadata_report mp4;
    json_t *entries;
    metadata_map(a, m, table(a, "mp4"), &mp4, &entries);
    assert_int_equal(mp4.rows[0].fate, METADATA_CUT);
    assert_int_equal(strlen(mp4.rows[0].seen), 254);
    assert_int_equal(json_array_size(json_object_get(entries, "entries")), 1);
    json_decref(entries);
    arena_close(a);
}

// ---- boxes

struct film {
    uint8_t at[4096];
    size_t size;
};

static size_t box(uint8_t *to, const char *name, const void *body, size_t size)
{
    memmove(to + 8, body, size);
    to[0] = to[1] = 0, to[2] = (uint8_t)((size + 8) >> 8), to[3] = (uint8_t)(size + 8);
    memcpy(to + 4, name, 4);
    return size + 8;
}

// ftyp, moov of one track with one chunk, `room` of free, mdat.
static void make_film(struct film *f, size_t room)
{
    uint8_t mdhd[24] = {0}, hdlr[25] = {0}, stco[12] = {0}, inner[600], trak[700], moov[800];
    static const uint8_t blank[1000];
    memcpy(hdlr + 8, "vide", 4);
    stco[7] = 1;
    for (int pass = 0; pass < 2; pass++) {
        size_t n = box(inner, "stco", stco, 12);
        n = box(inner, "stbl", inner, n);
        n = box(inner, "minf", inner, n);
        uint8_t mdia[700];
        size_t m = box(mdia, "mdhd", mdhd, 24);
        m += box(mdia + m, "hdlr", hdlr, 25);
        memcpy(mdia + m, inner, n);
        n = box(trak, "mdia", mdia, m + n);
        n = box(trak, "trak", trak, n);
        n = box(moov, "moov", trak, n);
        f->size = box(f->at, "ftyp", "isom\0\0\2\0isom", 12);
        memcpy(f->at + f->size, moov, n);
        f->size += n;
        if (room)
            f->size += box(f->at + f->size, "free", blank, room - 8);
        stco[10] = (uint8_t)((f->size + 8) >> 8), stco[11] = (uint8_t)(f->size + 8);
        f->size += box(f->at + f->size, "mdat", "ESSENCE!", 8);
    }
}

static bool read_film(void *context, int64_t offset, void *to, size_t size, size_t *got,
                      struct error *err)
{
    const struct film *f = context;
    (void)err;
    size_t left = offset < (int64_t)f->size ? f->size - (size_t)offset : 0;
    *got = size < left ? size : left;
    memcpy(to, f->at + (*got ? offset : 0), *got);
    return true;
}

static void put_together(const struct film *old, const struct place_edit *edit, struct film *to,
                         bool stay)
{
    to->size = 0;
    for (size_t i = 0; i < edit->count; i++) {
        const struct place_part *p = &edit->parts[i];
        if (stay && !p->bytes)
            assert_int_equal(p->from, to->size);
        assert_true(to->size + (size_t)p->size <= sizeof(to->at));
        memcpy(to->at + to->size, p->bytes ? p->bytes : old->at + p->from, (size_t)p->size);
        to->size += (size_t)p->size;
    }
}

// The chunk that the table points to, as text of eight letters.
static const char *chunk(const struct film *f)
{
    static char eight[9];
    for (size_t i = 0; i + 16 < f->size; i++)
        if (!memcmp(f->at + i, "stco", 4)) {
            size_t at = (size_t)f->at[i + 14] << 8 | f->at[i + 15];
            at |= (size_t)f->at[i + 13] << 16;
            memcpy(eight, f->at + at, 8);
        }
    return eight;
}

static bool says(const json_t *pairs, const char *at, const char *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach(pairs, i, one) if (!strcmp(json_string_value(json_object_get(one, "at")),
                                                  at)) return !value ||
        !strcmp(json_string_value(json_object_get(one, "value")), value);
    return false;
}

static const char told[] =
    "[{\"at\": \"ilst/\xc2\xa9nam\", \"value\": \"N\xc3\xa4"
    "cht\"}, {\"at\": \"ilst/tves\", \"value\": \"12\"}, {\"at\": \"ilst/----:com.apple.iTunes:"
    "EIDR\", \"value\": \"10.5240/x\"}, {\"at\": \"mdta/org.x.y\", \"value\": \"z\"}, {\"at\": "
    "\"trak/elng\", \"track\": 0, \"value\": \"fr-CA\"}, {\"at\": \"trak/mdhd\", \"track\": 0, "
    "\"value\": \"fr-CA\"}, {\"at\": \"trak/kind\", \"track\": 0, \"value\": \"main\"}, {\"at\": "
    "\"xmp/dc:title\", \"value\": \"N\"}]";

static void changed(const struct film *old, bool stay, struct film *to)
{
    struct arena *a = arena_open(64 << 20);
    struct place_file f = {read_film, (void *)(uintptr_t)old, (int64_t)old->size, "film.mp4"};
    struct place_edit edit;
    struct error err;
    json_t *pairs = json_loads(told, 0, NULL), *seen = json_array();
    assert_non_null(pairs);
    assert_true(boxes_edit(&f, a, pairs, stay, &edit, &err));
    put_together(old, &edit, to, stay);
    struct place_file g = {read_film, to, (int64_t)to->size, "film.mp4"};
    assert_true(boxes_pairs(&g, a, seen, &err));
    assert_true(says(seen, "ilst/\xc2\xa9nam",
                     "N\xc3\xa4"
                     "cht"));
    assert_true(says(seen, "ilst/tves", "12"));
    assert_true(says(seen, "ilst/----:com.apple.iTunes:EIDR", "10.5240/x"));
    assert_true(says(seen, "mdta/org.x.y", "z"));
    assert_true(says(seen, "trak/elng", "fr-CA"));
    assert_true(says(seen, "trak/mdhd", "fra"));
    assert_true(says(seen, "trak/kind", "main"));
    assert_true(says(seen, "xmp/dc:title", "N"));
    assert_string_equal(chunk(to), "ESSENCE!");
    json_decref(pairs);
    json_decref(seen);
    arena_close(a);
}

static void a_larger_index_moves_the_essence_and_its_offsets(void **state)
{
    (void)state;
    struct film old, to, again;
    make_film(&old, 0);
    assert_string_equal(chunk(&old), "ESSENCE!");
    changed(&old, false, &to);
    changed(&to, false, &again);
    // The room that was left the first time takes the second one: all but XMP lies where it lay.
    assert_string_equal(chunk(&again), "ESSENCE!");
}

static void room_before_the_essence_is_used_and_it_stays(void **state)
{
    (void)state;
    struct film old, to;
    make_film(&old, 900);
    changed(&old, true, &to);
    assert_memory_equal(to.at + 20 + 4, "moov", 4);
}

static void essence_that_must_stay_stays_and_the_index_goes_to_the_end(void **state)
{
    (void)state;
    struct film old, to;
    make_film(&old, 0);
    changed(&old, true, &to);
    assert_memory_equal(to.at + 20 + 4, "free", 4);
}

static void an_index_that_is_no_index_is_refused(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct film old;
    struct place_edit edit;
    struct error err;
    make_film(&old, 0);
    old.at[20 + 8 + 3] ^= 0x40; // the track says another size
    struct place_file f = {read_film, &old, (int64_t)old.size, "film.mp4"};
    json_t *pairs = json_loads(told, 0, NULL);
    assert_false(boxes_edit(&f, a, pairs, false, &edit, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    json_decref(pairs);
    arena_close(a);
}

// ---- WAV and XMP

static void a_wave_keeps_its_samples_where_they_are(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct film old = {.size = 0}, to, again;
    static const uint8_t head[] = "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0"
                                  "\2\0\x10\0data\7\0\0\0SAMPLES\0LIST\x0e\0\0\0INFOISFT\2\0\0\0x";
    memcpy(old.at, head, sizeof(head));
    old.size = sizeof(head);
    json_t *pairs = json_loads(
        "[{\"at\": \"info/INAM\", \"value\": \"Night\"}, {\"at\": \"ixml/USER/EIDR\", \"value\": "
        "\"x\"}, {\"at\": \"xmp/dc:title@fr\", \"value\": \"Nuit\"}]",
        0, NULL);
    json_t *with_bext = json_loads(
        "[{\"at\": \"bext/UMID\", \"value\": \"060A2B34\"}, {\"at\": \"bext/Description\", "
        "\"value\": \"D\"}]",
        0, NULL);
    struct place_file f = {read_film, &old, (int64_t)old.size, "a.wav"};
    struct place_edit edit;
    struct error err;
    json_t *seen = json_array();
    assert_true(wave_edit(&f, a, pairs, &edit, &err));
    put_together(&old, &edit, &to, true);
    assert_memory_equal(to.at + 44, "SAMPLES", 7);
    assert_int_equal(to.at[4] | to.at[5] << 8, to.size - 8);
    struct place_file g = {read_film, &to, (int64_t)to.size, "a.wav"};
    assert_true(wave_pairs(&g, a, seen, &err));
    assert_true(says(seen, "info/INAM", "Night"));
    assert_true(says(seen, "info/ISFT", "x"));
    assert_true(says(seen, "ixml/USER/EIDR", "x"));
    assert_true(says(seen, "xmp/dc:title@fr", "Nuit"));
    assert_true(wave_edit(&g, a, with_bext, &edit, &err)); // comes before the samples
    put_together(&to, &edit, &again, false);
    struct place_file h = {read_film, &again, (int64_t)again.size, "a.wav"};
    json_array_clear(seen);
    assert_true(wave_pairs(&h, a, seen, &err));
    assert_true(says(seen, "bext/Description", "D"));
    assert_true(says(seen, "info/INAM", "Night"));
    assert_non_null(memmem(again.at, again.size, "data\7\0\0\0SAMPLES", 15));
    json_decref(seen);
    json_decref(pairs);
    json_decref(with_bext);
    arena_close(a);
}

static void what_else_xmp_says_stays(void **state)
{
    (void)state;
    static const char packet[] =
        "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
        "rdf:about='' xmlns:q='http://x.example/q/' xmlns:dc='http://purl.org/dc/elements/1.1/' "
        "q:own='kept' xmlns:xmpDM='http://ns.adobe.com/xmp/1.0/DynamicMedia/' xmpDM:scene='4'>"
        "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Old</rdf:li><rdf:li xml:lang='de'>Alt"
        "</rdf:li></rdf:Alt></dc:title><dc:subject><rdf:Bag><rdf:li>a</rdf:li><rdf:li>b</rdf:li>"
        "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>";
    struct arena *a = arena_open(8 << 20);
    json_t *pairs = json_loads("[{\"at\": \"xmp/dc:title\", \"value\": \"N & <M>\"}, {\"at\": "
                               "\"xmp/dc:title@fr\", \"value\": \"Nuit\"}, {\"at\": "
                               "\"xmp/xmpDM:scene\", \"value\": null}]",
                               0, NULL);
    json_t *seen = json_array();
    const char *made = xmp_edit(text_of(packet), pairs, a);
    xmp_pairs(text_of(made), seen);
    assert_true(says(seen, "xmp/dc:title", "N & <M>"));
    assert_true(says(seen, "xmp/dc:title@de", "Alt"));
    assert_true(says(seen, "xmp/dc:title@fr", "Nuit"));
    assert_true(says(seen, "xmp/dc:subject", "a; b"));
    assert_false(says(seen, "xmp/xmpDM:scene", NULL));
    assert_non_null(strstr(made, "own=\"kept\""));
    json_decref(seen);
    json_decref(pairs);
    arena_close(a);
}

static void xml_that_would_swell_is_not_read(void **state)
{
    (void)state;
    static const char bomb[] = "<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;'>]><BWFXML>"
                               "<PROJECT>&c;</PROJECT></BWFXML>";
    json_t *seen = json_array();
    ixml_pairs(text_of(bomb), seen);
    assert_int_equal(json_array_size(seen), 0);
    json_decref(seen);
}

// ---- sidecars and profiles

static void a_sidecar_says_all_that_it_lacks(void **state)
{
    (void)state;
    struct arena *a = arena_open(8 << 20);
    struct metadata *m = with(a, (const char *const[]){"work.title", "0", "N", NULL});
    struct buf to = BUF_LIMIT(1 << 20);
    struct error err;
    assert_false(sidecar_write(SIDECAR_ITUNES, m, NULL, &to, &err));
    assert_non_null(strstr(err.why, "work.vendor_id, work.language, work.synopsis"));
    assert_non_null(strstr(err.why, "work.provider"));
    assert_int_equal(to.size, 0);
    assert_true(sidecar_write(SIDECAR_EBUCORE, m, NULL, &to, &err));
    assert_non_null(strstr(to.at, "<dc:title>N</dc:title>"));
    buf_free(&to);
    assert_true(sidecar_write(SIDECAR_CSV, m, NULL, &to, &err));
    assert_non_null(strstr(to.at, "work.title,,N,,,Ann,2026-11-23T10:00:00.000Z\r\n"));
    buf_free(&to);
    arena_close(a);
}

// Order and words are those of manifest-v1.13.xsd and its vocabulary (MovieLabs).
static void a_manifest_lists_the_captions_beside_the_film(void **state)
{
    (void)state;
    struct arena *a = arena_open(8 << 20);
    struct metadata *m =
        with(a, (const char *const[]){"work.eidr", "0", "10.5240/7791-8534-2C23-9030-8610-5",
                                      "work.title", "0", "N", "work.language", "0", "en", NULL});
    const struct sidecar_file files[] = {
        {.name = "Film.mov", .use = "source", .size = 9},
        {.name = "Film.en.scc", .use = "captions", .role = "cc", .language = "en", .md5 = "ab"},
        {.name = "Film fr.itt", .use = "subtitles", .role = "forced", .language = "fr"}};
    struct buf to = BUF_LIMIT(1 << 20);
    struct error err;
    struct sidecar_wish wish = {.files = files, .file_count = 3};
    assert_true(sidecar_write(SIDECAR_MMC, m, &wish, &to, &err));
    const char *first = strstr(to.at, "SubtitleTrackID=\"md:subtrackid:eidr-s:7791-8534-2C23-9030-"
                                      "8610-5:file2.en\""),
               *second = strstr(to.at, ":file3.fr\"");
    assert_non_null(first);
    assert_non_null(second);
    static const char *const said[] = {"<md:Format>Text<",
                                       "<md:Type>SDH<",
                                       "<md:FormatType>SCC<",
                                       "<md:Language>en<",
                                       "ContainerLocation>Film.en.scc<",
                                       "method=\"MD5\">ab<"};
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        const char *found = strstr(first, said[i]);
        assert_true(found && found < second);
        first = found;
    }
    assert_non_null(strstr(second, "<md:Type>forced<"));
    assert_non_null(strstr(second, "<md:FormatType>ITT<"));
    assert_non_null(strstr(second, "ContainerLocation>Film%20fr.itt<"));
    const char *presentation = strstr(to.at, "<manifest:Presentation ");
    assert_non_null(presentation);
    assert_non_null(strstr(presentation, ":file2.en</manifest:SubtitleTrackID>"));
    assert_non_null(strstr(presentation, ":file3.fr</manifest:SubtitleTrackID>"));
    buf_free(&to);
    arena_close(a);
}

static bool by_nothing(const json_t *profile, const struct metadata_field *field)
{
    (void)profile, (void)field;
    return false;
}

static void what_a_profile_requires_needs_a_value_and_a_home(void **state)
{
    (void)state;
    struct arena *a = arena_open(8 << 20);
    struct metadata *m =
        with(a, (const char *const[]){"work.title", "0", "N", "track.kind", "0", "picture",
                                      "track.kind", "1", "sound", "track.language", "1", "fr",
                                      "track.kind", "2", "sound", NULL});
    json_t *profile = json_loads("{\"metadata\": {\"required\": [\"work.title\", \"work.eidr\", "
                                 "\"track.language\", \"track.kind\"]}}",
                                 0, NULL);
    struct metadata_report r;
    metadata_map(a, m, table(a, "mxf"), &r, NULL);
    json_t *lacks = metadata_lacks(profile, m, &r, by_nothing);
    char *said = json_dumps(lacks, JSON_COMPACT);
    assert_int_equal(json_array_size(lacks), 2);
    assert_non_null(strstr(said, "\"work.eidr\",\"state\":\"no value\""));
    assert_non_null(strstr(said, "\"track.language\",\"state\":\"no value\"")); // one has none
    free(said);
    json_decref(lacks);
    assert_true(metadata_put(m, "track.language", 2, "de", &ann));
    metadata_map(a, m, table(a, "mxf"), &r, NULL);
    lacks = metadata_lacks(profile, m, &r, by_nothing);
    said = json_dumps(lacks, JSON_COMPACT);
    assert_non_null(strstr(said, "\"track.language\",\"state\":\"no home\""));
    free(said);
    json_decref(lacks);
    json_decref(profile);
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_have_one_form_each),
        cmocka_unit_test(a_value_is_taken_in_its_form_or_not_at_all),
        cmocka_unit_test(a_record_comes_back_from_json_with_its_sources),
        cmocka_unit_test(every_table_of_the_house_can_be_read_and_names_each_home_once),
        cmocka_unit_test(a_mistake_in_a_table_is_named_by_its_row),
        cmocka_unit_test(what_becomes_of_each_value_is_told),
        cmocka_unit_test(what_is_too_long_for_all_homes_is_truncated_at_a_letter),
        cmocka_unit_test(a_larger_index_moves_the_essence_and_its_offsets),
        cmocka_unit_test(room_before_the_essence_is_used_and_it_stays),
        cmocka_unit_test(essence_that_must_stay_stays_and_the_index_goes_to_the_end),
        cmocka_unit_test(an_index_that_is_no_index_is_refused),
        cmocka_unit_test(a_wave_keeps_its_samples_where_they_are),
        cmocka_unit_test(what_else_xmp_says_stays),
        cmocka_unit_test(xml_that_would_swell_is_not_read),
        cmocka_unit_test(a_sidecar_says_all_that_it_lacks),
        cmocka_unit_test(a_manifest_lists_the_captions_beside_the_film),
        cmocka_unit_test(what_a_profile_requires_needs_a_value_and_a_home),
    };
    return RUN_TESTS(tests);
}
