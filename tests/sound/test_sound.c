// The signals are those that EBU Tech 3341 (table 1) and Tech 3342 (table 1) describe as sums of
// sines; the recordings among them can not be made here. libebur128 is the outside judge.
#include "test.h"

#include "sound/measure.h"

#define error ebur128_error // both have one
#include <ebur128.h>
#undef error
#include <math.h>

enum { RATE = 48000 };

struct part {
    double db[6]; // of each channel: L R C LFE Ls Rs; 0 of all: silence when silent
    double seconds;
};

static struct sound_measure *open_track(int channels, int rate, const struct lines *lines)
{
    static const double weights[6] = {1, 1, 1, 0, 1.41253754, 1.41253754};
    return sound_measure_open(&(struct sound_shape){channels, rate, {25, 1}, weights, lines});
}

static void add_sines(struct sound_measure *m, ebur128_state *judge, int channels, double hz,
                      double phase, const double *db, double seconds, int64_t *at)
{
    int64_t count = (int64_t)(seconds * RATE + 0.5);
    float *line[6] = {0}, *mixed = calloc((size_t)count * (size_t)channels + 1, sizeof(float));
    for (int c = 0; c < channels; c++) {
        line[c] = calloc((size_t)count + 1, sizeof(float));
        double level = db[c] > -150 ? pow(10, db[c] / 20) : 0;
        for (int64_t i = 0; i < count; i++)
            line[c][i] = mixed[i * channels + c] =
                (float)(level * sin(2 * M_PI * hz * (double)(*at + i) / RATE + phase));
    }
    sound_measure_add(m, (const float *const *)line, count);
    if (judge)
        ebur128_add_frames_float(judge, mixed, (size_t)count);
    for (int c = 0; c < channels; c++)
        free(line[c]);
    free(mixed);
    *at += count;
}

struct vector {
    const char *name;
    int channels;
    double integrated, range; // range < 0: not asked
    struct part parts[6];
};
#define BOTH(db, s)                                                                                \
    {                                                                                              \
        {db, db}, s                                                                                \
    }
static const struct vector vectors[] = {
    {"3341-1", 2, -23, -1, {BOTH(-23, 20)}},
    {"3341-2", 2, -33, -1, {BOTH(-33, 20)}},
    {"3341-3", 2, -23, -1, {BOTH(-36, 10), BOTH(-23, 60), BOTH(-36, 10)}},
    {"3341-4",
     2,
     -23,
     -1,
     {BOTH(-72, 10), BOTH(-36, 10), BOTH(-23, 60), BOTH(-36, 10), BOTH(-72, 10)}},
    {"3341-5", 2, -23, -1, {BOTH(-26, 20), BOTH(-20, 20.1), BOTH(-26, 20)}},
    {"3341-6", 6, -23, -1, {{{-28, -28, -24, -200, -30, -30}, 20}}},
    {"3342-1", 2, -200, 10, {BOTH(-20, 20), BOTH(-30, 20)}},
    {"3342-2", 2, -200, 5, {BOTH(-20, 20), BOTH(-15, 20)}},
    {"3342-3", 2, -200, 20, {BOTH(-40, 20), BOTH(-20, 20)}},
    {"3342-4",
     2,
     -200,
     15,
     {BOTH(-50, 20), BOTH(-35, 20), BOTH(-20, 20), BOTH(-35, 20), BOTH(-50, 20)}},
};

static void loudness_and_range_are_what_tech_3341_and_3342_ask(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        struct sound_measure *m = open_track(v->channels, RATE, NULL);
        ebur128_state *judge =
            ebur128_init((unsigned)v->channels, RATE, EBUR128_MODE_I | EBUR128_MODE_LRA);
        int64_t at = 0;
        if (v->channels == 6) {
            ebur128_set_channel(judge, 3, EBUR128_UNUSED);
            ebur128_set_channel(judge, 4, EBUR128_LEFT_SURROUND);
            ebur128_set_channel(judge, 5, EBUR128_RIGHT_SURROUND);
        }
        for (int k = 0; k < 6 && v->parts[k].seconds > 0; k++)
            add_sines(m, judge, v->channels, 1000, 0, v->parts[k].db, v->parts[k].seconds, &at);
        sound_measure_end(m);
        size_t count;
        const double *energy = sound_measure_energy(m, &count);
        struct loudness l = loudness_of(energy, count);
        double other, range;
        ebur128_loudness_global(judge, &other);
        ebur128_loudness_range(judge, &range);
        print_message("%s: %.2f LUFS (libebur128 %.2f), %.2f LU (%.2f)\n", v->name, l.integrated,
                      other, l.range, range);
        assert_true(fabs(l.integrated - other) < 0.05);
        if (v->integrated > -100)
            assert_true(fabs(l.integrated - v->integrated) <= 0.1);
        if (v->range >= 0)
            assert_true(fabs(l.range - v->range) <= 1);
        ebur128_destroy(&judge);
        sound_measure_close(m);
    }
}

// Tech 3341, 9 and 12: levels that turn within the windows of short-term and momentary loudness.
static void short_term_and_momentary_loudness_are_what_tech_3341_asks(void **state)
{
    (void)state;
    struct sound_measure *m = open_track(2, RATE, NULL);
    int64_t at = 0;
    size_t count;
    for (int i = 0; i < 5; i++) {
        add_sines(m, NULL, 2, 1000, 0, (double[]){-20, -20}, 1.34, &at);
        add_sines(m, NULL, 2, 1000, 0, (double[]){-30, -30}, 1.66, &at);
    }
    sound_measure_end(m);
    const double *energy = sound_measure_energy(m, &count);
    struct loudness l = loudness_of(energy, count);
    print_message("3341-9: %.3f LUFS short-term\n", l.short_term);
    assert_true(fabs(l.short_term + 23) <= 0.1);
    sound_measure_close(m);
    m = open_track(2, RATE, NULL), at = 0;
    for (int i = 0; i < 25; i++) {
        add_sines(m, NULL, 2, 1000, 0, (double[]){-20, -20}, 0.18, &at);
        add_sines(m, NULL, 2, 1000, 0, (double[]){-30, -30}, 0.22, &at);
    }
    sound_measure_end(m);
    energy = sound_measure_energy(m, &count);
    l = loudness_of(energy, count);
    assert_true(fabs(l.momentary + 23) <= 0.1);
    sound_measure_close(m);
}

// Tech 3341, 15 to 19: sines of a part of the sample rate whose peaks lie between samples.
static void true_peaks_are_what_tech_3341_asks(void **state)
{
    (void)state;
    static const struct {
        double hz, phase, level, dbtp;
    } cases[] = {
        {12000, 0, 0.5, -6},   {12000, 45, 0.5, -6}, {8000, 60, 0.5, -6},
        {6000, 67.5, 0.5, -6}, {12000, 45, 1.41, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sound_measure *m = open_track(2, RATE, NULL);
        int64_t at = 0;
        double db = 20 * log10(cases[i].level);
        add_sines(m, NULL, 2, cases[i].hz, cases[i].phase * M_PI / 180, (double[]){db, db}, 2, &at);
        sound_measure_end(m);
        struct measure_track t = sound_measure_track(m);
        // The first and the last window hold where the sine is cut off.
        int most = MEASURE_SILENT;
        for (int64_t k = 2; k + 2 < t.windows * 2 - 2; k++)
            most = t.at[k].true_peak > most ? t.at[k].true_peak : most;
        print_message("%.0f Hz: %.2f dBTP\n", cases[i].hz, most / 100.0);
        assert_true(most / 100.0 <= cases[i].dbtp + 0.2 && most / 100.0 >= cases[i].dbtp - 0.4);
        sound_measure_close(m);
    }
}

static uint32_t dice_state = 7;
static float dice(void)
{
    dice_state = dice_state * 1664525u + 1013904223u;
    return (float)(dice_state >> 8) / (1 << 23) - 1;
}

static void lines_with_and_without_avx2_say_the_same_to_the_bit(void **state)
{
    (void)state;
    struct sound_measure *m = open_track(6, RATE, &lines_plain),
                         *n = open_track(6, RATE, lines_best());
    float *line[6] = {0};
    for (int c = 0; c < 6; c++)
        line[c] = calloc(20011, sizeof(float));
    for (int turn = 0; turn < 10; turn++) {
        for (int c = 0; c < 6; c++)
            for (int i = 0; i < 20011; i++)
                line[c][i] = dice() * (turn % 3 ? 0.7f : 1.2f);
        sound_measure_add(m, (const float *const *)line, 20011);
        sound_measure_add(n, (const float *const *)line, 20011);
    }
    sound_measure_end(m), sound_measure_end(n);
    struct measure_track a = sound_measure_track(m), b = sound_measure_track(n);
    assert_int_equal(a.windows, b.windows);
    assert_memory_equal(a.at, b.at, (size_t)a.windows * 6 * sizeof(*a.at));
    size_t x, y;
    const double *e = sound_measure_energy(m, &x), *f = sound_measure_energy(n, &y);
    assert_int_equal(x, y);
    assert_memory_equal(e, f, x * sizeof(*e));
    for (int c = 0; c < 6; c++)
        free(line[c]);
    sound_measure_close(m), sound_measure_close(n);
}

// What is measured does not depend on the pieces in which it comes.
static void pieces_of_any_size_give_the_same(void **state)
{
    (void)state;
    enum { ALL = 100000 };
    float *line = calloc(ALL, sizeof(float));
    for (int i = 0; i < ALL; i++)
        line[i] = i > 30000 && i < 30200 ? 0 : 0.3f * (float)sin(i * 0.05);
    line[50000] = 0.9f;
    struct sound_measure *m = open_track(1, RATE, NULL), *n = open_track(1, RATE, NULL);
    const float *at = line;
    sound_measure_add(m, &at, ALL);
    for (int i = 0; i < ALL; i += 777) {
        at = line + i;
        sound_measure_add(n, &at, ALL - i < 777 ? ALL - i : 777);
    }
    sound_measure_end(m), sound_measure_end(n);
    struct measure_track a = sound_measure_track(m), b = sound_measure_track(n);
    assert_int_equal(a.windows, 53); // 52.08 frames
    assert_int_equal(b.windows, 53);
    assert_memory_equal(a.at, b.at, 53 * sizeof(*a.at));
    assert_int_equal(sound_measure_samples(m), ALL);
    assert_true(a.at[50000 / 1920].click > 100);
    assert_int_equal(a.at[30001 / 1920].zeros, 199);
    for (int i = 1; i < 52; i++)
        assert_true(i == 50000 / 1920 || i == 30001 / 1920 || i == 30200 / 1920 ||
                    (a.at[i].click < 5 && !a.at[i].zeros));
    free(line);
    sound_measure_close(m), sound_measure_close(n);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loudness_and_range_are_what_tech_3341_and_3342_ask),
        cmocka_unit_test(short_term_and_momentary_loudness_are_what_tech_3341_asks),
        cmocka_unit_test(true_peaks_are_what_tech_3341_asks),
        cmocka_unit_test(lines_with_and_without_avx2_say_the_same_to_the_bit),
        cmocka_unit_test(pieces_of_any_size_give_the_same),
    };
    return RUN_TESTS(tests);
}
