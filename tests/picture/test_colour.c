#include "test.h"

#include "formats/cdl/cdl.h"
#include "picture/colour.h"

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_that_stay_apart_become_a_table),
        cmocka_unit_test(what_mixes_channels_becomes_a_cube_whose_error_is_told),
        cmocka_unit_test(light_brighter_than_white_keeps_its_differences),
        cmocka_unit_test(rows_are_what_single_colours_are),
    };
    return RUN_TESTS(tests);
}
