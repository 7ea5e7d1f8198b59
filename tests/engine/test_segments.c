// Deliverables in segments: the same bytes whoever makes them, every frame once, no seam in sound.
#include "test.h"

#include "make_media.h"
#include "tickets/make.h"
#include "tickets/run.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static json_t *profile(const char *name, const char *video)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/%s.json", getenv("PROFILES"), name);
    json_t *p = json_load_file(path, 0, NULL), *more = json_loads(video, 0, NULL);
    assert_non_null(p);
    assert_non_null(more);
    json_object_update(json_object_get(p, "video"), more);
    json_decref(more);
    return p;
}

static char *hash_of(const char *path)
{
    char command[MEDIA_PATH + 40];
    snprintf(command, sizeof(command), "sha256sum < '%s'", path);
    return media_output(command);
}

static void same_file(const char *a, const char *b)
{
    char *x = hash_of(a), *y = hash_of(b);
    if (strcmp(x, y) != 0)
        media_wrong("%s and %s are not the same: %s %s", a, b, x, y);
    free(x);
    free(y);
}

static const char *made(const char *name)
{
    static char path[4][MEDIA_PATH];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], MEDIA_PATH, "%s/%s", media_folder(), name);
    return path[at];
}

static bool deliver(const char *source, json_t *p, const char *output, int workers, json_t **result)
{
    struct error err;
    json_t *unused = NULL;
    bool done = media_deliver(&source, 1, p, output, workers, result ? result : &unused, &err);
    if (!done)
        media_wrong("%s: %s (%s)", source, err.what, err.why);
    json_decref(unused);
    return done;
}

#define SOUND "-f lavfi -i anoisesrc=r=48000:d=4:a=0.3:seed=7 -c:a pcm_s24le "

static const struct wanted {
    const char *profile, *video, *ending;
} each[] = {
    {"web-h264-1080p", "{\"gop_s\":1,\"segment_s\":1}", "mp4"},
    {"prores-422-hq-mov", "{\"segment_s\":1}", "mov"},
    {"dnxhr-hqx-mxf", "{\"segment_s\":1}", "mxf"},
};

static void the_same_bytes_come_from_any_number_of_workers(void **state)
{
    (void)state;
    char source[MEDIA_PATH], again[40], first[40];
    media_make(&(struct clip){"open.mov", "25", .frames = 100,
                              .options =
                                  SOUND "-c:v libx264 -preset fast -g 12 -bf 3 -b_strategy 0 "
                                        "-x264-params open-gop=1 -timecode 10:00:00:00"},
               source);
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        snprintf(first, sizeof(first), "one.%s", each[i].ending);
        if (!deliver(source, profile(each[i].profile, each[i].video), first, 1, NULL))
            continue;
        media_expect_bars(made(first), 100, 320, 180, -1);
        for (int workers = 2; workers <= 4; workers *= 2) {
            snprintf(again, sizeof(again), "of%d.%s", workers, each[i].ending);
            if (deliver(source, profile(each[i].profile, each[i].video), again, workers, NULL))
                same_file(made(first), made(again));
        }
    }
}

// ---- an engine is killed

static bool engine_of_ours(pid_t pid)
{
    char path[64], text[600] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "r");
    bool engine = f && fgets(text, sizeof(text), f) && strncmp(text, "posthouse-engin", 15) == 0;
    if (f)
        fclose(f);
    for (int up = 0; engine && up < 4; up++) {
        int parent = 0;
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        f = fopen(path, "r");
        char *end = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
        if (f)
            fclose(f);
        if (!end || sscanf(end + 2, "%*c %d", &parent) != 1)
            return false;
        if (parent == getpid())
            return true;
        pid = parent;
    }
    return false;
}

static int kill_engines(void)
{
    DIR *all = opendir("/proc");
    int killed = 0;
    for (struct dirent *e; (e = readdir(all));) {
        pid_t pid = isdigit((unsigned char)e->d_name[0]) ? atoi(e->d_name) : 0;
        if (pid && engine_of_ours(pid) && kill(pid, SIGKILL) == 0)
            killed++;
    }
    closedir(all);
    return killed;
}

struct killing {
    int64_t at; // frames: then an engine is killed
    int killed;
};

static bool kill_at(void *context, int64_t done, int64_t total)
{
    struct killing *k = context;
    (void)total;
    if (done >= k->at && !k->killed)
        k->killed = kill_engines();
    return true;
}

static json_t *ticket_for(const char *source, json_t *p)
{
    struct error err;
    json_t *facts = NULL;
    if (!media_ask("probe", &source, 1, NULL, NULL, &facts, &err))
        fail_msg("%s: %s (%s)", source, err.what, err.why);
    return json_pack("{s:o, s:o}", "profile", p, "facts", facts);
}

static void a_killed_engine_changes_no_byte(void **state)
{
    (void)state;
    char source[MEDIA_PATH], folder[MEDIA_PATH], path[2 * MEDIA_PATH];
    media_make(&(struct clip){"long.mov", "25", 640, 360, 150,
                              .options = "-c:v libx264 -preset ultrafast -g 30"},
               source);
    const char *video = "{\"gop_s\":1,\"segment_s\":1,\"options\":{\"preset\":\"slow\"}}";
    if (!deliver(source, profile("web-h264-1080p", video), "calm.mp4", 2, NULL))
        return;
    struct killing k = {.at = 30};
    struct error err;
    json_t *result = NULL, *ticket = ticket_for(source, profile("web-h264-1080p", video));
    const char *list[] = {source};
    snprintf(folder, sizeof(folder), "%s/.killed", media_folder());
    mkdir(folder, 0755);
    struct make_wish wish = {.ticket = ticket,
                             .paths = list,
                             .count = 1,
                             .folder = folder,
                             .output = "k.mp4",
                             .workers = 2,
                             .heard = kill_at,
                             .context = &k};
    if (!make_file(&wish, &result, &err))
        fail_msg("%s (%s)", err.what, err.why);
    assert_true(k.killed > 0);
    snprintf(path, sizeof(path), "%s/k.mp4", folder);
    same_file(made("calm.mp4"), path);
    json_decref(result);
    json_decref(ticket);
}

static bool stop_at(void *context, int64_t done, int64_t total)
{
    (void)total;
    return done < *(int64_t *)context;
}

static bool any(void *context, int64_t done, int64_t total)
{
    (void)total;
    int64_t *first = context;
    *first = *first < 0 ? done : *first;
    return true;
}

static void what_was_cut_off_goes_on_where_it_stood(void **state)
{
    (void)state;
    char source[MEDIA_PATH], folder[MEDIA_PATH], path[2 * MEDIA_PATH];
    media_make(&(struct clip){"long.mov", "25", 640, 360, 150,
                              .options = "-c:v libx264 -preset ultrafast -g 30"},
               source);
    struct error err;
    int64_t stop = 60, first = -1;
    json_t *result = NULL,
           *ticket = ticket_for(source, profile("prores-422-hq-mov", "{\"segment_s\":1}"));
    const char *list[] = {source};
    snprintf(folder, sizeof(folder), "%s/.cut", media_folder());
    mkdir(folder, 0755);
    struct make_wish wish = {.ticket = ticket,
                             .paths = list,
                             .count = 1,
                             .folder = folder,
                             .output = "c.mov",
                             .workers = 1,
                             .heard = stop_at,
                             .context = &stop};
    assert_false(make_file(&wish, &result, &err));
    assert_int_equal(err.kind, ERROR_CANCELLED);
    snprintf(path, sizeof(path), "%s/c.mov", folder);
    assert_int_not_equal(access(path, F_OK), 0);
    wish.heard = any;
    wish.context = &first;
    if (!make_file(&wish, &result, &err))
        fail_msg("%s (%s)", err.what, err.why);
    assert_true(first >= 25); // the segments that were done are not done again
    media_expect_bars(path, 150, 640, 360, -1);
    json_decref(result);
    json_decref(ticket);
}

// ---- sources

static void every_frame_comes_once_from_any_source(void **state)
{
    (void)state;
    static const struct clip clips[] = {
        {"o.ts", "25", .frames = 80, .options = "-c:v mpeg2video -b:v 4M -g 12 -bf 2"},
        {"h.ts", "30000/1001", .frames = 80,
         .options = "-c:v libx264 -preset fast -g 10 -x264-params open-gop=1:scenecut=0 -bf 3"},
        {"m.mkv", "24000/1001", .frames = 80, .options = "-c:v libx264 -preset veryfast -g 300"},
        {"i.mov", "50", .frames = 80, .options = "-c:v prores_ks -pix_fmt yuv422p10le"},
        {"x.mxf", "25", .frames = 80,
         .options = "-c:v mpeg2video -pix_fmt yuv422p -b:v 20M -g 12 -bf 2 -f mxf"},
        {"a.avi", "25", .frames = 80, .options = "-c:v mpeg4 -q:v 3 -g 20 -bf 2"},
        {"v.mp4", "25", .frames = 80,
         .options = "-c:v libx265 -preset ultrafast -x265-params "
                    "log-level=error:keyint=15:open-gop=1"},
        {"r.h264", "25", .frames = 80, .options = "-c:v libx264 -preset ultrafast -g 10 -f h264"},
    };
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        char source[MEDIA_PATH];
        json_t *result = NULL;
        media_make(&clips[i], source);
        if (!deliver(source, profile("prores-422-hq-mov", "{\"segment_s\":1}"), "every.mov", 2,
                     &result))
            continue;
        media_expect(source, result, "{\"frames\":80,\"damage\":[]}");
        media_expect_bars(made("every.mov"), 80, 320, 180, -1);
        json_decref(result);
    }
}

// A recording that began in the middle of a group: what can not be decoded shows the first frame
// that can.
static void a_late_first_key_frame_is_shown_from_the_start(void **state)
{
    (void)state;
    char source[MEDIA_PATH];
    media_make_by("late.ts",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=6 -c:v libx264 -preset "
                  "ultrafast -g 50 -x264-params scenecut=0 -bf 0 -f mpegts \"$OUT.ts\" && tail -c "
                  "+$(($(stat -c %s \"$OUT.ts\")/8)) \"$OUT.ts\" > \"$OUT\" && rm \"$OUT.ts\"",
                  source);
    json_t *one = NULL, *many = NULL;
    if (!deliver(source, profile("prores-422-hq-mov", "{\"segment_s\":60}"), "late1.mov", 1,
                 &one) ||
        !deliver(source, profile("prores-422-hq-mov", "{\"segment_s\":1}"), "late2.mov", 2, &many))
        return;
    assert_true(json_array_size(json_object_get(one, "damage")) > 0);
    if (!json_equal(json_object_get(one, "damage"), json_object_get(many, "damage")))
        media_wrong("the damage of one segment is not that of many");
    // Frames that stand alone: the pictures are the same however they were cut.
    char command[3 * MEDIA_PATH];
    snprintf(command, sizeof(command), "ffmpeg -v error -i '%s' -map 0:v -c copy -f md5 -",
             made("late1.mov"));
    char *a = media_output(command);
    snprintf(command, sizeof(command), "ffmpeg -v error -i '%s' -map 0:v -c copy -f md5 -",
             made("late2.mov"));
    char *b = media_output(command);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_decref(one);
    json_decref(many);
}

// However it is cut, a film with holes looks as it does in one piece.
static void damage_at_a_seam_is_what_it_is_elsewhere(void **state)
{
    (void)state;
    static const char *const options[] = {
        "-c:v libx264 -preset ultrafast -g 5 -bf 2 -movflags +faststart",
        "-c:v prores_ks -pix_fmt yuv422p10le -movflags +faststart",
    };
    for (int i = 0; i < 2; i++) {
        char path[MEDIA_PATH], command[6 * MEDIA_PATH];
        const char *hurt = made("hurt.mov");
        media_make(
            &(struct clip){i ? "hp.mov" : "hx.mov", "25", .frames = 75, .options = options[i]},
            path);
        // Half of the file has holes, so that seams are hit.
        snprintf(command, sizeof(command),
                 "cp '%s' '%s' && s=$(stat -c %%s '%s') && for k in 30 33 36 40 66 70; do dd "
                 "if=/dev/zero of='%s' bs=1 count=$((s/80)) seek=$((s*k/100)) conv=notrunc "
                 "status=none; done",
                 path, hurt, hurt, hurt);
        assert_int_equal(system(command), 0);
        json_t *one = NULL, *many = NULL, *alone = NULL;
        if (!deliver(hurt, profile("prores-422-hq-mov", "{\"segment_s\":60}"), "d1.mov", 1, &one) ||
            !deliver(hurt, profile("prores-422-hq-mov", "{\"segment_s\":1}"), "d2.mov", 2, &many) ||
            !deliver(hurt, profile("prores-422-hq-mov", "{\"segment_s\":1}"), "d3.mov", 1, &alone))
            return;
        if (!json_array_size(json_object_get(one, "damage")) ||
            !json_equal(json_object_get(one, "damage"), json_object_get(many, "damage")))
            media_wrong("%s: the damage of one segment is not that of many", options[i]);
        media_expect(hurt, many, "{\"frames\":75}");
        same_file(made("d2.mov"), made("d3.mov"));
        json_decref(alone);
        json_decref(one);
        json_decref(many);
    }
}

static void sound_has_no_seam_and_not_a_sample_more(void **state)
{
    (void)state;
    char source[MEDIA_PATH], command[2 * MEDIA_PATH];
    media_make(&(struct clip){"s.mov", "25", .frames = 100,
                              .options = SOUND "-c:v libx264 -preset ultrafast"},
               source);
    if (!deliver(source, profile("prores-422-hq-mov", "{\"segment_s\":1}"), "s.mov", 2, NULL))
        return;
    char *sums[2];
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof(command),
                 "ffmpeg -v error -i '%s' -map 0:a -f md5 -c:a pcm_s24le -",
                 i ? made("s.mov") : source);
        sums[i] = media_output(command);
    }
    assert_string_equal(sums[0], sums[1]);
    free(sums[0]);
    free(sums[1]);
}

static char *keys_of(const char *path)
{
    char command[2 * MEDIA_PATH];
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -show_entries packet=pts,flags -of csv=p=0 '%s' | "
             "grep K",
             path);
    return media_output(command);
}

static void the_rungs_of_a_ladder_have_the_same_key_frames(void **state)
{
    (void)state;
    char source[MEDIA_PATH];
    media_make(&(struct clip){"l.mov", "25", 640, 360, 130,
                              .options = "-c:v libx264 -preset ultrafast -g 37"},
               source);
    const char *high = "{\"gop_s\":1,\"segment_s\":2,\"gop\":\"fixed\"}";
    const char *low =
        "{\"gop_s\":1,\"segment_s\":2,\"gop\":\"fixed\",\"width\":320,\"height\":180}";
    if (!deliver(source, profile("web-h264-1080p", high), "high.mp4", 2, NULL) ||
        !deliver(source, profile("web-h264-1080p", low), "low.mp4", 2, NULL))
        return;
    char *a = keys_of(made("high.mp4")), *b = keys_of(made("low.mp4"));
    assert_string_equal(a, b);
    int lines = 0;
    for (const char *c = a; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 6);
    free(a);
    free(b);
}

static void a_strict_rate_is_one_segment(void **state)
{
    (void)state;
    char source[MEDIA_PATH];
    struct error err;
    media_make(&(struct clip){"l.mov", "25", 640, 360, 130,
                              .options = "-c:v libx264 -preset ultrafast -g 37"},
               source);
    const char *video =
        "{\"gop_s\":1,\"segment_s\":1,\"options\":{\"preset\":\"fast\",\"b\":\"1M\","
        "\"maxrate\":\"1M\",\"bufsize\":\"1M\"}}";
    json_t *result = NULL, *ticket = ticket_for(source, profile("web-h264-1080p", video));
    const char *list[] = {source};
    if (!media_ask("index", list, 1, ticket, NULL, &result, &err))
        fail_msg("%s (%s)", err.what, err.why);
    media_expect(source, result,
                 "{\"plan\":{\"frames\":130,\"segments\":[{\"first\":0,\"count\":130}]}}");
    json_decref(result);
}

// A decoder's buffer of `size` bits is filled with `rate` bits a second and gives up a frame each
// 1/25 s (ISO/IEC 14496-10 C.1.2, low delay off): it never has less than the frame in it. Before
// the first one it is filled by as much as the encoder assumes.
static void never_short(const char *path, double rate, double size, double before)
{
    char command[2 * MEDIA_PATH];
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -show_entries packet=size -of csv=p=0 '%s'", path);
    char *all = media_output(command), *rest = NULL;
    double held = size * before, sum = 0;
    int count = 0;
    for (char *line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        double bits = 8 * atof(line);
        if (bits > held)
            fail_msg("frame %d has %.0f bits, and the buffer %.0f", count, bits, held);
        held = held - bits + rate / 25 < size ? held - bits + rate / 25 : size;
        sum += bits, count++;
    }
    assert_int_equal(count, 250);
    assert_true(sum * 25 / count > rate * 0.8); // it is not simply small
    free(all);
}

static void a_decoders_buffer_lasts_over_the_whole_film(void **state)
{
    (void)state;
    char source[MEDIA_PATH];
    media_make_by("hard.mov",
                  "ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=10 -vf "
                  "\"noise=alls=60:allf=t:enable='between(t,3,6)'\" -c:v libx264 -preset ultrafast "
                  "-crf 12 -g 25 -f mov \"$OUT\"",
                  source);
    const char *video = "{\"gop_s\":1,\"segment_s\":1,\"options\":{\"preset\":\"veryfast\","
                        "\"b\":\"400k\",\"maxrate\":\"400k\",\"bufsize\":\"400k\"}}";
    if (!deliver(source, profile("web-h264-1080p", video), "strict1.mp4", 1, NULL) ||
        !deliver(source, profile("web-h264-1080p", video), "strict2.mp4", 2, NULL))
        return;
    same_file(made("strict1.mp4"), made("strict2.mp4"));
    never_short(made("strict1.mp4"), 400e3, 400e3, 0.9);
}

static void a_bit_rate_is_held_by_all_segments_together(void **state)
{
    (void)state;
    char source[MEDIA_PATH], command[2 * MEDIA_PATH];
    // The second half is far harder than the first.
    media_make_by("uneven.mov",
                  "ffmpeg -v error -f lavfi -i \"testsrc2=s=320x180:r=25:d=8,"
                  "noise=alls=40:allf=t:enable='gte(t,4)'\" -c:v libx264 -preset ultrafast -crf 8 "
                  "-f mov \"$OUT\"",
                  source);
    const char *video = "{\"gop_s\":1,\"segment_s\":1,\"bit_rate\":600000,\"options\":{\"preset\":"
                        "\"fast\"}}";
    if (!deliver(source, profile("web-h264-1080p", video), "rate1.mp4", 1, NULL) ||
        !deliver(source, profile("web-h264-1080p", video), "rate2.mp4", 2, NULL))
        return;
    same_file(made("rate1.mp4"), made("rate2.mp4"));
    long bytes[2] = {0}; // of the two halves
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -show_entries packet=size -of csv=p=0 '%s'",
             made("rate1.mp4"));
    char *sizes = media_output(command), *rest = sizes;
    for (int i = 0; i < 200; i++)
        bytes[i / 100] += strtol(rest, &rest, 10);
    double rate = (double)(bytes[0] + bytes[1]); // of 8 seconds: bits a second
    if (rate < 600000 * 0.9 || rate > 600000 * 1.1)
        media_wrong("it came to %.0f bits a second, not 600,000", rate);
    assert_true(bytes[1] > 2 * bytes[0]);
    free(sizes);
}

static void a_likeness_is_held_by_all_segments_together(void **state)
{
    (void)state;
    char source[MEDIA_PATH], command[3 * MEDIA_PATH];
    media_make_by("halves.mov",
                  "ffmpeg -v error -f lavfi -i \"testsrc2=s=160x90:r=25:d=6,"
                  "noise=alls=40:allf=t:enable='gte(t,3)'\" -c:v libx264 -preset ultrafast -crf 8 "
                  "-f mov \"$OUT\"",
                  source);
    const char *video = "{\"gop_s\":1,\"segment_s\":1,\"sdr\":false,\"psnr_db\":38,\"options\":{"
                        "\"preset\":\"fast\"}}";
    if (!deliver(source, profile("web-h264-1080p", video), "like.mp4", 2, NULL))
        return;
    snprintf(command, sizeof(command),
             "ffmpeg -v info -i '%s' -i '%s' -lavfi psnr -f null - 2>&1 | sed -n "
             "'s/.*PSNR y:\\([0-9.]*\\).*/\\1/p'",
             made("like.mp4"), source);
    char *seen = media_output(command);
    if (atof(seen) < 37.5 || atof(seen) > 38.5)
        media_wrong("it came to %s dB, not 38", seen);
    free(seen);
}

static void what_the_container_can_not_hold_is_said_before_anything_is_encoded(void **state)
{
    (void)state;
    char source[MEDIA_PATH];
    media_make(&(struct clip){"s.mov", "25", .frames = 100,
                              .options = SOUND "-c:v libx264 -preset ultrafast"},
               source);
    const char *list[] = {source};
    struct error err;
    json_t *result = NULL, *p = profile("web-h264-1080p", "{}");
    json_object_set_new(json_object_get(p, "audio"), "codec", json_string("pcm_s24le"));
    json_t *all = ticket_for(source, p);
    json_t *ticket = make_sound_ticket(all, "s.packets");
    assert_false(media_ask("sound", list, 1, ticket, media_folder(), &result, &err));
    assert_int_equal(err.kind, ERROR_INPUT); // the profile's check knows it
    assert_non_null(strstr(err.why, "pcm_s24le does not lie in mp4"));
    json_decref(all);
}

static void a_piece_that_was_hurt_is_not_delivered(void **state)
{
    (void)state;
    char source[MEDIA_PATH], folder[MEDIA_PATH], path[2 * MEDIA_PATH];
    media_make(&(struct clip){"long.mov", "25", 640, 360, 150,
                              .options = "-c:v libx264 -preset ultrafast -g 30"},
               source);
    struct error err;
    json_t *result = NULL,
           *ticket = ticket_for(source, profile("prores-422-hq-mov", "{\"segment_s\":2}"));
    const char *list[] = {source};
    snprintf(folder, sizeof(folder), "%s/.hurt", media_folder());
    mkdir(folder, 0755);
    struct make_wish wish = {
        .ticket = ticket, .paths = list, .count = 1, .folder = folder, .output = "h.mov"};
    assert_true(make_file(&wish, &result, &err));
    json_decref(result);
    snprintf(path, sizeof(path), "%s/pieces/segment-000002.packets", folder);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, 100000, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, 100000, SEEK_SET);
    fputc(byte ^ 1, f);
    fclose(f);
    assert_false(make_file(&wish, &result, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    assert_int_equal(truncate(path, 90000), 0);
    assert_false(make_file(&wish, &result, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    json_decref(ticket);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(the_same_bytes_come_from_any_number_of_workers),
        MEDIA_TEST(a_killed_engine_changes_no_byte),
        MEDIA_TEST(what_was_cut_off_goes_on_where_it_stood),
        MEDIA_TEST(every_frame_comes_once_from_any_source),
        MEDIA_TEST(a_late_first_key_frame_is_shown_from_the_start),
        MEDIA_TEST(damage_at_a_seam_is_what_it_is_elsewhere),
        MEDIA_TEST(sound_has_no_seam_and_not_a_sample_more),
        MEDIA_TEST(the_rungs_of_a_ladder_have_the_same_key_frames),
        MEDIA_TEST(a_strict_rate_is_one_segment),
        MEDIA_TEST(a_decoders_buffer_lasts_over_the_whole_film),
        MEDIA_TEST(a_bit_rate_is_held_by_all_segments_together),
        MEDIA_TEST(a_likeness_is_held_by_all_segments_together),
        MEDIA_TEST(what_the_container_can_not_hold_is_said_before_anything_is_encoded),
        MEDIA_TEST(a_piece_that_was_hurt_is_not_delivered),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
