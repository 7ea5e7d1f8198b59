#include "test.h"

#include "formats/cdl/cdl.h"
#include "picture/colour_inside.h"

#include <math.h>

static const struct cdl warm = {
    .slope = {1.2, 1, .9}, .offset = {.02, 0, -.03}, .power = {1, 1.1, .9}, .saturation = 1};

static void grade(void *context, float *rgb, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cdl_apply(context, rgb + i * 3, rgb + i * 3);
}

// Light as a screen shows it, with a knee: smooth, and the channels meet.
static void show(void *context, float *rgb, size_t count)
{
    (void)context;
    for (size_t i = 0; i < count; i++, rgb += 3) {
        float y = .2126f * rgb[0] + .7152f * rgb[1] + .0722f * rgb[2];
        for (int c = 0; c < 3; c++) {
            float v = fmaxf(.9f * rgb[c] + .1f * y, 0);
            rgb[c] = powf(v / (1 + v), 1 / 2.4f);
        }
    }
}

static void channels_that_stay_apart_become_a_table(void **state)
{
    (void)state;
    struct cdl c = warm;
    struct lut l;
    struct colour_baked how;
    struct error err;
    assert_true(colour_bake(grade, &c, false, &l, &how, &err));
    assert_int_equal(l.size3, 0);
    assert_true(how.most < 1.0 / 1000);
    lut_free(&l);
}

static void what_mixes_channels_becomes_a_cube_whose_error_is_told(void **state)
{
    (void)state;
    struct cdl c = warm;
    struct lut l;
    struct colour_baked how;
    struct error err;
    c.saturation = .7;
    assert_true(colour_bake(grade, &c, false, &l, &how, &err));
    assert_true(l.size3 == 33 || l.size3 == 65);
    assert_int_equal(l.size1, 0);
    assert_true(how.most > 0 && how.most < 1.0 / 100 && how.mean < 1.0 / 2000);
    lut_free(&l);
}

static void light_brighter_than_white_keeps_its_differences(void **state)
{
    (void)state;
    struct lut l;
    struct colour_baked how;
    struct error err;
    assert_true(colour_bake(show, NULL, true, &l, &how, &err));
    assert_int_equal(l.scale, LUT_LOG);
    assert_true(how.most < 1.0 / 200);
    struct colour *c = colour_open(&l);
    assert_non_null(c);
    float r[5] = {0, .18f, 1, 8, 100}, right[15];
    uint8_t out[15];
    for (int i = 0; i < 5; i++)
        right[i * 3] = right[i * 3 + 1] = right[i * 3 + 2] = r[i];
    show(NULL, right, 5);
    colour_row_light(c, (const float *const[3]){r, r, r}, out, 5);
    for (int i = 0; i < 15; i++)
        assert_true(fabsf((float)out[i] - right[i] * 255) < 1.6f);
    colour_close(c);
    lut_free(&l);
}

// Rows are made by another way than single colours: both agree to the last of eight bits.
static void rows_are_what_single_colours_are(void **state)
{
    (void)state;
    struct error err;
    uint16_t from[3 * 4096];
    uint8_t out[3 * 4096];
    uint32_t seed = 7;
    for (int kind = 0; kind < 4; kind++) {
        struct lut l;
        assert_true(lut_make(&l, kind & 1 ? 33 : 0, kind & 2 || !kind ? 9 : 0, &err));
        for (size_t i = 0; i < l.size1 * 3; i++)
            l.at1[i] = sqrtf(l.at1[i]);
        for (size_t i = 0; i < l.size3 * l.size3 * l.size3 * 3; i++)
            l.at3[i] =
                l.at3[i] * .8f + .2f * (float)((seed = seed * 1664525u + 1013904223u) >> 24) / 255;
        if (l.size1)
            l.low1[0] = l.low1[1] = l.low1[2] = -.25f;
        struct colour *c = colour_open(&l);
        for (size_t i = 0; i < 3 * 4096; i++)
            from[i] = (uint16_t)((seed = seed * 1664525u + 1013904223u) >> 16);
        from[0] = from[1] = from[2] = 0, from[3] = from[4] = from[5] = 65535;
        colour_row(c, from, out, 4096);
        for (size_t i = 0; i < 4096; i++) {
            float v[3] = {(float)from[i * 3] / 65535, (float)from[i * 3 + 1] / 65535,
                          (float)from[i * 3 + 2] / 65535};
            lut_apply(&l, v, v);
            for (size_t k = 0; k < 3; k++)
                if (fabsf((float)out[i * 3 + k] - fminf(fmaxf(v[k], 0), 1) * 255) > .52f)
                    fail_msg("kind %d, colour %zu: %d, not %.3f", kind, i, out[i * 3 + k],
                             (double)v[k] * 255);
        }
        colour_close(c);
        lut_free(&l);
    }
}

// ---- Y'CbCr straight to Y'CbCr

enum { WIDE = 600 }; // more than are done at a time

struct two_lines { // as they are stored
    uint16_t wide[2][5][WIDE];
    uint8_t bytes[2][5][WIDE];
};

// Y', and of both lines of chroma Cb, Cr: at[i] and then far[i].
static void make_lines(const struct colour_codes *k, int most, bool far, struct two_lines *l,
                       struct colour_line lines[2])
{
    uint32_t seed = 11;
    for (int y = 0; y < 2; y++) {
        const void *at[5];
        for (int p = 0; p < 5; p++) {
            for (int x = 0; x < WIDE; x++) {
                l->wide[y][p][x] = (uint16_t)(((seed = seed * 1664525u + 1013904223u) >> 8) %
                                              (unsigned)(most + 1));
                l->bytes[y][p][x] = (uint8_t)l->wide[y][p][x];
            }
            at[p] = k->wide ? (void *)l->wide[y][p] : (void *)l->bytes[y][p];
        }
        lines[y] = (struct colour_line){.at = {at[0], at[1], at[2]}};
        if (far)
            lines[y].far[1] = at[3], lines[y].far[2] = at[4];
    }
}

static double within(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

// One pixel by the standards' equations, in doubles.
static void by_hand(const struct lut *lut, const struct colour_codes *k, const struct two_lines *l,
                    bool far, int y, int x, double rgb[3])
{
    int c = k->half ? x / 2 : x;
    double luma = (l->wide[y][0][x] - (double)k->black) * (double)k->per_luma, chroma[2];
    for (int i = 0; i < 2; i++) {
        double near = l->wide[y][1 + i][c], next = l->wide[y][3 + i][c];
        chroma[i] =
            ((far ? near * 0.75 + next * 0.25 : near) - (double)k->middle) * (double)k->per_chroma;
    }
    double red = (double)k->red, blue = (double)k->blue;
    double r = luma + 2 * (1 - red) * chroma[1], b = luma + 2 * (1 - blue) * chroma[0];
    double g = (luma - red * r - blue * b) / (1 - red - blue);
    float v[3] = {(float)within(r), (float)within(g), (float)within(b)};
    lut_apply(lut, v, v);
    for (int i = 0; i < 3; i++)
        rgb[i] = within((double)v[i]);
}

static double off_by(const uint8_t *at, double wanted)
{
    return fabs(*at - wanted);
}

static void pairs_are_right(const struct lut *lut, const struct colour_codes *k, int most, bool far,
                            bool full, const char *what)
{
    static struct two_lines l;
    struct colour_line lines[2];
    static uint8_t y[2][WIDE], cb[WIDE / 2], cr[WIDE / 2], other[3][WIDE];
    struct colour *c = colour_open(lut);
    make_lines(k, most, far, &l, lines);
    struct colour_pair to = {.y = {y[0], y[1]}, .cb = cb, .cr = cr, .full = full};
    colour_pair(c, k, lines, &to, WIDE);
    for (int x = 0; x < WIDE; x += 2) {
        double sum[3] = {0}, rgb[3], per = full ? 255 : 219, per_c = full ? 255 : 224;
        for (int i = 0; i < 4; i++) {
            by_hand(lut, k, &l, far, i / 2, x + i % 2, rgb);
            double luma = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
            if (off_by(&y[i / 2][x + i % 2], luma * per + (full ? 0 : 16)) > 0.53)
                fail_msg("%s: luma at %d", what, x);
            for (int n = 0; n < 3; n++)
                sum[n] += rgb[n] / 4;
        }
        double luma = 0.2126 * sum[0] + 0.7152 * sum[1] + 0.0722 * sum[2];
        if (off_by(&cb[x / 2], fmin((sum[2] - luma) / 1.8556 * per_c + 128, 255)) > 0.53 ||
            off_by(&cr[x / 2], fmin((sum[0] - luma) / 1.5748 * per_c + 128, 255)) > 0.53)
            fail_msg("%s: chroma at %d", what, x);
    }
    // Every machine makes the same.
    to = (struct colour_pair){
        .y = {other[0], other[1]}, .cb = other[2], .cr = other[2] + WIDE / 2, .full = full};
    colour_rows_plain.pair(c, k, lines, &to, WIDE);
    assert_memory_equal(other[0], y[0], WIDE);
    assert_memory_equal(other[1], y[1], WIDE);
    assert_memory_equal(other[2], cb, WIDE / 2);
    assert_memory_equal(other[2] + WIDE / 2, cr, WIDE / 2);
    colour_close(c);
}

static void code_values_go_straight_to_code_values(void **state)
{
    (void)state;
    struct error err;
    struct lut lut;
    uint32_t seed = 5;
    assert_true(lut_make(&lut, 33, 9, &err));
    for (size_t i = 0; i < lut.size1 * 3; i++)
        lut.at1[i] = sqrtf(lut.at1[i]);
    for (size_t i = 0; i < lut.size3 * lut.size3 * lut.size3 * 3; i++)
        lut.at3[i] =
            lut.at3[i] * .8f + .2f * (float)((seed = seed * 1664525u + 1013904223u) >> 24) / 255;
    static const struct {
        const char *what;
        int bits;
        bool half, far, full, full_out;
        float red, blue;
    } rows[] = {
        {"4:2:0, 8 bits, BT.709", 8, true, true, false, false, 0.2126f, 0.0722f},
        {"4:2:0, 8 bits, BT.601, full to full", 8, true, true, true, true, 0.299f, 0.114f},
        {"4:2:2, 10 bits, BT.709", 10, true, false, false, true, 0.2126f, 0.0722f},
        {"4:4:4, 12 bits, BT.2020", 12, false, false, false, false, 0.2627f, 0.0593f},
        {"4:4:4, 16 bits, full", 16, false, false, true, false, 0.2126f, 0.0722f},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        float one = (float)(1 << (rows[i].bits - 8)), all = (float)((1 << rows[i].bits) - 1);
        struct colour_codes k = {.wide = rows[i].bits > 8,
                                 .half = rows[i].half,
                                 .black = rows[i].full ? 0 : 16 * one,
                                 .per_luma = 1 / (rows[i].full ? all : 219 * one),
                                 .middle = 128 * one,
                                 .per_chroma = 1 / (rows[i].full ? all : 224 * one),
                                 .red = rows[i].red,
                                 .blue = rows[i].blue};
        pairs_are_right(&lut, &k, (1 << rows[i].bits) - 1, rows[i].far, rows[i].full_out,
                        rows[i].what);
    }
    lut_free(&lut);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_that_stay_apart_become_a_table),
        cmocka_unit_test(what_mixes_channels_becomes_a_cube_whose_error_is_told),
        cmocka_unit_test(light_brighter_than_white_keeps_its_differences),
        cmocka_unit_test(rows_are_what_single_colours_are),
        cmocka_unit_test(code_values_go_straight_to_code_values),
    };
    return RUN_TESTS(tests);
}
