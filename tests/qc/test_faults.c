// Masters without faults, and masters with one that is known to the frame, through the whole
// command.
#include "test.h"

#include "clips.h"
#include "sound/measure.h"

#include <jansson.h>
#include <math.h>
#include <unistd.h>

enum { RATE = 48000 };
static char folder[] = "/tmp/posthouse-faults-XXXXXX";

static double loudness_now(const struct clip *c, const float *at, int64_t count)
{
    static const double weights[6] = {1, 1, 1, 0, 1.41253754, 1.41253754};
    int n = clip_channels(c);
    struct sound_measure *m =
        sound_measure_open(&(struct sound_shape){n, RATE, {25, 1}, weights, NULL});
    float *planes[6] = {0};
    for (int k = 0; k < n; k++) {
        planes[k] = calloc((size_t)count + 1, sizeof(float));
        for (int64_t i = 0; i < count; i++)
            planes[k][i] = at[i * n + k];
    }
    sound_measure_add(m, (const float *const *)planes, count);
    sound_measure_end(m);
    size_t pieces;
    const double *energy = sound_measure_energy(m, &pieces);
    double is = loudness_of(energy, pieces).integrated;
    for (int k = 0; k < n; k++)
        free(planes[k]);
    sound_measure_close(m);
    return is;
}

static void make_sound(const struct clip *c)
{
    char path[100];
    int64_t count;
    int n = clip_channels(c);
    float *at = clip_sound(c, &count);
    float gain = (float)pow(10, (-23 - loudness_now(c, at, count)) / 20);
    for (int64_t i = 0; i < count * n; i++)
        at[i] *= gain;
    clip_sound_fault(c, at, &count);
    if (c->fault == INVERT || c->fault == MONO || c->fault == OFFSET || c->fault == CLICK ||
        c->fault == STEP || c->fault == HOLE || c->fault == SILENCE) {
        // the fault is what is asked, not its loudness
        gain = (float)pow(10, (-23 - loudness_now(c, at, count)) / 20);
        for (int64_t i = 0; i < count * n; i++)
            at[i] *= gain;
    }
    snprintf(path, sizeof(path), "%s/sound.raw", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(at, sizeof(float) * (size_t)n, (size_t)count, f), count);
    fclose(f);
    free(at);
}

static const char *picture_options(const struct clip *c)
{
    switch (c->file) {
    case FFV1:
        return "-pix_fmt yuv420p -c:v ffv1 -level 3 -g 1 -slices 4";
    case FFV1_422_10:
        return "-pix_fmt yuv422p10le -c:v ffv1 -level 3 -g 1 -slices 4";
    case FFV1_444_12:
        return "-pix_fmt yuv444p12le -c:v ffv1 -level 3 -g 1 -slices 4";
    case PRORES:
        return "-pix_fmt yuv422p10le -c:v prores_aw -profile:v 3";
    case PRORES_TFF:
        return "-vf setfield=tff -pix_fmt yuv422p10le -c:v prores_ks -profile:v 2 -flags +ildct";
    case PRORES_BFF:
        return "-vf setfield=bff -pix_fmt yuv422p10le -c:v prores_ks -profile:v 2 -flags +ildct";
    case H264:
    case TAGS:
        return "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -crf 14";
    default:
        return "-pix_fmt yuv420p -c:v mpeg2video -q:v 2 -g 10 -bf 0";
    }
}

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

// Pictures into a pipe to ffmpeg.
static void encode(const struct clip *c, const char *path, int from, int to, const char *more)
{
    char command[2000];
    int w = clip_width(c), h = clip_height(c), all = w * h;
    bool heard = c->sound != NO_SOUND;
    uint16_t *planes = malloc((size_t)all * 6);
    char sound[200] = "", gap[100] = "";
    if (heard)
        snprintf(sound, sizeof(sound), "-f f32le -ar 48000 -ac %d -i %s/sound.raw -c:a pcm_s24le",
                 clip_channels(c), folder);
    if (c->fault == GAP)
        snprintf(gap, sizeof(gap), "-vf select='not(eq(n\\,%d))' -fps_mode passthrough", c->at);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -y -f rawvideo -pix_fmt yuv444p12le -s %dx%d -r %d/%d "
             "-color_primaries bt709 -color_trc bt709 -colorspace bt709 "
             "-color_range tv -i - %s -sws_flags area+accurate_rnd -sws_dither none %s %s %s "
             "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv %s",
             w, h, c->fps_num ? c->fps_num : 25, c->fps_den ? c->fps_den : 1, sound,
             picture_options(c), gap, more, path);
    FILE *pipe_to = popen(command, "w");
    assert_non_null(pipe_to);
    for (int i = from; i < to; i++) {
        clip_picture(c, i, planes, planes + all, planes + 2 * all);
        if (fwrite(planes, 6, (size_t)all, pipe_to) != (size_t)all)
            fail_msg("ffmpeg ended: %s", command);
    }
    assert_int_equal(pclose(pipe_to), 0);
    free(planes);
}

static void make_file(const struct clip *c, char *path, size_t room)
{
    char part[200], command[800];
    if (c->sound != NO_SOUND)
        make_sound(c);
    snprintf(path, room, "%s/clip.%s", folder,
             c->file <= FFV1_444_12 ? "mkv"
             : c->file == MPEG2_TC  ? "m2v"
                                    : "mov");
    if (c->file == MPEG2_TC) { // two pieces, of which the second begins at another time
        snprintf(part, sizeof(part), "%s/1.m2v", folder);
        encode(c, part, 0, 60, "-timecode 01:00:00:00");
        snprintf(part, sizeof(part), "%s/2.m2v", folder);
        encode(c, part, 60, c->frames, c->a ? "-timecode 02:00:00:00" : "-timecode 01:00:02:10");
        snprintf(command, sizeof(command), "cat %s/1.m2v %s/2.m2v > %s", folder, folder, path);
        run(command);
        return;
    }
    encode(c, path, 0, c->frames, "");
    if (c->file == TAGS) { // the header of the essence says BT.2020, the container BT.709
        snprintf(
            command, sizeof(command),
            "mv %s %s/as709.mov && ffmpeg -v error -y -i %s/as709.mov -c copy -bsf:v "
            "h264_metadata=colour_primaries=9:transfer_characteristics=14:matrix_coefficients=9 %s",
            path, folder, folder, path);
        run(command);
    }
}

static json_t *report_of(const char *path)
{
    char command[1000];
    snprintf(command, sizeof(command), "%s qc --json %s", getenv("POSTHOUSE"), path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    json_error_t why;
    json_t *report = json_loadf(f, 0, &why);
    pclose(f);
    return report;
}

struct tally {
    int clean, alarms, planted, found, inexact;
};

static const char *word(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static bool place_holds(const struct clip *c, const json_t *f)
{
    const json_t *from = json_object_get(f, "from");
    if (c->from == -2)
        return true;
    if (c->from == -1)
        return !from;
    return from && json_integer_value(from) == c->from &&
           json_integer_value(json_object_get(f, "to")) == c->to;
}

static bool follows(const struct clip *c, const char *rule)
{
    char all[200], one[80];
    snprintf(all, sizeof(all), " %s ", c->also ? c->also : "");
    snprintf(one, sizeof(one), " %s ", rule);
    return strstr(all, one) != NULL;
}

static void judge(const struct clip *c, const json_t *report, struct tally *t)
{
    const json_t *f;
    size_t i;
    bool found = false;
    c->rule ? t->planted++ : t->clean++;
    json_array_foreach(json_object_get(report, "findings"), i, f)
    {
        const char *rule = word(f, "rule");
        bool right = c->rule && !strcmp(rule, c->rule) && !found;
        if (right && place_holds(c, f)) {
            found = true;
            continue;
        }
        if (follows(c, rule))
            continue;
        bool place = c->rule && !strcmp(rule, c->rule);
        t->alarms += !place, t->inexact += place;
        printf("%s: \"%s\": %s %s, frames %lld to %lld: %s\n",
               place ? "not where it is" : "false alarm", c->name, rule, word(f, "where"),
               json_integer_value(json_object_get(f, "from")),
               json_integer_value(json_object_get(f, "to")), word(f, "seen"));
    }
    t->found += found;
    if (c->rule && !found)
        printf("missed: \"%s\": %s, frames %d to %d\n", c->name, c->rule, c->from, c->to);
}

static void each_planted_fault_is_found_to_the_frame_and_clean_masters_raise_nothing(void **state)
{
    (void)state;
    const char *every = getenv("ALL_CLIPS"), *only = getenv("CLIP");
    bool all = (every && *every) || only;
    struct tally t = {0};
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < clip_count; i++) {
        const struct clip *c = &clips[i];
        char path[200], command[300];
        if ((!all && !c->quick) || (only && !strstr(c->name, only)))
            continue;
        make_file(c, path, sizeof(path));
        json_t *report = report_of(path);
        if (!report)
            fail_msg("no report of \"%s\"", c->name);
        if (getenv("KEEP")) {
            snprintf(command, sizeof(command), "cp %s %s", path, getenv("KEEP"));
            run(command);
        }
        judge(c, report, &t);
        json_decref(report);
        unlink(path);
        fflush(stdout);
    }
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    run(command);
    printf("%d of %d planted faults found, %d told elsewhere; %d false alarms on them and on %d "
           "clean masters\n",
           t.found, t.planted, t.inexact, t.alarms, t.clean);
    assert_int_equal(t.found, t.planted);
    assert_int_equal(t.alarms + t.inexact, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_planted_fault_is_found_to_the_frame_and_clean_masters_raise_nothing),
    };
    return RUN_TESTS(tests);
}
