// What goes beside a picture: Dolby Vision metadata, Atmos masters.
#include "test.h"

#include "formats/adm/adm.h"
#include "formats/dolbyvision/dolbyvision.h"

static json_t *facts_of(int frames)
{
    return json_pack("{s:s, s:i, s:{s:s, s:i, s:i, s:b}}", "rate", "24000/1001", "duration_frames",
                     frames, "timecode", "start", "01:00:00:00", "start_frame", 86400, "base", 24,
                     "drop", 0);
}

// The row that begins with `what` is to have that state.
static void row_is(const json_t *rows, const char *what, const char *state)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "what")), what) != 0)
            continue;
        if (strcmp(json_string_value(json_object_get(row, "state")), state) != 0)
            fail_msg("%s: wanted %s, seen %s", what,
                     json_string_value(json_object_get(row, "wanted")),
                     json_string_value(json_object_get(row, "seen")));
        return;
    }
    fail_msg("no row %s", what);
}

// ---- Dolby Vision

#define SHOT(in, duration, more)                                                                   \
    "<Shot><UniqueID>x</UniqueID><Record><In>" #in "</In><Duration>" #duration                     \
    "</Duration></Record>" more "</Shot>\n"
#define MDF(rate, shots)                                                                           \
    "<?xml version=\"1.0\"?>\n<DolbyLabsMDF xmlns=\"http://www.dolby.com/schemas/dvmd/4_0_2\" "    \
    "version=\"4.0.2\"><Outputs><Output><CompositionName>Film</"                                   \
    "CompositionName><Video><Track>" rate                                                          \
    "<PluginNode><DVGlobalData level=\"0\"><MasteringDisplay level=\"0\"><PeakBrightness>1000"     \
    "</PeakBrightness><MinimumBrightness>0.0001</MinimumBrightness></MasteringDisplay>"            \
    "</DVGlobalData><Level6 level=\"6\"><MaxCLL>997</MaxCLL><MaxFALL>391</MaxFALL></Level6>"       \
    "</PluginNode>\n" shots "</Track></Video></Output></Outputs></DolbyLabsMDF>"
#define R23 "<EditRate>24000 1001</EditRate>"

static json_t *dolby_rows(const char *xml, bool *fits)
{
    struct dolby *d;
    struct error err;
    if (!dolby_read("x.xml", text_of(xml), &d, &err))
        fail_msg("%s: %s", err.what, err.why);
    json_t *facts = facts_of(192), *rows = dolby_fit(d, facts, fits);
    json_decref(facts);
    dolby_close(d);
    return rows;
}

static void dolby_vision_of_the_picture_fits_it(void **state)
{
    (void)state;
    static const char *const good[] = {
        MDF(R23, SHOT(0, 40, "") SHOT(40, 60, "<Frame><EditOffset>59</EditOffset></Frame>")
                     SHOT(100, 92, "")),
        MDF(R23, SHOT(86440, 152, "") SHOT(86400, 40, "")),            // by timecode, in any order
        MDF("<Rate><n>24000</n><d>1001</d></Rate>", SHOT(0, 192, "")), // 2.0.5
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        bool fits;
        json_t *rows = dolby_rows(good[i], &fits);
        row_is(rows, "Dolby Vision: shots", "ok");
        row_is(rows, "Dolby Vision: start", "ok");
        assert_true(fits);
        json_decref(rows);
    }
    struct dolby *d;
    struct error err;
    assert_true(dolby_read("x.xml", text_of(good[0]), &d, &err));
    assert_string_equal(d->version, "4.0.2");
    assert_string_equal(d->title, "Film");
    assert_int_equal(d->count, 3);
    assert_int_equal(d->max_cll, 997);
    assert_int_equal(d->max_fall, 391);
    assert_true(d->mastering_peak > 999.9 && d->mastering_peak < 1000.1);
    dolby_close(d);
}

static void dolby_vision_of_another_cut_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *row;
    } bad[] = {
        {MDF(R23, SHOT(0, 40, "") SHOT(41, 151, "")), "Dolby Vision: shots"},
        {MDF(R23, SHOT(0, 41, "") SHOT(40, 152, "")), "Dolby Vision: shots"},
        {MDF(R23, SHOT(0, 40, "") SHOT(40, 100, "")), "Dolby Vision: length"},
        {MDF("<EditRate>24 1</EditRate>", SHOT(0, 192, "")), "Dolby Vision: rate"},
        {MDF("", SHOT(0, 192, "")), "Dolby Vision: rate"},
        {MDF(R23, SHOT(24, 192, "")), "Dolby Vision: start"},
        {MDF(R23, SHOT(0, 192, "<Frame><EditOffset>192</EditOffset></Frame>")),
         "Dolby Vision: frames of shots"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool fits;
        json_t *rows = dolby_rows(bad[i].xml, &fits);
        row_is(rows, bad[i].row, "no");
        assert_false(fits);
        json_decref(rows);
    }
}

static void what_is_no_dolby_vision_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "<a/>",
                                      "<DolbyLabsMDF version=\"4\"/>",
                                      "<!DOCTYPE a><DolbyLabsMDF/>",
                                      MDF(R23, ""),
                                      MDF(R23, "<Shot><Record><In>0</In></Record></Shot>"),
                                      MDF(R23, SHOT(0, 0, "")),
                                      MDF(R23, SHOT(0, 192, "")) "<more/>"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct dolby *d;
        struct error err;
        if (dolby_read("x.xml", text_of(bad[i]), &d, &err) || !*err.why)
            fail_msg("%zu is taken", i);
    }
}

// ---- ADM

struct making {
    uint8_t at[16384];
    size_t size;
};

static void put(struct making *m, const void *at, size_t size)
{
    assert_true(m->size + size <= sizeof(m->at));
    memcpy(m->at + m->size, at, size);
    m->size += size;
}

static void number(struct making *m, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        uint8_t b = (uint8_t)(v >> 8 * i);
        put(m, &b, 1);
    }
}

struct adm_wish {
    int said, rows, track; // of chna
    const char *pack, *uid, *ref;
    bool rf64, no_axml, cut;
};

static void make_adm(struct making *m, const struct adm_wish *w)
{
    enum { SAMPLES = 500 };
    char axml[2000];
    *m = (struct making){.size = 0};
    put(m, w->rf64 ? "RF64\xff\xff\xff\xffWAVE" : "RIFF\0\0\0\0WAVE", 12);
    if (w->rf64) {
        put(m, "ds64", 4), number(m, 28, 4), number(m, 0, 8);
        number(m, SAMPLES * 6, 8), number(m, SAMPLES, 8), number(m, 0, 4);
    }
    put(m, "fmt ", 4), number(m, 16, 4), number(m, 1, 2), number(m, 2, 2), number(m, 48000, 4);
    number(m, 288000, 4), number(m, 6, 2), number(m, 24, 2);
    put(m, "chna", 4), number(m, 4 + 40 * (uint64_t)w->rows, 4), number(m, 2, 2);
    number(m, (uint64_t)w->said, 2);
    for (int i = 0; i < w->rows; i++) {
        char row[80];
        number(m, (uint64_t)(i < 2 ? i ? w->track : 1 : 0), 2);
        snprintf(row, sizeof(row), "%.11s%dAT_0003100%d_01%.11s", i == 1 ? w->uid : "ATU_0000000",
                 i + 1, i + 1, w->pack);
        put(m, row, 37), number(m, 0, 1);
    }
    snprintf(axml, sizeof(axml),
             "<ebuCoreMain xmlns=\"urn:ebu:metadata-schema:ebuCore_2015\"><coreMetadata><format>"
             "<audioFormatExtended><audioProgramme audioProgrammeID=\"APR_1001\"/>"
             "<audioObject audioObjectID=\"AO_1001\"><audioTrackUIDRef>ATU_00000001"
             "</audioTrackUIDRef><audioTrackUIDRef>%s</audioTrackUIDRef></audioObject>"
             "<audioTrackUID UID=\"ATU_00000001\"><audioTrackFormatIDRef>AT_00031001_01"
             "</audioTrackFormatIDRef><audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef>"
             "</audioTrackUID><audioTrackUID UID=\"ATU_00000002\"><audioTrackFormatIDRef>"
             "AT_00031002_01</audioTrackFormatIDRef><audioPackFormatIDRef>AP_00031001"
             "</audioPackFormatIDRef></audioTrackUID></audioFormatExtended></format>"
             "</coreMetadata></ebuCoreMain>",
             w->ref);
    if (!w->no_axml) {
        size_t size = strlen(axml);
        put(m, "axml", 4), number(m, size, 4), put(m, axml, size);
        if (size & 1)
            number(m, 0, 1);
    }
    put(m, "dbmd", 4), number(m, 4, 4), number(m, 0, 4);
    put(m, "data", 4), number(m, w->rf64 ? UINT32_MAX : SAMPLES * 6, 4);
    for (int i = 0; i < SAMPLES * 6 - (w->cut ? 6 : 0); i++)
        number(m, 0, 1);
}

#define GOOD                                                                                       \
    .said = 2, .rows = 2, .track = 2, .pack = "AP_00031001", .uid = "ATU_0000000",                 \
    .ref = "ATU_00000002"

static json_t *adm_rows(const struct adm_wish *w, int frames, bool *fits)
{
    struct making m;
    struct adm *a;
    struct error err;
    make_adm(&m, w);
    if (!adm_read("x.wav", (text){(const char *)m.at, m.size}, &a, &err))
        fail_msg("%s: %s", err.what, err.why);
    assert_int_equal(a->samples, 500);
    assert_int_equal(a->channels, 2);
    assert_true(a->atmos);
    json_t *facts = facts_of(frames), *rows = adm_fit(a, facts, fits);
    json_decref(facts);
    adm_close(a);
    return rows;
}

static void an_atmos_master_is_held_against_itself_and_the_picture(void **state)
{
    (void)state;
    static const struct {
        struct adm_wish w;
        int frames; // 500 samples are a quarter of a frame
        const char *row, *state;
    } rows[] = {
        {{GOOD}, 0, "ADM: length", "ok"},
        {{GOOD, .rf64 = true}, 0, "ADM: chna and axml", "ok"},
        {{GOOD}, 24, "ADM: length", "no"},
        {{GOOD, .rows = 3}, 0, "ADM: chna", "ok"}, // a row of room
        {{GOOD, .said = 3}, 0, "ADM: chna", "no"},
        {{GOOD, .track = 3}, 0, "ADM: chna", "no"},
        {{GOOD, .pack = "AP_00031003"}, 0, "ADM: chna and axml", "no"},
        {{GOOD, .uid = "ATU_0000001"}, 0, "ADM: chna and axml", "no"},
        {{GOOD, .ref = "ATU_00000009"}, 0, "ADM: chna and axml", "no"},
        {{GOOD, .rows = 1, .said = 1}, 0, "ADM: chna and axml", "no"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool fits;
        json_t *list = adm_rows(&rows[i].w, rows[i].frames, &fits);
        row_is(list, rows[i].row, rows[i].state);
        assert_int_equal(fits, strcmp(rows[i].state, "ok") == 0);
        json_decref(list);
    }
}

static void a_wave_file_that_is_cut_off_or_has_no_model_is_refused(void **state)
{
    (void)state;
    const struct adm_wish bad[] = {{GOOD, .cut = true}, {GOOD, .no_axml = true}};
    struct making m;
    struct adm *a;
    struct error err;
    for (size_t i = 0; i < 2; i++) {
        make_adm(&m, &bad[i]);
        if (adm_read("x.wav", (text){(const char *)m.at, m.size}, &a, &err) || !*err.why ||
            !*err.fix)
            fail_msg("%zu is taken", i);
    }
    make_adm(&m, &(struct adm_wish){GOOD});
    for (size_t size = 0; size < m.size; size += 7)
        assert_false(adm_read("x.wav", (text){(const char *)m.at, size}, &a, &err));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dolby_vision_of_the_picture_fits_it),
        cmocka_unit_test(dolby_vision_of_another_cut_is_told_apart),
        cmocka_unit_test(what_is_no_dolby_vision_is_refused_with_its_line),
        cmocka_unit_test(an_atmos_master_is_held_against_itself_and_the_picture),
        cmocka_unit_test(a_wave_file_that_is_cut_off_or_has_no_model_is_refused),
    };
    return RUN_TESTS(tests);
}
