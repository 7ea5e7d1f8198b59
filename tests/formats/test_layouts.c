// Layouts, and the ways from a master's channels to a deliverable's.
#include "test.h"

#include "formats/layouts/layouts.h"
#include "formats/profile/profile.h"
#include "formats/profile/routes.h"

static void every_layout_has_its_channels_once_and_is_named(void **state)
{
    (void)state;
    text rest = text_trim(text_of(layout_names()));
    while (rest.size) {
        char name[32];
        int place[LAYOUT_CHANNELS], order[LAYOUT_CHANNELS];
        uint32_t seen = 0, placed = 0;
        assert_true(text_copy(text_cut(&rest, ' '), name, sizeof(name)));
        const struct layout *l = layout_named(name);
        assert_non_null(l);
        if (!l->count)
            continue;
        assert_true(layout_mask(l, place) != 0);
        for (int i = 0; i < l->count; i++) {
            assert_false(seen & 1u << l->at[i]);
            seen |= 1u << l->at[i];
            placed |= 1u << place[i];
        }
        assert_int_equal(placed, (1u << l->count) - 1);
        static const char *const orders[] = {"smpte", "itu", "film", "dts", "mpeg"};
        for (size_t k = 0; k < 5; k++) {
            uint32_t all = 0;
            assert_true(layout_order(l, orders[k], order));
            for (int i = 0; i < l->count; i++)
                all |= 1u << order[i];
            assert_int_equal(all, (1u << l->count) - 1);
        }
    }
}

static void orders_are_those_of_the_trade(void **state)
{
    (void)state;
    static const struct {
        const char *layout, *order, *wanted;
    } rows[] = {
        {"5.1", "smpte", "L R C LFE Ls Rs"},
        {"5.1", "film", "L C R Ls Rs LFE"},
        {"5.1", "dts", "L R Ls Rs C LFE"},
        {"5.1", "mpeg", "C L R Ls Rs LFE"},
        {"7.1", "smpte", "L R C LFE Lss Rss Lrs Rrs"},
        {"7.1", "film", "L C R Lss Rss Lrs Rrs LFE"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct layout *l = layout_named(rows[i].layout);
        int to[LAYOUT_CHANNELS];
        char seen[80] = "";
        assert_true(layout_order(l, rows[i].order, to));
        for (int c = 0; c < l->count; c++)
            snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s", c ? " " : "",
                     channel_row(l->at[to[c]])->label);
        assert_string_equal(seen, rows[i].wanted);
    }
    // Microsoft's mask has the rear channels before those at the side.
    int place[LAYOUT_CHANNELS];
    assert_int_equal(layout_mask(layout_named("7.1"), place), 0x63f);
    assert_int_equal(place[4], 6);
    assert_int_equal(place[6], 4);
    assert_int_equal(layout_mask(layout_named("5.1"), place), 0x3f);
}

static void what_libav_says_of_channels_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        int count;
        const char *layout;
        bool is_said;
    } rows[] = {
        {"5.1", 6, "5.1", true},
        {"5.1(side)", 6, "5.1", true},
        {"unknown", 6, "5.1", false},
        {"6 channels", 6, "5.1", false},
        {"7.1", 8, "7.1", true},
        {"downmix", 2, "lt-rt", true},
        {"12 channels (FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR)", 12, "7.1.4", true},
        {"10 channels (FL+FR+FC+LFE+BL+BR+TFL+TFR+TBL+TBR)", 10, "5.1.4", true},
        {"mono", 1, "mono", true},
        {"unknown", 16, NULL, false},
        {"1 channels (FL)", 1, NULL, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum channel at[LAYOUT_DISCRETE];
        bool said;
        const struct layout *l = layout_seen(rows[i].said, rows[i].count, at, &said);
        if ((l ? l->name : NULL) != rows[i].layout &&
            (!l || !rows[i].layout || strcmp(l->name, rows[i].layout) != 0))
            fail_msg("%s is taken for %s", rows[i].said, l ? l->name : "nothing");
        if (said != rows[i].is_said && rows[i].count != 1)
            fail_msg("%s: said is %d", rows[i].said, said);
    }
}

// ---- routes

static json_t *monos(int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:i, s:s}", "channels", 1, "layout", "mono"));
    return json_pack("{s:o}", "audio", list);
}

static json_t *one(const char *layout, int channels)
{
    return json_pack("{s:[{s:i, s:s, s:s}]}", "audio", "channels", channels, "layout", layout,
                     "language", "eng");
}

// "L<1.1 R<2.1 | ...": each channel and what it is made of.
static char *drawn(const struct routes *r)
{
    static char to[600];
    to[0] = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (i)
            strcat(to, " |");
        for (int c = 0; c < r->at[i].channels; c++) {
            const struct route_channel *ch = &r->at[i].at[c];
            enum channel label = r->at[i].split != CHANNEL_NO ? r->at[i].split : ch->label;
            snprintf(to + strlen(to), sizeof(to) - strlen(to), "%s%s<", i || c ? " " : "",
                     channel_row(label)->label);
            for (size_t k = 0; k < ch->count; k++)
                snprintf(to + strlen(to), sizeof(to) - strlen(to), "%s%d.%d", k ? "+" : "",
                         ch->from[k].track + 1, ch->from[k].channel + 1);
        }
    }
    return to;
}

static void expect(json_t *facts, const char *map, const char *wanted)
{
    struct error err;
    json_t *tracks;
    if (!routes_parse(map, &tracks, &err))
        fail_msg("%s: %s", map, err.why);
    json_t *profile = json_pack("{s:{s:o}}", "audio", "tracks", tracks);
    struct routes *r = routes_make(profile, facts);
    assert_string_equal(r->whole ? drawn(r) : "missing", wanted);
    routes_close(r);
    json_decref(profile);
    json_decref(facts);
}

static void a_map_lays_tracks_and_channels_where_it_says(void **state)
{
    (void)state;
    expect(monos(8), "5.1=1-6 stereo=7,8", "L<1.1 R<2.1 C<3.1 LFE<4.1 Ls<5.1 Rs<6.1 | L<7.1 R<8.1");
    expect(monos(8), "5.1=1-6/film stereo=7,8",
           "L<1.1 R<3.1 C<2.1 LFE<6.1 Ls<4.1 Rs<5.1 | L<7.1 R<8.1");
    expect(one("5.1", 6), "5.1*/film=1", "L<1.1 | C<1.3 | R<1.2 | Ls<1.5 | Rs<1.6 | LFE<1.4");
    // libav's order of 7.1 has the rear channels first.
    expect(one("7.1", 8), "7.1*=1",
           "L<1.1 | R<1.2 | C<1.3 | LFE<1.4 | Lss<1.7 | Rss<1.8 | Lrs<1.5 | Rrs<1.6");
    expect(one("5.1", 6), "stereo=1@lo-ro", "L<1.1+1.3+1.5 R<1.2+1.3+1.6");
    expect(one("5.1", 6), "5.1=1.1-1.3,silence,1.5,1.6", "L<1.1 R<1.2 C<1.3 LFE< Ls<1.5 Rs<1.6");
    expect(one("16 channels", 16), "stereo=1.15,1.16", "L<1.15 R<1.16");
    expect(monos(5), "5.1=1-5", "missing");
    expect(monos(2), "stereo=1,3", "missing");
    expect(one("stereo", 2), "stereo=1.1,1.3", "missing");
}

static void without_a_map_tracks_are_found_by_layout_and_monos_in_a_row(void **state)
{
    (void)state;
    static const struct {
        const char *tracks, *facts, *wanted;
    } rows[] = {
        {"[{\"layout\":\"5.1\"},{\"layout\":\"stereo\"}]", "m8",
         "L<1.1 R<2.1 C<3.1 LFE<4.1 Ls<5.1 Rs<6.1 | L<7.1 R<8.1"},
        {"[{\"layout\":\"5.1\"},{\"layout\":\"stereo\"}]", "5.1", "missing"},
        {"[{\"layout\":\"5.1\"},{\"layout\":\"stereo\",\"downmix\":\"lo-ro\"}]", "5.1",
         "L<1.1 R<1.2 C<1.3 LFE<1.4 Ls<1.5 Rs<1.6 | L<1.1+1.3+1.5 R<1.2+1.3+1.6"},
        {"[{\"layout\":\"5.1\"},{\"layout\":\"stereo\",\"needed\":false}]", "5.1",
         "L<1.1 R<1.2 C<1.3 LFE<1.4 Ls<1.5 Rs<1.6"},
        {"[{\"layout\":\"5.1\",\"language\":\"fra\"}]", "5.1", "missing"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *facts = strcmp(rows[i].facts, "m8") == 0 ? monos(8) : one("5.1", 6);
        json_t *profile =
            json_pack("{s:{s:o}}", "audio", "tracks", json_loads(rows[i].tracks, 0, NULL));
        struct routes *r = routes_make(profile, facts);
        assert_string_equal(r->whole ? drawn(r) : "missing", rows[i].wanted);
        routes_close(r);
        json_decref(profile);
        json_decref(facts);
    }
}

static void a_map_that_can_not_be_read_says_where(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        "5.1",         "5.2=1-6",    "5.1=",       "5.1=6-1",       "5.1=0",
        "5.1=1.0", "5.1=1.2-2.3", "5.1=1/ring", "5.1/film=1", "stereo=1@mono", "5.1=a"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct error err;
        json_t *tracks;
        if (routes_parse(wrong[i], &tracks, &err))
            fail_msg("\"%s\" was read", wrong[i]);
        assert_true(err.fix[0]);
    }
}

static json_t *profile_of(const char *container, const char *extension, const char *audio)
{
    char text[600];
    snprintf(text, sizeof(text),
             "{\"name\":\"p\",\"title\":\"P\",\"description\":\"p\",\"container\":\"%s\","
             "\"extension\":\"%s\",\"audio\":%s}",
             container, extension, audio);
    return json_loads(text, 0, NULL);
}

static void a_profile_with_sound_that_can_not_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *container, *extension, *audio, *why;
    } rows[] = {
        {"wav", ".wav", "{\"codec\":\"aac\",\"rate\":48000}", "aac does not lie in wav"},
        {"mov", ".mov", "{\"codec\":\"libopus\",\"rate\":48000}", "libopus does not lie in mov"},
        {"mp4", ".mp4", "{\"codec\":\"ac3\",\"rate\":44100}", "48000"},
        {"mov", ".mov",
         "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":\"5.3\"}]}",
         "it can not have"},
        {"mov", ".mov",
         "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":\"5.1\",\"order\":"
         "\"film\"}]}",
         "split"},
        {"mov", ".mov",
         "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":\"5.1\",\"downmix\":"
         "\"lo-ro\"}]}",
         "another layout"},
        {"mov", ".mov",
         "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"channels\":2,\"tracks\":[{\"layout\":\"5.1\"}]"
         "}",
         "by \"tracks\" already"},
        {"mov", ".mov",
         "{\"codec\":\"pcm_s24le\",\"rate\":48000,\"tracks\":[{\"layout\":\"5.1\",\"codec\":"
         "\"flac\"}]}",
         "flac does not lie in mov"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err;
        json_t *p = profile_of(rows[i].container, rows[i].extension, rows[i].audio);
        assert_non_null(p);
        if (profile_check(p, "p", &err) || !strstr(err.why, rows[i].why))
            fail_msg("%s in %s: %s", rows[i].audio, rows[i].container, err.why);
        json_decref(p);
    }
}

static void consent_to_a_limiter_comes_with_a_request_and_not_with_a_profile(void **state)
{
    (void)state;
    struct error err;
    json_t *asked, *p = profile_of("wav", ".wav", "{\"codec\":\"pcm_s24le\",\"rate\":48000}");
    json_object_set_new(
        p, "loudness",
        json_pack("{s:s, s:i, s:i}", "method", "bs1770-4", "target", -23, "true_peak", -1));
    struct profile_wish wish = {
        "stereo=1,2", "gain", "Ann", "2026-11-27T00:00:00Z", NULL, NULL};
    assert_true(profile_ask(p, &wish, &asked, &err));
    const json_t *limiter = json_object_get(json_object_get(asked, "loudness"), "limiter");
    assert_string_equal(json_string_value(json_object_get(limiter, "by")), "Ann");
    char *text = json_dumps(asked, 0);
    json_t *read;
    assert_false(profile_read("p", text_of(text), &read, &err));
    assert_non_null(strstr(err.why, "consent"));
    free(text);
    json_decref(asked);
    wish.loudness = "louder";
    assert_false(profile_ask(p, &wish, &asked, &err));
    json_decref(p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_has_its_channels_once_and_is_named),
        cmocka_unit_test(orders_are_those_of_the_trade),
        cmocka_unit_test(what_libav_says_of_channels_is_understood),
        cmocka_unit_test(a_map_lays_tracks_and_channels_where_it_says),
        cmocka_unit_test(without_a_map_tracks_are_found_by_layout_and_monos_in_a_row),
        cmocka_unit_test(a_map_that_can_not_be_read_says_where),
        cmocka_unit_test(a_profile_with_sound_that_can_not_be_is_refused),
        cmocka_unit_test(consent_to_a_limiter_comes_with_a_request_and_not_with_a_profile),
    };
    return RUN_TESTS(tests);
}
