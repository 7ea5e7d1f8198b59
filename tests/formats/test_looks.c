// Tables and decisions of colour. Known answers are worked out by hand from the specifications; the
// conformance test asks OpenColorIO and ffmpeg.
#include "test.h"

#include "formats/cdl/cdl.h"
#include "formats/lut/lut.h"

#include <math.h>

static struct lut cube_of(const char *words)
{
    struct lut l;
    struct error err;
    if (!lut_read(text_of(words), &l, &err))
        fail_msg("%s: %s", err.what, err.why);
    return l;
}

static void near(const float got[3], float r, float g, float b)
{
    const float wanted[3] = {r, g, b};
    for (int c = 0; c < 3; c++)
        if (fabsf(got[c] - wanted[c]) > 2e-6f)
            fail_msg("channel %d is %.7f, not %.7f", c, (double)got[c], (double)wanted[c]);
}

static void a_cube_of_two_steps_weighs_the_corners_of_a_tetrahedron(void **state)
{
    (void)state;
    // The corner of red and green has 0.5 more blue than the plane would.
    struct lut l =
        cube_of("LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 .5\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n");
    float out[3];
    lut_apply(&l, (const float[3]){.75f, .5f, .25f}, out);
    near(out, .75f, .5f, .375f); // .25 of (1,1,.5) and .25 of white
    lut_apply(&l, (const float[3]){.25f, .25f, .25f}, out);
    near(out, .25f, .25f, .25f); // the diagonal
    lut_apply(&l, (const float[3]){2, -1, .5f}, out);
    near(out, 1, 0, .5f);
    lut_free(&l);
}

static void a_table_before_a_cube_is_gone_through_first(void **state)
{
    (void)state;
    struct lut l =
        cube_of("\xef\xbb\xbfTITLE \"shaper\"\r\nLUT_1D_SIZE 3\r\nLUT_1D_INPUT_RANGE -1 1\r\n"
                "LUT_3D_SIZE 2\r\n0 0 0\r\n.25 .25 .25\r\n1 1 1\r\n0 0 0\r\n.5 0 0\r\n0 .5 0"
                "\r\n.5 .5 0\r\n0 0 .5\r\n.5 0 .5\r\n0 .5 .5\r\n.5 .5 .5\r\n");
    float out[3];
    assert_string_equal(l.title, "shaper");
    lut_apply(&l, (const float[3]){-1, 0, 1}, out);
    near(out, 0, .125f, .5f);
    lut_apply(&l, (const float[3]){-.5f, .5f, 3}, out);
    near(out, .0625f, .3125f, .5f);
    lut_free(&l);
}

static void a_domain_of_each_channel_counts(void **state)
{
    (void)state;
    struct lut l = cube_of("LUT_1D_SIZE 2\n0 0 0\n1 1 1\nDOMAIN_MIN 0 -1 .5\nDOMAIN_MAX 2 1 1\n");
    float out[3];
    lut_apply(&l, (const float[3]){.5f, .5f, .75f}, out);
    near(out, .25f, .75f, .5f);
    lut_free(&l);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *words, *why;
        enum error_kind kind;
    } cases[] = {
        {"", "it holds no numbers", ERROR_INPUT},
        {"LUT_3D_SIZE 2\n0 0 0\n1 0\n", "line 3: 3 numbers are wanted here, there are 2",
         ERROR_INPUT},
        {"0 0 0\n", "line 1: numbers come before LUT_1D_SIZE or LUT_3D_SIZE", ERROR_INPUT},
        {"LUT_1D_SIZE 2\n0 0 0\n1 1 x\n", "line 3: 'x' is no number", ERROR_INPUT},
        {"LUT_1D_SIZE 2\n0 0 0\n1 1 nan\n", "line 3: 'nan' is no number", ERROR_INPUT},
        {"LUT_1D_SIZE 2\n0 0 0\n1 1 1\n1 1 1\n", "line 4: there are more than 2 rows", ERROR_INPUT},
        {"LUT_3D_SIZE 3\n0 0 0\n", "line 2: it ends after 1 rows, 27 are wanted", ERROR_INPUT},
        {"LUT_3D_SIZE 1000\n", "line 1: its size is 1000, at most 129 can be used", ERROR_TOO_BIG},
        {"LUT_3D_SIZE 1\n", "line 1: a table has at least 2 entries", ERROR_INPUT},
        {"LUT_1D_SIZE 2\nLUT_1D_SIZE 2\n", "line 2: the size is said twice", ERROR_INPUT},
        {"LUT_1D_SIZE 2\nDOMAIN_MIN 1 1 1\n0 0 0\n1 1 1\n", "the domain ends before it begins",
         ERROR_INPUT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lut l;
        struct error err;
        assert_false(lut_read(text_of(cases[i].words), &l, &err));
        assert_string_equal(err.why, cases[i].why);
        assert_int_equal(err.kind, cases[i].kind);
    }
}

static void our_own_form_keeps_every_bit(void **state)
{
    (void)state;
    struct lut a, b;
    struct error err;
    struct buf to = BUF_LIMIT(1 << 20);
    assert_true(lut_make(&a, 7, 5, &err));
    a.scale = LUT_LOG;
    a.at3[17] = 0.1f;
    strcpy(a.title, "Größe");
    assert_true(lut_pack(&a, &to, &err));
    assert_true(lut_unpack((text){to.at, to.size}, &b, &err));
    assert_memory_equal(a.at3, b.at3, 125 * 12);
    assert_memory_equal(a.at1, b.at1, 7 * 12);
    assert_string_equal(b.title, "Größe");
    assert_int_equal(b.scale, LUT_LOG);
    lut_free(&b);
    assert_false(lut_unpack((text){to.at, to.size - 1}, &b, &err));
    assert_int_equal(err.kind, ERROR_DAMAGED);
    lut_free(&a);
    buf_free(&to);
}

static void light_is_scaled_and_back(void **state)
{
    (void)state;
    assert_true(fabsf(lut_scale_of(0)) < 1e-6f);
    assert_true(lut_scale_of(300) == 1 && lut_scale_of(-1) == 0);
    for (float v = 0.0001f; v < 250; v *= 1.7f)
        assert_true(fabsf(lut_unscale_of(lut_scale_of(v)) / v - 1) < 0.003f);
}

static struct cdl_list list_of(const char *words)
{
    struct cdl_list list;
    struct error err;
    if (!cdl_read("given", text_of(words), &list, &err))
        fail_msg("%s: %s", err.what, err.why);
    return list;
}

#define CC                                                                                         \
    "<ColorCorrection id='A001C003'><SOPNode><Slope>1.1 1 0.9</Slope><Offset>0.01 0 "              \
    "-0.02</Offset>"                                                                               \
    "<Power>1 1.2 0.8</Power></SOPNode><SatNode><Saturation>0.85</Saturation></SatNode>"           \
    "</ColorCorrection>"

static void a_correction_is_the_same_in_each_of_its_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {
        CC,
        "<ColorCorrectionCollection xmlns='urn:ASC:CDL:v1.2'>" CC "</ColorCorrectionCollection>",
        "<ColorDecisionList xmlns='urn:ASC:CDL:v1.01'><ColorDecision>" CC
        "</ColorDecision></ColorDecisionList>",
        "TITLE: x\n001  A001 V C 01:00:00:00 01:00:02:00 00:00:00:00 00:00:02:00\n* FROM CLIP "
        "NAME: "
        "A001C003.mov\n*ASC_SOP (1.1 1 0.9)(0.01 0 -0.02)(1 1.2 0.8)\n* ASC_SAT 0.85\n",
        "Heading\nFPS\t24\n\nColumn\nName\tTape\tASC_SOP\tASC_SAT\n\nData\n"
        "A001C003\tA001\t(1.1 1 0.9) (0.01 0 -0.02) (1 1.2 0.8)\t0.85\n"};
    for (size_t i = 0; i < 5; i++) {
        struct cdl_list list = list_of(forms[i]);
        const struct cdl *c = cdl_find(&list, "a001c003");
        assert_non_null(c);
        assert_true(c->slope[0] == 1.1 && c->offset[2] == -.02 && c->power[1] == 1.2);
        assert_true(c->saturation == .85);
        assert_ptr_equal(cdl_find(&list, ""), &list.at[0]);
        assert_null(cdl_find(&list, "B"));
        float out[3];
        cdl_apply(c, (const float[3]){.5f, .4f, .3f}, out);
        // (0.560000, 0.333021, 0.329877) before saturation; luma 0.381050
        near(out, 0.5331575f, 0.3402256f, 0.3375529f);
        cdl_list_free(&list);
    }
}

static void what_is_no_correction_is_said_with_its_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "there is no correction in it"},
        {"<a/>", "line 1: the XML is neither ColorDecisionList, ColorCorrectionCollection nor "
                 "ColorCorrection"},
        {"<ColorCorrection>\n<SOPNode>\n<Slope>1 1</Slope></SOPNode></ColorCorrection>",
         "line 3: Slope wants three numbers"},
        {"<ColorCorrection><SOPNode><Power>1 0 1</Power></SOPNode></ColorCorrection>",
         "line 1: a power is not above 0: 0"},
        {"001 A V C\n*ASC_SOP (1 1 1)(0 0 0)\n",
         "line 2: ASC_SOP wants (slope)(offset)(power), three numbers each"},
        {"001 A V C\n*ASC_SAT -1\n", "line 2: the saturation is below 0: -1"},
        {"Heading\n\nColumn\nName\tTape\n\nData\na\tb\n",
         "line 4: the ALE has no column ASC_SOP or ASC_SAT"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cdl_list list;
        struct error err;
        assert_false(cdl_read("given", text_of(cases[i][0]), &list, &err));
        assert_string_equal(err.why, cases[i][1]);
    }
    struct cdl_list list;
    struct error err;
    assert_false(
        cdl_read("a.cc", text_of("<!DOCTYPE x [<!ENTITY a 'b'>]><ColorCorrection/>"), &list, &err));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cube_of_two_steps_weighs_the_corners_of_a_tetrahedron),
        cmocka_unit_test(a_table_before_a_cube_is_gone_through_first),
        cmocka_unit_test(a_domain_of_each_channel_counts),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(our_own_form_keeps_every_bit),
        cmocka_unit_test(light_is_scaled_and_back),
        cmocka_unit_test(a_correction_is_the_same_in_each_of_its_forms),
        cmocka_unit_test(what_is_no_correction_is_said_with_its_line),
    };
    return RUN_TESTS(tests);
}
