// Mixing, turning, limiting, and the detector of speech.
#include "test.h"

#include "sound/limit.h"
#include "sound/loudness.h"
#include "sound/measure.h"
#include "sound/mix.h"
#include "sound/speech.h"

#include <math.h>

enum { RATE = 48000 };

static float *sine(int count, double hz, double level)
{
    float *to = malloc((size_t)count * sizeof(float));
    for (int i = 0; i < count; i++)
        to[i] = (float)(level * sin(2 * M_PI * hz * i / RATE));
    return to;
}

// Runs it in pieces of odd sizes.
static int64_t mixed(struct sound_mix *m, const float *const *in, int inputs, int count, int piece,
                     float **out, int outputs)
{
    int64_t made = 0;
    for (int at = 0; at <= count; at += piece) {
        const float *now[8];
        float *to[8];
        int some = at + piece < count ? piece : count - at;
        for (int c = 0; c < inputs; c++)
            now[c] = in[c] + at;
        for (int c = 0; c < outputs; c++)
            to[c] = out[c] + made;
        if (some > 0)
            made += sound_mix_run(m, now, some, to);
    }
    float *to[8];
    for (int c = 0; c < outputs; c++)
        to[c] = out[c] + made;
    return made + sound_mix_run(m, NULL, 0, to);
}

static void a_copy_is_exact_and_a_sum_is_the_sum(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    const float *in[2] = {sine(COUNT, 440, 0.7), sine(COUNT, 1000, 0.3)};
    float *out[3] = {malloc(20000), malloc(20000), malloc(20000)};
    const struct mix_part copy[] = {{1, 1, 0}}, sum[] = {{0, 1, 0}, {1, 0.5f, 0}};
    const struct mix_output outputs[] = {{copy, 1}, {sum, 2}, {NULL, 0}};
    struct sound_mix *m = sound_mix_open(2, outputs, 3);
    assert_int_equal(mixed(m, in, 2, COUNT, 777, out, 3), COUNT);
    assert_memory_equal(out[0], in[1], COUNT * sizeof(float));
    for (int i = 0; i < COUNT; i++) {
        assert_float_equal(out[1][i], in[0][i] + 0.5 * in[1][i], 1e-6);
        assert_true(out[2][i] == 0);
    }
    sound_mix_close(m);
    for (int i = 0; i < 3; i++)
        free(out[i]);
    free((void *)(uintptr_t)in[0]);
    free((void *)(uintptr_t)in[1]);
}

static void turned_sound_is_a_quarter_later_and_what_is_beside_it_stays_in_its_place(void **state)
{
    (void)state;
    static const double tones[] = {80, 440, 3000, 15000};
    static const int pieces[] = {4096, 100, 20000};
    for (size_t k = 0; k < 4; k++) {
        enum { COUNT = 20000 };
        const float *in[1] = {sine(COUNT, tones[k], 0.5)};
        float *out[3];
        for (int c = 0; c < 3; c++)
            out[c] = malloc((COUNT + 4096) * sizeof(float));
        const struct mix_part plain[] = {{0, 1, 0}}, one[] = {{0, 1, 1}}, other[] = {{0, 1, -1}};
        const struct mix_output outputs[] = {{plain, 1}, {one, 1}, {other, 1}};
        struct sound_mix *m = sound_mix_open(1, outputs, 3);
        assert_int_equal(mixed(m, in, 1, COUNT, pieces[k % 3], out, 3), COUNT);
        assert_memory_equal(out[0], in[0], COUNT * sizeof(float));
        for (int i = 3000; i < COUNT - 3000; i++) {
            double quarter = -0.5 * cos(2 * M_PI * tones[k] * i / RATE);
            assert_float_equal(out[1][i], quarter, 0.006);
            assert_float_equal(out[2][i], -quarter, 0.006);
        }
        sound_mix_close(m);
        for (int c = 0; c < 3; c++)
            free(out[c]);
        free((void *)(uintptr_t)in[0]);
    }
}

static double true_peak(const float *const *planes, int channels, int64_t count)
{
    static const double weights[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct sound_measure *m =
        sound_measure_open(&(struct sound_shape){channels, RATE, {10, 1}, weights, NULL});
    sound_measure_add(m, planes, count);
    sound_measure_end(m);
    struct measure_track t = sound_measure_track(m);
    int most = MEASURE_SILENT;
    for (int64_t i = 0; i < t.windows * channels; i++)
        most = t.at[i].true_peak > most ? t.at[i].true_peak : most;
    sound_measure_close(m);
    return most / 100.0;
}

static void a_limiter_holds_true_peaks_and_leaves_what_is_under_as_it_is(void **state)
{
    (void)state;
    enum { COUNT = 96000 };
    float *in[2] = {sine(COUNT, 12000, 0.2), sine(COUNT, 997, 0.1)};
    // Bursts at a quarter of the sample rate, whose peaks lie between samples, and single clicks.
    for (int i = 0; i < COUNT; i++) {
        in[0][i] = (float)(0.2 * sin(2 * M_PI * 12000 * i / RATE + M_PI / 4));
        if (i % 30000 > 20000 && i % 30000 < 24000)
            in[0][i] *= 7;
        if (i % 17000 == 500)
            in[1][i] = -1.2f;
    }
    float *out[2] = {malloc((COUNT + 200) * sizeof(float)), malloc((COUNT + 200) * sizeof(float))};
    const float *const *planes = (const float *const *)in;
    assert_true(true_peak(planes, 2, COUNT) > 2);
    struct sound_limit *l = sound_limit_open(2, RATE, -2, 100);
    int64_t made = 0;
    for (int at = 0; at < COUNT; at += 1000) {
        const float *now[2] = {in[0] + at, in[1] + at};
        float *to[2] = {out[0] + made, out[1] + made};
        made += sound_limit_run(l, now, 1000, to);
    }
    float *to[2] = {out[0] + made, out[1] + made};
    made += sound_limit_run(l, NULL, 0, to);
    assert_int_equal(made, COUNT);
    assert_true(true_peak((const float *const *)out, 2, COUNT) <= -1.9);
    // Before the first of it nothing is touched.
    assert_memory_equal(out[0], in[0], 300 * sizeof(float));
    assert_memory_equal(out[1], in[1], 300 * sizeof(float));
    assert_true(sound_limit_most_db(l) > 3 && sound_limit_samples(l) < COUNT);
    sound_limit_close(l);
    for (int c = 0; c < 2; c++) {
        free(in[c]);
        free(out[c]);
    }
}

// ---- speech

static double share(struct speech *s)
{
    size_t count, found = 0;
    speech_end(s);
    const uint8_t *at = speech_found(s, &count);
    for (size_t i = 0; i < count; i++)
        found += at[i];
    speech_close(s);
    return count ? (double)found / (double)count : 0;
}

static double of_command(const char *command)
{
    struct speech *s = speech_open(RATE);
    float block[4800];
    FILE *from = popen(command, "r");
    assert_non_null(from);
    for (size_t n; (n = fread(block, sizeof(float), 4800, from)) > 0;)
        speech_add(s, block, (int64_t)n);
    assert_int_equal(pclose(from), 0);
    return share(s);
}

#define SPOKEN                                                                                     \
    "espeak-ng --stdout 'She sells sea shells by the sea shore, and the shells she sells are sea " \
    "shells, I am sure. When in the course of human events it becomes necessary for one people "   \
    "to "                                                                                          \
    "part from another, a decent respect asks that they should declare why.'"
#define AS_FLOATS "-ac 1 -ar 48000 -f f32le - 2>/dev/null"

static void speech_is_found_and_tones_noise_and_silence_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        double least, most;
    } rows[] = {
        {SPOKEN " | ffmpeg -v error -i - " AS_FLOATS, 0.6, 1},
        {"ffmpeg -v error -f lavfi -i anoisesrc=d=8:c=pink:a=0.2:seed=1 " AS_FLOATS, 0, 0},
        {"ffmpeg -v error -f lavfi -i sine=440:d=8 " AS_FLOATS, 0, 0},
        {"ffmpeg -v error -f lavfi -i anullsrc=d=8 -t 8 " AS_FLOATS, 0, 0},
        // noise in bursts, as of a machine; a chord that is struck four times a second
        {"ffmpeg -v error -f lavfi -i anoisesrc=d=8:a=0.3:seed=2,tremolo=f=4:d=0.95 " AS_FLOATS, 0,
         0},
        {"ffmpeg -v error -f lavfi -i "
         "\"aevalsrc='0.2*(sin(440*PI*t)+sin(554*PI*t)+sin(660*PI*t))*exp(-8*mod(t,0.25))':d="
         "8\" " AS_FLOATS,
         0, 0.05},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double seen = of_command(rows[i].command);
        if (seen < rows[i].least || seen > rows[i].most)
            fail_msg("%s: %.0f %% is taken for speech", rows[i].command, seen * 100);
    }
}

static void loudness_of_dialogue_is_that_of_the_spoken_parts_alone(void **state)
{
    (void)state;
    double energy[100], share_of;
    uint8_t speech[100] = {0};
    for (int i = 0; i < 100; i++) {
        energy[i] = i < 30 ? 0.01 : 1; // -20.7 and -0.7 LUFS
        speech[i] = i < 30;
    }
    assert_float_equal(loudness_dialogue(energy, 100, speech, 100, &share_of), -20.691, 1e-3);
    assert_float_equal(share_of, 0.3, 1e-9);
    memset(speech, 0, sizeof(speech));
    assert_true(loudness_dialogue(energy, 100, speech, 100, &share_of) <= LOUDNESS_NONE);
    assert_true(loudness_dialogue(energy, 0, speech, 0, &share_of) <= LOUDNESS_NONE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_exact_and_a_sum_is_the_sum),
        cmocka_unit_test(turned_sound_is_a_quarter_later_and_what_is_beside_it_stays_in_its_place),
        cmocka_unit_test(a_limiter_holds_true_peaks_and_leaves_what_is_under_as_it_is),
        cmocka_unit_test(speech_is_found_and_tones_noise_and_silence_are_none),
        cmocka_unit_test(loudness_of_dialogue_is_that_of_the_spoken_parts_alone),
    };
    return RUN_TESTS(tests);
}
