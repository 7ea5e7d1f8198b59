// What becomes of pictures on their way into a deliverable: fields, colour, size, text, HDR.
#include "test.h"

#include "make_media.h"

#include <math.h>

static json_t *profile(const char *video, const char *more)
{
    json_error_t why;
    char all[2000];
    snprintf(all, sizeof(all),
             "{\"name\":\"t\",\"title\":\"T\",\"description\":\"of a test\",\"container\":\"mp4\","
             "\"extension\":\".mp4\",\"video\":{\"codec\":\"libx264\",\"pixel_format\":\"yuv420p\","
             "\"segment_s\":1,\"options\":{\"preset\":\"ultrafast\",\"qp\":\"0\"}}}");
    json_t *p = json_loads(all, 0, &why), *v = json_loads(video, 0, &why),
           *m = json_loads(more, 0, &why);
    assert_non_null(p);
    if (!v || !m)
        fail_msg("%s: %s %s", why.text, video, more);
    json_object_update(json_object_get(p, "video"), v);
    json_object_update(p, m);
    json_decref(v);
    json_decref(m);
    return p;
}

static const char *made(const char *name)
{
    static char path[4][MEDIA_PATH];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], MEDIA_PATH, "%s/%s", media_folder(), name);
    return path[at];
}

static json_t *deliver(const char *source, json_t *p, const char *output, int workers)
{
    struct error err;
    json_t *result = NULL;
    if (!media_deliver(&source, 1, p, output, workers, &result, &err))
        fail_msg("%s: %s (%s)", source, err.what, err.why);
    return result;
}

static void refused(const char *source, json_t *p, const char *why)
{
    struct error err;
    json_t *result = NULL;
    if (media_deliver(&source, 1, p, "refused.mp4", 1, &result, &err))
        media_wrong("%s was made", source);
    else if (!strstr(err.why, why) || !*err.fix)
        media_wrong("%s: %s (%s; %s), not %s", source, err.what, err.why, err.fix, why);
    json_decref(result);
}

// ---- frames from outside

enum { FRAMES_MOST = 400, DIGEST = 33 };
struct digests {
    int count;
    char of[FRAMES_MOST][DIGEST];
};

// Of each frame as ffmpeg decodes it, through a filter of its own.
static struct digests *digests_of(const char *path, const char *filter)
{
    char command[2 * MEDIA_PATH];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -map 0:v -vf '%s' -fps_mode passthrough -f framemd5 - | "
             "grep -v '^#' | sed 's/.*, *//'",
             path, filter);
    char *all = media_output(command);
    struct digests *d = calloc(1, sizeof(*d));
    for (char *at = strtok(all, "\n"); at && d->count < FRAMES_MOST; at = strtok(NULL, "\n"))
        snprintf(d->of[d->count++], DIGEST, "%.32s", at);
    free(all);
    return d;
}

static int find(const struct digests *d, const char *digest)
{
    for (int i = 0; i < d->count; i++)
        if (strcmp(d->of[i], digest) == 0)
            return i;
    return -1;
}

static void frames_are(const char *path, const char *source, const char *filter, int first,
                       int last)
{
    struct digests *a = digests_of(path, "null"), *b = digests_of(source, filter);
    if (a->count != b->count && last == FRAMES_MOST)
        media_wrong("%s: %d frames, not %d", path, a->count, b->count);
    for (int i = first; i < a->count && i < b->count && i <= last; i++)
        if (strcmp(a->of[i], b->of[i]) != 0)
            media_wrong("%s: frame %d is another (%d of the source)", path, i, find(b, a->of[i]));
    free(a);
    free(b);
}

static uint8_t *raw(const char *path, const char *format, size_t frame_bytes, size_t *frames)
{
    char command[2 * MEDIA_PATH];
    size_t room = 64 << 20, size = 0;
    uint8_t *all = malloc(room);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -map 0:v -fps_mode passthrough -f rawvideo -pix_fmt %s -",
             path, format);
    FILE *from = popen(command, "r");
    for (size_t n; (n = fread(all + size, 1, room - size, from)) > 0;)
        size += n;
    assert_int_equal(pclose(from), 0);
    *frames = size / frame_bytes;
    return all;
}

static void same_file(const char *a, const char *b)
{
    char command[3 * MEDIA_PATH];
    snprintf(command, sizeof(command), "cmp '%s' '%s' && echo same", a, b);
    FILE *f = popen(command, "r");
    char said[600] = "";
    while (fgets(said, sizeof(said), f))
        ;
    (void)pclose(f);
    if (strcmp(said, "same\n") != 0)
        media_wrong("%s", said);
}

static void mpeg2_of_4_2_2_is_proven_and_delivered_in_mov_and_mxf(void **state)
{
    (void)state;
    char film[MEDIA_PATH];
    media_make_by("small.mkv",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=2 -c:v ffv1 \"$OUT\"", film);
    static const char *const containers[] = {"mov", "mxf"};
    for (size_t i = 0; i < 2; i++) {
        char more[80], name[20], command[MEDIA_PATH + 120];
        snprintf(more, sizeof(more), "{\"container\":\"%s\",\"extension\":\".%s\"}", containers[i],
                 containers[i]);
        snprintf(name, sizeof(name), "m2.%s", containers[i]);
        json_t *result = deliver(film,
                                 profile("{\"codec\":\"mpeg2video\",\"pixel_format\":\"yuv422p\","
                                         "\"bit_rate\":8000000,\"gop_s\":1,\"options\":{}}",
                                         more),
                                 name, 2);
        media_expect(name, result, "{\"frames\":50}");
        json_decref(result);
        snprintf(command, sizeof(command),
                 "ffprobe -v error -count_frames -select_streams v -show_entries "
                 "stream=pix_fmt,nb_read_frames -of csv=p=0 '%s'",
                 made(name));
        char *said = media_output(command);
        if (strncmp(said, "yuv422p,50", 10) != 0) // side data may follow
            media_wrong("%s: %s", name, said);
        free(said);
    }
}

// ---- fields

#define FILM                                                                                       \
    "ffmpeg -v error -f lavfi -i testsrc2=s=320x240:r=24000/1001,noise=alls=12:allf=t+u,"          \
    "format=yuv420p,trim=end_frame=120 "

static void sections_are(const json_t *result, const char *wanted)
{
    char *got = json_dumps(json_object_get(json_object_get(result, "cadence"), "sections"),
                           JSON_COMPACT | JSON_SORT_KEYS);
    if (!got || strcmp(got, wanted) != 0)
        media_wrong("sections are %s, not %s", got, wanted);
    free(got);
}

static void film_comes_back_bit_for_bit_from_its_pull_down(void **state)
{
    (void)state;
    char film[MEDIA_PATH], top[MEDIA_PATH], bottom[MEDIA_PATH];
    media_make_by("film.mkv", FILM "-c:v ffv1 \"$OUT\"", film);
    media_make_by("film-top.mkv",
                  FILM
                  "-vf telecine=first_field=top:pattern=23,setfield=tff -r 30000/1001 -c:v ffv1 "
                  "-field_order tt \"$OUT\"",
                  top);
    media_make_by("film-bottom.mkv",
                  FILM "-vf telecine=first_field=bottom:pattern=32,setfield=bff -r 30000/1001 "
                       "-c:v ffv1 -field_order bb \"$OUT\"",
                  bottom);
    json_t *result = deliver(top, profile("{\"scan\":\"progressive\"}", "{}"), "top.mp4", 2);
    frames_are(made("top.mp4"), film, "null", 0, FRAMES_MOST);
    sections_are(result, "[{\"from\":0,\"kind\":\"2:3\"}]");
    media_expect(top, result,
                 "{\"frames\":120,\"cadence\":{\"rate\":\"24000/1001\",\"film\":true}}");
    json_decref(result);
    json_decref(deliver(top, profile("{\"scan\":\"progressive\"}", "{}"), "one.mp4", 1));
    same_file(made("top.mp4"), made("one.mp4"));
    json_decref(deliver(bottom, profile("{\"scan\":\"progressive\"}", "{}"), "bottom.mp4", 2));
    frames_are(made("bottom.mp4"), film, "null", 0, FRAMES_MOST);
    refused(top,
            profile("{\"scan\":\"progressive\"}", "{\"master\":{\"video\":{\"rates\":[\"25\"]}}}"),
            "24000/1001");
}

static void advanced_and_doubling_pull_downs_come_back_bit_for_bit_too(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *kind;
    } rows[] = {{"2332", "2:3:3:2"}, {"2224", "2:2:2:4"}};
    char film[MEDIA_PATH], pulled[MEDIA_PATH], cut[MEDIA_PATH], command[700], name[60], wanted[400];
    media_make_by("film.mkv", FILM "-c:v ffv1 \"$OUT\"", film);
    struct digests *whole = digests_of(film, "null");
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "pull-%s.mkv", rows[i].pattern);
        snprintf(command, sizeof(command),
                 FILM "-vf telecine=first_field=top:pattern=%s,setfield=tff -r 30000/1001 -c:v ffv1 "
                      "-field_order tt \"$OUT\"",
                 rows[i].pattern);
        media_make_by(name, command, pulled);
        json_t *result = deliver(pulled, profile("{\"scan\":\"progressive\"}", "{}"), "pull.mp4", 2);
        frames_are(made("pull.mp4"), film, "null", 0, FRAMES_MOST);
        snprintf(wanted, sizeof(wanted), "[{\"from\":0,\"kind\":\"%s\"}]", rows[i].kind);
        sections_are(result, wanted);
        json_decref(result);
        // Two pieces of it: no frame is mixed, none comes out of order.
        snprintf(name, sizeof(name), "cut-%s.mkv", rows[i].pattern);
        snprintf(command, sizeof(command),
                 FILM "-vf \"telecine=first_field=top:pattern=%s,select='lt(n,63)+gte(n,81)',"
                      "setpts=N/(30000/1001)/TB,setfield=tff\" -r 30000/1001 -c:v ffv1 -field_order tt "
                      "\"$OUT\"",
                 rows[i].pattern);
        media_make_by(name, command, cut);
        result = deliver(cut, profile("{\"scan\":\"progressive\"}", "{}"), "cut2.mp4", 2);
        snprintf(wanted, sizeof(wanted),
                 "{\"frames\":106,\"cadence\":{\"found\":\"%s\",\"film\":true}}", rows[i].kind);
        media_expect(name, result, wanted);
        json_decref(result);
        struct digests *got = digests_of(made("cut2.mp4"), "null");
        int missing = 0;
        for (int k = 0, before = -1; k < got->count; k++) {
            int number = find(whole, got->of[k]);
            if (number < before || number < 0)
                media_wrong("%s: frame %d is %d of the film, after %d", name, k, number, before);
            missing += number > before + 1 ? number - before - 1 : 0;
            before = number;
        }
        if (missing > 16) // 18 frames of the source, 14.4 of the film, are gone
            media_wrong("%s: %d frames of the film are missing", name, missing);
        free(got);
    }
    free(whole);
}

// Three pieces of it, cut wherever it came: a field may be left over at a cut, and what comes out
// is still film frames, in order, and as long as it was.
static void edits_in_a_pull_down_are_found_and_no_frame_is_mixed(void **state)
{
    (void)state;
    static const char *const coded[] = {"-c:v ffv1 -field_order tt",
                                        "-c:v libx264 -preset fast -crf 20 -flags +ildct+ilme",
                                        "-c:v mpeg2video -b:v 6M -flags +ildct+ilme -top 1"};
    char film[MEDIA_PATH], cut[MEDIA_PATH], command[800], name[40];
    media_make_by("film.mkv", FILM "-c:v ffv1 \"$OUT\"", film);
    struct digests *whole = digests_of(film, "null");
    for (size_t i = 0; i < sizeof(coded) / sizeof(coded[0]); i++) {
        snprintf(name, sizeof(name), "cut-%zu.%s", i, i == 2 ? "mpg" : "mkv");
        snprintf(command, sizeof(command),
                 FILM "-vf \"telecine=first_field=top:pattern=23,select='lt(n,37)+between(n,53,99)+"
                      "gte(n,121)',setpts=N/(30000/1001)/TB,setfield=tff\" "
                      "-r 30000/1001 %s \"$OUT\"",
                 coded[i]);
        media_make_by(name, command, cut);
        json_t *result = deliver(cut, profile("{\"scan\":\"progressive\"}", "{}"), "cut.mp4", 2);
        sections_are(result, "[{\"from\":0,\"kind\":\"2:3\"},{\"from\":37,\"kind\":\"2:3\"},"
                             "{\"from\":84,\"kind\":\"2:3\"}]");
        json_decref(result);
        if (i)
            continue;
        struct digests *got = digests_of(made("cut.mp4"), "null");
        assert_int_equal(got->count, 90); // of 113
        for (int k = 0, before = -1; k < got->count; k++) {
            int number = find(whole, got->of[k]);
            if (number < before || number < 0)
                media_wrong("cut.mp4: frame %d is %d of the film, after %d", k, number, before);
            before = number;
        }
        free(got);
    }
    free(whole);
}

// Film as DVDs and broadcasts have it: coded once, shown longer by flags (ISO/IEC 13818-2, 6.3.10).
// From frame `until` on each is shown for two fields.
static void flag_frames(const char *from, const char *to, int until)
{
    static const int first[] = {1, 0, 0, 1}, longer[] = {1, 0, 1, 0};
    static uint8_t all[4 << 20];
    FILE *f = fopen(from, "rb");
    size_t size = f ? fread(all, 1, sizeof(all), f) : 0;
    int n = 0;
    assert_true(size > 1000 && size < sizeof(all));
    fclose(f);
    for (size_t i = 0; i + 12 < size; i++) {
        if (all[i] || all[i + 1] || all[i + 2] != 1)
            continue;
        if (all[i + 3] == 0xb3)
            all[i + 7] = (all[i + 7] & 0xf0) | 4; // 30000/1001
        if (all[i + 3] == 0xb5 && all[i + 4] >> 4 == 1)
            all[i + 5] &= 0xf7; // not a progressive sequence
        if (all[i + 3] == 0xb5 && all[i + 4] >> 4 == 8) {
            bool flagged = n < until;
            all[i + 7] = (uint8_t)((all[i + 7] & 0x7d) | (flagged ? first[n % 4] : 1) << 7 |
                                   (flagged && longer[n % 4] ? 2 : 0));
            all[i + 8] |= 0x80; // a progressive frame
            n++;
        }
    }
    f = fopen(to, "wb");
    assert_int_equal(fwrite(all, 1, size, f), size);
    fclose(f);
}

static void a_pull_down_that_is_only_said_is_left_out(void **state)
{
    (void)state;
    char film[MEDIA_PATH], soft[MEDIA_PATH], command[4 * MEDIA_PATH];
    media_make_by("film.m2v",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=320x240:r=24000/1001:d=4 -c:v mpeg2video "
                  "-bf 0 -b:v 3M -f mpeg2video \"$OUT\"",
                  film);
    snprintf(soft, sizeof(soft), "%s/soft.m2v", media_folder());
    flag_frames(film, soft, 1000);
    static const char *const endings[] = {"ts", "vob", "mkv"};
    for (size_t i = 0; i < 3; i++) {
        char source[MEDIA_PATH];
        snprintf(source, sizeof(source), "%s/soft.%s", media_folder(), endings[i]);
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -y -f mpegvideo -i '%s' -c copy -bsf:v "
                 "'setts=time_base=1/90000:ts=floor((5*N+1)/2)*1501.5' '%s'",
                 soft, source);
        free(media_output(command));
        json_t *result = deliver(source, profile("{}", "{}"), "soft.mp4", 2);
        media_expect(source, result, "{\"frames\":96}");
        frames_are(made("soft.mp4"), film, "null", 0, FRAMES_MOST);
        json_decref(result);
        snprintf(command, sizeof(command),
                 "ffprobe -v error -select_streams v -show_entries stream=r_frame_rate -of csv=p=0 '%s'",
                 made("soft.mp4"));
        char *said = media_output(command);
        assert_string_equal(said, "24000/1001\n");
        free(said);
    }
    // Film and video by turns are shown as the flags say, at the rate of the stream.
    char mixed[MEDIA_PATH], source[MEDIA_PATH];
    snprintf(mixed, sizeof(mixed), "%s/mixed.m2v", media_folder());
    snprintf(source, sizeof(source), "%s/mixed.ts", media_folder());
    flag_frames(film, mixed, 48);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -y -f mpegvideo -i '%s' -c copy -bsf:v 'setts=time_base=1/90000:"
             "ts=(lt(N\\,48)*floor((5*N+1)/2)+gte(N\\,48)*(2*N+24))*1501.5' '%s'",
             mixed, source);
    free(media_output(command));
    json_t *result = deliver(source, profile("{}", "{}"), "mixed.mp4", 2);
    media_expect(source, result, "{\"frames\":108,\"constant\":{\"rate\":\"30000/1001\"}}");
    json_decref(result);
}

#define LACED                                                                                      \
    "ffmpeg -v error -f lavfi -i mandelbrot=s=320x240:r=50:end_scale=0.01:end_pts=200,"            \
    "format=yuv420p -t 2 -vf tinterlace=mode=interleave_top,setfield=tff -r 25 -c:v ffv1 "         \
    "-field_order tt \"$OUT\""

static void whole_frames_stay_late_ones_are_paired_again_and_others_deinterlaced(void **state)
{
    (void)state;
    char whole[MEDIA_PATH], late[MEDIA_PATH], laced[MEDIA_PATH], mixed[MEDIA_PATH];
    media_make_by(
        "segmented.mkv",
        "ffmpeg -v error -f lavfi -i mandelbrot=s=320x240:r=25:end_scale=0.01:end_pts=100,"
        "format=yuv420p -t 2 -vf setfield=tff -c:v ffv1 -field_order tt \"$OUT\"",
        whole);
    media_make_by(
        "late.mkv",
        "ffmpeg -v error -f lavfi -i mandelbrot=s=320x240:r=25:end_scale=0.01:end_pts=100,"
        "format=yuv420p -t 2 -vf setfield=tff,separatefields,trim=start_frame=1,"
        "setpts=PTS-STARTPTS,setfield=prog,weave=first_field=bottom,setfield=bff -r 25 "
        "-c:v ffv1 -field_order bb \"$OUT\"",
        late);
    media_make_by("laced.mkv", LACED, laced);
    media_make_by("mixed.mkv",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=320x240:r=24000/1001,noise=alls=12:"
                  "allf=t+u,format=yuv420p,telecine=first_field=top:pattern=23 -f lavfi -i "
                  "testsrc=s=320x240:r=60000/1001,format=yuv420p,scroll=h=0.01:v=0.004,"
                  "tinterlace=mode=interleave_top -filter_complex '[0:v]trim=end_frame=60,"
                  "setpts=N[a];[1:v]trim=end_frame=40,setpts=N[b];[a][b]concat,"
                  "setpts=N/(30000/1001)/TB,setfield=tff' -r 30000/1001 -c:v ffv1 -field_order tt "
                  "\"$OUT\"",
                  mixed);
    const char *video = "{\"scan\":\"progressive\"}";
    json_t *result = deliver(whole, profile(video, "{}"), "whole.mp4", 2);
    frames_are(made("whole.mp4"), whole, "null", 0, FRAMES_MOST);
    media_expect(whole, result, "{\"cadence\":{\"found\":\"progressive\",\"deinterlaced\":0}}");
    json_decref(result);
    result = deliver(late, profile(video, "{}"), "late.mp4", 2);
    media_expect(late, result, "{\"cadence\":{\"found\":\"2:2 late\",\"deinterlaced\":0}}");
    frames_are(made("late.mp4"), whole, "trim=start_frame=1", 0, 47); // the last one is half lost
    json_decref(result);
    // From another field-by-field deinterlacer of the same kind; first and last have no neighbours.
    result = deliver(laced, profile(video, "{}"), "laced.mp4", 2);
    media_expect(laced, result, "{\"cadence\":{\"found\":\"interlaced\",\"deinterlaced\":50}}");
    frames_are(made("laced.mp4"), laced, "bwdif=mode=send_frame:parity=tff:deint=all", 1, 48);
    json_decref(result);
    result = deliver(mixed, profile(video, "{}"), "mixed.mp4", 2);
    media_expect(mixed, result,
                 "{\"frames\":80,\"cadence\":{\"found\":\"2:3\",\"sections\":[{\"kind\":\"2:3\","
                 "\"from\":0},{\"kind\":\"interlaced\"}]}}");
    json_decref(result);
    json_decref(deliver(mixed, profile(video, "{}"), "mixed-1.mp4", 1));
    same_file(made("mixed.mp4"), made("mixed-1.mp4"));
}

static void fields_go_out_in_the_order_that_is_asked_and_are_scaled_apart(void **state)
{
    (void)state;
    char laced[MEDIA_PATH], stripes[MEDIA_PATH], command[MEDIA_PATH + 300];
    media_make_by("laced.mkv", LACED, laced);
    json_decref(deliver(laced, profile("{\"scan\":\"bottom\"}", "{}"), "bottom-first.mp4", 2));
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -show_entries frame=interlaced_frame,"
             "top_field_first:stream=field_order -of csv=p=0 '%s' | grep -o '^1,0\\|^bb' | uniq -c "
             "| tr -s ' '",
             made("bottom-first.mp4"));
    char *said = media_output(command);
    assert_string_equal(said, " 50 1,0\n 1 bb\n");
    free(said);
    // The fields in their order of time: the same ones, begun with the second.
    struct digests *a = digests_of(laced, "setfield=tff,separatefields"),
                   *b = digests_of(made("bottom-first.mp4"), "setfield=bff,separatefields");
    assert_int_equal(b->count, 100);
    for (int i = 0; i < 99; i++)
        if (strcmp(a->of[i + 1], b->of[i]) != 0)
            media_wrong("field %d is another", i);
    free(a);
    free(b);
    // Even lines white, odd ones black: what is scaled as one picture turns grey.
    media_make_by("stripes.mkv",
                  "ffmpeg -v error -f lavfi -i color=white:s=320x240:r=25,format=yuv420p,"
                  "geq=lum='if(mod(Y\\,2)\\,16\\,235)':cb=128:cr=128,setfield=tff -frames:v 4 "
                  "-c:v ffv1 -field_order tt \"$OUT\"",
                  stripes);
    json_decref(
        deliver(stripes, profile("{\"width\":160,\"height\":120}", "{}"), "stripes.mp4", 1));
    size_t frames;
    uint8_t *y = raw(made("stripes.mp4"), "yuv420p", 160 * 120 * 3 / 2, &frames);
    assert_int_equal(frames, 4);
    for (int i = 0; i < 160 * 120; i++)
        if (y[i] != (i / 160 % 2 ? 16 : 235)) {
            media_wrong("stripes.mp4: line %d is %d", i / 160, y[i]);
            break;
        }
    free(y);
}

// ---- colour

struct rgb {
    double r, g, b;
};
struct coded {
    double kr, kb;
};
static const struct coded bt601 = {.299, .114}, bt709 = {.2126, .0722}, bt2020 = {.2627, .0593};

static struct rgb decode(const struct coded *m, const double v[3]) // limited 10 bit
{
    double y = (v[0] - 64) / 876, cb = (v[1] - 512) / 896, cr = (v[2] - 512) / 896;
    struct rgb c = {.r = y + 2 * (1 - m->kr) * cr, .b = y + 2 * (1 - m->kb) * cb};
    c.g = (y - m->kr * c.r - m->kb * c.b) / (1 - m->kr - m->kb);
    return c;
}

static void encode(const struct coded *m, struct rgb c, double to[3])
{
    double y = m->kr * c.r + (1 - m->kr - m->kb) * c.g + m->kb * c.b;
    to[0] = 64 + 876 * y;
    to[1] = 512 + 896 * (c.b - y) / (2 * (1 - m->kb));
    to[2] = 512 + 896 * (c.r - y) / (2 * (1 - m->kr));
}

static struct rgb wider(struct rgb c) // ITU-R BT.2087-0, 709 to 2020, in display light (BT.1886)
{
    static const double m[3][3] = {
        {.6274, .3293, .0433}, {.0691, .9195, .0114}, {.0164, .0880, .8956}};
    double in[3] = {pow(c.r, 2.4), pow(c.g, 2.4), pow(c.b, 2.4)}, out[3];
    for (int i = 0; i < 3; i++)
        out[i] = pow(m[i][0] * in[0] + m[i][1] * in[1] + m[i][2] * in[2], 1 / 2.4);
    return (struct rgb){out[0], out[1], out[2]};
}

static void patch_becomes(const char *name, const char *tags, const int v[3], const char *video,
                          const double wanted[3])
{
    char path[MEDIA_PATH], command[700];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -f lavfi -i color=gray:s=64x64:r=25,format=yuv444p10le,"
             "geq=lum=%d:cb=%d:cr=%d -frames:v 1 %s -c:v ffv1 \"$OUT\"",
             v[0], v[1], v[2], tags);
    media_make_by(name, command, path);
    json_decref(deliver(path, profile(video, "{}"), "patch.mp4", 1));
    size_t frames;
    uint16_t *p = (uint16_t *)(void *)raw(made("patch.mp4"), "yuv444p10le", 64 * 64 * 6, &frames);
    for (int i = 0; i < 3; i++)
        if (fabs(p[64 * 64 * i + 2080] - wanted[i]) > 1)
            media_wrong("%s: component %d is %d, not %.2f", name, i, p[64 * 64 * i + 2080],
                        wanted[i]);
    free(p);
}

static void colours_are_within_one_code_of_the_standards_sums(void **state)
{
    (void)state;
    static const int patches[][3] = {
        {500, 500, 530}, {700, 400, 600}, {300, 600, 450}, {940, 512, 512}};
    char name[40];
    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        const double v[3] = {patches[i][0], patches[i][1], patches[i][2]};
        double to[3];
        encode(&bt709, decode(&bt601, v), to);
        snprintf(name, sizeof(name), "p601-%zu.mkv", i);
        patch_becomes(name,
                      "-colorspace smpte170m -color_primaries bt709 -color_trc bt709 "
                      "-color_range tv",
                      patches[i], "{\"colour\":\"bt709\",\"pixel_format\":\"yuv444p10le\"}", to);
        encode(&bt2020, wider(decode(&bt709, v)), to);
        snprintf(name, sizeof(name), "p709-%zu.mkv", i);
        patch_becomes(name,
                      "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv",
                      patches[i], "{\"colour\":\"bt2020\",\"pixel_format\":\"yuv444p10le\"}", to);
        // Full range: 0 to 1023 become 64 to 940 (chroma 960).
        to[0] = 64 + v[0] / 1023 * 876;
        to[1] = 512 + (v[1] - 512) / 1023 * 896, to[2] = 512 + (v[2] - 512) / 1023 * 896;
        snprintf(name, sizeof(name), "pfull-%zu.mkv", i);
        patch_becomes(name,
                      "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range pc",
                      patches[i], "{\"pixel_format\":\"yuv444p10le\"}", to);
    }
}

static void fewer_bits_keep_the_means_and_every_worker_spreads_the_error_alike(void **state)
{
    (void)state;
    static const char *const ways[] = {"error-diffusion", "ordered"};
    char path[MEDIA_PATH], video[100];
    media_make_by("ramp.mkv",
                  "ffmpeg -v error -f lavfi -i color=gray:s=256x64:r=25,format=yuv420p10le,"
                  "geq=lum='400+X/16':cb=512:cr=512 -frames:v 50 -c:v ffv1 \"$OUT\"",
                  path);
    for (int k = 0; k < 2; k++) {
        size_t frames;
        snprintf(video, sizeof(video), "{\"dither\":\"%s\"}", ways[k]);
        json_decref(deliver(path, profile(video, "{}"), "ramp-1.mp4", 1));
        json_decref(deliver(path, profile(video, "{}"), "ramp-4.mp4", 4));
        same_file(made("ramp-1.mp4"), made("ramp-4.mp4"));
        uint8_t *y = raw(made("ramp-1.mp4"), "yuv420p", 256 * 64 * 3 / 2, &frames);
        for (int x = 16; x < 240; x += 16) {
            double sum = 0;
            for (int i = 0; i < 16 * 64; i++)
                sum += y[i / 16 * 256 + x + i % 16];
            if (fabs(sum / 1024 * 4 - (400 + x / 16)) > 0.5)
                media_wrong("%s: %.3f where %d was", ways[k], sum / 256, 400 + x / 16);
        }
        free(y);
    }
}

// ---- size

static void a_picture_is_padded_cropped_or_refused_and_never_blown_up_unasked(void **state)
{
    (void)state;
    char path[MEDIA_PATH], odd[MEDIA_PATH];
    media_make_by("pal.mkv",
                  "ffmpeg -v error -f lavfi -i color=white:s=720x576:r=25,setsar=16/15,"
                  "format=yuv420p -frames:v 2 -c:v ffv1 \"$OUT\"",
                  path);
    const char *frame = "{\"width\":960,\"height\":540,\"fit\":\"%s\"}";
    char video[200];
    snprintf(video, sizeof(video), frame, "pad");
    json_decref(deliver(path, profile(video, "{}"), "pad.mp4", 1));
    size_t frames;
    uint8_t *y = raw(made("pad.mp4"), "yuv420p", 960 * 540 * 3 / 2, &frames);
    assert_int_equal(frames, 2);
    // 4:3 in 16:9 is 720 of 960 columns; beside it black, as is legal.
    for (int i = 0; i < 960 * 540; i++) {
        int x = i % 960, wanted = x < 120 || x >= 840 ? 16 : 235;
        if (y[i] != wanted && x != 120 && x != 839) {
            media_wrong("pad.mp4: %d at %d, %d", y[i], x, i / 960);
            break;
        }
    }
    for (int i = 960 * 540; i < 960 * 540 * 3 / 2; i++)
        if (y[i] != 128) {
            media_wrong("pad.mp4: chroma is %d", y[i]);
            break;
        }
    free(y);
    snprintf(video, sizeof(video), frame, "crop");
    refused(path, profile(video, "{}"), "blown up");
    snprintf(video, sizeof(video), "{\"width\":640,\"height\":360,\"fit\":\"crop\"}");
    json_decref(deliver(path, profile(video, "{}"), "crop.mp4", 1));
    y = raw(made("crop.mp4"), "yuv420p", 640 * 360 * 3 / 2, &frames);
    assert_int_equal(frames, 2);
    for (int i = 0; i < 640 * 360; i++)
        if (y[i] != 235) {
            media_wrong("crop.mp4: %d at %d, %d", y[i], i % 640, i / 640);
            break;
        }
    free(y);
    snprintf(video, sizeof(video), frame, "refuse");
    refused(path, profile(video, "{}"), "in shape");
    snprintf(video, sizeof(video), "{\"width\":1920,\"height\":1080,\"fit\":\"pad\"}");
    refused(path, profile(video, "{}"), "blown up");
    // One column more than can be: it is left out, the others stay as they are.
    media_make_by("odd.mkv",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=321x240:r=25,format=yuv444p -frames:v 3 "
                  "-c:v ffv1 \"$OUT\"",
                  odd);
    json_decref(deliver(odd, profile("{\"pixel_format\":\"yuv444p10le\"}", "{}"), "odd.mp4", 1));
    frames_are(made("odd.mp4"), odd, "crop=320:240:0:0,format=yuv444p10le", 0, FRAMES_MOST);
}

// ---- text

enum { W = 640, H = 360, N = 150, AROUND = 3 };

// In the box around the label, the second moved by a few pixels: who writes places letters a little
// otherwise.
static double unlike(const uint8_t *a, const uint8_t *b, int dx, int dy)
{
    double sum = 0;
    for (int y = 24; y < 66; y++)
        for (int x = 40; x < 360; x++)
            sum += abs(a[y * W + x] - b[(y + dy) * W + x + dx]);
    return sum;
}

// The reader is ffmpeg's own writer of timecodes: of its frames around each of ours the one that
// looks most like it has the same number.
static void a_timecode_in_the_picture_is_that_of_its_frame_in_every_segment(void **state)
{
    (void)state;
    char path[MEDIA_PATH], reference[MEDIA_PATH];
    media_make_by(
        "labels.mov",
        "ffmpeg -v error -f lavfi -i color=gray:s=640x360:r=30000/1001 -frames:v 150 -c:v "
        "libx264 -preset ultrafast -g 40 -timecode '00:00:58;12' \"$OUT\"",
        path);
    media_make_by(
        "labels-wanted.mkv",
        "ffmpeg -v error -f lavfi -i color=gray:s=640x360:r=30000/1001 -frames:v 150 -vf "
        "\"drawbox=x=32:y=18:w=340:h=54:color=black@0.6:t=fill,drawtext="
        "fontfile=/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf:fontsize=36:"
        "fontcolor=white:x=40:y=27:timecode='00\\:00\\:58;12':rate=30000/1001\" -c:v ffv1 "
        "\"$OUT\"",
        reference);
    json_decref(deliver(path,
                        profile("{}", "{\"burn\":[{\"what\":\"timecode\",\"at\":\"top-left\","
                                      "\"size\":10}]}"),
                        "labels.mp4", 2));
    size_t frames, wanted;
    uint8_t *a = raw(made("labels.mp4"), "gray", W * H, &frames),
            *b = raw(reference, "gray", W * H, &wanted);
    assert_int_equal(frames, N);
    assert_int_equal(wanted, N);
    int dx = 0, dy = 0;
    for (int k = 0; k < 81; k++)
        if (unlike(a, b, k % 9 - 4, k / 9 - 4) < unlike(a, b, dx, dy))
            dx = k % 9 - 4, dy = k / 9 - 4;
    for (int i = 0; i < N; i++) {
        int best = -1;
        double least = 1e30;
        for (int k = i - AROUND < 0 ? 0 : i - AROUND; k <= i + AROUND && k < N; k++) {
            double apart = unlike(a + (size_t)i * W * H, b + (size_t)k * W * H, dx, dy);
            if (apart < least)
                best = k, least = apart;
        }
        if (best != i)
            media_wrong("frame %d carries the label of %d", i, best);
    }
    free(a);
    free(b);
    // Without a timecode there is nothing to burn in; a record one is always there.
    media_make_by("unlabelled.mkv",
                  "ffmpeg -v error -f lavfi -i color=gray:s=320x240:r=25 -frames:v 5 -c:v ffv1 "
                  "\"$OUT\"",
                  path);
    refused(path, profile("{}", "{\"burn\":[{\"what\":\"timecode\"}]}"), "has none");
    json_decref(deliver(path,
                        profile("{}", "{\"burn\":[{\"what\":\"timecode\",\"timecode\":\"record\","
                                      "\"start\":\"10:00:00:00\"}]}"),
                        "record.mp4", 1));
}

// ---- HDR

#define DISPLAY "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
static const char hdr_source[] =
    "ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25,format=yuv420p10le -frames:v 30 -c:v "
    "libx265 -preset ultrafast -x265-params log-level=error:colorprim=bt2020:transfer=smpte2084:"
    "colormatrix=bt2020nc:hdr10=1:max-cll=1000,400:'master-display=" DISPLAY "' \"$OUT\"";

static void bytes_are_there(const char *path, const char *name, const char *hex)
{
    char command[MEDIA_PATH + 200];
    snprintf(command, sizeof(command), "od -An -v -tx1 '%s' | tr -d ' \\n' | grep -c '%s%s'", path,
             name, hex);
    FILE *f = popen(command, "r");
    int count = 0;
    if (fscanf(f, "%d", &count) != 1 || count != 1)
        media_wrong("%s has no %s%s", path, name, hex);
    (void)pclose(f);
}

static void hdr10_says_its_display_and_its_light_in_box_and_stream(void **state)
{
    (void)state;
    static const struct {
        const char *name, *video, *more, *raw, *filter;
    } rows[] = {
        {"hdr.mov",
         "{\"codec\":\"prores_aw\",\"pixel_format\":\"yuv422p10le\",\"options\":{\"profile\":\"3\"}"
         "}",
         "{\"container\":\"mov\",\"extension\":\".mov\"}", NULL, NULL},
        {"hdr-hevc.mp4",
         "{\"codec\":\"libx265\",\"pixel_format\":\"yuv420p10le\",\"options\":{\"preset\":"
         "\"ultrafast\",\"crf\":\"30\"}}",
         "{}", "hevc", ""},
        {"hdr-av1.mp4",
         "{\"codec\":\"libsvtav1\",\"pixel_format\":\"yuv420p10le\",\"options\":{\"preset\":\"12\","
         "\"crf\":\"50\"}}",
         "{}", "obu", ""},
    };
    char path[MEDIA_PATH], command[2 * MEDIA_PATH];
    media_make_by("hdr.mkv", hdr_source, path);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_decref(deliver(path, profile(rows[i].video, rows[i].more), rows[i].name, 2));
        const char *out = made(rows[i].name);
        // 'mdcv' (ISO/IEC 14496-12, 12.1.6): green, blue, red, white, highest, lowest; 'clli'.
        bytes_are_there(out, "6d646376",
                        "33c286c41d4c0bb884d03e803d13404200989680"
                        "00000032");
        bytes_are_there(out, "636c6c69", "03e80190");
        snprintf(command, sizeof(command), "mediainfo '%s'", out);
        char *said = media_output(command);
        if (!strstr(said, "min: 0.0050 cd/m2, max: 1000 cd/m2") || !strstr(said, ": 1000 cd/m2") ||
            !strstr(said, ": 400 cd/m2"))
            media_wrong("mediainfo says of %s: %s", out, said);
        free(said);
        if (!rows[i].raw)
            continue;
        snprintf(
            command, sizeof(command),
            "ffmpeg -v error -i '%s' -c copy -f %s - | ffprobe -v error -f %s -show_frames "
            "-read_intervals '%%+#1' -i - | grep -E 'max_content=1000|max_average=400' | wc -l",
            out, rows[i].raw, rows[i].raw);
        said = media_output(command);
        if (atoi(said) != 2)
            media_wrong("%s does not say its light in the stream", out);
        free(said);
    }
    // colr 9, 16, 9; fiel progressive; pasp 1:1; clap all of it.
    bytes_are_there(made("hdr.mov"), "636f6c72", "6e636c63000900100009");
    bytes_are_there(made("hdr.mov"), "6669656c", "0100");
    bytes_are_there(made("hdr.mov"), "70617370", "0000000100000001");
    bytes_are_there(made("hdr.mov"), "636c6170",
                    "0000014000000001000000b40000000100000000000000010000000000000001");
    refused(path, profile("{\"colour\":\"bt709\"}", "{}"), "tone mapping");
}

static void light_is_measured_in_one_pass(void **state)
{
    (void)state;
    char path[MEDIA_PATH];
    const char *list[] = {path};
    struct error err;
    json_t *result = NULL;
    // Half of it at code 723 of PQ: (723-64)/876 is 1003.6 cd/m2 by SMPTE ST 2084; one frame
    // darker.
    media_make_by(
        "pq.mkv",
        "ffmpeg -v error -f lavfi -i color=gray:s=256x128:r=25,format=yuv444p10le,"
        "geq=lum='if(between(X\\,64\\,191)\\,64\\,723-20*eq(N\\,0))':cb=512:cr=512 -frames:v 5 "
        "-colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084 -color_range tv "
        "-c:v ffv1 \"$OUT\"",
        path);
    if (!media_ask("measure", list, 1, NULL, media_folder(), &result, &err))
        fail_msg("%s (%s)", err.what, err.why);
    media_expect(path, result,
                 "{\"light\":{\"max_cll\":1004,\"max_fall\":502,\"max_cll_frame\":1,"
                 "\"max_fall_frame\":1}}");
    json_decref(result);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(film_comes_back_bit_for_bit_from_its_pull_down),
        MEDIA_TEST(advanced_and_doubling_pull_downs_come_back_bit_for_bit_too),
        MEDIA_TEST(mpeg2_of_4_2_2_is_proven_and_delivered_in_mov_and_mxf),
        MEDIA_TEST(a_pull_down_that_is_only_said_is_left_out),
        MEDIA_TEST(edits_in_a_pull_down_are_found_and_no_frame_is_mixed),
        MEDIA_TEST(whole_frames_stay_late_ones_are_paired_again_and_others_deinterlaced),
        MEDIA_TEST(fields_go_out_in_the_order_that_is_asked_and_are_scaled_apart),
        MEDIA_TEST(colours_are_within_one_code_of_the_standards_sums),
        MEDIA_TEST(fewer_bits_keep_the_means_and_every_worker_spreads_the_error_alike),
        MEDIA_TEST(a_picture_is_padded_cropped_or_refused_and_never_blown_up_unasked),
        MEDIA_TEST(a_timecode_in_the_picture_is_that_of_its_frame_in_every_segment),
        MEDIA_TEST(hdr10_says_its_display_and_its_light_in_box_and_stream),
        MEDIA_TEST(light_is_measured_in_one_pass),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
