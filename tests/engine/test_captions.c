// Closed captions of films: what was put into pictures (A/53 in H.264 and MPEG-2) and into a c608
// track comes out with its frame.
#include "formats/captions/cc.h"
#include "make_media.h"
#include "test.h"

#include <jansson.h>

enum { FRAMES = 120 };
static const int64_t at[] = {40, 70, 70, 100}; // of the two cues
static struct arena *arena;

static struct captions *cues(void)
{
    static const char srt[] = "1\n00:00:01,600 --> 00:00:02,800\nOne\n\n"
                              "2\n00:00:02,800 --> 00:00:04,000\nTwo of them\n";
    struct caption_wish w = {.name = "it", .rate_said = true};
    struct caption_report r = {0};
    struct captions *c;
    struct error err;
    assert_true(caption_rate_parse(text_of("25"), &w.rate, &err));
    assert_true(captions_read(arena, text_of(srt), CAPTION_SRT, &w, &c, &r, &err));
    return c;
}

static void file_in(char to[MEDIA_PATH], const char *name)
{
    snprintf(to, MEDIA_PATH, "%s/%s", media_folder(), name);
}

static size_t slurp(const char *path, uint8_t *to, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(to, 1, room, f);
    fclose(f);
    assert_true(size < room);
    return size;
}

// Puts user data before each picture: an SEI before the slices of H.264, user_data before the first
// slice of MPEG-2. There are no B pictures, so that they come in order.
static void put_in(const char *from, const char *to, bool mpeg2)
{
    struct cc_608 pairs;
    struct caption_report r = {0};
    struct error err;
    assert_true(cc_encode_608(cues(), (rational){25, 1}, 0, &pairs, &r, &err));
    static uint8_t all[8 << 20];
    size_t size = slurp(from, all, sizeof(all));
    FILE *out = fopen(to, "wb");
    int64_t picture = 0;
    for (size_t i = 0; i < size; i++) {
        bool starts = i + 4 < size && memcmp(all + i, "\0\0\1", 3) == 0;
        int type = starts ? mpeg2 ? all[i + 3] : all[i + 3] & 31 : 0;
        bool slice = mpeg2 ? starts && type == 1 : type == 1 || type == 5;
        if (slice) {
            uint8_t triples[6], box[128];
            cc_data_make(triples, 2, picture < pairs.count ? pairs.at[picture] : CC_NOTHING,
                         CC_NOTHING, NULL, 0);
            size_t n = cc_a53_make(box, triples, 2, mpeg2);
            fwrite(mpeg2 ? "\0\0\1\xb2" : "\0\0\1\6\4", 1, mpeg2 ? 4 : 5, out);
            if (!mpeg2)
                fputc((int)n, out);
            fwrite(box, 1, n, out);
            if (!mpeg2)
                fputc(0x80, out);
            picture++;
        }
        fputc(all[i], out);
    }
    fclose(out);
    assert_int_equal(picture, FRAMES);
}

static int digits(const char *at_)
{
    unsigned value;
    assert_int_equal(sscanf(at_, "%2x", &value), 1);
    return (int)value;
}

static void expect_cues(const char *path, const char *kind)
{
    json_t *result = NULL, *row;
    struct error err;
    size_t i;
    if (!media_ask("captions", &path, 1, NULL, NULL, &result, &err))
        fail_msg("%s: %s", err.what, err.why);
    const json_t *tracks = json_object_get(result, "tracks");
    assert_int_equal(json_array_size(tracks), 1);
    const json_t *track = json_array_get(tracks, 0);
    assert_string_equal(json_string_value(json_object_get(track, "kind")), kind);
    struct caption_report r = {0};
    struct captions *c = cues();
    c->count = 0;
    struct cc_decoder *d = cc_decoder_open(c, 1, &r);
    json_array_foreach(json_object_get(track, "rows"), i, row)
    {
        int64_t frame = json_integer_value(json_array_get(row, 0));
        for (const char *t = json_string_value(json_array_get(row, 1)); *t; t += 6)
            if ((digits(t) & 3) == 0)
                assert_true(cc_decode_pair(d, caption_ticks(frame, (rational){25, 1}),
                                           (uint8_t)digits(t + 2), (uint8_t)digits(t + 4), i,
                                           &err));
    }
    assert_true(cc_decode_end(d, &err));
    assert_int_equal(c->count, 2);
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(caption_frames(k % 2 ? c->cues[k / 2].out : c->cues[k / 2].in,
                                        (rational){25, 1}, ROUND_NEAREST),
                         at[k]);
    char words[100];
    caption_words(&c->cues[1], words, sizeof(words));
    assert_string_equal(words, "Two of them");
    json_decref(result);
}

static void captions_in_pictures_come_out_with_their_frames(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *with, *film, *options;
    } kinds[] = {{"cc-plain.h264", "cc.h264", "cc.mov",
                  "-c:v libx264 -preset ultrafast -bf 0 -threads 1 -x264-params slices=1"},
                 {"cc-plain.m2v", "cc.m2v", "cc2.mov", "-c:v mpeg2video -bf 0 -g 12"}};
    for (int mpeg2 = 0; mpeg2 < 2; mpeg2++) {
        char plain[MEDIA_PATH], with[MEDIA_PATH], film[MEDIA_PATH], command[1500];
        media_make(&(struct clip){kinds[mpeg2].plain, "25", .frames = FRAMES,
                                  .options = kinds[mpeg2].options},
                   plain);
        file_in(with, kinds[mpeg2].with);
        file_in(film, kinds[mpeg2].film);
        put_in(plain, with, mpeg2);
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -y -fflags +genpts -r 25 -i '%s' -c copy '%s'", with, film);
        assert_int_equal(system(command), 0);
        expect_cues(film, "picture");
        // ffmpeg finds them too
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -f lavfi -i 'movie=%s[out0+subcc]' -map 0:s -f srt - | "
                 "grep -q 'Two of them'",
                 film);
        assert_int_equal(system(command), 0);
    }
}

static void a_track_of_608_comes_out_with_its_frames(void **state)
{
    (void)state;
    char plain[MEDIA_PATH], mcc[MEDIA_PATH], film[MEDIA_PATH], command[1500];
    struct caption_wish w = {.rate_said = true};
    struct caption_report r = {0};
    struct buf bytes = BUF_LIMIT(1 << 20);
    struct error err;
    assert_true(captions_write(cues(), CAPTION_MCC, &w, &bytes, &r, &err));
    file_in(mcc, "cc.mcc");
    FILE *f = fopen(mcc, "wb");
    fwrite(bytes.at, 1, bytes.size, f);
    fclose(f);
    buf_free(&bytes);
    media_make(&(struct clip){"cc-plain.mov", "25", .frames = FRAMES,
                              .options = "-c:v libx264 -preset ultrafast -bf 0"},
               plain);
    file_in(film, "cc608.mov");
    // ffmpeg reads MCC frame by frame and writes each pair as a sample of a c608 track
    snprintf(command, sizeof(command),
             "ffmpeg -v error -y -i '%s' -i '%s' -map 0:v -map 1 -c copy '%s'", plain, mcc, film);
    assert_int_equal(system(command), 0);
    expect_cues(film, "c608");
}

static void a_film_without_captions_has_none(void **state)
{
    (void)state;
    char plain[MEDIA_PATH];
    json_t *result = NULL;
    struct error err;
    media_make(&(struct clip){"cc-plain.mov", "25", .frames = FRAMES,
                              .options = "-c:v libx264 -preset ultrafast -bf 0"},
               plain);
    const char *path = plain;
    assert_true(media_ask("captions", &path, 1, NULL, NULL, &result, &err));
    assert_int_equal(json_array_size(json_object_get(result, "tracks")), 0);
    json_decref(result);
}

static int begin(void **state)
{
    (void)state;
    arena = arena_open((size_t)1 << 30);
    return 0;
}
static int end(void **state)
{
    arena_close(arena);
    return media_none_wrong(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(captions_in_pictures_come_out_with_their_frames, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_track_of_608_comes_out_with_its_frames, begin, end),
        cmocka_unit_test_setup_teardown(a_film_without_captions_has_none, begin, end),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
