#include "test.h"

#include "house/qc/qc.h"
#include "house/qc/reports.h"
#include "plat/hash.h"

#include <dirent.h>
#include <math.h>

enum { FRAMES = 100 };

static json_t *rules_of(const char *rule)
{
    char all[2000];
    struct error err;
    json_t *rules = NULL;
    snprintf(all, sizeof(all),
             "{\"name\": \"t\", \"title\": \"t\", \"description\": \"t\", \"rules\": [\n{\"id\": "
             "\"one\", "
             "\"clause\": \"c\", \"source\": \"s\", \"date\": \"d\", \"severity\": \"fix\",\n%s}]}",
             rule);
    if (!qc_rules_read("t.json", text_of(all), &rules, &err))
        fail_msg("%s: %s", err.what, err.why);
    return rules;
}

static void rules_that_are_wrong_are_refused_by_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *from, *why;
    } cases[] = {
        {"{\"name\": \"a\",\n \"title\" 1}", "line 2"},
        {"{}", "needs \"name\""},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[\n\n{\"id\":\"x\"}]}",
         "line 3: the rule needs \"check\""},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[\n{\"id\":\"x\","
         "\"check\":\"freez\",\"clause\":\"a\","
         "\"source\":\"a\",\"date\":\"a\",\"severity\":\"fix\"}]}",
         "line 2: there is no check \"freez\"; did you mean freeze"},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[\n{\"id\":\"x\","
         "\"check\":\"freeze\",\"clause\":\"a\","
         "\"source\":\"a\",\"date\":\"a\",\"severity\":\"fix\"}]}",
         "needs the number \"least_ms\""},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[\n{\"id\":\"x\","
         "\"check\":\"cadence\",\"clause\":\"a\","
         "\"source\":\"a\",\"date\":\"a\",\"severity\":\"bad\"}]}",
         "\"severity\" is fix"},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[\n{\"id\":\"x\","
         "\"check\":\"cadence\",\"clause\":\"a\","
         "\"source\":\"a\",\"date\":\"a\",\"severity\":\"fix\",\"most\":1}]}",
         "\"most\" is not a field"},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[\n{\"id\":\"x\","
         "\"check\":\"dialogue-loudness\",\"target_lufs\":-27,\"tolerance_lu\":2,"
         "\"least_speech_percent\":15,\"little\":\"shrug\",\"clause\":\"a\",\"source\":\"a\","
         "\"date\":\"a\",\"severity\":\"fix\"}]}",
         "\"little\" can not be that"},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\n\"bass\":\"broadcast\","
         "\"rules\":[{}]}",
         "line 2: \"bass\" is not a field of a set; did you mean base"},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\n\"source\":{\"title\":\"t\"},"
         "\"rules\":[{}]}",
         "line 2: \"source\" has"},
        {"{\"name\":\"a\",\"title\":\"a\",\"description\":\"a\",\"rules\":[{\"id\":\"x\","
         "\"check\":\"cadence\",\"clause\":\"a\",\"source\":\"a\",\"date\":\"a\",\"severity\":"
         "\"fix\"}],"
         "\n\"codes\":[{\"code\":\"P\",\"title\":\"x\",\"severity\":\"bad\"}]}",
         "line 2: a code has"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err;
        json_t *rules;
        assert_false(qc_rules_read("r.json", text_of(cases[i].from), &rules, &err));
        if (!strstr(err.why, cases[i].why))
            fail_msg("%zu: %s", i, err.why);
    }
}

static void the_rules_of_the_house_can_be_read(void **state)
{
    (void)state;
    struct error err;
    json_t *rules;
    json_t *raw = json_load_file(RULES "/broadcast.json", 0, NULL);
    char *text = json_dumps(raw, 0);
    assert_true(qc_rules_read("broadcast.json", text_of(text), &rules, &err));
    assert_true(json_array_size(json_object_get(rules, "rules")) > 25);
    json_decref(rules);
    json_decref(raw);
    free(text);
}

static const json_t *rule_with(const json_t *rules, const char *id)
{
    size_t i;
    const json_t *rule;
    json_array_foreach(json_object_get(rules, "rules"), i, rule)
    {
        if (strcmp(json_string_value(json_object_get(rule, "id")), id) == 0)
            return rule;
    }
    return NULL;
}

static void a_set_says_only_how_it_differs_from_its_base(void **state)
{
    (void)state;
    struct error err;
    json_t *base = json_pack("{s:s, s:[{s:s, s:i}, {s:s, s:i}], s:[{s:s}]}", "name", "base",
                             "rules", "id", "a", "n", 1, "id", "b", "n", 1, "codes", "code", "X");
    json_t *set = json_pack("{s:s, s:s, s:[s], s:[{s:s, s:i}, {s:s, s:i}]}", "name", "mine",
                            "base", "base", "without", "a", "rules", "id", "b", "n", 2, "id", "c",
                            "n", 3);
    assert_true(qc_rules_on(base, &set, &err));
    assert_null(rule_with(set, "a"));
    assert_int_equal(json_integer_value(json_object_get(rule_with(set, "b"), "n")), 2);
    assert_int_equal(json_integer_value(json_object_get(rule_with(set, "c"), "n")), 3);
    assert_int_equal(json_array_size(json_object_get(set, "codes")), 1);
    assert_null(json_object_get(set, "base"));
    // what it began from is as it was
    assert_int_equal(json_integer_value(json_object_get(rule_with(base, "b"), "n")), 1);
    json_object_set_new(set, "without", json_pack("[s]", "nothing"));
    assert_false(qc_rules_on(base, &set, &err));
    assert_non_null(strstr(err.why, "the rule nothing"));
    json_decref(base);
    json_decref(set);
}

static double number_of(const json_t *o, const char *name, double otherwise)
{
    const json_t *value = json_object_get(o, name);
    return value ? json_number_value(value) : otherwise;
}

// What a profile says of loudness and what its set says are one thing in two places.
static void agrees(const json_t *profile, const json_t *rules)
{
    const json_t *asked = json_object_get(profile, "loudness");
    const json_t *loudness = rule_with(rules, "loudness"), *peak = rule_with(rules, "true-peak");
    const char *method = json_string_value(json_object_get(asked, "method"));
    static const char *const pairs[][2] = {{"target", "target_lufs"},
                                           {"within", "tolerance_lu"},
                                           {"flag", "flag_lu"},
                                           {"little_target", "little_target_lufs"}};
    if (!json_object_get(asked, "target"))
        return;
    assert_string_equal(json_string_value(json_object_get(loudness, "check")),
                        strstr(method, "dialogue") ? "dialogue-loudness" : "loudness");
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_float_equal(number_of(asked, pairs[i][0], 99), number_of(loudness, pairs[i][1], 99),
                           1e-9);
    assert_float_equal(number_of(asked, "true_peak", 99), number_of(peak, "most_dbtp", 99), 1e-9);
    assert_float_equal(number_of(asked, "true_peak_flag", 99), number_of(peak, "flag_dbtp", 99),
                       1e-9);
}

static void each_profile_of_an_outlet_names_a_set_that_says_the_same_of_loudness(void **state)
{
    (void)state;
    struct error err;
    DIR *folder = opendir(PROFILES);
    int outlets = 0;
    assert_non_null(folder);
    for (struct dirent *one; (one = readdir(folder));) {
        char path[600];
        json_t *rules;
        if (one->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", PROFILES, one->d_name);
        json_t *profile = json_load_file(path, 0, NULL);
        const char *name = json_string_value(json_object_get(profile, "qc"));
        if (!name != !json_object_get(profile, "source"))
            fail_msg("%s: an outlet has a set of rules, the house's own has none", one->d_name);
        if (name) {
            if (!qc_rules_load(RULES, name, &rules, &err))
                fail_msg("%s: %s: %s", one->d_name, err.what, err.why);
            assert_non_null(json_object_get(rules, "source"));
            assert_true(json_array_size(json_object_get(rules, "codes")) > 20);
            agrees(profile, rules);
            json_decref(rules);
            outlets++;
        }
        json_decref(profile);
    }
    closedir(folder);
    assert_true(outlets >= 8);
}

struct film {
    struct measure m;
    struct measure_frame at[FRAMES];
};

// A moving picture without faults.
static struct film *film(void)
{
    struct film *f = calloc(1, sizeof(*f));
    f->m = (struct measure){
        .summary = json_pack("{s:[]}", "tracks"), .rate = {25, 1}, .frames = FRAMES, .at = f->at};
    for (int i = 0; i < FRAMES; i++)
        f->at[i] = (struct measure_frame){.mean = 6000,
                                          .lit = 9000,
                                          .change = 3000,
                                          .even = 3000,
                                          .odd = 3000,
                                          .cell_change = 1000,
                                          .cell_two = 1900,
                                          .alike = 9900,
                                          .brighter = 5000};
    f->at[0].change = f->at[0].cell_change = 0;
    return f;
}

static json_t *report_of(struct film *f, const char *rule)
{
    json_t *rules = rules_of(rule), *report = qc_judge(&f->m, rules);
    json_decref(rules);
    json_decref(f->m.summary);
    free(f);
    return report;
}

static void one_finding(struct film *f, const char *rule, int from, int to)
{
    json_t *report = report_of(f, rule), *list = json_object_get(report, "findings");
    assert_int_equal(json_array_size(list), from >= 0);
    assert_string_equal(json_string_value(json_object_get(report, "verdict")),
                        from >= 0 ? "fix" : "pass");
    if (from >= 0) {
        assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "from")),
                         from);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "to")), to);
    }
    json_decref(report);
}

static const char freeze[] = "\"check\": \"freeze\", \"least_ms\": 200, \"change\": 60";

static void what_stops_is_frozen_and_what_never_moved_is_a_still(void **state)
{
    (void)state;
    struct film *f = film();
    for (int i = 40; i < 60; i++)
        f->at[i].change = 0, f->at[i].still = 10000;
    one_finding(f, freeze, 40, 59);
    f = film();
    f->at[39] = (struct measure_frame){
        .mean = 6000, .lit = 9000, .change = 90000, .cell_change = 60000, .alike = 100};
    for (int i = 40; i < 60; i++) // after a cut
        f->at[i].change = 0;
    for (int i = 30; i < 39; i++)
        f->at[i].change = 0;
    for (int i = 0; i < 30; i++) // it stood from the start
        f->at[i].change = 0;
    one_finding(f, freeze, -1, -1);
}

static const char black[] = "\"check\": \"black\", \"most_ms\": 480";

static void black_after_a_hard_cut_is_a_fault_and_black_after_a_fade_is_not(void **state)
{
    (void)state;
    struct film *f = film();
    f->at[50].lit = f->at[51].lit = 0;
    f->at[50].mean = f->at[51].mean = 64 * 16;
    one_finding(f, black, 50, 51);
    f = film();
    for (int i = 0; i < 10; i++)
        f->at[40 + i].mean = (uint32_t)(6000 - i * 540);
    for (int i = 50; i < 55; i++)
        f->at[i].lit = 0, f->at[i].mean = 64 * 16;
    one_finding(f, black, -1, -1);
}

static const char flash[] = "\"check\": \"flash\", \"area_percent\": 25, \"flashes\": 3";

static void three_flashes_a_second_are_allowed_and_four_are_not(void **state)
{
    (void)state;
    for (int every = 3; every <= 4;
         every++) { // turns a frame: 25 / 3 / 2 = 4.2 Hz, 25 / 4 / 2 = 3.1
        struct film *f = film();
        for (int i = 20, k = 0; i < 20 + every * 7; i += every, k++)
            *(k % 2 ? &f->at[i].flash_down : &f->at[i].flash_up) = 9000;
        one_finding(f, flash, 20, 20 + every * 6);
    }
    struct film *f = film();
    for (int i = 0, k = 0; i < FRAMES; i += 5, k++) // 2.5 Hz
        *(k % 2 ? &f->at[i].flash_down : &f->at[i].flash_up) = 9000;
    one_finding(f, flash, -1, -1);
    f = film();
    for (int i = 0, k = 0; i < FRAMES;
         i += 2, k++) // fast, but of less than a quarter of the picture
        *(k % 2 ? &f->at[i].flash_down : &f->at[i].flash_up) = 2400;
    one_finding(f, flash, -1, -1);
}

// Sound of which only the sums count.
static json_t *heard(double integrated, double dialogue, double speech, const char *rule)
{
    struct film *f = film();
    struct measure_sound silence = {0};
    struct measure_track track = {1, 48000, 0, &silence};
    json_array_append_new(json_object_get(f->m.summary, "tracks"),
                          json_pack("{s:s, s:{s:f, s:f, s:f}}", "layout", "mono", "loudness",
                                    "integrated", integrated, "dialogue", dialogue, "speech",
                                    speech));
    f->m.track_count = 1, f->m.tracks = &track;
    return report_of(f, rule);
}

static void dialogue_is_held_against_two_numbers_and_too_little_of_it_is_said(void **state)
{
    (void)state;
#define DIALOGUE(more)                                                                             \
    "\"check\": \"dialogue-loudness\", \"target_lufs\": -27, \"tolerance_lu\": 2, \"flag_lu\": "  \
    "3, \"least_speech_percent\": 15" more
#define PROGRAMME ", \"little\": \"programme\", \"little_target_lufs\": -24"
    static const struct {
        double integrated, dialogue, speech;
        const char *rule, *found; // severities and the beginning of what is seen
    } rows[] = {
        {-20, -25.04, 0.5, DIALOGUE(""), ""}, // as a meter shows it
        {-20, -24.9, 0.5, DIALOGUE(""), "issue dialogue loudness -24.9"},
        {-20, -29.9, 0.5, DIALOGUE(""), "issue dialogue loudness -29.9"},
        {-20, -23.8, 0.5, DIALOGUE(""), "fix dialogue loudness -23.8"},
        {-20, -27, 0.14, DIALOGUE(""), "issue too little dialogue"},
        {-20, -27, 0.14, DIALOGUE(", \"little\": \"say\""), "issue too little dialogue"},
        {-24.5, -200, 0, DIALOGUE(PROGRAMME), "information too little dialogue"},
        {-21.5, -27, 0.1, DIALOGUE(PROGRAMME),
         "issue programme loudness -21.5 LUFS; information too little dialogue"},
        {-27.5, -27, 0.1, DIALOGUE(PROGRAMME),
         "fix programme loudness -27.5 LUFS; information too little dialogue"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *report =
            heard(rows[i].integrated, rows[i].dialogue, rows[i].speech, rows[i].rule);
        const json_t *f, *list = json_object_get(report, "findings");
        char all[600] = "";
        size_t k, used = 0;
        json_array_foreach(list, k, f) used +=
            (size_t)snprintf(all + used, sizeof(all) - used, "%s%s %s", k ? "; " : "",
                             json_string_value(json_object_get(f, "severity")),
                             json_string_value(json_object_get(f, "seen")));
        if (rows[i].found[0] ? strncmp(all, rows[i].found, strlen(rows[i].found)) != 0 : all[0])
            fail_msg("%zu: %s, not %s", i, all, rows[i].found);
        json_decref(report);
    }
}

static void a_peak_below_the_flag_limit_is_an_issue_and_one_above_it_is_to_fix(void **state)
{
    (void)state;
    static const struct {
        int16_t peak; // 1/100 dBTP
        const char *severity;
    } rows[] = {{-205, NULL}, {-150, "issue"}, {-100, "issue"}, {-50, "fix"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct film *f = film();
        struct measure_sound at[FRAMES];
        for (int k = 0; k < FRAMES; k++)
            at[k] = (struct measure_sound){.true_peak = k == 30 ? rows[i].peak : -2000};
        struct measure_track track = {1, 48000, FRAMES, at};
        json_array_append_new(json_object_get(f->m.summary, "tracks"),
                              json_pack("{s:s}", "layout", "mono"));
        f->m.track_count = 1, f->m.tracks = &track;
        json_t *report =
            report_of(f, "\"check\": \"true-peak\", \"most_dbtp\": -2, \"flag_dbtp\": -1");
        const json_t *one = json_array_get(json_object_get(report, "findings"), 0);
        assert_int_equal(one != NULL, rows[i].severity != NULL);
        if (one) {
            assert_string_equal(json_string_value(json_object_get(one, "severity")),
                                rows[i].severity);
            assert_int_equal(json_integer_value(json_object_get(one, "from")), 30);
        }
        json_decref(report);
    }
}

static void bytes_that_are_not_what_was_stored_are_to_fix(void **state)
{
    (void)state;
    json_t *report = report_of(film(), black);
    json_t *read = json_pack("[{s:s, s:i, s:s}]", "name", "a.mov", "size", 3, "content",
                             sha256_text(&(sha256){{1}}).text);
    json_t *stored = json_pack("[{s:s, s:s}]", "name", "card/a.mov", "content",
                               sha256_text(&(sha256){{1}}).text);
    qc_report_bytes(report, read, stored);
    assert_true(json_is_true(json_object_get(json_object_get(report, "bytes"), "holds")));
    assert_string_equal(json_string_value(json_object_get(report, "verdict")), "pass");
    json_object_set_new(json_array_get(stored, 0), "content",
                        json_string(sha256_text(&(sha256){{2}}).text));
    qc_report_bytes(report, read, stored);
    const json_t *f = json_array_get(json_object_get(report, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(f, "check")), "hash");
    assert_string_equal(json_string_value(json_object_get(f, "where")), "card/a.mov");
    assert_string_equal(json_string_value(json_object_get(report, "verdict")), "fix");
    json_decref(read);
    json_decref(stored);
    json_decref(report);
}

static void a_report_becomes_a_page_and_a_pdf_whose_table_holds(void **state)
{
    (void)state;
    struct film *f = film();
    f->at[50].lit = 0;
    f->at[50].mean = 64 * 16;
    json_t *report = report_of(f, black);
    struct buf page = BUF_LIMIT(1 << 20), pdf = BUF_LIMIT(1 << 20);
    qc_report_html(report, "reel <1> & \"2\"", NULL, NULL, &page);
    assert_non_null(strstr(page.at, "reel &lt;1&gt; &amp; &quot;2&quot;"));
    assert_non_null(strstr(page.at, "00:00:02:00, frame 50"));
    qc_report_pdf(report, "reel (1)", NULL, NULL, &pdf);
    const char *end = strstr(pdf.at + 20, "startxref\n");
    assert_non_null(end);
    const char *table = pdf.at + atol(end + 10);
    assert_memory_equal(table, "xref\n0 ", 7);
    int objects = atoi(table + 7);
    const char *row = strchr(table + 7, '\n') + 1 + 20; // after the free one
    for (int i = 1; i < objects; i++, row += 20) {      // each offset is where its object begins
        char wanted[24];
        int size = snprintf(wanted, sizeof(wanted), "%d 0 obj", i);
        assert_memory_equal(pdf.at + atol(row), wanted, (size_t)size);
    }
    buf_free(&page);
    buf_free(&pdf);
    json_decref(report);
}

static void a_measurement_is_read_back_as_it_was_written_and_cut_ones_are_refused(void **state)
{
    (void)state;
    struct film *f = film();
    struct measure_sound sound[4] = {{.peak = -100, .with = -1000, .click = 5},
                                     {.rms = MEASURE_SILENT}};
    struct measure_track track = {2, 48000, 2, sound};
    json_array_append_new(json_object_get(f->m.summary, "tracks"),
                          json_pack("{s:s}", "layout", "stereo"));
    f->m.track_count = 1, f->m.tracks = &track;
    struct buf file = BUF_LIMIT(1 << 20);
    measure_write(&f->m, &file);
    struct measure *m;
    struct error err;
    assert_true(measure_read((text){file.at, file.size}, &m, &err));
    assert_int_equal(m->frames, FRAMES);
    assert_memory_equal(m->at, f->at, sizeof(f->at));
    assert_memory_equal(m->tracks[0].at, sound, sizeof(sound));
    measure_close(m);
    for (size_t size = 0; size < file.size; size += 7)
        assert_false(measure_read((text){file.at, size}, &m, &err));
    buf_free(&file);
    json_decref(f->m.summary);
    free(f);
}

// An hour at 25 of steady sound that is louder for ten seconds, with one true peak over the limit.
static void an_hour_of_loudness_is_told_in_little_room(void **state)
{
    (void)state;
    enum { BLOCKS = 36000, WINDOWS = 90000, PEAK = 45123 };
    struct measure_sound *sound = calloc(WINDOWS, sizeof(*sound));
    json_t *blocks = json_array();
    for (int i = 0; i < BLOCKS; i++)
        json_array_append_new(blocks, json_integer(i >= 18000 && i < 18100 ? -1700 : -2300));
    for (int i = 0; i < WINDOWS; i++)
        sound[i] = (struct measure_sound){.true_peak = i == PEAK ? -42 : -600};
    struct measure_track track = {1, 48000, WINDOWS, sound};
    struct measure m = {.rate = {25, 1}, .frames = WINDOWS, .track_count = 1, .tracks = &track};
    m.summary = json_pack("{s:[{s:s, s:{s:f, s:f}, s:o}]}", "tracks", "layout", "mono", "loudness",
                          "integrated", -22.9, "range", 1.0, "blocks", blocks);
    json_t *rules = rules_of("\"check\": \"true-peak\", \"most_dbtp\": -1"),
           *to = qc_timeline(&m, rules);
    assert_non_null(to);
    json_t *own = json_array_get(json_object_get(to, "programmes"), 0);
    char *text = json_dumps(to, JSON_COMPACT);
    if (strlen(text) > 24000)
        fail_msg("an hour takes %zu bytes", strlen(text));
    free(text);
    assert_int_equal(json_integer_value(json_object_get(own, "point_ms")), 3000);
    const json_t *curve = json_object_get(own, "short"), *peaks = json_object_get(own, "peaks");
    assert_int_equal(json_array_size(curve), 1200);
    assert_int_equal(json_integer_value(json_array_get(curve, 0)), -230);
    assert_int_equal(json_integer_value(json_array_get(curve, 601)), -170);
    assert_int_equal(json_integer_value(json_array_get(peaks, PEAK / 75)), -4);
    const json_t *over = json_object_get(own, "over");
    assert_int_equal(json_array_size(over), 1);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(over, 0), 0)), PEAK);
    assert_true(
        fabs(json_number_value(json_object_get(json_object_get(to, "limits"), "most_dbtp")) + 1) <
        1e-9);
    json_decref(to);
    json_object_del(json_array_get(json_object_get(m.summary, "tracks"), 0), "blocks");
    assert_null(qc_timeline(&m, rules)); // of an older measurement
    json_decref(m.summary);
    json_decref(rules);
    free(sound);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_are_wrong_are_refused_by_their_line),
        cmocka_unit_test(the_rules_of_the_house_can_be_read),
        cmocka_unit_test(a_set_says_only_how_it_differs_from_its_base),
        cmocka_unit_test(each_profile_of_an_outlet_names_a_set_that_says_the_same_of_loudness),
        cmocka_unit_test(dialogue_is_held_against_two_numbers_and_too_little_of_it_is_said),
        cmocka_unit_test(a_peak_below_the_flag_limit_is_an_issue_and_one_above_it_is_to_fix),
        cmocka_unit_test(bytes_that_are_not_what_was_stored_are_to_fix),
        cmocka_unit_test(what_stops_is_frozen_and_what_never_moved_is_a_still),
        cmocka_unit_test(black_after_a_hard_cut_is_a_fault_and_black_after_a_fade_is_not),
        cmocka_unit_test(three_flashes_a_second_are_allowed_and_four_are_not),
        cmocka_unit_test(a_report_becomes_a_page_and_a_pdf_whose_table_holds),
        cmocka_unit_test(a_measurement_is_read_back_as_it_was_written_and_cut_ones_are_refused),
        cmocka_unit_test(an_hour_of_loudness_is_told_in_little_room),
    };
    return RUN_TESTS(tests);
}
