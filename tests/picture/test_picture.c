#include "test.h"

#include "picture/measure.h"

static uint32_t state = 1;
static uint32_t dice(uint32_t of)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % of;
}

// ---- rows against plain loops

enum { MOST = 2000 };
static uint16_t a[MOST + 8], b[MOST + 8], c[MOST + 8], d[MOST + 8];

static void fill(void)
{
    for (int i = 0; i < MOST + 8; i++) {
        a[i] = (uint16_t)dice(1024), b[i] = (uint16_t)dice(1024);
        c[i] = (uint16_t)(dice(3) ? a[i] + dice(60) - 30 * (a[i] > 30) : dice(1024)) & 1023;
        d[i] = (uint16_t)dice(1024);
    }
}

static int64_t size(int64_t v)
{
    return v < 0 ? -v : v;
}

static void one_width(const struct rows *r, int n)
{
    uint16_t sum[MOST], change[MOST], lit[MOST], to[MOST], as[MOST];
    uint8_t bytes[MOST];
    int64_t distance = 0, weave = 0, comb = 0, above = 0, outside = 0;
    const int16_t matrix[4] = {12613, -1500, -3749, 14862};
    for (int i = 0; i < n; i++) {
        sum[i] = change[i] = lit[i] = (uint16_t)i;
        bytes[i] = (uint8_t)dice(256);
        distance += size(a[i] - b[i]);
        weave += size(2 * a[i] - b[i] - c[i]);
        above += a[i] > 500;
        bool stands =
            (a[i] > b[i] + 40 && a[i] > c[i] + 40) || (a[i] + 40 < b[i] && a[i] + 40 < c[i]);
        comb += stands && size(a[i] - d[i]) > 40;
        int u = b[i] - 512, v = c[i] - 512;
        int red = a[i] + (v * 8 * matrix[0] >> 16), blue = a[i] + (u * 8 * matrix[3] >> 16);
        int green = a[i] + (u * 8 * matrix[1] >> 16) + (v * 8 * matrix[2] >> 16);
        bool bad = a[i] < 20 || a[i] > 984;
        bad = bad || red < 20 || red > 984 || green < 20 || green > 984 || blue < 20 || blue > 984;
        outside += bad;
    }
    assert_int_equal(r->distance(a, b, n), distance);
    assert_int_equal(r->weave(a, b, c, n), weave);
    assert_int_equal(r->above(a, n, 500), above);
    assert_int_equal(r->comb(a, b, c, d, n, 40), comb);
    assert_int_equal(r->outside(a, b, c, n, matrix, 20, 984), outside);
    r->columns(a, b, n, 84, sum, change, lit);
    for (int i = 0; i < n; i++) {
        assert_int_equal(sum[i], (uint16_t)(i + a[i]));
        assert_int_equal(change[i], (uint16_t)(i + size(a[i] - b[i])));
        assert_int_equal(lit[i], (uint16_t)(i + (a[i] > 84)));
    }
    r->widen8(bytes, to, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(to[i], bytes[i] * 4);
    r->widen16(a, to, n, 12);
    for (int i = 0; i < n; i++)
        assert_int_equal(to[i], a[i] >> 2);
    r->widen16(a, to, n, 9);
    for (int i = 0; i < n; i++)
        assert_int_equal(to[i], (a[i] & 511) << 1);
    r->mean(a, b, to, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(to[i], (a[i] + b[i] + 1) / 2);
    r->halve(a, b, to, n / 2);
    for (int i = 0; i < n / 2; i++)
        assert_int_equal(to[i], (a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1] + 2) / 4);
    for (int each = 4; each <= 8; each += 4) {
        r->fold(a, n / each, each, as);
        for (int i = 0; i < n / each; i++) {
            int all = 0;
            for (int k = 0; k < each; k++)
                all += a[i * each + k];
            assert_int_equal(as[i], all);
        }
    }
}

static void rows_with_and_without_avx2_are_what_plain_loops_say(void **state_)
{
    (void)state_;
    static const int widths[] = {16, 17, 31, 64, 255, 480, 511, 513, 720, 1920, 1999};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        fill();
        one_width(&rows_plain, widths[i]);
        if (rows_best() != &rows_plain)
            one_width(rows_best(), widths[i]);
    }
}

// ---- whole pictures

enum { W = 200, H = 120 };
struct canvas {
    int bits, chroma_x, chroma_y;
    uint16_t y[W * H], u[W * H], v[W * H];
    uint8_t bytes[3][W * H];
};

static void paint(struct canvas *k, int y, int u, int v)
{
    for (int i = 0; i < W * H; i++)
        k->y[i] = (uint16_t)y, k->u[i] = (uint16_t)u, k->v[i] = (uint16_t)v;
}

static struct picture_measure *open_for(const struct canvas *k, const struct rows *rows)
{
    return picture_measure_open(&(struct picture_shape){.width = W,
                                                        .height = H,
                                                        .bits = k->bits,
                                                        .chroma_x = k->chroma_x,
                                                        .chroma_y = k->chroma_y,
                                                        .second = 25,
                                                        .rows = rows});
}

static struct measure_frame show(struct picture_measure *p, struct canvas *k)
{
    struct measure_frame f = {0};
    struct picture_view v = {{(uint8_t *)k->y, (uint8_t *)k->u, (uint8_t *)k->v},
                             {W * 2, W * 2, W * 2}};
    if (k->bits == 8) {
        uint16_t *planes[3] = {k->y, k->u, k->v};
        for (int i = 0; i < 3; i++) {
            for (int n = 0; n < W * H; n++)
                k->bytes[i][n] = (uint8_t)planes[i][n];
            v.plane[i] = k->bytes[i], v.stride_bytes[i] = W;
        }
    }
    picture_measure_frame(p, &v, &f);
    return f;
}

static void noise(struct canvas *k, int most)
{
    for (int i = 0; i < W * H; i++)
        k->y[i] = (uint16_t)(200 + dice((uint32_t)most));
}

static void every_depth_and_chroma_gives_the_same_numbers_for_the_same_picture(void **state_)
{
    (void)state_;
    static const int shapes[][3] = {{8, 1, 1}, {10, 1, 0}, {12, 0, 0}, {10, 1, 1}, {16, 0, 0}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct canvas *k = calloc(1, sizeof(*k));
        *k = (struct canvas){
            .bits = shapes[i][0], .chroma_x = shapes[i][1], .chroma_y = shapes[i][2]};
        int up = k->bits - 8;
        struct picture_measure *p = open_for(k, NULL);
        paint(k, 100 << up, 128 << up, 128 << up);
        struct measure_frame f = show(p, k);
        assert_int_equal(f.mean, 400 * 16);
        assert_int_equal(f.lit, 10000);
        assert_int_equal(f.change, 0);
        paint(k, 101 << up, 128 << up, 128 << up);
        f = show(p, k);
        assert_int_equal(f.change, 4000);
        assert_int_equal(f.cell_change, 4000);
        assert_int_equal(f.still, 0);
        f = show(p, k);
        assert_int_equal(f.change, 0);
        assert_int_equal(f.still, 10000);
        assert_int_equal(f.outside, 0);
        paint(k, 250 << up, 128 << up, 128 << up); // above 246
        f = show(p, k);
        assert_int_equal(f.outside, 10000);
        picture_measure_close(p);
        free(k);
    }
}

static void the_two_builds_measure_noise_to_the_bit_alike(void **state_)
{
    (void)state_;
    struct canvas *k = calloc(1, sizeof(*k));
    *k = (struct canvas){.bits = 10, .chroma_x = 1};
    struct picture_measure *p = open_for(k, &rows_plain), *q = open_for(k, rows_best());
    paint(k, 0, 512, 512);
    for (int i = 0; i < 20; i++) {
        noise(k, 500);
        struct measure_frame f = show(p, k), g = show(q, k);
        assert_memory_equal(&f, &g, sizeof(f));
    }
    picture_measure_close(p);
    picture_measure_close(q);
    free(k);
}

static void bars_are_sure_only_with_a_picture_to_their_edge(void **state_)
{
    (void)state_;
    struct canvas *k = calloc(1, sizeof(*k));
    *k = (struct canvas){.bits = 10, .chroma_x = 1};
    struct picture_measure *p = open_for(k, NULL);
    paint(k, 400, 512, 512);
    for (int i = 0; i < W * 15; i++)
        k->y[i] = k->y[W * H - 1 - i] = 64;
    struct measure_frame f = show(p, k);
    assert_true(f.flags & MEASURE_BARS);
    assert_int_equal(f.top, 15);
    assert_int_equal(f.bottom, 15);
    assert_int_equal(f.left, 0);
    paint(k, 64, 512, 512);
    for (int y = 50; y < 60; y++) // a title on black
        for (int x = 80; x < 120; x++)
            k->y[y * W + x] = 900;
    f = show(p, k);
    assert_false(f.flags & MEASURE_BARS);
    picture_measure_close(p);
    free(k);
}

static void a_pixel_that_stays_is_found_and_stars_that_move_are_not(void **state_)
{
    (void)state_;
    struct canvas *k = calloc(1, sizeof(*k));
    *k = (struct canvas){.bits = 10, .chroma_x = 1};
    struct picture_measure *p = open_for(k, NULL);
    paint(k, 64, 512, 512);
    for (int i = 0; i < 300; i++) {
        for (int n = 0; n < W * H; n++)
            k->y[n] = (uint16_t)(150 + 100 * ((i / 12) % 4) + (n % W) / 2);
        for (int s = 0; s < 30; s++)
            k->y[dice(W * H)] = 900;
        k->y[40 * W + 60] = k->y[40 * W + 61] = k->y[41 * W + 60] = k->y[41 * W + 61] = 900;
        show(p, k);
    }
    struct picture_pixel found[4];
    assert_int_equal(picture_measure_pixels(p, found, 4), 1);
    assert_int_equal(found[0].x, 60);
    assert_int_equal(found[0].y, 40);
    picture_measure_close(p);
    free(k);
}

static void cells_turn_at_20_cd_and_only_when_the_darker_end_is_below_160(void **state_)
{
    (void)state_;
    struct canvas *k = calloc(1, sizeof(*k));
    *k = (struct canvas){.bits = 10, .chroma_x = 1};
    // luma of L cd/m2: 64 + 876 * (L / 200) ^ (1 / 2.4)
    static const struct {
        int low, high, turns;
    } cases[] = {
        {398, 555, 1}, // 20 to 50 cd/m2
        {398, 470, 0}, // 20 to 32
        {866, 940, 0}, // 162 to 200
        {820, 940, 1}, // 141 to 200
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture_measure *p = open_for(k, NULL);
        paint(k, cases[i].low, 512, 512);
        show(p, k);
        paint(k, cases[i].high, 512, 512);
        assert_int_equal(show(p, k).flash_up, cases[i].turns ? 10000 : 0);
        paint(k, cases[i].low, 512, 512);
        assert_int_equal(show(p, k).flash_down, cases[i].turns ? 10000 : 0);
        picture_measure_close(p);
    }
    free(k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_with_and_without_avx2_are_what_plain_loops_say),
        cmocka_unit_test(every_depth_and_chroma_gives_the_same_numbers_for_the_same_picture),
        cmocka_unit_test(the_two_builds_measure_noise_to_the_bit_alike),
        cmocka_unit_test(bars_are_sure_only_with_a_picture_to_their_edge),
        cmocka_unit_test(a_pixel_that_stays_is_found_and_stars_that_move_are_not),
        cmocka_unit_test(cells_turn_at_20_cd_and_only_when_the_darker_end_is_below_160),
    };
    return RUN_TESTS(tests);
}
